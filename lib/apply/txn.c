/* txn.c - a pipelined transaction and its expectations. */

#include "base/hr.h"

#include <stdlib.h>

#include "apply/txn.h"
#include "base/alloc.h"
#include "base/lsn.h"

#define DRAIN_BYTES	((size_t)256 << 10)
#define DRAIN_COUNT	2000
#define COPY_BYTES	((size_t)64 << 10)	/* of rows that are sent together */

static struct hr_expect *
expect(struct hr_txn *t)
{
	struct hr_expect *x;

	HR_GROW(t->expect, t->expects, t->expect_cap);
	x = &t->expect[t->expects++];
	*x = (struct hr_expect){ .rows = -1 };
	return x;
}

static int
copy_send(struct hr_txn *t, struct hr_err *e)
{
	if (hr_copy_in_put(t->conn, t->copy.data, t->copy.len, e) < 0)
		return -1;
	/* One large row does not keep its room. */
	if (t->copy.cap > 16 * COPY_BYTES)
		hr_buf_clear(&t->copy);
	hr_buf_reset(&t->copy);
	return 0;
}

int
hr_txn_copy_room(struct hr_txn *t, struct hr_err *e)
{
	return t->copy.len < COPY_BYTES ? 0 : copy_send(t, e);
}

int
hr_txn_copy_end(struct hr_txn *t, struct hr_err *e)
{
	int64_t rows;

	if (t->copying == NULL)
		return 0;
	hr_buf_u16be(&t->copy, UINT16_MAX);
	if (copy_send(t, e) < 0)
		return -1;
	t->copying = NULL;
	return hr_copy_in_end(t->conn, &rows, e);
}

static int
pipe_on(struct hr_txn *t, struct hr_err *e)
{
	if (hr_txn_copy_end(t, e) < 0)
		return -1;
	if (!t->piped) {
		if (hr_pipeline_begin(t->conn, e) < 0)
			return -1;
		t->piped = true;
	}
	if (!t->open) {
		t->open = true;
		t->committed = false;
		if (hr_pipeline_send(t->conn, NULL, "BEGIN", 0, NULL, e) < 0)
			return -1;
		expect(t);
	}
	return 0;
}

int
hr_txn_send(struct hr_txn *t, struct hr_statement *s, const char *sql, const uint32_t *type,
    int n, const struct hr_param *param, int64_t rows, void *what, bool is_set, struct hr_err *e)
{
	struct hr_expect *x;
	int i;

	if (pipe_on(t, e) < 0)
		return -1;
	if (s->sent == 0) {
		if (hr_pipeline_prepare(t->conn, s->name, sql, n, type, e) < 0)
			return -1;
		x = expect(t);
		x->prepares = s;
		x->what = what;
		x->is_set = is_set;
		s->sent = 1;
	}
	if (hr_pipeline_send(t->conn, s->name, NULL, n, param, e) < 0)
		return -1;
	x = expect(t);
	x->rows = rows;
	x->what = what;
	x->is_set = is_set;
	if (rows >= 0)
		t->counting = true;
	for (i = 0; i < n; i++)
		t->bytes += param[i].len > 0 ? (size_t)param[i].len : 0;
	t->bytes += 32;
	return 0;
}

void
hr_txn_says_existed(struct hr_txn *t)
{
	t->expect[t->expects - 1].says_existed = true;
}

int
hr_txn_room(struct hr_txn *t, struct hr_err *e)
{
	return t->bytes > DRAIN_BYTES || t->expects > DRAIN_COUNT ? hr_txn_drain(t, e) : 0;
}

int
hr_txn_sql(struct hr_txn *t, const char *sql, int n, const struct hr_param *param, struct hr_err *e)
{
	if (pipe_on(t, e) < 0 || hr_pipeline_send(t->conn, NULL, sql, n, param, e) < 0)
		return -1;
	expect(t);
	t->bytes += 128;
	return 0;
}

/* Results of everything sent, in order. */
static int
results(struct hr_txn *t, struct hr_err *e)
{
	size_t i;

	for (i = 0; i < t->expects; i++) {
		struct hr_expect *x = &t->expect[i];
		struct hr_result *r;
		int rc = hr_pipeline_result(t->conn, &r, e);

		if (rc <= 0) {
			t->failed = x->is_set ? NULL : x->what;
			if (rc == 0)
				hr_fail(e, HR_INTERNAL, "a pipeline gave fewer results than it was sent statements");
			return -1;
		}
		if (x->prepares)
			x->prepares->sent = 2;
		t->committed |= x->is_commit;
		x->did = x->rows < 0 ? -1 : hr_result_affected(r);
		if (x->says_existed && hr_result_rows(r) == 1 && hr_result_get(r, 0, 0)[0] == 't')
			x->did = 2;
		hr_result_free(r);
	}
	return 0;
}

