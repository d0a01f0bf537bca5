/*
 * value.c - PostgreSQL's binary values as text.
 *
 * Each type's format is its send function's; each text is what its output
 * function writes with DateStyle ISO, IntervalStyle postgres, TimeZone UTC,
 * bytea_output hex, lc_monetary C.  A value whose bytes its receive function
 * would refuse is refused here too: better in hex than wrong.
 */

#include "base/hr.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/float.h"
#include "base/hex.h"
#include "base/lsn.h"
#include "stream/value.h"

#define DIMENSIONS_MAX	6
#define NUMERIC_DIGITS	4		/* decimal digits in one of base 10000 */
#define DAY_US		INT64_C(86400000000)
#define EPOCH_JULIAN	2451545		/* 2000-01-01 as a Julian day */

typedef bool format_fn(struct hr_buf *out, const uint8_t *p, size_t n);

static bool
fmt_bool(struct hr_buf *out, const uint8_t *p, size_t n)
{
	if (n != 1)
		return false;
	hr_buf_u8(out, p[0] ? 't' : 'f');
	return true;
}

static bool
fmt_int2(struct hr_buf *out, const uint8_t *p, size_t n)
{
	if (n != 2)
		return false;
	hr_buf_printf(out, "%d", (int16_t)hr_get_u16be(p));
	return true;
}

static bool
fmt_int4(struct hr_buf *out, const uint8_t *p, size_t n)
{
	if (n != 4)
		return false;
	hr_buf_printf(out, "%" PRId32, (int32_t)hr_get_u32be(p));
	return true;
}

static bool
fmt_int8(struct hr_buf *out, const uint8_t *p, size_t n)
{
	if (n != 8)
		return false;
	hr_buf_printf(out, "%" PRId64, (int64_t)hr_get_u64be(p));
	return true;
}

static bool
fmt_oid(struct hr_buf *out, const uint8_t *p, size_t n)
{
	if (n != 4)
		return false;
	hr_buf_printf(out, "%" PRIu32, hr_get_u32be(p));
	return true;
}

static bool
fmt_xid8(struct hr_buf *out, const uint8_t *p, size_t n)
{
	if (n != 8)
		return false;
	hr_buf_printf(out, "%" PRIu64, hr_get_u64be(p));
	return true;
}

static bool
fmt_lsn(struct hr_buf *out, const uint8_t *p, size_t n)
{
	if (n != 8)
		return false;
	hr_buf_puts(out, HR_LSN(hr_get_u64be(p)));
	return true;
}

static bool
fmt_tid(struct hr_buf *out, const uint8_t *p, size_t n)
{
	if (n != 6)
		return false;
	hr_buf_printf(out, "(%" PRIu32 ",%u)", hr_get_u32be(p), hr_get_u16be(p + 4));
	return true;
}

static bool
fmt_text(struct hr_buf *out, const uint8_t *p, size_t n)
{
	hr_buf_put(out, p, n);
	return true;
}

static bool
fmt_jsonb(struct hr_buf *out, const uint8_t *p, size_t n)
{
	if (n < 1 || p[0] != 1)
		return false;
	hr_buf_put(out, p + 1, n - 1);
	return true;
}

static bool
fmt_char(struct hr_buf *out, const uint8_t *p, size_t n)
{
	if (n != 1)
		return false;
	if (p[0] >= 0x80)
		hr_buf_printf(out, "\\%03o", p[0]);
	else if (p[0])
		hr_buf_u8(out, p[0]);
	return true;
}

static void
put_hex(struct hr_buf *out, const uint8_t *p, size_t n)
{
	hr_buf_need(out, 2 * n);
	hr_hex_put(out->data + out->len, p, n);
	out->len += 2 * n;
}

static bool
fmt_bytea(struct hr_buf *out, const uint8_t *p, size_t n)
{
	hr_buf_put(out, "\\x", 2);
	put_hex(out, p, n);
	return true;
}

static bool
fmt_uuid(struct hr_buf *out, const uint8_t *p, size_t n)
{
	static const int part[] = { 4, 2, 2, 2, 6 };
	size_t i;

	if (n != 16)
		return false;
	for (i = 0; i < HR_COUNT(part); p += part[i++]) {
		if (i)
			hr_buf_u8(out, '-');
		put_hex(out, p, (size_t)part[i]);
	}
	return true;
}

static bool
fmt_macaddr(struct hr_buf *out, const uint8_t *p, size_t n)
{
	size_t i;

	if (n != 6 && n != 8)
		return false;
	for (i = 0; i < n; i++) {
		if (i)
			hr_buf_u8(out, ':');
		put_hex(out, p + i, 1);
	}
	return true;
}

