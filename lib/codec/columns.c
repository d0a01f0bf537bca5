/*
 * columns.c - frames to columns.
 *
 * Two passes: the first takes items apart and counts the tuples of each
 * section (a table, what the tuples are, how many columns they have), the
 * second fills columns of just that length.
 *
 *	varint	bytes of meta, and of it packed; 0: as it is
 *		meta, data
 *
 * and in meta, where codecs add to both, in this order
 *
 *	u8	1: tenants are in the block
 *	varint	the first frame's LSN, which LSNs below are counted from
 *		of frames: type, flags, place, kind, count beyond the items',
 *		[tenant], items, time and idle of watermarks, LSN, payloads
 *		of items: operation, xid, LSN and time of begins, LSN of
 *		commits, LSN and name of origins, steps, other bodies
 *	varint	sections, and of each: table, role, columns
 *		the section of each tuple, in the order of items
 *		columns, section by section
 */

#include "base/hr.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/crc32c.h"
#include "codec/columns.h"
#include "codec/ints.h"

#define MEMORY_MAX	(64 * 1024 * 1024)
#define ZSTD_META	3

struct hr_section_memory {
	uint64_t block;			/* the last that it was in */
	uint32_t index;			/* there */
	int columns;
	uint8_t updated;		/* blocks that references are still looked for in */
	struct hr_column_memory column[];
};

#define UPDATED	64

struct hr_section {
	struct hr_section_memory *memory;
	struct hr_section_kept *kept;
	uint32_t relation;
	uint8_t role;
	int columns;
	size_t rows, filled;
	struct hr_string *tuple;
	struct hr_value **v;		/* those that rows are found by first, when keys is not 0 */
	uint16_t *order;		/* their numbers in the tuple */
	int keys;
	struct hr_references references;
	uint64_t *time;			/* of each row's commit */
	struct hr_guess_rows guess;
};

static const char *const series_name[HR_SERIES_ALL] = {
	"type", "flags", "place", "lsn", "kind", "count", "items", "watermark time", "idle", "operation", "xid",
	"begin lsn", "begin time", "commit lsn", "origin lsn", "step", "section",
};

void
hr_columns_init(struct hr_columns *c, int level)
{
	c->enc.zst = c->dec.zst = &c->zst;
	c->enc.level = level;
}

static void
free_memory(void *memory)
{
	struct hr_section_memory *m = memory;
	int i;

	for (i = 0; i < m->columns; i++)
		hr_column_memory_clear(&m->column[i]);
	free(m);
}

static size_t
written(const struct hr_columns *c)
{
	return c->enc.meta.len + c->enc.data.len;
}

static void
put_series(struct hr_columns *c, enum hr_series s, const uint64_t *v, size_t n)
{
	size_t before = written(c);

	hr_ints_encode(&c->enc, v, n, &c->series[s], HR_KEPT(c->kept, series[s]));
	hr_stats_add(&c->stats, "(stream)", series_name[s], "", hr_ints_name(c->series[s].codec),
	    8 * (uint64_t)n, written(c) - before);
}

static void
put_strings(struct hr_columns *c, const char *name, const struct hr_string *s, size_t n,
    struct hr_strings_memory *m, struct hr_strings_kept *kept)
{
	size_t before = written(c), all = 0, i;

	hr_strings_encode(&c->enc, s, n, m, kept);
	for (i = 0; i < n; i++)
		all += s[i].len;
	hr_stats_add(&c->stats, "(stream)", name, "", m->form.codec ? "strings, dictionary" : "strings",
	    all, written(c) - before);
}

/* --- the first pass --- */

