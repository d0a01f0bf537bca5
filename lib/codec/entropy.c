/*
 * entropy.c - bytes through rANS.
 *
 * In meta: how; and for what is coded the bytes that the model did not have yet,
 * each with its weight in quarters of a power of two, and the length.  In data:
 * the states, then words in the order in which they are read.
 */

#include "base/hr.h"

#include <string.h>

#include "codec/entropy.h"

enum how { RAW, KEPT, FRESH };

#define PROB_BITS	12
#define PROB		(1u << PROB_BITS)
#define LOW		(UINT32_C(1) << 16)
#define COUNT_LIMIT	16384		/* of a model's sum: then all are halved */
#define TABLE_BYTES	2		/* what a new byte costs in meta */
#define CODED_BYTES	6		/* in front */
#define PAIR_LEAST	256		/* from here on two states */

struct range {
	uint16_t freq, start;
};

uint32_t
hr_log2_256(uint32_t n)
{
	unsigned high = 31 - (unsigned)__builtin_clz(n);
	uint32_t part = high >= 8 ? (n >> (high - 8)) & 255 : (n << (8 - high)) & 255;

	return high * 256 + part + part * (255 - part) / 740;
}

/* Quarters of powers of two: 1, 2^(1/4), ... */
static unsigned
weight_of(uint32_t count)
{
	return (hr_log2_256(count) + 32) / 64;
}

static uint16_t
count_of(unsigned weight)
{
	static const uint16_t part[4] = { 256, 304, 362, 431 };

	return (uint16_t)((((uint32_t)part[weight & 3] << (weight >> 2)) + 128) >> 8);
}

#define WEIGHT_MAX	52		/* 2^13 */

/* Bits in 1/256 for n bytes by counts: of what has none the table is written. */
static uint64_t
cost_by(const uint16_t *have, uint32_t all, const uint32_t count[256])
{
	uint64_t bits = 0, more = 0;
	uint32_t sum = all, i, log;

	for (i = 0; i < 256; i++)
		if (count[i] && (have == NULL || have[i] == 0)) {
			sum += count[i];
			more += 256 * 8 * TABLE_BYTES;
		}
	log = hr_log2_256(sum ? sum : 1);
	for (i = 0; i < 256; i++)
		if (count[i])
			bits += (uint64_t)count[i] * (log - hr_log2_256(have && have[i] ? have[i] : count[i]));
	return bits + more;
}

size_t
hr_entropy_cost(const struct hr_model *model, const uint32_t count[256], size_t n)
{
	uint64_t fresh = cost_by(NULL, 0, count), kept;

	if (model && model->all) {
		kept = cost_by(model->count, model->all, count);
		if (kept < fresh)
			fresh = kept;
	}
	fresh = fresh / (256 * 8) + CODED_BYTES;
	return fresh < n ? (size_t)fresh : n;
}

static void
add(struct hr_model *m, uint8_t byte, uint32_t count)
{
	uint32_t room = UINT16_MAX - m->count[byte];

	if (count > room)
		count = room;
	m->count[byte] = (uint16_t)(m->count[byte] + count);
	m->all += count;
}

/* What was coded belongs to the model; older blocks count less and less. */
static void
learn(struct hr_model *m, const uint32_t count[256])
{
	int i;

	while (m->all > COUNT_LIMIT)
		for (i = 0, m->all = 0; i < 256; i++) {
			m->count[i] = (uint16_t)((m->count[i] + 1) / 2);
			m->all += m->count[i];
		}
	for (i = 0; i < 256; i++)
		if (count[i])
			add(m, (uint8_t)i, count[i] > 8192 ? 8192 : count[i]);
}

