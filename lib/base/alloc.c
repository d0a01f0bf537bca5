/* alloc.c - allocate or stop with status 75. */

#include "base/hr.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/log.h"

static void *
must(void *p, size_t size)
{
	if (p == NULL && size != 0) {
		hr_log(HR_LOG_ERROR, "out of memory: %zu bytes asked for", size);
		_exit(HR_TEMPORARY);
	}
	return p;
}

void *
hr_alloc(size_t size)
{
	return must(malloc(size ? size : 1), size);
}

void *
hr_zalloc(size_t size)
{
	return must(calloc(1, size ? size : 1), size);
}

void *
hr_realloc(void *p, size_t n, size_t size)
{
	size_t all;

	if (__builtin_mul_overflow(n, size, &all))
		return must(NULL, SIZE_MAX);
	return must(realloc(p, all ? all : 1), all);
}

char *
hr_strdup(const char *s)
{
	return s == NULL ? NULL : hr_memdup(s, strlen(s));
}

void *
hr_memdup(const void *p, size_t n)
{
	char *d = hr_alloc(n + 1);

	if (n)
		memcpy(d, p, n);
	d[n] = '\0';
	return d;
}

char *
hr_sprintf(const char *fmt, ...)
{
	char *s = NULL;
	int n;
	va_list ap;

	va_start(ap, fmt);
	n = vasprintf(&s, fmt, ap);
	va_end(ap);
	return must(n < 0 ? NULL : s, 1);
}
