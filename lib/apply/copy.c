/* copy.c - make room for a first copy, or say why there is none. */

#include "base/hr.h"

#include <stdlib.h>
#include <string.h>

#include "apply/copy.h"
#include "apply/join.h"
#include "apply/target.h"
#include "base/alloc.h"
#include "base/lsn.h"
#include "pg/way.h"

/*
 * WHERE of the tenants' rows: "" when they are all rows.  Of rows by parent,
 * those that reach one of the tenants, or (loosely) none of the others: what a
 * copy left that was cut may not have its parent.
 */
static char *
where(const struct hr_snapshot *s, const struct hr_relation *rel, bool loosely)
{
	struct hr_buf b = HR_BUF_INIT;
	const char *t = s->tenant_list;
	uint32_t i;
	char *col;

	if (s->tenants == 0 || !hr_relation_mixed(rel) || (rel->tenancy == 'c' && rel->tenant_column < 0))
		return hr_strdup("");
	loosely &= rel->tenancy == 'p';
	hr_buf_puts(&b, loosely ? " WHERE NOT " : " WHERE ");
	if (rel->tenancy == 'p') {
		hr_way_exists(&b, rel);
		hr_way_tenant(&b, rel);
	} else {
		col = hr_quote_ident(rel->column[rel->tenant_column].name);
		hr_buf_puts(&b, col);
		free(col);
	}
	hr_buf_printf(&b, "::text COLLATE \"C\" %s (", loosely ? "NOT IN" : "IN");
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
	char *stream = hr_quote_literal(b->stream), *cond = where(s, rel, false);
	char *all = where(s, rel, true);
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
	if (ours && hr_conn_execf(c, e, "DELETE FROM %s%s t%s", only, table, all) < 0)
		goto out;
	rc = hr_conn_execf(c, e, "INSERT INTO hr.copy (stream, relation, tenants) VALUES (%s, %s, '{}')"
	    " ON CONFLICT DO NOTHING", stream, lit);
out:
	free(table);
	free(lit);
	free(stream);
	free(cond);
	free(all);
	return rc;
}

/* Rows of the copy that are kept for somebody would be there twice. */
static int
none_kept(struct hr_conn *c, const struct hr_book *b, const struct hr_relation *rel, struct hr_err *e)
{
	char *stream = hr_quote_literal(b->stream);
	bool any;
	int rc = ask(c, hr_sprintf("SELECT EXISTS (SELECT 1 FROM hr.parked WHERE stream = %s)", stream), &any, e);

	free(stream);
	if (rc < 0 || !any)
		return rc;
	hr_fail(e, HR_REFUSED, "table '%s.%s' has to be copied anew, and rows of the copy are kept for a parked tenant",
	    rel->schema, rel->name);
	return hr_hint(e, "see hr.tenant at the target, mend it, run hr-apply --retry, and start again");
}

/* Can rows that come again be told from others? */
static int
has_key(struct hr_conn *c, const struct hr_relation *rel, bool *yes, struct hr_err *e)
{
	struct hr_relation *twin;
	struct hr_target *t;

	if ((twin = hr_relation_copy(rel, e)) == NULL || hr_target_load(&t, c, twin, 0, e) < 0)
		return -1;
	*yes = t->uniques > 0;
	hr_target_free(t);
	return 0;
}

static int
not_there(const struct hr_relation *rel, struct hr_err *e)
{
	hr_fail(e, HR_REFUSED, "the source says that the target has a part of '%s.%s', which it has not",
	    rel->schema, rel->name);
	return hr_hint(e, "remove the checkpoint file and start again: it is of another target, or older");
}

