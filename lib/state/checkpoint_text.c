/*
 * checkpoint_text.c - a checkpoint as text, and back.
 *
 *	hr checkpoint 1
 *	KEY VALUE						(the head)
 *	part	NAME	TABLE	OF	FILE	FROM	TO	(while the first copy is under way)
 *	tenant	NAME	STATE	LSN	TIME	XID	ROWS	BYTES	REASON
 *	table	NAME	LSN				(of the tenant before it)
 *	end CRC
 *
 * Tenants are in order of their names, so that two files compare line by line
 * and one name cannot come twice.  The checksum covers all that is before the
 * word "end": a file that was cut anywhere, or edited, is not a checkpoint.
 * It is written by hand rather than by printf, because it is written often
 * and may hold ten thousand tenants.
 */

#include "base/hr.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/crc32c.h"
#include "base/lsn.h"
#include "state/checkpoint.h"

#define FIRST_LINE	"hr checkpoint 1\n"
#define END_BYTES	(sizeof("end 00000000\n") - 1)
#define DAY_US		INT64_C(86400000000)
#define TIME_BYTES	27	/* 2026-01-31T09:10:11.123456Z */

static const char *const state_name[] = { "none", "copying", "streaming", "parked" };

const char *
hr_checkpoint_state_name(enum hr_checkpoint_state s)
{
	return (size_t)s < HR_COUNT(state_name) ? state_name[s] : "none";
}

/* Values as text. */

static void
put_u64(struct hr_buf *b, uint64_t v)
{
	char d[20];
	size_t n = sizeof(d);

	do
		d[--n] = (char)('0' + v % 10);
	while (v /= 10);
	hr_buf_put(b, d + n, sizeof(d) - n);
}

static void
put_hex(struct hr_buf *b, uint32_t v)
{
	char d[8];
	size_t n = sizeof(d);

	do
		d[--n] = "0123456789ABCDEF"[v & 15];
	while (v >>= 4);
	hr_buf_put(b, d + n, sizeof(d) - n);
}

static void
put_lsn(struct hr_buf *b, hr_lsn lsn)
{
	put_hex(b, (uint32_t)(lsn >> 32));
	hr_buf_u8(b, '/');
	put_hex(b, (uint32_t)lsn);
}

static char *
digits(char *at, uint32_t v, int n)
{
	int i;

	for (i = n; i-- > 0; v /= 10)
		at[i] = (char)('0' + v % 10);
	return at + n;
}

/*
 * TIME_BYTES into out; false for what is no time of the years 1 to 9999.
 * Days to dates as Howard Hinnant does it: years begin in March.
 */
static bool
time_text(char *out, int64_t us)
{
	int64_t day = us / DAY_US, rest = us % DAY_US;
	uint32_t z, era, doe, yoe, doy, mp, month, s;

	if (rest < 0) {
		rest += DAY_US;
		day--;
	}
	if (day < -730119 || day > 2921939)
		return false;
	z = (uint32_t)(day + 730425);	/* since 0000-03-01 */
	era = z / 146097;
	doe = z % 146097;
	yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	mp = (5 * doy + 2) / 153;
	month = mp < 10 ? mp + 3 : mp - 9;
	s = (uint32_t)(rest / 1000000);

	out = digits(out, yoe + era * 400 + (month <= 2), 4);
	*out++ = '-';
	out = digits(out, month, 2);
	*out++ = '-';
	out = digits(out, doy - (153 * mp + 2) / 5 + 1, 2);
	*out++ = 'T';
	out = digits(out, s / 3600, 2);
	*out++ = ':';
	out = digits(out, s / 60 % 60, 2);
	*out++ = ':';
	out = digits(out, s % 60, 2);
	*out++ = '.';
	out = digits(out, (uint32_t)(rest % 1000000), 6);
	*out = 'Z';
	return true;
}

static void
put_time(struct hr_buf *b, int64_t us)
{
	char text[TIME_BYTES];

	if (us != 0 && time_text(text, us))
		hr_buf_put(b, text, sizeof(text));
	else
		hr_buf_u8(b, '-');
}

void
hr_checkpoint_escape(struct hr_buf *b, const char *s)
{
	const char *from;

	for (;;) {
		for (from = s; (unsigned char)*s >= 0x20 && *s != '\\' && *s != 0x7f; s++)
			;
		hr_buf_put(b, from, (size_t)(s - from));
		switch (*s) {
		case '\0': return;
		case '\t': hr_buf_puts(b, "\\t"); break;
		case '\n': hr_buf_puts(b, "\\n"); break;
		case '\\': hr_buf_puts(b, "\\\\"); break;
		default: hr_buf_printf(b, "\\x%02x", (unsigned char)*s);
		}
		s++;
	}
}

