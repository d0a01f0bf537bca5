/*
 * eval.c - running an expression's nodes.
 *
 * Each node's function asks those of its arguments.  What stands most often in
 * a filter, a column against a constant, looks at the column's bytes where they
 * are and takes nothing apart.
 */

#include "base/hr.h"

#include <math.h>
#include <stdlib.h>

#include "rule/document.h"
#include "rule/eval.h"
#include "rule/pattern.h"
#include "rule/utf8.h"

#define TEXT_MAX (16 << 20)	/* bytes of what is put together */

static inline int
run(const struct hr_node *n, const struct hr_scope *s, struct hr_datum *d, struct hr_err *e)
{
	return n->eval(n, s, d, e);
}

static int
give_null(const struct hr_node *n, struct hr_datum *d)
{
	d->type = n->type;
	d->null = true;
	return 0;
}

static int
give_bool(struct hr_datum *d, bool b)
{
	d->type = HR_TYPE_BOOL;
	d->null = false;
	d->b = b;
	return 0;
}

static int
out_of_range(const char *what, struct hr_err *e)
{
	return hr_fail(e, HR_REFUSED, "%s out of range", what);
}

enum { GOT_NULL = 2 };

/*
 * Both arguments: 0, 1 not sent, -1, or GOT_NULL with *d NULL when one is.  The
 * second is looked at in any case: what fails there fails.
 */
static int
both(const struct hr_node *n, const struct hr_scope *s, struct hr_datum *x, struct hr_datum *y,
    struct hr_datum *d, struct hr_err *e)
{
	int rx = run(n->arg[0], s, x, e), ry;

	if (rx < 0)
		return -1;
	ry = run(n->arg[1], s, y, e);
	if (ry < 0)
		return -1;
	if ((rx == 0 && x->null) || (ry == 0 && y->null)) {
		give_null(n, d);
		return GOT_NULL;
	}
	return rx | ry;
}

#define WITH_BOTH(x, y) do {							\
	int rc_ = both(n, s, (x), (y), d, e);					\
										\
	if (rc_)								\
		return rc_ == GOT_NULL ? 0 : rc_;				\
} while (0)

/* --- what is there --- */

int
hr_eval_const(const struct hr_node *n, const struct hr_scope *s, struct hr_datum *d, struct hr_err *e)
{
	(void)s;
	(void)e;
	*d = n->value;
	return 0;
}

int
hr_eval_var(const struct hr_node *n, const struct hr_scope *s, struct hr_datum *d, struct hr_err *e)
{
	(void)e;
	*d = s->var[n->column];
	d->type = n->type;
	return 0;
}

int
hr_eval_column(const struct hr_node *n, const struct hr_scope *s, struct hr_datum *d, struct hr_err *e)
{
	const struct hr_value *v = &s->row[n->column];

	if (v->len == HR_VALUE_UNCHANGED)
		return 1;
	if (hr_datum_read(d, n->type, v, s->m, e) < 0)
		return hr_within(e, "column '%s'", n->name);
	return 0;
}

/* --- arithmetic --- */

static int
int_fits(const struct hr_node *n, int64_t v, struct hr_datum *d, struct hr_err *e)
{
	if ((n->type == HR_TYPE_INT2 && v != (int16_t)v) || (n->type == HR_TYPE_INT4 && v != (int32_t)v))
		return out_of_range(hr_type_name(n->type), e);
	d->type = n->type;
	d->null = false;
	d->i = v;
	return 0;
}

