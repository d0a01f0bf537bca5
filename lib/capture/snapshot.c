/*
 * snapshot.c - the first copy: every row of the tenants as of one snapshot.
 *
 * Several connections import the slot's exported snapshot and copy at a time:
 * tables, largest first, and large tables in parts by ranges of ctid.  Rows
 * are handed to their tenants' buffers as they come.
 */

#include "base/hr.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/lsn.h"
#include "capture/capture.h"
#include "pg/way.h"
#include "stream/mark.h"
#include "stream/rows.h"

#define PART_PAGES	8192	/* 64 MB of a table are one part */

struct part {
	const struct hr_source_table *table;
	struct hr_route *route;
	int64_t from, to;	/* pages; to 0: the whole table */
};

struct copier {
	struct hr_conn *conn;
	const struct part *part;	/* NULL: idle */
	bool begun;			/* the header was seen */
};

struct copy {
	struct hr_capture *c;
	struct part *part;
	size_t parts, part_cap, next;
	struct copier *copier;
	int copiers;
	hr_lsn lsn;
	uint64_t rows, bytes;
};

/* Of a row by parent the tenant comes with it, as one more column. */
static uint32_t
tenant_type(const struct hr_route *route)
{
	const struct hr_link *l = route->link;

	if (l == NULL)
		return route->relation->column[route->column].type;
	while (l->next)
		l = l->next;
	return l->tenant_type;
}

static void
put_tenant(struct hr_buf *sql, const struct hr_route *route)
{
	char *name;

	if (route->tenancy == HR_TENANCY_PARENT) {
		hr_way_tenant(sql, route->relation);
		return;
	}
	name = hr_quote_ident(route->relation->column[route->column].name);
	hr_buf_printf(sql, "t.%s", name);
	free(name);
}

/* tenant_column = ANY (the tenants asked for), or nothing. */
static void
put_tenants(struct hr_buf *sql, struct copy *y, const struct hr_route *route)
{
	const struct hr_config *config = y->c->o->config;
	const struct hr_type_name *type_name;
	struct hr_buf col = HR_BUF_INIT;
	const char *name;
	char *lit, *type;
	size_t i;

	if (!hr_relation_mixed(route->relation) || config->tenants == 0)
		return;
	put_tenant(&col, route);
	name = hr_buf_text(&col);
	type_name = hr_types_find(&y->c->types, tenant_type(route));
	type = type_name ? hr_quote_table(type_name->schema, type_name->name) : hr_strdup("pg_catalog.text");
	hr_buf_printf(sql, " AND (%s = ANY (ARRAY[", name);
	for (i = 0; i < config->tenants; i++) {
		lit = hr_quote_literal(config->tenant[i]);
		hr_buf_printf(sql, "%s%s", i ? "," : "", lit);
		free(lit);
	}
	hr_buf_printf(sql, "]::pg_catalog.text[]::%s[])", type);
	if (config->tenancy.null_tenant != HR_NULL_NONE)
		hr_buf_printf(sql, " OR %s IS NULL", name);
	hr_buf_puts(sql, ")");
	free(type);
	hr_buf_clear(&col);
}

