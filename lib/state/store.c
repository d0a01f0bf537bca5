/*
 * store.c - the writing side of a store.
 *
 * The order of writing makes each record of the shared log whole: the tenants'
 * logs are synced before the record that names what is in them is written.  So a
 * crash leaves, behind what was synced, tenants' records that nobody names, and a
 * shared log that is cut; both are passed over by the tag that the next segment
 * says it comes after.
 */

#include "base/hr.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/log.h"
#include "base/lsn.h"
#include "codec/pack.h"
#include "state/bundle.h"
#include "state/chain_read.h"
#include "state/span.h"
#include "state/store.h"
#include "stream/mark.h"
#include "stream/rows.h"

#define GATHER		((size_t)1 << 20)	/* bytes of frames in a bundle, about */
#define GATHER_LEAST	((size_t)64 << 10)	/* of one that ends with a watermark while more comes */
#define GATHER_FRAMES	60000
#define UNPARKED	256			/* tenants' segments that are open at a time */
#define FULL_US		200000

struct log {
	char *name;
	struct hr_segment_writer w;
	uint64_t number;	/* of its segment; 0: none yet */
	bool made;		/* the segment is open or parked */
	bool dirty, parked;
	bool within;		/* a transaction is open */
	bool joining;		/* a copy of its own is on its way */
	bool joined;		/* one has ended */
};

struct hr_store {
	struct hr_store_options o;
	struct hr_chain chain;
	uint8_t id[HR_SEGMENT_CHAIN];
	int lock;
	struct hr_segment_writer shared;
	uint64_t number;			/* of the shared segment */
	bool took_over;				/* another source than that of what is kept */
	bool unplaced;				/* the position could not be written */
	bool failed;				/* something was not written: what is gathered may be half of it */
	bool standing;				/* it is made; otherwise it will come */
	uint8_t after[HR_SEGMENT_TAG];		/* after this one */
	uint64_t next;				/* bundle */
	struct hr_buf head;			/* JSON */
	/* the frames gathered */
	struct hr_pack pack, unpack;
	struct hr_pipe packed, unpacked;
	uint32_t before;			/* checksum of the frame unpacked last */
	struct hr_bundle now;			/* of the bundle that is gathered */
	bool some;				/* frames are gathered */
	/* what is not durable yet */
	struct hr_buf queue;			/* records of the shared log: u64 bundle, u32 length, bytes */
	struct log **dirty;
	size_t dirties, dirty_cap;
	size_t waiting;
	hr_lsn synced_lsn, queued_lsn;
	hr_lsn last_lsn;			/* of the bundle written last */
	bool trailing;				/* which did not end with a watermark */
	uint64_t synced_bundle;
	uint64_t bytes;
	/* the stream */
	struct hr_map logs;
	struct log all;				/* its marks alone: frames for all */
	size_t within;				/* transactions that are open, and copies of single tenants */
	bool copying, ends_copy;
	struct hr_map relations;		/* struct hr_buf, by OID */
	struct hr_span again;			/* what was kept before is left out */
};

/* --- when it cannot be written --- */

static int
refuse(const struct hr_store *s, struct hr_err *e)
{
	return hr_fail(e, HR_IO, "nothing is kept in '%s' any more: that failed before", s->chain.dir);
}

static int
wait_for_room(struct hr_store *s, bool full, struct hr_err *e)
{
	if (!full)
		return -1;
	if (s->o.full && s->o.full(s->o.arg, e) < 0)
		return -1;
	hr_err_clear(e);
	usleep(FULL_US);
	return 0;
}

static int
append(struct hr_store *s, struct hr_segment_writer *w, uint8_t kind, uint64_t place, const struct iovec *v, size_t n,
    uint8_t *tag, struct hr_err *e)
{
	uint64_t before = hr_segment_bytes(w);

	while (hr_segment_appendv(w, kind, place, v, n, tag, e) < 0)
		if (wait_for_room(s, w->full, e) < 0)
			return -1;
	__atomic_add_fetch(&s->bytes, hr_segment_bytes(w) - before, __ATOMIC_RELAXED);
	return 0;
}

