/* copy.h - the first copy at the target: where it may go, and its marks. */
#ifndef HR_COPY_H
#define HR_COPY_H

#include "apply/book.h"
#include "pg/conn.h"
#include "stream/mark.h"
#include "stream/relation.h"

/*
 * A copy begins.  A table that has rows of the tenants is refused, unless they
 * are those of a copy of ours that was not completed: they are removed.
 */
int hr_copy_begin(struct hr_conn *c, const struct hr_book *b, const struct hr_snapshot *s,
    const struct hr_relations *rel, hr_lsn lsn, struct hr_err *e) HR_USED;

#endif
