/*
 * reach.h - how far the target has followed the source.
 *
 * What hr-apply has written is in the target's hr.progress, in the transaction
 * of the rows.  Who has read rows at the source waits here until the target
 * has everything that was committed before, and then reads them there.
 */
#ifndef HR_MIGRATE_REACH_H
#define HR_MIGRATE_REACH_H

#include "apply/book.h"
#include "base/err.h"
#include "base/hr.h"
#include "pg/conn.h"

struct hr_reach {
	struct hr_conn *source, *target;	/* lent */
	const char *stream;		/* NULL: nothing is waited for */
	char *const *tenant;		/* none: every tenant */
	size_t tenants;
	int64_t timeout_us;
	bool mute;			/* the source takes no message of ours */
};

/*
 * Look for the stream at the target; one that is not known there makes
 * r->stream NULL.  0, or -1 with *e set, as when a tenant is parked
 * (HR_REFUSED).
 */
int hr_reach_open(struct hr_reach *r, struct hr_err *e) HR_USED;

/* Where the source's WAL ends: all that is visible there was committed before. */
int hr_reach_now(struct hr_reach *r, hr_lsn *lsn, struct hr_err *e) HR_USED;

/*
 * Wait until the target has all that was committed at the source before this
 * call.  0, or -1 with *e set: HR_TEMPORARY when it takes too long, HR_REFUSED
 * when a tenant is parked.
 */
int hr_reach_wait(struct hr_reach *r, struct hr_err *e) HR_USED;

/* What all of these tenants have (none: every tenant), of the places of a stream. */
hr_lsn hr_reach_of(const struct hr_book *b, char *const *tenant, size_t tenants);

#endif
