/* tap.h - the few lines that print TAP; include it once a program. */
#ifndef TAP_H
#define TAP_H

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static int tap_count, tap_failed;

static void ok(bool good, const char *fmt, ...) __attribute__((format(printf, 2, 3), unused));
static void
ok(bool good, const char *fmt, ...)
{
	va_list ap;

	tap_failed += !good;
	printf("%sok %d - ", good ? "" : "not ", ++tap_count);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
}

/* Are two strings the same?  NULL is one of its own. */
static void is(const char *got, const char *want, const char *what) __attribute__((unused));
static void
is(const char *got, const char *want, const char *what)
{
	bool same = got == want || (got && want && strcmp(got, want) == 0);

	ok(same, "%s", what);
	if (!same)
		printf("#  got: %s\n# want: %s\n", got ? got : "NULL", want ? want : "NULL");
}

static void is_number(int64_t got, int64_t want, const char *what) __attribute__((unused));
static void
is_number(int64_t got, int64_t want, const char *what)
{
	ok(got == want, "%s", what);
	if (got != want)
		printf("#  got: %" PRId64 "\n# want: %" PRId64 "\n", got, want);
}

/* The plan, and what main returns. */
static int
tap_done(void)
{
	printf("1..%d\n", tap_count);
	return tap_failed != 0;
}

#endif
