/*
 * change.c - from pgoutput's messages to items of tenants.
 *
 * The same function takes messages as they come and those of a transaction
 * that was streamed, kept, and is replayed at its commit.
 */

#include "base/hr.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/lsn.h"
#include "capture/capture.h"
#include "capture/descend.h"
#include "capture/fetch.h"
#include "stream/rows.h"

static int
write_relation(struct hr_capture *c, struct hr_route *route, struct hr_err *e)
{
	struct hr_buf b = HR_BUF_INIT;
	struct hr_frame f = { .type = HR_FRAME_RELATION, .flags = HR_MUST | HR_ALL };
	int rc;

	/* Rows that wait are of the table as it was. */
	if (hr_emit_frames(&c->emit, e) < 0)
		return -1;
	hr_relation_encode(route->relation, &b);
	f.data = b.data;
	f.len = (uint32_t)b.len;
	f.lsn = c->emit.complete;
	rc = hr_write(&c->writer, &f, e);
	hr_buf_clear(&b);
	route->written = true;
	return rc;
}

static void
warn_identity(const struct hr_route *route)
{
	const struct hr_relation *rel = route->relation;
	int i, keys = 0;

	for (i = 0; i < rel->columns; i++)
		keys += rel->column[i].key;
	if (!hr_relation_mixed(rel) || keys == 0 || route->identity_has_tenant)
		return;
	hr_log(HR_LOG_NOTE, "the replica identity of '%s.%s' does not hold '%s': deletes go to "
	    "every tenant by key, and a change of tenant cannot be seen", rel->schema, rel->name,
	    route->tenancy == HR_TENANCY_PARENT ? rel->step[0].from[0] : rel->column[route->column].name);
}

/*
 * Does every unique index hold the tenant?  Otherwise what one tenant deletes
 * can make room for what another inserts, and their order must stay.
 */
static bool
is_scoped(const struct hr_source_table *t, const struct hr_route *route)
{
	int i;

	if (route->tenancy != HR_TENANCY_COLUMN)
		return route->tenancy != HR_TENANCY_PARENT;
	for (i = 0; t && i < t->relation->columns; i++)
		if (strcmp(t->relation->column[i].name, route->relation->column[route->column].name) == 0)
			return t->scopes[i];
	return false;
}

int
hr_capture_decide(struct hr_capture *c, struct hr_relation *rel, bool changes, struct hr_route *route,
    struct hr_err *e)
{
	int rc = hr_route_decide(c->router, rel, changes, route, e);

	if (rc == 0 && route->tenancy == HR_TENANCY_PARENT && (rc = hr_parents_route(c, route, e)) < 0)
		hr_route_drop(route);
	return rc;
}

int
hr_capture_relation(struct hr_capture *c, struct hr_relation *rel, struct hr_route **out,
    struct hr_err *e)
{
	struct hr_route *old = hr_routes_get(&c->routes, rel->id), route;
	const struct hr_source_table *known = hr_source_tables_get(&c->tables, rel->id);
	int i;

	for (i = 0; i < rel->columns; i++) {
		struct hr_column *col = &rel->column[i];
		const struct hr_type_name *n;

		if (col->type_name)
			continue;
		n = hr_types_find(&c->types, col->type);
		if (n == NULL) {
			/* Made since we looked. */
			if (hr_capture_sql(c, e) < 0)
				goto fail;
			if (hr_types_load(&c->types, c->sql, e) < 0)
				goto fail;
			n = hr_types_find(&c->types, col->type);
		}
		if (n == NULL) {
			hr_fail(e, HR_CONFIG, "column '%s' of '%s.%s' has the type %" PRIu32
			    ", which the source no longer knows", col->name, rel->schema, rel->name, col->type);
			hr_hint(e, "make a new slot and copy again");
			goto fail;
		}
		col->type_schema = hr_strdup(n->schema);
		col->type_name = hr_strdup(n->name);
	}
	/*
	 * The source may describe tables of which no row comes.  Of one whose
	 * identity is NOTHING it refuses to update and delete rows, so none is
	 * missed.
	 */
	if (hr_capture_decide(c, rel, false, &route, e) < 0) {
		if (hr_err_retryable(e))
			goto fail;
		route = (struct hr_route){ .relation = rel, .column = -1 };
		route.refused = hr_memdup(e, sizeof(*e));
		hr_err_clear(e);
		*out = hr_routes_put(&c->routes, &route);
		return 0;
	}
	route.scoped = is_scoped(known, &route);
	route.withheld = old && old->withheld;
	route.keyed = known ? known->keyed : rel->identity == 'd' || rel->identity == 'i';
	if (old && old->written && hr_relation_same(old->relation, rel)) {
		hr_route_clear(&route);
		*out = old;
		return hr_parents_connect(c, old, e);
	}
	if (route.tenant)
		route.out = hr_emit_tenant(&c->emit, route.tenant, strlen(route.tenant));
	warn_identity(&route);
	*out = hr_routes_put(&c->routes, &route);
	if (hr_parents_connect(c, *out, e) < 0)
		return -1;
	return route.tenancy == HR_TENANCY_NONE ? 0 : write_relation(c, *out, e);
fail:
	hr_relation_free(rel);
	return -1;
}

