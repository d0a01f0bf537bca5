/*
 * courier.c - from standard input to a spool, and from there to a receiver.
 *
 * One thread reads the stream into the spool; the other looks through the shared
 * log for what there is for whom, and carries it.  A lane is a tenant's stream,
 * or that of all; a lane whose reader is gone waits and is tried again, and the
 * others go on.
 */

#include "base/hr.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/hex.h"
#include "base/log.h"
#include "base/lsn.h"
#include "net/courier.h"
#include "net/lane.h"
#include "net/qos.h"
#include "state/checkpoint.h"
#include "state/metrics.h"
#include "state/trim.h"

#define MEASURE_US	INT64_C(1000000)
#define TRIM_US		INT64_C(500000)
#define RETRY_FIRST_US	INT64_C(200000)		/* a lane whose reader has gone: doubled up to the most */
#define RETRY_MOST_US	INT64_C(5000000)
#define REFUSED_US	INT64_C(60000000)	/* one that was refused */
#define WAITS_US	INT64_C(30000000)	/* until a drain says what it waits for */
#define KNOWN_EVERY	16			/* bundles between those whose LSN is remembered */
#define ENDS		(UINT64_C(1) << 63)	/* the place of an end frame */
#define SEND_ONCE	64			/* bundles looked at in a turn, so that what comes back is heard */

enum state { CLOSED, OPENING, FLOWING };

struct sent {
	uint64_t place;
	size_t bytes;
};

struct cargo {
	struct hr_lane lane;
	uint32_t number;
	enum state state;
	bool work;			/* bundles are there that it was not sent */
	uint64_t last;			/* the last of them */
	struct hr_chain_mark from;	/* the first of them, once it had been sent all before */
	bool caught_up;
	bool owed;			/* its last bundle did not end with a watermark */
	hr_lsn wants;			/* the watermark up to which it has work */
	hr_lsn durable;			/* the target has all before, as its reader said last */
	hr_lsn stood;			/* so much was in the file when that reader began */
	hr_lsn most;			/* that any said */
	bool confirmed;			/* it has said something since the lane was opened */
	bool there;			/* set aside here; at the receiver it is open */
	uint64_t trimmed;		/* its log, up to this bundle */
	struct sent *sent;		/* on its way */
	size_t sents, sent_cap, sent_at;
	size_t flying;			/* bytes of it */
	struct hr_turn turn;
	int64_t retry, pause, told;
	struct hr_err refused;		/* why trying again is of no use; HR_OK: it is of some */
	bool again;			/* how its reader ended is known */
	bool anew;			/* its reader has what was never whole: another one has to come */
	bool ending, done;		/* the end frame was sent; its reader ended well */
};

struct known {
	uint64_t bundle;
	hr_lsn lsn;
};

struct courier {
	struct hr_courier_options *o;
	struct hr_dialer dialer;
	struct hr_qos qos;
	struct hr_turns turns;
	int wake;
	bool reading;			/* the other thread is */
	bool ended, failed;		/* reading has, under the lock */
	struct hr_err why;
	pthread_mutex_t lock;
	char session[HR_SESSION_SIZE];
	bool by_tenant, asked;		/* as the receiver wants; it has said so */
	struct hr_chain_reader scan;
	bool scanning;
	struct known *known;		/* bundles that end with a watermark, in their order */
	size_t knowns, known_cap;
	struct cargo **cargo;
	size_t cargos, cargo_cap;
	struct hr_map by_name;
	uint64_t handed;		/* bundles */
	bool reconnect;			/* a lane is tried again that the receiver still has */
	int64_t trimmed, measured;
	int64_t moved, waits_told;	/* when a target had more; when it was said that it is waited for */
	bool trim;
	bool blocks;			/* the stream that is read is packed */
	struct hr_buf buf;
};

/* --- reading, in a thread of its own --- */

static int
progress(void *courier, struct hr_err *e)
{
	struct courier *c = courier;
	uint64_t one = 1;

	(void)e;
	(void)!write(c->wake, &one, sizeof(one));
	return 0;
}

