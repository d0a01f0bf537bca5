/*
 * ints.c - integers to few bits and back.
 *
 * In meta: a byte of codec (writer, transform, zigzag), then what the transform
 * needs: first value, from the last one of the block before; first difference;
 * base; divisor.  Arithmetic is modulo
 * 2^64 throughout, so that no value overflows anything.
 */

#include "base/hr.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "codec/bits.h"
#include "codec/ints.h"

enum writer { CONSTANT, PACKED, TOKENS, BYTES, DICTIONARY };
enum transform { REFERENCE, DELTA, DELTA2 };
#define CODEC(w, t, z)	((uint8_t)((w) | (t) << 3 | (z) << 5))
#define WRITER(c)	((c) & 7)
#define TRANSFORM(c)	((c) >> 3 & 3)
#define ZIGZAG(c)	((c) >> 5 & 1)

#define ENTRIES_MAX	4096		/* of one block in the dictionary */
#define SLOTS_LEAST	64
#define ZSTD_FAST	1		/* its level for what has no text in it */
#define ZSTD_BYTES	14		/* what it costs in front, about */
#define SAMPLE		1024		/* numbers of a trial */

/* A series after its transform, and what it takes back. */
struct left {
	uint64_t *u;
	size_t n;
	uint64_t base, divisor;
	unsigned width;			/* of the largest */
};

static uint64_t
divisor_of(uint64_t a, uint64_t b)
{
	while (b) {
		uint64_t t = a % b;

		a = b;
		b = t;
	}
	return a;
}

static unsigned
width_of(uint64_t v)
{
	return v ? 64 - (unsigned)__builtin_clzll(v) : 0;
}

/* Below 16 the number itself; above, its class and the two bits below the highest. */
static inline uint8_t
token_of(uint64_t u, unsigned *bits)
{
	unsigned high;

	if (u < 16) {
		*bits = 0;
		return (uint8_t)u;
	}
	high = 63 - (unsigned)__builtin_clzll(u);
	*bits = high - 2;
	return (uint8_t)(16 + (high - 4) * 4 + (u >> (high - 2) & 3));
}

static inline unsigned
token_bits(uint8_t token)
{
	return token < 16 ? 0 : (unsigned)(token - 16) / 4 + 2;
}

static inline uint64_t
token_value(uint8_t token, uint64_t bits)
{
	unsigned high;

	if (token < 16)
		return token;
	high = (unsigned)(token - 16) / 4 + 4;
	return (UINT64_C(4) | ((token - 16) & 3)) << (high - 2) | bits;
}

/* Bytes that tokens and their bits take, about. */
static uint64_t
cost_tokens(const uint64_t *u, size_t n, const struct hr_ints_kept *kept)
{
	uint32_t count[256] = { 0 };
	uint64_t raw = 0;
	unsigned more;
	size_t i;

	for (i = 0; i < n; i++) {
		count[token_of(u[i], &more)]++;
		raw += more;
	}
	return hr_entropy_cost(kept ? kept->tokens : NULL, count, n) + raw / 8;
}

/* Differences of v, of the order that the transform has; first gets what is in front. */
static size_t
transform(uint64_t *r, const uint64_t *v, size_t n, enum transform t, uint64_t *first)
{
	size_t i;

	if (t == REFERENCE) {
		memcpy(r, v, n * sizeof(*v));
		return n;
	}
	first[0] = v[0];
	if (t == DELTA) {
		for (i = 1; i < n; i++)
			r[i - 1] = v[i] - v[i - 1];
		return n - 1;
	}
	first[1] = v[1] - v[0];
	for (i = 2; i < n; i++)
		r[i - 2] = v[i] - 2 * v[i - 1] + v[i - 2];
	return n - 2;
}

static uint64_t
least_of(const uint64_t *r, size_t n)
{
	int64_t least = n ? (int64_t)r[0] : 0;
	size_t i;

	for (i = 1; i < n; i++)
		least = (int64_t)r[i] < least ? (int64_t)r[i] : least;
	return (uint64_t)least;
}

