/* copied.c - hr.part, and what follows from it. */

#include "base/hr.h"

#include <stdlib.h>
#include <string.h>

#include "apply/copied.h"
#include "base/alloc.h"

void
hr_copied_plan(struct hr_copied *p)
{
	size_t i;

	for (i = 0; i < p->tables; i++) {
		free(p->table[i].name);
		free(p->table[i].shown);
		free(p->table[i].part);
	}
	p->tables = p->plans = 0;
	hr_map_clear(&p->by_id, NULL);
}

void
hr_copied_clear(struct hr_copied *p)
{
	hr_copied_plan(p);
	free(p->table);
	free(p->plan);
	*p = (struct hr_copied){ 0 };
}

struct hr_copied_table *
hr_copied_plan_table(struct hr_copied *p, uint32_t relation, char *name, char *shown)
{
	HR_GROW(p->table, p->tables, p->table_cap);
	p->table[p->tables] = (struct hr_copied_table){ .relation = relation, .name = name, .shown = shown };
	*hr_map_at(&p->by_id, &relation, sizeof(relation)) = (void *)(uintptr_t)(p->tables + 1);
	return &p->table[p->tables++];
}

void
hr_copied_plan_part(struct hr_copied *p, const struct hr_part *part)
{
	struct hr_copied_table *t = &p->table[p->tables - 1];

	HR_GROW(p->plan, p->plans, p->plan_cap);
	p->plan[p->plans].table = (uint32_t)(p->tables - 1);
	p->plan[p->plans++].part = (uint32_t)t->parts;
	HR_GROW(t->part, t->parts, t->part_cap);
	t->part[t->parts++] = *part;
}

struct hr_part *
hr_copied_part(const struct hr_copied *p, uint32_t i)
{
	return i < p->plans ? &p->table[p->plan[i].table].part[p->plan[i].part] : NULL;
}

const struct hr_copied_table *
hr_copied_table(const struct hr_copied *p, uint32_t relation)
{
	uintptr_t i = (uintptr_t)hr_map_get(&p->by_id, &relation, sizeof(relation));

	return i ? &p->table[i - 1] : NULL;
}

enum hr_copied_mode
hr_copied_mode(const struct hr_copied *p, uint32_t relation, const char *name)
{
	const struct hr_copied_table *t = hr_copied_table(p, relation);

	return t && strcmp(t->name, name) == 0 ? t->mode : HR_COPIED_NONE;
}

static void
judge(struct hr_copied_table *t)
{
	size_t i, in = 0;

	for (i = 0; i < t->parts; i++)
		in += t->part[i].in;
	t->mode = in == t->parts ? HR_COPIED_ALL : in && t->keyed ? HR_COPIED_SOME : HR_COPIED_NONE;
}

static uint32_t
number(const struct hr_result *r, int row, int column)
{
	const char *s = hr_result_get(r, row, column);

	return s ? (uint32_t)strtoul(s, NULL, 10) : 0;
}

int
hr_copied_load(struct hr_copied *p, struct hr_conn *c, const char *stream, struct hr_err *e)
{
	struct hr_param name = HR_PARAM_TEXT(stream);
	struct hr_result *r;
	size_t k;
	int i;

	hr_copied_plan(p);
	if (hr_conn_query(c, &r, "SELECT relation, id, of_id, filenode, from_page, to_page, keyed, is_in FROM hr.part"
	    " WHERE stream = $1 ORDER BY id, of_id, from_page", 1, &name, e) < 0)
		return -1;
	for (i = 0; i < hr_result_rows(r); i++) {
		struct hr_part part = {
			number(r, i, 1), number(r, i, 2), number(r, i, 3), number(r, i, 4), number(r, i, 5),
			hr_result_get(r, i, 7)[0] == 't',
		};

		if (i == 0 || p->table[p->tables - 1].relation != part.relation) {
			char *table = hr_strdup(hr_result_get(r, i, 0));

			hr_copied_plan_table(p, part.relation, table, hr_strdup(table))->keyed = hr_result_get(r, i, 6)[0] == 't';
		}
		hr_copied_plan_part(p, &part);
	}
	hr_result_free(r);
	for (k = 0; k < p->tables; k++)
		judge(&p->table[k]);
	return 0;
}

bool
hr_copied_covers(const struct hr_copied_table *t, const struct hr_part *part)
{
	uint64_t at = part->from, end = part->to ? part->to : UINT64_MAX;
	size_t i;

	/* Parts of one file are in the order of their pages. */
	for (i = 0; i < t->parts && at < end; i++) {
		const struct hr_part *p = &t->part[i];

		if (p->in && p->of == part->of && p->filenode == part->filenode && p->from <= at &&
		    (p->to == 0 || p->to > at))
			at = p->to ? p->to : UINT64_MAX;
	}
	return at >= end;
}

