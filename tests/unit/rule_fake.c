/* rule_fake - made-up values: the same again, well-formed, and of nobody. */

#include "base/hr.h"

#include <ctype.h>
#include <stdlib.h>

#include "base/map.h"
#include "rule/fake.h"
#include "rule/words.h"
#include "tap.h"

static struct hr_key key = HR_KEY_INIT;
static struct hr_fake f = HR_FAKE_INIT;

static const char *
fake(enum hr_fake_kind kind, uint32_t value, unsigned digits)
{
	static struct hr_buf b[4];
	static unsigned turn;
	struct hr_buf *out = &b[turn++ % 4];
	uint8_t bytes[4];

	hr_set_u32le(bytes, value);
	hr_buf_reset(out);
	hr_fake_put(&f, kind, bytes, sizeof(bytes), digits, out);
	return hr_buf_text(out);
}

static void
words(void)
{
	struct hr_map seen = { 0 };
	size_t all = 0, i;
	uint32_t j;
	bool ascii = true, enough = true;
	const char *w;

	for (i = 0; i < HR_WORDS_COUNT; i++) {
		hr_map_clear(&seen, NULL);
		for (j = 0; j < hr_words_count(i); j++) {
			w = hr_words_get(i, j);
			*hr_map_at(&seen, w, strlen(w)) = &seen;
			for (; *w; w++)
				ascii &= isalpha((unsigned char)*w) != 0;
		}
		all += hr_words_count(i);
		enough &= seen.count == hr_words_count(i);
	}
	hr_map_clear(&seen, NULL);
	ok(ascii && all > 1500, "%zu words are of ASCII letters", all);
	ok(enough, "each once in its list");
	ok(hr_words_get(HR_WORDS_FIRST, (uint32_t)hr_words_count(HR_WORDS_FIRST)) == hr_words_get(HR_WORDS_FIRST, 0),
	    "any number is one of a word");
}

/* Made once: another release must make the same. */
static void
golden(void)
{
	is(fake(HR_FAKE_NAME, 42, 0), "Victoria Malik", "a name");
	is(fake(HR_FAKE_FIRST_NAME, 42, 0), "Victoria", "first name");
	is(fake(HR_FAKE_LAST_NAME, 42, 0), "Malik", "last name");
	is(fake(HR_FAKE_USER, 42, 0), "vmalik", "user");
	is(fake(HR_FAKE_USER, 42, 3), "vmalik138", "with digits");
	is(fake(HR_FAKE_EMAIL, 42, 0), "victoria.malik@teal.example", "e-mail");
	is(fake(HR_FAKE_EMAIL, 42, 6), "victoria.malik040138@teal.example", "with digits");
	is(fake(HR_FAKE_PHONE, 42, 0), "+13315550138", "phone");
	is(fake(HR_FAKE_STREET, 42, 0), "70 Silver Way", "street");
	is(fake(HR_FAKE_CITY, 42, 0), "Paris", "city");
	is(fake(HR_FAKE_POSTCODE, 42, 0), "18191", "post code");
	is(fake(HR_FAKE_ADDRESS, 42, 0), "70 Silver Way, 18191 Paris", "address");
	is(fake(HR_FAKE_COMPANY, 42, 0), "Rustic Watches LLC", "company");
	is(fake(HR_FAKE_IBAN, 42, 0), "ZZ93020632603317017590", "IBAN");
	is(fake(HR_FAKE_CARD, 42, 0), "9999033170175900", "card");
}

static bool
luhn(const char *card)
{
	size_t n = strlen(card), i;
	int sum = 0, digit;

	for (i = 0; i < n; i++) {
		digit = card[n - 1 - i] - '0';
		if (i % 2 && (digit *= 2) > 9)
			digit -= 9;
		sum += digit;
	}
	return n == 16 && strncmp(card, "9999", 4) == 0 && sum % 10 == 0;
}

/* ISO 13616: four characters to the end, letters as two digits, and one is left of 97. */
static bool
iban(const char *text)
{
	unsigned rest = 0;
	size_t i;
	char c;

	for (i = 0; i < 22; i++) {
		c = text[(i + 4) % 22];
		rest = isdigit((unsigned char)c) ? rest * 10 + (unsigned)(c - '0') :
		    rest * 100 + (unsigned)(c - 'A' + 10);
		rest %= 97;
	}
	return strlen(text) == 22 && strncmp(text, "ZZ", 2) == 0 && rest == 1;
}

