/* rule_ff1 - NIST's samples, and that both ways are one bijection. */

#include "base/hr.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "rule/ff1.h"
#include "tap.h"

static const char letters[] = "0123456789abcdefghijklmnopqrstuvwxyz";
static const uint8_t key[32] = {
	0x2b, 0x7e, 0x15, 0x16, 0x28, 0xae, 0xd2, 0xa6, 0xab, 0xf7, 0x15, 0x88, 0x09, 0xcf, 0x4f, 0x3c,
	0xef, 0x43, 0x59, 0xd8, 0xd5, 0x80, 0xaa, 0x4f, 0x7f, 0x03, 0x6d, 0x6f, 0x04, 0xfc, 0x6a, 0x94,
};
static struct hr_ff1 f = HR_FF1_INIT;
static uint64_t seed = 1;

static uint32_t
any(uint32_t below)
{
	seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(seed >> 33) % below;
}

static void
digits(const char *text, uint16_t *digit)
{
	for (; *text; text++)
		*digit++ = (uint16_t)(strchr(letters, *text) - letters);
}

static const char *
text_of(const uint16_t *digit, size_t n)
{
	static char text[64];
	size_t i;

	for (i = 0; i < n; i++)
		text[i] = letters[digit[i]];
	text[n] = '\0';
	return text;
}

/* https://csrc.nist.gov/projects/cryptographic-standards-and-guidelines/example-values: FF1samples.pdf */
static void
sample(int number, size_t key_len, uint32_t radix, const char *tweak, const char *plain, const char *want)
{
	uint16_t digit[64];
	size_t n = strlen(plain);
	char what[64];

	hr_ff1_init(&f, key, key_len);
	hr_ff1_tweak(&f, tweak, strlen(tweak));
	digits(plain, digit);
	hr_ff1_encrypt(&f, radix, digit, n);
	snprintf(what, sizeof(what), "NIST's sample %d", number);
	is(text_of(digit, n), want, what);
	hr_ff1_decrypt(&f, radix, digit, n);
	is(text_of(digit, n), plain, "and back");
	hr_ff1_slow(&f, radix, digit, n, false);
	is(text_of(digit, n), want, "the general way");
	hr_ff1_slow(&f, radix, digit, n, true);
	is(text_of(digit, n), plain, "and back");
}

static void
samples(void)
{
	static const char ten[] = "0123456789", nineteen[] = "0123456789abcdefghi", tweak[] = "9876543210",
	    other[] = "7777pqrs777";

	sample(1, 16, 10, "", ten, "2433477484");
	sample(2, 16, 10, tweak, ten, "6124200773");
	sample(3, 16, 36, other, nineteen, "a9tv40mll9kdu509eum");
	sample(4, 24, 10, "", ten, "2830668132");
	sample(5, 24, 10, tweak, ten, "2496655549");
	sample(6, 24, 36, other, nineteen, "xbj3kv35jrawxv32ysr");
	sample(7, 32, 10, "", ten, "6657667009");
	sample(8, 32, 10, tweak, ten, "1001623463");
	sample(9, 32, 36, other, nineteen, "xs8a0azh2avyalyzuwd");
}

/* Any digits of this shape: back again, and the same both ways. */
static bool
agrees(uint32_t radix, size_t n, size_t tweak)
{
	static uint16_t plain[HR_FF1_DIGITS], fast[HR_FF1_DIGITS], slow[HR_FF1_DIGITS];
	uint8_t t[256];
	size_t i, size = n * sizeof(plain[0]);
	bool below = true;

	for (i = 0; i < tweak; i++)
		t[i] = (uint8_t)any(256);
	for (i = 0; i < n; i++)
		plain[i] = (uint16_t)(any(8) ? any(radix) : radix - 1);
	hr_ff1_tweak(&f, t, tweak);
	memcpy(fast, plain, size);
	memcpy(slow, plain, size);
	hr_ff1_encrypt(&f, radix, fast, n);
	hr_ff1_slow(&f, radix, slow, n, false);
	if (memcmp(fast, slow, size) != 0)
		return false;
	for (i = 0; i < n; i++)
		below &= fast[i] < radix;
	hr_ff1_decrypt(&f, radix, fast, n);
	hr_ff1_slow(&f, radix, slow, n, true);
	return below && memcmp(fast, plain, size) == 0 && memcmp(slow, plain, size) == 0;
}

