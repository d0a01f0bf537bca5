/*
 * relation.h - a table as the source describes it, and the table of those.
 *
 * A relation frame comes before the first row of its table and again when the
 * table has changed.  Types travel by name: an OID means nothing elsewhere.
 */
#ifndef HR_RELATION_H
#define HR_RELATION_H

#include "base/buf.h"
#include "base/err.h"
#include "base/hr.h"
#include "base/map.h"

#define HR_COLUMNS_MAX 1664	/* PostgreSQL's MaxTupleAttributeNumber */

struct hr_column {
	char *name;
	char *type_schema;
	char *type_name;
	uint32_t type;		/* the source's OID of it */
	int32_t typmod;		/* -1: none */
	bool key;		/* part of the replica identity */
};

/* Rows that reach their tenant through foreign keys: one key on the way. */
struct hr_step {
	char *schema, *name;	/* the table that it refers to */
	int columns;
	char **from, **to;	/* columns of the table before, and those here */
};
#define HR_STEPS_MAX 16
#define HR_STEP_COLUMNS_MAX 32	/* PostgreSQL's INDEX_MAX_KEYS */

struct hr_relation {
	uint32_t id;		/* the source's OID of the table */
	char *schema;
	char *name;
	char identity;		/* pg_class.relreplident: d n f i */
	char tenancy;		/* c column, p parent, s schema, d database, a all tenants */
	int tenant_column;	/* index, or -1 */
	int columns;
	struct hr_column *column;
	/* tenancy p: from this table to the one whose column is the tenant */
	int steps;
	struct hr_step *step;
	char *tenant_name;	/* that column */
};

void hr_relation_encode(const struct hr_relation *r, struct hr_buf *out);
/* Gives a new relation in *r.  0, or -1 with *e set and *r NULL. */
int hr_relation_decode(struct hr_relation **r, const uint8_t *data, size_t len, struct hr_err *e) HR_USED;
bool hr_relation_same(const struct hr_relation *a, const struct hr_relation *b);
void hr_relation_free(struct hr_relation *r);
/* The index of the column of that name; -1: there is none. */
int hr_relation_column(const struct hr_relation *r, const char *name);
/* Gives; NULL with *e set. */
struct hr_relation *hr_relation_copy(const struct hr_relation *r, struct hr_err *e) HR_USED;
/* Does the table hold rows of many tenants, each of one? */
bool hr_relation_mixed(const struct hr_relation *r);
/* Leave the way to the tenant out. */
void hr_relation_clear_steps(struct hr_relation *r);

/* Relations by id. */
struct hr_relations {
	struct hr_map map;
};

struct hr_relation *hr_relations_get(const struct hr_relations *t, uint32_t id);	/* or NULL */
/* Takes r over; an earlier one of that id is freed. */
void hr_relations_put(struct hr_relations *t, struct hr_relation *r);
void hr_relations_clear(struct hr_relations *t);

#endif
