/*
 * receiver.c - the loop that serves senders.
 *
 * A peer is a connection, a sink is who reads a lane.  What a peer says is
 * believed as far as its certificate goes: before it has said who it is its
 * messages are short and its time is limited; after that it may carry the
 * tenants it may carry.  A peer that errs is told so, and loses its connection;
 * its sink stays for it to come back, or is closed when it was the stream that
 * erred.
 */

#include "base/hr.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/crc32c.h"
#include "base/log.h"
#include "net/link.h"
#include "net/permit.h"
#include "net/receiver.h"
#include "net/sink.h"
#include "state/checkpoint.h"
#include "stream/frame.h"

#define SINK_FULL	((size_t)1 << 20)	/* bytes not handed on, with which no more are read */
#define LANES		(1 << 20)		/* of one sender, with a stream for each tenant */
#define ENDED		256			/* streams that have ended, whose senders may not know */
#define LINGER_US	INT64_C(3000000)	/* and --timeout: for such a sender to come back */
#define SPARE			24			/* descriptors that connections leave to streams */
#define FULL_US		INT64_C(100000)		/* until descriptors are asked for again */
#define TOLD_PER_10_S	20			/* refusals that are told of */
#define PARTING_US	INT64_C(2000000)	/* for a peer to read why */

enum stage { SHAKING, GREETING, SERVING, PARTING };

struct entry;

struct lane {
	uint32_t number;
	struct entry *entry;		/* who reads it, or NULL */
	struct hr_lane_open wanted;	/* while the sink that is there is to end first */
	uint64_t acked;
};

struct peer {
	struct hr_link link;
	enum stage stage;
	struct hr_permit permit;
	char *name;			/* of the certificate, or of the address */
	struct lane *lane;
	size_t lanes, lane_cap;
	int64_t parted;
	bool done;			/* it knows how its streams ended */
	size_t polled;			/* its place among those polled */
};

struct entry {
	struct hr_sink sink;
	struct hr_permit_look look;
	struct peer *peer;		/* who serves it now, or NULL */
	uint32_t number;		/* the lane there */
	char *owner;			/* the certificate's name of who began it; NULL: in the clear */
	char *from;			/* that name, or the address without its port */
	struct hr_permit permit;	/* and what that may carry */
};

/* A lane that is over: its sender may have been cut off before it was told. */
struct past {
	char session[HR_SESSION_SIZE];
	char *tenant;
	struct hr_err why;
};

struct receiver {
	const struct hr_receiver_options *o;
	int *listener;
	size_t listeners;
	struct hr_tls *tls;
	struct peer **peer;
	size_t peers, peer_cap;
	struct entry **entry;
	size_t entries, entry_cap;
	struct pollfd *poll;
	size_t polls, poll_cap;
	struct hr_buf buf;
	bool finished;			/* the first stream has ended, and no other is wanted */
	struct hr_err end;
	bool untold;			/* the sender of that one has not said that it knows */
	struct past past[ENDED];
	size_t pasts;
	size_t files;			/* descriptors that may be open */
	int64_t full;			/* no descriptor was left, since when; 0: not so */
	int64_t told_since;
	size_t told;
};

/* --- what is said of peers --- */

static void
tell(struct receiver *r, const struct hr_err *e)
{
	int64_t now = hr_now_us();

	if (now - r->told_since > 10000000) {
		if (r->told > TOLD_PER_10_S)
			hr_log(HR_LOG_WARNING, "%zu more connections had trouble", r->told - TOLD_PER_10_S);
		r->told_since = now;
		r->told = 0;
	}
	if (r->told++ < TOLD_PER_10_S)
		hr_log_err(HR_LOG_WARNING, e);
}

static const char *
who(const struct peer *p)
{
	return p->name ? p->name : p->link.peer;
}

/* The same for all connections of a sender, as far as that can be known.  Gives. */
static char *
origin(const struct peer *p)
{
	const char *colon = strrchr(p->link.peer, ':');

	if (p->name)
		return hr_strdup(p->name);
	return hr_sprintf("%.*s", (int)(colon ? colon - p->link.peer : (ptrdiff_t)strlen(p->link.peer)), p->link.peer);
}

/* --- sinks --- */

static struct entry *
entry_of(struct receiver *r, const struct hr_lane_open *l)
{
	size_t i;

	for (i = 0; i < r->entries; i++) {
		const struct hr_lane_open *m = &r->entry[i]->sink.lane;

		/* Whatever the system is: a stream of that name has one reader, and it knows which it takes. */
		if (strcmp(l->slot, m->slot) == 0 && (l->tenant == NULL) == (m->tenant == NULL) &&
		    (l->tenant == NULL || strcmp(l->tenant, m->tenant) == 0))
			return r->entry[i];
	}
	return NULL;
}

