/*
 * table.h - a table of the source and the one of its name at the target, as
 * they are compared.
 *
 * Columns are matched by name.  A key is the replica identity's index or the
 * primary key at the source; a table without one is compared as a multiset.
 */
#ifndef HR_MIGRATE_TABLE_H
#define HR_MIGRATE_TABLE_H

#include "base/err.h"
#include "base/hr.h"
#include "capture/source.h"
#include "pg/conn.h"
#include "state/config.h"

enum hr_side { HR_SOURCE, HR_TARGET };
extern const char *const hr_side_name[2];	/* "source", "target" */

#define HR_KEYS_MAX 32		/* columns of an index */

/* How a column of the key is put in order, the same way on both sides. */
enum hr_key_order {
	HR_ORDER_NATIVE,	/* as its type has it */
	HR_ORDER_C,		/* text, by COLLATE "C" */
	HR_ORDER_TEXT,		/* its text, by COLLATE "C" */
	HR_ORDER_UTF8,		/* its text in UTF-8: the databases' encodings differ in order */
};

/* What the catalogs of one side say of a column. */
struct hr_column_fact {
	char *name;
	bool notnull, generated;
	uint32_t base;		/* the type below domains */
	char kind;		/* its pg_type.typtype */
	char *type;		/* quoted, with its schema */
	char *labels;		/* of an enum */
	char *collation;	/* quoted, with its schema; NULL: the type has none */
	char *locale;		/* provider, locale and version: what decides the order; NULL: unknown */
	bool deterministic;
};

struct hr_facts {
	char relkind;		/* 0: there is no such table */
	struct hr_column_fact *column;
	int columns;
};

struct hr_key_column {
	int column;		/* of the relation */
	enum hr_key_order order;
	char *type[2];		/* a key's text is cast to this; NULL: it stays text */
	char *collation[2];	/* to look it up; NULL: the type has none */
	bool nullable;		/* at the target */
};

struct hr_twin {
	struct hr_relation *relation;	/* the source's; a copy, tenancy filled */
	char *name;			/* schema.table */
	char *filter;			/* the publication's row filter, or NULL */
	enum hr_tenancy tenancy;
	char *tenant;			/* schema and database tenancy: whose it is */
	char kind[2];			/* pg_class.relkind */
	bool *compared;			/* by column: not generated at the target */
	struct hr_key_column key[HR_KEYS_MAX];
	int keys;			/* 0: none */
	bool loose[2];			/* the tenant's column takes other names for the same */
	bool nullable;			/* some column of the key may be NULL at the target */
};

/*
 * Look at both sides of a table, whose route has been decided.  Takes nothing over.  0, or -1 with *e set:
 * HR_CONFIG when the target lacks the table or a column.  *w is clear then.
 */
int hr_twin_load(struct hr_twin *w, struct hr_conn *const conn[2], const struct hr_source_table *t,
    struct hr_err *e) HR_USED;
void hr_twin_clear(struct hr_twin *w);

/*
 * The order that two columns have in common, and what a key's text is cast to
 * on each side: "" is the column's own type, NULL text.
 */
enum hr_key_order hr_key_order(const struct hr_column_fact *source, const struct hr_column_fact *target,
    const char *encoding[2], const char *cast[2]);

#endif
