/*
 * Property: the frames read whole are the frames read one byte at a time, and
 * so is the error.
 *
 * Checksums would stop a fuzzer at once, so the input is a recipe: a first
 * byte that says how to break the stream, then pieces that become frames.  A
 * first byte of 'h' (the magic begins with another) or below leaves the rest
 * as it is: the streams of tests/stream are read as they are.
 */

#include "base/hr.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/crc32c.h"
#include "stream/reader.h"
#include "stream/writer.h"

/* What a reading gave: a checksum over all of it, and the last words. */
struct trace {
	uint32_t crc;
	uint64_t frames;
	struct hr_err e;
};

static void
trace(struct trace *t, struct hr_reader *r, int opened)
{
	struct hr_frame f;
	size_t len;

	*t = (struct trace){ 0, 0, t->e };
	if (opened < 0)
		return;
	while (hr_read(r, &f, &t->e) > 0) {
		t->crc = hr_crc32c(t->crc, f.tenant, f.tenant_len);
		t->crc = hr_crc32c(t->crc, f.data, f.len);
		t->crc = hr_crc32c(t->crc, hr_reader_bytes(r, &len), HR_FRAME_SIZE);
		t->frames++;
	}
}

/* Frames with right checksums out of any bytes. */
static void
cook(struct hr_writer *w, const uint8_t *data, size_t size)
{
	static const char json[] = "{\"version\":1,\"system\":\"1\",\"start\":\"0/0\","
	    "\"timeline_begin\":\"0/0\",\"database\":\"d\",\"slot\":\"s\",\"epoch\":1}";
	struct hr_cur c = hr_cur(data, size);
	uint8_t how = hr_cur_u8(&c);
	uint16_t where = hr_cur_u16le(&c);
	struct hr_frame f = {
		.type = HR_FRAME_HEAD, .data = (const uint8_t *)json, .len = sizeof(json) - 1,
	};
	struct hr_err e;

	if (hr_write_magic(w, &e) < 0 || hr_write(w, &f, &e) < 0)
		abort();
	while (hr_cur_left(&c)) {
		f.type = hr_cur_u8(&c);
		f.flags = hr_cur_u8(&c);
		f.lsn = f.count = hr_cur_u8(&c);
		f.tenant_len = hr_cur_u8(&c) % 8;
		f.len = hr_cur_u16le(&c) % 2048;
		f.data = hr_cur_bytes(&c, f.tenant_len + f.len);
		if (f.data == NULL)
			break;
		f.tenant = (const char *)f.data;
		f.data += f.tenant_len;
		if (hr_write(w, &f, &e) < 0)
			abort();
	}
	if (hr_write_end(w, &e) < 0)
		abort();
	if (how & 1)		/* a bit */
		w->buf.data[where % w->buf.len] ^= 1u << how % 8;
	if (how & 2)		/* the end */
		w->buf.len -= where % w->buf.len;
	if (how & 4)		/* and more */
		hr_buf_put(&w->buf, data, size);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hr_writer w = { .fd = -1 };
	struct hr_reader whole, bytes = { .step = 1 };
	struct trace a = { 0 }, b = { 0 };
	int fd[2];

	if (size > 16384)
		return 0;
	if (size && data[0] < 'h')
		cook(&w, data, size);
	else
		hr_buf_put(&w.buf, data, size);
	if (pipe(fd) < 0 || fcntl(fd[1], F_SETPIPE_SZ, 1 << 17) < 0 ||
	    write(fd[1], w.buf.data, w.buf.len) != (ssize_t)w.buf.len)
		abort();
	close(fd[1]);
	trace(&a, &whole, hr_reader_open_memory(&whole, w.buf.data, w.buf.len, &a.e));
	trace(&b, &bytes, hr_reader_open(&bytes, fd[0], &b.e));
	close(fd[0]);
	if (a.crc != b.crc || a.frames != b.frames || a.e.code != b.e.code ||
	    strcmp(a.e.what, b.e.what) != 0 || whole.ended != bytes.ended)
		abort();
	hr_reader_clear(&whole);
	hr_reader_clear(&bytes);
	hr_writer_clear(&w);
	return 0;
}
