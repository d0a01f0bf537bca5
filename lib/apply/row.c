/* row.c - single-row statements and what to do when they miss. */

#include "base/hr.h"

#include <stdlib.h>
#include <string.h>

#include "apply/row.h"
#include "base/alloc.h"
#include "base/lsn.h"
#include "pg/way.h"
#include "stream/value.h"

/* What a statement is built and sent with; reused, one per thread. */
struct build {
	struct hr_buf sql;
	struct hr_buf mask;
	struct hr_buf scratch;
	struct hr_value value[HR_COLUMNS_MAX], old[HR_COLUMNS_MAX];
	struct hr_param param[2 * HR_COLUMNS_MAX + 4];
	uint32_t type[2 * HR_COLUMNS_MAX + 4];
	char at[HR_LSN_TEXT];
	int params;
};

static __thread struct build *mine;

static struct build *
fresh(void)
{
	if (mine == NULL)
		mine = hr_zalloc(sizeof(*mine));
	hr_buf_reset(&mine->sql);
	hr_buf_reset(&mine->mask);
	hr_buf_reset(&mine->scratch);
	mine->params = 0;
	return mine;
}

void
hr_row_end(void)
{
	if (mine) {
		hr_buf_clear(&mine->sql);
		hr_buf_clear(&mine->mask);
		hr_buf_clear(&mine->scratch);
	}
	free(mine);
	mine = NULL;
}

struct hr_param
hr_row_param(const struct hr_target_column *col, const struct hr_value *v, struct hr_buf *scratch)
{
	struct hr_param p = { v->data, v->len < 0 ? -1 : v->len, !v->text && v->len >= 0, col->type };

	/* Room was made for all values, so that earlier ones stay. */
	if (HR_UNLIKELY(v->text && v->len >= 0)) {
		uint8_t *to = scratch->data + scratch->len;

		memcpy(to, v->data, (size_t)v->len);
		to[v->len] = '\0';		/* libpq looks for the end itself */
		scratch->len += (size_t)v->len + 1;
		p.data = to;
	} else if (HR_UNLIKELY(col->element && !v->text && v->len >= 12)) {
		uint8_t *to = scratch->data + scratch->len;

		memcpy(to, v->data, (size_t)v->len);
		hr_set_u32be(to + 8, col->element);
		scratch->len += (size_t)v->len;
		p.data = to;
	}
	return p;
}

/* Append "$n" with its cast, and the parameter. */
static void
put_param(struct build *b, const struct hr_target_column *col, const struct hr_value *v)
{
	b->param[b->params] = hr_row_param(col, v, &b->scratch);
	if (v->text)
		b->param[b->params].type = 0;
	b->type[b->params] = v->text ? 25 : col->type;
	b->params++;
	/* A text value of a type that is only text: the server reads it. */
	hr_buf_printf(&b->sql, v->text && col->cast[0] == '\0' ? "$%d" : "$%d%s", b->params, col->cast);
	if (v->text)
		b->type[b->params - 1] = 0;
}

static bool
writable(const struct hr_target_column *col)
{
	return col->source >= 0;
}

/*
 * WHERE by the key, or by every value when there is none.  exact: of rows that
 * are equal (1.0 and 1.00, or by a collation) only one that is the same.
 */
