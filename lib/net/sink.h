/*
 * sink.h - who reads a lane at the receiver: standard output, or a command.
 *
 * Frames are gathered and written as the reader takes them; nothing here
 * waits.  A command is run by sh(1) in a process group of its own, and gets
 * the stream as its standard input.  Its end before the end of the stream, or
 * a reader that goes, breaks the sink: what it had is not known any more, and
 * the lane begins anew with another one.
 */
#ifndef HR_SINK_H
#define HR_SINK_H

#include <poll.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/hr.h"
#include "net/wire.h"
#include "stream/head.h"
#include "stream/writer.h"

/* A place, and the bytes written when it has been handed on. */
struct hr_sink_mark {
	uint64_t place, bytes;
};

struct hr_sink {
	struct hr_lane_open lane;	/* whose it is */
	char *name;			/* for messages: "stream 'hr_shop'", with its tenant */
	int fd;				/* -1: closed */
	pid_t pid;			/* 0: standard output, or it has ended */
	int exit;			/* readable when the command has ended; -1 */
	bool blocking;			/* fd is a file */
	struct hr_writer w;		/* to memory */
	size_t sent;			/* of w.buf */
	uint64_t written;		/* bytes handed on in all */
	uint64_t place;			/* taken */
	uint64_t handed;		/* the place up to which all was handed on */
	struct hr_sink_mark *mark;	/* places taken and not handed on */
	size_t marks, mark_cap, mark_at;
	struct hr_head head;
	bool began;			/* its head was taken */
	bool ended;			/* the end frame was taken */
	bool closing;			/* its input is closed, it is to end */
	int64_t closed;			/* since when, hr_now_us() */
	int killed;			/* signals sent to it */
	bool over;			/* it has ended, as why says */
	struct hr_err why;		/* code HR_OK: well */
	/* what flows back */
	char *checkpoint;		/* its file, or NULL */
	int watch;			/* -1: none */
	bool looked;			/* the file was read once */
	bool changed;			/* it is to be read again */
	bool wrote;			/* it was written since this reader began: what it says is that one's */
	hr_lsn lsn;			/* of the last watermark that was taken */
	bool reached;			/* the file says that the target has all to there */
	int64_t told;			/* when it was sent last */
	size_t told_bytes;
};

/* The checkpoint's path for a lane: %s and %t of the pattern are the slot and the tenant.  Gives, or NULL. */
char *hr_sink_path(const char *pattern, const struct hr_lane_open *l);
/* What a lane's command has in its environment.  Gives; NULL at its end. */
char **hr_sink_env(const struct hr_lane_open *l, const char *peer, const char *checkpoint);
void hr_sink_env_free(char **env);

/*
 * Begin one: command NULL is standard output.  The lane and the path are copied.
 * env: more environment, "NAME=value", NULL at its end.  0, or -1 with *e set.
 */
int hr_sink_open(struct hr_sink *s, const struct hr_lane_open *lane, const char *command, char *const *env,
    const char *checkpoint, struct hr_err *e) HR_USED;
/* Its input is closed without an end, if it was not ended; hr_sink_look() says when it is over. */
void hr_sink_close(struct hr_sink *s);
void hr_sink_clear(struct hr_sink *s);

/*
 * Take one frame, fixed part included, which must be the one behind the last,
 * and then its place.  The end frame ends it.  0, or -1 with *e set (HR_BAD_STREAM).
 */
int hr_sink_take(struct hr_sink *s, const uint8_t *bytes, size_t len, const struct hr_frame *f, struct hr_err *e)
    HR_USED;
void hr_sink_taken(struct hr_sink *s, uint64_t place);
/* Bytes that were taken and not handed on. */
static inline size_t
hr_sink_waiting(const struct hr_sink *s)
{
	return s->w.buf.len - s->sent;
}

/* Up to three descriptors to poll; gives how many. */
size_t hr_sink_poll(const struct hr_sink *s, struct pollfd *p);
/* Hand on what can be, and see whether the reader has ended.  s->over and s->why say so. */
void hr_sink_look(struct hr_sink *s);
/* See that the checkpoint has changed, for a peer that is told later. */
void hr_sink_drain(struct hr_sink *s);
/* Is there a new checkpoint, and is it time to say so?  Appends the file's bytes: 1, 0, or -1 (a file that is none). */
int hr_sink_checkpoint(struct hr_sink *s, struct hr_buf *b, struct hr_err *e) HR_USED;

#endif
