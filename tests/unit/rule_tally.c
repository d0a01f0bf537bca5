/* rule_tally - aggregate functions have PostgreSQL's types and results; equal values equal bytes. */

#include "base/hr.h"

#include <stdlib.h>

#include "rule/same.h"
#include "rule/tally.h"
#include "tap.h"

static struct hr_scratch m;

static struct hr_datum
datum(enum hr_type t, const char *text)
{
	struct hr_err e = HR_ERR_INIT;
	struct hr_datum d = { .type = t };

	if (hr_datum_parse(&d, t, text, strlen(text), &m, &e) < 0) {
		printf("# %s\n", e.what);
		abort();
	}
	d.type = t;
	return d;
}

/*
 * Words are added; those behind a '-' of their own are taken away.  Half-way
 * all goes through bytes.
 */
static void
gather(const char *function, enum hr_type of, const char *words, enum hr_type type, const char *want)
{
	struct hr_tally_kind k;
	struct hr_tally t = { .n = 0 }, again;
	struct hr_err e = HR_ERR_INIT;
	struct hr_buf b = HR_BUF_INIT;
	struct hr_datum d, out;
	char copy[512], *word, *rest = copy;
	size_t used = 0;
	struct hr_cur c;
	int f = hr_aggregate_function_parse(function);
	bool good = true;

	if (f < 0 || hr_tally_init(&k, (enum hr_aggregate_function)f, of, -1, &e) < 0)
		abort();
	snprintf(copy, sizeof(copy), "%s", words);
	while ((word = strsep(&rest, "|")) != NULL && *word) {
		bool away = word[0] == '~';

		d = datum(of, word + away);
		if (away)
			hr_tally_remove(&k, &t, &d, &used);
		else
			hr_tally_add(&k, &t, &d, &m, &used);
		good &= used == hr_tally_size(&k, &t);
		hr_buf_reset(&b);
		hr_tally_encode(&k, &t, &b);
		c = hr_cur(b.data, b.len);
		good &= hr_tally_decode(&k, &again, &c) && hr_cur_left(&c) == 0;
		hr_tally_clear(&k, &t);
		t = again;
		used = hr_tally_size(&k, &t);
	}
	hr_buf_reset(&b);
	if (hr_tally_result(&k, &t, &out, &m, &e) < 0)
		hr_buf_puts(&b, e.what);
	else if (out.null)
		hr_buf_puts(&b, "NULL");
	else
		hr_datum_format(&b, &out);
	ok(good && k.type == type && strcmp(hr_buf_text(&b), want) == 0, "%s(%s) of '%s' is %s", function,
	    hr_type_name(of), words, want);
	if (!good || strcmp(hr_buf_text(&b), want) != 0)
		printf("#  got: %s%s\n", hr_buf_text(&b), good ? "" : ", or its bytes or memory are not right");
	hr_tally_clear(&k, &t);
	hr_buf_clear(&b);
	hr_scratch_reset(&m);
}

static void
refused(const char *function, enum hr_type of)
{
	struct hr_err e = HR_ERR_INIT;
	struct hr_tally_kind k;
	int f = hr_aggregate_function_parse(function);

	ok(hr_tally_init(&k, (enum hr_aggregate_function)f, of, -1, &e) < 0 && e.code == HR_CONFIG, "%s", e.what);
}

