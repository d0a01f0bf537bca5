/*
 * aggregates.h - all aggregations of a stream, and their place in it.
 *
 *	hr_aggregates_begin(g, &head, &e);
 *	while (hr_aggregates_recall(g, &i, &relation, &e) > 0)
 *		it is as if the stream described it
 *	hr_aggregates_table(g, rules, plan, p, f, &e);	// when one is described
 *	hr_gather_row(hr_aggregates_of(g, id), ...);	// of a transaction
 *	hr_aggregates_watermark(g, p, f, &e);
 *	hr_aggregates_idle(g, &e);
 *
 * What they make is written in front of a watermark, as a transaction of each
 * tenant that ends at the watermark's LSN: a reader makes progress at watermarks,
 * so it has the rows when it has the watermark, and gets them again when not.
 *
 * Before a watermark is passed on the states that changed are saved in the
 * directory, each behind the table that it is of, then the position: see
 * state_dir.h.  So that this is not done all the time, watermarks are held back
 * while others follow within a second, or ten times as long as saving takes; the
 * last one is passed on when the input is quiet.  None is passed on in a
 * transaction.  In a first copy there is one, at its end, behind what was made of
 * its rows, which is a part of it: a copy that is cut begins anew.
 *
 * A stream that is sent again brings what the states have: that is left aside,
 * and rows that were made then are made again, in front of the watermarks that
 * cover them, since the target may not have had them.
 */
#ifndef HR_AGGREGATES_H
#define HR_AGGREGATES_H

#include "base/buf.h"
#include "base/err.h"
#include "base/hr.h"
#include "base/map.h"
#include "rule/aggregate.h"
#include "rule/plan.h"
#include "rule/rules.h"
#include "rule/state_dir.h"
#include "rule/tenant_rows.h"
#include "stream/head.h"
#include "stream/mark.h"
#include "stream/pipe.h"

struct hr_aggregates;

/* One table that is made. */
struct hr_made {
	struct hr_gathered *of;
	const struct hr_rule_aggregate *rule;
	struct hr_aggregate *a;
	char *path;			/* of its state */
	char *name;			/* public.daily */
	bool changed;			/* since it was saved */
	uint64_t emitted;		/* up to there */
};

/* One table whose rows are gathered. */
struct hr_gathered {
	struct hr_aggregates *all;
	char *source;			/* public.orders */
	struct hr_made *made;
	size_t n;
	char *tenant;			/* whose rows they are, where all are of one; NULL: none came */
	char *path;			/* of the table's file */
	struct hr_buf relation;		/* the table as it was described */
	bool changed;			/* since that was saved */
	bool ones;			/* all rows are one tenant's */
	bool mixed;			/* of many */
};

struct hr_aggregates {
	/* Set before: */
	const char *dir;		/* of states; NULL: rows are not gathered, rules are checked alone */
	int (*durable)(void *arg, hr_lsn *lsn, struct hr_err *e);	/* what the target has; 0: not known; or NULL */
	void *arg;

	struct hr_map tables;		/* struct hr_gathered by relation */
	size_t count;			/* of what is made */
	char *stream;			/* which one it is */
	char **recalled;		/* files of tables that there are states of */
	size_t recalls;
	hr_lsn start;			/* of the stream */
	bool some;			/* it is of some tenants */
	int lock;			/* of the directory; 0: none */
	struct hr_state_position position;	/* states have all up to there */
	hr_lsn reached;			/* the last commit that was begun */
	hr_lsn shown;			/* what was made up to there was written in this stream */
	bool anew;			/* a first copy comes: states there are of before */
	bool waits;			/* the rest of one does, which may begin anew: rows before it are nothing */
	bool copying;
	uint32_t open;			/* tenants in a transaction */
	struct hr_pipe *pipe;
	struct hr_frame held;		/* a watermark that waits; type 0: none does */
	struct hr_watermark mark;
	bool moved;			/* the position, since it was saved */
	bool skipped;			/* some were not passed on since the last one */
	int64_t passed, took;		/* us: when the last one was; what saving took */
	int64_t checked;		/* when the target's position was looked at */
	hr_lsn lsn;			/* of the watermark that is passed on */
	struct hr_tenant_rows out;
};

#define HR_AGGREGATES_INIT { .dir = NULL }

void hr_aggregates_clear(struct hr_aggregates *g);

/* A stream begins.  -1 with *e set: it is of another one, or does not go on where states end. */
int hr_aggregates_begin(struct hr_aggregates *g, const struct hr_head *h, struct hr_err *e) HR_USED;
/* A table is described by f: make what rules say, or go on with it; relations of what is made are written. */
int hr_aggregates_table(struct hr_aggregates *g, const struct hr_rules *rules, const struct hr_plan *plan,
    struct hr_pipe *p, const struct hr_frame *f, struct hr_err *e) HR_USED;
/* The next table of which there are states, as it was described: 1; 0: there are no more; -1. */
int hr_aggregates_recall(struct hr_aggregates *g, size_t *i, struct hr_buf *relation, struct hr_err *e) HR_USED;
/* What is made of its rows; NULL: nothing. */
struct hr_gathered *hr_aggregates_of(const struct hr_aggregates *g, uint32_t relation);
/* For eyes: a line for each. */
void hr_aggregates_describe(const struct hr_aggregates *g, uint32_t relation, struct hr_buf *out);

/* A row as it was and as it is: NULL where there is none; whole: all of the old one is there. */
struct hr_gather {
	const struct hr_frame *f;
	hr_lsn commit;			/* of its transaction */
	int64_t time;
	const struct hr_datum *var;
};
int hr_gather_row(struct hr_gathered *t, const struct hr_gather *w, const struct hr_value *old, bool whole,
    const struct hr_value *row, struct hr_err *e) HR_USED;
int hr_gather_truncate(struct hr_gathered *t, const struct hr_gather *w, struct hr_err *e) HR_USED;

/*
 * A copy begins, of which so many parts of tables that are gathered come, and others
 * are in.  Of one that was cut all begins anew.  0, or -1: some are in.
 */
int hr_aggregates_copy(struct hr_aggregates *g, uint32_t come, uint32_t in, struct hr_err *e) HR_USED;
/* A copy begins or has ended: the tables that are made are empty, and have one part each; append them. */
void hr_aggregates_copied(struct hr_aggregates *g, bool begins, struct hr_buf *relations, struct hr_part *part,
    uint32_t *parts);
/* Before the copy's end: these parts, from number first on, come and end, and so does the copy's watermark. */
int hr_aggregates_end_copy(struct hr_aggregates *g, struct hr_pipe *p, hr_lsn lsn, uint32_t first,
    struct hr_err *e) HR_USED;

/* A watermark: passed on now, later or not at all.  0, or -1. */
int hr_aggregates_watermark(struct hr_aggregates *g, struct hr_pipe *p, const struct hr_frame *f,
    struct hr_err *e) HR_USED;
/* Rows come: what is held back is not needed. */
static inline void
hr_aggregates_next(struct hr_aggregates *g)
{
	g->skipped |= g->held.type != 0;
	g->held.type = 0;
}
/* The input is quiet, has ended, or something comes that has its place: pass on what is held back. */
int hr_aggregates_idle(struct hr_aggregates *g, struct hr_err *e) HR_USED;
/* A transaction begins. */
static inline void
hr_aggregates_reach(struct hr_aggregates *g, hr_lsn commit)
{
	g->reached = commit > g->reached ? commit : g->reached;
}

#endif
