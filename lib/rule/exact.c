/*
 * exact.c - exact sums.
 *
 * Limb i of a sum of floats counts 2^(32 i - 1074): the lowest bit of the
 * smallest double is bit 0 of limb 0, and every double is three limbs or fewer.
 */

#include "base/hr.h"

#include <math.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/float.h"
#include "rule/exact.h"

#define DECIMAL		10000
#define BINARY		(INT64_C(1) << 32)
#define CARRY_EVERY	(1u << 30)
#define LOW_MIN		(-HR_NUMERIC_SCALE_MAX / 4 - 2)		/* weights, of numerics */
#define HIGH_MAX	(INT16_MAX + 16)
#define LIMBS_MORE	6		/* 2^63 in base 10000, and its sign */
#define BINARY_LIMBS	80

/* Limbs from low to high are there. */
static void
reach(struct hr_exact *x, int low, int high)
{
	int from = x->limbs && x->low < low ? x->low : low;
	int to = x->limbs && x->low + x->limbs - 1 > high ? x->low + x->limbs - 1 : high;
	int n = to - from + 1;

	if (HR_LIKELY(n == x->limbs))
		return;
	x->limb = hr_realloc(x->limb, (size_t)n, sizeof(*x->limb));
	if (x->limbs == 0)
		x->low = from;
	memmove(x->limb + (x->low - from), x->limb, (size_t)x->limbs * sizeof(*x->limb));
	memset(x->limb, 0, (size_t)(x->low - from) * sizeof(*x->limb));
	memset(x->limb + (x->low - from) + x->limbs, 0,
	    (size_t)(n - (x->low - from) - x->limbs) * sizeof(*x->limb));
	x->low = from;
	x->limbs = n;
}

/* Each limb but the last is from 0 to base - 1; returns what is carried out of it. */
static int64_t
carry(int64_t *limb, int n, int64_t base)
{
	int64_t over = 0, v;
	int i;

	for (i = 0; i < n; i++) {
		v = limb[i] + over;
		over = v / base;
		if (v % base < 0)
			over--;
		limb[i] = v - over * base;
	}
	return over;
}

/* The last limb has the sign; another comes when it is as large as its base. */
static void
settle(struct hr_exact *x, int64_t base)
{
	int64_t *top, over;
	int n = x->limbs - 1;

	x->added = 0;
	x->limb[n] += carry(x->limb, n, base);
	if (x->limb[n] < base && x->limb[n] > -base)
		return;
	reach(x, x->low, x->low + x->limbs);
	top = x->limb + n;
	over = carry(top, 1, base);
	top[1] = over;
}

/* Values of the scale are counted, so that it goes when they go. */
static void
count_scale(struct hr_exact *x, int scale, int sign)
{
	struct hr_exact_scale *s = x->scale;
	uint32_t i;

	for (i = 0; i < x->scales && s[i].scale != scale; i++)
		;
	if (i == x->scales) {
		x->scale = s = hr_realloc(s, i + 1, sizeof(*s));
		x->scales++;
		s[i] = (struct hr_exact_scale){ 0, scale };
	}
	s[i].values += sign;
	if (s[i].values == 0)
		s[i] = s[--x->scales];
}

void
hr_exact_numeric(struct hr_exact *x, const struct hr_numeric *v, int sign)
{
	int64_t *to;
	int i;

	if (!hr_numeric_finite(v)) {
		*(v->sign == HR_NUMERIC_NAN ? &x->nan : v->sign == HR_NUMERIC_INFINITY ? &x->plus : &x->minus) += sign;
		return;
	}
	count_scale(x, v->scale, sign);
	if (v->digits == 0)
		return;
	reach(x, v->weight - v->digits + 1, v->weight);
	to = x->limb + (v->weight - x->low);
	if (v->sign == HR_NUMERIC_MINUS)
		sign = -sign;
	for (i = 0; i < v->digits; i++)
		to[-i] += sign * v->digit[i];
	if (HR_UNLIKELY(++x->added == CARRY_EVERY))
		settle(x, DECIMAL);
}

