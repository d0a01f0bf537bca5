/*
 * nats_consume.c - messages out of a stream, in order, by a pull consumer that is
 * made anew.
 *
 * What was on its way when the connection broke would come again after ack_wait,
 * behind newer messages.  A consumer made anew begins at the first message that
 * the work queue still has.  The consumer's own sequence shows that nothing is
 * missing between two messages.
 *
 * The last message is not acknowledged before another one has come.  Where a
 * server is killed after the last messages were removed, version 2.9 knows its
 * last sequence no more: it counts from the last message it has, and gives a
 * sequence twice.
 */
#include "base/hr.h"

#ifdef HAVE_NATS

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "net/nats_inside.h"

#define PREFETCH	((uint64_t)8 << 20)
#define UNACKED		1000
#define ACK_WAIT_US	(60 * SECOND)
#define PULL_US		(30 * SECOND)		/* how long a request for messages stands */
#define HEARTBEAT_US	SECOND			/* and how often the server says that it does */
#define SILENCE_US	(2 * HEARTBEAT_US + SECOND)	/* after that long it stands no more */

struct got {
	natsMsg *msg;
	uint64_t seq, delivered;
	bool again;
};

struct unacked {
	uint64_t seq;
	char *reply;
};

static natsStatus
add_consumer(struct hr_nats *n, jsErrCode *j)
{
	struct consumer *c = &n->c;
	jsConsumerConfig config;
	natsStatus s = jsConsumerConfig_Init(&config);

	config.Durable = c->name;
	config.FilterSubject = c->filter;
	config.DeliverPolicy = js_DeliverAll;
	config.AckPolicy = js_AckExplicit;
	config.AckWait = c->ack_wait_us * 1000;
	config.MaxDeliver = -1;
	config.MaxAckPending = c->max_unacked;
	TRY(js_AddConsumer(NULL, n->js, n->stream, &config, NULL, j));
	return s;
}

/*
 * In place of the one that is there.  One that was removed, and is there again, is
 * another receiver's; one that is not went with its stream, or by somebody's hand.
 */
static int
replace_consumer(struct hr_nats *n, struct hr_err *e)
{
	struct consumer *c = &n->c;
	jsConsumerInfo *info = NULL;
	jsErrCode j = 0;
	natsStatus s;

	s = js_GetConsumerInfo(&info, n->js, n->stream, c->name, NULL, &j);
	if (s == NATS_OK && c->gone) {
		jsConsumerInfo_Destroy(info);
		hr_nats_fail_for_good(n, HR_REFUSED, "another receiver took the consumer over",
		    "let one receiver run at a time");
		*e = n->failed;
		return -1;
	}
	if (s == NATS_OK) {
		if (info->Delivered.Stream > c->before)
			c->before = info->Delivered.Stream;
		jsConsumerInfo_Destroy(info);
		s = js_DeleteConsumer(n->js, n->stream, c->name, NULL, &j);
	}
	if (s == NATS_OK || (s == NATS_NOT_FOUND && j != JSStreamNotFoundErr))
		s = add_consumer(n, &j);
	if (s != NATS_OK) {
		hr_nats_fail_status(n, e, s, "cannot consume");
		return hr_within(e, "stream '%s', consumer '%s'", n->stream, c->name);
	}
	return 0;
}

/*
 * A stream that ends before what came of it has lost messages, and gives sequences
 * again; so does another one of the same name, however far it is.
 */
static int
check_last(struct hr_nats *n, struct hr_err *e)
{
	jsStreamInfo *info = NULL;
	char what[200];
	natsStatus s;
	jsErrCode j;
	uint64_t last;
	int64_t created;

	s = js_GetStreamInfo(&info, n->js, n->stream, NULL, &j);
	if (s != NATS_OK)
		return hr_nats_fail_status(n, e, s, "cannot look at the stream");
	last = info->State.LastSeq;
	created = info->Created;
	jsStreamInfo_Destroy(info);
	if (n->c.last == 0)
		n->c.created = created;
	if (last >= n->c.last && created == n->c.created)
		return 0;
	if (created != n->c.created)
		snprintf(what, sizeof(what), "it was removed and made anew: messages are lost");
	else
		snprintf(what, sizeof(what), "it ends at %" PRIu64 ", but had given %" PRIu64 ": messages are lost", last,
		    n->c.last);
	hr_nats_fail_for_good(n, HR_TEMPORARY, what, "start again from the checkpoint; sequences begin anew");
	*e = n->failed;
	return -1;
}

