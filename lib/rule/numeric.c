/*
 * numeric.c - PostgreSQL's numeric.
 *
 * Long arithmetic as at school, in base 10000: what is in columns is short.
 * The rules for scales are those of PostgreSQL's numeric.c; a quotient has at
 * least 16 significant digits and no fewer decimals than its operands.
 */

#include "base/hr.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/hash.h"
#include "rule/numeric.h"

#define BASE		10000
#define BASE_DIGITS	4
#define WEIGHT_MAX	INT16_MAX
#define QUOTIENT_DIGITS	16		/* significant ones, at least */
#define QUOTIENT_SCALE	1000		/* decimals, at most */

static const int power[] = { 1, 10, 100, 1000, 10000 };

static int
max(int x, int y)
{
	return x > y ? x : y;
}

static void
set_special(struct hr_numeric *x, enum hr_numeric_sign sign)
{
	*x = (struct hr_numeric){ .sign = sign };
}

static bool
is_zero(const struct hr_numeric *x)
{
	return x->digits == 0 && hr_numeric_finite(x);
}

/* Leave out digits that are 0 at both ends. */
static void
strip(struct hr_numeric *x)
{
	while (x->digits && x->digit[0] == 0) {
		x->digit++;
		x->digits--;
		x->weight--;
	}
	while (x->digits && x->digit[x->digits - 1] == 0)
		x->digits--;
	if (x->digits == 0) {
		x->weight = 0;
		x->sign = HR_NUMERIC_PLUS;
	}
}

static int
check(const struct hr_numeric *x, struct hr_err *e)
{
	if (x->weight > WEIGHT_MAX || x->scale > HR_NUMERIC_SCALE_MAX)
		return hr_fail(e, HR_REFUSED, "value overflows numeric format");
	return 0;
}

/* The digit that counts 10000^weight. */
static int
digit_at(const struct hr_numeric *x, int weight)
{
	int i = x->weight - weight;

	return i >= 0 && i < x->digits ? x->digit[i] : 0;
}

/* --- in and out --- */

bool
hr_numeric_decode(struct hr_numeric *x, const uint8_t *p, size_t n, struct hr_scratch *m)
{
	int16_t *digit;
	unsigned sign, scale;
	int count, i, d;

	if (n < 8)
		return false;
	count = hr_get_u16be(p);
	sign = hr_get_u16be(p + 4);
	scale = hr_get_u16be(p + 6);
	if (n != 8 + (size_t)count * 2)
		return false;
	if (sign == HR_NUMERIC_NAN || sign == HR_NUMERIC_INFINITY || sign == HR_NUMERIC_MINUS_INFINITY) {
		set_special(x, (enum hr_numeric_sign)sign);
		return true;
	}
	if ((sign != HR_NUMERIC_PLUS && sign != HR_NUMERIC_MINUS) || scale > HR_NUMERIC_SCALE_MAX)
		return false;
	digit = hr_scratch_take(m, (size_t)count * sizeof(*digit));
	for (i = 0; i < count; i++) {
		d = hr_get_u16be(p + 8 + 2 * i);
		if (d >= BASE)
			return false;
		digit[i] = (int16_t)d;
	}
	x->digit = digit;
	x->digits = count;
	x->weight = (int16_t)hr_get_u16be(p + 2);
	x->scale = (int)scale;
	x->sign = (enum hr_numeric_sign)sign;
	strip(x);
	return true;
}

uint8_t *
hr_numeric_encode(const struct hr_numeric *x, size_t *len, struct hr_scratch *m)
{
	uint8_t *p = hr_scratch_take(m, *len = 8 + (size_t)x->digits * 2);
	int i;

	hr_set_u16be(p, (uint16_t)x->digits);
	hr_set_u16be(p + 2, (uint16_t)x->weight);
	hr_set_u16be(p + 4, (uint16_t)x->sign);
	hr_set_u16be(p + 6, (uint16_t)x->scale);
	for (i = 0; i < x->digits; i++)
		hr_set_u16be(p + 8 + 2 * i, (uint16_t)x->digit[i]);
	return p;
}

