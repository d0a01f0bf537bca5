/* deal.c - frames of a window gathered, and given to workers. */

#include "base/hr.h"

#include <stdlib.h>
#include <string.h>

#include "apply/copy.h"
#include "apply/deal.h"
#include "apply/join.h"
#include "apply/worker.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/lsn.h"
#include "stream/mark.h"

#define QUEUE_BYTES	((size_t)16 << 20)	/* waiting for one worker */
#define COPY_BYTES	((size_t)1 << 20)	/* of a first copy: the caches are better used by others */
#define WINDOW_BYTES	((size_t)8 << 20)	/* of a window that is dealt out */
#define PERSIST_US	1000000			/* progress without rows is written so often */

void
hr_deal_begin(struct hr_deal *d, struct hr_apply *a)
{
	*d = (struct hr_deal){ .a = a };
	d->last = &d->first;
	d->given = hr_zalloc((size_t)a->workers * sizeof(*d->given));
	d->parts = hr_zalloc((size_t)a->workers * sizeof(*d->parts));
}

void
hr_deal_clear(struct hr_deal *d)
{
	hr_pieces_free(&d->first);
	hr_conn_close(d->conn);
	hr_relations_clear(&d->relations);
	free(d->given);
	free(d->parts);
	free(d->part_of);
}

static bool
wanted(const struct hr_apply_options *o, const struct hr_frame *f)
{
	size_t i;

	if (o->tenants == 0 || (f->flags & HR_ALL))
		return true;
	for (i = 0; i < o->tenants; i++)
		if (strlen(o->tenant[i]) == f->tenant_len && memcmp(o->tenant[i], f->tenant, f->tenant_len) == 0)
			return true;
	return false;
}

static int
stopped(struct hr_apply *a, struct hr_err *e)
{
	pthread_mutex_lock(&a->lock);
	*e = a->error;
	pthread_mutex_unlock(&a->lock);
	return -1;
}

/* Is a frame of this type for one worker?  Others are for each. */
static bool
for_one(uint8_t type)
{
	return type == HR_FRAME_ROWS || type == HR_FRAME_PART;
}

/* Do frames go to their workers as they come?  Else a window is gathered. */
static bool
straight(const struct hr_deal *d)
{
	return d->a->workers == 1 || d->flowing || d->copying;
}

static int
give(struct hr_deal *d, int worker, struct hr_piece *p, struct hr_err *e)
{
	if (for_one(p->type))
		d->given[worker] = true;
	return hr_queue_put(&d->a->worker[worker].queue, p, d->copying ? COPY_BYTES : QUEUE_BYTES) < 0 ? stopped(d->a, e) : 0;
}

static int
drain(struct hr_deal *d, struct hr_err *e)
{
	int i;

	for (i = 0; i < d->a->workers; i++)
		if (hr_queue_drain(&d->a->worker[i].queue) < 0)
			return stopped(d->a, e);
	return 0;
}

static int
worker_of(const struct hr_deal *d, const struct hr_piece *p)
{
	return p->worker >= 0 ? p->worker : d->alone ? 0 : hr_book_worker(p->tenant, p->tenant_len, d->a->workers);
}

/* The gathered pieces to their workers. */
static int
deal_out(struct hr_deal *d, struct hr_err *e)
{
	struct hr_piece *p;
	int i, rc = 0;

	while ((p = d->first) != NULL) {
		d->first = p->next;
		if (rc < 0)
			free(p);
		else if (for_one(p->type))
			rc = give(d, worker_of(d, p), p, e);
		else {
			struct hr_frame f = { p->type, p->flags, 0, p->len, p->lsn, 0, "", p->body };

			for (i = 1; i < d->a->workers && rc == 0; i++)
				rc = give(d, i, hr_piece_new(&f), e);
			if (rc == 0)
				rc = give(d, 0, p, e);
			else
				free(p);
		}
	}
	d->last = &d->first;
	d->bytes = 0;
	return rc;
}

static int
gather(struct hr_deal *d, const struct hr_frame *f, struct hr_err *e)
{
	struct hr_piece *p = hr_piece_new(f);

	if (for_one(f->type))
		d->any = true;
	/* Rows of a copy have no order but that of their part. */
	if (d->copying && f->type != HR_FRAME_RELATION)
		p->worker = d->part_worker;
	p->next = NULL;
	*d->last = p;
	d->last = &p->next;
	d->bytes += hr_piece_size(p);
	if (straight(d))
		return deal_out(d, e);
	if (f->type == HR_FRAME_ROWS && (f->flags & (HR_ALL | HR_ORDERED)))
		d->alone = true;
	if (d->bytes <= WINDOW_BYTES)
		return 0;
	/* Too large to gather: from here on it goes to the first worker. */
	d->alone = d->flowing = true;
	return drain(d, e) < 0 ? -1 : deal_out(d, e);
}

