/*
 * rows.c - from the items of a piece to changes of a batch.
 *
 * Here a worker knows its tenants and tables: what a tenant has already is
 * left out, what is for a parked one is kept for it.
 */

#include "base/hr.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apply/ahead.h"
#include "apply/ddl.h"
#include "apply/worker.h"
#include "base/alloc.h"

#define BATCH_BYTES	((size_t)16 << 20)	/* of tuples, between flushes */

/*
 * Tables.
 */

struct hr_target *
hr_worker_target(struct hr_worker *w, uint32_t id)
{
	return hr_map_get(&w->target, &id, sizeof(id));
}

/* Takes rel over. */
int
hr_worker_put_target(struct hr_worker *w, struct hr_relation *rel, bool remember, struct hr_err *e)
{
	uint32_t id = rel->id;
	struct hr_target *old = hr_worker_target(w, id), *t;

	if (old && hr_relation_same(hr_target_described(old), rel) && old->drift.code == HR_OK && !old->stale) {
		hr_relation_free(rel);
		return 0;
	}
	if ((old && hr_worker_flush(w, e) < 0) || hr_txn_plain(&w->txn, e) < 0 ||
	    hr_ahead_load(w, &t, rel, e) < 0)
		return -1;
	if (old) {
		if (remember) {
			struct hr_buf b = HR_BUF_INIT;
			struct hr_relation *copy;
			int rc;

			hr_relation_encode(hr_target_described(old), &b);
			rc = hr_relation_decode(&copy, b.data, b.len, e);
			hr_buf_clear(&b);
			if (rc < 0)
				return -1;
			HR_GROW(w->undo, w->undos, w->undo_cap);
			w->undo[w->undos++] = copy;
		}
		hr_target_free(old);
	}
	*hr_map_at(&w->target, &id, sizeof(id)) = t;
	return 0;
}

/* The table as it is now.  Nothing of it waits. */
static int
look_up(struct hr_worker *w, void **slot, struct hr_err *e)
{
	struct hr_target *t = *slot, *now;
	struct hr_relation *rel;
	struct hr_buf b = HR_BUF_INIT;
	int rc;

	hr_relation_encode(hr_target_described(t), &b);
	rc = hr_relation_decode(&rel, b.data, b.len, e);
	hr_buf_clear(&b);
	if (rc < 0 || hr_ahead_load(w, &now, rel, e) < 0)
		return -1;
	hr_target_free(t);
	*slot = now;
	return 0;
}

/* Look tables up again that did not fit: somebody may have mended them. */
int
hr_worker_look_again(struct hr_worker *w, struct hr_err *e)
{
	size_t i;

	if (!w->replaying)
		w->ahead_known = false;
	for (i = 0; i < w->target.slots; i++) {
		struct hr_target *t = w->target.slot[i].value;

		if (t && t->drift.code != HR_OK && look_up(w, &w->target.slot[i].value, e) < 0)
			return -1;
	}
	return 0;
}

void
hr_worker_stale(struct hr_worker *w)
{
	size_t i;

	for (i = 0; i < w->target.slots; i++)
		if (w->target.slot[i].value)
			((struct hr_target *)w->target.slot[i].value)->stale = true;
	if (!w->replaying)
		w->ahead_known = false;
}

/* A table to write to, as it is now; NULL in *g: the stream has not described it. */
static int
current(struct hr_worker *w, uint32_t id, struct hr_target **g, struct hr_err *e)
{
	*g = hr_worker_target(w, id);
	if (HR_LIKELY(*g == NULL || !(*g)->stale))
		return 0;
	if (hr_batch_flush(&w->batch, true, e) < 0 || hr_txn_plain(&w->txn, e) < 0 ||
	    look_up(w, hr_map_at(&w->target, &id, sizeof(id)), e) < 0)
		return -1;
	*g = hr_worker_target(w, id);
	return 0;
}

/* What there is of the table of a first copy that goes on. */
static enum hr_copied_mode
mode_of(const struct hr_worker *w, uint32_t relation)
{
	struct hr_target *g = hr_map_get(&w->target, &relation, sizeof(relation));

	return g ? hr_copied_mode(&w->a->copied, relation, g->table) : HR_COPIED_NONE;
}

