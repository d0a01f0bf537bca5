/* sketch.c - HyperLogLog, sparse and dense. */

#include "base/hr.h"

#include <math.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "rule/sketch.h"

#define SPARSE_BITS	25
#define RANK_BITS	6
#define SPARSE_RANK	(64 - SPARSE_BITS + 1)		/* the largest */
#define RANK		(64 - HR_SKETCH_BITS + 1)
#define LOG_2		0.69314718055994530942
#define BETWEEN		(SPARSE_BITS - HR_SKETCH_BITS)

/* Where the first 1 is among the first bits of rest, counted from 1. */
static unsigned
rank_of(uint64_t rest, unsigned bits)
{
	return rest ? (unsigned)__builtin_clzll(rest) + 1 : bits + 1;
}

static void
set_register(uint8_t *reg, uint32_t at, unsigned rank)
{
	if (reg[at] < rank)
		reg[at] = (uint8_t)rank;
}

/* What the hash behind an entry would do to the registers. */
static void
put_entry(uint8_t *reg, uint32_t entry)
{
	uint32_t index = entry >> RANK_BITS, rest = index & ((1u << BETWEEN) - 1);
	unsigned rank = rest ? rank_of((uint64_t)rest << (64 - BETWEEN), BETWEEN) :
	    BETWEEN + (entry & ((1u << RANK_BITS) - 1));

	set_register(reg, index >> BETWEEN, rank);
}

static void
make_dense(struct hr_sketch *s)
{
	int i;

	s->reg = hr_zalloc(HR_SKETCH_REGISTERS);
	for (i = 0; i < s->entries; i++)
		put_entry(s->reg, s->entry[i]);
	free(s->entry);
	s->entry = NULL;
	s->entries = s->room = 0;
}

/* Insert in order; of one index the higher rank stays.  false: there is no room. */
static bool
add_entry(struct hr_sketch *s, uint32_t entry)
{
	unsigned low = 0, high = s->entries, mid;

	while (low < high) {
		mid = (low + high) / 2;
		if (s->entry[mid] >> RANK_BITS < entry >> RANK_BITS)
			low = mid + 1;
		else
			high = mid;
	}
	if (low < s->entries && s->entry[low] >> RANK_BITS == entry >> RANK_BITS) {
		if (s->entry[low] < entry)
			s->entry[low] = entry;
		return true;
	}
	if (s->entries == HR_SKETCH_SPARSE)
		return false;
	if (s->entries == s->room) {
		s->room = s->room ? (uint16_t)(s->room * 2) : 4;
		if (s->room > HR_SKETCH_SPARSE)
			s->room = HR_SKETCH_SPARSE;
		s->entry = hr_realloc(s->entry, s->room, sizeof(*s->entry));
	}
	memmove(s->entry + low + 1, s->entry + low, (s->entries - low) * sizeof(*s->entry));
	s->entry[low] = entry;
	s->entries++;
	return true;
}

void
hr_sketch_add(struct hr_sketch *s, uint64_t hash)
{
	uint32_t index;

	if (s->reg == NULL) {
		index = (uint32_t)(hash >> (64 - SPARSE_BITS));
		if (add_entry(s, index << RANK_BITS | rank_of(hash << SPARSE_BITS, 64 - SPARSE_BITS)))
			return;
		make_dense(s);
	}
	set_register(s->reg, (uint32_t)(hash >> (64 - HR_SKETCH_BITS)),
	    rank_of(hash << HR_SKETCH_BITS, 64 - HR_SKETCH_BITS));
}

/* Ertl's sigma, by its series. */
static double
sigma(double x)
{
	double y = 1, z = x, before;

	if (x >= 1)
		return (double)INFINITY;
	do {
		x *= x;
		before = z;
		z += x * y;
		y += y;
	} while (z > before);
	return z;
}

/* His tau is left out: no register is full before 2^60 values. */
static double
estimate(const uint8_t *reg)
{
	const double m = HR_SKETCH_REGISTERS;
	int count[RANK + 1] = { 0 }, i;
	double z = 0;

	for (i = 0; i < HR_SKETCH_REGISTERS; i++)
		count[reg[i]]++;
	for (i = RANK; i >= 1; i--)
		z = 0.5 * (z + count[i]);
	z += m * sigma(count[0] / m);
	return m * m / (2 * LOG_2) / z;
}

/* Of so few among 2^25 that two have met is not to be expected: k^2 / 2^26 is 0.01. */
int64_t
hr_sketch_count(const struct hr_sketch *s)
{
	return s->reg ? (int64_t)(estimate(s->reg) + 0.5) : s->entries;
}

size_t
hr_sketch_size(const struct hr_sketch *s)
{
	return s->reg ? HR_SKETCH_REGISTERS : s->room * sizeof(*s->entry);
}

void
hr_sketch_encode(const struct hr_sketch *s, struct hr_buf *out)
{
	int i;

	hr_buf_u16le(out, s->reg ? UINT16_MAX : s->entries);
	if (s->reg)
		hr_buf_put(out, s->reg, HR_SKETCH_REGISTERS);
	for (i = 0; i < s->entries; i++)
		hr_buf_u32le(out, s->entry[i]);
}

static bool
decode_dense(struct hr_sketch *s, struct hr_cur *c)
{
	const uint8_t *reg = hr_cur_bytes(c, HR_SKETCH_REGISTERS);
	int i;

	for (i = 0; reg && i < HR_SKETCH_REGISTERS; i++)
		if (reg[i] > RANK)
			return false;
	if (reg)
		s->reg = hr_memdup(reg, HR_SKETCH_REGISTERS);
	return reg != NULL;
}

bool
hr_sketch_decode(struct hr_sketch *s, struct hr_cur *c)
{
	uint16_t n = hr_cur_u16le(c), i;
	uint32_t rank;

	*s = (struct hr_sketch)HR_SKETCH_INIT;
	if (n == UINT16_MAX)
		return decode_dense(s, c);
	if (c->bad || n > HR_SKETCH_SPARSE || n > hr_cur_left(c) / 4)
		return false;
	if (n)
		s->entry = hr_alloc(n * sizeof(*s->entry));
	s->entries = s->room = n;
	for (i = 0; i < n; i++) {
		s->entry[i] = hr_cur_u32le(c);
		rank = s->entry[i] & ((1u << RANK_BITS) - 1);
		if (rank == 0 || rank > SPARSE_RANK || s->entry[i] >> (SPARSE_BITS + RANK_BITS) ||
		    (i && s->entry[i - 1] >> RANK_BITS >= s->entry[i] >> RANK_BITS)) {
			hr_sketch_clear(s);
			return false;
		}
	}
	return true;
}

void
hr_sketch_clear(struct hr_sketch *s)
{
	free(s->reg);
	free(s->entry);
	*s = (struct hr_sketch)HR_SKETCH_INIT;
}
