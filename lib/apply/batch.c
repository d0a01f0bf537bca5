/* batch.c - net effect per key, and the order in which it is written. */

#include "base/hr.h"

#include <stdlib.h>
#include <string.h>

#include "apply/batch.h"
#include "base/alloc.h"
#include "base/hash.h"
#include "pg/way.h"

#define ARENA_BYTES	((size_t)256 << 10)
#define SET_BYTES	((size_t)16 << 20)	/* one statement's arrays */
#define SET_ROWS	10000
#define STRAIGHT	256		/* so many rows of a first copy wait before its COPY is begun */

/* Memory that is given back all at once. */
struct arena {
	struct arena *next;
	size_t used, size;
	uint8_t data[];
};

static void *
take(struct hr_batch *b, size_t n)
{
	struct arena *a = b->arena;
	void *p;

	n = (n + 15) & ~(size_t)15;
	if (a == NULL || a->size - a->used < n) {
		size_t size = n > ARENA_BYTES ? n : ARENA_BYTES;

		a = hr_alloc(sizeof(*a) + size);
		a->next = b->arena;
		a->size = size;
		a->used = 0;
		b->arena = a;
	}
	p = a->data + a->used;
	a->used += n;
	return p;
}

/* What becomes of one key. */
struct entry {
	struct hr_change *change;	/* the net change; op 'X': none */
	uint64_t hash;
	const uint8_t *key;
	uint32_t key_len;
	bool existed;			/* before the batch */
	uint8_t stays;			/* an update with unchanged columns */
};

/* The changes of one table that wait. */
struct hr_pending {
	struct entry *entry;		/* keyed tables: in order of first change */
	size_t entries, entry_cap;
	uint32_t *slot;			/* by hash: entry + 1 */
	size_t slots;
	struct hr_change **plain;	/* tables without a key: inserts in order */
	size_t plains, plain_cap;
};

void
hr_batch_init(struct hr_batch *b, struct hr_txn *t)
{
	*b = (struct hr_batch){ .txn = t, .copy_from = 40 };
}

static void
pending_reset(struct hr_pending *p)
{
	if (p->entries)
		memset(p->slot, 0, p->slots * sizeof(*p->slot));
	p->entries = p->plains = 0;
}

static void
pending_free(struct hr_pending *p)
{
	if (p == NULL)
		return;
	free(p->entry);
	free(p->slot);
	free(p->plain);
	free(p);
}

void
hr_batch_done(struct hr_batch *b)
{
	struct arena *a;

	if (b->waitings)
		return;
	/* Keep one block: batches follow each other. */
	while ((a = b->arena) != NULL && a->next != NULL) {
		b->arena = a->next;
		free(a);
	}
	if (b->arena)
		b->arena->used = 0;
	b->sets = NULL;
	b->rows = b->bytes = 0;
}

void
hr_batch_drop(struct hr_batch *b)
{
	size_t i;

	for (i = 0; i < b->waitings; i++)
		pending_reset(b->waiting[i]->pending);
	b->waitings = 0;
	hr_batch_done(b);
}

void
hr_batch_clear(struct hr_batch *b)
{
	hr_batch_drop(b);
	free(b->arena);
	free(b->waiting);
	*b = (struct hr_batch){ 0 };
}

/* Called by hr_target_free() for a table that goes. */
void
hr_batch_forget(struct hr_target *g)
{
	pending_free(g->pending);
	g->pending = NULL;
}

static struct hr_pending *
pending(struct hr_batch *b, struct hr_target *g)
{
	struct hr_pending *p = g->pending;

	if (p == NULL)
		p = g->pending = hr_zalloc(sizeof(*p));
	if (p->entries == 0 && p->plains == 0) {
		HR_GROW(b->waiting, b->waitings, b->waiting_cap);
		b->waiting[b->waitings++] = g;
	}
	return p;
}

static struct hr_change *
keep(struct hr_batch *b, const struct hr_change *c)
{
	struct hr_change *k = take(b, sizeof(*k));

	*k = *c;
	return k;
}

