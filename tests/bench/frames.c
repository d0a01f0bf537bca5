/*
 * frames: a stream's frames, as packing is measured against them.
 *
 *	usage: frames split ROWS <stream >stream
 *	       frames zstd LEVEL <stream
 *
 * split puts rows into frames of so many: hr-capture writes frames as large as
 * its backlog is.  zstd packs each frame by itself and prints the bytes of all.
 */

#include "base/hr.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "base/alloc.h"
#include "stream/pipe.h"
#include "stream/rows.h"

static size_t number, packed;
static ZSTD_CCtx *zstd;

static int
split(void *arg, struct hr_pipe *p, const struct hr_frame *f, struct hr_err *e)
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
		if (n < number && hr_cur_left(&c))
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

static int
pack(void *arg, struct hr_pipe *p, const struct hr_frame *f, struct hr_err *e)
{
	const uint8_t *bytes;
	size_t len, room, did;
	void *out;

	(void)arg;
	(void)e;
	if (f->type == HR_FRAME_HEAD)
		return 0;
	bytes = hr_reader_bytes(&p->r, &len);
	room = ZSTD_compressBound(len);
	out = hr_alloc(room);
	did = ZSTD_compressCCtx(zstd, out, room, bytes, len, (int)number);
	free(out);
	packed += ZSTD_isError(did) ? len : did;
	return 0;
}

int
main(int argc, char *argv[])
{
	struct hr_pipe p = HR_PIPE_INIT;
	struct hr_err e = HR_ERR_INIT;
	bool splits = argc == 3 && strcmp(argv[1], "split") == 0;
	int rc = 75;

	number = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
	if (number == 0 || (!splits && strcmp(argv[1], "zstd") != 0)) {
		fputs("usage: frames split ROWS | frames zstd LEVEL\n", stderr);
		return 64;
	}
	zstd = ZSTD_createCCtx();
	if (!splits)
		p.out = -1;
	if (hr_pipe_open(&p, &e) == 0 && hr_pipe_run(&p, splits ? split : pack, NULL, &e) == 0 &&
	    hr_pipe_end(&p, &e) == 0)
		rc = 0;
	else
		fprintf(stderr, "frames: error: %s\n", e.what);
	if (!splits && rc == 0)
		printf("%zu\n", packed);
	ZSTD_freeCCtx(zstd);
	hr_pipe_clear(&p);
	return rc;
}
