/* stream_writer - frames to descriptors. */

#include "base/hr.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "stream/reader.h"
#include "stream/writer.h"
#include "tap.h"

static char name[] = "x";
static const struct hr_head simple = { .version = 1, .database = name, .slot = name };

static int
frame(struct hr_writer *w, uint16_t tenant_len, uint32_t len, struct hr_err *e)
{
	static char tenant[HR_TENANT_MAX + 2];
	static uint8_t *data;
	struct hr_frame f = { .type = 'x', .tenant_len = tenant_len, .tenant = tenant, .len = len };

	if (data == NULL)
		data = calloc(1, 1 << 20);
	f.data = data;
	return hr_write(w, &f, e);
}

static void
limits(void)
{
	struct hr_writer w = { .fd = -1 };
	struct hr_err e = HR_ERR_INIT;

	ok(frame(&w, HR_TENANT_MAX - 1, 0, &e) == 0, "a tenant of 254 bytes is written");
	ok(frame(&w, HR_TENANT_MAX, 0, &e) == 0, "one of 255 too");
	ok(frame(&w, HR_TENANT_MAX + 1, 0, &e) == -1 && e.code == HR_BAD_STREAM, "one of 256 is refused");
	ok(frame(&w, 0, HR_PAYLOAD_MAX + 1, &e) == -1 && e.code == HR_BAD_STREAM,
	    "a payload beyond the limit is refused before its bytes are looked at");
	hr_writer_clear(&w);
}

static void *
drain(void *fd)
{
	static struct hr_buf got;
	uint8_t piece[1000];
	ssize_t n;

	while ((n = read(*(int *)fd, piece, sizeof(piece))) > 0)
		hr_buf_put(&got, piece, (size_t)n);
	return &got;
}

/* All that two writers say, one to memory and one to a pipe, is the same. */
static void
same(int flags, const char *what)
{
	struct hr_writer a = { .fd = -1 }, b = HR_WRITER_INIT;
	struct hr_err e = HR_ERR_INIT;
	struct hr_reader r;
	struct hr_frame f;
	struct hr_buf *got;
	pthread_t t;
	void *out;
	int fd[2], i, n = 0;

	if (pipe2(fd, 0) < 0 || fcntl(fd[1], F_SETFL, flags) < 0 || pthread_create(&t, NULL, drain, &fd[0]) != 0)
		exit(70);
	b.fd = fd[1];
	n += hr_write_head(&a, &simple, &e) + hr_write_head(&b, &simple, &e);
	for (i = 0; i < 40; i++) {
		uint32_t len = i % 4 == 3 ? 70000 : (uint32_t)i * 1000;

		n += frame(&a, (uint16_t)i, len, &e) + frame(&b, (uint16_t)i, len, &e);
	}
	n += hr_write_end(&a, &e) + hr_write_end(&b, &e);
	close(fd[1]);
	pthread_join(t, &out);
	close(fd[0]);
	got = out;
	ok(n == 0 && got->len == a.buf.len && memcmp(got->data, a.buf.data, got->len) == 0, "%s", what);
	for (i = 0, n = hr_reader_open_memory(&r, got->data, got->len, &e); n >= 0; i++)
		if ((n = hr_read(&r, &f, &e)) <= 0)
			break;
	ok(n == 0 && i == 41, "and it can be read");
	hr_reader_clear(&r);
	hr_buf_clear(got);
	hr_writer_clear(&a);
	hr_writer_clear(&b);
}

static int waits, waits_fail;

static int
wait(void *arg, int fd, struct hr_err *e)
{
	uint8_t piece[65536];

	waits++;
	if (waits_fail)
		return hr_fail(e, HR_TEMPORARY, "told to stop");
	return fd > 0 && read(*(int *)arg, piece, sizeof(piece)) > 0 ? 0 : -1;
}

static void
blocked(void)
{
	struct hr_writer w = HR_WRITER_INIT;
	struct hr_err e = HR_ERR_INIT;
	int fd[2], rc = 0, i;

	if (pipe2(fd, O_NONBLOCK) < 0)
		exit(70);
	w.fd = fd[1];
	w.wait = wait;
	w.wait_arg = &fd[0];
	for (i = 0; i < 10; i++)
		rc += frame(&w, 0, 50000, &e);
	ok(rc == 0 && waits > 0, "who would block is asked to wait");
	waits_fail = 1;
	for (i = 0; i < 10 && rc == 0; i++)
		rc = frame(&w, 0, 50000, &e);
	ok(rc == -1 && e.code == HR_TEMPORARY && strcmp(e.what, "told to stop") == 0, "and may stop");
	hr_writer_clear(&w);
	close(fd[0]);
	close(fd[1]);
}

