/* codec_repeat - what is there already comes back, and is found where it is worth it. */

#include "base/hr.h"

#include <stdio.h>
#include <stdlib.h>

#include "codec.h"
#include "codec/documents.h"
#include "codec/repeat.h"
#include "tap.h"

#define ROWS	500
#define ARENA	(1 << 24)

static char text[3][ROWS][40];
static struct hr_string column[3][ROWS];

static void
set(int c, size_t i, const char *s)
{
	snprintf(text[c][i], sizeof(text[c][i]), "%s", s);
	column[c][i] = (struct hr_string){ (const uint8_t *)text[c][i], strlen(text[c][i]) };
}

/* Text that no dictionary makes smaller. */
static void
set_new(int c, size_t i)
{
	char s[40];

	snprintf(s, sizeof(s), "%016" PRIx64 "Z", rnd());
	set(c, i, s);
}

/* Of columns 0 and 1; the first has no value in every 11th row, the second is of another kind when arg says so. */
static bool
get(const void *arg, size_t c, struct hr_string *out, size_t n)
{
	size_t i;

	if (c == 1 && *(const bool *)arg)
		return false;
	for (i = 0; i < n; i++)
		out[i] = c == 0 && i % 11 == 10 ? (struct hr_string){ NULL, SIZE_MAX } : column[c][i];
	return true;
}

enum table { AS_FIRST, AS_SECOND, AS_FRONT, AS_NONE, TABLES };

static void
fill(enum table t, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		set_new(0, i);
		set_new(1, i);
		if (t == AS_FIRST && rnd() % 10)
			set(2, i, text[0][i]);
		else if (t == AS_SECOND && rnd() % 10)
			set(2, i, text[1][i]);
		else if (t == AS_FRONT && i && rnd() % 10)
			set(2, i, text[2][i - 1]);
		else
			set_new(2, i);
	}
}

static struct hr_strings_memory strings;
static bool other_kind;
static const struct hr_others others = { 2, get, &other_kind };

/* A block of it there and back: its bytes, or 0. */
static size_t
turn(enum table t, size_t n, struct hr_repeat_memory *m)
{
	struct hr_string copy[ROWS], back[ROWS];
	struct hr_repeat r;
	size_t rest, i, same = 0;

	fill(t, n);
	codec_begin();
	memcpy(copy, column[2], n * sizeof(*copy));
	rest = hr_repeat_put(&enc, copy, n, &others, m, NULL);
	hr_strings_encode(&enc, copy, rest, &strings, NULL);
	hr_repeat_cost(m, n, codec_size());
	codec_turn(ARENA);
	if (hr_repeat_get(&dec, &r, n, NULL) < 0 || r.rest != rest || hr_strings_decode(&dec, back, rest, NULL) < 0 ||
	    hr_repeat_fill(&dec, &r, back, &others) < 0 || !codec_used())
		return 0;
	for (i = 0; i < n; i++)
		same += back[i].len == column[2][i].len && memcmp(back[i].data, column[2][i].data, back[i].len) == 0;
	return same == n ? codec_size() : 0;
}

static void
finds(enum table t, const char *name, const char *what)
{
	struct hr_repeat_memory m = { .cost = 0 };
	size_t first = turn(t, ROWS, &m), last = 0, i;

	for (i = 0; i < 4; i++)
		last = turn(t, ROWS, &m);
	is(hr_repeat_name(&m), name, what);
	ok(first && last && (t == AS_NONE ? last <= first + first / 50 : last * 4 < first * (t == AS_FRONT ? 3 : 1)),
	    "%s: %zu bytes, then %zu", what, first, last);
}

static void
all(void)
{
	static const size_t size[] = { 0, 1, 2, 63, ROWS };
	int good = 0, tried = 0, how, t, param, kind;
	size_t k;

	for (how = 0; how < 3; how++)
		for (param = 0; param < 3; param++)
			for (t = 0; t < TABLES; t++)
				for (k = 0; k < HR_COUNT(size); k++)
					for (kind = 0; kind < 2; kind++, tried++) {
						struct hr_repeat_memory m = {
							.pick = { .codec = (uint8_t)how, .param = (uint8_t)param, .left = 255 },
						};

						other_kind = kind;
						good += turn((enum table)t, size[k], &m) > 0 || size[k] == 0;
					}
	other_kind = false;
	is_number(good, tried, "by everything, of any size, with columns that are there or not");
}

