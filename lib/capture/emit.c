/* emit.c - per-tenant buffers and when they become frames. */

#include "base/hr.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "capture/emit.h"
#include "stream/mark.h"
#include "stream/rows.h"
#include "stream/value.h"

#define FULL_BYTES	((size_t)256 << 10)	/* a watermark is due */
#define SHORT_BYTES	((size_t)32 << 10)	/* in a copy, of few tenants */
#define SHARE_BYTES	((size_t)4 << 10)	/* of each of them, then */
#define PART_BYTES	((size_t)1 << 20)	/* of an open transaction: write parts */
#define KEEP_BYTES	((size_t)64 << 10)	/* an idle buffer keeps no more */

void
hr_emit_init(struct hr_emit *m, struct hr_writer *w,
    bool (*selects)(void *, const char *, size_t), void *arg)
{
	*m = (struct hr_emit){ .writer = w, .selects = selects, .selects_arg = arg };
	m->all.all = m->all.selected = true;
}

static void
out_free(void *p)
{
	struct hr_out *o = p;

	hr_buf_clear(&o->buf);
	free(o->name);
	free(o);
}

void
hr_emit_clear(struct hr_emit *m)
{
	hr_map_clear(&m->value, NULL);
	hr_map_clear(&m->out, out_free);
	hr_buf_clear(&m->all.buf);
	free(m->dirty);
	free(m->touched);
	free(m->origin);
	*m = (struct hr_emit){ 0 };
}

struct hr_out *
hr_emit_tenant(struct hr_emit *m, const char *name, size_t len)
{
	void **at = hr_map_at(&m->out, name, len);
	struct hr_out *o = *at;

	if (o == NULL) {
		o = *at = hr_zalloc(sizeof(*o));
		o->name = hr_memdup(name, len);
		o->len = (uint16_t)len;
		o->selected = m->selects == NULL || m->selects(m->selects_arg, name, len);
	}
	return o;
}

/* The type and the bytes of a value, as one key; 0 when it is too long for one. */
static size_t
value_key(uint8_t *key, uint32_t type, bool text, const uint8_t *value, size_t len)
{
	if (len > HR_TENANT_MAX)
		return 0;
	hr_set_u32le(key, type);
	key[4] = text;
	memcpy(key + 5, value, len);
	return 5 + len;
}

struct hr_out *
hr_emit_tenant_of(struct hr_emit *m, uint32_t type, bool text, const uint8_t *value, size_t len,
    struct hr_err *e)
{
	uint8_t key[HR_TENANT_MAX + 5];
	size_t n = value_key(key, type, text, value, len);
	struct hr_value v = { value, (int32_t)len, text };
	struct hr_buf name = HR_BUF_INIT;
	struct hr_out *o = n ? hr_map_get(&m->value, key, n) : NULL;

	if (HR_LIKELY(o != NULL))
		return o;
	if (text)
		hr_buf_put(&name, value, len);
	else if (hr_value_format(&name, type, &v) == 0) {
		hr_fail(e, HR_CONFIG, "a tenant column's value of type %" PRIu32 " cannot be read", type);
		goto out;
	}
	if (name.len == 0 || name.len > HR_TENANT_MAX || memchr(name.data, 0, name.len)) {
		hr_fail(e, HR_CONFIG, "a tenant's name of %zu bytes: it must have 1 to %d", name.len, HR_TENANT_MAX);
		hr_hint(e, "choose another tenant column");
		goto out;
	}
	o = hr_emit_tenant(m, (const char *)name.data, name.len);
	if (n)
		*hr_map_at(&m->value, key, n) = o;
out:
	hr_buf_clear(&name);
	return o;
}

void
hr_emit_begin(struct hr_emit *m, uint32_t xid, hr_lsn commit, int64_t time)
{
	m->txn++;
	m->open = true;
	m->xid = xid;
	m->commit = commit;
	m->time = time;
	m->touches = 0;
	free(m->origin);
	m->origin = NULL;
}

void
hr_emit_origin(struct hr_emit *m, hr_lsn lsn, const char *name)
{
	free(m->origin);
	m->origin = hr_strdup(name);
	m->origin_lsn = lsn;
}

static int
write_out(struct hr_emit *m, struct hr_out *o, struct hr_err *e)
{
	struct hr_frame f = {
		.type = HR_FRAME_ROWS,
		.flags = (uint8_t)(HR_MUST | m->flags | (o->all ? HR_ALL : 0) | (o->ordered ? HR_ORDERED : 0)),
		.tenant_len = o->len, .tenant = o->name,
		.lsn = m->open ? m->commit : m->complete,
		.len = (uint32_t)o->buf.len, .count = o->items, .data = o->buf.data,
	};
	int rc = 0;

	if (o->buf.len)
		rc = hr_write(m->writer, &f, e);
	m->waiting -= o->buf.len;
	o->items = 0;
	o->dirty = o->ordered = false;
	if (o->buf.cap > KEEP_BYTES && m->out.count > 64)
		hr_buf_clear(&o->buf);
	else
		hr_buf_reset(&o->buf);
	return rc;
}

