/* sequence.c - from frames to hr.sequence, and from there to the sequences. */

#include "base/hr.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apply/apply.h"
#include "apply/sequence.h"
#include "base/alloc.h"
#include "base/log.h"
#include "base/lsn.h"

struct hr_kept_value {
	char *schema, *name, *tenant;
	int64_t last_value;
	bool is_called, news, warned;
	hr_lsn lsn;
};

static void
value_free(void *p)
{
	struct hr_kept_value *v = p;

	free(v->schema);
	free(v->name);
	free(v->tenant);
	free(v);
}

void
hr_values_init(struct hr_values *v)
{
	*v = (struct hr_values){ .news = false };
	pthread_mutex_init(&v->lock, NULL);
}

void
hr_values_clear(struct hr_values *v)
{
	hr_map_clear(&v->map, value_free);
	pthread_mutex_destroy(&v->lock);
}

/* Under the lock. */
static struct hr_kept_value *
value_of(struct hr_values *v, const char *schema, const char *name)
{
	struct hr_buf key = HR_BUF_INIT;
	struct hr_kept_value *k;
	void **at;

	hr_buf_put(&key, schema, strlen(schema) + 1);
	hr_buf_put(&key, name, strlen(name));
	at = hr_map_at(&v->map, key.data, key.len);
	hr_buf_clear(&key);
	if ((k = *at) == NULL) {
		k = *at = hr_zalloc(sizeof(*k));
		k->schema = hr_strdup(schema);
		k->name = hr_strdup(name);
	}
	return k;
}

int
hr_values_put(struct hr_values *v, const struct hr_frame *f, struct hr_err *e)
{
	struct hr_kept_value *k;
	struct hr_sequence q;

	if (hr_sequence_decode(&q, f, e) < 0)
		return -1;
	pthread_mutex_lock(&v->lock);
	k = value_of(v, q.schema, q.name);
	free(k->tenant);
	k->tenant = f->tenant_len ? hr_memdup(f->tenant, f->tenant_len) : NULL;
	k->last_value = q.last_value;
	k->is_called = q.is_called;
	k->lsn = f->lsn;
	k->news = v->news = true;
	pthread_mutex_unlock(&v->lock);
	return 0;
}

/* As rows of VALUES; marks what is taken as no longer new. */
static bool
take_news(struct hr_values *v, struct hr_buf *sql)
{
	size_t i;
	bool any = false;

	pthread_mutex_lock(&v->lock);
	for (i = 0; v->news && i < v->map.slots; i++) {
		struct hr_kept_value *k = v->map.slot[i].value;
		char *schema, *name, *tenant;

		if (k == NULL || !k->news)
			continue;
		schema = hr_quote_literal(k->schema);
		name = hr_quote_literal(k->name);
		tenant = k->tenant ? hr_quote_literal(k->tenant) : hr_strdup("NULL");
		hr_buf_printf(sql, "%s(%s, %s, %s, %" PRId64 "::int8, %s, '%s'::pg_lsn)", any ? ", " : "", schema, name,
		    tenant, k->last_value, k->is_called ? "true" : "false", HR_LSN(k->lsn));
		free(schema);
		free(name);
		free(tenant);
		k->news = false;
		any = true;
	}
	v->news = false;
	pthread_mutex_unlock(&v->lock);
	return any;
}

/* They were not written after all. */
static void
give_back(struct hr_values *v)
{
	size_t i;

	pthread_mutex_lock(&v->lock);
	for (i = 0; i < v->map.slots; i++)
		if (v->map.slot[i].value)
			((struct hr_kept_value *)v->map.slot[i].value)->news = v->news = true;
	pthread_mutex_unlock(&v->lock);
}

/*
 * Set what is not set yet.  problem gets the first one that could not be, if
 * any; those after it are tried all the same.
 */
static int
set(struct hr_apply *a, struct hr_conn *c, struct hr_err *problem, struct hr_err *e)
{
	struct hr_param p[2] = { HR_PARAM_TEXT(a->book.stream), { .data = a->book.holder } };
	struct hr_result *r;
	int i;

	if (hr_conn_query(c, &r, "SELECT schema, name, problem FROM hr.set_sequences($1, $2)", 2, p, e) < 0)
		return -1;
	for (i = 0; i < hr_result_rows(r); i++) {
		const char *schema = hr_result_get(r, i, 0), *name = hr_result_get(r, i, 1);
		struct hr_kept_value *k;
		bool again;

		pthread_mutex_lock(&a->values.lock);
		k = value_of(&a->values, schema, name);
		again = k->warned;
		k->warned = true;
		pthread_mutex_unlock(&a->values.lock);
		if (!again)
			hr_log(HR_LOG_WARNING, "sequence '%s.%s' cannot be set: %s", schema, name, hr_result_get(r, i, 2));
		if (problem && problem->code == HR_OK)
			hr_fail(problem, HR_CONFIG, "%d sequence%s could not be set, the first is '%s.%s': %s",
			    hr_result_rows(r), hr_result_rows(r) == 1 ? "" : "s", schema, name, hr_result_get(r, i, 2));
	}
	hr_result_free(r);
	return 0;
}

int
hr_values_write(struct hr_apply *a, struct hr_conn *c, struct hr_err *e)
{
	struct hr_buf sql = HR_BUF_INIT;
	char *stream, *holder;
	int rc;

	hr_buf_puts(&sql, "INSERT INTO hr.sequence (stream, schema, name, tenant, last_value, is_called, lsn) SELECT ");
	stream = hr_quote_literal(a->book.stream);
	holder = hr_quote_literal(a->book.holder);
	hr_buf_printf(&sql, "%s, v.* FROM (VALUES ", stream);
	if (!take_news(&a->values, &sql)) {
		free(stream);
		free(holder);
		hr_buf_clear(&sql);
		return 0;
	}
	hr_buf_printf(&sql, ") v WHERE EXISTS (SELECT FROM hr.progress WHERE stream = %s AND holder = %s)"
	    " ON CONFLICT (stream, schema, name) DO UPDATE SET tenant = EXCLUDED.tenant, last_value = EXCLUDED.last_value,"
	    " is_called = EXCLUDED.is_called, lsn = EXCLUDED.lsn, changed = now(), is_set = false", stream, holder);
	free(stream);
	free(holder);
	rc = hr_conn_exec(c, hr_buf_text(&sql), e);
	hr_buf_clear(&sql);
	if (rc == 0 && a->o->sequences == HR_SEQUENCES_FOLLOW)
		rc = set(a, c, NULL, e);
	if (rc < 0)
		give_back(&a->values);
	return rc;
}

int
hr_values_set_all(struct hr_apply *a, struct hr_conn *c, struct hr_err *e)
{
	struct hr_err problem = HR_ERR_INIT;

	if (hr_values_write(a, c, e) < 0)
		return -1;
	if (a->o->sequences == HR_SEQUENCES_KEEP)
		return 0;
	if (set(a, c, a->o->sequences == HR_SEQUENCES_AT_END ? &problem : NULL, e) < 0)
		return -1;
	if (problem.code == HR_OK)
		return 0;
	*e = problem;
	return hr_hint(e, "make it at the target or grant UPDATE on it, then run this again: nothing else is missing");
}
