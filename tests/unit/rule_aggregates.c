/*
 * rule_aggregates - what is made of a stream is at the target what it should be,
 * wherever the stream was cut, the state was left and the target was behind.
 *
 * A source's transactions are sent from where the target is, or from further back,
 * through hr_transform with a directory of states; what comes out is cut somewhere
 * and applied as a reader does: durable at watermarks, without what it has.
 */

#include "base/hr.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rule/transform.h"
#include "tap.h"
#include "rule.h"

enum { IDS = 60, TENANTS = 3, PARTS = 5, CHANGES = 6, LOG = 40000 };

struct row {
	bool live;
	int32_t part, n;
};

struct transaction {
	hr_lsn commit, end;
	int tenant, changes;
	struct {
		int id;
		struct row old, new;
	} change[CHANGES];
};

/* What the target has of the two tables that are made: by tenant and part, by part. */
struct target {
	struct {
		bool there;
		int64_t count, sum;
	} a[TENANTS][PARTS], b[PARTS];
	hr_lsn progress;
	bool copied;
};

static struct row source[IDS];
static struct transaction journal[LOG];
static int logged;
static hr_lsn position = 0x1000;
static struct target target;
static char dir[] = "/tmp/rule_aggregates.XXXXXX";
static char *state, *old;
static bool asks;		/* what the target has is known by a checkpoint, which lags behind */
static hr_lsn checkpoint;
static struct hr_relation *relation;

static unsigned
pick(unsigned n)
{
	return (unsigned)random() % n;
}

static void
shell(const char *what)
{
	if (system(what) != 0)
		abort();
}

/* --- the source --- */

static void
write_transaction(void)
{
	struct transaction *t = &journal[logged++];
	int i, id;

	*t = (struct transaction){ .tenant = (int)pick(TENANTS), .changes = (int)pick(CHANGES + 1) };
	t->commit = position + pick(3) * 8;
	t->end = position = t->commit + 48;
	for (i = 0; i < t->changes; i++) {
		id = (int)pick(IDS / TENANTS) * TENANTS + t->tenant;
		t->change[i].id = id;
		t->change[i].old = source[id];
		source[id] = (struct row){ !source[id].live || pick(3), (int32_t)pick(PARTS), (int32_t)pick(100) };
		t->change[i].new = source[id];
	}
}

static const char *
name_of(int tenant)
{
	static const char *const name[] = { "acme", "bolt", "cog" };

	return name[tenant];
}

static void
put_tuple(struct hr_buf *b, int id, const struct row *r)
{
	uint8_t number[3][4];
	const char *tenant = name_of(id % TENANTS);
	struct hr_value v[] = {
		{ number[0], 4, false }, { (const uint8_t *)tenant, (int32_t)strlen(tenant), false },
		{ number[1], 4, false }, { number[2], 4, false },
	};

	hr_set_u32be(number[0], (uint32_t)id);
	hr_set_u32be(number[1], (uint32_t)r->part);
	hr_set_u32be(number[2], (uint32_t)r->n);
	hr_tuple_put(b, v, 4);
}

static void
put_change(struct hr_buf *b, int id, const struct row *was, const struct row *is)
{
	size_t mark = hr_item_open(b, !was->live ? HR_INSERT : is->live ? HR_UPDATE : HR_DELETE);

	hr_buf_u32le(b, relation->id);
	if (was->live) {
		hr_buf_u8(b, 'O');
		put_tuple(b, id, was);
	}
	if (is->live)
		put_tuple(b, id, is);
	hr_item_close(b, mark);
}

/* --- the stream --- */

static struct hr_transform t;
static struct hr_pipe p;
static struct hr_err e;
static int left;		/* frames until it is cut */
static int64_t later;		/* the source's clock goes on by itself, too */

