/*
 * queue.h - what the two sides of a queue say to each other.
 *
 * A queue is a stream of NATS JetStream and a bucket of values beside it.  Each
 * tenant has a subject, and each message on it is a stream of its own: magic,
 * head, the relations that its rows mean, frames, and an end frame; packed by
 * zstd, and in parts when it is longer than the server takes.  So who reads can
 * begin at any message before which no transaction is open.
 *
 * Messages have these headers:
 *
 *	Hr-Session  whose places these are: a chain of a spool, and an epoch
 *	Hr-Place    the bundle of that chain that it is made of; rises
 *	Hr-After    the place of the tenant's message before it.  Whoever has one
 *	            between the two has what a killed sender read behind its last
 *	            watermark; that was never whole, and has come again since
 *	Hr-First    yes: there Hr-After is where the sender began, which need not
 *	            be a message's place; the target has all before it
 *	Hr-Part     "PART/PARTS SUM", counted from 1; SUM is of all parts' bytes
 *	Hr-Begins   yes: a watermark is in front of it, behind which nothing is, or
 *	            its sender's beginning; no
 *
 * Values, by tenant:
 *
 *	sent-T   what the stream has acknowledged: "SESSION PLACE\n"
 *	at-T     who reads: "SESSION PLACE whole|lost\n", and behind it the
 *	         checkpoint file of the target; lost: what follows the place is
 *	         not in the queue, and is to be sent again
 */
#ifndef HR_QUEUE_H
#define HR_QUEUE_H

#include "base/buf.h"
#include "base/err.h"
#include "base/hr.h"
#include "net/nats.h"
#include "net/wire.h"

#define HR_QUEUE_SESSION "Hr-Session"
#define HR_QUEUE_PLACE	 "Hr-Place"
#define HR_QUEUE_AFTER	 "Hr-After"
#define HR_QUEUE_FIRST	 "Hr-First"
#define HR_QUEUE_PART	 "Hr-Part"
#define HR_QUEUE_BEGINS	 "Hr-Begins"
#define HR_QUEUE_MOST	((size_t)HR_WIRE_MOST)	/* bytes of a message, its parts together, unpacked */

enum hr_queue_value { HR_QUEUE_SENT, HR_QUEUE_AT };

struct hr_queue_stand {
	char session[HR_SESSION_SIZE];
	uint64_t place;
	bool lost;
	const uint8_t *checkpoint;	/* lent */
	size_t len;
};

void hr_queue_key(struct hr_buf *b, enum hr_queue_value v, const char *tenant);	/* with its NUL */
void hr_queue_subject(struct hr_buf *b, const char *prefix, const char *tenant);	/* with its NUL */
void hr_queue_stand_encode(const struct hr_queue_stand *s, struct hr_buf *out);	/* adds */
/* 0, or -1 (HR_BAD_STREAM). */
int hr_queue_stand_decode(struct hr_queue_stand *s, const void *value, size_t len, struct hr_err *e) HR_USED;

/* What the queue does, in "the queue WORDS", when it is not ready. */
const char *hr_queue_words(enum hr_nats_state state);

/* A stream to the bytes of a message, added to out. */
void hr_queue_pack(const void *stream, size_t len, struct hr_buf *out);
/* The other way.  0, or -1 (HR_BAD_STREAM). */
int hr_queue_unpack(const void *bytes, size_t len, struct hr_buf *stream, struct hr_err *e) HR_USED;

#endif
