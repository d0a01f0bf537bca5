/* rule_digest - hashes of values, with a key and without. */

#include "base/hr.h"

#include <stdlib.h>

#include "rule/digest.h"
#include "tap.h"

static struct hr_buf b;
static struct hr_digest d;

static void
hex(const void *p, size_t n, size_t digits, const char *want, const char *what)
{
	hr_buf_reset(&b);
	hr_digest_hex(&d, p, n, digits, &b);
	is(hr_buf_text(&b), want, what);
}

/* RFC 4231: a byte repeated where it says so. */
static void
rfc4231(int number, const void *key, size_t key_len, const void *p, size_t n, size_t digits, const char *want)
{
	char what[32];

	snprintf(what, sizeof(what), "RFC 4231 test case %d", number);
	hr_digest_init(&d, key, key_len);
	hex(p, n, digits, want, what);
	hex(p, n, digits, want, "and again");
}

static void
vectors(void)
{
	static const char larger[] = "This is a test using a larger than block-size key and a larger than "
	    "block-size data. The key needs to be hashed before being used by the HMAC algorithm.";
	static const char hash_first[] = "Test Using Larger Than Block-Size Key - Hash Key First";
	uint8_t key[131], data[50];
	size_t i;

	memset(key, 0x0b, 20);
	rfc4231(1, key, 20, "Hi There", 8, 64, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
	rfc4231(2, "Jefe", 4, "what do ya want for nothing?", 28, 64,
	    "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	memset(key, 0xaa, sizeof(key));
	memset(data, 0xdd, sizeof(data));
	rfc4231(3, key, 20, data, 50, 64, "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
	rfc4231(6, key, 131, hash_first, strlen(hash_first), 64,
	    "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
	rfc4231(7, key, 131, larger, strlen(larger), 64,
	    "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2");
	for (i = 0; i < 25; i++)
		key[i] = (uint8_t)(i + 1);
	memset(data, 0xcd, sizeof(data));
	rfc4231(4, key, 25, data, 50, 64, "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b");
	memset(key, 0x0c, 20);
	rfc4231(5, key, 20, "Test With Truncation", 20, 32, "a3b6167473100ee06e0c796c2955552b");
}

int
main(void)
{
	struct hr_key k = HR_KEY_INIT;
	uint8_t sum[HR_DIGEST_BYTES], other[HR_DIGEST_BYTES];

	vectors();
	hr_digest_init(&d, NULL, 0);
	hex("abc", 3, 64, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", "SHA-256 of abc");
	hex("", 0, 64, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "of nothing");
	hex("abc", 3, 1, "b", "one digit");
	hex("abc", 3, 7, "ba7816b", "seven");
	hex("abc", 3, 65, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
	    "no more than there are");
	hex("abc", 3, 0, "", "none");
	ok(hr_digest_number(&d, "abc", 3) == UINT64_C(0xba7816bf8f01cfea), "as a number");
	hr_buf_reset(&b);
	hr_digest_put(&d, "abc", 3, 2, &b);
	hr_digest_put(&d, "abc", 3, 33, &b);
	ok(b.len == 34 && memcmp(b.data, "\xba\x78\xba\x78\x16", 5) == 0, "as bytes, one behind the other");

	hr_key_set(&k, "0123456789abcdef", 16);
	hr_digest_derive(&d, &k, "hash", NULL);
	hr_digest_sum(&d, "abc", 3, sum);
	hr_digest_derive(&d, &k, "noise", NULL);
	hr_digest_sum(&d, "abc", 3, other);
	ok(memcmp(sum, other, sizeof(sum)) != 0, "another purpose is another hash");
	hr_digest_derive(&d, &k, "hash", NULL);
	hr_digest_sum(&d, "abc", 3, other);
	ok(memcmp(sum, other, sizeof(sum)) == 0, "the same is the same");
	hr_digest_clear(&d);
	hr_digest_clear(&d);
	hr_buf_clear(&b);
	return tap_done();
}
