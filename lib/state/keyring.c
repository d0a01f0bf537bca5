/*
 * keyring.c - lines of a file by tenant and ID, and keys that a command has wrapped.
 *
 * A line of * is kept under the tenant "", which is the shared log: it has no line
 * of its own.
 */

#include "base/hr.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/crypto.h"
#include "base/hex.h"
#include "base/hkdf.h"
#include "rule/key.h"
#include "state/command.h"
#include "state/keyring.h"

#define ROUNDS		600000
#define SALT		"hr seal passphrase "
#define PURPOSE		"hr seal tenant"
#define WORDS_MOST	128		/* bytes of a key that is not a passphrase */

struct hr_keyring_line {
	char id[HR_KEYRING_ID + 1];
	bool all;			/* * */
	uint8_t key[HR_SEAL_KEY];
	bool ready;
	char *passphrase;		/* NULL: it is none */
};

struct hr_keyring_unwrapped {
	uint8_t name[SHA256_DIGEST_LENGTH];
	uint8_t key[HR_SEAL_KEY];
};

struct made {
	uint8_t key[HR_SEAL_KEY];
	size_t wrapped_len;
	uint8_t wrapped[];
};

/* What is being read. */
struct load {
	struct hr_map line, last;
};

void
hr_seal_key_clear(struct hr_seal_key *key)
{
	OPENSSL_cleanse(key, sizeof(*key));
}

bool
hr_keyring_is_id(const char *id)
{
	size_t n = strlen(id);

	return n && n <= HR_KEYRING_ID && strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	    "0123456789._-") == n;
}

static void
line_free(void *p)
{
	struct hr_keyring_line *l = p;

	if (l->passphrase) {
		OPENSSL_cleanse(l->passphrase, strlen(l->passphrase));
		free(l->passphrase);
	}
	OPENSSL_cleanse(l, sizeof(*l));
	free(l);
}

static void
made_free(void *p)
{
	OPENSSL_cleanse(p, sizeof(struct made));
	free(p);
}

/* A line's place among the lines: of its tenant and its ID. */
static size_t
line_name(char *to, const char *tenant, const char *id)
{
	size_t n = strlen(tenant) + 1, m = strlen(id);

	memcpy(to, tenant, n);
	memcpy(to + n, id, m);
	return n + m;
}

#define NAME_MOST	(HR_TENANT_MAX + 1 + HR_KEYRING_ID)

/* Names from outside that are too long are in no line. */
static struct hr_keyring_line *
line_get(const struct hr_map *m, const char *tenant, const char *id)
{
	char name[NAME_MOST + 1];

	if (strlen(tenant) > HR_TENANT_MAX || strlen(id) > HR_KEYRING_ID)
		return NULL;
	return hr_map_get(m, name, line_name(name, tenant, id));
}

/* A word, which is ended in place; NULL when there is none. */
static char *
word(char **at)
{
	char *s = *at + strspn(*at, " \t"), *end = s + strcspn(s, " \t");

	*at = *end ? end + 1 : end;
	*end = '\0';
	return *s ? s : NULL;
}

/* What stands for a tenant, in place: its name; false when it is none. */
static bool
unescape(char *s)
{
	char *to = s;
	uint8_t c;

	if (strcmp(s, "*") == 0) {
		*s = '\0';
		return true;
	}
	for (; *s; s++) {
		if (*s != '%') {
			*to++ = *s;
			continue;
		}
		if (s[1] == '\0' || !hr_hex_get(&c, (uint8_t *)s + 1, 2) || c == 0)
			return false;
		*to++ = (char)c;
		s += 2;
	}
	*to = '\0';
	return true;
}

static size_t
characters(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += (*s & 0xc0) != 0x80;
	return n;
}