int
hr_capture_null_tenant(struct hr_capture *c, const struct hr_route *route, struct hr_out **o,
    struct hr_err *e)
{
	const struct hr_relation *rel = route->relation;

	*o = NULL;
	switch (c->o->config->tenancy.null_tenant) {
	case HR_NULL_SHARED:
		*o = &c->emit.all;
		return 0;
	case HR_NULL_NONE:
		return 0;
	case HR_NULL_REFUSE:
		break;
	}
	hr_fail(e, HR_CONFIG, "a row of '%s.%s' has no tenant: '%s' is NULL", rel->schema, rel->name,
	    route->tenancy == HR_TENANCY_PARENT ? rel->step[0].from[0] : rel->column[route->column].name);
	return hr_hint(e, "set null_tenant: shared or none under 'tenancy:' in --config");
}

/* The tenant a tuple belongs to; *o is NULL when its rows go nowhere. */
static int
tenant_of(struct hr_capture *c, const struct hr_route *route, const struct hr_cur *tuple,
    struct hr_out **o, struct hr_err *e)
{
	struct hr_pgo_value v;

	if (hr_pgo_value(tuple, route->column, &v) < 0)
		return hr_fail(e, HR_INTERNAL, "a malformed row of '%s.%s' from the source",
		    route->relation->schema, route->relation->name);
	if (HR_UNLIKELY(v.kind == 'n'))
		return hr_capture_null_tenant(c, route, o, e);
	if (HR_UNLIKELY(v.kind == 'u'))
		return hr_fail(e, HR_CONFIG, "the tenant column of '%s.%s' was stored out of line",
		    route->relation->schema, route->relation->name),
		    hr_hint(e, "run ALTER TABLE %s.%s REPLICA IDENTITY FULL at the source",
		    route->relation->schema, route->relation->name);
	*o = hr_emit_tenant_of(&c->emit, route->relation->column[route->column].type, v.kind == 't',
	    v.data, v.len, e);
	if (*o == NULL)
		return hr_within(e, "table '%s.%s'", route->relation->schema, route->relation->name);
	if (!(*o)->selected)
		*o = NULL;
	return 0;
}

static int
bad_tuple(const struct hr_route *route, struct hr_err *e)
{
	return hr_fail(e, HR_INTERNAL, "a malformed row of '%s.%s' from the source",
	    route->relation->schema, route->relation->name);
}

static bool
has_unchanged(const struct hr_route *route, const struct hr_cur *tuple)
{
	struct hr_pgo_value v;
	int i;

	for (i = 0; i < route->relation->columns; i++)
		if (hr_pgo_value(tuple, i, &v) == 0 && v.kind == 'u')
			return true;
	return false;
}

/*
 * The values that the change leaves as they were, from the source's table, in
 * *fill.  1, 0 when the row is no longer there, -1.
 */
static int
fetch(struct hr_capture *c, const struct hr_route *route, const struct hr_cur *tuple, struct hr_buf *fill,
    struct hr_err *e)
{
	struct hr_err gone = HR_ERR_INIT;
	int tries, rc = -1;

