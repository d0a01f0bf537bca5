/*
 * documents.c - JSON to shapes and columns of scalars, and back.
 *
 * One walk does for both: over a text it finds scalars, over a shape it finds
 * marks, at the same places and with the same paths.  A path is the hash of the
 * keys above a scalar; two that are the same by chance share a column, no more.
 */

#include "base/hr.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "codec/documents.h"
#include "codec/ints.h"
#include "codec/repeat.h"

/* In shapes, for scalars; none of these bytes can be in JSON. */
enum mark { STRING = 1, INTEGER, DECIMAL, WORD, NUMBER, WHOLE };

#define DEPTH_MOST	64
#define PLANS	256		/* shapes of a block that are remembered */
#define DIGITS_MOST	18
#define ARRAY		UINT64_C(0x9e3779b97f4a7c15)

struct hr_path_memory {
	struct hr_repeat_memory repeat;
	struct hr_pick ints, decimals;
	struct hr_strings_memory strings;
};

struct hr_path_kept {
	struct hr_ints_kept same, ints, decimals;
	struct hr_strings_kept strings;
	size_t size;
};

static const char *const word[] = { "null", "false", "true" };
static const uint8_t word_len[] = { 4, 5, 4 };

/* The values of a path in one block. */
struct column {
	uint64_t path;
	enum mark kind;
	size_t n, at, cap;
	uint64_t *integer, *decimals;
	struct hr_string *string;
};

/* A scalar or a mark that the walk has found. */
struct scalar {
	enum mark kind;
	const uint8_t *at;
	size_t len;
	uint64_t path;
	int64_t integer;
	unsigned decimals;
};

typedef bool found(void *arg, const struct scalar *s);

struct walk {
	const uint8_t *at, *end;
	found *found;
	void *arg;
	bool shape;		/* over a shape, not a text */
};

/* A shape that is the text: what is no JSON. */
static bool
is_whole(const struct hr_string *shape)
{
	return shape->len && shape->data[0] == WHOLE;
}

static void
space(struct walk *w)
{
	while (w->at < w->end && (*w->at == ' ' || *w->at == '\n' || *w->at == '\t' || *w->at == '\r'))
		w->at++;
}

/* The inside of a string whose quote is behind us; w->at is behind its end. */
static bool
inside(struct walk *w, const uint8_t **from, size_t *len)
{
	const uint8_t *at = w->at, *end = w->end;

	*from = at;
	for (; at < end && *at != '"'; at++) {
		if (*at == '\\' && ++at == end)
			return false;
		if (*at < ' ')
			return false;
	}
	if (at == end)
		return false;
	*len = (size_t)(at - *from);
	w->at = at + 1;
	return true;
}

/* A number as an integer and its decimals, when that is how it would be written again. */
static enum mark
number(const uint8_t *p, size_t n, int64_t *integer, unsigned *decimals)
{
	bool minus = n && p[0] == '-';
	size_t i = minus, digits = 0, point = 0;
	int64_t v = 0;

	for (; i < n; i++) {
		if (p[i] == '.' && point == 0 && digits) {
			point = i;
			continue;
		}
		if (p[i] < '0' || p[i] > '9' || ++digits > DIGITS_MOST)
			return NUMBER;
		v = v * 10 + (p[i] - '0');
	}
	if (digits == 0 || point == n - 1 || (minus && v == 0) ||
	    (p[minus] == '0' && digits > 1 && point != (size_t)minus + 1))
		return NUMBER;
	*integer = minus ? -v : v;
	*decimals = point ? (unsigned)(n - 1 - point) : 0;
	return point ? DECIMAL : INTEGER;
}

