/*
 * worker.c - take pieces, write them, commit, and start over when refused.
 */

#include "base/hr.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "apply/ahead.h"
#include "apply/ddl.h"
#include "apply/set.h"
#include "apply/worker.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/lsn.h"

#define LINGER_US	100000			/* a transaction gathers no longer */
#define COPY_US		5000000			/* one of rows of a copy */
#define COPY_BYTES	(HR_KEEP_BYTES - ((size_t)4 << 20))	/* and in bytes: its last window is in memory, too */
#define RETRY_US	60000000		/* a lost target is looked for so long */
#define TRIES		20			/* of what may pass by itself */
#define MENDS		100			/* of tables in one window */

static int short_of(void *arg, const struct hr_expect *x, struct hr_err *e);

void
hr_worker_init(struct hr_worker *w, struct hr_apply *a, int index)
{
	*w = (struct hr_worker){ .a = a, .index = index, .spill = -1 };
	hr_queue_init(&w->queue);
	hr_batch_init(&w->batch, &w->txn);
	w->txn.short_of = short_of;
	w->txn.short_arg = w;
	if (a->o->tenants)
		w->only = hr_quote_array(a->o->tenant, a->o->tenants);
}

static void
tenant_free(void *p)
{
	struct hr_tenant *t = p;

	hr_map_clear(&t->kept, NULL);
	free(t->table);
	free(t->array);
	free(t->name);
	free(t);
}

static void
target_free(void *p)
{
	hr_target_free(p);
}

static void
drop_refused(struct hr_worker *w)
{
	while (w->refusals)
		free(w->refused[--w->refusals].awaits);
}

void
hr_worker_clear(struct hr_worker *w)
{
	hr_batch_clear(&w->batch);
	hr_worker_free_kept(w);
	hr_map_clear(&w->target, target_free);
	hr_map_clear(&w->tenant, tenant_free);
	hr_parked_clear(&w->parked);
	hr_txn_clear(&w->txn);
	hr_conn_close(w->conn);
	hr_queue_clear(&w->queue);
	free(w->kept);
	free(w->undo);
	free(w->touched);
	drop_refused(w);
	free(w->refused);
	hr_ahead_clear(w);
	free(w->ahead);
	hr_ddl_forget(w);
	free(w->told);
	free(w->awaits);
	free(w->ended);
	free(w->only);
}

struct hr_tenant *
hr_worker_tenant(struct hr_worker *w, const char *name, size_t len)
{
	void **at = hr_map_at(&w->tenant, name, len);
	struct hr_tenant *t = *at;

	if (t == NULL) {
		t = *at = hr_zalloc(sizeof(*t));
		t->name = hr_memdup(name, len);
		t->len = len;
		t->position = hr_book_position(&w->a->book, name, len);
	}
	return t;
}

void
hr_worker_reposition(struct hr_worker *w)
{
	size_t i;

	for (i = 0; i < w->tenant.slots; i++) {
		struct hr_tenant *t = w->tenant.slot[i].value;

		if (t)
			t->position = hr_book_position(&w->a->book, t->name, t->len);
	}
}

int
hr_worker_flush(struct hr_worker *w, struct hr_err *e)
{
	if (hr_batch_flush(&w->batch, true, e) < 0)
		return -1;
	hr_worker_free_loaded(w);
	return w->kept_bytes > HR_KEEP_BYTES && w->at == w->keeps ? hr_worker_spill(w, e) : 0;
}

/*
 * Commit.
 */

