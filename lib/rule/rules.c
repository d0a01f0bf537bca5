/*
 * rules.c - read a rules file, strictly.
 *
 * A key of a mapping is in a table with what takes its value; what looks at two
 * keys at once (a mask's kind and its options) comes after.  The first error ends
 * it.
 */

#include "base/hr.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/yaml.h"
#include "rule/rules.h"
#include "rule/rules_aggregate.h"

#define HERE(type, field) offsetof(struct type, field)

static const char mask_words[] = "hash tokenize service redact null generalize fake noise";

static struct hr_place
place_of(const yaml_node_t *n)
{
	return (struct hr_place){ (int)n->start_mark.line + 1, (int)n->start_mark.column + 1 };
}

/* --- values --- */

/* One text, or a list of them. */
static int
take_names(struct hr_yaml *l, const struct hr_yaml_key *k, const yaml_node_t *n, void *to)
{
	struct hr_names *names = to;
	const yaml_node_item_t *i;
	size_t cap = 0;

	if (n->type != YAML_SEQUENCE_NODE) {
		if (hr_yaml_scalar(l, n, k->name) < 0)
			return -1;
		HR_GROW(names->v, names->n, cap);
		names->v[names->n++] = hr_strdup(hr_yaml_text(n));
		return 0;
	}
	if (n->data.sequence.items.start == n->data.sequence.items.top)
		return hr_yaml_fail(l, n, "'%s' is empty", k->name);
	for (i = n->data.sequence.items.start; i < n->data.sequence.items.top; i++) {
		const yaml_node_t *one = hr_yaml_node(l, *i);

		if (hr_yaml_scalar(l, one, k->name) < 0)
			return -1;
		HR_GROW(names->v, names->n, cap);
		names->v[names->n++] = hr_strdup(hr_yaml_text(one));
	}
	return 0;
}

/* Tables are schema.table. */
static int
take_tables(struct hr_yaml *l, const struct hr_yaml_key *k, const yaml_node_t *n, void *to)
{
	struct hr_names *names = to;
	size_t i;

	if (take_names(l, k, n, to) < 0)
		return -1;
	for (i = 0; i < names->n; i++)
		if (strchr(names->v[i], '.') == NULL && strcmp(names->v[i], "*") != 0) {
			hr_yaml_fail(l, n, "'%s' is not a table", names->v[i]);
			return hr_hint(l->e, "write it as schema.table; * and ? stand for any text, any character");
		}
	return 0;
}

static int
take_double(struct hr_yaml *l, const struct hr_yaml_key *k, const yaml_node_t *n, void *to)
{
	char *end;
	double d;

	if (hr_yaml_scalar(l, n, k->name) < 0)
		return -1;
	d = strtod(hr_yaml_text(n), &end);
	if (!hr_yaml_is_plain(n) || *end || !(d >= 0 && d <= 1e300))
		return hr_yaml_fail(l, n, "'%s' must be a number from 0 on, not '%s'", k->name, hr_yaml_text(n));
	*(double *)to = d;
	return 0;
}

/* A whole number that may be negative. */
static int
take_whole(struct hr_yaml *l, const struct hr_yaml_key *k, const yaml_node_t *n, void *to)
{
	char *end;

	if (hr_yaml_scalar(l, n, k->name) < 0)
		return -1;
	errno = 0;
	*(int64_t *)to = strtoll(hr_yaml_text(n), &end, 10);
	if (!hr_yaml_is_plain(n) || *end || errno)
		return hr_yaml_fail(l, n, "'%s' must be a whole number, not '%s'", k->name, hr_yaml_text(n));
	return 0;
}

static int
take_otherwise(struct hr_yaml *l, const struct hr_yaml_key *k, const yaml_node_t *n, void *to)
{
	int i = hr_yaml_which_word(l, k, n);	/* in the order of the enum */

	if (i < 0)
		return -1;
	*(enum hr_otherwise *)to = (enum hr_otherwise)i;
	return 0;
}

/* --- checks --- */

