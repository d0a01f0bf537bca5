/*
 * queue.h - pieces of the stream on their way to a worker.
 *
 * The reader puts copies of frames in, bounded in bytes; the worker takes them
 * out in order.  A window is what lies between two watermarks.
 */
#ifndef HR_QUEUE_H
#define HR_QUEUE_H

#include <pthread.h>

#include "base/err.h"
#include "base/hr.h"
#include "stream/frame.h"

struct hr_piece {
	struct hr_piece *next;
	uint8_t type;		/* frame types: rows, relation, part, watermark */
	uint8_t flags;
	uint16_t tenant_len;
	uint32_t len;
	hr_lsn lsn;
	int64_t time;		/* watermark: the source's clock */
	int worker;		/* it is for this one; -1: for that of its tenant */
	bool alone;		/* watermark: this worker has every tenant's rows */
	char *tenant;		/* into data, not NUL-terminated */
	uint8_t *body;		/* into data */
	uint8_t data[];
};

struct hr_piece *hr_piece_new(const struct hr_frame *f);	/* gives; free() */
size_t hr_piece_size(const struct hr_piece *p);
void hr_pieces_free(struct hr_piece **first);		/* a list of them, which is empty then */

struct hr_queue {
	pthread_mutex_t lock;
	pthread_cond_t filled, emptied;
	struct hr_piece *first, **last;
	size_t bytes, windows;
	bool idle;		/* the taker waits with nothing in hand */
	bool closed;		/* no more will come, or none is wanted */
};

void hr_queue_init(struct hr_queue *q);
void hr_queue_clear(struct hr_queue *q);
/* Waits while max bytes are in it, with all but a watermark.  0, or -1 when it was closed. */
int hr_queue_put(struct hr_queue *q, struct hr_piece *p, size_t max);	/* takes p over */
/* The next piece, or NULL when it was closed and is empty.  between: nothing is in hand. */
struct hr_piece *hr_queue_take(struct hr_queue *q, bool between);
/* How many whole windows wait? */
size_t hr_queue_windows(struct hr_queue *q);
/* Is one there, or comes one within so many microseconds? */
bool hr_queue_await(struct hr_queue *q, int64_t us);
/* Wait until all was taken and done with.  0, or -1 when it was closed. */
int hr_queue_drain(struct hr_queue *q);
void hr_queue_close(struct hr_queue *q);

#endif
