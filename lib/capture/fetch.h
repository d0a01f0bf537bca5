/*
 * fetch.h - large values that a change left out, asked of the source.
 *
 * The source's WAL has a value stored out of line only where it was written.
 * A row that moves to another tenant needs all of them, so they are read from
 * the table, by the row's key, as they are now: a value that was changed since
 * is followed by that change in the stream.
 */
#ifndef HR_FETCH_H
#define HR_FETCH_H

#include "base/buf.h"
#include "base/err.h"
#include "base/hr.h"
#include "pg/conn.h"
#include "stream/relation.h"

/*
 * A tuple in pgoutput's encoding, in *fill, that has the values which the
 * given one (of a row's new state) leaves unchanged, as text.  1, 0 when there
 * is no such row any more, -1 with *e set.
 */
int hr_fetch_unchanged(struct hr_conn *c, const struct hr_relation *rel, const struct hr_cur *tuple,
    struct hr_buf *fill, struct hr_err *e) HR_USED;

#endif
