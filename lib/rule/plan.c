/* plan.c - rules bound to a table. */

#include "base/hr.h"

#include <fnmatch.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "rule/plan.h"

/* A plan in the making. */
struct making {
	struct hr_plan *p;
	const struct hr_rules *rules;
	const struct hr_key *key;
	const char *tenant;
	char *table;		/* schema.name */
	struct hr_err *e;
};

static int
at(const struct making *k, struct hr_place place)
{
	return hr_rules_at(k->rules, place, k->e);
}

static void
put_quoted(struct hr_buf *b, const char *s, char quote)
{
	hr_buf_u8(b, (uint8_t)quote);
	for (; *s; s++) {
		if (*s == quote)
			hr_buf_u8(b, (uint8_t)quote);
		hr_buf_u8(b, (uint8_t)*s);
	}
	hr_buf_u8(b, (uint8_t)quote);
}

/* --- checks --- */

/*
 * Does what decides about a row depend on more than can be known of the row that
 * was?  Of that only what it had counts, not when it was written.
 */
static bool
decides_by_row(struct making *k, const struct hr_expr *x)
{
	struct hr_plan *p = k->p;
	int i;

	for (i = 0; i < p->in->columns; i++)
		if (hr_expr_reads(x, i) && !p->in->column[i].key)
			p->filter_by_key = false;
	p->by_whose |= hr_relation_mixed(p->in) && hr_expr_reads_var(x, HR_VAR_TENANT);
	for (i = 0; i < HR_VARS; i++)
		if (hr_expr_reads_var(x, (enum hr_expr_var)i) && i != HR_VAR_TENANT && i != HR_VAR_SCHEMA && i != HR_VAR_TABLE)
			return false;
	return true;
}

static int
add_check(struct making *k, const struct hr_rule_check *c, const char *text, const char *fmt, const char *what)
{
	struct hr_plan *p = k->p;
	struct hr_expr *x = hr_expr_new_filter(text, p->in, k->e);

	if (x == NULL)
		return at(k, c->place);
	p->check = hr_realloc(p->check, p->checks + 1, sizeof(*p->check));
	if (c->otherwise != HR_OTHERWISE_REFUSE && !decides_by_row(k, x)) {
		hr_expr_free(x);
		hr_fail(k->e, HR_CONFIG, "a check that parks or drops is of what the row has, and $tenant, $schema and $table");
		return at(k, c->place);
	}
	p->decides |= c->otherwise != HR_OTHERWISE_REFUSE;
	p->check[p->checks++] = (struct hr_plan_check){ x, hr_sprintf(fmt, c->column ? c->column : "", what), c->otherwise };
	return 0;
}

/* One that compares the column with a text: OPERATOR 'text'. */
static int
add_comparison(struct making *k, const struct hr_rule_check *c, const char *op, const char *text, const char *fmt)
{
	struct hr_buf b = HR_BUF_INIT;
	int rc;

	if (text == NULL)
		return 0;
	put_quoted(&b, c->column, '"');
	hr_buf_puts(&b, op);
	put_quoted(&b, text, '\'');
	rc = add_check(k, c, hr_buf_text(&b), fmt, text);
	hr_buf_clear(&b);
	return rc;
}

static int
add_values(struct making *k, const struct hr_rule_check *c)
{
	struct hr_buf b = HR_BUF_INIT;
	size_t i;
	int rc;

	if (c->values.n == 0)
		return 0;
	put_quoted(&b, c->column, '"');
	for (i = 0; i < c->values.n; i++) {
		hr_buf_puts(&b, i ? ", " : " IN (");
		put_quoted(&b, c->values.v[i], '\'');
	}
	hr_buf_puts(&b, ")");
	rc = add_check(k, c, hr_buf_text(&b), "column '%s' is none of the values%s", "");
	hr_buf_clear(&b);
	return rc;
}

