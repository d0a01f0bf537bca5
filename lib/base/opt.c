/* opt.c - option values, usage, misuse. */

#include "base/hr.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "base/log.h"
#include "base/opt.h"

int
hr_opt_help(const char *usage)
{
	fputs(usage, stdout);
	return fflush(stdout) == 0 ? 0 : HR_IO;
}

int
hr_opt_version(void)
{
	printf("%s (hr) %s\n", hr_name_get(), HR_VERSION);
	return fflush(stdout) == 0 ? 0 : HR_IO;
}

int
hr_opt_misuse(const char *usage, const char *fmt, ...)
{
	struct hr_err e = HR_ERR_INIT;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(e.what, sizeof(e.what), fmt, ap);
	va_end(ap);
	if (e.what[0])
		hr_log_err(HR_LOG_ERROR, &e);
	fputs(usage, stderr);
	return HR_USAGE;
}

int
hr_opt_int(const char *text, int64_t low, int64_t high, int64_t *value)
{
	char *end;
	long long v;

	errno = 0;
	v = strtoll(text, &end, 10);
	if (errno || end == text || *end || v < low || v > high)
		return -1;
	*value = v;
	return 0;
}

int
hr_opt_size(const char *text, uint64_t *bytes)
{
	static const struct { const char *unit; int shift; } unit[] = {
		{ "", 0 }, { "B", 0 }, { "kB", 10 }, { "MB", 20 }, { "GB", 30 }, { "TB", 40 },
	};
	char *end;
	unsigned long long v;
	size_t i;

	errno = 0;
	v = strtoull(text, &end, 10);
	if (errno || end == text || text[0] == '-')
		return -1;
	while (*end == ' ')
		end++;
	for (i = 0; i < HR_COUNT(unit); i++)
		if (strcasecmp(end, unit[i].unit) == 0) {
			if (v > UINT64_MAX >> unit[i].shift)
				return -1;
			*bytes = (uint64_t)v << unit[i].shift;
			return 0;
		}
	return -1;
}
