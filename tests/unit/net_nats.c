/* Names as tokens of a subject and as keys, and the parts of a URL. */
#include "base/hr.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "net/subject.h"
#include "tap.h"

static void
token(const char *name, size_t n, const char *want)
{
	struct hr_buf b = HR_BUF_INIT, back = HR_BUF_INIT;

	hr_nats_token(&b, name, n);
	is(hr_buf_text(&b), want, want);
	ok(hr_nats_token_decode(&back, (char *)b.data, b.len) && back.len == n &&
	    (n == 0 || memcmp(back.data, name, n) == 0), "%s and back", want);
	hr_buf_clear(&b);
	hr_buf_clear(&back);
}

static void
tokens(void)
{
	static const char *const none[] = { "", "%2", "%2e", "%41", "a.b", "a b", "%%", "a%", "%zz" };
	struct hr_buf b = HR_BUF_INIT, back = HR_BUF_INIT;
	uint8_t all[256];
	bool good = true;
	size_t i;

	token("acme", 4, "acme");
	token("", 0, "%");
	token("%", 1, "%25");
	token("a.b*>", 5, "a%2Eb%2A%3E");
	token("a b\0\n", 5, "a%20b%00%0A");
	token("caf\xc3\xa9", 5, "caf%C3%A9");
	for (i = 0; i < 256; i++)
		all[i] = (uint8_t)i;
	hr_nats_token(&b, all, sizeof(all));
	for (i = 0; i < b.len; i++)
		good &= b.data[i] > ' ' && b.data[i] < 0x7f && !strchr(".*>", b.data[i]);
	ok(good, "no byte of a token is one that NATS does not take");
	ok(hr_nats_token_decode(&back, (char *)b.data, b.len) && back.len == 256 &&
	    memcmp(back.data, all, 256) == 0, "every byte there and back");
	for (i = 0; i < HR_COUNT(none); i++) {
		hr_buf_reset(&back);
		ok(!hr_nats_token_decode(&back, none[i], strlen(none[i])) && back.len == 0,
		    "'%s' is no token", none[i]);
	}
	hr_buf_reset(&b);
	hr_nats_key(&b, "a.b c", 5);
	is(hr_buf_text(&b), "a=2Eb=20c", "a key has = for %");
	hr_buf_clear(&b);
	hr_buf_clear(&back);
}

static void
address(const char *url, const char *user, const char *password, const char *host, const char *server,
    const char *stream)
{
	struct hr_err e = HR_ERR_INIT;
	struct hr_nats_address a;

	ok(hr_nats_address_parse(&a, url, &e) == 0, "%s", url);
	is(a.user, user, "its user");
	is(a.password, password, "its password");
	is(a.host, host, "its host");
	is(a.server, server, "its server");
	is(a.stream, stream, "its stream");
	ok(a.tls == (*url == 't'), "its TLS");
	hr_nats_address_clear(&a);
}

static void
addresses(void)
{
	static const char *const wrong[] = {
		"http://a/S", "nats:///S", "nats://a:0/S", "nats://a:99999/S", "nats://a:x/S", "nats://[::1/S",
		"nats://[::1]x/S", "nats://a/S.T", "nats://a/S/T", "nats://:secret@a/S", "nats://u:secret%@a/S",
		"nats://u:secret%00@a/S", "nats://a:/S", "nats://a/S?x",
	};
	struct hr_err e;
	struct hr_nats_address a;
	size_t i;

	address("nats://h/S", NULL, NULL, "h", "h:4222", "S");
	address("nats://h", NULL, NULL, "h", "h:4222", NULL);
	address("nats://h:1/", NULL, NULL, "h", "h:1", NULL);
	address("tls://u@h:4223/S_1-x", "u", NULL, "h", "h:4223", "S_1-x");
	address("nats://u:p%40%3a@[::1]:5/S", "u", "p@:", "::1", "[::1]:5", "S");
	address("nats://u:@[fe80::1]/S", "u", "", "fe80::1", "[fe80::1]:4222", "S");
	address("nats://u:p@q@h/S", "u", "p@q", "h", "h:4222", "S");
	for (i = 0; i < HR_COUNT(wrong); i++) {
		e = (struct hr_err)HR_ERR_INIT;
		ok(hr_nats_address_parse(&a, wrong[i], &e) == -1 && e.code == HR_USAGE && *e.hint &&
		    !strstr(e.what, "secret"), "refused: %s", wrong[i]);
	}
}

int
main(void)
{
	tokens();
	addresses();
	return tap_done();
}
