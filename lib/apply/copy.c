/* copy.c - make room for a first copy, or say why there is none. */

#include "base/hr.h"

#include <stdlib.h>
#include <string.h>

#include "apply/copy.h"
#include "base/alloc.h"
#include "base/lsn.h"
#include "pg/way.h"

/* WHERE of the tenants' rows: "" when they are all rows. */
static char *
where(const struct hr_snapshot *s, const struct hr_relation *rel)
{
	struct hr_buf b = HR_BUF_INIT;
	const char *t = s->tenant_list;
	uint32_t i;
	char *col;

	if (s->tenants == 0 || !hr_relation_mixed(rel) || (rel->tenancy == 'c' && rel->tenant_column < 0))
		return hr_strdup("");
	hr_buf_puts(&b, " WHERE ");
	if (rel->tenancy == 'p') {
		hr_way_exists(&b, rel);
		hr_way_tenant(&b, rel);
	} else {
		col = hr_quote_ident(rel->column[rel->tenant_column].name);
		hr_buf_puts(&b, col);
		free(col);
	}
	hr_buf_puts(&b, "::text COLLATE \"C\" IN (");
	for (i = 0; i < s->tenants; i++, t += strlen(t) + 1) {
		char *lit = hr_quote_literal(t);

		hr_buf_printf(&b, "%s%s", i ? ", " : "", lit);
		free(lit);
	}
	hr_buf_puts(&b, rel->tenancy == 'p' ? "))" : ")");
	hr_buf_text(&b);
	return (char *)hr_buf_take(&b, NULL);
}

static int
ask(struct hr_conn *c, char *sql, bool *yes, struct hr_err *e)
{
	struct hr_result *r;
	int rc = hr_conn_query(c, &r, sql, 0, NULL, e);

	free(sql);
	if (rc < 0)
		return -1;
	*yes = hr_result_rows(r) == 1 && hr_result_get(r, 0, 0) && hr_result_get(r, 0, 0)[0] == 't';
	hr_result_free(r);
	return 0;
}

static int
make_room(struct hr_conn *c, const struct hr_book *b, const struct hr_snapshot *s,
    const struct hr_relation *rel, struct hr_err *e)
{
	char *table = hr_quote_table(rel->schema, rel->name), *lit = hr_quote_literal(table);
	char *stream = hr_quote_literal(b->stream), *cond = where(s, rel);
	bool there, ours, any, parts;
	const char *only;
	int rc = -1;

	if (ask(c, hr_sprintf("SELECT pg_catalog.to_regclass(%s) IS NOT NULL", lit), &there, e) < 0)
		goto out;
	if (!there) {
		hr_fail(e, HR_CONFIG, "table '%s.%s' does not exist at the target", rel->schema, rel->name);
		hr_hint(e, "make it there first: pg_dump --schema-only --table='%s.%s'", rel->schema, rel->name);
		goto out;
	}
	if (ask(c, hr_sprintf("SELECT relkind = 'p' FROM pg_catalog.pg_class WHERE oid = %s::regclass", lit), &parts, e) < 0)
		goto out;
	only = parts ? "" : "ONLY ";
	if (ask(c, hr_sprintf("SELECT EXISTS (SELECT 1 FROM hr.copy WHERE stream = %s AND relation = %s)",
	    stream, lit), &ours, e) < 0 ||
	    ask(c, hr_sprintf("SELECT EXISTS (SELECT 1 FROM %s%s t%s)", only, table, cond), &any, e) < 0)
		goto out;
	if (any && !ours) {
		hr_fail(e, HR_REFUSED, "table '%s.%s' at the target is not empty: a first copy would double its rows",
		    rel->schema, rel->name);
		hr_hint(e, cond[0] ? "delete those tenants' rows first" : "TRUNCATE it first");
		goto out;
	}
	if (any && hr_conn_execf(c, e, "DELETE FROM %s%s t%s", only, table, cond) < 0)
		goto out;
	rc = hr_conn_execf(c, e, "INSERT INTO hr.copy (stream, relation, tenants) VALUES (%s, %s, '{}')"
	    " ON CONFLICT DO NOTHING", stream, lit);
out:
	free(table);
	free(lit);
	free(stream);
	free(cond);
	return rc;
}

static int
furthest_first(const void *a, const void *b)
{
	return (*(const struct hr_relation *const *)b)->steps - (*(const struct hr_relation *const *)a)->steps;
}

int
hr_copy_begin(struct hr_conn *c, const struct hr_book *b, const struct hr_snapshot *s,
    const struct hr_relations *rels, hr_lsn lsn, struct hr_err *e)
{
	const struct hr_relation **rel = hr_alloc(((size_t)s->relations + 1) * sizeof(*rel));
	struct hr_err ignored = HR_ERR_INIT;
	uint32_t i;
	int rc = 0;

	for (i = 0; i < s->relations && rc == 0; i++) {
		uint32_t id = hr_get_u32le(s->relation_list + 4 * i);

		if ((rel[i] = hr_relations_get(rels, id)) == NULL)
			rc = hr_fail(e, HR_BAD_STREAM, "a snapshot of relation %" PRIu32 ", which the stream has not described", id);
	}
	if (rc == 0) {
		/* Rows that are found by others go before those. */
		qsort(rel, s->relations, sizeof(*rel), furthest_first);
		rc = hr_conn_exec(c, "BEGIN", e);
		for (i = 0; i < s->relations && rc == 0; i++)
			rc = make_room(c, b, s, rel[i], e);
		if (rc < 0 || hr_book_copying(c, b, true, lsn, e) < 0 || hr_conn_exec(c, "COMMIT", e) < 0) {
			(void)!hr_conn_exec(c, "ROLLBACK", &ignored);
			rc = -1;
		}
	}
	free(rel);
	return rc;
}
