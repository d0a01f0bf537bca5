/*
 * ancestry.h - which foreign keys lead from a table to its tenant.
 *
 * A table of tenancy "parent" refers to a table that has the tenant's column,
 * or that refers to such a table in its turn.  The source's catalogs say how;
 * what cannot be followed is refused here.
 */
#ifndef HR_ANCESTRY_H
#define HR_ANCESTRY_H

#include "capture/route.h"
#include "pg/conn.h"

struct hr_ancestry {
	struct {
		uint32_t table;		/* what the step leads to */
		char kind;		/* its relkind */
		uint32_t from[HR_STEP_COLUMNS_MAX];	/* types of the columns that refer to it */
	} step[HR_STEPS_MAX];
	uint32_t tenant_type;		/* of the tenant's column */
};

/*
 * Find the way of a relation whose tenancy is by parent, and fill its steps
 * and *a.  publication: comma-separated; tables on the way have to be in one.
 * 0, or -1 with *e set (HR_CONFIG: what to do) and the relation without steps.
 */
int hr_ancestry_find(struct hr_ancestry *a, struct hr_relation *rel, const struct hr_router *r,
    const char *publication, struct hr_conn *c, struct hr_err *e) HR_USED;

/*
 * What could be said of a table that has no tenant of its own: the foreign key
 * that leads to one.  Gives a hint's text; NULL when there is none, or not one.
 */
char *hr_ancestry_suggest(const struct hr_relation *rel, const struct hr_router *r, struct hr_conn *c);

#endif
