/* aggregates.c - what is made of tables, between the frames of a stream. */

#include "base/hr.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/lsn.h"
#include "rule/aggregates.h"
#include "stream/relation.h"
#include "stream/value.h"

#define FIRST_RELATION	0xF0000000u	/* numbers of tables that are made: no source has got so far */
#define APART_US	1000000		/* between watermarks, at the least */

static void
free_gathered(void *value)
{
	struct hr_gathered *t = value;
	size_t i;

	for (i = 0; i < t->n; i++) {
		hr_aggregate_free(t->made[i].a);
		free(t->made[i].path);
		free(t->made[i].name);
	}
	free(t->made);
	free(t->source);
	free(t->tenant);
	free(t->path);
	hr_buf_clear(&t->relation);
	free(t);
}

static void
free_recalled(struct hr_aggregates *g)
{
	size_t i;

	for (i = 0; i < g->recalls; i++)
		free(g->recalled[i]);
	free(g->recalled);
	g->recalled = NULL;
	g->recalls = 0;
}

void
hr_aggregates_clear(struct hr_aggregates *g)
{
	hr_map_clear(&g->tables, free_gathered);
	hr_tenant_rows_clear(&g->out);
	free_recalled(g);
	hr_state_position_clear(&g->position);
	if (g->lock > 0)
		close(g->lock);
	free(g->stream);
	*g = (struct hr_aggregates)HR_AGGREGATES_INIT;
}

/* Call f for each table that is made, until it does not give 0. */
static int
each(struct hr_aggregates *g, int (*f)(struct hr_made *m, void *arg, struct hr_err *e), void *arg, struct hr_err *e)
{
	size_t i, k;

	for (i = 0; i < g->tables.slots; i++) {
		struct hr_gathered *t = g->tables.slot[i].key ? g->tables.slot[i].value : NULL;

		for (k = 0; t && k < t->n; k++)
			if (f(&t->made[k], arg, e) < 0)
				return -1;
	}
	return 0;
}

/* --- a stream begins --- */

/* More may be made at an LSN that the target has, by a later time: it has all up to here. */
static hr_lsn
before(hr_lsn lsn)
{
	return lsn ? lsn - 1 : 0;
}

/* How far the furthest state is. */
static hr_lsn
furthest(const struct hr_state_position *p)
{
	hr_lsn lsn = p->lsn;
	size_t i;

	for (i = 0; i < p->states.slots; i++)
		if (p->states.slot[i].key && p->states.slot[i].value && *(hr_lsn *)p->states.slot[i].value > lsn)
			lsn = *(hr_lsn *)p->states.slot[i].value;
	return lsn;
}

/* A source that took over may not have what another one had. */
static int
check_timeline(const struct hr_aggregates *g, const struct hr_head *h, struct hr_err *e)
{
	const struct hr_state_position *p = &g->position;

	if (h->timeline == p->timeline || (h->timeline > p->timeline && furthest(p) <= h->timeline_begin))
		return 0;
	hr_fail(e, HR_REFUSED, "the states in '%s' go up to %s on timeline %" PRIu32 ", and the stream is of timeline %" PRIu32
	    ", which left it at %s", g->dir, HR_LSN(furthest(p)), p->timeline, h->timeline, HR_LSN(h->timeline_begin));
	return hr_hint(e, "they have what this source has not: remove them and begin with a first copy");
}

static int
check_start(struct hr_aggregates *g, const struct hr_head *h, struct hr_err *e)
{
	const struct hr_state_position *p = &g->position;

	g->anew = h->copy && strcmp(h->copy, "first") == 0;
	g->waits = h->copy && !g->anew && !p->there;
	if (g->anew && p->there && h->start < p->lsn) {
		hr_fail(e, HR_REFUSED, "a first copy of %s comes, and the states in '%s' go up to %s", HR_LSN(h->start), g->dir,
		    HR_LSN(p->lsn));
		return hr_hint(e, "is it a stream that was recorded? else remove them");
	}
	if (!p->there && p->lost && h->copy == NULL) {
		hr_fail(e, HR_IO, "there are states in '%s', and not the file that says how far they go", g->dir);
		return hr_hint(e, "put 'position' back, or remove the directory and begin with a first copy");
	}
	if (g->anew || !p->there)
		return 0;
	if (check_timeline(g, h, e) < 0)
		return -1;
	if (h->start <= p->lsn)
		return 0;
	hr_fail(e, HR_REFUSED, "the stream begins at %s, and the states in '%s' end at %s: what is between is lost",
	    HR_LSN(h->start), g->dir, HR_LSN(p->lsn));
	return hr_hint(e, "were they put back from an older copy? remove them and begin with a first copy");
}

