/*
 * guess.c - numbers against what they are likely to be near to.
 *
 * In meta: how, and the column where there is one; then the differences as ints.c
 * writes them.
 */

#include "base/hr.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "codec/guess.h"

#define LEAST		64		/* numbers, for a trial */
#define SAMPLE		256
#define SAMPLE_LEAST	16
#define COLUMN_MOST	UINT8_MAX	/* that a pick can name */
#define TRIED_MOST	12		/* columns in front that are tried, the nearest */

/* A guess at work. */
struct work {
	const struct hr_guess *g;
	enum hr_guess_how how;
	int column;
	const uint32_t *id;		/* of the key, by row: from 1, 0 is none */
	uint64_t *last;			/* by id; by row for versions */
	bool *has;
	size_t n;			/* of these */
};

uint64_t
hr_number_of(const uint8_t *p, unsigned width)
{
	switch (width) {
	case 1: return (uint64_t)(int8_t)p[0];
	case 2: return (uint64_t)(int16_t)hr_get_u16be(p);
	case 4: return (uint64_t)(int32_t)hr_get_u32be(p);
	}
	return hr_get_u64be(p);
}

static bool
is_number(const struct hr_value *v, unsigned width, uint64_t *number)
{
	if (v->len != (int32_t)width || v->text || width == 0)
		return false;
	*number = hr_number_of(v->data, width);
	return true;
}

/*
 * What the row had before: of versions that are kept, or of a row in front.  One
 * that is not among the numbers has what its own reference has.
 */
static bool
before(const struct work *w, uint32_t row, uint64_t *number)
{
	const struct hr_references *r = w->g->rows->references;

	if (r == NULL || r->found == 0)
		return false;
	for (;;) {
		uint32_t front = r->row[row];

		if (r->version[row])
			return is_number(&r->version[row][w->g->rows->order[w->g->at]], w->g->width, number);
		if (front == row)
			return false;
		if (w->has[front]) {
			*number = w->last[front];
			return true;
		}
		row = front;
	}
}

static inline bool
guess(const struct work *w, enum hr_guess_how how, uint32_t row, uint64_t *number)
{
	const struct hr_guess_rows *rows = w->g->rows;

	switch (how) {
	case HR_GUESS_COMMIT:
		*number = rows->time[row];
		return true;
	case HR_GUESS_VERSION: return before(w, row, number);
	case HR_GUESS_COLUMN: return is_number(&rows->v[w->column][row], w->g->width, number);
	case HR_GUESS_KEY:
		if (w->id[row] == 0 || w->id[row] > w->n || !w->has[w->id[row] - 1])
			return false;
		*number = w->last[w->id[row] - 1];
		return true;
	case HR_GUESS_NONE: break;
	}
	return false;
}

static inline void
remember(const struct work *w, enum hr_guess_how how, uint32_t row, uint64_t number)
{
	uint32_t at = how == HR_GUESS_VERSION ? row + 1 : how == HR_GUESS_KEY ? w->id[row] : 0;

	if (at && at <= w->n) {
		w->last[at - 1] = number;
		w->has[at - 1] = true;
	}
}

/* Numbers to differences, or back: a loop for each way. */
static inline __attribute__((always_inline)) void
pass(const struct work *w, enum hr_guess_how how, uint64_t *v, size_t n, bool back)
{
	const uint32_t *rows = w->g->row;
	uint64_t number, last = 0, this;
	size_t i;

	for (i = 0; i < n; i++) {
		uint32_t row = rows ? rows[i] : (uint32_t)i;

		if (!guess(w, how, row, &number))
			number = last;
		this = back ? v[i] + number : v[i];
		v[i] = back ? this : this - number;
		remember(w, how, row, this);
		last = this;
	}
}

static void
take_off(const struct work *w, uint64_t *v, size_t n)
{
	switch (w->how) {
	case HR_GUESS_NONE: return;
	case HR_GUESS_COMMIT: pass(w, HR_GUESS_COMMIT, v, n, false); return;
	case HR_GUESS_VERSION: pass(w, HR_GUESS_VERSION, v, n, false); return;
	case HR_GUESS_COLUMN: pass(w, HR_GUESS_COLUMN, v, n, false); return;
	case HR_GUESS_KEY: pass(w, HR_GUESS_KEY, v, n, false); return;
	}
}

static void
put_on(const struct work *w, uint64_t *v, size_t n)
{
	switch (w->how) {
	case HR_GUESS_NONE: return;
	case HR_GUESS_COMMIT: pass(w, HR_GUESS_COMMIT, v, n, true); return;
	case HR_GUESS_VERSION: pass(w, HR_GUESS_VERSION, v, n, true); return;
	case HR_GUESS_COLUMN: pass(w, HR_GUESS_COLUMN, v, n, true); return;
	case HR_GUESS_KEY: pass(w, HR_GUESS_KEY, v, n, true); return;
	}
}

