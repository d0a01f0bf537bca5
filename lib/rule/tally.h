/*
 * tally.h - what an aggregate function knows of the rows of one group.
 *
 * Functions, their types and their NULLs are PostgreSQL's: count makes bigint;
 * sum of smallint and integer bigint, of bigint and numeric numeric, of floats
 * the float; avg numeric, of floats double precision; min and max the type
 * itself, text by bytes.  distinct is about count(DISTINCT x), bigint: see
 * sketch.h.  All but count and distinct are NULL of no rows.
 *
 * count, sum and avg go both ways: what was taken away leaves nothing, since
 * sums are exact (exact.h).  min, max and distinct do not: the value that comes
 * next is not known.
 */
#ifndef HR_TALLY_H
#define HR_TALLY_H

#include "base/buf.h"
#include "base/err.h"
#include "base/hr.h"
#include "rule/datum.h"
#include "rule/exact.h"
#include "rule/sketch.h"

enum hr_aggregate_function {
	HR_AGGREGATE_COUNT,
	HR_AGGREGATE_SUM,
	HR_AGGREGATE_MIN,
	HR_AGGREGATE_MAX,
	HR_AGGREGATE_AVG,
	HR_AGGREGATE_DISTINCT,
};
#define HR_AGGREGATE_FUNCTIONS (HR_AGGREGATE_DISTINCT + 1)

/* How values are gathered; decided by the function and its argument. */
enum hr_tally_way {
	HR_TALLY_COUNT,
	HR_TALLY_WIDE,		/* integers, in 128 bits */
	HR_TALLY_DECIMAL,
	HR_TALLY_BINARY,
	HR_TALLY_EXTREME,	/* the value, as it travels */
	HR_TALLY_SKETCH,
};

struct hr_tally_kind {
	enum hr_aggregate_function function;
	enum hr_tally_way way;
	enum hr_type of;	/* the argument's type */
	enum hr_type type;	/* the result's */
	int32_t typmod;		/* the argument's, or -1 */
};

/* Zero is one of no rows. */
struct hr_tally {
	union {
		int64_t n;			/* values that are not NULL */
		uint64_t len;			/* EXTREME: bytes, and 1 more; 0: none yet */
	};
	union {
		uint64_t wide[2];		/* low, high */
		struct hr_exact *exact;
		struct hr_sketch *sketch;
		struct { uint8_t *p; int64_t i; } value;	/* i of those that have no more */
	};
};

/* The function of that name; -1: there is none. */
int hr_aggregate_function_parse(const char *name);
const char *hr_aggregate_function_name(enum hr_aggregate_function f);
bool hr_aggregate_function_reversible(enum hr_aggregate_function f);

/* Fill *k.  of is HR_TYPE_NONE for count(*).  0, or -1 with *e set: there is no such function. */
int hr_tally_init(struct hr_tally_kind *k, enum hr_aggregate_function f, enum hr_type of, int32_t typmod,
    struct hr_err *e) HR_USED;

/* A value of the argument that is not NULL; *used goes with the memory that is held. */
void hr_tally_add(const struct hr_tally_kind *k, struct hr_tally *t, const struct hr_datum *d,
    struct hr_scratch *m, size_t *used);
/* The same of one that was added, of a reversible function. */
void hr_tally_remove(const struct hr_tally_kind *k, struct hr_tally *t, const struct hr_datum *d, size_t *used);
/* The result; -1 with *e set when its type cannot hold it. */
int hr_tally_result(const struct hr_tally_kind *k, const struct hr_tally *t, struct hr_datum *d,
    struct hr_scratch *m, struct hr_err *e) HR_USED;

size_t hr_tally_size(const struct hr_tally_kind *k, const struct hr_tally *t);	/* memory beside *t */
void hr_tally_encode(const struct hr_tally_kind *k, const struct hr_tally *t, struct hr_buf *out);
/* False when the bytes are none, and *t is zero. */
bool hr_tally_decode(const struct hr_tally_kind *k, struct hr_tally *t, struct hr_cur *c) HR_USED;
void hr_tally_clear(const struct hr_tally_kind *k, struct hr_tally *t);	/* frees; zero again */

#endif
