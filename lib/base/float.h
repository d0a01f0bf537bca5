/*
 * float.h - floats as PostgreSQL writes them: the fewest digits that read back
 * as the same number, NaN, Infinity, -Infinity.
 *
 * Floats are given by their bits, as they travel.
 */
#ifndef HR_FLOAT_H
#define HR_FLOAT_H

#include "base/buf.h"
#include "base/hr.h"

void hr_float4_format(struct hr_buf *out, uint32_t bits);
void hr_float8_format(struct hr_buf *out, uint64_t bits);

#endif