	for (tries = 0; rc < 0 && tries < 2; tries++) {
		hr_err_clear(e);
		hr_buf_reset(fill);
		if (c->as_of || hr_capture_sql(c, e) == 0)
			rc = hr_fetch_unchanged(c->as_of ? c->as_of : c->sql, route->relation, tuple, fill, e);
		if (rc < 0 && c->as_of && strncmp(e->sqlstate, "42", 2) == 0 && strcmp(e->sqlstate, "42501") != 0 &&
		    hr_conn_exec(c->as_of, "ROLLBACK TO hr", &gone) == 0) {
			hr_err_clear(e);
			return 0;
		}
		if (rc < 0 && (c->as_of || !hr_err_retryable(e)))
			break;
	}
	if (rc < 0) {
		/* Not the stream's connection: following it again would miss this row. */
		e->sqlstate[0] = '\0';
		hr_within(e, "cannot read the large values of a row of '%s.%s' that came to its tenant",
		    route->relation->schema, route->relation->name);
	}
	return rc;
}

/*
 * A complete row for a tenant.  What it has of large values only by name, as
 * one that moved to this tenant or into a publication's filter, is fetched.
 */
static int
put_whole(struct hr_capture *c, struct hr_route *route, struct hr_out *o, enum hr_op op,
    const struct hr_cur *tuple, const struct hr_cur *old, struct hr_err *e)
{
	struct hr_buf fetched = HR_BUF_INIT, *b;
	struct hr_cur fill;
	size_t mark, at;
	int unchanged, rc;

	if ((b = hr_emit_open(&c->emit, o, op, &mark, e)) == NULL)
		return -1;
	hr_buf_u32le(b, route->relation->id);
	at = b->len;
	unchanged = hr_pgo_put_tuple(b, tuple, old);
	if (HR_LIKELY(unchanged == 0))
		return hr_emit_close(&c->emit, o, mark, e);
	if (unchanged < 0)
		return bad_tuple(route, e);
	if ((rc = fetch(c, route, tuple, &fetched, e)) == 1) {
		fill = hr_cur(fetched.data, fetched.len);
		b->len = at;
		rc = hr_pgo_put_tuple(b, tuple, &fill) == 0 ? hr_emit_close(&c->emit, o, mark, e) : bad_tuple(route, e);
	} else if (rc == 0) {
		hr_emit_cancel(o, mark);
		route->withheld = true;
		hr_log(HR_LOG_NOTE, "a row of '%s.%s' that came to tenant '%.*s' is no longer at the source: left out",
		    route->relation->schema, route->relation->name, o->len, o->name);
	}
	hr_buf_clear(&fetched);
	return rc;
}

static int
put_delete(struct hr_capture *c, const struct hr_route *route, struct hr_out *o, enum hr_op op,
    const struct hr_pgo *m, struct hr_err *e)
{
	size_t mark;
	struct hr_buf *b = hr_emit_open(&c->emit, o, op, &mark, e);

	if (b == NULL)
		return -1;
	hr_buf_u32le(b, route->relation->id);
	hr_buf_u8(b, (uint8_t)m->old);
	if (hr_pgo_put_tuple(b, &m->old_tuple, NULL) < 0)
		return bad_tuple(route, e);
	return hr_emit_close(&c->emit, o, mark, e);
}

static int
put_update(struct hr_capture *c, const struct hr_route *route, struct hr_out *o,
    const struct hr_pgo *m, const struct hr_cur *fill, struct hr_err *e)
{
	size_t mark;
	struct hr_buf *b = hr_emit_open(&c->emit, o, HR_UPDATE, &mark, e);

	if (b == NULL)
		return -1;
	hr_buf_u32le(b, route->relation->id);
	hr_buf_u8(b, (uint8_t)m->old);
	if (m->old != '-' && hr_pgo_put_tuple(b, &m->old_tuple, NULL) < 0)
		return bad_tuple(route, e);
	/* Large values that did not change are in the old row, or in the old key. */
	if (hr_pgo_put_tuple(b, &m->tuple, fill ? fill : m->old != '-' ? &m->old_tuple : NULL) < 0)
		return bad_tuple(route, e);
	return hr_emit_close(&c->emit, o, mark, e);
}

