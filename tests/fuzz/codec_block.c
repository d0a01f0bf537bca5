/*
 * Property: whatever is in a block, it is refused, or it unpacks to frames of
 * just the size that it says.
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

	if (size < 1)
		return 0;
	f.count = data[0];
	f.data = data + 1;
	f.len = (uint32_t)size - 1;
	hr_columns_init(&c, 1);
	if (hr_block_decode(&b, &f, &e) == 0 && b.size <= 1 << 20 && b.form == HR_BLOCK_COLUMNS &&
	    hr_columns_decode(&c, &b, "", 0, &out) && (out.bytes.len != b.size || out.n != b.frames))
		abort();
	hr_columns_clear(&c);
	hr_buf_clear(&out.bytes);
	free(out.v);
	return 0;
}
