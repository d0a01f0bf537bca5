/*
 * aes.h - single blocks of AES, by one context kept for all of them.
 *
 * FIPS 197 by libcrypto's ECB without padding, about 20 ns a block; chaining
 * is the caller's.  One for each thread.
 */
#ifndef HR_AES_H
#define HR_AES_H

#include <string.h>

#include <openssl/evp.h>

#include "base/crypto.h"
#include "base/hr.h"

#define HR_AES_BLOCK 16

struct hr_aes {
	EVP_CIPHER_CTX *ctx;
};

#define HR_AES_INIT { NULL }

/* n is 16, 24 or 32 bytes; the key is taken, and may be overwritten. */
static inline void
hr_aes_init(struct hr_aes *a, const uint8_t *key, size_t n)
{
	const EVP_CIPHER *cipher = n == 16 ? EVP_aes_128_ecb() : n == 24 ? EVP_aes_192_ecb() : EVP_aes_256_ecb();

	EVP_CIPHER_CTX_free(a->ctx);
	a->ctx = EVP_CIPHER_CTX_new();
	hr_crypto_must(a->ctx != NULL && EVP_EncryptInit_ex(a->ctx, cipher, NULL, key, NULL) == 1 &&
	    EVP_CIPHER_CTX_set_padding(a->ctx, 0) == 1);
}

static inline void
hr_aes_clear(struct hr_aes *a)
{
	EVP_CIPHER_CTX_free(a->ctx);
	a->ctx = NULL;
}

/* in and out may be the same. */
static inline void
hr_aes_block(struct hr_aes *a, const uint8_t in[HR_AES_BLOCK], uint8_t out[HR_AES_BLOCK])
{
	int n;

	hr_crypto_must(EVP_EncryptUpdate(a->ctx, out, &n, in, HR_AES_BLOCK));
}

/* CBC-MAC: take one more block into the state, which begins as zeros. */
static inline void
hr_aes_mac(struct hr_aes *a, uint8_t state[HR_AES_BLOCK], const uint8_t block[HR_AES_BLOCK])
{
	int i;

	for (i = 0; i < HR_AES_BLOCK; i++)
		state[i] ^= block[i];
	hr_aes_block(a, state, state);
}

#endif
