/* part.c - cut tables into parts. */

#include "base/hr.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "capture/part.h"

#define PARTS_EACH	16		/* of a table, for each connection */
#define PART_LEAST	1024		/* pages; and */
#define PART_MOST	8192

static int
by_from(const void *a, const void *b)
{
	uint32_t x = ((const struct hr_copied_part *)a)->from, y = ((const struct hr_copied_part *)b)->from;

	return x < y ? -1 : x > y;
}

/* From here up to there, or up to the end (0). */
static void
cut(int64_t from, int64_t to, bool in, int64_t pages, int64_t size,
    void (*add)(void *, uint32_t, uint32_t, bool), void *arg)
{
	int64_t end = to;

	if (to == 0)
		end = pages;
	if (end <= from)
		end = from + 1;
	while (end - from > size) {
		add(arg, (uint32_t)from, (uint32_t)(from + size), in);
		from += size;
	}
	add(arg, (uint32_t)from, (uint32_t)to, in);
}

void
hr_copy_cut(const struct hr_copied_part *have, size_t n, int64_t pages, int64_t size,
    void (*add)(void *arg, uint32_t from, uint32_t to, bool in), void *arg)
{
	struct hr_copied_part *h = hr_alloc((n + 1) * sizeof(*h));
	int64_t at = 0;
	size_t i;

	if (n)
		memcpy(h, have, n * sizeof(*h));
	qsort(h, n, sizeof(*h), by_from);
	for (i = 0; i < n && at >= 0; i++) {
		if (h[i].to && h[i].to <= at)
			continue;
		if (h[i].from > at)
			cut(at, h[i].from, false, pages, size, add, arg);
		else
			h[i].from = (uint32_t)at;
		cut(h[i].from, h[i].to, true, pages, size, add, arg);
		at = h[i].to ? (int64_t)h[i].to : -1;
	}
	if (at >= 0)
		cut(at, 0, false, pages, size, add, arg);
	free(h);
}

/* The last ones of a table should end together, however many connections there are. */
static int64_t
part_size(const struct hr_capture *c, int64_t pages)
{
	int64_t size = pages / (PARTS_EACH * c->o->jobs);

	if (c->o->part_pages)
		return c->o->part_pages;
	return size < PART_LEAST ? PART_LEAST : size > PART_MOST ? PART_MOST : size;
}

static struct hr_copy_part *
add_part(struct hr_copy_plan *p, const struct hr_source_table *t, struct hr_route *route)
{
	HR_GROW(p->part, p->parts, p->part_cap);
	p->part[p->parts] = (struct hr_copy_part){ .table = t, .route = route };
	p->part[p->parts].part.relation = t->relation->id;
	return &p->part[p->parts++];
}

/* One file of a table, while it is cut. */
struct file {
	struct hr_copy_plan *plan;
	const struct hr_source_table *table;
	struct hr_route *route;
	uint32_t of, filenode;
	const char *name;
	int64_t pages;
};

static void
add_range(void *arg, uint32_t from, uint32_t to, bool in)
{
	struct file *f = arg;
	struct hr_copy_part *p = add_part(f->plan, f->table, f->route);

	p->part.of = f->of;
	p->part.filenode = f->filenode;
	p->part.from = from;
	p->part.to = to;
	p->part.in = in;
	p->of = hr_strdup(f->name);
	p->pages = (to ? (int64_t)to : f->pages) - (int64_t)from;
	if (p->pages < 0)
		p->pages = 0;
}

/* What the target has of a table; *whole: all of it.  Gives. */
static struct hr_copied_part *
parts_of(const struct hr_checkpoint *have, uint32_t relation, size_t *n, bool *whole)
{
	struct hr_copied_part *list = NULL;
	size_t i, cap = 0;

	*n = 0;
	*whole = false;
	for (i = 0; have && i < have->parts; i++) {
		if (have->part[i].relation != relation)
			continue;
		*whole |= have->part[i].of == 0;
		HR_GROW(list, *n, cap);
		list[(*n)++] = have->part[i];
	}
	return list;
}

