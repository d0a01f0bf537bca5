/* codec_strings - bytes through the entropy coder and strings through theirs come back, block after block. */

#include "base/hr.h"

#include <stdio.h>
#include <stdlib.h>

#include "codec/entropy.h"
#include "codec/strings.h"
#include "codec.h"
#include "tap.h"

enum { MOST = 3000 };

static uint8_t text[MOST][80];
static struct hr_string s[MOST], back[MOST];

/* A byte of a distribution. */
static uint8_t
byte(int kind)
{
	switch (kind) {
	case 0: return (uint8_t)rnd();
	case 1: return 7;
	case 2: return rnd() % 50 == 0;
	case 3: return (uint8_t)(rnd() % 5 * (rnd() % 9));
	case 4: return (uint8_t)(rnd() % 1000 ? 200 + rnd() % 3 : rnd());
	default: return (uint8_t)(rnd() % 256 * (rnd() % 256) / 256);
	}
}

static bool
bytes(const uint8_t *p, size_t n, struct hr_model model[2])
{
	const uint8_t *got;

	codec_begin();
	hr_entropy_put(&enc, model, p, n);
	codec_turn(2 * n + 4096);
	got = hr_entropy_get(&dec, model ? model + 1 : NULL, n);
	return got && codec_used() && (n == 0 || memcmp(p, got, n) == 0);
}

static void
entropy(void)
{
	static const size_t size[] = { 0, 1, 2, 9, 100, 255, 256, 257, 5000 };
	uint8_t *p = malloc(5000);
	size_t i, k, n, refused = 0;
	int kind;

	for (kind = 0; kind <= 5; kind++) {
		struct hr_model model[2] = { { .all = 0 }, { .all = 0 } };
		size_t first = 0;
		bool good = true;

		for (k = 0; k < HR_COUNT(size); k++) {
			for (i = 0; i < size[k]; i++)
				p[i] = byte(kind);
			good = good && bytes(p, size[k], NULL) && bytes(p, size[k], model) &&
			    memcmp(&model[0], &model[1], sizeof(model[0])) == 0;
		}
		ok(good, "bytes of kind %d", kind);
		for (k = 0, good = true; k < 200; k++) {
			n = rnd() % 300;
			for (i = 0; i < n; i++)
				p[i] = byte(k % 50 < 40 ? kind : (int)(k % 6));
			good = good && bytes(p, n, model) && memcmp(&model[0], &model[1], sizeof(model[0])) == 0;
		}
		ok(good, "block after block of kind %d", kind);
		model[0] = model[1] = (struct hr_model){ .all = 0 };
		for (k = 0, good = true; k < 9; k++) {
			for (i = 0; i < 200; i++)
				p[i] = (uint8_t)(rnd() % 12 * (rnd() % 12));
			good = good && bytes(p, 200, model);
			if (k == 0)
				first = codec_size();
		}
		ok(good && codec_size() + 50 < first, "what was there before needs no table: %zu bytes, then %zu",
		    first, codec_size());
	}
	for (i = 0; i < 1000; i++)
		p[i] = byte(2);
	codec_begin();
	hr_entropy_put(&enc, NULL, p, 1000);
	ok(codec_size() < 40, "less than a bit for what is mostly the same: %zu bytes", codec_size());
	for (i = 0; i < 20000; i++) {
		struct hr_model model = { .all = 0 };
		const uint8_t *got;
		uint8_t *copy = codec_damage(8192);

		got = hr_entropy_get(&dec, &model, 1000);
		refused += got == NULL;
		free(copy);
	}
	ok(refused > 10000, "%zu of 20000 damaged ones are refused, none is read outside", refused);
	free(p);
}

static void
string(int kind, size_t i, size_t block)
{
	static const char *const word[] = { "", "new", "paid", "sent", "a longer one, with words" };
	size_t len;

	switch (kind) {
	case 0: len = (size_t)sprintf((char *)text[i], "%s", word[rnd() % HR_COUNT(word)]); break;
	case 1: len = (size_t)sprintf((char *)text[i], "item %zu of %zu", i, block); break;
	case 2:
		for (len = rnd() % 80, block = 0; block < len; block++)
			text[i][block] = (uint8_t)rnd();
		break;
	case 3: len = (size_t)sprintf((char *)text[i], "customer %d", (int)(rnd() % 200 * (rnd() % 200))); break;
	case 4: len = 0; break;
	case 6: len = (size_t)sprintf((char *)text[i], "%08x-%04x-%04x-%04x-%012" PRIx64, (uint32_t)rnd(), (uint16_t)rnd(),
	    (uint16_t)rnd(), (uint16_t)rnd(), rnd() >> 16); break;
	case 7: len = (size_t)sprintf((char *)text[i], "%0*" PRIx64, (int)(rnd() % 5 * 2 + 16), rnd()); break;
	case 8:		/* nearly so */
		len = (size_t)sprintf((char *)text[i], "%08x-%04x-%04x-%04x-%012" PRIx64, (uint32_t)rnd(), (uint16_t)rnd(),
		    (uint16_t)rnd(), (uint16_t)rnd(), rnd() >> 16);
		if (block % 2)
			text[i][rnd() % 40] = (uint8_t)"-Ag0f\0"[rnd() % 6];
		break;
	default: len = (size_t)sprintf((char *)text[i], "{\"user\": %d, \"page\": \"/product/%d\", \"ok\": true}",
	    (int)(rnd() % 1000), (int)(rnd() % 50));
	}
	s[i] = (struct hr_string){ text[i], len };
}

