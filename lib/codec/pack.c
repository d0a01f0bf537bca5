/*
 * pack.c - gather frames, write bundles of blocks, and the way back.
 *
 * A bundle is what was gathered between two flushes.  Its frames are numbered;
 * each block holds those of one tenant with their numbers, and the last block
 * those for all: who leaves a tenant's blocks out breaks nothing, and the
 * order of the rest can be restored.
 *
 * Row-wise zstd is the floor: where it is smaller, it is what is written.  It
 * is tried at growing intervals, and whenever the columns did worse than when
 * it was tried last, or no better than it would.
 */

#include "base/hr.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/crc32c.h"
#include "codec/pack.h"

#define GATHER_BYTES	(4 * 1024 * 1024)
#define GATHER_FRAMES	65536
#define RECORD_FIXED	20		/* of a frame's fixed part, what is no checksum */
#define FLOOR_PART_OF	4		/* what of a block is tried before all of it */
#define FLOOR_PART_OF_LARGE 16
#define FLOOR_PART_LEAST 8192		/* bytes that say something */
#define FLOOR_PART_MOST	32768		/* but of large ones */
#define SMALL_BYTES	2048		/* of which the floor is always tried */

struct hr_pack_frame {
	size_t at, len;
	uint32_t group;
};

struct hr_pack_group {
	bool all;
	size_t at;		/* of the tenant, in bytes */
	uint16_t tenant_len;
	size_t frames, rows;
	struct hr_kept *kept;		/* or NULL: the block needs and leaves nothing */
};

void
hr_pack_begin(struct hr_pack *k, struct hr_pipe *p)
{
	k->pipe = p;
	hr_columns_init(&k->columns, k->level);
	hr_effort_begin(&k->effort, k->level, hr_now_us());
	hr_keep_clear(&k->columns.keep);
}

/* Places and headers, and so the checksums of all payloads. */
static uint32_t
check_of(uint32_t check, uint32_t place, const uint8_t *fixed)
{
	uint8_t number[4];

	hr_set_u32le(number, place);
	return hr_crc32c(hr_crc32c(check, number, sizeof(number)), fixed, HR_FRAME_SUMMED);
}

/* --- packing --- */

/* The rows of a frame, as far as it is well-formed. */
static size_t
rows_of(const struct hr_frame *f)
{
	struct hr_cur c = hr_cur(f->data, f->len);
	size_t n = 0;

	while (f->type == HR_FRAME_ROWS && hr_cur_left(&c) >= 5) {
		uint32_t len = hr_cur_u32le(&c);
		const uint8_t *body = hr_cur_bytes(&c, len);

		if (body == NULL || len == 0)
			break;
		n += body[0] != HR_BEGIN && body[0] != HR_COMMIT;
	}
	return n;
}

static uint32_t
group_of(struct hr_pack *k, const struct hr_frame *f)
{
	uint8_t key[1 + HR_TENANT_MAX];
	void **at;

	if (k->group && k->groups)
		return 0;
	key[0] = k->group || (f->flags & HR_ALL);
	if (!k->group)
		memcpy(key + 1, f->tenant, f->tenant_len);
	at = hr_map_at(&k->group_map, key, 1 + (k->group ? 0 : (size_t)f->tenant_len));
	if (*at == NULL) {
		HR_GROW(k->group_of, k->groups, k->group_cap);
		k->group_of[k->groups++] = (struct hr_pack_group){
			.all = key[0], .at = k->bytes.len + HR_FRAME_SIZE,
			.tenant_len = k->group ? 0 : f->tenant_len,
		};
		*at = (void *)(uintptr_t)k->groups;
	}
	return (uint32_t)((uintptr_t)*at - 1);
}

/* Is row-wise zstd to be tried? */
static bool
floor_due(struct hr_pack *k, size_t size, size_t columns)
{
	uint64_t ratio = (uint64_t)columns * 1024 / (size + 1);

	return size <= SMALL_BYTES || hr_pick_due(&k->floor_pick) ||
	    ratio * 8 > (uint64_t)k->floor_ratio * 7 || ratio * 4 > (uint64_t)k->last_ratio * 5;
}

/* Frames as records; of a large frame no more than so many bytes, and none after it. */
static void
put_records(struct hr_pack *k, size_t n, size_t bytes)
{
	size_t i, len;

	hr_buf_reset(&k->records);
	for (i = 0; i < n && k->records.len < bytes; i++) {
		const struct hr_placed *p = &k->placed[i];

		len = p->f.tenant_len + p->f.len;
		hr_buf_u32le(&k->records, p->place);
		hr_buf_put(&k->records, (const uint8_t *)p->f.tenant - HR_FRAME_SIZE, RECORD_FIXED);
		hr_buf_put(&k->records, p->f.tenant, len < bytes ? len : bytes);
	}
}

