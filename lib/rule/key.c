/* key.c - a secret is read once, extracted, and overwritten. */

#include "base/hr.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/hex.h"
#include "base/hkdf.h"
#include "rule/key.h"

#define FILE_MOST	(2 * HR_KEY_MOST + 8)	/* in hexadecimal, with its prefix and newline */

void
hr_key_set(struct hr_key *k, const void *secret, size_t n)
{
	hr_hkdf_extract(NULL, 0, secret, n, k->prk);
	k->loaded = true;
}

void
hr_key_clear(struct hr_key *k)
{
	OPENSSL_cleanse(k, sizeof(*k));
}

void
hr_key_derive(const struct hr_key *k, const char *purpose, const char *domain, void *out, size_t n)
{
	struct hr_buf info = HR_BUF_INIT;

	assert(k->loaded && n <= HR_KEY_DERIVED);
	hr_buf_puts(&info, purpose);
	if (domain) {
		hr_buf_u8(&info, 0);
		hr_buf_puts(&info, domain);
	}
	hr_hkdf_expand(k->prk, info.data, info.len, out, n);
	hr_buf_clear(&info);
}

/* Bytes written to out, which has room for n / 2; -1 when it is not hexadecimal. */
static ssize_t
unhex(const uint8_t *p, size_t n, uint8_t *out)
{
	return hr_hex_get(out, p, n) ? (ssize_t)(n / 2) : -1;
}

/* The same of base64; EVP_DecodeBlock() counts what is padded, and takes padding anywhere. */
static ssize_t
unbase64(const uint8_t *p, size_t n, uint8_t *out)
{
	size_t padding = 0;
	int got;

	while (padding < 2 && padding < n && p[n - 1 - padding] == '=')
		padding++;
	if (n % 4 || memchr(p, '=', n - padding))
		return -1;
	got = EVP_DecodeBlock(out, p, (int)n);
	return got < 0 ? -1 : got - (ssize_t)padding;
}

static bool
prefixed(const uint8_t *p, size_t n, const char *with)
{
	return n >= strlen(with) && memcmp(p, with, strlen(with)) == 0;
}

ssize_t
hr_key_decode(const uint8_t *p, size_t n, uint8_t *out, const char **form)
{
	*form = NULL;
	if (prefixed(p, n, "hex:")) {
		*form = "hexadecimal";
		return unhex(p + 4, n - 4, out);
	}
	if (prefixed(p, n, "base64:")) {
		*form = "base64";
		return unbase64(p + 7, n - 7, out);
	}
	return 0;
}

static int
parse(struct hr_key *k, uint8_t *p, size_t n, struct hr_err *e)
{
	const char *form;
	ssize_t len;

	if (n && p[n - 1] == '\n')
		n--;
	len = hr_key_decode(p, n, p, &form);
	if (len < 0)
		return hr_fail(e, HR_CONFIG, "the key is not in %s, as its prefix says", form);
	if (form)
		n = (size_t)len;
	if (n < HR_KEY_LEAST || n > HR_KEY_MOST) {
		hr_fail(e, HR_CONFIG, "the key has %zu bytes; it must have %d to %d", n, HR_KEY_LEAST, HR_KEY_MOST);
		return hr_hint(e, "make one with 'openssl rand -hex 32'");
	}
	hr_key_set(k, p, n);
	return 0;
}

/* Of a descriptor that is a pipe, say, nobody else can open the file. */
int
hr_key_check_mode(int fd, const char *path, struct hr_err *e)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return hr_fail_sys(e, "cannot look at the key");
	if (S_ISDIR(st.st_mode))
		return hr_fail(e, HR_CONFIG, "the key is a directory");
	if (!S_ISREG(st.st_mode) || (st.st_mode & 077) == 0)
		return 0;
	hr_fail(e, HR_CONFIG, "the key is open to others than its owner: its mode is %04o", st.st_mode & 07777);
	return hr_hint(e, "run 'chmod 600 %s'", path ? path : "FILE");
}

/* All of it, or more than a key can have; -1 with *e set. */
static ssize_t
read_all(int fd, uint8_t *to, size_t room, struct hr_err *e)
{
	size_t n = 0;
	ssize_t got = 1;

	while (got && n < room) {
		got = read(fd, to + n, room - n);
		if (got < 0 && errno != EINTR)
			return hr_fail_sys(e, "cannot read the key");
		if (got > 0)
			n += (size_t)got;
	}
	return (ssize_t)n;
}

static int
load(struct hr_key *k, int fd, const char *path, struct hr_err *e)
{
	uint8_t text[FILE_MOST + 1];
	ssize_t n;
	int rc = -1;

	if (hr_key_check_mode(fd, path, e) < 0)
		return -1;
	n = read_all(fd, text, sizeof(text), e);
	if (n > FILE_MOST)
		hr_fail(e, HR_CONFIG, "the key is longer than %d bytes", HR_KEY_MOST);
	else if (n >= 0)
		rc = parse(k, text, (size_t)n, e);
	OPENSSL_cleanse(text, sizeof(text));
	return rc;
}

int
hr_key_read(struct hr_key *k, int fd, struct hr_err *e)
{
	if (load(k, fd, NULL, e) < 0) {
		hr_within(e, "key of descriptor %d", fd);
		e->code = HR_CONFIG;
		return -1;
	}
	return 0;
}

int
hr_key_load(struct hr_key *k, const char *path, struct hr_err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY), rc;

	if (fd < 0) {
		hr_fail_sys(e, "cannot open key '%s'", path);
		e->code = HR_CONFIG;
		return -1;
	}
	rc = load(k, fd, path, e);
	close(fd);
	if (rc < 0) {
		hr_within(e, "key '%s'", path);
		e->code = HR_CONFIG;
	}
	return rc;
}
