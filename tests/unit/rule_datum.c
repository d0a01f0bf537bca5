/* rule_datum - values of built-in types come out of their bytes and go back. */

#include "base/hr.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "rule/datum.h"
#include "tap.h"

static struct hr_scratch m;
static struct hr_buf b;

static const char *
text(const struct hr_datum *d)
{
	hr_buf_reset(&b);
	hr_datum_format(&b, d);
	return hr_buf_text(&b);
}

static bool
same(const struct hr_value *v, const struct hr_value *w)
{
	return v->len == w->len && v->text == w->text &&
	    (v->len <= 0 || memcmp(v->data, w->data, (size_t)v->len) == 0);
}

/* Text is taken, written in binary, read and written as that text again. */
static void
round_trip(enum hr_type t, const char *in, const char *want, const char *bytes, size_t n)
{
	struct hr_err e = HR_ERR_INIT;
	struct hr_value v, w, given = { (const uint8_t *)in, (int32_t)strlen(in), true };
	struct hr_datum d, again;

	if (hr_datum_parse(&d, t, in, strlen(in), &m, &e) < 0) {
		ok(false, "%s '%s': %s", hr_type_name(t), in, e.what);
		return;
	}
	hr_datum_write(&d, false, &v, &m);
	ok(v.len == (int32_t)n && memcmp(v.data, bytes, n) == 0, "%s '%s' has its bytes", hr_type_name(t), in);
	if (hr_datum_read(&again, t, &v, &m, &e) < 0)
		ok(false, "and is read: %s", e.what);
	hr_datum_write(&again, false, &w, &m);
	ok(same(&v, &w) && hr_datum_cmp(&d, &again) == 0, "and has them again");
	is(text(&again), want, "and its text");
	hr_datum_write(&d, true, &w, &m);
	ok(w.text && hr_datum_read(&again, t, &w, &m, &e) == 0 && hr_datum_cmp(&d, &again) == 0, "and by its text");
	/* The text of a jsonb is taken as the server wrote it. */
	ok(t == HR_TYPE_JSONB || (hr_datum_read(&again, t, &given, &m, &e) == 0 && hr_datum_cmp(&d, &again) == 0),
	    "and by what was given");
}

static void
no_text(enum hr_type t, const char *in, const char *want)
{
	struct hr_err e = HR_ERR_INIT;
	struct hr_datum d;

	is(hr_datum_parse(&d, t, in, strlen(in), &m, &e) < 0 ? e.what : "taken", want, in);
}

static void
no_bytes(enum hr_type t, const char *bytes, size_t n, const char *what)
{
	struct hr_err e = HR_ERR_INIT;
	struct hr_value v = { (const uint8_t *)bytes, (int32_t)n, false };
	struct hr_datum d;

	ok(hr_datum_read(&d, t, &v, &m, &e) < 0 && e.what[0], "%s", what);
}

static struct hr_datum
datum(enum hr_type t, const char *s)
{
	struct hr_err e = HR_ERR_INIT;
	struct hr_datum d;

	if (hr_datum_parse(&d, t, s, strlen(s), &m, &e) < 0)
		ok(false, "%s", e.what);
	return d;
}

/* Each of the words is less than the next. */
static void
in_order(enum hr_type t, const char *const *s)
{
	bool good = true;

	for (; s[1]; s++) {
		struct hr_datum x = datum(t, s[0]), y = datum(t, s[1]);

		good &= hr_datum_cmp(&x, &y) < 0 && hr_datum_cmp(&y, &x) > 0 && hr_datum_cmp(&x, &x) == 0;
	}
	ok(good, "%s has its order", hr_type_name(t));
}

#define ORDER(t, ...) in_order((t), (const char *const[]){ __VA_ARGS__, NULL })

static void
casts(enum hr_type from, const char *s, enum hr_type to, int32_t typmod, const char *want)
{
	struct hr_err e = HR_ERR_INIT;
	struct hr_datum d = datum(from, s);
	char what[200];

	snprintf(what, sizeof(what), "%s '%s' as %s", hr_type_name(from), s, hr_type_name(to));
	if (!hr_datum_castable(from, to))
		is(NULL, want, what);
	else
		is(hr_datum_cast(&d, to, typmod, &m, &e) < 0 ? e.what : d.null ? NULL : text(&d), want, what);
}

static void
readable(const char *schema, const char *name, bool want)
{
	struct hr_column c = { .type_schema = (char *)schema, .type_name = (char *)name };

	ok(hr_datum_readable(&c) == want, "%s.%s %s", schema, name, want ? "can be read" : "cannot be read");
}

