/* rule_summary - what was asked for is compiled, or refused with what to do. */

#include "base/hr.h"

#include <stdlib.h>

#include "rule/calendar.h"
#include "rule/summary.h"
#include "tap.h"

#define TYPE(t)	(char *)(uintptr_t)"pg_catalog", (char *)(uintptr_t)(t)
#define NAME(n) (char *)(uintptr_t)(n)
#define G(...)	.group = (const struct hr_aggregate_group[]){ __VA_ARGS__ }, \
	.groups = (int)(sizeof((const struct hr_aggregate_group[]){ __VA_ARGS__ }) / sizeof(struct hr_aggregate_group))
#define O(...)	.output = (const struct hr_aggregate_output[]){ __VA_ARGS__ }, \
	.outputs = (int)(sizeof((const struct hr_aggregate_output[]){ __VA_ARGS__ }) / sizeof(struct hr_aggregate_output))
#define TABLE	.schema = "agg", .table = "daily", .relation = 9
#define COUNT	{ "n", HR_AGGREGATE_COUNT, NULL, NULL }
#define DAY	.window = { .size_us = HR_DAY_US }

static struct hr_column column[] = {
	{ NAME("id"), TYPE("int8"), 20, -1, true },
	{ NAME("tenant"), TYPE("text"), 25, -1, true },
	{ NAME("amount"), TYPE("numeric"), 1700, (10 << 16 | 2) + 4, false },
	{ NAME("mood"), NAME("public"), NAME("mood"), 16999, -1, false },
	{ NAME("made"), TYPE("timestamptz"), 1184, -1, false },
	{ NAME("doc"), TYPE("jsonb"), 3802, -1, false },
	{ NAME("tags"), TYPE("_text"), 1009, -1, false },
};
static struct hr_relation rel = { .id = 5, .schema = NAME("public"), .name = NAME("orders"), .identity = 'f',
	.tenancy = 'c', .tenant_column = 1, .columns = HR_COUNT(column), .column = column };

static void
refused(struct hr_aggregate_spec s, const char *want)
{
	struct hr_err e = HR_ERR_INIT;
	struct hr_summary p;
	char got[2048];

	if (hr_summary_init(&p, &s, &rel, &e) == 0) {
		hr_summary_clear(&p);
		snprintf(got, sizeof(got), "taken");
	} else {
		snprintf(got, sizeof(got), "%s%s%s", e.what, e.hint[0] ? "; " : "", e.hint);
	}
	is(got, want, want);
	if (e.code != HR_CONFIG)
		ok(false, "as configuration");
}

static void
describe(const struct hr_relation *r, struct hr_buf *b)
{
	int i;

	hr_buf_reset(b);
	hr_buf_printf(b, "%s.%s %c%c%d", r->schema, r->name, r->identity, r->tenancy, r->tenant_column);
	for (i = 0; i < r->columns; i++)
		hr_buf_printf(b, " %s%s:%s.%s:%d:%d", r->column[i].key ? "*" : "", r->column[i].name,
		    r->column[i].type_schema, r->column[i].type_name, (int)r->column[i].type, r->column[i].typmod);
}

static void
makes(struct hr_aggregate_spec s, const char *want)
{
	struct hr_err e = HR_ERR_INIT;
	struct hr_buf b = HR_BUF_INIT;
	struct hr_summary p;

	if (hr_summary_init(&p, &s, &rel, &e) < 0) {
		is(e.what, want, "taken");
		return;
	}
	describe(p.relation, &b);
	is(hr_buf_text(&b), want, want);
	hr_summary_clear(&p);
	hr_buf_clear(&b);
}

static uint64_t
print_of(struct hr_aggregate_spec s)
{
	struct hr_err e = HR_ERR_INIT;
	struct hr_summary p;
	uint64_t f;

	if (hr_summary_init(&p, &s, &rel, &e) < 0)
		return 0;
	f = p.fingerprint;
	hr_summary_clear(&p);
	return f;
}