/* The key's bytes: lengths and values of its columns. */
static const uint8_t *
key_of(struct hr_batch *b, const struct hr_target *g, const struct hr_value *v, uint32_t *len)
{
	size_t n = 0;
	uint8_t *key, *to;
	int i;

	for (i = 0; i < g->keys; i++)
		n += 4 + (v[g->key[i]].len > 0 ? (size_t)v[g->key[i]].len : 0);
	key = to = take(b, n);
	for (i = 0; i < g->keys; i++) {
		const struct hr_value *x = &v[g->key[i]];

		memcpy(to, &x->len, 4);
		to += 4;
		if (x->len > 0) {
			memcpy(to, x->data, (size_t)x->len);
			to += x->len;
		}
	}
	*len = (uint32_t)n;
	return key;
}

static void
rehash(struct hr_pending *p)
{
	size_t i, at;

	free(p->slot);
	p->slots = p->slots ? p->slots * 2 : 1024;
	p->slot = hr_zalloc(p->slots * sizeof(*p->slot));
	for (i = 0; i < p->entries; i++) {
		for (at = p->entry[i].hash & (p->slots - 1); p->slot[at]; at = (at + 1) & (p->slots - 1))
			;
		p->slot[at] = (uint32_t)i + 1;
	}
}

/* The key's entry; a new one has change NULL. */
static struct entry *
entry_of(struct hr_pending *p, const uint8_t *key, uint32_t len)
{
	uint64_t hash = hr_hash(key, len);
	struct entry *x;
	size_t at;

	if ((p->entries + 1) * 2 > p->slots)
		rehash(p);
	for (at = hash & (p->slots - 1); p->slot[at]; at = (at + 1) & (p->slots - 1)) {
		x = &p->entry[p->slot[at] - 1];
		if (x->hash == hash && x->key_len == len && memcmp(x->key, key, len) == 0)
			return x;
	}
	HR_GROW(p->entry, p->entries, p->entry_cap);
	x = &p->entry[p->entries++];
	*x = (struct entry){ .hash = hash, .key = key, .key_len = len };
	p->slot[at] = (uint32_t)p->entries;
	return x;
}

/* The new tuple with what it left unchanged taken from the one before. */
static void
merge(struct hr_batch *b, struct hr_change *c, const struct hr_change *before, struct hr_value *v, int n)
{
	struct hr_value old[HR_COLUMNS_MAX];
	struct hr_buf out = HR_BUF_INIT;
	uint8_t *to;
	int i;

	if (hr_tuple_decode(before->tuple, before->tuple_len, old, HR_COLUMNS_MAX) != n)
		return;
	for (i = 0; i < n; i++)
		if (v[i].len == HR_VALUE_UNCHANGED)
			v[i] = old[i];
	hr_tuple_put(&out, v, n);
	to = take(b, out.len);
	memcpy(to, out.data, out.len);
	c->tuple = to;
	c->tuple_len = out.len;
	hr_buf_clear(&out);
}

/* What the values of a tuple are like. */
static void
look(const struct hr_value *v, int n, bool *unchanged, bool *text)
{
	int i;

	*unchanged = *text = false;
	for (i = 0; i < n; i++) {
		*unchanged |= v[i].len == HR_VALUE_UNCHANGED;
		*text |= v[i].text;
	}
}

static int
flush_table(struct hr_batch *b, struct hr_target *g, struct hr_err *e);

/* Write one change by itself, after what waits for its table. */
static int
single(struct hr_batch *b, const struct hr_change *c, struct hr_err *e)
{
	if (c->target->pending && flush_table(b, c->target, e) < 0)
		return -1;
	if (hr_row_send(b->txn, keep(b, c), e) < 0) {
		b->failed = c->tenant;
		return -1;
	}
	return b->stepping ? hr_txn_drain(b->txn, e) : hr_txn_room(b->txn, e);
}

/* The delete of what a row is to overwrite. */
static struct hr_change *
cleared(struct hr_batch *b, const struct hr_change *c)
{
	struct hr_change *d = keep(b, c);

	d->op = 'D';
	d->lenient = true;
	d->old = c->tuple;
	d->old_len = c->tuple_len;
	d->tuple_len = 0;
	return d;
}