/* What the target says it has: its epoch may forbid this lane. */
static int
stand_of(const char *path, const struct hr_lane_open *l, hr_lsn *lsn, struct hr_err *e)
{
	struct hr_checkpoint cp = HR_CHECKPOINT_INIT;
	int rc = path ? hr_checkpoint_load(&cp, path, e) : 0;

	*lsn = 0;
	if (rc > 0 && hr_checkpoint_is_of(&cp, l->system, l->slot)) {
		*lsn = hr_checkpoint_durable(&cp, l->tenant);
		if (cp.epoch > l->epoch) {
			rc = hr_fail(e, HR_REFUSED, "stream '%s' is of epoch %" PRIu64 ", the target is at %" PRIu64,
			    l->slot, l->epoch, cp.epoch);
			hr_hint(e, "its source was fenced off; do not go on from it");
		}
	}
	hr_checkpoint_clear(&cp);
	return rc < 0 ? -1 : 0;
}

/* Has the sender as many commands as one may have? */
static bool
has_most(const struct receiver *r, const struct peer *p, struct hr_err *e)
{
	char *from = origin(p);
	size_t i, n = 0;

	for (i = 0; i < r->entries; i++)
		n += strcmp(r->entry[i]->from, from) == 0;
	if (r->o->command && n >= r->o->commands) {
		hr_fail(e, HR_TEMPORARY, "'%s' has %zu commands already", from, n);
		hr_hint(e, "let the receiver have more --commands");
	}
	free(from);
	return e->code != HR_OK;
}

static struct entry *
new_entry(struct receiver *r, struct peer *p, const struct hr_lane_open *l, const char *path, struct hr_err *e)
{
	struct entry *n;
	char **env;
	size_t i;

	for (i = 0; path && i < r->entries; i++)
		if (r->entry[i]->sink.checkpoint && strcmp(r->entry[i]->sink.checkpoint, path) == 0) {
			hr_fail(e, HR_CONFIG, "two streams would use the checkpoint '%s'", path);
			hr_hint(e, "put %%s (slot) and %%t (tenant) into --checkpoint");
			return NULL;
		}
	n = hr_zalloc(sizeof(*n));
	env = hr_sink_env(l, who(p), path);
	if (hr_sink_open(&n->sink, l, r->o->command, env, path, e) < 0) {
		hr_sink_clear(&n->sink);
		free(n);
		n = NULL;
	} else {
		n->owner = p->link.ssl ? hr_strdup(who(p)) : NULL;
		n->from = origin(p);
		hr_permit_copy(&n->permit, &p->permit);
		HR_GROW(r->entry, r->entries, r->entry_cap);
		r->entry[r->entries++] = n;
	}
	hr_sink_env_free(env);
	return n;
}

static struct lane *
lane_of(struct peer *p, uint32_t number)
{
	size_t low = 0, high = p->lanes, mid;

	/* In the order of their numbers. */
	while (low < high) {
		mid = (low + high) / 2;
		if (p->lane[mid].number < number)
			low = mid + 1;
		else
			high = mid;
	}
	return low < p->lanes && p->lane[low].number == number ? &p->lane[low] : NULL;
}

static void
free_entry(struct entry *n)
{
	hr_permit_look_clear(&n->look);
	hr_permit_clear(&n->permit);
	hr_sink_clear(&n->sink);
	free(n->owner);
	free(n->from);
	free(n);
}

static void
leave(struct entry *n)
{
	struct lane *l;

	if (n->peer && (l = lane_of(n->peer, n->number)))
		l->entry = NULL;
	n->peer = NULL;
}

static struct past *
past_of(struct receiver *r, const struct hr_lane_open *l)
{
	size_t i;

	for (i = 0; i < ENDED; i++) {
		struct past *m = &r->past[i];

		if (strcmp(m->session, l->session) == 0 && (l->tenant == NULL) == (m->tenant == NULL) &&
		    (l->tenant == NULL || strcmp(l->tenant, m->tenant) == 0))
			return m;
	}
	return NULL;
}

/* Its sender knows, and wants another reader. */
static void
forget(struct past *p)
{
	free(p->tenant);
	*p = (struct past){ .tenant = NULL };
}

static void
remember(struct receiver *r, const struct hr_sink *s)
{
	struct past *m = &r->past[r->pasts++ % ENDED];

	free(m->tenant);
	*m = (struct past){ .tenant = hr_strdup(s->lane.tenant), .why = s->why };
	memcpy(m->session, s->lane.session, sizeof(m->session));
}

static void
say_done(struct receiver *r, struct peer *p, uint32_t lane, const struct hr_err *why)
{
	hr_buf_reset(&r->buf);
	hr_wire_error_encode(why, &r->buf);
	hr_link_put(&p->link, HR_WIRE_DONE, lane, r->buf.data, r->buf.len);
}

/* --- peers --- */

