/*
 * numeric.h - PostgreSQL's numeric: exact decimals, with its results.
 *
 * A number is digits of base 10000, the first of which counts 10000^weight, a
 * sign, and a scale: how many decimals it is shown with.  Zero has no digits.
 * NaN and the infinities have neither digits nor weight.  The scale of a
 * result is what PostgreSQL gives it, that of a quotient too.
 *
 * Digits lie in the scratch that the function was given, or are those of an
 * operand: a number lives as long as what it was made of.
 */
#ifndef HR_NUMERIC_H
#define HR_NUMERIC_H

#include "base/buf.h"
#include "base/err.h"
#include "base/hr.h"
#include "rule/scratch.h"

enum hr_numeric_sign {
	HR_NUMERIC_PLUS = 0,
	HR_NUMERIC_MINUS = 0x4000,
	HR_NUMERIC_NAN = 0xc000,
	HR_NUMERIC_INFINITY = 0xd000,
	HR_NUMERIC_MINUS_INFINITY = 0xf000,
};

struct hr_numeric {
	const int16_t *digit;	/* neither the first nor the last is 0 */
	int digits;
	int weight;
	int scale;
	enum hr_numeric_sign sign;
};

#define HR_NUMERIC_PRECISION_MAX	1000	/* of a type */
#define HR_NUMERIC_SCALE_MAX		16383	/* of a value */

static inline bool
hr_numeric_finite(const struct hr_numeric *x)
{
	return x->sign == HR_NUMERIC_PLUS || x->sign == HR_NUMERIC_MINUS;
}

/* The binary form; false when the bytes are not of it. */
bool hr_numeric_decode(struct hr_numeric *x, const uint8_t *p, size_t n, struct hr_scratch *m) HR_USED;
uint8_t *hr_numeric_encode(const struct hr_numeric *x, size_t *len, struct hr_scratch *m);	/* lent */
/* Text as numeric's input function takes it; false when it is none. */
bool hr_numeric_parse(struct hr_numeric *x, const char *s, size_t n, struct hr_scratch *m) HR_USED;
void hr_numeric_format(struct hr_buf *out, const struct hr_numeric *x);

void hr_numeric_of_int(struct hr_numeric *x, int64_t v, struct hr_scratch *m);
/* With so many significant digits: 15 of a float8, 6 of a float4, as a cast has them. */
void hr_numeric_of_float(struct hr_numeric *x, double v, int digits, struct hr_scratch *m);
/* Rounded; false when it does not fit.  It is finite. */
bool hr_numeric_to_int(const struct hr_numeric *x, int64_t *v) HR_USED;
/* The nearest; false when it is out of range. */
bool hr_numeric_to_float(const struct hr_numeric *x, double *v) HR_USED;

/* <0, 0, >0; NaN equals itself and is above all. */
int hr_numeric_cmp(const struct hr_numeric *x, const struct hr_numeric *y);
uint64_t hr_numeric_hash(const struct hr_numeric *x);	/* the same of equal ones */

/* *x may be one of the operands.  0, or -1 with *e set: division by zero, overflow. */
int hr_numeric_add(struct hr_numeric *x, const struct hr_numeric *y, const struct hr_numeric *z,
    struct hr_scratch *m, struct hr_err *e) HR_USED;
int hr_numeric_sub(struct hr_numeric *x, const struct hr_numeric *y, const struct hr_numeric *z,
    struct hr_scratch *m, struct hr_err *e) HR_USED;
int hr_numeric_mul(struct hr_numeric *x, const struct hr_numeric *y, const struct hr_numeric *z,
    struct hr_scratch *m, struct hr_err *e) HR_USED;
int hr_numeric_div(struct hr_numeric *x, const struct hr_numeric *y, const struct hr_numeric *z,
    struct hr_scratch *m, struct hr_err *e) HR_USED;
int hr_numeric_mod(struct hr_numeric *x, const struct hr_numeric *y, const struct hr_numeric *z,
    struct hr_scratch *m, struct hr_err *e) HR_USED;
void hr_numeric_neg(struct hr_numeric *x, const struct hr_numeric *y);
void hr_numeric_abs(struct hr_numeric *x, const struct hr_numeric *y);

/* To so many decimals (before the point when negative); halves away from zero. */
void hr_numeric_round(struct hr_numeric *x, const struct hr_numeric *y, int scale, struct hr_scratch *m);
void hr_numeric_trunc(struct hr_numeric *x, const struct hr_numeric *y, int scale, struct hr_scratch *m);
void hr_numeric_floor(struct hr_numeric *x, const struct hr_numeric *y, struct hr_scratch *m);
void hr_numeric_ceil(struct hr_numeric *x, const struct hr_numeric *y, struct hr_scratch *m);
/* What numeric(precision, scale) makes of it. */
int hr_numeric_fit(struct hr_numeric *x, int32_t typmod, struct hr_scratch *m, struct hr_err *e) HR_USED;

#endif
