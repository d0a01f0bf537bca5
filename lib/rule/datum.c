/*
 * datum.c - values of built-in types, in and out of their bytes.
 *
 * The binary formats are those of the types' send functions.  Text is written
 * by stream/value.h, which knows these formats too.
 */

#include "base/hr.h"

#include <math.h>
#include <stdlib.h>

#include "base/float.h"
#include "base/json.h"
#include "rule/datum.h"
#include "rule/utf8.h"
#include "stream/value.h"

static const struct {
	const char *name;	/* in pg_catalog */
	const char *sql;
	uint32_t oid;
	enum hr_kind kind;
} type[HR_TYPES] = {
	[HR_TYPE_NONE] = { "", "a type that rules cannot read", 0, HR_KIND_NONE },
	[HR_TYPE_UNKNOWN] = { "", "unknown", 25, HR_KIND_TEXT },
	[HR_TYPE_BOOL] = { "bool", "boolean", 16, HR_KIND_BOOL },
	[HR_TYPE_INT2] = { "int2", "smallint", 21, HR_KIND_INT },
	[HR_TYPE_INT4] = { "int4", "integer", 23, HR_KIND_INT },
	[HR_TYPE_INT8] = { "int8", "bigint", 20, HR_KIND_INT },
	[HR_TYPE_OID] = { "oid", "oid", 26, HR_KIND_INT },
	[HR_TYPE_FLOAT4] = { "float4", "real", 700, HR_KIND_FLOAT },
	[HR_TYPE_FLOAT8] = { "float8", "double precision", 701, HR_KIND_FLOAT },
	[HR_TYPE_NUMERIC] = { "numeric", "numeric", 1700, HR_KIND_NUMERIC },
	[HR_TYPE_TEXT] = { "text", "text", 25, HR_KIND_TEXT },
	[HR_TYPE_VARCHAR] = { "varchar", "character varying", 1043, HR_KIND_TEXT },
	[HR_TYPE_BPCHAR] = { "bpchar", "character", 1042, HR_KIND_TEXT },
	[HR_TYPE_NAME] = { "name", "name", 19, HR_KIND_TEXT },
	[HR_TYPE_CHAR] = { "char", "\"char\"", 18, HR_KIND_TEXT },
	[HR_TYPE_XML] = { "xml", "xml", 142, HR_KIND_TEXT },
	[HR_TYPE_CITEXT] = { "", "citext", 25, HR_KIND_TEXT },
	[HR_TYPE_OTHER] = { "", "a user's type", 25, HR_KIND_TEXT },
	[HR_TYPE_BYTEA] = { "bytea", "bytea", 17, HR_KIND_BYTES },
	[HR_TYPE_DATE] = { "date", "date", 1082, HR_KIND_DATE },
	[HR_TYPE_TIME] = { "time", "time without time zone", 1083, HR_KIND_TIME },
	[HR_TYPE_TIMETZ] = { "timetz", "time with time zone", 1266, HR_KIND_TIMETZ },
	[HR_TYPE_TIMESTAMP] = { "timestamp", "timestamp without time zone", 1114, HR_KIND_TIMESTAMP },
	[HR_TYPE_TIMESTAMPTZ] = { "timestamptz", "timestamp with time zone", 1184, HR_KIND_TIMESTAMP },
	[HR_TYPE_INTERVAL] = { "interval", "interval", 1186, HR_KIND_INTERVAL },
	[HR_TYPE_UUID] = { "uuid", "uuid", 2950, HR_KIND_UUID },
	[HR_TYPE_INET] = { "inet", "inet", 869, HR_KIND_INET },
	[HR_TYPE_CIDR] = { "cidr", "cidr", 650, HR_KIND_INET },
	[HR_TYPE_MACADDR] = { "macaddr", "macaddr", 829, HR_KIND_MACADDR },
	[HR_TYPE_JSON] = { "json", "json", 114, HR_KIND_JSON },
	[HR_TYPE_JSONB] = { "jsonb", "jsonb", 3802, HR_KIND_JSON },
	[HR_TYPE_LSN] = { "pg_lsn", "pg_lsn", 3220, HR_KIND_LSN },
};

