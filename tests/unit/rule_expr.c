/*
 * rule_expr - expressions mean what they mean in PostgreSQL.
 *
 * With arguments it is what tests/pipe/expr.bats asks instead: COLUMNS ROWS
 * are a file of 'name schema type typmod' lines and one of COPY's binary rows;
 * for each expression on stdin and each row a line of text is written.
 */

#include "base/hr.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/lsn.h"
#include "rule/expr.h"
#include "tap.h"

static struct hr_relation rel = { .schema = (char *)"public", .name = (char *)"t" };

/* --- for PostgreSQL --- */

static void
load(const char *path, struct hr_buf *b)
{
	FILE *f = fopen(path, "r");
	size_t n;

	if (f == NULL)
		abort();
	do {
		hr_buf_need(b, 65536);
		b->len += n = fread(b->data + b->len, 1, 65536, f);
	} while (n);
	fclose(f);
}

static void
load_columns(const char *path)
{
	struct hr_buf b = HR_BUF_INIT;
	char name[64], schema[64], type[64];
	int typmod, n;
	const char *at;

	load(path, &b);
	rel.column = hr_zalloc(HR_COLUMNS_MAX * sizeof(*rel.column));
	for (at = hr_buf_text(&b); sscanf(at, "%63s %63s %63s %d\n%n", name, schema, type, &typmod, &n) == 4; at += n)
		rel.column[rel.columns++] = (struct hr_column){ .name = hr_strdup(name),
		    .type_schema = hr_strdup(schema), .type_name = hr_strdup(type), .typmod = typmod };
	hr_buf_clear(&b);
}

static void
answer(const struct hr_expr *x, const struct hr_value *row, struct hr_scratch *m)
{
	struct hr_scope s = { row, NULL, m };
	struct hr_err e = HR_ERR_INIT;
	struct hr_datum d;
	int rc = hr_expr_eval(x, &s, &d, &e);

	if (rc == 0 && !d.null && d.type != hr_expr_type(x) && hr_type_kind(d.type) != hr_type_kind(hr_expr_type(x)))
		abort();
	if (rc == 0)
		rc = hr_datum_cast(&d, HR_TYPE_TEXT, -1, m, &e);
	if (rc < 0)
		printf("ERROR %.*s\n", (int)strcspn(e.what, "\n"), e.what);
	else if (rc > 0)
		printf("UNSENT\n");
	else if (d.null)
		printf("NULL\n");
	else
		printf("=%.*s\n", (int)d.s.n, (const char *)d.s.p);
}

static int
answers(const char *columns, const char *rows)
{
	struct hr_buf b = HR_BUF_INIT;
	struct hr_scratch m = HR_SCRATCH_INIT;
	struct hr_value *value = hr_alloc(HR_COLUMNS_MAX * sizeof(*value));
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;
	int i;

	load_columns(columns);
	load(rows, &b);
	while ((n = getline(&line, &cap, stdin)) > 0) {
		struct hr_err e = HR_ERR_INIT;
		struct hr_cur c = hr_cur(b.data + 19, b.len - 19);
		struct hr_expr *x;

		line[n - 1] = '\0';
		printf("#%s\n", line);
		if ((x = hr_expr_new(line, &rel, NULL, &e)) == NULL) {
			printf("REFUSED %s\n", e.what);
			continue;
		}
		while (hr_cur_left(&c) > 2) {
			const uint8_t *tuple = c.at;
			size_t size = hr_tuple_skip(&c);

			if (size == 0 || hr_tuple_decode(tuple, size, value, HR_COLUMNS_MAX) != rel.columns)
				abort();
			hr_scratch_reset(&m);
			answer(x, value, &m);
		}
		hr_expr_free(x);
	}
	hr_scratch_clear(&m);
	hr_buf_clear(&b);
	for (i = 0; i < rel.columns; i++) {
		free(rel.column[i].name);
		free(rel.column[i].type_schema);
		free(rel.column[i].type_name);
	}
	free(rel.column);
	free(value);
	free(line);
	return 0;
}

