/*
 * check.h - what the parts of an expression are: columns are found, types are
 * resolved as PostgreSQL does, constants are computed, and each node gets the
 * function that runs it.
 */
#ifndef HR_CHECK_H
#define HR_CHECK_H

#include "rule/node.h"

struct hr_regex;

struct hr_check {
	const struct hr_relation *relation;
	struct hr_scratch *m;		/* of the expression */
	struct hr_scratch tmp;		/* of one constant in the making */
	struct hr_err *e;
	uint64_t *reads;		/* a bit for each column */
	uint64_t *vars;			/* and for each variable */
	struct hr_regex **regex;	/* those compiled, to be freed */
	int regexes, regex_cap;
};

/* 0, or -1 with *e set. *n may become another node. */
int hr_check(struct hr_check *c, struct hr_node **n) HR_USED;
/* Make that type of it where PostgreSQL would without being told: 0, or -1 with *e set. */
int hr_check_coerce(struct hr_check *c, struct hr_node **n, enum hr_type to) HR_USED;
/* The same where a value is assigned to a column. */
int hr_check_assign(struct hr_check *c, struct hr_node **n, const struct hr_column *to) HR_USED;
/* One type for all, and the nodes made so. */
int hr_check_common(struct hr_check *c, struct hr_node **n, int count, enum hr_type *type) HR_USED;
/* Is there a cast that needs no word? */
bool hr_type_implicit(enum hr_type from, enum hr_type to);
bool hr_type_textual(enum hr_type t);

#endif
