/* base_hkdf - RFC 5869's own examples. */

#include "base/hr.h"

#include <string.h>

#include "base/hex.h"
#include "base/hkdf.h"
#include "tap.h"

static void
example(const char *secret, const char *salt, const char *info, const char *prk, const char *okm, const char *what)
{
	uint8_t ikm[128], s[128], i[128], got[HR_HKDF_PRK], out[128];
	char text[300] = { 0 };

	if (!hr_hex_get(ikm, (const uint8_t *)secret, strlen(secret)) ||
	    !hr_hex_get(s, (const uint8_t *)salt, strlen(salt)) ||
	    !hr_hex_get(i, (const uint8_t *)info, strlen(info)))
		return;
	hr_hkdf_extract(s, strlen(salt) / 2, ikm, strlen(secret) / 2, got);
	hr_hex_put((uint8_t *)text, got, sizeof(got));
	is(text, prk, what);
	hr_hkdf_expand(got, i, strlen(info) / 2, out, strlen(okm) / 2);
	hr_hex_put((uint8_t *)text, out, strlen(okm) / 2);
	is(text, okm, "and what is expanded of it");
}

int
main(void)
{
	example("0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "000102030405060708090a0b0c", "f0f1f2f3f4f5f6f7f8f9",
	    "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5",
	    "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
	    "test case 1: with a salt and an info");
	example("0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "", "",
	    "19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04",
	    "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
	    "test case 3: with neither");
	return tap_done();
}