static void
refusals(void)
{
	refused((struct hr_aggregate_spec){ TABLE }, "nothing is made of its rows");
	refused((struct hr_aggregate_spec){ O(COUNT) }, "the table that is made has no name");
	refused((struct hr_aggregate_spec){ TABLE, G({ "nope", NULL }), O(COUNT) },
	    "aggregation into 'agg.daily': 'nope': character 1: table 'public.orders' has no column 'nope'; "
	    "names in lower case need no quotes, strings are in single quotes");
	refused((struct hr_aggregate_spec){ TABLE, G({ "tags", NULL }), O(COUNT) },
	    "aggregation into 'agg.daily': column 'tags' has a type that rules cannot read");
	refused((struct hr_aggregate_spec){ TABLE, G({ "doc", NULL }), O(COUNT) },
	    "aggregation into 'agg.daily': cannot group by 'doc', a jsonb; cast it to text");
	refused((struct hr_aggregate_spec){ TABLE, G({ "n", "id" }), O(COUNT) },
	    "aggregation into 'agg.daily': 'n': two columns of 'agg.daily' are called 'n'");
	refused((struct hr_aggregate_spec){ TABLE, O({ "s", HR_AGGREGATE_SUM, "tenant", NULL }) },
	    "aggregation into 'agg.daily': 's': there is no sum(text)");
	refused((struct hr_aggregate_spec){ TABLE, O({ "s", HR_AGGREGATE_SUM, NULL, NULL }) },
	    "aggregation into 'agg.daily': 's': sum needs an argument");
	refused((struct hr_aggregate_spec){ TABLE, O({ "m", HR_AGGREGATE_MAX, "amount", NULL }) },
	    "aggregation into 'agg.daily': 'm': max cannot take back rows that are deleted or changed; "
	    "say that the table is only inserted into; count, sum and avg need not that");
	refused((struct hr_aggregate_spec){ TABLE, O(COUNT), DAY },
	    "aggregation into 'agg.daily': a row that goes is not found again in windows by the time of the commit; "
	    "say that the table is only inserted into, or let the windows be by a column");
	refused((struct hr_aggregate_spec){ TABLE, O(COUNT), DAY, .window_by = "amount" },
	    "aggregation into 'agg.daily': cannot make windows by 'amount', a numeric");
	refused((struct hr_aggregate_spec){ TABLE, O(COUNT), .window_by = "made" },
	    "aggregation into 'agg.daily': there is no window for the time 'made'");
	refused((struct hr_aggregate_spec){ TABLE, O(COUNT), .emit = HR_EMIT_WINDOW },
	    "there is no window at whose end it could be shown");
	refused((struct hr_aggregate_spec){ TABLE, O(COUNT), .emit = HR_EMIT_INTERVAL },
	    "the interval at which it is shown is not positive");
	refused((struct hr_aggregate_spec){ TABLE, G({ "op", "$op" }), O(COUNT) },
	    "aggregation into 'agg.daily': '$op' is of the transaction: it is another when the row goes; "
	    "say that the table is only inserted into, or use a column");
	rel.identity = 'd';
	refused((struct hr_aggregate_spec){ TABLE, O({ "s", HR_AGGREGATE_SUM, "amount", NULL }) },
	    "aggregation into 'agg.daily': the old rows of 'public.orders' do not come whole; "
	    "ALTER TABLE public.orders REPLICA IDENTITY FULL, or say that it is only inserted into");
}

static void
tables(void)
{
	makes((struct hr_aggregate_spec){ TABLE, G({ "tenant", NULL }), O(COUNT) },
	    "agg.daily dc0 *tenant:pg_catalog.text:25:-1 n:pg_catalog.int8:20:-1");
	makes((struct hr_aggregate_spec){ TABLE, O(COUNT) }, "agg.daily da-1 n:pg_catalog.int8:20:-1");
	rel.identity = 'f';
	makes((struct hr_aggregate_spec){ TABLE, G({ "mood", NULL }, { "day", "made::date" }, { "t", "$tenant" }),
	    O({ "s", HR_AGGREGATE_SUM, "amount", "id > 7" }, { "a", HR_AGGREGATE_AVG, "id", NULL }), DAY,
	    .window_by = "made" }, "agg.daily dc2 *mood:public.mood:16999:-1 *day:pg_catalog.date:1082:-1 "
	    "*t:pg_catalog.text:25:-1 *window_start:pg_catalog.timestamptz:1184:-1 "
	    "*window_end:pg_catalog.timestamptz:1184:-1 s:pg_catalog.numeric:1700:-1 a:pg_catalog.numeric:1700:-1");
	makes((struct hr_aggregate_spec){ TABLE, O({ "m", HR_AGGREGATE_MIN, "amount", NULL },
	    { "x", HR_AGGREGATE_MAX, "lower(tenant)", NULL }, { "d", HR_AGGREGATE_DISTINCT, "mood", NULL }), DAY,
	    .append_only = true }, "agg.daily da-1 *window_start:pg_catalog.timestamptz:1184:-1 "
	    "*window_end:pg_catalog.timestamptz:1184:-1 m:pg_catalog.numeric:1700:655366 x:pg_catalog.text:25:-1 "
	    "d:pg_catalog.int8:20:-1");
}

static void
fingerprints(void)
{
	struct hr_aggregate_spec s = { TABLE, G({ "tenant", NULL }), O(COUNT) }, t = s;
	uint64_t was;

	ok(print_of(s) && print_of(s) == print_of(t), "the same rules have one fingerprint");
	t.emit = HR_EMIT_INTERVAL;
	t.interval_us = 5;
	ok(print_of(s) == print_of(t), "also when it is shown at other times");
	t.rules = 1;
	ok(print_of(s) != print_of(t), "another when rows are changed before by other rules");
	t = (struct hr_aggregate_spec){ TABLE, G({ "tenant", "lower(tenant)" }), O(COUNT) };
	ok(print_of(s) != print_of(t), "when another expression is grouped by");
	t = (struct hr_aggregate_spec){ TABLE, G({ "tenant", NULL }), O({ "n", HR_AGGREGATE_COUNT, NULL, "id > 0" }) };
	ok(print_of(s) != print_of(t), "when there is a filter");
	was = print_of(s);
	column[1].type_name = NAME("varchar");
	ok(was != print_of(s), "or the column's type is another");
	column[1].type_name = NAME("text");
}

int
main(void)
{
	refusals();
	tables();
	fingerprints();
	return tap_done();
}