static int
refused(const struct hr_route *route, struct hr_err *e)
{
	*e = *route->refused;
	return -1;
}

/* What is for all keeps its place anyway. */
static int
in_order(struct hr_capture *c, struct hr_out *o, bool binding, struct hr_err *e)
{
	return o == NULL || o->all ? 0 : hr_emit_in_order(&c->emit, o, binding, e);
}

/*
 * An update that stays with its tenant.  Where a row of the table was withheld
 * this may be the one, and the first that the target sees of it; so it may be
 * while a first copy catches up.
 */
static int
update(struct hr_capture *c, const struct hr_route *route, struct hr_out *o, const struct hr_pgo *m,
    struct hr_err *e)
{
	struct hr_buf b = HR_BUF_INIT;
	struct hr_cur fill;
	int rc = 0;

	if (HR_UNLIKELY((route->withheld || (c->as_of && !hr_capture_has_whole(c, route->relation->id))) && m->old != 'O' && has_unchanged(route, &m->tuple)))
		rc = fetch(c, route, &m->tuple, &b, e);
	fill = hr_cur(b.data, b.len);
	if (rc >= 0)
		rc = put_update(c, route, o, m, rc == 1 ? &fill : NULL, e);
	hr_buf_clear(&b);
	return rc;
}

/* The row moves to another tenant: gone for one, complete for the other. */
static int
move(struct hr_capture *c, struct hr_route *route, struct hr_out *from, struct hr_out *to, bool ahead,
    const struct hr_pgo *m, struct hr_err *e)
{
	if (from && (in_order(c, from, true, e) < 0 ||
	    hr_descend_leave(c, route, from, &m->tuple, &m->old_tuple, e) < 0 ||
	    put_delete(c, route, from, ahead ? HR_DROP : HR_DELETE, m, e) < 0))
		return -1;
	if (to == NULL || in_order(c, to, true, e) < 0)
		return to ? -1 : 0;
	if (put_whole(c, route, to, ahead ? HR_PUT : HR_INSERT, &m->tuple, m->old == 'O' ? &m->old_tuple : NULL, e) < 0)
		return -1;
	return hr_descend_join(c, route, to, &m->tuple, e);
}

static bool
same_kin(const struct hr_kin *a, const struct hr_kin *b)
{
	return a->link == b->link && a->out == b->out && a->key.len == b->key.len &&
	    memcmp(a->key.data, b->key.data, a->key.len) == 0;
}

/*
 * Whose a row was and is, by its foreign key.  A parent that is no longer at
 * the source takes its rows along, or they have another by then: such a row is
 * nobody's, and whoever has it lets it go.  *ahead: it has been brought in a
 * state that is yet to come, see descend.h.
 */
static int
by_parent(struct hr_capture *c, struct hr_route *route, const struct hr_pgo *m, bool knows_old,
    struct hr_out **from, struct hr_out **to, bool *ahead, struct hr_err *e)
{
	struct hr_kin is = { .out = NULL }, was = { .out = NULL };
	int rc = -1;

	if (m->type != 'D' && hr_parents_tenant(c, route, &m->tuple, &is, e) < 0)
		goto out;
	if (knows_old && hr_parents_tenant(c, route, &m->old_tuple, &was, e) < 0)
		goto out;
	*to = is.out;
	*from = was.unknown ? &c->emit.all : was.out;
	if (m->type == 'D' && !knows_old)
		*from = &c->emit.all;	/* by key, to everyone who could have it */
	if (m->type == 'U' && !knows_old)
		*from = *to;
	*ahead = is.ahead || was.ahead;
	route->withheld |= is.unknown;
	if (!route->keyed) {
		/* It cannot be written over: what was brought is left out, or brought again. */
		*ahead = false;
		if (is.seen)
			*to = NULL;
		if (was.seen || (is.seen && m->type == 'U' && !knows_old))
			*from = NULL;
		if (was.link && hr_descend_again(c, route, &was, e) < 0)
			goto out;
		if (is.link && !same_kin(&is, &was) && hr_descend_again(c, route, &is, e) < 0)
			goto out;
	}
	rc = 0;
out:
	hr_buf_clear(&is.key);
	hr_buf_clear(&was.key);
	return rc;
}

