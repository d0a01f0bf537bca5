/* buf.c - the slow paths of growable bytes. */

#include "base/hr.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/buf.h"

void
hr_buf_grow(struct hr_buf *b, size_t more)
{
	size_t want = b->len + more;
	size_t cap = b->cap + b->cap / 2;

	if (cap < want)
		cap = want;
	if (cap < 64)
		cap = 64;
	b->data = hr_realloc(b->data, cap, 1);
	b->cap = cap;
}

void
hr_buf_clear(struct hr_buf *b)
{
	free(b->data);
	b->data = NULL;
	b->len = b->cap = 0;
}

void
hr_buf_printf(struct hr_buf *b, const char *fmt, ...)
{
	va_list ap;
	int n;

	hr_buf_need(b, 64);
	va_start(ap, fmt);
	n = vsnprintf((char *)b->data + b->len, b->cap - b->len, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	if ((size_t)n >= b->cap - b->len) {
		hr_buf_need(b, (size_t)n + 1);
		va_start(ap, fmt);
		vsnprintf((char *)b->data + b->len, b->cap - b->len, fmt, ap);
		va_end(ap);
	}
	b->len += (size_t)n;
}

const char *
hr_buf_text(struct hr_buf *b)
{
	hr_buf_need(b, 1);
	b->data[b->len] = '\0';
	return (const char *)b->data;
}

uint8_t *
hr_buf_take(struct hr_buf *b, size_t *len)
{
	uint8_t *p = b->data;

	if (len)
		*len = b->len;
	b->data = NULL;
	b->len = b->cap = 0;
	return p;
}
