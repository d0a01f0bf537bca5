/* state_keyring - keys by tenant and ID, of a file and of a command. */

#include "base/hr.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/hex.h"
#include "state/keyring.h"
#include "tap.h"

#define KEY1	"hex:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define KEY2	"hex:1f1e1d1c1b1a191817161514131211100f0e0d0c0b0a09080706050403020100"
#define KEY64	"base64:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="	/* KEY1 */

static char dir[] = "/tmp/hr-keyring-XXXXXX", path[64], script[64], log_path[64];
static struct hr_err e = HR_ERR_INIT;

static void
put(const char *to, const char *text, size_t n, mode_t mode)
{
	int fd = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || fchmod(fd, mode) < 0 || hr_file_write(fd, text, n) < 0 || close(fd) < 0)
		abort();
}

static void
put_text(const char *text)
{
	put(path, text, strlen(text), 0600);
}

static int
open_text(struct hr_keyring *k, const char *text)
{
	put_text(text);
	return hr_keyring_open(k, &(struct hr_keyring_options){ .file = path }, &e);
}

static void
refused(const char *text, const char *where, const char *why, const char *what)
{
	struct hr_keyring k;
	char at[96];

	snprintf(at, sizeof(at), "%s%s", path, where);
	ok(open_text(&k, text) == -1 && e.code == HR_CONFIG && strstr(e.what, at) && strstr(e.what, why), "%s", what);
	if (strstr(e.what, at) == NULL || strstr(e.what, why) == NULL)
		printf("#  got: %s\n# want: %s ... %s\n", e.what, at, why);
}

/* ID and the first bytes of the key. */
static const char *
shown(int rc, const struct hr_seal_key *key)
{
	static char text[160];
	char digits[9] = { 0 };

	if (rc < 0) {
		snprintf(text, sizeof(text), "%d", e.code);
		return text;
	}
	hr_hex_put((uint8_t *)digits, key->key, 4);
	snprintf(text, sizeof(text), "%s%s %s", key->none ? "none" : "", key->id, digits);
	return text;
}

static const char *
current(struct hr_keyring *k, const char *tenant)
{
	struct hr_seal_key key;

	return shown(hr_keyring_current(k, tenant, &key, &e), &key);
}

static const char *
found(struct hr_keyring *k, const char *tenant, const char *id)
{
	struct hr_seal_key key;

	return shown(hr_keyring_find(k, tenant, id, NULL, 0, &key, &e), &key);
}

static void
none(void)
{
	struct hr_keyring k;

	ok(hr_keyring_open(&k, NULL, &e) == 0 && hr_keyring_load(&k, &e) == 0, "a keyring without keys is one");
	is(current(&k, "acme"), "none 00000000", "nothing is sealed");
	is(found(&k, "acme", ""), "none 00000000", "what was not is opened");
	is(found(&k, "acme", "k1"), "78", "what was is not");
	ok(strstr(e.what, "'k1'") && strstr(e.what, "'acme'") && strstr(e.hint, "--key-file"), "with what to do");
	hr_keyring_close(&k);
}

