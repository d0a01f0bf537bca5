/*
 * codec_pack - random streams, packed and unpacked, are what they were: any
 * tables and values, odd items and frames among them; and damaged blocks are
 * refused, without a byte read or written outside.
 */

#include "base/hr.h"

#include <malloc.h>
#include <stdlib.h>

#include "stream/mark.h"
#include "codec.h"
#include "packed.h"
#include "tap.h"

enum { TYPES = 10 };
static const uint32_t type[TYPES] = { 16, 20, 21, 23, 25, 700, 701, 1184, 1700, 3802 };
static int table_type[4][12], table_columns[4];

static void
frame(uint8_t t, uint8_t flags, const char *tenant, struct hr_buf *b, uint32_t count)
{
	struct hr_frame f = {
		.type = t, .flags = flags, .tenant = tenant, .tenant_len = (uint16_t)strlen(tenant),
		.lsn = rnd() % 3 ? 0x1000000 + rnd_state % 100000 : rnd(), .count = count, .data = b->data,
		.len = (uint32_t)b->len,
	};

	if (hr_write(&w, &f, &err) < 0)
		abort();
	hr_buf_reset(b);
}

static void
relation(int table)
{
	static char name[] = "c", space[] = "pg_catalog";
	struct hr_column column[12];
	struct hr_relation r = {
		.id = 100 + (uint32_t)table, .schema = (char[]){ "s" }, .name = (char[]){ "t" }, .identity = 'd',
		.tenancy = 'a', .tenant_column = -1, .column = column,
	};
	struct hr_buf b = HR_BUF_INIT;
	int i;

	r.columns = table_columns[table] = (int)(rnd() % 12);
	for (i = 0; i < r.columns; i++) {
		table_type[table][i] = (int)(rnd() % TYPES);
		column[i] = (struct hr_column){ name, space, name,
		    type[table_type[table][i]], -1, i == 0 };
	}
	hr_relation_encode(&r, &b);
	frame(HR_FRAME_RELATION, HR_MUST | HR_ALL, "", &b, 0);
	hr_buf_clear(&b);
}

/* A value that may be of the type, or not; tidy: mostly what tables have. */
static void
value(struct hr_value *v, int t, uint8_t *bytes, bool tidy)
{
	static const char *const word[] = { "", "a", "new", "paid", "a longer text, of some words",
	    "{\"a\": 1, \"b\": [true, null]}" };
	static const double number[] = { 0.0, -0.0, 1.5, -20.25, 1e300, 0.1 };
	double d;
	size_t i;

	*v = (struct hr_value){ .data = bytes };
	if (rnd() % (tidy ? 9 : 3) == 0) {
		v->data = NULL;
		v->len = rnd() % 4 ? HR_VALUE_NULL : HR_VALUE_UNCHANGED;
		return;
	}
	v->text = rnd() % (tidy ? 1000 : 5) == 0;
	switch (tidy ? type[t] : 0) {
	case 16: v->len = 1; bytes[0] = rnd() % 2; return;
	case 21: v->len = 2; hr_set_u16be(bytes, (uint16_t)(rnd() % 100)); return;
	case 23: v->len = 4; hr_set_u32be(bytes, (uint32_t)(rnd() % 1000 * 10)); return;
	case 20:
	case 1184: v->len = 8; hr_set_u64be(bytes, rnd() % 20 ? 700000000000000 + rnd() % 1000 * 1000 :
	    rnd() % 2 ? INT64_MAX : (uint64_t)INT64_MIN); return;
	case 700: v->len = 4; hr_set_u32be(bytes, rnd() % 2 ? 0x41200000 : (uint32_t)rnd()); return;
	case 701:
		v->len = 8;
		d = rnd() % 3 ? (double)(rnd() % 5000) / 100 : number[rnd() % HR_COUNT(number)];
		{
			uint64_t bits;

			memcpy(&bits, &d, sizeof(bits));
			hr_set_u64be(bytes, rnd() % 30 ? bits : UINT64_C(0x7ff8000000000000) | rnd() % 1000);
		}
		return;
	case 1700:
		v->len = 12;
		memcpy(bytes, "\0\2\0\0\0\0\0\2\0\1\0\144", 12);
		bytes[9] = (uint8_t)(1 + rnd() % 9);
		if (rnd() % 50 == 0)
			bytes[4] = 0xc0;
		return;
	case 25:
	case 3802:
		i = rnd() % HR_COUNT(word);
		v->len = (int32_t)strlen(word[i]);
		memcpy(bytes, word[i], (size_t)v->len);
		return;
	}
	v->len = (int32_t)(rnd() % 40);
	for (i = 0; i < (size_t)v->len; i++)
		bytes[i] = (uint8_t)rnd();
}

