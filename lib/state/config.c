/*
 * config.c - read a pipeline's YAML file, strictly.
 *
 * libyaml's document keeps the mark of every node, so that each complaint
 * names file, line and column.  The keys of a mapping stand in a table with
 * the function that takes the value; what looks at two keys at once (a table's
 * column and the file's) comes after.  A file is read whole or not at all:
 * the first error ends it and leaves *c cleared.
 */

#include "base/hr.h"

#include <errno.h>
#include <fcntl.h>
#include <regex.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <yaml.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/opt.h"
#include "state/config.h"

#define FILE_MAX_BYTES (16 << 20)
#define NAME_MAX_BYTES 128
#define IDENTIFIER_MAX 63		/* PostgreSQL's NAMEDATALEN - 1 */

struct load {
	struct hr_config *c;
	yaml_document_t *doc;
	struct hr_err *e;
};

struct key {
	const char *name;
	int (*take)(struct load *l, const struct key *k, const yaml_node_t *n, void *to);
	size_t at;			/* where in what is filled */
	bool required;
	int64_t low, high;		/* of a number */
	const char *words;		/* of a word: "none add" */
};

/* --- complaints --- */

static int fail_mark(struct load *l, yaml_mark_t m, const char *fmt, ...) HR_PRINTF(3, 4);

#define fail_at(l, node, ...) fail_mark((l), (node)->start_mark, __VA_ARGS__)

