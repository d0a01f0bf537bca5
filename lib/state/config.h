/*
 * config.h - a pipeline's YAML file: hr-config(5).
 *
 * Unknown keys, wrong types and values outside their range are errors that
 * name file, line and column.  Passwords have no place in it.
 */
#ifndef HR_CONFIG_H
#define HR_CONFIG_H

#include "base/err.h"
#include "base/hr.h"

enum hr_tenancy {
	HR_TENANCY_UNSET,
	HR_TENANCY_COLUMN,	/* a column holds the tenant */
	HR_TENANCY_PARENT,	/* the row that a foreign key refers to has it */
	HR_TENANCY_SCHEMA,	/* the schema's name, by a regular expression */
	HR_TENANCY_DATABASE,	/* the whole database is one tenant */
	HR_TENANCY_SHARED,	/* every tenant gets all rows */
	HR_TENANCY_NONE,	/* left out, by name */
};

enum hr_null_tenant { HR_NULL_REFUSE, HR_NULL_SHARED, HR_NULL_NONE };

struct hr_config_table {
	char *table;		/* schema.table; * and ? stand for any text, any character */
	enum hr_tenancy tenancy;
	char *column;		/* HR_TENANCY_COLUMN; _PARENT: one of the foreign key's, or NULL */
	int line;
};

struct hr_config {
	char *path;		/* for messages */
	char *name;
	struct {
		char *dbname, *slot;
		char *publication;	/* a list is joined by commas */
		bool create_slot, snapshot;
		char *origin;		/* "any", "none" or NULL */
		int jobs;		/* copy connections; 0: not said */
	} source;
	struct {
		char *dbname;
		int jobs;		/* 0: not said */
		char *ddl;		/* "none", "add", "all" or NULL */
		char *sequences;	/* "keep", "follow", "at-end" or NULL */
		char *synchronous_commit;	/* "on", "off" or NULL */
		int batch_rows;		/* 0: not said */
	} target;
	struct {
		char *column, *schema, *database;	/* at most one */
		enum hr_null_tenant null_tenant;
	} tenancy;
	char **tenant;
	size_t tenants;
	struct hr_config_table *table;
	size_t tables;
	char *rules;			/* hr-rules(5), from where the file is; or NULL */
	char *tier;			/* one of the four, or NULL */
	int64_t max_lag_seconds;	/* 0: not said */
	int64_t priority;
};

#define HR_CONFIG_INIT { 0 }

/* 0, or -1 with *e set (HR_CONFIG, the place in front). */
int hr_config_load(struct hr_config *c, const char *path, struct hr_err *e) HR_USED;
int hr_config_parse(struct hr_config *c, const char *path, const char *text, size_t len,
    struct hr_err *e) HR_USED;
void hr_config_clear(struct hr_config *c);

/* What options say stands above the file: nothing said (all NULL, 0) changes nothing. */
void hr_config_say_tenancy(struct hr_config *c, const char *column, const char *schema, const char *database);
void hr_config_say_tenants(struct hr_config *c, char *const *tenant, size_t tenants);

/*
 * The commands of the pipeline, one a line, quoted for sh: what hr-supervise
 * runs and prints.  state is the pipeline's directory.  Gives the text.
 */
char *hr_config_pipeline(const struct hr_config *c, const char *state);

#endif
