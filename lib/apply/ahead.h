/*
 * ahead.h - changes of tables that the target has and the stream has yet to say.
 *
 * What was kept for a parked tenant is older than the tables, and so is what a
 * second stream of the same source brings that is behind the first.  Their rows
 * are of tables as they were: a column has another name by now, or is gone.
 */
#ifndef HR_AHEAD_H
#define HR_AHEAD_H

#include "apply/worker.h"

struct hr_ahead {
	hr_lsn lsn;			/* of the message */
	struct hr_ddl *op;
};

/* Changes kept for a parked tenant that were made meanwhile.  0, or -1. */
int hr_ahead_kept(struct hr_worker *w, const char *tenant, struct hr_err *e) HR_USED;
/* The stream has said it now. */
void hr_ahead_passed(struct hr_worker *w, hr_lsn lsn);
/*
 * Look a table up as the stream describes it, under the names that it has at
 * the target by now.  Takes rel over.
 */
int hr_ahead_load(struct hr_worker *w, struct hr_target **t, struct hr_relation *rel, struct hr_err *e) HR_USED;
void hr_ahead_clear(struct hr_worker *w);

#endif
