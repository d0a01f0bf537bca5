/*
 * batch.h - changes gathered, reduced to their net effect per key, and written.
 *
 * Between two flushes each key of a table is written at most once: an insert
 * and its updates become one insert, an insert and its delete nothing.  What
 * cannot be reduced (keys that change, rows without a key, truncates, tables
 * whose triggers fire) is written in order, after what waits for its table.
 *
 * Tuples are lent: they must stay until the batch is flushed.
 */
#ifndef HR_BATCH_H
#define HR_BATCH_H

#include "apply/row.h"
#include "apply/set.h"
#include "apply/txn.h"

struct hr_batch {
	struct hr_txn *txn;
	bool in_order;			/* every change by itself, in its order */
	bool stepping;			/* and its result seen before the next */
	struct hr_target **waiting;	/* tables with changes */
	size_t waitings, waiting_cap;
	size_t rows;			/* changes taken since the last flush */
	size_t bytes;
	struct arena *arena;		/* changes, keys, merged tuples */
	struct hr_set *sets;		/* sent and not drained */
	size_t copy_from;		/* inserts from which COPY is used */
	void *failed;			/* the tenant of the change that failed, or NULL */
	uint32_t failed_table;		/* whose columns do not fit */
};

void hr_batch_init(struct hr_batch *b, struct hr_txn *t);
void hr_batch_clear(struct hr_batch *b);

/* Take a change over.  0, or -1 with *e set; the target's drift is one. */
int hr_batch_add(struct hr_batch *b, const struct hr_change *c, struct hr_err *e) HR_USED;
/*
 * Empty tables, everything before written first.  tenant NULL: for all; else a
 * tenant, or several as text[].  Puts g in another order.
 */
int hr_batch_truncate(struct hr_batch *b, struct hr_target **g, size_t n, uint8_t options,
    const char *tenant, bool several, struct hr_err *e) HR_USED;
/*
 * Rows leave that are under another one, which a step of the relation leads to
 * and whose key is the tuple; everything before is written first.  but: not
 * those that are another tenant's than these (text[]) by now; or NULL.
 */
int hr_batch_leave(struct hr_batch *b, struct hr_target *g, int step, const uint8_t *tuple, size_t len,
    const char *but, struct hr_err *e) HR_USED;
/* Send everything; with drain also see that it was done. */
int hr_batch_flush(struct hr_batch *b, bool drain, struct hr_err *e) HR_USED;
/* The sent things are drained: their memory can go. */
void hr_batch_done(struct hr_batch *b);
/* A table goes: so does what it kept for batches. */
void hr_batch_forget(struct hr_target *g);
/* Forget what waits, after a failure. */
void hr_batch_drop(struct hr_batch *b);

#endif
