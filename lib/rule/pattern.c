/*
 * pattern.c - LIKE and regular expressions.
 *
 * A text of ASCII alone is matched bytewise, which is several times as fast;
 * so a regular expression is compiled twice, once in the locale C and once in
 * C.UTF-8.
 */

#include "base/hr.h"

#include <regex.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "rule/pattern.h"
#include "rule/utf8.h"

/* --- LIKE --- */

int
hr_like_escape(const uint8_t *p, size_t n)
{
	if (n == 0)
		return -1;
	return n == 1 ? *p : -2;
}

/* After a % that did not fit: the same with one more character under it. */
struct retry {
	size_t at, pattern;
	bool set;
};

int
hr_like_match(const uint8_t *text, size_t n, const uint8_t *pattern, size_t pattern_n, int escape,
    struct hr_err *e)
{
	struct retry retry = { 0, 0, false };
	size_t i = 0, k = 0;

	while (i < n || k < pattern_n) {
		bool literal = false;

		if (k < pattern_n && i < n && pattern[k] == escape) {
			if (k + 1 == pattern_n)
				return hr_fail(e, HR_REFUSED, "LIKE pattern must not end with escape character");
			literal = true;
		}
		if (k < pattern_n && !literal && pattern[k] == '%') {
			retry = (struct retry){ i, ++k, true };
			continue;
		}
		if (k < pattern_n && i < n) {
			if (!literal && pattern[k] == '_') {
				i += hr_utf8_size(text + i, n - i);
				k++;
				continue;
			}
			if (text[i] == pattern[k + literal]) {
				i++;
				k += 1 + literal;
				continue;
			}
		}
		if (!retry.set || retry.at >= n)
			return 0;
		retry.at += hr_utf8_size(text + retry.at, n - retry.at);
		i = retry.at;
		k = retry.pattern;
	}
	return 1;
}

/* --- regular expressions --- */

struct hr_regex {
	regex_t bytes, chars;
	bool has_bytes, has_chars;
};

struct rewrite {
	const uint8_t *at, *end;
	struct hr_buf out;
	struct hr_err *e;
	int depth;
	uint64_t size;		/* of what is there so far */
};

static int
refuse(struct rewrite *r, const char *what)
{
	return hr_fail(r->e, HR_CONFIG, "a regular expression with %s", what);
}

static bool
take(struct rewrite *r, char c)
{
	if (r->at == r->end || *r->at != (uint8_t)c)
		return false;
	r->at++;
	return true;
}

/* What \d and its like are inside brackets. */
static const char *
class_of(uint8_t c)
{
	switch (c | 32) {
	case 'd': return "[:digit:]";
	case 's': return "[:space:]";
	case 'w': return "[:alnum:]_";
	default: return NULL;
	}
}

static uint8_t
control_of(uint8_t c)
{
	switch (c) {
	case 'n': return '\n';
	case 't': return '\t';
	case 'r': return '\r';
	case 'f': return '\f';
	case 'v': return '\v';
	default: return 0;
	}
}

static bool
is_alnum(uint8_t c)
{
	return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z');
}

/* One character outside of brackets, taken as itself. */
static void
put_literal(struct rewrite *r, uint8_t c)
{
	if (c < 0x80 && strchr("\\^$.[]|()*+?{}", c))
		hr_buf_u8(&r->out, '\\');
	hr_buf_u8(&r->out, c);
}

/* What holds between two characters; GNU has it by another name. */
static const char *
constraint_of(uint8_t c)
{
	switch (c) {
	case 'A': return "^";
	case 'Z': return "$";
	case 'm': return "\\<";
	case 'M': return "\\>";
	case 'y': return "\\b";
	case 'Y': return "\\B";
	default: return NULL;
	}
}