static void *
intake(void *courier)
{
	struct courier *c = courier;
	struct hr_err e = HR_ERR_INIT;
	int rc = hr_intake_run(&c->o->keep, &e);

	pthread_mutex_lock(&c->lock);
	c->ended = rc == 0;
	c->failed = rc < 0;
	c->why = e;
	pthread_mutex_unlock(&c->lock);
	(void)progress(c, &e);
	return NULL;
}

static bool
has_ended(struct courier *c)
{
	bool ended;

	pthread_mutex_lock(&c->lock);
	ended = c->ended || c->failed;
	pthread_mutex_unlock(&c->lock);
	return ended;
}

/* --- what there is, and for whom --- */

static struct cargo *
cargo_of(struct courier *c, const char *tenant)
{
	void **at = hr_map_at(&c->by_name, tenant ? tenant : "", tenant ? strlen(tenant) : 0);
	struct cargo *g;

	if (*at)
		return *at;
	g = hr_zalloc(sizeof(*g));
	hr_lane_init(&g->lane, tenant, &c->o->keep.reader.head, false);
	g->number = (uint32_t)c->cargos;
	g->turn.t = hr_qos_of(&c->qos, tenant);
	HR_GROW(c->cargo, c->cargos, c->cargo_cap);
	c->cargo[c->cargos++] = g;
	*at = g;
	return g;
}

static void
add_work(struct courier *c, struct cargo *g, const struct hr_chain_mark *before, const struct hr_bundle *b, uint64_t number)
{
	bool closes = b->flags & HR_BUNDLE_WATERMARK;

	if (!g->work) {
		g->from = *before;
		hr_turns_join(&c->turns, &g->turn);
	}
	g->work = true;
	g->last = number;
	g->owed = !closes;
	if (closes)
		g->wants = b->lsn;
}

static void
know(struct courier *c, uint64_t bundle, hr_lsn lsn)
{
	if (c->knowns && bundle < c->known[c->knowns - 1].bundle + KNOWN_EVERY)
		return;
	HR_GROW(c->known, c->knowns, c->known_cap);
	c->known[c->knowns++] = (struct known){ bundle, lsn };
}

static int
look(struct courier *c, struct hr_err *e)
{
	struct hr_chain_mark before;
	const uint8_t *at;
	uint32_t i;
	size_t k;
	int more;

	if (!c->asked)
		return 0;
	while (before = hr_chain_read_mark(&c->scan),
	    (more = hr_chain_read_next(&c->scan, hr_store_bundle(c->o->keep.s), NULL, NULL, e)) > 0) {
		const struct hr_bundle *b = &c->scan.bundle;

		if (b->flags & HR_BUNDLE_WATERMARK)
			know(c, c->scan.number, b->lsn);
		if (!c->by_tenant) {
			add_work(c, cargo_of(c, NULL), &before, b, c->scan.number);
			continue;
		}
		for (i = 0, at = b->list; i < b->tenants; i++)
			add_work(c, cargo_of(c, hr_bundle_tenant(&at).name), &before, b, c->scan.number);
		for (k = 0; k < c->cargos; k++)
			if (c->cargo[k]->last != c->scan.number && ((b->flags & HR_BUNDLE_SHARED) ||
			    ((b->flags & HR_BUNDLE_WATERMARK) && c->cargo[k]->owed)))
				add_work(c, c->cargo[k], &before, b, c->scan.number);
	}
	return more;
}

/* --- a lane --- */

static void
tell(struct cargo *g, const struct hr_err *why)
{
	struct hr_err e = *why;
	int64_t now = hr_now_us();

	if (g->told && now - g->told < 30000000)
		return;
	g->told = now;
	if (g->lane.tenant)
		hr_within(&e, "tenant '%s' waits in the spool", g->lane.tenant);
	else
		hr_within(&e, "the stream waits in the spool");
	hr_log_err(HR_LOG_WARNING, &e);
}

/* There is something that the target is not known to have. */
static bool
is_behind(const struct cargo *g)
{
	return g->wants > g->durable || g->owed;
}

