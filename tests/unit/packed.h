/*
 * packed.h - what the tests of packed streams share: a stream in the making, and
 * streams through hr-compress; include it once a program, behind codec.h.
 */
#ifndef HR_TEST_PACKED_H
#define HR_TEST_PACKED_H

#include <stdlib.h>

#include "base/buf.h"
#include "codec/pack.h"

static struct hr_writer w = { .fd = -1 };
static struct hr_err err;

static void
head(void)
{
	struct hr_head h = HR_HEAD_INIT;

	hr_buf_reset(&w.buf);
	h.database = h.slot = (char[]){ "d" };
	if (hr_write_head(&w, &h, &err) < 0)
		abort();
}

/* The stream at data through the filter k, into out.  0, or -1. */
static int
through(struct hr_pack *k, const struct hr_buf *data, struct hr_buf *out, unsigned quiet)
{
	struct hr_pipe p = { .out = 1, .w = { .fd = -1 } };
	struct hr_frame f;
	int more = -1, rc;

	hr_err_clear(&err);
	if (hr_reader_open_memory(&p.r, data->data, data->len, &err) < 0)
		goto out;
	hr_pack_begin(k, &p);
	while ((more = hr_read(&p.r, &f, &err)) > 0) {
		const uint8_t *bytes;
		size_t len;

		if ((rc = hr_pack_step(k, &p, &f, &err)) < 0) {
			more = -1;
			break;
		}
		bytes = hr_reader_bytes(&p.r, &len);
		if (f.type == HR_FRAME_HEAD && hr_write_magic(&p.w, &err) < 0)
			abort();
		if (rc > 0 && hr_write_bytes(&p.w, bytes, len, &err) < 0)
			abort();
		/* As if the input were quiet. */
		if (quiet && rnd() % quiet == 0 && hr_pack_flush(k, &err) < 0)
			abort();
	}
	if (more == 0 && (hr_pack_end(k, &err) < 0 || hr_pipe_end(&p, &err) < 0))
		more = -1;
out:
	hr_buf_clear(out);
	out->data = hr_buf_take(&p.w.buf, &out->len);
	out->cap = out->len;
	hr_pipe_clear(&p);
	return more;
}

static bool
same(const struct hr_buf *a, const struct hr_buf *b)
{
	return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

/* What w.buf is packed to by k comes back through d; packed is the caller's, as both are, to be cleared. */
static inline bool
there_and_back(struct hr_pack *k, struct hr_pack *d, struct hr_buf *packed)
{
	struct hr_buf back = HR_BUF_INIT;
	bool good;

	d->unpack = true;
	good = through(k, &w.buf, packed, 0) == 0 && through(d, packed, &back, 0) == 0 && same(&w.buf, &back);
	hr_buf_clear(&back);
	return good;
}

/* The stream without the frames of a tenant, blocks among them; or, nth, without that block. */
static inline void
without(const struct hr_buf *data, const char *tenant, int nth, struct hr_writer *to)
{
	struct hr_reader r;
	struct hr_frame f;

	hr_buf_reset(&to->buf);
	if (hr_reader_open_memory(&r, data->data, data->len, &err) < 0 || hr_write_magic(to, &err) < 0)
		abort();
	while (hr_read(&r, &f, &err) > 0) {
		if (tenant && !(f.flags & HR_ALL) && f.tenant_len == strlen(tenant) &&
		    memcmp(f.tenant, tenant, f.tenant_len) == 0)
			continue;
		if (f.type == HR_FRAME_BLOCK && nth-- == 0)
			continue;
		if (hr_write(to, &f, &err) < 0)
			abort();
	}
	if (hr_write_end(to, &err) < 0)
		abort();
	hr_reader_clear(&r);
}

#endif
