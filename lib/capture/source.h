/* source.h - what the source's catalogs say of publications, tables and types. */
#ifndef HR_SOURCE_H
#define HR_SOURCE_H

#include "base/err.h"
#include "base/hr.h"
#include "pg/conn.h"
#include "stream/relation.h"

struct hr_type_name {
	uint32_t oid;
	char *schema, *name;
};

/* Names of types by OID, read once and again when an unknown one is met. */
struct hr_type_names {
	struct hr_type_name *type;	/* sorted by OID */
	size_t types;
};
int hr_types_load(struct hr_type_names *t, struct hr_conn *c, struct hr_err *e) HR_USED;
const struct hr_type_name *hr_types_find(const struct hr_type_names *t, uint32_t oid);
void hr_types_clear(struct hr_type_names *t);

struct hr_source_table {
	struct hr_relation *relation;	/* as the stream will describe it */
	char kind;			/* pg_class.relkind: r or p */
	int64_t pages;
	char *filter;			/* the publication's row filter, or NULL */
	bool publishes_changes;		/* updates or deletes */
	bool keyed;			/* a unique index tells its rows apart */
	bool *scopes;			/* by column: every unique index has it */
};

struct hr_source_tables {
	struct hr_source_table *table;	/* largest first */
	size_t tables;
};

/*
 * The tables of the publications (comma-separated), described as pgoutput
 * would.  A publication that does not exist is an error (HR_CONFIG).
 */
int hr_source_tables(struct hr_source_tables *s, struct hr_conn *c, const char *publication,
    const struct hr_type_names *types, struct hr_err *e) HR_USED;
/* The table of that oid, as the catalogs had it then, lent; NULL: it was added since. */
const struct hr_source_table *hr_source_tables_get(const struct hr_source_tables *s, uint32_t id);
void hr_source_tables_clear(struct hr_source_tables *s);

/* Is the server one to capture from?  Version and wal_level. */
int hr_source_check(struct hr_conn *c, struct hr_err *e) HR_USED;

#endif
