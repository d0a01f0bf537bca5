/*
 * table.c - match a table with its twin, and find an order that both sides
 * can put its keys in.
 *
 * Chunks are ranges of keys, and their ends are taken at the source.  Nothing
 * is missed when the two sides order keys differently, since a sequence of
 * ranges without gaps covers every key under any order; but ranges would not
 * hold the same rows.  So only orders are used that are known to be the same.
 */

#include "base/hr.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "migrate/table.h"

const char *const hr_side_name[2] = { "source", "target" };

#define FIRST_USER_OID 16384	/* below, OIDs are the same everywhere */

enum { INT8 = 20, INT2 = 21, INT4 = 23, TEXT = 25, BPCHAR = 1042, VARCHAR = 1043 };

/* Built-in types whose order depends on nothing, with operators in pg_catalog. */
static const uint32_t ordered[] = {
	16 /* bool */, 17 /* bytea */, 18 /* "char" */, 19 /* name */, INT8, INT2, INT4, 26 /* oid */,
	650 /* cidr */, 700 /* float4 */, 701 /* float8 */, 774 /* macaddr8 */, 790 /* money */,
	829 /* macaddr */, 869 /* inet */, 1082 /* date */, 1083 /* time */, 1114 /* timestamp */,
	1184 /* timestamptz */, 1186 /* interval */, 1266 /* timetz */, 1560 /* bit */, 1562 /* varbit */,
	1700 /* numeric */, 2950 /* uuid */, 3220 /* pg_lsn */, 5069 /* xid8 */,
};

static bool
is_integer(uint32_t type)
{
	return type == INT2 || type == INT4 || type == INT8;
}

static bool
is_text(uint32_t type)
{
	return type == TEXT || type == VARCHAR;
}

/* Bytes are in the order of code points. */
static bool
by_code_point(const char *encoding)
{
	return strcmp(encoding, "UTF8") == 0 || strcmp(encoding, "LATIN1") == 0 ||
	    strcmp(encoding, "SQL_ASCII") == 0;
}

static bool
same_bytes(const char *encoding[2])
{
	return strcmp(encoding[0], encoding[1]) == 0 || (by_code_point(encoding[0]) && by_code_point(encoding[1]));
}

enum hr_key_order
hr_key_order(const struct hr_column_fact *s, const struct hr_column_fact *t, const char *encoding[2],
    const char *cast[2])
{
	size_t i;

	cast[0] = cast[1] = "";
	if (s->base == t->base)
		for (i = 0; i < HR_COUNT(ordered); i++)
			if (ordered[i] == s->base)
				return HR_ORDER_NATIVE;
	if (is_integer(s->base) && is_integer(t->base)) {
		cast[0] = cast[1] = "pg_catalog.int8";
		return HR_ORDER_NATIVE;
	}
	if (s->kind == 'e' && t->kind == 'e' && s->labels && t->labels && strcmp(s->labels, t->labels) == 0)
		return HR_ORDER_NATIVE;
	if ((is_text(s->base) && is_text(t->base)) || (s->base == BPCHAR && t->base == BPCHAR)) {
		bool c = s->locale && strcmp(s->locale, "C") == 0;

		cast[0] = cast[1] = s->base == BPCHAR ? "pg_catalog.bpchar" : "pg_catalog.text";
		if (s->locale && t->locale && strcmp(s->locale, t->locale) == 0 && s->deterministic &&
		    t->deterministic && (c ? same_bytes(encoding) : strcmp(encoding[0], encoding[1]) == 0))
			return HR_ORDER_NATIVE;
		return same_bytes(encoding) ? HR_ORDER_C : HR_ORDER_UTF8;
	}
	cast[0] = cast[1] = NULL;
	return same_bytes(encoding) ? HR_ORDER_TEXT : HR_ORDER_UTF8;
}

/*
 * Catalogs.
 */

enum { NAME, NOTNULL, GENERATED, BASE, KIND, SCHEMA, TYPE, LABELS, COLL_SCHEMA, COLLATION, LOCALE, DETERMINISTIC };

/*
 * Some columns of pg_database and pg_collation have had other names from
 * release to release: they are looked up by name.  A locale whose version the
 * server does not know is not compared, but for C.
 */
#define LOCALE_OF(row, provider, libc, version) \
	"(SELECT CASE WHEN l.name IN ('C', 'POSIX') AND l.provider = 'c' THEN 'C'" \
	"  ELSE concat_ws('|', l.provider, l.name, " version ", l.rules) END" \
	"  FROM (SELECT " provider "::text AS provider, CASE WHEN " provider " = 'c' THEN " libc "::text" \
	"   ELSE coalesce(" row "->>'datlocale', " row "->>'daticulocale', " row "->>'colllocale'," \
	"    " row "->>'colliculocale') END AS name," \
	"   coalesce(" row "->>'daticurules', " row "->>'collicurules', '') AS rules) l" \
	"  WHERE l.name IN ('C', 'POSIX') OR " version " IS NOT NULL)"

