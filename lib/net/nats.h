/*
 * nats.h - one stream of NATS JetStream as a queue between two hosts.
 *
 * One side publishes, the other consumes.  The stream keeps a message until
 * the consumer has acknowledged it (work queue), refuses new ones when it is
 * full (discard new), and is made of files.  So nothing is lost between the
 * two but with the stream itself; hr_nats_publish() says when that shows.
 *
 * All calls of one handle are from one thread.  None waits for the network
 * but where it says so.  libnats' threads only put what comes into a list;
 * the descriptor of hr_nats_fd() is then readable, and also when something is
 * to be done by the clock.  The caller's loop is
 *
 *	poll(hr_nats_fd()) for POLLIN, with whatever else there is
 *	hr_nats_turn()
 *	hr_nats_acked(), hr_nats_fetch(), hr_nats_watched() while they give 1
 *
 * A lost connection is made again for ever, with pauses that grow to 1 s, and
 * everything goes on by itself; hr_nats_state() says what is waited for.
 *
 * Built without libnats the functions are there, and hr_nats_open() fails with
 * HR_MISSING.
 */
#ifndef HR_NATS_H
#define HR_NATS_H

#include "base/buf.h"
#include "base/err.h"
#include "base/hr.h"
#include "net/subject.h"

#define HR_NATS_VALUE_MAX	((size_t)1 << 20)	/* bytes of a value; larger ones are refused */

struct hr_nats;				/* a connection and its stream */

struct hr_nats_options {
	const char *url;		/* see subject.h; NATS_USER, NATS_PASSWORD are for what it leaves out */
	const char *stream;		/* NULL: the URL's */
	const char *prefix;		/* of its subjects, PREFIX.>; NULL: the stream's name */
	const char *client;		/* what the server calls this connection; NULL: the program */
	const char *tls_cert, *tls_key;	/* files: what is shown to the server, both or none */
	const char *tls_ca;		/* file: who may sign the server's; NULL: the system's */
	const char *creds;		/* file of a user's JWT and key, made by nsc(1) */
	int replicas;			/* of a new stream; 0 is 1 */
	uint64_t max_bytes;		/* of a new stream: two of the largest messages at least; 0: no limit but the server's */
	int64_t duplicates_us;		/* for how long an id is known; 0: two minutes */
	int64_t timeout_us;		/* for one answer; 0: five seconds */
	uint64_t in_flight;		/* bytes published and not acknowledged; 0: 8 MB */
	bool insecure;			/* in the clear to another host */
	bool shared;			/* others publish into the stream too */
};

/* Does this build have libnats? */
bool hr_nats_built(void);

/*
 * Connect, within timeout_us an address.  HR_TEMPORARY: nobody is there.
 * HR_CONFIG: TLS, the user, the account or a server without JetStream; a hint
 * says what to do.  NULL is -1.
 */
struct hr_nats *hr_nats_open(const struct hr_nats_options *o, struct hr_err *e) HR_USED;
/* What was not acknowledged is forgotten.  NULL is fine. */
void hr_nats_close(struct hr_nats *n);

/*
 * Make the stream when it is not there.  One that is there and would lose
 * messages, or has other subjects, is refused (HR_CONFIG).  Waits.
 */
int hr_nats_make_stream(struct hr_nats *n, struct hr_err *e) HR_USED;
const char *hr_nats_stream(const struct hr_nats *n);
const char *hr_nats_prefix(const struct hr_nats *n);

/* Readable when hr_nats_turn() has something to do.  The handle's. */
int hr_nats_fd(const struct hr_nats *n);
/*
 * Take what came, send again what has to be.  1: there may be something to
 * take; 0: not; -1: it cannot go on.  A program that restarts from the
 * receiver's checkpoint mends HR_TEMPORARY.  Waits, for timeout_us at most,
 * only after a reconnect and for a value that is watched.
 */
int hr_nats_turn(struct hr_nats *n, struct hr_err *e) HR_USED;

enum hr_nats_state {
	HR_NATS_READY,
	HR_NATS_AWAY,		/* no connection */
	HR_NATS_FULL,		/* the stream is full, or its server's disk */
	HR_NATS_UNHEARD,	/* no stream takes the subject: gone, or without a leader */
	HR_NATS_REFUSED,	/* refused for another reason, and sent again */
};

/* What is waited for, and the server's words for it ("" when there are none). */
enum hr_nats_state hr_nats_state(const struct hr_nats *n, const char **words);

