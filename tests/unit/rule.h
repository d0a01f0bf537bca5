/*
 * rule.h - tables, rules and rows as short texts, for the tests of lib/rule; include
 * it once a program, behind tap.h.
 *
 * A table's columns are "id int4!, v varchar(10)", those of its identity with a '!';
 * with tenancy p its column parent refers to public.parents.
 * A row's values stand between bars, "7|Ann|~|?": a tilde is NULL, and what was not
 * sent is a question mark.
 */
#ifndef RULE_H
#define RULE_H

#include <stdlib.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "rule/plan.h"

static struct hr_key rule_key;

/* Gives. */
static struct hr_relation *
table(char identity, char tenancy, const char *columns)
{
	struct hr_relation *r = hr_zalloc(sizeof(*r));
	char name[64], type[64];
	int n, most = 0, scale = 0;

	if (!rule_key.loaded)
		hr_key_set(&rule_key, "0123456789abcdef", 16);
	r->id = 5;
	r->schema = hr_strdup("public");
	r->name = hr_strdup("t");
	r->identity = identity;
	r->tenancy = tenancy;
	r->tenant_column = -1;
	while (sscanf(columns, " %63[^ ] %63[^(!,]%n", name, type, &n) == 2) {
		struct hr_column *c;

		columns += n;
		r->column = hr_realloc(r->column, (size_t)r->columns + 1, sizeof(*r->column));
		c = &r->column[r->columns];
		*c = (struct hr_column){ .name = hr_strdup(name), .type_name = hr_strdup(type), .typmod = -1 };
		c->type_schema = hr_strdup(strcmp(type, "citext") == 0 || strcmp(type, "mood") == 0 ? "public" : "pg_catalog");
		c->type = hr_type_oid(hr_type_of_column(c));
		if (sscanf(columns, "(%d,%d)%n", &most, &scale, &n) == 2) {
			c->typmod = (most << 16 | scale) + 4;
			columns += n;
		} else if (sscanf(columns, "(%d)%n", &most, &n) == 1) {
			c->typmod = most + 4;
			columns += n;
		}
		c->key = *columns == '!' || identity == 'f';
		columns += *columns == '!';
		if (tenancy == 'c' && strcmp(name, "tenant") == 0)
			r->tenant_column = r->columns;
		r->columns++;
		columns += *columns == ',';
	}
	if (tenancy == 'p') {
		r->tenant_name = hr_strdup("tenant");
		r->steps = 1;
		r->step = hr_zalloc(sizeof(*r->step));
		*r->step = (struct hr_step){ hr_strdup("public"), hr_strdup("parents"), 1, hr_zalloc(sizeof(char *)),
		    hr_zalloc(sizeof(char *)) };
		r->step->from[0] = hr_strdup("parent");
		r->step->to[0] = hr_strdup("id");
	}
	return r;
}

/* Takes the texts apart, which are lent. */
static int values(const char *text, struct hr_value *v) __attribute__((unused));
static int
values(const char *text, struct hr_value *v)
{
	int n = 0;
	size_t len;

	for (;; text += len + 1) {
		len = strcspn(text, "|");
		if (len == 1 && (*text == '~' || *text == '?'))
			v[n++] = (struct hr_value){ NULL, *text == '~' ? HR_VALUE_NULL : HR_VALUE_UNCHANGED, false };
		else
			v[n++] = (struct hr_value){ (const uint8_t *)text, (int32_t)len, true };
		if (text[len] == '\0')
			return n;
	}
}

/* Append a value as its column's type writes it. */
static void put_value(struct hr_buf *b, const struct hr_column *c, const struct hr_value *v, struct hr_scratch *s)
    __attribute__((unused));
static void
put_value(struct hr_buf *b, const struct hr_column *c, const struct hr_value *v, struct hr_scratch *s)
{
	struct hr_err e = HR_ERR_INIT;
	struct hr_datum d;

	if (v->len < 0)
		hr_buf_puts(b, v->len == HR_VALUE_NULL ? "~" : "?");
	else if (v->text)
		hr_buf_put(b, v->data, (size_t)v->len);
	else if (hr_datum_read(&d, hr_type_of_column(c), v, s, &e) < 0)
		hr_buf_printf(b, "<no %s>", c->type_name);
	else
		hr_datum_format(b, &d);
}

/* Gives the plan, or NULL with *e set; what it is made of stays until the next one. */
static struct hr_plan *plan_of(const char *yaml, const struct hr_relation *r, const char *tenant, struct hr_err *e)
    __attribute__((unused));
static struct hr_plan *
plan_of(const char *yaml, const struct hr_relation *r, const char *tenant, struct hr_err *e)
{
	static struct hr_rules rules;
	struct hr_plan *p;

	hr_err_clear(e);
	hr_rules_clear(&rules);
	if (hr_rules_parse(&rules, "r.yaml", yaml, strlen(yaml), e) < 0 ||
	    hr_plan_new(&p, &rules, r, tenant, &rule_key, e) < 0)
		return NULL;
	return p;
}

#endif