static void
part(struct receiver *r, struct peer *p, const struct hr_err *why)
{
	struct hr_err e = *why;

	if (p->stage == PARTING)
		return;
	hr_within(&e, "%s", who(p));
	tell(r, &e);
	if (p->link.shaken) {
		hr_buf_reset(&r->buf);
		hr_wire_error_encode(why, &r->buf);
		hr_link_put(&p->link, HR_WIRE_ERROR, 0, r->buf.data, r->buf.len);
	}
	p->stage = PARTING;
	p->parted = hr_now_us();
}

static void
drop(struct receiver *r, size_t i)
{
	struct peer *p = r->peer[i];
	size_t k;

	for (k = 0; k < r->entries; k++)
		if (r->entry[k]->peer == p)
			r->entry[k]->peer = NULL;
	for (k = 0; k < p->lanes; k++)
		hr_lane_open_clear(&p->lane[k].wanted);
	hr_link_close(&p->link);
	hr_permit_clear(&p->permit);
	free(p->name);
	free(p->lane);
	free(p);
	r->peer[i] = r->peer[--r->peers];
}

/* What a certificate's owner is called: a common name, or what else it has.  Gives. */
static char *
name_of(const struct hr_tls_names *n, const char *address)
{
	size_t i;

	for (i = 0; i < n->names; i++)
		if (*n->name[i])
			return hr_strdup(n->name[i]);
	return hr_strdup(n->uris ? n->uri[0] : address);
}

static int
greeted(struct receiver *r, struct peer *p, const struct hr_wire *m, struct hr_err *e)
{
	struct hr_hello hello, ours = { .version = HR_WIRE_VERSION, .by_tenant = r->o->by_tenant };
	struct hr_tls_names names;
	struct hr_buf b = HR_BUF_INIT;
	int rc = 0;

	if (hr_hello_decode(&hello, m, e) < 0)
		return -1;
	if (!hello.sender)
		return hr_fail(e, HR_CONFIG, "the peer is a receiver too");
	if (p->link.ssl) {
		hr_tls_names(p->link.ssl, &names);
		p->name = name_of(&names, p->link.peer);
		rc = hr_permit_open(&p->permit, &names, r->o->tenant_map, e);
		hr_tls_names_clear(&names);
	} else
		p->permit.all = true;
	if (rc < 0)
		return -1;
	hr_permit_narrow(&p->permit, r->o->tenant, r->o->tenants);
	snprintf(ours.program, sizeof(ours.program), "%s", HR_VERSION);
	hr_hello_encode(&ours, &b);
	hr_link_put(&p->link, HR_WIRE_HELLO, 0, b.data, b.len);
	hr_buf_clear(&b);
	p->link.most = HR_WIRE_MOST;
	p->stage = SERVING;
	hr_log(HR_LOG_NOTE, "%s connected from %s%s%s", who(p), p->link.peer, p->link.ssl ? ", " : "",
	    p->link.ssl ? SSL_get_cipher_name(p->link.ssl) : "");
	return 0;
}

/* The lane has its sink: say where that stands. */
static void
stand(struct receiver *r, struct peer *p, struct lane *l, struct entry *n, hr_lsn lsn)
{
	struct hr_lane_stand s = { .fresh = !n->sink.began, .place = n->sink.place, .lsn = lsn,
	    .checkpoint = r->o->checkpoint != NULL, .seen = n->sink.w.seen };
	size_t i;

	/* A connection that is still thought to be there has been cut, or this would not have come. */
	if (n->peer && n->peer != p) {
		struct peer *old = n->peer;

		leave(n);
		for (i = 0; i < r->peers; i++)
			if (r->peer[i] == old && old->lanes == 1)
				drop(r, i);
	}
	n->peer = p;
	n->number = l->number;
	l->entry = n;
	l->acked = n->sink.place;
	n->sink.changed = true;
	hr_buf_reset(&r->buf);
	hr_lane_stand_encode(&s, &r->buf);
	hr_link_put(&p->link, HR_WIRE_STAND, l->number, r->buf.data, r->buf.len);
}

/* The lane cannot be, and the others of the connection can. */
static void
refuse_lane(struct receiver *r, struct peer *p, uint32_t lane, struct hr_err *e)
{
	struct hr_err said = *e;

	say_done(r, p, lane, e);
	hr_within(&said, "%s", who(p));
	tell(r, &said);
	hr_err_clear(e);
}

