/*
 * hash.h - one hash of bytes, for tables in memory and for spreading tenants.
 *
 * hr_hash() is stable: tenants are assigned to connections by it and that
 * assignment is written down in the target.  It is not keyed; tables that hold
 * what a peer chose use chains short enough not to mind, or limits.
 * After MurmurHash64A (Austin Appleby, public domain).
 */
#ifndef HR_HASH_H
#define HR_HASH_H

#include <string.h>

#include "base/hr.h"

static inline uint64_t
hr_hash(const void *data, size_t n)
{
	const uint64_t m = UINT64_C(0xc6a4a7935bd1e995);
	const uint8_t *p = data;
	uint64_t h = UINT64_C(0x9ae16a3b2f90404f) ^ (n * m), k;

	for (; n >= 8; n -= 8, p += 8) {
		memcpy(&k, p, 8);
		k *= m;
		k ^= k >> 47;
		k *= m;
		h ^= k;
		h *= m;
	}
	if (n) {
		k = 0;
		memcpy(&k, p, n);
		h ^= k;
		h *= m;
	}
	h ^= h >> 47;
	h *= m;
	h ^= h >> 47;
	return h;
}

/* Of several things, one after the other; NULL is one of its own. */
static inline void
hr_hash_mix(uint64_t *h, const void *data, size_t n)
{
	uint64_t both[2] = { *h, data ? hr_hash(data, n) + 1 : 0 };

	*h = hr_hash(both, sizeof(both));
}

static inline void
hr_hash_mix_text(uint64_t *h, const char *s)
{
	hr_hash_mix(h, s, s ? strlen(s) : 0);
}

static inline void
hr_hash_mix_number(uint64_t *h, uint64_t n)
{
	uint64_t both[2] = { *h, n };

	*h = hr_hash(both, sizeof(both));
}

#endif
