/* descend.c - the tables under a moved row. */

#include "base/hr.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/lsn.h"
#include "capture/capture.h"
#include "capture/descend.h"
#include "pg/way.h"
#include "stream/rows.h"

#define VISIBLE_US	10000000	/* how long a commit that was decoded may take to be seen */

/*
 * What a reading ahead has seen, as PostgreSQL's snapshots have it.  Kept by
 * the moved row until the stream has come past it.
 */
struct hr_transit {
	uint64_t txn;			/* the transaction it was for */
	bool doubted;			/* the target may have had that before we began */
	uint32_t end;			/* the first transaction id that was not given out */
	uint32_t running;
	uint32_t xid[];			/* of those before it, not visible */
};

static bool
sees(const struct hr_transit *t, uint32_t xid)
{
	uint32_t i;

	if ((int32_t)(xid - t->end) >= 0)
		return false;
	for (i = 0; i < t->running; i++)
		if (t->xid[i] == xid)
			return false;
	return true;
}

/* table: one of rows without a key that was read again; 0: all under the row. */
static void
transit_key(struct hr_buf *b, const struct hr_link *l, const void *key, size_t len, uint32_t table)
{
	hr_buf_reset(b);
	hr_buf_u32le(b, l->id);
	hr_buf_u32le(b, table);
	hr_buf_put(b, key, len);
}

enum hr_ahead
hr_descend_ahead(struct hr_capture *c, const struct hr_link *l, const void *key, size_t len, uint32_t table)
{
	struct hr_parents *p = &c->parents;
	struct hr_buf b = HR_BUF_INIT;
	const struct hr_transit *t = NULL;

	if (HR_LIKELY(p->transit.count == 0))
		return HR_AHEAD_NOT;
	if (c->emit.commit > p->transit_until) {
		hr_map_clear(&p->transit, free);
		return HR_AHEAD_NOT;
	}
	transit_key(&b, l, key, len, 0);
	t = hr_map_get(&p->transit, b.data, b.len);
	if (t && table) {
		const struct hr_transit *again;

		transit_key(&b, l, key, len, table);
		again = hr_map_get(&p->transit, b.data, b.len);
		if (again && again->txn > t->txn)
			t = again;
	}
	hr_buf_clear(&b);
	if (t == NULL)
		return HR_AHEAD_NOT;
	if (!sees(t, c->emit.xid))
		return HR_AHEAD;
	return t->doubted && t->txn != c->emit.txn ? HR_AHEAD_DOUBT : HR_AHEAD_SEEN;
}

/* What is under a row, or one table of that, has been read. */
static void
remember(struct hr_capture *c, const struct hr_link *l, const struct hr_buf *key, uint32_t table, const struct hr_transit *t)
{
	struct hr_buf name = HR_BUF_INIT;
	void **at;

	transit_key(&name, l, key->data, key->len, table);
	at = hr_map_at(&c->parents.transit, name.data, name.len);
	free(*at);
	*at = hr_memdup(t, sizeof(*t) + t->running * sizeof(t->xid[0]));
	hr_buf_clear(&name);
}

/* "10:20:10,14" as text; gives. */
static struct hr_transit *
transit_of(const char *snapshot)
{
	struct hr_transit *t = hr_zalloc(sizeof(*t) + strlen(snapshot) * sizeof(t->xid[0]));
	char *at;

	(void)!strtoull(snapshot, &at, 10);
	t->end = (uint32_t)strtoull(*at ? at + 1 : at, &at, 10);
	while (*at && at[1])
		t->xid[t->running++] = (uint32_t)strtoull(at + 1, &at, 10);
	return t;
}

/*
 * A transaction at the source in which the open one is visible: that comes
 * some moments after its commit was written.  Gives what it sees; NULL.
 */
