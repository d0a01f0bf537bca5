/*
 * dump.h - the stream as JSON lines, for eyes, jq(1) and grep(1).
 *
 * One line a frame, and of rows frames one line an item.  hr-transform(1)
 * describes the keys.
 */
#ifndef HR_DUMP_H
#define HR_DUMP_H

#include "base/buf.h"
#include "base/err.h"
#include "base/hr.h"
#include "stream/frame.h"
#include "stream/relation.h"
#include "stream/rows.h"

struct hr_dump {
	int fd;			/* -1: keep everything in out (tests) */
	struct hr_buf out;
	struct hr_buf front;	/* how each line of a rows frame begins */
	struct hr_buf text;
	struct hr_relations relations;
};

#define HR_DUMP_INIT { .fd = 1 }

/*
 * Write the frame's lines.  They may stay in the buffer until the flush.
 * Lines before a malformed item are kept.  0, or -1 with *e set.
 */
int hr_dump_frame(struct hr_dump *d, const struct hr_frame *f, struct hr_err *e) HR_USED;
int hr_dump_flush(struct hr_dump *d, struct hr_err *e) HR_USED;
/* Write the line of the end frame and flush. */
int hr_dump_end(struct hr_dump *d, const struct hr_end *end, struct hr_err *e) HR_USED;
void hr_dump_clear(struct hr_dump *d);

/*
 * Append a row as one JSON object; with keys, the columns of the identity alone.
 * text is a buffer to be used meanwhile.
 */
void hr_dump_row(struct hr_buf *out, struct hr_buf *text, const struct hr_relation *r, const struct hr_value *value,
    bool keys);

#endif
