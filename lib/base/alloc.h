/*
 * alloc.h - memory that is there or ends the program.
 *
 * Running out of memory in a filter leaves nothing to do but to stop and be
 * started again: these print one line and exit 75, which is what the caller's
 * own error would have said.  Sizes that come from input are checked against a
 * named limit before they get here, and n * size is checked for overflow.
 */
#ifndef HR_ALLOC_H
#define HR_ALLOC_H

#include "base/hr.h"

void *hr_alloc(size_t size) HR_USED;			/* gives; not zeroed */
void *hr_zalloc(size_t size) HR_USED;			/* gives; zeroed */
void *hr_realloc(void *p, size_t n, size_t size) HR_USED;	/* gives */
char *hr_strdup(const char *s) HR_USED;			/* gives; NULL gives NULL */
void *hr_memdup(const void *p, size_t n) HR_USED;	/* gives; a NUL is added */
char *hr_sprintf(const char *fmt, ...) HR_PRINTF(1, 2) HR_USED;	/* gives */

/* Make room for one more in an array: *a has n of *cap elements. */
#define HR_GROW(a, n, cap) do {						\
	if ((n) == (cap)) {						\
		(cap) = (cap) ? (cap) * 2 : 8;				\
		(a) = hr_realloc((a), (cap), sizeof(*(a)));		\
	}								\
} while (0)

#endif