/* The scalar of a text that is next. */
static bool
read_scalar(struct walk *w, struct scalar *s)
{
	size_t i;

	s->at = w->at;
	if (w->at == w->end)
		return false;
	if (*w->at == '"') {
		w->at++;
		s->kind = STRING;
		return inside(w, &s->at, &s->len);
	}
	for (i = 0; i < HR_COUNT(word); i++) {
		s->len = word_len[i];
		if (*w->at == (uint8_t)word[i][0] && (size_t)(w->end - w->at) >= s->len &&
		    memcmp(w->at, word[i], s->len) == 0) {
			s->kind = WORD;
			s->integer = (int64_t)i;
			w->at += s->len;
			return true;
		}
	}
	while (w->at < w->end && ((*w->at >= '0' && *w->at <= '9') || *w->at == '-' || *w->at == '.' || *w->at == 'e' ||
	    *w->at == 'E' || *w->at == '+'))
		w->at++;
	s->len = (size_t)(w->at - s->at);
	s->kind = number(s->at, s->len, &s->integer, &s->decimals);
	return s->len > 0;
}

static bool
scalar(struct walk *w, uint64_t path)
{
	struct scalar s = { .at = w->at, .path = path };

	if (!w->shape)
		return read_scalar(w, &s) && w->found(w->arg, &s);
	if (w->at == w->end)
		return false;
	s.kind = (enum mark)*w->at++;
	return s.kind >= STRING && s.kind <= NUMBER && w->found(w->arg, &s);
}

/* A value of any kind.  False: it is none, or the finder has had enough. */
static bool
value(struct walk *w, uint64_t path, unsigned depth)
{
	const uint8_t *key;
	uint8_t close;
	size_t len;

	space(w);
	if (w->at == w->end || depth > DEPTH_MOST)
		return false;
	if (*w->at != '{' && *w->at != '[')
		return scalar(w, path);
	close = *w->at++ == '{' ? '}' : ']';
	space(w);
	if (w->at < w->end && *w->at == close) {
		w->at++;
		return true;
	}
	for (;;) {
		uint64_t below = path * ARRAY + 1;

		if (close == '}') {
			space(w);
			if (w->at == w->end || *w->at++ != '"' || !inside(w, &key, &len))
				return false;
			below = (path ^ hr_hash(key, len)) * ARRAY + 2;
			space(w);
			if (w->at == w->end || *w->at++ != ':')
				return false;
		}
		if (!value(w, below, depth + 1))
			return false;
		space(w);
		if (w->at == w->end)
			return false;
		if (*w->at == close) {
			w->at++;
			return true;
		}
		if (*w->at++ != ',')
			return false;
	}
}

/* A whole text or shape. */
static bool
walk(const uint8_t *p, size_t len, bool shape, found *f, void *arg)
{
	struct walk w = { .at = p, .end = p + len, .found = f, .arg = arg, .shape = shape };

	if (!value(&w, 0, 0))
		return false;
	space(&w);
	return w.at == w.end;
}

/* --- columns by path --- */

struct columns {
	struct hr_arena *arena;
	struct column *column;
	size_t n;
	uint32_t *slot;			/* index + 1, by path and kind */
};

/* Those in front of one. */
struct columns_of {
	const struct column *column;
	size_t at;
};

#define SLOTS	(2 * HR_DOCUMENTS_PATHS)

static bool
columns_open(struct columns *c, struct hr_arena *a)
{
	c->arena = a;
	c->n = 0;
	c->column = hr_arena_get(a, HR_DOCUMENTS_PATHS, sizeof(*c->column));
	c->slot = hr_arena_get(a, SLOTS, sizeof(*c->slot));
	if (c->column == NULL || c->slot == NULL)
		return false;
	memset(c->slot, 0, SLOTS * sizeof(*c->slot));
	return true;
}

/* The column of a path and kind; NULL: there are too many. */
static struct column *
column_of(struct columns *c, uint64_t path, enum mark kind)
{
	size_t at = (path + kind) % SLOTS;

	for (; c->slot[at]; at = (at + 1) % SLOTS)
		if (c->column[c->slot[at] - 1].path == path && c->column[c->slot[at] - 1].kind == kind)
			return &c->column[c->slot[at] - 1];
	if (c->n == HR_DOCUMENTS_PATHS)
		return NULL;
	c->column[c->n] = (struct column){ .path = path, .kind = kind };
	c->slot[at] = (uint32_t)++c->n;
	return &c->column[c->n - 1];
}

