/*
 * ints.h - columns of integers.
 *
 * A transform, then a way to write what is left of it:
 *
 *	reference	what is above the least value (frame of reference)
 *	delta		differences; and those of differences, which regular
 *			times are zeros of (Pelkonen et al., "Gorilla: A Fast,
 *			Scalable, In-Memory Time Series Database", VLDB 2015)
 *	dictionary	ranks in a dictionary of the values that there were
 *
 * all divided by their common divisor, and then
 *
 *	packed		each in as many bits as the largest needs (Lemire and
 *			Boytsov, "Decoding billions of integers per second",
 *			2015, without its patches)
 *	tokens		a byte for the class of a number and two bits of it,
 *			through entropy.h, and the bits below as they are (the
 *			hybrid integers of ISO/IEC 18181-1)
 *	bytes		as many bytes as the largest needs, through zstd
 */
#ifndef HR_INTS_H
#define HR_INTS_H

#include "codec/coder.h"
#include "codec/dictionary.h"
#include "codec/entropy.h"

/* What blocks leave behind for those after them, the same on both sides. */
struct hr_ints_kept {
	uint64_t last;
	struct hr_model *tokens;		/* both made when needed */
	struct hr_dictionary *dictionary;
};

/* What was tried is remembered in pick; NULL: try all.  kept: of the blocks before; NULL: nothing. */
void hr_ints_encode(struct hr_enc *o, const uint64_t *v, size_t n, struct hr_pick *pick,
    struct hr_ints_kept *kept);
/* 0, or -1: the block is not well-formed. */
int hr_ints_decode(struct hr_dec *d, uint64_t *v, size_t n, struct hr_ints_kept *kept) HR_USED;

/* Bytes that they take, about, with what of these ways can be reckoned. */
uint64_t hr_ints_cost(struct hr_enc *o, const uint64_t *v, size_t n, const struct hr_ints_kept *kept);

/* Small numbers, as tokens: n of them. */
void hr_tokens_put(struct hr_enc *o, const uint64_t *u, size_t n, struct hr_ints_kept *kept);
int hr_tokens_get(struct hr_dec *d, uint64_t *u, size_t n, struct hr_ints_kept *kept) HR_USED;

size_t hr_ints_kept_size(const struct hr_ints_kept *k);
void hr_ints_kept_clear(struct hr_ints_kept *k);
/* For statistics: "delta, tokens" and the like. */
const char *hr_ints_name(uint8_t codec);

#endif
