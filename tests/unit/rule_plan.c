/* rule_plan - what rules make of a table: its columns, what is refused, and whose rules count. */

#include "base/hr.h"

#include "rule/mask.h"
#include "tap.h"
#include "rule.h"

static struct hr_err e;

#define ON "rules: [{tables: public.t, "
#define WIDE "id int4!, tenant text, name text, age int4, amount numeric(12,2), n numeric, v varchar(10), born date"

static const char *
columns_of(const struct hr_relation *r)
{
	static struct hr_buf b;
	int i;

	hr_buf_reset(&b);
	for (i = 0; i < r->columns; i++)
		hr_buf_printf(&b, "%s%s %s%s", i ? ", " : "", r->column[i].name, r->column[i].type_name,
		    r->column[i].key ? "!" : "");
	return hr_buf_text(&b);
}

/* What a table becomes, or why it does not; lent. */
static const char *
becomes(const char *yaml, char identity, char tenancy, const char *columns, const char *tenant)
{
	struct hr_relation *r = table(identity, tenancy, columns);
	struct hr_plan *p = plan_of(yaml, r, tenant, &e);
	const char *is = p ? columns_of(p->out) : e.what;

	if (p && p->out->tenant_column != hr_relation_column(p->out, tenancy == 'c' ? "tenant" : ""))
		is = "the tenant's column is another one";
	hr_plan_free(p);
	hr_relation_free(r);
	return is;
}

static const char *
described(const char *yaml, const char *columns, const char *tenant)
{
	static struct hr_buf b;
	struct hr_relation *r = table('d', 'c', columns);
	struct hr_plan *p = plan_of(yaml, r, tenant, &e);

	hr_buf_reset(&b);
	if (p)
		hr_plan_describe(p, &b);
	else
		hr_buf_puts(&b, e.what);
	hr_plan_free(p);
	hr_relation_free(r);
	return hr_buf_text(&b);
}

static void
out(void)
{
	is(becomes(ON "columns: {leave_out: [name, 'a*']}}]", 'd', 'c', WIDE, NULL),
	    "id int4!, tenant text, n numeric, v varchar, born date", "columns are left out");
	is(becomes(ON "columns: {only: [id, tenant, v]}}]", 'd', 'c', WIDE, NULL), "id int4!, tenant text, v varchar",
	    "or are the only ones");
	is(becomes(ON "columns: {leave_out: name}}]", 'd', 'c', "name text, tenant text, id int4!", NULL),
	    "tenant text, id int4!", "the tenant's column is elsewhere then");
	is(becomes(ON "mask: {age: {by: generalize, ages: groups}}}]", 'd', 'c', "id int4!, age int2", NULL),
	    "id int4!, age text", "groups of ages are text");
	is(becomes(ON "mask: {age: {by: generalize, range: 10, as: text}}}]", 'd', 'c', "id int4!, age int2", NULL),
	    "id int4!, age text", "so are ranges that are asked for so");
	is(becomes(ON "enrich: {a: id + 1, b: \"'x'\", c: {value: \"'7'\", type: bigint}}}]", 'd', 'c', "id int8!", NULL),
	    "id int8!, a int8, b text, c int8", "columns are added behind, of the types of their values");
	is(becomes("tables: {leave_out: public.t}", 'd', 'c', "id int4!", NULL), "id int4!", "of a table that is left out nothing is bound");
	is(becomes(ON "columns: {leave_out: a}}, {tables: '*', columns: {leave_out: b}}]", 'd', 'c', "id int4!, a text, b text", NULL),
	    "id int4!", "rules come together");
	is(becomes("rules: [{tables: public.u, columns: {leave_out: a}}]", 'd', 'c', "id int4!, a text", NULL), "id int4!, a text",
	    "those of other tables do not count");
}

static void
order(void)
{
	is(described(ON "enrich: {s: $tenant}, columns: {leave_out: v}, filter: age > 3, mask: {name: hash, v: redact}, "
	    "validate: [{column: age, min: 0, otherwise: park}, {column: v, required: true}, {expression: age < 9, "
	    "otherwise: drop}]}]", WIDE, NULL),
	    "public.t\tby rules\n"
	    "\tcheck\tcolumn 'age' is below 0: parked\n\tcheck\tcolumn 'v' is NULL: refused\n"
	    "\tcheck\tthe check 'age < 9' is false: dropped\n"
	    "\tname\thash, 64 digits\n\tv\tredact\n\tv\tleft out\n"
	    "\tfilter\tof new rows; rows are put or dropped\n\ts\tadded, text\n", "stages come in their order, as written or not");
	is(described(ON "filter: id > 3}]", WIDE, NULL), "public.t\tby rules\n\tfilter\tof the key\n", "a filter of the key");
	is(described("tables: {only: public.u}", WIDE, NULL), "public.t\tleft out\n", "a table that is not among those");
	is(described("tables: {only: public.?}", WIDE, NULL), "public.t\tas it is\n", "a table without rules");
	is(described(ON "mask: {name: redact}}, {tables: '*', mask: {name: hash, v: redact}}]", WIDE, NULL),
	    "public.t\tby rules\n\tname\tredact\n\tv\tredact\n", "the first mask of a column counts");
	is(described(ON "mask: {'n*': redact, name: hash}}]", "id int4!, name text, nick text", NULL),
	    "public.t\tby rules\n\tname\tredact\n\tnick\tredact\n", "also within a rule");
	is(described(ON "mask: {age: {by: generalize, ages: groups}}, filter: age = '15-19'}]", WIDE, NULL),
	    "public.t\tby rules\n\tage\tgeneralize (int4 to text)\n\tfilter\tof new rows; rows are put or dropped\n",
	    "a filter sees what is masked, of its type");
}