static struct hr_transit *
look(struct hr_capture *c, hr_lsn *until, struct hr_err *e)
{
	int64_t end = hr_now_us() + VISIBLE_US;

	for (;;) {
		struct hr_result *r;
		struct hr_transit *t;

		if (hr_conn_exec(c->sql, "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY", e) < 0 ||
		    hr_conn_query(c->sql, &r, "SELECT pg_catalog.pg_current_snapshot(),"
		    " CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn()"
		    " ELSE pg_catalog.pg_current_wal_insert_lsn() END", 0, NULL, e) < 0)
			return NULL;
		t = transit_of(hr_result_get(r, 0, 0));
		if (hr_lsn_parse(hr_result_get(r, 0, 1), until) < 0)
			*until = UINT64_MAX;
		hr_result_free(r);
		t->txn = c->emit.txn;
		t->doubted = c->emit.commit <= c->began;
		if (sees(t, c->emit.xid))
			return t;
		free(t);
		if (hr_conn_exec(c->sql, "ROLLBACK", e) < 0)
			return NULL;
		if (hr_now_us() > end || hr_capture_stopping()) {
			hr_fail(e, HR_TEMPORARY, "transaction %" PRIu32 " has committed at the source and cannot be seen there", c->emit.xid);
			hr_hint(e, "does its commit wait for a synchronous standby?");
			return NULL;
		}
		hr_capture_keep_alive(c);
		usleep(1000);
	}
}

/*
 * The tables under a row.
 */

struct under {
	uint32_t table;
	int step;		/* of its way, that leads to the row */
	uint32_t type[HR_STEP_COLUMNS_MAX];	/* of the columns that refer to it */
	struct hr_feed feed;	/* a copy: describing tables anew may replace them */
};

struct unders {
	struct under *u;
	size_t n, cap;
};

static int
by_step(const void *a, const void *b)
{
	return ((const struct under *)a)->step - ((const struct under *)b)->step;
}

/* Tables that came since we looked have children's rows, too. */
static int
look_at_tables(struct hr_capture *c, struct hr_err *e)
{
	struct hr_source_tables now;
	const char *column;
	size_t i;

	if (c->parents.looked == c->emit.txn)
		return 0;
	if (hr_types_load(&c->types, c->sql, e) < 0 ||
	    hr_source_tables(&now, c->sql, c->o->publication, &c->types, e) < 0)
		return -1;
	hr_source_tables_clear(&c->tables);
	c->tables = now;
	c->parents.looked = c->emit.txn;
	for (i = 0; i < c->tables.tables; i++) {
		const struct hr_relation *rel = c->tables.table[i].relation;
		struct hr_relation *copy;
		struct hr_route *route;

		if (hr_routes_get(&c->routes, rel->id) ||
		    hr_router_tenancy(c->router, rel->schema, rel->name, &column) != HR_TENANCY_PARENT)
			continue;
		if ((copy = hr_relation_copy(rel, e)) == NULL || hr_capture_relation(c, copy, &route, e) < 0)
			return -1;
		if (route->refused) {
			*e = *route->refused;
			return -1;
		}
	}
	return 0;
}

static struct under
under_of(const struct hr_route *child, int step, const struct hr_feed *feed)
{
	struct under u = { .table = child->relation->id, .step = step, .feed = *feed };

	memcpy(u.type, child->way->step[step].from, sizeof(u.type));
	return u;
}

/* Nearest first. */
static void
find(struct hr_capture *c, const struct hr_route *route, struct unders *list)
{
	size_t i, k;

	for (i = 0; i < c->routes.map.slots; i++) {
		const struct hr_route *child = c->routes.map.slot[i].value;
		const struct hr_link *l = child ? child->link : NULL;
		int step;

		for (step = 0; l; l = l->next, step++)
			for (k = 0; k < route->feeds; k++)
				if (route->feed[k].link == l) {
					HR_GROW(list->u, list->n, list->cap);
					list->u[list->n++] = under_of(child, step, &route->feed[k]);
				}
	}
	qsort(list->u, list->n, sizeof(*list->u), by_step);
}

/* The texts of the moved row's key, in *key, each with its NUL. */
static int
key_of(const struct hr_route *route, const struct under *u, const struct hr_cur *tuple, const struct hr_cur *old,
    struct hr_buf *key, struct hr_err *e)
{
	hr_buf_reset(key);
	if (hr_parents_key(route, u->feed.key, u->feed.link->keys, old, tuple, key))
		return 0;
	return hr_fail(e, HR_INTERNAL, "a row of '%s.%s' came without its key", route->relation->schema,
	    route->relation->name);
}

