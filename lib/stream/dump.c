/*
 * dump.c - frames to JSON lines, written straight into a buffer.
 *
 * Only the head goes through jansson.  Rows cost one pass over their bytes.
 */

#include "base/hr.h"

#include <jansson.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/hex.h"
#include "base/json.h"
#include "base/lsn.h"
#include "stream/block.h"
#include "stream/dump.h"
#include "stream/mark.h"
#include "stream/rows.h"
#include "stream/value.h"

#define GATHER_BYTES	(64 * 1024)

enum { BOOL = 16, INT8 = 20, INT2 = 21, INT4 = 23, JSON = 114, FLOAT4 = 700, FLOAT8 = 701, JSONB = 3802 };

static void
put(struct hr_buf *b, const char *s)
{
	hr_buf_puts(b, s);
}

static void
put_string(struct hr_buf *b, const char *s)
{
	hr_json_string(b, s, strlen(s));
}

static void
put_bool(struct hr_buf *b, bool v)
{
	put(b, v ? "true" : "false");
}

static void
put_lsn(struct hr_buf *b, hr_lsn lsn)
{
	hr_buf_u8(b, '"');
	put(b, HR_LSN(lsn));
	hr_buf_u8(b, '"');
}

static void
put_time(struct hr_buf *b, int64_t time)
{
	char text[HR_TIME_TEXT];

	put_string(b, hr_time_format(text, time));
}

/* What is neither text nor known: {"binary":"\\x..."}. */
static void
put_binary(struct hr_buf *b, const uint8_t *p, size_t n)
{
	put(b, "{\"binary\":\"\\\\x");
	hr_buf_need(b, 2 * n);
	hr_hex_put(b->data + b->len, p, n);
	b->len += 2 * n;
	put(b, "\"}");
}

/* {"frame":"rows","tenant":"acme","lsn":"0/1" */
static void
put_front(struct hr_buf *b, const struct hr_frame *f)
{
	put(b, "{\"frame\":\"");
	put(b, hr_frame_name(f->type));
	hr_buf_u8(b, '"');
	if (f->tenant_len) {
		put(b, ",\"tenant\":");
		hr_json_string(b, f->tenant, f->tenant_len);
	} else if ((f->type == HR_FRAME_ROWS || f->type == HR_FRAME_BLOCK) && (f->flags & HR_ALL))
		put(b, ",\"all\":true");
	put(b, ",\"lsn\":");
	put_lsn(b, f->lsn);
	if (f->flags & HR_COPY)
		put(b, ",\"copy\":true");
	if (f->flags & HR_ORDERED)
		put(b, ",\"ordered\":true");
}

static int
dump_head(struct hr_dump *d, const struct hr_frame *f, struct hr_err *e)
{
	json_t *o = json_loadb((const char *)f->data, f->len, JSON_REJECT_DUPLICATES, NULL);
	char *text;

	if (!json_is_object(o)) {
		json_decref(o);
		return hr_fail(e, HR_BAD_STREAM, "the stream's head is not a JSON object");
	}
	/* Our own two keys are in the line already. */
	json_object_del(o, "frame");
	json_object_del(o, "lsn");
	text = json_dumps(o, JSON_COMPACT);
	if (json_object_size(o) && text) {
		hr_buf_u8(&d->out, ',');
		hr_buf_put(&d->out, text + 1, strlen(text) - 2);
	}
	free(text);
	json_decref(o);
	return 0;
}

static void
put_table(struct hr_buf *b, const struct hr_relation *r)
{
	size_t dot;

	put_string(b, r->schema);
	/* The name's opening quote becomes the dot, the schema's closing one goes. */
	dot = --b->len;
	put_string(b, r->name);
	b->data[dot] = '.';
}

/* The table's name; its number when no relation frame told it. */
static void
put_table_of(struct hr_dump *d, uint32_t id)
{
	const struct hr_relation *r = hr_relations_get(&d->relations, id);

	if (r)
		put_table(&d->out, r);
	else
		hr_buf_printf(&d->out, "%" PRIu32, id);
}

static const char *
word(char c)
{
	switch (c) {
	case 'd': return "default";
	case 'n': return "nothing";
	case 'f': return "full";
	case 'i': return "index";
	}
	return "unknown";
}

static const char *
tenancy(char c)
{
	switch (c) {
	case 'c': return "column";
	case 'p': return "parent";
	case 's': return "schema";
	case 'd': return "database";
	case 'a': return "all";
	}
	return "unknown";
}