static bool
fmt_float4(struct hr_buf *out, const uint8_t *p, size_t n)
{
	if (n != 4)
		return false;
	hr_float4_format(out, hr_get_u32be(p));
	return true;
}

static bool
fmt_float8(struct hr_buf *out, const uint8_t *p, size_t n)
{
	if (n != 8)
		return false;
	hr_float8_format(out, hr_get_u64be(p));
	return true;
}

/* int16 digits, weight, sign, decimals; then int16 digits of base 10000. */
static bool
fmt_numeric(struct hr_buf *out, const uint8_t *p, size_t n)
{
	struct hr_cur c = hr_cur(p, n);
	int count = hr_cur_u16be(&c), weight = (int16_t)hr_cur_u16be(&c);
	unsigned sign = hr_cur_u16be(&c), scale = hr_cur_u16be(&c);
	const uint8_t *digit = c.at;
	char text[NUMERIC_DIGITS + 1];
	int d;

	if (c.bad || hr_cur_left(&c) != (size_t)count * 2 || scale > 0x3fff)
		return false;
	for (d = 0; d < count; d++)
		if (hr_get_u16be(digit + 2 * d) > 9999)
			return false;
	if (sign == 0xc000 || sign == 0xd000 || sign == 0xf000) {
		hr_buf_puts(out, sign == 0xc000 ? "NaN" : sign == 0xd000 ? "Infinity" : "-Infinity");
		return true;
	}
	if (sign != 0 && sign != 0x4000)
		return false;
	for (; count && hr_get_u16be(digit) == 0; count--, weight--)
		digit += 2;
	if (count == 0)
		weight = 0;
	if (sign && count)
		hr_buf_u8(out, '-');
	if (weight < 0)
		hr_buf_u8(out, '0');
	for (d = 0; d <= weight; d++)
		hr_buf_printf(out, d ? "%04d" : "%d", d < count ? hr_get_u16be(digit + 2 * d) : 0);
	if (scale)
		hr_buf_u8(out, '.');
	for (d = weight + 1; scale; d++) {
		unsigned some = scale < NUMERIC_DIGITS ? scale : NUMERIC_DIGITS;

		snprintf(text, sizeof(text), "%04d",
		    d >= 0 && d < count ? hr_get_u16be(digit + 2 * d) % 10000 : 0);
		hr_buf_put(out, text, some);
		scale -= some;
	}
	return true;
}

static bool
fmt_money(struct hr_buf *out, const uint8_t *p, size_t n)
{
	uint64_t v, whole;
	char text[32];
	size_t len, i;

	if (n != 8)
		return false;
	v = hr_get_u64be(p);
	if (v >> 63) {
		hr_buf_u8(out, '-');
		v = -v;
	}
	whole = v / 100;
	hr_buf_u8(out, '$');
	len = (size_t)snprintf(text, sizeof(text), "%" PRIu64, whole);
	for (i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			hr_buf_u8(out, ',');
		hr_buf_u8(out, (uint8_t)text[i]);
	}
	hr_buf_printf(out, ".%02d", (int)(v % 100));
	return true;
}

/* Year, month, day; true when the year is before Christ. */
static bool
put_date(struct hr_buf *out, int64_t days)
{
	int64_t j = days + EPOCH_JULIAN + 32044, quad, year, month, day;

	/* The proleptic Gregorian calendar, by eras of 400 years. */
	quad = j / 146097;
	day = j % 146097;
	year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
	day -= 365 * year + year / 4 - year / 100;
	month = (5 * day + 2) / 153;
	day = day - (153 * month + 2) / 5 + 1;
	year += quad * 400 - 4800 + (month >= 10);
	month += month < 10 ? 3 : -9;
	hr_buf_printf(out, "%04d-%02d-%02d", (int)(year > 0 ? year : 1 - year), (int)month, (int)day);
	return year <= 0;
}

static void
put_seconds(struct hr_buf *out, int64_t us)
{
	hr_buf_printf(out, "%02d", (int)(us / 1000000));
	us %= 1000000;
	if (us == 0)
		return;
	hr_buf_printf(out, ".%06d", (int)us);
	while (out->data[out->len - 1] == '0')
		out->len--;
}

static void
put_time(struct hr_buf *out, int64_t us)
{
	hr_buf_printf(out, "%02d:%02d:", (int)(us / INT64_C(3600000000)),
	    (int)(us / 60000000 % 60));
	put_seconds(out, us % 60000000);
}

