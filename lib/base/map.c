/* map.c - open addressing. */

#include "base/hr.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "base/map.h"

static struct hr_map_slot *
find(const struct hr_map *m, uint64_t hash, const void *key, size_t len)
{
	size_t i = hash & (m->slots - 1);

	while (m->slot[i].key && (m->slot[i].hash != hash || m->slot[i].len != len ||
	    memcmp(m->slot[i].key, key, len) != 0))
		i = (i + 1) & (m->slots - 1);
	return &m->slot[i];
}

void *
hr_map_get(const struct hr_map *m, const void *key, size_t len)
{
	return m->slots ? find(m, hr_hash(key, len), key, len)->value : NULL;
}

static void
grow(struct hr_map *m)
{
	struct hr_map bigger = { .slots = m->slots ? m->slots * 2 : 64, .count = m->count };
	size_t i;

	bigger.slot = hr_zalloc(bigger.slots * sizeof(*bigger.slot));
	for (i = 0; i < m->slots; i++)
		if (m->slot[i].key)
			*find(&bigger, m->slot[i].hash, m->slot[i].key, m->slot[i].len) = m->slot[i];
	free(m->slot);
	*m = bigger;
}

void **
hr_map_at(struct hr_map *m, const void *key, size_t len)
{
	uint64_t hash = hr_hash(key, len);
	struct hr_map_slot *s;

	if (m->count * 2 >= m->slots)
		grow(m);
	s = find(m, hash, key, len);
	if (s->key == NULL) {
		s->key = hr_memdup(key, len);
		s->len = (uint32_t)len;
		s->hash = hash;
		m->count++;
	}
	return &s->value;
}

void
hr_map_clear(struct hr_map *m, void (*free_value)(void *))
{
	size_t i;

	for (i = 0; i < m->slots; i++)
		if (m->slot[i].key) {
			if (free_value && m->slot[i].value)
				free_value(m->slot[i].value);
			free(m->slot[i].key);
		}
	free(m->slot);
	*m = (struct hr_map){ 0 };
}