static void
put(struct hr_buf *b, uint32_t v)
{
	hr_buf_printf(b, "%s%" PRIu32, b->len > 1 ? "," : "", v);
}

int
hr_copied_save(const struct hr_copied *p, struct hr_conn *c, const char *stream, struct hr_err *e)
{
	enum { NAME, ID, OF, FILENODE, FROM, TO, KEYED, IN, COLUMNS };
	struct hr_buf b[COLUMNS] = { HR_BUF_INIT };
	struct hr_param param[COLUMNS + 1] = { HR_PARAM_TEXT(stream) };
	char **names = hr_alloc((p->plans + 1) * sizeof(*names)), *list;
	struct hr_result *r;
	size_t i, k, n = 0;
	int rc;

	for (i = 0; i < COLUMNS; i++)
		hr_buf_puts(&b[i], "{");
	for (i = 0; i < p->tables; i++)
		for (k = 0; k < p->table[i].parts; k++) {
			const struct hr_part *part = &p->table[i].part[k];

			names[n++] = p->table[i].name;
			put(&b[ID], part->relation);
			put(&b[OF], part->of);
			put(&b[FILENODE], part->filenode);
			put(&b[FROM], part->from);
			put(&b[TO], part->to);
			put(&b[KEYED], p->table[i].keyed);
			put(&b[IN], part->in);
		}
	list = hr_quote_array(names, n);
	param[1] = (struct hr_param)HR_PARAM_TEXT(list);
	for (i = 1; i < COLUMNS; i++) {
		hr_buf_puts(&b[i], "}");
		param[i + 1] = (struct hr_param){ .data = hr_buf_text(&b[i]) };
	}
	rc = hr_conn_query(c, &r, "DELETE FROM hr.part WHERE stream = $1", 1, param, e);
	if (rc == 0) {
		hr_result_free(r);
		rc = hr_conn_query(c, &r, "INSERT INTO hr.part (stream, relation, id, of_id, filenode, from_page, to_page,"
		    " keyed, is_in) SELECT $1, n, id, o, f, a, nullif(z, 0), k = 1, i = 1 FROM ROWS FROM ("
		    "unnest($2::text[]), unnest($3::oid[]), unnest($4::oid[]), unnest($5::oid[]), unnest($6::bigint[]),"
		    " unnest($7::bigint[]), unnest($8::int[]), unnest($9::int[])) AS u(n, id, o, f, a, z, k, i)",
		    COLUMNS + 1, param, e);
		if (rc == 0)
			hr_result_free(r);
	}
	for (i = 0; i < COLUMNS; i++)
		hr_buf_clear(&b[i]);
	free(names);
	free(list);
	return rc;
}

int
hr_copied_missing(struct hr_conn *c, const char *stream, int64_t *n, struct hr_err *e)
{
	struct hr_param name = HR_PARAM_TEXT(stream);
	struct hr_result *r;

	if (hr_conn_query(c, &r, "SELECT count(*) FROM hr.part WHERE stream = $1 AND NOT is_in", 1, &name, e) < 0)
		return -1;
	*n = strtoll(hr_result_get(r, 0, 0), NULL, 10);
	hr_result_free(r);
	return 0;
}

void
hr_copied_draw(const struct hr_copied *p, struct hr_checkpoint *cp)
{
	size_t i, k;

	for (i = 0; i < p->tables; i++) {
		const struct hr_copied_table *t = &p->table[i];
		struct hr_copied_part c = { t->shown, t->relation, 0, 0, 0, 0 };

		for (k = 0; k < t->parts && t->part[k].in; k++)
			;
		if (k == t->parts) {
			hr_checkpoint_part(cp, &c);
			continue;
		}
		for (k = 0; k < t->parts && t->keyed; k++) {
			const struct hr_part *part = &t->part[k];

			if (!part->in)
				continue;
			c = (struct hr_copied_part){
				t->shown, t->relation, part->of, part->filenode, part->from, part->to,
			};
			/* Those that follow each other are one. */
			while (k + 1 < t->parts && part[1].in && part[1].of == c.of && part[1].filenode == c.filenode &&
			    part[1].from == c.to) {
				c.to = part[1].to;
				part++;
				k++;
			}
			hr_checkpoint_part(cp, &c);
		}
	}
}
