/* capture_route - which tenant a table's rows belong to. */

#include "base/hr.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "capture/route.h"
#include "tap.h"

#define INT4	23
#define TEXT	25
#define FLOAT8	701

#define FRONT "name: x\nsource: {dbname: a, slot: s, publication: p}\ntarget: {dbname: b}\n"

static struct hr_config config = HR_CONFIG_INIT;
static struct hr_router *router;
static struct hr_route route;

static void
use(const char *rest)
{
	struct hr_err e = HR_ERR_INIT;
	char *text = hr_sprintf("%s%s", FRONT, rest);

	hr_router_free(router);
	router = NULL;
	hr_config_clear(&config);
	if (hr_config_parse(&config, "t.yaml", text, strlen(text), &e) < 0 ||
	    (router = hr_router_new(&config, &e)) == NULL) {
		printf("# %s: %s\n", text, e.what);
		exit(70);
	}
	free(text);
}

/* A table id int4 (its key), tenant_id text, org text, score float8. */
static struct hr_relation *
table(const char *schema, const char *name)
{
	static const char *const column[] = { "id", "tenant_id", "org", "score" };
	static const uint32_t type[] = { INT4, TEXT, TEXT, FLOAT8 };
	struct hr_relation *r = hr_zalloc(sizeof(*r));
	int i;

	r->id = 16384;
	r->schema = hr_strdup(schema);
	r->name = hr_strdup(name);
	r->identity = 'd';
	r->tenancy = 'a';
	r->tenant_column = -1;
	r->columns = 4;
	r->column = hr_zalloc(4 * sizeof(*r->column));
	for (i = 0; i < 4; i++) {
		r->column[i].name = hr_strdup(column[i]);
		r->column[i].type = type[i];
		r->column[i].typmod = -1;
		r->column[i].key = i == 0;
	}
	return r;
}

static int
decide(struct hr_relation *r, bool changes, struct hr_err *e)
{
	hr_route_clear(&route);
	*e = (struct hr_err)HR_ERR_INIT;
	return hr_route_decide(router, r, changes, &route, e);
}

/* The route in short: tenancy, relation's tenancy, column, tenant. */
static void
routed(const char *schema, const char *name, const char *want, const char *what)
{
	static const char *const tenancy[] = { "unset", "column", "parent", "schema", "database", "shared", "none" };
	struct hr_relation *r = table(schema, name);
	struct hr_err e;
	int rc = decide(r, true, &e);
	char *got = rc < 0 ? hr_sprintf("%d: %s", e.code, e.what) :
	    hr_sprintf("%s %c %d %s", tenancy[route.tenancy], r->tenancy, route.column,
	    route.tenant ? route.tenant : "-");

	is(got, want, what);
	if (rc < 0) {
		ok(e.hint[0] || strstr(e.what, "empty") || strstr(e.what, "no --tenant") ||
		    strstr(e.what, "no tenant column"), "and there is help");
		ok(route.tenant == NULL, "and no tenant is left");
	} else if (route.column != r->tenant_column)
		ok(false, "the relation says the same");
	free(got);
}

static void
columns(void)
{
	struct hr_relation *r;
	struct hr_err e;

	use("tenancy: {column: tenant_id}\n");
	routed("public", "orders", "column c 1 -", "a column");
	ok(!route.identity_has_tenant, "that is not part of the key");
	r = table("public", "orders");
	r->column[1].key = true;
	ok(decide(r, true, &e) == 0 && route.identity_has_tenant, "or is");
	use("tenancy: {column: region}\n");
	routed("public", "orders", "78: cannot route 'public.orders': it has no published column 'region'",
	    "a column that is missing");
	use("tenancy: {column: score}\n");
	routed("public", "orders",
	    "78: cannot route 'public.orders': column 'score' has a type that cannot name a tenant",
	    "a type that cannot name a tenant");
}

static void
schemas(void)
{
	struct hr_config c = HR_CONFIG_INIT;
	struct hr_err e = HR_ERR_INIT;
	char bad[] = "(";

	use("tenancy: {schema: \"tenant_(.*)\"}\n");
	routed("tenant_acme", "orders", "schema s -1 acme", "a schema, by the group of its expression");
	routed("my_tenant_acme", "orders",
	    "78: cannot route 'my_tenant_acme.orders': schema 'my_tenant_acme' names no tenant",
	    "the whole name must match");
	routed("tenant_", "orders", "78: cannot route 'tenant_.orders': schema 'tenant_' gives an empty tenant",
	    "an empty tenant is none");
	use("tenancy: {schema: \"t[0-9]+\"}\n");
	routed("t42", "orders", "schema s -1 t42", "without a group it is the whole name");
	use("tenancy: {schema: \"a|b\"}\n");
	routed("b", "orders", "schema s -1 b", "alternatives are held together");
	routed("bc", "orders", "78: cannot route 'bc.orders': schema 'bc' names no tenant", "also at their end");
	use("tenancy: {schema: \"(a|b)_(.*)\"}\n");
	routed("b_x", "orders", "schema s -1 b", "of two groups the first counts");
	c.tenancy.schema = bad;
	ok(hr_router_new(&c, &e) == NULL && e.code == HR_CONFIG, "an expression that is none is status 78");
}

