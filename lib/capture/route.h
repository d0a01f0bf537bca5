/*
 * route.h - which tenant a table's rows belong to.
 *
 * A table is routed once, when it is first met or has changed: by the
 * pipeline's configuration, then by what was said for all tables.  What cannot
 * be routed is refused here, and --check says the same in advance.
 */
#ifndef HR_ROUTE_H
#define HR_ROUTE_H

#include "base/err.h"
#include "base/hr.h"
#include "base/map.h"
#include "state/config.h"
#include "stream/relation.h"

struct hr_ancestry;
struct hr_link;
struct hr_feed;

/* How a table's rows find their tenant. */
struct hr_route {
	struct hr_relation *relation;	/* its tenancy and tenant column filled */
	enum hr_tenancy tenancy;
	int column;			/* index of the tenant column, or -1 */
	bool identity_has_tenant;	/* deletes name their tenant */
	bool scoped;			/* no unique index spans tenants */
	char *tenant;			/* fixed: schema and database tenancy */
	/* tenancy by parent, filled by hr_parents_route() */
	bool keyed;			/* its rows can be told apart */
	struct hr_link *link;		/* where the foreign key leads */
	int *fk;			/* its columns; as many as the link's key */
	struct hr_ancestry *way;	/* what the catalogs say of the relation's steps */
	/* what others find their tenant by; parent.h */
	struct hr_feed *feed;
	size_t feeds;
	bool withheld;			/* a row went to a tenant that has not got it yet */
	bool written;			/* its relation frame is in the stream */
	struct hr_err *refused;		/* it cannot be routed: why; said at its first row */
	void *out;			/* the emitter's tenant, for fixed ones */
};

struct hr_router;

/*
 * Make a router of a configuration, which must stay as long as the router.
 * Regular expressions are compiled here.  Gives; NULL with *e set.
 */
struct hr_router *hr_router_new(const struct hr_config *c, struct hr_err *e) HR_USED;
/* The configuration's tenants have become more. */
void hr_router_select(struct hr_router *r);
void hr_router_free(struct hr_router *r);

/*
 * Decide how the relation is routed, and fill its tenancy and tenant_column.
 * changes: updates or deletes of it are published.  Takes nothing over.  0, or
 * -1 with *e set (HR_CONFIG) and what to do.
 */
int hr_route_decide(const struct hr_router *r, struct hr_relation *rel, bool changes,
    struct hr_route *route, struct hr_err *e) HR_USED;

/*
 * How a table is routed, by its name alone.  *column is the tenant's column
 * (HR_TENANCY_COLUMN) or one of the foreign key's (HR_TENANCY_PARENT), or NULL.
 */
enum hr_tenancy hr_router_tenancy(const struct hr_router *r, const char *schema, const char *name,
    const char **column);

/* Is this tenant one of those asked for? */
bool hr_router_selects(const struct hr_router *r, const char *tenant, size_t len);

/* Routes by relation id. */
struct hr_routes {
	struct hr_map map;
};
struct hr_route *hr_routes_get(const struct hr_routes *t, uint32_t id);
/* Takes over the route's relation and tenant; an earlier route of that id is freed. */
struct hr_route *hr_routes_put(struct hr_routes *t, const struct hr_route *route);
void hr_routes_clear(struct hr_routes *t);
void hr_route_clear(struct hr_route *route);
/* The same, but for its relation, which stays whose it is. */
void hr_route_drop(struct hr_route *route);

#endif
