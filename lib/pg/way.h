/*
 * way.h - SQL along a relation's way to its tenant (tenancy p).
 *
 * The table itself is called t, the tables that its steps lead to w0, w1, and
 * so on; nothing else may have these names in the statement.
 */
#ifndef HR_WAY_H
#define HR_WAY_H

#include "base/buf.h"
#include "stream/relation.h"

/*
 * Append joins of the first n tables of the way: "LEFT JOIN s.parent w0 ON
 * w0.id = t.parent_id ...".  how is "JOIN" or "LEFT JOIN".
 */
void hr_way_join(struct hr_buf *sql, const struct hr_relation *r, int n, const char *how);

/*
 * Append "EXISTS (SELECT FROM s.parent w0 ... WHERE w0.id = t.parent_id AND "
 * over all of the way; a condition and ")" are the caller's.
 */
void hr_way_exists(struct hr_buf *sql, const struct hr_relation *r);

/* Append the column that holds the tenant: w1.tenant_id. */
void hr_way_tenant(struct hr_buf *sql, const struct hr_relation *r);

/*
 * Append the condition that t is under the row which step number n leads to.
 * value: SQL, as many as the step has columns.
 */
void hr_way_under(struct hr_buf *sql, const struct hr_relation *r, int n, char *const *value);

#endif