static bool
is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool
parse_special(struct hr_numeric *x, const char *s, size_t n)
{
	bool sign = n && (*s == '+' || *s == '-'), minus = sign && *s == '-';

	if (n == 3 && strncasecmp(s, "nan", 3) == 0) {
		set_special(x, HR_NUMERIC_NAN);
		return true;
	}
	s += sign;
	n -= sign;
	if (!(n == 8 && strncasecmp(s, "infinity", 8) == 0) && !(n == 3 && strncasecmp(s, "inf", 3) == 0))
		return false;
	set_special(x, minus ? HR_NUMERIC_MINUS_INFINITY : HR_NUMERIC_INFINITY);
	return true;
}

/* The exponent behind a mantissa; false when it is none. */
static bool
parse_exponent(const char *s, const char *end, int *exponent)
{
	bool minus = false;
	int v = 0;

	if (s < end && (*s == '+' || *s == '-'))
		minus = *s++ == '-';
	if (s == end)
		return false;
	for (; s < end; s++) {
		if (*s < '0' || *s > '9' || v > INT32_MAX / 20)
			return false;
		v = v * 10 + (*s - '0');
	}
	*exponent = minus ? -v : v;
	return true;
}

bool
hr_numeric_parse(struct hr_numeric *x, const char *s, size_t n, struct hr_scratch *m)
{
	const char *end = s + n, *start, *at, *point = NULL;
	int exponent = 0, digits = 0, before, first, i;
	int16_t *digit;
	bool minus = false;

	while (s < end && is_blank(*s))
		s++;
	while (s < end && is_blank(end[-1]))
		end--;
	start = s;
	if (s < end && (*s == '+' || *s == '-'))
		minus = *s++ == '-';
	for (at = s; at < end && ((*at >= '0' && *at <= '9') || (*at == '.' && point == NULL)); at++) {
		if (*at == '.')
			point = at;
		else
			digits++;
	}
	if (digits == 0)
		return parse_special(x, start, (size_t)(end - start));
	if (at < end && ((*at != 'e' && *at != 'E') || !parse_exponent(at + 1, end, &exponent)))
		return false;
	before = (int)((point ? point : at) - s);
	x->scale = max(digits - before - exponent, 0);
	/* The power of ten that the first digit counts, and its digit of base 10000. */
	first = before - 1 + exponent;
	x->weight = first >= 0 ? first / BASE_DIGITS : -((-first + BASE_DIGITS - 1) / BASE_DIGITS);
	i = BASE_DIGITS - 1 - (first - x->weight * BASE_DIGITS);
	x->digits = (i + digits + BASE_DIGITS - 1) / BASE_DIGITS;
	x->digit = digit = hr_scratch_take(m, (size_t)x->digits * sizeof(*digit));
	memset(digit, 0, (size_t)x->digits * sizeof(*digit));
	for (; s < at; s++)
		if (*s != '.') {
			digit[i / BASE_DIGITS] += (int16_t)((*s - '0') * power[BASE_DIGITS - 1 - i % BASE_DIGITS]);
			i++;
		}
	x->sign = minus ? HR_NUMERIC_MINUS : HR_NUMERIC_PLUS;
	strip(x);
	return x->weight <= WEIGHT_MAX && x->weight >= -WEIGHT_MAX - 1 && x->scale <= HR_NUMERIC_SCALE_MAX;
}

static uint8_t *
put_digit(uint8_t *at, int d)
{
	*at++ = (uint8_t)('0' + d / 1000);
	*at++ = (uint8_t)('0' + d / 100 % 10);
	*at++ = (uint8_t)('0' + d / 10 % 10);
	*at++ = (uint8_t)('0' + d % 10);
	return at;
}

