/*
 * codec_related - tables whose columns have to do with each other, packed and
 * unpacked: fleets, counters, times of commits, keys behind other columns, runs,
 * copies of a column, JSON with the same inside it twice; while tables change,
 * tenants are forgotten or left out, and blocks are of any size.
 *
 *	codec_related [FIRST SECONDS]	random streams from that seed on, for so long
 */

#include "base/hr.h"

#include <stdlib.h>
#include <time.h>

#include "base/alloc.h"
#include "codec/ints.h"
#include "stream/mark.h"
#include "codec.h"
#include "packed.h"
#include "tap.h"

enum { TABLES = 8, COLUMNS = 300, FLEET = 64, LARGEST = 2000 };

static struct hr_buf items;
static uint32_t item_count;

static bool
one_in(unsigned n)
{
	return rnd() % n == 0;
}

/* --- streams --- */

static void
frame(uint8_t t, uint8_t flags, const char *tenant, struct hr_buf *b, uint32_t count)
{
	struct hr_frame f = {
		.type = t, .flags = flags, .tenant = tenant, .tenant_len = (uint16_t)strlen(tenant),
		.lsn = 0x1000000 + w.buf.len, .count = count, .data = b->data, .len = (uint32_t)b->len,
	};

	if (hr_write(&w, &f, &err) < 0)
		abort();
	hr_buf_reset(b);
}

static void
finish(void)
{
	if (hr_write_end(&w, &err) < 0)
		abort();
}

static void
relation(uint32_t id, int n, const uint32_t *type, const bool *key)
{
	static char name[] = "c", space[] = "pg_catalog";
	struct hr_column column[COLUMNS];
	struct hr_relation r = {
		.id = id, .schema = (char[]){ "s" }, .name = (char[]){ "t" }, .identity = 'd', .tenancy = 'a',
		.tenant_column = -1, .column = column, .columns = n,
	};
	struct hr_buf b = HR_BUF_INIT;
	int i;

	for (i = 0; i < n; i++)
		column[i] = (struct hr_column){ name, space, name, type[i], -1, key[i] };
	hr_relation_encode(&r, &b);
	frame(HR_FRAME_RELATION, HR_MUST | HR_ALL, "", &b, 0);
	hr_buf_clear(&b);
}

static void
put(char op, uint32_t id, const struct hr_value *v, int n)
{
	size_t m = hr_item_open(&items, (enum hr_op)op);

	hr_buf_u32le(&items, id);
	if (op == HR_UPDATE)
		hr_buf_u8(&items, '-');
	hr_tuple_put(&items, v, n);
	hr_item_close(&items, m);
	item_count++;
}

static void
send_rows(const char *tenant)
{
	frame(HR_FRAME_ROWS, HR_MUST, tenant, &items, item_count);
	item_count = 0;
}

/* What w.buf is packed to comes back; so it does without a tenant, where one is named. */
static bool
turns(struct hr_pack *k, unsigned quiet, const char *tenant, size_t *size)
{
	struct hr_buf packed = HR_BUF_INIT, back = HR_BUF_INIT;
	struct hr_writer some = { .fd = -1 }, want = { .fd = -1 };
	struct hr_pack d = HR_PACK_INIT;
	bool good;

	d.unpack = true;
	if (through(k, &w.buf, &packed, quiet) < 0)
		abort();
	*size = packed.len;
	good = through(&d, &packed, &back, 0) == 0 && same(&w.buf, &back) && k->columns.keep.size == d.columns.keep.size;
	hr_pack_clear(&d);
	if (good && tenant) {
		d = (struct hr_pack)HR_PACK_INIT;
		d.unpack = true;
		without(&packed, tenant, -1, &some);
		without(&w.buf, tenant, -1, &want);
		good = through(&d, &some.buf, &back, 0) == 0 && same(&want.buf, &back);
		hr_pack_clear(&d);
	}
	if (!good)
		printf("# %s\n", err.what);
	hr_pack_clear(k);
	hr_buf_clear(&packed);
	hr_buf_clear(&back);
	hr_writer_clear(&some);
	hr_writer_clear(&want);
	return good;
}

/* --- tables at random --- */

enum how {
	NUMBERS, SENSOR, NEAR, COMMIT, COUNTER, RUNS, COPY, RANDOM, TEXT, WORD, JSON, CONSTANT, NOTHING, HEX, DECIMAL,
	FLOAT, HOWS
};

