/* set.c - arrays for unnest, rows for COPY. */

#include "base/hr.h"

#include <stdlib.h>
#include <string.h>

#include "apply/set.h"
#include "base/alloc.h"

/* Reused by one thread: an array a column, and what is sent with them. */
struct build {
	struct hr_buf sql;
	struct hr_buf array[HR_COLUMNS_MAX];
	int column[HR_COLUMNS_MAX];	/* of the relation, one for each array */
	int arrays;
	bool nulls[HR_COLUMNS_MAX];
	struct hr_value value[HR_COLUMNS_MAX];
	struct hr_param param[HR_COLUMNS_MAX];
	uint32_t type[HR_COLUMNS_MAX];
};

static __thread struct build *mine;

static struct build *
fresh(void)
{
	if (mine == NULL)
		mine = hr_zalloc(sizeof(*mine));
	hr_buf_reset(&mine->sql);
	mine->arrays = 0;
	return mine;
}

void
hr_set_end(void)
{
	int i;

	for (i = 0; mine && i < HR_COLUMNS_MAX; i++)
		hr_buf_clear(&mine->array[i]);
	if (mine)
		hr_buf_clear(&mine->sql);
	free(mine);
	mine = NULL;
}

/* Take a column along: an array of so many elements begins. */
static void
add_array(struct build *b, int column)
{
	struct hr_buf *a = &b->array[b->arrays];

	b->column[b->arrays] = column;
	b->nulls[b->arrays++] = false;
	hr_buf_reset(a);
	hr_buf_need(a, 20);
	a->len = 20;		/* the header is filled when all is there */
}

static int
fill_arrays(struct build *b, const struct hr_set *s, struct hr_err *e)
{
	const struct hr_target *g = s->target;
	size_t i;
	int k;

	for (i = 0; i < s->changes; i++) {
		const struct hr_change *c = s->change[i];
		bool old = c->op == 'D';
		int n = old ? hr_tuple_decode(c->old, c->old_len, b->value, HR_COLUMNS_MAX) :
		    hr_tuple_decode(c->tuple, c->tuple_len, b->value, HR_COLUMNS_MAX);

		if (n != g->relation->columns)
			return hr_fail(e, HR_BAD_STREAM, "a row of '%s' does not have the columns of its relation",
			    g->shown);
		for (k = 0; k < b->arrays; k++) {
			const struct hr_value *v = &b->value[b->column[k]];
			struct hr_buf *a = &b->array[k];

			hr_buf_need(a, 4 + (v->len > 0 ? (size_t)v->len : 0));
			if (v->len < 0) {
				b->nulls[k] = true;
				hr_set_u32be(a->data + a->len, UINT32_MAX);
				a->len += 4;
				continue;
			}
			hr_set_u32be(a->data + a->len, (uint32_t)v->len);
			memcpy(a->data + a->len + 4, v->data, (size_t)v->len);
			a->len += 4 + (size_t)v->len;
		}
	}
	for (k = 0; k < b->arrays; k++) {
		const struct hr_target_column *col = &g->column[b->column[k]];
		uint8_t *h = b->array[k].data;

		hr_set_u32be(h, 1);
		hr_set_u32be(h + 4, b->nulls[k]);
		hr_set_u32be(h + 8, col->type);
		hr_set_u32be(h + 12, (uint32_t)s->changes);
		hr_set_u32be(h + 16, 1);
		b->param[k] = (struct hr_param){ h, (int)b->array[k].len, true, col->array };
		b->type[k] = col->array;
	}
	return 0;
}

/* unnest($1, $2, ...) AS s(c0, c1, ...) */
static void
put_unnest(struct build *b)
{
	int k;

	hr_buf_puts(&b->sql, "unnest(");
	for (k = 0; k < b->arrays; k++)
		hr_buf_printf(&b->sql, "%s$%d", k ? ", " : "", k + 1);
	hr_buf_puts(&b->sql, ")");
}

static void
put_names(struct build *b, const char *more)
{
	int k;

	hr_buf_puts(&b->sql, " AS s(");
	for (k = 0; k < b->arrays; k++)
		hr_buf_printf(&b->sql, "%sc%d", k ? ", " : "", k);
	hr_buf_printf(&b->sql, "%s)", more);
}

static void
put_join(struct build *b, const struct hr_target *g)
{
	int i;

	/* The keys are the first arrays. */
	for (i = 0; i < g->keys; i++)
		hr_buf_printf(&b->sql, "%st.%s %s s.c%d%s", i ? " AND " : " WHERE ", g->column[g->key[i]].name,
		    hr_target_equals(g, i), i, g->column[g->key[i]].cast);
}

static void
add_keys(struct build *b, const struct hr_target *g)
{
	int i;

	for (i = 0; i < g->keys; i++)
		add_array(b, g->key[i]);
}

static int
send_arrays(struct hr_txn *t, struct build *b, struct hr_set *s, const char *mask, size_t len, int64_t rows,
    struct hr_err *e)
{
	struct hr_statement *st = hr_target_statement(s->target, s->op, mask, len);

	if (fill_arrays(b, s, e) < 0)
		return -1;
	return hr_txn_send(t, st, hr_buf_text(&b->sql), b->type, b->arrays, b->param, rows, s, true, e);
}

