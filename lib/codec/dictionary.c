/* dictionary.c - strings by rank. */

#include "base/hr.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "codec/dictionary.h"

#define SLOTS_LEAST	64
#define PIECE_LEAST	512
#define ENTRY_SIZE	48		/* what an entry is held to take besides its bytes */
#define FIRSTS_LEAST	16
#define FIRSTS_MOST	4096

struct hr_entry {
	const uint8_t *data;
	uint32_t len;
	uint32_t hash;
	uint32_t rank;
};

/* Strings never move: who decodes lends them. */
struct hr_dictionary_piece {
	struct hr_dictionary_piece *before;
	size_t size, used;
	uint8_t data[];
};

static inline bool
alike(const struct hr_entry *e, const void *p, size_t len)
{
	uint64_t a, b;

	if (e->len != len)
		return false;
	if (len != sizeof(a))
		return memcmp(e->data, p, len) == 0;
	memcpy(&a, e->data, sizeof(a));
	memcpy(&b, p, sizeof(b));
	return a == b;
}

bool
hr_dictionary_is(const struct hr_dictionary *d, int32_t entry, const void *p, size_t len)
{
	return entry >= 0 && (size_t)entry < d->entries && alike(&d->entry[entry], p, len);
}

int32_t
hr_dictionary_find(const struct hr_dictionary *d, const void *p, size_t len)
{
	uint32_t hash;
	size_t at;

	if (d->entries == 0 || len > HR_DICTIONARY_STRING)
		return -1;
	hash = (uint32_t)hr_hash(p, len);
	for (at = hash & (d->slots - 1); d->slot[at]; at = (at + 1) & (d->slots - 1))
		if (d->entry[d->slot[at] - 1].hash == hash && alike(&d->entry[d->slot[at] - 1], p, len))
			return (int32_t)(d->slot[at] - 1);
	return -1;
}

static void
place(struct hr_dictionary *d, uint32_t entry)
{
	size_t at = d->entry[entry].hash & (d->slots - 1);

	while (d->slot[at])
		at = (at + 1) & (d->slots - 1);
	d->slot[at] = entry + 1;
}

static const uint8_t *
keep(struct hr_dictionary *d, const void *p, size_t len)
{
	struct hr_dictionary_piece *piece = d->piece;
	uint8_t *at;

	if (piece == NULL || piece->size - piece->used < len) {
		size_t size = piece ? 2 * piece->size : PIECE_LEAST;

		if (size < len)
			size = len;
		piece = hr_alloc(sizeof(*piece) + size);
		*piece = (struct hr_dictionary_piece){ .before = d->piece, .size = size };
		d->piece = piece;
	}
	at = piece->data + piece->used;
	if (len)
		memcpy(at, p, len);
	piece->used += len;
	d->bytes += len;
	return at;
}

int32_t
hr_dictionary_add(struct hr_dictionary *d, const void *p, size_t len, size_t *room)
{
	struct hr_entry *e;
	uint32_t i;

	if (len > HR_DICTIONARY_STRING || d->entries == HR_DICTIONARY_ENTRIES ||
	    d->bytes + len > HR_DICTIONARY_BYTES || (room && *room < len + ENTRY_SIZE))
		return -1;
	if (room)
		*room -= len + ENTRY_SIZE;
	if (d->slots < 2 * (d->entries + 1)) {
		d->slots = d->slots ? 2 * d->slots : SLOTS_LEAST;
		free(d->slot);
		d->slot = hr_zalloc(d->slots * sizeof(*d->slot));
		for (i = 0; i < d->entries; i++)
			place(d, i);
	}
	if (d->entries == d->entry_cap) {
		HR_GROW(d->entry, d->entries, d->entry_cap);
		d->by_rank = hr_realloc(d->by_rank, d->entry_cap, sizeof(*d->by_rank));
		d->count = hr_realloc(d->count, d->entry_cap, sizeof(*d->count));
	}
	e = &d->entry[d->entries];
	*e = (struct hr_entry){
		.data = keep(d, p, len), .len = (uint32_t)len, .hash = (uint32_t)hr_hash(p, len),
		.rank = (uint32_t)d->entries,
	};
	d->by_rank[d->entries] = (uint32_t)d->entries;
	d->count[d->entries] = 0;
	if (d->first == NULL) {
		d->firsts = FIRSTS_LEAST;
		d->first = hr_alloc(FIRSTS_LEAST * sizeof(*d->first));
	}
	if (d->entries == 0 || d->count[d->entries - 1] > 0)
		d->first[0] = (uint32_t)d->entries;
	place(d, (uint32_t)d->entries);
	return (int32_t)d->entries++;
}

uint32_t
hr_dictionary_rank(const struct hr_dictionary *d, int32_t entry)
{
	return d->entry[entry].rank;
}

int32_t
hr_dictionary_at(const struct hr_dictionary *d, uint64_t rank)
{
	return rank < d->entries ? (int32_t)d->by_rank[rank] : -1;
}

const uint8_t *
hr_dictionary_string(const struct hr_dictionary *d, int32_t entry, size_t *len)
{
	*len = d->entry[entry].len;
	return d->entry[entry].data;
}

/* The first rank that was there n times, of which there are some, up to that one. */
static uint32_t
first_of(const struct hr_dictionary *d, uint32_t n, uint32_t rank)
{
	uint32_t low = 0, middle;

	if (n < d->firsts)
		return d->first[n];
	while (low < rank) {
		middle = (low + rank) / 2;
		if (d->count[middle] > n)
			low = middle + 1;
		else
			rank = middle;
	}
	return low;
}

/* It changes places with the first of those that were there as often. */
static void
count(struct hr_dictionary *d, uint32_t entry)
{
	uint32_t rank = d->entry[entry].rank, n = d->count[rank], low, other;

	if (n == UINT32_MAX)
		return;
	low = first_of(d, n, rank);
	if (low != rank) {
		other = d->by_rank[low];
		d->by_rank[low] = entry;
		d->by_rank[rank] = other;
		d->entry[other].rank = rank;
		d->entry[entry].rank = low;
	}
	d->count[low]++;
	if (n < d->firsts)
		d->first[n] = low + 1;
	if (n + 1 == d->firsts && d->firsts < FIRSTS_MOST) {
		d->firsts *= 2;
		d->first = hr_realloc(d->first, d->firsts, sizeof(*d->first));
	}
	if (n + 1 < d->firsts && (low == 0 || d->count[low - 1] > n + 1))
		d->first[n + 1] = low;
}

void
hr_dictionary_count(struct hr_dictionary *d, const int32_t *entry, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (entry[i] >= 0)
			count(d, (uint32_t)entry[i]);
}

struct hr_dictionary *
hr_dictionary_of(struct hr_dictionary **kept, struct hr_dictionary *once)
{
	if (kept == NULL)
		return once;
	if (*kept == NULL)
		*kept = hr_zalloc(sizeof(**kept));
	return *kept;
}

size_t
hr_dictionary_size(const struct hr_dictionary *d)
{
	return d->bytes + d->entries * ENTRY_SIZE;
}

void
hr_dictionary_clear(struct hr_dictionary *d)
{
	struct hr_dictionary_piece *piece;

	while ((piece = d->piece) != NULL) {
		d->piece = piece->before;
		free(piece);
	}
	free(d->entry);
	free(d->by_rank);
	free(d->count);
	free(d->first);
	free(d->slot);
	*d = (struct hr_dictionary){ .entry = NULL };
}
