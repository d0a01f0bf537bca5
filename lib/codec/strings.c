/* strings.c - strings by dictionary, and behind each other. */

#include "base/hr.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "codec/ints.h"
#include "codec/strings.h"

enum { PLAIN, DICTIONARY };

/* How bytes are written. */
enum { RAW, ONCE, BEGINS, GOES_ON };

/* What bytes spell. */
enum spelling { AS_IS, HEX, UUID };

#define HEX_LEAST	8		/* a string's bytes */
#define BLOB_LEAST	24		/* shorter ones are never packed */
#define WINDOW_FEW	15		/* log2 of the bytes of one that is not asked for its room */
#define STREAM_LEAST	256		/* what is worth a window */
#define LENGTHS_PART	4		/* of the room for entries, when strings need it too */
#define SAMPLE_LEAST	64		/* values, to judge a dictionary by */

/* A window that holds about 64 blocks like this one, and leaves room for those of other columns. */
static unsigned
window_for(size_t bytes, size_t room)
{
	unsigned window = HR_ZST_WINDOW_LEAST;

	while (window < HR_ZST_WINDOW_MOST && (size_t)1 << window < 64 * bytes &&
	    (window < WINDOW_FEW || hr_zst_stream_size(window + 1) <= room / 4))
		window++;
	return window;
}

static void
put_blob(struct hr_enc *o, const uint8_t *p, size_t n, struct hr_zst_stream *z)
{
	size_t mark = o->data.len, packed;
	unsigned window = window_for(n, o->room);
	uint8_t how = ONCE;

	if (n == 0)
		return;
	if (z && z->window)
		how = GOES_ON;
	else if (z && n >= STREAM_LEAST && o->room >= hr_zst_stream_size(window))
		how = BEGINS;
	if (how == BEGINS) {
		hr_zst_begin(z, window);
		o->room -= hr_zst_stream_size(z->window);
		o->left -= hr_zst_stream_size(z->window);
	}
	if (how != ONCE)
		hr_zst_stream_pack(z, o->level, p, n, &o->data);
	else if (n >= BLOB_LEAST)
		hr_zst_pack(o->zst, o->level, p, n, &o->data);
	packed = o->data.len - mark;
	if (how == ONCE && (packed == 0 || packed >= n)) {
		o->data.len = mark;
		how = RAW;
		hr_buf_put(&o->data, p, n);
	}
	hr_buf_u8(&o->meta, how);
	if (how == BEGINS)
		hr_buf_u8(&o->meta, z->window);
	if (how != RAW)
		hr_varint_put(&o->meta, packed);
}

