/*
 * repeat.h - columns that mostly have what is there already: what another column
 * has in the row or document, or what the one in front has.
 *
 * Which values do is a flag for each; the others are written by whoever asked.
 * Whether that is better than without is seen by doing it: what a block took before
 * and what the next one takes.
 */
#ifndef HR_REPEAT_H
#define HR_REPEAT_H

#include "codec/coder.h"
#include "codec/ints.h"
#include "codec/strings.h"

struct hr_repeat_memory {
	struct hr_pick pick;		/* codec: one of enum how, param: the column */
	uint32_t cost, without;		/* bits for 256 values, of the last block; and when it was done without */
};

/* The columns in front, of which n values each may be alike. */
struct hr_others {
	size_t columns;
	/* Fill n values of a column; those that are not there have a length of SIZE_MAX.  False: it has none. */
	bool (*get)(const void *arg, size_t column, struct hr_string *out, size_t n);
	const void *arg;
};

/* Write which of s are there already; the others stay in s, in their order: how many. */
size_t hr_repeat_put(struct hr_enc *o, struct hr_string *s, size_t n, const struct hr_others *others,
    struct hr_repeat_memory *m, struct hr_ints_kept *kept);
/* What n values took in bytes, with all that was written of them. */
void hr_repeat_cost(struct hr_repeat_memory *m, size_t n, size_t bytes);

/* The way back: how many are to be read, then all from these. */
struct hr_repeat {
	uint8_t how;
	uint64_t column;
	uint64_t *same;
	size_t n, rest;
};

int hr_repeat_get(struct hr_dec *d, struct hr_repeat *r, size_t n, struct hr_ints_kept *kept) HR_USED;
/* s has room for n, of which those that were read are in front. */
int hr_repeat_fill(struct hr_dec *d, const struct hr_repeat *r, struct hr_string *s, const struct hr_others *others)
    HR_USED;

const char *hr_repeat_name(const struct hr_repeat_memory *m);

#endif
