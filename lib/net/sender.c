/*
 * sender.c - from standard input to a receiver, through cuts.
 *
 * One thread reads and checks the stream and puts its frames in flight; the
 * other connects, sends them, and takes what comes back.  So checksums and
 * encryption do not wait for each other, a cut stops reading only when the window
 * is full, and a slow receiver somewhat earlier (flight.h).
 */

#include "base/hr.h"

#include <errno.h>
#include <openssl/rand.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hex.h"
#include "base/log.h"
#include "net/link.h"
#include "net/sender.h"
#include "net/flight.h"
#include "state/checkpoint.h"
#include "state/metrics.h"
#include "stream/reader.h"

#define RUN_BYTES	((size_t)64 << 10)	/* frames that were read at once, about */
#define CONNECT_US	INT64_C(1000000)	/* for one attempt */
#define PAUSE_FIRST_US	INT64_C(20000)		/* between attempts: doubled up to the most */
#define PAUSE_MOST_US	INT64_C(500000)
#define HELLO_US	INT64_C(5000000)	/* for TLS and for what is said first */
#define AGAIN_US	INT64_C(30000000)	/* until an outage is told of again */
#define MEASURE_US	INT64_C(1000000)
#define STEADY_US	INT64_C(1000000)	/* a connection that held so long had a good beginning */

enum stage { AWAY, SHAKING, GREETING, OPENING, FLOWING };

struct sender {
	const struct hr_sender_options *o;
	struct hr_flight flight;
	/* the reading thread's, under the flight's lock where both look */
	struct hr_reader reader;
	bool begun;			/* the head was read */
	bool whole;			/* its end frame was read */
	bool failed;
	struct hr_err why;
	/* the connection */
	struct hr_tls *tls;
	struct hr_link link;
	enum stage stage;
	char session[HR_SESSION_SIZE];
	bool ever;			/* a lane was open once */
	bool over;			/* the receiver said how it ended */
	struct hr_err end;
	int64_t away, told;		/* since when; when that was said */
	int64_t tried, pause, next;	/* attempts: the last one's beginning, how long between them */
	int64_t flowing;		/* since when */
	uint64_t cuts, bytes;
	uint64_t before;		/* bytes of the connections before this one */
	int64_t measured;
	int64_t unkept;			/* when it was said last that the checkpoint cannot be written */
	hr_lsn lsn;			/* the far side's */
};

/*
 * Frames of the stream, as many as were read at once, in flight.
 * 1, 0 with the end frame, -1 with *e set or without, when nobody sends.
 */
static int
take_in(struct sender *s, struct hr_err *e)
{
	const uint8_t *begin = NULL, *bytes;
	size_t len = 0, one, frames = 0;
	struct hr_frame f;
	int more;

	do {
		if ((more = hr_read(&s->reader, &f, e)) < 0)
			break;
		bytes = hr_reader_bytes(&s->reader, &one);
		if (frames++ == 0)
			begin = bytes;
		len += one;
	} while (more > 0 && len < RUN_BYTES && hr_reader_has(&s->reader));
	if (more == 0) {
		pthread_mutex_lock(&s->flight.lock);
		s->whole = true;
		pthread_mutex_unlock(&s->flight.lock);
	}
	return frames && hr_flight_put(&s->flight, begin, len, frames) < 0 ? -1 : more;
}

static void *
intake(void *sender)
{
	struct sender *s = sender;
	struct hr_flight *w = &s->flight;
	struct hr_err e = HR_ERR_INIT;
	int more = hr_reader_open(&s->reader, STDIN_FILENO, &e);

	pthread_mutex_lock(&w->lock);
	s->begun = more == 0;
	pthread_mutex_unlock(&w->lock);
	if (more == 0)
		while ((more = take_in(s, &e)) > 0)
			;
	pthread_mutex_lock(&w->lock);
	s->failed = more < 0;
	s->why = e;
	pthread_mutex_unlock(&w->lock);
	hr_flight_end(w);
	return NULL;
}

static bool
have_head(struct sender *s)
{
	bool begun;

	pthread_mutex_lock(&s->flight.lock);
	begun = s->begun;
	pthread_mutex_unlock(&s->flight.lock);
	return begun;
}