int
hr_aggregates_begin(struct hr_aggregates *g, const struct hr_head *h, struct hr_err *e)
{
	free(g->stream);
	g->stream = hr_state_dir_stream(h);
	g->start = h->start;
	/* What was made when only the time went on has the LSN of a watermark that the target may have had before. */
	g->shown = before(h->start);
	g->some = h->tenants > 0;
	if (g->dir == NULL)
		return 0;
	if ((g->lock = hr_state_dir_open(g->dir, e)) < 0 || hr_state_dir_position(g->dir, g->stream, &g->position, e) < 0 ||
	    check_start(g, h, e) < 0)
		return -1;
	free_recalled(g);
	if (hr_state_dir_tables(g->dir, g->anew || g->waits || !g->position.there, &g->recalled, &g->recalls, e) < 0)
		return -1;
	if (g->anew || !g->position.there) {
		hr_state_position_clear(&g->position);
		g->position.lsn = h->start;
	}
	/* From here on it says whose it is. */
	g->position.there = true;
	g->position.timeline = h->timeline;
	return g->waits ? 0 : hr_state_dir_set_position(g->dir, g->stream, &g->position, e);
}

int
hr_aggregates_recall(struct hr_aggregates *g, size_t *i, struct hr_buf *relation, struct hr_err *e)
{
	if (*i >= g->recalls)
		return 0;
	return hr_state_dir_table(g->recalled[(*i)++], relation, NULL, e) < 0 ? -1 : 1;
}

/* --- tables --- */

struct hr_gathered *
hr_aggregates_of(const struct hr_aggregates *g, uint32_t relation)
{
	uint8_t key[4];

	hr_set_u32le(key, relation);
	return hr_map_get(&g->tables, key, sizeof(key));
}

/* What the target is known to have; 0: nothing is known. */
static int
target_has(struct hr_aggregates *g, hr_lsn *lsn, struct hr_err *e)
{
	*lsn = 0;
	return g->durable ? g->durable(g->arg, lsn, e) : 0;
}

static int
emit(void *arg, enum hr_op op, const struct hr_value *value, int n, struct hr_err *e);

/* The spec of a rule, which lends its parts; groups and outputs are the caller's to free. */
static struct hr_aggregate_spec
spec_of(const struct hr_rule_aggregate *r, const char *schema, const struct hr_plan *plan, uint32_t relation)
{
	struct hr_aggregate_group *group = hr_zalloc((r->groups + 1) * sizeof(*group));
	struct hr_aggregate_output *output = hr_zalloc((r->outputs + 1) * sizeof(*output));
	const char *dot = strchr(r->into, '.');
	size_t i;

	for (i = 0; i < r->groups; i++)
		group[i] = (struct hr_aggregate_group){ r->group[i].name, r->group[i].expr };
	for (i = 0; i < r->outputs; i++)
		output[i] = (struct hr_aggregate_output){ r->output[i].name,
		    (enum hr_aggregate_function)r->output[i].function, r->output[i].expr, r->output[i].filter };
	return (struct hr_aggregate_spec){
		.schema = schema, .table = dot ? dot + 1 : r->into, .relation = relation, .group = group,
		.groups = (int)r->groups, .output = output, .outputs = (int)r->outputs,
		.window = { r->size_us, r->slide_us, r->lateness_us }, .window_by = r->by, .emit = r->emit,
		.interval_us = r->every_us, .late = r->late, .append_only = r->append_only, .rules = plan->rules,
	};
}

static char *
schema_of(const struct hr_rule_aggregate *r, const struct hr_plan *plan)
{
	const char *dot = strchr(r->into, '.');

	return dot ? hr_sprintf("%.*s", (int)(dot - r->into), r->into) : hr_strdup(plan->in->schema);
}

/* A delete that goes to everybody says nothing of the group of a tenant. */
static int
check_tenant(const struct hr_plan *plan, const struct hr_made *m, struct hr_err *e)
{
	if (m->a->plan.tenant < 0 || m->rule->append_only || hr_plan_says_whose(plan->in))
		return 0;
	hr_fail(e, HR_CONFIG, "deletes of %s do not say whose rows they were, and rows are grouped by the tenant", m->of->source);
	return hr_hint(e, plan->in->tenancy == 'c' ? "ALTER TABLE %s REPLICA IDENTITY FULL, or say that it is only inserted into" :
	    "say that %s is only inserted into, or group by something else", m->of->source);
}

