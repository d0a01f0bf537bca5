/* expr.c - expressions over the columns of a relation. */

#include "base/hr.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "rule/check.h"
#include "rule/expr.h"
#include "rule/pattern.h"

struct hr_expr {
	struct hr_node *root;
	struct hr_scratch m;		/* the nodes and what they hold */
	uint64_t reads[(HR_COLUMNS_MAX + 63) / 64];
	uint64_t vars;
	struct hr_regex **regex;
	int regexes;
};

static struct hr_expr *
compile(const char *text, const struct hr_relation *r, const struct hr_column *as, bool filter,
    struct hr_err *e)
{
	struct hr_expr *x = hr_zalloc(sizeof(*x));
	struct hr_check c = { .relation = r, .m = &x->m, .e = e, .reads = x->reads, .vars = &x->vars };
	int rc = hr_parse(text, &x->root, &x->m, e);

	if (rc == 0)
		rc = hr_check(&c, &x->root);
	if (rc == 0 && as)
		rc = hr_check_assign(&c, &x->root, as);
	if (rc == 0 && filter)
		rc = hr_check_coerce(&c, &x->root, HR_TYPE_BOOL);
	if (rc == 0 && x->root->type == HR_TYPE_UNKNOWN)
		rc = hr_check_coerce(&c, &x->root, HR_TYPE_TEXT);
	hr_scratch_clear(&c.tmp);
	x->regex = c.regex;
	x->regexes = c.regexes;
	if (rc < 0) {
		hr_expr_free(x);
		return NULL;
	}
	return x;
}

struct hr_expr *
hr_expr_new(const char *text, const struct hr_relation *r, const struct hr_column *as, struct hr_err *e)
{
	return compile(text, r, as, false, e);
}

struct hr_expr *
hr_expr_new_filter(const char *text, const struct hr_relation *r, struct hr_err *e)
{
	return compile(text, r, NULL, true, e);
}

void
hr_expr_free(struct hr_expr *x)
{
	int i;

	if (x == NULL)
		return;
	for (i = 0; i < x->regexes; i++)
		hr_regex_free(x->regex[i]);
	free(x->regex);
	hr_scratch_clear(&x->m);
	free(x);
}

enum hr_type
hr_expr_type(const struct hr_expr *x)
{
	return x->root->type;
}

bool
hr_expr_reads(const struct hr_expr *x, int column)
{
	return x->reads[column / 64] >> (column % 64) & 1;
}

bool
hr_expr_reads_var(const struct hr_expr *x, enum hr_expr_var v)
{
	return x->vars >> v & 1;
}

const struct hr_datum *
hr_expr_constant(const struct hr_expr *x)
{
	return x->root->op == HR_NODE_CONST ? &x->root->value : NULL;
}

int
hr_expr_eval(const struct hr_expr *x, const struct hr_scope *s, struct hr_datum *d, struct hr_err *e)
{
	return x->root->eval(x->root, s, d, e);
}

int
hr_expr_test(const struct hr_expr *x, const struct hr_scope *s, enum hr_truth *truth, struct hr_err *e)
{
	struct hr_datum d;
	int rc = x->root->eval(x->root, s, &d, e);

	if (rc == 0)
		*truth = d.null ? HR_UNKNOWN : d.b ? HR_TRUE : HR_FALSE;
	return rc;
}
