/* wal_end.c - the end of the source's WAL. */

#include "base/hr.h"

#include <stdlib.h>

#include "base/lsn.h"
#include "capture/wal_end.h"

int
hr_wal_end_ask(struct hr_wal_end *w, struct hr_conn *c, struct hr_err *e)
{
	struct hr_result *r;
	int rc = 0;

	if (hr_conn_query(c, &r, "SELECT CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn()"
	    " ELSE pg_catalog.pg_current_wal_flush_lsn() END,"
	    " (extract(epoch FROM pg_catalog.clock_timestamp()) * 1000000)::int8 - 946684800000000", 0, NULL, e) < 0)
		return -1;
	if (hr_lsn_parse(hr_result_get(r, 0, 0), &w->lsn) < 0)
		rc = hr_fail(e, HR_TEMPORARY, "the source does not say where its WAL ends");
	w->time = strtoll(hr_result_get(r, 0, 1), NULL, 10);
	hr_result_free(r);
	return rc;
}

int64_t
hr_wal_end_time(struct hr_wal_end *ahead, struct hr_conn *c, hr_lsn lsn, int64_t known)
{
	struct hr_err ignored = HR_ERR_INIT;
	struct hr_wal_end now = { 0 };

	if (ahead->lsn && lsn >= ahead->lsn && ahead->time > known)
		known = ahead->time;
	if (hr_wal_end_ask(&now, c, &ignored) < 0)
		return known;
	if (now.lsn <= lsn)
		return now.time;
	if (lsn >= ahead->lsn)
		*ahead = now;
	return known;
}
