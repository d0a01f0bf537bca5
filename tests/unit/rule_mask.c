/* rule_mask - each kind of mask on each type: what comes of a value, and what is refused. */

#include "base/hr.h"

#include "rule/mask.h"
#include "tap.h"
#include "rule.h"

static struct hr_err e;
static struct hr_scratch scratch;
static struct hr_rules rules;

/* A mask of a column "v text", whose type it has then; NULL with e set. */
static struct hr_mask *
bound(const char *how, const char *column, struct hr_column *out, const struct hr_key *key)
{
	static struct hr_relation *r;
	char yaml[512];
	struct hr_mask *m;

	hr_relation_free(r);
	r = column ? table('d', 'd', column) : NULL;
	snprintf(yaml, sizeof(yaml), "rules: [{tables: public.t, mask: {v: %s}}]", how ? how : "");
	hr_err_clear(&e);
	hr_rules_clear(&rules);
	if (column == NULL || hr_rules_parse(&rules, "r.yaml", yaml, strlen(yaml), &e) < 0 ||
	    hr_mask_new(&m, rules.rule[0].mask, &r->column[0], key, out, &e) < 0)
		return NULL;
	return m;
}

/* As text, what becomes of a text; the column's type is read from text first, so that it is masked in binary. */
static const char *
masked(const char *how, const char *column, const char *text, bool as_text)
{
	static struct hr_buf b;
	struct hr_relation *r = table('d', 'd', column);
	enum hr_type type = hr_type_of_column(&r->column[0]);
	const struct hr_value of = { (const uint8_t *)"7", 1, false };
	struct hr_value in = { (const uint8_t *)text, (int32_t)strlen(text), true }, out;
	struct hr_column c;
	struct hr_mask *m = bound(how, column, &c, &rule_key);
	struct hr_datum d;

	hr_buf_reset(&b);
	hr_scratch_reset(&scratch);
	if (m && !as_text && hr_datum_parse(&d, type, text, strlen(text), &scratch, &e) == 0)
		hr_datum_write(&d, false, &in, &scratch);
	if (m == NULL || hr_mask_value(m, &in, &of, &out, &scratch, &e) < 0)
		hr_buf_puts(&b, e.what);
	else
		put_value(&b, &c, &out, &scratch);
	hr_mask_free(m);
	hr_relation_free(r);
	return hr_buf_text(&b);
}

/* The same of a value in binary and one in text. */
static void
makes(const char *how, const char *column, const char *text, const char *want, const char *what)
{
	is(masked(how, column, text, false), want, what);
	if (strcmp(masked(how, column, text, true), want) != 0)
		ok(false, "%s, in text: %s", what, masked(how, column, text, true));
}

static void
hashes(void)
{
	makes("{by: hash, plain: true}", "v text", "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
	    "SHA-256 of a text");
	makes("{by: hash, plain: true}", "v bpchar(80)", "abc  ", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
	    "of a char(n) without its blanks");
	makes("{by: hash, plain: true, digits: 8}", "v varchar(8)", "abc", "ba7816bf", "as many digits as are asked for");
	makes("{by: hash, plain: true}", "v uuid", "123e4567-e89b-42d3-a456-426614174000", "320159eb-e321-8112-884b-aaa0aa1164dd",
	    "of a uuid one of version 8");
	makes("{by: hash, plain: true}", "v int8", "7", "8719647946811673230", "of a bigint a number from 0 on");
	makes("hash", "v text", "abc", "33995416211d2cd292f598ebbe2fc6442aed403dd96cb86ec2be93efe520a80c", "with a key");
}

static void
constants(void)
{
	makes("redact", "v text", "abc", "***", "three stars");
	makes("redact", "v varchar(2)", "abc", "**", "or as many as there is room for");
	makes("{by: redact, text: '-'}", "v citext", "abc", "-", "or another text");
	makes("{by: redact, text: '0'}", "v int4", "7", "0", "of another type too");
	makes("{by: redact, text: 2000-01-01}", "v date", "1984-02-29", "2000-01-01", "a date");
	makes("{by: redact, text: happy}", "v mood", "sad", "happy", "or one of a user's own");
	makes("null", "v int4", "7", "~", "NULL");
	makes("null", "v _int4", "{7}", "~", "of what rules cannot read, too");
}