static int
mark(struct hr_deal *d, int worker, const struct hr_frame *f, const struct hr_watermark *m, struct hr_err *e)
{
	struct hr_piece *p = hr_piece_new(f);

	p->time = m->time;
	p->alone = d->alone && d->a->workers > 1;
	d->persisted = f->lsn;
	d->persisted_at = hr_now_us();
	return give(d, worker, p, e);
}

/*
 * Every worker that has rows of the window gets its mark.  The ledger knows
 * whom it waits for before the first of them can have written it.
 */
static int
mark_given(struct hr_deal *d, const struct hr_frame *f, const struct hr_watermark *m, struct hr_err *e)
{
	int i;

	hr_ledger_asked(&d->a->ledger, d->given, f->lsn);
	for (i = 0; i < d->a->workers; i++) {
		if (d->given[i] && mark(d, i, f, m, e) < 0)
			return -1;
		d->given[i] = false;
	}
	return 0;
}

/* Progress without rows: the first worker writes it. */
static int
mark_first(struct hr_deal *d, const struct hr_frame *f, const struct hr_watermark *m, struct hr_err *e)
{
	d->given[0] = true;
	return mark_given(d, f, m, e);
}

static int
watermark(struct hr_deal *d, const struct hr_frame *f, struct hr_err *e)
{
	struct hr_watermark m;

	if (hr_watermark_decode(&m, f, e) < 0)
		return -1;
	d->seen = f->lsn;
	if (d->alone && !d->flowing && drain(d, e) < 0)
		return -1;
	if (deal_out(d, e) < 0)
		return -1;
	if (!d->any) {
		/* Nothing to write but that: now and then. */
		if ((f->flags & HR_COPY) || (!m.idle && hr_now_us() - d->persisted_at < PERSIST_US))
			return 0;
		return mark_first(d, f, &m, e);
	}
	if (mark_given(d, f, &m, e) < 0)
		return -1;
	if (d->alone && d->a->workers > 1 && drain(d, e) < 0)
		return -1;
	d->any = d->alone = d->flowing = false;
	return 0;
}

int
hr_deal_conn(struct hr_deal *d, struct hr_err *e)
{
	struct hr_err lost = HR_ERR_INIT;

	if (hr_conn_alive(d->conn) && hr_conn_exec(d->conn, "SELECT 1", &lost) == 0)
		return 0;
	hr_conn_close(d->conn);
	return hr_apply_connect(&d->conn, d->a->o, true, e) < 0 ? -1 : hr_ledger_intact(d->a, d->conn, e);
}

/* Does the target have all before this snapshot of what is in of the copy? */
static bool
goes_on(const struct hr_deal *d, hr_lsn lsn)
{
	const struct hr_book *b = &d->a->book;

	return (b->copying || b->streaming) && d->a->head->start <= hr_book_most(b) &&
	    (d->seen >= lsn || hr_book_least(b) >= lsn);
}

static void
reset_parts(struct hr_deal *d, bool begins)
{
	size_t i;

	d->copying = begins;
	d->passing = true;	/* until a part begins */
	d->part_worker = 0;
	memset(d->parts, 0, (size_t)d->a->workers * sizeof(*d->parts));
	d->part_of = hr_realloc(d->part_of, d->a->copied.plans + 1, sizeof(*d->part_of));
	for (i = 0; i < d->a->copied.plans; i++)
		d->part_of[i] = -1;
}

/* Changes begin without a copy before them: may they? */
static int
begin_changes(struct hr_deal *d, struct hr_err *e)
{
	struct hr_book *b = &d->a->book;

	if (hr_book_no_gap(b, d->a->head, e) < 0 || hr_deal_conn(d, e) < 0 ||
	    (hr_book_catches_up(b, d->a->head) ? hr_book_catching_up(d->conn, b, e) : hr_book_streaming(d->conn, b, e)) < 0)
		return -1;
	d->continues = true;
	pthread_mutex_lock(&d->a->ledger.lock);
	d->a->ledger.streaming = d->a->book.streaming;
	d->a->ledger.copying = d->a->book.copying;
	pthread_mutex_unlock(&d->a->ledger.lock);
	return 0;
}