/* A row stays with its tenant, who may have it in a state that is yet to come. */
static int
put_over(struct hr_capture *c, struct hr_route *route, struct hr_out *o, const struct hr_pgo *m, struct hr_err *e)
{
	if (m->old != '-' && put_delete(c, route, o, HR_DROP, m, e) < 0)
		return -1;
	return put_whole(c, route, o, HR_PUT, &m->tuple, m->old == 'O' ? &m->old_tuple : NULL, e);
}

static int
row(struct hr_capture *c, struct hr_route *route, const struct hr_pgo *m, struct hr_err *e)
{
	struct hr_out *to = NULL, *from = NULL;
	bool knows_old = route->identity_has_tenant && m->old != '-', ahead = false;

	if (HR_UNLIKELY(route->refused != NULL))
		return refused(route, e);
	switch (route->tenancy) {
	case HR_TENANCY_NONE:
	case HR_TENANCY_UNSET:
		return 0;
	case HR_TENANCY_SHARED:
		to = from = &c->emit.all;
		break;
	case HR_TENANCY_SCHEMA:
	case HR_TENANCY_DATABASE:
		to = route->out;
		if (!to->selected)
			return 0;
		from = to;
		break;
	case HR_TENANCY_COLUMN:
		if (m->type != 'D' && tenant_of(c, route, &m->tuple, &to, e) < 0)
			return -1;
		if (knows_old && tenant_of(c, route, &m->old_tuple, &from, e) < 0)
			return -1;
		if (m->type == 'D' && !knows_old)
			from = &c->emit.all;	/* by key, to everyone who could have it */
		if (m->type == 'U' && !knows_old)
			from = to;
		break;
	case HR_TENANCY_PARENT:
		if (by_parent(c, route, m, knows_old, &from, &to, &ahead, e) < 0)
			return -1;
		break;
	}
	/* An update may move the row here from a tenant that it does not name. */
	if (!route->scoped && in_order(c, m->type == 'D' ? from : to, m->type == 'U' && !knows_old, e) < 0)
		return -1;
	switch (m->type) {
	case 'I':
		return to ? put_whole(c, route, to, ahead ? HR_PUT : HR_INSERT, &m->tuple, NULL, e) : 0;
	case 'D':
		return from ? put_delete(c, route, from, ahead ? HR_DROP : HR_DELETE, m, e) : 0;
	}
	if (from == to && to == NULL)
		return 0;
	if (from == to)
		return ahead ? put_over(c, route, to, m, e) : update(c, route, to, m, e);
	return move(c, route, from, to, ahead, m, e);
}

/*
 * A row that others find their tenant by.  Where it says that they are another
 * tenant's than we took them for, they go there.
 */
static int
parent(struct hr_capture *c, struct hr_route *route, const struct hr_pgo *m, struct hr_err *e)
{
	struct hr_kin was = { .out = NULL }, is = { .out = NULL };
	struct hr_out *from;
	int differ = 0;

	if (m->type != 'D' && !c->foreign && !route->refused &&
	    (differ = hr_parents_differ(c, route, m, &was, &is, e)) < 0)
		return -1;
	from = was.unknown ? &c->emit.all : was.out;
	/* The row's own move would find them with its own tenant only. */
	if (differ && from && (in_order(c, from, true, e) < 0 ||
	    hr_descend_leave(c, route, from, &m->tuple, NULL, e) < 0))
		return -1;
	c->parents.joined = false;
	if (!c->foreign && row(c, route, m, e) < 0)
		return -1;
	if (differ && is.out && !c->parents.joined && (in_order(c, is.out, true, e) < 0 ||
	    hr_descend_join(c, route, is.out, &m->tuple, e) < 0))
		return -1;
	hr_parents_see(c, route, m);
	return 0;
}

/* One tenant's truncated tables, or everyone's. */
static int
put_truncate(struct hr_capture *c, struct hr_out *o, uint8_t options, const uint32_t *id, uint32_t n,
    struct hr_err *e)
{
	size_t mark;
	struct hr_buf *b = hr_emit_open(&c->emit, o, HR_TRUNCATE, &mark, e);
	uint32_t i;

