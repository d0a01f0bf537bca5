/*
 * check.c - what the parts of an expression are.
 *
 * The rules are PostgreSQL's, of the chapter "Type Conversion", for the types
 * that are there: a literal without a type takes that of the other side,
 * smallint goes to integer, bigint, numeric, real, double precision, date to
 * timestamp and timestamptz, varchar and name to text.  Text is never compared
 * with a number.
 */

#include "base/hr.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "rule/check.h"
#include "rule/eval.h"
#include "rule/expr.h"
#include "rule/function.h"
#include "rule/parse.h"
#include "rule/pattern.h"

/* --- types --- */

bool
hr_type_textual(enum hr_type t)
{
	return (t >= HR_TYPE_TEXT && t <= HR_TYPE_NAME) || t == HR_TYPE_CHAR || t == HR_TYPE_CITEXT;
}

static bool
is_int(enum hr_type t)
{
	return t >= HR_TYPE_INT2 && t <= HR_TYPE_INT8;
}

static bool
is_float(enum hr_type t)
{
	return t == HR_TYPE_FLOAT4 || t == HR_TYPE_FLOAT8;
}

static bool
is_number(enum hr_type t)
{
	return is_int(t) || is_float(t) || t == HR_TYPE_NUMERIC;
}

static bool
is_timestamp(enum hr_type t)
{
	return t == HR_TYPE_TIMESTAMP || t == HR_TYPE_TIMESTAMPTZ;
}

/* Where a number stands on the way to double precision. */
static int
step(enum hr_type t)
{
	switch (t) {
	case HR_TYPE_INT2: return 1;
	case HR_TYPE_INT4: return 2;
	case HR_TYPE_INT8: return 3;
	case HR_TYPE_NUMERIC: return 4;
	case HR_TYPE_FLOAT4: return 5;
	default: return 6;
	}
}

bool
hr_type_implicit(enum hr_type from, enum hr_type to)
{
	if (from == to || from == HR_TYPE_UNKNOWN)
		return true;
	if (is_number(from) && is_number(to))
		return step(from) < step(to);
	if (is_int(from) && to == HR_TYPE_OID)
		return true;
	if (hr_type_textual(from))
		return to == HR_TYPE_TEXT || ((from == HR_TYPE_TEXT || from == HR_TYPE_VARCHAR ||
		    from == HR_TYPE_BPCHAR) && to >= HR_TYPE_TEXT && to <= HR_TYPE_NAME);
	switch (from) {
	case HR_TYPE_DATE: return is_timestamp(to);
	case HR_TYPE_TIMESTAMP: return to == HR_TYPE_TIMESTAMPTZ;
	case HR_TYPE_TIME: return to == HR_TYPE_TIMETZ || to == HR_TYPE_INTERVAL;
	case HR_TYPE_CIDR: return to == HR_TYPE_INET;
	default: return false;
	}
}

/* Types between which one may be chosen. */
static int
category(enum hr_type t)
{
	if (is_number(t) || t == HR_TYPE_OID)
		return HR_TYPE_NUMERIC;
	if (hr_type_textual(t) || t == HR_TYPE_UNKNOWN)
		return HR_TYPE_TEXT;
	if (t == HR_TYPE_DATE || t == HR_TYPE_TIME || t == HR_TYPE_TIMETZ || is_timestamp(t))
		return HR_TYPE_DATE;
	return t == HR_TYPE_CIDR ? HR_TYPE_INET : t;
}

static bool
is_preferred(enum hr_type t)
{
	return t == HR_TYPE_FLOAT8 || t == HR_TYPE_OID || t == HR_TYPE_TEXT || t == HR_TYPE_TIMESTAMPTZ ||
	    t == HR_TYPE_INET || t == HR_TYPE_BOOL || t == HR_TYPE_INTERVAL;
}

/* --- constants --- */

static const char *
name_of(const struct hr_node *n)
{
	return hr_type_name(n->type);
}

static void
set_const(struct hr_node *n, struct hr_datum value)
{
	n->op = HR_NODE_CONST;
	n->eval = hr_eval_const;
	n->type = value.type;
	n->value = value;
	n->args = 0;
}

/* A literal without a type becomes one of that type; what it lies in may be shared. */
static int
give_type(struct hr_check *c, struct hr_node **n, enum hr_type to)
{
	struct hr_node *typed = hr_node_new(HR_NODE_CONST, (*n)->at, 0, c->m);
	const struct hr_datum *from = &(*n)->value;
	struct hr_datum d = { .type = to, .null = true };

	if (!from->null && hr_datum_parse(&d, to, (const char *)from->s.p, from->s.n, c->m, c->e) < 0) {
		c->e->code = HR_CONFIG;
		return hr_within(c->e, "character %u", (*n)->at);
	}
	set_const(typed, d);
	typed->checked = true;
	*n = typed;
	return 0;
}

static bool
all_const(const struct hr_node *n)
{
	int i;

	for (i = 0; i < n->args; i++)
		if (n->arg[i]->op != HR_NODE_CONST)
			return false;
	return n->args > 0;
}

/* What lies in other memory comes to the expression's; false when it is too much. */
static bool
keep(struct hr_check *c, struct hr_datum *d)
{
	switch (d->null ? HR_KIND_NONE : hr_type_kind(d->type)) {
	case HR_KIND_NUMERIC:
		d->num.digit = hr_scratch_copy(c->m, d->num.digit, (size_t)d->num.digits * sizeof(*d->num.digit));
		return true;
	case HR_KIND_TEXT: case HR_KIND_BYTES: case HR_KIND_UUID: case HR_KIND_INET: case HR_KIND_MACADDR:
	case HR_KIND_JSON:
		if (d->s.n > HR_EXPR_TEXT_MAX)
			return false;
		d->s.p = hr_scratch_copy(c->m, d->s.p, d->s.n);
		return true;
	default:
		return true;
	}
}