static bool
have_all(struct sender *s)
{
	bool whole;

	pthread_mutex_lock(&s->flight.lock);
	whole = s->whole;
	pthread_mutex_unlock(&s->flight.lock);
	return whole;
}

/* --- the connection --- */

/* The connection is gone, for a reason that may go too. */
static void
cut(struct sender *s, const struct hr_err *why)
{
	int64_t now = hr_now_us();

	if (s->stage != AWAY) {
		s->before += s->link.bytes_out;
		hr_link_close(&s->link);
		hr_flight_halt(&s->flight);
	}
	if (s->stage == FLOWING) {
		s->cuts++;
		if (now - s->flowing > STEADY_US)
			s->pause = 0;
		s->away = now;
		s->told = 0;
	}
	s->stage = AWAY;
	s->next = s->tried + s->pause;		/* an attempt that took its time is pause enough */
	s->pause = s->pause ? s->pause * 2 : PAUSE_FIRST_US;
	if (s->pause > PAUSE_MOST_US)
		s->pause = PAUSE_MOST_US;
	if (s->told == 0 || now - s->told > AGAIN_US) {
		struct hr_err e = *why;

		s->told = now;
		hr_within(&e, "not connected, trying again");
		hr_log_err(HR_LOG_WARNING, &e);
	}
}

static int
dial(struct sender *s, struct hr_err *e)
{
	const struct hr_sender_options *o = s->o;
	char text[HR_ADDRESS_TEXT];
	const char *name = o->tls_name ? o->tls_name : o->to.host ? o->to.host : "localhost";
	SSL *ssl = NULL;
	int fd;

	s->tried = hr_now_us();
	fd = hr_address_connect(&o->to, o->insecure || s->tls, CONNECT_US, text, e);
	if (fd < 0)
		return -1;
	hr_address_tune(fd, 0);		/* its pings say whether it is there, while it takes nothing too */
	if (s->tls && (ssl = hr_tls_session(s->tls, fd, name, e)) == NULL) {
		close(fd);
		return -1;
	}
	hr_link_open(&s->link, fd, ssl, text);
	s->stage = SHAKING;
	return 0;
}

static void
greet(struct sender *s)
{
	struct hr_hello hello = { .version = HR_WIRE_VERSION, .sender = true };
	struct hr_buf b = HR_BUF_INIT;

	snprintf(hello.program, sizeof(hello.program), "%s", HR_VERSION);
	hr_hello_encode(&hello, &b);
	hr_link_put(&s->link, HR_WIRE_HELLO, 0, b.data, b.len);
	hr_buf_clear(&b);
	s->link.most = HR_WIRE_TALK;
	s->stage = GREETING;
}

static int
greeted(struct sender *s, const struct hr_wire *m, struct hr_err *e)
{
	const struct hr_head *h = &s->reader.head;
	struct hr_buf b = HR_BUF_INIT;
	struct hr_lane_open lane = {
		.system = h->system, .epoch = h->epoch, .timeline = h->timeline, .slot = h->slot, .database = h->database,
	};
	struct hr_hello hello;

	if (hr_hello_decode(&hello, m, e) < 0)
		return -1;
	if (hello.sender)
		return hr_fail(e, HR_CONFIG, "%s is a sender too", s->link.peer);
	if (hello.by_tenant) {
		hr_fail(e, HR_CONFIG, "%s wants a stream for each tenant, and this sender has one for all", s->link.peer);
		return hr_hint(e, "leave --by tenant out there");
	}
	memcpy(lane.session, s->session, sizeof(lane.session));
	hr_lane_open_encode(&lane, &b);
	hr_link_put(&s->link, HR_WIRE_OPEN, 0, b.data, b.len);
	hr_buf_clear(&b);
	s->stage = OPENING;
	return 0;
}

