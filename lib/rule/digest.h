/*
 * digest.h - SHA-256 of a value, with a key (HMAC, RFC 2104) or without.
 *
 * Without a key, who has a list of all possible values can find the one that
 * was hashed: take the keyed one for anything personal.
 *
 * One for each thread; about 0.25 us for a short value.
 */
#ifndef HR_DIGEST_H
#define HR_DIGEST_H

#include "base/buf.h"
#include "base/hr.h"
#include "rule/key.h"

#define HR_DIGEST_BYTES 32

struct hr_digest {
	void *mac;		/* EVP_MAC_CTX, or NULL */
	void *plain;		/* EVP_MD_CTX, or NULL */
};

#define HR_DIGEST_INIT { NULL, NULL }

/* key NULL: plain SHA-256.  The key is taken, and may be overwritten. */
void hr_digest_init(struct hr_digest *d, const void *key, size_t n);
/* With the key's sub-key for this purpose and domain. */
void hr_digest_derive(struct hr_digest *d, const struct hr_key *k, const char *purpose, const char *domain);
void hr_digest_clear(struct hr_digest *d);

void hr_digest_sum(struct hr_digest *d, const void *p, size_t n, uint8_t out[HR_DIGEST_BYTES]);
/* The first 8 bytes, as a number. */
uint64_t hr_digest_number(struct hr_digest *d, const void *p, size_t n);
/* Append the first bytes (at most 32), or so many hexadecimal digits (at most 64). */
void hr_digest_put(struct hr_digest *d, const void *p, size_t n, size_t bytes, struct hr_buf *out);
void hr_digest_hex(struct hr_digest *d, const void *p, size_t n, size_t digits, struct hr_buf *out);

#endif
