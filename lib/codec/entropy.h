/*
 * entropy.h - bytes in as many bits as they are rare.
 *
 * Range asymmetric numeral systems (Duda, "Asymmetric numeral systems: entropy
 * coding combining speed of Huffman coding with compression rate of arithmetic
 * coding", 2013), two states in turns, words of 16 bits.
 *
 * How often each byte was there before is kept in a model by both sides, so that
 * blocks after the first write no table.  Where what is kept fits badly, a table
 * is written anew.
 */
#ifndef HR_ENTROPY_H
#define HR_ENTROPY_H

#include "codec/coder.h"

struct hr_model {
	uint16_t count[256];
	uint32_t all;		/* the sum of count */
};

/* The bytes it would take, about; 0 to n.  model may be NULL. */
size_t hr_entropy_cost(const struct hr_model *model, const uint32_t count[256], size_t n);
/* model is what was before, and has these bytes too afterwards; NULL: nothing is kept. */
void hr_entropy_put(struct hr_enc *o, struct hr_model *model, const uint8_t *p, size_t n);
/* n bytes, lent by the arena or the block; NULL when they are not there. */
const uint8_t *hr_entropy_get(struct hr_dec *d, struct hr_model *model, size_t n);

/* log2 of n, in 1/256, near enough to compare by. */
uint32_t hr_log2_256(uint32_t n);

#endif