static void
add_tuple(struct hr_columns *c, uint32_t relation, uint8_t role, const uint8_t *tuple, bool updated)
{
	struct hr_section_memory *m;
	struct hr_section *last = c->tuples ? &c->section[c->tuple[c->tuples - 1]] : NULL;
	int columns = hr_get_u16be(tuple);
	struct hr_section_key key;
	void **at;

	HR_GROW(c->tuple, c->tuples, c->tuple_cap);
	/* Mostly that of the one before. */
	if (last && last->relation == relation && last->role == role && last->columns == columns) {
		if (updated)
			last->memory->updated = UPDATED;
		last->rows++;
		c->tuple[c->tuples] = c->tuple[c->tuples - 1];
		c->tuples++;
		return;
	}
	key = hr_section_key(relation, role, columns);
	at = hr_map_at(&c->memory, key.bytes, sizeof(key.bytes));
	if (*at == NULL) {
		size_t bytes = sizeof(*m) + (size_t)columns * sizeof(m->column[0]);

		*at = hr_zalloc(bytes);
		c->memory_bytes += bytes;
	}
	m = *at;
	m->columns = columns;
	if (m->block != c->block) {
		m->block = c->block;
		m->index = (uint32_t)c->sections;
		HR_GROW(c->section, c->sections, c->section_cap);
		c->section[c->sections++] = (struct hr_section){
			.memory = m, .relation = relation, .role = role, .columns = columns,
			.kept = c->kept ? hr_kept_section(c->kept, key, columns) : NULL,
		};
	}
	if (updated)
		m->updated = UPDATED;
	c->section[m->index].rows++;
	c->tuple[c->tuples++] = m->index;
}

static uint8_t
old_role(const struct hr_item *it)
{
	return it->old == 'K' ? HR_ROLE_KEY : HR_ROLE_OLD;
}

static bool
too_wide(const uint8_t *tuple)
{
	return tuple && hr_get_u16be(tuple) > HR_COLUMNS_MAX;
}

/* Take a rows frame apart; false, with nothing added: it has to be kept as it is. */
static bool
take_apart(struct hr_columns *c, const struct hr_frame *f)
{
	struct hr_cur cur = hr_cur(f->data, f->len);
	struct hr_err e;
	size_t first = c->items, i;
	int more;

	do {
		HR_GROW(c->item, c->items, c->item_cap);
		more = hr_rows_next(&cur, &c->item[c->items], &e);
		if (more > 0 && (too_wide(c->item[c->items].tuple) || too_wide(c->item[c->items].old_tuple)))
			more = -1;
		c->items += more > 0;
	} while (more > 0);
	if (more < 0) {
		c->items = first;
		return false;
	}
	for (i = first; i < c->items; i++) {
		const struct hr_item *it = &c->item[i];

		if (it->old_tuple)
			add_tuple(c, it->relation, old_role(it), it->old_tuple, false);
		if (it->tuple)
			add_tuple(c, it->relation, it->op == HR_LEAVE ? HR_ROLE_LEAVE : HR_ROLE_NEW, it->tuple,
			    it->op == HR_UPDATE);
	}
	return true;
}

/* --- the second --- */

static void
fill_tuple(struct hr_columns *c, const uint8_t *tuple, size_t len, uint64_t time, size_t *at)
{
	struct hr_section *s = &c->section[c->tuple[(*at)++]];
	struct hr_value row[HR_COLUMNS_MAX];
	int n = hr_tuple_decode(tuple, len, row, HR_COLUMNS_MAX), i;

	for (i = 0; i < n; i++)
		s->v[i][s->filled] = row[i];
	s->time[s->filled] = time;
	s->tuple[s->filled++] = (struct hr_string){ tuple, len };
}

static uint8_t
op_of(const struct hr_item *it)
{
	if (it->op == HR_UPDATE && it->old != '-')
		return it->old == 'K' ? HR_OP_UPDATE_KEY : HR_OP_UPDATE_OLD;
	if (it->op == HR_DELETE && it->old == 'O')
		return HR_OP_DELETE_OLD;
	if (it->op == HR_DROP && it->old == 'O')
		return HR_OP_DROP_OLD;
	return (uint8_t)it->op;
}

/* Rows in front of the first begin have its time. */
static uint64_t
first_time(const struct hr_columns *c)
{
	size_t i;

	for (i = 0; i < c->items; i++)
		if (c->item[i].op == HR_BEGIN)
			return (uint64_t)c->item[i].time;
	return 0;
}

