/* rule_alphabet - every character has one place, and finds back to it. */

#include "base/hr.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "rule/alphabet.h"
#include "tap.h"

static size_t
utf8(uint32_t c, uint8_t *p)
{
	size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4, i;

	p[0] = (uint8_t)c;
	for (i = n; i-- > 1; c >>= 6)
		p[i] = (uint8_t)(0x80 | (c & 0x3f));
	if (n > 1)
		p[0] = (uint8_t)((0xf00 >> n & 0xff) | c);
	return n;
}

static void
all(void)
{
	uint8_t p[4], q[4], *seen[HR_ALPHABET_COUNT], bytes[HR_ALPHABET_COUNT] = { 0 };
	uint32_t count[HR_ALPHABET_COUNT] = { 0 }, c;
	size_t wrong = 0, n;
	struct hr_letter l;
	int a;

	for (a = 0; a < HR_ALPHABET_COUNT; a++)
		seen[a] = hr_zalloc(hr_alphabet_size(a));
	for (c = 0; c < 0x110000; c++) {
		n = utf8(c, p);
		if (c >= 0xd800 && c < 0xe000) {
			wrong += hr_alphabet_get(p, n, &l) != 0;
			continue;
		}
		if (hr_alphabet_get(p, n, &l) != n || l.number >= hr_alphabet_size(l.alphabet)) {
			wrong++;
			continue;
		}
		if (l.alphabet == HR_ALPHABET_NONE)
			continue;
		wrong += seen[l.alphabet][l.number]++ != 0;
		wrong += bytes[l.alphabet] && bytes[l.alphabet] != n;
		bytes[l.alphabet] = (uint8_t)n;
		count[l.alphabet]++;
		wrong += hr_alphabet_put(q, l) != n || memcmp(p, q, n) != 0;
	}
	ok(wrong == 0, "every character is found again, in an alphabet of one length: %zu wrong", wrong);
	for (a = 1, wrong = 0; a < HR_ALPHABET_NONZERO; a++)
		wrong += count[a] != hr_alphabet_size(a) || count[a] < 8;
	ok(wrong == 0, "each alphabet has the letters that it says, and no fewer than eight");
	for (a = 0; a < HR_ALPHABET_COUNT; a++) {
		wrong += hr_alphabet_size(hr_alphabet_fold(a)) != hr_alphabet_size(a);
		free(seen[a]);
	}
	ok(wrong == 0, "and as many in upper case as in lower");
}

static void
alphabet(const char *text, enum hr_alphabet want, const char *what)
{
	struct hr_letter l;
	size_t n = hr_alphabet_get((const uint8_t *)text, strlen(text), &l);

	ok(n == strlen(text) && l.alphabet == want, "%s", what);
}

static void
no_character(const char *text, size_t n, const char *what)
{
	struct hr_letter l;

	ok(hr_alphabet_get((const uint8_t *)text, n, &l) == 0, "%s", what);
}

static void
cases(const char *lower, const char *upper)
{
	struct hr_letter l, u;

	hr_alphabet_get((const uint8_t *)lower, strlen(lower), &l);
	hr_alphabet_get((const uint8_t *)upper, strlen(upper), &u);
	ok(l.number == u.number && l.alphabet != u.alphabet &&
	    hr_alphabet_fold(l.alphabet) == hr_alphabet_fold(u.alphabet), "%s is %s", lower, upper);
}

int
main(void)
{
	uint8_t one;

	all();
	alphabet("7", HR_ALPHABET_DIGIT, "a digit");
	alphabet("q", HR_ALPHABET_LOWER, "a letter");
	alphabet("@", HR_ALPHABET_NONE, "punctuation stays");
	alphabet("\t", HR_ALPHABET_NONE, "so do controls");
	alphabet("\u2019", HR_ALPHABET_NONE, "and typographic marks");
	alphabet("\u20ac", HR_ALPHABET_NONE, "and currencies");
	alphabet("\u00fc", HR_ALPHABET_LATIN1_LOWER, "an umlaut is a letter of Latin-1");
	alphabet("\u6f22", HR_ALPHABET_HAN, "Han");
	alphabet("\uac00", HR_ALPHABET_HANGUL, "Hangul");
	alphabet("\u0e17", HR_ALPHABET_THAI, "Thai");
	alphabet("\u0562", HR_ALPHABET_OTHER2, "Armenian is one of the others of two bytes");
	alphabet("\u10d0", HR_ALPHABET_OTHER3, "Georgian of three");
	alphabet("\U0001f600", HR_ALPHABET_EMOJI, "a face is a face");
	alphabet("\U00010348", HR_ALPHABET_OTHER4, "Gothic is one of the others of four");
	cases("q", "Q");
	cases("\u00e9", "\u00c9");
	cases("\u03c9", "\u03a9");
	cases("\u0436", "\u0416");
	cases("\u0455", "\u0405");
	ok(hr_alphabet_size(HR_ALPHABET_NONZERO) == 9 &&
	    hr_alphabet_put(&one, (struct hr_letter){ HR_ALPHABET_NONZERO, 8 }) == 1 && one == '9',
	    "nine digits are not 0");
	no_character("\300\200", 2, "a NUL in two bytes is no character");
	no_character("\355\240\200", 3, "nor is a surrogate");
	no_character("\303", 1, "nor a cut one");
	no_character("\303x", 2, "nor one with a wrong byte");
	no_character("\200", 1, "nor a byte that goes on");
	no_character("\364\220\200\200", 4, "nor one beyond the last");
	no_character("\340\200\257", 3, "nor one longer than need be");
	return tap_done();
}