static int
send_advance(struct hr_worker *w, int worker, const struct hr_piece *mark, struct hr_err *e)
{
	static const uint32_t type[HR_ADVANCE_PARAMS];
	const struct hr_book *b = &w->a->book;
	char generation[16], index[16], epoch[24], parked[24], lsn[HR_LSN_TEXT], time[HR_TIME_TEXT], batch[24], origin[HR_LSN_TEXT];
	bool copying = mark->flags & HR_COPY;
	struct hr_param p[HR_ADVANCE_PARAMS] = {
		HR_PARAM_TEXT(b->stream), { .data = generation }, { .data = index }, { .data = b->holder },
		{ .data = epoch }, { .data = parked }, { .data = lsn, .len = copying ? -1 : 0 },
		{ .data = time, .len = w->target_time ? 0 : -1 }, { .data = batch }, { .data = worker == w->index ? "t" : "f" },
		/* The source's position and commit time, for whoever captures from the target. */
		{ .data = origin, .len = w->has_origin && w->target_time && worker == w->index ? 0 : -1 },
	};

	snprintf(generation, sizeof(generation), "%d", b->generation);
	snprintf(index, sizeof(index), "%d", worker);
	snprintf(epoch, sizeof(epoch), "%" PRIu64, b->epoch);
	snprintf(parked, sizeof(parked), "%" PRId64, w->parked.generation);
	snprintf(batch, sizeof(batch), "%" PRId64, w->a->worker[worker].batches);
	hr_lsn_format(lsn, mark->lsn);
	hr_lsn_format(origin, mark->lsn);
	hr_time_format(time, w->target_time);
	return hr_txn_send(&w->txn, &w->advance, HR_ADVANCE_SQL, type, HR_ADVANCE_PARAMS, p, -1, NULL, false, e);
}

static int
commit(struct hr_worker *w, const struct hr_piece *mark, struct hr_err *e)
{
	size_t k;
	int i;

	w->target_lsn = mark->lsn;
	w->target_time = 0;
	for (k = 0; k < w->touches; k++)
		if (w->touched[k]->last_lsn && w->touched[k]->last_time > w->target_time)
			w->target_time = w->touched[k]->last_time;
	if (hr_batch_flush(&w->batch, false, e) < 0 || hr_worker_parts_in(w, e) < 0)
		return -1;
	/*
	 * Of a window with everybody's rows the others' progress is ours to
	 * write.  They wait, so what they have committed does not change.
	 */
	for (i = 0; i < w->a->workers; i++)
		if ((i == w->index || mark->alone) && send_advance(w, i, mark, e) < 0)
			return -1;
	return hr_txn_commit(&w->txn, e);
}

/* It is in: count it, say so, let go of what was kept. */
static void
committed(struct hr_worker *w)
{
	struct hr_ledger *l = &w->a->ledger;
	size_t i, k;

	w->batches++;
	hr_batch_done(&w->batch);
	pthread_mutex_lock(&l->lock);
	for (i = 0; i < w->touches; i++) {
		struct hr_tenant *t = w->touched[i];
		struct hr_account *a = t->account;
		void *why;

		t->touched = false;
		if (a == NULL)
			a = t->account = hr_ledger_account(l, t->name, t->len);
		why = hr_parked_copied(&w->parked, t->name, t->len) ? NULL : hr_map_get(&w->parked.tenant, t->name, t->len);
		if (why && !a->parked) {
			a->parked = true;
			a->reason = hr_strdup(why);
			l->parked++;
		} else if (why == NULL && a->parked) {
			a->parked = false;
			free(a->reason);
			a->reason = NULL;
			l->parked--;
		}
		a->rows += t->rows;
		a->bytes += t->bytes;
		if (t->last_lsn > a->lsn) {
			a->lsn = t->last_lsn;
			a->time = t->last_time;
			a->xid = t->last_xid;
			if (a->time > l->time)
				l->time = a->time;
		}
		for (k = 0; k < t->tables; k++) {
			struct hr_target *g = hr_worker_target(w, t->table[k].relation);
			void **at;

			if (g == NULL)
				continue;
			at = hr_map_at(&a->table, g->shown, strlen(g->shown));
			if (*at == NULL)
				*at = hr_zalloc(sizeof(struct hr_table_lsn));
			((struct hr_table_lsn *)*at)->lsn = t->table[k].lsn;
		}
		t->rows = t->bytes = t->transactions = 0;
		t->last_lsn = 0;
		t->tables = 0;
	}
	l->rows += w->rows;
	l->bytes += w->bytes;
	l->transactions += w->transactions;
	l->conflicts += w->conflicts;
	if (w->target_time && w->rows)
		hr_histogram_add(&l->lag, (double)(hr_now_pg_us() - w->target_time) / 1e6);
	pthread_mutex_unlock(&l->lock);
	hr_ledger_committed(w->a, w->index, w->target_lsn, w->a->o->synchronous, w->batches, w->ended, w->ends);
	w->txn.committed = false;
	w->touches = w->ends = 0;
	w->rows = w->bytes = w->transactions = w->conflicts = 0;
	w->row_by_row = w->batch.in_order = w->batch.stepping = false;
	for (i = 0; i < w->refusals; i++) {
		const struct hr_refused *r = &w->refused[i];

		hr_log(HR_LOG_WARNING, "tenant '%s' is parked at %s: %s%s%s", r->tenant->name, HR_LSN(r->lsn),
		    r->why.what, r->why.hint[0] ? "; " : "", r->why.hint);
		if (r->awaits)
			atomic_store(&w->a->awaiting, true);
	}
	drop_refused(w);
	hr_ddl_forget(w);
	w->looked = false;
	if (w->changed) {
		/* Other workers look their tables up again, too. */
		w->changed = false;
		atomic_fetch_add(&w->a->changes, 1);
	}
	hr_worker_free_kept(w);
}