static void
put_items(struct hr_columns *c, hr_lsn first)
{
	struct hr_arena *a = &c->enc.arena;
	size_t n = c->items, i, begins = 0, commits = 0, origins = 0, steps = 0, bodies = 0, at = 0;
	uint64_t *op = hr_arena_get(a, n, 8), *xid = hr_arena_get(a, n, 8), *begin = hr_arena_get(a, n, 8);
	uint64_t *time = hr_arena_get(a, n, 8), *commit = hr_arena_get(a, n, 8), *step = hr_arena_get(a, n, 8);
	uint64_t *origin = hr_arena_get(a, n, 8);
	struct hr_string *name = hr_arena_get(a, n, sizeof(*name)), *body = hr_arena_get(a, n, sizeof(*body));
	hr_lsn begun = first, ended = first;
	uint64_t now = first_time(c);

	for (i = 0; i < n; i++) {
		const struct hr_item *it = &c->item[i];

		op[i] = op_of(it);
		switch (it->op) {
		case HR_BEGIN:
			xid[begins] = it->xid;
			begin[begins] = it->lsn - ended;
			now = time[begins++] = (uint64_t)it->time;
			begun = it->lsn;
			break;
		case HR_COMMIT:
			commit[commits++] = it->lsn - begun;
			ended = it->lsn;
			break;
		case HR_ORIGIN:
			origin[origins] = it->lsn;
			name[origins++] = (struct hr_string){ (const uint8_t *)it->name, it->name_len };
			break;
		case HR_TRUNCATE:
			/* The item's body, behind its operation. */
			body[bodies++] = (struct hr_string){ it->relation_list - 5, 5 + 4 * (size_t)it->relations };
			break;
		case HR_MESSAGE:
			body[bodies++] = (struct hr_string){ (const uint8_t *)it->name - 9,
			    9 + it->name_len + 1 + it->content_len };
			break;
		default:
			if (it->op == HR_LEAVE)
				step[steps++] = it->step;
			if (it->old_tuple)
				fill_tuple(c, it->old_tuple, it->old_len, now, &at);
			if (it->tuple)
				fill_tuple(c, it->tuple, it->tuple_len, now, &at);
		}
	}
	put_series(c, HR_SERIES_OP, op, n);
	put_series(c, HR_SERIES_XID, xid, begins);
	put_series(c, HR_SERIES_BEGIN, begin, begins);
	put_series(c, HR_SERIES_BEGIN_TIME, time, begins);
	put_series(c, HR_SERIES_COMMIT, commit, commits);
	put_series(c, HR_SERIES_ORIGIN, origin, origins);
	put_strings(c, "origin", name, origins, &c->origins, HR_KEPT(c->kept, origins));
	put_series(c, HR_SERIES_STEP, step, steps);
	put_strings(c, "body", body, bodies, &c->bodies, HR_KEPT(c->kept, bodies));
}

/*
 * The order of columns: those that rows are found by first, when there have been
 * updates; the replica identity, unless that is all of the row.
 */
static void
set_order(struct hr_columns *c, struct hr_section *s)
{
	const struct hr_relation *r = hr_relations_get(&c->relations, s->relation);
	struct hr_value **v;
	int i, at;

	s->order = hr_arena_get(&c->enc.arena, (size_t)s->columns, sizeof(*s->order));
	for (i = 0; i < s->columns; i++)
		s->order[i] = (uint16_t)i;
	if (s->memory->updated == 0 || s->role != HR_ROLE_NEW || r == NULL || r->columns != s->columns)
		return;
	s->memory->updated--;
	for (i = 0; i < s->columns; i++)
		s->keys += r->column[i].key;
	if (s->keys > HR_VERSIONS_KEYS || s->keys == s->columns)
		s->keys = 0;
	if (s->keys == 0)
		return;
	v = hr_arena_get(&c->enc.arena, (size_t)s->columns, sizeof(*v));
	for (i = at = 0; i < s->columns; i++)
		if (r->column[i].key)
			s->order[at++] = (uint16_t)i;
	for (i = 0; i < s->columns; i++)
		if (!r->column[i].key)
			s->order[at++] = (uint16_t)i;
	for (i = 0; i < s->columns; i++)
		v[i] = s->v[s->order[i]];
	s->v = v;
}