static void
coarse(void)
{
	makes("{by: generalize, range: 10}", "v int2", "-32768", "-32768", "the lowest range begins with the type");
	makes("{by: generalize, range: 10}", "v int4", "-1", "-10", "ranges go down");
	makes("{by: generalize, range: 10, origin: 3}", "v int8", "12", "3", "from an origin on");
	makes("{by: generalize, range: 10, as: text}", "v int8", "9223372036854775807", "9223372036854775800-9223372036854775807",
	    "the highest ends with its type");
	makes("{by: generalize, range: 10}", "v float8", "19.5", "10", "of floats");
	makes("{by: generalize, range: 10}", "v numeric", "19.50", "10.00", "of numerics as many decimals as there were");
	makes("{by: generalize, range: 10}", "v numeric", "NaN", "NaN", "what is no number stays");
	makes("{by: generalize, ages: groups}", "v int4", "37", "35-39", "ages");
	makes("{by: generalize, ages: [18, 65]}", "v int4", "70", "65+", "of other groups");
	makes("{by: generalize, unit: year}", "v date", "1984-02-29", "1984-01-01", "a date");
	makes("{by: generalize, unit: hour}", "v timestamp", "1984-02-29 12:34:56", "1984-02-29 12:00:00", "a time");
	makes("{by: generalize, unit: decade}", "v date", "infinity", "infinity", "without an end");
	makes("{by: generalize, first: 2}", "v text", "\303\244bc", "\303\244b", "first characters");
	makes("{by: generalize, prefix: 24, prefix6: 48}", "v inet", "10.1.2.3", "10.1.2.0/24", "an address");
	makes("{by: generalize, prefix: 24, prefix6: 48}", "v inet", "2001:db8:1:2::3", "2001:db8:1::/48", "of the other family");
	makes("{by: generalize, prefix: 24}", "v inet", "2001:db8:1:2::3", "::/0", "nothing of one that is not said");
	makes("{by: generalize, prefix: 24}", "v cidr", "10.0.0.0/8", "10.0.0.0/8", "what is coarse already");
}

