/*
 * link: a network link between two namespaces, for kernels without netem.
 *
 *	usage: link [-d MS] [-l PERCENT] [-q BYTES] [-r BITS] [-s SEED] NETNS:TUN NETNS:TUN
 *
 * Each device is a TUN device that is there already.  What one namespace sends
 * comes out of the other's device: at BITS a second (100000000), MS (30) after
 * its last bit has gone; PERCENT of the packets (0) are lost, chosen by SEED.
 * A packet that finds more than BYTES (750000) before it is dropped.  The two
 * directions know nothing of each other.  A newline is written when packets
 * flow; SIGTERM ends it with a line for each direction: packets and bytes that
 * went in, and how many were lost and dropped.
 */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#define SLOTS	16384		/* packets on their way; more are dropped */
#define MOST	2048		/* bytes of one */

struct packet {
	int64_t due;
	size_t len;
	uint8_t bytes[MOST];
};

struct direction {
	int in, out;
	const char *name;
	uint64_t random;
	int64_t idle;			/* when the last bit of all that was taken has gone */
	struct packet *ring;
	size_t first, used;
	uint64_t packets, bytes, lost, dropped;
};

static double rate = 1e8, loss;
static int64_t delay = 30000000, queue = 750000;

static void
die(const char *what)
{
	fprintf(stderr, "link: error: %s: %s\n", what, strerror(errno));
	exit(74);
}

static int64_t
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* From 0 to 1. */
static double
chance(uint64_t *x)
{
	*x ^= *x >> 12;
	*x ^= *x << 25;
	*x ^= *x >> 27;
	return (double)((*x * UINT64_C(0x2545f4914f6cdd1d)) >> 11) / (double)(UINT64_C(1) << 53);
}

static int
open_device(char *at)
{
	struct ifreq r = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	char *name = strchr(at, ':'), path[256];
	int fd;

	if (name == NULL || strlen(name + 1) >= IFNAMSIZ) {
		fprintf(stderr, "link: error: '%s' is not NETNS:TUN\n", at);
		exit(64);
	}
	snprintf(path, sizeof(path), "/run/netns/%.*s", (int)(name - at), at);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET) < 0)
		die(path);
	close(fd);
	fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	memcpy(r.ifr_name, name + 1, strlen(name + 1));
	if (fd < 0 || ioctl(fd, TUNSETIFF, &r) < 0)
		die(at);
	return fd;
}

/* Take one packet: false when there is none. */
static int
take(struct direction *d)
{
	struct packet *p = &d->ring[(d->first + d->used) % SLOTS], spare;
	ssize_t n;
	int64_t t;

	if (d->used == SLOTS)
		p = &spare;
	n = read(d->in, p->bytes, sizeof(p->bytes));
	if (n <= 0)
		return 0;
	t = now();
	d->packets++;
	d->bytes += (uint64_t)n;
	if (d->idle < t)
		d->idle = t;
	if (chance(&d->random) < loss)
		d->lost++;
	else if (p == &spare || (double)(d->idle - t) * rate / 8e9 + (double)n > (double)queue)
		d->dropped++;
	else {
		d->idle += (int64_t)((double)n * 8e9 / rate);
		p->due = d->idle + delay;
		p->len = (size_t)n;
		d->used++;
	}
	return 1;
}

static void *
run(void *direction)
{
	struct direction *d = direction;
	struct sched_param first = { .sched_priority = 1 };
	struct pollfd p = { d->in, POLLIN, 0 };
	int64_t wait;
	int i;

	/* Whoever else is at work is no part of the link. */
	pthread_setschedparam(pthread_self(), SCHED_FIFO, &first);
	prctl(PR_SET_TIMERSLACK, 1L);
	for (;;) {
		while (d->used && d->ring[d->first].due <= now()) {
			struct packet *q = &d->ring[d->first];

			/* A device that is full or down is as a wire that ends there. */
			(void)!write(d->out, q->bytes, q->len);
			d->first = (d->first + 1) % SLOTS;
			d->used--;
		}
		for (i = 0; i < 64 && take(d); i++)
			;
		if (i == 64)
			continue;
		wait = d->used ? d->ring[d->first].due - now() : 1000000000;
		if (wait > 0) {
			struct timespec t = { wait / 1000000000, wait % 1000000000 };

			ppoll(&p, 1, &t, NULL);
		}
	}
	return NULL;
}

int
main(int argc, char *argv[])
{
	struct direction d[2] = { { .idle = 0 } };
	uint64_t seed = 1;
	pthread_t thread;
	sigset_t end;
	int ch, i, sig;

	while ((ch = getopt(argc, argv, "d:l:q:r:s:")) != -1)
		switch (ch) {
		case 'd': delay = (int64_t)(strtod(optarg, NULL) * 1e6); break;
		case 'l': loss = strtod(optarg, NULL) / 100; break;
		case 'q': queue = strtoll(optarg, NULL, 10); break;
		case 'r': rate = strtod(optarg, NULL); break;
		case 's': seed = strtoull(optarg, NULL, 10); break;
		default: return 64;
		}
	if (argc - optind != 2 || rate < 1 || queue < MOST) {
		fprintf(stderr, "usage: link [-d MS] [-l PERCENT] [-q BYTES] [-r BITS] [-s SEED] NETNS:TUN NETNS:TUN\n");
		return 64;
	}
	sigemptyset(&end);
	sigaddset(&end, SIGTERM);
	sigaddset(&end, SIGINT);
	pthread_sigmask(SIG_BLOCK, &end, NULL);
	for (i = 0; i < 2; i++) {
		d[i].name = argv[optind + i];
		d[i].in = d[!i].out = open_device(argv[optind + i]);
		d[i].random = (seed + (uint64_t)i + 1) * UINT64_C(0x9e3779b97f4a7c15);
		if ((d[i].ring = malloc(SLOTS * sizeof(*d[i].ring))) == NULL)
			die("memory");
	}
	for (i = 0; i < 2; i++)
		if ((errno = pthread_create(&thread, NULL, run, &d[i])) != 0)
			die("cannot start a thread");
	(void)!write(STDOUT_FILENO, "\n", 1);
	sigwait(&end, &sig);
	for (i = 0; i < 2; i++)
		fprintf(stderr, "link: from %s: %" PRIu64 " packets, %" PRIu64 " bytes, %" PRIu64 " lost, %" PRIu64
		    " dropped\n", d[i].name, d[i].packets, d[i].bytes, d[i].lost, d[i].dropped);
	return 0;
}
