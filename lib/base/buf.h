/*
 * buf.h - growable bytes, and integers in and out of them.
 *
 * Buffers are reused: hr_buf_reset() keeps the memory, so that per-row work
 * allocates nothing after warm-up.  Little-endian is the stream's, big-endian
 * (network order) is PostgreSQL's.
 */
#ifndef HR_BUF_H
#define HR_BUF_H

#include <string.h>

#include "base/hr.h"

struct hr_buf {
	uint8_t *data;
	size_t len;
	size_t cap;
};

#define HR_BUF_INIT { NULL, 0, 0 }

void hr_buf_grow(struct hr_buf *b, size_t more);	/* room for more bytes */
void hr_buf_clear(struct hr_buf *b);			/* free; ready again */
void hr_buf_printf(struct hr_buf *b, const char *fmt, ...) HR_PRINTF(2, 3);
/* NUL-terminated bytes; the NUL is not counted in len. */
const char *hr_buf_text(struct hr_buf *b);
uint8_t *hr_buf_take(struct hr_buf *b, size_t *len);	/* gives the bytes */

static inline void
hr_buf_reset(struct hr_buf *b)
{
	b->len = 0;
}

static inline void
hr_buf_need(struct hr_buf *b, size_t more)
{
	if (HR_UNLIKELY(b->cap - b->len < more))
		hr_buf_grow(b, more);
}

/* memcpy(3), without a call for what most values of a row have. */
static inline void
hr_copy(void *to, const void *p, size_t n)
{
	if (n == 4)
		memcpy(to, p, 4);
	else if (n == 8)
		memcpy(to, p, 8);
	else if (n)
		memcpy(to, p, n);
}

static inline void
hr_buf_put(struct hr_buf *b, const void *p, size_t n)
{
	hr_buf_need(b, n);
	if (n)
		memcpy(b->data + b->len, p, n);
	b->len += n;
}

static inline void
hr_buf_puts(struct hr_buf *b, const char *s)
{
	hr_buf_put(b, s, strlen(s));
}

/* Integers at p, little-endian. */
static inline uint16_t hr_get_u16le(const uint8_t *p)
{ return (uint16_t)(p[0] | p[1] << 8); }
static inline uint32_t hr_get_u32le(const uint8_t *p)
{ return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24; }
static inline uint64_t hr_get_u64le(const uint8_t *p)
{ return hr_get_u32le(p) | (uint64_t)hr_get_u32le(p + 4) << 32; }
static inline void hr_set_u16le(uint8_t *p, uint16_t v)
{ p[0] = (uint8_t)v; p[1] = (uint8_t)(v >> 8); }
static inline void hr_set_u32le(uint8_t *p, uint32_t v)
{ p[0] = (uint8_t)v; p[1] = (uint8_t)(v >> 8); p[2] = (uint8_t)(v >> 16); p[3] = (uint8_t)(v >> 24); }
static inline void hr_set_u64le(uint8_t *p, uint64_t v)
{ hr_set_u32le(p, (uint32_t)v); hr_set_u32le(p + 4, (uint32_t)(v >> 32)); }

/* The same in network order. */
static inline uint16_t hr_get_u16be(const uint8_t *p)
{ return (uint16_t)(p[0] << 8 | p[1]); }
static inline uint32_t hr_get_u32be(const uint8_t *p)
{ return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]; }
static inline uint64_t hr_get_u64be(const uint8_t *p)
{ return (uint64_t)hr_get_u32be(p) << 32 | hr_get_u32be(p + 4); }
static inline void hr_set_u16be(uint8_t *p, uint16_t v)
{ p[0] = (uint8_t)(v >> 8); p[1] = (uint8_t)v; }
static inline void hr_set_u32be(uint8_t *p, uint32_t v)
{ p[0] = (uint8_t)(v >> 24); p[1] = (uint8_t)(v >> 16); p[2] = (uint8_t)(v >> 8); p[3] = (uint8_t)v; }
static inline void hr_set_u64be(uint8_t *p, uint64_t v)
{ hr_set_u32be(p, (uint32_t)(v >> 32)); hr_set_u32be(p + 4, (uint32_t)v); }

