/* Property: a message that changes a table is taken whole, or refused as a bad stream. */

#include "base/hr.h"

#include <stdlib.h>

#include "apply/ddl.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hr_err e = HR_ERR_INIT;
	struct hr_ddl d;

	if (hr_ddl_parse(&d, data, size, &e) < 0)
		return e.code == HR_BAD_STREAM ? 0 : (abort(), 0);
	if (d.relation == 0)
		abort();
	hr_ddl_clear(&d);
	return 0;
}
