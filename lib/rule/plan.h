/*
 * plan.h - what the rules make of the rows of one table and tenant.
 *
 * The stages, in this order, each where a rule asks for it: checks look at the row
 * as it came, then its columns are masked, then the filter, then columns are
 * added.  Columns that are left out are there until then, so that filters and
 * expressions can look at them, masked.  Aggregations see what is there then.
 */
#ifndef HR_PLAN_H
#define HR_PLAN_H

#include "rule/expr.h"
#include "rule/key.h"
#include "rule/mask.h"
#include "rule/rules.h"
#include "stream/relation.h"

struct hr_plan_check {
	struct hr_expr *x;
	char *reason;			/* "column 'age' is below 0"; no value in it */
	enum hr_otherwise otherwise;
};

struct hr_plan_add {
	const struct hr_rule_add *rule;
	struct hr_expr *x;		/* the value, or the key to look up */
	enum hr_type type;
};

struct hr_plan {
	struct hr_relation *in;		/* as it came */
	struct hr_relation *masked;	/* the same columns, of the types they have then */
	struct hr_relation *out;	/* as it goes on */
	struct hr_relation *all;	/* masked, and what is added behind: what aggregations see */
	bool left_out;			/* the whole table does not go on */
	bool gathers;			/* its rows are aggregated */
	uint64_t rules;			/* gathers: of what is done to its rows before */
	bool opens;			/* rows have to be looked at */
	bool same_layout;		/* out has the columns of in */
	struct hr_mask **mask;		/* of each column, or NULL */
	int *of;			/* fake: the column that says who it is */
	bool *kept;			/* of each column */
	bool asks;			/* a mask is a service */
	struct hr_plan_check *check;
	size_t checks;
	struct hr_expr **filter;	/* all of them have to be true */
	size_t filters;
	bool decides;			/* rows may not go on: by them, or by checks that park or drop */
	bool filter_by_key;		/* what decides looks at the replica identity alone */
	bool by_whose;			/* who a row is of says whether it passes, and a delete may not know */
	struct hr_plan_add *add;
	size_t adds;
	uint64_t printed;		/* rows */
};

/*
 * Gives in *p.  tenant NULL: rules for some tenants only are not applied.  0, or -1
 * with *e set (HR_CONFIG): a column or type does not fit, a key column would lose its
 * uniqueness, and the like, with the rule's place in front.
 */
int hr_plan_new(struct hr_plan **p, const struct hr_rules *rules, const struct hr_relation *r, const char *tenant,
    const struct hr_key *key, struct hr_err *e) HR_USED;
void hr_plan_free(struct hr_plan *p);

/* Do a delete's old row or key say whose it was?  What finds its tenant by a parent may have lost that. */
bool hr_plan_says_whose(const struct hr_relation *r);

/* For eyes: a line for each column and stage that does something. */
void hr_plan_describe(const struct hr_plan *p, struct hr_buf *out);

#endif
