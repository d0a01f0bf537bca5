/*
 * rule_aggregate - what is made of rows is what a query over them would make,
 * whatever came in between.
 */

#include "base/hr.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/crc32c.h"
#include "rule/aggregate.h"
#include "tap.h"

#define TYPE(t)	(char *)(uintptr_t)"pg_catalog", (char *)(uintptr_t)(t)
#define NAME(n) (char *)(uintptr_t)(n)
#define MINUTE	(60 * HR_SECOND_US)

static struct hr_column column[] = {
	{ NAME("id"), TYPE("int8"), 20, -1, true },
	{ NAME("tenant"), TYPE("text"), 25, -1, false },
	{ NAME("kind"), TYPE("int4"), 23, -1, false },
	{ NAME("qty"), TYPE("int4"), 23, -1, false },
	{ NAME("amount"), TYPE("numeric"), 1700, -1, false },
	{ NAME("rate"), TYPE("float8"), 701, -1, false },
	{ NAME("made"), TYPE("timestamptz"), 1184, -1, false },
};
#define COLUMNS	((int)HR_COUNT(column))
static struct hr_relation rel = { .id = 5, .schema = NAME("public"), .name = NAME("sales"), .identity = 'f',
	.tenancy = 'c', .tenant_column = 1, .columns = COLUMNS, .column = column };

/* A row of it; NONE is NULL. */
#define NONE	INT64_MIN
struct row {
	bool live;
	int64_t id, tenant, kind, qty, cents, quarters, made;
};

static struct hr_scratch m, row_m[2];

static void
set_value(struct hr_value *v, enum hr_type t, bool null, struct hr_datum d, struct hr_scratch *s)
{
	d.type = t;
	d.null = null;
	hr_datum_write(&d, false, v, s);
}

static const struct hr_value *
values(const struct row *r, int which)
{
	static struct hr_value v[2][COLUMNS];
	static const char *const tenant[] = { "acme", "bolt", "cog" };
	struct hr_scratch *s = &row_m[which];
	struct hr_value *to = v[which];
	struct hr_datum d = { .i = 0 };
	char text[32];

	hr_scratch_reset(s);
	hr_scratch_reset(&m);
	set_value(&to[0], HR_TYPE_INT8, false, (struct hr_datum){ .i = r->id }, s);
	if (r->tenant != NONE)
		d.s.p = (const uint8_t *)tenant[r->tenant], d.s.n = strlen(tenant[r->tenant]);
	set_value(&to[1], HR_TYPE_TEXT, r->tenant == NONE, d, s);
	set_value(&to[2], HR_TYPE_INT4, r->kind == NONE, (struct hr_datum){ .i = r->kind }, s);
	set_value(&to[3], HR_TYPE_INT4, r->qty == NONE, (struct hr_datum){ .i = r->qty }, s);
	snprintf(text, sizeof(text), "%" PRId64 "e-2", r->cents == NONE ? 0 : r->cents);
	d = (struct hr_datum){ .null = false };
	if (!hr_numeric_parse(&d.num, text, strlen(text), s))
		abort();
	set_value(&to[4], HR_TYPE_NUMERIC, r->cents == NONE, d, s);
	set_value(&to[5], HR_TYPE_FLOAT8, r->quarters == NONE, (struct hr_datum){ .f = (double)r->quarters / 4 }, s);
	set_value(&to[6], HR_TYPE_TIMESTAMPTZ, r->made == NONE, (struct hr_datum){ .i = r->made }, s);
	return to;
}

/* --- the target --- */

struct shown {
	char *key, *row;
};

struct target {
	struct shown *row;
	size_t rows, room;
	const struct hr_relation *relation;
	size_t puts, drops;
};

static size_t
find(const struct target *t, const char *key)
{
	size_t i;

	for (i = 0; i < t->rows && strcmp(t->row[i].key, key) != 0; i++)
		;
	return i;
}

static void
put_row(struct target *t, const char *key, const char *row)
{
	size_t i = find(t, key);

	if (i == t->rows) {
		HR_GROW(t->row, t->rows, t->room);
		t->row[t->rows++] = (struct shown){ hr_strdup(key), NULL };
	}
	free(t->row[i].row);
	t->row[i].row = hr_strdup(row);
}