/* Column i of those in order, against references where there are any. */
static void
put_column(struct hr_columns *c, struct hr_section *s, int i, uint32_t type)
{
	struct hr_column_memory *m = &s->memory->column[s->order[i]];
	struct hr_column_kept *kept = HR_KEPT(s->kept, column[s->order[i]]);
	struct hr_arena_mark mark = hr_arena_mark(&c->enc.arena);
	size_t k, flags = 0, rest = 0;
	struct hr_guess g = { .rows = &s->guess, .at = i };
	const struct hr_value *before;
	struct hr_value *own;
	uint64_t *same;
	uint32_t *row;

	if (i >= s->keys && s->references.found) {
		bool as_another = hr_column_same(s->v, i, s->rows) >= 0;

		hr_buf_u8(&c->enc.meta, !as_another);
		if (!as_another) {
			own = hr_arena_get(&c->enc.arena, s->rows, sizeof(*own));
			same = hr_arena_get(&c->enc.arena, s->rows, sizeof(*same));
			row = hr_arena_get(&c->enc.arena, s->rows, sizeof(*row));
			for (k = 0; k < s->rows; k++) {
				bool is = false;

				before = hr_reference(&s->references, s->v[i], k, s->order[i]);
				if (before)
					same[flags++] = is = hr_value_same(before, &s->v[i][k]);
				if (!is) {
					row[rest] = (uint32_t)k;
					own[rest++] = s->v[i][k];
				}
			}
			g.row = row;
			hr_ints_encode(&c->enc, same, flags, &m->same, HR_KEPT(kept, same));
			hr_column_encode(&c->enc, &own, 0, rest, type, &g, m, kept);
			hr_arena_release(&c->enc.arena, mark);
			return;
		}
	}
	hr_column_encode(&c->enc, s->v, i, s->rows, type, &g, m, kept);
}

static void
set_guess(struct hr_columns *c, struct hr_section *s)
{
	s->guess = (struct hr_guess_rows){
		.v = s->v, .n = s->rows, .order = s->order, .time = s->time, .references = &s->references,
		.kept = s->kept ? hr_kept_guesses(s->kept, s->order, &c->enc.arena) : NULL,
		.id = hr_arena_get(&c->enc.arena, s->rows, sizeof(*s->guess.id)), .key = -1,
	};
	hr_guess_begin(&s->guess, &c->enc.arena);
}

static void
put_section(struct hr_columns *c, struct hr_section *s)
{
	const struct hr_relation *r = hr_relations_get(&c->relations, s->relation);
	bool known = r && s->role != HR_ROLE_LEAVE && r->columns == s->columns;
	char table[256], codec[64];
	size_t before, k, front;
	uint64_t in;
	int i;

	if (c->stats.wanted)
		snprintf(table, sizeof(table), "%s.%s", r ? r->schema : "", r ? r->name : "");
	set_order(c, s);
	set_guess(c, s);
	front = c->enc.meta.len;
	hr_buf_u8(&c->enc.meta, (uint8_t)s->keys);
	for (i = 0; i < s->keys; i++)
		hr_varint_put(&c->enc.meta, s->order[i]);
	c->enc.room = s->kept ? hr_kept_room(c->enc.left, c->kept, s->kept) : 0;
	c->enc.entries = s->kept ? hr_kept_entries(c->kept, s->kept) : 0;
	for (i = 0; i < s->columns; i++) {
		uint16_t at = s->order[i];

		before = written(c);
		/* With the keys known to who reads, references are too. */
		if (s->keys && i == s->keys)
			hr_references_find(&s->references, &c->enc.arena, s->v, s->rows, s->keys,
			    s->columns, HR_KEPT(s->kept, versions));
		put_column(c, s, i, known ? r->column[at].type : 0);
		if (!c->stats.wanted)
			continue;
		for (k = 0, in = 4 * (uint64_t)s->rows; k < s->rows; k++)
			in += s->v[i][k].len > 0 ? (uint64_t)s->v[i][k].len : 0;
		snprintf(codec, sizeof(codec), "%s%s", hr_column_codec(&s->memory->column[at]),
		    hr_column_against(&s->memory->column[at]));
		hr_stats_add(&c->stats, table, known ? r->column[at].name : "", known ? r->column[at].type_name : "",
		    codec, in, written(c) - before);
	}
	if (s->guess.timed)
		c->enc.meta.data[front] |= HR_SECTION_TIMED;
}