static void
put_where(struct build *b, const struct hr_target *t, const struct hr_value *v, bool exact)
{
	struct hr_buf ours = HR_BUF_INIT, theirs = HR_BUF_INIT;
	int i, n = 0;

	if (t->keys) {
		for (i = 0; i < t->keys; i++) {
			hr_buf_printf(&b->sql, "%s%s %s ", i ? " AND " : " WHERE ", t->column[t->key[i]].name,
			    hr_target_equals(t, i));
			put_param(b, &t->column[t->key[i]], &v[t->key[i]]);
		}
		return;
	}
	if (t->partitioned)
		hr_buf_printf(&b->sql, " WHERE (tableoid, ctid) = (SELECT tableoid, ctid FROM %s", t->only);
	else
		hr_buf_printf(&b->sql, " WHERE ctid = (SELECT ctid FROM %s", t->only);
	for (i = 0; i < t->relation->columns; i++) {
		const struct hr_target_column *col = &t->column[i];

		if (!writable(col) || v[i].len == HR_VALUE_UNCHANGED)
			continue;
		hr_buf_puts(&b->sql, n++ ? " AND " : " WHERE ");
		if (v[i].len == HR_VALUE_NULL) {
			hr_buf_printf(&b->sql, "%s IS NULL", col->name);
			continue;
		}
		if (col->by_text)
			hr_buf_printf(&b->sql, "%s::text = (", col->name);
		else
			hr_buf_printf(&b->sql, "%s%s %s ", col->name, v[i].text ? "" : col->base, col->equals ? col->equals : "=");
		put_param(b, col, &v[i]);
		if (col->by_text)
			hr_buf_puts(&b->sql, ")::text");
		else if (!v[i].text) {
			hr_buf_puts(&b->sql, col->base);
			hr_buf_printf(&ours, "%s%s", ours.len ? ", " : "", col->name);
			hr_buf_printf(&theirs, "%s$%d%s", theirs.len ? ", " : "", b->params, col->cast);
		}
	}
	if (exact && ours.len)
		hr_buf_printf(&b->sql, " AND pg_catalog.record_image_eq(ROW(%s), ROW(%s))", hr_buf_text(&ours), hr_buf_text(&theirs));
	hr_buf_puts(&b->sql, " LIMIT 1)");
	hr_buf_clear(&ours);
	hr_buf_clear(&theirs);
}

static bool
same_value(const struct hr_value *a, const struct hr_value *b)
{
	return a->len == b->len && (a->len <= 0 || memcmp(a->data, b->data, (size_t)a->len) == 0);
}

/*
 * The server takes no value for a column GENERATED ALWAYS AS IDENTITY; one
 * that stays as it was needs none.  What is to become of it?
 */
enum always { SETTABLE, STAYS, MAY_CHANGE, CHANGES };

static enum always
always(const struct hr_target *t, int i, const struct hr_value *v, const struct hr_value *old, bool keys_too)
{
	if (!t->column[i].always || v[i].len == HR_VALUE_UNCHANGED)
		return SETTABLE;
	if (old && (old[i].len >= 0 || !hr_target_is_key(t, i)))
		return same_value(&old[i], &v[i]) ? STAYS : CHANGES;
	return hr_target_is_key(t, i) && !keys_too ? STAYS : MAY_CHANGE;
}

/* SET of what changes; false when nothing does. */
static bool
put_set(struct build *b, const struct hr_target *t, const struct hr_value *v, const struct hr_value *old,
    bool keys_too)
{
	int i, n = 0;

	for (i = 0; i < t->relation->columns; i++) {
		const struct hr_target_column *col = &t->column[i];

		if (!writable(col) || v[i].len == HR_VALUE_UNCHANGED || (!keys_too && hr_target_is_key(t, i)))
			continue;
		if (always(t, i, v, old, keys_too) != SETTABLE)
			continue;
		hr_buf_printf(&b->sql, "%s%s = ", n++ ? ", " : " SET ", col->name);
		put_param(b, col, &v[i]);
	}
	return n > 0;
}

/*
 * The statement's identity: which values are absent or text.  Two changes with
 * the same mask have the same SQL.
 */
static void
put_mask(struct build *b, const struct hr_target *t, const struct hr_value *v, bool nulls)
{
	int i;

	for (i = 0; i < t->relation->columns; i++)
		hr_buf_u8(&b->mask, v[i].len == HR_VALUE_UNCHANGED ? 'u' : v[i].text ? 't' :
		    nulls && v[i].len == HR_VALUE_NULL ? 'n' : 'v');
}

static int
bad_tuple(const struct hr_target *t, struct hr_err *e)
{
	return hr_fail(e, HR_BAD_STREAM, "a row of '%s' does not have the columns of its relation", t->shown);
}

