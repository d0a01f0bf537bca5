/* route.c - decide whose rows a table holds. */

#include "base/hr.h"

#include <fnmatch.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "capture/route.h"
#include "stream/value.h"

struct hr_router {
	const struct hr_config *config;
	regex_t schema;
	bool has_schema;
	const char **selected;		/* sorted */
	size_t selections;
};

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

struct hr_router *
hr_router_new(const struct hr_config *c, struct hr_err *e)
{
	struct hr_router *r = hr_zalloc(sizeof(*r));
	size_t i;

	r->config = c;
	if (c->tenancy.schema) {
		/* The whole name must match. */
		char *whole = hr_sprintf("^(%s)$", c->tenancy.schema);
		int rc = regcomp(&r->schema, whole, REG_EXTENDED);
		char why[128];

		free(whole);
		if (rc) {
			regerror(rc, &r->schema, why, sizeof(why));
			hr_fail(e, HR_CONFIG, "the regular expression '%s' is not valid: %s",
			    c->tenancy.schema, why);
			free(r);
			return NULL;
		}
		r->has_schema = true;
	}
	r->selected = hr_zalloc((c->tenants + 1) * sizeof(*r->selected));
	for (i = 0; i < c->tenants; i++)
		r->selected[r->selections++] = c->tenant[i];
	qsort(r->selected, r->selections, sizeof(*r->selected), by_name);
	return r;
}

void
hr_router_select(struct hr_router *r)
{
	const struct hr_config *c = r->config;

	r->selected = hr_realloc(r->selected, c->tenants + 1, sizeof(*r->selected));
	for (r->selections = 0; r->selections < c->tenants; r->selections++)
		r->selected[r->selections] = c->tenant[r->selections];
	qsort(r->selected, r->selections, sizeof(*r->selected), by_name);
}

void
hr_router_free(struct hr_router *r)
{
	if (r == NULL)
		return;
	if (r->has_schema)
		regfree(&r->schema);
	free(r->selected);
	free(r);
}

