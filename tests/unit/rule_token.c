/* rule_token - tokens have the shape of their values, are one for one, and are turned back. */

#include "base/hr.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/map.h"
#include "rule/token.h"
#include "tap.h"

static struct hr_key key = HR_KEY_INIT;
static struct hr_token t = HR_TOKEN_INIT, back = HR_TOKEN_INIT;

enum kind { TEXT, EMAIL, EMAIL_KEEP, UUID, NUMBER };

static int
run(struct hr_token *k, enum kind kind, const void *p, size_t n, struct hr_buf *out)
{
	struct hr_err e = HR_ERR_INIT;

	switch (kind) {
	case TEXT: return hr_token_text(k, p, n, out, &e);
	case EMAIL: return hr_token_email(k, p, n, false, out, &e);
	case EMAIL_KEEP: return hr_token_email(k, p, n, true, out, &e);
	case UUID: return hr_token_uuid_text(k, p, n, out, &e);
	case NUMBER: return hr_token_number(k, p, n, out, &e);
	}
	return -1;
}

/* The token, in one of four buffers by turns. */
static const char *
token(enum kind kind, const char *text)
{
	static struct hr_buf b[4];
	static unsigned turn;
	struct hr_buf *out = &b[turn++ % 4];

	hr_buf_reset(out);
	if (run(&t, kind, text, strlen(text), out) < 0)
		return "refused";
	return hr_buf_text(out);
}

static bool
same_shape(const char *a, const char *b, size_t n)
{
	struct hr_letter l, m;
	size_t i, step;

	for (i = 0; i < n; i += step) {
		step = hr_alphabet_get((const uint8_t *)a + i, n - i, &l);
		if (step == 0 || hr_alphabet_get((const uint8_t *)b + i, n - i, &m) != step ||
		    l.alphabet != m.alphabet)
			return false;
		if (l.alphabet == HR_ALPHABET_NONE && memcmp(a + i, b + i, step) != 0)
			return false;
	}
	return true;
}

/* There and back, with the shape kept. */
static void
turns(enum kind kind, const char *text, const char *what)
{
	struct hr_buf to = HR_BUF_INIT, again = HR_BUF_INIT;
	size_t n = strlen(text);
	bool good;

	good = run(&t, kind, text, n, &to) == 0 && to.len == n && run(&back, kind, to.data, to.len, &again) == 0 &&
	    again.len == n && strcmp(hr_buf_text(&again), text) == 0;
	ok(good && (kind == UUID || same_shape(text, (char *)to.data, n)) &&
	    (n < 8 || memcmp(to.data, text, n) != 0), "%s", what);
	if (!good)
		printf("# %s is %s is %s\n", text, hr_buf_text(&to), hr_buf_text(&again));
	hr_buf_clear(&to);
	hr_buf_clear(&again);
}

/* Made once: another release must make the same. */
static void
golden(void)
{
	is(token(TEXT, "0123-456 789"), "0370-329 486", "ten digits");
	is(token(EMAIL, "grace.hopper@example.com"), "syzry.xkrwyt@vinqhct.zbv", "an address");
	is(token(EMAIL_KEEP, "grace.hopper@example.com"), "syzry.xkrwyt@example.com", "in its domain");
	is(token(UUID, "123e4567-e89b-42d3-a456-426614174000"), "fff6c3f4-6922-4c06-9190-e55dac77a736", "a uuid");
	is(token(TEXT, "Zi-42"), "Tj-45", "a mixed one");
	is(token(TEXT, "12345"), "16496", "a short one");
	is(token(TEXT, "It takes a sentence of more than 27 letters to be 2 parts"),
	    "Kx edzvs d jcaerezl ue gujg ukrh 71 eeuaxai cq va 8 jsfsb", "a long one");
	is(token(NUMBER, "-1234.50"), "-2784.69", "a decimal number");
	is_number(hr_token_int(&t, 1234567, 4), 5044993, "an integer");
	is_number(hr_token_int(&t, -42, 4), -87, "a small one");
}

