/* aggregate.c - rows into groups, and groups out. */

#include "base/hr.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/lsn.h"
#include "rule/aggregate.h"
#include "stream/value.h"

static void
init_groups(struct hr_aggregate *a, const struct hr_aggregate_spec *s)
{
	a->groups = (struct hr_groups){ .kind = a->plan.kind, .kinds = a->plan.outputs,
	    .max_memory = s->max_memory ? s->max_memory : HR_AGGREGATE_MEMORY, .max_file = s->max_spill };
	a->groups.dir = a->dir = hr_strdup(s->spill_dir);
}

struct hr_aggregate *
hr_aggregate_new(const struct hr_aggregate_spec *s, const struct hr_relation *source, hr_aggregate_fn *fn,
    void *arg, struct hr_err *e)
{
	struct hr_aggregate *a = hr_zalloc(sizeof(*a));

	if (hr_summary_init(&a->plan, s, source, e) < 0) {
		free(a);
		return NULL;
	}
	init_groups(a, s);
	a->emit = s->emit;
	a->late = s->late;
	a->interval_us = s->interval_us;
	a->fn = fn;
	a->arg = arg;
	a->time = a->next = HR_TIME_NOW;
	hr_taken_init(&a->taken[0], &a->plan);
	hr_taken_init(&a->taken[1], &a->plan);
	a->value = hr_zalloc((size_t)a->plan.relation->columns * sizeof(*a->value));
	a->start = hr_alloc(HR_WINDOWS_MAX * sizeof(*a->start));
	return a;
}

void
hr_aggregate_free(struct hr_aggregate *a)
{
	if (a == NULL)
		return;
	hr_groups_clear(&a->groups);
	free(a->dir);
	hr_summary_clear(&a->plan);
	hr_taken_clear(&a->taken[0]);
	hr_taken_clear(&a->taken[1]);
	free(a->value);
	free(a->start);
	hr_scratch_clear(&a->m);
	free(a);
}

int
hr_aggregate_relate(struct hr_aggregate *a, const struct hr_aggregate_spec *s, const struct hr_relation *source,
    struct hr_err *e)
{
	struct hr_summary p;

	if (hr_summary_init(&p, s, source, e) < 0)
		return -1;
	if (p.fingerprint != a->plan.fingerprint) {
		hr_fail(e, HR_REFUSED, "aggregation into '%s.%s': columns of '%s' that it reads have changed",
		    s->schema, s->table, p.source);
		hr_summary_clear(&p);
		return hr_hint(e, "remove its state and begin with a new copy of the table");
	}
	hr_summary_clear(&a->plan);
	a->plan = p;
	a->groups.kind = a->plan.kind;
	return 0;
}

void
hr_aggregate_reset(struct hr_aggregate *a)
{
	hr_groups_clear(&a->groups);
	a->lsn = a->reached = a->forgotten = 0;
	a->open = false;
	a->time = a->next = HR_TIME_NOW;
	a->emitted = a->late_rows = a->timeless_rows = 0;
}

const struct hr_relation *
hr_aggregate_relation(const struct hr_aggregate *a)
{
	return a->plan.relation;
}

hr_lsn
hr_aggregate_lsn(const struct hr_aggregate *a)
{
	return a->lsn;
}

void
hr_aggregate_begin(struct hr_aggregate *a, int64_t commit_time)
{
	a->commit_time = commit_time;
}

static int
within(const struct hr_aggregate *a, struct hr_err *e)
{
	return hr_within(e, "aggregation into '%s.%s'", a->plan.relation->schema, a->plan.relation->name);
}

/* --- rows in --- */

static bool
has_windows(const struct hr_aggregate *a)
{
	return a->plan.window.size_us != 0;
}

static int64_t
start_of(const struct hr_aggregate *a, const struct hr_group *g)
{
	return (int64_t)hr_get_u64le(hr_group_key(&a->groups, g));
}

static int64_t
closes(const struct hr_aggregate *a, const struct hr_group *g)
{
	return has_windows(a) ? hr_window_closes(&a->plan.window, start_of(a, g)) : HR_TIME_NEVER;
}

void
hr_aggregate_mark(struct hr_aggregate *a, struct hr_group *g, bool changed)
{
	int64_t closing = closes(a, g), due = HR_TIME_NOW;

	if (a->emit == HR_EMIT_WINDOW && closing > a->time)
		due = closing;
	if (changed && due < g->due)
		hr_groups_set_due(&a->groups, g, due);
	if (a->late == HR_LATE_AGAIN)
		closing = HR_TIME_NEVER;
	if (closing != g->expires && (changed || g->rows))
		hr_groups_set_expires(&a->groups, g, closing);
}

