/* settle.c - rounds of reads, the verdict, and what is said of a row that differs. */

#include "base/hr.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "migrate/settle.h"
#include "migrate/verify.h"

#define PAUSE_US	20000		/* between rounds, longer and longer */
#define PAUSE_MOST_US	1000000
#define ROWS_AT_ONCE	16		/* read whole */

/*
 * Candidates.
 */

static void
seen_clear(struct hr_seen *s)
{
	free(s->what);
	free(s->stamp);
	*s = (struct hr_seen){ 0 };
}

void
hr_candidate_clear(struct hr_candidate *c, int keys)
{
	int i;

	for (i = 0; c->key && i < (keys ? keys : 1); i++)
		free(c->key[i]);
	free(c->key);
	for (i = 0; i < 3; i++)
		seen_clear(&c->now[i]);
	for (i = 0; i < 2; i++)
		seen_clear(&c->last[i]);
	*c = (struct hr_candidate){ 0 };
}

void
hr_candidates_add(struct hr_candidates *a, const char *const *key, int keys)
{
	struct hr_candidate *c;
	int i, n = keys ? keys : 1;

	HR_GROW(a->candidate, a->n, a->cap);
	c = &a->candidate[a->n++];
	*c = (struct hr_candidate){ .key = hr_zalloc((size_t)n * sizeof(*c->key)) };
	for (i = 0; i < n; i++)
		c->key[i] = hr_strdup(key[i]);
}

void
hr_candidates_clear(struct hr_candidates *a, int keys)
{
	while (a->n)
		hr_candidate_clear(&a->candidate[--a->n], keys);
	free(a->candidate);
	*a = (struct hr_candidates){ 0 };
}

static bool
same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static bool
equal(const struct hr_seen *a, const struct hr_seen *b)
{
	return same_text(a->what, b->what);
}

/* Not only the same, but not written in between. */
static bool
untouched(const struct hr_seen *a, const struct hr_seen *b)
{
	return equal(a, b) && same_text(a->stamp, b->stamp);
}

static void
keep(struct hr_seen *to, struct hr_seen *from)
{
	seen_clear(to);
	*to = *from;
	*from = (struct hr_seen){ 0 };
}

/*
 * Two rounds that stand prove it.  The source's row was the same from the
 * first read of the first round to the last of the second, and the target has
 * followed beyond a read of it.  What is absent has no stamp; but had it been
 * there in between, the target's row would have been written in between.
 */
enum hr_verdict
hr_candidate_judge(struct hr_candidate *c)
{
	struct hr_seen *before = &c->now[HR_BEFORE], *there = &c->now[HR_AT_TARGET], *after = &c->now[HR_AFTER];
	bool stands, stood = c->stood;

	if (equal(there, before) || equal(there, after))
		return HR_EQUAL;
	stands = untouched(before, after);
	if (stands && stood && untouched(before, &c->last[HR_SOURCE]) && untouched(there, &c->last[HR_TARGET]))
		return HR_DIFFERENT;
	c->stood = stands;
	keep(&c->last[HR_SOURCE], after);
	keep(&c->last[HR_TARGET], there);
	return HR_AGAIN;
}

/*
 * Reads.
 */

/* The keys of so many candidates, a text[] for each column.  Gives. */
static char **
arrays(const struct hr_twin *w, struct hr_candidate *const *c, size_t n)
{
	int columns = w->keys ? w->keys : 1, i;
	char **array = hr_zalloc((size_t)columns * sizeof(*array)), **word = hr_alloc((n + 1) * sizeof(*word));
	size_t k;

	for (i = 0; i < columns; i++) {
		for (k = 0; k < n; k++)
			word[k] = c[k]->key[i];
		array[i] = hr_quote_array(word, n);
	}
	free(word);
	return array;
}

static void
arrays_free(const struct hr_twin *w, char **array)
{
	int columns = w->keys ? w->keys : 1, i;

	for (i = 0; i < columns; i++)
		free(array[i]);
	free(array);
}

/* Which of n candidates a row of the result is about; -1: an answer to nothing. */
static int64_t
which(const struct hr_result *r, int row, size_t n)
{
	int64_t i = strtoll(hr_result_get(r, row, 0), NULL, 10) - 1;

	return i >= 0 && (size_t)i < n ? i : -1;
}

/*
 * The source writes this key in another way, as 1.0 for 1.00: so do we from
 * now on.
 */
static void
rename_key(const struct hr_twin *w, struct hr_candidate *c, const struct hr_result *r, int row)
{
	int i;

	for (i = 0; i < w->keys; i++) {
		const char *text = hr_result_get(r, row, 3 + i);

		if (strcmp(text, c->key[i]) != 0) {
			free(c->key[i]);
			c->key[i] = hr_strdup(text);
		}
	}
}

static int
look(struct hr_verify *v, const struct hr_twin *w, enum hr_read read, struct hr_candidate **c, size_t n,
    struct hr_err *e)
{
	enum hr_side side = read == HR_AT_TARGET ? HR_TARGET : HR_SOURCE;
	char **array = arrays(w, c, n);
	struct hr_result *r;
	size_t k;
	int row, rc;