static void
texts(void)
{
	turns(TEXT, "", "nothing");
	turns(TEXT, "7", "a digit");
	turns(TEXT, "Z", "a letter");
	turns(TEXT, "(+.-)", "punctuation only");
	turns(TEXT, "+49 (0)30 1234-5678", "a telephone number");
	turns(TEXT, "DE89 3704 0044 0532 0130 00", "an IBAN");
	turns(TEXT, "123456789012", "twelve digits");
	turns(TEXT, "Grace Hopper", "a name");
	turns(TEXT, "O'Neill-\u00c5ngstr\u00f6m \u00df", "one with other letters");
	turns(TEXT, "\u0410\u043d\u043d\u0430 \u041a\u0430\u0440\u0435\u043d\u0438\u043d\u0430", "Cyrillic");
	turns(TEXT, "\u738b\u5c0f\u660e \u30b9\u30ba\u30ad \uae40\ubbfc\uc900", "Han, Katakana and Hangul");
	turns(TEXT, "\u0645\u062d\u0645\u062f \u05d3\u05d5\u05d3 \u0930\u093e\u092e", "Arabic, Hebrew and Devanagari");
	turns(TEXT, "\U0001f600\U0001f468\u200d\U0001f469 \U00010348\u10d0\u0562", "faces and rare scripts");
	turns(TEXT, "12345678901234567890123456789012345678901234567890123456", "56 digits");
	turns(TEXT, "123456789012345678901234567890123456789012345678901234567", "57 digits");
	turns(TEXT, "thequickbrownfoxjumpsoverthelazydogandso", "forty letters");
	turns(TEXT, "thequickbrownfoxjumpsoverthelazydogandsoo", "41 letters");
	turns(TEXT, "The quick brown fox jumps over the lazy dog, and so on and so forth, 24 hours a day, "
	    "7 days a week; \u00fcberall, und \u0431\u0435\u0437 \u043a\u043e\u043d\u0446\u0430.", "a sentence");
}

/* Is the token of one alphabet that of FF1 with the domain as tweak? */
static void
plain_ff1(void)
{
	uint16_t digit[10] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 }, letter[5] = { 7, 4, 11, 11, 14 };
	struct hr_ff1 f = HR_FF1_INIT;
	uint8_t secret[32];
	char want[16];
	int i;

	hr_key_derive(&key, "token", NULL, secret, sizeof(secret));
	hr_ff1_init(&f, secret, sizeof(secret));
	hr_ff1_tweak(&f, "d", 1);
	hr_ff1_encrypt(&f, 10, digit, 10);
	hr_ff1_encrypt(&f, 26, letter, 5);
	for (i = 0; i < 10; i++)
		want[i] = (char)('0' + digit[i]);
	want[10] = '\0';
	is(token(TEXT, "0123456789"), want, "digits are FF1 in radix 10, the domain its tweak");
	for (i = 0; i < 5; i++)
		want[i] = (char)('a' + letter[i]);
	want[5] = '\0';
	is(token(TEXT, "hello"), want, "letters in radix 26");
	hr_ff1_clear(&f);
}

/* All texts of a pattern, where 0 is a digit and a a letter: as many tokens. */
static void
one_for_one(const char *pattern)
{
	struct hr_map seen = { 0 };
	size_t n = strlen(pattern), i, j, at, all = 1;
	char text[16] = "";

	for (i = 0; i < n; i++)
		all *= pattern[i] == '0' ? 10 : pattern[i] == 'a' || pattern[i] == 'A' ? 26 : 1;
	for (i = 0; i < all; i++) {
		for (at = i, j = 0; j < n; j++) {
			text[j] = pattern[j];
			if (pattern[j] == '0') {
				text[j] = (char)('0' + at % 10);
				at /= 10;
			} else if (pattern[j] == 'a' || pattern[j] == 'A') {
				text[j] = (char)(pattern[j] + at % 26);
				at /= 26;
			}
		}
		*hr_map_at(&seen, token(TEXT, text), n) = &seen;
	}
	ok(seen.count == all, "the %zu texts like %s have as many tokens", all, pattern);
	hr_map_clear(&seen, NULL);
}

static void
relations(void)
{
	struct hr_token other = HR_TOKEN_INIT;
	struct hr_err e = HR_ERR_INIT;
	struct hr_buf out = HR_BUF_INIT;
	char upper[64], name[300];
	const char *lower;
	size_t i;

	lower = token(TEXT, "grace hopper 42");
	for (i = 0; lower[i]; i++)
		upper[i] = lower[i] >= 'a' && lower[i] <= 'z' ? (char)(lower[i] - 32) : lower[i];
	upper[i] = '\0';
	is(token(TEXT, "GRACE HOPPER 42"), upper, "another case is the same token in that case");
	ok(strcmp(token(TEXT, "1A"), "refused") && strcmp(token(TEXT, "A1") + 1, token(TEXT, "1A")) != 0,
	    "another order of alphabets is another token");
	if (hr_token_init(&other, &key, NULL, &e) < 0 || hr_token_text(&other, "0123456789", 10, &out, &e) < 0)
		abort();
	ok(strcmp(hr_buf_text(&out), token(TEXT, "0123456789")) != 0, "another domain is another token");
	hr_buf_reset(&out);
	ok(hr_token_text(&t, "ab\377cd", 5, &out, &e) == -1 && e.code == HR_REFUSED && out.len == 0 && e.hint[0],
	    "bytes that are not UTF-8 are refused");
	ok(strstr(e.what, "ab") == NULL && strstr(e.what, "cd") == NULL, "without saying which");
	memset(name, 'n', sizeof(name));
	name[256] = '\0';
	ok(hr_token_init(&other, &key, name, &e) == -1 && e.code == HR_CONFIG, "a domain of 256 bytes is too long");
	name[255] = '\0';
	ok(hr_token_init(&other, &key, name, &e) == 0 && hr_token_int(&other, 12345678, 4) != 12345678,
	    "one of 255 is not");
	hr_token_clear(&other);
	hr_buf_clear(&out);
}

