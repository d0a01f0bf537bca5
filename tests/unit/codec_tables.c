/*
 * codec_tables - five thousand tables of one stream: what is kept of them stays in
 * the memory that is allowed, all in all and each, and comes back the same.
 */

#include "base/hr.h"

#include <stdlib.h>
#include <sys/resource.h>

#include "base/hash.h"
#include "codec.h"
#include "packed.h"
#include "tap.h"

enum { TABLES = 5000, ROWS = 20, COLUMNS = 6, ROUNDS = 2 };

static struct hr_buf items;

static void
frame(uint8_t type, uint8_t flags, const char *tenant, const struct hr_buf *b, uint32_t count)
{
	struct hr_frame f = {
		.type = type, .flags = HR_MUST | flags, .tenant = tenant, .tenant_len = (uint16_t)strlen(tenant),
		.lsn = 0x1000000 + w.buf.len, .count = count, .data = b->data, .len = (uint32_t)b->len,
	};

	if (hr_write(&w, &f, &err) < 0)
		abort();
}

static void
relation(uint32_t id)
{
	static char space[] = "pg_catalog", type[] = "text";
	struct hr_column column[COLUMNS];
	char name[32], of[COLUMNS][8];
	struct hr_relation r = {
		.id = id, .schema = (char[]){ "s" }, .name = name, .identity = 'd', .tenancy = 'a', .tenant_column = -1,
		.column = column, .columns = COLUMNS,
	};
	struct hr_buf b = HR_BUF_INIT;
	int i;

	snprintf(name, sizeof(name), "t%u", (unsigned)id);
	for (i = 0; i < COLUMNS; i++) {
		snprintf(of[i], sizeof(of[i]), "c%d", i);
		column[i] = (struct hr_column){ of[i], space, type, 25, -1, i == 0 };
	}
	hr_relation_encode(&r, &b);
	frame(HR_FRAME_RELATION, HR_ALL, "", &b, 0);
	hr_buf_clear(&b);
}

/* Texts that repeat by table, so that there is something to keep of each. */
static void
rows(uint32_t id, int round)
{
	char text[COLUMNS][160];
	struct hr_value v[COLUMNS];
	int i, k;

	hr_buf_reset(&items);
	for (i = 0; i < ROWS; i++) {
		size_t m = hr_item_open(&items, HR_INSERT);

		for (k = 0; k < COLUMNS; k++) {
			int n = snprintf(text[k], sizeof(text[k]), k == 0 ? "%u-%d" : "table %u has in column %d the words %016" PRIx64
			    " and those of %d", (unsigned)id, k == 0 ? round * ROWS + i : k, hr_hash(&id, sizeof(id)) + (unsigned)k, i % 3);

			v[k] = (struct hr_value){ (const uint8_t *)text[k], n, true };
		}
		hr_buf_u32le(&items, id);
		hr_tuple_put(&items, v, COLUMNS);
		hr_item_close(&items, m);
	}
	frame(HR_FRAME_ROWS, 0, "acme", &items, ROWS);
}

static long
resident(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return u.ru_maxrss;
}

static void
turn(unsigned memory)
{
	struct hr_buf packed = HR_BUF_INIT;
	struct hr_pack k = HR_PACK_INIT, d = HR_PACK_INIT;
	long before = resident();
	bool good;

	k.memory = (uint8_t)memory;
	good = there_and_back(&k, &d, &packed);
	ok(k.columns.keep.size <= (size_t)1 << memory, "of %d tables %zu bytes are kept, of 2^%u: %zu become %zu", TABLES,
	    k.columns.keep.size, memory, w.buf.len, packed.len);
	ok(good && d.columns.keep.size == k.columns.keep.size, "they come back, and as much is kept");
	/* Streams, packed and not, are in memory here; what is kept is there twice, as both ways are. */
	ok((uint64_t)(resident() - before) * 1024 < 4 * ((uint64_t)1 << memory) + 3 * w.buf.cap + (64 << 20),
	    "in %ld kB more", resident() - before);
	hr_pack_clear(&k);
	hr_pack_clear(&d);
	hr_buf_clear(&packed);
}

int
main(void)
{
	uint32_t id;
	int round;

	head();
	for (id = 1; id <= TABLES; id++)
		relation(id);
	for (round = 0; round < ROUNDS; round++)
		for (id = 1; id <= TABLES; id++)
			rows(id, round);
	if (hr_write_end(&w, &err) < 0)
		abort();
	turn(22);
	turn(24);
	turn(28);
	hr_buf_clear(&items);
	hr_buf_clear(&w.buf);
	return tap_done();
}