static bool
fmt_date(struct hr_buf *out, const uint8_t *p, size_t n)
{
	int32_t days;

	if (n != 4)
		return false;
	days = (int32_t)hr_get_u32be(p);
	if (days == INT32_MAX || days == INT32_MIN) {
		hr_buf_puts(out, days < 0 ? "-infinity" : "infinity");
		return true;
	}
	if (days < -EPOCH_JULIAN || days >= 2147483494 - EPOCH_JULIAN)
		return false;
	if (put_date(out, days))
		hr_buf_puts(out, " BC");
	return true;
}

static bool
fmt_time(struct hr_buf *out, const uint8_t *p, size_t n)
{
	uint64_t us;

	if (n != 8 || (us = hr_get_u64be(p)) > DAY_US)
		return false;
	put_time(out, (int64_t)us);
	return true;
}

static bool
fmt_timetz(struct hr_buf *out, const uint8_t *p, size_t n)
{
	int32_t west;

	if (n != 12)
		return false;
	west = (int32_t)hr_get_u32be(p + 8);
	if (west <= -16 * 3600 || west >= 16 * 3600 || !fmt_time(out, p, 8))
		return false;
	hr_buf_printf(out, "%c%02d", west > 0 ? '-' : '+', abs(west) / 3600);
	west = abs(west);
	if (west % 3600)
		hr_buf_printf(out, ":%02d", (int)(west / 60 % 60));
	if (west % 60)
		hr_buf_printf(out, ":%02d", (int)(west % 60));
	return true;
}

static bool
put_timestamp(struct hr_buf *out, const uint8_t *p, size_t n, const char *zone)
{
	int64_t us, days;
	bool bc;

	if (n != 8)
		return false;
	us = (int64_t)hr_get_u64be(p);
	if (us == INT64_MAX || us == INT64_MIN) {
		hr_buf_puts(out, us < 0 ? "-infinity" : "infinity");
		return true;
	}
	if (us < INT64_C(-211813488000000000) || us >= INT64_C(9223371331200000000))
		return false;
	days = us / DAY_US;
	us %= DAY_US;
	if (us < 0) {
		us += DAY_US;
		days--;
	}
	bc = put_date(out, days);
	hr_buf_u8(out, ' ');
	put_time(out, us);
	hr_buf_puts(out, zone);
	if (bc)
		hr_buf_puts(out, " BC");
	return true;
}

static bool
fmt_timestamp(struct hr_buf *out, const uint8_t *p, size_t n)
{
	return put_timestamp(out, p, n, "");
}

static bool
fmt_timestamptz(struct hr_buf *out, const uint8_t *p, size_t n)
{
	return put_timestamp(out, p, n, "+00");
}

static void
put_part(struct hr_buf *out, int value, const char *unit, bool *first, bool *before)
{
	if (value == 0)
		return;
	hr_buf_printf(out, "%s%s%d %s%s", *first ? "" : " ", *before && value > 0 ? "+" : "",
	    value, unit, value == 1 ? "" : "s");
	*before = value < 0;
	*first = false;
}

static bool
fmt_interval(struct hr_buf *out, const uint8_t *p, size_t n)
{
	int64_t us;
	int32_t days, months;
	uint64_t all;
	bool first = true, before = false;

	if (n != 16)
		return false;
	us = (int64_t)hr_get_u64be(p);
	days = (int32_t)hr_get_u32be(p + 8);
	months = (int32_t)hr_get_u32be(p + 12);
	if ((us == INT64_MAX && days == INT32_MAX && months == INT32_MAX) ||
	    (us == INT64_MIN && days == INT32_MIN && months == INT32_MIN)) {
		hr_buf_puts(out, us < 0 ? "-infinity" : "infinity");
		return true;
	}
	put_part(out, months / 12, "year", &first, &before);
	put_part(out, months % 12, "mon", &first, &before);
	put_part(out, days, "day", &first, &before);
	if (us == 0 && !first)
		return true;
	all = us < 0 ? -(uint64_t)us : (uint64_t)us;
	hr_buf_printf(out, "%s%s%02" PRIu64 ":%02d:", first ? "" : " ",
	    us < 0 ? "-" : before ? "+" : "", all / UINT64_C(3600000000), (int)(all / 60000000 % 60));
	put_seconds(out, (int64_t)(all % 60000000));
	return true;
}

/* Family (2 is IPv4, 3 is IPv6), bits, is cidr, bytes, address. */
static bool
put_network(struct hr_buf *out, const uint8_t *p, size_t n, bool cidr)
{
	char text[INET6_ADDRSTRLEN];
	size_t size;

	if (n < 4)
		return false;
	size = p[0] == 2 ? 4 : 16;
	if ((p[0] != 2 && p[0] != 3) || p[3] != size || n != 4 + size || p[1] > 8 * size)
		return false;
	if (inet_ntop(p[0] == 2 ? AF_INET : AF_INET6, p + 4, text, sizeof(text)) == NULL)
		return false;
	hr_buf_puts(out, text);
	if (cidr || p[1] != 8 * size)
		hr_buf_printf(out, "/%d", p[1]);
	return true;
}