/* Take back the newest columns, down to n of them. */
static void
columns_drop(struct columns *c, size_t n)
{
	size_t at;

	for (; c->n > n; c->n--) {
		const struct column *k = &c->column[c->n - 1];

		for (at = (k->path + k->kind) % SLOTS; c->slot[at] != c->n; at = (at + 1) % SLOTS)
			;
		c->slot[at] = 0;
	}
}

static void
more(struct column *k, struct hr_arena *a)
{
	size_t cap = k->cap ? 2 * k->cap : 64;
	void *old;

	if (k->kind == STRING || k->kind == NUMBER) {
		old = k->string;
		k->string = hr_arena_get(a, cap, sizeof(*k->string));
		if (k->n)
			memcpy(k->string, old, k->n * sizeof(*k->string));
	} else {
		old = k->integer;
		k->integer = hr_arena_get(a, cap, sizeof(*k->integer));
		if (k->n)
			memcpy(k->integer, old, k->n * sizeof(*k->integer));
	}
	if (k->kind == DECIMAL) {
		old = k->decimals;
		k->decimals = hr_arena_get(a, cap, sizeof(*k->decimals));
		if (k->n)
			memcpy(k->decimals, old, k->n * sizeof(*k->decimals));
	}
	k->cap = cap;
}

static void
key_of(const struct column *k, uint8_t key[9])
{
	hr_set_u64le(key, k->path);
	key[8] = (uint8_t)k->kind;
}

/* --- there --- */

/* A text on its way to its shape. */
struct taker {
	struct columns *c;
	struct hr_buf *shape;
	const uint8_t *from;		/* of the text, what is not in the shape yet */
	struct hr_buf *taken;		/* the column of each scalar, u32 */
};

static void
append(struct column *k, const struct scalar *s, struct hr_arena *a)
{
	if (k->n == k->cap)
		more(k, a);
	if (s->kind == STRING || s->kind == NUMBER)
		k->string[k->n] = (struct hr_string){ s->at, s->len };
	else
		k->integer[k->n] = (uint64_t)s->integer;
	if (s->kind == DECIMAL)
		k->decimals[k->n] = s->decimals;
	k->n++;
}

static bool
take(void *arg, const struct scalar *s)
{
	struct taker *t = arg;
	struct column *k = column_of(t->c, s->path, s->kind);

	if (k == NULL)
		return false;
	append(k, s, t->c->arena);
	hr_buf_u32le(t->taken, (uint32_t)(k - t->c->column));
	/* A string's quotes go with it. */
	hr_buf_put(t->shape, t->from, (size_t)(s->at - t->from) - (s->kind == STRING));
	hr_buf_u8(t->shape, (uint8_t)s->kind);
	t->from = s->at + s->len + (s->kind == STRING);
	return true;
}

static struct hr_path_kept *
path_kept(struct hr_documents_kept *kept, const struct column *k)
{
	uint8_t key[9];
	void **at;

	if (kept == NULL)
		return NULL;
	key_of(k, key);
	if (kept->path.count >= HR_DOCUMENTS_PATHS)
		return hr_map_get(&kept->path, key, sizeof(key));
	at = hr_map_at(&kept->path, key, sizeof(key));
	if (*at == NULL)
		*at = hr_zalloc(sizeof(struct hr_path_kept));
	return *at;
}

static void
settle(struct hr_documents_kept *kept, struct hr_path_kept *k)
{
	size_t size;

	if (k == NULL)
		return;
	size = sizeof(*k) + hr_ints_kept_size(&k->same) + hr_ints_kept_size(&k->ints) + hr_ints_kept_size(&k->decimals) +
	    hr_strings_kept_size(&k->strings);
	kept->size += size - k->size;
	k->size = size;
}

