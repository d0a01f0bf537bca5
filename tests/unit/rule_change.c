/* rule_change - what becomes of each operation, with every kind of old row, in and out of a filter. */

#include "base/hr.h"

#include "rule/change.h"
#include "tap.h"
#include "rule.h"

static struct hr_changes t = { .dead = -1 };
static struct hr_err e;

static void
put_tuple(struct hr_buf *b, const char *row)
{
	struct hr_value v[64];

	hr_tuple_put(b, v, values(row, v));
}

/* "U K 7|~ > 8|x": an operation, of what kind the old row is, the old row, and behind a > the new one. */
static void
put_item(struct hr_buf *b, const char *text)
{
	size_t mark = hr_item_open(b, (enum hr_op)text[0]);
	const char *new = strchr(text, '>');
	char old[256];

	hr_buf_u32le(b, 5);
	if (strchr("UDX", text[0]))
		hr_buf_u8(b, (uint8_t)text[2]);
	if (text[2] != '-' && sscanf(text + 4, "%255[^ >]", old) == 1)
		put_tuple(b, old);
	if (new)
		put_tuple(b, new + 2);
	hr_item_close(b, mark);
}

static void
show_tuple(struct hr_buf *b, const struct hr_relation *r, const uint8_t *tuple, size_t len)
{
	static struct hr_scratch s;
	struct hr_value v[64];
	int n = hr_tuple_decode(tuple, len, v, 64), i;

	if (n != r->columns)
		hr_buf_printf(b, "<%d columns>", n);
	for (i = 0; i < n && n == r->columns; i++) {
		hr_buf_puts(b, i ? "|" : "");
		put_value(b, &r->column[i], &v[i], &s);
	}
	hr_scratch_reset(&s);
}

/* What became of an item, in the same words; lent until the next. */
static const char *
made(struct hr_plan *p, const char *tenant, const char *item)
{
	static struct hr_buf in, out;
	struct hr_change_tx tx = { .xid = 740, .lsn = 0x10 };
	struct hr_frame f = { .tenant = tenant, .tenant_len = (uint16_t)strlen(tenant) };
	struct hr_cur c;
	struct hr_item it;
	struct hr_change w = { .t = &t, .p = p, .f = &f, .it = &it, .e = &e };

	hr_err_clear(&e);
	hr_buf_reset(&in);
	hr_buf_reset(&out);
	hr_buf_reset(&t.payload);
	put_item(&in, item);
	c = hr_cur(in.data, in.len);
	t.now = &tx;
	t.count = 0;
	if (hr_rows_next(&c, &it, &e) < 1 || hr_change_row(&w) < 0)
		return e.what;
	c = hr_cur(t.payload.data, t.payload.len);
	while (hr_rows_next(&c, &it, &e) > 0) {
		hr_buf_printf(&out, "%s%c %c", out.len ? "; " : "", it.op, it.old);
		if (it.old_tuple) {
			hr_buf_puts(&out, " ");
			show_tuple(&out, p->out, it.old_tuple, it.old_len);
		}
		if (it.tuple) {
			hr_buf_puts(&out, " > ");
			show_tuple(&out, p->out, it.tuple, it.tuple_len);
		}
	}
	return hr_buf_text(&out);
}

/* A table of rows: item, what becomes of it, why. */
struct becomes {
	const char *item, *want, *what;
};

static void
table_of(const char *yaml, char identity, const char *columns, const struct becomes *b, size_t n)
{
	struct hr_relation *r = table(identity, 'c', columns);
	struct hr_plan *p = plan_of(yaml, r, "acme", &e);
	size_t i;

	ok(p != NULL, "these rules fit: %s", yaml + 29);
	if (p == NULL)
		printf("# %s\n", e.what);
	for (i = 0; p && i < n; i++)
		is(made(p, "acme", b[i].item), b[i].want, b[i].what);
	hr_plan_free(p);
	hr_relation_free(r);
}

