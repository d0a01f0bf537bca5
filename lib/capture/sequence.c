/* sequence.c - which sequences there are, whose they are, what they say. */

#include "base/hr.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "capture/capture.h"
#include "capture/published.h"
#include "stream/mark.h"

#define LOOK_US		1000000		/* between looks at the values */
#define LIST_US		10000000	/* between looks at which there are */
#define AT_A_TIME	200		/* sequences of one statement */

struct hr_sequence_said {
	char *schema, *name;
	struct hr_out *out;		/* NULL: nobody's */
	bool said, is_called;
	int64_t last_value;
};

static void
said_free(void *p)
{
	struct hr_sequence_said *q = p;

	free(q->schema);
	free(q->name);
	free(q);
}

void
hr_sequences_clear(struct hr_sequences *s)
{
	hr_map_clear(&s->map, said_free);
	free(s->list);
	*s = (struct hr_sequences){ 0 };
}

/*
 * Those that published tables own or take values from; all of a schema that is
 * published, all where all tables are.  With the table, for its tenancy.
 */
static const char list_sql[] =
    HR_PUBLISHED ", t AS (SELECT DISTINCT rel AS oid FROM v),"
    " u AS (SELECT d.objid AS seq, d.refobjid AS tab FROM pg_catalog.pg_depend d"
    "  WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.deptype IN ('a', 'i')"
    "  AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjsubid > 0"
    "  UNION SELECT d.refobjid, a.adrelid FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_attrdef a ON a.oid = d.objid"
    "  WHERE d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass"
    "  AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass)"
    " SELECT n.nspname, c.relname, pg_catalog.has_sequence_privilege(c.oid, 'SELECT'),"
    " (SELECT min(u.tab::pg_catalog.int8) FROM u JOIN t ON t.oid = u.tab WHERE u.seq = c.oid)"
    " FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
    " WHERE c.relkind = 'S' AND c.relpersistence = 'p'"
    " AND n.nspname <> ALL (ARRAY['hr', 'pg_catalog', 'information_schema', 'pg_toast'])"
    " AND (EXISTS (SELECT 1 FROM p WHERE puballtables)"
    "  OR n.oid IN (SELECT pnnspid FROM pg_catalog.pg_publication_namespace WHERE pnpubid IN (SELECT oid FROM p))"
    "  OR c.oid IN (SELECT u.seq FROM u JOIN t ON t.oid = u.tab))"
    " ORDER BY 1, 2";

/* Its tenant is that of its table, or that of its schema, or everybody. */
static struct hr_out *
owner(struct hr_capture *c, const char *schema, const char *name, uint32_t table)
{
	struct hr_relation alone = { .schema = (char *)schema, .name = (char *)name, .identity = 'd' }, *rel = &alone;
	struct hr_err ignored = HR_ERR_INIT;
	struct hr_out *out = &c->emit.all;
	struct hr_route route;
	const struct hr_source_table *t = hr_source_tables_get(&c->tables, table);

	if (t)
		rel = t->relation;
	if (hr_route_decide(c->router, rel, false, &route, &ignored) < 0)
		return out;
	if (route.tenancy == HR_TENANCY_NONE)
		out = NULL;
	else if (route.tenant) {
		out = hr_emit_tenant(&c->emit, route.tenant, strlen(route.tenant));
		if (!out->selected)
			out = NULL;
	}
	free(route.tenant);
	return out;
}

static void
add(struct hr_capture *c, const char *schema, const char *name, bool readable, uint32_t table)
{
	struct hr_sequences *s = &c->sequences;
	struct hr_buf key = HR_BUF_INIT;
	struct hr_sequence_said *q;
	void **at;

	hr_buf_put(&key, schema, strlen(schema) + 1);
	hr_buf_put(&key, name, strlen(name));
	at = hr_map_at(&s->map, key.data, key.len);
	hr_buf_clear(&key);
	if ((q = *at) == NULL) {
		q = *at = hr_zalloc(sizeof(*q));
		q->schema = hr_strdup(schema);
		q->name = hr_strdup(name);
		q->out = owner(c, schema, name, table);
		if (q->out && !readable)
			hr_log(HR_LOG_WARNING, "sequence '%s.%s' cannot be read and is left out; "
			    "GRANT SELECT on it to this role", schema, name);
	}
	if (q->out == NULL || !readable)
		return;
	HR_GROW(s->list, s->count, s->cap);
	s->list[s->count++] = q;
}

