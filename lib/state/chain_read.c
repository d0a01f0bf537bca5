/*
 * chain_read.c - the reading side of a store.
 *
 * The shared log leads: its records say in which tenants' logs there is more of a
 * bundle, and by which tag that is known.  From segment to segment it leads by the
 * tag that the next one says it comes after: what is behind that was never
 * promised to anybody.
 */

#include "base/hr.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/lsn.h"
#include "state/chain_read.h"
#include "stream/relation.h"

#define LOGS_OPEN	256		/* tenants' segments that are open at a time */

struct log {
	struct hr_segment_reader r;
	uint64_t number;		/* of the segment; 0: none */
	struct hr_segment_mark mark;
	bool open;
};

static int
within_segment(const struct hr_chain *c, const char *tenant, uint64_t number, struct hr_err *e)
{
	char *path = hr_chain_segment(c, tenant, number);
	int rc = hr_within(e, "%s", path);

	free(path);
	return rc;
}

static int
open_segment(struct hr_segment_reader *r, const struct hr_chain *c, struct hr_keyring *keys, const char *tenant,
    uint64_t number, struct hr_err *e)
{
	char *path = hr_chain_segment(c, tenant, number);
	int rc;

	*r = (struct hr_segment_reader)HR_SEGMENT_READER_INIT;
	rc = hr_segment_open(r, path, keys, e);
	if (rc == 0 && (r->head.number != number || strcmp(r->head.log, tenant) != 0)) {
		rc = hr_fail(e, HR_BAD_STREAM, "%s: it is another one: number %" PRIu64 " of log '%s'", path, r->head.number,
		    r->head.log);
		hr_segment_reader_close(r);
	}
	free(path);
	return rc;
}

/* A record, its parts put together: as hr_segment_next(), *data being lent. */
static int
record(struct hr_segment_reader *r, struct hr_buf *parts, const uint8_t **data, size_t *len, struct hr_err *e)
{
	int more;

	hr_buf_reset(parts);
	while ((more = hr_segment_next(r, e)) > 0) {
		if (r->kind != HR_RECORD_PART && parts->len == 0) {
			*data = r->data;
			*len = r->len;
			return 1;
		}
		hr_buf_put(parts, r->data, r->len);
		if (r->kind != HR_RECORD_PART) {
			*data = parts->data;
			*len = parts->len;
			return 1;
		}
	}
	return more;
}

/* --- the end of a chain --- */

/* 1 when the segment has a place to end at, 0, or -1. */
static int
end_of_segment(const struct hr_chain *c, struct hr_keyring *keys, uint64_t number, const struct hr_chain_position *p,
    struct hr_chain_end *end, struct hr_err *e)
{
	struct hr_buf parts = HR_BUF_INIT;
	struct hr_segment_reader r;
	struct hr_bundle b;
	struct hr_stand s;
	const uint8_t *data;
	size_t len;
	bool at_end = false;
	int more, found = 0;

	if (open_segment(&r, c, keys, "", number, e) < 0) {
		/* Made, and never synced. */
		if (e->code == HR_BAD_STREAM && r.tail != HR_SEGMENT_OPEN && (p->segment < number)) {
			hr_err_clear(e);
			return 0;
		}
		return -1;
	}
	if ((more = record(&r, &parts, &data, &len, e)) > 0) {
		if (r.kind != HR_RECORD_STAND || hr_stand_decode(&s, data, len, e) < 0)
			more = e->code ? -1 : hr_fail(e, HR_BAD_STREAM, "a segment of the shared log without its first record");
		else if (end->head.slot == NULL && hr_head_decode(&end->head, s.head, s.head_len, e) < 0)
			more = -1;
		else if (s.flags & (HR_BUNDLE_CLEAN | HR_BUNDLE_COPYING)) {
			found = 1;
			end->lsn = s.lsn;
			end->at = s.next - 1;
			end->copying = s.flags & HR_BUNDLE_COPYING;
			if (s.next - 1 > end->bundle)
				end->bundle = s.next - 1;
			memcpy(end->tag, r.mark.name, sizeof(end->tag));
		}
		memcpy(end->chain, r.head.chain, sizeof(end->chain));
		at_end = found;
	}
	while (more > 0 && (more = record(&r, &parts, &data, &len, e)) > 0) {
		if (hr_bundle_decode(&b, data, len, e) < 0) {
			more = -1;
			break;
		}
		if (r.place > end->bundle)
			end->bundle = r.place;
		at_end = (b.flags & HR_BUNDLE_WATERMARK) && !(b.flags & HR_BUNDLE_COPYING);
		if (at_end) {
			found = 1;
			end->lsn = b.lsn;
			end->at = r.place;
			end->copying = false;
			memcpy(end->tag, r.mark.name, sizeof(end->tag));
		}
	}
	/* An error behind what was synced is of what nobody was promised. */
	if (more < 0 && e->code == HR_BAD_STREAM && (p->segment < number || (p->segment == number && r.mark.at >= p->at))) {
		hr_err_clear(e);
		more = 0;
	}
	if (more == 0 && r.tail == HR_SEGMENT_ENDED && at_end)
		memcpy(end->tag, r.mark.name, sizeof(end->tag));
	/* Who wrote it may have been killed before it was durable, which is what is said of it now. */
	if (more == 0 && found && (fsync(r.fd) < 0 || hr_file_sync_directory(r.path, e) < 0))
		more = e->code ? -1 : hr_fail_sys(e, "cannot sync it");
	hr_segment_reader_close(&r);
	hr_buf_clear(&parts);
	return more < 0 ? within_segment(c, "", number, e) : found;
}