/* Is it NULL as soon as one of its arguments is? */
static bool
is_strict(const struct hr_node *n)
{
	return (n->op >= HR_NODE_NEG && n->op <= HR_NODE_GE) || n->op == HR_NODE_NOT ||
	    (n->op >= HR_NODE_LIKE && n->op <= HR_NODE_CAST) || n->eval == hr_eval_call;
}

static bool
has_null(const struct hr_node *n)
{
	int i;

	for (i = 0; i < n->args; i++)
		if (n->arg[i]->op == HR_NODE_CONST && n->arg[i]->value.null)
			return true;
	return false;
}

/* What is known now is computed now.  What fails does so when it is reached. */
static void
fold(struct hr_check *c, struct hr_node *n)
{
	struct hr_scope s = { NULL, NULL, &c->tmp };
	struct hr_err e = HR_ERR_INIT;
	struct hr_datum d;

	if (!n->kept && is_strict(n) && has_null(n)) {
		set_const(n, (struct hr_datum){ .type = n->type, .null = true });
		return;
	}
	if (n->kept || !all_const(n))
		return;
	hr_scratch_reset(&c->tmp);
	if (n->eval(n, &s, &d, &e) != 0)
		return;
	d.type = n->type;
	if (keep(c, &d))
		set_const(n, d);
}

static int
add_cast(struct hr_check *c, struct hr_node **n, enum hr_type to, int32_t typmod, hr_node_fn *eval)
{
	struct hr_node *cast = hr_node_new(HR_NODE_CAST, (*n)->at, 1, c->m);

	cast->arg[0] = *n;
	cast->type = to;
	cast->typmod = typmod;
	cast->eval = eval;
	cast->checked = true;
	fold(c, cast);
	*n = cast;
	return 0;
}

int
hr_check_coerce(struct hr_check *c, struct hr_node **n, enum hr_type to)
{
	if ((*n)->type == to)
		return 0;
	if ((*n)->type == HR_TYPE_UNKNOWN)
		return give_type(c, n, to);
	if (!hr_type_implicit((*n)->type, to))
		return hr_parse_fail((*n)->at, c->e, "%s is needed, not %s", hr_type_name(to), name_of(*n));
	return add_cast(c, n, to, -1, hr_eval_cast);
}

int
hr_check_assign(struct hr_check *c, struct hr_node **n, const struct hr_column *column)
{
	enum hr_type to = hr_type_of_column(column), from = (*n)->type;
	bool sized = to == HR_TYPE_VARCHAR || to == HR_TYPE_BPCHAR;

	if (to == HR_TYPE_NONE)
		return hr_parse_fail((*n)->at, c->e, "column '%s' is of type '%s', which rules cannot write",
		    column->name, column->type_name);
	if (from == HR_TYPE_UNKNOWN) {
		if (give_type(c, n, to) < 0)
			return -1;
	} else if (from != to && !hr_type_implicit(from, to) && !(is_number(from) && is_number(to)) &&
	    !(is_timestamp(from) && hr_datum_castable(from, to)) && !(to >= HR_TYPE_TEXT && to <= HR_TYPE_NAME) &&
	    !(from == HR_TYPE_JSON && to == HR_TYPE_JSONB) && !(from == HR_TYPE_JSONB && to == HR_TYPE_JSON) &&
	    !(to == HR_TYPE_CITEXT && hr_type_textual(from))) {
		hr_parse_fail((*n)->at, c->e, "column '%s' is of type %s but the expression is of type %s",
		    column->name, to == HR_TYPE_OTHER ? column->type_name : hr_type_name(to), hr_type_name(from));
		return hr_hint(c->e, "a cast may help");
	}
	if ((*n)->type == to && column->typmod < 0)
		return 0;
	return add_cast(c, n, to, column->typmod, sized ? hr_eval_assign : hr_eval_cast);
}

/* The one type that all can have; HR_TYPE_NONE with *odd set to who has another. */
static enum hr_type
common_type(struct hr_node **n, int count, int *odd)
{
	enum hr_type t = n[0]->type;
	int i;

	for (i = 1; i < count; i++) {
		enum hr_type next = n[i]->type;

		if (next == HR_TYPE_UNKNOWN || next == t)
			continue;
		if (t == HR_TYPE_UNKNOWN)
			t = next;
		else if (category(next) != category(t)) {
			*odd = i;
			return HR_TYPE_NONE;
		} else if (!is_preferred(t) && hr_type_implicit(t, next) && !hr_type_implicit(next, t))
			t = next;
	}
	for (i = 0; i < count; i++)
		if (!hr_type_implicit(n[i]->type, t)) {
			*odd = i;
			return HR_TYPE_NONE;
		}
	return t == HR_TYPE_UNKNOWN ? HR_TYPE_TEXT : t;
}

int
hr_check_common(struct hr_check *c, struct hr_node **n, int count, enum hr_type *type)
{
	int i, odd = 0, with = 0;

	*type = common_type(n, count, &odd);
	if (*type == HR_TYPE_NONE) {
		while (with < count - 1 && (n[with]->type == HR_TYPE_UNKNOWN || n[with]->type == n[odd]->type))
			with++;
		return hr_parse_fail(n[odd]->at, c->e, "%s and %s do not go together", name_of(n[with]), name_of(n[odd]));
	}
	for (i = 0; i < count; i++)
		if (hr_check_coerce(c, &n[i], *type) < 0)
			return -1;
	return 0;
}

/* --- leaves --- */