int
hr_eval_int(const struct hr_node *n, const struct hr_scope *s, struct hr_datum *d, struct hr_err *e)
{
	struct hr_datum x, y;
	int64_t v;
	bool over = false;

	WITH_BOTH(&x, &y);
	switch (n->op) {
	case HR_NODE_ADD: over = __builtin_add_overflow(x.i, y.i, &v); break;
	case HR_NODE_SUB: over = __builtin_sub_overflow(x.i, y.i, &v); break;
	case HR_NODE_MUL: over = __builtin_mul_overflow(x.i, y.i, &v); break;
	default:
		if (y.i == 0)
			return hr_fail(e, HR_REFUSED, "division by zero");
		if (y.i == -1) {
			over = n->op == HR_NODE_DIV && __builtin_sub_overflow(0, x.i, &v);
			v = n->op == HR_NODE_DIV && !over ? -x.i : 0;
		} else {
			v = n->op == HR_NODE_DIV ? x.i / y.i : x.i % y.i;
		}
		break;
	}
	if (over)
		return out_of_range(hr_type_name(n->type), e);
	return int_fits(n, v, d, e);
}

int
hr_eval_float(const struct hr_node *n, const struct hr_scope *s, struct hr_datum *d, struct hr_err *e)
{
	struct hr_datum x, y;
	bool narrow = n->type == HR_TYPE_FLOAT4, product = n->op == HR_NODE_MUL || n->op == HR_NODE_DIV;
	double v;

	WITH_BOTH(&x, &y);
	if (n->op == HR_NODE_DIV && y.f == 0 && !isnan(x.f))
		return hr_fail(e, HR_REFUSED, "division by zero");
	v = n->op == HR_NODE_ADD ? x.f + y.f : n->op == HR_NODE_SUB ? x.f - y.f :
	    n->op == HR_NODE_MUL ? x.f * y.f : x.f / y.f;
	if (narrow)
		v = (double)(float)v;
	if (isinf(v) && !isinf(x.f) && !isinf(y.f))
		return hr_fail(e, HR_REFUSED, "value out of range: overflow");
	if (v == 0 && product && x.f != 0 && (n->op == HR_NODE_MUL ? y.f != 0 : !isinf(y.f)))
		return hr_fail(e, HR_REFUSED, "value out of range: underflow");
	*d = (struct hr_datum){ .type = n->type, .f = v };
	return 0;
}

int
hr_eval_numeric(const struct hr_node *n, const struct hr_scope *s, struct hr_datum *d, struct hr_err *e)
{
	struct hr_datum x, y;

	WITH_BOTH(&x, &y);
	d->type = n->type;
	d->null = false;
	switch (n->op) {
	case HR_NODE_ADD: return hr_numeric_add(&d->num, &x.num, &y.num, s->m, e);
	case HR_NODE_SUB: return hr_numeric_sub(&d->num, &x.num, &y.num, s->m, e);
	case HR_NODE_MUL: return hr_numeric_mul(&d->num, &x.num, &y.num, s->m, e);
	case HR_NODE_DIV: return hr_numeric_div(&d->num, &x.num, &y.num, s->m, e);
	default: return hr_numeric_mod(&d->num, &x.num, &y.num, s->m, e);
	}
}

int
hr_eval_neg(const struct hr_node *n, const struct hr_scope *s, struct hr_datum *d, struct hr_err *e)
{
	int rc = run(n->arg[0], s, d, e);
	int64_t v;

	if (rc || d->null)
		return rc;
	switch (hr_type_kind(n->type)) {
	case HR_KIND_FLOAT: d->f = -d->f; return 0;
	case HR_KIND_NUMERIC: hr_numeric_neg(&d->num, &d->num); return 0;
	case HR_KIND_INTERVAL: return hr_span_neg(&d->span) ? 0 : out_of_range("interval", e);
	default:
		if (__builtin_sub_overflow(0, d->i, &v))
			return out_of_range(hr_type_name(n->type), e);
		return int_fits(n, v, d, e);
	}
}

/* --- dates and times --- */

/* A date and days; the days are the second argument. */
int
hr_eval_date_days(const struct hr_node *n, const struct hr_scope *s, struct hr_datum *d, struct hr_err *e)
{
	struct hr_datum x, y;

	WITH_BOTH(&x, &y);
	*d = (struct hr_datum){ .type = HR_TYPE_DATE, .i = x.i };
	if (!hr_date_finite(x.i))
		return 0;
	d->i = n->op == HR_NODE_ADD ? x.i + y.i : x.i - y.i;
	return hr_date_valid(d->i) ? 0 : out_of_range("date", e);
}