static bool
phone(const char *text)
{
	return strlen(text) == 12 && strncmp(text, "+1", 2) == 0 && text[2] >= '2' && text[3] >= '2' &&
	    text[3] <= '8' && strncmp(text + 5, "55501", 5) == 0 && strspn(text + 1, "0123456789") == 11;
}

static bool
email(const char *text)
{
	const char *at = strchr(text, '@'), *end = text + strlen(text);

	return at && at > text && end - at > 9 && strcmp(end - 8, ".example") == 0 &&
	    strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789.@") == strlen(text);
}

static void
forms(void)
{
	bool cards = true, ibans = true, phones = true, emails = true, codes = true;
	uint32_t i;

	for (i = 0; i < 5000; i++) {
		cards &= luhn(fake(HR_FAKE_CARD, i, 0));
		ibans &= iban(fake(HR_FAKE_IBAN, i, 0));
		phones &= phone(fake(HR_FAKE_PHONE, i, 0));
		emails &= email(fake(HR_FAKE_EMAIL, i, i % 12));
		codes &= strlen(fake(HR_FAKE_POSTCODE, i, 0)) == 5 && *fake(HR_FAKE_POSTCODE, i, 0) != '0';
	}
	ok(cards, "cards have their check digit and no issuer");
	ok(ibans, "IBANs have theirs and no country");
	ok(phones, "phones are among those kept free");
	ok(emails, "e-mails are, and in .example");
	ok(codes, "post codes have five digits");
}

static void
relations(void)
{
	struct hr_fake other = HR_FAKE_INIT;
	struct hr_buf b = HR_BUF_INIT;
	struct hr_map seen = { 0 };
	char want[128];
	const char *text;
	uint32_t i;

	snprintf(want, sizeof(want), "%s %s", fake(HR_FAKE_FIRST_NAME, 7, 0), fake(HR_FAKE_LAST_NAME, 7, 0));
	is(fake(HR_FAKE_NAME, 7, 0), want, "a name is of its parts");
	for (i = 0; want[i]; i++)
		want[i] = want[i] == ' ' ? '.' : (char)tolower((unsigned char)want[i]);
	text = fake(HR_FAKE_EMAIL, 7, 0);
	ok(strncmp(text, want, i) == 0 && text[i] == '@', "and an e-mail of its name");
	for (i = 0; i < 20000; i++) {
		text = fake(HR_FAKE_EMAIL, i, 6);
		*hr_map_at(&seen, text, strlen(text)) = &seen;
	}
	ok(seen.count >= 19999, "with six digits e-mails hardly meet: %zu of 20000", seen.count);
	hr_map_clear(&seen, NULL);
	for (i = 0; i < 20000; i++) {
		text = fake(HR_FAKE_FIRST_NAME, i, 0);
		*hr_map_at(&seen, text, strlen(text)) = &seen;
	}
	ok(seen.count == hr_words_count(HR_WORDS_FIRST), "all names come");
	hr_map_clear(&seen, NULL);
	hr_fake_init(&other, &key, "d");
	hr_fake_put(&other, HR_FAKE_IBAN, &i, sizeof(i), 0, &b);
	ok(strcmp(hr_buf_text(&b), fake(HR_FAKE_IBAN, i, 0)) != 0, "another domain makes others");
	hr_fake_clear(&other);
	hr_buf_clear(&b);
}

static void
days(void)
{
	bool inside = true;
	int least = 0, most = 0, d;
	uint32_t i;

	for (i = 0; i < 2000; i++) {
		d = hr_fake_days(&f, &i, sizeof(i), 30);
		inside &= d >= -30 && d <= 30 && d == hr_fake_days(&f, &i, sizeof(i), 30);
		least = d < least ? d : least;
		most = d > most ? d : most;
	}
	ok(inside && least == -30 && most == 30, "days from -30 to 30");
	ok(hr_fake_days(&f, "x", 1, 0) == 0, "none");
	d = hr_fake_days(&f, "x", 1, UINT32_MAX);
	ok(d > INT32_MIN, "or very many");
}

int
main(void)
{
	enum hr_fake_kind kind;

	hr_key_set(&key, "0123456789abcdef", 16);
	hr_fake_init(&f, &key, NULL);
	words();
	golden();
	forms();
	relations();
	days();
	ok(hr_fake_parse("name", &kind) && kind == HR_FAKE_NAME && hr_fake_parse("card", &kind) &&
	    kind == HR_FAKE_CARD, "kinds have names");
	ok(!hr_fake_parse("pet", &kind) && !hr_fake_parse("", &kind), "others have none");
	hr_fake_clear(&f);
	return tap_done();
}