static void
errors(void)
{
	struct hr_writer w = HR_WRITER_INIT;
	struct hr_err e = HR_ERR_INIT;
	int fd[2];

	if (pipe(fd) < 0)
		exit(70);
	close(fd[0]);
	w.fd = fd[1];
	ok(frame(&w, 0, 5, &e) == 0, "a small frame waits in the buffer");
	ok(hr_flush(&w, &e) == -1 && e.code == HR_TEMPORARY, "a reader that has gone is temporary");
	ok(w.buf.len == 0 && hr_flush(&w, &e) == 0, "what could not be written is not written again");
	ok(frame(&w, 0, 100000, &e) == -1 && e.code == HR_TEMPORARY, "so it is for a large frame");
	close(fd[1]);
	w.fd = open("/dev/full", O_WRONLY);
	ok(frame(&w, 0, 5, &e) == 0 && hr_write_end(&w, &e) == -1 && e.code == HR_IO && e.hint[0],
	    "a full disk is an error with a hint");
	close(w.fd);
	w.fd = open("/dev/null", O_RDONLY);
	ok(frame(&w, 0, 100000, &e) == -1 && e.code == HR_IO, "what cannot be written is status 74");
	ok(hr_write_bytes(&w, (const uint8_t *)"0123456789012345678901234567", 28, &e) == 0 &&
	    hr_write_end(&w, &e) == -1, "for bytes passed on too");
	close(w.fd);
	hr_writer_clear(&w);
}

/* Of a stream of four frames, pass on those in the mask, and read what comes. */
static void
passing(unsigned mask, const char *what)
{
	struct hr_writer a = { .fd = -1 }, b = { .fd = -1 };
	struct hr_err e = HR_ERR_INIT;
	struct hr_reader r, again;
	struct hr_frame f, g;
	const uint8_t *bytes, *copy;
	size_t len, copy_len;
	bool anew = false;
	int i, n = 0, bad = 0;

	bad += hr_write_head(&a, &simple, &e) + hr_write_magic(&b, &e);
	for (i = 1; i < 4; i++)
		bad += frame(&a, (uint16_t)i, 100000, &e);
	bad += hr_write_end(&a, &e) + hr_reader_open_memory(&r, a.buf.data, a.buf.len, &e);
	for (i = 0; hr_read(&r, &f, &e) > 0; i++) {
		bytes = hr_reader_bytes(&r, &len);
		if (mask & 1u << i)
			bad += hr_write_bytes(&b, bytes, len, &e);
	}
	bad += hr_write_end(&b, &e);
	ok(bad == 0 && (mask != 0xf || (b.buf.len == a.buf.len && memcmp(a.buf.data, b.buf.data, b.buf.len) == 0)),
	    "%s", what);

	hr_reader_clear(&r);
	bad += hr_reader_open_memory(&r, a.buf.data, a.buf.len, &e);
	bad += hr_reader_open_memory(&again, b.buf.data, b.buf.len, &e);
	for (i = 0; bad == 0 && hr_read(&r, &f, &e) > 0; i++) {
		if (!(mask & 1u << i)) {
			anew = true;
			continue;
		}
		if (hr_read(&again, &g, &e) <= 0)
			break;
		bytes = hr_reader_bytes(&r, &len);
		copy = hr_reader_bytes(&again, &copy_len);
		n += len == copy_len && memcmp(bytes, copy, HR_FRAME_SUMMED) == 0 &&
		    memcmp(bytes + HR_FRAME_SIZE, copy + HR_FRAME_SIZE, len - HR_FRAME_SIZE) == 0 &&
		    anew == (memcmp(bytes + HR_FRAME_SUMMED, copy + HR_FRAME_SUMMED, 4) != 0);
	}
	ok(bad == 0 && n == __builtin_popcount(mask) && hr_read(&again, &g, &e) == 0 && again.ended,
	    "what comes is whole, with other checksums behind the gap alone");
	hr_reader_clear(&r);
	hr_reader_clear(&again);
	hr_writer_clear(&a);
	hr_writer_clear(&b);
}

int
main(void)
{
	signal(SIGPIPE, SIG_IGN);
	limits();
	same(0, "a pipe gets what memory gets");
	same(O_NONBLOCK, "so does one that does not block");
	passing(0xf, "a stream passed on is the same");
	passing(0xd, "a frame is left out");
	passing(0x7, "the last is left out");
	passing(0x1, "all but the head are left out");
	blocked();
	errors();
	return tap_done();
}