static bool
send(uint8_t type, uint8_t flags, const char *tenant, hr_lsn lsn, const struct hr_buf *b, uint32_t count)
{
	struct hr_frame f = {
		.type = type, .flags = HR_MUST | flags, .tenant = tenant, .tenant_len = (uint16_t)strlen(tenant), .lsn = lsn,
		.data = b->data, .len = (uint32_t)b->len, .count = count,
	};
	int rc;

	if (left-- <= 0)
		return false;
	rc = hr_transform_step(&t, &p, &f, &e);
	if (rc < 0 || (rc > 0 && hr_write(&p.w, &f, &e) < 0)) {
		printf("# %s\n", e.what);
		return false;
	}
	return pick(20) || hr_transform_idle(&t, &e) == 0;
}

/* To all; b is cleared. */
static bool
send_all(uint8_t type, hr_lsn lsn, struct hr_buf *b)
{
	bool good = send(type, HR_ALL, "", lsn, b, 0);

	hr_buf_clear(b);
	return good;
}

static bool
send_relation(void)
{
	struct hr_buf b = HR_BUF_INIT;

	hr_relation_encode(relation, &b);
	return send_all(HR_FRAME_RELATION, 0, &b);
}

static bool
send_watermark(hr_lsn lsn, uint8_t flags)
{
	uint8_t data[HR_WATERMARK_SIZE];
	struct hr_buf b = { .data = data, .len = sizeof(data) };

	hr_watermark_encode(&(struct hr_watermark){ .time = (int64_t)lsn + later }, data);
	return send(HR_FRAME_WATERMARK, HR_ALL | flags, "", lsn, &b, 0);
}

/* Now and then in two frames, with a watermark between them. */
static bool
send_transaction(const struct transaction *x, hr_lsn complete)
{
	struct hr_buf b = HR_BUF_INIT;
	int cut = pick(4) ? -1 : (int)pick(CHANGES), i;
	uint32_t count = 1;
	bool good = true;

	hr_put_begin(&b, 7, x->commit, (int64_t)x->commit);
	for (i = 0; i < x->changes && good; i++) {
		if (!x->change[i].old.live && !x->change[i].new.live)
			continue;
		put_change(&b, x->change[i].id, &x->change[i].old, &x->change[i].new);
		count++;
		if (i == cut) {
			good = send(HR_FRAME_ROWS, 0, name_of(x->tenant), x->commit, &b, count) &&
			    (pick(2) || send_watermark(complete, 0));
			hr_buf_reset(&b);
			count = 0;
		}
	}
	hr_put_commit(&b, x->end);
	good = good && send(HR_FRAME_ROWS, 0, name_of(x->tenant), x->end, &b, count + 1);
	hr_buf_clear(&b);
	return good;
}

static bool
send_head(hr_lsn start, bool copy)
{
	struct hr_head h = {
		.version = 1, .system = 5, .timeline = 1, .database = (char[]){ "d" }, .slot = (char[]){ "s" }, .start = start,
		.copy = copy ? (char[]){ "first" } : NULL,
	};
	struct hr_buf b = HR_BUF_INIT;

	hr_head_encode(&h, &b);
	return send_all(HR_FRAME_HEAD, start, &b);
}

static bool
send_snapshot(enum hr_snapshot_kind kind, hr_lsn lsn)
{
	uint8_t id[4];
	struct hr_snapshot s = { .kind = kind, .relations = 1, .relation_list = id, .tenant_list = "", .parts = kind == HR_SNAPSHOT_BEGINS };
	struct hr_part part = { .relation = relation->id };
	struct hr_buf b = HR_BUF_INIT;

	hr_set_u32le(id, relation->id);
	hr_snapshot_encode(&s, &part, &b, 0);
	return send_all(HR_FRAME_SNAPSHOT, lsn, &b);
}

static bool
send_part(bool ended, hr_lsn lsn)
{
	uint8_t mark[HR_PART_MARK_SIZE];
	struct hr_buf b = { .data = mark, .len = sizeof(mark) };

	hr_part_mark_encode(0, ended, mark);
	return send(HR_FRAME_PART, HR_ALL | HR_COPY, "", lsn, &b, 0);
}