static int
lost(const struct hr_aggregate *a, struct hr_err *e)
{
	hr_fail(e, HR_REFUSED, "a row of '%s' went that never came", a->plan.source);
	return hr_hint(e, "was the aggregation begun without a copy of the table?");
}

/* Add the row to the group of the key, or take it away.  skip: outputs that do not see it, or NULL. */
static int
apply(struct hr_aggregate *a, struct hr_taken *t, int sign, const bool *skip, struct hr_err *e)
{
	struct hr_groups *all = &a->groups;
	struct hr_group *g = hr_groups_get(all, t->key.data, t->key.len, e);
	const struct hr_summary *p = &a->plan;
	int i;

	if (g == NULL)
		return -1;
	if (sign < 0 && g->rows == 0)
		return lost(a, e);
	hr_groups_touch(all, g);
	a->open = true;
	g->rows += sign;
	for (i = 0; i < p->outputs; i++) {
		if (t->argument[i].null || (skip && skip[i]))
			continue;
		if (sign > 0)
			hr_tally_add(&p->kind[i], &g->tally[i], &t->argument[i], &t->m, &all->used);
		else
			hr_tally_remove(&p->kind[i], &g->tally[i], &t->argument[i], &all->used);
	}
	hr_aggregate_mark(a, g, true);
	return 0;
}

/* The same in each window that it is in. */
static int
apply_windows(struct hr_aggregate *a, struct hr_taken *t, int sign, const bool *skip, struct hr_err *e)
{
	int64_t time = a->plan.by_commit ? a->commit_time : t->time;
	int n, i;
	bool late = false;

	if (!has_windows(a))
		return apply(a, t, sign, skip, e);
	n = t->timeless ? 0 : hr_window_starts(&a->plan.window, time, a->start);
	a->timeless_rows += n == 0;
	for (i = 0; i < n; i++) {
		if (a->late == HR_LATE_DROP && hr_window_closes(&a->plan.window, a->start[i]) <= a->time) {
			late = true;
			continue;
		}
		hr_set_u64le(t->key.data, (uint64_t)a->start[i]);
		if (apply(a, t, sign, skip, e) < 0)
			return -1;
	}
	a->late_rows += late;
	return 0;
}

int
hr_aggregate_add(struct hr_aggregate *a, const struct hr_value *row, const struct hr_datum *var, struct hr_err *e)
{
	struct hr_taken *t = &a->taken[0];

	a->rows++;
	if (hr_summary_take(&a->plan, row, var, t, e) < 0 || apply_windows(a, t, 1, NULL, e) < 0)
		return within(a, e);
	return 0;
}

/* Can a row go at all? */
static int
check_remove(const struct hr_aggregate *a, bool whole, const char *how, struct hr_err *e)
{
	const struct hr_summary *p = &a->plan;

	if (p->append_only) {
		hr_fail(e, HR_REFUSED, "a row of '%s' was %s, which is only inserted into by its rules", p->source, how);
		return hr_hint(e, "leave append_only out of them; min, max, distinct and windows by the time of the "
		    "commit cannot take a row back");
	}
	if (!whole && p->needs_whole) {
		hr_fail(e, HR_REFUSED, "a row of '%s' was %s, and its old values were not sent", p->source, how);
		return hr_hint(e, "ALTER TABLE %s REPLICA IDENTITY FULL", p->source);
	}
	return 0;
}

int
hr_aggregate_remove(struct hr_aggregate *a, const struct hr_value *row, bool whole, const struct hr_datum *var,
    struct hr_err *e)
{
	struct hr_taken *t = &a->taken[0];

	a->rows++;
	if (check_remove(a, whole, "deleted", e) < 0 || hr_summary_take(&a->plan, row, var, t, e) < 0 ||
	    apply_windows(a, t, -1, NULL, e) < 0)
		return within(a, e);
	return 0;
}

/* Which outputs do not see a difference; *all: none does. */
static bool
same_place(const struct hr_summary *p, const struct hr_taken *x, const struct hr_taken *y, bool *skip, bool *all)
{
	bool same = x->key.len == y->key.len && memcmp(x->key.data, y->key.data, x->key.len) == 0;
	int i;

	if (p->window.size_us && !p->by_commit)
		same &= x->timeless == y->timeless && (x->timeless || x->time == y->time);
	*all = same;
	for (i = 0; i < p->outputs && same; i++)
		*all &= skip[i] = hr_summary_same_argument(p, i, x, y);
	return same;
}

