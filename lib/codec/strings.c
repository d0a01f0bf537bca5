/* strings.c - strings by dictionary or behind each other. */

#include "base/hr.h"

#include "base/hash.h"
#include "codec/ints.h"
#include "codec/strings.h"

enum { PLAIN, DICTIONARY };

#define ENTRIES_MAX	65536

static void
put_plain(struct hr_enc *o, const struct hr_string *s, size_t n, struct hr_pick *length)
{
	uint64_t *len = hr_arena_get(&o->arena, n, sizeof(*len));
	size_t i, all = 0;
	uint8_t *p;

	for (i = 0; i < n; i++)
		all += len[i] = s[i].len;
	hr_ints_encode(o, len, n, length);
	p = hr_arena_get(&o->arena, all, 1);
	for (i = all = 0; i < n; i++) {
		memcpy(p + all, s[i].data, s[i].len);
		all += s[i].len;
	}
	hr_blob_put(o, o->level, p, all);
}

/* False, with nothing written: too many of them are different. */
static bool
put_dictionary(struct hr_enc *o, const struct hr_string *s, size_t n, struct hr_pick *places)
{
	size_t most = n / 2 < ENTRIES_MAX ? n / 2 : ENTRIES_MAX, slots = 16, count = 0, i, at;
	struct hr_string *entry;
	uint64_t *place, hash;
	uint32_t *slot;

	if (most < 1)
		return false;
	while (slots < 2 * most)
		slots *= 2;
	slot = hr_arena_get(&o->arena, slots, sizeof(*slot));
	entry = hr_arena_get(&o->arena, most, sizeof(*entry));
	place = hr_arena_get(&o->arena, n, sizeof(*place));
	memset(slot, 0, slots * sizeof(*slot));
	for (i = 0; i < n; i++) {
		hash = hr_hash(s[i].data, s[i].len);
		for (at = hash & (slots - 1); slot[at]; at = (at + 1) & (slots - 1)) {
			const struct hr_string *e = &entry[slot[at] - 1];

			if (e->len == s[i].len && memcmp(e->data, s[i].data, e->len) == 0)
				break;
		}
		if (slot[at] == 0) {
			if (count == most)
				return false;
			entry[count] = s[i];
			slot[at] = (uint32_t)++count;
		}
		place[i] = slot[at] - 1;
	}
	hr_buf_u8(&o->meta, DICTIONARY);
	hr_varint_put(&o->meta, count);
	put_plain(o, entry, count, NULL);
	hr_ints_encode(o, place, n, places);
	return true;
}

static uint8_t
put(struct hr_enc *o, const struct hr_string *s, size_t n, struct hr_strings_memory *m, uint8_t form)
{
	if (form == DICTIONARY && put_dictionary(o, s, n, m ? &m->place : NULL))
		return DICTIONARY;
	hr_buf_u8(&o->meta, PLAIN);
	put_plain(o, s, n, m ? &m->length : NULL);
	return PLAIN;
}

void
hr_strings_encode(struct hr_enc *o, const struct hr_string *s, size_t n, struct hr_strings_memory *m)
{
	size_t meta = o->meta.len, data = o->data.len, size;
	struct hr_arena_mark mark = hr_arena_mark(&o->arena);
	bool tried;

	if (n == 0)
		return;
	tried = m == NULL || hr_pick_due(&m->form);
	if (!tried)
		put(o, s, n, m, m->form.codec);
	else {
		uint8_t best = put(o, s, n, m, DICTIONARY);

		if (best == DICTIONARY) {
			size = o->meta.len - meta + o->data.len - data;
			o->meta.len = meta;
			o->data.len = data;
			best = put(o, s, n, m, PLAIN);
			if (size < o->meta.len - meta + o->data.len - data) {
				o->meta.len = meta;
				o->data.len = data;
				best = put(o, s, n, m, DICTIONARY);
			}
		}
		if (m)
			m->form.codec = best;
	}
	if (m)
		hr_pick_cost(&m->form, tried, n, o->meta.len - meta + o->data.len - data);
	hr_arena_release(&o->arena, mark);
}

static int
get_plain(struct hr_dec *d, struct hr_string *s, size_t n)
{
	struct hr_arena_mark mark = hr_arena_mark(&d->arena);
	uint64_t *len = hr_arena_get(&d->arena, n, sizeof(*len));
	const uint8_t *p;
	size_t i, all = 0;

	if (len == NULL || hr_ints_decode(d, len, n) < 0)
		return -1;
	for (i = 0; i < n; i++) {
		if (len[i] > HR_STRING_MAX)
			return -1;
		s[i].len = len[i];
		all += len[i];
	}
	hr_arena_release(&d->arena, mark);
	if ((p = hr_blob_get(d, all)) == NULL)
		return -1;
	for (i = 0; i < n; i++) {
		s[i].data = p;
		p += s[i].len;
	}
	return 0;
}

int
hr_strings_decode(struct hr_dec *d, struct hr_string *s, size_t n)
{
	struct hr_string *entry;
	uint64_t count, *place;
	size_t i;

	if (n == 0)
		return 0;
	switch (hr_cur_u8(&d->meta)) {
	case PLAIN:
		return d->meta.bad ? -1 : get_plain(d, s, n);
	case DICTIONARY:
		count = hr_varint_get(&d->meta);
		if (d->meta.bad || count == 0 || count > n)
			return -1;
		entry = hr_arena_get(&d->arena, count, sizeof(*entry));
		if (entry == NULL || get_plain(d, entry, count) < 0)
			return -1;
		place = hr_arena_get(&d->arena, n, sizeof(*place));
		if (place == NULL || hr_ints_decode(d, place, n) < 0)
			return -1;
		for (i = 0; i < n; i++) {
			if (place[i] >= count)
				return -1;
			s[i] = entry[place[i]];
		}
		return 0;
	}
	return -1;
}