	hr_select_look(&v->select, w, side, &v->scope, array);
	rc = hr_verify_ask(v, w, side, &r, e);
	arrays_free(w, array);
	if (rc < 0)
		return -1;
	for (k = 0; k < n; k++)
		seen_clear(&c[k]->now[read]);
	for (row = 0; row < hr_result_rows(r); row++) {
		int64_t i = which(r, row, n);

		if (i < 0)
			continue;
		c[i]->now[read].what = hr_strdup(hr_result_get(r, row, 1));
		c[i]->now[read].stamp = hr_strdup(hr_result_get(r, row, 2));
		if (read == HR_BEFORE)
			rename_key(w, c[i], r, row);
	}
	hr_result_free(r);
	return 0;
}

/*
 * Rows that differ.
 */

/* A few rows of one side, by candidate. */
struct rows {
	struct hr_result *result;
	int at[ROWS_AT_ONCE];		/* -1: there is none */
};

static int
fetch(struct hr_verify *v, const struct hr_twin *w, enum hr_side side, struct hr_candidate **c, size_t n,
    struct rows *rows, struct hr_err *e)
{
	char **array = arrays(w, c, n);
	size_t k;
	int row, rc;

	for (k = 0; k < n; k++)
		rows->at[k] = -1;
	hr_select_rows(&v->select, w, side, &v->scope, array);
	rc = hr_verify_ask(v, w, side, &rows->result, e);
	arrays_free(w, array);
	for (row = 0; rc == 0 && row < hr_result_rows(rows->result); row++) {
		int64_t i = which(rows->result, row, n);

		if (i >= 0)
			rows->at[i] = row;
	}
	return rc;
}

/* Is the row that was fetched the one that was judged? */
static bool
as_judged(const struct hr_twin *w, const struct rows *rows, size_t k, const struct hr_seen *seen)
{
	if (rows->at[k] < 0 || seen->what == NULL)
		return rows->at[k] < 0 && seen->what == NULL;
	/* Of a key that is there twice one row is shown. */
	return w->keys == 0 || strchr(seen->what, ',') ||
	    strcmp(hr_result_get(rows->result, rows->at[k], 1), seen->what) == 0;
}

/* The values of a row, by column; NULL when there is none.  Gives. */
static const char **
values(const struct hr_twin *w, const struct rows *rows, size_t k)
{
	const char **value;
	int i;

	if (rows->at[k] < 0)
		return NULL;
	value = hr_zalloc(((size_t)w->relation->columns + 1) * sizeof(*value));
	for (i = 0; i < w->relation->columns; i++)
		value[i] = hr_result_get(rows->result, rows->at[k], 2 + i);
	return value;
}

static uint64_t
count_of(const struct hr_seen *s)
{
	return s->what ? strtoull(s->what, NULL, 10) : 0;
}

/* How a candidate differs. */
static struct hr_difference
difference(const struct hr_twin *w, const struct hr_candidate *c)
{
	const struct hr_seen *s = &c->now[HR_AFTER], *t = &c->now[HR_AT_TARGET];
	struct hr_difference d = { .twin = w, .rows = 1 };

	if (w->keys == 0) {
		uint64_t here = count_of(s), there = count_of(t);

		d.kind = here > there ? HR_ROW_MISSING : HR_ROW_EXTRA;
		d.rows = here > there ? here - there : there - here;
		return d;
	}
	d.kind = s->what == NULL ? HR_ROW_EXTRA : t->what == NULL ? HR_ROW_MISSING : HR_ROW_CHANGED;
	d.key = (const char *const *)c->key;
	d.doubled = d.kind == HR_ROW_CHANGED && strchr(t->what, ',') != NULL;
	return d;
}

/* Say it of a few.  One that has changed since it was judged is taken back. */
static int
say_some(struct hr_verify *v, const struct hr_twin *w, struct hr_resume_table *t, struct hr_candidate **c, size_t n,
    bool *differs, struct hr_err *e)
{
	struct rows rows[2] = { { 0 }, { 0 } };
	bool whole = t->shown < HR_SHOWN_MAX || v->repair.path;
	size_t k;
	int rc = -1;

	if (whole && (fetch(v, w, HR_SOURCE, c, n, &rows[HR_SOURCE], e) < 0 ||
	    fetch(v, w, HR_TARGET, c, n, &rows[HR_TARGET], e) < 0))
		goto out;
	for (k = 0; k < n; k++) {
		struct hr_difference d = difference(w, c[k]);
		const char **source, **target;

		differs[k] = !whole || (as_judged(w, &rows[HR_SOURCE], k, &c[k]->now[HR_AFTER]) &&
		    as_judged(w, &rows[HR_TARGET], k, &c[k]->now[HR_AT_TARGET]));
		if (!differs[k])
			continue;
		/* Without a key it is one and the same row, there too often or not often enough. */
		source = whole && (w->keys || d.kind == HR_ROW_MISSING) ? values(w, &rows[HR_SOURCE], k) : NULL;
		target = whole && (w->keys || d.kind == HR_ROW_EXTRA) ? values(w, &rows[HR_TARGET], k) : NULL;
		d.source = source;
		d.target = target;
		t->count.differing += d.rows;
		rc = hr_verify_say(v, t, &d, e);
		free(source);
		free(target);
		if (rc < 0)
			goto out;
	}
	rc = 0;
out:
	hr_result_free(rows[HR_SOURCE].result);
	hr_result_free(rows[HR_TARGET].result);
	return rc;
}