/* Long texts that differ in one place differ in every part. */
static void
long_ones(void)
{
	char text[4001], a[4001], b[4001];
	size_t i, j, equal, places[] = { 0, 1999, 3999 };
	bool good = true;

	for (i = 0; i < 4000; i++)
		text[i] = (char)(i % 10 == 9 ? '0' + i % 7 : 'a' + i % 26);
	text[4000] = '\0';
	strcpy(a, token(TEXT, text));
	for (j = 0; j < HR_COUNT(places); j++) {
		text[places[j]] ^= 1;
		strcpy(b, token(TEXT, text));
		text[places[j]] ^= 1;
		for (i = equal = 0; i < 4000; i++)
			equal += a[i] == b[i];
		good &= equal < 300;
	}
	ok(good, "of long texts that differ in one place all parts differ");
	turns(TEXT, text, "a long one is turned back");
}

static void
emails(void)
{
	const char *a, *b;

	turns(EMAIL, "grace.hopper@example.com", "an address");
	turns(EMAIL_KEEP, "grace.hopper@example.com", "an address in its domain");
	turns(EMAIL, "Grace.Hopper+42@Mail.Example.COM", "with upper case");
	turns(EMAIL_KEEP, "a@b@c.d", "with two '@'");
	turns(EMAIL, "@", "an '@' only");
	turns(EMAIL, "@example.com", "with nothing before");
	turns(EMAIL, "grace.hopper@", "with nothing behind");
	turns(EMAIL, "grace.hopper", "without '@'");
	turns(EMAIL, "\u00fcmlaut@\u0431\u0443\u043a\u0432\u0430.example", "in other scripts");
	a = token(EMAIL, "one@example.com");
	b = token(EMAIL, "two@example.com");
	ok(strcmp(strchr(a, '@'), strchr(b, '@')) == 0 && strcmp(a, b) != 0, "one domain is one token");
	is(strchr(a, '@') + 1, token(TEXT, "example.com"), "that of the domain as a text");
	a = token(EMAIL_KEEP, "one@example.com");
	b = token(EMAIL_KEEP, "one@example.org");
	ok(strncmp(a, b, 3) != 0 && strcmp(a + 3, "@example.com") == 0, "a mailbox depends on its domain");
	a = token(EMAIL_KEEP, "one@EXAMPLE.com");
	is(strchr(a, '@'), "@EXAMPLE.com", "a domain that is kept keeps its case");
	ok(strncmp(a, token(EMAIL_KEEP, "one@example.com"), 3) == 0, "which makes no other mailbox");
	is(token(EMAIL, "\377@example.com"), "refused", "a mailbox that is not UTF-8 is refused");
	is(token(EMAIL, "a@\377.com"), "refused", "a domain that is not, too");
	is(token(EMAIL_KEEP, "a@\377.com"), "refused", "even when it is kept");
}

static void
uuids(void)
{
	uint8_t in[16] = { 0 }, out[16], again[16];
	const char *text = "123e4567-e89b-42d3-a456-426614174000";

	turns(UUID, text, "a uuid");
	turns(UUID, "00000000-0000-0000-0000-000000000000", "the least");
	turns(UUID, "ffffffff-ffff-ffff-ffff-ffffffffffff", "the greatest");
	ok(token(UUID, text)[14] == '4' && strchr("89ab", token(UUID, text)[19]), "keeps version and variant");
	is(token(UUID, "123E4567-E89B-42D3-A456-426614174000"), token(UUID, text), "in any case");
	is(token(UUID, "123e4567-e89b-42d3-a456-42661417400"), "refused", "one that is cut is none");
	is(token(UUID, "123e4567-e89b-42d3-a456+426614174000"), "refused", "nor one with a plus");
	is(token(UUID, "123e4567-e89b-42d3-a456-42661417400g"), "refused", "nor one with another letter");
	hr_token_uuid(&t, in, out);
	hr_token_uuid(&back, out, again);
	ok(memcmp(in, again, 16) == 0 && memcmp(in, out, 16) != 0, "as bytes");
}

static unsigned
digits_of(int64_t v)
{
	char text[32];

	return (unsigned)snprintf(text, sizeof(text), "%" PRId64, v) - (v < 0);
}

