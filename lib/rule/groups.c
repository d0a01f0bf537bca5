/*
 * groups.c - the table of groups in memory, and which part a group is of.
 *
 * The place in the table is taken from the low bits of the hash, the part from
 * the high ones.
 */

#include "base/hr.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "rule/groups.h"

#define PART_BYTES	1024
#define PARTS_MEMORY	8	/* parts themselves take no more than this fraction of the memory */
#define HEAP		16	/* what an allocation takes beside its bytes */

static size_t
index_of(const struct hr_groups *t, uint64_t hash)
{
	size_t i = (size_t)(hash >> 32) & t->mask;

	return i < t->parts ? i : i & t->mask >> 1;
}

struct hr_groups_part *
hr_groups_part_of(const struct hr_groups *t, uint64_t hash)
{
	return &t->part[index_of(t, hash)];
}

struct hr_group *
hr_groups_find(const struct hr_groups *t, uint64_t hash, const uint8_t *key, size_t len)
{
	struct hr_group *g = t->slot[hash & (t->slots - 1)];

	while (g && (g->hash != hash || g->key_len != len || memcmp(hr_group_key(t, g), key, len) != 0))
		g = g->chain;
	return g;
}

/* --- in and out of the lists --- */

static void
more_slots(struct hr_groups *t)
{
	size_t n = t->slots * 2, i;
	struct hr_group **slot = hr_zalloc(n * sizeof(*slot)), *g, *next;

	for (i = 0; i < t->slots; i++)
		for (g = t->slot[i]; g; g = next) {
			next = g->chain;
			g->chain = slot[g->hash & (n - 1)];
			slot[g->hash & (n - 1)] = g;
		}
	free(t->slot);
	t->slot = slot;
	t->slots = n;
}

static void
put_due(struct hr_groups *t, struct hr_group *g)
{
	g->after = NULL;
	g->before = t->due_last;
	*(g->before ? &g->before->after : &t->due_first) = g;
	t->due_last = g;
	if (g->due < t->due)
		t->due = g->due;
}

static void
take_due(struct hr_groups *t, struct hr_group *g)
{
	*(g->before ? &g->before->after : &t->due_first) = g->after;
	*(g->after ? &g->after->before : &t->due_last) = g->before;
}

void
hr_groups_link(struct hr_groups *t, struct hr_groups_part *p, struct hr_group *g)
{
	if (t->there == t->slots)
		more_slots(t);
	g->chain = t->slot[g->hash & (t->slots - 1)];
	t->slot[g->hash & (t->slots - 1)] = g;
	g->next = p->first;
	p->first = g;
	t->there++;
	if (g->due != HR_TIME_NEVER)
		put_due(t, g);
	if (g->expires < p->expires)
		p->expires = g->expires;
}

void
hr_groups_unlink(struct hr_groups *t, struct hr_group *g)
{
	struct hr_group **at = &t->slot[g->hash & (t->slots - 1)];

	while (*at != g)
		at = &(*at)->chain;
	*at = g->chain;
	t->there--;
	if (g->due != HR_TIME_NEVER)
		take_due(t, g);
}

static size_t
size_of(const struct hr_groups *t, size_t key_len)
{
	return sizeof(struct hr_group) + (size_t)t->kinds * sizeof(struct hr_tally) + key_len;
}

struct hr_group *
hr_groups_new(struct hr_groups *t, const uint8_t *key, size_t len)
{
	size_t size = size_of(t, len);
	struct hr_group *g = hr_alloc(size);

	memset(g, 0, size - len);
	g->due = g->expires = HR_TIME_NEVER;
	g->key_len = (uint32_t)len;
	if (len)
		memcpy(hr_group_key(t, g), key, len);
	t->used += size + HEAP;
	return g;
}

void
hr_groups_free(struct hr_groups *t, struct hr_group *g)
{
	int i;

	for (i = 0; i < t->kinds; i++) {
		t->used -= hr_tally_size(&t->kind[i], &g->tally[i]);
		hr_tally_clear(&t->kind[i], &g->tally[i]);
	}
	t->used -= size_of(t, g->key_len) + HEAP;
	free(g);
}