/* Its reader has gone, or it cannot be read: it is tried again later. */
static void
set_aside(struct cargo *g, const struct hr_err *why)
{
	bool passing = why->code == HR_TEMPORARY || why->code == HR_IO || why->code == HR_OK;

	tell(g, why);
	g->refused = passing ? (struct hr_err)HR_ERR_INIT : *why;
	g->state = CLOSED;
	g->ending = false;
	g->caught_up = false;
	g->flying = g->sents = g->sent_at = 0;
	g->work |= is_behind(g) || (g->last && !g->confirmed);
	g->pause = !passing ? REFUSED_US : g->pause ? g->pause * 2 : RETRY_FIRST_US;
	if (passing && g->pause > RETRY_MOST_US)
		g->pause = RETRY_MOST_US;
	g->retry = hr_now_us() + g->pause;
}

static void
fly(struct courier *c, struct cargo *g, uint64_t place)
{
	if (g->sent_at && g->sent_at == g->sents)
		g->sent_at = g->sents = 0;
	HR_GROW(g->sent, g->sents, g->sent_cap);
	g->sent[g->sents++] = (struct sent){ place, c->buf.len };
	g->flying += c->buf.len;
	hr_link_put_placed(&c->dialer.link, HR_WIRE_DATA, g->number, place, c->buf.data, c->buf.len);
	hr_turns_served(&c->turns, &g->turn, c->buf.len + 1);
}

static int
open_lane(struct courier *c, struct cargo *g)
{
	const struct hr_head *h = &c->o->keep.reader.head;
	struct hr_lane_open o = { .system = h->system, .epoch = h->epoch, .timeline = h->timeline, .slot = h->slot,
	    .database = h->database, .tenant = g->lane.tenant, .again = g->again };

	memcpy(o.session, c->session, sizeof(o.session));
	/* In another session it is a stream that the receiver does not have. */
	if (g->anew)
		o.session[0] = o.session[0] == '0' ? '1' : '0';
	hr_buf_reset(&c->buf);
	hr_lane_open_encode(&o, &c->buf);
	hr_link_put(&c->dialer.link, HR_WIRE_OPEN, g->number, c->buf.data, c->buf.len);
	g->state = OPENING;
	g->stood = 0;
	g->confirmed = g->there = false;
	return 0;
}

static char *
target_path(struct courier *c, const char *tenant)
{
	struct hr_buf b = HR_BUF_INIT;
	char *path;

	hr_chain_escape(&b, c->o->keep.reader.head.slot);
	hr_buf_puts(&b, "/target");
	if (tenant) {
		hr_buf_puts(&b, ".");
		hr_chain_escape(&b, tenant);
	}
	path = hr_sprintf("%s/%s", c->o->keep.store.dir, hr_buf_text(&b));
	hr_buf_clear(&b);
	return path;
}

/* What the target had when it was heard of last: what it has does not stay in the spool.  0: not known. */
static hr_lsn
recall(struct courier *c, const struct cargo *g)
{
	const struct hr_head *h = &c->o->keep.reader.head;
	struct hr_checkpoint cp = HR_CHECKPOINT_INIT;
	struct hr_err e = HR_ERR_INIT;
	char *path = target_path(c, g->lane.tenant);
	int rc = hr_checkpoint_load(&cp, path, &e);
	hr_lsn lsn = rc > 0 && hr_checkpoint_is_of(&cp, h->system, h->slot) ? hr_checkpoint_durable(&cp, g->lane.tenant) : 0;

	/* A crash may have left it empty: it is a help, no more. */
	if (rc < 0)
		hr_log_err(HR_LOG_WARNING, &e);
	hr_checkpoint_clear(&cp);
	free(path);
	return lsn;
}

