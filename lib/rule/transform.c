/* transform.c - frames through plans. */

#include "base/hr.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "rule/transform.h"
#include "stream/head.h"
#include "stream/mark.h"

void
hr_transform_init(struct hr_transform *t)
{
	size_t i;

	for (i = 0; i < t->rules.rules; i++)
		t->by_tenant |= t->rules.rule[i].tenants.n > 0;
	hr_changes_init(&t->work);
}

static void
free_plan(void *p)
{
	hr_plan_free(p);
}

static void
free_copied(void *copied)
{
	struct hr_copied_parts *c = copied;

	free(c->number);
	free(c);
}

void
hr_transform_clear(struct hr_transform *t)
{
	hr_map_clear(&t->plans, free_plan);
	hr_map_clear(&t->open, free);
	hr_map_clear(&t->copied, free_copied);
	hr_relations_clear(&t->relations);
	hr_changes_clear(&t->work);
	hr_aggregates_clear(&t->aggregates);
	hr_key_clear(&t->key);
	hr_rules_clear(&t->rules);
}

/* --- plans --- */

/* Of a table for one tenant; NULL with *e set. */
static struct hr_plan *
plan_of(struct hr_transform *t, uint32_t relation, const char *tenant, size_t len, struct hr_err *e)
{
	uint8_t key[4 + HR_TENANT_MAX];
	char name[HR_TENANT_MAX + 1];
	const struct hr_relation *r;
	struct hr_plan *p;
	void **at;

	hr_set_u32le(key, relation);
	if (!t->by_tenant)
		len = 0;
	memcpy(key + 4, tenant, len);
	if ((p = hr_map_get(&t->plans, key, 4 + len)) != NULL)
		return p;
	if ((r = hr_relations_get(&t->relations, relation)) == NULL) {
		hr_fail(e, HR_BAD_STREAM, "a row of table %" PRIu32 ", of which no relation frame came", relation);
		return NULL;
	}
	memcpy(name, tenant, len);
	name[len] = '\0';
	if (hr_plan_new(&p, &t->rules, r, len ? name : NULL, &t->key, e) < 0)
		return NULL;
	at = hr_map_at(&t->plans, key, 4 + len);
	*at = p;
	return p;
}

const struct hr_mask *
hr_transform_mask(struct hr_transform *t, const struct hr_relation *r, const char *column, struct hr_err *e)
{
	const struct hr_plan *p = plan_of(t, r->id, "", 0, e);
	int i = hr_relation_column(r, column);

	return p && i >= 0 ? p->mask[i] : NULL;
}

/* A table is described: plans that were made of it before are no more. */
static void
forget_plans(struct hr_transform *t, uint32_t relation)
{
	size_t i;

	for (i = 0; i < t->plans.slots; i++) {
		struct hr_map_slot *s = &t->plans.slot[i];

		if (s->key && hr_get_u32le(s->key) == relation) {
			hr_plan_free(s->value);
			s->value = NULL;
		}
	}
}

int
hr_transform_idle(void *arg, struct hr_err *e)
{
	struct hr_transform *t = arg;

	return hr_changes_flush(&t->work, e) < 0 ? -1 : hr_aggregates_idle(&t->aggregates, e);
}

/* --- rows --- */

static bool
is_row(const struct hr_item *it)
{
	return it->op == HR_INSERT || it->op == HR_PUT || it->op == HR_UPDATE || it->op == HR_DELETE || it->op == HR_DROP;
}

static void
copy_item(struct hr_transform *t, const uint8_t *from, const uint8_t *to)
{
	hr_buf_put(&t->work.payload, from, (size_t)(to - from));
	t->work.count++;
}

