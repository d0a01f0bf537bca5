/* The pipeline's file: what it fills, and where each mistake is said to be. */

#include "base/hr.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "state/config.h"

#include "tap.h"

#define HEAD "name: shop\nsource: {dbname: a, slot: s, publication: p}\n"
#define FRONT HEAD "target: {dbname: b}\n"			/* 3 lines */
#define SMALL FRONT "tenancy: {column: t}\n"			/* 4 lines */
#define SOURCE(rest) "name: shop\nsource:\n  dbname: a\n  slot: s\n  publication: p\n" rest \
	"\ntarget: {dbname: b}\ntenancy: {column: t}\n"

static int
parse(struct hr_config *c, const char *text, struct hr_err *e)
{
	return hr_config_parse(c, "t.yaml", text, strlen(text), e);
}

static bool
cleared(const struct hr_config *c)
{
	static const struct hr_config zero = HR_CONFIG_INIT;

	return memcmp(c, &zero, sizeof(zero)) == 0;
}

/* It is refused with just this message and hint, and nothing is kept. */
static void
refuse(const char *text, const char *want, const char *hint)
{
	struct hr_config c = HR_CONFIG_INIT;
	struct hr_err e = HR_ERR_INIT;
	int rc = parse(&c, text, &e);
	bool good = rc == -1 && e.code == HR_CONFIG && strcmp(e.what, want) == 0 &&
	    strcmp(e.hint, hint) == 0 && cleared(&c);

	ok(good, "refused: %s", want);
	if (!good)
		printf("#  got: %d, %s; %s\n# want: %s; %s\n", rc, e.what, e.hint, want, hint);
	hr_config_clear(&c);
}

static void
accept(const char *text, const char *what)
{
	struct hr_config c = HR_CONFIG_INIT;
	struct hr_err e = HR_ERR_INIT;
	int rc = parse(&c, text, &e);

	ok(rc == 0, "%s", what);
	if (rc != 0)
		printf("#  got: %s; %s\n", e.what, e.hint);
	hr_config_clear(&c);
	ok(cleared(&c), "and clear leaves it ready again");
}

static void
whole(void)
{
	struct hr_config c = HR_CONFIG_INIT;
	struct hr_err e = HR_ERR_INIT;
	int rc;

	rc = parse(&c,
	    "name: shop\n"
	    "source:\n"
	    "  dbname: \"service=home\"\n"
	    "  slot: hr_shop\n"
	    "  publication: [one, two]\n"
	    "  create_slot: true\n"
	    "  snapshot: false\n"
	    "  jobs: 64\n"
	    "target:\n"
	    "  dbname: service=replica\n"
	    "  jobs: 2\n"
	    "  ddl: add\n"
	    "  synchronous_commit: on\n"
	    "  batch_rows: 1000\n"
	    "tenancy:\n"
	    "  column: tenant_id\n"
	    "  null_tenant: shared\n"
	    "tenants: [acme, 0042, \"a, b\"]\n"
	    "tables:\n"
	    "  public.countries: {tenancy: shared}\n"
	    "  public.audit*: {tenancy: none}\n"
	    "  public.orders: {tenancy: column, column: org_id}\n"
	    "  public.lines: {column: line_org}\n"
	    "  public.more: {tenancy: column}\n"
	    "  public.parts: {tenancy: parent}\n"
	    "tier: best-effort\n"
	    "max_lag_seconds: 60\n"
	    "priority: 100\n", &e);
	ok(rc == 0, "a file with every key is read");
	is(e.what, "", "without an error");
	is(c.path, "t.yaml", "path");
	is(c.name, "shop", "name");
	is(c.source.dbname, "service=home", "source.dbname");
	is(c.source.slot, "hr_shop", "source.slot");
	is(c.source.publication, "one,two", "source.publication, joined");
	ok(c.source.create_slot && !c.source.snapshot, "source.create_slot and snapshot");
	is_number(c.source.jobs, 64, "source.jobs");
	is(c.target.dbname, "service=replica", "target.dbname");
	is_number(c.target.jobs, 2, "target.jobs");
	is(c.target.ddl, "add", "target.ddl");
	is(c.target.synchronous_commit, "on", "target.synchronous_commit");
	is_number(c.target.batch_rows, 1000, "target.batch_rows");
	is(c.tenancy.column, "tenant_id", "tenancy.column");
	is_number(c.tenancy.null_tenant, HR_NULL_SHARED, "tenancy.null_tenant");
	is_number((int64_t)c.tenants, 3, "tenants");
	is(c.tenant[1], "0042", "a tenant that looks like a number is kept as written");
	is(c.tenant[2], "a, b", "the order of tenants is kept");
	is_number((int64_t)c.tables, 6, "tables");
	is_number(c.table[0].tenancy, HR_TENANCY_SHARED, "a shared table");
	is(c.table[1].table, "public.audit*", "a pattern");
	is_number(c.table[1].tenancy, HR_TENANCY_NONE, "a table left out");
	is(c.table[2].column, "org_id", "a table with a column of its own");
	is_number(c.table[2].line, 22, "a table knows its line");
	is_number(c.table[3].tenancy, HR_TENANCY_COLUMN, "a column says by column");
	is(c.table[4].column, "tenant_id", "by column, without one, is by the file's");
	ok(c.table[5].tenancy == HR_TENANCY_PARENT && c.table[5].column == NULL, "by parent, without one, is by none");
	is(c.tier, "best-effort", "tier");
	is_number(c.max_lag_seconds, 60, "max_lag_seconds");
	is_number(c.priority, 100, "priority");
	hr_config_clear(&c);
	ok(cleared(&c), "clear leaves nothing");

	rc = parse(&c, SMALL, &e);
	ok(rc == 0, "a file with no more than it must have is read");
	is_number(c.tenancy.null_tenant, HR_NULL_REFUSE, "null_tenant is refuse by itself");
	is_number((int64_t)(c.tenants + c.tables), 0, "no tenants, no tables");
	ok(c.target.ddl == NULL && c.tier == NULL && c.source.jobs == 0 && c.target.jobs == 0 &&
	    c.max_lag_seconds == 0, "what is not said is not there");
	hr_config_clear(&c);
}

