/* fetch.c - SELECT of what is unchanged, by the key. */

#include "base/hr.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "capture/fetch.h"
#include "pg/pgoutput.h"

static void
put_name(struct hr_buf *sql, const char *before, const char *name, const char *after)
{
	char *quoted = hr_quote_ident(name);

	hr_buf_printf(sql, "%s%s%s", before, quoted, after);
	free(quoted);
}

static void
put_columns(struct hr_buf *sql, const struct hr_relation *rel, const struct hr_cur *tuple)
{
	struct hr_pgo_value v;
	int i, n = 0;

	for (i = 0; i < rel->columns; i++)
		if (hr_pgo_value(tuple, i, &v) == 0 && v.kind == 'u')
			put_name(sql, n++ ? ", " : "SELECT ", rel->column[i].name, "::pg_catalog.text");
}

/* WHERE by the key; the number of parameters, whose data is ours, or -1. */
static int
put_key(struct hr_buf *sql, struct hr_param *param, const struct hr_relation *rel, const struct hr_cur *tuple)
{
	struct hr_pgo_value v;
	int i, n = 0;

	for (i = 0; i < rel->columns; i++) {
		if (!rel->column[i].key)
			continue;
		if (hr_pgo_value(tuple, i, &v) < 0 || (v.kind != 't' && v.kind != 'b'))
			return -1;
		put_name(sql, n ? " AND " : " WHERE ", rel->column[i].name, " = ");
		param[n] = (struct hr_param){
			.data = hr_memdup(v.data, v.len), .len = (int)v.len, .binary = v.kind == 'b',
			.type = rel->column[i].type,
		};
		hr_buf_printf(sql, "$%d", ++n);
	}
	return n;
}

/* The row's values where the tuple has none. */
static int
fill_in(struct hr_buf *fill, const struct hr_relation *rel, const struct hr_cur *tuple, struct hr_result *r)
{
	struct hr_pgo_value v;
	int i, n = 0;

	hr_buf_u16be(fill, (uint16_t)rel->columns);
	for (i = 0; i < rel->columns; i++) {
		const char *text;

		if (hr_pgo_value(tuple, i, &v) < 0)
			return -1;
		if (v.kind != 'u') {
			hr_buf_u8(fill, 'u');
			continue;
		}
		if ((text = hr_result_get(r, 0, n)) == NULL)
			hr_buf_u8(fill, 'N');
		else {
			hr_buf_u8(fill, 't');
			hr_buf_u32be(fill, (uint32_t)hr_result_len(r, 0, n));
			hr_buf_put(fill, text, (size_t)hr_result_len(r, 0, n));
		}
		n++;
	}
	return 1;
}

int
hr_fetch_unchanged(struct hr_conn *c, const struct hr_relation *rel, const struct hr_cur *tuple,
    struct hr_buf *fill, struct hr_err *e)
{
	struct hr_buf sql = HR_BUF_INIT;
	struct hr_param param[HR_COLUMNS_MAX];
	struct hr_result *r;
	char *table = hr_quote_table(rel->schema, rel->name);
	int n, rc = 0;

	put_columns(&sql, rel, tuple);
	hr_buf_printf(&sql, " FROM %s", table);
	free(table);
	if ((n = put_key(&sql, param, rel, tuple)) > 0) {
		rc = hr_conn_query(c, &r, hr_buf_text(&sql), n, param, e);
		if (rc == 0) {
			if (hr_result_rows(r) == 1)
				rc = fill_in(fill, rel, tuple, r);
			hr_result_free(r);
		}
	}
	while (n-- > 0)
		free((void *)param[n].data);
	hr_buf_clear(&sql);
	return rc;
}
