/* summary.c - compile what was asked for. */

#include "base/hr.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "rule/summary.h"
#include "rule/same.h"

/* Is the binary value the one form already, however it came to be? */
static bool
as_is(enum hr_type t)
{
	switch (t) {
	case HR_TYPE_INT2: case HR_TYPE_INT4: case HR_TYPE_INT8: case HR_TYPE_OID: case HR_TYPE_TEXT:
	case HR_TYPE_VARCHAR: case HR_TYPE_NAME: case HR_TYPE_BYTEA: case HR_TYPE_DATE: case HR_TYPE_TIMESTAMP:
	case HR_TYPE_TIMESTAMPTZ: case HR_TYPE_UUID:
		return true;
	default:
		return false;
	}
}

/* A column when it is called so exactly, else an expression. */
static int
compile(struct hr_summary_value *v, const char *text, const struct hr_relation *r, struct hr_err *e)
{
	*v = (struct hr_summary_value){ .column = hr_relation_column(r, text), .typmod = -1 };
	if (v->column >= 0) {
		v->type = hr_type_of_column(&r->column[v->column]);
		v->typmod = r->column[v->column].typmod;
		v->as_is = as_is(v->type);
		if (v->type == HR_TYPE_NONE)
			return hr_fail(e, HR_CONFIG, "column '%s' has a type that rules cannot read", text);
		return 0;
	}
	v->expr = hr_expr_new(text, r, NULL, e);
	if (v->expr == NULL)
		return hr_within(e, "'%s'", text);
	v->type = hr_expr_type(v->expr);
	return 0;
}

/* What a later row cannot see as this one does. */
static int
check_vars(const struct hr_expr *x, const char *text, struct hr_err *e)
{
	static const enum hr_expr_var passing[] = { HR_VAR_OP, HR_VAR_XID, HR_VAR_LSN, HR_VAR_COMMIT_TIME };
	size_t i;

	for (i = 0; x && i < HR_COUNT(passing); i++)
		if (hr_expr_reads_var(x, passing[i])) {
			hr_fail(e, HR_CONFIG, "'%s' is of the transaction: it is another when the row goes", text);
			return hr_hint(e, "say that the table is only inserted into, or use a column");
		}
	return 0;
}

static bool
reads_beside_key(const struct hr_summary_value *v, const struct hr_expr *filter, const struct hr_relation *r)
{
	int i;

	for (i = 0; i < r->columns; i++)
		if (!r->column[i].key && ((v && v->column == i) || (v && v->expr && hr_expr_reads(v->expr, i)) ||
		    (filter && hr_expr_reads(filter, i))))
			return true;
	return false;
}

/* What is said of every value, where rows can go. */
static int
check_value(struct hr_summary *p, const struct hr_summary_value *v, const struct hr_expr *filter, const char *text,
    const struct hr_relation *r, struct hr_err *e)
{
	p->needs_whole |= reads_beside_key(v, filter, r);
	if (p->append_only)
		return 0;
	if (v && check_vars(v->expr, text, e) < 0)
		return -1;
	return check_vars(filter, "its filter", e);
}

/* --- the table that is made --- */

static int
add_column(struct hr_relation *r, const char *name, const char *schema, const char *type, uint32_t oid,
    int32_t typmod, bool key, struct hr_err *e)
{
	if (name == NULL || name[0] == '\0')
		return hr_fail(e, HR_CONFIG, "a column of '%s.%s' has no name", r->schema, r->name);
	if (hr_relation_column(r, name) >= 0)
		return hr_fail(e, HR_CONFIG, "two columns of '%s.%s' are called '%s'", r->schema, r->name, name);
	r->column[r->columns++] = (struct hr_column){ .name = hr_strdup(name), .type_schema = hr_strdup(schema),
	    .type_name = hr_strdup(type), .type = oid, .typmod = typmod, .key = key };
	return 0;
}

static int
add_typed(struct hr_relation *r, const char *name, const struct hr_summary_value *v, enum hr_type type,
    bool key, const struct hr_relation *source, struct hr_err *e)
{
	const struct hr_column *c = v && v->column >= 0 ? &source->column[v->column] : NULL;

	if (c && type == v->type)
		return add_column(r, name, c->type_schema, c->type_name, c->type, c->typmod, key, e);
	if (hr_type_oid(type) == 0) {
		hr_fail(e, HR_CONFIG, "the type of '%s' has no name to make a column of", name);
		return hr_hint(e, "cast it to text");
	}
	return add_column(r, name, "pg_catalog", hr_type_catalog_name(type), hr_type_oid(type), -1, key, e);
}

static int
add_group(struct hr_summary *p, const struct hr_aggregate_group *g, const struct hr_relation *source,
    struct hr_err *e)
{
	const char *text = g->expr ? g->expr : g->name;
	struct hr_summary_value *v = &p->group[p->groups++];

