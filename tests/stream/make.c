/*
 * Make the streams of this folder: make DIR writes DIR/passed and DIR/failed.
 *
 * The streams are committed; tests/unit/stream_files.c compares them with what
 * is made here.  When a stream is added, look at what is said of it and keep it:
 *
 *	hr-transform --dump <passed/N.hrs >passed/N.txt
 *	hr-transform --dump <failed/N.hrs 2>failed/N.err
 *
 * Streams from failed/0500 on are well-formed frames with bad payloads: only
 * who opens these refuses them.
 */

#include "base/hr.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stream/mark.h"
#include "stream/relation.h"
#include "stream/rows.h"
#include "stream/writer.h"

#define BIN(s)		{ .data = (const uint8_t *)(s), .len = sizeof(s) - 1 }
#define TXT(s)		{ .data = (const uint8_t *)(s), .len = sizeof(s) - 1, .text = true }
#define NUL		{ .len = HR_VALUE_NULL }
#define UNCHANGED	{ .len = HR_VALUE_UNCHANGED }

enum { ORDERS = 16385, COUNTRIES = 16390, ITEMS = 16395, VALUES = 16400 };

/* The clock of all these streams: 2026-01-31 09:10:11.123456 UTC. */
#define TIME		INT64_C(823165811123456)

static struct hr_writer w = { .fd = -1 };
static struct hr_buf b;			/* the payload in the making */
static uint32_t items;
static struct hr_err err;

static void
must(int rc)
{
	if (rc < 0) {
		fprintf(stderr, "make: error: %s\n", err.what);
		exit(70);
	}
}

static void
head_of(const char *copy, const char *asked)
{
	char via[] = "hr-capture 0.1.0", *asks[] = { (char *)asked };
	char *vias[] = { via };
	struct hr_head h = {
		.version = HR_STREAM_VERSION, .system = UINT64_C(7340033000000000001), .timeline = 1,
		.database = (char[]){ "shop" }, .slot = (char[]){ "hr_shop" },
		.publication = (char[]){ "hr_shop" }, .epoch = 1, .start = 0x1500000,
		.server_version = 150018, .via = vias, .vias = 1, .copy = (char *)copy,
		.asked = asks, .asks = asked != NULL,
	};

	must(hr_write_head(&w, &h, &err));
}

static void
head(void)
{
	head_of(NULL, NULL);
}

/* Write the payload in the making as a frame. */
static void
frame(uint8_t type, uint8_t flags, const char *tenant, hr_lsn lsn)
{
	struct hr_frame f = {
		.type = type, .flags = flags, .tenant = tenant, .lsn = lsn, .count = items,
		.tenant_len = (uint16_t)(tenant ? strlen(tenant) : 0),
		.data = b.data, .len = (uint32_t)b.len,
	};

	must(hr_write(&w, &f, &err));
	hr_buf_reset(&b);
	items = 0;
}

static void
end(void)
{
	must(hr_write_end(&w, &err));
}

static void
rows(const char *tenant, hr_lsn lsn)
{
	frame(HR_FRAME_ROWS, tenant ? HR_MUST : HR_MUST | HR_ALL, tenant, lsn);
}

static void
relation(const struct hr_relation *r)
{
	hr_relation_encode(r, &b);
	frame(HR_FRAME_RELATION, HR_MUST | HR_ALL, NULL, 0x1500000);
}

#define COLUMN(n, t, k)	{ (char *)(n), (char *)"pg_catalog", (char *)(t##_NAME), t, -1, k }
#define INT8		20
#define INT8_NAME	"int8"
#define TEXT		25
#define TEXT_NAME	"text"
#define BPCHAR		1042
#define BPCHAR_NAME	"bpchar"

/* CREATE TABLE orders (tenant text, id int8, note text, PRIMARY KEY (tenant, id)) */
static void
orders(char identity)
{
	struct hr_column column[] = {
		COLUMN("tenant", TEXT, true), COLUMN("id", INT8, true), COLUMN("note", TEXT, false),
	};
	struct hr_relation r = {
		ORDERS, (char *)"public", (char *)"orders", identity, 'c', 0, 3, column, 0, NULL, NULL,
	};

	if (identity == 'f')
		column[2].key = true;
	relation(&r);
}

static void
countries(void)
{
	struct hr_column column[] = {
		{ (char *)"code", (char *)"pg_catalog", (char *)"bpchar", BPCHAR, 6, true },
		COLUMN("name", TEXT, false),
	};
	struct hr_relation r = {
		COUNTRIES, (char *)"public", (char *)"countries", 'd', 'a', -1, 2, column, 0, NULL, NULL,
	};

	relation(&r);
}

static void
begin(uint32_t xid, hr_lsn commit)
{
	hr_put_begin(&b, xid, commit, TIME);
	items++;
}

static void
commit(hr_lsn at)
{
	hr_put_commit(&b, at);
	items++;
}

static void
insert(uint32_t id, const struct hr_value *v, int n)
{
	size_t mark = hr_item_open(&b, HR_INSERT);

	hr_buf_u32le(&b, id);
	hr_tuple_put(&b, v, n);
	hr_item_close(&b, mark);
	items++;
}

static void
update(char old, const struct hr_value *before, const struct hr_value *v, int n)
{
	size_t mark = hr_item_open(&b, HR_UPDATE);

	hr_buf_u32le(&b, ORDERS);
	hr_buf_u8(&b, (uint8_t)old);
	if (before)
		hr_tuple_put(&b, before, n);
	hr_tuple_put(&b, v, n);
	hr_item_close(&b, mark);
	items++;
}