/*
 * Parked tenants.
 */

/* The table as it is now goes before its first row. */
static int
keep_table(struct hr_worker *w, struct hr_tenant *t, uint32_t id, hr_lsn lsn, struct hr_err *e)
{
	struct hr_target *g = hr_worker_target(w, id);
	struct hr_buf r = HR_BUF_INIT;
	void **at;
	int rc;

	if (g == NULL)
		return 0;
	at = hr_map_at(&t->kept, &id, sizeof(id));
	if (*at == (void *)((uintptr_t)g->serial + 1))
		return 0;
	*at = (void *)((uintptr_t)g->serial + 1);
	hr_relation_encode(hr_target_described(g), &r);
	rc = hr_park_keep(&w->txn, w->a->book.stream, t->name, lsn, 'R', false, r.data, r.len, e);
	hr_buf_clear(&r);
	return rc;
}

/* Does the copy that goes on bring what this item changes?  Then it is not for the table as it is. */
static bool
comes_later(const struct hr_worker *w, const struct hr_item *it)
{
	bool all = it->op == HR_TRUNCATE;
	uint32_t i;

	if (!w->a->copied.catching_up || w->in_copy)
		return false;
	for (i = 0; it->op == HR_TRUNCATE && i < it->relations; i++)
		all &= mode_of(w, hr_get_u32le(it->relation_list + 4 * i)) == HR_COPIED_NONE;
	return all || (it->relation && mode_of(w, it->relation) == HR_COPIED_NONE);
}

/* Keep the items of a piece that are not in already. */
static int
keep_for(struct hr_worker *w, struct hr_tenant *t, const struct hr_piece *p, bool broadcast, struct hr_err *e)
{
	struct hr_cur c = hr_cur(p->body, p->len);
	struct hr_buf b = HR_BUF_INIT;
	struct hr_item it;
	bool skipping = t->unkept;
	const uint8_t *from = c.at;
	uint32_t i;
	int got, rc = 0;

	while (rc == 0 && (got = hr_rows_next(&c, &it, e)) != 0) {
		if (got < 0) {
			rc = -1;
			break;
		}
		if (it.op == HR_BEGIN) {
			skipping = it.lsn < t->position || it.lsn < t->parked_from;
			t->lsn = it.lsn;
		}
		if (skipping || comes_later(w, &it)) {
			from = c.at;
			continue;
		}
		hr_buf_put(&b, from, (size_t)(c.at - from));
		from = c.at;
		if (it.relation)
			rc = keep_table(w, t, it.relation, p->lsn, e);
		for (i = 0; it.op == HR_TRUNCATE && i < it.relations && rc == 0; i++)
			rc = keep_table(w, t, hr_get_u32le(it.relation_list + 4 * i), p->lsn, e);
	}
	t->unkept = skipping;
	if (rc == 0 && b.len)
		rc = hr_park_keep(&w->txn, w->a->book.stream, t->name, p->lsn, 'D', broadcast, b.data, b.len, e);
	hr_buf_clear(&b);
	return rc < 0 ? -1 : hr_txn_room(&w->txn, e);
}

/* What is for all is for those who are parked, too. */
static int
keep_for_parked(struct hr_worker *w, const struct hr_piece *p, struct hr_err *e)
{
	size_t i;

	for (i = 0; i < w->parked.tenant.slots; i++) {
		struct hr_map_slot *s = &w->parked.tenant.slot[i];

		if (s->key && keep_for(w, hr_worker_tenant(w, s->key, s->len), p, true, e) < 0)
			return -1;
	}
	return 0;
}

/*
 * Items.
 */

static void
touch(struct hr_worker *w, struct hr_tenant *t)
{
	if (!t->touched) {
		t->touched = true;
		HR_GROW(w->touched, w->touches, w->touch_cap);
		w->touched[w->touches++] = t;
	}
}

static void
touch_table(struct hr_tenant *t, uint32_t relation)
{
	size_t i;

	for (i = t->tables; i-- > 0;)
		if (t->table[i].relation == relation) {
			t->table[i].lsn = t->lsn;
			return;
		}
	HR_GROW(t->table, t->tables, t->table_cap);
	t->table[t->tables].relation = relation;
	t->table[t->tables++].lsn = t->lsn;
}

