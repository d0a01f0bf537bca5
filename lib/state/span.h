/*
 * span.h - the transactions of a stream behind one position and up to another.
 *
 * A stream that is sent again begins before what is kept already, and a restore
 * ends before the stream does.  Both leave transactions out whole, by their
 * commit LSN, whatever frames they are spread over.
 */
#ifndef HR_SPAN_H
#define HR_SPAN_H

#include "base/buf.h"
#include "base/err.h"
#include "base/hr.h"
#include "base/map.h"
#include "stream/frame.h"

struct hr_span {
	hr_lsn after;		/* what commits before it is left out */
	hr_lsn until;		/* what commits behind it is left out */
	struct hr_map leaving;	/* tenants within a transaction that is left out */
	uint64_t left;		/* transactions that were left out */
	hr_lsn end;		/* where the last one that stays ends */
	int64_t time;		/* when it was committed */
	struct hr_buf data;
};

#define HR_SPAN_INIT { .until = UINT64_MAX }

/*
 * Look at a rows frame: 1 when it stays, changed or not, its payload being lent
 * until the next call; 0 when nothing of it does; -1 with *e set (HR_BAD_STREAM).
 */
int hr_span_rows(struct hr_span *s, struct hr_frame *f, struct hr_err *e) HR_USED;
void hr_span_clear(struct hr_span *s);

#endif
