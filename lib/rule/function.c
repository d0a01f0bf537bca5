/*
 * function.c - the functions that an expression can call.
 *
 * One line a function and a kind of arguments.  Of the lines that fit the one
 * that needs the fewest conversions is taken, the first of those: what
 * PostgreSQL prefers stands first.
 */

#include "base/hr.h"

#include <math.h>
#include <stdio.h>

#include "rule/document.h"
#include "rule/eval.h"
#include "rule/function.h"
#include "rule/parse.h"
#include "rule/utf8.h"

#define TEXT_MAX (16 << 20)		/* bytes of what is put together */

static int
give_text(struct hr_datum *d, const uint8_t *p, size_t n)
{
	d->s.p = p;
	d->s.n = n;
	return 0;
}

#define CALL(name)								\
	static int								\
	name(const struct hr_node *n, struct hr_datum *arg, struct hr_datum *d,	\
	    struct hr_scratch *m, struct hr_err *e)
#define UNUSED (void)n, (void)arg, (void)d, (void)m, (void)e

/* --- text --- */

CALL(fn_lower)
{
	UNUSED;
	d->s.n = arg[0].s.n;
	d->s.p = hr_utf8_case(arg[0].s.p, &d->s.n, false, m);
	return 0;
}

CALL(fn_upper)
{
	UNUSED;
	d->s.n = arg[0].s.n;
	d->s.p = hr_utf8_case(arg[0].s.p, &d->s.n, true, m);
	return 0;
}

CALL(fn_length)
{
	UNUSED;
	d->i = (int64_t)hr_utf8_length(arg[0].s.p, arg[0].s.n);
	return 0;
}

CALL(fn_octets)
{
	UNUSED;
	d->i = (int64_t)arg[0].s.n;
	return 0;
}

/* Characters from (0 the first) to, as far as they are there. */
static int
part(struct hr_datum *d, const struct hr_datum *x, int64_t from, int64_t to)
{
	size_t at, end;

	if (from < 0)
		from = 0;
	if (to <= from)
		return give_text(d, x->s.p, 0);
	at = hr_utf8_bytes(x->s.p, x->s.n, (size_t)from);
	end = at + hr_utf8_bytes(x->s.p + at, x->s.n - at, (size_t)(to - from));
	return give_text(d, x->s.p + at, end - at);
}

CALL(fn_left)
{
	int64_t count = arg[1].i;

	UNUSED;
	if (count < 0)
		count += (int64_t)hr_utf8_length(arg[0].s.p, arg[0].s.n);
	return part(d, &arg[0], 0, count);
}

CALL(fn_right)
{
	int64_t length = (int64_t)hr_utf8_length(arg[0].s.p, arg[0].s.n);

	UNUSED;
	return part(d, &arg[0], arg[1].i < 0 ? -arg[1].i : length - arg[1].i, length);
}

CALL(fn_substr)
{
	int64_t from = arg[1].i - 1;

	UNUSED;
	if (n->args == 2)
		return part(d, &arg[0], from, INT32_MAX);
	if (arg[2].i < 0)
		return hr_fail(e, HR_REFUSED, "negative substring length not allowed");
	return part(d, &arg[0], from, from + arg[2].i);
}

/* Is the character there one of those? */
static bool
among(const uint8_t *p, size_t size, const struct hr_datum *set)
{
	size_t i, n;

	for (i = 0; i < set->s.n; i += n) {
		n = hr_utf8_size(set->s.p + i, set->s.n - i);
		if (n == size && memcmp(set->s.p + i, p, n) == 0)
			return true;
	}
	return false;
}

static int
trim(const struct hr_node *n, const struct hr_datum *arg, struct hr_datum *d, bool left, bool right)
{
	const struct hr_datum blank = { .s = { (const uint8_t *)" ", 1 } };
	const struct hr_datum *set = n->args == 2 ? &arg[1] : &blank;
	const uint8_t *p = arg[0].s.p;
	size_t len = arg[0].s.n, size;

	while (left && len) {
		size = hr_utf8_size(p, len);
		if (!among(p, size, set))
			break;
		p += size;
		len -= size;
	}
	while (right && len) {
		for (size = 1; size < len && size < 4 && (p[len - size] & 0xc0) == 0x80; size++)
			;
		if (!among(p + len - size, size, set))
			break;
		len -= size;
	}
	return give_text(d, p, len);
}