/* The divisor of all of them above base, or of their magnitudes; at least 1. */
static uint64_t
common_divisor(const uint64_t *r, size_t n, uint64_t base, bool zigzag)
{
	uint64_t g = 0, d;
	size_t i;

	for (i = 0; i < n && g != 1; i++) {
		d = r[i] - base;
		if (zigzag && (int64_t)d < 0)
			d = -d;
		if (d && (g == 0 || d % g))
			g = divisor_of(d, g);
	}
	return g ? g : 1;
}

/* Make l of the residuals r, in place. */
static void
reduce(struct left *l, uint64_t *r, size_t n, bool zigzag)
{
	uint64_t base = zigzag ? 0 : least_of(r, n), divisor, most = 0;
	size_t i;

	divisor = common_divisor(r, n, base, zigzag);
	*l = (struct left){ .u = r, .n = n, .base = base, .divisor = divisor };
	if (divisor != 1)
		for (i = 0; i < n; i++) {
			uint64_t d = r[i] - base;

			/* INT64_MIN has no other divisor than itself and powers of two. */
			r[i] = zigzag ? (uint64_t)((int64_t)d < 0 ? -(int64_t)(-d / divisor) : (int64_t)(d / divisor)) :
			    d / divisor;
		}
	else if (base)
		for (i = 0; i < n; i++)
			r[i] -= base;
	if (zigzag)
		for (i = 0; i < n; i++)
			r[i] = hr_zigzag((int64_t)r[i]);
	for (i = 0; i < n; i++)
		most |= r[i];
	l->width = width_of(most);
}

static void
put_left(struct hr_enc *o, const struct left *l, uint8_t codec, const uint64_t *first, uint64_t last)
{
	hr_buf_u8(&o->meta, codec);
	if (TRANSFORM(codec) != REFERENCE)
		hr_varint_put(&o->meta, hr_zigzag((int64_t)(first[0] - last)));
	if (TRANSFORM(codec) == DELTA2)
		hr_varint_put(&o->meta, hr_zigzag((int64_t)first[1]));
	if (!ZIGZAG(codec))
		hr_varint_put(&o->meta, hr_zigzag((int64_t)l->base));
	hr_varint_put(&o->meta, l->divisor - 1);
}

static void
put_packed(struct hr_enc *o, const struct left *l)
{
	struct hr_bits bits = { .b = &o->data };
	size_t i;

	hr_buf_u8(&o->meta, (uint8_t)l->width);
	for (i = 0; i < l->n; i++)
		hr_bits_put(&bits, l->u[i], l->width);
	hr_bits_end(&bits);
}

void
hr_tokens_put(struct hr_enc *o, const uint64_t *u, size_t n, struct hr_ints_kept *kept)
{
	uint8_t *token = hr_arena_get(&o->arena, n, 1);
	struct hr_bits bits = { .b = &o->data };
	unsigned more;
	size_t i;

	if (kept && kept->tokens == NULL)
		kept->tokens = hr_zalloc(sizeof(*kept->tokens));
	for (i = 0; i < n; i++)
		token[i] = token_of(u[i], &more);
	hr_entropy_put(o, kept ? kept->tokens : NULL, token, n);
	for (i = 0; i < n; i++) {
		more = token_bits(token[i]);
		if (more)
			hr_bits_put(&bits, u[i] & ((UINT64_C(1) << more) - 1), more);
	}
	hr_bits_end(&bits);
}

static void
put_bytes(struct hr_enc *o, const struct left *l)
{
	unsigned width = (l->width + 7) / 8;
	uint8_t *p = hr_arena_get(&o->arena, l->n, width ? width : 1), *at = p;
	unsigned k;
	size_t i;

	hr_buf_u8(&o->meta, (uint8_t)width);
	for (i = 0; i < l->n; i++)
		for (k = 0; k < width; k++)
			*at++ = (uint8_t)(l->u[i] >> (8 * k));
	hr_blob_put(o, ZSTD_FAST, p, l->n * width);
}

