/*
 * err.h - one error, filled where it is understood, printed once.
 *
 * Library code never prints and never exits: it fills a struct hr_err and
 * returns -1.  hr_finish() (log.h) prints the line and gives the exit status.
 */
#ifndef HR_ERR_H
#define HR_ERR_H

#include "base/hr.h"

/* Each code is the exit status it leads to; see sysexits.h and hr(7). */
enum hr_code {
	HR_OK = 0,
	HR_USAGE = 64,		/* used wrongly */
	HR_BAD_STREAM = 65,	/* cut, corrupt or hostile input */
	HR_MISSING = 69,	/* a needed part is missing */
	HR_INTERNAL = 70,	/* our own fault */
	HR_IO = 74,		/* reading or writing failed */
	HR_TEMPORARY = 75,	/* try again from the last checkpoint */
	HR_REFUSED = 77,	/* fenced, wrong tenant, parked, policy says stop */
	HR_CONFIG = 78,		/* configuration, here or in the server */
};

struct hr_err {
	enum hr_code code;	/* decides the exit status */
	char sqlstate[6];	/* the server's, or "" */
	char what[768];		/* cannot apply to 'public.orders': ... */
	char hint[1024];	/* what to do; may be "" */
	char detail[512];	/* the server's detail, shown under -v */
};

#define HR_ERR_INIT { 0 }

/* Fill *e.  Each returns -1, so that a caller can return the call itself. */
int hr_fail(struct hr_err *e, enum hr_code code, const char *fmt, ...)
    HR_PRINTF(3, 4);
/* The same with ": " and errno's text behind; the code is HR_IO. */
int hr_fail_sys(struct hr_err *e, const char *fmt, ...) HR_PRINTF(2, 3);
/* Put context in front: "tenant 'acme': " before what is there. */
int hr_within(struct hr_err *e, const char *fmt, ...) HR_PRINTF(2, 3);
/* Say what to do.  A hint already there is kept. */
int hr_hint(struct hr_err *e, const char *fmt, ...) HR_PRINTF(2, 3);
/* Out of memory: HR_TEMPORARY. */
int hr_fail_mem(struct hr_err *e);

void hr_err_clear(struct hr_err *e);

#endif