static int
decode(struct build *b, const struct hr_change *c, struct hr_err *e)
{
	const struct hr_target *t = c->target;
	int n = t->relation->columns;

	if (c->tuple_len && hr_tuple_decode(c->tuple, c->tuple_len, b->value, HR_COLUMNS_MAX) != n)
		return bad_tuple(t, e);
	if (c->old_len && hr_tuple_decode(c->old, c->old_len, b->old, HR_COLUMNS_MAX) != n)
		return bad_tuple(t, e);
	hr_buf_need(&b->scratch, c->tuple_len + c->old_len + 16);
	return 0;
}

static bool
is_unique(const struct hr_target *t, int column)
{
	int i;

	for (i = 0; i < t->uniques; i++)
		if (t->key[i] == column)
			return true;
	return false;
}

/* Can rows of one key be of different tenants? */
static bool
guards(const struct hr_target *t)
{
	int i = t->relation->tenancy == 'c' ? t->relation->tenant_column : -1;

	return t->relation->tenancy == 'p' || (i >= 0 && writable(&t->column[i]) && !is_unique(t, i));
}

/* EXISTS a tenant of t, by its way, that compares so to a parameter; the caller closes it. */
static void
put_way(struct hr_buf *sql, const struct hr_target *g, const char *op, int param)
{
	hr_way_exists(sql, g->relation);
	hr_way_tenant(sql, g->relation);
	hr_buf_printf(sql, "::text COLLATE \"C\" %s ($%d)", op, param);
}

/* hr.is_behind(...) of the tenant that t's row has. */
static void
put_behind(struct build *b, const struct hr_change *c)
{
	const struct hr_target *g = c->target;
	int i;

	hr_buf_puts(&b->sql, "hr.is_behind(");
	for (i = 0; i < 2; i++) {
		b->type[b->params] = 25;
		b->param[b->params++] = (struct hr_param){ .data = i == 0 ? c->stream : hr_lsn_format(b->at, c->lsn), .type = 25 };
		hr_buf_printf(&b->sql, i == 0 ? "$%d, " : ", $%d::text::pg_lsn)", b->params);
		if (i == 0 && g->relation->tenancy == 'p') {
			hr_way_tenant(&b->sql, g->relation);
			hr_buf_puts(&b->sql, "::text");
		} else if (i == 0)
			hr_buf_printf(&b->sql, "t.%s::text", g->column[g->relation->tenant_column].name);
	}
}

/* One more parameter, a text[]. */
static void
add_array(struct build *b, const char *array)
{
	b->type[b->params] = 1009;
	b->param[b->params++] = (struct hr_param){ .data = array, .type = 1009 };
}

