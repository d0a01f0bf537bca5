/* checkpoint_print.c - tables and JSON of a checkpoint. */

#include "base/hr.h"

#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/lsn.h"
#include "state/checkpoint_print.h"

/* The table: a row is made twice, to measure and to print, and kept never. */

enum column { TENANT, STATE, LSN, COMMIT, ROWS, BYTES, REASON, COLUMNS };

struct row {
	struct hr_buf cell[COLUMNS];
};

static void
fill(struct row *r, const struct hr_checkpoint *c, const struct hr_tenant_position *t)
{
	char text[HR_TIME_TEXT];
	size_t i;

	for (i = 0; i < COLUMNS; i++)
		hr_buf_reset(&r->cell[i]);
	hr_checkpoint_escape(&r->cell[TENANT], t->tenant);
	hr_buf_puts(&r->cell[STATE], hr_checkpoint_state_name(t->state));
	hr_buf_puts(&r->cell[LSN], HR_LSN(hr_checkpoint_reached(c, t)));
	hr_buf_puts(&r->cell[COMMIT], t->commit_time ? hr_time_format(text, t->commit_time) : "-");
	hr_buf_printf(&r->cell[ROWS], "%" PRIu64, t->rows);
	hr_buf_printf(&r->cell[BYTES], "%" PRIu64, t->bytes);
	hr_checkpoint_escape(&r->cell[REASON], t->reason ? t->reason : "");
}

static void
fill_names(struct row *r)
{
	static const char *const name[COLUMNS] = {
		"TENANT", "STATE", "LSN", "LAST COMMIT", "ROWS", "BYTES", "REASON",
	};
	size_t i;

	for (i = 0; i < COLUMNS; i++)
		hr_buf_puts(&r->cell[i], name[i]);
}

/* In characters, not bytes. */
static size_t
width(const struct hr_buf *b)
{
	size_t i, n = 0;

	for (i = 0; i < b->len; i++)
		n += (b->data[i] & 0xc0) != 0x80;
	return n;
}

static void
widen(size_t *wide, const struct row *r)
{
	size_t i, n;

	for (i = 0; i < COLUMNS; i++)
		if ((n = width(&r->cell[i])) > wide[i])
			wide[i] = n;
}

static void
pad(struct hr_buf *out, size_t n)
{
	hr_buf_need(out, n);
	memset(out->data + out->len, ' ', n);
	out->len += n;
}

/* Numbers stand right; no line ends in blanks. */
static void
put_row(struct hr_buf *out, const size_t *wide, const struct row *r)
{
	size_t i, blank;

	for (i = 0; i < COLUMNS; i++) {
		blank = wide[i] - width(&r->cell[i]);
		pad(out, (i > 0 ? 2 : 0) + (i == ROWS || i == BYTES ? blank : 0));
		hr_buf_put(out, r->cell[i].data, r->cell[i].len);
		pad(out, i == ROWS || i == BYTES ? 0 : blank);
	}
	while (out->data[out->len - 1] == ' ')
		out->len--;
	hr_buf_u8(out, '\n');
}

static void
put_table(struct hr_buf *out, const struct hr_checkpoint *c,
    const struct hr_tenant_position *from, size_t n)
{
	struct row names = { 0 }, r = { 0 };
	size_t wide[COLUMNS] = { 0 }, i;

	fill_names(&names);
	widen(wide, &names);
	for (i = 0; i < n; i++) {
		fill(&r, c, &from[i]);
		widen(wide, &r);
	}
	put_row(out, wide, &names);
	for (i = 0; i < n; i++) {
		fill(&r, c, &from[i]);
		put_row(out, wide, &r);
	}
	for (i = 0; i < COLUMNS; i++) {
		hr_buf_clear(&names.cell[i]);
		hr_buf_clear(&r.cell[i]);
	}
}

/* The head. */

static void
put_name(struct hr_buf *out, const char *key, const char *name)
{
	hr_buf_printf(out, "%-13s ", key);
	hr_checkpoint_escape(out, name ? name : "-");
	hr_buf_u8(out, '\n');
}

