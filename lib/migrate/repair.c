/*
 * repair.c - changes in a work file, and the stream of them.
 *
 * A record of the work file: u32 length of what follows the checksum, u32
 * CRC-32C of it; u8 operation, u8 1 for every tenant, u16 length of the
 * tenant, the tenant, and the item's body as hr-stream(5) has it.
 */

#include "base/hr.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/crc32c.h"
#include "base/log.h"
#include "base/map.h"
#include "base/temp.h"
#include "capture/emit.h"
#include "migrate/repair.h"
#include "stream/relation.h"
#include "stream/rows.h"
#include "stream/writer.h"

#define RECORD_HEAD	8
#define BODY_HEAD	4
#define RECORD_MAX	(HR_PAYLOAD_MAX / 2)

int
hr_repair_open(struct hr_repair *p, const char *path, bool resumed, uint64_t bytes, struct hr_err *e)
{
	struct stat st;

	*p = (struct hr_repair){ .path = path, .fd = -1 };
	if (path == NULL)
		return 0;
	p->part = hr_sprintf("%s.part", path);
	p->fd = open(p->part, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | (resumed ? 0 : O_TRUNC), 0666);
	if (p->fd < 0 || fstat(p->fd, &st) < 0)
		return hr_fail_sys(e, "cannot write '%s'", p->part);
	if ((uint64_t)st.st_size < bytes) {
		hr_fail(e, HR_CONFIG, "'%s' is shorter than when the state file was written", p->part);
		return hr_hint(e, "remove both and begin anew");
	}
	if (ftruncate(p->fd, (off_t)bytes) < 0)
		return hr_fail_sys(e, "cannot write '%s'", p->part);
	p->bytes = bytes;
	return 0;
}

void
hr_repair_close(struct hr_repair *p)
{
	if (p->part && p->fd >= 0)
		close(p->fd);
	free(p->part);
	hr_buf_clear(&p->buf);
	*p = (struct hr_repair){ .fd = -1 };
}

int
hr_repair_sync(struct hr_repair *p, struct hr_err *e)
{
	return p->part && fsync(p->fd) < 0 ? hr_fail_sys(e, "cannot write '%s'", p->part) : 0;
}

/*
 * Records.
 */

/* Every column as text; of a key alone the others are NULL. */
static void
put_tuple(struct hr_buf *b, const struct hr_twin *w, const char *const *row, const char *const *key)
{
	int n = w->relation->columns, i;
	struct hr_value *v = hr_zalloc(((size_t)n + 1) * sizeof(*v));

	for (i = 0; i < n; i++)
		v[i].len = HR_VALUE_NULL;
	for (i = 0; row && i < n; i++)
		if (row[i])
			v[i] = (struct hr_value){ (const uint8_t *)row[i], (int32_t)strlen(row[i]), true };
	for (i = 0; key && i < w->keys; i++)
		v[w->key[i].column] = (struct hr_value){ (const uint8_t *)key[i], (int32_t)strlen(key[i]), true };
	hr_tuple_put(b, v, n);
	free(v);
}

/* Whose the change is; NULL: every tenant's, as where the row names none. */
static const char *
whose(const struct hr_difference *d)
{
	const struct hr_twin *w = d->twin;
	const char *const *row = d->source ? d->source : d->target;
	const char *t = NULL;

	if (w->tenancy == HR_TENANCY_COLUMN)
		t = row ? row[w->relation->tenant_column] : NULL;
	else if (w->tenancy == HR_TENANCY_SCHEMA || w->tenancy == HR_TENANCY_DATABASE)
		t = w->tenant;
	return t && t[0] && strlen(t) <= HR_TENANT_MAX ? t : NULL;
}

static int
put(struct hr_repair *p, const struct hr_difference *d, enum hr_op op, struct hr_err *e)
{
	const struct hr_twin *w = d->twin;
	const char *tenant = whose(d);
	size_t len = tenant ? strlen(tenant) : 0;
	struct hr_buf *b = &p->buf;

	hr_buf_reset(b);
	hr_buf_u32le(b, 0);
	hr_buf_u32le(b, 0);
	hr_buf_u8(b, (uint8_t)op);
	hr_buf_u8(b, tenant == NULL);
	hr_buf_u16le(b, (uint16_t)len);
	hr_buf_put(b, tenant, len);
	hr_buf_u32le(b, w->relation->id);
	if (op == HR_DELETE)
		hr_buf_u8(b, d->key ? 'K' : 'O');
	else if (op == HR_UPDATE)
		hr_buf_u8(b, '-');
	put_tuple(b, w, op == HR_DELETE ? (d->key ? NULL : d->target) : d->source, op == HR_DELETE ? d->key : NULL);
	if (b->len > RECORD_MAX)
		return hr_fail(e, HR_REFUSED, "a row of '%s' is too large for the stream", w->name);
	hr_set_u32le(b->data, (uint32_t)(b->len - RECORD_HEAD));
	hr_set_u32le(b->data + 4, hr_crc32c(0, b->data + RECORD_HEAD, b->len - RECORD_HEAD));
	if (hr_temp_append(p->fd, b->data, b->len, e) < 0)
		return hr_within(e, "'%s'", p->part);
	p->bytes += b->len;
	return 0;
}

