/*
 * repeat.c - values that are there already.
 *
 * In meta: how, the column where there is one, and flags as ints.c writes them.
 */

#include "base/hr.h"

#include <string.h>

#include "codec/repeat.h"

enum how { NOT, FRONT, COLUMN };

#define LEAST		64		/* values, for a trial */
#define SAMPLE		128
#define TRIED_MOST	8		/* columns, the nearest */
#define CHEAP		512		/* bits for 256 values: less is not worth a look */

static bool
alike(const struct hr_string *a, const struct hr_string *b)
{
	return a->len == b->len && (a->data == b->data || memcmp(a->data, b->data, a->len) == 0);
}

static size_t
count_alike(const struct hr_string *a, const struct hr_string *b, size_t n)
{
	size_t i, all = 0;

	for (i = 0; i < n; i++)
		all += alike(&a[i], &b[i]);
	return all;
}

/* The one that has most of them, when it is a quarter. */
static void
choose(struct hr_enc *o, const struct hr_string *s, size_t n, const struct hr_others *others,
    struct hr_repeat_memory *m)
{
	struct hr_string *other = hr_arena_get(&o->arena, SAMPLE, sizeof(*other));
	size_t sample = n < SAMPLE ? n : SAMPLE, c, tried = 0, all, most;

	most = count_alike(s, s + 1, sample - 1);
	m->pick.codec = FRONT;
	for (c = others->columns; c-- > 0 && tried < TRIED_MOST; ) {
		if (c > UINT8_MAX || !others->get(others->arg, c, other, sample))
			continue;
		tried++;
		if ((all = count_alike(s, other, sample)) > most) {
			most = all;
			m->pick.codec = COLUMN;
			m->pick.param = (uint8_t)c;
		}
	}
	if (most * 4 < sample)
		m->pick.codec = NOT;
}

size_t
hr_repeat_put(struct hr_enc *o, struct hr_string *s, size_t n, const struct hr_others *others,
    struct hr_repeat_memory *m, struct hr_ints_kept *kept)
{
	struct hr_arena_mark mark = hr_arena_mark(&o->arena);
	struct hr_string *other, front = { NULL, SIZE_MAX };
	size_t i, rest = 0;
	uint64_t *same;

	/* Of the first block it is not known what it takes without. */
	if (n >= LEAST && m->cost > CHEAP && hr_pick_due(&m->pick)) {
		if (m->pick.codec == NOT)
			m->without = m->cost;
		choose(o, s, n, others, m);
	}
	hr_buf_u8(&o->meta, m->pick.codec);
	if (m->pick.codec == COLUMN)
		hr_varint_put(&o->meta, m->pick.param);
	if (m->pick.codec == NOT) {
		hr_arena_release(&o->arena, mark);
		return n;
	}
	other = hr_arena_get(&o->arena, n, sizeof(*other));
	same = hr_arena_get(&o->arena, n, sizeof(*same));
	/* A column that is of another kind this time has nothing. */
	if (m->pick.codec == COLUMN && (m->pick.param >= others->columns ||
	    !others->get(others->arg, m->pick.param, other, n)))
		for (i = 0; i < n; i++)
			other[i] = (struct hr_string){ NULL, SIZE_MAX };
	for (i = 0; i < n; i++) {
		struct hr_string this = s[i];

		same[i] = alike(&this, m->pick.codec == FRONT ? &front : &other[i]);
		if (!same[i])
			s[rest++] = this;
		front = this;
	}
	hr_ints_encode(o, same, n, NULL, kept);
	hr_arena_release(&o->arena, mark);
	return rest;
}

void
hr_repeat_cost(struct hr_repeat_memory *m, size_t n, size_t bytes)
{
	uint64_t cost = n ? (uint64_t)bytes * 2048 / n : 0;

	m->cost = cost < UINT32_MAX ? (uint32_t)cost : UINT32_MAX;
	if (m->pick.codec != NOT && n >= LEAST && cost > m->without - m->without / 16) {
		m->pick.codec = NOT;
		hr_pick_again(&m->pick);
	}
}

int
hr_repeat_get(struct hr_dec *d, struct hr_repeat *r, size_t n, struct hr_ints_kept *kept)
{
	size_t i;

	*r = (struct hr_repeat){ .how = hr_cur_u8(&d->meta), .n = n, .rest = n };
	if (r->how == COLUMN)
		r->column = hr_varint_get(&d->meta);
	if (d->meta.bad || r->how > COLUMN)
		return -1;
	if (r->how == NOT)
		return 0;
	if ((r->same = hr_arena_get(&d->arena, n, sizeof(*r->same))) == NULL ||
	    hr_ints_decode(d, r->same, n, kept) < 0)
		return -1;
	for (i = 0; i < n; i++) {
		if (r->same[i] > 1)
			return -1;
		r->rest -= r->same[i];
	}
	return 0;
}

int
hr_repeat_fill(struct hr_dec *d, const struct hr_repeat *r, struct hr_string *s, const struct hr_others *others)
{
	struct hr_string *other = NULL;
	size_t i, rest = r->rest;

	if (r->how == NOT)
		return 0;
	/* All are as others: then the column has to be there. */
	if (r->how == COLUMN && rest < r->n && (r->column >= others->columns ||
	    (other = hr_arena_get(&d->arena, r->n, sizeof(*other))) == NULL ||
	    !others->get(others->arg, r->column, other, r->n)))
		return -1;
	for (i = r->n; i-- > 0; )
		if (!r->same[i])
			s[i] = s[--rest];
	for (i = 0; i < r->n; i++) {
		if (!r->same[i])
			continue;
		if (r->how == FRONT ? i == 0 : other[i].len == SIZE_MAX)
			return -1;
		s[i] = r->how == FRONT ? s[i - 1] : other[i];
	}
	return 0;
}

const char *
hr_repeat_name(const struct hr_repeat_memory *m)
{
	return m->pick.codec == FRONT ? " by the row in front" : m->pick.codec == COLUMN ? " by column" : "";
}