/*
 * The records, and these by zstd.  Of a large block a part alone, where no more than
 * that says that all of them would take more than columns do: the rest may take half
 * of what the part does.  Gives about how much they take.
 */
static size_t
try_floor(struct hr_pack *k, size_t n, size_t size, size_t columns)
{
	size_t part = size / FLOOR_PART_OF;

	if (part > FLOOR_PART_MOST)
		part = size / FLOOR_PART_MOST > FLOOR_PART_OF_LARGE ? size / FLOOR_PART_OF_LARGE : FLOOR_PART_MOST;
	hr_buf_reset(&k->floor);
	if (part >= FLOOR_PART_LEAST) {
		put_records(k, n, part);
		part = k->records.len;
		hr_zst_pack(&k->columns.zst, k->level, k->records.data, part, &k->floor);
		if (k->floor.len + (uint64_t)k->floor.len * (size - part) / part / 2 > columns) {
			hr_buf_reset(&k->records);
			return (size_t)((uint64_t)k->floor.len * size / part);
		}
		hr_buf_reset(&k->floor);
	}
	put_records(k, n, SIZE_MAX);
	hr_zst_pack(&k->columns.zst, k->level, k->records.data, k->records.len, &k->floor);
	return k->floor.len;
}

/* What blocks before left for this one, reset when it is to be a key block; or NULL. */
static struct hr_kept *
kept_for(struct hr_pack *k, const struct hr_frame *f)
{
	struct hr_keep *keep = &k->columns.keep;
	struct hr_kept *kept;

	if (k->memory == 0)
		return NULL;
	keep->limit = (size_t)1 << k->memory;
	kept = hr_keep_at(keep, f->flags & HR_ALL, f->tenant, f->tenant_len);
	if (kept->blocks == 0 || kept->blocks >= k->key_every)
		hr_kept_reset(keep, kept);
	return kept;
}

/* Write one block of the frames in placed. */
static void
put_block(struct hr_pack *k, struct hr_pack_group *g, size_t n, bool last)
{
	uint8_t front[HR_BLOCK_SIZE];
	struct hr_block b = {
		.version = HR_BLOCK_VERSION, .flags = last ? HR_BLOCK_LAST : 0, .form = HR_BLOCK_COLUMNS,
		.memory = k->memory, .bundle = k->bundle,
	};
	struct hr_frame f = {
		.type = HR_FRAME_BLOCK, .flags = g->all ? HR_MUST | HR_ALL : HR_MUST, .count = (uint32_t)n,
		.tenant = (const char *)k->bytes.data + g->at, .tenant_len = g->tenant_len,
	};
	struct hr_buf *body = &k->body;
	size_t i, floor;

	hr_buf_reset(&k->body);
	for (i = 0; i < n; i++) {
		const uint8_t *fixed = (const uint8_t *)k->placed[i].f.tenant - HR_FRAME_SIZE;

		b.check = check_of(b.check, k->placed[i].place, fixed);
		b.size += HR_FRAME_SIZE + k->placed[i].f.tenant_len + k->placed[i].f.len;
		f.lsn = k->placed[i].f.lsn;
	}
	g->kept = n ? kept_for(k, &f) : NULL;
	hr_columns_encode(&k->columns, k->placed, n, k->group, g->kept, &k->body);
	if (n && floor_due(k, b.size, k->body.len)) {
		floor = try_floor(k, n, b.size, k->body.len);
		/* Small ones say nothing of others. */
		if (b.size > SMALL_BYTES) {
			k->floor_ratio = (uint32_t)((uint64_t)floor * 1024 / (b.size + 1));
			k->last_ratio = (uint32_t)((uint64_t)k->body.len * 1024 / (b.size + 1));
		}
		if (k->records.len && k->floor.len < k->body.len) {
			b.form = HR_BLOCK_ZSTD;
			body = &k->floor;
		}
		if (k->records.len && k->records.len < body->len) {
			b.form = HR_BLOCK_PLAIN;
			body = &k->records;
		}
	}
	if (g->kept == NULL || g->kept->blocks == 0 || b.form != HR_BLOCK_COLUMNS)
		b.flags |= HR_BLOCK_KEY;
	if (g->kept == NULL)
		b.memory = 0;
	/* Who reads another form learns nothing from it. */
	if (g->kept && b.form != HR_BLOCK_COLUMNS) {
		hr_kept_undo(&k->columns.keep, g->kept);
		g->kept = NULL;
	}
	hr_block_encode(&b, front);
	f.len = (uint32_t)(HR_BLOCK_SIZE + body->len);
	/* As the writer wants it: the frame's bytes in one piece. */
	i = k->blocks.len;
	hr_buf_need(&k->blocks, HR_FRAME_SIZE + f.tenant_len + f.len);
	k->blocks.len += HR_FRAME_SIZE;
	hr_buf_put(&k->blocks, f.tenant, f.tenant_len);
	f.data = k->blocks.data + k->blocks.len;
	hr_buf_put(&k->blocks, front, HR_BLOCK_SIZE);
	hr_buf_put(&k->blocks, body->data, body->len);
	f.tenant = (const char *)k->blocks.data + i + HR_FRAME_SIZE;
	hr_frame_encode(&f, 0, k->blocks.data + i);
}