/* Another one is made under the same name. */
static int
check_name(struct hr_made *m, void *arg, struct hr_err *e)
{
	const struct hr_made *new = arg;
	const struct hr_relation *r = m->a ? hr_aggregate_relation(m->a) : NULL, *made = hr_aggregate_relation(new->a);

	if (r == NULL || m == new || strcmp(r->schema, made->schema) != 0 || strcmp(r->name, made->name) != 0)
		return 0;
	if (m->of == new->of || strcmp(m->of->source, new->of->source) != 0)
		return hr_fail(e, HR_CONFIG, "rows of %s and of %s are aggregated into one table, %s.%s", m->of->source,
		    new->of->source, r->schema, r->name);
	hr_fail(e, HR_REFUSED, "table %s is another one than before, and what was made of its rows is not taken back",
	    m->of->source);
	return hr_hint(e, "remove the states, empty %s.%s at the target, and begin with a first copy", r->schema, r->name);
}

/* Go on with the state that there is. */
static int
load(struct hr_aggregates *g, struct hr_made *m, struct hr_err *e)
{
	const struct hr_relation *made = hr_aggregate_relation(m->a);
	hr_lsn has, least;
	int rc;

	m->path = hr_state_dir_path(g->dir, made->schema, made->name, ".state");
	m->name = hr_sprintf("%s.%s", made->schema, made->name);
	if (g->anew || g->waits)
		return 0;
	least = hr_state_position_of(&g->position, m->name);
	if ((rc = hr_aggregate_load(m->a, m->path, e)) < 0 || target_has(g, &has, e) < 0)
		return -1;
	if (rc == 0)
		hr_log(HR_LOG_WARNING, "aggregation into %s.%s begins without a first copy: rows that %s has now are not in it",
		    made->schema, made->name, m->of->source);
	if ((rc == 0 && least) || m->a->lsn < least) {
		hr_fail(e, HR_REFUSED, "the state in '%s' was saved at %s, and %s", m->path, HR_LSN(least),
		    rc ? "is an older one" : "is not there");
		return hr_hint(e, "put it back, or remove the directory and begin with a first copy");
	}
	if (m->a->lsn < g->position.lsn)
		m->a->lsn = g->position.lsn;
	if (rc == 0)
		return 0;
	/* A stream begins where the target is, or further back; a checkpoint lags behind it. */
	if (has && hr_aggregate_has(m->a, has > g->start ? has : g->start, e) < 0)
		return -1;
	return hr_aggregate_forget(m->a, before(g->durable ? has : g->start), e);
}

static int
make(struct hr_aggregates *g, struct hr_made *m, const struct hr_rules *rules,
    const struct hr_plan *plan, struct hr_err *e)
{
	char *schema = schema_of(m->rule, plan);
	uint32_t relation = m->a ? hr_aggregate_relation(m->a)->id : FIRST_RELATION + (uint32_t)g->count;
	struct hr_aggregate_spec s = spec_of(m->rule, schema, plan, relation);
	int rc = 0;

	if (m->a)
		rc = hr_aggregate_relate(m->a, &s, plan->all, e);
	else if ((m->a = hr_aggregate_new(&s, plan->all, emit, m, e)) == NULL)
		rc = -1;
	else {
		g->count++;
		rc = each(g, check_name, m, e);
		if (rc == 0 && g->dir)
			rc = load(g, m, e);
	}
	if (rc == 0)
		rc = check_tenant(plan, m, e);
	free((void *)(uintptr_t)s.group);
	free((void *)(uintptr_t)s.output);
	free(schema);
	return rc < 0 && e->code == HR_CONFIG ? hr_rules_at(rules, m->rule->place, e) : rc;
}

static int
write_relation(struct hr_pipe *p, const struct hr_relation *r, hr_lsn lsn, struct hr_err *e)
{
	struct hr_buf b = HR_BUF_INIT;
	struct hr_frame f = { .type = HR_FRAME_RELATION, .flags = HR_MUST | HR_ALL, .tenant = "", .lsn = lsn };
	int rc;

	hr_relation_encode(r, &b);
	f.data = b.data;
	f.len = (uint32_t)b.len;
	rc = p->out < 0 ? 0 : hr_write(&p->w, &f, e);
	hr_buf_clear(&b);
	return rc;
}