/* The consumer anew, at the first message that the stream still has. */
static int
start_consumer(struct hr_nats *n, struct hr_err *e)
{
	struct consumer *c = &n->c;
	char *all;
	int r;

	natsSubscription_Unsubscribe(c->sub);
	natsSubscription_Destroy(c->sub);
	c->sub = NULL;
	c->instance++;
	all = hr_sprintf("%sp.%" PRIu64 ".*", n->inbox, c->instance);
	r = hr_nats_subscribe(n, &c->sub, all, c->instance, e);
	free(all);
	if (r == -1 || check_last(n, e) == -1 || replace_consumer(n, e) == -1)
		return -1;
	c->restart = c->asked = c->gone = false;
	c->next_cseq = 1;
	c->ask_us = 0;
	return 0;
}

int
hr_nats_consume(struct hr_nats *n, const struct hr_nats_consumer *o, struct hr_err *e)
{
	struct consumer *c = &n->c;

	if (c->on)
		return hr_fail(e, HR_INTERNAL, "there is a consumer");
	if (!hr_nats_is_name(o->name))
		return hr_fail(e, HR_USAGE, "'%s' cannot name a consumer", o->name);
	c->name = hr_strdup(o->name);
	c->filter = hr_strdup(o->subject);
	c->next = hr_sprintf("$JS.API.CONSUMER.MSG.NEXT.%s.%s", n->stream, c->name);
	c->ack_wait_us = o->ack_wait_us ? o->ack_wait_us : ACK_WAIT_US;
	c->max_unacked = o->max_unacked ? o->max_unacked : UNACKED;
	c->prefetch = o->prefetch ? o->prefetch : PREFETCH;
	if (start_consumer(n, e) == -1)
		return -1;
	c->on = true;
	hr_nats_wake(n);
	return 0;
}

/* Ask for messages when there is room for the largest, or none is here. */
static void
ask(struct hr_nats *n)
{
	struct consumer *c = &n->c;
	uint64_t largest = hr_nats_largest(n) + 2 * HEADER_ROOM;
	uint64_t room = c->prefetch > c->queued ? c->prefetch - c->queued : 0;
	char *reply, text[200];

	if (!c->on || c->asked || c->restart || !n->connected || c->ask_us > hr_now_us())
		return;
	if (room < largest && QUEUE_COUNT(c->got))
		return;
	if (room < largest)
		room = largest;
	c->left = c->max_unacked;
	c->left_bytes = (int64_t)room;
	c->request++;
	snprintf(text, sizeof(text), "{\"batch\":%" PRId64 ",\"max_bytes\":%" PRIu64 ",\"expires\":%" PRId64
	    ",\"idle_heartbeat\":%" PRId64 "}", c->left, room, PULL_US * 1000, HEARTBEAT_US * 1000);
	reply = hr_sprintf("%sp.%" PRIu64 ".%" PRIu64, n->inbox, c->instance, c->request);
	c->asked = natsConnection_PublishRequestString(n->nc, c->next, reply, text) == NATS_OK;
	free(reply);
	c->heard_us = hr_now_us();
	if (!c->asked)
		c->ask_us = c->heard_us + PAUSE_HIGH_US / 10;
}

static void
restart_consumer(struct hr_nats *n, int64_t pause_us)
{
	n->c.restart = true;
	n->c.restart_us = hr_now_us() + pause_us;
}

/* The server's word about a request: it stands, or it is over. */
static void
on_pull_status(struct hr_nats *n, natsMsg *m)
{
	struct consumer *c = &n->c;
	const char *status = NULL, *text = NULL;
	const char *dot = strrchr(natsMsg_GetSubject(m), '.');

	if (!dot || strtoull(dot + 1, NULL, 10) != c->request ||
	    natsMsgHeader_Get(m, "Status", &status) != NATS_OK)
		return;
	if (natsMsgHeader_Get(m, "Description", &text) != NATS_OK)
		text = "";
	c->heard_us = hr_now_us();
	if (strncmp(status, "100", 3) == 0)
		return;
	c->asked = false;
	if (strncmp(status, "503", 3) == 0) {
		restart_consumer(n, PAUSE_HIGH_US / 10);	/* no such consumer, now */
	} else if (strncmp(status, "409", 3) == 0 && strcasestr(text, "consumer deleted")) {
		c->gone = true;
		restart_consumer(n, PAUSE_HIGH_US / 2);
	} else if (strncmp(status, "409", 3) == 0 && (strcasestr(text, "exceeded") || strcasestr(text, "leadership")) &&
	    !strcasestr(text, "size")) {
		c->ask_us = c->heard_us + PAUSE_HIGH_US / 10;
	} else if (strncmp(status, "400", 3) == 0) {
		hr_nats_fail_for_good(n, HR_CONFIG, text, NULL);
	}
}

