/* rule_numeric - exact decimals, with PostgreSQL's results. */

#include "base/hr.h"

#include <math.h>
#include <stdlib.h>

#include "rule/numeric.h"
#include "tap.h"

static struct hr_scratch m;
static struct hr_buf b;

static struct hr_numeric
number(const char *s)
{
	struct hr_numeric x;

	if (!hr_numeric_parse(&x, s, strlen(s), &m))
		ok(false, "'%s' is a numeric", s);
	return x;
}

static const char *
text(const struct hr_numeric *x)
{
	hr_buf_reset(&b);
	hr_numeric_format(&b, x);
	return hr_buf_text(&b);
}

static void
parses(const char *s, const char *want)
{
	struct hr_numeric x;
	bool good = hr_numeric_parse(&x, s, strlen(s), &m);

	if (want == NULL)
		ok(!good, "'%s' is no numeric", s);
	else
		is(good ? text(&x) : NULL, want, s);
}

static void
counts(const char *left, char op, const char *right, const char *want)
{
	struct hr_numeric x = number(left), y = number(right);
	struct hr_err e = HR_ERR_INIT;
	char what[200];
	int rc;

	rc = op == '+' ? hr_numeric_add(&x, &x, &y, &m, &e) : op == '-' ? hr_numeric_sub(&x, &x, &y, &m, &e) :
	    op == '*' ? hr_numeric_mul(&x, &x, &y, &m, &e) : op == '/' ? hr_numeric_div(&x, &x, &y, &m, &e) :
	    hr_numeric_mod(&x, &x, &y, &m, &e);
	snprintf(what, sizeof(what), "%.60s %c %.60s", left, op, right);
	is(rc < 0 ? e.what : text(&x), want, what);
}

static void
rounds(const char *s, int scale, const char *rounded, const char *cut)
{
	struct hr_numeric x = number(s), y;
	char what[100];

	snprintf(what, sizeof(what), "%s to %d decimals", s, scale);
	hr_numeric_round(&y, &x, scale, &m);
	is(text(&y), rounded, what);
	hr_numeric_trunc(&y, &x, scale, &m);
	is(text(&y), cut, what);
}

static void
whole(const char *s, const char *floor, const char *ceil)
{
	struct hr_numeric x = number(s), y;

	hr_numeric_floor(&y, &x, &m);
	is(text(&y), floor, s);
	hr_numeric_ceil(&y, &x, &m);
	is(text(&y), ceil, s);
}

static void
ordered(void)
{
	static const char *const list[] = { "-Infinity", "-1e100", "-10001", "-10000", "-0.5", "-1e-50", "0",
	    "1e-50", "0.00009", "0.0001", "1", "9999", "10000", "1e100", "Infinity", "NaN" };
	size_t i, k;
	bool good = true;

	for (i = 0; i < HR_COUNT(list); i++)
		for (k = 0; k < HR_COUNT(list); k++) {
			struct hr_numeric x = number(list[i]), y = number(list[k]);
			int order = hr_numeric_cmp(&x, &y);

			good &= (order < 0) == (i < k) && (order > 0) == (i > k);
		}
	ok(good, "there is one order of all, NaN above");
}

static void
same_hash(const char *x, const char *y)
{
	struct hr_numeric a = number(x), c = number(y);

	ok(hr_numeric_cmp(&a, &c) == 0 && hr_numeric_hash(&a) == hr_numeric_hash(&c), "%s and %s are one", x, y);
}

static void
binary(const char *bytes, size_t n, const char *want, const char *what)
{
	struct hr_numeric x;
	bool good = hr_numeric_decode(&x, (const uint8_t *)bytes, n, &m);
	const uint8_t *again;
	size_t len;

	is(good ? text(&x) : NULL, want, what);
	if (good && want[0] != '0') {
		again = hr_numeric_encode(&x, &len, &m);
		ok(len == n && memcmp(again, bytes, n) == 0, "and back again");
	}
}

static void
integer(const char *s, bool fits, int64_t want)
{
	struct hr_numeric x = number(s);
	int64_t v = 0;

	ok(hr_numeric_to_int(&x, &v) == fits && (!fits || v == want), "%s as a bigint", s);
}

static void
of_float(double v, int digits, const char *want)
{
	struct hr_numeric x;

	hr_numeric_of_float(&x, v, digits, &m);
	is(text(&x), want, want);
}

static void
to_float(const char *s, double want)
{
	struct hr_numeric x = number(s);
	double v;

	ok(hr_numeric_to_float(&x, &v) && (v == want || (isnan(v) && isnan(want))), "%s as a double", s);
}

