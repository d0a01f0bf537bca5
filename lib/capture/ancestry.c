/* ancestry.c - foreign keys, from the catalogs. */

#include "base/hr.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "capture/ancestry.h"
#include "capture/published.h"
#include "stream/value.h"

/*
 * A row for each column of each foreign key to another table.  Of a key to a
 * partitioned table the catalogs have one for each partition, too.  One with
 * a PERIOD (18) leads to several rows.
 */
static const char keys_sql[] =
"SELECT con.oid, con.conname, con.confrelid, n.nspname, p.relname, p.relkind, con.convalidated,"
" a.attname, a.atttypid, a.atttypmod, coalesce(ac.collisdeterministic, true),"
" f.attname, f.atttypid, f.atttypmod, coalesce(fc.collisdeterministic, true)"
" FROM pg_catalog.pg_constraint con"
" JOIN pg_catalog.pg_class p ON p.oid = con.confrelid JOIN pg_catalog.pg_namespace n ON n.oid = p.relnamespace"
" CROSS JOIN LATERAL ROWS FROM (pg_catalog.unnest(con.conkey), pg_catalog.unnest(con.confkey)) WITH ORDINALITY k(here, there, i)"
" JOIN pg_catalog.pg_attribute a ON a.attrelid = con.conrelid AND a.attnum = k.here"
" JOIN pg_catalog.pg_attribute f ON f.attrelid = con.confrelid AND f.attnum = k.there"
" LEFT JOIN pg_catalog.pg_collation ac ON ac.oid = a.attcollation"
" LEFT JOIN pg_catalog.pg_collation fc ON fc.oid = f.attcollation"
" WHERE con.contype = 'f' AND con.conrelid = $1::oid AND con.confrelid <> con.conrelid"
" AND pg_catalog.to_jsonb(con) ->> 'conperiod' IS DISTINCT FROM 'true'"
" AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint o WHERE o.oid = con.conparentid AND o.conrelid = con.conrelid)"
" ORDER BY con.oid, k.i";

enum { OID, NAME, PARENT, SCHEMA, TABLE, KIND, VALID, FROM, FROM_TYPE, FROM_MOD, FROM_STRICT, TO, TO_TYPE, TO_MOD, TO_STRICT };

#define F(i) hr_result_get(r, row, i)

static const char published_sql[] =
HR_PUBLISHED " SELECT count(*) > 0, pg_catalog.bool_or(r.prqual IS NULL) FROM v"
" LEFT JOIN pg_catalog.pg_publication_rel r ON r.prpubid = v.pub AND r.prrelid = v.rel WHERE v.rel = $2::oid"
" OR $2::oid IN (SELECT relid FROM pg_catalog.pg_partition_ancestors(v.rel))"
" OR v.rel IN (SELECT relid FROM pg_catalog.pg_partition_ancestors($2::oid))";

static uint32_t
oid(const char *text)
{
	return (uint32_t)strtoul(text, NULL, 10);
}

static struct hr_result *
foreign_keys(struct hr_conn *c, uint32_t table, struct hr_err *e)
{
	char text[16];
	struct hr_param p = { .data = text };
	struct hr_result *r;

	snprintf(text, sizeof(text), "%" PRIu32, table);
	return hr_conn_query(c, &r, keys_sql, 1, &p, e) < 0 ? NULL : r;
}

/* How many rows, from this one on, are of the same key? */
static int
same_key(const struct hr_result *r, int row)
{
	int n = 1;

	while (row + n < hr_result_rows(r) && strcmp(F(OID), hr_result_get(r, row + n, OID)) == 0)
		n++;
	return n;
}

static bool
holds(const struct hr_result *r, int row, int n, const char *column)
{
	int i;

	for (i = row; i < row + n; i++)
		if (strcmp(hr_result_get(r, i, FROM), column) == 0)
			return true;
	return false;
}

static bool
leads(const struct hr_router *router, const struct hr_result *r, int row)
{
	const char *column;
	enum hr_tenancy t = hr_router_tenancy(router, F(SCHEMA), F(TABLE), &column);

	return t == HR_TENANCY_COLUMN || t == HR_TENANCY_PARENT;
}

/* The one key to go by: its first row, or -1 with *e set. */
static int
choose(const struct hr_router *router, const struct hr_result *r, const char *column, const char *table,
    struct hr_err *e)
{
	int row, n, found = -1, several = 0;