static void
null(void)
{
	struct hr_err e = HR_ERR_INIT;
	struct hr_value v = { .len = HR_VALUE_NULL };
	struct hr_datum d;

	ok(hr_datum_read(&d, HR_TYPE_INT4, &v, &m, &e) == 0 && d.null, "NULL is read");
	ok(hr_datum_cast(&d, HR_TYPE_TEXT, -1, &m, &e) == 0 && d.null, "NULL is cast");
	hr_datum_write(&d, false, &v, &m);
	is_number(v.len, HR_VALUE_NULL, "NULL is written");
}

static void
other(void)
{
	struct hr_err e = HR_ERR_INIT;
	struct hr_value v = { (const uint8_t *)"happy", 5, false }, w;
	struct hr_datum d;

	ok(hr_datum_read(&d, HR_TYPE_OTHER, &v, &m, &e) == 0, "an enum's label is read from its bytes");
	hr_datum_write(&d, false, &w, &m);
	ok(same(&v, &w), "and written to them");
	no_bytes(HR_TYPE_OTHER, "\0\0\0\1", 4, "a composite's bytes are no label");
	no_bytes(HR_TYPE_OTHER, "\377\376", 2, "what is no UTF-8 is none");
}

/* After the first rows the scratch has what it needs. */
static void
no_memory(void)
{
	struct hr_err e = HR_ERR_INIT;
	struct hr_value v, w;
	struct hr_datum d = datum(HR_TYPE_NUMERIC, "12345678901234567890.12345"), t;
	struct hr_scratch row = HR_SCRATCH_INIT;
	const void *block = NULL;
	bool good = true;
	int i, k;

	hr_datum_write(&d, false, &v, &m);
	for (i = 0; i < 10; i++) {
		hr_scratch_reset(&row);
		for (k = 0; k < 1000; k++) {
			good &= hr_datum_read(&d, HR_TYPE_NUMERIC, &v, &row, &e) == 0;
			hr_datum_text(&d, &t, &row);
			hr_datum_write(&d, false, &w, &row);
		}
		good &= i < 2 || row.block == block;
		block = row.block;
	}
	ok(good, "no memory is taken after the first rows");
	hr_scratch_clear(&row);
}