static int
fail_mark(struct load *l, yaml_mark_t m, const char *fmt, ...)
{
	char what[sizeof(l->e->what)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	hr_fail(l->e, HR_CONFIG, "%s", what);
	return hr_within(l->e, "%s:%zu:%zu", l->c->path, m.line + 1, m.column + 1);
}

/* --- nodes --- */

static const yaml_node_t *
node(struct load *l, int id)
{
	return yaml_document_get_node(l->doc, id);
}

static const char *
text(const yaml_node_t *n)
{
	return (const char *)n->data.scalar.value;
}

static bool
is_null(const yaml_node_t *n)
{
	return n->type == YAML_SCALAR_NODE &&
	    n->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
	    (text(n)[0] == '\0' || strcmp(text(n), "~") == 0 || strcmp(text(n), "null") == 0);
}

/* A scalar without a tag of its own, a NUL inside or nothing in it. */
static int
check_scalar(struct load *l, const yaml_node_t *n, const char *name)
{
	if (n->type != YAML_SCALAR_NODE)
		return fail_at(l, n, "'%s' must be one value, not a %s", name,
		    n->type == YAML_MAPPING_NODE ? "mapping" : "list");
	if (strcmp((const char *)n->tag, YAML_STR_TAG) != 0)
		return fail_at(l, n, "'%s' has the tag '%s'", name, n->tag);
	if (strlen(text(n)) != n->data.scalar.length)
		return fail_at(l, n, "'%s' contains a NUL byte", name);
	if (is_null(n) || text(n)[0] == '\0')
		return fail_at(l, n, "'%s' is empty", name);
	return 0;
}

static bool
is_plain(const yaml_node_t *n)
{
	return n->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

static int
order_nodes(const void *a, const void *b)
{
	const yaml_node_t *x = *(const yaml_node_t *const *)a;
	const yaml_node_t *y = *(const yaml_node_t *const *)b;
	int d = strcmp(text(x), text(y));

	if (d == 0)
		d = (x->start_mark.index > y->start_mark.index) -
		    (x->start_mark.index < y->start_mark.index);
	return d;
}

/* The n scalars in list, put in order, are all different. */
static int
refuse_twice(struct load *l, const yaml_node_t **list, size_t n, const char *what)
{
	size_t i;

	if (n > 1)
		qsort(list, n, sizeof(*list), order_nodes);
	for (i = 1; i < n; i++)
		if (strcmp(text(list[i - 1]), text(list[i])) == 0)
			return fail_at(l, list[i], "%s '%s' is there twice, first on line %zu",
			    what, text(list[i]), list[i - 1]->start_mark.line + 1);
	return 0;
}

/* The keys of a mapping: words, each there once. */
static int
check_keys(struct load *l, const yaml_node_t *map, const char *what)
{
	const yaml_node_pair_t *p;
	const yaml_node_t **list = NULL;
	size_t n = 0, cap = 0;
	int rc = 0;

	for (p = map->data.mapping.pairs.start; p < map->data.mapping.pairs.top; p++) {
		const yaml_node_t *k = node(l, p->key);

		if ((rc = check_scalar(l, k, "a key")) < 0)
			break;
		HR_GROW(list, n, cap);
		list[n++] = k;
	}
	if (rc == 0)
		rc = refuse_twice(l, list, n, what);
	free(list);
	return rc;
}

/* A mapping whose keys are those of the table; to is what it fills. */
static int
take_keys(struct load *l, const char *name, const yaml_node_t *map, const struct key *key,
    size_t keys, void *to)
{
	const yaml_node_pair_t *p;
	struct hr_buf known = HR_BUF_INIT;
	uint64_t seen = 0;
	size_t i;

	if (map->type != YAML_MAPPING_NODE)
		return fail_at(l, map, "%s must be a mapping of keys to values", name);
	if (check_keys(l, map, "key") < 0)
		return -1;
	for (p = map->data.mapping.pairs.start; p < map->data.mapping.pairs.top; p++) {
		const yaml_node_t *k = node(l, p->key);

		for (i = 0; i < keys && strcmp(key[i].name, text(k)) != 0; i++)
			;
		if (i == keys) {
			for (i = 0; i < keys; i++)
				hr_buf_printf(&known, "%s%s", i ? ", " : "", key[i].name);
			fail_at(l, k, "unknown key '%s'", text(k));
			hr_hint(l->e, "known keys here: %s", hr_buf_text(&known));
			hr_buf_clear(&known);
			return -1;
		}
		seen |= UINT64_C(1) << i;
		if (key[i].take(l, &key[i], node(l, p->value), (char *)to + key[i].at) < 0)
			return -1;
	}
	for (i = 0; i < keys; i++)
		if (key[i].required && !(seen & UINT64_C(1) << i))
			return fail_at(l, map, "%s has no '%s'", name, key[i].name);
	return 0;
}

/* --- values --- */

static int
take_text(struct load *l, const struct key *k, const yaml_node_t *n, void *to)
{
	if (check_scalar(l, n, k->name) < 0)
		return -1;
	*(char **)to = hr_strdup(text(n));
	return 0;
}

static int
take_identifier(struct load *l, const struct key *k, const yaml_node_t *n, void *to)
{
	if (check_scalar(l, n, k->name) < 0)
		return -1;
	if (n->data.scalar.length > IDENTIFIER_MAX)
		return fail_at(l, n, "'%s' is longer than %d bytes", k->name, IDENTIFIER_MAX);
	return take_text(l, k, n, to);
}

static int
take_number(struct load *l, const struct key *k, const yaml_node_t *n, void *to)
{
	/* Decimal digits only: strtoll would take blanks and signs. */
	if (check_scalar(l, n, k->name) < 0)
		return -1;
	if (!is_plain(n) || text(n)[strspn(text(n), "0123456789")] != '\0' ||
	    hr_opt_int(text(n), k->low, k->high, to) < 0)
		return fail_at(l, n, "'%s' must be a whole number from %" PRId64 " to %" PRId64
		    ", not %s'%s'", k->name, k->low, k->high,
		    is_plain(n) ? "" : "the text ", text(n));
	return 0;
}

static int
take_int(struct load *l, const struct key *k, const yaml_node_t *n, void *to)
{
	int64_t v;

	if (take_number(l, k, n, &v) < 0)
		return -1;
	*(int *)to = (int)v;
	return 0;
}

static int
take_bool(struct load *l, const struct key *k, const yaml_node_t *n, void *to)
{
	if (check_scalar(l, n, k->name) < 0)
		return -1;
	if (!is_plain(n) || (strcmp(text(n), "true") != 0 && strcmp(text(n), "false") != 0))
		return fail_at(l, n, "'%s' must be true or false, not %s'%s'", k->name,
		    is_plain(n) ? "" : "the text ", text(n));
	*(bool *)to = text(n)[0] == 't';
	return 0;
}

/* The number of the word in k->words, from 0; -1 when it is none of them. */
static int
which_word(struct load *l, const struct key *k, const yaml_node_t *n)
{
	const char *w = k->words;
	size_t len;
	int i;

	if (check_scalar(l, n, k->name) < 0)
		return -1;
	for (i = 0; *w; i++, w += len + (w[len] == ' ')) {
		len = strcspn(w, " ");
		if (strlen(text(n)) == len && strncmp(w, text(n), len) == 0)
			return i;
	}
	fail_at(l, n, "'%s' cannot be '%s'", k->name, text(n));
	return hr_hint(l->e, "one of: %s", k->words);
}

static int
take_word(struct load *l, const struct key *k, const yaml_node_t *n, void *to)
{
	return which_word(l, k, n) < 0 ? -1 : take_text(l, k, n, to);
}

static int
take_null_tenant(struct load *l, const struct key *k, const yaml_node_t *n, void *to)
{
	int i = which_word(l, k, n);	/* in the order of the enum */

	if (i < 0)
		return -1;
	*(enum hr_null_tenant *)to = (enum hr_null_tenant)i;
	return 0;
}

static int
take_tenancy_word(struct load *l, const struct key *k, const yaml_node_t *n, void *to)
{
	int i = which_word(l, k, n);	/* in the order of the enum, which begins with unset */

	if (i < 0)
		return -1;
	*(enum hr_tenancy *)to = (enum hr_tenancy)(i + HR_TENANCY_COLUMN);
	return 0;
}

static int
take_name(struct load *l, const struct key *k, const yaml_node_t *n, void *to)
{
	static const char fit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	    "0123456789_.-";

	if (check_scalar(l, n, k->name) < 0)
		return -1;
	/* It names a directory and is a word on a command line. */
	if (text(n)[strspn(text(n), fit)] != '\0' || text(n)[0] == '.' || text(n)[0] == '-' ||
	    n->data.scalar.length > NAME_MAX_BYTES)
		return fail_at(l, n, "'%s' must be letters, digits, '_', '-' and '.', "
		    "at most %d, and not begin with '-' or '.'", k->name, NAME_MAX_BYTES);
	return take_text(l, k, n, to);
}

static int
take_slot(struct load *l, const struct key *k, const yaml_node_t *n, void *to)
{
	if (check_scalar(l, n, k->name) < 0)
		return -1;
	if (text(n)[strspn(text(n), "abcdefghijklmnopqrstuvwxyz0123456789_")] != '\0')
		return fail_at(l, n, "'%s' may only have lower-case letters, digits and '_', "
		    "not '%s'", k->name, text(n));
	return take_identifier(l, k, n, to);
}

static bool
has_password(const char *s)
{
	const char *p, *at;

	for (p = s; (p = strstr(p, "password")) != NULL; ) {
		p += strlen("password");
		if (p[strspn(p, " \t\r\n")] == '=')
			return true;
	}
	if (strncmp(s, "postgres://", 11) != 0 && strncmp(s, "postgresql://", 13) != 0)
		return false;
	s = strstr(s, "://") + 3;
	at = memchr(s, '@', strcspn(s, "/?"));
	p = at ? memchr(s, ':', (size_t)(at - s)) : NULL;
	return p != NULL && p + 1 < at;
}

static int
take_conninfo(struct load *l, const struct key *k, const yaml_node_t *n, void *to)
{
	if (check_scalar(l, n, k->name) < 0)
		return -1;
	if (has_password(text(n))) {
		fail_at(l, n, "'%s' contains a password", k->name);
		return hr_hint(l->e, "keep it in a service file, a passfile or the environment "
		    "(PGSERVICEFILE, PGPASSFILE, PGPASSWORD)");
	}
	return take_text(l, k, n, to);
}

static int
take_regex(struct load *l, const struct key *k, const yaml_node_t *n, void *to)
{
	regex_t re;
	char why[128];
	int rc;

	if (check_scalar(l, n, k->name) < 0)
		return -1;
	rc = regcomp(&re, text(n), REG_EXTENDED);
	if (rc != 0) {
		regerror(rc, &re, why, sizeof(why));
		return fail_at(l, n, "'%s' is not a regular expression: %s", k->name, why);
	}
	regfree(&re);
	return take_text(l, k, n, to);
}

static int
check_publication(struct load *l, const yaml_node_t *n, const char *s, size_t len)
{
	if (len == 0)
		return fail_at(l, n, "'publication' has an empty name in it");
	if (len > IDENTIFIER_MAX)
		return fail_at(l, n, "publication '%.*s' is longer than %d bytes", (int)len, s,
		    IDENTIFIER_MAX);
	return 0;
}

/* One name, names with commas between them, or a list of names. */
static int
take_publication(struct load *l, const struct key *k, const yaml_node_t *n, void *to)
{
	const yaml_node_item_t *i;
	struct hr_buf all = HR_BUF_INIT;
	const char *s;
	size_t len;
	int rc = 0;

	if (n->type != YAML_SEQUENCE_NODE) {
		if (check_scalar(l, n, k->name) < 0)
			return -1;
		for (s = text(n); ; s += len + 1) {
			len = strcspn(s, ",");
			if (check_publication(l, n, s, len) < 0)
				return -1;
			if (s[len] == '\0')
				return take_text(l, k, n, to);
		}
	}
	for (i = n->data.sequence.items.start; rc == 0 && i < n->data.sequence.items.top; i++) {
		const yaml_node_t *p = node(l, *i);

		if ((rc = check_scalar(l, p, k->name)) < 0 ||
		    (rc = check_publication(l, p, text(p), p->data.scalar.length)) < 0)
			break;
		if (strchr(text(p), ',')) {
			rc = fail_at(l, p, "publication '%s' has a comma in its name", text(p));
			break;
		}
		hr_buf_printf(&all, "%s%s", all.len ? "," : "", text(p));
	}
	if (rc == 0 && all.len == 0)
		rc = fail_at(l, n, "'%s' is empty", k->name);
	if (rc == 0)
		*(char **)to = hr_strdup(hr_buf_text(&all));
	hr_buf_clear(&all);
	return rc;
}

static int
check_tenant(struct load *l, const struct key *k, const yaml_node_t *n)
{
	if (check_scalar(l, n, k->name) < 0)
		return -1;
	if (n->data.scalar.length > HR_TENANT_MAX)
		return fail_at(l, n, "tenant '%.32s...' is longer than %d bytes", text(n),
		    HR_TENANT_MAX);
	return 0;
}

static int
take_tenant(struct load *l, const struct key *k, const yaml_node_t *n, void *to)
{
	return check_tenant(l, k, n) < 0 ? -1 : take_text(l, k, n, to);
}

static int
take_tenants(struct load *l, const struct key *k, const yaml_node_t *n, void *to)
{
	struct hr_config *c = to;
	const yaml_node_item_t *i;
	const yaml_node_t **list = NULL;
	size_t cap = 0, all = 0;
	int rc = 0;

	if (n->type != YAML_SEQUENCE_NODE)
		return fail_at(l, n, "'%s' must be a list of names", k->name);
	/* An empty list could be read as none and as all. */
	if (n->data.sequence.items.start == n->data.sequence.items.top) {
		fail_at(l, n, "'%s' is empty", k->name);
		return hr_hint(l->e, "leave the key out for all tenants");
	}
	for (i = n->data.sequence.items.start; i < n->data.sequence.items.top; i++) {
		if ((rc = check_tenant(l, k, node(l, *i))) < 0)
			break;
		HR_GROW(list, c->tenants, all);
		list[c->tenants] = node(l, *i);
		HR_GROW(c->tenant, c->tenants, cap);
		c->tenant[c->tenants++] = hr_strdup(text(node(l, *i)));
	}
	if (rc == 0)
		rc = refuse_twice(l, list, c->tenants, "tenant");
	free(list);
	return rc;
}

/* --- the sections --- */

#define HERE(field) offsetof(struct hr_config, field)

static int
take_source(struct load *l, const struct key *k, const yaml_node_t *n, void *to)
{
	static const struct key key[] = {
		{ "dbname", take_conninfo, .at = HERE(source.dbname), .required = true },
		{ "slot", take_slot, .at = HERE(source.slot), .required = true },
		{ "publication", take_publication, .at = HERE(source.publication), .required = true },
		{ "create_slot", take_bool, .at = HERE(source.create_slot) },
		{ "snapshot", take_bool, .at = HERE(source.snapshot) },
		{ "origin", take_word, .at = HERE(source.origin), .words = "any none" },
		{ "jobs", take_int, .at = HERE(source.jobs), .low = 1, .high = 64 },
	};

	return take_keys(l, k->name, n, key, HR_COUNT(key), to);
}

static int
take_target(struct load *l, const struct key *k, const yaml_node_t *n, void *to)
{
	static const struct key key[] = {
		{ "dbname", take_conninfo, .at = HERE(target.dbname), .required = true },
		{ "jobs", take_int, .at = HERE(target.jobs), .low = 1, .high = 64 },
		{ "ddl", take_word, .at = HERE(target.ddl), .words = "none add all" },
		{ "sequences", take_word, .at = HERE(target.sequences), .words = "keep follow at-end" },
		{ "synchronous_commit", take_word, .at = HERE(target.synchronous_commit),
		    .words = "on off" },
		{ "batch_rows", take_int, .at = HERE(target.batch_rows), .low = 1, .high = 100000 },
	};

	return take_keys(l, k->name, n, key, HR_COUNT(key), to);
}

static int
take_tenancy(struct load *l, const struct key *k, const yaml_node_t *n, void *to)
{
	static const struct key key[] = {
		{ "column", take_identifier, .at = HERE(tenancy.column) },
		{ "schema", take_regex, .at = HERE(tenancy.schema) },
		{ "database", take_tenant, .at = HERE(tenancy.database) },
		{ "null_tenant", take_null_tenant, .at = HERE(tenancy.null_tenant),
		    .words = "refuse shared none" },
	};
	const struct hr_config *c = to;
	int said;

	if (take_keys(l, k->name, n, key, HR_COUNT(key), to) < 0)
		return -1;
	said = !!c->tenancy.column + !!c->tenancy.schema + !!c->tenancy.database;
	if (said > 1)
		return fail_at(l, n, "'tenancy' has more than one of column, schema and database");
	return 0;
}

static int
take_table(struct load *l, const yaml_node_t *name, const yaml_node_t *value,
    struct hr_config_table *t)
{
	static const struct key key[] = {
		{ "tenancy", take_tenancy_word, .at = offsetof(struct hr_config_table, tenancy),
		    .words = "column parent schema database shared none" },
		{ "column", take_identifier, .at = offsetof(struct hr_config_table, column) },
	};
	const char *dot = strchr(text(name), '.');

	t->line = (int)name->start_mark.line + 1;
	if (dot == NULL || dot == text(name) || dot[1] == '\0') {
		fail_at(l, name, "'%s' is not a table", text(name));
		return hr_hint(l->e, "write it as schema.table");
	}
	t->table = hr_strdup(text(name));
	if (take_keys(l, text(name), value, key, HR_COUNT(key), t) < 0)
		return -1;
	if (t->tenancy == HR_TENANCY_UNSET) {
		if (t->column == NULL)
			return fail_at(l, value, "%s has no 'tenancy'", text(name));
		t->tenancy = HR_TENANCY_COLUMN;
	}
	if (t->column && t->tenancy != HR_TENANCY_COLUMN && t->tenancy != HR_TENANCY_PARENT)
		return fail_at(l, value, "%s has a 'column', but its tenancy is not by column",
		    text(name));
	return 0;
}

static int
take_tables(struct load *l, const struct key *k, const yaml_node_t *n, void *to)
{
	struct hr_config *c = to;
	const yaml_node_pair_t *p;
	size_t cap = 0;

	if (n->type != YAML_MAPPING_NODE)
		return fail_at(l, n, "'%s' must be a mapping of tables", k->name);
	if (check_keys(l, n, "table") < 0)
		return -1;
	for (p = n->data.mapping.pairs.start; p < n->data.mapping.pairs.top; p++) {
		HR_GROW(c->table, c->tables, cap);
		memset(&c->table[c->tables], 0, sizeof(c->table[0]));
		if (take_table(l, node(l, p->key), node(l, p->value), &c->table[c->tables++]) < 0)
			return -1;
	}
	return 0;
}

/* What a table says must fit what the whole file says. */
static int
check_tables(struct load *l, const yaml_node_t *root)
{
	struct hr_config *c = l->c;
	size_t i;

	if (!c->tenancy.column && !c->tenancy.schema && !c->tenancy.database && c->tables == 0) {
		fail_at(l, root, "nothing says what a tenant is");
		return hr_hint(l->e, "give 'tenancy' a column, a schema or a database");
	}
	for (i = 0; i < c->tables; i++) {
		struct hr_config_table *t = &c->table[i];
		const char *lacks = NULL;

		if (t->tenancy == HR_TENANCY_COLUMN && t->column == NULL) {
			t->column = hr_strdup(c->tenancy.column);
			lacks = t->column ? NULL : "column";
		} else if (t->tenancy == HR_TENANCY_SCHEMA && !c->tenancy.schema) {
			lacks = "schema";
		} else if (t->tenancy == HR_TENANCY_DATABASE && !c->tenancy.database) {
			lacks = "database";
		}
		if (lacks) {
			hr_fail(l->e, HR_CONFIG, "%s:%d:1: %s is by %s, and 'tenancy' has no '%s'",
			    c->path, t->line, t->table, lacks, lacks);
			return -1;
		}
	}
	return 0;
}

static int
take_root(struct load *l, const yaml_node_t *root)
{
	static const struct key key[] = {
		{ "name", take_name, .at = HERE(name), .required = true },
		{ "source", take_source, .at = 0, .required = true },
		{ "target", take_target, .at = 0, .required = true },
		{ "tenancy", take_tenancy, .at = 0 },
		{ "tenants", take_tenants, .at = 0 },
		{ "tables", take_tables, .at = 0 },
		{ "tier", take_word, .at = HERE(tier),
		    .words = "synchronous premium standard best-effort" },
		{ "max_lag_seconds", take_number, .at = HERE(max_lag_seconds),
		    .low = 1, .high = 31536000 },
		{ "priority", take_number, .at = HERE(priority), .low = 0, .high = 100 },
	};

	if (take_keys(l, "the file", root, key, HR_COUNT(key), l->c) < 0)
		return -1;
	return check_tables(l, root);
}

/* --- the file --- */

/* What libyaml could not read: it has a mark, or a byte's offset only. */
static int
fail_parser(struct load *l, const yaml_parser_t *y, const char *s, size_t len)
{
	yaml_mark_t m = y->problem_mark;
	size_t i;

	if (y->error == YAML_MEMORY_ERROR)
		return hr_fail_mem(l->e);
	if (y->error == YAML_READER_ERROR) {
		memset(&m, 0, sizeof(m));
		for (i = 0; i < y->problem_offset && i < len; i++) {
			m.column = s[i] == '\n' ? 0 : m.column + 1;
			m.line += s[i] == '\n';
		}
	}
	return fail_mark(l, m, "not YAML: %s", y->problem ? y->problem : "cannot be read");
}

int
hr_config_parse(struct hr_config *c, const char *path, const char *s, size_t len,
    struct hr_err *e)
{
	yaml_parser_t y;
	yaml_document_t doc, more;
	struct load l = { c, &doc, e };
	const yaml_node_t *root;
	int rc = -1;

	c->path = hr_strdup(path);
	if (!yaml_parser_initialize(&y)) {
		hr_fail_mem(e);
		goto out;
	}
	yaml_parser_set_input_string(&y, (const unsigned char *)s, len);
	if (!yaml_parser_load(&y, &doc)) {
		fail_parser(&l, &y, s, len);
		goto out_parser;
	}
	root = yaml_document_get_root_node(&doc);
	if (root == NULL) {
		hr_fail(e, HR_CONFIG, "%s:1:1: the file is empty", path);
		goto out_doc;
	}
	if (take_root(&l, root) < 0)
		goto out_doc;
	if (!yaml_parser_load(&y, &more)) {
		fail_parser(&l, &y, s, len);
		goto out_doc;
	}
	root = yaml_document_get_root_node(&more);
	if (root == NULL)
		rc = 0;
	else
		fail_mark(&l, more.start_mark, "a second pipeline in one file");
	yaml_document_delete(&more);
out_doc:
	yaml_document_delete(&doc);
out_parser:
	yaml_parser_delete(&y);
out:
	if (rc < 0)
		hr_config_clear(c);
	return rc;
}

int
hr_config_load(struct hr_config *c, const char *path, struct hr_err *e)
{
	struct hr_buf b = HR_BUF_INIT;
	ssize_t n = 0;
	int fd, rc = -1;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		hr_fail_sys(e, "cannot open '%s'", path);
		e->code = HR_CONFIG;
		return -1;
	}
	do {
		hr_buf_need(&b, 65536);
		n = read(fd, b.data + b.len, 65536);
		if (n > 0)
			b.len += (size_t)n;
	} while ((n > 0 || (n < 0 && errno == EINTR)) && b.len <= FILE_MAX_BYTES);
	if (n < 0) {
		hr_fail_sys(e, "cannot read '%s'", path);
		e->code = HR_CONFIG;
	} else if (b.len > FILE_MAX_BYTES) {
		hr_fail(e, HR_CONFIG, "%s: larger than %d bytes", path, FILE_MAX_BYTES);
	} else {
		rc = hr_config_parse(c, path, (const char *)b.data, b.len, e);
	}
	close(fd);
	hr_buf_clear(&b);
	return rc;
}

void
hr_config_say_tenancy(struct hr_config *c, const char *column, const char *schema, const char *database)
{
	if (column == NULL && schema == NULL && database == NULL)
		return;
	free(c->tenancy.column);
	free(c->tenancy.schema);
	free(c->tenancy.database);
	c->tenancy.column = hr_strdup(column);
	c->tenancy.schema = hr_strdup(schema);
	c->tenancy.database = hr_strdup(database);
}

void
hr_config_say_tenants(struct hr_config *c, char *const *tenant, size_t tenants)
{
	size_t i;

	if (tenants == 0)
		return;
	for (i = 0; i < c->tenants; i++)
		free(c->tenant[i]);
	free(c->tenant);
	c->tenant = hr_zalloc(tenants * sizeof(*c->tenant));
	for (c->tenants = 0; c->tenants < tenants; c->tenants++)
		c->tenant[c->tenants] = hr_strdup(tenant[c->tenants]);
}

void
hr_config_clear(struct hr_config *c)
{
	size_t i;

	for (i = 0; i < c->tenants; i++)
		free(c->tenant[i]);
	for (i = 0; i < c->tables; i++) {
		free(c->table[i].table);
		free(c->table[i].column);
	}
	free(c->tenant);
	free(c->table);
	free(c->path);
	free(c->name);
	free(c->source.dbname);
	free(c->source.slot);
	free(c->source.publication);
	free(c->target.dbname);
	free(c->target.ddl);
	free(c->source.origin);
	free(c->target.sequences);
	free(c->target.synchronous_commit);
	free(c->tenancy.column);
	free(c->tenancy.schema);
	free(c->tenancy.database);
	free(c->tier);
	*c = (struct hr_config)HR_CONFIG_INIT;
}

/* --- the pipeline --- */

static void
quote(struct hr_buf *b, const char *s)
{
	hr_buf_puts(b, "'");
	for (; *s; s++)
		if (*s == '\'')
			hr_buf_puts(b, "'\\''");
		else
			hr_buf_put(b, s, 1);
	hr_buf_puts(b, "'");
}

char *
hr_config_pipeline(const struct hr_config *c, const char *state)
{
	static const char *const tool[] = { "hr-capture", "hr-apply" };
	struct hr_buf b = HR_BUF_INIT;
	char *path = realpath(c->path, NULL);
	char *checkpoint = hr_sprintf("%s/checkpoint", state);
	size_t i;

	for (i = 0; i < HR_COUNT(tool); i++) {
		hr_buf_printf(&b, "%s --config ", tool[i]);
		quote(&b, path ? path : c->path);
		hr_buf_puts(&b, " --checkpoint ");
		quote(&b, checkpoint);
		hr_buf_puts(&b, "\n");
	}
	hr_buf_u8(&b, 0);
	free(path);
	free(checkpoint);
	return (char *)hr_buf_take(&b, NULL);
}