static int
parse_key(struct hr_keyring_line *l, const char *s, struct hr_err *e)
{
	uint8_t out[WORDS_MOST];
	const char *form;
	size_t n = strlen(s);
	ssize_t len;
	int rc = -1;

	if (strncmp(s, "passphrase:", 11) == 0) {
		if (characters(s + 11) < HR_KEYRING_PASSPHRASE)
			return hr_fail(e, HR_CONFIG, "the passphrase has %zu characters; it must have %d",
			    characters(s + 11), HR_KEYRING_PASSPHRASE);
		l->passphrase = hr_strdup(s + 11);
		return 0;
	}
	if (n > sizeof(out))
		return hr_fail(e, HR_CONFIG, "the key is too long: it has %d bytes", HR_SEAL_KEY);
	len = hr_key_decode((const uint8_t *)s, n, out, &form);
	if (form == NULL) {
		hr_fail(e, HR_CONFIG, "the key begins with none of hex:, base64: and passphrase:");
		hr_hint(e, "make one with 'echo hex:$(openssl rand -hex 32)'");
	} else if (len < 0) {
		hr_fail(e, HR_CONFIG, "the key is not in %s, as its prefix says", form);
	} else if (len != HR_SEAL_KEY) {
		hr_fail(e, HR_CONFIG, "the key has %zd bytes; it must have %d", len, HR_SEAL_KEY);
	} else {
		memcpy(l->key, out, HR_SEAL_KEY);
		l->ready = true;
		rc = 0;
	}
	OPENSSL_cleanse(out, sizeof(out));
	return rc;
}

/* What a passphrase gave is known from the last time. */
static void
carry(struct hr_keyring_line *l, const struct hr_keyring_line *old)
{
	if (l->passphrase == NULL || old == NULL || old->passphrase == NULL || !old->ready ||
	    strcmp(l->passphrase, old->passphrase) != 0)
		return;
	memcpy(l->key, old->key, sizeof(l->key));
	l->ready = true;
}

static int
parse_line(struct hr_keyring *k, struct load *to, char *s, struct hr_err *e)
{
	char name[NAME_MOST + 1], *at = s, *id = word(&at), *tenant;
	struct hr_keyring_line *l;
	void **slot;
	bool all;

	if (id == NULL || *id == '#')
		return 0;
	if (!hr_keyring_is_id(id))
		return hr_fail(e, HR_CONFIG, "the ID is not 1 to %d of A-Z a-z 0-9 . _ -", HR_KEYRING_ID);
	tenant = word(&at);
	at += strspn(at, " \t");
	if (tenant == NULL || *at == '\0')
		return hr_fail(e, HR_CONFIG, "the line is not 'ID TENANT KEY'");
	all = strcmp(tenant, "*") == 0;
	if (!unescape(tenant) || strlen(tenant) > HR_TENANT_MAX)
		return hr_fail(e, HR_CONFIG, "the tenant's name is too long, or has a %% that is not in front of two digits");
	slot = hr_map_at(&to->line, name, line_name(name, tenant, id));
	if (*slot)
		return hr_fail(e, HR_CONFIG, "the ID '%s' stood before for the same tenant", id);
	*slot = l = hr_zalloc(sizeof(*l));
	memcpy(l->id, id, strlen(id));
	l->all = all;
	if (parse_key(l, at, e) < 0)
		return -1;
	carry(l, line_get(&k->line, tenant, id));
	*hr_map_at(&to->last, tenant, strlen(tenant)) = l;
	return 0;
}

static int
parse(struct hr_keyring *k, struct load *to, char *s, size_t n, struct hr_err *e)
{
	char *end = s + n, *next, *stop;
	unsigned number = 1;

	for (; s < end; s = next, number++) {
		next = memchr(s, '\n', (size_t)(end - s));
		stop = next ? next : end;
		next = next ? next + 1 : end;
		while (stop > s && strchr(" \t\r", stop[-1]) && stop[-1])
			stop--;
		*stop = '\0';
		if (strlen(s) != (size_t)(stop - s))
			hr_fail(e, HR_CONFIG, "there is a NUL in the line");
		else if (parse_line(k, to, s, e) == 0)
			continue;
		return hr_within(e, "%s:%u", k->file, number);
	}
	return 0;
}

/* All of it, or more than there may be; it is not moved about in memory.  -1 with errno. */
static ssize_t
read_all(int fd, char *to, size_t room)
{
	size_t n = 0;
	ssize_t got = 1;

	while (got && n < room) {
		got = read(fd, to + n, room - n);
		if (got < 0 && errno != EINTR)
			return -1;
		if (got > 0)
			n += (size_t)got;
	}
	return (ssize_t)n;
}

static int
load_file(struct hr_keyring *k, int fd, struct load *to, struct hr_err *e)
{
	char *text;
	ssize_t n;
	int rc;

	if (hr_key_check_mode(fd, k->file, e) < 0)
		return hr_within(e, "key file '%s'", k->file);
	text = hr_alloc(HR_KEYRING_FILE + 2);
	n = read_all(fd, text, HR_KEYRING_FILE + 1);
	if (n < 0)
		rc = hr_fail_sys(e, "cannot read key file '%s'", k->file);
	else if ((size_t)n > HR_KEYRING_FILE)
		rc = hr_fail(e, HR_CONFIG, "key file '%s' is larger than %zu bytes", k->file, HR_KEYRING_FILE);
	else
		rc = parse(k, to, text, (size_t)n, e);
	if (rc == 0 && to->line.count == 0)
		rc = hr_fail(e, HR_CONFIG, "key file '%s' has no key", k->file);
	OPENSSL_cleanse(text, n > 0 ? (size_t)n : 0);
	free(text);
	return rc;
}

