/* Property: what decodes encodes to bytes that decode and encode to the same bytes. */

#include "base/hr.h"

#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"
#include "state/checkpoint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
twice(const void *text, size_t len)
{
	struct hr_checkpoint a = HR_CHECKPOINT_INIT, b = HR_CHECKPOINT_INIT;
	struct hr_buf once = HR_BUF_INIT, again = HR_BUF_INIT;
	struct hr_err e = HR_ERR_INIT;

	if (hr_checkpoint_decode(&a, text, len, &e) < 0) {
		if (e.code != HR_BAD_STREAM || a.tenants || a.tenant || a.stream)
			abort();
		return;
	}
	hr_checkpoint_encode(&a, &once);
	if (hr_checkpoint_decode(&b, (const char *)once.data, once.len, &e) < 0 ||
	    a.tenants != b.tenants)
		abort();
	hr_checkpoint_encode(&b, &again);
	if (once.len != again.len || memcmp(once.data, again.data, once.len) != 0)
		abort();
	hr_checkpoint_clear(&a);
	hr_checkpoint_clear(&b);
	hr_buf_clear(&once);
	hr_buf_clear(&again);
}

/* As it is; and with its last line made right, so that the rest is read too. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hr_buf b = HR_BUF_INIT;
	const uint8_t *last = size > 1 ? memrchr(data, '\n', size - 1) : NULL;

	twice(data, size);
	if (last) {
		hr_buf_put(&b, data, (size_t)(last + 1 - data));
		hr_buf_printf(&b, "end %08" PRIx32 "\n", hr_crc32c(0, b.data, b.len));
		twice(b.data, b.len);
	}
	hr_buf_clear(&b);
	return 0;
}
