/*
 * codec_floor - what columns are bad at: values that wander from column to column
 * take no more than zstd of the rows, in blocks large and small, and where only
 * what is far behind the beginning of a block is like that.
 */

#include "base/hr.h"

#include <stdlib.h>

#include "codec/zst.h"
#include "stream/rows.h"
#include "codec.h"
#include "packed.h"
#include "tap.h"

enum { COLUMNS = 8, LENGTH = 48 };

static uint8_t value[COLUMNS][LENGTH];
static struct hr_buf items, floor_of;
static struct hr_zst zst = HR_ZST_INIT;
static size_t raw, by_rows;

static void
fill(uint8_t *p)
{
	int i;

	for (i = 0; i < LENGTH; i++)
		p[i] = (uint8_t)(' ' + 1 + rnd() % 90);
}

/* A frame of rows: values move on by a column from one row to the next, or are words of ten. */
static void
frame(int rows, bool wander)
{
	static uint8_t word[10][LENGTH];
	struct hr_value v[COLUMNS] = { { 0 } };
	struct hr_frame f = {
		.type = HR_FRAME_ROWS, .flags = HR_MUST, .tenant = "t", .tenant_len = 1, .lsn = 0x1000000 + w.buf.len,
	};
	int i, k;

	hr_buf_reset(&items);
	for (i = 0; i < rows; i++) {
		size_t m = hr_item_open(&items, HR_INSERT);

		memmove(value[1], value[0], sizeof(value) - LENGTH);
		fill(value[0]);
		if (word[i % 10][0] == 0)
			fill(word[i % 10]);
		for (k = 0; k < COLUMNS; k++) {
			v[k].data = wander ? value[k] : word[rnd() % 10];
			v[k].len = LENGTH;
			v[k].text = true;
		}
		hr_buf_u32le(&items, 1);
		hr_tuple_put(&items, v, COLUMNS);
		hr_item_close(&items, m);
	}
	f.data = items.data;
	f.len = (uint32_t)items.len;
	f.count = (uint32_t)rows;
	raw += items.len;
	if (hr_write(&w, &f, &err) < 0)
		abort();
}

static void
turn(int blocks, int frames, int rows, int from, const char *what)
{
	struct hr_pack k = HR_PACK_INIT, d = HR_PACK_INIT;
	struct hr_buf packed = HR_BUF_INIT;
	bool good;
	int b, i;

	raw = by_rows = 0;
	head();
	for (b = 0; b < blocks; b++) {
		size_t at = w.buf.len;

		for (i = 0; i < frames; i++)
			frame(rows, i >= from);
		hr_buf_reset(&floor_of);
		hr_zst_pack(&zst, 3, w.buf.data + at, w.buf.len - at, &floor_of);
		by_rows += floor_of.len;
	}
	if (hr_write_end(&w, &err) < 0)
		abort();
	k.block_rows = (uint32_t)(frames * rows);
	good = there_and_back(&k, &d, &packed);
	ok(good, "%s: %zu bytes to %zu and back", what, raw, packed.len);
	/* A block has a frame around it, as the stream has a head. */
	ok(packed.len * 100 < by_rows * 101 + (size_t)blocks * 6400, "%s: zstd of the rows takes %zu", what,
	    by_rows);
	hr_pack_clear(&k);
	hr_pack_clear(&d);
	hr_buf_clear(&packed);
}

int
main(void)
{
	turn(20, 1, 1000, 0, "frames as large as blocks");
	turn(20, 100, 10, 0, "many small ones");
	turn(100, 10, 1, 0, "small blocks");
	turn(4, 8, 2000, 0, "large blocks");
	turn(20, 4, 250, 1, "words in front");
	turn(4, 16, 1000, 4, "words in front, of large blocks");
	hr_buf_clear(&items);
	hr_buf_clear(&floor_of);
	hr_zst_clear(&zst);
	hr_buf_clear(&w.buf);
	return tap_done();
}