static void
tuple(struct hr_buf *b, int table, bool tidy)
{
	static uint8_t bytes[16][64];
	struct hr_value v[16];
	int n = table_columns[table], i;

	if (!tidy && rnd() % 20 == 0)
		n = (int)(rnd() % 14);
	for (i = 0; i < n; i++)
		value(&v[i], i < table_columns[table] ? table_type[table][i] : 0, bytes[i], tidy);
	hr_tuple_put(b, v, n);
}

static void
row(struct hr_buf *b, bool tidy)
{
	static const char op[] = "IIIIIUUDPXLTMO";
	int table = (int)(rnd() % 4);
	char o = op[rnd() % (sizeof(op) - 1)], old;
	size_t m;

	if (o == 'O') {
		hr_put_origin(b, rnd(), "origin", rnd() % 7);
		return;
	}
	m = hr_item_open(b, (enum hr_op)o);
	if (o == 'T') {
		hr_buf_u8(b, (uint8_t)(rnd() % 4));
		hr_buf_u32le(b, 1);
		hr_buf_u32le(b, 100);
	} else if (o == 'M') {
		hr_buf_u8(b, 1);
		hr_buf_u64le(b, rnd());
		hr_buf_put(b, "prefix\0content", rnd() % 2 ? 14 : 7);
	} else {
		hr_buf_u32le(b, 100 + (uint32_t)table);
		old = o == 'D' || o == 'X' ? "KO"[rnd() % 2] : "-KO"[rnd() % 3];
		if (o == 'L')
			hr_buf_u8(b, (uint8_t)rnd());
		if (o == 'U' || o == 'D' || o == 'X')
			hr_buf_u8(b, (uint8_t)old);
		if ((o == 'U' && old != '-') || o == 'D' || o == 'X')
			tuple(b, table, tidy);
		if (o != 'D' && o != 'X')
			tuple(b, table, tidy);
	}
	hr_item_close(b, m);
}

/* A stream of frames of all kinds in w. */
static void
stream(uint64_t seed, int frames)
{
	static const char *const tenant[] = { "acme", "b", "", "t\xff" };
	struct hr_head h = HR_HEAD_INIT;
	struct hr_buf b = HR_BUF_INIT;
	bool tidy = seed % 2;
	uint64_t lsn = 0x1000000;
	uint32_t xid = 700, n;
	int i;

	rnd_state = seed * 0x9e3779b97f4a7c15 + 1;
	hr_buf_reset(&w.buf);
	h.database = (char[]){ "d" };
	h.slot = (char[]){ "s" };
	h.tenant = NULL;
	if (hr_write_head(&w, &h, &err) < 0)
		abort();
	for (i = 0; i < 4; i++)
		relation(i);
	for (i = 0; i < frames; i++) {
		const char *t = tenant[rnd() % HR_COUNT(tenant)];
		uint8_t flags = rnd() % 5 ? HR_MUST : HR_MUST | HR_ALL;
		uint64_t k, items;

		switch (rnd() % 12) {
		case 0:
			hr_buf_u64le(&b, 1000000 * (uint64_t)i);
			hr_buf_u8(&b, (uint8_t)(rnd() % 3));
			frame(HR_FRAME_WATERMARK, HR_MUST | HR_ALL, "", &b, 0);
			continue;
		case 1:
			if (rnd() % 4 == 0)
				relation((int)(rnd() % 4));
			continue;
		case 2:		/* what nobody knows */
			hr_buf_puts(&b, "later");
			frame(rnd() % 2 ? 'q' : HR_FRAME_FENCE, (uint8_t)(rnd() & 0xfc), t, &b, (uint32_t)rnd());
			continue;
		case 3:		/* rows that are none */
			for (k = rnd() % 30; k; k--)
				hr_buf_u8(&b, (uint8_t)rnd());
			frame(HR_FRAME_ROWS, HR_MUST, t, &b, (uint32_t)rnd());
			continue;
		}
		n = 0;
		if (rnd() % 4) {
			hr_put_begin(&b, xid++, lsn += rnd() % 500, (int64_t)(800000000000000 + rnd() % 1000));
			n++;
		}
		for (items = rnd() % (tidy ? 60 : 6); items; items--, n++)
			row(&b, tidy);
		if (rnd() % 4) {
			hr_put_commit(&b, lsn += 48);
			n++;
		}
		if (rnd() % 20 == 0)
			n += (uint32_t)rnd();
		if (flags & HR_ALL)
			t = "";
		frame(HR_FRAME_ROWS, flags | (rnd() % 9 ? 0 : HR_ORDERED) | (rnd() % 9 ? 0 : 0x80), t, &b, n);
	}
	if (hr_write_end(&w, &err) < 0)
		abort();
	hr_buf_clear(&b);
}

