/*
 * fake.h - made-up values in place of real ones, by a key and the value.
 *
 * The same value has the same fakes, in all tables and runs, and they belong
 * together: first name, name, e-mail and user name made of one value are those
 * of one person.  So make them of what tells persons apart, such as the row's
 * key, where columns should agree.
 *
 * Not one for one: two values may have the same fake, so there is no unique
 * constraint that holds on.  A number behind it makes that rare: with six
 * digits, of a million user names some eighty pairs are the same, of as many
 * e-mails hardly one.  Nor can a fake be turned back, even with the key.
 *
 * Nobody is meant by a fake, and none reaches anybody:
 *   e-mail    a domain in .example, which RFC 2606 keeps free
 *   phone     555-0100 to 555-0199, kept free by the North American plan
 *   card      16 digits with the right check digit (ISO/IEC 7812, Luhn),
 *             beginning with 9999: 9 is for the countries' own use, and 999 is
 *             no country
 *   IBAN      ZZ, 2 check digits (ISO 13616, modulo 97), 18 digits: ZZ is kept
 *             free by ISO 3166
 * A program that looks for a card's brand or a country refuses the last two.
 * Names, streets, cities and post codes are common ones, drawn each for
 * itself: no such address need be there.
 *
 * One for each thread.
 */
#ifndef HR_FAKE_H
#define HR_FAKE_H

#include "base/buf.h"
#include "base/hr.h"
#include "rule/digest.h"
#include "rule/key.h"

enum hr_fake_kind {
	HR_FAKE_NAME,		/* Grace Okafor */
	HR_FAKE_FIRST_NAME,	/* Grace */
	HR_FAKE_LAST_NAME,	/* Okafor */
	HR_FAKE_USER,		/* gokafor, with digits gokafor042 */
	HR_FAKE_EMAIL,		/* grace.okafor@otter.example, grace.okafor042@... */
	HR_FAKE_PHONE,		/* +12065550142 */
	HR_FAKE_STREET,		/* 17 Mulberry Lane */
	HR_FAKE_CITY,		/* Ghent */
	HR_FAKE_POSTCODE,	/* five digits, the first not 0 */
	HR_FAKE_ADDRESS,	/* 17 Mulberry Lane, 48155 Ghent */
	HR_FAKE_COMPANY,	/* Amber Bakery Ltd */
	HR_FAKE_IBAN,
	HR_FAKE_CARD,
};

#define HR_FAKE_DIGITS 9	/* of the number behind a user or e-mail */

struct hr_fake {
	struct hr_digest digest;
	struct hr_digest days;		/* of another key: no fake tells the days */
};

#define HR_FAKE_INIT { HR_DIGEST_INIT, HR_DIGEST_INIT }

/* "name", "first_name", "last_name", "user", "email", ...; false: another word. */
bool hr_fake_parse(const char *word, enum hr_fake_kind *kind);

/* domain NULL: none.  Rules with the same one make the same of a value. */
void hr_fake_init(struct hr_fake *f, const struct hr_key *k, const char *domain);
void hr_fake_clear(struct hr_fake *f);

/* Append the fake of n bytes of value; digits are for user and e-mail, 0 to HR_FAKE_DIGITS. */
void hr_fake_put(struct hr_fake *f, enum hr_fake_kind kind, const void *value, size_t n, unsigned digits,
    struct hr_buf *out);

/*
 * Days to move dates by, from -most to most, 0 among them.  Of a value that is
 * the person and not the date, so that what lies between two dates of a person
 * stays as it was.
 */
int32_t hr_fake_days(struct hr_fake *f, const void *value, size_t n, uint32_t most);

#endif
