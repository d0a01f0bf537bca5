/* tally.c - aggregate functions. */

#include "base/hr.h"

#include <math.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "rule/same.h"
#include "rule/tally.h"

#define HEAP	16		/* what an allocation takes beside its bytes */

static const char *const name[HR_AGGREGATE_FUNCTIONS] = { "count", "sum", "min", "max", "avg", "distinct" };

int
hr_aggregate_function_parse(const char *s)
{
	int f;

	for (f = 0; f < HR_AGGREGATE_FUNCTIONS; f++)
		if (strcmp(name[f], s) == 0)
			return f;
	return -1;
}

const char *
hr_aggregate_function_name(enum hr_aggregate_function f)
{
	return name[f];
}

bool
hr_aggregate_function_reversible(enum hr_aggregate_function f)
{
	return f == HR_AGGREGATE_COUNT || f == HR_AGGREGATE_SUM || f == HR_AGGREGATE_AVG;
}

/* --- types --- */

static bool
has_extremes(enum hr_type t)
{
	return hr_type_ordered(t) && t != HR_TYPE_BOOL && t != HR_TYPE_UUID && t != HR_TYPE_CHAR;
}

static int
sum_type(struct hr_tally_kind *k)
{
	switch (k->of) {
	case HR_TYPE_INT2: case HR_TYPE_INT4: case HR_TYPE_INT8:
		k->way = HR_TALLY_WIDE;
		k->type = k->of == HR_TYPE_INT8 || k->function == HR_AGGREGATE_AVG ? HR_TYPE_NUMERIC : HR_TYPE_INT8;
		return 0;
	case HR_TYPE_NUMERIC:
		k->way = HR_TALLY_DECIMAL;
		k->type = HR_TYPE_NUMERIC;
		return 0;
	case HR_TYPE_FLOAT4: case HR_TYPE_FLOAT8:
		k->way = HR_TALLY_BINARY;
		k->type = k->function == HR_AGGREGATE_AVG ? HR_TYPE_FLOAT8 : k->of;
		return 0;
	default:
		return -1;
	}
}

int
hr_tally_init(struct hr_tally_kind *k, enum hr_aggregate_function f, enum hr_type of, int32_t typmod,
    struct hr_err *e)
{
	bool good = true;

	*k = (struct hr_tally_kind){ f, HR_TALLY_COUNT, of, HR_TYPE_INT8, typmod };
	switch (f) {
	case HR_AGGREGATE_COUNT:
		break;
	case HR_AGGREGATE_SUM: case HR_AGGREGATE_AVG:
		good = sum_type(k) == 0;
		break;
	case HR_AGGREGATE_MIN: case HR_AGGREGATE_MAX:
		k->way = HR_TALLY_EXTREME;
		k->type = of;
		good = has_extremes(of);
		break;
	case HR_AGGREGATE_DISTINCT:
		k->way = HR_TALLY_SKETCH;
		good = hr_type_same(of);
		break;
	}
	if (!good && of == HR_TYPE_NONE)
		return hr_fail(e, HR_CONFIG, "%s needs an argument", name[f]);
	if (!good)
		return hr_fail(e, HR_CONFIG, "there is no %s(%s)", name[f], hr_type_name(of));
	return 0;
}

/* --- values --- */

static void
add_wide(struct hr_tally *t, __int128 v)
{
	unsigned __int128 sum = (unsigned __int128)t->wide[1] << 64 | t->wide[0];

	sum += (unsigned __int128)v;
	t->wide[0] = (uint64_t)sum;
	t->wide[1] = (uint64_t)(sum >> 64);
}

static void
add_exact(const struct hr_tally_kind *k, struct hr_tally *t, const struct hr_datum *d, int sign, size_t *used)
{
	size_t before = 0;

	if (t->exact == NULL) {
		t->exact = hr_zalloc(sizeof(*t->exact));
		*used += sizeof(*t->exact) + 3 * HEAP;
	} else {
		before = hr_exact_size(t->exact);
	}
	if (k->way == HR_TALLY_DECIMAL)
		hr_exact_numeric(t->exact, &d->num, sign);
	else
		hr_exact_float(t->exact, d->f, sign);
	*used += hr_exact_size(t->exact) - before;
}

