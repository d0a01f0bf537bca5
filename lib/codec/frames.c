/*
 * frames.c - columns to frames: the way back of columns.c.
 *
 * Counts are held against the size that the block says before anything is
 * allocated for them: a frame has 28 bytes, an item 5, a value 4.  What does
 * not fit that size is not written.
 */

#include "base/hr.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "codec/columns.h"
#include "codec/ints.h"

#define ITEM_LEAST	5
#define VALUE_LEAST	4
#define ARENA_FACTOR	32		/* memory for each byte of frames, at most */
#define ARENA_LEAST	(1024 * 1024)

struct part {
	uint32_t relation;
	uint8_t role;
	int columns;
	size_t rows, taken;
	struct hr_value **v;		/* as the tuple has them */
	struct hr_value **ordered;	/* those that rows are found by first */
	uint16_t *order;
	int keys;
	struct hr_string *tuple;	/* what was written, when rows are found by keys */
	struct hr_references references;
	bool timed;
	uint64_t *time;			/* of each row's commit, when a section is timed */
	size_t times;
	struct hr_guess_rows guess;
	struct hr_section_kept *kept;
};

/* All columns of a block, and how far each has been taken. */
struct parts {
	struct hr_dec *d;
	struct hr_keep *keep;
	struct hr_kept *kept;		/* or NULL */
	struct hr_buf *out;
	size_t end;			/* of out, when all is there */
	size_t frames, items, begins, tuples;
	uint64_t *series[HR_SERIES_ALL];
	size_t taken[HR_SERIES_ALL];
	struct hr_string *tenant, *payload, *origin, *body;
	size_t payloads, origins, bodies;
	struct part *part;
	uint64_t sections;
	hr_lsn begun, ended, last;
};

static bool
series(struct parts *p, enum hr_series s, size_t n)
{
	p->series[s] = hr_arena_get(&p->d->arena, n, sizeof(uint64_t));
	return p->series[s] && hr_ints_decode(p->d, p->series[s], n, HR_KEPT(p->kept, series[s])) == 0;
}

static bool
strings(struct parts *p, struct hr_string **s, size_t n, struct hr_strings_kept *kept)
{
	*s = hr_arena_get(&p->d->arena, n, sizeof(**s));
	return *s && hr_strings_decode(p->d, *s, n, kept) == 0;
}

static uint64_t
next(struct parts *p, enum hr_series s)
{
	return p->series[s][p->taken[s]++];
}

static bool
get_frames(struct parts *p, size_t size)
{
	size_t n = p->frames, i, kinds[3] = { 0 };

	if (!series(p, HR_SERIES_TYPE, n) || !series(p, HR_SERIES_FLAGS, n) || !series(p, HR_SERIES_PLACE, n) ||
	    !series(p, HR_SERIES_KIND, n) || !series(p, HR_SERIES_COUNT, n))
		return false;
	for (i = 0; i < n; i++) {
		if (p->series[HR_SERIES_KIND][i] > HR_KIND_WATERMARK)
			return false;
		kinds[p->series[HR_SERIES_KIND][i]]++;
	}
	if ((p->tenant && !strings(p, &p->tenant, n, HR_KEPT(p->kept, tenants))) ||
	    !series(p, HR_SERIES_ITEMS, kinds[HR_KIND_ITEMS]) ||
	    !series(p, HR_SERIES_TIME, kinds[HR_KIND_WATERMARK]) ||
	    !series(p, HR_SERIES_IDLE, kinds[HR_KIND_WATERMARK]) || !series(p, HR_SERIES_LSN, n) ||
	    !strings(p, &p->payload, kinds[HR_KIND_PAYLOAD], HR_KEPT(p->kept, payloads)))
		return false;
	for (i = 0; i < kinds[HR_KIND_ITEMS]; i++) {
		if (p->series[HR_SERIES_ITEMS][i] > size / ITEM_LEAST - p->items)
			return false;
		p->items += p->series[HR_SERIES_ITEMS][i];
	}
	return true;
}