static void
delete(char old, const struct hr_value *before, int n)
{
	size_t mark = hr_item_open(&b, HR_DELETE);

	hr_buf_u32le(&b, ORDERS);
	hr_buf_u8(&b, (uint8_t)old);
	hr_tuple_put(&b, before, n);
	hr_item_close(&b, mark);
	items++;
}

static void
message(bool transactional, hr_lsn lsn, const char *prefix, const void *content, size_t n)
{
	size_t mark = hr_item_open(&b, HR_MESSAGE);

	hr_buf_u8(&b, transactional);
	hr_buf_u64le(&b, lsn);
	hr_buf_put(&b, prefix, strlen(prefix) + 1);
	hr_buf_put(&b, content, n);
	hr_item_close(&b, mark);
	items++;
}

static void
watermark(hr_lsn lsn, bool idle)
{
	struct hr_watermark m = { TIME, idle };
	uint8_t data[HR_WATERMARK_SIZE];

	hr_watermark_encode(&m, data);
	hr_buf_put(&b, data, sizeof(data));
	frame(HR_FRAME_WATERMARK, HR_MUST | HR_ALL, NULL, lsn);
}

static const struct hr_value one[] = { BIN("acme"), BIN("\0\0\0\0\0\0\0\1"), BIN("first") };
static const struct hr_value two[] = { BIN("acme"), BIN("\0\0\0\0\0\0\0\2"), NUL };
static const struct hr_value other[] = { BIN("globex"), BIN("\0\0\0\0\0\0\0\1"), BIN("theirs") };

/* One transaction of one insert, complete. */
static void
one_insert(void)
{
	begin(740, 0x1500100);
	insert(ORDERS, one, 3);
	commit(0x1500130);
	rows("acme", 0x1500130);
	watermark(0x1500130, false);
}

static void
make_empty(void)
{
	head();
	end();
}

static void
make_insert(void)
{
	head();
	orders('d');
	one_insert();
	end();
}

static void
make_update_key(void)
{
	static const struct hr_value key[] = { BIN("acme"), BIN("\0\0\0\0\0\0\0\1"), NUL };

	head();
	orders('d');
	begin(741, 0x1500200);
	update('K', key, two, 3);
	commit(0x1500230);
	rows("acme", 0x1500230);
	watermark(0x1500230, false);
	end();
}

static void
make_update_full(void)
{
	head();
	orders('f');
	begin(741, 0x1500200);
	update('O', one, two, 3);
	commit(0x1500230);
	rows("acme", 0x1500230);
	watermark(0x1500230, false);
	end();
}

static void
make_unchanged_toast(void)
{
	static const struct hr_value v[] = { BIN("acme"), BIN("\0\0\0\0\0\0\0\1"), UNCHANGED };

	head();
	orders('d');
	begin(741, 0x1500200);
	update('-', NULL, v, 3);
	commit(0x1500230);
	rows("acme", 0x1500230);
	watermark(0x1500230, false);
	end();
}

static void
make_delete(void)
{
	static const struct hr_value key[] = { BIN("acme"), BIN("\0\0\0\0\0\0\0\1"), NUL };

	head();
	orders('d');
	begin(742, 0x1500300);
	delete('K', key, 3);
	delete('O', one, 3);
	commit(0x1500330);
	rows("acme", 0x1500330);
	watermark(0x1500330, false);
	end();
}

static void
make_truncate(void)
{
	size_t mark;

	head();
	orders('d');
	begin(743, 0x1500400);
	mark = hr_item_open(&b, HR_TRUNCATE);
	hr_buf_u8(&b, HR_TRUNCATE_CASCADE | HR_TRUNCATE_RESTART);
	hr_buf_u32le(&b, 2);
	hr_buf_u32le(&b, ORDERS);
	hr_buf_u32le(&b, COUNTRIES);
	hr_item_close(&b, mark);
	items++;
	commit(0x1500430);
	rows(NULL, 0x1500430);
	watermark(0x1500430, false);
	end();
}

static void
make_message(void)
{
	head();
	begin(744, 0x1500500);
	message(true, 0x1500480, "audit", "hello", 5);
	message(true, 0x1500490, "blob", "\0\377", 2);
	commit(0x1500530);
	message(false, 0x1500560, "ping", "", 0);
	rows(NULL, 0x1500560);
	watermark(0x1500560, false);
	end();
}

static void
make_origin(void)
{
	head();
	orders('d');
	begin(745, 0x1500600);
	hr_put_origin(&b, 0x2A0, "hr_home", 7);
	items++;
	insert(ORDERS, one, 3);
	commit(0x1500630);
	rows("acme", 0x1500630);
	watermark(0x1500630, false);
	end();
}

static void
make_text_values(void)
{
	static const struct hr_value v[] = { TXT("acme"), TXT("3"), TXT("") };

	head();
	orders('d');
	begin(746, 0x1500700);
	insert(ORDERS, v, 3);
	commit(0x1500730);
	rows("acme", 0x1500730);
	watermark(0x1500730, false);
	end();
}

static void
make_two_tenants(void)
{
	head();
	orders('d');
	begin(747, 0x1500800);
	insert(ORDERS, other, 3);
	commit(0x1500830);
	rows("globex", 0x1500830);
	begin(747, 0x1500800);
	insert(ORDERS, one, 3);
	insert(ORDERS, two, 3);
	commit(0x1500830);
	rows("acme", 0x1500830);
	watermark(0x1500830, false);
	end();
}

