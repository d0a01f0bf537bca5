/* chain_position.c - the file that says how far a chain goes. */

#include "base/hr.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/crc32c.h"
#include "base/crypto.h"
#include "base/file.h"
#include "base/hex.h"
#include "base/hkdf.h"
#include "base/lsn.h"
#include "state/chain_position.h"

#define MOST	16384
#define MAC	32
#define PURPOSE	"hr seal position"

static char *
path_of(const struct hr_chain *c)
{
	return hr_sprintf("%s/position", c->dir);
}

static void
mac_of(const struct hr_chain *c, const struct hr_seal_key *key, const void *text, size_t len, uint8_t mac[MAC])
{
	struct hr_buf b = HR_BUF_INIT;
	uint8_t prk[HR_HKDF_PRK], own[HR_SEAL_KEY];

	hr_buf_printf(&b, "%s/%s", c->stream, c->name);
	hr_buf_u8(&b, 0);
	hr_buf_put(&b, text, len);
	hr_hkdf_extract(NULL, 0, key->key, sizeof(key->key), prk);
	hr_hkdf_expand(prk, PURPOSE, sizeof(PURPOSE), own, sizeof(own));
	hr_crypto_must(HMAC(EVP_sha256(), own, sizeof(own), b.data, b.len, mac, NULL) != NULL);
	OPENSSL_cleanse(prk, sizeof(prk));
	OPENSSL_cleanse(own, sizeof(own));
	hr_buf_clear(&b);
}

static void
put_hex(struct hr_buf *b, const uint8_t *p, size_t n)
{
	hr_buf_need(b, 2 * n);
	(void)hr_hex_put(b->data + b->len, p, n);
	b->len += 2 * n;
}

static int
seal(const struct hr_chain *c, struct hr_buf *b, struct hr_keyring *keys, struct hr_err *e)
{
	struct hr_seal_key key;
	uint8_t mac[MAC];

	if (hr_keyring_current(keys, "", &key, e) < 0)
		return -1;
	if (!key.none) {
		mac_of(c, &key, b->data, b->len, mac);
		hr_buf_printf(b, "seal %s ", key.id);
		if (key.wrapped_len)
			put_hex(b, key.wrapped, key.wrapped_len);
		else
			hr_buf_u8(b, '-');
		hr_buf_u8(b, ' ');
		put_hex(b, mac, sizeof(mac));
		hr_buf_u8(b, '\n');
	}
	hr_seal_key_clear(&key);
	return 0;
}

/* A new file, for who could read and write the one that was there, and no other: root may seal what is another user's. */
static int
create(const char *beside, const char *path, struct hr_err *e)
{
	struct stat was = { .st_mode = 0 };
	int fd;

	/* One that was killed has left it, maybe another user's. */
	if (unlink(beside) < 0 && errno != ENOENT)
		return hr_fail_sys(e, "cannot remove '%s'", beside);
	if ((fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)) < 0)
		return hr_fail_sys(e, "cannot write '%s'", path);
	if (lstat(path, &was) == 0 && S_ISREG(was.st_mode) && ((was.st_uid != geteuid() || was.st_gid != getegid()) &&
	    fchown(fd, was.st_uid, was.st_gid) < 0 && geteuid() == 0)) {
		hr_fail_sys(e, "cannot give '%s' the owner that it had", path);
		close(fd);
		return -1;
	}
	if (S_ISREG(was.st_mode))
		(void)!fchmod(fd, was.st_mode & 0777);
	return fd;
}

int
hr_chain_position_save(const struct hr_chain *c, const struct hr_chain_position *p, struct hr_keyring *keys, bool durable,
    struct hr_err *e)
{
	char *path = path_of(c), *beside = hr_sprintf("%s/.position", c->dir);
	struct hr_buf b = HR_BUF_INIT;
	int fd = -1, rc = -1;

	hr_buf_printf(&b, "hr position 1\nsegment %" PRIu64 "\nat %" PRIu64 "\nrecords %" PRIu64 "\nbundle %" PRIu64 "\nlsn %s\ntag ",
	    p->segment, p->at, p->number, p->bundle, HR_LSN(p->lsn));
	put_hex(&b, p->tag, sizeof(p->tag));
	hr_buf_u8(&b, '\n');
	if (seal(c, &b, keys, e) == 0 && (fd = create(beside, path, e)) >= 0) {
		hr_buf_printf(&b, "end %08" PRIx32 "\n", hr_crc32c(0, b.data, b.len));
		if (hr_file_write(fd, b.data, b.len) < 0 || (durable && fsync(fd) < 0) || rename(beside, path) < 0)
			hr_fail_sys(e, "cannot write '%s'", path);
		else
			rc = durable ? hr_file_sync_directory(path, e) : 0;
		close(fd);
	}
	hr_buf_clear(&b);
	free(path);
	free(beside);
	return rc;
}

/* A line "NAME VALUE" from *at on; NULL: it is another one. */
static char *
take_line(char **at, const char *name)
{
	size_t n = strlen(name);
	char *value = *at + n + 1, *end;

	if (strncmp(*at, name, n) != 0 || (*at)[n] != ' ' || (end = strchr(value, '\n')) == NULL)
		return NULL;
	*end = '\0';
	*at = end + 1;
	return value;
}