static char *
copy_sql(struct copy *y, const struct part *p)
{
	const struct hr_relation *rel = p->route->relation;
	char *table = hr_quote_table(rel->schema, rel->name);
	struct hr_buf sql = HR_BUF_INIT;
	int i;

	hr_buf_puts(&sql, "COPY (SELECT ");
	for (i = 0; i < rel->columns; i++) {
		char *name = hr_quote_ident(rel->column[i].name);

		hr_buf_printf(&sql, "%st.%s", i ? ", " : "", name);
		free(name);
	}
	if (p->route->tenancy == HR_TENANCY_PARENT) {
		hr_buf_puts(&sql, rel->columns ? ", " : "");
		put_tenant(&sql, p->route);
	}
	/* A row filter names its columns bare. */
	hr_buf_printf(&sql, " FROM (SELECT * FROM %s%s WHERE true", p->table->kind == 'r' ? "ONLY " : "", table);
	if (p->table->filter)
		hr_buf_printf(&sql, " AND (%s)", p->table->filter);
	if (p->from || p->to)
		hr_buf_printf(&sql, " AND ctid >= '(%" PRId64 ",0)'", p->from);
	if (p->to)
		hr_buf_printf(&sql, " AND ctid < '(%" PRId64 ",0)'", p->to);
	hr_buf_puts(&sql, ") t");
	if (p->route->tenancy == HR_TENANCY_PARENT)
		hr_way_join(&sql, rel, rel->steps, "LEFT JOIN");
	hr_buf_puts(&sql, " WHERE true");
	put_tenants(&sql, y, p->route);
	hr_buf_puts(&sql, ") TO STDOUT (FORMAT binary)");
	free(table);
	hr_buf_text(&sql);
	return (char *)hr_buf_take(&sql, NULL);
}

static void
add_part(struct copy *y, const struct hr_source_table *t, struct hr_route *route, int64_t from, int64_t to)
{
	HR_GROW(y->part, y->parts, y->part_cap);
	y->part[y->parts++] = (struct part){ t, route, from, to };
}

static int
largest_first(const void *a, const void *b)
{
	int64_t x = ((const struct hr_source_table *)a)->pages, y = ((const struct hr_source_table *)b)->pages;

	return x > y ? -1 : x < y;
}

/* What to copy: tables that are routed to a tenant asked for. */
static int
plan(struct copy *y, struct hr_err *e)
{
	struct hr_capture *c = y->c;
	struct hr_source_tables *s = &c->tables;
	size_t i;

	qsort(s->table, s->tables, sizeof(*s->table), largest_first);
	for (i = 0; i < s->tables; i++) {
		struct hr_source_table *t = &s->table[i];
		struct hr_route *route;
		struct hr_buf b = HR_BUF_INIT;
		struct hr_relation *rel;
		int64_t page;
		int rc;

		hr_relation_encode(t->relation, &b);
		rc = hr_relation_decode(&rel, b.data, b.len, e);
		hr_buf_clear(&b);
		if (rc < 0 || hr_capture_relation(c, rel, &route, e) < 0)
			return -1;
		if (route->tenancy == HR_TENANCY_NONE ||
		    (route->out && !((struct hr_out *)route->out)->selected))
			continue;
		if (route->refused) {
			*e = *route->refused;
			return -1;
		}
		if (t->kind != 'r' || t->pages <= PART_PAGES) {
			add_part(y, t, route, 0, 0);
			continue;
		}
		for (page = 0; page < t->pages; page += PART_PAGES)
			add_part(y, t, route, page, page + PART_PAGES < t->pages ? page + PART_PAGES : 0);
	}
	return 0;
}

/* The next part for an idle copier; none left: it stays idle. */
static int
next_part(struct copy *y, struct copier *k, struct hr_err *e)
{
	char *sql;
	int rc;

	k->part = NULL;
	k->begun = false;
	if (y->next == y->parts)
		return 0;
	k->part = &y->part[y->next++];
	sql = copy_sql(y, k->part);
	rc = hr_copy_out_begin(k->conn, sql, e);
	free(sql);
	return rc < 0 ? hr_within(e, "cannot copy '%s.%s'", k->part->route->relation->schema,
	    k->part->route->relation->name) : 0;
}

/*
 * The tenant of a row in COPY's binary form.  Of a row by parent it is the last
 * value, which is none of the row's: *len ends before it.
 */
static int
tenant_of(struct copy *y, const struct hr_route *route, const uint8_t *data, size_t *len,
    struct hr_out **o, struct hr_err *e)
{
	int at = route->tenancy == HR_TENANCY_PARENT ? route->relation->columns : route->column;
	struct hr_cur c = hr_cur(data, *len);
	int n = hr_cur_u16be(&c), i;
	int32_t size = -1;
	const uint8_t *value = NULL;