static void
make_split_transaction(void)
{
	head();
	orders('d');
	begin(748, 0x1500900);
	insert(ORDERS, one, 3);
	rows("acme", 0x1500900);
	begin(748, 0x1500900);
	insert(ORDERS, other, 3);
	commit(0x1500930);
	rows("globex", 0x1500930);
	insert(ORDERS, two, 3);
	commit(0x1500930);
	rows("acme", 0x1500930);
	watermark(0x1500930, false);
	end();
}

static void
make_all_tenants(void)
{
	static const struct hr_value v[] = { BIN("NL"), BIN("Nederland") };

	head();
	orders('d');
	one_insert();
	countries();
	begin(749, 0x1500A00);
	insert(COUNTRIES, v, 2);
	commit(0x1500A30);
	rows(NULL, 0x1500A30);
	begin(750, 0x1500A40);
	insert(ORDERS, two, 3);
	commit(0x1500A70);
	rows("acme", 0x1500A70);
	watermark(0x1500A70, false);
	end();
}

static void
make_ordered(void)
{
	head();
	orders('d');
	begin(749, 0x1500A00);
	insert(ORDERS, other, 3);
	commit(0x1500A30);
	rows("globex", 0x1500A30);
	begin(750, 0x1500A40);
	update('-', NULL, one, 3);
	commit(0x1500A70);
	frame(HR_FRAME_ROWS, HR_MUST | HR_ORDERED, "acme", 0x1500A70);
	watermark(0x1500A70, false);
	end();
}

/* CREATE TABLE items (id int8 PRIMARY KEY, tenant_of text, order_id int8, FOREIGN KEY (...) REFERENCES orders) */
static void
items_of_orders(void)
{
	char *from[] = { (char *)"tenant_of", (char *)"order_id" }, *to[] = { (char *)"tenant", (char *)"id" };
	struct hr_step step[] = { { (char *)"public", (char *)"orders", 2, from, to } };
	struct hr_column column[] = {
		COLUMN("id", INT8, true), COLUMN("tenant_of", TEXT, false), COLUMN("order_id", INT8, false),
	};
	struct hr_relation r = {
		ITEMS, (char *)"public", (char *)"items", 'd', 'p', -1, 3, column, 1, step, (char *)"tenant",
	};

	relation(&r);
}

static void
item(int op, uint32_t table, int old, const struct hr_value *v, int n)
{
	size_t mark = hr_item_open(&b, op);

	hr_buf_u32le(&b, table);
	if (old >= 0)
		hr_buf_u8(&b, (uint8_t)old);
	hr_tuple_put(&b, v, n);
	hr_item_close(&b, mark);
	items++;
}

static void
make_parent(void)
{
	static const struct hr_value key[] = { TXT("acme"), TXT("1") };
	static const struct hr_value row[] = { BIN("\0\0\0\0\0\0\0\7"), BIN("acme"), BIN("\0\0\0\0\0\0\0\1") };
	static const struct hr_value gone[] = { BIN("\0\0\0\0\0\0\0\7"), NUL, NUL };

	head();
	orders('f');
	items_of_orders();
	begin(752, 0x1500C00);
	item(HR_LEAVE, ITEMS, 0, key, 2);
	delete('O', one, 3);
	commit(0x1500C30);
	frame(HR_FRAME_ROWS, HR_MUST | HR_ORDERED, "acme", 0x1500C30);
	begin(752, 0x1500C00);
	insert(ORDERS, other, 3);
	item(HR_PUT, ITEMS, -1, row, 3);
	commit(0x1500C30);
	frame(HR_FRAME_ROWS, HR_MUST | HR_ORDERED, "globex", 0x1500C30);
	begin(753, 0x1500C40);
	item(HR_DROP, ITEMS, 'K', gone, 3);
	commit(0x1500C70);
	rows("globex", 0x1500C70);
	watermark(0x1500C70, false);
	end();
}

static void
fail_leave(void)
{
	static const struct hr_value key[] = { TXT("acme") };

	head();
	items_of_orders();
	begin(752, 0x1500C00);
	item(HR_LEAVE, ITEMS, 0, key, 1);
	commit(0x1500C30);
	rows("acme", 0x1500C30);
	end();
}

static void
make_relation_changed(void)
{
	struct hr_column column[] = { COLUMN("tenant", TEXT, true), COLUMN("number", INT8, true) };
	struct hr_relation r = {
		ORDERS, (char *)"public", (char *)"orders", 'i', 'c', 0, 2, column, 0, NULL, NULL,
	};

	head();
	orders('d');
	one_insert();
	relation(&r);
	begin(751, 0x1500B00);
	insert(ORDERS, two, 2);
	commit(0x1500B30);
	rows("acme", 0x1500B30);
	watermark(0x1500B30, false);
	end();
}

static void
make_tenant_names(void)
{
	struct hr_column column[] = { COLUMN("a \"b\"", INT8, true) };
	struct hr_relation r = {
		ORDERS, (char *)"T\303\251", (char *)"a.\"b\"\n", 'n', 's', -1, 1, column, 0, NULL, NULL,
	};
	static const struct hr_value v[] = { BIN("\377\377\377\377\377\377\377\377") };
	char longest[HR_TENANT_MAX + 1];

	memset(longest, 'n', HR_TENANT_MAX);
	longest[HR_TENANT_MAX] = '\0';
	head();
	relation(&r);
	begin(752, 0x1500C00);
	insert(ORDERS, v, 1);
	commit(0x1500C30);
	rows("\"\\ \360\237\230\200 \303\251 \377", 0x1500C30);
	begin(752, 0x1500C00);
	insert(ORDERS, v, 1);
	commit(0x1500C30);
	rows(longest, 0x1500C30);
	watermark(0x1500C30, false);
	end();
}

