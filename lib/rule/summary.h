/*
 * summary.h - what an aggregation was asked for, compiled for one table: which
 * values of a row are its group's key, and which go to the functions.
 *
 * A key is the start of the window as a u64le, 0 where there are none, and a
 * tuple of the group's values (rows.h), each in the one form of same.h.
 */
#ifndef HR_SUMMARY_H
#define HR_SUMMARY_H

#include "base/buf.h"
#include "base/err.h"
#include "base/hr.h"
#include "rule/expr.h"
#include "rule/tally.h"
#include "rule/window.h"
#include "stream/relation.h"

struct hr_aggregate_group {
	const char *name;		/* of the column that is made */
	const char *expr;		/* a column or an expression; NULL: the column of that name */
};

struct hr_aggregate_output {
	const char *name;
	enum hr_aggregate_function function;
	const char *expr;		/* a column or an expression; NULL: count(*) */
	const char *filter;		/* rows that count, or NULL: all */
};

enum hr_aggregate_emit {
	HR_EMIT_CHANGE,			/* what a batch of transactions changed */
	HR_EMIT_WINDOW,			/* a window when it closes */
	HR_EMIT_INTERVAL,		/* what was changed since, every so often */
};

enum hr_aggregate_late {
	HR_LATE_DROP,			/* rows of closed windows are counted, and that is all */
	HR_LATE_AGAIN,			/* the window's groups change, and are shown again */
};

struct hr_aggregate_spec {
	const char *schema, *table;	/* of what is made */
	uint32_t relation;		/* its number in the stream */
	const struct hr_aggregate_group *group;
	int groups;
	const struct hr_aggregate_output *output;
	int outputs;
	struct hr_window window;	/* size_us 0: none */
	const char *window_by;		/* a column or an expression: date, timestamp; NULL: time of the commit */
	enum hr_aggregate_emit emit;
	int64_t interval_us;		/* of HR_EMIT_INTERVAL */
	enum hr_aggregate_late late;
	/*
	 * Rows are inserted and then left alone, as far as this is concerned: min,
	 * max, distinct and windows by the time of the commit can be asked for, and
	 * a row that goes or changes is refused when it comes.  Else these are
	 * refused at once, and so is a table whose old rows do not come whole.
	 */
	bool append_only;
	uint64_t rules;			/* of what is done to rows before: others refuse the state */
	size_t max_memory;		/* 0: HR_AGGREGATE_MEMORY */
	uint64_t max_spill;		/* bytes in a file; 0: as the disk allows */
	const char *spill_dir;		/* NULL: TMPDIR or /tmp */
};

#define HR_AGGREGATE_MEMORY	((size_t)64 << 20)
#define HR_AGGREGATE_OUTPUTS_MAX 256
#define HR_WINDOW_START		"window_start"	/* columns beside those that were named */
#define HR_WINDOW_END		"window_end"

/* One value of a row. */
struct hr_summary_value {
	int column;			/* of the source, or -1: */
	struct hr_expr *expr;		/* or NULL: nothing, as of count(*) */
	enum hr_type type;
	int32_t typmod;
	bool as_is;			/* its binary value needs no other look */
};

struct hr_summary {
	struct hr_relation *relation;	/* what is made */
	char *source;			/* public.orders */
	struct hr_summary_value *group;
	int groups;
	struct hr_summary_value *argument;
	struct hr_expr **filter;
	struct hr_tally_kind *kind;
	int outputs;
	struct hr_window window;
	struct hr_summary_value by;	/* of event time */
	bool by_commit;
	bool append_only;
	bool needs_whole;		/* columns are read that are not of the key */
	int tenant;			/* the group's value that is the tenant, or -1 */
	uint64_t fingerprint;
};

/* 0, or -1 with *e set and nothing to clear. */
int hr_summary_init(struct hr_summary *p, const struct hr_aggregate_spec *s, const struct hr_relation *source,
    struct hr_err *e) HR_USED;
void hr_summary_clear(struct hr_summary *p);

/* What one row is for the aggregation. */
struct hr_taken {
	struct hr_buf key;		/* the window is to be filled in */
	int64_t time;			/* of the event */
	bool timeless;			/* it is in no window, as its time is NULL or infinite */
	struct hr_datum *argument;	/* one for each output; NULL is not counted */
	struct hr_scratch m;
};

void hr_taken_init(struct hr_taken *t, const struct hr_summary *p);
void hr_taken_clear(struct hr_taken *t);
/* 0, or -1 with *e set. */
int hr_summary_take(const struct hr_summary *p, const struct hr_value *row, const struct hr_datum *var,
    struct hr_taken *t, struct hr_err *e) HR_USED;
/* Is the argument of the output the same in both?  Then one in the place of the other changes nothing. */
bool hr_summary_same_argument(const struct hr_summary *p, int output, const struct hr_taken *x,
    const struct hr_taken *y);
/* Is it the key of a group of this plan? */
bool hr_summary_key_valid(const struct hr_summary *p, const uint8_t *key, size_t len);

#endif