enum hr_type
hr_type_of(const char *schema, const char *name)
{
	int t;

	if (strcmp(schema, "pg_catalog") != 0)
		return strcmp(name, "citext") == 0 ? HR_TYPE_CITEXT :
		    name[0] == '_' ? HR_TYPE_NONE : HR_TYPE_OTHER;
	for (t = HR_TYPE_BOOL; name[0] && t < HR_TYPES; t++)
		if (strcmp(type[t].name, name) == 0)
			return (enum hr_type)t;
	return HR_TYPE_NONE;
}

enum hr_type
hr_type_word(const char *word)
{
	static const struct { const char *word; enum hr_type t; } more[] = {
		{ "boolean", HR_TYPE_BOOL }, { "smallint", HR_TYPE_INT2 }, { "int", HR_TYPE_INT4 },
		{ "integer", HR_TYPE_INT4 }, { "bigint", HR_TYPE_INT8 }, { "real", HR_TYPE_FLOAT4 },
		{ "float", HR_TYPE_FLOAT8 }, { "decimal", HR_TYPE_NUMERIC }, { "dec", HR_TYPE_NUMERIC },
		{ "character", HR_TYPE_BPCHAR }, { "char", HR_TYPE_BPCHAR },
	};
	size_t i;

	for (i = 0; i < HR_COUNT(more); i++)
		if (strcmp(more[i].word, word) == 0)
			return more[i].t;
	return hr_type_of("pg_catalog", word);
}

enum hr_kind
hr_type_kind(enum hr_type t)
{
	return type[t].kind;
}

const char *
hr_type_name(enum hr_type t)
{
	return type[t].sql;
}

const char *
hr_type_catalog_name(enum hr_type t)
{
	return type[t].name;
}

uint32_t
hr_type_oid(enum hr_type t)
{
	return type[t].oid;
}

bool
hr_type_ordered(enum hr_type t)
{
	return t > HR_TYPE_UNKNOWN && t != HR_TYPE_XML && t != HR_TYPE_OTHER && t != HR_TYPE_JSON &&
	    t != HR_TYPE_JSONB;
}

bool
hr_datum_readable(const struct hr_column *c)
{
	return hr_type_of_column(c) != HR_TYPE_NONE;
}

/* --- read --- */

static int
malformed(enum hr_type t, struct hr_err *e)
{
	return hr_fail(e, HR_BAD_STREAM, "a value that is no %s", hr_type_name(t));
}

/* The label of an enum is text in both forms; what has other bytes is not. */
static bool
is_text(const uint8_t *p, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (p[i] < ' ')
			return false;
	return hr_json_utf8(p, n);
}

/* How long a value of the type is; -1: that differs. */
static int
size_of(enum hr_type t)
{
	switch (t) {
	case HR_TYPE_BOOL: case HR_TYPE_CHAR: return 1;
	case HR_TYPE_INT2: return 2;
	case HR_TYPE_INT4: case HR_TYPE_OID: case HR_TYPE_FLOAT4: case HR_TYPE_DATE: return 4;
	case HR_TYPE_INT8: case HR_TYPE_FLOAT8: case HR_TYPE_TIME: case HR_TYPE_TIMESTAMP:
	case HR_TYPE_TIMESTAMPTZ: case HR_TYPE_LSN: return 8;
	case HR_TYPE_TIMETZ: return 12;
	case HR_TYPE_INTERVAL: case HR_TYPE_UUID: return 16;
	case HR_TYPE_MACADDR: return 6;
	default: return -1;
	}
}

static bool
read_bytes(struct hr_datum *d, const uint8_t *p, size_t n)
{
	d->s.p = p;
	d->s.n = n;
	return true;
}

static bool
read_json(struct hr_datum *d, const uint8_t *p, size_t n)
{
	if (d->type == HR_TYPE_JSON)
		return read_bytes(d, p, n);
	return n > 1 && p[0] == 1 && read_bytes(d, p + 1, n - 1);
}