/* A mark of a tenant that is copied while the others go on. */
static int
join(struct hr_deal *d, const struct hr_frame *f, const struct hr_snapshot *s, struct hr_err *e)
{
	char *tenant;
	int rc;

	if (!wanted(d->a->o, f))
		return 0;
	if (d->copying)
		return hr_fail(e, HR_BAD_STREAM, "a copy of one tenant in one of all");
	if ((!d->continues && begin_changes(d, e) < 0) || hr_deal_conn(d, e) < 0)
		return -1;
	tenant = hr_memdup(f->tenant, f->tenant_len);
	rc = hr_join_mark(d->a, d->conn, s, &d->relations, tenant, f->lsn, &d->join_passing, e);
	free(tenant);
	d->joining = s->kind == HR_SNAPSHOT_BEGINS;
	return rc;
}

static int
snapshot(struct hr_deal *d, const struct hr_frame *f, struct hr_err *e)
{
	struct hr_apply *a = d->a;
	struct hr_copied now = { 0 };
	struct hr_snapshot s;
	bool begins;
	size_t k;
	int i;

	if (hr_snapshot_decode(&s, f, e) < 0)
		return -1;
	begins = s.kind == HR_SNAPSHOT_BEGINS;
	if (d->any)
		return hr_fail(e, HR_BAD_STREAM, "a snapshot mark inside a window");
	if (deal_out(d, e) < 0 || drain(d, e) < 0)
		return -1;
	if (!(f->flags & HR_ALL))
		return join(d, f, &s, e);
	/* The same stream again, or an older one, or one that did not know: its copy is in. */
	if (begins && a->book.streaming && (f->lsn <= a->book.copy_lsn || goes_on(d, f->lsn)))
		d->copied = true;
	/* Older than what is in of one that is not complete: of no use to that. */
	if (begins && a->book.copying && f->lsn < hr_book_most(&a->book))
		d->copied = true;
	if (d->copied) {
		d->continues = a->book.streaming;
		d->copied = begins;
		return 0;
	}
	if (begins == d->copying)
		return hr_fail(e, HR_BAD_STREAM, "a copy that %s", begins ? "begins in another" : "ends before it begins");
	if (hr_deal_conn(d, e) < 0)
		return -1;
	if (begins ? hr_copy_begin(&now, goes_on(d, f->lsn) ? &a->copied : NULL, d->conn, &a->book, &s, &d->relations, f->lsn, e) < 0 :
	    hr_copy_end(d->conn, &a->book, f->lsn, e) < 0)
		return -1;
	d->continues = true;
	for (k = 0; k < a->book.places; k++)
		a->book.place[k].lsn = f->lsn;
	for (i = 0; i < a->workers; i++)
		hr_worker_reposition(&a->worker[i]);
	pthread_mutex_lock(&a->ledger.lock);
	hr_ledger_copied(a, &now);
	a->ledger.copying = a->book.copying = begins;
	for (k = 0; begins && k < a->ledger.account.slots; k++)
		if (a->ledger.account.slot[k].value)
			((struct hr_account *)a->ledger.account.slot[k].value)->copying = false;
	a->ledger.streaming = a->book.streaming = !begins;
	a->book.copy_lsn = f->lsn;
	if (f->lsn > a->ledger.watermark)
		a->ledger.watermark = f->lsn;
	a->ledger.dirty = true;
	pthread_cond_signal(&a->ledger.changed);
	pthread_mutex_unlock(&a->ledger.lock);
	reset_parts(d, begins);
	hr_log(HR_LOG_NOTE, begins ? "first copy begins, as of %s" : "first copy is complete, as of %s", HR_LSN(f->lsn));
	return 0;
}

/* Rows that follow are of this part, or it has ended. */
static int
part(struct hr_deal *d, const struct hr_frame *f, struct hr_err *e)
{
	const struct hr_part *p;
	uint32_t n;
	bool ended;
	int i, least = 0;

	if (hr_part_mark_decode(&n, &ended, f, e) < 0)
		return -1;
	if (!d->copying || (p = hr_copied_part(&d->a->copied, n)) == NULL)
		return hr_fail(e, HR_BAD_STREAM, "part %" PRIu32 " of a copy that has not begun, or not so many", n);
	if (d->part_of[n] < 0) {
		/* What is in at its first mark is not written again. */
		for (i = 1; i < d->a->workers; i++)
			if (d->parts[i] < d->parts[least])
				least = i;
		d->part_of[n] = hr_ledger_has_part(d->a, n) ? d->a->workers : least;
		if (d->part_of[n] == least)
			d->parts[least]++;
	}
	d->passing = d->part_of[n] == d->a->workers;
	if (d->passing)
		return 0;
	d->part_worker = d->part_of[n];
	if (!ended)
		return 0;
	/* Once: if it came again, it is in. */
	d->parts[d->part_worker]--;
	d->part_of[n] = d->a->workers;
	d->passing = true;
	return gather(d, f, e);
}

