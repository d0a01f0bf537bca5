/*
 * node.h - an expression as a tree, between its modules: parse.h makes it,
 * check.h gives it types, eval.h runs it.
 *
 * Nodes and all they hold lie in the scratch memory that the expression keeps
 * as long as it lives; compiled patterns are freed with it.
 */
#ifndef HR_NODE_H
#define HR_NODE_H

#include "base/err.h"
#include "base/hr.h"
#include "rule/datum.h"

enum hr_node_op {
	HR_NODE_CONST,
	HR_NODE_COLUMN,
	HR_NODE_VAR,		/* $tenant */
	HR_NODE_NEG, HR_NODE_ADD, HR_NODE_SUB, HR_NODE_MUL, HR_NODE_DIV, HR_NODE_MOD,
	HR_NODE_EQ, HR_NODE_NE, HR_NODE_LT, HR_NODE_LE, HR_NODE_GT, HR_NODE_GE,
	HR_NODE_DISTINCT, HR_NODE_SAME,		/* IS [NOT] DISTINCT FROM */
	HR_NODE_AND, HR_NODE_OR, HR_NODE_NOT,
	HR_NODE_IS_NULL, HR_NODE_NOT_NULL, HR_NODE_IS_TRUE, HR_NODE_NOT_TRUE, HR_NODE_IS_FALSE,
	HR_NODE_NOT_FALSE, HR_NODE_IS_UNKNOWN, HR_NODE_NOT_UNKNOWN,
	HR_NODE_IN,		/* the value, then the list */
	HR_NODE_LIKE, HR_NODE_ILIKE,		/* the third argument is ESCAPE's */
	HR_NODE_MATCH, HR_NODE_IMATCH,		/* ~ ~* */
	HR_NODE_CONCAT,		/* || */
	HR_NODE_ARROW, HR_NODE_ARROW_TEXT, HR_NODE_PATH, HR_NODE_PATH_TEXT, HR_NODE_HAS,	/* -> ->> #> #>> ? */
	HR_NODE_CAST,
	HR_NODE_CASE,		/* condition, result, ..., ELSE's */
	HR_NODE_CALL,
};

struct hr_node;
struct hr_scope;

/* 0 with *d set, 1 when the value was not sent, -1 with *e set. */
typedef int hr_node_fn(const struct hr_node *n, const struct hr_scope *s, struct hr_datum *d,
    struct hr_err *e);

struct hr_node {
	hr_node_fn *eval;
	enum hr_node_op op;
	enum hr_type type;
	int32_t typmod;		/* CAST; -1: none */
	uint32_t at;		/* where it begins, from 1 */
	int depth;
	int weight;		/* how many nodes are run for it, at most */
	bool checked;
	bool kept;		/* not to be folded: its arguments are looked at */
	int args;
	struct hr_node **arg;
	const char *name;	/* of a column, a function; of an operator for messages */
	int column;		/* COLUMN, VAR: its index */
	struct hr_datum value;	/* CONST */
	const void *more;	/* what the op needs beside: a pattern, a field, a list */
	int64_t number;
};

#endif
