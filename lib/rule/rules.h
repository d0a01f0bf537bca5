/*
 * rules.h - what may leave the house: hr-rules(5), read and not yet bound to tables.
 *
 * Unknown keys, wrong types and values outside their range are errors that name
 * file, line and column.  Expressions are texts here; plan.h compiles them for
 * each table that they meet.
 */
#ifndef HR_RULES_H
#define HR_RULES_H

#include "base/err.h"
#include "base/hr.h"
#include "rule/fake.h"
#include "rule/general.h"
#include "rule/lookup.h"
#include "rule/summary.h"

/* Where something stands in the file. */
struct hr_place {
	int line, column;
};

struct hr_names {
	char **v;
	size_t n;
};

/* What becomes of a row that is not as it should be. */
enum hr_otherwise { HR_OTHERWISE_REFUSE, HR_OTHERWISE_PARK, HR_OTHERWISE_DROP };

struct hr_rule_check {
	struct hr_place place;
	char *column;		/* or NULL: an expression over the row */
	char *type;		/* that it has to have; or NULL */
	bool required;		/* not NULL */
	char *least, *most;	/* as SQL writes them */
	struct hr_names values;
	char *pattern;		/* a regular expression */
	struct hr_names json;	/* paths that a document has to have, "a.b:number" */
	char *expression;
	enum hr_otherwise otherwise;
};

enum hr_mask_kind {
	HR_MASK_HASH, HR_MASK_TOKENIZE, HR_MASK_SERVICE, HR_MASK_REDACT, HR_MASK_NULL, HR_MASK_GENERALIZE,
	HR_MASK_FAKE, HR_MASK_NOISE,
};
enum hr_mask_coarse {
	HR_COARSE_RANGE, HR_COARSE_AGE, HR_COARSE_UNIT, HR_COARSE_FIRST, HR_COARSE_PREFIX,
};

struct hr_rule_mask {
	struct hr_place place;
	char *column;		/* a pattern */
	enum hr_mask_kind kind;
	char *domain;		/* of keys; or NULL */
	bool intended;		/* equal values may come of different ones, also in a key */
	bool plain;		/* hash: SHA-256 without the key */
	int digits;		/* hash: hexadecimal; fake: behind a name; 0: not said */
	char *as;		/* tokenize: "text", "email"; or NULL */
	bool keep_domain;	/* tokenize: of an e-mail */
	char *command;		/* service */
	int batch;
	char *text;		/* redact */
	enum hr_mask_coarse coarse;
	int64_t width, origin;	/* range */
	bool as_text;		/* "10-19" rather than 10 */
	int bound[32];		/* ages */
	size_t bounds;
	enum hr_general_unit unit;
	int64_t first;
	int prefix, prefix6;	/* bits */
	enum hr_fake_kind fake;
	char *from;		/* fake: the column that says who it is; or NULL */
	int64_t days;		/* fake: dates are moved by so many, at most; 0: no date */
	double scale;		/* noise */
	bool laplace;
	char *least, *most;	/* noise: or NULL */
};

struct hr_rule_add {
	struct hr_place place;
	char *column;
	char *value;		/* an expression; or NULL: what is looked up */
	char *type;		/* as SQL names it; or NULL: that of the expression */
	char *file, *key, *by, *give;	/* of a CSV file: where column by is key, column give */
	struct hr_lookup *lookup;	/* that, read when a table first needs it; or NULL */
};

/* What is made of rows: rows of another table; see summary.h. */
#define HR_RULE_AGGREGATE_MOST 256	/* columns to group by, and values */

struct hr_rule_group {
	char *name, *expr;	/* expr NULL: the column of that name */
};

struct hr_rule_output {
	int function;		/* enum hr_aggregate_function */
	char *name, *expr, *filter;	/* or NULL: of all rows; all */
};

struct hr_rule_aggregate {
	struct hr_place place;
	char *into;		/* schema.table; without a schema that of the rows */
	struct hr_rule_group *group;
	size_t groups;
	struct hr_rule_output *output;
	size_t outputs;
	int64_t size_us, slide_us, lateness_us;	/* of windows; size 0: there are none */
	char *by;		/* their time; NULL: that of the commit */
	enum hr_aggregate_emit emit;
	int64_t every_us;
	enum hr_aggregate_late late;
	bool append_only;
	bool pass;		/* the rows themselves go on, too */
};

struct hr_rule {
	struct hr_place place;
	struct hr_names tables, tenants;	/* patterns; no tenants: all */
	struct hr_names only, leave_out;	/* columns, patterns */
	struct hr_rule_check *check;
	size_t checks;
	struct hr_rule_mask *mask;
	size_t masks;
	char *filter;
	struct hr_place filter_place;
	struct hr_rule_add *add;
	size_t adds;
	struct hr_rule_aggregate *aggregate;
	size_t aggregates;
};

struct hr_rules {
	char *path;		/* for messages */
	char *key;		/* the key's file; or NULL */
	struct hr_names only, leave_out;	/* tables, patterns */
	bool messages;		/* logical messages are passed on */
	struct hr_rule *rule;
	size_t rules;
	bool aggregates;	/* a rule has some */
};

#define HR_RULES_INIT { .path = NULL }

/* 0, or -1 with *e set (HR_CONFIG, the place in front) and r cleared. */
int hr_rules_load(struct hr_rules *r, const char *path, struct hr_err *e) HR_USED;
int hr_rules_parse(struct hr_rules *r, const char *path, const char *text, size_t len, struct hr_err *e) HR_USED;
void hr_rules_clear(struct hr_rules *r);

/* Put the place in front of a complaint; gives -1. */
int hr_rules_at(const struct hr_rules *r, struct hr_place p, struct hr_err *e);
/* Is the name one of the patterns?  * and ? stand for any text, any character. */
bool hr_names_match(const struct hr_names *n, const char *name);
/* Is the table schema.name to be left out? */
bool hr_rules_leave_out(const struct hr_rules *r, const char *table);

/* Does the column of that table go on? */
bool hr_rules_keep(const struct hr_rules *r, const char *table, const char *column);
/* Is it masked for anybody? */
bool hr_rules_mask(const struct hr_rules *r, const char *table, const char *column);

const char *hr_mask_word(enum hr_mask_kind kind);

#endif
