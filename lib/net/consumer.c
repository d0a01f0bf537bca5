/*
 * consumer.c - messages to frames.
 *
 * What a reader of a tenant's stream gets is one stream, whatever messages it
 * comes in: heads behind the first, relations that did not change, and end
 * frames are left out.  It begins at the first message that was not
 * acknowledged, in front of which no transaction is open.  Places tell what came
 * before: a message that was published twice is left out, and one that is missing
 * is asked for, in the bucket.
 */

#include "base/hr.h"

#include <errno.h>
#include <openssl/sha.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/hex.h"
#include "base/log.h"
#include "base/map.h"
#include "net/consumer.h"
#include "net/queue.h"
#include "net/sink.h"
#include "state/checkpoint.h"
#include "stream/mark.h"
#include "stream/reader.h"
#include "stream/rows.h"

#define SINK_FULL	((size_t)1 << 20)	/* bytes not handed on, with which no more are taken */
#define RETRY_FIRST_US	INT64_C(200000)		/* a reader that has gone: doubled up to the most */
#define RETRY_MOST_US	INT64_C(5000000)
#define REFUSED_US	INT64_C(60000000)	/* one that would be refused again */
#define TELL_US		INT64_C(30000000)
#define OUTAGE_US	INT64_C(3000000)	/* until the queue's is told of */
#define SAY_US		INT64_C(200000)		/* between two values that say what the target has */
#define LOST_US		INT64_C(5000000)	/* until what is missing is asked for again */
#define ACK_WAIT_US	INT64_C(3600000000)
#define UNACKED		1000000			/* messages: a first copy is one until it has ended */
#define TURN_MS		250

struct given {
	uint64_t seq;
	hr_lsn lsn;			/* of its last watermark; 0: it does not end where one can begin */
};

struct taker {
	const struct hr_consumer_options *o;
	const char *tenant;
	char *subject, *key, *sent_key, *name;
	struct hr_nats *n;
	struct hr_sink sink;
	bool open;			/* the sink is */
	bool spoiled;			/* what it was given is not a stream that can be gone on with */
	bool told_to;			/* the sink was told to end */
	bool left;			/* another receiver has taken the tenant over */
	char session[HR_SESSION_SIZE];	/* of what the sink has */
	uint64_t epoch;
	uint64_t place;			/* the last that it was given */
	struct hr_map relations;	/* frames that it was given: struct hr_buf, by OID */
	bool within, copying;		/* a transaction, or a copy, is open behind it */
	bool whole;			/* they are not, and a watermark was at its end */
	hr_lsn lsn;			/* of the last watermark */
	struct given *given;		/* messages not acknowledged */
	size_t givens, given_cap;
	/* the message that comes in parts */
	struct hr_buf parts;
	uint64_t parts_place;
	char parts_sum[24];
	size_t part;			/* the last */
	/* one that waits for the sink to end */
	bool held;
	bool begins;			/* nothing is open in front of it */
	bool first;			/* the target has all in front of it */
	struct hr_buf message;		/* unpacked */
	char message_session[HR_SESSION_SIZE];
	uint64_t message_place, message_after, message_first, message_seq;	/* seq: of its parts, the first and the last */
	/* what was published, as the bucket says */
	char sent_session[HR_SESSION_SIZE];
	uint64_t sent;
	int64_t empty;			/* the queue gives nothing, since when; 0: not so */
	/* what is said */
	struct hr_buf checkpoint;
	bool lost;
	int64_t said, asked;
	bool unsaid;
	int64_t retry, pause, told;
	struct hr_buf buf;
};

struct outage {
	enum hr_nats_state state;
	int64_t since;
	bool told;
};

/* --- a sink --- */

static void
free_buf(void *buf)
{
	hr_buf_clear(buf);
	free(buf);
}

static void
forget(struct taker *t)
{
	if (t->open)
		hr_sink_clear(&t->sink);
	hr_map_clear(&t->relations, free_buf);
	t->open = t->within = t->copying = t->lost = t->told_to = false;
	t->session[0] = '\0';
	t->place = 0;
	t->lsn = 0;
	t->givens = 0;
	t->part = 0;
}

