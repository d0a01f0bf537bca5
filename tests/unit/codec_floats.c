/* codec_floats - floats and numerics come back bit for bit. */

#include "base/hr.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/float.h"
#include "codec/decimal.h"
#include "codec/floats.h"
#include "codec.h"
#include "tap.h"

/* By ALP, where it takes them, and by planes. */
static bool
same(const uint64_t *v, size_t n, unsigned width, bool *alp)
{
	uint64_t *back = calloc(n + 1, sizeof(*back));
	bool good = true;
	int way;

	for (way = 0; way < 2; way++) {
		codec_begin();
		if (way == 0 && !(*alp = hr_alp_encode(&enc, v, n, width, NULL, NULL, NULL, NULL))) {
			good = good && codec_size() == 0;
			continue;
		}
		if (way == 1)
			hr_planes_encode(&enc, v, n, width);
		codec_turn(n * 64 + (1 << 16));
		good = good && (way == 0 ? hr_alp_decode(&dec, back, n, width, NULL, NULL) :
		    hr_planes_decode(&dec, back, n, width)) == 0 && codec_used() && memcmp(v, back, n * sizeof(*v)) == 0;
	}
	free(back);
	return good;
}

static bool
decimal(const char *hex, int64_t integer, unsigned decimals)
{
	uint8_t bytes[64], back[HR_DECIMAL_BYTES];
	unsigned byte, got;
	int64_t is_integer;
	size_t n;

	for (n = 0; sscanf(hex + 2 * n, "%2x", &byte) == 1; n++)
		bytes[n] = (uint8_t)byte;
	return hr_decimal_parse(bytes, n, &is_integer, &got) && is_integer == integer && got == decimals &&
	    hr_decimal_format(integer, decimals, back) == n && memcmp(bytes, back, n) == 0;
}

int
main(void)
{
	static const size_t size[] = { 0, 1, 2, 3, 64, 65, 1000 };
	static const double odd[] = { 0.0, -0.0, 1e308, -1e308, 5e-324, 0.1, -12.34, 1e15, 9007199254740993.0 };
	uint64_t v[1000];
	size_t s, i, k;
	bool alp;

	for (s = 0; s < HR_COUNT(size); s++) {
		size_t n = size[s];

		for (i = 0; i < n; i++)
			v[i] = hr_float8_bits(((double)(rnd() % 20000) - 5000) / 100);
		ok(same(v, n, 8, &alp) && (alp || n == 0), "%zu decimals", n);
		for (i = 0; i < n; i++)
			v[i] = hr_float4_bits((float)((double)(rnd() % 20000) / 10 - 50));
		ok(same(v, n, 4, &alp) && (alp || n == 0), "%zu decimals of single precision", n);
		for (i = 0; i < n; i++)
			v[i] = rnd();
		ok(same(v, n, 8, &alp), "%zu of any bits, payloads of NaN among them", n);
		for (i = 0; i < n; i++)
			v[i] = rnd() & UINT32_MAX;
		ok(same(v, n, 4, &alp), "%zu of any bits of single precision", n);
		for (i = 0; i < n; i++)
			v[i] = i % 10 == 3 ? UINT64_C(0x7ff8000000000001) + rnd() % 9 : i % 10 == 4 ?
			    UINT64_C(0xfff0000000000000) : hr_float8_bits((double)i / 8);
		ok(same(v, n, 8, &alp), "%zu decimals, NaN and infinity", n);
		for (i = 0; i < n; i++)
			v[i] = hr_float8_bits(odd[rnd() % HR_COUNT(odd)]);
		ok(same(v, n, 8, &alp), "%zu odd ones", n);
	}
	ok(decimal("0000000000000000", 0, 0), "0");
	ok(decimal("0000000000000002", 0, 2), "0.00");
	ok(decimal("000200000000000200011388", 150, 2), "1.50");
	ok(decimal("0001000040000000002a", -42, 0), "-42");
	ok(decimal("0001ffff000000040001", 1, 4), "0.0001");
	ok(decimal("00010001000000000001", 10000, 0), "10000");
	/* NaN; a digit too many; a leading zero; a trailing one; decimals beyond; too large */
	ok(!decimal("00000000c0000000", 0, 0), "NaN is none");
	ok(!decimal("000200000000000000011388", 1, 0), "digits behind the decimals are none");
	ok(!decimal("000200010000000000000001", 1, 0), "a leading zero is none");
	ok(!decimal("000200000000000400010000", 10000, 4), "a trailing zero is none");
	ok(!decimal("0000000000000013", 0, 19), "19 decimals are none");
	ok(!decimal("00010005000000000001", 0, 0), "10^20 is none");
	ok(!decimal("0001000000002000", 0, 0), "a cut one is none");
	for (i = k = 0; i < 200000; i++) {
		uint8_t bytes[HR_DECIMAL_BYTES], back[HR_DECIMAL_BYTES];
		int64_t integer = (int64_t)(rnd() >> rnd() % 64), got;
		unsigned decimals = (unsigned)(rnd() % 19), behind;
		size_t n;

		if (rnd() % 2)
			integer = -integer;
		n = hr_decimal_format(integer, decimals, bytes);
		if (hr_decimal_parse(bytes, n, &got, &behind))
			k += got != integer || behind != decimals || hr_decimal_format(got, behind, back) != n;
	}
	ok(k == 0, "random numerics");
	codec_clear();
	return tap_done();
}
