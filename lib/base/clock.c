/* clock.c - time. */

#include "base/hr.h"

#include <stdio.h>
#include <time.h>

#include "base/clock.h"

int64_t
hr_now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

struct timespec
hr_until(int64_t us)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += us / 1000000;
	t.tv_nsec += us % 1000000 * 1000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_nsec -= 1000000000;
		t.tv_sec++;
	}
	return t;
}

void
hr_cond_init(pthread_cond_t *c)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(c, &attr);
	pthread_condattr_destroy(&attr);
}

int64_t
hr_now_pg_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000 - HR_PG_EPOCH_US;
}

char *
hr_time_format(char *out, int64_t pg_us)
{
	time_t s = (time_t)(pg_us / 1000000 + HR_PG_EPOCH_US / 1000000);
	int64_t frac = pg_us % 1000000;
	struct tm tm;
	size_t n;

	if (frac < 0) {
		frac += 1000000;
		s--;
	}
	if (gmtime_r(&s, &tm) == NULL) {
		snprintf(out, HR_TIME_TEXT, "out-of-range");
		return out;
	}
	n = strftime(out, HR_TIME_TEXT, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out + n, HR_TIME_TEXT - n, ".%06dZ", (int)frac);
	return out;
}
