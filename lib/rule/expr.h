/*
 * expr.h - SQL's expressions over the columns of a relation, compiled once and
 * evaluated row by row.
 *
 *	struct hr_expr *x = hr_expr_new("status = 'done' AND amount > 10", rel, NULL, &e);
 *	struct hr_scope s = { value, var, &scratch };
 *	...
 *	hr_scratch_reset(&scratch);
 *	rc = hr_expr_test(x, &s, &truth, &e);
 *
 * An expression means what it means in PostgreSQL: types are resolved and
 * checked when it is compiled, NULL is unknown, integers do not overflow, a
 * numeric is exact.  What would depend on settings is fixed: TimeZone UTC,
 * DateStyle ISO, text compared bytewise (COLLATE "C"), characters and their
 * case those of C.UTF-8 (also of a name, which has ASCII's there).  What depends
 * on when it is asked is refused.  A constant part that fails does so when it is
 * reached, not before.
 *
 * There are: = <> != < <= > >=, IS [NOT] NULL, TRUE, FALSE, UNKNOWN, DISTINCT
 * FROM, AND OR NOT, IN (list), BETWEEN [SYMMETRIC], LIKE and ILIKE with ESCAPE,
 * ~ ~* with constant patterns (pattern.h), + - * / %, ||, ::type and CAST,
 * CASE, COALESCE, NULLIF, GREATEST, LEAST, -> ->> #> #>> ? on json and jsonb,
 * and the functions of function.c.
 *
 * A value that was not sent (HR_VALUE_UNCHANGED) is unlike NULL: what depends
 * on it is said to depend on it.  Of it is only known that it is not NULL.
 *
 * An expression is not changed by being evaluated: several threads may share
 * it, each with a scope of its own.
 */
#ifndef HR_EXPR_H
#define HR_EXPR_H

#include "rule/datum.h"
#include "rule/eval.h"
#include "rule/parse.h"

struct hr_expr;

/* What an expression can name beside columns, and the types of them. */
enum hr_expr_var {
	HR_VAR_TENANT,		/* $tenant, text */
	HR_VAR_SCHEMA,		/* $schema, text */
	HR_VAR_TABLE,		/* $table, text */
	HR_VAR_OP,		/* $op, text */
	HR_VAR_XID,		/* $xid, bigint */
	HR_VAR_LSN,		/* $lsn, pg_lsn */
	HR_VAR_COMMIT_TIME,	/* $commit_time, timestamptz */
};
#define HR_VARS (HR_VAR_COMMIT_TIME + 1)

/*
 * Gives; NULL with *e set, "character N: ..." where it is wrong.  With as, the
 * result is what an assignment to that column makes of it, or refused.
 */
struct hr_expr *hr_expr_new(const char *text, const struct hr_relation *r, const struct hr_column *as,
    struct hr_err *e) HR_USED;
/* The same of what has to be a boolean. */
struct hr_expr *hr_expr_new_filter(const char *text, const struct hr_relation *r, struct hr_err *e) HR_USED;
void hr_expr_free(struct hr_expr *x);

enum hr_type hr_expr_type(const struct hr_expr *x);
/* Does it look at the column, at a variable? */
bool hr_expr_reads(const struct hr_expr *x, int column);
bool hr_expr_reads_var(const struct hr_expr *x, enum hr_expr_var v);
/* The value that it always has, or NULL when it depends on the row. */
const struct hr_datum *hr_expr_constant(const struct hr_expr *x);

/*
 * 0 with *d set, which lives as long as the row and the scope's scratch; 1 when
 * it depends on a value that was not sent; -1 with *e set: a division by zero,
 * a number out of range, a text that is no date.
 */
int hr_expr_eval(const struct hr_expr *x, const struct hr_scope *s, struct hr_datum *d, struct hr_err *e) HR_USED;

enum hr_truth { HR_FALSE, HR_TRUE, HR_UNKNOWN };

/* The same of a filter. */
int hr_expr_test(const struct hr_expr *x, const struct hr_scope *s, enum hr_truth *truth,
    struct hr_err *e) HR_USED;

#endif