static const struct { const char *name; enum hr_type type; } var[HR_VARS] = {
	[HR_VAR_TENANT] = { "tenant", HR_TYPE_TEXT },
	[HR_VAR_SCHEMA] = { "schema", HR_TYPE_TEXT },
	[HR_VAR_TABLE] = { "table", HR_TYPE_TEXT },
	[HR_VAR_OP] = { "op", HR_TYPE_TEXT },
	[HR_VAR_XID] = { "xid", HR_TYPE_INT8 },
	[HR_VAR_LSN] = { "lsn", HR_TYPE_LSN },
	[HR_VAR_COMMIT_TIME] = { "commit_time", HR_TYPE_TIMESTAMPTZ },
};

static int
check_var(struct hr_check *c, struct hr_node *n)
{
	int i;

	for (i = 0; i < HR_VARS; i++)
		if (strcmp(var[i].name, n->name) == 0) {
			n->column = i;
			n->type = var[i].type;
			n->eval = hr_eval_var;
			*c->vars |= UINT64_C(1) << i;
			return 0;
		}
	hr_parse_fail(n->at, c->e, "there is no '$%s'", n->name);
	return hr_hint(c->e, "there are $tenant, $schema, $table, $op, $xid, $lsn and $commit_time");
}

static int
check_column(struct hr_check *c, struct hr_node *n)
{
	n->column = c->relation ? hr_relation_column(c->relation, n->name) : -1;
	if (n->column < 0) {
		if (c->relation == NULL)
			return hr_parse_fail(n->at, c->e, "there is no column '%s' here", n->name);
		hr_parse_fail(n->at, c->e, "table '%s.%s' has no column '%s'", c->relation->schema, c->relation->name,
		    n->name);
		return hr_hint(c->e, "names in lower case need no quotes, strings are in single quotes");
	}
	n->type = hr_type_of_column(&c->relation->column[n->column]);
	n->eval = hr_eval_column;
	c->reads[n->column / 64] |= UINT64_C(1) << (n->column % 64);
	return 0;
}

/* What is read needs a type that can be. */
static int
check_readable(struct hr_check *c, const struct hr_node *n)
{
	int i;

	for (i = 0; i < n->args; i++)
		if (n->arg[i]->type == HR_TYPE_NONE && n->op != HR_NODE_IS_NULL && n->op != HR_NODE_NOT_NULL)
			return hr_parse_fail(n->arg[i]->at, c->e, "column '%s' is of type '%s', which rules cannot read",
			    n->arg[i]->name, c->relation->column[n->arg[i]->column].type_name);
	return 0;
}

static int
no_operator(struct hr_check *c, const struct hr_node *n)
{
	if (n->args == 1)
		hr_parse_fail(n->at, c->e, "there is no %s %s", n->name ? n->name : "-", name_of(n->arg[0]));
	else
		hr_parse_fail(n->at, c->e, "there is no %s %s %s", name_of(n->arg[0]), n->name, name_of(n->arg[1]));
	return hr_hint(c->e, "a cast may help");
}

static int check_logic(struct hr_check *c, struct hr_node *n);

/* --- comparisons --- */

/* The type in which the two are compared; HR_TYPE_NONE: they are not. */
static enum hr_type
compared_as(enum hr_type x, enum hr_type y)
{
	if (x == HR_TYPE_UNKNOWN)
		x = y;
	if (y == HR_TYPE_UNKNOWN)
		y = x;
	if (x == HR_TYPE_UNKNOWN)
		return HR_TYPE_TEXT;
	if (x == y)
		return x == HR_TYPE_VARCHAR ? HR_TYPE_TEXT : x;
	if (hr_type_textual(x) && hr_type_textual(y)) {
		if ((x == HR_TYPE_BPCHAR && y == HR_TYPE_VARCHAR) || (x == HR_TYPE_VARCHAR && y == HR_TYPE_BPCHAR))
			return HR_TYPE_BPCHAR;
		return HR_TYPE_TEXT;
	}
	if (is_number(x) && is_number(y)) {
		if (is_int(x) && is_int(y))
			return HR_TYPE_INT8;
		return is_float(x) || is_float(y) ? HR_TYPE_FLOAT8 : HR_TYPE_NUMERIC;
	}
	if (hr_type_implicit(x, y) && y != HR_TYPE_INTERVAL)
		return y;
	if (hr_type_implicit(y, x) && x != HR_TYPE_INTERVAL)
		return x;
	return HR_TYPE_NONE;
}

/* Integers of all sizes, and varchar and text, are compared as they are. */
static int
coerce_compared(struct hr_check *c, struct hr_node **n, enum hr_type as)
{
	enum hr_type from = (*n)->type;

	if ((is_int(from) && is_int(as)) || (is_float(from) && is_float(as)) ||
	    (from == HR_TYPE_VARCHAR && as == HR_TYPE_TEXT))
		return 0;
	if (from == HR_TYPE_DATE && is_timestamp(as))
		return add_cast(c, n, as, -1, hr_eval_date_compared);
	return hr_check_coerce(c, n, as);
}

static int
coerce_both(struct hr_check *c, struct hr_node *n, bool ordered)
{
	enum hr_type x = n->arg[0]->type, y = n->arg[1]->type, as = compared_as(x, y);
	bool literal = x == HR_TYPE_UNKNOWN || y == HR_TYPE_UNKNOWN;

	if (as == HR_TYPE_NONE || as == HR_TYPE_JSON || as == HR_TYPE_XML ||
	    (as == HR_TYPE_OTHER && !literal && n->arg[0]->op == HR_NODE_COLUMN && n->arg[1]->op == HR_NODE_COLUMN &&
	    strcmp(c->relation->column[n->arg[0]->column].type_name,
	    c->relation->column[n->arg[1]->column].type_name) != 0)) {
		hr_parse_fail(n->at, c->e, "cannot compare %s with %s", hr_type_name(x), hr_type_name(y));
		return hr_hint(c->e, as == HR_TYPE_JSON ? "->> gives text" : "a cast may help");
	}
	if (ordered && !hr_type_ordered(as)) {
		hr_parse_fail(n->at, c->e, "values of %s have no order for rules", hr_type_name(as));
		return hr_hint(c->e, "there are = and <>");
	}
	if (coerce_compared(c, &n->arg[0], as) < 0 || coerce_compared(c, &n->arg[1], as) < 0)
		return -1;
	return 0;
}

