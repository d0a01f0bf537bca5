/* fake.c - a value's digest, cut into the numbers that choose. */

#include "base/hr.h"

#include <string.h>

#include "rule/fake.h"
#include "rule/words.h"

/* What chooses: the same for all kinds, so that they belong together. */
struct lot {
	uint32_t first, last, number, place, street, mail;
	uint64_t account;
};

static const char *const names[] = {
	[HR_FAKE_NAME] = "name", [HR_FAKE_FIRST_NAME] = "first_name", [HR_FAKE_LAST_NAME] = "last_name",
	[HR_FAKE_USER] = "user", [HR_FAKE_EMAIL] = "email", [HR_FAKE_PHONE] = "phone",
	[HR_FAKE_STREET] = "street", [HR_FAKE_CITY] = "city", [HR_FAKE_POSTCODE] = "postcode",
	[HR_FAKE_ADDRESS] = "address", [HR_FAKE_COMPANY] = "company", [HR_FAKE_IBAN] = "iban",
	[HR_FAKE_CARD] = "card",
};

bool
hr_fake_parse(const char *word, enum hr_fake_kind *kind)
{
	size_t i;

	for (i = 0; i < HR_COUNT(names); i++)
		if (strcmp(word, names[i]) == 0) {
			*kind = (enum hr_fake_kind)i;
			return true;
		}
	return false;
}

void
hr_fake_init(struct hr_fake *f, const struct hr_key *k, const char *domain)
{
	hr_digest_derive(&f->digest, k, "fake", domain);
	hr_digest_derive(&f->days, k, "fake days", domain);
}

void
hr_fake_clear(struct hr_fake *f)
{
	hr_digest_clear(&f->digest);
	hr_digest_clear(&f->days);
}

static struct lot
draw(struct hr_fake *f, const void *value, size_t n)
{
	uint8_t sum[HR_DIGEST_BYTES];

	hr_digest_sum(&f->digest, value, n, sum);
	return (struct lot){ hr_get_u32be(sum), hr_get_u32be(sum + 4), hr_get_u32be(sum + 8), hr_get_u32be(sum + 12),
	    hr_get_u32be(sum + 16), hr_get_u32be(sum + 20), hr_get_u64be(sum + 24) };
}

/* So many digits, with zeros in front. */
static void
put_digits(struct hr_buf *out, uint64_t number, unsigned digits)
{
	unsigned i;

	hr_buf_need(out, digits);
	for (i = digits; i-- > 0; number /= 10)
		out->data[out->len + i] = (uint8_t)('0' + number % 10);
	out->len += digits;
}

static void
put_word(struct hr_buf *out, enum hr_words list, uint32_t any)
{
	hr_buf_puts(out, hr_words_get(list, any));
}

/* At most so many letters, in lower case; words are ASCII. */
static void
put_lower(struct hr_buf *out, enum hr_words list, uint32_t any, size_t most)
{
	const char *w = hr_words_get(list, any);

	for (; *w && most; w++, most--)
		hr_buf_u8(out, (uint8_t)(*w | 0x20));
}

static void
put_street(struct hr_buf *out, const struct lot *l)
{
	uint32_t words = l->street / 200;

	hr_buf_printf(out, "%" PRIu32 " ", 1 + l->street % 200);
	put_word(out, HR_WORDS_STREET, words);
	hr_buf_u8(out, ' ');
	put_word(out, HR_WORDS_WAY, words / (uint32_t)hr_words_count(HR_WORDS_STREET));
}

static void
put_postcode(struct hr_buf *out, const struct lot *l)
{
	put_digits(out, 10000 + l->mail % 90000, 5);
}

/* An area from 220 to 989 that is no service as 911 is, 555, 0100 to 0199. */
static void
put_phone(struct hr_buf *out, const struct lot *l)
{
	uint32_t area = l->number / 100;

	hr_buf_puts(out, "+1");
	put_digits(out, 220 + area / 70 % 8 * 100 + area / 10 % 7 * 10 + area % 10, 3);
	hr_buf_puts(out, "55501");
	put_digits(out, l->number % 100, 2);
}