/* How many tuples an operation has; 0 of those that have none, and of what is no operation. */
static unsigned
tuples_of(uint64_t op)
{
	switch (op) {
	case HR_OP_UPDATE_KEY:
	case HR_OP_UPDATE_OLD: return 2;
	case HR_INSERT:
	case HR_PUT:
	case HR_UPDATE:
	case HR_LEAVE:
	case HR_DELETE:
	case HR_DROP:
	case HR_OP_DELETE_OLD:
	case HR_OP_DROP_OLD: return 1;
	}
	return 0;
}

/* Which columns come first, and room for all. */
static bool
get_order(struct parts *p, struct part *s)
{
	struct hr_arena *a = &p->d->arena;
	size_t n = (size_t)s->columns;
	bool *taken;
	int i, at;

	s->keys = hr_cur_u8(&p->d->meta);
	s->timed = s->keys & HR_SECTION_TIMED;
	s->keys &= ~HR_SECTION_TIMED;
	s->v = hr_arena_get(a, n, sizeof(*s->v));
	s->ordered = hr_arena_get(a, n, sizeof(*s->ordered));
	s->order = hr_arena_get(a, n, sizeof(*s->order));
	taken = hr_arena_get(a, n, sizeof(*taken));
	if (s->keys > HR_VERSIONS_KEYS || (s->keys && s->keys >= s->columns) || s->v == NULL || s->ordered == NULL ||
	    s->order == NULL || taken == NULL)
		return false;
	memset(taken, 0, n * sizeof(*taken));
	for (i = 0; i < s->keys; i++) {
		uint64_t column = hr_varint_get(&p->d->meta);

		if (column >= n || taken[column])
			return false;
		taken[column] = true;
		s->order[i] = (uint16_t)column;
	}
	for (i = 0, at = s->keys; i < s->columns; i++)
		if (!taken[i])
			s->order[at++] = (uint16_t)i;
	for (i = 0; i < s->columns; i++)
		if ((s->v[i] = hr_arena_get(a, s->rows, sizeof(**s->v))) == NULL)
			return false;
	for (i = 0; i < s->columns; i++)
		s->ordered[i] = s->v[s->order[i]];
	return s->keys == 0 || (s->tuple = hr_arena_get(a, s->rows, sizeof(*s->tuple))) != NULL;
}

/* Column i of those in order: what differs from references, then what does not. */
static bool
get_column(struct parts *p, struct part *s, int i)
{
	struct hr_column_kept *kept = HR_KEPT(s->kept, column[s->order[i]]);
	struct hr_arena *a = &p->d->arena;
	size_t k, flags = s->references.found, rest = s->rows, at = 0, flag = 0;
	struct hr_guess g = { .rows = &s->guess, .at = i };
	const struct hr_value *before;
	struct hr_value *own;
	uint64_t *same;
	uint32_t *row;
	uint8_t against;

	against = i >= s->keys && flags ? hr_cur_u8(&p->d->meta) : 0;
	if (against == 0)
		return hr_column_decode(p->d, s->ordered, i, s->rows, &g, kept) == 0;
	same = hr_arena_get(a, flags, sizeof(*same));
	if (against > 1 || same == NULL || hr_ints_decode(p->d, same, flags, HR_KEPT(kept, same)) < 0)
		return false;
	for (k = 0; k < flags; k++) {
		if (same[k] > 1)
			return false;
		rest -= same[k];
	}
	own = hr_arena_get(a, rest, sizeof(*own));
	row = hr_arena_get(a, rest, sizeof(*row));
	if (own == NULL || row == NULL)
		return false;
	for (k = 0; k < s->rows; k++)
		if (!hr_has_reference(&s->references, k) || !same[flag++])
			row[at++] = (uint32_t)k;
	g.row = row;
	if (hr_column_decode(p->d, &own, 0, rest, &g, kept) < 0)
		return false;
	for (k = at = 0; k < s->rows; k++) {
		if (at < rest && row[at] == k) {
			s->ordered[i][k] = own[at++];
			continue;
		}
		before = hr_reference(&s->references, s->ordered[i], k, s->order[i]);
		s->ordered[i][k] = *before;
	}
	return true;
}

