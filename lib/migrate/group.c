/* group.c - groups of hashes and their comparison. */

#include "base/hr.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/map.h"
#include "migrate/chunk.h"
#include "migrate/group.h"
#include "migrate/settle.h"
#include "migrate/verify.h"

int
hr_group_digits(int64_t rows, int64_t wanted)
{
	int digits;

	for (digits = 1; digits < HR_DIGITS_MAX && rows > wanted; digits++)
		rows /= 16;
	return digits;
}

/* The rows a table has, roughly. */
static int
estimate(struct hr_verify *v, const struct hr_twin *w, int64_t *rows, struct hr_err *e)
{
	struct hr_param p = { .data = NULL };
	char *table = hr_quote_table(w->relation->schema, w->relation->name);
	struct hr_result *r;
	int side, rc = 0;

	p.data = table;
	*rows = 0;
	for (side = 0; side < 2 && rc == 0; side++) {
		/* Of a table that was never analyzed only its size is known. */
		rc = hr_conn_query(v->conn[side], &r, "SELECT sum(greatest(reltuples::int8, pg_relation_size(oid) / 64))"
		    "::int8 FROM pg_class WHERE oid = to_regclass($1)"
		    " OR oid IN (SELECT relid FROM pg_partition_tree(to_regclass($1)))", 1, &p, e);
		if (rc == 0) {
			const char *n = hr_result_rows(r) ? hr_result_get(r, 0, 0) : NULL;

			if (n && strtoll(n, NULL, 10) > *rows)
				*rows = strtoll(n, NULL, 10);
			hr_result_free(r);
		}
	}
	free(table);
	return rc;
}

/* What both sides have of a group of hashes. */
struct group {
	char prefix[HR_DIGITS_MAX + 1];
	struct hr_sum sum[2];
};

struct groups {
	struct group *group;
	size_t n, cap;
};

static int
by_prefix(const void *a, const void *b)
{
	return strcmp(((const struct group *)a)->prefix, ((const struct group *)b)->prefix);
}

static struct group *
group_of(struct groups *g, struct hr_map *m, const char *prefix)
{
	void **at = hr_map_at(m, prefix, strlen(prefix));
	struct group *p;

	/* The array moves: what is kept is a place in it. */
	if (*at == NULL) {
		HR_GROW(g->group, g->n, g->cap);
		p = &g->group[g->n++];
		*p = (struct group){ 0 };
		snprintf(p->prefix, sizeof(p->prefix), "%s", prefix);
		*at = (void *)(uintptr_t)g->n;
	}
	return &g->group[(uintptr_t)*at - 1];
}

static int
read_groups(struct hr_verify *v, const struct hr_twin *w, int digits, struct groups *g, struct hr_err *e)
{
	struct hr_map m = { 0 };
	struct hr_result *r;
	int side, row, rc = 0;

	for (side = 0; side < 2 && rc == 0; side++) {
		hr_select_groups(&v->select, w, side, &v->scope, digits);
		if ((rc = hr_verify_ask(v, w, side, &r, e)) < 0)
			break;
		for (row = 0; row < hr_result_rows(r); row++)
			hr_sum_read(&group_of(g, &m, hr_result_get(r, row, 0))->sum[side], r, row, 1);
		hr_result_free(r);
	}
	hr_map_clear(&m, NULL);
	if (g->n)
		qsort(g->group, g->n, sizeof(*g->group), by_prefix);
	return rc;
}

/* Hashes that one side has more often than the other. */
static int
hashes(struct hr_verify *v, const struct hr_twin *w, int digits, const char *prefixes, struct hr_candidates *a,
    struct hr_err *e)
{
	struct hr_map m = { 0 };
	struct hr_result *r[2] = { NULL, NULL };
	int side, row, rc = 0;