/* Of n values those that are different, and of these what is not in the dictionary; or 0: more than most. */
static size_t
distinct(struct hr_enc *o, const uint64_t *v, size_t n, size_t most, const struct hr_dictionary *d,
    uint32_t *count, size_t *missing)
{
	uint64_t *value;
	uint16_t *slot;
	size_t i, at, all = 0, slots = SLOTS_LEAST;

	if (most > ENTRIES_MAX)
		most = ENTRIES_MAX;
	while (slots < 2 * most)
		slots *= 2;
	slot = hr_arena_get(&o->arena, slots, sizeof(*slot));
	memset(slot, 0, slots * sizeof(*slot));
	value = hr_arena_get(&o->arena, most, sizeof(*value));
	for (i = *missing = 0; i < n; i++) {
		at = (v[i] * UINT64_C(0x9e3779b97f4a7c15)) >> 51 & (slots - 1);
		while (slot[at] && value[slot[at] - 1] != v[i])
			at = (at + 1) & (slots - 1);
		if (slot[at] == 0) {
			if (all == most)
				return 0;
			*missing += d == NULL || hr_dictionary_find(d, &v[i], sizeof(v[i])) < 0;
			value[all] = v[i];
			count[all] = 0;
			slot[at] = (uint16_t)++all;
		}
		count[slot[at] - 1]++;
	}
	return all;
}

static void encode_as(struct hr_enc *o, const uint64_t *v, size_t n, uint8_t codec, struct hr_ints_kept *kept);

/* The transform whose rest is cheapest, with the cheaper of two writers. */
static uint8_t
choose(struct hr_enc *o, const uint64_t *v, size_t n, const struct hr_ints_kept *kept, uint64_t *cost)
{
	uint64_t *r = hr_arena_get(&o->arena, n, sizeof(*r)), first[2], c;
	uint8_t best = CODEC(PACKED, REFERENCE, 0);
	struct left l;
	int t, z;

	*cost = UINT64_MAX;
	for (t = REFERENCE; t <= DELTA2; t++)
		for (z = 0; z < 2; z++) {
			if (n < (size_t)t + 1)
				continue;
			reduce(&l, r, transform(r, v, n, (enum transform)t, first), z);
			c = hr_bits_bytes((uint64_t)l.n * l.width) + (unsigned)t;
			if (c < *cost) {
				*cost = c;
				best = CODEC(PACKED, t, z);
			}
			if (l.n == 0)
				continue;
			c = cost_tokens(l.u, l.n, kept) + (unsigned)t;
			if (c < *cost) {
				*cost = c;
				best = CODEC(TOKENS, t, z);
			}
		}
	return best;
}

/*
 * About what the dictionary takes; UINT64_MAX: there are too many different values.
 * Where it is kept, what is new is paid for once, and how many values there are in
 * all is reckoned from how many of these are the same: two of n among so many are
 * expected n * n / 2 times in as many.
 */
static uint64_t
cost_dictionary(struct hr_enc *o, const uint64_t *v, size_t n, const struct hr_ints_kept *kept)
{
	const struct hr_dictionary *d = kept ? kept->dictionary : NULL;
	size_t most = kept ? n - 1 : n / 2, all, missing, i;
	uint32_t *count, log = hr_log2_256((uint32_t)n), values;
	uint64_t bits = 0, spread;

	if (most > ENTRIES_MAX)
		most = ENTRIES_MAX;
	if (d && d->entries)
		most = n < ENTRIES_MAX ? n : ENTRIES_MAX;
	count = hr_arena_get(&o->arena, most, sizeof(*count));
	if (most == 0 || (all = distinct(o, v, n, most, d, count, &missing)) == 0)
		return UINT64_MAX;
	for (i = 0; i < all; i++)
		bits += (uint64_t)count[i] * (log - hr_log2_256(count[i]));
	if (kept && all > n / 2) {
		values = n > all ? (uint32_t)((uint64_t)n * n / (2 * (n - all))) : HR_DICTIONARY_ENTRIES;
		spread = (uint64_t)n * hr_log2_256(values < HR_DICTIONARY_ENTRIES ? values : HR_DICTIONARY_ENTRIES);
		if (spread > bits)
			bits = spread;
	}
	/* Ranks are no perfect order, and what is new is written besides. */
	return bits / (256 * 8) * 17 / 16 + (kept ? (missing + 3) / 4 : missing * 3) + 8;
}

static uint64_t
code_of(struct hr_dictionary *d, const uint64_t *v, int32_t *entry, size_t *room)
{
	if ((*entry = hr_dictionary_find(d, v, sizeof(*v))) >= 0)
		return hr_dictionary_rank(d, *entry) + UINT64_C(1);
	*entry = hr_dictionary_add(d, v, sizeof(*v), room);
	return 0;
}

