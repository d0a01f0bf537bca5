/*
 * float.h - floats as PostgreSQL writes them: the fewest digits that read back
 * as the same number, NaN, Infinity, -Infinity.
 *
 * Floats are given by their bits, as they travel.
 */
#ifndef HR_FLOAT_H
#define HR_FLOAT_H

#include <string.h>

#include "base/buf.h"
#include "base/hr.h"

static inline float
hr_float4_of(uint32_t bits)
{
	float v;

	memcpy(&v, &bits, sizeof(v));
	return v;
}

static inline double
hr_float8_of(uint64_t bits)
{
	double v;

	memcpy(&v, &bits, sizeof(v));
	return v;
}

static inline uint32_t
hr_float4_bits(float v)
{
	uint32_t bits;

	memcpy(&bits, &v, sizeof(bits));
	return bits;
}

static inline uint64_t
hr_float8_bits(double v)
{
	uint64_t bits;

	memcpy(&bits, &v, sizeof(bits));
	return bits;
}

void hr_float4_format(struct hr_buf *out, uint32_t bits);
void hr_float8_format(struct hr_buf *out, uint64_t bits);

#endif