static void
put_tenant(struct hr_buf *b, const struct hr_tenant_position *t)
{
	size_t i;

	hr_buf_puts(b, "tenant\t");
	hr_checkpoint_escape(b, t->tenant);
	hr_buf_u8(b, '\t');
	hr_buf_puts(b, hr_checkpoint_state_name(t->state));
	hr_buf_u8(b, '\t');
	put_lsn(b, t->lsn);
	hr_buf_u8(b, '\t');
	put_time(b, t->commit_time);
	hr_buf_u8(b, '\t');
	put_u64(b, t->xid);
	hr_buf_u8(b, '\t');
	put_u64(b, t->rows);
	hr_buf_u8(b, '\t');
	put_u64(b, t->bytes);
	hr_buf_u8(b, '\t');
	hr_checkpoint_escape(b, t->reason && t->reason[0] ? t->reason : "-");
	hr_buf_u8(b, '\n');
	for (i = 0; i < t->tables; i++) {
		hr_buf_puts(b, "table\t");
		hr_checkpoint_escape(b, t->table[i].table);
		hr_buf_u8(b, '\t');
		put_lsn(b, t->table[i].lsn);
		hr_buf_u8(b, '\n');
	}
}

/* The head: what there is, in the order it is written. */

enum kind { TEXT, STATE, LSN, TIME, U64, U32 };

static const struct key {
	const char *name;
	enum kind kind;
	size_t at;
} key[] = {
	{ "stream", TEXT, offsetof(struct hr_checkpoint, stream) },
	{ "database", TEXT, offsetof(struct hr_checkpoint, database) },
	{ "system", U64, offsetof(struct hr_checkpoint, system) },
	{ "timeline", U32, offsetof(struct hr_checkpoint, timeline) },
	{ "epoch", U64, offsetof(struct hr_checkpoint, epoch) },
	{ "state", STATE, offsetof(struct hr_checkpoint, state) },
	{ "lsn", LSN, offsetof(struct hr_checkpoint, lsn) },
	{ "commit_time", TIME, offsetof(struct hr_checkpoint, commit_time) },
	{ "written", TIME, offsetof(struct hr_checkpoint, written) },
	{ "rows", U64, offsetof(struct hr_checkpoint, rows) },
	{ "bytes", U64, offsetof(struct hr_checkpoint, bytes) },
	{ "transactions", U64, offsetof(struct hr_checkpoint, transactions) },
};

static void
put_key(struct hr_buf *b, const struct key *k, const struct hr_checkpoint *c)
{
	const void *v = (const char *)c + k->at;

	if (k->kind == TEXT && *(char *const *)v == NULL)
		return;
	hr_buf_puts(b, k->name);
	hr_buf_u8(b, ' ');
	switch (k->kind) {
	case TEXT: hr_checkpoint_escape(b, *(char *const *)v); break;
	case STATE: hr_buf_puts(b, hr_checkpoint_state_name(c->state)); break;
	case LSN: put_lsn(b, *(const hr_lsn *)v); break;
	case TIME: put_time(b, *(const int64_t *)v); break;
	case U64: put_u64(b, *(const uint64_t *)v); break;
	case U32: put_u64(b, *(const uint32_t *)v); break;
	}
	hr_buf_u8(b, '\n');
}

static void
put_part(struct hr_buf *b, const struct hr_copied_part *p)
{
	const uint32_t v[] = { p->relation, p->of, p->filenode, p->from, p->to };
	size_t i;

	hr_buf_puts(b, "part\t");
	hr_checkpoint_escape(b, p->table);
	for (i = 0; i < HR_COUNT(v); i++) {
		hr_buf_u8(b, '\t');
		put_u64(b, v[i]);
	}
	hr_buf_u8(b, '\n');
}

void
hr_checkpoint_encode(const struct hr_checkpoint *c, struct hr_buf *out)
{
	size_t from = out->len, i;

	hr_buf_puts(out, FIRST_LINE);
	for (i = 0; i < HR_COUNT(key); i++)
		put_key(out, &key[i], c);
	for (i = 0; i < c->parts; i++)
		put_part(out, &c->part[i]);
	for (i = 0; i < c->tenants; i++)
		put_tenant(out, &c->tenant[c->by_name[i]]);
	hr_buf_printf(out, "end %08" PRIx32 "\n",
	    hr_crc32c(0, out->data + from, out->len - from));
}

/* Text as values.  Each is 0, or -1 for what is not one. */

struct word {
	const char *at;
	size_t len;
};

static int
get_u64(struct word w, uint64_t max, uint64_t *v)
{
	size_t i;

	if (w.len == 0)
		return -1;
	for (*v = 0, i = 0; i < w.len; i++) {
		unsigned int d = (unsigned int)w.at[i] - '0';

		if (d > 9 || *v > (max - d) / 10)
			return -1;
		*v = *v * 10 + d;
	}
	return 0;
}