CALL(fn_btrim) { UNUSED; return trim(n, arg, d, true, true); }
CALL(fn_ltrim) { UNUSED; return trim(n, arg, d, true, false); }
CALL(fn_rtrim) { UNUSED; return trim(n, arg, d, false, true); }

/* Where y is in x, from a byte on; x's length when it is not. */
static size_t
find(const struct hr_datum *x, size_t from, const struct hr_datum *y)
{
	const uint8_t *at;

	if (x->s.n - from < y->s.n)
		return x->s.n;
	at = memmem(x->s.p + from, x->s.n - from, y->s.p, y->s.n);
	return at ? (size_t)(at - x->s.p) : x->s.n;
}

CALL(fn_strpos)
{
	size_t at;

	UNUSED;
	if (arg[1].s.n == 0)
		d->i = 1;
	else if (arg[0].s.n == 0 || (at = find(&arg[0], 0, &arg[1])) == arg[0].s.n)
		d->i = 0;
	else
		d->i = (int64_t)hr_utf8_length(arg[0].s.p, at) + 1;
	return 0;
}

CALL(fn_starts_with)
{
	UNUSED;
	d->b = arg[0].s.n >= arg[1].s.n && (arg[1].s.n == 0 || memcmp(arg[0].s.p, arg[1].s.p, arg[1].s.n) == 0);
	return 0;
}

CALL(fn_replace)
{
	const struct hr_datum *x = &arg[0], *from = &arg[1], *to = &arg[2];
	size_t at, count = 0, i;
	uint8_t *p;

	UNUSED;
	if (from->s.n == 0 || x->s.n == 0)
		return give_text(d, x->s.p, x->s.n);
	for (at = find(x, 0, from); at < x->s.n; at = find(x, at + from->s.n, from))
		count++;
	if (count == 0)
		return give_text(d, x->s.p, x->s.n);
	if (x->s.n + count * to->s.n > TEXT_MAX)
		return hr_fail(e, HR_REFUSED, "a text of more than %d bytes", TEXT_MAX);
	d->s.p = p = hr_scratch_take(m, x->s.n + count * to->s.n);
	for (i = 0; i < x->s.n; i = at + from->s.n) {
		at = find(x, i, from);
		memcpy(p, x->s.p + i, at - i);
		p += at - i;
		if (at == x->s.n)
			break;
		if (to->s.n)
			memcpy(p, to->s.p, to->s.n);
		p += to->s.n;
	}
	d->s.n = (size_t)(p - d->s.p);
	return 0;
}

/* The fields that y stands between, counted from the end when the number is negative. */
CALL(fn_split_part)
{
	const struct hr_datum *x = &arg[0], *y = &arg[1];
	int64_t want = arg[2].i, count = 1, i;
	size_t at = 0, end;

	UNUSED;
	if (want == 0)
		return hr_fail(e, HR_REFUSED, "field position must not be zero");
	if (x->s.n == 0)
		return give_text(d, x->s.p, 0);
	if (y->s.n == 0)
		return give_text(d, x->s.p, want == 1 || want == -1 ? x->s.n : 0);
	if (want < 0) {
		for (end = find(x, 0, y); end < x->s.n; end = find(x, end + y->s.n, y))
			count++;
		if ((want += count + 1) <= 0)
			return give_text(d, x->s.p, 0);
	}
	for (i = 1;; i++) {
		end = find(x, at, y);
		if (i == want)
			return give_text(d, x->s.p + at, end - at);
		if (end == x->s.n)
			return give_text(d, x->s.p, 0);
		at = end + y->s.n;
	}
}