static int
opened(struct sender *s, const struct hr_wire *m, struct hr_err *e)
{
	struct hr_lane_stand stand;

	if (hr_lane_stand_decode(&stand, m, e) < 0)
		return -1;
	if (hr_flight_seek(&s->flight, stand.place) < 0) {
		hr_fail(e, HR_TEMPORARY, stand.fresh ? "%s began anew, and the stream's beginning is no longer kept here" :
		    "%s stands at a place that is not kept here", s->link.peer);
		e->code = HR_INTERNAL;		/* for us: this process cannot go on */
		return -1;
	}
	/* What it has is not sent again. */
	if (!stand.fresh && hr_flight_arrived(&s->flight, stand.place) < 0)
		return hr_fail(e, HR_BAD_STREAM, "%s has what was not sent", s->link.peer);
	if (!s->ever && s->o->checkpoint && !stand.checkpoint)
		hr_log(HR_LOG_WARNING, "the receiver has no --checkpoint: '%s' will not be written", s->o->checkpoint);
	if (s->ever)
		hr_log(HR_LOG_WARNING, "connected to %s again after %.1f s", s->link.peer,
		    (double)(hr_now_us() - s->away) / 1e6);
	else {
		hr_log(HR_LOG_NOTE, "connected to %s%s%s", s->link.peer, s->tls ? ", " : "",
		    s->tls ? SSL_get_cipher_name(s->link.ssl) : "");
		if (s->o->ready_fd >= 0)
			(void)!write(s->o->ready_fd, "\n", 1);
	}
	s->ever = true;
	s->away = 0;
	s->flowing = hr_now_us();
	s->link.most = HR_WIRE_FILE;
	s->stage = FLOWING;
	return 0;
}

static int
keep(struct sender *s, const struct hr_wire *m, struct hr_err *e)
{
	struct hr_checkpoint cp = HR_CHECKPOINT_INIT;
	const struct hr_head *h = &s->reader.head;
	int rc = hr_checkpoint_decode(&cp, (const char *)m->data, m->len, e);

	if (rc == 0 && !hr_checkpoint_is_of(&cp, h->system, h->slot))
		rc = hr_fail(e, HR_BAD_STREAM, "the checkpoint that came back is of another stream");
	/* A disk that is full here is no reason to stop: the source only keeps more for longer. */
	if (rc == 0 && s->o->checkpoint && hr_checkpoint_save(&cp, s->o->checkpoint, false, e) < 0) {
		if (s->unkept == 0 || hr_now_us() - s->unkept > AGAIN_US) {
			s->unkept = hr_now_us();
			hr_log_err(HR_LOG_WARNING, e);
		}
		hr_err_clear(e);
	}
	if (rc == 0)
		s->lsn = cp.lsn;
	hr_checkpoint_clear(&cp);
	return rc;
}

/* What the receiver has is in flight no more; what is being written to it, it cannot have. */
static int
arrived(struct sender *s, uint64_t place, struct hr_err *e)
{
	if ((!hr_link_lent(&s->link) || place < s->flight.sent->place) && hr_flight_arrived(&s->flight, place) == 0)
		return 0;
	return hr_fail(e, HR_TEMPORARY, "the receiver acknowledges what was not sent");
}

/* 0, or -1: this connection is of no use any more. */
static int
heard(struct sender *s, const struct hr_wire *m, struct hr_err *e)
{
	struct hr_err why = HR_ERR_INIT;

	if (m->kind == HR_WIRE_ERROR) {
		if (hr_wire_error_decode(&why, m, e) == 0) {
			*e = why;
			hr_within(e, "%s", s->link.peer);
		}
		return -1;
	}
	if (s->stage == GREETING && m->kind == HR_WIRE_HELLO)
		return greeted(s, m, e);
	if (s->stage == OPENING && m->kind == HR_WIRE_STAND)
		return opened(s, m, e);
	if (s->stage == FLOWING && m->kind == HR_WIRE_ACK)
		return arrived(s, hr_get_u64le(m->data), e);
	if (s->stage >= OPENING && m->kind == HR_WIRE_CHECKPOINT)
		return keep(s, m, e);
	if (s->stage >= OPENING && m->kind == HR_WIRE_DONE) {
		if (hr_wire_error_decode(&s->end, m, e) < 0)
			return -1;
		s->over = true;
		if (s->end.code == HR_OK && !have_all(s))
			hr_fail(&s->end, HR_TEMPORARY, "%s says that the stream has ended, and it has not", s->link.peer);
		/* It waits for this before it forgets: all else may have been cut off. */
		hr_link_put(&s->link, HR_WIRE_DONE, m->lane, "{}", 2);
		(void)!hr_link_write(&s->link, e);
		hr_err_clear(e);
		return 0;
	}
	return hr_fail(e, HR_BAD_STREAM, "the receiver says '%c' where it should not", m->kind);
}

