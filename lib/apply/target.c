/* target.c - match a relation with the target's table. */

#include "base/hr.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apply/batch.h"
#include "apply/target.h"
#include "base/alloc.h"
#include "base/log.h"

#define FIRST_USER_OID 16384	/* below, OIDs are the same everywhere */

#define F(i) hr_result_get(r, row, i)

/* One column the table has at the target. */
enum { NAME, TYPE, TYPE_SCHEMA, TYPE_NAME, ARRAY, CATEGORY, ELEMENT, GENERATED, IDENTITY, SHOWN, BASE_CATEGORY, EQUALITY, LOOSE, BASE };

static const char columns_sql[] =
"SELECT a.attname, a.atttypid, n.nspname, t.typname, t.typarray, t.typcategory, t.typelem,"
" a.attgenerated, a.attidentity, pg_catalog.format_type(a.atttypid, a.atttypmod),"
" coalesce(b.typcategory, t.typcategory),"
" (SELECT w.nspname FROM pg_catalog.pg_opclass oc JOIN pg_catalog.pg_am am ON am.oid = oc.opcmethod"
"  JOIN pg_catalog.pg_amop ao ON ao.amopfamily = oc.opcfamily AND ao.amoplefttype = oc.opcintype"
"  AND ao.amoprighttype = oc.opcintype AND ao.amopstrategy = 3"
"  JOIN pg_catalog.pg_operator o ON o.oid = ao.amopopr JOIN pg_catalog.pg_namespace w ON w.oid = o.oprnamespace"
"  WHERE am.amname = 'btree' AND oc.opcdefault AND oc.opcintype = coalesce(b.oid, t.oid)),"
" EXISTS (SELECT 1 FROM pg_catalog.pg_collation l WHERE l.oid = a.attcollation AND NOT l.collisdeterministic)"
", CASE t.typtype WHEN 'd' THEN '::' || pg_catalog.format_type(b.oid, NULL) ELSE '' END"
" FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid"
" JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace"
" CROSS JOIN LATERAL (WITH RECURSIVE x AS (SELECT t.oid UNION ALL SELECT y.typbasetype FROM x"
"  JOIN pg_catalog.pg_type y ON y.oid = x.oid WHERE y.typtype = 'd') SELECT z.oid, z.typcategory FROM x"
"  JOIN pg_catalog.pg_type z ON z.oid = x.oid WHERE z.typtype <> 'd') b"
" WHERE a.attrelid = pg_catalog.to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum";

static const char source_type_sql[] =
"SELECT t.typarray, pg_catalog.format_type(t.oid, NULL) FROM pg_catalog.pg_type t WHERE t.oid = $1::oid";

/*
 * Indexes that find at most one row, and that ON CONFLICT can name: one WITHOUT
 * OVERLAPS cannot be named.  A column may be NULL where its NOT NULL has not
 * been validated.  Both are PostgreSQL 18's.
 */
static const char keys_sql[] =
"SELECT pg_catalog.array_to_string(ARRAY(SELECT k.ord FROM pg_catalog.unnest(i.indkey::int2[])"
"  WITH ORDINALITY u(attnum, n) JOIN LATERAL (SELECT pg_catalog.array_position($2::text[], a.attname::text)"
"  AS ord, a.attnotnull FROM pg_catalog.pg_attribute a WHERE a.attrelid = i.indrelid"
"  AND a.attnum = u.attnum) k ON true WHERE u.n <= i.indnkeyatts), ',', '0')"
" FROM pg_catalog.pg_index i WHERE i.indrelid = pg_catalog.to_regclass($1) AND i.indisunique"
" AND i.indimmediate AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL"
" AND NOT i.indisexclusion"
" AND NOT EXISTS (SELECT 1 FROM pg_catalog.unnest(i.indkey::int2[]) WITH ORDINALITY u(attnum, n)"
"  JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = u.attnum"
"  WHERE u.n <= i.indnkeyatts AND (NOT a.attnotnull OR EXISTS (SELECT 1 FROM pg_catalog.pg_constraint o"
"   WHERE o.conrelid = a.attrelid AND o.contype = 'n' AND NOT o.convalidated AND o.conkey[1] = a.attnum)))"
" ORDER BY i.indisprimary DESC, i.indnkeyatts, i.indexrelid";

