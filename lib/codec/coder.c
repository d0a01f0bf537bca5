/* coder.c - arenas, numbers, and bytes that may be packed. */

#include "base/hr.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "codec/coder.h"
#include "codec/zst.h"

#define PIECE_BYTES	(256 * 1024)
#define BLOB_LEAST	24		/* shorter ones are never packed */
#define GAP_MOST	64

struct hr_arena_piece {
	uint8_t *data;
	size_t size, used;
};

void *
hr_arena_get(struct hr_arena *a, size_t n, size_t size)
{
	struct hr_arena_piece *p;
	size_t bytes;
	void *v;

	if (__builtin_mul_overflow(n, size, &bytes) || bytes > SIZE_MAX - 16)
		return NULL;
	bytes = (bytes + 15) & ~(size_t)15;
	if (bytes == 0)
		bytes = 16;
	if (a->limit && (bytes > a->limit || a->used > a->limit - bytes))
		return NULL;
	a->used += bytes;
	while (a->at < a->pieces && a->piece[a->at].size - a->piece[a->at].used < bytes)
		a->at++;
	if (a->at == a->pieces) {
		HR_GROW(a->piece, a->pieces, a->cap);
		p = &a->piece[a->pieces++];
		p->size = bytes > PIECE_BYTES ? bytes : PIECE_BYTES;
		p->data = hr_alloc(p->size);
		p->used = 0;
	}
	p = &a->piece[a->at];
	v = p->data + p->used;
	p->used += bytes;
	return v;
}

struct hr_arena_mark
hr_arena_mark(const struct hr_arena *a)
{
	return (struct hr_arena_mark){ a->at, a->at < a->pieces ? a->piece[a->at].used : 0, a->used };
}

void
hr_arena_release(struct hr_arena *a, struct hr_arena_mark m)
{
	size_t i;

	for (i = m.at + 1; i < a->pieces; i++)
		a->piece[i].used = 0;
	if (m.at < a->pieces)
		a->piece[m.at].used = m.in_piece;
	a->at = m.at;
	a->used = m.used;
}

void
hr_arena_reset(struct hr_arena *a, size_t limit)
{
	size_t i, kept = 0;

	/* Large pieces were of a large block: the next one need not be. */
	for (i = 0; i < a->pieces; i++) {
		if (a->piece[i].size > PIECE_BYTES || kept == 16) {
			free(a->piece[i].data);
			continue;
		}
		a->piece[kept] = a->piece[i];
		a->piece[kept++].used = 0;
	}
	a->pieces = kept;
	a->at = a->used = 0;
	a->limit = limit;
}

void
hr_arena_clear(struct hr_arena *a)
{
	size_t i;

	for (i = 0; i < a->pieces; i++)
		free(a->piece[i].data);
	free(a->piece);
	*a = (struct hr_arena){ 0 };
}

void
hr_varint_put(struct hr_buf *b, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		hr_buf_u8(b, (uint8_t)(v | 0x80));
	hr_buf_u8(b, (uint8_t)v);
}

uint64_t
hr_varint_get(struct hr_cur *c)
{
	uint64_t v = 0;
	unsigned shift;
	uint8_t byte;

	for (shift = 0; shift < 64; shift += 7) {
		byte = hr_cur_u8(c);
		v |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return v;
	}
	c->bad = true;
	return 0;
}

void
hr_blob_put(struct hr_enc *o, int level, const void *p, size_t n)
{
	size_t mark = o->data.len, packed = 0;

	if (n >= BLOB_LEAST) {
		hr_zst_pack(o->zst, level, p, n, &o->data);
		packed = o->data.len - mark;
		if (packed >= n) {
			o->data.len = mark;
			packed = 0;
		}
	}
	if (n)
		hr_varint_put(&o->meta, packed);
	if (packed == 0)
		hr_buf_put(&o->data, p, n);
}

const uint8_t *
hr_blob_get(struct hr_dec *d, size_t n)
{
	uint64_t packed = n ? hr_varint_get(&d->meta) : 0;
	const uint8_t *p;
	uint8_t *out;

	if (d->meta.bad)
		return NULL;
	if (n == 0)
		return (const uint8_t *)"";
	if (packed == 0)
		return hr_cur_bytes(&d->data, n);
	p = hr_cur_bytes(&d->data, packed);
	out = p ? hr_arena_get(&d->arena, n, 1) : NULL;
	return out && hr_zst_unpack(d->zst, p, packed, out, n) == 0 ? out : NULL;
}

bool
hr_pick_due(struct hr_pick *k)
{
	if (k->left) {
		k->left--;
		return false;
	}
	k->gap = k->gap == 0 ? 1 : k->gap < GAP_MOST ? (uint8_t)(k->gap * 2) : GAP_MOST;
	k->left = k->gap;
	return true;
}

void
hr_pick_again(struct hr_pick *k)
{
	k->left = k->gap < UINT8_MAX / 4 ? (uint8_t)(4 * k->gap) : UINT8_MAX;
}

void
hr_pick_cost(struct hr_pick *k, bool tried, size_t n, size_t bytes)
{
	uint64_t cost = n ? (uint64_t)bytes * 2048 / n : 0;

	if (cost > UINT32_MAX)
		cost = UINT32_MAX;
	if (tried)
		k->cost = (uint32_t)cost;
	else if (cost > k->cost + (uint64_t)k->cost / 4 + 64)
		k->left = k->gap = 0;
}
