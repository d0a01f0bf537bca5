/* state_segment - sealed records in a file: what is there, what was cut, what was changed. */

#include "base/hr.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/crc32c.h"
#include "base/file.h"
#include "state/segment.h"
#include "tap.h"

#define KEY1	"hex:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define KEY2	"hex:1f1e1d1c1b1a191817161514131211100f0e0d0c0b0a09080706050403020100"
#define RECORDS	5

static char dir[] = "/tmp/hr-segment-XXXXXX";
static struct hr_err e = HR_ERR_INIT;
static struct hr_keyring sealed, plain;

static const char *
path(const char *name)
{
	static char p[4][128];
	static int i;

	i = (i + 1) % 4;
	snprintf(p[i], sizeof(p[i]), "%s/%s", dir, name);
	return p[i];
}

static void
save(const char *name, const void *p, size_t n)
{
	int fd;

	unlink(path(name));	/* to write a file again can be as slow as a sync */
	fd = open(path(name), O_WRONLY | O_CREAT | O_EXCL, 0600);
	if (fd < 0 || hr_file_write(fd, p, n) < 0 || close(fd) < 0)
		abort();
}

static struct hr_buf
slurp(const char *name)
{
	struct hr_buf b = HR_BUF_INIT;

	if (hr_file_read(path(name), (size_t)1 << 30, &b, &e) < 0)
		abort();
	return b;
}

static void
keys(struct hr_keyring *k, const char *text)
{
	save("keys", text, strlen(text));
	if (hr_keyring_open(k, &(struct hr_keyring_options){ .file = path("keys") }, &e) < 0) {
		printf("# %s\n", e.what);
		abort();
	}
}

static struct hr_segment_head
head_of(const char *log, uint64_t number)
{
	struct hr_segment_head h = { .chain = "0123456789abcde", .number = number, .first = 100 };

	snprintf(h.log, sizeof(h.log), "%s", log);
	return h;
}

/* RECORDS of them, the third without a byte, and perhaps an end. */
static void
make(const char *name, struct hr_keyring *k, const char *log, uint64_t number, bool end)
{
	struct hr_segment_writer w = HR_SEGMENT_WRITER_INIT;
	struct hr_segment_head h = head_of(log, number);
	char text[32];
	int i;

	unlink(path(name));
	if (hr_segment_create(&w, path(name), k, &h, &e) < 0)
		abort();
	for (i = 0; i < RECORDS; i++) {
		snprintf(text, sizeof(text), "record %d", i);
		if (hr_segment_append(&w, (uint8_t)(i + 1), 100 + (uint64_t)i / 2, text, i == 2 ? 0 : strlen(text), NULL,
		    &e) < 0)
			abort();
	}
	if ((end ? hr_segment_end(&w, &e) : hr_segment_sync(&w, &e)) < 0)
		abort();
	hr_segment_writer_close(&w);
}

/* How many records are right, from the first; -1 an error, -2 one that is wrong. */
static int
count(const char *name, struct hr_keyring *k, enum hr_segment_tail *tail)
{
	struct hr_segment_reader r = HR_SEGMENT_READER_INIT;
	char text[32];
	int n = 0, rc;

	if (hr_segment_open(&r, path(name), k, &e) < 0) {
		*tail = r.tail;
		return -1;
	}
	while ((rc = hr_segment_next(&r, &e)) > 0) {
		snprintf(text, sizeof(text), "record %d", n);
		if (r.kind != n + 1 || r.place != 100 + (uint64_t)n / 2 || r.len != (n == 2 ? 0 : strlen(text)) ||
		    (k && memcmp(r.data, text, r.len) != 0))
			rc = n = -2;
		if (rc < 0)
			break;
		n++;
	}
	*tail = r.tail;
	hr_segment_reader_close(&r);
	return rc < 0 && n != -2 ? -1 : n;
}

static void
both_ways(struct hr_keyring *k, const char *what)
{
	struct hr_segment_reader r = HR_SEGMENT_READER_INIT;
	enum hr_segment_tail tail;

	make("s", k, "acme", 7, true);
	ok(count("s", k, &tail) == RECORDS && tail == HR_SEGMENT_ENDED, "%s: what was written is read", what);
	ok(count("s", NULL, &tail) == RECORDS && tail == HR_SEGMENT_ENDED, "%s: and listed without a keyring", what);
	ok(hr_segment_open(&r, path("s"), NULL, &e) == 0 && strcmp(r.head.log, "acme") == 0 && r.head.number == 7 &&
	    r.head.first == 100 && r.head.created > 0 && strcmp((char *)r.head.chain, "0123456789abcde") == 0 &&
	    r.head.sealed == !!*r.head.key_id, "%s: its header says what it is", what);
	hr_segment_reader_close(&r);
	make("s", k, "", 7, false);
	ok(count("s", k, &tail) == RECORDS && tail == HR_SEGMENT_OPEN, "%s: without an end record it is open", what);
}

