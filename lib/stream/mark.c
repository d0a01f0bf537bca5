/* mark.c - payloads of marks. */

#include "base/hr.h"

#include "stream/mark.h"

static int
bad(const char *what, struct hr_err *e)
{
	return hr_fail(e, HR_BAD_STREAM, "a %s frame that is not well-formed", what);
}

void
hr_watermark_encode(const struct hr_watermark *m, uint8_t *out)
{
	hr_set_u64le(out, (uint64_t)m->time);
	out[8] = m->idle;
}

int
hr_watermark_decode(struct hr_watermark *m, const struct hr_frame *f, struct hr_err *e)
{
	if (f->len != HR_WATERMARK_SIZE || f->data[8] > 1)
		return bad("watermark", e);
	m->time = (int64_t)hr_get_u64le(f->data);
	m->idle = f->data[8];
	return 0;
}

void
hr_snapshot_encode(const struct hr_snapshot *s, const struct hr_part *part, struct hr_buf *out,
    size_t tenant_bytes)
{
	uint32_t i;

	hr_buf_u8(out, (uint8_t)s->kind);
	hr_buf_u32le(out, s->relations);
	hr_buf_put(out, s->relation_list, (size_t)s->relations * 4);
	hr_buf_u32le(out, s->tenants);
	hr_buf_put(out, s->tenant_list, tenant_bytes);
	hr_buf_u32le(out, s->parts);
	for (i = 0; i < s->parts; i++, part++) {
		hr_buf_u32le(out, part->relation);
		hr_buf_u32le(out, part->of);
		hr_buf_u32le(out, part->filenode);
		hr_buf_u32le(out, part->from);
		hr_buf_u32le(out, part->to);
		hr_buf_u8(out, part->in);
	}
}

int
hr_snapshot_decode(struct hr_snapshot *s, const struct hr_frame *f, struct hr_err *e)
{
	struct hr_cur c = hr_cur(f->data, f->len);
	uint8_t kind = hr_cur_u8(&c);
	uint32_t i;

	s->kind = (enum hr_snapshot_kind)kind;
	s->relations = hr_cur_u32le(&c);
	if (kind > (f->flags & HR_ALL ? HR_SNAPSHOT_BEGINS : HR_SNAPSHOT_HOLD) || s->relations > hr_cur_left(&c) / 4)
		return bad("snapshot", e);
	s->relation_list = hr_cur_bytes(&c, (size_t)s->relations * 4);
	s->tenants = hr_cur_u32le(&c);
	s->tenant_list = (const char *)c.at;
	for (i = 0; i < s->tenants && !c.bad; i++)
		hr_cur_cstr(&c);
	s->parts = hr_cur_u32le(&c);
	if (c.bad || s->parts != hr_cur_left(&c) / HR_PART_SIZE || hr_cur_left(&c) % HR_PART_SIZE)
		return bad("snapshot", e);
	s->part_list = c.at;
	for (i = 0; i < s->parts; i++) {
		struct hr_part p = hr_part_get(s, i);

		if (s->part_list[(size_t)i * HR_PART_SIZE + 20] > 1 || (p.to && p.to <= p.from))
			return bad("snapshot", e);
	}
	return 0;
}

struct hr_part
hr_part_get(const struct hr_snapshot *s, uint32_t i)
{
	const uint8_t *p = s->part_list + (size_t)i * HR_PART_SIZE;

	return (struct hr_part){
		hr_get_u32le(p), hr_get_u32le(p + 4), hr_get_u32le(p + 8), hr_get_u32le(p + 12),
		hr_get_u32le(p + 16), p[20] == 1,
	};
}

void
hr_part_mark_encode(uint32_t part, bool ended, uint8_t *out)
{
	hr_set_u32le(out, part);
	out[4] = ended;
}

int
hr_part_mark_decode(uint32_t *part, bool *ended, const struct hr_frame *f, struct hr_err *e)
{
	if (f->len != HR_PART_MARK_SIZE || f->data[4] > 1)
		return bad("part", e);
	*part = hr_get_u32le(f->data);
	*ended = f->data[4];
	return 0;
}

void
hr_sequence_encode(const struct hr_sequence *s, struct hr_buf *out)
{
	hr_buf_u64le(out, (uint64_t)s->last_value);
	hr_buf_u8(out, s->is_called);
	hr_buf_put(out, s->schema, strlen(s->schema) + 1);
	hr_buf_put(out, s->name, strlen(s->name) + 1);
}

int
hr_sequence_decode(struct hr_sequence *s, const struct hr_frame *f, struct hr_err *e)
{
	struct hr_cur c = hr_cur(f->data, f->len);
	uint8_t called;

	s->last_value = (int64_t)hr_cur_u64le(&c);
	called = hr_cur_u8(&c);
	s->is_called = called == 1;
	s->schema = hr_cur_cstr(&c);
	s->name = hr_cur_cstr(&c);
	return called > 1 || c.bad || hr_cur_left(&c) ? bad("sequence", e) : 0;
}

void
hr_fence_encode(uint64_t epoch, uint8_t *out)
{
	hr_set_u64le(out, epoch);
}

int
hr_fence_decode(uint64_t *epoch, const struct hr_frame *f, struct hr_err *e)
{
	if (f->len != HR_FENCE_SIZE)
		return bad("fence", e);
	*epoch = hr_get_u64le(f->data);
	return 0;
}