static const char triggers_sql[] =
"SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_trigger WHERE tgrelid IN (SELECT pg_catalog.to_regclass($1)"
"  UNION ALL SELECT relid FROM pg_catalog.pg_partition_tree(pg_catalog.to_regclass($1)))"
" AND NOT tgisinternal AND tgenabled IN ('A', 'R')), EXISTS (SELECT 1 FROM pg_catalog.pg_class"
" WHERE oid = pg_catalog.to_regclass($1) AND relkind IN ('r', 'p')), EXISTS (SELECT 1"
" FROM pg_catalog.pg_class WHERE oid = pg_catalog.to_regclass($1) AND relkind = 'p')";

/* Until the column has another type than this. */
static void
await_type(struct hr_target *t, const char *column, const char *shown)
{
	char *table = hr_quote_literal(t->table), *name = hr_quote_literal(column), *type = hr_quote_literal(shown);

	free(t->awaits);
	t->awaits = hr_sprintf("NOT EXISTS (SELECT FROM pg_catalog.pg_attribute WHERE attrelid = pg_catalog.to_regclass(%s)"
	    " AND attname = %s AND pg_catalog.format_type(atttypid, atttypmod) = %s)", table, name, type);
	free(table);
	free(name);
	free(type);
}

/* Until the table has the columns that it lacks. */
static void
await_columns(struct hr_target *t)
{
	char *table = hr_quote_literal(t->table);
	struct hr_buf b = HR_BUF_INIT;
	int i, n = 0;

	hr_buf_printf(&b, "(SELECT pg_catalog.count(*) FROM pg_catalog.pg_attribute WHERE attrelid = pg_catalog.to_regclass(%s)"
	    " AND attnum > 0 AND NOT attisdropped AND attname IN (", table);
	for (i = 0; i < t->relation->columns; i++)
		if (t->column[i].lacking) {
			char *name = hr_quote_literal(t->relation->column[i].name);

			hr_buf_printf(&b, "%s%s", n++ ? ", " : "", name);
			free(name);
		}
	hr_buf_printf(&b, ")) = %d", n);
	hr_buf_text(&b);
	free(t->awaits);
	t->awaits = (char *)hr_buf_take(&b, NULL);
	free(table);
}

/* Columns the row that a target column's values come as. */
static int
match_type(struct hr_target *t, struct hr_conn *c, struct hr_target_column *col,
    const struct hr_column *src, struct hr_result *r, int row, struct hr_err *e)
{
	uint32_t type = (uint32_t)strtoul(F(TYPE), NULL, 10);
	bool same = src->type < FIRST_USER_OID && type < FIRST_USER_OID ? src->type == type :
	    strcmp(src->type_schema, F(TYPE_SCHEMA)) == 0 && strcmp(src->type_name, F(TYPE_NAME)) == 0;
	const char category = F(BASE_CATEGORY)[0];

	col->cast = hr_strdup("");
	if (F(EQUALITY) && strcmp(F(EQUALITY), "pg_catalog") != 0) {
		char *schema = hr_quote_ident(F(EQUALITY));

		/* An extension's: it is not in our search path. */
		col->equals = hr_sprintf("OPERATOR(%s.=)", schema);
		free(schema);
	}
	if (same) {
		uint32_t element = (uint32_t)strtoul(F(ELEMENT), NULL, 10);

		col->type = type;
		col->array = (uint32_t)strtoul(F(ARRAY), NULL, 10);
		col->is_array = category == 'A';
		if (col->is_array && element >= FIRST_USER_OID)
			col->element = element;
	} else if (src->type < FIRST_USER_OID) {
		struct hr_result *s;
		char oid[16];
		struct hr_param p = { .data = oid };

		snprintf(oid, sizeof(oid), "%" PRIu32, src->type);
		if (hr_conn_query(c, &s, source_type_sql, 1, &p, e) < 0)
			return -1;
		if (hr_result_rows(s) == 1) {
			col->type = src->type;
			col->array = (uint32_t)strtoul(hr_result_get(s, 0, 0), NULL, 10);
			col->is_array = src->type_name[0] == '_';
			free(col->cast);
			col->cast = hr_sprintf("::%s", F(SHOWN));
			t->copyable = false;
		}
		hr_result_free(s);
	}
	if (col->type == 0 && t->drift.code == HR_OK) {
		hr_fail(&t->drift, HR_CONFIG, "column '%s' of '%s' has type %s.%s at the source and %s at the target",
		    src->name, t->shown, src->type_schema, src->type_name, F(SHOWN));
		hr_hint(&t->drift, "make the types agree at the target; it then goes on by itself");
		await_type(t, src->name, F(SHOWN));
	}
	if (col->array == 0 || col->is_array)
		t->settable = false;
	if (col->element)
		t->verbatim = false;
	col->by_text = category == 'G' || strcmp(src->type_name, "json") == 0 || strcmp(src->type_name, "xml") == 0;
	return 0;
}

