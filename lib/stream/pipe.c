/* pipe.c - the loop of every filter. */

#include "base/hr.h"

#include <unistd.h>

#include "stream/pipe.h"

int
hr_pipe_open(struct hr_pipe *p, struct hr_err *e)
{
	if (isatty(p->in)) {
		hr_fail(e, HR_USAGE, "standard input is a terminal, not a stream");
		return hr_hint(e, "give it the output of hr-capture, by | or <");
	}
	if (p->out >= 0 && isatty(p->out)) {
		hr_fail(e, HR_USAGE, "standard output is a terminal, and a stream is binary");
		return hr_hint(e, "use hr-transform --dump to look at a stream");
	}
	p->w.fd = p->out;
	return hr_reader_open(&p->r, p->in, e);
}

static int
pass(struct hr_pipe *p, const struct hr_frame *f, struct hr_err *e)
{
	const uint8_t *bytes;
	size_t len;

	if (p->out < 0)
		return 0;
	if (f->type == HR_FRAME_HEAD && hr_write_magic(&p->w, e) < 0)
		return -1;
	bytes = hr_reader_bytes(&p->r, &len);
	return hr_write_bytes(&p->w, bytes, len, e);
}

static int
flush(void *pipe, struct hr_err *e)
{
	struct hr_pipe *p = pipe;

	if (p->idle && p->idle(p->arg, e) < 0)
		return -1;
	return p->out < 0 ? 0 : hr_flush(&p->w, e);
}

int
hr_pipe_run(struct hr_pipe *p, hr_pipe_step *step, void *arg, struct hr_err *e)
{
	struct hr_err second = HR_ERR_INIT;
	struct hr_frame f;
	int more, rc;

	p->arg = arg;
	p->r.wait = flush;
	p->r.wait_arg = p;
	while ((more = hr_read(&p->r, &f, e)) > 0) {
		rc = step ? step(arg, p, &f, e) : 1;
		if (rc < 0) {
			more = hr_within(e, "frame %" PRIu64 " at byte %" PRIu64,
			    p->r.seen.frames, p->r.seen.bytes - p->r.lent);
			break;
		}
		if (rc > 0 && pass(p, &f, e) < 0) {
			more = -1;
			break;
		}
	}
	/* What came before the trouble is good and goes on; *e tells of it. */
	if (more < 0 && flush(p, &second) < 0)
		return -1;
	return more;
}

int
hr_pipe_end(struct hr_pipe *p, struct hr_err *e)
{
	if (!p->r.ended)
		return hr_fail(e, HR_INTERNAL, "an end frame was to be written before the input's was read");
	return p->out < 0 ? 0 : hr_write_end(&p->w, e);
}

void
hr_pipe_clear(struct hr_pipe *p)
{
	hr_reader_clear(&p->r);
	hr_writer_clear(&p->w);
}