static int
unknown_relation(uint32_t id, struct hr_err *e)
{
	return hr_fail(e, HR_BAD_STREAM, "a row of relation %" PRIu32 ", which the stream has not described", id);
}

/*
 * A change of a table of which the copy has not brought all: its row may be
 * missing or there already, and what counts is how it is after the change.
 */
static int
loosely(struct hr_worker *w, struct hr_change *c, struct hr_err *e)
{
	struct hr_value v[HR_COLUMNS_MAX], old[HR_COLUMNS_MAX];
	const struct hr_target *g = c->target;
	int n = g->relation->columns, i;

	if (!g->uniques) {
		hr_fail(e, HR_REFUSED, "table '%s' at the target has lost the unique index by which its copy goes on", g->shown);
		return hr_hint(e, "make it again and start again");
	}
	c->loose = c->lenient = true;
	if (c->op == 'U' && hr_tuple_decode(c->tuple, c->tuple_len, v, HR_COLUMNS_MAX) == n) {
		for (i = 0; i < n && v[i].len != HR_VALUE_UNCHANGED; i++)
			;
		/* One that is not whole is of a row that goes away before the copy goes on. */
		if (i == n) {
			struct hr_change gone = *c;

			gone.op = 'D';
			gone.tuple_len = 0;
			if (c->old_len && hr_tuple_decode(c->old, c->old_len, old, HR_COLUMNS_MAX) == n &&
			    !hr_row_same_key(g, old, v) && hr_batch_add(&w->batch, &gone, e) < 0)
				return -1;
			c->op = 'I';
			c->old_len = 0;
		}
	}
	c->over = c->op == 'I';
	return hr_batch_add(&w->batch, c, e);
}

/* The tenant as text[]. */
static const char *
alone(struct hr_tenant *t)
{
	if (t->array == NULL)
		t->array = hr_quote_array((char *const[]){ t->name }, 1);
	return t->array;
}

static void
count(struct hr_worker *w, struct hr_tenant *t, const struct hr_item *it)
{
	t->rows++;
	t->bytes += it->tuple_len + it->old_len;
	w->rows++;
	w->bytes += it->tuple_len + it->old_len;
}

/* *like becomes what an insert behind this one is in all but its tuple, in a first copy; else it stays. */
static int
change(struct hr_worker *w, struct hr_tenant *t, const struct hr_item *it, bool all, struct hr_change *like,
    struct hr_err *e)
{
	struct hr_target *g;
	struct hr_change c = {
		.tenant = t, .stream = w->a->book.stream, .lsn = t->lsn, .lenient = it->op == HR_PUT || it->op == HR_DROP,
		.binary = it->binary,
		.op = it->op == HR_PUT ? 'I' : it->op == HR_DROP ? 'D' : (char)it->op,
		.tuple = it->tuple, .tuple_len = it->tuple_len, .old = it->old_tuple, .old_len = it->old_len,
	};
	enum hr_copied_mode mode;