static void
remove_group(struct hr_groups *t, struct hr_groups_part *p, struct hr_group *g)
{
	struct hr_group **at = &p->first;

	while (*at != g)
		at = &(*at)->next;
	*at = g->next;
	hr_groups_unlink(t, g);
	hr_groups_free(t, g);
	p->stale = true;
	t->count--;
}

/* --- parts --- */

static void
begin(struct hr_groups *t)
{
	t->slots = 64;
	t->slot = hr_zalloc(t->slots * sizeof(*t->slot));
	t->parts = 1;
	t->part = hr_alloc(sizeof(*t->part));
	t->part[0] = (struct hr_groups_part){ .due = HR_TIME_NEVER, .expires = HR_TIME_NEVER, .there = true };
	t->due = t->due_file = HR_TIME_NEVER;
}

/* One part more: half of the groups of another. */
static int
split(struct hr_groups *t, struct hr_err *e)
{
	struct hr_groups_part *from, *to;
	struct hr_group *g, *next;
	size_t at = t->parts;

	if (at > t->mask)
		t->mask = t->mask * 2 + 1;
	from = &t->part[at & t->mask >> 1];
	if (!from->there && hr_groups_read(t, from, e) < 0)
		return -1;
	if ((at & (at - 1)) == 0)
		t->part = hr_realloc(t->part, at * 2, sizeof(*t->part));
	from = &t->part[at & t->mask >> 1];
	to = &t->part[t->parts++];
	*to = (struct hr_groups_part){ .due = HR_TIME_NEVER, .expires = from->expires, .there = true, .stale = true };
	g = from->first;
	from->first = NULL;
	from->stale = true;
	for (; g; g = next) {
		struct hr_groups_part *p = index_of(t, g->hash) == at ? to : from;

		next = g->next;
		g->next = p->first;
		p->first = g;
	}
	return 0;
}

static bool
crowded(const struct hr_groups *t)
{
	return t->used + t->file_bytes - t->waste > (uint64_t)t->parts * PART_BYTES && t->parts < t->count / 2 &&
	    t->parts * sizeof(*t->part) < t->max_memory / PARTS_MEMORY;
}

struct hr_group *
hr_groups_get(struct hr_groups *t, const uint8_t *key, size_t len, struct hr_err *e)
{
	uint64_t hash = hr_hash(key, len);
	struct hr_groups_part *p;
	struct hr_group *g;

	if (t->slots == 0)
		begin(t);
	if (hr_groups_room(t, e) < 0)
		return NULL;
	g = hr_groups_find(t, hash, key, len);
	if (HR_LIKELY(g != NULL)) {
		hr_groups_part_of(t, hash)->asked = true;
		return g;
	}
	if (crowded(t) && split(t, e) < 0)
		return NULL;
	p = hr_groups_part_of(t, hash);
	if (!p->there && hr_groups_read(t, p, e) < 0)
		return NULL;
	g = hr_groups_find(t, hash, key, len);
	if (g == NULL) {
		g = hr_groups_new(t, key, len);
		g->hash = hash;
		hr_groups_link(t, p, g);
		t->count++;
		p->stale = true;
	}
	p->asked = true;
	return g;
}

void
hr_groups_touch(struct hr_groups *t, struct hr_group *g)
{
	hr_groups_part_of(t, g->hash)->stale = true;
}

void
hr_groups_set_due(struct hr_groups *t, struct hr_group *g, int64_t due)
{
	bool was = g->due != HR_TIME_NEVER;

	if (due == HR_TIME_NEVER) {
		if (was)
			take_due(t, g);
		g->due = due;
		return;
	}
	if (due >= g->due)
		return;
	g->due = due;
	if (!was)
		put_due(t, g);
	else if (due < t->due)
		t->due = due;
}

void
hr_groups_set_expires(struct hr_groups *t, struct hr_group *g, int64_t expires)
{
	struct hr_groups_part *p = hr_groups_part_of(t, g->hash);

	g->expires = expires;
	if (expires < p->expires)
		p->expires = expires;
}

/* --- each --- */

static int
call(struct hr_groups *t, struct hr_group *g, hr_groups_fn *fn, void *arg, struct hr_err *e)
{
	int rc = fn(arg, g, e);

	if (rc == 1)
		remove_group(t, hr_groups_part_of(t, g->hash), g);
	return rc < 0 ? -1 : 0;
}