/* What comes last is not sealed though something before it is: it is not of a writer. */
static int
see_sealed(const struct hr_chain *c, const uint64_t *number, size_t n, struct hr_err *e)
{
	struct hr_segment_reader r;
	bool some = false, sealed = false;
	size_t i;

	for (i = 0; i < n; i++) {
		if (open_segment(&r, c, NULL, "", number[i], e) < 0) {
			/* It is looked at where it matters. */
			hr_err_clear(e);
			continue;
		}
		sealed = r.head.sealed;
		hr_segment_reader_close(&r);
		if (some && !sealed) {
			hr_fail(e, HR_BAD_STREAM, "it is not sealed, and what is before it is");
			return within_segment(c, "", number[i], e);
		}
		some |= sealed;
	}
	return 0;
}

int
hr_chain_find_end(const struct hr_chain *c, struct hr_keyring *keys, struct hr_chain_end *end, struct hr_err *e)
{
	struct hr_chain_position p = { .segment = 0 };
	struct hr_err lost = HR_ERR_INIT;
	uint64_t *number;
	size_t n;
	int rc = 0;

	(void)!hr_chain_position_load(c, &p, keys, &lost);	/* a help, no more */
	if (hr_chain_segments(c, "", &number, &n, e) < 0) {
		free(number);
		return -1;
	}
	rc = see_sealed(c, number, n, e);
	end->segment = n ? number[n - 1] : 0;
	while (rc == 0 && n)
		rc = end_of_segment(c, keys, number[--n], &p, end, e);
	free(number);
	if (rc == 0 && e->code == 0)
		return hr_fail(e, HR_BAD_STREAM, "'%s' has no segment that can be gone on with", c->dir);
	if (rc > 0 && end->bundle < p.bundle) {
		hr_fail(e, HR_BAD_STREAM, "'%s' ends before what was written and synced: bundle %" PRIu64 ", not %" PRIu64, c->dir,
		    end->bundle, p.bundle);
		return hr_hint(e, "take what is missing from a copy, or begin with a first copy");
	}
	return rc < 0 ? -1 : 0;
}

/* --- reading --- */

/* Another segment that has begun: what it comes after, and whether a writer can have ended there. */
static int
add_ahead(struct hr_chain_reader *r, struct hr_segment_reader *one, struct hr_err *e)
{
	struct hr_buf parts = HR_BUF_INIT;
	const uint8_t *data;
	struct hr_stand s;
	size_t len;
	int more = record(one, &parts, &data, &len, e);

	if (more > 0 && (one->kind != HR_RECORD_STAND || hr_stand_decode(&s, data, len, e) < 0))
		more = e->code ? -1 : hr_fail(e, HR_BAD_STREAM, "a segment of the shared log without its first record");
	if (more > 0) {
		HR_GROW(r->ahead, r->aheads, r->ahead_cap);
		r->ahead[r->aheads++] = one->head;
		r->settled = s.flags & (HR_BUNDLE_CLEAN | HR_BUNDLE_COPYING);
	}
	hr_buf_clear(&parts);
	return more;
}

/*
 * The segments that may come next.  One is enough where nobody can have gone on from
 * before it; one that was begun within a transaction may have lost its writer before
 * there was a watermark, and then another one comes after what is before both.
 */
