/* err.c - fill, wrap and hint errors; nothing here prints. */

#include "base/hr.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"

int
hr_fail(struct hr_err *e, enum hr_code code, const char *fmt, ...)
{
	va_list ap;

	hr_err_clear(e);
	e->code = code;
	va_start(ap, fmt);
	vsnprintf(e->what, sizeof(e->what), fmt, ap);
	va_end(ap);
	return -1;
}

int
hr_fail_sys(struct hr_err *e, const char *fmt, ...)
{
	int saved = errno;
	size_t n;
	va_list ap;

	hr_err_clear(e);
	e->code = HR_IO;
	va_start(ap, fmt);
	vsnprintf(e->what, sizeof(e->what), fmt, ap);
	va_end(ap);
	n = strlen(e->what);
	snprintf(e->what + n, sizeof(e->what) - n, ": %s", strerror(saved));
	if (saved == ENOSPC || saved == EDQUOT)
		hr_hint(e, "free some space and start again");
	errno = saved;
	return -1;
}

int
hr_within(struct hr_err *e, const char *fmt, ...)
{
	char front[sizeof(e->what)];
	char both[sizeof(front) + sizeof(e->what) + 3];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(front, sizeof(front), fmt, ap);
	va_end(ap);
	snprintf(both, sizeof(both), "%s: %s", front, e->what);
	both[sizeof(e->what) - 1] = '\0';
	memcpy(e->what, both, strlen(both) + 1);
	return -1;
}

int
hr_hint(struct hr_err *e, const char *fmt, ...)
{
	va_list ap;

	if (e->hint[0] == '\0') {
		va_start(ap, fmt);
		vsnprintf(e->hint, sizeof(e->hint), fmt, ap);
		va_end(ap);
	}
	return -1;
}

int
hr_fail_mem(struct hr_err *e)
{
	return hr_fail(e, HR_TEMPORARY, "out of memory");
}

void
hr_err_clear(struct hr_err *e)
{
	e->code = HR_OK;
	e->sqlstate[0] = e->what[0] = e->hint[0] = e->detail[0] = '\0';
}