struct column {
	enum how how;
	uint32_t type;
	int from, width, nulls, changes;
	uint64_t state, level[FLEET];
	bool key;
	uint8_t front[LARGEST];
	int front_len;
};

static struct table {
	uint32_t id;
	int n;
	uint64_t next;
	struct column column[COLUMNS];
	struct hr_buf last[FLEET];		/* rows as they were last */
} table[TABLES];

static uint8_t bytes[2][COLUMNS][LARGEST];
static struct hr_value row[COLUMNS], old[COLUMNS];
static uint64_t commit;

static void
make_column(struct table *t, int i)
{
	static const uint32_t some[] = { 16, 21, 23, 20, 1184, 701, 700, 17, 25, 114 };
	struct column *c = &t->column[i];

	memset(c, 0, sizeof(*c));
	c->how = (enum how)(rnd() % HOWS);
	c->from = i ? (int)(rnd() % (unsigned)(one_in(3) || i < 3 ? i : 3)) : 0;
	c->width = one_in(3) ? 1 << rnd() % 4 : 8;
	c->nulls = one_in(3) ? (int)(2 + rnd() % 20) : 0;
	c->changes = one_in(2) ? (int)(1 + rnd() % 10) : 0;
	c->state = rnd() >> rnd() % 60;
	c->type = c->width == 1 ? 16 : c->width == 2 ? 21 : c->width == 4 ? 23 : one_in(2) ? 20 : 1184;
	switch (c->how) {
	case RUNS:
	case COPY:
	case TEXT:
	case WORD:
	case CONSTANT: c->type = one_in(3) ? 114 : one_in(2) ? 17 : 25; break;
	case JSON: c->type = one_in(2) ? 114 : 3802; break;
	case DECIMAL: c->type = 1700; break;
	case FLOAT:
		c->width = c->width == 4 ? 4 : 8;
		c->type = c->width == 4 ? 700 : 701;
		break;
	default: break;
	}
	/* Of another type than it looks. */
	if (one_in(40))
		c->type = some[rnd() % HR_COUNT(some)];
}

static void
make_keys(struct table *t)
{
	int i, k;

	for (i = 0; i < t->n; i++)
		t->column[i].key = false;
	for (k = (int)(rnd() % 4); t->n && k; k--)
		t->column[rnd() % (unsigned)t->n].key = true;
}

static void
tell(const struct table *t)
{
	uint32_t type[COLUMNS];
	bool key[COLUMNS];
	int i;

	for (i = 0; i < t->n; i++) {
		type[i] = t->column[i].type;
		key[i] = t->column[i].key;
	}
	relation(t->id, t->n, type, key);
}

static void
change(struct table *t)
{
	switch (rnd() % 4) {
	case 0: make_keys(t); break;
	case 1:
		if (t->n)
			make_column(t, (int)(rnd() % (unsigned)t->n));
		break;
	case 2:
		if (t->n < COLUMNS)
			make_column(t, t->n++);
		break;
	case 3: t->n -= t->n > 1;
	}
	tell(t);
}

static struct hr_value
number(uint8_t *b, int width, uint64_t n)
{
	switch (width) {
	case 1: b[0] = (uint8_t)n; break;
	case 2: hr_set_u16be(b, (uint16_t)n); break;
	case 4: hr_set_u32be(b, (uint32_t)n); break;
	default: hr_set_u64be(b, n);
	}
	return (struct hr_value){ b, width, false };
}

static struct hr_value
letters(uint8_t *b, const char *of, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		b[i] = (uint8_t)of[rnd() % strlen(of)];
	return (struct hr_value){ b, (int32_t)n, false };
}

