/* window.c - which windows a time is in. */

#include "base/hr.h"

#include "rule/calendar.h"
#include "rule/window.h"

#define MONDAY		(2 * HR_DAY_US)
#define SIZE_MAX_US	(36525 * HR_DAY_US)	/* a century */

int
hr_window_check(const struct hr_window *w, struct hr_err *e)
{
	int64_t slide = w->slide_us ? w->slide_us : w->size_us;

	if (w->size_us == 0 && (w->slide_us || w->lateness_us))
		return hr_fail(e, HR_CONFIG, "there is no window that %s", w->slide_us ? "slides" : "rows are late for");
	if (w->size_us < 0 || w->size_us > SIZE_MAX_US)
		return hr_fail(e, HR_CONFIG, "a window's size is not between a microsecond and a century");
	if (w->slide_us < 0 || slide > w->size_us)
		return hr_fail(e, HR_CONFIG, "windows that slide by more than their size leave rows out");
	if (w->lateness_us < 0 || w->lateness_us > SIZE_MAX_US)
		return hr_fail(e, HR_CONFIG, "a window's lateness is not between 0 and a century");
	if (slide && (w->size_us + slide - 1) / slide > HR_WINDOWS_MAX) {
		hr_fail(e, HR_CONFIG, "each row would be in more than %d windows", HR_WINDOWS_MAX);
		return hr_hint(e, "let them slide by more");
	}
	return 0;
}

int
hr_window_starts(const struct hr_window *w, int64_t us, int64_t *start)
{
	int64_t slide = w->slide_us ? w->slide_us : w->size_us, at, end;
	int n = 0;

	if (!hr_timestamp_finite(us) || !hr_timestamp_valid(us - w->size_us) ||
	    __builtin_add_overflow(us, w->size_us, &end) || !hr_timestamp_valid(end))
		return 0;
	at = (us - MONDAY) % slide;
	if (at < 0)
		at += slide;
	for (at = us - at; at > us - w->size_us; at -= slide)
		start[n++] = at;
	return n;
}

int64_t
hr_window_closes(const struct hr_window *w, int64_t start)
{
	int64_t end;

	if (__builtin_add_overflow(start, w->size_us, &end) ||
	    __builtin_add_overflow(end, w->lateness_us, &end))
		return HR_WINDOW_NEVER;
	return end;
}