void
hr_exact_float(struct hr_exact *x, double v, int sign)
{
	uint64_t bits, part;
	unsigned exponent, shift;
	int64_t *to;
	int at;

	if (!isfinite(v)) {
		*(isnan(v) ? &x->nan : v > 0 ? &x->plus : &x->minus) += sign;
		return;
	}
	bits = hr_float8_bits(v);
	exponent = bits >> 52 & 0x7ff;
	if (bits >> 63)
		sign = -sign;
	bits &= (UINT64_C(1) << 52) - 1;
	if (exponent)
		bits |= UINT64_C(1) << 52;
	else
		exponent = 1;
	at = (int)(exponent - 1) / 32;
	shift = (exponent - 1) % 32;
	reach(x, at, at + 2);
	to = x->limb + (at - x->low);
	part = bits << shift;
	to[0] += sign * (int64_t)(uint32_t)part;
	to[1] += sign * (int64_t)(part >> 32);
	if (shift)
		to[2] += sign * (int64_t)(bits >> (64 - shift));
	if (HR_UNLIKELY(++x->added == CARRY_EVERY))
		settle(x, BINARY);
}

/*
 * A copy of the limbs, with room for their carries, which are made; *minus when
 * the sum is negative, and then they are those of its opposite.  *n without the
 * zeros at the end.
 */
static int64_t *
settled(const struct hr_exact *x, int64_t base, int *n, bool *minus)
{
	int64_t *limb = hr_alloc(((size_t)x->limbs + LIMBS_MORE) * sizeof(*limb)), over;
	int i;

	*n = x->limbs + LIMBS_MORE;
	if (x->limbs)
		memcpy(limb, x->limb, (size_t)x->limbs * sizeof(*limb));
	memset(limb + x->limbs, 0, LIMBS_MORE * sizeof(*limb));
	over = carry(limb, *n, base);
	*minus = over < 0;
	if (*minus) {
		for (i = 0; i < *n; i++)
			limb[i] = -limb[i];
		limb[*n - 1] -= over * base;
		carry(limb, *n, base);
	}
	while (*n && limb[*n - 1] == 0)
		--*n;
	return limb;
}

int
hr_exact_to_numeric(const struct hr_exact *x, struct hr_numeric *v, struct hr_scratch *m, struct hr_err *e)
{
	int64_t *limb;
	int16_t *digit;
	bool minus;
	int n, i, low = 0;
	uint32_t s;

	*v = (struct hr_numeric){ .scale = 0 };
	if (x->nan || (x->plus && x->minus))
		v->sign = HR_NUMERIC_NAN;
	else if (x->plus || x->minus)
		v->sign = x->plus ? HR_NUMERIC_INFINITY : HR_NUMERIC_MINUS_INFINITY;
	if (!hr_numeric_finite(v))
		return 0;
	for (s = 0; s < x->scales; s++)
		if (x->scale[s].scale > v->scale)
			v->scale = x->scale[s].scale;
	limb = settled(x, DECIMAL, &n, &minus);
	while (low < n && limb[low] == 0)
		low++;
	if (n > low) {
		digit = hr_scratch_take(m, (size_t)(n - low) * sizeof(*digit));
		for (i = low; i < n; i++)
			digit[n - 1 - i] = (int16_t)limb[i];
		v->digit = digit;
		v->digits = n - low;
		v->weight = x->low + n - 1;
		v->sign = minus ? HR_NUMERIC_MINUS : HR_NUMERIC_PLUS;
	}
	free(limb);
	if (v->weight > INT16_MAX)
		return hr_fail(e, HR_REFUSED, "value overflows numeric format");
	return 0;
}

double
hr_exact_to_float(const struct hr_exact *x)
{
	int64_t *limb;
	uint64_t top;
	double v = 0;
	bool minus;
	int n, i, up;

	if (x->nan || (x->plus && x->minus))
		return (double)NAN;
	if (x->plus || x->minus)
		return x->plus ? (double)INFINITY : -(double)INFINITY;
	limb = settled(x, BINARY, &n, &minus);
	if (n) {
		/* 64 bits from the first one on; what is lost is said by the last. */
		up = __builtin_clz((uint32_t)limb[n - 1]);
		top = (uint64_t)limb[n - 1] << (32 + up);
		if (n > 1)
			top |= (uint64_t)limb[n - 2] << up;
		if (n > 2) {
			top |= (uint64_t)limb[n - 3] >> (32 - up);
			if ((uint64_t)limb[n - 3] << (32 + up))
				top |= 1;
		}
		for (i = 0; i + 3 < n; i++)
			top |= limb[i] != 0;
		v = ldexp((double)top, 32 * (x->low + n - 2) - 1074 - up);
	}
	free(limb);
	return minus ? -v : v;
}

