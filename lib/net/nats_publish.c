/*
 * nats_publish.c - messages into a stream, in order, and its room for them.
 *
 * TCP keeps the order, but a message is also refused alone (the stream was full
 * until just now, or had no leader), and what libnats had when the connection
 * broke is sent before we know of it.  Therefore each message names its
 * predecessor, see hr_nats_publish().  The server looks for the id first and at
 * the predecessor then, so that sending all again is harmless.  After a refusal
 * only the first message is sent until it is taken.
 *
 * A refusal counts only in its own generation, which ends when all is sent again;
 * an acknowledgement in any.
 */
#include "base/hr.h"

#ifdef HAVE_NATS

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "net/nats_inside.h"

#define IN_FLIGHT	((uint64_t)8 << 20)
#define PAUSE_LOW_US	INT64_C(10000)
#define ANSWER_US	(30 * SECOND)		/* after that long no answer is expected */
#define RECORD_ROOM	512			/* what the stream keeps with a message, at most */

struct out {
	char *subject, *id;
	char **header;			/* pairs, or NULL */
	uint8_t *data;
	size_t len;
	size_t size;			/* as bytes in flight */
	size_t record;			/* bytes in the stream, at most */
	int unanswered;			/* how often it was sent and is not answered */
	uint64_t cookie;
	uint64_t seq;			/* of the stream; 0: not acknowledged */
	bool there;			/* it was in the stream before */
	int64_t sent_us;
};

static void
out_clear(struct out *o)
{
	size_t i;

	free(o->subject);
	free(o->id);
	for (i = 0; o->header && o->header[i]; i++)
		free(o->header[i]);
	free(o->header);
	free(o->data);
}

static size_t
out_count(const struct publishing *p)
{
	return QUEUE_COUNT(p->out);
}

static struct out *
out_at(const struct publishing *p, size_t i)
{
	return &p->out.at[p->out.begin + i];
}

/* From the first one on again, after a pause or at once. */
static void
rewind_to_first(struct publishing *p, bool pause)
{
	p->gen++;
	p->sent = 0;
	p->probe = true;
	p->retry_us = 0;
	if (!pause)
		return;
	p->pause_us = p->pause_us ? p->pause_us * 2 : PAUSE_LOW_US;
	if (p->pause_us > PAUSE_HIGH_US)
		p->pause_us = PAUSE_HIGH_US;
	p->retry_us = hr_now_us() + p->pause_us;
}

static natsStatus
set_headers(struct hr_nats *n, natsMsg *m, const struct out *o, size_t i)
{
	const struct publishing *p = &n->p;
	char number[24];
	natsStatus s = NATS_OK;
	size_t h;

	for (h = 0; o->header && o->header[h]; h += 2)
		TRY(natsMsgHeader_Set(m, o->header[h], o->header[h + 1]));
	TRY(natsMsgHeader_Set(m, "Nats-Msg-Id", o->id));
	TRY(natsMsgHeader_Set(m, "Nats-Expected-Stream", n->stream));
	if (p->shared)
		return s;
	if (i > 0) {
		TRY(natsMsgHeader_Set(m, "Nats-Expected-Last-Msg-Id", out_at(p, i - 1)->id));
	} else if (p->last_seq) {
		snprintf(number, sizeof(number), "%" PRIu64, p->last_seq);
		TRY(natsMsgHeader_Set(m, "Nats-Expected-Last-Sequence", number));
	}
	return s;
}

static natsStatus
send_one(struct hr_nats *n, size_t i)
{
	struct publishing *p = &n->p;
	struct out *o = out_at(p, i);
	natsMsg *m = NULL;
	natsStatus s;
	char *reply = hr_sprintf("%s.a.%" PRIu64 ".%" PRIu64, n->inbox, p->gen, p->first + i);

	s = natsMsg_Create(&m, o->subject, reply, (const char *)o->data, (int)o->len);
	TRY(set_headers(n, m, o, i));
	TRY(natsConnection_PublishMsg(n->nc, m));
	natsMsg_Destroy(m);
	free(reply);
	o->sent_us = hr_now_us();
	o->unanswered++;
	return s;
}

/*
 * The stream has room for it.  The server sees to that by itself, but until 2.10
 * it reckons a message smaller than its record, takes one too many, and then
 * deletes the oldest.  So what the stream has is asked for when what was sent
 * since then may have filled it.
 */