static void
others(void)
{
	struct hr_config c = HR_CONFIG_INIT;
	struct hr_err e = HR_ERR_INIT;

	use("tenancy: {database: acme}\n");
	routed("public", "orders", "database d -1 acme", "a database");
	routed("hr", "progress", "none a -1 -", "schema hr is left out");
	use("tenancy: {database: acme}\ntables:\n  hr.progress: {tenancy: shared}\n");
	routed("hr", "progress", "shared a -1 -", "but not a table of it that is named");
	routed("hr", "tenant", "none a -1 -", "the others still are");

	use("tenancy: {column: tenant_id}\ntables:\n"
	    "  public.countries: {tenancy: shared}\n"
	    "  public.audit: {tenancy: none}\n"
	    "  public.orders: {tenancy: column, column: org}\n"
	    "  public.items: {column: org}\n"
	    "  public.plain: {tenancy: column}\n"
	    "  public.lines: {tenancy: parent}\n"
	    "  public.db: {tenancy: none}\n"
	    "  public.sch: {tenancy: none}\n");
	/* What a file may not say, an option can leave open. */
	config.table[config.tables - 2].tenancy = HR_TENANCY_DATABASE;
	config.table[config.tables - 1].tenancy = HR_TENANCY_SCHEMA;
	routed("public", "countries", "shared a -1 -", "a shared table");
	routed("public", "audit", "none a -1 -", "one left out");
	routed("public", "orders", "column c 2 -", "one with a column of its own");
	routed("public", "items", "column c 2 -", "the column alone is enough");
	routed("public", "plain", "column c 1 -", "tenancy alone takes the column of all");
	routed("public", "lines", "parent p -1 -", "a table by its foreign key");
	routed("public", "other", "column c 1 -", "one that is not named");
	routed("public", "db", "78: cannot route 'public.db': no --tenant-database is given", "no database is named");
	routed("public", "sch", "78: cannot route 'public.sch': schema 'public' names no tenant",
	    "there is no expression for schemas");

	hr_router_free(router);
	hr_config_clear(&config);
	if ((router = hr_router_new(&c, &e)) == NULL)
		exit(70);
	routed("public", "orders", "78: cannot route 'public.orders': nothing says how it finds its tenant",
	    "nothing is said at all");
	hr_router_free(router);
	router = NULL;
}

static void
patterns(void)
{
	use("tenancy: {column: tenant_id}\ntables:\n"
	    "  \"public.log_*\": {tenancy: none}\n"
	    "  \"public.log_0?\": {tenancy: shared}\n"
	    "  \"ref*.*\": {tenancy: shared}\n"
	    "  public.log_main: {tenancy: column, column: org}\n");
	routed("public", "log_x", "none a -1 -", "a pattern");
	routed("public", "log_main", "column c 2 -", "an exact name comes before a pattern above it");
	routed("public", "log_01", "none a -1 -", "of two patterns the first counts");
	routed("reference", "x.y", "shared a -1 -", "* stands for any text");
	routed("public", "blog_x", "column c 1 -", "a pattern is for the whole name");
	routed("public2", "log_x", "column c 1 -", "the schema's too");
}

static void
nothing(void)
{
	struct hr_relation *r = table("public", "orders");
	struct hr_err e;

	use("tenancy: {column: tenant_id}\ntables:\n  public.audit: {tenancy: none}\n");
	r->identity = 'n';
	ok(decide(r, true, &e) == -1 && e.code == HR_CONFIG, "identity NOTHING with changes is refused");
	is(e.what, "cannot route deletes of 'public.orders': its replica identity is NOTHING", "by that name");
	ok(strstr(e.hint, "ALTER TABLE public.orders REPLICA IDENTITY FULL") != NULL, "and says what to run");
	r = table("public", "orders");
	r->identity = 'n';
	ok(decide(r, false, &e) == 0 && route.column == 1, "with inserts alone it can be routed");
	r = table("public", "audit");
	r->identity = 'n';
	ok(decide(r, true, &e) == 0 && route.tenancy == HR_TENANCY_NONE, "so can a table left out");
	use("tenancy: {database: acme}\n");
	r = table("public", "orders");
	r->identity = 'n';
	ok(decide(r, true, &e) == -1 && route.tenant == NULL, "a fixed tenant does not change that");
}

static void
selections(void)
{
	use("tenancy: {column: t}\n");
	ok(hr_router_selects(router, "acme", 4) && hr_router_selects(router, "", 0), "without a list each tenant is asked for");
	use("tenancy: {column: t}\ntenants: [globex, acme, \"ac\", \"z\xc3\xa9\"]\n");
	ok(hr_router_selects(router, "acme", 4) && hr_router_selects(router, "globex", 6) &&
	    hr_router_selects(router, "ac", 2) && hr_router_selects(router, "z\xc3\xa9", 3), "those in the list");
	ok(!hr_router_selects(router, "acm", 3) && !hr_router_selects(router, "acme1", 5) &&
	    !hr_router_selects(router, "a", 1) && !hr_router_selects(router, "", 0) &&
	    !hr_router_selects(router, "zz", 2), "not their beginnings, nor what is longer");
	ok(hr_router_selects(router, "acmes", 4), "a name ends where its length says");
}

static void
table_of_routes(void)
{
	struct hr_routes t = { 0 };
	struct hr_route a = { .relation = table("public", "a"), .tenant = hr_strdup("x"), .column = 1 };
	struct hr_route b = { .relation = table("public", "b"), .column = 2 };
	struct hr_route *at = hr_routes_put(&t, &a);

	ok(hr_routes_get(&t, 16384) == at && at->column == 1, "a route is found by its relation");
	ok(hr_routes_get(&t, 1) == NULL, "another one is not");
	ok(hr_routes_put(&t, &b) == at && at->column == 2 && at->tenant == NULL, "a newer one takes its place");
	hr_routes_clear(&t);
	ok(hr_routes_get(&t, 16384) == NULL, "cleared");
}

int
main(void)
{
	columns();
	schemas();
	others();
	patterns();
	nothing();
	selections();
	table_of_routes();
	hr_route_clear(&route);
	hr_router_free(router);
	hr_config_clear(&config);
	return tap_done();
}
