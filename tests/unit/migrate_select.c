/* migrate_select - the SQL of a table's ranges and look-ups. */

#include "base/hr.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "migrate/select.h"
#include "tap.h"

static struct hr_twin w;
static struct hr_select q = HR_SELECT_INIT;

static void
has(const char *part, const char *what)
{
	const char *sql = hr_buf_text(&q.sql);

	ok(strstr(sql, part) != NULL, "%s", what);
	if (strstr(sql, part) == NULL)
		printf("# %s\n# in: %s\n", part, sql);
}

static void
key(int i, int column, enum hr_key_order order, const char *type, const char *collation)
{
	w.key[i] = (struct hr_key_column){ .column = column, .order = order };
	w.key[i].type[0] = hr_strdup(type);
	w.key[i].type[1] = hr_strdup(type);
	w.key[i].collation[0] = hr_strdup(collation);
	w.key[i].collation[1] = hr_strdup(collation);
	w.keys = i + 1;
}

int
main(void)
{
	static const char *const name[] = { "tenant_id", "Id", "it\"s" };
	char *lo[] = { (char *)"1", (char *)"a" }, *hi[] = { (char *)"2", (char *)"b" };
	char *array[] = { (char *)"{1}", (char *)"{a}" };
	struct hr_range all = { NULL, NULL }, range = { lo, hi };
	struct hr_scope every = { 0 }, one = { .tenant = "acme", .null_tenant = HR_NULL_SHARED };
	struct hr_scope some = { .list = "{a,b}" }, none = { .null_tenant = HR_NULL_NONE };
	int i;

	w.relation = hr_zalloc(sizeof(*w.relation));
	w.relation->schema = hr_strdup("public");
	w.relation->name = hr_strdup("T");
	w.relation->column = hr_zalloc(3 * sizeof(*w.relation->column));
	w.compared = hr_zalloc(3 * sizeof(*w.compared));
	for (i = 0; i < 3; i++) {
		w.relation->column[i].name = hr_strdup(name[i]);
		w.compared[i] = i != 2;
	}
	w.relation->columns = 3;
	w.tenancy = HR_TENANCY_COLUMN;
	w.filter = hr_strdup("n > 1");
	w.kind[0] = 'r';
	w.kind[1] = 'p';

	key(0, 1, HR_ORDER_NATIVE, "pg_catalog.int8", NULL);
	hr_select_list(&q, &w, HR_SOURCE, &every, &all, 7);
	is(hr_buf_text(&q.sql), "SELECT md5(convert_to(ROW(t.\"tenant_id\"::text, t.\"Id\"::text)::text, 'UTF8')),"
	    " t.\"Id\"::text FROM ONLY \"public\".\"T\" t WHERE true AND (n > 1) ORDER BY t.\"Id\" LIMIT 7", "all of a table");
	is_number(q.params, 0, "without a parameter");
	hr_select_nth(&q, &w, HR_TARGET, &one, &range, 10);
	is(hr_buf_text(&q.sql), "SELECT t.\"Id\"::text FROM \"public\".\"T\" t WHERE true AND (t.\"tenant_id\" = $1 OR"
	    " t.\"tenant_id\" IS NULL) AND t.\"Id\" > $2::pg_catalog.int8 AND t.\"Id\" <= $3::pg_catalog.int8"
	    " ORDER BY t.\"Id\" OFFSET 9 LIMIT 1", "a range of a tenant's rows at a target with partitions");
	ok(q.params == 3 && strcmp(q.param[0].data, "acme") == 0 && strcmp(q.param[2].data, "2") == 0, "its parameters");
	hr_select_sum(&q, &w, HR_TARGET, &some, &all, 5);
	has(" WHERE true AND (t.\"tenant_id\" = ANY ($1)) ORDER BY", "several tenants");
	hr_select_sum(&q, &w, HR_SOURCE, &none, &all, 5);
	has(" AND t.\"tenant_id\" IS NOT NULL AND (n > 1)", "rows without a tenant are nobody's");

	key(1, 2, HR_ORDER_C, "pg_catalog.text", "pg_catalog.\"de-x-icu\"");
	hr_select_list(&q, &w, HR_TARGET, &every, &range, 7);
	has(" AND (t.\"Id\", t.\"it\"\"s\" COLLATE pg_catalog.\"C\") > ($1::pg_catalog.int8, $2::pg_catalog.text COLLATE"
	    " pg_catalog.\"C\") AND (t.\"Id\", t.\"it\"\"s\" COLLATE pg_catalog.\"C\") <= (", "a key of two columns");
	hr_select_look(&q, &w, HR_TARGET, &one, array);
	has(" FROM unnest($1::text[], $2::text[]) WITH ORDINALITY \"hr verify keys\" (\"hr verify 0\", \"hr verify 1\","
	    " \"hr verify n\"), \"public\".\"T\" t WHERE true AND (t.\"tenant_id\" = $3", "keys are looked up");
	has(" AND t.\"Id\" = \"hr verify keys\".\"hr verify 0\"::pg_catalog.int8 AND t.\"it\"\"s\" = \"hr verify keys\"."
	    "\"hr verify 1\"::pg_catalog.text COLLATE pg_catalog.\"de-x-icu\"", "by the column's own collation");
	free(w.key[1].type[0]);
	w.key[1].type[0] = NULL;
	w.key[1].order = HR_ORDER_TEXT;
	hr_select_look(&q, &w, HR_SOURCE, &every, array);
	has(" AND t.\"it\"\"s\"::text = \"hr verify keys\".\"hr verify 1\" COLLATE ", "or by its text");
	w.key[1].order = HR_ORDER_UTF8;
	hr_select_nth(&q, &w, HR_SOURCE, &every, &range, 1);
	has("(t.\"Id\", convert_to(t.\"it\"\"s\"::text, 'UTF8')) > ($1::pg_catalog.int8, convert_to($2::text, 'UTF8'))",
	    "bytes of UTF-8");
	hr_select_nulls(&q, &w, &every, 0);
	is(hr_buf_text(&q.sql), "SELECT count(*) FROM \"public\".\"T\" t WHERE true AND (t.\"Id\" IS NULL OR"
	    " t.\"it\"\"s\" IS NULL)", "keys that are NULL in part");

	for (i = 0; i < 2; i++) {
		free(w.key[i].type[0]), free(w.key[i].type[1]);
		free(w.key[i].collation[0]), free(w.key[i].collation[1]);
		w.key[i] = (struct hr_key_column){ 0 };
	}
	w.keys = 0;
	hr_select_look(&q, &w, HR_SOURCE, &one, array);
	has("SELECT array_position($1::text[], h), count(*), sum(x) FROM (SELECT md5(", "hashes are looked up");
	has(" OFFSET 0) q WHERE h = ANY ($1::text[]) GROUP BY h", "after they are computed");
	hr_select_hashes(&q, &w, HR_TARGET, &one, 2, "{ab}");
	has(" WHERE left(h, 2) = ANY ($1::text[]) GROUP BY h", "those of some groups");
	hr_select_clear(&q);
	hr_twin_clear(&w);
	return tap_done();
}
