/*
 * The checkpoint file: as text, on a disk that fails, and with many tenants.
 *
 * The calls that write are ours here, so that each can fail in its turn.
 */

#include "base/hr.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/crc32c.h"
#include "state/checkpoint.h"
#include "state/checkpoint_print.h"

/* TAP. */

static int tests, bad;

static void ok(bool right, const char *fmt, ...) HR_PRINTF(2, 3);

static void
ok(bool right, const char *fmt, ...)
{
	va_list ap;

	printf("%sok %d - ", right ? "" : "not ", ++tests);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	bad += !right;
}

static int
done(void)
{
	printf("1..%d\n", tests);
	return bad != 0;
}

/* Faults: the call number `fail_at` fails with `fail_with`; 0: none does. */

static int calls, fail_at, fail_with;

static bool
fails(void)
{
	if (fail_at == 0 || ++calls != fail_at)
		return false;
	errno = fail_with;
	return true;
}

/* A disk that is full takes a part before it says so. */
ssize_t
write(int fd, const void *data, size_t n)
{
	if (fd > 2 && fail_at) {
		if (fails())
			return -1;
		if (n > 100)
			n = 100;
	}
	return syscall(SYS_write, fd, data, n);
}

int
fsync(int fd)
{
	return fails() ? -1 : (int)syscall(SYS_fsync, fd);
}

int
close(int fd)
{
	int rc = (int)syscall(SYS_close, fd);

	return fails() ? -1 : rc;
}