/* $JS.ACK.STREAM.CONSUMER.DELIVERED.SEQ.CSEQ.TIME.PENDING, newer: .DOMAIN.ACCOUNT before STREAM. */
static bool
parse_ack_subject(const char *s, uint64_t *delivered, uint64_t *seq, uint64_t *cseq)
{
	const char *at[13];
	size_t count = 0, i;

	if (!s || strncmp(s, "$JS.ACK.", 8) != 0)
		return false;
	for (at[count++] = s; count < HR_COUNT(at) && (s = strchr(s, '.')); )
		at[count++] = ++s;
	if (count < 9)
		return false;
	i = count == 9 ? 4 : 6;
	*delivered = strtoull(at[i], NULL, 10);
	*seq = strtoull(at[i + 1], NULL, 10);
	*cseq = strtoull(at[i + 2], NULL, 10);
	return *seq > 0;
}

/* The first that is not acknowledged, at or behind a sequence. */
static size_t
unacked_from(const struct consumer *c, uint64_t seq)
{
	size_t low = c->unacked.begin, high = c->unacked.end, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (c->unacked.at[middle].seq < seq)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void
acknowledge(struct hr_nats *n, struct unacked *u)
{
	if (u->reply)
		natsConnection_PublishString(n->nc, u->reply, "+ACK");
	free(u->reply);
	u->reply = NULL;
}

/* It came before in this session: its newest reply subject is the one that counts. */
static void
came_again(struct hr_nats *n, uint64_t seq, const char *reply)
{
	struct consumer *c = &n->c;
	size_t i = unacked_from(c, seq);
	struct unacked *u = i < c->unacked.end && c->unacked.at[i].seq == seq ? &c->unacked.at[i] : NULL;

	if (u && u->reply) {
		free(u->reply);
		u->reply = hr_strdup(reply);
	} else if (u || seq <= c->acked) {
		natsConnection_PublishString(n->nc, reply, "+ACK");
	}
}

/* Acknowledge what the caller has, but for the last message. */
static void
release(struct hr_nats *n)
{
	struct consumer *c = &n->c;
	struct unacked *u;
	size_t i;

	while (QUEUE_COUNT(c->unacked)) {
		u = &c->unacked.at[c->unacked.begin];
		if (u->seq > c->acked || u->seq >= c->last)
			break;
		acknowledge(n, u);
		c->unacked.begin++;
	}
	if (c->dropped && c->dropped < c->last) {
		i = unacked_from(c, c->dropped);
		if (i < c->unacked.end && c->unacked.at[i].seq == c->dropped)
			acknowledge(n, &c->unacked.at[i]);
		c->dropped = 0;
	}
	if (QUEUE_COUNT(c->unacked) == 1 && c->last <= c->acked)
		c->hold_us = hr_now_us() + c->ack_wait_us / 3;
	else
		c->hold_us = 0;
}

/*
 * What the server takes off the bytes of a request: it says when the next message
 * is too large, not that none are left.
 */
static int64_t
pulled_size(natsMsg *m)
{
	size_t size = strlen(natsMsg_GetSubject(m)) + strlen(natsMsg_GetReply(m)) + (size_t)natsMsg_GetDataLength(m);
	const char **key = NULL, *value;
	int count = 0, i;

	if (natsMsgHeader_Keys(m, &key, &count) == NATS_OK && count > 0)
		size += strlen("NATS/1.0\r\n\r\n");
	for (i = 0; i < count; i++) {
		if (natsMsgHeader_Get(m, key[i], &value) == NATS_OK)
			size += strlen(key[i]) + strlen(value) + strlen(": \r\n");
	}
	free(key);
	return (int64_t)size;
}

int
hr_nats_consumer_came(struct hr_nats *n, natsMsg *m, uint64_t instance)
{
	struct consumer *c = &n->c;
	uint64_t delivered, seq, cseq;
	struct unacked *u;
	struct got *g;

	if (instance != c->instance || c->restart)
		return 0;
	if (!parse_ack_subject(natsMsg_GetReply(m), &delivered, &seq, &cseq)) {
		on_pull_status(n, m);
		return 0;
	}
	c->heard_us = hr_now_us();
	c->left_bytes -= pulled_size(m);
	if (--c->left <= 0 || c->left_bytes == 0)
		c->asked = false;
	if (cseq != c->next_cseq) {
		restart_consumer(n, 0);		/* one is missing */
		return 0;
	}
	c->next_cseq++;
	if (seq <= c->last) {
		came_again(n, seq, natsMsg_GetReply(m));
		return 0;
	}
	c->last = seq;
	g = QUEUE_PUT(c->got);
	*g = (struct got){ .msg = m, .seq = seq, .delivered = delivered,
	    .again = delivered > 1 || seq <= c->before };
	u = QUEUE_PUT(c->unacked);
	*u = (struct unacked){ .seq = seq, .reply = hr_strdup(natsMsg_GetReply(m)) };
	c->queued += (uint64_t)natsMsg_GetDataLength(m) + 256;
	release(n);
	return 1;
}

int
hr_nats_fetch(struct hr_nats *n, struct hr_nats_message *m)
{
	struct consumer *c = &n->c;
	struct got *g;

	natsMsg_Destroy(c->lent);
	c->lent = NULL;
	if (QUEUE_COUNT(c->got) == 0)
		return 0;
	g = &c->got.at[c->got.begin++];
	c->lent = g->msg;
	m->subject = natsMsg_GetSubject(g->msg);
	m->data = (const uint8_t *)natsMsg_GetData(g->msg);
	m->len = (size_t)natsMsg_GetDataLength(g->msg);
	m->seq = g->seq;
	m->delivered = g->delivered;
	m->again = g->again;
	c->queued -= m->len + 256;
	ask(n);
	return 1;
}

const char *
hr_nats_header(const struct hr_nats *n, const char *name)
{
	const char *value = NULL;

	if (!n->c.lent || natsMsgHeader_Get(n->c.lent, name, &value) != NATS_OK)
		return NULL;
	return value;
}

void
hr_nats_ack(struct hr_nats *n, uint64_t seq)
{
	if (seq > n->c.acked)
		n->c.acked = seq;
	release(n);
}

void
hr_nats_drop(struct hr_nats *n, uint64_t from, uint64_t to)
{
	struct consumer *c = &n->c;
	size_t i;

	for (i = unacked_from(c, from); i < c->unacked.end; i++) {
		if (c->unacked.at[i].seq > to || c->unacked.at[i].seq >= c->last)
			break;
		acknowledge(n, &c->unacked.at[i]);
	}
	if (from <= c->last && c->last <= to)
		c->dropped = c->last;
}

void
hr_nats_working(struct hr_nats *n)
{
	size_t i;

	for (i = n->c.unacked.begin; n->connected && i < n->c.unacked.end; i++) {
		if (n->c.unacked.at[i].reply)
			natsConnection_PublishString(n->nc, n->c.unacked.at[i].reply, "+WPI");
	}
}

void
hr_nats_consumer_back(struct hr_nats *n)
{
	if (n->c.on)
		restart_consumer(n, 0);
}

void
hr_nats_consumer_by_clock(struct hr_nats *n, int64_t now)
{
	struct consumer *c = &n->c;
	struct hr_err e = HR_ERR_INIT;

	if (c->on && c->restart && c->restart_us <= now && start_consumer(n, &e) == -1) {
		n->state = HR_NATS_UNHEARD;
		snprintf(n->words, sizeof(n->words), "%.200s", e.what);
		restart_consumer(n, PAUSE_HIGH_US / 4);
	} else if (c->on && !c->restart && n->state == HR_NATS_UNHEARD && hr_nats_waiting(n) == 0) {
		n->state = HR_NATS_READY;
		n->words[0] = 0;
	}
	if (c->hold_us && c->hold_us <= now) {
		hr_nats_working(n);
		c->hold_us = now + c->ack_wait_us / 3;
	}
	if (c->asked && now - c->heard_us > SILENCE_US)
		c->asked = false;
	ask(n);
}

void
hr_nats_consumer_due(const struct hr_nats *n, int64_t *at)
{
	const struct consumer *c = &n->c;

	if (!c->on)
		return;
	hr_nats_soonest(at, c->restart ? c->restart_us : 0);
	hr_nats_soonest(at, c->hold_us);
	hr_nats_soonest(at, c->asked ? c->heard_us + SILENCE_US : c->ask_us);
}

void
hr_nats_consumer_clear(struct hr_nats *n)
{
	struct consumer *c = &n->c;
	size_t i;

	natsSubscription_Destroy(c->sub);
	for (i = c->got.begin; i < c->got.end; i++)
		natsMsg_Destroy(c->got.at[i].msg);
	for (i = c->unacked.begin; i < c->unacked.end; i++)
		free(c->unacked.at[i].reply);
	natsMsg_Destroy(c->lent);
	free(c->got.at);
	free(c->unacked.at);
	free(c->name);
	free(c->filter);
	free(c->next);
}

#endif