static void
lines(void)
{
	struct hr_keyring k;
	char one[64], two[64], shared[64];

	ok(open_text(&k, "# keys\n\n  # of us\nk1 * " KEY1 "\n\tk2\tacme \t" KEY2 "  \r\nk3 acme " KEY64 "\nk4 a%20b%2A " KEY2
	    "\nk5 %2a " KEY1) == 0, "lines with blanks, tabs and comments are read");
	is(current(&k, "acme"), "k3 00010203", "the last line of a tenant is the one to seal with");
	is(found(&k, "acme", "k2"), "k2 1f1e1d1c", "an older one opens");
	is(current(&k, "a b*"), "k4 1f1e1d1c", "a tenant's name can have any byte");
	is(current(&k, "*"), "k5 00010203", "a tenant can be called *");
	snprintf(one, sizeof(one), "%s", current(&k, "globex"));
	snprintf(two, sizeof(two), "%s", current(&k, "initech"));
	snprintf(shared, sizeof(shared), "%s", current(&k, ""));
	ok(strncmp(one, "k1 ", 3) == 0 && strncmp(two, "k1 ", 3) == 0 && strncmp(shared, "k1 ", 3) == 0 &&
	    strcmp(one, two) != 0 && strcmp(one, shared) != 0 && strcmp(one, "k1 00010203") != 0 &&
	    strcmp(shared, "k1 00010203") != 0, "of *, each tenant and the shared log has a key of its own");
	is(found(&k, "globex", "k1"), one, "which is the same again");
	ok(strncmp(found(&k, "acme", "k1"), "k1 ", 3) == 0, "a tenant with its own line is opened with * too");
	is(found(&k, "globex", "k2"), "78", "a tenant's key is no other's");
	is(found(&k, "acme", "k9"), "78", "an ID that is not there is an error");
	ok(strstr(e.what, "'k9'") && strstr(e.hint, path), "that names it, and the file");
	hr_keyring_close(&k);
	ok(open_text(&k, "k1 acme " KEY1 "\n") == 0, "a file need not have *");
	is(current(&k, "globex"), "78", "then other tenants have no key");
	ok(strstr(e.what, "'globex'") && strstr(e.hint, path), "which is said");
	is(current(&k, ""), "78", "nor has the shared log");
	ok(strstr(e.what, "shared log") != NULL, "which is said too");
	hr_keyring_close(&k);
}

static void
errors(void)
{
	struct hr_keyring k;
	char text[400];

	refused("", "'", "no key", "a file without a line is refused");
	refused("k1 *\n", ":1", "ID TENANT KEY", "a line without a key is refused");
	refused("# one\nk1 * " KEY1 "\nk2\n", ":3", "ID TENANT KEY", "the line is named");
	refused("k/1 * " KEY1 "\n", ":1", "A-Z", "an ID of other characters is refused");
	refused("01234567890123456789012345678901234567890123456789012345678901234 * " KEY1 "\n", ":1", "A-Z",
	    "so is one that is too long");
	refused("k1 * " KEY1 "\nk1 acme " KEY1 "\nk1 * " KEY2 "\n", ":3", "'k1' stood before", "and one that is there twice");
	refused("k1 * " KEY1 "00\n", ":1", "33 bytes", "a key that is too long is refused");
	refused("k1 * hex:00\n", ":1", "1 bytes", "so is one that is too short");
	refused("k1 * " KEY1 " # ours\n", ":1", "hexadecimal", "and one with something behind");
	refused("k1 * base64:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8\n", ":1", "base64", "cut base64 is refused");
	refused("k1 * secret\n", ":1", "none of hex:", "a key without its form is refused");
	ok(strstr(e.what, "secret") == NULL && e.hint[0], "but not shown");
	refused("k1 * passphrase:elevenchars\n", ":1", "11 characters", "a short passphrase is refused");
	refused("k1 * passphrase:\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\n", ":1", "7 characters",
	    "characters are counted, not bytes");
	refused("k1 a%zz " KEY1 "\n", ":1", "tenant", "a name that is written wrongly is refused");
	refused("k1 a%00 " KEY1 "\n", ":1", "tenant", "so is one with a NUL");
	refused("k1 a%2", ":1", "ID TENANT KEY", "or a cut one");
	memset(text, 'a', sizeof(text));
	snprintf(text + 259, sizeof(text) - 259, " %s\n", KEY1);
	memcpy(text, "k1 ", 3);
	refused(text, ":1", "tenant", "or one that is too long");
	put(path, "k1 * " KEY1 "\0\n", sizeof("k1 * " KEY1 "\0\n") - 1, 0600);
	ok(hr_keyring_open(&k, &(struct hr_keyring_options){ .file = path }, &e) == -1 && strstr(e.what, "NUL"),
	    "a NUL in a line is refused");
	put_text("k1 * " KEY1 "\n");
	chmod(path, 0640);
	ok(hr_keyring_open(&k, &(struct hr_keyring_options){ .file = path }, &e) == -1 && e.code == HR_CONFIG &&
	    strstr(e.what, "0640") && strstr(e.what, path) && strstr(e.hint, "chmod 600"), "a file that others read is refused");
	unlink(path);
	ok(hr_keyring_open(&k, &(struct hr_keyring_options){ .file = path }, &e) == -1 && e.code == HR_CONFIG,
	    "so is one that is not there");
	ok(hr_keyring_open(&k, &(struct hr_keyring_options){ .file = dir }, &e) == -1 && e.code == HR_CONFIG,
	    "and a directory");
	ok(hr_keyring_open(&k, &(struct hr_keyring_options){ .id = "a b" }, &e) == -1 && e.code == HR_CONFIG,
	    "an option that is no ID is refused");
}