/* The made-up name of a row whose key is of any type; the same as that of a text. */
static const char *
fake_of(const char *columns, const struct hr_value *id)
{
	static const struct hr_value name = { (const uint8_t *)"x", 1, false };
	static struct hr_buf got, want;
	struct hr_relation *r = table('d', 'c', columns);
	struct hr_plan *p = plan_of("rules: [{tables: public.t, mask: {name: {by: fake, as: name, of: id}}}]", r, "acme", &e);
	struct hr_value v[2] = { *id, name };
	struct hr_change_tx tx = { .xid = 740, .lsn = 0x10 };
	struct hr_frame f = { .tenant = "acme", .tenant_len = 4 };
	struct hr_item it = { .op = HR_INSERT, .old = '-' };
	struct hr_change w = { .t = &t, .p = p, .f = &f, .it = &it, .e = &e };
	struct hr_buf tuple = HR_BUF_INIT;
	struct hr_fake k = HR_FAKE_INIT;

	hr_tuple_put(&tuple, v, 2);
	it.tuple = tuple.data;
	it.tuple_len = tuple.len;
	t.now = &tx;
	hr_buf_reset(&t.payload);
	hr_buf_reset(&got);
	hr_buf_reset(&want);
	if (hr_change_row(&w) == 0)
		hr_buf_put(&got, t.new.masked[1].data, (size_t)t.new.masked[1].len);
	hr_fake_init(&k, &rule_key, NULL);
	hr_fake_put(&k, HR_FAKE_NAME, "7", 1, 0, &want);
	hr_fake_clear(&k);
	hr_buf_clear(&tuple);
	hr_plan_free(p);
	hr_relation_free(r);
	return strcmp(hr_buf_text(&got), hr_buf_text(&want)) == 0 ? "7" : hr_buf_text(&got);
}

#define ON "rules: [{tables: public.t,   "
#define NOT_SENT "depends on a value that an update did not send, because it is large and did not change"

static void
by_old_rows(void)
{
	static const struct becomes b[] = {
		{ "I - > 1|yes|x", "I - > 1|yes|x", "a row that is inserted and passes is" },
		{ "I - > 1|no|x", "", "one that does not is nothing" },
		{ "I - > 1|~|x", "", "nor is one of which it is unknown" },
		{ "P - > 1|yes|x", "P - > 1|yes|x", "a row that is put and passes is" },
		{ "U O 1|yes|x > 1|yes|y", "U O 1|yes|x > 1|yes|y", "an update within the filter stays one" },
		{ "U O 1|no|x > 1|yes|y", "I - > 1|yes|y", "one that comes in is an insert" },
		{ "U O 1|yes|x > 1|no|y", "D O 1|yes|x", "one that leaves is a delete of the old row" },
		{ "U O 1|yes|x > 1|~|y", "D O 1|yes|x", "also to what is unknown" },
		{ "U O 1|no|x > 1|no|y", "", "one outside is nothing" },
		{ "U O 1|no|x > 1|yes|?", "I - > 1|yes|x", "what was not sent comes from the old row" },
		{ "U O 1|yes|x > 2|?|y", "U O 1|yes|x > 2|yes|y", "also where the filter looks at it" },
		{ "D O 1|yes|x", "D O 1|yes|x", "a delete within is one" },
		{ "D O 1|no|x", "", "a delete outside is nothing" },
		{ "X O 1|no|x", "X O 1|no|x", "what may be gone may be outside too" },
	};

	table_of(ON "filter: f = 'yes'}]", 'f', "id int4, f text, t text", b, HR_COUNT(b));
}