/* --- keys --- */

/* The entry of each row's value in what is kept of its column, which is made bigger; from 1, 0: none. */
static void
set_ids(struct hr_guess_rows *rows, int column, size_t *room)
{
	struct hr_dictionary once = { .piece = NULL }, *d;
	int32_t entry = -1;
	size_t i;

	if (rows->key == column)
		return;
	rows->key = column;
	d = hr_dictionary_of(rows->kept ? &rows->kept[column]->keys : NULL, &once);
	for (i = 0; i < rows->n; i++) {
		const struct hr_value *v = &rows->v[column][i];

		/* A fleet mostly reports in the same order each time; others do many times in a row. */
		if (v->len >= 0 && hr_dictionary_is(d, entry + 1, v->data, (size_t)v->len))
			entry++;
		else if (v->len >= 0 && !hr_dictionary_is(d, entry, v->data, (size_t)v->len) &&
		    (entry = hr_dictionary_find(d, v->data, (size_t)v->len)) < 0)
			entry = hr_dictionary_add(d, v->data, (size_t)v->len, rows->kept ? room : NULL);
		rows->id[i] = v->len >= 0 ? (uint32_t)(entry + 1) : 0;
	}
	hr_dictionary_clear(&once);
}

/*
 * The last number of each of n entries, as blocks before left them when they had the
 * same key; of fewer, when there is no room.
 */
static void
lasts_of(struct hr_guess_kept *k, uint16_t key, uint8_t exponent, size_t n, size_t *room)
{
	size_t each = sizeof(*k->last) + sizeof(*k->has);

	if (k->key != key || k->exponent != exponent) {
		if (k->n)
			memset(k->has, 0, k->n * sizeof(*k->has));
		k->key = key;
		k->exponent = exponent;
	}
	if (n > k->n && n - k->n > *room / each)
		n = k->n + *room / each;
	if (n <= k->n)
		return;
	*room -= (n - k->n) * each;
	k->last = hr_realloc(k->last, n, sizeof(*k->last));
	k->has = hr_realloc(k->has, n, sizeof(*k->has));
	memset(k->has + k->n, 0, (n - k->n) * sizeof(*k->has));
	k->n = n;
}

static bool
begin_numbers(struct work *w, struct hr_arena *a, size_t n)
{
	w->n = n;
	w->last = hr_arena_get(a, n, sizeof(*w->last));
	w->has = hr_arena_get(a, n, sizeof(*w->has));
	if (w->last == NULL || w->has == NULL)
		return false;
	memset(w->has, 0, n * sizeof(*w->has));
	return true;
}

/* Get ready; false: there is no memory for it. */
static bool
begin(struct work *w, struct hr_arena *a, size_t *room)
{
	struct hr_guess_rows *rows = w->g->rows;
	struct hr_guess_kept *k;
	size_t n = 0, i;

	if (w->how == HR_GUESS_VERSION)
		return begin_numbers(w, a, rows->n);
	if (w->how != HR_GUESS_KEY)
		return true;
	set_ids(rows, w->column, room);
	w->id = rows->id;
	if (rows->kept == NULL) {
		for (i = 0; i < rows->n; i++)
			n = w->id[i] > n ? w->id[i] : n;
		return begin_numbers(w, a, n);
	}
	k = rows->kept[w->g->at];
	lasts_of(k, (uint16_t)(w->column + 1), w->g->exponent, rows->kept[w->column]->keys->entries, room);
	w->n = k->n;
	w->last = k->last;
	w->has = k->has;
	return true;
}

/* --- which one --- */

void
hr_guess_begin(struct hr_guess_rows *rows, struct hr_arena *a)
{
	size_t i;

	if (rows->n < LEAST)
		return;
	rows->same = hr_arena_get(a, HR_GUESS_SAME_COLUMNS, sizeof(*rows->same));
	for (i = 0; i < HR_GUESS_SAME_COLUMNS; i++)
		rows->same[i].column = -1;
}

