/*
 * group.h - compare a table without a key: how often each row is there.
 *
 * Rows are known by their hashes.  Hashes that begin with the same digits are
 * a group; groups are compared by count and sums, in one pass over each side,
 * and of those that differ the hashes are read, as many groups at a time as
 * have the rows that are read at a time, but at least one.
 */
#ifndef HR_MIGRATE_GROUP_H
#define HR_MIGRATE_GROUP_H

#include "base/err.h"
#include "base/hr.h"
#include "migrate/resume.h"
#include "migrate/table.h"

struct hr_verify;

/* As hr_chunks_compare(). */
int hr_groups_compare(struct hr_verify *v, const struct hr_twin *w, struct hr_resume_table *t,
    struct hr_err *e) HR_USED;

/* Digits by which so many rows are in groups of about wanted; HR_DIGITS_MAX at the most. */
#define HR_DIGITS_MAX 4
int hr_group_digits(int64_t rows, int64_t wanted);

#endif
