/*
 * datum_cast.c - from one type to another, as an explicit CAST has it.
 *
 * Between text and any other type it is what the input and output functions
 * do.  Halves are rounded away from zero from a numeric and to even from a
 * float, which is PostgreSQL's way.
 */

#include "base/hr.h"

#include <math.h>

#include "rule/datum.h"
#include "rule/document.h"
#include "rule/utf8.h"

static bool
is_text(enum hr_type t)
{
	return t >= HR_TYPE_TEXT && t <= HR_TYPE_NAME;
}

static bool
is_number(enum hr_type t)
{
	return t >= HR_TYPE_INT2 && t <= HR_TYPE_NUMERIC && t != HR_TYPE_OID;
}

bool
hr_datum_castable(enum hr_type from, enum hr_type to)
{
	if (from == HR_TYPE_NONE || to == HR_TYPE_NONE || to == HR_TYPE_UNKNOWN)
		return false;
	if (from == to || from == HR_TYPE_UNKNOWN)
		return true;
	if (to == HR_TYPE_OTHER || to == HR_TYPE_XML || to == HR_TYPE_CITEXT)
		return false;
	if (is_text(to))
		return true;
	if (to == HR_TYPE_CHAR)
		return is_text(from);
	if (is_text(from) || (is_number(from) && is_number(to)))
		return true;
	switch (from) {
	case HR_TYPE_BOOL: return to == HR_TYPE_INT4;
	case HR_TYPE_INT4: return to == HR_TYPE_BOOL || to == HR_TYPE_OID;
	case HR_TYPE_INT2: case HR_TYPE_INT8: return to == HR_TYPE_OID;
	case HR_TYPE_OID: return to == HR_TYPE_INT4 || to == HR_TYPE_INT8;
	case HR_TYPE_DATE: return to == HR_TYPE_TIMESTAMP || to == HR_TYPE_TIMESTAMPTZ;
	case HR_TYPE_TIMESTAMP:
		return to == HR_TYPE_DATE || to == HR_TYPE_TIME || to == HR_TYPE_TIMESTAMPTZ;
	case HR_TYPE_TIMESTAMPTZ:
		return to == HR_TYPE_DATE || to == HR_TYPE_TIME || to == HR_TYPE_TIMETZ || to == HR_TYPE_TIMESTAMP;
	case HR_TYPE_TIME: return to == HR_TYPE_TIMETZ || to == HR_TYPE_INTERVAL;
	case HR_TYPE_TIMETZ: return to == HR_TYPE_TIME;
	case HR_TYPE_INTERVAL: return to == HR_TYPE_TIME;
	case HR_TYPE_INET: return to == HR_TYPE_CIDR;
	case HR_TYPE_CIDR: return to == HR_TYPE_INET;
	case HR_TYPE_JSON: return to == HR_TYPE_JSONB;
	case HR_TYPE_JSONB: return to == HR_TYPE_JSON || to == HR_TYPE_BOOL || is_number(to);
	default: return false;
	}
}

static int
out_of_range(enum hr_type t, struct hr_err *e)
{
	return hr_fail(e, HR_REFUSED, "%s out of range", hr_type_name(t));
}

/* --- numbers --- */

static int
int_fits(int64_t v, enum hr_type t, struct hr_err *e)
{
	if ((t == HR_TYPE_INT2 && v != (int16_t)v) || (t == HR_TYPE_INT4 && v != (int32_t)v))
		return out_of_range(t, e);
	if (t == HR_TYPE_OID && (v < 0 || v > UINT32_MAX))
		return out_of_range(t, e);
	return 0;
}

static int
to_int(struct hr_datum *d, enum hr_type to, struct hr_err *e)
{
	double f;
	int64_t v;

	switch (hr_type_kind(d->type)) {
	case HR_KIND_BOOL:
		d->i = d->b;
		return 0;
	case HR_KIND_FLOAT:
		f = rint(d->f);
		if (!(f >= (double)INT64_MIN && f < -(double)INT64_MIN))
			return out_of_range(to, e);
		d->i = (int64_t)f;
		break;
	case HR_KIND_NUMERIC:
		if (!hr_numeric_finite(&d->num))
			return hr_fail(e, HR_REFUSED, "cannot convert %s to %s",
			    d->num.sign == HR_NUMERIC_NAN ? "NaN" : "infinity", hr_type_name(to));
		if (!hr_numeric_to_int(&d->num, &v))
			return out_of_range(to, e);
		d->i = v;
		break;
	default:
		/* An oid is 32 bits without a sign; an int4 with one has the same. */
		if (to == HR_TYPE_OID && d->type != HR_TYPE_INT8)
			d->i = (uint32_t)d->i;
		if (to == HR_TYPE_INT4 && d->type == HR_TYPE_OID)
			d->i = (int32_t)d->i;
		break;
	}
	return int_fits(d->i, to, e);
}

