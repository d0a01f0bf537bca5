/*
 * calendar.c - dates, times and intervals.
 *
 * The rules are those of PostgreSQL's timestamp.c and datetime.c with
 * TimeZone UTC, DateStyle ISO and IntervalStyle postgres.
 */

#include "base/hr.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "rule/calendar.h"

#define EPOCH_JULIAN	2451545			/* 2000-01-01 */
#define UNIX_DAYS	10957			/* from 1970-01-01 to then */
#define HOUR_US		INT64_C(3600000000)
#define MINUTE_US	INT64_C(60000000)
#define TIMESTAMP_LOW	INT64_C(-211813488000000000)	/* 4714-11-24 BC */
#define TIMESTAMP_END	INT64_C(9223371331200000000)	/* 294277-01-01 */
#define DATE_END	(2147483494 - EPOCH_JULIAN)	/* 5874898-01-01 */

__extension__ typedef __int128 int128;

struct day {
	int year;		/* 0 is 1 BC */
	int month, day;
};

bool
hr_date_valid(int64_t days)
{
	return days >= -EPOCH_JULIAN && days < DATE_END;
}

bool
hr_timestamp_valid(int64_t us)
{
	return us >= TIMESTAMP_LOW && us < TIMESTAMP_END;
}

static int64_t
floor_div(int64_t x, int64_t by)
{
	return x / by - (x % by < 0);
}

/* The proleptic Gregorian calendar, by eras of 400 years that begin in March. */
static struct day
day_of(int64_t days)
{
	int64_t j = days + EPOCH_JULIAN + 32044, era = floor_div(j, 146097), rest = j - era * 146097;
	int64_t year = (rest - rest / 1460 + rest / 36524 - rest / 146096) / 365, month;
	struct day d;

	rest -= 365 * year + year / 4 - year / 100;
	month = (5 * rest + 2) / 153;
	d.day = (int)(rest - (153 * month + 2) / 5 + 1);
	d.year = (int)(year + era * 400 - 4800 + (month >= 10));
	d.month = (int)(month + (month < 10 ? 3 : -9));
	return d;
}

static int64_t
days_of(int64_t year, int month, int day)
{
	int64_t y = year + 4800 - (month <= 2), era = floor_div(y, 400), of_era = y - era * 400;
	int m = month + (month > 2 ? -3 : 9);

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + (153 * m + 2) / 5 + day - 1 -
	    32044 - EPOCH_JULIAN;
}