static int
listen_to(struct sender *s, struct hr_err *e)
{
	struct hr_wire m;
	int more;

	if (hr_link_read(&s->link, e) < 0)
		return -1;
	while (!s->over && (more = hr_link_next(&s->link, &m, e)) != 0) {
		if (more < 0 && s->stage == FLOWING)
			e->code = HR_TEMPORARY;		/* it knew how to speak before */
		if (more < 0 || heard(s, &m, e) < 0)
			return -1;
	}
	if (s->link.ended && !s->over)
		return hr_fail(e, HR_TEMPORARY, "%s closed the connection", s->link.peer);
	return 0;
}

static void
load(struct sender *s)
{
	struct hr_chunk *c;

	if (!hr_link_lent(&s->link) && (c = hr_flight_next(&s->flight)))
		hr_link_lend(&s->link, HR_WIRE_DATA, 0, c->place, &c->message);
}

/* As much as the socket takes: nothing wakes us for what could have been written now. */
static int
unload(struct sender *s, struct hr_err *e)
{
	do {
		load(s);
		if (hr_link_waiting(&s->link) == 0)
			return 0;
		if (hr_link_write(&s->link, e) < 0)
			return -1;
	} while (hr_link_waiting(&s->link) == 0);
	return 0;
}

static int
serve(struct sender *s, short events, struct hr_err *e)
{
	int rc;

	if (s->stage == SHAKING && (rc = hr_link_shake(&s->link, e)) <= 0) {
		if (rc < 0)
			return -1;
		greet(s);
	}
	if (s->stage != SHAKING && (events || s->link.more) && listen_to(s, e) < 0)
		return -1;
	if (s->over)
		return 0;
	if (s->stage != FLOWING && hr_now_us() - s->link.opened > HELLO_US)
		return hr_fail(e, HR_TEMPORARY, "%s does not answer as hr-ship does", s->link.peer);
	if (s->stage == SHAKING)
		return 0;
	if (hr_link_alive(&s->link, s->o->dead_us > HELLO_US || s->stage == FLOWING ? s->o->dead_us : HELLO_US, true,
	    e) < 0)
		return -1;
	return s->stage == FLOWING ? unload(s, e) : hr_link_write(&s->link, e);
}

/* Metrics that cannot be written are no reason to stop. */
static void
measure(struct sender *s, bool now)
{
	struct hr_metrics m = HR_METRICS_INIT;
	struct hr_err e = HR_ERR_INIT;

	if (s->o->metrics == NULL || (!now && hr_now_us() - s->measured < MEASURE_US))
		return;
	s->measured = hr_now_us();
	hr_metric(&m, "bytes_replicated_total", "counter", "Bytes of the stream that arrived or are on their way.");
	hr_metric_sample(&m, "ship", NULL, NULL, (double)s->bytes);
	hr_metric(&m, "network_latency_seconds", "gauge", "There and back, measured last.");
	hr_metric_sample(&m, "ship", NULL, NULL, (double)s->link.trip / 1e6);
	hr_metric(&m, "replication_errors_total", "counter", "Connections that were cut.");
	hr_metric_sample(&m, "ship", "reason", "cut", (double)s->cuts);
	if (hr_metrics_save(&m, s->o->metrics, &e) < 0)
		hr_log_err(HR_LOG_WARNING, &e);
	hr_metrics_clear(&m);
}

/* Did reading fail, and has what was read before that arrived?  Then there is nothing left to do. */
static int
intake_failed(struct sender *s, struct hr_err *e)
{
	struct hr_buf b = HR_BUF_INIT;
	struct hr_err second = HR_ERR_INIT;
	bool failed;

	pthread_mutex_lock(&s->flight.lock);
	failed = s->failed && (s->flight.first == NULL || !s->begun);
	pthread_mutex_unlock(&s->flight.lock);
	if (!failed)
		return 0;
	*e = s->why;
	if (s->stage == FLOWING) {
		/* Who reads it there need not wait for the rest. */
		hr_wire_error_encode(&s->why, &b);
		hr_link_put(&s->link, HR_WIRE_ERROR, 0, b.data, b.len);
		(void)!hr_link_write(&s->link, &second);
		hr_buf_clear(&b);
	}
	return -1;
}