/* All blocks of the bundle: tenants in the order in which they came, then all. */
static void
put_blocks(struct hr_pack *k)
{
	struct hr_pack_group none = { .all = true };
	size_t *next = hr_alloc((k->groups + 1) * sizeof(*next)), i, at = 0, all = k->groups, n;
	struct hr_placed *placed;

	/* Frames by group, in their order: place them by counting. */
	for (i = 0; i < k->groups; i++) {
		next[i] = at;
		at += k->group_of[i].frames;
		if (k->group_of[i].all)
			all = i;
	}
	while (k->placed_cap < k->frames)
		HR_GROW(k->placed, k->placed_cap, k->placed_cap);
	placed = k->placed;
	for (i = 0; i < k->frames; i++) {
		struct hr_placed *p = &placed[next[k->frame[i].group]++];

		hr_frame_at(&p->f, k->bytes.data + k->frame[i].at);
		p->place = (uint32_t)i;
	}
	for (i = 0; i < k->groups; i++) {
		n = k->group_of[i].frames;
		k->placed = placed + next[i] - n;
		if (i != all)
			put_block(k, &k->group_of[i], n, k->groups == 1);
	}
	if (all < k->groups) {
		n = k->group_of[all].frames;
		k->placed = placed + next[all] - n;
		put_block(k, &k->group_of[all], n, true);
	} else if (k->groups > 1)
		put_block(k, &none, 0, true);
	k->placed = placed;
	free(next);
}

static int
flush(struct hr_pack *k, struct hr_err *e)
{
	struct hr_pipe *p = k->pipe;
	uint64_t before = p->w.seen.bytes;
	size_t at, i;
	int rc = 0;

	if (k->frames == 0)
		return 0;
	hr_buf_reset(&k->blocks);
	put_blocks(k);
	if (k->always || k->blocks.len < k->bytes.len) {
		struct hr_frame f;

		for (at = 0; rc == 0 && at < k->blocks.len; at += HR_FRAME_SIZE + f.tenant_len + f.len) {
			hr_frame_at(&f, k->blocks.data + at);
			rc = hr_write_bytes(&p->w, k->blocks.data + at, HR_FRAME_SIZE + f.tenant_len + f.len, e);
		}
		k->bundle++;
		/* In the order of the blocks: that for all is the last one. */
		for (i = 0; i < 2 * k->groups; i++) {
			struct hr_pack_group *g = &k->group_of[i % k->groups];

			if (g->kept && g->all == (i >= k->groups))
				hr_keep_done(&k->columns.keep, g->kept);
		}
		hr_keep_trim(&k->columns.keep);
	} else {
		for (i = 0; i < k->groups; i++)
			if (k->group_of[i].kept)
				hr_kept_undo(&k->columns.keep, k->group_of[i].kept);
		for (i = 0; rc == 0 && i < k->frames; i++)
			rc = hr_write_bytes(&p->w, k->bytes.data + k->frame[i].at, k->frame[i].len, e);
	}
	k->columns.stats.in += k->bytes.len;
	k->columns.stats.out += p->w.seen.bytes - before;
	hr_buf_reset(&k->bytes);
	k->frames = k->groups = 0;
	hr_map_clear(&k->group_map, NULL);
	if (k->by_itself)
		k->level = k->columns.enc.level = hr_effort_next(&k->effort, hr_now_us(), p->r.took, p->w.took);
	return rc;
}

/* For the types of columns; a table that cannot be read has none. */
static void
remember(struct hr_pack *k, const struct hr_frame *f)
{
	struct hr_relation *r;
	struct hr_err e;

	if (hr_relation_decode(&r, f->data, f->len, &e) == 0)
		hr_relations_put(&k->columns.relations, r);
}

