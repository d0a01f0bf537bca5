/*
 * link.c - one connection.
 *
 * libssl may want to write in order to read and to read in order to write; its
 * wishes are kept beside our own.  What arrives is kept in one buffer, which
 * grows only by what has arrived.
 */

#include "base/hr.h"

#include <errno.h>
#include <openssl/err.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/link.h"
#include "net/tls.h"

#define READ_BYTES	((size_t)256 << 10)

void
hr_link_open(struct hr_link *l, int fd, SSL *ssl, const char *peer)
{
	*l = (struct hr_link){ .fd = fd, .ssl = ssl, .shaken = ssl == NULL, .more = true,
	    .most = HR_WIRE_FIRST };
	memccpy(l->peer, peer, 0, sizeof(l->peer) - 1);
	l->opened = l->heard = l->pinged = hr_now_us();
}

void
hr_link_close(struct hr_link *l)
{
	if (l->ssl && l->shaken && !l->shut)
		SSL_shutdown(l->ssl);
	ERR_clear_error();
	SSL_free(l->ssl);
	if (l->fd >= 0)
		close(l->fd);
	hr_buf_clear(&l->in);
	hr_buf_clear(&l->out);
	*l = (struct hr_link){ .fd = -1 };
}

short
hr_link_events(const struct hr_link *l, bool reading)
{
	short events = 0;

	if (l->shut)
		return POLLIN;
	if (!l->shaken)
		return l->wants_write ? POLLOUT : POLLIN;
	if ((reading && !l->ended) || l->wants_read)
		events |= POLLIN;
	if (hr_link_waiting(l) || l->wants_write)
		events |= POLLOUT;
	return events;
}

/* What libssl says of a call that did nothing: 0 it waits, -1. */
static int
wants(struct hr_link *l, int rc, struct hr_err *e)
{
	int error = SSL_get_error(l->ssl, rc);

	if (error != SSL_ERROR_WANT_WRITE && error != SSL_ERROR_WANT_READ)
		return hr_tls_fail(l->ssl, error, e);
	l->wants_write |= error == SSL_ERROR_WANT_WRITE;
	l->wants_read |= error == SSL_ERROR_WANT_READ;
	return 0;
}

/* Does the client begin as one of ours does without TLS?  Nothing is taken in. */
static bool
in_the_clear(struct hr_link *l)
{
	uint8_t fixed[HR_WIRE_SIZE];
	struct hr_err e = HR_ERR_INIT;
	struct hr_wire m;
	ssize_t n;

	if (l->seen || !SSL_is_server(l->ssl))
		return false;
	n = recv(l->fd, fixed, sizeof(fixed), MSG_PEEK);
	l->seen = n > 0;
	return n == HR_WIRE_SIZE && hr_wire_decode(&m, fixed, HR_WIRE_FIRST, &e) == 0 && m.kind == HR_WIRE_HELLO;
}

int
hr_link_shake(struct hr_link *l, struct hr_err *e)
{
	int rc;

	if (l->shaken)
		return 0;
	if (in_the_clear(l)) {
		SSL_free(l->ssl);
		l->ssl = NULL;
		l->shaken = true;
		hr_fail(e, HR_CONFIG, "the receiver wants TLS, and the sender speaks in the clear");
		return hr_hint(e, "give --tls-cert, --tls-key and --tls-ca to both");
	}
	l->wants_write = l->wants_read = l->more = false;
	ERR_clear_error();
	errno = 0;
	rc = SSL_do_handshake(l->ssl);
	if (rc != 1)
		return wants(l, rc, e) < 0 ? -1 : 1;
	l->shaken = true;
	l->more = true;
	l->heard = hr_now_us();
	return 0;
}

