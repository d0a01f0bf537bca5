/*
 * stream_value - binary values as the text that PostgreSQL 15 wrote for them.
 */

#include "base/hr.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "stream/value.h"
#include "tap.h"

static struct hr_buf b;

/* Format a copy of exactly these bytes, so that a sanitizer sees a read beyond. */
static int
format(uint32_t type, const void *bytes, size_t n)
{
	uint8_t *copy = n ? hr_alloc(n) : NULL;
	struct hr_value v = { .data = n ? copy : (const uint8_t *)"", .len = (int32_t)n };
	int rc;

	if (n)
		memcpy(copy, bytes, n);
	hr_buf_reset(&b);
	hr_buf_puts(&b, "+");
	rc = hr_value_format(&b, type, &v);
	free(copy);
	return rc;
}

static void
text(uint32_t type, const void *bytes, size_t n, const char *want)
{
	int rc = format(type, bytes, n);

	ok(rc == 1 && strcmp(hr_buf_text(&b) + 1, want) == 0, "type %" PRIu32 ": %s", type, want);
	if (rc != 1 || strcmp(hr_buf_text(&b) + 1, want) != 0)
		printf("#  got: %d %s\n", rc, hr_buf_text(&b) + 1);
}

static void
no_text(uint32_t type, const void *bytes, size_t n, const char *what)
{
	int rc = format(type, bytes, n);

	ok(rc == 0 && b.len == 1, "type %" PRIu32 ": %s", type, what);
}

#define IS(type, bytes, want)	text(type, bytes, sizeof(bytes) - 1, want)
#define NOT(type, bytes, what)	no_text(type, bytes, sizeof(bytes) - 1, what)

static void
numbers(void)
{
	IS(16, "\1", "t");
	IS(16, "\0", "f");
	IS(20, "\200\0\0\0\0\0\0\0", "-9223372036854775808");
	IS(21, "\200\0", "-32768");
	IS(23, "\177\377\377\377", "2147483647");
	IS(26, "\377\377\377\377", "4294967295");
	IS(28, "\377\377\377\377", "4294967295");
	IS(29, "\0\0\0\1", "1");
	IS(27, "\377\377\377\377\377\377", "(4294967295,65535)");
	IS(5069, "\377\377\377\377\377\377\377\377", "18446744073709551615");
	IS(3220, "\0\0\0\26\263\164\330\110", "16/B374D848");
	IS(790, "\0\0\0\0\0\0\0\0", "$0.00");
	IS(790, "\0\0\0\0\0\1\206\240", "$1,000.00");
	IS(790, "\0\0\0\0\0\1\206\237", "$999.99");
	IS(790, "\377\377\377\377\377\377\377\373", "-$0.05");
	IS(790, "\200\0\0\0\0\0\0\0", "-$92,233,720,368,547,758.08");

	IS(700, "\75\314\314\315", "0.1");
	IS(701, "\77\271\231\231\231\231\231\232", "0.1");
	IS(701, "\377\360\0\0\0\0\0\0", "-Infinity");
}

static void
numerics(void)
{
	IS(1700, "\0\0\0\0\0\0\0\0", "0");
	IS(1700, "\0\0\0\0\0\0\0\2", "0.00");
	IS(1700, "\0\1\377\377\100\0\0\1\23\210", "-0.5");
	IS(1700, "\0\1\0\1\0\0\0\0\0\1", "10000");
	IS(1700, "\0\3\0\1\0\0\0\3\0\14\15\200\36\322", "123456.789");
	IS(1700, "\0\1\377\376\0\0\0\5\3\350", "0.00001");
	IS(1700, "\0\1\0\3\0\0\0\0\0\1", "1000000000000");
	IS(1700, "\0\2\0\0\0\0\0\7\0\1\0\1", "1.0001000");
	IS(1700, "\0\2\0\1\0\0\0\0\0\0\0\7", "7");		/* a leading zero digit */
	IS(1700, "\0\0\0\0\300\0\0\0", "NaN");
	IS(1700, "\0\0\0\0\320\0\0\40", "Infinity");
	IS(1700, "\0\0\0\0\360\0\0\40", "-Infinity");
	NOT(1700, "\0\0\0\0\0\0\0", "seven bytes");
	NOT(1700, "\0\1\0\0\0\0\0\0", "a digit that is missing");
	NOT(1700, "\0\0\0\0\0\0\0\0\0", "a byte too many");
	NOT(1700, "\0\1\0\0\0\0\0\0\47\20", "a digit of 10000");
	NOT(1700, "\0\0\0\0\20\0\0\0", "an unknown sign");
	NOT(1700, "\0\0\0\0\0\0\100\0", "more decimals than there can be");
	ok(format(1700, "\0\1\177\377\0\0\77\377\0\1", 10) == 1 && b.len == 1 + 131069 + 1 + 16383,
	    "the largest number is as long as PostgreSQL's");
}

