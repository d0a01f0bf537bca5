/* chunk.c - ranges of keys and their comparison. */

#include "base/hr.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "migrate/chunk.h"
#include "migrate/group.h"
#include "migrate/settle.h"
#include "migrate/verify.h"

#define CUTS 16		/* of a range until both sides fit */

int
hr_chunk_done(struct hr_verify *v, struct hr_resume_table *t, char *const *last, size_t n, struct hr_err *e)
{
	int64_t began = hr_now_us();

	t->count.chunks++;
	if (last)
		hr_resume_last(t, last, n);
	hr_report_progress(&v->report, t->name, &t->count);
	if (v->resume.path == NULL)
		return 0;
	/* A tenth of the time is spent on it at the most, however many tables there are. */
	if (began - v->saved_at < 10 * v->saving_us)
		return 0;
	/* The work file is never behind the state. */
	if (v->resume.repair_bytes != v->repair.bytes && hr_repair_sync(&v->repair, e) < 0)
		return -1;
	v->resume.repair_bytes = v->repair.bytes;
	if (hr_resume_save(&v->resume, e) < 0)
		return -1;
	v->saved_at = hr_now_us();
	v->saving_us = v->saved_at - began;
	return 0;
}

/*
 * Tables with a key.
 */

static char **
key_of(const struct hr_result *r, int row, int from, int keys)
{
	char **key = hr_zalloc((size_t)keys * sizeof(*key));
	int i;

	for (i = 0; i < keys; i++)
		key[i] = hr_strdup(hr_result_get(r, row, from + i));
	return key;
}

static void
key_free(char **key, int keys)
{
	int i;

	for (i = 0; key && i < keys; i++)
		free(key[i]);
	free(key);
}

/* Where a chunk that begins after lo ends at the source; *hi NULL: with the table. */
static int
end_of_chunk(struct hr_verify *v, const struct hr_twin *w, char *const *lo, char ***hi, struct hr_err *e)
{
	struct hr_range g = { lo, NULL };
	struct hr_result *r;

	*hi = NULL;
	hr_select_nth(&v->select, w, HR_SOURCE, &v->scope, &g, v->o->chunk_rows);
	if (hr_verify_ask(v, w, HR_SOURCE, &r, e) < 0)
		return -1;
	if (hr_result_rows(r))
		*hi = key_of(r, 0, 0, w->keys);
	hr_result_free(r);
	return 0;
}

void
hr_sum_read(struct hr_sum *s, const struct hr_result *r, int row, int from)
{
	int i;

	s->rows = strtoll(hr_result_get(r, row, from), NULL, 10);
	for (i = 0; i < 2; i++) {
		const char *text = hr_result_get(r, row, from + 1 + i);

		snprintf(s->text[i], sizeof(s->text[i]), "%s", text ? text : "");
	}
}

bool
hr_sum_same(const struct hr_sum *a, const struct hr_sum *b)
{
	return a->rows == b->rows && strcmp(a->text[0], b->text[0]) == 0 && strcmp(a->text[1], b->text[1]) == 0;
}

int64_t
hr_chunk_most(const struct hr_verify *v)
{
	return 2 * v->o->chunk_rows;
}

static int
sum_of(struct hr_verify *v, const struct hr_twin *w, enum hr_side side, const struct hr_range *g, struct hr_sum *s,
    struct hr_err *e)
{
	struct hr_result *r;

	hr_select_sum(&v->select, w, side, &v->scope, g, hr_chunk_most(v) + 1);
	if (hr_verify_ask(v, w, side, &r, e) < 0)
		return -1;
	hr_sum_read(s, r, 0, 0);
	hr_result_free(r);
	return 0;
}

/* Keys and hashes of a range; full: there may be more than were read. */
static int
list_of(struct hr_verify *v, const struct hr_twin *w, enum hr_side side, const struct hr_range *g,
    struct hr_result **r, bool *full, struct hr_err *e)
{
	hr_select_list(&v->select, w, side, &v->scope, g, hr_chunk_most(v));
	if (hr_verify_ask(v, w, side, r, e) < 0)
		return -1;
	*full = hr_result_rows(*r) == hr_chunk_most(v);
	return 0;
}

/*
 * Keys and hashes of both sides.  A side that has too many ends the range at
 * the last one read, and the other is read again.  *hi is replaced then, and
 * cut is set: rows of just that key may be missing from the lists.
 */
