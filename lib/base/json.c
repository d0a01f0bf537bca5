/* json.c - strings escaped, values checked and copied. */

#include "base/hr.h"

#include "base/hex.h"
#include "base/json.h"

/* Bytes of the UTF-8 sequence at p, 0 when it is none. */
static size_t
utf8(const uint8_t *p, size_t left)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t n = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 :
	    p[0] < 0xf0 ? 3 : p[0] < 0xf5 ? 4 : 0;
	uint32_t c;
	size_t i;

	if (n <= 1 || n > left)
		return n > left ? 0 : n;
	c = p[0] & (0x7fu >> n);
	for (i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	return c < least[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) ? 0 : n;
}

bool
hr_json_utf8(const void *s, size_t n)
{
	const uint8_t *p = s, *end = p + n;

	while (p < end) {
		if ((n = utf8(p, (size_t)(end - p))) == 0)
			return false;
		p += n;
	}
	return true;
}

static void
escape(struct hr_buf *b, uint8_t c)
{
	static const char from[] = "\"\\\n\t\r\b\f", to[] = "\"\\ntrbf";
	const char *at = memchr(from, c, sizeof(from) - 1);

	hr_buf_u8(b, '\\');
	if (at) {
		hr_buf_u8(b, (uint8_t)to[at - from]);
		return;
	}
	hr_buf_put(b, "u00", 3);
	hr_buf_u8(b, hr_hex_digit(c >> 4));
	hr_buf_u8(b, hr_hex_digit(c));
}

static bool
plain(uint8_t c)
{
	return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

void
hr_json_string(struct hr_buf *b, const void *s, size_t n)
{
	const uint8_t *p = s, *end = p + n, *from;

	hr_buf_need(b, n + 2);
	hr_buf_u8(b, '"');
	while (p < end) {
		for (from = p; p < end && plain(*p); p++)
			;
		hr_buf_put(b, from, (size_t)(p - from));
		if (p == end)
			break;
		if (*p < 0x80)
			escape(b, *p++);
		else if ((n = utf8(p, (size_t)(end - p))) != 0) {
			hr_buf_put(b, p, n);
			p += n;
		} else {
			hr_buf_put(b, "\357\277\275", 3);
			p++;
		}
	}
	hr_buf_u8(b, '"');
}

static void
space(struct hr_cur *c)
{
	while (c->at < c->end && (*c->at == ' ' || *c->at == '\t' || *c->at == '\n' || *c->at == '\r'))
		c->at++;
}

/* The byte at the cursor is ch: copy it. */
static bool
take(struct hr_buf *b, struct hr_cur *c, uint8_t ch)
{
	if (c->at == c->end || *c->at != ch)
		return false;
	c->at++;
	hr_buf_u8(b, ch);
	return true;
}

static bool
word(struct hr_buf *b, struct hr_cur *c, const char *w, size_t n)
{
	if (hr_cur_left(c) < n || memcmp(c->at, w, n) != 0)
		return false;
	hr_buf_put(b, hr_cur_bytes(c, n), n);
	return true;
}

static bool
digits(struct hr_cur *c)
{
	const uint8_t *from = c->at;

	while (c->at < c->end && *c->at >= '0' && *c->at <= '9')
		c->at++;
	return c->at > from;
}

static bool
number(struct hr_buf *b, struct hr_cur *c)
{
	const uint8_t *from = c->at, *whole;

	if (c->at < c->end && *c->at == '-')
		c->at++;
	whole = c->at;
	if (!digits(c) || (*whole == '0' && c->at > whole + 1))
		return false;
	if (c->at < c->end && *c->at == '.') {
		c->at++;
		if (!digits(c))
			return false;
	}
	if (c->at < c->end && (*c->at | 0x20) == 'e') {
		c->at++;
		if (c->at < c->end && (*c->at == '+' || *c->at == '-'))
			c->at++;
		if (!digits(c))
			return false;
	}
	hr_buf_put(b, from, (size_t)(c->at - from));
	return true;
}

static bool
string(struct hr_buf *b, struct hr_cur *c)
{
	const uint8_t *from = c->at, *p = from + 1;
	size_t n;
	int i;

	for (;;) {
		while (p < c->end && plain(*p))
			p++;
		if (p == c->end || *p < 0x20)
			return false;
		if (*p == '"')
			break;
		if (*p != '\\') {
			if ((n = utf8(p, (size_t)(c->end - p))) == 0)
				return false;
			p += n;
			continue;
		}
		if (++p == c->end)
			return false;
		if (*p == 'u') {
			for (i = 0; i < 4; i++)
				if (++p == c->end || *p == '\0' || strchr("0123456789abcdefABCDEF", *p) == NULL)
					return false;
		} else if (*p == '\0' || strchr("\"\\/bfnrt", *p) == NULL)
			return false;
		p++;
	}
	hr_buf_put(b, from, (size_t)(p + 1 - from));
	c->at = p + 1;
	return true;
}

static bool
value(struct hr_buf *b, struct hr_cur *c, int depth)
{
	uint8_t close;

	space(c);
	if (c->at == c->end || depth == HR_JSON_DEPTH)
		return false;
	switch (*c->at) {
	case '"': return string(b, c);
	case 't': return word(b, c, "true", 4);
	case 'f': return word(b, c, "false", 5);
	case 'n': return word(b, c, "null", 4);
	case '{':
	case '[':
		break;
	default: return number(b, c);
	}
	close = *c->at + 2;	/* '}' and ']' */
	hr_buf_u8(b, *c->at++);
	space(c);
	if (take(b, c, close))
		return true;
	do {
		space(c);
		if (close == '}') {
			if (c->at == c->end || *c->at != '"' || !string(b, c))
				return false;
			space(c);
			if (!take(b, c, ':'))
				return false;
		}
		if (!value(b, c, depth + 1))
			return false;
		space(c);
	} while (take(b, c, ','));
	return take(b, c, close);
}

int
hr_json_compact(struct hr_buf *b, const void *s, size_t n)
{
	struct hr_cur c = hr_cur(s, n);
	size_t mark = b->len;

	if (value(b, &c, 0)) {
		space(&c);
		if (c.at == c.end)
			return 1;
	}
	b->len = mark;
	return 0;
}
