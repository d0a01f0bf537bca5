/* source.c - catalog queries at the source. */

#include "base/hr.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "capture/published.h"
#include "capture/source.h"

int
hr_source_check(struct hr_conn *c, struct hr_err *e)
{
	struct hr_result *r;
	int version = hr_conn_server_version(c), rc = 0;

	if (version < 150000)
		return hr_fail(e, HR_CONFIG, "the source runs PostgreSQL %d; 15 or later is needed",
		    version / 10000);
	if (hr_conn_query(c, &r, "SHOW wal_level", 0, NULL, e) < 0)
		return -1;
	if (strcmp(hr_result_get(r, 0, 0), "logical") != 0) {
		rc = hr_fail(e, HR_CONFIG, "wal_level at the source is '%s'", hr_result_get(r, 0, 0));
		hr_hint(e, "set wal_level = logical and restart the server");
	}
	hr_result_free(r);
	return rc;
}

int
hr_types_load(struct hr_type_names *t, struct hr_conn *c, struct hr_err *e)
{
	struct hr_result *r;
	int i;

	if (hr_conn_query(c, &r, "SELECT t.oid, n.nspname, t.typname FROM pg_catalog.pg_type t"
	    " JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace ORDER BY t.oid", 0, NULL, e) < 0)
		return -1;
	hr_types_clear(t);
	t->type = hr_zalloc((size_t)hr_result_rows(r) * sizeof(*t->type));
	for (i = 0; i < hr_result_rows(r); i++) {
		struct hr_type_name *n = &t->type[t->types++];

		n->oid = (uint32_t)strtoul(hr_result_get(r, i, 0), NULL, 10);
		n->schema = hr_strdup(hr_result_get(r, i, 1));
		n->name = hr_strdup(hr_result_get(r, i, 2));
	}
	hr_result_free(r);
	return 0;
}

static int
by_oid(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = ((const struct hr_type_name *)b)->oid;

	return x < y ? -1 : x > y;
}

const struct hr_type_name *
hr_types_find(const struct hr_type_names *t, uint32_t oid)
{
	return t->types ? bsearch(&oid, t->type, t->types, sizeof(*t->type), by_oid) : NULL;
}

void
hr_types_clear(struct hr_type_names *t)
{
	size_t i;

	for (i = 0; i < t->types; i++) {
		free(t->type[i].schema);
		free(t->type[i].name);
	}
	free(t->type);
	*t = (struct hr_type_names){ 0 };
}

static int
publications_exist(struct hr_conn *c, const struct hr_param *list, struct hr_err *e)
{
	struct hr_result *r;
	int rc = 0;

	if (hr_conn_query(c, &r, "SELECT w FROM pg_catalog.unnest(pg_catalog.string_to_array($1, ',')) w"
	    " WHERE w NOT IN (SELECT pubname FROM pg_catalog.pg_publication)", 1, list, e) < 0)
		return -1;
	if (hr_result_rows(r)) {
		const char *name = hr_result_get(r, 0, 0);

		rc = hr_fail(e, HR_CONFIG, "publication '%s' does not exist at the source", name);
		hr_hint(e, "CREATE PUBLICATION %s FOR TABLE ...", name);
	}
	hr_result_free(r);
	return rc;
}

/*
 * A table's rows are filtered, and its columns listed, only where it is named by
 * itself.  Generated columns are a publication's only when it says so (18).
 */
