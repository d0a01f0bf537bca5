/*
 * decimal.h - numerics as integers.
 *
 * PostgreSQL sends a numeric as digits of base 10000 with the weight of the
 * first and the number of decimals that is shown (numeric_send() in
 * src/backend/utils/adt/numeric.c).  12.50 is 1250 with two decimals.
 */
#ifndef HR_DECIMAL_H
#define HR_DECIMAL_H

#include "base/hr.h"

#define HR_DECIMAL_BYTES 32	/* the longest that is taken */

/* False: not a number of that form, or not the only way to write it, or too long. */
bool hr_decimal_parse(const uint8_t *p, size_t n, int64_t *integer, unsigned *decimals);
/* Its bytes; gives their number, or 0 when there are more decimals than are ever parsed. */
size_t hr_decimal_format(int64_t integer, unsigned decimals, uint8_t out[HR_DECIMAL_BYTES]);

#endif
