/* stream_mark - payloads of the marks. */

#include "base/hr.h"

#include "stream/mark.h"
#include "tap.h"

static struct hr_frame
frame(const void *data, size_t n)
{
	return (struct hr_frame){ .data = data, .len = (uint32_t)n };
}

static void
watermarks(void)
{
	struct hr_err e = HR_ERR_INIT;
	struct hr_watermark m = { -5, true }, n;
	uint8_t data[HR_WATERMARK_SIZE + 1] = { 0 };
	struct hr_frame f = frame(data, HR_WATERMARK_SIZE);

	hr_watermark_encode(&m, data);
	ok(hr_watermark_decode(&n, &f, &e) == 0 && n.time == -5 && n.idle, "a watermark");
	data[8] = 2;
	ok(hr_watermark_decode(&n, &f, &e) == -1 && e.code == HR_BAD_STREAM, "idle is yes or no");
	data[8] = 0;
	f.len--;
	ok(hr_watermark_decode(&n, &f, &e) == -1, "a short one is refused");
	f.len += 2;
	ok(hr_watermark_decode(&n, &f, &e) == -1, "a long one is refused");
}

static void
snapshots(void)
{
	struct hr_err e = HR_ERR_INIT;
	static const struct hr_part part[2] = { { 1, 7, 8, 0, 16, true }, { 2, 0, 0, 0, 0, false } };
	struct hr_snapshot s = { HR_SNAPSHOT_BEGINS, 2, (const uint8_t *)"\1\0\0\0\2\0\0\0", 2, "a\0bc", 2, NULL }, t;
	struct hr_buf b = HR_BUF_INIT;
	struct hr_frame f;
	struct hr_part p;
	size_t len;

	hr_snapshot_encode(&s, part, &b, 5);
	f = frame(b.data, b.len);
	ok(hr_snapshot_decode(&t, &f, &e) == 0 && t.kind == HR_SNAPSHOT_BEGINS && t.relations == 2 &&
	    hr_get_u32le(t.relation_list + 4) == 2 && t.tenants == 2 &&
	    strcmp(t.tenant_list, "a") == 0 && strcmp(t.tenant_list + 2, "bc") == 0, "a snapshot begins");
	p = hr_part_get(&t, 0);
	ok(t.parts == 2 && p.relation == 1 && p.of == 7 && p.filenode == 8 && p.from == 0 && p.to == 16 && p.in,
	    "a part of it is in");
	p = hr_part_get(&t, 1);
	ok(p.relation == 2 && p.to == 0 && !p.in, "another comes");
	for (len = 0; len < b.len; len++) {
		f = frame(b.data, len);
		if (hr_snapshot_decode(&t, &f, &e) == 0)
			break;
	}
	is_number((int64_t)len, (int64_t)b.len, "cut anywhere it is refused");
	b.data[b.len - 5] = 17;
	f = frame(b.data, b.len);
	ok(hr_snapshot_decode(&t, &f, &e) == 0, "it has pages");
	b.data[b.len - 9] = 17;
	ok(hr_snapshot_decode(&t, &f, &e) == -1, "one without pages is refused");
	b.data[b.len - 9] = 0;
	b.data[b.len - 1] = 2;
	ok(hr_snapshot_decode(&t, &f, &e) == -1, "it is in or not");
	b.data[b.len - 1] = 0;
	hr_buf_u8(&b, 0);
	f = frame(b.data, b.len);
	ok(hr_snapshot_decode(&t, &f, &e) == -1 && e.code == HR_BAD_STREAM, "bytes behind it are refused");
	f = frame("\2\0\0\0\0\0\0\0\0\0\0\0\0", 13);
	ok(hr_snapshot_decode(&t, &f, &e) == 0 && t.kind == HR_SNAPSHOT_HOLD, "one tenant's changes are held");
	f.flags = HR_ALL;
	ok(hr_snapshot_decode(&t, &f, &e) == -1, "it begins or ends");
	f = frame("\0\377\377\377\377\0\0\0\0", 9);
	ok(hr_snapshot_decode(&t, &f, &e) == -1, "four billion relations are refused");
	f = frame("\0\0\0\0\0\377\377\377\377", 9);
	ok(hr_snapshot_decode(&t, &f, &e) == -1, "so are four billion tenants");
	f = frame("\0\0\0\0\0\0\0\0\0\0\0\0\0", 13);
	ok(hr_snapshot_decode(&t, &f, &e) == 0 && t.kind == HR_SNAPSHOT_ENDED && t.tenants == 0, "an end of all tenants");
	f = frame("\0\0\0\0\0\0\0\0\0\377\377\377\377", 13);
	ok(hr_snapshot_decode(&t, &f, &e) == -1, "four billion parts are refused");
	hr_buf_clear(&b);
}

static void
parts(void)
{
	struct hr_err e = HR_ERR_INIT;
	uint8_t data[HR_PART_MARK_SIZE + 1] = { 0 };
	struct hr_frame f = frame(data, HR_PART_MARK_SIZE);
	uint32_t n;
	bool ended;

	hr_part_mark_encode(UINT32_MAX, true, data);
	ok(hr_part_mark_decode(&n, &ended, &f, &e) == 0 && n == UINT32_MAX && ended, "a part ends");
	data[4] = 2;
	ok(hr_part_mark_decode(&n, &ended, &f, &e) == -1 && e.code == HR_BAD_STREAM, "or goes on");
	data[4] = 0;
	f.len++;
	ok(hr_part_mark_decode(&n, &ended, &f, &e) == -1, "bytes behind it are refused");
}

static void
sequences(void)
{
	struct hr_err e = HR_ERR_INIT;
	struct hr_sequence s = { "public", "s", -7, true }, t;
	struct hr_buf b = HR_BUF_INIT;
	struct hr_frame f;
	size_t len;

	hr_sequence_encode(&s, &b);
	f = frame(b.data, b.len);
	ok(hr_sequence_decode(&t, &f, &e) == 0 && t.last_value == -7 && t.is_called &&
	    strcmp(t.schema, "public") == 0 && strcmp(t.name, "s") == 0, "a sequence");
	for (len = 0; len < b.len; len++) {
		f = frame(b.data, len);
		if (hr_sequence_decode(&t, &f, &e) == 0)
			break;
	}
	is_number((int64_t)len, (int64_t)b.len, "cut anywhere it is refused");
	b.data[8] = 2;
	f = frame(b.data, b.len);
	ok(hr_sequence_decode(&t, &f, &e) == -1, "it is called or not");
	b.data[8] = 1;
	hr_buf_u8(&b, 0);
	f = frame(b.data, b.len);
	ok(hr_sequence_decode(&t, &f, &e) == -1 && e.code == HR_BAD_STREAM, "bytes behind it are refused");
	hr_buf_clear(&b);
}

int
main(void)
{
	struct hr_err e = HR_ERR_INIT;
	uint8_t data[HR_FENCE_SIZE] = { 0 };
	struct hr_frame f = frame(data, HR_FENCE_SIZE);
	uint64_t epoch = 0;

	watermarks();
	snapshots();
	parts();
	sequences();
	hr_fence_encode(UINT64_MAX, data);
	ok(hr_fence_decode(&epoch, &f, &e) == 0 && epoch == UINT64_MAX, "a fence");
	f.len = 7;
	ok(hr_fence_decode(&epoch, &f, &e) == -1 && e.code == HR_BAD_STREAM, "a short one is refused");
	f.len = 9;
	ok(hr_fence_decode(&epoch, &f, &e) == -1, "a long one is refused");
	return tap_done();
}