static void
passphrases(void)
{
	struct hr_keyring k;
	struct hr_seal_key key;
	uint8_t want[HR_SEAL_KEY];
	int64_t start, first, again;

	ok(open_text(&k, "k1 acme passphrase: correct horse # battery \n") == 0, "a passphrase is the rest of the line");
	PKCS5_PBKDF2_HMAC(" correct horse # battery", 24, (const uint8_t *)"hr seal passphrase k1", 21, 600000, EVP_sha256(),
	    HR_SEAL_KEY, want);
	start = hr_now_us();
	ok(hr_keyring_current(&k, "acme", &key, &e) == 0 && memcmp(key.key, want, HR_SEAL_KEY) == 0,
	    "and goes through PBKDF2 with the ID as its salt");
	first = hr_now_us() - start;
	put_text("k2 * " KEY1 "\nk1 acme passphrase: correct horse # battery\n");
	start = hr_now_us();
	ok(hr_keyring_load(&k, &e) == 0 && hr_keyring_current(&k, "acme", &key, &e) == 0 &&
	    memcmp(key.key, want, HR_SEAL_KEY) == 0, "after a load it is the same");
	again = hr_now_us() - start;
	ok(again < first / 2, "and not made again");
	put_text("k1 acme passphrase: incorrect horse, battery\n");
	ok(hr_keyring_load(&k, &e) == 0 && hr_keyring_current(&k, "acme", &key, &e) == 0 &&
	    memcmp(key.key, want, HR_SEAL_KEY) != 0, "another one is another key");
	hr_seal_key_clear(&key);
	ok(key.key[0] == 0 && key.key[31] == 0 && key.id[0] == 0, "a key is overwritten");
	hr_keyring_close(&k);
}

static void
loads(void)
{
	struct hr_keyring k;

	if (open_text(&k, "k1 * " KEY1 "\n") < 0)
		abort();
	ok(strncmp(current(&k, "acme"), "k1 ", 3) == 0, "a key is there");
	put_text("k1 * " KEY1 "\nk2 acme " KEY2 "\n");
	ok(strncmp(current(&k, "acme"), "k1 ", 3) == 0, "until a load");
	ok(hr_keyring_load(&k, &e) == 0, "the file is read again");
	is(current(&k, "acme"), "k2 1f1e1d1c", "and then there is the new one");
	ok(strncmp(found(&k, "acme", "k1"), "k1 ", 3) == 0, "and the old one");
	put_text("k1 *\n");
	ok(hr_keyring_load(&k, &e) == -1 && e.code == HR_CONFIG, "a file that is wrong is refused");
	is(current(&k, "acme"), "k2 1f1e1d1c", "and the keys are as they were");
	unlink(path);
	ok(hr_keyring_load(&k, &e) == -1 && e.code == HR_CONFIG && strstr(e.what, path), "so is one that is gone");
	is(current(&k, "acme"), "k2 1f1e1d1c", "with the keys as they were");
	hr_keyring_close(&k);
}

/* How often the script was run. */
static int
runs(void)
{
	struct hr_buf b = HR_BUF_INIT;
	int n = 0;
	size_t i;

	if (access(log_path, F_OK) == 0 && hr_file_read(log_path, 1 << 20, &b, &e) == 0)
		for (i = 0; i < b.len; i++)
			n += b.data[i] == '\n';
	hr_buf_clear(&b);
	return n;
}