static int
pack(struct hr_pack *k, const struct hr_frame *f, struct hr_err *e)
{
	struct hr_pack_group *g;
	const uint8_t *bytes;
	size_t len;
	uint32_t group;

	if (f->type == HR_FRAME_BLOCK) {
		hr_fail(e, HR_BAD_STREAM, "the stream is packed already");
		return hr_hint(e, "leave one hr-compress out, or unpack with -d");
	}
	/* A frame that is lent lies in one piece. */
	bytes = (const uint8_t *)f->tenant - HR_FRAME_SIZE;
	len = HR_FRAME_SIZE + (size_t)f->tenant_len + f->len;
	if (!hr_block_packs(f->type) || len > HR_BLOCK_MAX)
		return flush(k, e) < 0 ? -1 : 1;
	if (k->bytes.len + len > HR_BLOCK_MAX && flush(k, e) < 0)
		return -1;
	if (f->type == HR_FRAME_RELATION)
		remember(k, f);
	group = group_of(k, f);
	HR_GROW(k->frame, k->frames, k->frame_cap);
	k->frame[k->frames++] = (struct hr_pack_frame){ k->bytes.len, len, group };
	hr_buf_put(&k->bytes, bytes, len);
	g = &k->group_of[group];
	g->frames++;
	g->rows += rows_of(f);
	return g->rows >= k->block_rows || k->bytes.len >= GATHER_BYTES || k->frames >= GATHER_FRAMES ?
	    flush(k, e) : 0;
}

/* --- unpacking --- */

static int
bad_block(struct hr_err *e)
{
	hr_fail(e, HR_BAD_STREAM, "a block that is damaged: it does not unpack to what it says");
	return hr_hint(e, "was it written by another release of hr?");
}

static bool
unpack_records(struct hr_pack *k, const struct hr_block *b)
{
	struct hr_records *out = &k->unpacked;
	size_t len = b->size - 4 * (size_t)b->frames;
	struct hr_cur c = hr_cur(b->body, b->len);
	struct hr_frame f;
	uint32_t i;

	if (b->form == HR_BLOCK_ZSTD) {
		hr_buf_reset(&k->records);
		hr_buf_need(&k->records, len);
		if (hr_zst_unpack(&k->columns.zst, b->body, b->len, k->records.data, len) < 0)
			return false;
		c = hr_cur(k->records.data, len);
	} else if (b->len != len)
		return false;
	hr_buf_need(&out->bytes, b->size);
	for (i = 0; i < b->frames; i++) {
		struct hr_record r = { .place = hr_cur_u32le(&c), .at = out->bytes.len };
		const uint8_t *fixed = hr_cur_bytes(&c, RECORD_FIXED), *rest;

		if (fixed == NULL)
			return false;
		f = (struct hr_frame){
			.type = fixed[0], .flags = fixed[1], .tenant_len = hr_get_u16le(fixed + 2),
			.len = hr_get_u32le(fixed + 4), .lsn = hr_get_u64le(fixed + 8), .count = hr_get_u32le(fixed + 16),
		};
		rest = hr_cur_bytes(&c, (size_t)f.tenant_len + f.len);
		if (rest == NULL || !hr_block_packs(f.type) || f.tenant_len > HR_TENANT_MAX ||
		    ((f.flags & HR_ALL) && f.tenant_len))
			return false;
		f.tenant = (const char *)rest;
		f.data = rest + f.tenant_len;
		r.len = HR_FRAME_SIZE + (size_t)f.tenant_len + f.len;
		out->bytes.len += HR_FRAME_SIZE;
		hr_frame_encode(&f, 0, out->bytes.data + r.at);
		hr_buf_put(&out->bytes, rest, (size_t)f.tenant_len + f.len);
		HR_GROW(out->v, out->n, out->cap);
		out->v[out->n++] = r;
	}
	return hr_cur_left(&c) == 0;
}

static int
by_place(const void *a, const void *b)
{
	const struct hr_record *x = a, *y = b;

	return x->place < y->place ? -1 : x->place > y->place;
}

/* The bundle is complete: its frames in their order. */
static int
write_bundle(struct hr_pack *k, struct hr_err *e)
{
	struct hr_records *u = &k->unpacked;
	size_t i;

	for (i = 1; i < u->n && u->v[i - 1].place < u->v[i].place; i++)
		;
	if (i < u->n)
		qsort(u->v, u->n, sizeof(*u->v), by_place);
	for (i = 1; i < u->n; i++)
		if (u->v[i - 1].place == u->v[i].place)
			return bad_block(e);
	for (i = 0; i < u->n; i++)
		if (hr_write_bytes(&k->pipe->w, u->bytes.data + u->v[i].at, u->v[i].len, e) < 0)
			return -1;
	hr_buf_reset(&u->bytes);
	u->n = 0;
	hr_keep_trim(&k->columns.keep);
	k->open = false;
	k->closed = true;
	return 0;
}