/* 1 when bytes came, 0 when none can come now, -1. */
static int
take(struct hr_link *l, struct hr_err *e)
{
	ssize_t n;
	int rc;

	hr_buf_need(&l->in, READ_BYTES);
	if (l->ssl) {
		ERR_clear_error();
		errno = 0;
		rc = SSL_read(l->ssl, l->in.data + l->in.len, (int)READ_BYTES);
		if (rc <= 0 && SSL_get_error(l->ssl, rc) == SSL_ERROR_ZERO_RETURN) {
			l->ended = true;
			return 0;
		}
		if (rc <= 0) {
			rc = wants(l, rc, e);
			l->wants_read = false;		/* it is read when its owner wants messages */
			return rc;
		}
		n = rc;
	} else {
		n = recv(l->fd, l->in.data + l->in.len, READ_BYTES, 0);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return 0;
		if (n < 0) {
			hr_fail_sys(e, "the connection was cut");
			e->code = HR_TEMPORARY;
			return -1;
		}
		l->ended = n == 0;
	}
	l->in.len += (size_t)n;
	return n > 0;
}

int
hr_link_read(struct hr_link *l, struct hr_err *e)
{
	size_t begin;
	int rc = 1;

	l->at += l->lent;
	l->lent = 0;
	if (l->at) {
		l->in.len -= l->at;
		memmove(l->in.data, l->in.data + l->at, l->in.len);
		l->at = 0;
	}
	l->wants_write = false;
	begin = l->in.len;
	/* A whole message is heard before more is read: it is in the processor's cache, and little is moved behind it. */
	while (!l->ended && !hr_link_has(l) && l->in.len - begin < 4 * READ_BYTES && (rc = take(l, e)) > 0)
		;
	l->more = rc > 0 && !l->ended;
	if (l->in.len == 0 && l->in.cap > 8 * READ_BYTES)
		hr_buf_clear(&l->in);		/* a large message was here */
	if (l->in.len == begin)
		return rc < 0 ? -1 : 0;
	l->heard = hr_now_us();
	/* What came before a cut is heard first: often it says why. */
	if (rc < 0) {
		hr_err_clear(e);
		l->more = true;
	}
	return 0;
}

/* A message begins. */
static void
begin(struct hr_link *l, uint8_t *fixed, enum hr_wire_kind kind, uint32_t lane, size_t len)
{
	hr_wire_encode(fixed, kind, lane, (uint32_t)len);
	l->bytes_out += HR_WIRE_SIZE + len;
	l->pinged = hr_now_us();
}

static void
put(struct hr_link *l, enum hr_wire_kind kind, uint32_t lane, size_t len)
{
	uint8_t fixed[HR_WIRE_SIZE];

	if (hr_link_waiting(l) == 0)
		l->sent = l->out.len = 0;
	if (l->sent > HR_LINK_GATHER) {		/* one that is never all written does not grow */
		l->out.len -= l->sent;
		memmove(l->out.data, l->out.data + l->sent, l->out.len);
		l->loan.at -= hr_link_lent(l) ? l->sent : 0;
		l->sent = 0;
	}
	begin(l, fixed, kind, lane, len);
	hr_buf_put(&l->out, fixed, sizeof(fixed));
}

void
hr_link_put(struct hr_link *l, enum hr_wire_kind kind, uint32_t lane, const void *data, size_t len)
{
	put(l, kind, lane, len);
	hr_buf_put(&l->out, data, len);
}

void
hr_link_put_placed(struct hr_link *l, enum hr_wire_kind kind, uint32_t lane, uint64_t place, const void *data,
    size_t len)
{
	put(l, kind, lane, 8 + len);
	hr_buf_u64le(&l->out, place);
	hr_buf_put(&l->out, data, len);
}

void
hr_link_lend(struct hr_link *l, enum hr_wire_kind kind, uint32_t lane, uint64_t place, struct hr_buf *message)
{
	begin(l, message->data, kind, lane, message->len - HR_WIRE_SIZE);
	hr_set_u64le(message->data + HR_WIRE_SIZE, place);
	l->loan.data = message->data;
	l->loan.left = message->len;
	l->loan.at = l->out.len;
}

/* Pings are answered here; true: the owner need not see the message. */
static bool
answer(struct hr_link *l, const struct hr_wire *m)
{
	uint64_t when;

	if (m->kind == HR_WIRE_PING) {
		/* A peer that only pings, and does not read, is not answered without end. */
		if (hr_link_waiting(l) < HR_LINK_GATHER)
			hr_link_put(l, HR_WIRE_PONG, 0, m->data, 8);
		return true;
	}
	if (m->kind != HR_WIRE_PONG)
		return false;
	when = hr_get_u64le(m->data);
	if (when <= (uint64_t)hr_now_us())
		l->trip = hr_now_us() - (int64_t)when;
	return true;
}

