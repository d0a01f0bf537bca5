/*
 * join.h - a tenant is copied while the stream of the others goes on.
 *
 * Asked for in CHECKPOINT.copy.  The stream says that the tenant's changes are
 * to be kept; then a slot of a moment gives a snapshot; when the stream has
 * passed it the tenant's rows are copied between the changes of all; the target
 * writes what it kept.  One tenant at a time.
 */
#ifndef HR_JOIN_H
#define HR_JOIN_H

#include "capture/capture.h"

/* Read what is asked for.  Gives *j, also with an error. */
int hr_join_open(struct hr_join **j, struct hr_capture *c, struct hr_err *e) HR_USED;
/* Those are among the selected tenants from now on. */
void hr_join_admit(struct hr_join *j);
void hr_join_close(struct hr_join *j);
/* Who is asked for; lent until the next step. */
char **hr_join_asked(const struct hr_join *j, size_t *n);
bool hr_join_busy(const struct hr_join *j);
/* Between two transactions: do what can be done.  How long to wait for more, in ms; -1 with *e set. */
int hr_join_step(struct hr_join *j, struct hr_err *e) HR_USED;
/* All that commits before this is in the stream. */
void hr_join_reached(struct hr_join *j, hr_lsn lsn);
/* What the target says. */
int hr_join_answer(struct hr_join *j, const struct hr_checkpoint *cp, struct hr_err *e) HR_USED;

#endif