static void
put_company(struct hr_buf *out, const struct lot *l)
{
	put_word(out, HR_WORDS_QUALITY, l->first);
	hr_buf_u8(out, ' ');
	put_word(out, HR_WORDS_TRADE, l->last);
	hr_buf_u8(out, ' ');
	put_word(out, HR_WORDS_FORM, l->mail);
}

/* Luhn: from the right every second digit is doubled, the check digit not. */
static void
put_card(struct hr_buf *out, const struct lot *l)
{
	unsigned sum = 0, digit, i;

	hr_buf_puts(out, "9999");
	put_digits(out, l->account % UINT64_C(100000000000), 11);
	for (i = 1; i <= 15; i++) {
		digit = out->data[out->len - i] - '0';
		digit *= 1 + i % 2;
		sum += digit / 10 + digit % 10;
	}
	put_digits(out, (10 - sum % 10) % 10, 1);
}

/* 98 less the account, the country (Z is 35) and 00, modulo 97. */
static void
put_iban(struct hr_buf *out, const struct lot *l)
{
	uint64_t account = l->account % UINT64_C(1000000000000000000);
	unsigned rest = (unsigned)(account % 97);

	rest = (rest * (1000000 % 97) + 353500 % 97) % 97;
	hr_buf_puts(out, "ZZ");
	put_digits(out, 98 - rest, 2);
	put_digits(out, account, 18);
}

static void
put_person(struct hr_buf *out, enum hr_fake_kind kind, const struct lot *l, unsigned digits)
{
	if (digits > HR_FAKE_DIGITS)
		digits = HR_FAKE_DIGITS;
	switch (kind) {
	case HR_FAKE_FIRST_NAME:
		put_word(out, HR_WORDS_FIRST, l->first);
		break;
	case HR_FAKE_LAST_NAME:
		put_word(out, HR_WORDS_LAST, l->last);
		break;
	case HR_FAKE_USER:
		put_lower(out, HR_WORDS_FIRST, l->first, 1);
		put_lower(out, HR_WORDS_LAST, l->last, SIZE_MAX);
		put_digits(out, l->number, digits);
		break;
	case HR_FAKE_EMAIL:
		put_lower(out, HR_WORDS_FIRST, l->first, SIZE_MAX);
		hr_buf_u8(out, '.');
		put_lower(out, HR_WORDS_LAST, l->last, SIZE_MAX);
		put_digits(out, l->number, digits);
		hr_buf_u8(out, '@');
		put_word(out, HR_WORDS_DOMAIN, l->mail);
		hr_buf_puts(out, ".example");
		break;
	default:
		put_word(out, HR_WORDS_FIRST, l->first);
		hr_buf_u8(out, ' ');
		put_word(out, HR_WORDS_LAST, l->last);
		break;
	}
}

void
hr_fake_put(struct hr_fake *f, enum hr_fake_kind kind, const void *value, size_t n, unsigned digits,
    struct hr_buf *out)
{
	struct lot l = draw(f, value, n);

	switch (kind) {
	case HR_FAKE_PHONE: put_phone(out, &l); break;
	case HR_FAKE_STREET: put_street(out, &l); break;
	case HR_FAKE_CITY: put_word(out, HR_WORDS_CITY, l.place); break;
	case HR_FAKE_POSTCODE: put_postcode(out, &l); break;
	case HR_FAKE_COMPANY: put_company(out, &l); break;
	case HR_FAKE_IBAN: put_iban(out, &l); break;
	case HR_FAKE_CARD: put_card(out, &l); break;
	case HR_FAKE_ADDRESS:
		put_street(out, &l);
		hr_buf_puts(out, ", ");
		put_postcode(out, &l);
		hr_buf_u8(out, ' ');
		put_word(out, HR_WORDS_CITY, l.place);
		break;
	default: put_person(out, kind, &l, digits); break;
	}
}

int32_t
hr_fake_days(struct hr_fake *f, const void *value, size_t n, uint32_t most)
{
	if (most > INT32_MAX)
		most = INT32_MAX;
	return (int32_t)((int64_t)(hr_digest_number(&f->days, value, n) % (2 * (uint64_t)most + 1)) - most);
}
