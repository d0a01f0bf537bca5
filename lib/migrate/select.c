/* select.c - SQL text. */

#include "base/hr.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "migrate/select.h"
#include "pg/way.h"

/* Names of ours beside the table's columns, which a row filter names bare. */
#define OURS(what) "\"hr verify " what "\""

static struct hr_buf *
fresh(struct hr_select *q)
{
	hr_buf_reset(&q->sql);
	q->params = 0;
	return &q->sql;
}

static void
done(struct hr_select *q)
{
	hr_buf_text(&q->sql);
}

void
hr_select_clear(struct hr_select *q)
{
	hr_buf_clear(&q->sql);
	q->params = 0;
}

/* The number of a new parameter. */
static int
add_param(struct hr_select *q, const char *text)
{
	q->param[q->params] = (struct hr_param)HR_PARAM_TEXT(text);
	return ++q->params;
}

static void
put_column(struct hr_buf *b, const struct hr_relation *rel, int i)
{
	char *name = hr_quote_ident(rel->column[i].name);

	hr_buf_printf(b, "t.%s", name);
	free(name);
}

static void
put_table(struct hr_buf *b, const struct hr_twin *w, enum hr_side side)
{
	char *table = hr_quote_table(w->relation->schema, w->relation->name);

	/* Of an inheritance tree each table is published by itself. */
	hr_buf_printf(b, "%s%s t", w->kind[side] == 'p' ? "" : "ONLY ", table);
	free(table);
}

/* t.parent_id IS NULL, of any of the columns. */
static void
put_no_parent(struct hr_buf *b, const struct hr_relation *rel)
{
	const struct hr_step *s = &rel->step[0];
	int i;

	for (i = 0; i < s->columns; i++) {
		char *name = hr_quote_ident(s->from[i]);

		hr_buf_printf(b, "%st.%s IS NULL", i ? " OR " : "", name);
		free(name);
	}
}

/* Rows whose tenant a parent has. */
static void
put_parent(struct hr_select *q, const struct hr_twin *w, const struct hr_scope *s)
{
	struct hr_buf *b = &q->sql;

	hr_buf_puts(b, " AND (");
	hr_way_exists(b, w->relation);
	hr_way_tenant(b, w->relation);
	if (s->tenant)
		hr_buf_printf(b, " = $%d", add_param(q, s->tenant));
	else if (s->list)
		hr_buf_printf(b, " = ANY ($%d)", add_param(q, s->list));
	else
		hr_buf_puts(b, " IS NOT NULL");
	hr_buf_puts(b, ")");
	if (s->null_tenant == HR_NULL_SHARED) {
		hr_buf_puts(b, " OR ");
		put_no_parent(b, w->relation);
	}
	hr_buf_puts(b, ")");
}

/* The tenant's rows, and those that are published. */
static void
put_where(struct hr_select *q, const struct hr_twin *w, enum hr_side side, const struct hr_scope *s)
{
	struct hr_buf *b = &q->sql;
	bool all = s->tenant == NULL && s->list == NULL;

	hr_buf_puts(b, " WHERE true");
	if (w->tenancy == HR_TENANCY_COLUMN && !all) {
		hr_buf_puts(b, " AND (");
		put_column(b, w->relation, w->relation->tenant_column);
		hr_buf_puts(b, w->loose[side] ? " COLLATE pg_catalog.\"C\"" : "");
		if (s->tenant)
			hr_buf_printf(b, " = $%d", add_param(q, s->tenant));
		else
			hr_buf_printf(b, " = ANY ($%d)", add_param(q, s->list));
		if (s->null_tenant == HR_NULL_SHARED) {
			hr_buf_puts(b, " OR ");
			put_column(b, w->relation, w->relation->tenant_column);
			hr_buf_puts(b, " IS NULL");
		}
		hr_buf_puts(b, ")");
	} else if (w->tenancy == HR_TENANCY_COLUMN && s->null_tenant == HR_NULL_NONE) {
		hr_buf_puts(b, " AND ");
		put_column(b, w->relation, w->relation->tenant_column);
		hr_buf_puts(b, " IS NOT NULL");
	}
	if (w->tenancy == HR_TENANCY_PARENT && (!all || s->null_tenant == HR_NULL_NONE))
		put_parent(q, w, s);
	/* The target has nothing else: what it has besides is a difference. */
	if (side == HR_SOURCE && w->filter)
		hr_buf_printf(b, " AND (%s)", w->filter);
}

