/* way.c - joins and conditions from table to table. */

#include "base/hr.h"

#include <stdio.h>
#include <stdlib.h>

#include "pg/conn.h"
#include "pg/way.h"

static void
put_name(struct hr_buf *sql, const char *of, const char *name)
{
	char *quoted = hr_quote_ident(name);

	hr_buf_printf(sql, "%s.%s", of, quoted);
	free(quoted);
}

static const char *
alias(int step, char out[16])
{
	if (step < 0)
		return "t";
	snprintf(out, 16, "w%d", step);
	return out;
}

static void
put_table(struct hr_buf *sql, const struct hr_relation *r, int step)
{
	char *table = hr_quote_table(r->step[step].schema, r->step[step].name), name[16];

	hr_buf_printf(sql, "%s %s", table, alias(step, name));
	free(table);
}

/* w1.id = w0.parent_id, for each column of the key. */
static void
put_match(struct hr_buf *sql, const struct hr_relation *r, int step)
{
	const struct hr_step *s = &r->step[step];
	char here[16], before[16];
	int i;

	for (i = 0; i < s->columns; i++) {
		hr_buf_puts(sql, i ? " AND " : "");
		put_name(sql, alias(step, here), s->to[i]);
		hr_buf_puts(sql, " = ");
		put_name(sql, alias(step - 1, before), s->from[i]);
	}
}

static void
join_from(struct hr_buf *sql, const struct hr_relation *r, int from, int n, const char *how)
{
	int i;

	for (i = from; i < n; i++) {
		hr_buf_printf(sql, " %s ", how);
		put_table(sql, r, i);
		hr_buf_puts(sql, " ON ");
		put_match(sql, r, i);
	}
}

void
hr_way_join(struct hr_buf *sql, const struct hr_relation *r, int n, const char *how)
{
	join_from(sql, r, 0, n, how);
}

/* FROM w0 JOIN ... WHERE it is t's, over n steps. */
static void
open_exists(struct hr_buf *sql, const struct hr_relation *r, int n)
{
	hr_buf_puts(sql, "EXISTS (SELECT FROM ");
	put_table(sql, r, 0);
	join_from(sql, r, 1, n, "JOIN");
	hr_buf_puts(sql, " WHERE ");
	put_match(sql, r, 0);
	hr_buf_puts(sql, " AND ");
}

void
hr_way_exists(struct hr_buf *sql, const struct hr_relation *r)
{
	open_exists(sql, r, r->steps);
}

void
hr_way_tenant(struct hr_buf *sql, const struct hr_relation *r)
{
	char last[16];

	put_name(sql, alias(r->steps - 1, last), r->tenant_name);
}

void
hr_way_under(struct hr_buf *sql, const struct hr_relation *r, int n, char *const *value)
{
	const struct hr_step *s = &r->step[n];
	char before[16];
	int i;

	if (n > 0)
		open_exists(sql, r, n);
	for (i = 0; i < s->columns; i++) {
		hr_buf_puts(sql, i ? " AND " : "");
		put_name(sql, alias(n - 1, before), s->from[i]);
		hr_buf_printf(sql, " = %s", value[i]);
	}
	if (n > 0)
		hr_buf_puts(sql, ")");
}