static int
get_lsn(struct word w, hr_lsn *lsn)
{
	char text[HR_LSN_TEXT];

	if (w.len >= sizeof(text) || memchr(w.at, '\0', w.len))
		return -1;
	memcpy(text, w.at, w.len);
	text[w.len] = '\0';
	return hr_lsn_parse(text, lsn);
}

static int
get_state(struct word w, enum hr_checkpoint_state *s)
{
	size_t i;

	for (i = 0; i < HR_COUNT(state_name); i++)
		if (w.len == strlen(state_name[i]) && memcmp(w.at, state_name[i], w.len) == 0) {
			*s = (enum hr_checkpoint_state)i;
			return 0;
		}
	return -1;
}

/* Right is what is written back the same: no February 30, no hour 24. */
static int
get_time(struct word w, int64_t *us)
{
	static const int place[][2] = {
		{ 0, 4 }, { 5, 2 }, { 8, 2 }, { 11, 2 }, { 14, 2 }, { 17, 2 }, { 20, 6 },
	};
	char again[TIME_BYTES];
	int64_t f[HR_COUNT(place)], y, m, day;
	uint64_t v;
	size_t i;

	*us = 0;
	if (w.len == 1 && *w.at == '-')
		return 0;
	if (w.len != TIME_BYTES)
		return -1;
	for (i = 0; i < HR_COUNT(place); i++) {
		if (get_u64((struct word){ w.at + place[i][0], (size_t)place[i][1] }, 999999, &v) < 0)
			return -1;
		f[i] = (int64_t)v;
	}
	if (f[0] < 1 || f[1] < 1 || f[1] > 12)
		return -1;
	y = f[0] - (f[1] <= 2);
	m = f[1] > 2 ? f[1] - 3 : f[1] + 9;
	day = y * 365 + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + f[2] - 1 - 730425;
	*us = day * DAY_US + ((f[3] * 60 + f[4]) * 60 + f[5]) * 1000000 + f[6];
	return time_text(again, *us) && memcmp(again, w.at, TIME_BYTES) == 0 ? 0 : -1;
}