static void
put_age(struct hr_buf *out, const char *key, int64_t when, int64_t now)
{
	static const struct { int64_t from, seconds; const char *unit; } unit[] = {
		{ 172800, 86400, "days" }, { 7200, 3600, "h" }, { 120, 60, "min" }, { 0, 1, "s" },
	};
	char text[HR_TIME_TEXT];
	int64_t age = now > when ? (now - when) / 1000000 : 0;
	size_t i = 0;

	if (when == 0) {
		put_name(out, key, NULL);
		return;
	}
	while (age < unit[i].from)
		i++;
	hr_buf_printf(out, "%-13s %s, %" PRId64 " %s ago\n", key, hr_time_format(text, when),
	    age / unit[i].seconds, unit[i].unit);
}

static size_t
parked(const struct hr_checkpoint *c)
{
	size_t i, n = 0;

	for (i = 0; i < c->tenants; i++)
		n += c->tenant[i].state == HR_STATE_PARKED;
	return n;
}

void
hr_checkpoint_print(const struct hr_checkpoint *c, const struct hr_tenant_position *only,
    int64_t now, struct hr_buf *out)
{
	size_t n = parked(c);

	put_name(out, "stream", c->stream);
	put_name(out, "database", c->database);
	hr_buf_printf(out, "%-13s %" PRIu64 ", timeline %" PRIu32 "\n", "system", c->system, c->timeline);
	hr_buf_printf(out, "%-13s %" PRIu64 "\n", "epoch", c->epoch);
	put_name(out, "state", hr_checkpoint_state_name(c->state));
	put_name(out, "lsn", HR_LSN(c->lsn));
	put_age(out, "last commit", c->commit_time, now);
	put_age(out, "written", c->written, now);
	hr_buf_printf(out, "%-13s %" PRIu64 "\n", "rows", c->rows);
	hr_buf_printf(out, "%-13s %" PRIu64 "\n", "bytes", c->bytes);
	hr_buf_printf(out, "%-13s %" PRIu64 "\n", "transactions", c->transactions);
	if (c->state == HR_STATE_COPYING)
		hr_buf_printf(out, "%-13s %zu\n", "parts in", c->parts);
	hr_buf_printf(out, "%-13s %zu", "tenants", c->tenants);
	if (n)
		hr_buf_printf(out, ", %zu parked", n);
	hr_buf_u8(out, '\n');
	if (only || c->tenants) {
		hr_buf_u8(out, '\n');
		put_table(out, c, only ? only : c->tenant, only ? 1 : c->tenants);
	}
}

/* JSON.  The caller writes what is around and between. */

static void
json_text(struct hr_buf *out, const char *key, const char *s)
{
	hr_buf_printf(out, "\"%s\": ", key);
	if (s)
		hr_json_string(out, s, strlen(s));
	else
		hr_buf_puts(out, "null");
}

static void
json_time(struct hr_buf *out, const char *key, int64_t us)
{
	char text[HR_TIME_TEXT];

	json_text(out, key, us ? hr_time_format(text, us) : NULL);
}

static void
json_tenant(struct hr_buf *out, const struct hr_tenant_position *t, hr_lsn lsn, bool tables)
{
	size_t i;

	hr_buf_u8(out, '{');
	json_text(out, "tenant", t->tenant);
	hr_buf_puts(out, ", ");
	json_text(out, "state", hr_checkpoint_state_name(t->state));
	hr_buf_puts(out, ", ");
	json_text(out, "lsn", HR_LSN(lsn));
	hr_buf_puts(out, ", ");
	json_time(out, "commit_time", t->commit_time);
	hr_buf_printf(out, ", \"xid\": %" PRIu32 ", \"rows\": %" PRIu64 ", \"bytes\": %" PRIu64 ", ",
	    t->xid, t->rows, t->bytes);
	json_text(out, "reason", t->reason);
	if (tables) {
		hr_buf_puts(out, ", \"tables\": [");
		for (i = 0; i < t->tables; i++) {
			hr_buf_puts(out, i ? ", {" : "{");
			json_text(out, "table", t->table[i].table);
			hr_buf_puts(out, ", ");
			json_text(out, "lsn", HR_LSN(t->table[i].lsn));
			hr_buf_u8(out, '}');
		}
		hr_buf_u8(out, ']');
	}
	hr_buf_u8(out, '}');
}