static int
call_due(struct hr_groups *t, struct hr_group *g, hr_groups_fn *fn, void *arg, struct hr_err *e)
{
	hr_groups_touch(t, g);
	hr_groups_set_due(t, g, HR_TIME_NEVER);
	return call(t, g, fn, arg, e);
}

/* Those in memory; what is due first of the others is found on the way. */
static int
due_there(struct hr_groups *t, int64_t now, hr_groups_fn *fn, void *arg, struct hr_err *e)
{
	int64_t least = HR_TIME_NEVER;
	struct hr_group *g, *after;

	for (g = t->due_first; g; g = after) {
		after = g->after;
		if (g->due <= now) {
			if (call_due(t, g, fn, arg, e) < 0)
				return -1;
		} else if (g->due < least) {
			least = g->due;
		}
	}
	t->due = least;
	return 0;
}

/* What is due of a part that was read moves to memory, and is taken from there. */
static int
due_in_file(struct hr_groups *t, int64_t now, hr_groups_fn *fn, void *arg, struct hr_err *e)
{
	int64_t least = HR_TIME_NEVER;
	struct hr_group *g, *next;
	size_t i;

	for (i = 0; i < t->parts; i++) {
		struct hr_groups_part *p = &t->part[i];

		if (p->there)
			continue;
		if (p->due > now) {
			least = p->due < least ? p->due : least;
			continue;
		}
		if (hr_groups_room(t, e) < 0 || hr_groups_read(t, p, e) < 0)
			return -1;
		for (g = p->first; g; g = next) {
			next = g->next;
			if (g->due <= now && call_due(t, g, fn, arg, e) < 0)
				return -1;
		}
	}
	/* Parts that made room were written with what is due later. */
	t->due_file = least;
	for (i = 0; i < t->parts; i++)
		if (!t->part[i].there && t->part[i].due < t->due_file)
			t->due_file = t->part[i].due;
	return 0;
}

int
hr_groups_each_due(struct hr_groups *t, int64_t now, hr_groups_fn *fn, void *arg, struct hr_err *e)
{
	if (t->slots == 0)
		return 0;
	if (t->due <= now && due_there(t, now, fn, arg, e) < 0)
		return -1;
	return t->due_file <= now ? due_in_file(t, now, fn, arg, e) : 0;
}

int
hr_groups_each_expired(struct hr_groups *t, int64_t now, hr_groups_fn *fn, void *arg, struct hr_err *e)
{
	struct hr_group *g, *next;
	size_t i;

	for (i = 0; i < t->parts; i++) {
		struct hr_groups_part *p = &t->part[i];

		if (p->expires > now)
			continue;
		if (hr_groups_room(t, e) < 0 || (!p->there && hr_groups_read(t, p, e) < 0))
			return -1;
		for (g = p->first; g; g = next) {
			next = g->next;
			if (call(t, g, fn, arg, e) < 0)
				return -1;
		}
		p->expires = HR_TIME_NEVER;
		for (g = p->first; g; g = g->next)
			if (g->expires < p->expires)
				p->expires = g->expires;
	}
	return 0;
}

int
hr_groups_each(struct hr_groups *t, hr_groups_fn *fn, void *arg, struct hr_err *e)
{
	struct hr_group *g, *next;
	size_t i;

	for (i = 0; i < t->parts; i++) {
		if (hr_groups_room(t, e) < 0 || (!t->part[i].there && hr_groups_read(t, &t->part[i], e) < 0))
			return -1;
		for (g = t->part[i].first; g; g = next) {
			next = g->next;
			if (call(t, g, fn, arg, e) < 0)
				return -1;
		}
	}
	return 0;
}

void
hr_groups_clear(struct hr_groups *t)
{
	struct hr_group *g, *next;
	size_t i;

	for (i = 0; i < t->parts; i++)
		for (g = t->part[i].first; g; g = next) {
			next = g->next;
			hr_groups_free(t, g);
		}
	free(t->slot);
	free(t->part);
	hr_buf_clear(&t->buf);
	if (t->fd)
		close(t->fd - 1);
	*t = (struct hr_groups){ .kind = t->kind, .kinds = t->kinds, .max_memory = t->max_memory,
	    .max_file = t->max_file, .dir = t->dir };
}