/* A rules file and the complaint. */
static void
no(const char *yaml, char identity, char tenancy, const char *columns, const char *want, const char *what)
{
	is(becomes(yaml, identity, tenancy, columns, NULL), want, what);
	if (e.code != HR_CONFIG)
		ok(false, "and it is one of the rules: %d", e.code);
}

#define IDENTITY "column 'id' of public.t is part of its replica identity, and "

static void
keys(void)
{
	no(ON "mask: {id: redact}}]", 'd', 'c', "id text!", "r.yaml:1:35: " IDENTITY "redact makes one of different values",
	    "a key has to stay unique");
	no(ON "mask: {id: {by: hash, digits: 31}}}]", 'd', 'c', "id text!", "r.yaml:1:35: " IDENTITY
	    "hash makes one of different values", "a hash of 31 digits may not be");
	no(ON "mask: {id: hash}}]", 'd', 'c', "id int8!", "r.yaml:1:35: " IDENTITY "hash makes one of different values",
	    "nor one that is a bigint");
	no(ON "mask: {id: null}}]", 'i', 'c', "id text!", "r.yaml:1:35: " IDENTITY "null makes one of different values",
	    "NULL is none");
	no(ON "mask: {id: {by: null, intended: true}}}]", 'd', 'c', "id text!", "r.yaml:1:35: " IDENTITY
	    "null makes one of different values", "however that is meant");
	no(ON "mask: {id: {by: fake, as: name, of: x, intended: true}}}]", 'd', 'c', "id text!, x text",
	    "r.yaml:1:35: column 'id' is part of the replica identity, and 'x' is not", "a key is made up of the key");
	no(ON "mask: {id: tokenize}}]", 'd', 'c', "id numeric!", "r.yaml:1:35: " IDENTITY "tokenize makes one of different values",
	    "tokens of numbers of any scale may be equal");
	no(ON "columns: {leave_out: id}}]", 'd', 'c', "id text!", "r.yaml:1:9: " IDENTITY "cannot be left out",
	    "a key cannot be left out");
	is(becomes(ON "mask: {id: {by: hash, digits: 32}}}]", 'd', 'c', "id text!", NULL), "id text!", "32 digits are enough");
	is(becomes(ON "mask: {id: hash}}]", 'd', 'c', "id uuid!", NULL), "id uuid!", "so is a uuid");
	is(becomes(ON "mask: {id: hash}}]", 'd', 'c', "id bytea!", NULL), "id bytea!", "and bytes");
	is(becomes(ON "mask: {id: tokenize}}]", 'd', 'c', "id int8!", NULL), "id int8!", "a token is one for one");
	is(becomes(ON "mask: {id: tokenize}}]", 'd', 'c', "id numeric(12,2)!", NULL), "id numeric!", "of a fixed scale too");
	is(becomes(ON "mask: {id: {by: redact, intended: true}}}]", 'd', 'c', "id text!", NULL), "id text!", "what is intended is");
	is(becomes(ON "mask: {id: redact}, columns: {leave_out: x}}]", 'f', 'c', "id text, x text", NULL), "id text!",
	    "whole old rows have no key");
}

