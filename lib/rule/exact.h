/*
 * exact.h - sums of numerics and of floats without rounding, so that what was
 * added can be taken away again, in any order, and nothing is left.
 *
 * A sum is limbs, each of which counts a power of its base: 10000 for
 * numerics, 2^32 for floats.  They are signed and wider than their base needs:
 * a value is added limb by limb, and carries are made once in 2^30 values.
 * There are as many as the values' exponents need: a few for what is in one
 * column.  What has no digits (NaN, infinities) is counted.
 *
 * A sum of floats is rounded once, when it is asked for.  PostgreSQL's is
 * rounded at each row and depends on their order; this one is at least as near.
 */
#ifndef HR_EXACT_H
#define HR_EXACT_H

#include "base/buf.h"
#include "base/err.h"
#include "base/hr.h"
#include "rule/numeric.h"

struct hr_exact_scale {
	int64_t values;		/* of this scale */
	int32_t scale;
};

struct hr_exact {
	int64_t *limb;		/* limb[i] counts base^(low + i) */
	int32_t low, limbs;
	uint32_t added;		/* values since the last carries */
	uint32_t scales;
	struct hr_exact_scale *scale;	/* of numerics: a sum is shown with the largest */
	int64_t nan, plus, minus;	/* values without digits */
};

#define HR_EXACT_INIT { .limb = NULL }

/* sign is 1 or -1: add it, take it away. */
void hr_exact_numeric(struct hr_exact *x, const struct hr_numeric *v, int sign);
void hr_exact_float(struct hr_exact *x, double v, int sign);

/* The sum; -1 with *e set when a numeric cannot hold it. */
int hr_exact_to_numeric(const struct hr_exact *x, struct hr_numeric *v, struct hr_scratch *m,
    struct hr_err *e) HR_USED;
/* The nearest; an infinity when it is too large. */
double hr_exact_to_float(const struct hr_exact *x);

size_t hr_exact_size(const struct hr_exact *x);		/* memory beside *x */
void hr_exact_encode(const struct hr_exact *x, struct hr_buf *out);
/* Of what hr_exact_encode() wrote of such a sum; false when it is not, and *x is empty. */
bool hr_exact_decode(struct hr_exact *x, bool binary, struct hr_cur *c) HR_USED;
void hr_exact_clear(struct hr_exact *x);

#endif
