/* utf8.c - characters of text, and their case. */

#include "base/hr.h"

#include <pthread.h>
#include <wctype.h>

#include "rule/utf8.h"

static locale_t locale;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* Kept as long as the program lasts. */
static void
open_locale(void)
{
	locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
}

locale_t
hr_utf8_locale(void)
{
	pthread_once(&once, open_locale);
	return locale;
}

size_t
hr_utf8_length(const uint8_t *p, size_t n)
{
	size_t count = 0, i;

	for (i = 0; i < n; i += hr_utf8_size(p + i, n - i))
		count++;
	return count;
}

size_t
hr_utf8_bytes(const uint8_t *p, size_t n, size_t count)
{
	size_t i;

	for (i = 0; count && i < n; count--)
		i += hr_utf8_size(p + i, n - i);
	return i;
}

uint32_t
hr_utf8_get(const uint8_t *p, size_t n, size_t *size)
{
	uint32_t c;
	size_t i;

	*size = hr_utf8_size(p, n);
	if (*size == 1)
		return *p;
	c = *p & (0xffu >> (*size + 1));
	for (i = 1; i < *size; i++)
		c = c << 6 | (p[i] & 0x3f);
	return c;
}

size_t
hr_utf8_put(uint8_t *to, uint32_t c)
{
	size_t size = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4, i;

	if (size == 1) {
		to[0] = (uint8_t)c;
		return 1;
	}
	for (i = size - 1; i; i--, c >>= 6)
		to[i] = (uint8_t)(0x80 | (c & 0x3f));
	to[0] = (uint8_t)(0xf00 >> size | c);
	return size;
}

static uint32_t
change_case(uint32_t c, bool upper)
{
	if (c < 0x80)
		return upper ? (c >= 'a' && c <= 'z' ? c - 32 : c) : (c >= 'A' && c <= 'Z' ? c + 32 : c);
	if (hr_utf8_locale() == (locale_t)0)
		return c;
	return (uint32_t)(upper ? towupper_l((wint_t)c, locale) : towlower_l((wint_t)c, locale));
}

uint32_t
hr_utf8_lower(uint32_t c)
{
	return change_case(c, false);
}

const uint8_t *
hr_utf8_case(const uint8_t *p, size_t *n, bool upper, struct hr_scratch *m)
{
	uint8_t *to = hr_scratch_take(m, *n * 2 + 4), *at = to;
	size_t i = 0, size;

	/* A letter of 2 bytes can become one of 3, and no other grows more. */
	while (i < *n) {
		uint32_t c = hr_utf8_get(p + i, *n - i, &size), changed;

		changed = c < 0x80 || size > 1 ? change_case(c, upper) : c;
		if (changed == c) {
			memcpy(at, p + i, size);
			at += size;
		} else {
			at += hr_utf8_put(at, changed);
		}
		i += size;
	}
	*n = (size_t)(at - to);
	hr_scratch_trim(m, to, *n);
	return to;
}

int
hr_utf8_casecmp(const uint8_t *x, size_t nx, const uint8_t *y, size_t ny)
{
	size_t sx, sy;
	uint32_t a, b;

	while (nx && ny) {
		a = change_case(hr_utf8_get(x, nx, &sx), false);
		b = change_case(hr_utf8_get(y, ny, &sy), false);
		if (a != b)
			return a < b ? -1 : 1;
		x += sx;
		nx -= sx;
		y += sy;
		ny -= sy;
	}
	return (nx > 0) - (ny > 0);
}