/* "Wraps" by base64, with tenant and ID in front, which must be the same when it unwraps. */
static void
make_script(void)
{
	char text[1024];

	snprintf(text, sizeof(text), "#!/bin/sh\necho \"$1 $HR_TENANT $HR_KEY_ID\" >>%s\n"
	    "case $1 in\nwrap)\techo \"for $HR_TENANT by $HR_KEY_ID\"; base64 ;;\n"
	    "unwrap)\tread -r line; [ \"$line\" = \"for $HR_TENANT by $HR_KEY_ID\" ] || "
	    "{ echo \"not $HR_TENANT's\" >&2; exit 5; }; base64 -d ;;\nesac\n", log_path);
	put(script, text, strlen(text), 0700);
}

static void
command(void)
{
	struct hr_keyring_options o = { .command = script, .id = "kms-1" };
	struct hr_keyring k, other;
	struct hr_seal_key a, b, c;
	int n;

	make_script();
	ok(hr_keyring_open(&k, &o, &e) == 0 && runs() == 0, "a command is not run before it is needed");
	ok(hr_keyring_current(&k, "acme", &a, &e) == 0 && strcmp(a.id, "kms-1") == 0 && a.wrapped_len > 40 && !a.none &&
	    memmem(a.wrapped, a.wrapped_len, "for acme by kms-1\n", 18), "it wraps a key for a tenant");
	ok(hr_keyring_current(&k, "acme", &b, &e) == 0 && memcmp(&a, &b, sizeof(a)) == 0 && runs() == 1, "once");
	ok(hr_keyring_current(&k, "", &c, &e) == 0 && memcmp(a.key, c.key, 32) != 0 && runs() == 2,
	    "another tenant or the shared log has another key");
	ok(hr_keyring_find(&k, "acme", "kms-1", a.wrapped, a.wrapped_len, &b, &e) == 0 && memcmp(a.key, b.key, 32) == 0 &&
	    runs() == 2, "what was made here need not be unwrapped");
	o.id = NULL;
	ok(hr_keyring_open(&other, &o, &e) == 0 && hr_keyring_find(&other, "acme", "kms-1", a.wrapped, a.wrapped_len, &b, &e) == 0 &&
	    memcmp(a.key, b.key, 32) == 0 && runs() == 3, "elsewhere it is unwrapped, by the ID it was stored with");
	ok(hr_keyring_find(&other, "acme", "kms-1", a.wrapped, a.wrapped_len, &b, &e) == 0 && memcmp(a.key, b.key, 32) == 0 &&
	    runs() == 3, "once");
	ok(hr_keyring_find(&other, "globex", "kms-1", a.wrapped, a.wrapped_len, &b, &e) == -1 && e.code == HR_TEMPORARY &&
	    strstr(e.what, "not globex's") && strstr(e.what, "status 5") && b.key[0] == 0 && b.key[31] == 0,
	    "what the command says when it does not is in the message");
	n = runs();
	ok(hr_keyring_current(&other, "acme", &b, &e) == 0 && strcmp(b.id, "command") == 0 && memcmp(a.key, b.key, 32) != 0 &&
	    runs() == n + 1, "another process has another key; the ID is 'command' where none is given");
	ok(hr_keyring_load(&other, &e) == 0 && hr_keyring_current(&other, "acme", &c, &e) == 0 &&
	    memcmp(c.key, b.key, 32) != 0, "after a load a new one is made");
	ok(hr_keyring_find(&other, "acme", "command", b.wrapped, b.wrapped_len, &c, &e) == 0 && memcmp(c.key, b.key, 32) == 0,
	    "and the one before is unwrapped");
	hr_keyring_close(&other);
	ok(open_text(&other, "k1 * " KEY1 "\n") == 0 &&
	    hr_keyring_find(&other, "acme", "kms-1", a.wrapped, a.wrapped_len, &b, &e) == -1 && e.code == HR_CONFIG &&
	    strstr(e.hint, "--key-command"), "without a command it cannot be, which is said");
	hr_keyring_close(&other);
	o.file = path;
	ok(hr_keyring_open(&other, &o, &e) == 0 && hr_keyring_current(&other, "acme", &b, &e) == 0 && b.wrapped_len,
	    "with a file and a command, the command seals");
	ok(strncmp(found(&other, "acme", "k1"), "k1 ", 3) == 0, "and the file opens");
	hr_keyring_close(&other);
	hr_keyring_close(&k);
}

