/*
 * verify.h - compare a target with its source while both are live.
 *
 * A verification takes one table after the other, chunk by chunk.  What is
 * shared by the modules of this folder is here; only hr_verify() is for
 * others.
 */
#ifndef HR_MIGRATE_VERIFY_H
#define HR_MIGRATE_VERIFY_H

#include "base/err.h"
#include "base/hr.h"
#include "capture/route.h"
#include "capture/source.h"
#include "migrate/reach.h"
#include "migrate/repair.h"
#include "migrate/report.h"
#include "migrate/resume.h"
#include "migrate/select.h"
#include "migrate/table.h"
#include "state/config.h"

struct hr_verify_options {
	const char *from, *to;		/* connection strings */
	const char *publication;
	const char *stream;		/* NULL: the target is not waited for */
	const struct hr_config *config;	/* tenancy, and the tenants chosen */
	char *const *table;		/* schema.table; none: all */
	size_t tables;
	int64_t chunk_rows;
	int64_t timeout_us;
	const char *state, *repair;	/* files, or NULL */
	bool json;
};

/* 0 with *equal set, or -1 with *e set. */
int hr_verify(const struct hr_verify_options *o, bool *equal, struct hr_err *e) HR_USED;

struct hr_verify {
	const struct hr_verify_options *o;
	struct hr_conn *conn[2];
	uint64_t system[2];
	char *database[2];
	char *server[2];		/* when it was started */
	uint32_t timeline;
	char *list;			/* the tenants as text[], or NULL */
	struct hr_scope scope;
	struct hr_twin *twin;
	size_t twins;
	struct hr_reach reach;
	struct hr_report report;
	struct hr_resume resume;
	struct hr_repair repair;
	struct hr_select select;
	int64_t saved_at, saving_us;	/* the state: when, and how long it took */
};

/* Run v->select at a side; errors name the table.  0, or -1. */
int hr_verify_ask(struct hr_verify *v, const struct hr_twin *w, enum hr_side side, struct hr_result **r,
    struct hr_err *e) HR_USED;

/* Print a difference, of the first of a table, and have it in the repair. */
int hr_verify_say(struct hr_verify *v, struct hr_resume_table *t, const struct hr_difference *d,
    struct hr_err *e) HR_USED;

#endif
