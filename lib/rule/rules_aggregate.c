/* rules_aggregate.c - read what is to be made of the rows of a table. */

#include "base/hr.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "rule/calendar.h"
#include "rule/rules_aggregate.h"

#define HERE(type, field) offsetof(struct type, field)

/* "15 min", as PostgreSQL reads an interval; without months, which are of no one length. */
static int
take_span(struct hr_yaml *l, const struct hr_yaml_key *k, const yaml_node_t *n, void *to)
{
	const char *text;
	struct hr_span s;
	int64_t us;

	if (hr_yaml_scalar(l, n, k->name) < 0)
		return -1;
	text = hr_yaml_text(n);
	if (!hr_span_parse(text, strlen(text), &s) || s.months ||
	    __builtin_mul_overflow((int64_t)s.days, INT64_C(86400) * HR_SECOND_US, &us) || __builtin_add_overflow(us, s.us, &us) ||
	    us < k->low || us > INT64_C(36525) * 86400 * HR_SECOND_US) {
		hr_yaml_fail(l, n, "'%s' must be an interval of days or less, not '%s'", k->name, text);
		return hr_hint(l->e, "write it as '1 day', '15 min' or '30 s'");
	}
	*(int64_t *)to = us;
	return 0;
}

/* --- groups: names, or mappings of a name to an expression --- */

static int
add_group(struct hr_yaml *l, struct hr_rule_aggregate *a, const yaml_node_t *name, const yaml_node_t *expr)
{
	if (hr_yaml_scalar(l, name, "group_by") < 0 || (expr && hr_yaml_scalar(l, expr, "group_by") < 0))
		return -1;
	if (a->groups == HR_RULE_AGGREGATE_MOST)
		return hr_yaml_fail(l, name, "more than %d columns to group by", HR_RULE_AGGREGATE_MOST);
	a->group = hr_realloc(a->group, a->groups + 1, sizeof(*a->group));
	a->group[a->groups++] = (struct hr_rule_group){
		hr_strdup(hr_yaml_text(name)), expr ? hr_strdup(hr_yaml_text(expr)) : NULL,
	};
	return 0;
}

static int
add_groups(struct hr_yaml *l, struct hr_rule_aggregate *a, const yaml_node_t *n)
{
	const yaml_node_pair_t *p;

	if (n->type != YAML_MAPPING_NODE)
		return add_group(l, a, n, NULL);
	for (p = n->data.mapping.pairs.start; p < n->data.mapping.pairs.top; p++)
		if (add_group(l, a, hr_yaml_node(l, p->key), hr_yaml_node(l, p->value)) < 0)
			return -1;
	return 0;
}

static int
take_groups(struct hr_yaml *l, const struct hr_yaml_key *k, const yaml_node_t *n, void *to)
{
	struct hr_rule_aggregate *a = to;
	const yaml_node_item_t *i;

	(void)k;
	if (n->type != YAML_SEQUENCE_NODE)
		return add_groups(l, a, n);
	for (i = n->data.sequence.items.start; i < n->data.sequence.items.top; i++)
		if (add_groups(l, a, hr_yaml_node(l, *i)) < 0)
			return -1;
	return 0;
}

/* --- values: "sum(amount)", or a mapping of that and a filter --- */

static char *
cut(const char *from, const char *to)
{
	while (from < to && isspace((unsigned char)*from))
		from++;
	while (to > from && isspace((unsigned char)to[-1]))
		to--;
	return hr_sprintf("%.*s", (int)(to - from), from);
}