static void
put_hash(struct hr_buf *b, const struct hr_twin *w)
{
	const struct hr_relation *rel = w->relation;
	int i, n = 0;

	hr_buf_puts(b, "md5(convert_to(ROW(");
	for (i = 0; i < rel->columns; i++)
		if (w->compared[i]) {
			hr_buf_puts(b, n++ ? ", " : "");
			put_column(b, rel, i);
			hr_buf_puts(b, "::text");
		}
	hr_buf_puts(b, ")::text, 'UTF8'))");
}

/* What the key's columns are ordered by. */
static void
put_order(struct hr_buf *b, const struct hr_twin *w, int i)
{
	const struct hr_key_column *k = &w->key[i];

	if (k->order == HR_ORDER_UTF8)
		hr_buf_puts(b, "convert_to(");
	put_column(b, w->relation, k->column);
	switch (k->order) {
	case HR_ORDER_NATIVE:
		break;
	case HR_ORDER_C:
		hr_buf_puts(b, " COLLATE pg_catalog.\"C\"");
		break;
	case HR_ORDER_TEXT:
		hr_buf_puts(b, "::text COLLATE pg_catalog.\"C\"");
		break;
	case HR_ORDER_UTF8:
		hr_buf_puts(b, "::text, 'UTF8')");
		break;
	}
}

/* The same of a value. */
static void
put_value(struct hr_select *q, const struct hr_twin *w, enum hr_side side, int i, const char *text)
{
	const struct hr_key_column *k = &w->key[i];
	int n = add_param(q, text);

	switch (k->order) {
	case HR_ORDER_NATIVE:
		hr_buf_printf(&q->sql, "$%d::%s", n, k->type[side]);
		break;
	case HR_ORDER_C:
		hr_buf_printf(&q->sql, "$%d::%s COLLATE pg_catalog.\"C\"", n, k->type[side]);
		break;
	case HR_ORDER_TEXT:
		hr_buf_printf(&q->sql, "$%d::text COLLATE pg_catalog.\"C\"", n);
		break;
	case HR_ORDER_UTF8:
		hr_buf_printf(&q->sql, "convert_to($%d::text, 'UTF8')", n);
		break;
	}
}

static void
put_end(struct hr_select *q, const struct hr_twin *w, enum hr_side side, const char *op, char *const *key)
{
	int i;

	if (key == NULL)
		return;
	hr_buf_puts(&q->sql, w->keys > 1 ? " AND (" : " AND ");
	for (i = 0; i < w->keys; i++) {
		hr_buf_puts(&q->sql, i ? ", " : "");
		put_order(&q->sql, w, i);
	}
	hr_buf_printf(&q->sql, w->keys > 1 ? ") %s (" : " %s ", op);
	for (i = 0; i < w->keys; i++) {
		hr_buf_puts(&q->sql, i ? ", " : "");
		put_value(q, w, side, i, key[i]);
	}
	hr_buf_puts(&q->sql, w->keys > 1 ? ")" : "");
}

static void
put_range(struct hr_select *q, const struct hr_twin *w, enum hr_side side, const struct hr_scope *s,
    const struct hr_range *g)
{
	int i;

	put_table(&q->sql, w, side);
	put_where(q, w, side, s);
	put_end(q, w, side, ">", g->lo);
	put_end(q, w, side, "<=", g->hi);
	for (i = 0; i < w->keys; i++) {
		hr_buf_puts(&q->sql, i ? ", " : " ORDER BY ");
		put_order(&q->sql, w, i);
	}
}

static void
put_keys(struct hr_buf *b, const struct hr_twin *w, bool comma)
{
	int i;

	for (i = 0; i < w->keys; i++) {
		hr_buf_puts(b, comma || i ? ", " : "");
		put_column(b, w->relation, w->key[i].column);
		hr_buf_puts(b, "::text");
	}
}

static void
put_values(struct hr_buf *b, const struct hr_twin *w)
{
	int i;

	for (i = 0; i < w->relation->columns; i++) {
		hr_buf_puts(b, ", ");
		put_column(b, w->relation, i);
		hr_buf_puts(b, "::text");
	}
}

