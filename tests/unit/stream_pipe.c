/* stream_pipe - the loop of every filter. */

#include "base/hr.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "stream/pipe.h"
#include "tap.h"

static struct hr_buf in;
static struct hr_buf out;
static char name[] = "x";
static const struct hr_head simple = { .version = 1, .database = name, .slot = name };

static void
stream(bool ends)
{
	struct hr_writer w = { .fd = -1 };
	struct hr_err e = HR_ERR_INIT;
	struct hr_frame f = { .type = 'x', .tenant = "acme", .tenant_len = 4, .data = (const uint8_t *)"1", .len = 1 };
	int rc = hr_write_head(&w, &simple, &e);

	rc += hr_write(&w, &f, &e);
	f.type = 'y';
	rc += hr_write(&w, &f, &e);
	if (ends)
		rc += hr_write_end(&w, &e);
	if (rc != 0)
		exit(70);
	hr_buf_reset(&in);
	hr_buf_put(&in, w.buf.data, w.buf.len);
	hr_writer_clear(&w);
}

static int idles;

static int
idle(void *arg, struct hr_err *e)
{
	(void)arg;
	(void)e;
	idles++;
	return 0;
}

/* Run in to a descriptor that takes nothing. */
static int
run_full(struct hr_err *e)
{
	struct hr_pipe p = HR_PIPE_INIT;
	int a[2], rc;

	if (pipe(a) < 0 || write(a[1], in.data, in.len) != (ssize_t)in.len)
		exit(70);
	p.in = a[0];
	p.out = open("/dev/full", O_WRONLY);
	rc = hr_pipe_open(&p, e);
	if (rc == 0)
		rc = hr_pipe_run(&p, NULL, NULL, e);
	hr_pipe_clear(&p);
	close(p.in);
	close(p.out);
	close(a[1]);
	return rc;
}

/* Run in through a pipe; out is what came.  The status. */
static int
run(hr_pipe_step *step, int (*when_idle)(void *, struct hr_err *), struct hr_err *e)
{
	struct hr_pipe p = HR_PIPE_INIT;
	int a[2], b[2], rc;
	uint8_t piece[65536];
	ssize_t n;

	hr_err_clear(e);
	if (pipe(a) < 0 || pipe(b) < 0 || write(a[1], in.data, in.len) != (ssize_t)in.len)
		exit(70);
	close(a[1]);
	p.in = a[0];
	p.out = b[1];
	p.idle = when_idle;
	rc = hr_pipe_open(&p, e);
	if (rc == 0)
		rc = hr_pipe_run(&p, step, NULL, e);
	if (rc == 0)
		rc = hr_pipe_end(&p, e);
	hr_pipe_clear(&p);
	close(a[0]);
	close(b[1]);
	hr_buf_reset(&out);
	while ((n = read(b[0], piece, sizeof(piece))) > 0)
		hr_buf_put(&out, piece, (size_t)n);
	close(b[0]);
	return rc;
}

static int
drop_x(void *arg, struct hr_pipe *p, const struct hr_frame *f, struct hr_err *e)
{
	(void)arg;
	(void)p;
	(void)e;
	return f->type != 'x';
}

/* Another head, and each other frame twice. */
static int
replace(void *arg, struct hr_pipe *p, const struct hr_frame *f, struct hr_err *e)
{
	(void)arg;
	if (f->type == HR_FRAME_HEAD)
		return hr_write_head(&p->w, &simple, e);
	return hr_write(&p->w, f, e) < 0 ? -1 : 1;
}

static int
refuse_y(void *arg, struct hr_pipe *p, const struct hr_frame *f, struct hr_err *e)
{
	(void)arg;
	(void)p;
	return f->type == 'y' ? hr_fail(e, HR_REFUSED, "no y") : 1;
}

/* Frames of out, or -1 when it has no end. */
static int
frames(void)
{
	struct hr_reader r;
	struct hr_frame f;
	struct hr_err e = HR_ERR_INIT;
	int more, n = 0;

	if ((more = hr_reader_open_memory(&r, out.data, out.len, &e)) == 0)
		while ((more = hr_read(&r, &f, &e)) > 0)
			n++;
	hr_reader_clear(&r);
	return more < 0 ? -1 : n;
}

int
main(void)
{
	struct hr_pipe p = HR_PIPE_INIT;
	struct hr_err e = HR_ERR_INIT;
	int tty;

	stream(true);
	ok(run(NULL, idle, &e) == 0 && out.len == in.len && memcmp(out.data, in.data, in.len) == 0,
	    "without a step the output is the input");
	is_number(idles, 0, "while frames are there, it is not idle");
	ok(run(drop_x, NULL, &e) == 0 && frames() == 2, "a frame can be left out");
	ok(run(replace, NULL, &e) == 0 && frames() == 5, "frames can be put in");
	ok(run(refuse_y, NULL, &e) == -1 && e.code == HR_REFUSED, "a step may fail");
	ok(strncmp(e.what, "frame 3 at byte ", 16) == 0, "and is told where");
	ok(out.len > 0 && frames() == -1, "then there is no end frame");
	stream(false);
	ok(run(NULL, NULL, &e) == -1 && e.code == HR_BAD_STREAM, "a cut input is an error");
	ok(out.len == in.len && memcmp(out.data, in.data, in.len) == 0 && frames() == -1,
	    "what came before went on, without an end");

	hr_err_clear(&e);
	ok(run_full(&e) == -1 && e.code == HR_IO, "output that cannot be written is an error");

	p.r.ended = false;
	ok(hr_pipe_end(&p, &e) == -1 && e.code == HR_INTERNAL, "no end frame without the input's");
	if ((tty = posix_openpt(O_RDWR | O_NOCTTY)) >= 0) {
		p.in = tty;
		ok(hr_pipe_open(&p, &e) == -1 && e.code == HR_USAGE, "a terminal is no input");
		p.in = open("/dev/null", O_RDONLY);
		p.out = tty;
		ok(hr_pipe_open(&p, &e) == -1 && e.code == HR_USAGE, "nor an output");
		p.out = -1;
		ok(hr_pipe_open(&p, &e) == -1 && e.code == HR_BAD_STREAM, "but when no stream is written");
	}
	hr_pipe_clear(&p);
	hr_buf_clear(&in);
	hr_buf_clear(&out);
	return tap_done();
}
