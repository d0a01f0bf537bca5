/* preview.c - a stream of each table's first rows. */

#include "base/hr.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/preview.h"
#include "capture/source.h"
#include "pg/conn.h"
#include "stream/frame.h"
#include "stream/rows.h"

static int
put_relation(struct hr_transform *t, struct hr_pipe *p, const struct hr_relation *r, struct hr_err *e)
{
	struct hr_buf b = HR_BUF_INIT;
	struct hr_frame f = { .type = HR_FRAME_RELATION, .flags = HR_MUST, .count = 1, .tenant = "" };
	int rc;

	hr_relation_encode(r, &b);
	f.data = b.data;
	f.len = (uint32_t)b.len;
	rc = hr_transform_step(t, p, &f, e);
	hr_buf_clear(&b);
	return rc;
}

static void
put_rows(struct hr_buf *b, const struct hr_relation *r, const struct hr_result *rows, uint32_t *count)
{
	struct hr_value value[HR_COLUMNS_MAX];
	size_t mark;
	int i, c;

	hr_put_begin(b, 0, 0, 0);
	for (i = 0; i < hr_result_rows(rows); i++) {
		for (c = 0; c < r->columns; c++) {
			const char *text = hr_result_get(rows, i, c);

			value[c] = (struct hr_value){ (const uint8_t *)text, text ? hr_result_len(rows, i, c) : HR_VALUE_NULL,
			    text != NULL };
		}
		mark = hr_item_open(b, HR_INSERT);
		hr_buf_u32le(b, r->id);
		hr_tuple_put(b, value, r->columns);
		hr_item_close(b, mark);
	}
	hr_put_commit(b, 0);
	*count = (uint32_t)hr_result_rows(rows) + 2;
}

static int
preview_rows(struct hr_transform *t, struct hr_pipe *p, struct hr_conn *c, const struct hr_relation *r,
    struct hr_err *e)
{
	char *table = hr_quote_table(r->schema, r->name);
	struct hr_frame f = { .type = HR_FRAME_ROWS, .flags = HR_MUST | HR_ALL, .tenant = "" };
	struct hr_buf b = HR_BUF_INIT, sql = HR_BUF_INIT;
	struct hr_result *rows;
	int i, rc;

	hr_buf_puts(&sql, "SELECT ");
	for (i = 0; i < r->columns; i++) {
		char *name = hr_quote_ident(r->column[i].name);

		hr_buf_printf(&sql, "%s%s", i ? ", " : "", name);
		free(name);
	}
	hr_buf_printf(&sql, " FROM %s LIMIT %" PRIu64, table, t->work.samples);
	rc = hr_conn_query(c, &rows, hr_buf_text(&sql), 0, NULL, e);
	if (rc == 0) {
		put_rows(&b, r, rows, &f.count);
		f.data = b.data;
		f.len = (uint32_t)b.len;
		rc = hr_transform_step(t, p, &f, e);
		hr_result_free(rows);
	}
	free(table);
	hr_buf_clear(&b);
	hr_buf_clear(&sql);
	return rc;
}

/* No unique index may have a column whose values would be made equal. */
static int
check_unique(struct hr_transform *t, struct hr_conn *c, const struct hr_relation *r, struct hr_err *e)
{
	char oid[16];
	const char *id = oid;
	struct hr_param param = HR_PARAM_TEXT(id);
	struct hr_result *indexes;
	const struct hr_mask *m;
	int i, rc = 0;

	snprintf(oid, sizeof(oid), "%" PRIu32, r->id);
	if (hr_conn_query(c, &indexes, "SELECT i.indexrelid::pg_catalog.regclass, a.attname FROM pg_catalog.pg_index i"
	    " JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)"
	    " WHERE i.indrelid = $1::pg_catalog.oid AND i.indisunique ORDER BY 1, 2", 1, &param, e) < 0)
		return -1;
	for (i = 0; rc == 0 && i < hr_result_rows(indexes); i++) {
		const char *column = hr_result_get(indexes, i, 1);

		m = hr_transform_mask(t, r, column, e);
		if (m == NULL || hr_mask_keeps_unique(m))
			continue;
		hr_fail(e, HR_CONFIG, "%s.%s: the unique index %s has column '%s', of which a mask makes equal values",
		    r->schema, r->name, hr_result_get(indexes, i, 0), column);
		rc = hr_hint(e, "mask it by tokenize or a hash of 32 digits or more, or say 'intended: true' and drop the index "
		    "at the target");
	}
	hr_result_free(indexes);
	return rc;
}

int
hr_preview(struct hr_transform *t, const char *conninfo, const char *publication, struct hr_err *e)
{
	struct hr_pipe p = HR_PIPE_INIT;
	struct hr_type_names types = { NULL, 0 };
	struct hr_source_tables s = { NULL, 0 };
	struct hr_conn *c;
	size_t i;
	int rc;

	p.out = -1;
	if (hr_conn_open(&c, conninfo, HR_CONN_PLAIN, e) < 0)
		return -1;
	rc = hr_conn_exec(c, "SET default_transaction_read_only = on", e);
	if (rc == 0)
		rc = hr_types_load(&types, c, e);
	if (rc == 0)
		rc = hr_source_tables(&s, c, publication, &types, e);
	for (i = 0; rc >= 0 && i < s.tables; i++) {
		const struct hr_relation *r = s.table[i].relation;

		rc = put_relation(t, &p, r, e);
		if (rc >= 0)
			rc = check_unique(t, c, r, e);
		if (rc >= 0)
			rc = preview_rows(t, &p, c, r, e);
	}
	hr_source_tables_clear(&s);
	hr_types_clear(&types);
	hr_conn_close(c);
	return rc < 0 ? -1 : 0;
}