/* The tables on the way to the tenant, and the column that holds it. */
static void
put_way(struct hr_dump *d, const struct hr_relation *r)
{
	int i, k;

	put(&d->out, ",\"way\":[");
	for (i = 0; i < r->steps; i++) {
		const struct hr_step *s = &r->step[i];
		struct hr_relation named = { .schema = s->schema, .name = s->name };

		put(&d->out, i ? ",{\"table\":" : "{\"table\":");
		put_table(&d->out, &named);
		for (k = 0; k < s->columns; k++) {
			put(&d->out, k ? "," : ",\"by\":{");
			put_string(&d->out, s->from[k]);
			hr_buf_u8(&d->out, ':');
			put_string(&d->out, s->to[k]);
		}
		put(&d->out, "}}");
	}
	put(&d->out, "],\"tenant_column\":");
	put_string(&d->out, r->tenant_name);
}

static int
dump_relation(struct hr_dump *d, const struct hr_frame *f, struct hr_err *e)
{
	struct hr_relation *r;
	int i;

	if (hr_relation_decode(&r, f->data, f->len, e) < 0)
		return -1;
	hr_buf_printf(&d->out, ",\"id\":%" PRIu32 ",\"table\":", r->id);
	put_table(&d->out, r);
	put(&d->out, ",\"schema\":");
	put_string(&d->out, r->schema);
	put(&d->out, ",\"name\":");
	put_string(&d->out, r->name);
	hr_buf_printf(&d->out, ",\"identity\":\"%s\",\"tenancy\":\"%s\"",
	    word(r->identity), tenancy(r->tenancy));
	if (r->tenant_column >= 0) {
		put(&d->out, ",\"tenant_column\":");
		put_string(&d->out, r->column[r->tenant_column].name);
	}
	if (r->steps)
		put_way(d, r);
	put(&d->out, ",\"columns\":[");
	for (i = 0; i < r->columns; i++) {
		const struct hr_column *c = &r->column[i];

		put(&d->out, i ? ",{\"name\":" : "{\"name\":");
		put_string(&d->out, c->name);
		put(&d->out, ",\"type\":");
		put_string(&d->out, c->type_name);
		put(&d->out, ",\"type_schema\":");
		put_string(&d->out, c->type_schema);
		hr_buf_printf(&d->out, ",\"type_id\":%" PRIu32 ",\"typmod\":%" PRId32 ",\"key\":",
		    c->type, c->typmod);
		put_bool(&d->out, c->key);
		hr_buf_u8(&d->out, '}');
	}
	hr_buf_u8(&d->out, ']');
	hr_relations_put(&d->relations, r);
	return 0;
}

/* PostgreSQL's text of v in d->text; false when it has none. */
static void
put_value(struct hr_buf *b, struct hr_buf *text, uint32_t type, const struct hr_value *v)
{
	if (v->len == HR_VALUE_NULL) {
		put(b, "null");
		return;
	}
	if (v->len == HR_VALUE_UNCHANGED) {
		put(b, "{\"unchanged\":true}");
		return;
	}
	hr_buf_reset(text);
	if (hr_value_format(text, type, v) != 1) {
		put_binary(b, v->data, (size_t)v->len);
		return;
	}
	switch (type) {
	case BOOL:
		put_bool(b, text->len && text->data[0] == 't');
		return;
	case INT8:
	case INT2:
	case INT4:
	case FLOAT4:
	case FLOAT8:
	case JSON:
	case JSONB:
		/* NaN and Infinity are no JSON numbers. */
		if (hr_json_compact(b, text->data, text->len))
			return;
	}
	hr_json_string(b, text->data, text->len);
}

void
hr_dump_row(struct hr_buf *out, struct hr_buf *text, const struct hr_relation *r, const struct hr_value *value,
    bool keys)
{
	bool first = true;
	int i;

	hr_buf_u8(out, '{');
	for (i = 0; i < r->columns; i++) {
		if (keys && !r->column[i].key)
			continue;
		if (!first)
			hr_buf_u8(out, ',');
		first = false;
		put_string(out, r->column[i].name);
		hr_buf_u8(out, ':');
		put_value(out, text, r->column[i].type, &value[i]);
	}
	hr_buf_u8(out, '}');
}

