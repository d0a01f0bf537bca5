/*
 * Property: whatever is in a block, and whatever blocks before left, it is
 * refused, or it unpacks to frames of just the size that it says.
 *
 * The first bytes are the front of a block, the one before them its number of
 * frames; the size is kept small, so that memory is.
 */

#include "base/hr.h"

#include <stdlib.h>

#include "codec/columns.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hr_frame f = { .type = HR_FRAME_BLOCK, .flags = HR_MUST | HR_ALL, .tenant = "" };
	struct hr_columns c = { 0 };
	struct hr_records out = { 0 };
	struct hr_block b;
	struct hr_err e;
	int times;

	if (size < 1)
		return 0;
	f.count = data[0];
	f.data = data + 1;
	f.len = (uint32_t)size - 1;
	hr_columns_init(&c, 1);
	c.keep.limit = 1 << 24;
	if (hr_block_decode(&b, &f, &e) == 0 && b.size <= 1 << 20 && b.form == HR_BLOCK_COLUMNS) {
		/* Needing nothing; then twice, the second time behind what the first has left. */
		for (times = 0; times < 3; times++) {
			struct hr_kept *kept = times ? hr_keep_at(&c.keep, true, "", 0) : NULL;

			hr_buf_reset(&out.bytes);
			out.n = 0;
			if (!hr_columns_decode(&c, &b, "", 0, kept, &out))
				break;
			if (out.bytes.len != b.size || out.n != b.frames)
				abort();
			if (kept)
				hr_keep_done(&c.keep, kept);
		}
		hr_keep_trim(&c.keep);
	}
	hr_columns_clear(&c);
	hr_buf_clear(&out.bytes);
	free(out.v);
	return 0;
}