static void
results(void)
{
	gather("count", HR_TYPE_TEXT, "a|b|a|~a", HR_TYPE_INT8, "2");
	gather("count", HR_TYPE_TEXT, "", HR_TYPE_INT8, "0");
	gather("sum", HR_TYPE_INT4, "", HR_TYPE_INT8, "NULL");
	gather("sum", HR_TYPE_INT4, "5|~5", HR_TYPE_INT8, "NULL");
	gather("sum", HR_TYPE_INT2, "32767|32767", HR_TYPE_INT8, "65534");
	gather("sum", HR_TYPE_INT4, "2147483647|2147483647|-1", HR_TYPE_INT8, "4294967293");
	gather("sum", HR_TYPE_INT8, "9223372036854775807|9223372036854775807|1", HR_TYPE_NUMERIC, "18446744073709551615");
	gather("sum", HR_TYPE_INT8, "-9223372036854775808|-9223372036854775808", HR_TYPE_NUMERIC, "-18446744073709551616");
	gather("sum", HR_TYPE_INT8, "-9223372036854775808|7|~-9223372036854775808", HR_TYPE_NUMERIC, "7");
	gather("sum", HR_TYPE_INT8, "10000|-10000", HR_TYPE_NUMERIC, "0");
	gather("sum", HR_TYPE_INT8, "100000000", HR_TYPE_NUMERIC, "100000000");
	gather("sum", HR_TYPE_NUMERIC, "1.10|2.205|~2.205", HR_TYPE_NUMERIC, "1.10");
	gather("sum", HR_TYPE_NUMERIC, "NaN|1|~NaN", HR_TYPE_NUMERIC, "1");
	gather("sum", HR_TYPE_FLOAT8, "0.1|0.2|0.3", HR_TYPE_FLOAT8, "0.6");
	gather("sum", HR_TYPE_FLOAT8, "1e308|1e308", HR_TYPE_FLOAT8,
	    "sum(double precision): value out of range: overflow");
	gather("sum", HR_TYPE_FLOAT8, "1e308|1e308|~1e308", HR_TYPE_FLOAT8, "1e+308");
	gather("sum", HR_TYPE_FLOAT8, "Infinity|1", HR_TYPE_FLOAT8, "Infinity");
	gather("sum", HR_TYPE_FLOAT4, "0.5|0.25", HR_TYPE_FLOAT4, "0.75");
	gather("avg", HR_TYPE_INT4, "1|2", HR_TYPE_NUMERIC, "1.5000000000000000");
	gather("avg", HR_TYPE_INT4, "1|2|2", HR_TYPE_NUMERIC, "1.6666666666666667");
	gather("avg", HR_TYPE_INT2, "10", HR_TYPE_NUMERIC, "10.0000000000000000");
	gather("avg", HR_TYPE_INT8, "100000|200000", HR_TYPE_NUMERIC, "150000.000000000000");
	gather("avg", HR_TYPE_NUMERIC, "1.5|2.25", HR_TYPE_NUMERIC, "1.8750000000000000");
	gather("avg", HR_TYPE_NUMERIC, "", HR_TYPE_NUMERIC, "NULL");
	gather("avg", HR_TYPE_FLOAT8, "1|2|4|~4", HR_TYPE_FLOAT8, "1.5");
	gather("avg", HR_TYPE_FLOAT4, "1|2", HR_TYPE_FLOAT8, "1.5");
	gather("min", HR_TYPE_INT4, "3|-1|2", HR_TYPE_INT4, "-1");
	gather("max", HR_TYPE_INT4, "3|-1|2", HR_TYPE_INT4, "3");
	gather("min", HR_TYPE_INT4, "", HR_TYPE_INT4, "NULL");
	gather("max", HR_TYPE_INT8, "0", HR_TYPE_INT8, "0");
	gather("min", HR_TYPE_TEXT, "b|a|c|", HR_TYPE_TEXT, "a");
	gather("max", HR_TYPE_TEXT, "b|a|ccc", HR_TYPE_TEXT, "ccc");
	gather("max", HR_TYPE_NUMERIC, "1.5|NaN|2", HR_TYPE_NUMERIC, "NaN");
	gather("min", HR_TYPE_NUMERIC, "1.5|NaN|2", HR_TYPE_NUMERIC, "1.5");
	gather("min", HR_TYPE_FLOAT8, "1|-Infinity", HR_TYPE_FLOAT8, "-Infinity");
	gather("max", HR_TYPE_FLOAT4, "1.5|2.5", HR_TYPE_FLOAT4, "2.5");
	gather("max", HR_TYPE_DATE, "2024-01-01|2024-02-29|2023-01-01", HR_TYPE_DATE, "2024-02-29");
	gather("min", HR_TYPE_TIMESTAMPTZ, "2024-01-01 00:00:00Z|-infinity", HR_TYPE_TIMESTAMPTZ, "-infinity");
	gather("max", HR_TYPE_INTERVAL, "1 mon|29 days", HR_TYPE_INTERVAL, "1 mon");
	gather("max", HR_TYPE_LSN, "0/16B3748|FFFFFFFF/0", HR_TYPE_LSN, "FFFFFFFF/0");
	gather("max", HR_TYPE_INET, "10.0.0.1|10.0.0.2", HR_TYPE_INET, "10.0.0.2");
	gather("distinct", HR_TYPE_TEXT, "", HR_TYPE_INT8, "0");
	gather("distinct", HR_TYPE_TEXT, "a|b|a", HR_TYPE_INT8, "2");
	gather("distinct", HR_TYPE_NUMERIC, "1.0|1.00|1|10|100.000", HR_TYPE_INT8, "3");
	gather("distinct", HR_TYPE_FLOAT8, "0|-0|NaN", HR_TYPE_INT8, "2");
	gather("distinct", HR_TYPE_INTERVAL, "1 mon|30 days|720:00:00|29 days 24:00:00|1 day", HR_TYPE_INT8, "2");
	gather("distinct", HR_TYPE_BPCHAR, "a |a|a  |b", HR_TYPE_INT8, "2");
	refused("sum", HR_TYPE_TEXT);
	refused("sum", HR_TYPE_NONE);
	refused("avg", HR_TYPE_INTERVAL);
	refused("min", HR_TYPE_BOOL);
	refused("max", HR_TYPE_JSONB);
	refused("max", HR_TYPE_UUID);
	refused("distinct", HR_TYPE_JSON);
	refused("distinct", HR_TYPE_CITEXT);
	refused("distinct", HR_TYPE_NONE);
	ok(hr_aggregate_function_parse("median") < 0, "there is no other function");
	ok(hr_aggregate_function_reversible(HR_AGGREGATE_AVG) && !hr_aggregate_function_reversible(HR_AGGREGATE_MIN),
	    "avg is reversible, min is not");
}