CALL(fn_reverse)
{
	const uint8_t *from = arg[0].s.p;
	size_t left = arg[0].s.n, size;
	uint8_t *p = hr_scratch_take(m, left);

	UNUSED;
	give_text(d, p, left);
	for (p += left; left; left -= size, from += size) {
		size = hr_utf8_size(from, left);
		p -= size;
		memcpy(p, from, size);
	}
	return 0;
}

/* --- numbers --- */

CALL(fn_abs_int)
{
	UNUSED;
	d->i = arg[0].i < 0 && arg[0].i != INT64_MIN ? -arg[0].i : arg[0].i;
	if (d->i < 0 || (d->type == HR_TYPE_INT4 && d->i > INT32_MAX) ||
	    (d->type == HR_TYPE_INT2 && d->i > INT16_MAX))
		return hr_fail(e, HR_REFUSED, "%s out of range", hr_type_name(d->type));
	return 0;
}

CALL(fn_abs_float) { UNUSED; d->f = fabs(arg[0].f); return 0; }
CALL(fn_round_float) { UNUSED; d->f = rint(arg[0].f); return 0; }
CALL(fn_ceil_float) { UNUSED; d->f = ceil(arg[0].f); return 0; }
CALL(fn_floor_float) { UNUSED; d->f = floor(arg[0].f); return 0; }
CALL(fn_trunc_float) { UNUSED; d->f = trunc(arg[0].f); return 0; }
CALL(fn_abs_numeric) { UNUSED; hr_numeric_abs(&d->num, &arg[0].num); return 0; }
CALL(fn_ceil_numeric) { UNUSED; hr_numeric_ceil(&d->num, &arg[0].num, m); return 0; }
CALL(fn_floor_numeric) { UNUSED; hr_numeric_floor(&d->num, &arg[0].num, m); return 0; }

static int
scale_of(const struct hr_node *n, const struct hr_datum *arg)
{
	int64_t scale = n->args == 2 ? arg[1].i : 0;

	return (int)(scale > 2000 ? 2000 : scale < -2000 ? -2000 : scale);
}

CALL(fn_round_numeric)
{
	UNUSED;
	hr_numeric_round(&d->num, &arg[0].num, scale_of(n, arg), m);
	return 0;
}

CALL(fn_trunc_numeric)
{
	UNUSED;
	hr_numeric_trunc(&d->num, &arg[0].num, scale_of(n, arg), m);
	return 0;
}

CALL(fn_mod_int)
{
	UNUSED;
	if (arg[1].i == 0)
		return hr_fail(e, HR_REFUSED, "division by zero");
	d->i = arg[1].i == -1 ? 0 : arg[0].i % arg[1].i;
	return 0;
}

CALL(fn_mod_numeric)
{
	UNUSED;
	return hr_numeric_mod(&d->num, &arg[0].num, &arg[1].num, m, e);
}

/* --- times; number is the field --- */

CALL(fn_trunc_timestamp)
{
	UNUSED;
	d->i = arg[1].i;
	if (!hr_timestamp_trunc(&d->i, (enum hr_field)n->number))
		return hr_fail(e, HR_REFUSED, "timestamp out of range");
	return 0;
}

CALL(fn_trunc_span)
{
	UNUSED;
	d->span = arg[1].span;
	hr_span_trunc(&d->span, (enum hr_field)n->number);
	return 0;
}

static void
get_part(const struct hr_node *n, const struct hr_datum *x, struct hr_time_part *p)
{
	enum hr_field f = (enum hr_field)n->number;

	switch (hr_type_kind(x->type)) {
	case HR_KIND_DATE: hr_date_part(p, f, x->i); break;
	case HR_KIND_TIME: hr_time_part(p, f, x->i); break;
	case HR_KIND_INTERVAL: hr_span_part(p, f, &x->span); break;
	default: hr_timestamp_part(p, f, x->i); break;
	}
}