static int
list(struct hr_capture *c, struct hr_err *e)
{
	const struct hr_param p = HR_PARAM_TEXT(c->o->publication);
	struct hr_result *r;
	int i;

	if (hr_conn_query(c->sql, &r, list_sql, 1, &p, e) < 0)
		return -1;
	c->sequences.count = 0;
	for (i = 0; i < hr_result_rows(r); i++) {
		const char *table = hr_result_get(r, i, 3);

		add(c, hr_result_get(r, i, 0), hr_result_get(r, i, 1), hr_result_get(r, i, 2)[0] == 't',
		    table ? (uint32_t)strtoul(table, NULL, 10) : 0);
	}
	hr_result_free(r);
	c->sequences.listed_at = hr_now_us();
	return 0;
}

static int
say(struct hr_capture *c, struct hr_sequence_said *q, int64_t value, bool called, struct hr_err *e)
{
	struct hr_sequence v = { q->schema, q->name, value, called };
	struct hr_buf b = HR_BUF_INIT;
	struct hr_frame f = {
		.type = HR_FRAME_SEQUENCE, .flags = (uint8_t)(HR_MUST | (q->out->all ? HR_ALL : 0)),
		.tenant_len = q->out->len, .tenant = q->out->all ? "" : q->out->name, .lsn = c->emit.complete,
	};
	int rc;

	if (q->said && q->last_value == value && q->is_called == called)
		return 0;
	hr_sequence_encode(&v, &b);
	f.data = b.data;
	f.len = (uint32_t)b.len;
	rc = hr_write(&c->writer, &f, e);
	hr_buf_clear(&b);
	q->said = true;
	q->last_value = value;
	q->is_called = called;
	return rc;
}

/* The values of some of them in one statement. */
static int
read_values(struct hr_capture *c, size_t from, size_t to, struct hr_result **r, struct hr_err *e)
{
	struct hr_buf sql = HR_BUF_INIT;
	size_t i;
	int rc;

	for (i = from; i < to; i++) {
		const struct hr_sequence_said *q = c->sequences.list[i];
		char *name = hr_quote_table(q->schema, q->name);

		hr_buf_printf(&sql, "%sSELECT %zu AS i, last_value, is_called FROM %s", i > from ? " UNION ALL " : "", i, name);
		free(name);
	}
	rc = hr_conn_query(c->sql, r, hr_buf_text(&sql), 0, NULL, e);
	hr_buf_clear(&sql);
	return rc;
}

/* Ask for all; what is written to the stream is known by *wrote. */
static int
look(struct hr_capture *c, bool *wrote, struct hr_err *e)
{
	struct hr_sequences *s = &c->sequences;
	size_t from, to;
	int i, rc = 0;

	for (from = 0; from < s->count && rc == 0; from = to) {
		struct hr_result *r;

		to = s->count - from < AT_A_TIME ? s->count : from + AT_A_TIME;
		if (read_values(c, from, to, &r, e) < 0)
			return -1;
		*wrote = true;		/* from here on an error is the stream's */
		for (i = 0; i < hr_result_rows(r) && rc == 0; i++)
			rc = say(c, s->list[strtoul(hr_result_get(r, i, 0), NULL, 10)],
			    strtoll(hr_result_get(r, i, 1), NULL, 10), hr_result_get(r, i, 2)[0] == 't', e);
		hr_result_free(r);
		if (rc == 0)
			*wrote = false;
	}
	return rc;
}

int
hr_capture_sequences(struct hr_capture *c, bool now, struct hr_err *e)
{
	struct hr_sequences *s = &c->sequences;
	int64_t at = hr_now_us();
	bool wrote = false;
	int tries;

	if (!now && (at - s->looked_at < LOOK_US || c->received == s->received))
		return 0;
	s->looked_at = at;
	s->received = c->received;
	/* One that was dropped, or a connection that was lost: once more. */
	for (tries = 0; tries < 2; tries++) {
		bool stale = now || tries || at - s->listed_at > LIST_US;

		hr_err_clear(e);
		if (hr_capture_sql(c, e) == 0 && (!stale || list(c, e) == 0) && look(c, &wrote, e) == 0)
			return 0;
		if (wrote)
			return -1;
	}
	e->sqlstate[0] = '\0';		/* it is not the stream's connection */
	hr_within(e, "cannot read the sequences");
	if (now)
		return -1;
	hr_log_err(HR_LOG_WARNING, e);
	hr_err_clear(e);
	return 0;
}