/*
 * A table's files: its own, or those of its partitions when all of them may be
 * read by themselves.  The lock keeps them as they are until the copy is over.
 */
#define FILES \
	"SELECT t.relid::oid, pg_catalog.pg_relation_filenode(t.relid)," \
	" pg_catalog.pg_relation_size(t.relid) / pg_catalog.current_setting('block_size')::bigint," \
	" pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname)," \
	" c.relkind = 'r' AND pg_catalog.has_table_privilege(t.relid, 'SELECT')" \
	" AND NOT (SELECT relrowsecurity FROM pg_catalog.pg_class WHERE oid = %" PRIu32 ")" \
	" FROM (SELECT relid FROM pg_catalog.pg_partition_tree(%" PRIu32 ") WHERE isleaf" \
	"  UNION SELECT %" PRIu32 "::pg_catalog.regclass WHERE NOT EXISTS" \
	"  (SELECT 1 FROM pg_catalog.pg_class WHERE oid = %" PRIu32 " AND relkind = 'p')) t" \
	" JOIN pg_catalog.pg_class c ON c.oid = t.relid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace" \
	" ORDER BY 3 DESC, 1"

static int
plan_files(struct hr_copy_plan *p, struct hr_capture *c, struct hr_conn *conn, const struct hr_source_table *t,
    struct hr_route *route, const struct hr_copied_part *have, size_t n, struct hr_err *e)
{
	char *name = hr_quote_table(t->relation->schema, t->relation->name), *sql;
	uint32_t id = t->relation->id;
	struct hr_result *r;
	bool apart = true;
	int64_t pages = 0;
	int i, rc;

	rc = hr_conn_execf(conn, e, "LOCK TABLE %s%s IN ACCESS SHARE MODE", t->kind == 'p' ? "" : "ONLY ", name);
	free(name);
	if (rc < 0)
		return -1;
	sql = hr_sprintf(FILES, id, id, id, id);
	rc = hr_conn_query(conn, &r, sql, 0, NULL, e);
	free(sql);
	if (rc < 0)
		return -1;
	for (i = 0; i < hr_result_rows(r); i++) {
		apart &= hr_result_get(r, i, 4)[0] == 't' || t->kind != 'p';
		pages += strtoll(hr_result_get(r, i, 2), NULL, 10);
	}
	if (t->kind == 'p' && (!apart || hr_result_rows(r) == 0)) {
		add_part(p, t, route)->pages = pages;
		hr_result_free(r);
		return 0;
	}
	for (i = 0; i < hr_result_rows(r); i++) {
		struct hr_copied_part *same = hr_alloc((n + 1) * sizeof(*same));
		struct file f = { .plan = p, .table = t, .route = route };
		size_t k, sames = 0;

		f.of = (uint32_t)strtoul(hr_result_get(r, i, 0), NULL, 10);
		if (hr_result_get(r, i, 1))
			f.filenode = (uint32_t)strtoul(hr_result_get(r, i, 1), NULL, 10);
		f.pages = strtoll(hr_result_get(r, i, 2), NULL, 10);
		f.name = t->kind == 'p' ? hr_result_get(r, i, 3) : NULL;
		for (k = 0; k < n; k++)
			if (have[k].of == f.of && have[k].filenode == f.filenode)
				same[sames++] = have[k];
		hr_copy_cut(same, sames, f.pages, part_size(c, t->pages), add_range, &f);
		free(same);
	}
	hr_result_free(r);
	return 0;
}

static int
largest_first(const void *a, const void *b)
{
	int64_t x = ((const struct hr_source_table *)a)->pages, y = ((const struct hr_source_table *)b)->pages;

	return x > y ? -1 : x < y;
}