/* Those tables that are not left out. */
static int
transform_truncate(struct hr_transform *t, const struct hr_frame *f, const struct hr_item *it, struct hr_err *e)
{
	size_t mark = hr_item_open(&t->work.payload, HR_TRUNCATE), count;
	uint32_t i, n = 0;

	hr_buf_u8(&t->work.payload, it->options);
	count = t->work.payload.len;
	hr_buf_u32le(&t->work.payload, 0);
	for (i = 0; i < it->relations; i++) {
		uint32_t id = hr_get_u32le(it->relation_list + 4 * i);
		const struct hr_plan *p = NULL;

		/* One that was not described is named by its number alone. */
		if (hr_relations_get(&t->relations, id) && (p = plan_of(t, id, f->tenant, f->tenant_len, e)) == NULL)
			return -1;
		if (p && p->gathers && hr_gather_truncate(hr_aggregates_of(&t->aggregates, id), &(struct hr_gather){
		    .f = f, .commit = t->work.now->lsn, .time = t->work.now->time, .var = t->work.var }, e) < 0)
			return -1;
		if (p && p->left_out)
			continue;
		hr_buf_u32le(&t->work.payload, id);
		n++;
	}
	hr_set_u32le(t->work.payload.data + count, n);
	if (n == 0) {
		t->work.payload.len = mark;
		return 0;
	}
	hr_item_close(&t->work.payload, mark);
	t->work.count++;
	return 0;
}

/*
 * A change of a table goes on, unless it is of a table or a column that does not, or
 * of one that is masked: a default, say, is a value of it.
 * Other messages go on when the rules say so: what is in them nobody knows.
 */
static bool
takes_message(const struct hr_transform *t, const struct hr_item *it)
{
	const char *schema = NULL, *table = NULL, *column = NULL;
	json_t *o;
	bool takes;
	char *name;

	if (it->name_len != 6 || memcmp(it->name, "hr.ddl", 6) != 0)
		return t->rules.messages;
	o = json_loadb((const char *)it->content, it->content_len, 0, NULL);
	takes = o && json_unpack(o, "{s:s, s:s, s?s}", "schema", &schema, "table", &table, "column", &column) == 0;
	if (takes) {
		name = hr_sprintf("%s.%s", schema, table);
		takes = !hr_rules_leave_out(&t->rules, name) && (column == NULL ||
		    (hr_rules_keep(&t->rules, name, column) && !hr_rules_mask(&t->rules, name, column)));
		free(name);
	}
	json_decref(o);
	return takes;
}

static void
follow(struct hr_change_tx *tx, const struct hr_item *it)
{
	if (it->op == HR_BEGIN)
		*tx = (struct hr_change_tx){ it->xid, it->lsn, it->time, true };
	else if (it->op == HR_COMMIT)
		tx->open = false;
}

static int
cannot_leave(const struct hr_plan *p, struct hr_err *e)
{
	hr_fail(e, HR_REFUSED, "%s.%s: rows of it moved to another tenant with their parent, and cannot be aggregated",
	    p->in->schema, p->in->name);
	return hr_hint(e, "leave the aggregation out, or begin with a first copy");
}

static int
transform_item(struct hr_transform *t, const struct hr_frame *f, const struct hr_item *it, const uint8_t *from,
    const uint8_t *to, struct hr_err *e)
{
	struct hr_change w = { .t = &t->work, .f = f, .it = it, .e = e };

	follow(t->work.now, it);
	if (it->op == HR_MESSAGE && !takes_message(t, it)) {
		t->work.dropped++;
		return 0;
	}
	if (it->op == HR_TRUNCATE)
		return transform_truncate(t, f, it, e);
	if (!is_row(it) && it->op != HR_LEAVE) {
		copy_item(t, from, to);
		return 0;
	}
	if ((w.p = plan_of(t, it->relation, f->tenant, f->tenant_len, e)) == NULL)
		return -1;
	t->work.rows++;
	if (w.p->left_out && !w.p->gathers) {
		t->work.dropped++;
		return 0;
	}
	w.into = w.p->gathers ? hr_aggregates_of(&t->aggregates, it->relation) : NULL;
	if (w.into && it->op == HR_LEAVE)
		return cannot_leave(w.p, e);
	if (it->op == HR_LEAVE || (!w.p->opens && !t->work.dry)) {
		copy_item(t, from, to);
		return 0;
	}
	t->work.changed++;
	return hr_change_row(&w);
}

