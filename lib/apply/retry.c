/*
 * retry.c - take parked tenants up again.
 *
 * Each tenant in a transaction of its own: what was kept for it is written in
 * order, and its being parked ends.  A running hr-apply waits for that at its
 * next commit, sees that the parked have changed, and goes on with the tenant.
 */

#include "base/hr.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apply/ahead.h"
#include "apply/ddl.h"
#include "apply/worker.h"
#include "base/alloc.h"
#include "base/log.h"
#include "base/lsn.h"

#define CHUNK "200"	/* pieces read at a time */

static int
hex(char c)
{
	return c <= '9' ? c - '0' : c - 'a' + 10;
}

/* A row of hr.parked as a piece: kind, broadcast, lsn, data. */
static struct hr_piece *
piece_of(const struct hr_result *r, int row, const char *tenant)
{
	const char *text = hr_result_get(r, row, 4);
	size_t n = (size_t)hr_result_len(r, row, 4) / 2, i;
	uint8_t *data = hr_alloc(n + 1);
	struct hr_frame f = {
		.type = hr_result_get(r, row, 1)[0] == 'R' ? HR_FRAME_RELATION : HR_FRAME_ROWS,
		.flags = hr_result_get(r, row, 2)[0] == 't' ? HR_ALL : 0,
		.tenant = tenant, .tenant_len = (uint16_t)strlen(tenant), .data = data, .len = (uint32_t)n,
	};
	struct hr_piece *p;

	for (i = 0; i < n; i++)
		data[i] = (uint8_t)(hex(text[2 * i]) << 4 | hex(text[2 * i + 1]));
	if (hr_lsn_parse(hr_result_get(r, row, 3), &f.lsn) < 0)
		f.lsn = 0;
	p = hr_piece_new(&f);
	free(data);
	return p;
}

/* Everything kept for the tenant, in order. */
static int
replay(struct hr_worker *w, const char *stream, const char *tenant, uint64_t *pieces, struct hr_err *e)
{
	char after[24] = "0";
	int n = 1, i, rc = 0;

	while (n > 0 && rc == 0) {
		struct hr_param p[3] = { HR_PARAM_TEXT(stream), HR_PARAM_TEXT(tenant), { .data = after } };
		struct hr_result *r;

		if (hr_txn_plain(&w->txn, e) < 0 || hr_conn_query(w->conn, &r, "SELECT id, kind, broadcast, lsn, pg_catalog.encode(data, 'hex')"
		    " FROM hr.parked WHERE stream = $1 AND tenant = $2 AND id > $3::bigint ORDER BY id LIMIT " CHUNK,
		    3, p, e) < 0)
			return -1;
		n = hr_result_rows(r);
		for (i = 0; i < n && rc == 0; i++) {
			struct hr_piece *piece = piece_of(r, i, tenant);

			rc = hr_worker_replay(w, piece, e);
			free(piece);
			++*pieces;
		}
		if (n)
			snprintf(after, sizeof(after), "%s", hr_result_get(r, n - 1, 0));
		hr_result_free(r);
	}
	return rc;
}

static int
one_tenant(struct hr_worker *w, const char *stream, const char *tenant, uint64_t *pieces, struct hr_err *e)
{
	struct hr_param p[2] = { HR_PARAM_TEXT(stream), HR_PARAM_TEXT(tenant) };

	/* A running hr-apply waits behind these locks until this is over. */
	if (hr_txn_sql(&w->txn, "UPDATE hr.stream SET parked_generation = parked_generation + 1 WHERE stream = $1",
	    1, p, e) < 0 ||
	    hr_txn_sql(&w->txn, "SELECT 1 FROM hr.progress WHERE stream = $1 FOR UPDATE", 1, p, e) < 0 ||
	    hr_txn_plain(&w->txn, e) < 0 || hr_ahead_kept(w, tenant, e) < 0 || replay(w, stream, tenant, pieces, e) < 0)
		return -1;
	if (hr_txn_sql(&w->txn, "DELETE FROM hr.parked WHERE stream = $1 AND tenant = $2", 2, p, e) < 0 ||
	    hr_txn_sql(&w->txn, "DELETE FROM hr.tenant WHERE stream = $1 AND tenant = $2", 2, p, e) < 0)
		return -1;
	return hr_txn_commit(&w->txn, e);
}

/* The copy of a tenant has ended: what was kept since its snapshot follows it. */
int
hr_apply_joined(struct hr_apply *a, const char *tenant, hr_lsn snapshot, struct hr_err *e)
{
	struct hr_param p[2] = { HR_PARAM_TEXT(a->book.stream), HR_PARAM_TEXT(tenant) };
	struct hr_worker w;
	uint64_t pieces = 0;
	int rc;

	hr_worker_init(&w, a, 0);
	free(w.only);
	w.only = hr_quote_array((char *const[]){ (char *)tenant }, 1);
	rc = hr_apply_connect(&w.conn, a->o, true, e);
	w.txn.conn = w.conn;
	if (rc == 0)
		rc = hr_ledger_intact(a, w.conn, e);
	hr_worker_tenant(&w, tenant, strlen(tenant))->position = snapshot;
	if (rc == 0)
		rc = hr_txn_sql(&w.txn, "UPDATE hr.join SET state = 'done' WHERE stream = $1 AND tenant = $2", 2, p, e);
	if (rc == 0)
		rc = one_tenant(&w, a->book.stream, tenant, &pieces, e);
	if (rc == 0)
		hr_log(HR_LOG_NOTE, "the copy of tenant '%s' is complete, %" PRIu64 " kept pieces written", tenant, pieces);
	else {
		if (w.conn)
			hr_txn_rollback(&w.txn);
		hr_within(e, "what was kept for tenant '%s' while it was copied", tenant);
	}
	hr_worker_clear(&w);
	return rc;
}

