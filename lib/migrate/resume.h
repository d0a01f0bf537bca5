/*
 * resume.h - how far a verification is, and the file that keeps it.
 *
 * The file is one JSON object, written beside and renamed after each chunk, so
 * that the same command goes on behind the last one after it was killed.
 */
#ifndef HR_MIGRATE_RESUME_H
#define HR_MIGRATE_RESUME_H

#include "base/err.h"
#include "base/hr.h"
#include "migrate/report.h"

/* How far one table is. */
struct hr_resume_table {
	char *name;
	struct hr_count count;
	char **line;		/* of the differences shown; kept when there is a file */
	size_t lines, line_cap;
	size_t shown;
	char **last;		/* the end of the last chunk that is done, NULL: before the first */
	size_t lasts;
	bool ended;
};

struct hr_resume {
	const char *path;	/* NULL: nothing is kept */
	char *command;		/* what is verified, as text: another command is refused */
	hr_lsn lsn;		/* the source's position when it began */
	uint64_t repair_bytes;	/* of the repair's work file */
	struct hr_resume_table *table;
	size_t tables, table_cap;
};

#define HR_RESUME_MAX (256 * 1024 * 1024)

/*
 * Read the file.  1 when there is one, 0 when there is none, -1 with *e set
 * when it cannot be used (HR_CONFIG: it is of another command).
 */
int hr_resume_load(struct hr_resume *r, struct hr_err *e) HR_USED;
int hr_resume_save(const struct hr_resume *r, struct hr_err *e) HR_USED;
/* It is complete: the file goes. */
int hr_resume_remove(const struct hr_resume *r, struct hr_err *e) HR_USED;
void hr_resume_clear(struct hr_resume *r);

/* The table's entry, made when it is not there; lent until the next is made. */
struct hr_resume_table *hr_resume_table(struct hr_resume *r, const char *name);
/* The last chunk ended at this key of n texts. */
void hr_resume_last(struct hr_resume_table *t, char *const *key, size_t n);

/* As text; decode: 0, or -1 with *e set.  *r must be clear but for path and command. */
char *hr_resume_encode(const struct hr_resume *r);	/* gives */
int hr_resume_decode(struct hr_resume *r, const char *text, size_t len, struct hr_err *e) HR_USED;

#endif