/* Values of services are asked for before rows are written, those of a frame together. */
static int
ask_services(struct hr_transform *t, const struct hr_frame *f, struct hr_err *e)
{
	struct hr_cur c = hr_cur(f->data, f->len);
	struct hr_plan *asked[64];
	size_t n = 0, i;
	struct hr_item it;
	int more, k;

	while ((more = hr_rows_next(&c, &it, e)) > 0) {
		struct hr_change w = { .t = &t->work, .f = f, .it = &it, .e = e };

		if (!is_row(&it))
			continue;
		if ((w.p = plan_of(t, it.relation, f->tenant, f->tenant_len, e)) == NULL)
			return -1;
		if (!w.p->asks)
			continue;
		for (i = 0; i < n && asked[i] != w.p; i++)
			;
		if (i == n) {
			if (n == HR_COUNT(asked))
				return hr_fail(e, HR_REFUSED, "more than 64 tables with a service in one frame");
			asked[n++] = w.p;
			for (k = 0; k < w.p->in->columns; k++)
				if (w.p->mask[k] && hr_mask_service(w.p->mask[k]))
					hr_service_begin(hr_mask_service(w.p->mask[k]));
		}
		if ((it.old_tuple && hr_change_open(&w, it.old_tuple, it.old_len, t->work.old.came) < 0) ||
		    (it.tuple && hr_change_open(&w, it.tuple, it.tuple_len, t->work.new.came) < 0))
			return -1;
		hr_scratch_reset(&t->work.scratch);
		for (k = 0; k < w.p->in->columns; k++) {
			struct hr_mask *m = w.p->mask[k];

			if (m == NULL || hr_mask_service(m) == NULL)
				continue;
			if ((it.old_tuple && t->work.old.came[k].len >= 0 && hr_mask_ask(m, &t->work.old.came[k], &t->work.scratch, e) < 0) ||
			    (it.tuple && t->work.new.came[k].len >= 0 && hr_mask_ask(m, &t->work.new.came[k], &t->work.scratch, e) < 0))
				return hr_change_within(&w, k);
		}
	}
	for (i = 0; more == 0 && i < n; i++)
		for (k = 0; k < asked[i]->in->columns; k++)
			if (asked[i]->mask[k] && hr_mask_service(asked[i]->mask[k]) &&
			    hr_service_run(hr_mask_service(asked[i]->mask[k]), e) < 0)
				return -1;
	return more;
}

/* Is there something in the frame that does not go on as it is? */
static int
has_work(struct hr_transform *t, const struct hr_frame *f, bool *asks, struct hr_err *e)
{
	struct hr_cur c = hr_cur(f->data, f->len);
	const struct hr_plan *p = NULL;
	uint32_t last = 0;
	struct hr_item it;
	bool work = t->work.dry;
	int more;

	*asks = false;
	while ((more = hr_rows_next(&c, &it, e)) > 0) {
		work = work || it.op == HR_TRUNCATE || (it.op == HR_MESSAGE && !takes_message(t, &it));
		follow(t->work.now, &it);
		if (!is_row(&it) && it.op != HR_LEAVE)
			continue;
		if (p == NULL || last != it.relation) {
			if ((p = plan_of(t, it.relation, f->tenant, f->tenant_len, e)) == NULL)
				return -1;
			last = it.relation;
			work = work || p->opens || p->left_out;
			*asks |= p->asks;
		}
	}
	return more < 0 ? -1 : work;
}

static struct hr_change_tx *
open_of(struct hr_transform *t, const struct hr_frame *f)
{
	void **at = hr_map_at(&t->open, f->tenant, f->tenant_len);

	if (*at == NULL)
		*at = hr_zalloc(sizeof(struct hr_change_tx));
	return *at;
}

static int
check_size(const struct hr_transform *t, struct hr_err *e)
{
	return t->work.payload.len <= HR_PAYLOAD_MAX ? 0 :
	    hr_fail(e, HR_REFUSED, "by rules the rows of a frame become larger than a frame may be");
}

