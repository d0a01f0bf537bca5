/* base_clock - stamps as text. */

#include "base/hr.h"

#include "base/clock.h"
#include "tap.h"

static void
text(int64_t us, const char *want, const char *what)
{
	char out[HR_TIME_TEXT];

	is(hr_time_format(out, us), want, what);
}

int
main(void)
{
	int64_t a = hr_now_us();

	text(0, "2000-01-01T00:00:00.000000Z", "PostgreSQL's epoch");
	text(-1, "1999-12-31T23:59:59.999999Z", "a microsecond before it");
	text(-HR_PG_EPOCH_US, "1970-01-01T00:00:00.000000Z", "Unix's epoch");
	text(INT64_C(823165811123456), "2026-01-31T09:10:11.123456Z", "a day in January");
	text(INT64_MAX, "294277-01-09T04:00:54.775807Z", "the last one");
	text(INT64_MIN, "-290278-12-22T19:59:05.224192Z", "the first one");
	ok(hr_now_us() >= a, "the clock does not go back");
	ok(hr_now_pg_us() > INT64_C(823165811123456), "it is later than when this was written");
	return tap_done();
}
