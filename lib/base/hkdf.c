/* hkdf.c - libcrypto's HKDF in its two halves. */

#include "base/hr.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>

#include "base/crypto.h"
#include "base/hkdf.h"

struct text {
	const char *name;
	const void *p;
	size_t n;
};

/* Of the salt and the info only one is used, and an empty one is the same as none. */
static void
derive(const char *mode, const void *key, size_t key_len, const struct text *with, void *out, size_t n)
{
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);
	OSSL_PARAM param[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)"SHA256", 0),
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_MODE, (char *)mode, 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)key, key_len),
		OSSL_PARAM_construct_octet_string(with->name, (void *)with->p, with->n),
		OSSL_PARAM_construct_end(),
	};

	if (with->n == 0)
		param[3] = OSSL_PARAM_construct_end();
	hr_crypto_must(ctx != NULL && EVP_KDF_derive(ctx, out, n, param) == 1);
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
}

void
hr_hkdf_extract(const void *salt, size_t salt_len, const void *secret, size_t n, uint8_t prk[HR_HKDF_PRK])
{
	derive("EXTRACT_ONLY", secret, n, &(struct text){ OSSL_KDF_PARAM_SALT, salt, salt_len }, prk, HR_HKDF_PRK);
}

void
hr_hkdf_expand(const uint8_t prk[HR_HKDF_PRK], const void *info, size_t info_len, void *out, size_t n)
{
	derive("EXPAND_ONLY", prk, HR_HKDF_PRK, &(struct text){ OSSL_KDF_PARAM_INFO, info, info_len }, out, n);
}