static int
transform_rows(struct hr_transform *t, struct hr_pipe *p, const struct hr_frame *f, struct hr_err *e)
{
	struct hr_change_tx was, is;
	struct hr_cur c = hr_cur(f->data, f->len);
	struct hr_frame out = *f;
	const uint8_t *from;
	struct hr_item it;
	bool asks;
	int more;

	t->work.now = open_of(t, f);
	was = *t->work.now;
	more = has_work(t, f, &asks, e);
	is = *t->work.now;
	t->aggregates.open += (uint32_t)is.open - (uint32_t)was.open;
	if (!(f->flags & HR_COPY))
		hr_aggregates_reach(&t->aggregates, is.lsn);
	if (more <= 0)
		return more < 0 ? -1 : 1;
	*t->work.now = was;
	if (asks && ask_services(t, f, e) < 0)
		return -1;
	hr_buf_reset(&t->work.payload);
	t->work.count = 0;
	for (from = c.at; (more = hr_rows_next(&c, &it, e)) > 0; from = c.at)
		if (transform_item(t, f, &it, from, c.at, e) < 0 || check_size(t, e) < 0)
			return -1;
	if (more < 0)
		return -1;
	out.data = t->work.payload.data;
	out.len = (uint32_t)t->work.payload.len;
	out.count = t->work.count;
	/* A frame of no items is nothing. */
	return p->out < 0 || t->work.count == 0 ? 0 : hr_write(&p->w, &out, e);
}

static const struct hr_relation *
relation_named(const struct hr_transform *t, const char *schema, const char *name)
{
	size_t i;

	for (i = 0; i < t->relations.map.slots; i++) {
		const struct hr_relation *r = t->relations.map.slot[i].value;

		if (t->relations.map.slot[i].key && r && strcmp(r->schema, schema) == 0 && strcmp(r->name, name) == 0)
			return r;
	}
	return NULL;
}

static int
check_step_column(struct hr_transform *t, const struct hr_relation *child, const struct hr_relation *r,
    const char *column, struct hr_err *e)
{
	const struct hr_plan *p = plan_of(t, r->id, "", 0, e);
	int i = hr_relation_column(r, column);
	bool masked;
	char *name;

	if (p == NULL)
		return -1;
	/* Rules of some tenants are not in this plan. */
	name = hr_sprintf("%s.%s", r->schema, r->name);
	masked = hr_rules_mask(&t->rules, name, column);
	free(name);
	if (p->left_out || i < 0 || (!masked && p->kept[i]))
		return 0;
	hr_fail(e, HR_CONFIG, "column '%s' of %s.%s is on the way by which rows of %s.%s find their tenant, and can neither "
	    "be masked nor left out", column, r->schema, r->name, child->schema, child->name);
	return hr_hint(e, "take it out of the rules of %s", t->rules.path);
}

/* Columns on a row's way to its tenant, in the tables that it leads through, are as they were. */
static int
check_ways(struct hr_transform *t, struct hr_err *e)
{
	size_t i;
	int k, c;

	for (i = 0; i < t->relations.map.slots; i++) {
		const struct hr_relation *child = t->relations.map.slot[i].value, *r;

		for (k = 0; t->relations.map.slot[i].key && child && k < child->steps; k++) {
			const struct hr_step *step = &child->step[k];

			if ((r = relation_named(t, step->schema, step->name)) == NULL)
				continue;
			for (c = 0; c < step->columns; c++)
				if (check_step_column(t, child, r, step->to[c], e) < 0)
					return -1;
			for (c = 0; k + 1 < child->steps && c < child->step[k + 1].columns; c++)
				if (check_step_column(t, child, r, child->step[k + 1].from[c], e) < 0)
					return -1;
		}
	}
	return 0;
}

static int
transform_relation(struct hr_transform *t, struct hr_pipe *p, const struct hr_frame *f, struct hr_err *e)
{
	struct hr_relation *r;
	struct hr_plan *plan;
	struct hr_frame out = *f;

	if (hr_relation_decode(&r, f->data, f->len, e) < 0)
		return -1;
	forget_plans(t, r->id);
	hr_relations_put(&t->relations, r);
	if ((plan = plan_of(t, r->id, "", 0, e)) == NULL)
		return -1;
	if (check_ways(t, e) < 0)
		return -1;
	if (t->work.samples)
		hr_plan_describe(plan, &t->work.line);
	if (hr_aggregates_table(&t->aggregates, &t->rules, plan, p, f, e) < 0)
		return -1;
	if (t->work.samples)
		hr_aggregates_describe(&t->aggregates, plan->in->id, &t->work.line);
	if (plan->left_out)
		return 0;
	if (hr_relation_same(plan->in, plan->out))
		return 1;
	hr_buf_reset(&t->work.payload);
	hr_relation_encode(plan->out, &t->work.payload);
	out.data = t->work.payload.data;
	out.len = (uint32_t)t->work.payload.len;
	return p->out < 0 ? 0 : hr_write(&p->w, &out, e);
}

