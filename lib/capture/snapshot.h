/*
 * snapshot.h - a copy of the tenants' rows as of an exported snapshot.
 */
#ifndef HR_SNAPSHOT_H
#define HR_SNAPSHOT_H

#include "capture/capture.h"
#include "state/checkpoint.h"

struct hr_copy;

/*
 * Connections in that snapshot, for all tenants or (not NULL, and lent) for one.
 * Gives *y, also with an error; close it.
 */
int hr_copy_open(struct hr_copy **y, struct hr_capture *c, const char *snapshot, hr_lsn lsn, const char *tenant,
    struct hr_err *e) HR_USED;
/* One of them: it sees the source as of the snapshot. */
struct hr_conn *hr_copy_conn(struct hr_copy *y);
/* Write the copy, all of it; have: the target has these parts, or NULL. */
int hr_copy_run(struct hr_copy *y, const struct hr_checkpoint *have, struct hr_err *e) HR_USED;
/*
 * The copy of one tenant, while the stream goes on: begin it between two
 * transactions, write what has come between others, until step gives 0, which
 * is its end (1: there is more, 2: and some has come now).
 */
int hr_copy_start(struct hr_copy *y, struct hr_err *e) HR_USED;
int hr_copy_step(struct hr_copy *y, struct hr_err *e) HR_USED;
/* That mark of a copy of one tenant: its changes are kept from here on. */
int hr_copy_hold(struct hr_capture *c, const char *tenant, hr_lsn at, struct hr_err *e) HR_USED;
void hr_copy_close(struct hr_copy *y);

#endif
