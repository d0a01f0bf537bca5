/* rule_groups - as many groups as there are, in as much memory as there is. */

#include "base/hr.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "rule/groups.h"
#include "tap.h"

static struct hr_tally_kind kind[2];
static struct hr_scratch m;

static struct hr_groups
table(size_t memory)
{
	return (struct hr_groups){ .kind = kind, .kinds = 2, .max_memory = memory };
}

static struct hr_group *
get(struct hr_groups *t, uint64_t key)
{
	struct hr_err e = HR_ERR_INIT;
	uint8_t bytes[24] = { 0 };
	struct hr_group *g;

	hr_set_u64le(bytes, key);
	g = hr_groups_get(t, bytes, 8 + key % 16, &e);
	if (g == NULL)
		printf("# %s\n", e.what);
	return g;
}

static bool
add(struct hr_groups *t, uint64_t key, int64_t v)
{
	struct hr_group *g = get(t, key);
	struct hr_datum d = { .type = HR_TYPE_INT8, .i = v };

	if (g == NULL)
		return false;
	hr_scratch_reset(&m);
	hr_groups_touch(t, g);
	g->rows++;
	hr_tally_add(&kind[0], &g->tally[0], &d, &m, &t->used);
	d.type = HR_TYPE_NUMERIC;
	hr_numeric_of_int(&d.num, v, &m);
	hr_tally_add(&kind[1], &g->tally[1], &d, &m, &t->used);
	return true;
}

struct seen {
	struct hr_groups *t;
	uint64_t groups, rows, odd;
	int64_t before;
};

static int
see(void *arg, struct hr_group *g, struct hr_err *e)
{
	struct seen *s = arg;

	(void)e;
	s->groups++;
	s->rows += (uint64_t)g->rows;
	if (g->due != HR_TIME_NEVER)
		s->odd++;
	return 0;
}

static int
take_odd(void *arg, struct hr_group *g, struct hr_err *e)
{
	struct seen *s = arg;

	(void)e;
	s->groups++;
	return hr_get_u64le(hr_group_key(s->t, g)) % 2;
}

/* --- many --- */

#define MANY	40000
#define MEMORY	((size_t)1 << 20)

static void
many(void)
{
	struct hr_groups t = table(MEMORY);
	struct hr_err e = HR_ERR_INIT;
	struct seen s = { .t = &t };
	int64_t *want = hr_zalloc(MANY * sizeof(*want));
	size_t most = 0;
	bool good = true;
	uint64_t i, key;

	for (i = 0; i < 3 * MANY; i++) {
		key = i < MANY ? i : (uint64_t)random() % MANY;
		good &= add(&t, key, (int64_t)i);
		want[key] += (int64_t)i;
		if (t.used > most)
			most = t.used;
	}
	ok(good && t.count == MANY, "groups are there once");
	ok(most <= MEMORY + 100000, "memory was %zu bytes at the most", most);
	ok(t.file_bytes > 2 * MEMORY, "the file has the rest: %" PRIu64 " bytes", t.file_bytes);
	ok(t.file_bytes < ((uint64_t)256 << 20), "and is written anew when most of it is waste");
	for (i = 0; i < MANY && good; i++) {
		struct hr_group *g = get(&t, i);
		struct hr_datum d;

		good = g && hr_tally_result(&kind[0], &g->tally[0], &d, &m, &e) == 0 && g->tally[0].wide[0] == (uint64_t)want[i];
		hr_scratch_reset(&m);
	}
	ok(good, "each has its sum");
	ok(hr_groups_each(&t, see, &s, &e) == 0 && s.groups == MANY && s.rows == 3 * MANY, "each is met once");
	ok(hr_groups_each(&t, take_odd, &s, &e) == 0 && t.count == MANY / 2, "half of them are taken out");
	s.groups = 0;
	ok(hr_groups_each(&t, see, &s, &e) == 0 && s.groups == MANY / 2, "and do not come back");
	hr_groups_clear(&t);
	ok(t.used == 0 && t.count == 0, "cleared, it holds nothing");
	good = add(&t, 1, 1);
	ok(good && t.count == 1, "and can be used again");
	hr_groups_clear(&t);
	free(want);
}

/* --- due --- */

static int
in_time(void *arg, struct hr_group *g, struct hr_err *e)
{
	struct seen *s = arg;
	uint64_t key = hr_get_u64le(hr_group_key(s->t, g));

	(void)e;
	s->groups++;
	s->odd += (int64_t)(key % 100) > s->before;
	return 0;
}

static void
due(size_t memory)
{
	struct hr_groups t = table(memory);
	struct hr_err e = HR_ERR_INIT;
	struct seen s = { .t = &t };
	bool good = true;
	uint64_t i, pass;

	for (pass = 0; pass < 2; pass++)
		for (i = 0; i < 20000; i++) {
			good &= add(&t, i, 1);
			hr_groups_set_due(&t, get(&t, i), (int64_t)(i % 100));
		}
	hr_groups_set_due(&t, get(&t, 5), 7);
	s.before = -1;
	ok(good && hr_groups_each_due(&t, -1, in_time, &s, &e) == 0 && s.groups == 0, "nothing is due before its time");
	for (i = 9; i < 100; i += 10) {
		s.groups = 0;
		s.before = (int64_t)i;
		if (hr_groups_each_due(&t, (int64_t)i, in_time, &s, &e) < 0 || s.groups != 2000)
			break;
	}
	ok(i > 100 && s.odd == 0, "all that is due comes then, and once");
	ok(hr_groups_each(&t, see, &s, &e) == 0 && s.odd == 0, "and is not due any more");
	hr_groups_clear(&t);
}

