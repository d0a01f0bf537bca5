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

#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/yaml.h"
#include "state/config.h"

#define NAME_MAX_BYTES 128
#define IDENTIFIER_MAX 63		/* PostgreSQL's NAMEDATALEN - 1 */

/* --- values --- */

static int
take_identifier(struct hr_yaml *l, const struct hr_yaml_key *k, const yaml_node_t *n, void *to)
{
	if (hr_yaml_scalar(l, n, k->name) < 0)
		return -1;
	if (n->data.scalar.length > IDENTIFIER_MAX)
		return hr_yaml_fail(l, n, "'%s' is longer than %d bytes", k->name, IDENTIFIER_MAX);
	return hr_yaml_take_text(l, k, n, to);
}

static int
take_null_tenant(struct hr_yaml *l, const struct hr_yaml_key *k, const yaml_node_t *n, void *to)
{
	int i = hr_yaml_which_word(l, k, n);	/* in the order of the enum */

	if (i < 0)
		return -1;
	*(enum hr_null_tenant *)to = (enum hr_null_tenant)i;
	return 0;
}

static int
take_tenancy_word(struct hr_yaml *l, const struct hr_yaml_key *k, const yaml_node_t *n, void *to)
{
	int i = hr_yaml_which_word(l, k, n);	/* in the order of the enum, which begins with unset */

	if (i < 0)
		return -1;
	*(enum hr_tenancy *)to = (enum hr_tenancy)(i + HR_TENANCY_COLUMN);
	return 0;
}

static int
take_name(struct hr_yaml *l, const struct hr_yaml_key *k, const yaml_node_t *n, void *to)
{
	static const char fit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	    "0123456789_.-";

	if (hr_yaml_scalar(l, n, k->name) < 0)
		return -1;
	/* It names a directory and is a word on a command line. */
	if (hr_yaml_text(n)[strspn(hr_yaml_text(n), fit)] != '\0' || hr_yaml_text(n)[0] == '.' || hr_yaml_text(n)[0] == '-' ||
	    n->data.scalar.length > NAME_MAX_BYTES)
		return hr_yaml_fail(l, n, "'%s' must be letters, digits, '_', '-' and '.', "
		    "at most %d, and not begin with '-' or '.'", k->name, NAME_MAX_BYTES);
	return hr_yaml_take_text(l, k, n, to);
}

