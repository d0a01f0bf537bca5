/* join.c - hold, begin, end. */

#include "base/hr.h"

#include <stdlib.h>
#include <string.h>

#include "apply/join.h"
#include "apply/worker.h"
#include "base/alloc.h"
#include "base/log.h"
#include "base/lsn.h"
#include "pg/way.h"

/* Statements with the stream, the tenant and a position. */
static int
run(struct hr_conn *c, const char *sql, const char *stream, const char *tenant, hr_lsn lsn, struct hr_result **out,
    struct hr_err *e)
{
	char at[HR_LSN_TEXT];
	struct hr_param p[3] = { HR_PARAM_TEXT(stream), HR_PARAM_TEXT(tenant), { .data = hr_lsn_format(at, lsn) } };
	struct hr_result *r;

	if (hr_conn_query(c, &r, sql, 3, p, e) < 0)
		return -1;
	if (out)
		*out = r;
	else
		hr_result_free(r);
	return 0;
}

int
hr_join_hold(struct hr_conn *c, const char *stream, const char *tenant, hr_lsn at, struct hr_err *e)
{
	/* A copy that is done and later than this is what this asked for. */
	if (run(c, "INSERT INTO hr.join AS j (stream, tenant, held, state) VALUES ($1, $2, $3::pg_lsn, 'held')"
	    " ON CONFLICT (stream, tenant) DO UPDATE SET held = EXCLUDED.held, state = 'held'"
	    " WHERE j.state = 'done' AND j.snapshot <= EXCLUDED.held", stream, tenant, at, NULL, e) < 0 ||
	    run(c, "INSERT INTO hr.tenant AS t (stream, tenant, state, reason, lsn) SELECT $1, $2, 'copying', 'it is being copied',"
	    " $3::pg_lsn FROM hr.join WHERE stream = $1 AND tenant = $2 AND state <> 'done' ON CONFLICT (stream, tenant)"
	    " DO UPDATE SET state = 'copying', reason = EXCLUDED.reason, hint = NULL, lsn = EXCLUDED.lsn, since = now()"
	    " WHERE t.state <> 'copying'", stream, tenant, at, NULL, e) < 0)
		return -1;
	return run(c, "UPDATE hr.stream SET parked_generation = parked_generation + 1, tenants = CASE"
	    " WHEN tenants IS NULL OR $2 = ANY (tenants) THEN tenants ELSE pg_catalog.array_append(tenants, $2) END"
	    " WHERE stream = $1 AND $3::pg_lsn IS NOT NULL", stream, tenant, at, NULL, e);
}

int
hr_join_forget(struct hr_conn *c, const char *stream, struct hr_err *e)
{
	struct hr_param p = HR_PARAM_TEXT(stream);
	struct hr_result *r;

	if (hr_conn_query(c, &r, "WITH t AS (DELETE FROM hr.tenant WHERE stream = $1 AND state = 'copying' RETURNING tenant),"
	    " p AS (DELETE FROM hr.parked WHERE stream = $1 AND tenant IN (SELECT tenant FROM t)),"
	    " j AS (DELETE FROM hr.join WHERE stream = $1)"
	    " UPDATE hr.stream SET parked_generation = parked_generation + 1 WHERE stream = $1"
	    " AND EXISTS (SELECT FROM t)", 1, &p, e) < 0)
		return -1;
	hr_result_free(r);
	return 0;
}

