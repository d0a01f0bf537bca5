/* segment.c - segments are written: sealed into a buffer, and from there to the file. */

#include "base/hr.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/crc32c.h"
#include "base/crypto.h"
#include "base/file.h"
#include "state/segment.h"
#include "state/segment_cipher.h"

#define COLLECT		((size_t)256 << 10)	/* bytes that are worth a write */
#define AT_LEN		10			/* where the header says how long it is */

/* The writer's own part of the header is filled; what is behind it is in the file by the first flush. */
static void
encode_head(struct hr_segment_writer *w, const struct hr_seal_key *key)
{
	const struct hr_segment_head *h = &w->head;
	struct hr_buf *b = &w->buf;
	uint8_t salt[HR_SEGMENT_SALT], check[HR_SEGMENT_CHECK] = { 0 }, of_segment[HR_SEAL_KEY];

	hr_crypto_must(RAND_bytes(salt, sizeof(salt)));
	hr_buf_put(b, HR_SEGMENT_MAGIC, HR_SEGMENT_MAGIC_LEN);
	hr_buf_u8(b, HR_SEGMENT_VERSION);
	hr_buf_u8(b, (h->sealed ? HR_SEGMENT_SEALED : 0) | (h->again ? HR_SEGMENT_AGAIN : 0));
	hr_buf_u16le(b, 0);
	hr_buf_put(b, h->chain, sizeof(h->chain));
	hr_buf_u64le(b, h->number);
	hr_buf_u64le(b, h->first);
	hr_buf_u64le(b, (uint64_t)h->created);
	hr_buf_put(b, salt, sizeof(salt));
	hr_buf_put(b, h->after, sizeof(h->after));
	hr_buf_u8(b, (uint8_t)strlen(h->key_id));
	hr_buf_puts(b, h->key_id);
	hr_buf_u8(b, (uint8_t)strlen(h->log));
	hr_buf_puts(b, h->log);
	hr_buf_u16le(b, (uint16_t)key->wrapped_len);
	hr_buf_put(b, key->wrapped, key->wrapped_len);
	hr_set_u16le(b->data + AT_LEN, (uint16_t)(b->len + HR_SEGMENT_CHECK + 4));
	if (h->sealed)
		hr_segment_derive(key->key, salt, b->data, b->len, of_segment, check);
	hr_buf_put(b, check, sizeof(check));
	hr_buf_u32le(b, hr_crc32c(0, b->data, b->len));
	hr_segment_cipher_init(&w->cipher, h->sealed ? of_segment : NULL, b->data, b->len);
	OPENSSL_cleanse(of_segment, sizeof(of_segment));
}