/* Is the value all in 8 bytes that can be compared as they are? */
static bool
is_plain(enum hr_kind kind)
{
	return kind == HR_KIND_INT || kind == HR_KIND_TIMESTAMP || kind == HR_KIND_DATE || kind == HR_KIND_TIME;
}

/* What was kept, as a datum. */
static void
kept(const struct hr_tally_kind *k, const struct hr_tally *t, struct hr_datum *d, struct hr_scratch *m)
{
	struct hr_value v = { t->value.p, (int32_t)(t->len - 1), false };
	struct hr_err e = HR_ERR_INIT;

	*d = (struct hr_datum){ .type = k->of, .null = t->len == 0 };
	if (d->null)
		return;
	if (is_plain(hr_type_kind(k->of)))
		d->i = t->value.i;
	else if (hr_datum_read(d, k->of, &v, m, &e) < 0)
		d->null = true;		/* not of what was written here or checked when decoded */
}

static void
add_extreme(const struct hr_tally_kind *k, struct hr_tally *t, const struct hr_datum *d,
    struct hr_scratch *m, size_t *used)
{
	int wanted = k->function == HR_AGGREGATE_MIN ? -1 : 1;
	struct hr_datum old;
	struct hr_value v;

	if (is_plain(hr_type_kind(k->of))) {
		if (t->len == 0 || (wanted < 0 ? d->i < t->value.i : d->i > t->value.i))
			t->value.i = d->i;
		t->len = 1;
		return;
	}
	if (t->len) {
		kept(k, t, &old, m);
		if (!old.null && hr_datum_cmp(d, &old) * wanted <= 0)
			return;
		*used -= t->len - 1;
	} else {
		*used += HEAP;
	}
	hr_datum_write(d, false, &v, m);
	t->value.p = hr_realloc(t->value.p, (size_t)v.len, 1);
	if (v.len)
		memcpy(t->value.p, v.data, (size_t)v.len);
	t->len = (uint64_t)v.len + 1;
	*used += (size_t)v.len;
}

static void
add_sketch(const struct hr_tally_kind *k, struct hr_tally *t, const struct hr_datum *d, struct hr_scratch *m,
    size_t *used)
{
	struct hr_value v;
	size_t before = 0;

	if (t->sketch == NULL) {
		t->sketch = hr_zalloc(sizeof(*t->sketch));
		*used += sizeof(*t->sketch) + 2 * HEAP;
	} else {
		before = hr_sketch_size(t->sketch);
	}
	hr_same_write(d, k->typmod, &v, m);
	hr_sketch_add(t->sketch, hr_hash(v.data, (size_t)v.len));
	t->n++;
	*used += hr_sketch_size(t->sketch) - before;
}

void
hr_tally_add(const struct hr_tally_kind *k, struct hr_tally *t, const struct hr_datum *d, struct hr_scratch *m,
    size_t *used)
{
	switch (k->way) {
	case HR_TALLY_EXTREME: add_extreme(k, t, d, m, used); return;
	case HR_TALLY_SKETCH: add_sketch(k, t, d, m, used); return;
	case HR_TALLY_WIDE: add_wide(t, d->i); break;
	case HR_TALLY_DECIMAL: case HR_TALLY_BINARY: add_exact(k, t, d, 1, used); break;
	case HR_TALLY_COUNT: break;
	}
	t->n++;
}

void
hr_tally_remove(const struct hr_tally_kind *k, struct hr_tally *t, const struct hr_datum *d, size_t *used)
{
	if (k->way == HR_TALLY_WIDE)
		add_wide(t, -(__int128)d->i);
	else if (k->way == HR_TALLY_DECIMAL || k->way == HR_TALLY_BINARY)
		add_exact(k, t, d, -1, used);
	t->n--;
}

/* --- results --- */

static __int128
wide_of(const struct hr_tally *t)
{
	return (__int128)((unsigned __int128)t->wide[1] << 64 | t->wide[0]);
}