static bool
read_inet(struct hr_datum *d, const uint8_t *p, size_t n)
{
	size_t size;

	if (n < 4 || (p[0] != 2 && p[0] != 3))
		return false;
	size = p[0] == 2 ? 4 : 16;
	return n == 4 + size && p[3] == size && p[1] <= 8 * size && read_bytes(d, p, n);
}

static bool
read_binary(struct hr_datum *d, const uint8_t *p, size_t n, struct hr_scratch *m)
{
	switch (d->type) {
	case HR_TYPE_BOOL: d->b = p[0]; return true;
	case HR_TYPE_INT2: d->i = (int16_t)hr_get_u16be(p); return true;
	case HR_TYPE_INT4: d->i = (int32_t)hr_get_u32be(p); return true;
	case HR_TYPE_OID: d->i = hr_get_u32be(p); return true;
	case HR_TYPE_INT8: case HR_TYPE_LSN: d->i = (int64_t)hr_get_u64be(p); return true;
	case HR_TYPE_FLOAT4: d->f = hr_float4_of(hr_get_u32be(p)); return true;
	case HR_TYPE_FLOAT8: d->f = hr_float8_of(hr_get_u64be(p)); return true;
	case HR_TYPE_NUMERIC: return hr_numeric_decode(&d->num, p, n, m);
	case HR_TYPE_CHAR: return read_bytes(d, p, p[0] != 0);
	case HR_TYPE_OTHER: return is_text(p, n) && read_bytes(d, p, n);
	case HR_TYPE_DATE:
		d->i = (int32_t)hr_get_u32be(p);
		return !hr_date_finite(d->i) || hr_date_valid(d->i);
	case HR_TYPE_TIME:
		d->i = (int64_t)hr_get_u64be(p);
		return d->i >= 0 && d->i <= HR_DAY_US;
	case HR_TYPE_TIMETZ:
		d->tz.us = (int64_t)hr_get_u64be(p);
		d->tz.west = (int32_t)hr_get_u32be(p + 8);
		return d->tz.us >= 0 && d->tz.us <= HR_DAY_US && abs(d->tz.west) < 16 * 3600;
	case HR_TYPE_TIMESTAMP: case HR_TYPE_TIMESTAMPTZ:
		d->i = (int64_t)hr_get_u64be(p);
		return !hr_timestamp_finite(d->i) || hr_timestamp_valid(d->i);
	case HR_TYPE_INTERVAL:
		d->span = (struct hr_span){ .us = (int64_t)hr_get_u64be(p),
		    .days = (int32_t)hr_get_u32be(p + 8), .months = (int32_t)hr_get_u32be(p + 12) };
		return true;
	case HR_TYPE_INET: case HR_TYPE_CIDR: return read_inet(d, p, n);
	case HR_TYPE_JSON: case HR_TYPE_JSONB: return read_json(d, p, n);
	case HR_TYPE_NONE: return false;
	default: return read_bytes(d, p, n);
	}
}

int
hr_datum_read(struct hr_datum *d, enum hr_type t, const struct hr_value *v, struct hr_scratch *m,
    struct hr_err *e)
{
	int size;

	d->type = t;
	d->null = v->len < 0;
	if (d->null)
		return 0;
	if (v->text && t != HR_TYPE_NONE) {
		if (hr_type_kind(t) == HR_KIND_TEXT || hr_type_kind(t) == HR_KIND_JSON)
			return read_bytes(d, v->data, (size_t)v->len) ? 0 : malformed(t, e);
		return hr_datum_parse(d, t, (const char *)v->data, (size_t)v->len, m, e);
	}
	size = size_of(t);
	if ((size >= 0 && size != v->len) || !read_binary(d, v->data, (size_t)v->len, m)) {
		if (t == HR_TYPE_OTHER)
			return hr_fail(e, HR_REFUSED, "a value of a user's type is not text");
		return malformed(t, e);
	}
	return 0;
}

/* --- write --- */