static int
month_days(int64_t year, int month)
{
	static const int length[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return length[month - 1] + (month == 2 && leap);
}

/* --- text --- */

struct text {
	const char *at, *end;
};

static bool
is_digit(const struct text *t)
{
	return t->at < t->end && *t->at >= '0' && *t->at <= '9';
}

static bool
take(struct text *t, char c)
{
	if (t->at == t->end || *t->at != c)
		return false;
	t->at++;
	return true;
}

static void
skip_blanks(struct text *t)
{
	while (t->at < t->end && (*t->at == ' ' || (*t->at >= '\t' && *t->at <= '\r')))
		t->at++;
}

static struct text
trimmed(const char *s, size_t n)
{
	struct text t = { s, s + n };

	skip_blanks(&t);
	while (t.at < t.end && (t.end[-1] == ' ' || (t.end[-1] >= '\t' && t.end[-1] <= '\r')))
		t.end--;
	return t;
}

/* The word there, in letters of any case, and what follows is no letter. */
static bool
take_word(struct text *t, const char *word)
{
	size_t n = strlen(word);

	if ((size_t)(t->end - t->at) < n || strncasecmp(t->at, word, n) != 0)
		return false;
	if (t->at + n < t->end && ((t->at[n] | 32) >= 'a' && (t->at[n] | 32) <= 'z'))
		return false;
	t->at += n;
	return true;
}

/* Digits, low to high of them; their number is the value. */
static bool
take_digits(struct text *t, int low, int high, int64_t *v)
{
	int n;

	*v = 0;
	for (n = 0; is_digit(t) && n < high; n++)
		*v = *v * 10 + (*t->at++ - '0');
	return n >= low && !is_digit(t);
}

/* What is behind a point, in microseconds. */
static int64_t
take_fraction(struct text *t)
{
	char text[20] = "0.";
	size_t n = 2;

	for (; is_digit(t); t->at++)
		if (n < sizeof(text) - 1)
			text[n++] = *t->at;
	text[n] = '\0';
	return (int64_t)rint(strtod(text, NULL) * 1000000);
}

/* 12:30, 12:30:15.5; 24:00:00 is the day's end. */
static bool
take_time(struct text *t, int64_t *us)
{
	int64_t hour, minute, second = 0, fraction = 0;

	if (!take_digits(t, 1, 2, &hour) || !take(t, ':') || !take_digits(t, 1, 2, &minute))
		return false;
	if (take(t, ':')) {
		if (!take_digits(t, 1, 2, &second))
			return false;
		if (take(t, '.'))
			fraction = take_fraction(t);
	}
	if (minute > 59 || second > 60 || hour > 24)
		return false;
	*us = hour * HOUR_US + minute * MINUTE_US + second * HR_SECOND_US + fraction;
	return *us <= HR_DAY_US;
}

/* Z, UTC, +02, -03:30, +0230, +01:02:03: seconds west of UTC. */
static bool
take_zone(struct text *t, int32_t *west)
{
	int64_t hour, minute = 0, second = 0;
	bool minus;

	*west = 0;
	skip_blanks(t);
	if (take_word(t, "z") || take_word(t, "utc") || take_word(t, "gmt"))
		return true;
	if (t->at == t->end || (*t->at != '+' && *t->at != '-'))
		return false;
	minus = *t->at++ == '-';
	if (t->end - t->at >= 4 && t->at[2] != ':' && t->at[1] != ':') {
		struct text half = { t->at, t->at + 2 };

		if (!take_digits(&half, 2, 2, &hour))
			return false;
		t->at += 2;
		if (!take_digits(t, 2, 2, &minute))
			return false;
	} else {
		if (!take_digits(t, 1, 2, &hour))
			return false;
		if (take(t, ':') && !take_digits(t, 2, 2, &minute))
			return false;
		if (take(t, ':') && !take_digits(t, 2, 2, &second))
			return false;
	}
	if (hour > 15 || minute > 59 || second > 59)
		return false;
	*west = (int32_t)(hour * 3600 + minute * 60 + second) * (minus ? 1 : -1);
	return true;
}

static bool
take_date(struct text *t, int64_t *year, int64_t *month, int64_t *day)
{
	const char *start = t->at;
	int64_t all;

	if (!take_digits(t, 3, 8, &all))
		return false;
	if (t->at - start == 8 && (t->at == t->end || *t->at != '-')) {
		*year = all / 10000;
		*month = all / 100 % 100;
		*day = all % 100;
		return true;
	}
	*year = all;
	return take(t, '-') && take_digits(t, 1, 2, month) && take(t, '-') && take_digits(t, 1, 2, day);
}

/* What a date or a timestamp can be: days, time of the day, zone. */
struct moment {
	int64_t days, us;
	int32_t west;
	int infinite;
};

static bool
take_moment(struct text *t, struct moment *m)
{
	int64_t year, month, day;

	*m = (struct moment){ .days = 0 };
	if (take_word(t, "infinity") || take_word(t, "+infinity"))
		return (m->infinite = 1) && t->at == t->end;
	if (take_word(t, "-infinity"))
		return (m->infinite = -1) && t->at == t->end;
	if (take_word(t, "epoch")) {
		m->days = -UNIX_DAYS;
		return t->at == t->end;
	}
	if (!take_date(t, &year, &month, &day))
		return false;
	if (t->at < t->end && (*t->at == 'T' || *t->at == 't' || *t->at == ' ')) {
		t->at++;
		skip_blanks(t);
		if (is_digit(t) && !take_time(t, &m->us))
			return false;
	}
	skip_blanks(t);
	if (t->at < t->end && (*t->at | 32) != 'b' && (*t->at | 32) != 'a' && !take_zone(t, &m->west))
		return false;
	skip_blanks(t);
	if (year == 0)
		return false;
	if (take_word(t, "bc"))
		year = 1 - year;
	else
		take_word(t, "ad");
	if (t->at != t->end || year < -4713 || month < 1 || month > 12 || day < 1 ||
	    day > month_days(year, (int)month))
		return false;
	m->days = days_of(year, (int)month, (int)day);
	return true;
}

bool
hr_date_parse(const char *s, size_t n, int64_t *days)
{
	struct text t = trimmed(s, n);
	struct moment m;

	if (!take_moment(&t, &m))
		return false;
	*days = m.infinite ? m.infinite < 0 ? HR_DATE_LOW : HR_DATE_HIGH : m.days;
	return m.infinite || hr_date_valid(*days);
}

bool
hr_timestamp_parse(const char *s, size_t n, bool zoned, int64_t *us)
{
	struct text t = trimmed(s, n);
	struct moment m;

	if (!take_moment(&t, &m))
		return false;
	if (m.infinite) {
		*us = m.infinite < 0 ? INT64_MIN : INT64_MAX;
		return true;
	}
	if (__builtin_mul_overflow(m.days, HR_DAY_US, us) || __builtin_add_overflow(*us, m.us, us) ||
	    !hr_timestamp_valid(*us))
		return false;
	if (zoned)
		*us += m.west * HR_SECOND_US;
	return hr_timestamp_valid(*us);
}

bool
hr_time_parse(const char *s, size_t n, int64_t *us)
{
	struct text t = trimmed(s, n);

	return take_time(&t, us) && t.at == t.end;
}

bool
hr_timetz_parse(const char *s, size_t n, int64_t *us, int32_t *west)
{
	struct text t = trimmed(s, n);

	*west = 0;
	return take_time(&t, us) && (t.at == t.end || take_zone(&t, west)) && t.at == t.end;
}

/* --- intervals in text --- */

/* A number with a sign and maybe a fraction; the fraction has the sign. */
static bool
take_number(struct text *t, int64_t *v, double *fraction, bool *minus)
{
	char text[40] = "0.";
	size_t n = 2;

	*minus = false;
	*v = 0;
	*fraction = 0;
	if (!take(t, '+'))
		*minus = take(t, '-');
	if (!is_digit(t) && (t->at == t->end || *t->at != '.'))
		return false;
	for (; is_digit(t); t->at++)
		if (__builtin_mul_overflow(*v, 10, v) || __builtin_add_overflow(*v, *t->at - '0', v))
			return false;
	if (take(t, '.')) {
		for (; is_digit(t); t->at++)
			if (n < sizeof(text) - 1)
				text[n++] = *t->at;
		text[n] = '\0';
		*fraction = strtod(text, NULL);
	}
	if (*minus) {
		*v = -*v;
		*fraction = -*fraction;
	}
	return true;
}

static bool
add_us(struct hr_span *x, double fraction, int64_t scale)
{
	int64_t us;

	fraction *= (double)scale;
	us = (int64_t)fraction;
	fraction -= (double)us;
	us += fraction > 0.5 ? 1 : fraction < -0.5 ? -1 : 0;
	return !__builtin_add_overflow(x->us, us, &x->us);
}

static bool
add_days(struct hr_span *x, double fraction, int scale)
{
	int days;

	fraction *= scale;
	days = (int)fraction;
	return !__builtin_add_overflow(x->days, days, &x->days) && add_us(x, fraction - days, HR_DAY_US);
}

static bool
add_months(struct hr_span *x, int64_t v, double fraction, int months)
{
	int64_t all;

	return !__builtin_mul_overflow(v, months, &all) &&
	    !__builtin_add_overflow(all, (int64_t)rint(fraction * months), &all) &&
	    !__builtin_add_overflow(x->months, all, &x->months);
}

enum unit { UNIT_US, UNIT_MONTHS, UNIT_MONTH, UNIT_DAYS };

static const struct unit_word {
	const char *words;	/* each with a blank behind it */
	enum unit unit;
	int64_t scale;
} unit_word[] = {
	{ "us usec usecs usecond useconds microsecond microseconds microsecon ", UNIT_US, 1 },
	{ "ms msec msecs msecond mseconds millisecond milliseconds millisecon ", UNIT_US, 1000 },
	{ "s sec secs second seconds ", UNIT_US, HR_SECOND_US },
	{ "m min mins minute minutes ", UNIT_US, MINUTE_US },
	{ "h hr hrs hour hours ", UNIT_US, HOUR_US },
	{ "d day days ", UNIT_DAYS, 1 },
	{ "w week weeks ", UNIT_DAYS, 7 },
	{ "mon mons month months ", UNIT_MONTH, 1 },
	{ "y yr yrs year years ", UNIT_MONTHS, 12 },
	{ "dec decs decade decades ", UNIT_MONTHS, 120 },
	{ "c cent century centuries ", UNIT_MONTHS, 1200 },
	{ "mil mils millennia millennium ", UNIT_MONTHS, 12000 },
};

#define UNIT_SECONDS	2		/* of unit_word[] */
#define UNIT_DAY	5
#define UNITS_TIME	(1u << 2 | 1u << 3 | 1u << 4)
#define UNITS_YEARS	(1u << 7 | 1u << 8)

static bool
add_unit(struct hr_span *x, int64_t v, double fraction, enum unit unit, int64_t scale)
{
	int64_t all;

	switch (unit) {
	case UNIT_MONTHS:
		return add_months(x, v, fraction, (int)scale);
	case UNIT_MONTH:
		return add_months(x, v, 0, 1) && add_days(x, fraction, 30);
	case UNIT_DAYS:
		if (__builtin_mul_overflow(v, scale, &all) || __builtin_add_overflow(x->days, all, &x->days))
			return false;
		return scale == 1 ? add_us(x, fraction, HR_DAY_US) : add_days(x, fraction, (int)scale);
	case UNIT_US:
		return !__builtin_mul_overflow(v, scale, &all) && !__builtin_add_overflow(x->us, all, &x->us) &&
		    add_us(x, fraction, scale);
	}
	return false;
}

/* A word of letters there; its length. */
static size_t
word_length(const struct text *t)
{
	size_t n = 0;

	while (t->at + n < t->end && (t->at[n] | 32) >= 'a' && (t->at[n] | 32) <= 'z')
		n++;
	return n;
}

static const struct unit_word *
take_unit(struct text *t)
{
	size_t n = word_length(t), i;
	const char *w;

	for (i = 0; n && i < HR_COUNT(unit_word); i++)
		for (w = unit_word[i].words; *w; w += strcspn(w, " ") + 1)
			if (strcspn(w, " ") == n && strncasecmp(w, t->at, n) == 0) {
				t->at += n;
				return &unit_word[i];
			}
	return NULL;
}

/* [-]hh:mm[:ss[.f]], hours without a limit. */
static bool
take_span_time(struct text *t, struct hr_span *x)
{
	int64_t hour, minute, second = 0, us = 0, all;
	bool minus = false;

	if (!take(t, '+'))
		minus = take(t, '-');
	if (!take_digits(t, 1, 12, &hour) || !take(t, ':') || !take_digits(t, 1, 2, &minute))
		return false;
	if (take(t, ':')) {
		if (!take_digits(t, 1, 2, &second))
			return false;
		if (take(t, '.'))
			us = take_fraction(t);
	}
	if (minute > 59 || second > 60 || __builtin_mul_overflow(hour, HOUR_US, &all) ||
	    __builtin_add_overflow(all, minute * MINUTE_US + second * HR_SECOND_US + us, &all))
		return false;
	return !__builtin_add_overflow(x->us, minus ? -all : all, &x->us);
}

/* Is hh:mm next?  y-m? */
static char
next_form(const struct text *t)
{
	const char *s = t->at;

	if (s < t->end && (*s == '-' || *s == '+'))
		s++;
	while (s < t->end && *s >= '0' && *s <= '9')
		s++;
	return s < t->end ? *s : '\0';
}

/* P1Y2M3W4DT5H6M7.5S */
static bool
parse_iso(struct text *t, struct hr_span *x)
{
	static const char date[] = "YMWD", time[] = "HMS";
	bool minus, in_time = false;
	int64_t v;
	double fraction;

	if (t->at == t->end)
		return false;
	while (t->at < t->end) {
		const char *letter;

		if (!in_time && take(t, 'T')) {
			in_time = true;
			if (t->at == t->end)
				return false;
		}
		if (!take_number(t, &v, &fraction, &minus) || t->at == t->end)
			return false;
		letter = strchr(in_time ? time : date, *t->at);
		if (*t->at == '\0' || letter == NULL)
			return false;
		t->at++;
		if (in_time && !add_unit(x, v, fraction, UNIT_US,
		    *letter == 'H' ? HOUR_US : *letter == 'M' ? MINUTE_US : HR_SECOND_US))
			return false;
		if (!in_time && !(*letter == 'Y' ? add_unit(x, v, fraction, UNIT_MONTHS, 12) :
		    *letter == 'M' ? add_unit(x, v, fraction, UNIT_MONTH, 1) :
		    add_unit(x, v, fraction, UNIT_DAYS, *letter == 'W' ? 7 : 1)))
			return false;
	}
	return true;
}

/* 1-2: years and months, of one sign. */
static bool
take_years(struct text *t, struct hr_span *x)
{
	bool minus = false;
	int64_t year, month;

	if (!take(t, '+'))
		minus = take(t, '-');
	if (!take_digits(t, 1, 9, &year) || !take(t, '-') || !take_digits(t, 1, 2, &month) || month > 11)
		return false;
	return add_months(x, minus ? -(year * 12 + month) : year * 12 + month, 0, 1);
}

bool
hr_span_parse(const char *s, size_t n, struct hr_span *span)
{
	struct text t = trimmed(s, n);
	struct hr_span x = { 0 };
	const struct unit_word *u;
	bool minus;
	int64_t v;
	double fraction;
	uint32_t seen = 0;	/* of unit_word[] */

	if (t.at == t.end)
		return false;
	if (take(&t, 'P')) {
		*span = x;
		return parse_iso(&t, span);
	}
	take(&t, '@');
	for (skip_blanks(&t); t.at < t.end; skip_blanks(&t)) {
		char form = next_form(&t);

		if (take_word(&t, "ago"))
			return t.at == t.end && (*span = x, hr_span_neg(span));
		if (form == ':') {
			if (seen & UNITS_TIME || !take_span_time(&t, &x))
				return false;
			seen |= UNITS_TIME;
			continue;
		}
		if (form == '-') {
			if (seen & UNITS_YEARS || !take_years(&t, &x))
				return false;
			seen |= UNITS_YEARS;
			continue;
		}
		if (!take_number(&t, &v, &fraction, &minus))
			return false;
		skip_blanks(&t);
		u = take_unit(&t);
		if (u == NULL && t.at == t.end)
			u = &unit_word[UNIT_SECONDS];
		else if (u == NULL && next_form(&t) == ':')
			u = &unit_word[UNIT_DAY];
		/* Each unit once, as there. */
		if (u == NULL || seen & 1u << (u - unit_word))
			return false;
		seen |= 1u << (u - unit_word);
		if (!add_unit(&x, v, fraction, u->unit, u->scale))
			return false;
	}
	*span = x;
	return true;
}

/* --- from one to the other --- */

bool
hr_date_timestamp(int64_t days, int64_t *us)
{
	if (!hr_date_finite(days)) {
		*us = days < 0 ? INT64_MIN : INT64_MAX;
		return true;
	}
	return !__builtin_mul_overflow(days, HR_DAY_US, us) && hr_timestamp_valid(*us);
}

int64_t
hr_timestamp_date(int64_t us)
{
	if (!hr_timestamp_finite(us))
		return us < 0 ? HR_DATE_LOW : HR_DATE_HIGH;
	return floor_div(us, HR_DAY_US);
}

int64_t
hr_timestamp_time(int64_t us)
{
	return us - floor_div(us, HR_DAY_US) * HR_DAY_US;
}

int64_t
hr_timestamp_round(int64_t us, int decimals)
{
	static const int64_t unit[] = { 1000000, 100000, 10000, 1000, 100, 10, 1 };
	int64_t by;

	if (decimals < 0 || decimals > 5 || !hr_timestamp_finite(us))
		return us;
	by = unit[decimals];
	return us >= 0 ? (us + by / 2) / by * by : -((-us + by / 2) / by * by);
}

bool
hr_timestamp_add(int64_t *us, const struct hr_span *span)
{
	int64_t days, time;

	if (!hr_timestamp_finite(*us))
		return true;
	if (span->months) {
		int64_t month;
		struct day d;

		days = floor_div(*us, HR_DAY_US);
		time = *us - days * HR_DAY_US;
		d = day_of(days);
		month = (int64_t)d.year * 12 + d.month - 1 + span->months;
		d.year = (int)floor_div(month, 12);
		d.month = (int)(month - (int64_t)d.year * 12) + 1;
		if (d.day > month_days(d.year, d.month))
			d.day = month_days(d.year, d.month);
		if (__builtin_mul_overflow(days_of(d.year, d.month, d.day), HR_DAY_US, us) ||
		    __builtin_add_overflow(*us, time, us) || !hr_timestamp_valid(*us))
			return false;
	}
	if (span->days && (__builtin_mul_overflow(span->days, HR_DAY_US, &days) ||
	    __builtin_add_overflow(*us, days, us) || !hr_timestamp_valid(*us)))
		return false;
	return !__builtin_add_overflow(*us, span->us, us) && hr_timestamp_valid(*us);
}

bool
hr_span_add(struct hr_span *x, const struct hr_span *y)
{
	return !__builtin_add_overflow(x->months, y->months, &x->months) &&
	    !__builtin_add_overflow(x->days, y->days, &x->days) &&
	    !__builtin_add_overflow(x->us, y->us, &x->us);
}

bool
hr_span_neg(struct hr_span *x)
{
	return !__builtin_sub_overflow(0, x->months, &x->months) &&
	    !__builtin_sub_overflow(0, x->days, &x->days) && !__builtin_sub_overflow(0, x->us, &x->us);
}

static double
round_us(double seconds)
{
	return rint(seconds * 1000000) / 1000000;
}

static bool
fits_int(double v)
{
	return v >= (double)INT32_MIN && v < -(double)INT32_MIN;
}

/* What does not make a whole month goes to the days, and on to the seconds. */
static bool
scale_span(struct hr_span *x, double months, double days, double us)
{
	double left, seconds;

	if (!fits_int(months) || !fits_int(days))
		return false;
	x->months = (int32_t)months;
	x->days = (int32_t)days;
	left = round_us((months - x->months) * 30);
	seconds = round_us((days - x->days + left - (int)left) * 86400);
	if (fabs(seconds) >= 86400) {
		if (__builtin_add_overflow(x->days, (int)(seconds / 86400), &x->days))
			return false;
		seconds -= (int)(seconds / 86400) * 86400;
	}
	if (__builtin_add_overflow(x->days, (int32_t)left, &x->days))
		return false;
	us = rint(us + seconds * 1000000);
	if (!(us >= (double)INT64_MIN && us < -(double)INT64_MIN))
		return false;
	x->us = (int64_t)us;
	return true;
}

bool
hr_span_mul(struct hr_span *x, double by)
{
	return scale_span(x, x->months * by, x->days * by, (double)x->us * by);
}

bool
hr_span_div(struct hr_span *x, double by)
{
	return scale_span(x, x->months / by, x->days / by, (double)x->us / by);
}

struct hr_span
hr_span_of(int64_t us)
{
	return (struct hr_span){ .us = us % HR_DAY_US, .days = (int32_t)(us / HR_DAY_US) };
}

static int128
whole_span(const struct hr_span *x)
{
	return (int128)x->us + (int128)(x->days + INT64_C(30) * x->months) * HR_DAY_US;
}

int
hr_span_cmp(const struct hr_span *x, const struct hr_span *y)
{
	int128 a = whole_span(x), b = whole_span(y);

	return a < b ? -1 : a > b;
}

/* --- fields --- */

static const struct field_word {
	const char *words;
	enum hr_field field;
} field_word[] = {
	{ "us usec usecs usecond useconds microsecon microsecond microseconds ", HR_FIELD_MICROSECONDS },
	{ "ms msec msecs msecond mseconds millisecon millisecond milliseconds ", HR_FIELD_MILLISECONDS },
	{ "s sec secs second seconds ", HR_FIELD_SECOND },
	{ "m min mins minute minutes ", HR_FIELD_MINUTE },
	{ "h hr hrs hour hours ", HR_FIELD_HOUR },
	{ "d day days ", HR_FIELD_DAY },
	{ "w week weeks ", HR_FIELD_WEEK },
	{ "mon mons month months ", HR_FIELD_MONTH },
	{ "qtr quarter ", HR_FIELD_QUARTER },
	{ "y yr yrs year years ", HR_FIELD_YEAR },
	{ "dec decs decade decades ", HR_FIELD_DECADE },
	{ "c cent century centuries ", HR_FIELD_CENTURY },
	{ "mil mils millennia millennium ", HR_FIELD_MILLENNIUM },
	{ "dow ", HR_FIELD_DOW },
	{ "isodow ", HR_FIELD_ISODOW },
	{ "doy ", HR_FIELD_DOY },
	{ "isoyear ", HR_FIELD_ISOYEAR },
	{ "epoch ", HR_FIELD_EPOCH },
	{ "julian jd j ", HR_FIELD_JULIAN },
	{ "timezone ", HR_FIELD_TIMEZONE },
};

int
hr_field_parse(const char *s, size_t n)
{
	const char *w;
	size_t i;

	for (i = 0; i < HR_COUNT(field_word); i++)
		for (w = field_word[i].words; *w; w += strcspn(w, " ") + 1)
			if (strcspn(w, " ") == n && strncasecmp(w, s, n) == 0)
				return (int)field_word[i].field;
	return -1;
}

bool
hr_field_of_timestamp(enum hr_field f, bool zoned)
{
	return zoned || f != HR_FIELD_TIMEZONE;
}

bool
hr_field_of_date(enum hr_field f)
{
	return f >= HR_FIELD_DAY && f != HR_FIELD_TIMEZONE;
}

bool
hr_field_of_time(enum hr_field f)
{
	return f <= HR_FIELD_HOUR || f == HR_FIELD_EPOCH;
}

bool
hr_field_of_span(enum hr_field f)
{
	return (f <= HR_FIELD_MILLENNIUM && f != HR_FIELD_WEEK) || f == HR_FIELD_EPOCH;
}

bool
hr_field_truncates(enum hr_field f)
{
	return f <= HR_FIELD_MILLENNIUM;
}

static int
iso_dow(int64_t days)
{
	int64_t from_monday = (days + 5) % 7;	/* 2000-01-01 was a Saturday */

	return (int)(from_monday < 0 ? from_monday + 7 : from_monday) + 1;
}

/* The year whose week it is: that of the week's Thursday. */
static int
iso_year(int64_t days)
{
	return day_of(days - iso_dow(days) + 4).year;
}

static int64_t
no_year_0(int year)
{
	return year > 0 ? year : year - 1;
}

/* Of n years each; the first begins with year 1. */
static int64_t
age_of(int year, int n)
{
	return year > 0 ? (year + n - 1) / n : -((n - 1 - (year - 1)) / n);
}

static int64_t
decade_of(int year)
{
	return year >= 0 ? year / 10 : -((8 - (year - 1)) / 10);
}

static int64_t
day_part(enum hr_field f, int64_t days)
{
	struct day d = day_of(days);

	switch (f) {
	case HR_FIELD_DAY: return d.day;
	case HR_FIELD_WEEK: return (days - days_of(iso_year(days), 1, 1) - iso_dow(days) + 11) / 7;
	case HR_FIELD_MONTH: return d.month;
	case HR_FIELD_QUARTER: return (d.month - 1) / 3 + 1;
	case HR_FIELD_YEAR: return no_year_0(d.year);
	case HR_FIELD_DECADE: return decade_of(d.year);
	case HR_FIELD_CENTURY: return age_of(d.year, 100);
	case HR_FIELD_MILLENNIUM: return age_of(d.year, 1000);
	case HR_FIELD_DOW: return iso_dow(days) % 7;
	case HR_FIELD_ISODOW: return iso_dow(days);
	case HR_FIELD_DOY: return days - days_of(d.year, 1, 1) + 1;
	case HR_FIELD_ISOYEAR: return no_year_0(iso_year(days));
	case HR_FIELD_JULIAN: return days + EPOCH_JULIAN;
	case HR_FIELD_EPOCH: return (days + UNIX_DAYS) * 86400;
	default: return 0;
	}
}

/* The parts that only ever grow are infinite too, the others are NULL. */
static void
infinite_part(struct hr_time_part *p, enum hr_field f, int sign)
{
	if (f == HR_FIELD_YEAR || f == HR_FIELD_DECADE || f == HR_FIELD_CENTURY || f == HR_FIELD_MILLENNIUM ||
	    f == HR_FIELD_JULIAN || f == HR_FIELD_ISOYEAR || f == HR_FIELD_EPOCH)
		p->infinite = sign;
	else
		p->null = true;
}

/* Seconds, and what is less than one. */
static void
set_epoch(struct hr_time_part *p, int128 us)
{
	p->scale = 6;
	p->seconds = (int64_t)(us / HR_SECOND_US);
	p->value = (int64_t)(us % HR_SECOND_US);
	p->epoch = (double)us / 1000000;
}

void
hr_time_part(struct hr_time_part *p, enum hr_field f, int64_t us)
{
	*p = (struct hr_time_part){ .day_us = -1 };
	switch (f) {
	case HR_FIELD_MICROSECONDS: p->value = us % MINUTE_US; break;
	case HR_FIELD_MILLISECONDS: p->value = us % MINUTE_US; p->scale = 3; break;
	case HR_FIELD_SECOND: p->value = us % MINUTE_US; p->scale = 6; break;
	case HR_FIELD_MINUTE: p->value = us / MINUTE_US % 60; break;
	case HR_FIELD_HOUR: p->value = us / HOUR_US; break;
	case HR_FIELD_EPOCH: set_epoch(p, us); break;
	default: break;
	}
}

void
hr_timestamp_part(struct hr_time_part *p, enum hr_field f, int64_t us)
{
	int64_t days;

	*p = (struct hr_time_part){ .day_us = -1 };
	if (!hr_timestamp_finite(us)) {
		infinite_part(p, f, us < 0 ? -1 : 1);
		return;
	}
	days = floor_div(us, HR_DAY_US);
	if (f == HR_FIELD_EPOCH) {
		set_epoch(p, (int128)us + UNIX_DAYS * HR_DAY_US);
		return;
	}
	if (f <= HR_FIELD_HOUR)
		hr_time_part(p, f, us - days * HR_DAY_US);
	else
		p->value = day_part(f, days);
	if (f == HR_FIELD_JULIAN)
		p->day_us = us - days * HR_DAY_US;
}

void
hr_date_part(struct hr_time_part *p, enum hr_field f, int64_t days)
{
	*p = (struct hr_time_part){ .day_us = -1 };
	if (!hr_date_finite(days))
		infinite_part(p, f, days < 0 ? -1 : 1);
	else
		p->value = day_part(f, days);
}

void
hr_span_part(struct hr_time_part *p, enum hr_field f, const struct hr_span *span)
{
	int year = span->months / 12, month = span->months % 12;
	int64_t quarters;

	*p = (struct hr_time_part){ .day_us = -1 };
	switch (f) {
	case HR_FIELD_DAY: p->value = span->days; break;
	case HR_FIELD_MONTH: p->value = month; break;
	case HR_FIELD_QUARTER: p->value = month / 3 + 1; break;
	case HR_FIELD_YEAR: p->value = year; break;
	case HR_FIELD_DECADE: p->value = year / 10; break;
	case HR_FIELD_CENTURY: p->value = year / 100; break;
	case HR_FIELD_MILLENNIUM: p->value = year / 1000; break;
	case HR_FIELD_EPOCH:
		/* A year is 365.25 days. */
		quarters = INT64_C(1461) * year + INT64_C(120) * month + INT64_C(4) * span->days;
		set_epoch(p, (int128)quarters * (HR_DAY_US / 4) + span->us);
		p->epoch = (double)span->us / 1000000.0;
		p->epoch += 365.25 * 86400 * year;
		p->epoch += 30.0 * 86400 * month;
		p->epoch += 86400.0 * span->days;
		break;
	default:
		hr_time_part(p, f, span->us);
		break;
	}
}

bool
hr_timestamp_trunc(int64_t *us, enum hr_field f)
{
	int64_t days, time;
	struct day d;

	if (!hr_timestamp_finite(*us))
		return true;
	days = floor_div(*us, HR_DAY_US);
	time = *us - days * HR_DAY_US;
	d = day_of(days);
	switch (f) {
	case HR_FIELD_MICROSECONDS: return true;
	case HR_FIELD_MILLISECONDS: *us -= time % 1000; return true;
	case HR_FIELD_SECOND: *us -= time % HR_SECOND_US; return true;
	case HR_FIELD_MINUTE: *us -= time % MINUTE_US; return true;
	case HR_FIELD_HOUR: *us -= time % HOUR_US; return true;
	case HR_FIELD_DAY: break;
	case HR_FIELD_WEEK: days -= iso_dow(days) - 1; break;
	case HR_FIELD_MONTH: days = days_of(d.year, d.month, 1); break;
	case HR_FIELD_QUARTER: days = days_of(d.year, (d.month - 1) / 3 * 3 + 1, 1); break;
	case HR_FIELD_YEAR: days = days_of(d.year, 1, 1); break;
	case HR_FIELD_DECADE:
		days = days_of(d.year > 0 ? d.year / 10 * 10 : -((8 - (d.year - 1)) / 10) * 10, 1, 1);
		break;
	case HR_FIELD_CENTURY:
		days = days_of(d.year > 0 ? (d.year + 99) / 100 * 100 - 99 :
		    -((99 - (d.year - 1)) / 100) * 100 + 1, 1, 1);
		break;
	case HR_FIELD_MILLENNIUM:
		days = days_of(d.year > 0 ? (d.year + 999) / 1000 * 1000 - 999 :
		    -((999 - (d.year - 1)) / 1000) * 1000 + 1, 1, 1);
		break;
	default: return false;
	}
	return !__builtin_mul_overflow(days, HR_DAY_US, us) && hr_timestamp_valid(*us);
}

void
hr_span_trunc(struct hr_span *span, enum hr_field f)
{
	int years = f == HR_FIELD_MILLENNIUM ? 1000 : f == HR_FIELD_CENTURY ? 100 : f == HR_FIELD_DECADE ? 10 : 1;

	switch (f) {
	case HR_FIELD_MICROSECONDS: return;
	case HR_FIELD_MILLISECONDS: span->us -= span->us % 1000; return;
	case HR_FIELD_SECOND: span->us -= span->us % HR_SECOND_US; return;
	case HR_FIELD_MINUTE: span->us -= span->us % MINUTE_US; return;
	case HR_FIELD_HOUR: span->us -= span->us % HOUR_US; return;
	case HR_FIELD_DAY: span->us = 0; return;
	case HR_FIELD_MONTH: break;
	case HR_FIELD_QUARTER: span->months -= span->months % 12 % 3; break;
	default: span->months -= span->months % (12 * years); break;
	}
	span->us = 0;
	span->days = 0;
}