static bool
fmt_inet(struct hr_buf *out, const uint8_t *p, size_t n)
{
	return put_network(out, p, n, false);
}

static bool
fmt_cidr(struct hr_buf *out, const uint8_t *p, size_t n)
{
	return put_network(out, p, n, true);
}

static bool
fmt_bit(struct hr_buf *out, const uint8_t *p, size_t n)
{
	uint32_t bits, i;

	if (n < 4)
		return false;
	bits = hr_get_u32be(p);
	if (bits > INT32_MAX || n - 4 != ((size_t)bits + 7) / 8)
		return false;
	hr_buf_need(out, bits);
	for (i = 0; i < bits; i++)
		hr_buf_u8(out, p[4 + i / 8] >> (7 - i % 8) & 1 ? '1' : '0');
	return true;
}

/* Sorted by type, for the search. */
static const struct known {
	uint32_t type;
	uint32_t element;	/* of an array; then there is no format */
	format_fn *format;
	bool names_tenant;
} known[] = {
	{ 16, 0, fmt_bool, false },
	{ 17, 0, fmt_bytea, false },
	{ 18, 0, fmt_char, true },
	{ 19, 0, fmt_text, true },		/* name */
	{ 20, 0, fmt_int8, true },
	{ 21, 0, fmt_int2, true },
	{ 23, 0, fmt_int4, true },
	{ 25, 0, fmt_text, true },
	{ 26, 0, fmt_oid, true },
	{ 27, 0, fmt_tid, false },
	{ 28, 0, fmt_oid, false },		/* xid */
	{ 29, 0, fmt_oid, false },		/* cid */
	{ 114, 0, fmt_text, false },		/* json */
	{ 142, 0, fmt_text, false },		/* xml */
	{ 143, 142, NULL, false },
	{ 199, 114, NULL, false },
	{ 271, 5069, NULL, false },
	{ 650, 0, fmt_cidr, false },
	{ 651, 650, NULL, false },
	{ 700, 0, fmt_float4, false },
	{ 701, 0, fmt_float8, false },
	{ 774, 0, fmt_macaddr, false },		/* macaddr8 */
	{ 775, 774, NULL, false },
	{ 790, 0, fmt_money, false },
	{ 791, 790, NULL, false },
	{ 829, 0, fmt_macaddr, false },
	{ 869, 0, fmt_inet, false },
	{ 1000, 16, NULL, false },
	{ 1001, 17, NULL, false },
	{ 1002, 18, NULL, false },
	{ 1003, 19, NULL, false },
	{ 1005, 21, NULL, false },
	{ 1007, 23, NULL, false },
	{ 1009, 25, NULL, false },
	{ 1010, 27, NULL, false },
	{ 1011, 28, NULL, false },
	{ 1012, 29, NULL, false },
	{ 1014, 1042, NULL, false },
	{ 1015, 1043, NULL, false },
	{ 1016, 20, NULL, false },
	{ 1021, 700, NULL, false },
	{ 1022, 701, NULL, false },
	{ 1028, 26, NULL, false },
	{ 1040, 829, NULL, false },
	{ 1041, 869, NULL, false },
	{ 1042, 0, fmt_text, true },		/* bpchar */
	{ 1043, 0, fmt_text, true },		/* varchar */
	{ 1082, 0, fmt_date, false },
	{ 1083, 0, fmt_time, false },
	{ 1114, 0, fmt_timestamp, false },
	{ 1115, 1114, NULL, false },
	{ 1182, 1082, NULL, false },
	{ 1183, 1083, NULL, false },
	{ 1184, 0, fmt_timestamptz, false },
	{ 1185, 1184, NULL, false },
	{ 1186, 0, fmt_interval, false },
	{ 1187, 1186, NULL, false },
	{ 1231, 1700, NULL, false },
	{ 1266, 0, fmt_timetz, false },
	{ 1270, 1266, NULL, false },
	{ 1560, 0, fmt_bit, false },
	{ 1561, 1560, NULL, false },
	{ 1562, 0, fmt_bit, false },		/* varbit */
	{ 1563, 1562, NULL, false },
	{ 1700, 0, fmt_numeric, false },
	{ 2950, 0, fmt_uuid, true },
	{ 2951, 2950, NULL, false },
	{ 3220, 0, fmt_lsn, false },
	{ 3221, 3220, NULL, false },
	{ 3802, 0, fmt_jsonb, false },
	{ 3807, 3802, NULL, false },
	{ 5069, 0, fmt_xid8, false },
};