static int
take_check(struct hr_yaml *l, const yaml_node_t *n, struct hr_rule_check *c)
{
	static const struct hr_yaml_key key[] = {
		{ "column", hr_yaml_take_text, .at = HERE(hr_rule_check, column) },
		{ "type", hr_yaml_take_text, .at = HERE(hr_rule_check, type) },
		{ "required", hr_yaml_take_bool, .at = HERE(hr_rule_check, required) },
		{ "min", hr_yaml_take_text, .at = HERE(hr_rule_check, least) },
		{ "max", hr_yaml_take_text, .at = HERE(hr_rule_check, most) },
		{ "values", take_names, .at = HERE(hr_rule_check, values) },
		{ "pattern", hr_yaml_take_text, .at = HERE(hr_rule_check, pattern) },
		{ "json", take_names, .at = HERE(hr_rule_check, json) },
		{ "expression", hr_yaml_take_text, .at = HERE(hr_rule_check, expression) },
		{ "otherwise", take_otherwise, .at = HERE(hr_rule_check, otherwise), .words = "refuse park drop" },
	};
	bool of_column;

	c->place = place_of(n);
	if (hr_yaml_keys(l, "a check", n, key, HR_COUNT(key), c) < 0)
		return -1;
	of_column = c->type || c->required || c->least || c->most || c->values.n || c->pattern || c->json.n;
	if (c->expression && (c->column || of_column))
		return hr_yaml_fail(l, n, "a check is of a column or an expression, not of both");
	if (c->column == NULL && c->expression == NULL)
		return hr_yaml_fail(l, n, "a check has neither a 'column' nor an 'expression'");
	if (c->column && !of_column) {
		hr_yaml_fail(l, n, "nothing is checked of column '%s'", c->column);
		return hr_hint(l->e, "type, required, min, max, values, pattern and json are what can be");
	}
	return 0;
}

static int
take_checks(struct hr_yaml *l, const struct hr_yaml_key *k, const yaml_node_t *n, void *to)
{
	struct hr_rule *r = to;
	const yaml_node_item_t *i;
	size_t cap = 0;

	if (n->type != YAML_SEQUENCE_NODE)
		return hr_yaml_fail(l, n, "'%s' must be a list of checks", k->name);
	for (i = n->data.sequence.items.start; i < n->data.sequence.items.top; i++) {
		HR_GROW(r->check, r->checks, cap);
		r->check[r->checks] = (struct hr_rule_check){ .column = NULL };
		if (take_check(l, hr_yaml_node(l, *i), &r->check[r->checks++]) < 0)
			return -1;
	}
	return 0;
}

/* --- masks --- */

/* What a mapping says, before it is known what fits together. */
struct mask_words {
	struct hr_rule_mask m;
	char *by, *as, *unit, *shape, *of, *text;
	bool plain, ages;
	struct hr_names bounds;
};

static int
take_kind(struct hr_yaml *l, const yaml_node_t *n, enum hr_mask_kind *kind)
{
	static const struct hr_yaml_key key = { .name = "a mask", .words = mask_words };
	int i;

	if (hr_yaml_is_null(n)) {
		*kind = HR_MASK_NULL;
		return 0;
	}
	if ((i = hr_yaml_which_word(l, &key, n)) < 0)
		return -1;
	*kind = (enum hr_mask_kind)i;
	return 0;
}

static int
take_ages(struct hr_yaml *l, const struct hr_yaml_key *k, const yaml_node_t *n, void *to)
{
	struct mask_words *w = to;

	w->ages = true;
	if (n->type != YAML_SEQUENCE_NODE && hr_yaml_scalar(l, n, k->name) == 0 && strcmp(hr_yaml_text(n), "groups") == 0)
		return 0;
	return take_names(l, k, n, &w->bounds);
}

static int
take_by(struct hr_yaml *l, const struct hr_yaml_key *k, const yaml_node_t *n, void *to)
{
	struct mask_words *w = to;

	(void)k;
	w->by = hr_strdup("");
	return take_kind(l, n, &w->m.kind);
}

