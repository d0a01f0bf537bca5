/* floats.c - floats as decimals with exceptions, or as planes of bytes. */

#include "base/hr.h"

#include "base/float.h"
#include "codec/floats.h"
#include "codec/ints.h"

#define EXPONENT_MAX	18
#define SAMPLE		64
#define LARGEST		9007199254740992.0	/* 2^53: all integers below are doubles */
#define ZSTD_FAST	1

static const double power[EXPONENT_MAX + 1] = {
	1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
};

static double
double_of(uint64_t bits, unsigned width)
{
	return width == 4 ? (double)hr_float4_of((uint32_t)bits) : hr_float8_of(bits);
}

/* The bits of integer / 10^exponent. */
static uint64_t
bits_of(int64_t integer, unsigned exponent, unsigned width)
{
	double d = (double)integer / power[exponent];

	return width == 4 ? hr_float4_bits((float)d) : hr_float8_bits(d);
}

/* The integer of which these are the bits, at that exponent; false: none. */
static inline bool
integer_of(uint64_t bits, unsigned exponent, unsigned width, int64_t *integer)
{
	double d = double_of(bits, width) * power[exponent];

	/* Not so for a NaN, which is neither. */
	if (!(d < LARGEST && d > -LARGEST))
		return false;
	*integer = (int64_t)(d < 0 ? d - 0.5 : d + 0.5);
	return bits_of(*integer, exponent, width) == bits;
}

/* The exponent with the fewest exceptions in a sample. */
static unsigned
exponent_of(const uint64_t *bits, size_t n, unsigned width, size_t *sampled, size_t *failed)
{
	size_t step = n > SAMPLE ? n / SAMPLE : 1, i, count, least = SIZE_MAX;
	unsigned e, best = 0;
	int64_t integer;

	for (e = 0; e <= EXPONENT_MAX && least; e++) {
		for (i = count = *sampled = 0; i < n; i += step, ++*sampled)
			count += !integer_of(bits[i], e, width, &integer);
		if (count < least) {
			least = count;
			best = e;
		}
	}
	*failed = least;
	return best;
}

bool
hr_alp_encode(struct hr_enc *o, const uint64_t *bits, size_t n, unsigned width, const struct hr_guess *g,
    struct hr_pick *guess, struct hr_pick *ints, struct hr_ints_kept *kept)
{
	struct hr_guess whose;
	struct hr_arena_mark mark = hr_arena_mark(&o->arena);
	uint64_t *integer = hr_arena_get(&o->arena, n, sizeof(*integer));
	uint64_t *at = hr_arena_get(&o->arena, n, sizeof(*at)), *odd = hr_arena_get(&o->arena, n, sizeof(*odd));
	size_t i, sampled, failed, odds = 0;
	unsigned e = exponent_of(bits, n, width, &sampled, &failed);
	int64_t one = 0;

	if (n && failed * 4 <= sampled)
		for (i = 0; i < n; i++) {
			int64_t this;

			if (integer_of(bits[i], e, width, &this))
				one = this;
			else {
				at[odds] = i;
				odd[odds++] = bits[i];
			}
			integer[i] = (uint64_t)one;
		}
	if (n == 0 || failed * 4 > sampled || odds * 3 > n) {
		hr_arena_release(&o->arena, mark);
		return false;
	}
	hr_buf_u8(&o->meta, (uint8_t)e);
	hr_varint_put(&o->meta, odds);
	if (g) {
		whose = *g;
		whose.exponent = (uint8_t)e;
		hr_guess_encode(o, integer, n, &whose, guess, ints, kept);
	} else
		hr_ints_encode(o, integer, n, ints, kept);
	hr_ints_encode(o, at, odds, NULL, NULL);
	hr_planes_encode(o, odd, odds, width);
	hr_arena_release(&o->arena, mark);
	return true;
}

int
hr_alp_decode(struct hr_dec *d, uint64_t *bits, size_t n, unsigned width, const struct hr_guess *g,
    struct hr_ints_kept *kept)
{
	struct hr_guess whose;
	unsigned e = hr_cur_u8(&d->meta);
	uint64_t odds = hr_varint_get(&d->meta), *at, *odd;
	size_t i;

	if (d->meta.bad || e > EXPONENT_MAX || odds > n)
		return -1;
	at = hr_arena_get(&d->arena, odds, sizeof(*at));
	odd = hr_arena_get(&d->arena, odds, sizeof(*odd));
	if (g) {
		whose = *g;
		whose.exponent = (uint8_t)e;
	}
	if (at == NULL || odd == NULL ||
	    (g ? hr_guess_decode(d, bits, n, &whose, kept) : hr_ints_decode(d, bits, n, kept)) < 0 ||
	    hr_ints_decode(d, at, odds, NULL) < 0 ||
	    hr_planes_decode(d, odd, odds, width) < 0)
		return -1;
	for (i = 0; i < n; i++)
		bits[i] = bits_of((int64_t)bits[i], e, width);
	for (i = 0; i < odds; i++) {
		if (at[i] >= n)
			return -1;
		bits[at[i]] = odd[i];
	}
	return 0;
}

void
hr_planes_encode(struct hr_enc *o, const uint64_t *bits, size_t n, unsigned width)
{
	struct hr_arena_mark mark = hr_arena_mark(&o->arena);
	uint8_t *plane = hr_arena_get(&o->arena, n, 1);
	unsigned k;
	size_t i;

	for (k = 0; k < width; k++) {
		for (i = 0; i < n; i++)
			plane[i] = (uint8_t)(bits[i] >> (8 * k));
		hr_blob_put(o, ZSTD_FAST, plane, n);
	}
	hr_arena_release(&o->arena, mark);
}

int
hr_planes_decode(struct hr_dec *d, uint64_t *bits, size_t n, unsigned width)
{
	const uint8_t *plane;
	unsigned k;
	size_t i;

	memset(bits, 0, n * sizeof(*bits));
	for (k = 0; k < width; k++) {
		if ((plane = hr_blob_get(d, n)) == NULL)
			return -1;
		for (i = 0; i < n; i++)
			bits[i] |= (uint64_t)plane[i] << (8 * k);
	}
	return 0;
}
