/* codec_guess - numbers come back from every guess, and the right one is found. */

#include "base/hr.h"

#include <stdlib.h>

#include "codec.h"
#include "codec/guess.h"
#include "tap.h"

#define ROWS	600
#define ARENA	(1 << 24)

enum { KEY, OTHER, NUMBER, COLUMNS };

/* A section of a key, another number and the one in hand, of 8 bytes each. */
static uint8_t bytes[COLUMNS][ROWS][8];
static struct hr_value column[COLUMNS][ROWS], *v[COLUMNS] = { column[0], column[1], column[2] };
static const uint16_t order[COLUMNS] = { 0, 1, 2 };
static uint64_t number[ROWS], times[ROWS];
static uint32_t id[ROWS], row_of[ROWS];
static struct hr_references references;

static void
set(int c, size_t i, uint64_t n)
{
	hr_set_u64be(bytes[c][i], n);
	column[c][i] = (struct hr_value){ bytes[c][i], 8, false };
}

/* The rows that a maker gives, n of them; those that come back as false are not there. */
typedef bool made(size_t i, uint64_t *key, uint64_t *other, uint64_t *commit, uint64_t *n);

static size_t
make(made *f, size_t rows)
{
	uint64_t key, other, n;
	size_t i, values = 0;

	for (i = 0; i < rows; i++) {
		key = other = n = 0;
		times[i] = 0;
		if (f(i, &key, &other, &times[i], &n)) {
			row_of[values] = (uint32_t)i;
			number[values++] = n;
			set(NUMBER, i, n);
		} else
			column[NUMBER][i] = (struct hr_value){ NULL, HR_VALUE_NULL, false };
		set(KEY, i, key);
		set(OTHER, i, other);
	}
	return values;
}

static struct hr_guess_rows
rows_with(size_t n, struct hr_guess_kept *const *kept)
{
	return (struct hr_guess_rows){
		.v = v, .n = n, .order = order, .time = times, .references = &references, .kept = kept, .id = id, .key = -1,
	};
}

static made counters, noise;

static struct hr_guess_kept there[COLUMNS], back[COLUMNS];
static struct hr_guess_kept *const there_at[] = { &there[0], &there[1], &there[2] };
static struct hr_guess_kept *const back_at[] = { &back[0], &back[1], &back[2] };
static struct hr_ints_kept ints_there, ints_back;

/* Those of the maker through it and back: the bytes it took; 0: they are not the same. */
static size_t
turn(made *f, size_t rows, struct hr_pick *pick, bool keep)
{
	struct hr_guess_rows r, q;
	struct hr_guess g = { .rows = &r, .at = NUMBER, .row = row_of, .width = 8 };
	struct hr_pick ints = { 0 };
	size_t n = make(f, rows);
	uint64_t copy[ROWS], got[ROWS];
	bool good;

	codec_begin();
	/* Of the others the key is not that of rows. */
	references = (struct hr_references){ .found = 0 };
	if (f == counters || f == noise)
		hr_references_find(&references, &enc.arena, v, rows, 1, COLUMNS, NULL);
	r = rows_with(rows, keep ? there_at : NULL);
	q = rows_with(rows, keep ? back_at : NULL);
	memcpy(copy, number, n * sizeof(*copy));
	enc.entries = dec.entries = 1 << 20;
	hr_guess_begin(&r, &enc.arena);
	hr_guess_encode(&enc, copy, n, &g, pick, &ints, keep ? &ints_there : NULL);
	codec_turn(ARENA);
	g.rows = &q;
	good = hr_guess_decode(&dec, got, n, &g, keep ? &ints_back : NULL) == 0 && codec_used() &&
	    memcmp(got, number, n * sizeof(*got)) == 0 && enc.entries == dec.entries;
	return good ? codec_size() : 0;
}