/* What the target's checkpoint has: up to where, and a newer source, for which what is of an older one is void. */
static int
look_at_target(struct taker *t, const struct hr_head *h, hr_lsn *durable, struct hr_err *e)
{
	struct hr_checkpoint cp = HR_CHECKPOINT_INIT;
	struct hr_lane_open lane = { .slot = h->slot, .tenant = (char *)t->tenant };
	char *path = hr_sink_path(t->o->checkpoint, &lane);
	int rc = hr_checkpoint_load(&cp, path, e);
	bool ours = rc > 0 && hr_checkpoint_is_of(&cp, h->system, h->slot);

	*durable = ours ? hr_checkpoint_durable(&cp, t->tenant) : 0;
	if (ours && cp.epoch > t->epoch)
		t->epoch = cp.epoch;
	hr_checkpoint_clear(&cp);
	free(path);
	return rc < 0 ? -1 : 0;
}

static int
open_sink(struct taker *t, const struct hr_head *h, struct hr_err *e)
{
	struct hr_lane_open lane = { .system = h->system, .epoch = h->epoch, .timeline = h->timeline, .slot = h->slot,
	    .database = h->database, .tenant = (char *)t->tenant };
	char *path = hr_sink_path(t->o->checkpoint, &lane), **env = hr_sink_env(&lane, "nats", path);
	int rc;

	memcpy(lane.session, t->message_session, sizeof(lane.session));
	rc = hr_sink_open(&t->sink, &lane, t->o->command, env, path, e);
	t->open = rc == 0;
	if (rc < 0)
		hr_sink_clear(&t->sink);
	hr_sink_env_free(env);
	free(path);
	return rc;
}

/* --- a message --- */

/* Was the relation given as it is? */
static bool
is_known(struct taker *t, const struct hr_frame *f)
{
	struct hr_buf *b;
	void **at;

	if (f->len < 4)
		return false;
	at = hr_map_at(&t->relations, f->data, 4);
	if (*at == NULL)
		*at = hr_zalloc(sizeof(*b));
	b = *at;
	if (b->len == f->len && memcmp(b->data, f->data, f->len) == 0)
		return true;
	hr_buf_reset(b);
	hr_buf_put(b, f->data, f->len);
	return false;
}

static int
follow(struct taker *t, const struct hr_frame *f, struct hr_err *e)
{
	struct hr_cur c = hr_cur(f->data, f->len);
	struct hr_snapshot s;
	struct hr_item it;
	int more = 0;

	if (f->type == HR_FRAME_SNAPSHOT) {
		if (hr_snapshot_decode(&s, f, e) < 0)
			return -1;
		t->copying = s.kind != HR_SNAPSHOT_ENDED;
	} else if (f->type == HR_FRAME_WATERMARK)
		t->lsn = f->lsn;
	else if (f->type == HR_FRAME_ROWS)
		while ((more = hr_rows_next(&c, &it, e)) > 0)
			t->within = it.op == HR_BEGIN || (it.op != HR_COMMIT && t->within);
	return more;
}

/* The message is with the reader; once the target has all to the LSN, it may leave the queue. */
static void
give_seq(struct taker *t, hr_lsn lsn)
{
	HR_GROW(t->given, t->givens, t->given_cap);
	t->given[t->givens++] = (struct given){ t->message_seq, lsn };
}

/* All frames of the message that the reader does not have. */
static int
give(struct taker *t, struct hr_reader *r, struct hr_err *e)
{
	const uint8_t *bytes;
	struct hr_frame f;
	bool closes = false;
	size_t len;
	int more;

	while ((more = hr_read(r, &f, e)) > 0) {
		bytes = hr_reader_bytes(r, &len);
		if ((f.type == HR_FRAME_HEAD && t->sink.began) || (f.type == HR_FRAME_RELATION && is_known(t, &f)))
			continue;
		if (follow(t, &f, e) < 0 || hr_sink_take(&t->sink, bytes, len, &f, e) < 0)
			return -1;
		closes = f.type == HR_FRAME_WATERMARK;
	}
	if (more < 0)
		return -1;
	hr_sink_taken(&t->sink, t->message_place);
	t->place = t->message_place;
	t->whole = closes && !t->within && !t->copying;
	give_seq(t, t->whole ? t->lsn : 0);
	return 0;
}

