/*
 * datum_parse.c - text as the input functions of built-in types take it.
 *
 * Dates and times are taken in ISO's forms only; see calendar.h.
 */

#include "base/hr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <strings.h>

#include "base/hex.h"
#include "base/lsn.h"
#include "rule/datum.h"
#include "rule/document.h"
#include "rule/utf8.h"

#define WORD_MAX 128		/* bytes of what is a number, an address or a word */

static bool
is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static void
trim(const char **s, size_t *n)
{
	for (; *n && is_blank(**s); ++*s, --*n)
		;
	while (*n && is_blank((*s)[*n - 1]))
		--*n;
}

static bool
begins(const char *word, const char *s, size_t n, size_t least)
{
	return n >= least && n <= strlen(word) && strncasecmp(word, s, n) == 0;
}

static bool
parse_bool(const char *s, size_t n, bool *b)
{
	trim(&s, &n);
	*b = begins("true", s, n, 1) || begins("yes", s, n, 1) || begins("on", s, n, 2) || begins("1", s, n, 1);
	return *b || begins("false", s, n, 1) || begins("no", s, n, 1) || begins("off", s, n, 2) ||
	    begins("0", s, n, 1);
}

/* 1, 0 when it is no number, -1 when it is out of range. */
static int
parse_int(const char *s, size_t n, int64_t low, int64_t high, int64_t *v)
{
	bool minus;

	trim(&s, &n);
	minus = n && *s == '-';
	if (n && (*s == '-' || *s == '+'))
		s++, n--;
	if (n == 0)
		return 0;
	for (*v = 0; n; s++, n--) {
		if (*s < '0' || *s > '9')
			return 0;
		if (__builtin_mul_overflow(*v, 10, v) ||
		    (minus ? __builtin_sub_overflow(*v, *s - '0', v) : __builtin_add_overflow(*v, *s - '0', v)))
			return -1;
	}
	return *v >= low && *v <= high ? 1 : -1;
}

static int
parse_float(const char *s, size_t n, bool narrow, double *f)
{
	char text[512], *end;
	const char *unsigned_text;

	trim(&s, &n);
	if (n == 0 || n >= sizeof(text))
		return 0;
	memcpy(text, s, n);
	text[n] = '\0';
	unsigned_text = text + (text[0] == '-' || text[0] == '+');
	if (strcasecmp(unsigned_text, "infinity") == 0 || strcasecmp(unsigned_text, "inf") == 0) {
		*f = text[0] == '-' ? -INFINITY : INFINITY;
		return 1;
	}
	if (strcasecmp(text, "nan") == 0) {
		*f = NAN;
		return 1;
	}
	if (strspn(text, "0123456789+-.eE") != n)
		return 0;
	errno = 0;
	*f = narrow ? (double)strtof(text, &end) : strtod(text, &end);
	if (*end != '\0' || end == text)
		return 0;
	return errno == ERANGE && (*f == 0 || isinf(*f)) ? -1 : 1;
}

/* {} around it, and hyphens behind each four digits, may be there. */
static bool
parse_uuid(const char *s, size_t n, uint8_t *to)
{
	int i;

	if (n > 1 && s[0] == '{' && s[n - 1] == '}') {
		s++;
		n -= 2;
	}
	for (i = 0; i < 16; i++) {
		if (n < 2 || hr_hex_value((uint8_t)s[0]) < 0 || hr_hex_value((uint8_t)s[1]) < 0)
			return false;
		to[i] = (uint8_t)(hr_hex_value((uint8_t)s[0]) << 4 | hr_hex_value((uint8_t)s[1]));
		s += 2;
		n -= 2;
		if (n && *s == '-' && i % 2 == 1 && i < 15)
			s++, n--;
	}
	return n == 0;
}