static void
fits(const char *s, int precision, int scale, const char *want)
{
	struct hr_numeric x = number(s);
	struct hr_err e = HR_ERR_INIT;
	int rc = hr_numeric_fit(&x, (precision << 16 | (scale & 0x7ff)) + 4, &m, &e);

	is(rc < 0 ? "overflow" : text(&x), want, s);
}

static uint64_t state = 88172645463325252;

static unsigned
random_below(unsigned n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned)(state >> 33) % n;
}

static struct hr_numeric
random_number(void)
{
	char s[80];
	size_t n = 1 + random_below(60), i, point = random_below(70);

	for (i = 0; i < n; i++)
		s[i] = random_below(3) ? (char)('0' + random_below(10)) : random_below(2) ? '9' : '0';
	if (point < n)
		s[point] = '.';
	s[n] = '\0';
	if (n == 1 && s[0] == '.')
		s[0] = '1';
	return number(s);
}

/* x = (x - x % y) / y * y + x % y, (x + y) - y = x, x * y / y = x, of the same sign and smaller. */
static void
consistent(void)
{
	struct hr_err e = HR_ERR_INIT;
	struct hr_numeric x, y, rest, all;
	int i, wrong = 0;

	for (i = 0; i < 20000; i++) {
		hr_scratch_reset(&m);
		x = random_number();
		y = random_number();
		if (y.digits == 0)
			continue;
		if (hr_numeric_mod(&rest, &x, &y, &m, &e) < 0 || hr_numeric_cmp(&rest, &y) >= 0 ||
		    hr_numeric_sub(&all, &x, &rest, &m, &e) < 0 || hr_numeric_div(&all, &all, &y, &m, &e) < 0)
			wrong++;
		hr_numeric_trunc(&all, &all, 0, &m);
		if (hr_numeric_mul(&all, &all, &y, &m, &e) < 0 || hr_numeric_add(&all, &all, &rest, &m, &e) < 0 ||
		    hr_numeric_cmp(&all, &x) != 0)
			wrong++;
		if (hr_numeric_add(&all, &x, &y, &m, &e) < 0 || hr_numeric_sub(&all, &all, &y, &m, &e) < 0 ||
		    hr_numeric_cmp(&all, &x) != 0)
			wrong++;
		if (hr_numeric_mul(&all, &x, &y, &m, &e) < 0 || hr_numeric_mod(&rest, &all, &y, &m, &e) < 0 ||
		    (x.scale == 0 && rest.digits != 0))
			wrong++;
	}
	is_number(wrong, 0, "sums, products, quotients and rests agree");
}