/* Nothing is under a key that the referring columns cannot hold. */
static bool
fits(const struct under *u, const struct hr_buf *key)
{
	const char *text = (const char *)key->data;
	int i;

	for (i = 0; i < u->feed.link->keys; i++, text += strlen(text) + 1) {
		int64_t n = u->type[i] == 21 || u->type[i] == 23 ? strtoll(text, NULL, 10) : 0;

		if (u->type[i] == 21 ? n != (int16_t)n : n != (int32_t)n)
			return false;
	}
	return true;
}

static int
put_leave(struct hr_capture *c, const struct under *u, struct hr_out *from, const struct hr_buf *key, struct hr_err *e)
{
	struct hr_value v[HR_STEP_COLUMNS_MAX];
	const char *text = (const char *)key->data;
	int i, n = u->feed.link->keys;
	size_t mark;
	struct hr_buf *b = hr_emit_open(&c->emit, from, HR_LEAVE, &mark, e);

	if (b == NULL)
		return -1;
	for (i = 0; i < n; i++, text += strlen(text) + 1)
		v[i] = (struct hr_value){ (const uint8_t *)text, (int32_t)strlen(text), true };
	hr_buf_u32le(b, u->table);
	hr_buf_u8(b, (uint8_t)u->step);
	hr_tuple_put(b, v, n);
	return hr_emit_close(&c->emit, from, mark, e);
}

/* The deepest first: they are found by those above them. */
static int
leave(struct hr_capture *c, const struct hr_route *route, const struct unders *list, struct hr_out *from,
    const struct hr_cur *tuple, const struct hr_cur *old, struct hr_err *e)
{
	struct hr_buf key = HR_BUF_INIT;
	size_t i;
	int rc = 0;

	for (i = list->n; i-- > 0 && rc == 0;) {
		rc = key_of(route, &list->u[i], tuple, old, &key, e);
		if (rc == 0 && fits(&list->u[i], &key))
			rc = put_leave(c, &list->u[i], from, &key, e);
	}
	hr_buf_clear(&key);
	return rc;
}

/* The tables under a row, all of them known. */
static int
find_all(struct hr_capture *c, const struct hr_route *route, struct unders *list, struct hr_err *e)
{
	if (hr_capture_sql(c, e) < 0 || look_at_tables(c, e) < 0) {
		e->sqlstate[0] = '\0';		/* not the stream's connection */
		return -1;
	}
	find(c, route, list);
	return 0;
}

int
hr_descend_leave(struct hr_capture *c, const struct hr_route *route, struct hr_out *from,
    const struct hr_cur *tuple, const struct hr_cur *old, struct hr_err *e)
{
	struct unders list = { NULL, 0, 0 };
	int rc;

	if (route->feeds == 0)
		return 0;
	rc = find_all(c, route, &list, e);
	if (rc == 0)
		rc = leave(c, route, &list, from, tuple, old, e);
	free(list.u);
	return rc;
}

static char *
copy_sql(const struct hr_relation *rel, const struct hr_source_table *t, const struct under *u, const struct hr_buf *key)
{
	struct hr_buf sql = HR_BUF_INIT;
	char *table = hr_quote_table(t->relation->schema, t->relation->name), *value[HR_STEP_COLUMNS_MAX];
	const char *text = (const char *)key->data;
	int i, n = u->feed.link->keys;

	for (i = 0; i < n; i++, text += strlen(text) + 1)
		value[i] = hr_quote_literal(text);
	hr_buf_puts(&sql, "COPY (SELECT ");
	for (i = 0; i < rel->columns; i++) {
		char *name = hr_quote_ident(rel->column[i].name);

		hr_buf_printf(&sql, "%st.%s", i ? ", " : "", name);
		free(name);
	}
	/* A row filter names its columns bare. */
	hr_buf_printf(&sql, " FROM (SELECT * FROM %s%s%s%s%s) t WHERE ", t->kind == 'r' ? "ONLY " : "", table,
	    t->filter ? " WHERE (" : "", t->filter ? t->filter : "", t->filter ? ")" : "");
	hr_way_under(&sql, rel, u->step, value);
	hr_buf_puts(&sql, ") TO STDOUT (FORMAT binary)");
	for (i = 0; i < n; i++)
		free(value[i]);
	free(table);
	hr_buf_text(&sql);
	return (char *)hr_buf_take(&sql, NULL);
}