/* Of several ways to be coarse there is one. */
static int
settle_coarse(struct hr_yaml *l, const yaml_node_t *n, struct mask_words *w)
{
	struct hr_rule_mask *m = &w->m;
	int said = (m->width > 0) + w->ages + (w->unit != NULL) + (m->first > 0) + (m->prefix >= 0 || m->prefix6 >= 0);
	char *end;
	size_t i;

	if (said != 1) {
		hr_yaml_fail(l, n, "generalize needs %s of range, ages, unit, first and prefix", said ? "just one" : "one");
		return -1;
	}
	m->coarse = m->width > 0 ? HR_COARSE_RANGE : w->ages ? HR_COARSE_AGE : w->unit ? HR_COARSE_UNIT :
	    m->first > 0 ? HR_COARSE_FIRST : HR_COARSE_PREFIX;
	if (w->unit && !hr_general_unit_parse(w->unit, &m->unit)) {
		hr_yaml_fail(l, n, "'unit' cannot be '%s'", w->unit);
		return hr_hint(l->e, "one of: hour day week month quarter year decade");
	}
	for (i = 0; i < w->bounds.n; i++) {
		if (i == HR_COUNT(m->bound))
			return hr_yaml_fail(l, n, "'ages' has more than %zu bounds", HR_COUNT(m->bound));
		m->bound[i] = (int)strtol(w->bounds.v[i], &end, 10);
		if (*end || m->bound[i] < 0 || m->bound[i] > 1000 || (i && m->bound[i] <= m->bound[i - 1]))
			return hr_yaml_fail(l, n, "'ages' must be 'groups' or rising numbers, not '%s'", w->bounds.v[i]);
	}
	m->bounds = w->bounds.n;
	if (w->as && (strcmp(w->as, "text") != 0 || m->coarse != HR_COARSE_RANGE))
		return hr_yaml_fail(l, n, "'as' of generalize can be 'text', with range");
	m->as_text = w->as != NULL;
	return 0;
}

static int
settle_fake(struct hr_yaml *l, const yaml_node_t *n, struct mask_words *w)
{
	if ((w->as != NULL) == (w->m.days > 0))
		return hr_yaml_fail(l, n, "fake needs 'as', which says what, or 'days' to move dates by");
	if (w->as && !hr_fake_parse(w->as, &w->m.fake)) {
		hr_yaml_fail(l, n, "'as' of fake cannot be '%s'", w->as);
		return hr_hint(l->e, "one of: name first_name last_name user email phone street city postcode address "
		    "company iban card");
	}
	w->m.from = w->of;
	w->of = NULL;
	if (w->m.digits > HR_FAKE_DIGITS)
		return hr_yaml_fail(l, n, "'digits' of fake are at most %d", HR_FAKE_DIGITS);
	return 0;
}

/* Options that are there and are of another kind. */
static const char *
of_another(const struct mask_words *w)
{
	const struct hr_rule_mask *m = &w->m;
	bool general = m->width || m->origin || w->ages || w->unit || m->first || m->prefix >= 0 || m->prefix6 >= 0;

	if (general && m->kind != HR_MASK_GENERALIZE)
		return "range, origin, ages, unit, first and prefix are of generalize";
	if ((m->scale > 0 || w->shape || m->least || m->most) && m->kind != HR_MASK_NOISE)
		return "scale, shape, min and max are of noise";
	if ((w->of || m->days) && m->kind != HR_MASK_FAKE)
		return "of and days are of fake";
	if ((m->command || m->batch) && m->kind != HR_MASK_SERVICE)
		return "command and batch are of service";
	if (w->text && m->kind != HR_MASK_REDACT)
		return "text is of redact";
	if (m->keep_domain && m->kind != HR_MASK_TOKENIZE)
		return "keep_domain is of tokenize";
	if (m->plain && m->kind != HR_MASK_HASH)
		return "plain is of hash";
	if (m->digits && m->kind != HR_MASK_HASH && m->kind != HR_MASK_FAKE)
		return "digits are of hash and fake";
	if (w->as && m->kind != HR_MASK_TOKENIZE && m->kind != HR_MASK_FAKE && m->kind != HR_MASK_GENERALIZE)
		return "as is of tokenize, fake and generalize";
	if (m->domain && (m->kind == HR_MASK_REDACT || m->kind == HR_MASK_NULL || m->kind == HR_MASK_GENERALIZE ||
	    m->kind == HR_MASK_SERVICE))
		return "domain is of what uses the key";
	return NULL;
}