int
hr_aggregate_update(struct hr_aggregate *a, const struct hr_value *old, bool whole, const struct hr_value *row,
    const struct hr_datum *var, struct hr_err *e)
{
	bool skip[HR_AGGREGATE_OUTPUTS_MAX], same, all;

	a->rows++;
	if (!whole && check_remove(a, whole, "changed", e) < 0)
		return within(a, e);
	if (hr_summary_take(&a->plan, old, var, &a->taken[0], e) < 0 ||
	    hr_summary_take(&a->plan, row, var, &a->taken[1], e) < 0)
		return within(a, e);
	same = same_place(&a->plan, &a->taken[0], &a->taken[1], skip, &all);
	if (same && all)
		return 0;
	/* The new one first: the group does not become empty in between. */
	if (check_remove(a, whole, "changed", e) < 0 ||
	    apply_windows(a, &a->taken[1], 1, same ? skip : NULL, e) < 0 ||
	    apply_windows(a, &a->taken[0], -1, same ? skip : NULL, e) < 0)
		return within(a, e);
	return 0;
}

/* --- truncate --- */

struct truncation {
	struct hr_aggregate *a;
	const char *tenant;
};

static void
split_key(struct hr_aggregate *a, const struct hr_group *g)
{
	if (hr_tuple_decode(hr_group_key(&a->groups, g) + 8, g->key_len - 8, a->value, a->plan.groups) < 0)
		memset(a->value, 0, (size_t)a->plan.groups * sizeof(*a->value));
}

static bool
of_tenant(struct hr_aggregate *a, const struct hr_group *g, const char *tenant)
{
	const struct hr_column *c = &a->plan.relation->column[a->plan.tenant];
	const struct hr_value *v = &a->value[a->plan.tenant];
	struct hr_buf b = HR_BUF_INIT;
	bool same;

	split_key(a, g);
	if (v->len < 0)
		return false;
	if (v->text || !hr_value_format(&b, c->type, v))
		hr_buf_put(&b, v->data, (size_t)v->len);
	same = strcmp(hr_buf_text(&b), tenant) == 0;
	hr_buf_clear(&b);
	return same;
}

static int
empty_group(void *arg, struct hr_group *g, struct hr_err *e)
{
	const struct truncation *t = arg;
	struct hr_aggregate *a = t->a;
	int i;

	(void)e;
	if (g->rows == 0 || (t->tenant && !of_tenant(a, g, t->tenant)))
		return 0;
	if (a->late == HR_LATE_DROP && closes(a, g) <= a->time)
		return 0;
	hr_groups_touch(&a->groups, g);
	a->open = true;
	g->rows = 0;
	for (i = 0; i < a->plan.outputs; i++) {
		a->groups.used -= hr_tally_size(&a->plan.kind[i], &g->tally[i]);
		hr_tally_clear(&a->plan.kind[i], &g->tally[i]);
	}
	hr_aggregate_mark(a, g, true);
	return 0;
}

int
hr_aggregate_truncate(struct hr_aggregate *a, const char *tenant, struct hr_err *e)
{
	struct truncation t = { a, tenant };

	if (a->plan.append_only && check_remove(a, true, "truncated away", e) < 0)
		return within(a, e);
	if (tenant && a->plan.tenant < 0) {
		hr_fail(e, HR_REFUSED, "the rows of tenant '%s' in '%s' went, and groups are of several tenants",
		    tenant, a->plan.source);
		hr_hint(e, "group by the tenant's column too");
		return within(a, e);
	}
	return hr_groups_each(&a->groups, empty_group, &t, e) < 0 ? within(a, e) : 0;
}

/* --- rows out --- */

static void
put_time(struct hr_aggregate *a, struct hr_value *v, int64_t us)
{
	struct hr_datum d = { .type = HR_TYPE_TIMESTAMPTZ, .i = us };

	hr_datum_write(&d, false, v, &a->m);
}

static int
put_outputs(struct hr_aggregate *a, const struct hr_group *g, struct hr_value *v, struct hr_err *e)
{
	const struct hr_summary *p = &a->plan;
	const struct hr_relation *r = p->relation;
	struct hr_datum d;
	int i;

	for (i = 0; i < p->outputs; i++) {
		if (hr_tally_result(&p->kind[i], &g->tally[i], &d, &a->m, e) < 0)
			return hr_within(e, "column '%s'", r->column[r->columns - p->outputs + i].name);
		hr_datum_write(&d, d.type == HR_TYPE_OTHER, &v[i], &a->m);
	}
	return 0;
}

