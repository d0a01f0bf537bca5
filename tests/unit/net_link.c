/* net_link - a connection in the clear: messages, pings, ends, and bytes that are none. */

#include "base/hr.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/link.h"
#include "tap.h"

static struct hr_err e = HR_ERR_INIT;

static void
pair(struct hr_link *a, struct hr_link *b)
{
	int fd[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd) < 0)
		abort();
	hr_link_open(a, fd[0], NULL, "a");
	hr_link_open(b, fd[1], NULL, "b");
	a->most = b->most = HR_WIRE_MOST;
}

/* What is there is read, and the next message: as hr_link_next(). */
static int
next(struct hr_link *l, struct hr_wire *m)
{
	return hr_link_read(l, &e) < 0 ? -1 : hr_link_next(l, m, &e);
}

static void
messages(void)
{
	struct hr_link a, b;
	struct hr_wire m;

	pair(&a, &b);
	ok(hr_link_shake(&a, &e) == 0, "in the clear there is no handshake");
	ok(next(&b, &m) == 0 && !b.ended, "nothing came");
	ok(hr_link_events(&a, true) == POLLIN && hr_link_events(&a, false) == 0, "nothing is to be written");
	hr_link_put(&a, HR_WIRE_HELLO, 0, "{}", 2);
	hr_link_put_placed(&a, HR_WIRE_DATA, 5, 9, "abc", 3);
	ok(hr_link_events(&a, false) == POLLOUT && hr_link_waiting(&a) == 2 * HR_WIRE_SIZE + 13, "two messages wait");
	ok(hr_link_write(&a, &e) == 0 && hr_link_waiting(&a) == 0, "they are written");
	ok(next(&b, &m) == 1 && m.kind == 'H' && m.len == 2 && memcmp(m.data, "{}", 2) == 0, "the first");
	ok(hr_link_has(&b), "another one is there");
	ok(hr_link_next(&b, &m, &e) == 1 && m.kind == 'D' && m.lane == 5 && m.len == 11 && hr_get_u64le(m.data) == 9 &&
	    memcmp(m.data + 8, "abc", 3) == 0, "the second, with its place");
	ok(!hr_link_has(&b) && hr_link_next(&b, &m, &e) == 0, "no third");
	ok(a.bytes_out == b.bytes_in, "both count the same");
	hr_link_close(&a);
	ok(next(&b, &m) == 0 && b.ended, "the end is seen");
	hr_link_close(&b);
}

/* A message that is lent, larger than a socket takes, between others. */
static void
lent(void)
{
	struct hr_buf message = HR_BUF_INIT;
	struct hr_link a, b;
	struct hr_wire m;
	size_t i, n = 3 * HR_LINK_GATHER;
	bool same = true;
	int got = 0, more = 0;

	pair(&a, &b);
	hr_buf_need(&message, HR_LINK_ROOM + n);
	message.len = HR_LINK_ROOM + n;
	for (i = 0; i < n; i++)
		message.data[HR_LINK_ROOM + i] = (uint8_t)(i * 7 >> 8);
	hr_link_put(&a, HR_WIRE_HELLO, 0, "{}", 2);
	hr_link_lend(&a, HR_WIRE_DATA, 5, 9, &message);
	ok(hr_link_lent(&a) && hr_link_waiting(&a) == 2 * HR_WIRE_SIZE + 10 + n, "a message lent waits behind another");
	ok(hr_link_write(&a, &e) == 0 && hr_link_lent(&a), "it is the link's until all is written");
	hr_link_put(&a, HR_WIRE_PING, 0, "12345678", 8);
	ok(next(&b, &m) == 1 && m.kind == HR_WIRE_HELLO, "what was before it comes first");
	while (more == 0 && hr_link_write(&a, &e) == 0)
		more = next(&b, &m);
	for (i = 0; more > 0 && i < n; i++)
		same &= m.data[8 + i] == (uint8_t)(i * 7 >> 8);
	ok(more > 0 && m.kind == HR_WIRE_DATA && m.lane == 5 && m.len == 8 + n && hr_get_u64le(m.data) == 9 && same, "then it");
	ok(!hr_link_lent(&a) && hr_link_waiting(&a) == 0, "it is its owner's again");
	for (i = 0; i < 100 && got == 0 && hr_link_waiting(&b) == 0; i++)
		got = next(&b, &m);
	ok(got == 0 && hr_link_waiting(&b) == HR_WIRE_SIZE + 8, "and what was put behind it is last");
	ok(a.bytes_out == b.bytes_in, "both count the same");
	hr_link_close(&a);
	hr_link_close(&b);
	hr_buf_clear(&message);
}