static int
begin(struct courier *c, struct cargo *g, struct hr_lane_stand *s, struct hr_err *e)
{
	const struct hr_chain *chain = hr_store_chain(c->o->keep.s);
	struct hr_keyring *keys = c->o->keys;
	hr_lsn known = g->lane.tenant ? recall(c, g) : 0;
	uint64_t place;
	/* A tenant for whom there was nothing is as far as the chain, when his target was not set back. */
	bool had = known && known <= s->lsn;

	/* A queue may have forgotten. */
	if (c->o->queue && known > s->lsn)
		s->lsn = known;
	g->caught_up = false;
	if (!s->fresh && (s->place & ENDS)) {
		g->ending = true;	/* it has all; how its reader ends is to come */
		g->work = false;
		return 0;
	}
	if (!s->fresh) {
		/* It was sent what a kill left behind the last watermark, which comes again, and was left out of the chain. */
		if (s->place > hr_store_bundle(c->o->keep.s))
			return hr_fail(e, HR_REFUSED, "bundle %" PRIu64 " is not kept any more", s->place);
		return hr_lane_go_on(&g->lane, chain, keys, s->place, &s->seen, e);
	}
	hr_buf_reset(&c->buf);
	if (hr_lane_begin(&g->lane, chain, keys, s->lsn, had, &c->buf, &place, e) < 0)
		return -1;
	if (s->lsn && g->lane.r.lsn > s->lsn && !g->lane.r.whole && !had) {
		hr_fail(e, HR_REFUSED, "the target has %s, and the spool begins at %s", HR_LSN(s->lsn), HR_LSN(g->lane.r.lsn));
		return hr_hint(e, "was the target restored? begin with a first copy");
	}
	g->stood = s->lsn;
	fly(c, g, place);
	return 0;
}

static int
stood(struct courier *c, struct cargo *g, const struct hr_wire *m, struct hr_err *e)
{
	struct hr_lane_stand s;

	if (g->state != OPENING || hr_lane_stand_decode(&s, m, e) < 0)
		return e->code ? -1 : hr_fail(e, HR_BAD_STREAM, "a lane stands that was not opened");
	if (!s.checkpoint && (!c->o->retain || c->o->drain)) {
		hr_fail(e, HR_CONFIG, "the receiver has no --checkpoint: it would never be known what may leave the spool");
		return hr_hint(e, "give --checkpoint there and to hr-apply");
	}
	g->state = FLOWING;
	g->again = false;
	c->dialer.working = true;
	if (begin(c, g, &s, e) < 0) {
		if (!s.fresh && !g->anew && e->code == HR_REFUSED) {
			g->anew = true;
			hr_err_clear(e);
			return hr_fail(e, HR_TEMPORARY, "the receiver has what was not whole: its reader is begun anew");
		}
		/* This lane's trouble; the receiver's side of it stays as it is. */
		set_aside(g, e);
		g->there = true;
		hr_err_clear(e);
	}
	return 0;
}

static int
keep_target(struct courier *c, struct cargo *g, const struct hr_wire *m, struct hr_err *e)
{
	const struct hr_head *h = &c->o->keep.reader.head;
	struct hr_checkpoint cp = HR_CHECKPOINT_INIT;
	hr_lsn lsn;
	char *path;
	int rc = hr_checkpoint_decode(&cp, (const char *)m->data, m->len, e);

	if (rc == 0 && !hr_checkpoint_is_of(&cp, h->system, h->slot))
		rc = hr_fail(e, HR_BAD_STREAM, "the checkpoint that came back is of another stream");
	if (rc == 0) {
		lsn = hr_checkpoint_durable(&cp, g->lane.tenant);
		g->confirmed = true;
		if (lsn > g->durable)
			c->moved = hr_now_us();
		/* Several workers of one target say less at their beginning than they had said: that it had more is known. */
		if (lsn >= g->most) {
			g->most = lsn;
			path = target_path(c, g->lane.tenant);
			rc = hr_checkpoint_save(&cp, path, false, e);
			free(path);
		}
		/* The target was made anew, and the file that was there was of before; one that was set back its reader tells. */
		if (cp.state == HR_STATE_NONE && g->stood && !g->anew && g->state == FLOWING) {
			g->anew = true;
			g->most = 0;
			rc = hr_fail(e, HR_TEMPORARY, "the target has %s, and had said %s: its reader is begun anew", HR_LSN(lsn),
			    HR_LSN(g->stood));
		}
		c->trim |= lsn > g->durable;
		g->durable = lsn;
		g->pause = 0;
	}
	hr_checkpoint_clear(&cp);
	return rc;
}

/* One that was on its way when the lane was set aside, and maybe opened again, is of nothing that flies. */
static void
acknowledged(struct courier *c, struct cargo *g, uint64_t place)
{
	for (; g->sent_at < g->sents && g->sent[g->sent_at].place <= place; g->sent_at++, c->handed++)
		g->flying -= g->sent[g->sent_at].bytes;
}

