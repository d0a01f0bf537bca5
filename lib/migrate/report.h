/* report.h - what is printed on standard output, and progress on a terminal. */
#ifndef HR_MIGRATE_REPORT_H
#define HR_MIGRATE_REPORT_H

#include "base/hr.h"
#include "migrate/table.h"

#define HR_SHOWN_MAX 100	/* differences shown of a table */

enum hr_kind { HR_ROW_MISSING, HR_ROW_EXTRA, HR_ROW_CHANGED };
extern const char *const hr_kind_name[3];

/* A row that differs.  Values are by column of the relation, NULL for NULL. */
struct hr_difference {
	const struct hr_twin *twin;
	enum hr_kind kind;
	const char *const *key;			/* NULL: the table has none */
	const char *const *source, *const *target;	/* NULL: there is no such row */
	uint64_t rows;				/* how many such rows */
	bool doubled;				/* the target has the key more than once */
};

struct hr_report {
	bool json;
	bool progress;		/* on a terminal */
	bool drawn;		/* a line of progress is there */
	int64_t drawn_at;
};

/* How a table came out. */
struct hr_count {
	uint64_t rows, chunks, differing;
};

/* The line of a difference, without its newline.  Gives. */
char *hr_report_difference(const struct hr_report *r, const struct hr_difference *d);

/* Print a line. */
void hr_report_line(struct hr_report *r, const char *line);
void hr_report_table(struct hr_report *r, const char *table, const struct hr_count *n);
void hr_report_summary(struct hr_report *r, hr_lsn lsn, size_t tables, const struct hr_count *n);

/* Progress, where there is a terminal; the line goes before anything else is printed. */
void hr_report_progress(struct hr_report *r, const char *table, const struct hr_count *n);
void hr_report_wipe(struct hr_report *r);

#endif