static void
by_the_key(void)
{
	static const struct becomes b[] = {
		{ "I - > 3|x", "I - > 3|x", "by its key a row passes" },
		{ "I - > 4|x", "", "or not" },
		{ "P - > 3|x", "P - > 3|x", "so does one that is put" },
		{ "P - > 4|x", "X K 4|~", "and one that is not drops what is there" },
		{ "U - > 3|x", "U - > 3|x", "with the key unchanged it was in before" },
		{ "U - > 3|?", "U - > 3|?", "and what was not sent stays so" },
		{ "U - > 4|x", "", "or was out before" },
		{ "U K 3|~ > 5|x", "U K 3|~ > 5|x", "from key to key within" },
		{ "U K 3|~ > 4|x", "D K 3|~", "a key that leaves is deleted" },
		{ "U K 4|~ > 3|x", "I - > 3|x", "one that comes in is inserted" },
		{ "U K 4|~ > 3|?", "public.t: a row that comes into the filter " NOT_SENT, "if all of it is there" },
		{ "U K 4|~ > 6|x", "", "outside nothing happens" },
		{ "D K 3|~", "D K 3|~", "a delete by key within" },
		{ "D K 4|~", "", "and without" },
		{ "X K 3|~", "X K 3|~", "what need not be there is dropped" },
	};

	table_of(ON "filter: id % 2 = 1}]", 'd', "id int4!, t text", b, HR_COUNT(b));
	table_of(ON "filter: id % 2 = 1}]", 'i', "id int4!, t text", b, HR_COUNT(b));
}

static void
by_new_rows(void)
{
	static const struct becomes b[] = {
		{ "I - > 1|yes|x", "I - > 1|yes|x", "new rows that pass are inserted" },
		{ "I - > 1|no|x", "", "and others are nothing" },
		{ "P - > 1|no|x", "X K 1|~|~", "what is put and does not pass drops what was there" },
		{ "U - > 1|yes|x", "P - > 1|yes|x", "an update that passes is put, as it may be new" },
		{ "U - > 1|no|x", "X K 1|~|~", "one that does not is dropped, as it may be there" },
		{ "U - > 1|yes|?", "public.t: a row that comes into the filter " NOT_SENT, "to be put it has to be whole" },
		{ "U - > 1|?|x", "public.t: the filter " NOT_SENT, "and the filter has to know" },
		{ "U - > 1|no|?", "X K 1|~|~", "to be dropped it need not be whole" },
		{ "U K 1|~|~ > 2|yes|x", "X K 1|~|~; P - > 2|yes|x", "under another key it is dropped under the old one" },
		{ "U K 1|~|~ > 2|no|x", "X K 1|~|~", "also when it does not pass" },
		{ "D K 1|~|~", "X K 1|~|~", "of a delete it is not known whether it is there" },
		{ "X K 1|~|~", "X K 1|~|~", "a drop stays one" },
	};

	table_of(ON "filter: f = 'yes'}]", 'd', "id int4!, f text, t text", b, HR_COUNT(b));
	table_of(ON "filter: f = 'yes'}]", 'i', "id int4!, f text, t text", b, HR_COUNT(b));
}

static void
without_a_filter(void)
{
	static const struct becomes key[] = {
		{ "I - > 1|***", "I - > 1|***", "an insert" },
		{ "U - > 1|x", "U - > 1|***", "an update keeps its kind" },
		{ "U - > 1|?", "U - > 1|?", "what was not sent is not masked" },
		{ "U - > 1|~", "U - > 1|~", "nor is NULL" },
		{ "U K 1|~ > 2|x", "U K 1|~ > 2|***", "its old key too" },
		{ "D K 1|~", "D K 1|~", "a delete" },
		{ "P - > 1|x", "P - > 1|***", "a put" },
		{ "X K 1|~", "X K 1|~", "a drop" },
	};
	static const struct becomes full[] = {
		{ "U O 1|x > 2|y", "U O 1|*** > 2|***", "an old row is masked like a new one" },
		{ "U O 1|x > 2|?", "U O 1|*** > 2|?", "what was not sent stays so" },
		{ "D O 1|x", "D O 1|***", "a deleted row is masked" },
	};

	table_of(ON "mask: {t: redact}}]", 'd', "id int4!, t text", key, HR_COUNT(key));
	table_of(ON "mask: {t: redact}}]", 'f', "id int4, t text", full, HR_COUNT(full));
}

