/* general.c - floors of several kinds, and noise from a digest's bits. */

#include "base/hr.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/float.h"
#include "rule/general.h"

#define DAY_US		INT64_C(86400000000)
#define HOUR_US		INT64_C(3600000000)
#define FIRST_DAY	(-2451545)		/* 4713-11-24 BC: Julian day 0, from 2000-01-01 */
#define EPOCH_DAY	730119			/* 2000-01-01 from 0001-01-01 */
#define LAPLACE_MOST	20.0

static int64_t
floor_by(int64_t value, int64_t width)
{
	int64_t rest = value % width;

	return rest < 0 ? rest + width : rest;
}

int64_t
hr_general_floor(int64_t value, int64_t width, int64_t origin)
{
	int64_t rest, low;

	assert(width > 0);
	rest = (int64_t)(((__int128)value - origin) % width);
	if (rest < 0)
		rest += width;
	return __builtin_sub_overflow(value, rest, &low) ? INT64_MIN : low;
}

double
hr_general_floor_float(double value, double width, double origin)
{
	return isfinite(value) ? origin + floor((value - origin) / width) * width : value;
}

void
hr_general_range(int64_t value, int64_t width, int64_t origin, struct hr_buf *out)
{
	int64_t low = hr_general_floor(value, width, origin), rest, high;

	/* From the value upwards, since the lowest may not be a number of 64 bits. */
	rest = (int64_t)(((__int128)value - origin) % width);
	rest = width - 1 - (rest < 0 ? rest + width : rest);
	if (__builtin_add_overflow(value, rest, &high))
		high = INT64_MAX;
	hr_buf_printf(out, "%" PRId64, low);
	if (width > 1)
		hr_buf_printf(out, "-%" PRId64, high);
}

void
hr_general_age(int64_t years, const int *bound, size_t n, struct hr_buf *out)
{
	static const int five[] = { 5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55, 60, 65, 70, 75, 80, 85 };
	size_t i = 0;

	if (n == 0) {
		bound = five;
		n = HR_COUNT(five);
	}
	while (i < n && years >= bound[i])
		i++;
	if (years < 0)
		hr_buf_puts(out, "<0");
	else if (i == n)
		hr_buf_printf(out, "%d+", bound[n - 1]);
	else
		hr_buf_printf(out, "%d-%d", i ? bound[i - 1] : 0, bound[i] - 1);
}

