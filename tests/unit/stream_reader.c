/*
 * stream_reader - frames from descriptors and from memory: what is not the
 * same for every stream; tests/unit/stream_files.c reads those.
 */

#include "base/hr.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/temp.h"
#include "stream/reader.h"
#include "stream/writer.h"
#include "tap.h"

static struct hr_writer w = { .fd = -1 };

static void
head(void)
{
	char name[] = "x", *tenant[] = { name };
	struct hr_head h = { .version = 1, .database = name, .slot = name, .tenant = tenant, .tenants = 1 };
	struct hr_err e = HR_ERR_INIT;

	hr_buf_reset(&w.buf);
	if (hr_write_head(&w, &h, &e) < 0)
		ok(false, "%s", e.what);
}

static int
frame(uint8_t type, uint8_t flags, const char *tenant, const void *data, uint32_t len)
{
	struct hr_err e = HR_ERR_INIT;
	struct hr_frame f = {
		.type = type, .flags = flags, .tenant = tenant, .data = data, .len = len,
		.tenant_len = (uint16_t)strlen(tenant), .lsn = 7, .count = 3,
	};

	return hr_write(&w, &f, &e);
}

static void
end(void)
{
	struct hr_err e = HR_ERR_INIT;

	if (hr_write_end(&w, &e) < 0)
		ok(false, "%s", e.what);
}

static void
lending(void)
{
	struct hr_reader r;
	struct hr_frame f;
	struct hr_err e = HR_ERR_INIT;
	const uint8_t *bytes;
	size_t len, at;

	head();
	at = w.buf.len;
	frame('x', 0x80, "acme", "payload", 7);
	end();
	ok(hr_reader_open_memory(&r, w.buf.data, w.buf.len, &e) == 0 && r.head.tenants == 1,
	    "the head is there after opening");
	ok(hr_read(&r, &f, &e) == 1 && f.type == HR_FRAME_HEAD, "the head frame comes first, again");
	bytes = hr_reader_bytes(&r, &len);
	ok(len == at - HR_MAGIC_SIZE && memcmp(bytes, w.buf.data + HR_MAGIC_SIZE, len) == 0, "its bytes are lent");
	ok(hr_read(&r, &f, &e) == 1 && f.type == 'x' && f.flags == 0x80 && f.lsn == 7 && f.count == 3 &&
	    f.tenant_len == 4 && memcmp(f.tenant, "acme", 4) == 0 && f.len == 7 &&
	    memcmp(f.data, "payload", 7) == 0, "then the next, all its fields");
	bytes = hr_reader_bytes(&r, &len);
	ok(len == HR_FRAME_SIZE + 11 && memcmp(bytes, w.buf.data + at, len) == 0, "and its bytes");
	ok(hr_read(&r, &f, &e) == 0 && r.ended, "the end frame ends");
	ok(hr_read(&r, &f, &e) == 0 && hr_read(&r, &f, &e) == 0, "again and again");
	is_number((int64_t)r.seen.frames, 2, "two frames were seen");
	hr_reader_clear(&r);
}

/* Payload of n bytes: is the frame read, and with how much memory? */
static void
large(uint32_t n)
{
	struct hr_reader r = { 0 };
	struct hr_frame f = { 0 };
	struct hr_err e = HR_ERR_INIT;
	uint8_t *data = calloc(1, n);
	int fd = hr_temp_open(NULL, &e), rc;

	head();
	frame('x', 0, "acme", data, n);
	end();
	if (hr_temp_append(fd, w.buf.data, w.buf.len, &e) < 0)
		ok(false, "%s", e.what);
	lseek(fd, 0, SEEK_SET);
	rc = hr_reader_open(&r, fd, &e) == 0 && hr_read(&r, &f, &e) == 1 && hr_read(&r, &f, &e) == 1 &&
	    f.len == n && memcmp(f.data, data, n) == 0 && hr_read(&r, &f, &e) == 0;
	ok(rc, "a payload of %" PRIu32 " bytes is read from a file", n);
	hr_reader_clear(&r);
	close(fd);
	free(data);
}