/* An insert over what is there: by one statement where one can do that. */
static int
single_over(struct hr_batch *b, const struct hr_change *c, struct hr_err *e)
{
	struct hr_change over = *c;

	over.lenient = true;
	if ((c->target->has_always || !c->target->uniques) && single(b, cleared(b, c), e) < 0)
		return -1;
	return single(b, &over, e);
}

static int
bad_tuple(const struct hr_change *c, struct hr_err *e)
{
	return hr_fail(e, HR_BAD_STREAM, "a row of '%s' does not have the columns of its relation",
	    c->target->shown);
}

static int
reduce(struct hr_batch *b, const struct hr_change *c, struct hr_value *v, bool unchanged, struct hr_err *e)
{
	const struct hr_target *g = c->target;
	struct hr_pending *p = pending(b, c->target);
	uint32_t len;
	const uint8_t *key = key_of(b, g, v, &len);
	struct entry *x;
	struct hr_change *k = keep(b, c);
	int i;

	for (i = 0; i < g->keys; i++)
		if (v[g->key[i]].len == HR_VALUE_UNCHANGED)
			return hr_fail(e, HR_BAD_STREAM, "a row of '%s' came without its key", g->shown);
	x = entry_of(p, key, len);
	if (x->change == NULL) {
		x->existed = c->op != 'I';
		x->stays = unchanged;
		x->change = k;
		return 0;
	}
	switch (c->op) {
	case 'D':
		if (!x->existed)
			k->op = 'X';
		k->lenient = k->lenient && x->change->lenient;
		x->stays = false;
		break;
	case 'U':
		if (unchanged && x->change->op != 'D' && x->change->op != 'X') {
			merge(b, k, x->change, v, g->relation->columns);
			unchanged = x->stays;
		}
		if (!x->existed)
			k->op = 'I';
		k->old_len = 0;
		x->stays = unchanged;
		break;
	default:
		/* Inserted after it was deleted: an update of everything. */
		k->op = x->existed ? 'U' : 'I';
		x->stays = false;
		break;
	}
	x->change = k;
	return 0;
}

/* A new row of a first copy needs no net effect: there is one of each key. */
static bool
is_straight(const struct hr_batch *b, const struct hr_change *c)
{
	const struct hr_target *g = c->target;

	return b->txn->copy_stays && c->op == 'I' && c->binary && !b->in_order && !g->in_order && g->copyable &&
	    !c->over && !c->own && !c->lenient && !c->loose && !c->only;
}

int
hr_batch_add(struct hr_batch *b, const struct hr_change *c, struct hr_err *e)
{
	struct hr_value v[HR_COLUMNS_MAX], old[HR_COLUMNS_MAX];
	struct hr_target *g = c->target;
	int n = g->relation->columns;
	bool unchanged = false, text = false, straight, other;

	/* Nothing is deleted from a table that is not there. */
	if (g->missing && c->lenient)
		return 0;
	if (g->drift.code != HR_OK && (g->missing || g->key_lacking || c->op != 'D')) {
		*e = g->drift;
		memcpy(e->sqlstate, "HRDRF", 6);
		b->failed = c->tenant;
		b->failed_table = g->relation->id;
		return -1;
	}
	straight = is_straight(b, c);
	if (straight && b->txn->copying == g)
		return hr_get_u16be(c->tuple) != n ? bad_tuple(c, e) : hr_set_copy_row(b->txn, c, e);
	b->rows++;
	b->bytes += c->tuple_len + c->old_len + 64;
	if (c->tuple_len) {
		if (hr_tuple_decode(c->tuple, c->tuple_len, v, HR_COLUMNS_MAX) != n)
			return bad_tuple(c, e);
		look(v, n, &unchanged, &text);
	}
	if (c->old_len) {
		if (hr_tuple_decode(c->old, c->old_len, old, HR_COLUMNS_MAX) != n)
			return bad_tuple(c, e);
		look(old, n, &other, c->tuple_len ? &other : &text);
	}
	if (b->in_order || g->in_order || text || (c->only && c->op != 'I') || c->loose || (g->has_always && c->op != 'I'))
		return c->over ? single_over(b, c, e) : single(b, c, e);
	if (g->keys == 0) {
		struct hr_pending *p;

		if (c->op != 'I')
			return single(b, c, e);
		p = pending(b, g);
		HR_GROW(p->plain, p->plains, p->plain_cap);
		p->plain[p->plains++] = keep(b, c);
	} else if (c->op == 'U' && c->old_len && !hr_row_same_key(g, old, v))
		return single(b, c, e);
	else if (reduce(b, c, c->op == 'D' ? old : v, unchanged, e) < 0)
		return -1;
	/* The others of its part need not wait, unless another table's come between. */
	if (straight && b->txn->copying == NULL && g->pending->entries + g->pending->plains >= STRAIGHT)
		return flush_table(b, g, e);
	return 0;
}