	if (current(w, it->relation, &g, e) < 0)
		return -1;
	c.target = g;
	if (g == NULL)
		return unknown_relation(it->relation, e);
	mode = w->in_copy || w->a->copied.catching_up ? hr_copied_mode(&w->a->copied, it->relation, g->table) : HR_COPIED_ALL;
	if (g->gone || (mode == HR_COPIED_NONE && !w->in_copy))
		return 0;
	if (w->replaying && all) {
		/* Everybody else has had it. */
		if (!hr_relation_mixed(g->relation) || c.op != 'D')
			return 0;
	}
	/* What is for all tenants is only for those that were asked for. */
	if (all && c.op == 'D' && hr_relation_mixed(g->relation))
		c.only = w->only;
	/* The row may be a tenant's that is not here, or parked, or never came. */
	c.lenient |= all && c.op == 'D' && (g->relation->tenancy == 'p' || (g->relation->tenancy == 'c' &&
	    (g->missing || w->replaying || !w->a->every_tenant || w->parked.tenant.count || w->refusals)));
	/* What was kept may be about a row that has gone to somebody else since. */
	if (w->replaying && !all) {
		bool foreign;

		if (hr_worker_flush(w, e) < 0 || hr_row_foreign(&w->txn, &c, t->name, &foreign, e) < 0)
			return -1;
		if (foreign)
			return 0;
	}
	count(w, t, it);
	touch_table(t, it->relation);
	c.loose = c.over = it->op == HR_PUT;
	c.over |= mode == HR_COPIED_SOME && w->in_copy;
	/* What others have done since is not undone. */
	c.own = w->replaying || (w->in_copy && !w->a->book.copying);
	c.lenient |= c.own && w->in_copy;
	if (c.own && c.op == 'I' && g->relation->tenancy == 'p')
		c.only = alone(t);
	if (mode == HR_COPIED_SOME && !w->in_copy)
		return loosely(w, &c, e);
	if (w->in_copy && it->op == HR_INSERT && !w->replaying)
		*like = c;
	return hr_batch_add(&w->batch, &c, e);
}

/* A row of a first copy, of the table of the one before it. */
static int
like(struct hr_worker *w, struct hr_tenant *t, const struct hr_item *it, struct hr_change *c, struct hr_err *e)
{
	count(w, t, it);
	c->tuple = it->tuple;
	c->tuple_len = it->tuple_len;
	c->binary = it->binary;
	return hr_batch_add(&w->batch, c, e);
}

static int
truncates(struct hr_worker *w, struct hr_tenant *t, const struct hr_item *it, bool all, struct hr_err *e)
{
	struct hr_target **g = hr_alloc((it->relations + 1) * sizeof(*g)), *one;
	uint32_t i;
	size_t n = 0;
	int rc = 0;

	for (i = 0; i < it->relations && rc == 0; i++) {
		uint32_t id = hr_get_u32le(it->relation_list + 4 * i);

		if ((rc = current(w, id, &one, e)) < 0)
			break;
		if (one == NULL)
			rc = unknown_relation(id, e);
		else if (one->gone || (w->a->copied.catching_up && mode_of(w, id) == HR_COPIED_NONE))
			continue;
		else if (!w->replaying || !all || hr_relation_mixed(one->relation)) {
			touch_table(t, id);
			g[n++] = one;
		}
	}
	w->rows++;
	t->rows++;
	if (rc == 0)
		rc = hr_batch_truncate(&w->batch, g, n, it->options, all ? w->only : t->name, all, e);
	free(g);
	return rc;
}

/* What is under a row that moved is no longer the tenant's. */
static int
leaves(struct hr_worker *w, struct hr_tenant *t, const struct hr_item *it, bool all, struct hr_err *e)
{
	struct hr_target *g = hr_worker_target(w, it->relation);

	if (g == NULL)
		return unknown_relation(it->relation, e);
	if (w->a->copied.catching_up && mode_of(w, it->relation) == HR_COPIED_NONE)
		return 0;
	touch_table(t, it->relation);
	w->rows++;
	t->rows++;
	/* Row by row: so that a refusal is this tenant's. */
	if (w->batch.in_order && hr_batch_flush(&w->batch, true, e) < 0)
		return -1;
	if (hr_batch_leave(&w->batch, g, it->step, it->tuple, it->tuple_len, all || w->replaying ? w->only : NULL, e) == 0 &&
	    (!w->batch.in_order || hr_txn_drain(&w->txn, e) == 0))
		return 0;
	if (w->batch.in_order)
		w->batch.failed = t;
	return -1;
}