/* The value with its decimals, and of a julian day the part of it that is over. */
static int
part_numeric(const struct hr_time_part *p, struct hr_numeric *x, struct hr_scratch *m, struct hr_err *e)
{
	static const int64_t unit[] = { 1, 10, 100, 1000, 10000, 100000, 1000000 };
	struct hr_numeric over, day;
	int64_t whole = p->value / unit[p->scale] + p->seconds, rest = p->value % unit[p->scale];
	char text[48];
	int n;

	if (p->infinite) {
		*x = (struct hr_numeric){ .sign = p->infinite < 0 ? HR_NUMERIC_MINUS_INFINITY : HR_NUMERIC_INFINITY };
		return 0;
	}
	if (p->scale == 0) {
		hr_numeric_of_int(x, whole, m);
	} else {
		n = snprintf(text, sizeof(text), "%s%" PRIu64 ".%0*" PRId64, whole < 0 || rest < 0 ? "-" : "",
		    whole < 0 ? -(uint64_t)whole : (uint64_t)whole, p->scale, rest < 0 ? -rest : rest);
		if (!hr_numeric_parse(x, text, (size_t)n, m))
			return -1;
	}
	if (p->day_us < 0)
		return 0;
	hr_numeric_of_int(&over, p->day_us, m);
	hr_numeric_of_int(&day, HR_DAY_US, m);
	if (hr_numeric_div(&over, &over, &day, m, e) < 0)
		return -1;
	return hr_numeric_add(x, x, &over, m, e);
}

CALL(fn_extract)
{
	struct hr_time_part p;

	UNUSED;
	get_part(n, &arg[1], &p);
	d->null = p.null;
	return p.null ? 0 : part_numeric(&p, &d->num, m, e);
}

CALL(fn_date_part)
{
	static const double unit[] = { 1, 10, 100, 1000, 10000, 100000, 1000000 };
	struct hr_time_part p;

	UNUSED;
	get_part(n, &arg[1], &p);
	d->null = p.null;
	if (p.infinite)
		d->f = p.infinite * INFINITY;
	else if (n->number == HR_FIELD_EPOCH && p.scale)
		d->f = p.epoch;
	else
		d->f = (double)p.value / unit[p.scale] + (p.day_us > 0 ? (double)p.day_us / (double)HR_DAY_US : 0);
	return 0;
}

/* --- json --- */

CALL(fn_json_typeof)
{
	const char *word;

	UNUSED;
	switch (hr_document_kind((struct hr_document){ arg[0].s.p, arg[0].s.n })) {
	case '{': word = "object"; break;
	case '[': word = "array"; break;
	case '"': word = "string"; break;
	case 't':
	case 'f': word = "boolean"; break;
	case 'n': word = "null"; break;
	default: word = "number"; break;
	}
	d->s.p = (const uint8_t *)word;
	d->s.n = strlen(word);
	return 0;
}

/* --- the table --- */

/*
 * t text, x text that is no citext, c bpchar, y bytea, 2 4 8 integers, r real, f double precision, n numeric, z timestamptz,
 * s timestamp, v interval, d date, h time, j json, b jsonb, F a field's name, a constant.
 */
