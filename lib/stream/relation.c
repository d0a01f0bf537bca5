/* relation.c - relation frames and the table of them. */

#include "base/hr.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "stream/relation.h"

static void
put_text(struct hr_buf *b, const char *s)
{
	hr_buf_put(b, s ? s : "", s ? strlen(s) + 1 : 1);
}

static void
put_steps(const struct hr_relation *r, struct hr_buf *out)
{
	int i, k;

	hr_buf_u16le(out, (uint16_t)r->steps);
	for (i = 0; i < r->steps; i++) {
		const struct hr_step *s = &r->step[i];

		put_text(out, s->schema);
		put_text(out, s->name);
		hr_buf_u16le(out, (uint16_t)s->columns);
		for (k = 0; k < s->columns; k++) {
			put_text(out, s->from[k]);
			put_text(out, s->to[k]);
		}
	}
	put_text(out, r->tenant_name);
}

void
hr_relation_encode(const struct hr_relation *r, struct hr_buf *out)
{
	int i;

	hr_buf_u32le(out, r->id);
	hr_buf_u8(out, (uint8_t)r->identity);
	hr_buf_u8(out, (uint8_t)r->tenancy);
	hr_buf_u16le(out, (uint16_t)r->tenant_column);
	hr_buf_u16le(out, (uint16_t)r->columns);
	put_text(out, r->schema);
	put_text(out, r->name);
	for (i = 0; i < r->columns; i++) {
		const struct hr_column *c = &r->column[i];

		hr_buf_u8(out, c->key);
		hr_buf_u32le(out, c->type);
		hr_buf_u32le(out, (uint32_t)c->typmod);
		put_text(out, c->name);
		put_text(out, c->type_schema);
		put_text(out, c->type_name);
	}
	if (r->tenancy == 'p')
		put_steps(r, out);
}

static void
get_step(struct hr_cur *c, struct hr_step *s)
{
	int i, n;

	s->schema = hr_strdup(hr_cur_cstr(c));
	s->name = hr_strdup(hr_cur_cstr(c));
	n = hr_cur_u16le(c);
	if (n < 1 || n > HR_STEP_COLUMNS_MAX)
		c->bad = true;
	if (c->bad)
		return;
	s->from = hr_zalloc((size_t)n * sizeof(*s->from));
	s->to = hr_zalloc((size_t)n * sizeof(*s->to));
	for (i = 0; i < n && !c->bad; i++) {
		s->from[i] = hr_strdup(hr_cur_cstr(c));
		s->to[i] = hr_strdup(hr_cur_cstr(c));
		s->columns = i + 1;
	}
}

static void
get_steps(struct hr_cur *c, struct hr_relation *r)
{
	int i, n = hr_cur_u16le(c);

	if (n < 1 || n > HR_STEPS_MAX)
		c->bad = true;
	if (c->bad)
		return;
	r->step = hr_zalloc((size_t)n * sizeof(*r->step));
	for (i = 0; i < n && !c->bad; i++) {
		get_step(c, &r->step[i]);
		r->steps = i + 1;
	}
	r->tenant_name = hr_strdup(hr_cur_cstr(c));
}