static void
numeric_of_wide(struct hr_numeric *x, __int128 v, struct hr_scratch *m)
{
	unsigned __int128 u = v < 0 ? -(unsigned __int128)v : (unsigned __int128)v;
	int16_t *digit = hr_scratch_take(m, 10 * sizeof(*digit));
	int at = 10, last = 10;

	*x = (struct hr_numeric){ .scale = 0 };
	for (; u; u /= 10000)
		digit[--at] = (int16_t)(u % 10000);
	if (at == last)
		return;
	x->weight = last - at - 1;
	while (digit[last - 1] == 0)
		last--;
	x->digit = digit + at;
	x->digits = last - at;
	x->sign = v < 0 ? HR_NUMERIC_MINUS : HR_NUMERIC_PLUS;
}

static int
float_result(const struct hr_tally_kind *k, const struct hr_tally *t, struct hr_datum *d, struct hr_err *e)
{
	const struct hr_exact *x = t->exact;
	double f = hr_exact_to_float(x);

	if (k->type == HR_TYPE_FLOAT4)
		f = (double)(float)f;
	if (isinf(f) && x->plus == 0 && x->minus == 0)
		return hr_fail(e, HR_REFUSED, "value out of range: overflow");
	d->f = k->function == HR_AGGREGATE_AVG ? f / (double)t->n : f;
	return 0;
}

static int
sum_result(const struct hr_tally_kind *k, const struct hr_tally *t, struct hr_datum *d, struct hr_scratch *m,
    struct hr_err *e)
{
	struct hr_numeric n;

	if (k->way == HR_TALLY_BINARY)
		return float_result(k, t, d, e);
	if (k->type == HR_TYPE_INT8) {
		d->i = (int64_t)wide_of(t);
		return d->i == wide_of(t) ? 0 : hr_fail(e, HR_REFUSED, "bigint out of range");
	}
	if (k->way == HR_TALLY_WIDE)
		numeric_of_wide(&d->num, wide_of(t), m);
	else if (hr_exact_to_numeric(t->exact, &d->num, m, e) < 0)
		return -1;
	if (k->function != HR_AGGREGATE_AVG)
		return 0;
	hr_numeric_of_int(&n, t->n, m);
	return hr_numeric_div(&d->num, &d->num, &n, m, e);
}

int
hr_tally_result(const struct hr_tally_kind *k, const struct hr_tally *t, struct hr_datum *d,
    struct hr_scratch *m, struct hr_err *e)
{
	*d = (struct hr_datum){ .type = k->type };
	switch (k->way) {
	case HR_TALLY_COUNT:
		d->i = t->n;
		return 0;
	case HR_TALLY_SKETCH:
		d->i = t->sketch ? hr_sketch_count(t->sketch) : 0;
		return 0;
	case HR_TALLY_EXTREME:
		kept(k, t, d, m);
		return 0;
	default:
		d->null = t->n == 0;
		if (!d->null && sum_result(k, t, d, m, e) < 0)
			return hr_within(e, "%s(%s)", name[k->function], hr_type_name(k->of));
		return 0;
	}
}

/* --- bytes --- */

size_t
hr_tally_size(const struct hr_tally_kind *k, const struct hr_tally *t)
{
	switch (k->way) {
	case HR_TALLY_DECIMAL: case HR_TALLY_BINARY:
		return t->exact ? sizeof(*t->exact) + 3 * HEAP + hr_exact_size(t->exact) : 0;
	case HR_TALLY_SKETCH:
		return t->sketch ? sizeof(*t->sketch) + 2 * HEAP + hr_sketch_size(t->sketch) : 0;
	case HR_TALLY_EXTREME:
		return t->len && !is_plain(hr_type_kind(k->of)) ? t->len - 1 + HEAP : 0;
	default:
		return 0;
	}
}