static struct hr_gathered *
new_gathered(struct hr_aggregates *g, const struct hr_rules *rules, const struct hr_plan *plan)
{
	struct hr_gathered *t = hr_zalloc(sizeof(*t));
	size_t i, k;

	t->all = g;
	t->source = hr_sprintf("%s.%s", plan->in->schema, plan->in->name);
	for (i = 0; i < rules->rules; i++)
		for (k = 0; hr_names_match(&rules->rule[i].tables, t->source) && k < rules->rule[i].aggregates; k++) {
			t->made = hr_realloc(t->made, t->n + 1, sizeof(*t->made));
			t->made[t->n++] = (struct hr_made){ .of = t, .rule = &rules->rule[i].aggregate[k] };
		}
	return t;
}

/* Whose rows a table has, where it is one's: as it was known before. */
static int
recall_tenant(struct hr_aggregates *g, struct hr_gathered *t, struct hr_err *e)
{
	struct hr_buf b = HR_BUF_INIT;
	int rc = 0;

	if (!g->anew && access(t->path, F_OK) == 0)
		rc = hr_state_dir_table(t->path, &b, &t->tenant, e);
	hr_buf_clear(&b);
	return rc;
}

static int
save_table(struct hr_gathered *t, struct hr_err *e)
{
	if (t->changed && hr_state_dir_set_table(t->path, &t->relation, t->tenant, e) < 0)
		return -1;
	t->changed = false;
	return 0;
}

int
hr_aggregates_table(struct hr_aggregates *g, const struct hr_rules *rules, const struct hr_plan *plan,
    struct hr_pipe *p, const struct hr_frame *f, struct hr_err *e)
{
	struct hr_gathered *t = hr_aggregates_of(g, plan->in->id);
	uint8_t key[4];
	size_t i;

	if (plan->in->id >= FIRST_RELATION && rules->aggregates)
		return hr_fail(e, HR_REFUSED, "table %s.%s has a number that aggregated ones have", plan->in->schema, plan->in->name);
	if (!plan->gathers && t) {
		hr_fail(e, HR_REFUSED, "table %s.%s was %s, and is not aggregated by that name", plan->in->schema, plan->in->name,
		    t->source);
		return hr_hint(e, "let the rules name it as it is called now, and begin with a first copy");
	}
	if (!plan->gathers)
		return 0;
	if (t == NULL) {
		t = new_gathered(g, rules, plan);
		hr_set_u32le(key, plan->in->id);
		*hr_map_at(&g->tables, key, sizeof(key)) = t;
		if (g->dir) {
			t->path = hr_state_dir_path(g->dir, plan->in->schema, plan->in->name, ".relation");
			if (recall_tenant(g, t, e) < 0)
				return -1;
		}
	}
	if (t->relation.len != f->len || memcmp(t->relation.data, f->data, f->len) != 0) {
		hr_buf_reset(&t->relation);
		hr_buf_put(&t->relation, f->data, f->len);
		t->changed = true;
	}
	t->ones = plan->in->tenancy == 's' || plan->in->tenancy == 'd';
	t->mixed = hr_relation_mixed(plan->in);
	for (i = 0; i < t->n; i++)
		if (make(g, &t->made[i], rules, plan, e) < 0 ||
		    write_relation(p, hr_aggregate_relation(t->made[i].a), g->shown, e) < 0)
			return -1;
	return 0;
}

void
hr_aggregates_describe(const struct hr_aggregates *g, uint32_t relation, struct hr_buf *out)
{
	const struct hr_gathered *t = hr_aggregates_of(g, relation);
	size_t i;
	int c;

	for (i = 0; t && i < t->n; i++) {
		const struct hr_relation *r = hr_aggregate_relation(t->made[i].a);

		hr_buf_printf(out, "\taggregated\tinto %s.%s (", r->schema, r->name);
		for (c = 0; c < r->columns; c++)
			hr_buf_printf(out, "%s%s %s", c ? ", " : "", r->column[c].name, r->column[c].type_name);
		hr_buf_puts(out, "), unique by");
		for (c = 0; c < r->columns; c++)
			if (r->column[c].key)
				hr_buf_printf(out, "%s %s", c ? "," : "", r->column[c].name);
		hr_buf_puts(out, "\n");
	}
}