/* Messages are missing: it goes on when they were sent again. */
static void
ask(struct taker *t)
{
	if (t->lost && hr_now_us() - t->asked < LOST_US)
		return;
	if (!t->lost)
		hr_log(HR_LOG_WARNING, "tenant '%s': messages are missing in the queue, which its sender is asked to send again",
		    t->tenant);
	t->lost = t->unsaid = true;
	t->said = 0;
	t->asked = hr_now_us();
}

/* What is held is behind a gap: it will be published again too, and the stream must have room for that. */
static void
ask_before(struct taker *t)
{
	ask(t);
	hr_nats_drop(t->n, t->message_first, t->message_seq);
}

/*
 * The reader has what a killed sender read behind its last watermark, which comes
 * again: in the chain it does not follow on what the message does, nor has the
 * target all of it.
 */
static bool
has_void(const struct taker *t)
{
	return t->first ? !t->whole : t->message_after < t->place;
}

/* The target does not have yet all whole transactions that the reader was given. */
static bool
awaits(const struct taker *t)
{
	size_t i;

	for (i = 0; i < t->givens; i++)
		if (t->given[i].lsn)
			return true;
	return false;
}

/* The reader is to end: once the target has what it can have of it, or at once when its source was fenced off. */
static void
end_reader(struct taker *t, bool is_void, bool fenced)
{
	if (t->sink.closing || (!fenced && awaits(t)))
		return;
	if (is_void)
		hr_log(HR_LOG_WARNING, "tenant '%s': its sender was killed in the middle of what it sent; its reader is begun anew",
		    t->tenant);
	t->told_to = true;
	hr_sink_close(&t->sink);
}

/* The last watermark of the message that is held; 0: it has none. */
static int
last_watermark(const struct taker *t, hr_lsn *lsn, struct hr_err *e)
{
	struct hr_reader r = { .fd = -1 };
	struct hr_frame f;
	int more = hr_reader_open_memory(&r, t->message.data, t->message.len, e);

	*lsn = 0;
	while (more >= 0 && (more = hr_read(&r, &f, e)) > 0)
		*lsn = f.type == HR_FRAME_WATERMARK ? f.lsn : 0;
	hr_reader_clear(&r);
	return more;
}

/*
 * May a reader begin with the message that is held?  1; 0: no, the target has it
 * (what was acknowledged last is there still), or what is between is missing; -1.
 */
static int
begins_here(struct taker *t, const struct hr_head *h, struct hr_err *e)
{
	hr_lsn durable, lsn;

	if (look_at_target(t, h, &durable, e) < 0)
		return -1;
	if (h->epoch < t->epoch || t->first || (t->begins && h->start <= durable))
		return 1;
	if (last_watermark(t, &lsn, e) < 0)
		return -1;
	if (lsn && lsn <= durable) {
		memcpy(t->session, t->message_session, sizeof(t->session));
		t->place = t->message_place;
		return 0;
	}
	/* What is said is of this message's session, of which nothing is had. */
	if (strcmp(t->session, t->message_session) != 0) {
		t->session[0] = '\0';
		t->place = 0;
		memcpy(t->sent_session, t->message_session, sizeof(t->sent_session));
	}
	ask_before(t);
	return 0;
}

