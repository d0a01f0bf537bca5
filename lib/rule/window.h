/*
 * window.h - spans of time that rows are gathered by.
 *
 * Windows of one size begin at each multiple of the slide, counted from Monday
 * 2000-01-03 00:00 UTC, and end where they no longer hold a row.  Tumbling ones
 * are those that slide by their size: each row is in one.
 */
#ifndef HR_WINDOW_H
#define HR_WINDOW_H

#include "base/err.h"
#include "base/hr.h"

#define HR_WINDOWS_MAX	1000	/* that one row is in */
#define HR_WINDOW_NEVER	INT64_MAX

struct hr_window {
	int64_t size_us;	/* 0: there are none */
	int64_t slide_us;	/* 0: tumbling */
	int64_t lateness_us;	/* how long one is kept open behind its end */
};

/* 0, or -1 with *e set. */
int hr_window_check(const struct hr_window *w, struct hr_err *e) HR_USED;
/*
 * The starts of the windows that hold the time, the latest first, into
 * HR_WINDOWS_MAX: how many.  Infinite times are in none.
 */
int hr_window_starts(const struct hr_window *w, int64_t us, int64_t *start);
/* The time from which the window of that start is closed. */
int64_t hr_window_closes(const struct hr_window *w, int64_t start);

#endif