/* All rows that there are now. */
static bool
send_copy(hr_lsn lsn)
{
	static const struct row none;
	bool good = send_relation() && send_snapshot(HR_SNAPSHOT_BEGINS, lsn) && send_part(false, lsn);
	int tenant, id;

	for (tenant = 0; tenant < TENANTS && good; tenant++) {
		struct hr_buf b = HR_BUF_INIT;
		uint32_t count = 2;

		hr_put_begin(&b, 0, lsn, (int64_t)lsn);
		for (id = tenant; id < IDS; id += TENANTS)
			if (source[id].live) {
				put_change(&b, id, &none, &source[id]);
				count++;
			}
		hr_put_commit(&b, lsn);
		good = send(HR_FRAME_ROWS, HR_COPY, name_of(tenant), lsn, &b, count) && (pick(2) || send_watermark(lsn, HR_COPY));
		hr_buf_clear(&b);
	}
	return good && send_part(true, lsn) && send_watermark(lsn, HR_COPY) && send_snapshot(HR_SNAPSHOT_ENDED, lsn);
}

/* --- the target --- */

struct reader {
	struct target work;		/* not yet durable */
	struct {
		bool there, in_a;
		int part, tenant;
		int64_t count, sum;
	} staged[TENANTS + 1][4 * TENANTS * PARTS];
	int n[TENANTS + 1];
	hr_lsn begun[TENANTS + 1], had;	/* the commit of the open transaction; what it had when the stream began */
	uint32_t a, b;			/* the numbers of both tables */
	bool in_copy;
};

static int64_t
number(const struct hr_value *v)
{
	return v->len < 0 ? -1 : v->len == 4 ? (int32_t)hr_get_u32be(v->data) : (int64_t)hr_get_u64be(v->data);
}

static int
tenant_of(const char *name, size_t len)
{
	int i;

	for (i = 0; i < TENANTS && (strlen(name_of(i)) != len || memcmp(name_of(i), name, len) != 0); i++)
		;
	return i;
}

static void
stage(struct reader *r, int whose, const struct hr_item *it)
{
	struct hr_value v[8];
	bool there = it->tuple != NULL, in_a = it->relation == r->a;
	int n = r->n[whose]++, at = in_a ? 1 : 0;

	if (hr_tuple_decode(there ? it->tuple : it->old_tuple, there ? it->tuple_len : it->old_len, v, 8) < 0 ||
	    (!in_a && it->relation != r->b))
		abort();
	r->staged[whose][n].there = there;
	r->staged[whose][n].in_a = in_a;
	r->staged[whose][n].tenant = in_a ? tenant_of((const char *)v[0].data, (size_t)v[0].len) : 0;
	r->staged[whose][n].part = (int)number(&v[at]);
	r->staged[whose][n].count = number(&v[at + 1]);
	r->staged[whose][n].sum = in_a ? number(&v[at + 2]) : 0;
	if (in_a && r->staged[whose][n].tenant != whose)
		abort();
}

static void
commit(struct reader *r, int whose)
{
	int i;

	for (i = 0; i < r->n[whose] && (r->in_copy || r->begun[whose] >= r->had); i++) {
		int part = r->staged[whose][i].part;

		if (r->staged[whose][i].in_a) {
			r->work.a[whose][part].there = r->staged[whose][i].there;
			r->work.a[whose][part].count = r->staged[whose][i].count;
			r->work.a[whose][part].sum = r->staged[whose][i].sum;
		} else {
			r->work.b[part].there = r->staged[whose][i].there;
			r->work.b[part].count = r->staged[whose][i].count;
		}
	}
	r->n[whose] = 0;
}

static void
take_rows(struct reader *r, const struct hr_frame *f)
{
	struct hr_cur c = hr_cur(f->data, f->len);
	int whose = f->flags & HR_ALL ? TENANTS : tenant_of(f->tenant, f->tenant_len);
	struct hr_item it;

	r->in_copy = f->flags & HR_COPY;
	while (hr_rows_next(&c, &it, &e) > 0)
		if (it.op == HR_BEGIN)
			r->begun[whose] = it.lsn;
		else if (it.op == HR_COMMIT)
			commit(r, whose);
		else if (it.op == HR_INSERT || it.op == HR_PUT || it.op == HR_DROP)
			stage(r, whose, &it);
}