/* Of 128 bits 120, as two numbers whose sums cannot overflow. */
static void
put_sums(struct hr_buf *b)
{
	hr_buf_puts(b, "count(*), sum(('x' || left(h, 15))::bit(60)::int8),"
	    " sum(('x' || substr(h, 16, 15))::bit(60)::int8)");
}

void
hr_select_nth(struct hr_select *q, const struct hr_twin *w, enum hr_side side, const struct hr_scope *s,
    const struct hr_range *g, int64_t nth)
{
	struct hr_buf *b = fresh(q);

	hr_buf_puts(b, "SELECT ");
	put_keys(b, w, false);
	hr_buf_puts(b, " FROM ");
	put_range(q, w, side, s, g);
	hr_buf_printf(b, " OFFSET %" PRId64 " LIMIT 1", nth - 1);
	done(q);
}

void
hr_select_sum(struct hr_select *q, const struct hr_twin *w, enum hr_side side, const struct hr_scope *s,
    const struct hr_range *g, int64_t most)
{
	struct hr_buf *b = fresh(q);

	hr_buf_puts(b, "SELECT ");
	put_sums(b);
	hr_buf_puts(b, " FROM (SELECT ");
	put_hash(b, w);
	hr_buf_puts(b, " AS h FROM ");
	put_range(q, w, side, s, g);
	hr_buf_printf(b, " LIMIT %" PRId64 ") q", most);
	done(q);
}

void
hr_select_list(struct hr_select *q, const struct hr_twin *w, enum hr_side side, const struct hr_scope *s,
    const struct hr_range *g, int64_t most)
{
	struct hr_buf *b = fresh(q);

	hr_buf_puts(b, "SELECT ");
	put_hash(b, w);
	put_keys(b, w, true);
	hr_buf_puts(b, " FROM ");
	put_range(q, w, side, s, g);
	hr_buf_printf(b, " LIMIT %" PRId64, most);
	done(q);
}

/* The table, joined with the keys that are looked up. */
static void
put_looked_up(struct hr_select *q, const struct hr_twin *w, enum hr_side side, const struct hr_scope *s,
    char *const *array)
{
	struct hr_buf *b = &q->sql;
	int i;

	hr_buf_puts(b, " FROM unnest(");
	for (i = 0; i < w->keys; i++)
		hr_buf_printf(b, "%s$%d::text[]", i ? ", " : "", add_param(q, array[i]));
	hr_buf_puts(b, ") WITH ORDINALITY " OURS("keys") " (");
	for (i = 0; i < w->keys; i++)
		hr_buf_printf(b, OURS("%d") ", ", i);
	hr_buf_puts(b, OURS("n") "), ");
	put_table(b, w, side);
	put_where(q, w, side, s);
	for (i = 0; i < w->keys; i++) {
		const struct hr_key_column *k = &w->key[i];

		hr_buf_puts(b, " AND ");
		put_column(b, w->relation, k->column);
		hr_buf_printf(b, k->type[side] ? " = " OURS("keys") "." OURS("%d") : "::text = " OURS("keys") "." OURS("%d"), i);
		if (k->type[side])
			hr_buf_printf(b, "::%s", k->type[side]);
		if (k->collation[side])
			hr_buf_printf(b, " COLLATE %s", k->collation[side]);
	}
}

/* Every row's hash and what else is said, of which hashes are chosen outside. */
static void
put_hashed(struct hr_select *q, const struct hr_twin *w, enum hr_side side, const struct hr_scope *s,
    const char *also)
{
	struct hr_buf *b = &q->sql;

	hr_buf_puts(b, " FROM (SELECT ");
	put_hash(b, w);
	hr_buf_printf(b, " AS h%s FROM ", also);
	put_table(b, w, side);
	put_where(q, w, side, s);
	hr_buf_puts(b, " OFFSET 0) q");		/* so that it is computed once */
}