/* Give the lane a sink, or let it wait for the one that is there to end. */
static int
settle(struct receiver *r, struct peer *p, struct lane *l, struct hr_err *e)
{
	struct hr_lane_open *w = &l->wanted;
	struct entry *n = entry_of(r, w);
	struct past *past = past_of(r, w);
	char *path;
	hr_lsn lsn;
	int rc;

	if (past && w->again)
		forget(past);
	else if (past) {
		say_done(r, p, l->number, &past->why);
		hr_lane_open_clear(w);
		return 0;
	}
	if (r->finished)
		return hr_fail(e, HR_TEMPORARY, "the receiver is about to end");
	/* Another source may take over, but none that may carry less. */
	if (n && n->owner && strcmp(n->owner, who(p)) != 0 && !hr_permit_covers(&p->permit, &n->permit)) {
		hr_fail(e, HR_REFUSED, "stream '%s' is that of '%s', which may carry tenants that '%s' may not", w->slot,
		    n->owner, who(p));
		return hr_hint(e, "let each source have a slot of its own");
	}
	if (n && n->sink.lane.epoch > w->epoch) {
		hr_fail(e, HR_REFUSED, "stream '%s' is of epoch %" PRIu64 ", one of epoch %" PRIu64 " came before",
		    w->slot, w->epoch, n->sink.lane.epoch);
		return hr_hint(e, "its source was fenced off; do not go on from it");
	}
	/* Nothing was said yet: the reader that waits for one takes this as well. */
	if (n && !n->sink.closing && !n->sink.began && n->sink.lane.system == w->system &&
	    strcmp(n->sink.lane.database, w->database) == 0) {
		free(n->owner);
		hr_permit_clear(&n->permit);
		n->owner = p->link.ssl ? hr_strdup(who(p)) : NULL;
		hr_permit_copy(&n->permit, &p->permit);
		memcpy(n->sink.lane.session, w->session, sizeof(w->session));
		n->sink.lane.epoch = w->epoch;
		n->sink.lane.timeline = w->timeline;
	}
	if (n && !n->sink.closing && strcmp(n->sink.lane.session, w->session) == 0 && n->sink.lane.epoch == w->epoch) {
		stand(r, p, l, n, 0);
		hr_lane_open_clear(w);
		return 0;
	}
	if (r->o->command == NULL && r->entries && (n == NULL || n->sink.began || n->sink.closing)) {
		if (n == NULL || n->sink.ended || (n->peer && n->peer != p && n->sink.lane.system != w->system)) {
			hr_fail(e, HR_TEMPORARY, "standard output has another stream, '%s'", r->entry[0]->sink.lane.slot);
			return hr_hint(e, "a receiver of many senders needs --exec");
		}
		hr_fail(&r->end, HR_TEMPORARY, "%s begins stream '%s' anew, and standard output has had its beginning",
		    who(p), w->slot);
		hr_hint(&r->end, "start again, with its reader: it sends from what the target has");
		*e = r->end;
		r->finished = true;
		return -1;
	}
	if (n == NULL && has_most(r, p, e)) {
		if (!r->o->by_tenant)
			return -1;
		refuse_lane(r, p, l->number, e);
		hr_lane_open_clear(w);
		return 0;
	}
	path = hr_sink_path(r->o->checkpoint, w);
	rc = stand_of(path, w, &lsn, e);
	if (rc == 0 && n)
		hr_sink_close(&n->sink);	/* and try again when it is over */
	else if (rc == 0 && (n = new_entry(r, p, w, path, e)) == NULL)
		rc = -1;
	else if (rc == 0) {
		stand(r, p, l, n, lsn);
		hr_lane_open_clear(w);
	}
	free(path);
	return rc;
}

static int
open_lane(struct receiver *r, struct peer *p, const struct hr_wire *m, struct hr_err *e)
{
	struct hr_lane_open o = { .tenant = NULL };
	struct lane *was = lane_of(p, m->lane);
	size_t at;

	/* Its reader has ended, and the sender tries again. */
	if (was && was->entry == NULL && was->wanted.slot == NULL) {
		at = (size_t)(was - p->lane);
		memmove(was, was + 1, (--p->lanes - at) * sizeof(*was));
		was = NULL;
	}
	if (was || p->lanes == LANES || hr_lane_open_decode(&o, m, e) < 0)
		return e->code ? -1 : hr_fail(e, HR_BAD_STREAM, "lane %" PRIu32 " cannot be opened", m->lane);
	/* Each may be a command here. */
	if (!r->o->by_tenant && p->lanes)
		hr_fail(e, HR_BAD_STREAM, "a second stream on one connection");
	else if ((o.tenant != NULL) != r->o->by_tenant)
		hr_fail(e, HR_CONFIG, "the sender has %s", o.tenant ? "a stream for each tenant" : "one stream for all tenants");
	else if (o.tenant && !hr_permit_has(&p->permit, o.tenant, strlen(o.tenant)))
		hr_fail(e, HR_REFUSED, "tenant '%s' may not be carried by this sender", o.tenant);
	if (e->code) {
		hr_lane_open_clear(&o);
		/* What one tenant may not does not hold up the others. */
		if (e->code != HR_REFUSED)
			return -1;
		refuse_lane(r, p, m->lane, e);
		return 0;
	}
	HR_GROW(p->lane, p->lanes, p->lane_cap);
	for (at = p->lanes++; at && p->lane[at - 1].number > m->lane; at--)
		p->lane[at] = p->lane[at - 1];
	p->lane[at] = (struct lane){ .number = m->lane, .wanted = o };
	return settle(r, p, &p->lane[at], e);
}