/* --- for itself --- */

#define PG(name, type) { (char *)(name), (char *)"pg_catalog", (char *)(type), 0, -1, false }

static struct hr_column column[] = {
	PG("id", "int8"), PG("status", "text"), PG("amount", "int4"), PG("price", "numeric"), PG("at", "timestamptz"),
	PG("doc", "jsonb"), PG("Name", "varchar"), PG("day", "date"), PG("big", "text"), PG("none", "text"),
	PG("list", "_int4"), { (char *)"mood", (char *)"public", (char *)"mood", 0, -1, false }, PG("real", "float4"),
	PG("ci", "bpchar"), PG("yes", "bool"),
};
enum { BIG = 8, NONE, LIST };

static const char *const row_text[] = {
	"123", "done", "42", "12.50", "2024-05-06 07:08:09.5+00", "{\"a\": {\"b\": [1, \"x\"]}, \"n\": null}", "J\303\266rg",
	"2024-02-29", NULL, NULL, NULL, "happy", "0.1", "ab  ", "t",
};

static struct hr_value row[HR_COUNT(column)];
static struct hr_datum var[HR_VARS];
static struct hr_scratch kept, m;
static const struct hr_scope scope = { row, var, &m };

static void
fill(void)
{
	struct hr_err e = HR_ERR_INIT;
	struct hr_datum d;
	size_t i;

	for (i = 0; i < HR_COUNT(row); i++) {
		row[i].len = HR_VALUE_NULL;
		if (row_text[i] == NULL)
			continue;
		if (hr_datum_parse(&d, hr_type_of_column(&column[i]), row_text[i], strlen(row_text[i]), &kept, &e) < 0)
			ok(false, "%s", e.what);
		hr_datum_write(&d, false, &row[i], &kept);
	}
	row[BIG].len = HR_VALUE_UNCHANGED;
	for (i = 0; i < HR_VARS; i++)
		var[i] = (struct hr_datum)HR_DATUM_NULL;
	var[HR_VAR_TENANT] = (struct hr_datum){ .type = HR_TYPE_TEXT, .s = { (const uint8_t *)"acme", 4 } };
	var[HR_VAR_XID] = (struct hr_datum){ .type = HR_TYPE_INT8, .i = 7 };
	var[HR_VAR_LSN] = (struct hr_datum){ .type = HR_TYPE_LSN, .i = 0x1000 };
	var[HR_VAR_COMMIT_TIME] = (struct hr_datum){ .type = HR_TYPE_TIMESTAMPTZ, .i = 1000000 };
	rel.column = column;
	rel.columns = HR_COUNT(column);
}

/* The value as text, "NULL", "not sent" or the error. */
static const char *
value(const struct hr_expr *x)
{
	static struct hr_err e;
	static struct hr_buf b;
	struct hr_datum d;
	int rc;

	hr_scratch_reset(&m);
	rc = hr_expr_eval(x, &scope, &d, &e);
	if (rc == 0)
		rc = hr_datum_cast(&d, HR_TYPE_TEXT, -1, &m, &e);
	if (rc)
		return rc < 0 ? e.what : "not sent";
	if (d.null)
		return "NULL";
	hr_buf_reset(&b);
	hr_buf_put(&b, d.s.p, d.s.n);
	return hr_buf_text(&b);
}

static void
gives(const char *s, const char *want)
{
	struct hr_err e = HR_ERR_INIT;
	struct hr_expr *x = hr_expr_new(s, &rel, NULL, &e);

	is(x ? value(x) : e.what, want, s);
	hr_expr_free(x);
}

static void
refused(const char *s, const char *want)
{
	struct hr_err e = HR_ERR_INIT;
	struct hr_expr *x = hr_expr_new(s, &rel, NULL, &e);

	is(x ? "taken" : e.what, want, s);
	ok(x || e.code == HR_CONFIG, "that is the configuration's fault");
	hr_expr_free(x);
}

