/* change.c - one row through its plan: checked, masked, filtered, added to, and written. */

#include "base/hr.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/json.h"
#include "base/lsn.h"
#include "rule/aggregates.h"
#include "rule/change.h"
#include "stream/dump.h"

enum passes { NO, YES, MAYBE };

static struct hr_change_row
row_new(void)
{
	return (struct hr_change_row){
		hr_zalloc(HR_COLUMNS_MAX * sizeof(struct hr_value)), hr_zalloc(HR_COLUMNS_MAX * sizeof(struct hr_value)),
		hr_zalloc(HR_COLUMNS_MAX * sizeof(struct hr_value)),
	};
}

static void
row_free(struct hr_change_row *r)
{
	free(r->came);
	free(r->masked);
	free(r->added);
}

void
hr_changes_init(struct hr_changes *t)
{
	t->old = row_new();
	t->new = row_new();
	t->out = hr_zalloc(HR_COLUMNS_MAX * sizeof(*t->out));
}

void
hr_changes_clear(struct hr_changes *t)
{
	row_free(&t->old);
	row_free(&t->new);
	free(t->out);
	hr_scratch_clear(&t->scratch);
	hr_buf_clear(&t->payload);
	hr_buf_clear(&t->line);
	hr_buf_clear(&t->text);
}

/* --- masks --- */

static int
not_sent(const struct hr_change *w, const char *what)
{
	hr_fail(w->e, HR_REFUSED, "%s.%s: %s depends on a value that an update did not send, because it is large and did "
	    "not change", w->p->in->schema, w->p->in->name, what);
	return hr_hint(w->e, "ALTER TABLE %s.%s REPLICA IDENTITY FULL", w->p->in->schema, w->p->in->name);
}

int
hr_change_within(const struct hr_change *w, int i)
{
	return hr_within(w->e, "%s.%s: column '%s'", w->p->in->schema, w->p->in->name, w->p->in->column[i].name);
}

/* Who column i is of, as text, that 5 be the same of an integer and of a bigint; NULL is nobody. */
static int
who(const struct hr_change *w, const struct hr_change_row *r, int i, struct hr_value *of)
{
	const struct hr_relation *in = w->p->in;
	enum hr_type type = hr_type_of_column(&in->column[i]);
	const struct hr_value *v = &r->came[i];
	struct hr_datum d, text;

	if (v->len == HR_VALUE_UNCHANGED && w->it->old == 'O')
		v = &w->t->old.came[i];
	*of = v->len < 0 ? (struct hr_value){ (const uint8_t *)"", 0, false } : *v;
	if (v->len == HR_VALUE_UNCHANGED)
		return not_sent(w, "a fake");
	if (v->len < 0 || type == HR_TYPE_NONE || type == HR_TYPE_OTHER)
		return 0;
	if (hr_datum_read(&d, type, v, &w->t->scratch, w->e) < 0)
		return hr_change_within(w, i);
	hr_datum_text(&d, &text, &w->t->scratch);
	*of = (struct hr_value){ text.s.p, (int32_t)text.s.n, false };
	return 0;
}

static int
mask_row(const struct hr_change *w, const struct hr_change_row *r)
{
	const struct hr_plan *p = w->p;
	struct hr_value of = { .data = NULL };
	int i;

	for (i = 0; i < p->in->columns; i++) {
		r->masked[i] = r->came[i];
		if (p->mask[i] == NULL || r->came[i].len < 0)
			continue;
		if (hr_mask_needs_of(p->mask[i]) && who(w, r, p->of[i], &of) < 0)
			return -1;
		if (hr_mask_value(p->mask[i], &r->came[i], &of, &r->masked[i], &w->t->scratch, w->e) < 0)
			return hr_change_within(w, i);
	}
	return 0;
}

/* --- checks --- */

int
hr_changes_flush(struct hr_changes *t, struct hr_err *e)
{
	if (hr_file_write(t->dead, t->line.data, t->line.len) < 0 ||
	    (t->line.len && t->dead > 1 && fsync(t->dead) < 0 && errno != EINVAL))
		return hr_fail_sys(e, "cannot write parked rows");
	hr_buf_reset(&t->line);
	return 0;
}

static void
put_member(struct hr_buf *b, const char *name, const void *text, size_t n)
{
	hr_buf_printf(b, "%s\"%s\":", b->len && b->data[b->len - 1] != '\n' ? "," : "{", name);
	hr_json_string(b, text, n);
}

