/*
 * eval.h - running an expression's nodes; which of these a node has is decided
 * by check.h.
 *
 * A value that was not sent makes 1 of what depends on it.  It is not NULL:
 * only a value that is there is moved out of its row.
 */
#ifndef HR_EVAL_H
#define HR_EVAL_H

#include "rule/node.h"

struct hr_scope {
	const struct hr_value *row;	/* of the relation's columns */
	const struct hr_datum *var;	/* of enum hr_expr_var */
	struct hr_scratch *m;		/* the result lives in it */
};

/* Of an IN whose list is constant: in order, without NULLs. */
struct hr_in_list {
	struct hr_datum *value;
	int n;
	bool has_null;
};

/* Of #> and #>>. */
struct hr_json_path {
	int n;
	struct { const uint8_t *p; size_t n; } step[];
};

/* A function of arguments that are not NULL. 0, or -1 with *e set. */
typedef int hr_call_fn(const struct hr_node *n, struct hr_datum *arg, struct hr_datum *d,
    struct hr_scratch *m, struct hr_err *e);

#define HR_ARGS_MAX 100		/* of a function, as in PostgreSQL */

hr_node_fn hr_eval_const, hr_eval_var, hr_eval_column;
hr_node_fn hr_eval_neg, hr_eval_int, hr_eval_float, hr_eval_numeric;
hr_node_fn hr_eval_date_days, hr_eval_date_between, hr_eval_timestamp_span, hr_eval_timestamp_between,
    hr_eval_time_span, hr_eval_time_between, hr_eval_spans, hr_eval_span_scaled, hr_eval_timestamp_time;
hr_node_fn hr_eval_compare, hr_eval_int_const, hr_eval_text_const, hr_eval_jsonb_equal;
hr_node_fn hr_eval_distinct, hr_eval_and, hr_eval_or, hr_eval_not, hr_eval_is_null, hr_eval_is_bool;
hr_node_fn hr_eval_in, hr_eval_in_list, hr_eval_like, hr_eval_regex, hr_eval_concat;
hr_node_fn hr_eval_arrow, hr_eval_path, hr_eval_has, hr_eval_cast, hr_eval_date_compared, hr_eval_assign, hr_eval_case;
hr_node_fn hr_eval_call, hr_eval_coalesce, hr_eval_greatest, hr_eval_nullif, hr_eval_concat_all;

#endif