/* Pages as they are, not as they were when the table was last analyzed. */
static int
measure(struct hr_source_tables *s, struct hr_conn *conn, struct hr_err *e)
{
	struct hr_buf list = HR_BUF_INIT;
	struct hr_param p;
	struct hr_result *r;
	size_t i, k = 0;
	int row, rc;

	hr_buf_puts(&list, "{");
	for (i = 0; i < s->tables; i++)
		hr_buf_printf(&list, "%s%" PRIu32, i ? "," : "", s->table[i].relation->id);
	hr_buf_puts(&list, "}");
	p = (struct hr_param){ .data = hr_buf_text(&list) };
	rc = hr_conn_query(conn, &r, "SELECT (SELECT pg_catalog.sum(pg_catalog.pg_relation_size(relid))"
	    " FROM (SELECT relid FROM pg_catalog.pg_partition_tree(o) UNION SELECT o::pg_catalog.regclass) t)"
	    " / pg_catalog.current_setting('block_size')::bigint"
	    " FROM pg_catalog.unnest($1::oid[]) WITH ORDINALITY u(o, n) ORDER BY n", 1, &p, e);
	hr_buf_clear(&list);
	if (rc < 0)
		return -1;
	/* A table that went meanwhile has no size. */
	for (row = 0; row < hr_result_rows(r); row++, k++)
		s->table[k].pages = hr_result_get(r, row, 0) ? strtoll(hr_result_get(r, row, 0), NULL, 10) : 0;
	hr_result_free(r);
	qsort(s->table, s->tables, sizeof(*s->table), largest_first);
	return 0;
}

static int
plan_table(struct hr_copy_plan *p, struct hr_capture *c, struct hr_conn *conn, const struct hr_source_table *t,
    struct hr_route *route, const struct hr_checkpoint *have, struct hr_err *e)
{
	struct hr_copied_part *parts;
	bool whole;
	size_t n;
	int rc = 0;

	parts = parts_of(have, t->relation->id, &n, &whole);
	if (whole) {
		struct hr_copy_part *all = add_part(p, t, route);

		all->part.in = true;
		all->pages = t->pages;
	} else if (t->pages > part_size(c, t->pages) || n)
		rc = plan_files(p, c, conn, t, route, parts, n, e);
	else
		add_part(p, t, route)->pages = t->pages;
	free(parts);
	return rc;
}

int
hr_copy_plan(struct hr_copy_plan *p, struct hr_capture *c, struct hr_conn *conn, const char *tenant,
    const struct hr_checkpoint *have, struct hr_err *e)
{
	size_t i;

	*p = (struct hr_copy_plan){ 0 };
	if (measure(&c->tables, conn, e) < 0)
		return -1;
	for (i = 0; i < c->tables.tables; i++) {
		struct hr_source_table *t = &c->tables.table[i];
		struct hr_route *route;
		struct hr_relation *rel;

		if ((rel = hr_relation_copy(t->relation, e)) == NULL || hr_capture_relation(c, rel, &route, e) < 0)
			return -1;
		if (route->refused) {
			*e = *route->refused;
			return -1;
		}
		if (route->tenancy == HR_TENANCY_NONE ||
		    (route->out && !((struct hr_out *)route->out)->selected))
			continue;
		if (tenant && (route->tenancy == HR_TENANCY_SHARED || (route->tenant && strcmp(route->tenant, tenant) != 0)))
			continue;
		if (plan_table(p, c, conn, t, route, have, e) < 0)
			return -1;
	}
	for (i = 0; i < p->parts; i++) {
		int64_t size = part_size(c, p->part[i].pages), n = p->part[i].part.of ? 1 : (p->part[i].pages + size - 1) / size;

		n = n > 0 && p->part[i].part.in ? n : 1;
		p->all += (size_t)n;
		if (p->part[i].part.in)
			p->in += (size_t)n;
		else
			p->pages += p->part[i].pages;
	}
	return 0;
}

void
hr_copy_plan_clear(struct hr_copy_plan *p)
{
	size_t i;

	for (i = 0; i < p->parts; i++)
		free(p->part[i].of);
	free(p->part);
	*p = (struct hr_copy_plan){ 0 };
}