static const char *
op_name(enum hr_op op)
{
	return op == HR_INSERT ? "insert" : op == HR_PUT ? "put" : op == HR_UPDATE ? "update" : op == HR_DELETE ? "delete" :
	    "drop";
}

/* How a line begins: whose row it is, and what is done to it. */
static void
put_front(const struct hr_change *w, struct hr_buf *b)
{
	const char *op = op_name(w->it->op);

	put_member(b, "tenant", w->f->tenant, w->f->tenant_len);
	put_member(b, "schema", w->p->in->schema, strlen(w->p->in->schema));
	put_member(b, "table", w->p->in->name, strlen(w->p->in->name));
	put_member(b, "op", op, strlen(op));
}

/* A row that goes nowhere, masked, with what is wrong with it. */
static int
park(const struct hr_change *w, const char *reason)
{
	struct hr_changes *t = w->t;
	struct hr_buf *b = &t->line;
	struct hr_relation left = *w->p->out;
	char lsn[HR_LSN_TEXT];
	int i, n = 0;

	if (t->dead < 0) {
		hr_fail(w->e, HR_CONFIG, "%s.%s: a row is to be parked, and there is no file for it", w->p->in->schema,
		    w->p->in->name);
		return hr_hint(w->e, "give one as --dead-letters FILE");
	}
	put_front(w, b);
	hr_lsn_format(lsn, t->now->lsn);
	put_member(b, "lsn", lsn, strlen(lsn));
	hr_buf_printf(b, ",\"xid\":%" PRIu32, t->now->xid);
	put_member(b, "reason", reason, strlen(reason));
	hr_buf_puts(b, ",\"row\":");
	/* Without what is added, and without what is left out. */
	left.columns -= (int)w->p->adds;
	for (i = 0; i < w->p->in->columns; i++)
		if (w->p->kept[i])
			t->out[n++] = t->new.masked[i];
	hr_dump_row(b, &t->text, &left, t->out, false);
	hr_buf_puts(b, "}\n");
	t->parked++;
	return b->len > 65536 ? hr_changes_flush(t, w->e) : 0;
}

/*
 * Is the row as it should be?  If not, NO, unless it is refused; of one that was,
 * nothing is said, and what refuses did so then.  As SQL's CHECK has it, what is
 * unknown passes.
 */
static int
check_row(const struct hr_change *w, const struct hr_change_row *r, enum passes *passes)
{
	struct hr_scope s = { r->came, w->t->var, &w->t->scratch };
	const struct hr_plan *p = w->p;
	bool is_new = r == &w->t->new;
	enum hr_truth truth;
	size_t i;
	int rc;

	for (i = 0; i < p->checks; i++) {
		const struct hr_plan_check *c = &p->check[i];

		if (!is_new && c->otherwise == HR_OTHERWISE_REFUSE)
			continue;
		rc = hr_expr_test(c->x, &s, &truth, w->e);
		if (rc < 0)
			return hr_within(w->e, "%s.%s: a check", p->in->schema, p->in->name);
		if (rc > 0 && c->otherwise != HR_OTHERWISE_REFUSE)
			return not_sent(w, "a check");
		if (rc > 0 || truth != HR_FALSE)
			continue;
		if (c->otherwise == HR_OTHERWISE_REFUSE) {
			hr_fail(w->e, HR_REFUSED, "%s.%s: %s", p->in->schema, p->in->name, c->reason);
			return hr_hint(w->e, "mend the row at the source, or say 'otherwise: park' or 'drop' of the check");
		}
		*passes = NO;
		return is_new && c->otherwise == HR_OTHERWISE_PARK ? park(w, c->reason) : 0;
	}
	return 0;
}

/* --- the filter --- */

/* A row that is all there or, with a key alone, as far as the filter goes. */
static int
test_row(const struct hr_change *w, const struct hr_change_row *r, enum passes *passes)
{
	struct hr_scope s = { r->masked, w->t->var, &w->t->scratch };
	enum hr_truth truth;
	size_t i;
	int rc;

	*passes = YES;
	if (w->p->checks && check_row(w, r, passes) < 0)
		return -1;
	for (i = 0; i < w->p->filters && *passes == YES; i++) {
		rc = hr_expr_test(w->p->filter[i], &s, &truth, w->e);
		if (rc < 0)
			return hr_within(w->e, "%s.%s: the filter", w->p->in->schema, w->p->in->name);
		if (rc > 0)
			return not_sent(w, "the filter");
		if (truth != HR_TRUE)
			*passes = NO;
	}
	return 0;
}

/* --- what is written --- */

