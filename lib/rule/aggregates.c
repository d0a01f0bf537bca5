/* aggregates.c - what is made of tables, between the frames of a stream. */

#include "base/hr.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/hex.h"
#include "base/log.h"
#include "base/lsn.h"
#include "rule/aggregates.h"
#include "stream/relation.h"
#include "stream/value.h"

#define FIRST_RELATION	0xF0000000u	/* numbers of tables that are made: no source has got so far */
#define APART_US	1000000		/* between watermarks, at the least */
#define PIECE_BYTES	(1 << 20)	/* of rows, that a frame is written of */
#define POSITION_MAX	65536
#define RELATION_MAX	(1 << 24)

/* Rows of one tenant that are being written. */
struct out {
	struct hr_buf payload;
	uint32_t count;
	bool all, begun;
	uint16_t tenant_len;
	char tenant[HR_TENANT_MAX];
};

static void
free_gathered(void *value)
{
	struct hr_gathered *t = value;
	size_t i;

	for (i = 0; i < t->n; i++) {
		hr_aggregate_free(t->made[i].a);
		free(t->made[i].path);
	}
	free(t->made);
	free(t->source);
	free(t->tenant);
	hr_buf_clear(&t->relation);
	free(t);
}

static void
free_out(void *value)
{
	struct out *o = value;

	hr_buf_clear(&o->payload);
	free(o);
}

static void
free_recalled(struct hr_aggregates *g)
{
	size_t i;

	for (i = 0; i < g->recalls; i++)
		free(g->recalled[i]);
	free(g->recalled);
	g->recalled = NULL;
	g->recalls = 0;
}

void
hr_aggregates_clear(struct hr_aggregates *g)
{
	hr_map_clear(&g->tables, free_gathered);
	hr_map_clear(&g->out, free_out);
	free_recalled(g);
	free(g->stream);
	*g = (struct hr_aggregates)HR_AGGREGATES_INIT;
}

/* Call f for each table that is made, until it does not give 0. */
static int
each(struct hr_aggregates *g, int (*f)(struct hr_made *m, struct hr_err *e), struct hr_err *e)
{
	size_t i, k;

	for (i = 0; i < g->tables.slots; i++) {
		struct hr_gathered *t = g->tables.slot[i].key ? g->tables.slot[i].value : NULL;

		for (k = 0; t && k < t->n; k++)
			if (f(&t->made[k], e) < 0)
				return -1;
	}
	return 0;
}

/* --- the position --- */

static int
bad_file(const char *path, struct hr_err *e)
{
	hr_fail(e, HR_IO, "'%s' is not what hr-transform wrote", path);
	return hr_hint(e, "take it back from a copy, or remove the directory and begin with a first copy");
}

static char *
position_path(const struct hr_aggregates *g)
{
	return hr_sprintf("%s/position", g->dir);
}

static int
other_stream(const struct hr_aggregates *g, const char *path, const char *was, struct hr_err *e)
{
	hr_fail(e, HR_REFUSED, "the states in '%s' are of the stream %s, and this is %s", path, was, g->stream);
	return hr_hint(e, "give each pipeline a directory of its own as --state");
}

static int
load_position(struct hr_aggregates *g, struct hr_err *e)
{
	char *path = position_path(g);
	struct hr_buf b = HR_BUF_INIT;
	const char *stream, *lsn;
	json_t *o = NULL;
	int rc = 0;

	if (access(path, F_OK) != 0 && errno == ENOENT)
		goto out;
	if ((rc = hr_file_read(path, POSITION_MAX, &b, e)) < 0)
		goto out;
	o = json_loadb((const char *)b.data, b.len, 0, NULL);
	if (o == NULL || json_unpack(o, "{s:s, s:s}", "stream", &stream, "lsn", &lsn) < 0 ||
	    hr_lsn_parse(lsn, &g->position) < 0)
		rc = bad_file(path, e);
	else if (strcmp(stream, g->stream) != 0)
		rc = other_stream(g, g->dir, stream, e);
out:
	json_decref(o);
	hr_buf_clear(&b);
	free(path);
	return rc;
}

static int
write_whole(const char *path, const char *text, struct hr_err *e)
{
	size_t n = strlen(text);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), rc = 0;

	if (fd < 0 || write(fd, text, n) != (ssize_t)n || fsync(fd) != 0)
		rc = hr_fail_sys(e, "cannot write '%s'", path);
	if (fd >= 0)
		close(fd);
	return rc;
}