/* ,"new":{"id":1,...} */
static int
put_tuple(struct hr_dump *d, const char *name, const struct hr_relation *r,
    const uint8_t *tuple, size_t len, bool keys, struct hr_err *e)
{
	struct hr_value value[HR_COLUMNS_MAX];
	int n = hr_tuple_decode(tuple, len, value, HR_COLUMNS_MAX);

	if (n != r->columns)
		return hr_fail(e, HR_BAD_STREAM, "a row of %d columns for '%s.%s', which has %d",
		    n, r->schema, r->name, r->columns);
	hr_buf_printf(&d->out, ",\"%s\":", name);
	hr_dump_row(&d->out, &d->text, r, value, keys);
	return 0;
}

static int
put_row(struct hr_dump *d, const struct hr_item *it, struct hr_err *e)
{
	const struct hr_relation *r = hr_relations_get(&d->relations, it->relation);

	if (r == NULL)
		return hr_fail(e, HR_BAD_STREAM, "a row of table %" PRIu32 " before its relation frame",
		    it->relation);
	put(&d->out, it->op == HR_INSERT ? "insert" : it->op == HR_PUT ? "put" : it->op == HR_UPDATE ? "update" :
	    it->op == HR_DROP ? "drop" : "delete");
	put(&d->out, "\",\"table\":");
	put_table(&d->out, r);
	if (it->tuple && put_tuple(d, "new", r, it->tuple, it->tuple_len, false, e) < 0)
		return -1;
	if (it->old_tuple && put_tuple(d, it->old == 'K' ? "key" : "old", r,
	    it->old_tuple, it->old_len, it->old == 'K', e) < 0)
		return -1;
	return 0;
}

static int
put_leave(struct hr_dump *d, const struct hr_item *it, struct hr_err *e)
{
	const struct hr_relation *r = hr_relations_get(&d->relations, it->relation);
	struct hr_value value[HR_STEP_COLUMNS_MAX];
	const struct hr_step *s;
	int i;

	if (r == NULL)
		return hr_fail(e, HR_BAD_STREAM, "a row of table %" PRIu32 " before its relation frame",
		    it->relation);
	s = it->step < r->steps ? &r->step[it->step] : NULL;
	if (s == NULL || hr_tuple_decode(it->tuple, it->tuple_len, value, HR_STEP_COLUMNS_MAX) != s->columns)
		return hr_fail(e, HR_BAD_STREAM, "rows of '%s.%s' leave by a way that it does not have", r->schema, r->name);
	put(&d->out, "leave\",\"table\":");
	put_table(&d->out, r);
	put(&d->out, ",\"under\":");
	put_table(&d->out, &(struct hr_relation){ .schema = s->schema, .name = s->name });
	for (i = 0; i < s->columns; i++) {
		put(&d->out, i ? "," : ",\"key\":{");
		put_string(&d->out, s->to[i]);
		hr_buf_u8(&d->out, ':');
		put_value(&d->out, &d->text, 0, &value[i]);
	}
	hr_buf_u8(&d->out, '}');
	return 0;
}

static void
put_truncate(struct hr_dump *d, const struct hr_item *it)
{
	uint32_t i;

	put(&d->out, "truncate\",\"tables\":[");
	for (i = 0; i < it->relations; i++) {
		if (i)
			hr_buf_u8(&d->out, ',');
		put_table_of(d, hr_get_u32le(it->relation_list + (size_t)i * 4));
	}
	put(&d->out, "],\"cascade\":");
	put_bool(&d->out, it->options & HR_TRUNCATE_CASCADE);
	put(&d->out, ",\"restart_identity\":");
	put_bool(&d->out, it->options & HR_TRUNCATE_RESTART);
}

static int
put_item(struct hr_dump *d, const struct hr_item *it, struct hr_err *e)
{
	struct hr_buf *b = &d->out;

	switch (it->op) {
	case HR_BEGIN:
		hr_buf_printf(b, "begin\",\"xid\":%" PRIu32 ",\"commit_lsn\":", it->xid);
		put_lsn(b, it->lsn);
		put(b, ",\"commit_time\":");
		put_time(b, it->time);
		break;
	case HR_COMMIT:
		put(b, "commit\",\"end_lsn\":");
		put_lsn(b, it->lsn);
		break;
	case HR_ORIGIN:
		put(b, "origin\",\"origin\":");
		hr_json_string(b, it->name, it->name_len);
		put(b, ",\"origin_lsn\":");
		put_lsn(b, it->lsn);
		break;
	case HR_LEAVE:
		if (put_leave(d, it, e) < 0)
			return -1;
		break;
	case HR_INSERT:
	case HR_PUT:
	case HR_UPDATE:
	case HR_DELETE:
	case HR_DROP:
		if (put_row(d, it, e) < 0)
			return -1;
		break;
	case HR_TRUNCATE:
		put_truncate(d, it);
		break;
	case HR_MESSAGE:
		put(b, "message\",\"transactional\":");
		put_bool(b, it->options & 1);
		put(b, ",\"message_lsn\":");
		put_lsn(b, it->lsn);
		put(b, ",\"prefix\":");
		hr_json_string(b, it->name, it->name_len);
		put(b, ",\"content\":");
		if (hr_json_utf8(it->content, it->content_len))
			hr_json_string(b, it->content, it->content_len);
		else
			put_binary(b, it->content, it->content_len);
		break;
	}
	put(b, "}\n");
	return 0;
}

