/* clock.h - time: monotonic for waiting, PostgreSQL's epoch for stamps. */
#ifndef HR_CLOCK_H
#define HR_CLOCK_H

#include <pthread.h>
#include <time.h>

#include "base/hr.h"

/* Microseconds between 1970-01-01 and PostgreSQL's 2000-01-01. */
#define HR_PG_EPOCH_US INT64_C(946684800000000)

int64_t hr_now_us(void);	/* monotonic, microseconds */
struct timespec hr_until(int64_t us);	/* monotonic, so long from now */
void hr_cond_init(pthread_cond_t *c);	/* one whose waits end by hr_until() */
int64_t hr_now_pg_us(void);	/* wall clock, microseconds since 2000-01-01 UTC */

#define HR_TIME_TEXT 40
/* 2026-01-31T09:10:11.123456Z into out (HR_TIME_TEXT bytes); returns out. */
char *hr_time_format(char *out, int64_t pg_us);

#endif