static void
drop_row(struct target *t, const char *key)
{
	size_t i = find(t, key);

	if (i == t->rows)
		return;
	free(t->row[i].key);
	free(t->row[i].row);
	t->row[i] = t->row[--t->rows];
}

static void
clear(struct target *t)
{
	while (t->rows)
		drop_row(t, t->row[0].key);
	free(t->row);
	*t = (struct target){ .relation = t->relation, .puts = t->puts, .drops = t->drops };
}

static void
copy(struct target *to, const struct target *from)
{
	size_t i;

	clear(to);
	for (i = 0; i < from->rows; i++)
		put_row(to, from->row[i].key, from->row[i].row);
	to->relation = from->relation;
}

static void
add_text(struct hr_buf *b, const struct hr_column *c, const struct hr_value *v)
{
	struct hr_err e = HR_ERR_INIT;
	struct hr_datum d;

	if (hr_datum_read(&d, hr_type_of_column(c), v, &m, &e) < 0) {
		printf("# %s: %s\n", c->name, e.what);
		abort();
	}
	if (d.null)
		hr_buf_puts(b, "NULL");
	else
		hr_datum_format(b, &d);
	hr_buf_u8(b, '|');
}

static int
show(void *arg, enum hr_op op, const struct hr_value *value, int n, struct hr_err *e)
{
	struct target *t = arg;
	struct hr_buf key = HR_BUF_INIT, row = HR_BUF_INIT;
	int i;

	if (n != t->relation->columns)
		return hr_fail(e, HR_INTERNAL, "%d columns", n);
	for (i = 0; i < n; i++)
		add_text(t->relation->column[i].key ? &key : &row, &t->relation->column[i], &value[i]);
	if (op == HR_PUT)
		put_row(t, hr_buf_text(&key), hr_buf_text(&row));
	else
		drop_row(t, hr_buf_text(&key));
	*(op == HR_PUT ? &t->puts : &t->drops) += 1;
	hr_buf_clear(&key);
	hr_buf_clear(&row);
	return 0;
}

/* --- by hand --- */

static const struct hr_aggregate_group group[] = { { "tenant", NULL }, { "half", "kind / 2" } };
static const struct hr_aggregate_output output[] = {
	{ "n", HR_AGGREGATE_COUNT, NULL, NULL },
	{ "n_qty", HR_AGGREGATE_COUNT, "qty", NULL },
	{ "n_large", HR_AGGREGATE_COUNT, NULL, "qty > 50" },
	{ "qty", HR_AGGREGATE_SUM, "qty", NULL },
	{ "amount", HR_AGGREGATE_SUM, "amount", "kind <> 1" },
	{ "mean", HR_AGGREGATE_AVG, "qty", NULL },
	{ "rate", HR_AGGREGATE_SUM, "rate", NULL },
};

static struct hr_aggregate_spec
spec_of(struct hr_window w, enum hr_aggregate_emit emit, enum hr_aggregate_late late)
{
	return (struct hr_aggregate_spec){ .schema = "agg", .table = "sales", .relation = 99, .group = group,
	    .groups = HR_COUNT(group), .output = output, .outputs = HR_COUNT(output), .window = w,
	    .window_by = w.size_us ? "made" : NULL, .emit = emit, .interval_us = 3 * MINUTE, .late = late };
}

#define KINDS	4	/* and NULL */
#define ROWS	400

struct world {
	struct hr_aggregate_spec spec;
	struct hr_aggregate *a;
	struct row row[ROWS];
	int64_t clock;
	hr_lsn lsn;
	struct target target, frozen;
	struct target want;	/* of what is open, and frozen */
	char path[64];
};

struct sums {
	int64_t n, n_qty, n_large, qty, cents, cents_n, quarters, quarters_n;
};

static void
add_sum(struct sums *s, const struct row *r)
{
	s->n++;
	if (r->qty != NONE) {
		s->n_qty++;
		s->qty += r->qty;
		s->n_large += r->qty > 50;
	}
	if (r->cents != NONE && r->kind != 1 && r->kind != NONE) {
		s->cents += r->cents;
		s->cents_n++;
	}
	if (r->quarters != NONE) {
		s->quarters += r->quarters;
		s->quarters_n++;
	}
}