/* Are these whole frames that follow what the sink has, just as they were sent? */
static int
verify(const struct hr_sink *s, const uint8_t *at, const uint8_t *end, struct hr_err *e)
{
	uint32_t crc, before = s->began ? s->w.seen.crc : 0;
	struct hr_frame f;

	while (at < end) {
		if ((size_t)(end - at) < HR_FRAME_SIZE)
			return hr_fail(e, HR_BAD_STREAM, "a frame that is cut");
		if (hr_frame_decode(&f, at, before, &crc, e) < 0)
			return -1;
		before = hr_get_u32le(at + HR_FRAME_SUMMED);
		if ((size_t)(end - at) < HR_FRAME_SIZE + (size_t)f.tenant_len + f.len)
			return hr_fail(e, HR_BAD_STREAM, "a frame that is cut");
		at += HR_FRAME_SIZE;
		if (hr_crc32c(0, at, (size_t)f.tenant_len + f.len) != crc)
			return hr_fail(e, HR_BAD_STREAM, "a frame's bytes do not match their checksum");
		at += f.tenant_len + f.len;
	}
	return 0;
}

/* Frames for the lane's sink, which were verified: all of them, or the stream is in error. */
static int
take(struct peer *p, struct entry *n, const struct hr_wire *m, struct hr_err *e)
{
	struct hr_sink *s = &n->sink;
	const uint8_t *at = m->data + 8, *end = m->data + m->len;
	struct hr_frame f;
	uint32_t crc;

	while (at < end) {
		if (hr_frame_decode(&f, at, s->began ? s->w.seen.crc : 0, &crc, e) < 0)
			return -1;
		f.tenant = (const char *)at + HR_FRAME_SIZE;
		f.data = (const uint8_t *)f.tenant + f.tenant_len;
		if (f.type != HR_FRAME_END && f.type != HR_FRAME_HEAD && hr_permit_frame(&p->permit, &n->look, &f, e) < 0)
			return -1;
		if (hr_sink_take(s, at, HR_FRAME_SIZE + f.tenant_len + f.len, &f, e) < 0)
			return -1;
		if (f.type == HR_FRAME_HEAD && hr_permit_head(&p->permit, &n->look, &s->head, e) < 0)
			return -1;
		at += HR_FRAME_SIZE + f.tenant_len + f.len;
	}
	/* A place in front of the head is nothing to go on from. */
	if (s->began)
		hr_sink_taken(s, hr_get_u64le(m->data));
	return 0;
}

static int
heard(struct receiver *r, struct peer *p, const struct hr_wire *m, struct hr_err *e)
{
	struct hr_err why = HR_ERR_INIT;
	struct lane *l;
	size_t i;

	if (m->kind == HR_WIRE_ERROR) {
		/* The sender's own trouble: who reads its streams need not wait. */
		if (hr_wire_error_decode(&why, m, e) < 0)
			return -1;
		if (why.code == HR_OK)
			why.code = HR_TEMPORARY;
		for (i = 0; i < p->lanes; i++)
			if (p->lane[i].entry) {
				p->lane[i].entry->sink.why = why;
				hr_sink_close(&p->lane[i].entry->sink);
			}
		*e = why;
		hr_within(e, "the sender stopped");
		return -1;
	}
	if (p->stage == GREETING && m->kind == HR_WIRE_HELLO)
		return greeted(r, p, m, e);
	if (p->stage == SERVING && m->kind == HR_WIRE_OPEN)
		return open_lane(r, p, m, e);
	if (p->stage == SERVING && m->kind == HR_WIRE_DONE) {
		r->untold = false;
		for (i = 0; i < p->lanes && p->lane[i].entry == NULL && p->lane[i].wanted.slot == NULL; i++)
			;
		p->done = i == p->lanes;
		return 0;
	}
	if (p->stage == SERVING && m->kind == HR_WIRE_DATA) {
		if ((l = lane_of(p, m->lane)) == NULL || l->wanted.slot)
			return hr_fail(e, HR_BAD_STREAM, "frames of a lane that is not open");
		if (l->entry == NULL || l->entry->sink.closing)
			return 0;		/* on their way when its reader went */
		if (m->len < 8)
			return hr_fail(e, HR_BAD_STREAM, "frames without a place");
		if (verify(&l->entry->sink, m->data + 8, m->data + m->len, e) < 0) {
			/* The sender had checked it: it was damaged on the way, and may come whole again. */
			e->code = HR_TEMPORARY;
			return hr_hint(e, "TLS would have noticed; what was damaged is sent again");
		}
		if (take(p, l->entry, m, e) == 0)
			return 0;
		l->entry->sink.why = *e;
		hr_sink_close(&l->entry->sink);	/* what it has is no stream */
		return -1;
	}
	return hr_fail(e, HR_BAD_STREAM, "the sender says '%c' where it should not", m->kind);
}

/* Are its sinks so full that no more is read? */
static bool
reading(const struct peer *p)
{
	size_t i;

	for (i = 0; i < p->lanes; i++)
		if (p->lane[i].entry && hr_sink_waiting(&p->lane[i].entry->sink) > SINK_FULL)
			return false;
	return true;
}