int
hr_repair_put(struct hr_repair *p, const struct hr_difference *d, struct hr_err *e)
{
	uint64_t i;
	int k;

	if (p->path == NULL)
		return 0;
	/* No key finds it. */
	for (k = 0; d->key && k < d->twin->keys; k++)
		if (d->key[k] == NULL)
			return 0;
	for (i = 0; i < d->rows; i++) {
		if ((d->kind == HR_ROW_EXTRA || d->doubled) && put(p, d, HR_DELETE, e) < 0)
			return -1;
		if (d->kind == HR_ROW_EXTRA)
			continue;
		if (put(p, d, d->kind == HR_ROW_CHANGED && !d->doubled ? HR_UPDATE : HR_INSERT, e) < 0)
			return -1;
	}
	return 0;
}

/*
 * The stream.
 */

/* The record at *at, into p->buf.  1, 0 at the end, -1. */
static int
next_record(struct hr_repair *p, uint64_t *at, struct hr_err *e)
{
	struct hr_buf *b = &p->buf;
	size_t want = RECORD_HEAD;

	hr_buf_reset(b);
	if (*at == p->bytes)
		return 0;
	while (b->len < want) {
		ssize_t n;

		hr_buf_need(b, want - b->len);
		n = hr_temp_read(p->fd, b->data + b->len, want - b->len, *at + b->len, e);
		if (n < 0)
			return -1;
		if (n == 0)
			return hr_fail(e, HR_IO, "'%s' was cut", p->part);
		b->len += (size_t)n;
		if (b->len == RECORD_HEAD && want == RECORD_HEAD) {
			want += hr_get_u32le(b->data);
			if (want > RECORD_MAX || want < RECORD_HEAD + BODY_HEAD + 4)
				return hr_fail(e, HR_IO, "'%s' was changed", p->part);
		}
	}
	if (hr_crc32c(0, b->data + RECORD_HEAD, b->len - RECORD_HEAD) != hr_get_u32le(b->data + 4))
		return hr_fail(e, HR_IO, "'%s' was changed", p->part);
	*at += want;
	return 1;
}

/* Its parts; body is the item's. */
struct record {
	enum hr_op op;
	bool all;
	const char *tenant;
	size_t tenant_len;
	uint32_t relation;
	const uint8_t *body;
	size_t body_len;
};

static int
open_record(const struct hr_repair *p, struct record *r, struct hr_err *e)
{
	struct hr_cur c = hr_cur(p->buf.data + RECORD_HEAD, p->buf.len - RECORD_HEAD);

	r->op = hr_cur_u8(&c);
	r->all = hr_cur_u8(&c);
	r->tenant_len = hr_cur_u16le(&c);
	r->tenant = (const char *)hr_cur_bytes(&c, r->tenant_len);
	r->body_len = hr_cur_left(&c);
	r->body = c.at;
	r->relation = hr_cur_u32le(&c);
	return c.bad ? hr_fail(e, HR_IO, "'%s' was changed", p->part) : 0;
}

/* A row is named by what we call its key, or by all of it. */
static int
write_relation(struct hr_writer *o, const struct hr_twin *w, hr_lsn lsn, struct hr_err *e)
{
	struct hr_relation rel = *w->relation;
	struct hr_buf b = HR_BUF_INIT;
	struct hr_frame f = { .type = HR_FRAME_RELATION, .flags = HR_MUST | HR_ALL, .lsn = lsn };
	int i, rc;

	rel.column = hr_memdup(rel.column, (size_t)rel.columns * sizeof(*rel.column));
	rel.identity = w->keys ? 'd' : 'f';
	for (i = 0; i < rel.columns; i++)
		rel.column[i].key = w->keys == 0;
	for (i = 0; i < w->keys; i++)
		rel.column[w->key[i].column].key = true;
	hr_relation_encode(&rel, &b);
	f.data = b.data;
	f.len = (uint32_t)b.len;
	rc = hr_write(o, &f, e);
	hr_buf_clear(&b);
	free(rel.column);
	return rc;
}