static enum hr_node_op
turned(enum hr_node_op op)
{
	switch (op) {
	case HR_NODE_LT: return HR_NODE_GT;
	case HR_NODE_LE: return HR_NODE_GE;
	case HR_NODE_GT: return HR_NODE_LT;
	case HR_NODE_GE: return HR_NODE_LE;
	default: return op;
	}
}

/* A column against a constant that is not NULL has a quicker way. */
static hr_node_fn *
compare_fn(struct hr_node *n)
{
	const struct hr_node *x = n->arg[0], *y = n->arg[1];
	bool equality = n->op == HR_NODE_EQ || n->op == HR_NODE_NE;

	if (x->type == HR_TYPE_JSONB)
		return hr_eval_jsonb_equal;
	if (x->op != HR_NODE_COLUMN || y->op != HR_NODE_CONST || y->value.null)
		return hr_eval_compare;
	switch (x->type) {
	case HR_TYPE_INT2:
		n->number = 2;
		return hr_eval_int_const;
	case HR_TYPE_INT4: case HR_TYPE_DATE:
		n->number = 4;
		return hr_eval_int_const;
	case HR_TYPE_INT8: case HR_TYPE_TIME: case HR_TYPE_TIMESTAMP: case HR_TYPE_TIMESTAMPTZ:
		n->number = 8;
		return hr_eval_int_const;
	case HR_TYPE_TEXT: case HR_TYPE_VARCHAR:
		return equality ? hr_eval_text_const : hr_eval_compare;
	default:
		return hr_eval_compare;
	}
}

static int
check_compare(struct hr_check *c, struct hr_node *n)
{
	struct hr_node *x;

	if (coerce_both(c, n, n->op != HR_NODE_EQ && n->op != HR_NODE_NE) < 0)
		return -1;
	if (n->arg[0]->op == HR_NODE_CONST && n->arg[1]->op == HR_NODE_COLUMN && !n->kept) {
		x = n->arg[0];
		n->arg[0] = n->arg[1];
		n->arg[1] = x;
		n->op = turned(n->op);
	}
	n->type = HR_TYPE_BOOL;
	n->eval = compare_fn(n);
	return 0;
}

static int
order_datums(const void *a, const void *b)
{
	return hr_datum_cmp(a, b);
}

/* Constants are put in order once. */
static void
list_of(struct hr_check *c, struct hr_node *n)
{
	struct hr_in_list *list = hr_scratch_take(c->m, sizeof(*list));
	int i;

	*list = (struct hr_in_list){ .value = hr_scratch_take(c->m, (size_t)n->args * sizeof(*list->value)) };
	for (i = 1; i < n->args; i++) {
		if (n->arg[i]->op != HR_NODE_CONST)
			return;
		if (n->arg[i]->value.null)
			list->has_null = true;
		else
			list->value[list->n++] = n->arg[i]->value;
	}
	if (list->n)
		qsort(list->value, (size_t)list->n, sizeof(*list->value), order_datums);
	n->more = list;
	n->eval = hr_eval_in_list;
	n->args = 1;
}

/* Does it depend on the row? */
static bool
is_of_row(const struct hr_node *n)
{
	int i;

	if (n->op == HR_NODE_COLUMN || n->op == HR_NODE_VAR)
		return true;
	for (i = 0; i < n->args; i++)
		if (is_of_row(n->arg[i]))
			return true;
	return false;
}

/* What does not depend on the row, and is more than one, has one type: such an IN, or NULL. */
static int
in_constants(struct hr_check *c, struct hr_node *n, struct hr_node **in)
{
	struct hr_node *list = hr_node_new(HR_NODE_IN, n->at, n->args, c->m);
	enum hr_type t, as;
	int i, odd;

	*in = NULL;
	list->args = 1;
	list->arg[0] = n->arg[0];
	for (i = 1; i < n->args; i++)
		if (!is_of_row(n->arg[i]))
			list->arg[list->args++] = n->arg[i];
	if (list->args < 3 || (t = common_type(list->arg, list->args, &odd)) == HR_TYPE_NONE)
		return 0;
	as = compared_as(list->arg[0]->type, t);
	if (as == HR_TYPE_NONE || as == HR_TYPE_JSON || as == HR_TYPE_XML)
		return hr_parse_fail(n->at, c->e, "cannot compare %s with %s", name_of(list->arg[0]), hr_type_name(t));
	for (i = 1; i < list->args; i++)
		if (hr_check_coerce(c, &list->arg[i], t) < 0)
			return -1;
	for (i = 0; i < list->args; i++)
		if (coerce_compared(c, &list->arg[i], as) < 0)
			return -1;
	list->type = HR_TYPE_BOOL;
	list->eval = hr_eval_in;
	list->checked = true;
	if (list->arg[0]->op != HR_NODE_CONST && as != HR_TYPE_JSONB && as != HR_TYPE_OTHER)
		list_of(c, list);
	fold(c, list);
	*in = list;
	return 0;
}