static void
make_watermark_idle(void)
{
	struct hr_watermark m = { 0, false };
	uint8_t data[HR_WATERMARK_SIZE];

	head();
	watermark(0x1500D00, true);
	hr_watermark_encode(&m, data);
	hr_buf_put(&b, data, sizeof(data));
	frame(HR_FRAME_WATERMARK, HR_MUST | HR_ALL, NULL, 0xFFFFFFFFFFFFFFFF);
	end();
}

static void
snapshot(bool begins, uint32_t tenants, const char *list, size_t bytes)
{
	static const struct hr_part part[] = {
		{ ORDERS, ORDERS, 16400, 0, 8192, true },
		{ ORDERS, ORDERS, 16400, 8192, 0, false },
		{ COUNTRIES, 0, 0, 0, 0, false },
	};
	uint8_t table[8];
	struct hr_snapshot s = { begins ? HR_SNAPSHOT_BEGINS : HR_SNAPSHOT_ENDED, 2, table, tenants, list, begins ? 3 : 0, NULL };

	hr_set_u32le(table, ORDERS);
	hr_set_u32le(table + 4, COUNTRIES);
	hr_snapshot_encode(&s, part, &b, bytes);
	frame(HR_FRAME_SNAPSHOT, HR_MUST | HR_ALL, NULL, 0x1500000);
}

static void
part(uint32_t number, bool ended)
{
	uint8_t data[HR_PART_MARK_SIZE];

	hr_part_mark_encode(number, ended, data);
	hr_buf_put(&b, data, sizeof(data));
	frame(HR_FRAME_PART, HR_MUST | HR_ALL | HR_COPY, NULL, 0x1500000);
}

static void
copied(const char *tenant, const struct hr_value *v)
{
	hr_put_begin(&b, 0, 0x1500000, TIME);
	items++;
	insert(ORDERS, v, 3);
	commit(0x1500000);
	frame(HR_FRAME_ROWS, HR_MUST | HR_COPY, tenant, 0x1500000);
}

static void
make_snapshot(void)
{
	head();
	orders('d');
	countries();
	snapshot(true, 0, NULL, 0);
	part(1, false);
	copied("globex", other);
	copied("acme", two);
	part(1, true);
	part(2, false);
	part(2, true);
	snapshot(false, 0, NULL, 0);
	watermark(0x1500000, false);
	one_insert();
	end();
}

static void
make_snapshot_tenants(void)
{
	head_of("first", NULL);
	orders('d');
	countries();
	snapshot(true, 2, "acme\0globex", 12);
	part(1, false);
	copied("acme", one);
	part(1, true);
	part(2, true);
	snapshot(false, 2, "acme\0globex", 12);
	watermark(0x1500000, false);
	end();
}

static void
mark_of(enum hr_snapshot_kind kind, hr_lsn lsn)
{
	uint8_t table[4];
	struct hr_snapshot s = { kind, kind == HR_SNAPSHOT_HOLD ? 0 : 1, table, 0, NULL, 0, NULL };

	hr_set_u32le(table, ORDERS);
	hr_snapshot_encode(&s, NULL, &b, 0);
	frame(HR_FRAME_SNAPSHOT, HR_MUST, "acme", lsn);
}

/* A tenant is copied while another goes on. */
static void
make_join(void)
{
	head_of(NULL, "acme");
	orders('d');
	mark_of(HR_SNAPSHOT_HOLD, 0x1500000);
	begin(747, 0x1500800);
	insert(ORDERS, other, 3);
	commit(0x1500830);
	rows("globex", 0x1500830);
	watermark(0x1500830, false);
	mark_of(HR_SNAPSHOT_BEGINS, 0x1500800);
	hr_put_begin(&b, 0, 0x1500800, TIME);
	items++;
	insert(ORDERS, two, 3);
	commit(0x1500800);
	frame(HR_FRAME_ROWS, HR_MUST | HR_COPY, "acme", 0x1500800);
	watermark(0x1500830, false);
	mark_of(HR_SNAPSHOT_ENDED, 0x1500800);
	end();
}

static void
make_sequence(void)
{
	struct hr_sequence s = { "public", "orders_id_seq", 4711, true };

	head();
	hr_sequence_encode(&s, &b);
	frame(HR_FRAME_SEQUENCE, HR_MUST | HR_ALL, NULL, 0x1500E00);
	s.last_value = INT64_MIN;
	s.is_called = false;
	hr_sequence_encode(&s, &b);
	frame(HR_FRAME_SEQUENCE, HR_MUST, "acme", 0x1500E00);
	watermark(0x1500E00, false);
	end();
}

static void
make_fence(void)
{
	uint8_t data[HR_FENCE_SIZE];

	head();
	hr_fence_encode(2, data);
	hr_buf_put(&b, data, sizeof(data));
	frame(HR_FRAME_FENCE, HR_MUST | HR_ALL, NULL, 0x1500F00);
	end();
}

static void
make_unknown_type(void)
{
	head();
	hr_buf_puts(&b, "from a later release");
	items = 3;
	frame('x', 0xf0, "acme", 0x1500F10);
	frame('y', HR_ALL, NULL, 0x1500F20);
	end();
}

/* A head frame of any text. */
static void
raw_head(const char *text)
{
	must(hr_write_magic(&w, &err));
	hr_buf_puts(&b, text);
	frame(HR_FRAME_HEAD, HR_MUST | HR_ALL, NULL, 0);
}

