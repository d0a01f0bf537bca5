/*
 * proxy: a network that can be cut, for tests.
 *
 *	usage: proxy PORT-FILE TARGET-PORT
 *
 * Listens on a loopback port, which it writes to the file, and passes on what
 * comes to another.  A connection's bytes go up, to the target, and down.  It
 * is told by lines on standard input what to do, and ends with that:
 *
 *	cut		reset all connections
 *	fin		close them
 *	stall		pass nothing on, and close nothing
 *	go		pass on again
 *	cut-up N	cut the next connection when N bytes have gone up; cut-down
 *	flip-up N	change its byte N, from 0, on its way; flip-down
 *	watch		say when the next acknowledgement comes down
 *
 * cut, fin and go watch too.  In the clear an acknowledgement is a message 'A'
 * of hr-ship's, of which 'recovered MS' is written: so long after the command.
 * 'done' is written when a line has been obeyed.
 */

#include "base/hr.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"

#define PAIRS	2100
#define BYTES	65536

enum { UP, DOWN };

struct way {
	uint8_t data[BYTES];
	size_t len, at;
	uint64_t passed;
	int64_t cut, flip;		/* -1: not */
	bool ended, shut;
	/* where in hr-ship's messages */
	uint8_t fixed[12];
	size_t have, left;
};

static struct pair {
	int fd[2];			/* the client, the target */
	struct way *way[2];
} pair[PAIRS];
static int pairs;
static bool stalled;
static int64_t cut_next[2] = { -1, -1 }, flip_next[2] = { -1, -1 };
static int64_t watched;

static void
say(const char *what, int64_t n)
{
	if (n < 0)
		printf("%s\n", what);
	else
		printf("%s %" PRId64 "\n", what, n);
	fflush(stdout);
}

static int
loopback(int port, bool listening)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port),
	    .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if ((listening ? bind(fd, (struct sockaddr *)&a, sizeof(a)) : connect(fd, (struct sockaddr *)&a, sizeof(a))) < 0 ||
	    (listening && listen(fd, 512) < 0)) {
		close(fd);
		return -1;
	}
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}

static void
drop(int i, bool reset)
{
	struct linger now = { 1, 0 };
	int k;

	for (k = 0; k < 2; k++) {
		if (reset)
			setsockopt(pair[i].fd[k], SOL_SOCKET, SO_LINGER, &now, sizeof(now));
		close(pair[i].fd[k]);
		free(pair[i].way[k]);
	}
	pair[i] = pair[--pairs];
}

static void
admit(int listener, int port)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK), k;
	struct pair p = { .fd = { fd, -1 } };

	if (fd < 0)
		return;
	if (pairs == PAIRS || (p.fd[1] = loopback(port, false)) < 0) {
		close(fd);
		return;
	}
	for (k = 0; k < 2; k++) {
		p.way[k] = calloc(1, sizeof(*p.way[k]));
		p.way[k]->cut = cut_next[k];
		p.way[k]->flip = flip_next[k];
		cut_next[k] = flip_next[k] = -1;
	}
	pair[pairs++] = p;
}

/* Bytes that go down, as messages. */
static void
look(struct way *w, const uint8_t *at, size_t len)
{
	size_t n;

	while (len) {
		n = w->left ? w->left : sizeof(w->fixed) - w->have;
		n = n < len ? n : len;
		if (w->left)
			w->left -= n;
		else {
			memcpy(w->fixed + w->have, at, n);
			w->have += n;
			if (w->have == sizeof(w->fixed)) {
				w->have = 0;
				w->left = hr_get_u32le(w->fixed);
				if (w->fixed[4] == 'A' && watched) {
					say("recovered", (hr_now_us() - watched) / 1000);
					watched = 0;
				}
			}
		}
		at += n;
		len -= n;
	}
}

