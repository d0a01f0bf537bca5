/* tenant_rows.c - transactions by tenant, in the making. */

#include "base/hr.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "rule/tenant_rows.h"

#define PIECE_BYTES	(1 << 20)
#define PIECES_BYTES	(16 << 20)

struct out {
	struct hr_buf payload;
	uint32_t count;
	bool begun;
	uint16_t tenant_len;
	char tenant[HR_TENANT_MAX];
};

void
hr_tenant_rows_begin(struct hr_tenant_rows *r, struct hr_pipe *p, hr_lsn lsn, int64_t time, uint8_t flags)
{
	r->pipe = p;
	r->lsn = lsn;
	r->time = time;
	r->flags = flags;
}

static int
write_out(struct hr_tenant_rows *r, struct out *o, struct hr_err *e)
{
	struct hr_frame f = {
		.type = HR_FRAME_ROWS, .flags = (uint8_t)(HR_MUST | (o->tenant_len ? 0 : HR_ALL) | r->flags), .tenant = o->tenant,
		.tenant_len = o->tenant_len, .lsn = r->lsn, .count = o->count, .data = o->payload.data,
		.len = (uint32_t)o->payload.len,
	};
	int rc = r->pipe->out < 0 ? 0 : hr_write(&r->pipe->w, &f, e);

	r->buffered -= o->payload.len;
	hr_buf_clear(&o->payload);
	o->count = 0;
	return rc;
}

/* All that there is; commit: and the transactions end. */
static int
write_all(struct hr_tenant_rows *r, bool commit, struct hr_err *e)
{
	size_t i;

	for (i = 0; i < r->out.slots; i++) {
		struct out *o = r->out.slot[i].key ? r->out.slot[i].value : NULL;

		if (o && o->begun && commit) {
			r->buffered -= o->payload.len;
			hr_put_commit(&o->payload, r->lsn);
			r->buffered += o->payload.len;
			o->count++;
			o->begun = false;
		}
		if (o && o->count && write_out(r, o, e) < 0)
			return -1;
	}
	return 0;
}

static struct out *
out_of(struct hr_tenant_rows *r, const char *tenant, size_t len)
{
	void **at = hr_map_at(&r->out, tenant, len);
	struct out *o = *at;

	if (o == NULL) {
		*at = o = hr_zalloc(sizeof(*o));
		o->tenant_len = (uint16_t)len;
		memcpy(o->tenant, tenant, len);
	}
	return o;
}

int
hr_tenant_rows_put(struct hr_tenant_rows *r, const char *tenant, size_t len, enum hr_op op, uint32_t relation,
    const struct hr_value *value, int n, struct hr_err *e)
{
	struct out *o = out_of(r, tenant, len);
	size_t before = o->payload.len, mark;

	if (!o->begun) {
		hr_put_begin(&o->payload, 0, r->lsn, r->time);
		o->count++;
		o->begun = true;
	}
	mark = hr_item_open(&o->payload, r->flags & HR_COPY ? HR_INSERT : op);
	hr_buf_u32le(&o->payload, relation);
	if (op == HR_DROP)
		hr_buf_u8(&o->payload, 'K');
	hr_tuple_put(&o->payload, value, n);
	hr_item_close(&o->payload, mark);
	o->count++;
	r->buffered += o->payload.len - before;
	return o->payload.len >= PIECE_BYTES ? write_out(r, o, e) : r->buffered >= PIECES_BYTES ? write_all(r, false, e) : 0;
}

int
hr_tenant_rows_end(struct hr_tenant_rows *r, struct hr_err *e)
{
	return write_all(r, true, e);
}

static void
free_out(void *value)
{
	struct out *o = value;

	hr_buf_clear(&o->payload);
	free(o);
}

void
hr_tenant_rows_clear(struct hr_tenant_rows *r)
{
	hr_map_clear(&r->out, free_out);
	r->buffered = 0;
}
