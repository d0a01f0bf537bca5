/* verify.c - connect, choose tables, compare one after the other, sum up. */

#include "base/hr.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/lsn.h"
#include "capture/ancestry.h"
#include "migrate/chunk.h"
#include "migrate/verify.h"
#include "stream/frame.h"

/*
 * What a value's text depends on is the same on both sides; conn_open has set
 * most of it.  A row that security hides would be an error, not a difference.
 */
static const char session_sql[] =
"SET search_path = pg_catalog; SET lc_monetary = 'C'; SET row_security = off; SET jit = off;"
" SET synchronous_commit = local; SET default_transaction_isolation = 'read committed';"
" SET default_transaction_deferrable = off; SET default_transaction_read_only = on";

static const char identity_sql[] =
"SELECT s.system_identifier, current_database(), c.timeline_id, extract(epoch FROM pg_postmaster_start_time())"
" FROM pg_control_system() s, pg_control_checkpoint() c";

int
hr_verify_ask(struct hr_verify *v, const struct hr_twin *w, enum hr_side side, struct hr_result **r,
    struct hr_err *e)
{
	struct hr_select *q = &v->select;

	if (hr_conn_query(v->conn[side], r, hr_buf_text(&q->sql), q->params, q->param, e) == 0)
		return 0;
	/* A value that cannot be read, such as a tenant that is no number. */
	if (e->code == HR_REFUSED)
		e->code = HR_CONFIG;
	hr_report_wipe(&v->report);
	hr_log(HR_LOG_DEBUG, "%s: %s", hr_side_name[side], hr_buf_text(&q->sql));
	return hr_within(e, "%s: cannot read '%s'", hr_side_name[side], w->name);
}

int
hr_verify_say(struct hr_verify *v, struct hr_resume_table *t, const struct hr_difference *d, struct hr_err *e)
{
	char *line;

	if (t->shown < HR_SHOWN_MAX) {
		t->shown++;
		line = hr_report_difference(&v->report, d);
		hr_report_line(&v->report, line);
		if (v->resume.path) {
			HR_GROW(t->line, t->lines, t->line_cap);
			t->line[t->lines++] = line;
		} else
			free(line);
	}
	return hr_repair_put(&v->repair, d, e);
}

/*
 * Both sides.
 */

static int
open_side(struct hr_verify *v, enum hr_side side, const char *conninfo, struct hr_err *e)
{
	struct hr_result *r;
	int version;

	if (hr_conn_open(&v->conn[side], conninfo, HR_CONN_PLAIN, e) < 0 ||
	    hr_conn_exec(v->conn[side], session_sql, e) < 0 ||
	    hr_conn_query(v->conn[side], &r, identity_sql, 0, NULL, e) < 0)
		return hr_within(e, "%s", hr_side_name[side]);
	v->system[side] = strtoull(hr_result_get(r, 0, 0), NULL, 10);
	v->database[side] = hr_strdup(hr_result_get(r, 0, 1));
	v->server[side] = hr_strdup(hr_result_get(r, 0, 3));
	if (side == HR_SOURCE)
		v->timeline = (uint32_t)strtoul(hr_result_get(r, 0, 2), NULL, 10);
	hr_result_free(r);
	version = hr_conn_server_version(v->conn[side]);
	if (version < 150000)
		return hr_fail(e, HR_CONFIG, "the %s runs PostgreSQL %d; 15 or later is needed", hr_side_name[side],
		    version / 10000);
	return 0;
}

static int
open_sides(struct hr_verify *v, struct hr_err *e)
{
	if (open_side(v, HR_SOURCE, v->o->from, e) < 0 || open_side(v, HR_TARGET, v->o->to, e) < 0)
		return -1;
	/* A physical copy has the same identifier, but was not started at the same microsecond. */
	if (v->system[0] == v->system[1] && strcmp(v->database[0], v->database[1]) == 0 &&
	    strcmp(v->server[0], v->server[1]) == 0) {
		hr_fail(e, HR_CONFIG, "source and target are the same database, '%s'", v->database[0]);
		return hr_hint(e, "do --from and --to name the right servers?");
	}
	return 0;
}

/*
 * Tables.
 */