static void
insert_sql(struct build *b, const struct hr_change *c, bool upsert)
{
	const struct hr_target *t = c->target;
	int i, n;

	hr_buf_printf(&b->sql, "INSERT INTO %s AS t (", t->table);
	for (i = n = 0; i < t->relation->columns; i++)
		n += writable(&t->column[i]) && b->value[i].len != HR_VALUE_UNCHANGED;
	if (n == 0) {
		hr_buf_reset(&b->sql);
		hr_buf_printf(&b->sql, "INSERT INTO %s DEFAULT VALUES", t->table);
		return;
	}
	for (i = n = 0; i < t->relation->columns; i++)
		if (writable(&t->column[i]) && b->value[i].len != HR_VALUE_UNCHANGED)
			hr_buf_printf(&b->sql, "%s%s", n++ ? ", " : "", t->column[i].name);
	hr_buf_puts(&b->sql, ") OVERRIDING SYSTEM VALUE VALUES (");
	for (i = n = 0; i < t->relation->columns; i++)
		if (writable(&t->column[i]) && b->value[i].len != HR_VALUE_UNCHANGED) {
			if (n++)
				hr_buf_puts(&b->sql, ", ");
			put_param(b, &t->column[i], &b->value[i]);
		}
	hr_buf_puts(&b->sql, ")");
	if (!upsert)
		return;
	hr_buf_puts(&b->sql, " ON CONFLICT (");
	for (i = 0; i < t->uniques; i++)
		hr_buf_printf(&b->sql, "%s%s", i ? ", " : "", t->column[t->key[i]].name);
	hr_buf_puts(&b->sql, ") DO ");
	for (i = n = 0; i < t->relation->columns; i++)
		if (writable(&t->column[i]) && !is_unique(t, i) && !t->column[i].always &&
		    b->value[i].len != HR_VALUE_UNCHANGED)
			hr_buf_printf(&b->sql, "%s%s = EXCLUDED.%s", n++ ? ", " : "UPDATE SET ",
			    t->column[i].name, t->column[i].name);
	if (n == 0 && t->column[t->key[0]].always) {
		hr_buf_puts(&b->sql, "NOTHING");
		return;
	}
	/* A table of nothing but its key still says whether the row was there. */
	if (n == 0)
		hr_buf_printf(&b->sql, "UPDATE SET %s = EXCLUDED.%s", t->column[t->key[0]].name,
		    t->column[t->key[0]].name);
	/* Where it would have to change, settling it does. */
	for (i = n = 0; i < t->relation->columns; i++)
		if (t->column[i].always && !is_unique(t, i) && b->value[i].len != HR_VALUE_UNCHANGED)
			hr_buf_printf(&b->sql, "%st.%s = EXCLUDED.%s", n++ ? " AND " : " WHERE ", t->column[i].name,
			    t->column[i].name);
	if (c->own && t->relation->tenancy == 'p' && c->only) {
		add_array(b, c->only);
		hr_buf_puts(&b->sql, n ? " AND NOT " : " WHERE NOT ");
		put_way(&b->sql, t, "<> ALL", b->params);
		hr_buf_puts(&b->sql, " AND NOT ");
		put_behind(b, c);
		hr_buf_puts(&b->sql, ")");
	} else if (c->own && guards(t) && t->relation->tenancy == 'c') {
		hr_buf_printf(&b->sql, "%s(t.%s = EXCLUDED.%s OR ", n ? " AND " : " WHERE ",
		    t->column[t->relation->tenant_column].name, t->column[t->relation->tenant_column].name);
		put_behind(b, c);
		hr_buf_puts(&b->sql, ")");
	}
	if (!t->partitioned)
		hr_buf_puts(&b->sql, " RETURNING t.xmax <> 0");
}

static int
send_built(struct hr_txn *t, struct build *b, const struct hr_change *c, char kind, struct hr_err *e)
{
	struct hr_statement *s = hr_target_statement(c->target, kind, (const char *)b->mask.data, b->mask.len);

	return hr_txn_send(t, s, hr_buf_text(&b->sql), b->type, b->params, b->param,
	    c->lenient ? -1 : 1, (void *)c, false, e);
}

static int
send_insert(struct hr_txn *t, struct build *b, const struct hr_change *c, struct hr_err *e)
{
	bool upsert = c->target->uniques > 0;

	if (c->own && guards(c->target))
		hr_buf_u8(&b->mask, 'o');
	put_mask(b, c->target, b->value, false);
	insert_sql(b, c, upsert);
	if (send_built(t, b, c, 'i', e) < 0)
		return -1;
	if (upsert && !c->target->partitioned)
		hr_txn_says_existed(t);
	return 0;
}

/*
 * The row anew, by one statement: what an UPDATE may not set, an INSERT that
 * overrides may.  Columns left unchanged keep what was there.
 */
static void
replace_sql(struct build *b, const struct hr_target *g, const struct hr_value *by)
{
	int i, n;

	hr_buf_printf(&b->sql, "WITH d AS (DELETE FROM %s", g->only);
	put_where(b, g, by, true);
	hr_buf_printf(&b->sql, " RETURNING *) INSERT INTO %s (", g->table);
	for (i = n = 0; i < g->relation->columns; i++)
		if (writable(&g->column[i]))
			hr_buf_printf(&b->sql, "%s%s", n++ ? ", " : "", g->column[i].name);
	hr_buf_puts(&b->sql, ") OVERRIDING SYSTEM VALUE SELECT ");
	for (i = n = 0; i < g->relation->columns; i++) {
		if (!writable(&g->column[i]))
			continue;
		if (n++)
			hr_buf_puts(&b->sql, ", ");
		if (b->value[i].len == HR_VALUE_UNCHANGED)
			hr_buf_printf(&b->sql, "d.%s", g->column[i].name);
		else
			put_param(b, &g->column[i], &b->value[i]);
	}
	hr_buf_puts(&b->sql, " FROM d");
}