static bool
int_turns(int64_t v, unsigned bytes)
{
	int64_t to = hr_token_int(&t, v, bytes);
	bool fits = bytes == 8 || (bytes == 4 ? to == (int32_t)to : to == (int16_t)to);

	return fits && digits_of(to) == digits_of(v) && (to < 0) == (v < 0) && hr_token_int(&back, to, bytes) == v;
}

static void
ints(void)
{
	static const int64_t edge[] = { INT64_MAX, INT64_MAX - 1, INT64_MIN, INT64_MIN + 1,
	    INT64_C(1000000000000000000), INT64_C(999999999999999999), INT64_C(-1000000000000000000), INT64_C(123456789012) };
	static const int64_t edge4[] = { INT32_MAX, INT32_MIN, 1000000000, 999999999, -1000000000, 0, 1, -1, 10, 9 };
	uint8_t *seen = hr_zalloc(65536);
	int64_t v, to;
	size_t i, count = 0;
	bool good = true;

	for (v = INT16_MIN; v <= INT16_MAX; v++) {
		good &= int_turns(v, 2);
		to = hr_token_int(&t, v, 2);
		count += seen[to + 32768]++ == 0;
	}
	ok(good && count == 65536, "each smallint once, with its sign and digits");
	for (i = 0, good = true; i < HR_COUNT(edge4); i++)
		good &= int_turns(edge4[i], 4) && int_turns(edge4[i], 8);
	ok(good, "integers at the edges");
	for (i = 0, good = true; i < HR_COUNT(edge); i++)
		good &= int_turns(edge[i], 8);
	ok(good, "bigints at the edges");
	ok(hr_token_int(&t, 999999999, 4) == hr_token_int(&t, 999999999, 8) &&
	    hr_token_int(&t, 9999, 2) == hr_token_int(&t, 9999, 8), "types join");
	ok(hr_token_int(&t, 5000, 4) != -hr_token_int(&t, -5000, 4), "a sign is another order");
	free(seen);
}

/* Every number of a scale from least to most once, none of them a negative zero. */
static void
numbers_once(int least, int most, int scale)
{
	struct hr_map seen = { 0 };
	char number[32], *end;
	const char *to;
	bool good = true;
	int i, unit = 1;
	double v;

	for (i = 0; i < scale; i++)
		unit *= 10;
	for (i = least; i <= most; i++) {
		snprintf(number, sizeof(number), "%.*f", scale, i / (double)unit);
		to = token(NUMBER, number);
		v = strtod(to, &end);
		good &= *end == '\0' && (v < 0) == (i < 0) && strlen(to) == strlen(number) &&
		    strcspn(to, ".") == strcspn(number, ".");
		*hr_map_at(&seen, to, strlen(to)) = &seen;
	}
	ok(good && seen.count == (size_t)(most - least + 1), "numbers of scale %d from %d to %d are met once", scale,
	    least, most);
	hr_map_clear(&seen, NULL);
}

static void
numbers(void)
{
	static const char *const none[] = { "", "-", ".", "1.", ".5", "-.5", "01", "00.5", "-0", "-0.00", "1e5", "+1",
	    "1.2.3", "1,5", " 1", "--1", "nan", "infinity", "1-", "\377" };
	size_t i;
	bool good = true;

	turns(NUMBER, "12.50", "a number");
	turns(NUMBER, "0", "zero");
	turns(NUMBER, "-7", "a negative digit");
	turns(NUMBER, "-0.01", "a small one");
	turns(NUMBER, "1000000", "a whole one");
	turns(NUMBER, "-123456789012345678901234567890123456789.0123456789", "a long one");
	numbers_once(-999, 999, 0);
	numbers_once(-999, 999, 1);
	numbers_once(-999, 999, 3);
	is(token(NUMBER, "NaN"), "NaN", "NaN stays");
	is(token(NUMBER, "-Infinity"), "-Infinity", "so do infinities");
	for (i = 0; i < HR_COUNT(none); i++)
		good &= strcmp(token(NUMBER, none[i]), "refused") == 0;
	ok(good, "what numeric does not write is refused");
}

int
main(void)
{
	struct hr_err e = HR_ERR_INIT;

	hr_key_set(&key, "0123456789abcdef", 16);
	if (hr_token_init(&t, &key, "d", &e) < 0 || hr_token_init(&back, &key, "d", &e) < 0)
		return 70;
	back.reverse = true;
	golden();
	texts();
	plain_ff1();
	one_for_one("0");
	one_for_one("a");
	one_for_one("A0-0");
	one_for_one("000 00");
	one_for_one("a00a");
	relations();
	long_ones();
	emails();
	uuids();
	ints();
	numbers();
	hr_token_clear(&t);
	hr_token_clear(&back);
	return tap_done();
}