int
hr_txn_drain(struct hr_txn *t, struct hr_err *e)
{
	struct hr_result *r;
	struct hr_expect *late = NULL;
	size_t i, lates = 0, late_cap = 0;
	int rc = 0;

	if (!t->piped || t->expects == 0)
		return 0;
	t->failed = NULL;
	if (hr_pipeline_sync(t->conn, e) < 0 || results(t, e) < 0)
		return -1;
	if (hr_pipeline_result(t->conn, &r, e) != 0) {
		hr_result_free(r);
		return e->code ? -1 : hr_fail(e, HR_INTERNAL, "a pipeline did not end where it should");
	}
	for (i = 0; i < t->expects; i++)
		if (t->expect[i].rows >= 0 && t->expect[i].did != t->expect[i].rows) {
			HR_GROW(late, lates, late_cap);
			late[lates++] = t->expect[i];
		}
	t->expects = 0;
	t->bytes = 0;
	t->counting = false;
	if (lates && hr_txn_plain(t, e) < 0)
		rc = -1;
	for (i = 0; i < lates && rc == 0; i++)
		if (t->short_of) {
			rc = t->short_of(t->short_arg, &late[i], e);
			if (rc < 0)
				t->failed = late[i].is_set ? NULL : late[i].what;
		}
	free(late);
	return rc;
}

int
hr_txn_copy(struct hr_txn *t, const void *target, const char *sql, struct hr_err *e)
{
	static const char header[] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0";

	if (t->copying == target)
		return 0;
	/* BEGIN may still have to be sent. */
	if ((!t->open && hr_txn_sql(t, "SELECT 1", 0, NULL, e) < 0) || hr_txn_plain(t, e) < 0 ||
	    hr_copy_in_begin(t->conn, sql, e) < 0)
		return -1;
	t->copying = target;
	hr_buf_reset(&t->copy);
	hr_buf_put(&t->copy, header, 19);
	return 0;
}

int
hr_txn_plain(struct hr_txn *t, struct hr_err *e)
{
	if (hr_txn_copy_end(t, e) < 0 || hr_txn_drain(t, e) < 0)
		return -1;
	if (t->piped) {
		if (hr_pipeline_end(t->conn, e) < 0)
			return -1;
		t->piped = false;
	}
	return 0;
}

int
hr_txn_begin(struct hr_txn *t, struct hr_err *e)
{
	if (hr_txn_plain(t, e) < 0)
		return -1;
	if (!t->open) {
		if (hr_conn_exec(t->conn, "BEGIN", e) < 0)
			return -1;
		t->open = true;
		t->committed = false;
	}
	return 0;
}

int
hr_txn_commit(struct hr_txn *t, struct hr_err *e)
{
	if (!t->open)
		return 0;
	/* What must be counted is counted before it is too late to mend. */
	if (t->counting && hr_txn_drain(t, e) < 0)
		return -1;
	if (pipe_on(t, e) < 0 || hr_pipeline_send(t->conn, NULL, "COMMIT", 0, NULL, e) < 0)
		return -1;
	expect(t)->is_commit = true;
	if (hr_txn_drain(t, e) < 0)
		return -1;
	t->open = false;
	return 0;
}

void
hr_txn_rollback(struct hr_txn *t)
{
	struct hr_err ignored = HR_ERR_INIT;
	size_t i;

	/* A Parse that was skipped must be sent again. */
	for (i = 0; i < t->expects; i++)
		if (t->expect[i].prepares && t->expect[i].prepares->sent == 1)
			t->expect[i].prepares->sent = 0;
	if (hr_conn_alive(t->conn)) {
		if (t->copying)
			hr_copy_in_abort(t->conn);
		if (t->piped)
			hr_pipeline_abandon(t->conn);
		if (t->open)
			(void)!hr_conn_exec(t->conn, "ROLLBACK", &ignored);
	}
	t->expects = 0;
	t->bytes = 0;
	t->open = t->piped = t->counting = false;
	t->copying = NULL;
}

void
hr_txn_clear(struct hr_txn *t)
{
	free(t->expect);
	hr_buf_clear(&t->copy);
	*t = (struct hr_txn){ 0 };
}