static const struct function {
	const char *name;
	const char *takes;
	enum hr_type gives;
	hr_call_fn *call;
} function[] = {
	{ "json_typeof", "j", HR_TYPE_TEXT, fn_json_typeof },
	{ "jsonb_typeof", "b", HR_TYPE_TEXT, fn_json_typeof },
	{ "lower", "t", HR_TYPE_TEXT, fn_lower },
	{ "upper", "t", HR_TYPE_TEXT, fn_upper },
	{ "length", "t", HR_TYPE_INT4, fn_length },
	{ "length", "y", HR_TYPE_INT4, fn_octets },
	{ "char_length", "t", HR_TYPE_INT4, fn_length },
	{ "character_length", "t", HR_TYPE_INT4, fn_length },
	{ "octet_length", "c", HR_TYPE_INT4, fn_octets },
	{ "octet_length", "t", HR_TYPE_INT4, fn_octets },
	{ "octet_length", "y", HR_TYPE_INT4, fn_octets },
	{ "left", "t4", HR_TYPE_TEXT, fn_left },
	{ "right", "t4", HR_TYPE_TEXT, fn_right },
	{ "substr", "t4", HR_TYPE_TEXT, fn_substr },
	{ "substr", "t44", HR_TYPE_TEXT, fn_substr },
	{ "substring", "t4", HR_TYPE_TEXT, fn_substr },
	{ "substring", "t44", HR_TYPE_TEXT, fn_substr },
	{ "btrim", "t", HR_TYPE_TEXT, fn_btrim },
	{ "btrim", "tt", HR_TYPE_TEXT, fn_btrim },
	{ "ltrim", "t", HR_TYPE_TEXT, fn_ltrim },
	{ "ltrim", "tt", HR_TYPE_TEXT, fn_ltrim },
	{ "rtrim", "t", HR_TYPE_TEXT, fn_rtrim },
	{ "rtrim", "tt", HR_TYPE_TEXT, fn_rtrim },
	{ "replace", "xxx", HR_TYPE_TEXT, fn_replace },
	{ "split_part", "xx4", HR_TYPE_TEXT, fn_split_part },
	{ "strpos", "xx", HR_TYPE_INT4, fn_strpos },
	{ "starts_with", "tt", HR_TYPE_BOOL, fn_starts_with },
	{ "reverse", "t", HR_TYPE_TEXT, fn_reverse },
	{ "abs", "f", HR_TYPE_FLOAT8, fn_abs_float },
	{ "abs", "r", HR_TYPE_FLOAT4, fn_abs_float },
	{ "abs", "8", HR_TYPE_INT8, fn_abs_int },
	{ "abs", "4", HR_TYPE_INT4, fn_abs_int },
	{ "abs", "2", HR_TYPE_INT2, fn_abs_int },
	{ "abs", "n", HR_TYPE_NUMERIC, fn_abs_numeric },
	{ "round", "f", HR_TYPE_FLOAT8, fn_round_float },
	{ "round", "n", HR_TYPE_NUMERIC, fn_round_numeric },
	{ "round", "n4", HR_TYPE_NUMERIC, fn_round_numeric },
	{ "ceil", "f", HR_TYPE_FLOAT8, fn_ceil_float },
	{ "ceil", "n", HR_TYPE_NUMERIC, fn_ceil_numeric },
	{ "ceiling", "f", HR_TYPE_FLOAT8, fn_ceil_float },
	{ "ceiling", "n", HR_TYPE_NUMERIC, fn_ceil_numeric },
	{ "floor", "f", HR_TYPE_FLOAT8, fn_floor_float },
	{ "floor", "n", HR_TYPE_NUMERIC, fn_floor_numeric },
	{ "trunc", "f", HR_TYPE_FLOAT8, fn_trunc_float },
	{ "trunc", "n", HR_TYPE_NUMERIC, fn_trunc_numeric },
	{ "trunc", "n4", HR_TYPE_NUMERIC, fn_trunc_numeric },
	{ "mod", "44", HR_TYPE_INT4, fn_mod_int },
	{ "mod", "22", HR_TYPE_INT2, fn_mod_int },
	{ "mod", "88", HR_TYPE_INT8, fn_mod_int },
	{ "mod", "nn", HR_TYPE_NUMERIC, fn_mod_numeric },
	{ "date_trunc", "Fz", HR_TYPE_TIMESTAMPTZ, fn_trunc_timestamp },
	{ "date_trunc", "Fs", HR_TYPE_TIMESTAMP, fn_trunc_timestamp },
	{ "date_trunc", "Fv", HR_TYPE_INTERVAL, fn_trunc_span },
	{ "extract", "Fz", HR_TYPE_NUMERIC, fn_extract },
	{ "extract", "Fs", HR_TYPE_NUMERIC, fn_extract },
	{ "extract", "Fd", HR_TYPE_NUMERIC, fn_extract },
	{ "extract", "Fh", HR_TYPE_NUMERIC, fn_extract },
	{ "extract", "Fv", HR_TYPE_NUMERIC, fn_extract },
	{ "date_part", "Fs", HR_TYPE_FLOAT8, fn_date_part },
	{ "date_part", "Fz", HR_TYPE_FLOAT8, fn_date_part },
	{ "date_part", "Fh", HR_TYPE_FLOAT8, fn_date_part },
	{ "date_part", "Fv", HR_TYPE_FLOAT8, fn_date_part },
};