static void
sums_text(const struct sums *s, struct hr_buf *b)
{
	struct hr_numeric x, n;
	struct hr_err e = HR_ERR_INIT;
	struct hr_datum d = { .type = HR_TYPE_FLOAT8 };

	hr_buf_reset(b);
	hr_buf_printf(b, "%" PRId64 "|%" PRId64 "|%" PRId64 "|", s->n, s->n_qty, s->n_large);
	if (s->n_qty)
		hr_buf_printf(b, "%" PRId64 "|", s->qty);
	else
		hr_buf_puts(b, "NULL|");
	if (s->cents_n)
		hr_buf_printf(b, "%s%" PRId64 ".%02d|", s->cents < 0 ? "-" : "", (int64_t)llabs(s->cents) / 100,
		    (int)(llabs(s->cents) % 100));
	else
		hr_buf_puts(b, "NULL|");
	if (s->n_qty) {
		hr_numeric_of_int(&x, s->qty, &m);
		hr_numeric_of_int(&n, s->n_qty, &m);
		if (hr_numeric_div(&x, &x, &n, &m, &e) < 0)
			abort();
		hr_numeric_format(b, &x);
		hr_buf_u8(b, '|');
	} else {
		hr_buf_puts(b, "NULL|");
	}
	d.f = (double)s->quarters / 4;
	if (s->quarters_n)
		hr_datum_format(b, &d);
	else
		hr_buf_puts(b, "NULL");
	hr_buf_u8(b, '|');
}

static void
key_text(const struct hr_window *w, int64_t tenant, int64_t half, int64_t start, struct hr_buf *b)
{
	static const char *const name[] = { "acme", "bolt", "cog", "NULL" };
	struct hr_datum d = { .type = HR_TYPE_TIMESTAMPTZ, .i = start };

	hr_buf_reset(b);
	hr_buf_printf(b, "%s|", name[tenant]);
	if (half == 2)
		hr_buf_puts(b, "NULL|");
	else
		hr_buf_printf(b, "%" PRId64 "|", half);
	if (w->size_us == 0)
		return;
	hr_datum_format(b, &d);
	d.i += w->size_us;
	hr_buf_u8(b, '|');
	hr_datum_format(b, &d);
	hr_buf_u8(b, '|');
}

/* The rows as they are, of windows that close after from and until. */
static void
query(const struct world *w, struct target *t, int64_t from, int64_t until)
{
	const struct hr_window *win = &w->spec.window;
	int64_t slide = win->slide_us ? win->slide_us : win->size_us, start, tenant, half;
	int64_t first = win->size_us ? 2 * HR_DAY_US - 20 * slide : 0;
	int64_t last = win->size_us ? w->clock + 10 * win->size_us : 0;
	struct hr_buf key = HR_BUF_INIT, row = HR_BUF_INIT;

	for (start = first; start <= last; start += slide ? slide : 1)
		for (tenant = 0; tenant < 4; tenant++)
			for (half = 0; half < 3; half++) {
				struct sums s = { 0 };
				int i;

				if (win->size_us && (hr_window_closes(win, start) <= from || hr_window_closes(win, start) > until))
					continue;
				for (i = 0; i < ROWS; i++) {
					const struct row *r = &w->row[i];

					if (r->live && (r->tenant == NONE ? 3 : r->tenant) == tenant &&
					    (r->kind == NONE ? 2 : r->kind / 2) == half && (win->size_us == 0 ||
					    (r->made != NONE && r->made >= start && r->made < start + win->size_us)))
						add_sum(&s, r);
				}
				if (s.n == 0)
					continue;
				key_text(win, tenant, half, start, &key);
				sums_text(&s, &row);
				put_row(t, hr_buf_text(&key), hr_buf_text(&row));
			}
	hr_buf_clear(&key);
	hr_buf_clear(&row);
}

static bool
same(const struct target *got, const struct target *want)
{
	size_t i, k;

	for (i = 0; i < want->rows; i++) {
		k = find(got, want->row[i].key);
		if (k == got->rows || strcmp(got->row[k].row, want->row[i].row) != 0) {
			printf("# %s is %s\n# want %s\n", want->row[i].key, k == got->rows ? "not there" : got->row[k].row,
			    want->row[i].row);
			return false;
		}
	}
	for (i = 0; i < got->rows; i++)
		if (find(want, got->row[i].key) == want->rows) {
			printf("# %s is there\n", got->row[i].key);
			return false;
		}
	return true;
}

