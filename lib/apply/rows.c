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

	if (old && hr_relation_same(old->relation, rel) && old->drift.code == HR_OK) {
		hr_relation_free(rel);
		return 0;
	}
	if ((old && hr_worker_flush(w, e) < 0) || hr_txn_plain(&w->txn, e) < 0 ||
	    hr_target_load(&t, w->conn, rel, w->serial++, e) < 0)
		return -1;
	if (old) {
		if (remember) {
			struct hr_buf b = HR_BUF_INIT;
			struct hr_relation *copy;
			int rc;

			hr_relation_encode(old->relation, &b);
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

/* Look tables up again that did not fit: somebody may have mended them. */
int
hr_worker_look_again(struct hr_worker *w, struct hr_err *e)
{
	size_t i;

	for (i = 0; i < w->target.slots; i++) {
		struct hr_target *t = w->target.slot[i].value, *now;
		struct hr_relation *rel;
		struct hr_buf b = HR_BUF_INIT;
		int rc;

		if (t == NULL || t->drift.code == HR_OK)
			continue;
		hr_relation_encode(t->relation, &b);
		rc = hr_relation_decode(&rel, b.data, b.len, e);
		hr_buf_clear(&b);
		if (rc < 0 || hr_target_load(&now, w->conn, rel, w->serial++, e) < 0)
			return -1;
		hr_target_free(t);
		w->target.slot[i].value = now;
	}
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
	hr_relation_encode(g->relation, &r);
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
	return all || ((it->op == HR_INSERT || it->op == HR_UPDATE || it->op == HR_DELETE) &&
	    mode_of(w, it->relation) == HR_COPIED_NONE);
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
		if (it.op == HR_INSERT || it.op == HR_UPDATE || it.op == HR_DELETE)
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

static int
change(struct hr_worker *w, struct hr_tenant *t, const struct hr_item *it, bool all, struct hr_err *e)
{
	struct hr_target *g = hr_worker_target(w, it->relation);
	struct hr_change c = {
		.target = g, .tenant = t, .lsn = t->lsn, .op = (char)it->op,
		.tuple = it->tuple, .tuple_len = it->tuple_len, .old = it->old_tuple, .old_len = it->old_len,
	};
	enum hr_copied_mode mode;

	if (g == NULL)
		return unknown_relation(it->relation, e);
	mode = w->in_copy || w->a->copied.catching_up ? hr_copied_mode(&w->a->copied, it->relation, g->table) : HR_COPIED_ALL;
	if (mode == HR_COPIED_NONE && !w->in_copy)
		return 0;
	if (w->replaying && all) {
		/* Everybody else has had it. */
		if (g->relation->tenancy != 'c' || it->op != HR_DELETE)
			return 0;
	}
	/* What is for all tenants is only for those that were asked for. */
	if (all && it->op == HR_DELETE && g->relation->tenancy == 'c')
		c.only = w->only;
	/* The row may be a tenant's that is not here, or parked. */
	c.lenient = all && it->op == HR_DELETE && g->relation->tenancy == 'c' &&
	    (g->missing || w->replaying || !w->a->every_tenant || w->parked.tenant.count || w->refusals);
	t->rows++;
	t->bytes += it->tuple_len + it->old_len;
	w->rows++;
	w->bytes += it->tuple_len + it->old_len;
	touch_table(t, it->relation);
	c.over = mode == HR_COPIED_SOME && w->in_copy;
	return mode == HR_COPIED_SOME && !w->in_copy ? loosely(w, &c, e) : hr_batch_add(&w->batch, &c, e);
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

		if ((one = hr_worker_target(w, id)) == NULL)
			rc = unknown_relation(id, e);
		else if (w->a->copied.catching_up && mode_of(w, id) == HR_COPIED_NONE)
			continue;
		else if (!w->replaying || !all || one->relation->tenancy == 'c') {
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

int
hr_worker_rows(struct hr_worker *w, const struct hr_piece *p, struct hr_err *e)
{
	bool all = p->flags & HR_ALL, parked, joins;
	struct hr_tenant *t = hr_worker_tenant(w, p->tenant, p->tenant_len);
	struct hr_cur c = hr_cur(p->body, p->len);
	struct hr_item it;
	int got;

	w->in_copy = p->flags & HR_COPY;
	touch(w, t);
	if (all && w->parked.tenant.count && keep_for_parked(w, p, e) < 0)
		return -1;
	/* Of a tenant that is being parked, what it did before is applied. */
	joins = w->in_copy && !w->a->book.copying;
	parked = !all && !joins && hr_parked_has(&w->parked, t->name, t->len);
	if (parked && keep_for(w, t, p, false, e) < 0)
		return -1;
	while ((got = hr_rows_next(&c, &it, e)) == 1) {
		int rc = 0;

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
		case HR_MESSAGE:
			continue;
		case HR_INSERT:
		case HR_UPDATE:
		case HR_DELETE:
			if (!t->skipping)
				rc = change(w, t, &it, all, e);
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

	if (hr_relation_decode(&rel, p->body, p->len, e) < 0)
		return -1;
	return hr_worker_put_target(w, rel, true, e);
}

int
hr_worker_part(struct hr_worker *w, const struct hr_piece *p, struct hr_err *e)
{
	const struct hr_part *part = hr_copied_part(&w->a->copied, hr_get_u32le(p->body));
	char id[16], of[16], from[16];
	struct hr_param param[4] = {
		HR_PARAM_TEXT(w->a->book.stream), { .data = id }, { .data = of }, { .data = from },
	};

	snprintf(id, sizeof(id), "%" PRIu32, part->relation);
	snprintf(of, sizeof(of), "%" PRIu32, part->of);
	snprintf(from, sizeof(from), "%" PRIu32, part->from);
	/* Its rows go before it; all that was committed before becomes durable with this. */
	if (hr_batch_flush(&w->batch, false, e) < 0 ||
	    hr_txn_sql(&w->txn, "SET LOCAL synchronous_commit = on", 0, NULL, e) < 0 ||
	    hr_txn_sql(&w->txn, "UPDATE hr.part SET is_in = true WHERE stream = $1 AND id = $2::oid AND of_id = $3::oid"
	    " AND from_page = $4::bigint", 4, param, e) < 0)
		return -1;
	HR_GROW(w->ended, w->ends, w->end_cap);
	w->ended[w->ends++] = hr_get_u32le(p->body);
	return 0;
}
