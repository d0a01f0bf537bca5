/*
 * set.h - many changes of one table written as sets.
 *
 * Inserts by COPY ... (FORMAT binary) or unnest; updates and deletes by
 * unnest($1::type[], ...) joined on the key.  At most one change a key.
 */
#ifndef HR_SET_H
#define HR_SET_H

#include "apply/row.h"

struct hr_set {
	struct hr_target *target;
	struct hr_change *const *change;	/* lent until the transaction is drained */
	size_t changes;
	char op;		/* I U D, the same for all */
	bool lenient;		/* deletes: rows may be missing */
	const char *mask;	/* updates: u for each column that stays, v for others */
};

/*
 * Send a set.  COPY is used for inserts when copy is set.  An update or delete
 * that does not find all its rows comes back through short_of: the batch is
 * then written again row by row, where each one says for itself.
 */
int hr_set_send(struct hr_txn *t, struct hr_set *s, bool copy, struct hr_err *e) HR_USED;
/* One row more for the COPY that is open to its table. */
int hr_set_copy_row(struct hr_txn *t, const struct hr_change *c, struct hr_err *e) HR_USED;
/* A thread that has sent sets ends. */
void hr_set_end(void);

#endif