static int
flush_when_full(struct hr_dump *d, struct hr_err *e)
{
	return d->out.len >= GATHER_BYTES ? hr_dump_flush(d, e) : 0;
}

static int
dump_rows(struct hr_dump *d, const struct hr_frame *f, struct hr_err *e)
{
	struct hr_cur c = hr_cur(f->data, f->len);
	struct hr_item it;
	uint32_t items = 0;
	size_t mark;
	int more;

	hr_buf_reset(&d->front);
	put_front(&d->front, f);
	put(&d->front, ",\"op\":\"");
	while ((more = hr_rows_next(&c, &it, e)) > 0) {
		mark = d->out.len;
		hr_buf_put(&d->out, d->front.data, d->front.len);
		if (put_item(d, &it, e) < 0) {
			d->out.len = mark;
			return -1;
		}
		items++;
		if (flush_when_full(d, e) < 0)
			return -1;
	}
	if (more == 0 && items != f->count)
		return hr_fail(e, HR_BAD_STREAM, "a rows frame of %" PRIu32 " items that counts %" PRIu32,
		    items, f->count);
	return more;
}

static int
dump_watermark(struct hr_dump *d, const struct hr_frame *f, struct hr_err *e)
{
	struct hr_watermark m;

	if (hr_watermark_decode(&m, f, e) < 0)
		return -1;
	put(&d->out, ",\"time\":");
	if (m.time)
		put_time(&d->out, m.time);
	else
		put(&d->out, "null");
	put(&d->out, ",\"idle\":");
	put_bool(&d->out, m.idle);
	return 0;
}

static int
dump_snapshot(struct hr_dump *d, const struct hr_frame *f, struct hr_err *e)
{
	struct hr_snapshot s;
	const char *name;
	uint32_t i;

	if (hr_snapshot_decode(&s, f, e) < 0)
		return -1;
	hr_buf_printf(&d->out, ",\"mark\":\"%s\"", s.kind == HR_SNAPSHOT_BEGINS ? "begin" :
	    s.kind == HR_SNAPSHOT_HOLD ? "hold" : "end");
	put(&d->out, ",\"tables\":[");
	for (i = 0; i < s.relations; i++) {
		if (i)
			hr_buf_u8(&d->out, ',');
		put_table_of(d, hr_get_u32le(s.relation_list + (size_t)i * 4));
	}
	put(&d->out, "],\"tenants\":");
	if (s.tenants == 0)
		put(&d->out, "null");
	for (i = 0, name = s.tenant_list; i < s.tenants; i++, name += strlen(name) + 1) {
		hr_buf_u8(&d->out, i ? ',' : '[');
		put_string(&d->out, name);
	}
	if (s.tenants)
		hr_buf_u8(&d->out, ']');
	put(&d->out, ",\"parts\":[");
	for (i = 0; i < s.parts; i++) {
		struct hr_part p = hr_part_get(&s, i);

		put(&d->out, i ? ",{\"table\":" : "{\"table\":");
		put_table_of(d, p.relation);
		hr_buf_printf(&d->out, ",\"of\":%" PRIu32 ",\"filenode\":%" PRIu32 ",\"from\":%" PRIu32 ",\"to\":",
		    p.of, p.filenode, p.from);
		if (p.to)
			hr_buf_printf(&d->out, "%" PRIu32, p.to);
		else
			put(&d->out, "null");
		put(&d->out, ",\"in\":");
		put_bool(&d->out, p.in);
		hr_buf_u8(&d->out, '}');
	}
	hr_buf_u8(&d->out, ']');
	return 0;
}