static int
serve(struct receiver *r, struct peer *p, short events, struct hr_err *e)
{
	struct hr_wire m;
	int more;

	if (p->stage == SHAKING) {
		if ((more = hr_link_shake(&p->link, e)) < 0)
			return -1;
		if (more == 0)
			p->stage = GREETING;
	}
	if (p->stage < SERVING && hr_now_us() - p->link.opened > r->o->hello_us)
		return hr_fail(e, HR_TEMPORARY, "nothing was said for %.0f s", (double)r->o->hello_us / 1e6);
	if (p->stage == SHAKING)
		return 0;
	if (((events & POLLIN) || p->link.more) && reading(p) && hr_link_read(&p->link, e) < 0)
		return -1;
	while (reading(p) && (more = hr_link_next(&p->link, &m, e)) != 0) {
		if (more < 0 && p->stage == SERVING)
			e->code = HR_TEMPORARY;		/* it knew how to speak before */
		if (more < 0 || heard(r, p, &m, e) < 0)
			return -1;
	}
	if (p->done && p->link.ended) {
		p->stage = PARTING;
		p->parted = hr_now_us();
		return 0;
	}
	if ((p->link.ended && reading(p)) || ((events & (POLLERR | POLLHUP)) && !reading(p)))
		return hr_fail(e, HR_TEMPORARY, "it closed the connection");
	if (p->stage == SERVING && hr_link_alive(&p->link, r->o->dead_us, reading(p), e) < 0)
		return -1;
	return hr_link_write(&p->link, e);
}

/* --- what flows back --- */

static void
acknowledge(struct receiver *r, struct entry *n)
{
	struct hr_err e = HR_ERR_INIT;
	struct lane *l = n->peer ? lane_of(n->peer, n->number) : NULL;
	uint8_t place[8];
	int rc;

	/* A peer that reads nothing is not told more and more. */
	if (l == NULL || n->peer->stage != SERVING || hr_link_waiting(&n->peer->link) > HR_LINK_GATHER) {
		hr_sink_drain(&n->sink);
		return;
	}
	if (n->sink.handed > l->acked) {
		l->acked = n->sink.handed;
		hr_set_u64le(place, l->acked);
		hr_link_put(&n->peer->link, HR_WIRE_ACK, n->number, place, sizeof(place));
	}
	hr_buf_reset(&r->buf);
	if ((rc = hr_sink_checkpoint(&n->sink, &r->buf, &e)) < 0)
		hr_log_err(HR_LOG_WARNING, &e);		/* looked at again when it changes */
	if (rc > 0)
		hr_link_put(&n->peer->link, HR_WIRE_CHECKPOINT, n->number, r->buf.data, r->buf.len);
}

static void
finish(struct receiver *r, size_t i)
{
	struct entry *n = r->entry[i];
	struct hr_err *why = &n->sink.why;
	struct lane *l;
	struct hr_err e;

	acknowledge(r, n);
	if (why->code) {
		e = *why;
		if (r->o->command)
			hr_log_err(HR_LOG_WARNING, &e);
	} else
		hr_log(HR_LOG_NOTE, "%s: ended", n->sink.name);
	remember(r, &n->sink);
	if (n->peer && (l = lane_of(n->peer, n->number))) {
		if (n->peer->stage == SERVING)
			say_done(r, n->peer, n->number, why);
		l->entry = NULL;
		l->acked = 0;
	}
	if (r->o->command == NULL || (r->o->once && n->sink.ended)) {
		r->finished = true;
		r->untold = n->sink.ended && why->code == HR_OK;
		if (r->end.code == HR_OK)
			r->end = *why;
		if (r->end.code == HR_OK && !n->sink.ended) {
			hr_fail(&r->end, HR_TEMPORARY, "%s: it was not ended", n->sink.name);
			hr_hint(&r->end, "start again, with its reader");
		}
	}
	free_entry(n);
	r->entry[i] = r->entry[--r->entries];
}

/* --- the loop --- */

/* Who has not said who he is, or has been told to go, makes room for one who may stay. */
static bool
make_room(struct receiver *r)
{
	struct hr_err e = HR_ERR_INIT;
	size_t i, oldest = SIZE_MAX;

	for (i = 0; i < r->peers; i++)
		if (r->peer[i]->stage != SERVING && (oldest == SIZE_MAX ||
		    r->peer[i]->link.opened < r->peer[oldest]->link.opened))
			oldest = i;
	if (oldest == SIZE_MAX)
		return false;
	if (r->peer[oldest]->stage != PARTING) {
		hr_fail(&e, HR_TEMPORARY, "%s: it had said nothing, and makes room", r->peer[oldest]->link.peer);
		tell(r, &e);
	}
	drop(r, oldest);
	return true;
}

