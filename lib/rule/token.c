/*
 * token.c - a value's letters and digits as one number of mixed radix, permuted.
 *
 * The tweak is the domain; for all but one alphabet's FF1 behind it
 *
 *	0, alphabet of each symbol (folded)		one part
 *	0, 255 - pass, u32 part, 16 chain, alphabets	several parts
 *	0, 253, 16 of the domain's HMAC, ...		what is before an '@'
 *	0, 252, sign					integers
 *	0, 251						uuids
 *	0, 250, sign, ...				decimal numbers
 *
 * Several parts are gone through twice: forwards with the chain of all parts
 * before, then backwards with that of all behind.  So a part's second tweak is
 * another one wherever a later part differs, and its first where an earlier
 * one does: nothing of two long texts is equal but by chance.
 */

#include "base/hr.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/hex.h"
#include "rule/token.h"

#define CHAIN	16

enum { TAG_PASS = 255, TAG_MAILBOX = 253, TAG_INT = 252, TAG_UUID = 251, TAG_NUMBER = 250 };

int
hr_token_init(struct hr_token *t, const struct hr_key *k, const char *domain, struct hr_err *e)
{
	uint8_t key[HR_PERM_KEY];

	if (domain && strlen(domain) > HR_TOKEN_DOMAIN)
		return hr_fail(e, HR_CONFIG, "the domain of tokens has %zu bytes; it must have at most %d",
		    strlen(domain), HR_TOKEN_DOMAIN);
	hr_key_derive(k, "token", NULL, key, sizeof(key));
	hr_perm_init(&t->perm, key);
	OPENSSL_cleanse(key, sizeof(key));
	hr_digest_derive(&t->digest, k, "token chain", NULL);
	hr_buf_reset(&t->tweak);
	if (domain)
		hr_buf_puts(&t->tweak, domain);
	t->base = t->tweak.len;
	return 0;
}

void
hr_token_clear(struct hr_token *t)
{
	hr_perm_clear(&t->perm);
	hr_digest_clear(&t->digest);
	hr_buf_clear(&t->tweak);
	free(t->symbol);
	free(t->part);
	free(t->digit);
	*t = (struct hr_token)HR_TOKEN_INIT;
}

/* The tweak up to base, and a tag. */
static void
tag(struct hr_token *t, size_t base, uint8_t what)
{
	t->tweak.len = base;
	hr_buf_u8(&t->tweak, 0);
	hr_buf_u8(&t->tweak, what);
}

static hr_u128
map(struct hr_token *t, hr_u128 size, hr_u128 x)
{
	return hr_perm_map(&t->perm, t->tweak.data, t->tweak.len, size, x, t->reverse);
}

/* Find what is to be replaced; -1: the text is not UTF-8. */
static int
find_symbols(struct hr_token *t, const uint8_t *p, size_t n)
{
	struct hr_letter l;
	size_t at, step;

	t->symbols = 0;
	for (at = 0; at < n; at += step) {
		if ((step = hr_alphabet_get(p + at, n - at, &l)) == 0)
			return -1;
		if (l.alphabet == HR_ALPHABET_NONE)
			continue;
		HR_GROW(t->symbol, t->symbols, t->symbol_cap);
		t->symbol[t->symbols++] = (struct hr_token_symbol){ at, l };
	}
	return 0;
}

/* Symbols are cut so that each part is a number below 2^128. */
static void
find_parts(struct hr_token *t)
{
	hr_u128 size = 1, more;
	size_t i, from = 0;

	t->parts = 0;
	for (i = 0; i < t->symbols; i++) {
		if (__builtin_mul_overflow(size, (hr_u128)hr_alphabet_size(t->symbol[i].letter.alphabet), &more)) {
			HR_GROW(t->part, t->parts, t->part_cap);
			t->part[t->parts++] = (struct hr_token_part){ from, i, size };
			from = i;
			more = hr_alphabet_size(t->symbol[i].letter.alphabet);
		}
		size = more;
	}
	HR_GROW(t->part, t->parts, t->part_cap);
	t->part[t->parts++] = (struct hr_token_part){ from, t->symbols, size };
}

static hr_u128
number(const struct hr_token *t, const struct hr_token_part *p)
{
	hr_u128 x = 0;
	size_t i;

	for (i = p->from; i < p->to; i++)
		x = x * hr_alphabet_size(t->symbol[i].letter.alphabet) + t->symbol[i].letter.number;
	return x;
}

