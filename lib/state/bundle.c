/* bundle.c - records of a chain's shared log. */

#include "base/hr.h"

#include "state/bundle.h"

static int
bad(struct hr_err *e)
{
	return hr_fail(e, HR_BAD_STREAM, "a record of the shared log is not as it should be");
}

void
hr_bundle_encode(const struct hr_bundle *b, struct hr_buf *out)
{
	hr_buf_u64le(out, b->lsn);
	hr_buf_u64le(out, (uint64_t)b->time);
	hr_buf_u8(out, b->flags);
	hr_buf_u32le(out, b->tenants);
}

void
hr_bundle_add(struct hr_buf *out, const char *name, uint64_t segment, const uint8_t *tag)
{
	hr_buf_put(out, name, strlen(name) + 1);
	hr_buf_u64le(out, segment);
	hr_buf_put(out, tag, HR_SEGMENT_TAG);
}

int
hr_bundle_decode(struct hr_bundle *b, const uint8_t *data, size_t len, struct hr_err *e)
{
	struct hr_cur c = hr_cur(data, len);
	uint32_t i;

	b->lsn = hr_cur_u64le(&c);
	b->time = (int64_t)hr_cur_u64le(&c);
	b->flags = hr_cur_u8(&c);
	b->tenants = hr_cur_u32le(&c);
	b->list = c.at;
	for (i = 0; i < b->tenants && !c.bad; i++) {
		const char *name = hr_cur_cstr(&c);

		(void)hr_cur_bytes(&c, 8 + HR_SEGMENT_TAG);
		if (*name == '\0' || strlen(name) > HR_TENANT_MAX)
			c.bad = true;
	}
	b->frame = c.at;
	b->len = hr_cur_left(&c);
	return c.bad ? bad(e) : 0;
}

struct hr_bundle_tenant
hr_bundle_tenant(const uint8_t **at)
{
	struct hr_bundle_tenant t = { .name = (const char *)*at };

	*at += strlen(t.name) + 1;
	t.segment = hr_get_u64le(*at);
	memcpy(t.tag, *at + 8, HR_SEGMENT_TAG);
	*at += 8 + HR_SEGMENT_TAG;
	return t;
}

void
hr_stand_encode(const struct hr_stand *s, struct hr_buf *out)
{
	hr_buf_u64le(out, s->lsn);
	hr_buf_u64le(out, (uint64_t)s->time);
	hr_buf_u8(out, s->flags);
	hr_buf_u64le(out, s->next);
	hr_buf_u32le(out, s->head_len);
	hr_buf_put(out, s->head, s->head_len);
	hr_buf_put(out, s->relations, s->len);
}

int
hr_stand_decode(struct hr_stand *s, const uint8_t *data, size_t len, struct hr_err *e)
{
	struct hr_cur c = hr_cur(data, len);

	s->lsn = hr_cur_u64le(&c);
	s->time = (int64_t)hr_cur_u64le(&c);
	s->flags = hr_cur_u8(&c);
	s->next = hr_cur_u64le(&c);
	s->head_len = hr_cur_u32le(&c);
	s->head = hr_cur_bytes(&c, s->head_len);
	s->relations = c.at;
	s->len = hr_cur_left(&c);
	return c.bad ? bad(e) : 0;
}
