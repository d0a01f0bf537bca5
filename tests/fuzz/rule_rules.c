/*
 * Property: whatever a rules file is, it is refused with a place, or it is bound to
 * a table or refused with a place, and rows go through to items of the columns that
 * were promised, or are refused; and what is masked is neither in the items nor in
 * what is said.
 */

#include "base/hr.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "rule/change.h"

#define PG(name, type, key) { (char *)(name), (char *)"pg_catalog", (char *)(type), 0, -1, key }

static const char secret[] = "Qx7-kVw2-Zacharias";

static struct hr_column column[] = {
	PG("id", "int4", true), PG("tenant_id", "text", false), PG("name", "text", false), PG("age", "int4", false),
	PG("amount", "numeric", false), PG("born", "date", false), PG("at", "timestamptz", false), PG("u", "uuid", false),
	PG("ip", "inet", false), PG("doc", "jsonb", false), PG("x", "float8", false), PG("big", "int8", false),
	PG("bytes", "bytea", false), PG("tags", "_int4", false), PG("v", "varchar", false), PG("note", "text", false),
};

/* As texts; of "?" the value was not sent, of NULL there is none. */
static const char *const row[3][HR_COUNT(column)] = {
	{ "7", "acme", secret, "35", "-12.50", "1984-02-29", "2026-01-02 03:04:05+00", "123e4567-e89b-42d3-a456-426614174000",
	    "10.1.2.3", "{\"a\": {\"b\": 1}}", "1.5", "9000000000", "\\x0102", "{1,2}", "Abc-12", "text" },
	{ "7", "acme", secret, NULL, "99999999", "infinity", NULL, NULL, "2001:db8::1/64", NULL, "NaN", "-5", NULL, NULL, "",
	    "?" },
	{ "8", NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL },
};

static struct hr_relation rel = {
	.id = 5, .schema = (char *)"public", .name = (char *)"t", .identity = 'd', .tenancy = 'c', .tenant_column = 1,
	.columns = HR_COUNT(column), .column = column,
};

static void
put_row(struct hr_buf *b, int i)
{
	struct hr_value v[HR_COUNT(column)];
	size_t k;

	for (k = 0; k < HR_COUNT(column); k++)
		if (row[i][k] == NULL || strcmp(row[i][k], "?") == 0)
			v[k] = (struct hr_value){ .len = row[i][k] ? HR_VALUE_UNCHANGED : HR_VALUE_NULL };
		else
			v[k] = (struct hr_value){ (const uint8_t *)row[i][k], (int32_t)strlen(row[i][k]), true };
	hr_tuple_put(b, v, HR_COUNT(column));
}

/* Old: -1, none. */
static void
put_item(struct hr_buf *b, enum hr_op op, char kind, int old, int new)
{
	size_t mark = hr_item_open(b, op);

	hr_buf_u32le(b, rel.id);
	if (op == HR_UPDATE || op == HR_DELETE || op == HR_DROP)
		hr_buf_u8(b, (uint8_t)kind);
	if (old >= 0)
		put_row(b, old);
	if (new >= 0)
		put_row(b, new);
	hr_item_close(b, mark);
}

/* A first part of a text or a category is part of the value; all else has nothing of it. */
static bool
hides(const struct hr_plan *p)
{
	static struct hr_buf text;

	if (p->mask[2] == NULL)
		return false;
	hr_buf_reset(&text);
	hr_mask_describe(p->mask[2], &text);
	return strstr(hr_buf_text(&text), "generalize") == NULL;
}

static bool
has_secret(const void *p, size_t n)
{
	return n && memmem(p, n, secret, sizeof(secret) - 1) != NULL;
}

static void
check_items(const struct hr_plan *p, struct hr_changes *t)
{
	struct hr_cur c = hr_cur(t->payload.data, t->payload.len);
	static struct hr_value v[HR_COLUMNS_MAX];
	struct hr_err e = HR_ERR_INIT;
	struct hr_item it;
	int more;

	while ((more = hr_rows_next(&c, &it, &e)) > 0)
		if ((it.tuple && hr_tuple_decode(it.tuple, it.tuple_len, v, HR_COLUMNS_MAX) != p->out->columns) ||
		    (it.old_tuple && hr_tuple_decode(it.old_tuple, it.old_len, v, HR_COLUMNS_MAX) != p->out->columns))
			abort();
	if (more < 0 || (hides(p) && (has_secret(t->payload.data, t->payload.len) || has_secret(t->line.data, t->line.len))))
		abort();
}

static void
run(struct hr_plan *p, struct hr_buf *items)
{
	static struct hr_changes t = { .dead = 1 };
	struct hr_change_tx tx = { .xid = 7, .lsn = 100 };
	const struct hr_frame f = { .type = HR_FRAME_ROWS, .tenant = "acme", .tenant_len = 4 };
	struct hr_cur c = hr_cur(items->data, items->len);
	struct hr_err e = HR_ERR_INIT;
	struct hr_item it;

	if (t.out == NULL)
		hr_changes_init(&t);
	t.now = &tx;
	while (hr_rows_next(&c, &it, &e) > 0) {
		struct hr_change w = { .t = &t, .p = p, .f = &f, .it = &it, .e = &e };

		hr_buf_reset(&t.payload);
		hr_buf_reset(&t.line);
		if (hr_change_row(&w) < 0 && (e.what[0] == '\0' || (hides(p) && (has_secret(e.what, strlen(e.what)) ||
		    has_secret(e.hint, strlen(e.hint))))))
			abort();
		check_items(p, &t);
		hr_err_clear(&e);
	}
}

/* Files and programs are not for this. */
static bool
goes_out(const struct hr_rules *r)
{
	size_t i, k;

	for (i = 0; i < r->rules; i++)
		for (k = 0; k < r->rule[i].adds; k++)
			if (r->rule[i].add[k].file)
				return true;
	return false;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct hr_buf items;
	static struct hr_key key;
	struct hr_rules r = HR_RULES_INIT;
	struct hr_err e = HR_ERR_INIT;
	struct hr_plan *p;
	int i;

	if (items.len == 0) {
		hr_key_set(&key, "0123456789abcdef", 16);
		put_item(&items, HR_INSERT, '-', -1, 0);
		put_item(&items, HR_UPDATE, '-', -1, 0);
		put_item(&items, HR_UPDATE, 'K', 2, 1);
		put_item(&items, HR_UPDATE, 'O', 0, 1);
		put_item(&items, HR_DELETE, 'K', 2, -1);
		put_item(&items, HR_DROP, 'O', 0, -1);
		put_item(&items, HR_PUT, '-', -1, 0);
	}
	/* What the rules have in them may be said. */
	if (has_secret(data, size))
		return 0;
	if (hr_rules_parse(&r, "r.yaml", (const char *)data, size, &e) < 0) {
		if (e.code != HR_CONFIG || strncmp(e.what, "r.yaml:", 7) != 0)
			abort();
		return 0;
	}
	for (i = 0; i < 2 && !goes_out(&r); i++) {
		rel.identity = i ? 'f' : 'd';
		if (hr_plan_new(&p, &r, &rel, "acme", &key, &e) < 0) {
			if (e.code != HR_CONFIG || strncmp(e.what, "r.yaml:", 7) != 0)
				abort();
			hr_err_clear(&e);
			continue;
		}
		if (!p->left_out && !p->asks)
			run(p, &items);
		hr_plan_free(p);
	}
	hr_rules_clear(&r);
	return 0;
}