static void
set_number(struct hr_token *t, const struct hr_token_part *p, hr_u128 x)
{
	uint64_t low;
	uint32_t radix;
	size_t i = p->to;

	while (i > p->from && x >> 64) {
		radix = hr_alphabet_size(t->symbol[--i].letter.alphabet);
		t->symbol[i].letter.number = (uint32_t)(x % radix);
		x /= radix;
	}
	for (low = (uint64_t)x; i > p->from; low /= radix) {
		radix = hr_alphabet_size(t->symbol[--i].letter.alphabet);
		t->symbol[i].letter.number = (uint32_t)(low % radix);
	}
}

static void
put_alphabets(struct hr_token *t, const struct hr_token_part *p)
{
	size_t i;

	hr_buf_need(&t->tweak, p->to - p->from);
	for (i = p->from; i < p->to; i++)
		hr_buf_u8(&t->tweak, (uint8_t)hr_alphabet_fold(t->symbol[i].letter.alphabet));
}

static void
one_part(struct hr_token *t, size_t base)
{
	t->tweak.len = base;
	hr_buf_u8(&t->tweak, 0);
	put_alphabets(t, &t->part[0]);
	set_number(t, &t->part[0], map(t, t->part[0].size, number(t, &t->part[0])));
}

/* Of the passes, 1 is backwards.  The chain is of what this pass writes, or wrote. */
static void
pass(struct hr_token *t, size_t base, unsigned which)
{
	uint8_t chain[CHAIN + 16] = { 0 }, sum[HR_DIGEST_BYTES];
	hr_u128 x, y;
	size_t j, i;

	for (j = 0; j < t->parts; j++) {
		i = which ? t->parts - 1 - j : j;
		tag(t, base, (uint8_t)(TAG_PASS - which));
		hr_buf_u32be(&t->tweak, (uint32_t)i);
		hr_buf_put(&t->tweak, chain, CHAIN);
		put_alphabets(t, &t->part[i]);
		x = number(t, &t->part[i]);
		y = map(t, t->part[i].size, x);
		set_number(t, &t->part[i], y);
		if (t->reverse)
			y = x;
		hr_set_u64be(chain + CHAIN, (uint64_t)(y >> 64));
		hr_set_u64be(chain + CHAIN + 8, (uint64_t)y);
		hr_digest_sum(&t->digest, chain, sizeof(chain), sum);
		memcpy(chain, sum, CHAIN);
	}
}

/* One alphabet, of lower and upper case perhaps, and of a length that FF1 takes at once. */
static bool
is_plain_ff1(const struct hr_token *t)
{
	enum hr_alphabet a = hr_alphabet_fold(t->symbol[0].letter.alphabet);
	hr_u128 half = 1, domain;
	size_t i;

	if (a != HR_ALPHABET_DIGIT && a != HR_ALPHABET_UPPER)
		return false;
	for (i = 1; i < t->symbols; i++)
		if (hr_alphabet_fold(t->symbol[i].letter.alphabet) != a)
			return false;
	for (i = 0; i < (t->symbols + 1) / 2; i++)
		if ((half *= hr_alphabet_size(a)) >> 96)
			return false;
	if (__builtin_mul_overflow(half, half, &domain))
		return true;
	return (t->symbols % 2 ? domain / hr_alphabet_size(a) : domain) >= HR_FF1_DOMAIN;
}

static void
plain_ff1(struct hr_token *t, size_t base)
{
	uint32_t radix = hr_alphabet_size(t->symbol[0].letter.alphabet);
	size_t i;

	if (t->digit_cap < t->symbols) {
		t->digit_cap = t->symbol_cap;
		t->digit = hr_realloc(t->digit, t->digit_cap, sizeof(*t->digit));
	}
	for (i = 0; i < t->symbols; i++)
		t->digit[i] = (uint16_t)t->symbol[i].letter.number;
	hr_ff1_tweak(&t->perm.ff1, t->tweak.data, base);
	if (t->reverse)
		hr_ff1_decrypt(&t->perm.ff1, radix, t->digit, t->symbols);
	else
		hr_ff1_encrypt(&t->perm.ff1, radix, t->digit, t->symbols);
	for (i = 0; i < t->symbols; i++)
		t->symbol[i].letter.number = t->digit[i];
}