/* Tables of which there are states are gathered also when the stream does not describe them again. */
static int
begin_aggregates(struct hr_transform *t, struct hr_pipe *p, const struct hr_head *h, struct hr_err *e)
{
	struct hr_frame f = { .type = HR_FRAME_RELATION, .flags = HR_MUST | HR_ALL, .tenant = "", .lsn = h->start };
	struct hr_buf b = HR_BUF_INIT;
	size_t i = 0;
	int rc;

	rc = hr_aggregates_begin(&t->aggregates, h, e);
	while (rc == 0 && (rc = hr_aggregates_recall(&t->aggregates, &i, &b, e)) > 0) {
		f.data = b.data;
		f.len = (uint32_t)b.len;
		rc = transform_relation(t, p, &f, e);
		if (rc > 0)
			rc = p->out < 0 ? 0 : hr_write(&p->w, &f, e);
	}
	hr_buf_clear(&b);
	return rc;
}

static int
transform_head(struct hr_transform *t, struct hr_pipe *p, const struct hr_frame *f, struct hr_err *e)
{
	struct hr_head h = HR_HEAD_INIT;
	char **via;
	int rc;

	if (hr_head_decode(&h, f->data, f->len, e) < 0)
		return -1;
	via = hr_realloc(h.via, h.vias + 1, sizeof(*via));
	via[h.vias++] = hr_strdup("hr-transform " HR_VERSION);
	h.via = via;
	rc = p->out < 0 ? 0 : hr_write_head(&p->w, &h, e);
	if (rc == 0 && t->rules.aggregates)
		rc = begin_aggregates(t, p, &h, e);
	hr_head_clear(&h);
	return rc;
}

/* --- marks --- */

/* What a copy has of tables that go on: relations, parts, and which number these have then. */
static int
choose_copied(struct hr_transform *t, const struct hr_snapshot *s, struct hr_copied_parts *c, struct hr_buf *relations,
    struct hr_part *part, struct hr_err *e)
{
	const struct hr_plan *p;
	uint32_t i;

	for (i = 0; i < s->relations; i++) {
		if ((p = plan_of(t, hr_get_u32le(s->relation_list + 4 * i), "", 0, e)) == NULL)
			return -1;
		if (!p->left_out)
			hr_buf_put(relations, s->relation_list + 4 * i, 4);
	}
	free(c->number);
	c->number = hr_zalloc((s->parts + 1) * sizeof(*c->number));
	c->parts = s->parts;
	c->kept = 0;
	for (i = 0; i < s->parts; i++) {
		part[c->kept] = hr_part_get(s, i);
		if ((p = plan_of(t, part[c->kept].relation, "", 0, e)) == NULL)
			return -1;
		c->number[i] = p->left_out ? UINT32_MAX : c->kept;
		c->kept += !p->left_out;
	}
	return 0;
}

static struct hr_copied_parts *
copied_of(struct hr_transform *t, const struct hr_frame *f)
{
	void **at = hr_map_at(&t->copied, f->tenant, f->tenant_len);

	if (*at == NULL)
		*at = hr_zalloc(sizeof(struct hr_copied_parts));
	return *at;
}

static int
cannot_join(const struct hr_frame *f, struct hr_err *e)
{
	hr_fail(e, HR_REFUSED, "tenant '%.*s' is copied into a running stream, and what is aggregated cannot take it in",
	    (int)f->tenant_len, f->tenant);
	return hr_hint(e, "begin with a first copy of all, or leave 'aggregate' out of the rules");
}

/* Which parts of what is aggregated come, and which are in. */
static int
begin_copy(struct hr_transform *t, const struct hr_snapshot *s, struct hr_err *e)
{
	uint32_t i, come = 0, in = 0;

	for (i = 0; i < s->parts; i++) {
		struct hr_part part = hr_part_get(s, i);

		if (hr_aggregates_of(&t->aggregates, part.relation)) {
			in += part.in;
			come += !part.in;
		}
	}
	return hr_aggregates_copy(&t->aggregates, come, in, e);
}