size_t
hr_exact_size(const struct hr_exact *x)
{
	return (size_t)x->limbs * sizeof(*x->limb) + x->scales * sizeof(*x->scale);
}

void
hr_exact_encode(const struct hr_exact *x, struct hr_buf *out)
{
	uint32_t s;
	int i;

	hr_buf_u32le(out, (uint32_t)x->low);
	hr_buf_u32le(out, (uint32_t)x->limbs);
	hr_buf_u32le(out, x->added);
	hr_buf_u32le(out, x->scales);
	hr_buf_u64le(out, (uint64_t)x->nan);
	hr_buf_u64le(out, (uint64_t)x->plus);
	hr_buf_u64le(out, (uint64_t)x->minus);
	for (i = 0; i < x->limbs; i++)
		hr_buf_u64le(out, (uint64_t)x->limb[i]);
	for (s = 0; s < x->scales; s++) {
		hr_buf_u32le(out, (uint32_t)x->scale[s].scale);
		hr_buf_u64le(out, (uint64_t)x->scale[s].values);
	}
}

/* No limb has more than so many values can have made of it. */
static bool
plausible(const struct hr_exact *x, bool binary)
{
	int64_t most = (int64_t)x->added * (binary ? BINARY : DECIMAL) + (binary ? BINARY : DECIMAL) * 4;
	uint32_t s;
	int i;

	for (i = 0; i < x->limbs; i++)
		if (x->limb[i] > most || x->limb[i] < -most)
			return false;
	for (s = 0; s < x->scales; s++)
		if (x->scale[s].scale < 0 || x->scale[s].scale > HR_NUMERIC_SCALE_MAX || x->scale[s].values == 0)
			return false;
	return true;
}

bool
hr_exact_decode(struct hr_exact *x, bool binary, struct hr_cur *c)
{
	uint32_t limbs, scales, i;

	*x = (struct hr_exact)HR_EXACT_INIT;
	x->low = (int32_t)hr_cur_u32le(c);
	limbs = hr_cur_u32le(c);
	x->added = hr_cur_u32le(c);
	scales = hr_cur_u32le(c);
	x->nan = (int64_t)hr_cur_u64le(c);
	x->plus = (int64_t)hr_cur_u64le(c);
	x->minus = (int64_t)hr_cur_u64le(c);
	if (c->bad || x->added >= CARRY_EVERY || limbs > hr_cur_left(c) / 8 ||
	    scales > (hr_cur_left(c) - limbs * 8) / 12 || (binary && scales) || scales > HR_NUMERIC_SCALE_MAX + 1 ||
	    limbs > HIGH_MAX - LOW_MIN || x->low < (binary ? 0 : LOW_MIN) ||
	    x->low > (binary ? BINARY_LIMBS : HIGH_MAX) - (int64_t)limbs) {
		*x = (struct hr_exact)HR_EXACT_INIT;
		return false;
	}
	x->limbs = (int32_t)limbs;
	x->scales = scales;
	if (limbs)
		x->limb = hr_alloc(limbs * sizeof(*x->limb));
	if (scales)
		x->scale = hr_alloc(scales * sizeof(*x->scale));
	for (i = 0; i < limbs; i++)
		x->limb[i] = (int64_t)hr_cur_u64le(c);
	for (i = 0; i < scales; i++) {
		x->scale[i].scale = (int32_t)hr_cur_u32le(c);
		x->scale[i].values = (int64_t)hr_cur_u64le(c);
	}
	if (plausible(x, binary))
		return true;
	hr_exact_clear(x);
	return false;
}

void
hr_exact_clear(struct hr_exact *x)
{
	free(x->limb);
	free(x->scale);
	*x = (struct hr_exact)HR_EXACT_INIT;
}
