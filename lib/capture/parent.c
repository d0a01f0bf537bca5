/* parent.c - links, what they remember, and questions to the source. */

#include "base/hr.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "capture/capture.h"
#include "capture/descend.h"
#include "capture/parent.h"
#include "stream/value.h"

#define MEMORY_BYTES	((size_t)32 << 20)	/* of what was seen lately; as much again is kept longer */
#define ENTRY_BYTES	160			/* about what one costs beside its text */
#define AHEAD		"200"			/* rows that are read with one that is asked for */

/* What a row leads to: the texts of the link's value columns, each with its NUL. */
struct entry {
	bool null;		/* one of them is NULL */
	bool gone;		/* deleted, and nothing says what it led to */
	bool asked;		/* of the source: as of then */
	uint32_t len;
	char text[];
};

static struct entry *
entry_new(const void *text, size_t len, bool null)
{
	struct entry *x = hr_alloc(sizeof(*x) + len);

	*x = (struct entry){ .null = null, .len = (uint32_t)len };
	if (len)
		memcpy(x->text, text, len);
	return x;
}

static struct entry *
entry_copy(const struct entry *x)
{
	struct entry *copy = entry_new(x->text, x->len, x->null);

	copy->gone = x->gone;
	copy->asked = x->asked;
	return copy;
}

/* What is old goes, what is young gets old. */
static void
age(struct hr_parents *p)
{
	size_t i;

	for (i = 0; i < p->links; i++) {
		hr_map_clear(&p->link[i]->old, free);
		p->link[i]->old = p->link[i]->young;
		p->link[i]->young = (struct hr_map){ 0 };
	}
	p->bytes = 0;
}

/* Takes x over. */
static struct entry *
put(struct hr_parents *p, struct hr_link *l, const void *key, size_t len, struct entry *x)
{
	void **at;

	if (p->bytes > (p->max_bytes ? p->max_bytes : MEMORY_BYTES))
		age(p);
	at = hr_map_at(&l->young, key, len);
	if (*at == NULL)
		p->bytes += ENTRY_BYTES + len;
	else
		p->bytes -= ((struct entry *)*at)->len;
	free(*at);
	*at = x;
	p->bytes += x->len;
	return x;
}

static struct entry *
get(struct hr_parents *p, struct hr_link *l, const void *key, size_t len)
{
	struct entry *x = hr_map_get(&l->young, key, len);

	if (x || (x = hr_map_get(&l->old, key, len)) == NULL)
		return x;
	return put(p, l, key, len, entry_copy(x));
}

/*
 * Making links.
 */

static bool
same_names(char *const *a, int n, char *const *b, int m)
{
	int i;

	if (n != m)
		return false;
	for (i = 0; i < n; i++)
		if (strcmp(a[i], b[i]) != 0)
			return false;
	return true;
}

static char **
copy_names(char *const *name, int n)
{
	char **copy = hr_zalloc((size_t)n * sizeof(*copy));
	int i;

	for (i = 0; i < n; i++)
		copy[i] = hr_strdup(name[i]);
	return copy;
}

static void
free_names(char **name, int n)
{
	while (n-- > 0)
		free(name[n]);
	free(name);
}

