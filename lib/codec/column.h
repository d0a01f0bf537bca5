/*
 * column.h - one column of tuples: which values are there, and those.
 *
 * Its form follows from the lengths of the values, and for floats and numerics
 * from the type; what is written says all, a reader needs no types.
 */
#ifndef HR_COLUMN_H
#define HR_COLUMN_H

#include "codec/coder.h"
#include "codec/documents.h"
#include "codec/guess.h"
#include "codec/repeat.h"
#include "codec/strings.h"
#include "stream/rows.h"

enum hr_form {
	HR_FORM_NONE,		/* no value, all NULL for example */
	HR_FORM_INT1, HR_FORM_INT2, HR_FORM_INT4, HR_FORM_INT8,
	HR_FORM_ALP4, HR_FORM_ALP8,
	HR_FORM_PLANES4, HR_FORM_PLANES8,
	HR_FORM_STRINGS,
	HR_FORM_DECIMAL,
	HR_FORM_SAME,		/* as another column, before this one */
	HR_FORM_JSON, HR_FORM_JSONB,
};

/* What was tried, which who encodes remembers. */
struct hr_column_memory {
	struct hr_pick ints, kinds, same, guess;
	struct hr_repeat_memory repeat;
	struct hr_strings_memory strings;
	struct hr_pick text;			/* is it documents? */
	struct hr_documents_memory *documents;	/* made when needed */
	uint8_t form;		/* of the last block, for statistics */
};

/* What blocks leave behind for those after them, the same on both sides. */
struct hr_column_kept {
	struct hr_ints_kept kinds, ints, decimals;
	struct hr_ints_kept same;		/* as their references have it */
	struct hr_ints_kept repeated;
	struct hr_guess_kept guess;
	struct hr_strings_kept strings;
	struct hr_documents_kept *documents;	/* made when needed */
};

/* Are they the same in every respect? */
static inline bool
hr_value_same(const struct hr_value *a, const struct hr_value *b)
{
	return a->len == b->len && (a->len < 0 ||
	    (a->text == b->text && (a->len == 0 || memcmp(a->data, b->data, (size_t)a->len) == 0)));
}

/* A column before that holds the same, or -1. */
int hr_column_same(struct hr_value *const *all, int at, size_t n);

/*
 * Encode column at of those in all: n values each, v[c][row]; g says which column and
 * rows of the section they are.  type is the source's OID of the type, or 0; kept may
 * be NULL.
 */
void hr_column_encode(struct hr_enc *o, struct hr_value *const *all, int at, size_t n, uint32_t type,
    const struct hr_guess *g, struct hr_column_memory *m, struct hr_column_kept *kept);
/* Fill all[at]; data of values is lent by the arena, the block or what is kept. */
int hr_column_decode(struct hr_dec *d, struct hr_value *const *all, int at, size_t n, const struct hr_guess *g,
    struct hr_column_kept *kept) HR_USED;

void hr_column_memory_clear(struct hr_column_memory *m);
size_t hr_column_kept_size(const struct hr_column_kept *k);
void hr_column_kept_clear(struct hr_column_kept *k);

/* For statistics: how the last block was written, and against what: " by key" and the like. */
const char *hr_column_codec(const struct hr_column_memory *m);
const char *hr_column_against(const struct hr_column_memory *m);

#endif