static int
take_slot(struct hr_yaml *l, const struct hr_yaml_key *k, const yaml_node_t *n, void *to)
{
	if (hr_yaml_scalar(l, n, k->name) < 0)
		return -1;
	if (hr_yaml_text(n)[strspn(hr_yaml_text(n), "abcdefghijklmnopqrstuvwxyz0123456789_")] != '\0')
		return hr_yaml_fail(l, n, "'%s' may only have lower-case letters, digits and '_', "
		    "not '%s'", k->name, hr_yaml_text(n));
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
take_conninfo(struct hr_yaml *l, const struct hr_yaml_key *k, const yaml_node_t *n, void *to)
{
	if (hr_yaml_scalar(l, n, k->name) < 0)
		return -1;
	if (has_password(hr_yaml_text(n))) {
		hr_yaml_fail(l, n, "'%s' contains a password", k->name);
		return hr_hint(l->e, "keep it in a service file, a passfile or the environment "
		    "(PGSERVICEFILE, PGPASSFILE, PGPASSWORD)");
	}
	return hr_yaml_take_text(l, k, n, to);
}

static int
take_regex(struct hr_yaml *l, const struct hr_yaml_key *k, const yaml_node_t *n, void *to)
{
	regex_t re;
	char why[128];
	int rc;

	if (hr_yaml_scalar(l, n, k->name) < 0)
		return -1;
	rc = regcomp(&re, hr_yaml_text(n), REG_EXTENDED);
	if (rc != 0) {
		regerror(rc, &re, why, sizeof(why));
		return hr_yaml_fail(l, n, "'%s' is not a regular expression: %s", k->name, why);
	}
	regfree(&re);
	return hr_yaml_take_text(l, k, n, to);
}

static int
check_publication(struct hr_yaml *l, const yaml_node_t *n, const char *s, size_t len)
{
	if (len == 0)
		return hr_yaml_fail(l, n, "'publication' has an empty name in it");
	if (len > IDENTIFIER_MAX)
		return hr_yaml_fail(l, n, "publication '%.*s' is longer than %d bytes", (int)len, s,
		    IDENTIFIER_MAX);
	return 0;
}

/* One name, names with commas between them, or a list of names. */
static int
take_publication(struct hr_yaml *l, const struct hr_yaml_key *k, const yaml_node_t *n, void *to)
{
	const yaml_node_item_t *i;
	struct hr_buf all = HR_BUF_INIT;
	const char *s;
	size_t len;
	int rc = 0;

	if (n->type != YAML_SEQUENCE_NODE) {
		if (hr_yaml_scalar(l, n, k->name) < 0)
			return -1;
		for (s = hr_yaml_text(n); ; s += len + 1) {
			len = strcspn(s, ",");
			if (check_publication(l, n, s, len) < 0)
				return -1;
			if (s[len] == '\0')
				return hr_yaml_take_text(l, k, n, to);
		}
	}
	for (i = n->data.sequence.items.start; rc == 0 && i < n->data.sequence.items.top; i++) {
		const yaml_node_t *p = hr_yaml_node(l, *i);

		if ((rc = hr_yaml_scalar(l, p, k->name)) < 0 ||
		    (rc = check_publication(l, p, hr_yaml_text(p), p->data.scalar.length)) < 0)
			break;
		if (strchr(hr_yaml_text(p), ',')) {
			rc = hr_yaml_fail(l, p, "publication '%s' has a comma in its name", hr_yaml_text(p));
			break;
		}
		hr_buf_printf(&all, "%s%s", all.len ? "," : "", hr_yaml_text(p));
	}
	if (rc == 0 && all.len == 0)
		rc = hr_yaml_fail(l, n, "'%s' is empty", k->name);
	if (rc == 0)
		*(char **)to = hr_strdup(hr_buf_text(&all));
	hr_buf_clear(&all);
	return rc;
}

static int
check_tenant(struct hr_yaml *l, const struct hr_yaml_key *k, const yaml_node_t *n)
{
	if (hr_yaml_scalar(l, n, k->name) < 0)
		return -1;
	if (n->data.scalar.length > HR_TENANT_MAX)
		return hr_yaml_fail(l, n, "tenant '%.32s...' is longer than %d bytes", hr_yaml_text(n),
		    HR_TENANT_MAX);
	return 0;
}

static int
take_tenant(struct hr_yaml *l, const struct hr_yaml_key *k, const yaml_node_t *n, void *to)
{
	return check_tenant(l, k, n) < 0 ? -1 : hr_yaml_take_text(l, k, n, to);
}

static int
take_tenants(struct hr_yaml *l, const struct hr_yaml_key *k, const yaml_node_t *n, void *to)
{
	struct hr_config *c = to;
	const yaml_node_item_t *i;
	const yaml_node_t **list = NULL;
	size_t cap = 0, all = 0;
	int rc = 0;

	if (n->type != YAML_SEQUENCE_NODE)
		return hr_yaml_fail(l, n, "'%s' must be a list of names", k->name);
	/* An empty list could be read as none and as all. */
	if (n->data.sequence.items.start == n->data.sequence.items.top) {
		hr_yaml_fail(l, n, "'%s' is empty", k->name);
		return hr_hint(l->e, "leave the key out for all tenants");
	}
	for (i = n->data.sequence.items.start; i < n->data.sequence.items.top; i++) {
		if ((rc = check_tenant(l, k, hr_yaml_node(l, *i))) < 0)
			break;
		HR_GROW(list, c->tenants, all);
		list[c->tenants] = hr_yaml_node(l, *i);
		HR_GROW(c->tenant, c->tenants, cap);
		c->tenant[c->tenants++] = hr_strdup(hr_yaml_text(hr_yaml_node(l, *i)));
	}
	if (rc == 0)
		rc = hr_yaml_once(l, list, c->tenants, "tenant");
	free(list);
	return rc;
}

/* --- the sections --- */

#define HERE(field) offsetof(struct hr_config, field)

static int
take_source(struct hr_yaml *l, const struct hr_yaml_key *k, const yaml_node_t *n, void *to)
{
	static const struct hr_yaml_key key[] = {
		{ "dbname", take_conninfo, .at = HERE(source.dbname), .required = true },
		{ "slot", take_slot, .at = HERE(source.slot), .required = true },
		{ "publication", take_publication, .at = HERE(source.publication), .required = true },
		{ "create_slot", hr_yaml_take_bool, .at = HERE(source.create_slot) },
		{ "snapshot", hr_yaml_take_bool, .at = HERE(source.snapshot) },
		{ "origin", hr_yaml_take_word, .at = HERE(source.origin), .words = "any none" },
		{ "jobs", hr_yaml_take_int, .at = HERE(source.jobs), .low = 1, .high = 64 },
	};

	return hr_yaml_keys(l, k->name, n, key, HR_COUNT(key), to);
}

static int
take_target(struct hr_yaml *l, const struct hr_yaml_key *k, const yaml_node_t *n, void *to)
{
	static const struct hr_yaml_key key[] = {
		{ "dbname", take_conninfo, .at = HERE(target.dbname), .required = true },
		{ "jobs", hr_yaml_take_int, .at = HERE(target.jobs), .low = 1, .high = 64 },
		{ "ddl", hr_yaml_take_word, .at = HERE(target.ddl), .words = "none add all" },
		{ "sequences", hr_yaml_take_word, .at = HERE(target.sequences), .words = "keep follow at-end" },
		{ "synchronous_commit", hr_yaml_take_word, .at = HERE(target.synchronous_commit),
		    .words = "on off" },
		{ "batch_rows", hr_yaml_take_int, .at = HERE(target.batch_rows), .low = 1, .high = 100000 },
	};

	return hr_yaml_keys(l, k->name, n, key, HR_COUNT(key), to);
}

static int
take_tenancy(struct hr_yaml *l, const struct hr_yaml_key *k, const yaml_node_t *n, void *to)
{
	static const struct hr_yaml_key key[] = {
		{ "column", take_identifier, .at = HERE(tenancy.column) },
		{ "schema", take_regex, .at = HERE(tenancy.schema) },
		{ "database", take_tenant, .at = HERE(tenancy.database) },
		{ "null_tenant", take_null_tenant, .at = HERE(tenancy.null_tenant),
		    .words = "refuse shared none" },
	};
	const struct hr_config *c = to;
	int said;

	if (hr_yaml_keys(l, k->name, n, key, HR_COUNT(key), to) < 0)
		return -1;
	said = !!c->tenancy.column + !!c->tenancy.schema + !!c->tenancy.database;
	if (said > 1)
		return hr_yaml_fail(l, n, "'tenancy' has more than one of column, schema and database");
	return 0;
}

static int
take_table(struct hr_yaml *l, const yaml_node_t *name, const yaml_node_t *value,
    struct hr_config_table *t)
{
	static const struct hr_yaml_key key[] = {
		{ "tenancy", take_tenancy_word, .at = offsetof(struct hr_config_table, tenancy),
		    .words = "column parent schema database shared none" },
		{ "column", take_identifier, .at = offsetof(struct hr_config_table, column) },
	};
	const char *dot = strchr(hr_yaml_text(name), '.');

	t->line = (int)name->start_mark.line + 1;
	if (dot == NULL || dot == hr_yaml_text(name) || dot[1] == '\0') {
		hr_yaml_fail(l, name, "'%s' is not a table", hr_yaml_text(name));
		return hr_hint(l->e, "write it as schema.table");
	}
	t->table = hr_strdup(hr_yaml_text(name));
	if (hr_yaml_keys(l, hr_yaml_text(name), value, key, HR_COUNT(key), t) < 0)
		return -1;
	if (t->tenancy == HR_TENANCY_UNSET) {
		if (t->column == NULL)
			return hr_yaml_fail(l, value, "%s has no 'tenancy'", hr_yaml_text(name));
		t->tenancy = HR_TENANCY_COLUMN;
	}
	if (t->column && t->tenancy != HR_TENANCY_COLUMN && t->tenancy != HR_TENANCY_PARENT)
		return hr_yaml_fail(l, value, "%s has a 'column', but its tenancy is not by column",
		    hr_yaml_text(name));
	return 0;
}

static int
take_tables(struct hr_yaml *l, const struct hr_yaml_key *k, const yaml_node_t *n, void *to)
{
	struct hr_config *c = to;
	const yaml_node_pair_t *p;
	size_t cap = 0;

	if (n->type != YAML_MAPPING_NODE)
		return hr_yaml_fail(l, n, "'%s' must be a mapping of tables", k->name);
	if (hr_yaml_check_keys(l, n, "table") < 0)
		return -1;
	for (p = n->data.mapping.pairs.start; p < n->data.mapping.pairs.top; p++) {
		HR_GROW(c->table, c->tables, cap);
		memset(&c->table[c->tables], 0, sizeof(c->table[0]));
		if (take_table(l, hr_yaml_node(l, p->key), hr_yaml_node(l, p->value), &c->table[c->tables++]) < 0)
			return -1;
	}
	return 0;
}

/* What a table says must fit what the whole file says. */
static int
check_tables(struct hr_yaml *l, const yaml_node_t *root, struct hr_config *c)
{
	size_t i;

	if (!c->tenancy.column && !c->tenancy.schema && !c->tenancy.database && c->tables == 0) {
		hr_yaml_fail(l, root, "nothing says what a tenant is");
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
take_root(struct hr_yaml *l, const yaml_node_t *root, void *to)
{
	static const struct hr_yaml_key key[] = {
		{ "name", take_name, .at = HERE(name), .required = true },
		{ "source", take_source, .at = 0, .required = true },
		{ "target", take_target, .at = 0, .required = true },
		{ "tenancy", take_tenancy, .at = 0 },
		{ "tenants", take_tenants, .at = 0 },
		{ "tables", take_tables, .at = 0 },
		{ "rules", hr_yaml_take_text, .at = HERE(rules) },
		{ "tier", hr_yaml_take_word, .at = HERE(tier),
		    .words = "synchronous premium standard best-effort" },
		{ "max_lag_seconds", hr_yaml_take_number, .at = HERE(max_lag_seconds),
		    .low = 1, .high = 31536000 },
		{ "priority", hr_yaml_take_number, .at = HERE(priority), .low = 0, .high = 100 },
	};

	if (hr_yaml_keys(l, "the file", root, key, HR_COUNT(key), to) < 0)
		return -1;
	return check_tables(l, root, to);
}

/* --- the file --- */

int
hr_config_parse(struct hr_config *c, const char *path, const char *s, size_t len,
    struct hr_err *e)
{
	c->path = hr_strdup(path);
	if (hr_yaml_parse(path, s, len, "pipeline", take_root, c, e) == 0)
		return 0;
	hr_config_clear(c);
	return -1;
}

int
hr_config_load(struct hr_config *c, const char *path, struct hr_err *e)
{
	struct hr_buf b = HR_BUF_INIT;
	int rc = hr_file_read(path, HR_YAML_MAX, &b, e);

	if (rc == 0)
		rc = hr_config_parse(c, path, (const char *)b.data, b.len, e);
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
	free(c->rules);
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
	char *rules = c->rules ? hr_file_path(path ? path : c->path, c->rules) : NULL;
	size_t i;

	for (i = 0; i < HR_COUNT(tool); i++) {
		if (i > 0 && rules) {
			hr_buf_puts(&b, "hr-transform --rules ");
			quote(&b, rules);
			hr_buf_puts(&b, " --dead-letters ");
			quote(&b, state);
			hr_buf_puts(&b, "/dead-letters --state ");
			quote(&b, state);
			hr_buf_puts(&b, "/aggregates --checkpoint ");
			quote(&b, checkpoint);
			hr_buf_puts(&b, "\n");
		}
		hr_buf_printf(&b, "%s --config ", tool[i]);
		quote(&b, path ? path : c->path);
		hr_buf_puts(&b, " --checkpoint ");
		quote(&b, checkpoint);
		hr_buf_puts(&b, "\n");
	}
	hr_buf_u8(&b, 0);
	free(path);
	free(rules);
	free(checkpoint);
	return (char *)hr_buf_take(&b, NULL);
}
