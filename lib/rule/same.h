/*
 * same.h - values that are equal as equal bytes, so that groups and different
 * values can be told by their bytes.
 *
 * Most types' binary values are so already.  Of those where PostgreSQL calls
 * different ones equal, one is taken: 1.50 is 1.5 where a numeric's scale is
 * not its type's, -0 is 0, 30 days are a month, blanks at the end of a character
 * go.  Labels of enums and the like are told by their text.
 */
#ifndef HR_SAME_H
#define HR_SAME_H

#include "rule/datum.h"

/* Can values of the type be told so?  Not citext, json, jsonb, xml. */
bool hr_type_same(enum hr_type t);

/*
 * The bytes, lent by the scratch or the datum: in the type's binary format, but
 * in text of a type that is not built in.  typmod is the column's, or -1.
 */
void hr_same_write(const struct hr_datum *d, int32_t typmod, struct hr_value *v, struct hr_scratch *m);

#endif