/* A function and what is in its parentheses; of count that may be nothing, or all. */
static int
take_call(struct hr_yaml *l, const struct hr_yaml_key *k, const yaml_node_t *n, void *to)
{
	struct hr_rule_output *o = to;
	const char *text, *open, *end;
	char *name;

	if (hr_yaml_scalar(l, n, k->name) < 0)
		return -1;
	text = hr_yaml_text(n);
	end = text + strlen(text);
	while (end > text && isspace((unsigned char)end[-1]))
		end--;
	open = memchr(text, '(', (size_t)(end - text));
	name = cut(text, open ? open : end);
	o->function = hr_aggregate_function_parse(name);
	free(name);
	if (o->function >= 0 && open && end[-1] == ')')
		o->expr = cut(open + 1, end - 1);
	if (o->expr && o->function == HR_AGGREGATE_COUNT && strcmp(o->expr, "*") == 0) {
		free(o->expr);
		o->expr = NULL;
	} else if (o->function < 0 || (open && end[-1] != ')') || (o->expr && *o->expr == '\0') ||
	    (o->expr == NULL && (open || o->function != HR_AGGREGATE_COUNT))) {
		hr_yaml_fail(l, n, "'%s' is not an aggregate function of something", text);
		return hr_hint(l->e, "write count, or sum, avg, min, max, count or distinct of an expression: sum(amount)");
	}
	return 0;
}

static int
take_value(struct hr_yaml *l, const yaml_node_t *name, const yaml_node_t *n, struct hr_rule_output *o)
{
	static const struct hr_yaml_key key[] = {
		{ "value", take_call, .at = 0, .required = true },
		{ "filter", hr_yaml_take_text, .at = HERE(hr_rule_output, filter) },
	};

	if (hr_yaml_scalar(l, name, "values") < 0)
		return -1;
	*o = (struct hr_rule_output){ .name = hr_strdup(hr_yaml_text(name)) };
	return n->type == YAML_MAPPING_NODE ? hr_yaml_keys(l, "a value", n, key, HR_COUNT(key), o) :
	    take_call(l, &key[0], n, o);
}

static int
take_values(struct hr_yaml *l, const struct hr_yaml_key *k, const yaml_node_t *n, void *to)
{
	struct hr_rule_aggregate *a = to;
	const yaml_node_pair_t *p;

	if (n->type != YAML_MAPPING_NODE)
		return hr_yaml_fail(l, n, "'%s' must be a mapping of columns to what is in them", k->name);
	if (hr_yaml_check_keys(l, n, "column") < 0)
		return -1;
	for (p = n->data.mapping.pairs.start; p < n->data.mapping.pairs.top; p++) {
		if (a->outputs == HR_RULE_AGGREGATE_MOST)
			return hr_yaml_fail(l, n, "more than %d values", HR_RULE_AGGREGATE_MOST);
		a->output = hr_realloc(a->output, a->outputs + 1, sizeof(*a->output));
		if (take_value(l, hr_yaml_node(l, p->key), hr_yaml_node(l, p->value), &a->output[a->outputs++]) < 0)
			return -1;
	}
	return 0;
}

/* --- when --- */

static int
take_window(struct hr_yaml *l, const struct hr_yaml_key *k, const yaml_node_t *n, void *to)
{
	static const struct hr_yaml_key key[] = {
		{ "size", take_span, .at = HERE(hr_rule_aggregate, size_us), .low = 1, .required = true },
		{ "slide", take_span, .at = HERE(hr_rule_aggregate, slide_us), .low = 1 },
		{ "lateness", take_span, .at = HERE(hr_rule_aggregate, lateness_us) },
		{ "by", hr_yaml_take_text, .at = HERE(hr_rule_aggregate, by) },
	};

	if (n->type == YAML_MAPPING_NODE)
		return hr_yaml_keys(l, k->name, n, key, HR_COUNT(key), to);
	return take_span(l, &key[0], n, &((struct hr_rule_aggregate *)to)->size_us);
}

/* "change", "window", or a mapping: every so often. */
static int
take_emit(struct hr_yaml *l, const struct hr_yaml_key *k, const yaml_node_t *n, void *to)
{
	static const struct hr_yaml_key key[] = {
		{ "every", take_span, .at = HERE(hr_rule_aggregate, every_us), .low = 1, .required = true },
	};
	struct hr_rule_aggregate *a = to;
	int i;

	if (n->type == YAML_MAPPING_NODE) {
		a->emit = HR_EMIT_INTERVAL;
		return hr_yaml_keys(l, k->name, n, key, HR_COUNT(key), to);
	}
	if ((i = hr_yaml_which_word(l, k, n)) < 0)
		return -1;
	a->emit = i == 0 ? HR_EMIT_CHANGE : HR_EMIT_WINDOW;
	return 0;
}

