/*
 * window.h - what was read and is not yet known to have arrived.
 *
 * One thread puts frames in, another sends them.  Frames lie in chunks, which
 * are what a message carries; each has the place of its last frame, counted
 * from 1, the head.  A chunk leaves when the receiver has it.  When the bytes
 * in the window reach its limit, putting waits; a frame larger than that waits
 * until it is alone.
 */
#ifndef HR_WINDOW_H
#define HR_WINDOW_H

#include <pthread.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/hr.h"

#define HR_CHUNK	((size_t)256 << 10)	/* bytes of a chunk, about */

struct hr_chunk {
	struct hr_chunk *next;
	uint64_t place;		/* of its last frame */
	hr_lsn lsn;		/* of the last watermark in it or before; 0: none yet */
	struct hr_buf bytes;
	bool closed;		/* is being sent: nothing is added */
};

struct hr_window {
	pthread_mutex_t lock;
	pthread_cond_t room;
	int wake;			/* an eventfd, for who sends */
	size_t limit, bytes;
	struct hr_chunk *first, *last, *spare;
	struct hr_chunk *sent;		/* the last that was sent on this connection; NULL: none */
	uint64_t gone;			/* all up to this place has arrived */
	uint64_t place;			/* of the frame put last */
	hr_lsn lsn;
	bool ended;			/* nothing more will be put */
	bool closed;			/* nobody sends any more: putting fails */
};

int hr_window_open(struct hr_window *w, size_t limit, struct hr_err *e) HR_USED;
void hr_window_clear(struct hr_window *w);

/* Put one frame; lsn: of a watermark, else 0.  Waits for room.  0, or -1 when the window was closed. */
int hr_window_put(struct hr_window *w, const uint8_t *bytes, size_t len, hr_lsn lsn) HR_USED;
/* Nothing more comes. */
void hr_window_end(struct hr_window *w);
/* Nobody takes anything any more. */
void hr_window_close(struct hr_window *w);

/*
 * Begin to send behind this place: 0, or -1 when what follows it is not here
 * any more, or never was.
 */
int hr_window_seek(struct hr_window *w, uint64_t place) HR_USED;
/* The next chunk, lent until it has arrived or the next seek; NULL: none yet. */
const struct hr_chunk *hr_window_next(struct hr_window *w);
/* All up to this place has arrived.  0, or -1: it was never sent. */
int hr_window_arrived(struct hr_window *w, uint64_t place) HR_USED;

#endif