static void
strings(void)
{
	IS(25, "", "");
	IS(25, "abc", "abc");
	IS(1042, "ab  ", "ab  ");
	IS(1043, "v", "v");
	IS(19, "name", "name");
	IS(18, "c", "c");
	IS(18, "\0", "");
	IS(18, "\351", "\\351");
	NOT(18, "ab", "two characters");
	IS(17, "", "\\x");
	IS(17, "\0\377\20", "\\x00ff10");
	IS(114, " {} ", " {} ");
	IS(3802, "\1[1]", "[1]");
	NOT(3802, "\2[1]", "another version of jsonb");
	NOT(3802, "", "no version of jsonb");
	IS(142, "<a/>", "<a/>");
	IS(2950, "\240\356\274\231\234\13\116\370\273\155\153\271\275\70\12\21",
	    "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11");
	IS(1560, "\0\0\0\13\252\240", "10101010101");
	IS(1562, "\0\0\0\0", "");
	NOT(1562, "\0\0\0\11\377", "a bit that is missing");
	NOT(1562, "\377\377\377\377", "a negative number of bits");
	NOT(1562, "\0\0\0", "no number of bits");
}

static void
times(void)
{
	IS(1082, "\0\0\0\0", "2000-01-01");
	IS(1082, "\377\377\377\377", "1999-12-31");
	IS(1082, "\0\0\0\73", "2000-02-29");
	IS(1082, "\377\377\161\217", "1900-03-01");
	IS(1082, "\377\377\161\216", "1900-02-28");
	IS(1082, "\377\364\333\371", "0001-01-01");
	IS(1082, "\377\364\333\370", "0001-12-31 BC");
	IS(1082, "\177\377\377\377", "infinity");
	IS(1082, "\200\0\0\0", "-infinity");
	IS(1082, "\177\332\227\14", "5874897-12-31");
	NOT(1082, "\177\332\227\15", "the day after the last");
	IS(1082, "\377\332\227\247", "4714-11-24 BC");
	NOT(1082, "\377\332\227\246", "the day before the first");
	IS(1083, "\0\0\0\0\0\0\0\0", "00:00:00");
	IS(1083, "\0\0\0\24\35\327\140\0", "24:00:00");
	IS(1083, "\0\0\0\24\35\327\137\377", "23:59:59.999999");
	NOT(1083, "\0\0\0\24\35\327\140\1", "later than the day");
	NOT(1083, "\377\377\377\377\377\377\377\377", "before the day");
	IS(1266, "\0\0\0\0\0\0\0\0\0\0\0\0", "00:00:00+00");
	IS(1266, "\0\0\0\0\0\17\102\100\377\377\262\250", "00:00:01+05:30");
	IS(1266, "\0\0\0\0\0\17\102\100\377\377\361\163", "00:00:01+01:02:05");
	IS(1266, "\0\0\0\0\0\17\102\100\0\0\160\200", "00:00:01-08");
	NOT(1266, "\0\0\0\0\0\0\0\0\0\0\341\0", "a zone of sixteen hours");
	NOT(1266, "\0\0\0\0\0\0\0\0\200\0\0\0", "the least zone");
	IS(1114, "\0\0\0\0\0\0\0\0", "2000-01-01 00:00:00");
	IS(1114, "\377\377\377\377\377\377\377\377", "1999-12-31 23:59:59.999999");
	IS(1184, "\0\2\354\252\153\120\276\300", "2026-01-31 09:24:02.470592+00");
	IS(1114, "\177\377\377\377\377\377\377\377", "infinity");
	IS(1184, "\200\0\0\0\0\0\0\0", "-infinity");
	NOT(1114, "\177\377\377\377\377\377\377\376", "beyond the last timestamp");
	NOT(1184, "\200\0\0\0\0\0\0\1", "before the first timestamp");
	IS(1186, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", "00:00:00");
	IS(1186, "\0\0\0\3\154\226\156\340\0\0\0\3\0\0\0\16", "1 year 2 mons 3 days 04:05:06.7");
	IS(1186, "\377\377\377\377\377\360\275\300\0\0\0\1\0\0\0\0", "1 day -00:00:01");
	IS(1186, "\0\0\0\0\0\17\102\100\377\377\377\377\0\0\0\0", "-1 days +00:00:01");
	IS(1186, "\0\0\0\0\0\0\0\0\0\0\0\2\377\377\377\377", "-1 mons +2 days");
	IS(1186, "\177\377\377\377\377\377\377\377\177\377\377\377\177\377\377\377", "infinity");
	IS(1186, "\200\0\0\0\0\0\0\0\200\0\0\0\200\0\0\0", "-infinity");
	IS(1186, "\200\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", "-2562047788:00:54.775808");
}

static void
networks(void)
{
	IS(869, "\2\40\0\4\1\2\3\4", "1.2.3.4");
	IS(869, "\2\30\0\4\1\2\3\4", "1.2.3.4/24");
	IS(869, "\3\200\0\20\0\0\0\0\0\0\0\0\0\0\377\377\1\2\3\4", "::ffff:1.2.3.4");
	IS(869, "\3\100\0\20\40\1\15\270\0\0\0\0\0\0\0\0\0\0\0\1", "2001:db8::1/64");
	IS(650, "\2\40\1\4\1\2\3\4", "1.2.3.4/32");
	IS(650, "\3\0\1\20\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", "::/0");
	NOT(869, "\2\41\0\4\1\2\3\4", "33 bits");
	NOT(869, "\4\40\0\4\1\2\3\4", "another family");
	NOT(869, "\3\40\0\4\1\2\3\4", "six in four bytes");
	NOT(869, "\2\40\0\5\1\2\3\4", "a byte that is missing");
	NOT(869, "\2\40\0", "no address");
	IS(829, "\10\0\53\1\2\3", "08:00:2b:01:02:03");
	IS(774, "\10\0\53\1\2\3\4\5", "08:00:2b:01:02:03:04:05");
	NOT(829, "\10\0\53\1\2", "five bytes");
}

#define INT4 "\0\0\0\27"
#define TEXT "\0\0\0\31"

static void
arrays(void)
{
	IS(1007, "\0\0\0\0\0\0\0\0" INT4, "{}");
	IS(1007, "\0\0\0\1\0\0\0\0" INT4 "\0\0\0\0\0\0\0\1", "{}");
	IS(1007, "\0\0\0\1\0\0\0\1" INT4 "\0\0\0\2\0\0\0\1\0\0\0\4\0\0\0\7\377\377\377\377", "{7,NULL}");
	IS(1007, "\0\0\0\2\0\0\0\0" INT4 "\0\0\0\2\377\377\377\377\0\0\0\2\0\0\0\3"
	    "\0\0\0\4\0\0\0\1\0\0\0\4\0\0\0\2\0\0\0\4\0\0\0\3\0\0\0\4\0\0\0\4",
	    "[-1:0][3:4]={{1,2},{3,4}}");
	IS(1007, "\0\0\0\3\0\0\0\0" INT4 "\0\0\0\2\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\2\0\0\0\1"
	    "\0\0\0\4\0\0\0\1\0\0\0\4\0\0\0\2\0\0\0\4\0\0\0\3\0\0\0\4\0\0\0\4",
	    "{{{1,2}},{{3,4}}}");
	IS(1009, "\0\0\0\1\0\0\0\0" TEXT "\0\0\0\7\0\0\0\1"
	    "\0\0\0\1a\0\0\0\0\0\0\0\3a b\0\0\0\4NuLl\0\0\0\3\"\\x\0\0\0\1{\0\0\0\1,",
	    "{a,\"\",\"a b\",\"NuLl\",\"\\\"\\\\x\",\"{\",\",\"}");
	IS(1231, "\0\0\0\1\0\0\0\0\0\0\6\244\0\0\0\1\0\0\0\1\0\0\0\10\0\0\0\0\0\0\0\2", "{0.00}");
	IS(1187, "\0\0\0\1\0\0\0\0\0\0\4\242\0\0\0\1\0\0\0\1\0\0\0\20\0\0\0\0\0\0\0\0\0\0\0\2\0\0\0\0",
	    "{\"2 days\"}");
	NOT(1007, "\0\0\0\0\0\0\0\0" TEXT, "elements of another type");
	NOT(1007, "\0\0\0\0\0\0\0\0" INT4 "\0", "a byte behind an empty one");
	NOT(1007, "\0\0\0\7\0\0\0\0" INT4, "seven dimensions");
	NOT(1007, "\377\377\377\377\0\0\0\0" INT4, "four billion dimensions");
	NOT(1007, "\0\0\0\1\0\0\0\0" INT4 "\0\0\0\1", "a dimension without a lower bound");
	NOT(1007, "\0\0\0\1\0\0\0\0" INT4 "\377\377\377\377\0\0\0\1", "a negative length");
	NOT(1007, "\0\0\0\1\0\0\0\0" INT4 "\177\377\377\377\0\0\0\1", "two billion elements");
	NOT(1007, "\0\0\0\2\0\0\0\0" INT4 "\1\0\0\0\0\0\0\1\1\0\0\0\0\0\0\1", "more elements than numbers");
	NOT(1007, "\0\0\0\1\0\0\0\0" INT4 "\0\0\0\1\0\0\0\1", "an element that is missing");
	NOT(1007, "\0\0\0\1\0\0\0\0" INT4 "\0\0\0\1\0\0\0\1\0\0\0\5\0\0\0\0", "a cut element");
	NOT(1007, "\0\0\0\1\0\0\0\0" INT4 "\0\0\0\1\0\0\0\1\377\377\377\376", "an element of length -2");
	NOT(1007, "\0\0\0\1\0\0\0\0" INT4 "\0\0\0\1\0\0\0\1\0\0\0\2\0\1", "an element of the wrong length");
	NOT(1007, "\0\0\0\1\0\0\0\0" INT4 "\0\0\0\1\0\0\0\1\377\377\377\377\0", "a byte too many");
	NOT(1007, "\0\0\0\1\0\0\0", "a cut header");
}

static void
wrong_sizes(void)
{
	static const struct { uint32_t type; int size; } fixed[] = {
		{ 16, 1 }, { 20, 8 }, { 21, 2 }, { 23, 4 }, { 26, 4 }, { 27, 6 }, { 28, 4 }, { 700, 4 },
		{ 701, 8 }, { 790, 8 }, { 1082, 4 }, { 1083, 8 }, { 1114, 8 }, { 1184, 8 }, { 1186, 16 },
		{ 1266, 12 }, { 2950, 16 }, { 3220, 8 }, { 5069, 8 },
	};
	static const uint8_t zeros[32];
	size_t i, bad = 0;
	int n;

	for (i = 0; i < HR_COUNT(fixed); i++)
		for (n = 0; n <= 32; n++)
			bad += format(fixed[i].type, zeros, (size_t)n) != (n == fixed[i].size);
	is_number((int64_t)bad, 0, "a value of another size than its type's has no text");
}

int
main(void)
{
	static const uint32_t yes[] = { 18, 19, 20, 21, 23, 25, 26, 1042, 1043, 2950 };
	struct hr_value v = { .data = (const uint8_t *)"any", .len = 3, .text = true };
	uint32_t type, names = 0, i;

	numbers();
	numerics();
	strings();
	times();
	networks();
	arrays();
	wrong_sizes();
	NOT(600, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", "a point is not known");
	NOT(0, "", "nor is no type");
	NOT(UINT32_MAX, "x", "nor the last");

	hr_buf_reset(&b);
	ok(hr_value_format(&b, 16500, &v) == 1 && strcmp(hr_buf_text(&b), "any") == 0,
	    "a value in text is its text, whatever its type");
	for (i = 0; i < HR_COUNT(yes); i++)
		names += hr_value_names_tenant(yes[i]);
	is_number(names, HR_COUNT(yes), "integers, strings and uuid name a tenant");
	for (type = 0, names = 0; type < 20000; type++)
		names += hr_value_names_tenant(type);
	is_number(names, HR_COUNT(yes), "no other type does");
	hr_buf_clear(&b);
	return tap_done();
}
