/*
 * token.h - values that stand for others: of the same shape, one for one, and
 * turned back by who has the key.
 *
 * Equal values of one key and domain have equal tokens, in all tables and
 * runs, so joins and unique constraints go on to hold.  Different values of
 * one shape have different tokens, and a token has the shape of its value, so
 * different shapes never meet either.
 *
 * What a token keeps, and so gives away:
 *   text      the number and place of characters; of each whether it is a
 *             digit, an upper- or lower-case letter, of which script
 *             (alphabet.h); and all that has no alphabet: punctuation, spaces
 *   e-mail    the same; and that two have the same domain
 *   integer   its sign and number of decimal digits
 *   number    the same, and those behind the point
 *   uuid      version and variant
 * and, of all, that two values are equal.  Of texts that also shows where they
 * differ by case or punctuation only: the token is that of the letters and
 * digits, and case is put on again, so an index on lower() stays unique.
 *
 * All letters and digits of a value are permuted as one: of one alphabet by
 * FF1 in its radix with the domain as tweak (any FF1 turns that back: radix
 * 10, A to Z and a to z are 0 to 25); mixed ones, or fewer than a million, as
 * one number (perm.h); what is longer in parts that each depend on all others.
 * A value with few letters is one of few, whatever the cipher: perm.h says
 * what that is worth.
 *
 * One for each thread.  Nothing is allocated for a value after the longest.
 */
#ifndef HR_TOKEN_H
#define HR_TOKEN_H

#include "base/buf.h"
#include "base/err.h"
#include "base/hr.h"
#include "rule/alphabet.h"
#include "rule/digest.h"
#include "rule/key.h"
#include "rule/perm.h"

#define HR_TOKEN_DOMAIN 255	/* bytes of a domain's name */

struct hr_token_symbol {
	size_t at;		/* in the text */
	struct hr_letter letter;
};

struct hr_token_part {		/* symbols that are one number */
	size_t from, to;
	hr_u128 size;
};

struct hr_token {
	bool reverse;		/* set it, and each function gives the value of a token */
	struct hr_perm perm;
	struct hr_digest digest;	/* chains parts, and ties a mailbox to its domain */
	struct hr_buf tweak;	/* begins with the domain */
	size_t base;		/* bytes of it that are the same for all values */
	struct hr_token_symbol *symbol;
	size_t symbols, symbol_cap;
	struct hr_token_part *part;
	size_t parts, part_cap;
	uint16_t *digit;
	size_t digit_cap;
};

#define HR_TOKEN_INIT { .perm = HR_PERM_INIT }

/* domain NULL: none.  Rules with the same one have the same tokens.  0 or -1 (HR_CONFIG). */
int hr_token_init(struct hr_token *t, const struct hr_key *k, const char *domain, struct hr_err *e) HR_USED;
void hr_token_clear(struct hr_token *t);

/* Append the token of a text.  -1 with *e (HR_REFUSED): it is not UTF-8; nothing is appended. */
int hr_token_text(struct hr_token *t, const void *text, size_t n, struct hr_buf *out, struct hr_err *e) HR_USED;

/*
 * The same of an address: what is behind the last '@' is a text of its own, and
 * kept when that is asked for; what is before depends on it.  No other text is
 * refused: without '@' it is a text.  A domain's token may be registered by
 * somebody: send no mail there.
 */
int hr_token_email(struct hr_token *t, const void *text, size_t n, bool keep_domain, struct hr_buf *out,
    struct hr_err *e) HR_USED;

/*
 * An integer of 2, 4 or 8 bytes: of the same sign and number of decimal digits,
 * and within its type.  So an integer and a bigint have the same token up to
 * nine digits, a smallint up to four; columns that join must be of one type
 * where there are more.
 */
int64_t hr_token_int(struct hr_token *t, int64_t value, unsigned bytes);

/*
 * Append the token of a decimal number as numeric writes it, "-12.50": of as
 * many digits on both sides of the point, and negative if it was.  That of a
 * whole number is not that of hr_token_int().  Numbers of different scale, 1.5
 * and 1.50, are different values here, and their tokens may be equal numbers.
 * NaN and infinities stay.  -1 with *e (HR_REFUSED): it is no such number.
 */
int hr_token_number(struct hr_token *t, const void *text, size_t n, struct hr_buf *out, struct hr_err *e) HR_USED;

/* A uuid of the same version and variant.  in and out may be the same. */
void hr_token_uuid(struct hr_token *t, const uint8_t in[16], uint8_t out[16]);
/*
 * The same as text of 32 hexadecimal digits and four hyphens; upper case
 * becomes lower.  -1 with *e (HR_REFUSED): it is none.
 */
int hr_token_uuid_text(struct hr_token *t, const void *text, size_t n, struct hr_buf *out, struct hr_err *e) HR_USED;

#endif