/* A record of any length: what is too long comes in parts. */
static int
append_long(struct hr_store *s, struct hr_segment_writer *w, uint8_t kind, uint64_t place, const uint8_t *p, size_t n,
    uint8_t *tag, struct hr_err *e)
{
	struct iovec v;

	for (; n > HR_SEGMENT_MOST; p += HR_SEGMENT_MOST, n -= HR_SEGMENT_MOST) {
		v = (struct iovec){ (void *)p, HR_SEGMENT_MOST };
		if (append(s, w, HR_RECORD_PART, place, &v, 1, NULL, e) < 0)
			return -1;
	}
	v = (struct iovec){ (void *)p, n };
	return append(s, w, kind, place, &v, 1, tag, e);
}

static int
sync_segment(struct hr_store *s, struct hr_segment_writer *w, struct hr_err *e)
{
	while (hr_segment_sync(w, e) < 0)
		if (wait_for_room(s, w->full, e) < 0)
			return -1;
	return 0;
}

static int
end_segment(struct hr_store *s, struct hr_segment_writer *w, struct hr_err *e)
{
	while (hr_segment_end(w, e) < 0)
		if (wait_for_room(s, w->full, e) < 0)
			return -1;
	return 0;
}

static int
create(struct hr_store *s, struct hr_segment_writer *w, const char *tenant, uint64_t number, const uint8_t *after,
    struct hr_err *e)
{
	struct hr_segment_head h = { .number = number, .first = s->next };
	char *path = hr_chain_segment(&s->chain, tenant, number);
	int rc;

	memcpy(h.chain, s->id, sizeof(h.chain));
	memccpy(h.log, tenant, 0, sizeof(h.log) - 1);
	memcpy(h.after, after, sizeof(h.after));
	while ((rc = hr_segment_create(w, path, s->o.keys, &h, e)) < 0)
		if (wait_for_room(s, w->full, e) < 0)
			break;
	__atomic_add_fetch(&s->bytes, rc == 0 ? hr_segment_bytes(w) : 0, __ATOMIC_RELAXED);
	free(path);
	return rc;
}

/* --- the logs of tenants --- */

static struct log *
log_of(struct hr_store *s, const struct hr_frame *f)
{
	void **at;
	struct log *l;

	if (f->tenant_len == 0)
		return &s->all;
	at = hr_map_at(&s->logs, f->tenant, f->tenant_len);
	if (*at == NULL) {
		l = hr_zalloc(sizeof(*l));
		l->name = hr_memdup(f->tenant, f->tenant_len);
		l->w = (struct hr_segment_writer)HR_SEGMENT_WRITER_INIT;
		*at = l;
	}
	return *at;
}

static int
make_log(struct hr_store *s, const char *path, struct hr_err *e)
{
	while (mkdir(path, 0700) < 0 && errno != EEXIST) {
		bool full = errno == ENOSPC || errno == EDQUOT;

		hr_fail_sys(e, "cannot make the directory '%s'", path);
		if (wait_for_room(s, full, e) < 0)
			return -1;
	}
	return 0;
}

/* A segment to append to: the next one when there is none, or it is full. */
static int
ready(struct hr_store *s, struct log *l, struct hr_err *e)
{
	uint8_t after[HR_SEGMENT_TAG] = { 0 };
	uint64_t *number;
	char *path;
	size_t n;

	if (l->made && hr_segment_bytes(&l->w) < s->o.segment)
		return 0;
	if (l->made) {
		if (end_segment(s, &l->w, e) < 0)
			return -1;
		memcpy(after, l->w.mark.tag, sizeof(after));
		hr_segment_writer_close(&l->w);
		l->made = false;
	}
	if (l->number == 0) {
		path = hr_chain_log(&s->chain, l->name);
		if (make_log(s, path, e) == 0 && hr_file_sync_directory(path, e) == 0 && hr_chain_segments(&s->chain, l->name, &number, &n, e) == 0) {
			l->number = n ? number[n - 1] : 0;
			free(number);
		}
		free(path);
		if (e->code)
			return -1;
	}
	if (create(s, &l->w, l->name, l->number + 1, after, e) < 0)
		return -1;
	l->number++;
	l->made = true;
	return 0;
}