static void
forget_made(struct hr_keyring *k)
{
	hr_map_clear(&k->made, made_free);
}

static void
forget_lines(struct hr_map *line, struct hr_map *last)
{
	hr_map_clear(last, NULL);
	hr_map_clear(line, line_free);
}

int
hr_keyring_load(struct hr_keyring *k, struct hr_err *e)
{
	struct load to = { 0 };
	int fd, rc;

	if (k->file == NULL) {
		forget_made(k);
		return 0;
	}
	fd = open(k->file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0) {
		rc = hr_fail_sys(e, "cannot open key file '%s'", k->file);
	} else {
		rc = load_file(k, fd, &to, e);
		close(fd);
	}
	if (rc < 0) {
		e->code = HR_CONFIG;
		forget_lines(&to.line, &to.last);
		return -1;
	}
	forget_made(k);
	forget_lines(&k->line, &k->last);
	k->line = to.line;
	k->last = to.last;
	return 0;
}

int
hr_keyring_open(struct hr_keyring *k, const struct hr_keyring_options *o, struct hr_err *e)
{
	static const struct hr_keyring_options none;

	*k = (struct hr_keyring)HR_KEYRING_INIT;
	if (o == NULL)
		o = &none;
	if (o->id && !hr_keyring_is_id(o->id))
		return hr_fail(e, HR_CONFIG, "the key's ID '%s' is not 1 to %d of A-Z a-z 0-9 . _ -", o->id, HR_KEYRING_ID);
	k->file = hr_strdup(o->file);
	k->command = hr_strdup(o->command);
	k->id = hr_strdup(o->id ? o->id : "command");
	k->wait_us = o->wait_us ? o->wait_us : HR_KEYRING_WAIT_US;
	k->sealed_only = o->sealed_only && (o->file || o->command);
	if (hr_keyring_load(k, e) == 0)
		return 0;
	hr_keyring_close(k);
	return -1;
}

void
hr_keyring_close(struct hr_keyring *k)
{
	forget_made(k);
	forget_lines(&k->line, &k->last);
	if (k->unwrapped)
		OPENSSL_cleanse(k->unwrapped, HR_KEYRING_REMEMBERED * sizeof(*k->unwrapped));
	free(k->unwrapped);
	free(k->file);
	free(k->command);
	free(k->id);
	*k = (struct hr_keyring)HR_KEYRING_INIT;
}

static void
stretch(struct hr_keyring_line *l)
{
	char salt[sizeof(SALT) + HR_KEYRING_ID];
	int n = snprintf(salt, sizeof(salt), SALT "%s", l->id);

	if (l->ready)
		return;
	hr_crypto_must(PKCS5_PBKDF2_HMAC(l->passphrase, (int)strlen(l->passphrase), (uint8_t *)salt, n, ROUNDS,
	    EVP_sha256(), sizeof(l->key), l->key));
	l->ready = true;
}

static void
of_line(struct hr_keyring_line *l, const char *tenant, struct hr_seal_key *out)
{
	uint8_t prk[HR_HKDF_PRK];
	char info[sizeof(PURPOSE) + HR_TENANT_MAX];
	size_t n = strlen(tenant);

	stretch(l);
	memcpy(out->id, l->id, sizeof(out->id));
	if (!l->all) {
		memcpy(out->key, l->key, sizeof(out->key));
		return;
	}
	memcpy(info, PURPOSE, sizeof(PURPOSE));
	memcpy(info + sizeof(PURPOSE), tenant, n);
	hr_hkdf_extract(NULL, 0, l->key, sizeof(l->key), prk);
	hr_hkdf_expand(prk, info, sizeof(PURPOSE) + n, out->key, sizeof(out->key));
	OPENSSL_cleanse(prk, sizeof(prk));
}

/* "tenant 'acme'", for a message. */
static const char *
whose(const char *tenant, char *text, size_t room)
{
	if (*tenant == '\0')
		return "the shared log";
	snprintf(text, room, "tenant '%s'", tenant);
	return text;
}