static bool
chosen(const struct hr_apply_options *o, const char *tenant)
{
	size_t i;

	for (i = 0; i < o->tenants; i++)
		if (strcmp(o->tenant[i], tenant) == 0)
			return true;
	return o->tenants == 0;
}

/* It stays parked, and what it waits for may be something else now. */
static void
say_why(struct hr_worker *w, const char *stream, const char *tenant, const struct hr_err *why)
{
	bool drift = strcmp(why->sqlstate, "HRDRF") == 0;
	const struct hr_change *refused = w->txn.failed;
	uint32_t table = drift ? w->batch.failed_table : refused ? refused->target->relation->id : 0;
	const struct hr_target *t = drift ? hr_worker_target(w, table) : NULL;
	struct hr_err now = *why, e = HR_ERR_INIT;
	struct hr_result *r;

	if (!hr_conn_alive(w->conn) || hr_err_retryable(why))
		return;
	if (t) {
		free(w->awaits);
		w->awaits = hr_strdup(t->awaits);
	}
	if ((table == 0 || hr_ddl_reason(w, table, &now, &w->awaits, &e) == 0) && w->awaits) {
		struct hr_param p[5] = { HR_PARAM_TEXT(stream), HR_PARAM_TEXT(tenant), { .data = now.what }, { .data = now.hint },
			HR_PARAM_TEXT(w->awaits) };

		if (hr_conn_query(w->conn, &r, "UPDATE hr.tenant SET reason = $3, hint = $4, awaits = $5"
		    " WHERE stream = $1 AND tenant = $2 AND (reason, hint, awaits) IS DISTINCT FROM ($3, $4, $5)", 5, p, &e) == 0)
			hr_result_free(r);
	}
	if (e.code)
		hr_log_err(HR_LOG_DEBUG, &e);
}

/* What was kept while it was copied, and commits before the snapshot, is in that. */
static int
since_copy(struct hr_worker *w, const char *stream, const char *tenant, struct hr_err *e)
{
	struct hr_param p[2] = { HR_PARAM_TEXT(stream), HR_PARAM_TEXT(tenant) };
	struct hr_result *r;
	hr_lsn lsn;

	if (hr_conn_query(w->conn, &r, "SELECT snapshot FROM hr.join WHERE stream = $1 AND tenant = $2 AND state = 'done'",
	    2, p, e) < 0)
		return -1;
	if (hr_result_rows(r) == 1 && hr_lsn_parse(hr_result_get(r, 0, 0), &lsn) == 0)
		hr_worker_tenant(w, tenant, strlen(tenant))->position = lsn;
	hr_result_free(r);
	return 0;
}

static int
try_tenant(struct hr_apply *a, const char *stream, const char *tenant, struct hr_err *e)
{
	struct hr_worker w;
	uint64_t pieces = 0;
	int rc;

	hr_worker_init(&w, a, 0);
	free(w.only);
	w.only = hr_quote_array((char *const[]){ (char *)tenant }, 1);
	a->book.stream = (char *)stream;
	rc = hr_apply_connect(&w.conn, a->o, true, e);
	w.txn.conn = w.conn;
	if (rc == 0)
		rc = since_copy(&w, stream, tenant, e);
	if (rc == 0)
		rc = one_tenant(&w, stream, tenant, &pieces, e);
	if (rc == 0)
		hr_log(HR_LOG_NOTE, "tenant '%s' of stream '%s' goes on: %" PRIu64 " kept pieces written", tenant,
		    stream, pieces);
	else {
		if (w.conn)
			hr_txn_rollback(&w.txn);
		say_why(&w, stream, tenant, e);
		hr_within(e, "tenant '%s' stays parked", tenant);
	}
	hr_worker_clear(&w);
	a->book.stream = NULL;
	return rc;
}

int
hr_apply_resume(const struct hr_apply_options *o, const char *stream, const char *tenant, struct hr_err *e)
{
	struct hr_apply a = { .o = o, .workers = 1 };

	return try_tenant(&a, stream, tenant, e);
}

int
hr_apply_retry(const struct hr_apply_options *o, struct hr_err *e)
{
	struct hr_apply a = { .o = o, .workers = 1 };
	struct hr_conn *c;
	struct hr_result *r = NULL;
	int i, rc, tried = 0, failed = 0;

	if (hr_apply_connect(&c, o, true, e) < 0)
		return -1;
	rc = hr_book_create(c, e);
	if (rc == 0)
		rc = hr_conn_query(c, &r, "SELECT t.stream, t.tenant FROM hr.tenant t WHERE t.state = 'parked'"
		    /* One whose copy was refused has only a part of its rows. */
		    " AND NOT EXISTS (SELECT 1 FROM hr.join j WHERE j.stream = t.stream AND j.tenant = t.tenant"
		    " AND j.state <> 'done') ORDER BY 1, 2", 0, NULL, e);
	for (i = 0; rc == 0 && i < hr_result_rows(r); i++) {
		struct hr_err why = HR_ERR_INIT;

		if (!chosen(o, hr_result_get(r, i, 1)))
			continue;
		tried++;
		if (try_tenant(&a, hr_result_get(r, i, 0), hr_result_get(r, i, 1), &why) < 0) {
			if (failed++)
				hr_log_err(HR_LOG_ERROR, e);
			*e = why;
		}
	}
	if (rc == 0 && tried == 0)
		hr_log(HR_LOG_NOTE, "no tenant is parked");
	if (failed) {
		if (!hr_err_retryable(e))
			e->code = HR_REFUSED;
		rc = -1;
	}
	hr_result_free(r);
	hr_conn_close(c);
	return rc;
}