/* A source's type as SQL for the target, modifier and all.  Gives. */
static char *
type_sql(struct hr_conn *c, const struct hr_column *col, struct hr_err *e)
{
	char *type = hr_quote_table(col->type_schema, col->type_name), mod[16], *sql;
	struct hr_param p[2] = { HR_PARAM_TEXT(type), { .data = mod } };
	struct hr_result *r;

	snprintf(mod, sizeof(mod), "%" PRId32, col->typmod);
	if (hr_conn_query(c, &r, "SELECT pg_catalog.format_type(pg_catalog.to_regtype($1)::oid, $2::int)"
	    " WHERE pg_catalog.to_regtype($1) IS NOT NULL", 2, p, e) < 0) {
		free(type);
		return NULL;
	}
	sql = hr_result_rows(r) ? hr_strdup(hr_result_get(r, 0, 0)) : hr_strdup(type);
	hr_result_free(r);
	free(type);
	return sql;
}

/* CREATE TABLE as the stream describes it.  Gives; NULL with *e set. */
static char *
create_sql(const struct hr_target *t, struct hr_conn *c, struct hr_err *e)
{
	const struct hr_relation *rel = t->relation;
	struct hr_buf b = HR_BUF_INIT;
	int i, keys = 0;

	hr_buf_printf(&b, "CREATE TABLE %s (", t->table);
	for (i = 0; i < rel->columns; i++) {
		char *name = hr_quote_ident(rel->column[i].name), *type = type_sql(c, &rel->column[i], e);

		if (type)
			hr_buf_printf(&b, "%s%s %s", i ? ", " : "", name, type);
		free(name);
		free(type);
		if (type == NULL) {
			hr_buf_clear(&b);
			return NULL;
		}
	}
	for (i = 0; i < rel->columns && rel->identity != 'f'; i++)
		if (rel->column[i].key) {
			char *name = hr_quote_ident(rel->column[i].name);

			hr_buf_printf(&b, "%s%s", keys++ ? ", " : ", PRIMARY KEY (", name);
			free(name);
		}
	hr_buf_puts(&b, keys ? "))" : ")");
	hr_buf_text(&b);
	return (char *)hr_buf_take(&b, NULL);
}

static void
say_lacking(struct hr_target *t)
{
	char *sql = hr_target_add_columns(t);
	int i;

	for (i = 0; sql && !t->column[i].lacking; i++)
		;
	if (sql) {
		hr_fail(&t->drift, HR_CONFIG, "table '%s' at the target lacks column '%s'", t->shown,
		    t->relation->column[i].name);
		hr_hint(&t->drift, "run %s at the target; it then goes on by itself", sql);
		await_columns(t);
	}
	free(sql);
}

static int
match_columns(struct hr_target *t, struct hr_conn *c, struct hr_result *r, struct hr_err *e)
{
	struct hr_relation *rel = t->relation;
	int i, row;

	for (i = 0; i < rel->columns; i++) {
		struct hr_target_column *col = &t->column[i];

		col->source = -1;
		col->name = hr_quote_ident(rel->column[i].name);
		for (row = 0; row < hr_result_rows(r); row++)
			if (strcmp(F(NAME), rel->column[i].name) == 0)
				break;
		if (row == hr_result_rows(r) || F(GENERATED)[0]) {
			/* One without a name is gone, and not missed. */
			col->lacking = row == hr_result_rows(r) && rel->column[i].name[0];
			if (col->lacking && (col->lacks = type_sql(c, &rel->column[i], e)) == NULL)
				return -1;
			t->verbatim = false;
			col->cast = hr_strdup("");
			continue;
		}
		col->source = i;
		col->always = F(IDENTITY)[0] == 'a';
		col->loose = F(LOOSE)[0] == 't';
		col->base = hr_strdup(F(BASE));
		if (match_type(t, c, col, &rel->column[i], r, row, e) < 0)
			return -1;
	}
	say_lacking(t);
	return 0;
}

