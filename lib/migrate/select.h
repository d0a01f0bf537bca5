/*
 * select.h - the statements by which a table is read, for either side.
 *
 * A row's hash is md5 over the text of all its compared columns, in UTF-8,
 * computed where the row is.  Keys travel as text.
 */
#ifndef HR_MIGRATE_SELECT_H
#define HR_MIGRATE_SELECT_H

#include "base/buf.h"
#include "base/hr.h"
#include "migrate/table.h"
#include "pg/conn.h"

/* Whose rows. */
struct hr_scope {
	const char *tenant;	/* when there is just one; else NULL */
	const char *list;	/* several, as text[]; else NULL.  Neither: all */
	enum hr_null_tenant null_tenant;
};

/* SQL and its parameters, which are lent by the caller until it is run. */
struct hr_select {
	struct hr_buf sql;
	struct hr_param param[2 + 2 * HR_KEYS_MAX];
	int params;
};

#define HR_SELECT_INIT { .sql = HR_BUF_INIT }
void hr_select_clear(struct hr_select *q);

/*
 * A range of keys: those after lo, up to and with hi; NULL: without that end.
 * Each is an array with a text for each column of the key.
 */
struct hr_range {
	char *const *lo, *const *hi;
};

/* The key of row number nth of a range: a column for each of the key's. */
void hr_select_nth(struct hr_select *q, const struct hr_twin *w, enum hr_side side, const struct hr_scope *s,
    const struct hr_range *g, int64_t nth);
/* Count and two sums of the hashes; of at most most rows. */
void hr_select_sum(struct hr_select *q, const struct hr_twin *w, enum hr_side side, const struct hr_scope *s,
    const struct hr_range *g, int64_t most);
/* Hash, then the key's columns, in order of keys; at most most rows. */
void hr_select_list(struct hr_select *q, const struct hr_twin *w, enum hr_side side, const struct hr_scope *s,
    const struct hr_range *g, int64_t most);

/*
 * Look rows up.  array[i] holds the i-th column of every key, as text[]; a
 * table without a key has one, of hashes.  Gives the number in the array (from
 * 1), what is there, a stamp that changes with every write to it, and the
 * key's columns.  What is there: the hashes of the rows of that key, or how
 * many rows have that hash.  What is absent has no row.
 */
void hr_select_look(struct hr_select *q, const struct hr_twin *w, enum hr_side side, const struct hr_scope *s,
    char *const *array);
/* Number and hash as above, then the text of every column of the relation. */
void hr_select_rows(struct hr_select *q, const struct hr_twin *w, enum hr_side side, const struct hr_scope *s,
    char *const *array);

/*
 * Tables without a key.  Groups of hashes by their first digits: prefix,
 * count, two sums, sorted by prefix.
 */
void hr_select_groups(struct hr_select *q, const struct hr_twin *w, enum hr_side side, const struct hr_scope *s,
    int digits);
/* Hash and count of the groups named in a text[]. */
void hr_select_hashes(struct hr_select *q, const struct hr_twin *w, enum hr_side side, const struct hr_scope *s,
    int digits, const char *prefixes);

/* At the target, rows whose key is NULL in part: how many, or up to most of them as by hr_select_rows(). */
void hr_select_nulls(struct hr_select *q, const struct hr_twin *w, const struct hr_scope *s, int64_t most);

#endif