static void
pipeline(void)
{
	struct hr_config c = HR_CONFIG_INIT;
	struct hr_err e = HR_ERR_INIT;
	char *here = getcwd(NULL, 0), *want, *text;

	ok(parse(&c, SMALL, &e) == 0, "a pipeline");
	text = hr_config_pipeline(&c, "/st/it's");
	is(text, "hr-capture --config 't.yaml' --checkpoint '/st/it'\\''s/checkpoint'\n"
	    "hr-apply --config 't.yaml' --checkpoint '/st/it'\\''s/checkpoint'\n",
	    "its commands, quoted; a path that is not there stays");
	free(text);
	free(c.path);
	c.path = hr_strdup(".");
	text = hr_config_pipeline(&c, "/st");
	want = hr_sprintf("hr-capture --config '%s' --checkpoint '/st/checkpoint'\n"
	    "hr-apply --config '%s' --checkpoint '/st/checkpoint'\n", here, here);
	is(text, want, "a path that is there is made absolute");
	free(want);
	free(text);
	hr_config_clear(&c);
	ok(parse(&c, SMALL "rules: it's/mask.yaml\n", &e) == 0, "one with rules");
	free(c.path);
	c.path = hr_strdup("/etc/hr/t.yaml");
	text = hr_config_pipeline(&c, "/st");
	is(text, "hr-capture --config '/etc/hr/t.yaml' --checkpoint '/st/checkpoint'\n"
	    "hr-transform --rules '/etc/hr/it'\\''s/mask.yaml' --dead-letters '/st'/dead-letters"
	    " --state '/st'/aggregates --checkpoint '/st/checkpoint'\n"
	    "hr-apply --config '/etc/hr/t.yaml' --checkpoint '/st/checkpoint'\n", "which are from where the file is");
	free(text);
	free(here);
	hr_config_clear(&c);
}

static void
files(void)
{
	struct hr_config c = HR_CONFIG_INIT;
	struct hr_err e = HR_ERR_INIT;
	char name[] = "/tmp/hr-config.XXXXXX", *want;
	int fd = mkstemp(name);

	ok(fd >= 0 && write(fd, SMALL, strlen(SMALL)) == (ssize_t)strlen(SMALL), "a file is made");
	ok(hr_config_load(&c, name, &e) == 0, "and read");
	is(c.path, name, "it knows its path");
	hr_config_clear(&c);

	ok(ftruncate(fd, (16 << 20) + 1) == 0 && hr_config_load(&c, name, &e) == -1 &&
	    e.code == HR_CONFIG, "a file larger than 16 MB is refused");
	want = hr_sprintf("%s: larger than 16777216 bytes", name);
	is(e.what, want, "and said to be");
	free(want);
	close(fd);
	unlink(name);

	ok(hr_config_load(&c, name, &e) == -1 && e.code == HR_CONFIG,
	    "a file that is not there is an error of configuration");
	want = hr_sprintf("cannot open '%s': No such file or directory", name);
	is(e.what, want, "and said to be missing");
	free(want);
	ok(hr_config_load(&c, "/", &e) == -1 && e.code == HR_CONFIG, "a directory too");
	is(e.what, "cannot read '/': Is a directory", "with the system's words");
}