static int
look_ahead(struct hr_chain_reader *r, struct hr_err *e)
{
	uint64_t *number, from = r->aheads ? r->ahead[r->aheads - 1].number : r->shared.head.number;
	struct hr_segment_reader one;
	size_t n, i;
	int rc = 0;

	if (r->settled)
		return 0;
	if (hr_chain_segments(r->chain, "", &number, &n, e) < 0)
		rc = -1;
	for (i = 0; rc == 0 && i < n && !r->settled; i++) {
		if (number[i] <= from)
			continue;
		if (open_segment(&one, r->chain, r->keys, "", number[i], e) < 0) {
			/* Made, and cut before it had a record; or being made. */
			if (e->code != HR_BAD_STREAM || one.tail == HR_SEGMENT_OPEN)
				rc = -1;
			else
				hr_err_clear(e);
			continue;
		}
		if (add_ahead(r, &one, e) < 0) {
			if (one.tail == HR_SEGMENT_OPEN && i + 1 < n)
				rc = -1;
			else
				hr_err_clear(e);
		}
		hr_segment_reader_close(&one);
	}
	free(number);
	return rc;
}

/* The segment that comes after what was read last: the newest, when several do.  0: none. */
static uint64_t
follower(const struct hr_chain_reader *r)
{
	size_t i;

	for (i = r->aheads; i-- > 0; )
		if (memcmp(r->ahead[i].after, r->shared.mark.name, HR_SEGMENT_TAG) == 0)
			return r->ahead[i].number;
	return 0;
}

/* Begin a segment of the shared log: its first record says where it stands. */
static int
begin_segment(struct hr_chain_reader *r, uint64_t number, struct hr_err *e)
{
	const uint8_t *data;
	size_t len;
	int more;

	hr_segment_reader_close(&r->shared);
	r->aheads = 0;
	r->settled = false;
	r->stillborn = false;
	if (open_segment(&r->shared, r->chain, r->keys, "", number, e) < 0) {
		r->stillborn = e->code == HR_BAD_STREAM && r->shared.tail != HR_SEGMENT_OPEN;
		return -1;
	}
	if ((more = record(&r->shared, &r->parts, &data, &len, e)) <= 0 || r->shared.kind != HR_RECORD_STAND) {
		r->stillborn = more == 0;
		if (e->code == 0)
			hr_fail(e, HR_BAD_STREAM, "a segment of the shared log without its first record");
		return within_segment(r->chain, "", number, e);
	}
	hr_buf_reset(&r->stand_bytes);
	hr_buf_put(&r->stand_bytes, data, len);
	if (hr_stand_decode(&r->stand, r->stand_bytes.data, r->stand_bytes.len, e) < 0)
		return within_segment(r->chain, "", number, e);
	r->number = r->stand.next - 1;
	return 0;
}

/* The next record of the shared log, over the ends of segments.  1, 0, -1. */
static int
next_record(struct hr_chain_reader *r, uint64_t limit, const uint8_t **data, size_t *len, struct hr_err *e)
{
	struct hr_segment_mark mark;
	uint64_t next;
	int more;

	for (;;) {
		if (r->number >= limit)
			return 0;
		if (look_ahead(r, e) < 0)
			return -1;
		if ((next = follower(r))) {
			bool sealed = r->shared.head.sealed;

			if (begin_segment(r, next, e) < 0)
				return -1;
			/* Its tag is in the clear: whoever has no key can write what comes after it. */
			if (sealed && !r->shared.head.sealed) {
				hr_fail(e, HR_BAD_STREAM, "it is not sealed, and what is before it is");
				return within_segment(r->chain, "", next, e);
			}
			continue;
		}
		mark = r->shared.mark;
		more = record(&r->shared, &r->parts, data, len, e);
		if (more > 0 && r->shared.place > limit) {
			/* Written, and not durable yet. */
			hr_segment_seek(&r->shared, &mark);
			return 0;
		}
		if (more > 0)
			return 1;
		if (more < 0)
			return within_segment(r->chain, "", r->shared.head.number, e);
		if (r->shared.tail == HR_SEGMENT_ENDED && memcmp(mark.name, r->shared.mark.name, HR_SEGMENT_TAG) != 0)
			continue;		/* the tag of the end is what the next one comes after */
		if (r->aheads) {
			hr_fail(e, HR_BAD_STREAM, "it does not reach to what follows it");
			return within_segment(r->chain, "", r->shared.head.number, e);
		}
		return 0;
	}
}

static void
close_log(struct log *l)
{
	if (l->open) {
		l->mark = l->r.mark;
		hr_segment_reader_close(&l->r);
	}
	l->open = false;
}