/* The time of the commit of each row of all sections: that of the last begin, or of the first. */
static bool
get_times(struct parts *p)
{
	const uint64_t *op = p->series[HR_SERIES_OP], *section = p->series[HR_SERIES_SECTION];
	const uint64_t *time = p->series[HR_SERIES_BEGIN_TIME];
	uint64_t now = p->begins ? time[0] : 0, *all = hr_arena_get(&p->d->arena, p->tuples, sizeof(*all));
	size_t i, begins = 0, tuple = 0;
	struct part *s;

	if (all == NULL)
		return false;
	for (i = 0; i < p->sections; all += p->part[i++].rows)
		p->part[i].time = all;
	for (i = 0; i < p->items; i++) {
		unsigned tuples = tuples_of(op[i]);

		if (op[i] == HR_BEGIN)
			now = time[begins++];
		for (; tuples; tuples--) {
			s = &p->part[section[tuple++]];
			s->time[s->times++] = now;
		}
	}
	return true;
}

static bool
get_guess(struct parts *p, struct part *s)
{
	struct hr_guess_kept *const *kept = s->kept ? hr_kept_guesses(s->kept, s->order, &p->d->arena) : NULL;
	uint32_t *id = hr_arena_get(&p->d->arena, s->rows, sizeof(*id));

	if (id == NULL || (s->kept && kept == NULL))
		return false;
	s->guess = (struct hr_guess_rows){
		.v = s->ordered, .n = s->rows, .order = s->order, .references = &s->references, .kept = kept, .id = id,
		.key = -1,
	};
	if (s->timed && s->time == NULL && !get_times(p))
		return false;
	s->guess.time = s->timed ? s->time : NULL;
	return true;
}

static bool
get_section(struct parts *p, struct part *s)
{
	int i;

	if (!get_order(p, s))
		return false;
	s->kept = p->kept ? hr_kept_section(p->kept, hr_section_key(s->relation, s->role, s->columns), s->columns) : NULL;
	p->d->room = s->kept ? hr_kept_room(p->d->left, p->kept, s->kept) : 0;
	p->d->entries = s->kept ? hr_kept_entries(p->kept, s->kept) : 0;
	if (!get_guess(p, s))
		return false;
	for (i = 0; i < s->columns; i++) {
		if (s->keys && i == s->keys && !hr_references_find(&s->references, &p->d->arena, s->ordered, s->rows,
		    s->keys, s->columns, HR_KEPT(s->kept, versions)))
			return false;
		if (!get_column(p, s, i))
			return false;
	}
	return true;
}

/* All values are written: nothing that is kept is lent any more. */
static void
keep_sections(struct parts *p)
{
	size_t i;

	for (i = 0; p->kept && i < p->sections; i++) {
		struct part *s = &p->part[i];

		if (s->keys)
			hr_versions_keep(&s->kept->versions, &s->references, s->tuple);
		hr_kept_settle(p->keep, p->kept, s->kept);
	}
}

static bool
get_sections(struct parts *p, size_t tuples, size_t size)
{
	struct hr_arena *a = &p->d->arena;
	uint64_t relation, columns, values = 0;
	size_t i;

	p->tuples = tuples;
	p->sections = hr_varint_get(&p->d->meta);
	if (p->sections > tuples || (p->part = hr_arena_get(a, p->sections, sizeof(*p->part))) == NULL)
		return false;
	for (i = 0; i < p->sections; i++) {
		relation = hr_varint_get(&p->d->meta);
		p->part[i] = (struct part){ .relation = (uint32_t)relation, .role = hr_cur_u8(&p->d->meta) };
		columns = hr_varint_get(&p->d->meta);
		if (relation > UINT32_MAX || columns > HR_COLUMNS_MAX || p->part[i].role >= HR_ROLES)
			return false;
		p->part[i].columns = (int)columns;
	}
	if (!series(p, HR_SERIES_SECTION, tuples))
		return false;
	for (i = 0; i < tuples; i++) {
		if (p->series[HR_SERIES_SECTION][i] >= p->sections)
			return false;
		p->part[p->series[HR_SERIES_SECTION][i]].rows++;
	}
	for (i = 0; i < p->sections; i++) {
		struct part *s = &p->part[i];

		values += (uint64_t)s->rows * (uint64_t)s->columns;
		if (values > size / VALUE_LEAST)
			return false;
		if (s->rows == 0)
			return false;
		if (!get_section(p, s))
			return false;
	}
	return true;
}