static int
send_update(struct hr_txn *t, struct build *b, const struct hr_change *c, struct hr_err *e)
{
	const struct hr_target *g = c->target;
	const struct hr_value *by = c->old_len ? b->old : b->value;
	const struct hr_value *old = c->old_len ? b->old : NULL;
	bool moves = c->old_len && (g->keys == 0 || !hr_row_same_key(g, b->old, b->value)), replaces = false;
	int i;

	for (i = 0; i < g->relation->columns; i++)
		replaces |= writable(&g->column[i]) && always(g, i, b->value, old, moves) == CHANGES;
	hr_buf_u8(&b->mask, replaces ? 'r' : moves ? 'm' : 's');
	put_mask(b, g, b->value, false);
	if (g->keys == 0)
		put_mask(b, g, by, true);
	if (replaces) {
		replace_sql(b, g, by);
		return send_built(t, b, c, 'u', e);
	}
	hr_buf_printf(&b->sql, "UPDATE %s", g->only);
	if (!put_set(b, g, b->value, old, moves)) {
		if (!g->has_always)
			return 0;
		/* Does the row have that value?  Settled where it has not. */
		hr_buf_reset(&b->sql);
		b->params = 0;
		hr_buf_printf(&b->sql, "SELECT 1 FROM %s", g->only);
	}
	put_where(b, g, by, true);
	for (i = 0; g->keys && i < g->relation->columns; i++)
		if (writable(&g->column[i]) && always(g, i, b->value, old, moves) == MAY_CHANGE) {
			hr_buf_printf(&b->sql, " AND %s = ", g->column[i].name);
			put_param(b, &g->column[i], &b->value[i]);
		}
	return send_built(t, b, c, 'u', e);
}

static int
send_delete(struct hr_txn *t, struct build *b, const struct hr_change *c, struct hr_err *e)
{
	const struct hr_target *g = c->target;

	if (g->keys == 0)
		put_mask(b, g, b->old, true);
	hr_buf_printf(&b->sql, "DELETE FROM %s t", g->only);
	put_where(b, g, b->old, true);
	if (c->only) {
		add_array(b, c->only);
		/* By parent it may have lost its parent already: then it is nobody else's. */
		if (g->relation->tenancy == 'p') {
			hr_buf_puts(&b->sql, " AND NOT ");
			put_way(&b->sql, g, "<> ALL", b->params);
			hr_buf_puts(&b->sql, ")");
		} else
			hr_buf_printf(&b->sql, " AND %s::text COLLATE \"C\" = ANY ($%d)",
			    g->column[g->relation->tenant_column].name, b->params);
	}
	return send_built(t, b, c, c->only ? 'o' : 'd', e);
}

static int
no_identity(const struct hr_change *c, struct hr_err *e)
{
	hr_fail(e, HR_CONFIG, "a change of '%s' names its row by nothing", c->target->shown);
	return hr_hint(e, "set a primary key or REPLICA IDENTITY FULL at the source");
}

int
hr_row_send(struct hr_txn *t, const struct hr_change *c, struct hr_err *e)
{
	struct build *b = fresh();

	if (c->op != 'I' && c->target->keys == 0 && c->old_len == 0)
		return no_identity(c, e);
	if (decode(b, c, e) < 0)
		return -1;
	switch (c->op) {
	case 'I':
		return send_insert(t, b, c, e);
	case 'U':
		return send_update(t, b, c, e);
	}
	return send_delete(t, b, c, e);
}

bool
hr_row_same_key(const struct hr_target *t, const struct hr_value *a, const struct hr_value *b)
{
	int i;

	for (i = 0; i < t->keys; i++) {
		const struct hr_value *x = &a[t->key[i]], *y = &b[t->key[i]];

		/* An unchanged large value in the key was not changed. */
		if (y->len == HR_VALUE_UNCHANGED || x->len == HR_VALUE_UNCHANGED)
			continue;
		if (x->len != y->len || (x->len > 0 && memcmp(x->data, y->data, (size_t)x->len) != 0))
			return false;
	}
	return true;
}