/* --- rows in --- */

/* Whose rows a table has that is one tenant's. */
static int
set_tenant(struct hr_gathered *t, const struct hr_frame *f, struct hr_err *e)
{
	if (!t->ones || f->tenant_len == 0)
		return 0;
	if (t->tenant && strlen(t->tenant) == f->tenant_len && memcmp(t->tenant, f->tenant, f->tenant_len) == 0)
		return 0;
	if (t->tenant) {
		hr_fail(e, HR_REFUSED, "rows of %s are of another tenant than before", t->source);
		return hr_hint(e, "remove the states and begin with a first copy");
	}
	t->tenant = hr_sprintf("%.*s", (int)f->tenant_len, f->tenant);
	t->changed = true;
	return 0;
}

/* Is it in the state already, or of before the copy that comes? */
static bool
is_in(const struct hr_made *m, const struct hr_gather *w)
{
	return m->of->all->waits || w->commit < hr_aggregate_lsn(m->a);
}

/* In a stream of some tenants what goes may be another one's. */
static int
check_ours(const struct hr_gathered *t, const struct hr_gather *w, struct hr_err *e)
{
	size_t i;

	for (i = 0; i < t->n; i++)
		if (!is_in(&t->made[i], w)) {
			hr_fail(e, HR_REFUSED, "a row of %s went that may be one of another tenant, which the stream is not of", t->source);
			return hr_hint(e, "ALTER TABLE %s REPLICA IDENTITY FULL, or say that it is only inserted into", t->source);
		}
	return 0;
}

int
hr_gather_row(struct hr_gathered *t, const struct hr_gather *w, const struct hr_value *old, bool whole,
    const struct hr_value *row, struct hr_err *e)
{
	size_t i;
	int rc = 0;

	if (t->all->dir == NULL)
		return 0;
	if (set_tenant(t, w->f, e) < 0)
		return -1;
	if (old && t->all->some && t->mixed && w->f->tenant_len == 0 && check_ours(t, w, e) < 0)
		return -1;
	for (i = 0; i < t->n && rc == 0; i++) {
		struct hr_made *m = &t->made[i];

		if (is_in(m, w))
			continue;
		m->changed = true;
		hr_aggregate_begin(m->a, w->time);
		rc = old && row ? hr_aggregate_update(m->a, old, whole, row, w->var, e) :
		    old ? hr_aggregate_remove(m->a, old, whole, w->var, e) : hr_aggregate_add(m->a, row, w->var, e);
	}
	return rc;
}

int
hr_gather_truncate(struct hr_gathered *t, const struct hr_gather *w, struct hr_err *e)
{
	char tenant[HR_TENANT_MAX + 1];
	size_t i;

	memcpy(tenant, w->f->tenant, w->f->tenant_len);
	tenant[w->f->tenant_len] = '\0';
	for (i = 0; i < t->n && t->all->dir; i++) {
		struct hr_made *m = &t->made[i];
		bool mixed = m->a->plan.tenant >= 0 || hr_aggregate_relation(m->a)->tenancy == 'a';

		if (is_in(m, w))
			continue;
		m->changed = true;
		if (hr_aggregate_truncate(m->a, mixed && w->f->tenant_len ? tenant : NULL, e) < 0)
			return -1;
	}
	return 0;
}

/* --- rows out --- */

/* Whose row it is: what it is grouped by says so, or all are of one tenant, or of all. */
static int
whose(const struct hr_made *m, const struct hr_value *value, struct hr_buf *tenant, struct hr_err *e)
{
	const struct hr_relation *r = hr_aggregate_relation(m->a);
	int c = m->a->plan.tenant;
	const struct hr_value *v = c < 0 ? NULL : &value[c];

	if (c < 0) {
		hr_buf_puts(tenant, r->tenancy == 'a' || m->of->tenant == NULL ? "" : m->of->tenant);
		return 0;
	}
	if (v->len >= 0 && (v->text || !hr_value_format(tenant, r->column[c].type, v)))
		hr_buf_put(tenant, v->data, (size_t)v->len);
	if (tenant->len > HR_TENANT_MAX)
		return hr_fail(e, HR_REFUSED, "the name of a tenant is %zu bytes long", tenant->len);
	return 0;
}

