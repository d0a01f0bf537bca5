/* ddl.c - run what the source says of its tables, or note it. */

#include "base/hr.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "apply/ahead.h"
#include "apply/ddl.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/lsn.h"

static const char *
text_of(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

int
hr_ddl_parse(struct hr_ddl *d, const uint8_t *text, size_t len, struct hr_err *e)
{
	json_t *id;

	*d = (struct hr_ddl){ .json = json_loadb((const char *)text, len, 0, NULL) };
	d->kind = text_of(d->json, "kind");
	d->schema = text_of(d->json, "schema");
	d->table = text_of(d->json, "table");
	d->sql = text_of(d->json, "sql");
	d->undo = text_of(d->json, "undo");
	d->done = text_of(d->json, "done");
	d->unsure = text_of(d->json, "unsure");
	d->apart = text_of(d->json, "apart");
	id = json_object_get(d->json, "relation");
	if (d->kind && d->schema && d->table && d->sql && d->done && json_is_integer(id) &&
	    json_integer_value(id) > 0 && json_integer_value(id) <= UINT32_MAX) {
		d->relation = (uint32_t)json_integer_value(id);
		return 0;
	}
	hr_ddl_clear(d);
	return hr_fail(e, HR_BAD_STREAM, "a message with prefix '" HR_DDL_PREFIX "' is not as it should be");
}

void
hr_ddl_clear(struct hr_ddl *d)
{
	json_decref(d->json);
	*d = (struct hr_ddl){ 0 };
}

bool
hr_ddl_is(const struct hr_item *it)
{
	return it->op == HR_MESSAGE && (it->options & 1) && it->name_len == strlen(HR_DDL_PREFIX) &&
	    memcmp(it->name, HR_DDL_PREFIX, it->name_len) == 0;
}

/* A question whose answer is yes or no. */
static int
ask(struct hr_conn *c, const char *sql, int n, const struct hr_param *p, bool *yes, struct hr_err *e)
{
	struct hr_result *r;

	if (hr_conn_query(c, &r, sql, n, p, e) < 0)
		return -1;
	*yes = hr_result_rows(r) == 1 && hr_result_get(r, 0, 0) && hr_result_get(r, 0, 0)[0] == 't';
	hr_result_free(r);
	return 0;
}

/* Was it done already, by hand or by another stream of the same source? */
static int
is_done(struct hr_worker *w, const struct hr_ddl *d, hr_lsn lsn, bool *yes, struct hr_err *e)
{
	char at[HR_LSN_TEXT], *sql;
	struct hr_param p[2] = { HR_PARAM_TEXT(w->a->book.stream), { .data = hr_lsn_format(at, lsn) } };
	int rc;

	sql = hr_sprintf("SELECT (%s) OR EXISTS (SELECT FROM hr.ddl d JOIN hr.stream s ON s.stream = d.stream"
	    " JOIN hr.stream m ON m.stream = $1 AND m.system = s.system AND m.database = s.database"
	    " WHERE d.lsn = $2::pg_lsn AND d.outcome <> 'waiting')", d->done);
	rc = ask(w->conn, sql, 2, p, yes, e);
	free(sql);
	return rc;
}

/*
 * A new value of an enum cannot be used by the transaction that adds it, and
 * rows with it may follow at once.  So it is added beside this transaction,
 * unless that has made the type.
 */
static int
run_apart(struct hr_worker *w, const struct hr_ddl *d, bool *ran, struct hr_err *e)
{
	struct hr_conn *c;
	struct hr_param p = HR_PARAM_TEXT(d->apart);
	int rc;

	if (hr_apply_connect(&c, w->a->o, true, e) < 0)
		return -1;
	rc = ask(c, "SELECT pg_catalog.to_regtype($1) IS NOT NULL", 1, &p, ran, e);
	if (rc == 0 && *ran)
		rc = hr_conn_exec(c, d->sql, e);
	hr_conn_close(c);
	return rc;
}

static int
run(struct hr_worker *w, const struct hr_ddl *d, struct hr_err *e)
{
	bool ran = false;
	struct hr_err why;

	if (d->unsure)
		hr_fail(e, HR_CONFIG, "%s of table '%s.%s': %s", d->kind, d->schema, d->table, d->unsure);
	else if ((d->apart == NULL || run_apart(w, d, &ran, e) == 0) && (ran || hr_conn_exec(w->conn, d->sql, e) == 0)) {
		hr_log(HR_LOG_NOTE, "changed the target: %.600s", d->sql);
		return 0;
	}
	if (hr_err_retryable(e) || !hr_conn_alive(w->conn))
		return -1;
	why = *e;
	if (!d->unsure)
		hr_fail(e, HR_CONFIG, "the target refused %s of table '%s.%s': %.500s", d->kind, d->schema, d->table, why.what);
	e->hint[0] = '\0';
	hr_hint(e, "run %.800s at the target%s", d->sql, d->unsure ? " and bring the values over, in one transaction" :
	    ", or what serves instead");
	memcpy(e->sqlstate, "HRDDL", 6);
	free(w->awaits);
	w->awaits = hr_strdup(d->done);
	return -1;
}

static int
note(struct hr_worker *w, const struct hr_tenant *t, const struct hr_ddl *d, const struct hr_item *it,
    const char *outcome, struct hr_err *e)
{
	char lsn[HR_LSN_TEXT], time[HR_TIME_TEXT], *relation = hr_sprintf("%s.%s", d->schema, d->table);
	struct hr_param p[9] = {
		HR_PARAM_TEXT(w->a->book.stream), { .data = t->len ? t->name : "*" }, { .data = hr_lsn_format(lsn, it->lsn) },
		{ .data = time }, HR_PARAM_TEXT(d->kind), HR_PARAM_TEXT(relation), HR_PARAM_TEXT(outcome),
		{ .data = it->content, .len = (int)it->content_len, .binary = true, .type = 17 }, { 0 },
	};
	struct hr_result *r;
	int rc;

	hr_time_format(time, t->time);
	rc = hr_conn_query(w->conn, &r, "INSERT INTO hr.ddl (stream, tenant, lsn, commit_time, kind, relation, outcome,"
	    " operation, statement, undo) SELECT $1, $2, $3::pg_lsn, $4::timestamptz, $5, $6, $7, o, o->>'sql', o->>'undo'"
	    " FROM (SELECT pg_catalog.convert_from($8, 'UTF8')::jsonb AS o) q", 8, p, e);
	free(relation);
	if (rc == 0)
		hr_result_free(r);
	return rc;
}

/* To be run by somebody; kept until the transaction ends. */
static void
tell(struct hr_worker *w, const struct hr_ddl *d)
{
	struct hr_told *x;

	HR_GROW(w->told, w->tolds, w->told_cap);
	x = &w->told[w->tolds++];
	*x = (struct hr_told){ d->relation, hr_strdup(d->sql), hr_strdup(d->done) };
	atomic_store(&w->a->awaiting, true);
}

void
hr_ddl_forget(struct hr_worker *w)
{
	while (w->tolds) {
		w->tolds--;
		free(w->told[w->tolds].sql);
		free(w->told[w->tolds].done);
	}
}

int
hr_worker_ddl(struct hr_worker *w, struct hr_tenant *t, const struct hr_item *it, bool all, struct hr_err *e)
{
	const char *outcome = "present";
	struct hr_ddl d;
	bool done;
	int rc = -1;

	/* Everybody else has had it, and this tenant's tables are theirs. */
	if (w->replaying && all) {
		if (hr_batch_flush(&w->batch, true, e) < 0)
			return -1;
		hr_ahead_passed(w, it->lsn);
		return 0;
	}
	if (hr_ddl_parse(&d, it->content, it->content_len, e) < 0)
		return -1;
	/* What came before it is of the tables as they were. */
	if (hr_batch_flush(&w->batch, true, e) < 0 || hr_txn_begin(&w->txn, e) < 0)
		goto out;
	w->batch.failed = t;
	/* Two streams into one target: one after the other. */
	if (hr_conn_exec(w->conn, "SELECT pg_catalog.pg_advisory_xact_lock(1751334261)", e) < 0 ||
	    is_done(w, &d, it->lsn, &done, e) < 0)
		goto out;
	if (!done && w->a->o->run_ddl) {
		outcome = "applied";
		if (run(w, &d, e) < 0)
			goto out;
	} else if (!done) {
		outcome = "waiting";
		tell(w, &d);
	}
	w->changed = true;
	hr_worker_stale(w);
	if ((!done || strcmp(d.kind, "create_schema") != 0) && note(w, t, &d, it, outcome, e) < 0)
		goto out;
	w->batch.failed = NULL;
	rc = 0;
out:
	hr_ddl_clear(&d);
	return rc;
}

int
hr_ddl_reason(struct hr_worker *w, uint32_t relation, struct hr_err *why, char **awaits, struct hr_err *e)
{
	char id[16];
	struct hr_param p[2] = { HR_PARAM_TEXT(w->a->book.stream), { .data = id } };
	struct hr_buf sql = HR_BUF_INIT, done = HR_BUF_INIT;
	struct hr_result *r;
	size_t k;
	int i;

	snprintf(id, sizeof(id), "%" PRIu32, relation);
	if (hr_conn_query(w->conn, &r, "SELECT statement, operation->>'done' FROM hr.ddl WHERE stream = $1"
	    " AND outcome = 'waiting' AND (operation->>'relation')::bigint = $2::bigint ORDER BY id", 2, p, e) < 0)
		return -1;
	for (i = 0; i < hr_result_rows(r); i++) {
		hr_buf_printf(&sql, "%s%s", sql.len ? "; " : "", hr_result_get(r, i, 0));
		hr_buf_printf(&done, "%s(%s)", done.len ? " AND " : "", hr_result_get(r, i, 1));
	}
	hr_result_free(r);
	for (k = 0; k < w->tolds; k++)
		if (w->told[k].relation == relation) {
			hr_buf_printf(&sql, "%s%s", sql.len ? "; " : "", w->told[k].sql);
			hr_buf_printf(&done, "%s(%s)", done.len ? " AND " : "", w->told[k].done);
		}
	if (sql.len) {
		why->hint[0] = '\0';
		hr_hint(why, "run %.900s at the target; it then goes on by itself", hr_buf_text(&sql));
		free(*awaits);
		*awaits = hr_strdup(hr_buf_text(&done));
	}
	hr_buf_clear(&sql);
	hr_buf_clear(&done);
	return 0;
}

char *
hr_ddl_mend(const struct hr_worker *w, const struct hr_target *t, const char *tenant, hr_lsn lsn)
{
	char *sql = t->missing ? (w->a->o->run_ddl ? hr_strdup(t->create) : NULL) : hr_target_add_columns(t);
	char *undo, *all, *lit[5];
	int i;

	if (sql == NULL)
		return NULL;
	undo = t->missing ? hr_sprintf("DROP TABLE %s", t->table) : hr_target_drop_columns(t);
	lit[0] = hr_quote_literal(w->a->book.stream);
	lit[1] = hr_quote_literal(tenant[0] ? tenant : "*");
	lit[2] = hr_quote_literal(t->shown);
	lit[3] = hr_quote_literal(sql);
	lit[4] = hr_quote_literal(undo);
	all = hr_sprintf("%s; INSERT INTO hr.ddl (stream, tenant, lsn, kind, relation, outcome, operation, statement, undo)"
	    " VALUES (%s, %s, '%s', '%s', %s, 'applied', '{\"relation\": %" PRIu32 "}', %s, %s)", sql, lit[0], lit[1], HR_LSN(lsn),
	    t->missing ? "create_table" : "add_column", lit[2], t->relation->id, lit[3], lit[4]);
	for (i = 0; i < 5; i++)
		free(lit[i]);
	free(sql);
	free(undo);
	return all;
}
