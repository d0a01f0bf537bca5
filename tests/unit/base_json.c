/* base_json - strings are escaped, values are checked. */

#include "base/hr.h"

#include <stdlib.h>

#include "base/json.h"
#include "tap.h"

static struct hr_buf b;

static void
string(const char *in, size_t n, const char *want, const char *what)
{
	hr_buf_reset(&b);
	hr_json_string(&b, in, n);
	is(hr_buf_text(&b), want, what);
}

static void
value(const char *in, const char *want)
{
	int rc;

	hr_buf_reset(&b);
	hr_buf_puts(&b, "+");
	rc = hr_json_compact(&b, in, strlen(in));
	ok(rc == (want != NULL), "%.*s is %sJSON", (int)strcspn(in, "\n"), in, want ? "" : "not ");
	if (strcmp(hr_buf_text(&b) + 1, want ? want : "") != 0)
		ok(false, "and became '%s'", hr_buf_text(&b) + 1);
}

static void
nested(int depth, bool good)
{
	char *in = malloc((size_t)depth * 2 + 1);

	memset(in, '[', (size_t)depth);
	memset(in + depth, ']', (size_t)depth);
	in[depth * 2] = '\0';
	hr_buf_reset(&b);
	ok(hr_json_compact(&b, in, (size_t)depth * 2) == good, "%d levels are %s", depth,
	    good ? "taken" : "not");
	free(in);
}

int
main(void)
{
	string("", 0, "\"\"", "nothing");
	string("a\"b\\c/", 6, "\"a\\\"b\\\\c/\"", "quotes and backslashes");
	string("\b\f\n\r\t\1\37", 7, "\"\\b\\f\\n\\r\\t\\u0001\\u001f\"", "control characters");
	string("\0x", 2, "\"\\u0000x\"", "a NUL");
	string("\303\251\342\202\254\360\237\230\200", 9, "\"\303\251\342\202\254\360\237\230\200\"",
	    "two, three and four bytes of UTF-8");
	string("\300\200", 2, "\"\357\277\275\357\277\275\"", "a NUL in two bytes is none");
	string("\355\240\200", 3, "\"\357\277\275\357\277\275\357\277\275\"", "a surrogate is none");
	string("\303", 1, "\"\357\277\275\"", "nor is a cut character");
	string("\364\220\200\200", 4, "\"\357\277\275\357\277\275\357\277\275\357\277\275\"",
	    "nor one beyond the last");
	string("\340\200\257x", 4, "\"\357\277\275\357\277\275\357\277\275x\"", "nor one longer than need be");
	ok(hr_json_utf8("\303\251", 2) && hr_json_utf8("", 0) && !hr_json_utf8("a\303", 2), "UTF-8 is known");

	value(" { \"a\" : [ 1 , 2.50e+1 , null , true , false , \"x y\" , {} , [ ] ] } \n",
	    "{\"a\":[1,2.50e+1,null,true,false,\"x y\",{},[]]}");
	value("0", "0");
	value("-0.0E-7", "-0.0E-7");
	value("\"\\u00e9\\n\\\"\"", "\"\\u00e9\\n\\\"\"");
	value("\"\303\251\"", "\"\303\251\"");
	value("", NULL);
	value("  ", NULL);
	value("01", NULL);
	value("1.", NULL);
	value(".5", NULL);
	value("-", NULL);
	value("+1", NULL);
	value("1e", NULL);
	value("1 2", NULL);
	value("NaN", NULL);
	value("Infinity", NULL);
	value("nul", NULL);
	value("truee", NULL);
	value("[1,]", NULL);
	value("[,1]", NULL);
	value("[1", NULL);
	value("[1}", NULL);
	value("{1:2}", NULL);
	value("{\"a\"}", NULL);
	value("{\"a\":}", NULL);
	value("{\"a\":1,}", NULL);
	value("{", NULL);
	value("\"", NULL);
	value("\"\\", NULL);
	value("\"\\x\"", NULL);
	value("\"\\u12g4\"", NULL);
	value("\"\\u12", NULL);
	value("\"\n\"", NULL);
	value("\"\377\"", NULL);
	value("'a'", NULL);
	nested(HR_JSON_DEPTH - 1, true);
	nested(HR_JSON_DEPTH, true);
	nested(HR_JSON_DEPTH + 1, false);
	nested(1000000, false);
	hr_buf_reset(&b);
	ok(hr_json_compact(&b, "1\0", 2) == 0, "a NUL behind a value is not left out");
	hr_buf_clear(&b);
	return tap_done();
}