	if (text == NULL || compile(v, text, source, e) < 0)
		return text ? -1 : hr_fail(e, HR_CONFIG, "a group has no name");
	if (!hr_type_same(v->type)) {
		hr_fail(e, HR_CONFIG, "cannot group by '%s', a %s", text, hr_type_name(v->type));
		return hr_hint(e, "cast it to text");
	}
	if (check_value(p, v, NULL, text, source, e) < 0)
		return -1;
	if ((v->column >= 0 && v->column == source->tenant_column) || strcmp(text, "$tenant") == 0)
		p->tenant = p->groups - 1;
	return add_typed(p->relation, g->name, v, v->type, true, source, e);
}

static int
add_output(struct hr_summary *p, const struct hr_aggregate_output *o, const struct hr_relation *source,
    struct hr_err *e)
{
	int i = p->outputs++;
	struct hr_summary_value *v = &p->argument[i];
	const struct hr_summary_value *typed = NULL;

	*v = (struct hr_summary_value){ .column = -1, .typmod = -1 };
	if (o->expr && compile(v, o->expr, source, e) < 0)
		return -1;
	if (hr_tally_init(&p->kind[i], o->function, v->type, v->typmod, e) < 0)
		return -1;
	if (o->filter && (p->filter[i] = hr_expr_new_filter(o->filter, source, e)) == NULL)
		return hr_within(e, "filter '%s'", o->filter);
	if (check_value(p, o->expr ? v : NULL, p->filter[i], o->expr, source, e) < 0)
		return -1;
	if (!p->append_only && !hr_aggregate_function_reversible(o->function)) {
		hr_fail(e, HR_CONFIG, "%s cannot take back rows that are deleted or changed",
		    hr_aggregate_function_name(o->function));
		return hr_hint(e, "say that the table is only inserted into; count, sum and avg need not that");
	}
	if (p->kind[i].way == HR_TALLY_EXTREME)
		typed = v;
	return add_typed(p->relation, o->name, typed, p->kind[i].type, false, source, e);
}

static int
add_window(struct hr_summary *p, const struct hr_aggregate_spec *s, const struct hr_relation *source,
    struct hr_err *e)
{
	static const char *const name[] = { HR_WINDOW_START, HR_WINDOW_END };
	int i;

	p->window = s->window;
	p->by_commit = s->window_by == NULL;
	if (hr_window_check(&s->window, e) < 0)
		return -1;
	if (s->window.size_us == 0)
		return s->window_by ? hr_fail(e, HR_CONFIG, "there is no window for the time '%s'", s->window_by) : 0;
	if (p->by_commit && !p->append_only) {
		hr_fail(e, HR_CONFIG, "a row that goes is not found again in windows by the time of the commit");
		return hr_hint(e, "say that the table is only inserted into, or let the windows be by a column");
	}
	if (!p->by_commit) {
		if (compile(&p->by, s->window_by, source, e) < 0 ||
		    check_value(p, &p->by, NULL, s->window_by, source, e) < 0)
			return -1;
		if (hr_type_kind(p->by.type) != HR_KIND_TIMESTAMP && hr_type_kind(p->by.type) != HR_KIND_DATE)
			return hr_fail(e, HR_CONFIG, "cannot make windows by '%s', a %s", s->window_by,
			    hr_type_name(p->by.type));
	}
	for (i = 0; i < 2; i++)
		if (add_typed(p->relation, name[i], NULL, HR_TYPE_TIMESTAMPTZ, true, source, e) < 0)
			return -1;
	return 0;
}

static struct hr_relation *
make_relation(const struct hr_aggregate_spec *s)
{
	struct hr_relation *r = hr_zalloc(sizeof(*r));

	r->id = s->relation;
	r->schema = hr_strdup(s->schema);
	r->name = hr_strdup(s->table);
	r->identity = 'd';
	r->tenant_column = -1;
	r->column = hr_zalloc(((size_t)s->groups + (size_t)s->outputs + 2) * sizeof(*r->column));
	return r;
}

static void
set_tenancy(struct hr_summary *p, const struct hr_relation *source)
{
	p->relation->tenancy = source->tenancy;
	if (p->tenant >= 0) {
		p->relation->tenancy = 'c';
		p->relation->tenant_column = p->tenant;
	} else if (hr_relation_mixed(source)) {
		p->relation->tenancy = 'a';
	}
}

/* --- */

