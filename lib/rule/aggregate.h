/*
 * aggregate.h - rows of one table become rows of another: one for each group
 * and window.
 *
 *	a = hr_aggregate_new(&spec, source, emit, arg, &e);
 *	hr_aggregate_load(a, path, &e);			// 0: there was nothing
 *	hr_aggregate_has(a, target, &e);
 *	hr_aggregate_again(a, target, until, &e);	// what the target may not have
 *	for each transaction that ends behind hr_aggregate_lsn(a):
 *		hr_aggregate_begin(a, commit_time);
 *		hr_aggregate_add(a, row, var, &e); ...
 *	hr_aggregate_commit(a, end, &e);		// of some of them
 *	hr_aggregate_watermark(a, lsn, time, &e);
 *	hr_aggregate_save(a, path, &e);
 *
 * Transactions come whole.  Those that end at or before a watermark come before
 * it, the others behind it: the watermark's LSN is how far the state goes, and
 * it is saved there.  Rows come as they were masked and filtered.  What is made is handed to emit()
 * in commit and watermark, whole rows: HR_PUT overwrites the row of that key,
 * HR_DROP takes it away when its last row went.  Handing one out twice changes
 * nothing.
 *
 * The state has to be saved before the watermark is passed on with which the
 * target makes progress: the source does not send what the target has.  Then
 * the target may be behind the state, never before it.  What the target had
 * when it stopped is hr_aggregate_again()'s: it hands out all that was handed
 * out behind that.  So that this does not become ever more, rows that went and
 * windows that closed are kept until hr_aggregate_forget() is told that the
 * target has them.
 *
 * The key's values may be NULL, and hr-apply finds no row by such a one: rules
 * say coalesce() where that can be.
 *
 * A window is closed when a watermark's time is its end and the lateness: the
 * source's clock counts, by whatever time rows are put into windows, so that a
 * quiet stream closes them too.  Rows of before the first watermark are not
 * late, however old.
 */
#ifndef HR_AGGREGATE_H
#define HR_AGGREGATE_H

#include "base/err.h"
#include "base/hr.h"
#include "rule/groups.h"
#include "rule/summary.h"
#include "stream/rows.h"

/*
 * A row of what is made.  Values are binary, but text of types that are not
 * built in, and lent.  Of a HR_DROP those beside the key are NULL.  0, or -1
 * with *e set.
 */
typedef int hr_aggregate_fn(void *arg, enum hr_op op, const struct hr_value *value, int n, struct hr_err *e);

struct hr_aggregate {
	struct hr_summary plan;
	struct hr_groups groups;
	enum hr_aggregate_emit emit;
	enum hr_aggregate_late late;
	int64_t interval_us;
	hr_aggregate_fn *fn;
	void *arg;

	hr_lsn lsn;		/* the last watermark's: all that ends at or before it is in */
	hr_lsn reached;		/* of what came behind it */
	bool open;		/* something did */
	hr_lsn forgotten;	/* what was handed out up to there may not be there any more */
	int64_t time;		/* of the last watermark, or HR_TIME_NOW */
	int64_t next;		/* HR_EMIT_INTERVAL: when it is shown next */
	uint64_t rows;		/* since it was made: rows that came, and went */
	uint64_t late_rows;	/* counted and dropped; kept with the state */
	uint64_t timeless_rows;	/* of no window, as their time was NULL or infinite; kept too */
	uint64_t emitted;	/* rows handed out */

	int64_t commit_time;
	char *dir;
	struct hr_taken taken[2];
	struct hr_value *value;		/* of a row to be handed out */
	struct hr_scratch m;
	int64_t *start;			/* of the windows of a row */
};

/* Gives; NULL with *e set (HR_CONFIG).  The spec and the source are not needed afterwards. */
struct hr_aggregate *hr_aggregate_new(const struct hr_aggregate_spec *s, const struct hr_relation *source,
    hr_aggregate_fn *fn, void *arg, struct hr_err *e) HR_USED;