/* What the blocks before left for this one. */
static int
kept_of(struct hr_pack *k, const struct hr_block *b, const struct hr_frame *f, struct hr_kept **out,
    struct hr_err *e)
{
	struct hr_keep *keep = &k->columns.keep;
	struct hr_kept *kept;

	*out = NULL;
	if (b->memory > k->memory) {
		hr_fail(e, HR_BAD_STREAM, "blocks keep up to %d MB for those after them, and %d MB are allowed",
		    1 << (b->memory - 20), k->memory ? 1 << (k->memory - 20) : 0);
		return hr_hint(e, "give --memory here as where it was packed");
	}
	if (b->form != HR_BLOCK_COLUMNS || b->memory == 0)
		return 0;
	keep->limit = (size_t)1 << b->memory;
	kept = hr_keep_at(keep, f->flags & HR_ALL, f->tenant, f->tenant_len);
	if (b->flags & HR_BLOCK_KEY)
		hr_kept_reset(keep, kept);
	else if (kept->blocks == 0) {
		hr_fail(e, HR_BAD_STREAM, "a block that needs those before it, and they are not there");
		return hr_hint(e, "read the stream from a key block on");
	}
	hr_keep_done(keep, kept);
	*out = kept;
	return 0;
}

static int
unpack(struct hr_pack *k, const struct hr_frame *f, struct hr_err *e)
{
	struct hr_records *u = &k->unpacked;
	size_t first = u->n, size = u->bytes.len, i;
	struct hr_kept *kept;
	uint32_t check = 0;
	struct hr_block b;

	if (f->type != HR_FRAME_BLOCK) {
		if (k->open)
			return hr_fail(e, HR_BAD_STREAM, "a bundle of blocks without its last one");
		return 1;
	}
	if (hr_block_decode(&b, f, e) < 0)
		return -1;
	if (!k->open && k->closed && b.bundle <= k->bundle)
		return hr_fail(e, HR_BAD_STREAM, "a block of a bundle that has ended");
	if (k->open && b.bundle != k->bundle)
		return hr_fail(e, HR_BAD_STREAM, "a bundle of blocks without its last one");
	if (size + b.size > HR_BLOCK_MAX)
		return hr_fail(e, HR_BAD_STREAM, "a bundle of blocks is larger than %" PRIu32 " bytes", HR_BLOCK_MAX);
	k->open = true;
	k->bundle = b.bundle;
	if (kept_of(k, &b, f, &kept, e) < 0)
		return -1;
	if (!(b.form == HR_BLOCK_COLUMNS ? hr_columns_decode(&k->columns, &b, f->tenant, f->tenant_len, kept, u) :
	    unpack_records(k, &b)))
		return bad_block(e);
	for (i = first; i < u->n; i++)
		check = check_of(check, u->v[i].place, u->bytes.data + u->v[i].at);
	if (check != b.check || u->bytes.len - size != b.size)
		return bad_block(e);
	return b.flags & HR_BLOCK_LAST ? write_bundle(k, e) : 0;
}

int
hr_pack_step(void *pack_arg, struct hr_pipe *p, const struct hr_frame *f, struct hr_err *e)
{
	struct hr_pack *k = pack_arg;

	k->pipe = p;
	if (f->type == HR_FRAME_HEAD)
		return 1;
	return k->unpack ? unpack(k, f, e) : pack(k, f, e);
}

int
hr_pack_flush(void *pack_arg, struct hr_err *e)
{
	struct hr_pack *k = pack_arg;

	return k->unpack ? 0 : flush(k, e);
}

int
hr_pack_end(struct hr_pack *k, struct hr_err *e)
{
	if (k->open)
		return hr_fail(e, HR_BAD_STREAM, "a bundle of blocks without its last one");
	return hr_pack_flush(k, e);
}

void
hr_pack_clear(struct hr_pack *k)
{
	hr_columns_clear(&k->columns);
	hr_buf_clear(&k->bytes);
	hr_buf_clear(&k->body);
	hr_buf_clear(&k->floor);
	hr_buf_clear(&k->records);
	hr_buf_clear(&k->blocks);
	hr_buf_clear(&k->unpacked.bytes);
	hr_map_clear(&k->group_map, NULL);
	free(k->unpacked.v);
	free(k->frame);
	free(k->group_of);
	free(k->placed);
}