/* The link that step number i of a way leads to, and all behind it. */
static struct hr_link *
link_of(struct hr_parents *p, const struct hr_relation *rel, const struct hr_ancestry *a, int i)
{
	const struct hr_step *s = &rel->step[i];
	struct hr_link *next = i + 1 < rel->steps ? link_of(p, rel, a, i + 1) : NULL, *l;
	char *const *value = next ? rel->step[i + 1].from : &rel->tenant_name;
	int values = next ? rel->step[i + 1].columns : 1;
	size_t k;

	for (k = 0; k < p->links; k++) {
		l = p->link[k];
		if (l->table == a->step[i].table && l->next == next && same_names(l->key, l->keys, s->to, s->columns) &&
		    same_names(l->value, l->values, value, values)) {
			/* It may have another name by now. */
			free(l->schema);
			free(l->name);
			l->schema = hr_strdup(s->schema);
			l->name = hr_strdup(s->name);
			return l;
		}
	}
	l = hr_zalloc(sizeof(*l));
	*l = (struct hr_link){
		.id = (uint32_t)p->links, .table = a->step[i].table, .kind = a->step[i].kind,
		.schema = hr_strdup(s->schema), .name = hr_strdup(s->name), .next = next,
		.keys = s->columns, .key = copy_names(s->to, s->columns),
		.values = values, .value = copy_names(value, values), .tenant_type = a->tenant_type,
	};
	HR_GROW(p->link, p->links, p->link_cap);
	p->link[p->links++] = l;
	return l;
}

static int
missing(const struct hr_relation *rel, const char *column, struct hr_err *e)
{
	hr_fail(e, HR_CONFIG, "cannot route '%s.%s': column '%s', by which a tenant is found, is not published", rel->schema,
	    rel->name, column);
	return hr_hint(e, "add it to the publication's list of columns");
}

int
hr_parents_route(struct hr_capture *c, struct hr_route *route, struct hr_err *e)
{
	struct hr_parents *p = &c->parents;
	struct hr_relation *rel = route->relation;
	struct hr_ancestry a;
	size_t before = p->links, i;
	int k;

	if (hr_capture_sql(c, e) < 0 ||
	    hr_ancestry_find(&a, rel, c->router, c->o->publication, c->sql, e) < 0) {
		/* Not the stream's connection. */
		e->sqlstate[0] = '\0';
		return -1;
	}
	route->link = link_of(p, rel, &a, 0);
	route->way = hr_memdup(&a, sizeof(a));
	route->fk = hr_zalloc((size_t)rel->step[0].columns * sizeof(*route->fk));
	route->identity_has_tenant = true;
	for (k = 0; k < rel->step[0].columns; k++) {
		if ((route->fk[k] = hr_relation_column(rel, rel->step[0].from[k])) < 0)
			return missing(rel, rel->step[0].from[k], e);
		route->identity_has_tenant &= rel->column[route->fk[k]].key;
	}
	/* Tables met before feed the new links from now on. */
	for (i = 0; p->links > before && i < c->routes.map.slots; i++)
		if (c->routes.map.slot[i].value && hr_parents_connect(c, c->routes.map.slot[i].value, e) < 0)
			return -1;
	return 0;
}

/* The table itself, and what it is a partition of. */
static int
ancestors(struct hr_capture *c, uint32_t table, struct hr_result **r, struct hr_err *e)
{
	char text[16];
	struct hr_param p = { .data = text };

	snprintf(text, sizeof(text), "%" PRIu32, table);
	if (hr_capture_sql(c, e) < 0 || hr_conn_query(c->sql, r,
	    "SELECT relid::oid FROM pg_catalog.pg_partition_ancestors($1::oid::regclass)", 1, &p, e) < 0) {
		e->sqlstate[0] = '\0';
		return -1;
	}
	return 0;
}

static bool
is_among(const struct hr_result *r, uint32_t table)
{
	int i;

	for (i = 0; r && i < hr_result_rows(r); i++)
		if (strtoul(hr_result_get(r, i, 0), NULL, 10) == table)
			return true;
	return false;
}

