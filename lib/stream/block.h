/*
 * block.h - what is in front of a block: a run of frames, packed.
 *
 *	offset size field
 *	     0    1 version of the codecs
 *	     1    1 flags
 *	     2    1 form
 *	     3    1 log2 of the bytes that is kept for blocks to come, or 0: nothing is
 *	     4    4 size of the frames in it
 *	     8    8 number of the bundle
 *	    16    4 CRC-32C of each frame's place and bytes 0 to 23
 *	    20      what the form says
 *
 * The blocks of one bundle together replace a run of frames, each the frames of
 * one tenant, the last one those for all.  What is in them is lib/codec's.
 */
#ifndef HR_BLOCK_H
#define HR_BLOCK_H

#include "base/err.h"
#include "base/hr.h"
#include "stream/frame.h"

#define HR_BLOCK_VERSION 1
#define HR_BLOCK_SIZE	20			/* of what is in front */
#define HR_BLOCK_MAX	(UINT32_C(1) << 24)	/* the frames of one bundle, in bytes */
#define HR_BLOCK_MEMORY_LEAST 20		/* of what is kept, log2 of bytes */
#define HR_BLOCK_MEMORY_MOST 36

enum hr_block_flag {
	HR_BLOCK_KEY = 0x01,	/* needs nothing of the blocks before it */
	HR_BLOCK_LAST = 0x02,	/* of its bundle */
};

enum hr_block_form {
	HR_BLOCK_PLAIN = 0,	/* records, as they are */
	HR_BLOCK_ZSTD = 1,	/* records, through zstd */
	HR_BLOCK_COLUMNS = 2,	/* columns */
};

struct hr_block {
	uint8_t version, flags, form, memory;
	uint32_t size;
	uint64_t bundle;
	uint32_t check;
	uint32_t frames;	/* the block's own frame counts them */
	const uint8_t *body;	/* lent */
	size_t len;
};

void hr_block_encode(const struct hr_block *b, uint8_t *out);
/* Limits are checked.  0, or -1 with *e set. */
int hr_block_decode(struct hr_block *b, const struct hr_frame *f, struct hr_err *e) HR_USED;
/* Can frames of this type be in a block? */
bool hr_block_packs(uint8_t type);
/* "columns", ... */
const char *hr_block_form_name(uint8_t form);

#endif