/* The offset of each record, and of the end of the last. */
static void
offsets(const char *name, uint64_t *at)
{
	struct hr_segment_reader r = HR_SEGMENT_READER_INIT;
	int i = 0;

	if (hr_segment_open(&r, path(name), NULL, &e) < 0)
		abort();
	at[i++] = r.mark.at;
	while (hr_segment_next(&r, &e) > 0)
		at[i++] = r.mark.at;
	if (r.tail == HR_SEGMENT_ENDED)
		at[i++] = r.mark.at;
	hr_segment_reader_close(&r);
}

static void
flips(struct hr_keyring *k, const char *what)
{
	enum hr_segment_tail tail;
	struct hr_buf b;
	uint64_t at[RECORDS + 2];
	size_t bit, missed = 0, unnoticed = 0;

	make("s", k, "acme", 7, true);
	offsets("s", at);
	b = slurp("s");
	for (bit = 0; bit < 8 * b.len; bit++) {
		b.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		save("flip", b.data, b.len);
		missed += count("flip", k, &tail) != -1 || e.code != HR_BAD_STREAM;
		unnoticed += bit / 8 < at[1] - 9 && count("flip", NULL, &tail) != -1;
		b.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	ok(missed == 0, "%s: each of %zu bits that is another is noticed", what, 8 * b.len);
	ok(unnoticed == 0, "%s: one of the header or a fixed part without a keyring too", what);
	hr_buf_clear(&b);
}

static void
cuts(struct hr_keyring *k, const char *what)
{
	enum hr_segment_tail tail;
	uint64_t at[RECORDS + 2];
	struct hr_buf b;
	size_t n, zero;
	int whole, wrong = 0, heads = 0, zeros = 0, listed = 0, got;

	make("s", k, "acme", 7, true);
	offsets("s", at);
	b = slurp("s");
	for (n = 0; n < b.len; n++) {
		for (whole = -1; whole < RECORDS && at[whole + 1] <= n; whole++)
			;
		save("cut", b.data, n);
		got = count("cut", k, &tail);
		heads += whole < 0 && (got != -1 || tail != HR_SEGMENT_CUT || e.code != HR_BAD_STREAM);
		for (zero = whole < 0 ? n : at[whole]; zero < n && b.data[zero] == 0; zero++)
			;
		wrong += whole >= 0 && (got != whole || tail != (at[whole] == n ? HR_SEGMENT_OPEN :
		    zero == n ? HR_SEGMENT_ZEROS : HR_SEGMENT_CUT));
		listed += whole >= 0 && count("cut", NULL, &tail) != whole;
	}
	ok(heads == 0, "%s: a header that is cut anywhere is an error that says so", what);
	ok(wrong == 0 && listed == 0, "%s: cut anywhere, the records before are there", what);
	for (n = 0; n < b.len; n++) {
		for (whole = -1; whole < RECORDS && at[whole + 1] <= n; whole++)
			;
		/* Zeros to a whole record's end, to somewhere in it, and far beyond. */
		for (size_t more = 1; more < 200000; more = more * 3 + 1) {
			struct hr_buf c = HR_BUF_INIT;

			hr_buf_put(&c, b.data, n);
			hr_buf_need(&c, more);
			memset(c.data + n, 0, more);
			c.len += more;
			save("zeros", c.data, c.len);
			hr_buf_clear(&c);
			got = count("zeros", k, &tail);
			zeros += got != (whole < 0 ? -1 : whole) || tail == HR_SEGMENT_ENDED || tail == HR_SEGMENT_OPEN;
			if (n % 7)
				more *= 9;
		}
	}
	is_number(zeros, 0, "zeros from anywhere to the end are no error, and no record");
	hr_buf_clear(&b);
	save("empty", "", 0);
	ok(count("empty", k, &tail) == -1 && tail == HR_SEGMENT_CUT, "%s: an empty file is a header that was cut", what);
}

/* Zeros with something behind them are no file system's. */
static void
holes(void)
{
	enum hr_segment_tail tail;
	uint64_t at[RECORDS + 2];
	struct hr_buf b;

	make("s", &sealed, "acme", 7, true);
	offsets("s", at);
	b = slurp("s");
	memset(b.data + at[1], 0, at[2] - at[1]);
	save("hole", b.data, b.len);
	ok(count("hole", &sealed, &tail) == -1 && e.code == HR_BAD_STREAM, "zeros instead of a record are an error");
	ok(count("hole", NULL, &tail) == -1, "without a keyring too");
	hr_buf_clear(&b);
	b = slurp("s");
	hr_buf_u8(&b, 0);
	save("more", b.data, b.len);
	ok(count("more", &sealed, &tail) == -1 && strstr(e.what, "behind"), "so are bytes behind the end record");
	hr_buf_clear(&b);
}

/* A file of some records of others. */
static void
sewn(const char *name, const char *front, const int *piece, const char *const *from, int n)
{
	struct hr_buf b = slurp(front), c;
	uint64_t at[RECORDS + 2];
	int i;

	offsets(front, at);
	b.len = at[0];
	for (i = 0; i < n; i++) {
		offsets(from[i], at);
		c = slurp(from[i]);
		hr_buf_put(&b, c.data + at[piece[i]], at[piece[i] + 1] - at[piece[i]]);
		hr_buf_clear(&c);
	}
	save(name, b.data, b.len);
	hr_buf_clear(&b);
}

static void
noticed(const char *what, struct hr_keyring *k, const char *front, const int *piece, const char *const *from, int n)
{
	enum hr_segment_tail tail;

	sewn("sewn", front, piece, from, n);
	ok(count("sewn", k, &tail) == -1 && e.code == HR_BAD_STREAM && strstr(e.what, "sewn"), "%s", what);
	ok(count("sewn", NULL, &tail) == -1 && e.code == HR_BAD_STREAM, "and its checksum tells it too");
}

/* The checksum of record 0 made right again for what its fixed part is now: only the tag tells. */
static void
right_again(struct hr_buf *b, const char *name)
{
	struct hr_segment_reader r = HR_SEGMENT_READER_INIT;
	uint8_t number_and_before[8 + HR_SEGMENT_TAG] = { 0 };
	uint32_t crc;

	if (hr_segment_open(&r, path(name), NULL, &e) < 0)
		abort();
	crc = hr_crc32c(0, r.cipher.hash, sizeof(r.cipher.hash));
	crc = hr_crc32c(crc, number_and_before, sizeof(number_and_before));
	crc = hr_crc32c(crc, b->data + r.start.at, HR_SEGMENT_FIXED - 4);
	hr_set_u32le(b->data + r.start.at + HR_SEGMENT_FIXED - 4, crc);
	hr_segment_reader_close(&r);
}

static void
on_purpose(void)
{
	enum hr_segment_tail tail;
	struct hr_buf b, c;
	uint64_t at[RECORDS + 2];

	make("x", &sealed, "acme", 1, false);
	offsets("x", at);
	b = slurp("x");
	right_again(&b, "x");
	save("sewn", b.data, b.len);
	ok(count("sewn", &sealed, &tail) == RECORDS, "a checksum that is made again is the same");
	memcpy(b.data + at[0], b.data + at[1], at[1] - at[0]);
	right_again(&b, "x");
	save("sewn", b.data, b.len);
	ok(count("sewn", &sealed, &tail) == -1 && strstr(e.what, "not what was sealed"),
	    "a record in another's place with its checksum made right: the tag tells");
	hr_buf_clear(&b);
	b = slurp("x");
	b.data[at[0] + 5]++;
	right_again(&b, "x");
	save("sewn", b.data, b.len);
	ok(count("sewn", &sealed, &tail) == -1, "another place with its checksum made right too");
	hr_buf_clear(&b);
	c = slurp("x");
	c.data[28]++;		/* the segment's number */
	hr_set_u32le(c.data + at[0] - 4, hr_crc32c(0, c.data, at[0] - 4));
	save("sewn", c.data, c.len);
	ok(count("sewn", &sealed, &tail) == -1 && e.code == HR_CONFIG,
	    "a header with its checksum made right: its check tells");
	hr_buf_clear(&c);
}

static void
exchanges(struct hr_keyring *k)
{
	static const char *const a[] = { "a", "a", "a", "a", "a", "a", "a" }, *const b[] = { "a", "b", "a", "a", "a", "a" },
	    *const c[] = { "a", "c", "a", "a", "a", "a" };
	enum hr_segment_tail tail;

	make("a", k, "acme", 1, true);
	make("b", k, "acme", 1, true);
	make("c", k, "globex", 1, true);
	sewn("sewn", "a", (int[]){ 0, 1, 2, 3, 4, 5 }, a, 6);
	ok(count("sewn", k, &tail) == RECORDS && tail == HR_SEGMENT_ENDED, "records in their order are read");
	noticed("two records exchanged are noticed", k, "a", (int[]){ 1, 0, 2, 3, 4, 5 }, a, 6);
	noticed("a record left out is noticed", k, "a", (int[]){ 0, 2, 3, 4, 5 }, a, 5);
	noticed("the first one too", k, "a", (int[]){ 1, 2, 3, 4, 5 }, a, 5);
	noticed("a record left out before the end", k, "a", (int[]){ 0, 1, 2, 3, 5 }, a, 5);
	noticed("a record that is there twice", k, "a", (int[]){ 0, 1, 1, 2, 3, 4, 5 }, a, 7);
	noticed("a record of another segment", k, "a", (int[]){ 0, 1, 2, 3, 4, 5 }, b, 6);
	noticed("a record of another tenant's", k, "a", (int[]){ 0, 1, 2, 3, 4, 5 }, c, 6);
	noticed("another segment's header", k, "b", (int[]){ 0, 1, 2, 3, 4, 5 }, a, 6);
}

static void
differ(void)
{
	struct hr_buf a, b;
	uint64_t at[RECORDS + 2], where;

	make("a", &sealed, "acme", 1, false);
	make("b", &sealed, "acme", 1, false);
	offsets("a", at);
	a = slurp("a");
	b = slurp("b");
	where = at[0] + HR_SEGMENT_FIXED;
	ok(a.len == b.len && memcmp(a.data + where, b.data + where, 8) != 0 && memcmp(a.data + 52, b.data + 52, 32) != 0,
	    "the same record in the same place of two segments is other bytes");
	ok(memmem(a.data, a.len, "record", 6) == NULL, "nothing of it can be read in the file");
	hr_buf_clear(&a);
	hr_buf_clear(&b);
	make("a", &plain, "acme", 1, false);
	a = slurp("a");
	ok(memmem(a.data, a.len, "record 4", 8) != NULL, "without a key it can");
	hr_buf_clear(&a);
}

static void
wrong_keys(void)
{
	struct hr_keyring k;
	enum hr_segment_tail tail;

	make("a", &sealed, "acme", 1, true);
	keys(&k, "one * " KEY2 "\n");
	ok(count("a", &k, &tail) == -1 && e.code == HR_CONFIG && strstr(e.what, "'one'") && strstr(e.what, "another"),
	    "another key of the same ID is told from changed bytes");
	hr_keyring_close(&k);
	keys(&k, "two * " KEY1 "\n");
	ok(count("a", &k, &tail) == -1 && e.code == HR_CONFIG && strstr(e.what, "'one'") && strstr(e.hint, "keys"),
	    "an ID that is not there is named, and the file to add it to");
	hr_keyring_close(&k);
	ok(count("a", &plain, &tail) == -1 && e.code == HR_CONFIG && strstr(e.hint, "--key-file"),
	    "without keys it is not opened");
	keys(&k, "one * " KEY1 "\ntwo * " KEY2 "\n");
	ok(count("a", &k, &tail) == RECORDS, "with a newer key in the file it is");
	make("b", &k, "acme", 2, true);
	ok(count("b", &k, &tail) == RECORDS && count("b", &sealed, &tail) == -1 && strstr(e.what, "'two'"),
	    "what is new is sealed with the newer one");
	hr_keyring_close(&k);
	make("b", &plain, "acme", 2, true);
	ok(count("b", &sealed, &tail) == RECORDS, "what is not sealed is read with any keyring");
}

static void
bad_calls(void)
{
	struct hr_segment_writer w = HR_SEGMENT_WRITER_INIT;
	struct hr_segment_head h = head_of("acme", 1);
	uint8_t tag[HR_SEGMENT_TAG];
	void *big = hr_zalloc(HR_SEGMENT_MOST + 1);
	enum hr_segment_tail tail;

	unlink(path("w"));
	ok(hr_segment_create(&w, path("w"), &sealed, &h, &e) == 0, "a segment is made");
	ok(hr_segment_append(&w, 0, 100, "", 0, tag, &e) == -1 && e.code == HR_INTERNAL &&
	    hr_segment_append(&w, 251, 100, "", 0, tag, &e) == -1, "kinds of no record are refused");
	ok(hr_segment_append(&w, 1, 99, "", 0, tag, &e) == -1 && e.code == HR_INTERNAL, "a place before the first too");
	ok(hr_segment_append(&w, 1, 100, big, HR_SEGMENT_MOST + 1, tag, &e) == -1, "and a record that is too long");
	ok(hr_segment_append(&w, 1, 100, "record 0", 8, tag, &e) == 0 && memcmp(tag, w.mark.tag, sizeof(tag)) == 0,
	    "a record's tag is given");
	ok(hr_segment_end(&w, &e) == 0 && hr_segment_end(&w, &e) == 0 && hr_segment_bytes(&w) == w.synced.at &&
	    hr_segment_append(&w, 1, 100, "", 0, tag, &e) == -1, "nothing goes behind the end");
	hr_segment_writer_close(&w);
	ok(count("w", &sealed, &tail) == 1 && tail == HR_SEGMENT_ENDED, "and it is as it was");
	ok(hr_segment_create(&w, path("w"), &sealed, &h, &e) == -1 && e.code == HR_IO && access(path("w"), F_OK) == 0,
	    "a file that is there is not taken, nor removed");
	ok(hr_segment_create(&w, path("no/w"), &sealed, &h, &e) == -1 && e.code == HR_IO, "a folder must be there");
	free(big);
}

/* Records long and short, and where one can go on. */
static void
long_ones(struct hr_keyring *k, const char *what)
{
	static const size_t len[] = { 0, 1, 300000, 5, (size_t)32 << 20, 65536, 65535 - 34, 7, 200000, 100000, 3 };
	struct hr_segment_writer w = HR_SEGMENT_WRITER_INIT;
	struct hr_segment_reader r = HR_SEGMENT_READER_INIT;
	struct hr_segment_head h = head_of("acme", 1);
	struct hr_segment_mark mark[HR_COUNT(len) + 1];
	uint8_t *data = hr_alloc(HR_SEGMENT_MOST);
	size_t i, j, good = 0, resumed = 0;

	for (i = 0; i < HR_SEGMENT_MOST; i++)
		data[i] = (uint8_t)(i * 7 + i / 255);
	unlink(path("w"));
	if (hr_segment_create(&w, path("w"), k, &h, &e) < 0)
		abort();
	for (i = 0; i < HR_COUNT(len); i++) {
		size_t third = len[i] / 3;
		struct iovec v[3] = { { data, third }, { data + third, 0 }, { data + third, len[i] - third } };

		mark[i] = w.mark;
		if (hr_segment_appendv(&w, 9, 1000 + i, v, 3, NULL, &e) < 0)
			abort();
	}
	mark[i] = w.mark;
	ok(hr_segment_end(&w, &e) == 0, "%s: long records are written", what);
	hr_segment_writer_close(&w);
	if (hr_segment_open(&r, path("w"), k, &e) < 0)
		abort();
	for (i = 0; hr_segment_next(&r, &e) > 0; i++)
		good += r.len == len[i] && memcmp(r.data, data, r.len) == 0 && r.mark.at == mark[i + 1].at &&
		    r.mark.number == mark[i + 1].number && r.mark.place == mark[i + 1].place &&
		    memcmp(r.mark.tag, mark[i + 1].tag, HR_SEGMENT_TAG) == 0;
	ok(good == HR_COUNT(len) && r.tail == HR_SEGMENT_ENDED, "%s: and read, with the writer's marks", what);
	for (i = HR_COUNT(len) + 1; i-- > 0; ) {
		hr_segment_seek(&r, &mark[i]);
		for (j = i; hr_segment_next(&r, &e) > 0; j++)
			if (r.len != len[j] || memcmp(r.data, data, r.len) != 0)
				break;
		resumed += j == HR_COUNT(len) && r.tail == HR_SEGMENT_ENDED;
	}
	ok(resumed == HR_COUNT(len) + 1, "%s: one can go on from each mark", what);
	hr_segment_seek(&r, &(struct hr_segment_mark){ .at = mark[3].at, .number = 2, .place = mark[3].place });
	ok(hr_segment_next(&r, &e) == -1 && e.code == HR_BAD_STREAM, "%s: a mark that is none is noticed", what);
	hr_segment_seek(&r, &mark[HR_COUNT(len)]);
	ok(hr_segment_next(&r, &e) == 0 && r.tail == HR_SEGMENT_ENDED, "%s: the mark before the end sees the end", what);
	hr_segment_seek(&r, &(struct hr_segment_mark){ .at = r.mark.at, .ended = true });
	ok(hr_segment_next(&r, &e) == 0 && r.tail == HR_SEGMENT_ENDED, "%s: so does the mark behind it", what);
	if (truncate(path("w"), (off_t)mark[3].at) < 0)
		abort();
	hr_segment_seek(&r, &mark[5]);
	ok(hr_segment_next(&r, &e) == -1 && e.code == HR_BAD_STREAM && strstr(e.what, "it had"),
	    "%s: that the file is shorter than the mark is noticed", what);
	hr_segment_reader_close(&r);
	free(data);
}

/* A reader beside the writer. */
/* The segment with another key: data, kinds, places and names are those of the first. */
static void
again(struct hr_keyring *from, const char *what)
{
	struct hr_segment_writer w = HR_SEGMENT_WRITER_INIT, two = HR_SEGMENT_WRITER_INIT;
	struct hr_segment_reader r = HR_SEGMENT_READER_INIT, a = HR_SEGMENT_READER_INIT, l = HR_SEGMENT_READER_INIT;
	struct hr_segment_head h = head_of("acme", 1);
	struct hr_keyring newer, last;
	struct hr_buf b;
	int i, good = 0;

	keys(&newer, "one * " KEY1 "\ntwo * " KEY2 "\n");
	keys(&last, "two * " KEY2 "\n");
	memset(h.after, 7, sizeof(h.after));
	unlink(path("w"));
	unlink(path("again"));
	unlink(path("third"));
	if (hr_segment_create(&w, path("w"), from, &h, &e) < 0)
		abort();
	for (i = 0; i < RECORDS; i++)
		if (hr_segment_append(&w, (uint8_t)(i + 1), 100 + (uint64_t)i, "some data", (size_t)i, NULL, &e) < 0)
			abort();
	if (hr_segment_end(&w, &e) < 0 || hr_segment_open(&r, path("w"), &newer, &e) < 0 ||
	    hr_segment_create_again(&two, path("again"), &newer, &r.head, &e) < 0)
		abort();
	while (hr_segment_next(&r, &e) > 0)
		if (hr_segment_append_again(&two, r.kind, r.place, r.data, r.len, r.name, &e) < 0)
			abort();
	ok(hr_segment_end_again(&two, r.mark.name, &e) == 0 && memcmp(two.mark.name, w.mark.tag, HR_SEGMENT_TAG) == 0 &&
	    memcmp(two.mark.tag, w.mark.tag, HR_SEGMENT_TAG) != 0, "%s, written again: another tag and the same name", what);
	hr_segment_seek(&r, &r.start);
	if (hr_segment_open(&a, path("again"), &last, &e) < 0 || hr_segment_open(&l, path("again"), NULL, &e) < 0)
		abort();
	ok(a.head.again && a.head.sealed && strcmp(a.head.key_id, "two") == 0 && a.head.created == r.head.created &&
	    memcmp(a.head.after, h.after, HR_SEGMENT_TAG) == 0 && memcmp(a.start.name, h.after, HR_SEGMENT_TAG) == 0,
	    "%s, written again: its head", what);
	while (hr_segment_next(&r, &e) > 0)
		good += hr_segment_next(&a, &e) > 0 && a.kind == r.kind && a.place == r.place && a.len == r.len &&
		    memcmp(a.data, r.data, a.len) == 0 && memcmp(a.name, r.name, HR_SEGMENT_TAG) == 0 &&
		    hr_segment_next(&l, &e) > 0 && l.len == r.len;
	ok(good == RECORDS, "%s, written again: its records", what);
	ok(hr_segment_next(&a, &e) == 0 && a.tail == HR_SEGMENT_ENDED && memcmp(a.mark.name, r.mark.name, HR_SEGMENT_TAG) == 0 &&
	    hr_segment_next(&l, &e) == 0 && l.tail == HR_SEGMENT_ENDED, "%s, written again: its end", what);
	hr_segment_writer_close(&w);
	ok(hr_segment_create_again(&w, path("third"), &plain, &r.head, &e) < 0 && e.code == HR_CONFIG &&
	    access(path("third"), F_OK) < 0, "%s: without a key it is not written again", what);
	hr_err_clear(&e);
	i = (int)a.start.at;
	hr_segment_reader_close(&a);
	/* Who has no key says that it is not sealed, and makes the header's checksum right. */
	b = slurp("again");
	b.data[9] = 2;
	hr_set_u32le(b.data + i - 4, hr_crc32c(0, b.data, (size_t)i - 4));
	save("again", b.data, b.len);
	ok(hr_segment_open(&a, path("again"), &last, &e) < 0 && e.code == HR_BAD_STREAM,
	    "%s, written again: as not sealed it is refused", what);
	hr_err_clear(&e);
	hr_buf_clear(&b);
	hr_segment_writer_close(&two);
	hr_segment_reader_close(&r);
	hr_segment_reader_close(&l);
	hr_keyring_close(&newer);
	hr_keyring_close(&last);
}

static void
beside(void)
{
	struct hr_segment_writer w = HR_SEGMENT_WRITER_INIT;
	struct hr_segment_reader r = HR_SEGMENT_READER_INIT, l = HR_SEGMENT_READER_INIT;
	struct hr_segment_head h = head_of("acme", 1);
	int i, good = 0;

	unlink(path("w"));
	memset(h.after, 7, sizeof(h.after));
	if (hr_segment_create(&w, path("w"), &sealed, &h, &e) < 0 || hr_segment_open(&r, path("w"), &sealed, &e) < 0 ||
	    hr_segment_open(&l, path("w"), NULL, &e) < 0)
		abort();
	ok(hr_segment_next(&r, &e) == 0 && r.tail == HR_SEGMENT_OPEN, "a segment that has no record yet is open");
	for (i = 0; i < 50; i++) {
		char text[16];
		int n = snprintf(text, sizeof(text), "%d", i);

		if (hr_segment_append(&w, 1, 100, text, (size_t)n, NULL, &e) < 0)
			abort();
		good += hr_segment_next(&r, &e) == 0;
		if (hr_segment_flush(&w, &e) < 0)
			abort();
		good += hr_segment_next(&r, &e) == 1 && r.len == (size_t)n && memcmp(r.data, text, r.len) == 0;
		good += hr_segment_next(&l, &e) == 1 && l.data == NULL && l.len == (size_t)n;
		if (i % 5 == 0)
			good += hr_segment_park(&w, &e) == 0 && w.fd < 0 && w.buf.data == NULL && w.synced.at == w.mark.at;
	}
	is_number(good, 160, "what is flushed is read at once, with the writer parked now and then");
	ok(hr_segment_park(&w, &e) == 0 && hr_segment_park(&w, &e) == 0 && hr_segment_sync(&w, &e) == 0 && w.fd < 0,
	    "a parked writer has nothing to sync");
	ok(hr_segment_end(&w, &e) == 0 && hr_segment_next(&r, &e) == 0 && r.tail == HR_SEGMENT_ENDED &&
	    memcmp(r.name, w.mark.tag, sizeof(r.name)) == 0 && memcmp(r.head.after, h.after, sizeof(h.after)) == 0,
	    "the end is seen, and the tag that it ended with");
	hr_segment_writer_close(&w);
	hr_segment_reader_close(&r);
	hr_segment_reader_close(&l);
}

static void
parked(void)
{
	struct hr_segment_writer w = HR_SEGMENT_WRITER_INIT;
	struct hr_segment_head h = head_of("acme", 1);
	int fd;

	unlink(path("w"));
	if (hr_segment_create(&w, path("w"), &sealed, &h, &e) < 0 || hr_segment_append(&w, 1, 100, "a", 1, NULL, &e) < 0 ||
	    hr_segment_park(&w, &e) < 0)
		abort();
	fd = open(path("w"), O_WRONLY | O_APPEND);
	if (write(fd, "x", 1) != 1 || close(fd) < 0)
		abort();
	ok(hr_segment_append(&w, 1, 100, "b", 1, NULL, &e) == 0 && hr_segment_sync(&w, &e) == -1 &&
	    e.code == HR_BAD_STREAM && w.failed, "a file that somebody else appended to is not appended to");
	ok(hr_segment_append(&w, 1, 100, "b", 1, NULL, &e) == -1 && e.code == HR_IO, "nor later");
	hr_segment_writer_close(&w);
	unlink(path("w"));
	if (hr_segment_create(&w, path("w"), &sealed, &h, &e) < 0 || hr_segment_park(&w, &e) < 0)
		abort();
	unlink(path("w"));
	ok(hr_segment_unpark(&w, &e) == -1 && e.code == HR_IO, "nor one that is gone");
	hr_segment_writer_close(&w);
}

/* Append until the disk is full, make room, go on: all is there. */
static void
fill_up(const char *file, void (*room)(const char *), const char *what)
{
	struct hr_segment_writer w = HR_SEGMENT_WRITER_INIT;
	struct hr_segment_reader r = HR_SEGMENT_READER_INIT;
	struct hr_segment_head h = head_of("acme", 1);
	uint8_t data[3000];
	uint32_t i = 0, n;
	int again;
	bool good = true;

	if (hr_segment_create(&w, file, &sealed, &h, &e) < 0)
		abort();
	for (; i < 2000; i++) {
		memset(data, (int)i, sizeof(data));
		if (hr_segment_append(&w, 1, 100 + i, data, sizeof(data), NULL, &e) < 0)
			break;
	}
	ok(i > 0 && i < 2000 && e.code == HR_IO && w.full && !w.failed, "%s: that it is full is said", what);
	for (again = 0; again < 300; again++) {
		memset(data, (int)i, sizeof(data));
		i += hr_segment_append(&w, 1, 100 + i, data, sizeof(data), NULL, &e) == 0;
		good &= hr_segment_sync(&w, &e) == -1 && w.full && !w.failed && w.buf.len - w.done <= (size_t)256 << 10;
	}
	ok(good, "%s: again and again", what);
	room(file);
	for (n = i; i < n + 20; i++) {
		memset(data, (int)i, sizeof(data));
		good &= hr_segment_append(&w, 1, 100 + i, data, sizeof(data), NULL, &e) == 0;
	}
	ok(good && hr_segment_end(&w, &e) == 0 && !w.full, "%s: with room it goes on", what);
	if (hr_segment_open(&r, file, &sealed, &e) < 0)
		abort();
	for (n = 0; hr_segment_next(&r, &e) > 0; n++)
		good &= r.place == 100 + n && r.len == sizeof(data) && r.data[0] == (uint8_t)n && r.data[2999] == (uint8_t)n;
	ok(good && n == i && r.tail == HR_SEGMENT_ENDED, "%s: and nothing is lost", what);
	hr_segment_reader_close(&r);
	hr_segment_writer_close(&w);
}

static struct rlimit before;

static void
raise_limit(const char *file)
{
	(void)file;
	setrlimit(RLIMIT_FSIZE, &before);
}

static void
remove_other(const char *file)
{
	char other[256];

	snprintf(other, sizeof(other), "%s.other", file);
	unlink(other);
}

static void
full(void)
{
	struct rlimit small;
	char at[128], file[160], other[192];
	void *big = hr_zalloc((size_t)600 << 10);
	int fd;

	getrlimit(RLIMIT_FSIZE, &before);
	small = before;
	small.rlim_cur = 700001;
	signal(SIGXFSZ, SIG_IGN);
	unlink(path("w"));
	setrlimit(RLIMIT_FSIZE, &small);
	fill_up(path("w"), raise_limit, "a limit");
	snprintf(at, sizeof(at), "%s/full", dir);
	mkdir(at, 0700);
	if (geteuid() != 0 || mount("none", at, "tmpfs", 0, "size=1m") < 0) {
		printf("# no file system to fill: %s\n", strerror(errno));
	} else {
		struct hr_segment_writer w = HR_SEGMENT_WRITER_INIT;
		struct hr_segment_head h = head_of("acme", 1);

		snprintf(file, sizeof(file), "%s/w", at);
		snprintf(other, sizeof(other), "%s.other", file);
		fd = open(other, O_WRONLY | O_CREAT, 0600);
		if (hr_file_write(fd, big, (size_t)600 << 10) < 0 || close(fd) < 0)
			abort();
		fill_up(file, remove_other, "a disk");
		fd = open(other, O_WRONLY | O_CREAT, 0600);
		while (hr_file_write(fd, big, 4096) == 0)
			;
		close(fd);
		snprintf(other, sizeof(other), "%s/w2", at);
		ok(hr_segment_create(&w, other, &sealed, &h, &e) == -1 && e.code == HR_IO && w.full &&
		    access(other, F_OK) < 0, "on a full disk no segment is made, and none is left");
		umount(at);
	}
	rmdir(at);
	free(big);
	ok(hr_segment_flush(&(struct hr_segment_writer){ .fd = -1, .failed = true, .path = dir }, &e) == -1 &&
	    e.code == HR_IO, "a writer that failed refuses");
}

static void
failing(void)
{
	struct hr_segment_writer w = HR_SEGMENT_WRITER_INIT;
	struct hr_segment_head h = head_of("acme", 1);

	unlink(path("w"));
	if (hr_segment_create(&w, path("w"), &sealed, &h, &e) < 0)
		abort();
	close(w.fd);
	w.fd = open("/dev/null", O_RDONLY);
	ok(hr_segment_append(&w, 1, 100, "a", 1, NULL, &e) == 0 && hr_segment_sync(&w, &e) == -1 && w.failed && !w.full &&
	    hr_segment_end(&w, &e) == -1 && hr_segment_append(&w, 1, 100, "a", 1, NULL, &e) == -1,
	    "after another error than that it is full, all is refused");
	hr_segment_writer_close(&w);
}

int
main(void)
{
	char clean[64];

	if (mkdtemp(dir) == NULL || hr_keyring_open(&plain, NULL, &e) < 0)
		return 70;
	keys(&sealed, "one * " KEY1 "\n");
	both_ways(&sealed, "sealed");
	both_ways(&plain, "not sealed");
	flips(&sealed, "sealed");
	flips(&plain, "not sealed");
	cuts(&sealed, "sealed");
	cuts(&plain, "not sealed");
	holes();
	exchanges(&sealed);
	exchanges(&plain);
	on_purpose();
	differ();
	wrong_keys();
	bad_calls();
	long_ones(&sealed, "sealed");
	long_ones(&plain, "not sealed");
	beside();
	again(&sealed, "sealed");
	again(&plain, "not sealed");
	parked();
	full();
	failing();
	hr_keyring_close(&sealed);
	hr_keyring_close(&plain);
	snprintf(clean, sizeof(clean), "rm -rf %s", dir);
	return system(clean) == 0 ? tap_done() : 70;
}
