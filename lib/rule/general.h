/*
 * general.h - values made coarser, or moved a little.
 *
 * What is coarse is not reversible but still says something: the fewer people
 * share a range, the more.  Nobody counts them here.
 *
 * Noise is a function of key and value (digest.h), so equal values move
 * equally, in all tables and runs: an average over many rows still comes out,
 * an average over one row read many times does not take the noise away.  That
 * is no differential privacy, for which noise must be fresh and be accounted
 * for.  The digest's key should be derived for "noise" and the column, lest
 * equal numbers of two columns move alike.
 */
#ifndef HR_GENERAL_H
#define HR_GENERAL_H

#include "base/buf.h"
#include "base/hr.h"
#include "rule/digest.h"

/*
 * The lowest number of the range that value is in, ranges being width long (at
 * least 1) and beginning at origin: of 10 and 0, 17 is in the range of 10 and
 * -3 in that of -10.  What would lie below INT64_MIN is INT64_MIN.
 */
int64_t hr_general_floor(int64_t value, int64_t width, int64_t origin);
/* That of a float; NaN and infinities stay. */
double hr_general_floor_float(double value, double width, double origin);
/* Append it with its highest, both included: "10-19", "-10--1"; of width 1 "17". */
void hr_general_range(int64_t value, int64_t width, int64_t origin, struct hr_buf *out);

/*
 * Append the group of an age, given by n rising lower bounds: of 18, 30, 65 it
 * is "0-17", "18-29", "30-64", "65+"; below zero "<0".  n 0: five years each,
 * to "85+".
 */
void hr_general_age(int64_t years, const int *bound, size_t n, struct hr_buf *out);

/*
 * Append the first n characters.  What is not UTF-8 counts as a character a
 * byte.  One that is composed of several code points may be cut.
 */
void hr_general_first(const void *text, size_t len, size_t n, struct hr_buf *out);

enum hr_general_unit {
	HR_GENERAL_HOUR,
	HR_GENERAL_DAY,
	HR_GENERAL_WEEK,	/* begins on Monday */
	HR_GENERAL_MONTH,
	HR_GENERAL_QUARTER,
	HR_GENERAL_YEAR,
	HR_GENERAL_DECADE,
};

/* "hour", ... "decade"; false: another word. */
bool hr_general_unit_parse(const char *word, enum hr_general_unit *unit);

/*
 * The beginning of the unit, in UTC: microseconds, or days, since 2000-01-01.
 * PostgreSQL's infinities stay.  What begins before the first that PostgreSQL
 * has (4713 BC) is that.
 */
int64_t hr_general_time(int64_t us, enum hr_general_unit unit);
int32_t hr_general_date(int32_t days, enum hr_general_unit unit);

/* Keep so many bits of an address of 4 or 16 bytes, in place. */
void hr_general_address(uint8_t *address, size_t bytes, unsigned bits);

enum hr_noise_shape {
	HR_NOISE_UNIFORM,	/* scale each way */
	HR_NOISE_LAPLACE,	/* with scale as its b; cut at 20 times that */
};

/*
 * Noise of the digest of n bytes, which are the value as the caller writes it:
 * the number to add.
 */
double hr_noise(struct hr_digest *d, enum hr_noise_shape shape, double scale, const void *value, size_t n);
/* A number with its noise, rounded, from least to most; its bytes are those of i64le. */
int64_t hr_noise_int(struct hr_digest *d, enum hr_noise_shape shape, double scale, int64_t value, int64_t least,
    int64_t most);
/* A finite float with its noise, likewise; NaN and infinities stay.  -0 moves as 0 does. */
double hr_noise_float(struct hr_digest *d, enum hr_noise_shape shape, double scale, double value, double least,
    double most);

#endif
