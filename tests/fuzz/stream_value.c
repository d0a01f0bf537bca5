/*
 * Property: a value that has no text appends nothing; as a JSON string any
 * text is JSON; and JSON made compact is compact.
 *
 * The first four bytes are the type.
 */

#include "base/hr.h"

#include <stdlib.h>

#include "base/json.h"
#include "stream/value.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct hr_buf text, json, again;
	struct hr_value v = { 0 };
	int rc;

	if (size < 4)
		return 0;
	v.data = data + 4;
	v.len = (int32_t)size - 4;
	hr_buf_reset(&text);
	hr_buf_reset(&json);
	hr_buf_reset(&again);
	rc = hr_value_format(&text, hr_get_u32le(data), &v);
	if (rc < 0 || rc > 1 || (rc == 0 && text.len))
		abort();
	hr_buf_need(&text, 1);
	if (hr_json_compact(&json, text.data, text.len)) {
		if (!hr_json_compact(&again, json.data, json.len) || again.len != json.len ||
		    memcmp(again.data, json.data, json.len) != 0)
			abort();
	} else if (json.len)
		abort();
	hr_buf_reset(&json);
	hr_json_string(&json, text.data, text.len);
	if (!hr_json_utf8(json.data, json.len) || !hr_json_compact(&again, json.data, json.len))
		abort();
	return 0;
}
