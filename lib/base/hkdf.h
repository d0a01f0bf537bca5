/*
 * hkdf.h - keys made of a secret: HKDF of RFC 5869 with SHA-256.
 *
 * The secret is extracted once, and expanded for each purpose.  It does not
 * make a guessable secret harder to guess.
 */
#ifndef HR_HKDF_H
#define HR_HKDF_H

#include "base/hr.h"

#define HR_HKDF_PRK	32	/* bytes of what is extracted */
#define HR_HKDF_INFO	1024	/* bytes that say what a key is for: libcrypto's limit */

/* What is extracted of n bytes; no salt is one of 0 bytes. */
void hr_hkdf_extract(const void *salt, size_t salt_len, const void *secret, size_t n, uint8_t prk[HR_HKDF_PRK]);
/* n bytes of key for a purpose.  The caller overwrites them with OPENSSL_cleanse(). */
void hr_hkdf_expand(const uint8_t prk[HR_HKDF_PRK], const void *info, size_t info_len, void *out, size_t n);

#endif