/* Frames of the relations that have changes. */
static int
write_relations(struct hr_repair *p, struct hr_writer *o, const struct hr_twin *twin, size_t twins, hr_lsn lsn,
    struct hr_err *e)
{
	struct hr_map used = { 0 };
	struct record r;
	uint64_t at = 0;
	size_t i;
	int got, rc = -1;

	while ((got = next_record(p, &at, e)) == 1) {
		if (open_record(p, &r, e) < 0)
			goto out;
		*hr_map_at(&used, &r.relation, sizeof(r.relation)) = &used;
	}
	if (got < 0)
		goto out;
	for (i = 0; i < twins; i++)
		if (hr_map_get(&used, &twin[i].relation->id, sizeof(twin[i].relation->id)) &&
		    write_relation(o, &twin[i], lsn, e) < 0)
			goto out;
	rc = 0;
out:
	hr_map_clear(&used, NULL);
	return rc;
}

/* The changes of one operation. */
static int
write_changes(struct hr_repair *p, struct hr_emit *m, enum hr_op op, struct hr_err *e)
{
	struct record r;
	uint64_t at = 0;
	int got;

	while ((got = next_record(p, &at, e)) == 1) {
		struct hr_out *o;
		struct hr_buf *b;
		size_t mark;

		if (open_record(p, &r, e) < 0)
			return -1;
		if (r.op != op)
			continue;
		o = r.all ? &m->all : hr_emit_tenant(m, r.tenant, r.tenant_len);
		/* What one tenant gives up another may take. */
		if (op != HR_DELETE && !r.all && hr_emit_in_order(m, o, true, e) < 0)
			return -1;
		if ((b = hr_emit_open(m, o, op, &mark, e)) == NULL)
			return -1;
		hr_buf_put(b, r.body, r.body_len);
		if (hr_emit_close(m, o, mark, e) < 0)
			return -1;
	}
	return got;
}

static int
write_stream(struct hr_repair *p, struct hr_writer *o, const struct hr_head *h, hr_lsn lsn,
    const struct hr_twin *twin, size_t twins, struct hr_err *e)
{
	static const enum hr_op order[] = { HR_DELETE, HR_UPDATE, HR_INSERT };
	int64_t now = hr_now_pg_us();
	struct hr_emit m;
	size_t i;
	int rc = -1;

	hr_emit_init(&m, o, NULL, NULL);
	if (hr_write_head(o, h, e) < 0 || write_relations(p, o, twin, twins, lsn, e) < 0)
		goto out;
	hr_emit_begin(&m, 0, lsn, now);
	for (i = 0; i < HR_COUNT(order); i++) {
		if (write_changes(p, &m, order[i], e) < 0)
			goto out;
		if (hr_emit_frames(&m, e) < 0)
			goto out;
	}
	/* One further than the commit: who has this position has all of it. */
	if (hr_emit_commit(&m, lsn + 1, e) < 0 || hr_emit_watermark(&m, lsn + 1, now, false, e) < 0)
		goto out;
	rc = hr_write_end(o, e);
out:
	hr_emit_clear(&m);
	return rc;
}

int
hr_repair_write(struct hr_repair *p, const struct hr_head *h, hr_lsn lsn, const struct hr_twin *twin,
    size_t twins, struct hr_err *e)
{
	struct hr_writer o = HR_WRITER_INIT;
	char *beside;
	int rc = -1;

	if (p->path == NULL)
		return 0;
	beside = hr_sprintf("%s.tmp", p->path);
	o.fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (o.fd < 0)
		hr_fail_sys(e, "cannot write '%s'", beside);
	else if (write_stream(p, &o, h, lsn, twin, twins, e) == 0) {
		rc = fsync(o.fd) < 0 ? hr_fail_sys(e, "cannot write '%s'", beside) : 0;
		if (close(o.fd) < 0 && rc == 0)
			rc = hr_fail_sys(e, "cannot write '%s'", beside);
		o.fd = -1;
	}
	if (rc == 0 && rename(beside, p->path) < 0)
		rc = hr_fail_sys(e, "cannot write '%s'", p->path);
	if (rc == 0)
		unlink(p->part);
	if (o.fd >= 0)
		close(o.fd);
	hr_writer_clear(&o);
	free(beside);
	return rc;
}