int
hr_eval_date_between(const struct hr_node *n, const struct hr_scope *s, struct hr_datum *d, struct hr_err *e)
{
	struct hr_datum x, y;

	WITH_BOTH(&x, &y);
	if (!hr_date_finite(x.i) || !hr_date_finite(y.i))
		return hr_fail(e, HR_REFUSED, "cannot subtract infinite dates");
	return int_fits(n, x.i - y.i, d, e);
}

int
hr_eval_timestamp_span(const struct hr_node *n, const struct hr_scope *s, struct hr_datum *d, struct hr_err *e)
{
	struct hr_datum x, y;

	WITH_BOTH(&x, &y);
	*d = (struct hr_datum){ .type = n->type, .i = x.i };
	if (n->op == HR_NODE_SUB && !hr_span_neg(&y.span))
		return out_of_range("interval", e);
	return hr_timestamp_add(&d->i, &y.span) ? 0 : out_of_range("timestamp", e);
}

int
hr_eval_timestamp_between(const struct hr_node *n, const struct hr_scope *s, struct hr_datum *d,
    struct hr_err *e)
{
	struct hr_datum x, y;

	WITH_BOTH(&x, &y);
	if (!hr_timestamp_finite(x.i) || !hr_timestamp_finite(y.i))
		return hr_fail(e, HR_REFUSED, "cannot subtract infinite timestamps");
	if (__builtin_sub_overflow(x.i, y.i, &x.span.us))
		return out_of_range("interval", e);
	*d = (struct hr_datum){ .type = HR_TYPE_INTERVAL, .span = hr_span_of(x.span.us) };
	return 0;
}

/* What is more than a day, or less than none, goes round. */
int
hr_eval_time_span(const struct hr_node *n, const struct hr_scope *s, struct hr_datum *d, struct hr_err *e)
{
	struct hr_datum x, y;
	int64_t us;

	WITH_BOTH(&x, &y);
	us = (n->type == HR_TYPE_TIMETZ ? x.tz.us : x.i) +
	    (n->op == HR_NODE_ADD ? y.span.us % HR_DAY_US : -(y.span.us % HR_DAY_US));
	us %= HR_DAY_US;
	us += us < 0 ? HR_DAY_US : 0;
	*d = (struct hr_datum){ .type = n->type };
	if (n->type == HR_TYPE_TIMETZ) {
		d->tz.us = us;
		d->tz.west = x.tz.west;
	} else {
		d->i = us;
	}
	return 0;
}

int
hr_eval_time_between(const struct hr_node *n, const struct hr_scope *s, struct hr_datum *d, struct hr_err *e)
{
	struct hr_datum x, y;

	WITH_BOTH(&x, &y);
	*d = (struct hr_datum){ .type = HR_TYPE_INTERVAL, .span = { .us = x.i - y.i } };
	return 0;
}

int
hr_eval_spans(const struct hr_node *n, const struct hr_scope *s, struct hr_datum *d, struct hr_err *e)
{
	struct hr_datum x, y;
	bool good;

	WITH_BOTH(&x, &y);
	*d = x;
	if (n->op == HR_NODE_ADD)
		good = hr_span_add(&d->span, &y.span);
	else
		good = !__builtin_sub_overflow(x.span.months, y.span.months, &d->span.months) &&
		    !__builtin_sub_overflow(x.span.days, y.span.days, &d->span.days) &&
		    !__builtin_sub_overflow(x.span.us, y.span.us, &d->span.us);
	return good ? 0 : out_of_range("interval", e);
}