void
hr_numeric_format(struct hr_buf *out, const struct hr_numeric *x)
{
	uint8_t *at, *whole;
	int w;

	if (!hr_numeric_finite(x)) {
		hr_buf_puts(out, x->sign == HR_NUMERIC_NAN ? "NaN" :
		    x->sign == HR_NUMERIC_INFINITY ? "Infinity" : "-Infinity");
		return;
	}
	hr_buf_need(out, (size_t)(max(x->weight + 1, 1) * BASE_DIGITS + x->scale + BASE_DIGITS + 2));
	at = out->data + out->len;
	if (x->sign == HR_NUMERIC_MINUS)
		*at++ = '-';
	whole = at;
	for (w = x->weight; w >= 0; w--)
		at = put_digit(at, digit_at(x, w));
	for (w = 0; whole + w < at - 1 && whole[w] == '0'; w++)
		;
	memmove(whole, whole + w, (size_t)(at - whole - w));
	at -= w;
	if (at == whole)
		*at++ = '0';
	if (x->scale) {
		*at++ = '.';
		whole = at;
		for (w = -1; at - whole < x->scale; w--)
			at = put_digit(at, digit_at(x, w));
		at = whole + x->scale;
	}
	out->len = (size_t)(at - out->data);
}

void
hr_numeric_of_int(struct hr_numeric *x, int64_t v, struct hr_scratch *m)
{
	uint64_t rest = v < 0 ? -(uint64_t)v : (uint64_t)v;
	int16_t *digit = hr_scratch_take(m, 5 * sizeof(*digit));
	int i;

	for (i = 5; i--; rest /= BASE)
		digit[i] = (int16_t)(rest % BASE);
	*x = (struct hr_numeric){ digit, 5, 4, 0, v < 0 ? HR_NUMERIC_MINUS : HR_NUMERIC_PLUS };
	strip(x);
}

void
hr_numeric_of_float(struct hr_numeric *x, double v, int digits, struct hr_scratch *m)
{
	char text[64];
	int n;

	if (isnan(v))
		set_special(x, HR_NUMERIC_NAN);
	else if (isinf(v))
		set_special(x, v < 0 ? HR_NUMERIC_MINUS_INFINITY : HR_NUMERIC_INFINITY);
	else {
		n = snprintf(text, sizeof(text), "%.*g", digits, v);
		if (!hr_numeric_parse(x, text, (size_t)n, m))
			set_special(x, HR_NUMERIC_NAN);		/* not of a float */
	}
}

bool
hr_numeric_to_int(const struct hr_numeric *x, int64_t *v)
{
	uint64_t all = 0, limit = x->sign == HR_NUMERIC_MINUS ? UINT64_C(1) << 63 : INT64_MAX;
	int w;

	/* Halves away from zero: the first digit that is left out decides. */
	if (x->weight > 4)
		return false;
	for (w = x->weight; w >= 0; w--) {
		unsigned d = (unsigned)digit_at(x, w);

		if (all > (limit - d) / BASE)
			return false;
		all = all * BASE + d;
	}
	if (digit_at(x, -1) >= BASE / 2 && all++ == limit)
		return false;
	*v = x->sign == HR_NUMERIC_MINUS ? (int64_t)-all : (int64_t)all;
	return true;
}

bool
hr_numeric_to_float(const struct hr_numeric *x, double *v)
{
	struct hr_buf text = HR_BUF_INIT;
	uint8_t some[512];
	double whole = 0;
	int i;

	if (!hr_numeric_finite(x)) {
		*v = x->sign == HR_NUMERIC_NAN ? NAN : x->sign == HR_NUMERIC_INFINITY ? INFINITY : -INFINITY;
		return true;
	}
	/* Up to 12 digits, and a power of ten that a double has: one rounding. */
	if (x->digits <= 3 && x->digits - 1 - x->weight <= 5 && x->weight <= 5) {
		for (i = 0; i < x->digits; i++)
			whole = whole * BASE + x->digit[i];
		for (i = x->digits - 1; i < x->weight; i++)
			whole *= BASE;
		if (i > x->weight && x->digits) {
			double by = 1;

			for (; i > x->weight; i--)
				by *= BASE;
			whole /= by;
		}
		if (whole < 9007199254740992.0) {
			*v = x->sign == HR_NUMERIC_MINUS ? -whole : whole;
			return true;
		}
	}
	if (abs(x->weight) < 60 && x->scale < 200)	/* no memory for what is common */
		text = (struct hr_buf){ some, 0, sizeof(some) };
	hr_numeric_format(&text, x);
	*v = strtod(hr_buf_text(&text), NULL);
	if (text.data != some)
		hr_buf_clear(&text);
	return !isinf(*v) && (*v != 0 || x->digits == 0);
}