/* The message that is held: 1 when it was dealt with, 0 when it waits for the sink, -1. */
static int
deal(struct taker *t, struct hr_err *e)
{
	struct hr_reader r = { .fd = -1 };
	bool same = strcmp(t->session, t->message_session) == 0;
	int rc = 0, begins = 1;

	if (same) {
		if (t->message_place <= t->place) {
			give_seq(t, t->open && t->whole ? t->lsn : 0);
			return 1;
		}
		if (t->message_after > t->place && !t->first) {
			ask_before(t);
			return 1;
		}
	}
	if (hr_reader_open_memory(&r, t->message.data, t->message.len, e) < 0 ||
	    (!t->open && (begins = begins_here(t, &r.head, e)) <= 0)) {
		hr_reader_clear(&r);
		return begins ? -1 : 1;
	}
	if (r.head.epoch < t->epoch) {
		if (t->told == 0 || hr_now_us() - t->told > TELL_US) {
			t->told = hr_now_us();
			hr_log(HR_LOG_WARNING, "tenant '%s': what is of epoch %" PRIu64 " is left out, the target is at %" PRIu64
			    ": its source was fenced off", t->tenant, r.head.epoch, t->epoch);
		}
		hr_nats_drop(t->n, t->message_first, t->message_seq);
		rc = 1;
	} else if (t->open && (!same || has_void(t))) {
		/* Another one's beginning: it is held until this one is over. */
		end_reader(t, same, r.head.epoch > t->epoch);
	} else if (!t->open && open_sink(t, &r.head, e) < 0)
		rc = -1;
	else if (t->open) {
		memcpy(t->session, t->message_session, sizeof(t->session));
		t->epoch = r.head.epoch;
		t->unsaid |= t->lost;
		t->lost = false;
		rc = give(t, &r, e) < 0 ? -1 : 1;
	}
	hr_reader_clear(&r);
	return rc;
}

static int
number(const struct hr_nats *n, const char *name, uint64_t *value, struct hr_err *e)
{
	const char *text = hr_nats_header(n, name);
	char *end;

	errno = 0;
	*value = text ? strtoull(text, &end, 10) : 0;
	if (text == NULL || errno || end == text || (*end != '\0' && *end != '/'))
		return hr_fail(e, HR_BAD_STREAM, "a message without '%s': it is not hr-ship's", name);
	return 0;
}

/* A part of a message has come.  1: it is whole, and held. */
static int
gather(struct taker *t, const struct hr_nats_message *m, struct hr_err *e)
{
	const char *session = hr_nats_header(t->n, HR_QUEUE_SESSION), *part = hr_nats_header(t->n, HR_QUEUE_PART),
	    *begins = hr_nats_header(t->n, HR_QUEUE_BEGINS), *first = hr_nats_header(t->n, HR_QUEUE_FIRST), *sum;
	uint64_t place, after, i, parts;

	if (session == NULL || strlen(session) >= sizeof(t->message_session))
		return hr_fail(e, HR_BAD_STREAM, "a message without '%s': it is not hr-ship's", HR_QUEUE_SESSION);
	if (number(t->n, HR_QUEUE_PLACE, &place, e) < 0 || number(t->n, HR_QUEUE_AFTER, &after, e) < 0 ||
	    number(t->n, HR_QUEUE_PART, &i, e) < 0)
		return -1;
	parts = strchr(part, '/') ? strtoull(strchr(part, '/') + 1, NULL, 10) : 0;
	sum = strchr(part, ' ') ? strchr(part, ' ') : "";
	if (i == 1) {
		hr_buf_reset(&t->parts);
		t->message_first = m->seq;
		snprintf(t->parts_sum, sizeof(t->parts_sum), "%s", sum);
	} else if (i != t->part + 1 || strcmp(sum, t->parts_sum) != 0 || place != t->parts_place || strcmp(session, t->message_session) != 0)
		return 0;		/* of one that was cut; it comes again, as a whole */
	if (t->parts.len + m->len > HR_QUEUE_MOST)
		return hr_fail(e, HR_BAD_STREAM, "a message of more than %zu bytes", HR_QUEUE_MOST);
	hr_buf_put(&t->parts, m->data, m->len);
	t->part = (size_t)i;
	t->parts_place = t->message_place = place;
	t->message_after = after;
	t->begins = begins == NULL || strcmp(begins, "no") != 0;
	t->first = first && strcmp(first, "yes") == 0;
	t->message_seq = m->seq;
	snprintf(t->message_session, sizeof(t->message_session), "%s", session);
	if (i < parts)
		return 0;
	hr_buf_reset(&t->message);
	if (hr_queue_unpack(t->parts.data, t->parts.len, &t->message, e) < 0)
		return -1;
	if (t->parts.cap > (size_t)8 << 20)
		hr_buf_clear(&t->parts);
	return 1;
}