static void
cut(void)
{
	static const struct { const char *function; enum hr_type of; const char *word; } of[] = {
		{ "count", HR_TYPE_INT4, "1" }, { "sum", HR_TYPE_INT4, "1" }, { "sum", HR_TYPE_NUMERIC, "1.5" },
		{ "avg", HR_TYPE_FLOAT8, "1.5" }, { "min", HR_TYPE_TEXT, "abc" }, { "max", HR_TYPE_INT8, "7" },
		{ "max", HR_TYPE_NUMERIC, "7.5" }, { "distinct", HR_TYPE_TEXT, "abc" },
	};
	struct hr_err e = HR_ERR_INIT;
	struct hr_buf b = HR_BUF_INIT;
	bool good = true;
	size_t i, n, used = 0;

	for (i = 0; i < HR_COUNT(of); i++) {
		struct hr_tally t = { .n = 0 };
		struct hr_tally_kind k;
		struct hr_datum d = datum(of[i].of, of[i].word);

		if (hr_tally_init(&k, (enum hr_aggregate_function)hr_aggregate_function_parse(of[i].function), of[i].of, -1,
		    &e) < 0)
			abort();
		hr_tally_add(&k, &t, &d, &m, &used);
		hr_buf_reset(&b);
		hr_tally_encode(&k, &t, &b);
		hr_tally_clear(&k, &t);
		for (n = 0; n < b.len; n++) {
			struct hr_cur c = hr_cur(b.data, n);

			good &= !hr_tally_decode(&k, &t, &c) && t.n == 0;
		}
	}
	ok(good, "cut bytes are none");
	hr_buf_clear(&b);
}

int
main(void)
{
	results();
	cut();
	hr_scratch_clear(&m);
	return tap_done();
}
