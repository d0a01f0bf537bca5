/* Property: a relation decoded, encoded and decoded again is the same. */

#include "base/hr.h"

#include <stdlib.h>

#include "stream/relation.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hr_relation *r, *s;
	struct hr_buf b = HR_BUF_INIT;
	struct hr_err e;

	if (hr_relation_decode(&r, data, size, &e) < 0)
		return 0;
	hr_relation_encode(r, &b);
	if (b.len != size || hr_relation_decode(&s, b.data, b.len, &e) < 0 || !hr_relation_same(r, s))
		abort();
	hr_relation_free(r);
	hr_relation_free(s);
	hr_buf_clear(&b);
	return 0;
}