static int
add_columns(const struct hr_change *w, const struct hr_change_row *r)
{
	const struct hr_plan *p = w->p;
	struct hr_scope s = { r->masked, w->t->var, &w->t->scratch };
	size_t i;
	int rc;

	for (i = 0; i < p->adds; i++) {
		const struct hr_plan_add *a = &p->add[i];
		struct hr_value *out = &r->added[i];
		struct hr_datum d;

		rc = hr_expr_eval(a->x, &s, &d, w->e);
		if (rc < 0)
			return hr_within(w->e, "%s.%s: column '%s'", p->in->schema, p->in->name, a->rule->column);
		if (rc > 0)
			return not_sent(w, a->rule->column);
		*out = (struct hr_value){ NULL, HR_VALUE_NULL, false };
		if (d.null)
			continue;
		hr_datum_write(&d, false, out, &w->t->scratch);
		if (a->rule->lookup) {
			size_t n;
			const uint8_t *v = hr_lookup_get(a->rule->lookup, out->data, (size_t)out->len, &n);

			*out = v ? (struct hr_value){ v, (int32_t)n, false } : (struct hr_value){ NULL, HR_VALUE_NULL, false };
		}
	}
	return 0;
}

enum part { WHOLE, KEY };

/* The tuple of a row; of the key alone others are NULL. */
static void
put_tuple(const struct hr_change *w, const struct hr_change_row *r, enum part part)
{
	static const struct hr_value nothing = { NULL, HR_VALUE_NULL, false };
	const struct hr_plan *p = w->p;
	int i, n = 0;
	size_t k;

	for (i = 0; i < p->in->columns; i++)
		if (p->kept[i])
			w->t->out[n++] = part == KEY && !p->in->column[i].key ? nothing : r->masked[i];
	for (k = 0; k < p->adds; k++)
		w->t->out[n++] = part == KEY ? nothing : r->added[k];
	hr_tuple_put(&w->t->payload, w->t->out, n);
}

/* An item of the new row, or of the old one, or of both; old is '-', 'K' or 'O'. */
static int
put_item(const struct hr_change *w, enum hr_op op, char old, const struct hr_change_row *of)
{
	struct hr_buf *b = &w->t->payload;
	bool news = op == HR_INSERT || op == HR_PUT || op == HR_UPDATE;
	size_t mark;

	if ((news && add_columns(w, &w->t->new) < 0) || (old == 'O' && add_columns(w, of) < 0))
		return -1;
	mark = hr_item_open(b, op);
	hr_buf_u32le(b, w->p->in->id);
	if (op == HR_UPDATE || op == HR_DELETE || op == HR_DROP)
		hr_buf_u8(b, (uint8_t)old);
	if (op != HR_INSERT && op != HR_PUT && old != '-')
		put_tuple(w, of, old == 'O' ? WHOLE : KEY);
	if (news)
		put_tuple(w, &w->t->new, WHOLE);
	hr_item_close(b, mark);
	w->t->count++;
	return 0;
}

/* A delete of what the row was: the old tuple, or its key, which did not change. */
static int
put_delete(const struct hr_change *w, enum hr_op op)
{
	const struct hr_item *it = w->it;

	if (it->old_tuple)
		return put_item(w, op, it->old, &w->t->old);
	return put_item(w, op, 'K', &w->t->new);
}

static bool
is_whole(const struct hr_plan *p, const struct hr_value *v)
{
	int i;

	for (i = 0; i < p->in->columns; i++)
		if (v[i].len == HR_VALUE_UNCHANGED)
			return false;
	return true;
}

/* The row was not passed on before, and has to be there whole. */
static int
put_whole(const struct hr_change *w, enum hr_op op)
{
	if (!is_whole(w->p, w->t->new.masked))
		return not_sent(w, "a row that comes into the filter");
	return put_item(w, op, '-', NULL);
}

/* Rows of no key cannot be put or dropped by it. */
static bool
has_key(const struct hr_plan *p)
{
	int i;

	for (i = 0; i < p->in->columns; i++)
		if (p->in->column[i].key && p->in->identity != 'f')
			return true;
	return false;
}

static int
put_update(const struct hr_change *w, enum passes was, enum passes is)
{
	const struct hr_item *it = w->it;

	if (was == YES && is == YES)
		return put_item(w, HR_UPDATE, it->old, &w->t->old);
	if (was == YES)
		return put_delete(w, HR_DELETE);
	if (was == NO)
		return is == YES ? put_whole(w, HR_INSERT) : 0;
	if (is == NO)
		return put_delete(w, HR_DROP);
	/* Under another key the row may be there, too. */
	if (it->old == 'K' && put_item(w, HR_DROP, 'K', &w->t->old) < 0)
		return -1;
	return put_whole(w, HR_PUT);
}