static int
settle_mask(struct hr_yaml *l, const yaml_node_t *n, struct mask_words *w)
{
	const char *wrong = of_another(w);

	if (wrong)
		return hr_yaml_fail(l, n, "%s", wrong);
	switch (w->m.kind) {
	case HR_MASK_GENERALIZE: return settle_coarse(l, n, w);
	case HR_MASK_FAKE: return settle_fake(l, n, w);
	case HR_MASK_NOISE:
		if (!(w->m.scale > 0))
			return hr_yaml_fail(l, n, "noise needs a 'scale' above 0");
		w->m.laplace = w->shape && strcmp(w->shape, "laplace") == 0;
		return 0;
	case HR_MASK_SERVICE:
		if (w->m.command == NULL)
			return hr_yaml_fail(l, n, "service needs a 'command'");
		return 0;
	case HR_MASK_TOKENIZE:
		if (w->as && strcmp(w->as, "text") != 0 && strcmp(w->as, "email") != 0)
			return hr_yaml_fail(l, n, "'as' of tokenize can be 'text' or 'email', not '%s'", w->as);
		if (w->m.keep_domain && (w->as == NULL || strcmp(w->as, "email") != 0))
			return hr_yaml_fail(l, n, "keep_domain is of tokenize as email");
		w->m.as = w->as;
		w->as = NULL;
		return 0;
	case HR_MASK_REDACT:
		w->m.text = w->text;
		w->text = NULL;
		return 0;
	case HR_MASK_HASH:
	case HR_MASK_NULL: return 0;
	}
	return 0;
}

static void
clear_mask(struct hr_rule_mask *m)
{
	free(m->column);
	free(m->domain);
	free(m->as);
	free(m->command);
	free(m->text);
	free(m->from);
	free(m->least);
	free(m->most);
}

static void
clear_names(struct hr_names *n)
{
	size_t i;

	for (i = 0; i < n->n; i++)
		free(n->v[i]);
	free(n->v);
	*n = (struct hr_names){ .v = NULL };
}

static int
take_mask(struct hr_yaml *l, const yaml_node_t *name, const yaml_node_t *n, struct hr_rule_mask *m)
{
	static const struct hr_yaml_key key[] = {
		{ "by", take_by, .at = 0, .required = true },
		{ "domain", hr_yaml_take_text, .at = HERE(mask_words, m.domain) },
		{ "intended", hr_yaml_take_bool, .at = HERE(mask_words, m.intended) },
		{ "plain", hr_yaml_take_bool, .at = HERE(mask_words, m.plain) },
		{ "digits", hr_yaml_take_int, .at = HERE(mask_words, m.digits), .low = 1, .high = 64 },
		{ "as", hr_yaml_take_text, .at = HERE(mask_words, as) },
		{ "keep_domain", hr_yaml_take_bool, .at = HERE(mask_words, m.keep_domain) },
		{ "command", hr_yaml_take_text, .at = HERE(mask_words, m.command) },
		{ "batch", hr_yaml_take_int, .at = HERE(mask_words, m.batch), .low = 1, .high = 100000 },
		{ "text", hr_yaml_take_text, .at = HERE(mask_words, text) },
		{ "range", hr_yaml_take_number, .at = HERE(mask_words, m.width), .low = 1, .high = INT64_MAX },
		{ "origin", take_whole, .at = HERE(mask_words, m.origin) },
		{ "ages", take_ages, .at = 0 },
		{ "unit", hr_yaml_take_text, .at = HERE(mask_words, unit) },
		{ "first", hr_yaml_take_number, .at = HERE(mask_words, m.first), .low = 1, .high = 10485760 },
		{ "prefix", hr_yaml_take_int, .at = HERE(mask_words, m.prefix), .low = 0, .high = 32 },
		{ "prefix6", hr_yaml_take_int, .at = HERE(mask_words, m.prefix6), .low = 0, .high = 128 },
		{ "of", hr_yaml_take_text, .at = HERE(mask_words, of) },
		{ "days", hr_yaml_take_number, .at = HERE(mask_words, m.days), .low = 1, .high = 36500 },
		{ "scale", take_double, .at = HERE(mask_words, m.scale) },
		{ "shape", hr_yaml_take_word, .at = HERE(mask_words, shape), .words = "uniform laplace" },
		{ "min", hr_yaml_take_text, .at = HERE(mask_words, m.least) },
		{ "max", hr_yaml_take_text, .at = HERE(mask_words, m.most) },
	};
	struct mask_words w = { .m = { .prefix = -1, .prefix6 = -1 } };
	int rc = n->type == YAML_MAPPING_NODE ? hr_yaml_keys(l, "a mask", n, key, HR_COUNT(key), &w) :
	    take_kind(l, n, &w.m.kind);

	if (rc == 0)
		rc = settle_mask(l, n, &w);
	free(w.by);
	free(w.as);
	free(w.unit);
	free(w.shape);
	free(w.of);
	free(w.text);
	clear_names(&w.bounds);
	*m = w.m;
	m->column = hr_strdup(hr_yaml_text(name));
	m->place = place_of(name);
	return rc;
}