/* More is kept than memory is for? */
static int
spill_some(struct hr_worker *w, struct hr_err *e)
{
	return w->kept_bytes + w->loaded_bytes > HR_KEEP_BYTES ? hr_worker_flush(w, e) : 0;
}

/* Another window before the commit?  Of a copy more of them: each COPY begins with cold buffers. */
static bool
goes_on(struct hr_worker *w, int64_t begun)
{
	int64_t lasts = hr_now_us() - begun;

	if (w->txn.copy_stays)
		return w->kept_bytes < COPY_BYTES && lasts < COPY_US && hr_queue_await(&w->queue, LINGER_US);
	return w->rows < (uint64_t)w->a->o->batch_rows && lasts < LINGER_US && hr_queue_windows(&w->queue) > 0;
}

/*
 * One try at a window, or several when they wait.  1: committed, 0: the queue
 * was closed before, -1.
 */
static int
try_window(struct hr_worker *w, struct hr_err *e)
{
	int64_t begun = 0;
	struct hr_piece *p = NULL;
	size_t i;
	int got;

	w->batch.in_order = w->row_by_row;
	for (i = 0; i < w->refusals; i++) {
		const struct hr_refused *r = &w->refused[i];

		if (hr_park(&w->parked, &w->txn, w->a->book.stream, r->tenant->name, r->lsn, &r->why, r->awaits, e) < 0)
			return -1;
		r->tenant->parked_from = r->lsn;
	}
	while ((got = hr_worker_next(w, &p, e)) == 1) {
		switch (p->type) {
		case HR_FRAME_RELATION:
			if (hr_worker_relation(w, p, e) < 0)
				return -1;
			/* Between windows nothing can fail that would need it again. */
			if (w->touches == 0 && w->ends == 0 && !w->txn.open)
				hr_worker_free_kept(w);
			continue;
		case HR_FRAME_PART:
			if (hr_worker_part(w, p, e) < 0)
				return -1;
			continue;
		case HR_FRAME_ROWS:
			if (begun == 0)
				begun = hr_now_us();
			if (hr_worker_rows(w, p, e) < 0 || spill_some(w, e) < 0)
				return -1;
			continue;
		}
		/* A watermark: all before it is whole. */
		if (w->at < w->keeps || w->spill_at < w->spilled ||
		    (!p->alone && !w->changed && begun && goes_on(w, begun)))
			continue;
		return commit(w, p, e) < 0 ? -1 : 1;
	}
	return got;
}

/*
 * When it fails.
 */

