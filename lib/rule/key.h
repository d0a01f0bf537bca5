/*
 * key.h - the secret that masking depends on, and the keys made of it.
 *
 * A key file holds 16 to 4096 bytes: raw, or as "hex:..." or "base64:...";
 * one newline at its end is cut.  It may be read by its owner only.  What is
 * kept of it is HKDF-Extract() of the bytes; each purpose has a key of its own
 * by HKDF-Expand(), so that a hash says nothing about a token.  HKDF is that
 * of RFC 5869 with SHA-256 and no salt.
 *
 * HKDF does not make a guessable secret harder to guess: use
 * "openssl rand -hex 32", not a password.
 */
#ifndef HR_KEY_H
#define HR_KEY_H

#include <sys/types.h>

#include "base/err.h"
#include "base/hr.h"

#define HR_KEY_LEAST	16	/* bytes of secret */
#define HR_KEY_MOST	4096
#define HR_KEY_DERIVED	1024	/* bytes that can be derived at once */

struct hr_key {
	uint8_t prk[32];	/* RFC 5869's pseudorandom key */
	bool loaded;
};

#define HR_KEY_INIT { { 0 }, false }

/* The key of a file, or of an open descriptor, read to its end and left open.  0 or -1 (HR_CONFIG). */
int hr_key_load(struct hr_key *k, const char *path, struct hr_err *e) HR_USED;
int hr_key_read(struct hr_key *k, int fd, struct hr_err *e) HR_USED;
/* The key of n bytes as they are: no prefix, no newline, no limit. */
void hr_key_set(struct hr_key *k, const void *secret, size_t n);
/* Overwrite it. */
void hr_key_clear(struct hr_key *k);

/*
 * n bytes of key for a purpose ("hash", "token", ...).  Within a purpose,
 * another domain is another key; NULL is none, which is not the same as "".
 * The caller overwrites them with OPENSSL_cleanse().
 */
void hr_key_derive(const struct hr_key *k, const char *purpose, const char *domain, void *out, size_t n);

/*
 * For files that have a key among other things.  The bytes that "hex:..." or
 * "base64:..." says, to out, which has room for n and may be p: how many, or -1
 * when they are not in that form, which is named.  Without a prefix no form.
 */
ssize_t hr_key_decode(const uint8_t *p, size_t n, uint8_t *out, const char **form) HR_USED;
/* Is it a file that its owner only may read?  The path, or NULL, is for the hint. */
int hr_key_check_mode(int fd, const char *path, struct hr_err *e) HR_USED;

#endif