int
main(void)
{
	round_trip(HR_TYPE_BOOL, "yes", "t", "\1", 1);
	round_trip(HR_TYPE_INT2, "-2", "-2", "\377\376", 2);
	round_trip(HR_TYPE_INT4, " 65536 ", "65536", "\0\1\0\0", 4);
	round_trip(HR_TYPE_INT8, "-9223372036854775808", "-9223372036854775808", "\200\0\0\0\0\0\0\0", 8);
	round_trip(HR_TYPE_OID, "4294967295", "4294967295", "\377\377\377\377", 4);
	round_trip(HR_TYPE_FLOAT4, "1.5", "1.5", "\77\300\0\0", 4);
	round_trip(HR_TYPE_FLOAT8, "-infinity", "-Infinity", "\377\360\0\0\0\0\0\0", 8);
	round_trip(HR_TYPE_NUMERIC, "1.50", "1.50", "\0\2\0\0\0\0\0\2\0\1\23\210", 12);
	round_trip(HR_TYPE_TEXT, "a\303\244", "a\303\244", "a\303\244", 3);
	round_trip(HR_TYPE_BPCHAR, "a  ", "a  ", "a  ", 3);
	round_trip(HR_TYPE_CHAR, "x", "x", "x", 1);
	round_trip(HR_TYPE_BYTEA, "\\x00ff", "\\x00ff", "\0\377", 2);
	round_trip(HR_TYPE_DATE, "2000-01-02", "2000-01-02", "\0\0\0\1", 4);
	round_trip(HR_TYPE_DATE, "infinity", "infinity", "\177\377\377\377", 4);
	round_trip(HR_TYPE_DATE, "4713-01-01 BC", "4713-01-01 BC", "\377\332\227\315", 4);
	round_trip(HR_TYPE_TIME, "00:00:00.000001", "00:00:00.000001", "\0\0\0\0\0\0\0\1", 8);
	round_trip(HR_TYPE_TIMETZ, "00:00:01-01", "00:00:01-01", "\0\0\0\0\0\17B@\0\0\16\20", 12);
	round_trip(HR_TYPE_TIMESTAMP, "2000-01-01 00:00:01", "2000-01-01 00:00:01", "\0\0\0\0\0\17B@", 8);
	round_trip(HR_TYPE_TIMESTAMPTZ, "2000-01-01T01:00:01+01", "2000-01-01 00:00:01+00", "\0\0\0\0\0\17B@", 8);
	round_trip(HR_TYPE_INTERVAL, "1 mon 2 days 00:00:01", "1 mon 2 days 00:00:01",
	    "\0\0\0\0\0\17B@\0\0\0\2\0\0\0\1", 16);
	round_trip(HR_TYPE_UUID, "{00010203-04050607-08090a0b-0c0d0e0f}", "00010203-0405-0607-0809-0a0b0c0d0e0f",
	    "\0\1\2\3\4\5\6\7\10\11\12\13\14\15\16\17", 16);
	round_trip(HR_TYPE_INET, "10.1.2.3", "10.1.2.3", "\2\40\0\4\12\1\2\3", 8);
	round_trip(HR_TYPE_CIDR, "10.0.0.0/8", "10.0.0.0/8", "\2\10\1\4\12\0\0\0", 8);
	round_trip(HR_TYPE_MACADDR, "08-00-2b-01-02-03", "08:00:2b:01:02:03", "\10\0\53\1\2\3", 6);
	round_trip(HR_TYPE_JSON, "{\"b\":1}", "{\"b\":1}", "{\"b\":1}", 7);
	round_trip(HR_TYPE_JSONB, "{\"bb\": [ 1,2.50 ] ,\"a\":null}", "{\"a\": null, \"bb\": [1, 2.50]}",
	    "\1{\"a\": null, \"bb\": [1, 2.50]}", 29);
	round_trip(HR_TYPE_LSN, "16/B374D848", "16/B374D848", "\0\0\0\26\263t\330H", 8);

	no_text(HR_TYPE_INT4, "2147483648", "a text that is out of range for integer");
	no_text(HR_TYPE_INT4, "1.0", "a text that is no integer");
	no_text(HR_TYPE_INT2, "", "a text that is no smallint");
	no_text(HR_TYPE_BOOL, "o", "a text that is no boolean");
	no_text(HR_TYPE_FLOAT8, "1e400", "a text that is out of range for double precision");
	no_text(HR_TYPE_FLOAT8, "0x1p3", "a text that is no double precision");
	no_text(HR_TYPE_DATE, "02/29/2024", "a text that is no date");
	no_text(HR_TYPE_DATE, "2023-02-29", "a text that is no date");
	no_text(HR_TYPE_DATE, "today", "a text that is no date");
	no_text(HR_TYPE_TIMESTAMP, "now", "a text that is no timestamp without time zone");
	no_text(HR_TYPE_TIMESTAMPTZ, "2024-01-01 00:00 Europe/Berlin",
	    "a text that is no timestamp with time zone");
	no_text(HR_TYPE_TIMESTAMP, "294277-01-01", "a text that is no timestamp without time zone");
	no_text(HR_TYPE_TIME, "24:00:01", "a text that is no time without time zone");
	no_text(HR_TYPE_INTERVAL, "1 day 2 days", "a text that is no interval");
	no_text(HR_TYPE_UUID, "00010203-0405-0607-0809-0a0b0c0d0e0", "a text that is no uuid");
	no_text(HR_TYPE_INET, "1.2.3", "a text that is no inet");
	no_text(HR_TYPE_CIDR, "1.2.3.4/8", "a text that is no cidr");
	no_text(HR_TYPE_BYTEA, "\\x0", "a text that is no bytea");
	no_text(HR_TYPE_JSON, "[1,]", "a text that is no json");
	no_text(HR_TYPE_JSONB, "\"\\u0000\"", "a text that is no jsonb");

	no_bytes(HR_TYPE_BOOL, "", 0, "no byte is no boolean");
	no_bytes(HR_TYPE_INT4, "\0\0\0", 3, "three bytes are no integer");
	no_bytes(HR_TYPE_NUMERIC, "\0\1\0\0\0\0\0\0", 8, "a numeric without its digits");
	no_bytes(HR_TYPE_DATE, "\177\377\377\376", 4, "a date beyond the last");
	no_bytes(HR_TYPE_TIME, "\0\0\1\0\0\0\0\0", 8, "a time beyond the day");
	no_bytes(HR_TYPE_TIMESTAMP, "\200\0\0\0\0\0\0\1", 8, "a timestamp before the first");
	no_bytes(HR_TYPE_INET, "\2\41\0\4\1\2\3\4", 8, "an address of 33 bits");
	no_bytes(HR_TYPE_JSONB, "\2{}", 3, "a jsonb of version 2");
	no_bytes(HR_TYPE_NONE, "x", 1, "what cannot be read");

	ORDER(HR_TYPE_BOOL, "f", "t");
	ORDER(HR_TYPE_OID, "1", "2147483648", "4294967295");
	ORDER(HR_TYPE_FLOAT8, "-inf", "-1", "0", "1e-300", "inf", "nan");
	ORDER(HR_TYPE_NUMERIC, "-inf", "-1", "0", "0.1", "inf", "nan");
	ORDER(HR_TYPE_TEXT, "", "A", "Z", "a", "a ", "ab", "\303\244");
	ORDER(HR_TYPE_BPCHAR, "A", "a  ", "ab");
	ORDER(HR_TYPE_CITEXT, "a", "B", "c");
	ORDER(HR_TYPE_DATE, "-infinity", "0001-01-01 BC", "2000-01-01", "infinity");
	ORDER(HR_TYPE_TIMETZ, "12:00+02", "12:00+01", "11:00+00", "12:00+00");
	ORDER(HR_TYPE_TIMESTAMPTZ, "-infinity", "2000-01-01 00:00+01", "2000-01-01 00:00+00", "infinity");
	ORDER(HR_TYPE_INTERVAL, "-1 day", "0", "23:59:59", "1 day", "29 days 23:00", "31 days");
	ORDER(HR_TYPE_INET, "10.0.0.0/8", "10.0.0.1/8", "10.0.0.0/16", "11.0.0.0/8", "::/0");
	ORDER(HR_TYPE_BYTEA, "\\x", "\\x00", "\\x0001", "\\x01", "\\xff");
	ORDER(HR_TYPE_LSN, "0/0", "0/FFFFFFFF", "80000000/0");

	casts(HR_TYPE_NUMERIC, "2.5", HR_TYPE_INT4, -1, "3");
	casts(HR_TYPE_FLOAT8, "2.5", HR_TYPE_INT4, -1, "2");
	casts(HR_TYPE_FLOAT8, "nan", HR_TYPE_INT4, -1, "integer out of range");
	casts(HR_TYPE_NUMERIC, "inf", HR_TYPE_INT8, -1, "cannot convert infinity to bigint");
	casts(HR_TYPE_INT4, "40000", HR_TYPE_INT2, -1, "smallint out of range");
	casts(HR_TYPE_INT4, "-1", HR_TYPE_OID, -1, "4294967295");
	casts(HR_TYPE_TEXT, "abcdef", HR_TYPE_VARCHAR, 3 + 4, "abc");
	casts(HR_TYPE_TEXT, "\303\244b", HR_TYPE_BPCHAR, 4 + 4, "\303\244b  ");
	casts(HR_TYPE_BPCHAR, "ab  ", HR_TYPE_TEXT, -1, "ab");
	casts(HR_TYPE_BOOL, "t", HR_TYPE_TEXT, -1, "true");
	casts(HR_TYPE_TEXT, "12x", HR_TYPE_INT4, -1, "a text that is no integer");
	casts(HR_TYPE_TIMESTAMP, "2024-02-29 23:59:59.9999999", HR_TYPE_DATE, -1, "2024-03-01");
	casts(HR_TYPE_TIMESTAMP, "infinity", HR_TYPE_TIME, -1, NULL);
	casts(HR_TYPE_DATE, "5000000-01-01", HR_TYPE_TIMESTAMP, -1, "date out of range for timestamp");
	casts(HR_TYPE_INET, "10.1.2.3/8", HR_TYPE_CIDR, -1, "10.0.0.0/8");
	casts(HR_TYPE_JSONB, "12.5", HR_TYPE_INT4, -1, "13");
	casts(HR_TYPE_JSONB, "\"x\"", HR_TYPE_INT4, -1, "cannot cast jsonb string to type integer");
	casts(HR_TYPE_UUID, "00010203-0405-0607-0809-0a0b0c0d0e0f", HR_TYPE_INT4, -1, NULL);
	casts(HR_TYPE_BOOL, "t", HR_TYPE_INT8, -1, NULL);

	readable("pg_catalog", "int4", true);
	readable("pg_catalog", "jsonb", true);
	readable("pg_catalog", "_int4", false);
	readable("pg_catalog", "int4range", false);
	readable("pg_catalog", "point", false);
	readable("public", "mood", true);
	readable("public", "_mood", false);
	readable("public", "citext", true);
	ok(hr_type_word("int") == HR_TYPE_INT4 && hr_type_word("char") == HR_TYPE_BPCHAR &&
	    hr_type_word("nothing") == HR_TYPE_NONE, "SQL's words for types are known");
	null();
	other();
	no_memory();
	hr_scratch_clear(&m);
	hr_buf_clear(&b);
	return tap_done();
}