static int
finished(struct courier *c, struct cargo *g, const struct hr_wire *m, struct hr_err *e)
{
	struct hr_err why = HR_ERR_INIT;

	if (hr_wire_error_decode(&why, m, e) < 0)
		return -1;
	if (g->ending && why.code == HR_OK) {
		/* It waits for this before it forgets. */
		hr_link_put(&c->dialer.link, HR_WIRE_DONE, m->lane, "{}", 2);
		g->done = true;
		g->state = CLOSED;
		return 0;
	}
	if (why.code == HR_OK)
		hr_fail(&why, HR_TEMPORARY, "its reader has ended");
	set_aside(g, &why);
	g->again = true;
	return 0;
}

static int
heard(void *courier, const struct hr_wire *m, struct hr_err *e)
{
	struct courier *c = courier;
	struct cargo *g = m->lane < c->cargos ? c->cargo[m->lane] : NULL;

	if (g && m->kind == HR_WIRE_STAND)
		return stood(c, g, m, e);
	if (g && m->kind == HR_WIRE_ACK) {
		acknowledged(c, g, hr_get_u64le(m->data));
		return 0;
	}
	if (g && m->kind == HR_WIRE_CHECKPOINT)
		return keep_target(c, g, m, e);
	if (g && m->kind == HR_WIRE_DONE)
		return finished(c, g, m, e);
	return hr_fail(e, HR_BAD_STREAM, "the receiver says '%c' where it should not", m->kind);
}

/*
 * Tenants that have a log, though the shared one speaks of them no more: what is for
 * all is for them too.  A drain hears of each that he has all.
 */
static int
add_all(struct courier *c, struct hr_err *e)
{
	char **tenant;
	size_t n, i;
	int rc = hr_chain_tenants(hr_store_chain(c->o->keep.s), &tenant, &n, e);

	for (i = 0; i < n; i++) {
		struct cargo *g = cargo_of(c, tenant[i]);

		if (c->o->drain) {
			g->work = true;
			g->last = 1;
		}
		free(tenant[i]);
	}
	free(tenant);
	c->asked = rc == 0;
	return rc;
}

static int
up(void *courier, const struct hr_hello *h, struct hr_err *e)
{
	struct courier *c = courier;

	if (c->asked && c->by_tenant != h->by_tenant)
		return hr_fail(e, HR_TEMPORARY, "the receiver wants other streams than before");
	c->by_tenant = h->by_tenant;
	if (!c->asked && c->by_tenant)
		return add_all(c, e);
	c->asked = true;
	if (!c->by_tenant)
		(void)cargo_of(c, NULL);
	return 0;
}

static void
down(void *courier)
{
	struct courier *c = courier;
	size_t i;

	for (i = 0; i < c->cargos; i++) {
		struct cargo *g = c->cargo[i];

		g->state = CLOSED;
		g->ending = g->there = false;
		g->caught_up = false;
		g->flying = g->sents = g->sent_at = 0;
		g->work |= !g->done && (g->last > 0);
		g->retry = 0;
	}
}

/* What the lane gets next.  1, 0 when there is nothing for it, -1. */
static int
send_one(struct courier *c, struct cargo *g, bool ended, struct hr_err *e)
{
	uint64_t place;
	int more;

	g->lane.packed = c->blocks;
	hr_buf_reset(&c->buf);
	if (g->work && g->caught_up && hr_lane_skip_to(&g->lane, &g->from, e) < 0)
		return -1;
	g->caught_up = false;
	more = g->work ? hr_lane_next(&g->lane, hr_store_bundle(c->o->keep.s), &c->buf, &place, e) : 0;
	if (more < 0)
		return -1;
	if (more > 0 && c->buf.len)
		fly(c, g, place);
	if (more == 0 || place >= g->last) {
		g->work = false;
		g->caught_up = true;
		if (ended && c->scan.number >= hr_store_bundle(c->o->keep.s)) {
			hr_buf_reset(&c->buf);
			if (hr_lane_end(&g->lane, &c->buf, e) < 0)
				return -1;
			fly(c, g, ENDS | g->lane.r.number);
			g->ending = true;
		}
	}
	return 1;
}