/* --- order --- */

static int
cmp_abs(const struct hr_numeric *x, const struct hr_numeric *y)
{
	int i;

	if (x->digits == 0 || y->digits == 0)
		return (x->digits != 0) - (y->digits != 0);
	if (x->weight != y->weight)
		return x->weight < y->weight ? -1 : 1;
	for (i = 0; i < x->digits && i < y->digits; i++)
		if (x->digit[i] != y->digit[i])
			return x->digit[i] < y->digit[i] ? -1 : 1;
	return (x->digits > i) - (y->digits > i);
}

static int
rank(const struct hr_numeric *x)
{
	switch (x->sign) {
	case HR_NUMERIC_MINUS_INFINITY: return -2;
	case HR_NUMERIC_MINUS: return -1;
	case HR_NUMERIC_PLUS: return x->digits > 0;
	case HR_NUMERIC_INFINITY: return 2;
	case HR_NUMERIC_NAN: return 3;
	}
	return 0;
}

int
hr_numeric_cmp(const struct hr_numeric *x, const struct hr_numeric *y)
{
	int a = rank(x), b = rank(y);

	if (a != b)
		return a < b ? -1 : 1;
	return a == 1 ? cmp_abs(x, y) : a == -1 ? cmp_abs(y, x) : 0;
}

uint64_t
hr_numeric_hash(const struct hr_numeric *x)
{
	return hr_hash(x->digit, (size_t)x->digits * sizeof(*x->digit)) ^
	    (uint64_t)(uint32_t)x->weight << 16 ^ (uint64_t)x->sign;
}

/* --- sums --- */

static void
add_abs(struct hr_numeric *x, const struct hr_numeric *y, const struct hr_numeric *z, struct hr_scratch *m)
{
	int top = max(y->weight, z->weight) + 1;
	int low = y->weight - y->digits < z->weight - z->digits ? y->weight - y->digits : z->weight - z->digits;
	int16_t *digit = hr_scratch_take(m, (size_t)(top - low) * sizeof(*digit));
	int w, carry = 0;

	for (w = low + 1; w <= top; w++) {
		carry += digit_at(y, w) + digit_at(z, w);
		digit[top - w] = (int16_t)(carry % BASE);
		carry /= BASE;
	}
	x->digit = digit;
	x->digits = top - low;
	x->weight = top;
}

/* y is not less than z. */
static void
sub_abs(struct hr_numeric *x, const struct hr_numeric *y, const struct hr_numeric *z, struct hr_scratch *m)
{
	int top = y->weight;
	int low = y->weight - y->digits < z->weight - z->digits ? y->weight - y->digits : z->weight - z->digits;
	int16_t *digit = hr_scratch_take(m, (size_t)(top - low) * sizeof(*digit));
	int w, d, borrow = 0;

	for (w = low + 1; w <= top; w++) {
		d = digit_at(y, w) - digit_at(z, w) - borrow;
		borrow = d < 0;
		digit[top - w] = (int16_t)(d + borrow * BASE);
	}
	x->digit = digit;
	x->digits = top - low;
	x->weight = top;
}

/* y + z, z's sign given apart. */
static int
sum(struct hr_numeric *x, const struct hr_numeric *y, const struct hr_numeric *z,
    enum hr_numeric_sign z_sign, struct hr_scratch *m, struct hr_err *e)
{
	int scale = max(y->scale, z->scale);
	enum hr_numeric_sign y_sign = y->sign;
	struct hr_numeric none = { .weight = 0 };
	int order;