static bool
get_items(struct parts *p, size_t size)
{
	size_t commits = 0, origins = 0, steps = 0, bodies = 0, tuples = 0, i;

	if (!series(p, HR_SERIES_OP, p->items))
		return false;
	for (i = 0; i < p->items; i++)
		switch (p->series[HR_SERIES_OP][i]) {
		case HR_BEGIN: p->begins++; break;
		case HR_COMMIT: commits++; break;
		case HR_ORIGIN: origins++; break;
		case HR_TRUNCATE:
		case HR_MESSAGE: bodies++; break;
		default:
			if (tuples_of(p->series[HR_SERIES_OP][i]) == 0)
				return false;
			steps += p->series[HR_SERIES_OP][i] == HR_LEAVE;
			tuples += tuples_of(p->series[HR_SERIES_OP][i]);
		}
	return series(p, HR_SERIES_XID, p->begins) && series(p, HR_SERIES_BEGIN, p->begins) &&
	    series(p, HR_SERIES_BEGIN_TIME, p->begins) && series(p, HR_SERIES_COMMIT, commits) &&
	    series(p, HR_SERIES_ORIGIN, origins) && strings(p, &p->origin, origins, HR_KEPT(p->kept, origins)) &&
	    series(p, HR_SERIES_STEP, steps) && strings(p, &p->body, bodies, HR_KEPT(p->kept, bodies)) &&
	    get_sections(p, tuples, size);
}

/* --- all columns are there: write frames --- */

/* Is there room?  out has memory for all that the block says it is. */
static bool
room(const struct parts *p, size_t n)
{
	return p->out->len <= p->end && n <= p->end - p->out->len;
}

/* The next tuple, which must be of that role; and of the relation, unless it is the first of its item. */
static bool
put_tuple(struct parts *p, unsigned role, uint32_t *relation, bool first)
{
	struct part *s = &p->part[next(p, HR_SERIES_SECTION)];
	uint8_t *from = p->out->data + p->out->len, *end = p->out->data + p->end, *to = from + 2;
	const struct hr_value *v;
	int i;

	if (s->role != role || (!first && s->relation != *relation) || !room(p, 2))
		return false;
	*relation = s->relation;
	hr_set_u16be(from, (uint16_t)s->columns);
	for (i = 0; i < s->columns; i++) {
		v = &s->v[i][s->taken];
		if ((size_t)(end - to) < hr_value_size(v))
			return false;
		to = hr_value_put(to, v);
	}
	if (s->tuple)
		s->tuple[s->taken] = (struct hr_string){ from, (size_t)(to - from) };
	p->out->len += (size_t)(to - from);
	s->taken++;
	return true;
}

/* op, then the table, which the first tuple tells, what old is, and tuples. */
static bool
put_row(struct parts *p, enum hr_op op, char old, int step)
{
	size_t mark = hr_item_open(p->out, op), table = p->out->len;
	uint32_t relation = 0;
	bool first = true;

	hr_buf_u32le(p->out, 0);
	if (old)
		hr_buf_u8(p->out, (uint8_t)old);
	if (step >= 0)
		hr_buf_u8(p->out, (uint8_t)step);
	if (old == 'K' || old == 'O') {
		if (!put_tuple(p, old == 'K' ? HR_ROLE_KEY : HR_ROLE_OLD, &relation, true))
			return false;
		first = false;
	}
	if (op != HR_DELETE && op != HR_DROP &&
	    !put_tuple(p, op == HR_LEAVE ? HR_ROLE_LEAVE : HR_ROLE_NEW, &relation, first))
		return false;
	hr_set_u32le(p->out->data + table, relation);
	hr_item_close(p->out, mark);
	return true;
}

static bool
put_body(struct parts *p, enum hr_op op, const struct hr_string *s)
{
	size_t mark;

	if (!room(p, ITEM_LEAST + s->len))
		return false;
	mark = hr_item_open(p->out, op);
	hr_buf_put(p->out, s->data, s->len);
	hr_item_close(p->out, mark);
	return true;
}

