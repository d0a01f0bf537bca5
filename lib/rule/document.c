/* document.c - looking into json and jsonb. */

#include "base/hr.h"

#include <stdlib.h>

#include "base/json.h"
#include "rule/document.h"
#include "rule/numeric.h"
#include "rule/utf8.h"

struct scan {
	const uint8_t *at, *end;
};

static void
blanks(struct scan *s)
{
	while (s->at < s->end && (*s->at == ' ' || *s->at == '\t' || *s->at == '\n' || *s->at == '\r'))
		s->at++;
}

static bool
take(struct scan *s, char c)
{
	blanks(s);
	if (s->at == s->end || *s->at != (uint8_t)c)
		return false;
	s->at++;
	return true;
}

static int
hex(uint8_t c)
{
	return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

/* A string with its quotes. */
static bool
skip_string(struct scan *s)
{
	int i;

	if (!take(s, '"'))
		return false;
	while (s->at < s->end && *s->at != '"') {
		if (*s->at < ' ')
			return false;
		if (*s->at++ != '\\')
			continue;
		if (s->at == s->end || *s->at == '\0' || strchr("\"\\/bfnrtu", *s->at) == NULL)
			return false;
		if (*s->at++ == 'u')
			for (i = 0; i < 4; i++)
				if (s->at == s->end || hex(*s->at++) < 0)
					return false;
	}
	return take(s, '"');
}

static bool
skip_digits(struct scan *s)
{
	const uint8_t *from = s->at;

	while (s->at < s->end && *s->at >= '0' && *s->at <= '9')
		s->at++;
	return s->at > from;
}

static bool
skip_number(struct scan *s)
{
	if (s->at < s->end && *s->at == '-')
		s->at++;
	if (s->at < s->end && *s->at == '0')
		s->at++;
	else if (!skip_digits(s))
		return false;
	if (s->at < s->end && *s->at == '.' && (s->at++, !skip_digits(s)))
		return false;
	if (s->at < s->end && (*s->at == 'e' || *s->at == 'E')) {
		s->at++;
		if (s->at < s->end && (*s->at == '+' || *s->at == '-'))
			s->at++;
		return skip_digits(s);
	}
	return true;
}

static bool
skip_word(struct scan *s, const char *word)
{
	size_t n = strlen(word);

	if ((size_t)(s->end - s->at) < n || memcmp(s->at, word, n) != 0)
		return false;
	s->at += n;
	return true;
}

static bool
skip_value(struct scan *s, int depth)
{
	char close;

	blanks(s);
	if (s->at == s->end || depth > HR_JSON_DEPTH)
		return false;
	switch (*s->at) {
	case '"': return skip_string(s);
	case 't': return skip_word(s, "true");
	case 'f': return skip_word(s, "false");
	case 'n': return skip_word(s, "null");
	case '{': case '[': break;
	default: return skip_number(s);
	}
	close = *s->at++ == '{' ? '}' : ']';
	if (take(s, close))
		return true;
	do {
		if (close == '}' && (!skip_string(s) || !take(s, ':')))
			return false;
		if (!skip_value(s, depth + 1))
			return false;
	} while (take(s, ','));
	return take(s, close);
}

bool
hr_document_valid(const uint8_t *p, size_t n)
{
	struct scan s = { p, p + n };

	if (!hr_json_utf8(p, n) || !skip_value(&s, 1))
		return false;
	blanks(&s);
	return s.at == s.end;
}

char
hr_document_kind(struct hr_document d)
{
	struct scan s = { d.p, d.p + d.n };

	blanks(&s);
	return s.at < s.end ? (char)*s.at : '\0';
}

/* The value at the cursor, without blanks around it. */
static bool
take_value(struct scan *s, struct hr_document *v)
{
	blanks(s);
	v->p = s->at;
	if (!skip_value(s, 1))
		return false;
	v->n = (size_t)(s->at - v->p);
	return true;
}

/* --- strings --- */

/* The four digits of a \u escape, and the other half behind it; 0 is no character. */
static uint32_t
escaped(struct scan *s)
{
	uint32_t c = 0, low = 0;
	int i;

	for (i = 0; i < 4; i++)
		c = c << 4 | (uint32_t)hex(*s->at++);
	if (c >= 0xdc00 && c < 0xe000)
		return 0;
	if (c < 0xd800 || c >= 0xdc00)
		return c;
	if (s->end - s->at < 6 || s->at[0] != '\\' || s->at[1] != 'u')
		return 0;
	for (i = 2; i < 6; i++)
		low = low << 4 | (uint32_t)hex(s->at[i]);
	s->at += 6;
	return low >= 0xdc00 && low < 0xe000 ? 0x10000 + ((c & 0x3ff) << 10 | (low & 0x3ff)) : 0;
}

/* The characters of a string, given with its quotes and well-formed. */
static bool
unescape(struct hr_document d, struct hr_document *to, struct hr_scratch *m)
{
	struct scan s = { d.p + 1, d.p + d.n - 1 };
	uint8_t *at;
	uint32_t c;

	to->p = s.at;
	to->n = d.n - 2;
	if (memchr(s.at, '\\', to->n) == NULL)
		return true;
	to->p = at = hr_scratch_take(m, to->n);
	while (s.at < s.end) {
		if (*s.at != '\\') {
			*at++ = *s.at++;
			continue;
		}
		s.at++;
		switch (*s.at++) {
		case 'b': *at++ = '\b'; break;
		case 'f': *at++ = '\f'; break;
		case 'n': *at++ = '\n'; break;
		case 'r': *at++ = '\r'; break;
		case 't': *at++ = '\t'; break;
		case 'u':
			if ((c = escaped(&s)) == 0)
				return false;
			at += hr_utf8_put(at, c);
			break;
		default: *at++ = s.at[-1]; break;
		}
	}
	to->n = (size_t)(at - to->p);
	return true;
}

/* Is the string at d, with its quotes, these characters? */
static bool
is_string(struct hr_document d, const uint8_t *key, size_t n, struct hr_scratch *m)
{
	struct hr_document text;

	return unescape(d, &text, m) && text.n == n && (n == 0 || memcmp(text.p, key, n) == 0);
}

/* --- looking --- */

int
hr_document_member(struct hr_document d, const uint8_t *key, size_t n, struct hr_document *to,
    struct hr_scratch *m)
{
	struct scan s = { d.p, d.p + d.n };
	struct hr_document name, v;
	int found = 0;

	if (!take(&s, '{') || take(&s, '}'))
		return 0;
	do {
		if (!take_value(&s, &name) || *name.p != '"' || !take(&s, ':') || !take_value(&s, &v))
			return -1;
		/* Of two, the last counts. */
		if (is_string(name, key, n, m)) {
			*to = v;
			found = 1;
		}
	} while (take(&s, ','));
	return take(&s, '}') ? found : -1;
}

int
hr_document_element(struct hr_document d, int64_t index, struct hr_document *to)
{
	struct scan s = { d.p, d.p + d.n };
	struct hr_document v;
	int64_t count = 0;

	if (index < 0) {
		if (!take(&s, '[') || take(&s, ']'))
			return 0;
		do {
			if (!take_value(&s, &v))
				return -1;
			count++;
		} while (take(&s, ','));
		if (-(uint64_t)index > (uint64_t)count)
			return 0;
		index += count;
		s = (struct scan){ d.p, d.p + d.n };
	}
	if (!take(&s, '[') || take(&s, ']'))
		return 0;
	do {
		if (!take_value(&s, &v))
			return -1;
		if (index-- == 0) {
			*to = v;
			return 1;
		}
	} while (take(&s, ','));
	return 0;
}

int
hr_document_step(struct hr_document d, const uint8_t *key, size_t n, struct hr_document *to,
    struct hr_scratch *m)
{
	char text[24], *end;
	long index;

	if (hr_document_kind(d) == '{')
		return hr_document_member(d, key, n, to, m);
	if (hr_document_kind(d) != '[' || n == 0 || n >= sizeof(text))
		return 0;
	memcpy(text, key, n);
	text[n] = '\0';
	index = strtol(text, &end, 10);
	if (*end != '\0' || index > INT32_MAX || index < INT32_MIN)
		return 0;
	return hr_document_element(d, index, to);
}

int
hr_document_has(struct hr_document d, const uint8_t *key, size_t n, struct hr_scratch *m)
{
	struct scan s = { d.p, d.p + d.n };
	struct hr_document v;

	switch (hr_document_kind(d)) {
	case '{':
		return hr_document_member(d, key, n, &v, m);
	case '[':
		take(&s, '[');
		if (take(&s, ']'))
			return 0;
		do {
			if (!take_value(&s, &v))
				return -1;
			if (*v.p == '"' && is_string(v, key, n, m))
				return 1;
		} while (take(&s, ','));
		return 0;
	case '"':
		return take_value(&s, &v) ? is_string(v, key, n, m) : -1;
	default:
		return 0;
	}
}

int
hr_document_text(struct hr_document d, struct hr_document *to, struct hr_scratch *m)
{
	struct scan s = { d.p, d.p + d.n };
	struct hr_document v;

	switch (hr_document_kind(d)) {
	case 'n':
		return 0;
	case '"':
		return take_value(&s, &v) && unescape(v, to, m) ? 1 : -1;
	default:
		*to = d;
		return 1;
	}
}

/* --- jsonb --- */

struct member {
	struct hr_document name;
	struct hr_document value;	/* as it was written */
	size_t order;
};

/* Shorter keys first; of one key the last written first. */
static int
order_members(const void *a, const void *b)
{
	const struct member *x = a, *y = b;
	int order;

	if (x->name.n != y->name.n)
		return x->name.n < y->name.n ? -1 : 1;
	order = x->name.n ? memcmp(x->name.p, y->name.p, x->name.n) : 0;
	return order ? order : x->order > y->order ? -1 : 1;
}

static bool
same_name(const struct member *x, const struct member *y)
{
	return x->name.n == y->name.n && (x->name.n == 0 || memcmp(x->name.p, y->name.p, x->name.n) == 0);
}

static void
put_string(struct hr_buf *out, struct hr_document text)
{
	static const char letter[] = { ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't' };
	size_t i;

	hr_buf_u8(out, '"');
	for (i = 0; i < text.n; i++) {
		uint8_t c = text.p[i];

		if (c == '"' || c == '\\')
			hr_buf_u8(out, '\\');
		if (c >= ' ')
			hr_buf_u8(out, c);
		else if (c < sizeof(letter) && letter[c])
			hr_buf_printf(out, "\\%c", letter[c]);
		else
			hr_buf_printf(out, "\\u%04x", c);
	}
	hr_buf_u8(out, '"');
}

static bool put_canon(struct hr_buf *out, struct hr_document d, struct hr_scratch *m);

static bool
put_object(struct hr_buf *out, struct hr_document d, struct hr_scratch *m)
{
	struct scan s = { d.p, d.p + d.n };
	struct hr_document name;
	struct member *member = NULL;
	size_t n = 0, count = 0, i;
	bool first = true;

	take(&s, '{');
	if (!take(&s, '}'))
		do {
			if (!take_value(&s, &name) || !take(&s, ':') || !take_value(&s, &name))
				return false;
			count++;
		} while (take(&s, ','));
	member = hr_scratch_take(m, count * sizeof(*member));
	s = (struct scan){ d.p + 1, d.p + d.n };
	for (n = 0; n < count; n++, take(&s, ',')) {
		member[n].order = n;
		if (!take_value(&s, &name) || !unescape(name, &member[n].name, m) || !take(&s, ':') ||
		    !take_value(&s, &member[n].value))
			return false;
	}
	if (n)
		qsort(member, n, sizeof(*member), order_members);
	hr_buf_u8(out, '{');
	for (i = 0; i < n; i++) {
		if (i && same_name(&member[i - 1], &member[i]))
			continue;
		if (!first)
			hr_buf_put(out, ", ", 2);
		first = false;
		put_string(out, member[i].name);
		hr_buf_put(out, ": ", 2);
		if (!put_canon(out, member[i].value, m))
			return false;
	}
	hr_buf_u8(out, '}');
	return true;
}

static bool
put_canon(struct hr_buf *out, struct hr_document d, struct hr_scratch *m)
{
	struct scan s = { d.p, d.p + d.n };
	struct hr_document v;
	struct hr_numeric x;
	bool first = true;

	switch (*d.p) {
	case '{':
		return put_object(out, d, m);
	case '[':
		take(&s, '[');
		hr_buf_u8(out, '[');
		if (!take(&s, ']'))
			do {
				if (!first)
					hr_buf_put(out, ", ", 2);
				first = false;
				if (!take_value(&s, &v) || !put_canon(out, v, m))
					return false;
			} while (take(&s, ','));
		hr_buf_u8(out, ']');
		return true;
	case '"':
		if (!unescape(d, &v, m))
			return false;
		put_string(out, v);
		return true;
	case 't': case 'f': case 'n':
		hr_buf_put(out, d.p, d.n);
		return true;
	default:
		if (!hr_numeric_parse(&x, (const char *)d.p, d.n, m))
			return false;
		hr_numeric_format(out, &x);
		return true;
	}
}

int
hr_document_canon(const uint8_t *p, size_t n, struct hr_document *to, struct hr_scratch *m)
{
	struct scan s = { p, p + n };
	struct hr_buf out = HR_BUF_INIT;
	struct hr_document d;
	int rc = -1;

	if (hr_document_valid(p, n) && take_value(&s, &d) && put_canon(&out, d, m)) {
		to->p = hr_scratch_copy(m, out.data, out.len);
		to->n = out.len;
		rc = 0;
	}
	hr_buf_clear(&out);
	return rc;
}

bool
hr_document_equal(struct hr_document x, struct hr_document y, struct hr_scratch *m)
{
	struct scan a = { x.p, x.p + x.n }, b = { y.p, y.p + y.n };
	struct scan from_a, from_b;
	struct hr_numeric na, nb;
	size_t n;

	for (; a.at < a.end && b.at < b.end; ) {
		from_a = a;
		from_b = b;
		if (*a.at == '"') {
			if (!skip_string(&a) || !skip_string(&b))
				return false;
			n = (size_t)(a.at - from_a.at);
			if ((size_t)(b.at - from_b.at) != n || memcmp(from_a.at, from_b.at, n) != 0)
				return false;
		} else if (*a.at == '-' || (*a.at >= '0' && *a.at <= '9')) {
			if (!skip_number(&a) || !skip_number(&b) ||
			    !hr_numeric_parse(&na, (const char *)from_a.at, (size_t)(a.at - from_a.at), m) ||
			    !hr_numeric_parse(&nb, (const char *)from_b.at, (size_t)(b.at - from_b.at), m) ||
			    hr_numeric_cmp(&na, &nb) != 0)
				return false;
		} else if (*a.at++ != *b.at++) {
			return false;
		}
	}
	return a.at == a.end && b.at == b.end;
}