/* "a.b:number": the path is there, and of that type. */
static int
add_json(struct making *k, const struct hr_rule_check *c, const char *shape)
{
	const char *colon = strchr(shape, ':'), *s;
	struct hr_buf b = HR_BUF_INIT;
	int rc;

	put_quoted(&b, c->column, '"');
	hr_buf_puts(&b, " IS NULL OR coalesce(json_typeof(");
	put_quoted(&b, c->column, '"');
	hr_buf_puts(&b, "::json #> '{");
	for (s = shape; *s && s != colon; s++)
		if (*s == '\'')
			hr_buf_puts(&b, "''");
		else
			hr_buf_u8(&b, (uint8_t)(*s == '.' ? ',' : *s));
	hr_buf_puts(&b, "}')");
	hr_buf_printf(&b, ", '') %s ", colon ? "=" : "<>");
	put_quoted(&b, colon ? colon + 1 : "", '\'');
	rc = add_check(k, c, hr_buf_text(&b), "column '%s' has no %s", shape);
	hr_buf_clear(&b);
	return rc;
}

static int
check_type(struct making *k, const struct hr_rule_check *c, const struct hr_column *column)
{
	enum hr_type want = hr_type_word(c->type);

	if (strcmp(c->type, column->type_name) == 0 || (want != HR_TYPE_NONE && want == hr_type_of_column(column)))
		return 0;
	hr_fail(k->e, HR_CONFIG, "column '%s' of %s is %s, not %s", c->column, k->table, column->type_name, c->type);
	return at(k, c->place);
}

static int
bind_check(struct making *k, const struct hr_rule_check *c)
{
	struct hr_buf b = HR_BUF_INIT;
	int i, rc = 0;
	size_t j;

	if (c->expression)
		return add_check(k, c, c->expression, "%.0sthe check '%s' is false", c->expression);
	i = hr_relation_column(k->p->in, c->column);
	if (i < 0) {
		hr_fail(k->e, HR_CONFIG, "%s has no column '%s'", k->table, c->column);
		return at(k, c->place);
	}
	if (c->type && check_type(k, c, &k->p->in->column[i]) < 0)
		return -1;
	if (c->required) {
		put_quoted(&b, c->column, '"');
		hr_buf_puts(&b, " IS NOT NULL");
		rc = add_check(k, c, hr_buf_text(&b), "column '%s' is NULL%s", "");
		hr_buf_clear(&b);
	}
	if (rc < 0 || add_comparison(k, c, " >= ", c->least, "column '%s' is below %s") < 0 ||
	    add_comparison(k, c, " <= ", c->most, "column '%s' is above %s") < 0 ||
	    add_comparison(k, c, " ~ ", c->pattern, "column '%s' does not match %s") < 0 || add_values(k, c) < 0)
		return -1;
	for (j = 0; j < c->json.n; j++)
		if (add_json(k, c, c->json.v[j]) < 0)
			return -1;
	return 0;
}

/* --- masks --- */

static bool
in_steps(const struct hr_relation *r, const char *column)
{
	int i;

	for (i = 0; r->steps && i < r->step[0].columns; i++)
		if (strcmp(r->step[0].from[i], column) == 0)
			return true;
	return false;
}

static void
set_type(struct hr_column *c, const char *schema, const char *name, uint32_t oid, int32_t typmod)
{
	free(c->type_schema);
	free(c->type_name);
	c->type_schema = hr_strdup(schema);
	c->type_name = hr_strdup(name);
	c->type = oid;
	c->typmod = typmod;
}

/* What a mask must not do to a column that something depends on. */
static int
check_mask(struct making *k, const struct hr_rule_mask *m, int i)
{
	const struct hr_relation *r = k->p->in;
	const struct hr_column *c = &r->column[i];

	if (i == r->tenant_column || in_steps(r, c->name)) {
		hr_fail(k->e, HR_CONFIG, "column '%s' of %s says which tenant a row is of, and cannot be masked", c->name,
		    k->table);
		return at(k, m->place);
	}
	if (!c->key || r->identity == 'f' || hr_mask_injective(k->p->mask[i]))
		return 0;
	if (m->kind == HR_MASK_NULL || !m->intended) {
		hr_fail(k->e, HR_CONFIG, "column '%s' of %s is part of its replica identity, and %s makes one of different values",
		    c->name, k->table, hr_mask_word(m->kind));
		hr_hint(k->e, "mask it by tokenize or a hash of 32 digits or more%s",
		    m->kind == HR_MASK_NULL ? "" : ", or say 'intended: true'");
		return at(k, m->place);
	}
	return 0;
}