static void
mark_dirty(struct hr_store *s, struct log *l)
{
	if (l->dirty)
		return;
	l->dirty = true;
	HR_GROW(s->dirty, s->dirties, s->dirty_cap);
	s->dirty[s->dirties++] = l;
}

/* --- bundles --- */

/* The frames that packing has written: blocks, and what is too large for one. */
static int
keep_packed(struct hr_store *s, struct hr_err *e)
{
	struct hr_buf *b = &s->packed.w.buf;
	uint64_t number = s->next;
	const uint8_t *all = NULL;
	size_t at, len, all_len = 0, mark, size;
	struct hr_bundle meta = s->now;
	uint8_t tag[HR_SEGMENT_TAG], count[4];
	struct hr_buf *q = &s->queue;

	if (b->len == 0)
		return 0;
	mark = q->len;
	hr_buf_u64le(q, number);
	hr_buf_u32le(q, 0);
	hr_bundle_encode(&meta, q);
	for (at = 0; at < b->len; at += len) {
		const uint8_t *p = b->data + at;
		struct hr_frame f = { .tenant = (const char *)p + HR_FRAME_SIZE, .tenant_len = hr_get_u16le(p + 2) };
		struct log *l;

		len = HR_FRAME_SIZE + (size_t)f.tenant_len + hr_get_u32le(p + 4);
		if (f.tenant_len == 0) {
			all = p;
			all_len = len;
			continue;
		}
		l = log_of(s, &f);
		if (ready(s, l, e) < 0 || append_long(s, &l->w, HR_RECORD_BUNDLE, number, p, len, tag, e) < 0)
			return -1;
		mark_dirty(s, l);
		hr_bundle_add(q, l->name, l->number, tag);
		meta.tenants++;
	}
	hr_buf_put(q, all, all_len);
	/* The count of tenants is known now. */
	hr_set_u32le(count, meta.tenants);
	memcpy(q->data + mark + 12 + 17, count, 4);
	size = q->len - mark - 12;
	hr_set_u32le(q->data + mark + 8, (uint32_t)size);
	s->waiting += b->len + size;
	hr_buf_reset(b);
	if ((meta.flags & HR_BUNDLE_WATERMARK) && !(meta.flags & HR_BUNDLE_COPYING))
		s->queued_lsn = meta.lsn;
	s->next++;
	s->some = false;
	s->last_lsn = meta.lsn;
	s->trailing = !(meta.flags & HR_BUNDLE_WATERMARK);
	s->now = (struct hr_bundle){ .lsn = meta.lsn };
	return 0;
}

static int
flush(struct hr_store *s, struct hr_err *e)
{
	if (!s->some)
		return 0;
	s->now.flags |= (s->within == 0 && !s->copying ? HR_BUNDLE_CLEAN : 0) | (s->copying ? HR_BUNDLE_COPYING : 0) |
	    (s->ends_copy ? HR_BUNDLE_COPIED : 0);
	s->ends_copy = false;
	s->pack.bundle = s->next;
	if (hr_pack_flush(&s->pack, e) == 0 && keep_packed(s, e) == 0)
		return 0;
	s->failed = true;
	return -1;
}

/* What frames of a copy and of transactions do to what is open. */
static int
follow_rows(struct hr_store *s, const struct hr_frame *f, struct hr_err *e)
{
	struct log *l = log_of(s, f);
	struct hr_cur c = hr_cur(f->data, f->len);
	bool within = l->within;

	while (hr_cur_left(&c)) {
		uint32_t len = hr_cur_u32le(&c);
		const uint8_t *body = hr_cur_bytes(&c, len);

		if (body == NULL || len == 0 || (body[0] == HR_BEGIN && len < 21))
			return hr_fail(e, HR_BAD_STREAM, "a rows frame that is cut");
		if (body[0] == HR_BEGIN) {
			int64_t time = (int64_t)hr_get_u64le(body + 13);

			within = true;
			if (time > s->now.time)
				s->now.time = time;
		} else if (body[0] == HR_COMMIT)
			within = false;
	}
	s->within += (size_t)within - (size_t)l->within;
	l->within = within;
	return 0;
}

