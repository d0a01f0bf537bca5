/* base_lsn - positions as text. */

#include "base/hr.h"

#include "base/lsn.h"
#include "tap.h"

static void
both(const char *text, hr_lsn lsn)
{
	hr_lsn got = 1;

	ok(hr_lsn_parse(text, &got) == 0 && got == lsn, "'%s' is read", text);
	is(HR_LSN(lsn), text, "and written the same");
}

int
main(void)
{
	static const char *const wrong[] = {
		"", "/", "0", "0/", "/0", "0/0 ", " 0/0", "0//0", "0/g", "123456789/0", "0/123456789",
		"0/0/0", "-1/0", "0x1/0",
	};
	hr_lsn lsn = 7;
	size_t i;

	both("0/0", 0);
	both("0/16B3748", 0x16B3748);
	both("16/B374D848", UINT64_C(0x16B374D848));
	both("FFFFFFFF/FFFFFFFF", UINT64_MAX);
	ok(hr_lsn_parse("a/00ff", &lsn) == 0 && lsn == UINT64_C(0xA000000FF),
	    "small letters and leading zeros are read");
	for (i = 0; i < HR_COUNT(wrong); i++)
		ok(hr_lsn_parse(wrong[i], &lsn) == -1, "'%s' is no position", wrong[i]);
	return tap_done();
}
