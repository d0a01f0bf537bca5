/*
 * ints.c - integers to few bits and back.
 *
 * In meta: a byte of codec (writer, transform, zigzag), then what the transform
 * needs: first value, first difference, base, divisor.  Arithmetic is modulo
 * 2^64 throughout, so that no value overflows anything.
 */

#include "base/hr.h"

#include <stdlib.h>

#include "codec/bits.h"
#include "codec/ints.h"

enum writer { CONSTANT, PACKED, TOKENS, BYTES, DICTIONARY };
enum transform { REFERENCE, DELTA, DELTA2 };
#define CODEC(w, t, z)	((uint8_t)((w) | (t) << 3 | (z) << 5))
#define WRITER(c)	((c) & 7)
#define TRANSFORM(c)	((c) >> 3 & 3)
#define ZIGZAG(c)	((c) >> 5 & 1)

#define ENTRIES_MAX	4096		/* of a dictionary */
#define SLOTS		(2 * ENTRIES_MAX)
#define ZSTD_FAST	1		/* its level for what has no text in it */
#define ZSTD_BYTES	14		/* what it costs in front, about */

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

/* log2 of n, in 1/256, near enough to compare by. */
static uint32_t
log2_256(uint32_t n)
{
	unsigned high = 31 - (unsigned)__builtin_clz(n);
	uint32_t part = high >= 8 ? (n >> (high - 8)) & 255 : (n << (8 - high)) & 255;

	return high * 256 + part + part * (255 - part) / 740;
}