static int
gone(void *arg, struct hr_group *g, struct hr_err *e)
{
	struct seen *s = arg;

	(void)e;
	s->groups++;
	return g->expires <= s->before;
}

static void
expires(size_t memory)
{
	struct hr_groups t = table(memory);
	struct hr_err e = HR_ERR_INIT;
	struct seen s = { .t = &t };
	bool good = true;
	uint64_t i;

	for (i = 0; i < 20000; i++) {
		good &= add(&t, i, 1);
		hr_groups_set_expires(&t, get(&t, i), i < 100 ? (int64_t)i : HR_TIME_NEVER);
	}
	s.before = 49;
	ok(good && hr_groups_each_expired(&t, 49, gone, &s, &e) == 0 && t.count == 19950, "those that expired go");
	s.groups = 0;
	ok(hr_groups_each_expired(&t, 49, gone, &s, &e) == 0 && s.groups == 0, "no part is read for nothing");
	s.before = 1000;
	ok(hr_groups_each_expired(&t, 1000, gone, &s, &e) == 0 && t.count == 19900, "and the others in their time");
	hr_groups_clear(&t);
}

/* --- the file --- */

static void
limits(void)
{
	struct hr_groups t = table(200000);
	struct hr_err e = HR_ERR_INIT;
	uint8_t key[8];
	uint64_t i;

	t.max_file = 100000;
	for (i = 0; i < 100000; i++) {
		hr_set_u64le(key, i);
		if (hr_groups_get(&t, key, 8, &e) == NULL)
			break;
	}
	ok(i < 100000 && e.code == HR_TEMPORARY, "%s; %s", e.what, e.hint);
	hr_groups_clear(&t);
	t = table(200000);
	t.dir = "/nowhere";
	e = (struct hr_err)HR_ERR_INIT;
	for (i = 0; i < 100000; i++) {
		hr_set_u64le(key, i);
		if (hr_groups_get(&t, key, 8, &e) == NULL)
			break;
	}
	ok(i < 100000 && e.code == HR_IO, "%s", e.what);
	hr_groups_clear(&t);
	t = table(200000);
	e = (struct hr_err)HR_ERR_INIT;
	for (i = 0; i < 20000; i++)
		if (!add(&t, i, 1))
			abort();
	if (ftruncate(t.fd - 1, (off_t)t.file_bytes / 2) != 0)
		abort();
	ok(hr_groups_each(&t, see, &(struct seen){ .t = &t }, &e) < 0 && e.code == HR_IO, "%s", e.what);
	hr_groups_clear(&t);
}

static int
into(void *arg, const void *data, size_t n, struct hr_err *e)
{
	(void)e;
	hr_buf_put(arg, data, n);
	return 0;
}

static void
saved(size_t memory)
{
	struct hr_groups t = table(memory), u = table(memory / 2);
	struct hr_err e = HR_ERR_INIT;
	struct hr_buf b = HR_BUF_INIT, c = HR_BUF_INIT;
	struct hr_group *g;
	size_t at, n = 0;
	ssize_t took = 1;

	for (at = 0; at < 20000; at++) {
		if (!add(&t, at, (int64_t)at * 3))
			abort();
		g = get(&t, at);
		g->lsn = at;
		hr_groups_set_due(&t, g, at % 3 ? HR_TIME_NEVER : (int64_t)at);
	}
	ok(hr_groups_save(&t, into, &b, &e) == 0, "groups are saved");
	for (at = 0; at < b.len && took > 0; at += (size_t)took, n++)
		took = hr_groups_load(&u, b.data + at, b.len - at, &g, &e);
	ok(took > 0 && n == 20000 && u.count == 20000, "and loaded");
	g = get(&u, 333);
	ok(g && g->lsn == 333 && g->due == 333 && g->tally[0].wide[0] == 999, "each as it was");
	ok(hr_groups_load(&u, b.data, b.len, &g, &e) == 0, "the same one again is refused");
	ok(hr_groups_save(&u, into, &c, &e) == 0 && c.len == b.len, "saved again it is as long");
	hr_groups_clear(&t);
	hr_groups_clear(&u);
	hr_buf_clear(&b);
	hr_buf_clear(&c);
}

int
main(void)
{
	struct hr_err e = HR_ERR_INIT;

	if (hr_tally_init(&kind[0], HR_AGGREGATE_SUM, HR_TYPE_INT8, -1, &e) < 0 ||
	    hr_tally_init(&kind[1], HR_AGGREGATE_SUM, HR_TYPE_NUMERIC, -1, &e) < 0)
		abort();
	many();
	due((size_t)64 << 20);
	due((size_t)1 << 20);
	expires((size_t)64 << 20);
	expires((size_t)1 << 20);
	limits();
	saved((size_t)64 << 20);
	saved((size_t)1 << 20);
	hr_scratch_clear(&m);
	return tap_done();
}