static int
take_masks(struct hr_yaml *l, const struct hr_yaml_key *k, const yaml_node_t *n, void *to)
{
	struct hr_rule *r = to;
	const yaml_node_pair_t *p;
	size_t cap = 0;

	if (n->type != YAML_MAPPING_NODE)
		return hr_yaml_fail(l, n, "'%s' must be a mapping of columns to masks", k->name);
	if (hr_yaml_check_keys(l, n, "column") < 0)
		return -1;
	for (p = n->data.mapping.pairs.start; p < n->data.mapping.pairs.top; p++) {
		HR_GROW(r->mask, r->masks, cap);
		if (take_mask(l, hr_yaml_node(l, p->key), hr_yaml_node(l, p->value), &r->mask[r->masks++]) < 0)
			return -1;
	}
	return 0;
}

/* --- what is added --- */

static int
take_add(struct hr_yaml *l, const yaml_node_t *name, const yaml_node_t *n, struct hr_rule_add *a)
{
	static const struct hr_yaml_key key[] = {
		{ "value", hr_yaml_take_text, .at = HERE(hr_rule_add, value) },
		{ "type", hr_yaml_take_text, .at = HERE(hr_rule_add, type) },
		{ "lookup", hr_yaml_take_text, .at = HERE(hr_rule_add, file) },
		{ "key", hr_yaml_take_text, .at = HERE(hr_rule_add, key) },
		{ "by", hr_yaml_take_text, .at = HERE(hr_rule_add, by) },
		{ "give", hr_yaml_take_text, .at = HERE(hr_rule_add, give) },
	};

	a->place = place_of(name);
	a->column = hr_strdup(hr_yaml_text(name));
	if (n->type != YAML_MAPPING_NODE) {
		if (hr_yaml_scalar(l, n, a->column) < 0)
			return -1;
		a->value = hr_strdup(hr_yaml_text(n));
		return 0;
	}
	if (hr_yaml_keys(l, "an added column", n, key, HR_COUNT(key), a) < 0)
		return -1;
	if (a->file && (a->value || a->key == NULL || a->by == NULL || a->give == NULL))
		return hr_yaml_fail(l, n, "a lookup has 'key', 'by' and 'give', and no 'value'");
	if (a->file)
		a->lookup = hr_zalloc(sizeof(*a->lookup));
	if (a->file == NULL && (a->value == NULL || a->key || a->by || a->give))
		return hr_yaml_fail(l, n, "'%s' needs a 'value' or a 'lookup'", a->column);
	return 0;
}

static int
take_adds(struct hr_yaml *l, const struct hr_yaml_key *k, const yaml_node_t *n, void *to)
{
	struct hr_rule *r = to;
	const yaml_node_pair_t *p;
	size_t cap = 0;

	if (n->type != YAML_MAPPING_NODE)
		return hr_yaml_fail(l, n, "'%s' must be a mapping of columns to values", k->name);
	if (hr_yaml_check_keys(l, n, "column") < 0)
		return -1;
	for (p = n->data.mapping.pairs.start; p < n->data.mapping.pairs.top; p++) {
		HR_GROW(r->add, r->adds, cap);
		r->add[r->adds] = (struct hr_rule_add){ .column = NULL };
		if (take_add(l, hr_yaml_node(l, p->key), hr_yaml_node(l, p->value), &r->add[r->adds++]) < 0)
			return -1;
	}
	return 0;
}

/* --- a rule, and all of them --- */

static int
take_columns(struct hr_yaml *l, const struct hr_yaml_key *k, const yaml_node_t *n, void *to)
{
	static const struct hr_yaml_key key[] = {
		{ "only", take_names, .at = HERE(hr_rule, only) },
		{ "leave_out", take_names, .at = HERE(hr_rule, leave_out) },
	};

	return hr_yaml_keys(l, k->name, n, key, HR_COUNT(key), to);
}

