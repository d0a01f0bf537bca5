/*
 * mask.h - a column's values replaced, one by one, as a rule says.
 *
 * The same value has the same replacement in old rows and new, in all tables and
 * runs.  NULL stays NULL, and what was not sent stays so; neither is asked for.
 * What a value is hashed or made up of is its text, so that 5 is the same of an
 * integer and of a bigint.  No complaint has a value in it.
 */
#ifndef HR_MASK_H
#define HR_MASK_H

#include "rule/datum.h"
#include "rule/key.h"
#include "rule/rules.h"
#include "rule/service.h"

struct hr_mask;

/*
 * Bind it to a column; gives in *m.  *out is the column as it is behind it, whose
 * names are lent by in or static.  0, or -1 with *e set: the type cannot be masked
 * so, or a key is needed.
 */
int hr_mask_new(struct hr_mask **m, const struct hr_rule_mask *rule, const struct hr_column *in,
    const struct hr_key *key, struct hr_column *out, struct hr_err *e) HR_USED;
void hr_mask_free(struct hr_mask *m);

/*
 * Replace the value, of which of is the text of the one that says who it is, where
 * that is needed.
 * *out is lent by the scratch.  0, or -1 with *e set.
 */
int hr_mask_value(struct hr_mask *m, const struct hr_value *in, const struct hr_value *of, struct hr_value *out,
    struct hr_scratch *s, struct hr_err *e) HR_USED;

/* Is it made up of who the row is of? */
bool hr_mask_needs_of(const struct hr_mask *m);
/* Do different values stay different? */
bool hr_mask_injective(const struct hr_mask *m);

/* The same, or it is meant that they do not. */
bool hr_mask_keeps_unique(const struct hr_mask *m);

/* That of a service: values are added to it, run, and then given in their order; else NULL. */
struct hr_service *hr_mask_service(struct hr_mask *m);
/* The value as a service takes it, lent by it or the scratch. */
int hr_mask_ask(struct hr_mask *m, const struct hr_value *in, struct hr_scratch *s, struct hr_err *e) HR_USED;

/* For eyes: "hash, 64 digits". */
void hr_mask_describe(const struct hr_mask *m, struct hr_buf *out);

#endif