static bool
named(const struct hr_verify *v, const char *name)
{
	size_t i;

	for (i = 0; i < v->o->tables; i++)
		if (strcmp(v->o->table[i], name) == 0)
			return true;
	return v->o->tables == 0;
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(((const struct hr_twin *)a)->name, ((const struct hr_twin *)b)->name);
}

/* One table of the publication, when it is to be compared. */
static int
choose(struct hr_verify *v, const struct hr_router *router, struct hr_source_table *t, bool *known, struct hr_err *e)
{
	char *name = hr_sprintf("%s.%s", t->relation->schema, t->relation->name);
	struct hr_twin *w = &v->twin[v->twins];
	struct hr_ancestry way;
	struct hr_route route;
	bool wanted = named(v, name);
	size_t i;

	for (i = 0; i < v->o->tables; i++)
		known[i] |= strcmp(v->o->table[i], name) == 0;
	free(name);
	if (!wanted)
		return 0;
	if (hr_route_decide(router, t->relation, false, &route, e) < 0)
		return -1;
	if (route.tenancy == HR_TENANCY_PARENT &&
	    hr_ancestry_find(&way, t->relation, router, v->o->publication, v->conn[HR_SOURCE], e) < 0)
		return -1;
	if (route.tenancy == HR_TENANCY_NONE ||
	    (route.tenant && !hr_router_selects(router, route.tenant, strlen(route.tenant)))) {
		free(route.tenant);
		return 0;
	}
	if (hr_twin_load(w, v->conn, t, e) < 0) {
		free(route.tenant);
		return -1;
	}
	w->tenancy = route.tenancy;
	w->tenant = route.tenant;
	if (w->keys == 0)
		hr_log(HR_LOG_NOTE, "table '%s' has no key: its rows are compared as a whole", w->name);
	v->twins++;
	return 0;
}

static int
choose_tables(struct hr_verify *v, struct hr_err *e)
{
	struct hr_router *router = hr_router_new(v->o->config, e);
	struct hr_source_tables s = { 0 };
	struct hr_type_names types = { 0 };
	bool *known = hr_zalloc((v->o->tables + 1) * sizeof(*known));
	size_t i;
	int rc = -1;

	if (router == NULL)
		goto out;
	if (hr_types_load(&types, v->conn[HR_SOURCE], e) < 0 ||
	    hr_source_tables(&s, v->conn[HR_SOURCE], v->o->publication, &types, e) < 0) {
		hr_within(e, "source");
		goto out;
	}
	v->twin = hr_zalloc((s.tables + 1) * sizeof(*v->twin));
	for (i = 0; i < s.tables; i++)
		if (choose(v, router, &s.table[i], known, e) < 0)
			goto out;
	for (i = 0; i < v->o->tables; i++)
		if (!known[i]) {
			hr_fail(e, HR_CONFIG, "table '%s' is not in publication '%s'", v->o->table[i], v->o->publication);
			hr_hint(e, "give it as SCHEMA.NAME");
			goto out;
		}
	/* Nothing is not equal to nothing: somebody has misspelt a name. */
	if (v->twins == 0) {
		hr_fail(e, HR_CONFIG, "there is no table to compare");
		hr_hint(e, "look at the publication, --table and --tenant");
		goto out;
	}
	qsort(v->twin, v->twins, sizeof(*v->twin), by_name);
	rc = 0;
out:
	hr_source_tables_clear(&s);
	hr_types_clear(&types);
	hr_router_free(router);
	free(known);
	return rc;
}

/*
 * The beginning.
 */

static json_t *
sorted(char *const *word, size_t n)
{
	json_t *a = json_array();
	size_t i, k;

	for (i = 0; i < n; i++) {
		for (k = 0; k < json_array_size(a) && strcmp(json_string_value(json_array_get(a, k)), word[i]) < 0; k++)
			;
		json_array_insert_new(a, k, json_string(word[i]));
	}
	return a;
}

static void
set_text(json_t *o, const char *name, const char *text)
{
	if (text)
		json_object_set_new(o, name, json_string(text));
}

static json_t *
place(const struct hr_verify *v, enum hr_side side)
{
	char number[24];
	json_t *o = json_object();

	snprintf(number, sizeof(number), "%" PRIu64, v->system[side]);
	set_text(o, "system", number);
	set_text(o, "database", v->database[side]);
	return o;
}