int
hr_parents_connect(struct hr_capture *c, struct hr_route *route, struct hr_err *e)
{
	struct hr_parents *p = &c->parents;
	struct hr_relation *rel = route->relation;
	struct hr_result *above = NULL;
	const char *lacks = NULL;
	bool partitioned = false;
	size_t i;
	int k;

	free(route->feed);
	route->feed = NULL;
	route->feeds = 0;
	for (i = 0; i < p->links; i++)
		partitioned |= p->link[i]->kind == 'p';
	if (partitioned && ancestors(c, rel->id, &above, e) < 0)
		return -1;
	for (i = 0; i < p->links && lacks == NULL; i++) {
		struct hr_link *l = p->link[i];
		struct hr_feed f = { .link = l };

		if (l->table != rel->id && !is_among(above, l->table))
			continue;
		for (k = 0; k < l->keys; k++)
			if ((f.key[k] = hr_relation_column(rel, l->key[k])) < 0)
				lacks = l->key[k];
		for (k = 0; k < l->values; k++)
			if ((f.value[k] = hr_relation_column(rel, l->value[k])) < 0)
				lacks = l->value[k];
		route->feed = hr_realloc(route->feed, route->feeds + 1, sizeof(f));
		route->feed[route->feeds++] = f;
	}
	hr_result_free(above);
	if (lacks == NULL)
		return 0;
	route->feeds = 0;
	return missing(rel, lacks, e);
}

/*
 * Keys and values, as texts.
 */

/* 1: it is there, 0: NULL, -1: this tuple does not have it. */
static int
put_text(struct hr_buf *out, const struct hr_relation *rel, int column, const struct hr_cur *tuple)
{
	struct hr_pgo_value v;
	struct hr_value x;

	if (tuple == NULL || hr_pgo_value(tuple, column, &v) < 0 || v.kind == 'u')
		return -1;
	if (v.kind == 'n')
		return 0;
	x = (struct hr_value){ v.data, (int32_t)v.len, v.kind == 't' };
	if (hr_value_format(out, rel->column[column].type, &x) == 0)
		return -1;
	hr_buf_u8(out, 0);
	return 1;
}

bool
hr_parents_key(const struct hr_route *route, const int *column, int n, const struct hr_cur *tuple,
    const struct hr_cur *other, struct hr_buf *key)
{
	int i;

	for (i = 0; i < n; i++)
		if (put_text(key, route->relation, column[i], tuple) != 1 &&
		    put_text(key, route->relation, column[i], other) != 1)
			return false;
	return true;
}

/* The texts of the link's value in a tuple.  1, 0: NULL, -1: not all there. */
static int
value_of(const struct hr_route *route, const struct hr_feed *f, const struct hr_cur *tuple, struct hr_buf *value)
{
	int k, got = 1;

	hr_buf_reset(value);
	for (k = 0; k < f->link->values && got == 1; k++)
		got = put_text(value, route->relation, f->value[k], tuple);
	if (got == 0)
		hr_buf_reset(value);
	return got;
}

/* Does an old tuple of that kind have the link's value? */
static bool
has_value(const struct hr_route *route, const struct hr_feed *f, char old)
{
	int k;

	for (k = 0; k < f->link->values && old != 'O'; k++)
		if (!route->relation->column[f->value[k]].key)
			return false;
	return true;
}

/*
 * What a row led to before it went, or before its key changed: the rows under
 * it follow it, and say no more than the key.
 */
static void
see_old(struct hr_capture *c, const struct hr_route *route, const struct hr_pgo *m)
{
	struct hr_buf key = HR_BUF_INIT, value = HR_BUF_INIT;
	struct entry *x;
	size_t i;

	for (i = 0; i < route->feeds; i++) {
		const struct hr_feed *f = &route->feed[i];
		int got = -1;

		hr_buf_reset(&key);
		if (!hr_parents_key(route, f->key, f->link->keys, &m->old_tuple, NULL, &key))
			continue;
		if (has_value(route, f, m->old))
			got = value_of(route, f, &m->old_tuple, &value);
		/* What has passed is known; rows under one that is gone have been let go. */
		x = get(&c->parents, f->link, key.data, key.len);
		if (x && (x->asked ? x->gone : got < 0))
			continue;
		x = entry_new(value.data, got > 0 ? value.len : 0, got == 0);
		x->gone = got < 0;
		put(&c->parents, f->link, key.data, key.len, x);
	}
	hr_buf_clear(&key);
	hr_buf_clear(&value);
}