	if (!hr_numeric_finite(y) || !hr_numeric_finite(z)) {
		if (y_sign == HR_NUMERIC_NAN || z_sign == HR_NUMERIC_NAN ||
		    (!hr_numeric_finite(y) && !hr_numeric_finite(z) && y_sign != z_sign))
			set_special(x, HR_NUMERIC_NAN);
		else
			set_special(x, hr_numeric_finite(y) ? z_sign : y_sign);
		return 0;
	}
	/* A zero has no weight that counts. */
	if (y->digits == 0 || z->digits == 0) {
		const struct hr_numeric one = y->digits ? *y : *z;
		enum hr_numeric_sign sign = y->digits ? y_sign : z_sign;

		*x = one.digits ? one : none;
		x->sign = one.digits ? sign : HR_NUMERIC_PLUS;
	} else if (y_sign == z_sign) {
		add_abs(x, y, z, m);
		x->sign = y_sign;
	} else if ((order = cmp_abs(y, z)) == 0) {
		*x = none;
	} else if (order > 0) {
		sub_abs(x, y, z, m);
		x->sign = y_sign;
	} else {
		sub_abs(x, z, y, m);
		x->sign = z_sign;
	}
	x->scale = scale;
	strip(x);
	return check(x, e);
}

static enum hr_numeric_sign
opposite(enum hr_numeric_sign sign)
{
	switch (sign) {
	case HR_NUMERIC_PLUS: return HR_NUMERIC_MINUS;
	case HR_NUMERIC_MINUS: return HR_NUMERIC_PLUS;
	case HR_NUMERIC_INFINITY: return HR_NUMERIC_MINUS_INFINITY;
	case HR_NUMERIC_MINUS_INFINITY: return HR_NUMERIC_INFINITY;
	case HR_NUMERIC_NAN: break;
	}
	return sign;
}

int
hr_numeric_add(struct hr_numeric *x, const struct hr_numeric *y, const struct hr_numeric *z,
    struct hr_scratch *m, struct hr_err *e)
{
	return sum(x, y, z, z->sign, m, e);
}

int
hr_numeric_sub(struct hr_numeric *x, const struct hr_numeric *y, const struct hr_numeric *z,
    struct hr_scratch *m, struct hr_err *e)
{
	return sum(x, y, z, opposite(z->sign), m, e);
}

void
hr_numeric_neg(struct hr_numeric *x, const struct hr_numeric *y)
{
	*x = *y;
	if (!is_zero(x))
		x->sign = opposite(x->sign);
}

void
hr_numeric_abs(struct hr_numeric *x, const struct hr_numeric *y)
{
	*x = *y;
	if (x->sign == HR_NUMERIC_MINUS || x->sign == HR_NUMERIC_MINUS_INFINITY)
		x->sign = opposite(x->sign);
}

/* --- products and quotients --- */

static bool
is_minus(const struct hr_numeric *x)
{
	return x->sign == HR_NUMERIC_MINUS || x->sign == HR_NUMERIC_MINUS_INFINITY;
}

static void
mul_abs(struct hr_numeric *x, const struct hr_numeric *y, const struct hr_numeric *z, struct hr_scratch *m)
{
	int n = y->digits + z->digits, i, k, weight = y->weight + z->weight + 1;
	int16_t *digit = hr_scratch_take(m, (size_t)n * sizeof(*digit));
	uint64_t *all = hr_scratch_take(m, (size_t)n * sizeof(*all)), carry = 0;

	memset(all, 0, (size_t)n * sizeof(*all));
	for (i = 0; i < y->digits; i++)
		for (k = 0; k < z->digits; k++)
			all[i + k + 1] += (uint64_t)(y->digit[i] * z->digit[k]);
	for (i = n; i--; carry /= BASE) {
		carry += all[i];
		digit[i] = (int16_t)(carry % BASE);
	}
	hr_scratch_trim(m, all, 0);
	x->digit = digit;
	x->digits = n;
	x->weight = weight;
}

int
hr_numeric_mul(struct hr_numeric *x, const struct hr_numeric *y, const struct hr_numeric *z,
    struct hr_scratch *m, struct hr_err *e)
{
	bool minus = is_minus(y) != is_minus(z);
	int scale = y->scale + z->scale;

	if (!hr_numeric_finite(y) || !hr_numeric_finite(z)) {
		if (y->sign == HR_NUMERIC_NAN || z->sign == HR_NUMERIC_NAN || is_zero(y) || is_zero(z))
			set_special(x, HR_NUMERIC_NAN);
		else
			set_special(x, minus ? HR_NUMERIC_MINUS_INFINITY : HR_NUMERIC_INFINITY);
		return 0;
	}
	mul_abs(x, y, z, m);
	x->sign = minus ? HR_NUMERIC_MINUS : HR_NUMERIC_PLUS;
	x->scale = scale;
	strip(x);
	if (x->scale > HR_NUMERIC_SCALE_MAX)
		hr_numeric_round(x, x, HR_NUMERIC_SCALE_MAX, m);
	return check(x, e);
}

