/*
 * scratch.h - memory for what lives as long as one row: taken piece by piece,
 * given back all at once.
 *
 * Pieces stay where they are until the reset.  A reset keeps the memory, in
 * one block as large as all that was taken, so that after the first rows
 * nothing is allocated.
 */
#ifndef HR_SCRATCH_H
#define HR_SCRATCH_H

#include <string.h>

#include "base/hr.h"

struct hr_scratch_block;

struct hr_scratch {
	uint8_t *at, *end;		/* what is free of the newest block */
	uint8_t *begin;			/* of it */
	struct hr_scratch_block *block;	/* the newest, and through it the others */
};

#define HR_SCRATCH_INIT { NULL, NULL, NULL, NULL }

void *hr_scratch_more(struct hr_scratch *s, size_t n) HR_USED;
void hr_scratch_reset(struct hr_scratch *s);	/* all pieces are gone */
void hr_scratch_clear(struct hr_scratch *s);	/* the memory too */

/* n bytes, aligned for anything, not zeroed; lent until the reset. */
static inline void *
hr_scratch_take(struct hr_scratch *s, size_t n)
{
	void *p = s->at;

	n = (n + 15) & ~(size_t)15;
	if (HR_UNLIKELY((size_t)(s->end - s->at) < n || p == NULL))
		return hr_scratch_more(s, n);
	s->at += n;
	return p;
}

/* A copy of n bytes. */
static inline void *
hr_scratch_copy(struct hr_scratch *s, const void *p, size_t n)
{
	void *to = hr_scratch_take(s, n);

	if (n)
		memcpy(to, p, n);
	return to;
}

/* Give back the end of a piece, and what was taken after it, if that can be. */
static inline void
hr_scratch_trim(struct hr_scratch *s, void *piece, size_t used)
{
	uintptr_t p = (uintptr_t)piece;

	if (p >= (uintptr_t)s->begin && p < (uintptr_t)s->end)
		s->at = (uint8_t *)piece + ((used + 15) & ~(size_t)15);
}

#endif