static int
send_update(struct hr_txn *t, struct hr_set *s, struct hr_err *e)
{
	const struct hr_target *g = s->target;
	struct build *b = fresh();
	int i, n = 0;

	add_keys(b, g);
	hr_buf_printf(&b->sql, "UPDATE %s AS t SET ", g->only);
	for (i = 0; i < g->relation->columns; i++) {
		const struct hr_target_column *col = &g->column[i];

		if (col->source < 0 || s->mask[i] == 'u' || hr_target_is_key(g, i) || col->always)
			continue;
		hr_buf_printf(&b->sql, "%s%s = s.c%d%s", n++ ? ", " : "", col->name, b->arrays, col->cast);
		add_array(b, i);
	}
	if (n == 0)
		return 0;
	hr_buf_puts(&b->sql, " FROM ");
	put_unnest(b);
	put_names(b, "");
	put_join(b, g);
	return send_arrays(t, b, s, s->mask, (size_t)g->relation->columns, (int64_t)s->changes, e);
}

static int
send_delete(struct hr_txn *t, struct hr_set *s, struct hr_err *e)
{
	struct build *b = fresh();

	add_keys(b, s->target);
	hr_buf_printf(&b->sql, "DELETE FROM %s AS t USING ", s->target->only);
	put_unnest(b);
	put_names(b, "");
	put_join(b, s->target);
	return send_arrays(t, b, s, "", 0, s->lenient ? -1 : (int64_t)s->changes, e);
}

static void
put_columns(struct build *b, const struct hr_target *g)
{
	int i, n = 0;

	for (i = 0; i < g->relation->columns; i++)
		if (g->column[i].source >= 0)
			hr_buf_printf(&b->sql, "%s%s", n++ ? ", " : "", g->column[i].name);
}

static int
send_insert(struct hr_txn *t, struct hr_set *s, struct hr_err *e)
{
	const struct hr_target *g = s->target;
	struct build *b = fresh();
	int i, k;

	hr_buf_printf(&b->sql, "INSERT INTO %s (", g->table);
	put_columns(b, g);
	hr_buf_puts(&b->sql, ") OVERRIDING SYSTEM VALUE SELECT ");
	for (i = 0; i < g->relation->columns; i++)
		if (g->column[i].source >= 0)
			add_array(b, i);
	for (k = 0; k < b->arrays; k++)
		hr_buf_printf(&b->sql, "%ss.c%d%s", k ? ", " : "", k, g->column[b->column[k]].cast);
	hr_buf_puts(&b->sql, " FROM ");
	put_unnest(b);
	put_names(b, "");
	return send_arrays(t, b, s, "", 0, -1, e);
}

/* A row of COPY where the table's columns are not just those of the tuple. */
static int
put_copy_row(struct hr_buf *to, const struct hr_target *g, const struct hr_change *c, struct hr_err *e)
{
	struct hr_value value[HR_COLUMNS_MAX];
	int n = hr_tuple_decode(c->tuple, c->tuple_len, value, HR_COLUMNS_MAX), i;
	size_t mark = to->len;
	uint16_t columns = 0;

	if (n != g->relation->columns)
		return hr_fail(e, HR_BAD_STREAM, "a row of '%s' does not have the columns of its relation", g->shown);
	hr_buf_u16be(to, 0);
	for (i = 0; i < n; i++) {
		const struct hr_value *v = &value[i];

		if (g->column[i].source < 0)
			continue;
		columns++;
		hr_buf_u32be(to, (uint32_t)v->len);
		if (v->len > 0)
			hr_buf_put(to, v->data, (size_t)v->len);
		if (g->column[i].element && v->len >= 12)
			hr_set_u32be(to->data + to->len - v->len + 8, g->column[i].element);
	}
	hr_set_u16be(to->data + mark, columns);
	return 0;
}

int
hr_set_copy_row(struct hr_txn *t, const struct hr_change *c, struct hr_err *e)
{
	const struct hr_target *g = c->target;

	if (g->verbatim)
		hr_buf_put(&t->copy, c->tuple, c->tuple_len);
	else if (put_copy_row(&t->copy, g, c, e) < 0)
		return -1;
	return hr_txn_copy_room(t, e);
}

static int
copy(struct hr_txn *t, struct hr_set *s, struct hr_err *e)
{
	const struct hr_target *g = s->target;
	struct build *b = fresh();
	size_t i;

	hr_buf_printf(&b->sql, "COPY %s (", g->table);
	put_columns(b, g);
	hr_buf_puts(&b->sql, ") FROM STDIN (FORMAT binary)");
	if (hr_txn_copy(t, g, hr_buf_text(&b->sql), e) < 0)
		return -1;
	for (i = 0; i < s->changes; i++)
		if (hr_set_copy_row(t, s->change[i], e) < 0)
			return -1;
	return t->copy_stays ? 0 : hr_txn_copy_end(t, e);
}

int
hr_set_send(struct hr_txn *t, struct hr_set *s, bool by_copy, struct hr_err *e)
{
	if (s->op == 'U')
		return send_update(t, s, e);
	if (s->op == 'D')
		return send_delete(t, s, e);
	return by_copy ? copy(t, s, e) : send_insert(t, s, e);
}