bool
hr_router_selects(const struct hr_router *r, const char *tenant, size_t len)
{
	size_t low = 0, high = r->selections;

	if (r->selections == 0)
		return true;
	while (low < high) {
		size_t mid = (low + high) / 2, n = strlen(r->selected[mid]);
		int d = memcmp(r->selected[mid], tenant, n < len ? n : len);

		if (d == 0)
			d = n < len ? -1 : n > len;
		if (d == 0)
			return true;
		if (d < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return false;
}

static const struct hr_config_table *
table_rule(const struct hr_router *r, const char *qualified)
{
	size_t i;

	for (i = 0; i < r->config->tables; i++)
		if (strcmp(r->config->table[i].table, qualified) == 0)
			return &r->config->table[i];
	for (i = 0; i < r->config->tables; i++)
		if (fnmatch(r->config->table[i].table, qualified, 0) == 0)
			return &r->config->table[i];
	return NULL;
}

static int
by_column(struct hr_relation *rel, struct hr_route *route, const char *column, const char *table,
    struct hr_err *e)
{
	int i;

	route->column = hr_relation_column(rel, column);
	if (route->column < 0) {
		hr_fail(e, HR_CONFIG, "cannot route '%s': it has no published column '%s'", table, column);
		return hr_hint(e, "name the table under 'tables:' in --config, with another column, "
		    "tenancy: shared or tenancy: none");
	}
	if (!hr_value_names_tenant(rel->column[route->column].type)) {
		hr_fail(e, HR_CONFIG, "cannot route '%s': column '%s' has a type that cannot name a tenant",
		    table, column);
		return hr_hint(e, "use a column of an integer type, text, varchar, name or uuid");
	}
	for (i = 0; i < rel->columns; i++)
		if (rel->column[i].key && i == route->column)
			route->identity_has_tenant = true;
	return 0;
}

static int
by_schema(const struct hr_router *r, const struct hr_relation *rel, struct hr_route *route,
    const char *table, struct hr_err *e)
{
	regmatch_t m[3];	/* whole, our parentheses, the user's first */
	const regmatch_t *use;

	if (!r->has_schema || regexec(&r->schema, rel->schema, 3, m, 0) != 0) {
		hr_fail(e, HR_CONFIG, "cannot route '%s': schema '%s' names no tenant", table, rel->schema);
		return hr_hint(e, "name the table under 'tables:' in --config, with tenancy: shared or none");
	}
	use = m[2].rm_so >= 0 ? &m[2] : &m[0];
	route->tenant = hr_memdup(rel->schema + use->rm_so, (size_t)(use->rm_eo - use->rm_so));
	if (route->tenant[0] == '\0')
		return hr_fail(e, HR_CONFIG, "cannot route '%s': schema '%s' gives an empty tenant",
		    table, rel->schema);
	return 0;
}

enum hr_tenancy
hr_router_tenancy(const struct hr_router *r, const char *schema, const char *name, const char **column)
{
	const struct hr_config *c = r->config;
	char *table = hr_sprintf("%s.%s", schema, name);
	const struct hr_config_table *rule = table_rule(r, table);
	bool named = rule && strcmp(rule->table, table) == 0;

	free(table);
	*column = rule && rule->column ? rule->column : NULL;
	if (strcmp(schema, "hr") == 0 && !named)
		return HR_TENANCY_NONE;		/* a target's own books */
	if (rule && rule->tenancy == HR_TENANCY_PARENT)
		return HR_TENANCY_PARENT;
	if (*column == NULL)
		*column = c->tenancy.column;
	if (rule && rule->tenancy != HR_TENANCY_UNSET)
		return rule->tenancy;
	if ((rule && rule->column) || c->tenancy.column)
		return HR_TENANCY_COLUMN;
	if (c->tenancy.schema)
		return HR_TENANCY_SCHEMA;
	return c->tenancy.database ? HR_TENANCY_DATABASE : HR_TENANCY_UNSET;
}

int
hr_route_decide(const struct hr_router *r, struct hr_relation *rel, bool changes,
    struct hr_route *route, struct hr_err *e)
{
	const struct hr_config *c = r->config;
	char *table = hr_sprintf("%s.%s", rel->schema, rel->name);
	const char *column;
	int rc = 0;

	*route = (struct hr_route){ .relation = rel, .column = -1 };
	route->tenancy = hr_router_tenancy(r, rel->schema, rel->name, &column);

	switch (route->tenancy) {
	case HR_TENANCY_COLUMN:
		rel->tenancy = 'c';
		rc = column ? by_column(rel, route, column, table, e) :
		    hr_fail(e, HR_CONFIG, "cannot route '%s': no tenant column is named for it", table);
		break;
	case HR_TENANCY_PARENT:
		rel->tenancy = 'p';	/* its way to the tenant: parent.h */
		break;
	case HR_TENANCY_SCHEMA:
		rel->tenancy = 's';
		rc = by_schema(r, rel, route, table, e);
		break;
	case HR_TENANCY_DATABASE:
		rel->tenancy = 'd';
		if (c->tenancy.database)
			route->tenant = hr_strdup(c->tenancy.database);
		else
			rc = hr_fail(e, HR_CONFIG, "cannot route '%s': no --tenant-database is given", table);
		break;
	case HR_TENANCY_SHARED:
		rel->tenancy = 'a';
		break;
	case HR_TENANCY_NONE:
		break;
	case HR_TENANCY_UNSET:
		rc = hr_fail(e, HR_CONFIG, "cannot route '%s': nothing says how it finds its tenant", table);
		hr_hint(e, "give --tenant-column, --tenant-schema or --tenant-database, or name it in --config");
		break;
	}
	if (rc == 0 && changes && rel->identity == 'n' && route->tenancy != HR_TENANCY_NONE) {
		char *q = hr_sprintf("ALTER TABLE %s REPLICA IDENTITY FULL", table);

		rc = hr_fail(e, HR_CONFIG, "cannot route deletes of '%s': its replica identity is NOTHING", table);
		hr_hint(e, "run %s at the source, or leave the table out", q);
		free(q);
	}
	rel->tenant_column = route->column;
	free(table);
	if (rc < 0) {
		free(route->tenant);
		route->tenant = NULL;
	}
	return rc;
}

void
hr_route_clear(struct hr_route *route)
{
	hr_relation_free(route->relation);
	hr_route_drop(route);
}

void
hr_route_drop(struct hr_route *route)
{
	free(route->tenant);
	free(route->refused);
	free(route->fk);
	free(route->way);
	free(route->feed);
	*route = (struct hr_route){ .column = -1 };
}

struct hr_route *
hr_routes_get(const struct hr_routes *t, uint32_t id)
{
	return hr_map_get(&t->map, &id, sizeof(id));
}

struct hr_route *
hr_routes_put(struct hr_routes *t, const struct hr_route *route)
{
	void **at = hr_map_at(&t->map, &route->relation->id, sizeof(route->relation->id));

	if (*at)
		hr_route_clear(*at);
	else
		*at = hr_alloc(sizeof(*route));
	*(struct hr_route *)*at = *route;
	return *at;
}

static void
route_free(void *p)
{
	hr_route_clear(p);
	free(p);
}

void
hr_routes_clear(struct hr_routes *t)
{
	hr_map_clear(&t->map, route_free);
}
