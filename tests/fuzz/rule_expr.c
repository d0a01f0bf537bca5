/*
 * Property: whatever an expression's text and a row's bytes are, an expression
 * is refused or compiled, and evaluated to a value, to an error or to neither;
 * the value is of the type that was said, and comes back from its own bytes.
 *
 * The text ends at the first NUL; the rest is a tuple of the columns below.
 */

#include "base/hr.h"

#include <stdlib.h>

#include "rule/expr.h"

#define PG(name, type) { (char *)(name), (char *)"pg_catalog", (char *)(type), 0, -1, false }

static struct hr_column column[] = {
	PG("b", "bool"), PG("i2", "int2"), PG("i4", "int4"), PG("i8", "int8"), PG("o", "oid"), PG("f4", "float4"),
	PG("f8", "float8"), PG("n", "numeric"), PG("t", "text"), PG("v", "varchar"), PG("c", "bpchar"), PG("nm", "name"),
	PG("d", "date"), PG("tm", "time"), PG("tz", "timetz"), PG("ts", "timestamp"), PG("tsz", "timestamptz"),
	PG("iv", "interval"), PG("u", "uuid"), PG("ip", "inet"), PG("ba", "bytea"), PG("j", "json"), PG("jb", "jsonb"),
	PG("lsn", "pg_lsn"), PG("a", "_int4"), { (char *)"en", (char *)"public", (char *)"mood", 0, -1, false },
};

static struct hr_relation rel = {
	.schema = (char *)"public", .name = (char *)"t", .columns = HR_COUNT(column), .column = column,
};

/* The same bytes again: false when they are not. */
static bool
comes_back(const struct hr_datum *d, struct hr_scratch *m)
{
	struct hr_err e = HR_ERR_INIT;
	struct hr_value v, w;
	struct hr_datum again;

	hr_datum_write(d, false, &v, m);
	if (hr_datum_read(&again, d->type, &v, m, &e) < 0)
		return d->type == HR_TYPE_OTHER || d->type == HR_TYPE_CHAR;
	hr_datum_write(&again, false, &w, m);
	return v.len == w.len && (v.len <= 0 || memcmp(v.data, w.data, (size_t)v.len) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct hr_scratch m;
	static struct hr_buf text;
	const uint8_t *zero = size ? memchr(data, 0, size) : NULL;
	size_t n = zero ? (size_t)(zero - data) : size;
	struct hr_value value[HR_COUNT(column)];
	struct hr_datum var[HR_VARS] = {
		[HR_VAR_TENANT] = { .type = HR_TYPE_TEXT, .s = { (const uint8_t *)"acme", 4 } },
		[HR_VAR_SCHEMA] = HR_DATUM_NULL, [HR_VAR_TABLE] = HR_DATUM_NULL, [HR_VAR_OP] = HR_DATUM_NULL,
		[HR_VAR_XID] = { .type = HR_TYPE_INT8, .i = 7 },
	};
	struct hr_scope s = { value, var, &m };
	struct hr_err e = HR_ERR_INIT;
	struct hr_expr *x;
	struct hr_datum d;
	size_t i;
	int rc;

	hr_buf_reset(&text);
	hr_buf_put(&text, data, n);
	x = hr_expr_new(hr_buf_text(&text), &rel, NULL, &e);
	if (x == NULL) {
		if (e.code != HR_CONFIG || e.what[0] == '\0')
			abort();
		return 0;
	}
	for (i = 0; i < HR_COUNT(value); i++)
		value[i] = (struct hr_value){ .len = (int32_t)(i % 2 ? HR_VALUE_NULL : HR_VALUE_UNCHANGED) };
	if (zero && hr_tuple_decode(zero + 1, size - n - 1, value, (int)HR_COUNT(value)) < 0)
		for (i = 0; i < HR_COUNT(value); i++)
			value[i] = (struct hr_value){ .data = zero + 1, .len = (int32_t)(size - n - 1), .text = i % 2 };
	hr_scratch_reset(&m);
	rc = hr_expr_eval(x, &s, &d, &e);
	if (rc < -1 || rc > 1 || (rc < 0 && e.what[0] == '\0'))
		abort();
	if (rc == 0 && !d.null) {
		if (hr_type_kind(d.type) != hr_type_kind(hr_expr_type(x)) || !comes_back(&d, &m))
			abort();
		hr_buf_reset(&text);
		hr_datum_format(&text, &d);
	}
	hr_expr_free(x);
	return 0;
}