static void
forget(void)
{
	int i;

	for (i = 0; i < COLUMNS; i++) {
		hr_guess_kept_clear(&there[i]);
		hr_guess_kept_clear(&back[i]);
	}
	hr_ints_kept_clear(&ints_there);
	hr_ints_kept_clear(&ints_back);
}

/* --- tables --- */

static uint64_t level[64];

/* A fleet, each of which is near to where it was. */
static bool
fleet(size_t i, uint64_t *key, uint64_t *other, uint64_t *commit, uint64_t *n)
{
	(void)commit;
	*key = 1000 + i % 50;
	*other = rnd();
	if (level[i % 50] == 0)
		level[i % 50] = rnd() >> 20;
	*n = level[i % 50] += rnd() % 8;
	return true;
}

/* Times a little before that of the commit, which jumps. */
static bool
events(size_t i, uint64_t *key, uint64_t *other, uint64_t *commit, uint64_t *n)
{
	static uint64_t now;

	if (i == 0)
		now = 1000000000;
	if (i % 2 == 0)
		now += rnd() % 1000000000;
	*key = i;
	*other = rnd();
	*commit = now;
	*n = now - rnd() % 500;
	return true;
}

/* Counters of few rows, written again and again, among others. */
static bool
counters(size_t i, uint64_t *key, uint64_t *other, uint64_t *commit, uint64_t *n)
{
	size_t at = rnd() % 40;

	(void)commit;
	(void)i;
	*key = at;
	*other = rnd();
	if (level[at] == 0)
		level[at] = rnd() >> 8;
	*n = ++level[at];
	return true;
}

/* A key that follows another one. */
static bool
follows(size_t i, uint64_t *key, uint64_t *other, uint64_t *commit, uint64_t *n)
{
	(void)commit;
	*key = i;
	*other = rnd() >> 10;
	*n = *other + rnd() % 16;
	return true;
}

static bool
noise(size_t i, uint64_t *key, uint64_t *other, uint64_t *commit, uint64_t *n)
{
	*key = rnd() % 4 ? i : i / 2;
	*other = rnd();
	*commit = rnd();
	*n = rnd();
	return true;
}

/* Of the fleet, some did not answer. */
static bool
gaps(size_t i, uint64_t *key, uint64_t *other, uint64_t *commit, uint64_t *n)
{
	return fleet(i, key, other, commit, n) && i % 7 != 3;
}

static void
finds(made *f, enum hr_guess_how how, int at, const char *what)
{
	struct hr_pick pick = { 0 }, none = { .left = 255 };
	size_t with, without;

	memset(level, 0, sizeof(level));
	with = turn(f, ROWS, &pick, false);
	ok(with && pick.codec == how && (at < 0 || pick.param == at), "%s%s", what, hr_guess_name(pick.codec));
	memset(level, 0, sizeof(level));
	without = turn(f, ROWS, &none, false);
	ok(without && (how == HR_GUESS_NONE || with * 5 < without * 4), "%s: %zu bytes, without %zu", what, with,
	    without);
}

/* Every way, for every table, at every size, with and without what blocks leave. */
static void
all(made *f, const char *what)
{
	static const size_t size[] = { 0, 1, 2, 3, 63, ROWS };
	int how, keep, good = 0, all = 0, c, times_over;
	size_t k;

	for (how = HR_GUESS_NONE; how <= HR_GUESS_KEY; how++)
		for (c = KEY; c <= COLUMNS; c++)	/* those that are not in front, too */
			for (keep = 0; keep < 2; keep++) {
				struct hr_pick pick = { .codec = (uint8_t)how, .param = (uint8_t)c, .left = 255 };

				for (k = 0; k < HR_COUNT(size); k++)
					for (times_over = 0; times_over < 2; times_over++, all++)
						good += turn(f, size[k], &pick, keep) > 0 || size[k] == 0;
				forget();
			}
	is_number(good, all, what);
}

