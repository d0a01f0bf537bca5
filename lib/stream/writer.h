/* writer.h - write the stream to a descriptor. */
#ifndef HR_WRITER_H
#define HR_WRITER_H

#include "base/buf.h"
#include "base/err.h"
#include "base/hr.h"
#include "stream/frame.h"
#include "stream/head.h"

struct hr_writer {
	int fd;			/* -1: keep everything in buf (tests) */
	struct hr_buf buf;
	struct hr_end seen;
	int64_t took;		/* microseconds in write(2), waiting most of all */
	/*
	 * Called when fd would block; waits until it may not, and may do other
	 * work meanwhile.  NULL: poll(2).  0, or -1 with *e set.
	 */
	int (*wait)(void *arg, int fd, struct hr_err *e);
	void *wait_arg;
};

#define HR_WRITER_INIT { .fd = 1 }

/* Write the magic and the head.  0, or -1 with *e set. */
int hr_write_head(struct hr_writer *w, const struct hr_head *h, struct hr_err *e) HR_USED;

/* The magic alone, for one who passes on the head as it was read. */
int hr_write_magic(struct hr_writer *w, struct hr_err *e) HR_USED;

/*
 * Write one frame.  Its bytes may stay in the buffer until hr_flush().
 * Returns 0, or -1 with *e set.
 */
int hr_write(struct hr_writer *w, const struct hr_frame *f, struct hr_err *e) HR_USED;

/*
 * Write a frame as it was read: bytes with the fixed part in front.  Its
 * header's checksum is made anew when what was written before it is not what
 * was before it there; all else stays.
 */
int hr_write_bytes(struct hr_writer *w, const uint8_t *bytes, size_t len, struct hr_err *e) HR_USED;

/* Everything written so far reaches the descriptor.  0, or -1. */
int hr_flush(struct hr_writer *w, struct hr_err *e) HR_USED;

/* Write the end frame (frame count, running checksum) and flush.  0 or -1. */
int hr_write_end(struct hr_writer *w, struct hr_err *e) HR_USED;

void hr_writer_clear(struct hr_writer *w);

#endif