int
main(void)
{
	parses("0", "0");
	parses("-0", "0");
	parses(" +00012.3400 ", "12.3400");
	parses(".5", "0.5");
	parses("5.", "5");
	parses("1e3", "1000");
	parses("1.5e-3", "0.0015");
	parses("12345.678e2", "1234567.8");
	parses("1e-20", "0.00000000000000000001");
	parses("-123456789012345678901234567890.123", "-123456789012345678901234567890.123");
	parses("nan", "NaN");
	parses("-Inf", "-Infinity");
	parses("infinity", "Infinity");
	parses("0e5", "0");
	parses("10000", "10000");
	parses("", NULL);
	parses(".", NULL);
	parses("-", NULL);
	parses("1e", NULL);
	parses("1 2", NULL);
	parses("1.2.3", NULL);
	parses("0x1", NULL);
	parses("+nan", NULL);
	parses("1e200000", NULL);
	parses("1e-20000", NULL);
	parses("1e99999999999", NULL);

	counts("0.1", '+', "0.20", "0.30");
	counts("9999", '+', "1", "10000");
	counts("-9999.9999", '-', "0.0001", "-10000.0000");
	counts("1", '-', "1.00", "0.00");
	counts("1e-5", '-', "1", "-0.99999");
	counts("0.00", '*', "1.5", "0.000");
	counts("99999999", '*', "99999999", "9999999800000001");
	counts("1", '/', "3", "0.33333333333333333333");
	counts("2", '/', "3", "0.66666666666666666667");
	counts("10", '/', "2", "5.0000000000000000");
	counts("1", '/', "1e16", "0.000000000000000100000000000000000000");
	counts("-7", '/', "2.00", "-3.5000000000000000");
	counts("1e100", '/', "7", "142857142857142857142857142857142857142857142857142857142857142857142857142857142857"
	    "1428571428571429");
	counts("99980001", '/', "9999", "9999.0000000000000000");
	counts("10.5", '%', "3", "1.5");
	counts("-10.5", '%', "3", "-1.5");
	counts("10.5", '%', "-3.00", "1.50");
	counts("1e30", '%', "7.1", "5.8");
	counts("1", '/', "0", "division by zero");
	counts("1", '%', "0.00", "division by zero");
	counts("NaN", '/', "0", "NaN");
	counts("Infinity", '/', "0", "division by zero");
	counts("Infinity", '-', "Infinity", "NaN");
	counts("Infinity", '+', "-5", "Infinity");
	counts("Infinity", '*', "-2", "-Infinity");
	counts("Infinity", '*', "0", "NaN");
	counts("5", '/', "-Infinity", "0");
	counts("-Infinity", '/', "-2", "Infinity");
	counts("5", '%', "Infinity", "5");
	counts("Infinity", '%', "5", "NaN");
	counts("1e131071", '*', "10", "value overflows numeric format");

	rounds("2.5", 0, "3", "2");
	rounds("-2.5", 0, "-3", "-2");
	rounds("0.5", 0, "1", "0");
	rounds("0.49999", 0, "0", "0");
	rounds("9999.9999", 3, "10000.000", "9999.999");
	rounds("99995", -1, "100000", "99990");
	rounds("5000", -4, "10000", "0");
	rounds("4999", -4, "0", "0");
	rounds("4999", -5, "0", "0");
	rounds("1.5", 5, "1.50000", "1.50000");
	rounds("0.00005", 4, "0.0001", "0.0000");
	rounds("NaN", 2, "NaN", "NaN");
	rounds("-0.4", 0, "0", "0");
	whole("2.5", "2", "3");
	whole("-2.5", "-3", "-2");
	whole("-0.1", "-1", "0");
	whole("7.00", "7", "7");
	whole("Infinity", "Infinity", "Infinity");

	ordered();
	same_hash("1.50", "1.5");
	same_hash("0.00", "-0");
	same_hash("10000", "1e4");
	binary("\0\2\0\0\0\0\0\2\0\1\23\210", 12, "1.50", "one and a half");
	binary("\0\1\0\1\100\0\0\0\0\2", 10, "-20000", "twenty thousand, taken away");
	binary("\0\0\0\0\300\0\0\0", 8, "NaN", "NaN's bytes");
	binary("\0\0\0\0\320\0\0\0", 8, "Infinity", "infinity's bytes");
	binary("\0\2\0\0\0\0\0\0\0\0\0\0", 12, "0", "digits that are all 0");
	binary("\0\1\0\0\0\0\0\0\47\20", 10, NULL, "a digit of 10000 is none");
	binary("\0\2\0\0\0\0\0\0\0\1", 10, NULL, "a digit that is missing");
	binary("\0\0\0\0\20\0\0\0", 8, NULL, "an unknown sign");
	binary("\0\0\0\0\0\0\100\0", 8, NULL, "a scale beyond the last");
	binary("\0\0\0", 3, NULL, "too few bytes");

	integer("9223372036854775807", true, INT64_MAX);
	integer("9223372036854775807.4", true, INT64_MAX);
	integer("9223372036854775807.5", false, 0);
	integer("-9223372036854775808", true, INT64_MIN);
	integer("-9223372036854775809", false, 0);
	integer("2.5", true, 3);
	integer("-2.5", true, -3);
	integer("0.4", true, 0);
	integer("1e30", false, 0);
	of_float(0.1, 15, "0.1");
	of_float(1e20, 15, "100000000000000000000");
	of_float(1.0 / 3, 6, "0.333333");
	of_float(-INFINITY, 15, "-Infinity");
	of_float(NAN, 15, "NaN");
	to_float("0.1", 0.1);
	to_float("12345.67", 12345.67);
	to_float("-1e300", -1e300);
	to_float("123456789012345678901234567890", 123456789012345678901234567890.0);
	to_float("0.000000000000000000000000000000000001", 1e-36);
	to_float("NaN", NAN);
	fits("123.456", 5, 2, "123.46");
	fits("999.995", 5, 2, "overflow");
	fits("12345", 3, -2, "12300");
	fits("NaN", 3, 0, "NaN");
	fits("Infinity", 3, 0, "overflow");
	fits("0.00001", 2, 5, "0.00001");
	consistent();
	hr_scratch_clear(&m);
	hr_buf_clear(&b);
	return tap_done();
}