static int
short_of(void *arg, const struct hr_expect *x, struct hr_err *e)
{
	struct hr_worker *w = arg;
	const struct hr_change *c = x->what;
	const char *conflict, *resolution;
	struct hr_tenant *t;
	struct hr_result *r;
	char *key, at[HR_LSN_TEXT];
	int rc;

	if (x->is_set) {
		hr_fail(e, HR_TEMPORARY, "some rows of a set are not at the target");
		memcpy(e->sqlstate, "HRROW", 6);
		return -1;
	}
	if (c->op != 'I' && x->did == 0 && !w->batch.stepping) {
		/* What was sent after it was sent too early. */
		hr_fail(e, HR_TEMPORARY, "a row is not at the target");
		memcpy(e->sqlstate, "HRSTP", 6);
		return -1;
	}
	if (hr_row_settle(&w->txn, c, x->did, &conflict, &resolution, e) < 0)
		return -1;
	if (conflict == NULL)
		return 0;
	t = c->tenant;
	key = hr_row_key_text(c);
	{
		struct hr_param p[7] = {
			HR_PARAM_TEXT(w->a->book.stream), { .data = t->len ? t->name : "*" },
			HR_PARAM_TEXT(c->target->shown), { .data = conflict }, { .data = key, .len = key ? 0 : -1 },
			{ .data = hr_lsn_format(at, c->lsn) }, { .data = resolution },
		};

		rc = hr_conn_query(w->conn, &r, "INSERT INTO hr.conflict (stream, tenant, relation, conflict, key,"
		    " lsn, resolution) VALUES ($1, $2, $3, $4, $5, $6, $7)", 7, p, e);
	}
	if (rc == 0) {
		hr_log(HR_LOG_NOTE, "conflict: %s in '%s' of tenant '%s', key (%s), lsn %s: %s", conflict,
		    c->target->shown, t->len ? t->name : "*", key ? key : "", HR_LSN(c->lsn), resolution);
		hr_result_free(r);
		w->conflicts++;
	}
	free(key);
	return rc;
}

static int
connect_worker(struct hr_worker *w, struct hr_err *e)
{
	size_t i;
	char origin[160];
	struct hr_err no = HR_ERR_INIT;
	struct hr_param p = { .data = origin };
	struct hr_result *r;

	if (hr_apply_connect(&w->conn, w->a->o, w->a->o->synchronous, e) < 0)
		return -1;
	w->txn.conn = w->conn;
	w->advance = (struct hr_statement){ .name = "hr_advance" };
	for (i = 0; i < w->target.slots; i++)
		if (w->target.slot[i].value)
			hr_target_forget(w->target.slot[i].value);
	w->has_origin = false;
	/* So that a capture from the target can leave out what came this way. */
	snprintf(origin, sizeof(origin), "hr_%.100s_%d", w->a->book.stream, w->index);
	if (hr_conn_query(w->conn, &r, "SELECT pg_catalog.pg_replication_origin_create($1)"
	    " WHERE pg_catalog.pg_replication_origin_oid($1) IS NULL", 1, &p, &no) == 0)
		hr_result_free(r);
	if (hr_conn_query(w->conn, &r, "SELECT pg_catalog.pg_replication_origin_session_setup($1)"
	    " WHERE pg_catalog.has_function_privilege('pg_catalog.pg_replication_origin_xact_setup(pg_lsn, timestamptz)',"
	    " 'EXECUTE')", 1, &p, &no) == 0 && hr_result_rows(r) == 0) {
		hr_result_free(r);
		hr_log(HR_LOG_NOTE, "no replication origin '%s': no right to set it up", origin);
	} else if (no.code == HR_OK) {
		hr_result_free(r);
		w->has_origin = true;
	} else
		hr_log(HR_LOG_WARNING, "no replication origin '%s', so that a capture from this target cannot leave "
		    "out what comes this way: %s", origin, no.what);
	return hr_parked_load(&w->parked, w->conn, w->a->book.stream, e);
}