/* An interval and a float8, in this order. */
int
hr_eval_span_scaled(const struct hr_node *n, const struct hr_scope *s, struct hr_datum *d, struct hr_err *e)
{
	struct hr_datum x, y;

	WITH_BOTH(&x, &y);
	if (n->op == HR_NODE_DIV && y.f == 0)
		return hr_fail(e, HR_REFUSED, "division by zero");
	*d = x;
	if (!(n->op == HR_NODE_MUL ? hr_span_mul(&d->span, y.f) : hr_span_div(&d->span, y.f)))
		return out_of_range("interval", e);
	return 0;
}

/* date + time, the date made a timestamp before */
int
hr_eval_timestamp_time(const struct hr_node *n, const struct hr_scope *s, struct hr_datum *d, struct hr_err *e)
{
	struct hr_datum x, y;

	WITH_BOTH(&x, &y);
	*d = (struct hr_datum){ .type = n->type, .i = x.i };
	if (!hr_timestamp_finite(x.i))
		return 0;
	d->i += y.i;
	return hr_timestamp_valid(d->i) ? 0 : out_of_range("timestamp", e);
}

/* --- comparisons --- */

static inline bool
holds(enum hr_node_op op, int order)
{
	switch (op) {
	case HR_NODE_EQ: return order == 0;
	case HR_NODE_NE: return order != 0;
	case HR_NODE_LT: return order < 0;
	case HR_NODE_LE: return order <= 0;
	case HR_NODE_GT: return order > 0;
	default: return order >= 0;
	}
}

int
hr_eval_compare(const struct hr_node *n, const struct hr_scope *s, struct hr_datum *d, struct hr_err *e)
{
	struct hr_datum x, y;

	WITH_BOTH(&x, &y);
	return give_bool(d, holds(n->op, hr_datum_cmp(&x, &y)));
}

/* A column of integers, or of what is one, and a constant. */
int
hr_eval_int_const(const struct hr_node *n, const struct hr_scope *s, struct hr_datum *d, struct hr_err *e)
{
	const struct hr_node *column = n->arg[0];
	const struct hr_value *v = &s->row[column->column];
	int64_t i, with = n->arg[1]->value.i;

	if (HR_UNLIKELY(v->text || v->len != n->number))
		return hr_eval_compare(n, s, d, e);
	if (n->number == 4)
		i = (int32_t)hr_get_u32be(v->data);
	else if (n->number == 8)
		i = (int64_t)hr_get_u64be(v->data);
	else
		i = (int16_t)hr_get_u16be(v->data);
	return give_bool(d, holds(n->op, i < with ? -1 : i > with));
}

/* A column of text in which all bytes count is, or is not, a constant. */
int
hr_eval_text_const(const struct hr_node *n, const struct hr_scope *s, struct hr_datum *d, struct hr_err *e)
{
	const struct hr_value *v = &s->row[n->arg[0]->column];
	const struct hr_datum *with = &n->arg[1]->value;
	bool same;

	if (HR_UNLIKELY(v->len < 0))
		return hr_eval_compare(n, s, d, e);
	same = (size_t)v->len == with->s.n && memcmp(v->data, with->s.p, with->s.n) == 0;
	return give_bool(d, same == (n->op == HR_NODE_EQ));
}

static bool
same_jsonb(const struct hr_datum *x, const struct hr_datum *y, struct hr_scratch *m)
{
	return hr_document_equal((struct hr_document){ x->s.p, x->s.n }, (struct hr_document){ y->s.p, y->s.n }, m);
}

int
hr_eval_jsonb_equal(const struct hr_node *n, const struct hr_scope *s, struct hr_datum *d, struct hr_err *e)
{
	struct hr_datum x, y;

	WITH_BOTH(&x, &y);
	return give_bool(d, same_jsonb(&x, &y, s->m) == (n->op == HR_NODE_EQ));
}

