/*
 * reader.c - frames from a descriptor.
 *
 * Bytes are read in large pieces into one buffer, and frames are lent from it
 * without a copy.  The buffer grows only as bytes arrive: a header that claims
 * a gigabyte costs its sender a gigabyte, not us.
 */

#include "base/hr.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crc32c.h"
#include "stream/reader.h"

#define FIRST_BYTES	(256 * 1024)

/* Read what is there, at least one byte.  1, 0 at the end of file, -1. */
static int
fill(struct hr_reader *r, struct hr_err *e)
{
	struct pollfd p = { r->fd, POLLIN, 0 };
	int64_t before;
	size_t room;
	ssize_t n;

	if (r->fd < 0)
		return 0;
	if (r->at) {
		r->buf.len -= r->at;
		memmove(r->buf.data, r->buf.data + r->at, r->buf.len);
		r->at = 0;
	}
	if (r->buf.cap == 0)
		hr_buf_grow(&r->buf, FIRST_BYTES);
	if (r->buf.len == r->buf.cap)
		hr_buf_grow(&r->buf, r->buf.cap);
	room = r->buf.cap - r->buf.len;
	if (r->step && room > r->step)
		room = r->step;
	if (r->wait && poll(&p, 1, 0) == 0 && r->wait(r->wait_arg, e) < 0)
		return -1;
	for (;;) {
		if (r->stop) {
			while (!*r->stop && poll(&p, 1, 500) <= 0)
				;
			if (*r->stop)
				return hr_fail(e, HR_TEMPORARY, "stopped by a signal");
		}
		before = hr_now_us();
		n = read(r->fd, r->buf.data + r->buf.len, room);
		r->took += hr_now_us() - before;
		if (n >= 0)
			break;
		if (errno == EAGAIN)
			poll(&p, 1, -1);
		else if (errno != EINTR)
			return hr_fail_sys(e, "cannot read the stream");
	}
	r->buf.len += (size_t)n;
	return n > 0;
}

/* Have n bytes at r->at.  1, 0 when the input ended before, -1. */
static int
have(struct hr_reader *r, size_t n, struct hr_err *e)
{
	int got;

	while (r->buf.len - r->at < n)
		if ((got = fill(r, e)) <= 0)
			return got;
	return 1;
}

static int
truncated(struct hr_reader *r, struct hr_err *e)
{
	hr_fail(e, HR_BAD_STREAM, "stream ended after frame %" PRIu64 " without an end frame",
	    r->seen.frames);
	return hr_hint(e, "was the sender killed?");
}

/*
 * Are there bytes behind the end frame?  Only what is there already is seen:
 * a sender may keep its end open, to wait for what its reader acknowledges.
 */
static bool
more(struct hr_reader *r)
{
	struct pollfd p = { r->fd, POLLIN, 0 };
	uint8_t byte;

	return r->fd >= 0 && poll(&p, 1, 0) > 0 && read(r->fd, &byte, 1) > 0;
}

/* Where in the stream, for messages. */
static int
at_frame(struct hr_reader *r, struct hr_err *e)
{
	return hr_within(e, "frame %" PRIu64 " at byte %" PRIu64, r->seen.frames + 1, r->seen.bytes);
}