#define HEAD_TEXT(version, slot) \
	"{\"version\":" version ",\"system\":\"7340033000000000001\",\"timeline\":1," \
	"\"timeline_begin\":\"0/0\",\"database\":\"shop\"," slot \
	"\"epoch\":1,\"start\":\"0/1500000\""

static void
make_head_unknown_keys(void)
{
	raw_head(HEAD_TEXT("1", "\"slot\":\"s\",") ",\"tenants\":[\"acme\"],\"frame\":0,"
	    "\n \"later\": {\"a\": [1, 2]}}\n");
	end();
}

/* The stream of hr-stream(5): change it there too. */
static void
make_example(void)
{
	struct hr_column column[] = {
		{ (char *)"id", (char *)"pg_catalog", (char *)"int4", 23, -1, true },
	};
	struct hr_relation r = { 5, (char *)"acme", (char *)"t", 'd', 's', -1, 1, column, 0, NULL, NULL };
	static const struct hr_value v[] = { BIN("\0\0\0\7") };

	must(hr_write_magic(&w, &err));
	hr_buf_puts(&b, "{\"version\":1,\"system\":\"1\",\"timeline_begin\":\"0/0\","
	    "\"database\":\"d\",\"slot\":\"s\",\"epoch\":1,\"start\":\"0/10\"}");
	frame(HR_FRAME_HEAD, HR_MUST | HR_ALL, NULL, 0x10);
	hr_relation_encode(&r, &b);
	frame(HR_FRAME_RELATION, HR_MUST | HR_ALL, NULL, 0x10);
	begin(740, 0x20);
	insert(5, v, 1);
	commit(0x28);
	rows("acme", 0x28);
	watermark(0x28, false);
	end();
}

struct typed {
	const char *type;
	uint32_t id;
	struct hr_value value;
};

/* One row of a table with a column for each of these. */
static void
typed_row(const struct typed *t, int n)
{
	struct hr_column column[100];
	struct hr_value v[100];
	struct hr_relation r = {
		VALUES, (char *)"public", (char *)"everything", 'n', 'd', -1, n, column, 0, NULL, NULL,
	};
	char name[100][64];
	int i;

	for (i = 0; i < n; i++) {
		snprintf(name[i], sizeof(name[i]), "%d %s", i + 1, t[i].type);
		column[i] = (struct hr_column){
			name[i], (char *)"pg_catalog", (char *)t[i].type, t[i].id, -1, false,
		};
		v[i] = t[i].value;
	}
	head();
	relation(&r);
	begin(760, 0x1501000);
	insert(VALUES, v, n);
	commit(0x1501030);
	rows("shop", 0x1501030);
	watermark(0x1501030, false);
	end();
}

static void
make_values(void)
{
	static const struct typed t[] = {
		{ "bool", 16, BIN("\1") },
		{ "bool", 16, BIN("\0") },
		{ "bytea", 17, BIN("\0\377") },
		{ "char", 18, BIN("c") },
		{ "name", 19, BIN("pg_class") },
		{ "int8", 20, BIN("\200\0\0\0\0\0\0\0") },
		{ "int2", 21, BIN("\377\376") },
		{ "int4", 23, BIN("\177\377\377\377") },
		{ "text", 25, BIN("t") },
		{ "oid", 26, BIN("\377\377\377\377") },
		{ "tid", 27, BIN("\0\0\0\1\0\2") },
		{ "xid", 28, BIN("\0\0\2\344") },
		{ "json", 114, BIN("{\"a\" : [1, 2.50, null]}") },
		{ "xml", 142, BIN("<a/>") },
		{ "cidr", 650, BIN("\2\10\1\4\12\0\0\0") },
		{ "float4", 700, BIN("\77\200\0\0") },
		{ "float8", 701, BIN("\100\11\41\373\124\104\55\30") },
		{ "money", 790, BIN("\0\0\0\0\0\1\342\100") },
		{ "macaddr", 829, BIN("\10\0\53\1\2\3") },
		{ "inet", 869, BIN("\3\200\0\20\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1") },
		{ "bpchar", 1042, BIN("ab  ") },
		{ "varchar", 1043, BIN("") },
		{ "date", 1082, BIN("\377\377\377\377") },
		{ "time", 1083, BIN("\0\0\0\12\227\332\160\100") },
		{ "timestamp", 1114, BIN("\0\2\354\252\153\120\276\300") },
		{ "timestamptz", 1184, BIN("\0\2\354\252\153\120\276\300") },
		{ "interval", 1186, BIN("\0\0\0\0\0\17\102\100\0\0\0\2\0\0\0\15") },
		{ "timetz", 1266, BIN("\0\0\0\0\0\0\0\0\377\377\361\360") },
		{ "bit", 1560, BIN("\0\0\0\3\240") },
		{ "numeric", 1700, BIN("\0\2\0\0\0\0\0\2\0\14\11\304") },
		{ "uuid", 2950, BIN("\0\21\42\63\104\125\146\167\210\231\252\273\314\335\356\377") },
		{ "pg_lsn", 3220, BIN("\0\0\0\1\0\0\0\2") },
		{ "jsonb", 3802, BIN("\1\"j\"") },
		{ "xid8", 5069, BIN("\0\0\0\1\0\0\0\0") },
		{ "text", 25, NUL },
	};

	typed_row(t, HR_COUNT(t));
}

