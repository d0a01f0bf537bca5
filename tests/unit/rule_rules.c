/* rule_rules - what a rules file fills, and each mistake with its place. */

#include "base/hr.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "rule/rules.h"
#include "tap.h"

static struct hr_rules r;
static struct hr_err e;

static int
parse(const char *yaml)
{
	hr_err_clear(&e);
	hr_rules_clear(&r);
	return hr_rules_parse(&r, "r.yaml", yaml, strlen(yaml), &e);
}

static void
fails(const char *yaml, const char *want, const char *what)
{
	ok(parse(yaml) < 0 && e.code == HR_CONFIG && r.rule == NULL && r.path == NULL, "%s", what);
	is(e.what, want, "with its place");
}

/* "a b" of names. */
static const char *
joined(const struct hr_names *n)
{
	static struct hr_buf b;
	size_t i;

	hr_buf_reset(&b);
	for (i = 0; i < n->n; i++)
		hr_buf_printf(&b, "%s%s", i ? " " : "", n->v[i]);
	return hr_buf_text(&b);
}

static void
whole(void)
{
	static const char yaml[] =
	    "key: mask.key\n"
	    "tables: {only: 'public.*', leave_out: [public.a, public.b]}\n"
	    "messages: pass\n"
	    "rules:\n"
	    "  - tables: [public.c, '*']\n"
	    "    tenants: acme\n"
	    "    filter:\n"
	    "      a > 1\n"
	    "  - tables: public.d\n"
	    "    columns: {only: [x, y], leave_out: z}\n"
	    "    validate:\n"
	    "      - {column: a, type: text, required: true, min: 1, max: '2', values: [u, v], pattern: ^x, json: j}\n"
	    "      - {expression: a > 0, otherwise: park}\n"
	    "      - {column: b, values: w, otherwise: drop}\n"
	    "    enrich:\n"
	    "      s: $tenant\n"
	    "      t: {value: a + 1, type: bigint}\n"
	    "      u: {lookup: u.csv, key: a, by: k, give: v}\n";
	const struct hr_rule_check *c;
	const struct hr_rule_add *a;

	is_number(parse(yaml), 0, "a file of everything is read");
	is(r.key, "mask.key", "its key");
	is(joined(&r.only), "public.*", "what tables go on");
	is(joined(&r.leave_out), "public.a public.b", "what do not");
	ok(r.messages, "messages");
	is_number((int64_t)r.rules, 2, "rules");
	is(joined(&r.rule[0].tables), "public.c *", "of tables");
	is(joined(&r.rule[0].tenants), "acme", "and tenants");
	is(r.rule[0].filter, "a > 1", "a filter");
	ok(r.rule[0].filter_place.line == 8 && r.rule[0].filter_place.column == 7, "where it stands");
	is(joined(&r.rule[1].only), "x y", "columns that go on");
	is(joined(&r.rule[1].leave_out), "z", "and that do not");
	ok(r.rule[1].place.line == 9 && r.rule[1].place.column == 5, "where a rule stands");
	c = r.rule[1].check;
	ok(r.rule[1].checks == 3 && strcmp(c->column, "a") == 0 && strcmp(c->type, "text") == 0 && c->required &&
	    strcmp(c->least, "1") == 0 && strcmp(c->most, "2") == 0 && c->values.n == 2 && strcmp(c->pattern, "^x") == 0 &&
	    c->json.n == 1 && c->otherwise == HR_OTHERWISE_REFUSE, "a check of everything");
	ok(c[1].column == NULL && strcmp(c[1].expression, "a > 0") == 0 && c[1].otherwise == HR_OTHERWISE_PARK, "one that parks");
	ok(c[2].values.n == 1 && c[2].otherwise == HR_OTHERWISE_DROP && c[2].place.line == 14, "one that drops");
	a = r.rule[1].add;
	ok(r.rule[1].adds == 3 && strcmp(a->column, "s") == 0 && strcmp(a->value, "$tenant") == 0 && a->type == NULL &&
	    a->place.line == 16 && a->place.column == 7, "an added column");
	ok(strcmp(a[1].value, "a + 1") == 0 && strcmp(a[1].type, "bigint") == 0, "of a type");
	ok(a[2].value == NULL && strcmp(a[2].file, "u.csv") == 0 && strcmp(a[2].key, "a") == 0 && strcmp(a[2].by, "k") == 0 &&
	    strcmp(a[2].give, "v") == 0, "one that is looked up");
	is_number(parse("{}"), 0, "a file of nothing is one");
	ok(r.rules == 0 && !r.messages && r.key == NULL, "in which messages are left out");
}