static void
look_at(struct hr_guess_same *s, struct hr_arena *a, const struct hr_value *v, size_t n)
{
	size_t slots = 2 * HR_GUESS_SAME_ROWS, i, at, distinct = 0;
	struct hr_arena_mark mark = hr_arena_mark(a);
	uint16_t *slot = hr_arena_get(a, slots, sizeof(*slot));
	uint64_t hash[HR_GUESS_SAME_ROWS];

	memset(slot, 0, slots * sizeof(*slot));
	for (i = 0; i < n; i++) {
		if (v[i].len < 0) {
			s->id[i] = 0;
			continue;
		}
		hash[i] = hr_hash(v[i].data, (size_t)v[i].len);
		for (at = hash[i] & (slots - 1); slot[at] && hash[slot[at] - 1] != hash[i]; )
			at = (at + 1) & (slots - 1);
		if (slot[at] == 0) {
			slot[at] = (uint16_t)(i + 1);
			distinct++;
		}
		s->id[i] = slot[at];
	}
	s->usable = distinct > 1 && distinct <= n / 4 * 3;
	hr_arena_release(a, mark);
}

/* Rows at the beginning with the same value of a column have the same id; NULL: there are not enough of them. */
static const uint32_t *
same_in_front(const struct hr_guess *g, struct hr_arena *a, int column)
{
	struct hr_guess_same *s = &g->rows->same[column % HR_GUESS_SAME_COLUMNS];
	size_t n = g->rows->n < HR_GUESS_SAME_ROWS ? g->rows->n : HR_GUESS_SAME_ROWS;

	if (s->column != column) {
		s->column = column;
		look_at(s, a, g->rows->v[column], n);
	}
	return s->usable ? s->id : NULL;
}

/* About how many bits the differences take. */
static uint64_t
bits_of(const uint64_t *v, size_t n)
{
	uint64_t bits = 0, z;
	size_t i;

	for (i = 0; i < n; i++) {
		z = hr_zigzag((int64_t)v[i]);
		bits += z ? 66 - (unsigned)__builtin_clzll(z) : 1;
	}
	return bits;
}

/* Differences of those numbers that there is a guess for: how many. */
static size_t
differences(const struct work *w, const uint64_t *v, size_t n, uint64_t *out)
{
	size_t i, found = 0;
	uint64_t number;

	for (i = 0; i < n; i++) {
		uint32_t row = w->g->row ? w->g->row[i] : (uint32_t)i;

		if (guess(w, w->how, row, &number))
			out[found++] = v[i] - number;
		remember(w, w->how, row, v[i]);
	}
	return found;
}

/*
 * What it would take, reckoned roughly or the better way.  Where blocks leave
 * something, what is there for the first time in a sample was there before.
 */
static uint64_t
cost_of(struct hr_enc *o, struct work *w, const uint64_t *v, size_t n, uint64_t *copy, bool rough)
{
	struct hr_arena_mark mark = hr_arena_mark(&o->arena);
	uint64_t cost = UINT64_MAX;
	size_t found = n;

	if (w->how == HR_GUESS_VERSION || w->how == HR_GUESS_KEY)
		begin_numbers(w, &o->arena, w->g->rows->n < HR_GUESS_SAME_ROWS ? w->g->rows->n : HR_GUESS_SAME_ROWS);
	if (w->g->rows->kept)
		found = differences(w, v, n, copy);
	else {
		memcpy(copy, v, n * sizeof(*v));
		take_off(w, copy, n);
	}
	if (found >= n / 4 && found)
		cost = (rough ? bits_of(copy, found) : hr_ints_cost(o, copy, found, NULL)) * n / found;
	hr_arena_release(&o->arena, mark);
	return cost;
}

/* Try one: the best so far is remembered. */
static void
attempt(struct hr_enc *o, struct work *w, const uint64_t *v, size_t n, uint64_t *copy, struct work *best,
    uint64_t *least)
{
	uint64_t cost = cost_of(o, w, v, n, copy, true);

	if (cost < *least) {
		*least = cost;
		*best = *w;
	}
}

/* Columns in front whose number is near, or whose value says what is. */
static void
attempt_columns(struct hr_enc *o, const struct hr_guess *g, const uint64_t *v, size_t n, uint64_t *copy,
    struct work *best, uint64_t *least)
{
	struct work w = { .g = g };
	int c, tried = 0;
	uint64_t number;

	for (c = g->at - 1; c >= 0 && tried < TRIED_MOST; c--) {
		const struct hr_value *column = g->rows->v[c];

		w.column = c;
		if (c > COLUMN_MOST || column[0].len < 0)
			continue;
		tried++;
		w.how = HR_GUESS_COLUMN;
		if (is_number(&column[0], g->width, &number))
			attempt(o, &w, v, n, copy, best, least);
		w.how = HR_GUESS_KEY;
		if (column[0].len <= HR_DICTIONARY_STRING && (w.id = same_in_front(g, &o->arena, c)))
			attempt(o, &w, v, n, copy, best, least);
	}
}

