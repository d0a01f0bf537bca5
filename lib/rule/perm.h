/*
 * perm.h - the numbers from 0 to size - 1 in another order, by a key and a tweak.
 *
 * From a million on: FF1 (ff1.h) over the bits of the number, again and again
 * until it is below the size (cycle walking; Black and Rogaway, "Ciphers with
 * Arbitrary Finite Domains", 2002), less than twice on average.
 *
 * Below that, where SP 800-38G forbids FF1: a Feistel network of the same kind
 * over Z_a x Z_b with a = ceil(sqrt(size)) and b = ceil(size / a), with cycle
 * walking, a key of its own, and 32 rounds in place of 10.  The attacks that
 * led to the limit (Bellare, Hoang, Tessaro, 2016; Hoang, Tessaro, Trieu, 2018)
 * need examples under many tweaks, in a number that grows exponentially with
 * the rounds.  There is no proof and no standard for it.  More important: of
 * ten values who knows nine knows the tenth, and a frequency count needs no
 * key.  A small domain hides a value from who sees it, not from who can have
 * values of his choice masked.
 *
 * About 0.5 us from a million on, 1 us below.  One for each thread.
 */
#ifndef HR_PERM_H
#define HR_PERM_H

#include "base/hr.h"
#include "rule/aes.h"
#include "rule/ff1.h"

#define HR_PERM_KEY 64		/* bytes: 32 for FF1, 32 for small sizes */

struct hr_perm {
	struct hr_ff1 ff1;
	struct hr_aes small;
};

#define HR_PERM_INIT { HR_FF1_INIT, HR_AES_INIT }

void hr_perm_init(struct hr_perm *p, const uint8_t key[HR_PERM_KEY]);
void hr_perm_clear(struct hr_perm *p);

/* Where x goes, or whence it came.  x is below size; n is at most HR_FF1_TWEAK. */
hr_u128 hr_perm_map(struct hr_perm *p, const void *tweak, size_t n, hr_u128 size, hr_u128 x, bool reverse);

#endif
