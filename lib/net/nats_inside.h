/*
 * nats_inside.h - the handle of nats.h as its own files know it; nobody else
 * includes this.
 *
 * nats.c has the connection, what libnats' threads bring, and the turn; the parts
 * are nats_stream.c, nats_publish.c, nats_consume.c and nats_value.c.  A struct of
 * one of them is changed there alone.
 */
#ifndef HR_NATS_INSIDE_H
#define HR_NATS_INSIDE_H

#include <nats/nats.h>
#include <pthread.h>

#include "net/nats.h"

#define SECOND		INT64_C(1000000)
#define PAUSE_HIGH_US	SECOND
#define HEADER_ROOM	4096			/* of the server's largest message */

#define TRY(call) do { if (s == NATS_OK) s = (call); } while (0)

/* A queue in an array: begin is the first one. */
#define QUEUE(type) struct { type *at; size_t begin, end, cap; }
#define QUEUE_COUNT(q) ((q).end - (q).begin)
#define QUEUE_PUT(q) ((q).at = hr_nats_queue_room((q).at, &(q).begin, &(q).end, &(q).cap, sizeof(*(q).at)), \
    &(q).at[(q).end++])

struct publishing {
	QUEUE(struct out) out;
	QUEUE(uint64_t) cookies;
	uint64_t first;			/* number of the first in out */
	size_t sent;			/* of out, in this generation */
	uint64_t gen;
	uint64_t bytes, in_flight;	/* published and not acknowledged; and at most */
	bool shared;
	uint64_t last_seq;		/* of the last one acknowledged; 0: none was */
	bool last_there;		/* it was there before, and others may be behind it */
	bool probe;			/* only the first until it is taken */
	int64_t retry_us, pause_us;
	uint64_t used;			/* bytes that the stream has at most, when weighed */
	bool weighed, weighing;
	int64_t weigh_us;		/* when it is asked for them again */
};

struct consumer {
	bool on;
	char *name, *filter, *next;	/* next: the subject of a request */
	int64_t ack_wait_us;
	int max_unacked;
	uint64_t prefetch;
	bool restart;			/* has to be made anew */
	bool gone;			/* somebody removed it */
	int64_t restart_us;		/* but not before */
	natsSubscription *sub;
	uint64_t instance;		/* how often it was made */
	uint64_t request;		/* the number of the last one */
	bool asked;			/* a request stands */
	int64_t left, left_bytes;	/* of it */
	int64_t heard_us;		/* the last sign of it */
	int64_t ask_us;			/* not before */
	uint64_t next_cseq;
	uint64_t last;			/* sequence received */
	int64_t created;		/* when the stream was, as the server says; 0: not asked yet */
	uint64_t before;		/* the highest that an earlier consumer was given */
	uint64_t acked;			/* by the caller */
	uint64_t dropped;		/* of no use, and the last until another one comes; 0: none */
	int64_t hold_us;		/* when the server is told that the last one is not forgotten */
	uint64_t queued;		/* bytes */
	QUEUE(struct got) got;
	QUEUE(struct unacked) unacked;
	natsMsg *lent;
};

struct values {
	kvStore *kv;			/* NULL: not opened */
	struct value *value;
	size_t values, value_cap;
	struct watch *watch;
	size_t watches, watch_cap;
};

struct hr_nats {
	struct hr_nats_address address;
	char *stream, *prefix, *bucket;
	int replicas;
	uint64_t max_bytes;
	int64_t duplicates_us, timeout_us;
	int64_t limit;			/* the stream's bytes; 0 or less: none */

	natsOptions *options;
	natsConnection *nc;
	natsInbox *inbox;
	size_t inbox_len;
	natsSubscription *sub;
	jsCtx *js;
	int poll, event, timer;
	bool connected;			/* as of the last turn */
	uint64_t seen_ups;
	struct hr_err failed;		/* for good */
	enum hr_nats_state state;
	char words[256];

	/* What libnats' threads fill. */
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	struct came *came;
	size_t came_count, came_cap;
	uint64_t ups;
	bool up, closed;
	int subs;			/* that have not ended */
	char said[256];			/* the last complaint */

	struct publishing p;
	struct consumer c;
	struct values v;
};

/* For QUEUE_PUT: room for one more, at the front of the array before it gets larger.  Gives the array. */
void *hr_nats_queue_room(void *at, size_t *begin, size_t *end, size_t *cap, size_t size) HR_USED;
/* The descriptor is readable: hr_nats_turn() has something to do. */
void hr_nats_wake(struct hr_nats *n);
/* libnats' last words in this thread, lower case and without a full stop, as a message of ours.  Lends line. */
const char *hr_nats_words_of(char *line, size_t size, natsStatus s);
/* What failed, with libnats' or the server's words; always -1. */
int hr_nats_fail_status(struct hr_nats *n, struct hr_err *e, natsStatus s, const char *doing);
/* What hr_nats_turn() says from now on; the first one counts. */
void hr_nats_fail_for_good(struct hr_nats *n, enum hr_code code, const char *what, const char *hint);
/* What comes under the subject, for that instance of the consumer, or for the handle (0). */
int hr_nats_subscribe(struct hr_nats *n, natsSubscription **sub, const char *subject, uint64_t instance,
    struct hr_err *e) HR_USED;
/* Make *at that time, when it is one (not 0) and *at is none or later. */
void hr_nats_soonest(int64_t *at, int64_t us);

/* Before anything is published. */
void hr_nats_publishing_init(struct hr_nats *n, const struct hr_nats_options *o);
/* Forget what was not acknowledged. */
void hr_nats_publishing_clear(struct hr_nats *n);
/* An answer to a message. */
void hr_nats_publishing_ack(struct hr_nats *n, natsMsg *m, uint64_t gen, uint64_t number);
/* How full the stream is; what is on its way may be in that, or not yet. */
void hr_nats_publishing_info(struct hr_nats *n, natsMsg *m);
/* There is a connection again: all is sent again. */
void hr_nats_publishing_back(struct hr_nats *n);
/* What is to be done by the clock. */
void hr_nats_publishing_by_clock(struct hr_nats *n, int64_t now);
/* When there is something of that next, into *at. */
void hr_nats_publishing_due(const struct hr_nats *n, int64_t *at);

/* The subscription, and what was not taken. */
void hr_nats_consumer_clear(struct hr_nats *n);
/* A message, or a word about a request: 1 when it is kept. */
int hr_nats_consumer_came(struct hr_nats *n, natsMsg *m, uint64_t instance);
/* There is a connection again: it is made anew. */
void hr_nats_consumer_back(struct hr_nats *n);
/* What is to be done by the clock. */
void hr_nats_consumer_by_clock(struct hr_nats *n, int64_t now);
/* When there is something of that next, into *at. */
void hr_nats_consumer_due(const struct hr_nats *n, int64_t *at);

/* The bucket, what was not stored, and what is watched. */
void hr_nats_values_clear(struct hr_nats *n);
/* An answer to a value. */
void hr_nats_values_ack(struct hr_nats *n, natsMsg *m, uint64_t slot, uint64_t version);
/* A value was published; that may be a moment before it is stored. */
void hr_nats_values_came(struct hr_nats *n, const char *subject);
/* Is there one to look at? */
bool hr_nats_values_stale(const struct hr_nats *n);
/* There is a connection again: all is sent, and looked at, again. */
void hr_nats_values_back(struct hr_nats *n);
/* What is to be done by the clock. */
void hr_nats_values_by_clock(struct hr_nats *n, int64_t now);
/* When there is something of that next, into *at. */
void hr_nats_values_due(const struct hr_nats *n, int64_t *at);

#endif