static void
put_tuples(struct hr_columns *c)
{
	uint64_t *section = hr_arena_get(&c->enc.arena, c->tuples, sizeof(*section));
	size_t i;

	hr_varint_put(&c->enc.meta, c->sections);
	for (i = 0; i < c->sections; i++) {
		const struct hr_section *s = &c->section[i];

		hr_varint_put(&c->enc.meta, s->relation);
		hr_buf_u8(&c->enc.meta, s->role);
		hr_varint_put(&c->enc.meta, (uint64_t)s->columns);
	}
	for (i = 0; i < c->tuples; i++)
		section[i] = c->tuple[i];
	put_series(c, HR_SERIES_SECTION, section, c->tuples);
	for (i = 0; i < c->sections; i++)
		put_section(c, &c->section[i]);
	/* Who reads knows these when it has written all. */
	for (i = 0; c->kept && i < c->sections; i++) {
		if (c->section[i].keys)
			hr_versions_keep(&c->section[i].kept->versions, &c->section[i].references,
			    c->section[i].tuple);
		hr_kept_settle(&c->keep, c->kept, c->section[i].kept);
	}
}

/* What a frame's LSN is most likely to be: that of the transaction it ends in. */
static hr_lsn
likely_lsn(const struct hr_item *it, size_t n, hr_lsn before)
{
	if (n && it[n - 1].op == HR_COMMIT)
		return it[n - 1].lsn;
	while (n--)
		if (it[n].op == HR_BEGIN)
			return it[n].lsn;
	return before;
}

static void
put_frames(struct hr_columns *c, const struct hr_placed *frame, size_t n, bool tenants)
{
	struct hr_arena *a = &c->enc.arena;
	uint64_t *type = hr_arena_get(a, n, 8), *flags = hr_arena_get(a, n, 8), *place = hr_arena_get(a, n, 8);
	uint64_t *kind = hr_arena_get(a, n, 8), *count = hr_arena_get(a, n, 8), *items = hr_arena_get(a, n, 8);
	uint64_t *time = hr_arena_get(a, n, 8), *idle = hr_arena_get(a, n, 8), *lsn = hr_arena_get(a, n, 8);
	struct hr_string *payload = hr_arena_get(a, n, sizeof(*payload)), *tenant = hr_arena_get(a, n, sizeof(*tenant));
	size_t i, rows = 0, marks = 0, payloads = 0, before;
	hr_lsn last = frame[0].f.lsn;

	for (i = 0; i < n; i++) {
		const struct hr_frame *f = &frame[i].f;

		type[i] = f->type;
		flags[i] = f->flags;
		place[i] = frame[i].place;
		count[i] = f->count;
		tenant[i] = (struct hr_string){ (const uint8_t *)f->tenant, f->tenant_len };
		before = c->items;
		if (f->type == HR_FRAME_ROWS && take_apart(c, f)) {
			kind[i] = HR_KIND_ITEMS;
			items[rows] = c->items - before;
			count[i] = (uint32_t)(f->count - items[rows++]);
			last = likely_lsn(c->item + before, c->items - before, last);
		} else if (f->type == HR_FRAME_WATERMARK && f->len == 9) {
			kind[i] = HR_KIND_WATERMARK;
			time[marks] = hr_get_u64le(f->data);
			idle[marks++] = f->data[8];
		} else {
			kind[i] = HR_KIND_PAYLOAD;
			payload[payloads++] = (struct hr_string){ f->data, f->len };
		}
		lsn[i] = f->lsn - last;
		last = f->lsn;
	}
	put_series(c, HR_SERIES_TYPE, type, n);
	put_series(c, HR_SERIES_FLAGS, flags, n);
	put_series(c, HR_SERIES_PLACE, place, n);
	put_series(c, HR_SERIES_KIND, kind, n);
	put_series(c, HR_SERIES_COUNT, count, n);
	if (tenants)
		put_strings(c, "tenant", tenant, n, &c->tenants, HR_KEPT(c->kept, tenants));
	put_series(c, HR_SERIES_ITEMS, items, rows);
	put_series(c, HR_SERIES_TIME, time, marks);
	put_series(c, HR_SERIES_IDLE, idle, marks);
	put_series(c, HR_SERIES_LSN, lsn, n);
	put_strings(c, "payload", payload, payloads, &c->payloads, HR_KEPT(c->kept, payloads));
}