/* A row that is yet to come under this one may be there under another. */
static int
put_row(struct hr_capture *c, const struct hr_route *route, struct hr_out *to, const uint8_t *data, size_t len, struct hr_err *e)
{
	size_t mark;
	struct hr_buf *b = hr_emit_open(&c->emit, to, route->keyed ? HR_PUT : HR_INSERT, &mark, e);

	if (b == NULL)
		return -1;
	hr_buf_u32le(b, route->relation->id);
	hr_buf_put(b, data, len);
	return hr_emit_close(&c->emit, to, mark, e);
}

/* The rows of one table. */
static int
copy_rows(struct hr_capture *c, const char *sql, const struct hr_route *route, struct hr_out *to, struct hr_err *e)
{
	struct pollfd p = { hr_conn_socket(c->sql), POLLIN, 0 };
	const uint8_t *data;
	size_t len;
	bool ended = false, begun = false;
	int got;

	if (hr_copy_out_begin(c->sql, sql, e) < 0)
		return -1;
	while (!ended) {
		if ((got = hr_copy_out_read(c->sql, &data, &len, &ended, e)) < 0)
			return -1;
		if (got == 0 && !ended) {
			if (poll(&p, 1, 1000) < 0 && errno != EINTR)
				return hr_fail_sys(e, "cannot wait for the source");
			hr_capture_keep_alive(c);
			continue;
		}
		if (got == 0)
			break;
		if ((got = hr_copy_out_row(&begun, &data, &len, e)) < 0)
			return -1;
		if (got == 0)
			continue;
		if (put_row(c, route, to, data, len, e) < 0) {
			e->sqlstate[0] = '\0';
			return -1;
		}
		hr_capture_keep_alive(c);
	}
	return 0;
}

/*
 * One table's rows, described as the catalogs have it now; the stream goes on
 * with the table as it was.
 */
static int
bring(struct hr_capture *c, const struct under *u, struct hr_out *to, const struct hr_buf *key, struct hr_err *e)
{
	const struct hr_source_table *t = hr_source_tables_get(&c->tables, u->table);
	struct hr_route *route = hr_routes_get(&c->routes, u->table);
	struct hr_relation *was, *now;
	bool differs;
	char *sql;
	int rc;

	if (t == NULL)
		return 0;		/* it was dropped since, or is not published any more */
	if ((was = hr_relation_copy(route->relation, e)) == NULL || (now = hr_relation_copy(t->relation, e)) == NULL) {
		hr_relation_free(was);
		return -1;
	}
	if (hr_capture_relation(c, now, &route, e) < 0) {
		hr_relation_free(was);
		return -1;
	}
	if (route->refused) {
		*e = *route->refused;
		hr_relation_free(was);
		return -1;
	}
	differs = !hr_relation_same(was, route->relation);
	sql = copy_sql(route->relation, t, u, key);
	rc = copy_rows(c, sql, route, to, e);
	free(sql);
	if (rc == 0 && differs)
		return hr_capture_relation(c, was, &route, e);
	hr_relation_free(was);
	return rc;
}

/* The stream has to come as far as that. */
static void
passed(struct hr_capture *c, hr_lsn until)
{
	struct hr_parents *p = &c->parents;

	if (c->emit.commit > p->transit_until)
		hr_map_clear(&p->transit, free);
	if (until > p->transit_until)
		p->transit_until = until;
	if (p->holds == 0 || p->hold[p->holds - 1].commit != c->emit.commit) {
		HR_GROW(p->hold, p->holds, p->hold_cap);
		p->hold[p->holds++] = (struct hr_hold){ .commit = c->emit.commit };
	}
	p->hold[p->holds - 1].until = until;
}