/* The connection went.  1: the window is in, 0: write it again, -1. */
static int
reconnect(struct hr_worker *w, struct hr_err *e)
{
	int64_t until = hr_now_us() + RETRY_US;
	unsigned int pause_us = 50000;
	struct hr_err why = *e;

	hr_log(HR_LOG_WARNING, "target: %s; reconnecting", e->what);
	for (;;) {
		int64_t batch;

		hr_conn_close(w->conn);
		w->conn = w->txn.conn = NULL;
		hr_err_clear(e);
		if (connect_worker(w, e) == 0 &&
		    hr_book_batch(w->conn, &w->a->book, w->index, &batch, e) == 0) {
			/* One more than we know of: the answer to its COMMIT was lost. */
			if (batch == w->batches + 1)
				return 1;
			if (batch == w->batches)
				return 0;
			return hr_book_lost(e);
		}
		if (!hr_err_retryable(e) || w->queue.closed)
			return -1;
		if (hr_now_us() > until) {
			*e = why;
			return hr_within(e, "target lost and not found again");
		}
		usleep(pause_us);
		if (pause_us < 2000000)
			pause_us *= 2;
	}
}

/* As everything was before the try. */
static int
rewind_window(struct hr_worker *w, struct hr_err *e)
{
	size_t i;

	hr_batch_drop(&w->batch);
	w->at = 0;
	w->spill_at = 0;
	hr_worker_free_loaded(w);
	for (i = 0; i < w->touches; i++) {
		struct hr_tenant *t = w->touched[i];

		t->touched = t->skipping = t->unkept = false;
		t->rows = t->bytes = t->transactions = 0;
		t->last_lsn = 0;
		t->tables = 0;
	}
	w->touches = w->ends = 0;
	w->rows = w->bytes = w->transactions = w->conflicts = 0;
	hr_ddl_forget(w);
	if (w->changed)
		hr_worker_stale(w);
	w->changed = false;
	/* Tables that the window changed: back to what they were. */
	while (w->undos) {
		struct hr_relation *rel = w->undo[--w->undos];

		if (hr_worker_put_target(w, rel, false, e) < 0)
			return -1;
	}
	/* What was kept for parked tenants was rolled back with the rest. */
	for (i = 0; i < w->tenant.slots; i++)
		if (w->tenant.slot[i].value)
			hr_map_clear(&((struct hr_tenant *)w->tenant.slot[i].value)->kept, NULL);
	return 0;
}

static int
add_columns(struct hr_worker *w, const char *sql, struct hr_err *e)
{
	if (hr_conn_exec(w->conn, sql, e) < 0)
		return -1;
	hr_log(HR_LOG_WARNING, "changed the target: %.*s", (int)strcspn(sql, ";"), sql);
	atomic_fetch_add(&w->a->changes, 1);
	return hr_worker_look_again(w, e);
}

/* A row was refused: whose, and in which transaction?  NULL when it cannot be one tenant's. */
static struct hr_tenant *
culprit(struct hr_worker *w, hr_lsn *lsn)
{
	struct hr_tenant *t = w->batch.failed;

	if (t)
		*lsn = t->lsn;
	else if (w->txn.failed) {
		t = ((const struct hr_change *)w->txn.failed)->tenant;
		*lsn = ((const struct hr_change *)w->txn.failed)->lsn;
	}
	return t && t->len ? t : NULL;
}

static void
refuse(struct hr_worker *w, struct hr_tenant *t, hr_lsn lsn, const struct hr_err *why, const char *awaits)
{
	size_t i;

	for (i = 0; i < w->refusals; i++)
		if (w->refused[i].tenant == t)
			return;
	HR_GROW(w->refused, w->refusals, w->refused_cap);
	w->refused[w->refusals++] = (struct hr_refused){ t, lsn, *why, hr_strdup(awaits) };
}

static bool
describes(const struct hr_piece *p, uint32_t relation)
{
	struct hr_err ignored = HR_ERR_INIT;
	struct hr_relation *rel;
	bool yes;

	if (hr_relation_decode(&rel, p->body, p->len, &ignored) < 0)
		return false;
	yes = rel->id == relation;
	hr_relation_free(rel);
	return yes;
}

