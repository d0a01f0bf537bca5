/*
 * value.h - PostgreSQL's binary values as text, for the built-in types whose
 * format is stable: for eyes (hr-transform --dump) and for tenant names.
 */
#ifndef HR_VALUE_H
#define HR_VALUE_H

#include "base/buf.h"
#include "base/hr.h"
#include "stream/rows.h"

/*
 * Append the value's text, as PostgreSQL would write it (DateStyle ISO, UTC).
 * 1 when it was understood, 0 when the type is not known or the bytes are not
 * of it; nothing is appended then.  v->len must not be negative.
 */
int hr_value_format(struct hr_buf *out, uint32_t type, const struct hr_value *v);

/* Can a column of this type name a tenant?  Integers, text, uuid and the like. */
bool hr_value_names_tenant(uint32_t type);

#endif
