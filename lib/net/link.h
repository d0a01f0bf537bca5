/*
 * link.h - one connection: messages in and out, by TLS or in the clear.
 *
 * Nothing here waits.  Who owns the link polls for what it wants, and calls
 * hr_link_read() and hr_link_write().  Liveness is the link's: it pings, and
 * a peer from which nothing comes for too long is gone.
 */
#ifndef HR_LINK_H
#define HR_LINK_H

#include <openssl/ssl.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/hr.h"
#include "net/address.h"
#include "net/wire.h"

#define HR_LINK_ROOM	(HR_WIRE_SIZE + 8)	/* in front of what is lent: for the fixed part and the place */
#define HR_LINK_GATHER	((size_t)1 << 20)	/* bytes that lie ready to be written, about */

struct hr_link {
	int fd;
	SSL *ssl;			/* NULL: in the clear */
	char peer[HR_ADDRESS_TEXT];
	bool shaken;			/* the TLS handshake is done */
	bool seen;			/* the peer has said something, as a server finds */
	bool wants_write, wants_read;	/* what libssl waits for, beyond what we do */
	bool more;			/* there may be something to do that poll(2) does not know of */
	bool ended;			/* the peer has closed its side */
	bool shut;			/* we have closed ours */
	uint32_t most;			/* bytes of a message, for now */
	struct hr_buf in;
	size_t at;			/* the next message in it */
	size_t lent;
	struct hr_buf out;
	size_t sent;			/* of out */
	struct {
		const uint8_t *data;	/* a message that is not in out; NULL: none */
		size_t left;
		size_t at;		/* what of out goes before it */
	} loan;
	int64_t opened;			/* when, hr_now_us() */
	int64_t heard;			/* when bytes came last */
	int64_t pinged;			/* when we said something last */
	int64_t trip;			/* microseconds there and back, measured last; 0: not yet */
	uint64_t bytes_in, bytes_out;	/* of messages */
};

/* Over a connected socket, which is the link's from now on, and so is the session. */
void hr_link_open(struct hr_link *l, int fd, SSL *ssl, const char *peer);
void hr_link_close(struct hr_link *l);

/* What to poll for; reading: do we want more messages? */
short hr_link_events(const struct hr_link *l, bool reading);
/*
 * The TLS handshake, as far as it goes: 0 when it is done, 1 when it waits, -1.
 * A client that says hello in the clear is HR_CONFIG, and can be told so in the clear.
 */
int hr_link_shake(struct hr_link *l, struct hr_err *e) HR_USED;
/* Take in what is there, up to a limit.  0, or -1 when the connection is broken; at its end l->ended is set. */
int hr_link_read(struct hr_link *l, struct hr_err *e) HR_USED;
/*
 * The next message: 1 with *m filled, lent until the next call; 0 when no whole
 * one is there, -1 when what is there is none.  Pings are answered within.
 */
int hr_link_next(struct hr_link *l, struct hr_wire *m, struct hr_err *e) HR_USED;

/* Is a whole message there, which was not given yet?  poll(2) does not know. */
bool hr_link_has(const struct hr_link *l);

/* Have a message written, when hr_link_write() can.  The second is of two pieces. */
void hr_link_put(struct hr_link *l, enum hr_wire_kind kind, uint32_t lane, const void *data, size_t len);
void hr_link_put_placed(struct hr_link *l, enum hr_wire_kind kind, uint32_t lane, uint64_t place, const void *data,
    size_t len);
/*
 * The same without a copy: the message lies behind HR_LINK_ROOM bytes, which
 * are filled in here, and stays the link's until hr_link_lent() is false.
 * One at a time.
 */
void hr_link_lend(struct hr_link *l, enum hr_wire_kind kind, uint32_t lane, uint64_t place, struct hr_buf *message);
static inline bool
hr_link_lent(const struct hr_link *l)
{
	return l->loan.data != NULL;
}
static inline size_t
hr_link_waiting(const struct hr_link *l)
{
	return l->out.len - l->sent + l->loan.left;
}
/* Write what can be written now.  0, or -1. */
int hr_link_write(struct hr_link *l, struct hr_err *e) HR_USED;

/*
 * Close our side and throw away what still comes: a socket that is closed with
 * bytes unread takes back what was written last.  true: the peer is there still.
 */
bool hr_link_linger(struct hr_link *l);

/* Ping when it is time; -1 (HR_TEMPORARY) when nothing came for dead_us, while we read. */
int hr_link_alive(struct hr_link *l, int64_t dead_us, bool reading, struct hr_err *e) HR_USED;
/* How often that wants to be called. */
#define HR_LINK_PING_US INT64_C(250000)

#endif