/* Every tenant's buffer, but not the one for all. */
static int
write_tenants(struct hr_emit *m, struct hr_err *e)
{
	size_t i;

	for (i = 0; i < m->dirties; i++)
		if (write_out(m, m->dirty[i], e) < 0)
			return -1;
	m->dirties = 0;
	return 0;
}

int
hr_emit_frames(struct hr_emit *m, struct hr_err *e)
{
	/* Rows for all wait only while no tenant's rows came after them. */
	if (write_tenants(m, e) < 0)
		return -1;
	return write_out(m, &m->all, e);
}

int
hr_emit_in_order(struct hr_emit *m, struct hr_out *o, bool binding, struct hr_err *e)
{
	if (m->dirties > 1 || (m->dirties == 1 && m->dirty[0] != o))
		if (write_tenants(m, e) < 0)
			return -1;
	o->ordered |= binding;
	return 0;
}

static void
waits(struct hr_emit *m, struct hr_out *o)
{
	if (!o->dirty && !o->all) {
		HR_GROW(m->dirty, m->dirties, m->dirty_cap);
		m->dirty[m->dirties++] = o;
	}
	o->dirty = true;
}

struct hr_buf *
hr_emit_open(struct hr_emit *m, struct hr_out *o, int op, size_t *mark, struct hr_err *e)
{
	size_t before;

	if (o->all ? (m->dirties && write_tenants(m, e) < 0) :
	    (m->all.buf.len && hr_emit_frames(m, e) < 0))
		return NULL;
	before = o->buf.len;
	waits(m, o);
	if (m->open && o->txn != m->txn) {
		o->txn = m->txn;
		HR_GROW(m->touched, m->touches, m->touch_cap);
		m->touched[m->touches++] = o;
		hr_put_begin(&o->buf, m->xid, m->commit, m->time);
		o->items++;
		if (m->origin) {
			hr_put_origin(&o->buf, m->origin_lsn, m->origin, strlen(m->origin));
			o->items++;
		}
	}
	m->waiting += o->buf.len - before;
	*mark = hr_item_open(&o->buf, op);
	return &o->buf;
}

void
hr_emit_cancel(struct hr_out *o, size_t mark)
{
	o->buf.len = mark;
}

int
hr_emit_close(struct hr_emit *m, struct hr_out *o, size_t mark, struct hr_err *e)
{
	if (o->buf.len - mark - 4 > HR_PAYLOAD_MAX / 2)
		return hr_fail(e, HR_REFUSED, "a row of %zu bytes is too large for the stream",
		    o->buf.len - mark);
	hr_item_close(&o->buf, mark);
	o->items++;
	m->rows++;
	m->waiting += o->buf.len - mark;
	if (m->waiting >= PART_BYTES)
		return hr_emit_frames(m, e);
	return 0;
}

int
hr_emit_commit(struct hr_emit *m, hr_lsn end, struct hr_err *e)
{
	size_t i;

	for (i = 0; i < m->touches; i++) {
		struct hr_out *o = m->touched[i];
		size_t before = o->buf.len;

		waits(m, o);
		hr_put_commit(&o->buf, end);
		o->items++;
		m->waiting += o->buf.len - before;
	}
	if (m->touches) {
		m->transactions++;
		m->news = true;
	}
	m->touches = 0;
	m->open = false;
	m->complete = end;
	m->complete_time = m->time;
	if (m->waiting >= PART_BYTES)
		return hr_emit_frames(m, e);
	return 0;
}

bool
hr_emit_full(const struct hr_emit *m)
{
	size_t full = FULL_BYTES;

	/* Rows of a copy that lay together stay so: indexes at the target grow in their order. */
	if (m->flags & HR_COPY) {
		full = m->dirties * SHARE_BYTES;
		full = full < SHORT_BYTES ? SHORT_BYTES : full > FULL_BYTES ? FULL_BYTES : full;
	}
	return m->waiting >= full;
}

int
hr_emit_watermark(struct hr_emit *m, hr_lsn lsn, int64_t time, bool idle, struct hr_err *e)
{
	uint8_t data[HR_WATERMARK_SIZE];
	struct hr_watermark w = { .time = time, .idle = idle };
	struct hr_frame f = {
		.type = HR_FRAME_WATERMARK, .flags = (uint8_t)(HR_MUST | HR_ALL | m->flags),
		.lsn = lsn, .data = data, .len = sizeof(data),
	};

	hr_watermark_encode(&w, data);
	if (hr_emit_frames(m, e) < 0 || hr_write(m->writer, &f, e) < 0)
		return -1;
	m->watermark = lsn;
	m->news = false;
	return hr_flush(m->writer, e);
}