static int
run(struct hr_txn *t, struct build *b, int64_t *did, struct hr_err *e)
{
	struct hr_result *r;

	if (hr_conn_query(t->conn, &r, hr_buf_text(&b->sql), b->params, b->param, e) < 0)
		return -1;
	*did = hr_result_affected(r);
	hr_result_free(r);
	return 0;
}

static bool
complete(const struct hr_target *t, const struct hr_value *v)
{
	int i;

	for (i = 0; i < t->relation->columns; i++)
		if (writable(&t->column[i]) && v[i].len == HR_VALUE_UNCHANGED)
			return false;
	return true;
}

/* No row is the same: one that is equal, then. */
static int
again(struct hr_txn *t, struct build *b, const struct hr_change *c, int64_t *did, struct hr_err *e)
{
	const struct hr_target *g = c->target;

	if (decode(b, c, e) < 0)
		return -1;
	if (c->op == 'D')
		hr_buf_printf(&b->sql, "DELETE FROM %s", g->only);
	else {
		hr_buf_printf(&b->sql, "UPDATE %s", g->only);
		if (!put_set(b, g, b->value, b->old, true))
			return 0;
	}
	put_where(b, g, b->old, false);
	return run(t, b, did, e);
}

int
hr_row_settle(struct hr_txn *t, const struct hr_change *c, int64_t did, const char **conflict,
    const char **resolution, struct hr_err *e)
{
	const struct hr_target *g = c->target;
	struct build *b = fresh();
	int64_t n = 0;

	*resolution = "skipped";
	*conflict = NULL;
	if (did == 0 && c->op != 'I' && g->keys == 0) {
		if (again(t, b, c, &did, e) < 0)
			return -1;
		b = fresh();
	}
	switch (c->op) {
	case 'I':
		/* did is 2: the row was there and has been overwritten; 0: it could not be. */
		if (did == 0 && g->has_always && !(c->own && guards(g)) && (decode(b, c, e) < 0 || (replace_sql(b, g, b->value), run(t, b, &n, e)) < 0))
			return -1;
		*conflict = "insert_exists";
		*resolution = did == 0 && n == 0 ? "skipped" : "updated";
		return 0;
	case 'U':
		if (did != 0)
			return 0;
		if (decode(b, c, e) < 0)
			return -1;
		if (g->has_always) {
			replace_sql(b, g, c->old_len ? b->old : b->value);
			if (run(t, b, &n, e) < 0)
				return -1;
			if (n == 1)
				return 0;
			b = fresh();
			if (decode(b, c, e) < 0)
				return -1;
		}
		*conflict = "update_missing";
		if (!complete(g, b->value))
			return 0;
		insert_sql(b, c, g->uniques > 0);
		if (run(t, b, &n, e) < 0)
			return -1;
		*resolution = "inserted";
		return 0;
	}
	if (did != 0)
		return 0;
	*conflict = "delete_missing";
	return 0;
}

static void
add_text(struct build *b, const char *text)
{
	b->type[b->params] = 25;
	b->param[b->params++] = (struct hr_param){ .data = text, .type = 25 };
}

static int
ask(struct hr_txn *t, struct build *b, bool *yes, struct hr_err *e)
{
	struct hr_result *r;

	if (hr_conn_query(t->conn, &r, hr_buf_text(&b->sql), b->params, b->param, e) < 0)
		return -1;
	*yes |= hr_result_rows(r) > 0;
	hr_result_free(r);
	return 0;
}

