/*
 * documents.c - JSON to shapes and columns of scalars, and back.
 *
 * One walk does for both: over a text it finds scalars, over a shape it finds
 * marks, at the same places and with the same paths; two paths that are the same by
 * chance share a column, no more.
 */

#include "base/hr.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "codec/documents.h"

#define DEPTH_MOST	64
#define PLANS	256		/* shapes of a block that are remembered */
#define ARRAY		UINT64_C(0x9e3779b97f4a7c15)

typedef bool found(void *arg, const struct hr_scalar *s);

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
	return shape->len && shape->data[0] == HR_MARK_WHOLE;
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
static enum hr_mark
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
		if (p[i] < '0' || p[i] > '9' || ++digits > HR_DIGITS_MOST)
			return HR_MARK_NUMBER;
		v = v * 10 + (p[i] - '0');
	}
	if (digits == 0 || point == n - 1 || (minus && v == 0) ||
	    (p[minus] == '0' && digits > 1 && point != (size_t)minus + 1))
		return HR_MARK_NUMBER;
	*integer = minus ? -v : v;
	*decimals = point ? (unsigned)(n - 1 - point) : 0;
	return point ? HR_MARK_DECIMAL : HR_MARK_INTEGER;
}

/* The scalar of a text that is next. */
static bool
read_scalar(struct walk *w, struct hr_scalar *s)
{
	size_t i;

	s->at = w->at;
	if (w->at == w->end)
		return false;
	if (*w->at == '"') {
		w->at++;
		s->kind = HR_MARK_STRING;
		return inside(w, &s->at, &s->len);
	}
	for (i = 0; i < HR_WORDS; i++) {
		s->len = hr_word_len[i];
		if (*w->at == (uint8_t)hr_word[i][0] && (size_t)(w->end - w->at) >= s->len &&
		    memcmp(w->at, hr_word[i], s->len) == 0) {
			s->kind = HR_MARK_WORD;
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
	struct hr_scalar s = { .at = w->at, .path = path };

	if (!w->shape)
		return read_scalar(w, &s) && w->found(w->arg, &s);
	if (w->at == w->end)
		return false;
	s.kind = (enum hr_mark)*w->at++;
	return s.kind >= HR_MARK_STRING && s.kind <= HR_MARK_NUMBER && w->found(w->arg, &s);
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

/* --- there --- */

/* A text on its way to its shape. */
struct taker {
	struct hr_paths *c;
	struct hr_buf *shape;
	const uint8_t *from;		/* of the text, what is not in the shape yet */
	struct hr_buf *taken;		/* the column of each scalar, u32 */
};

static bool
take(void *arg, const struct hr_scalar *s)
{
	struct taker *t = arg;
	struct hr_path *k = hr_paths_at(t->c, s->path, s->kind);

	if (k == NULL)
		return false;
	hr_path_append(k, s, t->c->arena);
	hr_buf_u32le(t->taken, (uint32_t)(k - t->c->column));
	/* A string's quotes go with it. */
	hr_buf_put(t->shape, t->from, (size_t)(s->at - t->from) - (s->kind == HR_MARK_STRING));
	hr_buf_u8(t->shape, (uint8_t)s->kind);
	t->from = s->at + s->len + (s->kind == HR_MARK_STRING);
	return true;
}

/* The shape of the document before, and where its marks are. */
struct last {
	struct hr_string shape;
	const struct hr_buf *taken;	/* their columns */
	struct hr_buf place;		/* and where they are, u32 */
	struct hr_buf scalar;		/* struct hr_scalar, of the one in hand */
};

/*
 * Most have the shape of the one before: then the text has to be what is between
 * its marks, with scalars of the same kinds, and nothing need be looked up.
 */
static bool
take_alike(struct last *last, struct hr_paths *c, const struct hr_string *s)
{
	struct walk w = { .at = s->data, .end = s->data + s->len };
	const uint8_t *from = last->shape.data, *at;
	size_t marks = last->taken->len / 4, k, len;
	struct hr_scalar *scalars;

	if (last->shape.len == 0)
		return false;
	hr_buf_reset(&last->scalar);
	hr_buf_need(&last->scalar, marks * sizeof(*scalars) + 1);
	scalars = (struct hr_scalar *)(void *)last->scalar.data;
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
		hr_path_append(&c->column[hr_get_u32le(last->taken->data + 4 * k)], &scalars[k], c->arena);
	return true;
}

static void
remember(struct last *last, const struct hr_string *shape)
{
	size_t i;

	last->shape = *shape;
	hr_buf_reset(&last->place);
	for (i = 0; i < shape->len; i++)
		if (shape->data[i] >= HR_MARK_STRING && shape->data[i] <= HR_MARK_NUMBER)
			hr_buf_u32le(&last->place, (uint32_t)i);
}

/* The shapes of all, and columns in c.  False: too many have none. */
static bool
take_apart(struct hr_enc *o, struct hr_paths *c, const struct hr_string *s, size_t n, struct hr_string *shape)
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
			hr_paths_drop(c, columns);
			failed++;
			hr_buf_reset(&buf);
			hr_buf_u8(&buf, HR_MARK_WHOLE);
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
	struct hr_paths c;

	hr_paths_open(&c, &o->arena);
	if (!take_apart(o, &c, s, n, shape)) {
		hr_arena_release(&o->arena, mark);
		return false;
	}
	hr_strings_encode(o, shape, n, &m->shape, HR_KEPT(kept, shape));
	hr_paths_encode(o, &c, &m->path, HR_KEPT(kept, paths));
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
	struct hr_paths *c;
	const uint8_t *shape;
	struct hr_buf *places;
};

static bool
note(void *arg, const struct hr_scalar *s)
{
	struct planner *p = arg;
	struct hr_path *k = hr_paths_at(p->c, s->path, s->kind);
	struct place place;

	if (k == NULL)
		return false;
	place = (struct place){ (uint32_t)(s->at - p->shape), (uint32_t)(k - p->c->column) };
	hr_buf_put(p->places, &place, sizeof(place));
	return true;
}

static bool
make_plan(struct hr_arena *a, struct hr_paths *c, const struct hr_string *shape, struct plan **out)
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
make_plans(struct hr_arena *a, struct hr_paths *c, const struct hr_string *shape, size_t n, struct plan **plan)
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

/* A whole document. */
static uint8_t *
give_all(const struct plan *p, const struct hr_string *shape, struct hr_paths *c, uint8_t *to)
{
	size_t k, from = 0;

	for (k = 0; k < p->n; k++) {
		to = hr_bytes_put(to, shape->data + from, p->place[k].at - from);
		from = p->place[k].at + 1;
		to = hr_path_give(&c->column[p->place[k].column], to);
	}
	return hr_bytes_put(to, shape->data + from, shape->len - from);
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
	struct hr_paths c;

	if (shape == NULL || plan == NULL || !hr_paths_open(&c, &d->arena) ||
	    hr_strings_decode(d, shape, n, HR_KEPT(kept, shape)) < 0 ||
	    !make_plans(&d->arena, &c, shape, n, plan))
		return -1;
	if (!hr_paths_decode(d, &c, HR_KEPT(kept, paths), &size))
		return -1;
	/* Marks are not written, nor is that of what is no JSON. */
	for (i = 0; i < n; i++)
		size += shape[i].len - (plan[i] ? plan[i]->n : 1) + front;
	if ((to = text = hr_arena_get(&d->arena, size, 1)) == NULL)
		return -1;
	for (i = 0; i < n; i++) {
		size_t at = (size_t)(to - text);

		if (front)
			*to++ = 1;
		to = plan[i] ? give_all(plan[i], &shape[i], &c, to) : hr_bytes_put(to, shape[i].data + 1, shape[i].len - 1);
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

void
hr_documents_memory_clear(struct hr_documents_memory *m)
{
	hr_map_clear(&m->path, free);
}

size_t
hr_documents_kept_size(const struct hr_documents_kept *k)
{
	return hr_strings_kept_size(&k->shape) + k->paths.size;
}

void
hr_documents_kept_clear(struct hr_documents_kept *k)
{
	hr_strings_kept_clear(&k->shape);
	hr_paths_kept_clear(&k->paths);
}