static void
tenants(void)
{
	static const char key_of_some[] = "r.yaml:1:50: column 'id' of public.t is part of its replica identity, which does not "
	    "say whose a row is, and cannot be masked for some tenants";

	no(ON "mask: {tenant: hash}}]", 'd', 'c', "id int4!, tenant text",
	    "r.yaml:1:35: column 'tenant' of public.t says which tenant a row is of, and cannot be masked", "whose a row is stays");
	no(ON "mask: {'*': hash}}]", 'd', 'p', "parent text, id text!",
	    "r.yaml:1:35: column 'parent' of public.t says which tenant a row is of, and cannot be masked", "so does what leads there");
	no(ON "columns: {leave_out: parent}}]", 'd', 'p', "parent text, id text!",
	    "r.yaml:1:9: column 'parent' of public.t says which tenant a row is of, and cannot be left out", "which goes on");
	no(ON "columns: {leave_out: tenant}}]", 'd', 'c', "id int4!, tenant text",
	    "r.yaml:1:9: column 'tenant' of public.t says which tenant a row is of, and cannot be left out", "and goes on");
	no(ON "tenants: acme, filter: id > 1}]", 'd', 'a', "id int4!",
	    "r.yaml:1:9: public.t is shared by all tenants, and the rule is of some", "what is shared is the same for all");
	no(ON "tenants: acme, mask: {id: tokenize}}]", 'd', 'c', "id int4!, tenant text", key_of_some,
	    "one tenant's tokens could be another's keys");
	no(ON "tenants: acme, mask: {id: tokenize}}]", 'd', 'p', "id int4!, parent int4", key_of_some, "also where a parent says whose a row is");
	no(ON "tenants: acme, mask: {id: redact}}]", 'f', 'p', "id text, parent int4", key_of_some,
	    "there a whole old row can be one that is for all");
	is(becomes(ON "tenants: acme, mask: {id: tokenize}}]", 'd', 'c', "id int4!, tenant text!", NULL), "id int4!, tenant text!",
	    "a key with the tenant in it is one's own");
	is(becomes(ON "tenants: acme, mask: {id: tokenize}}]", 'd', 's', "id int4!", NULL), "id int4!", "so is that of one's own table");
	is(becomes(ON "tenants: acme, mask: {id: redact}}]", 'f', 'c', "id text, tenant text", NULL), "id text!, tenant text!",
	    "and a whole row");
	is(described(ON "tenants: [acme, 'g*'], mask: {name: redact}}]", WIDE, "globex"), "public.t\tby rules\n\tname\tredact\n",
	    "a rule is of its tenants");
	is(described(ON "tenants: [acme, 'g*'], mask: {name: redact}}]", WIDE, "initech"), "public.t\tas it is\n", "not of others");
	is(described(ON "tenants: [acme, 'g*'], mask: {name: redact}}]", WIDE, NULL), "public.t\tas it is\n", "nor of nobody");
}

static void
fits(void)
{
	static char many[64 + 16 * HR_COLUMNS_MAX];
	size_t n = (size_t)sprintf(many, ON "enrich: {");
	int i;

	no(ON "mask: {nam: redact}}]", 'd', 'c', WIDE, "r.yaml:1:35: public.t has no column 'nam'", "a column that is named is there");
	no(ON "mask: {name: {by: fake, as: name, of: x}}}]", 'd', 'c', WIDE, "r.yaml:1:35: public.t has no column 'x'",
	    "so is one that something is made up of");
	no(ON "validate: [{column: x, min: 1}]}]", 'd', 'c', WIDE, "r.yaml:1:39: public.t has no column 'x'", "or is checked");
	no(ON "validate: [{column: age, type: bigint}]}]", 'd', 'c', WIDE,
	    "r.yaml:1:39: column 'age' of public.t is int4, not bigint", "a type that is checked is that");
	is(becomes(ON "validate: [{column: age, type: integer}]}]", 'd', 'c', "id int4!, age int4", NULL), "id int4!, age int4",
	    "by any of its names");
	no(ON "validate: [{column: age, min: x}]}]", 'd', 'c', WIDE, "r.yaml:1:39: character 10: a text that is no integer",
	    "a bound is of the column's type");
	no(ON "filter: age + 1}]", 'd', 'c', WIDE, "r.yaml:1:36: character 5: boolean is needed, not integer", "a filter is true or not");
	no(ON "filter: $op = 'put'}]", 'd', 'c', WIDE, "r.yaml:1:36: a filter is of what the row has, and $tenant, $schema and $table",
	    "and is of the row");
	no(ON "enrich: {age: id}}]", 'd', 'c', WIDE, "r.yaml:1:37: public.t has a column 'age' already", "what is added is new");
	no(ON "enrich: {x: id}}, {tables: '*', enrich: {x: id}}]", 'd', 'c', WIDE, "r.yaml:1:69: public.t has a column 'x' already",
	    "once");
	no(ON "enrich: {x: {value: id, type: point}}}]", 'd', 'c', WIDE,
	    "r.yaml:1:37: 'point' is no type that a column can be added with", "of a type that there is");
	no(ON "enrich: {x: $xid}}]", 'f', 'c', WIDE, "r.yaml:1:37: public.t is REPLICA IDENTITY FULL: its old rows would not have "
	    "the 'x' that they were written with", "and can be found again in whole old rows");
	no(ON "enrich: {x: {lookup: /nowhere.csv, key: name, by: a, give: b}}}]", 'd', 'c', WIDE,
	    "r.yaml:1:37: cannot open '/nowhere.csv': No such file or directory", "a file that is looked into is there");
	for (i = 0; i < HR_COLUMNS_MAX; i++)
		n += (size_t)sprintf(many + n, "c%d: id,", i);
	sprintf(many + n, "}}]");
	ok(strstr(becomes(many, 'd', 'c', "id int4!", NULL), "public.t would have more than 1664 columns") != NULL,
	    "more columns than a row can have are refused");
	snprintf(strstr(many, "c1663: id,"), 4, "}}]");
	ok(strlen(becomes(many, 'd', 'c', "id int4!", NULL)) > 10000 && e.code == HR_OK, "as many as it can have are not");
}

int
main(void)
{
	out();
	order();
	keys();
	tenants();
	fits();
	return tap_done();
}
