/* frame.c - the fixed part of a frame, and the end frame's payload. */

#include "base/hr.h"

#include "base/crc32c.h"
#include "stream/frame.h"

uint32_t
hr_frame_sum(const uint8_t *fixed, uint32_t before)
{
	return hr_crc32c(before, fixed, HR_FRAME_SUMMED);
}

void
hr_frame_encode(const struct hr_frame *f, uint32_t before, uint8_t *out)
{
	uint32_t crc = hr_crc32c(0, f->tenant, f->tenant_len);

	out[0] = f->type;
	out[1] = f->flags;
	hr_set_u16le(out + 2, f->tenant_len);
	hr_set_u32le(out + 4, f->len);
	hr_set_u64le(out + 8, f->lsn);
	hr_set_u32le(out + 16, f->count);
	hr_set_u32le(out + 20, hr_crc32c(crc, f->data, f->len));
	hr_set_u32le(out + HR_FRAME_SUMMED, hr_frame_sum(out, before));
}

int
hr_frame_decode(struct hr_frame *f, const uint8_t *in, uint32_t before, uint32_t *crc,
    struct hr_err *e)
{
	if (hr_get_u32le(in + HR_FRAME_SUMMED) != hr_frame_sum(in, before)) {
		hr_fail(e, HR_BAD_STREAM, "the frame's header does not match its checksum, "
		    "or a frame before it is missing");
		return hr_hint(e, "was the stream damaged or put together from pieces?");
	}
	hr_frame_fixed(f, in);
	*crc = hr_get_u32le(in + 20);
	f->tenant = NULL;
	f->data = NULL;
	if (f->tenant_len > HR_TENANT_MAX)
		return hr_fail(e, HR_BAD_STREAM, "a tenant name of %u bytes is longer than %d",
		    f->tenant_len, HR_TENANT_MAX);
	if (f->len > HR_PAYLOAD_MAX)
		return hr_fail(e, HR_BAD_STREAM, "a frame of %" PRIu32 " bytes is larger than %" PRIu32,
		    f->len, HR_PAYLOAD_MAX);
	if ((f->flags & HR_ALL) && f->tenant_len)
		return hr_fail(e, HR_BAD_STREAM, "a frame for all tenants names one");
	return 0;
}

void
hr_end_encode(const struct hr_end *end, uint8_t *out)
{
	hr_set_u64le(out, end->frames);
	hr_set_u64le(out + 8, end->bytes);
	hr_set_u32le(out + 16, end->crc);
}

int
hr_end_decode(struct hr_end *end, const struct hr_frame *f, struct hr_err *e)
{
	if (f->len != HR_END_SIZE)
		return hr_fail(e, HR_BAD_STREAM, "an end frame of %" PRIu32 " bytes", f->len);
	end->frames = hr_get_u64le(f->data);
	end->bytes = hr_get_u64le(f->data + 8);
	end->crc = hr_get_u32le(f->data + 16);
	return 0;
}

const char *
hr_frame_name(uint8_t type)
{
	switch (type) {
	case HR_FRAME_HEAD: return "head";
	case HR_FRAME_RELATION: return "relation";
	case HR_FRAME_ROWS: return "rows";
	case HR_FRAME_WATERMARK: return "watermark";
	case HR_FRAME_SNAPSHOT: return "snapshot";
	case HR_FRAME_PART: return "part";
	case HR_FRAME_SEQUENCE: return "sequence";
	case HR_FRAME_FENCE: return "fence";
	case HR_FRAME_BLOCK: return "block";
	case HR_FRAME_END: return "end";
	}
	return "unknown";
}
