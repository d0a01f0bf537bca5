/* versions.c - rows by key, as they were last. */

#include "base/hr.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "codec/versions.h"

#define PART_BYTES	(3 * 512 * 1024)
#define PIECE_BYTES	(64 * 1024)
#define SLOTS_LEAST	256

#define AHEAD		8		/* rows that memory is asked for in advance */

/* A tuple, and its length in front; NULL: empty. */
struct slot {
	uint64_t hash;
	const struct version *version;
};

struct version {
	uint32_t len;
	uint8_t tuple[];
};

struct hr_versions_piece {
	struct hr_versions_piece *before;
	size_t size, used;
	uint64_t data[];
};

struct hr_versions_part {
	struct slot *slot;
	size_t slots, n;
	struct hr_versions_piece *piece;
	size_t bytes;
};

static uint64_t
hash_of(struct hr_value *const *v, size_t row, int keys)
{
	uint64_t hash = 0;
	int i;

	for (i = 0; i < keys; i++) {
		const struct hr_value *x = &v[i][row];

		hash = (hash ^ (x->len >= 0 ? hr_hash(x->data, (size_t)x->len) : (uint64_t)x->len)) *
		    UINT64_C(0x9e3779b97f4a7c15);
		hash ^= hash >> 32;
	}
	return hash;
}

static struct slot *
slot_of(const struct hr_versions_part *p, uint64_t hash)
{
	size_t at = hash & (p->slots - 1);

	while (p->slot[at].version && p->slot[at].hash != hash)
		at = (at + 1) & (p->slots - 1);
	return &p->slot[at];
}

static const struct version *
find(const struct hr_versions *kept, uint64_t hash)
{
	const struct version *v = NULL;

	if (kept->newer && kept->newer->slots)
		v = slot_of(kept->newer, hash)->version;
	if (v == NULL && kept->older)
		v = slot_of(kept->older, hash)->version;
	return v;
}

static void
fetch(const struct hr_versions *kept, uint64_t hash)
{
	if (kept->newer && kept->newer->slots)
		__builtin_prefetch(&kept->newer->slot[hash & (kept->newer->slots - 1)]);
	if (kept->older)
		__builtin_prefetch(&kept->older->slot[hash & (kept->older->slots - 1)]);
}

/* Those that are kept, taken apart. */
static bool
open_versions(struct hr_references *r, struct hr_arena *a, const struct version **version, size_t n, int columns)
{
	struct hr_value *v;
	size_t i;

	for (i = 0; i < n; i++) {
		r->version[i] = NULL;
		if (version[i] == NULL)
			continue;
		if ((v = hr_arena_get(a, (size_t)columns, sizeof(*v))) == NULL)
			return false;
		hr_tuple_decode(version[i]->tuple, version[i]->len, v, columns);
		r->version[i] = v;
	}
	return true;
}

bool
hr_references_find(struct hr_references *r, struct hr_arena *a, struct hr_value *const *v, size_t n,
    int keys, int columns, const struct hr_versions *kept)
{
	const struct version **version = hr_arena_get(a, n, sizeof(*version));
	size_t slots = 16, i, at;
	uint32_t *slot;

	while (slots < 2 * n)
		slots *= 2;
	*r = (struct hr_references){
		.n = n, .hash = hr_arena_get(a, n, sizeof(*r->hash)), .version = hr_arena_get(a, n, sizeof(*r->version)),
		.row = hr_arena_get(a, n, sizeof(*r->row)), .followed = hr_arena_get(a, n, sizeof(*r->followed)),
	};
	slot = hr_arena_get(a, slots, sizeof(*slot));
	if (version == NULL || r->hash == NULL || r->version == NULL || r->row == NULL || r->followed == NULL ||
	    slot == NULL)
		return false;
	memset(slot, 0, slots * sizeof(*slot));
	for (i = 0; i < n; i++)
		r->hash[i] = hash_of(v, i, keys);
	for (i = 0; i < n; i++) {
		if (kept && i + AHEAD < n)
			fetch(kept, r->hash[i + AHEAD]);
		r->row[i] = (uint32_t)i;
		version[i] = NULL;
		r->followed[i] = false;
		for (at = r->hash[i] & (slots - 1); slot[at] && r->hash[slot[at] - 1] != r->hash[i]; )
			at = (at + 1) & (slots - 1);
		if (slot[at]) {
			r->row[i] = slot[at] - 1;
			r->followed[r->row[i]] = true;
		} else if (kept)
			version[i] = find(kept, r->hash[i]);
		__builtin_prefetch(version[i]);
		r->found += slot[at] || version[i];
		slot[at] = (uint32_t)i + 1;
	}
	return open_versions(r, a, version, n, columns);
}