static bool
fits(struct hr_nats *n, const struct out *o)
{
	struct publishing *p = &n->p;
	int64_t now = hr_now_us();
	char *subject, *reply;

	if (n->limit <= 0)
		return true;
	if (p->weighed && p->used + o->record <= (uint64_t)n->limit) {
		p->used += o->record;
		return true;
	}
	if (p->weigh_us > now)
		return false;
	subject = hr_sprintf("$JS.API.STREAM.INFO.%s", n->stream);
	reply = hr_sprintf("%s.i.0.0", n->inbox);
	natsConnection_PublishRequest(n->nc, subject, reply, NULL, 0);
	free(subject);
	free(reply);
	p->weighing = true;
	p->weigh_us = now + n->timeout_us;
	return false;
}

static void
send_more(struct hr_nats *n)
{
	struct publishing *p = &n->p;
	size_t most = p->probe || p->shared ? 1 : out_count(p);
	char line[300];
	natsStatus s;

	if (!n->connected || p->retry_us > hr_now_us())
		return;
	p->retry_us = 0;
	for (; p->sent < most && p->sent < out_count(p) && fits(n, out_at(p, p->sent)); p->sent++) {
		s = send_one(n, p->sent);
		if (s == NATS_OK)
			continue;
		if (s == NATS_MAX_PAYLOAD)
			hr_nats_fail_for_good(n, HR_CONFIG, hr_nats_words_of(line, sizeof(line), s),
			    "raise max_payload of the server");
		rewind_to_first(p, true);
		return;
	}
}

int
hr_nats_publish(struct hr_nats *n, const char *subject, const char *id, const char *const *header,
    const void *data, size_t len, uint64_t cookie, struct hr_err *e)
{
	struct publishing *p = &n->p;
	size_t i, pairs = 0;
	struct out *o;

	if (len > hr_nats_largest(n)) {
		hr_fail(e, HR_CONFIG, "a message of %zu bytes, and the server takes %zu", len, hr_nats_largest(n));
		return hr_hint(e, "raise max_payload of the server, or send smaller ones");
	}
	if (n->limit > 0 && 2 * (len + HEADER_ROOM) > (uint64_t)n->limit) {
		hr_fail(e, HR_CONFIG, "a message of %zu bytes, and stream '%s' has to hold two in %" PRId64, len,
		    n->stream, n->limit);
		return hr_hint(e, "nats stream edit %s --max-bytes, or send smaller ones", n->stream);
	}
	o = QUEUE_PUT(p->out);
	memset(o, 0, sizeof(*o));
	o->subject = hr_strdup(subject);
	o->id = hr_strdup(id);
	while (header && header[pairs])
		pairs += 2;
	if (pairs) {
		o->header = hr_zalloc((pairs + 1) * sizeof(*o->header));
		for (i = 0; i < pairs; i++)
			o->header[i] = hr_strdup(header[i]);
	}
	o->data = hr_memdup(data, len);
	o->len = len;
	o->size = len + strlen(subject) + strlen(id) + 256;
	o->record = len + strlen(subject) + strlen(id) + RECORD_ROOM;
	for (i = 0; i < pairs; i++)
		o->record += strlen(header[i]) + 4;
	o->cookie = cookie;
	p->bytes += o->size;
	if (out_count(p) == 1 && n->state != HR_NATS_READY)
		n->state = HR_NATS_READY;
	send_more(n);
	if (p->retry_us || out_count(p) == 1)
		hr_nats_wake(n);		/* for its clock */
	return 0;
}

size_t
hr_nats_room(const struct hr_nats *n)
{
	return n->p.bytes < n->p.in_flight ? (size_t)(n->p.in_flight - n->p.bytes) : 0;
}

size_t
hr_nats_largest(const struct hr_nats *n)
{
	int64_t most = natsConnection_GetMaxPayload(n->nc);

	return most > 2 * HEADER_ROOM ? (size_t)most - HEADER_ROOM : most > 0 ? (size_t)most / 2 : 0;
}

size_t
hr_nats_waiting(const struct hr_nats *n)
{
	return out_count(&n->p);
}

int
hr_nats_acked(struct hr_nats *n, uint64_t *cookie)
{
	struct publishing *p = &n->p;

	if (QUEUE_COUNT(p->cookies) == 0)
		return 0;
	*cookie = p->cookies.at[p->cookies.begin++];
	return 1;
}

