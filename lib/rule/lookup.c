/* lookup.c - a CSV file, read into a map. */

#include "base/hr.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/hash.h"
#include "rule/lookup.h"

#define FILE_MOST	((size_t)64 << 20)
#define FIELDS_MOST	1024

struct value {
	size_t at, len;		/* in text */
};

/* A file, and where it is read. */
struct csv {
	const char *path;
	const uint8_t *at, *end;
	int line;
	struct hr_buf buf;	/* the fields of a line */
	size_t from[FIELDS_MOST], to[FIELDS_MOST];
	int fields;
};

static int
fail(const struct csv *c, struct hr_err *e, const char *what)
{
	return hr_fail(e, HR_CONFIG, "%s:%d: %s", c->path, c->line, what);
}

/* One field, without its quotes; what is behind it is not taken. */
static int
read_field(struct csv *c, struct hr_err *e)
{
	if (c->at == c->end || *c->at != '"') {
		while (c->at < c->end && *c->at != ',' && *c->at != '\n' && *c->at != '\r') {
			if (*c->at == '"')
				return fail(c, e, "a quote inside of a field that has none around it");
			hr_buf_u8(&c->buf, *c->at++);
		}
		return 0;
	}
	for (c->at++; c->at < c->end; c->at++) {
		if (*c->at == '"') {
			if (c->end - c->at == 1 || c->at[1] != '"') {
				c->at++;
				return 0;
			}
			c->at++;
		}
		c->line += *c->at == '\n';
		hr_buf_u8(&c->buf, *c->at);
	}
	return fail(c, e, "the last field has no quote at its end");
}

/* The fields of a line: 1, 0 at the end of the file, or -1. */
static int
read_line(struct csv *c, struct hr_err *e)
{
	if (c->at == c->end)
		return 0;
	hr_buf_reset(&c->buf);
	c->line++;
	for (c->fields = 0;; c->at++) {
		if (c->fields == FIELDS_MOST)
			return fail(c, e, "a line of more than 1024 fields");
		c->from[c->fields] = c->buf.len;
		if (read_field(c, e) < 0)
			return -1;
		c->to[c->fields++] = c->buf.len;
		if (c->at == c->end || *c->at != ',')
			break;
	}
	if (c->at < c->end && *c->at == '\r')
		c->at++;
	if (c->at < c->end && *c->at++ != '\n')
		return fail(c, e, "there is something behind a field in quotes");
	return 1;
}

static int
column_of(const struct csv *c, const char *name, struct hr_err *e)
{
	int i;

	for (i = 0; i < c->fields; i++)
		if (c->to[i] - c->from[i] == strlen(name) && memcmp(c->buf.data + c->from[i], name, strlen(name)) == 0)
			return i;
	hr_fail(e, HR_CONFIG, "%s:1: no column is called '%s'", c->path, name);
	return hr_hint(e, "the first line has the names");
}

static int
read_all(struct csv *c, struct hr_lookup *l, const char *by, const char *give, struct hr_err *e)
{
	int more = read_line(c, e), key, value, fields;

	if (more == 0)
		return hr_fail(e, HR_CONFIG, "%s:1: the file is empty", c->path);
	if (more < 0 || (key = column_of(c, by, e)) < 0 || (value = column_of(c, give, e)) < 0)
		return -1;
	fields = c->fields;
	while ((more = read_line(c, e)) > 0) {
		void **at;
		struct value *v;

		if (c->fields == 1 && c->to[0] == 0)
			continue;
		if (c->fields != fields)
			return fail(c, e, "another number of fields than in the first line");
		at = hr_map_at(&l->map, c->buf.data + c->from[key], c->to[key] - c->from[key]);
		if (*at)
			continue;
		v = *at = hr_alloc(sizeof(*v));
		*v = (struct value){ l->text.len, c->to[value] - c->from[value] };
		hr_buf_put(&l->text, c->buf.data + c->from[value], v->len);
	}
	return more;
}

int
hr_lookup_open(struct hr_lookup *l, const char *path, const char *by, const char *give, struct hr_err *e)
{
	struct hr_buf text = HR_BUF_INIT;
	int rc = hr_file_read(path, FILE_MOST, &text, e);
	struct csv *c;

	if (rc == 0) {
		c = hr_zalloc(sizeof(*c));
		c->path = path;
		c->at = text.data;
		c->end = text.data + text.len;
		l->hash = hr_hash(text.data, text.len);
		rc = read_all(c, l, by, give, e);
		hr_buf_clear(&c->buf);
		free(c);
	}
	hr_buf_clear(&text);
	l->open = rc == 0;
	if (rc < 0)
		hr_lookup_clear(l);
	return rc;
}

const uint8_t *
hr_lookup_get(const struct hr_lookup *l, const void *key, size_t len, size_t *n)
{
	const struct value *v = hr_map_get(&l->map, key, len);

	if (v == NULL)
		return NULL;
	*n = v->len;
	return v->len ? l->text.data + v->at : (const uint8_t *)"";
}

void
hr_lookup_clear(struct hr_lookup *l)
{
	l->open = false;
	hr_map_clear(&l->map, free);
	hr_buf_clear(&l->text);
}
