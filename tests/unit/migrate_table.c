/* migrate_table - an order that both sides have in common. */

#include "base/hr.h"

#include "migrate/group.h"
#include "migrate/table.h"
#include "tap.h"

static const char *const utf8[2] = { "UTF8", "UTF8" };
static const char *cast[2];

static struct hr_column_fact
column(uint32_t base, char kind, const char *locale)
{
	return (struct hr_column_fact){ .base = base, .kind = kind, .locale = (char *)locale, .deterministic = true };
}

static enum hr_key_order
order(struct hr_column_fact s, struct hr_column_fact t, const char *const encoding[2])
{
	return hr_key_order(&s, &t, (const char **)encoding, cast);
}

int
main(void)
{
	static const char *const mixed[2] = { "LATIN1", "UTF8" }, *const other[2] = { "WIN1252", "UTF8" };
	static const char *const windows[2] = { "WIN1252", "WIN1252" };
	const char *de = "i|de|153.1", *sv = "i|sv|153.1";
	struct hr_column_fact loose = column(25, 'b', de), sad = column(16400, 'e', NULL), happy = sad;

	ok(order(column(23, 'b', NULL), column(23, 'b', NULL), utf8) == HR_ORDER_NATIVE, "integers are in order");
	is(cast[0], "", "cast to their own type");
	ok(order(column(23, 'b', NULL), column(20, 'b', NULL), utf8) == HR_ORDER_NATIVE, "of other widths, too");
	is(cast[1], "pg_catalog.int8", "cast to the widest");
	ok(order(column(23, 'b', NULL), column(1700, 'b', NULL), utf8) == HR_ORDER_TEXT, "integer and numeric by their text");
	ok(cast[0] == NULL && cast[1] == NULL, "which they stay");
	ok(order(column(25, 'b', de), column(25, 'b', de), utf8) == HR_ORDER_NATIVE, "text of one locale");
	ok(order(column(25, 'b', de), column(1043, 'b', de), utf8) == HR_ORDER_NATIVE, "and varchar");
	is(cast[1], "pg_catalog.text", "cast to text");
	ok(order(column(25, 'b', de), column(25, 'b', sv), utf8) == HR_ORDER_C, "text of two locales");
	ok(order(column(25, 'b', de), column(25, 'b', "i|de|153.2"), utf8) == HR_ORDER_C, "of two versions of one");
	ok(order(column(25, 'b', NULL), column(25, 'b', NULL), utf8) == HR_ORDER_C, "of a version that is not known");
	loose.deterministic = false;
	ok(order(loose, loose, utf8) == HR_ORDER_C, "of a collation that takes others for the same");
	ok(order(column(25, 'b', "C"), column(25, 'b', "C"), mixed) == HR_ORDER_NATIVE, "C in LATIN1 and UTF8 is one order");
	ok(order(column(25, 'b', de), column(25, 'b', de), mixed) == HR_ORDER_C, "which others may not be");
	ok(order(column(25, 'b', "C"), column(25, 'b', "C"), other) == HR_ORDER_UTF8, "C in WIN1252 is another");
	ok(order(column(25, 'b', "C"), column(25, 'b', "C"), windows) == HR_ORDER_NATIVE, "but not on both sides");
	ok(order(column(1042, 'b', de), column(1042, 'b', sv), utf8) == HR_ORDER_C, "char of two locales");
	is(cast[0], "pg_catalog.bpchar", "cast to one without a length");
	ok(order(column(1042, 'b', "C"), column(25, 'b', "C"), utf8) == HR_ORDER_TEXT, "char and text by their text");
	sad.labels = (char *)"'a','b'";
	happy.labels = (char *)"'b','a'";
	ok(order(sad, sad, utf8) == HR_ORDER_NATIVE, "enums with the same labels");
	ok(order(sad, happy, utf8) == HR_ORDER_TEXT, "enums with others by their text");
	ok(order(column(1009, 'b', "C"), column(1009, 'b', "C"), utf8) == HR_ORDER_TEXT, "arrays by their text");
	ok(order(column(16500, 'b', NULL), column(16500, 'b', NULL), utf8) == HR_ORDER_TEXT,
	    "an extension's type by its text, though the OID is the same");
	ok(order(column(3802, 'b', NULL), column(3802, 'b', NULL), other) == HR_ORDER_UTF8, "and in UTF-8 where need be");

	is_number(hr_group_digits(0, 100), 1, "few rows have one digit");
	is_number(hr_group_digits(100, 100), 1, "as long as they fit");
	is_number(hr_group_digits(101, 100), 2, "more have two");
	is_number(hr_group_digits(16 * 16 * 100 + 100 * 16, 100), 4, "and so on");
	is_number(hr_group_digits(INT64_MAX, 1), HR_DIGITS_MAX, "up to the most");
	return tap_done();
}