static struct hr_value
document(uint8_t *b, bool front)
{
	static const char *const odd[] = { "{}", "[]", "null", "\"x\"", "-0", "{\"a\":-0.0,\"b\":00,\"c\":1E5}", "{\"a\":",
	    "{\"a\":\"\\u0001\\\"\"}", "[1,2,[3,\"4\"],null]", "", "{\"a\":-9223372036854775808,\"b\":0.000000000000000001}" };
	static uint64_t session;
	uint64_t login = rnd() % 500, id = rnd() >> rnd() % 64;
	char *s = (char *)b + front;
	int n, k;

	b[0] = 1;
	if (one_in(20))
		session = rnd();
	if (one_in(20))
		n = snprintf(s, LARGEST - 1, "%s", odd[rnd() % HR_COUNT(odd)]);
	else if (one_in(20)) {
		n = snprintf(s, LARGEST - 1, "{\"\":0");
		for (k = 0; k < 40; k++)
			n += snprintf(s + n, LARGEST - 1 - (size_t)n, ",\"k%u\":%u", (unsigned)rnd() % 3000, (unsigned)rnd() % 10);
		s[n++] = '}';
	} else
		n = snprintf(s, LARGEST - 1, "{\"by\":{\"login\":\"u%" PRIu64 "\",\"id\":%" PRIu64 "},\"session\":\"s%" PRIu64
		    "\",\"n\":%" PRIu64 ",\"to\":{\"login\":\"u%" PRIu64 "\",\"id\":%" PRIu64 ", \"x\":%s}}", login, id, session,
		    session >> 20, login, one_in(8) ? rnd() : id, one_in(3) ? "null" : one_in(2) ? "true" : "1.50");
	return (struct hr_value){ b, n + front, false };
}

static struct hr_value
make_value(struct table *t, int i, unsigned unit)
{
	static const char *const word[] = { "", "a", "new", "paid", "a longer text, of some words", "{}", "[1,2]", "null" };
	struct column *c = &t->column[i];
	const struct hr_value *from = &row[c->from];
	uint8_t *b = bytes[0][i];
	uint64_t bits;
	uint32_t half;
	double d;
	float f;

	switch (c->how) {
	case NUMBERS: return number(b, c->width, c->state += 1 + rnd() % 3);
	case SENSOR:
		if (c->width == 8)
			return number(b, 8, unit * 12345 + 7);
		return (struct hr_value){ b, snprintf((char *)b, LARGEST, "sensor %u", unit * 7), false };
	case NEAR: return number(b, c->width, (i && from->len == 8 ? hr_get_u64be(from->data) : 0) + rnd() % 50);
	case COMMIT: return number(b, c->width, commit - rnd() % 100);
	case COUNTER: return number(b, c->width, c->level[unit] += 1 + rnd() % 4);
	case RUNS:
		if (c->front_len && !one_in(7))
			return (struct hr_value){ memcpy(b, c->front, (size_t)c->front_len), c->front_len, false };
		return letters(b, "etaoin shrdlu,.", rnd() % 60);
	case COPY:
		if (from->len > 0 && i && !one_in(6))
			return (struct hr_value){ memcpy(b, from->data, (size_t)from->len), from->len, false };
		return letters(b, "etaoin shrdlu,.", rnd() % 30);
	case RANDOM: return number(b, one_in(4) ? (int)(rnd() % 9) : c->width, rnd());
	case TEXT: return letters(b, "etaoin shrdlu,0123456789", rnd() % (one_in(100) ? LARGEST : 60));
	case WORD: return (struct hr_value){ b, snprintf((char *)b, LARGEST, "%s", word[rnd() % HR_COUNT(word)]), false };
	case JSON: return document(b, c->type == 3802);
	case CONSTANT: return (struct hr_value){ memcpy(b, "as it is", 8), 8, false };
	case HEX: return letters(b, "0123456789abcdef", 8 + 2 * (rnd() % 10));
	case DECIMAL:
		memcpy(b, "\0\2\0\0\0\0\0\2\0\0\0\0", 12);
		c->level[unit] += rnd() % 30;
		hr_set_u16be(b + 8, (uint16_t)(1 + c->level[unit] % 9000));
		hr_set_u16be(b + 10, (uint16_t)(100 * (1 + c->level[unit] % 99)));
		return (struct hr_value){ b, 12, false };
	case FLOAT:
		d = (double)(c->level[unit] += rnd() % 9) / 10;
		if (one_in(100))
			d = (double)rnd() * 1e-9;
		f = (float)d;
		memcpy(&bits, &d, sizeof(bits));
		memcpy(&half, &f, sizeof(half));
		return number(b, c->width, c->width == 8 ? bits : half);
	default: return (struct hr_value){ NULL, HR_VALUE_NULL, false };
	}
}

