/*
 * row.h - changes written one row at a time, in their order, pipelined.
 *
 * Used where sets cannot express the change: keys that change, rows found by
 * all their values, types without arrays, tables whose triggers fire; and for a
 * whole batch after a set of it was refused.
 */
#ifndef HR_ROW_H
#define HR_ROW_H

#include "apply/target.h"
#include "apply/txn.h"
#include "stream/rows.h"

/* A change, ready to be written: lent until the transaction is drained. */
struct hr_change {
	struct hr_target *target;
	void *tenant;		/* the worker's, for messages and counts */
	hr_lsn lsn;		/* of its commit */
	char op;		/* I U D */
	bool lenient;		/* a delete whose row may be missing, an insert whose row may be there */
	bool loose;		/* by itself, in its order: what is there is not known */
	bool over;		/* an insert: a row of its key is overwritten, and that is no conflict */
	bool binary;		/* an insert: no value is text */
	bool own;		/* an insert: of its key there may be another tenant's row, which is newer */
	const char *stream;	/* own: by which it is known whether that tenant is behind itself */
	const char *only;	/* a delete: just when the row is of these tenants (text[]); own: of those; or NULL */
	const uint8_t *tuple, *old;
	size_t tuple_len, old_len;	/* old_len 0: none */
};

/* A thread that has sent rows ends: let go of what it kept for that. */
void hr_row_end(void);

/* Send one change.  what of its expectations is the change itself. */
int hr_row_send(struct hr_txn *t, const struct hr_change *c, struct hr_err *e) HR_USED;

/*
 * A change met another number of rows than one: settle it (the source wins)
 * and say what was done: "inserted", "updated" or "skipped".  Runs outside the
 * pipeline, inside the transaction.  *conflict is its name.
 */
int hr_row_settle(struct hr_txn *t, const struct hr_change *c, int64_t did, const char **conflict,
    const char **resolution, struct hr_err *e) HR_USED;

/*
 * Is the row that a change is about, at the target, another tenant's by now?
 * Not so when that tenant is behind: its row is older than the change then.
 * Asked of changes that were kept, when they are written at last.  Runs outside
 * the pipeline, inside the transaction.
 */
int hr_row_foreign(struct hr_txn *t, const struct hr_change *c, const char *tenant, bool *yes,
    struct hr_err *e) HR_USED;

/* The key of a change as text for the log: col=value pairs.  Gives. */
char *hr_row_key_text(const struct hr_change *c);

/* Do these two tuples have the same key? */
bool hr_row_same_key(const struct hr_target *t, const struct hr_value *a, const struct hr_value *b);

/* A value as a parameter; arrays of user types are rewritten into *scratch. */
struct hr_param hr_row_param(const struct hr_target_column *col, const struct hr_value *v,
    struct hr_buf *scratch);

#endif