/* Damage the blocks of what w.buf was packed to, their checksums made right again. */
static void
damaged(const struct hr_buf *packed, int times)
{
	struct hr_buf out = HR_BUF_INIT;
	struct hr_reader r;
	struct hr_frame f;
	int refused = 0, other = 0, i;

	for (i = 0; i < times; i++) {
		struct hr_writer to = { .fd = -1 };
		struct hr_pack d = HR_PACK_INIT;
		uint64_t which = rnd() % 4;

		if (hr_reader_open_memory(&r, packed->data, packed->len, &err) < 0 || hr_write_magic(&to, &err) < 0)
			abort();
		while (hr_read(&r, &f, &err) > 0) {
			uint8_t *copy = malloc(f.len + 1);

			memcpy(copy, f.data, f.len);
			if (f.type == HR_FRAME_BLOCK && which-- == 0) {
				copy[rnd() % 3 == 0 ? rnd() % HR_BLOCK_SIZE : rnd() % f.len] ^= (uint8_t)(1 + rnd() % 255);
				if (rnd() % 8 == 0)
					f.len -= (uint32_t)(rnd() % f.len);
				if (rnd() % 8 == 0)
					f.count += (uint32_t)(rnd() % 3) - 1;
			}
			f.data = copy;
			if (hr_write(&to, &f, &err) < 0)
				abort();
			free(copy);
		}
		if (hr_write_end(&to, &err) < 0)
			abort();
		hr_reader_clear(&r);
		d.unpack = true;
		if (through(&d, &to.buf, &out, 0) < 0) {
			refused++;
			if (err.code != HR_BAD_STREAM)
				abort();
		} else
			other += !same(&w.buf, &out);
		hr_pack_clear(&d);
		hr_writer_clear(&to);
	}
	ok(other == 0, "%d of %d damaged streams are refused, the others come out as they were", refused, times);
	hr_buf_clear(&out);
}

/* Blocks that are missing: a tenant's all, which nobody else misses; or one. */
static void
missing(uint8_t memory)
{
	struct hr_writer some = { .fd = -1 }, want = { .fd = -1 };
	struct hr_buf packed = HR_BUF_INIT, back = HR_BUF_INIT;
	bool good = true;
	uint64_t seed;
	int refused = 0, nth;

	for (seed = 101; good && seed < 120; seed++) {
		struct hr_pack k = { .level = 3, .block_rows = 20, .key_every = 10, .memory = memory }, d = HR_PACK_INIT;

		d.unpack = true;
		stream(seed, 200);
		if (through(&k, &w.buf, &packed, 9) < 0)
			abort();
		without(&packed, "acme", -1, &some);
		without(&w.buf, "acme", -1, &want);
		good = through(&d, &some.buf, &back, 0) == 0 && same(&want.buf, &back);
		if (!good)
			printf("# seed %d: %s\n", (int)seed, err.what);
		hr_pack_clear(&d);
		for (nth = 0; nth < 10; nth++) {
			d = (struct hr_pack)HR_PACK_INIT;
			d.unpack = true;
			without(&packed, NULL, nth, &some);
			refused += through(&d, &some.buf, &back, 0) < 0;
			hr_pack_clear(&d);
		}
		hr_pack_clear(&k);
	}
	ok(good, "without a tenant's blocks the others come back, of 2^%d bytes", memory);
	ok(memory == 0 || refused > 50, "without one block %d of 190 streams are refused", refused);
	hr_buf_clear(&packed);
	hr_buf_clear(&back);
	hr_writer_clear(&some);
	hr_writer_clear(&want);
}