static void
take_relation(struct reader *r, const struct hr_frame *f)
{
	struct hr_relation *made;

	if (hr_relation_decode(&made, f->data, f->len, &e) < 0)
		abort();
	if (strcmp(made->name, "a") == 0)
		r->a = made->id;
	else if (strcmp(made->name, "b") == 0)
		r->b = made->id;
	hr_relation_free(made);
}

/* So many bytes of what was written reach the target; gives how many watermarks there were. */
static int
apply(size_t bytes)
{
	static struct reader r;
	struct hr_reader from;
	struct hr_frame f;
	int watermarks = 0;

	memset(&r, 0, sizeof(r));
	r.work = target;
	r.had = target.progress;
	if (hr_reader_open_memory(&from, p.w.buf.data, bytes, &e) < 0)
		goto out;
	while (hr_read(&from, &f, &e) > 0) {
		if (f.type == HR_FRAME_RELATION)
			take_relation(&r, &f);
		else if (f.type == HR_FRAME_ROWS)
			take_rows(&r, &f);
		else if (f.type == HR_FRAME_SNAPSHOT && f.data[0] == HR_SNAPSHOT_BEGINS) {
			memset(r.work.a, 0, sizeof(r.work.a));
			memset(r.work.b, 0, sizeof(r.work.b));
		} else if (f.type == HR_FRAME_SNAPSHOT && f.data[0] == HR_SNAPSHOT_ENDED) {
			target.copied = r.work.copied = true;
		} else if (f.type == HR_FRAME_WATERMARK) {
			watermarks++;
			r.work.progress = f.lsn > r.work.progress ? f.lsn : r.work.progress;
			target = r.work;
		}
	}
out:
	hr_err_clear(&e);
	hr_reader_clear(&from);
	return watermarks;
}

/* --- both --- */

static int
durable(void *arg, hr_lsn *lsn, struct hr_err *err)
{
	(void)arg;
	(void)err;
	*lsn = checkpoint;
	return 0;
}

static const char rules[] =
    "rules:\n"
    "- tables: public.t\n"
    "  filter: n % 5 <> 0\n"
    "  aggregate:\n"
    "  - {into: a, group_by: [tenant, part], values: {c: count, s: sum(n)}}\n"
    "  - {into: b, group_by: part, emit: {every: 50 microseconds}, values: {c: {value: count, filter: n % 2 = 0}}}\n";

static void
open_stream(void)
{
	t = (struct hr_transform)HR_TRANSFORM_INIT;
	p = (struct hr_pipe)HR_PIPE_INIT;
	p.w.fd = -1;
	hr_err_clear(&e);
	if (hr_rules_parse(&t.rules, "r.yaml", rules, strlen(rules), &e) < 0)
		abort();
	t.aggregates.dir = state;
	t.aggregates.durable = asks ? durable : NULL;
	hr_transform_init(&t);
}

/* Transactions behind where the target is, or further back; false: it failed, or was cut. */
static bool
stream(bool cut)
{
	bool copy = !target.copied, described = false;
	hr_lsn start = target.progress, complete;
	int i;

	left = cut ? (int)pick(30) : 1 << 30;
	if (copy)
		start = position;
	else
		for (i = logged - 1; i > 0 && (journal[i].end > start || pick(4)); i--)
			;
	if (!copy && logged && i >= 0 && journal[i].end <= start)
		start = journal[i].end;
	complete = start;
	if (!send_head(start, copy) || (copy && !send_copy(start)))
		return false;
	for (i = 0; i < logged; i++) {
		if (journal[i].end <= start)
			continue;
		if (!described && journal[i].changes && !send_relation())
			return false;
		described |= journal[i].changes > 0;
		if (!send_transaction(&journal[i], complete))
			return false;
		complete = journal[i].end;
		if (pick(3) == 0 && !send_watermark(complete, 0))
			return false;
	}
	if (!send_watermark(position, 0) || hr_transform_idle(&t, &e) < 0)
		return false;
	/* Nothing more than the time: what is shown every so often is shown now. */
	later += 1000;
	return send_watermark(position, 0) && hr_transform_idle(&t, &e) == 0;
}

