/* base_float - floats as the text that PostgreSQL 15 wrote for them. */

#include "base/hr.h"

#include <stdlib.h>

#include "base/float.h"
#include "tap.h"

static struct hr_buf b;

static void
double_is(uint64_t bits, const char *want)
{
	hr_buf_reset(&b);
	hr_float8_format(&b, bits);
	is(hr_buf_text(&b), want, want);
}

static void
single_is(uint32_t bits, const char *want)
{
	hr_buf_reset(&b);
	hr_float4_format(&b, bits);
	is(hr_buf_text(&b), want, want);
}

/* Any bits are read back as what they were. */
static void
round_trips(void)
{
	uint64_t state = 88172645463325252u, bits;
	uint32_t half;
	int i, eights = 0, fours = 0;
	double v;
	float f;

	for (i = 0; i < 20000; i++) {
		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		hr_buf_reset(&b);
		hr_float8_format(&b, state);
		v = strtod(hr_buf_text(&b), NULL);
		memcpy(&bits, &v, 8);
		eights += bits == state || v != v;
		hr_buf_reset(&b);
		hr_float4_format(&b, (uint32_t)state);
		f = strtof(hr_buf_text(&b), NULL);
		memcpy(&half, &f, 4);
		fours += half == (uint32_t)state || f != f;
	}
	is_number(eights, 20000, "a float8 reads back as itself");
	is_number(fours, 20000, "so does a float4");
}

int
main(void)
{
	double_is(0, "0");
	double_is(UINT64_C(0x8000000000000000), "-0");
	double_is(UINT64_C(0x3fb999999999999a), "0.1");
	double_is(UINT64_C(0xbff8000000000000), "-1.5");
	double_is(UINT64_C(0x40091eb851eb851f), "3.14");
	double_is(UINT64_C(0x42d6bcc41e900000), "100000000000000");
	double_is(UINT64_C(0x430c6bf526340000), "1e+15");
	double_is(UINT64_C(0x43118b54f22aeb03), "1.2345678901234568e+15");
	double_is(UINT64_C(0x44b52d02c7e14af6), "9.999999999999999e+22");
	double_is(UINT64_C(0x3f1a36e2eb1c432d), "0.0001");
	double_is(UINT64_C(0x3ee4f8b588e368f1), "1e-05");
	double_is(1, "5e-324");
	double_is(UINT64_C(0x0010000000000000), "2.2250738585072014e-308");
	double_is(UINT64_C(0x7fefffffffffffff), "1.7976931348623157e+308");
	double_is(UINT64_C(0x4580000000000000), "6.189700196426902e+26");	/* a power of two */
	double_is(UINT64_C(0x436e4da99139568a), "6.8237119860683856e+16");	/* no halfway digits */
	double_is(UINT64_C(0x7ff0000000000000), "Infinity");
	double_is(UINT64_C(0xfff0000000000000), "-Infinity");
	double_is(UINT64_C(0x7ff8000000000000), "NaN");
	double_is(UINT64_C(0xfff8000000000000), "NaN");
	single_is(0x3dcccccd, "0.1");
	single_is(0x47f12000, "123456");
	single_is(0x49742400, "1e+06");
	single_is(0x7f7fffff, "3.4028235e+38");
	single_is(1, "1e-45");
	single_is(0x80000000, "-0");
	single_is(0x7f800000, "Infinity");
	single_is(0xff800000, "-Infinity");
	single_is(0x7fc00000, "NaN");
	round_trips();
	hr_buf_clear(&b);
	return tap_done();
}