static int
bind_mask(struct making *k, const struct hr_rule_mask *m, bool *met)
{
	struct hr_plan *p = k->p;
	struct hr_column out;
	int i;

	for (i = 0; i < p->in->columns; i++) {
		struct hr_column *c = &p->in->column[i];

		if (fnmatch(m->column, c->name, FNM_NOESCAPE) != 0)
			continue;
		*met = true;
		/* The first rule that masks a column is the one. */
		if (p->mask[i])
			continue;
		if (hr_mask_new(&p->mask[i], m, c, k->key, &out, k->e) < 0)
			return at(k, m->place);
		if (check_mask(k, m, i) < 0)
			return -1;
		if (out.type_name != c->type_name)
			set_type(&p->masked->column[i], out.type_schema, out.type_name, out.type, out.typmod);
		p->asks |= hr_mask_service(p->mask[i]) != NULL;
		p->of[i] = i;
		if (m->from && (p->of[i] = hr_relation_column(p->in, m->from)) < 0) {
			hr_fail(k->e, HR_CONFIG, "%s has no column '%s'", k->table, m->from);
			return at(k, m->place);
		}
		/* Of an old row only the identity may be there. */
		if (m->from && c->key && !p->in->column[p->of[i]].key) {
			hr_fail(k->e, HR_CONFIG, "column '%s' is part of the replica identity, and '%s' is not", c->name, m->from);
			return at(k, m->place);
		}
	}
	return 0;
}

/* --- columns --- */

static int
bind_columns(struct making *k, const struct hr_rule *r)
{
	struct hr_plan *p = k->p;
	int i;

	for (i = 0; i < p->in->columns; i++) {
		const struct hr_column *c = &p->in->column[i];

		if ((r->only.n == 0 || hr_names_match(&r->only, c->name)) && !hr_names_match(&r->leave_out, c->name))
			continue;
		p->kept[i] = false;
		if (i == p->in->tenant_column || in_steps(p->in, c->name)) {
			hr_fail(k->e, HR_CONFIG, "column '%s' of %s says which tenant a row is of, and cannot be left out",
			    c->name, k->table);
			return at(k, r->place);
		}
		if (c->key && p->in->identity != 'f') {
			hr_fail(k->e, HR_CONFIG, "column '%s' of %s is part of its replica identity, and cannot be left out",
			    c->name, k->table);
			return at(k, r->place);
		}
	}
	return 0;
}

static int
bind_filter(struct making *k, const struct hr_rule *r)
{
	struct hr_plan *p = k->p;
	struct hr_expr *x = hr_expr_new_filter(r->filter, p->masked, k->e);

	if (x == NULL)
		return at(k, r->filter_place);
	p->filter = hr_realloc(p->filter, p->filters + 1, sizeof(*p->filter));
	p->filter[p->filters++] = x;
	if (!decides_by_row(k, x)) {
		hr_fail(k->e, HR_CONFIG, "a filter is of what the row has, and $tenant, $schema and $table");
		return at(k, r->filter_place);
	}
	return 0;
}

/* Does it depend on more than the row? */
static bool
of_the_moment(const struct hr_expr *x)
{
	return hr_expr_reads_var(x, HR_VAR_OP) || hr_expr_reads_var(x, HR_VAR_XID) ||
	    hr_expr_reads_var(x, HR_VAR_LSN) || hr_expr_reads_var(x, HR_VAR_COMMIT_TIME);
}