	for (row = 0; row < hr_result_rows(r); row += n) {
		n = same_key(r, row);
		if (column ? !holds(r, row, n, column) : !leads(router, r, row))
			continue;
		found = row;
		several++;
	}
	if (several == 1)
		return found;
	if (several) {
		hr_fail(e, HR_CONFIG, "cannot route '%s': several foreign keys lead to a tenant", table);
		return hr_hint(e, column ? "make the others hold another column than '%s', or share the table" :
		    "name a column of one of them: column: %s", column ? column : hr_result_get(r, found, FROM));
	}
	if (column)
		hr_fail(e, HR_CONFIG, "cannot route '%s': it has no foreign key that holds '%s'", table, column);
	else
		hr_fail(e, HR_CONFIG, "cannot route '%s': it has no foreign key to a table of tenants", table);
	return hr_hint(e, "add the foreign key at the source, or use another tenancy for the table");
}

static bool
is_integer(uint32_t type)
{
	return type == 20 || type == 21 || type == 23;
}

/* Are two values equal just when their texts are? */
static bool
comparable(const struct hr_result *r, int row)
{
	uint32_t from = oid(F(FROM_TYPE)), to = oid(F(TO_TYPE));

	if (is_integer(from) && is_integer(to))
		return true;
	return from == to && hr_value_names_tenant(from) && F(FROM_STRICT)[0] == 't' && F(TO_STRICT)[0] == 't' &&
	    (from != 1042 || strcmp(F(FROM_MOD), F(TO_MOD)) == 0);
}

static int
usable(const struct hr_result *r, int row, int n, const char *table, struct hr_err *e)
{
	int i;

	if (F(VALID)[0] != 't') {
		hr_fail(e, HR_CONFIG, "cannot route '%s': its foreign key '%s' is not validated", table, F(NAME));
		return hr_hint(e, "run ALTER TABLE %s VALIDATE CONSTRAINT %s at the source", table, F(NAME));
	}
	if (n > HR_STEP_COLUMNS_MAX)
		return hr_fail(e, HR_CONFIG, "cannot route '%s': its foreign key has %d columns", table, n);
	for (i = row; i < row + n; i++)
		if (!comparable(r, i)) {
			hr_fail(e, HR_CONFIG, "cannot route '%s': column '%s' of its foreign key cannot be followed", table,
			    hr_result_get(r, i, FROM));
			return hr_hint(e, "both ends have to be integers, or of one type of text, varchar, char, name or uuid, "
			    "with a deterministic collation");
		}
	return 0;
}

static int
add_step(struct hr_ancestry *a, struct hr_relation *rel, const struct hr_result *r, int row, int n)
{
	struct hr_step *s;
	int i;

	rel->step = hr_realloc(rel->step, (size_t)rel->steps + 1, sizeof(*rel->step));
	s = &rel->step[rel->steps];
	a->step[rel->steps].table = oid(F(PARENT));
	a->step[rel->steps].kind = F(KIND)[0];
	rel->steps++;
	*s = (struct hr_step){
		.schema = hr_strdup(F(SCHEMA)), .name = hr_strdup(F(TABLE)), .columns = n,
		.from = hr_zalloc((size_t)n * sizeof(*s->from)), .to = hr_zalloc((size_t)n * sizeof(*s->to)),
	};
	for (i = 0; i < n; i++) {
		s->from[i] = hr_strdup(hr_result_get(r, row + i, FROM));
		s->to[i] = hr_strdup(hr_result_get(r, row + i, TO));
		a->step[rel->steps - 1].from[i] = oid(hr_result_get(r, row + i, FROM_TYPE));
	}
	return 0;
}

/* A table on the way has to be published, or its rows' moves would not be seen. */
static int
is_published(struct hr_conn *c, const char *publication, const struct hr_relation *rel, uint32_t table, struct hr_err *e)
{
	const struct hr_step *s = &rel->step[rel->steps - 1];
	char text[16];
	struct hr_param p[2] = { HR_PARAM_TEXT(publication), { .data = text } };
	struct hr_result *r;
	int rc = 0;

	snprintf(text, sizeof(text), "%" PRIu32, table);
	if (hr_conn_query(c, &r, published_sql, 2, p, e) < 0)
		return -1;
	if (hr_result_get(r, 0, 0)[0] != 't') {
		rc = hr_fail(e, HR_CONFIG, "cannot route '%s.%s': '%s.%s', which it refers to, is not published", rel->schema,
		    rel->name, s->schema, s->name);
		hr_hint(e, "add that table to the publication");
	} else if (hr_result_get(r, 0, 1)[0] != 't') {
		rc = hr_fail(e, HR_CONFIG, "cannot route '%s.%s': '%s.%s', which it refers to, is published with a row filter",
		    rel->schema, rel->name, s->schema, s->name);
		hr_hint(e, "publish all of its rows");
	}
	hr_result_free(r);
	return rc;
}