/* Behind a backslash outside of brackets: -1, 0 for a constraint, or 1 for an atom. */
static int
escape(struct rewrite *r)
{
	const char *class;
	uint8_t c;

	if (r->at == r->end)
		return refuse(r, "a backslash at its end");
	c = *r->at++;
	if (constraint_of(c)) {
		hr_buf_puts(&r->out, constraint_of(c));
		return 0;
	}
	if ((class = class_of(c)) != NULL) {
		hr_buf_printf(&r->out, "[%s%s]", c < 'a' ? "^" : "", class);
		return 1;
	}
	if (control_of(c)) {
		hr_buf_u8(&r->out, control_of(c));
		return 1;
	}
	if (is_alnum(c))
		return refuse(r, "an escape that rules do not have");
	put_literal(r, c);
	return 1;
}

/* [:alpha:], inside of brackets and whole. */
static int
named_class(struct rewrite *r)
{
	static const char known[] = " alnum alpha blank cntrl digit graph lower print punct space upper xdigit ";
	const uint8_t *from = r->at + 1;
	char name[16];
	size_t n = 0;

	while (from + n < r->end && from[n] >= 'a' && from[n] <= 'z' && n < sizeof(name) - 3)
		n++;
	if (r->end - from < (ptrdiff_t)n + 2 || from[n] != ':' || from[n + 1] != ']')
		return refuse(r, "a class that is not there");
	name[0] = ' ';
	memcpy(name + 1, from, n);
	memcpy(name + 1 + n, " ", 2);
	if (strstr(known, name) == NULL)
		return refuse(r, "a class that is not there");
	hr_buf_u8(&r->out, '[');
	hr_buf_put(&r->out, r->at, n + 3);
	r->at += n + 3;
	return 0;
}

/* A character inside of brackets, in a form that means only itself. */
static void
put_member(struct rewrite *r, const uint8_t *p, size_t n)
{
	if (n == 1 && strchr("]^-[\\", *p))
		hr_buf_printf(&r->out, "[.%c.]", *p);
	else
		hr_buf_put(&r->out, p, n);
}

/* One end of a range, or a single character: 0, 1 when it was a class, -1. */
static int
member(struct rewrite *r, const uint8_t **p, size_t *n, uint8_t *control)
{
	const char *class;

	if (r->at == r->end)
		return refuse(r, "a bracket that does not end");
	*p = r->at;
	if (take(r, '\\')) {
		if (r->at == r->end)
			return refuse(r, "a backslash at its end");
		*p = r->at++;
		*n = 1;
		if ((class = class_of(**p)) != NULL) {
			if (**p < 'a')
				return refuse(r, "\\D, \\S or \\W inside brackets");
			hr_buf_puts(&r->out, class);
			return 1;
		}
		if ((*control = control_of(**p)) != 0)
			*p = control;
		else if (is_alnum(**p))
			return refuse(r, "an escape that rules do not have");
		else
			r->at += (*n = hr_utf8_size(*p, (size_t)(r->end - *p))) - 1;
		return 0;
	}
	if (take(r, '[')) {
		if (r->at < r->end && *r->at == ':')
			return named_class(r) < 0 ? -1 : 1;
		if (r->at < r->end && (*r->at == '.' || *r->at == '='))
			return refuse(r, "a collating element");
		*n = 1;
		return 0;
	}
	*n = hr_utf8_size(r->at, (size_t)(r->end - r->at));
	r->at += *n;
	return 0;
}

static int
brackets(struct rewrite *r)
{
	const uint8_t *low, *high;
	size_t low_n, high_n, size;
	uint8_t low_control, high_control;
	bool first = true;
	int rc;

	hr_buf_u8(&r->out, '[');
	if (take(r, '^'))
		hr_buf_u8(&r->out, '^');
	for (; first || !take(r, ']'); first = false) {
		if ((rc = member(r, &low, &low_n, &low_control)) < 0)
			return -1;
		if (rc)
			continue;
		put_member(r, low, low_n);
		if (r->end - r->at < 2 || *r->at != '-' || r->at[1] == ']')
			continue;
		r->at++;
		if ((rc = member(r, &high, &high_n, &high_control)) != 0)
			return rc < 0 ? -1 : refuse(r, "a range that ends in a class");
		if (*low >= 0x80 || *high >= 0x80)
			return refuse(r, "a range of characters beyond ASCII");
		if (hr_utf8_get(low, low_n, &size) > hr_utf8_get(high, high_n, &size))
			return refuse(r, "a range that goes down");
		hr_buf_u8(&r->out, '-');
		put_member(r, high, high_n);
	}
	hr_buf_u8(&r->out, ']');
	return 0;
}