static void
yaml(void)
{
	refuse("", "t.yaml:1:1: the file is empty", "");
	refuse("# only\n", "t.yaml:1:1: the file is empty", "");
	refuse("name: [\n", "t.yaml:2:1: not YAML: did not find expected node content", "");
	refuse("name: shop\nx: \xff\n", "t.yaml:2:4: not YAML: invalid leading UTF-8 octet", "");
	refuse("shop\n", "t.yaml:1:1: the file must be a mapping of keys to values", "");
	refuse("- shop\n", "t.yaml:1:1: the file must be a mapping of keys to values", "");
	refuse(SMALL "---\nname: again\n", "t.yaml:5:1: a second pipeline in one file", "");
	refuse(SMALL "---\n{\n", "t.yaml:7:1: not YAML: did not find expected node content", "");
	refuse(SMALL "[a]: b\n", "t.yaml:5:1: 'a key' must be one value, not a list", "");
	refuse(SMALL "tier: !mine standard\n", "t.yaml:5:7: 'tier' has the tag '!mine'", "");
	refuse(SMALL "tier: \"a\\0b\"\n", "t.yaml:5:7: 'tier' contains a NUL byte", "");
	accept(SMALL "...\n", "an end of the document is no second one");
	accept("name: &n shop\nsource: {dbname: *n, slot: *n, publication: *n}\n"
	    "target: {dbname: b}\ntenancy: {column: t}\n", "a value may be repeated by its anchor");
	refuse(FRONT "tenancy: &t {column: *t}\n",
	    "t.yaml:4:10: 'column' must be one value, not a mapping", "");
}

static void
keys(void)
{
	refuse("nam: shop\n", "t.yaml:1:1: unknown key 'nam'",
	    "known keys here: name, source, target, tenancy, tenants, tables, rules, tier, "
	    "max_lag_seconds, priority");
	refuse("name: shop\nsource:\n  publicaton: p\n", "t.yaml:3:3: unknown key 'publicaton'",
	    "known keys here: dbname, slot, publication, create_slot, snapshot, origin, jobs");
	refuse(HEAD "target: {dbname: b, job: 2}\n", "t.yaml:3:21: unknown key 'job'",
	    "known keys here: dbname, jobs, ddl, sequences, synchronous_commit, batch_rows");
	refuse(FRONT "tenancy: {colum: t}\n", "t.yaml:4:11: unknown key 'colum'",
	    "known keys here: column, schema, database, null_tenant");
	refuse(SMALL "tables:\n  a.b: {tenant: none}\n", "t.yaml:6:9: unknown key 'tenant'",
	    "known keys here: tenancy, column");
	refuse(SMALL "<<: {tier: premium}\n", "t.yaml:5:1: unknown key '<<'",
	    "known keys here: name, source, target, tenancy, tenants, tables, rules, tier, "
	    "max_lag_seconds, priority");
	refuse(SMALL "name: again\n", "t.yaml:5:1: key 'name' is there twice, first on line 1", "");
	refuse(SMALL "tables:\n  a.b: {tenancy: none}\n  a.c: {tenancy: none}\n"
	    "  a.b: {tenancy: shared}\n",
	    "t.yaml:8:3: table 'a.b' is there twice, first on line 6", "");
	refuse("target: {dbname: b}\n", "t.yaml:1:1: the file has no 'name'", "");
	refuse("name: shop\n", "t.yaml:1:1: the file has no 'source'", "");
	refuse(HEAD, "t.yaml:1:1: the file has no 'target'", "");
	refuse("name: a\nsource: {dbname: a, publication: p}\n",
	    "t.yaml:2:9: source has no 'slot'", "");
	refuse("name: a\nsource:\n", "t.yaml:2:8: source must be a mapping of keys to values", "");
	refuse(FRONT, "t.yaml:1:1: nothing says what a tenant is",
	    "give 'tenancy' a column, a schema or a database");
	refuse(FRONT "tenancy: {null_tenant: none}\n", "t.yaml:1:1: nothing says what a tenant is",
	    "give 'tenancy' a column, a schema or a database");
	accept(FRONT "tables: {a.b: {column: t}}\n", "tables by name do without a tenancy");
}