/* --- random changes --- */

static void
random_row(const struct world *w, struct row *r, int64_t id)
{
	*r = (struct row){ .live = true, .id = id, .tenant = random() % 3, .kind = random() % KINDS,
	    .qty = random() % 120 - 20, .cents = random() % 100000 - 30000, .quarters = random() % 1000 - 300,
	    .made = w->clock - (random() % 4 ? random() % (5 * MINUTE) : random() % (40 * MINUTE)) };
	if (random() % 8 == 0)
		*(int64_t *[]){ &r->tenant, &r->kind, &r->qty, &r->cents, &r->quarters, &r->made }[random() % 6] = NONE;
}

struct change {
	struct row old, new;	/* live: there is one */
};

static int
apply(struct world *w, const struct change *c, struct hr_err *e)
{
	if (c->old.live && c->new.live)
		return hr_aggregate_update(w->a, values(&c->old, 0), true, values(&c->new, 1), NULL, e);
	if (c->new.live)
		return hr_aggregate_add(w->a, values(&c->new, 1), NULL, e);
	return hr_aggregate_remove(w->a, values(&c->old, 0), true, NULL, e);
}

static struct change
random_change(struct world *w)
{
	int at = (int)(random() % ROWS);
	struct change c = { .old = w->row[at] };

	if (!c.old.live || random() % 3) {
		random_row(w, &c.new, at);
		if (c.old.live && random() % 4 == 0)
			c.new.tenant = c.old.tenant, c.new.kind = c.old.kind, c.new.made = c.old.made;
	}
	w->row[at] = c.new;
	return c;
}

static void
begin(struct world *w, struct hr_err *e)
{
	w->a = hr_aggregate_new(&w->spec, &rel, show, &w->target, e);
	if (w->a == NULL) {
		printf("# %s\n", e->what);
		abort();
	}
	w->target.relation = hr_aggregate_relation(w->a);
}

/*
 * Batches of changes, a watermark and a saved state behind each.  Now and then
 * the aggregation is killed with some changes behind its state, and the target
 * is some watermarks behind it.
 */
#define BEHIND	4

static bool
live(struct world *w, int batches, struct hr_err *e)
{
	struct target past[BEHIND] = { { .row = NULL } };
	hr_lsn past_lsn[BEHIND] = { 0 };
	struct change log[64];
	bool good = true;
	int b, i, n, back;

	begin(w, e);
	for (b = 0; b < batches && good; b++) {
		n = (int)(random() % 60);
		for (i = 0; i < n; i++) {
			log[i] = random_change(w);
			good &= apply(w, &log[i], e) == 0;
			if (random() % 20 == 0)
				good &= hr_aggregate_commit(w->a, ++w->lsn, e) == 0;
		}
		if (b && random() % 6 == 0) {
			/* Killed: the target may have what was shown up to some watermark. */
			hr_aggregate_free(w->a);
			back = (int)(random() % BEHIND);
			copy(&w->target, &past[back]);
			begin(w, e);
			good &= hr_aggregate_load(w->a, w->path, e) == 1 &&
			    hr_aggregate_has(w->a, past_lsn[back], e) == 0 &&
			    hr_aggregate_again(w->a, past_lsn[back], UINT64_MAX, e) == 0;
			for (i = 0; i < n; i++)
				good &= apply(w, &log[i], e) == 0;
		}
		w->lsn++;
		w->clock += random() % (4 * MINUTE);
		if (w->spec.late == HR_LATE_DROP && w->spec.window.size_us)
			query(w, &w->frozen, w->a->time, w->clock);
		good &= hr_aggregate_watermark(w->a, w->lsn, w->clock, e) == 0 &&
		    hr_aggregate_save(w->a, w->path, e) == 0;
		clear(&past[BEHIND - 1]);
		memmove(past + 1, past, (BEHIND - 1) * sizeof(*past));
		memmove(past_lsn + 1, past_lsn, (BEHIND - 1) * sizeof(*past_lsn));
		past[0] = (struct target){ .row = NULL };
		copy(&past[0], &w->target);
		past_lsn[0] = w->lsn;
		if (random() % 5 == 0)
			good &= hr_aggregate_forget(w->a, past_lsn[BEHIND - 1], e) == 0;
		if (w->spec.emit == HR_EMIT_INTERVAL && b + 1 < batches)
			continue;
		if (w->spec.emit == HR_EMIT_INTERVAL) {
			w->clock += 4 * MINUTE;
			query(w, &w->frozen, w->spec.window.size_us ? w->a->time : HR_TIME_NEVER, w->clock);
			good &= hr_aggregate_watermark(w->a, ++w->lsn, w->clock, e) == 0;
		}
		clear(&w->want);
		copy(&w->want, &w->frozen);
		if (w->spec.emit != HR_EMIT_WINDOW)
			query(w, &w->want, w->spec.late == HR_LATE_DROP && w->spec.window.size_us ? w->clock : HR_TIME_NOW,
			    HR_TIME_NEVER);
		else if (w->spec.late == HR_LATE_AGAIN)
			query(w, &w->want, HR_TIME_NOW, w->clock);
		good &= same(&w->target, &w->want);
	}
	for (i = 0; i < BEHIND; i++)
		clear(&past[i]);
	return good;
}