/* What blocks leave is worth something, and little room is no harm. */
static void
leaves(void)
{
	struct hr_pick pick = { .codec = HR_GUESS_KEY, .param = KEY, .left = 255 };
	size_t first, second, room, good = 0;

	memset(level, 0, sizeof(level));
	first = turn(fleet, 50, &pick, true);
	second = turn(fleet, 50, &pick, true);
	ok(first && second && second * 3 < first, "the second time what was there counts: %zu bytes, then %zu", first,
	    second);
	ok(hr_guess_kept_size(&there[KEY]) + hr_guess_kept_size(&there[NUMBER]) > 50 * 9, "it has a size");
	forget();
	for (room = 0; room < 4000; room += 37) {
		struct hr_guess_rows r, q;
		struct hr_guess g = { .rows = &r, .at = NUMBER, .row = row_of, .width = 8 };
		size_t n = make(fleet, ROWS);
		struct hr_pick ints = { 0 };
		uint64_t copy[ROWS], got[ROWS];

		codec_begin();
		r = rows_with(ROWS, there_at);
		q = rows_with(ROWS, back_at);
		memcpy(copy, number, sizeof(copy));
		enc.entries = dec.entries = room;
		hr_guess_begin(&r, &enc.arena);
		hr_guess_encode(&enc, copy, n, &g, &pick, &ints, NULL);
		codec_turn(ARENA);
		g.rows = &q;
		good += hr_guess_decode(&dec, got, n, &g, NULL) == 0 && memcmp(got, number, sizeof(got)) == 0 &&
		    enc.entries == dec.entries;
		forget();
	}
	is_number((int64_t)good, 109, "with any room that keys may take");
}

static void
damaged(void)
{
	static const uint8_t bad[][2] = { { HR_GUESS_KEY + 1, 0 }, { HR_GUESS_COLUMN, NUMBER }, { HR_GUESS_KEY, 200 } };
	struct hr_guess_rows r = rows_with(4, NULL);
	struct hr_guess g = { .rows = &r, .at = NUMBER, .width = 8 };
	struct hr_pick pick = { 0 };
	uint64_t got[ROWS];
	size_t i, k, refused = 0;
	uint8_t *copy;

	for (i = 0; i < HR_COUNT(bad); i++) {
		dec.meta = hr_cur(bad[i], 2);
		ok(hr_guess_decode(&dec, got, 4, &g, NULL) < 0, "%u of column %u is refused", bad[i][0], bad[i][1]);
	}
	r.time = NULL;
	dec.meta = hr_cur("\1\0\0\0", 4);
	ok(hr_guess_decode(&dec, got, 4, &g, NULL) < 0, "and times where there are none");
	for (k = 0; k < 3000; k++) {
		pick = (struct hr_pick){ .codec = (uint8_t)(k % (HR_GUESS_KEY + 1)), .param = k % 2, .left = 255 };
		if (turn(fleet, ROWS, &pick, false) == 0)
			continue;
		copy = codec_damage(ARENA);
		r = rows_with(ROWS, NULL);
		g.row = row_of;
		refused += hr_guess_decode(&dec, got, ROWS, &g, NULL) < 0 || !codec_used() ||
		    memcmp(got, number, sizeof(got)) != 0;
		free(copy);
	}
	ok(refused > 2000, "of 3000 that were damaged %zu are refused or other numbers", refused);
}

int
main(void)
{
	finds(fleet, HR_GUESS_KEY, KEY, "a fleet");
	finds(gaps, HR_GUESS_KEY, KEY, "a fleet with gaps");
	finds(events, HR_GUESS_COMMIT, -1, "events");
	finds(counters, HR_GUESS_VERSION, -1, "counters");
	finds(follows, HR_GUESS_COLUMN, OTHER, "a key that follows another");
	finds(noise, HR_GUESS_NONE, -1, "noise");
	all(fleet, "a fleet by everything");
	all(gaps, "with gaps");
	all(events, "events by everything");
	all(counters, "counters by everything");
	all(follows, "keys by everything");
	all(noise, "noise by everything");
	leaves();
	damaged();
	codec_clear();
	return tap_done();
}