static void
make_arrays(void)
{
#define INT4_ARRAY "\0\0\0\27"
#define TEXT_ARRAY "\0\0\0\31"
	static const struct typed t[] = {
		{ "_int4", 1007, BIN("\0\0\0\0\0\0\0\0" INT4_ARRAY) },
		{ "_int4", 1007, BIN("\0\0\0\1\0\0\0\1" INT4_ARRAY "\0\0\0\2\0\0\0\1"
		    "\0\0\0\4\0\0\0\7\377\377\377\377") },
		{ "_int4", 1007, BIN("\0\0\0\2\0\0\0\0" INT4_ARRAY "\0\0\0\2\0\0\0\1\0\0\0\1\0\0\0\1"
		    "\0\0\0\4\0\0\0\1\0\0\0\4\0\0\0\2") },
		{ "_int4", 1007, BIN("\0\0\0\1\0\0\0\0" INT4_ARRAY "\0\0\0\1\0\0\0\0"
		    "\0\0\0\4\0\0\0\5") },
		{ "_text", 1009, BIN("\0\0\0\1\0\0\0\0" TEXT_ARRAY "\0\0\0\6\0\0\0\1"
		    "\0\0\0\1a\0\0\0\0\0\0\0\3a b\0\0\0\4null\0\0\0\3\"\\x\0\0\0\2{}") },
		{ "_bool", 1000, BIN("\0\0\0\1\0\0\0\0\0\0\0\20\0\0\0\1\0\0\0\1\0\0\0\1\1") },
	};

	typed_row(t, HR_COUNT(t));
}

static void
make_strange_values(void)
{
	static const struct typed t[] = {
		{ "text", 25, BIN("\0\1\b\t\n\f\r\37\"\\\177/") },
		{ "text", 25, BIN("\377\300\200\355\240\200\364\220\200\200\303") },
		{ "text", 25, BIN("\302\200\337\277\340\240\200\357\277\277\360\220\200\200\364\217\277\277") },
		{ "json", 114, BIN("{\"a\":01}") },
		{ "json", 114, BIN(" [1 ,\n\t2 ]\r\n") },
		{ "jsonb", 3802, BIN("\2{}") },
		{ "float8", 701, BIN("\177\360\0\0\0\0\0\0") },
		{ "float4", 700, BIN("\177\300\0\0") },
		{ "float8", 701, BIN("\200\0\0\0\0\0\0\0") },
		{ "int4", 23, TXT("12") },
		{ "int4", 23, TXT("twelve") },
		{ "bool", 16, TXT("t") },
		{ "int4", 23, BIN("\0\0\1") },
		{ "numeric", 1700, BIN("\0\0\0\0\300\0\0\0") },
		{ "colour", 16500, BIN("red") },
		{ "colour", 16500, TXT("red") },
		{ "colour", 16500, BIN("") },
		{ "date", 1082, BIN("\177\377\377\377") },
		{ "date", 1082, BIN("\200\0\0\1") },
	};

	typed_row(t, HR_COUNT(t));
}

/* --- streams that are refused --- */

static void
cut(size_t bytes)
{
	w.buf.len -= bytes;
}

static void
fail_no_end(void)
{
	head();
	orders('d');
	one_insert();
}

static void
fail_nothing(void)
{
}

static void
fail_bad_magic(void)
{
	make_insert();
	w.buf.data[6] = '\r';
}

static void
fail_magic_only(void)
{
	must(hr_write_magic(&w, &err));
}

static void
fail_cut_magic(void)
{
	must(hr_write_magic(&w, &err));
	cut(1);
}

static void
fail_cut_header(void)
{
	make_insert();
	cut(HR_END_SIZE + 1);
}

static void
fail_cut_payload(void)
{
	make_insert();
	cut(1);
}

static void
fail_flipped_payload(void)
{
	make_insert();
	w.buf.data[HR_MAGIC_SIZE + HR_FRAME_SIZE + 40] ^= 0x10;
}

static void
fail_flipped_header(void)
{
	make_insert();
	w.buf.data[HR_MAGIC_SIZE + 5] ^= 0x10;
}

static void
fail_second_head(void)
{
	struct hr_buf first = HR_BUF_INIT;

	head();
	/* What is behind the magic, again, as one who means it. */
	hr_buf_put(&first, w.buf.data + HR_MAGIC_SIZE, w.buf.len - HR_MAGIC_SIZE);
	must(hr_write_bytes(&w, first.data, first.len, &err));
	hr_buf_clear(&first);
	end();
}

static void
fail_no_head(void)
{
	must(hr_write_magic(&w, &err));
	orders('d');
	end();
}

static void
fail_end_first(void)
{
	must(hr_write_magic(&w, &err));
	end();
}

static void
fail_head_not_json(void)
{
	raw_head("version 1");
	end();
}

static void
fail_head_a_list(void)
{
	raw_head("[1]");
	end();
}

static void
fail_head_version(void)
{
	raw_head(HEAD_TEXT("2", "\"slot\":\"s\",") "}");
	end();
}

static void
fail_head_no_slot(void)
{
	raw_head(HEAD_TEXT("1", "") "}");
	end();
}

/* The fixed part of a frame that claims more than there is. */
static void
claim(uint8_t type, uint8_t flags, uint16_t tenant_len, uint32_t len)
{
	uint8_t fixed[HR_FRAME_SIZE];
	struct hr_frame f = { .type = type, .flags = flags };

	hr_frame_encode(&f, 0, fixed);
	hr_set_u16le(fixed + 2, tenant_len);
	hr_set_u32le(fixed + 4, len);
	hr_set_u32le(fixed + HR_FRAME_SUMMED, hr_frame_sum(fixed, w.seen.crc));
	hr_buf_put(&w.buf, fixed, sizeof(fixed));
}

static void
fail_head_too_long(void)
{
	must(hr_write_magic(&w, &err));
	claim(HR_FRAME_HEAD, HR_MUST | HR_ALL, 0, HR_HEAD_MAX + 1);
}

