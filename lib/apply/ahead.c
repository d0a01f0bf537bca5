/* ahead.c - rows of tables as they were, into tables as they are. */

#include "base/hr.h"

#include <stdlib.h>
#include <string.h>

#include "apply/ahead.h"
#include "apply/ddl.h"
#include "base/alloc.h"
#include "base/lsn.h"

void
hr_ahead_clear(struct hr_worker *w)
{
	while (w->aheads) {
		hr_ddl_clear(w->ahead[--w->aheads].op);
		free(w->ahead[w->aheads].op);
	}
	w->ahead_known = false;
}

static int
add(struct hr_worker *w, hr_lsn lsn, const void *text, size_t len, struct hr_err *e)
{
	struct hr_ddl *op = hr_alloc(sizeof(*op));

	if (hr_ddl_parse(op, text, len, e) < 0) {
		free(op);
		return -1;
	}
	HR_GROW(w->ahead, w->aheads, w->ahead_cap);
	w->ahead[w->aheads++] = (struct hr_ahead){ lsn, op };
	return 0;
}

/* What another stream of our source has brought, and ours has not. */
static int
others(struct hr_worker *w, struct hr_err *e)
{
	char least[HR_LSN_TEXT];
	struct hr_param p[2] = { HR_PARAM_TEXT(w->a->book.stream), { .data = hr_lsn_format(least, hr_book_least(&w->a->book)) } };
	struct hr_result *r;
	hr_lsn lsn;
	int i, rc;

	hr_ahead_clear(w);
	if (hr_conn_query(w->conn, &r, "SELECT DISTINCT ON (d.lsn) d.lsn, d.operation FROM hr.ddl d"
	    " JOIN hr.stream s ON s.stream = d.stream JOIN hr.stream m ON m.stream = $1 AND m.system = s.system"
	    " AND m.database = s.database WHERE d.stream <> $1 AND d.outcome <> 'waiting' AND d.lsn >= $2::pg_lsn"
	    " AND d.operation ? 'kind' AND NOT EXISTS (SELECT FROM hr.ddl o WHERE o.stream = $1 AND o.lsn = d.lsn)"
	    " ORDER BY d.lsn", 2, p, e) < 0)
		return -1;
	for (i = rc = 0; i < hr_result_rows(r) && rc == 0; i++)
		rc = hr_lsn_parse(hr_result_get(r, i, 0), &lsn) < 0 ? 0 :
		    add(w, lsn, hr_result_get(r, i, 1), strlen(hr_result_get(r, i, 1)), e);
	hr_result_free(r);
	w->ahead_known = rc == 0;
	return rc;
}

/* Was it made at the target, when it came for all? */
static int
was_made(struct hr_worker *w, hr_lsn lsn, bool *yes, struct hr_err *e)
{
	char at[HR_LSN_TEXT];
	struct hr_param p[2] = { HR_PARAM_TEXT(w->a->book.stream), { .data = hr_lsn_format(at, lsn) } };
	struct hr_result *r;

	if (hr_conn_query(w->conn, &r, "SELECT FROM hr.ddl WHERE stream = $1 AND lsn = $2::pg_lsn AND outcome <> 'waiting'",
	    2, p, e) < 0)
		return -1;
	*yes = hr_result_rows(r) > 0;
	hr_result_free(r);
	return 0;
}