static const char columns_sql[] =
"SELECT a.attname, a.attnotnull, a.attgenerated <> '', b.oid, b.typtype, n.nspname, b.typname,"
" CASE WHEN b.typtype = 'e' THEN (SELECT string_agg(quote_literal(e.enumlabel), ',' ORDER BY e.enumsortorder)"
"  FROM pg_enum e WHERE e.enumtypid = b.oid) END,"
" cn.nspname, co.collname,"
" CASE WHEN co.collprovider = 'd' THEN " LOCALE_OF("to_jsonb(d)", "d.datlocprovider", "d.datcollate",
    "pg_database_collation_actual_version(d.oid)")
" ELSE " LOCALE_OF("to_jsonb(co)", "co.collprovider", "co.collcollate", "pg_collation_actual_version(co.oid)")
" END, coalesce(co.collisdeterministic, true)"
" FROM pg_attribute a"
" CROSS JOIN LATERAL (WITH RECURSIVE r AS (SELECT t.* FROM pg_type t WHERE t.oid = a.atttypid"
"  UNION ALL SELECT t.* FROM pg_type t JOIN r ON t.oid = r.typbasetype)"
"  SELECT r.oid, r.typname, r.typtype, r.typnamespace FROM r WHERE r.typbasetype = 0) b"
" JOIN pg_namespace n ON n.oid = b.typnamespace"
" JOIN pg_database d ON d.datname = current_database()"
" LEFT JOIN pg_collation co ON co.oid = a.attcollation"
" LEFT JOIN pg_namespace cn ON cn.oid = co.collnamespace"
" WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum";

static const char key_sql[] =
"SELECT a.attname FROM (SELECT i.* FROM pg_index i WHERE i.indrelid = to_regclass($1) AND i.indisvalid"
"  AND (i.indisreplident OR i.indisprimary) ORDER BY i.indisreplident DESC LIMIT 1) i"
" CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY u(attnum, n)"
" JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = u.attnum"
" WHERE u.n <= i.indnkeyatts ORDER BY u.n";

#define F(i) hr_result_get(r, row, i)

static void
facts_clear(struct hr_facts *f)
{
	int i;

	for (i = 0; i < f->columns; i++) {
		free(f->column[i].name);
		free(f->column[i].type);
		free(f->column[i].labels);
		free(f->column[i].collation);
		free(f->column[i].locale);
	}
	free(f->column);
	*f = (struct hr_facts){ 0 };
}

static int
load_kind(struct hr_facts *f, struct hr_conn *c, const struct hr_param *table, struct hr_err *e)
{
	struct hr_result *r;

	if (hr_conn_query(c, &r, "SELECT relkind FROM pg_class WHERE oid = to_regclass($1)"
	    " AND relkind IN ('r', 'p')", 1, table, e) < 0)
		return -1;
	if (hr_result_rows(r))
		f->relkind = hr_result_get(r, 0, 0)[0];
	hr_result_free(r);
	return 0;
}

static int
load_facts(struct hr_facts *f, struct hr_conn *c, const char *table, struct hr_err *e)
{
	struct hr_param p = HR_PARAM_TEXT(table);
	struct hr_result *r;
	int row;

	if (load_kind(f, c, &p, e) < 0 || hr_conn_query(c, &r, columns_sql, 1, &p, e) < 0)
		return -1;
	f->column = hr_zalloc((size_t)hr_result_rows(r) * sizeof(*f->column));
	for (row = 0; row < hr_result_rows(r); row++) {
		struct hr_column_fact *a = &f->column[f->columns++];

		a->name = hr_strdup(F(NAME));
		a->notnull = F(NOTNULL)[0] == 't';
		a->generated = F(GENERATED)[0] == 't';
		a->base = (uint32_t)strtoul(F(BASE), NULL, 10);
		a->kind = F(KIND)[0];
		a->type = hr_quote_table(F(SCHEMA), F(TYPE));
		a->labels = hr_strdup(F(LABELS));
		if (F(COLLATION))
			a->collation = hr_quote_table(F(COLL_SCHEMA), F(COLLATION));
		a->locale = hr_strdup(F(LOCALE));
		a->deterministic = F(DETERMINISTIC)[0] == 't';
	}
	hr_result_free(r);
	return 0;
}

static const struct hr_column_fact *
find(const struct hr_facts *f, const char *name)
{
	int i;

	for (i = 0; i < f->columns; i++)
		if (strcmp(f->column[i].name, name) == 0)
			return &f->column[i];
	return NULL;
}

/*
 * The twin.
 */

static int
load_encoding(struct hr_conn *c, char **encoding, struct hr_err *e)
{
	struct hr_result *r;

	if (hr_conn_query(c, &r, "SELECT getdatabaseencoding()", 0, NULL, e) < 0)
		return -1;
	*encoding = hr_strdup(hr_result_get(r, 0, 0));
	hr_result_free(r);
	return 0;
}

static char *
cast_of(const char *cast, const struct hr_column_fact *f)
{
	return cast == NULL ? NULL : hr_strdup(cast[0] ? cast : f->type);
}