static int
take_late(struct hr_yaml *l, const struct hr_yaml_key *k, const yaml_node_t *n, void *to)
{
	int i = hr_yaml_which_word(l, k, n);	/* in the order of the enum */

	if (i < 0)
		return -1;
	((struct hr_rule_aggregate *)to)->late = (enum hr_aggregate_late)i;
	return 0;
}

static int
take_rows(struct hr_yaml *l, const struct hr_yaml_key *k, const yaml_node_t *n, void *to)
{
	int i = hr_yaml_which_word(l, k, n);

	if (i < 0)
		return -1;
	((struct hr_rule_aggregate *)to)->pass = i == 1;
	return 0;
}

/* --- all of it --- */

static int
settle(struct hr_yaml *l, const yaml_node_t *n, struct hr_rule_aggregate *a)
{
	char *dot = strchr(a->into, '.');

	if (a->into[0] == '\0' || dot == a->into || (dot && dot[1] == '\0'))
		return hr_yaml_fail(l, n, "'%s' is not a table", a->into);
	if (a->outputs == 0)
		return hr_yaml_fail(l, n, "'values' is empty");
	if (a->groups == 0 && a->size_us == 0) {
		hr_yaml_fail(l, n, "there is neither 'group_by' nor 'window', and a row has to have a key");
		return hr_hint(l->e, "group by the tenant: 'group_by: {tenant: $tenant}'");
	}
	if (a->emit == HR_EMIT_WINDOW && a->size_us == 0) {
		hr_yaml_fail(l, n, "rows are to be shown when their window closes, and there is no 'window'");
		return hr_hint(l->e, "add one, or say 'emit: change' or 'emit: {every: 10 s}'");
	}
	return 0;
}

static int
take_aggregate(struct hr_yaml *l, const yaml_node_t *n, struct hr_rule_aggregate *a)
{
	static const struct hr_yaml_key key[] = {
		{ "into", hr_yaml_take_text, .at = HERE(hr_rule_aggregate, into), .required = true },
		{ "group_by", take_groups, .at = 0 },
		{ "values", take_values, .at = 0, .required = true },
		{ "window", take_window, .at = 0 },
		{ "emit", take_emit, .at = 0, .words = "change window" },
		{ "late", take_late, .at = 0, .words = "drop again" },
		{ "append_only", hr_yaml_take_bool, .at = HERE(hr_rule_aggregate, append_only) },
		{ "rows", take_rows, .at = 0, .words = "leave-out pass" },
	};

	a->place = (struct hr_place){ (int)n->start_mark.line + 1, (int)n->start_mark.column + 1 };
	return hr_yaml_keys(l, "an aggregation", n, key, HR_COUNT(key), a) < 0 ? -1 : settle(l, n, a);
}

int
hr_rules_take_aggregates(struct hr_yaml *l, const struct hr_yaml_key *k, const yaml_node_t *n, void *to)
{
	struct hr_rule *r = to;
	bool many = n->type == YAML_SEQUENCE_NODE;
	size_t all = many ? (size_t)(n->data.sequence.items.top - n->data.sequence.items.start) : 1, i;

	if (all == 0)
		return hr_yaml_fail(l, n, "'%s' is empty", k->name);
	r->aggregate = hr_zalloc(all * sizeof(*r->aggregate));
	for (i = 0; i < all; i++)
		if (take_aggregate(l, many ? hr_yaml_node(l, n->data.sequence.items.start[i]) : n,
		    &r->aggregate[r->aggregates++]) < 0)
			return -1;
	return 0;
}

void
hr_rule_aggregate_clear(struct hr_rule_aggregate *a)
{
	size_t i;

	for (i = 0; i < a->groups; i++) {
		free(a->group[i].name);
		free(a->group[i].expr);
	}
	for (i = 0; i < a->outputs; i++) {
		free(a->output[i].name);
		free(a->output[i].expr);
		free(a->output[i].filter);
	}
	free(a->into);
	free(a->group);
	free(a->output);
	free(a->by);
}