static struct hr_path_memory *
path_memory(struct hr_documents_memory *m, const struct column *k)
{
	uint8_t key[9];
	void **at;

	key_of(k, key);
	if (m->path.count >= 4 * HR_DOCUMENTS_PATHS)
		hr_map_clear(&m->path, free);
	at = hr_map_at(&m->path, key, sizeof(key));
	if (*at == NULL)
		*at = hr_zalloc(sizeof(struct hr_path_memory));
	return *at;
}

/* An integer as a string, to be compared: of this machine's bytes, which are not written. */
static void
as_strings(const uint64_t *v, struct hr_string *out, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		out[i] = (struct hr_string){ (const uint8_t *)&v[i], sizeof(v[i]) };
}

/* A column in front that has a value for each of n, of one kind with the last. */
static bool
get_other(const void *arg, size_t column, struct hr_string *out, size_t n)
{
	const struct columns_of *all = arg;
	const struct column *k = &all->column[column], *mine = &all->column[all->at];

	if (k->kind != mine->kind || k->n != mine->n)
		return false;
	if (k->kind == INTEGER)
		as_strings(k->integer, out, n);
	else
		memcpy(out, k->string, n * sizeof(*out));
	return true;
}

/* Column i: what is there already, then the rest. */
static void
put_column(struct hr_enc *o, const struct columns *c, size_t i, struct hr_path_memory *m,
    struct hr_path_kept *kept)
{
	const struct column *k = &c->column[i];
	size_t size = o->meta.len + o->data.len, rest, j;
	struct columns_of all = { c->column, i };
	struct hr_others others = { i, get_other, &all };
	struct hr_string *s;
	uint64_t *v;

	if (k->kind == DECIMAL)
		hr_ints_encode(o, k->decimals, k->n, &m->decimals, HR_KEPT(kept, decimals));
	if (k->kind == DECIMAL || k->kind == WORD) {
		hr_ints_encode(o, k->integer, k->n, &m->ints, HR_KEPT(kept, ints));
		return;
	}
	s = hr_arena_get(&o->arena, k->n, sizeof(*s));
	if (k->kind == INTEGER)
		as_strings(k->integer, s, k->n);
	else
		memcpy(s, k->string, k->n * sizeof(*s));
	rest = hr_repeat_put(o, s, k->n, &others, &m->repeat, HR_KEPT(kept, same));
	if (k->kind != INTEGER)
		hr_strings_encode(o, s, rest, &m->strings, HR_KEPT(kept, strings));
	else if (rest == k->n)
		hr_ints_encode(o, k->integer, rest, &m->ints, HR_KEPT(kept, ints));
	else {
		v = hr_arena_get(&o->arena, rest, sizeof(*v));
		for (j = 0; j < rest; j++)
			memcpy(&v[j], s[j].data, sizeof(v[j]));
		hr_ints_encode(o, v, rest, &m->ints, HR_KEPT(kept, ints));
	}
	hr_repeat_cost(&m->repeat, k->n, o->meta.len + o->data.len - size);
}

/* The shape of the document before, and where its marks are. */
struct last {
	struct hr_string shape;
	const struct hr_buf *taken;	/* their columns */
	struct hr_buf place;		/* and where they are, u32 */
	struct hr_buf scalar;		/* struct scalar, of the one in hand */
};

/*
 * Most have the shape of the one before: then the text has to be what is between
 * its marks, with scalars of the same kinds, and nothing need be looked up.
 */