/* Tables that are left out are not copied either. */
static int
transform_snapshot(struct hr_transform *t, struct hr_pipe *p, const struct hr_frame *f, struct hr_err *e)
{
	struct hr_copied_parts *c = copied_of(t, f);
	struct hr_buf relations = HR_BUF_INIT;
	struct hr_frame out = *f;
	struct hr_snapshot s;
	struct hr_part *part;
	uint32_t i;
	size_t tenant_bytes = 0;
	int rc;

	if (hr_snapshot_decode(&s, f, e) < 0)
		return -1;
	if (f->tenant_len && t->aggregates.count)
		return cannot_join(f, e);
	part = hr_alloc((s.parts + t->aggregates.count + 1) * sizeof(*part));
	rc = choose_copied(t, &s, c, &relations, part, e);
	if (rc == 0 && t->aggregates.count) {
		if (s.kind == HR_SNAPSHOT_BEGINS)
			rc = begin_copy(t, &s, e);
		if (rc == 0 && s.kind == HR_SNAPSHOT_ENDED)
			rc = hr_aggregates_end_copy(&t->aggregates, p, f->lsn, c->first_made, e);
		else if (s.kind == HR_SNAPSHOT_BEGINS)
			c->first_made = c->kept;
		hr_aggregates_copied(&t->aggregates, s.kind == HR_SNAPSHOT_BEGINS, &relations, part, &c->kept);
	}
	if (rc == 0 && t->aggregates.count == 0 && relations.len == 4 * (size_t)s.relations && c->kept == s.parts)
		rc = 1;
	else if (rc == 0) {
		for (i = 0; i < s.tenants; i++)
			tenant_bytes += strlen(s.tenant_list + tenant_bytes) + 1;
		s.relations = (uint32_t)(relations.len / 4);
		s.relation_list = relations.data;
		s.parts = c->kept;
		hr_buf_reset(&t->work.payload);
		hr_snapshot_encode(&s, part, &t->work.payload, tenant_bytes);
		out.data = t->work.payload.data;
		out.len = (uint32_t)t->work.payload.len;
		rc = p->out < 0 ? 0 : hr_write(&p->w, &out, e);
	}
	free(part);
	hr_buf_clear(&relations);
	return rc;
}

static int
transform_part(struct hr_transform *t, struct hr_pipe *p, const struct hr_frame *f, struct hr_err *e)
{
	const struct hr_copied_parts *c = copied_of(t, f);
	uint8_t mark[HR_PART_MARK_SIZE];
	struct hr_frame out = *f;
	uint32_t part;
	bool ended;

	if (hr_part_mark_decode(&part, &ended, f, e) < 0)
		return -1;
	if (part >= c->parts)
		return hr_fail(e, HR_BAD_STREAM, "part %" PRIu32 " of a copy of %" PRIu32, part, c->parts);
	if (c->number[part] == part)
		return 1;
	if (c->number[part] == UINT32_MAX)
		return 0;
	hr_part_mark_encode(c->number[part], ended, mark);
	out.data = mark;
	return p->out < 0 ? 0 : hr_write(&p->w, &out, e);
}

int
hr_transform_step(void *arg, struct hr_pipe *p, const struct hr_frame *f, struct hr_err *e)
{
	struct hr_transform *t = arg;

	if (f->type == HR_FRAME_ROWS || f->type == HR_FRAME_RELATION || f->type == HR_FRAME_WATERMARK)
		hr_aggregates_next(&t->aggregates);
	else if (hr_aggregates_idle(&t->aggregates, e) < 0)
		return -1;
	switch (f->type) {
	case HR_FRAME_HEAD: return transform_head(t, p, f, e);
	case HR_FRAME_RELATION: return transform_relation(t, p, f, e);
	case HR_FRAME_ROWS: return transform_rows(t, p, f, e);
	case HR_FRAME_SNAPSHOT: return transform_snapshot(t, p, f, e);
	case HR_FRAME_PART: return transform_part(t, p, f, e);
	case HR_FRAME_WATERMARK:
		if (t->work.line.len && hr_changes_flush(&t->work, e) < 0)
			return -1;
		return t->aggregates.dir ? hr_aggregates_watermark(&t->aggregates, p, f, e) : 1;
	case HR_FRAME_BLOCK:
		hr_fail(e, HR_USAGE, "the stream is packed, and rules cannot look into blocks");
		return hr_hint(e, "put hr-transform in front of hr-compress, or hr-compress -d in front of it");
	}
	return 1;
}