static int
bound(struct rewrite *r, unsigned *v)
{
	unsigned n = 0;

	*v = 0;
	for (; r->at < r->end && *r->at >= '0' && *r->at <= '9'; r->at++, n++)
		*v = *v * 10 + (*r->at - '0');
	return n && n <= 3 && *v <= 255 ? 0 : refuse(r, "a bound that is no number up to 255");
}

/* * + ? {m,n} behind an atom of that size; -1, or 0. */
static int
quantifier(struct rewrite *r, uint64_t size)
{
	unsigned low, high;
	bool open = false;

	if (r->at == r->end)
		return 0;
	if (*r->at == '*' || *r->at == '+' || *r->at == '?') {
		hr_buf_u8(&r->out, *r->at++);
	} else if (*r->at == '{' && r->at + 1 < r->end && r->at[1] >= '0' && r->at[1] <= '9') {
		r->at++;
		if (bound(r, &low) < 0)
			return -1;
		high = low;
		if (take(r, ',')) {
			open = r->at < r->end && *r->at == '}';
			if (!open && bound(r, &high) < 0)
				return -1;
		}
		if (!take(r, '}') || high < low)
			return refuse(r, "bounds that are none");
		hr_buf_printf(&r->out, open ? "{%u,}" : "{%u,%u}", low, high);
		r->size += size * high;
	} else {
		return 0;
	}
	/* The shortest or the longest: it is there or not. */
	take(r, '?');
	if (r->size > HR_PATTERN_SIZE_MAX)
		return refuse(r, "too many repetitions");
	if (r->at < r->end && (strchr("*+?", *r->at) ||
	    (*r->at == '{' && r->at + 1 < r->end && r->at[1] >= '0' && r->at[1] <= '9')))
		return refuse(r, "two quantifiers in a row");
	return 0;
}

/* Nothing repeats it. */
static int
constraint(struct rewrite *r)
{
	if (r->at < r->end && strchr("*+?{", *r->at))
		return refuse(r, "a quantifier behind what is no character");
	return 0;
}

static int alternatives(struct rewrite *r);

/* An atom and what repeats it. */
static int
piece(struct rewrite *r)
{
	uint64_t before = r->size;
	uint8_t c = *r->at++;
	int rc;

	r->size++;
	switch (c) {
	case '^': case '$':
		hr_buf_u8(&r->out, c);
		return constraint(r);
	case '*': case '+': case '?':
		return refuse(r, "a quantifier behind nothing");
	case '.':
		hr_buf_u8(&r->out, c);
		break;
	case '\\':
		if ((rc = escape(r)) <= 0)
			return rc < 0 ? -1 : constraint(r);
		break;
	case '[':
		if (brackets(r) < 0)
			return -1;
		break;
	case '(':
		if (take(r, '?') && !take(r, ':'))
			return refuse(r, "(? and what is not :");
		if (++r->depth > 50)
			return refuse(r, "more than 50 parentheses inside one another");
		hr_buf_u8(&r->out, '(');
		if (alternatives(r) < 0)
			return -1;
		if (!take(r, ')'))
			return refuse(r, "a parenthesis that does not end");
		hr_buf_u8(&r->out, ')');
		r->depth--;
		break;
	case '{':
		if (r->at < r->end && *r->at >= '0' && *r->at <= '9')
			return refuse(r, "a quantifier behind nothing");
		put_literal(r, c);
		break;
	default:
		if (c < 0x80) {
			put_literal(r, c);
			break;
		}
		/* All bytes of a character are one atom, also where each is one. */
		r->at--;
		hr_buf_u8(&r->out, '(');
		hr_buf_put(&r->out, r->at, hr_utf8_size(r->at, (size_t)(r->end - r->at)));
		hr_buf_u8(&r->out, ')');
		r->at += hr_utf8_size(r->at, (size_t)(r->end - r->at));
		break;
	}
	return quantifier(r, r->size - before);
}

