/*
 * parse.h - SQL's expression syntax, read into a tree.
 *
 * The precedence is PostgreSQL's: OR, AND, NOT, IS, comparisons, LIKE IN
 * BETWEEN, other operators, + -, * / %, signs, ::.  Names that are not quoted
 * are folded to lower case.  Strings are '...' and E'...'.  Which columns and
 * functions there are is not known here.
 */
#ifndef HR_PARSE_H
#define HR_PARSE_H

#include "rule/node.h"

#define HR_EXPR_TEXT_MAX	65536	/* bytes */
#define HR_EXPR_NODES_MAX	20000
#define HR_EXPR_DEPTH_MAX	200

/* Put "character N" in front; -1. */
int hr_parse_fail(uint32_t at, struct hr_err *e, const char *fmt, ...) HR_PRINTF(3, 4);

/* 0 with *root set, or -1 with *e set. */
int hr_parse(const char *text, struct hr_node **root, struct hr_scratch *m, struct hr_err *e) HR_USED;

/* A node of so many arguments, which are to be filled. */
struct hr_node *hr_node_new(enum hr_node_op op, uint32_t at, int args, struct hr_scratch *m);

#endif