static bool
put_item(struct parts *p, hr_lsn *begin)
{
	uint64_t op = next(p, HR_SERIES_OP), xid;
	const struct hr_string *name;
	hr_lsn lsn;

	if (!room(p, op == HR_BEGIN ? 25 : op == HR_COMMIT ? 13 : 10))
		return false;
	switch (op) {
	case HR_BEGIN:
		xid = next(p, HR_SERIES_XID);
		p->begun = *begin = p->ended + next(p, HR_SERIES_BEGIN);
		hr_put_begin(p->out, (uint32_t)xid, p->begun, (int64_t)next(p, HR_SERIES_BEGIN_TIME));
		return true;
	case HR_COMMIT:
		p->ended = p->begun + next(p, HR_SERIES_COMMIT);
		hr_put_commit(p->out, p->ended);
		return true;
	case HR_ORIGIN:
		lsn = next(p, HR_SERIES_ORIGIN);
		name = &p->origin[p->origins++];
		if (!room(p, 13 + name->len))
			return false;
		hr_put_origin(p->out, lsn, (const char *)name->data, name->len);
		return true;
	case HR_TRUNCATE:
	case HR_MESSAGE: return put_body(p, (enum hr_op)op, &p->body[p->bodies++]);
	case HR_INSERT:
	case HR_PUT: return put_row(p, (enum hr_op)op, 0, -1);
	case HR_UPDATE: return put_row(p, HR_UPDATE, '-', -1);
	case HR_OP_UPDATE_KEY: return put_row(p, HR_UPDATE, 'K', -1);
	case HR_OP_UPDATE_OLD: return put_row(p, HR_UPDATE, 'O', -1);
	case HR_DELETE: return put_row(p, HR_DELETE, 'K', -1);
	case HR_OP_DELETE_OLD: return put_row(p, HR_DELETE, 'O', -1);
	case HR_DROP: return put_row(p, HR_DROP, 'K', -1);
	case HR_OP_DROP_OLD: return put_row(p, HR_DROP, 'O', -1);
	case HR_LEAVE: return put_row(p, HR_LEAVE, 0, (uint8_t)next(p, HR_SERIES_STEP));
	}
	return false;
}

static bool
put_payload(struct parts *p, uint64_t kind, uint64_t *items)
{
	const struct hr_string *s;
	hr_lsn begin = 0;
	bool begun = false;
	uint64_t i, op = 0;

	switch (kind) {
	case HR_KIND_WATERMARK:
		if (!room(p, 9))
			return false;
		hr_buf_u64le(p->out, next(p, HR_SERIES_TIME));
		hr_buf_u8(p->out, (uint8_t)next(p, HR_SERIES_IDLE));
		return true;
	case HR_KIND_PAYLOAD:
		s = &p->payload[p->payloads++];
		if (!room(p, s->len))
			return false;
		hr_buf_put(p->out, s->data, s->len);
		return true;
	}
	*items = next(p, HR_SERIES_ITEMS);
	for (i = 0; i < *items; i++) {
		op = p->series[HR_SERIES_OP][p->taken[HR_SERIES_OP]];
		begun = begun || op == HR_BEGIN;
		if (!put_item(p, &begin))
			return false;
	}
	if (op == HR_COMMIT)
		p->last = p->ended;
	else if (begun)
		p->last = begin;
	return true;
}

/* Frame i; what it says of itself comes last, in front. */
static bool
put_frame(struct parts *p, size_t i, const struct hr_string *tenant)
{
	struct hr_frame f = {
		.type = (uint8_t)p->series[HR_SERIES_TYPE][i], .flags = (uint8_t)p->series[HR_SERIES_FLAGS][i],
		.tenant_len = (uint16_t)tenant->len,
	};
	size_t mark = p->out->len, data;
	uint64_t items = 0;

	if (!hr_block_packs(f.type) || tenant->len > HR_TENANT_MAX || (tenant->len && (f.flags & HR_ALL)) ||
	    !room(p, HR_FRAME_SIZE + tenant->len))
		return false;
	p->out->len += HR_FRAME_SIZE;
	hr_buf_put(p->out, tenant->data, tenant->len);
	data = p->out->len;
	if (!put_payload(p, p->series[HR_SERIES_KIND][i], &items))
		return false;
	f.tenant = (const char *)p->out->data + mark + HR_FRAME_SIZE;
	f.data = p->out->data + data;
	f.len = (uint32_t)(p->out->len - data);
	f.count = (uint32_t)(p->series[HR_SERIES_COUNT][i] + items);
	f.lsn = p->last + p->series[HR_SERIES_LSN][i];
	p->last = f.lsn;
	hr_frame_encode(&f, 0, p->out->data + mark);
	return true;
}