void
hr_parents_see(struct hr_capture *c, const struct hr_route *route, const struct hr_pgo *m)
{
	struct hr_buf key = HR_BUF_INIT, value = HR_BUF_INIT;
	size_t i;

	if (m->type != 'I' && m->old != '-')
		see_old(c, route, m);
	for (i = 0; i < route->feeds && m->type != 'D'; i++) {
		const struct hr_feed *f = &route->feed[i];
		int got;

		hr_buf_reset(&key);
		if (!hr_parents_key(route, f->key, f->link->keys, &m->tuple, NULL, &key))
			continue;
		if ((got = value_of(route, f, &m->tuple, &value)) >= 0)
			put(&c->parents, f->link, key.data, key.len, entry_new(value.data, value.len, got == 0));
	}
	hr_buf_clear(&key);
	hr_buf_clear(&value);
}

void
hr_parents_forget(const struct hr_route *route)
{
	size_t i;

	for (i = 0; i < route->feeds; i++) {
		struct hr_link *l = route->feed[i].link;

		/* Of a partition alone others are still there. */
		if (l->table != route->relation->id)
			continue;
		hr_map_clear(&l->young, free);
		hr_map_clear(&l->old, free);
	}
}

/*
 * Questions.
 */

static void
put_columns(struct hr_buf *sql, char *const *name, int n, const char *after)
{
	int i;

	for (i = 0; i < n; i++) {
		char *quoted = hr_quote_ident(name[i]);

		hr_buf_printf(sql, "%s%s", quoted, i + 1 < n ? ", " : after);
		free(quoted);
	}
}

static void
row_texts(const struct hr_result *r, int row, int from, int n, struct hr_buf *out, bool *null)
{
	int i;

	hr_buf_reset(out);
	*null = false;
	for (i = from; i < from + n; i++) {
		const char *text = hr_result_get(r, row, i);

		*null |= text == NULL;
		if (text)
			hr_buf_put(out, text, strlen(text) + 1);
	}
}

/*
 * Ask for a row, and for those behind it: children come in the order of their
 * parents more often than not.  What is known already is known better.
 */
static int
ask(struct hr_capture *c, struct hr_link *l, const void *key, size_t len, struct hr_err *e)
{
	struct hr_buf sql = HR_BUF_INIT, k = HR_BUF_INIT, v = HR_BUF_INIT;
	struct hr_param p[HR_STEP_COLUMNS_MAX];
	char *table = hr_quote_table(l->schema, l->name);
	const char *text = key;
	struct hr_result *r;
	int i, rc;

	hr_buf_puts(&sql, "SELECT ");
	put_columns(&sql, l->key, l->keys, ", ");
	put_columns(&sql, l->value, l->values, " FROM ");
	hr_buf_puts(&sql, table);
	free(table);
	for (i = 0; i < l->keys; i++, text += strlen(text) + 1) {
		char *name = hr_quote_ident(l->key[i]);

		p[i] = (struct hr_param){ .data = text };
		hr_buf_printf(&sql, "%s%s %s $%d", i ? " AND " : " WHERE ", name, l->keys == 1 ? ">=" : "=", i + 1);
		if (l->keys == 1)
			hr_buf_printf(&sql, " ORDER BY %s LIMIT " AHEAD, name);
		free(name);
	}
	c->parents.asked++;
	rc = hr_conn_query(c->sql, &r, hr_buf_text(&sql), l->keys, p, e);
	for (i = 0; rc == 0 && i < hr_result_rows(r); i++) {
		bool null;

		row_texts(r, i, 0, l->keys, &k, &null);
		if (null || get(&c->parents, l, k.data, k.len))
			continue;
		row_texts(r, i, l->keys, l->values, &v, &null);
		put(&c->parents, l, k.data, k.len, entry_new(v.data, null ? 0 : v.len, null))->asked = true;
	}
	if (rc == 0)
		hr_result_free(r);
	hr_buf_clear(&sql);
	hr_buf_clear(&k);
	hr_buf_clear(&v);
	(void)len;
	return rc;
}

