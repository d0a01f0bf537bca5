/*
 * segment_read.c - segments are read, also while they are being written.
 *
 * A part of the file is in a buffer, from where records are lent; they are opened in
 * place, so that the buffer is dropped after one that was not good.
 */

#include "base/hr.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/crc32c.h"
#include "state/segment.h"
#include "state/segment_cipher.h"

#define CHUNK		((size_t)64 << 10)
#define KEEP		((size_t)1 << 20)	/* bytes of buffer that are kept after a longer record */
#define HEAD_LEAST	12			/* bytes that say how long the header is */

static void
drop(struct hr_segment_reader *r)
{
	if (r->buf.cap > KEEP)
		hr_buf_clear(&r->buf);
	hr_buf_reset(&r->buf);
}

/* Bytes in the buffer from there on. */
static size_t
here(const struct hr_segment_reader *r, uint64_t at)
{
	return at >= r->buf_at && at <= r->buf_at + r->buf.len ? (size_t)(r->buf_at + r->buf.len - at) : 0;
}

static uint8_t *
bytes(const struct hr_segment_reader *r, uint64_t at)
{
	return r->buf.data + (at - r->buf_at);
}

static ssize_t
fill(struct hr_segment_reader *r, size_t n, struct hr_err *e)
{
	ssize_t got;

	hr_buf_need(&r->buf, n);
	do
		got = pread(r->fd, r->buf.data + r->buf.len, n, (off_t)(r->buf_at + r->buf.len));
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return hr_fail_sys(e, "cannot read segment '%s'", r->path);
	r->buf.len += (size_t)got;
	return got;
}

/* Have n bytes from there in the buffer.  1; 0, the file has fewer, and what it has is there. */
static int
need(struct hr_segment_reader *r, uint64_t at, size_t n, struct hr_err *e)
{
	size_t left = here(r, at);
	ssize_t got;

	if (left >= n)
		return 1;
	if (left)
		memmove(r->buf.data, bytes(r, at), left);
	else
		drop(r);
	r->buf.len = left;
	r->buf_at = at;
	while (r->buf.len < n) {
		got = fill(r, n - r->buf.len > CHUNK ? n - r->buf.len : CHUNK, e);
		if (got <= 0)
			return (int)got;
	}
	return 1;
}

static int
size_of(struct hr_segment_reader *r, uint64_t *size, struct hr_err *e)
{
	struct stat st;

	if (fstat(r->fd, &st) < 0)
		return hr_fail_sys(e, "cannot look at segment '%s'", r->path);
	*size = (uint64_t)st.st_size;
	return 0;
}

/* Has the file so many bytes from there?  It is asked before there is memory for them. */
static int
has(struct hr_segment_reader *r, uint64_t at, size_t n, struct hr_err *e)
{
	uint64_t size = 0;

	if (here(r, at) >= n)
		return 1;
	return size_of(r, &size, e) < 0 ? -1 : size >= at + n;
}

static bool
all_zeros(const uint8_t *p, size_t n)
{
	return n == 0 || (p[0] == 0 && memcmp(p, p + 1, n - 1) == 0);
}

/* From there to the end of the file, and there is something?  The buffer is used for it. */
static int
zeros(struct hr_segment_reader *r, uint64_t at, struct hr_err *e)
{
	bool some = false;
	ssize_t got;

	drop(r);
	for (r->buf_at = at; (got = fill(r, CHUNK, e)) > 0; r->buf_at += (uint64_t)got) {
		some = true;
		if (!all_zeros(r->buf.data, r->buf.len)) {
			drop(r);
			return 0;
		}
		hr_buf_reset(&r->buf);
	}
	return got < 0 ? -1 : some;
}

/* It is not what was written; or it was never written, when there are zeros from there on. */
static int
spoilt(struct hr_segment_reader *r, uint64_t last, const char *what, struct hr_err *e)
{
	int rc = zeros(r, last, e);

	if (rc < 0)
		return -1;
	if (rc > 0) {
		r->tail = HR_SEGMENT_ZEROS;
		return 0;
	}
	return hr_fail(e, HR_BAD_STREAM, "segment '%s', record %" PRIu64 " at byte %" PRIu64 ": %s", r->path,
	    r->mark.number, r->mark.at, what);
}

static int
bad_head(struct hr_segment_reader *r, enum hr_segment_tail tail, const char *what, struct hr_err *e)
{
	r->tail = tail;
	return hr_fail(e, HR_BAD_STREAM, "segment '%s': %s", r->path, what);
}