int
hr_ahead_kept(struct hr_worker *w, const char *tenant, struct hr_err *e)
{
	struct hr_param p[2] = { HR_PARAM_TEXT(w->a->book.stream), HR_PARAM_TEXT(tenant) };
	struct hr_result *r;
	int i, rc = 0;

	hr_ahead_clear(w);
	w->ahead_known = true;
	if (hr_conn_query(w->conn, &r, "SELECT pg_catalog.encode(data, 'hex') FROM hr.parked WHERE stream = $1 AND tenant = $2"
	    " AND broadcast AND kind = 'D' AND pg_catalog.position(data, pg_catalog.convert_to('" HR_DDL_PREFIX "', 'UTF8')) > 0"
	    " ORDER BY id", 2, p, e) < 0)
		return -1;
	for (i = 0; i < hr_result_rows(r) && rc == 0; i++) {
		const char *hex = hr_result_get(r, i, 0);
		size_t n = strlen(hex) / 2, k;
		uint8_t *data = hr_alloc(n + 1);
		struct hr_cur c = hr_cur(data, n);
		struct hr_item it;
		bool made = false;

		for (k = 0; k < n; k++) {
			char byte[3] = { hex[2 * k], hex[2 * k + 1], '\0' };

			data[k] = (uint8_t)strtoul(byte, NULL, 16);
		}
		while (rc == 0 && (rc = hr_rows_next(&c, &it, e)) == 1) {
			rc = 0;
			if (hr_ddl_is(&it) && (rc = was_made(w, it.lsn, &made, e)) == 0 && made)
				rc = add(w, it.lsn, it.content, it.content_len, e);
		}
		free(data);
	}
	hr_result_free(r);
	return rc;
}

void
hr_ahead_passed(struct hr_worker *w, hr_lsn lsn)
{
	size_t i;

	for (i = 0; i < w->aheads; i++)
		if (w->ahead[i].lsn == lsn) {
			hr_ddl_clear(w->ahead[i].op);
			free(w->ahead[i].op);
			memmove(&w->ahead[i], &w->ahead[i + 1], (w->aheads - i - 1) * sizeof(*w->ahead));
			w->aheads--;
			break;
		}
	hr_worker_stale(w);
}

static void
rename_to(char **name, const char *to)
{
	free(*name);
	*name = hr_strdup(to);
}

/* The relation after one more change.  true: it is another now. */
static bool
follow(struct hr_relation *rel, const struct hr_ddl *op, bool *gone)
{
	const char *column = json_string_value(json_object_get(op->json, "column"));
	const char *to = json_string_value(json_object_get(op->json, "to"));
	int i;

	if (strcmp(op->kind, "drop_table") == 0)
		return *gone = true;
	if (strcmp(op->kind, "rename_table") == 0 || strcmp(op->kind, "set_schema") == 0) {
		rename_to(&rel->schema, op->schema);
		rename_to(&rel->name, op->table);
		return true;
	}
	for (i = 0; i < rel->columns && column; i++) {
		if (strcmp(rel->column[i].name, column) != 0)
			continue;
		if (strcmp(op->kind, "drop_column") == 0) {
			/* No name: its values go nowhere. */
			rename_to(&rel->column[i].name, "");
			rel->column[i].key = false;
			return true;
		}
		if (strcmp(op->kind, "rename_column") == 0 && to) {
			rename_to(&rel->column[i].name, to);
			return true;
		}
	}
	return false;
}

int
hr_ahead_load(struct hr_worker *w, struct hr_target **t, struct hr_relation *rel, struct hr_err *e)
{
	struct hr_relation *as_said = NULL;
	struct hr_buf b = HR_BUF_INIT;
	bool other = false, gone = false;
	size_t i;
	int rc = 0;

	*t = NULL;
	if (!w->ahead_known && others(w, e) < 0) {
		hr_relation_free(rel);
		return -1;
	}
	for (i = 0; i < w->aheads; i++) {
		if (w->ahead[i].op->relation != rel->id)
			continue;
		if (as_said == NULL) {
			hr_relation_encode(rel, &b);
			rc = hr_relation_decode(&as_said, b.data, b.len, e);
			hr_buf_clear(&b);
			if (rc < 0) {
				hr_relation_free(rel);
				return -1;
			}
		}
		other |= follow(rel, w->ahead[i].op, &gone);
	}
	rc = hr_target_load(t, w->conn, rel, w->serial++, e);
	if (rc < 0 || !other)
		hr_relation_free(as_said);
	else {
		(*t)->as_said = as_said;
		(*t)->gone = gone;
	}
	return rc;
}