static int
hex(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int
get_text(struct word w, char **text)
{
	char *s = hr_alloc(w.len + 1);
	size_t i, n = 0;
	int c;

	for (i = 0; i < w.len; i++) {
		c = (unsigned char)w.at[i];
		if (c < 0x20 || c == 0x7f)
			goto bad;
		if (c == '\\') {
			if (++i == w.len)
				goto bad;
			switch (w.at[i]) {
			case 't': c = '\t'; break;
			case 'n': c = '\n'; break;
			case '\\': break;
			case 'x':
				if (w.len - i < 3 || hex(w.at[i + 1]) < 0 || hex(w.at[i + 2]) < 0)
					goto bad;
				c = hex(w.at[i + 1]) << 4 | hex(w.at[i + 2]);
				i += 2;
				if (c != 0)
					break;
				goto bad;
			default:
				goto bad;
			}
		}
		s[n++] = (char)c;
	}
	s[n] = '\0';
	*text = s;
	return 0;
bad:
	free(s);
	return -1;
}

static int
get_key(const struct key *k, struct word w, struct hr_checkpoint *c)
{
	void *v = (char *)c + k->at;
	uint64_t u;

	switch (k->kind) {
	case TEXT: return get_text(w, v);
	case STATE: return get_state(w, v);
	case LSN: return get_lsn(w, v);
	case TIME: return get_time(w, v);
	case U64: return get_u64(w, UINT64_MAX, v);
	case U32:
		if (get_u64(w, UINT32_MAX, &u) < 0)
			return -1;
		*(uint32_t *)v = (uint32_t)u;
	}
	return 0;
}

static int
get_head(struct hr_checkpoint *c, struct word line, uint32_t *seen)
{
	const char *space = memchr(line.at, ' ', line.len);
	struct word name, value;
	size_t i;

	if (space == NULL)
		return -1;
	name = (struct word){ line.at, (size_t)(space - line.at) };
	value = (struct word){ space + 1, line.len - name.len - 1 };
	for (i = 0; i < HR_COUNT(key); i++)
		if (strlen(key[i].name) == name.len && memcmp(key[i].name, name.at, name.len) == 0) {
			if (*seen & 1u << i)
				return -1;
			*seen |= 1u << i;
			return get_key(&key[i], value, c);
		}
	return -1;
}

/* Cut a line at its tabs; how many there are, at most max. */
static size_t
cut(struct word line, struct word *field, size_t max)
{
	const char *end = line.at + line.len, *tab;
	size_t n = 0;

	while (n < max) {
		tab = memchr(line.at, '\t', (size_t)(end - line.at));
		field[n++] = (struct word){ line.at, (size_t)((tab ? tab : end) - line.at) };
		if (tab == NULL)
			return n;
		line.at = tab + 1;
	}
	return max + 1;
}

static int
get_part(struct hr_checkpoint *c, struct word line)
{
	struct hr_copied_part p;
	uint32_t *const v[] = { &p.relation, &p.of, &p.filenode, &p.from, &p.to };
	struct word f[7];
	uint64_t n;
	size_t i;

	if (c->tenants || cut(line, f, 7) != 7)
		return -1;
	for (i = 0; i < HR_COUNT(v); i++) {
		if (get_u64(f[i + 2], UINT32_MAX, &n) < 0)
			return -1;
		*v[i] = (uint32_t)n;
	}
	if ((p.to && p.to <= p.from) || get_text(f[1], &p.table) < 0)
		return -1;
	hr_checkpoint_part(c, &p);
	free(p.table);
	return 0;
}

static int
get_tenant(struct hr_checkpoint *c, struct word line)
{
	const struct hr_tenant_position *before = c->tenants ? &c->tenant[c->tenants - 1] : NULL;
	struct hr_tenant_position *t;
	struct word f[9];
	uint64_t xid;
	char *name;

	if (cut(line, f, 9) != 9 || get_text(f[1], &name) < 0)
		return -1;
	if (strlen(name) > HR_TENANT_MAX || (before && strcmp(before->tenant, name) >= 0)) {
		free(name);
		return -1;
	}
	t = hr_checkpoint_tenant(c, name);
	free(name);
	if (get_state(f[2], &t->state) < 0 ||
	    get_lsn(f[3], &t->lsn) < 0 ||
	    get_time(f[4], &t->commit_time) < 0 ||
	    get_u64(f[5], UINT32_MAX, &xid) < 0 ||
	    get_u64(f[6], UINT64_MAX, &t->rows) < 0 ||
	    get_u64(f[7], UINT64_MAX, &t->bytes) < 0)
		return -1;
	t->xid = (uint32_t)xid;
	return f[8].len == 1 && *f[8].at == '-' ? 0 : get_text(f[8], &t->reason);
}

static int
get_table(struct hr_checkpoint *c, struct word line)
{
	struct word f[3];
	char *name;
	hr_lsn lsn;

	if (c->tenants == 0 || cut(line, f, 3) != 3 || get_lsn(f[2], &lsn) < 0 ||
	    get_text(f[1], &name) < 0)
		return -1;
	hr_checkpoint_table(&c->tenant[c->tenants - 1], name, lsn);
	free(name);
	return 0;
}

static bool
begins(struct word line, const char *with)
{
	size_t n = strlen(with);

	return line.len >= n && memcmp(line.at, with, n) == 0;
}

/* First line and last: is this a whole checkpoint, and one we can read? */
static int
check(const char *text, size_t len, struct hr_err *e)
{
	struct word whole = { text, len };
	char end[END_BYTES + 1];

	if (!begins(whole, FIRST_LINE)) {
		if (!begins(whole, "hr checkpoint ") || memchr(text, '\n', len) == NULL)
			return hr_fail(e, HR_BAD_STREAM, "it does not begin as a checkpoint does");
		hr_fail(e, HR_BAD_STREAM, "its version is not 1");
		return hr_hint(e, "was it written by a newer hr?");
	}
	if (len >= sizeof(FIRST_LINE) - 1 + END_BYTES) {
		len -= END_BYTES;
		snprintf(end, sizeof(end), "end %08" PRIx32 "\n", hr_crc32c(0, text, len));
		if (text[len - 1] == '\n' && memcmp(text + len, end, END_BYTES) == 0)
			return 0;
	}
	hr_fail(e, HR_BAD_STREAM, "it was cut or changed: its last line does not fit the rest");
	return hr_hint(e, "remove it: the target knows, and hr-apply writes it again");
}

int
hr_checkpoint_decode(struct hr_checkpoint *c, const char *text, size_t len, struct hr_err *e)
{
	const char *at, *end;
	struct word line;
	uint32_t seen = 0;
	size_t number = 1;
	int bad;

	if (check(text, len, e) < 0)
		return -1;
	end = text + len - END_BYTES;
	for (at = text + sizeof(FIRST_LINE) - 1; at < end; at += line.len + 1) {
		line.at = at;
		line.len = (size_t)((const char *)memchr(at, '\n', (size_t)(end - at)) - at);
		number++;
		if (begins(line, "tenant\t"))
			bad = get_tenant(c, line);
		else if (begins(line, "table\t"))
			bad = get_table(c, line);
		else if (begins(line, "part\t"))
			bad = get_part(c, line);
		else
			bad = c->tenants || c->parts ? -1 : get_head(c, line, &seen);
		if (bad) {
			hr_checkpoint_clear(c);
			return hr_fail(e, HR_BAD_STREAM, "line %zu is not well-formed", number);
		}
	}
	return 0;
}