/* x IN (1, 2, y) is x IN (1, 2) OR x = y, each with its own types. */
static int
check_in(struct hr_check *c, struct hr_node *n)
{
	struct hr_node **part = hr_scratch_take(c->m, (size_t)n->args * sizeof(struct hr_node *)), *in;
	int parts = 0, i;

	if (in_constants(c, n, &in) < 0)
		return -1;
	if (in)
		part[parts++] = in;
	for (i = 1; i < n->args; i++) {
		struct hr_node *same;

		if (in && !is_of_row(n->arg[i]))
			continue;
		same = hr_node_new(HR_NODE_EQ, n->at, 2, c->m);
		same->name = "=";
		same->arg[0] = n->arg[0];
		same->arg[1] = n->arg[i];
		if (hr_check(c, &same) < 0)
			return -1;
		part[parts++] = same;
	}
	n->op = HR_NODE_OR;
	n->arg = part;
	n->args = parts;
	return check_logic(c, n);
}

/* --- arithmetic --- */

/* A number's operator, as the wider of the two has it. */
static int
check_numbers(struct hr_check *c, struct hr_node *n)
{
	enum hr_type x = n->arg[0]->type, y = n->arg[1]->type, t;

	if (is_float(x) || is_float(y))
		t = x == HR_TYPE_FLOAT4 && y == HR_TYPE_FLOAT4 ? HR_TYPE_FLOAT4 : HR_TYPE_FLOAT8;
	else
		t = step(x) > step(y) ? x : y;
	if (n->op == HR_NODE_MOD && is_float(t))
		return no_operator(c, n);
	n->type = t;
	n->eval = is_float(t) ? hr_eval_float : is_int(t) ? hr_eval_int : hr_eval_numeric;
	/* Integers and floats are held alike, whatever their size. */
	if (is_int(t))
		return 0;
	return hr_check_coerce(c, &n->arg[0], t) < 0 || hr_check_coerce(c, &n->arg[1], t) < 0 ? -1 : 0;
}

static const struct temporal {
	enum hr_type x;
	enum hr_node_op op;
	enum hr_type y;
	enum hr_type as_x, as_y, gives;
	hr_node_fn *eval;
} temporal[] = {
#define D	HR_TYPE_DATE
#define T	HR_TYPE_TIME
#define Z	HR_TYPE_TIMETZ
#define S	HR_TYPE_TIMESTAMP
#define SZ	HR_TYPE_TIMESTAMPTZ
#define V	HR_TYPE_INTERVAL
#define F	HR_TYPE_FLOAT8
#define I	HR_TYPE_INT4
	{ D, HR_NODE_ADD, I, D, I, D, hr_eval_date_days },
	{ D, HR_NODE_SUB, I, D, I, D, hr_eval_date_days },
	{ D, HR_NODE_SUB, D, D, D, I, hr_eval_date_between },
	{ D, HR_NODE_ADD, V, S, V, S, hr_eval_timestamp_span },
	{ D, HR_NODE_SUB, V, S, V, S, hr_eval_timestamp_span },
	{ D, HR_NODE_ADD, T, S, T, S, hr_eval_timestamp_time },
	{ S, HR_NODE_ADD, V, S, V, S, hr_eval_timestamp_span },
	{ S, HR_NODE_SUB, V, S, V, S, hr_eval_timestamp_span },
	{ SZ, HR_NODE_ADD, V, SZ, V, SZ, hr_eval_timestamp_span },
	{ SZ, HR_NODE_SUB, V, SZ, V, SZ, hr_eval_timestamp_span },
	{ S, HR_NODE_SUB, S, S, S, V, hr_eval_timestamp_between },
	{ SZ, HR_NODE_SUB, SZ, SZ, SZ, V, hr_eval_timestamp_between },
	{ D, HR_NODE_SUB, S, S, S, V, hr_eval_timestamp_between },
	{ S, HR_NODE_SUB, D, S, S, V, hr_eval_timestamp_between },
	{ D, HR_NODE_SUB, SZ, SZ, SZ, V, hr_eval_timestamp_between },
	{ SZ, HR_NODE_SUB, D, SZ, SZ, V, hr_eval_timestamp_between },
	{ S, HR_NODE_SUB, SZ, SZ, SZ, V, hr_eval_timestamp_between },
	{ SZ, HR_NODE_SUB, S, SZ, SZ, V, hr_eval_timestamp_between },
	{ T, HR_NODE_ADD, V, T, V, T, hr_eval_time_span },
	{ T, HR_NODE_SUB, V, T, V, T, hr_eval_time_span },
	{ Z, HR_NODE_ADD, V, Z, V, Z, hr_eval_time_span },
	{ Z, HR_NODE_SUB, V, Z, V, Z, hr_eval_time_span },
	{ T, HR_NODE_SUB, T, T, T, V, hr_eval_time_between },
	{ V, HR_NODE_ADD, V, V, V, V, hr_eval_spans },
	{ V, HR_NODE_SUB, V, V, V, V, hr_eval_spans },
	{ V, HR_NODE_MUL, F, V, F, V, hr_eval_span_scaled },
	{ V, HR_NODE_DIV, F, V, F, V, hr_eval_span_scaled },
#undef D
#undef T
#undef Z
#undef S
#undef SZ
#undef V
#undef F
#undef I
};

static bool
fits(enum hr_type have, enum hr_type want)
{
	if (want == HR_TYPE_FLOAT8)
		return is_number(have);
	return have == want || (want == HR_TYPE_INT4 && have == HR_TYPE_INT2);
}

static const struct temporal *
find_temporal(const struct hr_node *n)
{
	size_t i;

	for (i = 0; i < HR_COUNT(temporal); i++)
		if (temporal[i].op == n->op && fits(n->arg[0]->type, temporal[i].x) &&
		    fits(n->arg[1]->type, temporal[i].y))
			return &temporal[i];
	return NULL;
}