/* A header that claims a gigabyte costs its sender a gigabyte, not us. */
static void
claims(void)
{
	struct hr_reader r = { 0 };
	struct hr_frame f = { .type = 'x', .flags = 0 }, g;
	struct hr_err e = HR_ERR_INIT;
	uint8_t fixed[HR_FRAME_SIZE];
	int fd[2];

	head();
	hr_frame_encode(&f, 0, fixed);
	hr_set_u32le(fixed + 4, HR_PAYLOAD_MAX);
	hr_set_u32le(fixed + 24, hr_frame_sum(fixed, w.seen.crc));
	if (pipe(fd) < 0 || write(fd[1], w.buf.data, w.buf.len) < 0 || write(fd[1], fixed, sizeof(fixed)) < 0)
		ok(false, "no pipe");
	close(fd[1]);
	ok(hr_reader_open(&r, fd[0], &e) == 0 && hr_read(&r, &g, &e) == 1 && hr_read(&r, &g, &e) == -1 &&
	    e.code == HR_BAD_STREAM, "a payload that is claimed and missing is a cut stream");
	ok(r.buf.cap < 1 << 20, "and little was allocated for it");
	hr_reader_clear(&r);
	close(fd[0]);
}

static int waits;

static int
wait_for(void *arg, struct hr_err *e)
{
	waits++;
	/* Now the rest comes, or it would be waited for in vain. */
	if (write(*(int *)arg, w.buf.data + w.buf.len - 20, 20) != 20)
		return hr_fail(e, HR_TEMPORARY, "told to stop");
	return 0;
}

static void
before_waiting(void)
{
	struct hr_reader r = { 0 };
	struct hr_frame f;
	struct hr_err e = HR_ERR_INIT;
	int fd[2], full;

	head();
	frame('x', 0, "acme", "payload", 7);
	end();
	if (pipe(fd) < 0 || write(fd[1], w.buf.data, w.buf.len - 20) < 0)
		ok(false, "no pipe");
	ok(hr_reader_open(&r, fd[0], &e) == 0 && hr_read(&r, &f, &e) == 1, "the head is there");
	r.wait = wait_for;
	r.wait_arg = &fd[1];
	ok(hr_read(&r, &f, &e) == 1 && waits == 0, "what is there is not waited for");
	ok(hr_read(&r, &f, &e) == 0 && waits == 1, "who waits in the middle of a frame is told first");
	ok(r.ended, "the end frame ends, though the pipe stays open");
	hr_reader_clear(&r);

	r = (struct hr_reader){ 0 };
	if (write(fd[1], w.buf.data, w.buf.len - 20) < 0)
		ok(false, "no pipe");
	ok(hr_reader_open(&r, fd[0], &e) == 0 && hr_read(&r, &f, &e) == 1, "again");
	close(fd[1]);
	fd[1] = open("/dev/full", O_WRONLY);
	r.wait = wait_for;
	r.wait_arg = &fd[1];
	ok(hr_read(&r, &f, &e) == 1 && hr_read(&r, &f, &e) == -1 && e.code == HR_BAD_STREAM && waits == 1,
	    "a sender that has gone is not waited for");
	hr_reader_clear(&r);
	close(fd[1]);
	close(fd[0]);

	r = (struct hr_reader){ 0 };
	if (pipe(fd) < 0 || write(fd[1], w.buf.data, w.buf.len - 20) < 0)
		ok(false, "no pipe");
	ok(hr_reader_open(&r, fd[0], &e) == 0 && hr_read(&r, &f, &e) == 1, "and again");
	full = open("/dev/full", O_WRONLY);
	r.wait = wait_for;
	r.wait_arg = &full;
	hr_err_clear(&e);
	ok(hr_read(&r, &f, &e) == 1 && hr_read(&r, &f, &e) == -1 && e.code == HR_TEMPORARY, "it may say no");
	hr_reader_clear(&r);
	close(full);
	close(fd[1]);
	close(fd[0]);
}

/* Bytes come while the reader waits on a descriptor that does not block. */
static void *
later(void *fd)
{
	usleep(20000);
	if (write(*(int *)fd, w.buf.data, w.buf.len) < 0)
		perror("write");
	return NULL;
}

static void
waiting(void)
{
	struct hr_reader r = { 0 };
	struct hr_frame f;
	struct hr_err e = HR_ERR_INIT;
	pthread_t t;
	int fd[2];

	head();
	end();
	if (pipe2(fd, O_NONBLOCK) < 0 || pthread_create(&t, NULL, later, &fd[1]) != 0) {
		ok(false, "no pipe");
		return;
	}
	ok(hr_reader_open(&r, fd[0], &e) == 0 && hr_read(&r, &f, &e) == 1 && hr_read(&r, &f, &e) == 0,
	    "a descriptor that does not block is waited for");
	pthread_join(t, NULL);
	hr_reader_clear(&r);
	close(fd[0]);
	close(fd[1]);
}

/* A reader that waits is told to stop. */
static volatile sig_atomic_t stopping;

