/* rule_general - ranges, groups, prefixes, units of time, and noise. */

#include "base/hr.h"

#include <math.h>
#include <stdlib.h>

#include "base/clock.h"
#include "rule/general.h"
#include "tap.h"

static struct hr_buf b;

static void
range(int64_t value, int64_t width, int64_t origin, const char *want)
{
	hr_buf_reset(&b);
	hr_general_range(value, width, origin, &b);
	is(hr_buf_text(&b), want, want);
}

static void
ranges(void)
{
	range(17, 10, 0, "10-19");
	range(10, 10, 0, "10-19");
	range(19, 10, 0, "10-19");
	range(0, 10, 0, "0-9");
	range(-1, 10, 0, "-10--1");
	range(-10, 10, 0, "-10--1");
	range(17, 10, 5, "15-24");
	range(14, 10, 5, "5-14");
	range(17, 1, 0, "17");
	range(INT64_MAX, 1000, 0, "9223372036854775000-9223372036854775807");
	range(INT64_MIN, 1000, 0, "-9223372036854775808--9223372036854775001");
	range(INT64_MIN, INT64_MAX, INT64_MAX, "-9223372036854775808--9223372036854775808") ;
	ok(hr_general_floor(INT64_MIN, 10, INT64_MAX) <= INT64_MIN + 9, "an origin far away");
	ok(hr_general_floor_float(17.5, 10, 0) == 10 && hr_general_floor_float(-0.5, 0.25, 0) == -0.5 &&
	    hr_general_floor_float(-0.1, 10, 5) == -5, "floats");
	ok(isnan(hr_general_floor_float(NAN, 10, 0)) && isinf(hr_general_floor_float(-INFINITY, 10, 0)),
	    "those that are no numbers stay");
}

static void
age(int64_t years, const int *bound, size_t n, const char *want)
{
	char what[64];

	hr_buf_reset(&b);
	hr_general_age(years, bound, n, &b);
	snprintf(what, sizeof(what), "at %" PRId64 ": %s", years, want);
	is(hr_buf_text(&b), want, what);
}

static void
ages(void)
{
	static const int bound[] = { 18, 30, 65 };

	age(0, bound, 3, "0-17");
	age(17, bound, 3, "0-17");
	age(18, bound, 3, "18-29");
	age(64, bound, 3, "30-64");
	age(65, bound, 3, "65+");
	age(INT64_MAX, bound, 3, "65+");
	age(-1, bound, 3, "<0");
	age(0, NULL, 0, "0-4");
	age(37, NULL, 0, "35-39");
	age(84, NULL, 0, "80-84");
	age(85, NULL, 0, "85+");
}

static void
first(const char *text, size_t n, const char *want, const char *what)
{
	hr_buf_reset(&b);
	hr_general_first(text, strlen(text), n, &b);
	is(hr_buf_text(&b), want, what);
}

static void
firsts(void)
{
	first("abcdef", 3, "abc", "three characters");
	first("ab", 3, "ab", "of two");
	first("abc", 0, "", "none");
	first("", 3, "", "of nothing");
	first("\u00fcber", 1, "\u00fc", "one of two bytes");
	first("\u6f22\u5b57\U0001f600x", 3, "\u6f22\u5b57\U0001f600", "of three and four");
	first("\377\303x", 2, "\377\303", "what is not UTF-8 is a character a byte");
	first("a\303", 5, "a\303", "a cut one too");
}

/* The time's beginning of its unit, as text. */
static void
begins(const char *unit, int64_t us, const char *want)
{
	enum hr_general_unit u;
	char text[HR_TIME_TEXT], what[64];

	snprintf(what, sizeof(what), "%s %s", unit, want);
	if (!hr_general_unit_parse(unit, &u))
		abort();
	is(hr_time_format(text, hr_general_time(us, u)), want, what);
}

static void
times(void)
{
	const int64_t day_us = INT64_C(86400000000), us = INT64_C(839927411123456);	/* 2026-08-13 09:xx */
	enum hr_general_unit u;
	int32_t day, least = INT32_MAX;
	bool good = true;

	begins("hour", us, "2026-08-13T09:00:00.000000Z");
	begins("day", us, "2026-08-13T00:00:00.000000Z");
	begins("week", us, "2026-08-10T00:00:00.000000Z");
	begins("month", us, "2026-08-01T00:00:00.000000Z");
	begins("quarter", us, "2026-07-01T00:00:00.000000Z");
	begins("year", us, "2026-01-01T00:00:00.000000Z");
	begins("decade", us, "2020-01-01T00:00:00.000000Z");
	begins("day", -1, "1999-12-31T00:00:00.000000Z");
	begins("week", 0, "1999-12-27T00:00:00.000000Z");
	begins("month", -1, "1999-12-01T00:00:00.000000Z");
	begins("year", 0, "2000-01-01T00:00:00.000000Z");
	begins("year", -1, "1999-01-01T00:00:00.000000Z");
	begins("month", INT64_C(5184000000000) - 1, "2000-02-01T00:00:00.000000Z");
	begins("month", INT64_C(5184000000000), "2000-03-01T00:00:00.000000Z");
	ok(!hr_general_unit_parse("century", &u), "another word is no unit");
	ok(hr_general_time(INT64_MAX, HR_GENERAL_YEAR) == INT64_MAX &&
	    hr_general_time(INT64_MIN, HR_GENERAL_YEAR) == INT64_MIN &&
	    hr_general_date(INT32_MAX, HR_GENERAL_YEAR) == INT32_MAX &&
	    hr_general_date(INT32_MIN, HR_GENERAL_YEAR) == INT32_MIN, "infinities stay");
	for (day = -2451545; day < 3000000; day += 13)
		for (u = HR_GENERAL_HOUR; u <= HR_GENERAL_DECADE; u++) {
			least = hr_general_date(day, u);
			good &= least <= day && day - least < 3654 && hr_general_date(least, u) == least;
			good &= hr_general_time(day * day_us + 12345, u) / day_us == (u == HR_GENERAL_HOUR ? day : least);
		}
	ok(good, "what has begun stays, and dates are as times");
	ok(hr_general_date(-2451545, HR_GENERAL_YEAR) == -2451545, "nothing begins before the first day");
}