static int
check_temporal(struct hr_check *c, struct hr_node *n)
{
	const struct temporal *t = find_temporal(n);
	struct hr_node *x;

	/* What stands on either side of + and * is found on the other. */
	if (t == NULL && (n->op == HR_NODE_ADD || n->op == HR_NODE_MUL)) {
		x = n->arg[0];
		n->arg[0] = n->arg[1];
		n->arg[1] = x;
		if ((t = find_temporal(n)) == NULL) {
			n->arg[1] = n->arg[0];
			n->arg[0] = x;
		}
	}
	if (t == NULL)
		return no_operator(c, n);
	n->type = t->gives;
	n->eval = t->eval;
	return hr_check_coerce(c, &n->arg[0], t->as_x) < 0 || hr_check_coerce(c, &n->arg[1], t->as_y) < 0 ? -1 : 0;
}

/* A literal without a type is what the other side is, but what is added to a time is an interval. */
static int
check_arithmetic(struct hr_check *c, struct hr_node *n)
{
	enum hr_type x = n->arg[0]->type, y = n->arg[1]->type;
	int i = x == HR_TYPE_UNKNOWN ? 0 : 1;
	enum hr_type other = i ? x : y;

	if (x == HR_TYPE_UNKNOWN && y == HR_TYPE_UNKNOWN)
		return no_operator(c, n);
	if (x == HR_TYPE_UNKNOWN || y == HR_TYPE_UNKNOWN) {
		if (other == HR_TYPE_DATE && n->op == HR_NODE_ADD)
			return no_operator(c, n);
		if (other == HR_TYPE_INTERVAL && n->op != HR_NODE_ADD && n->op != HR_NODE_SUB)
			other = HR_TYPE_FLOAT8;
		else if ((is_timestamp(other) || other == HR_TYPE_TIME || other == HR_TYPE_TIMETZ) &&
		    n->op == HR_NODE_ADD)
			other = HR_TYPE_INTERVAL;
		if (hr_check_coerce(c, &n->arg[i], other) < 0)
			return -1;
	}
	if (is_number(n->arg[0]->type) && is_number(n->arg[1]->type))
		return check_numbers(c, n);
	return check_temporal(c, n);
}

static int
check_neg(struct hr_check *c, struct hr_node *n)
{
	if (n->arg[0]->type == HR_TYPE_UNKNOWN && give_type(c, &n->arg[0], HR_TYPE_FLOAT8) < 0)
		return -1;
	if (!is_number(n->arg[0]->type) && n->arg[0]->type != HR_TYPE_INTERVAL)
		return no_operator(c, n);
	n->type = n->arg[0]->type;
	n->eval = hr_eval_neg;
	return 0;
}

/* --- logic --- */

static int
check_logic(struct hr_check *c, struct hr_node *n)
{
	int i, kept = 0;
	bool decides = n->op == HR_NODE_OR;

	for (i = 0; i < n->args; i++) {
		if (n->arg[i]->type != HR_TYPE_BOOL && n->arg[i]->type != HR_TYPE_UNKNOWN)
			return hr_parse_fail(n->arg[i]->at, c->e, "%s needs a boolean, not %s", n->op == HR_NODE_AND ? "AND" :
			    n->op == HR_NODE_OR ? "OR" : n->op == HR_NODE_NOT ? "NOT" : "IS", name_of(n->arg[i]));
		if (hr_check_coerce(c, &n->arg[i], HR_TYPE_BOOL) < 0)
			return -1;
	}
	n->type = HR_TYPE_BOOL;
	if (n->op != HR_NODE_AND && n->op != HR_NODE_OR) {
		n->eval = n->op == HR_NODE_NOT ? hr_eval_not : hr_eval_is_bool;
		return 0;
	}
	n->eval = n->op == HR_NODE_AND ? hr_eval_and : hr_eval_or;
	for (i = 0; i < n->args; i++) {
		const struct hr_node *x = n->arg[i];

		if (x->op == HR_NODE_CONST && !x->value.null && x->value.b == decides) {
			set_const(n, x->value);
			return 0;
		}
		if (x->op != HR_NODE_CONST || x->value.null)
			n->arg[kept++] = n->arg[i];
	}
	/* Some argument has to stay to say what it is. */
	n->args = kept ? kept : 1;
	return 0;
}

static int
check_is_null(struct hr_check *c, struct hr_node *n)
{
	if (n->arg[0]->type == HR_TYPE_UNKNOWN && give_type(c, &n->arg[0], HR_TYPE_TEXT) < 0)
		return -1;
	n->type = HR_TYPE_BOOL;
	n->eval = hr_eval_is_null;
	return 0;
}

static int
check_distinct(struct hr_check *c, struct hr_node *n)
{
	n->type = HR_TYPE_BOOL;
	n->eval = hr_eval_distinct;
	return coerce_both(c, n, false);
}

/* What is known not to hold is not asked, and nothing behind what is known to hold. */
static void
drop_branches(struct hr_node *n)
{
	int i, kept = 0, last = n->args - 1;

	for (i = 0; i < last; i += 2) {
		const struct hr_node *when = n->arg[i];

		if (when->op == HR_NODE_CONST && (when->value.null || !when->value.b))
			continue;
		if (when->op == HR_NODE_CONST) {
			last = i + 1;
			break;
		}
		n->arg[kept++] = n->arg[i];
		n->arg[kept++] = n->arg[i + 1];
	}
	n->arg[kept++] = n->arg[last];
	n->args = kept;
}