static void
names(void)
{
	char tenant[HR_TENANT_MAX + 2], text[1024], long_name[130];
	static const char shape[] = ": 'name' must be letters, digits, '_', '-' and '.', "
	    "at most 128, and not begin with '-' or '.'";
	static const char *const bad[] = { "a/b", "..", ".a", "-a", "a b", "\xc3\xa4" };
	char want[256];
	size_t i;

	for (i = 0; i < HR_COUNT(bad); i++) {
		snprintf(text, sizeof(text), "name: %s\n", bad[i]);
		snprintf(want, sizeof(want), "t.yaml:1:7%s", shape);
		refuse(text, want, "");
	}
	memset(long_name, 'a', sizeof(long_name) - 1);
	long_name[129] = '\0';
	snprintf(text, sizeof(text), "name: %s\n", long_name);
	refuse(text, want, "");
	snprintf(text, sizeof(text), "name: %s%s", long_name + 1, strchr(SMALL, '\n'));
	accept(text, "a name of 128 bytes is taken");
	refuse("name: ''\n", "t.yaml:1:7: 'name' is empty", "");
	refuse("name:\n", "t.yaml:1:6: 'name' is empty", "");
	refuse("name: ~\n", "t.yaml:1:7: 'name' is empty", "");
	refuse("name: {a: b}\n", "t.yaml:1:7: 'name' must be one value, not a mapping", "");

	memset(tenant, 'x', sizeof(tenant));
	tenant[HR_TENANT_MAX + 1] = '\0';
	snprintf(text, sizeof(text), SMALL "tenants: [a, %s]\n", tenant);
	refuse(text, "t.yaml:5:14: tenant 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...' is longer than "
	    "255 bytes", "");
	tenant[HR_TENANT_MAX] = '\0';
	snprintf(text, sizeof(text), SMALL "tenants: [a, %s]\n", tenant);
	accept(text, "a tenant of 255 bytes is taken");
	refuse(SMALL "tenants: acme\n", "t.yaml:5:10: 'tenants' must be a list of names", "");
	refuse(SMALL "tenants: []\n", "t.yaml:5:10: 'tenants' is empty",
	    "leave the key out for all tenants");
	refuse(SMALL "tenants:\n", "t.yaml:5:9: 'tenants' must be a list of names", "");
	refuse(SMALL "tenants: [a, '']\n", "t.yaml:5:14: 'tenants' is empty", "");
	refuse(SMALL "tenants:\n- b\n- a\n- b\n",
	    "t.yaml:8:3: tenant 'b' is there twice, first on line 6", "");

	refuse("name: a\nsource: {slot: Shop}\n", "t.yaml:2:16: 'slot' may only have lower-case "
	    "letters, digits and '_', not 'Shop'", "");
	snprintf(text, sizeof(text), "name: a\nsource: {slot: %.64s}\n", tenant);
	refuse(text, "t.yaml:2:16: 'slot' is longer than 63 bytes", "");
	snprintf(text, sizeof(text), "name: a\nsource: {publication: [a, %.64s]}\n", tenant);
	refuse(text, "t.yaml:2:27: publication 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
	    "xxxxxxxxxxxxxxxx' is longer than 63 bytes", "");
	refuse("name: a\nsource: {publication: 'a,,b'}\n",
	    "t.yaml:2:23: 'publication' has an empty name in it", "");
	refuse("name: a\nsource: {publication: []}\n", "t.yaml:2:23: 'publication' is empty", "");
	refuse("name: a\nsource: {publication: ['a,b']}\n",
	    "t.yaml:2:24: publication 'a,b' has a comma in its name", "");
	accept("name: a\nsource: {dbname: a, slot: s, publication: 'a,b'}\ntarget: {dbname: b}\n"
	    "tenancy: {column: t}\n", "publications may be one text with commas");
}