	for (i = 0; i <= at && i < n; i++) {
		if (i == route->relation->columns)
			*len = (size_t)(c.at - data);
		size = (int32_t)hr_cur_u32be(&c);
		value = size > 0 ? hr_cur_bytes(&c, (size_t)size) : c.at;
	}
	if (c.bad || i <= at)
		return hr_fail(e, HR_INTERNAL, "a malformed row in the first copy");
	if (size < 0)
		return hr_capture_null_tenant(y->c, route, o, e);
	*o = hr_emit_tenant_of(&y->c->emit, tenant_type(route), false, value, (size_t)size, e);
	if (*o == NULL)
		return -1;
	if (!(*o)->selected)
		*o = NULL;
	return 0;
}

static int
put_row(struct copy *y, const struct part *p, const uint8_t *data, size_t len, struct hr_err *e)
{
	struct hr_emit *m = &y->c->emit;
	struct hr_out *o = p->route->out;
	struct hr_buf *b;
	size_t mark;

	if (p->route->tenancy == HR_TENANCY_SHARED)
		o = &m->all;
	else if (hr_relation_mixed(p->route->relation) && tenant_of(y, p->route, data, &len, &o, e) < 0)
		return hr_within(e, "table '%s.%s'", p->route->relation->schema, p->route->relation->name);
	if (o == NULL)
		return 0;
	if ((b = hr_emit_open(m, o, HR_INSERT, &mark, e)) == NULL)
		return -1;
	hr_buf_u32le(b, p->route->relation->id);
	hr_buf_u16be(b, (uint16_t)p->route->relation->columns);
	hr_buf_put(b, data + 2, len - 2);
	y->rows++;
	y->bytes += len;
	return hr_emit_close(m, o, mark, e);
}

/* Rows travel as transactions that all commit at the snapshot. */
static int
turn(struct copy *y, struct hr_err *e)
{
	struct hr_emit *m = &y->c->emit;

	if (hr_emit_commit(m, y->lsn, e) < 0 || hr_emit_watermark(m, y->lsn, 0, false, e) < 0)
		return -1;
	hr_emit_begin(m, 0, y->lsn, 0);
	return 0;
}

/* Take what one connection has: rows, or the end of its part. */
static int
take(struct copy *y, struct copier *k, struct hr_err *e)
{
	const uint8_t *data;
	size_t len;
	bool ended;
	int got, n = 0;

	while (k->part && (got = hr_copy_out_read(k->conn, &data, &len, &ended, e)) != 0) {
		if (got < 0)
			return hr_within(e, "cannot copy '%s.%s'", k->part->route->relation->schema,
			    k->part->route->relation->name);
		if ((got = hr_copy_out_row(&k->begun, &data, &len, e)) < 0 ||
		    (got == 1 && put_row(y, k->part, data, len, e) < 0))
			return -1;
		if (hr_emit_full(&y->c->emit) && turn(y, e) < 0)
			return -1;
		if (++n == 4096)	/* the others' turn */
			break;
	}
	if (k->part && ended)
		return next_part(y, k, e);
	return 0;
}

static int
run(struct copy *y, struct hr_err *e)
{
	struct pollfd *p = hr_zalloc((size_t)y->copiers * sizeof(*p));
	int64_t said = hr_now_us();
	int i, busy, rc = -1;

	do {
		for (i = busy = 0; i < y->copiers; i++) {
			struct copier *k = &y->copier[i];

			if (k->part && take(y, k, e) < 0)
				goto out;
			p[i].fd = k->part ? hr_conn_socket(k->conn) : -1;
			p[i].events = POLLIN;
			busy += k->part != NULL;
		}
		if (busy && poll(p, (nfds_t)y->copiers, 1000) < 0 && errno != EINTR) {
			hr_fail_sys(e, "cannot wait for the source");
			goto out;
		}
		if (hr_capture_stopping()) {
			hr_fail(e, HR_TEMPORARY, "stopped during the first copy");
			hr_hint(e, "start again: it begins anew");
			goto out;
		}
		if (hr_now_us() - said > 5000000) {
			said = hr_now_us();
			hr_log(HR_LOG_NOTE, "first copy: %" PRIu64 " rows, %" PRIu64 " MB, part %zu of %zu",
			    y->rows, y->bytes >> 20, y->next, y->parts);
		}
	} while (busy);
	rc = 0;
out:
	free(p);
	return rc;
}