/* The first unique index all of whose columns the source's identity has. */
static int
choose_key(struct hr_target *t, struct hr_conn *c, struct hr_err *e)
{
	struct hr_relation *rel = t->relation;
	struct hr_buf names = HR_BUF_INIT;
	struct hr_param p[2] = { HR_PARAM_TEXT(t->table), { 0 } };
	struct hr_result *r;
	int row, i;

	/* Names in the relation's order; those not in the identity as blanks. */
	hr_buf_puts(&names, "{");
	for (i = 0; i < rel->columns; i++) {
		const char *s = rel->column[i].key && t->column[i].source >= 0 ? rel->column[i].name : "";

		hr_buf_puts(&names, i ? ",\"" : "\"");
		for (; *s; s++) {
			if (*s == '"' || *s == '\\')
				hr_buf_u8(&names, '\\');
			hr_buf_u8(&names, (uint8_t)*s);
		}
		hr_buf_puts(&names, "\"");
	}
	hr_buf_puts(&names, "}");
	p[1].data = hr_buf_text(&names);
	i = hr_conn_query(c, &r, keys_sql, 2, p, e);
	hr_buf_clear(&names);
	if (i < 0)
		return -1;
	t->key = hr_zalloc(((size_t)rel->columns + 1) * sizeof(*t->key));
	for (row = 0; row < hr_result_rows(r) && !t->uniques; row++) {
		const char *s = F(0);
		char *end;

		for (t->uniques = 0; *s && t->uniques >= 0; s = *end ? end + 1 : end) {
			long ord = strtol(s, &end, 10);

			if (ord <= 0 || ord > rel->columns)
				t->uniques = -1;
			else
				t->key[t->uniques++] = (int)ord - 1;
		}
		if (t->uniques < 0)
			t->uniques = 0;
	}
	hr_result_free(r);
	t->keys = t->uniques;
	if (t->keys) {
		/* One tenant's change must never find another tenant's row. */
		i = rel->tenant_column;
		if (i >= 0 && rel->column[i].key && t->column[i].source >= 0 && !hr_target_is_key(t, i))
			t->key[t->keys++] = i;
	} else if (rel->identity != 'f') {
		for (i = 0; i < rel->columns; i++)
			if (rel->column[i].key)
				t->key[t->keys++] = i;
		if (t->keys)
			hr_log(HR_LOG_WARNING, "table '%s' at the target has no unique index on its key: "
			    "changes of rows will be slow", t->shown);
	}
	return 0;
}

const char *
hr_target_equals(const struct hr_target *t, int i)
{
	if (t->uniques && i >= t->uniques)
		return "IS NOT DISTINCT FROM";
	return t->column[t->key[i]].equals ? t->column[t->key[i]].equals : "=";
}

bool
hr_target_is_key(const struct hr_target *t, int column)
{
	int i;

	for (i = 0; i < t->keys; i++)
		if (t->key[i] == column)
			return true;
	return false;
}

int
hr_target_load(struct hr_target **out, struct hr_conn *c, struct hr_relation *rel, uint32_t serial,
    struct hr_err *e)
{
	struct hr_target *t = hr_zalloc(sizeof(*t));
	struct hr_param p;
	struct hr_result *r = NULL;
	int i, rc = -1;

