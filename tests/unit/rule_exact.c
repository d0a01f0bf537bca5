/* rule_exact - sums have nothing left of what was taken away, and are rounded once. */

#include "base/hr.h"

#include <math.h>
#include <stdlib.h>

#include "rule/exact.h"
#include "tap.h"

static struct hr_scratch m;

static void
put(struct hr_exact *x, const char *text, int sign)
{
	struct hr_numeric v;

	if (!hr_numeric_parse(&v, text, strlen(text), &m))
		abort();
	hr_exact_numeric(x, &v, sign);
}

static void
sum_is(const struct hr_exact *x, const char *want, const char *what)
{
	struct hr_err e = HR_ERR_INIT;
	struct hr_buf b = HR_BUF_INIT;
	struct hr_numeric v;

	if (hr_exact_to_numeric(x, &v, &m, &e) == 0)
		hr_numeric_format(&b, &v);
	is(e.code ? e.what : hr_buf_text(&b), want, what);
	hr_buf_clear(&b);
}

static void
numerics(void)
{
	struct hr_exact x = HR_EXACT_INIT;

	sum_is(&x, "0", "nothing is 0");
	put(&x, "1.50", 1);
	put(&x, "0.005", 1);
	sum_is(&x, "1.505", "decimals are kept");
	put(&x, "0.005", -1);
	sum_is(&x, "1.50", "and the scale goes with the value that had it");
	put(&x, "-99999999999999999999.25", 1);
	sum_is(&x, "-99999999999999999997.75", "a sum becomes negative");
	put(&x, "-99999999999999999999.25", -1);
	put(&x, "1.50", -1);
	sum_is(&x, "0", "and nothing is left of it");
	put(&x, "1e500", 1);
	put(&x, "1e-500", 1);
	put(&x, "1e500", -1);
	put(&x, "1e-500", -1);
	sum_is(&x, "0", "of far ones neither");
	put(&x, "NaN", 1);
	put(&x, "2", 1);
	sum_is(&x, "NaN", "NaN hides the rest");
	put(&x, "NaN", -1);
	put(&x, "Infinity", 1);
	sum_is(&x, "Infinity", "so does an infinity");
	put(&x, "-Infinity", 1);
	sum_is(&x, "NaN", "both make NaN");
	put(&x, "Infinity", -1);
	sum_is(&x, "-Infinity", "and the other stays");
	put(&x, "-Infinity", -1);
	sum_is(&x, "2", "until it goes");
	hr_exact_clear(&x);
}

/* Against hr_numeric_add(), and through bytes. */
static void
random_numerics(void)
{
	struct hr_exact x = HR_EXACT_INIT, y;
	struct hr_err e = HR_ERR_INIT;
	struct hr_buf b = HR_BUF_INIT, got = HR_BUF_INIT;
	struct hr_numeric v, want, sum;
	bool good = true;
	struct hr_cur c;
	char text[64];
	int i;

	hr_numeric_of_int(&want, 0, &m);
	for (i = 0; i < 2000 && good; i++) {
		int sign = random() % 3 ? 1 : -1;

		snprintf(text, sizeof(text), "%s%ld.%0*ld", random() % 2 ? "-" : "", random() % (1L << random() % 31),
		    2 + (int)(random() % 9), random() % 100);
		good = hr_numeric_parse(&v, text, strlen(text), &m);
		hr_exact_numeric(&x, &v, sign);
		good &= (sign > 0 ? hr_numeric_add(&want, &want, &v, &m, &e) : hr_numeric_sub(&want, &want, &v, &m, &e)) == 0;
		hr_buf_reset(&b);
		hr_exact_encode(&x, &b);
		hr_exact_clear(&x);
		c = hr_cur(b.data, b.len);
		good &= hr_exact_decode(&y, false, &c) && hr_cur_left(&c) == 0;
		x = y;
		good &= hr_exact_to_numeric(&x, &sum, &m, &e) == 0 && hr_numeric_cmp(&sum, &want) == 0;
	}
	ok(good, "a sum is that of adding one by one, after bytes too");
	hr_exact_clear(&x);
	hr_buf_clear(&b);
	hr_buf_clear(&got);
}

