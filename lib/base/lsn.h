/* lsn.h - WAL positions as text, the way PostgreSQL writes them: 0/16B3748. */
#ifndef HR_LSN_H
#define HR_LSN_H

#include "base/hr.h"

#define HR_LSN_TEXT 20		/* bytes for the text and its NUL */

/* Write it into out (HR_LSN_TEXT bytes); returns out. */
char *hr_lsn_format(char *out, hr_lsn lsn);
/* 0, or -1 when text is not wholly an LSN. */
int hr_lsn_parse(const char *text, hr_lsn *lsn) HR_USED;

/* For one use in a message: a buffer on the caller's stack. */
#define HR_LSN(lsn) hr_lsn_format((char[HR_LSN_TEXT]){ 0 }, (lsn))

#endif