/*
 * The first n digits of u divided by v (Knuth, volume 2, algorithm D).  u has
 * n + count digits, the first of which is 0, and holds the rest afterwards.
 */
static void
divide(int16_t *quotient, int n, int32_t *u, int32_t *v, int count)
{
	int32_t by = BASE / (v[0] + 1), q, r, t;
	int64_t carry;
	int i, j;

	for (carry = 0, i = n + count; i--; carry /= BASE) {
		carry += (int64_t)u[i] * by;
		u[i] = (int32_t)(carry % BASE);
	}
	for (carry = 0, i = count; i--; carry /= BASE) {
		carry += (int64_t)v[i] * by;
		v[i] = (int32_t)(carry % BASE);
	}
	for (j = 0; j < n; j++) {
		t = u[j] * BASE + u[j + 1];
		q = t / v[0];
		r = t % v[0];
		while (q >= BASE || (count > 1 && r < BASE && q * v[1] > r * BASE + u[j + 2])) {
			q--;
			r += v[0];
			if (r >= BASE)
				break;
		}
		for (carry = 0, i = count; i--;) {
			t = u[j + 1 + i] - q * v[i] + (int32_t)carry;
			carry = t < 0 ? -((BASE - 1 - t) / BASE) : 0;
			u[j + 1 + i] = t - (int32_t)carry * BASE;
		}
		u[j] += (int32_t)carry;
		if (u[j] < 0) {			/* one too many: add v back */
			q--;
			for (carry = 0, i = count; i--; carry /= BASE) {
				carry += u[j + 1 + i] + v[i];
				u[j + 1 + i] = (int32_t)(carry % BASE);
			}
			u[j] += (int32_t)carry;
		}
		quotient[j] = (int16_t)q;
	}
}

/* |y| / |z|, cut behind so many digits of base 10000 after the point. */
static void
div_abs(struct hr_numeric *x, const struct hr_numeric *y, const struct hr_numeric *z, int behind,
    struct hr_scratch *m)
{
	int n = y->weight - z->weight + 1 + behind, count = z->digits, i;
	int weight = y->weight - z->weight;
	int16_t *digit;
	int32_t *u, *v;

	if (n <= 0 || y->digits == 0) {
		*x = (struct hr_numeric){ .weight = 0 };
		return;
	}
	digit = hr_scratch_take(m, (size_t)n * sizeof(*digit));
	u = hr_scratch_take(m, (size_t)(n + count + 1) * sizeof(*u));
	v = hr_scratch_take(m, (size_t)count * sizeof(*v));
	u[0] = 0;
	for (i = 1; i < n + count; i++)
		u[i] = i <= y->digits ? y->digit[i - 1] : 0;
	for (i = 0; i < count; i++)
		v[i] = z->digit[i];
	divide(digit, n, u, v, count);
	hr_scratch_trim(m, u, 0);
	x->digit = digit;
	x->digits = n;
	x->weight = weight;
}

static int
quotient_scale(const struct hr_numeric *y, const struct hr_numeric *z)
{
	int first_y = y->digits ? y->digit[0] : 0, first_z = z->digit[0];
	int weight = (y->digits ? y->weight : 0) - z->weight - (first_y <= first_z);
	int scale = max(max(QUOTIENT_DIGITS - weight * BASE_DIGITS, max(y->scale, z->scale)), 0);

	return scale < QUOTIENT_SCALE ? scale : QUOTIENT_SCALE;
}