/* The parts of one table: which of them are in is what the target says, not the source. */
static int
plan_table(struct hr_copied *now, const struct hr_copied *before, struct hr_conn *c, const struct hr_book *b,
    const struct hr_snapshot *s, const struct hr_relation *rel, uint32_t *i, struct hr_err *e)
{
	char *name = hr_quote_table(rel->schema, rel->name);
	const struct hr_copied_table *old = hr_copied_table(before, rel->id);
	struct hr_copied_table *t;
	uint32_t first = *i;

	if (hr_copied_table(now, rel->id)) {
		free(name);
		return hr_fail(e, HR_BAD_STREAM, "a copy has the parts of '%s.%s' in two places", rel->schema, rel->name);
	}
	t = hr_copied_plan_table(now, rel->id, name, hr_sprintf("%s.%s", rel->schema, rel->name));
	t->mode = hr_copied_mode(before, rel->id, t->name);
	if (t->mode == HR_COPIED_NONE && (make_room(c, b, s, rel, e) < 0 || (old && none_kept(c, b, rel, e) < 0)))
		return -1;
	t->keyed = t->mode == HR_COPIED_SOME;
	for (; *i < s->parts; ++*i) {
		struct hr_part part = hr_part_get(s, *i);
		bool in = t->mode == HR_COPIED_ALL ||
		    (t->mode == HR_COPIED_SOME && part.of && hr_copied_covers(old, &part));

		if (part.relation != rel->id)
			break;
		if (part.in && !in)
			return not_there(rel, e);
		part.in = in;
		hr_copied_plan_part(now, &part);
	}
	/* Only a table in several parts can be left half done. */
	return t->mode == HR_COPIED_NONE && *i - first > 1 ? has_key(c, rel, &t->keyed, e) : 0;
}

static int
plan(struct hr_copied *now, const struct hr_copied *before, struct hr_conn *c, const struct hr_book *b,
    const struct hr_snapshot *s, const struct hr_relations *rels, struct hr_err *e)
{
	uint32_t i = 0;

	while (i < s->parts) {
		uint32_t id = hr_part_get(s, i).relation;
		const struct hr_relation *rel = hr_relations_get(rels, id);

		if (rel == NULL)
			return hr_fail(e, HR_BAD_STREAM, "a snapshot of relation %" PRIu32
			    ", which the stream has not described", id);
		if (plan_table(now, before, c, b, s, rel, &i, e) < 0)
			return -1;
	}
	return 0;
}

int
hr_copy_begin(struct hr_copied *now, const struct hr_copied *before, struct hr_conn *c, const struct hr_book *b,
    const struct hr_snapshot *s, const struct hr_relations *rels, hr_lsn lsn, struct hr_err *e)
{
	static const struct hr_copied none = { 0 };
	struct hr_err ignored = HR_ERR_INIT;

	*now = none;
	if (hr_conn_exec(c, "BEGIN", e) == 0 && hr_join_forget(c, b->stream, e) == 0 &&
	    plan(now, before ? before : &none, c, b, s, rels, e) == 0 && hr_copied_save(now, c, b->stream, e) == 0 &&
	    hr_book_copying(c, b, true, lsn, e) == 0 && hr_conn_exec(c, "COMMIT", e) == 0)
		return 0;
	(void)!hr_conn_exec(c, "ROLLBACK", &ignored);
	hr_copied_clear(now);
	return -1;
}

int
hr_copy_end(struct hr_conn *c, const struct hr_book *b, hr_lsn lsn, struct hr_err *e)
{
	struct hr_err ignored = HR_ERR_INIT;
	int64_t missing = 0;
	char *stream = hr_quote_literal(b->stream);

	if (hr_conn_exec(c, "BEGIN", e) == 0 && hr_copied_missing(c, b->stream, &missing, e) == 0 && missing == 0 &&
	    hr_conn_execf(c, e, "DELETE FROM hr.part WHERE stream = %s", stream) == 0 &&
	    hr_book_copying(c, b, false, lsn, e) == 0 && hr_conn_exec(c, "COMMIT", e) == 0) {
		free(stream);
		return 0;
	}
	free(stream);
	if (missing)
		hr_fail(e, HR_BAD_STREAM, "the copy has ended, and %" PRId64 " of its parts have not come", missing);
	(void)!hr_conn_exec(c, "ROLLBACK", &ignored);
	return -1;
}