/* Hand its row out; 1 when there is nothing left of it to be known. */
static int
show(struct hr_aggregate *a, struct hr_group *g, hr_lsn lsn, struct hr_err *e)
{
	const struct hr_summary *p = &a->plan;
	struct hr_value *v = a->value + p->groups;
	enum hr_op op = g->rows ? HR_PUT : HR_DROP;
	int i;

	if (g->rows == 0 && !g->shown && g->lsn == 0)
		return 1;
	hr_scratch_reset(&a->m);
	split_key(a, g);
	if (has_windows(a)) {
		put_time(a, v++, start_of(a, g));
		put_time(a, v++, start_of(a, g) + p->window.size_us);
	}
	for (i = 0; i < p->outputs; i++)
		v[i] = (struct hr_value){ .data = NULL, .len = HR_VALUE_NULL };
	if (g->rows && put_outputs(a, g, v, e) < 0)
		return -1;
	hr_groups_touch(&a->groups, g);
	g->shown = op == HR_PUT;
	g->lsn = lsn;
	if (op == HR_DROP)
		hr_groups_set_expires(&a->groups, g, HR_TIME_NOW);
	a->emitted++;
	return a->fn(a->arg, op, a->value, p->relation->columns, e) < 0 ? -1 : 0;
}

static int
show_due(void *arg, struct hr_group *g, struct hr_err *e)
{
	struct hr_aggregate *a = arg;

	return show(a, g, a->reached, e);
}

int
hr_aggregate_commit(struct hr_aggregate *a, hr_lsn end, struct hr_err *e)
{
	a->reached = end > a->reached ? end : a->reached;
	if (a->emit == HR_EMIT_CHANGE && hr_groups_each_due(&a->groups, HR_TIME_NOW, show_due, a, e) < 0)
		return within(a, e);
	return 0;
}

/* Intervals are counted from the same time whenever it was begun. */
static bool
is_time(struct hr_aggregate *a)
{
	if (a->emit != HR_EMIT_INTERVAL)
		return true;
	if (a->time < a->next)
		return false;
	if (__builtin_add_overflow(a->time - a->time % a->interval_us, a->interval_us, &a->next))
		a->next = HR_TIME_NEVER;
	return true;
}

int
hr_aggregate_watermark(struct hr_aggregate *a, hr_lsn lsn, int64_t time, struct hr_err *e)
{
	a->lsn = lsn > a->lsn ? lsn : a->lsn;
	a->reached = lsn > a->reached ? lsn : a->reached;
	a->open = false;
	if (time && time > a->time)
		a->time = time;
	if (!is_time(a))
		return 0;
	return hr_groups_each_due(&a->groups, a->time, show_due, a, e) < 0 ? within(a, e) : 0;
}

/* --- what the target has --- */

struct position {
	struct hr_aggregate *a;
	hr_lsn lsn, until;
};

static int
show_behind(void *arg, struct hr_group *g, struct hr_err *e)
{
	const struct position *p = arg;

	if (g->lsn <= p->lsn || g->lsn > p->until)
		return 0;
	return show(p->a, g, g->lsn, e) < 0 ? -1 : 0;
}

int
hr_aggregate_has(const struct hr_aggregate *a, hr_lsn lsn, struct hr_err *e)
{
	if (lsn >= a->forgotten)
		return 0;
	hr_fail(e, HR_REFUSED, "the target is at %s, and what it had at %s was forgotten", HR_LSN(lsn), HR_LSN(a->forgotten));
	hr_hint(e, "was it put back to an older state? remove the aggregation's state and begin with a copy");
	return within(a, e);
}

int
hr_aggregate_again(struct hr_aggregate *a, hr_lsn since, hr_lsn until, struct hr_err *e)
{
	struct position p = { a, since, until };

	return hr_groups_each(&a->groups, show_behind, &p, e) < 0 ? within(a, e) : 0;
}

static int
forget(void *arg, struct hr_group *g, struct hr_err *e)
{
	const struct position *p = arg;
	struct hr_aggregate *a = p->a;

	(void)e;
	if (g->due != HR_TIME_NEVER || g->lsn > p->lsn || g->expires > a->time)
		return 0;
	if (g->lsn > a->forgotten)
		a->forgotten = g->lsn;
	return 1;
}

int
hr_aggregate_forget(struct hr_aggregate *a, hr_lsn lsn, struct hr_err *e)
{
	struct position p = { .a = a, .lsn = lsn };

	return hr_groups_each_expired(&a->groups, a->time, forget, &p, e) < 0 ? within(a, e) : 0;
}