static bool
is_right(void)
{
	struct target want = { .progress = 0 };
	int id, i, k;
	bool good = true;

	for (id = 0; id < IDS; id++)
		if (source[id].live && source[id].n % 5) {
			want.a[id % TENANTS][source[id].part].there = true;
			want.a[id % TENANTS][source[id].part].count++;
			want.a[id % TENANTS][source[id].part].sum += source[id].n;
			want.b[source[id].part].there = true;
			want.b[source[id].part].count += source[id].n % 2 == 0;
		}
	for (k = 0; k < PARTS; k++) {
		for (i = 0; i < TENANTS; i++)
			good &= want.a[i][k].there == target.a[i][k].there && (!want.a[i][k].there ||
			    (want.a[i][k].count == target.a[i][k].count && want.a[i][k].sum == target.a[i][k].sum));
		good &= want.b[k].there == target.b[k].there && (!want.b[k].there || want.b[k].count == target.b[k].count);
	}
	return good;
}

/* Killed in the midst of saving: some files are the new ones, and the position, written last, is not. */
static void
tear(void)
{
	static const char *const file[] = { "public.a.state", "public.b.state" };
	char *cmd;
	size_t i;

	for (i = 0; i <= HR_COUNT(file); i++) {
		const char *name = i < HR_COUNT(file) ? file[i] : "position";

		if (i < HR_COUNT(file) && pick(2))
			continue;
		cmd = hr_sprintf("if [ -e %s/%s ]; then cp %s/%s %s/; else rm -f %s/%s; fi", old, name, old, name, state, state, name);
		shell(cmd);
		free(cmd);
	}
}

static void
live(int rounds, bool copy)
{
	char *save = hr_sprintf("rm -rf %s && if [ -e %s ]; then cp -r %s %s; else mkdir %s; fi", old, state, state, old, old);
	struct target before;
	int i, n, wrong = 0, cuts = 0, torn = 0, failed = 0;
	bool cut;

	memset(source, 0, sizeof(source));
	memset(&target, 0, sizeof(target));
	logged = 0;
	target.copied = !copy;
	if (!copy)
		target.progress = position;
	checkpoint = 0;
	for (i = 0; i < rounds; i++) {
		for (n = (int)pick(8); n && logged < LOG; n--)
			write_transaction();
		shell(save);
		cut = pick(3) > 0;
		open_stream();
		before = target;
		if (!stream(cut))
			cuts++;
		if (e.code) {
			failed++;
			printf("# %s\n", e.what);
		}
		/* Of a run of one watermark it can be said what was there before it. */
		n = cut ? apply(pick((unsigned)p.w.buf.len + 1)) : apply(p.w.buf.len);
		if (cut && pick(2)) {
			target = before;
			n = apply(p.w.buf.len);
			target = before;
			if (n == 1) {
				tear();
				torn++;
			}
		}
		if (pick(3) == 0)
			checkpoint = target.progress;
		hr_transform_clear(&t);
		hr_pipe_clear(&p);
		if (!cut)
			wrong += !is_right();
	}
	ok(wrong == 0 && failed == 0, "%d streams, %d of them cut, %d while states were saved: %d times it was wrong, %d failed",
	    rounds, cuts, torn, wrong, failed);
	ok(cuts > rounds / 5 && torn > 0, "it was worth it");
	free(save);
}

int
main(void)
{
	char *cmd;

	srandom(getenv("SEED") ? (unsigned)atoi(getenv("SEED")) : 1);
	if (mkdtemp(dir) == NULL)
		abort();
	state = hr_sprintf("%s/state", dir);
	old = hr_sprintf("%s/old", dir);
	relation = table('f', 'c', "id int4, tenant text, part int4, n int4");
	cmd = hr_sprintf("rm -rf %s", state);
	live(150, false);
	shell(cmd);
	live(150, true);
	shell(cmd);
	asks = true;
	live(150, false);
	shell(cmd);
	live(150, true);
	free(cmd);
	cmd = hr_sprintf("rm -rf %s", dir);
	shell(cmd);
	free(cmd);
	free(state);
	free(old);
	hr_relation_free(relation);
	return tap_done();
}