static void
load(void *courier)
{
	struct courier *c = courier;
	struct hr_err e = HR_ERR_INIT;
	bool ended;
	int64_t now = hr_now_us();
	size_t i;
	int once;

	pthread_mutex_lock(&c->lock);
	ended = c->ended;
	pthread_mutex_unlock(&c->lock);
	for (i = 0; i < c->cargos; i++)
		if (c->cargo[i]->state == CLOSED && !c->cargo[i]->done && now >= c->cargo[i]->retry &&
		    (c->cargo[i]->work || ended)) {
			if (c->cargo[i]->there)
				c->reconnect = true;
			else
				(void)open_lane(c, c->cargo[i]);
		}
	for (once = 0; once < SEND_ONCE && hr_link_waiting(&c->dialer.link) < HR_LINK_GATHER; once++) {
		struct cargo *best = NULL;

		for (i = 0; i < c->cargos; i++) {
			struct cargo *g = c->cargo[i];

			if (g->state == FLOWING && !g->ending && g->flying < c->o->window && (g->work || (ended && !g->ending)) &&
			    (best == NULL || hr_turns_before(&c->turns, &g->turn, &best->turn)))
				best = g;
		}
		if (best == NULL)
			return;
		if (send_one(c, best, ended, &e) < 0) {
			set_aside(best, &e);
			best->there = true;
			hr_err_clear(&e);
		}
	}
}

/* --- what may leave the spool --- */

/* The last bundle up to which everything is at or before an LSN. */
static uint64_t
bundle_of(const struct courier *c, hr_lsn lsn)
{
	size_t low = 0, high = c->knowns, mid;

	while (low < high) {
		mid = (low + high) / 2;
		if (c->known[mid].lsn <= lsn)
			low = mid + 1;
		else
			high = mid;
	}
	return low ? c->known[low - 1].bundle : 0;
}

static int
trim(struct courier *c, struct hr_err *e)
{
	const struct hr_chain *chain = hr_store_chain(c->o->keep.s);
	uint64_t least = c->scan.number, removed = 0, point;
	size_t i;
	char *path;
	int rc = 0;

	for (i = 0; i < c->cargos && rc == 0; i++) {
		struct cargo *g = c->cargo[i];

		/* Who has all that there was for him needs nothing, nor does one for whom there is nothing. */
		if (!g->wants && !g->owed)
			continue;
		point = g->durable && g->durable >= g->wants && !g->owed ? c->scan.number : bundle_of(c, g->durable);
		if (point < least)
			least = point;
		if (g->lane.tenant && point > g->trimmed) {
			path = target_path(c, g->lane.tenant);
			rc = hr_trim_log(chain, g->lane.tenant, point, path, &removed, e);
			free(path);
		}
		g->trimmed = point;
	}
	if (rc == 0 && c->cargos && !c->by_tenant && least) {
		char **tenant;
		size_t n;

		rc = hr_chain_tenants(chain, &tenant, &n, e);
		for (i = 0; i < n; i++) {
			if (rc == 0)
				rc = hr_trim_log(chain, tenant[i], least, NULL, &removed, e);
			free(tenant[i]);
		}
		free(tenant);
	}
	if (rc == 0 && c->cargos && least)
		rc = hr_trim_log(chain, "", least, NULL, &removed, e);
	for (i = 0; i < c->knowns && c->known[i].bundle + KNOWN_EVERY < least; i++)
		;
	/* One at or before what is needed stays. */
	if (i > 1024) {
		c->knowns -= i - 1;
		memmove(c->known, c->known + i - 1, c->knowns * sizeof(*c->known));
	}
	hr_store_removed(c->o->keep.s, removed);
	return rc;
}