/* What has a size is put at p, of which 16 bytes are there. */
static size_t
put_fixed(const struct hr_datum *d, uint8_t *p)
{
	switch (d->type) {
	case HR_TYPE_BOOL: p[0] = d->b; break;
	case HR_TYPE_CHAR: p[0] = d->s.n ? d->s.p[0] : 0; break;
	case HR_TYPE_INT2: hr_set_u16be(p, (uint16_t)d->i); break;
	case HR_TYPE_FLOAT4: hr_set_u32be(p, hr_float4_bits((float)d->f)); break;
	case HR_TYPE_INT4: case HR_TYPE_OID: case HR_TYPE_DATE: hr_set_u32be(p, (uint32_t)d->i); break;
	case HR_TYPE_FLOAT8: hr_set_u64be(p, hr_float8_bits(d->f)); break;
	case HR_TYPE_TIMETZ:
		hr_set_u64be(p, (uint64_t)d->tz.us);
		hr_set_u32be(p + 8, (uint32_t)d->tz.west);
		break;
	case HR_TYPE_INTERVAL:
		hr_set_u64be(p, (uint64_t)d->span.us);
		hr_set_u32be(p + 8, (uint32_t)d->span.days);
		hr_set_u32be(p + 12, (uint32_t)d->span.months);
		break;
	case HR_TYPE_UUID: case HR_TYPE_MACADDR: memcpy(p, d->s.p, d->s.n); break;
	default: hr_set_u64be(p, (uint64_t)d->i); break;
	}
	return (size_t)size_of(d->type);
}

void
hr_datum_format(struct hr_buf *out, const struct hr_datum *d)
{
	uint8_t fixed[16];
	struct hr_value v = { .data = fixed };

	switch (hr_type_kind(d->type)) {
	case HR_KIND_NONE: return;
	case HR_KIND_NUMERIC: hr_numeric_format(out, &d->num); return;
	case HR_KIND_JSON: hr_buf_put(out, d->s.p, d->s.n); return;
	case HR_KIND_TEXT:
		if (d->type != HR_TYPE_CHAR) {
			hr_buf_put(out, d->s.p, d->s.n);
			return;
		}
		break;
	default: break;
	}
	if (size_of(d->type) >= 0) {
		v.len = (int32_t)put_fixed(d, fixed);
	} else {
		v.data = d->s.p;
		v.len = (int32_t)d->s.n;
	}
	hr_value_format(out, type[d->type].oid, &v);
}

/* More than the text has, with what hr_buf_printf() wants to be there. */
static size_t
text_bound(const struct hr_datum *d)
{
	switch (hr_type_kind(d->type)) {
	case HR_KIND_NUMERIC:
		return (size_t)((d->num.weight > 0 ? d->num.weight : 0) * 4 + d->num.scale + 64);
	case HR_KIND_BYTES: return 2 * d->s.n + 64;
	default: return 512;
	}
}

void
hr_datum_text(const struct hr_datum *d, struct hr_datum *to, struct hr_scratch *m)
{
	enum hr_kind kind = hr_type_kind(d->type);
	struct hr_buf b;

	if (d->null || ((kind == HR_KIND_TEXT || kind == HR_KIND_JSON) && d->type != HR_TYPE_CHAR)) {
		*to = *d;
		to->type = HR_TYPE_TEXT;
		return;
	}
	b = (struct hr_buf){ .cap = text_bound(d) };
	b.data = hr_scratch_take(m, b.cap);
	hr_datum_format(&b, d);
	hr_scratch_trim(m, b.data, b.len);
	*to = (struct hr_datum){ .type = HR_TYPE_TEXT, .s = { b.data, b.len } };
}

void
hr_datum_write(const struct hr_datum *d, bool text, struct hr_value *v, struct hr_scratch *m)
{
	struct hr_datum as_text;
	uint8_t *p;
	size_t n;

	*v = (struct hr_value){ .data = NULL, .len = HR_VALUE_NULL };
	if (d->null)
		return;
	if (text) {
		hr_datum_text(d, &as_text, m);
		*v = (struct hr_value){ as_text.s.p, (int32_t)as_text.s.n, true };
		return;
	}
	if (hr_type_kind(d->type) == HR_KIND_NUMERIC) {
		v->data = hr_numeric_encode(&d->num, &n, m);
	} else if (size_of(d->type) >= 0) {
		v->data = p = hr_scratch_take(m, 16);
		n = put_fixed(d, p);
	} else if (d->type == HR_TYPE_JSONB) {
		v->data = p = hr_scratch_take(m, n = d->s.n + 1);
		p[0] = 1;
		memcpy(p + 1, d->s.p, d->s.n);
	} else {
		v->data = d->s.p;
		n = d->s.n;
	}
	v->len = (int32_t)n;
}