/* What is verified: what a state file is good for.  Gives. */
static char *
command(const struct hr_verify *v)
{
	const struct hr_config *c = v->o->config;
	json_t *o = json_object();
	char *text;
	size_t i;

	json_object_set_new(o, "from", place(v, HR_SOURCE));
	json_object_set_new(o, "to", place(v, HR_TARGET));
	set_text(o, "publication", v->o->publication);
	set_text(o, "stream", v->o->stream);
	set_text(o, "column", c->tenancy.column);
	set_text(o, "schema", c->tenancy.schema);
	set_text(o, "tenant", c->tenancy.database);
	json_object_set_new(o, "null_tenant", json_integer(c->tenancy.null_tenant));
	for (i = 0; i < c->tables; i++) {
		json_t *t = json_object();

		json_object_set_new(t, "tenancy", json_integer(c->table[i].tenancy));
		set_text(t, "column", c->table[i].column);
		json_object_set_new(o, c->table[i].table, t);
	}
	json_object_set_new(o, "tenants", sorted(c->tenant, c->tenants));
	json_object_set_new(o, "tables", sorted(v->o->table, v->o->tables));
	json_object_set_new(o, "json", json_boolean(v->o->json));
	set_text(o, "repair", v->o->repair);
	text = json_dumps(o, JSON_COMPACT | JSON_SORT_KEYS);
	json_decref(o);
	return text ? text : hr_strdup("");
}

static void
choose_tenants(struct hr_verify *v)
{
	const struct hr_config *c = v->o->config;

	v->scope.null_tenant = c->tenancy.null_tenant;
	if (c->tenants == 1)
		v->scope.tenant = c->tenant[0];
	else if (c->tenants)
		v->scope.list = v->list = hr_quote_array(c->tenant, c->tenants);
}

static int
begin(struct hr_verify *v, struct hr_err *e)
{
	int resumed;

	v->report.json = v->o->json;
	v->report.progress = isatty(STDERR_FILENO);
	v->resume.path = v->o->state;
	choose_tenants(v);
	if (open_sides(v, e) < 0 || choose_tables(v, e) < 0)
		return -1;
	v->reach = (struct hr_reach){
		.source = v->conn[HR_SOURCE], .target = v->conn[HR_TARGET], .stream = v->o->stream,
		.tenant = v->o->config->tenant, .tenants = v->o->config->tenants, .timeout_us = v->o->timeout_us,
	};
	if (hr_reach_open(&v->reach, e) < 0)
		return -1;
	v->resume.command = command(v);
	if ((resumed = hr_resume_load(&v->resume, e)) < 0)
		return -1;
	if (!resumed && hr_reach_now(&v->reach, &v->resume.lsn, e) < 0)
		return -1;
	if (hr_repair_open(&v->repair, v->o->repair, resumed, v->resume.repair_bytes, e) < 0)
		return -1;
	if (resumed)
		hr_log(HR_LOG_NOTE, "going on with what began at %s", HR_LSN(v->resume.lsn));
	return hr_resume_save(&v->resume, e);
}

/*
 * The end.
 */

/* Where earlier repairs have brought the target; 0: there was none. */
static int
repaired(struct hr_verify *v, const char *stream, hr_lsn *lsn, struct hr_err *e)
{
	struct hr_param p = HR_PARAM_TEXT(stream);
	struct hr_result *r;
	bool books;

	*lsn = 0;
	if (hr_conn_query(v->conn[HR_TARGET], &r, "SELECT to_regclass('hr.progress')", 0, NULL, e) < 0)
		return hr_within(e, "target");
	books = hr_result_get(r, 0, 0) != NULL;
	hr_result_free(r);
	if (!books)
		return 0;
	if (hr_conn_query(v->conn[HR_TARGET], &r, "SELECT max(lsn) FROM hr.progress WHERE stream = $1", 1, &p, e) < 0)
		return hr_within(e, "target");
	if (hr_result_get(r, 0, 0) == NULL || hr_lsn_parse(hr_result_get(r, 0, 0), lsn) < 0)
		*lsn = 0;
	hr_result_free(r);
	return 0;
}