static int
bind_add(struct making *k, const struct hr_rule_add *a)
{
	struct hr_plan *p = k->p;
	struct hr_plan_add *new;
	struct hr_column as = { .typmod = -1 };
	enum hr_type type = HR_TYPE_TEXT;
	char schema[] = "pg_catalog";
	size_t i;

	for (i = 0; i < p->adds && strcmp(p->add[i].rule->column, a->column) != 0; i++)
		;
	if (i < p->adds || hr_relation_column(p->in, a->column) >= 0) {
		hr_fail(k->e, HR_CONFIG, "%s has a column '%s' already", k->table, a->column);
		return at(k, a->place);
	}
	if (a->type && ((type = hr_type_word(a->type)) == HR_TYPE_NONE || type == HR_TYPE_OTHER)) {
		hr_fail(k->e, HR_CONFIG, "'%s' is no type that a column can be added with", a->type);
		return at(k, a->place);
	}
	if (a->file && a->type && type != HR_TYPE_TEXT) {
		hr_fail(k->e, HR_CONFIG, "what is looked up is text");
		return at(k, a->place);
	}
	if ((size_t)p->in->columns + p->adds >= HR_COLUMNS_MAX) {
		hr_fail(k->e, HR_CONFIG, "%s would have more than %d columns", k->table, HR_COLUMNS_MAX);
		return at(k, a->place);
	}
	p->add = hr_realloc(p->add, p->adds + 1, sizeof(*p->add));
	new = &p->add[p->adds++];
	*new = (struct hr_plan_add){ .rule = a };
	as.name = a->column;
	as.type_schema = schema;
	as.type_name = (char *)(uintptr_t)hr_type_catalog_name(type);
	as.type = hr_type_oid(type);
	new->x = hr_expr_new(a->file ? a->key : a->value, p->masked, a->file || a->type ? &as : NULL, k->e);
	if (new->x == NULL)
		return at(k, a->place);
	new->type = a->file || a->type ? type : hr_expr_type(new->x);
	if (*hr_type_catalog_name(new->type) == '\0')
		new->type = HR_TYPE_TEXT;
	if (p->in->identity == 'f' && of_the_moment(new->x)) {
		hr_fail(k->e, HR_CONFIG, "%s is REPLICA IDENTITY FULL: its old rows would not have the '%s' that they were "
		    "written with", k->table, a->column);
		hr_hint(k->e, "give it a key, or let the value be of the row alone");
		return at(k, a->place);
	}
	if (a->lookup && !a->lookup->open && hr_lookup_open(a->lookup, a->file, a->by, a->give, k->e) < 0)
		return at(k, a->place);
	return 0;
}

/* --- all of it --- */

static bool
applies(const struct making *k, const struct hr_rule *r)
{
	return hr_names_match(&r->tables, k->table) &&
	    (r->tenants.n == 0 || (k->tenant && hr_names_match(&r->tenants, k->tenant)));
}

bool
hr_plan_says_whose(const struct hr_relation *r)
{
	return !hr_relation_mixed(r) || (r->tenancy == 'c' && r->tenant_column >= 0 && r->column[r->tenant_column].key);
}

/*
 * A table that all tenants share is the same for all.  So are the keys of a table
 * that has rows of many, unless the tenant is one of them: a delete by key may be
 * anybody's, and one tenant's tokens would meet another one's keys.
 */
static int
check_tenants(struct making *k, const struct hr_rule *r)
{
	const struct hr_relation *in = k->p->in;
	bool decides = r->filter != NULL;
	size_t m;
	int i;

	if (r->tenants.n == 0 || !hr_names_match(&r->tables, k->table))
		return 0;
	if (in->tenancy == 'a') {
		hr_fail(k->e, HR_CONFIG, "%s is shared by all tenants, and the rule is of some", k->table);
		return at(k, r->place);
	}
	for (m = 0; m < r->masks && !hr_plan_says_whose(in); m++)
		for (i = 0; i < in->columns; i++)
			if (in->column[i].key && fnmatch(r->mask[m].column, in->column[i].name, FNM_NOESCAPE) == 0) {
				hr_fail(k->e, HR_CONFIG, "column '%s' of %s is part of its replica identity, which does not say whose "
				    "a row is, and cannot be masked for some tenants", in->column[i].name, k->table);
				hr_hint(k->e, "mask it for all tenants");
				return at(k, r->mask[m].place);
			}
	for (m = 0; m < r->checks; m++)
		decides |= r->check[m].otherwise != HR_OTHERWISE_REFUSE;
	k->p->by_whose |= hr_relation_mixed(in) && decides;
	return 0;
}