/* One set, or its changes one by one where types have no arrays. */
static int
send_set(struct hr_batch *b, struct hr_target *g, char op, bool lenient, const char *mask,
    struct hr_change **c, size_t n, struct hr_err *e)
{
	bool copy = op == 'I' && g->copyable && n >= b->copy_from;
	size_t i;

	if (n == 0)
		return 0;
	if (!copy && (!g->settable || n < 3)) {
		/* Few rows, or types that unnest cannot give. */
		if (op == 'I' && g->copyable && n >= 8)
			copy = true;
		else {
			for (i = 0; i < n; i++)
				if (hr_row_send(b->txn, c[i], e) < 0 || hr_txn_room(b->txn, e) < 0)
					return -1;
			return 0;
		}
	}
	{
		struct hr_set *s = take(b, sizeof(*s));

		*s = (struct hr_set){ g, c, n, op, lenient, mask };
		if (hr_set_send(b->txn, s, copy, e) < 0)
			return -1;
	}
	return hr_txn_room(b->txn, e);
}

/* Send a list in sets of a bounded size. */
static int
send_all(struct hr_batch *b, struct hr_target *g, char op, bool lenient, const char *mask,
    struct hr_change **c, size_t n, struct hr_err *e)
{
	size_t from, i, bytes = 0;

	for (from = i = 0; i < n; i++) {
		bytes += c[i]->tuple_len + c[i]->old_len;
		if (i + 1 == n || i + 1 - from == SET_ROWS || bytes > SET_BYTES) {
			if (send_set(b, g, op, lenient, mask, c + from, i + 1 - from, e) < 0)
				return -1;
			from = i + 1;
			bytes = 0;
		}
	}
	return 0;
}

/* Which columns an update leaves as they are. */
static const char *
mask_of(struct hr_batch *b, const struct entry *x)
{
	int n = x->change->target->relation->columns, i;
	char *mask = take(b, (size_t)n + 1);

	memset(mask, 'v', (size_t)n);
	mask[n] = '\0';
	if (x->stays) {
		struct hr_value v[HR_COLUMNS_MAX];

		if (hr_tuple_decode(x->change->tuple, x->change->tuple_len, v, HR_COLUMNS_MAX) == n)
			for (i = 0; i < n; i++)
				if (v[i].len == HR_VALUE_UNCHANGED)
					mask[i] = 'u';
	}
	return mask;
}

static int
send_updates(struct hr_batch *b, struct hr_target *g, struct hr_change **list, struct hr_err *e)
{
	struct hr_pending *p = g->pending;
	const char *whole = NULL;
	size_t i, j, n = 0;

	for (i = 0; i < p->entries; i++)
		if (p->entry[i].change->op == 'U' && !p->entry[i].stays) {
			if (whole == NULL)
				whole = mask_of(b, &p->entry[i]);
			list[n++] = p->entry[i].change;
		}
	if (send_all(b, g, 'U', false, whole, list, n, e) < 0)
		return -1;
	/* Those that leave some columns: a set for each choice of them. */
	for (i = 0; i < p->entries; i++) {
		const char *mask;

		if (p->entry[i].change->op != 'U' || p->entry[i].stays != 1)
			continue;
		mask = mask_of(b, &p->entry[i]);
		list += n;
		for (n = 0, j = i; j < p->entries; j++) {
			struct entry *y = &p->entry[j];

			if (y->change->op == 'U' && y->stays == 1 && (j == i || strcmp(mask_of(b, y), mask) == 0)) {
				list[n++] = y->change;
				y->stays = 2;	/* sent */
			}
		}
		if (send_all(b, g, 'U', false, mask, list, n, e) < 0)
			return -1;
	}
	return 0;
}