static inline void hr_buf_u8(struct hr_buf *b, uint8_t v)
{ hr_buf_need(b, 1); b->data[b->len++] = v; }
static inline void hr_buf_u16le(struct hr_buf *b, uint16_t v)
{ hr_buf_need(b, 2); hr_set_u16le(b->data + b->len, v); b->len += 2; }
static inline void hr_buf_u32le(struct hr_buf *b, uint32_t v)
{ hr_buf_need(b, 4); hr_set_u32le(b->data + b->len, v); b->len += 4; }
static inline void hr_buf_u64le(struct hr_buf *b, uint64_t v)
{ hr_buf_need(b, 8); hr_set_u64le(b->data + b->len, v); b->len += 8; }
static inline void hr_buf_u16be(struct hr_buf *b, uint16_t v)
{ hr_buf_need(b, 2); hr_set_u16be(b->data + b->len, v); b->len += 2; }
static inline void hr_buf_u32be(struct hr_buf *b, uint32_t v)
{ hr_buf_need(b, 4); hr_set_u32be(b->data + b->len, v); b->len += 4; }
static inline void hr_buf_u64be(struct hr_buf *b, uint64_t v)
{ hr_buf_need(b, 8); hr_set_u64be(b->data + b->len, v); b->len += 8; }

/*
 * Bytes read one after the other.  A read beyond the end sets bad and gives
 * zeros: check bad once, after the fields of one thing were read.
 */
struct hr_cur {
	const uint8_t *at;
	const uint8_t *end;
	bool bad;
};

static inline struct hr_cur
hr_cur(const void *p, size_t n)
{
	return (struct hr_cur){ p, (const uint8_t *)p + n, false };
}

static inline size_t
hr_cur_left(const struct hr_cur *c)
{
	return (size_t)(c->end - c->at);
}

/* n bytes, lent; NULL with bad set when fewer are left. */
static inline const uint8_t *
hr_cur_bytes(struct hr_cur *c, size_t n)
{
	const uint8_t *p = c->at;

	if (HR_UNLIKELY(hr_cur_left(c) < n)) {
		c->bad = true;
		c->at = c->end;
		return NULL;
	}
	c->at += n;
	return p;
}

static inline uint8_t hr_cur_u8(struct hr_cur *c)
{ const uint8_t *p = hr_cur_bytes(c, 1); return p ? *p : 0; }
static inline uint16_t hr_cur_u16le(struct hr_cur *c)
{ const uint8_t *p = hr_cur_bytes(c, 2); return p ? hr_get_u16le(p) : 0; }
static inline uint32_t hr_cur_u32le(struct hr_cur *c)
{ const uint8_t *p = hr_cur_bytes(c, 4); return p ? hr_get_u32le(p) : 0; }
static inline uint64_t hr_cur_u64le(struct hr_cur *c)
{ const uint8_t *p = hr_cur_bytes(c, 8); return p ? hr_get_u64le(p) : 0; }
static inline uint16_t hr_cur_u16be(struct hr_cur *c)
{ const uint8_t *p = hr_cur_bytes(c, 2); return p ? hr_get_u16be(p) : 0; }
static inline uint32_t hr_cur_u32be(struct hr_cur *c)
{ const uint8_t *p = hr_cur_bytes(c, 4); return p ? hr_get_u32be(p) : 0; }
static inline uint64_t hr_cur_u64be(struct hr_cur *c)
{ const uint8_t *p = hr_cur_bytes(c, 8); return p ? hr_get_u64be(p) : 0; }

/* A NUL-terminated string, lent; "" with bad set when there is no NUL. */
static inline const char *
hr_cur_cstr(struct hr_cur *c)
{
	const char *s = (const char *)c->at;
	const uint8_t *z = hr_cur_left(c) ? memchr(c->at, 0, hr_cur_left(c)) : NULL;

	if (z == NULL) {
		c->bad = true;
		c->at = c->end;
		return "";
	}
	c->at = z + 1;
	return s;
}

#endif
