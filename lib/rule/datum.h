/*
 * datum.h - a value of a built-in type, taken out of its bytes and put back.
 *
 * A column's type is recognised by name (pg_catalog) and is one of enum
 * hr_type; how its values are held is its kind.  Any other type, of whatever
 * schema, is HR_TYPE_OTHER when its values may be text (enums, citext, types
 * that travel as text): it is read as text, and refused row by row where its
 * binary value is not text.  What no rule can read is HR_TYPE_NONE: arrays,
 * ranges, geometry, bit strings.
 *
 * A datum lives as long as what it was read from and the scratch that was given;
 * nothing is copied that can stay where it is.  Times are in UTC: that is the
 * zone where PostgreSQL would take the session's.  Text is compared bytewise,
 * as COLLATE "C" has it; = and <> are the same in every collation.
 */
#ifndef HR_DATUM_H
#define HR_DATUM_H

#include "base/buf.h"
#include "base/err.h"
#include "base/hr.h"
#include "rule/calendar.h"
#include "rule/numeric.h"
#include "rule/scratch.h"
#include "stream/relation.h"
#include "stream/rows.h"

enum hr_type {
	HR_TYPE_NONE,		/* cannot be read */
	HR_TYPE_UNKNOWN,	/* a literal that no type was given, and NULL */
	HR_TYPE_BOOL,
	HR_TYPE_INT2,
	HR_TYPE_INT4,
	HR_TYPE_INT8,
	HR_TYPE_OID,
	HR_TYPE_FLOAT4,
	HR_TYPE_FLOAT8,
	HR_TYPE_NUMERIC,
	HR_TYPE_TEXT,
	HR_TYPE_VARCHAR,
	HR_TYPE_BPCHAR,		/* blanks at the end are there, and do not count */
	HR_TYPE_NAME,
	HR_TYPE_CHAR,		/* "char", one byte */
	HR_TYPE_XML,
	HR_TYPE_CITEXT,
	HR_TYPE_OTHER,		/* of a schema of its own, as text */
	HR_TYPE_BYTEA,
	HR_TYPE_DATE,
	HR_TYPE_TIME,
	HR_TYPE_TIMETZ,
	HR_TYPE_TIMESTAMP,
	HR_TYPE_TIMESTAMPTZ,
	HR_TYPE_INTERVAL,
	HR_TYPE_UUID,
	HR_TYPE_INET,
	HR_TYPE_CIDR,
	HR_TYPE_MACADDR,
	HR_TYPE_JSON,
	HR_TYPE_JSONB,
	HR_TYPE_LSN,
};
#define HR_TYPES (HR_TYPE_LSN + 1)

/* Which member of struct hr_datum has the value. */
enum hr_kind {
	HR_KIND_NONE,
	HR_KIND_BOOL,		/* b */
	HR_KIND_INT,		/* i */
	HR_KIND_FLOAT,		/* f */
	HR_KIND_NUMERIC,	/* num */
	HR_KIND_TEXT,		/* s: UTF-8 */
	HR_KIND_BYTES,		/* s */
	HR_KIND_DATE,		/* i: days since 2000-01-01; INT32_MIN and MAX are infinite */
	HR_KIND_TIME,		/* i: microseconds */
	HR_KIND_TIMETZ,		/* tz */
	HR_KIND_TIMESTAMP,	/* i: microseconds since 2000-01-01, of both; INT64_MIN, MAX */
	HR_KIND_INTERVAL,	/* span */
	HR_KIND_UUID,		/* s: 16 bytes */
	HR_KIND_INET,		/* s: as it travels: family, bits, is cidr, n, n bytes */
	HR_KIND_MACADDR,	/* s: 6 bytes */
	HR_KIND_JSON,		/* s: its text, that of a jsonb without the version */
	HR_KIND_LSN,		/* i, to be taken as unsigned */
};

struct hr_datum {
	enum hr_type type;
	bool null;		/* then there is no value */
	union {
		bool b;
		int64_t i;
		double f;
		struct hr_numeric num;
		struct { const uint8_t *p; size_t n; } s;
		struct { int64_t us; int32_t west; } tz;	/* seconds west of UTC */
		struct hr_span span;
	};
};

#define HR_DATUM_NULL { .null = true }

/* The type of that name; HR_TYPE_NONE, HR_TYPE_OTHER as said above. */
enum hr_type hr_type_of(const char *schema, const char *name);
static inline enum hr_type
hr_type_of_column(const struct hr_column *c)
{ return hr_type_of(c->type_schema, c->type_name); }
enum hr_kind hr_type_kind(enum hr_type t);
const char *hr_type_name(enum hr_type t);	/* integer, timestamp with time zone */
const char *hr_type_catalog_name(enum hr_type t);	/* int4, timestamptz; "": it is in no catalog */
uint32_t hr_type_oid(enum hr_type t);
/* The type that SQL's word names (int, timestamptz, varchar); HR_TYPE_NONE: none. */
enum hr_type hr_type_word(const char *word);
/* Can a rule read a column of this type? */
bool hr_datum_readable(const struct hr_column *c);

/*
 * Take the value out of its bytes, in binary or in text.  NULL makes NULL; an
 * unchanged value is the caller's to see before.  0, or -1 with *e set when
 * the bytes are not of the type.
 */
int hr_datum_read(struct hr_datum *d, enum hr_type t, const struct hr_value *v,
    struct hr_scratch *m, struct hr_err *e) HR_USED;
/* Put it into bytes, lent by the scratch or the datum: the type's binary format, or its text. */
void hr_datum_write(const struct hr_datum *d, bool text, struct hr_value *v, struct hr_scratch *m);

/* Text as the type's input function takes it; dates and times in ISO's forms.  No complaint has it in it. */
int hr_datum_parse(struct hr_datum *d, enum hr_type t, const char *s, size_t n,
    struct hr_scratch *m, struct hr_err *e) HR_USED;
/* Append the text as the type's output function writes it.  It is not NULL. */
void hr_datum_format(struct hr_buf *out, const struct hr_datum *d);
/* The same as a datum of type text. */
void hr_datum_text(const struct hr_datum *d, struct hr_datum *to, struct hr_scratch *m);

/*
 * <0, 0, >0, as the type's btree has it: NaN is above all and equals itself.
 * Both are of one kind and not NULL.
 */
int hr_datum_cmp(const struct hr_datum *x, const struct hr_datum *y);
/* Is there an order for it at all?  Not of json, xml, other types. */
bool hr_type_ordered(enum hr_type t);

/*
 * Make another type of it, as CAST has it; typmod is numeric's, varchar's,
 * bpchar's or timestamp's, or -1.  NULL stays NULL.
 */
bool hr_datum_castable(enum hr_type from, enum hr_type to);
int hr_datum_cast(struct hr_datum *d, enum hr_type to, int32_t typmod, struct hr_scratch *m,
    struct hr_err *e) HR_USED;

#endif