/* The two parts, meta unpacked. */
static bool
open_parts(struct hr_dec *d, const struct hr_block *b, struct hr_kept *kept)
{
	struct hr_cur c = hr_cur(b->body, b->len);
	uint64_t raw = hr_varint_get(&c), packed = hr_varint_get(&c);
	const uint8_t *meta = hr_cur_bytes(&c, packed ? packed : raw);
	uint8_t *unpacked;

	if (c.bad)
		return false;
	if (packed) {
		unpacked = hr_arena_get(&d->arena, raw, 1);
		if (kept && kept->meta.len)
			hr_zst_refer(d->zst, false, kept->meta.data, kept->meta.len);
		if (unpacked == NULL || hr_zst_unpack(d->zst, meta, packed, unpacked, raw) < 0)
			return false;
		meta = unpacked;
	}
	if (kept) {
		hr_buf_reset(&kept->meta);
		hr_buf_put(&kept->meta, meta, raw < HR_META_KEPT_MAX ? raw : HR_META_KEPT_MAX);
	}
	d->meta = hr_cur(meta, raw);
	d->data = hr_cur(c.at, hr_cur_left(&c));
	return true;
}

bool
hr_columns_decode(struct hr_columns *c, const struct hr_block *b, const char *tenant, size_t tenant_len,
    struct hr_kept *kept, struct hr_records *out)
{
	struct hr_string whose = { (const uint8_t *)tenant, tenant_len };
	struct parts p = { .d = &c->dec, .keep = &c->keep, .kept = kept, .out = &out->bytes, .frames = b->frames };
	struct hr_string in_block = { NULL, 0 };
	uint8_t tenants;
	size_t i, mark, most;

	hr_arena_reset(&c->dec.arena, (size_t)b->size * ARENA_FACTOR + ARENA_LEAST);
	c->dec.left = most = kept ? hr_keep_most(&c->keep, kept) : 0;
	c->dec.room = kept ? hr_kept_room(c->dec.left, kept, NULL) : 0;
	c->dec.entries = kept ? hr_kept_entries(kept, NULL) : 0;
	if (!open_parts(&c->dec, b, kept))
		return false;
	tenants = hr_cur_u8(&c->dec.meta);
	p.begun = p.ended = p.last = hr_varint_get(&c->dec.meta);
	if (tenants > 1 || (tenants && tenant_len))
		return false;
	p.tenant = tenants ? &in_block : NULL;
	if ((p.frames && !get_frames(&p, b->size)) || !get_items(&p, b->size))
		return false;
	if (c->dec.meta.bad || c->dec.data.bad || hr_cur_left(&c->dec.meta) || hr_cur_left(&c->dec.data))
		return false;
	hr_buf_need(&out->bytes, b->size);
	p.end = out->bytes.len + b->size;
	for (i = 0; i < p.frames; i++) {
		mark = out->bytes.len;
		if (!put_frame(&p, i, tenants ? &p.tenant[i] : &whose))
			return false;
		HR_GROW(out->v, out->n, out->cap);
		out->v[out->n++] = (struct hr_record){ (uint32_t)p.series[HR_SERIES_PLACE][i], mark,
		    out->bytes.len - mark };
	}
	if (out->bytes.len != p.end)
		return false;
	if (kept)
		hr_keep_took(&c->keep, kept, most - c->dec.left);
	keep_sections(&p);
	if (kept)
		hr_kept_settle(&c->keep, kept, NULL);
	return true;
}