void hr_aggregate_free(struct hr_aggregate *a);
/*
 * The source's table has changed: compile the same spec for it.  -1 with *e
 * set, and nothing changed, when it does not mean the same there.
 */
int hr_aggregate_relate(struct hr_aggregate *a, const struct hr_aggregate_spec *s,
    const struct hr_relation *source, struct hr_err *e) HR_USED;

/* Forget all rows; what was emitted is not taken back. */
void hr_aggregate_reset(struct hr_aggregate *a);

/* What is made: the group's columns and the window's, which are its key, then the outputs; lent. */
const struct hr_relation *hr_aggregate_relation(const struct hr_aggregate *a);
/* Transactions that end at or before it are in, and no others when it was loaded. */
hr_lsn hr_aggregate_lsn(const struct hr_aggregate *a);

/* A transaction begins: its time is that of its rows, where there is none else. */
void hr_aggregate_begin(struct hr_aggregate *a, int64_t commit_time);
/* A row of the source's columns; var: of enum hr_expr_var.  0, or -1 with *e set. */
int hr_aggregate_add(struct hr_aggregate *a, const struct hr_value *row, const struct hr_datum *var,
    struct hr_err *e) HR_USED;
/* One went; whole: all of its columns are there, not its replica identity alone. */
int hr_aggregate_remove(struct hr_aggregate *a, const struct hr_value *row, bool whole, const struct hr_datum *var,
    struct hr_err *e) HR_USED;
/*
 * One became another: the same, but what stays as it is need not be reversible.
 * Of an update without an old row the new one is both, and not whole: its
 * replica identity is as it was.
 */
int hr_aggregate_update(struct hr_aggregate *a, const struct hr_value *old, bool whole, const struct hr_value *row,
    const struct hr_datum *var, struct hr_err *e) HR_USED;
/* All went: of that tenant, or with NULL of all. */
int hr_aggregate_truncate(struct hr_aggregate *a, const char *tenant, struct hr_err *e) HR_USED;
/* Transactions came, the last of which ends here: with HR_EMIT_CHANGE what they changed is handed out. */
int hr_aggregate_commit(struct hr_aggregate *a, hr_lsn end, struct hr_err *e) HR_USED;
/* All up to the LSN came: hand out what is due by the time, which may be 0: none is known. */
int hr_aggregate_watermark(struct hr_aggregate *a, hr_lsn lsn, int64_t time, struct hr_err *e) HR_USED;

/* Does it know all that a target may lack that has everything up to here?  0, or -1 with *e set (HR_REFUSED). */
int hr_aggregate_has(const struct hr_aggregate *a, hr_lsn lsn, struct hr_err *e) HR_USED;
/* Hand out again what was handed out behind since, up to the other. */
int hr_aggregate_again(struct hr_aggregate *a, hr_lsn since, hr_lsn until, struct hr_err *e) HR_USED;
/* The target has everything up to here, durably. */
int hr_aggregate_forget(struct hr_aggregate *a, hr_lsn lsn, struct hr_err *e) HR_USED;

/*
 * The state, beside and then by rename; right behind a watermark, and nowhere
 * else.  Loaded into one that is new: 1; 0 when there is no file; -1 with *e set
 * and nothing loaded: HR_CONFIG when it is of other rules, else HR_IO.
 */
int hr_aggregate_save(struct hr_aggregate *a, const char *path, struct hr_err *e) HR_USED;
int hr_aggregate_load(struct hr_aggregate *a, const char *path, struct hr_err *e) HR_USED;
/* The same of its bytes; name is for messages. */
int hr_aggregate_decode(struct hr_aggregate *a, const char *name, const uint8_t *data, size_t n,
    struct hr_err *e) HR_USED;

/* Between aggregate.c and aggregate_state.c: when a group is due and expires, by these rules. */
void hr_aggregate_mark(struct hr_aggregate *a, struct hr_group *g, bool changed);

#endif
