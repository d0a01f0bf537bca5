/* writer.c - frames to a descriptor, gathered into large writes. */

#include "base/hr.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "base/clock.h"
#include "stream/writer.h"

#define GATHER_BYTES	(64 * 1024)

static int
drain(struct hr_writer *w, const uint8_t *p, size_t n, struct hr_err *e)
{
	while (n) {
		int64_t before = hr_now_us();
		ssize_t did = write(w->fd, p, n);

		w->took += hr_now_us() - before;
		if (did >= 0) {
			p += did;
			n -= (size_t)did;
		} else if (errno == EAGAIN) {
			struct pollfd fd = { w->fd, POLLOUT, 0 };

			if (w->wait ? w->wait(w->wait_arg, w->fd, e) < 0 :
			    (poll(&fd, 1, -1) < 0 && errno != EINTR))
				return -1;
		} else if (errno == EPIPE) {
			hr_fail(e, HR_TEMPORARY, "cannot write the stream: its reader has gone");
			return hr_hint(e, "look at what the stage behind says");
		} else if (errno != EINTR)
			return hr_fail_sys(e, "cannot write the stream");
	}
	return 0;
}

int
hr_flush(struct hr_writer *w, struct hr_err *e)
{
	int rc;

	if (w->fd < 0)
		return 0;
	rc = drain(w, w->buf.data, w->buf.len, e);
	/* After a failure too: what was written in part is not written again. */
	hr_buf_reset(&w->buf);
	return rc;
}

static int
put(struct hr_writer *w, const void *p, size_t n, struct hr_err *e)
{
	if (w->fd >= 0 && w->buf.len + n > GATHER_BYTES) {
		if (hr_flush(w, e) < 0)
			return -1;
		if (n > GATHER_BYTES)
			return drain(w, p, n, e);
	}
	hr_buf_put(&w->buf, p, n);
	return 0;
}

/* What the end frame will say. */
static void
count(struct hr_writer *w, const uint8_t *fixed, size_t all)
{
	w->seen.frames++;
	w->seen.bytes += all;
	w->seen.crc = hr_get_u32le(fixed + HR_FRAME_SUMMED);
}

int
hr_write(struct hr_writer *w, const struct hr_frame *f, struct hr_err *e)
{
	uint8_t fixed[HR_FRAME_SIZE];

	if (f->tenant_len > HR_TENANT_MAX)
		return hr_fail(e, HR_BAD_STREAM, "a tenant name of %u bytes is longer than %d",
		    f->tenant_len, HR_TENANT_MAX);
	if (f->len > HR_PAYLOAD_MAX)
		return hr_fail(e, HR_BAD_STREAM, "a row of %" PRIu32 " bytes is larger than a frame may be", f->len);
	hr_frame_encode(f, w->seen.crc, fixed);
	count(w, fixed, HR_FRAME_SIZE + f->tenant_len + f->len);
	if (put(w, fixed, HR_FRAME_SIZE, e) < 0 || put(w, f->tenant, f->tenant_len, e) < 0)
		return -1;
	return put(w, f->data, f->len, e);
}

int
hr_write_bytes(struct hr_writer *w, const uint8_t *bytes, size_t len, struct hr_err *e)
{
	uint32_t sum = hr_frame_sum(bytes, w->seen.crc);
	uint8_t fixed[HR_FRAME_SIZE];

	if (sum == hr_get_u32le(bytes + HR_FRAME_SUMMED)) {
		count(w, bytes, len);
		return put(w, bytes, len, e);
	}
	memcpy(fixed, bytes, HR_FRAME_SIZE);
	hr_set_u32le(fixed + HR_FRAME_SUMMED, sum);
	count(w, fixed, len);
	if (put(w, fixed, HR_FRAME_SIZE, e) < 0)
		return -1;
	return put(w, bytes + HR_FRAME_SIZE, len - HR_FRAME_SIZE, e);
}

int
hr_write_magic(struct hr_writer *w, struct hr_err *e)
{
	w->seen = (struct hr_end){ 0, HR_MAGIC_SIZE, 0 };
	return put(w, HR_MAGIC, HR_MAGIC_SIZE, e);
}

int
hr_write_head(struct hr_writer *w, const struct hr_head *h, struct hr_err *e)
{
	struct hr_buf b = HR_BUF_INIT;
	struct hr_frame f = { .type = HR_FRAME_HEAD, .flags = HR_MUST | HR_ALL, .lsn = h->start };
	int rc;

	if (hr_write_magic(w, e) < 0)
		return -1;
	hr_head_encode(h, &b);
	f.data = b.data;
	f.len = (uint32_t)b.len;
	rc = hr_write(w, &f, e);
	hr_buf_clear(&b);
	return rc;
}

int
hr_write_end(struct hr_writer *w, struct hr_err *e)
{
	uint8_t data[HR_END_SIZE];
	struct hr_frame f = {
		.type = HR_FRAME_END, .flags = HR_MUST | HR_ALL,
		.data = data, .len = HR_END_SIZE,
	};

	hr_end_encode(&w->seen, data);
	if (hr_write(w, &f, e) < 0)
		return -1;
	return hr_flush(w, e);
}

void
hr_writer_clear(struct hr_writer *w)
{
	hr_buf_clear(&w->buf);
}
