/* decimal.c - numerics to integers and back. */

#include "base/hr.h"

#include "base/buf.h"
#include "codec/decimal.h"

#define HEADER_BYTES	8
#define NEGATIVE	0x4000
#define DECIMALS_MAX	18
#define DIGITS_MAX	10
#define GROUPS_MAX	5		/* 10000^5 is more than an int64 has */

static const unsigned power[4] = { 1, 10, 100, 1000 };

size_t
hr_decimal_format(int64_t integer, unsigned decimals, uint8_t out[HR_DECIMAL_BYTES])
{
	unsigned behind = (decimals + 3) / 4, pad = behind * 4 - decimals;
	unsigned __int128 rest = integer < 0 ? -(unsigned __int128)integer : (unsigned __int128)integer;
	uint64_t low_part;
	uint16_t digit[DIGITS_MAX];	/* the lowest first */
	int n = 0, low = 0, i;

	if (decimals > DECIMALS_MAX)
		return 0;
	rest *= power[pad];
	for (; rest > UINT64_MAX; rest /= 10000)
		digit[n++] = (uint16_t)(rest % 10000);
	for (low_part = (uint64_t)rest; low_part; low_part /= 10000)
		digit[n++] = (uint16_t)(low_part % 10000);
	while (low < n && digit[low] == 0)
		low++;
	hr_set_u16be(out, (uint16_t)(n - low));
	hr_set_u16be(out + 2, n ? (uint16_t)(n - 1 - (int)behind) : 0);
	hr_set_u16be(out + 4, integer < 0 ? NEGATIVE : 0);
	hr_set_u16be(out + 6, (uint16_t)decimals);
	for (i = n - 1; i >= low; i--)
		hr_set_u16be(out + HEADER_BYTES + 2 * (n - 1 - i), digit[i]);
	return HEADER_BYTES + 2 * (size_t)(n - low);
}

bool
hr_decimal_parse(const uint8_t *p, size_t n, int64_t *integer, unsigned *decimals)
{
	uint8_t again[HR_DECIMAL_BYTES];
	unsigned __int128 value = 0;
	unsigned digits, sign, behind, i;
	int weight, last;

	if (n < HEADER_BYTES || n > HR_DECIMAL_BYTES)
		return false;
	digits = hr_get_u16be(p);
	weight = (int16_t)hr_get_u16be(p + 2);
	sign = hr_get_u16be(p + 4);
	*decimals = hr_get_u16be(p + 6);
	if (n != HEADER_BYTES + 2 * (size_t)digits || (sign != 0 && sign != NEGATIVE) ||
	    *decimals > DECIMALS_MAX)
		return false;
	behind = (*decimals + 3) / 4;
	/* The power of 10000 that the last digit has, counted from the last group of decimals. */
	last = weight - (int)digits + 1 + (int)behind;
	if (digits && (last < 0 || last + (int)digits > GROUPS_MAX))
		return false;
	for (i = 0; i < digits; i++)
		value = value * 10000 + hr_get_u16be(p + HEADER_BYTES + 2 * i);
	for (; last > 0 && value; last--)
		value *= 10000;
	value = value > UINT64_MAX ? value / power[behind * 4 - *decimals] :
	    (uint64_t)value / power[behind * 4 - *decimals];
	if (value > INT64_MAX)
		return false;
	*integer = sign ? -(int64_t)value : (int64_t)value;
	/* Whatever else may be odd about it: only what comes back the same is taken. */
	return hr_decimal_format(*integer, *decimals, again) == n && memcmp(p, again, n) == 0;
}