static void
free_log(void *log)
{
	close_log(log);
	free(log);
}

static int
open_log(struct hr_chain_reader *r, struct log *l, const struct hr_bundle_tenant *t, struct hr_err *e)
{
	bool again = l->number == t->segment;
	size_t i;

	if (l->open && again)
		return 0;
	if (l->open) {
		close_log(l);
		r->logs_open--;
	}
	if (r->logs_open >= LOGS_OPEN) {
		for (i = 0; i < r->logs.slots; i++)
			if (r->logs.slot[i].key)
				close_log(r->logs.slot[i].value);
		r->logs_open = 0;
	}
	if (open_segment(&l->r, r->chain, r->keys, t->name, t->segment, e) < 0)
		return -1;
	/* Whoever has no key can make a checksum right. */
	if (r->shared.head.sealed && !l->r.head.sealed) {
		hr_segment_reader_close(&l->r);
		hr_fail(e, HR_BAD_STREAM, "it is not sealed, and the shared log that names it is");
		return within_segment(r->chain, t->name, t->segment, e);
	}
	if (again)
		hr_segment_seek(&l->r, &l->mark);
	l->number = t->segment;
	l->open = true;
	r->logs_open++;
	return 0;
}

/* What a tenant's log has of the bundle: a frame, lent. */
static int
fetch(struct hr_chain_reader *r, const struct hr_bundle_tenant *t, const uint8_t **data, size_t *len, struct hr_err *e)
{
	void **at = hr_map_at(&r->logs, t->name, strlen(t->name));
	struct log *l;
	int more;

	if (*at == NULL)
		*at = hr_zalloc(sizeof(*l));
	l = *at;
	if (open_log(r, l, t, e) < 0)
		return -1;
	while ((more = record(&l->r, &r->parts, data, len, e)) > 0)
		if (l->r.place == r->number && memcmp(l->r.name, t->tag, HR_SEGMENT_TAG) == 0)
			return 0;
		else if (l->r.place > r->number)
			break;
	if (more >= 0)
		hr_fail(e, HR_BAD_STREAM, "what it should have of bundle %" PRIu64 " is not there", r->number);
	return within_segment(r->chain, t->name, t->segment, e);
}

/* Frames of the chain as they were before they were packed. */
static int
open_frame(struct hr_chain_reader *r, const uint8_t *p, size_t len, hr_chain_take *take, void *arg, struct hr_err *e)
{
	struct hr_buf *b = &r->pipe.w.buf;
	struct hr_frame f;
	uint32_t crc;
	size_t at;
	int rc;

	if (len < HR_FRAME_SIZE || hr_get_u32le(p + 4) > HR_PAYLOAD_MAX ||
	    len != HR_FRAME_SIZE + hr_get_u16le(p + 2) + (size_t)hr_get_u32le(p + 4))
		return hr_fail(e, HR_BAD_STREAM, "a frame in bundle %" PRIu64 " is not whole", r->number);
	hr_frame_at(&f, p);
	if (f.type != HR_FRAME_BLOCK)
		return take ? take(arg, &f, e) : 0;
	if ((rc = hr_pack_step(&r->unpack, &r->pipe, &f, e)) < 0)
		return -1;
	for (at = 0; at + HR_FRAME_SIZE <= b->len; at += HR_FRAME_SIZE + f.tenant_len + (size_t)f.len) {
		if (hr_frame_decode(&f, b->data + at, r->before, &crc, e) < 0)
			return -1;
		r->before = hr_get_u32le(b->data + at + HR_FRAME_SUMMED);
		f.tenant = (const char *)b->data + at + HR_FRAME_SIZE;
		f.data = (const uint8_t *)f.tenant + f.tenant_len;
		if (take && take(arg, &f, e) < 0)
			return -1;
	}
	hr_buf_reset(b);
	return 0;
}