static void
too_large(void)
{
	char big[400];

	memset(big, '7', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	makes("{by: generalize, range: 10}", "v numeric", big, "a number that is too large to be masked so",
	    "a numeric beyond double precision does not stay as it is");
	makes("{by: noise, scale: 10}", "v numeric", big, "a number that is too large to be masked so", "by noise neither");
}

static void
noise(void)
{
	makes("{by: noise, scale: 3, min: 7, max: 7}", "v int4", "7", "7", "noise within bounds");
	makes("{by: noise, scale: 3, min: 6.5, max: 7.5}", "v int4", "7", "7", "which are whole for whole numbers");
	makes("{by: noise, scale: 0.1, min: 32767, max: 1e300}", "v int2", "32767", "32767", "beyond the type there is none");
	makes("{by: noise, scale: 0.1, min: -1e300, max: -2147483648}", "v int4", "-2147483648", "-2147483648", "on either side");
	makes("{by: noise, scale: 0.1, max: inf, min: -inf}", "v int8", "9223372036854774784", "9223372036854774784",
	    "and none at infinity");
	makes("{by: noise, scale: 3, max: 9223372036854775807}", "v numeric", "NaN", "NaN", "what is no number stays");
}

static void
fakes(void)
{
	static char name[64], cut[64];

	snprintf(name, sizeof(name), "%s", masked("{by: fake, as: name}", "v text", "Zacharias", false));
	snprintf(cut, sizeof(cut), "%.4s", name);
	ok(strlen(name) > 6 && strstr(name, "Zach") == NULL, "a name is made up: %s", name);
	makes("{by: fake, as: name}", "v text", "Somebody", name, "of whom it is, not of the name");
	makes("{by: fake, as: name}", "v varchar(4)", "Zacharias", cut, "as much as there is room for");
	makes("{by: fake, days: 30}", "v date", "infinity", "infinity", "what has no end is not moved");
	ok(strcmp(masked("{by: fake, days: 3000}", "v date", "2000-01-01", false), "2000-01-01") != 0, "a date is");
}

static void
refused(const char *how, const char *column, const char *what, const char *hint)
{
	struct hr_column c;
	struct hr_mask *m = bound(how, column, &c, &rule_key);

	ok(m == NULL, "%s of %s is refused", how, column);
	is(e.what, what, "with why");
	is(e.hint, hint, "and what there is");
	hr_mask_free(m);
}

static void
refusals(void)
{
	struct hr_column c;

	refused("hash", "v int4", "column 'v' is int4, which hash cannot mask",
	    "it takes text, varchar, char, citext, uuid, bytea and bigint");
	refused("tokenize", "v date", "column 'v' is date, which tokenize cannot mask",
	    "it takes text, varchar, char, citext, smallint, integer, bigint, numeric and uuid");
	refused("{by: tokenize, as: email}", "v uuid", "column 'v' is uuid, which tokenize cannot mask",
	    "it takes text, varchar, char and citext");
	refused("{by: service, command: cat}", "v int4", "column 'v' is int4, which service cannot mask",
	    "it takes text, varchar, char and citext");
	refused("redact", "v int4", "column 'v' is int4, which redact cannot mask",
	    "it takes text, varchar, char and citext, and with 'text' every type that can be read");
	refused("{by: redact, text: '{}'}", "v _int4", "column 'v' is _int4, which redact cannot mask",
	    "it takes text, varchar, char and citext, and with 'text' every type that can be read");
	refused("{by: generalize, range: 3, as: text}", "v numeric", "column 'v' is numeric, which generalize cannot mask",
	    "it takes smallint, integer and bigint");
	refused("{by: generalize, range: 3}", "v text", "column 'v' is text, which generalize cannot mask",
	    "it takes smallint, integer, bigint, real, double precision and numeric");
	refused("{by: generalize, ages: groups}", "v text", "column 'v' is text, which generalize cannot mask",
	    "it takes smallint, integer and bigint");
	refused("{by: generalize, unit: day}", "v time", "column 'v' is time, which generalize cannot mask",
	    "it takes date, timestamp and timestamptz");
	refused("{by: generalize, first: 3}", "v int4", "column 'v' is int4, which generalize cannot mask",
	    "it takes text, varchar, char and citext");
	refused("{by: generalize, prefix: 3}", "v text", "column 'v' is text, which generalize cannot mask", "it takes inet and cidr");
	refused("{by: fake, as: name}", "v int4", "column 'v' is int4, which fake cannot mask", "it takes text, varchar, char and citext");
	refused("{by: fake, days: 3}", "v text", "column 'v' is text, which fake cannot mask",
	    "it takes date, timestamp and timestamptz");
	refused("{by: noise, scale: 3}", "v text", "column 'v' is text, which noise cannot mask",
	    "it takes smallint, integer, bigint, real, double precision and numeric");
	refused("hash", "v varchar(63)", "a hash of 64 digits does not fit in varchar(63)",
	    "give 'digits: 63', or mask it by tokenize");
	refused("{by: hash, digits: 7}", "v text", "a hash of 7 digits is too short: 8 is the least", "");
	refused("{by: hash, digits: 8}", "v uuid", "digits are of a hash that is text", "");
	refused("{by: noise, scale: 1, min: 3, max: 2}", "v int4", "noise: 'min' is above 'max'", "");
	refused("{by: noise, scale: 1, min: 7, max: x}", "v int4", "'x' is no number to keep noise within", "");
	refused("{by: redact, text: x}", "v int4", "a text that is no integer", "");
	ok(bound("hash", "v text", &c, NULL) == NULL && strcmp(e.what, "hash needs a key") == 0, "without a key there is no hash");
	ok(bound("{by: fake, as: name}", "v text", &c, NULL) == NULL && strcmp(e.what, "fake needs a key") == 0, "nor a fake");
}

static void
one_for_one(const char *how, const char *column, bool want, const char *what)
{
	struct hr_column c;
	struct hr_mask *m = bound(how, column, &c, &rule_key);

	ok(m && hr_mask_injective(m) == want, "%s of %s %s", how, column, what);
	hr_mask_free(m);
}

static void
injective(void)
{
	char text[16];
	bool seen[1000] = { false }, once = true;
	int i, n;

	one_for_one("tokenize", "v text", true, "is one for one");
	one_for_one("tokenize", "v int4", true, "is one for one");
	one_for_one("tokenize", "v numeric(9,2)", true, "is one for one");
	one_for_one("tokenize", "v numeric", false, "may not be");
	one_for_one("hash", "v varchar", true, "is as good as one for one");
	one_for_one("{by: hash, digits: 31}", "v text", false, "may not be");
	one_for_one("hash", "v int8", false, "may not be");
	one_for_one("hash", "v uuid", true, "is as good as one for one");
	one_for_one("redact", "v text", false, "is not");
	one_for_one("null", "v text", false, "is not");
	one_for_one("{by: fake, as: iban}", "v text", false, "is not");
	one_for_one("{by: noise, scale: 1}", "v int4", false, "is not");
	for (i = 100; i < 1000; i++) {
		snprintf(text, sizeof(text), "%d", i);
		n = (int)strtol(masked("tokenize", "v int4", text, false), NULL, 10);
		once = once && n >= 100 && n < 1000 && !seen[n];
		seen[n >= 0 && n < 1000 ? n : 0] = true;
	}
	ok(once, "numbers of three digits become numbers of three digits, each once");
}

int
main(void)
{
	hr_key_set(&rule_key, "0123456789abcdef", 16);
	hashes();
	constants();
	coarse();
	too_large();
	noise();
	fakes();
	refusals();
	injective();
	bound(NULL, NULL, NULL, NULL);
	hr_rules_clear(&rules);
	hr_scratch_clear(&scratch);
	return tap_done();
}