static void
fail_tenant_too_long(void)
{
	head();
	claim(HR_FRAME_ROWS, HR_MUST, HR_TENANT_MAX + 1, 0);
}

static void
fail_payload_too_long(void)
{
	head();
	claim(HR_FRAME_ROWS, HR_MUST, 4, HR_PAYLOAD_MAX + 1);
}

static void
fail_all_and_tenant(void)
{
	head();
	claim(HR_FRAME_ROWS, HR_MUST | HR_ALL, 4, 0);
}

static void
fail_unknown_must(void)
{
	head();
	frame('x', HR_MUST, "acme", 0);
	end();
}

static void
fail_bytes_after_end(void)
{
	make_insert();
	hr_buf_u8(&w.buf, '\n');
}

static void
fail_two_streams(void)
{
	make_empty();
	make_empty();
}

static void
fail_end_count(void)
{
	head();
	orders('d');
	w.seen.frames++;
	end();
}

static void
fail_end_size(void)
{
	head();
	hr_buf_put(&b, "0123456789012345678", HR_END_SIZE - 1);
	frame(HR_FRAME_END, HR_MUST | HR_ALL, NULL, 0);
}

/* Two frames of the same size, exchanged. */
static void
fail_reordered(void)
{
	uint8_t first[64];
	size_t at, size = HR_FRAME_SIZE + HR_WATERMARK_SIZE;

	head();
	at = w.buf.len;
	watermark(0x1500000, false);
	watermark(0x1500001, false);
	memcpy(first, w.buf.data + at, size);
	memmove(w.buf.data + at, w.buf.data + at + size, size);
	memcpy(w.buf.data + at + size, first, size);
	end();
}

/* The first of two changes, lost on the way. */
static void
fail_removed(void)
{
	size_t at, size;

	head();
	orders('d');
	at = w.buf.len;
	one_insert();
	size = w.buf.len - at;
	one_insert();
	end();
	w.buf.len -= size;
	memmove(w.buf.data + at, w.buf.data + at + size, w.buf.len - at);
}

static void
fail_last_removed(void)
{
	size_t at, size = HR_FRAME_SIZE + HR_WATERMARK_SIZE;

	head();
	at = w.buf.len;
	watermark(0x1500000, false);
	end();
	memmove(w.buf.data + at, w.buf.data + at + size, HR_FRAME_SIZE + HR_END_SIZE);
	cut(size);
}

static void
fail_doubled(void)
{
	struct hr_buf one_frame = HR_BUF_INIT;
	size_t at;

	head();
	at = w.buf.len;
	watermark(0x1500000, false);
	hr_buf_put(&one_frame, w.buf.data + at, w.buf.len - at);
	hr_buf_put(&w.buf, one_frame.data, one_frame.len);
	hr_buf_clear(&one_frame);
	watermark(0x1500001, false);
	end();
}

/* An end frame in its place, that tells of another before it. */
static void
fail_end_checksum(void)
{
	struct hr_end says;
	uint8_t data[HR_END_SIZE];

	head();
	orders('d');
	says = w.seen;
	says.crc ^= 1;
	hr_end_encode(&says, data);
	hr_buf_put(&b, data, sizeof(data));
	frame(HR_FRAME_END, HR_MUST | HR_ALL, NULL, 0);
}

/* A stream whose last frame has these bytes for a payload. */
static void
bad_payload(uint8_t type, const void *data, size_t n)
{
	hr_buf_put(&b, data, n);
	frame(type, HR_MUST | HR_ALL, NULL, 0x1500000);
	end();
}

static void
fail_item_overflow(void)
{
	head();
	begin(770, 0x1502000);
	bad_payload(HR_FRAME_ROWS, "\11\0\0\0C\0\0\0\0\0\0\0", 12);
}

static void
fail_item_empty(void)
{
	head();
	bad_payload(HR_FRAME_ROWS, "\0\0\0\0", 4);
}

static void
fail_item_operation(void)
{
	head();
	bad_payload(HR_FRAME_ROWS, "\1\0\0\0\1", 5);
}

static void
fail_tuple(void)
{
	head();
	orders('d');
	begin(771, 0x1502000);
	insert(ORDERS, one, 3);
	b.data[b.len - 6] = 9;		/* of five bytes */
	rows("acme", 0x1502000);
	end();
}

static void
fail_no_relation(void)
{
	head();
	begin(772, 0x1502000);
	insert(ORDERS, one, 3);
	rows("acme", 0x1502000);
	end();
}

static void
fail_columns(void)
{
	head();
	orders('d');
	begin(773, 0x1502000);
	insert(ORDERS, one, 2);
	rows("acme", 0x1502000);
	end();
}

static void
fail_item_count(void)
{
	head();
	begin(774, 0x1502000);
	items++;
	rows("acme", 0x1502000);
	end();
}

static void
fail_relation(void)
{
	head();
	bad_payload(HR_FRAME_RELATION, "\1\0\0\0dc\0\0\1\0a\0b\0", 14);
}

static void
fail_watermark(void)
{
	head();
	bad_payload(HR_FRAME_WATERMARK, "\0\0\0\0\0\0\0\0\2", 9);
}

static void
fail_snapshot(void)
{
	head();
	bad_payload(HR_FRAME_SNAPSHOT, "\1\0\0\0\0\1\0\0\0acme", 13);
}

static void
fail_part(void)
{
	head();
	bad_payload(HR_FRAME_PART, "\1\0\0\0\2", 5);
}