/* Columns go, and others come. */
static void
with_columns(void)
{
	static const struct becomes key[] = {
		{ "I - > 1|a|b", "I - > 1|b|B!", "one column less, one more" },
		{ "U K 1|~|~ > 2|a|b", "U K 1|~|~ > 2|b|B!", "of an old key what is added is NULL" },
		{ "U - > 2|?|b", "U - > 2|b|B!", "what is left out need not be sent" },
		{ "U - > 2|a|?", "public.t: n " NOT_SENT, "what is added has to know its values" },
		{ "D K 1|~|~", "D K 1|~|~", "a delete" },
	};
	static const struct becomes full[] = {
		{ "U O 1|a|b > 2|a|c", "U O 1|b|B! > 2|c|C!", "an old row has what was added" },
		{ "U O 1|a|b > 2|a|?", "U O 1|b|B! > 2|b|B!", "and what was not sent" },
		{ "D O 1|a|b", "D O 1|b|B!", "a deleted row too" },
	};

	table_of(ON "columns: {leave_out: a}, enrich: {n: \"upper(b) || '!'\"}}]", 'd', "id int4!, a text, b text", key,
	    HR_COUNT(key));
	table_of(ON "columns: {leave_out: a}, enrich: {n: \"upper(b) || '!'\"}}]", 'f', "id int4, a text, b text", full,
	    HR_COUNT(full));
}

static void
with_variables(void)
{
	static const struct becomes b[] = {
		{ "I - > 1", "I - > 1|acme public.t insert 740 0/10 2000-01-01 00:00:00+00", "an insert knows where it is" },
		{ "U - > 1", "U - > 1|acme public.t update 740 0/10 2000-01-01 00:00:00+00", "so does an update" },
		{ "P - > 1", "P - > 1|acme public.t put 740 0/10 2000-01-01 00:00:00+00", "and a put" },
	};

	table_of(ON "enrich: {n: \"$tenant || ' ' || $schema || '.' || $table || ' ' || $op || ' ' || $xid || ' ' || $lsn::text"
	    " || ' ' || $commit_time\"}}]", 'd', "id int4!", b, HR_COUNT(b));
}

/* What is made up is made up of a value that is there, and of its text. */
static void
with_fakes(void)
{
	static const struct hr_value four = { (const uint8_t *)"\0\0\0\7", 4, false };
	static const struct hr_value eight = { (const uint8_t *)"\0\0\0\0\0\0\0\7", 8, false };
	static const struct becomes b[] = {
		{ "U - > 1|x|?", "public.t: a fake " NOT_SENT, "of a person that was not sent there is no name" },
		{ "U - > 1|?|w", "U - > 1|?|w", "nor is one needed where the name was not sent" },
	};
	struct hr_relation *r = table('f', 'c', "id int4, name text, who text");
	struct hr_plan *p = plan_of(ON "mask: {name: {by: fake, as: name, of: who}}}]", r, "acme", &e);
	char want[128];

	snprintf(want, sizeof(want), "%s", made(p, "acme", "U O 1|x|w > 1|y|w"));
	ok(strstr(want, "|w > 1|") != NULL, "a name is made up of who it is of: %s", want);
	want[strlen(want) - 1] = '?';
	is(made(p, "acme", "U O 1|x|w > 1|y|?"), want, "who was not sent is in the old row");
	hr_plan_free(p);
	hr_relation_free(r);
	table_of(ON "mask: {name: {by: fake, as: name, of: who}}}]", 'd', "id int4!, name text, who text", b, HR_COUNT(b));
	is(fake_of("id int4!, name text", &four), "7", "and the same name");
	is(fake_of("id int8!, name text", &eight), "7", "is that of a bigint");
}