	if (b == NULL)
		return -1;
	hr_buf_u8(b, options);
	hr_buf_u32le(b, n);
	for (i = 0; i < n; i++)
		hr_buf_u32le(b, id[i]);
	return hr_emit_close(&c->emit, o, mark, e);
}

/*
 * Tables of one tenant are that tenant's to truncate.  Tables of many are
 * emptied for everyone; where only some tenants were asked for, each of those
 * gets its own, which the target reads as a delete of that tenant's rows.
 */
static int
truncate_tables(struct hr_capture *c, const struct hr_pgo *m, struct hr_err *e)
{
	uint32_t *id = hr_alloc((m->relations + 1) * sizeof(*id)), i, j, n;
	bool *done = hr_zalloc(m->relations + 1);
	size_t t;
	int rc = 0;

	for (i = 0; i < m->relations && rc == 0; i++) {
		struct hr_route *first = hr_routes_get(&c->routes, hr_get_u32be(m->relation_list + 4 * i));
		bool everyone;

		if (done[i] || first == NULL || first->tenancy == HR_TENANCY_NONE)
			continue;
		if (first->refused) {
			rc = refused(first, e);
			break;
		}
		everyone = hr_relation_mixed(first->relation) || first->tenancy == HR_TENANCY_SHARED;
		for (n = 0, j = i; j < m->relations; j++) {
			struct hr_route *r = hr_routes_get(&c->routes, hr_get_u32be(m->relation_list + 4 * j));

			if (r && r->out == first->out && !r->refused && (r->tenancy == first->tenancy ||
			    (hr_relation_mixed(r->relation) && hr_relation_mixed(first->relation)))) {
				id[n++] = r->relation->id;
				done[j] = true;
			}
		}
		if (!everyone) {
			struct hr_out *o = first->out;

			rc = o->selected ? put_truncate(c, o, m->options, id, n, e) : 0;
		} else if (c->o->config->tenants == 0 || first->tenancy == HR_TENANCY_SHARED)
			rc = put_truncate(c, &c->emit.all, m->options, id, n, e);
		else
			for (t = 0; t < c->o->config->tenants && rc == 0; t++)
				rc = put_truncate(c, hr_emit_tenant(&c->emit, c->o->config->tenant[t],
				    strlen(c->o->config->tenant[t])), m->options, id, n, e);
	}
	free(done);
	free(id);
	return rc;
}

static void
forget_parents(const struct hr_capture *c, const struct hr_pgo *m)
{
	uint32_t i;

	for (i = 0; i < m->relations; i++) {
		const struct hr_route *route = hr_routes_get(&c->routes, hr_get_u32be(m->relation_list + 4 * i));

		if (route)
			hr_parents_forget(route);
	}
}

static int
put_message(struct hr_capture *c, const struct hr_pgo *m, struct hr_err *e)
{
	size_t mark;
	struct hr_buf *b;

	if (strcmp(m->name, HR_DDL_PREFIX) == 0)
		return hr_capture_ddl(c, m, e);
	if ((b = hr_emit_open(&c->emit, &c->emit.all, HR_MESSAGE, &mark, e)) == NULL)
		return -1;
	hr_buf_u8(b, m->options & 1);
	hr_buf_u64le(b, m->lsn);
	hr_buf_put(b, m->name, strlen(m->name) + 1);
	hr_buf_put(b, m->content, m->content_len);
	return hr_emit_close(&c->emit, &c->emit.all, mark, e);
}

static int
begin(struct hr_capture *c, const struct hr_pgo *m, struct hr_err *e)
{
	if (c->endpos && m->lsn > c->endpos) {
		c->past_endpos = true;
		return 0;
	}
	c->changes = 0;
	c->foreign = false;
	if (c->resumed == 0)
		c->skip = 0;
	if (c->resumed) {
		if (m->lsn != c->resumed || m->xid != c->resumed_xid) {
			hr_fail(e, HR_TEMPORARY, "after reconnecting the source did not send transaction %"
			    PRIu32 " again", c->resumed_xid);
			return hr_hint(e, "start again");
		}
		c->resumed = 0;
		return 0;
	}
	hr_emit_begin(&c->emit, m->xid, m->lsn, m->time);
	return 0;
}

