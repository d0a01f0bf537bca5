/* same.c - one of all that are equal. */

#include "base/hr.h"

#include <math.h>

#include "rule/same.h"

bool
hr_type_same(enum hr_type t)
{
	return t == HR_TYPE_OTHER || (hr_type_ordered(t) && t != HR_TYPE_CITEXT);
}

/* As many decimals as there are that are not 0. */
static void
shorten(struct hr_numeric *x)
{
	int last, decimals;

	if (!hr_numeric_finite(x))
		return;
	if (x->digits == 0) {
		x->scale = 0;
		return;
	}
	last = x->digit[x->digits - 1];
	decimals = (x->digits - 1 - x->weight) * 4;
	decimals -= last % 1000 == 0 ? 3 : last % 100 == 0 ? 2 : last % 10 == 0;
	x->scale = decimals > 0 ? decimals : 0;
}

/* As many months as there are, then days.  What does not fit so stays as it is. */
static void
spread(struct hr_span *span)
{
	const int64_t month_us = 30 * HR_DAY_US;
	__int128 us = ((__int128)span->months * 30 + span->days) * HR_DAY_US + span->us;
	__int128 months = us / month_us;

	if (months > INT32_MAX || months < INT32_MIN)
		return;
	us %= month_us;
	span->months = (int32_t)months;
	span->days = (int32_t)(us / HR_DAY_US);
	span->us = (int64_t)(us % HR_DAY_US);
}

void
hr_same_write(const struct hr_datum *d, int32_t typmod, struct hr_value *v, struct hr_scratch *m)
{
	struct hr_datum one;
	uint8_t *p;

	*v = (struct hr_value){ .data = NULL, .len = HR_VALUE_NULL };
	if (d->null)
		return;
	one = *d;
	switch (d->type) {
	case HR_TYPE_NUMERIC:
		if (typmod < 4)
			shorten(&one.num);
		break;
	case HR_TYPE_FLOAT4: case HR_TYPE_FLOAT8:
		if (one.f == 0)
			one.f = 0;
		else if (isnan(one.f))
			one.f = (double)NAN;
		break;
	case HR_TYPE_INTERVAL:
		spread(&one.span);
		break;
	case HR_TYPE_BPCHAR:
		while (one.s.n && one.s.p[one.s.n - 1] == ' ')
			one.s.n--;
		break;
	case HR_TYPE_INET: case HR_TYPE_CIDR:
		p = hr_scratch_copy(m, one.s.p, one.s.n);
		p[2] = d->type == HR_TYPE_CIDR;
		one.s.p = p;
		break;
	case HR_TYPE_OTHER: case HR_TYPE_UNKNOWN:
		*v = (struct hr_value){ one.s.p, (int32_t)one.s.n, d->type == HR_TYPE_OTHER };
		return;
	default:
		break;
	}
	hr_datum_write(&one, false, v, m);
}