static void
remembered(void)
{
	struct hr_keyring_options o = { .command = "read -r blob; printf %s \"${blob#x}\"; :" };
	struct hr_keyring k;
	struct hr_seal_key key;
	char blob[64];
	int i, good = 0;

	if (hr_keyring_open(&k, &o, &e) < 0)
		abort();
	for (i = 0; i < HR_KEYRING_REMEMBERED + 10; i++) {
		snprintf(blob, sizeof(blob), "x%032d", i);
		good += hr_keyring_find(&k, "acme", "kms", blob, 33, &key, &e) == 0 && memcmp(key.key, blob + 1, 32) == 0;
	}
	ok(good == i && k.unwrappeds == HR_KEYRING_REMEMBERED, "so many are remembered, and no more");
	free(k.command);
	k.command = strdup("exit 1; :");
	ok(hr_keyring_find(&k, "acme", "kms", blob, 33, &key, &e) == 0 && memcmp(key.key, blob + 1, 32) == 0, "the newest is");
	snprintf(blob, sizeof(blob), "x%032d", 0);
	ok(hr_keyring_find(&k, "acme", "kms", blob, 33, &key, &e) == -1 && e.code == HR_TEMPORARY, "the oldest is not");
	hr_keyring_close(&k);
}

static void
fails(const char *cmd, const char *tenant, bool unwraps, enum hr_code code, const char *why, const char *what)
{
	struct hr_keyring_options o = { .command = cmd, .wait_us = 300000 };
	struct hr_keyring k;
	struct hr_seal_key key;
	int rc;

	if (hr_keyring_open(&k, &o, &e) < 0)
		abort();
	rc = unwraps ? hr_keyring_find(&k, tenant, "kms", "blob", 4, &key, &e) : hr_keyring_current(&k, tenant, &key, &e);
	ok(rc == -1 && e.code == code && strstr(e.what, why) && strstr(e.what, unwraps ? "unwrap for" : "wrap for"), "%s",
	    what);
	if (strstr(e.what, why) == NULL)
		printf("#  got: %s\n# want: %s\n", e.what, why);
	hr_keyring_close(&k);
}

int
main(void)
{
	char clean[64];

	if (mkdtemp(dir) == NULL)
		return 70;
	snprintf(path, sizeof(path), "%s/keys", dir);
	snprintf(script, sizeof(script), "%s/kms", dir);
	snprintf(log_path, sizeof(log_path), "%s/log", dir);
	none();
	lines();
	errors();
	passphrases();
	loads();
	command();
	remembered();
	fails("echo no such key >&2; exit 2; :", "acme", false, HR_TEMPORARY, "tenant 'acme': it ended with status 2: no such key",
	    "a command that fails is tried again later");
	fails("sleep 20; :", "", true, HR_TEMPORARY, "the shared log: it did not end within 300 ms", "so is one that hangs");
	fails("echo garbage; :", "acme", true, HR_TEMPORARY, "8 bytes; a key has 32", "and one that unwraps to something else");
	fails("yes; :", "acme", true, HR_TEMPORARY, "more than 32 bytes", "or to too much");
	fails("true", "acme", true, HR_TEMPORARY, "0 bytes", "or to nothing");
	fails("yes; :", "acme", false, HR_TEMPORARY, "more than 4096 bytes", "and one that wraps to too much");
	fails("true", "acme", false, HR_TEMPORARY, "it wrote nothing", "or to nothing");
	fails("printf wrapped:; cat; :", "acme", false, HR_CONFIG, "for everybody to read", "one that does not wrap is refused");
	snprintf(clean, sizeof(clean), "rm -rf %s", dir);
	return system(clean) == 0 ? tap_done() : 70;
}