static const char not_the_same[] = " now clock_timestamp statement_timestamp transaction_timestamp timeofday random "
    "gen_random_uuid nextval currval lastval age ";

static enum hr_type
type_of(char letter)
{
	switch (letter) {
	case 't': case 'x': case 'F': return HR_TYPE_TEXT;
	case 'c': return HR_TYPE_BPCHAR;
	case 'y': return HR_TYPE_BYTEA;
	case '2': return HR_TYPE_INT2;
	case '4': return HR_TYPE_INT4;
	case '8': return HR_TYPE_INT8;
	case 'r': return HR_TYPE_FLOAT4;
	case 'f': return HR_TYPE_FLOAT8;
	case 'n': return HR_TYPE_NUMERIC;
	case 'z': return HR_TYPE_TIMESTAMPTZ;
	case 's': return HR_TYPE_TIMESTAMP;
	case 'v': return HR_TYPE_INTERVAL;
	case 'd': return HR_TYPE_DATE;
	case 'j': return HR_TYPE_JSON;
	case 'b': return HR_TYPE_JSONB;
	default: return HR_TYPE_TIME;
	}
}

/* How many conversions the line needs; -1 when it does not fit. */
static int
cost(const struct function *f, const struct hr_node *n)
{
	int i, all = 0;

	for (i = 0; i < n->args; i++) {
		enum hr_type from = n->arg[i]->type, to;

		if (f->takes[i] == '\0')
			return -1;
		to = type_of(f->takes[i]);
		if (from == to || from == HR_TYPE_UNKNOWN || (to == HR_TYPE_TEXT && from == HR_TYPE_VARCHAR))
			continue;
		if (!hr_type_implicit(from, to) || (f->takes[i] == 'x' && from == HR_TYPE_CITEXT))
			return -1;
		all++;
	}
	return f->takes[i] == '\0' ? all : -1;
}

static bool
has_word(const char *words, const char *word)
{
	const char *at = strstr(words, word);

	return at && at > words && at[-1] == ' ' && at[strlen(word)] == ' ';
}

static int
unknown_function(struct hr_check *c, const struct hr_node *n)
{
	struct hr_buf b = HR_BUF_INIT;
	bool any = false;
	size_t i;
	int k;

	for (i = 0; i < HR_COUNT(function); i++)
		any |= strcmp(function[i].name, n->name) == 0;
	if (has_word(not_the_same, n->name)) {
		hr_parse_fail(n->at, c->e, "'%s' is not the same each time, so that rules cannot have it", n->name);
		return hr_hint(c->e, "$commit_time is when the transaction was committed");
	}
	if (!any)
		return hr_parse_fail(n->at, c->e, "there is no function '%s' for rules", n->name);
	for (k = 0; k < n->args && k < 10; k++)
		hr_buf_printf(&b, "%s%s", k ? ", " : "", hr_type_name(n->arg[k]->type));
	hr_parse_fail(n->at, c->e, "there is no function %s(%s)", n->name, hr_buf_text(&b));
	hr_buf_clear(&b);
	return hr_hint(c->e, "a cast may help");
}

static int
check_field(struct hr_check *c, struct hr_node *n, bool truncates)
{
	const struct hr_node *field = n->arg[0];
	enum hr_type t = n->arg[1]->type;
	bool good;
	int f;

	if (field->op != HR_NODE_CONST || field->value.null)
		return hr_parse_fail(field->at, c->e, "the field of %s must be a constant", n->name);
	f = hr_field_parse((const char *)field->value.s.p, field->value.s.n);
	good = f >= 0 && (truncates ? hr_field_truncates((enum hr_field)f) &&
	    (t != HR_TYPE_INTERVAL || f != HR_FIELD_WEEK) :
	    t == HR_TYPE_DATE ? hr_field_of_date((enum hr_field)f) :
	    t == HR_TYPE_TIME ? hr_field_of_time((enum hr_field)f) :
	    t == HR_TYPE_INTERVAL ? hr_field_of_span((enum hr_field)f) :
	    hr_field_of_timestamp((enum hr_field)f, t == HR_TYPE_TIMESTAMPTZ));
	if (!good)
		return hr_parse_fail(field->at, c->e, "%s has no field '%.*s' that %s could take",
		    hr_type_name(t), (int)(field->value.s.n < 60 ? field->value.s.n : 60), field->value.s.p, n->name);
	n->number = f;
	return 0;
}