/* NULL is a value like others here. */
int
hr_eval_distinct(const struct hr_node *n, const struct hr_scope *s, struct hr_datum *d, struct hr_err *e)
{
	struct hr_datum x, y;
	int rx = run(n->arg[0], s, &x, e), ry = rx < 0 ? -1 : run(n->arg[1], s, &y, e);
	bool distinct;

	if (rx || ry)
		return rx < 0 || ry < 0 ? -1 : 1;
	if (x.null || y.null)
		distinct = x.null != y.null;
	else if (x.type == HR_TYPE_JSONB)
		distinct = !same_jsonb(&x, &y, s->m);
	else
		distinct = hr_datum_cmp(&x, &y) != 0;
	return give_bool(d, distinct == (n->op == HR_NODE_DISTINCT));
}

/* --- logic --- */

/* What is not sent decides only when nothing else does. */
static int
junction(const struct hr_node *n, const struct hr_scope *s, struct hr_datum *d, bool decides, struct hr_err *e)
{
	bool any_null = false, unsent = false;
	int i, rc;

	for (i = 0; i < n->args; i++) {
		rc = run(n->arg[i], s, d, e);
		if (rc < 0)
			return -1;
		if (rc)
			unsent = true;
		else if (d->null)
			any_null = true;
		else if (d->b == decides)
			return 0;
	}
	if (unsent)
		return 1;
	if (any_null)
		return give_null(n, d);
	return give_bool(d, !decides);
}

int
hr_eval_and(const struct hr_node *n, const struct hr_scope *s, struct hr_datum *d, struct hr_err *e)
{
	return junction(n, s, d, false, e);
}

int
hr_eval_or(const struct hr_node *n, const struct hr_scope *s, struct hr_datum *d, struct hr_err *e)
{
	return junction(n, s, d, true, e);
}

int
hr_eval_not(const struct hr_node *n, const struct hr_scope *s, struct hr_datum *d, struct hr_err *e)
{
	int rc = run(n->arg[0], s, d, e);

	if (rc == 0 && !d->null)
		d->b = !d->b;
	return rc;
}

/* Of a column the bytes need not be looked at. */
int
hr_eval_is_null(const struct hr_node *n, const struct hr_scope *s, struct hr_datum *d, struct hr_err *e)
{
	bool null;
	int rc;

	if (n->arg[0]->op == HR_NODE_COLUMN) {
		null = s->row[n->arg[0]->column].len == HR_VALUE_NULL;
	} else {
		if ((rc = run(n->arg[0], s, d, e)) != 0)
			return rc;
		null = d->null;
	}
	return give_bool(d, null == (n->op == HR_NODE_IS_NULL));
}

int
hr_eval_is_bool(const struct hr_node *n, const struct hr_scope *s, struct hr_datum *d, struct hr_err *e)
{
	int rc = run(n->arg[0], s, d, e);

	if (rc)
		return rc;
	switch (n->op) {
	case HR_NODE_IS_TRUE: return give_bool(d, !d->null && d->b);
	case HR_NODE_NOT_TRUE: return give_bool(d, d->null || !d->b);
	case HR_NODE_IS_FALSE: return give_bool(d, !d->null && !d->b);
	case HR_NODE_NOT_FALSE: return give_bool(d, d->null || d->b);
	case HR_NODE_IS_UNKNOWN: return give_bool(d, d->null);
	default: return give_bool(d, !d->null);
	}
}

int
hr_eval_in(const struct hr_node *n, const struct hr_scope *s, struct hr_datum *d, struct hr_err *e)
{
	struct hr_datum x, y;
	bool any_null = false, unsent = false;
	int rc = run(n->arg[0], s, &x, e), i;

	if (rc)
		return rc;
	if (x.null)
		return give_null(n, d);
	for (i = 1; i < n->args; i++) {
		if ((rc = run(n->arg[i], s, &y, e)) < 0)
			return -1;
		if (rc)
			unsent = true;
		else if (y.null)
			any_null = true;
		else if (x.type == HR_TYPE_JSONB ? same_jsonb(&x, &y, s->m) : hr_datum_cmp(&x, &y) == 0)
			return give_bool(d, true);
	}
	return unsent ? 1 : any_null ? give_null(n, d) : give_bool(d, false);
}

