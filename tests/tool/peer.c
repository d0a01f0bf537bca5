/*
 * peer: one who does not behave, for tests of hr-ship.
 *
 *	usage: peer idle PORT COUNT	so many connections, silent until standard input ends
 *	       peer raw PORT		send standard input, print what comes until it is closed
 *	       peer deaf PORT FILE	send the stream in the file, and then read nothing,
 *					but go on talking, until standard input ends
 *	       peer say HELLO OPEN FILE	print, for raw, a hello, a lane's opening and a
 *					stream's frames: JSON, '-' for none; of an empty
 *					file a place without frames
 *	       peer receive PORT STEP...	a receiver for one connection:
 *					hello	wait for one, and say it
 *					open	wait for a lane
 *					stand	have nothing of it
 *					data	wait for frames
 *					begin	wait for the beginning of a large message of frames
 *					ack	have all up to these
 *					fail	the lane's reader has ended
 *					drain	read until the sender closes the connection
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
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "net/wire.h"
#include "stream/frame.h"

static int
dial(const char *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)),
	    .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0) {
		perror("peer: connect");
		exit(74);
	}
	return fd;
}

static void
wait_for_end(void)
{
	char c;

	while (read(STDIN_FILENO, &c, 1) > 0)
		;
}

static int
idle(const char *port, int count)
{
	struct rlimit l;

	getrlimit(RLIMIT_NOFILE, &l);
	l.rlim_cur = l.rlim_max;
	setrlimit(RLIMIT_NOFILE, &l);
	while (count--)
		dial(port);
	puts("idle");
	fflush(stdout);
	wait_for_end();
	return 0;
}

static int
raw(const char *port)
{
	struct pollfd p[2] = { { STDIN_FILENO, POLLIN, 0 }, { dial(port), POLLIN, 0 } };
	char bytes[65536];
	ssize_t n;

	for (;;) {
		if (poll(p, 2, -1) < 0)
			return 74;
		if (p[1].revents) {
			if ((n = read(p[1].fd, bytes, sizeof(bytes))) <= 0)
				return 0;
			(void)!write(STDOUT_FILENO, bytes, (size_t)n);
		} else if (p[0].revents) {
			if ((n = read(STDIN_FILENO, bytes, sizeof(bytes))) <= 0)
				p[0].fd = -1;
			else
				(void)!send(p[1].fd, bytes, (size_t)n, MSG_NOSIGNAL);
		}
	}
}

static void
message(struct hr_buf *b, enum hr_wire_kind kind, const void *data, size_t len)
{
	uint8_t fixed[HR_WIRE_SIZE];

	hr_wire_encode(fixed, kind, 0, (uint32_t)len);
	hr_buf_put(b, fixed, sizeof(fixed));
	hr_buf_put(b, data, len);
}

/* All of a stream's frames in one message. */
static void
stream(struct hr_buf *b, const char *path)
{
	struct hr_buf file = HR_BUF_INIT, m = HR_BUF_INIT;
	struct hr_err e = HR_ERR_INIT;

	if (hr_file_read(path, (size_t)1 << 30, &file, &e) < 0)
		exit(hr_finish(&e));
	hr_buf_u64le(&m, 7);
	if (file.len > 8)
		hr_buf_put(&m, file.data + 8, file.len - 8);	/* without the magic */
	message(b, HR_WIRE_DATA, m.data, m.len);
	hr_buf_clear(&m);
	hr_buf_clear(&file);
}

#define HELLO "{\"hr-ship\":1,\"role\":\"sender\"}"
#define OPEN "{\"session\":\"0123456789abcdef0123456789abcdef\",\"system\":\"7301234567890123456\"," \
	"\"timeline\":\"1\",\"epoch\":\"0\",\"database\":\"made\",\"slot\":\"made\"}"

static int
deaf(const char *port, const char *path)
{
	struct hr_buf b = HR_BUF_INIT;
	struct pollfd p = { STDIN_FILENO, POLLIN, 0 };
	uint64_t place = 7;
	int fd = dial(port);
	size_t at;
	ssize_t n;

	message(&b, HR_WIRE_HELLO, HELLO, strlen(HELLO));
	message(&b, HR_WIRE_OPEN, OPEN, strlen(OPEN));
	stream(&b, path);
	while (poll(&p, 1, 0) == 0) {
		for (at = 0; at < b.len; at += (size_t)n)
			if ((n = send(fd, b.data + at, b.len - at, MSG_NOSIGNAL)) < 0)
				return 0;
		hr_buf_reset(&b);
		while (b.len < 60000) {
			place++;
			message(&b, HR_WIRE_DATA, &place, 8);
			message(&b, HR_WIRE_PING, &place, 8);
		}
	}
	return 0;
}