/* Ranks, 0 for what is new; those values; then ranks change. */
static void
encode_dictionary(struct hr_enc *o, const uint64_t *v, size_t n, struct hr_ints_kept *kept)
{
	struct hr_dictionary once = { .piece = NULL }, *d = hr_dictionary_of(HR_KEPT(kept, dictionary), &once);
	uint64_t *code = hr_arena_get(&o->arena, n, sizeof(*code)), *fresh = hr_arena_get(&o->arena, n, sizeof(*fresh));
	int32_t *entry = hr_arena_get(&o->arena, n, sizeof(*entry));
	uint64_t cost;
	size_t i, news = 0;

	for (i = 0; i < n; i++) {
		/* Runs need no look. */
		if (i && v[i] == v[i - 1] && entry[i - 1] >= 0) {
			entry[i] = entry[i - 1];
			code[i] = hr_dictionary_rank(d, entry[i]) + UINT64_C(1);
		} else if ((code[i] = code_of(d, &v[i], &entry[i], kept ? &o->entries : NULL)) == 0)
			fresh[news++] = v[i];
	}
	hr_dictionary_count(d, entry, n);
	hr_buf_u8(&o->meta, CODEC(DICTIONARY, 0, 0));
	hr_tokens_put(o, code, n, kept);
	if (news)
		encode_as(o, fresh, news, choose(o, fresh, news, NULL, &cost), NULL);
	hr_dictionary_clear(&once);
}

/* With a writer and a transform, not constant. */
static void
encode_as(struct hr_enc *o, const uint64_t *v, size_t n, uint8_t codec, struct hr_ints_kept *kept)
{
	uint64_t *r, first[2];
	struct left l;

	if (WRITER(codec) == DICTIONARY) {
		encode_dictionary(o, v, n, kept);
		return;
	}
	r = hr_arena_get(&o->arena, n, sizeof(*r));
	if (n < (size_t)TRANSFORM(codec) + 1)
		codec = CODEC(PACKED, REFERENCE, 0);
	reduce(&l, r, transform(r, v, n, TRANSFORM(codec), first), ZIGZAG(codec));
	put_left(o, &l, codec, first, kept ? kept->last : 0);
	switch (WRITER(codec)) {
	case PACKED: put_packed(o, &l); break;
	case TOKENS: hr_tokens_put(o, l.u, l.n, kept); break;
	default: put_bytes(o, &l); break;
	}
}

uint64_t
hr_ints_cost(struct hr_enc *o, const uint64_t *v, size_t n, const struct hr_ints_kept *kept)
{
	struct hr_arena_mark mark = hr_arena_mark(&o->arena);
	uint64_t least, cost;

	choose(o, v, n, kept, &least);
	cost = cost_dictionary(o, v, n, kept);
	hr_arena_release(&o->arena, mark);
	return cost < least ? cost : least;
}

/* The way that takes least, of a run in the middle: reckoned, and done where it cannot be. */
static uint8_t
best_of(struct hr_enc *o, const uint64_t *v, size_t n, struct hr_ints_kept *kept)
{
	size_t meta = o->meta.len, data = o->data.len, i, others = 0;
	uint8_t best, other[2];
	uint64_t least, cost;

	if (n > SAMPLE) {
		v += (n - SAMPLE) / 2;
		n = SAMPLE;
	}
	best = choose(o, v, n, kept, &least);
	if (least < ZSTD_BYTES + 2)
		return best;
	cost = cost_dictionary(o, v, n, kept);
	if (cost < least) {
		least = cost;
		best = CODEC(DICTIONARY, 0, 0);
	}
	if (TRANSFORM(best) != REFERENCE)
		other[others++] = CODEC(BYTES, TRANSFORM(best), ZIGZAG(best));
	other[others++] = CODEC(BYTES, REFERENCE, 0);
	for (i = 0; i < others; i++) {
		encode_as(o, v, n, other[i], NULL);
		cost = o->meta.len - meta + o->data.len - data;
		o->meta.len = meta;
		o->data.len = data;
		if (cost < least) {
			least = cost;
			best = other[i];
		}
	}
	return best;
}