/* Bytes of the character at p. */
static size_t
character(const uint8_t *p, size_t left)
{
	size_t n = p[0] < 0xc2 ? 1 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : p[0] < 0xf5 ? 4 : 1, i;

	if (n > left)
		return 1;
	for (i = 1; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 1;
	return n;
}

void
hr_general_first(const void *text, size_t len, size_t n, struct hr_buf *out)
{
	const uint8_t *p = text;
	size_t at = 0;

	for (; n && at < len; n--)
		at += character(p + at, len - at);
	hr_buf_put(out, p, at);
}

bool
hr_general_unit_parse(const char *word, enum hr_general_unit *unit)
{
	static const char *const name[] = { "hour", "day", "week", "month", "quarter", "year", "decade" };
	size_t i;

	for (i = 0; i < HR_COUNT(name); i++)
		if (strcmp(word, name[i]) == 0) {
			*unit = (enum hr_general_unit)i;
			return true;
		}
	return false;
}

/*
 * Year and month (0 to 11) of a day from 2000-01-01, and back; years are
 * counted from 1 AD as 0.  The year begins in March, so that a leap day is its
 * last (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").
 */
static int64_t
from_civil(int64_t year, int64_t month)
{
	int64_t y = year + 1 - (month < 2), era = (y - floor_by(y, 400)) / 400, in_era = y - era * 400;
	int64_t of_year = (153 * ((month + 10) % 12) + 2) / 5;

	return era * 146097 + in_era * 365 + in_era / 4 - in_era / 100 + of_year - 306 - EPOCH_DAY;
}

static void
to_civil(int64_t day, int64_t *year, int64_t *month)
{
	int64_t z = day + EPOCH_DAY + 306, in_era = floor_by(z, 146097), era = (z - in_era) / 146097;
	int64_t y = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
	int64_t of_year = in_era - (365 * y + y / 4 - y / 100), m = (5 * of_year + 2) / 153;

	*month = (m + 2) % 12;
	*year = y + era * 400 + (*month < 2) - 1;
}

static int64_t
floor_day(int64_t day, enum hr_general_unit unit)
{
	int64_t year, month;

	if (unit <= HR_GENERAL_DAY)
		return day;
	if (unit == HR_GENERAL_WEEK)
		return day - floor_by(day + 5, 7);	/* 2000-01-01 was a Saturday */
	to_civil(day, &year, &month);
	if (unit == HR_GENERAL_DECADE)
		year -= floor_by(year + 1, 10);
	if (unit == HR_GENERAL_QUARTER)
		month -= month % 3;
	return from_civil(year, unit >= HR_GENERAL_YEAR ? 0 : month);
}

int64_t
hr_general_time(int64_t us, enum hr_general_unit unit)
{
	int64_t day;

	if (us == INT64_MAX || us == INT64_MIN)
		return us;
	if (unit == HR_GENERAL_HOUR)
		return hr_general_floor(us, HOUR_US, 0);
	day = floor_day(us / DAY_US - (us % DAY_US < 0), unit);
	return (day < FIRST_DAY ? FIRST_DAY : day) * DAY_US;
}

int32_t
hr_general_date(int32_t days, enum hr_general_unit unit)
{
	int64_t day;

	if (days == INT32_MAX || days == INT32_MIN)
		return days;
	day = floor_day(days, unit);
	return (int32_t)(day < FIRST_DAY ? FIRST_DAY : day);
}

void
hr_general_address(uint8_t *address, size_t bytes, unsigned bits)
{
	size_t i;

	for (i = 0; i < bytes; i++)
		if (bits <= 8 * i)
			address[i] = 0;
		else if (bits < 8 * (i + 1))
			address[i] &= (uint8_t)(0xff00 >> (bits - 8 * i));
}

double
hr_noise(struct hr_digest *d, enum hr_noise_shape shape, double scale, const void *value, size_t n)
{
	uint64_t bits = hr_digest_number(d, value, n);
	double side = bits & 1 ? 1 : -1, u = ((double)(bits >> 11) + 0.5) * 0x1p-53, far;

	if (shape == HR_NOISE_UNIFORM)
		return side * u * scale;
	far = -log(u);
	return side * scale * (far < LAPLACE_MOST ? far : LAPLACE_MOST);
}

/* Doubles at the ends are not exact: 2^63 is no int64_t. */
static int64_t
rounded(double noise)
{
	if (noise >= 0x1p62)
		return INT64_C(1) << 62;
	return noise <= -0x1p62 ? -(INT64_C(1) << 62) : llround(noise);
}

int64_t
hr_noise_int(struct hr_digest *d, enum hr_noise_shape shape, double scale, int64_t value, int64_t least,
    int64_t most)
{
	uint8_t bytes[8];
	int64_t moved, by;

	hr_set_u64le(bytes, (uint64_t)value);
	by = rounded(hr_noise(d, shape, scale, bytes, sizeof(bytes)));
	if (__builtin_add_overflow(value, by, &moved))
		moved = by < 0 ? INT64_MIN : INT64_MAX;
	return moved < least ? least : moved > most ? most : moved;
}

double
hr_noise_float(struct hr_digest *d, enum hr_noise_shape shape, double scale, double value, double least,
    double most)
{
	uint8_t bytes[8];
	double moved = value + 0.0;	/* no -0 */

	if (!isfinite(value))
		return value;
	hr_set_u64le(bytes, hr_float8_bits(moved));
	moved += hr_noise(d, shape, scale, bytes, sizeof(bytes));
	return moved < least ? least : moved > most ? most : moved;
}