/* A stream begins. */
/* Rows of random text, each of them updated in one column: what has not changed is not written again. */
static void
updates(void)
{
	struct hr_buf b = HR_BUF_INIT, packed = HR_BUF_INIT, back = HR_BUF_INIT;
	struct hr_pack k = HR_PACK_INIT, d = HR_PACK_INIT;
	struct hr_column column[3] = {
		{ (char[]){ "id" }, (char[]){ "s" }, (char[]){ "int4" }, 23, -1, true },
		{ (char[]){ "n" }, (char[]){ "s" }, (char[]){ "int4" }, 23, -1, false },
		{ (char[]){ "t" }, (char[]){ "s" }, (char[]){ "bytea" }, 17, -1, false },
	};
	struct hr_relation r = {
		.id = 100, .schema = (char[]){ "s" }, .name = (char[]){ "t" }, .identity = 'd', .tenancy = 'a',
		.tenant_column = -1, .column = column, .columns = 3,
	};
	static uint8_t text[2000][64];
	size_t all[2];
	int round, i;

	d.unpack = true;
	for (round = 0; round < 2; round++) {
		head();
		hr_relation_encode(&r, &b);
		frame(HR_FRAME_RELATION, HR_MUST | HR_ALL, "", &b, 0);
		for (i = 0; i < 4000; i++) {
			uint8_t id[4], n[4];
			struct hr_value v[3] = { { id, 4, false }, { n, 4, false }, { text[i % 2000], 64, false } };
			size_t m = hr_item_open(&b, i < 2000 ? HR_INSERT : HR_UPDATE), t;

			for (t = 0; i < 2000 && t < 64; t++)
				text[i][t] = (uint8_t)rnd();
			hr_set_u32be(id, (uint32_t)(i % 2000));
			hr_set_u32be(n, (uint32_t)i / 2000);
			hr_buf_u32le(&b, 100);
			if (i >= 2000)
				hr_buf_u8(&b, '-');
			hr_tuple_put(&b, v, 3);
			hr_item_close(&b, m);
			if (i % 50 == 49)
				frame(HR_FRAME_ROWS, HR_MUST, "t", &b, 50);
		}
		if (hr_write_end(&w, &err) < 0)
			abort();
		/* References are looked for once there have been updates: so twice through the same. */
		k.memory = round ? 28 : 0;
		if (through(&k, &w.buf, &packed, 0) < 0 || through(&k, &w.buf, &packed, 0) < 0)
			abort();
		ok(through(&d, &packed, &back, 0) == 0 && same(&w.buf, &back), "updates come back, %s kept",
		    round ? "rows" : "nothing");
		all[round] = packed.len;
	}
	ok(all[0] > 2 * 2000 * 64 && all[1] < 2000 * 64 * 11 / 10, "updates against rows: %zu bytes, and %zu without",
	    all[1], all[0]);
	hr_pack_clear(&k);
	hr_pack_clear(&d);
	hr_buf_clear(&b);
	hr_buf_clear(&packed);
	hr_buf_clear(&back);
}