/* The stream has the first ones: over to the caller. */
static void
pop_acked(struct hr_nats *n)
{
	struct publishing *p = &n->p;
	struct out *o;

	while (out_count(p) && (o = out_at(p, 0))->seq) {
		*QUEUE_PUT(p->cookies) = o->cookie;
		p->last_seq = o->seq;
		p->last_there = o->there;
		p->bytes -= o->size;
		out_clear(o);
		p->out.begin++;
		p->first++;
		if (p->sent)
			p->sent--;
		p->probe = false;
		p->pause_us = p->retry_us = 0;
		n->state = HR_NATS_READY;
		n->words[0] = 0;
	}
}

/* The id of the message at a sequence, NULL when there is none now. */
static char *
id_at(struct hr_nats *n, uint64_t seq, natsStatus *s)
{
	const char *id = NULL;
	natsMsg *m = NULL;
	jsErrCode j;
	char *copy = NULL;

	*s = js_GetMsg(&m, n->js, n->stream, seq, NULL, &j);
	if (*s == NATS_OK && natsMsgHeader_Get(m, "Nats-Msg-Id", &id) == NATS_OK)
		copy = hr_strdup(id);
	natsMsg_Destroy(m);
	return copy;
}

/*
 * The stream's last sequence is not that of the last acknowledgement.  Behind
 * it is ours when the server was down for longer than it knows ids.
 */
static void
resolve(struct hr_nats *n, uint64_t last)
{
	struct publishing *p = &n->p;
	char what[200], *id;
	natsStatus s;
	bool ours;

	if (last < p->last_seq) {
		snprintf(what, sizeof(what), "it ends at %" PRIu64 ", but had acknowledged up to %" PRIu64
		    ": messages are lost", last, p->last_seq);
		hr_nats_fail_for_good(n, HR_TEMPORARY, what, "start again from the receiver's checkpoint");
		return;
	}
	if (p->last_there) {		/* they are of this publisher before it began again */
		p->last_seq = last;
		p->last_there = false;
	}
	while (p->last_seq < last && out_count(p)) {
		id = id_at(n, p->last_seq + 1, &s);
		if (s != NATS_OK && s != NATS_NOT_FOUND) {
			rewind_to_first(p, true);	/* it went away: later */
			return;
		}
		ours = id && strcmp(id, out_at(p, 0)->id) == 0;
		free(id);
		if (!ours) {
			if (s == NATS_NOT_FOUND)
				hr_nats_fail_for_good(n, HR_TEMPORARY,
				    "a message was consumed, and it is not known which",
				    "start again from the receiver's checkpoint");
			else
				hr_nats_fail_for_good(n, HR_REFUSED, "another publisher writes to it",
				    "stop the other one, or give each its stream");
			return;
		}
		out_at(p, 0)->seq = p->last_seq + 1;
		pop_acked(n);
	}
	rewind_to_first(p, false);
}

static void
refused(struct hr_nats *n, uint64_t number, int code, const char *text)
{
	struct publishing *p = &n->p;
	const char *colon = strrchr(text, ':');

	snprintf(n->words, sizeof(n->words), "%s", text);
	switch (code) {
	case JSStreamWrongLastSequenceErr:
		if (number == p->first && colon) {
			resolve(n, strtoull(colon + 1, NULL, 10));
			return;
		}
		break;
	case JSStreamWrongLastMsgIDErr:
		break;
	case JSStreamMessageExceedsMaximumErr:
		hr_nats_fail_for_good(n, HR_CONFIG, text, "raise its max_msg_size: nats stream edit --max-msg-size");
		return;
	case JSStreamNotMatchErr:
		hr_nats_fail_for_good(n, HR_CONFIG, "the subject is another stream's", "see nats stream ls");
		return;
	default:
		n->state = strcasestr(text, "maximum bytes") || strcasestr(text, "maximum messages") ||
		    strcasestr(text, "insufficient") || strcasestr(text, "no space") ? HR_NATS_FULL : HR_NATS_REFUSED;
	}
	rewind_to_first(p, true);
}

