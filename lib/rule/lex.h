/* lex.h - the words, numbers, strings and signs of an expression. */
#ifndef HR_LEX_H
#define HR_LEX_H

#include "base/err.h"
#include "base/hr.h"
#include "rule/scratch.h"

enum hr_token_kind {
	HR_TOKEN_END,
	HR_TOKEN_WORD,		/* not quoted, in lower case */
	HR_TOKEN_NAME,		/* quoted */
	HR_TOKEN_VAR,		/* $name, without the sign */
	HR_TOKEN_STRING,
	HR_TOKEN_NUMBER,
	HR_TOKEN_SIGN,
};

struct hr_token {
	enum hr_token_kind kind;
	uint32_t at;		/* where it begins, from 1 */
	const char *text;	/* NUL-terminated */
	size_t len;
};

struct hr_lex {
	const char *text;
	size_t len;
	size_t at;
	struct hr_scratch *m;
};

/* The next one, which is END again and again: 0, or -1 with *e set. */
int hr_lex_next(struct hr_lex *l, struct hr_token *t, struct hr_err *e) HR_USED;

#endif
