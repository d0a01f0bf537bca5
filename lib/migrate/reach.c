/* reach.c - positions at the target, and a message that makes them move. */

#include "base/hr.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/lsn.h"
#include "migrate/reach.h"

#define LOOK_US		5000	/* between looks, more and more */
#define LOOK_MOST_US	100000

/* The least that any tenant can have: of the best generation its slowest worker. */
static hr_lsn
of_everyone(const struct hr_book *b)
{
	hr_lsn best = 0, least;
	size_t i, k;
	int seen;

	for (i = 0; i < b->places; i++) {
		least = UINT64_MAX;
		for (k = 0, seen = 0; k < b->places; k++)
			if (b->place[k].generation == b->place[i].generation) {
				seen++;
				if (b->place[k].lsn < least)
					least = b->place[k].lsn;
			}
		if (seen == b->place[i].workers && least > best)
			best = least;
	}
	return best;
}

hr_lsn
hr_reach_of(const struct hr_book *b, char *const *tenant, size_t tenants)
{
	hr_lsn least = UINT64_MAX, lsn;
	size_t i;

	if (tenants == 0)
		return of_everyone(b);
	for (i = 0; i < tenants; i++)
		if ((lsn = hr_book_position(b, tenant[i], strlen(tenant[i]))) < least)
			least = lsn;
	return least;
}

static bool
asked_for(const struct hr_reach *r, const char *tenant)
{
	size_t i;

	for (i = 0; i < r->tenants; i++)
		if (strcmp(r->tenant[i], tenant) == 0)
			return true;
	return r->tenants == 0;
}

/* A parked tenant does not have what its position says. */
static int
nobody_parked(const struct hr_reach *r, struct hr_err *e)
{
	struct hr_param p = HR_PARAM_TEXT(r->stream);
	struct hr_result *rows;
	int i, rc = 0;

	if (hr_conn_query(r->target, &rows, "SELECT tenant, coalesce(reason, '') FROM hr.tenant WHERE stream = $1"
	    " AND state = 'parked' ORDER BY tenant", 1, &p, e) < 0)
		return hr_within(e, "target");
	for (i = 0; i < hr_result_rows(rows) && rc == 0; i++)
		if (asked_for(r, hr_result_get(rows, i, 0))) {
			rc = hr_fail(e, HR_REFUSED, "tenant '%s' is parked: %s", hr_result_get(rows, i, 0),
			    hr_result_get(rows, i, 1));
			hr_hint(e, "see hr.tenant at the target, mend it, then run hr-apply --retry");
		}
	hr_result_free(rows);
	return rc;
}

static int
position(const struct hr_reach *r, hr_lsn *lsn, struct hr_err *e)
{
	struct hr_param p = HR_PARAM_TEXT(r->stream);
	struct hr_book b = { 0 };
	struct hr_result *rows;
	int i;

	if (hr_conn_query(r->target, &rows, "SELECT generation, worker, workers, lsn FROM hr.progress"
	    " WHERE stream = $1", 1, &p, e) < 0)
		return hr_within(e, "target");
	b.place = hr_zalloc(((size_t)hr_result_rows(rows) + 1) * sizeof(*b.place));
	for (i = 0; i < hr_result_rows(rows); i++) {
		struct hr_place *at = &b.place[b.places++];

		at->generation = (int)strtol(hr_result_get(rows, i, 0), NULL, 10);
		at->worker = (int)strtol(hr_result_get(rows, i, 1), NULL, 10);
		at->workers = (int)strtol(hr_result_get(rows, i, 2), NULL, 10);
		if (hr_lsn_parse(hr_result_get(rows, i, 3), &at->lsn) < 0)
			at->lsn = 0;
	}
	hr_result_free(rows);
	*lsn = hr_reach_of(&b, r->tenant, r->tenants);
	hr_book_clear(&b);
	return 0;
}

/* Tenants that the stream does not bring to this target. */
static void
say_others(const struct hr_reach *r, struct hr_result *rows)
{
	int i;

	for (i = 0; i < hr_result_rows(rows); i++)
		if (hr_result_get(rows, i, 1) && r->tenants)
			hr_log(HR_LOG_WARNING, "stream '%s' does not bring tenant '%s' to the target", r->stream,
			    hr_result_get(rows, i, 1));
		else if (hr_result_get(rows, i, 1))
			hr_log(HR_LOG_WARNING, "stream '%s' does not bring every tenant to the target", r->stream);
}

