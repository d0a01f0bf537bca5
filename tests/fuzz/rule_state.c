/*
 * Property: a state that is taken is as long when it is saved again, and all of
 * it can be shown.
 *
 * The magic, the fingerprint and the checksums of the input are made good.
 */

#include "base/hr.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/crc32c.h"
#include "rule/aggregate.h"

#define HEAD	64
#define TAIL	12
#define TYPE(t)	(char *)(uintptr_t)"pg_catalog", (char *)(uintptr_t)(t)
#define NAME(n) (char *)(uintptr_t)(n)

static struct hr_column column[] = {
	{ NAME("who"), TYPE("text"), 25, -1, true },
	{ NAME("n"), TYPE("int4"), 23, -1, false },
	{ NAME("x"), TYPE("numeric"), 1700, -1, false },
	{ NAME("f"), TYPE("float8"), 701, -1, false },
	{ NAME("at"), TYPE("timestamptz"), 1184, -1, false },
};

static struct hr_aggregate *
make(hr_aggregate_fn *fn, void *arg)
{
	static const struct hr_relation rel = { .schema = NAME("public"), .name = NAME("t"), .identity = 'f',
		.tenancy = 'c', .columns = HR_COUNT(column), .column = column };
	static const struct hr_aggregate_group group[] = { { "who", NULL }, { "x", NULL } };
	static const struct hr_aggregate_output output[] = {
		{ "c", HR_AGGREGATE_COUNT, NULL, NULL }, { "s", HR_AGGREGATE_SUM, "n", NULL },
		{ "sx", HR_AGGREGATE_SUM, "x", NULL }, { "ax", HR_AGGREGATE_AVG, "x", NULL },
		{ "sf", HR_AGGREGATE_SUM, "f", NULL }, { "m", HR_AGGREGATE_MIN, "who", NULL },
		{ "mx", HR_AGGREGATE_MAX, "x", NULL }, { "ma", HR_AGGREGATE_MAX, "at", NULL },
		{ "d", HR_AGGREGATE_DISTINCT, "who", NULL },
	};
	struct hr_aggregate_spec s = { .schema = "a", .table = "t", .group = group, .groups = HR_COUNT(group),
		.output = output, .outputs = HR_COUNT(output), .window = { .size_us = 1000000 }, .window_by = "at",
		.append_only = true };
	struct hr_err e = HR_ERR_INIT;
	struct hr_aggregate *a = hr_aggregate_new(&s, &rel, fn, arg, &e);

	if (a == NULL)
		abort();
	return a;
}

static int
look(void *arg, enum hr_op op, const struct hr_value *value, int n, struct hr_err *e)
{
	uint32_t *crc = arg;
	int i;

	(void)e;
	for (i = 0; i < n; i++)
		if (value[i].len > 0)
			*crc = hr_crc32c(*crc + (uint32_t)op, value[i].data, (size_t)value[i].len);
	return 0;
}

static int
put(void *arg, const void *data, size_t n, struct hr_err *e)
{
	(void)e;
	hr_buf_put(arg, data, n);
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hr_buf b = HR_BUF_INIT, again = HR_BUF_INIT;
	struct hr_err e = HR_ERR_INIT;
	struct hr_aggregate *a;
	uint32_t crc = 0;

	if (size < HEAD + TAIL)
		return 0;
	a = make(look, &crc);
	hr_buf_put(&b, data, size);
	memcpy(b.data, "\211HRA\r\n\032\n", 8);
	hr_set_u32le(b.data + 8, 1);
	hr_set_u64le(b.data + 12, a->plan.fingerprint);
	hr_set_u32le(b.data + HEAD - 4, hr_crc32c(0, b.data, HEAD - 4));
	hr_set_u32le(b.data + size - 4, hr_crc32c(0, b.data, size - 4));
	if (hr_aggregate_decode(a, "input", b.data, size, &e) == 0) {
		if (hr_groups_save(&a->groups, put, &again, &e) < 0 || again.len != size - HEAD - TAIL)
			abort();
		/* A sum may be out of its type's range: then it is refused. */
		a->forgotten = 0;
		if (hr_aggregate_again(a, 0, UINT64_MAX, &e) < 0 && e.code != HR_REFUSED)
			abort();
	} else if (a->groups.count || a->groups.used || a->lsn) {
		abort();
	}
	hr_aggregate_free(a);
	hr_buf_clear(&b);
	hr_buf_clear(&again);
	return 0;
}
