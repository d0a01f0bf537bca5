/* lane.c - bundles of a chain to frames of a stream. */

#include "base/hr.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "net/lane.h"
#include "stream/mark.h"

void
hr_lane_init(struct hr_lane *l, const char *tenant, const struct hr_head *now, bool packed)
{
	*l = (struct hr_lane){ .tenant = hr_strdup(tenant), .now = now, .packed = packed };
}

static void
close_reader(struct hr_lane *l)
{
	if (l->open) {
		hr_chain_read_close(&l->r);
		hr_pack_clear(&l->pack);
		hr_pipe_clear(&l->pipe);
	}
	l->open = false;
}

void
hr_lane_clear(struct hr_lane *l)
{
	close_reader(l);
	free(l->tenant);
	*l = (struct hr_lane){ .tenant = NULL };
}

static int
open_reader(struct hr_lane *l, const struct hr_chain *c, struct hr_keyring *keys, struct hr_err *e)
{
	close_reader(l);
	l->pipe = (struct hr_pipe){ .in = -1, .out = -1, .w = { .fd = -1 } };
	l->pack = (struct hr_pack)HR_PACK_INIT;
	/* Blocks of one tenant need no other: what came before may have been forgotten by who reads them. */
	if (l->tenant)
		l->pack.memory = 0;
	l->pack.block_rows = 5000;
	hr_pack_begin(&l->pack, &l->pipe);
	l->open = true;
	return hr_chain_read_open(&l->r, c, keys, l->tenant, e);
}

/* What was written goes out. */
static void
give(struct hr_lane *l, struct hr_buf *out)
{
	hr_buf_put(out, l->pipe.w.buf.data, l->pipe.w.buf.len);
	hr_buf_reset(&l->pipe.w.buf);
	if (l->pipe.w.buf.cap > (size_t)8 << 20)
		hr_buf_clear(&l->pipe.w.buf);
}

static int
put_head(struct hr_lane *l, hr_lsn start, struct hr_err *e)
{
	struct hr_head h = l->r.head;
	struct hr_frame f = { .type = HR_FRAME_HEAD, .flags = HR_MUST | HR_ALL };
	struct hr_buf b = HR_BUF_INIT;
	int rc;

	h.epoch = l->now->epoch;
	h.timeline = l->now->timeline;
	h.timeline_begin = l->now->timeline_begin;
	if (l->tenant) {
		h.tenant = &l->tenant;
		h.tenants = 1;
	}
	if (!l->r.whole) {
		h.start = start;
		h.copy = NULL;
		h.asks = 0;
		h.asked = NULL;
	}
	hr_head_encode(&h, &b);
	f.lsn = h.start;
	f.data = b.data;
	f.len = (uint32_t)b.len;
	l->pipe.w.seen = (struct hr_end){ 0, HR_MAGIC_SIZE, 0 };	/* who gets it writes the magic */
	rc = hr_write(&l->pipe.w, &f, e);
	hr_buf_clear(&b);
	return rc;
}

int
hr_lane_begin(struct hr_lane *l, const struct hr_chain *c, struct hr_keyring *keys, hr_lsn lsn, bool had,
    struct hr_buf *out, uint64_t *place, struct hr_err *e)
{
	const struct hr_buf *b;
	size_t at, len;

	if (open_reader(l, c, keys, e) < 0 || (lsn && hr_chain_read_seek(&l->r, lsn, e) < 0) ||
	    put_head(l, had && lsn < l->r.lsn ? lsn : l->r.lsn, e) < 0)
		return -1;
	b = &l->r.relations;
	for (at = 0; at + HR_FRAME_SIZE <= b->len; at += len) {
		len = HR_FRAME_SIZE + (size_t)hr_get_u32le(b->data + at + 4);
		if (len > b->len - at)
			return hr_fail(e, HR_BAD_STREAM, "a relation that is cut");
		if (hr_write_bytes(&l->pipe.w, b->data + at, len, e) < 0)
			return -1;
	}
	*place = l->r.number;
	give(l, out);
	return 0;
}

int
hr_lane_go_on(struct hr_lane *l, const struct hr_chain *c, struct hr_keyring *keys, uint64_t place,
    const struct hr_end *seen, struct hr_err *e)
{
	if (open_reader(l, c, keys, e) < 0 || hr_chain_read_behind(&l->r, place, e) < 0)
		return -1;
	l->pipe.w.seen = *seen;
	return 0;
}

int
hr_lane_skip_to(struct hr_lane *l, const struct hr_chain_mark *m, struct hr_err *e)
{
	return m->number > l->r.number ? hr_chain_read_at(&l->r, m, e) : 0;
}

/* A copy of all tenants is, in the lane of one, a copy of that one. */
static int
put_snapshot(struct hr_lane *l, const struct hr_frame *f, struct hr_frame *n, struct hr_buf *b, struct hr_err *e)
{
	struct hr_snapshot s;
	struct hr_part *part;
	uint32_t i;

	if (hr_snapshot_decode(&s, f, e) < 0)
		return -1;
	part = hr_alloc((s.parts + 1) * sizeof(*part));
	for (i = 0; i < s.parts; i++)
		part[i] = hr_part_get(&s, i);
	s.tenants = 1;
	s.tenant_list = l->tenant;
	hr_buf_need(b, HR_FRAME_SIZE);
	b->len = HR_FRAME_SIZE;
	hr_snapshot_encode(&s, part, b, strlen(l->tenant) + 1);
	free(part);
	n->tenant = (const char *)b->data + HR_FRAME_SIZE;
	n->data = b->data + HR_FRAME_SIZE;
	n->len = (uint32_t)(b->len - HR_FRAME_SIZE);
	hr_frame_encode(n, 0, b->data);
	return 0;
}

static int
put(void *lane, const struct hr_frame *f, struct hr_err *e)
{
	struct hr_lane *l = lane;
	struct hr_buf b = HR_BUF_INIT;
	struct hr_frame one = *f;
	int rc = 0;

	if (f->type == HR_FRAME_SNAPSHOT && l->tenant && f->tenant_len == 0)
		rc = put_snapshot(l, f, &one, &b, e);
	if (rc == 0 && l->packed)
		rc = hr_pack_step(&l->pack, &l->pipe, &one, e);
	else if (rc == 0)
		rc = 1;
	if (rc > 0)
		rc = hr_write(&l->pipe.w, &one, e);
	hr_buf_clear(&b);
	return rc;
}

int
hr_lane_next(struct hr_lane *l, uint64_t limit, struct hr_buf *out, uint64_t *place, struct hr_err *e)
{
	int more;

	/* Numbers of blocks grow, whatever was sent before by whom. */
	l->pack.bundle = l->pack.bundle > (l->r.number + 1) << 8 ? l->pack.bundle : (l->r.number + 1) << 8;
	more = hr_chain_read_next(&l->r, limit, put, l, e);
	if (more > 0 && l->packed && hr_pack_flush(&l->pack, e) < 0)
		more = -1;
	if (more <= 0)
		return more;
	*place = l->r.number;
	give(l, out);
	return 1;
}

int
hr_lane_end(struct hr_lane *l, struct hr_buf *out, struct hr_err *e)
{
	if (hr_write_end(&l->pipe.w, e) < 0)
		return -1;
	give(l, out);
	return 0;
}