static int
take_filter(struct hr_yaml *l, const struct hr_yaml_key *k, const yaml_node_t *n, void *to)
{
	struct hr_rule *r = to;

	r->filter_place = place_of(n);
	return hr_yaml_take_text(l, k, n, &r->filter);
}

static int
take_rule(struct hr_yaml *l, const yaml_node_t *n, struct hr_rule *r)
{
	static const struct hr_yaml_key key[] = {
		{ "tables", take_tables, .at = HERE(hr_rule, tables), .required = true },
		{ "tenants", take_names, .at = HERE(hr_rule, tenants) },
		{ "columns", take_columns, .at = 0 },
		{ "validate", take_checks, .at = 0 },
		{ "mask", take_masks, .at = 0 },
		{ "filter", take_filter, .at = 0 },
		{ "enrich", take_adds, .at = 0 },
		{ "aggregate", hr_rules_take_aggregates, .at = 0 },
	};
	size_t i;

	r->place = place_of(n);
	if (hr_yaml_keys(l, "a rule", n, key, HR_COUNT(key), r) < 0)
		return -1;
	if (r->only.n + r->leave_out.n + r->checks + r->masks + r->adds + r->aggregates == 0 && r->filter == NULL)
		return hr_yaml_fail(l, n, "the rule does nothing");
	for (i = 0; i < r->masks && r->tenants.n; i++)
		if (r->mask[i].kind == HR_MASK_GENERALIZE && (r->mask[i].coarse == HR_COARSE_AGE || r->mask[i].as_text)) {
			hr_yaml_fail(l, n, "the mask makes text of column '%s', which is so for all tenants alike", r->mask[i].column);
			return hr_hint(l->e, "leave 'tenants' out of this rule");
		}
	if (r->tenants.n && (r->only.n || r->leave_out.n || r->adds)) {
		hr_yaml_fail(l, n, "columns of a table are left out or added for all tenants alike");
		return hr_hint(l->e, "leave 'tenants' out of this rule; values may differ by $tenant");
	}
	if (r->tenants.n && r->aggregates) {
		hr_yaml_fail(l, n, "rows are aggregated for all tenants alike");
		return hr_hint(l->e, "leave 'tenants' out of this rule; group by $tenant");
	}
	return 0;
}

static int
take_rules(struct hr_yaml *l, const struct hr_yaml_key *k, const yaml_node_t *n, void *to)
{
	struct hr_rules *r = to;
	const yaml_node_item_t *i;
	size_t cap = 0;

	if (n->type != YAML_SEQUENCE_NODE)
		return hr_yaml_fail(l, n, "'%s' must be a list of rules", k->name);
	for (i = n->data.sequence.items.start; i < n->data.sequence.items.top; i++) {
		HR_GROW(r->rule, r->rules, cap);
		r->rule[r->rules] = (struct hr_rule){ .filter = NULL };
		if (take_rule(l, hr_yaml_node(l, *i), &r->rule[r->rules++]) < 0)
			return -1;
		r->aggregates |= r->rule[r->rules - 1].aggregates > 0;
	}
	return 0;
}

static int
take_which_tables(struct hr_yaml *l, const struct hr_yaml_key *k, const yaml_node_t *n, void *to)
{
	static const struct hr_yaml_key key[] = {
		{ "only", take_tables, .at = HERE(hr_rules, only) },
		{ "leave_out", take_tables, .at = HERE(hr_rules, leave_out) },
	};

	return hr_yaml_keys(l, k->name, n, key, HR_COUNT(key), to);
}

static int
take_messages(struct hr_yaml *l, const struct hr_yaml_key *k, const yaml_node_t *n, void *to)
{
	int i = hr_yaml_which_word(l, k, n);

	if (i < 0)
		return -1;
	((struct hr_rules *)to)->messages = i == 0;
	return 0;
}

static int
take_root(struct hr_yaml *l, const yaml_node_t *root, void *to)
{
	static const struct hr_yaml_key key[] = {
		{ "key", hr_yaml_take_text, .at = HERE(hr_rules, key) },
		{ "tables", take_which_tables, .at = 0 },
		{ "messages", take_messages, .at = 0, .words = "pass leave-out" },
		{ "rules", take_rules, .at = 0 },
	};

	return hr_yaml_keys(l, "the file", root, key, HR_COUNT(key), to);
}