	for (side = 0; side < 2 && rc == 0; side++) {
		hr_select_hashes(&v->select, w, side, &v->scope, digits, prefixes);
		rc = hr_verify_ask(v, w, side, &r[side], e);
	}
	for (row = 0; rc == 0 && row < hr_result_rows(r[HR_TARGET]); row++)
		*hr_map_at(&m, hr_result_get(r[HR_TARGET], row, 0), 32) = (void *)(uintptr_t)hr_result_get(r[HR_TARGET], row, 1);
	for (row = 0; rc == 0 && row < hr_result_rows(r[HR_SOURCE]); row++) {
		const char *hash = hr_result_get(r[HR_SOURCE], row, 0);
		void **there = hr_map_at(&m, hash, 32);

		if (*there == NULL || strcmp(*there, hr_result_get(r[HR_SOURCE], row, 1)) != 0)
			hr_candidates_add(a, &hash, 0);
		*there = &m;		/* it has been seen */
	}
	for (row = 0; rc == 0 && row < hr_result_rows(r[HR_TARGET]); row++) {
		const char *hash = hr_result_get(r[HR_TARGET], row, 0);

		if (hr_map_get(&m, hash, 32) != &m)
			hr_candidates_add(a, &hash, 0);
	}
	hr_result_free(r[0]);
	hr_result_free(r[1]);
	hr_map_clear(&m, NULL);
	return rc;
}

/* Groups from number *at on that differ, as many as may be read at a time. */
static int
some_groups(struct hr_verify *v, const struct hr_twin *w, int digits, const struct groups *g, size_t *at,
    struct hr_err *e)
{
	struct hr_candidates a = { 0 };
	struct hr_buf list = HR_BUF_INIT;
	int64_t rows = 0;
	int rc, n = 0;

	hr_buf_puts(&list, "{");
	for (; *at < g->n; (*at)++) {
		const struct group *p = &g->group[*at];
		int64_t more = p->sum[0].rows + p->sum[1].rows;

		if (hr_sum_same(&p->sum[0], &p->sum[1]))
			continue;
		if (n && rows + more > hr_chunk_most(v))
			break;
		rows += more;
		hr_buf_printf(&list, "%s%s", n++ ? "," : "", p->prefix);
	}
	hr_buf_puts(&list, "}");
	rc = n ? hashes(v, w, digits, hr_buf_text(&list), &a, e) : 0;
	hr_log(HR_LOG_DEBUG, "%s: %d groups, %zu hashes to look at again", w->name, n, a.n);
	if (rc == 0)
		rc = hr_settle(v, w, &a, e);
	hr_candidates_clear(&a, 0);
	hr_buf_clear(&list);
	return rc;
}

int
hr_groups_compare(struct hr_verify *v, const struct hr_twin *w, struct hr_resume_table *t, struct hr_err *e)
{
	struct groups g = { 0 };
	char number[16], *last[2] = { NULL, number };
	int64_t rows;
	int digits, rc = -1;
	size_t i, at = 0;

	if (estimate(v, w, &rows, e) < 0)
		return -1;
	digits = hr_group_digits(rows, v->o->chunk_rows / 4 + 1);
	if (t->last) {
		digits = t->lasts == 2 ? (int)strtol(t->last[1], NULL, 10) : 0;
		if (digits < 1 || digits > HR_DIGITS_MAX)
			return hr_fail(e, HR_CONFIG, "table '%s' had a key when the state file was written", w->name);
	}
	snprintf(number, sizeof(number), "%d", digits);
	if (read_groups(v, w, digits, &g, e) < 0)
		goto out;
	if (t->last == NULL) {
		for (i = 0; i < g.n; i++)
			t->count.rows += (uint64_t)g.group[i].sum[HR_SOURCE].rows;
	} else {
		while (at < g.n && strcmp(g.group[at].prefix, t->last[0]) <= 0)
			at++;
	}
	do {
		if (some_groups(v, w, digits, &g, &at, e) < 0)
			goto out;
		t->ended = at >= g.n;
		last[0] = at ? g.group[at - 1].prefix : (char *)"";
		if (hr_chunk_done(v, t, last, 2, e) < 0)
			goto out;
	} while (!t->ended);
	rc = 0;
out:
	free(g.group);
	return rc;
}