/* --- order --- */

static int
cmp_int(int64_t x, int64_t y)
{
	return x < y ? -1 : x > y;
}

static int
cmp_float(double x, double y)
{
	if (isnan(x) || isnan(y))
		return isnan(x) - isnan(y);
	return x < y ? -1 : x > y;
}

static int
cmp_bytes(const uint8_t *x, size_t nx, const uint8_t *y, size_t ny)
{
	size_t n = nx < ny ? nx : ny;
	int order = n ? memcmp(x, y, n) : 0;

	return order ? (order < 0 ? -1 : 1) : (nx > ny) - (nx < ny);
}

static size_t
length(const struct hr_datum *d, bool blanks_count)
{
	size_t n = d->s.n;

	while (!blanks_count && n && d->s.p[n - 1] == ' ')
		n--;
	return n;
}

static int
cmp_text(const struct hr_datum *x, const struct hr_datum *y)
{
	bool blanks = x->type != HR_TYPE_BPCHAR || y->type != HR_TYPE_BPCHAR;

	if (x->type == HR_TYPE_CITEXT || y->type == HR_TYPE_CITEXT)
		return hr_utf8_casecmp(x->s.p, x->s.n, y->s.p, y->s.n);
	return cmp_bytes(x->s.p, length(x, blanks), y->s.p, length(y, blanks));
}

/* The first n bits. */
static int
cmp_bits(const uint8_t *x, const uint8_t *y, unsigned n)
{
	int order = memcmp(x, y, n / 8), mask;

	if (order || n % 8 == 0)
		return order < 0 ? -1 : order > 0;
	mask = 0xff << (8 - n % 8) & 0xff;
	return cmp_int(x[n / 8] & mask, y[n / 8] & mask);
}

static int
cmp_inet(const uint8_t *x, const uint8_t *y)
{
	int order = cmp_int(x[0], y[0]);

	if (order == 0)
		order = cmp_bits(x + 4, y + 4, x[1] < y[1] ? x[1] : y[1]);
	if (order == 0)
		order = cmp_int(x[1], y[1]);
	return order ? order : cmp_bits(x + 4, y + 4, 8u * x[3]);
}

static int
cmp_timetz(const struct hr_datum *x, const struct hr_datum *y)
{
	int order = cmp_int(x->tz.us + x->tz.west * HR_SECOND_US, y->tz.us + y->tz.west * HR_SECOND_US);

	return order ? order : cmp_int(x->tz.west, y->tz.west);
}

int
hr_datum_cmp(const struct hr_datum *x, const struct hr_datum *y)
{
	switch (hr_type_kind(x->type)) {
	case HR_KIND_NONE: return 0;
	case HR_KIND_BOOL: return cmp_int(x->b, y->b);
	case HR_KIND_FLOAT: return cmp_float(x->f, y->f);
	case HR_KIND_NUMERIC: return hr_numeric_cmp(&x->num, &y->num);
	case HR_KIND_TEXT: return cmp_text(x, y);
	case HR_KIND_TIMETZ: return cmp_timetz(x, y);
	case HR_KIND_INTERVAL: return hr_span_cmp(&x->span, &y->span);
	case HR_KIND_INET: return cmp_inet(x->s.p, y->s.p);
	case HR_KIND_BYTES: case HR_KIND_UUID: case HR_KIND_MACADDR: case HR_KIND_JSON:
		return cmp_bytes(x->s.p, x->s.n, y->s.p, y->s.n);
	case HR_KIND_LSN: return (uint64_t)x->i < (uint64_t)y->i ? -1 : (uint64_t)x->i > (uint64_t)y->i;
	default: return cmp_int(x->i, y->i);
	}
}
