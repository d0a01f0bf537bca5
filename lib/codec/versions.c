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

struct slot {
	uint64_t hash;
	struct hr_kept_value *version;	/* NULL: empty */
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

static const struct hr_kept_value *
find(const struct hr_versions *kept, uint64_t hash)
{
	const struct hr_kept_value *v = NULL;

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

bool
hr_references_find(struct hr_references *r, struct hr_arena *a, struct hr_value *const *v, size_t n,
    int keys, const struct hr_versions *kept)
{
	size_t slots = 16, i, at;
	uint32_t *slot;

	while (slots < 2 * n)
		slots *= 2;
	*r = (struct hr_references){
		.n = n, .hash = hr_arena_get(a, n, sizeof(*r->hash)), .version = hr_arena_get(a, n, sizeof(*r->version)),
		.row = hr_arena_get(a, n, sizeof(*r->row)), .followed = hr_arena_get(a, n, sizeof(*r->followed)),
	};
	slot = hr_arena_get(a, slots, sizeof(*slot));
	if (r->hash == NULL || r->version == NULL || r->row == NULL || r->followed == NULL || slot == NULL)
		return false;
	memset(slot, 0, slots * sizeof(*slot));
	for (i = 0; i < n; i++)
		r->hash[i] = hash_of(v, i, keys);
	for (i = 0; i < n; i++) {
		if (kept && i + AHEAD < n)
			fetch(kept, r->hash[i + AHEAD]);
		r->row[i] = (uint32_t)i;
		r->version[i] = NULL;
		r->followed[i] = false;
		for (at = r->hash[i] & (slots - 1); slot[at] && r->hash[slot[at] - 1] != r->hash[i]; )
			at = (at + 1) & (slots - 1);
		if (slot[at]) {
			r->row[i] = slot[at] - 1;
			r->followed[r->row[i]] = true;
		} else if (kept)
			r->version[i] = find(kept, r->hash[i]);
		__builtin_prefetch(r->version[i]);
		r->found += slot[at] || r->version[i];
		slot[at] = (uint32_t)i + 1;
	}
	return true;
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
free_part(struct hr_versions *kept, struct hr_versions_part *p)
{
	struct hr_versions_piece *piece;

	if (p == NULL)
		return;
	while ((piece = p->piece) != NULL) {
		p->piece = piece->before;
		if (piece->size != PIECE_BYTES) {
			free(piece);
			continue;
		}
		piece->before = kept->spare;
		kept->spare = piece;
	}
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

static size_t
size_of(const struct hr_versions_part *p)
{
	return p ? sizeof(*p) + p->bytes + p->slots * sizeof(*p->slot) : 0;
}

void
hr_versions_keep(struct hr_versions *kept, const struct hr_references *r, struct hr_value *const *v, int columns)
{
	struct hr_versions_part *p;
	size_t i, bytes;
	struct slot *slot;
	uint8_t *data;
	int c;

	for (i = 0; i < r->n; i++) {
		struct hr_kept_value *version;

		if (kept->newer && kept->newer->slots && i + AHEAD < r->n)
			__builtin_prefetch(&kept->newer->slot[r->hash[i + AHEAD] & (kept->newer->slots - 1)], 1);
		if (r->followed[i])
			continue;
		if (kept->newer == NULL || kept->newer->bytes > PART_BYTES) {
			free_part(kept, kept->older);
			kept->older = kept->newer;
			kept->newer = hr_zalloc(sizeof(*kept->newer));
		}
		p = kept->newer;
		if (2 * (p->n + 1) > p->slots)
			grow(p);
		slot = slot_of(p, r->hash[i]);
		bytes = (size_t)columns * sizeof(*version);
		for (c = 0; c < columns; c++)
			bytes += v[c][i].len > 0 ? (size_t)v[c][i].len : 0;
		version = get(kept, p, bytes);
		data = (uint8_t *)(version + columns);
		for (c = 0; c < columns; c++) {
			const struct hr_value *x = &v[c][i];

			version[c] = (struct hr_kept_value){
				.len = x->len, .text = x->text, .at = (uint32_t)(data - (uint8_t *)&version[c]) & INT32_MAX,
			};
			if (x->len > 0) {
				hr_copy(data, x->data, (size_t)x->len);
				data += x->len;
			}
		}
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