static int
bind_rule(struct making *k, const struct hr_rule *r)
{
	size_t i;

	for (i = 0; i < r->checks; i++)
		if (bind_check(k, &r->check[i]) < 0)
			return -1;
	for (i = 0; i < r->masks; i++) {
		bool met = false;

		if (bind_mask(k, &r->mask[i], &met) < 0)
			return -1;
		/* A name that is no pattern is meant to be there. */
		if (!met && strpbrk(r->mask[i].column, "*?[") == NULL && r->tables.n == 1 &&
		    strpbrk(r->tables.v[0], "*?[") == NULL) {
			hr_fail(k->e, HR_CONFIG, "%s has no column '%s'", k->table, r->mask[i].column);
			return at(k, r->mask[i].place);
		}
	}
	return bind_columns(k, r);
}

/* What looks at masked columns comes when all masks are known. */
static int
bind_second(struct making *k, const struct hr_rule *r)
{
	size_t i;

	if (r->filter && bind_filter(k, r) < 0)
		return -1;
	for (i = 0; i < r->adds; i++)
		if (bind_add(k, &r->add[i]) < 0)
			return -1;
	return 0;
}

/* The columns that go on, and those that are added. */
static void
make_out(struct hr_plan *p, struct hr_err *e)
{
	struct hr_relation *out = hr_relation_copy(p->masked, e);
	int i, n = 0;
	size_t j;

	p->out = out;
	if (out == NULL)
		return;
	out->tenant_column = -1;
	for (i = 0; i < p->in->columns; i++) {
		if (!p->kept[i]) {
			free(out->column[i].name);
			free(out->column[i].type_schema);
			free(out->column[i].type_name);
			continue;
		}
		if (i == p->in->tenant_column)
			out->tenant_column = n;
		out->column[n++] = out->column[i];
	}
	out->column = hr_realloc(out->column, (size_t)n + p->adds + 1, sizeof(*out->column));
	for (j = 0; j < p->adds; j++) {
		out->column[n] = (struct hr_column){ .name = hr_strdup(p->add[j].rule->column), .typmod = -1 };
		set_type(&out->column[n++], "pg_catalog", hr_type_catalog_name(p->add[j].type), hr_type_oid(p->add[j].type), -1);
	}
	out->columns = n;
}

/* The same with all columns, those that are left out too. */
static void
make_all(struct hr_plan *p, struct hr_err *e)
{
	struct hr_relation *all = hr_relation_copy(p->masked, e);
	int i, adds = (int)p->adds, n = p->out->columns - adds;

	p->all = all;
	if (all == NULL)
		return;
	all->column = hr_realloc(all->column, (size_t)(all->columns + adds + 1), sizeof(*all->column));
	for (i = 0; i < adds; i++) {
		const struct hr_column *c = &p->out->column[n + i];
		struct hr_column *new = &all->column[all->columns++];

		*new = (struct hr_column){ .name = hr_strdup(c->name), .typmod = -1 };
		set_type(new, c->type_schema, c->type_name, c->type, -1);
	}
}

static void
mix_names(uint64_t *h, const struct hr_names *n)
{
	size_t i;

	hr_hash_mix_number(h, n->n);
	for (i = 0; i < n->n; i++)
		hr_hash_mix_text(h, n->v[i]);
}

static void
mix_check(uint64_t *h, const struct hr_rule_check *c)
{
	hr_hash_mix_text(h, c->column);
	hr_hash_mix_number(h, c->required);
	hr_hash_mix_text(h, c->least);
	hr_hash_mix_text(h, c->most);
	mix_names(h, &c->values);
	hr_hash_mix_text(h, c->pattern);
	mix_names(h, &c->json);
	hr_hash_mix_text(h, c->expression);
	hr_hash_mix_number(h, c->otherwise);
}

