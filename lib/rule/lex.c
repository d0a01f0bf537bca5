/* lex.c - the words, numbers, strings and signs of an expression. */

#include "base/hr.h"

#include <string.h>

#include "base/json.h"
#include "rule/lex.h"
#include "rule/parse.h"
#include "rule/utf8.h"

/* The longest first. */
static const char *const sign[] = {
	"!~~*", "->>", "#>>", "!~~", "!~*", "~~*", "->", "#>", "||", "::", "<=", ">=", "<>", "!=", "!~", "~~",
	"~*", "~", "=", "<", ">", "+", "-", "*", "/", "%", "?", "(", ")", ",", ".",
};

static bool
is_letter(char c)
{
	return ((c | 32) >= 'a' && (c | 32) <= 'z') || c == '_' || (unsigned char)c >= 0x80;
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static char
peek(const struct hr_lex *l, size_t ahead)
{
	return l->at + ahead < l->len ? l->text[l->at + ahead] : '\0';
}

/* Blanks, and comments of both kinds; a comment may hold others. */
static int
skip(struct hr_lex *l, struct hr_err *e)
{
	uint32_t from;
	int depth;

	for (;;) {
		while (peek(l, 0) == ' ' || (peek(l, 0) >= '\t' && peek(l, 0) <= '\r'))
			l->at++;
		if (peek(l, 0) == '-' && peek(l, 1) == '-') {
			while (l->at < l->len && peek(l, 0) != '\n')
				l->at++;
		} else if (peek(l, 0) == '/' && peek(l, 1) == '*') {
			from = (uint32_t)l->at + 1;
			depth = 0;
			do {
				if (l->at >= l->len)
					return hr_parse_fail(from, e, "a comment that does not end");
				if (peek(l, 0) == '/' && peek(l, 1) == '*') {
					depth++;
					l->at += 2;
				} else if (peek(l, 0) == '*' && peek(l, 1) == '/') {
					depth--;
					l->at += 2;
				} else {
					l->at++;
				}
			} while (depth);
		} else {
			return 0;
		}
	}
}

static void
set(struct hr_token *t, enum hr_token_kind kind, char *text, size_t n)
{
	text[n] = '\0';
	t->kind = kind;
	t->text = text;
	t->len = n;
}

static void
take_word(struct hr_lex *l, struct hr_token *t)
{
	size_t n = 0, i;
	char *text;

	while (is_letter(peek(l, n)) || is_digit(peek(l, n)) || (n && peek(l, n) == '$'))
		n++;
	text = hr_scratch_take(l->m, n + 1);
	for (i = 0; i < n; i++) {
		text[i] = peek(l, i);
		if (text[i] >= 'A' && text[i] <= 'Z')
			text[i] += 'a' - 'A';
	}
	l->at += n;
	set(t, HR_TOKEN_WORD, text, n);
}

static int
take_number(struct hr_lex *l, struct hr_token *t, struct hr_err *e)
{
	size_t n = 0;
	char *text;

	while (is_digit(peek(l, n)))
		n++;
	if (peek(l, n) == '.')
		for (n++; is_digit(peek(l, n)); n++)
			;
	if ((peek(l, n) | 32) == 'e' && (is_digit(peek(l, n + 1)) ||
	    ((peek(l, n + 1) == '+' || peek(l, n + 1) == '-') && is_digit(peek(l, n + 2)))))
		for (n += 2; is_digit(peek(l, n)); n++)
			;
	if (is_letter(peek(l, n)))
		return hr_parse_fail(t->at, e, "letters behind a number");
	text = hr_scratch_take(l->m, n + 1);
	memcpy(text, l->text + l->at, n);
	l->at += n;
	set(t, HR_TOKEN_NUMBER, text, n);
	return 0;
}

/* Up to the quote that ends it; two of them are one. */
static int
take_quoted(struct hr_lex *l, struct hr_token *t, enum hr_token_kind kind, struct hr_err *e)
{
	char quote = peek(l, 0), *text = hr_scratch_take(l->m, l->len - l->at + 1);
	size_t n = 0;

	for (l->at++;; l->at++) {
		if (l->at >= l->len)
			return hr_parse_fail(t->at, e, "a quote that does not end");
		if (peek(l, 0) == quote && peek(l, 1) != quote)
			break;
		if (peek(l, 0) == quote)
			l->at++;
		text[n++] = peek(l, 0);
	}
	l->at++;
	hr_scratch_trim(l->m, text, n + 1);
	set(t, kind, text, n);
	return 0;
}

/* A number of so many digits at most. */
static uint32_t
take_code(struct hr_lex *l, uint32_t base, int least, int most, bool *good)
{
	uint32_t v = 0;
	int n;

	for (n = 0; n < most; n++, l->at++) {
		char c = peek(l, 0);
		uint32_t d = is_digit(c) ? (uint32_t)(c - '0') :
		    (c | 32) >= 'a' && (c | 32) <= 'f' ? (uint32_t)((c | 32) - 'a' + 10) : 99;

		if (d >= base)
			break;
		v = v * base + d;
	}
	*good &= n >= least;
	return v;
}

/* Behind a backslash. */
static size_t
take_escape(struct hr_lex *l, uint8_t *to, bool *good)
{
	char c = peek(l, 0);
	uint32_t v;

	if (c >= '0' && c <= '7') {
		v = take_code(l, 8, 1, 3, good);
		*good &= v > 0 && v < 256;
		*to = (uint8_t)v;
		return 1;
	}
	l->at++;
	switch (c) {
	case 'b': *to = '\b'; return 1;
	case 'f': *to = '\f'; return 1;
	case 'n': *to = '\n'; return 1;
	case 'r': *to = '\r'; return 1;
	case 't': *to = '\t'; return 1;
	case 'x':
		v = take_code(l, 16, 1, 2, good);
		*good &= v > 0;
		*to = (uint8_t)v;
		return 1;
	case 'u': case 'U':
		v = c == 'u' ? take_code(l, 16, 4, 4, good) : take_code(l, 16, 8, 8, good);
		*good &= v > 0 && v < 0x110000 && (v < 0xd800 || v >= 0xe000);
		return *good ? hr_utf8_put(to, v) : 0;
	default: *to = (uint8_t)c; return 1;
	}
}

/* E'...' */
static int
take_escaped(struct hr_lex *l, struct hr_token *t, struct hr_err *e)
{
	uint8_t *text = hr_scratch_take(l->m, l->len - l->at + 4);
	size_t n = 0;
	bool good = true;

	for (l->at += 2; ;) {
		if (l->at >= l->len)
			return hr_parse_fail(t->at, e, "a quote that does not end");
		if (peek(l, 0) == '\'' && peek(l, 1) != '\'')
			break;
		if (peek(l, 0) == '\\' && l->at + 1 < l->len) {
			l->at++;
			n += take_escape(l, text + n, &good);
			continue;
		}
		if (peek(l, 0) == '\'')
			l->at++;
		text[n++] = (uint8_t)peek(l, 0);
		l->at++;
	}
	l->at++;
	if (!good || !hr_json_utf8(text, n))
		return hr_parse_fail(t->at, e, "an escape that is no character");
	hr_scratch_trim(l->m, text, n + 1);
	set(t, HR_TOKEN_STRING, (char *)text, n);
	return 0;
}

int
hr_lex_next(struct hr_lex *l, struct hr_token *t, struct hr_err *e)
{
	char c;
	size_t i, n;

	if (skip(l, e) < 0)
		return -1;
	*t = (struct hr_token){ HR_TOKEN_END, (uint32_t)l->at + 1, "", 0 };
	if (l->at >= l->len)
		return 0;
	c = peek(l, 0);
	if (c == '\'')
		return take_quoted(l, t, HR_TOKEN_STRING, e);
	if ((c == 'e' || c == 'E') && peek(l, 1) == '\'')
		return take_escaped(l, t, e);
	if (c == '"') {
		if (take_quoted(l, t, HR_TOKEN_NAME, e) < 0)
			return -1;
		return t->len ? 0 : hr_parse_fail(t->at, e, "a name without a letter");
	}
	if (is_digit(c) || (c == '.' && is_digit(peek(l, 1))))
		return take_number(l, t, e);
	if (is_letter(c)) {
		take_word(l, t);
		if ((peek(l, 0) == '\'' && strchr("bxn", t->text[0]) && t->len == 1) ||
		    (peek(l, 0) == '&' && strcmp(t->text, "u") == 0))
			return hr_parse_fail(t->at, e, "strings are '...' or E'...'");
		return 0;
	}
	if (c == '$' && is_letter(peek(l, 1))) {
		l->at++;
		take_word(l, t);
		t->kind = HR_TOKEN_VAR;
		return 0;
	}
	for (i = 0; i < HR_COUNT(sign); i++) {
		n = strlen(sign[i]);
		if (l->len - l->at >= n && memcmp(l->text + l->at, sign[i], n) == 0) {
			*t = (struct hr_token){ HR_TOKEN_SIGN, t->at, sign[i], n };
			l->at += n;
			return 0;
		}
	}
	return hr_parse_fail(t->at, e, "a '%c' that means nothing here", c >= ' ' && c < 127 ? c : '?');
}