static int
follow_snapshot(struct hr_store *s, const struct hr_frame *f, struct hr_err *e)
{
	struct hr_snapshot m;
	struct log *l;
	bool joining;

	if (hr_snapshot_decode(&m, f, e) < 0)
		return -1;
	if (f->tenant_len == 0) {
		s->ends_copy |= s->copying && m.kind == HR_SNAPSHOT_ENDED;
		s->copying = m.kind != HR_SNAPSHOT_ENDED;
		return 0;
	}
	l = log_of(s, f);
	joining = m.kind != HR_SNAPSHOT_ENDED;
	s->within += (size_t)joining - (size_t)l->joining;
	l->joined = !joining;
	l->joining = joining;
	return 0;
}

static void
remember(struct hr_store *s, const struct hr_frame *f)
{
	struct hr_buf *b;
	void **at;

	if (f->len < 4)
		return;
	at = hr_map_at(&s->relations, f->data, 4);
	if (*at == NULL)
		*at = hr_zalloc(sizeof(*b));
	b = *at;
	hr_buf_reset(b);
	hr_buf_put(b, f->tenant - HR_FRAME_SIZE, HR_FRAME_SIZE + (size_t)f->len);
}

/* A frame that is not a block: into the bundle. */
static int
gather(struct hr_store *s, struct hr_frame *f, struct hr_err *e)
{
	struct hr_watermark m;
	struct hr_buf whole = HR_BUF_INIT;
	int rc = 1;

	if (f->type == HR_FRAME_WATERMARK && (f->lsn <= s->again.after || hr_watermark_decode(&m, f, e) < 0))
		return e->code ? -1 : 0;	/* was kept already */
	if (f->type == HR_FRAME_WATERMARK)
		s->again.after = s->again.after && f->lsn > s->again.after ? 0 : s->again.after;
	if (f->type == HR_FRAME_ROWS && s->again.after && (rc = hr_span_rows(&s->again, f, e)) <= 0)
		return rc;
	if (f->type == HR_FRAME_ROWS && follow_rows(s, f, e) < 0)
		return -1;
	if (f->type == HR_FRAME_SNAPSHOT && follow_snapshot(s, f, e) < 0)
		return -1;
	if (f->type == HR_FRAME_RELATION)
		remember(s, f);
	if (f->tenant_len == 0 && f->type != HR_FRAME_WATERMARK)
		s->now.flags |= HR_BUNDLE_SHARED;
	/* A watermark counts when it is the last of its bundle: nothing behind it is left out with what is before. */
	if (f->type == HR_FRAME_WATERMARK) {
		s->now.lsn = f->lsn;
		s->now.flags |= HR_BUNDLE_WATERMARK;
	} else {
		s->now.lsn = s->last_lsn;
		s->now.flags &= (uint8_t)~HR_BUNDLE_WATERMARK;
	}
	/* What was changed lies in two pieces. */
	if ((const uint8_t *)f->tenant + f->tenant_len != f->data) {
		hr_buf_need(&whole, HR_FRAME_SIZE + f->tenant_len + (size_t)f->len);
		whole.len = HR_FRAME_SIZE;
		hr_buf_put(&whole, f->tenant, f->tenant_len);
		hr_buf_put(&whole, f->data, f->len);
		f->tenant = (const char *)whole.data + HR_FRAME_SIZE;
		f->data = whole.data + HR_FRAME_SIZE + f->tenant_len;
		hr_frame_encode(f, 0, whole.data);
	}
	s->some = true;
	s->pack.bundle = s->next;
	rc = hr_pack_step(&s->pack, &s->packed, f, e);
	if (rc > 0)		/* too large for a block: a bundle of its own */
		rc = hr_write_bytes(&s->packed.w, (const uint8_t *)f->tenant - HR_FRAME_SIZE,
		    HR_FRAME_SIZE + f->tenant_len + (size_t)f->len, e);
	hr_buf_clear(&whole);
	if (rc == 0 && s->packed.w.buf.len)
		rc = flush(s, e);
	return rc;
}