void
hr_tally_encode(const struct hr_tally_kind *k, const struct hr_tally *t, struct hr_buf *out)
{
	hr_buf_u64le(out, (uint64_t)t->n);
	switch (k->way) {
	case HR_TALLY_COUNT:
		break;
	case HR_TALLY_WIDE:
		hr_buf_u64le(out, t->wide[0]);
		hr_buf_u64le(out, t->wide[1]);
		break;
	case HR_TALLY_DECIMAL: case HR_TALLY_BINARY:
		hr_buf_u8(out, t->exact != NULL);
		if (t->exact)
			hr_exact_encode(t->exact, out);
		break;
	case HR_TALLY_SKETCH:
		hr_buf_u8(out, t->sketch != NULL);
		if (t->sketch)
			hr_sketch_encode(t->sketch, out);
		break;
	case HR_TALLY_EXTREME:
		if (is_plain(hr_type_kind(k->of)))
			hr_buf_u64le(out, (uint64_t)t->value.i);
		else if (t->len)
			hr_buf_put(out, t->value.p, t->len - 1);
		break;
	}
}

static bool
decode_exact(const struct hr_tally_kind *k, struct hr_tally *t, struct hr_cur *c)
{
	uint8_t there = hr_cur_u8(c);

	if (there > 1 || (t->n && !there))
		return false;
	if (!there)
		return true;
	t->exact = hr_zalloc(sizeof(*t->exact));
	return hr_exact_decode(t->exact, k->way == HR_TALLY_BINARY, c);
}

static bool
decode_sketch(struct hr_tally *t, struct hr_cur *c)
{
	uint8_t there = hr_cur_u8(c);

	if (there == 0)
		return true;
	t->sketch = hr_zalloc(sizeof(*t->sketch));
	return there == 1 && hr_sketch_decode(t->sketch, c);
}

static bool
decode_extreme(const struct hr_tally_kind *k, struct hr_tally *t, struct hr_cur *c)
{
	struct hr_scratch m = HR_SCRATCH_INIT;
	struct hr_err e = HR_ERR_INIT;
	struct hr_datum d;
	struct hr_value v;
	bool good;

	if (is_plain(hr_type_kind(k->of))) {
		t->value.i = (int64_t)hr_cur_u64le(c);
		return t->len <= 1;
	}
	if (t->len == 0)
		return true;
	if (t->len - 1 > hr_cur_left(c) || t->len - 1 > INT32_MAX)
		return false;
	v = (struct hr_value){ hr_cur_bytes(c, t->len - 1), (int32_t)(t->len - 1), false };
	good = hr_datum_read(&d, k->of, &v, &m, &e) == 0;
	hr_scratch_clear(&m);
	if (good)
		t->value.p = hr_memdup(v.data, (size_t)v.len);
	return good;
}

bool
hr_tally_decode(const struct hr_tally_kind *k, struct hr_tally *t, struct hr_cur *c)
{
	bool good = true;

	*t = (struct hr_tally){ .n = (int64_t)hr_cur_u64le(c) };
	switch (k->way) {
	case HR_TALLY_COUNT: break;
	case HR_TALLY_WIDE:
		t->wide[0] = hr_cur_u64le(c);
		t->wide[1] = hr_cur_u64le(c);
		break;
	case HR_TALLY_DECIMAL: case HR_TALLY_BINARY: good = decode_exact(k, t, c); break;
	case HR_TALLY_SKETCH: good = decode_sketch(t, c); break;
	case HR_TALLY_EXTREME: good = decode_extreme(k, t, c); break;
	}
	if (good && !c->bad)
		return true;
	hr_tally_clear(k, t);
	return false;
}

void
hr_tally_clear(const struct hr_tally_kind *k, struct hr_tally *t)
{
	switch (k->way) {
	case HR_TALLY_DECIMAL: case HR_TALLY_BINARY:
		if (t->exact)
			hr_exact_clear(t->exact);
		free(t->exact);
		break;
	case HR_TALLY_SKETCH:
		if (t->sketch)
			hr_sketch_clear(t->sketch);
		free(t->sketch);
		break;
	case HR_TALLY_EXTREME:
		free(t->value.p);
		break;
	default: break;
	}
	*t = (struct hr_tally){ .n = 0 };
}
