/*
 * descend.h - a row moves to another tenant, and all that is under it.
 *
 * Rows that reach their tenant through the moved row are not changed at the
 * source, so its WAL says nothing of them.  The target of the old tenant takes
 * them away by the way it knows; for the new tenant they are read from the
 * source's tables, as they are now.  That is ahead of the stream: what comes to
 * them until that is as far is written over what is there.
 *
 * Rows without a key cannot be written over.  What a transaction did to them
 * that the reading has seen is left out when its turn comes.  Only, a target
 * that had the move before this capture began has passed this reading over,
 * and has an earlier one, or a later: there the rows are taken away and read
 * again, whatever it has.
 */
#ifndef HR_DESCEND_H
#define HR_DESCEND_H

#include "capture/parent.h"

/*
 * What is under the row leaves a tenant: before the row itself does.  The
 * tuples are the row's, either of them may lack its key.  0, or -1.
 */
int hr_descend_leave(struct hr_capture *c, const struct hr_route *route, struct hr_out *from,
    const struct hr_cur *tuple, const struct hr_cur *old, struct hr_err *e) HR_USED;
/* It joins a tenant: behind the row itself.  0, or -1. */
int hr_descend_join(struct hr_capture *c, const struct hr_route *route, struct hr_out *to,
    const struct hr_cur *tuple, struct hr_err *e) HR_USED;

enum hr_ahead {
	HR_AHEAD_NOT,
	HR_AHEAD,	/* in a state that is yet to come */
	HR_AHEAD_SEEN,	/* and the reading has seen what the open transaction did */
	HR_AHEAD_DOUBT,	/* or one that the target has instead */
};

/*
 * Was what is under this row read ahead of the open transaction?  table: a
 * table of rows without a key, or 0.
 */
enum hr_ahead hr_descend_ahead(struct hr_capture *c, const struct hr_link *l, const void *key, size_t len, uint32_t table);
/* Take away what a table without a key has under the row that the kin says, and read it again.  0, or -1. */
int hr_descend_again(struct hr_capture *c, const struct hr_route *child, const struct hr_kin *kin, struct hr_err *e) HR_USED;

#endif