/*
 * Publish.  The message is copied, kept until it is acknowledged, and sent
 * again with the same id when it is not: in the order of the calls.  header
 * has pairs of name and value and a NULL at its end, or is NULL.  An id stands
 * for its bytes for ever: the same one again is a message already there.
 *
 * The stream's order is the caller's, without gaps.  Each message says behind
 * which one it belongs: the first that is not acknowledged by the stream's
 * sequence, those sent ahead of answers by the id before theirs.  The server
 * refuses what arrives out of turn, and all from the first refused one on is
 * sent again.  So a stream that lost what it acknowledged (a power cut, a
 * restored disk) is found out (HR_TEMPORARY), and so is another publisher
 * (HR_REFUSED).  For a shared stream one message is in flight at a time, and
 * neither is found out.
 *
 * A stream with max_bytes is not filled by more than it has room for: servers
 * before 2.10 would delete its oldest messages.  In a shared one, where others
 * publish too, they may do so.
 *
 * 0, or -1: HR_CONFIG when it is larger than the server takes.  There need not
 * be room: it is queued all the same, so ask hr_nats_room() before.
 */
int hr_nats_publish(struct hr_nats *n, const char *subject, const char *id, const char *const *header,
    const void *data, size_t len, uint64_t cookie, struct hr_err *e) HR_USED;
/* How many bytes may be published now. */
size_t hr_nats_room(const struct hr_nats *n);
/* The largest data that the server takes, with some room left for headers. */
size_t hr_nats_largest(const struct hr_nats *n);
/* The cookie of the next message that the stream has, in order.  1, or 0. */
int hr_nats_acked(struct hr_nats *n, uint64_t *cookie) HR_USED;
/* Published and not acknowledged. */
size_t hr_nats_waiting(const struct hr_nats *n);

struct hr_nats_consumer {
	const char *name;		/* of the durable consumer */
	const char *subject;		/* filter; NULL: all */
	int64_t ack_wait_us;		/* what is not acknowledged by then is sent again; 0: a minute */
	int max_unacked;		/* messages; 0: 1000 */
	uint64_t prefetch;		/* bytes fetched ahead; 0: 8 MB; one message at least */
};

struct hr_nats_message {
	const char *subject;
	const uint8_t *data;
	size_t len;
	uint64_t seq;			/* the stream's: grows, with gaps */
	uint64_t delivered;		/* how often the server counts */
	bool again;			/* it was sent to a consumer before; false is no promise after a crash */
};

/*
 * Consume, from the first message that is not acknowledged, by a durable pull
 * consumer with explicit acknowledgements.  In one session sequences only
 * grow: what the server sends again is taken by this module.  For that the
 * consumer is made anew here and after each reconnect, which loses nothing,
 * because what a work queue still has is what is not acknowledged.  One
 * consumer works at a time: the newest, and an older one fails with
 * HR_REFUSED.  Waits.
 */
int hr_nats_consume(struct hr_nats *n, const struct hr_nats_consumer *c, struct hr_err *e) HR_USED;
/* 1, or 0 when there is none now.  Lends until the next call. */
int hr_nats_fetch(struct hr_nats *n, struct hr_nats_message *m) HR_USED;
/* A header of the message fetched last; NULL: it has none such. */
const char *hr_nats_header(const struct hr_nats *n, const char *name);
/*
 * All messages up to a sequence are durable where they went.  An
 * acknowledgement that gets lost is given again when its message comes again.
 * The last message stays in the stream until there is another one behind it,
 * so that a killed server knows where it was: the next session begins with it.
 */
void hr_nats_ack(struct hr_nats *n, uint64_t seq);
/*
 * The messages from one sequence to another may leave the stream, those before
 * them not yet: they are of no use, as they will be published anew.  The last
 * message stays, as it does with hr_nats_ack().
 */
void hr_nats_drop(struct hr_nats *n, uint64_t from, uint64_t to);
/* Still at it: no message is to be sent again for another ack_wait_us. */
void hr_nats_working(struct hr_nats *n);

/*
 * Values by key, in a bucket beside the stream: what the receiver tells the
 * sender.  The last value of a key is what counts; those between may never be
 * seen.  hr_nats_values() makes the bucket when it is not there.  It waits.
 */
int hr_nats_values(struct hr_nats *n, struct hr_err *e) HR_USED;
/* Store the newest value; copied, and sent until the server has it. */
int hr_nats_put(struct hr_nats *n, const char *key, const void *value, size_t len, struct hr_err *e) HR_USED;
/* Are all values stored? */
bool hr_nats_put_done(const struct hr_nats *n);
/* Append the value.  1, 0 when there is none, -1.  Waits. */
int hr_nats_get(struct hr_nats *n, const char *key, struct hr_buf *value, struct hr_err *e) HR_USED;
/* Look out for values of the key, the one that is there first. */
int hr_nats_watch(struct hr_nats *n, const char *key, struct hr_err *e) HR_USED;
/* One that changed: 1 with its key and its value appended, or 0.  Lends the key. */
int hr_nats_watched(struct hr_nats *n, const char **key, struct hr_buf *value) HR_USED;

#endif
