/*
 * stream: write a stream of made-up changes, for tests that need no server.
 *
 *	usage: stream [-b BYTES] [-e EPOCH] [-n NAME] [-r PER_SECOND] [-s FROM] [-t TENANTS] [-w EVERY] TRANSACTIONS
 *
 * Transaction k, from 1, inserts one row of about BYTES (200) for tenant
 * NAME(k mod TENANTS), t0 and so on without -n, at LSN k * 256; every so many
 * (100) a watermark follows.
 * With -s the stream begins behind transaction FROM: what -s 0 has from there.
 */

#include "base/hr.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "stream/mark.h"
#include "stream/relation.h"
#include "stream/rows.h"
#include "stream/writer.h"

#define BODY_MOST	(64 << 20)
#define TIME		INT64_C(823165811123456)
#define STEP		256

static struct hr_writer w = HR_WRITER_INIT;
static struct hr_err e;
static const char *name = "t";

static void
must(int rc)
{
	if (rc < 0)
		_exit(hr_finish(&e));
}

static void
relation(void)
{
	struct hr_column column[] = {
		{ .name = (char *)"tenant_id", .type_schema = (char *)"pg_catalog", .type_name = (char *)"text", .type = 25,
		    .typmod = -1, .key = true },
		{ .name = (char *)"id", .type_schema = (char *)"pg_catalog", .type_name = (char *)"int8", .type = 20,
		    .typmod = -1, .key = true },
		{ .name = (char *)"body", .type_schema = (char *)"pg_catalog", .type_name = (char *)"text", .type = 25,
		    .typmod = -1 },
	};
	struct hr_relation r = {
		.id = 16385, .schema = (char *)"public", .name = (char *)"made", .identity = 'd', .tenancy = 'c',
		.tenant_column = 0, .columns = 3, .column = column,
	};
	struct hr_buf b = HR_BUF_INIT;

	hr_relation_encode(&r, &b);
	must(hr_write(&w, &(struct hr_frame){ .type = HR_FRAME_RELATION, .flags = HR_MUST | HR_ALL, .data = b.data,
	    .len = (uint32_t)b.len }, &e));
	hr_buf_clear(&b);
}

static void
transaction(uint64_t k, uint64_t tenants, size_t bytes)
{
	static struct hr_buf b;
	static uint8_t body[BODY_MOST];
	char tenant[HR_TENANT_MAX + 1];
	uint64_t x = k * UINT64_C(0x9e3779b97f4a7c15);
	uint8_t id[8];
	size_t mark, i;
	struct hr_value v[3];

	snprintf(tenant, sizeof(tenant), "%s%" PRIu64, name, k % tenants);
	/* Half of it packs, half does not. */
	for (i = 0; i < bytes; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		body[i] = i % 2 ? 'a' + i % 16 : ' ' + x % 90;
	}
	hr_set_u64be(id, k);
	v[0] = (struct hr_value){ (const uint8_t *)tenant, (int32_t)strlen(tenant), false };
	v[1] = (struct hr_value){ id, 8, false };
	v[2] = (struct hr_value){ body, (int32_t)bytes, false };
	hr_buf_reset(&b);
	hr_put_begin(&b, (uint32_t)k, k * STEP, TIME + (int64_t)k * 1000);
	mark = hr_item_open(&b, HR_INSERT);
	hr_buf_u32le(&b, 16385);
	hr_tuple_put(&b, v, 3);
	hr_item_close(&b, mark);
	hr_put_commit(&b, k * STEP + 128);
	must(hr_write(&w, &(struct hr_frame){ .type = HR_FRAME_ROWS, .flags = HR_MUST, .tenant = tenant,
	    .tenant_len = (uint16_t)strlen(tenant), .lsn = k * STEP + 128, .count = 3, .data = b.data,
	    .len = (uint32_t)b.len }, &e));
}

static void
watermark(uint64_t k)
{
	struct hr_watermark m = { .time = TIME + (int64_t)k * 1000 };
	uint8_t data[HR_WATERMARK_SIZE];

	hr_watermark_encode(&m, data);
	must(hr_write(&w, &(struct hr_frame){ .type = HR_FRAME_WATERMARK, .flags = HR_MUST | HR_ALL, .lsn = k * STEP + 128,
	    .data = data, .len = sizeof(data) }, &e));
	must(hr_flush(&w, &e));
}

int
main(int argc, char *argv[])
{
	struct hr_head h = { .version = 1, .system = 7301234567890123456, .timeline = 1, .database = (char *)"made",
	    .slot = (char *)"made", .encoding = (char *)"UTF8" };
	uint64_t all, from = 0, tenants = 4, every = 100, k;
	size_t bytes = 200;
	long rate = 0;
	int ch;

	hr_name("stream");
	while ((ch = getopt(argc, argv, "b:e:n:r:s:t:w:")) != -1)
		switch (ch) {
		case 'b': bytes = strtoul(optarg, NULL, 10); break;
		case 'e': h.epoch = strtoull(optarg, NULL, 10); break;
		case 'n': name = optarg; break;
		case 'r': rate = strtol(optarg, NULL, 10); break;
		case 's': from = strtoull(optarg, NULL, 10); break;
		case 't': tenants = strtoull(optarg, NULL, 10); break;
		case 'w': every = strtoull(optarg, NULL, 10); break;
		default: return HR_USAGE;
		}
	if (optind + 1 != argc || bytes > BODY_MOST || tenants == 0 || every == 0)
		return HR_USAGE;
	all = strtoull(argv[optind], NULL, 10);
	h.start = from * STEP + 128;
	must(hr_write_head(&w, &h, &e));
	relation();
	for (k = from + 1; k <= all; k++) {
		transaction(k, tenants, bytes);
		if (k % every == 0 || k == all)
			watermark(k);
		if (rate)
			usleep((useconds_t)(1000000 / rate));
	}
	must(hr_write_end(&w, &e));
	hr_writer_clear(&w);
	return 0;
}