/* The way ends at a table whose column is the tenant. */
static int
arrive(struct hr_ancestry *a, struct hr_relation *rel, const char *column, struct hr_conn *c, struct hr_err *e)
{
	const struct hr_step *s = &rel->step[rel->steps - 1];
	char text[16];
	struct hr_param p[2] = { { .data = text }, HR_PARAM_TEXT(column) };
	struct hr_result *r;
	int rc = 0;

	snprintf(text, sizeof(text), "%" PRIu32, a->step[rel->steps - 1].table);
	if (hr_conn_query(c, &r, "SELECT atttypid FROM pg_catalog.pg_attribute WHERE attrelid = $1::oid AND attname = $2"
	    " AND attnum > 0 AND NOT attisdropped", 2, p, e) < 0)
		return -1;
	a->tenant_type = hr_result_rows(r) ? oid(hr_result_get(r, 0, 0)) : 0;
	hr_result_free(r);
	if (a->tenant_type == 0)
		rc = hr_fail(e, HR_CONFIG, "cannot route '%s.%s': '%s.%s', which it refers to, has no column '%s'", rel->schema,
		    rel->name, s->schema, s->name, column);
	else if (!hr_value_names_tenant(a->tenant_type))
		rc = hr_fail(e, HR_CONFIG, "cannot route '%s.%s': column '%s' of '%s.%s' has a type that cannot name a tenant",
		    rel->schema, rel->name, column, s->schema, s->name);
	rel->tenant_name = hr_strdup(column);
	return rc;
}

/* One foreign key further.  1: there is more, 0: at the tenant, -1. */
static int
follow(struct hr_ancestry *a, struct hr_relation *rel, const struct hr_router *router, const char *publication,
    struct hr_conn *c, struct hr_err *e)
{
	const struct hr_step *last = rel->steps ? &rel->step[rel->steps - 1] : NULL;
	const char *schema = last ? last->schema : rel->schema, *name = last ? last->name : rel->name, *column;
	uint32_t id = last ? a->step[rel->steps - 1].table : rel->id;
	enum hr_tenancy tenancy = hr_router_tenancy(router, schema, name, &column);
	struct hr_result *r;
	char *table;
	int row, n, rc = -1;

	if (last && tenancy == HR_TENANCY_COLUMN)
		return arrive(a, rel, column, c, e);
	if (tenancy != HR_TENANCY_PARENT) {
		hr_fail(e, HR_CONFIG, "cannot route '%s.%s': '%s.%s', which it refers to, is not routed by a column", rel->schema,
		    rel->name, schema, name);
		return hr_hint(e, "name a column of another foreign key, or share the table");
	}
	if (rel->steps == HR_STEPS_MAX) {
		hr_fail(e, HR_CONFIG, "cannot route '%s.%s': its tenant is not reached by %d foreign keys", rel->schema, rel->name,
		    HR_STEPS_MAX);
		return hr_hint(e, "do they lead in a circle?");
	}
	if ((r = foreign_keys(c, id, e)) == NULL)
		return -1;
	table = hr_sprintf("%s.%s", schema, name);
	row = choose(router, r, column, table, e);
	if (row >= 0) {
		n = same_key(r, row);
		rc = usable(r, row, n, table, e);
		if (rc == 0)
			rc = add_step(a, rel, r, row, n);
		if (rc == 0)
			rc = is_published(c, publication, rel, a->step[rel->steps - 1].table, e) < 0 ? -1 : 1;
	}
	free(table);
	hr_result_free(r);
	return rc;
}

int
hr_ancestry_find(struct hr_ancestry *a, struct hr_relation *rel, const struct hr_router *r,
    const char *publication, struct hr_conn *c, struct hr_err *e)
{
	int rc;

	*a = (struct hr_ancestry){ .tenant_type = 0 };
	hr_relation_clear_steps(rel);
	while ((rc = follow(a, rel, r, publication, c, e)) == 1)
		;
	if (rc < 0)
		hr_relation_clear_steps(rel);
	return rc;
}

char *
hr_ancestry_suggest(const struct hr_relation *rel, const struct hr_router *router, struct hr_conn *c)
{
	struct hr_err ignored = HR_ERR_INIT;
	struct hr_result *r = foreign_keys(c, rel->id, &ignored);
	int row = r ? choose(router, r, NULL, rel->name, &ignored) : -1;
	char *text = NULL;

	if (row >= 0)
		text = hr_sprintf("name it under 'tables:' in --config, with tenancy: parent and column: %s "
		    "when its rows belong to the tenant of their row of '%s.%s'", F(FROM), F(SCHEMA), F(TABLE));
	hr_result_free(r);
	return text;
}