static const struct hr_rule_mask *
mask(const char *how)
{
	static const struct hr_rule_mask none = { .kind = HR_MASK_NOISE, .digits = -1 };
	char yaml[512];

	snprintf(yaml, sizeof(yaml), "rules: [{tables: public.t, mask: {c: %s}}]", how);
	if (parse(yaml) < 0)
		printf("# %s: %s\n", how, e.what);
	return r.rules ? r.rule[0].mask : &none;
}

static void
masks(void)
{
	const struct hr_rule_mask *m = mask("hash");

	ok(m->kind == HR_MASK_HASH && strcmp(m->column, "c") == 0 && m->place.line == 1 && m->place.column == 35 &&
	    m->prefix == -1 && m->prefix6 == -1, "a word is a mask, at its column's place");
	m = mask("{by: hash, digits: 16, plain: true, domain: d, intended: true}");
	ok(m->kind == HR_MASK_HASH && m->digits == 16 && m->plain && strcmp(m->domain, "d") == 0 && m->intended, "a hash");
	m = mask("{by: tokenize, as: email, keep_domain: true}");
	ok(m->kind == HR_MASK_TOKENIZE && strcmp(m->as, "email") == 0 && m->keep_domain, "a token");
	m = mask("{by: service, command: cat, batch: 7}");
	ok(m->kind == HR_MASK_SERVICE && strcmp(m->command, "cat") == 0 && m->batch == 7, "a service");
	m = mask("{by: redact, text: '-'}");
	ok(m->kind == HR_MASK_REDACT && strcmp(m->text, "-") == 0, "a text");
	ok(mask("null")->kind == HR_MASK_NULL, "NULL is a word");
	ok(mask("~")->kind == HR_MASK_NULL, "or what YAML has for it");
	ok(mask("'null'")->kind == HR_MASK_NULL, "also in quotes");
	ok(mask("{by: null}")->kind == HR_MASK_NULL, "or in a mapping");
	m = mask("{by: generalize, range: 10, origin: -5, as: text}");
	ok(m->kind == HR_MASK_GENERALIZE && m->coarse == HR_COARSE_RANGE && m->width == 10 && m->origin == -5 && m->as_text,
	    "ranges");
	m = mask("{by: generalize, ages: groups}");
	ok(m->coarse == HR_COARSE_AGE && m->bounds == 0, "groups of ages");
	m = mask("{by: generalize, ages: [18, 65]}");
	ok(m->coarse == HR_COARSE_AGE && m->bounds == 2 && m->bound[0] == 18 && m->bound[1] == 65, "and of others");
	m = mask("{by: generalize, unit: quarter}");
	ok(m->coarse == HR_COARSE_UNIT && m->unit == HR_GENERAL_QUARTER, "units of time");
	ok(mask("{by: generalize, first: 3}")->first == 3, "first characters");
	m = mask("{by: generalize, prefix: 0}");
	ok(m->coarse == HR_COARSE_PREFIX && m->prefix == 0 && m->prefix6 == -1, "bits of an address");
	m = mask("{by: fake, as: user, of: id, digits: 9}");
	ok(m->kind == HR_MASK_FAKE && m->fake == HR_FAKE_USER && strcmp(m->from, "id") == 0 && m->digits == 9, "what is made up");
	m = mask("{by: fake, days: 30}");
	ok(m->kind == HR_MASK_FAKE && m->days == 30 && m->from == NULL, "dates that are moved");
	m = mask("{by: noise, scale: 1.5, shape: laplace, min: 0, max: 9}");
	ok(m->kind == HR_MASK_NOISE && m->scale == 1.5 && m->laplace && strcmp(m->least, "0") == 0 && strcmp(m->most, "9") == 0,
	    "noise");
}

static void
bad_mask(const char *how, const char *want, const char *what)
{
	char yaml[512], whole[512];

	snprintf(yaml, sizeof(yaml), "rules: [{tables: public.t, mask: {c: %s}}]", how);
	snprintf(whole, sizeof(whole), "r.yaml:1:%s", want);
	fails(yaml, whole, what);
}