static void
fail_sequence(void)
{
	head();
	bad_payload(HR_FRAME_SEQUENCE, "\0\0\0\0\0\0\0\0\1a\0b", 12);
}

static void
fail_fence(void)
{
	head();
	bad_payload(HR_FRAME_FENCE, "\1\0\0\0", 4);
}

static const struct stream {
	const char *name;
	void (*make)(void);
} stream[] = {
	{ "passed/0001_empty", make_empty },
	{ "passed/0002_example", make_example },
	{ "passed/0010_insert", make_insert },
	{ "passed/0011_update_key", make_update_key },
	{ "passed/0012_update_full", make_update_full },
	{ "passed/0013_unchanged_toast", make_unchanged_toast },
	{ "passed/0014_delete", make_delete },
	{ "passed/0015_truncate", make_truncate },
	{ "passed/0016_message", make_message },
	{ "passed/0017_origin", make_origin },
	{ "passed/0018_text_values", make_text_values },
	{ "passed/0020_two_tenants", make_two_tenants },
	{ "passed/0021_split_transaction", make_split_transaction },
	{ "passed/0022_all_tenants", make_all_tenants },
	{ "passed/0023_relation_changed", make_relation_changed },
	{ "passed/0024_tenant_names", make_tenant_names },
	{ "passed/0025_ordered", make_ordered },
	{ "passed/0026_parent", make_parent },
	{ "passed/0030_watermark_idle", make_watermark_idle },
	{ "passed/0031_snapshot", make_snapshot },
	{ "passed/0032_snapshot_tenants", make_snapshot_tenants },
	{ "passed/0033_sequence", make_sequence },
	{ "passed/0034_fence", make_fence },
	{ "passed/0035_join", make_join },
	{ "passed/0040_unknown_type", make_unknown_type },
	{ "passed/0041_head_unknown_keys", make_head_unknown_keys },
	{ "passed/0050_values", make_values },
	{ "passed/0051_arrays", make_arrays },
	{ "passed/0052_strange_values", make_strange_values },
	{ "failed/0001_no_end_frame", fail_no_end },
	{ "failed/0002_nothing", fail_nothing },
	{ "failed/0003_bad_magic", fail_bad_magic },
	{ "failed/0004_magic_only", fail_magic_only },
	{ "failed/0005_cut_magic", fail_cut_magic },
	{ "failed/0006_cut_header", fail_cut_header },
	{ "failed/0007_cut_payload", fail_cut_payload },
	{ "failed/0010_flipped_payload_bit", fail_flipped_payload },
	{ "failed/0011_flipped_header_bit", fail_flipped_header },
	{ "failed/0020_second_head", fail_second_head },
	{ "failed/0021_no_head", fail_no_head },
	{ "failed/0022_end_first", fail_end_first },
	{ "failed/0023_head_not_json", fail_head_not_json },
	{ "failed/0024_head_a_list", fail_head_a_list },
	{ "failed/0025_head_version_2", fail_head_version },
	{ "failed/0026_head_without_slot", fail_head_no_slot },
	{ "failed/0027_head_too_long", fail_head_too_long },
	{ "failed/0030_tenant_too_long", fail_tenant_too_long },
	{ "failed/0031_payload_too_long", fail_payload_too_long },
	{ "failed/0032_all_and_tenant", fail_all_and_tenant },
	{ "failed/0033_unknown_must", fail_unknown_must },
	{ "failed/0040_bytes_after_end", fail_bytes_after_end },
	{ "failed/0041_two_streams", fail_two_streams },
	{ "failed/0042_end_count", fail_end_count },
	{ "failed/0043_end_size", fail_end_size },
	{ "failed/0044_reordered", fail_reordered },
	{ "failed/0045_frame_removed", fail_removed },
	{ "failed/0046_last_removed", fail_last_removed },
	{ "failed/0047_frame_doubled", fail_doubled },
	{ "failed/0048_end_checksum", fail_end_checksum },
	{ "failed/0500_item_overflow", fail_item_overflow },
	{ "failed/0501_item_empty", fail_item_empty },
	{ "failed/0502_item_operation", fail_item_operation },
	{ "failed/0503_tuple", fail_tuple },
	{ "failed/0504_row_before_relation", fail_no_relation },
	{ "failed/0505_columns", fail_columns },
	{ "failed/0506_item_count", fail_item_count },
	{ "failed/0507_leave", fail_leave },
	{ "failed/0510_relation", fail_relation },
	{ "failed/0511_watermark", fail_watermark },
	{ "failed/0512_snapshot", fail_snapshot },
	{ "failed/0513_sequence", fail_sequence },
	{ "failed/0514_fence", fail_fence },
	{ "failed/0515_part", fail_part },
};

/* Make the stream in w.buf. */
static void
make(const struct stream *s)
{
	hr_buf_reset(&w.buf);
	hr_buf_reset(&b);
	items = 0;
	s->make();
}

static void
clear(void)
{
	hr_buf_clear(&b);
	hr_writer_clear(&w);
}

int
main(int argc, char *argv[])
{
	char path[4096];
	size_t i;

	if (argc != 2) {
		fputs("usage: make DIR\n", stderr);
		return 64;
	}
	for (i = 0; i < HR_COUNT(stream); i++) {
		FILE *out;

		make(&stream[i]);
		snprintf(path, sizeof(path), "%s/%s.hrs", argv[1], stream[i].name);
		if ((out = fopen(path, "wb")) == NULL ||
		    fwrite(w.buf.data, 1, w.buf.len, out) != w.buf.len || fclose(out) != 0) {
			perror(path);
			return 74;
		}
	}
	clear();
	return 0;
}