/* All symbols, under the tweak up to base. */
static void
permute(struct hr_token *t, size_t base)
{
	if (t->symbols == 0)
		return;
	if (is_plain_ff1(t)) {
		plain_ff1(t, base);
		return;
	}
	find_parts(t);
	if (t->parts == 1) {
		one_part(t, base);
		return;
	}
	pass(t, base, t->reverse);
	pass(t, base, !t->reverse);
}

/* Append the n bytes at p with their symbols replaced. */
static void
put(const struct hr_token *t, const uint8_t *p, size_t n, struct hr_buf *out)
{
	uint8_t *to;
	size_t i;

	hr_buf_put(out, p, n);
	to = t->symbols ? out->data + out->len - n : NULL;
	for (i = 0; i < t->symbols; i++)
		hr_alphabet_put(to + t->symbol[i].at, t->symbol[i].letter);
}

/* The token of a text; -1: it is not UTF-8. */
static int
text(struct hr_token *t, size_t base, const uint8_t *p, size_t n, struct hr_buf *out)
{
	if (find_symbols(t, p, n) < 0)
		return -1;
	permute(t, base);
	put(t, p, n, out);
	return 0;
}

static int
not_utf8(struct hr_err *e)
{
	hr_fail(e, HR_REFUSED, "cannot make a token of a text that is not UTF-8");
	return hr_hint(e, "use a hash for this column");
}

int
hr_token_text(struct hr_token *t, const void *p, size_t n, struct hr_buf *out, struct hr_err *e)
{
	return text(t, t->base, p, n, out) < 0 ? not_utf8(e) : 0;
}

/* The tweak of what is before this domain; gives its length.  Case makes no difference. */
static size_t
mailbox_tweak(struct hr_token *t, const uint8_t *domain, size_t n)
{
	uint8_t sum[HR_DIGEST_BYTES];
	size_t i;

	tag(t, t->base, TAG_MAILBOX);
	for (i = 0; i < n; i++)
		hr_buf_u8(&t->tweak, domain[i] >= 'A' && domain[i] <= 'Z' ? domain[i] | 0x20 : domain[i]);
	hr_buf_need(&t->tweak, CHAIN);
	hr_digest_sum(&t->digest, t->tweak.data + t->base, t->tweak.len - t->base, sum);
	memcpy(t->tweak.data + t->base + 2, sum, CHAIN);
	t->tweak.len = t->base + 2 + CHAIN;
	return t->tweak.len;
}

int
hr_token_email(struct hr_token *t, const void *address, size_t n, bool keep_domain, struct hr_buf *out,
    struct hr_err *e)
{
	const uint8_t *p = address, *at = n ? memrchr(p, '@', n) : NULL, *plain;
	size_t start = out->len, box, rest, base;

	if (at == NULL)
		return hr_token_text(t, p, n, out, e);
	box = (size_t)(at - p);
	rest = n - box - 1;
	/* Room for what is before the '@', which depends on the domain in plain: that is first. */
	hr_buf_put(out, p, box + 1);
	if (keep_domain ? find_symbols(t, at + 1, rest) < 0 : text(t, t->base, at + 1, rest, out) < 0)
		goto refused;
	if (keep_domain)
		hr_buf_put(out, at + 1, rest);
	plain = t->reverse ? out->data + start + box + 1 : at + 1;
	base = mailbox_tweak(t, plain, rest);
	if (text(t, base, p, box, out) < 0)
		goto refused;
	memmove(out->data + start, out->data + out->len - box, box);
	out->len -= box;
	return 0;
refused:
	out->len = start;
	return not_utf8(e);
}

static bool
is_zero(const struct hr_token *t)
{
	size_t i;

	for (i = 0; i < t->symbols; i++)
		if (t->symbol[i].letter.alphabet != HR_ALPHABET_DIGIT || t->symbol[i].letter.number)
			return false;
	return true;
}

/* Digits, or digits and digits with a point between; of several before it the first is not 0. */
static bool
is_decimal(const uint8_t *p, size_t n)
{
	const uint8_t *point = n ? memchr(p, '.', n) : NULL;
	size_t whole = point ? (size_t)(point - p) : n, i;

	if (whole == 0 || (whole > 1 && *p == '0') || whole + 1 == n)
		return false;
	for (i = 0; i < n; i++)
		if (i != whole && (p[i] < '0' || p[i] > '9'))
			return false;
	return true;
}