#define WHOSE(tenant)	whose((tenant), (char[HR_TENANT_MAX + 16]){ 0 }, HR_TENANT_MAX + 16)

static int
run(struct hr_keyring *k, const char *verb, const char *tenant, const char *id, const void *in, size_t in_len,
    uint8_t *out, size_t most, size_t *len, struct hr_err *e)
{
	char *of_tenant = hr_sprintf("HR_TENANT=%s", tenant), *of_id = hr_sprintf("HR_KEY_ID=%s", id);
	const char *const env[] = { of_tenant, of_id, NULL };
	struct hr_command c = { k->command, verb, env, in, in_len, k->wait_us };
	ssize_t n = hr_command_run(&c, out, most, e);

	free(of_tenant);
	free(of_id);
	if (n < 0)
		return hr_within(e, "key command, %s for %s", verb, WHOSE(tenant));
	*len = (size_t)n;
	return 0;
}

static int
wrap(struct hr_keyring *k, const char *tenant, struct hr_seal_key *out, struct hr_err *e)
{
	if (run(k, "wrap", tenant, k->id, out->key, sizeof(out->key), out->wrapped, sizeof(out->wrapped),
	    &out->wrapped_len, e) < 0)
		return -1;
	if (out->wrapped_len == 0)
		return hr_fail(e, HR_TEMPORARY, "key command, wrap for %s: it wrote nothing", WHOSE(tenant));
	if (memmem(out->wrapped, out->wrapped_len, out->key, sizeof(out->key)) == NULL)
		return 0;
	OPENSSL_cleanse(out->wrapped, sizeof(out->wrapped));
	return hr_fail(e, HR_CONFIG, "key command, wrap for %s: it wrote the key as it is, for everybody to read",
	    WHOSE(tenant));
}

static void
give(const struct made *m, const char *id, struct hr_seal_key *out)
{
	memcpy(out->id, id, strlen(id) + 1);
	memcpy(out->key, m->key, sizeof(out->key));
	memcpy(out->wrapped, m->wrapped, m->wrapped_len);
	out->wrapped_len = m->wrapped_len;
}

static int
of_command(struct hr_keyring *k, const char *tenant, struct hr_seal_key *out, struct hr_err *e)
{
	struct made *m = hr_map_get(&k->made, tenant, strlen(tenant));

	if (m) {
		give(m, k->id, out);
		return 0;
	}
	memcpy(out->id, k->id, strlen(k->id) + 1);
	hr_crypto_must(RAND_priv_bytes(out->key, sizeof(out->key)));
	if (wrap(k, tenant, out, e) < 0)
		return -1;
	m = hr_alloc(sizeof(*m) + out->wrapped_len);
	memcpy(m->key, out->key, sizeof(m->key));
	memcpy(m->wrapped, out->wrapped, out->wrapped_len);
	m->wrapped_len = out->wrapped_len;
	*hr_map_at(&k->made, tenant, strlen(tenant)) = m;
	return 0;
}

int
hr_keyring_current(struct hr_keyring *k, const char *tenant, struct hr_seal_key *out, struct hr_err *e)
{
	struct hr_keyring_line *l;
	int rc = 0;

	memset(out, 0, sizeof(*out));
	if (strlen(tenant) > HR_TENANT_MAX)
		return hr_fail(e, HR_CONFIG, "a tenant's name is longer than %d bytes", HR_TENANT_MAX);
	if (k->command) {
		rc = of_command(k, tenant, out, e);
	} else if (k->file == NULL) {
		out->none = true;
	} else if ((l = hr_map_get(&k->last, tenant, strlen(tenant))) || (l = hr_map_get(&k->last, "", 0))) {
		of_line(l, tenant, out);
	} else {
		rc = hr_fail(e, HR_CONFIG, "there is no key for %s", WHOSE(tenant));
		hr_hint(e, "add a line for it, or for *, to key file '%s'", k->file);
	}
	if (rc < 0)
		hr_seal_key_clear(out);
	return rc;
}

bool
hr_keyring_is_current(const struct hr_keyring *k, const char *tenant, const char *id, bool wrapped)
{
	const struct hr_keyring_line *l;

	if (k->command)
		return wrapped && strcmp(id, k->id) == 0;
	if ((l = hr_map_get(&k->last, tenant, strlen(tenant))) == NULL)
		l = hr_map_get(&k->last, "", 0);
	return l && !wrapped && strcmp(id, l->id) == 0;
}