/* The same for a header, which fails in either case. */
static int
spoilt_head(struct hr_segment_reader *r, uint64_t last, const char *what, struct hr_err *e)
{
	int rc = zeros(r, last, e);

	return rc < 0 ? -1 : bad_head(r, rc ? HR_SEGMENT_ZEROS : HR_SEGMENT_OPEN,
	    rc ? "its header was not written to its end" : what, e);
}

/* The header's bytes are in the buffer: *len of them.  -1: they are not, or not as they were written. */
static int
whole_head(struct hr_segment_reader *r, size_t *len, struct hr_err *e)
{
	size_t have, same;
	int rc = need(r, 0, HEAD_LEAST, e);

	if (rc < 0)
		return -1;
	have = here(r, 0) < HR_SEGMENT_MAGIC_LEN ? here(r, 0) : HR_SEGMENT_MAGIC_LEN;
	for (same = 0; same < have && r->buf.data[same] == (uint8_t)HR_SEGMENT_MAGIC[same]; same++)
		;
	if (same < have)
		return spoilt_head(r, same, "it does not begin as one", e);
	if (rc == 0)
		return bad_head(r, HR_SEGMENT_CUT, "its header is cut", e);
	*len = hr_get_u16le(r->buf.data + 10);
	if (*len == 0)
		return spoilt_head(r, HEAD_LEAST - 1, "its header is not as it was written", e);
	if (r->buf.data[8] != HR_SEGMENT_VERSION) {
		r->tail = HR_SEGMENT_OPEN;
		return hr_fail(e, HR_BAD_STREAM, "segment '%s' is of version %u; this program reads %d", r->path,
		    r->buf.data[8], HR_SEGMENT_VERSION);
	}
	if (*len < HEAD_LEAST + 4 || *len > HR_SEGMENT_HEADER_MOST)
		return bad_head(r, HR_SEGMENT_OPEN, "its header is not as it was written", e);
	rc = need(r, 0, *len, e);
	if (rc < 0)
		return -1;
	if (rc == 0)
		return bad_head(r, HR_SEGMENT_CUT, "its header is cut", e);
	if (hr_crc32c(0, r->buf.data, *len - 4) != hr_get_u32le(r->buf.data + *len - 4))
		return spoilt_head(r, *len - 1, "its header is not as it was written", e);
	return 0;
}

/* What is lent by the header. */
struct parts {
	const uint8_t *salt, *wrapped, *check;
	size_t wrapped_len;
	size_t before;		/* bytes before the check */
};

static bool
take_text(struct hr_cur *c, char *to, size_t room)
{
	size_t n = hr_cur_u8(c);
	const uint8_t *p = hr_cur_bytes(c, n);

	if (p == NULL || n >= room || memchr(p, 0, n))
		return false;
	memcpy(to, p, n);
	to[n] = '\0';
	return true;
}

static bool
parse_head(struct hr_segment_head *h, const uint8_t *p, size_t n, struct parts *to)
{
	struct hr_cur c = hr_cur(p + 9, n - 9 - 4);
	uint8_t flags = hr_cur_u8(&c);
	const uint8_t *chain, *after;

	hr_cur_u16le(&c);
	chain = hr_cur_bytes(&c, sizeof(h->chain));
	h->number = hr_cur_u64le(&c);
	h->first = hr_cur_u64le(&c);
	h->created = (int64_t)hr_cur_u64le(&c);
	to->salt = hr_cur_bytes(&c, HR_SEGMENT_SALT);
	after = hr_cur_bytes(&c, sizeof(h->after));
	if (!take_text(&c, h->key_id, sizeof(h->key_id)) || !take_text(&c, h->log, sizeof(h->log)))
		return false;
	to->wrapped_len = hr_cur_u16le(&c);
	to->wrapped = hr_cur_bytes(&c, to->wrapped_len);
	to->before = (size_t)(c.at - p);
	to->check = hr_cur_bytes(&c, HR_SEGMENT_CHECK);
	if (c.bad || hr_cur_left(&c) || flags & ~(HR_SEGMENT_SEALED | HR_SEGMENT_AGAIN) || to->wrapped_len > HR_KEYRING_WRAPPED)
		return false;
	memcpy(h->chain, chain, sizeof(h->chain));
	memcpy(h->after, after, sizeof(h->after));
	h->sealed = flags & HR_SEGMENT_SEALED;
	h->wrapped = to->wrapped_len > 0;
	h->again = flags & HR_SEGMENT_AGAIN;
	if (h->again && !h->sealed)
		return false;
	return h->sealed ? hr_keyring_is_id(h->key_id) :
	    !*h->key_id && !to->wrapped_len && all_zeros(to->check, HR_SEGMENT_CHECK);
}

