/*
 * floats.h - columns of floats, given by their bits.
 *
 * Most floats were decimals once: 21.7 is 217 / 10.  Afroozeh, Kuffo and Boncz,
 * "ALP: Adaptive Lossless floating-Point Compression" (SIGMOD 2024) stores the
 * 217 as an integer and those that are no such number as exceptions.  Here the
 * way back is a division, which IEEE 754 rounds correctly, so that one exponent
 * does where ALP needs two; the integers go through ints.h.
 *
 * What is no decimal is cut into planes, a plane for each byte of a number: the
 * upper ones are alike.
 */
#ifndef HR_FLOATS_H
#define HR_FLOATS_H

#include "codec/coder.h"
#include "codec/guess.h"
#include "codec/ints.h"

/*
 * width is 4 or 8; g is whose they are, or NULL.  False, with nothing written: they are
 * no decimals.
 */
bool hr_alp_encode(struct hr_enc *o, const uint64_t *bits, size_t n, unsigned width, const struct hr_guess *g,
    struct hr_pick *guess, struct hr_pick *ints, struct hr_ints_kept *kept);
int hr_alp_decode(struct hr_dec *d, uint64_t *bits, size_t n, unsigned width, const struct hr_guess *g,
    struct hr_ints_kept *kept) HR_USED;

void hr_planes_encode(struct hr_enc *o, const uint64_t *bits, size_t n, unsigned width);
int hr_planes_decode(struct hr_dec *d, uint64_t *bits, size_t n, unsigned width) HR_USED;

#endif
