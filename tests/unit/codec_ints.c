/* codec_ints - integers come back as they were, whatever they are. */

#include "base/hr.h"

#include <stdlib.h>

#include "codec/ints.h"
#include "codec.h"
#include "tap.h"

static size_t entries = 1 << 20;	/* what dictionaries may take */

/* Encoded, decoded, compared; all of both parts is used. */
static bool
same(const uint64_t *v, size_t n, struct hr_pick *pick, struct hr_ints_kept kept[2])
{
	uint64_t *back = malloc((n + 1) * sizeof(*back));
	bool good;

	codec_begin();
	enc.entries = dec.entries = entries;
	hr_ints_encode(&enc, v, n, pick, kept);
	codec_turn(n * 64 + (1 << 16));
	good = hr_ints_decode(&dec, back, n, kept ? kept + 1 : NULL) == 0 && codec_used() &&
	    memcmp(v, back, n * sizeof(*v)) == 0;
	free(back);
	return good;
}

static uint64_t
value(int kind, size_t i)
{
	switch (kind) {
	case 0: return rnd();
	case 1: return i * 7 + 100;
	case 2: return 1000000 + rnd() % 50 * 100;
	case 3: return (uint64_t)-(int64_t)(rnd() % 1000);
	case 4: return rnd() % 3 == 0 ? UINT64_MAX : rnd() % 3 == 0 ? (uint64_t)INT64_MIN : INT64_MAX;
	case 5: return i * i * 1000 + rnd() % 3;
	case 6: return rnd() % 5 * UINT64_C(0x123456789abcdef);
	case 7: return i % 2 ? (uint64_t)INT64_MIN : 0;
	case 8: return rnd() >> rnd() % 64;
	default: return 42;
	}
}

int
main(void)
{
	static const size_t size[] = { 0, 1, 2, 3, 7, 255, 1000, 5001 };
	uint64_t *v = malloc(5001 * sizeof(*v)), w;
	struct hr_pick sticky = { 0 };
	unsigned width;
	size_t s, i;
	int kind;

	for (kind = 0; kind <= 9; kind++)
		for (s = 0; s < HR_COUNT(size); s++) {
			struct hr_pick pick = { 0 };

			for (i = 0; i < size[s]; i++)
				v[i] = value(kind, i);
			ok(same(v, size[s], NULL, NULL) && same(v, size[s], &pick, NULL) && same(v, size[s], &pick, NULL) &&
			    same(v, size[s], &sticky, NULL), "kind %d, %zu values", kind, size[s]);
		}
	for (width = 0; width < 64; width++) {
		for (i = 0; i < 100; i++)
			v[i] = (UINT64_C(1) << width) + (i == 50 ? (uint64_t)-2 : i % 2);
		if (!same(v, 100, NULL, NULL))
			break;
	}
	ok(width == 64, "around every power of two");

	for (i = 0; i < 1000; i++)
		v[i] = 500000 + 3 * i;
	ok(same(v, 1000, NULL, NULL) && codec_size() < 16, "a regular series is a few bytes");
	for (i = 0; i < 1000; i++)
		v[i] = INT64_C(800000000000000) + 1000000 * (int64_t)(rnd() % 1000);
	ok(same(v, 1000, NULL, NULL) && codec_size() < 1300, "whole seconds are divided");

	/* A pick of another series is no harm. */
	for (i = 0; i < 500; i++)
		v[i] = i % 4;
	same(v, 500, &sticky, NULL);
	for (i = 0; i < 500; i++)
		v[i] = rnd();
	ok(same(v, 500, &sticky, NULL), "a dictionary that does not fit any more");

	/* What blocks leave is the same on both sides, whatever they are. */
	for (kind = 0; kind <= 10; kind++) {
		struct hr_ints_kept kept[2] = { { .last = 0 }, { .last = 0 } };
		struct hr_pick pick = { 0 };
		size_t block, n = 0;

		for (block = 0; block < 60; block++) {
			entries = rnd() % 8 ? 1 << 20 : 1000;
			n = block % 7 == 6 ? rnd() % 3 : rnd() % 400;
			for (i = 0; i < n; i++)
				v[i] = value(kind == 10 ? (int)(block % 10) : kind, block * 100 + i);
			if (!same(v, n, &pick, kept) || hr_ints_kept_size(&kept[0]) != hr_ints_kept_size(&kept[1]))
				break;
			if (block == 40) {
				hr_ints_kept_clear(&kept[0]);
				hr_ints_kept_clear(&kept[1]);
			}
		}
		ok(block == 60, "kind %d, block after block", kind);
		hr_ints_kept_clear(&kept[0]);
		hr_ints_kept_clear(&kept[1]);
	}
	{
		struct hr_ints_kept kept[2] = { { .last = 0 }, { .last = 0 } };
		struct hr_pick pick = { 0 };
		size_t first = 0, last = 0, block;

		for (block = 0; block < 20; block++) {
			entries = 1 << 20;
			for (i = 0; i < 100; i++)
				v[i] = (rnd() % 30) * (rnd() % 30) * 1000003;
			if (!same(v, 100, &pick, kept))
				break;
			last = codec_size();
			if (block == 0)
				first = last;
		}
		ok(block == 20 && last * 5 < first * 4, "values that were there before are ranks: %zu bytes, then %zu",
		    first, last);
		hr_ints_kept_clear(&kept[0]);
		hr_ints_kept_clear(&kept[1]);
	}

	/* Damaged in any place: refused, or other numbers, and nothing else. */
	for (kind = 0; kind <= 9; kind++) {
		for (i = 0; i < 300; i++)
			v[i] = value(kind, i);
		same(v, 300, NULL, NULL);
		for (i = 0; i < 2000; i++) {
			uint8_t *copy = codec_damage(1 << 16);

			w = (uint64_t)hr_ints_decode(&dec, v + 400, 300, NULL);
			free(copy);
		}
		ok(w <= UINT64_MAX, "kind %d damaged", kind);
	}
	free(v);
	codec_clear();
	return tap_done();
}
