/* Property: a head decoded, encoded and decoded again is encoded the same. */

#include "base/hr.h"

#include <stdlib.h>

#include "stream/head.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hr_head h = HR_HEAD_INIT, g = HR_HEAD_INIT;
	struct hr_buf a = HR_BUF_INIT, b = HR_BUF_INIT;
	struct hr_err e;

	if (hr_head_decode(&h, data, size, &e) == 0) {
		hr_head_encode(&h, &a);
		if (hr_head_decode(&g, a.data, a.len, &e) < 0)
			abort();
		hr_head_encode(&g, &b);
		if (a.len != b.len || memcmp(a.data, b.data, a.len) != 0)
			abort();
	}
	hr_head_clear(&h);
	hr_head_clear(&g);
	hr_buf_clear(&a);
	hr_buf_clear(&b);
	return 0;
}
