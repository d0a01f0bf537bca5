/*
 * dictionary.h - strings that are many times there, by their rank.
 *
 * Entries are in the order of how often they were there (ties in the order of
 * arrival), which both sides know: what is frequent has a small number.  Ranks
 * stand still while a column of a block is coded; what was there is counted, and
 * entries change places, behind it.
 */
#ifndef HR_DICTIONARY_H
#define HR_DICTIONARY_H

#include "base/hr.h"

#define HR_DICTIONARY_ENTRIES	65536
#define HR_DICTIONARY_BYTES	(1024 * 1024)
#define HR_DICTIONARY_STRING	1024		/* longer ones are not taken */

struct hr_dictionary {
	struct hr_dictionary_piece *piece;	/* where the strings are, the last one first */
	size_t bytes;			/* of all strings */
	struct hr_entry *entry;		/* in the order of arrival */
	size_t entries, entry_cap;
	uint32_t *by_rank;
	uint32_t *count;		/* by rank: how often it was there; none is more than the one in front */
	uint32_t *first;		/* by count: the first rank that was there so often, if any was */
	size_t firsts;			/* counts from it on are looked for */
	uint32_t *slot;			/* entry + 1, by hash */
	size_t slots;
};

/* The entry's number, or -1. */
int32_t hr_dictionary_find(const struct hr_dictionary *d, const void *p, size_t len);
/* Is it that entry?  Of one that there is not it is not. */
bool hr_dictionary_is(const struct hr_dictionary *d, int32_t entry, const void *p, size_t len);
/* Take it up at the last rank, when there is room, of which it takes; what it gives is as of find. */
int32_t hr_dictionary_add(struct hr_dictionary *d, const void *p, size_t len, size_t *room);
uint32_t hr_dictionary_rank(const struct hr_dictionary *d, int32_t entry);
/* The entry of a rank, or -1. */
int32_t hr_dictionary_at(const struct hr_dictionary *d, uint64_t rank);
/* Lent until it is cleared. */
const uint8_t *hr_dictionary_string(const struct hr_dictionary *d, int32_t entry, size_t *len);
/* Those of n values, in their order, were there once more; -1 is none. */
void hr_dictionary_count(struct hr_dictionary *d, const int32_t *entry, size_t n);
/* The one that is kept, made when it is not there; or once, when kept is NULL. */
struct hr_dictionary *hr_dictionary_of(struct hr_dictionary **kept, struct hr_dictionary *once);
/* What it is held to take, the same on all machines. */
size_t hr_dictionary_size(const struct hr_dictionary *d);
void hr_dictionary_clear(struct hr_dictionary *d);

#endif
