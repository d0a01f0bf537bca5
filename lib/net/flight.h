/*
 * flight.h - what was read and is not yet known to have arrived.
 *
 * One thread puts frames in, another sends them.  Frames lie in chunks, which
 * are what a message carries; each has the place of its last frame, counted
 * from 1, the head.  A chunk leaves when the receiver has it.  When the bytes
 * in flight reach its limit, putting waits; a frame larger than that waits
 * until it is alone.  While chunks are being sent it waits earlier: what was
 * put and sent soon after is in the processor's cache still.
 *
 * Memory: the limit and a third of it, and twice HR_SPARE.
 */
#ifndef HR_FLIGHT_H
#define HR_FLIGHT_H

#include <pthread.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/hr.h"
#include "net/link.h"

#define HR_CHUNK	((size_t)256 << 10)	/* bytes of a chunk, about */
#define HR_SPARE	((size_t)2 << 20)	/* bytes of chunks that are free, and that are empty in others, each */

struct hr_chunk {
	struct hr_chunk *next;
	uint64_t place;		/* of its last frame */
	struct hr_buf message;	/* HR_LINK_ROOM bytes for who sends it, and frames */
	bool closed;		/* is being sent: nothing is added */
};

static inline size_t
hr_chunk_bytes(const struct hr_chunk *c)
{
	return c->message.len - HR_LINK_ROOM;
}

struct hr_flight {
	pthread_mutex_t lock;
	pthread_cond_t room;
	int wake;			/* an eventfd, for who sends */
	size_t limit, bytes;		/* of frames */
	size_t held;			/* of memory, for them */
	size_t ahead;			/* of frames, that were not sent on this connection */
	bool flowing;			/* chunks are sent as they come */
	struct hr_chunk *first, *last;
	struct hr_chunk *spare;		/* for the next ones, HR_CHUNK large */
	size_t spares;
	struct hr_chunk *sent;		/* the last that was sent on this connection; NULL: none */
	uint64_t gone;			/* all up to this place has arrived */
	uint64_t place;			/* of the frame put last */
	bool ended;			/* nothing more will be put */
	bool closed;			/* nobody sends any more: putting fails */
};

int hr_flight_open(struct hr_flight *w, size_t limit, struct hr_err *e) HR_USED;
void hr_flight_clear(struct hr_flight *w);

/* Put so many frames, which stay together.  Waits for room.  0, or -1 when it was closed. */
int hr_flight_put(struct hr_flight *w, const uint8_t *bytes, size_t len, size_t frames) HR_USED;
/* Nothing more comes. */
void hr_flight_end(struct hr_flight *w);
/* Nobody takes anything any more. */
void hr_flight_close(struct hr_flight *w);

/*
 * Begin to send behind this place: 0, or -1 when what follows it is not here
 * any more, or never was.
 */
int hr_flight_seek(struct hr_flight *w, uint64_t place) HR_USED;
/* There is no connection any more: only the limit counts. */
void hr_flight_halt(struct hr_flight *w);
/* The next chunk, lent until it has arrived; NULL: none yet. */
struct hr_chunk *hr_flight_next(struct hr_flight *w);
/* All up to this place has arrived.  0, or -1: it was not sent on this connection. */
int hr_flight_arrived(struct hr_flight *w, uint64_t place) HR_USED;

#endif