static int
fence(struct hr_deal *d, const struct hr_frame *f, struct hr_err *e)
{
	uint64_t epoch;
	char *lit;
	int rc;

	if (d->any)
		return hr_fail(e, HR_BAD_STREAM, "a fence inside a window");
	if (hr_fence_decode(&epoch, f, e) < 0 || deal_out(d, e) < 0 || drain(d, e) < 0)
		return -1;
	if (hr_deal_conn(d, e) < 0)
		return -1;
	lit = hr_quote_literal(d->a->book.stream);
	rc = hr_conn_execf(d->conn, e, "UPDATE hr.stream SET epoch = greatest(epoch, %" PRIu64 ") WHERE stream = %s",
	    epoch, lit);
	free(lit);
	return rc;
}

int
hr_deal_packed(struct hr_err *e)
{
	hr_fail(e, HR_BAD_STREAM, "the stream is packed");
	return hr_hint(e, "put hr-compress -d in front");
}

static int
one_frame(struct hr_deal *d, const struct hr_frame *f, struct hr_err *e)
{
	struct hr_relation *rel;

	if (d->copied && (f->flags & HR_COPY))
		return 0;
	if (d->copying && (f->type == HR_FRAME_ROWS || f->type == HR_FRAME_WATERMARK) && !(f->flags & HR_COPY))
		return hr_fail(e, HR_BAD_STREAM, "a change in the middle of a copy");
	switch (f->type) {
	case HR_FRAME_ROWS:
	case HR_FRAME_WATERMARK:
	case HR_FRAME_FENCE:
		if (!d->continues && begin_changes(d, e) < 0)
			return -1;
		break;
	}
	switch (f->type) {
	case HR_FRAME_RELATION:
		if (hr_relation_decode(&rel, f->data, f->len, e) < 0)
			return -1;
		hr_relations_put(&d->relations, rel);
		return gather(d, f, e);
	case HR_FRAME_PART:
		return part(d, f, e);
	case HR_FRAME_ROWS:
		if ((f->flags & HR_COPY) && !d->copying && d->joining) {
			if (d->join_passing)
				return 0;
		} else if ((f->flags & HR_COPY) && !d->copying)
			return hr_fail(e, HR_BAD_STREAM, "rows of a copy that has not begun");
		if (d->copying && d->passing)
			return 0;
		if ((f->flags & HR_ALL) == 0 && f->tenant_len == 0)
			return hr_fail(e, HR_BAD_STREAM, "a rows frame that names no tenant");
		return wanted(d->a->o, f) ? gather(d, f, e) : 0;
	case HR_FRAME_WATERMARK:
		return watermark(d, f, e);
	case HR_FRAME_SNAPSHOT:
		return snapshot(d, f, e);
	case HR_FRAME_FENCE:
		return fence(d, f, e);
	case HR_FRAME_BLOCK:
		return hr_deal_packed(e);
	case HR_FRAME_SEQUENCE:
		return wanted(d->a->o, f) ? hr_values_put(&d->a->values, f, e) : 0;
	}
	return 0;
}

/* The last watermark, if nobody has written it yet. */
static int
last_mark(struct hr_deal *d, struct hr_err *e)
{
	uint8_t data[HR_WATERMARK_SIZE];
	struct hr_watermark m = { .idle = true };
	struct hr_frame f = {
		.type = HR_FRAME_WATERMARK, .flags = HR_ALL, .lsn = d->seen, .tenant = "", .data = data, .len = sizeof(data),
	};

	if (d->any || d->seen <= d->persisted || d->a->ledger.copying)
		return 0;
	hr_watermark_encode(&m, data);
	return mark_first(d, &f, &m, e);
}

int
hr_deal_frames(struct hr_deal *d, struct hr_reader *r, struct hr_err *e)
{
	struct hr_frame f;
	int got = 0;

	while (!*r->stop && (got = hr_read(r, &f, e)) == 1)
		if (one_frame(d, &f, e) < 0)
			return -1;
	if (got < 0 && *r->stop) {
		hr_err_clear(e);
		return d->any || d->a->failed ? 0 : drain(d, e);
	}
	if (got < 0) {
		/* What came whole before the cut is kept: let it be written. */
		struct hr_err ignored = HR_ERR_INIT;

		if (!d->any)
			(void)!drain(d, &ignored);
		return -1;
	}
	d->ended = !*r->stop;
	/* What came after the last watermark is not whole: the source has it still. */
	if (d->any && straight(d))
		return 0;
	if (last_mark(d, e) < 0)
		return -1;
	return drain(d, e);
}