static void
unwrapped_name(const char *tenant, const char *id, const struct hr_seal_key *key, uint8_t *name)
{
	struct hr_buf b = HR_BUF_INIT;

	hr_buf_put(&b, tenant, strlen(tenant) + 1);
	hr_buf_put(&b, id, strlen(id) + 1);
	hr_buf_put(&b, key->wrapped, key->wrapped_len);
	hr_crypto_must(EVP_Digest(b.data, b.len, name, NULL, EVP_sha256(), NULL));
	hr_buf_clear(&b);
}

static const uint8_t *
remembered(const struct hr_keyring *k, const uint8_t *name)
{
	size_t i;

	for (i = 0; i < k->unwrappeds; i++)
		if (memcmp(k->unwrapped[i].name, name, SHA256_DIGEST_LENGTH) == 0)
			return k->unwrapped[i].key;
	return NULL;
}

static void
remember(struct hr_keyring *k, const uint8_t *name, const uint8_t *key)
{
	struct hr_keyring_unwrapped *u;

	if (k->unwrapped == NULL)
		k->unwrapped = hr_zalloc(HR_KEYRING_REMEMBERED * sizeof(*k->unwrapped));
	u = &k->unwrapped[k->unwrapped_next];
	memcpy(u->name, name, sizeof(u->name));
	memcpy(u->key, key, sizeof(u->key));
	k->unwrapped_next = (k->unwrapped_next + 1) % HR_KEYRING_REMEMBERED;
	if (k->unwrappeds < HR_KEYRING_REMEMBERED)
		k->unwrappeds++;
}

static int
unwrap(struct hr_keyring *k, const char *tenant, struct hr_seal_key *out, struct hr_err *e)
{
	const struct made *m = hr_map_get(&k->made, tenant, strlen(tenant));
	uint8_t name[SHA256_DIGEST_LENGTH];
	const uint8_t *known;
	size_t n;

	if (m && m->wrapped_len == out->wrapped_len && memcmp(m->wrapped, out->wrapped, m->wrapped_len) == 0) {
		memcpy(out->key, m->key, sizeof(out->key));
		return 0;
	}
	unwrapped_name(tenant, out->id, out, name);
	known = remembered(k, name);
	if (known) {
		memcpy(out->key, known, sizeof(out->key));
		return 0;
	}
	if (k->command == NULL) {
		hr_fail(e, HR_CONFIG, "the key '%s' of %s was wrapped by a key command, and there is none", out->id,
		    WHOSE(tenant));
		return hr_hint(e, "give the command that wrapped it with --key-command");
	}
	if (run(k, "unwrap", tenant, out->id, out->wrapped, out->wrapped_len, out->key, sizeof(out->key), &n, e) < 0)
		return -1;
	if (n != sizeof(out->key))
		return hr_fail(e, HR_TEMPORARY, "key command, unwrap for %s: it wrote %zu bytes; a key has %d",
		    WHOSE(tenant), n, HR_SEAL_KEY);
	remember(k, name, out->key);
	return 0;
}

static int
unknown(const struct hr_keyring *k, const char *tenant, const char *id, struct hr_err *e)
{
	hr_fail(e, HR_CONFIG, "there is no key '%s' for %s", id, WHOSE(tenant));
	return k->file ? hr_hint(e, "add its line to key file '%s'", k->file) :
	    hr_hint(e, "give the key file that has it with --key-file");
}

int
hr_keyring_find(struct hr_keyring *k, const char *tenant, const char *id, const void *wrapped, size_t wrapped_len,
    struct hr_seal_key *out, struct hr_err *e)
{
	struct hr_keyring_line *l;
	int rc = 0;

	memset(out, 0, sizeof(*out));
	if (*id == '\0' && wrapped_len == 0) {
		out->none = true;
		return 0;
	}
	if (!hr_keyring_is_id(id) || wrapped_len > HR_KEYRING_WRAPPED || strlen(tenant) > HR_TENANT_MAX)
		return hr_fail(e, HR_CONFIG, "there can be no such key");
	memcpy(out->id, id, strlen(id) + 1);
	if (wrapped_len) {
		memcpy(out->wrapped, wrapped, wrapped_len);
		out->wrapped_len = wrapped_len;
		rc = unwrap(k, tenant, out, e);
	} else if ((l = line_get(&k->line, tenant, id)) || (l = line_get(&k->line, "", id))) {
		of_line(l, tenant, out);
	} else {
		rc = unknown(k, tenant, id, e);
	}
	if (rc < 0)
		hr_seal_key_clear(out);
	return rc;
}
