/*
 * lane.h - one stream out of a chain, as a receiver gets it: all of it, or a tenant's.
 *
 * A message has what one bundle has for the lane, and its place is the bundle's
 * number, which means the same after any restart.  One that begins anew begins
 * with the head and the relations that are known there, in front of the first.
 */
#ifndef HR_LANE_H
#define HR_LANE_H

#include "base/err.h"
#include "base/hr.h"
#include "codec/pack.h"
#include "state/chain_read.h"
#include "stream/head.h"
#include "stream/writer.h"

struct hr_lane {
	char *tenant;			/* NULL: all */
	const struct hr_head *now;	/* the stream's head as it was read last: its epoch is that of all */
	bool packed;			/* by lib/codec, as what was read was */
	struct hr_chain_reader r;
	bool open;			/* r is */
	struct hr_pipe pipe;		/* frames as they are sent */
	struct hr_pack pack;
	uint64_t block;			/* number of the next block's bundle */
};

void hr_lane_init(struct hr_lane *l, const char *tenant, const struct hr_head *now, bool packed);
void hr_lane_clear(struct hr_lane *l);
/*
 * Begin anew, with all that a target needs that has everything to an LSN: the
 * head and relations are put into out, and *place is in front of what follows.
 * had: what was between that LSN and the chain's beginning the target has too, and
 * the head says that it begins at the LSN.
 */
int hr_lane_begin(struct hr_lane *l, const struct hr_chain *c, struct hr_keyring *keys, hr_lsn lsn, bool had,
    struct hr_buf *out, uint64_t *place, struct hr_err *e) HR_USED;
/* Go on behind a place; seen is what came before, as an end frame would say it.  HR_REFUSED: it is not kept any more. */
int hr_lane_go_on(struct hr_lane *l, const struct hr_chain *c, struct hr_keyring *keys, uint64_t place,
    const struct hr_end *seen, struct hr_err *e) HR_USED;
/* Pass over what has nothing for the lane. */
int hr_lane_skip_to(struct hr_lane *l, const struct hr_chain_mark *m, struct hr_err *e) HR_USED;
/* What the next bundle has for the lane is put into out: 1 and its number in *place; 0: there is none; -1. */
int hr_lane_next(struct hr_lane *l, uint64_t limit, struct hr_buf *out, uint64_t *place, struct hr_err *e) HR_USED;
/* The end frame. */
int hr_lane_end(struct hr_lane *l, struct hr_buf *out, struct hr_err *e) HR_USED;

#endif