static void
no_descriptor(struct receiver *r)
{
	struct hr_err e = HR_ERR_INIT;

	hr_fail_sys(&e, "cannot take a connection");
	hr_hint(&e, "let it open more files, or give fewer --connections");
	if (r->full == 0)
		tell(r, &e);
	/* It is there still when we look again. */
	r->full = make_room(r) ? 0 : hr_now_us();
}

static void
admit(struct receiver *r, int listener)
{
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa);
	struct hr_err e = HR_ERR_INIT;
	char text[HR_ADDRESS_TEXT];
	SSL *ssl = NULL;
	struct peer *p;
	int fd = accept4(listener, (struct sockaddr *)&sa, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0) {
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
			no_descriptor(r);
		return;
	}
	r->full = 0;
	/* Streams need some too: a pipe, a process and a file to watch. */
	if (r->listeners + r->peers + 3 * r->entries + SPARE > r->files)
		make_room(r);
	if (r->peers >= r->o->connections && !make_room(r))
		hr_fail(&e, HR_TEMPORARY, "a connection was turned away: there are %zu", r->peers);
	else if (r->tls)
		ssl = hr_tls_session(r->tls, fd, NULL, &e);
	if (e.code) {
		close(fd);
		tell(r, &e);
		return;
	}
	hr_address_tune(fd, r->o->dead_us);
	p = hr_zalloc(sizeof(*p));
	hr_link_open(&p->link, fd, ssl, hr_address_format(text, (struct sockaddr *)&sa, len));
	p->stage = ssl ? SHAKING : GREETING;
	HR_GROW(r->peer, r->peers, r->peer_cap);
	r->peer[r->peers++] = p;
}

static void
add_poll(struct receiver *r, struct pollfd p)
{
	HR_GROW(r->poll, r->polls, r->poll_cap);
	r->poll[r->polls++] = p;
}

static void
gather(struct receiver *r, int *wait_ms)
{
	struct pollfd p[3];
	size_t i, k, n;

	r->polls = 0;
	*wait_ms = (int)(HR_LINK_PING_US / 1000);
	if (r->full && hr_now_us() - r->full > FULL_US)
		r->full = 0;
	if (r->full)
		*wait_ms = (int)(FULL_US / 1000);
	for (i = 0; i < r->listeners; i++)
		add_poll(r, (struct pollfd){ r->listener[i], r->full ? 0 : POLLIN, 0 });
	/* A reader of standard output that goes before there is a stream is noticed too. */
	if (r->o->command == NULL && r->entries == 0)
		add_poll(r, (struct pollfd){ STDOUT_FILENO, 0, 0 });
	for (i = 0; i < r->peers; i++) {
		struct peer *q = r->peer[i];

		q->polled = r->polls;
		add_poll(r, (struct pollfd){ q->link.fd, hr_link_events(&q->link, q->stage < PARTING && reading(q)), 0 });
		if (q->stage < PARTING && (q->link.more || hr_link_has(&q->link)) && reading(q))
			*wait_ms = 0;
	}
	for (i = 0; i < r->entries; i++) {
		n = hr_sink_poll(&r->entry[i]->sink, p);
		for (k = 0; k < n; k++)
			add_poll(r, p[k]);
		/* A file takes all, and a checkpoint that was held back is told of soon. */
		if (r->entry[i]->sink.blocking && hr_sink_waiting(&r->entry[i]->sink))
			*wait_ms = 0;
		if (r->entry[i]->sink.changed && r->entry[i]->peer && *wait_ms > 10)
			*wait_ms = 10;
	}
}

/* Lanes that wait for a sink to end. */
static void
settle_waiting(struct receiver *r)
{
	struct hr_err e = HR_ERR_INIT;
	size_t i, k;

	for (i = 0; i < r->peers; i++)
		for (k = 0; k < r->peer[i]->lanes; k++) {
			struct lane *l = &r->peer[i]->lane[k];

			hr_err_clear(&e);
			if (l->wanted.slot && r->peer[i]->stage == SERVING && entry_of(r, &l->wanted) == NULL &&
			    settle(r, r->peer[i], l, &e) < 0)
				part(r, r->peer[i], &e);
		}
}

static bool
parted(struct peer *p)
{
	struct hr_err e = HR_ERR_INIT;

	if (hr_now_us() - p->parted > PARTING_US || (!p->link.shut && hr_link_write(&p->link, &e) < 0))
		return true;
	return hr_link_waiting(&p->link) == 0 && !hr_link_linger(&p->link);
}

