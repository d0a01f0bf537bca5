/*
 * pack.h - the filters of hr-compress: frames to blocks, blocks to frames.
 *
 * Packing gathers frames while more input is there, at most so many rows or
 * bytes, and writes them as one bundle of blocks; when the input is quiet it
 * writes what it has at once.  A bundle that would not get smaller is written
 * as the frames that it is.
 */
#ifndef HR_PACK_H
#define HR_PACK_H

#include "base/err.h"
#include "codec/columns.h"
#include "codec/effort.h"
#include "stream/pipe.h"

struct hr_pack {
	bool unpack;
	bool group;		/* all tenants in one block */
	bool always;		/* blocks also where they are not smaller */
	int level;
	bool by_itself;		/* the level follows what is waited for */
	struct hr_effort effort;	/* then */
	size_t block_rows;
	uint32_t key_every;	/* blocks of a tenant, of which the first is a key block */
	uint8_t memory;		/* log2 of what is kept at most; 0: nothing is */
	struct hr_columns columns;
	struct hr_pipe *pipe;
	uint64_t bundle;
	/* packing: the frames gathered */
	struct hr_buf bytes;
	struct hr_pack_frame *frame;
	size_t frames, frame_cap;
	struct hr_map group_map;	/* by ALL and tenant */
	struct hr_pack_group *group_of;
	size_t groups, group_cap;
	struct hr_placed *placed;
	size_t placed_cap;
	struct hr_buf body, floor, records, blocks;
	struct hr_pick floor_pick;
	uint32_t floor_ratio;		/* of row-wise zstd, in 1/1024 */
	uint32_t last_ratio;		/* of columns, when that was tried */
	/* unpacking: the blocks of a bundle so far */
	struct hr_records unpacked;
	bool open, closed;		/* one is; one was */
};

#define HR_PACK_INIT { .level = 3, .block_rows = 1000, .key_every = 64, .memory = 28 }

void hr_pack_begin(struct hr_pack *k, struct hr_pipe *p);
/* The step of the pipe, in either direction. */
int hr_pack_step(void *pack, struct hr_pipe *p, const struct hr_frame *f, struct hr_err *e);
/* Write what was gathered: before the input is waited for, and at its end.  0, or -1. */
int hr_pack_flush(void *pack, struct hr_err *e);
/* The input has ended: write the rest; or, unpacking, see that there is none.  0, or -1. */
int hr_pack_end(struct hr_pack *k, struct hr_err *e) HR_USED;
void hr_pack_clear(struct hr_pack *k);

#endif
