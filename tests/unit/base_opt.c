/* base_opt - values of options. */

#include "base/hr.h"

#include <unistd.h>

#include "base/log.h"
#include "base/opt.h"
#include "tap.h"

static void
size(const char *text, uint64_t want)
{
	uint64_t v = 1;

	ok(hr_opt_size(text, &v) == 0 && v == want, "'%s' is %" PRIu64 " bytes", text, want);
}

static void
no_size(const char *text)
{
	uint64_t v;

	ok(hr_opt_size(text, &v) == -1, "'%s' is no size", text);
}

static void
integer(const char *text, int64_t low, int64_t high, bool good)
{
	int64_t v;

	ok((hr_opt_int(text, low, high, &v) == 0) == good, "'%s' is %sfrom %" PRId64 " to %" PRId64,
	    text, good ? "" : "not ", low, high);
}

int
main(void)
{
	int status;

	size("0", 0);
	size("512", 512);
	size("512B", 512);
	size("1kB", 1024);
	size("1KB", 1024);
	size("64 MB", 64 << 20);
	size("3GB", UINT64_C(3) << 30);
	size("2TB", UINT64_C(2) << 40);
	size("16777215TB", UINT64_C(16777215) << 40);
	no_size("16777216TB");
	no_size("18446744073709551616");
	no_size("");
	no_size("MB");
	no_size("-1");
	no_size("1k");
	no_size("1.5GB");

	integer("1", 1, 19, true);
	integer("19", 1, 19, true);
	integer("0", 1, 19, false);
	integer("20", 1, 19, false);
	integer("-5", -5, 5, true);
	integer("", 0, 9, false);
	integer("1x", 0, 9, false);
	integer("99999999999999999999", 0, INT64_MAX, false);

	hr_name("hr-test");
	close(STDERR_FILENO);		/* what it says is for eyes */
	status = hr_opt_misuse("usage: hr-test\n", "no such thing as '%s'", "x");
	is_number(status, 64, "misuse is status 64");
	return tap_done();
}