static void
values(void)
{
	refuse(SOURCE("  jobs: 0"),
	    "t.yaml:6:9: 'jobs' must be a whole number from 1 to 64, not '0'", "");
	refuse(SOURCE("  jobs: 65"),
	    "t.yaml:6:9: 'jobs' must be a whole number from 1 to 64, not '65'", "");
	refuse(SOURCE("  jobs: -1"),
	    "t.yaml:6:9: 'jobs' must be a whole number from 1 to 64, not '-1'", "");
	refuse(SOURCE("  jobs: 2.0"),
	    "t.yaml:6:9: 'jobs' must be a whole number from 1 to 64, not '2.0'", "");
	refuse(SOURCE("  jobs: '2'"),
	    "t.yaml:6:9: 'jobs' must be a whole number from 1 to 64, not the text '2'", "");
	refuse(SOURCE("  jobs: 99999999999999999999"), "t.yaml:6:9: 'jobs' must be a whole number "
	    "from 1 to 64, not '99999999999999999999'", "");
	accept(SOURCE("  jobs: 1"), "jobs may be 1");
	refuse(SOURCE("  snapshot: yes"),
	    "t.yaml:6:13: 'snapshot' must be true or false, not 'yes'", "");
	refuse(SOURCE("  snapshot: 'true'"),
	    "t.yaml:6:13: 'snapshot' must be true or false, not the text 'true'", "");
	refuse(HEAD "target: {dbname: b, batch_rows: 100001}\n", "t.yaml:3:33: 'batch_rows' must be "
	    "a whole number from 1 to 100000, not '100001'", "");
	refuse(HEAD "target: {dbname: b, ddl: al}\n", "t.yaml:3:26: 'ddl' cannot be 'al'",
	    "one of: none add all");
	refuse(HEAD "target: {dbname: b, ddl: non}\n", "t.yaml:3:26: 'ddl' cannot be 'non'",
	    "one of: none add all");
	refuse(HEAD "target: {dbname: b, synchronous_commit: true}\n",
	    "t.yaml:3:41: 'synchronous_commit' cannot be 'true'", "one of: on off");
	refuse(SMALL "tier: gold\n", "t.yaml:5:7: 'tier' cannot be 'gold'",
	    "one of: synchronous premium standard best-effort");
	refuse(SMALL "priority: 101\n",
	    "t.yaml:5:11: 'priority' must be a whole number from 0 to 100, not '101'", "");
	accept(SMALL "priority: 0\n", "priority may be 0");
	refuse(SMALL "max_lag_seconds: 0\n", "t.yaml:5:18: 'max_lag_seconds' must be a whole number "
	    "from 1 to 31536000, not '0'", "");
	refuse(FRONT "tenancy: {column: t, null_tenant: maybe}\n",
	    "t.yaml:4:35: 'null_tenant' cannot be 'maybe'", "one of: refuse shared none");
}

static void
tenancy(void)
{
	accept(FRONT "tenancy: {schema: \"tenant_(.*)\"}\n", "by schema");
	accept(FRONT "tenancy: {database: acme}\n", "by database");
	refuse(FRONT "tenancy: {column: t, schema: s}\n",
	    "t.yaml:4:10: 'tenancy' has more than one of column, schema and database", "");
	refuse(FRONT "tenancy: {schema: s, database: d}\n",
	    "t.yaml:4:10: 'tenancy' has more than one of column, schema and database", "");
	refuse(FRONT "tenancy: {schema: \"tenant_(.*\"}\n",
	    "t.yaml:4:19: 'schema' is not a regular expression: Unmatched ( or \\(", "");
	refuse(SMALL "tables: [a.b]\n", "t.yaml:5:9: 'tables' must be a mapping of tables", "");
	refuse(SMALL "tables: {orders: {tenancy: none}}\n", "t.yaml:5:10: 'orders' is not a table",
	    "write it as schema.table");
	refuse(SMALL "tables: {.orders: {tenancy: none}}\n", "t.yaml:5:10: '.orders' is not a table",
	    "write it as schema.table");
	refuse(SMALL "tables: {public.: {tenancy: none}}\n", "t.yaml:5:10: 'public.' is not a table",
	    "write it as schema.table");
	refuse(SMALL "tables: {a.b: none}\n",
	    "t.yaml:5:15: a.b must be a mapping of keys to values", "");
	refuse(SMALL "tables: {a.b: {}}\n", "t.yaml:5:15: a.b has no 'tenancy'", "");
	refuse(SMALL "tables: {a.b: {tenancy: nobody}}\n",
	    "t.yaml:5:25: 'tenancy' cannot be 'nobody'",
	    "one of: column parent schema database shared none");
	refuse(SMALL "tables: {a.b: {tenancy: none, column: t}}\n",
	    "t.yaml:5:15: a.b has a 'column', but its tenancy is not by column", "");
	accept(SMALL "tables: {a.b: {tenancy: parent}}\n", "by the one foreign key there is");
	accept(SMALL "tables: {a.b: {tenancy: parent, column: c}}\n", "by the one that holds a column");
	refuse(SMALL "tables:\n  a.b: {tenancy: schema}\n",
	    "t.yaml:6:1: a.b is by schema, and 'tenancy' has no 'schema'", "");
	refuse(SMALL "tables:\n  a.b: {tenancy: database}\n",
	    "t.yaml:6:1: a.b is by database, and 'tenancy' has no 'database'", "");
	refuse(FRONT "tables:\n  a.b: {tenancy: column}\n",
	    "t.yaml:5:1: a.b is by column, and 'tenancy' has no 'column'", "");
}

