/*
 * sketch.h - about how many different values there were: HyperLogLog.
 *
 * Flajolet, Fusy, Gandouet and Meunier, "HyperLogLog: the analysis of a
 * near-optimal cardinality estimation algorithm" (2007), with the 64-bit hash
 * and the sparse form of Heule, Nunkesser and Hall, "HyperLogLog in practice"
 * (2013), and in place of their tables of biases the estimator of Ertl, "New
 * cardinality estimation algorithms for HyperLogLog sketches" (2017), which is
 * good over the whole range.
 *
 * There are 2^12 registers: the standard error is 1.04 / 64, 1.6 %.  While
 * there are few values it is a list of what 2^25 registers would hold, which is
 * as good as exact.  Nothing can be taken out of it.
 */
#ifndef HR_SKETCH_H
#define HR_SKETCH_H

#include "base/buf.h"
#include "base/hr.h"

#define HR_SKETCH_BITS		12
#define HR_SKETCH_REGISTERS	(1 << HR_SKETCH_BITS)
#define HR_SKETCH_SPARSE	768	/* entries of a list, at most: 3 KB */

struct hr_sketch {
	uint8_t *reg;		/* the registers, or NULL: */
	uint32_t *entry;	/* index << 6 | rank, in order */
	uint16_t entries, room;
};

#define HR_SKETCH_INIT { NULL, NULL, 0, 0 }

void hr_sketch_add(struct hr_sketch *s, uint64_t hash);
int64_t hr_sketch_count(const struct hr_sketch *s);

size_t hr_sketch_size(const struct hr_sketch *s);	/* memory beside *s */
void hr_sketch_encode(const struct hr_sketch *s, struct hr_buf *out);
/* False when the bytes are none, and *s is empty. */
bool hr_sketch_decode(struct hr_sketch *s, struct hr_cur *c) HR_USED;
void hr_sketch_clear(struct hr_sketch *s);

#endif