/* COALESCE, GREATEST, LEAST, NULLIF, CONCAT: 1 when it is one of them, 0, -1. */
static int
check_variadic(struct hr_check *c, struct hr_node *n)
{
	bool ws = strcmp(n->name, "concat_ws") == 0;
	struct hr_node *same;
	int i;

	if (strcmp(n->name, "coalesce") == 0 || strcmp(n->name, "greatest") == 0 || strcmp(n->name, "least") == 0) {
		if (n->args == 0)
			return hr_parse_fail(n->at, c->e, "%s needs an argument", n->name);
		if (hr_check_common(c, n->arg, n->args, &n->type) < 0)
			return -1;
		n->eval = n->name[0] == 'c' ? hr_eval_coalesce : hr_eval_greatest;
		n->number = n->name[0] == 'g' ? 1 : -1;
		if (n->eval == hr_eval_greatest && !hr_type_ordered(n->type))
			return hr_parse_fail(n->at, c->e, "%s has no order for rules", hr_type_name(n->type));
		return 1;
	}
	if (strcmp(n->name, "nullif") == 0) {
		if (n->args != 2)
			return hr_parse_fail(n->at, c->e, "nullif needs two arguments");
		same = hr_node_new(HR_NODE_EQ, n->at, 2, c->m);
		same->name = "=";
		same->arg[0] = n->arg[0];
		same->arg[1] = n->arg[1];
		same->kept = true;
		if (hr_check(c, &same) < 0)
			return -1;
		/* NULL is equal to nothing. */
		if ((same->arg[0]->op == HR_NODE_CONST && same->arg[0]->value.null) ||
		    (same->arg[1]->op == HR_NODE_CONST && same->arg[1]->value.null)) {
			*n = *same->arg[0];
			return 1;
		}
		n->args = 1;
		n->arg[0] = same;
		n->type = same->arg[0]->type;
		n->eval = hr_eval_nullif;
		return 1;
	}
	if (!ws && strcmp(n->name, "concat") != 0)
		return 0;
	if (n->args < 1 + ws || n->args > HR_ARGS_MAX)
		return hr_parse_fail(n->at, c->e, "%s needs %d to %d arguments", n->name, 1 + ws, HR_ARGS_MAX);
	for (i = 0; i < n->args; i++)
		if ((n->arg[i]->type == HR_TYPE_UNKNOWN || (ws && i == 0)) &&
		    hr_check_coerce(c, &n->arg[i], HR_TYPE_TEXT) < 0)
			return -1;
	n->type = HR_TYPE_TEXT;
	n->number = ws;
	n->eval = hr_eval_concat_all;
	return 1;
}

int
hr_function_check(struct hr_check *c, struct hr_node *n)
{
	const struct function *best = NULL;
	int rc = check_variadic(c, n), least = -1, i, all;
	size_t k;

	if (rc)
		return rc < 0 ? -1 : 0;
	for (k = 0; k < HR_COUNT(function); k++) {
		if (strcmp(function[k].name, n->name) != 0)
			continue;
		all = cost(&function[k], n);
		if (all >= 0 && (least < 0 || all < least)) {
			best = &function[k];
			least = all;
		}
	}
	if (best == NULL)
		return unknown_function(c, n);
	for (i = 0; i < n->args; i++)
		if (hr_check_coerce(c, &n->arg[i], type_of(best->takes[i])) < 0)
			return -1;
	if (best->takes[0] == 'F' && check_field(c, n, best->name[5] == 't') < 0)
		return -1;
	n->type = best->gives;
	n->more = &best->call;
	n->eval = hr_eval_call;
	return 0;
}