/* Bytes that tokens and their bits take, about. */
static uint64_t
cost_tokens(const uint64_t *u, size_t n)
{
	uint32_t count[256] = { 0 }, all = log2_256((uint32_t)n), i;
	uint64_t bits = 0, raw = 0;
	unsigned kinds = 0, more;

	for (i = 0; i < n; i++) {
		count[token_of(u[i], &more)]++;
		raw += more;
	}
	for (i = 0; i < 256; i++)
		if (count[i]) {
			bits += (uint64_t)count[i] * (all - log2_256(count[i]));
			kinds++;
		}
	bits = bits / (256 * 8) + kinds / 2 + ZSTD_BYTES;
	return (bits < n ? bits : n) + raw / 8;
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

/* Make l of the residuals r, in place. */
static void
reduce(struct left *l, uint64_t *r, size_t n, bool zigzag)
{
	int64_t least = INT64_MAX;
	uint64_t g = 0, most = 0;
	size_t i;

	l->u = r;
	l->n = n;
	if (!zigzag)
		for (i = 0; i < n; i++)
			if ((int64_t)r[i] < least)
				least = (int64_t)r[i];
	l->base = zigzag || n == 0 ? 0 : (uint64_t)least;
	for (i = 0; i < n; i++) {
		uint64_t d = r[i] - l->base;

		if (zigzag && (int64_t)d < 0)
			d = -d;
		if (g != 1 && d && (g == 0 || d % g))
			g = divisor_of(d, g);
	}
	l->divisor = g ? g : 1;
	for (i = 0; i < n; i++) {
		uint64_t d = r[i] - l->base;

		/* INT64_MIN has no other divisor than itself and powers of two. */
		if (l->divisor != 1)
			d = zigzag ? (uint64_t)((int64_t)d < 0 ? -(int64_t)(-d / l->divisor) :
			    (int64_t)(d / l->divisor)) : d / l->divisor;
		r[i] = zigzag ? hr_zigzag((int64_t)d) : d;
		most |= r[i];
	}
	l->width = width_of(most);
}

static void
put_left(struct hr_enc *o, const struct left *l, uint8_t codec, const uint64_t *first)
{
	hr_buf_u8(&o->meta, codec);
	if (TRANSFORM(codec) != REFERENCE)
		hr_varint_put(&o->meta, hr_zigzag((int64_t)first[0]));
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

static void
put_tokens(struct hr_enc *o, const struct left *l)
{
	uint8_t *token = hr_arena_get(&o->arena, l->n, 1);
	struct hr_bits bits = { .b = &o->data };
	unsigned more;
	size_t i;

	for (i = 0; i < l->n; i++)
		token[i] = token_of(l->u[i], &more);
	hr_blob_put(o, ZSTD_FAST, token, l->n);
	for (i = 0; i < l->n; i++) {
		more = token_bits(token[i]);
		if (more)
			hr_bits_put(&bits, l->u[i] & ((UINT64_C(1) << more) - 1), more);
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

static int
compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

/*
 * The distinct values in order, and each value's place among them.  Gives
 * their number, or 0 when there are more than most.
 */
static size_t
distinct(struct hr_enc *o, const uint64_t *v, size_t n, size_t most, uint64_t **entries, uint64_t **places)
{
	uint64_t *entry, *place, *value;
	uint16_t *slot;
	size_t i, at, count = 0;

	if (most > ENTRIES_MAX)
		most = ENTRIES_MAX;
	if (most < 2)
		return 0;
	slot = hr_arena_get(&o->arena, SLOTS, sizeof(*slot));
	memset(slot, 0, SLOTS * sizeof(*slot));
	value = hr_arena_get(&o->arena, most, sizeof(*value));
	entry = hr_arena_get(&o->arena, most, sizeof(*entry));
	place = hr_arena_get(&o->arena, n, sizeof(*place));
	for (i = 0; i < n; i++) {
		at = (v[i] * UINT64_C(0x9e3779b97f4a7c15)) >> 51;
		while (slot[at] && value[slot[at] - 1] != v[i])
			at = (at + 1) % SLOTS;
		if (slot[at] == 0) {
			if (count == most)
				return 0;
			value[count] = v[i];
			slot[at] = (uint16_t)++count;
		}
		place[i] = slot[at] - 1u;
	}
	memcpy(entry, value, count * sizeof(*entry));
	qsort(entry, count, sizeof(*entry), compare);
	/* From the order of arrival to that of the values. */
	for (i = 0; i < count; i++) {
		size_t low = 0, high = count, middle;

		while (high - low > 1) {
			middle = (low + high) / 2;
			if ((int64_t)entry[middle] <= (int64_t)value[i])
				low = middle;
			else
				high = middle;
		}
		value[i] = low;
	}
	for (i = 0; i < n; i++)
		place[i] = value[place[i]];
	*entries = entry;
	*places = place;
	return count;
}

static void encode_as(struct hr_enc *o, const uint64_t *v, size_t n, uint8_t codec);

/* The transform whose rest is cheapest, with the cheaper of two writers. */
static uint8_t
choose(struct hr_enc *o, const uint64_t *v, size_t n, uint64_t *cost)
{
	uint64_t *r = hr_arena_get(&o->arena, n, sizeof(*r)), first[2], c;
	uint8_t best = CODEC(PACKED, REFERENCE, 0);
	struct left l;
	int t, z;

	*cost = UINT64_MAX;
	for (t = REFERENCE; t <= DELTA2; t++)
		for (z = 0; z < (t == REFERENCE ? 1 : 2); z++) {
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
			c = cost_tokens(l.u, l.n) + (unsigned)t;
			if (c < *cost) {
				*cost = c;
				best = CODEC(TOKENS, t, z);
			}
		}
	return best;
}

static bool
encode_dictionary(struct hr_enc *o, const uint64_t *v, size_t n)
{
	uint64_t *entry, *place, cost;
	size_t count = distinct(o, v, n, n / 2, &entry, &place);

	if (count == 0)
		return false;
	hr_buf_u8(&o->meta, CODEC(DICTIONARY, 0, 0));
	hr_varint_put(&o->meta, count);
	encode_as(o, entry, count, choose(o, entry, count, &cost));
	encode_as(o, place, n, count <= 256 ? CODEC(BYTES, REFERENCE, 0) : choose(o, place, n, &cost));
	return true;
}

/* With a writer and a transform, neither constant nor a dictionary. */
static void
encode_as(struct hr_enc *o, const uint64_t *v, size_t n, uint8_t codec)
{
	uint64_t *r = hr_arena_get(&o->arena, n, sizeof(*r)), first[2];
	struct left l;

	if (n < (size_t)TRANSFORM(codec) + 1)
		codec = CODEC(PACKED, REFERENCE, 0);
	reduce(&l, r, transform(r, v, n, TRANSFORM(codec), first), ZIGZAG(codec));
	put_left(o, &l, codec, first);
	switch (WRITER(codec)) {
	case PACKED: put_packed(o, &l); break;
	case TOKENS: put_tokens(o, &l); break;
	default: put_bytes(o, &l); break;
	}
}

/* Encode in the best way that is found by doing it. */
static uint8_t
encode_best(struct hr_enc *o, const uint64_t *v, size_t n)
{
	uint64_t cost;
	uint8_t best = choose(o, v, n, &cost), other[3];
	size_t meta = o->meta.len, data = o->data.len, least, size, i, others = 0;
	bool last;

	encode_as(o, v, n, best);
	least = o->meta.len - meta + o->data.len - data;
	if (least < ZSTD_BYTES + 2)
		return best;
	other[others++] = CODEC(BYTES, TRANSFORM(best), ZIGZAG(best));
	if (TRANSFORM(best) != REFERENCE)
		other[others++] = CODEC(BYTES, REFERENCE, 0);
	other[others++] = CODEC(DICTIONARY, 0, 0);
	for (i = 0, last = true; i < others; i++) {
		o->meta.len = meta;
		o->data.len = data;
		last = false;
		if (other[i] != CODEC(DICTIONARY, 0, 0))
			encode_as(o, v, n, other[i]);
		else if (!encode_dictionary(o, v, n))
			continue;
		size = o->meta.len - meta + o->data.len - data;
		if (size < least) {
			least = size;
			best = other[i];
			last = true;
		}
	}
	if (last)
		return best;
	o->meta.len = meta;
	o->data.len = data;
	if (WRITER(best) != DICTIONARY || !encode_dictionary(o, v, n))
		encode_as(o, v, n, best);
	return best;
}

void
hr_ints_encode(struct hr_enc *o, const uint64_t *v, size_t n, struct hr_pick *pick)
{
	size_t meta = o->meta.len, data = o->data.len, i;
	struct hr_arena_mark mark = hr_arena_mark(&o->arena);
	bool tried;

	if (n == 0)
		return;
	for (i = 1; i < n && v[i] == v[0]; i++)
		;
	if (i == n) {
		hr_buf_u8(&o->meta, CODEC(CONSTANT, 0, 0));
		hr_varint_put(&o->meta, hr_zigzag((int64_t)v[0]));
		return;
	}
	tried = pick == NULL || hr_pick_due(pick);
	if (tried) {
		uint8_t codec = encode_best(o, v, n);

		if (pick)
			pick->codec = codec;
	} else if (WRITER(pick->codec) != DICTIONARY)
		encode_as(o, v, n, pick->codec);
	else if (!encode_dictionary(o, v, n))
		encode_best(o, v, n);
	if (pick)
		hr_pick_cost(pick, tried, n, o->meta.len - meta + o->data.len - data);
	hr_arena_release(&o->arena, mark);
}

/* --- and back --- */

static int
get_left(struct hr_dec *d, struct left *l, uint8_t codec)
{
	const uint8_t *p;
	uint64_t bits = 0, at = 0;
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
	case TOKENS: {
		const uint8_t *token = hr_blob_get(d, l->n);

		if (token == NULL)
			return -1;
		for (i = 0; i < l->n; i++)
			bits += token_bits(token[i]);
		size = hr_bits_bytes(bits);
		if ((p = hr_cur_bytes(&d->data, size)) == NULL)
			return -1;
		for (i = 0; i < l->n; i++, at += width) {
			width = token_bits(token[i]);
			l->u[i] = token_value(token[i], hr_bits_get(p, size, at, width));
		}
		return 0;
	}
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

static int
decode(struct hr_dec *d, uint64_t *v, size_t n, bool nested)
{
	uint8_t codec;
	uint64_t first[2] = { 0, 0 }, *entry, count, value;
	struct left l = { .n = n };
	size_t i;

	if (n == 0)
		return 0;
	codec = hr_cur_u8(&d->meta);
	if (codec >> 6 || d->meta.bad)
		return -1;
	if (WRITER(codec) == CONSTANT) {
		value = (uint64_t)hr_unzigzag(hr_varint_get(&d->meta));
		for (i = 0; i < n; i++)
			v[i] = value;
		return d->meta.bad ? -1 : 0;
	}
	if (WRITER(codec) == DICTIONARY) {
		count = hr_varint_get(&d->meta);
		if (nested || count == 0 || count > ENTRIES_MAX || count > n)
			return -1;
		entry = hr_arena_get(&d->arena, count, sizeof(*entry));
		if (entry == NULL || decode(d, entry, count, true) < 0 || decode(d, v, n, true) < 0)
			return -1;
		for (i = 0; i < n; i++) {
			if (v[i] >= count)
				return -1;
			v[i] = entry[v[i]];
		}
		return 0;
	}
	if (TRANSFORM(codec) > DELTA2 || n < (size_t)TRANSFORM(codec) + 1)
		return -1;
	if (TRANSFORM(codec) != REFERENCE)
		first[0] = (uint64_t)hr_unzigzag(hr_varint_get(&d->meta));
	if (TRANSFORM(codec) == DELTA2)
		first[1] = (uint64_t)hr_unzigzag(hr_varint_get(&d->meta));
	l.base = ZIGZAG(codec) ? 0 : (uint64_t)hr_unzigzag(hr_varint_get(&d->meta));
	l.divisor = hr_varint_get(&d->meta) + 1;
	l.n = n - TRANSFORM(codec);
	l.u = v + TRANSFORM(codec);
	if (d->meta.bad || get_left(d, &l, codec) < 0)
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
hr_ints_decode(struct hr_dec *d, uint64_t *v, size_t n)
{
	struct hr_arena_mark mark = hr_arena_mark(&d->arena);
	int rc = decode(d, v, n, false);

	hr_arena_release(&d->arena, mark);
	return rc;
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