static void
make_row(struct table *t, unsigned unit, bool update, bool known)
{
	int i;

	for (i = 0; i < t->n; i++) {
		struct column *c = &t->column[i];

		if (update && known && (c->key || (c->changes && !one_in((unsigned)c->changes)))) {
			row[i] = old[i];
			continue;
		}
		row[i] = make_value(t, i, unit);
		if (c->nulls && one_in((unsigned)c->nulls))
			row[i] = (struct hr_value){ NULL, one_in(4) ? HR_VALUE_UNCHANGED : HR_VALUE_NULL, false };
		if (row[i].len >= 0 && one_in(3000))
			row[i].text = true;
		if (row[i].len > 0) {
			c->front_len = row[i].len;
			memcpy(c->front, row[i].data, (size_t)row[i].len);
		}
	}
}

/* Of one table: an insert, an update, whatever. */
static void
add(struct table *t, bool copies)
{
	unsigned unit = (unsigned)(one_in(3) ? rnd() : t->next++) % FLEET;
	char op = copies ? 'I' : "IIIIUUUUUUUUPDXL"[rnd() % 16], from = 0;
	struct hr_buf *last = &t->last[unit];
	bool known = last->len && hr_tuple_decode(last->data, last->len, old, COLUMNS) == t->n;
	size_t m = hr_item_open(&items, (enum hr_op)op);
	int i;

	make_row(t, unit, op == 'U', known);
	hr_buf_u32le(&items, t->id);
	if (op == 'D' || op == 'X')
		from = one_in(2) ? 'K' : 'O';
	else if (op == 'U')
		from = one_in(5) ? one_in(2) ? 'K' : 'O' : '-';
	if (op == 'L' || from)
		hr_buf_u8(&items, op == 'L' ? (uint8_t)(rnd() % 3) : (uint8_t)from);
	if (from == 'K' || from == 'O') {
		for (i = 0; i < t->n && !known; i++)
			old[i] = row[i];
		for (i = 0; i < t->n && from == 'K'; i++)
			if (!t->column[i].key)
				old[i] = (struct hr_value){ NULL, HR_VALUE_NULL, false };
		hr_tuple_put(&items, old, t->n);
	}
	if (op != 'D' && op != 'X')
		hr_tuple_put(&items, row, (op == 'L' && t->n > 2) ? 2 : one_in(2000) ? t->n / 2 : t->n);
	hr_item_close(&items, m);
	item_count++;
	if (op == 'I' || op == 'U' || op == 'P') {
		struct hr_buf now = HR_BUF_INIT;

		hr_tuple_put(&now, row, t->n);
		hr_buf_clear(last);
		*last = now;
	}
}

static void
forget_rows(void)
{
	int i, k;

	for (i = 0; i < TABLES; i++)
		for (k = 0; k < FLEET; k++)
			hr_buf_clear(&table[i].last[k]);
}

/* A stream of about so many bytes; transactions go on from frame to frame. */
static void
stream(uint64_t seed, size_t bytes_wanted)
{
	static const char *const tenant[] = { "acme", "b", "", "t\xff", "five", "six", "seven" };
	unsigned tables = 1 + (unsigned)(seed % TABLES), tenants, i;
	struct hr_buf b = HR_BUF_INIT;
	uint64_t lsn = 0x1000000;
	bool open = false, copies;
	uint32_t xid = 700;

	rnd_state = seed * 0x9e3779b97f4a7c15 + 1;
	forget_rows();
	tenants = 1 + (unsigned)(rnd() % HR_COUNT(tenant));
	copies = one_in(2);
	commit = 800000000000000;
	head();
	for (i = 0; i < tables; i++) {
		struct table *t = &table[i];

		t->id = 100 + i;
		for (t->n = 0; t->n < (one_in(200) ? COLUMNS : 16) && !one_in(12); t->n++)
			make_column(t, t->n);
		make_keys(t);
		tell(t);
	}
	while (w.buf.len < bytes_wanted) {
		struct table *mostly = &table[rnd() % tables];
		unsigned rows = (unsigned)(one_in(3) ? rnd() % 4 : rnd() % 300);

		copies ^= one_in(30);
		if (one_in(25))
			change(mostly);
		if (one_in(15)) {
			hr_buf_u64le(&b, commit);
			hr_buf_u8(&b, (uint8_t)(rnd() % 2));
			frame(HR_FRAME_WATERMARK, HR_MUST | HR_ALL, "", &b, 0);
		}
		for (; rows && items.len < 300000; rows--) {
			if (!open && !one_in(50)) {
				commit += rnd() % (one_in(10) ? 100000000 : 1000);
				hr_put_begin(&items, xid++, lsn += rnd() % 500, (int64_t)commit);
				item_count++;
				open = true;
			}
			add(one_in(4) ? &table[rnd() % tables] : mostly, copies);
			if (open && one_in(20)) {
				hr_put_commit(&items, lsn += 48);
				item_count++;
				open = false;
			}
		}
		send_rows(tenant[rnd() % tenants]);
	}
	finish();
	hr_buf_clear(&b);
}