/* Deletes, updates, inserts: so a key that moves between rows is free. */
static int
flush_keyed(struct hr_batch *b, struct hr_target *g, struct hr_err *e)
{
	struct hr_pending *p = g->pending;
	struct hr_change **list;
	size_t i, n;
	int lenient;

	for (lenient = 0; lenient < 2; lenient++) {
		list = take(b, p->entries * sizeof(*list));
		for (i = n = 0; i < p->entries; i++)
			if (p->entry[i].change->op == 'D' && p->entry[i].change->lenient == lenient)
				list[n++] = p->entry[i].change;
		if (send_all(b, g, 'D', lenient, NULL, list, n, e) < 0)
			return -1;
	}
	list = take(b, 2 * p->entries * sizeof(*list));
	if (send_updates(b, g, list, e) < 0)
		return -1;
	list = take(b, p->entries * sizeof(*list));
	for (i = n = 0; i < p->entries; i++)
		if (p->entry[i].change->op == 'I' && p->entry[i].change->over)
			list[n++] = cleared(b, p->entry[i].change);
	if (send_all(b, g, 'D', true, NULL, list, n, e) < 0)
		return -1;
	list = take(b, p->entries * sizeof(*list));
	for (i = n = 0; i < p->entries; i++)
		if (p->entry[i].change->op == 'I')
			list[n++] = p->entry[i].change;
	return send_all(b, g, 'I', false, NULL, list, n, e);
}

static int
flush_table(struct hr_batch *b, struct hr_target *g, struct hr_err *e)
{
	struct hr_pending *p = g->pending;
	int rc = 0;
	size_t i;

	if (p->entries)
		rc = flush_keyed(b, g, e);
	else if (p->plains) {
		struct hr_change **list = take(b, p->plains * sizeof(*list));

		memcpy(list, p->plain, p->plains * sizeof(*list));
		rc = send_all(b, g, 'I', false, NULL, list, p->plains, e);
	}
	pending_reset(p);
	for (i = 0; i < b->waitings; i++)
		if (b->waiting[i] == g) {
			b->waiting[i] = b->waiting[--b->waitings];
			break;
		}
	return rc;
}

int
hr_batch_flush(struct hr_batch *b, bool drain, struct hr_err *e)
{
	b->failed = NULL;
	while (b->waitings)
		if (flush_table(b, b->waiting[0], e) < 0)
			return -1;
	if (drain) {
		if (hr_txn_drain(b->txn, e) < 0)
			return -1;
		hr_batch_done(b);
	}
	return 0;
}

/* DELETE of one tenant's rows: what a truncate means to one of many. */
static int
empty_tenant(struct hr_batch *b, struct hr_target *g, const char *tenant, bool several, struct hr_err *e)
{
	const struct hr_relation *rel = g->relation;
	struct hr_param p = { .data = tenant };
	struct hr_buf sql = HR_BUF_INIT;
	int rc;

	if (rel->tenancy == 'c' && rel->tenant_column < 0)
		return 0;
	hr_buf_printf(&sql, "DELETE FROM %s t WHERE ", g->only);
	if (rel->tenancy == 'p') {
		hr_way_exists(&sql, rel);
		hr_way_tenant(&sql, rel);
	} else
		hr_buf_puts(&sql, g->column[rel->tenant_column].name);
	hr_buf_puts(&sql, several ? "::text COLLATE \"C\" = ANY ($1::text[])" : "::text COLLATE \"C\" = $1");
	hr_buf_puts(&sql, rel->tenancy == 'p' ? ")" : "");
	rc = hr_txn_sql(b->txn, hr_buf_text(&sql), 1, &p, e);
	hr_buf_clear(&sql);
	return rc;
}

