/* codec.h - what the tests of codecs share: numbers at random, a coder in each direction. */
#ifndef HR_TEST_CODEC_H
#define HR_TEST_CODEC_H

#include "codec/coder.h"
#include "codec/zst.h"

static uint64_t rnd_state = 1;

static inline uint64_t
rnd(void)
{
	rnd_state ^= rnd_state << 13;
	rnd_state ^= rnd_state >> 7;
	rnd_state ^= rnd_state << 17;
	return rnd_state;
}

static struct hr_zst codec_zst;
static struct hr_enc enc = { .zst = &codec_zst, .level = 3 };
static struct hr_dec dec = { .zst = &codec_zst };

static inline void
codec_begin(void)
{
	hr_buf_reset(&enc.meta);
	hr_buf_reset(&enc.data);
	hr_arena_reset(&enc.arena, 0);
}

/* What was encoded is to be decoded, with so much memory. */
static inline void
codec_turn(size_t limit)
{
	hr_arena_reset(&dec.arena, limit);
	dec.meta = hr_cur(enc.meta.data, enc.meta.len);
	dec.data = hr_cur(enc.data.data, enc.data.len);
}

/* All of both parts was used, and no more. */
static inline bool
codec_used(void)
{
	return !dec.meta.bad && !dec.data.bad && hr_cur_left(&dec.meta) == 0 && hr_cur_left(&dec.data) == 0;
}

static inline size_t
codec_size(void)
{
	return enc.meta.len + enc.data.len;
}

/* A copy of one part with one byte changed is what is decoded; free it. */
static inline uint8_t *
codec_damage(size_t limit)
{
	struct hr_buf *b = enc.data.len && rnd() % 2 ? &enc.data : &enc.meta;
	uint8_t *copy = malloc(b->len);

	codec_turn(limit);
	memcpy(copy, b->data, b->len);
	copy[rnd() % b->len] ^= (uint8_t)(1 + rnd() % 255);
	*(b == &enc.data ? &dec.data : &dec.meta) = hr_cur(copy, b->len);
	return copy;
}

static inline void
codec_clear(void)
{
	hr_buf_clear(&enc.meta);
	hr_buf_clear(&enc.data);
	hr_arena_clear(&enc.arena);
	hr_arena_clear(&dec.arena);
	hr_zst_clear(&codec_zst);
}

#endif