static bool
at_random(uint64_t seed, size_t bytes_wanted)
{
	static const uint8_t memory[] = { 28, 0, 20, 21, 22, 23 };
	static const size_t block_rows[] = { 1000, 100, 37, 200, 500, 1, 2, 1000000 };
	static const uint32_t key_every[] = { 64, 64, 3, 1000, 1000, 1 };
	size_t all = 0, size;
	bool good = true;
	unsigned way;

	stream(seed, bytes_wanted);
	for (way = 0; good && way < HR_COUNT(memory); way++, all += size) {
		struct hr_pack k = HR_PACK_INIT;

		k.memory = memory[way];
		k.block_rows = block_rows[(way + seed) % HR_COUNT(block_rows)];
		if (k.block_rows < 3 && bytes_wanted > 100000)
			k.block_rows = 300;
		k.key_every = key_every[(way * 5 + seed) % HR_COUNT(key_every)];
		k.group = one_in(4);
		good = turns(&k, one_in(3) ? 5 : 0, k.group ? NULL : "b", &size);
		if (!good)
			printf("# way %u\n", way);
	}
	ok(good, "stream %" PRIu64 ": %zu bytes, %zu packed", seed, w.buf.len, all / HR_COUNT(memory));
	return good;
}

/* --- and those that did not come back once --- */

/* Rows are found by columns behind others once there have been updates: what was said of columns by number is of others. */
static void
order(int inserts)
{
	const uint32_t type[] = { 20, 25, 20, 1184 };
	const bool key[] = { true, false, true, false };
	uint8_t b[4][20];
	struct hr_value v[4];
	uint64_t level[20] = { 0 }, now = 800000000000000;
	struct hr_pack k = HR_PACK_INIT;
	size_t size;
	int i;

	head();
	relation(7, 4, type, key);
	for (i = 0; i < inserts + 3000; i++) {
		unsigned s = (unsigned)(rnd() % 20);

		if (level[s] == 0)
			level[s] = rnd() % 1000000;
		v[0] = number(b[0], 8, rnd() % 3);
		v[1] = (struct hr_value){ memset(b[1], (int)('a' + s), 16), 16, false };
		v[2] = number(b[2], 8, ++level[s]);
		v[3] = number(b[3], 8, now += rnd() % 100000);
		put(i < inserts ? HR_INSERT : HR_UPDATE, 7, v, 4);
		if (i % 50 == 49)
			send_rows("x");
	}
	finish();
	ok(turns(&k, 0, NULL, &size), "%d rows, then updates by keys behind other columns", inserts);
}

/* Full blocks of JSON, then a row of each table. */
static void
documents(int tables, int columns)
{
	uint32_t type[COLUMNS] = { 20 };
	bool key[COLUMNS] = { true };
	struct hr_pack k = HR_PACK_INIT;
	size_t size;
	int i, c, t;

	head();
	for (c = 1; c <= columns; c++)
		type[c] = 3802;
	for (t = 0; t < tables; t++)
		relation(100 + (uint32_t)t, columns + 1, type, key);
	for (i = 0; i < 301; i++) {
		for (t = 0; t < tables; t++) {
			row[0] = number(bytes[0][0], 8, (uint64_t)i);
			for (c = 1; c <= columns; c++)
				row[c] = (struct hr_value){ bytes[0][c], snprintf((char *)bytes[0][c], LARGEST,
				    "\1{\"a\": %u, \"name\": \"n%u\", \"b\": %u}", (unsigned)rnd() % 100, (unsigned)rnd() % 700,
				    (unsigned)rnd() % 1000000), false };
			put(HR_INSERT, 100 + (uint32_t)t, row, columns + 1);
		}
		if (i % 20 == 19 || i == 300)
			send_rows("x");
	}
	finish();
	k.block_rows = (size_t)(300 * tables);
	ok(turns(&k, 0, NULL, &size), "a row of each of %d tables with %d columns of JSON", tables, columns);
}