static int
both_lists(struct hr_verify *v, const struct hr_twin *w, char *const *lo, char ***hi, struct hr_result *r[2],
    bool *cut, struct hr_err *e)
{
	int tries, fits = 0, side;

	*cut = false;
	for (tries = 0, side = HR_SOURCE; fits < 2; side = !side) {
		struct hr_range g = { lo, *hi };
		bool full;

		if (tries++ == CUTS) {
			hr_fail(e, HR_CONFIG, "the two sides do not order the key of '%s' alike", w->name);
			return hr_hint(e, "give the key's columns the same types and collations");
		}
		hr_result_free(r[side]);
		if (list_of(v, w, side, &g, &r[side], &full, e) < 0)
			return -1;
		fits++;
		if (full) {
			key_free(*hi, w->keys);
			*hi = key_of(r[side], hr_result_rows(r[side]) - 1, 1, w->keys);
			*cut = true;
			fits = 1;
		}
	}
	return 0;
}

/* What both sides have of a key. */
struct pair {
	const char *hash[2];
	int rows[2];
	bool added;
};

/* The key in one row of bytes. */
static void
put_key(struct hr_buf *b, const struct hr_result *r, int row, int keys)
{
	int i;

	hr_buf_reset(b);
	for (i = 0; i < keys; i++)
		hr_buf_put(b, hr_result_get(r, row, 1 + i), (size_t)hr_result_len(r, row, 1 + i) + 1);
}

static void
add_list(struct hr_map *m, struct pair *pair, size_t *pairs, const struct hr_result *r, int keys, int side)
{
	struct hr_buf b = HR_BUF_INIT;
	struct pair *p;
	void **at;
	int row;

	for (row = 0; row < hr_result_rows(r); row++) {
		put_key(&b, r, row, keys);
		at = hr_map_at(m, b.data, b.len);
		if (*at == NULL)
			*at = &pair[(*pairs)++];
		p = *at;
		p->hash[side] = hr_result_get(r, row, 0);
		p->rows[side]++;
	}
	hr_buf_clear(&b);
}

static bool
differ(const struct pair *p)
{
	return p->rows[0] != 1 || p->rows[1] != 1 || strcmp(p->hash[0], p->hash[1]) != 0;
}

/* The row's key is a candidate, once, when the lists do not say the same of it. */
static void
add_row(struct hr_candidates *a, struct pair *p, const struct hr_result *r, int row, int keys)
{
	const char *key[HR_KEYS_MAX];
	int i;

	if (!differ(p) || p->added)
		return;
	p->added = true;
	for (i = 0; i < keys; i++)
		key[i] = hr_result_get(r, row, 1 + i);
	hr_candidates_add(a, key, keys);
}

/* Candidates of both lists, those of the target in their places among the source's. */
static void
merge(struct hr_candidates *a, const struct hr_twin *w, struct hr_result *const r[2])
{
	int rows = hr_result_rows(r[HR_SOURCE]), more = hr_result_rows(r[HR_TARGET]), row, at = 0, side;
	struct pair *pair = hr_zalloc(((size_t)rows + (size_t)more + 1) * sizeof(*pair)), *p, *q;
	size_t pairs = 0;
	struct hr_map m = { 0 };
	struct hr_buf b = HR_BUF_INIT;

	for (side = 0; side < 2; side++)
		add_list(&m, pair, &pairs, r[side], w->keys, side);
	for (row = 0; row < more; row++) {
		put_key(&b, r[HR_TARGET], row, w->keys);
		p = hr_map_get(&m, b.data, b.len);
		/* One that the source has, too: go on there as far as this. */
		for (q = NULL; p->rows[HR_SOURCE] && q != p && at < rows; at++) {
			put_key(&b, r[HR_SOURCE], at, w->keys);
			q = hr_map_get(&m, b.data, b.len);
			add_row(a, q, r[HR_SOURCE], at, w->keys);
		}
		add_row(a, p, r[HR_TARGET], row, w->keys);
	}
	for (; at < rows; at++) {
		put_key(&b, r[HR_SOURCE], at, w->keys);
		add_row(a, hr_map_get(&m, b.data, b.len), r[HR_SOURCE], at, w->keys);
	}
	hr_buf_clear(&b);
	hr_map_clear(&m, NULL);
	free(pair);
}

/* A range that is not the same: find out why.  *hi may become less. */
static int
look_closer(struct hr_verify *v, const struct hr_twin *w, char *const *lo, char ***hi, int64_t *rows,
    struct hr_err *e)
{
	struct hr_candidates a = { 0 };
	struct hr_result *r[2] = { NULL, NULL };
	bool cut;
	int rc = both_lists(v, w, lo, hi, r, &cut, e);

	if (rc == 0) {
		*rows = hr_result_rows(r[HR_SOURCE]);
		merge(&a, w, r);
		if (cut)
			hr_candidates_add(&a, (const char *const *)*hi, w->keys);
	}
	hr_result_free(r[0]);
	hr_result_free(r[1]);
	hr_log(HR_LOG_DEBUG, "%s: %zu keys to look at again", w->name, a.n);
	if (rc == 0)
		rc = hr_settle(v, w, &a, e);
	hr_candidates_clear(&a, w->keys);
	return rc;
}