#define PUBLISHED HR_PUBLISHED \
	" SELECT c.oid, n.nspname, c.relname, c.relkind, c.relreplident, c.relpages," \
	" CASE WHEN pg_catalog.bool_or(r.prqual IS NULL) THEN NULL" \
	" ELSE pg_catalog.string_agg('(' || pg_catalog.pg_get_expr(r.prqual, r.prrelid) || ')', ' OR ') END AS filter," \
	" pg_catalog.bool_or(p.changes) AS changes," \
	" min(l.attnames::pg_catalog.text)::pg_catalog.name[] AS names," \
	" min(l.attnames::pg_catalog.text) <> max(l.attnames::pg_catalog.text) AS differ" \
	" FROM v JOIN p ON p.oid = v.pub" \
	" JOIN pg_catalog.pg_class c ON c.oid = v.rel" \
	" JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace" \
	" LEFT JOIN pg_catalog.pg_publication_rel r ON r.prpubid = v.pub AND r.prrelid = v.rel AND NOT p.puballtables" \
	"  AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_publication_namespace s" \
	"   WHERE s.pnpubid = v.pub AND s.pnnspid = c.relnamespace)" \
	" CROSS JOIN LATERAL (SELECT ARRAY(SELECT a.attname FROM pg_catalog.pg_attribute a" \
	"  WHERE a.attrelid = v.rel AND a.attnum > 0 AND NOT a.attisdropped" \
	"  AND CASE WHEN r.prattrs IS NULL THEN a.attgenerated = '' OR (a.attgenerated = 's' AND p.generated)" \
	"   ELSE a.attnum = ANY (r.prattrs::pg_catalog.int2[]) END ORDER BY a.attnum) AS attnames) l" \
	" WHERE NOT EXISTS (SELECT 1 FROM v o" \
	"  JOIN p op ON op.oid = o.pub AND op.pubviaroot" \
	"  JOIN pg_catalog.pg_class oc ON oc.oid = o.rel AND oc.relkind = 'p'" \
	"  WHERE c.relispartition AND oc.oid <> c.oid" \
	"  AND oc.oid IN (SELECT relid FROM pg_catalog.pg_partition_ancestors(c.oid)))" \
	" GROUP BY c.oid, n.nspname, c.relname, c.relkind, c.relreplident, c.relpages"

/* What a row says of its table, and of one of its columns. */
enum { OID, SCHEMA, NAME, KIND, IDENTITY, PAGES, FILTER, CHANGES, DIFFER, KEYED, COLUMN, TYPE, TYPMOD, KEY, SCOPES };

static void
add_table(struct hr_source_tables *s, struct hr_result *r, int row)
{
	struct hr_source_table *t = &s->table[s->tables++];
	struct hr_relation *rel = t->relation = hr_zalloc(sizeof(*rel));

	rel->id = (uint32_t)strtoul(hr_result_get(r, row, OID), NULL, 10);
	rel->schema = hr_strdup(hr_result_get(r, row, SCHEMA));
	rel->name = hr_strdup(hr_result_get(r, row, NAME));
	rel->identity = hr_result_get(r, row, IDENTITY)[0];
	rel->tenancy = 'a';
	rel->tenant_column = -1;
	t->kind = hr_result_get(r, row, KIND)[0];
	t->pages = strtoll(hr_result_get(r, row, PAGES), NULL, 10);
	t->filter = hr_strdup(hr_result_get(r, row, FILTER));
	t->publishes_changes = hr_result_get(r, row, CHANGES)[0] == 't';
	t->keyed = hr_result_get(r, row, KEYED)[0] == 't';
}

static void
add_column(struct hr_source_table *t, struct hr_result *r, int row, const struct hr_type_names *types)
{
	struct hr_relation *rel = t->relation;
	struct hr_column *col;
	const struct hr_type_name *n;

	rel->column = hr_realloc(rel->column, (size_t)rel->columns + 1, sizeof(*col));
	t->scopes = hr_realloc(t->scopes, (size_t)rel->columns + 1, sizeof(*t->scopes));
	t->scopes[rel->columns] = hr_result_get(r, row, SCOPES)[0] == 't';
	col = &rel->column[rel->columns++];
	col->name = hr_strdup(hr_result_get(r, row, COLUMN));
	col->type = (uint32_t)strtoul(hr_result_get(r, row, TYPE), NULL, 10);
	col->typmod = (int32_t)strtol(hr_result_get(r, row, TYPMOD), NULL, 10);
	col->key = hr_result_get(r, row, KEY)[0] == 't';
	n = hr_types_find(types, col->type);
	col->type_schema = hr_strdup(n ? n->schema : "");
	col->type_name = hr_strdup(n ? n->name : "");
}