/* One way of a pair, as far as it goes.  false: it is cut. */
static bool
pass(struct pair *p, int k)
{
	struct way *w = p->way[k];
	size_t room;
	ssize_t n;

	for (;;) {
		if (w->at == w->len) {
			w->at = w->len = 0;
			if (w->ended) {
				if (!w->shut)
					shutdown(p->fd[!k], SHUT_WR);
				w->shut = true;
				return true;
			}
			room = BYTES;
			if (w->cut >= 0 && (uint64_t)w->cut - w->passed < room)
				room = (size_t)((uint64_t)w->cut - w->passed);
			if (room == 0)
				return false;
			n = recv(p->fd[k], w->data, room, 0);
			if (n < 0)
				return errno == EAGAIN || errno == EINTR;
			w->ended = n == 0;
			w->len = (size_t)n;
			if (w->flip >= 0 && (uint64_t)w->flip >= w->passed && (uint64_t)w->flip < w->passed + w->len)
				w->data[(uint64_t)w->flip - w->passed] ^= 0x10;
			w->passed += w->len;
		} else {
			n = send(p->fd[!k], w->data + w->at, w->len - w->at, MSG_NOSIGNAL);
			if (n < 0)
				return errno == EAGAIN || errno == EINTR;
			if (k == DOWN)
				look(w, w->data + w->at, (size_t)n);
			w->at += (size_t)n;
		}
	}
}

static void
obey(char *line)
{
	char *number = strchr(line, ' ');
	int64_t n = number ? strtoll(number, NULL, 10) : -1;
	int k = strstr(line, "-down") != NULL;

	if (strcmp(line, "cut") == 0 || strcmp(line, "fin") == 0)
		while (pairs)
			drop(pairs - 1, line[0] == 'c');
	else if (strncmp(line, "cut-", 4) == 0)
		cut_next[k] = n;
	else if (strncmp(line, "flip-", 5) == 0)
		flip_next[k] = n;
	else if (strcmp(line, "stall") == 0 || strcmp(line, "go") == 0)
		stalled = line[0] == 's';
	if (strchr("cfgw", line[0]) && !number && strcmp(line, "stall") != 0 && strncmp(line, "flip", 4) != 0)
		watched = hr_now_us();
	say("done", -1);
}

/* false: nobody tells us any more. */
static bool
told(void)
{
	static char text[4096];
	static size_t len;
	char *end;
	ssize_t n = read(STDIN_FILENO, text + len, sizeof(text) - len - 1);

	if (n <= 0)
		return n < 0 && errno == EINTR;
	len += (size_t)n;
	text[len] = '\0';
	while ((end = strchr(text, '\n'))) {
		*end++ = '\0';
		obey(text);
		len -= (size_t)(end - text);
		memmove(text, end, len + 1);
	}
	return true;
}

int
main(int argc, char *argv[])
{
	static struct pollfd p[2 + 2 * PAIRS];
	struct sockaddr_in a;
	socklen_t size = sizeof(a);
	int listener, i, k;
	bool good;
	FILE *f;

	if (argc != 3)
		return 64;
	signal(SIGPIPE, SIG_IGN);
	if ((listener = loopback(0, true)) < 0 || getsockname(listener, (struct sockaddr *)&a, &size) < 0 ||
	    (f = fopen(argv[1], "w")) == NULL || fprintf(f, "%d\n", ntohs(a.sin_port)) < 0 || fclose(f) != 0)
		return 74;
	for (;;) {
		p[0] = (struct pollfd){ STDIN_FILENO, POLLIN, 0 };
		p[1] = (struct pollfd){ listener, stalled ? 0 : POLLIN, 0 };
		for (i = 0; i < pairs; i++)
			for (k = 0; k < 2; k++) {
				const struct way *in = pair[i].way[k], *out = pair[i].way[!k];
				short events = (in->at == in->len && !in->ended ? POLLIN : 0) | (out->at < out->len ? POLLOUT : 0);

				p[2 + 2 * i + k] = (struct pollfd){ stalled || !events ? -1 : pair[i].fd[k], events, 0 };
			}
		if (poll(p, (nfds_t)(2 + 2 * pairs), -1) < 0 && errno != EINTR)
			return 74;
		for (i = pairs; !stalled && i-- > 0; ) {
			good = pass(&pair[i], UP) && pass(&pair[i], DOWN);
			if (!good || (pair[i].way[UP]->shut && pair[i].way[DOWN]->shut))
				drop(i, !good);
		}
		if (p[1].revents)
			admit(listener, atoi(argv[2]));
		if (p[0].revents && !told())
			return 0;
	}
}