/* Metrics that cannot be written are no reason to stop. */
static void
measure(struct courier *c, bool now)
{
	struct hr_metrics m = HR_METRICS_INIT;
	struct hr_err e = HR_ERR_INIT;
	size_t i, waiting = 0;

	if (c->o->metrics == NULL || (!now && hr_now_us() - c->measured < MEASURE_US))
		return;
	c->measured = hr_now_us();
	for (i = 0; i < c->cargos; i++)
		waiting += is_behind(c->cargo[i]);
	hr_metric(&m, "spool_bytes", "gauge", "Bytes that are kept in the spool.");
	hr_metric_sample(&m, "ship", NULL, NULL, (double)hr_store_bytes(c->o->keep.s));
	hr_metric(&m, "spool_tenants_waiting", "gauge", "Streams of which the target does not have all yet.");
	hr_metric_sample(&m, "ship", NULL, NULL, (double)waiting);
	hr_metric(&m, "bytes_replicated_total", "counter", "Bytes sent on the connection that is open.");
	hr_metric_sample(&m, "ship", NULL, NULL, (double)c->dialer.link.bytes_out);
	hr_metric(&m, "network_latency_seconds", "gauge", "There and back, measured last.");
	hr_metric_sample(&m, "ship", NULL, NULL, (double)c->dialer.link.trip / 1e6);
	hr_metric(&m, "replication_errors_total", "counter", "Connections that were cut.");
	hr_metric_sample(&m, "ship", "reason", "cut", (double)c->dialer.cuts);
	if (hr_metrics_save(&m, c->o->metrics, &e) < 0)
		hr_log_err(HR_LOG_WARNING, &e);
	hr_metrics_clear(&m);
}

/* --- the loop --- */

/* Reading has ended, and every lane's reader has ended well with all of it. */
static bool
all_done(struct courier *c)
{
	bool ended;
	size_t i;

	pthread_mutex_lock(&c->lock);
	ended = c->ended;
	pthread_mutex_unlock(&c->lock);
	if (!ended || !c->asked || c->scan.number < hr_store_bundle(c->o->keep.s))
		return false;
	for (i = 0; i < c->cargos; i++)
		if (!c->cargo[i]->done)
			return false;
	return true;
}

static bool
is_drained(const struct cargo *g)
{
	return g->confirmed && !is_behind(g);
}

/* All that was kept, which ends with a watermark, is at the target for good. */
static bool
all_there(struct courier *c)
{
	size_t i;

	if (!c->asked || c->scan.number < hr_store_bundle(c->o->keep.s))
		return false;
	for (i = 0; i < c->cargos; i++)
		if (!is_drained(c->cargo[i]))
			return false;
	return true;
}

/*
 * A drain that cannot end: all that lack something were refused, or none has taken
 * anything for too long.  Told of now and then while it may still.
 */
static int
look_at_drain(struct courier *c, struct hr_err *e)
{
	int64_t now = hr_now_us();
	size_t i, lacking = 0, refused = 0, one = 0;

	for (i = 0; i < c->cargos; i++) {
		struct cargo *g = c->cargo[i];

		if (is_drained(g))
			continue;
		lacking++;
		refused += g->refused.code != HR_OK;
		if (g->refused.code)
			one = i;
	}
	if (lacking && lacking == refused) {
		*e = c->cargo[one]->refused;
		return hr_within(e, "%zu of %zu streams are not drained", lacking, c->cargos);
	}
	if (c->dialer.stage != HR_DIALER_UP || c->moved == 0)
		c->moved = now;
	if (c->o->to.give_up_us && now - c->moved > c->o->to.give_up_us)
		return hr_fail(e, HR_TEMPORARY, "%zu of %zu streams are not drained, and no target took anything for %.0f s", lacking,
		    c->cargos, (double)(now - c->moved) / 1e6);
	if (now - c->moved > WAITS_US && now - c->waits_told > WAITS_US) {
		c->waits_told = now;
		hr_log(HR_LOG_WARNING, "%zu of %zu streams are not drained yet, and no target took anything for %.0f s", lacking,
		    c->cargos, (double)(now - c->moved) / 1e6);
	}
	return 0;
}

/* Reading has failed: what is kept is carried as long as that goes by itself. */
static int
no_more(struct courier *c, struct hr_err *e)
{
	bool failed;
	size_t i;

	pthread_mutex_lock(&c->lock);
	failed = c->failed;
	pthread_mutex_unlock(&c->lock);
	if (!failed)
		return 0;
	for (i = 0; i < c->cargos && c->dialer.stage == HR_DIALER_UP; i++)
		if (c->cargo[i]->state == OPENING || (c->cargo[i]->state == FLOWING && (c->cargo[i]->work || c->cargo[i]->flying)))
			return 0;
	*e = c->why;
	return -1;
}