/* Those that were taken back stay in c: how many, or -1. */
static int64_t
say_all(struct hr_verify *v, const struct hr_twin *w, struct hr_candidate **c, size_t n, struct hr_err *e)
{
	struct hr_resume_table *t = hr_resume_table(&v->resume, w->name);
	bool differs[ROWS_AT_ONCE];
	size_t i, k, some, back = 0;

	for (i = 0; i < n; i += some) {
		some = n - i < ROWS_AT_ONCE ? n - i : ROWS_AT_ONCE;
		if (say_some(v, w, t, c + i, some, differs, e) < 0)
			return -1;
		for (k = 0; k < some; k++)
			if (!differs[k]) {
				c[i + k]->stood = false;
				c[back++] = c[i + k];
			}
	}
	return (int64_t)back;
}

/*
 * Rounds.
 */

/* Two names of one row became the same: one of them is enough. */
static size_t
without_doubles(const struct hr_twin *w, struct hr_candidate **c, size_t n)
{
	struct hr_map seen = { 0 };
	struct hr_buf b = HR_BUF_INIT;
	size_t i, left = 0;
	int k;

	for (i = 0; i < n; i++) {
		void **at;

		hr_buf_reset(&b);
		for (k = 0; k < (w->keys ? w->keys : 1); k++)
			hr_buf_put(&b, c[i]->key[k], strlen(c[i]->key[k]) + 1);
		at = hr_map_at(&seen, b.data, b.len);
		if (*at == NULL)
			c[left++] = c[i];
		*at = c[i];
	}
	hr_map_clear(&seen, NULL);
	hr_buf_clear(&b);
	return left;
}

static int
not_settled(struct hr_verify *v, const struct hr_twin *w, const struct hr_candidate *c, struct hr_err *e)
{
	struct hr_buf b = HR_BUF_INIT;
	int i;

	for (i = 0; i < w->keys; i++)
		hr_buf_printf(&b, "%s%s=%s", i ? " " : "", w->relation->column[w->key[i].column].name, c->key[i]);
	if (w->keys == 0)
		hr_buf_printf(&b, "md5=%s", c->key[0]);
	hr_fail(e, HR_TEMPORARY, "row (%.300s) of '%s' is being changed and has not settled in %" PRId64 " s",
	    hr_buf_text(&b), w->name, v->o->timeout_us / 1000000);
	hr_buf_clear(&b);
	return hr_hint(e, "try again when there is less traffic, or with a longer --timeout");
}

/* One round: what is left of c stays in it.  How many, or -1. */
static int64_t
one_round(struct hr_verify *v, const struct hr_twin *w, struct hr_candidate **c, size_t n, bool first,
    struct hr_err *e)
{
	struct hr_candidate **differ;
	size_t i, left = 0, differing = 0;
	int64_t back;

	if (look(v, w, HR_BEFORE, c, n, e) < 0)
		return -1;
	if (first)
		n = without_doubles(w, c, n);
	if (hr_reach_wait(&v->reach, e) < 0 || look(v, w, HR_AT_TARGET, c, n, e) < 0 ||
	    look(v, w, HR_AFTER, c, n, e) < 0)
		return -1;
	differ = hr_alloc((n + 1) * sizeof(*differ));
	for (i = 0; i < n; i++)
		switch (hr_candidate_judge(c[i])) {
		case HR_EQUAL: break;
		case HR_DIFFERENT: differ[differing++] = c[i]; break;
		case HR_AGAIN: c[left++] = c[i]; break;
		}
	back = say_all(v, w, differ, differing, e);
	for (i = 0; back > 0 && i < (size_t)back; i++)
		c[left++] = differ[i];
	free(differ);
	return back < 0 ? -1 : (int64_t)left;
}

int
hr_settle(struct hr_verify *v, const struct hr_twin *w, struct hr_candidates *a, struct hr_err *e)
{
	struct hr_candidate **c = hr_alloc((a->n + 1) * sizeof(*c));
	int64_t until = hr_now_us() + v->o->timeout_us, left = (int64_t)a->n, i;
	unsigned int pause_us = PAUSE_US;
	bool first = true;
	int rc = -1;

	for (i = 0; i < left; i++)
		c[i] = &a->candidate[i];
	while (left > 0) {
		if (!first)
			usleep(pause_us);
		if (!first && pause_us < PAUSE_MOST_US)
			pause_us += pause_us / 2;
		if ((left = one_round(v, w, c, (size_t)left, first, e)) < 0)
			goto out;
		/* Those that stand need one round more, and get it. */
		for (i = 0; i < left && hr_now_us() > until; i++)
			if (!c[i]->stood) {
				not_settled(v, w, c[i], e);
				goto out;
			}
		first = false;
	}
	rc = 0;
out:
	free(c);
	return rc;
}
