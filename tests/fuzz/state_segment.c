/*
 * Property: whatever a file has, a reader gives records that lie within it one
 * behind the other, or says HR_BAD_STREAM; one that only checks gives as many.
 *
 * Nobody guesses a checksum: the bytes are tried as a file; as a header, whose
 * checksum is made right, and records; and as records behind a good header, with
 * their checksums and tags made right as far as they go.
 */

#include "base/hr.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crc32c.h"
#include "base/file.h"
#include "state/segment.h"
#include "state/segment_cipher.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t key[] = "one * hex:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n";

static struct hr_keyring sealed, plain;
static volatile unsigned seen;		/* so that each byte is looked at */

static int
memory(const void *p, size_t n, char *path)
{
	int fd = memfd_create("segment", MFD_CLOEXEC);

	if (fd < 0 || hr_file_write(fd, p, n) < 0)
		abort();
	snprintf(path, 32, "/proc/self/fd/%d", fd);
	return fd;
}

static void
begin(void)
{
	struct hr_err e = HR_ERR_INIT;
	char path[32];
	int fd;

	if (sealed.file)
		return;
	fd = memory(key, sizeof(key) - 1, path);
	if (fchmod(fd, 0600) < 0 || hr_keyring_open(&sealed, &(struct hr_keyring_options){ .file = path }, &e) < 0 ||
	    hr_keyring_open(&plain, NULL, &e) < 0)
		abort();
	close(fd);
}

/* How many records; -1 an error. */
static int
count(const char *path, struct hr_keyring *k, size_t size)
{
	struct hr_segment_reader r = HR_SEGMENT_READER_INIT;
	struct hr_err e = HR_ERR_INIT;
	struct hr_segment_mark before;
	int n = 0, rc;
	uint8_t sum = 0;

	if (hr_segment_open(&r, path, k, &e) < 0) {
		if (e.code != HR_BAD_STREAM && (k == NULL || e.code != HR_CONFIG))
			abort();
		return -1;
	}
	for (before = r.mark; (rc = hr_segment_next(&r, &e)) > 0; before = r.mark, n++) {
		if (r.mark.at != before.at + HR_SEGMENT_EXTRA + r.len || r.mark.at > size || r.place < before.place ||
		    r.kind == 0 || r.kind > HR_SEGMENT_KIND_MOST || r.mark.number != before.number + 1 || !r.data != !k)
			abort();
		for (size_t i = 0; k && i < r.len; i++)
			sum ^= r.data[i];
	}
	if (rc < 0 && e.code != HR_BAD_STREAM)
		abort();
	if (rc == 0 && (hr_segment_next(&r, &e) != 0 || (r.tail == HR_SEGMENT_ENDED && r.mark.at != size)))
		abort();
	hr_segment_reader_close(&r);
	seen += sum;
	return rc < 0 ? -1 : n;
}

static void
all(const void *p, size_t n)
{
	char path[32];
	int fd = memory(p, n, path), with, listed;

	with = count(path, &sealed, n);
	listed = count(path, NULL, n);
	if (with >= 0 && with != listed)
		abort();
	count(path, &plain, n);
	close(fd);
}

/* The records behind a header, each with what it says of itself made right. */
static void
mend(uint8_t *p, size_t n, size_t at)
{
	struct hr_segment_cipher c;
	uint8_t before[HR_SEGMENT_TAG] = { 0 };
	struct hr_segment_record r = { .before = before };
	struct iovec v;
	uint8_t *out;

	hr_segment_cipher_init(&c, NULL, p, at);
	for (; n - at >= HR_SEGMENT_EXTRA; at += HR_SEGMENT_EXTRA + r.len, r.number++) {
		r.len = hr_get_u32le(p + at);
		r.kind = p[at + 4];
		r.place = hr_get_u64le(p + at + 5);
		if (r.len <= n - at - HR_SEGMENT_EXTRA) {
			v = (struct iovec){ p + at + HR_SEGMENT_FIXED, r.len };
			out = malloc(r.len + 1);
			hr_segment_seal(&c, &r, &v, 1, out, p + at + 13);
			free(out);
			p[at + HR_SEGMENT_EXTRA + r.len - 1] = HR_SEGMENT_LAST;
		}
		hr_set_u32le(p + at + HR_SEGMENT_FIXED - 4, hr_segment_check(&c, &r, p + at));
		memcpy(before, p + at + 13, sizeof(before));
		if (r.len > n - at - HR_SEGMENT_EXTRA)
			break;
	}
	hr_segment_cipher_clear(&c);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hr_buf b = HR_BUF_INIT;
	size_t len;

	begin();
	all(data, size);
	len = size >= 12 ? hr_get_u16le(data + 10) : 0;
	if (len >= 16 && len <= size) {
		hr_buf_put(&b, data, size);
		hr_set_u32le(b.data + len - 4, hr_crc32c(0, b.data, len - 4));
		all(b.data, b.len);
		mend(b.data, b.len, len);
		all(b.data, b.len);
	}
	hr_buf_reset(&b);
	hr_buf_put(&b, HR_SEGMENT_MAGIC "\1\0\x7c\0", 12);
	hr_buf_need(&b, 108);
	memset(b.data + b.len, 0, 108);
	b.len += 108;
	hr_buf_u32le(&b, hr_crc32c(0, b.data, b.len));
	len = b.len;
	if (size)
		hr_buf_put(&b, data, size);
	mend(b.data, b.len, len);
	all(b.data, b.len);
	hr_buf_clear(&b);
	return 0;
}