/* As JSON, beside and then by rename, durably; gives up o. */
static int
save_json(const char *path, json_t *o, struct hr_err *e)
{
	char *beside = hr_sprintf("%s.new", path), *text = json_dumps(o, JSON_COMPACT);
	int rc = write_whole(beside, text, e);

	if (rc == 0 && rename(beside, path) != 0)
		rc = hr_fail_sys(e, "cannot rename '%s' to '%s'", beside, path);
	if (rc == 0)
		rc = hr_file_sync_directory(path, e);
	json_decref(o);
	free(text);
	free(beside);
	return rc;
}

static int
save_position(struct hr_aggregates *g, hr_lsn lsn, struct hr_err *e)
{
	char *path = position_path(g);
	int rc = save_json(path, json_pack("{s:s, s:s}", "stream", g->stream, "lsn", HR_LSN(lsn)), e);

	if (rc == 0)
		g->position = lsn;
	free(path);
	return rc;
}

/* --- files of tables --- */

static bool
ends_in(const char *name, const char *end)
{
	size_t n = strlen(name), m = strlen(end);

	return n > m && strcmp(name + n - m, end) == 0;
}

/* The files there are of an earlier stream are no more; those of this one are read. */
static int
look_around(struct hr_aggregates *g, struct hr_err *e)
{
	DIR *d = opendir(g->dir);
	const struct dirent *f;
	size_t cap = 0;
	int rc = 0;

	if (d == NULL)
		return hr_fail_sys(e, "cannot read the directory '%s'", g->dir);
	free_recalled(g);
	while (rc == 0 && (f = readdir(d)) != NULL) {
		char *path = hr_sprintf("%s/%s", g->dir, f->d_name);
		bool table = ends_in(f->d_name, ".relation"), ours = table || ends_in(f->d_name, ".state") ||
		    strcmp(f->d_name, "position") == 0;

		if (ours && g->anew && unlink(path) != 0)
			rc = hr_fail_sys(e, "cannot remove '%s'", path);
		if (table && !g->anew) {
			HR_GROW(g->recalled, g->recalls, cap);
			g->recalled[g->recalls++] = path;
		} else
			free(path);
	}
	closedir(d);
	return rc;
}

static bool
take_hex(struct hr_buf *b, const char *hex)
{
	int high, low;

	for (; hex[0] && hex[1]; hex += 2) {
		high = hr_hex_value((uint8_t)hex[0]);
		low = hr_hex_value((uint8_t)hex[1]);
		if (high < 0 || low < 0)
			return false;
		hr_buf_u8(b, (uint8_t)(high << 4 | low));
	}
	return hex[0] == '\0';
}

int
hr_aggregates_recall(struct hr_aggregates *g, size_t *i, struct hr_buf *relation, struct hr_err *e)
{
	struct hr_buf b = HR_BUF_INIT;
	const char *path, *hex;
	json_t *o;
	int rc = -1;

	hr_buf_reset(relation);
	if (*i >= g->recalls)
		return 0;
	path = g->recalled[(*i)++];
	if (hr_file_read(path, RELATION_MAX, &b, e) < 0)
		return -1;
	o = json_loadb((const char *)b.data, b.len, 0, NULL);
	if (o == NULL || json_unpack(o, "{s:s}", "relation", &hex) < 0 || !take_hex(relation, hex))
		bad_file(path, e);
	else
		rc = 1;
	json_decref(o);
	hr_buf_clear(&b);
	return rc;
}

/* --- a stream begins --- */

static int
check_start(struct hr_aggregates *g, const struct hr_head *h, struct hr_err *e)
{
	g->anew = h->copy && strcmp(h->copy, "first") == 0;
	if (h->copy && !g->anew && g->position == 0) {
		hr_fail(e, HR_REFUSED, "the stream goes on with a first copy that was cut, and rows of it that went before "
		    "cannot be aggregated any more");
		return hr_hint(e, "begin the copy anew: drop the slot, remove the checkpoint, empty the target's tables");
	}
	if (g->anew || g->position == 0 || h->start <= g->position)
		return 0;
	hr_fail(e, HR_REFUSED, "the stream begins at %s, and the states in '%s' end at %s: what is between is lost",
	    HR_LSN(h->start), g->dir, HR_LSN(g->position));
	return hr_hint(e, "were they put back from an older copy? remove them and begin with a first copy");
}