int
hr_source_tables(struct hr_source_tables *s, struct hr_conn *c, const char *publication,
    const struct hr_type_names *types, struct hr_err *e)
{
	const struct hr_param list = HR_PARAM_TEXT(publication);
	struct hr_result *r;
	int i;

	*s = (struct hr_source_tables){ 0 };
	if (publications_exist(c, &list, e) < 0)
		return -1;
	/*
	 * Tables with the columns that pgoutput sends, the replica identity's marked
	 * as it marks them.  Of both at once: tables come and go.
	 */
	if (hr_conn_query(c, &r, "SELECT q.oid, nspname, relname, relkind, relreplident, relpages,"
	    " filter, changes, differ, keyed, a.attname, a.atttypid, a.atttypmod,"
	    " CASE q.relreplident WHEN 'f' THEN true ELSE EXISTS (SELECT 1 FROM pg_catalog.pg_index i"
	    "  WHERE i.indrelid = q.oid AND i.indisvalid AND a.attnum = ANY (i.indkey)"
	    "  AND pg_catalog.array_position(i.indkey::int2[], a.attnum) < i.indnkeyatts"
	    "  AND CASE q.relreplident WHEN 'd' THEN i.indisprimary"
	    "   WHEN 'i' THEN i.indisreplident ELSE false END) END,"
	    " NOT EXISTS (SELECT 1 FROM pg_catalog.pg_index i WHERE i.indrelid = q.oid"
	    "  AND (i.indisunique OR i.indisexclusion) AND NOT a.attnum = ANY (i.indkey))"
	    " FROM (SELECT q.*, EXISTS (SELECT 1 FROM pg_catalog.pg_index i WHERE i.indrelid = q.oid"
	    "  AND i.indisunique AND i.indimmediate AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL"
	    "  AND NOT i.indisexclusion AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_attribute a WHERE a.attrelid = q.oid"
	    "   AND a.attnum = ANY (i.indkey) AND NOT (a.attnotnull AND a.attname = ANY (q.names)))) AS keyed"
	    "  FROM (" PUBLISHED ") q OFFSET 0) q"
	    " LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = q.oid AND a.attnum > 0 AND NOT a.attisdropped"
	    " AND a.attname = ANY (q.names) ORDER BY q.oid, a.attnum", 1, &list, e) < 0)
		return -1;
	for (i = 0; i < hr_result_rows(r); i++)
		if (hr_result_get(r, i, DIFFER) && hr_result_get(r, i, DIFFER)[0] == 't') {
			hr_fail(e, HR_CONFIG, "the publications '%s' list different columns of '%s.%s'", publication,
			    hr_result_get(r, i, SCHEMA), hr_result_get(r, i, NAME));
			hr_hint(e, "the source refuses that too: list the same columns, or capture them with two slots");
			hr_result_free(r);
			return -1;
		}
	s->table = hr_zalloc((size_t)hr_result_rows(r) * sizeof(*s->table));
	for (i = 0; i < hr_result_rows(r); i++) {
		if (i == 0 || strcmp(hr_result_get(r, i, OID), hr_result_get(r, i - 1, OID)) != 0)
			add_table(s, r, i);
		if (hr_result_get(r, i, COLUMN))
			add_column(&s->table[s->tables - 1], r, i, types);
	}
	hr_result_free(r);
	return 0;
}

const struct hr_source_table *
hr_source_tables_get(const struct hr_source_tables *s, uint32_t id)
{
	size_t i;

	for (i = 0; i < s->tables; i++)
		if (s->table[i].relation->id == id)
			return &s->table[i];
	return NULL;
}

void
hr_source_tables_clear(struct hr_source_tables *s)
{
	size_t i;

	for (i = 0; i < s->tables; i++) {
		hr_relation_free(s->table[i].relation);
		free(s->table[i].filter);
		free(s->table[i].scopes);
	}
	free(s->table);
	*s = (struct hr_source_tables){ 0 };
}