static int
dump_part(struct hr_dump *d, const struct hr_frame *f, struct hr_err *e)
{
	uint32_t part;
	bool ended;

	if (hr_part_mark_decode(&part, &ended, f, e) < 0)
		return -1;
	hr_buf_printf(&d->out, ",\"part\":%" PRIu32 ",\"mark\":\"%s\"", part, ended ? "end" : "rows");
	return 0;
}

static int
dump_sequence(struct hr_dump *d, const struct hr_frame *f, struct hr_err *e)
{
	struct hr_sequence s;

	if (hr_sequence_decode(&s, f, e) < 0)
		return -1;
	put(&d->out, ",\"schema\":");
	put_string(&d->out, s.schema);
	put(&d->out, ",\"name\":");
	put_string(&d->out, s.name);
	hr_buf_printf(&d->out, ",\"last_value\":%" PRId64 ",\"is_called\":", s.last_value);
	put_bool(&d->out, s.is_called);
	return 0;
}

static int
dump_fence(struct hr_dump *d, const struct hr_frame *f, struct hr_err *e)
{
	uint64_t epoch;

	if (hr_fence_decode(&epoch, f, e) < 0)
		return -1;
	hr_buf_printf(&d->out, ",\"epoch\":%" PRIu64, epoch);
	return 0;
}

/* What a block says of itself; it is not opened. */
static int
dump_block(struct hr_dump *d, const struct hr_frame *f, struct hr_err *e)
{
	struct hr_block b;

	if (hr_block_decode(&b, f, e) < 0)
		return -1;
	hr_buf_printf(&d->out, ",\"version\":%u,\"form\":\"%s\",\"key\":", b.version, hr_block_form_name(b.form));
	put_bool(&d->out, b.flags & HR_BLOCK_KEY);
	put(&d->out, ",\"last\":");
	put_bool(&d->out, b.flags & HR_BLOCK_LAST);
	hr_buf_printf(&d->out, ",\"bundle\":%" PRIu64 ",\"frames\":%" PRIu32 ",\"size\":%" PRIu32
	    ",\"bytes\":%" PRIu32, b.bundle, b.frames, b.size, f->len);
	return 0;
}

int
hr_dump_frame(struct hr_dump *d, const struct hr_frame *f, struct hr_err *e)
{
	size_t mark = d->out.len;
	int rc = 0;

	if (f->type == HR_FRAME_ROWS)
		return dump_rows(d, f, e);
	put_front(&d->out, f);
	switch (f->type) {
	case HR_FRAME_HEAD: rc = dump_head(d, f, e); break;
	case HR_FRAME_RELATION: rc = dump_relation(d, f, e); break;
	case HR_FRAME_WATERMARK: rc = dump_watermark(d, f, e); break;
	case HR_FRAME_SNAPSHOT: rc = dump_snapshot(d, f, e); break;
	case HR_FRAME_PART: rc = dump_part(d, f, e); break;
	case HR_FRAME_SEQUENCE: rc = dump_sequence(d, f, e); break;
	case HR_FRAME_FENCE: rc = dump_fence(d, f, e); break;
	case HR_FRAME_BLOCK: rc = dump_block(d, f, e); break;
	default:
		hr_buf_printf(&d->out, ",\"type\":%d,\"flags\":%d,\"bytes\":%" PRIu32,
		    f->type, f->flags, f->len);
	}
	put(&d->out, "}\n");
	if (rc < 0) {
		d->out.len = mark;
		return -1;
	}
	return flush_when_full(d, e);
}

int
hr_dump_flush(struct hr_dump *d, struct hr_err *e)
{
	size_t len = d->out.len;

	if (d->fd < 0)
		return 0;
	hr_buf_reset(&d->out);
	return hr_file_write(d->fd, d->out.data, len) < 0 ? hr_fail_sys(e, "cannot write to standard output") : 0;
}

int
hr_dump_end(struct hr_dump *d, const struct hr_end *end, struct hr_err *e)
{
	hr_buf_printf(&d->out, "{\"frame\":\"end\",\"frames\":%" PRIu64 ",\"bytes\":%" PRIu64
	    ",\"crc\":\"%08" PRIx32 "\"}\n", end->frames, end->bytes, end->crc);
	return hr_dump_flush(d, e);
}

void
hr_dump_clear(struct hr_dump *d)
{
	hr_buf_clear(&d->out);
	hr_buf_clear(&d->front);
	hr_buf_clear(&d->text);
	hr_relations_clear(&d->relations);
}