static void
texts(const char *tenant, uint32_t id, int columns, int rows)
{
	int i, c;

	for (i = 0; i < rows; i++) {
		row[0] = number(bytes[0][0], 8, (uint64_t)i);
		for (c = 1; c <= columns; c++)
			row[c] = (struct hr_value){ bytes[0][c], snprintf((char *)bytes[0][c], LARGEST, "%" PRIx64 " and %" PRIx64
			    " others", rnd(), rnd()), false };
		put(HR_INSERT, id, row, columns + 1);
	}
	if (tenant)
		send_rows(tenant);
}

static void
numbers(const char *tenant, int columns, int from, int rows)
{
	int i, c;

	for (i = from; i < from + rows; i++) {
		for (c = 0; c < columns; c++)
			row[c] = number(bytes[0][c], 8, c ? rnd() % 20000000 : (uint64_t)i);
		put(HR_UPDATE, 1, row, columns);
	}
	if (tenant)
		send_rows(tenant);
}

static void
number_tables(int columns)
{
	uint32_t type[COLUMNS];
	bool key[COLUMNS] = { true };
	int c;

	for (c = 0; c < columns; c++)
		type[c] = 20;
	relation(1, columns, type, key);
	for (c = 1; c < columns; c++)
		type[c] = 25;
	relation(2, 2, type, key);
	relation(3, 3, type, key);
	relation(4, 2, type, key);
}

/* A table forgets its older versions: what they took is not there yet for windows of the same block. */
static void
forgotten_versions(void)
{
	struct hr_pack k = HR_PACK_INIT;
	size_t size;
	int i;

	head();
	number_tables(128);
	texts(NULL, 4, 1, 100);
	for (i = 0; i < 5000; i++) {
		numbers(NULL, 128, i, 1);
		if (i > 2000 && i % 5 == 0)
			texts(NULL, 2, 1, 1);
		if (i % 50 == 49)
			send_rows("x");
	}
	finish();
	k.memory = 22;
	k.block_rows = 50;
	k.key_every = 1000;
	ok(turns(&k, 0, NULL, &size), "versions are forgotten, and windows begin in the same block");
}

/* Who packed forgot a tenant for the sake of one that others do not read; they have less room, but need it. */
static void
forgotten_tenants(void)
{
	static const char *const small[] = { "v", "w", "x", "y", "z" };
	struct hr_pack k = HR_PACK_INIT;
	size_t size, i;

	head();
	number_tables(64);
	texts("forgotten", 3, 2, 60);
	for (i = 0; i < 78; i++)
		numbers("large", 64, (int)i * 50, 50);
	numbers("large", 64, 0, 30);
	numbers("large", 64, 30, 30);
	for (i = 0; i < HR_COUNT(small); i++)
		texts(small[i], 2, 1, 60);
	finish();
	k.memory = 22;
	k.key_every = 78;
	ok(turns(&k, 1, "large", &size), "tenants are forgotten, and others come back without the large one");
}

/* --- blocks that ask for much --- */

/* More windows in one block than what it says is kept. */
static void
windows(void)
{
	enum { WINDOWS = 40 };
	struct hr_buf packed = HR_BUF_INIT, back = HR_BUF_INIT;
	struct hr_pack k = HR_PACK_INIT, d = HR_PACK_INIT;
	struct hr_writer to = { .fd = -1 };
	struct hr_reader r;
	struct hr_frame f;
	uint32_t t;

	head();
	for (t = 0; t < WINDOWS; t++)
		texts(NULL, 100 + t, 1, 20);
	send_rows("x");
	finish();
	k.block_rows = 100000;
	if (through(&k, &w.buf, &packed, 0) < 0 || hr_reader_open_memory(&r, packed.data, packed.len, &err) < 0 ||
	    hr_write_magic(&to, &err) < 0)
		abort();
	while (hr_read(&r, &f, &err) > 0) {
		uint8_t *copy = hr_memdup(f.data, f.len);

		if (f.type == HR_FRAME_BLOCK && copy[3])
			copy[3] = HR_BLOCK_MEMORY_LEAST;
		f.data = copy;
		if (hr_write(&to, &f, &err) < 0)
			abort();
		free(copy);
	}
	if (hr_write_end(&to, &err) < 0)
		abort();
	d.unpack = true;
	ok(through(&d, &to.buf, &back, 0) < 0, "%d windows in a block that keeps 1 MB are refused", WINDOWS);
	hr_reader_clear(&r);
	hr_writer_clear(&to);
	hr_pack_clear(&k);
	hr_pack_clear(&d);
	hr_buf_clear(&packed);
	hr_buf_clear(&back);
}

