/* paths.c - scalars by path, through the codec of their kind. */

#include "base/hr.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "codec/ints.h"
#include "codec/paths.h"
#include "codec/repeat.h"

struct hr_path_memory {
	struct hr_repeat_memory repeat;
	struct hr_pick ints, decimals;
	struct hr_strings_memory strings;
};

struct hr_path_kept {
	struct hr_ints_kept same, ints, decimals;
	struct hr_strings_kept strings;
	size_t size;
};

const char *const hr_word[] = { "null", "false", "true" };
const uint8_t hr_word_len[] = { 4, 5, 4 };

/* Those in front of one. */
struct columns_of {
	const struct hr_path *column;
	size_t at;
};

#define SLOTS	(2 * HR_PATHS_MOST)

bool
hr_paths_open(struct hr_paths *c, struct hr_arena *a)
{
	c->arena = a;
	c->n = 0;
	c->column = hr_arena_get(a, HR_PATHS_MOST, sizeof(*c->column));
	c->slot = hr_arena_get(a, SLOTS, sizeof(*c->slot));
	if (c->column == NULL || c->slot == NULL)
		return false;
	memset(c->slot, 0, SLOTS * sizeof(*c->slot));
	return true;
}

/* The column of a path and kind; NULL: there are too many. */
struct hr_path *
hr_paths_at(struct hr_paths *c, uint64_t path, enum hr_mark kind)
{
	size_t at = (path + kind) % SLOTS;

	for (; c->slot[at]; at = (at + 1) % SLOTS)
		if (c->column[c->slot[at] - 1].path == path && c->column[c->slot[at] - 1].kind == kind)
			return &c->column[c->slot[at] - 1];
	if (c->n == HR_PATHS_MOST)
		return NULL;
	c->column[c->n] = (struct hr_path){ .path = path, .kind = kind };
	c->slot[at] = (uint32_t)++c->n;
	return &c->column[c->n - 1];
}

/* Take back the newest columns, down to n of them. */
void
hr_paths_drop(struct hr_paths *c, size_t n)
{
	size_t at;

	for (; c->n > n; c->n--) {
		const struct hr_path *k = &c->column[c->n - 1];

		for (at = (k->path + k->kind) % SLOTS; c->slot[at] != c->n; at = (at + 1) % SLOTS)
			;
		c->slot[at] = 0;
	}
}

static void
more(struct hr_path *k, struct hr_arena *a)
{
	size_t cap = k->cap ? 2 * k->cap : 64;
	void *old;

	if (k->kind == HR_MARK_STRING || k->kind == HR_MARK_NUMBER) {
		old = k->string;
		k->string = hr_arena_get(a, cap, sizeof(*k->string));
		if (k->n)
			memcpy(k->string, old, k->n * sizeof(*k->string));
	} else {
		old = k->integer;
		k->integer = hr_arena_get(a, cap, sizeof(*k->integer));
		if (k->n)
			memcpy(k->integer, old, k->n * sizeof(*k->integer));
	}
	if (k->kind == HR_MARK_DECIMAL) {
		old = k->decimals;
		k->decimals = hr_arena_get(a, cap, sizeof(*k->decimals));
		if (k->n)
			memcpy(k->decimals, old, k->n * sizeof(*k->decimals));
	}
	k->cap = cap;
}

static void
key_of(const struct hr_path *k, uint8_t key[9])
{
	hr_set_u64le(key, k->path);
	key[8] = (uint8_t)k->kind;
}

void
hr_path_append(struct hr_path *k, const struct hr_scalar *s, struct hr_arena *a)
{
	if (k->n == k->cap)
		more(k, a);
	if (s->kind == HR_MARK_STRING || s->kind == HR_MARK_NUMBER)
		k->string[k->n] = (struct hr_string){ s->at, s->len };
	else
		k->integer[k->n] = (uint64_t)s->integer;
	if (s->kind == HR_MARK_DECIMAL)
		k->decimals[k->n] = s->decimals;
	k->n++;
}

/* --- there --- */

static struct hr_path_kept *
path_kept(struct hr_paths_kept *kept, const struct hr_path *k)
{
	uint8_t key[9];
	void **at;

	if (kept == NULL)
		return NULL;
	key_of(k, key);
	if (kept->map.count >= HR_PATHS_MOST)
		return hr_map_get(&kept->map, key, sizeof(key));
	at = hr_map_at(&kept->map, key, sizeof(key));
	if (*at == NULL)
		*at = hr_zalloc(sizeof(struct hr_path_kept));
	return *at;
}

static void
settle(struct hr_paths_kept *kept, struct hr_path_kept *k)
{
	size_t size;

	if (k == NULL)
		return;
	size = sizeof(*k) + hr_ints_kept_size(&k->same) + hr_ints_kept_size(&k->ints) + hr_ints_kept_size(&k->decimals) +
	    hr_strings_kept_size(&k->strings);
	kept->size += size - k->size;
	k->size = size;
}