static bool
take_number(char **at, const char *name, uint64_t *n)
{
	char *value = take_line(at, name), *end;

	if (value == NULL || *value < '0' || *value > '9')
		return false;
	errno = 0;
	*n = strtoull(value, &end, 10);
	return *end == '\0' && errno == 0;
}

/* What follows "seal ", which is of the text's first bytes.  0, or -1. */
static int
check_seal(const struct hr_chain *c, const char *path, char *line, const char *text, size_t len, struct hr_keyring *keys,
    struct hr_err *e)
{
	uint8_t wrapped[HR_KEYRING_WRAPPED], mac[MAC], want[MAC];
	char *id = line, *hex = strchr(id, ' '), *last = hex ? strchr(hex + 1, ' ') : NULL;
	struct hr_seal_key key;
	size_t n = 0;
	int rc;

	if (last) {
		*hex++ = *last++ = '\0';
		n = strcmp(hex, "-") == 0 ? 0 : strlen(hex);
	}
	if (!last || !hr_keyring_is_id(id) || n / 2 > sizeof(wrapped) || (n && !hr_hex_get(wrapped, (uint8_t *)hex, n)) ||
	    strlen(last) != 2 * MAC || !hr_hex_get(want, (uint8_t *)last, 2 * MAC))
		return hr_fail(e, HR_BAD_STREAM, "'%s' has a seal that cannot be", path);
	if (hr_keyring_find(keys, "", id, wrapped, n / 2, &key, e) < 0)
		return hr_within(e, "'%s'", path);
	mac_of(c, &key, text, len, mac);
	hr_seal_key_clear(&key);
	rc = CRYPTO_memcmp(mac, want, MAC) == 0 ? 0 : hr_fail(e, HR_BAD_STREAM, "'%s' is not what was sealed there", path);
	return rc;
}

/* The text is taken apart; a copy of it is what the sums are of. */
static int
decode(const struct hr_chain *c, const char *path, char *text, const char *copy, struct hr_chain_position *p,
    struct hr_keyring *keys, struct hr_err *e)
{
	char *at = text, *line;
	size_t sealed, len;
	bool good = take_line(&at, "hr") && take_number(&at, "segment", &p->segment) && take_number(&at, "at", &p->at) &&
	    take_number(&at, "records", &p->number) && take_number(&at, "bundle", &p->bundle);

	good = good && (line = take_line(&at, "lsn")) && hr_lsn_parse(line, &p->lsn) == 0;
	good = good && (line = take_line(&at, "tag")) && strlen(line) == 2 * HR_SEGMENT_TAG &&
	    hr_hex_get(p->tag, (uint8_t *)line, 2 * HR_SEGMENT_TAG);
	sealed = (size_t)(at - text);
	line = NULL;
	if (good && *at == 's')
		good = (line = take_line(&at, "seal"));
	len = (size_t)(at - text);
	if (!good || strncmp(copy, "hr position 1\n", 14) != 0 || strncmp(at, "end ", 4) != 0 || strlen(at) != 13 ||
	    strtoul(at + 4, NULL, 16) != hr_crc32c(0, copy, len)) {
		hr_fail(e, HR_BAD_STREAM, "'%s' is damaged", path);
		return hr_hint(e, "verify the chain; when nothing else is wrong, remove the file");
	}
	if (line && keys)
		return check_seal(c, path, line, copy, sealed, keys, e);
	if (keys && keys->sealed_only) {
		hr_fail(e, HR_BAD_STREAM, "'%s' is not sealed, and there are keys", path);
		return hr_hint(e, "where it was kept before there were: give --unsealed, or seal it with hr-ship reseal");
	}
	return 0;
}

int
hr_chain_position_load(const struct hr_chain *c, struct hr_chain_position *p, struct hr_keyring *keys, struct hr_err *e)
{
	struct hr_buf b = HR_BUF_INIT;
	char *path = path_of(c), *copy;
	struct stat st;
	int rc = 1;

	*p = (struct hr_chain_position){ .segment = 0 };
	if (stat(path, &st) < 0)
		rc = errno == ENOENT ? 0 : hr_fail_sys(e, "cannot look at '%s'", path);
	else if (!S_ISREG(st.st_mode) || st.st_size > MOST)
		rc = hr_fail(e, HR_BAD_STREAM, "'%s' is no position", path);
	else if (hr_file_read(path, MOST, &b, e) < 0)
		rc = -1;
	if (rc == 1 && b.len == 0)
		rc = 0;			/* a crash of the system took its bytes: it was not synced */
	if (rc == 1) {
		copy = hr_strdup(hr_buf_text(&b));
		if (decode(c, path, (char *)b.data, copy, p, keys, e) < 0) {
			*p = (struct hr_chain_position){ .segment = 0 };
			rc = -1;
		}
		free(copy);
	} else if (rc == 0 && keys && keys->sealed_only) {
		rc = hr_fail(e, HR_BAD_STREAM, "'%s' is missing, so that nobody knows whether the chain's end is", path);
		hr_hint(e, "who keeps the stream writes it again; where nobody does, take it from a copy, or give --unsealed");
	}
	hr_buf_clear(&b);
	free(path);
	return rc;
}

int
hr_chain_position_reseal(const struct hr_chain *c, struct hr_keyring *keys, struct hr_err *e)
{
	struct hr_chain_position p;
	int rc = hr_chain_position_load(c, &p, keys, e);

	return rc <= 0 ? rc : hr_chain_position_save(c, &p, keys, true, e);
}