static int
to_float(struct hr_datum *d, enum hr_type to, struct hr_err *e)
{
	double f = d->f;

	if (hr_type_kind(d->type) == HR_KIND_INT)
		f = to == HR_TYPE_FLOAT4 ? (double)(float)d->i : (double)d->i;
	else if (hr_type_kind(d->type) == HR_KIND_NUMERIC && !hr_numeric_to_float(&d->num, &f))
		return out_of_range(to, e);
	if (to == HR_TYPE_FLOAT4) {
		float narrow = (float)f;

		if ((isinf(narrow) && !isinf(f)) || (narrow == 0 && f != 0))
			return hr_fail(e, HR_REFUSED, "value out of range: %s", narrow == 0 ? "underflow" : "overflow");
		f = (double)narrow;
	}
	d->f = f;
	return 0;
}

static void
to_numeric(struct hr_datum *d, struct hr_scratch *m)
{
	int64_t i = d->i;
	double f = d->f;

	if (hr_type_kind(d->type) == HR_KIND_INT)
		hr_numeric_of_int(&d->num, i, m);
	else if (hr_type_kind(d->type) == HR_KIND_FLOAT)
		hr_numeric_of_float(&d->num, f, d->type == HR_TYPE_FLOAT4 ? 6 : 15, m);
}

static int
to_number(struct hr_datum *d, enum hr_type to, int32_t typmod, struct hr_scratch *m, struct hr_err *e)
{
	if (hr_type_kind(to) == HR_KIND_INT)
		return to_int(d, to, e);
	if (hr_type_kind(to) == HR_KIND_FLOAT)
		return to_float(d, to, e);
	to_numeric(d, m);
	return hr_numeric_fit(&d->num, typmod, m, e);
}

/* --- text --- */

/* What a length makes of it; blanks are added to a bpchar. */
static void
fit_text(struct hr_datum *d, enum hr_type to, int32_t typmod, struct hr_scratch *m)
{
	size_t n, chars;
	uint8_t *p;

	if (to == HR_TYPE_NAME) {
		for (n = 0; n < d->s.n; n += chars)
			if (n + (chars = hr_utf8_size(d->s.p + n, d->s.n - n)) > 63)
				break;
		d->s.n = n;
		return;
	}
	if (typmod < 4)
		return;
	d->s.n = hr_utf8_bytes(d->s.p, d->s.n, (size_t)(typmod - 4));
	if (to != HR_TYPE_BPCHAR)
		return;
	chars = hr_utf8_length(d->s.p, d->s.n);
	if (chars == (size_t)(typmod - 4))
		return;
	n = d->s.n + (size_t)(typmod - 4) - chars;
	p = hr_scratch_take(m, n);
	memset(p, ' ', n);
	memcpy(p, d->s.p, d->s.n);
	d->s.p = p;
	d->s.n = n;
}

/* An address alone has its bits too, where it is cast and not written. */
static void
with_bits(struct hr_datum *d, struct hr_scratch *m)
{
	int bits = d->s.p[1];
	struct hr_buf b;

	hr_datum_text(d, d, m);
	if (d->s.n && memchr(d->s.p, '/', d->s.n))
		return;
	b = (struct hr_buf){ hr_scratch_take(m, d->s.n + 128), 0, d->s.n + 128 };
	hr_buf_put(&b, d->s.p, d->s.n);
	hr_buf_printf(&b, "/%d", bits);
	d->s.p = b.data;
	d->s.n = b.len;
}

static void
to_text(struct hr_datum *d, enum hr_type to, int32_t typmod, struct hr_scratch *m)
{
	if (d->type == HR_TYPE_BOOL && to != HR_TYPE_NAME) {
		bool b = d->b;

		d->s.p = (const uint8_t *)(b ? "true" : "false");
		d->s.n = b ? 4 : 5;
	} else {
		if (d->type == HR_TYPE_BPCHAR && to != HR_TYPE_BPCHAR)
			while (d->s.n && d->s.p[d->s.n - 1] == ' ')
				d->s.n--;
		if (hr_type_kind(d->type) == HR_KIND_INET && to != HR_TYPE_NAME)
			with_bits(d, m);
		else
			hr_datum_text(d, d, m);
	}
	fit_text(d, to, typmod, m);
}

/* --- times --- */

static void
to_time(struct hr_datum *d, enum hr_type to, int32_t typmod)
{
	int64_t us = d->i;
	int32_t west = 0;

	switch (d->type) {
	case HR_TYPE_TIMETZ:
		us = d->tz.us;
		west = d->tz.west;
		break;
	case HR_TYPE_INTERVAL:
		us = d->span.us % HR_DAY_US;
		us += us < 0 ? HR_DAY_US : 0;
		break;
	case HR_TYPE_TIMESTAMP: case HR_TYPE_TIMESTAMPTZ:
		/* PostgreSQL makes NULL of an infinite one. */
		d->null = !hr_timestamp_finite(us);
		us = d->null ? 0 : hr_timestamp_time(us);
		break;
	default: break;
	}
	if (to == HR_TYPE_INTERVAL) {
		d->span = (struct hr_span){ .us = us };
		return;
	}
	us = hr_timestamp_round(us, typmod);
	if (to == HR_TYPE_TIME) {
		d->i = us;
	} else {
		d->tz.us = us;
		d->tz.west = west;
	}
}