static void
property(const char *name, struct hr_window w, enum hr_aggregate_emit emit, enum hr_aggregate_late late,
    size_t memory, int batches)
{
	struct hr_err e = HR_ERR_INIT;
	struct world x = { .spec = spec_of(w, emit, late), .clock = 2 * HR_DAY_US };
	bool good;

	x.spec.max_memory = memory;
	snprintf(x.path, sizeof(x.path), "%s/hr-aggregate.%d", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp", (int)getpid());
	good = live(&x, batches, &e);
	ok(good && e.code == 0, "%s: %zu rows were shown, %zu dropped; %" PRIu64 " late%s", name, x.target.puts,
	    x.target.drops, x.a->late_rows, memory && x.a->groups.file_bytes ? "; some groups were in a file" : "");
	if (e.code)
		printf("# %s; %s\n", e.what, e.hint);
	hr_aggregate_free(x.a);
	clear(&x.target);
	clear(&x.frozen);
	clear(&x.want);
	unlink(x.path);
}

static void
properties(void)
{
	struct hr_window none = { 0 }, ten = { .size_us = 10 * MINUTE };
	struct hr_window slide = { .size_us = 10 * MINUTE, .slide_us = 4 * MINUTE, .lateness_us = 2 * MINUTE };

	property("no windows, on change", none, HR_EMIT_CHANGE, HR_LATE_AGAIN, 0, 200);
	property("no windows, at intervals", none, HR_EMIT_INTERVAL, HR_LATE_AGAIN, 0, 60);
	property("tumbling, on change, late ones again", ten, HR_EMIT_CHANGE, HR_LATE_AGAIN, 0, 60);
	property("tumbling, on change, late ones dropped", ten, HR_EMIT_CHANGE, HR_LATE_DROP, 0, 60);
	property("tumbling, when they close, late ones again", ten, HR_EMIT_WINDOW, HR_LATE_AGAIN, 0, 60);
	property("tumbling, when they close, late ones dropped", ten, HR_EMIT_WINDOW, HR_LATE_DROP, 0, 60);
	property("sliding, on change, late ones again", slide, HR_EMIT_CHANGE, HR_LATE_AGAIN, 0, 40);
	property("sliding, on change, late ones dropped", slide, HR_EMIT_CHANGE, HR_LATE_DROP, 0, 40);
	property("sliding, when they close, late ones dropped", slide, HR_EMIT_WINDOW, HR_LATE_DROP, 0, 40);
	property("sliding, when they close, late ones again", slide, HR_EMIT_WINDOW, HR_LATE_AGAIN, 0, 40);
	property("the same in little memory", slide, HR_EMIT_WINDOW, HR_LATE_AGAIN, 20000, 40);
	property("on change in little memory", slide, HR_EMIT_CHANGE, HR_LATE_DROP, 20000, 40);
}

/* --- one by one --- */

struct table {
	struct hr_aggregate *a;
	struct target t;
	hr_lsn lsn;
};

static struct hr_aggregate_spec
small(const struct hr_aggregate_output *o, int n)
{
	return (struct hr_aggregate_spec){ .schema = "agg", .table = "sales", .relation = 99, .group = group, .groups = 1,
	    .output = o, .outputs = n, .append_only = true };
}

static void
open_table(struct table *x, struct hr_aggregate_spec s)
{
	struct hr_err e = HR_ERR_INIT;

	*x = (struct table){ .a = hr_aggregate_new(&s, &rel, show, &x->t, &e) };
	if (x->a == NULL) {
		printf("# %s\n", e.what);
		abort();
	}
	x->t.relation = hr_aggregate_relation(x->a);
}

static void
close_table(struct table *x)
{
	hr_aggregate_free(x->a);
	clear(&x->t);
}

static struct row
row(int64_t tenant, int64_t qty, int64_t made)
{
	return (struct row){ .live = true, .id = 1, .tenant = tenant, .kind = 0, .qty = qty,
	    .cents = qty == NONE ? NONE : qty * 100, .quarters = 1, .made = made };
}

static void
add_row(struct table *x, struct row r)
{
	struct hr_err e = HR_ERR_INIT;

	if (hr_aggregate_add(x->a, values(&r, 0), NULL, &e) < 0)
		ok(false, "%s", e.what);
}

static void
watermark(struct table *x, int64_t time)
{
	struct hr_err e = HR_ERR_INIT;

	if (hr_aggregate_watermark(x->a, ++x->lsn, time, &e) < 0)
		ok(false, "%s", e.what);
}

static void
has(const struct table *x, const char *key, const char *want, const char *what)
{
	size_t i = find(&x->t, key);

	is(i < x->t.rows ? x->t.row[i].row : "none", want, what);
}

static void
refused(int rc, const struct hr_err *e, const char *want, const char *hint)
{
	ok(rc < 0 && e->code == HR_REFUSED && strstr(e->what, want) && strstr(e->hint, hint), "%s; %s", e->what, e->hint);
}

static void
append_only(void)
{
	static const struct hr_aggregate_output o[] = { { "least", HR_AGGREGATE_MIN, "qty", NULL },
		{ "most", HR_AGGREGATE_MAX, "amount", NULL }, { "ids", HR_AGGREGATE_DISTINCT, "qty", NULL } };
	struct hr_err e = HR_ERR_INIT;
	struct row r = row(0, 7, 5), other = r;
	struct table x;

	open_table(&x, small(o, 3));
	add_row(&x, r);
	add_row(&x, row(0, 3, 5));
	add_row(&x, row(0, 3, 5));
	add_row(&x, row(NONE, NONE, 5));
	watermark(&x, 0);
	has(&x, "acme|", "3|7.00|2|", "min, max and distinct of rows that are inserted");
	has(&x, "NULL|", "NULL|NULL|0|", "NULL is a group, and its values do not count");
	other.quarters = 9;
	ok(hr_aggregate_update(x.a, values(&r, 0), true, values(&other, 1), NULL, &e) == 0,
	    "a change that they do not see is none");
	other.qty = 9;
	refused(hr_aggregate_update(x.a, values(&r, 0), true, values(&other, 1), NULL, &e), &e, "was changed",
	    "append_only");
	e = (struct hr_err)HR_ERR_INIT;
	refused(hr_aggregate_remove(x.a, values(&r, 0), true, NULL, &e), &e, "was deleted", "min, max, distinct");
	e = (struct hr_err)HR_ERR_INIT;
	refused(hr_aggregate_truncate(x.a, NULL, &e), &e, "truncated", "append_only");
	close_table(&x);
}

static void
goes(void)
{
	static const struct hr_aggregate_output o[] = { { "n", HR_AGGREGATE_COUNT, NULL, NULL },
		{ "qty", HR_AGGREGATE_SUM, "qty", NULL } };
	struct hr_aggregate_spec s = small(o, 2);
	struct hr_err e = HR_ERR_INIT;
	struct hr_value unsent[COLUMNS];
	struct row r = row(0, 7, 5);
	struct table x;

	s.append_only = false;
	open_table(&x, s);
	refused(hr_aggregate_remove(x.a, values(&r, 0), false, NULL, &e), &e, "old values were not sent",
	    "ALTER TABLE public.sales REPLICA IDENTITY FULL");
	e = (struct hr_err)HR_ERR_INIT;
	refused(hr_aggregate_remove(x.a, values(&r, 0), true, NULL, &e), &e, "went that never came", "copy");
	memcpy(unsent, values(&r, 0), sizeof(unsent));
	unsent[1] = (struct hr_value){ NULL, HR_VALUE_UNCHANGED, false };
	e = (struct hr_err)HR_ERR_INIT;
	refused(hr_aggregate_add(x.a, unsent, NULL, &e), &e, "was not sent", "REPLICA IDENTITY FULL");
	add_row(&x, r);
	ok(hr_aggregate_remove(x.a, values(&r, 0), true, NULL, &e) == 0, "a row comes and goes");
	watermark(&x, 0);
	ok(x.t.puts == 0 && x.t.drops == 0 && x.a->groups.count == 0, "before anyone saw it: nothing is shown");
	add_row(&x, r);
	add_row(&x, row(1, 5, 5));
	watermark(&x, 0);
	has(&x, "acme|", "1|7|", "a group is shown");
	watermark(&x, 0);
	ok(x.t.puts == 2, "and not again when nothing changed");
	ok(hr_aggregate_truncate(x.a, "acme", &e) == 0, "a tenant's rows are truncated");
	watermark(&x, 0);
	has(&x, "acme|", "none", "its group is dropped");
	has(&x, "bolt|", "1|5|", "and no other");
	ok(hr_aggregate_again(x.a, 0, UINT64_MAX, &e) == 0 && x.t.drops == 2, "a drop is shown again to who is behind");
	ok(hr_aggregate_forget(x.a, x.lsn - 1, &e) == 0 && x.a->groups.count == 2, "it is kept until the target has it");
	ok(hr_aggregate_forget(x.a, x.lsn, &e) == 0 && x.a->groups.count == 1, "and then forgotten");
	refused(hr_aggregate_has(x.a, x.lsn - 1, &e), &e, "was forgotten", "older state");
	e = (struct hr_err)HR_ERR_INIT;
	ok(hr_aggregate_truncate(x.a, NULL, &e) == 0, "all is truncated");
	watermark(&x, 0);
	has(&x, "bolt|", "none", "and dropped");
	close_table(&x);
}

static void
windows(void)
{
	static const struct hr_aggregate_output o[] = { { "n", HR_AGGREGATE_COUNT, NULL, NULL } };
	struct hr_aggregate_spec s = small(o, 1);
	int64_t day = 2 * HR_DAY_US;
	struct table x;

	s.window.size_us = 10 * MINUTE;
	s.emit = HR_EMIT_WINDOW;
	open_table(&x, s);
	hr_aggregate_begin(x.a, day + MINUTE);
	add_row(&x, row(0, 1, NONE));
	watermark(&x, day + 9 * MINUTE);
	ok(x.t.puts == 0, "a window that is open is not shown");
	watermark(&x, day + 10 * MINUTE);
	has(&x, "acme|2000-01-03 00:00:00+00|2000-01-03 00:10:00+00|", "1|", "by the commit: a quiet stream closes it");
	hr_aggregate_begin(x.a, day + 9 * MINUTE);
	add_row(&x, row(0, 1, NONE));
	ok(x.a->late_rows == 1, "a late row is counted");
	close_table(&x);
	s.window_by = "made";
	open_table(&x, s);
	add_row(&x, row(0, 1, NONE));
	add_row(&x, row(0, 1, INT64_MAX));
	ok(x.a->timeless_rows == 2 && x.a->groups.count == 0, "rows without a time are counted");
	close_table(&x);
}

/* --- the state --- */

static void
load(const char *path, struct hr_buf *b)
{
	FILE *f = fopen(path, "r");

	hr_buf_reset(b);
	hr_buf_need(b, 1 << 20);
	b->len = f ? fread(b->data, 1, 1 << 20, f) : 0;
	if (f)
		fclose(f);
}

static void
states(void)
{
	static const struct hr_aggregate_output o[] = { { "n", HR_AGGREGATE_COUNT, NULL, NULL },
		{ "amount", HR_AGGREGATE_SUM, "amount", NULL }, { "ids", HR_AGGREGATE_DISTINCT, "id", NULL } };
	struct hr_aggregate_spec s = small(o, 3);
	struct hr_err e = HR_ERR_INIT;
	struct hr_buf b = HR_BUF_INIT;
	char path[64];
	struct table x, y;
	bool good = true;
	size_t i;

	snprintf(path, sizeof(path), "%s/hr-aggregate.%d", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp", (int)getpid());
	open_table(&x, s);
	ok(hr_aggregate_load(x.a, path, &e) == 0, "no file is no state");
	for (i = 0; i < 3; i++)
		add_row(&x, row((int64_t)i, 7, 5));
	ok(hr_aggregate_save(x.a, path, &e) < 0 && e.code == HR_INTERNAL, "%s", e.what);
	e = (struct hr_err)HR_ERR_INIT;
	watermark(&x, 0);
	ok(hr_aggregate_save(x.a, path, &e) == 0, "saved behind a watermark");
	load(path, &b);
	open_table(&y, s);
	for (i = 0; i < b.len; i++) {
		good &= hr_aggregate_decode(y.a, "f", b.data, i, &e) < 0 && e.code == HR_IO;
		b.data[i] ^= 0x10;
		good &= hr_aggregate_decode(y.a, "f", b.data, b.len, &e) < 0 && e.code == HR_IO;
		b.data[i] ^= 0x10;
		good &= y.a->groups.count == 0 && y.a->lsn == 0;
	}
	ok(good, "cut or changed anywhere: %s; %s", e.what, e.hint);
	/* What its checksum says is good, and is not. */
	hr_set_u64le(b.data + b.len - 12, 4);
	hr_set_u32le(b.data + b.len - 4, hr_crc32c(0, b.data, b.len - 4));
	ok(hr_aggregate_decode(y.a, "f", b.data, b.len, &e) < 0 && y.a->groups.count == 0, "a wrong count: nothing is loaded");
	e = (struct hr_err)HR_ERR_INIT;
	ok(hr_aggregate_load(y.a, path, &e) == 1 && hr_aggregate_lsn(y.a) == 1, "the file is good still");
	ok(hr_aggregate_again(y.a, 0, UINT64_MAX, &e) == 0, "and all of it is shown again");
	has(&y, "acme|", "1|7.00|1|", "as it was");
	close_table(&y);
	s.rules = 7;
	open_table(&y, s);
	ok(hr_aggregate_load(y.a, path, &e) < 0 && e.code == HR_CONFIG, "%s; %s", e.what, e.hint);
	close_table(&y);
	close_table(&x);
	open_table(&x, small(o, 3));
	e = (struct hr_err)HR_ERR_INIT;
	ok(hr_aggregate_save(x.a, "/nowhere/x", &e) < 0 && e.code == HR_IO, "%s", e.what);
	close_table(&x);
	unlink(path);
	hr_buf_clear(&b);
}

/* A column more, and others at other places: the same to the aggregation; one of another type is not. */
static void
relates(void)
{
	static const struct hr_aggregate_output o[] = { { "n", HR_AGGREGATE_COUNT, NULL, NULL } };
	struct hr_aggregate_spec s = small(o, 1);
	struct hr_column moved[COLUMNS + 1];
	struct hr_relation r = rel;
	struct hr_err e = HR_ERR_INIT;
	struct table x;

	memcpy(moved + 1, column, sizeof(column));
	moved[0] = (struct hr_column){ NAME("new"), TYPE("int4"), 23, -1, false };
	r.column = moved;
	r.columns++;
	r.tenant_column++;
	open_table(&x, s);
	ok(hr_aggregate_relate(x.a, &s, &r, &e) == 0, "a table with one column more is the same");
	x.t.relation = hr_aggregate_relation(x.a);
	moved[2].type_name = NAME("varchar");
	refused(hr_aggregate_relate(x.a, &s, &r, &e), &e, "have changed", "remove its state");
	close_table(&x);
}

int
main(void)
{
	srandom(1);
	properties();
	append_only();
	goes();
	windows();
	states();
	relates();
	hr_scratch_clear(&m);
	hr_scratch_clear(&row_m[0]);
	hr_scratch_clear(&row_m[1]);
	return tap_done();
}