int
hr_eval_in_list(const struct hr_node *n, const struct hr_scope *s, struct hr_datum *d, struct hr_err *e)
{
	const struct hr_in_list *list = n->more;
	struct hr_datum x;
	int rc = run(n->arg[0], s, &x, e), low = 0, high = list->n, order;

	if (rc)
		return rc;
	if (x.null)
		return give_null(n, d);
	while (low < high) {
		int middle = low + (high - low) / 2;

		order = hr_datum_cmp(&x, &list->value[middle]);
		if (order == 0)
			return give_bool(d, true);
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return list->has_null ? give_null(n, d) : give_bool(d, false);
}

int
hr_eval_case(const struct hr_node *n, const struct hr_scope *s, struct hr_datum *d, struct hr_err *e)
{
	int rc, i;

	for (i = 0; i + 1 < n->args; i += 2) {
		if ((rc = run(n->arg[i], s, d, e)) != 0)
			return rc;
		if (!d->null && d->b)
			return run(n->arg[i + 1], s, d, e);
	}
	return run(n->arg[i], s, d, e);
}

/* --- text --- */

/* number is the escape character, unless there is a third argument. */
int
hr_eval_like(const struct hr_node *n, const struct hr_scope *s, struct hr_datum *d, struct hr_err *e)
{
	struct hr_datum x, y, z;
	int escape = (int)n->number, rc;

	WITH_BOTH(&x, &y);
	if (n->args == 3) {
		if ((rc = run(n->arg[2], s, &z, e)) != 0)
			return rc;
		if (z.null)
			return give_null(n, d);
		if ((escape = hr_like_escape(z.s.p, z.s.n)) == -2)
			return hr_fail(e, HR_REFUSED, "invalid escape string: it must be empty or one character");
	}
	if (n->op == HR_NODE_ILIKE) {
		x.s.p = hr_utf8_case(x.s.p, &x.s.n, false, s->m);
		y.s.p = hr_utf8_case(y.s.p, &y.s.n, false, s->m);
	}
	rc = hr_like_match(x.s.p, x.s.n, y.s.p, y.s.n, escape, e);
	return rc < 0 ? -1 : give_bool(d, rc);
}

int
hr_eval_regex(const struct hr_node *n, const struct hr_scope *s, struct hr_datum *d, struct hr_err *e)
{
	int rc = run(n->arg[0], s, d, e);

	if (rc)
		return rc;
	if (d->null)
		return give_null(n, d);
	rc = hr_regex_match(n->more, d->s.p, d->s.n, s->m, e);
	return rc < 0 ? -1 : give_bool(d, rc);
}

int
hr_eval_concat(const struct hr_node *n, const struct hr_scope *s, struct hr_datum *d, struct hr_err *e)
{
	struct hr_datum x, y;
	uint8_t *p;

	WITH_BOTH(&x, &y);
	if (x.s.n + y.s.n > TEXT_MAX)
		return hr_fail(e, HR_REFUSED, "a text of more than %d bytes", TEXT_MAX);
	p = hr_scratch_take(s->m, x.s.n + y.s.n);
	if (x.s.n)
		memcpy(p, x.s.p, x.s.n);
	if (y.s.n)
		memcpy(p + x.s.n, y.s.p, y.s.n);
	*d = (struct hr_datum){ .type = n->type, .s = { p, x.s.n + y.s.n } };
	return 0;
}

/* concat(), concat_ws(): what is NULL is left out. number: is the first what stands between? */
int
hr_eval_concat_all(const struct hr_node *n, const struct hr_scope *s, struct hr_datum *d, struct hr_err *e)
{
	struct hr_datum x[HR_ARGS_MAX];
	size_t all = 0, between = 0;
	uint8_t *p;
	int i, rc, first = (int)n->number;
	bool any = false;

	for (i = 0; i < n->args; i++) {
		if ((rc = run(n->arg[i], s, &x[i], e)) != 0)
			return rc;
		if (i == 0 && first && x[0].null)
			return give_null(n, d);
		if (!x[i].null) {
			/* A boolean is t or f here, not true or false. */
			hr_datum_text(&x[i], &x[i], s->m);
			all += x[i].s.n;
		}
	}
	between = first ? x[0].s.n : 0;
	all += between * (size_t)n->args;
	if (all > TEXT_MAX)
		return hr_fail(e, HR_REFUSED, "a text of more than %d bytes", TEXT_MAX);
	p = hr_scratch_take(s->m, all);
	*d = (struct hr_datum){ .type = HR_TYPE_TEXT, .s = { p, 0 } };
	for (i = first; i < n->args; i++) {
		if (x[i].null)
			continue;
		if (any && between) {
			memcpy(p, x[0].s.p, between);
			p += between;
		}
		if (x[i].s.n)
			memcpy(p, x[i].s.p, x[i].s.n);
		p += x[i].s.n;
		any = true;
	}
	d->s.n = (size_t)(p - d->s.p);
	return 0;
}

/* --- json --- */

/* What was found, as -> or as ->> gives it. */
static int
give_found(const struct hr_node *n, int rc, struct hr_document found, bool as_text, struct hr_scratch *m,
    struct hr_datum *d, struct hr_err *e)
{
	if (rc > 0 && as_text)
		rc = hr_document_text(found, &found, m);
	if (rc < 0)
		return hr_fail(e, HR_REFUSED, "a json value that is no JSON, is deeper than can be read, or has an "
		    "escape that is no character");
	if (rc == 0)
		return give_null(n, d);
	*d = (struct hr_datum){ .type = n->type, .s = { found.p, found.n } };
	return 0;
}

int
hr_eval_arrow(const struct hr_node *n, const struct hr_scope *s, struct hr_datum *d, struct hr_err *e)
{
	struct hr_datum x, y;
	struct hr_document doc, found = { NULL, 0 };
	int rc;

	WITH_BOTH(&x, &y);
	doc = (struct hr_document){ x.s.p, x.s.n };
	if (hr_type_kind(y.type) == HR_KIND_INT && x.type == HR_TYPE_JSONB && (y.i == 0 || y.i == -1) &&
	    strchr("{[", hr_document_kind(doc)) == NULL) {
		/* To PostgreSQL such a jsonb is an array of one. */
		found = doc;
		rc = 1;
	} else if (hr_type_kind(y.type) == HR_KIND_INT)
		rc = hr_document_element(doc, y.i, &found);
	else
		rc = hr_document_member(doc, y.s.p, y.s.n, &found, s->m);
	return give_found(n, rc, found, n->op == HR_NODE_ARROW_TEXT, s->m, d, e);
}

int
hr_eval_path(const struct hr_node *n, const struct hr_scope *s, struct hr_datum *d, struct hr_err *e)
{
	const struct hr_json_path *path = n->more;
	struct hr_document doc;
	int rc = run(n->arg[0], s, d, e), i;

	if (rc)
		return rc;
	if (d->null)
		return give_null(n, d);
	doc = (struct hr_document){ d->s.p, d->s.n };
	for (i = 0, rc = 1; rc > 0 && i < path->n; i++)
		rc = hr_document_step(doc, path->step[i].p, path->step[i].n, &doc, s->m);
	return give_found(n, rc, doc, n->op == HR_NODE_PATH_TEXT, s->m, d, e);
}

int
hr_eval_has(const struct hr_node *n, const struct hr_scope *s, struct hr_datum *d, struct hr_err *e)
{
	struct hr_datum x, y;
	int rc;

	WITH_BOTH(&x, &y);
	rc = hr_document_has((struct hr_document){ x.s.p, x.s.n }, y.s.p, y.s.n, s->m);
	if (rc < 0)
		return hr_fail(e, HR_REFUSED, "a json value that is no JSON or is deeper than can be read");
	return give_bool(d, rc);
}

/* --- casts and calls --- */

int
hr_eval_cast(const struct hr_node *n, const struct hr_scope *s, struct hr_datum *d, struct hr_err *e)
{
	int rc = run(n->arg[0], s, d, e);

	return rc ? rc : hr_datum_cast(d, n->type, n->typmod, s->m, e);
}

/* A date beyond the last timestamp is after it, and before infinity. */
int
hr_eval_date_compared(const struct hr_node *n, const struct hr_scope *s, struct hr_datum *d, struct hr_err *e)
{
	int rc = run(n->arg[0], s, d, e);

	d->type = n->type;
	if (rc == 0 && !d->null && !hr_date_timestamp(d->i, &d->i))
		d->i = INT64_MAX - 1;
	return rc;
}

/* Text that goes into a column with a length; blanks at its end may be cut off. */
int
hr_eval_assign(const struct hr_node *n, const struct hr_scope *s, struct hr_datum *d, struct hr_err *e)
{
	int rc = run(n->arg[0], s, d, e);
	size_t most, i;

	if (rc || d->null) {
		d->type = n->type;
		return rc;
	}
	if (hr_datum_cast(d, n->type, -1, s->m, e) < 0)
		return -1;
	if (n->typmod < 4)
		return 0;
	most = hr_utf8_bytes(d->s.p, d->s.n, (size_t)(n->typmod - 4));
	for (i = most; i < d->s.n; i++)
		if (d->s.p[i] != ' ')
			return hr_fail(e, HR_REFUSED, "value too long for type %s(%d)", hr_type_name(n->type),
			    n->typmod - 4);
	return hr_datum_cast(d, n->type, n->typmod, s->m, e);
}

int
hr_eval_call(const struct hr_node *n, const struct hr_scope *s, struct hr_datum *d, struct hr_err *e)
{
	hr_call_fn *const *call = n->more;
	struct hr_datum arg[4];
	bool unsent = false, any_null = false;
	int i, rc;

	for (i = 0; i < n->args; i++) {
		if ((rc = run(n->arg[i], s, &arg[i], e)) < 0)
			return -1;
		if (rc)
			unsent = true;
		else if (arg[i].null)
			any_null = true;
	}
	if (any_null)
		return give_null(n, d);
	if (unsent)
		return 1;
	*d = (struct hr_datum){ .type = n->type };
	return (*call)(n, arg, d, s->m, e);
}

int
hr_eval_coalesce(const struct hr_node *n, const struct hr_scope *s, struct hr_datum *d, struct hr_err *e)
{
	int i, rc;

	for (i = 0; i < n->args; i++)
		if ((rc = run(n->arg[i], s, d, e)) != 0 || !d->null)
			return rc;
	return give_null(n, d);
}

/* number is 1 of GREATEST, -1 of LEAST. */
int
hr_eval_greatest(const struct hr_node *n, const struct hr_scope *s, struct hr_datum *d, struct hr_err *e)
{
	struct hr_datum x;
	bool unsent = false;
	int i, rc;

	give_null(n, d);
	for (i = 0; i < n->args; i++) {
		if ((rc = run(n->arg[i], s, &x, e)) < 0)
			return -1;
		if (rc)
			unsent = true;
		else if (!x.null && (d->null || hr_datum_cmp(&x, d) * n->number > 0))
			*d = x;
	}
	return unsent;
}

/* The first argument of the comparison that is its only one, or NULL. */
int
hr_eval_nullif(const struct hr_node *n, const struct hr_scope *s, struct hr_datum *d, struct hr_err *e)
{
	int rc = run(n->arg[0], s, d, e);

	if (rc)
		return rc;
	if (!d->null && d->b)
		return give_null(n, d);
	return run(n->arg[0]->arg[0], s, d, e);
}
