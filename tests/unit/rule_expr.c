/*
 * rule_expr - expressions mean what they mean in PostgreSQL.
 *
 * With arguments it is what tests/pipe/expr.bats asks instead: COLUMNS ROWS
 * are a file of 'name schema type typmod' lines and one of COPY's binary rows;
 * for each expression on stdin and each row a line of text is written.
 */

#include "base/hr.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/lsn.h"
#include "rule/expr.h"
#include "tap.h"

static struct hr_relation rel = { .schema = (char *)"public", .name = (char *)"t" };

/* --- for PostgreSQL --- */

static void
load(const char *path, struct hr_buf *b)
{
	FILE *f = fopen(path, "r");
	size_t n;

	if (f == NULL)
		abort();
	do {
		hr_buf_need(b, 65536);
		b->len += n = fread(b->data + b->len, 1, 65536, f);
	} while (n);
	fclose(f);
}

static void
load_columns(const char *path)
{
	struct hr_buf b = HR_BUF_INIT;
	char name[64], schema[64], type[64];
	int typmod, n;
	const char *at;

	load(path, &b);
	rel.column = hr_zalloc(HR_COLUMNS_MAX * sizeof(*rel.column));
	for (at = hr_buf_text(&b); sscanf(at, "%63s %63s %63s %d\n%n", name, schema, type, &typmod, &n) == 4; at += n)
		rel.column[rel.columns++] = (struct hr_column){ .name = hr_strdup(name),
		    .type_schema = hr_strdup(schema), .type_name = hr_strdup(type), .typmod = typmod };
	hr_buf_clear(&b);
}

static void
answer(const struct hr_expr *x, const struct hr_value *row, struct hr_scratch *m)
{
	struct hr_scope s = { row, NULL, m };
	struct hr_err e = HR_ERR_INIT;
	struct hr_datum d;
	int rc = hr_expr_eval(x, &s, &d, &e);

	if (rc == 0 && !d.null && d.type != hr_expr_type(x) && hr_type_kind(d.type) != hr_type_kind(hr_expr_type(x)))
		abort();
	if (rc == 0)
		rc = hr_datum_cast(&d, HR_TYPE_TEXT, -1, m, &e);
	if (rc < 0)
		printf("ERROR %.*s\n", (int)strcspn(e.what, "\n"), e.what);
	else if (rc > 0)
		printf("UNSENT\n");
	else if (d.null)
		printf("NULL\n");
	else
		printf("=%.*s\n", (int)d.s.n, (const char *)d.s.p);
}

static int
answers(const char *columns, const char *rows)
{
	struct hr_buf b = HR_BUF_INIT;
	struct hr_scratch m = HR_SCRATCH_INIT;
	struct hr_value *value = hr_alloc(HR_COLUMNS_MAX * sizeof(*value));
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;
	int i;

	load_columns(columns);
	load(rows, &b);
	while ((n = getline(&line, &cap, stdin)) > 0) {
		struct hr_err e = HR_ERR_INIT;
		struct hr_cur c = hr_cur(b.data + 19, b.len - 19);
		struct hr_expr *x;

		line[n - 1] = '\0';
		printf("#%s\n", line);
		if ((x = hr_expr_new(line, &rel, NULL, &e)) == NULL) {
			printf("REFUSED %s\n", e.what);
			continue;
		}
		while (hr_cur_left(&c) > 2) {
			const uint8_t *tuple = c.at;
			size_t size = hr_tuple_skip(&c);

			if (size == 0 || hr_tuple_decode(tuple, size, value, HR_COLUMNS_MAX) != rel.columns)
				abort();
			hr_scratch_reset(&m);
			answer(x, value, &m);
		}
		hr_expr_free(x);
	}
	hr_scratch_clear(&m);
	hr_buf_clear(&b);
	for (i = 0; i < rel.columns; i++) {
		free(rel.column[i].name);
		free(rel.column[i].type_schema);
		free(rel.column[i].type_name);
	}
	free(rel.column);
	free(value);
	free(line);
	return 0;
}

int
main(int argc, char *argv[])
{
	if (argc == 3)
		return answers(argv[1], argv[2]);
	ok(true, "x");
	return tap_done();
}
