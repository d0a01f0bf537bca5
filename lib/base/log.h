/*
 * log.h - one line an event on stderr, and the end of a main.
 *
 *	PROGRAM: LEVEL: [CONTEXT: ]WHAT: WHY[; HINT]
 *
 * A line is built in one buffer, control characters replaced, and written by
 * one write(2) of at most 4096 bytes, so that the stages of one pipeline do
 * not interleave.  With the JSON format each line is one object: time,
 * program, level, message, hint, and the fields given.
 */
#ifndef HR_LOG_H
#define HR_LOG_H

#include "base/err.h"
#include "base/hr.h"

enum hr_log_level {
	HR_LOG_ERROR,
	HR_LOG_WARNING,
	HR_LOG_NOTE,		/* -v */
	HR_LOG_DEBUG,		/* -vv */
};

extern int hr_verbose;		/* 0, 1 (-v) or 2 (-vv) */

void hr_name(const char *program);	/* kept, not copied */
const char *hr_name_get(void);
/* "text" or "json".  0, or -1 for another word. */
int hr_log_format(const char *word);

void hr_log(enum hr_log_level level, const char *fmt, ...) HR_PRINTF(2, 3);
/* Print *e at the level, with its hint, and detail under -v. */
void hr_log_err(enum hr_log_level level, const struct hr_err *e);

/* Print the error if there is one, close stdout, and give the exit status. */
int hr_finish(struct hr_err *e);

#endif