/* What was worth it is given up when it no longer is. */
static void
gives_up(void)
{
	struct hr_repeat_memory m = { .cost = 0 };
	int i;

	for (i = 0; i < 4; i++)
		turn(AS_FRONT, ROWS, &m);
	is(hr_repeat_name(&m), " by the row in front", "runs are found");
	turn(AS_NONE, ROWS, &m);
	is(hr_repeat_name(&m), "", "and left when there are none");
}

static void
damaged(void)
{
	struct hr_string s[ROWS];
	struct hr_repeat r;
	int i, refused = 0;
	uint8_t *copy;

	dec.meta = hr_cur("\3", 1);
	ok(hr_repeat_get(&dec, &r, 4, NULL) < 0, "a way that there is not is refused");
	r = (struct hr_repeat){ .how = 2, .column = 2, .same = (uint64_t[]){ 1, 1 }, .n = 2 };
	hr_arena_reset(&dec.arena, ARENA);
	ok(hr_repeat_fill(&dec, &r, s, &others) < 0, "so is a column that is not in front");
	r = (struct hr_repeat){ .how = 1, .same = (uint64_t[]){ 1, 0 }, .n = 2, .rest = 1 };
	ok(hr_repeat_fill(&dec, &r, s, &others) < 0, "and a row in front of the first");
	for (i = 0; i < 2000; i++) {
		struct hr_repeat_memory m = { .pick = { .codec = (uint8_t)(i % 3), .left = 255 } };

		if (turn((enum table)(i % TABLES), 100, &m) == 0)
			continue;
		copy = codec_damage(ARENA);
		if (hr_repeat_get(&dec, &r, 100, NULL) < 0 || hr_strings_decode(&dec, s, r.rest, NULL) < 0 ||
		    hr_repeat_fill(&dec, &r, s, &others) < 0 || !codec_used())
			refused++;
		free(copy);
	}
	ok(refused > 200, "%d of 2000 damaged ones are refused, all are decoded safely", refused);
}

/* Events whose login is in them twice, and whose session is mostly that of the event in front. */
static void
documents(void)
{
	static char line[ROWS][200];
	struct hr_string s[ROWS], back[ROWS];
	struct hr_documents_memory m = { .path = { .slots = 0 } };
	struct hr_documents_kept kept = { .paths.size = 0 }, again = { .paths.size = 0 };
	size_t first = 0, last = 0, i, good = 0;
	uint64_t session = rnd(), login;
	int block;

	for (block = 0; block < 6; block++) {
		for (i = 0; i < ROWS; i++) {
			if (rnd() % 20 == 0)
				session = rnd();
			login = rnd();
			snprintf(line[i], sizeof(line[i]), "{\"actor\":{\"login\":\"u%" PRIu64 "\",\"id\":%u},\"session\":\"s%"
			    PRIu64 "\",\"pull\":{\"user\":\"u%" PRIu64 "\",\"id\":%u}}", login, (unsigned)login >> 1, session,
			    login, (unsigned)login >> 1);
			s[i] = (struct hr_string){ (const uint8_t *)line[i], strlen(line[i]) };
		}
		codec_begin();
		enc.entries = dec.entries = enc.room = dec.room = 1 << 22;
		if (!hr_documents_encode(&enc, s, ROWS, &m, &kept))
			break;
		*(block ? &last : &first) = codec_size();
		codec_turn(ARENA);
		if (hr_documents_decode(&dec, back, ROWS, false, &again) < 0 || !codec_used())
			break;
		for (i = 0; i < ROWS; i++)
			good += back[i].len == s[i].len && memcmp(back[i].data, s[i].data, s[i].len) == 0;
	}
	is_number((int64_t)good, 6 * ROWS, "documents with the same inside them come back");
	ok(last && last * 10 < first * 7, "and take %zu bytes, %zu without", last, first);
	hr_documents_memory_clear(&m);
	hr_documents_kept_clear(&kept);
	hr_documents_kept_clear(&again);
}

int
main(void)
{
	finds(AS_FIRST, " by column", "as another column, which has gaps");
	finds(AS_SECOND, " by column", "as another column");
	finds(AS_FRONT, " by the row in front", "runs");
	finds(AS_NONE, "", "noise");
	all();
	gives_up();
	damaged();
	documents();
	codec_clear();
	return tap_done();
}