static int
replay_message(void *arg, const uint8_t *data, size_t len, struct hr_err *e)
{
	return hr_capture_message(arg, data, len, e);
}

/* A streamed transaction commits: what was kept follows as if it came now. */
static int
stream_commit(struct hr_capture *c, const struct hr_pgo *m, struct hr_err *e)
{
	if (begin(c, m, e) < 0)
		return -1;
	if (c->past_endpos)
		return 0;
	c->replaying = true;
	if (hr_spill_replay(&c->spill, m->xid, replay_message, c, e) < 0)
		return -1;
	c->replaying = false;
	c->skip = 0;
	return hr_emit_commit(&c->emit, m->end, e);
}

/* Keep a message of a streamed transaction, without its xid. */
static int
keep(struct hr_capture *c, const struct hr_pgo *m, const uint8_t *data, size_t len, struct hr_err *e)
{
	uint8_t *plain;
	int rc;

	if (m->xid == 0)	/* an origin: it has none */
		return hr_spill_add(&c->spill, c->stream_xid, c->stream_xid, data, len, e);
	plain = hr_alloc(len);
	plain[0] = data[0];
	memcpy(plain + 1, data + 5, len - 5);
	rc = hr_spill_add(&c->spill, c->stream_xid, m->xid, plain, len - 4, e);
	free(plain);
	return rc;
}

int
hr_capture_message(struct hr_capture *c, const uint8_t *data, size_t len, struct hr_err *e)
{
	struct hr_pgo m;
	struct hr_route *route;
	struct hr_relation *rel;
	bool streamed = c->in_stream && !c->replaying;

	if (hr_pgo_decode(&m, data, len, streamed, e) < 0)
		return -1;
	switch (m.type) {
	case 'S':
		c->in_stream = true;
		c->stream_xid = m.xid;
		return 0;
	case 'E':
		c->in_stream = false;
		return 0;
	case 'A':
		hr_spill_abort(&c->spill, m.xid, m.subxid);
		return 0;
	case 'c':
		return stream_commit(c, &m, e);
	}
	/* A message outside a transaction is sent at once, streamed or not. */
	if (streamed && !(m.type == 'M' && !(m.options & 1)))
		return keep(c, &m, data, len, e);

	switch (m.type) {
	case 'B':
		return begin(c, &m, e);
	case 'C':
		c->skip = 0;
		return hr_emit_commit(&c->emit, m.end, e);
	case 'R':
		if (hr_pgo_relation(&rel, data, len, false, e) < 0)
			return -1;
		return hr_capture_relation(c, rel, &route, e);
	case 'Y':
		return 0;	/* names of types are read from the catalog */
	case 'O':
		c->foreign = c->o->local_only;
		hr_emit_origin(&c->emit, m.lsn, m.name);
		return 0;
	}
	/* hr-apply's own, by which it makes its commits durable. */
	if (m.type == 'M' && strcmp(m.name, "hr") == 0)
		return 0;
	/* A message outside of transactions is not one of their changes. */
	if (m.type == 'M' && !(m.options & 1))
		return c->resumed ? 0 : put_message(c, &m, e);
	/* Changes: after a reconnection some are in the stream already. */
	if (c->emit.open && ++c->changes <= c->skip)
		return 0;
	c->skip = 0;
	switch (m.type) {
	case 'T':
		forget_parents(c, &m);
		return c->foreign ? 0 : truncate_tables(c, &m, e);
	case 'M':
		return c->foreign ? 0 : put_message(c, &m, e);
	}
	route = hr_routes_get(&c->routes, m.relation);
	if (HR_UNLIKELY(route == NULL))
		return hr_fail(e, HR_INTERNAL, "a change of the unknown relation %" PRIu32, m.relation);
	if (HR_UNLIKELY(route->feeds))
		return parent(c, route, &m, e);
	return c->foreign ? 0 : row(c, route, &m, e);
}