static bool
take_alike(struct last *last, struct columns *c, const struct hr_string *s)
{
	struct walk w = { .at = s->data, .end = s->data + s->len };
	const uint8_t *from = last->shape.data, *at;
	size_t marks = last->taken->len / 4, k, len;
	struct scalar *scalars;

	if (last->shape.len == 0)
		return false;
	hr_buf_reset(&last->scalar);
	hr_buf_need(&last->scalar, marks * sizeof(*scalars) + 1);
	scalars = (struct scalar *)(void *)last->scalar.data;
	for (k = 0; k <= marks; k++, from = at + 1) {
		at = last->shape.data + (k < marks ? hr_get_u32le(last->place.data + 4 * k) : last->shape.len);
		len = (size_t)(at - from);
		if ((size_t)(w.end - w.at) < len || memcmp(w.at, from, len) != 0)
			return false;
		w.at += len;
		if (k == marks)
			break;
		if (!read_scalar(&w, &scalars[k]) || (uint8_t)scalars[k].kind != *at)
			return false;
	}
	if (w.at != w.end)
		return false;
	for (k = 0; k < marks; k++)
		append(&c->column[hr_get_u32le(last->taken->data + 4 * k)], &scalars[k], c->arena);
	return true;
}

static void
remember(struct last *last, const struct hr_string *shape)
{
	size_t i;

	last->shape = *shape;
	hr_buf_reset(&last->place);
	for (i = 0; i < shape->len; i++)
		if (shape->data[i] >= STRING && shape->data[i] <= NUMBER)
			hr_buf_u32le(&last->place, (uint32_t)i);
}

/* The shapes of all, and columns in c.  False: too many have none. */
static bool
take_apart(struct hr_enc *o, struct columns *c, const struct hr_string *s, size_t n, struct hr_string *shape)
{
	struct hr_buf buf = HR_BUF_INIT, taken = HR_BUF_INIT;
	struct last last = { .taken = &taken };
	size_t i, failed = 0, columns;
	uint8_t *copy;

	for (i = 0; i < n && failed * 8 <= n; i++) {
		struct taker t = { c, &buf, s[i].data, &taken };

		if (take_alike(&last, c, &s[i])) {
			shape[i] = last.shape;
			continue;
		}

		hr_buf_reset(&buf);
		hr_buf_reset(&taken);
		columns = c->n;
		if (walk(s[i].data, s[i].len, false, take, &t))
			hr_buf_put(&buf, t.from, (size_t)(s[i].data + s[i].len - t.from));
		else {
			for (; taken.len; taken.len -= 4)
				c->column[hr_get_u32le(taken.data + taken.len - 4)].n--;
			columns_drop(c, columns);
			failed++;
			hr_buf_reset(&buf);
			hr_buf_u8(&buf, WHOLE);
			hr_buf_put(&buf, s[i].data, s[i].len);
		}
		copy = hr_arena_get(&o->arena, buf.len, 1);
		if (buf.len)
			memcpy(copy, buf.data, buf.len);
		shape[i] = (struct hr_string){ copy, buf.len };
		last.shape.len = 0;
		if (!is_whole(&shape[i]))
			remember(&last, &shape[i]);
	}
	hr_buf_clear(&buf);
	hr_buf_clear(&last.scalar);
	hr_buf_clear(&last.place);
	hr_buf_clear(&taken);
	return failed * 8 <= n;
}

bool
hr_documents_encode(struct hr_enc *o, const struct hr_string *s, size_t n, struct hr_documents_memory *m,
    struct hr_documents_kept *kept)
{
	struct hr_arena_mark mark = hr_arena_mark(&o->arena);
	struct hr_string *shape = hr_arena_get(&o->arena, n, sizeof(*shape));
	struct columns c;
	size_t i;

	columns_open(&c, &o->arena);
	if (!take_apart(o, &c, s, n, shape)) {
		hr_arena_release(&o->arena, mark);
		return false;
	}
	hr_strings_encode(o, shape, n, &m->shape, HR_KEPT(kept, shape));
	for (i = 0; i < c.n; i++) {
		struct hr_path_kept *have = path_kept(kept, &c.column[i]);

		put_column(o, &c, i, path_memory(m, &c.column[i]), have);
		settle(kept, have);
	}
	hr_arena_release(&o->arena, mark);
	return true;
}

