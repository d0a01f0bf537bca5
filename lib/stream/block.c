/* block.c - the front of a block. */

#include "base/hr.h"

#include "stream/block.h"

void
hr_block_encode(const struct hr_block *b, uint8_t *out)
{
	out[0] = b->version;
	out[1] = b->flags;
	out[2] = b->form;
	out[3] = b->memory;
	hr_set_u32le(out + 4, b->size);
	hr_set_u64le(out + 8, b->bundle);
	hr_set_u32le(out + 16, b->check);
}

int
hr_block_decode(struct hr_block *b, const struct hr_frame *f, struct hr_err *e)
{
	if (f->len < HR_BLOCK_SIZE)
		return hr_fail(e, HR_BAD_STREAM, "a block of %" PRIu32 " bytes", f->len);
	*b = (struct hr_block){
		.version = f->data[0], .flags = f->data[1], .form = f->data[2], .memory = f->data[3],
		.size = hr_get_u32le(f->data + 4), .bundle = hr_get_u64le(f->data + 8),
		.check = hr_get_u32le(f->data + 16), .frames = f->count,
		.body = f->data + HR_BLOCK_SIZE, .len = f->len - HR_BLOCK_SIZE,
	};
	if (b->version == 0 || b->version > HR_BLOCK_VERSION || b->form > HR_BLOCK_COLUMNS) {
		hr_fail(e, HR_BAD_STREAM, "a block of version %u and form %u, this program reads %d",
		    b->version, b->form, HR_BLOCK_VERSION);
		return hr_hint(e, "use the same release of hr at both ends");
	}
	if (b->memory && (b->memory < HR_BLOCK_MEMORY_LEAST || b->memory > HR_BLOCK_MEMORY_MOST))
		return hr_fail(e, HR_BAD_STREAM, "a block that keeps 2^%u bytes for those after it", b->memory);
	if (b->size > HR_BLOCK_MAX)
		return hr_fail(e, HR_BAD_STREAM, "a block of %" PRIu32 " bytes of frames is larger than %" PRIu32,
		    b->size, HR_BLOCK_MAX);
	if (b->frames > b->size / HR_FRAME_SIZE)
		return hr_fail(e, HR_BAD_STREAM, "a block of %" PRIu32 " frames in %" PRIu32 " bytes",
		    b->frames, b->size);
	return 0;
}

bool
hr_block_packs(uint8_t type)
{
	switch (type) {
	case HR_FRAME_RELATION:
	case HR_FRAME_ROWS:
	case HR_FRAME_WATERMARK:
	case HR_FRAME_SNAPSHOT:
	case HR_FRAME_PART:
	case HR_FRAME_SEQUENCE:
	case HR_FRAME_FENCE: return true;
	}
	return false;
}

const char *
hr_block_form_name(uint8_t form)
{
	switch (form) {
	case HR_BLOCK_PLAIN: return "plain";
	case HR_BLOCK_ZSTD: return "zstd";
	case HR_BLOCK_COLUMNS: return "columns";
	}
	return "unknown";
}
