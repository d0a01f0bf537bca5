/*
 * column.h - one column of tuples: which values are there, and those.
 *
 * Its form follows from the lengths of the values, and for floats and numerics
 * from the type; what is written says all, a reader needs no types.
 */
#ifndef HR_COLUMN_H
#define HR_COLUMN_H

#include "codec/coder.h"
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
};

/* What a column remembers from block to block. */
struct hr_column_memory {
	struct hr_pick ints, kinds;
	struct hr_strings_memory strings;
	uint8_t form;		/* of the last block, for statistics */
};

/*
 * Encode column at of those in all: n values each, v[c][row].  type is the
 * source's OID of the type, or 0.
 */
void hr_column_encode(struct hr_enc *o, struct hr_value *const *all, int at, size_t n, uint32_t type,
    struct hr_column_memory *m);
/* Fill all[at]; data of values is lent by the arena or the block. */
int hr_column_decode(struct hr_dec *d, struct hr_value *const *all, int at, size_t n) HR_USED;

const char *hr_column_codec(const struct hr_column_memory *m);

#endif