int
hr_chain_read_next(struct hr_chain_reader *r, uint64_t limit, hr_chain_take *take, void *arg, struct hr_err *e)
{
	struct hr_buf whole = HR_BUF_INIT;
	const uint8_t *data, *at;
	size_t len;
	uint32_t i;
	int rc = next_record(r, limit, &data, &len, e);

	if (rc <= 0)
		return rc;
	if (r->shared.kind != HR_RECORD_BUNDLE || r->shared.place <= r->number || hr_bundle_decode(&r->bundle, data, len, e) < 0) {
		if (e->code == 0)
			hr_fail(e, HR_BAD_STREAM, "a record that should not be there");
		return within_segment(r->chain, "", r->shared.head.number, e);
	}
	r->number = r->shared.place;
	if (take == NULL)
		return 1;
	/* Tenants' records take the place of this one in memory. */
	hr_buf_put(&whole, r->bundle.list, (size_t)(data + len - r->bundle.list));
	r->bundle.frame = whole.data + (r->bundle.frame - r->bundle.list);
	r->bundle.list = at = whole.data;
	for (i = 0; i < r->bundle.tenants && rc > 0; i++) {
		struct hr_bundle_tenant t = hr_bundle_tenant(&at);

		if (r->tenant && strcmp(t.name, r->tenant) != 0)
			continue;
		if (fetch(r, &t, &data, &len, e) < 0 || open_frame(r, data, len, take, arg, e) < 0)
			rc = -1;
	}
	if (rc > 0 && r->bundle.len && open_frame(r, r->bundle.frame, r->bundle.len, take, arg, e) < 0)
		rc = -1;
	r->bundle.frame = r->bundle.list = NULL;
	r->bundle.len = 0;
	hr_buf_clear(&whole);
	return rc;
}

/* --- where to begin --- */

static int
at_segment(struct hr_chain_reader *r, size_t i, struct hr_err *e)
{
	/* What was read of tenants' logs, and unpacked, may be behind what is read now. */
	hr_map_clear(&r->logs, free_log);
	r->logs_open = 0;
	hr_pack_clear(&r->unpack);
	r->unpack = (struct hr_pack)HR_PACK_INIT;
	r->unpack.unpack = true;
	hr_pipe_clear(&r->pipe);
	r->pipe = (struct hr_pipe){ .in = -1, .out = -1, .w = { .fd = -1 } };
	hr_pack_begin(&r->unpack, &r->pipe);
	r->before = 0;
	hr_head_clear(&r->head);
	r->head = (struct hr_head)HR_HEAD_INIT;
	if (begin_segment(r, r->segment[i], e) < 0 || hr_head_decode(&r->head, r->stand.head, r->stand.head_len, e) < 0)
		return -1;
	r->at = i;
	r->lsn = r->stand.lsn;
	r->whole = r->segment[i] == 1;
	hr_buf_reset(&r->relations);
	hr_buf_put(&r->relations, r->stand.relations, r->stand.len);
	return 0;
}

/* 1; 0, a crash cut it before it had a record, and nothing comes after it; -1. */
static int
can_begin(struct hr_chain_reader *r, size_t i, struct hr_err *e)
{
	if (at_segment(r, i, e) == 0)
		return 1;
	if (!r->stillborn || i == 0)
		return -1;
	hr_err_clear(e);
	return 0;
}

static int
list_segments(struct hr_chain_reader *r, struct hr_err *e)
{
	struct hr_segment_reader one;
	size_t i, n = 0, all;

	free(r->segment);
	r->segment = NULL;
	if (hr_chain_segments(r->chain, "", &r->segment, &all, e) < 0)
		return -1;
	/* Those at the end may have been made and no more. */
	for (i = 0; i < all; i++) {
		if (i + 1 == all) {
			if (open_segment(&one, r->chain, r->keys, "", r->segment[i], e) < 0) {
				if (e->code != HR_BAD_STREAM || one.tail == HR_SEGMENT_OPEN)
					return -1;
				hr_err_clear(e);
				break;
			}
			if (hr_segment_next(&one, e) <= 0 && n) {
				hr_err_clear(e);
				hr_segment_reader_close(&one);
				break;
			}
			hr_segment_reader_close(&one);
		}
		r->segment[n++] = r->segment[i];
	}
	r->segments = n;
	return n ? 0 : hr_fail(e, HR_BAD_STREAM, "'%s' has no segment that can be read", r->chain->dir);
}

int
hr_chain_read_open(struct hr_chain_reader *r, const struct hr_chain *c, struct hr_keyring *keys, const char *tenant,
    struct hr_err *e)
{
	*r = (struct hr_chain_reader){ .chain = c, .keys = keys, .tenant = hr_strdup(tenant),
	    .shared = HR_SEGMENT_READER_INIT, .head = HR_HEAD_INIT, .unpack = HR_PACK_INIT,
	    .pipe = { .in = -1, .out = -1, .w = { .fd = -1 } } };
	return list_segments(r, e) < 0 ? -1 : at_segment(r, 0, e);
}