static void *
get(struct hr_versions *kept, struct hr_versions_part *p, size_t bytes)
{
	struct hr_versions_piece *piece = p->piece;
	void *at;

	bytes = (bytes + 7) & ~(size_t)7;
	if (piece == NULL || piece->size - piece->used < bytes) {
		size_t size = bytes > PIECE_BYTES ? bytes : PIECE_BYTES;

		if ((piece = kept->spare) != NULL && size == PIECE_BYTES)
			kept->spare = piece->before;
		else
			piece = hr_alloc(sizeof(*piece) + size);
		*piece = (struct hr_versions_piece){ .before = p->piece, .size = size };
		p->piece = piece;
	}
	at = (uint8_t *)piece->data + piece->used;
	piece->used += bytes;
	p->bytes += bytes;
	return at;
}

static void
free_pieces(struct hr_versions_piece *piece)
{
	struct hr_versions_piece *before;

	for (; piece; piece = before) {
		before = piece->before;
		free(piece);
	}
}

/* Its pieces are spare, but for those of one large row. */
static void
empty(struct hr_versions *kept, struct hr_versions_part *p)
{
	struct hr_versions_piece *piece;

	while ((piece = p->piece) != NULL) {
		p->piece = piece->before;
		if (piece->size != PIECE_BYTES) {
			free(piece);
			continue;
		}
		piece->before = kept->spare;
		kept->spare = piece;
	}
	if (p->slots)
		memset(p->slot, 0, p->slots * sizeof(*p->slot));
	p->n = p->bytes = 0;
}

static void
free_part(struct hr_versions *kept, struct hr_versions_part *p)
{
	if (p == NULL)
		return;
	empty(kept, p);
	free(p->slot);
	free(p);
}

static void
grow(struct hr_versions_part *p)
{
	struct hr_versions_part bigger = { .slots = p->slots ? 2 * p->slots : SLOTS_LEAST };
	size_t i;

	bigger.slot = hr_zalloc(bigger.slots * sizeof(*bigger.slot));
	for (i = 0; i < p->slots; i++)
		if (p->slot[i].version)
			*slot_of(&bigger, p->slot[i].hash) = p->slot[i];
	free(p->slot);
	p->slot = bigger.slot;
	p->slots = bigger.slots;
}

/* The older one is forgotten; its memory is the newest's. */
static void
begin_part(struct hr_versions *kept)
{
	struct hr_versions_part *p = kept->older;

	kept->older = kept->newer;
	kept->newer = p;
	if (p)
		empty(kept, p);
	else
		kept->newer = hr_zalloc(sizeof(*kept->newer));
}

static size_t
size_of(const struct hr_versions_part *p)
{
	return p ? sizeof(*p) + p->bytes + p->slots * sizeof(*p->slot) : 0;
}

void
hr_versions_keep(struct hr_versions *kept, const struct hr_references *r, const struct hr_string *tuple)
{
	struct hr_versions_part *p;
	struct version *version;
	struct slot *slot;
	size_t i;

	for (i = 0; i < r->n; i++) {
		if (kept->newer && kept->newer->slots && i + AHEAD < r->n)
			__builtin_prefetch(&kept->newer->slot[r->hash[i + AHEAD] & (kept->newer->slots - 1)], 1);
		if (r->followed[i])
			continue;
		if (kept->newer == NULL || kept->newer->bytes > PART_BYTES)
			begin_part(kept);
		p = kept->newer;
		if (2 * (p->n + 1) > p->slots)
			grow(p);
		slot = slot_of(p, r->hash[i]);
		version = get(kept, p, sizeof(*version) + tuple[i].len);
		version->len = (uint32_t)tuple[i].len;
		memcpy(version->tuple, tuple[i].data, tuple[i].len);
		p->n += slot->version == NULL;
		*slot = (struct slot){ r->hash[i], version };
	}
	kept->size = size_of(kept->newer) + size_of(kept->older);
}

void
hr_versions_clear(struct hr_versions *kept)
{
	free_part(kept, kept->newer);
	free_part(kept, kept->older);
	free_pieces(kept->spare);
	*kept = (struct hr_versions){ .newer = NULL };
}