static int
put(struct hr_store *s, struct hr_frame *f, struct hr_err *e)
{
	size_t len = HR_FRAME_SIZE + f->tenant_len + (size_t)f->len;

	/* It is we who say where a bundle ends, so that we know what is in it: behind a watermark, if it can be. */
	if (s->some && (s->pack.bytes.len + len > GATHER || s->pack.frames >= GATHER_FRAMES ||
	    ((s->now.flags & HR_BUNDLE_WATERMARK) && s->pack.bytes.len >= GATHER_LEAST && f->type != HR_FRAME_WATERMARK)) &&
	    flush(s, e) < 0)
		return -1;
	return gather(s, f, e);
}

static int take_stand(struct hr_store *s, struct hr_err *e);

int
hr_store_put(struct hr_store *s, const struct hr_frame *f, struct hr_err *e)
{
	struct hr_buf *b = &s->unpacked.w.buf;
	struct hr_frame one = *f;
	uint32_t crc;
	size_t at;

	if (s->failed)
		return refuse(s, e);
	if (take_stand(s, e) < 0)
		return -1;
	if (f->type != HR_FRAME_BLOCK)
		return put(s, &one, e);
	if (hr_pack_step(&s->unpack, &s->unpacked, f, e) < 0)
		return -1;
	for (at = 0; at + HR_FRAME_SIZE <= b->len; at += HR_FRAME_SIZE + one.tenant_len + (size_t)one.len) {
		if (hr_frame_decode(&one, b->data + at, s->before, &crc, e) < 0)
			return -1;
		s->before = hr_get_u32le(b->data + at + HR_FRAME_SUMMED);
		one.tenant = (const char *)b->data + at + HR_FRAME_SIZE;
		one.data = (const uint8_t *)one.tenant + one.tenant_len;
		crc = one.len;
		if (put(s, &one, e) < 0)
			return -1;
		one.len = crc;		/* it may have been cut */
	}
	hr_buf_reset(b);
	return 0;
}

/* --- what is durable --- */

static int
stand(struct hr_store *s, const uint8_t *after, struct hr_err *e)
{
	struct hr_stand t = { .lsn = s->queued_lsn, .next = s->next, .head = s->head.data,
	    .head_len = (uint32_t)s->head.len };
	struct hr_buf relations = HR_BUF_INIT, b = HR_BUF_INIT;
	size_t i;
	int rc;

	t.flags = (s->within == 0 && !s->copying && !s->trailing ? HR_BUNDLE_CLEAN : 0) | (s->copying ? HR_BUNDLE_COPYING : 0);
	for (i = 0; i < s->relations.slots; i++)
		if (s->relations.slot[i].key) {
			const struct hr_buf *r = s->relations.slot[i].value;

			hr_buf_put(&relations, r->data, r->len);
		}
	t.relations = relations.data;
	t.len = relations.len;
	hr_stand_encode(&t, &b);
	rc = create(s, &s->shared, "", s->number + 1, after, e);
	if (rc == 0) {
		s->number++;
		rc = append_long(s, &s->shared, HR_RECORD_STAND, s->next, b.data, b.len, NULL, e);
	}
	hr_buf_clear(&relations);
	hr_buf_clear(&b);
	return rc;
}

/*
 * The first segment of the shared log that is ours.  A chain that is gone on with gets
 * it when there is something for it: on a full disk what is kept can be read without,
 * and perhaps be removed.
 */
static int
take_stand(struct hr_store *s, struct hr_err *e)
{
	if (s->standing)
		return 0;
	if (stand(s, s->after, e) < 0 || sync_segment(s, &s->shared, e) < 0) {
		s->failed = true;
		return -1;
	}
	s->standing = true;
	__atomic_store_n(&s->synced_bundle, s->next - 1, __ATOMIC_RELEASE);
	return 0;
}

int
hr_store_begin(struct hr_store *s, struct hr_err *e)
{
	return s->took_over ? take_stand(s, e) : 0;
}

/* The shared log's next segment, where readers can begin. */
static int
turn_over(struct hr_store *s, struct hr_err *e)
{
	uint8_t after[HR_SEGMENT_TAG];
	bool clean = s->within == 0 && !s->copying && !s->trailing;

	if (hr_segment_bytes(&s->shared) < (clean ? s->o.segment / 4 : s->o.segment * 4))
		return 0;
	if (end_segment(s, &s->shared, e) < 0)
		return -1;
	memcpy(after, s->shared.mark.tag, sizeof(after));
	hr_segment_writer_close(&s->shared);
	return stand(s, after, e) < 0 || sync_segment(s, &s->shared, e) < 0 ? -1 : 0;
}