static int
take(struct taker *t, struct hr_err *e)
{
	struct hr_nats_message m;
	int rc = 1;

	for (;;) {
		if (t->held && (rc = deal(t, e)) <= 0)
			return rc;
		t->held = false;
		if (t->open && (t->sink.closing || hr_sink_waiting(&t->sink) > SINK_FULL)) {
			t->empty = 0;
			return 0;
		}
		if (!hr_nats_fetch(t->n, &m)) {
			if (t->empty == 0)
				t->empty = hr_now_us();
			return 0;
		}
		t->empty = 0;
		if ((rc = gather(t, &m, e)) < 0)
			return hr_within(e, "message %" PRIu64 " of '%s'", m.seq, m.subject);
		t->held = rc > 0;
	}
}

/* --- what the target has --- */

static void
acknowledge(struct taker *t, hr_lsn lsn)
{
	size_t i, had = 0;

	for (i = 0; i < t->givens; i++)
		if (t->given[i].lsn && t->given[i].lsn <= lsn)
			had = i + 1;
	if (had == 0)
		return;
	hr_nats_ack(t->n, t->given[had - 1].seq);
	t->givens -= had;
	memmove(t->given, t->given + had, t->givens * sizeof(*t->given));
}

static int
look_at_checkpoint(struct taker *t, struct hr_err *e)
{
	struct hr_checkpoint cp = HR_CHECKPOINT_INIT;
	int rc;

	if (!t->open || !t->sink.began)
		return 0;
	hr_buf_reset(&t->buf);
	if ((rc = hr_sink_checkpoint(&t->sink, &t->buf, e)) <= 0)
		return rc;
	if (hr_checkpoint_decode(&cp, (const char *)t->buf.data, t->buf.len, e) < 0)
		return -1;
	acknowledge(t, hr_checkpoint_durable(&cp, t->tenant));
	hr_checkpoint_clear(&cp);
	if (t->buf.len <= HR_NATS_VALUE_MAX - 256) {
		hr_buf_reset(&t->checkpoint);
		hr_buf_put(&t->checkpoint, t->buf.data, t->buf.len);
	}
	t->unsaid = true;
	t->pause = 0;
	return 0;
}

/*
 * The queue has nothing more, and more was published: the end of it is lost.
 * Messages behind a gap tell that too; there may never be any.
 */
static int
compare(struct taker *t, struct hr_err *e)
{
	struct hr_queue_stand s;
	const char *key, *words;
	bool same;

	while (hr_buf_reset(&t->buf), hr_nats_watched(t->n, &key, &t->buf)) {
		if (hr_queue_stand_decode(&s, t->buf.data, t->buf.len, e) < 0) {
			hr_log_err(HR_LOG_WARNING, e);
			hr_err_clear(e);
			continue;
		}
		memcpy(t->sent_session, s.session, sizeof(s.session));
		t->sent = s.place;
	}
	same = strcmp(t->session, t->sent_session) == 0;
	if (t->lost && same && t->sent <= t->place) {
		t->lost = false;
		t->unsaid = true;
	}
	if ((same ? t->sent > t->place : t->session[0] == '\0' && t->sent) && t->empty && hr_now_us() - t->empty > LOST_US &&
	    hr_nats_state(t->n, &words) == HR_NATS_READY)
		ask(t);
	return 0;
}

static int
say(struct taker *t, struct hr_err *e)
{
	const char *session = t->session[0] ? t->session : t->sent_session;
	struct hr_queue_stand s = { .place = t->place, .lost = t->lost, .checkpoint = t->checkpoint.data, .len = t->checkpoint.len };
	int64_t now = hr_now_us();

	if (!t->unsaid || *session == '\0' || now - t->said < SAY_US)
		return 0;
	memcpy(s.session, session, sizeof(s.session));
	t->unsaid = false;
	t->said = now;
	hr_buf_reset(&t->buf);
	hr_queue_stand_encode(&s, &t->buf);
	return hr_nats_put(t->n, t->key, t->buf.data, t->buf.len, e);
}

/* --- the loop --- */