/* What has no digits: 1 with *x set, 0 when both are ordinary, -1. */
static int
div_special(struct hr_numeric *x, const struct hr_numeric *y, const struct hr_numeric *z, struct hr_err *e)
{
	bool minus = is_minus(y) != is_minus(z);

	if (y->sign == HR_NUMERIC_NAN || z->sign == HR_NUMERIC_NAN) {
		set_special(x, HR_NUMERIC_NAN);
		return 1;
	}
	if (is_zero(z))
		return hr_fail(e, HR_REFUSED, "division by zero");
	if (hr_numeric_finite(y) && hr_numeric_finite(z))
		return 0;
	if (hr_numeric_finite(y))
		*x = (struct hr_numeric){ .weight = 0 };
	else if (hr_numeric_finite(z))
		set_special(x, minus ? HR_NUMERIC_MINUS_INFINITY : HR_NUMERIC_INFINITY);
	else
		set_special(x, HR_NUMERIC_NAN);
	return 1;
}

int
hr_numeric_div(struct hr_numeric *x, const struct hr_numeric *y, const struct hr_numeric *z,
    struct hr_scratch *m, struct hr_err *e)
{
	bool minus = is_minus(y) != is_minus(z);
	int rc = div_special(x, y, z, e), scale;

	if (rc)
		return rc < 0 ? -1 : 0;
	scale = quotient_scale(y, z);
	div_abs(x, y, z, scale / BASE_DIGITS + 1, m);
	x->sign = minus ? HR_NUMERIC_MINUS : HR_NUMERIC_PLUS;
	strip(x);
	hr_numeric_round(x, x, scale, m);
	return check(x, e);
}

int
hr_numeric_mod(struct hr_numeric *x, const struct hr_numeric *y, const struct hr_numeric *z,
    struct hr_scratch *m, struct hr_err *e)
{
	struct hr_numeric part, y0 = *y, z0 = *z;
	int rc;

	if (hr_numeric_finite(y) && (z->sign == HR_NUMERIC_INFINITY || z->sign == HR_NUMERIC_MINUS_INFINITY)) {
		*x = y0;
		return 0;
	}
	rc = div_special(x, y, z, e);
	if (rc < 0)
		return -1;
	if (rc) {
		set_special(x, HR_NUMERIC_NAN);
		return 0;
	}
	div_abs(&part, &y0, &z0, 0, m);
	part.sign = HR_NUMERIC_PLUS;
	part.scale = 0;
	strip(&part);
	z0.sign = HR_NUMERIC_PLUS;
	mul_abs(&part, &part, &z0, m);
	part.sign = y0.sign;
	part.scale = z0.scale;
	strip(&part);
	return sum(x, &y0, &part, opposite(part.sign), m, e);
}

/* --- roundings --- */

/* A copy that ends at the scale; 1 more in its last place when up. */
static void
cut(struct hr_numeric *x, const struct hr_numeric *y, int scale, struct hr_scratch *m, int up)
{
	int keep = (y->weight + 1) * BASE_DIGITS + scale;	/* decimal digits */
	int n, i, unit, carry, weight = y->weight;
	int16_t *digit;
	enum hr_numeric_sign sign = y->sign;

	if (keep < 0)
		keep = 0;
	n = (keep + BASE_DIGITS - 1) / BASE_DIGITS;
	/* One place more in front, for what is carried. */
	digit = hr_scratch_take(m, ((size_t)n + 1) * sizeof(*digit));
	digit[0] = 0;
	for (i = 0; i < n; i++)
		digit[i + 1] = i < y->digits ? y->digit[i] : 0;
	unit = keep % BASE_DIGITS ? power[BASE_DIGITS - keep % BASE_DIGITS] : 1;
	if (n)
		digit[n] = (int16_t)(digit[n] - digit[n] % unit);
	for (i = n, carry = up ? unit : 0; carry && i >= 0; i--) {
		carry += digit[i];
		digit[i] = (int16_t)(carry % BASE);
		carry /= BASE;
	}
	*x = (struct hr_numeric){ digit, n + 1, weight + 1, max(scale, 0), sign };
	strip(x);
}

/* The decimal digit behind the scale. */
static int
next_digit(const struct hr_numeric *x, int scale)
{
	int place = -scale - 1;		/* the power of ten it counts */
	int w = place >= 0 ? place / BASE_DIGITS : -((-place + BASE_DIGITS - 1) / BASE_DIGITS);

	return digit_at(x, w) / power[place - w * BASE_DIGITS] % 10;
}

