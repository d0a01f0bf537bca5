/*
 * opt.h - what every tool's options share.
 *
 * Tools use getopt_long(3).  These parse values, print usage and refuse.
 */
#ifndef HR_OPT_H
#define HR_OPT_H

#include "base/hr.h"

int hr_opt_help(const char *usage);	/* to stdout; returns 0 */
int hr_opt_version(void);		/* to stdout; returns 0 */
/* "PROGRAM: error: WHAT" and the usage to stderr; returns 64. */
int hr_opt_misuse(const char *usage, const char *fmt, ...) HR_PRINTF(2, 3);

/* A whole number from low to high.  0, or -1. */
int hr_opt_int(const char *text, int64_t low, int64_t high, int64_t *value) HR_USED;
/* Bytes: a number with nothing, kB, MB, GB or TB behind, as in PostgreSQL. */
int hr_opt_size(const char *text, uint64_t *bytes) HR_USED;

#endif