/* --- and back --- */

/* Where a shape has its marks, and of which column each is. */
struct plan {
	const struct hr_string *shape;
	struct place { uint32_t at, column; } *place;
	size_t n;
};

struct planner {
	struct columns *c;
	const uint8_t *shape;
	struct hr_buf *places;
};

static bool
note(void *arg, const struct scalar *s)
{
	struct planner *p = arg;
	struct column *k = column_of(p->c, s->path, s->kind);
	struct place place;

	if (k == NULL)
		return false;
	place = (struct place){ (uint32_t)(s->at - p->shape), (uint32_t)(k - p->c->column) };
	hr_buf_put(p->places, &place, sizeof(place));
	return true;
}

static bool
make_plan(struct hr_arena *a, struct columns *c, const struct hr_string *shape, struct plan **out)
{
	struct hr_buf places = HR_BUF_INIT;
	struct planner p = { c, shape->data, &places };
	struct plan *plan = *out = hr_arena_get(a, 1, sizeof(*plan));
	bool good = plan != NULL && walk(shape->data, shape->len, true, note, &p);

	if (good) {
		*plan = (struct plan){
			.shape = shape, .n = places.len / sizeof(struct place), .place = hr_arena_get(a, places.len, 1),
		};
		good = plan->place != NULL;
		if (good && places.len)
			memcpy(plan->place, places.data, places.len);
	}
	hr_buf_clear(&places);
	return good;
}

/*
 * A plan for each document, NULL for what is none.  Shapes are mostly entries of
 * a dictionary, lent from one place: those that are there again have their plan.
 */
static bool
make_plans(struct hr_arena *a, struct columns *c, const struct hr_string *shape, size_t n, struct plan **plan)
{
	struct plan *slot[PLANS] = { NULL };
	size_t i, k, at;

	for (i = 0; i < n; i++) {
		plan[i] = NULL;
		if (is_whole(&shape[i]))
			continue;
		at = ((uintptr_t)shape[i].data >> 3) % PLANS;
		if (slot[at] == NULL || slot[at]->shape->data != shape[i].data || slot[at]->shape->len != shape[i].len)
			if (!make_plan(a, c, &shape[i], &slot[at]))
				return false;
		plan[i] = slot[at];
		for (k = 0; k < plan[i]->n; k++)
			c->column[plan[i]->place[k].column].n++;
	}
	return true;
}

static bool
get_decimals(struct hr_dec *d, struct column *k, struct hr_path_kept *kept)
{
	size_t i;

	k->decimals = hr_arena_get(&d->arena, k->n, sizeof(*k->decimals));
	if (k->decimals == NULL || hr_ints_decode(d, k->decimals, k->n, HR_KEPT(kept, decimals)) < 0)
		return false;
	for (i = 0; i < k->n; i++)
		if (k->decimals[i] == 0 || k->decimals[i] > DIGITS_MOST)
			return false;
	return true;
}

/* Integers of which some are there already. */
static bool
get_repeated(struct hr_dec *d, struct column *k, const struct hr_repeat *r, const struct hr_others *others,
    struct hr_path_kept *kept)
{
	uint64_t *v = hr_arena_get(&d->arena, r->rest, sizeof(*v));
	struct hr_string *s = hr_arena_get(&d->arena, k->n, sizeof(*s));
	size_t i;

	if (v == NULL || s == NULL || hr_ints_decode(d, v, r->rest, HR_KEPT(kept, ints)) < 0)
		return false;
	as_strings(v, s, r->rest);
	if (hr_repeat_fill(d, r, s, others) < 0)
		return false;
	for (i = 0; i < k->n; i++)
		memcpy(&k->integer[i], s[i].data, sizeof(k->integer[i]));
	return true;
}