/* The segment's key, when it is sealed and its data are to be read. */
static int
find_key(struct hr_segment_reader *r, struct hr_keyring *k, const struct parts *of, uint8_t *key, struct hr_err *e)
{
	uint8_t check[HR_SEGMENT_CHECK];
	struct hr_seal_key data_key;

	if (hr_keyring_find(k, r->head.log, r->head.key_id, of->wrapped, of->wrapped_len, &data_key, e) < 0)
		return hr_within(e, "segment '%s'", r->path);
	hr_segment_derive(data_key.key, of->salt, r->buf.data, of->before, key, check);
	hr_seal_key_clear(&data_key);
	if (CRYPTO_memcmp(check, of->check, sizeof(check)) == 0)
		return 0;
	hr_fail(e, HR_CONFIG, "segment '%s': the key '%s' is another one than it was sealed with", r->path,
	    r->head.key_id);
	return hr_hint(e, "where the key is right, the segment's header was changed on purpose");
}

static int
take_head(struct hr_segment_reader *r, struct hr_keyring *k, struct hr_err *e)
{
	uint8_t key[HR_SEAL_KEY];
	struct parts of;
	size_t len = 0;
	bool opens;

	if (whole_head(r, &len, e) < 0)
		return -1;
	if (!parse_head(&r->head, r->buf.data, len, &of))
		return bad_head(r, HR_SEGMENT_OPEN, "its header cannot be", e);
	/* Anybody could have made it. */
	if (k && k->sealed_only && !r->head.sealed) {
		hr_fail(e, HR_BAD_STREAM, "segment '%s' is not sealed, and there are keys", r->path);
		return hr_hint(e, "where it was kept before there were: give --unsealed, or seal it with hr-ship reseal");
	}
	opens = r->head.sealed && k;
	if (opens && find_key(r, k, &of, key, e) < 0) {
		OPENSSL_cleanse(key, sizeof(key));
		return -1;
	}
	hr_segment_cipher_init(&r->cipher, opens ? key : NULL, r->buf.data, len);
	if (opens)
		OPENSSL_cleanse(key, sizeof(key));
	r->start = (struct hr_segment_mark){ .at = len, .place = r->head.first };
	memcpy(r->start.tag, r->head.after, sizeof(r->start.tag));
	memcpy(r->start.name, r->head.after, sizeof(r->start.name));
	hr_segment_seek(r, &r->start);
	return 0;
}

int
hr_segment_open(struct hr_segment_reader *r, const char *path, struct hr_keyring *k, struct hr_err *e)
{
	enum hr_segment_tail tail;
	int rc;

	*r = (struct hr_segment_reader)HR_SEGMENT_READER_INIT;
	r->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (r->fd < 0)
		return hr_fail_sys(e, "cannot open segment '%s'", path);
	r->path = hr_strdup(path);
	r->checks_only = k == NULL;
	rc = take_head(r, k, e);
	if (rc < 0) {
		tail = r->tail;
		hr_segment_reader_close(r);
		r->tail = tail;
	}
	return rc;
}

void
hr_segment_reader_close(struct hr_segment_reader *r)
{
	if (r->fd >= 0)
		close(r->fd);
	hr_segment_cipher_clear(&r->cipher);
	hr_buf_clear(&r->buf);
	free(r->path);
	*r = (struct hr_segment_reader)HR_SEGMENT_READER_INIT;
}

void
hr_segment_seek(struct hr_segment_reader *r, const struct hr_segment_mark *mark)
{
	if (r->mark.at != mark->at)
		drop(r);	/* what was lent of it has been opened in place */
	r->mark = *mark;
	r->tail = mark->ended ? HR_SEGMENT_ENDED : HR_SEGMENT_OPEN;
	r->kind = 0;
	r->data = NULL;
	r->len = 0;
}

/* There is no whole fixed part at the mark. */
static int
at_end(struct hr_segment_reader *r, struct hr_err *e)
{
	size_t have = here(r, r->mark.at);
	uint64_t size = 0;

	if (size_of(r, &size, e) < 0)
		return -1;
	if (size < r->mark.at)
		return hr_fail(e, HR_BAD_STREAM, "segment '%s' has %" PRIu64 " bytes; it had %" PRIu64 " before", r->path,
		    size, r->mark.at);
	if (have == 0)
		r->tail = HR_SEGMENT_OPEN;
	else
		r->tail = all_zeros(bytes(r, r->mark.at), have) ? HR_SEGMENT_ZEROS : HR_SEGMENT_CUT;
	if (r->tail == HR_SEGMENT_ZEROS)
		drop(r);
	return 0;
}

/* Bytes of name that each record's data begin with. */
static uint32_t
named(const struct hr_segment_reader *r)
{
	return r->head.again ? HR_SEGMENT_TAG : 0;
}