/* The mark at either end of the copy. */
static int
mark(struct copy *y, bool begins, struct hr_err *e)
{
	struct hr_capture *c = y->c;
	struct hr_buf ids = HR_BUF_INIT, tenants = HR_BUF_INIT, b = HR_BUF_INIT;
	struct hr_snapshot s = { .begins = begins };
	struct hr_frame f = { .type = HR_FRAME_SNAPSHOT, .flags = HR_MUST | HR_ALL, .lsn = y->lsn };
	size_t i;
	int rc;

	for (i = 0; i < y->parts; i++)
		if (y->part[i].from == 0) {
			hr_buf_u32le(&ids, y->part[i].route->relation->id);
			s.relations++;
		}
	for (i = 0; i < c->o->config->tenants; i++, s.tenants++)
		hr_buf_put(&tenants, c->o->config->tenant[i], strlen(c->o->config->tenant[i]) + 1);
	s.relation_list = ids.data;
	s.tenant_list = (const char *)tenants.data;
	hr_snapshot_encode(&s, &b, tenants.len);
	f.data = b.data;
	f.len = (uint32_t)b.len;
	rc = hr_write(&c->writer, &f, e) < 0 ? -1 : hr_flush(&c->writer, e);
	hr_buf_clear(&ids);
	hr_buf_clear(&tenants);
	hr_buf_clear(&b);
	return rc;
}

int
hr_capture_copy(struct hr_capture *c, const char *snapshot, hr_lsn lsn, struct hr_err *e)
{
	struct copy y = { .c = c, .lsn = lsn };
	int64_t begun = hr_now_us();
	int i, rc = -1;

	y.copiers = c->o->jobs > 0 ? c->o->jobs : 2;
	y.copier = hr_zalloc((size_t)y.copiers * sizeof(*y.copier));
	if (plan(&y, e) < 0 || mark(&y, true, e) < 0)
		goto out;
	for (i = 0; i < y.copiers; i++) {
		char *lit = hr_quote_literal(snapshot);

		rc = hr_conn_open(&y.copier[i].conn, c->o->conninfo, HR_CONN_PLAIN, e);
		if (rc == 0)
			rc = hr_conn_execf(y.copier[i].conn, e,
			    "SET row_security = off;"	/* rather an error than rows left out */
			    "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY;"
			    " SET TRANSACTION SNAPSHOT %s", lit);
		free(lit);
		if (rc < 0)
			goto out;
	}
	rc = -1;
	c->emit.flags = HR_COPY;
	hr_emit_begin(&c->emit, 0, lsn, 0);
	for (i = 0; i < y.copiers; i++)
		if (next_part(&y, &y.copier[i], e) < 0)
			goto out;
	if (run(&y, e) < 0 || hr_emit_commit(&c->emit, lsn, e) < 0 ||
	    hr_emit_watermark(&c->emit, lsn, 0, false, e) < 0)
		goto out;
	c->emit.flags = 0;
	rc = mark(&y, false, e);
	hr_log(HR_LOG_NOTE, "first copy done: %" PRIu64 " rows, %" PRIu64 " MB in %.1f s, at %s",
	    y.rows, y.bytes >> 20, (double)(hr_now_us() - begun) / 1e6, HR_LSN(lsn));
out:
	for (i = 0; i < y.copiers; i++)
		hr_conn_close(y.copier[i].conn);
	free(y.copier);
	free(y.part);
	return rc;
}