int
hr_relation_decode(struct hr_relation **out, const uint8_t *data, size_t len, struct hr_err *e)
{
	struct hr_cur c = hr_cur(data, len);
	struct hr_relation *r = hr_zalloc(sizeof(*r));
	int i, n;

	*out = NULL;
	r->id = hr_cur_u32le(&c);
	r->identity = (char)hr_cur_u8(&c);
	r->tenancy = (char)hr_cur_u8(&c);
	r->tenant_column = (int16_t)hr_cur_u16le(&c);
	n = hr_cur_u16le(&c);
	if (n > HR_COLUMNS_MAX || r->tenant_column >= n || r->tenant_column < -1 ||
	    strchr("dnfi", r->identity) == NULL || strchr("cpsda", r->tenancy) == NULL ||
	    r->identity == '\0' || r->tenancy == '\0')
		c.bad = true;
	r->schema = hr_strdup(hr_cur_cstr(&c));
	r->name = hr_strdup(hr_cur_cstr(&c));
	if (!c.bad)
		r->column = hr_zalloc((size_t)n * sizeof(*r->column));
	for (i = 0; i < n && !c.bad; i++) {
		struct hr_column *col = &r->column[i];
		uint8_t key;

		key = hr_cur_u8(&c);
		col->key = key == 1;
		if (key > 1)
			c.bad = true;
		col->type = hr_cur_u32le(&c);
		col->typmod = (int32_t)hr_cur_u32le(&c);
		col->name = hr_strdup(hr_cur_cstr(&c));
		col->type_schema = hr_strdup(hr_cur_cstr(&c));
		col->type_name = hr_strdup(hr_cur_cstr(&c));
		r->columns = i + 1;
	}
	if (!c.bad && r->tenancy == 'p')
		get_steps(&c, r);
	if (c.bad || hr_cur_left(&c)) {
		hr_relation_free(r);
		return hr_fail(e, HR_BAD_STREAM, "a relation frame that is not well-formed");
	}
	*out = r;
	return 0;
}

bool
hr_relation_same(const struct hr_relation *a, const struct hr_relation *b)
{
	struct hr_buf x = HR_BUF_INIT, y = HR_BUF_INIT;
	bool same;

	hr_relation_encode(a, &x);
	hr_relation_encode(b, &y);
	same = x.len == y.len && memcmp(x.data, y.data, x.len) == 0;
	hr_buf_clear(&x);
	hr_buf_clear(&y);
	return same;
}

bool
hr_relation_mixed(const struct hr_relation *r)
{
	return r->tenancy == 'c' || r->tenancy == 'p';
}

int
hr_relation_column(const struct hr_relation *r, const char *name)
{
	int i;

	for (i = 0; i < r->columns; i++)
		if (strcmp(r->column[i].name, name) == 0)
			return i;
	return -1;
}

struct hr_relation *
hr_relation_copy(const struct hr_relation *r, struct hr_err *e)
{
	struct hr_buf b = HR_BUF_INIT;
	struct hr_relation *copy = NULL;

	hr_relation_encode(r, &b);
	(void)!hr_relation_decode(&copy, b.data, b.len, e);
	hr_buf_clear(&b);
	return copy;
}

void
hr_relation_clear_steps(struct hr_relation *r)
{
	int i, k;

	for (i = 0; i < r->steps; i++) {
		for (k = 0; k < r->step[i].columns; k++) {
			free(r->step[i].from[k]);
			free(r->step[i].to[k]);
		}
		free(r->step[i].from);
		free(r->step[i].to);
		free(r->step[i].schema);
		free(r->step[i].name);
	}
	free(r->step);
	free(r->tenant_name);
	r->step = NULL;
	r->steps = 0;
	r->tenant_name = NULL;
}

void
hr_relation_free(struct hr_relation *r)
{
	int i;

	if (r == NULL)
		return;
	for (i = 0; i < r->columns; i++) {
		free(r->column[i].name);
		free(r->column[i].type_schema);
		free(r->column[i].type_name);
	}
	hr_relation_clear_steps(r);
	free(r->column);
	free(r->schema);
	free(r->name);
	free(r);
}

struct hr_relation *
hr_relations_get(const struct hr_relations *t, uint32_t id)
{
	return hr_map_get(&t->map, &id, sizeof(id));
}

void
hr_relations_put(struct hr_relations *t, struct hr_relation *r)
{
	void **at = hr_map_at(&t->map, &r->id, sizeof(r->id));

	hr_relation_free(*at);
	*at = r;
}

static void
free_one(void *p)
{
	hr_relation_free(p);
}

void
hr_relations_clear(struct hr_relations *t)
{
	hr_map_clear(&t->map, free_one);
}
