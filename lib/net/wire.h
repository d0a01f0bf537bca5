/*
 * wire.h - what two hr-ship say to each other: hr-ship(5) is the specification.
 *
 *	offset size field
 *	     0    4 length of what follows the fixed part, little-endian
 *	     4    1 kind
 *	     5    3 zero
 *	     8    4 lane
 *	    12      payload
 *
 * A lane is one stream: all of a sender's, or that of one tenant.  Frames of a
 * lane travel in messages of whole frames, each with its place: a number that
 * rises, and means the same to the sender whatever connection it is said on.
 */
#ifndef HR_WIRE_H
#define HR_WIRE_H

#include "base/buf.h"
#include "base/err.h"
#include "base/hr.h"
#include "stream/frame.h"

#define HR_WIRE_VERSION	1
#define HR_WIRE_SIZE	12			/* the fixed part */
#define HR_WIRE_TALK	(UINT32_C(1) << 20)	/* a message that is not frames or a checkpoint */
#define HR_WIRE_FIRST	(UINT32_C(1) << 14)	/* one of a peer that has not said hello yet */
#define HR_WIRE_MOST	(UINT32_C(1) << 30 | UINT32_C(1) << 16)	/* a frame of the largest size */
#define HR_WIRE_FILE	(UINT32_C(256) << 20)	/* a checkpoint */
#define HR_SESSION_SIZE	33			/* 32 hexadecimal digits and a NUL */

enum hr_wire_kind {
	HR_WIRE_HELLO = 'H',	/* both, first: a JSON object */
	HR_WIRE_OPEN = 'O',	/* sender: a lane, a JSON object */
	HR_WIRE_STAND = 'S',	/* receiver: how far that lane is, a JSON object */
	HR_WIRE_DATA = 'D',	/* sender: u64 place, frames */
	HR_WIRE_ACK = 'A',	/* receiver: u64 place: handed on */
	HR_WIRE_CHECKPOINT = 'C',	/* receiver: a checkpoint file */
	HR_WIRE_DONE = 'F',	/* receiver: who read the lane has ended, a JSON object; sender: it knows */
	HR_WIRE_PING = 'P',	/* both: u64, to be sent back */
	HR_WIRE_PONG = 'Q',	/* both: that u64 */
	HR_WIRE_ERROR = 'X',	/* both, last: a JSON object */
};

struct hr_wire {
	uint32_t len;
	uint8_t kind;
	uint32_t lane;
	const uint8_t *data;	/* lent */
};

/* The fixed part, HR_WIRE_SIZE bytes. */
void hr_wire_encode(uint8_t *out, enum hr_wire_kind kind, uint32_t lane, uint32_t len);
/* The same back; most: no kind may be longer.  Limits are checked, data is not set.  0, or -1 (HR_BAD_STREAM). */
int hr_wire_decode(struct hr_wire *m, const uint8_t *in, uint32_t most, struct hr_err *e) HR_USED;

/* What is said at the beginning. */
struct hr_hello {
	int version;		/* the highest that is spoken */
	char program[32];
	bool sender;
	bool by_tenant;		/* a receiver that wants a lane for each tenant */
};
void hr_hello_encode(const struct hr_hello *h, struct hr_buf *out);
int hr_hello_decode(struct hr_hello *h, const struct hr_wire *m, struct hr_err *e) HR_USED;

/* A lane that is to be opened. */
struct hr_lane_open {
	char session[HR_SESSION_SIZE];	/* of this sender's places */
	uint64_t system, epoch;
	uint32_t timeline;
	char *slot, *database;
	char *tenant;			/* NULL: all that the sender has */
	bool again;			/* it knows how its reader ended, and wants another one */
};
void hr_lane_open_encode(const struct hr_lane_open *o, struct hr_buf *out);
/* *o must be zero or cleared; strings are given. */
int hr_lane_open_decode(struct hr_lane_open *o, const struct hr_wire *m, struct hr_err *e) HR_USED;
void hr_lane_open_clear(struct hr_lane_open *o);

/* Where a receiver stands in a lane. */
struct hr_lane_stand {
	bool fresh;		/* who reads it has nothing of this session yet */
	uint64_t place;		/* handed on, or 0 */
	struct hr_end seen;	/* what was handed on, as an end frame would say it */
	hr_lsn lsn;		/* the target has all before it for good; 0: not known */
	bool checkpoint;	/* its checkpoint comes back */
};
void hr_lane_stand_encode(const struct hr_lane_stand *s, struct hr_buf *out);
int hr_lane_stand_decode(struct hr_lane_stand *s, const struct hr_wire *m, struct hr_err *e) HR_USED;

/* An error, or how the reader of a lane ended: code is an exit status. */
void hr_wire_error_encode(const struct hr_err *why, struct hr_buf *out);
/* Fills *why; 0, or -1 with *e set. */
int hr_wire_error_decode(struct hr_err *why, const struct hr_wire *m, struct hr_err *e) HR_USED;

#endif