/*
 * It is no more than a help, and a disk that is full says so where it matters; but one
 * that cannot be written any more would hide that a chain was cut.
 */
static int
write_position(struct hr_store *s, bool durable, struct hr_err *e)
{
	struct hr_chain_position p = { .segment = s->number, .at = s->shared.synced.at, .number = s->shared.synced.number,
	    .bundle = s->synced_bundle, .lsn = s->synced_lsn };

	memcpy(p.tag, s->shared.synced.tag, sizeof(p.tag));
	if (hr_chain_position_save(&s->chain, &p, s->o.keys, durable, e) == 0) {
		s->unplaced = false;
		return 0;
	}
	if (!s->unplaced)
		hr_log_err(HR_LOG_WARNING, e);
	s->unplaced = true;
	hr_err_clear(e);
	return 0;
}

/* What is queued. */
static int
sync_queue(struct hr_store *s, struct hr_err *e)
{
	struct hr_cur c;
	uint64_t turned;
	size_t i, open = 0;

	for (i = 0; i < s->dirties; i++) {
		struct log *l = s->dirty[i];

		if (sync_segment(s, &l->w, e) < 0)
			return -1;
		l->dirty = false;
		/* Few need their descriptor all the time. */
		if (++open > UNPARKED && hr_segment_park(&l->w, e) < 0)
			return -1;
	}
	s->dirties = 0;
	for (c = hr_cur(s->queue.data, s->queue.len); hr_cur_left(&c); ) {
		uint64_t number = hr_cur_u64le(&c);
		uint32_t len = hr_cur_u32le(&c);
		const uint8_t *record = hr_cur_bytes(&c, len);

		if (append_long(s, &s->shared, HR_RECORD_BUNDLE, number, record, len, NULL, e) < 0)
			return -1;
	}
	hr_buf_reset(&s->queue);
	if (s->queue.cap > 8 * GATHER)
		hr_buf_clear(&s->queue);
	if (sync_segment(s, &s->shared, e) < 0)
		return -1;
	s->waiting = 0;
	s->synced_lsn = s->queued_lsn;
	__atomic_store_n(&s->synced_bundle, s->next - 1, __ATOMIC_RELEASE);
	turned = s->number;
	return turn_over(s, e) < 0 ? -1 : write_position(s, s->number != turned, e);
}

int
hr_store_sync(struct hr_store *s, struct hr_err *e)
{
	if (s->failed)
		return refuse(s, e);
	if (flush(s, e) < 0)
		return -1;
	if (s->queue.len == 0)
		return 0;
	if (sync_queue(s, e) == 0)
		return 0;
	s->failed = true;
	return -1;
}

size_t
hr_store_waiting(const struct hr_store *s)
{
	return s->waiting + s->pack.bytes.len;
}

hr_lsn
hr_store_lsn(const struct hr_store *s)
{
	return s->synced_lsn;
}

bool
hr_store_copying(const struct hr_store *s)
{
	return s->copying;
}

void
hr_store_joined(const struct hr_store *s, void (*each)(void *arg, const char *tenant), void *arg)
{
	size_t i;

	for (i = 0; i < s->logs.slots; i++)
		if (s->logs.slot[i].key && ((struct log *)s->logs.slot[i].value)->joined)
			each(arg, ((struct log *)s->logs.slot[i].value)->name);
}

uint64_t
hr_store_bundle(const struct hr_store *s)
{
	return __atomic_load_n(&s->synced_bundle, __ATOMIC_ACQUIRE);
}

const struct hr_chain *
hr_store_chain(const struct hr_store *s)
{
	return &s->chain;
}

uint64_t
hr_store_bytes(const struct hr_store *s)
{
	return __atomic_load_n(&s->bytes, __ATOMIC_RELAXED);
}

void
hr_store_removed(struct hr_store *s, uint64_t bytes)
{
	__atomic_sub_fetch(&s->bytes, bytes, __ATOMIC_RELAXED);
}