int
hr_batch_leave(struct hr_batch *b, struct hr_target *g, int step, const uint8_t *tuple, size_t len,
    const char *but, struct hr_err *e)
{
	const struct hr_relation *rel = g->relation;
	struct hr_buf sql = HR_BUF_INIT, text = HR_BUF_INIT;
	struct hr_value v[HR_STEP_COLUMNS_MAX];
	struct hr_param p[HR_STEP_COLUMNS_MAX + 1];
	char *value[HR_STEP_COLUMNS_MAX];
	int i, n, rc = 0;

	if (rel->tenancy != 'p' || step >= rel->steps ||
	    (n = hr_tuple_decode(tuple, len, v, HR_STEP_COLUMNS_MAX)) != rel->step[step].columns)
		return hr_fail(e, HR_BAD_STREAM, "rows of '%s' leave by a way that it does not have", g->shown);
	for (i = 0; i < n; i++)
		if (!v[i].text || v[i].len < 0)
			return hr_fail(e, HR_BAD_STREAM, "rows of '%s' leave by a key that is not text", g->shown);
	if (g->missing)
		return 0;
	if (hr_batch_flush(b, false, e) < 0)
		return -1;
	hr_buf_need(&text, len + (size_t)n);
	for (i = 0; i < n; i++) {
		p[i] = (struct hr_param){ .data = text.data + text.len };
		hr_buf_put(&text, v[i].data, (size_t)v[i].len);
		hr_buf_u8(&text, 0);
		value[i] = hr_sprintf("$%d", i + 1);
	}
	hr_buf_printf(&sql, "DELETE FROM %s t WHERE ", g->only);
	hr_way_under(&sql, rel, step, value);
	if (but) {
		p[n] = (struct hr_param){ .data = but };
		hr_buf_puts(&sql, " AND NOT ");
		hr_way_exists(&sql, rel);
		hr_way_tenant(&sql, rel);
		hr_buf_printf(&sql, "::text COLLATE \"C\" <> ALL ($%d::text[]))", n + 1);
	}
	rc = hr_txn_sql(b->txn, hr_buf_text(&sql), but ? n + 1 : n, p, e);
	for (i = 0; i < n; i++)
		free(value[i]);
	hr_buf_clear(&sql);
	hr_buf_clear(&text);
	return rc < 0 ? -1 : hr_txn_room(b->txn, e);
}

/* Those that are found by others go before these. */
static int
furthest_first(const void *a, const void *b)
{
	const struct hr_target *const *x = a, *const *y = b;

	return (*y)->relation->steps - (*x)->relation->steps;
}

int
hr_batch_truncate(struct hr_batch *b, struct hr_target **g, size_t n, uint8_t options,
    const char *tenant, bool several, struct hr_err *e)
{
	struct hr_buf sql = HR_BUF_INIT;
	size_t i, tables = 0;
	int rc = 0;

	if (hr_batch_flush(b, false, e) < 0)
		return -1;
	qsort(g, n, sizeof(struct hr_target *), furthest_first);
	for (i = 0; i < n && rc == 0; i++) {
		if (g[i]->missing)
			continue;
		if (tenant && hr_relation_mixed(g[i]->relation)) {
			rc = empty_tenant(b, g[i], tenant, several, e);
			continue;
		}
		hr_buf_printf(&sql, "%s%s", tables++ ? ", " : "TRUNCATE ", g[i]->only);
	}
	if (rc == 0 && tables && b->in_order) {
		/* TRUNCATE was refused, for a foreign key: take the rows away. */
		hr_buf_reset(&sql);
		for (i = 0; i < n && rc == 0; i++)
			if (!g[i]->missing && !(tenant && hr_relation_mixed(g[i]->relation))) {
				hr_buf_reset(&sql);
				hr_buf_printf(&sql, "DELETE FROM %s", g[i]->only);
				rc = hr_txn_sql(b->txn, hr_buf_text(&sql), 0, NULL, e);
			}
	} else if (rc == 0 && tables) {
		if (options & HR_TRUNCATE_RESTART)
			hr_buf_puts(&sql, " RESTART IDENTITY");
		/* As in PostgreSQL's own subscriptions it does not cascade further. */
		rc = hr_txn_sql(b->txn, hr_buf_text(&sql), 0, NULL, e);
	}
	hr_buf_clear(&sql);
	return rc;
}