static bool
has_more(const struct hr_numeric *x, int scale)
{
	struct hr_numeric rest = *x;
	int keep = (x->weight + 1) * BASE_DIGITS + scale, i;

	if (keep < 0)
		return x->digits > 0;
	i = keep / BASE_DIGITS;
	if (i >= rest.digits)
		return false;
	return i + 1 < rest.digits || rest.digit[i] % power[BASE_DIGITS - keep % BASE_DIGITS] != 0;
}

static void
round_to(struct hr_numeric *x, const struct hr_numeric *y, int scale, struct hr_scratch *m, bool up)
{
	int keep = (y->weight + 1) * BASE_DIGITS + scale;

	if (!hr_numeric_finite(y)) {
		*x = *y;
		return;
	}
	if (y->digits == 0 || keep < 0) {
		*x = (struct hr_numeric){ .scale = max(scale, 0) };
		return;
	}
	if (!has_more(y, scale)) {
		*x = *y;
		x->scale = max(scale, 0);
		return;
	}
	/* With nothing kept, a carry counts in the place before the first. */
	cut(x, y, scale, m, 0);
	if (up) {
		if (keep == 0) {
			int16_t *one = hr_scratch_take(m, sizeof(*one));

			*one = 1;
			*x = (struct hr_numeric){ one, 1, y->weight + 1, max(scale, 0), y->sign };
			return;
		}
		cut(x, y, scale, m, 1);
	}
}

void
hr_numeric_round(struct hr_numeric *x, const struct hr_numeric *y, int scale, struct hr_scratch *m)
{
	const struct hr_numeric from = *y;

	round_to(x, &from, scale, m, hr_numeric_finite(y) && next_digit(y, scale) >= 5);
}

void
hr_numeric_trunc(struct hr_numeric *x, const struct hr_numeric *y, int scale, struct hr_scratch *m)
{
	const struct hr_numeric from = *y;

	round_to(x, &from, scale, m, false);
}

/* Whole, and one further from zero when it was not and is of that sign. */
static void
whole(struct hr_numeric *x, const struct hr_numeric *y, enum hr_numeric_sign away, struct hr_scratch *m)
{
	const struct hr_numeric from = *y;
	struct hr_numeric one;
	struct hr_err e = HR_ERR_INIT;
	bool more = hr_numeric_finite(y) && has_more(y, 0) && y->sign == away;

	round_to(x, &from, 0, m, false);
	if (!more)
		return;
	hr_numeric_of_int(&one, away == HR_NUMERIC_MINUS ? -1 : 1, m);
	(void)!hr_numeric_add(x, x, &one, m, &e);
}

void
hr_numeric_floor(struct hr_numeric *x, const struct hr_numeric *y, struct hr_scratch *m)
{
	whole(x, y, HR_NUMERIC_MINUS, m);
}

void
hr_numeric_ceil(struct hr_numeric *x, const struct hr_numeric *y, struct hr_scratch *m)
{
	whole(x, y, HR_NUMERIC_PLUS, m);
}

int
hr_numeric_fit(struct hr_numeric *x, int32_t typmod, struct hr_scratch *m, struct hr_err *e)
{
	int precision, scale, digits, first;

	if (typmod < 4 || x->sign == HR_NUMERIC_NAN)
		return 0;
	precision = (typmod - 4) >> 16 & 0xffff;
	scale = (((typmod - 4) & 0x7ff) ^ 1024) - 1024;
	if (!hr_numeric_finite(x))
		return hr_fail(e, HR_REFUSED, "numeric field overflow: no infinity fits numeric(%d,%d)",
		    precision, scale);
	hr_numeric_round(x, x, scale, m);
	if (x->digits == 0)
		return 0;
	first = x->digit[0];
	digits = (x->weight + 1) * BASE_DIGITS - (first < 10 ? 3 : first < 100 ? 2 : first < 1000 ? 1 : 0);
	if (digits > precision - scale)
		return hr_fail(e, HR_REFUSED, "numeric field overflow: more than numeric(%d,%d)", precision, scale);
	return 0;
}
