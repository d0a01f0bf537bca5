/* kept.c - what blocks leave, by tenant. */

#include "base/hr.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "codec/kept.h"
#include "stream/frame.h"

static void
free_section(void *section)
{
	struct hr_section_kept *s = section;
	int i;

	for (i = 0; s && i < s->columns; i++)
		hr_column_kept_clear(&s->column[i]);
	if (s)
		hr_versions_clear(&s->versions);
	free(s);
}

/* All memory that it has; what it counts for stays. */
static void
release(struct hr_kept *of)
{
	int i;

	for (i = 0; i < HR_SERIES_ALL; i++)
		hr_ints_kept_clear(&of->series[i]);
	hr_strings_kept_clear(&of->tenants);
	hr_strings_kept_clear(&of->payloads);
	hr_strings_kept_clear(&of->origins);
	hr_strings_kept_clear(&of->bodies);
	hr_map_clear(&of->section, free_section);
	hr_buf_clear(&of->meta);
	of->blocks = 0;
}

static void
empty(struct hr_kept *of)
{
	release(of);
	of->size = of->rest = of->shared = 0;
}

static void
free_kept(void *kept)
{
	if (kept)
		empty(kept);
	free(kept);
}

static void
take_out(struct hr_keep *k, struct hr_kept *of)
{
	*(of->newer ? &of->newer->older : &k->newest) = of->older;
	*(of->older ? &of->older->newer : &k->oldest) = of->newer;
	of->newer = of->older = NULL;
	of->linked = false;
}

static void
put_first(struct hr_keep *k, struct hr_kept *of)
{
	of->older = k->newest;
	*(k->newest ? &k->newest->newer : &k->oldest) = of;
	k->newest = of;
	of->linked = true;
}

struct hr_kept *
hr_keep_at(struct hr_keep *k, bool all, const char *tenant, size_t len)
{
	uint8_t key[1 + HR_TENANT_MAX];
	void **at;

	key[0] = all;
	memcpy(key + 1, tenant, len);
	at = hr_map_at(&k->map, key, 1 + len);
	if (*at == NULL)
		*at = hr_zalloc(sizeof(struct hr_kept));
	return *at;
}

void
hr_keep_done(struct hr_keep *k, struct hr_kept *of)
{
	if (of->linked)
		take_out(k, of);
	put_first(k, of);
	of->shared = of->size;
	of->blocks++;
}

static void
forget(struct hr_keep *k)
{
	struct hr_kept *of = k->oldest;

	take_out(k, of);
	k->size -= of->size;
	empty(of);
}

void
hr_keep_trim(struct hr_keep *k)
{
	while (k->size > k->limit && k->oldest)
		forget(k);
}

void
hr_kept_undo(struct hr_keep *k, struct hr_kept *of)
{
	/* Until it is reset it counts as it does for who reads; what nobody needs takes no memory. */
	k->size += of->shared - of->size;
	of->size = of->shared;
	release(of);
}

void
hr_keep_clear(struct hr_keep *k)
{
	hr_map_clear(&k->map, free_kept);
	k->newest = k->oldest = NULL;
	k->size = 0;
}

void
hr_kept_reset(struct hr_keep *k, struct hr_kept *of)
{
	release(of);
	k->size -= of->size;
	of->size = of->rest = 0;
}

struct hr_section_key
hr_section_key(uint32_t relation, uint8_t role, int columns)
{
	struct hr_section_key key;

	hr_set_u32le(key.bytes, relation);
	key.bytes[4] = role;
	hr_set_u16le(key.bytes + 5, (uint16_t)columns);
	return key;
}

struct hr_section_kept *
hr_kept_section(struct hr_kept *of, struct hr_section_key key, int columns)
{
	void **at = hr_map_at(&of->section, key.bytes, sizeof(key.bytes));
	struct hr_section_kept *s = *at;

	if (s == NULL) {
		s = *at = hr_zalloc(sizeof(*s) + (size_t)columns * sizeof(s->column[0]));
		s->columns = columns;
	}
	return s;
}

struct hr_guess_kept *const *
hr_kept_guesses(struct hr_section_kept *s, const uint16_t *order, struct hr_arena *a)
{
	struct hr_guess_kept **kept = hr_arena_get(a, (size_t)s->columns, sizeof(*kept));
	int i;

	for (i = 0; kept && i < s->columns; i++)
		kept[i] = &s->column[order[i]].guess;
	return kept;
}

static size_t
less(size_t most, size_t have)
{
	return have < most ? most - have : 0;
}

static size_t
have(const struct hr_kept *of, const struct hr_section_kept *s)
{
	return s == NULL ? of->rest : s->size > s->versions.size ? s->size - s->versions.size : 0;
}

size_t
hr_keep_left(const struct hr_keep *k)
{
	return less(k->limit, k->size);
}

size_t
hr_keep_most(const struct hr_keep *k, const struct hr_kept *of)
{
	return less(k->limit, of->size);
}

/* Those that are left were the last ones there too, and there was room beside them. */
void
hr_keep_took(struct hr_keep *k, const struct hr_kept *of, size_t windows)
{
	while (windows && less(k->limit, k->size) < windows && k->oldest && k->oldest != of)
		forget(k);
}

size_t
hr_kept_room(size_t left, const struct hr_kept *of, const struct hr_section_kept *s)
{
	size_t here = less(HR_KEPT_WINDOWS + HR_KEPT_ENTRIES, have(of, s));

	if (here > HR_KEPT_WINDOWS)
		here = HR_KEPT_WINDOWS;
	return left < here ? left : here;
}

size_t
hr_kept_entries(const struct hr_kept *of, const struct hr_section_kept *s)
{
	size_t here = less(HR_KEPT_WINDOWS + HR_KEPT_ENTRIES, have(of, s));

	return here < HR_KEPT_ENTRIES ? here : HR_KEPT_ENTRIES;
}

static void
resize(struct hr_keep *k, struct hr_kept *of, size_t *size, size_t now)
{
	of->size += now - *size;
	k->size += now - *size;
	*size = now;
}

void
hr_kept_settle(struct hr_keep *k, struct hr_kept *of, struct hr_section_kept *s)
{
	size_t size = s ? sizeof(*s) + s->versions.size : sizeof(*of) + of->meta.len;
	int i;

	if (s) {
		for (i = 0; i < s->columns; i++)
			size += hr_column_kept_size(&s->column[i]);
		resize(k, of, &s->size, size);
		return;
	}
	for (i = 0; i < HR_SERIES_ALL; i++)
		size += hr_ints_kept_size(&of->series[i]);
	size += hr_strings_kept_size(&of->tenants) + hr_strings_kept_size(&of->payloads) +
	    hr_strings_kept_size(&of->origins) + hr_strings_kept_size(&of->bodies);
	resize(k, of, &of->rest, size);
}
