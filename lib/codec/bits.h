/* bits.h - numbers of any width behind each other, the lowest bit first. */
#ifndef HR_BITS_H
#define HR_BITS_H

#include "base/buf.h"
#include "base/hr.h"

struct hr_bits {
	struct hr_buf *b;
	uint64_t acc;
	unsigned n;		/* bits in acc, below 32 */
};

static inline void
hr_bits_put(struct hr_bits *s, uint64_t v, unsigned width)
{
	if (width > 32) {
		hr_bits_put(s, v & UINT32_MAX, 32);
		v >>= 32;
		width -= 32;
	}
	s->acc |= v << s->n;
	s->n += width;
	if (s->n >= 32) {
		hr_buf_u32le(s->b, (uint32_t)s->acc);
		s->acc >>= 32;
		s->n -= 32;
	}
}

/* The last, partly filled byte. */
static inline void
hr_bits_end(struct hr_bits *s)
{
	for (; s->n; s->n -= s->n < 8 ? s->n : 8) {
		hr_buf_u8(s->b, (uint8_t)s->acc);
		s->acc >>= 8;
	}
}

static inline size_t
hr_bits_bytes(uint64_t bits)
{
	return (size_t)((bits + 7) / 8);
}

/* width bits from bit on, of size bytes at p that have them. */
static inline uint64_t
hr_bits_get(const uint8_t *p, size_t size, uint64_t bit, unsigned width)
{
	size_t at = (size_t)(bit / 8), i;
	unsigned shift = bit % 8;
	uint64_t v = 0;

	if (width == 0)
		return 0;
	if (HR_LIKELY(size - at >= 9)) {
		v = hr_get_u64le(p + at) >> shift;
		if (shift + width > 64)
			v |= (uint64_t)p[at + 8] << (64 - shift);
	} else {
		for (i = 0; at + i < size && i < 8; i++)
			v |= (uint64_t)p[at + i] << (8 * i);
		v >>= shift;
		if (shift && at + 8 < size)
			v |= (uint64_t)p[at + 8] << (64 - shift);
	}
	return width == 64 ? v : v & ((UINT64_C(1) << width) - 1);
}

#endif