static void
address(const uint8_t *in, size_t n, unsigned bits, const uint8_t *want, const char *what)
{
	uint8_t a[16];

	memcpy(a, in, n);
	hr_general_address(a, n, bits);
	ok(memcmp(a, want, n) == 0, "%s", what);
}

static void
addresses(void)
{
	static const uint8_t four[] = { 192, 168, 171, 205 }, all[4] = { 192, 168, 171, 205 }, none[16] = { 0 },
	    to20[] = { 192, 168, 160, 0 }, to24[] = { 192, 168, 171, 0 },
	    six[] = { 0x20, 1, 0xd, 0xb8, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4, 5, 6, 7, 8 },
	    to36[16] = { 0x20, 1, 0xd, 0xb8, 0xf0 };

	address(four, 4, 24, to24, "24 bits");
	address(four, 4, 20, to20, "20 bits");
	address(four, 4, 32, all, "all");
	address(four, 4, 99, all, "more than all");
	address(four, 4, 0, none, "none");
	address(six, 16, 36, to36, "36 bits of IPv6");
}

static void
noise(void)
{
	struct hr_key k = HR_KEY_INIT;
	struct hr_digest d = HR_DIGEST_INIT;
	double sum = 0, far = 0, by, least = 0, most = 0;
	int i, tails = 0;

	hr_key_set(&k, "0123456789abcdef", 16);
	hr_digest_derive(&d, &k, "noise", "t.c");
	for (i = 0; i < 20000; i++) {
		by = hr_noise(&d, HR_NOISE_UNIFORM, 10, &i, sizeof(i));
		sum += by;
		least = fmin(least, by);
		most = fmax(most, by);
	}
	ok(fabs(sum / i) < 0.2 && least < -9.9 && most > 9.9 && least >= -10 && most <= 10,
	    "uniform noise: mean %g, from %g to %g", sum / i, least, most);
	for (i = 0, sum = 0; i < 20000; i++) {
		by = hr_noise(&d, HR_NOISE_LAPLACE, 10, &i, sizeof(i));
		sum += by;
		far += fabs(by);
		tails += fabs(by) > 30;
	}
	ok(fabs(sum / i) < 0.5 && fabs(far / i - 10) < 0.3, "Laplace's: mean %g, mean distance %g", sum / i, far / i);
	ok(tails > 850 && tails < 1150, "one in twenty is beyond three scales: %d of 20000", tails);
	ok(hr_noise_int(&d, HR_NOISE_UNIFORM, 1000, 42, INT64_MIN, INT64_MAX) ==
	    hr_noise_int(&d, HR_NOISE_UNIFORM, 1000, 42, INT64_MIN, INT64_MAX), "equal values move equally");
	ok(hr_noise_int(&d, HR_NOISE_UNIFORM, 0, 42, INT64_MIN, INT64_MAX) == 42, "of no scale not at all");
	for (i = 0, tails = 0; i < 1000; i++) {
		tails += hr_noise_int(&d, HR_NOISE_LAPLACE, 50, i % 100, 0, 99) < 0;
		tails += hr_noise_int(&d, HR_NOISE_LAPLACE, 50, i % 100, 0, 99) > 99;
		by = hr_noise_float(&d, HR_NOISE_LAPLACE, 50, i / 10.0, 0, 99);
		tails += by < 0 || by > 99;
	}
	ok(tails == 0, "never beyond the bounds");
	for (i = 0; i < 100; i++) {
		(void)!hr_noise_int(&d, HR_NOISE_LAPLACE, 1e300, INT64_MAX - i, INT64_MIN, INT64_MAX);
		(void)!hr_noise_int(&d, HR_NOISE_UNIFORM, 1e18, INT64_MIN + i, INT64_MIN, INT64_MAX);
	}
	ok(isnan(hr_noise_float(&d, HR_NOISE_UNIFORM, 1, NAN, 0, 1)) &&
	    isinf(hr_noise_float(&d, HR_NOISE_UNIFORM, 1, INFINITY, 0, 1)), "what is no number stays");
	ok(hr_noise_float(&d, HR_NOISE_UNIFORM, 1, -0.0, -9, 9) == hr_noise_float(&d, HR_NOISE_UNIFORM, 1, 0, -9, 9),
	    "zeros move alike");
	hr_digest_clear(&d);
}

int
main(void)
{
	ranges();
	ages();
	firsts();
	times();
	addresses();
	noise();
	hr_buf_clear(&b);
	return tap_done();
}
