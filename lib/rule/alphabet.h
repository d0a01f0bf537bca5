/*
 * alphabet.h - which characters may stand for which, so that a text keeps its shape.
 *
 * A character of an alphabet is replaced by one of the same alphabet only: a
 * digit by a digit, an upper-case letter by one, Cyrillic by Cyrillic, Han by
 * Han.  What has no alphabet stays: ASCII's and most other punctuation, spaces,
 * control characters, currencies.  Letters and signs of scripts that are not
 * listed form one alphabet for each length in UTF-8, so a text keeps its number
 * of characters and of bytes.
 *
 * Where upper and lower case have an alphabet each, a letter has the same
 * number in both, and hr_alphabet_fold() of both is the same.
 */
#ifndef HR_ALPHABET_H
#define HR_ALPHABET_H

#include "base/hr.h"

enum hr_alphabet {
	HR_ALPHABET_NONE,		/* stays */
	HR_ALPHABET_DIGIT,
	HR_ALPHABET_UPPER,
	HR_ALPHABET_LOWER,
	HR_ALPHABET_SIGN,		/* of Latin-1: superscripts, fractions */
	HR_ALPHABET_LATIN1_UPPER,
	HR_ALPHABET_LATIN1_LOWER,
	HR_ALPHABET_LATIN_A,		/* and the two of Latin-1 that have one case */
	HR_ALPHABET_LATIN_MORE,		/* Vietnamese and others */
	HR_ALPHABET_MARK,		/* combining */
	HR_ALPHABET_GREEK_UPPER,
	HR_ALPHABET_GREEK_LOWER,
	HR_ALPHABET_GREEK_ACCENT,
	HR_ALPHABET_CYRILLIC_UPPER,
	HR_ALPHABET_CYRILLIC_LOWER,
	HR_ALPHABET_CYRILLIC_UPPER_MORE,
	HR_ALPHABET_CYRILLIC_LOWER_MORE,
	HR_ALPHABET_HEBREW,
	HR_ALPHABET_ARABIC,
	HR_ALPHABET_ARABIC_MORE,
	HR_ALPHABET_ARABIC_MARK,
	HR_ALPHABET_ARABIC_DIGIT,
	HR_ALPHABET_PERSIAN_DIGIT,
	HR_ALPHABET_DEVANAGARI,
	HR_ALPHABET_DEVANAGARI_MARK,
	HR_ALPHABET_DEVANAGARI_DIGIT,
	HR_ALPHABET_THAI,
	HR_ALPHABET_THAI_DIGIT,
	HR_ALPHABET_HIRAGANA,
	HR_ALPHABET_KATAKANA,
	HR_ALPHABET_HAN,
	HR_ALPHABET_HANGUL,
	HR_ALPHABET_WIDE_DIGIT,
	HR_ALPHABET_WIDE_UPPER,
	HR_ALPHABET_WIDE_LOWER,
	HR_ALPHABET_EMOJI,
	HR_ALPHABET_HAN_MORE,
	HR_ALPHABET_OTHER2,		/* all else of two bytes, ... */
	HR_ALPHABET_OTHER3,
	HR_ALPHABET_OTHER4,
	HR_ALPHABET_NONZERO,		/* 1 to 9: for who asks for it; no character is read as one */
	HR_ALPHABET_COUNT,
};

struct hr_letter {
	enum hr_alphabet alphabet;
	uint32_t number;	/* below hr_alphabet_size() */
};

/* The character at p: its bytes, or 0 when it is not UTF-8. */
size_t hr_alphabet_get(const uint8_t *p, size_t left, struct hr_letter *l);
/* Write a letter; gives its bytes.  Not of HR_ALPHABET_NONE. */
size_t hr_alphabet_put(uint8_t *p, struct hr_letter l);

uint32_t hr_alphabet_size(enum hr_alphabet a);	/* 1 of HR_ALPHABET_NONE */
enum hr_alphabet hr_alphabet_fold(enum hr_alphabet a);

#endif
