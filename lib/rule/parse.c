/*
 * parse.c - SQL's expression syntax, by recursive descent.
 *
 * What SQL spells in words of its own becomes what it means: BETWEEN two
 * comparisons, POSITION(x IN y) a call, NOT IN the NOT of an IN.  A chain of
 * ANDs or of ORs is one node.  Depth and number of nodes are limited here, so
 * that those who walk the tree need not care.
 */

#include "base/hr.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "rule/lex.h"
#include "rule/parse.h"
#include "rule/utf8.h"

struct parse {
	struct hr_lex lex;
	struct hr_token t;	/* the next one, not taken yet */
	struct hr_scratch *m;
	struct hr_err *e;
	int depth;
};

static struct hr_node *expression(struct parse *p);
static struct hr_node *unary(struct parse *p);
static struct hr_node *other_operator(struct parse *p);

int
hr_parse_fail(uint32_t at, struct hr_err *e, const char *fmt, ...)
{
	char what[sizeof(e->what)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	hr_fail(e, HR_CONFIG, "%s", what);
	return hr_within(e, "character %u", at);
}

struct hr_node *
hr_node_new(enum hr_node_op op, uint32_t at, int args, struct hr_scratch *m)
{
	struct hr_node *n = hr_scratch_take(m, sizeof(*n));

	*n = (struct hr_node){ .op = op, .at = at, .args = args, .typmod = -1, .depth = 1, .weight = 1 };
	n->arg = args ? hr_scratch_take(m, (size_t)args * sizeof(struct hr_node *)) : NULL;
	if (args)
		memset(n->arg, 0, (size_t)args * sizeof(struct hr_node *));
	return n;
}

/* --- tokens --- */

#define wrong(p, ...) (hr_parse_fail((p)->t.at, (p)->e, __VA_ARGS__), false)
#define fail(p, ...) (hr_parse_fail((p)->t.at, (p)->e, __VA_ARGS__), NULL)

static bool
next(struct parse *p)
{
	return hr_lex_next(&p->lex, &p->t, p->e) == 0;
}

static bool
is_word(const struct parse *p, const char *word)
{
	return p->t.kind == HR_TOKEN_WORD && strcmp(p->t.text, word) == 0;
}

static bool
is_sign(const struct parse *p, const char *sign)
{
	return p->t.kind == HR_TOKEN_SIGN && strcmp(p->t.text, sign) == 0;
}

/* What comes after the next one. */
static struct hr_token
after(const struct parse *p)
{
	struct hr_lex lex = p->lex;
	struct hr_token t;
	struct hr_err e = HR_ERR_INIT;

	if (hr_lex_next(&lex, &t, &e) < 0)
		t = (struct hr_token){ .kind = HR_TOKEN_END, .text = "" };
	return t;
}

static bool
before_word(const struct parse *p, const char *word)
{
	struct hr_token t = after(p);

	return t.kind == HR_TOKEN_WORD && strcmp(t.text, word) == 0;
}

static const char *
shown(const struct parse *p)
{
	return p->t.kind == HR_TOKEN_END ? "the end" : p->t.text;
}

static bool
expect(struct parse *p, const char *what)
{
	if (!is_word(p, what) && !is_sign(p, what)) {
		hr_parse_fail(p->t.at, p->e, "'%s' is expected, not '%s'", what, shown(p));
		return false;
	}
	return next(p);
}

/* --- nodes --- */

static struct hr_node *
node(struct parse *p, enum hr_node_op op, uint32_t at, int args)
{
	return hr_node_new(op, at, args, p->m);
}

/*
 * Its depth and weight, when the arguments are there; NULL when one is not.
 * An argument may be that of two nodes, and weighs in both.
 */
static struct hr_node *
finish(struct parse *p, struct hr_node *n)
{
	int i;

	if (n == NULL)
		return NULL;
	/* It may be looked at once for each that it is compared with. */
	if (n->op == HR_NODE_IN)
		n->weight += (n->args - 1) * (n->arg[0]->weight - 1);
	for (i = 0; i < n->args; i++) {
		if (n->arg[i] == NULL)
			return NULL;
		if (n->arg[i]->depth >= n->depth)
			n->depth = n->arg[i]->depth + 1;
		n->weight += n->arg[i]->weight;
		if (n->weight > HR_EXPR_NODES_MAX)
			return hr_parse_fail(n->at, p->e, "an expression of more than %d parts",
			    HR_EXPR_NODES_MAX), NULL;
	}
	if (n->depth > HR_EXPR_DEPTH_MAX)
		return hr_parse_fail(n->at, p->e, "an expression deeper than %d", HR_EXPR_DEPTH_MAX), NULL;
	return n;
}

static struct hr_node *
one(struct parse *p, enum hr_node_op op, uint32_t at, struct hr_node *x)
{
	struct hr_node *n = x ? node(p, op, at, 1) : NULL;

	if (n)
		n->arg[0] = x;
	return finish(p, n);
}

static struct hr_node *
two(struct parse *p, enum hr_node_op op, uint32_t at, struct hr_node *x, struct hr_node *y)
{
	struct hr_node *n = x && y ? node(p, op, at, 2) : NULL;

	if (n) {
		n->arg[0] = x;
		n->arg[1] = y;
	}
	return finish(p, n);
}

static struct hr_node *
call(struct parse *p, const char *name, uint32_t at, struct hr_node **arg, int args)
{
	struct hr_node *n = node(p, HR_NODE_CALL, at, args);
	int i;

	n->name = name;
	for (i = 0; i < args; i++)
		n->arg[i] = arg[i];
	return finish(p, n);
}

/* A list that grows while it is read. */
struct list {
	struct hr_node **node;
	int n, cap;
};

static void
add(struct parse *p, struct list *l, struct hr_node *n)
{
	if (l->n == l->cap) {
		struct hr_node **more = hr_scratch_take(p->m, (size_t)(l->cap * 2 + 8) * sizeof(struct hr_node *));

		if (l->n)
			memcpy(more, l->node, (size_t)l->n * sizeof(struct hr_node *));
		l->node = more;
		l->cap = l->cap * 2 + 8;
	}
	l->node[l->n++] = n;
}

static struct hr_node *
listed(struct parse *p, enum hr_node_op op, uint32_t at, const struct list *l)
{
	struct hr_node *n = node(p, op, at, l->n);

	if (l->n)
		memcpy(n->arg, l->node, (size_t)l->n * sizeof(struct hr_node *));
	return finish(p, n);
}

/* --- constants --- */

static struct hr_node *
constant(struct parse *p, uint32_t at, struct hr_datum value)
{
	struct hr_node *n = node(p, HR_NODE_CONST, at, 0);

	n->value = value;
	n->type = value.type;
	return n;
}

static struct hr_node *
string(struct parse *p)
{
	struct hr_node *n = constant(p, p->t.at, (struct hr_datum){ .type = HR_TYPE_UNKNOWN,
	    .s = { (const uint8_t *)p->t.text, p->t.len } });

	return next(p) ? n : NULL;
}

/* The smallest type that has it: integer, bigint, numeric. */
static struct hr_node *
number(struct parse *p)
{
	static const enum hr_type size[] = { HR_TYPE_INT4, HR_TYPE_INT8, HR_TYPE_NUMERIC };
	struct hr_err e = HR_ERR_INIT;
	struct hr_datum d;
	struct hr_node *n;
	size_t i;

	for (i = 0; i < HR_COUNT(size); i++)
		if (hr_datum_parse(&d, size[i], p->t.text, p->t.len, p->m, &e) == 0)
			break;
	if (i == HR_COUNT(size))
		return fail(p, "a number that is too large");
	n = constant(p, p->t.at, d);
	return next(p) ? n : NULL;
}

/* --- types --- */

/* The whole number in parentheses; false with the error set. */
static bool
modifier(struct parse *p, int low, int high, int *v)
{
	char *end;
	long n = strtol(p->t.text, &end, 10);

	if (p->t.kind != HR_TOKEN_NUMBER || *end || n < low || n > high)
		return wrong(p, "a number from %d to %d is expected, not '%s'", low, high, shown(p));
	*v = (int)n;
	return next(p);
}

static bool
modifiers(struct parse *p, enum hr_type type, int32_t *typmod)
{
	int a, b = 0;

	*typmod = -1;
	if (!is_sign(p, "("))
		return true;
	switch (type) {
	case HR_TYPE_NUMERIC:
		if (!next(p) || !modifier(p, 1, HR_NUMERIC_PRECISION_MAX, &a) ||
		    (is_sign(p, ",") && (!next(p) || !modifier(p, 0, HR_NUMERIC_PRECISION_MAX, &b))))
			return false;
		*typmod = (a << 16 | b) + 4;
		break;
	case HR_TYPE_VARCHAR: case HR_TYPE_BPCHAR:
		if (!next(p) || !modifier(p, 1, 10485760, &a))
			return false;
		*typmod = a + 4;
		break;
	case HR_TYPE_TIME: case HR_TYPE_TIMETZ: case HR_TYPE_TIMESTAMP: case HR_TYPE_TIMESTAMPTZ:
		if (!next(p) || !modifier(p, 0, 6, typmod))
			return false;
		break;
	default:
		return wrong(p, "%s has no length", hr_type_name(type));
	}
	return expect(p, ")");
}

/* WITH or WITHOUT TIME ZONE, behind time and timestamp. */
static bool
zone(struct parse *p, enum hr_type *type)
{
	bool with = is_word(p, "with");

	if ((!with && !is_word(p, "without")) || !before_word(p, "time"))
		return true;
	if (with)
		*type = *type == HR_TYPE_TIME ? HR_TYPE_TIMETZ : HR_TYPE_TIMESTAMPTZ;
	return next(p) && next(p) && expect(p, "zone");
}

/* A type's name there; false with the error set. */
static bool
type_name(struct parse *p, enum hr_type *type, int32_t *typmod)
{
	bool quoted = p->t.kind == HR_TOKEN_NAME;

	if (p->t.kind != HR_TOKEN_WORD && !quoted)
		return wrong(p, "a type is expected, not '%s'", shown(p));
	if (is_word(p, "double")) {
		*type = HR_TYPE_FLOAT8;
		*typmod = -1;
		return next(p) && expect(p, "precision");
	}
	*type = quoted ? hr_type_of("pg_catalog", p->t.text) : hr_type_word(p->t.text);
	if (*type == HR_TYPE_NONE)
		return wrong(p, "there is no type '%s' for rules", shown(p));
	if ((is_word(p, "character") || is_word(p, "char")) && before_word(p, "varying")) {
		*type = HR_TYPE_VARCHAR;
		if (!next(p))
			return false;
	}
	/* character is character(1). */
	if (!quoted && *type == HR_TYPE_BPCHAR && !is_word(p, "bpchar") && strcmp(after(p).text, "(") != 0) {
		*typmod = 1 + 4;
		return next(p);
	}
	if (!next(p) || !modifiers(p, *type, typmod))
		return false;
	return (*type != HR_TYPE_TIME && *type != HR_TYPE_TIMESTAMP) || zone(p, type);
}

static struct hr_node *
cast(struct parse *p, uint32_t at, struct hr_node *x, enum hr_type type, int32_t typmod)
{
	struct hr_node *n = one(p, HR_NODE_CAST, at, x);

	if (n) {
		n->type = type;
		n->typmod = typmod;
	}
	return n;
}

/* date '2024-02-29': 1 with *n set (NULL: an error), 0 when it is something else. */
static int
typed_literal(struct parse *p, struct hr_node **n)
{
	static const char *const part[] = { "year", "month", "day", "hour", "minute", "second" };
	struct parse before = *p;
	struct hr_err e = HR_ERR_INIT, *to = p->e;
	uint32_t at = p->t.at;
	enum hr_type type;
	int32_t typmod;
	bool found;
	size_t i;

	p->e = &e;
	found = type_name(p, &type, &typmod) && p->t.kind == HR_TOKEN_STRING;
	p->e = to;
	if (!found) {
		*p = before;
		return 0;
	}
	*n = cast(p, at, string(p), type, typmod);
	for (i = 0; *n && type == HR_TYPE_INTERVAL && i < HR_COUNT(part); i++)
		if (is_word(p, part[i])) {
			*n = fail(p, "an interval's unit stands inside its quotes");
			break;
		}
	return 1;
}

/* --- what stands alone --- */

/* Words that name no column unless they are quoted. */
static const char reserved[] =
    " all and any array as asc between both case cast check collate column constraint create cross default"
    " desc distinct do else end except false for foreign from full grant group having ilike in inner"
    " intersect into is isnull join lateral leading left like limit natural not notnull null offset on only or"
    " order outer overlaps primary references returning right select similar some symmetric table then to trailing true"
    " union unique using variadic when where window with ";
/* Those whose value depends on when and by whom it is asked. */
static const char volatile_words[] =
    " current_catalog current_date current_role current_schema current_time current_timestamp current_user"
    " localtime localtimestamp session_user user ";

static bool
among(const char *words, const char *word)
{
	size_t n = strlen(word);
	const char *w;

	for (w = words; (w = strstr(w, word)) != NULL; w++)
		if (n && w > words && w[-1] == ' ' && w[n] == ' ')
			return true;
	return false;
}

static bool
arguments(struct parse *p, struct list *l)
{
	struct hr_node *x;

	if (is_sign(p, ")"))
		return next(p);
	for (;;) {
		if ((x = expression(p)) == NULL)
			return false;
		add(p, l, x);
		if (!is_sign(p, ","))
			return expect(p, ")");
		if (!next(p))
			return false;
	}
}

/* EXTRACT(field FROM x) */
static struct hr_node *
extract(struct parse *p, uint32_t at)
{
	struct hr_node *arg[2];

	if (p->t.kind != HR_TOKEN_WORD && p->t.kind != HR_TOKEN_STRING && p->t.kind != HR_TOKEN_NAME)
		return fail(p, "a field is expected, not '%s'", shown(p));
	if ((arg[0] = string(p)) == NULL || !expect(p, "from") || (arg[1] = expression(p)) == NULL || !expect(p, ")"))
		return NULL;
	return call(p, "extract", at, arg, 2);
}

/* SUBSTRING(x FROM n FOR n), SUBSTRING(x, n, n) */
static struct hr_node *
substring(struct parse *p, uint32_t at)
{
	struct list l = { NULL, 0, 0 };
	struct hr_node *x, *from = NULL, *count = NULL;

	if ((x = expression(p)) == NULL)
		return NULL;
	add(p, &l, x);
	if (is_sign(p, ",")) {
		if (!next(p) || !arguments(p, &l))
			return NULL;
		return call(p, "substring", at, l.node, l.n);
	}
	if (!is_word(p, "from") && !is_word(p, "for"))
		return fail(p, "'from' is expected, not '%s'", shown(p));
	while (is_word(p, "from") || is_word(p, "for")) {
		struct hr_node **to = is_word(p, "from") ? &from : &count;

		if (*to)
			return fail(p, "'%s' is there twice", shown(p));
		if (!next(p) || (*to = expression(p)) == NULL)
			return NULL;
	}
	if (!expect(p, ")"))
		return NULL;
	if (from == NULL)
		from = constant(p, at, (struct hr_datum){ .type = HR_TYPE_INT4, .i = 1 });
	add(p, &l, from);
	if (count)
		add(p, &l, count);
	return call(p, "substring", at, l.node, l.n);
}

/* POSITION(x IN y) */
static struct hr_node *
position(struct parse *p, uint32_t at)
{
	struct hr_node *arg[2];

	if ((arg[1] = other_operator(p)) == NULL || !expect(p, "in") || (arg[0] = other_operator(p)) == NULL ||
	    !expect(p, ")"))
		return NULL;
	return call(p, "strpos", at, arg, 2);
}

/* TRIM([BOTH | LEADING | TRAILING] [chars] FROM x), TRIM(x, chars) */
static struct hr_node *
trim(struct parse *p, uint32_t at)
{
	const char *name = is_word(p, "leading") ? "ltrim" : is_word(p, "trailing") ? "rtrim" : "btrim";
	struct list l = { NULL, 0, 0 };
	struct hr_node *chars = NULL, *x;

	if ((is_word(p, "leading") || is_word(p, "trailing") || is_word(p, "both")) && !next(p))
		return NULL;
	if (!is_word(p, "from") && (chars = expression(p)) == NULL)
		return NULL;
	if (is_word(p, "from")) {
		if (!next(p) || (x = expression(p)) == NULL || !expect(p, ")"))
			return NULL;
		add(p, &l, x);
		if (chars)
			add(p, &l, chars);
		return call(p, name, at, l.node, l.n);
	}
	add(p, &l, chars);
	if (is_sign(p, ",")) {
		if (!next(p) || !arguments(p, &l))
			return NULL;
	} else if (!expect(p, ")")) {
		return NULL;
	}
	return call(p, name, at, l.node, l.n);
}

/* CAST(x AS type) */
static struct hr_node *
cast_call(struct parse *p, uint32_t at)
{
	struct hr_node *x = expression(p);
	enum hr_type type;
	int32_t typmod;

	if (x == NULL || !expect(p, "as") || !type_name(p, &type, &typmod) || !expect(p, ")"))
		return NULL;
	return cast(p, at, x, type, typmod);
}

/* CASE [x] WHEN y THEN z ... [ELSE z] END */
static struct hr_node *
case_when(struct parse *p)
{
	uint32_t at = p->t.at;
	struct list l = { NULL, 0, 0 };
	struct hr_node *x = NULL, *when, *then;

	if (!next(p) || (!is_word(p, "when") && (x = expression(p)) == NULL))
		return NULL;
	while (is_word(p, "when")) {
		uint32_t when_at = p->t.at;

		if (!next(p) || (when = expression(p)) == NULL || !expect(p, "then") || (then = expression(p)) == NULL)
			return NULL;
		if (x && (when = two(p, HR_NODE_EQ, when_at, x, when)) == NULL)
			return NULL;
		add(p, &l, when);
		add(p, &l, then);
	}
	if (l.n == 0)
		return fail(p, "'when' is expected, not '%s'", shown(p));
	if (is_word(p, "else")) {
		if (!next(p) || (then = expression(p)) == NULL)
			return NULL;
	} else {
		then = constant(p, at, (struct hr_datum){ .type = HR_TYPE_UNKNOWN, .null = true });
	}
	add(p, &l, then);
	if (!expect(p, "end"))
		return NULL;
	return listed(p, HR_NODE_CASE, at, &l);
}

static struct hr_node *
function(struct parse *p)
{
	struct hr_token name = p->t;
	struct list l = { NULL, 0, 0 };
	bool word = name.kind == HR_TOKEN_WORD;

	if (!next(p) || !expect(p, "("))
		return NULL;
	if (word && strcmp(name.text, "extract") == 0)
		return extract(p, name.at);
	if (word && strcmp(name.text, "substring") == 0)
		return substring(p, name.at);
	if (word && strcmp(name.text, "position") == 0)
		return position(p, name.at);
	if (word && strcmp(name.text, "trim") == 0)
		return trim(p, name.at);
	if (word && strcmp(name.text, "cast") == 0)
		return cast_call(p, name.at);
	return arguments(p, &l) ? call(p, name.text, name.at, l.node, l.n) : NULL;
}

static struct hr_node *
named(struct parse *p)
{
	struct hr_node *n;

	if (p->t.kind == HR_TOKEN_WORD && among(volatile_words, p->t.text)) {
		hr_parse_fail(p->t.at, p->e, "'%s' is not the same each time, so that rules cannot have it",
		    p->t.text);
		hr_hint(p->e, "$commit_time is when the transaction was committed");
		return NULL;
	}
	if (p->t.kind == HR_TOKEN_WORD && among(reserved, p->t.text)) {
		hr_parse_fail(p->t.at, p->e, "'%s' is not expected here", p->t.text);
		hr_hint(p->e, "a column of that name is written in double quotes");
		return NULL;
	}
	n = node(p, HR_NODE_COLUMN, p->t.at, 0);
	n->name = p->t.text;
	if (!next(p))
		return NULL;
	if (is_sign(p, "."))
		return fail(p, "columns are named without their table");
	return n;
}

static struct hr_node *
boolean(struct parse *p, bool v)
{
	struct hr_node *n = constant(p, p->t.at, (struct hr_datum){ .type = HR_TYPE_BOOL, .b = v });

	return next(p) ? n : NULL;
}

static struct hr_node *
primary(struct parse *p)
{
	struct hr_node *n;
	uint32_t at = p->t.at;

	switch (p->t.kind) {
	case HR_TOKEN_END:
		return fail(p, "something is missing at the end");
	case HR_TOKEN_STRING:
		return string(p);
	case HR_TOKEN_NUMBER:
		return number(p);
	case HR_TOKEN_VAR:
		n = node(p, HR_NODE_VAR, at, 0);
		n->name = p->t.text;
		return next(p) ? n : NULL;
	case HR_TOKEN_SIGN:
		if (!is_sign(p, "("))
			return fail(p, "'%s' is not expected here", p->t.text);
		if (!next(p) || (n = expression(p)) == NULL)
			return NULL;
		return expect(p, ")") ? n : NULL;
	case HR_TOKEN_NAME: case HR_TOKEN_WORD:
		break;
	}
	if (is_word(p, "true") || is_word(p, "false"))
		return boolean(p, is_word(p, "true"));
	if (is_word(p, "null")) {
		n = constant(p, at, (struct hr_datum){ .type = HR_TYPE_UNKNOWN, .null = true });
		return next(p) ? n : NULL;
	}
	if (is_word(p, "case"))
		return case_when(p);
	/* left() and right() are functions, although the words are reserved. */
	if (strcmp(after(p).text, "(") == 0 && after(p).kind == HR_TOKEN_SIGN) {
		if (typed_literal(p, &n))
			return n;
		if (p->t.kind == HR_TOKEN_NAME || !among(reserved, p->t.text) || is_word(p, "left") ||
		    is_word(p, "right") || is_word(p, "cast"))
			return function(p);
	}
	if (typed_literal(p, &n))
		return n;
	return named(p);
}

/* --- operators, from those that bind most --- */

static struct hr_node *
cast_suffix(struct parse *p)
{
	struct hr_node *x = primary(p);
	enum hr_type type;
	int32_t typmod;

	while (x && is_sign(p, "::")) {
		uint32_t at = p->t.at;

		if (!next(p) || !type_name(p, &type, &typmod))
			return NULL;
		x = cast(p, at, x, type, typmod);
	}
	return x;
}

/* A number has its sign in it, so that -2147483648 is an integer. */
static struct hr_node *
negative(struct parse *p, struct hr_node *x, uint32_t at)
{
	struct hr_datum *d = &x->value;
	int64_t v;

	if (x->op != HR_NODE_CONST || d->null || hr_type_kind(d->type) > HR_KIND_NUMERIC ||
	    hr_type_kind(d->type) < HR_KIND_INT)
		return one(p, HR_NODE_NEG, at, x);
	if (d->type == HR_TYPE_NUMERIC) {
		hr_numeric_neg(&d->num, &d->num);
		if (d->num.scale || !hr_numeric_to_int(&d->num, &v) || v != INT64_MIN)
			return x;
		d->type = HR_TYPE_INT8;
		d->i = v;
	} else {
		d->i = -d->i;
		d->type = d->i == INT32_MIN ? HR_TYPE_INT4 : d->type;
	}
	x->type = d->type;
	return x;
}

/* As in PostgreSQL, :: binds more than a sign does. */
static struct hr_node *
unary(struct parse *p)
{
	struct hr_node *x;
	uint32_t at = p->t.at;
	bool minus = is_sign(p, "-");

	if (!minus && !is_sign(p, "+"))
		return cast_suffix(p);
	if (++p->depth > HR_EXPR_DEPTH_MAX)
		return fail(p, "an expression deeper than %d", HR_EXPR_DEPTH_MAX);
	x = next(p) ? unary(p) : NULL;
	p->depth--;
	return minus && x ? negative(p, x, at) : x;
}

struct binary {
	const char *sign;
	enum hr_node_op op;
};

static const struct binary products[] = { { "*", HR_NODE_MUL }, { "/", HR_NODE_DIV }, { "%", HR_NODE_MOD }, { NULL, 0 } };
static const struct binary sums[] = { { "+", HR_NODE_ADD }, { "-", HR_NODE_SUB }, { NULL, 0 } };
static const struct binary others[] = {
	{ "||", HR_NODE_CONCAT }, { "->", HR_NODE_ARROW }, { "->>", HR_NODE_ARROW_TEXT }, { "#>", HR_NODE_PATH },
	{ "#>>", HR_NODE_PATH_TEXT }, { "?", HR_NODE_HAS }, { "~", HR_NODE_MATCH }, { "~*", HR_NODE_IMATCH },
	{ "~~", HR_NODE_LIKE }, { "~~*", HR_NODE_ILIKE }, { NULL, 0 },
};
static const struct binary refused[] = {
	{ "!~", HR_NODE_MATCH }, { "!~*", HR_NODE_IMATCH }, { "!~~", HR_NODE_LIKE }, { "!~~*", HR_NODE_ILIKE },
	{ NULL, 0 },
};
static const struct binary comparisons[] = {
	{ "=", HR_NODE_EQ }, { "<>", HR_NODE_NE }, { "!=", HR_NODE_NE }, { "<", HR_NODE_LT }, { "<=", HR_NODE_LE },
	{ ">", HR_NODE_GT }, { ">=", HR_NODE_GE }, { NULL, 0 },
};

static const struct binary *
which(const struct parse *p, const struct binary *b)
{
	for (; p->t.kind == HR_TOKEN_SIGN && b->sign; b++)
		if (strcmp(p->t.text, b->sign) == 0)
			return b;
	return NULL;
}

static struct hr_node *
operators(struct parse *p, const struct binary *table, struct hr_node *(*operand)(struct parse *))
{
	struct hr_node *x = operand(p);
	const struct binary *b;
	uint32_t at;

	while (x && (b = which(p, table)) != NULL) {
		at = p->t.at;
		x = next(p) ? two(p, b->op, at, x, operand(p)) : NULL;
		if (x)
			x->name = b->sign;
	}
	return x;
}

static struct hr_node *
product(struct parse *p)
{
	return operators(p, products, unary);
}

static struct hr_node *
sum(struct parse *p)
{
	return operators(p, sums, product);
}

static struct hr_node *
other_operator(struct parse *p)
{
	struct hr_node *x = operators(p, others, sum);
	const struct binary *b;
	uint32_t at;

	/* x !~ y: a boolean, so that nothing of these goes on behind it. */
	while (x && (b = which(p, refused)) != NULL) {
		at = p->t.at;
		x = next(p) ? two(p, b->op, at, x, operators(p, others, sum)) : NULL;
		if (x)
			x->name = b->sign;
		x = one(p, HR_NODE_NOT, at, x);
	}
	return x;
}

static struct hr_node *
between(struct parse *p, struct hr_node *x, uint32_t at)
{
	bool symmetric = is_word(p, "symmetric");
	struct hr_node *low, *high, *n;

	if ((symmetric || is_word(p, "asymmetric")) && !next(p))
		return NULL;
	if ((low = other_operator(p)) == NULL || !expect(p, "and") || (high = other_operator(p)) == NULL)
		return NULL;
	n = two(p, HR_NODE_AND, at, two(p, HR_NODE_GE, at, x, low), two(p, HR_NODE_LE, at, x, high));
	if (symmetric)
		n = two(p, HR_NODE_OR, at, n, two(p, HR_NODE_AND, at, two(p, HR_NODE_GE, at, x, high),
		    two(p, HR_NODE_LE, at, x, low)));
	return n;
}

static struct hr_node *
in_list(struct parse *p, struct hr_node *x, uint32_t at)
{
	struct list l = { NULL, 0, 0 };

	add(p, &l, x);
	if (!expect(p, "("))
		return NULL;
	if (is_word(p, "select"))
		return fail(p, "a rule sees one row, and no queries");
	if (is_sign(p, ")"))
		return fail(p, "an empty list");
	return arguments(p, &l) ? listed(p, HR_NODE_IN, at, &l) : NULL;
}

static struct hr_node *
like(struct parse *p, struct hr_node *x, uint32_t at, enum hr_node_op op)
{
	struct list l = { NULL, 0, 0 };
	struct hr_node *y = other_operator(p);

	if (y == NULL)
		return NULL;
	add(p, &l, x);
	add(p, &l, y);
	if (is_word(p, "escape")) {
		if (!next(p) || (y = other_operator(p)) == NULL)
			return NULL;
		add(p, &l, y);
	}
	y = listed(p, op, at, &l);
	if (y)
		y->name = op == HR_NODE_LIKE ? "LIKE" : "ILIKE";
	return y;
}

/* [NOT] BETWEEN, IN, LIKE, ILIKE */
static struct hr_node *
range(struct parse *p)
{
	struct hr_node *x = other_operator(p);
	uint32_t at = p->t.at;
	bool negated;

	if (x == NULL)
		return NULL;
	negated = is_word(p, "not") &&
	    (before_word(p, "between") || before_word(p, "in") || before_word(p, "like") ||
	    before_word(p, "ilike") || before_word(p, "similar"));
	if (negated && !next(p))
		return NULL;
	if (is_word(p, "between"))
		x = next(p) ? between(p, x, at) : NULL;
	else if (is_word(p, "in"))
		x = next(p) ? in_list(p, x, at) : NULL;
	else if (is_word(p, "like"))
		x = next(p) ? like(p, x, at, HR_NODE_LIKE) : NULL;
	else if (is_word(p, "ilike"))
		x = next(p) ? like(p, x, at, HR_NODE_ILIKE) : NULL;
	else if (is_word(p, "similar"))
		return fail(p, "SIMILAR TO is not there; ~ is");
	return negated ? one(p, HR_NODE_NOT, at, x) : x;
}

static struct hr_node *
comparison(struct parse *p)
{
	struct hr_node *x = range(p);
	const struct binary *b = x ? which(p, comparisons) : NULL;
	uint32_t at = p->t.at;

	if (b == NULL)
		return x;
	x = next(p) ? two(p, b->op, at, x, range(p)) : NULL;
	if (x)
		x->name = b->sign;
	if (x && which(p, comparisons))
		return fail(p, "two comparisons in a row need parentheses");
	return x;
}

/* IS [NOT] NULL, TRUE, FALSE, UNKNOWN, DISTINCT FROM; ISNULL, NOTNULL */
static struct hr_node *
is_test(struct parse *p, struct hr_node *x, uint32_t at)
{
	static const struct { const char *word; enum hr_node_op op; } test[] = {
		{ "null", HR_NODE_IS_NULL }, { "true", HR_NODE_IS_TRUE }, { "false", HR_NODE_IS_FALSE },
		{ "unknown", HR_NODE_IS_UNKNOWN },
	};
	bool negated = is_word(p, "not");
	size_t i;

	if (negated && !next(p))
		return NULL;
	if (is_word(p, "distinct")) {
		if (!next(p) || !expect(p, "from"))
			return NULL;
		x = two(p, negated ? HR_NODE_SAME : HR_NODE_DISTINCT, at, x, comparison(p));
		if (x)
			x->name = "=";
		return x;
	}
	for (i = 0; i < HR_COUNT(test); i++)
		if (is_word(p, test[i].word))
			return next(p) ? one(p, test[i].op + (negated ? 1 : 0), at, x) : NULL;
	return fail(p, "NULL, TRUE, FALSE, UNKNOWN or DISTINCT FROM is expected, not '%s'", shown(p));
}

static struct hr_node *
is_tests(struct parse *p)
{
	struct hr_node *x = comparison(p);
	const struct binary *b;
	uint32_t at = p->t.at;

	while (x && (is_word(p, "is") || is_word(p, "isnull") || is_word(p, "notnull"))) {
		if (is_word(p, "is"))
			x = next(p) ? is_test(p, x, at) : NULL;
		else {
			enum hr_node_op op = is_word(p, "isnull") ? HR_NODE_IS_NULL : HR_NODE_NOT_NULL;

			x = next(p) ? one(p, op, at, x) : NULL;
		}
		/* x IS NULL = y: what is whole can be compared. */
		at = p->t.at;
		if (x && (b = which(p, comparisons)) != NULL) {
			x = next(p) ? two(p, b->op, at, x, range(p)) : NULL;
			if (x)
				x->name = b->sign;
		}
	}
	return x;
}

static struct hr_node *
negation(struct parse *p)
{
	uint32_t at = p->t.at;
	struct hr_node *x;

	if (!is_word(p, "not"))
		return is_tests(p);
	if (++p->depth > HR_EXPR_DEPTH_MAX)
		return fail(p, "an expression deeper than %d", HR_EXPR_DEPTH_MAX);
	x = next(p) ? one(p, HR_NODE_NOT, at, negation(p)) : NULL;
	p->depth--;
	return x;
}

/* A chain of the word; one alone is what it is. */
static struct hr_node *
chain(struct parse *p, const char *word, enum hr_node_op op, struct hr_node *(*operand)(struct parse *))
{
	uint32_t at = p->t.at;
	struct list l = { NULL, 0, 0 };
	struct hr_node *x = operand(p);

	if (x == NULL || !is_word(p, word))
		return x;
	add(p, &l, x);
	while (is_word(p, word)) {
		if (!next(p) || (x = operand(p)) == NULL)
			return NULL;
		add(p, &l, x);
	}
	return listed(p, op, at, &l);
}

static struct hr_node *
conjunction(struct parse *p)
{
	return chain(p, "and", HR_NODE_AND, negation);
}

static struct hr_node *
expression(struct parse *p)
{
	struct hr_node *x;

	if (++p->depth > HR_EXPR_DEPTH_MAX)
		return fail(p, "an expression deeper than %d", HR_EXPR_DEPTH_MAX);
	x = chain(p, "or", HR_NODE_OR, conjunction);
	p->depth--;
	return x;
}

int
hr_parse(const char *text, struct hr_node **root, struct hr_scratch *m, struct hr_err *e)
{
	struct parse p = { .lex = { .text = text, .len = strlen(text), .m = m }, .m = m, .e = e };

	if (p.lex.len > HR_EXPR_TEXT_MAX)
		return hr_parse_fail(1, e, "an expression of more than %d bytes", HR_EXPR_TEXT_MAX);
	if (!hr_json_utf8((const uint8_t *)text, p.lex.len))
		return hr_parse_fail(1, e, "an expression that is not UTF-8");
	if (!next(&p) || (*root = expression(&p)) == NULL)
		return -1;
	if (p.t.kind != HR_TOKEN_END)
		return hr_parse_fail(p.t.at, e, "'%s' is not expected here", p.t.text);
	return 0;
}