static int
check_case(struct hr_check *c, struct hr_node *n)
{
	int i, last = n->args - 1;
	struct hr_node **result = hr_scratch_take(c->m, (size_t)(last / 2 + 1) * sizeof(struct hr_node *));
	enum hr_type t;

	for (i = 0; i < last; i += 2)
		if (n->arg[i]->type != HR_TYPE_BOOL && n->arg[i]->type != HR_TYPE_UNKNOWN)
			return hr_parse_fail(n->arg[i]->at, c->e, "WHEN needs a boolean, not %s", name_of(n->arg[i]));
		else if (hr_check_coerce(c, &n->arg[i], HR_TYPE_BOOL) < 0)
			return -1;
	/* ELSE's counts first, as there. */
	result[0] = n->arg[last];
	for (i = 0; i < last / 2; i++)
		result[i + 1] = n->arg[i * 2 + 1];
	if (hr_check_common(c, result, last / 2 + 1, &t) < 0)
		return -1;
	n->arg[last] = result[0];
	for (i = 0; i < last / 2; i++)
		n->arg[i * 2 + 1] = result[i + 1];
	n->type = t;
	n->eval = hr_eval_case;
	drop_branches(n);
	return 0;
}

/* --- text --- */

/* Blanks at the end of a bpchar count for patterns. */
static int
coerce_matched(struct hr_check *c, const struct hr_node *n, struct hr_node **x)
{
	if (!hr_type_textual((*x)->type) && (*x)->type != HR_TYPE_UNKNOWN)
		return no_operator(c, n);
	return (*x)->type == HR_TYPE_BPCHAR || (*x)->type == HR_TYPE_CITEXT ? 0 : hr_check_coerce(c, x, HR_TYPE_TEXT);
}

static int
check_like(struct hr_check *c, struct hr_node *n)
{
	int i;

	if (n->arg[0]->type == HR_TYPE_CITEXT)
		n->op = HR_NODE_ILIKE;
	if (coerce_matched(c, n, &n->arg[0]) < 0)
		return -1;
	for (i = 1; i < n->args; i++)
		if (!hr_type_textual(n->arg[i]->type) && n->arg[i]->type != HR_TYPE_UNKNOWN)
			return no_operator(c, n);
		else if (hr_check_coerce(c, &n->arg[i], HR_TYPE_TEXT) < 0)
			return -1;
	n->type = HR_TYPE_BOOL;
	n->number = '\\';
	n->eval = hr_eval_like;
	return 0;
}

static int
check_match(struct hr_check *c, struct hr_node *n)
{
	bool fold_case = n->op == HR_NODE_IMATCH || n->arg[0]->type == HR_TYPE_CITEXT;
	const struct hr_node *pattern = n->arg[1];
	struct hr_regex *r;

	if (coerce_matched(c, n, &n->arg[0]) < 0)
		return -1;
	if (pattern->op != HR_NODE_CONST || (pattern->type != HR_TYPE_UNKNOWN && pattern->type != HR_TYPE_TEXT))
		return hr_parse_fail(pattern->at, c->e, "the pattern of %s must be a constant text", n->name);
	n->type = HR_TYPE_BOOL;
	if (pattern->value.null) {
		set_const(n, (struct hr_datum){ .type = HR_TYPE_BOOL, .null = true });
		return 0;
	}
	r = hr_regex_new(pattern->value.s.p, pattern->value.s.n, fold_case, c->e);
	if (r == NULL)
		return hr_within(c->e, "character %u", pattern->at);
	HR_GROW(c->regex, c->regexes, c->regex_cap);
	c->regex[c->regexes++] = r;
	n->more = r;
	n->args = 1;
	n->eval = hr_eval_regex;
	return 0;
}

static int
check_concat(struct hr_check *c, struct hr_node *n)
{
	enum hr_type x = n->arg[0]->type, y = n->arg[1]->type, t = HR_TYPE_TEXT;
	int i;

	if (x == HR_TYPE_BYTEA || y == HR_TYPE_BYTEA) {
		t = HR_TYPE_BYTEA;
		if ((x != t && x != HR_TYPE_UNKNOWN) || (y != t && y != HR_TYPE_UNKNOWN))
			return no_operator(c, n);
	} else if (!(hr_type_textual(x) || hr_type_textual(y) || (x == HR_TYPE_UNKNOWN || y == HR_TYPE_UNKNOWN)) ||
	    x == HR_TYPE_JSONB || y == HR_TYPE_JSONB) {
		return no_operator(c, n);
	}
	for (i = 0; i < 2; i++)
		if (n->arg[i]->type == HR_TYPE_UNKNOWN) {
			if (give_type(c, &n->arg[i], t) < 0)
				return -1;
		} else if (n->arg[i]->type != t) {
			add_cast(c, &n->arg[i], t, -1, hr_eval_cast);
		}
	n->type = t;
	n->eval = hr_eval_concat;
	return 0;
}

/* --- json --- */

static int
check_arrow(struct hr_check *c, struct hr_node *n)
{
	enum hr_type y = n->arg[1]->type;
	bool has = n->op == HR_NODE_HAS;

	if (hr_type_kind(n->arg[0]->type) != HR_KIND_JSON || (has && n->arg[0]->type != HR_TYPE_JSONB) ||
	    (!has && is_int(y) ? y == HR_TYPE_INT8 : !hr_type_textual(y) && y != HR_TYPE_UNKNOWN))
		return no_operator(c, n);
	if (!is_int(y) && hr_check_coerce(c, &n->arg[1], HR_TYPE_TEXT) < 0)
		return -1;
	n->type = has ? HR_TYPE_BOOL : n->op == HR_NODE_ARROW_TEXT ? HR_TYPE_TEXT : n->arg[0]->type;
	n->eval = has ? hr_eval_has : hr_eval_arrow;
	return 0;
}

