/*
 * change.h - one row through its plan: checked, masked, filtered, added to, and
 * written as what it is then, which may be another operation or none.
 */
#ifndef HR_CHANGE_H
#define HR_CHANGE_H

#include "base/buf.h"
#include "base/err.h"
#include "base/hr.h"
#include "rule/plan.h"
#include "stream/frame.h"
#include "stream/rows.h"

/* The transaction of a tenant that is open. */
struct hr_change_tx {
	uint32_t xid;
	hr_lsn lsn;
	int64_t time;
	bool open;
};

/* A row at work: as it came, masked, and the columns that are added. */
struct hr_change_row {
	struct hr_value *came, *masked, *added;
};

/* What is used for all of them, and what came of them. */
struct hr_changes {
	struct hr_change_tx *now;
	struct hr_datum var[HR_VARS];
	struct hr_change_row old, new;
	struct hr_value *out;
	struct hr_scratch scratch;
	struct hr_buf payload;		/* items that were written */
	uint32_t count;			/* of these */
	struct hr_buf line, text;	/* of parked rows, or those that are printed */
	int dead;			/* where these go; -1: nowhere */
	bool dry;			/* print what becomes of rows */
	uint64_t samples;		/* of so many of a table; 0: of all */
	uint64_t rows, changed, dropped, parked;
};

struct hr_gathered;

struct hr_change {
	struct hr_changes *t;
	struct hr_plan *p;
	const struct hr_frame *f;
	const struct hr_item *it;
	struct hr_err *e;
	struct hr_gathered *into;	/* what its rows are aggregated into, or NULL */
};

void hr_changes_init(struct hr_changes *t);
/* What is to be parked or printed gets there. */
int hr_changes_flush(struct hr_changes *t, struct hr_err *e) HR_USED;
void hr_changes_clear(struct hr_changes *t);

/* Append to the payload what becomes of the row.  0, or -1. */
int hr_change_row(const struct hr_change *w) HR_USED;

/* Take a tuple apart, which is of the plan's table. */
int hr_change_open(const struct hr_change *w, const uint8_t *tuple, size_t len, struct hr_value *v) HR_USED;
/* Put table and column in front of a complaint; gives -1. */
int hr_change_within(const struct hr_change *w, int column);

#endif