int
hr_link_next(struct hr_link *l, struct hr_wire *m, struct hr_err *e)
{
	size_t left;

	for (;;) {
		l->at += l->lent;
		l->lent = 0;
		left = l->in.len - l->at;
		if (left < HR_WIRE_SIZE)
			break;
		if (hr_wire_decode(m, l->in.data + l->at, l->most, e) < 0)
			return -1;
		if (left < HR_WIRE_SIZE + (size_t)m->len)
			break;
		m->data = l->in.data + l->at + HR_WIRE_SIZE;
		l->lent = HR_WIRE_SIZE + (size_t)m->len;
		l->bytes_in += l->lent;
		if (!answer(l, m))
			return 1;
	}
	if (l->ended && left)
		return hr_fail(e, HR_TEMPORARY, "the connection was cut inside a message");
	return 0;
}

bool
hr_link_has(const struct hr_link *l)
{
	size_t left = l->in.len - l->at - l->lent;

	return left >= HR_WIRE_SIZE &&
	    left >= HR_WIRE_SIZE + (size_t)hr_get_u32le(l->in.data + l->at + l->lent);
}

/* What is written next, which is the same until all of it is. */
static const uint8_t *
next_out(const struct hr_link *l, size_t *len)
{
	if (hr_link_lent(l) && l->sent == l->loan.at) {
		*len = l->loan.left;
		return l->loan.data;
	}
	*len = (hr_link_lent(l) ? l->loan.at : l->out.len) - l->sent;
	return l->out.data + l->sent;
}

static void
written(struct hr_link *l, size_t n)
{
	if (!hr_link_lent(l) || l->sent < l->loan.at) {
		l->sent += n;
		return;
	}
	l->loan.data += n;
	l->loan.left -= n;
	if (l->loan.left == 0)
		l->loan.data = NULL;
}

int
hr_link_write(struct hr_link *l, struct hr_err *e)
{
	const uint8_t *p;
	size_t left;
	ssize_t n;
	int rc;

	l->wants_read = l->wants_write = false;
	while (hr_link_waiting(l) > 0) {
		p = next_out(l, &left);
		if (l->ssl) {
			ERR_clear_error();
			errno = 0;
			rc = SSL_write(l->ssl, p, left > INT32_MAX ? INT32_MAX : (int)left);
			if (rc <= 0)
				return wants(l, rc, e);
			n = rc;
		} else {
			n = send(l->fd, p, left, MSG_NOSIGNAL);
			if (n < 0 && (errno == EAGAIN || errno == EINTR))
				return 0;
			if (n < 0) {
				hr_fail_sys(e, "the connection was cut");
				e->code = HR_TEMPORARY;
				return -1;
			}
		}
		written(l, (size_t)n);
	}
	l->sent = l->out.len = 0;
	if (l->out.cap > 8 * HR_LINK_GATHER)
		hr_buf_clear(&l->out);
	return 0;
}

bool
hr_link_linger(struct hr_link *l)
{
	uint8_t nothing[4096];
	ssize_t n = 0;
	int i;

	if (!l->shut) {
		if (l->ssl && l->shaken)
			SSL_shutdown(l->ssl);
		ERR_clear_error();
		shutdown(l->fd, SHUT_WR);
		l->shut = true;
	}
	for (i = 0; i < 256 && (n = recv(l->fd, nothing, sizeof(nothing), 0)) > 0; i++)
		;
	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

int
hr_link_alive(struct hr_link *l, int64_t dead_us, bool reading, struct hr_err *e)
{
	int64_t now = hr_now_us();
	uint8_t stamp[8];

	if (reading && now - l->heard > dead_us)
		return hr_fail(e, HR_TEMPORARY, "nothing came from %s for %.1f s", l->peer, (double)(now - l->heard) / 1e6);
	if (!reading)
		l->heard = now;
	if (now - l->pinged >= HR_LINK_PING_US && hr_link_waiting(l) == 0) {
		hr_set_u64le(stamp, (uint64_t)now);
		hr_link_put(l, HR_WIRE_PING, 0, stamp, sizeof(stamp));
	}
	return 0;
}