/* '{a,0,"b c"}': the steps, or NULL when it is no such list. */
static struct hr_json_path *
path_of(struct hr_check *c, const uint8_t *p, size_t n)
{
	struct hr_json_path *path = hr_scratch_take(c->m, sizeof(*path) + (n + 1) * sizeof(path->step[0]));
	const uint8_t *end = p + n;
	uint8_t *to = hr_scratch_take(c->m, n + 1);
	bool quoted;

	path->n = 0;
	if (n < 2 || *p++ != '{' || *--end != '}')
		return NULL;
	while (p < end) {
		const uint8_t *from = to;

		while (p < end && *p == ' ')
			p++;
		quoted = p < end && *p == '"';
		p += quoted;
		while (p < end && (quoted ? *p != '"' : *p != ',')) {
			if ((*p == '\\' && ++p == end) || (!quoted && strchr("{}\"", *p)))
				return NULL;
			*to++ = *p++;
		}
		while (!quoted && to > from && to[-1] == ' ')
			to--;
		if (quoted && p++ >= end)
			return NULL;
		while (p < end && *p == ' ')
			p++;
		if ((!quoted && (to == from || (to - from == 4 && strncasecmp((const char *)from, "null", 4) == 0))) ||
		    (p < end && (*p++ != ',' || p == end)))
			return NULL;
		path->step[path->n].p = from;
		path->step[path->n++].n = (size_t)(to - from);
	}
	return path;
}

static int
check_path(struct hr_check *c, struct hr_node *n)
{
	const struct hr_node *path = n->arg[1];

	if (hr_type_kind(n->arg[0]->type) != HR_KIND_JSON)
		return no_operator(c, n);
	if (path->op != HR_NODE_CONST || path->type != HR_TYPE_UNKNOWN || path->value.null ||
	    (n->more = path_of(c, path->value.s.p, path->value.s.n)) == NULL)
		return hr_parse_fail(path->at, c->e, "the path of %s must be a constant like '{a,b,0}'", n->name);
	n->type = n->op == HR_NODE_PATH_TEXT ? HR_TYPE_TEXT : n->arg[0]->type;
	n->args = 1;
	n->eval = hr_eval_path;
	return 0;
}

/* --- casts --- */

static int
check_cast(struct hr_check *c, struct hr_node *n)
{
	enum hr_type to = n->type, from = n->arg[0]->type;

	if (from == HR_TYPE_UNKNOWN) {
		if (give_type(c, &n->arg[0], to) < 0)
			return -1;
		from = to;
	}
	if (!hr_datum_castable(from, to))
		return hr_parse_fail(n->at, c->e, "cannot cast %s to %s", hr_type_name(from), hr_type_name(to));
	n->eval = hr_eval_cast;
	return 0;
}

/* --- all --- */

static int
check_node(struct hr_check *c, struct hr_node *n)
{
	switch (n->op) {
	case HR_NODE_CONST: n->eval = hr_eval_const; return 0;
	case HR_NODE_COLUMN: return check_column(c, n);
	case HR_NODE_VAR: return check_var(c, n);
	case HR_NODE_NEG: return check_neg(c, n);
	case HR_NODE_ADD: case HR_NODE_SUB: case HR_NODE_MUL: case HR_NODE_DIV: case HR_NODE_MOD:
		return check_arithmetic(c, n);
	case HR_NODE_EQ: case HR_NODE_NE: case HR_NODE_LT: case HR_NODE_LE: case HR_NODE_GT: case HR_NODE_GE:
		return check_compare(c, n);
	case HR_NODE_DISTINCT: case HR_NODE_SAME: return check_distinct(c, n);
	case HR_NODE_IS_NULL: case HR_NODE_NOT_NULL: return check_is_null(c, n);
	case HR_NODE_AND: case HR_NODE_OR: case HR_NODE_NOT: case HR_NODE_IS_TRUE: case HR_NODE_NOT_TRUE:
	case HR_NODE_IS_FALSE: case HR_NODE_NOT_FALSE: case HR_NODE_IS_UNKNOWN: case HR_NODE_NOT_UNKNOWN:
		return check_logic(c, n);
	case HR_NODE_IN: return check_in(c, n);
	case HR_NODE_LIKE: case HR_NODE_ILIKE: return check_like(c, n);
	case HR_NODE_MATCH: case HR_NODE_IMATCH: return check_match(c, n);
	case HR_NODE_CONCAT: return check_concat(c, n);
	case HR_NODE_ARROW: case HR_NODE_ARROW_TEXT: case HR_NODE_HAS: return check_arrow(c, n);
	case HR_NODE_PATH: case HR_NODE_PATH_TEXT: return check_path(c, n);
	case HR_NODE_CAST: return check_cast(c, n);
	case HR_NODE_CASE: return check_case(c, n);
	case HR_NODE_CALL: return hr_function_check(c, n);
	}
	return -1;
}

/* The tree is no deeper than HR_EXPR_DEPTH_MAX. */
static int
check_tree(struct hr_check *c, struct hr_node *n)
{
	int i;

	if (n->checked)
		return 0;
	n->checked = true;
	for (i = 0; i < n->args; i++)
		if (check_tree(c, n->arg[i]) < 0)
			return -1;
	if (check_readable(c, n) < 0 || check_node(c, n) < 0)
		return -1;
	fold(c, n);
	return 0;
}

int
hr_check(struct hr_check *c, struct hr_node **n)
{
	if (check_tree(c, *n) < 0)
		return -1;
	if ((*n)->type == HR_TYPE_NONE)
		return hr_parse_fail((*n)->at, c->e, "column '%s' is of a type that rules cannot read", (*n)->name);
	return 0;
}
