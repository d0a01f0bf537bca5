/*
 * ints.h - columns of integers.
 *
 * A transform, then a way to write what is left of it:
 *
 *	reference	what is above the least value (frame of reference)
 *	delta		differences; and those of differences, which regular
 *			times are zeros of (Pelkonen et al., "Gorilla: A Fast,
 *			Scalable, In-Memory Time Series Database", VLDB 2015)
 *	dictionary	places in a list of the values that there are
 *
 * all divided by their common divisor, and then
 *
 *	packed		each in as many bits as the largest needs (Lemire and
 *			Boytsov, "Decoding billions of integers per second",
 *			2015, without its patches)
 *	tokens		a byte for the class of a number and two bits of it,
 *			through zstd, and the bits below as they are (the hybrid
 *			integers of ISO/IEC 18181-1)
 *	bytes		as many bytes as the largest needs, through zstd
 */
#ifndef HR_INTS_H
#define HR_INTS_H

#include "codec/coder.h"

/* What is remembered between blocks is in pick; NULL: try all. */
void hr_ints_encode(struct hr_enc *o, const uint64_t *v, size_t n, struct hr_pick *pick);
/* 0, or -1: the block is not well-formed. */
int hr_ints_decode(struct hr_dec *d, uint64_t *v, size_t n) HR_USED;
/* For statistics: "delta, tokens" and the like. */
const char *hr_ints_name(uint8_t codec);

#endif