static int
digit_of(uint8_t c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool
is_dash(size_t at)
{
	return at == 8 || at == 13 || at == 18 || at == 23;
}

/* How all of them are spelled, letters and all. */
static enum spelling
spelling_of(const struct hr_string *s, size_t n)
{
	enum spelling is = n && s[0].len == 36 && s[0].data[8] == '-' ? UUID : HEX;
	bool letters = false;
	size_t i, k;

	for (i = 0; i < n; i++) {
		if (is == UUID ? s[i].len != 36 : s[i].len < HEX_LEAST || s[i].len % 2)
			return AS_IS;
		for (k = 0; k < s[i].len; k++) {
			if (is == UUID && is_dash(k)) {
				if (s[i].data[k] != '-')
					return AS_IS;
			} else if (digit_of(s[i].data[k]) < 0)
				return AS_IS;
			letters |= s[i].data[k] >= 'a';
		}
	}
	return letters ? is : AS_IS;
}

static size_t
spelled_size(enum spelling is, size_t len)
{
	return is == UUID ? 16 : is == HEX ? len / 2 : len;
}

/* What s spells, to out; gives how many bytes. */
static size_t
unspell(enum spelling is, const struct hr_string *s, uint8_t *out)
{
	size_t k, at = 0;

	if (is == AS_IS) {
		memcpy(out, s->data, s->len);
		return s->len;
	}
	for (k = 0; k < s->len; k += 2) {
		k += is == UUID && is_dash(k);
		out[at++] = (uint8_t)(digit_of(s->data[k]) << 4 | digit_of(s->data[k + 1]));
	}
	return at;
}

static void
spell(enum spelling is, const uint8_t *p, size_t len, uint8_t *out)
{
	static const char digits[] = "0123456789abcdef";
	size_t k;

	for (k = 0; k < len; k += 2, p++) {
		if (is == UUID && is_dash(k))
			out[k++] = '-';
		out[k] = (uint8_t)digits[*p >> 4];
		out[k + 1] = (uint8_t)digits[*p & 15];
	}
}

static void
put_plain(struct hr_enc *o, const struct hr_string *s, size_t n, struct hr_pick *length,
    struct hr_strings_kept *kept)
{
	uint64_t *len = hr_arena_get(&o->arena, n, sizeof(*len));
	enum spelling is = spelling_of(s, n);
	size_t i, all = 0;
	uint8_t *p;

	if (n == 0)
		return;
	for (i = 0; i < n; i++)
		all += len[i] = s[i].len;
	hr_buf_u8(&o->meta, (uint8_t)is);
	hr_ints_encode(o, len, n, length, HR_KEPT(kept, length));
	p = hr_arena_get(&o->arena, all, 1);
	for (i = all = 0; i < n; i++)
		all += unspell(is, &s[i], p + all);
	put_blob(o, p, all, HR_KEPT(kept, text));
}

/* Ranks, 0 for what is new; what is new; then ranks change.  Gives how many are new. */
static size_t
put_dictionary(struct hr_enc *o, const struct hr_string *s, size_t n, struct hr_pick *length,
    struct hr_strings_kept *kept)
{
	struct hr_dictionary once = { .piece = NULL }, *d = hr_dictionary_of(HR_KEPT(kept, dictionary), &once);
	uint64_t *code = hr_arena_get(&o->arena, n, sizeof(*code));
	struct hr_string *fresh = hr_arena_get(&o->arena, n, sizeof(*fresh));
	int32_t *entry = hr_arena_get(&o->arena, n, sizeof(*entry));
	size_t i, news = 0, rest, part = o->entries / LENGTHS_PART;

	/* Who reads needs the lengths before the strings: a part of the room is theirs. */
	o->entries -= part;
	for (i = 0; i < n; i++) {
		/* Runs need no look. */
		if (i && s[i].len == s[i - 1].len && entry[i - 1] >= 0 &&
		    (s[i].data == s[i - 1].data || memcmp(s[i].data, s[i - 1].data, s[i].len) == 0))
			entry[i] = entry[i - 1];
		else
			entry[i] = hr_dictionary_find(d, s[i].data, s[i].len);
		if (entry[i] >= 0) {
			code[i] = hr_dictionary_rank(d, entry[i]) + UINT64_C(1);
			continue;
		}
		entry[i] = hr_dictionary_add(d, s[i].data, s[i].len, kept ? &o->entries : NULL);
		code[i] = 0;
		fresh[news++] = s[i];
	}
	hr_dictionary_count(d, entry, n);
	hr_tokens_put(o, code, n, HR_KEPT(kept, place));
	rest = o->entries;
	o->entries = part;
	put_plain(o, fresh, news, length, kept);
	o->entries += rest;
	hr_dictionary_clear(&once);
	return news;
}

/* Are strings there again, in this block or of blocks before? */
static bool
repeats(const struct hr_string *s, size_t n, struct hr_strings_kept *kept)
{
	struct hr_dictionary once = { .piece = NULL };
	size_t step = n / 1024 + 1, i, again = 0, seen = 0;

	/* Runs of neighbours rather than single ones, where there are many. */
	for (i = 0; i < n && seen < 1024; i += i % 128 == 127 ? 128 * (step - 1) + 1 : 1, seen++) {
		if (hr_dictionary_find(&once, s[i].data, s[i].len) >= 0 || (kept && kept->dictionary &&
		    hr_dictionary_find(kept->dictionary, s[i].data, s[i].len) >= 0))
			again++;
		else
			hr_dictionary_add(&once, s[i].data, s[i].len, NULL);
	}
	hr_dictionary_clear(&once);
	return again * 8 > seen || seen < 8;
}

void
hr_strings_encode(struct hr_enc *o, const struct hr_string *s, size_t n, struct hr_strings_memory *m,
    struct hr_strings_kept *kept)
{
	size_t meta = o->meta.len, data = o->data.len, news;
	struct hr_arena_mark mark = hr_arena_mark(&o->arena);
	bool tried;

	if (n == 0)
		return;
	tried = hr_pick_due(&m->form);
	if (tried)
		m->form.codec = repeats(s, n, kept) ? DICTIONARY : PLAIN;
	hr_buf_u8(&o->meta, m->form.codec);
	if (m->form.codec == PLAIN)
		put_plain(o, s, n, &m->length, kept);
	else {
		news = put_dictionary(o, s, n, &m->length, kept);
		if (n >= SAMPLE_LEAST && news * 8 > n * 7)
			m->form.left = 0;
	}
	hr_pick_cost(&m->form, tried, n, o->meta.len - meta + o->data.len - data);
	hr_arena_release(&o->arena, mark);
}

static const uint8_t *
get_blob(struct hr_dec *d, size_t n, struct hr_zst_stream *z)
{
	uint8_t how = n ? hr_cur_u8(&d->meta) : RAW, window, *out;
	const uint8_t *p;
	uint64_t packed;

	if (d->meta.bad || how > GOES_ON)
		return NULL;
	if (n == 0)
		return (const uint8_t *)"";
	if (how == RAW)
		return hr_cur_bytes(&d->data, n);
	if (how == BEGINS) {
		window = hr_cur_u8(&d->meta);
		if (z == NULL || window < HR_ZST_WINDOW_LEAST || window > HR_ZST_WINDOW_MOST ||
		    d->room < hr_zst_stream_size(window))
			return NULL;
		d->room -= hr_zst_stream_size(window);
		d->left -= hr_zst_stream_size(window);
		hr_zst_begin(z, window);
	} else if (how == GOES_ON && (z == NULL || z->window == 0))
		return NULL;
	packed = hr_varint_get(&d->meta);
	p = d->meta.bad ? NULL : hr_cur_bytes(&d->data, packed);
	out = p ? hr_arena_get(&d->arena, n, 1) : NULL;
	if (out == NULL)
		return NULL;
	return (how == ONCE ? hr_zst_unpack(d->zst, p, packed, out, n) :
	    hr_zst_stream_unpack(z, p, packed, out, n)) == 0 ? out : NULL;
}

static int
get_plain(struct hr_dec *d, struct hr_string *s, size_t n, struct hr_strings_kept *kept)
{
	struct hr_arena_mark mark = hr_arena_mark(&d->arena);
	uint64_t *len;
	uint8_t spelling, *out = NULL;
	const uint8_t *p;
	size_t i, all = 0, packed = 0;

	if (n == 0)
		return 0;
	spelling = hr_cur_u8(&d->meta);
	len = hr_arena_get(&d->arena, n, sizeof(*len));
	if (spelling > UUID || len == NULL || hr_ints_decode(d, len, n, HR_KEPT(kept, length)) < 0)
		return -1;
	for (i = 0; i < n; i++) {
		if (len[i] > HR_STRING_MAX || (spelling == HEX && len[i] % 2) || (spelling == UUID && len[i] != 36))
			return -1;
		s[i].len = len[i];
		all += len[i];
		packed += spelled_size((enum spelling)spelling, len[i]);
	}
	hr_arena_release(&d->arena, mark);
	if ((p = get_blob(d, packed, HR_KEPT(kept, text))) == NULL)
		return -1;
	if (spelling != AS_IS && (out = hr_arena_get(&d->arena, all, 1)) == NULL)
		return -1;
	for (i = 0; i < n; i++) {
		if (out) {
			spell((enum spelling)spelling, p, s[i].len, out);
			s[i].data = out;
			out += s[i].len;
		} else
			s[i].data = p;
		p += spelled_size((enum spelling)spelling, s[i].len);
	}
	return 0;
}

/* Strings of the dictionary are lent by it, or by the arena when nothing is kept. */
static int
get_dictionary(struct hr_dec *d, struct hr_string *s, size_t n, struct hr_strings_kept *kept)
{
	struct hr_dictionary once = { .piece = NULL }, *dictionary = hr_dictionary_of(HR_KEPT(kept, dictionary), &once);
	uint64_t *code = hr_arena_get(&d->arena, n, sizeof(*code));
	int32_t *entry = hr_arena_get(&d->arena, n, sizeof(*entry));
	struct hr_string *fresh;
	size_t i, news = 0, at = 0, part = d->entries / LENGTHS_PART, rest = d->entries - part;
	int rc = -1;

	if (code == NULL || entry == NULL || hr_tokens_get(d, code, n, HR_KEPT(kept, place)) < 0)
		return -1;
	for (i = 0; i < n; i++)
		news += code[i] == 0;
	fresh = hr_arena_get(&d->arena, news, sizeof(*fresh));
	d->entries = part;
	if (fresh == NULL || get_plain(d, fresh, news, kept) < 0)
		return -1;
	part = d->entries;
	d->entries = rest;
	for (i = 0; i < n; i++) {
		if (code[i] == 0) {
			s[i] = fresh[at++];
			if (hr_dictionary_find(dictionary, s[i].data, s[i].len) >= 0)
				goto out;
			entry[i] = hr_dictionary_add(dictionary, s[i].data, s[i].len, kept ? &d->entries : NULL);
			continue;
		}
		if ((entry[i] = hr_dictionary_at(dictionary, code[i] - 1)) < 0)
			goto out;
		s[i].data = hr_dictionary_string(dictionary, entry[i], &s[i].len);
	}
	hr_dictionary_count(dictionary, entry, n);
	d->entries += part;
	for (i = 0; kept == NULL && i < n; i++) {
		uint8_t *copy = code[i] ? hr_arena_get(&d->arena, s[i].len, 1) : NULL;

		if (code[i] && copy == NULL)
			goto out;
		if (copy)
			s[i].data = memcpy(copy, s[i].data, s[i].len);
	}
	rc = 0;
out:
	hr_dictionary_clear(&once);
	return rc;
}

int
hr_strings_decode(struct hr_dec *d, struct hr_string *s, size_t n, struct hr_strings_kept *kept)
{
	if (n == 0)
		return 0;
	switch (hr_cur_u8(&d->meta)) {
	case PLAIN: return d->meta.bad ? -1 : get_plain(d, s, n, kept);
	case DICTIONARY: return get_dictionary(d, s, n, kept);
	}
	return -1;
}

size_t
hr_strings_kept_size(const struct hr_strings_kept *k)
{
	return hr_ints_kept_size(&k->length) + hr_ints_kept_size(&k->place) +
	    (k->dictionary ? hr_dictionary_size(k->dictionary) : 0) +
	    (k->text.window ? hr_zst_stream_size(k->text.window) : 0);
}

void
hr_strings_kept_clear(struct hr_strings_kept *k)
{
	hr_ints_kept_clear(&k->length);
	hr_ints_kept_clear(&k->place);
	if (k->dictionary)
		hr_dictionary_clear(k->dictionary);
	free(k->dictionary);
	hr_zst_stream_clear(&k->text);
	*k = (struct hr_strings_kept){ .dictionary = NULL };
}
