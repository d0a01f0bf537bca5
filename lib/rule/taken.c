/* taken.c - what a row is for an aggregation. */

#include "base/hr.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "rule/summary.h"
#include "rule/same.h"

#define KEY_START	8	/* the window's, before the tuple */

void
hr_taken_init(struct hr_taken *t, const struct hr_summary *p)
{
	*t = (struct hr_taken){ .time = 0 };
	t->argument = hr_zalloc((size_t)p->outputs * sizeof(*t->argument));
}

void
hr_taken_clear(struct hr_taken *t)
{
	hr_buf_clear(&t->key);
	free(t->argument);
	hr_scratch_clear(&t->m);
	*t = (struct hr_taken){ .time = 0 };
}

static int
not_sent(const struct hr_summary *p, struct hr_err *e)
{
	hr_fail(e, HR_REFUSED, "a value of '%s' that an aggregation needs was not sent, as it had not changed",
	    p->source);
	return hr_hint(e, "ALTER TABLE %s REPLICA IDENTITY FULL", p->source);
}

static int
take_value(const struct hr_summary *p, const struct hr_summary_value *v, const struct hr_scope *s, struct hr_datum *d,
    struct hr_err *e)
{
	int rc;

	if (v->column < 0) {
		rc = hr_expr_eval(v->expr, s, d, e);
		return rc == 1 ? not_sent(p, e) : rc;
	}
	if (s->row[v->column].len == HR_VALUE_UNCHANGED)
		return not_sent(p, e);
	return hr_datum_read(d, v->type, &s->row[v->column], s->m, e);
}

static int
take_group(const struct hr_summary *p, const struct hr_summary_value *v, const struct hr_scope *s, struct hr_buf *key,
    struct hr_err *e)
{
	const struct hr_value *raw = v->column >= 0 ? &s->row[v->column] : NULL;
	struct hr_datum d;
	struct hr_value same;

	if (raw == NULL || !v->as_is || raw->text || raw->len == HR_VALUE_UNCHANGED) {
		if (take_value(p, v, s, &d, e) < 0)
			return -1;
		hr_same_write(&d, v->typmod, &same, s->m);
		raw = &same;
	}
	hr_buf_need(key, hr_value_size(raw));
	key->len = (size_t)(hr_value_put(key->data + key->len, raw) - key->data);
	return 0;
}

static int
take_time(const struct hr_summary *p, const struct hr_scope *s, struct hr_taken *t, struct hr_err *e)
{
	struct hr_datum d;

	if (take_value(p, &p->by, s, &d, e) < 0)
		return -1;
	t->timeless = d.null;
	if (d.null)
		return 0;
	t->time = d.i;
	if (hr_type_kind(d.type) == HR_KIND_DATE && !hr_date_timestamp(d.i, &t->time))
		return hr_fail(e, HR_REFUSED, "date out of range for timestamp");
	return 0;
}

/* What does not count is NULL, and count(*) counts what is not. */
static int
take_argument(const struct hr_summary *p, int i, const struct hr_scope *s, struct hr_datum *d, struct hr_err *e)
{
	enum hr_truth truth = HR_TRUE;
	int rc;

	if (p->filter[i]) {
		rc = hr_expr_test(p->filter[i], s, &truth, e);
		if (rc)
			return rc == 1 ? not_sent(p, e) : rc;
	}
	if (truth != HR_TRUE || (p->argument[i].column < 0 && p->argument[i].expr == NULL)) {
		*d = (struct hr_datum){ .type = HR_TYPE_BOOL, .null = truth != HR_TRUE };
		return 0;
	}
	return take_value(p, &p->argument[i], s, d, e);
}

int
hr_summary_take(const struct hr_summary *p, const struct hr_value *row, const struct hr_datum *var, struct hr_taken *t,
    struct hr_err *e)
{
	struct hr_scope s = { row, var, &t->m };
	int i;

	hr_scratch_reset(&t->m);
	hr_buf_reset(&t->key);
	hr_buf_u64le(&t->key, 0);
	hr_buf_u16be(&t->key, (uint16_t)p->groups);
	for (i = 0; i < p->groups; i++)
		if (take_group(p, &p->group[i], &s, &t->key, e) < 0)
			return hr_within(e, "column '%s'", p->relation->column[i].name);
	t->timeless = false;
	if (p->window.size_us && !p->by_commit && take_time(p, &s, t, e) < 0)
		return hr_within(e, "the window's time");
	for (i = 0; i < p->outputs; i++)
		if (take_argument(p, i, &s, &t->argument[i], e) < 0)
			return hr_within(e, "column '%s'",
			    p->relation->column[p->relation->columns - p->outputs + i].name);
	return 0;
}

bool
hr_summary_same_argument(const struct hr_summary *p, int output, const struct hr_taken *x, const struct hr_taken *y)
{
	const struct hr_datum *a = &x->argument[output], *b = &y->argument[output];

	if (a->null || b->null)
		return a->null == b->null;
	if (p->kind[output].way == HR_TALLY_COUNT)
		return true;
	return a->type == b->type && hr_datum_cmp(a, b) == 0 &&
	    (a->type != HR_TYPE_NUMERIC || a->num.scale == b->num.scale);
}

bool
hr_summary_key_valid(const struct hr_summary *p, const uint8_t *key, size_t len)
{
	struct hr_value v[HR_AGGREGATE_OUTPUTS_MAX];
	struct hr_cur c;
	int64_t start;
	int i;

	if (len < KEY_START)
		return false;
	start = (int64_t)hr_get_u64le(key);
	if (p->window.size_us ? !hr_timestamp_valid(start) || start > INT64_MAX - p->window.size_us : start != 0)
		return false;
	c = hr_cur(key + KEY_START, len - KEY_START);
	if (hr_tuple_skip(&c) != len - KEY_START ||
	    hr_tuple_decode(key + KEY_START, len - KEY_START, v, HR_AGGREGATE_OUTPUTS_MAX) != p->groups)
		return false;
	for (i = 0; i < p->groups; i++)
		if (v[i].len < HR_VALUE_NULL || (v[i].text && p->group[i].type != HR_TYPE_OTHER))
			return false;
	return true;
}