int
hr_rules_parse(struct hr_rules *r, const char *path, const char *text, size_t len, struct hr_err *e)
{
	r->path = hr_strdup(path);
	if (hr_yaml_parse(path, text, len, "list of rules", take_root, r, e) == 0)
		return 0;
	hr_rules_clear(r);
	return -1;
}

static void
settle_path(char **path, const char *of)
{
	char *whole = *path ? hr_file_path(of, *path) : NULL;

	free(*path);
	*path = whole;
}

int
hr_rules_load(struct hr_rules *r, const char *path, struct hr_err *e)
{
	struct hr_buf b = HR_BUF_INIT;
	int rc = hr_file_read(path, HR_YAML_MAX, &b, e);
	size_t i, k;

	if (rc == 0)
		rc = hr_rules_parse(r, path, (const char *)b.data, b.len, e);
	hr_buf_clear(&b);
	if (rc < 0)
		return -1;
	settle_path(&r->key, path);
	for (i = 0; i < r->rules; i++)
		for (k = 0; k < r->rule[i].adds; k++)
			settle_path(&r->rule[i].add[k].file, path);
	return 0;
}

static void
clear_rule(struct hr_rule *r)
{
	size_t i;

	clear_names(&r->tables);
	clear_names(&r->tenants);
	clear_names(&r->only);
	clear_names(&r->leave_out);
	for (i = 0; i < r->checks; i++) {
		struct hr_rule_check *c = &r->check[i];

		free(c->column);
		free(c->type);
		free(c->least);
		free(c->most);
		free(c->pattern);
		free(c->expression);
		clear_names(&c->values);
		clear_names(&c->json);
	}
	for (i = 0; i < r->masks; i++)
		clear_mask(&r->mask[i]);
	for (i = 0; i < r->adds; i++) {
		struct hr_rule_add *a = &r->add[i];

		free(a->column);
		free(a->value);
		free(a->type);
		free(a->file);
		free(a->key);
		free(a->by);
		free(a->give);
		if (a->lookup)
			hr_lookup_clear(a->lookup);
		free(a->lookup);
	}
	for (i = 0; i < r->aggregates; i++)
		hr_rule_aggregate_clear(&r->aggregate[i]);
	free(r->aggregate);
	free(r->check);
	free(r->mask);
	free(r->add);
	free(r->filter);
}

void
hr_rules_clear(struct hr_rules *r)
{
	size_t i;

	for (i = 0; i < r->rules; i++)
		clear_rule(&r->rule[i]);
	free(r->rule);
	clear_names(&r->only);
	clear_names(&r->leave_out);
	free(r->key);
	free(r->path);
	*r = (struct hr_rules)HR_RULES_INIT;
}

int
hr_rules_at(const struct hr_rules *r, struct hr_place p, struct hr_err *e)
{
	e->code = HR_CONFIG;
	return hr_within(e, "%s:%d:%d", r->path, p.line, p.column);
}

bool
hr_names_match(const struct hr_names *n, const char *name)
{
	size_t i;

	for (i = 0; i < n->n; i++)
		if (fnmatch(n->v[i], name, FNM_NOESCAPE) == 0)
			return true;
	return false;
}

bool
hr_rules_leave_out(const struct hr_rules *r, const char *table)
{
	return (r->only.n && !hr_names_match(&r->only, table)) || hr_names_match(&r->leave_out, table);
}

bool
hr_rules_keep(const struct hr_rules *r, const char *table, const char *column)
{
	size_t i;

	for (i = 0; i < r->rules; i++) {
		const struct hr_rule *rule = &r->rule[i];

		if (hr_names_match(&rule->tables, table) && ((rule->only.n && !hr_names_match(&rule->only, column)) ||
		    hr_names_match(&rule->leave_out, column)))
			return false;
	}
	return true;
}

bool
hr_rules_mask(const struct hr_rules *r, const char *table, const char *column)
{
	size_t i, k;

	for (i = 0; i < r->rules; i++)
		for (k = 0; k < r->rule[i].masks; k++)
			if (hr_names_match(&r->rule[i].tables, table) &&
			    fnmatch(r->rule[i].mask[k].column, column, FNM_NOESCAPE) == 0)
				return true;
	return false;
}

const char *
hr_mask_word(enum hr_mask_kind kind)
{
	static const char *const word[] = {
		"hash", "tokenize", "service", "redact", "null", "generalize", "fake", "noise",
	};

	return word[kind];
}