static void
mix_mask(uint64_t *h, const struct hr_rule_mask *m)
{
	const uint64_t number[] = {
		m->kind, m->plain, (uint64_t)m->digits, m->keep_domain, m->coarse, (uint64_t)m->width, (uint64_t)m->origin,
		m->as_text, m->unit, (uint64_t)m->first, (uint64_t)m->prefix, (uint64_t)m->prefix6, m->fake,
		(uint64_t)m->days, m->laplace,
	};

	hr_hash_mix_text(h, m->column);
	hr_hash_mix_text(h, m->domain);
	hr_hash_mix_text(h, m->as);
	hr_hash_mix_text(h, m->command);
	hr_hash_mix_text(h, m->text);
	hr_hash_mix_text(h, m->from);
	hr_hash_mix_text(h, m->least);
	hr_hash_mix_text(h, m->most);
	hr_hash_mix(h, number, sizeof(number));
	hr_hash_mix(h, m->bound, m->bounds * sizeof(*m->bound));
	hr_hash_mix(h, &m->scale, sizeof(m->scale));
}

/* With what is in the file: other values would be looked up for a row that goes than for the same that came. */
static void
mix_add(uint64_t *h, const struct hr_rule_add *a)
{
	hr_hash_mix_text(h, a->column);
	hr_hash_mix_text(h, a->value);
	hr_hash_mix_text(h, a->type);
	hr_hash_mix_text(h, a->key);
	hr_hash_mix_text(h, a->by);
	hr_hash_mix_text(h, a->give);
	if (a->lookup)
		hr_hash_mix_number(h, a->lookup->hash);
}

/* Of what decides which rows there are, and what is in them. */
static void
set_mark(struct making *k)
{
	const struct hr_rules *all = k->rules;
	uint64_t *h = &k->p->rules;
	size_t i, m;
	uint8_t secret[16];

	*h = 1;
	if (k->key && k->key->loaded) {
		hr_key_derive(k->key, "state", NULL, secret, sizeof(secret));
		hr_hash_mix(h, secret, sizeof(secret));
		OPENSSL_cleanse(secret, sizeof(secret));
	}
	for (i = 0; i < all->rules; i++) {
		const struct hr_rule *r = &all->rule[i];

		if (!hr_names_match(&r->tables, k->table))
			continue;
		mix_names(h, &r->tenants);
		hr_hash_mix_text(h, r->filter);
		for (m = 0; m < r->checks; m++)
			mix_check(h, &r->check[m]);
		for (m = 0; m < r->masks; m++)
			mix_mask(h, &r->mask[m]);
		for (m = 0; m < r->adds; m++)
			mix_add(h, &r->add[m]);
	}
}

static void
settle(struct making *k)
{
	struct hr_plan *p = k->p;
	int i;

	p->same_layout = p->adds == 0;
	p->decides |= p->filters > 0;
	p->opens = p->checks || p->filters || p->adds || p->by_whose || p->gathers;
	for (i = 0; i < p->in->columns; i++) {
		p->same_layout = p->same_layout && p->kept[i];
		p->opens = p->opens || p->mask[i] || !p->kept[i];
	}
}