/* Compare the rows after lo; *hi is where the chunk ended, NULL: with the table. */
static int
one_range(struct hr_verify *v, const struct hr_twin *w, struct hr_resume_table *t, char *const *lo, char ***hi,
    struct hr_err *e)
{
	struct hr_range g = { lo, NULL };
	struct hr_sum s[2];
	int64_t rows;
	bool same;
	int side;

	if (end_of_chunk(v, w, lo, hi, e) < 0)
		return -1;
	g.hi = *hi;
	for (side = 0; side < 2; side++)
		if (sum_of(v, w, side, &g, &s[side], e) < 0)
			return -1;
	rows = s[HR_SOURCE].rows;
	same = hr_sum_same(&s[0], &s[1]) && rows <= hr_chunk_most(v);
	if (!same && look_closer(v, w, lo, hi, &rows, e) < 0)
		return -1;
	t->count.rows += (uint64_t)rows;
	hr_log(HR_LOG_DEBUG, "%s: chunk %" PRIu64 ", %" PRId64 " rows%s", w->name, t->count.chunks + 1, rows,
	    same ? "" : ", looked at row by row");
	return 0;
}

/* Say of one row of the target that its key is NULL in part. */
static int
say_without_key(struct hr_verify *v, const struct hr_twin *w, struct hr_resume_table *t, const struct hr_result *r,
    int row, struct hr_err *e)
{
	const char **value = hr_zalloc(((size_t)w->relation->columns + 1) * sizeof(*value));
	const char *key[HR_KEYS_MAX];
	struct hr_difference d = { .twin = w, .kind = HR_ROW_EXTRA, .rows = 1, .key = key, .target = value };
	int i, rc;

	for (i = 0; i < w->relation->columns; i++)
		value[i] = hr_result_get(r, row, 2 + i);
	for (i = 0; i < w->keys; i++)
		key[i] = value[w->key[i].column];
	rc = hr_verify_say(v, t, &d, e);
	free(value);
	return rc;
}

/* Rows of the target that no range has. */
static int
without_key(struct hr_verify *v, const struct hr_twin *w, struct hr_resume_table *t, struct hr_err *e)
{
	struct hr_result *r;
	uint64_t rows;
	int row, rc = 0;

	hr_select_nulls(&v->select, w, &v->scope, 0);
	if (hr_verify_ask(v, w, HR_TARGET, &r, e) < 0)
		return -1;
	rows = strtoull(hr_result_get(r, 0, 0), NULL, 10);
	hr_result_free(r);
	if (rows == 0)
		return 0;
	t->count.differing += rows;
	hr_select_nulls(&v->select, w, &v->scope, HR_SHOWN_MAX);
	if (hr_verify_ask(v, w, HR_TARGET, &r, e) < 0)
		return -1;
	for (row = 0; row < hr_result_rows(r) && rc == 0; row++)
		rc = say_without_key(v, w, t, r, row, e);
	hr_result_free(r);
	if (v->repair.path)
		hr_log(HR_LOG_WARNING, "%" PRIu64 " rows of '%s' at the target whose key is NULL are not in the repair: "
		    "delete them there", rows, w->name);
	return rc;
}

static int
by_key(struct hr_verify *v, const struct hr_twin *w, struct hr_resume_table *t, struct hr_err *e)
{
	char **lo = NULL, **hi = NULL;
	size_t i;
	int rc = -1;

	if (t->last && t->lasts != (size_t)w->keys) {
		hr_fail(e, HR_CONFIG, "the key of '%s' has changed since the state file was written", w->name);
		return hr_hint(e, "remove the file and begin anew");
	}
	if (t->last) {
		lo = hr_zalloc(t->lasts * sizeof(*lo));
		for (i = 0; i < t->lasts; i++)
			lo[i] = hr_strdup(t->last[i]);
	} else if (w->nullable && without_key(v, w, t, e) < 0)
		return -1;
	do {
		if (one_range(v, w, t, lo, &hi, e) < 0)
			goto out;
		key_free(lo, w->keys);
		lo = hi;
		hi = NULL;
		t->ended = lo == NULL;
		if (hr_chunk_done(v, t, lo, (size_t)w->keys, e) < 0)
			goto out;
	} while (lo);
	rc = 0;
out:
	key_free(lo, w->keys);
	key_free(hi, w->keys);
	return rc;
}

int
hr_chunks_compare(struct hr_verify *v, const struct hr_twin *w, struct hr_err *e)
{
	struct hr_resume_table *t = hr_resume_table(&v->resume, w->name);

	return w->keys ? by_key(v, w, t, e) : hr_groups_compare(v, w, t, e);
}
