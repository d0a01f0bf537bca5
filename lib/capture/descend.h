/*
 * descend.h - a row moves to another tenant, and all that is under it.
 *
 * Rows that reach their tenant through the moved row are not changed at the
 * source, so its WAL says nothing of them.  The target of the old tenant takes
 * them away by the way it knows; for the new tenant they are read from the
 * source's tables, as they are now.  That is ahead of the stream: what a
 * transaction did to them that the reading has seen is left out when its turn
 * comes, so that nothing is there twice and nothing is set back.
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

/*
 * Was what is under this row read ahead of the open transaction?  *seen: the
 * reading has seen what that did.
 */
bool hr_descend_is_ahead(struct hr_capture *c, const struct hr_link *l, const void *key, size_t len, bool *seen);

#endif
