/* rule_transform - frames by rules: what tables lead to their tenants by, and what goes on of a frame. */

#include "base/hr.h"

#include "rule/transform.h"
#include "tap.h"
#include "rule.h"

static struct hr_transform t;
static struct hr_pipe p;
static struct hr_err e;

static void
begin(const char *yaml)
{
	t = (struct hr_transform)HR_TRANSFORM_INIT;
	p = (struct hr_pipe)HR_PIPE_INIT;
	p.w.fd = -1;
	hr_err_clear(&e);
	if (hr_rules_parse(&t.rules, "r.yaml", yaml, strlen(yaml), &e) < 0)
		printf("# %s\n", e.what);
	hr_key_set(&t.key, "0123456789abcdef", 16);
	hr_transform_init(&t);
}

static void
end(void)
{
	hr_transform_clear(&t);
	hr_pipe_clear(&p);
}

/* 1: as it is, 0: otherwise or not at all, -1. */
static int
relation(const char *name, uint32_t id, char tenancy, const char *columns)
{
	struct hr_relation *r = table('d', tenancy, columns);
	struct hr_buf b = HR_BUF_INIT;
	struct hr_frame f = { .type = HR_FRAME_RELATION, .flags = HR_MUST | HR_ALL };
	int rc;

	free(r->name);
	r->name = hr_strdup(name);
	r->id = id;
	hr_relation_encode(r, &b);
	f.data = b.data;
	f.len = (uint32_t)b.len;
	rc = hr_transform_step(&t, &p, &f, &e);
	hr_buf_clear(&b);
	hr_relation_free(r);
	return rc;
}

static void
ways(const char *yaml, const char *parents, const char *want, const char *what)
{
	int rc;

	begin(yaml);
	rc = relation("parents", 1, 'c', parents) < 0 || relation("t", 2, 'p', "id int4!, parent int4") < 0;
	is(rc ? e.what : "", want, what);
	end();
	begin(yaml);
	rc = relation("t", 2, 'p', "id int4!, parent int4") < 0 || relation("parents", 1, 'c', parents) < 0;
	is(rc ? e.what : "", want, "in whatever order the tables come");
	end();
}

#define WAY "column 'id' of public.parents is on the way by which rows of public.t find their tenant, and can neither be " \
	"masked nor left out"

static void
parents(void)
{
	ways("rules: [{tables: public.parents, mask: {name: hash}}]", "id int4!, tenant text!, name text", "",
	    "what does not lead to the tenant is masked");
	ways("rules: [{tables: public.parents, mask: {id: tokenize}}]", "id int4!, tenant text!", WAY, "what leads to it is not");
	ways("rules: [{tables: public.parents, tenants: acme, mask: {id: tokenize}}]", "id int4!, tenant text!", WAY,
	    "for some tenants neither");
	ways("rules: [{tables: public.parents, columns: {leave_out: id}}]", "id int4, tenant text!", WAY, "nor is it left out");
}

/* Rows of tenants whose names are as long as names can be. */
static int
rows(const char *tenant, const char *value)
{
	struct hr_buf b = HR_BUF_INIT;
	struct hr_value v[2] = { { (const uint8_t *)"\0\0\0\1", 4, false }, { (const uint8_t *)value, (int32_t)strlen(value), false } };
	struct hr_frame f = { .type = HR_FRAME_ROWS, .flags = HR_MUST, .tenant = tenant, .tenant_len = (uint16_t)strlen(tenant) };
	size_t mark;
	int rc;

	hr_put_begin(&b, 7, 8, 9);
	mark = hr_item_open(&b, HR_INSERT);
	hr_buf_u32le(&b, 1);
	hr_tuple_put(&b, v, 2);
	hr_item_close(&b, mark);
	f.data = b.data;
	f.len = (uint32_t)b.len;
	f.count = 2;
	rc = hr_transform_step(&t, &p, &f, &e);
	hr_buf_clear(&b);
	return rc;
}

static bool
wrote(const char *text)
{
	return p.w.buf.len && memmem(p.w.buf.data, p.w.buf.len, text, strlen(text)) != NULL;
}

static void
plans(void)
{
	char one[HR_TENANT_MAX + 1], other[HR_TENANT_MAX + 1];

	memset(one, 'a', sizeof(one) - 1);
	one[sizeof(one) - 1] = '\0';
	memcpy(other, one, sizeof(one));
	other[sizeof(other) - 2] = 'b';
	begin("rules: [{tables: public.t, tenants: '*b', mask: {name: redact}}]");
	ok(relation("t", 1, 'c', "id int4!, name text") == 1, "a table whose columns stay goes on as it is");
	is_number(rows(one, "Zacharias"), 1, "rows of a tenant without rules go on as they are");
	is_number(rows(other, "Zacharias"), 0, "those of another one do not");
	ok(!wrote("Zacharias") && wrote("***"), "of whose name the last of 255 bytes is another");
	ok(relation("t", 1, 'c', "id int4!, label text") == 1, "a table is described again");
	is_number(rows(other, "Zacharias"), -1, "what was planned before is forgotten");
	is(e.what, "r.yaml:1:50: public.t has no column 'name'", "and the rules do not fit it any more");
	is_number(relation("u", 1, 'c', "id int4!, name text"), 1, "also when it is another one");
	is_number(rows(other, "Zacharias"), 1, "of no rules");
	end();
}

int
main(void)
{
	parents();
	plans();
	return tap_done();
}