/* Ranges that fill PROB, none of them empty where there is a count. */
static void
ranges(const struct hr_model *m, struct range r[256])
{
	uint32_t sum = 0, i, start = 0, largest = 0, cut;

	for (i = 0; i < 256; i++) {
		r[i].freq = 0;
		if (m->count[i] == 0)
			continue;
		r[i].freq = (uint16_t)((uint64_t)m->count[i] * PROB / m->all);
		if (r[i].freq == 0)
			r[i].freq = 1;
		sum += r[i].freq;
		if (r[i].freq > r[largest].freq)
			largest = i;
	}
	/* What is over or missing comes from the largest ones. */
	while (sum > PROB) {
		for (i = largest = 0; i < 256; i++)
			if (r[i].freq > r[largest].freq)
				largest = i;
		cut = (r[largest].freq + 1u) / 2;
		if (cut > sum - PROB)
			cut = sum - PROB;
		r[largest].freq = (uint16_t)(r[largest].freq - cut);
		sum -= cut;
	}
	r[largest].freq = (uint16_t)(r[largest].freq + PROB - sum);
	for (i = 0; i < 256; i++) {
		r[i].start = (uint16_t)start;
		start += r[i].freq;
	}
}

/* Read from the front, so written from the end. */
static void
put_coded(struct hr_enc *o, const struct range r[256], const uint8_t *p, size_t n)
{
	uint32_t x[2] = { LOW, LOW };
	unsigned states = n < PAIR_LEAST ? 1 : 2, k;
	uint16_t *word = hr_arena_get(&o->arena, n, sizeof(*word)), *at = word + n;
	size_t mark = o->data.len, i, words;

	for (i = n; i-- > 0; ) {
		const struct range *s = &r[p[i]];
		uint32_t *v = &x[states == 2 ? i & 1 : 0];

		if ((uint64_t)*v >= (uint64_t)s->freq << (32 - PROB_BITS)) {
			*--at = (uint16_t)*v;
			*v >>= 16;
		}
		*v = ((*v / s->freq) << PROB_BITS) + *v % s->freq + s->start;
	}
	words = (size_t)(word + n - at);
	hr_buf_need(&o->data, 4 * states + 2 * words);
	for (k = 0; k < states; k++)
		hr_buf_u32le(&o->data, x[k]);
	for (i = 0; i < words; i++, o->data.len += 2)
		hr_set_u16le(o->data.data + o->data.len, at[i]);
	hr_varint_put(&o->meta, o->data.len - mark);
}

void
hr_entropy_put(struct hr_enc *o, struct hr_model *model, const uint8_t *p, size_t n)
{
	struct hr_arena_mark mark = hr_arena_mark(&o->arena);
	struct hr_model once = { .all = 0 };
	uint32_t count[256] = { 0 };
	struct range r[256];
	uint64_t fresh, kept = UINT64_MAX;
	size_t i, added = 0;

	if (n == 0)
		return;
	for (i = 0; i < n; i++)
		count[p[i]]++;
	fresh = cost_by(NULL, 0, count);
	if (model && model->all)
		kept = cost_by(model->count, model->all, count);
	if ((fresh < kept ? fresh : kept) / (256 * 8) + CODED_BYTES >= n) {
		hr_buf_u8(&o->meta, RAW);
		hr_buf_put(&o->data, p, n);
		if (model)
			learn(model, count);
		return;
	}
	if (model == NULL)
		model = &once;
	if (fresh < kept)
		*model = once;
	hr_buf_u8(&o->meta, fresh < kept ? FRESH : KEPT);
	for (i = 0; i < 256; i++)
		added += count[i] && model->count[i] == 0;
	hr_varint_put(&o->meta, added);
	for (i = 0; i < 256; i++)
		if (count[i] && model->count[i] == 0) {
			unsigned weight = weight_of(count[i]);

			if (weight > WEIGHT_MAX)
				weight = WEIGHT_MAX;
			hr_buf_u8(&o->meta, (uint8_t)i);
			hr_buf_u8(&o->meta, (uint8_t)weight);
			add(model, (uint8_t)i, count_of(weight));
		}
	ranges(model, r);
	put_coded(o, r, p, n);
	learn(model, count);
	hr_arena_release(&o->arena, mark);
}