/* A nondeterministic collation calls values equal that are not the same. */
static char *
collation_of(const struct hr_column_fact *f, const char *cast)
{
	if (cast == NULL)
		return hr_strdup("pg_catalog.\"C\"");
	if (f->collation == NULL)
		return NULL;
	return hr_strdup(f->deterministic ? f->collation : "pg_catalog.\"C\"");
}

static int
load_key(struct hr_twin *w, struct hr_conn *c, const char *table, const struct hr_facts f[2],
    const char *encoding[2], struct hr_err *e)
{
	struct hr_param p = HR_PARAM_TEXT(table);
	const struct hr_relation *rel = w->relation;
	struct hr_result *r;
	int row, i, side;

	if (hr_conn_query(c, &r, key_sql, 1, &p, e) < 0)
		return -1;
	for (row = 0; row < hr_result_rows(r) && w->keys < HR_KEYS_MAX; row++) {
		struct hr_key_column *k = &w->key[w->keys];
		const char *cast[2];

		for (i = 0; i < rel->columns && strcmp(rel->column[i].name, F(0)) != 0; i++)
			;
		/* A key that is not published whole identifies nothing. */
		if (i == rel->columns) {
			w->keys = 0;
			break;
		}
		k->column = i;
		k->order = hr_key_order(find(&f[0], F(0)), find(&f[1], F(0)), encoding, cast);
		k->nullable = !find(&f[1], F(0))->notnull;
		w->nullable |= k->nullable;
		for (side = 0; side < 2; side++) {
			free(k->type[side]);
			free(k->collation[side]);
			k->type[side] = cast_of(cast[side], find(&f[side], F(0)));
			k->collation[side] = collation_of(find(&f[side], F(0)), cast[side]);
		}
		w->keys++;
	}
	hr_result_free(r);
	return 0;
}

/* Every column of the source has to be at the target. */
static int
match(struct hr_twin *w, const struct hr_facts f[2], struct hr_err *e)
{
	const struct hr_relation *rel = w->relation;
	int i;

	if (f[HR_TARGET].relkind == 0) {
		hr_fail(e, HR_CONFIG, "table '%s' does not exist at the target", w->name);
		return hr_hint(e, "make it there, or leave it out with --table");
	}
	w->compared = hr_zalloc(((size_t)rel->columns + 1) * sizeof(*w->compared));
	for (i = 0; i < rel->columns; i++) {
		const struct hr_column_fact *t = find(&f[HR_TARGET], rel->column[i].name);

		if (t == NULL) {
			hr_fail(e, HR_CONFIG, "table '%s' at the target lacks column '%s'", w->name,
			    rel->column[i].name);
			return hr_hint(e, "add it there, or leave it out of the publication");
		}
		if (find(&f[HR_SOURCE], rel->column[i].name) == NULL)
			return hr_fail(e, HR_TEMPORARY, "table '%s' has just been changed", w->name);
		w->compared[i] = !t->generated;
	}
	for (i = 0; i < 2 && rel->tenant_column >= 0; i++)
		w->loose[i] = !find(&f[i], rel->column[rel->tenant_column].name)->deterministic;
	w->kind[HR_SOURCE] = f[HR_SOURCE].relkind;
	w->kind[HR_TARGET] = f[HR_TARGET].relkind;
	return 0;
}

int
hr_twin_load(struct hr_twin *w, struct hr_conn *const conn[2], const struct hr_source_table *t,
    struct hr_err *e)
{
	struct hr_facts f[2] = { { 0 }, { 0 } };
	char *table = hr_quote_table(t->relation->schema, t->relation->name);
	char *encoding[2] = { NULL, NULL };
	int side, rc = -1;

	*w = (struct hr_twin){ 0 };
	w->name = hr_sprintf("%s.%s", t->relation->schema, t->relation->name);
	w->filter = hr_strdup(t->filter);
	if ((w->relation = hr_relation_copy(t->relation, e)) == NULL)
		goto out;
	for (side = 0; side < 2; side++)
		if (load_facts(&f[side], conn[side], table, e) < 0 || load_encoding(conn[side], &encoding[side], e) < 0) {
			hr_within(e, "%s", hr_side_name[side]);
			goto out;
		}
	if (match(w, f, e) < 0 || load_key(w, conn[HR_SOURCE], table, f, (const char **)encoding, e) < 0)
		goto out;
	rc = 0;
out:
	free(table);
	for (side = 0; side < 2; side++) {
		facts_clear(&f[side]);
		free(encoding[side]);
	}
	if (rc < 0)
		hr_twin_clear(w);
	return rc;
}

void
hr_twin_clear(struct hr_twin *w)
{
	int i, side;

	for (i = 0; i < HR_KEYS_MAX; i++)
		for (side = 0; side < 2; side++) {
			free(w->key[i].type[side]);
			free(w->key[i].collation[side]);
		}
	hr_relation_free(w->relation);
	free(w->name);
	free(w->filter);
	free(w->tenant);
	free(w->compared);
	*w = (struct hr_twin){ 0 };
}