static int
begin(struct taker *t, struct hr_err *e)
{
	struct hr_nats_consumer c = { .name = t->name, .subject = t->subject, .ack_wait_us = ACK_WAIT_US, .max_unacked = UNACKED };
	struct hr_buf b = HR_BUF_INIT;

	if (t->n == NULL) {
		if ((t->n = hr_nats_open(&t->o->from, e)) == NULL || hr_nats_make_stream(t->n, e) < 0 || hr_nats_values(t->n, e) < 0)
			return -1;
		free(t->subject);
		hr_queue_subject(&b, hr_nats_prefix(t->n), t->tenant);
		c.subject = t->subject = (char *)hr_buf_take(&b, NULL);
	}
	t->empty = 0;
	t->givens = 0;			/* they come again, maybe from a stream that was made anew */
	return hr_nats_watch(t->n, t->sent_key, e) < 0 ? -1 : hr_nats_consume(t->n, &c, e);
}

/*
 * Tried again later.  A queue that was away is gone on with where the reader is;
 * a reader that is spoiled is begun again with what is not acknowledged.  -1: it
 * is of no use.
 */
static int
set_aside(struct taker *t, struct hr_err *e)
{
	struct hr_err why = *e;
	bool passing = e->code == HR_TEMPORARY || e->code == HR_IO;

	hr_nats_close(t->n);
	t->n = NULL;
	if ((t->o->command == NULL && (t->spoiled || !passing)) || e->code == HR_CONFIG || e->code == HR_MISSING || e->code == HR_USAGE)
		return -1;
	t->left = e->code == HR_REFUSED && !t->spoiled;
	if (t->open && !t->sink.over && (t->spoiled || t->left))
		hr_sink_close(&t->sink);
	t->spoiled = t->held = false;
	t->part = 0;
	t->pause = !passing ? REFUSED_US : t->pause ? t->pause * 2 : RETRY_FIRST_US;
	if (passing && t->pause > RETRY_MOST_US)
		t->pause = RETRY_MOST_US;
	t->retry = hr_now_us() + t->pause;
	if (t->told == 0 || hr_now_us() - t->told > TELL_US) {
		t->told = hr_now_us();
		hr_within(&why, t->left ? "tenant '%s' is left to it" : "tenant '%s' waits in the queue", t->tenant);
		hr_log_err(HR_LOG_WARNING, &why);
	}
	hr_err_clear(e);
	return 0;
}

/* The reader has ended: 0 when it was told to, as another stream begins. */
static int
ended(struct taker *t, struct hr_err *e)
{
	bool told = t->told_to && t->held && t->n && t->o->command;

	*e = t->sink.why;
	if (e->code == HR_OK)
		hr_fail(e, HR_TEMPORARY, "another stream begins, and its reader has had the beginning of one");
	t->spoiled = !told;
	forget(t);
	/* How a tenant's command is set up is that tenant's trouble. */
	if (t->o->command && (e->code == HR_CONFIG || e->code == HR_USAGE || e->code == HR_MISSING))
		e->code = HR_REFUSED;
	if (!told)
		return -1;
	hr_err_clear(e);
	return 0;
}

static int
turn(struct taker *t, bool *ready, struct hr_err *e)
{
	if (t->open)
		hr_sink_look(&t->sink);
	if (t->open && t->sink.over && t->o->command && (t->left || t->n == NULL)) {
		forget(t);		/* it was told of */
		return 0;
	}
	if (t->left)
		return 0;
	if (t->n && (t->spoiled = look_at_checkpoint(t, e) < 0))
		return -1;
	if (t->open && t->sink.over && ended(t, e) < 0)
		return -1;
	if (t->n == NULL) {
		if ((t->open && t->sink.closing) || hr_now_us() < t->retry)
			return 0;
		if (begin(t, e) < 0)
			return -1;
		if (!*ready && t->o->ready_fd >= 0)
			(void)!write(t->o->ready_fd, "\n", 1);
		*ready = true;
	}
	if (hr_nats_turn(t->n, e) < 0)
		return -1;
	if ((t->spoiled = take(t, e) < 0))
		return -1;
	return compare(t, e) < 0 || say(t, e) < 0 ? -1 : 0;
}