/* The system's number is beyond what JSON's readers hold exactly: text. */
static void
json_head(struct hr_buf *out, const struct hr_checkpoint *c)
{
	hr_buf_puts(out, "{\n  ");
	json_text(out, "stream", c->stream);
	hr_buf_puts(out, ",\n  ");
	json_text(out, "database", c->database);
	hr_buf_printf(out, ",\n  \"system\": \"%" PRIu64 "\",\n  \"timeline\": %" PRIu32
	    ",\n  \"epoch\": %" PRIu64 ",\n  ", c->system, c->timeline, c->epoch);
	json_text(out, "state", hr_checkpoint_state_name(c->state));
	hr_buf_puts(out, ",\n  ");
	json_text(out, "lsn", HR_LSN(c->lsn));
	hr_buf_puts(out, ",\n  ");
	json_time(out, "commit_time", c->commit_time);
	hr_buf_puts(out, ",\n  ");
	json_time(out, "written", c->written);
	hr_buf_printf(out, ",\n  \"rows\": %" PRIu64 ",\n  \"bytes\": %" PRIu64
	    ",\n  \"transactions\": %" PRIu64, c->rows, c->bytes, c->transactions);
	if (c->state == HR_STATE_COPYING)
		hr_buf_printf(out, ",\n  \"parts_in\": %zu", c->parts);
}

static void
json_tenants(struct hr_buf *out, const struct hr_checkpoint *c,
    const struct hr_tenant_position *from, size_t n, bool whole)
{
	size_t i;

	hr_buf_puts(out, ",\n  \"tenants\": [");
	for (i = 0; i < n; i++) {
		hr_buf_puts(out, i ? ",\n    " : "\n    ");
		json_tenant(out, &from[i], whole ? from[i].lsn : hr_checkpoint_reached(c, &from[i]), whole);
	}
	hr_buf_puts(out, n ? "\n  ]\n}\n" : "]\n}\n");
}

void
hr_checkpoint_print_json(const struct hr_checkpoint *c, const struct hr_tenant_position *only,
    int64_t now, struct hr_buf *out)
{
	json_head(out, c);
	if (c->written)
		hr_buf_printf(out, ",\n  \"age_seconds\": %.3f",
		    now > c->written ? (double)(now - c->written) / 1e6 : 0.0);
	else
		hr_buf_puts(out, ",\n  \"age_seconds\": null");
	json_tenants(out, c, only ? only : c->tenant, only ? 1 : c->tenants, false);
}

void
hr_checkpoint_print_lsn(const struct hr_checkpoint *c, const struct hr_tenant_position *only,
    struct hr_buf *out)
{
	hr_buf_printf(out, "%s\n", HR_LSN(only ? hr_checkpoint_reached(c, only) : c->lsn));
}

void
hr_checkpoint_print_lsn_json(const struct hr_checkpoint *c,
    const struct hr_tenant_position *only, struct hr_buf *out)
{
	hr_buf_u8(out, '{');
	json_text(out, "stream", c->stream);
	hr_buf_puts(out, ", ");
	if (only) {
		json_text(out, "tenant", only->tenant);
		hr_buf_puts(out, ", ");
	}
	json_text(out, "state", hr_checkpoint_state_name(only ? only->state : c->state));
	hr_buf_puts(out, ", ");
	json_text(out, "lsn", HR_LSN(only ? hr_checkpoint_reached(c, only) : c->lsn));
	hr_buf_puts(out, "}\n");
}

void
hr_checkpoint_export(const struct hr_checkpoint *c, struct hr_buf *out)
{
	json_head(out, c);
	json_tenants(out, c, c->tenant, c->tenants, true);
}