/* Six pairs of digits, alone or with one sign between them. */
static bool
parse_macaddr(const char *s, size_t n, uint8_t *to)
{
	char between;
	int i;

	trim(&s, &n);
	between = n > 2 && (s[2] == ':' || s[2] == '-') ? s[2] : '\0';
	for (i = 0; i < 6; i++) {
		if (i && between) {
			if (n == 0 || *s != between)
				return false;
			s++, n--;
		}
		if (n < 2 || hr_hex_value((uint8_t)s[0]) < 0 || hr_hex_value((uint8_t)s[1]) < 0)
			return false;
		to[i] = (uint8_t)(hr_hex_value((uint8_t)s[0]) << 4 | hr_hex_value((uint8_t)s[1]));
		s += 2;
		n -= 2;
	}
	return n == 0;
}

/* Are all bits from the given one on 0? */
static bool
ends_in_zeros(const uint8_t *p, unsigned size, unsigned bits)
{
	for (; bits < size * 8; bits++)
		if (p[bits / 8] >> (7 - bits % 8) & 1)
			return false;
	return true;
}

static bool
parse_inet(const char *s, size_t n, bool cidr, uint8_t *to, size_t *len)
{
	char text[WORD_MAX], *slash;
	int64_t bits;
	size_t size;

	trim(&s, &n);
	if (n == 0 || n >= sizeof(text))
		return false;
	memcpy(text, s, n);
	text[n] = '\0';
	if ((slash = strchr(text, '/')) != NULL)
		*slash++ = '\0';
	if (strlen(text) + (slash ? strlen(slash) + 1 : 0) != n)
		return false;
	if (inet_pton(AF_INET, text, to + 4) == 1)
		size = 4;
	else if (inet_pton(AF_INET6, text, to + 4) == 1)
		size = 16;
	else
		return false;
	bits = (int64_t)size * 8;
	if (slash && (*slash < '0' || *slash > '9' || parse_int(slash, strlen(slash), 0, bits, &bits) != 1))
		return false;
	if (cidr && !ends_in_zeros(to + 4, (unsigned)size, (unsigned)bits))
		return false;
	to[0] = size == 4 ? 2 : 3;
	to[1] = (uint8_t)bits;
	to[2] = cidr;
	to[3] = (uint8_t)size;
	*len = 4 + size;
	return true;
}

/* \x and digits, or characters with \\ and \ooo. */
static bool
parse_bytea(struct hr_datum *d, const char *s, size_t n, struct hr_scratch *m)
{
	uint8_t *to = hr_scratch_take(m, n);
	size_t i;

	d->s.p = to;
	if (n >= 2 && s[0] == '\\' && s[1] == 'x') {
		for (i = 2; i < n; i++) {
			if (is_blank(s[i]))
				continue;
			if (i + 1 == n || hr_hex_value((uint8_t)s[i]) < 0 || hr_hex_value((uint8_t)s[i + 1]) < 0)
				return false;
			*to++ = (uint8_t)(hr_hex_value((uint8_t)s[i]) << 4 | hr_hex_value((uint8_t)s[i + 1]));
			i++;
		}
	} else {
		for (i = 0; i < n; i++) {
			if (s[i] != '\\') {
				*to++ = (uint8_t)s[i];
			} else if (i + 1 < n && s[i + 1] == '\\') {
				*to++ = '\\';
				i++;
			} else if (i + 3 < n && s[i + 1] >= '0' && s[i + 1] <= '3' && s[i + 2] >= '0' &&
			    s[i + 2] <= '7' && s[i + 3] >= '0' && s[i + 3] <= '7') {
				*to++ = (uint8_t)((s[i + 1] - '0') << 6 | (s[i + 2] - '0') << 3 | (s[i + 3] - '0'));
				i += 3;
			} else {
				return false;
			}
		}
	}
	d->s.n = (size_t)(to - d->s.p);
	return true;
}

static bool
parse_lsn(const char *s, size_t n, int64_t *v)
{
	char text[HR_LSN_TEXT];
	hr_lsn lsn;

	if (n >= sizeof(text) || memchr(s, '\0', n))
		return false;
	memcpy(text, s, n);
	text[n] = '\0';
	if (hr_lsn_parse(text, &lsn) < 0)
		return false;
	*v = (int64_t)lsn;
	return true;
}

static bool
take_text(struct hr_datum *d, const char *s, size_t n)
{
	d->s.p = (const uint8_t *)s;
	d->s.n = n;
	return true;
}