/* DELETE of the tenant's rows. */
static int
empty(struct hr_conn *c, const struct hr_relation *rel, const char *tenant, struct hr_err *e)
{
	char *table = hr_quote_table(rel->schema, rel->name);
	struct hr_buf sql = HR_BUF_INIT;
	struct hr_param p[2] = { HR_PARAM_TEXT(table), HR_PARAM_TEXT(tenant) };
	struct hr_result *r;
	bool there, parts;
	int rc = hr_conn_query(c, &r, "SELECT relkind = 'p' FROM pg_catalog.pg_class WHERE oid = pg_catalog.to_regclass($1)",
	    1, p, e);

	if (rc < 0)
		goto out;
	there = hr_result_rows(r) == 1;
	parts = there && hr_result_get(r, 0, 0)[0] == 't';
	hr_result_free(r);
	if (!there) {
		rc = hr_fail(e, HR_CONFIG, "table '%s.%s' does not exist at the target", rel->schema, rel->name);
		hr_hint(e, "make it there first: pg_dump --schema-only --table='%s.%s'", rel->schema, rel->name);
		goto out;
	}
	hr_buf_printf(&sql, "DELETE FROM %s%s t", parts ? "" : "ONLY ", table);
	if (rel->tenancy == 'c') {
		char *col = hr_quote_ident(rel->column[rel->tenant_column].name);

		hr_buf_printf(&sql, " WHERE %s::text COLLATE \"C\" = $1", col);
		free(col);
	} else if (rel->tenancy == 'p') {
		/* Also those whose parent has gone already: they are nobody else's. */
		hr_buf_puts(&sql, " WHERE NOT ");
		hr_way_exists(&sql, rel);
		hr_way_tenant(&sql, rel);
		hr_buf_puts(&sql, "::text COLLATE \"C\" <> $1)");
	}
	rc = hr_conn_query(c, &r, hr_buf_text(&sql), hr_relation_mixed(rel) ? 1 : 0, &p[1], e);
	if (rc == 0)
		hr_result_free(r);
out:
	hr_buf_clear(&sql);
	free(table);
	return rc;
}

/* What the target knows of it: its state, and how the copy of lsn stands to its snapshot. */
static int
look(struct hr_conn *c, const char *stream, const char *tenant, hr_lsn lsn, bool *done, bool *older, bool *same,
    struct hr_err *e)
{
	struct hr_result *r;

	if (run(c, "SELECT state = 'done', snapshot > $3::pg_lsn, snapshot = $3::pg_lsn FROM hr.join"
	    " WHERE stream = $1 AND tenant = $2 FOR UPDATE", stream, tenant, lsn, &r, e) < 0)
		return -1;
	*done = *older = *same = false;
	if (hr_result_rows(r) == 0) {
		hr_result_free(r);
		return hr_fail(e, HR_BAD_STREAM, "a copy of tenant '%s', whose changes were not kept for it", tenant);
	}
	*done = hr_result_get(r, 0, 0)[0] == 't';
	*older = hr_result_get(r, 0, 1) && hr_result_get(r, 0, 1)[0] == 't';
	*same = hr_result_get(r, 0, 2) && hr_result_get(r, 0, 2)[0] == 't';
	hr_result_free(r);
	return 0;
}

static int
begin(struct hr_apply *a, struct hr_conn *c, const struct hr_snapshot *s, const struct hr_relations *rels,
    const char *tenant, hr_lsn lsn, bool *passing, struct hr_err *e)
{
	const char *stream = a->book.stream;
	bool done, older, same;
	uint32_t i;

	if (look(c, stream, tenant, lsn, &done, &older, &same, e) < 0)
		return -1;
	*passing = older || (done && same);
	if (*passing)
		return 0;
	if (done)
		return hr_fail(e, HR_BAD_STREAM, "a copy of tenant '%s', whose changes were not kept for it", tenant);
	for (i = 0; i < s->relations; i++) {
		const struct hr_relation *rel = hr_relations_get(rels, hr_get_u32le(s->relation_list + 4 * i));

		if (rel == NULL || rel->tenancy == 'a' || (rel->tenancy == 'c' && rel->tenant_column < 0))
			return hr_fail(e, HR_BAD_STREAM, "a copy of tenant '%s' of a table that is not its own", tenant);
		if (empty(c, rel, tenant, e) < 0)
			return -1;
	}
	/* Tables as they were are needed by what comes later; changes before the snapshot are not. */
	return run(c, "DELETE FROM hr.parked WHERE stream = $1 AND tenant = $2 AND kind = 'D' AND lsn < $3::pg_lsn",
	    stream, tenant, lsn, NULL, e) < 0 ? -1 :
	    run(c, "UPDATE hr.join SET state = 'copying', snapshot = $3::pg_lsn WHERE stream = $1 AND tenant = $2",
	    stream, tenant, lsn, NULL, e);
}

static void
account(struct hr_apply *a, const char *tenant, bool copying)
{
	struct hr_account *t;

	pthread_mutex_lock(&a->ledger.lock);
	t = hr_ledger_account(&a->ledger, tenant, strlen(tenant));
	t->copying = copying;
	if (t->parked) {
		t->parked = false;
		free(t->reason);
		t->reason = NULL;
		a->ledger.parked--;
	}
	a->ledger.dirty = true;
	pthread_cond_signal(&a->ledger.changed);
	pthread_mutex_unlock(&a->ledger.lock);
}

