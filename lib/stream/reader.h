/* reader.h - read the stream from a descriptor or from memory. */
#ifndef HR_READER_H
#define HR_READER_H

#include <signal.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/hr.h"
#include "stream/frame.h"
#include "stream/head.h"

struct hr_reader {
	int fd;			/* -1: memory only */
	struct hr_buf buf;	/* bytes read and not yet consumed */
	size_t at;		/* where the next frame begins in buf */
	size_t lent;		/* bytes of the frame lent last */
	size_t step;		/* read at most this many at a time; 0: all */
	struct hr_end seen;	/* what the end frame must say */
	int64_t took;		/* microseconds in read(2), waiting most of all */
	struct hr_head head;
	bool ended;
	/*
	 * Called before fd is waited for: let nothing lie in buffers.  0, or
	 * -1 with *e set.  NULL: nothing.  Frames lent are gone by then.
	 */
	int (*wait)(void *arg, struct hr_err *e);
	void *wait_arg;
	const volatile sig_atomic_t *stop;	/* set: stop waiting and fail; or NULL */
};

/*
 * Begin: read the magic and the head frame, check the version.  *r must be
 * zero but for step and stop, which are kept.
 * The reader does not own fd.  0, or -1 with *e set.
 */
int hr_reader_open(struct hr_reader *r, int fd, struct hr_err *e) HR_USED;
/* The same over bytes that stay the caller's; for tests and parked changes. */
int hr_reader_open_memory(struct hr_reader *r, const void *data, size_t len, struct hr_err *e) HR_USED;

/*
 * Read the next frame of the stream.  The head frame comes first, again.
 *
 * Returns 1 with *f filled, 0 at the end frame, -1 with *e set.  A descriptor
 * that closes before the end frame is an error (HR_BAD_STREAM), however tidy
 * the last frame was: a pipe that closes says nothing about success.
 *
 * f->tenant and f->data are lent.  They stay valid until the next hr_read().
 */
int hr_read(struct hr_reader *r, struct hr_frame *f, struct hr_err *e) HR_USED;

/* The bytes of the frame lent last, its fixed part included; lent. */
const uint8_t *hr_reader_bytes(const struct hr_reader *r, size_t *len);

/* Is the next frame in memory?  Then hr_read() leaves frames lent before where they are, too. */
bool hr_reader_has(const struct hr_reader *r);

void hr_reader_clear(struct hr_reader *r);

#endif