void
hr_ints_encode(struct hr_enc *o, const uint64_t *v, size_t n, struct hr_pick *pick, struct hr_ints_kept *kept)
{
	size_t meta = o->meta.len, data = o->data.len, i;
	struct hr_arena_mark mark = hr_arena_mark(&o->arena);
	uint8_t codec;
	bool tried;

	if (n == 0)
		return;
	for (i = 1; i < n && v[i] == v[0]; i++)
		;
	if (i == n) {
		hr_buf_u8(&o->meta, CODEC(CONSTANT, 0, 0));
		hr_varint_put(&o->meta, hr_zigzag((int64_t)(v[0] - (kept ? kept->last : 0))));
	} else {
		tried = pick == NULL || hr_pick_due(pick);
		codec = tried ? best_of(o, v, n, kept) : pick->codec;
		encode_as(o, v, n, codec, kept);
		if (pick) {
			if (tried && codec == pick->codec)
				hr_pick_again(pick);
			pick->codec = codec;
			hr_pick_cost(pick, tried, n, o->meta.len - meta + o->data.len - data);
		}
	}
	if (kept)
		kept->last = v[n - 1];
	hr_arena_release(&o->arena, mark);
}

/* --- and back --- */

int
hr_tokens_get(struct hr_dec *d, uint64_t *u, size_t n, struct hr_ints_kept *kept)
{
	uint64_t bits = 0, at = 0;
	const uint8_t *token, *p;
	unsigned width;
	size_t i, size;

	if (kept && kept->tokens == NULL)
		kept->tokens = hr_zalloc(sizeof(*kept->tokens));
	if ((token = hr_entropy_get(d, kept ? kept->tokens : NULL, n)) == NULL)
		return -1;
	for (i = 0; i < n; i++)
		bits += token_bits(token[i]);
	size = hr_bits_bytes(bits);
	if ((p = hr_cur_bytes(&d->data, size)) == NULL)
		return -1;
	for (i = 0; i < n; i++, at += width) {
		width = token_bits(token[i]);
		u[i] = token_value(token[i], hr_bits_get(p, size, at, width));
	}
	return 0;
}

static int
get_left(struct hr_dec *d, struct left *l, uint8_t codec, struct hr_ints_kept *kept)
{
	const uint8_t *p;
	uint64_t at = 0;
	unsigned width, k;
	size_t i, size;

	switch (WRITER(codec)) {
	case PACKED:
		width = hr_cur_u8(&d->meta);
		if (width > 64)
			return -1;
		size = hr_bits_bytes((uint64_t)l->n * width);
		if ((p = hr_cur_bytes(&d->data, size)) == NULL)
			return -1;
		for (i = 0; i < l->n; i++, at += width)
			l->u[i] = hr_bits_get(p, size, at, width);
		return 0;
	case TOKENS: return hr_tokens_get(d, l->u, l->n, kept);
	case BYTES:
		width = hr_cur_u8(&d->meta);
		if (width > 8 || (p = hr_blob_get(d, l->n * width)) == NULL)
			return -1;
		for (i = 0; i < l->n; i++) {
			l->u[i] = 0;
			for (k = 0; k < width; k++)
				l->u[i] |= (uint64_t)*p++ << (8 * k);
		}
		return 0;
	}
	return -1;
}

static int decode(struct hr_dec *d, uint64_t *v, size_t n, struct hr_ints_kept *kept, bool nested);

static int
decode_dictionary(struct hr_dec *d, uint64_t *v, size_t n, struct hr_ints_kept *kept)
{
	struct hr_dictionary once = { .piece = NULL }, *dictionary = hr_dictionary_of(HR_KEPT(kept, dictionary), &once);
	int32_t *entry = hr_arena_get(&d->arena, n, sizeof(*entry));
	uint64_t *fresh = hr_arena_get(&d->arena, n, sizeof(*fresh));
	size_t i, len, news = 0, at = 0;
	int rc = -1;

	if (entry == NULL || fresh == NULL || hr_tokens_get(d, v, n, kept) < 0)
		return -1;
	for (i = 0; i < n; i++)
		news += v[i] == 0;
	if (news && decode(d, fresh, news, NULL, true) < 0)
		return -1;
	for (i = 0; i < n; i++) {
		if (v[i] == 0) {
			v[i] = fresh[at++];
			if (hr_dictionary_find(dictionary, &v[i], sizeof(v[i])) >= 0)
				goto out;
			entry[i] = hr_dictionary_add(dictionary, &v[i], sizeof(v[i]), kept ? &d->entries : NULL);
			continue;
		}
		if ((entry[i] = hr_dictionary_at(dictionary, v[i] - 1)) < 0)
			goto out;
		memcpy(&v[i], hr_dictionary_string(dictionary, entry[i], &len), sizeof(v[i]));
	}
	hr_dictionary_count(dictionary, entry, n);
	rc = 0;
out:
	hr_dictionary_clear(&once);
	return rc;
}

