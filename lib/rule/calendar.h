/*
 * calendar.h - dates, times and intervals as PostgreSQL counts them.
 *
 * A date is days, a timestamp microseconds since 2000-01-01 in the Gregorian
 * calendar, drawn out to both sides.  The zone is always UTC.  Text is taken in
 * ISO's forms only, since the others depend on settings: 2024-02-29,
 * 2024-02-29 12:30:00.5+02, 20240229, with BC behind it, infinity, epoch.
 * What depends on when it is asked (now, today) is not taken.
 */
#ifndef HR_CALENDAR_H
#define HR_CALENDAR_H

#include "base/err.h"
#include "base/hr.h"

#define HR_SECOND_US	INT64_C(1000000)
#define HR_DAY_US	INT64_C(86400000000)

/* Infinite ones; of timestamps INT64_MIN and INT64_MAX. */
#define HR_DATE_LOW	INT32_MIN
#define HR_DATE_HIGH	INT32_MAX

/* An interval: its three parts are kept apart. */
struct hr_span {
	int64_t us;
	int32_t days, months;
};

static inline bool
hr_date_finite(int64_t days)
{
	return days != HR_DATE_LOW && days != HR_DATE_HIGH;
}

static inline bool
hr_timestamp_finite(int64_t us)
{
	return us != INT64_MIN && us != INT64_MAX;
}

bool hr_date_valid(int64_t days);	/* in range, and not infinite */
bool hr_timestamp_valid(int64_t us);

/* False: the text is none, or out of range. */
bool hr_date_parse(const char *s, size_t n, int64_t *days) HR_USED;
bool hr_timestamp_parse(const char *s, size_t n, bool zoned, int64_t *us) HR_USED;
bool hr_time_parse(const char *s, size_t n, int64_t *us) HR_USED;
bool hr_timetz_parse(const char *s, size_t n, int64_t *us, int32_t *west) HR_USED;
bool hr_span_parse(const char *s, size_t n, struct hr_span *span) HR_USED;

/* From a date, infinite ones too, and back; false when out of range. */
bool hr_date_timestamp(int64_t days, int64_t *us) HR_USED;
int64_t hr_timestamp_date(int64_t us);		/* rounded down */
int64_t hr_timestamp_time(int64_t us);		/* of the day; it is finite */
/* To so many decimals of a second. */
int64_t hr_timestamp_round(int64_t us, int decimals);

/* False: out of range. */
bool hr_timestamp_add(int64_t *us, const struct hr_span *span) HR_USED;
bool hr_span_add(struct hr_span *x, const struct hr_span *y) HR_USED;
bool hr_span_neg(struct hr_span *x) HR_USED;
bool hr_span_mul(struct hr_span *x, double by) HR_USED;
bool hr_span_div(struct hr_span *x, double by) HR_USED;
struct hr_span hr_span_of(int64_t us);		/* days and less */
int hr_span_cmp(const struct hr_span *x, const struct hr_span *y);	/* a month is 30 days */

enum hr_field {
	HR_FIELD_MICROSECONDS,
	HR_FIELD_MILLISECONDS,
	HR_FIELD_SECOND,
	HR_FIELD_MINUTE,
	HR_FIELD_HOUR,
	HR_FIELD_DAY,
	HR_FIELD_WEEK,
	HR_FIELD_MONTH,
	HR_FIELD_QUARTER,
	HR_FIELD_YEAR,
	HR_FIELD_DECADE,
	HR_FIELD_CENTURY,
	HR_FIELD_MILLENNIUM,
	HR_FIELD_DOW,
	HR_FIELD_ISODOW,
	HR_FIELD_DOY,
	HR_FIELD_ISOYEAR,
	HR_FIELD_EPOCH,
	HR_FIELD_JULIAN,
	HR_FIELD_TIMEZONE,
};

/* The field of that name, in any of its spellings; -1: there is none. */
int hr_field_parse(const char *s, size_t n);

/* What a field is: a number, NULL (an infinite timestamp's minute) or an infinity. */
struct hr_time_part {
	int64_t value;		/* with so many decimals */
	int scale;
	int64_t seconds;	/* of an epoch: these, and the value behind the point */
	double epoch;		/* the same as date_part() computes it */
	int64_t day_us;		/* of a julian day: what is over of it; else -1 */
	bool null;
	int infinite;		/* -1, 1 */
};

/* Has the field a meaning there? */
bool hr_field_of_timestamp(enum hr_field f, bool zoned);
bool hr_field_of_date(enum hr_field f);
bool hr_field_of_time(enum hr_field f);
bool hr_field_of_span(enum hr_field f);
bool hr_field_truncates(enum hr_field f);	/* date_trunc() */

void hr_timestamp_part(struct hr_time_part *p, enum hr_field f, int64_t us);
void hr_date_part(struct hr_time_part *p, enum hr_field f, int64_t days);
void hr_time_part(struct hr_time_part *p, enum hr_field f, int64_t us);
void hr_span_part(struct hr_time_part *p, enum hr_field f, const struct hr_span *span);

bool hr_timestamp_trunc(int64_t *us, enum hr_field f) HR_USED;
void hr_span_trunc(struct hr_span *span, enum hr_field f);

#endif