static int
by_type(const void *key, const void *element)
{
	uint32_t a = *(const uint32_t *)key, b = ((const struct known *)element)->type;

	return a < b ? -1 : a > b;
}

static const struct known *
find(uint32_t type)
{
	return bsearch(&type, known, HR_COUNT(known), sizeof(known[0]), by_type);
}

/* Put the element that begins at mark in quotes if an array literal needs it. */
static void
quote(struct hr_buf *out, size_t mark)
{
	size_t n = out->len - mark, extra = 0, i;
	bool needed = n == 0;
	uint8_t *from, *to;

	if (n == 4 && strncasecmp((char *)out->data + mark, "null", 4) == 0)
		needed = true;
	for (i = mark; i < out->len; i++) {
		uint8_t c = out->data[i];

		if (c == '"' || c == '\\')
			extra++;
		else if (c == '{' || c == '}' || c == ',' || c == ' ' || (c >= '\t' && c <= '\r'))
			needed = true;
	}
	if (!needed && extra == 0)
		return;
	hr_buf_need(out, extra + 2);
	from = out->data + out->len;
	out->len += extra + 2;
	to = out->data + out->len;
	*--to = '"';
	while (n--) {
		*--to = *--from;
		if (*from == '"' || *from == '\\')
			*--to = '\\';
	}
	*--to = '"';
}

/*
 * int32 dimensions, has NULLs, element type; int32 length and lower bound of
 * each dimension; then int32 length and bytes of each element.
 */
static bool
put_array(struct hr_buf *out, uint32_t element, const uint8_t *p, size_t n)
{
	struct hr_cur c = hr_cur(p, n);
	const struct known *k = find(element);
	uint32_t dims = hr_cur_u32be(&c), size[DIMENSIONS_MAX], done[DIMENSIONS_MAX] = { 0 };
	int32_t low[DIMENSIONS_MAX];
	uint64_t all = 1, i;
	uint32_t d;
	bool bounds = false;

	hr_cur_u32be(&c);
	if (hr_cur_u32be(&c) != element || c.bad || dims > DIMENSIONS_MAX || k == NULL)
		return false;
	for (d = 0; d < dims; d++) {
		size[d] = hr_cur_u32be(&c);
		low[d] = (int32_t)hr_cur_u32be(&c);
		if (c.bad || size[d] > INT32_MAX)
			return false;
		/* at most n times 2^31: no overflow before the check */
		if ((all *= size[d]) > n)
			return false;
		bounds |= low[d] != 1;
	}
	if (dims == 0 || all == 0) {
		hr_buf_put(out, "{}", 2);
		return hr_cur_left(&c) == 0;
	}
	for (d = 0; bounds && d < dims; d++)
		hr_buf_printf(out, "[%" PRId32 ":%" PRId64 "]%s", low[d],
		    (int64_t)low[d] + size[d] - 1, d + 1 == dims ? "=" : "");
	for (d = 0; d < dims; d++)
		hr_buf_u8(out, '{');
	for (i = 0; i < all; i++) {
		int32_t len = (int32_t)hr_cur_u32be(&c);
		const uint8_t *v = len >= 0 ? hr_cur_bytes(&c, (size_t)len) : NULL;
		size_t mark = out->len;

		if (c.bad || len < -1)
			return false;
		if (v == NULL)
			hr_buf_put(out, "NULL", 4);
		else if (!k->format(out, v, (size_t)len))
			return false;
		else
			quote(out, mark);
		/* Close what is full, open as many again. */
		for (d = dims; d-- && ++done[d] == size[d]; done[d] = 0)
			hr_buf_u8(out, '}');
		if (i + 1 == all)
			break;
		hr_buf_u8(out, ',');
		for (d++; d < dims; d++)
			hr_buf_u8(out, '{');
	}
	return hr_cur_left(&c) == 0;
}

int
hr_value_format(struct hr_buf *out, uint32_t type, const struct hr_value *v)
{
	const struct known *k = find(type);
	size_t mark = out->len;

	if (v->text)
		return fmt_text(out, v->data, (size_t)v->len);
	if (k && (k->format ? k->format(out, v->data, (size_t)v->len) :
	    put_array(out, k->element, v->data, (size_t)v->len)))
		return 1;
	out->len = mark;
	return 0;
}

bool
hr_value_names_tenant(uint32_t type)
{
	const struct known *k = find(type);

	return k && k->names_tenant;
}
