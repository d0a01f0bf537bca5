/* report.c - lines of text or JSON. */

#include "base/hr.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/lsn.h"
#include "migrate/report.h"
#include "state/checkpoint.h"

#define DRAW_US 200000

const char *const hr_kind_name[3] = { "missing", "extra", "changed" };

/*
 * Differences.
 */

static json_t *
text_or_null(const char *s)
{
	return s ? json_string(s) : json_null();
}

static json_t *
row_object(const struct hr_relation *rel, const char *const *value)
{
	json_t *o = json_object();
	int i;

	for (i = 0; i < rel->columns; i++)
		json_object_set_new(o, rel->column[i].name, text_or_null(value[i]));
	return o;
}

static json_t *
key_object(const struct hr_twin *w, const char *const *key)
{
	json_t *o = json_object();
	int i;

	for (i = 0; i < w->keys; i++)
		json_object_set_new(o, w->relation->column[w->key[i].column].name, text_or_null(key[i]));
	return o;
}

static char *
as_json(const struct hr_difference *d)
{
	json_t *o = json_object();
	char *line;

	json_object_set_new(o, "kind", json_string(hr_kind_name[d->kind]));
	json_object_set_new(o, "table", json_string(d->twin->name));
	json_object_set_new(o, "key", d->key ? key_object(d->twin, d->key) : json_null());
	if (d->key == NULL)
		json_object_set_new(o, "rows", json_integer((json_int_t)d->rows));
	json_object_set_new(o, "source", d->source ? row_object(d->twin->relation, d->source) : json_null());
	json_object_set_new(o, "target", d->target ? row_object(d->twin->relation, d->target) : json_null());
	line = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	return line ? line : hr_strdup("{}");
}

static void
put_pair(struct hr_buf *b, const char *name, const char *value)
{
	hr_buf_puts(b, " ");
	hr_checkpoint_escape(b, name);
	hr_buf_puts(b, "=");
	if (value)
		hr_checkpoint_escape(b, value);
	else
		hr_buf_puts(b, "NULL");
}

static char *
as_text(const struct hr_difference *d)
{
	const struct hr_relation *rel = d->twin->relation;
	const char *const *row = d->source ? d->source : d->target;
	struct hr_buf b = HR_BUF_INIT;
	int i;

	hr_buf_puts(&b, hr_kind_name[d->kind]);
	hr_buf_puts(&b, " ");
	hr_checkpoint_escape(&b, d->twin->name);
	for (i = 0; d->key && i < d->twin->keys; i++)
		put_pair(&b, rel->column[d->twin->key[i].column].name, d->key[i]);
	for (i = 0; d->key == NULL && row && i < rel->columns; i++)
		put_pair(&b, rel->column[i].name, row[i]);
	if (d->rows > 1)
		hr_buf_printf(&b, " (%" PRIu64 " times)", d->rows);
	hr_buf_text(&b);
	return (char *)hr_buf_take(&b, NULL);
}

char *
hr_report_difference(const struct hr_report *r, const struct hr_difference *d)
{
	return r->json ? as_json(d) : as_text(d);
}

/*
 * Lines.
 */

void
hr_report_line(struct hr_report *r, const char *line)
{
	hr_report_wipe(r);
	puts(line);
	fflush(stdout);
}

static void
print_object(struct hr_report *r, json_t *o)
{
	char *line = json_dumps(o, JSON_COMPACT);

	json_decref(o);
	if (line)
		hr_report_line(r, line);
	free(line);
}

static void
set_count(json_t *o, const char *name, uint64_t n)
{
	json_object_set_new(o, name, json_integer((json_int_t)n));
}

void
hr_report_table(struct hr_report *r, const char *table, const struct hr_count *n)
{
	struct hr_buf b = HR_BUF_INIT;

	if (r->json) {
		json_t *o = json_object();

		json_object_set_new(o, "table", json_string(table));
		json_object_set_new(o, "equal", json_boolean(n->differing == 0));
		set_count(o, "rows", n->rows);
		set_count(o, "chunks", n->chunks);
		set_count(o, "differing", n->differing);
		print_object(r, o);
		return;
	}
	hr_buf_puts(&b, n->differing ? "different " : "equal ");
	hr_checkpoint_escape(&b, table);
	hr_buf_printf(&b, " %" PRIu64, n->rows);
	if (n->differing)
		hr_buf_printf(&b, " %" PRIu64 " row%s differ%s", n->differing, n->differing > 1 ? "s" : "",
		    n->differing > 1 ? "" : "s");
	hr_report_line(r, hr_buf_text(&b));
	hr_buf_clear(&b);
}

void
hr_report_summary(struct hr_report *r, hr_lsn lsn, size_t tables, const struct hr_count *n)
{
	struct hr_buf b = HR_BUF_INIT;

	if (r->json) {
		json_t *o = json_object();

		json_object_set_new(o, "equal", json_boolean(n->differing == 0));
		json_object_set_new(o, "lsn", json_string(HR_LSN(lsn)));
		set_count(o, "tables", tables);
		set_count(o, "rows", n->rows);
		set_count(o, "chunks", n->chunks);
		set_count(o, "differing", n->differing);
		print_object(r, o);
		return;
	}
	hr_buf_printf(&b, "%s as of %s", n->differing ? "different" : "equal", HR_LSN(lsn));
	hr_report_line(r, hr_buf_text(&b));
	hr_buf_clear(&b);
}

/*
 * Progress.
 */

void
hr_report_wipe(struct hr_report *r)
{
	if (r->drawn)
		fputs("\r\033[K", stderr);
	r->drawn = false;
}

void
hr_report_progress(struct hr_report *r, const char *table, const struct hr_count *n)
{
	int64_t now;

	if (!r->progress || (now = hr_now_us()) - r->drawn_at < DRAW_US)
		return;
	r->drawn_at = now;
	r->drawn = true;
	fprintf(stderr, "\r\033[K%.60s: %" PRIu64 " rows, %" PRIu64 " chunks, %" PRIu64 " differ", table, n->rows,
	    n->chunks, n->differing);
	fflush(stderr);
}