int
hr_reach_open(struct hr_reach *r, struct hr_err *e)
{
	char *list = r->tenants ? hr_quote_array(r->tenant, r->tenants) : NULL;
	struct hr_param p[2] = { HR_PARAM_TEXT(r->stream), HR_PARAM_TEXT(list) };
	struct hr_result *rows = NULL;
	bool books;
	int rc = -1;

	if (hr_conn_query(r->target, &rows, "SELECT to_regclass('hr.stream')", 0, NULL, e) < 0)
		goto out;
	books = hr_result_get(rows, 0, 0) != NULL;
	hr_result_free(rows);
	rows = NULL;
	rc = 0;
	if (r->stream == NULL) {
		if (books)
			hr_log(HR_LOG_WARNING, "no stream is named with -S: the target is not waited for");
		goto out;
	}
	if (books && (rc = hr_conn_query(r->target, &rows, "SELECT s.stream, w FROM hr.stream s"
	    " LEFT JOIN unnest(coalesce($2::text[], ARRAY[''])) w ON s.tenants IS NOT NULL"
	    " AND ($2::text[] IS NULL OR NOT w = ANY (s.tenants)) WHERE s.stream = $1", 2, p, e)) < 0)
		goto out;
	if (rows == NULL || hr_result_rows(rows) == 0) {
		hr_log(HR_LOG_WARNING, "the target knows no stream '%s': it is not waited for", r->stream);
		r->stream = NULL;
		goto out;
	}
	say_others(r, rows);
	hr_result_free(rows);
	rows = NULL;
	free(list);
	return nobody_parked(r, e);
out:
	hr_result_free(rows);
	free(list);
	return rc < 0 ? hr_within(e, "target") : 0;
}

int
hr_reach_now(struct hr_reach *r, hr_lsn *lsn, struct hr_err *e)
{
	struct hr_result *rows;
	int rc = 0;

	/* What a standby shows it has received. */
	if (hr_conn_query(r->source, &rows, "SELECT CASE WHEN pg_is_in_recovery() THEN"
	    " greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())"
	    " ELSE pg_current_wal_insert_lsn() END", 0, NULL, e) < 0)
		return hr_within(e, "source");
	if (hr_result_get(rows, 0, 0) == NULL || hr_lsn_parse(hr_result_get(rows, 0, 0), lsn) < 0)
		rc = hr_fail(e, HR_TEMPORARY, "the source does not say where its WAL ends");
	hr_result_free(rows);
	return rc;
}

/* Something to decode, so that an idle pipeline moves at once. */
static void
nudge(struct hr_reach *r)
{
	struct hr_err why = HR_ERR_INIT, ignored = HR_ERR_INIT;

	if (r->mute || hr_conn_exec(r->source, "BEGIN READ WRITE;"
	    " SELECT pg_logical_emit_message(true, 'hr.verify', ''); COMMIT", &why) == 0)
		return;
	(void)!hr_conn_exec(r->source, "ROLLBACK", &ignored);
	hr_log(HR_LOG_NOTE, "the source takes no message (%s): an idle pipeline moves later", why.what);
	r->mute = true;
}

int
hr_reach_wait(struct hr_reach *r, struct hr_err *e)
{
	int64_t until = hr_now_us() + r->timeout_us;
	unsigned int pause_us = LOOK_US;
	hr_lsn want, got = 0;

	if (r->stream == NULL)
		return 0;
	if (hr_reach_now(r, &want, e) < 0)
		return -1;
	nudge(r);
	for (;;) {
		if (position(r, &got, e) < 0)
			return -1;
		if (got >= want)
			return nobody_parked(r, e);
		if (hr_now_us() >= until)
			break;
		usleep(pause_us);
		if (pause_us < LOOK_MOST_US)
			pause_us *= 2;
	}
	if (nobody_parked(r, e) < 0)
		return -1;
	hr_fail(e, HR_TEMPORARY, "the target has not reached %s in %" PRId64 " s, it is at %s", HR_LSN(want),
	    r->timeout_us / 1000000, HR_LSN(got));
	return hr_hint(e, "is hr-apply running?");
}