static void
assigned(const char *s, const char *type, int32_t typmod, const char *want)
{
	struct hr_column to = { (char *)"x", (char *)"pg_catalog", (char *)type, 0, typmod, false };
	struct hr_err e = HR_ERR_INIT;
	struct hr_expr *x = hr_expr_new(s, &rel, &to, &e);
	char what[200];

	snprintf(what, sizeof(what), "%s into a column of %s", s, type);
	is(x ? value(x) : e.what, want, what);
	hr_expr_free(x);
}

static void
filters(const char *s, int want_rc, enum hr_truth want)
{
	struct hr_err e = HR_ERR_INIT;
	struct hr_expr *x = hr_expr_new_filter(s, &rel, &e);
	enum hr_truth truth = HR_UNKNOWN;

	hr_scratch_reset(&m);
	if (x == NULL)
		ok(false, "%s: %s", s, e.what);
	else
		ok(hr_expr_test(x, &scope, &truth, &e) == want_rc && (want_rc || truth == want), "%s as a filter", s);
	hr_expr_free(x);
}

static void
constant(const char *s, const char *want)
{
	struct hr_err e = HR_ERR_INIT;
	struct hr_expr *x = hr_expr_new(s, &rel, NULL, &e);

	is(x == NULL ? e.what : hr_expr_constant(x) ? value(x) : NULL, want, s);
	hr_expr_free(x);
}

static void
reads(void)
{
	struct hr_err e = HR_ERR_INIT;
	struct hr_expr *x = hr_expr_new("id > 5 AND coalesce(big, $tenant) = 'x'", &rel, NULL, &e);
	int i;
	bool good = x != NULL;

	for (i = 0; good && i < rel.columns; i++)
		good &= hr_expr_reads(x, i) == (i == 0 || i == BIG);
	ok(good && hr_expr_reads_var(x, HR_VAR_TENANT) && !hr_expr_reads_var(x, HR_VAR_XID), "what is read is said");
	ok(x && hr_expr_type(x) == HR_TYPE_BOOL, "and the type");
	hr_expr_free(x);
}

/* A text of n times the middle. */
static void
long_one(const char *before, const char *middle, int n, const char *after, const char *want, const char *what)
{
	struct hr_buf b = HR_BUF_INIT;
	struct hr_err e = HR_ERR_INIT;
	struct hr_expr *x;

	hr_buf_puts(&b, before);
	while (n--)
		hr_buf_puts(&b, middle);
	hr_buf_puts(&b, after);
	x = hr_expr_new(hr_buf_text(&b), &rel, NULL, &e);
	ok(want ? !x && strstr(e.what, want) : x != NULL, "%s", what);
	if (want && !(!x && strstr(e.what, want)))
		printf("# %s\n", e.what);
	hr_expr_free(x);
	hr_buf_clear(&b);
}

static void
limits(void)
{
	long_one("", "(", 150, "1", "is expected, not", "150 parentheses can be");
	long_one("", "(", 100000, "1", "more than 65536 bytes", "a text has a limit");
	long_one("", "(", 60000, "1", "deeper than 200", "so have parentheses");
	long_one("", "not ", 10000, "yes", "deeper than 200", "and NOTs");
	long_one("", "- ", 10000, "id", "deeper than 200", "and signs");
	long_one("1", "+1", 10000, "", "deeper than 200", "and sums");
	long_one("1", "::int", 1000, "", "deeper than 200", "and casts");
	long_one("", "CASE ", 1000, "", "deeper than 200", "and CASEs");
	long_one("yes", " AND yes", 7000, "", NULL, "a chain of ANDs is not deep");
	long_one("id IN (1", ",2", 15000, ")", NULL, "nor is a list");
	long_one("id IN (1", ",2", 30000, ")", "more than 20000 parts", "but it has a limit");
	long_one("id", " BETWEEN 1 AND 2) BETWEEN false AND true", 0, "", NULL, "an operand");
	long_one("((((((((((((((((id = 1", " BETWEEN SYMMETRIC false AND true)", 16, "", "more than 20000 parts",
	    "what is looked at twice counts twice");
	long_one("status ~ '", "(a{1,200}){1,200}", 1, "'", "too many repetitions", "repetitions have one");
	long_one("status ~ '", "a", 5000, "'", "more bytes than can be", "and patterns");
	long_one("/*", "/*", 1000, "", "does not end", "comments end");
}