static void
constant(uint64_t v, size_t n)
{
	size_t i;
	uint64_t *all = hr_alloc((n + 1) * sizeof(*all));

	for (i = 0; i < n; i++)
		all[i] = v;
	hr_ints_encode(&enc, all, n, NULL, NULL);
	free(all);
}

/* A row of no columns in each section, all of which ask for commit times. */
static void
sections(void)
{
	enum { SECTIONS = 150000 };
	struct hr_columns c = { 0 };
	struct hr_records out = { 0 };
	struct hr_buf body = HR_BUF_INIT;
	struct hr_block b;
	uint64_t *number_of = hr_alloc(SECTIONS * sizeof(*number_of));
	clock_t began;
	size_t i;
	bool good;

	codec_begin();
	hr_buf_u8(&enc.meta, 0);
	hr_varint_put(&enc.meta, 0);
	constant(HR_FRAME_ROWS, 1);
	constant(HR_MUST, 1);
	constant(0, 1);			/* place */
	constant(HR_KIND_ITEMS, 1);
	constant(0, 1);			/* count */
	constant(SECTIONS, 1);
	constant(0, 1);			/* LSN */
	constant(HR_INSERT, SECTIONS);
	hr_varint_put(&enc.meta, SECTIONS);
	for (i = 0; i < SECTIONS; i++) {
		hr_varint_put(&enc.meta, i);
		hr_buf_u8(&enc.meta, HR_ROLE_NEW);
		hr_varint_put(&enc.meta, 0);
		number_of[i] = i;
	}
	hr_ints_encode(&enc, number_of, SECTIONS, NULL, NULL);
	for (i = 0; i < SECTIONS; i++)
		hr_buf_u8(&enc.meta, HR_SECTION_TIMED);
	hr_varint_put(&body, enc.meta.len);
	hr_varint_put(&body, 0);
	hr_buf_put(&body, enc.meta.data, enc.meta.len);
	hr_buf_put(&body, enc.data.data, enc.data.len);
	b = (struct hr_block){
		.size = HR_FRAME_SIZE + 1 + 11 * SECTIONS, .frames = 1, .body = body.data, .len = body.len,
	};
	hr_columns_init(&c, 1);
	began = clock();
	good = hr_columns_decode(&c, &b, "t", 1, NULL, &out);
	ok(good && clock() - began < 10 * CLOCKS_PER_SEC, "times for each of %d tables take no longer than for one", SECTIONS);
	free(number_of);
	free(out.v);
	hr_buf_clear(&out.bytes);
	hr_buf_clear(&body);
	hr_columns_clear(&c);
}

int
main(int argc, char *argv[])
{
	uint64_t seed = argc > 2 ? strtoull(argv[1], NULL, 0) : 1;
	time_t end = argc > 2 ? time(NULL) + atoi(argv[2]) : 0;
	int i;

	for (i = 0; end ? time(NULL) < end : i < 24; i++, seed++)
		at_random(seed, seed % 12 == 0 ? 1000000 : seed % 3 == 0 ? 200000 : seed % 3 == 1 ? 3000 : 40000);
	if (end == 0) {
		for (i = 1; i < 11; i++)
			order(i * 1000);
		for (i = 16; i < 30; i += 4)
			documents(i, 1);
		documents(1, 16);
		forgotten_versions();
		forgotten_tenants();
		windows();
		sections();
	}
	forget_rows();
	hr_buf_clear(&items);
	hr_writer_clear(&w);
	codec_clear();
	return tap_done();
}