static void
stopped(void)
{
	struct hr_reader r = { .stop = &stopping };
	struct hr_frame f;
	struct hr_err e = HR_ERR_INIT;
	int fd[2];

	head();
	if (pipe(fd) < 0 || write(fd[1], w.buf.data, w.buf.len) < 0)
		ok(false, "no pipe");
	ok(hr_reader_open(&r, fd[0], &e) == 0 && hr_read(&r, &f, &e) == 1, "with a stop, frames are read");
	stopping = 1;
	ok(hr_read(&r, &f, &e) == -1 && e.code == HR_TEMPORARY, "until it is set");
	hr_reader_clear(&r);
	close(fd[0]);
	close(fd[1]);
}

static void
errors(void)
{
	struct hr_reader r = { 0 };
	struct hr_err e = HR_ERR_INIT;
	int fd = open("/", O_RDONLY);

	ok(hr_reader_open(&r, fd, &e) == -1 && e.code == HR_IO, "what cannot be read is not a bad stream");
	is(e.what, "cannot read the stream: Is a directory", "and the system says why");
	hr_reader_clear(&r);
	close(fd);
}

static void
head_limit(uint32_t n, bool good)
{
	static const char json[] = "{\"version\":1,\"system\":\"1\",\"start\":\"0/0\",\"timeline_begin\":\"0/0\","
	    "\"database\":\"d\",\"slot\":\"s\",\"epoch\":1}";
	struct hr_frame f = { .type = HR_FRAME_HEAD, .flags = HR_MUST | HR_ALL, .len = n };
	struct hr_reader r;
	struct hr_err e = HR_ERR_INIT;
	char *data = malloc(n);
	int rc;

	memset(data, ' ', n);
	memcpy(data, json, sizeof(json) - 1);
	f.data = (const uint8_t *)data;
	hr_buf_reset(&w.buf);
	if (hr_write_magic(&w, &e) < 0 || hr_write(&w, &f, &e) < 0)
		ok(false, "%s", e.what);
	end();
	rc = hr_reader_open_memory(&r, w.buf.data, w.buf.len, &e);
	ok(good ? rc == 0 : rc == -1 && e.code == HR_BAD_STREAM, "a head of %" PRIu32 " bytes is %s", n,
	    good ? "read" : "refused");
	hr_reader_clear(&r);
	free(data);
}

/* Frames of a stream, put together in another order; where the reader stops. */
static void
order(const char *which, int good, const char *what)
{
	struct hr_reader r;
	struct hr_frame f;
	struct hr_err e = HR_ERR_INIT;
	struct hr_buf odd = HR_BUF_INIT;
	char want[64];
	size_t at[8];
	int i, n = 0, more;

	head();
	at[0] = HR_MAGIC_SIZE;
	for (i = 1; i <= 5; i++) {
		at[i] = w.buf.len;
		/* 1 and 2 are of other bytes, 3, 4 and 5 of the same. */
		frame('x', 0, "acme", i < 3 ? &"12"[i - 1] : "3", 1);
	}
	at[6] = w.buf.len;
	end();
	at[7] = w.buf.len;
	hr_buf_put(&odd, w.buf.data, HR_MAGIC_SIZE);
	for (; *which; which++) {
		i = *which - '0';
		hr_buf_put(&odd, w.buf.data + at[i], at[i + 1] - at[i]);
	}
	if ((more = hr_reader_open_memory(&r, odd.data, odd.len, &e)) == 0)
		while ((more = hr_read(&r, &f, &e)) > 0)
			n++;
	snprintf(want, sizeof(want), "frame %d at byte ", good + 1);
	ok(n == good && (good == 6 ? more == 0 : more == -1 && e.code == HR_BAD_STREAM && e.hint[0] &&
	    strncmp(e.what, want, strlen(want)) == 0 && strstr(e.what, "or a frame before it is missing")),
	    "%s", what);
	hr_reader_clear(&r);
	hr_buf_clear(&odd);
}

int
main(void)
{
	signal(SIGPIPE, SIG_IGN);
	lending();
	large(1);
	large(256 * 1024 - 400);
	large(256 * 1024);
	large(5 << 20);
	claims();
	before_waiting();
	waiting();
	stopped();
	errors();
	order("0123456", 6, "frames in their order are read");
	order("023456", 1, "one that is missing is noticed at the next");
	order("012346", 5, "so is the last, at the end frame");
	order("012456", 3, "and one of several that are the same");
	order("123456", 0, "and the head");
	order("01123456", 2, "one that is there twice is noticed at once");
	order("0213456", 1, "frames in another order are noticed at the first");
	order("0120123456", 3, "a stream that begins again in the middle is noticed");
	head_limit(HR_HEAD_MAX - 1, true);
	head_limit(HR_HEAD_MAX, true);
	head_limit(HR_HEAD_MAX + 1, false);
	hr_writer_clear(&w);
	return tap_done();
}
