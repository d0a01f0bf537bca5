/* stats.c - counts by column, and their table. */

#include "base/hr.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/json.h"
#include "codec/stats.h"

#define LINES_MAX	100000

struct line {
	char *table, *column, *type, *codec;
	uint64_t in, out;
};

void
hr_stats_add(struct hr_stats *s, const char *table, const char *column, const char *type,
    const char *codec, uint64_t in, uint64_t out)
{
	char key[1024];
	struct line *l;
	void **at;
	int n;

	if (!s->wanted || s->map.count >= LINES_MAX)
		return;
	n = snprintf(key, sizeof(key), "%s\n%s\n%s\n%s", table, column, type, codec);
	at = hr_map_at(&s->map, key, n < (int)sizeof(key) ? (size_t)n : sizeof(key) - 1);
	if (*at == NULL) {
		l = *at = hr_zalloc(sizeof(*l));
		l->table = hr_strdup(table);
		l->column = hr_strdup(column);
		l->type = hr_strdup(type);
		l->codec = hr_strdup(codec);
	}
	l = *at;
	l->in += in;
	l->out += out;
}

/* The largest first. */
static int
compare(const void *a, const void *b)
{
	const struct line *x = *(struct line *const *)a, *y = *(struct line *const *)b;
	int order = strcmp(x->table, y->table);

	return order ? order : x->out < y->out ? 1 : x->out > y->out ? -1 : strcmp(x->column, y->column);
}

static double
ratio(uint64_t in, uint64_t out)
{
	return out ? (double)in / (double)out : 0;
}

static void
put_text(struct hr_buf *b, const char *key, const char *s)
{
	hr_buf_printf(b, "\"%s\":", key);
	hr_json_string(b, s, strlen(s));
	hr_buf_u8(b, ',');
}

void
hr_stats_format(const struct hr_stats *s, bool json, struct hr_buf *out)
{
	struct line **line = hr_alloc((s->map.count + 1) * sizeof(struct line *));
	size_t i, n = 0;

	for (i = 0; i < s->map.slots; i++)
		if (s->map.slot[i].key)
			line[n++] = s->map.slot[i].value;
	qsort(line, n, sizeof(struct line *), compare);
	if (!json)
		hr_buf_printf(out, "%-24s %-20s %-12s %-24s %12s %12s %8s\n",
		    "table", "column", "type", "codec", "in", "out", "ratio");
	for (i = 0; i < n; i++) {
		const struct line *l = line[i];

		if (!json) {
			hr_buf_printf(out, "%-24s %-20s %-12s %-24s %12" PRIu64 " %12" PRIu64 " %8.2f\n",
			    l->table, l->column, l->type, l->codec, l->in, l->out, ratio(l->in, l->out));
			continue;
		}
		hr_buf_u8(out, '{');
		put_text(out, "table", l->table);
		put_text(out, "column", l->column);
		put_text(out, "type", l->type);
		put_text(out, "codec", l->codec);
		hr_buf_printf(out, "\"in\":%" PRIu64 ",\"out\":%" PRIu64 ",\"ratio\":%.2f}\n",
		    l->in, l->out, ratio(l->in, l->out));
	}
	if (json)
		hr_buf_printf(out, "{\"in\":%" PRIu64 ",\"out\":%" PRIu64 ",\"ratio\":%.2f}\n",
		    s->in, s->out, ratio(s->in, s->out));
	else
		hr_buf_printf(out, "%-83s %12" PRIu64 " %12" PRIu64 " %8.2f\n", "all", s->in, s->out,
		    ratio(s->in, s->out));
	free(line);
}

static void
free_line(void *v)
{
	struct line *l = v;

	free(l->table);
	free(l->column);
	free(l->type);
	free(l->codec);
	free(l);
}

void
hr_stats_clear(struct hr_stats *s)
{
	hr_map_clear(&s->map, free_line);
}