void
hr_nats_publishing_ack(struct hr_nats *n, natsMsg *m, uint64_t gen, uint64_t number)
{
	struct publishing *p = &n->p;
	json_t *top, *error;
	struct out *o;
	uint64_t seq;

	if (number < p->first || number - p->first >= out_count(p))
		return;
	o = out_at(p, (size_t)(number - p->first));
	o->unanswered -= o->unanswered > 0;
	if (natsMsg_IsNoResponders(m)) {
		if (gen != p->gen)
			return;
		n->state = HR_NATS_UNHEARD;
		snprintf(n->words, sizeof(n->words), "no stream takes the subject");
		rewind_to_first(p, true);
		return;
	}
	top = json_loadb(natsMsg_GetData(m), (size_t)natsMsg_GetDataLength(m), 0, NULL);
	error = json_object_get(top, "error");
	seq = (uint64_t)json_integer_value(json_object_get(top, "seq"));
	if (error) {
		const char *text = json_string_value(json_object_get(error, "description"));

		if (gen == p->gen)
			refused(n, number, (int)json_integer_value(json_object_get(error, "err_code")),
			    text ? text : "refused");
	} else if (seq) {
		o->seq = seq;
		o->there = json_is_true(json_object_get(top, "duplicate"));
		pop_acked(n);
	} else if (gen == p->gen) {
		/* A duplicate without a sequence is one that is not stored yet. */
		snprintf(n->words, sizeof(n->words), "it is being stored");
		rewind_to_first(p, true);
	}
	json_decref(top);
}

void
hr_nats_publishing_info(struct hr_nats *n, natsMsg *m)
{
	struct publishing *p = &n->p;
	json_t *top = json_loadb(natsMsg_GetData(m), (size_t)natsMsg_GetDataLength(m), 0, NULL), *config, *state;
	int64_t now = hr_now_us();
	size_t i;

	config = json_object_get(top, "config");
	state = json_object_get(top, "state");
	if (!p->weighing || !config || !state) {
		json_decref(top);
		return;
	}
	n->limit = json_integer_value(json_object_get(config, "max_bytes"));
	p->used = (uint64_t)json_integer_value(json_object_get(state, "bytes"));
	json_decref(top);
	for (i = 0; i < out_count(p); i++) {
		if (out_at(p, i)->unanswered && now - out_at(p, i)->sent_us < ANSWER_US)
			p->used += out_at(p, i)->record;
	}
	p->weighed = true;
	p->weighing = false;
	p->weigh_us = 0;
	if (p->sent || out_count(p) == 0 || n->limit <= 0 || p->used + out_at(p, 0)->record <= (uint64_t)n->limit)
		return;
	n->state = HR_NATS_FULL;
	snprintf(n->words, sizeof(n->words), "it has %" PRIu64 " of %" PRId64 " bytes", p->used, n->limit);
	rewind_to_first(p, true);
	p->weigh_us = p->retry_us;
}

void
hr_nats_publishing_back(struct hr_nats *n)
{
	struct publishing *p = &n->p;
	size_t i;

	p->pause_us = 0;
	for (i = 0; i < out_count(p); i++)
		out_at(p, i)->unanswered = 0;
	p->weighed = p->weighing = false;
	p->weigh_us = 0;
	rewind_to_first(p, false);
}

void
hr_nats_publishing_by_clock(struct hr_nats *n, int64_t now)
{
	struct publishing *p = &n->p;

	if (p->sent && now - out_at(p, 0)->sent_us >= n->timeout_us)
		rewind_to_first(p, false);	/* no answer */
	send_more(n);
}

void
hr_nats_publishing_due(const struct hr_nats *n, int64_t *at)
{
	const struct publishing *p = &n->p;

	if (p->sent)
		hr_nats_soonest(at, out_at(p, 0)->sent_us + n->timeout_us);
	hr_nats_soonest(at, p->retry_us);
	hr_nats_soonest(at, p->weigh_us > hr_now_us() ? p->weigh_us : 0);
}

void
hr_nats_publishing_init(struct hr_nats *n, const struct hr_nats_options *o)
{
	n->p.in_flight = o->in_flight ? o->in_flight : IN_FLIGHT;
	n->p.shared = o->shared;
	n->p.gen = 1;
}

void
hr_nats_publishing_clear(struct hr_nats *n)
{
	struct publishing *p = &n->p;
	size_t i;

	for (i = 0; i < out_count(p); i++)
		out_clear(out_at(p, i));
	free(p->out.at);
	free(p->cookies.at);
}

#endif