int
main(int argc, char *argv[])
{
	if (argc == 3)
		return answers(argv[1], argv[2]);
	fill();

	gives("status = 'done' AND amount > 10", "true");
	gives("STATUS = 'done' and \"Name\" like 'J_rg'", "true");
	gives("amount + id * 2 - 1", "287");
	gives("price * 2 / 3", "8.3333333333333333");
	gives("- amount % 5", "-2");
	gives("none = 'x' OR none IS NULL", "true");
	gives("none = 'x'", "NULL");
	gives("none || status", "NULL");
	gives("concat(none, status, amount, yes)", "done42t");
	gives("doc -> 'a' -> 'b' ->> 1", "x");
	gives("doc #>> '{a,b,-2}'", "1");
	gives("doc ->> 'n'", "NULL");
	gives("doc ? 'n'", "true");
	gives("at::date - day", "67");
	gives("date_trunc('month', at) = '2024-05-01'", "true");
	gives("extract(year from day)", "2024");
	gives("CASE WHEN amount > 100 THEN 'many' WHEN yes THEN 'some' END", "some");
	gives("real = 0.1", "false");
	gives("real = '0.1'", "true");
	gives("ci = 'ab'", "true");
	gives("ci || '|'", "ab|");
	gives("mood = 'happy'", "true");
	gives("mood IN ('sad', 'happy')", "true");
	gives("upper(\"Name\")", "J\303\226RG");
	gives("list IS NULL", "true");
	gives("$tenant || '/' || $xid", "acme/7");
	gives("$lsn > '0/FFF'", "true");
	gives("$commit_time", "2000-01-01 00:00:01+00");
	gives("$op IS NULL", "true");
	gives("amount / 0", "division by zero");
	gives("(id::text || 'x')::int", "a text that is no integer");
	gives("amount * 2147483647", "integer out of range");
	gives("amount = 0 OR 10 / amount = 0", "true");
	gives("status ~ '^d.n[a-f]$' AND \"Name\" ~* '^j.RG$'", "true");

	/* What was not sent is not NULL, and nothing else is known of it. */
	gives("big", "not sent");
	gives("big IS NULL", "false");
	gives("big IS NOT NULL", "true");
	gives("big = 'x'", "not sent");
	gives("big = none", "NULL");
	gives("big = 'x' AND amount > 10", "not sent");
	gives("big = 'x' AND amount < 10", "false");
	gives("amount > 10 OR big = 'x'", "true");
	gives("big = 'x' AND none = 'x'", "not sent");
	gives("NOT (big = 'x')", "not sent");
	gives("coalesce(none, big)", "not sent");
	gives("coalesce(status, big)", "done");
	gives("amount IN (1, 42) OR big LIKE 'x'", "true");
	gives("CASE WHEN big = 'x' THEN 1 ELSE 2 END", "not sent");
	gives("CASE WHEN yes THEN 1 ELSE length(big) END", "1");
	gives("(big = 'x') IS UNKNOWN", "not sent");
	filters("big = 'x'", 1, HR_UNKNOWN);
	filters("amount = 42", 0, HR_TRUE);
	filters("amount <> 42", 0, HR_FALSE);
	filters("none = 'x'", 0, HR_UNKNOWN);
	filters("NULL", 0, HR_UNKNOWN);
	filters("'yes'", 0, HR_TRUE);

	refused("", "character 1: something is missing at the end");
	refused("amount >", "character 9: something is missing at the end");
	refused("amount > 10 10", "character 13: '10' is not expected here");
	refused("nothing = 1", "character 1: table 'public.t' has no column 'nothing'");
	refused("name = 'x'", "character 1: table 'public.t' has no column 'name'");
	refused("t.id = 1", "character 2: columns are named without their table");
	refused("status = 1", "character 8: cannot compare text with integer");
	refused("status > id", "character 8: cannot compare text with bigint");
	refused("amount = 'x'", "character 10: a text that is no integer");
	refused("at > '2024-13-01'", "character 6: a text that is no timestamp with time zone");
	refused("amount AND yes", "character 1: AND needs a boolean, not integer");
	refused("status + 1", "character 8: there is no text + integer");
	refused("list = '{1}'", "character 1: column 'list' is of type '_int4', which rules cannot read");
	refused("list", "character 1: column 'list' is of a type that rules cannot read");
	refused("mood > 'happy'", "character 6: values of a user's type have no order for rules");
	refused("doc = 1", "character 5: cannot compare jsonb with integer");
	refused("lower(amount)", "character 1: there is no function lower(integer)");
	refused("md6(status)", "character 1: there is no function 'md6' for rules");
	refused("at > now()", "character 6: 'now' is not the same each time, so that rules cannot have it");
	refused("at > current_timestamp", "character 6: 'current_timestamp' is not the same each time, so that rules "
	    "cannot have it");
	refused("$other = 1", "character 1: there is no '$other'");
	refused("status ~ \"Name\"", "character 10: the pattern of ~ must be a constant text");
	refused("status ~ '('", "character 10: a regular expression with a parenthesis that does not end");
	refused("status ~ '(?=x)'", "character 10: a regular expression with (? and what is not :");
	refused("extract(hour from day)", "character 9: date has no field 'hour' that extract could take");
	refused("amount::uuid", "character 7: cannot cast integer to uuid");
	refused("amount::nothing", "character 9: there is no type 'nothing' for rules");
	refused("CASE WHEN yes THEN 1 ELSE day END", "character 20: date and integer do not go together");
	refused("id IN (SELECT 1)", "character 8: a rule sees one row, and no queries");
	refused("'abc", "character 1: a quote that does not end");
	refused("status = E'\\u00'", "character 10: an escape that is no character");
	refused("interval '1' day", "character 14: an interval's unit stands inside its quotes");
	refused("status = \377", "character 1: an expression that is not UTF-8");

	constant("1 + 2 * 3", "7");
	constant("date '2024-02-28' + 1", "2024-02-29");
	constant("amount > 5 AND false", "false");
	constant("amount > 5 OR 1 = 1", "true");
	constant("lower('ABC') || 'd'", "abcd");
	constant("amount", NULL);
	constant("$tenant", NULL);
	constant("1 / 0", NULL);

	assigned("amount", "int8", -1, "42");
	assigned("price", "int4", -1, "13");
	assigned("price", "numeric", (5 << 16 | 1) + 4, "12.5");
	assigned("id * 100000", "int4", -1, "12300000");
	assigned("id * 100000000", "int4", -1, "integer out of range");
	assigned("'7'", "int4", -1, "7");
	assigned("'x'", "int4", -1, "character 1: a text that is no integer");
	assigned("status", "int4", -1, "character 1: column 'x' is of type integer but the expression is of type text");
	assigned("status", "varchar", 4 + 4, "done");
	assigned("status", "varchar", 3 + 4, "value too long for type character varying(3)");
	assigned("status || '  '", "varchar", 4 + 4, "done");
	assigned("amount", "text", -1, "42");
	assigned("at", "date", -1, "2024-05-06");
	assigned("NULL", "uuid", -1, "NULL");
	assigned("amount", "_int4", -1, "character 1: column 'x' is of type '_int4', which rules cannot write");

	reads();
	limits();
	hr_scratch_clear(&kept);
	hr_scratch_clear(&m);
	return tap_done();
}