/* --- beginning and end --- */

static uint64_t
bytes_of(const struct hr_chain *c)
{
	uint64_t sum = 0, *number;
	struct hr_err e = HR_ERR_INIT;
	char **tenant, *path;
	size_t n, segments, i, k;
	struct stat st;

	if (hr_chain_tenants(c, &tenant, &n, &e) < 0)
		return 0;
	for (i = 0; i <= n; i++) {
		const char *name = i < n ? tenant[i] : "";

		if (hr_chain_segments(c, name, &number, &segments, &e) == 0)
			for (k = 0; k < segments; k++) {
				path = hr_chain_segment(c, name, number[k]);
				if (stat(path, &st) == 0)
					sum += (uint64_t)st.st_size;
				free(path);
			}
		free(number);
	}
	for (i = 0; i < n; i++)
		free(tenant[i]);
	free(tenant);
	return sum;
}

/* Does the stream go on where the chain ends? */
static int
continues(struct hr_store *s, const struct hr_head *h, const struct hr_chain_end *at, struct hr_err *e)
{
	const struct hr_head *was = &at->head;

	if (h->system != was->system) {
		hr_fail(e, HR_REFUSED, "'%s' has stream '%s' of another source, system %" PRIu64, s->o.dir, h->slot, was->system);
		return hr_hint(e, "use another directory, or begin with a first copy");
	}
	if (h->epoch < was->epoch) {
		hr_fail(e, HR_REFUSED, "the stream is of epoch %" PRIu64 ", what is kept of epoch %" PRIu64, h->epoch, was->epoch);
		return hr_hint(e, "its source was fenced off; do not go on from it");
	}
	if (h->timeline != was->timeline && h->timeline_begin < at->lsn) {
		hr_fail(e, HR_REFUSED, "timeline %" PRIu32 " left its parent at %s, and what is kept goes to %s", h->timeline,
		    HR_LSN(h->timeline_begin), HR_LSN(at->lsn));
		return hr_hint(e, "the source lost what was kept of it; begin with a first copy");
	}
	if (at->copying) {
		hr_fail(e, HR_REFUSED, "the first copy that is kept in '%s' was not completed", s->o.dir);
		return hr_hint(e, "begin with a first copy");
	}
	if (h->start > at->lsn) {
		hr_fail(e, HR_REFUSED, "the stream begins at %s, and what is kept ends at %s: changes are missing",
		    HR_LSN(h->start), HR_LSN(at->lsn));
		return hr_hint(e, "begin with a first copy");
	}
	return 0;
}

/* A chain without anything in it, which a kill would leave, could not be gone on with. */
static int
begin_chain(struct hr_store *s, struct hr_err *e)
{
	char *path;

	if (hr_chain_begin(&s->chain, e) < 0)
		return -1;
	path = hr_chain_segment(&s->chain, "", s->number);
	hr_segment_moved(&s->shared, path);
	free(path);
	return 0;
}

static int
go_on(struct hr_store *s, const struct hr_head *h, struct hr_chain *list, size_t n, struct hr_err *e)
{
	struct hr_chain_end at = HR_CHAIN_END_INIT;
	int rc = 0;

	if (n && !h->copy) {
		s->chain = list[n - 1];
		list[n - 1] = (struct hr_chain){ NULL, NULL, NULL };
		if ((rc = hr_chain_find_end(&s->chain, s->o.keys, &at, e)) == 0)
			rc = continues(s, h, &at, e);
		memcpy(s->id, at.chain, sizeof(s->id));
		s->number = at.segment;
		/* Bundles that are left out may have been sent: no reader is to take their end for our beginning. */
		s->next = at.bundle + (at.bundle > at.at ? 2 : 1);
		s->synced_lsn = s->queued_lsn = s->last_lsn = s->now.lsn = at.lsn;
		s->again.after = at.lsn;
		s->bytes = rc == 0 ? bytes_of(&s->chain) : 0;
		s->synced_bundle = at.at;
		memcpy(s->after, at.tag, sizeof(s->after));
		s->took_over = h->epoch != at.head.epoch || h->timeline != at.head.timeline;
	} else {
		if ((rc = hr_chain_make(s->o.dir, h->slot, n ? list[n - 1].name : NULL, &s->chain, e)) == 0 && RAND_bytes(s->id, sizeof(s->id)) != 1)
			rc = hr_fail(e, HR_TEMPORARY, "no random bytes");
		s->next = 1;
		s->queued_lsn = s->last_lsn = s->now.lsn = h->copy ? 0 : h->start;
		s->synced_lsn = s->queued_lsn;
		s->copying = h->copy != NULL;
		/* A chain has one from its beginning on. */
		if (rc == 0 && (rc = take_stand(s, e)) == 0 && (rc = write_position(s, true, e)) == 0)
			rc = begin_chain(s, e);
	}
	hr_head_clear(&at.head);
	return rc;
}