static int
alternatives(struct rewrite *r)
{
	hr_buf_u8(&r->out, '(');
	while (r->at < r->end && *r->at != ')') {
		if (take(r, '|')) {
			hr_buf_put(&r->out, ")|(", 3);
			continue;
		}
		if (piece(r) < 0)
			return -1;
	}
	hr_buf_u8(&r->out, ')');
	return 0;
}

static int
rewrite(struct rewrite *r, bool *fold)
{
	if (r->end - r->at > HR_PATTERN_MAX)
		return refuse(r, "more bytes than can be");
	if (r->end - r->at >= 3 && memcmp(r->at, "***", 3) == 0)
		return refuse(r, "*** in front");
	if (r->end - r->at >= 4 && memcmp(r->at, "(?i)", 4) == 0) {
		*fold = true;
		r->at += 4;
	}
	if (alternatives(r) < 0)
		return -1;
	return r->at < r->end ? refuse(r, "a parenthesis that does not begin") : 0;
}

static int
compile(regex_t *to, const char *text, int flags, struct hr_err *e)
{
	char why[128];
	int rc = regcomp(to, text, flags);

	if (rc == 0)
		return 0;
	regerror(rc, to, why, sizeof(why));
	return hr_fail(e, HR_CONFIG, "a regular expression that regcomp refuses: %s", why);
}

static bool
is_ascii(const uint8_t *p, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (p[i] >= 0x80)
			return false;
	return true;
}

struct hr_regex *
hr_regex_new(const uint8_t *pattern, size_t n, bool fold, struct hr_err *e)
{
	struct rewrite r = { .at = pattern, .end = pattern + n, .e = e };
	struct hr_regex *x = NULL;
	locale_t before;
	int flags = REG_EXTENDED | REG_NOSUB, rc;

	if (rewrite(&r, &fold) < 0)
		goto out;
	if (fold)
		flags |= REG_ICASE;
	x = hr_zalloc(sizeof(*x));
	rc = 0;
	/* Brackets can only hold characters of one byte there. */
	if (is_ascii(pattern, n) || hr_utf8_locale() == (locale_t)0) {
		rc = compile(&x->bytes, hr_buf_text(&r.out), flags, e);
		x->has_bytes = rc == 0;
	}
	if (rc == 0 && hr_utf8_locale() != (locale_t)0) {
		before = uselocale(hr_utf8_locale());
		rc = compile(&x->chars, hr_buf_text(&r.out), flags, e);
		uselocale(before);
		x->has_chars = rc == 0;
	}
	if (rc < 0) {
		hr_regex_free(x);
		x = NULL;
	}
out:
	hr_buf_clear(&r.out);
	return x;
}

void
hr_regex_free(struct hr_regex *r)
{
	if (r == NULL)
		return;
	if (r->has_bytes)
		regfree(&r->bytes);
	if (r->has_chars)
		regfree(&r->chars);
	free(r);
}

int
hr_regex_match(const struct hr_regex *r, const uint8_t *text, size_t n, struct hr_scratch *m, struct hr_err *e)
{
	regmatch_t span = { 0, (regoff_t)n };
	char *s = hr_scratch_take(m, n + 1);
	locale_t before;
	int rc;

	if (n > INT32_MAX - 1)
		return hr_fail(e, HR_REFUSED, "a text too long for a regular expression");
	if (n)
		memcpy(s, text, n);
	s[n] = '\0';
	if (!r->has_chars || (r->has_bytes && is_ascii(text, n))) {
		rc = regexec(&r->bytes, s, 1, &span, REG_STARTEND);
	} else {
		before = uselocale(hr_utf8_locale());
		rc = regexec(&r->chars, s, 1, &span, REG_STARTEND);
		uselocale(before);
	}
	if (rc != 0 && rc != REG_NOMATCH)
		return hr_fail(e, HR_TEMPORARY, "a regular expression ran out of memory");
	return rc == 0;
}