static int
decode(struct hr_dec *d, uint64_t *v, size_t n, struct hr_ints_kept *kept, bool nested)
{
	uint64_t first[2] = { 0, 0 }, value, last = kept ? kept->last : 0;
	struct left l = { .n = n };
	uint8_t codec;
	size_t i;

	codec = hr_cur_u8(&d->meta);
	if (codec >> 6 || d->meta.bad)
		return -1;
	if (WRITER(codec) == CONSTANT) {
		value = last + (uint64_t)hr_unzigzag(hr_varint_get(&d->meta));
		for (i = 0; i < n; i++)
			v[i] = value;
		return d->meta.bad ? -1 : 0;
	}
	if (WRITER(codec) == DICTIONARY)
		return nested ? -1 : decode_dictionary(d, v, n, kept);
	if (TRANSFORM(codec) > DELTA2 || n < (size_t)TRANSFORM(codec) + 1)
		return -1;
	if (TRANSFORM(codec) != REFERENCE)
		first[0] = last + (uint64_t)hr_unzigzag(hr_varint_get(&d->meta));
	if (TRANSFORM(codec) == DELTA2)
		first[1] = (uint64_t)hr_unzigzag(hr_varint_get(&d->meta));
	l.base = ZIGZAG(codec) ? 0 : (uint64_t)hr_unzigzag(hr_varint_get(&d->meta));
	l.divisor = hr_varint_get(&d->meta) + 1;
	l.n = n - TRANSFORM(codec);
	l.u = v + TRANSFORM(codec);
	if (d->meta.bad || get_left(d, &l, codec, kept) < 0)
		return -1;
	for (i = 0; i < l.n; i++)
		l.u[i] = (ZIGZAG(codec) ? (uint64_t)hr_unzigzag(l.u[i]) : l.u[i]) * l.divisor + l.base;
	if (TRANSFORM(codec) == DELTA) {
		v[0] = first[0];
		for (i = 1; i < n; i++)
			v[i] += v[i - 1];
	} else if (TRANSFORM(codec) == DELTA2) {
		v[0] = first[0];
		v[1] = first[0] + first[1];
		for (i = 2; i < n; i++)
			v[i] += 2 * v[i - 1] - v[i - 2];
	}
	return 0;
}

int
hr_ints_decode(struct hr_dec *d, uint64_t *v, size_t n, struct hr_ints_kept *kept)
{
	struct hr_arena_mark mark = hr_arena_mark(&d->arena);
	int rc = n ? decode(d, v, n, kept, false) : 0;

	if (kept && n && rc == 0)
		kept->last = v[n - 1];
	hr_arena_release(&d->arena, mark);
	return rc;
}

size_t
hr_ints_kept_size(const struct hr_ints_kept *k)
{
	return (k->tokens ? sizeof(*k->tokens) : 0) + (k->dictionary ? hr_dictionary_size(k->dictionary) : 0);
}

void
hr_ints_kept_clear(struct hr_ints_kept *k)
{
	free(k->tokens);
	if (k->dictionary)
		hr_dictionary_clear(k->dictionary);
	free(k->dictionary);
	*k = (struct hr_ints_kept){ .last = 0 };
}

const char *
hr_ints_name(uint8_t codec)
{
	static const char *const name[5][3] = {
		{ "constant", "constant", "constant" },
		{ "reference, packed", "delta, packed", "delta of delta, packed" },
		{ "reference, tokens", "delta, tokens", "delta of delta, tokens" },
		{ "reference, bytes", "delta, bytes", "delta of delta, bytes" },
		{ "dictionary", "dictionary", "dictionary" },
	};

	return WRITER(codec) < 5 && TRANSFORM(codec) < 3 ? name[WRITER(codec)][TRANSFORM(codec)] : "unknown";
}