/* Is the trouble one that another attempt may not have? */
static bool
passing(const struct sender *s, const struct hr_err *e)
{
	if (e->code == HR_TEMPORARY || e->code == HR_IO)
		return true;
	/*
	 * A certificate may be renewed, a map be mended; who never was connected is
	 * told at once, and so is one whose stream itself is refused.
	 */
	return s->ever && s->stage < FLOWING && (e->code == HR_REFUSED || e->code == HR_CONFIG);
}

static int
flow(struct sender *s, struct hr_err *e)
{
	uint64_t drained;

	s->away = hr_now_us();
	while (!s->over) {
		struct pollfd p[2] = { { s->flight.wake, POLLIN, 0 }, { -1, 0, 0 } };
		int64_t now = hr_now_us(), wait_us = HR_LINK_PING_US;

		if (intake_failed(s, e) < 0)
			return -1;
		if (s->stage == AWAY && have_head(s) && now >= s->next && dial(s, e) < 0) {
			if (!passing(s, e))
				return -1;
			cut(s, e);
		}
		if (s->o->give_up_us && s->stage != FLOWING && now - s->away > s->o->give_up_us) {
			hr_fail(e, HR_TEMPORARY, "no receiver for %.0f s", (double)(now - s->away) / 1e6);
			return hr_hint(e, "look at '%s:%s'; nothing is lost", s->o->to.host ? s->o->to.host : "*", s->o->to.port);
		}
		if (s->stage == AWAY && s->next > now && s->next - now < wait_us)
			wait_us = s->next - now;
		if (s->stage != AWAY)
			p[1] = (struct pollfd){ s->link.fd, hr_link_events(&s->link, true), 0 };
		if (poll(p, 2, s->stage != AWAY && s->link.more ? 0 : (int)(wait_us / 1000) + 1) < 0 && errno != EINTR)
			return hr_fail_sys(e, "cannot wait");
		if (p[0].revents)
			(void)!read(s->flight.wake, &drained, sizeof(drained));
		hr_err_clear(e);
		if (s->stage != AWAY && serve(s, p[1].revents, e) < 0) {
			if (e->code == HR_INTERNAL && s->stage == OPENING) {
				e->code = HR_TEMPORARY;
				return hr_hint(e, "start the source's side again: it sends from what the target has");
			}
			if (!passing(s, e))
				return -1;
			cut(s, e);
		}
		s->bytes = s->before + s->link.bytes_out;
		measure(s, false);
	}
	if (s->end.code == HR_OK)
		return 0;
	*e = s->end;
	return -1;
}

int
hr_sender_run(const struct hr_sender_options *o, struct hr_err *e)
{
	/* The reading thread may be in read(2) when all is done: what it uses goes with the process. */
	static struct sender s;
	uint8_t session[(HR_SESSION_SIZE - 1) / 2];
	pthread_t thread;
	int rc = -1;

	s = (struct sender){ .o = o, .link = { .fd = -1 }, .reader = { .fd = -1 } };
	if (RAND_bytes(session, sizeof(session)) != 1)
		return hr_fail(e, HR_TEMPORARY, "no random bytes");
	*hr_hex_put((uint8_t *)s.session, session, sizeof(session)) = '\0';
	if (o->tls.cert && hr_tls_open(&s.tls, &o->tls, false, e) < 0)
		return -1;
	if (hr_flight_open(&s.flight, o->window, e) == 0) {
		if (pthread_create(&thread, NULL, intake, &s) != 0)
			hr_fail(e, HR_TEMPORARY, "cannot start a thread");
		else {
			pthread_detach(thread);
			rc = flow(&s, e);
			hr_flight_close(&s.flight);
			measure(&s, true);
		}
	}
	if (s.stage != AWAY)
		hr_link_close(&s.link);
	hr_tls_close(s.tls);
	return rc;
}