static int
parse_json(struct hr_datum *d, const char *s, size_t n, struct hr_scratch *m)
{
	struct hr_document to;

	if (d->type == HR_TYPE_JSON)
		return hr_document_valid((const uint8_t *)s, n) && take_text(d, s, n);
	if (hr_document_canon((const uint8_t *)s, n, &to, m) < 0)
		return 0;
	d->s.p = to.p;
	d->s.n = to.n;
	return 1;
}

/* 1, 0 when it is no such text, -1 when the value is out of range. */
static int
parse(struct hr_datum *d, const char *s, size_t n, struct hr_scratch *m)
{
	uint8_t *to;

	switch (d->type) {
	case HR_TYPE_NONE: return 0;
	case HR_TYPE_BOOL: return parse_bool(s, n, &d->b);
	case HR_TYPE_INT2: return parse_int(s, n, INT16_MIN, INT16_MAX, &d->i);
	case HR_TYPE_INT4: return parse_int(s, n, INT32_MIN, INT32_MAX, &d->i);
	case HR_TYPE_INT8: return parse_int(s, n, INT64_MIN, INT64_MAX, &d->i);
	case HR_TYPE_OID: return parse_int(s, n, 0, UINT32_MAX, &d->i);
	case HR_TYPE_FLOAT4: return parse_float(s, n, true, &d->f);
	case HR_TYPE_FLOAT8: return parse_float(s, n, false, &d->f);
	case HR_TYPE_NUMERIC: return hr_numeric_parse(&d->num, s, n, m);
	case HR_TYPE_BYTEA: return parse_bytea(d, s, n, m);
	case HR_TYPE_DATE: return hr_date_parse(s, n, &d->i);
	case HR_TYPE_TIME: return hr_time_parse(s, n, &d->i);
	case HR_TYPE_TIMETZ: return hr_timetz_parse(s, n, &d->tz.us, &d->tz.west);
	case HR_TYPE_TIMESTAMP: return hr_timestamp_parse(s, n, false, &d->i);
	case HR_TYPE_TIMESTAMPTZ: return hr_timestamp_parse(s, n, true, &d->i);
	case HR_TYPE_INTERVAL: return hr_span_parse(s, n, &d->span);
	case HR_TYPE_LSN: return parse_lsn(s, n, &d->i);
	case HR_TYPE_JSON: case HR_TYPE_JSONB: return parse_json(d, s, n, m);
	case HR_TYPE_CHAR: return take_text(d, s, n ? 1 : 0);
	case HR_TYPE_UUID:
		d->s.p = to = hr_scratch_take(m, 16);
		d->s.n = 16;
		return parse_uuid(s, n, to);
	case HR_TYPE_MACADDR:
		d->s.p = to = hr_scratch_take(m, 6);
		d->s.n = 6;
		return parse_macaddr(s, n, to);
	case HR_TYPE_INET: case HR_TYPE_CIDR:
		d->s.p = to = hr_scratch_take(m, 20);
		return parse_inet(s, n, d->type == HR_TYPE_CIDR, to, &d->s.n);
	default: return take_text(d, s, n);
	}
}

/* Does the type have forms that are not taken here? */
static bool
has_forms(enum hr_type t)
{
	return t >= HR_TYPE_DATE && t <= HR_TYPE_INTERVAL;
}

int
hr_datum_parse(struct hr_datum *d, enum hr_type t, const char *s, size_t n, struct hr_scratch *m,
    struct hr_err *e)
{
	int rc;

	*d = (struct hr_datum){ .type = t };
	rc = parse(d, s, n, m);
	if (rc > 0)
		return 0;
	/* What it says is nobody's to read: it may be a row's, before it is masked. */
	if (rc < 0)
		return hr_fail(e, HR_REFUSED, "a text that is out of range for %s", hr_type_name(t));
	hr_fail(e, HR_REFUSED, "a text that is no %s", hr_type_name(t));
	return has_forms(t) ? hr_hint(e, "dates and times are written as ISO 8601 has them") : -1;
}