/* Is it still being copied?  A row of it may have been refused. */
static int
in_hand(struct hr_conn *c, const char *stream, const char *tenant, bool *yes, struct hr_err *e)
{
	struct hr_result *r;

	if (run(c, "SELECT 1 FROM hr.tenant WHERE stream = $1 AND tenant = $2 AND state = 'copying' AND $3::pg_lsn IS NOT NULL",
	    stream, tenant, 0, &r, e) < 0)
		return -1;
	*yes = hr_result_rows(r) == 1;
	hr_result_free(r);
	return 0;
}

/* What was kept cannot be written: its rows are there, and it is parked as any that is refused. */
static int
set_aside(struct hr_apply *a, struct hr_conn *c, const char *tenant, const struct hr_err *why, struct hr_err *e)
{
	struct hr_param p[4] = {
		HR_PARAM_TEXT(a->book.stream), HR_PARAM_TEXT(tenant), HR_PARAM_TEXT(why->what), HR_PARAM_TEXT(why->hint),
	};
	struct hr_account *t;
	struct hr_result *r;

	if (hr_conn_query(c, &r, "WITH t AS (UPDATE hr.tenant SET state = 'parked', reason = $3, hint = $4"
	    " WHERE stream = $1 AND tenant = $2), j AS (UPDATE hr.join SET state = 'done' WHERE stream = $1 AND tenant = $2)"
	    " UPDATE hr.stream SET parked_generation = parked_generation + 1 WHERE stream = $1", 4, p, e) < 0)
		return -1;
	hr_result_free(r);
	pthread_mutex_lock(&a->ledger.lock);
	t = hr_ledger_account(&a->ledger, tenant, strlen(tenant));
	t->copying = false;
	t->parked = true;
	t->reason = hr_strdup(why->what);
	a->ledger.parked++;
	a->ledger.dirty = true;
	pthread_mutex_unlock(&a->ledger.lock);
	hr_log_err(HR_LOG_WARNING, why);
	return 0;
}

static int
one_mark(struct hr_apply *a, struct hr_conn *c, const struct hr_snapshot *s, const struct hr_relations *rels,
    const char *tenant, hr_lsn lsn, bool *passing, struct hr_err *e)
{
	struct hr_err ignored = HR_ERR_INIT;
	int rc;

	if (hr_conn_exec(c, "BEGIN", e) < 0)
		return -1;
	rc = hr_book_holds(c, &a->book, e);
	if (rc == 0)
		rc = s->kind == HR_SNAPSHOT_HOLD ? hr_join_hold(c, a->book.stream, tenant, lsn, e) :
		    begin(a, c, s, rels, tenant, lsn, passing, e);
	if (rc == 0)
		rc = hr_conn_exec(c, "COMMIT", e);
	if (rc < 0)
		(void)!hr_conn_exec(c, "ROLLBACK", &ignored);
	return rc;
}

int
hr_join_mark(struct hr_apply *a, struct hr_conn *c, const struct hr_snapshot *s, const struct hr_relations *rels,
    const char *tenant, hr_lsn lsn, bool *passing, struct hr_err *e)
{
	bool yes = false;

	if (s->kind != HR_SNAPSHOT_ENDED) {
		if (one_mark(a, c, s, rels, tenant, lsn, passing, e) < 0 ||
		    in_hand(c, a->book.stream, tenant, &yes, e) < 0)
			return -1;
		/* A row was refused meanwhile: the rest is of no use. */
		*passing |= s->kind == HR_SNAPSHOT_BEGINS && !yes;
		account(a, tenant, yes);
		hr_log(HR_LOG_NOTE, "tenant '%s' %s %s%s", tenant, s->kind == HR_SNAPSHOT_HOLD ? "is to be copied, its changes are"
		    " kept from" : "is copied, as of", HR_LSN(lsn), *passing ? ": it is in already" : "");
		return 0;
	}
	if (*passing) {
		*passing = false;
		return 0;
	}
	if (in_hand(c, a->book.stream, tenant, &yes, e) < 0)
		return -1;
	if (!yes)
		return 0;
	if (hr_apply_joined(a, tenant, lsn, e) < 0) {
		struct hr_err why = *e;

		if (hr_err_retryable(e) || !hr_conn_alive(c))
			return -1;
		hr_err_clear(e);
		return set_aside(a, c, tenant, &why, e);
	}
	account(a, tenant, false);
	return 0;
}