static bool
get(int fd, void *to, size_t len)
{
	char *at = to;
	ssize_t n;

	for (; len; at += n, len -= (size_t)n)
		if ((n = read(fd, at, len)) <= 0)
			return false;
	return true;
}

static void
skip(int fd, size_t len)
{
	static char bytes[65536];
	size_t n;

	for (; len; len -= n)
		if (!get(fd, bytes, n = len < sizeof(bytes) ? len : sizeof(bytes)))
			exit(1);
}

/* The next message of a kind, the first bytes of its data with it; pings are not answered. */
static size_t
next(int fd, char kind, size_t least, uint8_t first[8])
{
	uint8_t fixed[HR_WIRE_SIZE];
	struct hr_err e = HR_ERR_INIT;
	struct hr_wire m;

	for (;;) {
		if (!get(fd, fixed, sizeof(fixed)) || hr_wire_decode(&m, fixed, HR_WIRE_MOST, &e) < 0)
			exit(1);
		if (m.kind == kind && m.len >= least)
			return get(fd, first, 8) ? m.len - 8 : 0;
		skip(fd, m.len);
	}
}

static void
say(int fd, enum hr_wire_kind kind, const void *data, size_t len)
{
	struct hr_buf b = HR_BUF_INIT;

	message(&b, kind, data, len);
	if (send(fd, b.data, b.len, MSG_NOSIGNAL) != (ssize_t)b.len)
		exit(1);
	hr_buf_clear(&b);
}

static int
receive(const char *port, char *step[])
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)),
	    .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1, fd;
	struct hr_lane_stand stand = { .fresh = true, .checkpoint = true };
	struct hr_hello hello = { .version = HR_WIRE_VERSION, .program = "peer" };
	struct hr_err why = HR_ERR_INIT;
	struct hr_buf b = HR_BUF_INIT;
	uint8_t place[8] = { 0 }, first[8];
	char rest[65536];

	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(listener, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(listener, 8) < 0 || (fd = accept(listener, NULL, NULL)) < 0) {
		perror("peer: listen");
		return 74;
	}
	close(listener);
	hr_fail(&why, HR_TEMPORARY, "its reader has gone");
	for (; *step; step++) {
		hr_buf_reset(&b);
		if (strcmp(*step, "hello") == 0) {
			skip(fd, next(fd, HR_WIRE_HELLO, 8, first));
			hr_hello_encode(&hello, &b);
			say(fd, HR_WIRE_HELLO, b.data, b.len);
		} else if (strcmp(*step, "open") == 0)
			skip(fd, next(fd, HR_WIRE_OPEN, 8, first));
		else if (strcmp(*step, "stand") == 0) {
			hr_lane_stand_encode(&stand, &b);
			say(fd, HR_WIRE_STAND, b.data, b.len);
		} else if (strcmp(*step, "data") == 0)
			skip(fd, next(fd, HR_WIRE_DATA, 8, place));
		else if (strcmp(*step, "begin") == 0)
			(void)next(fd, HR_WIRE_DATA, 16 << 20, place);
		else if (strcmp(*step, "ack") == 0)
			say(fd, HR_WIRE_ACK, place, sizeof(place));
		else if (strcmp(*step, "fail") == 0) {
			hr_wire_error_encode(&why, &b);
			say(fd, HR_WIRE_DONE, b.data, b.len);
		} else if (strcmp(*step, "drain") == 0)
			while (read(fd, rest, sizeof(rest)) > 0)
				;
		else
			return 64;
		printf("%s\n", *step);
		fflush(stdout);
	}
	return 0;
}

int
main(int argc, char *argv[])
{
	struct hr_buf b = HR_BUF_INIT;

	hr_name("peer");
	signal(SIGPIPE, SIG_IGN);
	if (argc == 4 && strcmp(argv[1], "idle") == 0)
		return idle(argv[2], atoi(argv[3]));
	if (argc == 3 && strcmp(argv[1], "raw") == 0)
		return raw(argv[2]);
	if (argc == 4 && strcmp(argv[1], "deaf") == 0)
		return deaf(argv[2], argv[3]);
	if (argc > 3 && strcmp(argv[1], "receive") == 0)
		return receive(argv[2], argv + 3);
	if (argc != 5 || strcmp(argv[1], "say") != 0)
		return 64;
	if (strcmp(argv[2], "-") != 0)
		message(&b, HR_WIRE_HELLO, argv[2], strlen(argv[2]));
	if (strcmp(argv[3], "-") != 0)
		message(&b, HR_WIRE_OPEN, argv[3], strlen(argv[3]));
	if (strcmp(argv[4], "-") != 0)
		stream(&b, argv[4]);
	return hr_file_write(STDOUT_FILENO, b.data, b.len) < 0 ? 74 : 0;
}
