/* rule_key - a secret from a file, and the keys made of it. */

#include "base/hr.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "rule/key.h"
#include "tap.h"

static char dir[] = "/tmp/hr-key-XXXXXX", path[64];

static void
put(const void *p, size_t n, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || fchmod(fd, mode) < 0 || write(fd, p, n) != (ssize_t)n)
		abort();
	close(fd);
}

static const char *
hex(const uint8_t *p, size_t n)
{
	static char text[256];
	size_t i;

	for (i = 0; i < n; i++)
		snprintf(text + 2 * i, 3, "%02x", p[i]);
	return text;
}

/* A key that the file gives, as 8 bytes derived of it. */
static const char *
loaded(const char *text)
{
	struct hr_err e = HR_ERR_INIT;
	struct hr_key k = HR_KEY_INIT;
	uint8_t out[8] = { 0 };

	put(text, strlen(text), 0600);
	if (hr_key_load(&k, path, &e) < 0)
		return "not loaded";
	hr_key_derive(&k, "x", NULL, out, sizeof(out));
	hr_key_clear(&k);
	return hex(out, sizeof(out));
}

static const char *
of_bytes(const char *bytes)
{
	struct hr_key k = HR_KEY_INIT;
	uint8_t out[8];

	hr_key_set(&k, bytes, strlen(bytes));
	hr_key_derive(&k, "x", NULL, out, sizeof(out));
	return hex(out, sizeof(out));
}

static void
same(const char *text, const char *bytes, const char *what)
{
	char want[32];

	snprintf(want, sizeof(want), "%s", of_bytes(bytes));
	is(loaded(text), want, what);
}

static void
refused(const char *text, const char *part, const char *what)
{
	struct hr_err e = HR_ERR_INIT;
	struct hr_key k = HR_KEY_INIT;

	put(text, strlen(text), 0600);
	ok(hr_key_load(&k, path, &e) == -1 && e.code == HR_CONFIG && strstr(e.what, part) &&
	    strstr(e.what, path) && !k.loaded && (strlen(text) < 8 || !strstr(e.what, text)), "%s", what);
	if (strstr(e.what, part) == NULL)
		printf("#  got: %s\n", e.what);
}

static void
modes(void)
{
	struct hr_err e = HR_ERR_INIT;
	struct hr_key k = HR_KEY_INIT;
	int fd;

	put("0123456789abcdef", 16, 0640);
	ok(hr_key_load(&k, path, &e) == -1 && e.code == HR_CONFIG && strstr(e.what, "0640"),
	    "a file that its group can read is refused");
	ok(strstr(e.hint, "chmod 600") && strstr(e.hint, path), "with what to run");
	put("0123456789abcdef", 16, 0604);
	ok(hr_key_load(&k, path, &e) == -1, "one that others can read too");
	put("0123456789abcdef", 16, 0400);
	ok(hr_key_load(&k, path, &e) == 0 && k.loaded, "one that only its owner can read is taken");
	hr_key_clear(&k);
	ok(!k.loaded && k.prk[0] == 0 && k.prk[31] == 0, "clearing overwrites");
	fd = open(path, O_RDONLY);
	ok(hr_key_read(&k, fd, &e) == 0 && k.loaded, "a descriptor of it is taken");
	ok(close(fd) == 0, "and left open");
	ok(hr_key_read(&k, fd, &e) == -1 && e.code == HR_CONFIG, "a closed one is refused");
	ok(hr_key_load(&k, dir, &e) == -1 && e.code == HR_CONFIG, "a directory is refused");
	unlink(path);
	ok(hr_key_load(&k, path, &e) == -1 && e.code == HR_CONFIG, "a file that is not there too");
}

static void
pipes(void)
{
	struct hr_err e = HR_ERR_INIT;
	struct hr_key k = HR_KEY_INIT;
	int fd[2];

	if (pipe(fd) < 0 || write(fd[1], "hex:000102030405060708090a0b0c0d0e0f\n", 37) != 37)
		abort();
	close(fd[1]);
	ok(hr_key_read(&k, fd[0], &e) == 0 && k.loaded, "a pipe is read to its end");
	ok(hr_key_read(&k, fd[0], &e) == -1 && strstr(e.what, "0 bytes"), "and then has no key");
	close(fd[0]);
}