int
hr_read(struct hr_reader *r, struct hr_frame *f, struct hr_err *e)
{
	uint32_t crc, sum;
	size_t all;
	int got;

	r->at += r->lent;
	r->lent = 0;
	if (r->ended)
		return 0;
	if ((got = have(r, HR_FRAME_SIZE, e)) <= 0)
		return got < 0 ? -1 : truncated(r, e);
	if (hr_frame_decode(f, r->buf.data + r->at, r->seen.crc, &crc, e) < 0)
		return at_frame(r, e);
	if ((f->type == HR_FRAME_HEAD) != (r->seen.frames == 0) && f->type != HR_FRAME_END) {
		hr_fail(e, HR_BAD_STREAM, r->seen.frames ? "a second head frame" :
		    "the first frame is not the head");
		return at_frame(r, e);
	}
	if (f->type == HR_FRAME_HEAD && f->len > HR_HEAD_MAX) {
		hr_fail(e, HR_BAD_STREAM, "a head of %" PRIu32 " bytes is larger than %" PRIu32,
		    f->len, HR_HEAD_MAX);
		return at_frame(r, e);
	}
	all = HR_FRAME_SIZE + f->tenant_len + f->len;
	if ((got = have(r, all, e)) <= 0)
		return got < 0 ? -1 : truncated(r, e);
	f->tenant = (const char *)r->buf.data + r->at + HR_FRAME_SIZE;
	f->data = (const uint8_t *)f->tenant + f->tenant_len;
	sum = hr_crc32c(0, f->tenant, f->tenant_len + f->len);
	if (sum != crc) {
		hr_fail(e, HR_BAD_STREAM, "the frame's bytes do not match their checksum");
		return at_frame(r, e);
	}
	r->lent = all;
	if (f->type == HR_FRAME_END) {
		struct hr_end end;

		if (hr_end_decode(&end, f, e) < 0)
			return at_frame(r, e);
		if (end.frames != r->seen.frames || end.bytes != r->seen.bytes || end.crc != r->seen.crc)
			return hr_fail(e, HR_BAD_STREAM, "the end frame counts %" PRIu64
			    " frames and %" PRIu64 " bytes, the stream had %" PRIu64 " and %" PRIu64
			    "%s", end.frames, end.bytes, r->seen.frames, r->seen.bytes,
			    end.crc != r->seen.crc ? ", and its running checksum differs" : "");
		if (r->buf.len - r->at > all || more(r))
			return hr_fail(e, HR_BAD_STREAM, "bytes follow the end frame"),
			    hr_hint(e, "were two streams written to one file?");
		r->ended = true;
		return 0;
	}
	if ((f->flags & HR_MUST) && hr_frame_name(f->type)[0] == 'u') {
		hr_fail(e, HR_BAD_STREAM, "a frame of the unknown type 0x%02x that must be understood",
		    f->type);
		hr_hint(e, "a newer release wrote this stream");
		return at_frame(r, e);
	}
	r->seen.frames++;
	r->seen.bytes += all;
	r->seen.crc = hr_get_u32le(r->buf.data + r->at + HR_FRAME_SUMMED);
	return 1;
}

static int
begin(struct hr_reader *r, struct hr_err *e)
{
	struct hr_frame f;
	int got;

	if ((got = have(r, HR_MAGIC_SIZE, e)) < 0)
		return -1;
	if (got == 0 && r->buf.len == 0)
		return hr_fail(e, HR_BAD_STREAM, "the input is empty"),
		    hr_hint(e, "look at what the stage before says");
	if (got == 0 || memcmp(r->buf.data + r->at, HR_MAGIC, HR_MAGIC_SIZE) != 0)
		return hr_fail(e, HR_BAD_STREAM, "the input is not an hr stream"),
		    hr_hint(e, "a stream begins with the output of hr-capture");
	r->at += HR_MAGIC_SIZE;
	r->seen.bytes = HR_MAGIC_SIZE;
	if ((got = hr_read(r, &f, e)) < 0)
		return -1;
	if (got == 0)
		return hr_fail(e, HR_BAD_STREAM, "the stream has no head");
	if (hr_head_decode(&r->head, f.data, f.len, e) < 0)
		return -1;
	/* Lend the head again as the first frame. */
	r->seen = (struct hr_end){ 0, HR_MAGIC_SIZE, 0 };
	r->lent = 0;
	return 0;
}

int
hr_reader_open(struct hr_reader *r, int fd, struct hr_err *e)
{
	*r = (struct hr_reader){ .fd = fd, .step = r->step, .stop = r->stop, .head = HR_HEAD_INIT };
	return begin(r, e);
}

int
hr_reader_open_memory(struct hr_reader *r, const void *data, size_t len, struct hr_err *e)
{
	*r = (struct hr_reader){ .fd = -1, .head = HR_HEAD_INIT };
	hr_buf_put(&r->buf, data, len);
	return begin(r, e);
}

const uint8_t *
hr_reader_bytes(const struct hr_reader *r, size_t *len)
{
	*len = r->lent;
	return r->buf.data + r->at;
}

bool
hr_reader_has(const struct hr_reader *r)
{
	size_t left = r->buf.len - r->at - r->lent;
	struct hr_frame f;

	if (left < HR_FRAME_SIZE)
		return false;
	hr_frame_fixed(&f, r->buf.data + r->at + r->lent);
	return left - HR_FRAME_SIZE >= (size_t)f.tenant_len + f.len;
}

void
hr_reader_clear(struct hr_reader *r)
{
	hr_buf_clear(&r->buf);
	hr_head_clear(&r->head);
	r->at = r->lent = 0;
}
