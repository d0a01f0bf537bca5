/*
 * join.h - a tenant that is copied while the others go on.
 *
 * hr.join has where its changes began to be kept, and the snapshot of its copy.
 * Meanwhile it is in hr.tenant as copying, and what comes for it is kept as for
 * a parked one; when the copy has ended, what commits at or after the snapshot
 * is written, and it goes on.
 */
#ifndef HR_JOIN_H
#define HR_JOIN_H

#include "apply/apply.h"
#include "stream/mark.h"

/* Keep its changes from here on, inside a transaction. */
int hr_join_hold(struct hr_conn *c, const char *stream, const char *tenant, hr_lsn at, struct hr_err *e) HR_USED;

/* A copy of all begins: what was begun for one is over, inside a transaction. */
int hr_join_forget(struct hr_conn *c, const char *stream, struct hr_err *e) HR_USED;

/*
 * A mark of one tenant, with nothing in hand.  *passing: the rows up to its end
 * are in, or of a copy that is older than what is there.
 */
int hr_join_mark(struct hr_apply *a, struct hr_conn *c, const struct hr_snapshot *s, const struct hr_relations *rels,
    const char *tenant, hr_lsn lsn, bool *passing, struct hr_err *e) HR_USED;

#endif