static int
put_row(const struct hr_change *w, enum passes was, enum passes is)
{
	switch (w->it->op) {
	case HR_INSERT: return is == YES ? put_item(w, HR_INSERT, '-', NULL) : 0;
	case HR_PUT: return is == YES ? put_item(w, HR_PUT, '-', NULL) : has_key(w->p) ? put_item(w, HR_DROP, 'K', &w->t->new) : 0;
	case HR_UPDATE: return put_update(w, was, is);
	case HR_DROP: return put_item(w, HR_DROP, w->it->old, &w->t->old);
	default: break;
	}
	if (was == NO)
		return 0;
	return put_item(w, was == MAYBE ? HR_DROP : HR_DELETE, w->it->old, &w->t->old);
}

/* --- rows --- */

int
hr_change_open(const struct hr_change *w, const uint8_t *tuple, size_t len, struct hr_value *v)
{
	int n = hr_tuple_decode(tuple, len, v, HR_COLUMNS_MAX);

	if (n != w->p->in->columns)
		return hr_fail(w->e, HR_BAD_STREAM, "a row of %d columns for '%s.%s', which has %d", n, w->p->in->schema,
		    w->p->in->name, w->p->in->columns);
	return 0;
}

/* Whose the row is decides, and it is of one of many tenants, and goes to all. */
static bool
is_anybodys(const struct hr_change *w)
{
	return w->p->by_whose && w->f->tenant_len == 0;
}

/* Did the row that was pass the filter? */
static int
test_old(const struct hr_change *w, enum passes is, enum passes *was)
{
	const struct hr_plan *p = w->p;
	bool has_old = w->it->op == HR_UPDATE || w->it->op == HR_DELETE || w->it->op == HR_DROP;

	*was = YES;
	if (!has_old || (!p->decides && !p->by_whose))
		return 0;
	if (is_anybodys(w)) {
		*was = MAYBE;
		return 0;
	}
	if (w->it->old == 'O' || (w->it->old == 'K' && p->filter_by_key))
		return test_row(w, &w->t->old, was);
	/* The key did not change, and it is all that is looked at. */
	if (w->it->old == '-' && p->filter_by_key) {
		*was = is;
		return 0;
	}
	*was = MAYBE;
	return 0;
}

static void
set_var_text(struct hr_datum *d, const void *p, size_t n)
{
	*d = (struct hr_datum){ .type = HR_TYPE_TEXT, .s = { p, n } };
}

static void
set_vars(const struct hr_change *w)
{
	struct hr_changes *t = w->t;
	const char *op = op_name(w->it->op);

	set_var_text(&t->var[HR_VAR_TENANT], w->f->tenant, w->f->tenant_len);
	t->var[HR_VAR_TENANT].null = w->f->tenant_len == 0;
	set_var_text(&t->var[HR_VAR_SCHEMA], w->p->in->schema, strlen(w->p->in->schema));
	set_var_text(&t->var[HR_VAR_TABLE], w->p->in->name, strlen(w->p->in->name));
	set_var_text(&t->var[HR_VAR_OP], op, strlen(op));
	t->var[HR_VAR_XID] = (struct hr_datum){ .type = HR_TYPE_INT8, .i = t->now->xid };
	t->var[HR_VAR_LSN] = (struct hr_datum){ .type = HR_TYPE_LSN, .i = (int64_t)t->now->lsn };
	t->var[HR_VAR_COMMIT_TIME] = (struct hr_datum){ .type = HR_TYPE_TIMESTAMPTZ, .i = t->now->time };
}

static int
print_row(const struct hr_change *w, size_t before)
{
	struct hr_changes *t = w->t;
	const struct hr_item *it = w->it;
	struct hr_cur c = hr_cur(t->payload.data + before, t->payload.len - before);
	struct hr_buf *b = &t->line;
	struct hr_item out;
	int n;

	put_front(w, b);
	hr_buf_puts(b, ",\"before\":");
	hr_dump_row(b, &t->text, w->p->in, it->tuple ? t->new.came : t->old.came, it->tuple == NULL && it->old == 'K');
	hr_buf_puts(b, ",\"after\":[");
	while (hr_rows_next(&c, &out, w->e) > 0) {
		const uint8_t *tuple = out.tuple ? out.tuple : out.old_tuple;

		if (b->data[b->len - 1] == '}')
			hr_buf_u8(b, ',');
		hr_buf_printf(b, "{\"op\":\"%s\",\"row\":", op_name(out.op));
		n = hr_tuple_decode(tuple, out.tuple ? out.tuple_len : out.old_len, t->out, HR_COLUMNS_MAX);
		if (n == w->p->out->columns)
			hr_dump_row(b, &t->text, w->p->out, t->out, out.tuple == NULL && out.old == 'K');
		hr_buf_u8(b, '}');
	}
	hr_buf_puts(b, "]}\n");
	return b->len > 65536 ? hr_changes_flush(t, w->e) : 0;
}

