/*
 * wal_end.h - where the source's WAL ends, and what its clock was then.
 *
 * What a server says with an LSN is its clock, however far behind we are: a time
 * holds at an LSN when the WAL ended there, or in front of it.
 */
#ifndef HR_WAL_END_H
#define HR_WAL_END_H

#include "base/err.h"
#include "base/hr.h"
#include "pg/conn.h"

struct hr_wal_end {
	hr_lsn lsn;		/* 0: it was never asked for */
	int64_t time;		/* us since 2000-01-01, of the source */
};

/* Ask.  A standby's is what it has replayed.  0, or -1 with *e set. */
int hr_wal_end_ask(struct hr_wal_end *w, struct hr_conn *c, struct hr_err *e) HR_USED;
/*
 * By what time all was committed that ends at or before the LSN: known, or later.
 * What is asked meanwhile is kept in ahead, for LSNs to come.
 */
int64_t hr_wal_end_time(struct hr_wal_end *ahead, struct hr_conn *c, hr_lsn lsn, int64_t known);

#endif