static void
limits(void)
{
	static char text[2 * HR_KEY_MOST + 16];
	struct hr_err e = HR_ERR_INIT;
	struct hr_key k = HR_KEY_INIT;

	memset(text, 'a', sizeof(text));
	put(text, HR_KEY_MOST, 0600);
	ok(hr_key_load(&k, path, &e) == 0, "the longest is taken");
	put(text, HR_KEY_MOST + 1, 0600);
	ok(hr_key_load(&k, path, &e) == -1 && e.code == HR_CONFIG, "a longer one is not");
	put(text, sizeof(text), 0600);
	ok(hr_key_load(&k, path, &e) == -1 && strstr(e.what, "longer"), "nor a much longer one");
	memcpy(text, "hex:", 4);
	put(text, 4 + 2 * HR_KEY_MOST, 0600);
	ok(hr_key_load(&k, path, &e) == 0, "the longest in hexadecimal is");
}

/* RFC 5869, test case 3: no salt, no info. */
static void
rfc5869(void)
{
	struct hr_key k = HR_KEY_INIT;
	uint8_t secret[22], out[42];

	memset(secret, 0x0b, sizeof(secret));
	hr_key_set(&k, secret, sizeof(secret));
	is(hex(k.prk, sizeof(k.prk)), "19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04",
	    "RFC 5869 test case 3: PRK");
	hr_key_derive(&k, "", NULL, out, sizeof(out));
	is(hex(out, sizeof(out)), "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"
	    "9d201395faa4b61a96c8", "RFC 5869 test case 3: OKM");
}

static void
purposes(void)
{
	struct hr_key k = HR_KEY_INIT;
	static const char *const purpose[] = { "a", "b", "a", "a", "ab" },
	    *const domain[] = { NULL, NULL, "", "b", NULL };
	uint8_t out[HR_COUNT(purpose)][32], again[32];
	size_t i, j;
	bool differ = true;

	hr_key_set(&k, "0123456789abcdef", 16);
	for (i = 0; i < HR_COUNT(purpose); i++)
		hr_key_derive(&k, purpose[i], domain[i], out[i], 32);
	for (i = 0; i < HR_COUNT(purpose); i++)
		for (j = 0; j < i; j++)
			differ &= memcmp(out[i], out[j], 32) != 0;
	ok(differ, "another purpose or domain is another key");
	hr_key_derive(&k, "a", "b", again, 32);
	ok(memcmp(again, out[3], 32) == 0, "the same is the same");
}

int
main(void)
{
	if (mkdtemp(dir) == NULL)
		return 70;
	snprintf(path, sizeof(path), "%s/key", dir);
	rfc5869();
	purposes();
	same("0123456789abcdef", "0123456789abcdef", "bytes are taken as they are");
	same("0123456789abcdef\n", "0123456789abcdef", "without a newline at the end");
	same("0123456789abcdef\n\n", "0123456789abcdef\n", "but only one");
	same("hex:30313233343536373839616263646566\n", "0123456789abcdef", "hexadecimal is decoded");
	same("hex:6b6C6d6e6F707172737475767778797A", "klmnopqrstuvwxyz", "in either case");
	same("base64:MDEyMzQ1Njc4OWFiY2RlZg==\n", "0123456789abcdef", "so is base64");
	same("base64:MDEyMzQ1Njc4OWFiY2RlZmc=", "0123456789abcdefg", "with one byte of padding");
	same("base64:MDEyMzQ1Njc4OWFiY2RlZmdo", "0123456789abcdefgh", "or none");
	refused("", "0 bytes", "nothing is refused");
	refused("0123456789abcde", "15 bytes", "fifteen bytes are refused");
	refused("0123456789abcde\n", "15 bytes", "a newline is no sixteenth");
	refused("hex:303132333435363738396162636465", "15 bytes", "in hexadecimal neither");
	refused("hex:3031323334353637383961626364656", "not in hexadecimal", "half a byte is refused");
	refused("hex:3031323334353637383961626364656g", "not in hexadecimal", "another digit is refused");
	refused("base64:MDEyMzQ1Njc4OWFiY2RlZg=", "not in base64", "cut base64 is refused");
	refused("base64:MDEyMzQ1Njc4OWF=Y2RlZg==", "not in base64", "padding inside is refused");
	refused("base64:MDEyMzQ1Njc4OWFiY2Rl!g==", "not in base64", "other characters are refused");
	refused("base64:", "0 bytes", "a prefix alone is refused");
	limits();
	modes();
	pipes();
	rmdir(dir);
	return tap_done();
}