/* Relations between the segment's beginning and a bundle. */
static int
take_relation(void *reader, const struct hr_frame *f, struct hr_err *e)
{
	struct hr_chain_reader *r = reader;

	(void)e;
	if (f->type == HR_FRAME_RELATION)
		hr_buf_put(&r->relations, f->tenant - HR_FRAME_SIZE, HR_FRAME_SIZE + (size_t)f->len);
	return 0;
}

/* From the segment's beginning to behind a bundle of it, or of one behind it. */
static int
forward(struct hr_chain_reader *r, uint64_t bundle, struct hr_err *e)
{
	char *tenant = r->tenant;
	int more = 1;

	/* Of what is passed over the frames for all are looked at, and no tenant's. */
	r->tenant = (char *)"";
	while (r->number < bundle && (more = hr_chain_read_next(r, bundle, take_relation, r, e)) > 0)
		r->lsn = r->bundle.lsn;
	r->tenant = tenant;
	return more < 0 ? -1 : 0;
}

int
hr_chain_read_seek(struct hr_chain_reader *r, hr_lsn lsn, struct hr_err *e)
{
	uint64_t found = 0;
	size_t i, best = 0;
	int more = 0;

	if (list_segments(r, e) < 0)
		return -1;
	for (i = r->segments; i-- > 0; best = 0) {
		if ((more = can_begin(r, i, e)) < 0)
			return -1;
		if (more == 0)
			continue;
		best = i;
		if (r->stand.lsn <= lsn && r->stand.lsn && (r->stand.flags & HR_BUNDLE_CLEAN))
			break;
	}
	if (at_segment(r, best, e) < 0)
		return -1;
	while ((more = hr_chain_read_next(r, UINT64_MAX, NULL, NULL, e)) > 0 && r->bundle.lsn <= lsn)
		if ((r->bundle.flags & HR_BUNDLE_CLEAN) && (r->bundle.flags & HR_BUNDLE_WATERMARK))
			found = r->number;
	if (more < 0 || at_segment(r, best, e) < 0)
		return -1;
	if (found == 0)
		return 0;
	r->whole = false;
	return forward(r, found, e);
}

int
hr_chain_read_behind(struct hr_chain_reader *r, uint64_t bundle, struct hr_err *e)
{
	size_t i;
	int more;

	if (list_segments(r, e) < 0)
		return -1;
	for (i = r->segments; i-- > 0; ) {
		if ((more = can_begin(r, i, e)) < 0)
			return -1;
		if (more && r->number <= bundle)
			break;
	}
	if (r->number > bundle || forward(r, bundle, e) < 0 || r->number != bundle)
		return e->code ? -1 : hr_fail(e, HR_REFUSED, "bundle %" PRIu64 " is not kept any more", bundle);
	r->whole = false;
	return 0;
}

int
hr_chain_read_reaches(const struct hr_chain_reader *r, const struct hr_chain_position *p, struct hr_err *e)
{
	uint64_t segment = r->shared.head.number;

	/* Bytes are others where it was sealed again; records are not. */
	if (r->number >= p->bundle && (segment > p->segment || (segment == p->segment && r->shared.mark.number >= p->number)))
		return 0;
	hr_fail(e, HR_BAD_STREAM, "chain '%s' ends at bundle %" PRIu64 " in segment %" PRIu64 ", and was written to %" PRIu64
	    " in %" PRIu64, r->chain->name, r->number, segment, p->bundle, p->segment);
	return hr_hint(e, "take what is missing from a copy of the directory");
}

struct hr_chain_mark
hr_chain_read_mark(const struct hr_chain_reader *r)
{
	return (struct hr_chain_mark){ r->shared.head.number, r->number, r->shared.mark };
}

int
hr_chain_read_at(struct hr_chain_reader *r, const struct hr_chain_mark *m, struct hr_err *e)
{
	if (r->shared.head.number != m->segment && begin_segment(r, m->segment, e) < 0)
		return -1;
	hr_segment_seek(&r->shared, &m->mark);
	r->number = m->number;
	r->whole = false;
	return 0;
}

void
hr_chain_read_close(struct hr_chain_reader *r)
{
	hr_segment_reader_close(&r->shared);
	hr_map_clear(&r->logs, free_log);
	hr_pack_clear(&r->unpack);
	hr_pipe_clear(&r->pipe);
	hr_buf_clear(&r->stand_bytes);
	hr_buf_clear(&r->parts);
	hr_buf_clear(&r->relations);
	hr_head_clear(&r->head);
	free(r->segment);
	free(r->ahead);
	free(r->tenant);
}