int
hr_worker_rows(struct hr_worker *w, const struct hr_piece *p, struct hr_err *e)
{
	bool all = p->flags & HR_ALL, parked, joins;
	struct hr_tenant *t = hr_worker_tenant(w, p->tenant, p->tenant_len);
	struct hr_cur c = hr_cur(p->body, p->len);
	struct hr_change before = { .target = NULL };
	struct hr_item it;
	int got;

	w->in_copy = p->flags & HR_COPY;
	w->txn.copy_stays = w->in_copy && w->a->book.copying && !w->batch.in_order;
	touch(w, t);
	if (HR_UNLIKELY(atomic_load_explicit(&w->a->changes, memory_order_relaxed) != w->changes)) {
		w->changes = atomic_load(&w->a->changes);
		hr_worker_stale(w);
	}
	if (all && w->parked.tenant.count && keep_for_parked(w, p, e) < 0)
		return -1;
	/* Of a tenant that is being parked, what it did before is applied. */
	joins = w->in_copy && !w->a->book.copying;
	parked = !all && !joins && hr_parked_has(&w->parked, t->name, t->len);
	if (parked && keep_for(w, t, p, false, e) < 0)
		return -1;
	while ((got = hr_rows_next(&c, &it, e)) == 1) {
		int rc = 0;

		if (it.op != HR_INSERT)
			before.target = NULL;
		switch (it.op) {
		case HR_BEGIN:
			t->skipping = joins ? !hr_parked_copied(&w->parked, t->name, t->len) : it.lsn < t->position || (parked && it.lsn >= t->parked_from);
			t->xid = it.xid;
			t->lsn = it.lsn;
			t->time = it.time;
			continue;
		case HR_COMMIT:
			if (!t->skipping) {
				t->last_lsn = it.lsn;
				t->last_time = t->time;
				t->last_xid = t->xid;
				t->transactions++;
				w->transactions++;
			}
			continue;
		case HR_ORIGIN:
			continue;
		case HR_MESSAGE:
			if (!t->skipping && hr_ddl_is(&it))
				rc = hr_worker_ddl(w, t, &it, all, e);
			break;
		case HR_INSERT:
		case HR_PUT:
		case HR_UPDATE:
		case HR_DELETE:
		case HR_DROP:
			if (!t->skipping)
				rc = before.target && before.target->relation->id == it.relation ? like(w, t, &it, &before, e) :
				    change(w, t, &it, all, &before, e);
			break;
		case HR_LEAVE:
			if (!t->skipping)
				rc = leaves(w, t, &it, all, e);
			break;
		case HR_TRUNCATE:
			if (!t->skipping)
				rc = truncates(w, t, &it, all, e);
			break;
		}
		if (rc < 0)
			return -1;
		/* The piece itself must stay until its end. */
		if (w->batch.rows >= (size_t)w->a->o->batch_rows || w->batch.bytes > BATCH_BYTES)
			if (hr_batch_flush(&w->batch, true, e) < 0)
				return -1;
	}
	return got;
}

int
hr_worker_relation(struct hr_worker *w, const struct hr_piece *p, struct hr_err *e)
{
	struct hr_relation *rel;

	if (hr_txn_copy_end(&w->txn, e) < 0 || hr_relation_decode(&rel, p->body, p->len, e) < 0)
		return -1;
	return hr_worker_put_target(w, rel, true, e);
}

int
hr_worker_part(struct hr_worker *w, const struct hr_piece *p, struct hr_err *e)
{
	HR_GROW(w->ended, w->ends, w->end_cap);
	w->ended[w->ends++] = hr_get_u32le(p->body);
	/* A key that two parts have is a conflict, not one row. */
	return hr_batch_flush(&w->batch, false, e);
}

int
hr_worker_parts_in(struct hr_worker *w, struct hr_err *e)
{
	size_t i;

	for (i = 0; i < w->ends; i++) {
		const struct hr_part *part = hr_copied_part(&w->a->copied, w->ended[i]);
		char id[16], of[16], from[16];
		struct hr_param param[4] = {
			HR_PARAM_TEXT(w->a->book.stream), { .data = id }, { .data = of }, { .data = from },
		};

		snprintf(id, sizeof(id), "%" PRIu32, part->relation);
		snprintf(of, sizeof(of), "%" PRIu32, part->of);
		snprintf(from, sizeof(from), "%" PRIu32, part->from);
		if (hr_txn_sql(&w->txn, "UPDATE hr.part SET is_in = true WHERE stream = $1 AND id = $2::oid"
		    " AND of_id = $3::oid AND from_page = $4::bigint", 4, param, e) < 0 || hr_txn_room(&w->txn, e) < 0)
			return -1;
	}
	return 0;
}
