/*
 * reframe: a stream with its rows in frames of so many.
 *
 *	usage: reframe ROWS <stream >stream
 *
 * hr-capture writes frames as large as its backlog is; what packing gains from
 * small ones is measured on the same rows.
 */

#include "base/hr.h"

#include <stdio.h>
#include <stdlib.h>

#include "stream/pipe.h"
#include "stream/rows.h"

static size_t rows;

static int
step(void *arg, struct hr_pipe *p, const struct hr_frame *f, struct hr_err *e)
{
	struct hr_cur c = hr_cur(f->data, f->len);
	const uint8_t *from = f->data;
	struct hr_frame part = *f;
	struct hr_item item;
	size_t n = 0;
	int more;

	(void)arg;
	if (f->type != HR_FRAME_ROWS)
		return 1;
	part.count = 0;
	while ((more = hr_rows_next(&c, &item, e)) > 0) {
		part.count++;
		n += item.op != HR_BEGIN && item.op != HR_COMMIT;
		if (n < rows && hr_cur_left(&c))
			continue;
		part.data = from;
		part.len = (uint32_t)(c.at - from);
		if (hr_write(&p->w, &part, e) < 0)
			return -1;
		from = c.at;
		part.count = 0;
		n = 0;
	}
	return more;
}

int
main(int argc, char *argv[])
{
	struct hr_pipe p = HR_PIPE_INIT;
	struct hr_err e = HR_ERR_INIT;
	int rc;

	rows = argc == 2 ? strtoul(argv[1], NULL, 10) : 0;
	if (rows == 0) {
		fputs("usage: reframe ROWS <stream >stream\n", stderr);
		return 64;
	}
	rc = hr_pipe_open(&p, &e) == 0 && hr_pipe_run(&p, step, NULL, &e) == 0 && hr_pipe_end(&p, &e) == 0 ? 0 : 75;
	if (rc)
		fprintf(stderr, "reframe: error: %s\n", e.what);
	hr_pipe_clear(&p);
	return rc;
}
