/* rule_window - each time is in the windows that hold it. */

#include "base/hr.h"

#include <stdlib.h>

#include "rule/calendar.h"
#include "rule/window.h"
#include "tap.h"

#define HOUR	(3600 * HR_SECOND_US)

static int64_t start[HR_WINDOWS_MAX];

static void
refused(struct hr_window w, const char *what)
{
	struct hr_err e = HR_ERR_INIT;

	ok(hr_window_check(&w, &e) < 0 && e.code == HR_CONFIG, "%s: %s", what, e.what);
}

static void
taken(struct hr_window w, const char *what)
{
	struct hr_err e = HR_ERR_INIT;

	ok(hr_window_check(&w, &e) == 0, "%s", what);
}

static int64_t
at(const char *text)
{
	int64_t us;

	if (!hr_timestamp_parse(text, strlen(text), true, &us))
		abort();
	return us;
}

static void
in(struct hr_window w, const char *time, int n, const char *first, const char *what)
{
	int got = hr_window_starts(&w, at(time), start);

	ok(got == n && (n == 0 || start[0] == at(first)), "%s", what);
	if (got != n || (n && start[0] != at(first)))
		printf("# %d windows, the first begins %" PRId64 ", not %" PRId64 "\n", got, start[0], at(first));
}

/* By looking at every window there could be. */
static void
by_looking(struct hr_window w)
{
	int64_t slide = w.slide_us ? w.slide_us : w.size_us, us, s;
	bool good = true;
	int i, n, k;

	for (i = 0; i < 200; i++) {
		us = random() % 1000 - 500 + 2 * HR_DAY_US;
		n = hr_window_starts(&w, us, start);
		k = 0;
		for (s = 2 * HR_DAY_US + 1000 * slide; s > us - 2 * w.size_us - slide; s -= slide)
			if (s <= us && us < s + w.size_us)
				good &= k < n && start[k++] == s;
		good &= k == n;
	}
	ok(good, "windows of %" PRId64 " by %" PRId64 " are those that hold the time", w.size_us, slide);
}

int
main(void)
{
	struct hr_window hour = { .size_us = HOUR }, slide = { .size_us = HOUR, .slide_us = HOUR / 4 };
	struct hr_window week = { .size_us = 7 * HR_DAY_US };

	taken((struct hr_window){ 0 }, "no window");
	taken(hour, "an hour");
	taken(slide, "an hour by quarters");
	taken((struct hr_window){ .size_us = 1000, .slide_us = 1 }, "a thousand windows a row");
	refused((struct hr_window){ .size_us = 1001, .slide_us = 1 }, "more");
	refused((struct hr_window){ .size_us = -1 }, "a negative size");
	refused((struct hr_window){ .slide_us = 1 }, "a slide without a size");
	refused((struct hr_window){ .lateness_us = 1 }, "lateness without a window");
	refused((struct hr_window){ .size_us = HOUR, .slide_us = 2 * HOUR }, "gaps");
	refused((struct hr_window){ .size_us = HOUR, .lateness_us = -1 }, "a negative lateness");
	refused((struct hr_window){ .size_us = INT64_MAX }, "a size beyond time");

	in(hour, "2024-02-29 12:34:56Z", 1, "2024-02-29 12:00:00Z", "an hour begins at the hour");
	in(hour, "2024-02-29 12:00:00Z", 1, "2024-02-29 12:00:00Z", "its first microsecond is in it");
	in(hour, "2024-02-29 11:59:59.999999Z", 1, "2024-02-29 11:00:00Z", "the one before is in the one before");
	in(hour, "1969-07-20 20:17:40Z", 1, "1969-07-20 20:00:00Z", "so before 2000");
	in(week, "2024-02-29 12:00:00Z", 1, "2024-02-26 00:00:00Z", "a week begins on Monday");
	in(week, "1999-12-31 12:00:00Z", 1, "1999-12-27 00:00:00Z", "before 2000 too");
	in(slide, "2024-02-29 12:34:56Z", 4, "2024-02-29 12:30:00Z", "an hour by quarters: four");
	in(hour, "infinity", 0, "epoch", "infinity is in none");
	in(hour, "-infinity", 0, "epoch", "nor is the other");
	in(hour, "294276-12-31 23:59:59Z", 0, "epoch", "nor what would end beyond time");
	ok(hr_window_closes(&hour, 0) == HOUR, "it closes at its end");
	hour.lateness_us = 5;
	ok(hr_window_closes(&hour, 0) == HOUR + 5, "or so long after it");
	ok(hr_window_closes(&hour, INT64_MAX - 5) == HR_WINDOW_NEVER, "or never");
	by_looking((struct hr_window){ .size_us = 10 });
	by_looking((struct hr_window){ .size_us = 10, .slide_us = 3 });
	by_looking((struct hr_window){ .size_us = 7, .slide_us = 7 });
	by_looking((struct hr_window){ .size_us = 12, .slide_us = 4 });
	return tap_done();
}