static int
turn(struct receiver *r, struct hr_err *e)
{
	size_t i, peers;
	int wait_ms;

	gather(r, &wait_ms);
	if (poll(r->poll, r->polls, wait_ms) < 0 && errno != EINTR)
		return hr_fail_sys(e, "cannot wait");
	if (!r->finished && r->o->command == NULL && r->entries == 0 &&
	    (r->poll[r->listeners].revents & (POLLERR | POLLHUP | POLLNVAL))) {
		hr_fail(&r->end, HR_TEMPORARY, "the reader of standard output has gone");
		hr_hint(&r->end, "look at what the stage behind says");
		r->finished = true;
		return 0;
	}
	peers = r->peers;
	/* From behind: one that goes is replaced by one that was served already. */
	for (i = peers; i-- > 0; ) {
		struct hr_err why = HR_ERR_INIT;
		struct peer *p;

		if (i >= r->peers)
			continue;
		p = r->peer[i];
		if (p->stage < PARTING && serve(r, p, r->poll[p->polled].revents, &why) < 0)
			part(r, p, &why);
	}
	for (i = 0; i < r->entries; i++)
		hr_sink_look(&r->entry[i]->sink);
	for (i = r->entries; i-- > 0; ) {
		acknowledge(r, r->entry[i]);
		if (r->entry[i]->sink.over)
			finish(r, i);
	}
	settle_waiting(r);
	for (i = r->peers; i-- > 0; )
		if (r->peer[i]->stage < PARTING ? hr_link_write(&r->peer[i]->link, e) < 0 : parted(r->peer[i]))
			drop(r, i);
	hr_err_clear(e);
	for (i = 0; i < r->listeners; i++)
		if (r->poll[i].revents & POLLIN)
			admit(r, r->listener[i]);
	return 0;
}

/* Who has not read why, or that all is well, has a little time for it. */
static void
farewell(struct receiver *r)
{
	int64_t until = hr_now_us() + PARTING_US;
	struct hr_err e = HR_ERR_INIT;
	bool waiting = true;
	size_t i;
	int64_t told = hr_now_us() + r->o->dead_us + LINGER_US;

	/* One that was cut off just now comes back, and must not come back for ever. */
	while (r->untold && hr_now_us() < told)
		if (turn(r, &e) < 0)
			break;
	for (i = 0; i < r->peers; i++)
		if (r->peer[i]->stage == SERVING && r->end.code)
			part(r, r->peer[i], &r->end);
	until = hr_now_us() + PARTING_US;
	while (waiting && hr_now_us() < until) {
		waiting = false;
		for (i = 0; i < r->peers; i++)
			waiting |= r->peer[i]->link.shaken && (r->peer[i]->link.shut ||
			    hr_link_write(&r->peer[i]->link, &e) == 0) &&
			    (hr_link_waiting(&r->peer[i]->link) || hr_link_linger(&r->peer[i]->link));
		if (waiting)
			poll(NULL, 0, 10);
	}
}

static int
write_port(const char *path, int fd, struct hr_err *e)
{
	char *beside = hr_sprintf("%s.tmp", path);
	FILE *f = fopen(beside, "we");

	if (f == NULL || fprintf(f, "%d\n", hr_address_port(fd)) < 0 || fclose(f) != 0 || rename(beside, path) < 0)
		hr_fail_sys(e, "cannot write '%s'", path);
	free(beside);
	return e->code ? -1 : 0;
}

/* As many as we may: two for each stream and one for each connection. */
static size_t
more_files(void)
{
	struct rlimit l, most;

	if (getrlimit(RLIMIT_NOFILE, &l) < 0)
		return SIZE_MAX;
	most = (struct rlimit){ l.rlim_max, l.rlim_max };
	if (l.rlim_cur < l.rlim_max && setrlimit(RLIMIT_NOFILE, &most) == 0)
		l = most;
	return (size_t)l.rlim_cur;
}

int
hr_receiver_run(const struct hr_receiver_options *o, struct hr_err *e)
{
	struct receiver r = { .o = o };
	int rc = -1;
	size_t i;

	if (o->tls.cert && hr_tls_open(&r.tls, &o->tls, true, e) < 0)
		return -1;
	/* What is started here does not hold it open, and can be waited for whatever we were started with. */
	if (o->ready_fd > STDERR_FILENO)
		fcntl(o->ready_fd, F_SETFD, FD_CLOEXEC);
	signal(SIGCHLD, SIG_DFL);
	r.files = more_files();
	r.listener = hr_address_listen(&o->at, o->insecure || r.tls, &r.listeners, e);
	if (r.listener && (o->port_file == NULL || write_port(o->port_file, r.listener[0], e) == 0)) {
		if (o->ready_fd >= 0)
			(void)!write(o->ready_fd, "\n", 1);
		while (!r.finished && (rc = turn(&r, e)) == 0)
			;
		if (r.finished)
			farewell(&r);
		if (r.finished && r.end.code) {
			*e = r.end;
			rc = -1;
		}
	}
	while (r.peers)
		drop(&r, r.peers - 1);
	for (i = 0; i < r.entries; i++)
		free_entry(r.entry[i]);
	for (i = 0; i < ENDED; i++)
		free(r.past[i].tenant);
	for (i = 0; i < r.listeners; i++)
		close(r.listener[i]);
	free(r.listener);
	free(r.peer);
	free(r.entry);
	free(r.poll);
	hr_buf_clear(&r.buf);
	hr_tls_close(r.tls);
	return rc;
}