int
hr_aggregates_begin(struct hr_aggregates *g, const struct hr_head *h, struct hr_err *e)
{
	free(g->stream);
	g->stream = hr_sprintf("%s of %s, system %" PRIu64, h->slot ? h->slot : "", h->database ? h->database : "", h->system);
	g->start = g->shown = h->start;
	if (g->dir == NULL)
		return 0;
	if (mkdir(g->dir, 0700) != 0 && errno != EEXIST)
		return hr_fail_sys(e, "cannot make the directory '%s'", g->dir);
	if (load_position(g, e) < 0 || check_start(g, h, e) < 0)
		return -1;
	if (g->anew)
		g->position = 0;
	return look_around(g, e);
}

/* --- tables --- */

struct hr_gathered *
hr_aggregates_of(const struct hr_aggregates *g, uint32_t relation)
{
	uint8_t key[4];

	hr_set_u32le(key, relation);
	return hr_map_get(&g->tables, key, sizeof(key));
}

/* What the target is known to have; 0: nothing is known. */
static int
target_has(struct hr_aggregates *g, hr_lsn *lsn, struct hr_err *e)
{
	*lsn = 0;
	return g->durable ? g->durable(g->arg, lsn, e) : 0;
}

static int
emit(void *arg, enum hr_op op, const struct hr_value *value, int n, struct hr_err *e);

/* The spec of a rule, which lends its parts; groups and outputs are the caller's to free. */
static struct hr_aggregate_spec
spec_of(const struct hr_rule_aggregate *r, const char *schema, const struct hr_plan *plan, uint32_t relation)
{
	struct hr_aggregate_group *group = hr_zalloc((r->groups + 1) * sizeof(*group));
	struct hr_aggregate_output *output = hr_zalloc((r->outputs + 1) * sizeof(*output));
	const char *dot = strchr(r->into, '.');
	size_t i;

	for (i = 0; i < r->groups; i++)
		group[i] = (struct hr_aggregate_group){ r->group[i].name, r->group[i].expr };
	for (i = 0; i < r->outputs; i++)
		output[i] = (struct hr_aggregate_output){ r->output[i].name,
		    (enum hr_aggregate_function)r->output[i].function, r->output[i].expr, r->output[i].filter };
	return (struct hr_aggregate_spec){
		.schema = schema, .table = dot ? dot + 1 : r->into, .relation = relation, .group = group,
		.groups = (int)r->groups, .output = output, .outputs = (int)r->outputs,
		.window = { r->size_us, r->slide_us, r->lateness_us }, .window_by = r->by, .emit = r->emit,
		.interval_us = r->every_us, .late = r->late, .append_only = r->append_only, .rules = plan->rules,
	};
}

static char *
schema_of(const struct hr_rule_aggregate *r, const struct hr_plan *plan)
{
	const char *dot = strchr(r->into, '.');

	return dot ? hr_sprintf("%.*s", (int)(dot - r->into), r->into) : hr_strdup(plan->in->schema);
}

/* A delete that goes to everybody says nothing of the group of a tenant. */
static int
check_tenant(const struct hr_plan *plan, const struct hr_made *m, struct hr_err *e)
{
	if (m->a->plan.tenant < 0 || m->rule->append_only || hr_plan_says_whose(plan->in))
		return 0;
	hr_fail(e, HR_CONFIG, "deletes of %s do not say whose rows they were, and rows are grouped by the tenant", m->of->source);
	return hr_hint(e, plan->in->tenancy == 'c' ? "ALTER TABLE %s REPLICA IDENTITY FULL, or say that it is only inserted into" :
	    "say that %s is only inserted into, or group by something else", m->of->source);
}

static int
check_name(struct hr_aggregates *g, const struct hr_relation *made, const struct hr_made *but, struct hr_err *e)
{
	size_t i, k;

	for (i = 0; i < g->tables.slots; i++) {
		const struct hr_gathered *t = g->tables.slot[i].key ? g->tables.slot[i].value : NULL;

		for (k = 0; t && k < t->n; k++) {
			const struct hr_relation *r = t->made[k].a ? hr_aggregate_relation(t->made[k].a) : NULL;

			if (r && &t->made[k] != but && strcmp(r->schema, made->schema) == 0 && strcmp(r->name, made->name) == 0)
				return hr_fail(e, HR_CONFIG, "rows of %s and of %s are aggregated into one table, %s.%s", t->source,
				    but->of->source, r->schema, r->name);
		}
	}
	return 0;
}

