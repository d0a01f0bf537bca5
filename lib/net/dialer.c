/* dialer.c - connect, say hello, notice that it is cut, connect again. */

#include "base/hr.h"

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "net/dialer.h"

#define CONNECT_US	INT64_C(1000000)	/* for one attempt */
#define PAUSE_FIRST_US	INT64_C(20000)		/* between attempts: doubled up to the most */
#define PAUSE_MOST_US	INT64_C(500000)
#define HELLO_US	INT64_C(5000000)	/* for TLS and for what is said first */
#define REFUSED_US	INT64_C(5000000)	/* until one that refused us is asked again */
#define AGAIN_US	INT64_C(30000000)	/* until an outage is told of again */

int
hr_dialer_open(struct hr_dialer *d, const struct hr_dialer_options *o, struct hr_err *e)
{
	d->o = o;
	d->away = d->well = hr_now_us();
	return o->tls.cert ? hr_tls_open(&d->tls, &o->tls, false, e) : 0;
}

void
hr_dialer_close(struct hr_dialer *d)
{
	struct hr_err e = HR_ERR_INIT;

	/* What was to be said last may lie there still. */
	if (d->stage == HR_DIALER_UP)
		(void)!hr_link_write(&d->link, &e);
	if (d->stage != HR_DIALER_AWAY)
		hr_link_close(&d->link);
	d->stage = HR_DIALER_AWAY;
	hr_tls_close(d->tls);
	d->tls = NULL;
}

/* The connection is gone, for a reason that may go too. */
static void
cut(struct hr_dialer *d, const struct hr_err *why)
{
	int64_t now = hr_now_us();
	bool was_up = d->stage == HR_DIALER_UP, refused = why->code == HR_REFUSED;

	if (d->stage != HR_DIALER_AWAY)
		hr_link_close(&d->link);
	d->stage = HR_DIALER_AWAY;
	if (was_up) {
		d->cuts++;
		/* One that is cut whenever it is up waits as one that never is. */
		if (d->working && !refused)
			d->pause = d->told = 0;
		if (!refused)
			d->well = now;
		if (d->away == 0)
			d->away = now;
		d->working = false;
		d->down(d->arg);
	}
	d->next = d->tried + d->pause;	/* an attempt that took its time is pause enough */
	d->pause = d->pause ? d->pause * 2 : PAUSE_FIRST_US;
	if (d->pause > PAUSE_MOST_US)
		d->pause = PAUSE_MOST_US;
	if (refused)
		d->next = now + REFUSED_US;	/* each attempt may start a command there */
	d->why = *why;
	if (d->told == 0 || now - d->told > AGAIN_US) {
		struct hr_err e = *why;

		d->told = now;
		hr_within(&e, "not connected, trying again");
		hr_log_err(HR_LOG_WARNING, &e);
	}
}

void
hr_dialer_again(struct hr_dialer *d, const struct hr_err *why)
{
	if (d->stage == HR_DIALER_UP)
		cut(d, why);
}

static int
dial(struct hr_dialer *d, struct hr_err *e)
{
	const struct hr_dialer_options *o = d->o;
	char text[HR_ADDRESS_TEXT];
	SSL *ssl = NULL;
	int fd;

	d->tried = hr_now_us();
	if (o->connect) {
		snprintf(text, sizeof(text), "%s", o->peer);
		fd = o->connect(o->connect_arg, e);
	} else
		fd = hr_address_connect(&o->to, o->insecure || d->tls, CONNECT_US, text, e);
	if (fd < 0)
		return -1;
	if (o->connect == NULL)
		hr_address_tune(fd, 0);	/* its pings say whether it is there, while it takes nothing too */
	if (d->tls && (ssl = hr_tls_session(d->tls, fd, o->tls_name ? o->tls_name : o->to.host, e)) == NULL) {
		close(fd);
		return -1;
	}
	hr_link_open(&d->link, fd, ssl, text);
	d->stage = HR_DIALER_SHAKING;
	return 0;
}

static void
greet(struct hr_dialer *d)
{
	struct hr_hello hello = { .version = HR_WIRE_VERSION, .sender = true };
	struct hr_buf b = HR_BUF_INIT;

	snprintf(hello.program, sizeof(hello.program), "%s", HR_VERSION);
	hr_hello_encode(&hello, &b);
	hr_link_put(&d->link, HR_WIRE_HELLO, 0, b.data, b.len);
	hr_buf_clear(&b);
	d->link.most = HR_WIRE_TALK;
	d->stage = HR_DIALER_GREETING;
}