/* --- aggregations --- */

static int
cannot_gather(const struct hr_change *w)
{
	hr_fail(w->e, HR_REFUSED, "%s.%s: it is not known what a row was that is to be aggregated, and was %s",
	    w->p->in->schema, w->p->in->name, w->it->op == HR_UPDATE ? "updated" : w->it->op == HR_DELETE ? "deleted" :
	    w->it->op == HR_PUT ? "put over one that may be there" : "dropped if it was there");
	if (w->it->op == HR_UPDATE || w->it->op == HR_DELETE)
		return hr_hint(w->e, "ALTER TABLE %s.%s REPLICA IDENTITY FULL", w->p->in->schema, w->p->in->name);
	return hr_hint(w->e, "rows that move to another tenant, or that rules in front put, cannot be aggregated");
}

/* The columns that are added stand behind those that came. */
static int
fill_row(const struct hr_change *w, struct hr_change_row *r)
{
	if (add_columns(w, r) < 0)
		return -1;
	memcpy(r->masked + w->p->in->columns, r->added, w->p->adds * sizeof(*r->added));
	return 0;
}

/* What the filter lets pass goes into what is made of the table. */
static int
gather(const struct hr_change *w, enum passes was, enum passes is)
{
	struct hr_changes *t = w->t;
	const struct hr_item *it = w->it;
	struct hr_gather g = { .f = w->f, .commit = t->now->lsn, .time = t->now->time, .var = t->var };
	struct hr_change_row *old = it->old_tuple ? &t->old : &t->new;
	bool goes = it->op == HR_UPDATE || it->op == HR_DELETE || it->op == HR_DROP;
	bool comes = (it->op == HR_INSERT || it->op == HR_UPDATE) && is == YES, whole = it->old == 'O';

	if (it->op == HR_PUT || it->op == HR_DROP || (goes && was == MAYBE))
		return cannot_gather(w);
	goes = goes && was == YES;
	if (!goes && !comes)
		return 0;
	if ((goes && fill_row(w, old) < 0) || (comes && !(goes && old == &t->new) && fill_row(w, &t->new) < 0))
		return -1;
	return hr_gather_row(w->into, &g, goes ? old->masked : NULL, whole, comes ? t->new.masked : NULL, w->e);
}

int
hr_change_row(const struct hr_change *w)
{
	struct hr_changes *t = w->t;
	const struct hr_item *it = w->it;
	size_t before = t->payload.len;
	bool looks = w->p->checks || w->p->filters || w->p->adds || w->into, whole;
	enum passes was, is = YES;
	int i;

	hr_scratch_reset(&t->scratch);
	if (looks)
		set_vars(w);
	if (it->tuple && hr_change_open(w, it->tuple, it->tuple_len, t->new.came) < 0)
		return -1;
	if (it->old_tuple && hr_change_open(w, it->old_tuple, it->old_len, t->old.came) < 0)
		return -1;
	/* A value that was not sent, and that something looks at or that is to be there, the old row may have. */
	whole = it->tuple && it->old == 'O' && (looks || is_anybodys(w));
	for (i = 0; whole && i < w->p->in->columns; i++)
		if (t->new.came[i].len == HR_VALUE_UNCHANGED)
			t->new.came[i] = t->old.came[i];
	if ((it->old_tuple && mask_row(w, &t->old) < 0) || (it->tuple && mask_row(w, &t->new) < 0))
		return -1;
	if ((it->tuple && test_row(w, &t->new, &is) < 0) || test_old(w, is, &was) < 0)
		return -1;
	if (w->into && gather(w, was, is) < 0)
		return -1;
	if (w->p->left_out)
		return 0;
	if (put_row(w, was, is) < 0)
		return -1;
	t->dropped += t->payload.len == before;
	return t->dry && (t->samples == 0 || w->p->printed++ < t->samples) ? print_row(w, before) : 0;
}