int
hr_plan_new(struct hr_plan **out, const struct hr_rules *rules, const struct hr_relation *r, const char *tenant,
    const struct hr_key *key, struct hr_err *e)
{
	struct hr_plan *p = hr_zalloc(sizeof(*p));
	struct making k = { p, rules, key, tenant, hr_sprintf("%s.%s", r->schema, r->name), e };
	size_t i, a, n = (size_t)r->columns;
	bool pass = false;
	int rc = -1;

	*out = NULL;
	p->filter_by_key = true;
	p->mask = hr_zalloc((n + 1) * sizeof(struct hr_mask *));
	p->of = hr_zalloc((n + 1) * sizeof(*p->of));
	p->kept = hr_zalloc((n + 1) * sizeof(*p->kept));
	memset(p->kept, true, n);
	p->left_out = hr_rules_leave_out(rules, k.table);
	p->in = hr_relation_copy(r, e);
	p->masked = p->in ? hr_relation_copy(r, e) : NULL;
	if (p->masked == NULL)
		goto out;
	for (i = 0; i < rules->rules && !p->left_out; i++)
		if (check_tenants(&k, &rules->rule[i]) < 0 ||
		    (applies(&k, &rules->rule[i]) && bind_rule(&k, &rules->rule[i]) < 0))
			goto out;
	for (i = 0; i < rules->rules && !p->left_out; i++) {
		const struct hr_rule *rule = &rules->rule[i];

		if (!applies(&k, rule))
			continue;
		if (bind_second(&k, rule) < 0)
			goto out;
		p->gathers |= rule->aggregates > 0;
		for (a = 0; a < rule->aggregates; a++)
			pass |= rule->aggregate[a].pass;
	}
	make_out(p, e);
	if (p->out == NULL)
		goto out;
	settle(&k);
	if (p->gathers) {
		make_all(p, e);
		if (p->all == NULL)
			goto out;
		set_mark(&k);
		p->left_out = !pass;
	}
	rc = 0;
out:
	free(k.table);
	if (rc < 0)
		hr_plan_free(p);
	else
		*out = p;
	return rc;
}

void
hr_plan_free(struct hr_plan *p)
{
	size_t i;
	int c;

	if (p == NULL)
		return;
	for (c = 0; p->in && c < p->in->columns; c++)
		hr_mask_free(p->mask[c]);
	for (i = 0; i < p->checks; i++) {
		hr_expr_free(p->check[i].x);
		free(p->check[i].reason);
	}
	for (i = 0; i < p->filters; i++)
		hr_expr_free(p->filter[i]);
	for (i = 0; i < p->adds; i++)
		hr_expr_free(p->add[i].x);
	free(p->mask);
	free(p->of);
	free(p->kept);
	free(p->check);
	free(p->filter);
	free(p->add);
	hr_relation_free(p->in);
	hr_relation_free(p->masked);
	hr_relation_free(p->out);
	hr_relation_free(p->all);
	free(p);
}

void
hr_plan_describe(const struct hr_plan *p, struct hr_buf *out)
{
	size_t i;
	int c;

	if (p->left_out && !p->gathers) {
		hr_buf_printf(out, "%s.%s\tleft out\n", p->in->schema, p->in->name);
		return;
	}
	hr_buf_printf(out, "%s.%s\t%s\n", p->in->schema, p->in->name, p->left_out ? "aggregated" :
	    p->gathers ? "by rules, and aggregated" : p->opens ? "by rules" : "as it is");
	for (i = 0; i < p->checks; i++)
		hr_buf_printf(out, "\tcheck\t%s: %s\n", p->check[i].reason, p->check[i].otherwise == HR_OTHERWISE_REFUSE ?
		    "refused" : p->check[i].otherwise == HR_OTHERWISE_PARK ? "parked" : "dropped");
	for (c = 0; c < p->in->columns; c++) {
		if (p->mask[c]) {
			hr_buf_printf(out, "\t%s\t", p->in->column[c].name);
			hr_mask_describe(p->mask[c], out);
			if (strcmp(p->in->column[c].type_name, p->masked->column[c].type_name) != 0)
				hr_buf_printf(out, " (%s to %s)", p->in->column[c].type_name, p->masked->column[c].type_name);
			hr_buf_puts(out, "\n");
		}
		if (!p->kept[c])
			hr_buf_printf(out, "\t%s\tleft out\n", p->in->column[c].name);
	}
	if (p->filters)
		hr_buf_printf(out, "\tfilter\tof %s\n", p->in->identity == 'f' ? "old and new rows" :
		    p->filter_by_key ? "the key" : "new rows; rows are put or dropped");
	for (i = 0; i < p->adds; i++)
		hr_buf_printf(out, "\t%s\tadded, %s\n", p->add[i].rule->column, hr_type_name(p->add[i].type));
}