static struct hr_path_memory *
path_memory(struct hr_map *map, const struct hr_path *k)
{
	uint8_t key[9];
	void **at;

	key_of(k, key);
	if (map->count >= 4 * HR_PATHS_MOST)
		hr_map_clear(map, free);
	at = hr_map_at(map, key, sizeof(key));
	if (*at == NULL)
		*at = hr_zalloc(sizeof(struct hr_path_memory));
	return *at;
}

/* An integer as a string, to be compared: of this machine's bytes, which are not written. */
static void
as_strings(const uint64_t *v, struct hr_string *out, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		out[i] = (struct hr_string){ (const uint8_t *)&v[i], sizeof(v[i]) };
}

/* A column in front that has a value for each of n, of one kind with the last. */
static bool
get_other(const void *arg, size_t column, struct hr_string *out, size_t n)
{
	const struct columns_of *all = arg;
	const struct hr_path *k = &all->column[column], *mine = &all->column[all->at];

	if (k->kind != mine->kind || k->n != mine->n)
		return false;
	if (k->kind == HR_MARK_INTEGER)
		as_strings(k->integer, out, n);
	else
		memcpy(out, k->string, n * sizeof(*out));
	return true;
}

/* Column i: what is there already, then the rest. */
static void
put_column(struct hr_enc *o, const struct hr_paths *c, size_t i, struct hr_path_memory *m,
    struct hr_path_kept *kept)
{
	const struct hr_path *k = &c->column[i];
	size_t size = o->meta.len + o->data.len, rest, j;
	struct columns_of all = { c->column, i };
	struct hr_others others = { i, get_other, &all };
	struct hr_string *s;
	uint64_t *v;

	if (k->kind == HR_MARK_DECIMAL)
		hr_ints_encode(o, k->decimals, k->n, &m->decimals, HR_KEPT(kept, decimals));
	if (k->kind == HR_MARK_DECIMAL || k->kind == HR_MARK_WORD) {
		hr_ints_encode(o, k->integer, k->n, &m->ints, HR_KEPT(kept, ints));
		return;
	}
	s = hr_arena_get(&o->arena, k->n, sizeof(*s));
	if (k->kind == HR_MARK_INTEGER)
		as_strings(k->integer, s, k->n);
	else
		memcpy(s, k->string, k->n * sizeof(*s));
	rest = hr_repeat_put(o, s, k->n, &others, &m->repeat, HR_KEPT(kept, same));
	if (k->kind != HR_MARK_INTEGER)
		hr_strings_encode(o, s, rest, &m->strings, HR_KEPT(kept, strings));
	else if (rest == k->n)
		hr_ints_encode(o, k->integer, rest, &m->ints, HR_KEPT(kept, ints));
	else {
		v = hr_arena_get(&o->arena, rest, sizeof(*v));
		for (j = 0; j < rest; j++)
			memcpy(&v[j], s[j].data, sizeof(v[j]));
		hr_ints_encode(o, v, rest, &m->ints, HR_KEPT(kept, ints));
	}
	hr_repeat_cost(&m->repeat, k->n, o->meta.len + o->data.len - size);
}

void
hr_paths_encode(struct hr_enc *o, const struct hr_paths *c, struct hr_map *memory, struct hr_paths_kept *kept)
{
	size_t i;

	for (i = 0; i < c->n; i++) {
		struct hr_path_kept *have = path_kept(kept, &c->column[i]);

		put_column(o, c, i, path_memory(memory, &c->column[i]), have);
		settle(kept, have);
	}
}

/* --- and back --- */

static bool
get_decimals(struct hr_dec *d, struct hr_path *k, struct hr_path_kept *kept)
{
	size_t i;

	k->decimals = hr_arena_get(&d->arena, k->n, sizeof(*k->decimals));
	if (k->decimals == NULL || hr_ints_decode(d, k->decimals, k->n, HR_KEPT(kept, decimals)) < 0)
		return false;
	for (i = 0; i < k->n; i++)
		if (k->decimals[i] == 0 || k->decimals[i] > HR_DIGITS_MOST)
			return false;
	return true;
}

/* Integers of which some are there already. */
static bool
get_repeated(struct hr_dec *d, struct hr_path *k, const struct hr_repeat *r, const struct hr_others *others,
    struct hr_path_kept *kept)
{
	uint64_t *v = hr_arena_get(&d->arena, r->rest, sizeof(*v));
	struct hr_string *s = hr_arena_get(&d->arena, k->n, sizeof(*s));
	size_t i;

	if (v == NULL || s == NULL || hr_ints_decode(d, v, r->rest, HR_KEPT(kept, ints)) < 0)
		return false;
	as_strings(v, s, r->rest);
	if (hr_repeat_fill(d, r, s, others) < 0)
		return false;
	for (i = 0; i < k->n; i++)
		memcpy(&k->integer[i], s[i].data, sizeof(k->integer[i]));
	return true;
}

