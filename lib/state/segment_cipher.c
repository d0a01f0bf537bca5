/* segment_cipher.c - AES-256-GCM with a counter for its nonce, or CRC-32C. */

#include "base/hr.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#include "base/crc32c.h"
#include "base/crypto.h"
#include "base/hkdf.h"
#include "state/segment_cipher.h"

#define NONCE		12
#define AAD		(32 + HR_SEGMENT_TAG + 8 + 8 + 1 + 4)
#define HASH		32
#define FOR_KEY		"hr segment"
#define FOR_CHECK	"hr segment check"

static void
hash(const void *p, size_t n, uint8_t out[HASH])
{
	hr_crypto_must(EVP_Digest(p, n, out, NULL, EVP_sha256(), NULL));
}

static void
expand(const uint8_t *prk, const char *purpose, const uint8_t *of, void *out, size_t n)
{
	uint8_t info[64];
	size_t len = strlen(purpose) + 1;

	memcpy(info, purpose, len);
	memcpy(info + len, of, HASH);
	hr_hkdf_expand(prk, info, len + HASH, out, n);
}

void
hr_segment_derive(const uint8_t *data_key, const uint8_t *salt, const void *head, size_t n, uint8_t key[HR_SEAL_KEY],
    uint8_t check[HR_SEGMENT_CHECK])
{
	uint8_t prk[HR_HKDF_PRK], of[HASH];

	hash(head, n, of);
	hr_hkdf_extract(salt, HR_SEGMENT_SALT, data_key, HR_SEAL_KEY, prk);
	expand(prk, FOR_KEY, of, key, HR_SEAL_KEY);
	expand(prk, FOR_CHECK, of, check, HR_SEGMENT_CHECK);
	OPENSSL_cleanse(prk, sizeof(prk));
}

/* One context goes both ways: the direction is given with each nonce. */
void
hr_segment_cipher_init(struct hr_segment_cipher *c, const uint8_t *key, const void *head, size_t n)
{
	hash(head, n, c->hash);
	c->ctx = NULL;
	if (key == NULL)
		return;
	c->ctx = EVP_CIPHER_CTX_new();
	hr_crypto_must(c->ctx != NULL && EVP_CipherInit_ex(c->ctx, EVP_aes_256_gcm(), NULL, key, NULL, 1));
}

void
hr_segment_cipher_clear(struct hr_segment_cipher *c)
{
	EVP_CIPHER_CTX_free(c->ctx);
	c->ctx = NULL;
}

static void
aad(const struct hr_segment_cipher *c, const struct hr_segment_record *r, uint8_t to[AAD])
{
	memcpy(to, c->hash, HASH);
	memcpy(to += HASH, r->before, HR_SEGMENT_TAG);
	hr_set_u64le(to += HR_SEGMENT_TAG, r->number);
	hr_set_u64le(to + 8, r->place);
	to[16] = r->kind;
	hr_set_u32le(to + 17, r->len);
}

static void
begin(struct hr_segment_cipher *c, const struct hr_segment_record *r, const uint8_t with[AAD], int sealing)
{
	uint8_t nonce[NONCE] = { 0 };
	int n;

	hr_set_u64be(nonce + NONCE - 8, r->number);
	hr_crypto_must(EVP_CipherInit_ex(c->ctx, NULL, NULL, NULL, nonce, sealing) == 1 &&
	    EVP_CipherUpdate(c->ctx, NULL, &n, with, AAD) == 1);
}

void
hr_segment_seal(struct hr_segment_cipher *c, const struct hr_segment_record *r, const struct iovec *v, size_t n,
    uint8_t *out, uint8_t tag[HR_SEGMENT_TAG])
{
	uint8_t with[AAD];
	uint32_t crc;
	size_t i;
	int did;

	aad(c, r, with);
	crc = c->ctx ? 0 : hr_crc32c(0, with, sizeof(with));
	if (c->ctx)
		begin(c, r, with, 1);
	for (i = 0; i < n; i++) {
		if (v[i].iov_len == 0)
			continue;
		if (c->ctx) {
			hr_crypto_must(EVP_CipherUpdate(c->ctx, out, &did, v[i].iov_base, (int)v[i].iov_len));
		} else {
			memcpy(out, v[i].iov_base, v[i].iov_len);
			crc = hr_crc32c(crc, v[i].iov_base, v[i].iov_len);
		}
		out += v[i].iov_len;
	}
	memset(tag, 0, HR_SEGMENT_TAG);
	if (c->ctx)
		hr_crypto_must(EVP_CipherFinal_ex(c->ctx, out, &did) == 1 &&
		    EVP_CIPHER_CTX_ctrl(c->ctx, EVP_CTRL_AEAD_GET_TAG, HR_SEGMENT_TAG, tag) == 1);
	else
		hr_set_u32le(tag, crc);
}

bool
hr_segment_unseal(struct hr_segment_cipher *c, const struct hr_segment_record *r, uint8_t *data,
    const uint8_t tag[HR_SEGMENT_TAG])
{
	uint8_t with[AAD], want[HR_SEGMENT_TAG] = { 0 };
	int n;

	aad(c, r, with);
	if (c->ctx == NULL) {
		hr_set_u32le(want, hr_crc32c(hr_crc32c(0, with, sizeof(with)), data, r->len));
		return memcmp(want, tag, HR_SEGMENT_TAG) == 0;
	}
	begin(c, r, with, 0);
	memcpy(want, tag, HR_SEGMENT_TAG);
	hr_crypto_must(r->len == 0 || EVP_CipherUpdate(c->ctx, data, &n, data, (int)r->len) == 1);
	hr_crypto_must(EVP_CIPHER_CTX_ctrl(c->ctx, EVP_CTRL_AEAD_SET_TAG, HR_SEGMENT_TAG, want));
	return EVP_CipherFinal_ex(c->ctx, data + r->len, &n) == 1;
}

uint32_t
hr_segment_check(const struct hr_segment_cipher *c, const struct hr_segment_record *r, const uint8_t *fixed)
{
	uint8_t number[8];
	uint32_t crc = hr_crc32c(0, c->hash, HASH);

	hr_set_u64le(number, r->number);
	crc = hr_crc32c(crc, number, sizeof(number));
	crc = hr_crc32c(crc, r->before, HR_SEGMENT_TAG);
	return hr_crc32c(crc, fixed, HR_SEGMENT_FIXED - 4);
}