/* A table does not fit: nobody who has rows of it in the window can go on. */
static void
refuse_all(struct hr_worker *w, uint32_t relation, const struct hr_err *why, const char *awaits)
{
	struct hr_err ignored = HR_ERR_INIT;
	size_t i, from = 0;

	/* Rows before it was described anew were of a table that fitted. */
	for (i = 0; i < w->keeps; i++)
		if (w->kept[i]->type == HR_FRAME_RELATION && describes(w->kept[i], relation))
			from = i;
	for (i = from; i < w->keeps; i++) {
		const struct hr_piece *p = w->kept[i];
		struct hr_cur c = hr_cur(p->body, p->len);
		struct hr_item it;
		hr_lsn lsn = p->lsn;

		if (p->type != HR_FRAME_ROWS || (p->flags & HR_ALL))
			continue;
		while (hr_rows_next(&c, &it, &ignored) == 1) {
			if (it.op == HR_BEGIN)
				lsn = it.lsn;
			if ((it.op == HR_INSERT || it.op == HR_PUT || it.op == HR_UPDATE) && it.relation == relation) {
				refuse(w, hr_worker_tenant(w, p->tenant, p->tenant_len), lsn, why, awaits);
				break;
			}
		}
	}
}

/*
 * The window was rolled back: what now?  who, in the transaction of lsn, had a
 * row refused; NULL: nobody alone.  0: try again, -1: it cannot be mended here.
 */
static int
decide(struct hr_worker *w, struct hr_tenant *who, hr_lsn lsn, bool drift, uint32_t table, const char *add,
    const char *shown, int *tries, struct hr_err *e)
{
	bool ddl = strcmp(e->sqlstate, "HRDDL") == 0;

	if (e->code == HR_BAD_STREAM || e->code == HR_IO || e->code == HR_INTERNAL ||
	    strcmp(e->sqlstate, "HR001") == 0 || strcmp(e->sqlstate, "HR002") == 0)
		return -1;
	if (strcmp(e->sqlstate, "HR004") == 0) {
		e->code = HR_TEMPORARY;
		return -1;
	}
	if (strcmp(e->sqlstate, "HR003") == 0) {
		hr_err_clear(e);
		return hr_worker_look_again(w, e);
	}
	if (strcmp(e->sqlstate, "HRROW") == 0 || strcmp(e->sqlstate, "HRSTP") == 0) {
		w->row_by_row = true;
		w->batch.stepping |= e->sqlstate[2] == 'S';
		return 0;
	}
	if (hr_err_retryable(e)) {
		if (++*tries > TRIES)
			return -1;
		hr_log_err(HR_LOG_NOTE, e);
		usleep((unsigned int)(10000 * *tries));
		return 0;
	}
	/* Another worker may have changed the table meanwhile. */
	if (drift && !w->looked) {
		w->looked = true;
		hr_err_clear(e);
		return hr_worker_look_again(w, e);
	}
	/* A table is not what it was: another stream, or somebody by hand. */
	if (!w->looked && (strcmp(e->sqlstate, "42703") == 0 || strcmp(e->sqlstate, "42P01") == 0 ||
	    strcmp(e->sqlstate, "42804") == 0 || strcmp(e->sqlstate, "22P03") == 0)) {
		w->looked = true;
		hr_err_clear(e);
		hr_worker_stale(w);
		return 0;
	}
	if (drift && add && ++*tries < MENDS) {
		hr_err_clear(e);
		return add_columns(w, add, e);
	}
	if (!drift && !ddl && !w->row_by_row) {
		hr_log(HR_LOG_DEBUG, "a set was refused (%s), writing row by row", e->what);
		w->row_by_row = true;
		return 0;
	}
	/* Another worker's delete may be about to make room. */
	if (w->a->workers > 1 && (strcmp(e->sqlstate, "23505") == 0 || strcmp(e->sqlstate, "23P01") == 0) &&
	    ++*tries < TRIES) {
		usleep((unsigned int)(10000 * *tries));
		return 0;
	}
	if (who == NULL) {
		if (shown)
			hr_within(e, "a row of '%s' that is for all tenants was refused", shown);
		if (ddl)
			hr_hint(e, "then start again: nothing is lost");
		return e->hint[0] ? -1 : hr_hint(e, "mend the target and start again: nothing is lost");
	}
	refuse(w, who, lsn, e, w->awaits);
	if (drift)
		refuse_all(w, table, e, w->awaits);
	hr_err_clear(e);
	return 0;
}