/* What made the stream, for eyes.  Gives. */
static char *
via(const struct hr_verify *v)
{
	const struct hr_config *c = v->o->config;
	struct hr_buf b = HR_BUF_INIT;
	size_t i;

	hr_buf_puts(&b, "hr-migrate " HR_VERSION " verify");
	for (i = 0; i < c->tenants; i++)
		hr_buf_printf(&b, " --tenant %s", c->tenant[i]);
	hr_buf_text(&b);
	return (char *)hr_buf_take(&b, NULL);
}

static int
write_repair(struct hr_verify *v, struct hr_err *e)
{
	char created[HR_TIME_TEXT], *line = via(v);
	char *slot = v->o->stream ? hr_sprintf("%s_repair", v->o->stream) : hr_strdup("repair");
	hr_lsn lsn = v->resume.lsn, before;
	struct hr_head h = {
		.version = HR_STREAM_VERSION, .system = v->system[HR_SOURCE], .timeline = v->timeline,
		.database = v->database[HR_SOURCE], .slot = slot, .publication = (char *)v->o->publication,
		.epoch = 1, .server_version = hr_conn_server_version(v->conn[HR_SOURCE]),
		.encoding = (char *)"UTF8", .created = hr_time_format(created, hr_now_pg_us()),
		.via = &line, .vias = 1,
	};
	int rc = repaired(v, slot, &before, e);

	/* It goes on from the repair before it, and is new to the target. */
	h.start = before ? before : lsn;
	h.timeline_begin = h.timeline > 1 ? h.start : 0;
	if (before > lsn)
		lsn = before;
	if (rc == 0)
		rc = hr_repair_write(&v->repair, &h, lsn, v->twin, v->twins, e);
	free(slot);
	free(line);
	return rc;
}

static int
finish(struct hr_verify *v, bool *equal, struct hr_err *e)
{
	struct hr_count all = { 0 };
	size_t i;

	for (i = 0; i < v->twins; i++) {
		const struct hr_count *n = &hr_resume_table(&v->resume, v->twin[i].name)->count;

		all.rows += n->rows;
		all.chunks += n->chunks;
		all.differing += n->differing;
	}
	if (v->o->repair && write_repair(v, e) < 0)
		return -1;
	if (hr_resume_remove(&v->resume, e) < 0)
		return -1;
	hr_report_summary(&v->report, v->resume.lsn, v->twins, &all);
	*equal = all.differing == 0;
	return 0;
}

/* What a run before this one has found of a table. */
static void
say_again(struct hr_verify *v, const struct hr_resume_table *t)
{
	size_t i;

	for (i = 0; i < t->lines; i++)
		hr_report_line(&v->report, t->line[i]);
}

static int
compare(struct hr_verify *v, struct hr_err *e)
{
	size_t i;

	for (i = 0; i < v->twins; i++) {
		struct hr_resume_table *t = hr_resume_table(&v->resume, v->twin[i].name);

		say_again(v, t);
		if (!t->ended && hr_chunks_compare(v, &v->twin[i], e) < 0)
			return -1;
		hr_report_table(&v->report, t->name, &t->count);
	}
	return 0;
}

static void
clear(struct hr_verify *v)
{
	size_t i;

	hr_report_wipe(&v->report);
	for (i = 0; i < v->twins; i++)
		hr_twin_clear(&v->twin[i]);
	free(v->twin);
	/* What nobody will go on with. */
	if (v->repair.part && v->o->state == NULL)
		unlink(v->repair.part);
	hr_resume_clear(&v->resume);
	hr_repair_close(&v->repair);
	hr_select_clear(&v->select);
	for (i = 0; i < 2; i++) {
		hr_conn_close(v->conn[i]);
		free(v->database[i]);
		free(v->server[i]);
	}
	free(v->list);
}

int
hr_verify(const struct hr_verify_options *o, bool *equal, struct hr_err *e)
{
	struct hr_verify v = { .o = o, .repair = { .fd = -1 }, .select = HR_SELECT_INIT };
	int rc = -1;

	*equal = false;
	if (begin(&v, e) == 0 && compare(&v, e) == 0)
		rc = finish(&v, equal, e);
	clear(&v);
	return rc;
}