/* What a row leads to.  0, or -1. */
static int
look_up(struct hr_capture *c, struct hr_link *l, const void *key, size_t len, struct entry **x, struct hr_err *e)
{
	int tries, rc = -1;

	if ((*x = get(&c->parents, l, key, len)) != NULL)
		return 0;
	for (tries = 0; rc < 0 && tries < 2; tries++) {
		hr_err_clear(e);
		if ((rc = hr_capture_sql(c, e)) == 0)
			rc = ask(c, l, key, len, e);
		if (rc < 0 && !hr_err_retryable(e))
			break;
	}
	if (rc < 0) {
		e->sqlstate[0] = '\0';		/* not the stream's connection */
		hr_within(e, "cannot look up whose a row of '%s.%s' is", l->schema, l->name);
		return hr_hint(e, "the role needs SELECT on it");
	}
	if ((*x = get(&c->parents, l, key, len)) == NULL) {
		/* No need to ask for each row under it. */
		*x = put(&c->parents, l, key, len, entry_new(NULL, 0, false));
		(*x)->gone = (*x)->asked = true;
	}
	return 0;
}

/* The tenant at the end of a way, whose last link's value is x.  0, or -1. */
static int
arrive(struct hr_capture *c, const struct hr_link *l, const struct entry *x, struct hr_out **o, struct hr_err *e)
{
	*o = hr_emit_tenant_of(&c->emit, l->tenant_type, true, (const uint8_t *)x->text, x->len - 1, e);
	if (*o == NULL)
		return hr_within(e, "table '%s.%s'", l->schema, l->name);
	if (!(*o)->selected)
		*o = NULL;
	return 0;
}

/*
 * From a link's row, of that key, on.  table: of the rows under it when they
 * have no key, or 0.  *null: the way ends in a NULL.  0, or -1.
 */
static int
walk(struct hr_capture *c, struct hr_link *l, uint32_t table, struct hr_buf *key, struct hr_kin *kin, bool *null, struct hr_err *e)
{
	struct entry *x;
	int step;

	for (step = 0;; step++) {
		enum hr_ahead ahead = hr_descend_ahead(c, l, key->data, key->len, table);

		kin->ahead |= ahead != HR_AHEAD_NOT;
		kin->seen |= ahead == HR_AHEAD_SEEN || ahead == HR_AHEAD_DOUBT;
		if (table && ahead == HR_AHEAD_DOUBT && kin->link == NULL) {
			kin->link = l;
			kin->step = step;
			hr_buf_put(&kin->key, key->data, key->len);
		}
		if (look_up(c, l, key->data, key->len, &x, e) < 0)
			return -1;
		if (x->gone) {
			kin->unknown = true;
			return 0;
		}
		if ((*null = x->null))
			return 0;
		if (l->next == NULL)
			return arrive(c, l, x, &kin->out, e);
		hr_buf_reset(key);
		hr_buf_put(key, x->text, x->len);
		l = l->next;
	}
}

int
hr_parents_tenant(struct hr_capture *c, const struct hr_route *route, const struct hr_cur *tuple,
    struct hr_kin *kin, struct hr_err *e)
{
	struct hr_buf key = HR_BUF_INIT;
	struct hr_link *l = route->link;
	bool null = false;
	int i, got, rc = 0;

	*kin = (struct hr_kin){ .out = NULL };
	for (i = 0; i < l->keys && !null && rc == 0; i++) {
		if ((got = put_text(&key, route->relation, route->fk[i], tuple)) < 0)
			rc = hr_fail(e, HR_INTERNAL, "a malformed row of '%s.%s' from the source", route->relation->schema,
			    route->relation->name);
		null = got == 0;
	}
	if (rc == 0 && !null)
		rc = walk(c, l, route->keyed ? 0 : route->relation->id, &key, kin, &null, e);
	if (rc == 0 && null)
		rc = hr_capture_null_tenant(c, route, &kin->out, e);
	hr_buf_clear(&key);
	return rc;
}

