/* check.c - say, table by table, what can be routed and what cannot. */

#include "base/hr.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "capture/capture.h"

static const char *
how(const struct hr_route *route, char *out, size_t size)
{
	switch (route->tenancy) {
	case HR_TENANCY_COLUMN:
		snprintf(out, size, "by column %s", route->relation->column[route->column].name);
		return out;
	case HR_TENANCY_PARENT:
		snprintf(out, size, "by %s of its row of %s.%s", route->relation->step[0].from[0],
		    route->relation->step[0].schema, route->relation->step[0].name);
		return out;
	case HR_TENANCY_SCHEMA:
	case HR_TENANCY_DATABASE:
		snprintf(out, size, "tenant %s", route->tenant);
		return out;
	case HR_TENANCY_SHARED:
		return "shared by all tenants";
	case HR_TENANCY_NONE:
		return "left out";
	case HR_TENANCY_UNSET:
		break;
	}
	return "not routed";
}

/* What is worth knowing of a table that can be routed; "" when nothing. */
static const char *
remark(const struct hr_source_table *t, const struct hr_route *route, char *out, size_t size)
{
	const struct hr_relation *rel = route->relation;
	int i, keys = 0;

	for (i = 0; i < rel->columns; i++)
		keys += rel->column[i].key;
	if (route->tenancy == HR_TENANCY_NONE)
		return "";
	if (keys == 0 && t->publishes_changes)
		snprintf(out, size, "inserts only: without a primary key the source refuses UPDATE and DELETE;"
		    " ALTER TABLE %s.%s REPLICA IDENTITY FULL", rel->schema, rel->name);
	else if ((route->tenancy == HR_TENANCY_COLUMN || route->tenancy == HR_TENANCY_PARENT) && !route->identity_has_tenant)
		snprintf(out, size, "deletes go to every tenant by key and a change of tenant cannot be seen;"
		    " ALTER TABLE %s.%s REPLICA IDENTITY FULL", rel->schema, rel->name);
	else
		return "";
	return out;
}

/* A table that lacks the tenant's column may have a foreign key to it. */
static void
suggest(struct hr_capture *c, const struct hr_relation *rel, struct hr_err *why)
{
	const char *column;
	char *text;

	if (hr_router_tenancy(c->router, rel->schema, rel->name, &column) != HR_TENANCY_COLUMN)
		return;
	if ((text = hr_ancestry_suggest(rel, c->router, c->sql)) != NULL) {
		why->hint[0] = '\0';
		hr_hint(why, "%s", text);
	}
	free(text);
}

int
hr_capture_check(const struct hr_capture_options *o, struct hr_err *e)
{
	struct hr_capture c = { .o = o };
	size_t i, wrong = 0;
	int rc = -1;

	if ((c.router = hr_router_new(o->config, e)) == NULL ||
	    hr_conn_open(&c.sql, o->conninfo, HR_CONN_PLAIN, e) < 0 ||
	    hr_source_check(c.sql, e) < 0 ||
	    hr_types_load(&c.types, c.sql, e) < 0 ||
	    hr_source_tables(&c.tables, c.sql, o->publication, &c.types, e) < 0)
		goto out;
	for (i = 0; i < c.tables.tables; i++) {
		struct hr_source_table *t = &c.tables.table[i];
		struct hr_route route;
		struct hr_err why = HR_ERR_INIT;
		char text[320], note[320];
		const char *extra;

		if (hr_capture_decide(&c, t->relation, t->publishes_changes, &route, &why) < 0) {
			suggest(&c, t->relation, &why);
			printf("%s.%s: REFUSED: %s; %s\n", t->relation->schema, t->relation->name,
			    why.what, why.hint);
			wrong++;
			continue;
		}
		extra = remark(t, &route, note, sizeof(note));
		printf("%s.%s: %s%s%s%s\n", t->relation->schema, t->relation->name,
		    how(&route, text, sizeof(text)), extra[0] ? " (" : "", extra, extra[0] ? ")" : "");
		hr_route_drop(&route);
	}
	if (c.tables.tables == 0)
		hr_log(HR_LOG_WARNING, "publication '%s' has no tables", o->publication);
	rc = 0;
	if (wrong) {
		rc = hr_fail(e, HR_CONFIG, "%zu of %zu tables cannot be routed", wrong, c.tables.tables);
		hr_hint(e, "see the lines marked REFUSED");
	}
out:
	hr_parents_clear(&c.parents);
	hr_source_tables_clear(&c.tables);
	hr_types_clear(&c.types);
	hr_router_free(c.router);
	hr_conn_close(c.sql);
	return rc;
}
