/* temp.h - files that nobody else sees and that are gone with their descriptor. */
#ifndef HR_TEMP_H
#define HR_TEMP_H

#include <sys/types.h>

#include "base/err.h"
#include "base/hr.h"

/* An unlinked file in dir (NULL: TMPDIR or /tmp); -1 with *e set. */
int hr_temp_open(const char *dir, struct hr_err *e) HR_USED;
/* All n bytes at the end of it, or -1. */
int hr_temp_append(int fd, const void *data, size_t n, struct hr_err *e) HR_USED;
/* Up to n bytes from offset at: how many, 0 at the end, -1. */
ssize_t hr_temp_read(int fd, void *data, size_t n, uint64_t at, struct hr_err *e) HR_USED;

#endif