int
rename(const char *from, const char *to)
{
	return fails() ? -1 : (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

/* Two tenants with all there is to say about them. */
static void
make(struct hr_checkpoint *c)
{
	struct hr_tenant_position *t;

	*c = (struct hr_checkpoint)HR_CHECKPOINT_INIT;
	c->stream = hr_strdup("hr_shop");
	c->database = hr_strdup("");
	c->system = UINT64_MAX;
	c->timeline = UINT32_MAX;
	c->epoch = 3;
	c->state = HR_STATE_STREAMING;
	c->lsn = 0x16B3748;
	c->commit_time = INT64_C(823165811123456);
	c->written = -1;
	c->rows = 1;
	c->bytes = UINT64_MAX;
	c->transactions = 10;
	hr_checkpoint_part(c, &(struct hr_copied_part){ (char *)"public.a\tb", 16385, 16386, 16387, 8, 16 });
	hr_checkpoint_part(c, &(struct hr_copied_part){ (char *)"public.whole", UINT32_MAX, 0, 0, 0, 0 });
	t = hr_checkpoint_tenant(c, "glo\tbex\n\\ \x01\x7f\xc3\xa9\xff");
	t->state = HR_STATE_PARKED;
	t->reason = hr_strdup("a\tb");
	t->lsn = UINT64_MAX;
	t->xid = 742;
	t = hr_checkpoint_tenant(c, "acme");
	t->state = HR_STATE_COPYING;
	t->rows = 7;
	hr_checkpoint_table(t, "public.z", 5);
	hr_checkpoint_table(t, "public.a", 4);
	hr_checkpoint_table(t, "public.m", 3);
	hr_checkpoint_table(t, "public.a", 6);
}

static const char made[] =
	"hr checkpoint 1\n"
	"stream hr_shop\n"
	"database \n"
	"system 18446744073709551615\n"
	"timeline 4294967295\n"
	"epoch 3\n"
	"state streaming\n"
	"lsn 0/16B3748\n"
	"commit_time 2026-01-31T09:10:11.123456Z\n"
	"written 1999-12-31T23:59:59.999999Z\n"
	"rows 1\n"
	"bytes 18446744073709551615\n"
	"transactions 10\n"
	"part\tpublic.a\\tb\t16385\t16386\t16387\t8\t16\n"
	"part\tpublic.whole\t4294967295\t0\t0\t0\t0\n"
	"tenant\tacme\tcopying\t0/0\t-\t0\t7\t0\t-\n"
	"table\tpublic.a\t0/6\n"
	"table\tpublic.m\t0/3\n"
	"table\tpublic.z\t0/5\n"
	"tenant\tglo\\tbex\\n\\\\ \\x01\\x7f\xc3\xa9\xff\tparked\tFFFFFFFF/FFFFFFFF\t-\t742\t0\t0\ta\\tb\n";

static void
seal(struct hr_buf *b)
{
	hr_buf_printf(b, "end %08" PRIx32 "\n", hr_crc32c(0, b->data, b->len));
}

static bool
same(const struct hr_buf *a, const struct hr_buf *b)
{
	return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

/* Decode; -1 must leave an error of the kind and nothing else. */
static int
decode(struct hr_checkpoint *c, const void *text, size_t len, struct hr_err *e)
{
	int rc;

	*e = (struct hr_err)HR_ERR_INIT;
	*c = (struct hr_checkpoint)HR_CHECKPOINT_INIT;
	rc = hr_checkpoint_decode(c, text, len, e);
	if (rc < 0 && (e->code != HR_BAD_STREAM || e->what[0] == '\0' || c->tenant || c->stream))
		abort();
	return rc;
}

/* Is the body refused at this line? */
static bool
refused(int line, const char *body)
{
	struct hr_checkpoint c;
	struct hr_buf b = HR_BUF_INIT;
	struct hr_err e;
	char at[40];
	bool no;

	hr_buf_puts(&b, "hr checkpoint 1\n");
	hr_buf_puts(&b, body);
	seal(&b);
	snprintf(at, sizeof(at), "line %d is", line);
	no = decode(&c, b.data, b.len, &e) < 0 && strncmp(e.what, at, strlen(at)) == 0;
	if (!no)
		printf("# taken, or '%s': %s", e.what, body);
	hr_checkpoint_clear(&c);
	hr_buf_clear(&b);
	return no;
}

static bool
taken(const char *body)
{
	struct hr_checkpoint c;
	struct hr_buf b = HR_BUF_INIT;
	struct hr_err e;
	bool yes;

	hr_buf_puts(&b, "hr checkpoint 1\n");
	hr_buf_puts(&b, body);
	seal(&b);
	yes = decode(&c, b.data, b.len, &e) == 0;
	if (!yes)
		printf("# %s: %s", e.what, body);
	hr_checkpoint_clear(&c);
	hr_buf_clear(&b);
	return yes;
}

static void
test_text(void)
{
	struct hr_checkpoint c, d;
	struct hr_buf want = HR_BUF_INIT, got = HR_BUF_INIT, again = HR_BUF_INIT;
	struct hr_err e;

	make(&c);
	hr_buf_puts(&want, made);
	seal(&want);
	hr_checkpoint_encode(&c, &got);
	ok(same(&want, &got), "a checkpoint is written as the page says");
	ok(decode(&d, got.data, got.len, &e) == 0, "and read");
	ok(d.tenants == 2 && strcmp(d.stream, "hr_shop") == 0 && strcmp(d.database, "") == 0 &&
	    d.system == c.system && d.timeline == c.timeline && d.epoch == 3 &&
	    d.state == HR_STATE_STREAMING && d.lsn == c.lsn && d.commit_time == c.commit_time &&
	    d.written == -1 && d.rows == 1 && d.bytes == c.bytes && d.transactions == 10,
	    "its head is what was written");
	ok(strcmp(d.tenant[0].tenant, "acme") == 0 && d.tenant[0].reason == NULL &&
	    d.tenant[0].tables == 3 && strcmp(d.tenant[0].table[2].table, "public.z") == 0 &&
	    d.tenant[0].table[0].lsn == 6 &&
	    strcmp(d.tenant[1].tenant, c.tenant[0].tenant) == 0 &&
	    strcmp(d.tenant[1].reason, "a\tb") == 0 && d.tenant[1].lsn == UINT64_MAX,
	    "its tenants are, by name");
	hr_checkpoint_encode(&d, &again);
	ok(same(&got, &again), "and written again it has the same bytes");
	hr_checkpoint_clear(&c);
	hr_checkpoint_clear(&d);

	hr_buf_reset(&got);
	hr_checkpoint_encode(&c, &got);
	ok(decode(&d, got.data, got.len, &e) == 0 && d.stream == NULL && d.tenants == 0,
	    "one that says nothing is read as that");
	hr_checkpoint_clear(&d);
	hr_buf_clear(&want);
	hr_buf_clear(&got);
	hr_buf_clear(&again);
}

static void
test_cuts(void)
{
	struct hr_checkpoint c, d;
	struct hr_buf b = HR_BUF_INIT;
	struct hr_err e;
	size_t i, cut = 0, changed = 0, longer = 0;
	int bit;

	make(&c);
	hr_checkpoint_encode(&c, &b);
	for (i = 0; i < b.len; i++) {
		char *part = hr_memdup(b.data, i);	/* for a sanitizer's sake */

		cut += decode(&d, part, i, &e) < 0;
		free(part);
		for (bit = 0; bit < 8; bit++) {
			b.data[i] ^= (uint8_t)(1 << bit);
			changed += decode(&d, b.data, b.len, &e) < 0;
			b.data[i] ^= (uint8_t)(1 << bit);
		}
	}
	ok(cut == b.len, "cut at any byte it is refused");
	ok(changed == b.len * 8, "with any bit changed it is refused");
	hr_buf_u8(&b, '\n');
	longer += decode(&d, b.data, b.len, &e) < 0;
	b.len--;
	hr_checkpoint_encode(&c, &b);
	longer += decode(&d, b.data, b.len, &e) < 0;
	ok(longer == 2, "with anything behind it it is refused");
	hr_checkpoint_clear(&c);
	hr_buf_clear(&b);
}

static void
test_malformed(void)
{
	static const char *const head[] = {
		"\n", "lsn\n", "lsn \n", "lsn  0/1\n", "lsn 0/1 \n", "lsn 0/\n", "lsn 0/123456789\n",
		"lsn 0/1\r\n", "lsn x\n", "colour red\n", "Lsn 0/1\n", "state asleep\n", "state \n",
		"epoch -1\n", "epoch +1\n", "epoch 1x\n", "epoch 18446744073709551616\n",
		"timeline 4294967296\n", "written 2026-02-30T00:00:00.000000Z\n",
		"written 2026-01-31T24:00:00.000000Z\n", "written 2026-01-31 09:00:00.000000Z\n",
		"written 2026-13-01T00:00:00.000000Z\n", "written 2026-00-01T00:00:00.000000Z\n",
		"written 0000-12-31T00:00:00.000000Z\n", "written 2026-01-31T09:00:00Z\n",
		"written now\n", "stream a\tb\n", "stream a\\q\n", "stream a\\\n", "stream a\\x0\n",
		"stream a\\x00\n", "stream a\\x0G\n", "stream a\x7f\n",
		"table\tpublic.t\t0/1\n", "tenant\n", "tenant\ta\n", "end 00000000\n",
	};
	static const char *const tenant[] = {
		"tenant\ta\tnone\t0/0\t-\t0\t0\t0\n", "tenant\ta\tnone\t0/0\t-\t0\t0\t0\t-\t-\n",
		"tenant\ta\tasleep\t0/0\t-\t0\t0\t0\t-\n", "tenant\ta\tnone\t0\t-\t0\t0\t0\t-\n",
		"tenant\ta\tnone\t0/0\t0\t0\t0\t0\t-\n", "tenant\ta\tnone\t0/0\t-\t4294967296\t0\t0\t-\n",
		"tenant\ta\tnone\t0/0\t-\t0\t\t0\t-\n", "tenant\ta\tnone\t0/0\t-\t0\t0\tx\t-\n",
		"tenant\ta\\\tnone\t0/0\t-\t0\t0\t0\t-\n", "tenant\ta\tnone\t0/0\t-\t0\t0\t0\t\\z\n",
	};
	static const char *const after[] = {
		"lsn 0/1\n", "table\tpublic.t\n", "table\tpublic.t\t0\n", "table\tt\\\t0/1\n",
		"table\tpublic.t\t0/1\t\n", "tenant\tb\tnone\t0/0\t-\t0\t0\t0\t-\n",
		"tenant\ta\tnone\t0/0\t-\t0\t0\t0\t-\n", "\n",
	};
	char name[400], body[800];
	size_t i;
	bool all = true;

	for (i = 0; i < HR_COUNT(head); i++)
		all &= refused(2, head[i]);
	ok(all, "heads that are not well-formed are refused, and the line named");
	ok(refused(4, "lsn 0/1\nepoch 3\nlsn 0/1\n"), "a key does not come twice");
	for (all = true, i = 0; i < HR_COUNT(tenant); i++)
		all &= refused(2, tenant[i]);
	ok(all, "so are tenants");
	for (all = true, i = 0; i < HR_COUNT(after); i++) {
		snprintf(body, sizeof(body), "lsn 0/1\ntenant\tb\tnone\t0/0\t-\t0\t0\t0\t-\n%s", after[i]);
		all &= refused(4, body);
	}
	ok(all, "so are tables, a head behind a tenant, and tenants out of order or twice");

	ok(taken("epoch 18446744073709551615\n") && taken("timeline 4294967295\n") &&
	    taken("written 0001-01-01T00:00:00.000000Z\n") &&
	    taken("written 9999-12-31T23:59:59.999999Z\n") &&
	    taken("written 2024-02-29T00:00:00.000000Z\n") &&
	    refused(2, "written 2023-02-29T00:00:00.000000Z\n") &&
	    refused(2, "written 1900-02-29T00:00:00.000000Z\n"), "values at their limits are taken");
	for (i = HR_TENANT_MAX - 1; i <= HR_TENANT_MAX; i++) {
		memset(name, 'n', sizeof(name));
		name[i] = '\0';
		snprintf(body, sizeof(body), "tenant\t%s\tnone\t0/0\t-\t0\t0\t0\t-\n", name);
		all &= taken(body);
	}
	name[HR_TENANT_MAX] = 'n';
	name[HR_TENANT_MAX + 1] = '\0';
	snprintf(body, sizeof(body), "tenant\t%s\tnone\t0/0\t-\t0\t0\t0\t-\n", name);
	ok(all && refused(2, body), "a name of 255 bytes is taken, of 256 refused");
}

static void
test_times(void)
{
	static const int64_t times[] = {
		1, -1, 86399999999, 86400000000, -86400000000, -86400000001,
		INT64_C(252455615999999999), INT64_C(-63082281600000000),
		INT64_C(5097600000000), INT64_C(-3155673600000000), INT64_C(823165811123456),
	};
	static const int64_t beyond[] = {
		INT64_C(252455616000000000), INT64_C(-63082281600000001), INT64_MAX, INT64_MIN,
	};
	struct hr_checkpoint c = HR_CHECKPOINT_INIT, d;
	struct hr_buf b = HR_BUF_INIT;
	struct hr_err e;
	char text[HR_TIME_TEXT];
	size_t i, right = 0, none = 0;

	for (i = 0; i < HR_COUNT(times); i++) {
		c.written = times[i];
		hr_buf_reset(&b);
		hr_checkpoint_encode(&c, &b);
		right += strstr(hr_buf_text(&b), hr_time_format(text, times[i])) != NULL &&
		    decode(&d, b.data, b.len, &e) == 0 && d.written == times[i];
	}
	ok(right == HR_COUNT(times), "times are those of the rest of the tools, and read back");
	for (i = 0; i < HR_COUNT(beyond); i++) {
		c.written = beyond[i];
		hr_buf_reset(&b);
		hr_checkpoint_encode(&c, &b);
		none += decode(&d, b.data, b.len, &e) == 0 && d.written == 0;
	}
	ok(none == HR_COUNT(beyond), "a time before the year 1 or after 9999 is none");
	hr_buf_clear(&b);
}

static void
test_tenants(void)
{
	enum { N = 10000 };
	struct hr_checkpoint c = HR_CHECKPOINT_INIT, d;
	struct hr_buf b = HR_BUF_INIT, again = HR_BUF_INIT;
	struct hr_err e;
	char name[20];
	int64_t start = hr_now_us(), encode_us;
	size_t i, found = 0;

	ok(hr_checkpoint_find(&c, "acme") == NULL, "nothing is found in nothing");
	for (i = 0; i < N; i++) {
		snprintf(name, sizeof(name), "t%05zu", i * 7919 % N);
		hr_checkpoint_tenant(&c, name)->rows = i;
	}
	for (i = 0; i < N; i++) {
		snprintf(name, sizeof(name), "t%05zu", i * 7919 % N);
		found += hr_checkpoint_tenant(&c, name)->rows == i &&
		    hr_checkpoint_find(&c, name)->rows == i;
	}
	printf("# added and found in %" PRId64 " us\n", hr_now_us() - start);
	ok(c.tenants == N && found == N, "10,000 tenants in any order are each found");
	ok(hr_checkpoint_find(&c, "") == NULL && hr_checkpoint_find(&c, "t0000") == NULL &&
	    hr_checkpoint_find(&c, "t09999x") == NULL && hr_checkpoint_find(&c, "u") == NULL,
	    "and no others");
	ok(hr_now_us() - start < 5000000, "in less than seconds");

	start = hr_now_us();
	hr_checkpoint_encode(&c, &b);
	encode_us = hr_now_us() - start;
	printf("# encoded in %" PRId64 " us\n", encode_us);
	start = hr_now_us();
	ok(decode(&d, b.data, b.len, &e) == 0 && d.tenants == N, "they are written and read");
	printf("# decoded in %" PRId64 " us\n", hr_now_us() - start);
	for (i = 1, found = 0; i < d.tenants; i++)
		found += strcmp(d.tenant[i - 1].tenant, d.tenant[i].tenant) < 0;
	ok(found == N - 1, "in the order of their names");
	hr_checkpoint_tenant(&d, "t00000x")->state = HR_STATE_PARKED;
	hr_checkpoint_encode(&d, &again);
	hr_checkpoint_clear(&d);
	ok(decode(&d, again.data, again.len, &e) == 0 &&
	    strcmp(d.tenant[1].tenant, "t00000x") == 0, "one that is added takes its place");
	hr_buf_reset(&b);
	hr_checkpoint_print(&d, NULL, 0, &b);
	hr_checkpoint_export(&d, &b);
	ok(b.len > N * 100, "and all are printed");
	hr_checkpoint_clear(&c);
	hr_checkpoint_clear(&d);
	hr_buf_clear(&b);
	hr_buf_clear(&again);
}

static void
test_positions(void)
{
	struct hr_checkpoint c = HR_CHECKPOINT_INIT;
	struct hr_tenant_position *t = hr_checkpoint_tenant(&c, "acme");
	struct hr_err e = HR_ERR_INIT;
	int s;
	bool own = true;

	c.lsn = 100;
	t->lsn = 50;
	for (s = HR_STATE_NONE; s <= HR_STATE_PARKED; s++) {
		t->state = (enum hr_checkpoint_state)s;
		own &= hr_checkpoint_reached(&c, t) == (s == HR_STATE_STREAMING ? 100 : 50);
	}
	ok(own, "a tenant that streams has what the stream has, another what it has");
	t->state = HR_STATE_STREAMING;
	t->lsn = 120;
	ok(hr_checkpoint_reached(&c, t) == 120, "or what it has itself, when that is more");
	c.state = HR_STATE_STREAMING;
	ok(hr_checkpoint_durable(&c, t->tenant) == 120 && hr_checkpoint_durable(&c, NULL) == 100 &&
	    hr_checkpoint_durable(&c, "nobody") == 100, "that is what it has for good, and others have the stream's");
	c.state = HR_STATE_COPYING;
	ok(hr_checkpoint_durable(&c, t->tenant) == 0 && hr_checkpoint_durable(&c, NULL) == 0, "nothing in a first copy");
	c.system = 7;
	ok(!hr_checkpoint_is_of(&c, 7, "hr"), "a file that names no stream is of none");
	c.stream = hr_strdup("hr");
	ok(hr_checkpoint_is_of(&c, 7, "hr") && !hr_checkpoint_is_of(&c, 8, "hr") && !hr_checkpoint_is_of(&c, 7, "h"),
	    "it is of the stream and the source that it names");

	ok(hr_checkpoint_move(&c, NULL, 101, false, &e) == -1 && e.code == HR_REFUSED && c.lsn == 100,
	    "the stream is not moved forward");
	ok(hr_checkpoint_move(&c, NULL, 101, true, &e) == 0 && c.lsn == 101, "but when told so");
	ok(hr_checkpoint_move(&c, "acme", 121, false, &e) == -1 && t->lsn == 120, "nor is a tenant");
	ok(hr_checkpoint_move(&c, "acme", 110, false, &e) == 0 && t->lsn == 110 && c.lsn == 101,
	    "which moves back alone as far as the stream");
	ok(hr_checkpoint_move(&c, "acme", 90, false, &e) == 0 && t->lsn == 90 && c.lsn == 90,
	    "and then takes it with it");
	ok(hr_checkpoint_move(&c, "new", 0, false, &e) == 0 && c.tenants == 2 && c.lsn == 0,
	    "one that is not there is made");
	hr_checkpoint_clear(&c);
}

static size_t
beside(void)
{
	glob_t g;
	size_t n;

	glob("*.tmp.*", 0, NULL, &g);
	n = g.gl_pathc;
	globfree(&g);
	return n;
}

static bool
holds(const char *path, hr_lsn lsn)
{
	struct hr_checkpoint c = HR_CHECKPOINT_INIT;
	struct hr_err e = HR_ERR_INIT;
	bool yes = hr_checkpoint_load(&c, path, &e) == 1 && c.lsn == lsn;

	hr_checkpoint_clear(&c);
	return yes;
}

static void
test_file(void)
{
	struct hr_checkpoint c = HR_CHECKPOINT_INIT, d = HR_CHECKPOINT_INIT;
	struct hr_err e = HR_ERR_INIT;
	struct stat st;
	char name[64], path[4200], here[4096];
	int fd, rc;

	ok(hr_checkpoint_load(&c, "none", &e) == 0, "a file that is not there is nothing");
	c.lsn = 1;
	ok(hr_checkpoint_save(&c, "ck", true, &e) == 0 && holds("ck", 1),
	    "a path without a slash is one of this directory");
	c.lsn = 2;
	ok(hr_checkpoint_save(&c, "./ck", false, &e) == 0 && holds("ck", 2), "with a dot too");
	c.lsn = 3;
	snprintf(path, sizeof(path), "%s/ck", getcwd(here, sizeof(here)));
	ok(hr_checkpoint_save(&c, path, true, &e) == 0 && holds("ck", 3) && beside() == 0,
	    "a whole path too, and nothing is left beside");
	ok(stat("ck", &st) == 0 && (st.st_mode & 0777) == 0644, "all may read it that the umask lets");

	snprintf(name, sizeof(name), "ck.tmp.%ld", (long)getpid());
	fd = open(name, O_WRONLY | O_CREAT, 0600);
	rc = ftruncate(fd, 5000);
	close(fd);
	c.lsn = 4;
	ok(rc == 0 && hr_checkpoint_save(&c, "ck", true, &e) == 0 && holds("ck", 4) && beside() == 0,
	    "what a process of our number left beside is no obstacle");

	ok(hr_checkpoint_save(&c, "none/ck", true, &e) == -1 && e.code == HR_IO,
	    "without its directory it is not written");
	ok(mkdir("dir", 0755) == 0 && hr_checkpoint_save(&c, "dir", true, &e) == -1 &&
	    e.code == HR_IO && beside() == 0, "nor over a directory");
	ok(hr_checkpoint_load(&d, "dir", &e) == -1 && e.code == HR_IO, "which cannot be read either");
	ok(hr_checkpoint_load(&d, "ck/x", &e) == -1 && e.code == HR_IO, "nor what is below a file");

	ok(truncate("ck", 30) == 0 && hr_checkpoint_load(&d, "ck", &e) == -1 &&
	    e.code == HR_BAD_STREAM && strstr(e.what, "'ck'"), "a file that was cut is refused");
	ok(truncate("ck", 0) == 0 && hr_checkpoint_load(&d, "ck", &e) == -1 &&
	    e.code == HR_BAD_STREAM, "an empty one too");
	ok(truncate("ck", (off_t)HR_CHECKPOINT_MAX + 1) == 0 &&
	    hr_checkpoint_load(&d, "ck", &e) == -1 && e.code == HR_BAD_STREAM &&
	    strstr(e.what, "longer than 256 MB"), "and one beyond the limit, before it is read");
	unlink("ck");
}

/* Root is asked to be nobody for it. */
static void
test_directory(void)
{
	struct hr_checkpoint c = HR_CHECKPOINT_INIT;
	struct hr_err e = HR_ERR_INIT;
	bool root = geteuid() == 0;
	int rc;

	c.lsn = 1;
	rc = mkdir("shut", 0755);
	if (rc == 0)
		rc = hr_checkpoint_save(&c, "shut/ck", true, &e);
	c.lsn = 2;
	if (rc == 0 && chmod("shut", 0555) == 0 && (!root || seteuid(65534) == 0))
		rc = hr_checkpoint_save(&c, "shut/ck", true, &e) == -1 ? 0 : -1;
	if (root && seteuid(0) < 0)
		abort();
	ok(rc == 0 && e.code == HR_IO && strstr(e.what, "Permission denied") && holds("shut/ck", 1),
	    "where nothing may be written the old file stays");
	rc = chmod("shut", 0755);
	unlink("shut/ck");
	rmdir("shut");
}

/* Each call in its turn, until none is left to fail. */
static void
test_faults(int with, bool durable, const char *what)
{
	struct hr_checkpoint c, old = HR_CHECKPOINT_INIT;
	struct hr_err e = HR_ERR_INIT;
	int n, rc = -1;
	bool right = true;

	make(&c);
	c.lsn = 2;
	old.lsn = 1;
	for (n = 1; rc < 0 && n < 100; n++) {
		fail_at = 0;
		right &= hr_checkpoint_save(&old, "ck", false, &e) == 0;
		hr_err_clear(&e);
		calls = 0;
		fail_at = n;
		fail_with = with;
		rc = hr_checkpoint_save(&c, "ck", durable, &e);
		fail_at = 0;
		if (rc == 0 || (durable && holds("ck", 2)))
			right &= holds("ck", 2);	/* all but the directory's sync was done */
		else
			right &= holds("ck", 1);
		right &= rc == 0 || e.code == HR_IO;
		right &= beside() == 0;
	}
	ok(right && rc == 0 && n > 6, "%s: %d calls", what, n - 2);
	hr_checkpoint_clear(&c);
	unlink("ck");
}

int
main(void)
{
	char dir[] = "/tmp/hr-checkpoint.XXXXXX";

	umask(022);
	if (mkdtemp(dir) == NULL || chmod(dir, 0755) < 0 || chdir(dir) < 0)
		return 1;
	test_text();
	test_cuts();
	test_malformed();
	test_times();
	test_tenants();
	test_positions();
	test_file();
	test_directory();
	test_faults(ENOSPC, true, "a full disk leaves the old file, whenever it is full");
	test_faults(ENOSPC, false, "also when it need not be durable");
	test_faults(EIO, true, "so does a broken one");
	rmdir("dir");
	if (chdir("/") < 0 || rmdir(dir) < 0)
		printf("# left: %s\n", dir);
	return done();
}