/* Is there a row with the key of v, and it belongs to another? */
static int
key_is_foreign(struct hr_txn *t, const struct hr_change *c, bool of_old, const char *tenant, bool *yes, struct hr_err *e)
{
	const struct hr_target *g = c->target;
	struct build *b = fresh();
	const struct hr_value *v = of_old ? b->old : b->value;
	int i;

	if (g->uniques == 0 || g->missing)
		return 0;
	if (decode(b, c, e) < 0)
		return -1;
	hr_buf_printf(&b->sql, "SELECT 1 FROM %s t", g->only);
	for (i = 0; i < g->uniques; i++) {
		if (v[g->key[i]].len < 0)
			return 0;
		hr_buf_printf(&b->sql, "%s%s %s ", i ? " AND " : " WHERE ", g->column[g->key[i]].name, hr_target_equals(g, i));
		put_param(b, &g->column[g->key[i]], &v[g->key[i]]);
	}
	add_text(b, tenant);
	hr_buf_puts(&b->sql, " AND ");
	if (g->relation->tenancy == 'p')
		put_way(&b->sql, g, "<>", b->params);
	else
		hr_buf_printf(&b->sql, "%s::text COLLATE \"C\" <> $%d", g->column[g->relation->tenant_column].name, b->params);
	hr_buf_puts(&b->sql, " AND NOT ");
	put_behind(b, c);
	hr_buf_puts(&b->sql, g->relation->tenancy == 'p' ? ")" : "");
	return ask(t, b, yes, e);
}

/* Does the new row refer to one that is another's? */
static int
parent_is_foreign(struct hr_txn *t, const struct hr_change *c, const char *tenant, bool *yes, struct hr_err *e)
{
	const struct hr_relation *rel = c->target->relation;
	const struct hr_step *s = &rel->step[0];
	struct build *b = fresh();
	int i, k;

	if (decode(b, c, e) < 0)
		return -1;
	for (i = 0; i < s->columns; i++) {
		for (k = 0; k < rel->columns && strcmp(rel->column[k].name, s->from[i]) != 0; k++)
			;
		if (k == rel->columns || b->value[k].len < 0)
			return 0;
		hr_buf_puts(&b->sql, i ? ", " : "SELECT 1 FROM (SELECT ");
		put_param(b, &c->target->column[k], &b->value[k]);
		hr_buf_printf(&b->sql, " AS %s", c->target->column[k].name);
	}
	hr_buf_puts(&b->sql, ") t WHERE true");
	add_text(b, tenant);
	hr_buf_puts(&b->sql, " AND ");
	put_way(&b->sql, c->target, "<>", b->params);
	hr_buf_puts(&b->sql, " AND NOT ");
	put_behind(b, c);
	hr_buf_puts(&b->sql, ")");
	return ask(t, b, yes, e);
}

int
hr_row_foreign(struct hr_txn *t, const struct hr_change *c, const char *tenant, bool *yes, struct hr_err *e)
{
	const struct hr_relation *rel = c->target->relation;

	*yes = false;
	if (!hr_relation_mixed(rel) || c->target->drift.code != HR_OK ||
	    (rel->tenancy == 'c' && (rel->tenant_column < 0 || c->target->column[rel->tenant_column].source < 0)))
		return 0;
	if (hr_txn_plain(t, e) < 0 || (c->old_len && key_is_foreign(t, c, true, tenant, yes, e) < 0) ||
	    (c->tuple_len && key_is_foreign(t, c, false, tenant, yes, e) < 0))
		return -1;
	return rel->tenancy == 'p' && c->tuple_len && !*yes ? parent_is_foreign(t, c, tenant, yes, e) : 0;
}

char *
hr_row_key_text(const struct hr_change *c)
{
	const struct hr_target *t = c->target;
	struct build *b = fresh();
	struct hr_err ignored = HR_ERR_INIT;
	const struct hr_value *v;
	int i, n = 0;

	if (decode(b, c, &ignored) < 0)
		return NULL;
	v = c->op == 'I' || c->old_len == 0 ? b->value : b->old;
	for (i = 0; i < t->relation->columns && b->sql.len < 1000; i++) {
		if (t->keys ? !hr_target_is_key(t, i) : v[i].len < 0)
			continue;
		hr_buf_printf(&b->sql, "%s%s=", n++ ? " " : "", t->relation->column[i].name);
		if (v[i].len < 0)
			hr_buf_puts(&b->sql, "NULL");
		else if (v[i].text)
			hr_buf_put(&b->sql, v[i].data, (size_t)v[i].len);
		else if (hr_value_format(&b->sql, t->relation->column[i].type, &v[i]) == 0)
			hr_buf_puts(&b->sql, "?");
	}
	return hr_strdup(hr_buf_text(&b->sql));
}
