/*
 * words.h - lists of words that made-up names and addresses are put together of.
 *
 * Common and inoffensive, of several cultures, in ASCII letters, each once.
 */
#ifndef HR_WORDS_H
#define HR_WORDS_H

#include "base/hr.h"

enum hr_words {
	HR_WORDS_FIRST,		/* given names */
	HR_WORDS_LAST,		/* family names */
	HR_WORDS_STREET,	/* Abbey */
	HR_WORDS_WAY,		/* Road */
	HR_WORDS_CITY,
	HR_WORDS_QUALITY,	/* Amber */
	HR_WORDS_TRADE,		/* Bakery */
	HR_WORDS_FORM,		/* GmbH */
	HR_WORDS_DOMAIN,	/* acorn */
	HR_WORDS_COUNT,
};

size_t hr_words_count(enum hr_words which);
/* The word at any % count. */
const char *hr_words_get(enum hr_words which, uint32_t any);

#endif