static int
greeted(struct hr_dialer *d, const struct hr_wire *m, struct hr_err *e)
{
	struct hr_hello hello;

	if (hr_hello_decode(&hello, m, e) < 0)
		return -1;
	if (hello.sender)
		return hr_fail(e, HR_CONFIG, "%s is a sender too", d->link.peer);
	if (d->ever)
		hr_log(HR_LOG_WARNING, "connected to %s again after %.1f s", d->link.peer,
		    (double)(hr_now_us() - d->away) / 1e6);
	else
		hr_log(HR_LOG_NOTE, "connected to %s%s%s", d->link.peer, d->tls ? ", " : "",
		    d->tls ? SSL_get_cipher_name(d->link.ssl) : "");
	d->ever = true;
	d->away = 0;
	d->link.most = HR_WIRE_FILE;
	d->stage = HR_DIALER_UP;
	return d->up(d->arg, &hello, e);
}

/* 0, or -1: this connection is of no use any more. */
static int
heard(struct hr_dialer *d, const struct hr_wire *m, struct hr_err *e)
{
	struct hr_err why = HR_ERR_INIT;

	if (m->kind == HR_WIRE_ERROR) {
		if (hr_wire_error_decode(&why, m, e) == 0) {
			*e = why;
			hr_within(e, "%s", d->link.peer);
		}
		return -1;
	}
	if (d->stage == HR_DIALER_GREETING && m->kind == HR_WIRE_HELLO)
		return greeted(d, m, e);
	if (d->stage == HR_DIALER_UP)
		return d->heard(d->arg, m, e);
	return hr_fail(e, HR_BAD_STREAM, "the receiver says '%c' where it should not", m->kind);
}

static int
serve(struct hr_dialer *d, short events, struct hr_err *e)
{
	int64_t dead_us = d->stage == HR_DIALER_UP || d->o->dead_us > HELLO_US ? d->o->dead_us : HELLO_US;
	struct hr_wire m;
	int more;

	if (d->stage == HR_DIALER_SHAKING) {
		if ((more = hr_link_shake(&d->link, e)) != 0)
			return more < 0 ? -1 : hr_now_us() - d->link.opened > HELLO_US ?
			    hr_fail(e, HR_TEMPORARY, "%s does not finish its TLS handshake", d->link.peer) : 0;
		greet(d);
	}
	if ((events || d->link.more) && hr_link_read(&d->link, e) < 0)
		return -1;
	while ((more = hr_link_next(&d->link, &m, e)) != 0)
		if (more < 0 || heard(d, &m, e) < 0)
			return -1;
	if (d->link.ended)
		return hr_fail(e, HR_TEMPORARY, "%s closed the connection", d->link.peer);
	if (d->stage != HR_DIALER_UP && hr_now_us() - d->link.opened > HELLO_US)
		return hr_fail(e, HR_TEMPORARY, "%s does not answer as hr-ship does", d->link.peer);
	if (d->stage == HR_DIALER_UP)
		d->load(d->arg);
	if (hr_link_alive(&d->link, dead_us, true, e) < 0)
		return -1;
	return hr_link_write(&d->link, e);
}

/* Is the trouble one that another attempt may not have? */
static bool
passing(const struct hr_dialer *d, const struct hr_err *e)
{
	if (e->code == HR_TEMPORARY || e->code == HR_IO)
		return true;
	/* A certificate may be renewed, a map be mended; who never was connected is told at once. */
	return d->ever && e->code == HR_REFUSED;
}

struct pollfd
hr_dialer_poll(const struct hr_dialer *d, int *wait_ms)
{
	int64_t now = hr_now_us(), wait_us = HR_LINK_PING_US;

	if (d->stage == HR_DIALER_AWAY) {
		if (d->next - now < wait_us)
			wait_us = d->next > now ? d->next - now : 0;
		*wait_ms = (int)((wait_us + 999) / 1000);
		return (struct pollfd){ -1, 0, 0 };
	}
	*wait_ms = d->link.more || hr_link_has(&d->link) ? 0 : (int)(wait_us / 1000);
	return (struct pollfd){ d->link.fd, hr_link_events(&d->link, true), 0 };
}

/* A refusal is told of as what it is. */
static int
give_up(const struct hr_dialer *d, struct hr_err *e)
{
	double seconds = (double)(hr_now_us() - d->well) / 1e6;

	if (d->why.code == HR_REFUSED) {
		*e = d->why;
		hr_within(e, "given up after %.0f s", seconds);
		return -1;
	}
	hr_fail(e, HR_TEMPORARY, "no receiver for %.0f s", seconds);
	if (d->o->connect)
		return hr_hint(e, "look at %s; nothing is lost", d->o->peer);
	return hr_hint(e, "look at '%s:%s'; nothing is lost", d->o->to.host ? d->o->to.host : "*", d->o->to.port);
}

int
hr_dialer_turn(struct hr_dialer *d, short events, struct hr_err *e)
{
	int rc;

	if (d->stage == HR_DIALER_AWAY)
		rc = hr_now_us() >= d->next ? dial(d, e) : 0;
	else
		rc = serve(d, events, e);
	if (rc < 0) {
		if (!passing(d, e))
			return -1;
		cut(d, e);
		hr_err_clear(e);
	}
	if (d->o->give_up_us && d->stage != HR_DIALER_UP && hr_now_us() - d->well > d->o->give_up_us)
		return give_up(d, e);
	return 0;
}
