/*
 * utf8.h - characters of text, and their case.
 *
 * Case is what the system's locale C.UTF-8 says, that of ASCII letters where
 * there is no such locale.  Bytes that are no UTF-8 count as one character
 * each.
 */
#ifndef HR_UTF8_H
#define HR_UTF8_H

#include <locale.h>

#include "base/hr.h"
#include "rule/scratch.h"

/* C.UTF-8, or (locale_t)0. */
locale_t hr_utf8_locale(void);

/* The length in bytes of the character at p, of which n > 0 bytes are there. */
static inline size_t
hr_utf8_size(const uint8_t *p, size_t n)
{
	size_t size = *p < 0xc0 ? 1 : *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : 4;

	return size < n ? size : n;
}

size_t hr_utf8_length(const uint8_t *p, size_t n);	/* in characters */
/* How many bytes the first count characters are. */
size_t hr_utf8_bytes(const uint8_t *p, size_t n, size_t count);

/* A copy in upper or lower case; *n is its length. */
const uint8_t *hr_utf8_case(const uint8_t *p, size_t *n, bool upper, struct hr_scratch *m);
/* <0, 0, >0: both in lower case. */
int hr_utf8_casecmp(const uint8_t *x, size_t nx, const uint8_t *y, size_t ny);

/* A code point: its value and, through *size, its length; and back. */
uint32_t hr_utf8_get(const uint8_t *p, size_t n, size_t *size);
size_t hr_utf8_put(uint8_t *to, uint32_t c);		/* at most 4 bytes */
uint32_t hr_utf8_lower(uint32_t c);

#endif
