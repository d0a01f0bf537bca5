/*
 * stream_dump - what cannot be seen in tests/stream: errors, descriptors, sizes.
 */

#include "base/hr.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "stream/dump.h"
#include "stream/rows.h"
#include "tap.h"

static struct hr_buf b;

static struct hr_frame
frame(uint8_t type, const void *data, size_t n, uint32_t count)
{
	return (struct hr_frame){
		.type = type, .flags = HR_MUST | HR_ALL, .data = data, .len = (uint32_t)n, .count = count,
	};
}

static void
text_column(struct hr_dump *d, uint32_t type)
{
	struct hr_column c = { (char *)"c", (char *)"pg_catalog", (char *)"t", type, -1, true };
	struct hr_relation r = { 5, (char *)"public", (char *)"t", 'd', 'a', -1, 1, &c, 0, NULL, NULL };
	struct hr_err e = HR_ERR_INIT;
	struct hr_frame f;

	hr_buf_reset(&b);
	hr_relation_encode(&r, &b);
	f = frame(HR_FRAME_RELATION, b.data, b.len, 0);
	ok(hr_dump_frame(d, &f, &e) == 0, "a relation of one column of type %" PRIu32, type);
}

static uint32_t
put_rows(const struct hr_value *v, int rows)
{
	int i;

	hr_buf_reset(&b);
	for (i = 0; i < rows; i++) {
		size_t mark = hr_item_open(&b, HR_INSERT);

		hr_buf_u32le(&b, 5);
		hr_tuple_put(&b, v, 1);
		hr_item_close(&b, mark);
	}
	return (uint32_t)rows;
}

static void
partly(void)
{
	struct hr_dump d = { .fd = -1 };
	struct hr_err e = HR_ERR_INIT;
	struct hr_value v = { .data = (const uint8_t *)"x", .len = 1 };
	struct hr_frame f;
	size_t len;

	text_column(&d, 25);
	put_rows(&v, 2);
	hr_buf_u32le(&b, 99);
	hr_buf_reset(&d.out);
	f = frame(HR_FRAME_ROWS, b.data, b.len, 3);
	ok(hr_dump_frame(&d, &f, &e) == -1 && e.code == HR_BAD_STREAM, "a damaged item is refused");
	is(hr_buf_text(&d.out), "{\"frame\":\"rows\",\"all\":true,\"lsn\":\"0/0\",\"op\":\"insert\","
	    "\"table\":\"public.t\",\"new\":{\"c\":\"x\"}}\n{\"frame\":\"rows\",\"all\":true,\"lsn\":\"0/0\","
	    "\"op\":\"insert\",\"table\":\"public.t\",\"new\":{\"c\":\"x\"}}\n", "the lines before it are kept");
	len = d.out.len;
	f = frame(HR_FRAME_WATERMARK, "x", 1, 0);
	ok(hr_dump_frame(&d, &f, &e) == -1 && d.out.len == len, "a damaged mark leaves no half line");
	f = frame(HR_FRAME_HEAD, "1", 1, 0);
	ok(hr_dump_frame(&d, &f, &e) == -1 && d.out.len == len, "nor does a damaged head");
	hr_dump_clear(&d);
	ok(d.out.data == NULL && d.relations.map.count == 0, "clear leaves it ready");
}

static void
sizes(void)
{
	struct hr_dump d = { .fd = -1 };
	struct hr_err e = HR_ERR_INIT;
	struct hr_value v = { 0 };
	struct hr_frame f;
	uint8_t *big = calloc(1, 300000);
	int fd[2];
	char piece[65536];
	ssize_t n, all = 0;

	text_column(&d, 17);
	v.data = big;
	v.len = 300000;
	f = frame(HR_FRAME_ROWS, NULL, 0, put_rows(&v, 1));
	f.data = b.data;
	f.len = (uint32_t)b.len;
	hr_buf_reset(&d.out);
	ok(hr_dump_frame(&d, &f, &e) == 0 && d.out.len > 600000, "a large value is one line");

	if (pipe(fd) < 0 || fcntl(fd[1], F_SETPIPE_SZ, 1 << 20) < 0)
		return;
	hr_buf_reset(&d.out);
	d.fd = fd[1];
	v.len = 100;
	f = frame(HR_FRAME_ROWS, NULL, 0, put_rows(&v, 1000));
	f.data = b.data;
	f.len = (uint32_t)b.len;
	ok(hr_dump_frame(&d, &f, &e) == 0 && d.out.cap < 1 << 20, "many rows are written as they come");
	ok(hr_dump_end(&d, &(struct hr_end){ 1, 2, 3 }, &e) == 0 && d.out.len == 0, "all of them at the end");
	close(fd[1]);
	while ((n = read(fd[0], piece, sizeof(piece))) > 0)
		all += n;
	ok(all > 200000, "and they arrive");
	close(fd[0]);

	d.fd = open("/dev/full", O_WRONLY);
	ok(hr_dump_frame(&d, &f, &e) == -1 && e.code == HR_IO && e.hint[0], "a full disk is an error with a hint");
	ok(hr_dump_end(&d, &(struct hr_end){ 1, 2, 3 }, &e) == -1, "at the end too");
	close(d.fd);
	hr_dump_clear(&d);
	free(big);
}

int
main(void)
{
	partly();
	sizes();
	hr_buf_clear(&b);
	return tap_done();
}