static void
both_ways(void)
{
	static const uint32_t radix[] = { 2, 3, 10, 16, 26, 36, 255, 256, 257, 10000, 65535, 65536 };
	struct hr_err e = HR_ERR_INIT;
	size_t i, n;
	bool good;

	for (i = 0; i < HR_COUNT(radix); i++) {
		good = true;
		for (n = 2; n < 230; n++)
			if (hr_ff1_check(radix[i], n, &e) == 0)
				good &= agrees(radix[i], n, n % 50);
		ok(good, "radix %" PRIu32 ": back again, and the same by both ways", radix[i]);
	}
	ok(agrees(10, HR_FF1_DIGITS, 200) && agrees(65536, 1000, 200), "long values too");
	good = true;
	for (i = 0; i < 200; i++)
		good &= agrees(10, 56, i);
	ok(good, "a tweak of any length");
}

/* Every value of the domain once. */
static void
bijection(uint32_t radix, size_t n)
{
	size_t domain = 1, i, j, at, count = 0;
	uint16_t digit[32];
	uint8_t *seen;

	for (i = 0; i < n; i++)
		domain *= radix;
	seen = hr_zalloc(domain);
	for (i = 0; i < domain; i++) {
		for (at = i, j = 0; j < n; j++, at /= radix)
			digit[j] = (uint16_t)(at % radix);
		hr_ff1_encrypt(&f, radix, digit, n);
		for (at = 0, j = n; j > 0; j--)
			at = at * radix + digit[j - 1];
		count += at < domain && !seen[at];
		seen[at] = 1;
	}
	ok(count == domain, "all %zu values of %zu digits of radix %" PRIu32 " are met once", domain, n, radix);
	free(seen);
}

static void
limits(void)
{
	struct hr_err e = HR_ERR_INIT;
	hr_u128 half[2] = { 0, 0 };

	ok(hr_ff1_check(10, 6, &e) == 0 && hr_ff1_check(10, 5, &e) == -1 && e.code == HR_CONFIG,
	    "six decimal digits, not five");
	ok(hr_ff1_check(2, 20, &e) == 0 && hr_ff1_check(2, 19, &e) == -1, "twenty bits, not nineteen");
	ok(hr_ff1_check(1000, 2, &e) == 0 && hr_ff1_check(999, 2, &e) == -1, "a million values, not fewer");
	ok(hr_ff1_check(65536, 1, &e) == -1, "two digits at least");
	ok(hr_ff1_check(1, 100, &e) == -1 && hr_ff1_check(0, 100, &e) == -1 && hr_ff1_check(65537, 100, &e) == -1,
	    "a radix from 2 to 65536");
	ok(hr_ff1_check(2, HR_FF1_DIGITS, &e) == 0 && hr_ff1_check(2, HR_FF1_DIGITS + 1, &e) == -1,
	    "no more digits than the limit");
	ok(hr_ff1_halves(&f, 10, 56, half, false) && hr_ff1_halves(&f, 2, 192, half, false),
	    "56 decimal digits and 192 bits are short");
	ok(!hr_ff1_halves(&f, 10, 58, half, false) && !hr_ff1_halves(&f, 2, 193, half, false), "more are not");
}

int
main(void)
{
	samples();
	both_ways();
	hr_ff1_tweak(&f, "t", 1);
	bijection(2, 20);
	bijection(10, 6);
	bijection(101, 3);
	limits();
	hr_ff1_clear(&f);
	hr_ff1_clear(&f);
	return tap_done();
}