int
hr_store_open(struct hr_store **out, const struct hr_store_options *o, const struct hr_frame *head, struct hr_err *e)
{
	struct hr_store *s = hr_zalloc(sizeof(*s));
	struct hr_head h = HR_HEAD_INIT;
	struct hr_chain *list = NULL;
	size_t n = 0, i;
	int rc = hr_head_decode(&h, head->data, head->len, e);

	s->o = *o;
	s->lock = -1;
	s->shared = (struct hr_segment_writer)HR_SEGMENT_WRITER_INIT;
	s->again = (struct hr_span)HR_SPAN_INIT;
	s->pack = s->unpack = (struct hr_pack)HR_PACK_INIT;
	s->pack.memory = 0;
	s->pack.always = true;
	s->pack.block_rows = SIZE_MAX;
	s->pack.level = o->level ? o->level : 3;
	s->unpack.unpack = true;
	s->packed = s->unpacked = (struct hr_pipe){ .in = -1, .out = -1, .w = { .fd = -1 } };
	hr_pack_begin(&s->pack, &s->packed);
	hr_pack_begin(&s->unpack, &s->unpacked);
	hr_buf_put(&s->head, head->data, head->len);
	if (rc == 0 && (rc = hr_chain_lock(o->dir, h.slot, &s->lock, e)) == 0 &&
	    (rc = hr_chain_tidy(o->dir, h.slot, e)) == 0 && (rc = hr_chain_list(o->dir, h.slot, &list, &n, e)) == 0 &&
	    (rc = go_on(s, &h, list, n, e)) == 0 && h.copy && o->replace)
		for (i = 0; i < n && rc == 0; i++)
			rc = hr_chain_remove(&list[i], e);
	hr_chain_list_free(list, n);
	hr_head_clear(&h);
	if (rc < 0) {
		hr_store_close(s);
		s = NULL;
	}
	*out = s;
	return rc;
}

int
hr_store_end(struct hr_store *s, struct hr_err *e)
{
	size_t i;

	if (s->failed)
		return refuse(s, e);
	if (take_stand(s, e) < 0 || hr_store_sync(s, e) < 0)
		return -1;
	for (i = 0; i < s->logs.slots; i++) {
		struct log *l = s->logs.slot[i].key ? s->logs.slot[i].value : NULL;

		if (l && l->made && end_segment(s, &l->w, e) < 0)
			return -1;
	}
	if (end_segment(s, &s->shared, e) < 0)
		return -1;
	return write_position(s, true, e);
}

static void
free_log(void *log)
{
	struct log *l = log;

	hr_segment_writer_close(&l->w);
	free(l->name);
	free(l);
}

static void
free_relation(void *relation)
{
	hr_buf_clear(relation);
	free(relation);
}

void
hr_store_close(struct hr_store *s)
{
	if (s == NULL)
		return;
	hr_segment_writer_close(&s->shared);
	hr_map_clear(&s->logs, free_log);
	hr_map_clear(&s->relations, free_relation);
	hr_span_clear(&s->again);
	hr_pack_clear(&s->pack);
	hr_pack_clear(&s->unpack);
	hr_pipe_clear(&s->packed);
	hr_pipe_clear(&s->unpacked);
	hr_buf_clear(&s->queue);
	hr_buf_clear(&s->head);
	hr_chain_clear(&s->chain);
	free(s->dirty);
	if (s->lock >= 0)
		close(s->lock);
	free(s);
}