static int
make_file(struct hr_segment_writer *w, struct hr_err *e)
{
	struct stat st;

	w->fd = open(w->path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (w->fd < 0) {
		w->full = errno == ENOSPC || errno == EDQUOT;
		return hr_fail_sys(e, "cannot make segment '%s'", w->path);
	}
	if (fstat(w->fd, &st) == 0) {
		w->dev = st.st_dev;
		w->ino = st.st_ino;
		if (hr_segment_flush(w, e) == 0)
			return 0;
	} else {
		hr_fail_sys(e, "cannot look at segment '%s'", w->path);
	}
	unlink(w->path);
	return -1;
}

static int
create(struct hr_segment_writer *w, const char *path, struct hr_keyring *k, const struct hr_segment_head *head,
    bool again, struct hr_err *e)
{
	struct hr_seal_key key;
	bool full;

	*w = (struct hr_segment_writer)HR_SEGMENT_WRITER_INIT;
	if (hr_keyring_current(k, head->log, &key, e) < 0)
		return -1;
	/* Names are believed because they are sealed. */
	if (again && key.none)
		return hr_fail(e, HR_CONFIG, "segment '%s' would not be sealed: there is no key", path);
	w->path = hr_strdup(path);
	w->head = *head;
	w->head.created = again ? head->created : hr_now_pg_us();
	w->head.sealed = !key.none;
	w->head.wrapped = key.wrapped_len > 0;
	w->head.again = again;
	memcpy(w->head.key_id, key.id, sizeof(w->head.key_id));
	encode_head(w, &key);
	hr_seal_key_clear(&key);
	w->mark.at = w->buf.len;
	w->mark.place = head->first;
	memcpy(w->mark.tag, head->after, sizeof(w->mark.tag));
	memcpy(w->mark.name, head->after, sizeof(w->mark.name));
	if (make_file(w, e) == 0)
		return 0;
	full = w->full;
	hr_segment_writer_close(w);
	w->full = full;
	return -1;
}

int
hr_segment_create(struct hr_segment_writer *w, const char *path, struct hr_keyring *k,
    const struct hr_segment_head *head, struct hr_err *e)
{
	return create(w, path, k, head, false, e);
}

int
hr_segment_create_again(struct hr_segment_writer *w, const char *path, struct hr_keyring *k,
    const struct hr_segment_head *head, struct hr_err *e)
{
	return create(w, path, k, head, true, e);
}

void
hr_segment_moved(struct hr_segment_writer *w, const char *path)
{
	free(w->path);
	w->path = hr_strdup(path);
}

void
hr_segment_writer_close(struct hr_segment_writer *w)
{
	if (w->fd >= 0)
		close(w->fd);
	hr_segment_cipher_clear(&w->cipher);
	hr_buf_clear(&w->buf);
	free(w->path);
	*w = (struct hr_segment_writer)HR_SEGMENT_WRITER_INIT;
}

static int
refuse(const struct hr_segment_writer *w, struct hr_err *e)
{
	return hr_fail(e, HR_IO, "segment '%s' is not written any more: that failed before", w->path);
}

int
hr_segment_unpark(struct hr_segment_writer *w, struct hr_err *e)
{
	struct stat st;
	int fd;

	if (w->failed)
		return refuse(w, e);
	if (w->fd >= 0)
		return 0;
	fd = open(w->path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || fstat(fd, &st) < 0) {
		hr_fail_sys(e, "cannot open segment '%s' again", w->path);
		if (fd >= 0)
			close(fd);
		return -1;
	}
	if (st.st_dev == w->dev && st.st_ino == w->ino && (uint64_t)st.st_size == w->in_file) {
		w->fd = fd;
		return 0;
	}
	close(fd);
	w->failed = true;
	if (st.st_dev != w->dev || st.st_ino != w->ino)
		return hr_fail(e, HR_BAD_STREAM, "segment '%s' is another file than the one that was written", w->path);
	return hr_fail(e, HR_BAD_STREAM, "segment '%s' has %jd bytes; %" PRIu64 " were written", w->path,
	    (intmax_t)st.st_size, w->in_file);
}

static int
stopped(struct hr_segment_writer *w, struct hr_err *e)
{
	if (errno == ENOSPC || errno == EDQUOT || errno == EFBIG)
		w->full = true;
	else
		w->failed = true;
	return hr_fail_sys(e, "cannot write segment '%s'", w->path);
}

int
hr_segment_flush(struct hr_segment_writer *w, struct hr_err *e)
{
	ssize_t n;

	if (w->failed)
		return refuse(w, e);
	if (w->buf.len == 0)
		return 0;
	if (hr_segment_unpark(w, e) < 0)
		return -1;
	while (w->done < w->buf.len) {
		n = write(w->fd, w->buf.data + w->done, w->buf.len - w->done);
		if (n == 0)
			errno = ENOSPC;
		if (n == 0 || (n < 0 && errno != EINTR))
			return stopped(w, e);
		if (n > 0) {
			w->done += (size_t)n;
			w->in_file += (uint64_t)n;
		}
	}
	w->full = false;
	w->done = 0;
	hr_buf_reset(&w->buf);
	if (w->buf.cap > 4 * COLLECT)
		hr_buf_clear(&w->buf);
	return 0;
}

/* The record's bytes, behind what is in the buffer. */
static void
seal(struct hr_segment_writer *w, uint8_t kind, uint64_t place, const struct iovec *v, size_t n, size_t len)
{
	struct hr_segment_record r = { w->mark.tag, w->mark.number, place, kind, (uint32_t)len };
	struct hr_buf *b = &w->buf;
	uint8_t tag[HR_SEGMENT_TAG], *at;

	hr_buf_need(b, len + HR_SEGMENT_EXTRA);
	at = b->data + b->len;
	hr_segment_seal(&w->cipher, &r, v, n, at + HR_SEGMENT_FIXED, tag);
	hr_buf_u32le(b, r.len);
	hr_buf_u8(b, kind);
	hr_buf_u64le(b, place);
	hr_buf_put(b, tag, sizeof(tag));
	hr_buf_u32le(b, hr_segment_check(&w->cipher, &r, at));
	b->len += len;
	hr_buf_u8(b, HR_SEGMENT_LAST);
	memcpy(w->mark.tag, tag, sizeof(tag));
	memcpy(w->mark.name, tag, sizeof(tag));
	w->mark.at += len + HR_SEGMENT_EXTRA;
	w->mark.number++;
	w->mark.place = place;
}

/* The record of so many bytes, if there can be one, into the buffer. */
static int
collect(struct hr_segment_writer *w, uint8_t kind, uint64_t place, const struct iovec *v, size_t n, size_t len,
    struct hr_err *e)
{
	if (kind == 0 || kind > HR_SEGMENT_KIND_MOST)
		return hr_fail(e, HR_INTERNAL, "a record cannot be of kind %u", kind);
	if (place < w->mark.place)
		return hr_fail(e, HR_INTERNAL, "a record's place is %" PRIu64 ", and the last one was %" PRIu64, place,
		    w->mark.place);
	if (w->mark.ended)
		return hr_fail(e, HR_INTERNAL, "segment '%s' has been ended", w->path);
	if (w->failed)
		return refuse(w, e);
	if (w->buf.len - w->done && w->buf.len - w->done + len + HR_SEGMENT_EXTRA > COLLECT &&
	    hr_segment_flush(w, e) < 0)
		return -1;
	seal(w, kind, place, v, n, len);
	return 0;
}

int
hr_segment_appendv(struct hr_segment_writer *w, uint8_t kind, uint64_t place, const struct iovec *v, size_t n,
    uint8_t *tag, struct hr_err *e)
{
	size_t len = 0, i;

	for (i = 0; i < n; i++) {
		if (v[i].iov_len > HR_SEGMENT_MOST - len)
			return hr_fail(e, HR_INTERNAL, "a record is longer than %zu bytes", HR_SEGMENT_MOST);
		len += v[i].iov_len;
	}
	if (collect(w, kind, place, v, n, len, e) < 0)
		return -1;
	if (tag)
		memcpy(tag, w->mark.tag, HR_SEGMENT_TAG);
	return 0;
}

int
hr_segment_append(struct hr_segment_writer *w, uint8_t kind, uint64_t place, const void *data, size_t len,
    uint8_t *tag, struct hr_err *e)
{
	struct iovec v = { (void *)data, len };

	return hr_segment_appendv(w, kind, place, &v, 1, tag, e);
}

int
hr_segment_append_again(struct hr_segment_writer *w, uint8_t kind, uint64_t place, const void *data, size_t len,
    const uint8_t name[HR_SEGMENT_TAG], struct hr_err *e)
{
	const struct iovec v[2] = { { (void *)name, HR_SEGMENT_TAG }, { (void *)data, len } };

	if (len > HR_SEGMENT_MOST)
		return hr_fail(e, HR_INTERNAL, "a record is longer than %zu bytes", HR_SEGMENT_MOST);
	if (collect(w, kind, place, v, 2, HR_SEGMENT_TAG + len, e) < 0)
		return -1;
	memcpy(w->mark.name, name, HR_SEGMENT_TAG);
	return 0;
}

/* What a sync that failed has not written may be forgotten by the kernel: the next would say that all is well. */
int
hr_segment_sync(struct hr_segment_writer *w, struct hr_err *e)
{
	if (w->failed)
		return refuse(w, e);
	if (w->synced.at == w->mark.at && w->named)
		return 0;
	if (hr_segment_flush(w, e) < 0 || hr_segment_unpark(w, e) < 0)
		return -1;
	if ((w->mark.ended ? fsync(w->fd) : fdatasync(w->fd)) < 0) {
		w->failed = true;
		return hr_fail_sys(e, "cannot sync segment '%s'", w->path);
	}
	if (!w->named && hr_file_sync_directory(w->path, e) < 0)
		return -1;
	w->named = true;
	w->synced = w->mark;
	return 0;
}

/* With a name, if it is written again. */
static int
end(struct hr_segment_writer *w, const uint8_t *name, struct hr_err *e)
{
	uint8_t data[HR_SEGMENT_END_LEN];
	const struct iovec v[2] = { { (void *)name, name ? HR_SEGMENT_TAG : 0 }, { data, sizeof(data) } };

	if (w->failed)
		return refuse(w, e);
	if (!w->mark.ended) {
		hr_set_u64le(data, w->mark.number);
		hr_set_u64le(data + 8, w->mark.at);
		seal(w, HR_SEGMENT_KIND_END, w->mark.place, v, 2, v[0].iov_len + v[1].iov_len);
		if (name)
			memcpy(w->mark.name, name, HR_SEGMENT_TAG);
		w->mark.ended = true;
	}
	return hr_segment_sync(w, e);
}

int
hr_segment_end(struct hr_segment_writer *w, struct hr_err *e)
{
	return end(w, NULL, e);
}

int
hr_segment_end_again(struct hr_segment_writer *w, const uint8_t name[HR_SEGMENT_TAG], struct hr_err *e)
{
	return end(w, name, e);
}

int
hr_segment_park(struct hr_segment_writer *w, struct hr_err *e)
{
	if (w->fd < 0 && w->buf.len == 0)
		return 0;
	if (hr_segment_sync(w, e) < 0)
		return -1;
	hr_buf_clear(&w->buf);
	if (w->fd >= 0)
		close(w->fd);
	w->fd = -1;
	return 0;
}