/* The record is good: it is the reader's. */
static void
take(struct hr_segment_reader *r, const struct hr_segment_record *of, const uint8_t *tag, const uint8_t *data, uint64_t end)
{
	const uint8_t *name = data && r->head.again ? data : tag;

	r->kind = of->kind;
	r->place = of->place;
	r->len = of->len - named(r);
	memcpy(r->name, name, sizeof(r->name));
	memcpy(r->mark.name, name, sizeof(r->mark.name));
	memcpy(r->mark.tag, tag, sizeof(r->mark.tag));
	r->mark.at = end;
	r->mark.place = of->place;
	r->mark.number++;
}

/* The end record says what was before it, and is the last. */
static int
take_end(struct hr_segment_reader *r, const struct hr_segment_record *of, const uint8_t *tag, const uint8_t *data,
    uint64_t end, struct hr_err *e)
{
	const uint8_t *counts = data ? data + named(r) : NULL;
	uint64_t size = 0;

	if (of->len != named(r) + HR_SEGMENT_END_LEN || (counts && (hr_get_u64le(counts) != r->mark.number ||
	    hr_get_u64le(counts + 8) != r->mark.at)))
		return hr_fail(e, HR_BAD_STREAM, "segment '%s': its end record does not count what is before it", r->path);
	if (size_of(r, &size, e) < 0)
		return -1;
	if (size > end)
		return hr_fail(e, HR_BAD_STREAM, "segment '%s': there are bytes behind its end record", r->path);
	take(r, of, tag, data, end);
	r->mark.ended = true;
	r->tail = HR_SEGMENT_ENDED;
	r->data = NULL;
	return 0;
}

/* What the fixed part says can be believed, and the file has all of it. */
static int
take_record(struct hr_segment_reader *r, const struct hr_segment_record *of, const uint8_t *tag, struct hr_err *e)
{
	uint64_t at = r->mark.at, end = at + HR_SEGMENT_EXTRA + of->len;
	uint8_t *data = NULL;
	int rc;

	rc = r->checks_only ? need(r, end - 1, 1, e) : need(r, at, HR_SEGMENT_EXTRA + of->len, e);
	if (rc <= 0) {
		r->tail = HR_SEGMENT_CUT;
		return rc;
	}
	if (*bytes(r, end - 1) != HR_SEGMENT_LAST)
		return spoilt(r, end - 1, "it does not end as it should", e);
	if (!r->checks_only) {
		data = bytes(r, at + HR_SEGMENT_FIXED);
		if (!hr_segment_unseal(&r->cipher, of, data, tag))
			return spoilt(r, end - 1, "it is not what was sealed there", e);
	}
	if (of->kind == HR_SEGMENT_KIND_END)
		return take_end(r, of, tag, data, end, e);
	take(r, of, tag, data, end);
	r->data = data ? data + named(r) : NULL;
	r->tail = HR_SEGMENT_OPEN;
	return 1;
}

int
hr_segment_next(struct hr_segment_reader *r, struct hr_err *e)
{
	struct hr_segment_record of = { .before = r->mark.tag, .number = r->mark.number };
	uint8_t tag[HR_SEGMENT_TAG];
	const uint8_t *p;
	int rc;

	r->data = NULL;
	if (r->tail == HR_SEGMENT_ENDED)
		return 0;
	rc = need(r, r->mark.at, HR_SEGMENT_FIXED, e);
	if (rc <= 0)
		return rc < 0 ? -1 : at_end(r, e);
	p = bytes(r, r->mark.at);
	of.len = hr_get_u32le(p);
	of.kind = p[4];
	of.place = hr_get_u64le(p + 5);
	memcpy(tag, p + 13, sizeof(tag));
	if (hr_segment_check(&r->cipher, &of, p) != hr_get_u32le(p + HR_SEGMENT_FIXED - 4))
		return spoilt(r, r->mark.at + HR_SEGMENT_FIXED - 1, "it is not what was written there", e);
	if (of.len > HR_SEGMENT_MOST + named(r) || of.len < named(r) || of.kind == 0 || of.kind > HR_SEGMENT_KIND_END || of.place < r->mark.place)
		return spoilt(r, r->mark.at + HR_SEGMENT_FIXED - 1, "there can be no such record", e);
	rc = has(r, r->mark.at, HR_SEGMENT_EXTRA + of.len, e);
	if (rc > 0)
		rc = take_record(r, &of, tag, e);
	else if (rc == 0)
		r->tail = HR_SEGMENT_CUT;
	if (rc < 0)
		drop(r);
	return rc;
}
