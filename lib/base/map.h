/*
 * map.h - pointers by a few bytes: a name, a number, a raw value.
 *
 * Open addressing; keys are copied, values are the caller's.  Nothing is ever
 * removed but by clearing all.
 */
#ifndef HR_MAP_H
#define HR_MAP_H

#include "base/hr.h"

struct hr_map_slot {
	uint64_t hash;
	void *key;		/* NULL: empty */
	uint32_t len;
	void *value;
};

struct hr_map {
	struct hr_map_slot *slot;
	size_t slots;		/* a power of two, or 0 */
	size_t count;
};

/* The value, or NULL. */
void *hr_map_get(const struct hr_map *m, const void *key, size_t len);
/* Where the value is kept; NULL is in it when the key is new.  Valid until the next one. */
void **hr_map_at(struct hr_map *m, const void *key, size_t len);
/* Free the table and its keys; values first, with a function or none. */
void hr_map_clear(struct hr_map *m, void (*free_value)(void *));

#endif
