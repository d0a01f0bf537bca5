/*
 * Property: whatever the payload, what is printed is lines of one JSON value.
 *
 * The first byte is the frame's type; table 1 is known from the start.  Not so
 * many bytes that JSON in a line is nested deeper than our own reading of it.
 */

#include "base/hr.h"

#include <stdlib.h>

#include "base/json.h"
#include "stream/dump.h"

static void
frame(struct hr_dump *d, uint8_t type, const uint8_t *data, size_t size)
{
	struct hr_frame f = { .type = type, .data = data, .len = (uint32_t)size, .count = 1 };
	struct hr_err e;

	if (hr_dump_frame(d, &f, &e) < 0 && e.code != HR_BAD_STREAM)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char table[] = "\1\0\0\0dc\0\0\2\0s\0t\0"
	    "\1\31\0\0\0\377\377\377\377a\0s\0text\0" "\0\162\0\0\0\377\377\377\377b\0s\0json\0";
	static struct hr_buf json;
	struct hr_dump d = { .fd = -1 };
	const uint8_t *at, *end;

	if (size == 0 || size > HR_JSON_DEPTH)
		return 0;
	frame(&d, HR_FRAME_RELATION, (const uint8_t *)table, sizeof(table) - 1);
	if (d.out.len == 0)
		abort();
	frame(&d, data[0], data + 1, size - 1);
	for (at = d.out.data; at < d.out.data + d.out.len; at = end + 1) {
		hr_buf_reset(&json);
		end = memchr(at, '\n', (size_t)(d.out.data + d.out.len - at));
		if (end == NULL || *at != '{' || !hr_json_compact(&json, at, (size_t)(end - at)))
			abort();
	}
	hr_dump_clear(&d);
	return 0;
}