static void
pings(void)
{
	struct hr_link a, b;
	struct hr_wire m;
	int i;

	pair(&a, &b);
	ok(hr_link_alive(&a, 1000000, true, &e) == 0 && hr_link_waiting(&a) == 0, "who has just spoken says no ping");
	a.pinged -= HR_LINK_PING_US;
	ok(hr_link_alive(&a, 1000000, true, &e) == 0 && hr_link_write(&a, &e) == 0, "later it does");
	ok(next(&b, &m) == 0 && hr_link_waiting(&b) == HR_WIRE_SIZE + 8 && hr_link_write(&b, &e) == 0, "it is answered within");
	ok(next(&a, &m) == 0 && a.trip > 0, "and the time is measured");
	a.heard = hr_now_us() - 2000000;
	ok(hr_link_alive(&a, 1000000, false, &e) == 0, "who does not read does not count");
	a.heard = hr_now_us() - 2000000;
	ok(hr_link_alive(&a, 1000000, true, &e) < 0 && e.code == HR_TEMPORARY, "who is silent is gone");
	hr_err_clear(&e);
	for (i = 0; i < 200000; i++) {
		hr_link_put(&a, HR_WIRE_PING, 0, "12345678", 8);
		if (i % 1000 == 999 && (hr_link_write(&a, &e) < 0 || next(&b, &m) != 0))
			abort();
	}
	ok(hr_link_waiting(&b) <= HR_LINK_GATHER + HR_WIRE_SIZE + 8, "one that only pings is not answered without end");
	hr_link_close(&a);
	hr_link_close(&b);
}

static void
broken(void)
{
	static const char nonsense[] = "GET / HTTP/1.1\r\n";
	struct hr_link a, b;
	struct hr_wire m;

	pair(&a, &b);
	ok(send(a.fd, nonsense, sizeof(nonsense), 0) > 0 && next(&b, &m) < 0 && e.code == HR_BAD_STREAM, "what is no message");
	hr_err_clear(&e);
	hr_link_close(&a);
	hr_link_close(&b);
	pair(&a, &b);
	b.most = 3;
	hr_link_put(&a, HR_WIRE_HELLO, 0, "{  }", 4);
	ok(hr_link_write(&a, &e) == 0 && next(&b, &m) < 0 && e.code == HR_BAD_STREAM, "one that is too long for now");
	hr_err_clear(&e);
	hr_link_close(&a);
	hr_link_close(&b);
	pair(&a, &b);
	hr_link_put(&a, HR_WIRE_HELLO, 0, "{}", 2);
	ok(send(a.fd, a.out.data, HR_WIRE_SIZE + 1, 0) > 0 && next(&b, &m) == 0, "half of one waits");
	a.out.len = a.sent = 0;
	hr_link_close(&a);
	ok(next(&b, &m) < 0 && e.code == HR_TEMPORARY && b.ended, "for nothing, when it is cut there");
	hr_err_clear(&e);
	hr_link_put(&b, HR_WIRE_HELLO, 0, "{}", 2);
	ok(hr_link_write(&b, &e) < 0 && e.code == HR_TEMPORARY, "nothing can be written to who has gone");
	hr_err_clear(&e);
	hr_link_close(&b);
}

/* What was said last arrives, though not all that came was read. */
static void
linger(void)
{
	struct hr_link a, b;
	struct hr_wire m;

	pair(&a, &b);
	hr_link_put(&b, HR_WIRE_DATA, 0, "12345678unread", 14);
	hr_link_put(&a, HR_WIRE_ERROR, 0, "{}", 2);
	ok(hr_link_write(&b, &e) == 0 && hr_link_write(&a, &e) == 0 && hr_link_linger(&a), "the peer is there still");
	ok(next(&b, &m) == 1 && m.kind == 'X', "it hears why");
	ok(next(&b, &m) == 0 && b.ended, "and that it is over");
	hr_link_close(&b);
	ok(!hr_link_linger(&a), "the peer has gone");
	hr_link_close(&a);
}

int
main(void)
{
	messages();
	lent();
	pings();
	broken();
	linger();
	return tap_done();
}
