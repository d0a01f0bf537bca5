/* stream_frame - the fixed part of frames, the end frame's payload. */

#include "base/hr.h"

#include "base/crc32c.h"
#include "stream/frame.h"
#include "tap.h"

static uint8_t fixed[HR_FRAME_SIZE];

static int
decode(uint16_t tenant_len, uint32_t len, uint8_t flags, struct hr_frame *f, struct hr_err *e)
{
	struct hr_frame in = { .type = HR_FRAME_ROWS };
	uint32_t crc;

	hr_frame_encode(&in, 0, fixed);
	fixed[1] = flags;
	hr_set_u16le(fixed + 2, tenant_len);
	hr_set_u32le(fixed + 4, len);
	hr_set_u32le(fixed + 24, hr_frame_sum(fixed, 0));
	return hr_frame_decode(f, fixed, 0, &crc, e);
}

static void
limit(uint16_t tenant_len, uint32_t len, bool good)
{
	struct hr_err e = HR_ERR_INIT;
	struct hr_frame f;
	int rc = decode(tenant_len, len, HR_MUST, &f, &e);

	ok(good ? rc == 0 && f.tenant_len == tenant_len && f.len == len :
	    rc == -1 && e.code == HR_BAD_STREAM,
	    "a tenant of %u and a payload of %" PRIu32 " bytes are %s", tenant_len, len,
	    good ? "read" : "refused");
}

int
main(void)
{
	struct hr_err e = HR_ERR_INIT;
	struct hr_frame f = {
		.type = 'D', .flags = HR_MUST, .tenant_len = 4, .len = 3,
		.lsn = UINT64_C(0x1122334455667788), .count = 0x99aabbcc,
		.tenant = "acme", .data = (const uint8_t *)"xyz",
	}, g;
	struct hr_end end = { 1, UINT64_C(0x0203040506070809), 0x0a0b0c0d }, end2;
	uint8_t data[HR_END_SIZE];
	uint32_t before = 0x5eed1234, crc;
	int i, type, seen = 0;

	hr_frame_encode(&f, before, fixed);
	ok(memcmp(fixed, "D\1\4\0\3\0\0\0\x88\x77\x66\x55\x44\x33\x22\x11\xcc\xbb\xaa\x99", 20) == 0,
	    "the fields are where the page says");
	is_number(hr_get_u32le(fixed + 20), hr_crc32c(0, "acmexyz", 7), "the checksum of tenant and payload");
	is_number(hr_get_u32le(fixed + 24), hr_crc32c(before, fixed, 24),
	    "the checksum of what is before it, continued");
	ok(hr_frame_decode(&g, fixed, before, &crc, &e) == 0 && g.type == f.type && g.flags == f.flags &&
	    g.tenant_len == f.tenant_len && g.len == f.len && g.lsn == f.lsn && g.count == f.count &&
	    crc == hr_get_u32le(fixed + 20), "what was encoded is decoded");
	ok(g.tenant == NULL && g.data == NULL, "the bytes are not there yet");

	for (i = 0; i < HR_FRAME_SIZE * 8; i++) {
		fixed[i / 8] ^= 1u << i % 8;
		if (hr_frame_decode(&g, fixed, before, &crc, &e) == 0)
			break;
		fixed[i / 8] ^= 1u << i % 8;
	}
	is_number(i, HR_FRAME_SIZE * 8, "any bit of the fixed part that flips is noticed");
	for (i = 0; i < 32; i++) {
		hr_err_clear(&e);
		if (hr_frame_decode(&g, fixed, before ^ UINT32_C(1) << i, &crc, &e) == 0 ||
		    e.code != HR_BAD_STREAM || !e.hint[0])
			break;
	}
	is_number(i, 32, "so is any bit of the checksum before it");

	limit(HR_TENANT_MAX - 1, 0, true);
	limit(HR_TENANT_MAX, 0, true);
	limit(HR_TENANT_MAX + 1, 0, false);
	limit(UINT16_MAX, 0, false);
	limit(0, HR_PAYLOAD_MAX - 1, true);
	limit(0, HR_PAYLOAD_MAX, true);
	limit(0, HR_PAYLOAD_MAX + 1, false);
	limit(0, UINT32_MAX, false);
	ok(decode(0, 0, HR_ALL, &g, &e) == 0, "a frame for all tenants names none");
	ok(decode(1, 0, HR_ALL, &g, &e) == -1, "and is refused when it does");

	hr_end_encode(&end, data);
	f.data = data;
	f.len = HR_END_SIZE;
	ok(hr_end_decode(&end2, &f, &e) == 0 && end2.frames == end.frames && end2.bytes == end.bytes &&
	    end2.crc == end.crc, "the end frame's payload is decoded");
	f.len = HR_END_SIZE - 1;
	is_number(hr_end_decode(&end2, &f, &e), -1, "not when it is too short");
	f.len = HR_END_SIZE + 1;
	is_number(hr_end_decode(&end2, &f, &e), -1, "nor when it is too long");

	for (type = 0; type < 256; type++)
		seen += strcmp(hr_frame_name((uint8_t)type), "unknown") != 0;
	is_number(seen, 10, "ten types have names");
	return tap_done();
}