static void
choose(struct hr_enc *o, const struct hr_guess *g, const uint64_t *v, size_t n, struct hr_pick *pick,
    const struct hr_ints_kept *kept)
{
	struct hr_arena_mark mark = hr_arena_mark(&o->arena);
	struct work best = { .g = g }, w = { .g = g };
	uint64_t least = UINT64_MAX, base, *copy;

	pick->codec = HR_GUESS_NONE;
	n = n < SAMPLE ? n : SAMPLE;
	while (n && g->row && g->row[n - 1] >= HR_GUESS_SAME_ROWS)
		n--;
	if (n < SAMPLE_LEAST)
		return;
	base = hr_ints_cost(o, v, n, kept);
	if (base < n / 16)
		return;
	copy = hr_arena_get(&o->arena, n, sizeof(*copy));
	w.how = HR_GUESS_COMMIT;
	if (g->width == 8 && g->rows->time)
		attempt(o, &w, v, n, copy, &best, &least);
	w.how = HR_GUESS_VERSION;
	if (g->width && g->rows->references && g->rows->references->found)
		attempt(o, &w, v, n, copy, &best, &least);
	attempt_columns(o, g, v, n, copy, &best, &least);
	if (least < UINT64_MAX && cost_of(o, &best, v, n, copy, false) / 16 * 17 + 4 < base) {
		pick->codec = (uint8_t)best.how;
		pick->param = (uint8_t)best.column;
	}
	hr_arena_release(&o->arena, mark);
}

void
hr_guess_encode(struct hr_enc *o, uint64_t *v, size_t n, const struct hr_guess *g, struct hr_pick *pick,
    struct hr_pick *ints, struct hr_ints_kept *kept)
{
	size_t size = o->meta.len + o->data.len;
	uint8_t how = pick->codec, param = pick->param;
	struct work w = { .g = g };
	bool tried;

	/* The order of columns was another one: what is not in front now is not there for who reads. */
	if ((how == HR_GUESS_COLUMN || how == HR_GUESS_KEY) && param >= g->at) {
		pick->codec = how = HR_GUESS_NONE;
		pick->gap = pick->left = 0;
	}
	tried = n >= LEAST && hr_pick_due(pick);
	if (tried) {
		choose(o, g, v, n, pick, kept);
		/* What is left of numbers is of another kind now; or it is as it was, and will be. */
		if (pick->codec != how || pick->param != param)
			ints->gap = ints->left = 0;
		else
			hr_pick_again(pick);
	}
	w.how = (enum hr_guess_how)pick->codec;
	w.column = pick->param;
	hr_buf_u8(&o->meta, (uint8_t)w.how);
	if (w.how == HR_GUESS_COLUMN || w.how == HR_GUESS_KEY)
		hr_varint_put(&o->meta, (uint64_t)w.column);
	g->rows->timed |= w.how == HR_GUESS_COMMIT;
	begin(&w, &o->arena, &o->entries);
	take_off(&w, v, n);
	hr_ints_encode(o, v, n, ints, kept);
	hr_pick_cost(pick, tried, n, o->meta.len + o->data.len - size);
}

int
hr_guess_decode(struct hr_dec *d, uint64_t *v, size_t n, const struct hr_guess *g, struct hr_ints_kept *kept)
{
	struct work w = { .g = g };
	uint64_t column = 0;
	uint8_t how;

	how = hr_cur_u8(&d->meta);
	if (how == HR_GUESS_COLUMN || how == HR_GUESS_KEY)
		column = hr_varint_get(&d->meta);
	if (d->meta.bad || how > HR_GUESS_KEY || (column && column >= (uint64_t)g->at) ||
	    (g->at == 0 && how >= HR_GUESS_COLUMN) || (how == HR_GUESS_COMMIT && g->rows->time == NULL))
		return -1;
	w.how = (enum hr_guess_how)how;
	w.column = (int)column;
	if (!begin(&w, &d->arena, &d->entries) || hr_ints_decode(d, v, n, kept) < 0)
		return -1;
	put_on(&w, v, n);
	return 0;
}

size_t
hr_guess_kept_size(const struct hr_guess_kept *k)
{
	return (k->keys ? hr_dictionary_size(k->keys) : 0) + k->n * (sizeof(*k->last) + sizeof(*k->has));
}

void
hr_guess_kept_clear(struct hr_guess_kept *k)
{
	if (k->keys)
		hr_dictionary_clear(k->keys);
	free(k->keys);
	free(k->last);
	free(k->has);
	*k = (struct hr_guess_kept){ .keys = NULL };
}

const char *
hr_guess_name(uint8_t how)
{
	static const char *const name[] = { "", " by commit time", " by version", " by column", " by key" };

	return how < HR_COUNT(name) ? name[how] : "";
}
