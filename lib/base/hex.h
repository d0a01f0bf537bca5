/* hex.h - hexadecimal digits. */
#ifndef HR_HEX_H
#define HR_HEX_H

#include "base/hr.h"

/* The digit's value, in either case; -1 when it is none. */
static inline int
hr_hex_value(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static inline uint8_t
hr_hex_digit(unsigned value)
{
	return (uint8_t)"0123456789abcdef"[value & 15];
}

/* What n digits say, to out, which has room for n / 2; false: they are not digits, or an odd number. */
static inline bool
hr_hex_get(uint8_t *out, const uint8_t *p, size_t n)
{
	int high, low;
	size_t i;

	for (i = 0; i + 1 < n; i += 2) {
		high = hr_hex_value(p[i]);
		low = hr_hex_value(p[i + 1]);
		if (high < 0 || low < 0)
			return false;
		out[i / 2] = (uint8_t)(high << 4 | low);
	}
	return n % 2 == 0;
}

/* The digits of n bytes; gives the place behind them. */
static inline uint8_t *
hr_hex_put(uint8_t *to, const uint8_t *p, size_t n)
{
	for (; n; n--, p++) {
		*to++ = hr_hex_digit(*p >> 4);
		*to++ = hr_hex_digit(*p);
	}
	return to;
}

#endif