static void
bad_masks(void)
{
	bad_mask("crypt", "38: 'a mask' cannot be 'crypt'", "a mask that there is not");
	is(e.hint, "one of: hash tokenize service redact null generalize fake noise", "and those that there are");
	bad_mask("[hash]", "38: 'a mask' must be one value, not a list", "a list of masks");
	bad_mask("{digits: 8}", "38: a mask has no 'by'", "a mask of no kind");
	bad_mask("{by: hash, digits: 65}", "57: 'digits' must be a whole number from 1 to 64, not '65'", "digits beyond a hash");
	bad_mask("{by: hash, as: text}", "38: as is of tokenize, fake and generalize", "an option of another mask");
	bad_mask("{by: hash, range: 3}", "38: range, origin, ages, unit, first and prefix are of generalize", "one of generalize");
	bad_mask("{by: hash, scale: 3}", "38: scale, shape, min and max are of noise", "one of noise");
	bad_mask("{by: hash, of: x}", "38: of and days are of fake", "one of fake");
	bad_mask("{by: hash, command: x}", "38: command and batch are of service", "one of service");
	bad_mask("{by: hash, text: x}", "38: text is of redact", "one of redact");
	bad_mask("{by: hash, keep_domain: true}", "38: keep_domain is of tokenize", "one of tokenize");
	bad_mask("{by: redact, plain: true}", "38: plain is of hash", "one of hash");
	bad_mask("{by: tokenize, digits: 8}", "38: digits are of hash and fake", "one of two");
	bad_mask("{by: redact, domain: x}", "38: domain is of what uses the key", "a domain of no key");
	bad_mask("{by: tokenize, as: name}", "38: 'as' of tokenize can be 'text' or 'email', not 'name'", "a token as a name");
	bad_mask("{by: tokenize, keep_domain: true}", "38: keep_domain is of tokenize as email", "a domain of no e-mail");
	bad_mask("service", "38: service needs a 'command'", "a service of no program");
	bad_mask("noise", "38: noise needs a 'scale' above 0", "noise of no scale");
	bad_mask("{by: noise, scale: -1}", "57: 'scale' must be a number from 0 on, not '-1'", "or of one below 0");
	bad_mask("fake", "38: fake needs 'as', which says what, or 'days' to move dates by", "a fake of nothing");
	bad_mask("{by: fake, as: dog}", "38: 'as' of fake cannot be 'dog'", "a fake of what there is not");
	bad_mask("{by: fake, as: user, digits: 10}", "38: 'digits' of fake are at most 9", "more digits than it has");
	bad_mask("generalize", "38: generalize needs one of range, ages, unit, first and prefix", "coarse in no way");
	bad_mask("{by: generalize, range: 3, first: 2}", "38: generalize needs just one of range, ages, unit, first and prefix",
	    "or in two");
	bad_mask("{by: generalize, unit: minute}", "38: 'unit' cannot be 'minute'", "a unit that there is not");
	bad_mask("{by: generalize, ages: [3, 3]}", "38: 'ages' must be 'groups' or rising numbers, not '3'", "ages that do not rise");
	bad_mask("{by: generalize, ages: young}", "38: 'ages' must be 'groups' or rising numbers, not 'young'", "and are no numbers");
	bad_mask("{by: generalize, first: 3, as: text}", "38: 'as' of generalize can be 'text', with range", "a text of a text");
	bad_mask("{by: generalize, prefix: 33}", "63: 'prefix' must be a whole number from 0 to 32, not '33'", "bits beyond an address");
	bad_mask("{by: generalize, range: 3, origin: x}", "73: 'origin' must be a whole number, not 'x'", "an origin that is none");
	bad_mask("{by: generalize, range: 3, origin: 9223372036854775808}",
	    "73: 'origin' must be a whole number, not '9223372036854775808'", "or is none of 64 bits");
}

#define ON "rules: [{tables: public.t, "