static bool
get_column(struct hr_dec *d, const struct columns *c, size_t i, struct hr_path_kept *kept)
{
	struct column *k = &c->column[i];
	struct columns_of all = { c->column, i };
	struct hr_others others = { i, get_other, &all };
	bool is_string = k->kind == STRING || k->kind == NUMBER;
	struct hr_repeat r = { .rest = k->n };

	if (k->kind == DECIMAL && !get_decimals(d, k, kept))
		return false;
	if ((is_string || k->kind == INTEGER) && hr_repeat_get(d, &r, k->n, HR_KEPT(kept, same)) < 0)
		return false;
	if (is_string) {
		k->string = hr_arena_get(&d->arena, k->n, sizeof(*k->string));
		return k->string && hr_strings_decode(d, k->string, r.rest, HR_KEPT(kept, strings)) == 0 &&
		    hr_repeat_fill(d, &r, k->string, &others) == 0;
	}
	if ((k->integer = hr_arena_get(&d->arena, k->n, sizeof(*k->integer))) == NULL)
		return false;
	if (r.same)
		return get_repeated(d, k, &r, &others, kept);
	return hr_ints_decode(d, k->integer, k->n, HR_KEPT(kept, ints)) == 0;
}

static unsigned
digits_of(uint64_t v)
{
	static const uint64_t least[] = {
		0, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000, UINT64_C(10000000000),
		UINT64_C(100000000000), UINT64_C(1000000000000), UINT64_C(10000000000000), UINT64_C(100000000000000),
		UINT64_C(1000000000000000), UINT64_C(10000000000000000), UINT64_C(100000000000000000),
		UINT64_C(1000000000000000000), UINT64_C(10000000000000000000),
	};
	/* log10 from log2: 1233 / 4096 is a little less than log10(2). */
	unsigned n = (64 - (unsigned)__builtin_clzll(v | 1)) * 1233 >> 12;

	return n + (n == 0 || v >= least[n]);
}

static uint64_t
magnitude(uint64_t v)
{
	return (int64_t)v < 0 ? -v : v;
}

/* Bytes of a number, whose decimals are behind a point and at least one digit. */
static size_t
size_of_number(uint64_t v, uint64_t decimals)
{
	unsigned digits = digits_of(magnitude(v));

	return (digits > decimals ? digits : decimals + 1) + (decimals > 0) + ((int64_t)v < 0);
}

/* Bytes of all scalars of a column; false: a word that is none. */
static bool
size_of_column(const struct column *k, size_t *size)
{
	size_t i;

	switch (k->kind) {
	case STRING:
	case NUMBER:
		for (i = 0; i < k->n; i++)
			*size += k->string[i].len + (k->kind == STRING ? 2 : 0);
		return true;
	case WORD:
		for (i = 0; i < k->n; i++) {
			if (k->integer[i] >= HR_COUNT(word))
				return false;
			*size += word_len[k->integer[i]];
		}
		return true;
	default:
		for (i = 0; i < k->n; i++)
			*size += size_of_number(k->integer[i], k->decimals ? k->decimals[i] : 0);
		return true;
	}
}

static uint8_t *
put_bytes(uint8_t *to, const void *p, size_t n)
{
	if (n)
		memcpy(to, p, n);
	return to + n;
}

static uint8_t *
put_number(uint8_t *to, uint64_t v, uint64_t decimals)
{
	uint8_t *end = to + size_of_number(v, decimals), *at = end;
	uint64_t left = magnitude(v);

	for (; decimals; decimals--, left /= 10) {
		*--at = (uint8_t)('0' + left % 10);
		if (decimals == 1)
			*--at = '.';
	}
	do {
		*--at = (uint8_t)('0' + left % 10);
		left /= 10;
	} while (left);
	if ((int64_t)v < 0)
		*--at = '-';
	return end;
}