/*
 * What to do about a failure.  0: try again, 1: it is in after all, -1: it
 * cannot be mended here.
 */
static int
mend(struct hr_worker *w, int *tries, struct hr_err *e)
{
	hr_lsn lsn = 0;
	struct hr_tenant *who = culprit(w, &lsn);
	const struct hr_change *refused = w->txn.failed;
	struct hr_err failure = *e;
	bool drift = strcmp(e->sqlstate, "HRDRF") == 0, ddl = strcmp(e->sqlstate, "HRDDL") == 0;
	uint32_t table = drift ? w->batch.failed_table : refused ? refused->target->relation->id : 0;
	const struct hr_target *unfit = drift ? hr_worker_target(w, table) : NULL;
	char *add, *shown;
	int rc;

	w->batch.failed = w->txn.failed = NULL;
	hr_txn_rollback(&w->txn);
	if (w->txn.committed && hr_conn_alive(w->conn)) {
		/* Only what came behind the COMMIT failed. */
		hr_err_clear(e);
		return 1;
	}
	if (!hr_conn_alive(w->conn)) {
		rc = reconnect(w, e);
		return rc != 0 ? rc : rewind_window(w, e);
	}
	hr_err_clear(e);
	shown = refused ? hr_strdup(refused->target->shown) : NULL;
	add = unfit && w->a->o->add_columns ? hr_ddl_mend(w, unfit, who ? who->name : "", lsn) : NULL;
	if (!ddl) {
		free(w->awaits);
		w->awaits = unfit ? hr_strdup(unfit->awaits) : NULL;
	}
	/* What the source has said of the table is better than what can be guessed. */
	if (table && !hr_err_retryable(&failure) && hr_ddl_reason(w, table, &failure, &w->awaits, e) < 0)
		rc = -1;
	else if (hr_parked_load(&w->parked, w->conn, w->a->book.stream, e) < 0 || rewind_window(w, e) < 0)
		rc = -1;
	else {
		*e = failure;
		rc = decide(w, who, lsn, drift, table, add, shown, tries, e);
	}
	free(add);
	free(shown);
	return rc;
}
static int
window(struct hr_worker *w, struct hr_err *e)
{
	int tries = 0, rc;

	while ((rc = try_window(w, e)) < 0) {
		rc = mend(w, &tries, e);
		if (rc < 0)
			return -1;
		hr_err_clear(e);
		if (rc == 1) {
			committed(w);
			return 1;
		}
	}
	if (rc == 1)
		committed(w);
	return rc;
}

void *
hr_worker_run(void *arg)
{
	struct hr_worker *w = arg;
	struct hr_err e = HR_ERR_INIT;
	int rc = -1;

	if (connect_worker(w, &e) == 0)
		while ((rc = window(w, &e)) == 1)
			;
	if (rc < 0)
		hr_apply_fail(w->a, &e);
	hr_txn_rollback(&w->txn);
	hr_row_end();
	hr_set_end();
	return NULL;
}

int
hr_worker_replay(struct hr_worker *w, const struct hr_piece *p, struct hr_err *e)
{
	w->batch.in_order = w->batch.stepping = w->replaying = true;
	if (p->type == HR_FRAME_RELATION ? hr_worker_relation(w, p, e) < 0 : hr_worker_rows(w, p, e) < 0)
		return -1;
	/* The piece is not kept: nothing of it may wait. */
	return hr_worker_flush(w, e);
}
