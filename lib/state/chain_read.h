/*
 * chain_read.h - read a chain: from its beginning or a position, of all tenants or one.
 *
 * What is read is what was written, frame by frame: a record that was changed,
 * left out, exchanged or moved is an error, and so is one that is named and not
 * there.  A chain can be read while it is written.
 */
#ifndef HR_CHAIN_READ_H
#define HR_CHAIN_READ_H

#include "base/err.h"
#include "base/hr.h"
#include "base/map.h"
#include "codec/pack.h"
#include "state/bundle.h"
#include "state/chain.h"
#include "state/chain_position.h"
#include "state/keyring.h"
#include "stream/frame.h"
#include "stream/head.h"

/* Where a chain ends for who goes on with it: the last watermark outside of a first copy. */
struct hr_chain_end {
	struct hr_head head;		/* of the stream that was kept last */
	hr_lsn lsn;
	uint64_t at;			/* the bundle that ends with it */
	bool copying;			/* there is none: the first copy was cut */
	uint8_t chain[HR_SEGMENT_CHAIN];
	uint64_t segment;		/* the shared log's last */
	uint64_t bundle;		/* the last one, whatever its state */
	uint8_t tag[HR_SEGMENT_TAG];	/* what the next segment comes after */
};
#define HR_CHAIN_END_INIT { .head = HR_HEAD_INIT }

/* *end's head is given.  0, or -1 with *e set. */
int hr_chain_find_end(const struct hr_chain *c, struct hr_keyring *keys, struct hr_chain_end *end, struct hr_err *e) HR_USED;

struct hr_chain_reader {
	const struct hr_chain *chain;	/* the caller's */
	struct hr_keyring *keys;
	char *tenant;			/* NULL: all */
	uint64_t *segment;		/* the shared log's that can be begun at */
	size_t segments, at;
	struct hr_segment_reader shared;
	struct hr_segment_head *ahead;	/* of the segments behind, one of which comes next */
	size_t aheads, ahead_cap;
	bool settled;			/* and no other can */
	bool stillborn;			/* the one that could not be begun was cut before it had a record */
	struct hr_buf stand_bytes, parts;
	struct hr_stand stand;		/* of the segment that was begun at */
	struct hr_head head;		/* the same's */
	struct hr_map logs;		/* readers of tenants' logs */
	size_t logs_open;
	struct hr_pack unpack;
	struct hr_pipe pipe;
	uint32_t before;
	/* what was read last */
	struct hr_bundle bundle;	/* its frame and list are lent */
	uint64_t number;
	/* where reading began */
	bool whole;			/* at the chain's beginning */
	hr_lsn lsn;			/* all that ends before is not in what follows; at the beginning: the head's start */
	struct hr_buf relations;	/* frames, as they are there */
};

typedef int hr_chain_take(void *arg, const struct hr_frame *f, struct hr_err *e);

/* Begin at the chain's beginning.  0, or -1 with *e set. */
int hr_chain_read_open(struct hr_chain_reader *r, const struct hr_chain *c, struct hr_keyring *keys, const char *tenant,
    struct hr_err *e) HR_USED;
/*
 * Begin behind the last place where nothing is open and all before is at or
 * before an LSN; where there is none, at the chain's beginning, and whole is set.
 */
int hr_chain_read_seek(struct hr_chain_reader *r, hr_lsn lsn, struct hr_err *e) HR_USED;
/* Begin behind a bundle: 0, -1; HR_REFUSED when it is not there to be gone on from. */
int hr_chain_read_behind(struct hr_chain_reader *r, uint64_t bundle, struct hr_err *e) HR_USED;
/*
 * Where the reader is, and back there with a reader of the same chain, for what comes
 * next: nothing is said of the stream's head and relations then.
 */
struct hr_chain_mark {
	uint64_t segment, number;
	struct hr_segment_mark mark;
};
struct hr_chain_mark hr_chain_read_mark(const struct hr_chain_reader *r);
int hr_chain_read_at(struct hr_chain_reader *r, const struct hr_chain_mark *m, struct hr_err *e) HR_USED;
/*
 * The next bundle, none behind limit: r->bundle and r->number say what it is, its
 * frames are given to take (NULL: passed over).  1, 0 when there is none (yet), -1.
 */
int hr_chain_read_next(struct hr_chain_reader *r, uint64_t limit, hr_chain_take *take, void *arg, struct hr_err *e) HR_USED;
/*
 * After there were no more: is all there that was durable when a position was written?
 * 0, or -1 with *e set: what is at the end is missing.
 */
int hr_chain_read_reaches(const struct hr_chain_reader *r, const struct hr_chain_position *p, struct hr_err *e) HR_USED;
void hr_chain_read_close(struct hr_chain_reader *r);

#endif