/* The same, of rows under one that leads there. */
static int
under(struct hr_capture *c, struct hr_link *l, const struct entry *x, struct hr_kin *kin, struct hr_err *e)
{
	struct hr_buf key = HR_BUF_INIT;
	bool null = x->null;
	int rc = 0;

	*kin = (struct hr_kin){ .unknown = x->gone };
	if (!x->gone && !null && l->next == NULL)
		rc = arrive(c, l, x, &kin->out, e);
	else if (!x->gone && !null) {
		hr_buf_put(&key, x->text, x->len);
		rc = walk(c, l->next, 0, &key, kin, &null, e);
	}
	if (null && c->o->config->tenancy.null_tenant == HR_NULL_SHARED)
		kin->out = &c->emit.all;
	hr_buf_clear(&key);
	return rc;
}

/* One feed: 1 when its link knows the row, and it led elsewhere. */
static int
differs(struct hr_capture *c, const struct hr_route *route, const struct hr_feed *f, const struct hr_pgo *m,
    struct hr_kin *was, struct hr_kin *is, struct hr_err *e)
{
	const struct hr_cur *tuple = &m->tuple;
	struct hr_buf key = HR_BUF_INIT, value = HR_BUF_INIT;
	struct entry *before = NULL, *now = NULL;
	const struct entry *x;
	int got, rc = 0;

	if (hr_parents_key(route, f->key, f->link->keys, tuple, NULL, &key) &&
	    (x = get(&c->parents, f->link, key.data, key.len)) != NULL &&
	    /* Under a row that is gone by now there is nothing by now. */
	    !(x->gone && x->asked && m->type == 'U') &&
	    (got = value_of(route, f, tuple, &value)) >= 0 &&
	    (x->gone || x->null != (got == 0) || x->len != value.len || (x->len && memcmp(x->text, value.data, x->len) != 0))) {
		before = entry_copy(x);
		now = entry_new(value.data, value.len, got == 0);
		if (under(c, f->link, before, was, e) < 0 || under(c, f->link, now, is, e) < 0)
			rc = -1;
		else
			rc = !is->unknown && (was->unknown || was->out != is->out);
	}
	free(before);
	free(now);
	hr_buf_clear(&key);
	hr_buf_clear(&value);
	return rc;
}

int
hr_parents_differ(struct hr_capture *c, const struct hr_route *route, const struct hr_pgo *m,
    struct hr_kin *was, struct hr_kin *is, struct hr_err *e)
{
	size_t i;
	int rc = 0;

	for (i = 0; i < route->feeds && rc == 0; i++)
		rc = differs(c, route, &route->feed[i], m, was, is, e);
	return rc;
}

hr_lsn
hr_parents_restart(struct hr_parents *p, hr_lsn acked)
{
	size_t past = 0;

	while (past < p->holds && p->hold[past].until <= acked)
		past++;
	if (past) {
		p->holds -= past;
		memmove(p->hold, p->hold + past, p->holds * sizeof(*p->hold));
	}
	return p->holds && p->hold[0].commit < acked ? p->hold[0].commit : acked;
}

void
hr_parents_clear(struct hr_parents *p)
{
	size_t i;

	for (i = 0; i < p->links; i++) {
		struct hr_link *l = p->link[i];

		hr_map_clear(&l->young, free);
		hr_map_clear(&l->old, free);
		free_names(l->key, l->keys);
		free_names(l->value, l->values);
		free(l->schema);
		free(l->name);
		free(l);
	}
	free(p->link);
	free(p->hold);
	hr_map_clear(&p->transit, free);
	*p = (struct hr_parents){ 0 };
}