/* The next scalar of a column. */
static uint8_t *
give(struct column *k, uint8_t *to)
{
	size_t i = k->at++;

	switch (k->kind) {
	case STRING:
		*to++ = '"';
		to = put_bytes(to, k->string[i].data, k->string[i].len);
		*to++ = '"';
		return to;
	case NUMBER: return put_bytes(to, k->string[i].data, k->string[i].len);
	case WORD: return put_bytes(to, word[k->integer[i]], word_len[k->integer[i]]);
	default: return put_number(to, k->integer[i], k->decimals ? k->decimals[i] : 0);
	}
}

/* A whole document. */
static uint8_t *
give_all(const struct plan *p, const struct hr_string *shape, struct columns *c, uint8_t *to)
{
	size_t k, from = 0;

	for (k = 0; k < p->n; k++) {
		to = put_bytes(to, shape->data + from, p->place[k].at - from);
		from = p->place[k].at + 1;
		to = give(&c->column[p->place[k].column], to);
	}
	return put_bytes(to, shape->data + from, shape->len - from);
}

int
hr_documents_decode(struct hr_dec *d, struct hr_string *s, size_t n, bool front,
    struct hr_documents_kept *kept)
{
	struct hr_arena_mark mark = hr_arena_mark(&d->arena);
	struct hr_string *shape = hr_arena_get(&d->arena, n, sizeof(*shape));
	struct plan **plan = hr_arena_get(&d->arena, n, sizeof(struct plan *));
	uint8_t *to, *text, *stays;
	size_t i, size = 0;
	struct columns c;

	if (shape == NULL || plan == NULL || !columns_open(&c, &d->arena) ||
	    hr_strings_decode(d, shape, n, HR_KEPT(kept, shape)) < 0 ||
	    !make_plans(&d->arena, &c, shape, n, plan))
		return -1;
	for (i = 0; i < c.n; i++) {
		struct hr_path_kept *have = path_kept(kept, &c.column[i]);

		if (!get_column(d, &c, i, have) || !size_of_column(&c.column[i], &size))
			return -1;
		settle(kept, have);
	}
	/* Marks are not written, nor is that of what is no JSON. */
	for (i = 0; i < n; i++)
		size += shape[i].len - (plan[i] ? plan[i]->n : 1) + front;
	if ((to = text = hr_arena_get(&d->arena, size, 1)) == NULL)
		return -1;
	for (i = 0; i < n; i++) {
		size_t at = (size_t)(to - text);

		if (front)
			*to++ = 1;
		to = plan[i] ? give_all(plan[i], &shape[i], &c, to) : put_bytes(to, shape[i].data + 1, shape[i].len - 1);
		s[i].len = (size_t)(to - text) - at;
	}
	/* All but the text was for a while: what many small columns take would be more than there is. */
	hr_arena_release(&d->arena, mark);
	if ((stays = hr_arena_get(&d->arena, size, 1)) == NULL)
		return -1;
	memmove(stays, text, size);
	for (i = 0; i < n; stays += s[i++].len)
		s[i].data = stays;
	return 0;
}

/* --- what is kept --- */

static void
free_path(void *path)
{
	struct hr_path_kept *k = path;

	if (k == NULL)
		return;
	hr_ints_kept_clear(&k->same);
	hr_ints_kept_clear(&k->ints);
	hr_ints_kept_clear(&k->decimals);
	hr_strings_kept_clear(&k->strings);
	free(k);
}

void
hr_documents_memory_clear(struct hr_documents_memory *m)
{
	hr_map_clear(&m->path, free);
}

size_t
hr_documents_kept_size(const struct hr_documents_kept *k)
{
	return hr_strings_kept_size(&k->shape) + k->size;
}

static void
forget_paths(struct hr_documents_kept *k)
{
	hr_map_clear(&k->path, free_path);
	k->size = 0;
}

void
hr_documents_kept_clear(struct hr_documents_kept *k)
{
	hr_strings_kept_clear(&k->shape);
	forget_paths(k);
}
