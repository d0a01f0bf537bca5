/*
 * snapshot.c - the first copy: every row of the tenants as of one snapshot.
 *
 * Several connections import an exported snapshot and copy at a time: tables,
 * largest first, and large tables in parts by ranges of ctid.  Each has buffers
 * of its own, so that what follows a part's mark in the stream is of that part.
 */

#include "base/hr.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/lsn.h"
#include "capture/part.h"
#include "capture/snapshot.h"
#include "pg/way.h"
#include "stream/mark.h"
#include "stream/rows.h"

#define DRAW_US		200000	/* progress on a terminal */
#define SAY_US		5000000	/* and in the log, with -v */

struct copier {
	struct hr_conn *conn;
	const struct hr_copy_part *part;	/* NULL: idle */
	bool begun;			/* the header was seen */
	struct hr_emit emit;		/* rows of its part, by tenant */
	uint64_t bytes;			/* of its part */
};

struct hr_copy {
	struct hr_capture *c;
	const char *tenant;		/* the one, or NULL: all */
	struct hr_copy_plan plan;
	size_t next;			/* part to hand out */
	struct copier *copier;
	int copiers;
	const struct hr_copy_part *marked;	/* whose rows the stream expects */
	hr_lsn lsn;
	uint64_t rows, bytes;
	int64_t begun, said, drawn;
	int64_t pages;			/* of parts that have ended */
	bool terminal;
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
put_tenants(struct hr_buf *sql, struct hr_copy *y, const struct hr_route *route)
{
	const struct hr_config *config = y->c->o->config;
	const size_t tenants = y->tenant ? 1 : config->tenants;
	const struct hr_type_name *type_name;
	struct hr_buf col = HR_BUF_INIT;
	const char *name;
	char *lit, *type;
	size_t i;

	if (!hr_relation_mixed(route->relation) || tenants == 0)
		return;
	put_tenant(&col, route);
	name = hr_buf_text(&col);
	type_name = hr_types_find(&y->c->types, tenant_type(route));
	type = type_name ? hr_quote_table(type_name->schema, type_name->name) : hr_strdup("pg_catalog.text");
	hr_buf_printf(sql, " AND (%s = ANY (ARRAY[", name);
	for (i = 0; i < tenants; i++) {
		lit = hr_quote_literal(y->tenant ? y->tenant : config->tenant[i]);
		hr_buf_printf(sql, "%s%s", i ? "," : "", lit);
		free(lit);
	}
	hr_buf_printf(sql, "]::pg_catalog.text[]::%s[])", type);
	if (config->tenancy.null_tenant != HR_NULL_NONE && !y->tenant)
		hr_buf_printf(sql, " OR %s IS NULL", name);
	hr_buf_puts(sql, ")");
	free(type);
	hr_buf_clear(&col);
}

static char *
copy_sql(struct hr_copy *y, const struct hr_copy_part *p)
{
	const struct hr_relation *rel = p->route->relation;
	char *table = p->of ? hr_strdup(p->of) : hr_quote_table(rel->schema, rel->name);
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
	hr_buf_printf(&sql, " FROM (SELECT * FROM %s%s WHERE true", p->table->kind == 'r' || p->of ? "ONLY " : "", table);
	if (p->table->filter)
		hr_buf_printf(&sql, " AND (%s)", p->table->filter);
	if (p->part.from)
		hr_buf_printf(&sql, " AND ctid >= '(%" PRIu32 ",0)'", p->part.from);
	if (p->part.to)
		hr_buf_printf(&sql, " AND ctid < '(%" PRIu32 ",0)'", p->part.to);
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

static int
within(const struct copier *k, struct hr_err *e)
{
	return hr_within(e, "cannot copy '%s.%s'", k->part->route->relation->schema, k->part->route->relation->name);
}

/* The next part for an idle copier; none left: it stays idle. */
static int
next_part(struct hr_copy *y, struct copier *k, struct hr_err *e)
{
	char *sql;
	int rc;

	k->part = NULL;
	k->begun = false;
	k->bytes = 0;
	while (y->next < y->plan.parts && y->plan.part[y->next].part.in)
		y->next++;
	if (y->next == y->plan.parts)
		return 0;
	k->part = &y->plan.part[y->next++];
	sql = copy_sql(y, k->part);
	rc = hr_copy_out_begin(k->conn, sql, e);
	free(sql);
	hr_emit_begin(&k->emit, 0, y->lsn, 0);
	return rc < 0 ? within(k, e) : 0;
}

/*
 * The tenant of a row in COPY's binary form.  Of a row by parent it is the last
 * value, which is none of the row's: *len ends before it.
 */
static int
tenant_of(struct hr_copy *y, struct copier *k, const struct hr_route *route, const uint8_t *data, size_t *len,
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
	if (size < 0) {
		if (hr_capture_null_tenant(y->c, route, o, e) < 0)
			return -1;
		*o = *o ? &k->emit.all : NULL;
		return 0;
	}
	*o = hr_emit_tenant_of(&k->emit, tenant_type(route), false,
	    value, (size_t)size, e);
	if (*o == NULL)
		return -1;
	if (!(*o)->selected)
		*o = NULL;
	return 0;
}

static int
put_row(struct hr_copy *y, struct copier *k, const uint8_t *data, size_t len, struct hr_err *e)
{
	const struct hr_route *route = k->part->route;
	struct hr_emit *m = &k->emit;
	struct hr_out *o = &m->all;
	struct hr_buf *b;
	size_t mark;

	if (hr_relation_mixed(route->relation) && tenant_of(y, k, route, data, &len, &o, e) < 0)
		return hr_within(e, "table '%s.%s'", route->relation->schema, route->relation->name);
	if (route->tenant)
		o = hr_emit_tenant(m, route->tenant, strlen(route->tenant));
	if (o == NULL)
		return 0;
	if ((b = hr_emit_open(m, o, HR_INSERT, &mark, e)) == NULL)
		return -1;
	hr_buf_u32le(b, route->relation->id);
	hr_buf_u16be(b, (uint16_t)route->relation->columns);
	hr_buf_put(b, data + 2, len - 2);
	y->rows++;
	y->bytes += len;
	k->bytes += len;
	return hr_emit_close(m, o, mark, e);
}

/* What follows is of this part, or it has ended. */
static int
mark_part(struct hr_copy *y, const struct hr_copy_part *part, bool ended, struct hr_err *e)
{
	uint8_t data[HR_PART_MARK_SIZE];
	struct hr_frame f = {
		.type = HR_FRAME_PART, .flags = HR_MUST | HR_ALL | HR_COPY, .lsn = y->lsn,
		.data = data, .len = sizeof(data),
	};

	y->marked = part;
	if (y->tenant)
		return 0;
	hr_part_mark_encode((uint32_t)(part - y->plan.part), ended, data);
	return hr_write(&y->c->writer, &f, e);
}

/* Among other changes rows are part of what is written between two watermarks. */
static int
say_complete(struct hr_capture *c, struct hr_err *e)
{
	struct hr_emit *m = &c->emit;

	return hr_emit_watermark(m, m->complete > m->watermark ? m->complete : m->watermark, m->complete_time, false, e);
}

/* Rows travel as transactions that all commit at the snapshot. */
static int
turn(struct hr_copy *y, struct copier *k, bool ended, struct hr_err *e)
{
	if (hr_emit_commit(&k->emit, y->lsn, e) < 0 || hr_emit_frames(&k->emit, e) < 0 ||
	    (ended && mark_part(y, k->part, true, e) < 0) ||
	    (y->tenant ? say_complete(y->c, e) : hr_emit_watermark(&k->emit, y->lsn, 0, false, e)) < 0)
		return -1;
	hr_emit_begin(&k->emit, 0, y->lsn, 0);
	return 0;
}

/*
 * A table that was truncated or rewritten behind the snapshot, and before this
 * transaction had it locked, looks empty to it.  What the snapshot's catalog
 * says of its file is not what there is then.
 */
static int
is_as_it_was(const struct copier *k, struct hr_err *e)
{
	struct hr_buf list = HR_BUF_INIT;
	const struct hr_link *l;
	struct hr_param p;
	struct hr_result *r;
	int rc;

	hr_buf_printf(&list, "{%" PRIu32, k->part->route->relation->id);
	for (l = k->part->route->link; l; l = l->next)
		hr_buf_printf(&list, ",%" PRIu32, l->table);
	hr_buf_puts(&list, "}");
	p = (struct hr_param){ .data = hr_buf_text(&list) };
	rc = hr_conn_query(k->conn, &r, "SELECT n.nspname || '.' || c.relname FROM pg_catalog.pg_class c"
	    " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r' AND c.relfilenode <> 0"
	    " AND c.relfilenode IS DISTINCT FROM pg_catalog.pg_relation_filenode(c.oid) AND c.oid IN (SELECT o"
	    "  FROM pg_catalog.unnest($1::oid[]) o UNION SELECT t.relid FROM pg_catalog.unnest($1::oid[]) o,"
	    "  pg_catalog.pg_partition_tree(o) t) LIMIT 1", 1, &p, e);
	hr_buf_clear(&list);
	if (rc < 0)
		return within(k, e);
	if (hr_result_rows(r)) {
		rc = hr_fail(e, HR_TEMPORARY, "table '%s' was truncated or rewritten after the snapshot of its copy",
		    hr_result_get(r, 0, 0));
		hr_hint(e, "start again: a first copy goes on with what is not in");
	}
	hr_result_free(r);
	return rc;
}

/* Take what one connection has: rows, or the end of its part. */
static int
take(struct hr_copy *y, struct copier *k, struct hr_err *e)
{
	const uint8_t *data;
	size_t len;
	bool ended = false;
	uint64_t frames;
	int got, n = 0;

	if (k->part == NULL)
		return 0;
	if (y->marked != k->part && mark_part(y, k->part, false, e) < 0)
		return -1;
	frames = y->c->writer.seen.frames;
	while ((got = hr_copy_out_read(k->conn, &data, &len, &ended, e)) != 0) {
		if (got < 0)
			return within(k, e);
		if ((got = hr_copy_out_row(&k->begun, &data, &len, e)) < 0 ||
		    (got == 1 && put_row(y, k, data, len, e) < 0))
			return -1;
		if (hr_emit_full(&k->emit) || y->c->writer.seen.frames != frames) {
			if (turn(y, k, false, e) < 0)
				return -1;
			frames = y->c->writer.seen.frames;
		}
		if (++n == 4096)	/* the others' turn */
			break;
	}
	if (!ended)
		return 0;
	if (is_as_it_was(k, e) < 0 || turn(y, k, true, e) < 0)
		return -1;
	y->pages += k->part->pages;
	return next_part(y, k, e);
}

/* How far it is: parts count as they were planned, those under way by their bytes. */
static double
done(const struct hr_copy *y)
{
	double pages = (double)y->pages;
	int i;

	for (i = 0; i < y->copiers; i++)
		if (y->copier[i].part) {
			double most = (double)y->copier[i].part->pages, now = (double)y->copier[i].bytes / 8192;

			pages += now < most ? now : most;
		}
	return y->plan.pages > 0 ? pages / (double)y->plan.pages : 0;
}

static void
wipe(struct hr_copy *y)
{
	if (y->drawn)
		fputs("\r\033[K", stderr);
	y->drawn = 0;
}

static void
progress(struct hr_copy *y)
{
	int64_t now = hr_now_us();
	double share = done(y), s = (double)(now - y->begun) / 1e6, left = share > 0.001 ? s / share - s : 0;

	if (y->terminal && now - y->drawn > DRAW_US) {
		y->drawn = now;
		fprintf(stderr, "\r\033[Kfirst copy: %" PRIu64 " rows, %" PRIu64 " MB, %.1f MB/s, %.0f %%", y->rows,
		    y->bytes >> 20, s > 0 ? (double)y->bytes / 1048576 / s : 0, share * 100);
		if (left > 0)
			fprintf(stderr, ", %d:%02d:%02d left", (int)(left / 3600), (int)(left / 60) % 60, (int)left % 60);
		fflush(stderr);
	}
	if (!y->terminal && now - y->said > SAY_US) {
		y->said = now;
		hr_log(HR_LOG_NOTE, "first copy: %" PRIu64 " rows, %" PRIu64 " MB, part %zu of %zu",
		    y->rows, y->bytes >> 20, y->next, y->plan.parts);
	}
}

static int
run(struct hr_copy *y, struct hr_err *e)
{
	struct pollfd *p = hr_zalloc((size_t)y->copiers * sizeof(*p));
	int i, busy, rc = -1;

	do {
		for (i = busy = 0; i < y->copiers; i++) {
			struct copier *k = &y->copier[i];

			if (take(y, k, e) < 0)
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
			hr_hint(e, "start again: it goes on with the parts that are not in");
			goto out;
		}
		progress(y);
	} while (busy);
	rc = 0;
out:
	wipe(y);
	free(p);
	return rc;
}

/* A mark of the copy. */
static int
put_mark(struct hr_capture *c, const char *tenant, const struct hr_snapshot *s, const struct hr_part *part,
    size_t tenant_bytes, hr_lsn lsn, struct hr_err *e)
{
	struct hr_buf b = HR_BUF_INIT;
	struct hr_frame f = {
		.type = HR_FRAME_SNAPSHOT, .flags = tenant ? HR_MUST : HR_MUST | HR_ALL, .lsn = lsn,
		.tenant = tenant, .tenant_len = (uint16_t)(tenant ? strlen(tenant) : 0),
	};
	int rc;

	hr_snapshot_encode(s, part, &b, tenant_bytes);
	f.data = b.data;
	f.len = (uint32_t)b.len;
	rc = hr_write(&c->writer, &f, e) < 0 ? -1 : hr_flush(&c->writer, e);
	hr_buf_clear(&b);
	return rc;
}

static int
mark(struct hr_copy *y, enum hr_snapshot_kind kind, struct hr_err *e)
{
	struct hr_capture *c = y->c;
	struct hr_buf ids = HR_BUF_INIT, tenants = HR_BUF_INIT;
	struct hr_snapshot s = { .kind = kind };
	struct hr_part *part = hr_alloc((y->plan.parts + 1) * sizeof(*part));
	size_t i;
	int rc;

	for (i = 0; i < y->plan.parts; i++) {
		const struct hr_copy_part *p = &y->plan.part[i];

		if (i == 0 || p->route != p[-1].route) {
			hr_buf_u32le(&ids, p->part.relation);
			s.relations++;
		}
		if (kind == HR_SNAPSHOT_BEGINS && !y->tenant)
			part[s.parts++] = p->part;
	}
	for (i = 0; !y->tenant && i < c->o->config->tenants; i++, s.tenants++)
		hr_buf_put(&tenants, c->o->config->tenant[i], strlen(c->o->config->tenant[i]) + 1);
	s.relation_list = ids.data;
	s.tenant_list = (const char *)tenants.data;
	rc = put_mark(c, y->tenant, &s, part, tenants.len, y->lsn, e);
	free(part);
	hr_buf_clear(&ids);
	hr_buf_clear(&tenants);
	return rc;
}

static bool
selects(void *arg, const char *tenant, size_t len)
{
	return hr_router_selects(arg, tenant, len);
}

/* It is there for as long as the session that exported it. */
static int
import(struct hr_conn *conn, const char *snapshot, struct hr_err *e)
{
	static const char *const gone[] = { "22023", "42704", "55000" };	/* before 17, since then, while it ends */
	size_t i;

	if (hr_conn_execf(conn, e, "SET TRANSACTION SNAPSHOT %s", snapshot) == 0)
		return 0;
	for (i = 0; i < HR_COUNT(gone); i++)
		if (strcmp(e->sqlstate, gone[i]) == 0) {
			hr_fail(e, HR_TEMPORARY, "the snapshot of the copy is gone: the session that exported it has ended");
			return hr_hint(e, "start again: a first copy goes on with what is not in");
		}
	return -1;
}

int
hr_copy_open(struct hr_copy **out, struct hr_capture *c, const char *snapshot, hr_lsn lsn, const char *tenant,
    struct hr_err *e)
{
	struct hr_copy *y = *out = hr_zalloc(sizeof(*y));
	char *lit;
	int i, rc = 0;

	y->c = c;
	y->lsn = lsn;
	y->tenant = tenant;
	y->copiers = c->o->jobs;
	y->copier = hr_zalloc((size_t)y->copiers * sizeof(*y->copier));
	y->terminal = isatty(STDERR_FILENO);
	lit = hr_quote_literal(snapshot);
	for (i = 0; i < y->copiers && rc == 0; i++) {
		struct copier *k = &y->copier[i];

		hr_emit_init(&k->emit, &c->writer, selects, c->router);
		k->emit.flags = HR_COPY;
		rc = hr_conn_open(&k->conn, c->o->conninfo, HR_CONN_PLAIN, e);
		if (rc == 0)
			rc = hr_conn_exec(k->conn, "SET row_security = off;"	/* rather an error than rows left out */
			    "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY", e);
		if (rc == 0)
			rc = import(k->conn, lit, e);
	}
	free(lit);
	return rc;
}

struct hr_conn *
hr_copy_conn(struct hr_copy *y)
{
	return y->copier[0].conn;
}

int
hr_copy_run(struct hr_copy *y, const struct hr_checkpoint *have, struct hr_err *e)
{
	int i;

	y->begun = y->said = hr_now_us();
	if (hr_copy_plan(&y->plan, y->c, y->copier[0].conn, NULL, have, e) < 0)
		return -1;
	if (have)
		hr_log(HR_LOG_NOTE, "resuming the first copy: %zu of %zu parts are in", y->plan.in, y->plan.all);
	if (mark(y, HR_SNAPSHOT_BEGINS, e) < 0)
		return -1;
	for (i = 0; i < y->copiers; i++)
		if (next_part(y, &y->copier[i], e) < 0)
			return -1;
	if (run(y, e) < 0 || mark(y, HR_SNAPSHOT_ENDED, e) < 0)
		return -1;
	hr_log(HR_LOG_NOTE, "first copy done: %" PRIu64 " rows, %" PRIu64 " MB in %.1f s, at %s",
	    y->rows, y->bytes >> 20, (double)(hr_now_us() - y->begun) / 1e6, HR_LSN(y->lsn));
	return 0;
}

int
hr_copy_start(struct hr_copy *y, struct hr_err *e)
{
	int i;

	y->begun = y->said = hr_now_us();
	if (hr_copy_plan(&y->plan, y->c, y->copier[0].conn, y->tenant, NULL, e) < 0 ||
	    say_complete(y->c, e) < 0 || mark(y, HR_SNAPSHOT_BEGINS, e) < 0)
		return -1;
	for (i = 0; i < y->copiers; i++)
		if (next_part(y, &y->copier[i], e) < 0)
			return -1;
	return 0;
}

int
hr_copy_step(struct hr_copy *y, struct hr_err *e)
{
	uint64_t rows = y->rows;
	int i, busy = 0;

	for (i = 0; i < y->copiers; i++) {
		if (take(y, &y->copier[i], e) < 0)
			return -1;
		busy += y->copier[i].part != NULL;
	}
	if (busy)
		return y->rows > rows ? 2 : 1;
	if (say_complete(y->c, e) < 0 || mark(y, HR_SNAPSHOT_ENDED, e) < 0)
		return -1;
	hr_log(HR_LOG_NOTE, "tenant '%s' copied: %" PRIu64 " rows, %" PRIu64 " MB in %.1f s, at %s", y->tenant,
	    y->rows, y->bytes >> 20, (double)(hr_now_us() - y->begun) / 1e6, HR_LSN(y->lsn));
	return 0;
}

int
hr_copy_hold(struct hr_capture *c, const char *tenant, hr_lsn at, struct hr_err *e)
{
	struct hr_snapshot s = { .kind = HR_SNAPSHOT_HOLD };

	return say_complete(c, e) < 0 ? -1 : put_mark(c, tenant, &s, NULL, 0, at, e);
}

void
hr_copy_close(struct hr_copy *y)
{
	int i;

	for (i = 0; y && i < y->copiers; i++) {
		hr_conn_close(y->copier[i].conn);
		hr_emit_clear(&y->copier[i].emit);
	}
	if (y) {
		hr_copy_plan_clear(&y->plan);
		free(y->copier);
	}
	free(y);
}