/* For hr_aggregate: a row that was made. */
static int
emit(void *arg, enum hr_op op, const struct hr_value *value, int n, struct hr_err *e)
{
	struct hr_made *m = arg;
	struct hr_buf tenant = HR_BUF_INIT;
	int rc = whose(m, value, &tenant, e);

	if (rc == 0)
		rc = hr_tenant_rows_put(&m->of->all->out, tenant.len ? (const char *)tenant.data : "", tenant.len, op,
		    hr_aggregate_relation(m->a)->id, value, n, e);
	hr_buf_clear(&tenant);
	return rc;
}

/* --- watermarks --- */

static int
show(struct hr_made *m, void *arg, struct hr_err *e)
{
	struct hr_aggregates *g = arg;
	hr_lsn has = hr_aggregate_lsn(m->a);

	/* What this stream brings again is in, and what was made of it may not be at the target. */
	if (g->shown < has && hr_aggregate_again(m->a, g->shown, g->lsn < has ? g->lsn : has, e) < 0)
		return -1;
	if (g->lsn >= has && !g->waits && hr_aggregate_watermark(m->a, g->lsn, g->mark.time, e) < 0)
		return -1;
	m->changed |= m->a->emitted != m->emitted;
	m->emitted = m->a->emitted;
	return 0;
}

/* Behind the table that it is of. */
static int
save(struct hr_made *m, void *arg, struct hr_err *e)
{
	struct hr_aggregates *g = arg;

	if (save_table(m->of, e) < 0)
		return -1;
	/* What comes again is not in it twice: the state is further, and stays so. */
	if (!m->changed || g->lsn < hr_aggregate_lsn(m->a))
		return 0;
	if (hr_aggregate_save(m->a, m->path, e) < 0)
		return -1;
	m->changed = false;
	hr_state_position_set(&g->position, m->name, hr_aggregate_lsn(m->a));
	g->moved = true;
	return 0;
}

static int
save_all(struct hr_aggregates *g, struct hr_err *e)
{
	if (each(g, save, g, e) < 0)
		return -1;
	if (g->lsn > g->position.lsn) {
		g->position.lsn = g->lsn;
		g->moved = true;
	}
	if (!g->moved)
		return 0;
	g->moved = false;
	return hr_state_dir_set_position(g->dir, g->stream, &g->position, e);
}

static int
forget(struct hr_made *m, void *arg, struct hr_err *e)
{
	return hr_aggregate_forget(m->a, before(*(hr_lsn *)arg), e);
}

/* What the target has need not be kept for it. */
static int
forget_durable(struct hr_aggregates *g, struct hr_err *e)
{
	hr_lsn has;

	if (g->durable == NULL || g->passed - g->checked < APART_US)
		return 0;
	g->checked = g->passed;
	if (target_has(g, &has, e) < 0)
		return -1;
	return has ? each(g, forget, &has, e) : 0;
}

/* The one that is held back is passed on, behind what is made of what is in front of it. */
static int
pass(struct hr_aggregates *g, struct hr_err *e)
{
	uint8_t mark[HR_WATERMARK_SIZE];
	struct hr_frame f = g->held;
	int64_t begin = hr_now_us();

	g->held.type = 0;
	g->lsn = f.lsn;
	hr_tenant_rows_begin(&g->out, g->pipe, g->lsn, g->mark.time, 0);
	if (each(g, show, g, e) < 0 || hr_tenant_rows_end(&g->out, e) < 0)
		return -1;
	if (g->dir && !g->waits && save_all(g, e) < 0)
		return -1;
	if (g->lsn > g->shown)
		g->shown = g->lsn;
	g->passed = hr_now_us();
	g->took = g->passed - begin;
	if (forget_durable(g, e) < 0)
		return -1;
	g->mark.idle &= !g->skipped;
	g->skipped = false;
	hr_watermark_encode(&g->mark, mark);
	f.data = mark;
	f.len = sizeof(mark);
	return g->pipe->out < 0 ? 0 : hr_write(&g->pipe->w, &f, e);
}

/* --- copies --- */

/* It knows nothing any more. */
static int
begin_again(struct hr_made *m, void *arg, struct hr_err *e)
{
	(void)arg;
	(void)e;
	hr_aggregate_reset(m->a);
	m->changed = true;
	m->emitted = 0;
	return 0;
}

