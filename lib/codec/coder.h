/*
 * coder.h - where codecs write to and read from.
 *
 * A block has two parts.  meta holds what describes columns: codecs, their
 * parameters, lengths; it is small, alike from column to column, and packed as
 * a whole.  data holds what the columns hold, each packed as its codec likes.
 *
 * Codecs are told how many values there are.  What they allocate while reading
 * comes from an arena with a limit, which follows from the size that the block
 * says it has.
 */
#ifndef HR_CODER_H
#define HR_CODER_H

#include "base/buf.h"
#include "base/hr.h"

/* Memory that is given back all at once, or down to a mark. */
struct hr_arena {
	struct hr_arena_piece *piece;
	size_t pieces, cap;
	size_t at;		/* the piece in use */
	size_t used;		/* bytes given since the reset */
	size_t limit;		/* of used; 0: none */
};

/* Bytes, aligned, not zeroed; NULL when the limit would be passed. */
void *hr_arena_get(struct hr_arena *a, size_t n, size_t size);
void hr_arena_reset(struct hr_arena *a, size_t limit);

/* What was got since the mark is given back. */
struct hr_arena_mark {
	size_t at, in_piece, used;
};
struct hr_arena_mark hr_arena_mark(const struct hr_arena *a);
void hr_arena_release(struct hr_arena *a, struct hr_arena_mark m);
void hr_arena_clear(struct hr_arena *a);

struct hr_enc {
	struct hr_buf meta, data;
	struct hr_zst *zst;
	int level;		/* zstd's, for text */
	size_t room;		/* what windows may still take; who writes decides */
	size_t left;		/* those of the whole block */
	size_t entries;		/* what dictionaries may; both sides have to know */
	struct hr_arena arena;	/* of the block in the making */
};

struct hr_dec {
	struct hr_cur meta, data;
	struct hr_zst *zst;
	size_t room, left, entries;
	struct hr_arena arena;
};

/* A part of what blocks leave for those after them; NULL: nothing is kept. */
#define HR_KEPT(kept, part) ((kept) ? &(kept)->part : NULL)

/* Numbers of 7 bits a byte, the lowest first (LEB128); signed ones zigzag. */
void hr_varint_put(struct hr_buf *b, uint64_t v);
uint64_t hr_varint_get(struct hr_cur *c);

static inline uint64_t
hr_zigzag(int64_t v)
{
	return (uint64_t)v << 1 ^ (uint64_t)(v >> 63);
}

static inline int64_t
hr_unzigzag(uint64_t v)
{
	return (int64_t)(v >> 1 ^ -(v & 1));
}

/* Bytes of a known number: through zstd where that is smaller, else as they are. */
void hr_blob_put(struct hr_enc *o, int level, const void *p, size_t n);
/* n bytes, lent by the arena or the block; NULL when they are not there. */
const uint8_t *hr_blob_get(struct hr_dec *d, size_t n);

/* What a trial took: remembered, so that not each block tries everything. */
struct hr_pick {
	uint8_t codec;
	uint8_t gap, left;	/* blocks between two trials, and until the next */
	uint8_t param;
	uint32_t cost;		/* bits for 256 values, when it was chosen */
};

/* Is it time for a trial?  Counts down. */
bool hr_pick_due(struct hr_pick *k);
/* The trial chose what there was: the next one is later. */
void hr_pick_again(struct hr_pick *k);
/* What n values took in bytes: much more than when chosen makes a trial due. */
void hr_pick_cost(struct hr_pick *k, bool tried, size_t n, size_t bytes);

#endif
