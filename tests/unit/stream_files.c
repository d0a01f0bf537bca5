/*
 * stream_files - the committed streams are those that their generator makes,
 * and each is read as its folder says, in every size.
 */

int make_main(int argc, char *argv[]);
#define main make_main
#include "../stream/make.c"
#undef main

#include <fcntl.h>
#include <unistd.h>

#include "stream/reader.h"
#include "tap.h"

/* Read it to the end: the number of frames, or -1. */
static int
read_all(struct hr_reader *r, struct hr_err *e)
{
	struct hr_frame f;
	int more, n = 0;

	while ((more = hr_read(r, &f, e)) > 0)
		n++;
	return more < 0 ? -1 : n;
}

static int
from_memory(const uint8_t *data, size_t len, struct hr_err *e)
{
	struct hr_reader r;
	int n = hr_reader_open_memory(&r, data, len, e) < 0 ? -1 : read_all(&r, e);

	hr_reader_clear(&r);
	return n;
}

/* Through a pipe, at most step bytes at a time. */
static int
from_pipe(const uint8_t *data, size_t len, size_t step, struct hr_err *e)
{
	struct hr_reader r = { .step = step };
	int fd[2], n;

	if (pipe(fd) < 0 || fcntl(fd[1], F_SETPIPE_SZ, (int)len + 4096) < 0 ||
	    write(fd[1], data, len) != (ssize_t)len)
		return -2;
	close(fd[1]);
	n = hr_reader_open(&r, fd[0], e) < 0 ? -1 : read_all(&r, e);
	hr_reader_clear(&r);
	close(fd[0]);
	return n;
}

static bool
same_as_file(const char *name)
{
	char path[4096];
	uint8_t data[65536];
	size_t n;
	FILE *in;

	snprintf(path, sizeof(path), "tests/stream/%s.hrs", name);
	if ((in = fopen(path, "rb")) == NULL)
		return false;
	n = fread(data, 1, sizeof(data), in);
	fclose(in);
	return n == w.buf.len && (n == 0 || memcmp(data, w.buf.data, n) == 0);
}

int
main(void)
{
	size_t i, len;

	for (i = 0; i < HR_COUNT(stream); i++) {
		const char *name = stream[i].name;
		bool passes = name[0] == 'p' || strcmp(name, "failed/05") > 0;
		struct hr_err whole = HR_ERR_INIT, bytes = HR_ERR_INIT, pieces = HR_ERR_INIT;
		struct hr_err e;
		int a, b1, b7;

		make(&stream[i]);
		ok(same_as_file(name), "%s is what the generator makes", name);

		a = from_memory(w.buf.data, w.buf.len, &whole);
		b1 = from_pipe(w.buf.data, w.buf.len, 1, &bytes);
		b7 = from_pipe(w.buf.data, w.buf.len, 7, &pieces);
		ok(passes ? a > 0 : a == -1 && whole.code == HR_BAD_STREAM, "%s is %s", name,
		    passes ? "read" : "refused");
		ok(a == b1 && a == b7 && strcmp(whole.what, bytes.what) == 0 &&
		    strcmp(whole.what, pieces.what) == 0,
		    "%s reads the same byte by byte", name);
		if (a != b1 || strcmp(whole.what, bytes.what) != 0)
			printf("# %d '%s'\n# %d '%s'\n", a, whole.what, b1, bytes.what);
		if (!passes)
			continue;

		for (len = 0; len < w.buf.len; len++) {
			hr_err_clear(&e);
			if (from_memory(w.buf.data, len, &e) != -1 || e.code != HR_BAD_STREAM)
				break;
		}
		ok(len == w.buf.len, "%s cut at any byte is a bad stream", name);
		for (len = 0; len < w.buf.len; len += len < 300 ? 1 : 13) {
			hr_err_clear(&e);
			if (from_pipe(w.buf.data, len, 0, &e) != -1 || e.code != HR_BAD_STREAM)
				break;
		}
		ok(len >= w.buf.len, "%s cut in a pipe is a bad stream", name);
		for (len = 0; len < w.buf.len; len++) {
			w.buf.data[len] ^= 1u << len % 8;
			hr_err_clear(&e);
			if (from_memory(w.buf.data, w.buf.len, &e) != -1 || e.code != HR_BAD_STREAM)
				break;
			w.buf.data[len] ^= 1u << len % 8;
		}
		ok(len == w.buf.len, "%s with any byte damaged is a bad stream", name);
		if (len < w.buf.len)
			printf("# byte %zu\n", len);
	}
	clear();
	return tap_done();
}