/* That the queue gives nothing to somebody, when that goes on; all are told of at once. */
static void
look_at_queue(const struct taker *t, size_t n, struct outage *o)
{
	enum hr_nats_state state = HR_NATS_READY;
	const char *words = "";
	size_t i;

	for (i = 0; i < n && state == HR_NATS_READY; i++)
		if (t[i].n)
			state = hr_nats_state(t[i].n, &words);
	if (state != o->state) {
		if (state == HR_NATS_READY && o->told)
			hr_log(HR_LOG_WARNING, "the queue goes on after %.1f s", (double)(hr_now_us() - o->since) / 1e6);
		if (o->state == HR_NATS_READY || state == HR_NATS_READY)
			o->since = hr_now_us();
		o->state = state;
		o->told = false;
	}
	if (state != HR_NATS_READY && !o->told && hr_now_us() - o->since > OUTAGE_US) {
		hr_log(HR_LOG_WARNING, "the queue %s%s%s; nothing comes from it", hr_queue_words(state), *words ? ": " : "", words);
		o->told = true;
	}
}

/* Is there anything to do for this process? */
static int
all_left(const struct taker *t, size_t n, struct hr_err *e)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (!t[i].left || t[i].open)
			return 0;
	hr_fail(e, HR_REFUSED, "other receivers have taken all tenants over");
	return hr_hint(e, "let one receiver at a time have a tenant");
}

static int
wait_for_some(struct taker *t, size_t n, struct pollfd *p, struct hr_err *e)
{
	size_t i, fds = 0;

	for (i = 0; i < n; i++) {
		if (t[i].n)
			p[fds++] = (struct pollfd){ hr_nats_fd(t[i].n), POLLIN, 0 };
		if (t[i].open)
			fds += hr_sink_poll(&t[i].sink, p + fds);
	}
	if (poll(p, fds, TURN_MS) < 0 && errno != EINTR)
		return hr_fail_sys(e, "cannot wait");
	return 0;
}

/* A consumer's name has letters, digits, - and _, and is short: of others their digest. */
static char *
name_of(const char *tenant)
{
	uint8_t digest[SHA256_DIGEST_LENGTH];
	char hex[2 * 16 + 1];

	if (hr_nats_is_name(tenant) && strlen(tenant) < 60)
		return hr_sprintf("t-%s", tenant);
	SHA256((const unsigned char *)tenant, strlen(tenant), digest);
	*hr_hex_put((uint8_t *)hex, digest, 16) = '\0';
	return hr_sprintf("h-%s", hex);
}

static void
prepare(struct taker *t, const struct hr_consumer_options *o, const char *tenant)
{
	struct hr_buf b = HR_BUF_INIT;

	*t = (struct taker){ .o = o, .tenant = tenant };
	hr_queue_key(&b, HR_QUEUE_AT, tenant);
	t->key = (char *)hr_buf_take(&b, NULL);
	hr_queue_key(&b, HR_QUEUE_SENT, tenant);
	t->sent_key = (char *)hr_buf_take(&b, NULL);
	t->name = name_of(tenant);
}

int
hr_consumer_run(const struct hr_consumer_options *o, struct hr_err *e)
{
	struct taker *t = hr_zalloc(o->tenants * sizeof(*t));
	struct pollfd *p = hr_zalloc(o->tenants * 4 * sizeof(*p));
	struct outage outage = { .state = HR_NATS_READY };
	bool ready = false;
	size_t i;
	int rc = 0;

	signal(SIGCHLD, SIG_DFL);
	for (i = 0; i < o->tenants; i++)
		prepare(&t[i], o, o->tenant[i]);
	while (rc == 0) {
		for (i = 0; i < o->tenants && rc == 0; i++)
			if (turn(&t[i], &ready, e) < 0)
				rc = set_aside(&t[i], e);
		look_at_queue(t, o->tenants, &outage);
		if (rc == 0 && (rc = all_left(t, o->tenants, e)) == 0)
			rc = wait_for_some(t, o->tenants, p, e);
	}
	for (i = 0; i < o->tenants; i++) {
		forget(&t[i]);
		hr_nats_close(t[i].n);
		hr_buf_clear(&t[i].parts);
		hr_buf_clear(&t[i].message);
		hr_buf_clear(&t[i].checkpoint);
		hr_buf_clear(&t[i].buf);
		free(t[i].given);
		free(t[i].subject);
		free(t[i].key);
		free(t[i].sent_key);
		free(t[i].name);
	}
	free(t);
	free(p);
	return rc;
}
