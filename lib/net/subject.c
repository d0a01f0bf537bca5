/* subject.c - bytes to tokens, keys and back, and the parts of a URL. */
#include "base/hr.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/hex.h"
#include "base/opt.h"
#include "net/subject.h"

#define NAME_MAX_BYTES	64
#define PORT		"4222"

/* Not by ctype.h: the locale has no say. */
static bool
plain(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	    c == '-' || c == '_';
}

static void
escape(struct hr_buf *b, const uint8_t *p, size_t n, char sign)
{
	size_t i;

	if (n == 0)
		hr_buf_u8(b, (uint8_t)sign);
	for (i = 0; i < n; i++) {
		if (plain(p[i]))
			hr_buf_u8(b, p[i]);
		else
			hr_buf_printf(b, "%c%02X", sign, p[i]);
	}
}

void
hr_nats_token(struct hr_buf *b, const void *name, size_t n)
{
	escape(b, name, n, '%');
}

void
hr_nats_key(struct hr_buf *b, const void *name, size_t n)
{
	escape(b, name, n, '=');
}

/* One name has one token, so lower case digits and what had no need are refused. */
bool
hr_nats_token_decode(struct hr_buf *b, const char *token, size_t n)
{
	size_t start = b->len, i;
	uint8_t c;

	if (n == 1 && token[0] == '%')
		return true;
	for (i = 0; i < n; i++) {
		if (plain((uint8_t)token[i])) {
			hr_buf_u8(b, (uint8_t)token[i]);
			continue;
		}
		if (token[i] != '%' || n - i < 3 || !hr_hex_get(&c, (const uint8_t *)token + i + 1, 2) ||
		    plain(c) || token[i + 1] >= 'a' || token[i + 2] >= 'a')
			break;
		hr_buf_u8(b, c);
		i += 2;
	}
	if (n && i == n)
		return true;
	b->len = start;
	return false;
}

bool
hr_nats_is_name(const char *s)
{
	size_t n = strlen(s), i;

	for (i = 0; i < n; i++) {
		if (!plain((uint8_t)s[i]))
			return false;
	}
	return n > 0 && n <= NAME_MAX_BYTES;
}

bool
hr_nats_is_address(const char *url)
{
	return strncmp(url, "nats://", 7) == 0 || strncmp(url, "tls://", 6) == 0;
}

/* What stands in the user's part; NULL: a % without its digits, or %00. */
static char *
decoded(const char *s, size_t n)
{
	struct hr_buf b = HR_BUF_INIT;
	size_t i, len;
	uint8_t c;

	for (i = 0; i < n; i++) {
		c = (uint8_t)s[i];
		if (c == '%') {
			if (n - i < 3 || !hr_hex_get(&c, (const uint8_t *)s + i + 1, 2) || c == 0) {
				hr_buf_clear(&b);
				return NULL;
			}
			i += 2;
		}
		hr_buf_u8(&b, c);
	}
	hr_buf_u8(&b, 0);
	return (char *)hr_buf_take(&b, &len);
}

static int
wrong(struct hr_nats_address *a, struct hr_err *e, const char *what)
{
	hr_nats_address_clear(a);
	hr_fail(e, HR_USAGE, "not the address of a stream: %s", what);
	return hr_hint(e, "write nats://HOST:4222/STREAM, or tls:// for TLS");
}

static bool
parse_user(struct hr_nats_address *a, const char *s, size_t n)
{
	const char *colon = memchr(s, ':', n);
	size_t len = colon ? (size_t)(colon - s) : n;

	a->user = decoded(s, len);
	if (colon)
		a->password = decoded(colon + 1, n - len - 1);
	return a->user && *a->user && (!colon || a->password);
}

/* HOST, HOST:PORT, [HOST], [HOST]:PORT. */
static bool
parse_host(struct hr_nats_address *a, const char *s, size_t n)
{
	const char *end, *port = PORT;
	bool brackets = n && *s == '[';
	char *text = hr_memdup(s, n);
	int64_t number;
	bool good = false;

	end = brackets ? strchr(text, ']') : text + strcspn(text, ":");
	if (!end)
		goto out;
	a->host = hr_memdup(text + brackets, (size_t)(end - text) - brackets);
	end += brackets;
	if (*end == ':')
		port = end + 1;
	else if (*end)
		goto out;
	if (!*a->host || strpbrk(a->host, " %/?#[]") || hr_opt_int(port, 1, 65535, &number) == -1)
		goto out;
	a->server = hr_sprintf(brackets ? "[%s]:%d" : "%s:%d", a->host, (int)number);
	good = true;
out:
	free(text);
	return good;
}

int
hr_nats_address_parse(struct hr_nats_address *a, const char *url, struct hr_err *e)
{
	const char *s, *slash, *at;
	size_t n;

	memset(a, 0, sizeof(*a));
	if (!hr_nats_is_address(url))
		return wrong(a, e, "it begins with neither nats:// nor tls://");
	a->tls = *url == 't';
	s = strstr(url, "://") + 3;
	slash = strchr(s, '/');
	n = slash ? (size_t)(slash - s) : strlen(s);
	at = memrchr(s, '@', n);
	if (at) {
		if (!parse_user(a, s, (size_t)(at - s)))
			return wrong(a, e, "a user, or a password, that cannot be one");
		n -= (size_t)(at + 1 - s);
		s = at + 1;
	}
	if (!parse_host(a, s, n))
		return wrong(a, e, "no host, or no port from 1 to 65535");
	if (slash && slash[1]) {
		if (!hr_nats_is_name(slash + 1))
			return wrong(a, e, "a stream's name has letters, digits, - and _, 64 at most");
		a->stream = hr_strdup(slash + 1);
	}
	return 0;
}

void
hr_nats_address_clear(struct hr_nats_address *a)
{
	free(a->user);
	free(a->password);
	free(a->host);
	free(a->server);
	free(a->stream);
	memset(a, 0, sizeof(*a));
}
