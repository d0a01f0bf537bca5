/* codec_ints - integers come back as they were, whatever they are. */

#include "base/hr.h"

#include <stdlib.h>

#include "codec/ints.h"
#include "codec/zst.h"
#include "tap.h"

static struct hr_zst zst;
static struct hr_enc enc = { .zst = &zst, .level = 3 };
static struct hr_dec dec = { .zst = &zst };
static uint64_t state = 1;

static uint64_t
rnd(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

/* Encoded, decoded, compared; all of both parts is used. */
static bool
same(const uint64_t *v, size_t n, struct hr_pick *pick)
{
	uint64_t *back = malloc((n + 1) * sizeof(*back));
	bool good;

	hr_buf_reset(&enc.meta);
	hr_buf_reset(&enc.data);
	hr_arena_reset(&enc.arena, 0);
	hr_arena_reset(&dec.arena, n * 32 + (1 << 16));
	hr_ints_encode(&enc, v, n, pick);
	dec.meta = hr_cur(enc.meta.data, enc.meta.len);
	dec.data = hr_cur(enc.data.data, enc.data.len);
	good = hr_ints_decode(&dec, back, n) == 0 && !dec.meta.bad && !dec.data.bad &&
	    hr_cur_left(&dec.meta) == 0 && hr_cur_left(&dec.data) == 0 && memcmp(v, back, n * sizeof(*v)) == 0;
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
			ok(same(v, size[s], NULL) && same(v, size[s], &pick) && same(v, size[s], &pick) &&
			    same(v, size[s], &sticky), "kind %d, %zu values", kind, size[s]);
		}
	for (width = 0; width < 64; width++) {
		for (i = 0; i < 100; i++)
			v[i] = (UINT64_C(1) << width) + (i == 50 ? (uint64_t)-2 : i % 2);
		if (!same(v, 100, NULL))
			break;
	}
	ok(width == 64, "around every power of two");

	for (i = 0; i < 1000; i++)
		v[i] = 500000 + 3 * i;
	ok(same(v, 1000, NULL) && enc.meta.len + enc.data.len < 16, "a regular series is a few bytes");
	for (i = 0; i < 1000; i++)
		v[i] = INT64_C(800000000000000) + 1000000 * (int64_t)(rnd() % 1000);
	ok(same(v, 1000, NULL) && enc.meta.len + enc.data.len < 1300, "whole seconds are divided");

	/* A pick of another series is no harm. */
	for (i = 0; i < 500; i++)
		v[i] = i % 4;
	same(v, 500, &sticky);
	for (i = 0; i < 500; i++)
		v[i] = rnd();
	ok(same(v, 500, &sticky), "a dictionary that does not fit any more");

	/* Damaged in any place: refused, or other numbers, and nothing else. */
	for (kind = 0; kind <= 9; kind++) {
		for (i = 0; i < 300; i++)
			v[i] = value(kind, i);
		same(v, 300, NULL);
		for (i = 0; i < 2000; i++) {
			struct hr_buf *b = enc.data.len && rnd() % 2 ? &enc.data : &enc.meta;
			uint8_t *copy = malloc(b->len), *at;

			memcpy(copy, b->data, b->len);
			at = copy + rnd() % b->len;
			*at ^= (uint8_t)(1 + rnd() % 255);
			hr_arena_reset(&dec.arena, 1 << 16);
			dec.meta = b == &enc.meta ? hr_cur(copy, b->len) : hr_cur(enc.meta.data, enc.meta.len);
			dec.data = b == &enc.data ? hr_cur(copy, b->len) : hr_cur(enc.data.data, enc.data.len);
			w = (uint64_t)hr_ints_decode(&dec, v + 400, 300);
			free(copy);
		}
		ok(w <= UINT64_MAX, "kind %d damaged", kind);
	}
	free(v);
	hr_buf_clear(&enc.meta);
	hr_buf_clear(&enc.data);
	hr_arena_clear(&enc.arena);
	hr_arena_clear(&dec.arena);
	hr_zst_clear(&zst);
	return tap_done();
}