	*out = NULL;
	t->relation = rel;
	t->serial = serial;
	t->table = hr_quote_table(rel->schema, rel->name);
	t->shown = hr_sprintf("%s.%s", rel->schema, rel->name);
	t->column = hr_zalloc(((size_t)rel->columns + 1) * sizeof(*t->column));
	t->settable = t->copyable = t->verbatim = true;
	p = (struct hr_param)HR_PARAM_TEXT(t->table);
	if (hr_conn_query(c, &r, triggers_sql, 1, &p, e) < 0)
		goto out;
	t->in_order = hr_result_get(r, 0, 0)[0] == 't';
	t->missing = hr_result_get(r, 0, 1)[0] != 't';
	t->partitioned = hr_result_get(r, 0, 2)[0] == 't';
	t->only = hr_sprintf("%s%s", t->partitioned ? "" : "ONLY ", t->table);
	hr_result_free(r);
	r = NULL;
	if (t->missing) {
		char *sql = create_sql(t, c, e);

		if (sql == NULL)
			goto out;
		hr_fail(&t->drift, HR_CONFIG, "table '%s' does not exist at the target", t->shown);
		hr_hint(&t->drift, "run %s there, or take its definition from the source with pg_dump --schema-only;"
		    " it then goes on by itself", sql);
		t->create = sql;
		sql = hr_quote_literal(t->table);
		t->awaits = hr_sprintf("pg_catalog.to_regclass(%s) IS NOT NULL", sql);
		free(sql);
		rc = 0;
		goto out;
	}
	if (hr_conn_query(c, &r, columns_sql, 1, &p, e) < 0 || match_columns(t, c, r, e) < 0 ||
	    choose_key(t, c, e) < 0)
		goto out;
	for (i = 0; i < rel->columns && t->column[i].source < 0; i++)
		;
	if (i == rel->columns)
		t->copyable = t->settable = false;	/* no column: rows are but counted */
	for (i = 0; i < rel->columns; i++)
		t->has_always |= t->column[i].always && !hr_target_is_key(t, i);
	for (i = 0; i < rel->columns; i++)
		t->key_lacking |= t->column[i].lacking && (t->keys == 0 || hr_target_is_key(t, i));
	rc = 0;
out:
	hr_result_free(r);
	if (rc < 0)
		hr_target_free(t);
	else
		*out = t;
	return rc;
}

char *
hr_target_add_columns(const struct hr_target *t)
{
	struct hr_buf b = HR_BUF_INIT;
	int i;

	for (i = 0; i < t->relation->columns; i++) {
		if (!t->column[i].lacking)
			continue;
		if (b.len == 0)
			hr_buf_printf(&b, "ALTER TABLE %s", t->table);
		else
			hr_buf_puts(&b, ",");
		hr_buf_printf(&b, " ADD COLUMN IF NOT EXISTS %s %s", t->column[i].name, t->column[i].lacks);
	}
	if (b.len == 0)
		return NULL;
	hr_buf_text(&b);
	return (char *)hr_buf_take(&b, NULL);
}

char *
hr_target_drop_columns(const struct hr_target *t)
{
	struct hr_buf b = HR_BUF_INIT;
	int i;

	for (i = 0; i < t->relation->columns; i++)
		if (t->column[i].lacking) {
			hr_buf_printf(&b, b.len ? ", " : "ALTER TABLE %s ", t->table);
			hr_buf_printf(&b, "DROP COLUMN %s", t->column[i].name);
		}
	hr_buf_text(&b);
	return (char *)hr_buf_take(&b, NULL);
}

struct hr_statement *
hr_target_statement(struct hr_target *t, char kind, const char *mask, size_t len)
{
	struct hr_statement *s;

	for (s = t->statement; s; s = s->next)
		if (s->kind == kind && strlen(s->mask) == len && (len == 0 || memcmp(s->mask, mask, len) == 0))
			return s;
	s = hr_zalloc(sizeof(*s));
	s->kind = kind;
	s->mask = hr_memdup(mask, len);
	snprintf(s->name, sizeof(s->name), "hr_%" PRIu32 "_%d", t->serial, t->statements++);
	s->next = t->statement;
	t->statement = s;
	return s;
}

void
hr_target_forget(struct hr_target *t)
{
	struct hr_statement *s;

	for (s = t->statement; s; s = s->next)
		s->sent = 0;
}

void
hr_target_free(struct hr_target *t)
{
	struct hr_statement *s;
	int i;

	if (t == NULL)
		return;
	while ((s = t->statement) != NULL) {
		t->statement = s->next;
		free(s->mask);
		free(s);
	}
	for (i = 0; i < t->relation->columns; i++) {
		free(t->column[i].name);
		free(t->column[i].base);
		free(t->column[i].cast);
		free(t->column[i].lacks);
		free(t->column[i].equals);
	}
	hr_batch_forget(t);
	hr_relation_free(t->as_said);
	free(t->column);
	free(t->key);
	free(t->table);
	free(t->only);
	free(t->awaits);
	free(t->create);
	free(t->shown);
	hr_relation_free(t->relation);
	free(t);
}