static void
float_is(const struct hr_exact *x, double want, const char *what)
{
	double got = hr_exact_to_float(x);

	ok(got == want || (isnan(got) && isnan(want)), "%s", what);
	if (got != want && !(isnan(got) && isnan(want)))
		printf("#  got: %.17g\n# want: %.17g\n", got, want);
}

static void
floats(void)
{
	struct hr_exact x = HR_EXACT_INIT;
	double v[100];
	int i;

	float_is(&x, 0, "no float is 0");
	for (i = 0; i < 10; i++)
		hr_exact_float(&x, 0.1, 1);
	float_is(&x, 1.0, "ten tenths are one, as they are not when each is rounded");
	hr_exact_float(&x, 1e308, 1);
	hr_exact_float(&x, 1e308, 1);
	float_is(&x, (double)INFINITY, "what is too large is infinite");
	hr_exact_float(&x, 1e308, -1);
	hr_exact_float(&x, 1e308, -1);
	float_is(&x, 1.0, "and comes back");
	for (i = 0; i < 10; i++)
		hr_exact_float(&x, 0.1, -1);
	float_is(&x, 0, "nothing is left");
	hr_exact_float(&x, 5e-324, 1);
	float_is(&x, 5e-324, "the smallest is itself");
	hr_exact_float(&x, 1.7976931348623157e308, -1);
	float_is(&x, -1.7976931348623157e308, "beside the largest it is nothing");
	hr_exact_float(&x, 1.7976931348623157e308, 1);
	float_is(&x, 5e-324, "and is there again without it");
	hr_exact_float(&x, 5e-324, -1);
	hr_exact_float(&x, 9007199254740992.0, 1);
	hr_exact_float(&x, 1.0, 1);
	float_is(&x, 9007199254740992.0, "halves are rounded to even");
	hr_exact_float(&x, 5e-324, 1);
	float_is(&x, 9007199254740994.0, "and the least more is up");
	hr_exact_clear(&x);
	for (i = 0; i < 100; i++)
		hr_exact_float(&x, v[i] = ldexp((double)random() - 1e9, (int)(random() % 200) - 100), 1);
	for (i = 99; i >= 0; i -= 2)
		hr_exact_float(&x, v[i], -1);
	for (i = 0; i < 98; i += 2)
		hr_exact_float(&x, v[i], -1);
	float_is(&x, v[98], "the last of a hundred that went is exact");
	hr_exact_float(&x, (double)NAN, 1);
	float_is(&x, (double)NAN, "NaN");
	hr_exact_float(&x, (double)NAN, -1);
	hr_exact_float(&x, -(double)INFINITY, 1);
	float_is(&x, -(double)INFINITY, "an infinity");
	hr_exact_clear(&x);
}

/* As if 2^30 values had come. */
static void
carries(void)
{
	struct hr_exact x = HR_EXACT_INIT;
	int i;

	for (i = 0; i < 6; i++) {
		x.added = (1u << 30) - 1;
		put(&x, "-99999999.5", 1);
	}
	sum_is(&x, "-599999997.0", "carries change nothing");
	ok(x.limbs < 6, "and need few limbs");
	hr_exact_clear(&x);
	for (i = 0; i < 6; i++) {
		x.added = (1u << 30) - 1;
		hr_exact_float(&x, -1e10, 1);
	}
	float_is(&x, -6e10, "nor in floats");
	hr_exact_clear(&x);
}

static void
bytes(void)
{
	struct hr_exact x = HR_EXACT_INIT, y;
	struct hr_buf b = HR_BUF_INIT;
	struct hr_cur c;
	bool good = true;
	size_t i;

	put(&x, "12345.678", 1);
	hr_exact_encode(&x, &b);
	for (i = 0; i < b.len; i++) {
		c = hr_cur(b.data, i);
		good &= !hr_exact_decode(&y, false, &c);
	}
	ok(good, "a sum that is cut is none");
	hr_set_u32le(b.data + 4, UINT32_MAX);
	c = hr_cur(b.data, b.len);
	ok(!hr_exact_decode(&y, false, &c), "nor is one with more limbs than bytes");
	hr_exact_clear(&x);
	hr_buf_clear(&b);
}

int
main(void)
{
	numerics();
	random_numerics();
	floats();
	carries();
	bytes();
	hr_scratch_clear(&m);
	return tap_done();
}