static int
run(struct courier *c, struct hr_err *e)
{
	uint64_t drained;
	int wait_ms;

	while (!(c->o->drain ? all_there(c) : all_done(c))) {
		struct pollfd p[2] = { { c->wake, POLLIN, 0 } };

		p[1] = hr_dialer_poll(&c->dialer, &wait_ms);
		if (poll(p, 2, wait_ms) < 0 && errno != EINTR)
			return hr_fail_sys(e, "cannot wait");
		if (p[0].revents)
			(void)!read(c->wake, &drained, sizeof(drained));
		/* A queue's messages are packed by themselves. */
		c->blocks |= c->o->queue == NULL && __atomic_load_n(&c->o->keep.packed, __ATOMIC_RELAXED);
		if (look(c, e) < 0 || hr_dialer_turn(&c->dialer, p[1].revents, e) < 0)
			return -1;
		if (c->reconnect) {
			c->reconnect = false;
			hr_fail(e, HR_TEMPORARY, "a stream that was set aside is tried again");
			hr_dialer_again(&c->dialer, e);
			hr_err_clear(e);
		}
		if (c->trim && !c->o->retain && hr_now_us() - c->trimmed > TRIM_US) {
			c->trim = false;
			c->trimmed = hr_now_us();
			if (trim(c, e) < 0) {
				hr_log_err(HR_LOG_WARNING, e);
				hr_err_clear(e);
			}
		}
		measure(c, false);
		if (no_more(c, e) < 0 || (c->o->drain && look_at_drain(c, e) < 0))
			return -1;
	}
	return 0;
}

static int
open_all(struct courier *c, struct hr_err *e)
{
	struct hr_courier_options *o = c->o;

	if (o->queue) {
		o->queue->head = &o->keep.reader.head;
		o->to.connect = hr_publisher_connect;
		o->to.connect_arg = o->queue;
		o->to.peer = "the queue";
	}
	if (hr_qos_load(&c->qos, o->qos, o->score, e) < 0 || hr_dialer_open(&c->dialer, &o->to, e) < 0 ||
	    (o->drain ? hr_intake_reopen(&o->keep, o->stream, e) : hr_intake_open(&o->keep, e)) < 0)
		return -1;
	if (hr_chain_read_open(&c->scan, hr_store_chain(o->keep.s), o->keys, NULL, e) < 0)
		return -1;
	c->scanning = true;
	/* What a place means is the chain's; another epoch begins anew. */
	*hr_hex_put((uint8_t *)c->session, c->scan.shared.head.chain, 12) = '\0';
	snprintf(c->session + 24, sizeof(c->session) - 24, "%08" PRIx32, (uint32_t)o->keep.reader.head.epoch);
	return 0;
}

int
hr_courier_run(struct hr_courier_options *o, struct hr_err *e)
{
	/* The reading thread may be at work when all is over: what it uses goes with the process. */
	static struct courier c;
	pthread_t thread;
	int rc = -1;

	c = (struct courier){ .o = o, .dialer = HR_DIALER_INIT, .qos = HR_QOS_INIT };
	pthread_mutex_init(&c.lock, NULL);
	c.dialer.up = up;
	c.dialer.heard = heard;
	c.dialer.load = load;
	c.dialer.down = down;
	c.dialer.arg = &c;
	o->keep.progress = progress;
	o->keep.arg = &c;
	if ((c.wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) < 0)
		hr_fail_sys(e, "cannot make an eventfd");
	else if (open_all(&c, e) == 0) {
		if (o->ready_fd >= 0)
			(void)!write(o->ready_fd, "\n", 1);
		if (o->drain) {
			if ((rc = run(&c, e)) == 0)
				hr_log(HR_LOG_NOTE, "drained: the target has all up to %s", HR_LSN(hr_store_lsn(o->keep.s)));
			measure(&c, true);
		} else if (pthread_create(&thread, NULL, intake, &c) != 0)
			hr_fail(e, HR_TEMPORARY, "cannot start a thread");
		else {
			pthread_detach(thread);
			rc = run(&c, e);
			measure(&c, true);
		}
	}
	hr_dialer_close(&c.dialer);
	if (o->queue)
		hr_publisher_stop(o->queue);
	if (o->drain || has_ended(&c) || !o->keep.s)
		hr_intake_close(&o->keep);
	return rc;
}
