/* rule_sketch - different values are counted within three standard errors. */

#include "base/hr.h"

#include <math.h>
#include <stdlib.h>

#include "base/hash.h"
#include "rule/sketch.h"
#include "tap.h"

#define ERROR	(1.04 / 64)

static void
count(uint64_t seed, int64_t values)
{
	struct hr_sketch s = HR_SKETCH_INIT;
	double off;
	int64_t i, pass;

	for (pass = 0; pass < 2; pass++)
		for (i = 0; i < values; i++) {
			uint64_t v[2] = { seed, (uint64_t)i };

			hr_sketch_add(&s, hr_hash(v, sizeof(v)));
		}
	off = (double)(hr_sketch_count(&s) - values) / (double)values;
	ok(fabs(off) <= 3 * ERROR, "%" PRId64 " values: %+.2f %%", values, 100 * off);
	if (values <= HR_SKETCH_SPARSE)
		ok(hr_sketch_count(&s) == values, "few are exact");
	hr_sketch_clear(&s);
}

/* The mean of many is nearer than one may be: the estimator leans to no side. */
static void
lean(int64_t values)
{
	double sum = 0, squares = 0;
	int64_t i, seed, runs = 60;

	for (seed = 0; seed < runs; seed++) {
		struct hr_sketch s = HR_SKETCH_INIT;
		double off;

		for (i = 0; i < values; i++) {
			int64_t v[2] = { seed * 7919, i };

			hr_sketch_add(&s, hr_hash(v, sizeof(v)));
		}
		off = (double)(hr_sketch_count(&s) - values) / (double)values;
		sum += off;
		squares += off * off;
		hr_sketch_clear(&s);
	}
	sum /= (double)runs;
	squares /= (double)runs;
	ok(sum * sum < 9 * ERROR * ERROR / (double)runs, "%" PRId64 " values: mean %+.3f %%", values,
	    100 * sum);
	ok(squares < 2 * ERROR * ERROR, "with %.2f times the variance", squares / ERROR / ERROR);
}

static void
bytes(int values)
{
	struct hr_sketch s = HR_SKETCH_INIT, t;
	struct hr_buf b = HR_BUF_INIT;
	struct hr_cur c;
	bool good = true;
	int64_t i;

	for (i = 0; i < values; i++)
		hr_sketch_add(&s, hr_hash(&i, sizeof(i)));
	hr_sketch_encode(&s, &b);
	c = hr_cur(b.data, b.len);
	ok(hr_sketch_decode(&t, &c) && hr_sketch_count(&s) == hr_sketch_count(&t), "%d are the same after bytes", values);
	for (i = 0; i < values; i++)
		hr_sketch_add(&t, hr_hash(&i, sizeof(i)));
	ok(hr_sketch_count(&s) == hr_sketch_count(&t), "and the same values add nothing");
	hr_sketch_clear(&t);
	for (i = 0; i < (int64_t)b.len; i++) {
		c = hr_cur(b.data, (size_t)i);
		good &= !hr_sketch_decode(&t, &c);
	}
	ok(good, "cut bytes are none");
	b.data[2] = 0xff;
	c = hr_cur(b.data, b.len);
	ok(values == 0 || !hr_sketch_decode(&t, &c), "nor is a rank that cannot be");
	hr_sketch_clear(&s);
	hr_buf_clear(&b);
}

int
main(void)
{
	struct hr_sketch s = HR_SKETCH_INIT;
	int64_t n;
	uint64_t seed;

	ok(hr_sketch_count(&s) == 0, "nothing is 0");
	ok(hr_sketch_size(&s) == 0, "and takes no memory");
	for (n = 100; n <= 1000000; n *= 10)
		for (seed = 1; seed <= 3; seed++)
			count(seed, n);
	count(9, HR_SKETCH_SPARSE);
	count(9, HR_SKETCH_SPARSE + 1);
	lean(1000);
	lean(5000);
	lean(12000);
	lean(50000);
	bytes(0);
	bytes(10);
	bytes(100000);
	return tap_done();
}