static bool
get_column(struct hr_dec *d, const struct hr_paths *c, size_t i, struct hr_path_kept *kept)
{
	struct hr_path *k = &c->column[i];
	struct columns_of all = { c->column, i };
	struct hr_others others = { i, get_other, &all };
	bool is_string = k->kind == HR_MARK_STRING || k->kind == HR_MARK_NUMBER;
	struct hr_repeat r = { .rest = k->n };

	if (k->kind == HR_MARK_DECIMAL && !get_decimals(d, k, kept))
		return false;
	if ((is_string || k->kind == HR_MARK_INTEGER) && hr_repeat_get(d, &r, k->n, HR_KEPT(kept, same)) < 0)
		return false;
	if (is_string) {
		k->string = hr_arena_get(&d->arena, k->n, sizeof(*k->string));
		return k->string && hr_strings_decode(d, k->string, r.rest, HR_KEPT(kept, strings)) == 0 &&
		    hr_repeat_fill(d, &r, k->string, &others) == 0;
	}
	if ((k->integer = hr_arena_get(&d->arena, k->n, sizeof(*k->integer))) == NULL)
		return false;
	if (r.same)
		return get_repeated(d, k, &r, &others, kept);
	return hr_ints_decode(d, k->integer, k->n, HR_KEPT(kept, ints)) == 0;
}

static unsigned
digits_of(uint64_t v)
{
	static const uint64_t least[] = {
		0, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000, UINT64_C(10000000000),
		UINT64_C(100000000000), UINT64_C(1000000000000), UINT64_C(10000000000000), UINT64_C(100000000000000),
		UINT64_C(1000000000000000), UINT64_C(10000000000000000), UINT64_C(100000000000000000),
		UINT64_C(1000000000000000000), UINT64_C(10000000000000000000),
	};
	/* log10 from log2: 1233 / 4096 is a little less than log10(2). */
	unsigned n = (64 - (unsigned)__builtin_clzll(v | 1)) * 1233 >> 12;

	return n + (n == 0 || v >= least[n]);
}

static uint64_t
magnitude(uint64_t v)
{
	return (int64_t)v < 0 ? -v : v;
}

/* Bytes of a number, whose decimals are behind a point and at least one digit. */
static size_t
size_of_number(uint64_t v, uint64_t decimals)
{
	unsigned digits = digits_of(magnitude(v));

	return (digits > decimals ? digits : decimals + 1) + (decimals > 0) + ((int64_t)v < 0);
}

/* Bytes of all scalars of a column; false: a word that is none. */
static bool
size_of_column(const struct hr_path *k, size_t *size)
{
	size_t i;

	switch (k->kind) {
	case HR_MARK_STRING:
	case HR_MARK_NUMBER:
		for (i = 0; i < k->n; i++)
			*size += k->string[i].len + (k->kind == HR_MARK_STRING ? 2 : 0);
		return true;
	case HR_MARK_WORD:
		for (i = 0; i < k->n; i++) {
			if (k->integer[i] >= HR_WORDS)
				return false;
			*size += hr_word_len[k->integer[i]];
		}
		return true;
	default:
		for (i = 0; i < k->n; i++)
			*size += size_of_number(k->integer[i], k->decimals ? k->decimals[i] : 0);
		return true;
	}
}

static uint8_t *
put_number(uint8_t *to, uint64_t v, uint64_t decimals)
{
	uint8_t *end = to + size_of_number(v, decimals), *at = end;
	uint64_t left = magnitude(v);

	for (; decimals; decimals--, left /= 10) {
		*--at = (uint8_t)('0' + left % 10);
		if (decimals == 1)
			*--at = '.';
	}
	do {
		*--at = (uint8_t)('0' + left % 10);
		left /= 10;
	} while (left);
	if ((int64_t)v < 0)
		*--at = '-';
	return end;
}

/* The next scalar of a column. */
uint8_t *
hr_path_give(struct hr_path *k, uint8_t *to)
{
	size_t i = k->at++;

	switch (k->kind) {
	case HR_MARK_STRING:
		*to++ = '"';
		to = hr_bytes_put(to, k->string[i].data, k->string[i].len);
		*to++ = '"';
		return to;
	case HR_MARK_NUMBER: return hr_bytes_put(to, k->string[i].data, k->string[i].len);
	case HR_MARK_WORD: return hr_bytes_put(to, hr_word[k->integer[i]], hr_word_len[k->integer[i]]);
	default: return put_number(to, k->integer[i], k->decimals ? k->decimals[i] : 0);
	}
}

bool
hr_paths_decode(struct hr_dec *d, const struct hr_paths *c, struct hr_paths_kept *kept, size_t *size)
{
	size_t i;

	for (i = 0; i < c->n; i++) {
		struct hr_path_kept *have = path_kept(kept, &c->column[i]);

		if (!get_column(d, c, i, have) || !size_of_column(&c->column[i], size))
			return false;
		settle(kept, have);
	}
	return true;
}

/* --- what is kept --- */

static void
free_path(void *path)
{
	struct hr_path_kept *k = path;

	if (k == NULL)
		return;
	hr_ints_kept_clear(&k->same);
	hr_ints_kept_clear(&k->ints);
	hr_ints_kept_clear(&k->decimals);
	hr_strings_kept_clear(&k->strings);
	free(k);
}

void
hr_paths_kept_clear(struct hr_paths_kept *k)
{
	hr_map_clear(&k->map, free_path);
	k->size = 0;
}
