/* copy.h - the first copy at the target: where it may go, and its marks. */
#ifndef HR_COPY_H
#define HR_COPY_H

#include "apply/book.h"
#include "apply/copied.h"
#include "pg/conn.h"
#include "stream/mark.h"
#include "stream/relation.h"

/*
 * A copy begins, or goes on: the target has all before its snapshot of what is
 * in of it.  A table of which nothing counts is made empty; one that has rows
 * of the tenants that are no copy's of ours is refused.  *now becomes what is
 * planned; before: what was, which counts, or NULL.  All that was committed
 * before is durable with it.
 */
int hr_copy_begin(struct hr_copied *now, const struct hr_copied *before, struct hr_conn *c, const struct hr_book *b,
    const struct hr_snapshot *s, const struct hr_relations *rel, hr_lsn lsn, struct hr_err *e) HR_USED;
/* It has ended, and is durable.  One of which a part is missing is refused. */
int hr_copy_end(struct hr_conn *c, const struct hr_book *b, hr_lsn lsn, struct hr_err *e) HR_USED;

#endif
