/*
 * pipe.h - a filter: stdin, a step for each frame, stdout.
 *
 *	hr_pipe_open, hr_pipe_run, and when that returned 0, hr_pipe_end
 *
 * A frame that is passed on is passed on byte for byte.  The end frame is
 * written by hr_pipe_end() alone, and only when the input's own was read: a
 * filter that dies, or whose input was cut, leaves no end behind.
 */
#ifndef HR_PIPE_H
#define HR_PIPE_H

#include "base/err.h"
#include "base/hr.h"
#include "stream/reader.h"
#include "stream/writer.h"

struct hr_pipe {
	int in;
	int out;		/* -1: no stream is written */
	struct hr_reader r;
	struct hr_writer w;
	/* Called before the input is waited for: let nothing lie in buffers. */
	int (*idle)(void *arg, struct hr_err *e);
	void *arg;		/* the step's */
};

#define HR_PIPE_INIT { .in = 0, .out = 1 }

/*
 * What to do with a frame, the head included, the end frame not.  1 passes it
 * on as it is; 0 does not, and what replaces it was written to p->w; -1 is an
 * error.  A step that replaces the head writes it with hr_write_head().
 */
typedef int hr_pipe_step(void *arg, struct hr_pipe *p, const struct hr_frame *f, struct hr_err *e);

/* Refuse terminals, read the head.  0, or -1 with *e set. */
int hr_pipe_open(struct hr_pipe *p, struct hr_err *e) HR_USED;
/*
 * Copy until the input's end frame; step may be NULL.  0, or -1 with *e set;
 * the frames before the trouble were written nevertheless.
 */
int hr_pipe_run(struct hr_pipe *p, hr_pipe_step *step, void *arg, struct hr_err *e) HR_USED;
/* Write the end frame and flush.  0, or -1. */
int hr_pipe_end(struct hr_pipe *p, struct hr_err *e) HR_USED;
void hr_pipe_clear(struct hr_pipe *p);

#endif