static int
to_timestamp(struct hr_datum *d, enum hr_type to, int32_t typmod, struct hr_err *e)
{
	if (d->type == HR_TYPE_DATE && !hr_date_timestamp(d->i, &d->i))
		return hr_fail(e, HR_REFUSED, "date out of range for timestamp");
	if (to == HR_TYPE_DATE)
		d->i = hr_timestamp_date(d->i);
	else
		d->i = hr_timestamp_round(d->i, typmod);
	return 0;
}

/* --- the rest --- */

static void
to_inet(struct hr_datum *d, enum hr_type to, struct hr_scratch *m)
{
	uint8_t *p = hr_scratch_copy(m, d->s.p, d->s.n);
	unsigned i;

	p[2] = to == HR_TYPE_CIDR;
	for (i = p[1]; to == HR_TYPE_CIDR && i < 8u * p[3]; i++)
		p[4 + i / 8] &= (uint8_t)~(1u << (7 - i % 8));
	d->s.p = p;
}

/* A jsonb that is one boolean or one number. */
static int
of_scalar(struct hr_datum *d, enum hr_type to, int32_t typmod, struct hr_scratch *m, struct hr_err *e)
{
	struct hr_document doc = { d->s.p, d->s.n };
	char kind = hr_document_kind(doc);
	bool is_bool = kind == 't' || kind == 'f';

	if (strchr("{[\"n", kind) || is_bool != (to == HR_TYPE_BOOL))
		return hr_fail(e, HR_REFUSED, "cannot cast jsonb %s to type %s", kind == '{' ? "object" :
		    kind == '[' ? "array" : kind == '"' ? "string" : kind == 'n' ? "null" :
		    is_bool ? "boolean" : "numeric", hr_type_name(to));
	if (is_bool) {
		d->b = kind == 't';
		return 0;
	}
	if (hr_datum_parse(d, HR_TYPE_NUMERIC, (const char *)doc.p, doc.n, m, e) < 0)
		return -1;
	return to_number(d, to, typmod, m, e);
}

static int
cast(struct hr_datum *d, enum hr_type to, int32_t typmod, struct hr_scratch *m, struct hr_err *e)
{
	struct hr_document doc;

	if (hr_type_kind(to) == HR_KIND_TEXT) {
		to_text(d, to, typmod, m);
		return 0;
	}
	if (hr_type_kind(d->type) == HR_KIND_TEXT) {
		if (d->type == HR_TYPE_BPCHAR)
			to_text(d, HR_TYPE_TEXT, -1, m);
		if (hr_datum_parse(d, to, (const char *)d->s.p, d->s.n, m, e) < 0)
			return -1;
		return typmod < 0 ? 0 : cast(d, to, typmod, m, e);
	}
	switch (to) {
	case HR_TYPE_BOOL:
		if (d->type == HR_TYPE_INT4)
			d->b = d->i != 0;
		return d->type == HR_TYPE_JSONB ? of_scalar(d, to, typmod, m, e) : 0;
	case HR_TYPE_INT2: case HR_TYPE_INT4: case HR_TYPE_INT8: case HR_TYPE_OID:
	case HR_TYPE_FLOAT4: case HR_TYPE_FLOAT8: case HR_TYPE_NUMERIC:
		if (d->type == HR_TYPE_JSONB)
			return of_scalar(d, to, typmod, m, e);
		return to_number(d, to, typmod, m, e);
	case HR_TYPE_TIME: case HR_TYPE_TIMETZ: case HR_TYPE_INTERVAL:
		if (d->type != to || to != HR_TYPE_INTERVAL)
			to_time(d, to, typmod);
		return 0;
	case HR_TYPE_DATE: case HR_TYPE_TIMESTAMP: case HR_TYPE_TIMESTAMPTZ:
		return d->type == HR_TYPE_DATE && to == HR_TYPE_DATE ? 0 : to_timestamp(d, to, typmod, e);
	case HR_TYPE_INET: case HR_TYPE_CIDR:
		to_inet(d, to, m);
		return 0;
	case HR_TYPE_JSONB:
		if (hr_document_canon(d->s.p, d->s.n, &doc, m) < 0)
			return hr_fail(e, HR_REFUSED, "a json that cannot be jsonb");
		d->s.p = doc.p;
		d->s.n = doc.n;
		return 0;
	default:
		return 0;
	}
}

int
hr_datum_cast(struct hr_datum *d, enum hr_type to, int32_t typmod, struct hr_scratch *m, struct hr_err *e)
{
	int rc = 0;

	if (!d->null && (d->type != to || typmod >= 0))
		rc = cast(d, to, typmod, m, e);
	d->type = to;
	return rc;
}