void
hr_select_look(struct hr_select *q, const struct hr_twin *w, enum hr_side side, const struct hr_scope *s,
    char *const *array)
{
	struct hr_buf *b = fresh(q);
	int i;

	if (w->keys == 0) {
		int n = add_param(q, array[0]);

		hr_buf_printf(b, "SELECT array_position($%d::text[], h), count(*), sum(x)", n);
		put_hashed(q, w, side, s, ", t.xmin::text::int8 AS x");
		hr_buf_printf(b, " WHERE h = ANY ($%d::text[]) GROUP BY h", n);
		done(q);
		return;
	}
	hr_buf_puts(b, "SELECT n, string_agg(h, ',' ORDER BY h COLLATE pg_catalog.\"C\"),"
	    " string_agg(x, ',' ORDER BY x COLLATE pg_catalog.\"C\")");
	for (i = 0; i < w->keys; i++)
		hr_buf_printf(b, ", min(k%d COLLATE pg_catalog.\"C\")", i);
	hr_buf_puts(b, " FROM (SELECT " OURS("n") " AS n, ");
	put_hash(b, w);
	hr_buf_puts(b, " AS h, t.xmin::text AS x");
	for (i = 0; i < w->keys; i++) {
		hr_buf_puts(b, ", ");
		put_column(b, w->relation, w->key[i].column);
		hr_buf_printf(b, "::text AS k%d", i);
	}
	put_looked_up(q, w, side, s, array);
	hr_buf_puts(b, ") q GROUP BY n");
	done(q);
}

void
hr_select_rows(struct hr_select *q, const struct hr_twin *w, enum hr_side side, const struct hr_scope *s,
    char *const *array)
{
	struct hr_buf *b = fresh(q), also = HR_BUF_INIT;
	int i, n;

	if (w->keys) {
		hr_buf_puts(b, "SELECT " OURS("n") ", ");
		put_hash(b, w);
		put_values(b, w);
		put_looked_up(q, w, side, s, array);
		done(q);
		return;
	}
	n = add_param(q, array[0]);
	for (i = 0; i < w->relation->columns; i++) {
		hr_buf_puts(&also, ", ");
		put_column(&also, w->relation, i);
		hr_buf_printf(&also, "::text AS c%d", i);
	}
	hr_buf_printf(b, "SELECT DISTINCT ON (h) array_position($%d::text[], h), h", n);
	for (i = 0; i < w->relation->columns; i++)
		hr_buf_printf(b, ", c%d", i);
	put_hashed(q, w, side, s, hr_buf_text(&also));
	hr_buf_printf(b, " WHERE h = ANY ($%d::text[])", n);
	hr_buf_clear(&also);
	done(q);
}

void
hr_select_groups(struct hr_select *q, const struct hr_twin *w, enum hr_side side, const struct hr_scope *s,
    int digits)
{
	struct hr_buf *b = fresh(q);

	hr_buf_printf(b, "SELECT left(h, %d) COLLATE pg_catalog.\"C\", ", digits);
	put_sums(b);
	put_hashed(q, w, side, s, "");
	hr_buf_puts(b, " GROUP BY 1 ORDER BY 1");
	done(q);
}

void
hr_select_hashes(struct hr_select *q, const struct hr_twin *w, enum hr_side side, const struct hr_scope *s,
    int digits, const char *prefixes)
{
	struct hr_buf *b = fresh(q);
	int n = add_param(q, prefixes);

	hr_buf_puts(b, "SELECT h, count(*)");
	put_hashed(q, w, side, s, "");
	hr_buf_printf(b, " WHERE left(h, %d) = ANY ($%d::text[]) GROUP BY h"
	    " ORDER BY h COLLATE pg_catalog.\"C\"", digits, n);
	done(q);
}

void
hr_select_nulls(struct hr_select *q, const struct hr_twin *w, const struct hr_scope *s, int64_t most)
{
	struct hr_buf *b = fresh(q);
	int i;

	if (most)
		hr_buf_puts(b, "SELECT 1, NULL");
	else
		hr_buf_puts(b, "SELECT count(*)");
	if (most)
		put_values(b, w);
	hr_buf_puts(b, " FROM ");
	put_table(b, w, HR_TARGET);
	put_where(q, w, HR_TARGET, s);
	for (i = 0; i < w->keys; i++) {
		hr_buf_puts(b, i ? " OR " : " AND (");
		put_column(b, w->relation, w->key[i].column);
		hr_buf_puts(b, " IS NULL");
	}
	hr_buf_puts(b, ")");
	if (most)
		hr_buf_printf(b, " LIMIT %" PRId64, most);
	done(q);
}
