/*
 * ff1.h - FF1: encryption of n digits of a radix into n digits of it.
 *
 * NIST SP 800-38G (March 2016), with the limit of Revision 1 (draft, February
 * 2019): a domain of radix^n below a million is refused, since there are
 * attacks on smaller ones.  Ten Feistel rounds over AES-128, 192 or 256.
 *
 * A digit is a number from 0 to radix - 1, most significant first.  Equal
 * digits under one key and one tweak become equal digits: that is what keeps
 * joins, and what a frequency count sees.
 *
 * Half of the digits below 2^96 (56 decimal digits, 40 letters, 192 bits) is
 * arithmetic on machine words, under 1 us; beyond that by BIGNUM, which takes
 * several times as long.  One for each thread; nothing is allocated by the
 * first way.
 */
#ifndef HR_FF1_H
#define HR_FF1_H

#include "base/buf.h"
#include "base/err.h"
#include "base/hr.h"
#include "rule/aes.h"

#define HR_FF1_DOMAIN		1000000		/* least radix^n */
#define HR_FF1_RADIX		65536		/* most */
#define HR_FF1_DIGITS		4096		/* most */
#define HR_FF1_TWEAK		65536		/* bytes, most */

typedef unsigned __int128 hr_u128;

/* What depends on radix and n only. */
struct hr_ff1_shape {
	uint32_t radix, n;
	uint32_t bytes;		/* of the longer half as a number: the paper's b */
	uint32_t unused;	/* bits of a block that y leaves out */
	bool wide;		/* the halves are no hr_u128 */
	hr_u128 mod[2];		/* radix^u, radix^v */
};

struct hr_ff1 {
	struct hr_aes aes;
	struct hr_ff1_shape shape;	/* the last one */
	struct hr_buf tweak;
	struct hr_ff1_wide *big;	/* made by the first long value */
};

#define HR_FF1_INIT { .tweak = HR_BUF_INIT }

/* key_len is 16, 24 or 32. */
void hr_ff1_init(struct hr_ff1 *f, const uint8_t *key, size_t key_len);
void hr_ff1_clear(struct hr_ff1 *f);
/* For what follows; copied.  The first is empty. */
void hr_ff1_tweak(struct hr_ff1 *f, const void *tweak, size_t n);

/* Can n digits of the radix be taken?  Else -1 with *e (HR_CONFIG). */
int hr_ff1_check(uint32_t radix, size_t n, struct hr_err *e) HR_USED;

/* In place.  The digits are below the radix, and hr_ff1_check() has said yes. */
void hr_ff1_encrypt(struct hr_ff1 *f, uint32_t radix, uint16_t *digit, size_t n);
void hr_ff1_decrypt(struct hr_ff1 *f, uint32_t radix, uint16_t *digit, size_t n);

/*
 * The same with the halves as numbers: half[0] of the first n / 2 digits,
 * half[1] of the others.  False: too long for it, nothing is done.
 */
bool hr_ff1_halves(struct hr_ff1 *f, uint32_t radix, size_t n, hr_u128 half[2], bool decrypt);

/* The general way for all lengths, for the test that both are the same. */
void hr_ff1_slow(struct hr_ff1 *f, uint32_t radix, uint16_t *digit, size_t n, bool decrypt);

#endif