static void
mistakes(void)
{
	fails("rule: []", "r.yaml:1:1: unknown key 'rule'", "a key that there is not");
	is(e.hint, "known keys here: key, tables, messages, rules", "and those that there are");
	fails("rules: {}", "r.yaml:1:8: 'rules' must be a list of rules", "rules that are no list");
	fails("messages: maybe", "r.yaml:1:11: 'messages' cannot be 'maybe'", "messages that are neither");
	fails("tables: {only: t}", "r.yaml:1:16: 't' is not a table", "a table without a schema");
	is(e.hint, "write it as schema.table; * and ? stand for any text, any character", "and how it is written");
	fails("tables: {only: []}", "r.yaml:1:16: 'only' is empty", "a list of none");
	fails("rules: [{filter: a}]", "r.yaml:1:9: a rule has no 'tables'", "a rule of no tables");
	fails("rules: [{tables: public.t}]", "r.yaml:1:9: the rule does nothing", "a rule of nothing");
	fails(ON "mask: {}}]", "r.yaml:1:9: the rule does nothing", "also with an empty mapping");
	fails(ON "mask: []}]", "r.yaml:1:34: 'mask' must be a mapping of columns to masks", "masks that are no mapping");
	fails(ON "mask: {a: hash, a: redact}}]", "r.yaml:1:44: column 'a' is there twice, first on line 1", "a column that is there twice");
	fails(ON "enrich: {a: 1, a: 2}}]", "r.yaml:1:43: column 'a' is there twice, first on line 1", "also of those that are added");
	fails(ON "enrich: a}]", "r.yaml:1:36: 'enrich' must be a mapping of columns to values", "which are a mapping");
	fails(ON "enrich: {a: [1]}}]", "r.yaml:1:40: 'a' must be one value, not a list", "of values");
	fails(ON "enrich: {a: {type: text}}}]", "r.yaml:1:40: 'a' needs a 'value' or a 'lookup'", "a column of no value");
	fails(ON "enrich: {a: {value: b, by: k}}}]", "r.yaml:1:40: 'a' needs a 'value' or a 'lookup'", "or of half a lookup");
	fails(ON "enrich: {a: {lookup: f, key: b, by: k}}}]", "r.yaml:1:40: a lookup has 'key', 'by' and 'give', and no 'value'",
	    "or of the other half");
	fails(ON "validate: {}}]", "r.yaml:1:38: 'validate' must be a list of checks", "checks that are no list");
	fails(ON "validate: [{}]}]", "r.yaml:1:39: a check has neither a 'column' nor an 'expression'", "a check of nothing");
	fails(ON "validate: [{column: a}]}]", "r.yaml:1:39: nothing is checked of column 'a'", "a check that checks nothing");
	fails(ON "validate: [{column: a, expression: b}]}]", "r.yaml:1:39: a check is of a column or an expression, not of both",
	    "a check of both");
	fails(ON "validate: [{expression: b, min: 3}]}]", "r.yaml:1:39: a check is of a column or an expression, not of both",
	    "a bound of an expression");
	fails(ON "validate: [{column: a, min: 3, otherwise: stop}]}]", "r.yaml:1:70: 'otherwise' cannot be 'stop'",
	    "an end that there is not");
	fails(ON "tenants: acme, columns: {only: a}}]", "r.yaml:1:9: columns of a table are left out or added for all tenants alike",
	    "columns of some tenants");
	fails(ON "tenants: acme, enrich: {a: 1}}]", "r.yaml:1:9: columns of a table are left out or added for all tenants alike",
	    "and those that are added");
	fails(ON "tenants: acme, mask: {a: {by: generalize, ages: groups}}}]",
	    "r.yaml:1:9: the mask makes text of column 'a', which is so for all tenants alike", "another type for some tenants");
	fails(ON "tenants: acme, mask: {a: {by: generalize, range: 5, as: text}}}]",
	    "r.yaml:1:9: the mask makes text of column 'a', which is so for all tenants alike", "by ranges too");
	is_number(parse(ON "tenants: acme, mask: {a: {by: generalize, range: 5}}}]"), 0, "a range that is a number is not");
}

static void
names(void)
{
	is_number(parse("tables: {only: 'public.*', leave_out: [public.a?c, 'public.[xy]']}\n"
	    "rules: [{tables: public.t, columns: {only: [id, 'n*'], leave_out: no}}, {tables: '*', mask: {'s*': hash}}]"), 0,
	    "patterns are read");
	ok(!hr_rules_leave_out(&r, "public.t"), "a table goes on");
	ok(hr_rules_leave_out(&r, "other.t"), "one that is not among those does not");
	ok(hr_rules_leave_out(&r, "public.abc") && !hr_rules_leave_out(&r, "public.abbc"), "nor one that is left out");
	ok(hr_rules_leave_out(&r, "public.x") && !hr_rules_leave_out(&r, "public.z"), "by one of some characters");
	ok(hr_rules_keep(&r, "public.t", "id") && hr_rules_keep(&r, "public.t", "name"), "columns that are named go on");
	ok(!hr_rules_keep(&r, "public.t", "no") && !hr_rules_keep(&r, "public.t", "x"), "others do not");
	ok(hr_rules_keep(&r, "public.u", "no"), "but those of other tables");
	ok(hr_rules_mask(&r, "public.u", "ssn") && !hr_rules_mask(&r, "public.u", "id"), "what is masked is known by name");
}

static void
load(void)
{
	static const char yaml[] = "key: k\nrules: [{tables: '*', enrich: {a: {lookup: f.csv, key: b, by: k, give: v}, "
	    "b: {lookup: /f.csv, key: b, by: k, give: v}}}]";
	char path[] = "/tmp/rule_rules.XXXXXX";
	int fd = mkstemp(path);

	hr_rules_clear(&r);
	ok(fd >= 0 && write(fd, yaml, sizeof(yaml) - 1) == (ssize_t)sizeof(yaml) - 1 && hr_rules_load(&r, path, &e) == 0,
	    "a file is loaded");
	is(r.key, "/tmp/k", "its key is beside it");
	is(r.rule[0].add[0].file, "/tmp/f.csv", "so are the files it looks into");
	is(r.rule[0].add[1].file, "/f.csv", "unless they are elsewhere");
	close(fd);
	unlink(path);
	hr_rules_clear(&r);
	ok(hr_rules_load(&r, path, &e) < 0 && e.code == HR_CONFIG, "a file that is not there is a mistake");
}

int
main(void)
{
	whole();
	masks();
	bad_masks();
	mistakes();
	names();
	load();
	hr_rules_clear(&r);
	return tap_done();
}
