/*
 * float.c - the fewest digits that say a float.
 *
 * 15 digits are tried, then 16, then 17; of a float4 6 to 9.  Most numbers that
 * a person wrote are done with the first.
 */

#include "base/hr.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/float.h"

#define FLT_MAX_BITS	UINT32_C(0x7f7fffff)
#define DBL_MAX_BITS	UINT64_C(0x7fefffffffffffff)

/* What reads as v lies between these two, which are halfway to its neighbours. */
struct span {
	long double low, high;
	bool power;		/* v is a power of two */
};

/* The decimal text against v, which it reads as when rounded: <0, 0, >0. */
static int
compare(const char *text, long double v)
{
	char exact[64];
	size_t n = strcspn(text, "e");
	const char *rest = exact + n;
	int order;

	snprintf(exact, sizeof(exact), "%.40Le", v);
	if (strcmp(text + n, strchr(exact, 'e')) != 0)
		return 0;
	order = memcmp(text, exact, n);
	return order ? order : rest[strspn(rest, ".0")] == 'e' ? 0 : -1;
}

static bool
inside(const struct span *s, const char *text)
{
	long double v = strtold(text, NULL);

	return (v > s->low || (v == s->low && compare(text, v) > 0)) &&
	    (v < s->high || (v == s->high && compare(text, v) < 0));
}

/* One more in the last place of d.ddde+dd, and is that inside? */
static bool
next_up(const struct span *s, char *text)
{
	char *at = strchr(text, 'e') - 1;

	for (; at >= text && (*at == '9' || *at == '.'); at--)
		if (*at == '9')
			*at = '0';
	if (at < text)
		return false;
	++*at;
	return inside(s, text);
}

/*
 * The fewest digits that read back as the same number, the nearest of those;
 * like PostgreSQL, never a number halfway to the next.  At powers of two the
 * gap below is half of that above, so the nearest may miss and the next hit.
 */
static void
shortest(char *text, size_t size, double v, const struct span *s, int least, int most)
{
	int n;

	for (n = least; n < most; n++) {
		snprintf(text, size, "%.*e", n - 1, v);
		if (inside(s, text) || (s->power && next_up(s, text)))
			return;
	}
	snprintf(text, size, "%.*e", most - 1, v);
}

/* Laid out as PostgreSQL does: an exponent below 1e-4 and from 10^fixed on. */
static void
put_float(struct hr_buf *out, double v, const struct span *s, int least, int most, int fixed)
{
	char text[40], *e;
	int n, exponent, i;

	shortest(text, sizeof(text), v, s, least, most);
	e = strchr(text, 'e');
	exponent = (int)strtol(e + 1, NULL, 10);
	if (text[1] == '.')		/* digits alone: drop the point */
		memmove(text + 1, text + 2, (size_t)(e - text));
	for (n = (int)strspn(text, "0123456789"); n > 1 && text[n - 1] == '0'; n--)
		;
	if (exponent < -4 || exponent >= fixed) {
		hr_buf_u8(out, (uint8_t)text[0]);
		if (n > 1)
			hr_buf_u8(out, '.');
		hr_buf_put(out, text + 1, (size_t)n - 1);
		hr_buf_printf(out, "e%c%02d", exponent < 0 ? '-' : '+', abs(exponent));
		return;
	}
	if (exponent < 0) {
		hr_buf_put(out, "0.000", (size_t)(1 - exponent));
		hr_buf_put(out, text, (size_t)n);
		return;
	}
	for (i = 0; i < n || i <= exponent; i++) {
		if (i == exponent + 1)
			hr_buf_u8(out, '.');
		hr_buf_u8(out, i < n ? (uint8_t)text[i] : '0');
	}
}

void
hr_float4_format(struct hr_buf *out, uint32_t bits)
{
	float v = hr_float4_of(bits & INT32_MAX);
	struct span s;

	if (isnan(v)) {
		hr_buf_puts(out, "NaN");
		return;
	}
	if (bits >> 31)
		hr_buf_u8(out, '-');
	bits &= INT32_MAX;
	if (isinf(v) || bits == 0) {
		hr_buf_puts(out, bits ? "Infinity" : "0");
		return;
	}
	s.low = ((long double)v + hr_float4_of(bits - 1)) / 2;
	s.high = v + (bits == FLT_MAX_BITS ? v - s.low : ((long double)hr_float4_of(bits + 1) - v) / 2);
	s.power = (bits & 0x7fffff) == 0;
	put_float(out, v, &s, v < FLT_MIN ? 1 : 6, 9, 6);
}

void
hr_float8_format(struct hr_buf *out, uint64_t bits)
{
	double v = hr_float8_of(bits & INT64_MAX);
	struct span s;

	if (isnan(v)) {
		hr_buf_puts(out, "NaN");
		return;
	}
	if (bits >> 63)
		hr_buf_u8(out, '-');
	bits &= INT64_MAX;
	if (isinf(v) || bits == 0) {
		hr_buf_puts(out, bits ? "Infinity" : "0");
		return;
	}
	s.low = ((long double)v + hr_float8_of(bits - 1)) / 2;
	s.high = v + (bits == DBL_MAX_BITS ? v - s.low : ((long double)hr_float8_of(bits + 1) - v) / 2);
	s.power = (bits & UINT64_C(0xfffffffffffff)) == 0;
	put_float(out, v, &s, v < DBL_MIN ? 1 : 15, 17, 15);
}