int
hr_aggregates_copy(struct hr_aggregates *g, uint32_t come, uint32_t in, struct hr_err *e)
{
	if (g->anew || (come == 0 && !g->waits))
		return 0;
	if (in || come == 0) {
		hr_fail(e, HR_REFUSED, "a part of a first copy comes, and rows of others, which are in, cannot be aggregated any more");
		return hr_hint(e, "begin the copy anew: drop the slot, remove the checkpoint, empty the target's tables");
	}
	g->anew = true;
	g->waits = false;
	return each(g, begin_again, NULL, e);
}

/* The tables and the parts of a copy, to which those that are made are added. */
struct copied {
	struct hr_buf *relations;
	struct hr_part *part;		/* NULL: it ends, and they are not named */
	uint32_t *parts;
};

static int
add_copied(struct hr_made *m, void *arg, struct hr_err *e)
{
	struct copied *c = arg;
	uint32_t id = hr_aggregate_relation(m->a)->id;

	(void)e;
	hr_buf_u32le(c->relations, id);
	if (c->part)
		c->part[(*c->parts)++] = (struct hr_part){ .relation = id, .in = !m->of->all->anew };
	return 0;
}

void
hr_aggregates_copied(struct hr_aggregates *g, bool begins, struct hr_buf *relations, struct hr_part *part,
    uint32_t *parts)
{
	struct copied c = { relations, begins ? part : NULL, parts };

	g->copying = begins;
	(void)!each(g, add_copied, &c, NULL);
}

static int
put_part(struct hr_aggregates *g, uint32_t part, bool ended, struct hr_err *e)
{
	uint8_t mark[HR_PART_MARK_SIZE];
	struct hr_frame f = {
		.type = HR_FRAME_PART, .flags = HR_MUST | HR_ALL | HR_COPY, .tenant = "", .lsn = g->lsn, .data = mark,
		.len = sizeof(mark),
	};

	hr_part_mark_encode(part, ended, mark);
	return g->pipe->out < 0 ? 0 : hr_write(&g->pipe->w, &f, e);
}

/* What is made of the rows of the copy is a part of it, too. */
static int
show_part(struct hr_made *m, void *arg, struct hr_err *e)
{
	struct hr_aggregates *g = m->of->all;
	uint32_t *part = arg;

	if (put_part(g, *part, false, e) < 0)
		return -1;
	if (g->dir && (hr_aggregate_watermark(m->a, g->lsn, g->mark.time, e) < 0 || hr_tenant_rows_end(&g->out, e) < 0))
		return -1;
	m->changed = true;
	m->emitted = m->a->emitted;
	return put_part(g, (*part)++, true, e);
}

int
hr_aggregates_end_copy(struct hr_aggregates *g, struct hr_pipe *p, hr_lsn lsn, uint32_t first, struct hr_err *e)
{
	uint8_t mark[HR_WATERMARK_SIZE];
	struct hr_frame f = {
		.type = HR_FRAME_WATERMARK, .flags = HR_MUST | HR_ALL | HR_COPY, .tenant = "", .lsn = lsn, .data = mark,
		.len = sizeof(mark),
	};
	int rc = 0;

	g->pipe = p;
	g->lsn = lsn;
	if (g->anew) {
		hr_tenant_rows_begin(&g->out, p, lsn, g->mark.time, HR_COPY);
		rc = each(g, show_part, &first, e);
		if (rc == 0 && g->dir)
			rc = save_all(g, e);
	}
	g->copying = false;
	hr_watermark_encode(&(struct hr_watermark){ .time = g->mark.time }, mark);
	return rc < 0 || p->out < 0 ? rc : hr_write(&p->w, &f, e);
}

int
hr_aggregates_watermark(struct hr_aggregates *g, struct hr_pipe *p, const struct hr_frame *f, struct hr_err *e)
{
	int64_t apart = 10 * g->took > APART_US ? 10 * g->took : APART_US;

	g->pipe = p;
	hr_aggregates_next(g);
	if (hr_watermark_decode(&g->mark, f, e) < 0)
		return -1;
	/* What commits behind it may be in already: it would be there twice. */
	if ((f->flags & HR_COPY) || g->copying || g->open || g->reached >= f->lsn) {
		g->skipped = true;
		return 0;
	}
	g->held = *f;
	g->held.tenant = "";
	g->held.data = NULL;
	return hr_now_us() - g->passed >= apart ? pass(g, e) : 0;
}

int
hr_aggregates_idle(struct hr_aggregates *g, struct hr_err *e)
{
	return g->held.type ? pass(g, e) : 0;
}