static void
passwords(void)
{
	static const char hint[] = "keep it in a service file, a passfile or the environment "
	    "(PGSERVICEFILE, PGPASSFILE, PGPASSWORD)";
	static const char *const bad[] = {
		"password=secret", "host=a password = secret", "host=a sslpassword=secret",
		"postgresql://joe:secret@host/db", "postgres://joe:secret@/db",
		"postgresql://joe@host/db?password=secret",
	};
	static const char *const good[] = {
		"service=password", "passfile=/etc/pass", "postgresql://joe@host:5432/db",
		"postgresql://host:5432/db", "host=a user=b:c@d", "postgresql://joe:@host/db",
	};
	char text[256];
	size_t i;

	for (i = 0; i < HR_COUNT(bad); i++) {
		snprintf(text, sizeof(text), "name: a\nsource:\n  dbname: '%s'\n", bad[i]);
		refuse(text, "t.yaml:3:11: 'dbname' contains a password", hint);
	}
	for (i = 0; i < HR_COUNT(good); i++) {
		snprintf(text, sizeof(text), HEAD "target: {dbname: '%s'}\ntenancy: {column: t}\n",
		    good[i]);
		accept(text, good[i]);
	}
}

/* More than anything that is quadratic would do in the time a test has. */
static void
many(void)
{
	struct hr_config c = HR_CONFIG_INIT;
	struct hr_err e = HR_ERR_INIT;
	struct hr_buf b = HR_BUF_INIT;
	int i, n = 100000;

	hr_buf_puts(&b, SMALL "tenants:\n");
	for (i = 0; i < n; i++)
		hr_buf_printf(&b, "- tenant-%d\n", i);
	hr_buf_puts(&b, "tables:\n");
	for (i = 0; i < n; i++)
		hr_buf_printf(&b, "  public.t%d: {tenancy: shared}\n", i);
	ok(hr_config_parse(&c, "t.yaml", (char *)b.data, b.len, &e) == 0,
	    "100000 tenants and as many tables are read");
	ok(c.tenants == (size_t)n && c.tables == (size_t)n, "all of them");
	hr_config_clear(&c);
	hr_buf_clear(&b);
}

static void
said(void)
{
	static char acme[] = "acme", globex[] = "globex", *two[] = { acme, globex };
	struct hr_config c = HR_CONFIG_INIT;

	hr_config_say_tenancy(&c, "org", NULL, NULL);
	is(c.tenancy.column, "org", "options say the tenancy");
	hr_config_say_tenancy(&c, NULL, NULL, NULL);
	is(c.tenancy.column, "org", "nothing said changes nothing");
	hr_config_say_tenancy(&c, NULL, "t_(.*)", NULL);
	ok(c.tenancy.column == NULL && strcmp(c.tenancy.schema, "t_(.*)") == 0, "another tenancy takes its place");
	hr_config_say_tenants(&c, two, 2);
	hr_config_say_tenants(&c, NULL, 0);
	ok(c.tenants == 2 && strcmp(c.tenant[1], "globex") == 0, "options say the tenants");
	hr_config_say_tenants(&c, two, 1);
	ok(c.tenants == 1 && strcmp(c.tenant[0], "acme") == 0, "and others in their place");
	hr_config_clear(&c);
}

int
main(void)
{
	whole();
	said();
	pipeline();
	files();
	yaml();
	keys();
	names();
	values();
	tenancy();
	passwords();
	many();
	return tap_done();
}