static bool
is_word(const uint8_t *p, size_t n, const char *word)
{
	return n == strlen(word) && memcmp(p, word, n) == 0;
}

int
hr_token_number(struct hr_token *t, const void *number_text, size_t n, struct hr_buf *out, struct hr_err *e)
{
	const uint8_t *p = number_text;
	struct hr_letter *first;
	size_t base;
	bool negative;

	if (is_word(p, n, "NaN") || is_word(p, n, "Infinity") || is_word(p, n, "-Infinity")) {
		hr_buf_put(out, p, n);
		return 0;
	}
	negative = n && *p == '-';
	if (!is_decimal(p + negative, n - negative) || find_symbols(t, p, n) < 0 || (negative && is_zero(t)))
		return hr_fail(e, HR_REFUSED, "cannot make a token of a text that is no decimal number");
	first = &t->symbol[0].letter;
	if (first->number && t->symbols > 1 && p[negative + 1] != '.')
		*first = (struct hr_letter){ HR_ALPHABET_NONZERO, first->number - 1 };
	tag(t, t->base, TAG_NUMBER);
	hr_buf_u8(&t->tweak, negative);
	base = t->tweak.len;
	/* Zero has no sign, so it is no token of a negative number. */
	do
		permute(t, base);
	while (negative && is_zero(t));
	put(t, p, n, out);
	return 0;
}

int64_t
hr_token_int(struct hr_token *t, int64_t value, unsigned bytes)
{
	uint64_t size = value < 0 ? -(uint64_t)value : (uint64_t)value, low = 1, high;
	uint64_t most = (UINT64_C(1) << (8 * bytes - 1)) - (value >= 0);

	assert((bytes == 2 || bytes == 4 || bytes == 8) && size <= most);
	while (size / 10 >= low)
		low *= 10;
	high = most / 10 < low ? most : low * 10 - 1;
	if (value >= 0 && low == 1)
		low = 0;
	tag(t, t->base, TAG_INT);
	hr_buf_u8(&t->tweak, value < 0);
	size = low + (uint64_t)map(t, high - low + 1, size - low);
	return (int64_t)(value < 0 ? -size : size);
}

void
hr_token_uuid(struct hr_token *t, const uint8_t in[16], uint8_t out[16])
{
	uint64_t a = hr_get_u64be(in), b = hr_get_u64be(in + 8), version = a & 0xf000, variant = b >> 62;
	hr_u128 x = (hr_u128)(a >> 16 << 12 | (a & 0xfff)) << 62 | (b & (UINT64_MAX >> 2));

	tag(t, t->base, TAG_UUID);
	x = map(t, (hr_u128)1 << 122, x);
	a = (uint64_t)(x >> 62);
	hr_set_u64be(out, a >> 12 << 16 | version | (a & 0xfff));
	hr_set_u64be(out + 8, variant << 62 | ((uint64_t)x & (UINT64_MAX >> 2)));
}

static bool
parse_uuid(const uint8_t *p, size_t n, uint8_t out[16])
{
	size_t i, digits = 0;
	int digit;

	if (n != 36)
		return false;
	for (i = 0; i < n; i++) {
		if (i == 8 || i == 13 || i == 18 || i == 23) {
			if (p[i] != '-')
				return false;
			continue;
		}
		if ((digit = hr_hex_value(p[i])) < 0)
			return false;
		out[digits / 2] = (uint8_t)(out[digits / 2] << 4 | digit);
		digits++;
	}
	return true;
}

int
hr_token_uuid_text(struct hr_token *t, const void *p, size_t n, struct hr_buf *out, struct hr_err *e)
{
	uint8_t uuid[16] = { 0 };
	size_t i;

	if (!parse_uuid(p, n, uuid))
		return hr_fail(e, HR_REFUSED, "cannot make a token of a text that is no uuid");
	hr_token_uuid(t, uuid, uuid);
	for (i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			hr_buf_u8(out, '-');
		hr_buf_u8(out, hr_hex_digit(uuid[i] >> 4));
		hr_buf_u8(out, hr_hex_digit(uuid[i]));
	}
	return 0;
}