static void
complaints(void)
{
	static const struct becomes b[] = {
		{ "I - > 1|Zacharias", "public.t: a check: a text that is no integer", "what a check says of a row has no value in it" },
		{ "I - > 1|99999999999", "public.t: a check: a text that is out of range for integer", "nor if it is a number" },
	};

	table_of(ON "validate: [{expression: \"t::int > 0\"}], mask: {t: redact}}]", 'd', "id int4!, t text", b, HR_COUNT(b));
}

/* Deletes that are for all tenants. */
static void
for_all(void)
{
	struct hr_relation *r = table('d', 'c', "id int4!, tenant text, t text");
	struct hr_plan *p = plan_of(ON "filter: $tenant = 'acme'}]", r, NULL, &e);

	is(made(p, "", "D K 1|~|~"), "X K 1|~|~", "whose a row is that is deleted is not known, and it may have passed");
	is(made(p, "acme", "D K 1|~|~"), "D K 1|~|~", "where it is known it did");
	is(made(p, "globex", "D K 1|~|~"), "", "or did not");
	hr_plan_free(p);
	p = plan_of(ON "tenants: acme, filter: id > 5}]", r, NULL, &e);
	is(made(p, "", "D K 1|~|~"), "X K 1|~|~", "a filter of some tenants may have had it left out");
	hr_plan_free(p);
	hr_relation_free(r);
	r = table('d', 'a', "id int4!, t text");
	p = plan_of(ON "filter: id > 5}]", r, NULL, &e);
	is(made(p, "", "D K 1|~"), "", "of a table that is nobody's the key says it");
	hr_plan_free(p);
	hr_relation_free(r);
}

static void
parked(void)
{
	struct hr_relation *r = table('d', 'c', "id int4!, name text, password text, age int4");
	struct hr_plan *p = plan_of(ON "validate: [{column: age, min: 0, otherwise: park}, {column: age, max: 9, otherwise: drop}], "
	    "mask: {name: redact}, columns: {leave_out: password}, enrich: {s: $tenant}}]", r, "acme", &e);

	is(made(p, "acme", "I - > 1|Zacharias|hunter2|-1"), "public.t: a row is to be parked, and there is no file for it",
	    "where nothing is to be parked it is refused");
	t.dead = 1;
	is(made(p, "acme", "I - > 1|Zacharias|hunter2|-1"), "", "a row that is parked goes nowhere else");
	is(hr_buf_text(&t.line), "{\"tenant\":\"acme\",\"schema\":\"public\",\"table\":\"t\",\"op\":\"insert\",\"lsn\":\"0/10\","
	    "\"xid\":740,\"reason\":\"column 'age' is below 0\",\"row\":{\"id\":1,\"name\":\"***\",\"age\":-1}}\n",
	    "it is parked masked, and without what is left out");
	hr_buf_reset(&t.line);
	is(made(p, "acme", "I - > 1|Zacharias|hunter2|10"), "", "one that is dropped goes nowhere");
	is_number((int64_t)t.line.len, 0, "at all");
	is(made(p, "acme", "I - > 1|Z|h|~"), "I - > 1|***|~|acme", "what is unknown passes");
	is_number((int64_t)t.parked, 1, "one was parked");
	t.dead = -1;
	hr_plan_free(p);
	hr_relation_free(r);
}

static void
hostile(void)
{
	static const struct becomes b[] = {
		{ "I - > 1", "a row of 1 columns for 'public.t', which has 2", "a row of too few columns" },
		{ "U O 1|x|y > 1|x", "a row of 3 columns for 'public.t', which has 2", "an old row of too many" },
	};

	table_of(ON "mask: {t: redact}}]", 'd', "id int4!, t text", b, HR_COUNT(b));
}

int
main(void)
{
	hr_changes_init(&t);
	by_old_rows();
	by_the_key();
	by_new_rows();
	without_a_filter();
	with_columns();
	with_variables();
	with_fakes();
	complaints();
	for_all();
	parked();
	hostile();
	hr_changes_clear(&t);
	return tap_done();
}