static bool
strings(size_t n, struct hr_strings_memory *m, struct hr_strings_kept kept[2], size_t room)
{
	size_t block_entries = room ? 1 << 20 : 4000, i;

	codec_begin();
	enc.room = dec.room = room;
	enc.entries = dec.entries = block_entries;
	hr_strings_encode(&enc, s, n, m, kept);
	codec_turn(n * 400 + (1 << 16));
	if (hr_strings_decode(&dec, back, n, kept ? kept + 1 : NULL) < 0 || !codec_used())
		return false;
	for (i = 0; i < n; i++)
		if (s[i].len != back[i].len || memcmp(s[i].data, back[i].data, s[i].len) != 0)
			return false;
	return kept == NULL || hr_strings_kept_size(&kept[0]) == hr_strings_kept_size(&kept[1]);
}

int
main(void)
{
	static const size_t room[] = { 0, SIZE_MAX / 2, 700 * 1024 };
	size_t block, i, k, n, first, refused;
	int kind;

	entropy();
	for (kind = 0; kind <= 9; kind++)
		for (k = 0; k < HR_COUNT(room) + 1; k++) {
			struct hr_strings_kept kept[2] = { { .dictionary = NULL }, { .dictionary = NULL } };
			struct hr_strings_memory m = { .form = { 0 } };

			for (block = 0; block < 40; block++) {
				n = block % 9 == 8 ? rnd() % 3 : block == 20 ? MOST : rnd() % 400;
				for (i = 0; i < n; i++)
					string(kind == 9 ? (int)(block / 3 % 9) : kind, i, block);
				if (!strings(n, &m, k < HR_COUNT(room) ? kept : NULL, k < HR_COUNT(room) ? room[k] : 0))
					break;
				if (block == 30) {
					hr_strings_kept_clear(&kept[0]);
					hr_strings_kept_clear(&kept[1]);
				}
			}
			ok(block == 40, "strings of kind %d, room %zu", kind, k);
			hr_strings_kept_clear(&kept[0]);
			hr_strings_kept_clear(&kept[1]);
		}
	for (kind = 3; kind <= 5; kind += 2) {
		struct hr_strings_kept kept[2] = { { .dictionary = NULL }, { .dictionary = NULL } };
		struct hr_strings_memory m = { .form = { 0 } };

		for (block = first = 0; block < 20; block++) {
			for (i = 0; i < 100; i++)
				string(kind, i, block);
			if (!strings(100, &m, kept, SIZE_MAX / 2))
				break;
			if (block == 0)
				first = codec_size();
		}
		ok(block == 20 && codec_size() < first * 19 / 20, "text that was there before: %zu bytes, then %zu",
		    first, codec_size());
		for (i = refused = 0; i < 4000; i++) {
			uint8_t *copy;

			if (i == 2000) {
				codec_begin();
				hr_strings_encode(&enc, s, 100, &m, NULL);
			}
			copy = codec_damage(1 << 17);
			/* What is kept is no more of use, and is safe to be used; then nothing is. */
			refused += hr_strings_decode(&dec, back, 100, i < 2000 ? &kept[1] : NULL) < 0;
			free(copy);
		}
		ok(refused > 1000, "%zu of 4000 damaged ones are refused", refused);
		hr_strings_kept_clear(&kept[0]);
		hr_strings_kept_clear(&kept[1]);
	}
	for (i = 0; i < 1000; i++)
		string(6, i, 0);
	{
		struct hr_strings_memory m = { .form = { 0 } };

		ok(strings(1000, &m, NULL, 0) && codec_size() < 16100, "1000 uuids are %zu bytes", codec_size());
	}
	codec_clear();
	return tap_done();
}