/* The file name of a table: what is not a letter or digit is two hexadecimal digits. */
static char *
path_of(const struct hr_aggregates *g, const char *schema, const char *name, const char *end)
{
	struct hr_buf b = HR_BUF_INIT;
	const char *part[] = { schema, ".", name };
	size_t i;
	const char *c;

	hr_buf_printf(&b, "%s/", g->dir);
	for (i = 0; i < HR_COUNT(part); i++)
		for (c = part[i]; *c; c++)
			if ((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') || *c == '_' || i == 1)
				hr_buf_u8(&b, (uint8_t)*c);
			else
				hr_buf_printf(&b, "%%%02x", (uint8_t)*c);
	hr_buf_puts(&b, end);
	hr_buf_text(&b);
	return (char *)hr_buf_take(&b, NULL);
}

/* Go on with the state that there is. */
static int
load(struct hr_aggregates *g, struct hr_made *m, struct hr_err *e)
{
	const struct hr_relation *made = hr_aggregate_relation(m->a);
	hr_lsn has;
	int rc;

	m->path = path_of(g, made->schema, made->name, ".state");
	if (g->anew)
		return 0;
	if ((rc = hr_aggregate_load(m->a, m->path, e)) < 0 || target_has(g, &has, e) < 0)
		return -1;
	if (rc == 0)
		hr_log(HR_LOG_WARNING, "aggregation into %s.%s begins without a first copy: rows that %s has now are not in it",
		    made->schema, made->name, m->of->source);
	if (m->a->lsn < g->position)
		m->a->lsn = g->position;
	if (rc == 0)
		return 0;
	/* A stream begins where the target is, or further back; a checkpoint lags behind it. */
	if (has && hr_aggregate_has(m->a, has > g->start ? has : g->start, e) < 0)
		return -1;
	return hr_aggregate_forget(m->a, g->durable ? has : g->start, e);
}

static int
make(struct hr_aggregates *g, struct hr_made *m, const struct hr_rules *rules,
    const struct hr_plan *plan, struct hr_err *e)
{
	char *schema = schema_of(m->rule, plan);
	uint32_t relation = m->a ? hr_aggregate_relation(m->a)->id : FIRST_RELATION + (uint32_t)g->count;
	struct hr_aggregate_spec s = spec_of(m->rule, schema, plan, relation);
	int rc = 0;

	if (m->a)
		rc = hr_aggregate_relate(m->a, &s, plan->all, e);
	else if ((m->a = hr_aggregate_new(&s, plan->all, emit, m, e)) == NULL)
		rc = -1;
	else {
		g->count++;
		rc = check_name(g, hr_aggregate_relation(m->a), m, e);
		if (rc == 0 && g->dir)
			rc = load(g, m, e);
	}
	if (rc == 0)
		rc = check_tenant(plan, m, e);
	free((void *)(uintptr_t)s.group);
	free((void *)(uintptr_t)s.output);
	free(schema);
	return rc < 0 && e->code == HR_CONFIG ? hr_rules_at(rules, m->rule->place, e) : rc;
}

static int
write_relation(struct hr_pipe *p, const struct hr_relation *r, hr_lsn lsn, struct hr_err *e)
{
	struct hr_buf b = HR_BUF_INIT;
	struct hr_frame f = { .type = HR_FRAME_RELATION, .flags = HR_MUST | HR_ALL, .tenant = "", .lsn = lsn };
	int rc;

	hr_relation_encode(r, &b);
	f.data = b.data;
	f.len = (uint32_t)b.len;
	rc = p->out < 0 ? 0 : hr_write(&p->w, &f, e);
	hr_buf_clear(&b);
	return rc;
}

static struct hr_gathered *
new_gathered(struct hr_aggregates *g, const struct hr_rules *rules, const struct hr_plan *plan)
{
	struct hr_gathered *t = hr_zalloc(sizeof(*t));
	size_t i, k;

	t->all = g;
	t->source = hr_sprintf("%s.%s", plan->in->schema, plan->in->name);
	for (i = 0; i < rules->rules; i++)
		for (k = 0; hr_names_match(&rules->rule[i].tables, t->source) && k < rules->rule[i].aggregates; k++) {
			t->made = hr_realloc(t->made, t->n + 1, sizeof(*t->made));
			t->made[t->n++] = (struct hr_made){ .of = t, .rule = &rules->rule[i].aggregate[k] };
		}
	return t;
}

static char *
relation_path(const struct hr_aggregates *g, const struct hr_relation *r)
{
	return path_of(g, r->schema, r->name, ".relation");
}

/* Whose rows a table has, where it is one's: as it was known before. */
static int
recall_tenant(struct hr_aggregates *g, struct hr_gathered *t, const struct hr_relation *r, struct hr_err *e)
{
	char *path = relation_path(g, r);
	struct hr_buf b = HR_BUF_INIT;
	const char *tenant = NULL;
	json_t *o;
	int rc = 0;

	if (!g->anew && access(path, F_OK) == 0) {
		rc = hr_file_read(path, RELATION_MAX, &b, e);
		o = json_loadb((const char *)b.data, b.len, 0, NULL);
		if (rc == 0 && (o == NULL || json_unpack(o, "{s?s}", "tenant", &tenant) < 0))
			rc = bad_file(path, e);
		t->tenant = tenant ? hr_strdup(tenant) : NULL;
		json_decref(o);
	}
	hr_buf_clear(&b);
	free(path);
	return rc;
}

static int
save_table(struct hr_aggregates *g, struct hr_gathered *t, struct hr_err *e)
{
	struct hr_buf hex = HR_BUF_INIT;
	struct hr_relation *r;
	char *path;
	int rc;

	if (!t->changed)
		return 0;
	if (hr_relation_decode(&r, t->relation.data, t->relation.len, e) < 0)
		return -1;
	path = relation_path(g, r);
	hr_buf_need(&hex, 2 * t->relation.len);
	hr_hex_put(hex.data, t->relation.data, t->relation.len);
	hex.len = 2 * t->relation.len;
	rc = save_json(path, json_pack("{s:s, s:s*}", "relation", hr_buf_text(&hex), "tenant", t->tenant), e);
	t->changed = rc < 0;
	hr_relation_free(r);
	hr_buf_clear(&hex);
	free(path);
	return rc;
}

static int
save_tables(struct hr_aggregates *g, struct hr_err *e)
{
	size_t i;

	for (i = 0; i < g->tables.slots; i++)
		if (g->tables.slot[i].key && g->tables.slot[i].value && save_table(g, g->tables.slot[i].value, e) < 0)
			return -1;
	return 0;
}

int
hr_aggregates_table(struct hr_aggregates *g, const struct hr_rules *rules, const struct hr_plan *plan,
    struct hr_pipe *p, const struct hr_frame *f, struct hr_err *e)
{
	struct hr_gathered *t = hr_aggregates_of(g, plan->in->id);
	uint8_t key[4];
	size_t i;

	if (plan->in->id >= FIRST_RELATION && plan->in->id - FIRST_RELATION < g->count + 1)
		return hr_fail(e, HR_REFUSED, "table %s.%s has a number that aggregated ones have", plan->in->schema, plan->in->name);
	if (!plan->gathers)
		return 0;
	if (t == NULL) {
		t = new_gathered(g, rules, plan);
		hr_set_u32le(key, plan->in->id);
		*hr_map_at(&g->tables, key, sizeof(key)) = t;
		if (g->dir && recall_tenant(g, t, plan->in, e) < 0)
			return -1;
	}
	if (t->relation.len != f->len || memcmp(t->relation.data, f->data, f->len) != 0) {
		hr_buf_reset(&t->relation);
		hr_buf_put(&t->relation, f->data, f->len);
		t->changed = true;
	}
	for (i = 0; i < t->n; i++)
		if (make(g, &t->made[i], rules, plan, e) < 0 ||
		    write_relation(p, hr_aggregate_relation(t->made[i].a), g->shown, e) < 0)
			return -1;
	return 0;
}

void
hr_aggregates_describe(const struct hr_aggregates *g, uint32_t relation, struct hr_buf *out)
{
	const struct hr_gathered *t = hr_aggregates_of(g, relation);
	size_t i;
	int c;

	for (i = 0; t && i < t->n; i++) {
		const struct hr_relation *r = hr_aggregate_relation(t->made[i].a);

		hr_buf_printf(out, "\taggregated\tinto %s.%s (", r->schema, r->name);
		for (c = 0; c < r->columns; c++)
			hr_buf_printf(out, "%s%s %s", c ? ", " : "", r->column[c].name, r->column[c].type_name);
		hr_buf_puts(out, "), unique by");
		for (c = 0; c < r->columns; c++)
			if (r->column[c].key)
				hr_buf_printf(out, "%s %s", c ? "," : "", r->column[c].name);
		hr_buf_puts(out, "\n");
	}
}

/* --- rows in --- */

static void
set_tenant(struct hr_gathered *t, const struct hr_frame *f)
{
	if (t->tenant || f->tenant_len == 0)
		return;
	t->tenant = hr_sprintf("%.*s", (int)f->tenant_len, f->tenant);
	t->changed = true;
}

/* Is it in the state already? */
static bool
is_in(const struct hr_made *m, const struct hr_gather *w)
{
	return w->commit < hr_aggregate_lsn(m->a);
}

int
hr_gather_row(struct hr_gathered *t, const struct hr_gather *w, const struct hr_value *old, bool whole,
    const struct hr_value *row, struct hr_err *e)
{
	size_t i;
	int rc = 0;

	if (t->all->dir == NULL)
		return 0;
	set_tenant(t, w->f);
	for (i = 0; i < t->n && rc == 0; i++) {
		struct hr_made *m = &t->made[i];

		if (is_in(m, w))
			continue;
		m->changed = true;
		hr_aggregate_begin(m->a, w->time);
		rc = old && row ? hr_aggregate_update(m->a, old, whole, row, w->var, e) :
		    old ? hr_aggregate_remove(m->a, old, whole, w->var, e) : hr_aggregate_add(m->a, row, w->var, e);
	}
	return rc;
}

int
hr_gather_truncate(struct hr_gathered *t, const struct hr_gather *w, struct hr_err *e)
{
	char tenant[HR_TENANT_MAX + 1];
	size_t i;

	memcpy(tenant, w->f->tenant, w->f->tenant_len);
	tenant[w->f->tenant_len] = '\0';
	for (i = 0; i < t->n && t->all->dir; i++) {
		struct hr_made *m = &t->made[i];
		bool mixed = m->a->plan.tenant >= 0 || hr_aggregate_relation(m->a)->tenancy == 'a';

		if (is_in(m, w))
			continue;
		m->changed = true;
		if (hr_aggregate_truncate(m->a, mixed && w->f->tenant_len ? tenant : NULL, e) < 0)
			return -1;
	}
	return 0;
}

/* --- rows out --- */

static int
write_out(struct hr_aggregates *g, struct out *o, struct hr_err *e)
{
	struct hr_frame f = {
		.type = HR_FRAME_ROWS, .flags = (uint8_t)(HR_MUST | (o->all ? HR_ALL : 0) | g->in_copy), .tenant = o->tenant,
		.tenant_len = o->tenant_len, .lsn = g->lsn, .count = o->count, .data = o->payload.data,
		.len = (uint32_t)o->payload.len,
	};
	int rc = g->pipe->out < 0 ? 0 : hr_write(&g->pipe->w, &f, e);

	hr_buf_reset(&o->payload);
	o->count = 0;
	return rc;
}

static struct out *
out_of(struct hr_aggregates *g, const char *tenant, size_t len)
{
	uint8_t key[1 + HR_TENANT_MAX];
	struct out *o;
	void **at;

	key[0] = len == 0;
	memcpy(key + 1, tenant, len);
	at = hr_map_at(&g->out, key, 1 + len);
	if (*at == NULL) {
		*at = o = hr_zalloc(sizeof(*o));
		o->all = len == 0;
		o->tenant_len = (uint16_t)len;
		memcpy(o->tenant, tenant, len);
	}
	return *at;
}

/* Whose row it is: what it is grouped by says so, or all are of one tenant, or of all. */
static int
whose(const struct hr_made *m, const struct hr_value *value, struct hr_buf *tenant, struct hr_err *e)
{
	const struct hr_relation *r = hr_aggregate_relation(m->a);
	int c = m->a->plan.tenant;
	const struct hr_value *v = c < 0 ? NULL : &value[c];

	if (c < 0) {
		hr_buf_puts(tenant, r->tenancy == 'a' || m->of->tenant == NULL ? "" : m->of->tenant);
		return 0;
	}
	if (v->len >= 0 && (v->text || !hr_value_format(tenant, r->column[c].type, v)))
		hr_buf_put(tenant, v->data, (size_t)v->len);
	if (tenant->len > HR_TENANT_MAX)
		return hr_fail(e, HR_REFUSED, "the name of a tenant is %zu bytes long", tenant->len);
	return 0;
}

/* For hr_aggregate: a row that was made. */
static int
emit(void *arg, enum hr_op op, const struct hr_value *value, int n, struct hr_err *e)
{
	struct hr_made *m = arg;
	struct hr_aggregates *g = m->of->all;
	struct hr_buf tenant = HR_BUF_INIT;
	struct out *o;
	size_t mark;

	if (whose(m, value, &tenant, e) < 0) {
		hr_buf_clear(&tenant);
		return -1;
	}
	o = out_of(g, tenant.len ? (const char *)tenant.data : "", tenant.len);
	hr_buf_clear(&tenant);
	if (!o->begun) {
		hr_put_begin(&o->payload, 0, g->lsn, g->mark.time);
		o->count++;
		o->begun = true;
	}
	mark = hr_item_open(&o->payload, g->in_copy ? HR_INSERT : op);
	hr_buf_u32le(&o->payload, hr_aggregate_relation(m->a)->id);
	if (op == HR_DROP)
		hr_buf_u8(&o->payload, 'K');
	hr_tuple_put(&o->payload, value, n);
	hr_item_close(&o->payload, mark);
	o->count++;
	return o->payload.len < PIECE_BYTES ? 0 : write_out(g, o, e);
}

static int
end_transactions(struct hr_aggregates *g, struct hr_err *e)
{
	size_t i;

	for (i = 0; i < g->out.slots; i++) {
		struct out *o = g->out.slot[i].key ? g->out.slot[i].value : NULL;

		if (o == NULL || !o->begun)
			continue;
		hr_put_commit(&o->payload, g->lsn);
		o->count++;
		o->begun = false;
		if (write_out(g, o, e) < 0)
			return -1;
	}
	return 0;
}

/* --- watermarks --- */

static int
show(struct hr_made *m, struct hr_err *e)
{
	struct hr_aggregates *g = m->of->all;
	hr_lsn has = hr_aggregate_lsn(m->a);

	/* What this stream brings again is in, and what was made of it may not be at the target. */
	if (g->shown < has && hr_aggregate_again(m->a, g->shown, g->lsn < has ? g->lsn : has, e) < 0)
		return -1;
	if (g->lsn > has && hr_aggregate_watermark(m->a, g->lsn, g->mark.time, e) < 0)
		return -1;
	m->changed |= m->a->emitted != m->emitted;
	m->emitted = m->a->emitted;
	return 0;
}

static int
save(struct hr_made *m, struct hr_err *e)
{
	/* What comes again is not in it twice: the state is further, and stays so. */
	if (!m->changed || m->of->all->lsn < hr_aggregate_lsn(m->a))
		return 0;
	m->changed = false;
	return hr_aggregate_save(m->a, m->path, e);
}

static int
save_all(struct hr_aggregates *g, struct hr_err *e)
{
	if (save_tables(g, e) < 0 || each(g, save, e) < 0)
		return -1;
	return g->lsn > g->position ? save_position(g, g->lsn, e) : 0;
}

/* What the target has need not be kept for it. */
static int
forget(struct hr_made *m, struct hr_err *e)
{
	return hr_aggregate_forget(m->a, m->of->all->lsn, e);
}

static int
forget_durable(struct hr_aggregates *g, struct hr_err *e)
{
	hr_lsn now = g->lsn;
	int rc;

	if (g->durable == NULL || g->passed - g->checked < APART_US)
		return 0;
	g->checked = g->passed;
	if (g->durable(g->arg, &g->lsn, e) < 0)
		return -1;
	rc = g->lsn ? each(g, forget, e) : 0;
	g->lsn = now;
	return rc;
}

/* The one that is held back is passed on, behind what is made of what is in front of it. */
static int
pass(struct hr_aggregates *g, struct hr_err *e)
{
	uint8_t mark[HR_WATERMARK_SIZE];
	struct hr_frame f = g->held;
	int64_t begin = hr_now_us();

	g->held.type = 0;
	g->lsn = f.lsn;
	if (each(g, show, e) < 0 || end_transactions(g, e) < 0)
		return -1;
	if (g->dir && save_all(g, e) < 0)
		return -1;
	if (g->lsn > g->shown)
		g->shown = g->lsn;
	g->passed = hr_now_us();
	g->took = g->passed - begin;
	if (forget_durable(g, e) < 0)
		return -1;
	g->mark.idle &= !g->skipped;
	g->skipped = false;
	hr_watermark_encode(&g->mark, mark);
	f.data = mark;
	f.len = sizeof(mark);
	return g->pipe->out < 0 ? 0 : hr_write(&g->pipe->w, &f, e);
}

/* --- copies --- */

void
hr_aggregates_copied(struct hr_aggregates *g, bool begins, struct hr_buf *relations, struct hr_part *part,
    uint32_t *parts)
{
	size_t i, k;

	g->copying = begins;
	for (i = 0; i < g->tables.slots; i++) {
		const struct hr_gathered *t = g->tables.slot[i].key ? g->tables.slot[i].value : NULL;

		for (k = 0; t && k < t->n; k++) {
			uint32_t id = hr_aggregate_relation(t->made[k].a)->id;

			hr_buf_u32le(relations, id);
			if (begins)
				part[(*parts)++] = (struct hr_part){ .relation = id, .in = !g->anew };
		}
	}
}

static int
put_part(struct hr_aggregates *g, bool ended, struct hr_err *e)
{
	uint8_t mark[HR_PART_MARK_SIZE];
	struct hr_frame f = {
		.type = HR_FRAME_PART, .flags = HR_MUST | HR_ALL | HR_COPY, .tenant = "", .lsn = g->lsn, .data = mark,
		.len = sizeof(mark),
	};

	hr_part_mark_encode(g->part, ended, mark);
	return g->pipe->out < 0 ? 0 : hr_write(&g->pipe->w, &f, e);
}

/* What is made of the rows of the copy is a part of it, too. */
static int
show_part(struct hr_made *m, struct hr_err *e)
{
	struct hr_aggregates *g = m->of->all;

	if (put_part(g, false, e) < 0)
		return -1;
	if (g->dir && (hr_aggregate_watermark(m->a, g->lsn, g->mark.time, e) < 0 || end_transactions(g, e) < 0))
		return -1;
	m->changed = true;
	m->emitted = m->a->emitted;
	if (put_part(g, true, e) < 0)
		return -1;
	g->part++;
	return 0;
}

int
hr_aggregates_end_copy(struct hr_aggregates *g, struct hr_pipe *p, hr_lsn lsn, uint32_t first, struct hr_err *e)
{
	uint8_t mark[HR_WATERMARK_SIZE];
	struct hr_frame f = {
		.type = HR_FRAME_WATERMARK, .flags = HR_MUST | HR_ALL | HR_COPY, .tenant = "", .lsn = lsn, .data = mark,
		.len = sizeof(mark),
	};
	int rc = 0;

	g->pipe = p;
	g->lsn = lsn;
	g->part = first;
	if (g->anew) {
		g->in_copy = HR_COPY;
		rc = each(g, show_part, e);
		g->in_copy = 0;
		if (rc == 0 && g->dir)
			rc = save_all(g, e);
	}
	g->copying = false;
	hr_watermark_encode(&(struct hr_watermark){ .time = g->mark.time }, mark);
	return rc < 0 || p->out < 0 ? rc : hr_write(&p->w, &f, e);
}

int
hr_aggregates_watermark(struct hr_aggregates *g, struct hr_pipe *p, const struct hr_frame *f, struct hr_err *e)
{
	int64_t apart = 10 * g->took > APART_US ? 10 * g->took : APART_US;

	g->pipe = p;
	hr_aggregates_next(g);
	if (hr_watermark_decode(&g->mark, f, e) < 0)
		return -1;
	if ((f->flags & HR_COPY) || g->copying || g->open) {
		g->skipped = true;
		return 0;
	}
	g->held = *f;
	g->held.tenant = "";
	g->held.data = NULL;
	return hr_now_us() - g->passed >= apart ? pass(g, e) : 0;
}

int
hr_aggregates_idle(struct hr_aggregates *g, struct hr_err *e)
{
	return g->held.type ? pass(g, e) : 0;
}