/* All tables under the row, as one reading has them. */
static int
bring_all(struct hr_capture *c, const struct hr_route *route, const struct unders *list, struct hr_out *to,
    const struct hr_cur *tuple, struct hr_err *e)
{
	struct hr_buf key = HR_BUF_INIT;
	struct hr_transit *t;
	hr_lsn until;
	size_t i;
	int rc = -1;

	if ((t = look(c, &until, e)) == NULL)
		return -1;
	for (i = 0; i < list->n; i++) {
		if (key_of(route, &list->u[i], tuple, NULL, &key, e) < 0 ||
		    (fits(&list->u[i], &key) && bring(c, &list->u[i], to, &key, e) < 0))
			goto out;
	}
	if (hr_conn_exec(c->sql, "COMMIT", e) < 0)
		goto out;
	passed(c, until);
	for (i = 0; i < route->feeds; i++) {
		const struct hr_feed *f = &route->feed[i];

		hr_buf_reset(&key);
		if (hr_parents_key(route, f->key, f->link->keys, tuple, NULL, &key))
			remember(c, f->link, &key, 0, t);
	}
	rc = 0;
out:
	free(t);
	hr_buf_clear(&key);
	return rc;
}

/* May it be tried once more?  On another connection then. */
static bool
lost(struct hr_capture *c, const struct hr_err *e)
{
	if (!hr_err_retryable(e) || e->sqlstate[0] == '\0')
		return false;
	hr_conn_close(c->sql);
	c->sql = NULL;
	return true;
}

int
hr_descend_join(struct hr_capture *c, const struct hr_route *route, struct hr_out *to,
    const struct hr_cur *tuple, struct hr_err *e)
{
	struct unders list = { NULL, 0, 0 };
	int tries, rc = -1;

	if (route->feeds == 0)
		return 0;
	if (find_all(c, route, &list, e) < 0)
		return -1;
	c->parents.joined = true;
	for (tries = 0; rc < 0 && tries < 2 && list.n; tries++) {
		hr_err_clear(e);
		/* A try that failed, or a tenant that could not let them go yet, left some. */
		if (leave(c, route, &list, to, tuple, NULL, e) < 0)
			break;
		if ((rc = hr_capture_sql(c, e)) == 0)
			rc = bring_all(c, route, &list, to, tuple, e);
		if (rc == 0 || !lost(c, e))
			break;
	}
	if (list.n == 0)
		rc = 0;
	free(list.u);
	if (rc < 0) {
		e->sqlstate[0] = '\0';		/* not the stream's connection */
		hr_within(e, "cannot read the rows under one of '%s.%s' that came to another tenant",
		    route->relation->schema, route->relation->name);
	}
	return rc;
}

static int
again(struct hr_capture *c, const struct under *u, const struct hr_kin *kin, struct hr_err *e)
{
	struct hr_transit *t;
	hr_lsn until;
	int rc = -1;

	if (hr_capture_sql(c, e) < 0 || look_at_tables(c, e) < 0 || (t = look(c, &until, e)) == NULL)
		return -1;
	if (bring(c, u, kin->out, &kin->key, e) == 0 && hr_conn_exec(c->sql, "COMMIT", e) == 0) {
		passed(c, until);
		remember(c, kin->link, &kin->key, u->table, t);
		rc = 0;
	}
	free(t);
	return rc;
}

int
hr_descend_again(struct hr_capture *c, const struct hr_route *child, const struct hr_kin *kin, struct hr_err *e)
{
	struct hr_feed f = { .link = kin->link };
	struct under u = under_of(child, kin->step, &f);
	int tries, rc = -1;

	if (kin->out == NULL)
		return 0;
	for (tries = 0; rc < 0 && tries < 2; tries++) {
		hr_err_clear(e);
		if ((!kin->out->all && hr_emit_in_order(&c->emit, kin->out, true, e) < 0) || put_leave(c, &u, kin->out, &kin->key, e) < 0)
			break;
		if ((rc = again(c, &u, kin, e)) == 0 || !lost(c, e))
			break;
	}
	if (rc < 0) {
		e->sqlstate[0] = '\0';		/* not the stream's connection */
		hr_within(e, "cannot read rows of '%s.%s' again", child->relation->schema, child->relation->name);
	}
	return rc;
}