void
hr_columns_encode(struct hr_columns *c, const struct hr_placed *frame, size_t n, bool tenants,
    struct hr_kept *kept, struct hr_buf *out)
{
	struct hr_enc *o = &c->enc;
	size_t i;
	int k;

	if (c->memory_bytes > MEMORY_MAX) {
		hr_map_clear(&c->memory, free_memory);
		c->memory_bytes = 0;
	}
	hr_buf_reset(&o->meta);
	hr_buf_reset(&o->data);
	hr_arena_reset(&o->arena, 0);
	c->items = c->tuples = c->sections = 0;
	c->block++;
	c->kept = kept;
	o->left = kept ? hr_keep_left(&c->keep) : 0;
	o->room = kept ? hr_kept_room(o->left, kept, NULL) : 0;
	o->entries = kept ? hr_kept_entries(kept, NULL) : 0;
	hr_buf_u8(&o->meta, tenants);
	hr_varint_put(&o->meta, n ? frame[0].f.lsn : 0);
	if (n)
		put_frames(c, frame, n, tenants);
	for (i = 0; i < c->sections; i++) {
		struct hr_section *s = &c->section[i];

		s->v = hr_arena_get(&o->arena, (size_t)s->columns, sizeof(*s->v));
		for (k = 0; k < s->columns; k++)
			s->v[k] = hr_arena_get(&o->arena, s->rows, sizeof(**s->v));
		s->tuple = hr_arena_get(&o->arena, s->rows, sizeof(*s->tuple));
		s->time = hr_arena_get(&o->arena, s->rows, sizeof(*s->time));
	}
	put_items(c, n ? frame[0].f.lsn : 0);
	put_tuples(c);

	hr_buf_reset(&c->packed);
	if (kept && kept->meta.len)
		hr_zst_refer(&c->zst, true, kept->meta.data, kept->meta.len);
	hr_zst_pack(&c->zst, ZSTD_META, o->meta.data, o->meta.len, &c->packed);
	hr_varint_put(out, o->meta.len);
	if (c->packed.len < o->meta.len) {
		hr_varint_put(out, c->packed.len);
		hr_buf_put(out, c->packed.data, c->packed.len);
	} else {
		hr_varint_put(out, 0);
		hr_buf_put(out, o->meta.data, o->meta.len);
	}
	hr_buf_put(out, o->data.data, o->data.len);
	if (kept) {
		hr_buf_reset(&kept->meta);
		hr_buf_put(&kept->meta, o->meta.data, o->meta.len < HR_META_KEPT_MAX ? o->meta.len : HR_META_KEPT_MAX);
		hr_kept_settle(&c->keep, kept, NULL);
	}
}

void
hr_columns_clear(struct hr_columns *c)
{
	hr_buf_clear(&c->enc.meta);
	hr_buf_clear(&c->enc.data);
	hr_buf_clear(&c->packed);
	hr_arena_clear(&c->enc.arena);
	hr_arena_clear(&c->dec.arena);
	hr_zst_clear(&c->zst);
	hr_relations_clear(&c->relations);
	hr_stats_clear(&c->stats);
	hr_map_clear(&c->memory, free_memory);
	hr_keep_clear(&c->keep);
	free(c->item);
	free(c->section);
	free(c->tuple);
}