/* The byte that a state stands for; v is what the state is without it. */
static inline uint8_t
byte_of(uint32_t x, const uint8_t symbol[PROB], const struct range r[256], uint32_t *v)
{
	uint32_t slot = x & (PROB - 1);
	uint8_t s = symbol[slot];

	*v = r[s].freq * (x >> PROB_BITS) + slot - r[s].start;
	return s;
}

/* The same where a word is there, be it needed or not: no branch that depends on the data. */
static inline uint8_t
take(uint32_t *x, const uint8_t symbol[PROB], const struct range r[256], const uint8_t **in)
{
	uint32_t v, more;
	uint8_t s = byte_of(*x, symbol, r, &v);

	more = v < LOW;
	*x = more ? v << 16 | hr_get_u16le(*in) : v;
	*in += 2 * more;
	return s;
}

static const uint8_t *
get_coded(struct hr_dec *d, const struct range r[256], size_t n, uint32_t count[256])
{
	uint64_t len = hr_varint_get(&d->meta);
	const uint8_t *in = d->meta.bad ? NULL : hr_cur_bytes(&d->data, len), *end;
	uint32_t x[2] = { LOW, LOW };
	unsigned states = n < PAIR_LEAST ? 1 : 2, k;
	uint8_t symbol[PROB], *out;
	size_t i = 0;

	if (in == NULL || len < 4 * states || len % 2 || (out = hr_arena_get(&d->arena, n, 1)) == NULL)
		return NULL;
	end = in + len;
	for (k = 0; k < 256; k++)
		memset(symbol + r[k].start, (int)k, r[k].freq);
	for (k = 0; k < states; k++, in += 4)
		x[k] = hr_get_u32le(in);
	if (states == 2) {
		uint32_t a = x[0], b = x[1];

		for (; i + 2 <= n && end - in >= 4; i += 2) {
			out[i] = take(&a, symbol, r, &in);
			out[i + 1] = take(&b, symbol, r, &in);
		}
		x[0] = a;
		x[1] = b;
	}
	for (; i < n; i++) {
		uint32_t *v = &x[states == 2 ? i & 1 : 0];

		out[i] = byte_of(*v, symbol, r, v);
		if (*v >= LOW)
			continue;
		if (in == end)
			return NULL;
		*v = *v << 16 | hr_get_u16le(in);
		in += 2;
	}
	if (in != end || x[0] != LOW || x[1] != LOW)
		return NULL;
	for (i = 0; i < n; i++)
		count[out[i]]++;
	return out;
}

const uint8_t *
hr_entropy_get(struct hr_dec *d, struct hr_model *model, size_t n)
{
	struct hr_model once = { .all = 0 };
	uint32_t count[256] = { 0 };
	struct range r[256];
	const uint8_t *out;
	uint64_t added, i;
	uint8_t how;

	if (n == 0)
		return (const uint8_t *)"";
	how = hr_cur_u8(&d->meta);
	if (how > FRESH || d->meta.bad)
		return NULL;
	if (how == RAW) {
		if ((out = hr_cur_bytes(&d->data, n)) == NULL || model == NULL)
			return out;
		for (i = 0; i < n; i++)
			count[out[i]]++;
		learn(model, count);
		return out;
	}
	if (model == NULL)
		model = &once;
	if (how == FRESH)
		*model = once;
	added = hr_varint_get(&d->meta);
	if (added > 256)
		return NULL;
	for (i = 0; i < added; i++) {
		uint8_t byte = hr_cur_u8(&d->meta), weight = hr_cur_u8(&d->meta);

		if (d->meta.bad || weight > WEIGHT_MAX || model->count[byte])
			return NULL;
		add(model, byte, count_of(weight));
	}
	if (d->meta.bad || model->all == 0)
		return NULL;
	ranges(model, r);
	if ((out = get_coded(d, r, n, count)) == NULL)
		return NULL;
	learn(model, count);
	return out;
}
