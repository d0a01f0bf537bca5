/* stream_relation - tables as the stream describes them. */

#include "base/hr.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "stream/relation.h"
#include "tap.h"

static struct hr_relation *
make(uint32_t id, int columns)
{
	struct hr_relation *r = hr_zalloc(sizeof(*r));
	int i;

	*r = (struct hr_relation){
		.id = id, .identity = 'd', .tenancy = 'c', .tenant_column = columns ? columns - 1 : -1,
		.columns = columns, .schema = hr_strdup("public"), .name = hr_sprintf("t%" PRIu32, id),
		.column = hr_zalloc((size_t)columns * sizeof(*r->column)),
	};
	for (i = 0; i < columns; i++)
		r->column[i] = (struct hr_column){
			hr_sprintf("c%d", i), hr_strdup("pg_catalog"), hr_strdup("int4"), 23, -1, i == 0,
		};
	return r;
}

/* With a way of so many steps to its tenant. */
static struct hr_relation *
make_child(int steps, int columns)
{
	struct hr_relation *r = make(6, 2);
	int i, k;

	r->tenancy = 'p';
	r->tenant_column = -1;
	r->steps = steps;
	r->step = hr_zalloc((size_t)steps * sizeof(*r->step));
	r->tenant_name = hr_strdup("tenant");
	for (i = 0; i < steps; i++) {
		r->step[i] = (struct hr_step){
			hr_strdup("public"), hr_sprintf("p%d", i), columns, hr_zalloc((size_t)columns * sizeof(char *)),
			hr_zalloc((size_t)columns * sizeof(char *)),
		};
		for (k = 0; k < columns; k++) {
			r->step[i].from[k] = hr_sprintf("f%d", k);
			r->step[i].to[k] = hr_sprintf("t%d", k);
		}
	}
	return r;
}

static void
way(int steps, int columns, bool good)
{
	struct hr_relation *r = make_child(steps, columns), *s = NULL;
	struct hr_buf b = HR_BUF_INIT;
	struct hr_err e = HR_ERR_INIT;
	int rc;
	size_t len;

	hr_relation_encode(r, &b);
	rc = hr_relation_decode(&s, b.data, b.len, &e);
	ok(good ? rc == 0 && hr_relation_same(r, s) && s->steps == steps && strcmp(s->tenant_name, "tenant") == 0 :
	    rc == -1 && s == NULL && e.code == HR_BAD_STREAM, "a way of %d steps by %d columns is %s", steps, columns,
	    good ? "decoded" : "refused");
	hr_relation_free(s);
	if (good) {
		for (len = 0; len < b.len; len++)
			if (hr_relation_decode(&s, b.data, len, &e) == 0)
				break;
		is_number((int64_t)len, (int64_t)b.len, "cut anywhere it is refused");
		s = hr_relation_copy(r, &e);
		ok(s && hr_relation_same(r, s) && hr_relation_mixed(s), "a copy has it too");
		hr_relation_clear_steps(s);
		ok(s->steps == 0 && s->step == NULL && s->tenant_name == NULL, "and can lose it");
		hr_relation_free(s);
	}
	hr_relation_free(r);
	hr_buf_clear(&b);
}

static void
round_trip(int columns, bool good)
{
	struct hr_relation *r = make(5, columns), *s = NULL;
	struct hr_buf b = HR_BUF_INIT;
	struct hr_err e = HR_ERR_INIT;
	int rc;

	hr_relation_encode(r, &b);
	rc = hr_relation_decode(&s, b.data, b.len, &e);
	ok(good ? rc == 0 && hr_relation_same(r, s) : rc == -1 && s == NULL && e.code == HR_BAD_STREAM,
	    "%d columns are %s", columns, good ? "decoded" : "refused");
	hr_relation_free(r);
	hr_relation_free(s);
	hr_buf_clear(&b);
}

/* Overwrite one byte of a relation of three columns: is it refused? */
static void
broken(size_t at, uint8_t value, const char *what)
{
	struct hr_relation *r = make(5, 3), *s;
	struct hr_buf b = HR_BUF_INIT;
	struct hr_err e = HR_ERR_INIT;

	hr_relation_encode(r, &b);
	b.data[at] = value;
	ok(hr_relation_decode(&s, b.data, b.len, &e) == -1 && s == NULL, "%s is refused", what);
	hr_relation_free(r);
	hr_buf_clear(&b);
}

static void
lengths(void)
{
	struct hr_relation *r = make(5, 3), *s;
	struct hr_buf b = HR_BUF_INIT;
	struct hr_err e = HR_ERR_INIT;
	size_t len, all;

	hr_relation_encode(r, &b);
	all = b.len;
	for (len = 0; len < all; len++)
		if (hr_relation_decode(&s, b.data, len, &e) == 0)
			break;
	is_number((int64_t)len, (int64_t)all, "cut anywhere it is refused");
	hr_buf_u8(&b, 0);
	is_number(hr_relation_decode(&s, b.data, b.len, &e), -1, "bytes behind it are refused");
	hr_relation_free(r);
	hr_buf_clear(&b);
}

static void
table(void)
{
	struct hr_relations t = { 0 };
	struct hr_relation *r;
	uint32_t i, found = 0;

	ok(hr_relations_get(&t, 1) == NULL, "an empty table has none");
	for (i = 0; i < 1000; i++)
		hr_relations_put(&t, make(i * 64, 1));
	for (i = 0; i < 1000; i++)
		found += hr_relations_get(&t, i * 64)->id == i * 64;
	ok(found == 1000 && t.map.count == 1000, "a thousand are found again");
	ok(hr_relations_get(&t, 1) == NULL, "another is not");
	r = make(64, 2);
	hr_relations_put(&t, r);
	ok(hr_relations_get(&t, 64) == r && t.map.count == 1000, "a later one takes the place of the earlier");
	hr_relations_clear(&t);
	ok(t.map.slot == NULL && t.map.count == 0, "clear leaves it ready");
	hr_relations_clear(&t);
}

int
main(void)
{
	struct hr_relation *a = make(1, 2), *b = make(1, 2);

	round_trip(0, true);
	round_trip(1, true);
	round_trip(HR_COLUMNS_MAX - 1, true);
	round_trip(HR_COLUMNS_MAX, true);
	round_trip(HR_COLUMNS_MAX + 1, false);
	broken(4, 'x', "an unknown identity");
	broken(4, 0, "no identity");
	broken(5, 'x', "an unknown tenancy");
	broken(5, 0, "no tenancy");
	broken(6, 3, "a tenant column behind the last");
	broken(7, 0x80, "a negative tenant column");
	broken(8, 2, "a column too many");
	broken(8, 4, "a column too few");
	broken(19, 2, "a column that is neither of the key nor not");
	way(1, 1, true);
	way(HR_STEPS_MAX, HR_STEP_COLUMNS_MAX, true);
	way(0, 1, false);
	way(HR_STEPS_MAX + 1, 1, false);
	way(1, 0, false);
	way(1, HR_STEP_COLUMNS_MAX + 1, false);
	lengths();
	table();

	ok(hr_relation_same(a, b), "two of the same are the same");
	b->column[1].typmod = 5;
	ok(!hr_relation_same(a, b), "another typmod is another");
	hr_relation_free(a);
	hr_relation_free(b);
	hr_relation_free(NULL);
	return tap_done();
}