/* Of all that decides what a group's bytes mean. */
static uint64_t
fingerprint(const struct hr_summary *p, const struct hr_aggregate_spec *s)
{
	const struct hr_relation *r = p->relation;
	uint64_t h = s->rules;
	int i;

	hr_hash_mix_text(&h, p->source);
	for (i = 0; i < r->columns; i++) {
		hr_hash_mix_text(&h, r->column[i].name);
		hr_hash_mix_text(&h, r->column[i].type_schema);
		hr_hash_mix_text(&h, r->column[i].type_name);
		hr_hash_mix_number(&h, (uint32_t)r->column[i].typmod);
	}
	for (i = 0; i < s->groups; i++)
		hr_hash_mix_text(&h, s->group[i].expr ? s->group[i].expr : s->group[i].name);
	for (i = 0; i < s->outputs; i++) {
		hr_hash_mix_number(&h, s->output[i].function);
		hr_hash_mix_text(&h, s->output[i].expr);
		hr_hash_mix_text(&h, s->output[i].filter);
		hr_hash_mix_number(&h, p->kind[i].of);
		hr_hash_mix_number(&h, (uint32_t)p->kind[i].typmod);
	}
	hr_hash_mix_text(&h, s->window_by);
	hr_hash_mix_number(&h, (uint64_t)s->window.size_us);
	hr_hash_mix_number(&h, (uint64_t)s->window.slide_us);
	hr_hash_mix_number(&h, s->late);
	hr_hash_mix_number(&h, (uint64_t)r->tenancy << 16 | (uint16_t)p->tenant);
	return h;
}

static int
check_spec(const struct hr_aggregate_spec *s, struct hr_err *e)
{
	if (s->schema == NULL || s->table == NULL || s->table[0] == '\0')
		return hr_fail(e, HR_CONFIG, "the table that is made has no name");
	if (s->outputs == 0)
		return hr_fail(e, HR_CONFIG, "nothing is made of its rows");
	if (s->outputs > HR_AGGREGATE_OUTPUTS_MAX || s->groups > HR_AGGREGATE_OUTPUTS_MAX)
		return hr_fail(e, HR_CONFIG, "there are more than %d groups or outputs", HR_AGGREGATE_OUTPUTS_MAX);
	if (s->emit == HR_EMIT_WINDOW && s->window.size_us == 0)
		return hr_fail(e, HR_CONFIG, "there is no window at whose end it could be shown");
	if (s->emit == HR_EMIT_INTERVAL && s->interval_us <= 0)
		return hr_fail(e, HR_CONFIG, "the interval at which it is shown is not positive");
	return 0;
}

/* Of a table whose rows go, what is read has to be in the rows that went. */
static int
check_identity(const struct hr_summary *p, const struct hr_relation *source, struct hr_err *e)
{
	if (p->append_only || !p->needs_whole || source->identity == 'f')
		return 0;
	hr_fail(e, HR_CONFIG, "the old rows of '%s' do not come whole", p->source);
	return hr_hint(e, "ALTER TABLE %s REPLICA IDENTITY FULL, or say that it is only inserted into", p->source);
}

int
hr_summary_init(struct hr_summary *p, const struct hr_aggregate_spec *s, const struct hr_relation *source,
    struct hr_err *e)
{
	int i, rc = 0;

	if (check_spec(s, e) < 0)
		return -1;
	*p = (struct hr_summary){ .append_only = s->append_only, .tenant = -1, .relation = make_relation(s),
	    .source = hr_sprintf("%s.%s", source->schema, source->name) };
	p->by.column = -1;
	p->group = hr_zalloc((size_t)s->groups * sizeof(*p->group));
	p->argument = hr_zalloc((size_t)s->outputs * sizeof(*p->argument));
	p->filter = hr_zalloc((size_t)s->outputs * sizeof(*p->filter));
	p->kind = hr_zalloc((size_t)s->outputs * sizeof(*p->kind));
	for (i = 0; i < s->groups && rc == 0; i++)
		rc = add_group(p, &s->group[i], source, e);
	if (rc == 0)
		rc = add_window(p, s, source, e);
	for (i = 0; i < s->outputs && rc == 0; i++)
		if ((rc = add_output(p, &s->output[i], source, e)) < 0)
			hr_within(e, "'%s'", s->output[i].name ? s->output[i].name : "");
	if (rc == 0)
		rc = check_identity(p, source, e);
	if (rc < 0) {
		hr_summary_clear(p);
		return hr_within(e, "aggregation into '%s.%s'", s->schema, s->table);
	}
	set_tenancy(p, source);
	p->fingerprint = fingerprint(p, s);
	return 0;
}

void
hr_summary_clear(struct hr_summary *p)
{
	int i;

	for (i = 0; i < p->groups; i++)
		hr_expr_free(p->group[i].expr);
	for (i = 0; i < p->outputs; i++) {
		hr_expr_free(p->argument[i].expr);
		hr_expr_free(p->filter[i]);
	}
	hr_expr_free(p->by.expr);
	free(p->group);
	free(p->argument);
	free(p->filter);
	free(p->kind);
	free(p->source);
	if (p->relation)
		hr_relation_free(p->relation);
	*p = (struct hr_summary){ .relation = NULL };
}