/* Five thousand tables: what is kept for all of them is held to the limit, on both sides. */
static void
tables(uint8_t memory)
{
	enum { TABLES = 5000, ROUNDS = 4, ROWS = 4 };
	const size_t limit = (size_t)1 << memory;
	struct hr_buf b = HR_BUF_INIT, packed = HR_BUF_INIT, back = HR_BUF_INIT;
	struct hr_pack k = HR_PACK_INIT, d = HR_PACK_INIT;
	char name[16], tenant[16];
	struct hr_column column[2] = {
		{ (char[]){ "id" }, (char[]){ "s" }, (char[]){ "int4" }, 23, -1, true },
		{ (char[]){ "t" }, (char[]){ "s" }, (char[]){ "text" }, 25, -1, false },
	};
	struct hr_relation r = {
		.schema = (char[]){ "s" }, .name = name, .identity = 'd', .tenancy = 'a', .tenant_column = -1,
		.column = column, .columns = 2,
	};
	size_t used, grown;
	int table, round, i;
	bool good;

	head();
	for (table = 0; table < TABLES; table++) {
		snprintf(name, sizeof(name), "t%d", table);
		r.id = 100 + (uint32_t)table;
		hr_relation_encode(&r, &b);
		frame(HR_FRAME_RELATION, HR_MUST | HR_ALL, "", &b, 0);
	}
	for (round = 0; round < ROUNDS; round++)
		for (table = 0; table < TABLES; table++) {
			for (i = 0; i < ROWS; i++) {
				uint8_t id[4];
				char text[120];
				struct hr_value v[2] = { { id, 4, false }, { (uint8_t *)text, 0, false } };
				size_t m = hr_item_open(&b, HR_INSERT);

				hr_set_u32be(id, (uint32_t)(round * ROWS + i));
				v[1].len = snprintf(text, sizeof(text), "row %d of table %d, whose word is %" PRIx64
				    " and its other word %" PRIx64, i, table, rnd(), rnd());
				hr_buf_u32le(&b, 100 + (uint32_t)table);
				hr_tuple_put(&b, v, 2);
				hr_item_close(&b, m);
			}
			snprintf(tenant, sizeof(tenant), "tenant %d", table % 3);
			frame(HR_FRAME_ROWS, HR_MUST, tenant, &b, ROWS);
		}
	if (hr_write_end(&w, &err) < 0)
		abort();
	d.unpack = true;
	k.memory = memory;
	used = mallinfo2().uordblks;
	good = through(&k, &w.buf, &packed, 0) == 0;
	ok(good && packed.len < w.buf.len, "5000 tables: %zu bytes, %zu packed", w.buf.len, packed.len);
	ok(k.columns.keep.size <= limit, "%zu bytes are kept for them, of %zu allowed", k.columns.keep.size, limit);
	/* What is no kept state: buffers, and what was tried of each column. */
	grown = mallinfo2().uordblks - used;
	ok(grown < limit + ((size_t)24 << 20), "and %zu bytes are taken in all", grown);
	ok(through(&d, &packed, &back, 0) == 0 && same(&w.buf, &back), "they come back");
	ok(d.columns.keep.size <= limit, "%zu bytes are kept to unpack them", d.columns.keep.size);
	hr_pack_clear(&k);
	hr_pack_clear(&d);
	hr_buf_clear(&b);
	hr_buf_clear(&packed);
	hr_buf_clear(&back);
}

int
main(void)
{
	struct hr_buf packed = HR_BUF_INIT, back = HR_BUF_INIT;
	uint64_t seed;
	int way;

	for (seed = 1; seed <= 60; seed++) {
		bool good = true;
		size_t all = 0;

		stream(seed, seed % 7 == 0 ? 300 : (int)(seed % 40));
		for (way = 0; way < 7; way++) {
			struct hr_pack k = HR_PACK_INIT, d = HR_PACK_INIT;

			k.group = way == 1 || way == 4;
			k.memory = way == 2 ? 0 : way == 6 ? 20 : 28;
			k.key_every = way == 5 ? 3 : 64;
			k.block_rows = way == 2 ? 1 : way == 3 || way == 5 ? 7 : way == 6 ? 20 : 100;
			k.level = way == 4 ? 1 : 3;
			d.unpack = true;
			good = good && through(&k, &w.buf, &packed, way == 3 || way == 6 ? 5 : 0) == 0 &&
			    through(&d, &packed, &back, 0) == 0 && same(&w.buf, &back) && packed.len <= w.buf.len;
			all += packed.len;
			hr_pack_clear(&k);
			hr_pack_clear(&d);
			if (!good) {
				printf("# way %d: %s\n", way, err.what);
				break;
			}
		}
		ok(good, "stream %" PRIu64 ": %zu bytes, %zu packed", seed, w.buf.len, all / 7);
		if (seed % 10 == 7) {
			struct hr_pack k = HR_PACK_INIT;

			k.group = seed % 4 == 3;
			if (through(&k, &w.buf, &packed, 0) < 0)
				abort();
			hr_pack_clear(&k);
			damaged(&packed, 300);
		}
	}
	updates();
	tables(23);
	tables(28);
	missing(28);
	missing(20);
	hr_buf_clear(&packed);
	hr_buf_clear(&back);
	hr_writer_clear(&w);
	codec_clear();
	return tap_done();
}
