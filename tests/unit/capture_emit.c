/* capture_emit - changes of many tenants gathered into frames. */

#include "base/hr.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "capture/capture.h"
#include "stream/mark.h"
#include "stream/reader.h"
#include "stream/rows.h"
#include "tap.h"

static char name[] = "x";
static const struct hr_head simple = { .version = 1, .database = name, .slot = name };
static struct hr_writer w;
static struct hr_emit m;

/* Everybody but nobody. */
static bool
selects(void *arg, const char *tenant, size_t len)
{
	(void)arg;
	return !(len == 6 && memcmp(tenant, "nobody", 6) == 0);
}

static void
begin(void)
{
	struct hr_err e;

	w = (struct hr_writer){ .fd = -1 };
	if (hr_write_head(&w, &simple, &e) < 0)
		exit(70);
	hr_emit_init(&m, &w, selects, NULL);
}

static void
end(void)
{
	hr_emit_clear(&m);
	hr_writer_clear(&w);
}

static struct hr_out *
tenant(const char *text)
{
	return text ? hr_emit_tenant(&m, text, strlen(text)) : &m.all;
}

/* An insert into relation n, with so many bytes behind. */
static void
row_of(struct hr_out *o, uint32_t n, size_t bytes)
{
	struct hr_err e = HR_ERR_INIT;
	size_t mark;
	struct hr_buf *b = hr_emit_open(&m, o, HR_INSERT, &mark, &e);

	if (b == NULL)
		exit(70);
	hr_buf_u32le(b, n);
	hr_buf_u16be(b, 1);
	hr_buf_u32be(b, (uint32_t)bytes);
	hr_buf_need(b, bytes);
	memset(b->data + b->len, 'x', bytes);
	b->len += bytes;
	if (hr_emit_close(&m, o, mark, &e) < 0)
		exit(70);
}

static void
row(const char *to, uint32_t n)
{
	row_of(tenant(to), n, 1);
}

static void
commit(hr_lsn lsn)
{
	struct hr_err e;

	if (hr_emit_commit(&m, lsn, &e) < 0)
		exit(70);
}

static void
watermark(hr_lsn lsn, bool idle)
{
	struct hr_err e;

	if (hr_emit_watermark(&m, lsn, 99, idle, &e) < 0)
		exit(70);
}

/* All frames in short: acme(B I1 C10)! *(B I2) W20; ! is ordered, * for all. */
static const char *
said(void)
{
	static struct hr_buf t;
	struct hr_reader r = { .fd = -1 };
	struct hr_err e = HR_ERR_INIT;
	struct hr_frame f;
	int rc;

	hr_buf_reset(&t);
	if (hr_write_end(&w, &e) < 0 || hr_reader_open_memory(&r, w.buf.data, w.buf.len, &e) < 0)
		exit(70);
	while ((rc = hr_read(&r, &f, &e)) > 0) {
		struct hr_cur c = hr_cur(f.data, f.len);
		struct hr_item it;
		uint32_t n = 0;
		int more;

		if (f.type == HR_FRAME_HEAD)
			continue;
		if (t.len)
			hr_buf_u8(&t, ' ');
		if (!(f.flags & HR_MUST))
			hr_buf_puts(&t, "may ");
		if (f.type == HR_FRAME_WATERMARK) {
			struct hr_watermark mark;

			if (hr_watermark_decode(&mark, &f, &e) < 0 || mark.time != 99)
				hr_buf_puts(&t, "bad ");
			hr_buf_printf(&t, "W%d%s", (int)f.lsn, mark.idle ? "i" : "");
			continue;
		}
		if (f.flags & HR_ALL)
			hr_buf_u8(&t, '*');
		hr_buf_put(&t, f.tenant, f.tenant_len);
		while ((more = hr_rows_next(&c, &it, &e)) > 0) {
			hr_buf_u8(&t, n++ ? ' ' : '(');
			hr_buf_u8(&t, (uint8_t)it.op);
			if (it.op == HR_INSERT)
				hr_buf_printf(&t, "%d", (int)it.relation);
			else if (it.op == HR_ORIGIN)
				hr_buf_put(&t, it.name, it.name_len);
			else
				hr_buf_printf(&t, "%d", (int)it.lsn);
		}
		hr_buf_puts(&t, more < 0 || n != f.count ? ")bad" : ")");
		if (f.flags & HR_ORDERED)
			hr_buf_u8(&t, '!');
		if (f.flags & HR_COPY)
			hr_buf_u8(&t, 'c');
	}
	if (rc < 0)
		hr_buf_puts(&t, e.what);
	hr_reader_clear(&r);
	return hr_buf_text(&t);
}

static void
tenants(void)
{
	begin();
	ok(!m.open && !hr_emit_full(&m), "nothing yet");
	hr_emit_begin(&m, 7, 10, 5);
	row("acme", 1);
	row("globex", 2);
	row("acme", 3);
	commit(11);
	watermark(20, false);
	is(said(), "acme(B10 I1 I3 C11) globex(B10 I2 C11) W20", "two tenants in one transaction, marks once for each");
	ok(m.rows == 3 && m.transactions == 1 && m.complete == 11 && m.complete_time == 5 && m.watermark == 20 &&
	    m.waiting == 0, "rows, transactions and positions are counted");
	end();

	begin();
	hr_emit_begin(&m, 7, 10, 5);
	row("acme", 1);
	commit(11);
	hr_emit_begin(&m, 8, 12, 6);
	commit(13);
	hr_emit_begin(&m, 9, 14, 7);
	hr_emit_origin(&m, 3, "elsewhere");
	row("acme", 2);
	row("globex", 3);
	commit(15);
	watermark(20, false);
	watermark(30, true);
	is(said(), "acme(B10 I1 C11 B14 Oelsewhere I2 C15) globex(B14 Oelsewhere I3 C15) W20 W30i",
	    "transactions share a frame; an empty one leaves no mark; an origin follows each begin");
	ok(m.transactions == 2 && m.complete == 15, "and an empty one is not counted");
	end();

	begin();
	hr_emit_begin(&m, 7, 10, 5);
	hr_emit_origin(&m, 3, "elsewhere");
	row("acme", 1);
	commit(11);
	hr_emit_begin(&m, 8, 12, 6);
	row("acme", 2);
	commit(13);
	watermark(20, false);
	is(said(), "acme(B10 Oelsewhere I1 C11 B12 I2 C13) W20", "an origin is for its own transaction");
	end();

	begin();
	m.flags = HR_COPY;
	row("acme", 1);
	row("globex", 2);
	watermark(20, false);
	is(said(), "acme(I1)c globex(I2)c W20", "outside a transaction there are no marks; a copy is said to be one");
	end();
}

static void
for_all(void)
{
	begin();
	hr_emit_begin(&m, 7, 10, 5);
	row("acme", 1);
	row(NULL, 2);
	row(NULL, 3);
	row("acme", 4);
	row("globex", 5);
	commit(11);
	watermark(20, false);
	is(said(), "acme(B10 I1) *(B10 I2 I3) acme(I4 C11) globex(B10 I5 C11) *(C11) W20",
	    "what is for all keeps its place");
	end();

	begin();
	hr_emit_begin(&m, 7, 10, 5);
	row(NULL, 1);
	commit(11);
	hr_emit_begin(&m, 8, 12, 5);
	row("acme", 2);
	commit(13);
	hr_emit_begin(&m, 9, 14, 5);
	row(NULL, 3);
	commit(15);
	watermark(20, false);
	is(said(), "*(B10 I1 C11) acme(B12 I2 C13) *(B14 I3 C15) W20", "between transactions, too");
	end();
}

static void
in_order(void)
{
	struct hr_err e;
	int rc;

	begin();
	hr_emit_begin(&m, 7, 10, 5);
	row("acme", 1);
	row("globex", 2);
	rc = hr_emit_in_order(&m, tenant("initech"), true, &e);
	row("initech", 3);
	commit(11);
	watermark(20, false);
	is(said(), "acme(B10 I1) globex(B10 I2) initech(B10 I3 C11)! acme(C11) globex(C11) W20",
	    "other tenants come first, and the order binds");
	end();

	begin();
	hr_emit_begin(&m, 7, 10, 5);
	row("acme", 1);
	rc += hr_emit_in_order(&m, tenant("globex"), false, &e);
	row("globex", 2);
	commit(11);
	watermark(20, false);
	is(said(), "acme(B10 I1) globex(B10 I2 C11) acme(C11) W20", "or does not");
	end();

	begin();
	hr_emit_begin(&m, 7, 10, 5);
	row("acme", 1);
	rc += hr_emit_in_order(&m, tenant("acme"), false, &e);
	row("acme", 2);
	commit(11);
	watermark(20, false);
	is(said(), "acme(B10 I1 I2 C11) W20", "one tenant alone needs no order");
	end();

	begin();
	hr_emit_begin(&m, 7, 10, 5);
	row("globex", 1);
	rc += hr_emit_in_order(&m, tenant("acme"), true, &e);
	row("acme", 2);
	rc += hr_emit_frames(&m, &e);
	row("acme", 3);
	commit(11);
	watermark(20, false);
	is(said(), "globex(B10 I1) acme(B10 I2)! acme(I3 C11) globex(C11) W20", "and it binds one frame");
	ok(rc == 0, "all without an error");
	end();
}

static void
copies(void)
{
	char tenant_name[16];
	int i;

	begin();
	m.flags = HR_COPY;
	hr_emit_begin(&m, 7, 10, 5);
	row_of(tenant("acme"), 1, 30 << 10);
	ok(!hr_emit_full(&m), "30 kB of a copy are not enough");
	row_of(tenant("globex"), 1, 4 << 10);
	ok(hr_emit_full(&m), "34 kB of two tenants are");
	for (i = 0; i < 30; i++) {
		snprintf(tenant_name, sizeof(tenant_name), "t%d", i);
		row_of(tenant(tenant_name), 1, 1 << 10);
	}
	ok(!hr_emit_full(&m), "64 kB of 32 tenants are not");
	row_of(tenant("t0"), 1, 80 << 10);
	ok(hr_emit_full(&m), "four times as many as there are tenants are");
	commit(11);
	end();
}

static void
parts(void)
{
	struct hr_reader r = { .fd = -1 };
	struct hr_err e = HR_ERR_INIT;
	struct hr_frame f;
	size_t largest = 0;
	int frames = 0, begins = 0, commits = 0, rows = 0, rc, i;

	begin();
	hr_emit_begin(&m, 7, 10, 5);
	row_of(tenant("acme"), 1, 200 << 10);
	ok(!hr_emit_full(&m), "200 kB are not enough for a watermark");
	row_of(tenant("globex"), 1, 100 << 10);
	ok(hr_emit_full(&m), "300 kB of two tenants are");
	for (i = 0; i < 40; i++)
		row_of(tenant("acme"), 1, 100 << 10);
	ok(m.waiting < 1 << 20, "never does more wait than 1 MB");
	commit(11);
	watermark(20, false);
	if (hr_write_end(&w, &e) < 0 || hr_reader_open_memory(&r, w.buf.data, w.buf.len, &e) < 0)
		exit(70);
	while ((rc = hr_read(&r, &f, &e)) > 0) {
		struct hr_cur c = hr_cur(f.data, f.len);
		struct hr_item it;

		if (f.type != HR_FRAME_ROWS)
			continue;
		frames++;
		largest = f.len > largest ? f.len : largest;
		while (hr_rows_next(&c, &it, &e) > 0) {
			begins += it.op == HR_BEGIN;
			commits += it.op == HR_COMMIT;
			rows += it.op == HR_INSERT;
		}
	}
	ok(rc == 0 && rows == 42 && begins == 2 && commits == 2, "parts have all rows, and marks once");
	ok(frames >= 5 && largest < (1 << 20) + (110 << 10), "of 1 MB or little more");
	hr_reader_clear(&r);
	end();
}

static void
many(void)
{
	char text[16];
	int i, k;

	begin();
	for (k = 0; k < 3; k++) {
		hr_emit_begin(&m, 7, 10, 5);
		for (i = 0; i < 300; i++) {
			snprintf(text, sizeof(text), "t%d", i);
			row_of(tenant(text), 1, 2000);
		}
		commit(11);
		watermark(20, false);
	}
	ok(m.rows == 900 && m.waiting == 0 && m.dirties == 0 && m.out.count == 300, "many tenants, again and again");
	ok(strstr(said(), "bad") == NULL, "in frames that can be read");
	end();
}

static struct hr_out *
of(uint32_t type, bool text, const void *value, size_t len, struct hr_err *e)
{
	*e = (struct hr_err)HR_ERR_INIT;
	return hr_emit_tenant_of(&m, type, text, value, len, e);
}

static void
values(void)
{
	static char many_bytes[HR_TENANT_MAX + 1];
	static const uint8_t uuid[16] = { 0x12, 0x34, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff };
	struct hr_out *o;
	struct hr_err e;

	begin();
	memset(many_bytes, 'a', sizeof(many_bytes));
	o = of(23, false, "\0\0\0\52", 4, &e);
	ok(o && strcmp(o->name, "42") == 0 && o->len == 2 && o->selected, "an integer names a tenant");
	ok(of(23, false, "\0\0\0\52", 4, &e) == o, "found again");
	ok(of(20, false, "\0\0\0\0\0\0\0\52", 8, &e) == o && of(25, true, "42", 2, &e) == o && tenant("42") == o,
	    "the same as another type, or text, of that name");
	o = of(2950, false, uuid, 16, &e);
	ok(o && strcmp(o->name, "12340000-0000-0000-0000-0000000000ff") == 0, "so does a uuid");
	o = of(23, false, "\377\377\377\377", 4, &e);
	ok(o && strcmp(o->name, "-1") == 0, "and a negative number");
	o = of(25, false, "nobody", 6, &e);
	ok(o && !o->selected, "one that is not asked for is known as such");
	ok(of(25, false, "", 0, &e) == NULL && e.code == HR_CONFIG, "an empty value is refused with 78");
	is(e.what, "a tenant's name of 0 bytes: it must have 1 to 255", "and says so");
	o = of(25, false, many_bytes, HR_TENANT_MAX, &e);
	ok(o && o->len == HR_TENANT_MAX, "255 bytes name one");
	ok(of(25, false, many_bytes, HR_TENANT_MAX + 1, &e) == NULL && e.code == HR_CONFIG && e.hint[0], "256 do not");
	ok(of(25, true, "a\0b", 3, &e) == NULL && e.code == HR_CONFIG, "nor does a zero byte");
	ok(of(23, false, "\0\52", 2, &e) == NULL && e.code == HR_CONFIG && strstr(e.what, "type 23") != NULL,
	    "nor bytes that are not of the type");
	end();
}

/* What a NULL is for: refused, for all, or for nobody. */
static void
null_tenant(void)
{
	static char column[] = "tenant_id", table[] = "orders", schema[] = "public";
	struct hr_column col = { .name = column, .type = 25 };
	struct hr_relation rel = { .schema = schema, .name = table, .columns = 1, .column = &col };
	struct hr_route route = { .relation = &rel, .tenancy = HR_TENANCY_COLUMN, .column = 0 };
	struct hr_config config = HR_CONFIG_INIT;
	struct hr_capture_options options = { .config = &config };
	struct hr_capture *c = hr_zalloc(sizeof(*c));
	struct hr_out *o = &c->emit.all;
	struct hr_err e = HR_ERR_INIT;

	c->o = &options;
	ok(hr_capture_null_tenant(c, &route, &o, &e) == -1 && o == NULL && e.code == HR_CONFIG, "a NULL tenant is refused with 78");
	is(e.what, "a row of 'public.orders' has no tenant: 'tenant_id' is NULL", "and names the table and the column");
	config.tenancy.null_tenant = HR_NULL_SHARED;
	ok(hr_capture_null_tenant(c, &route, &o, &e) == 0 && o == &c->emit.all, "or is for all");
	config.tenancy.null_tenant = HR_NULL_NONE;
	ok(hr_capture_null_tenant(c, &route, &o, &e) == 0 && o == NULL, "or for nobody");
	free(c);
}

int
main(void)
{
	tenants();
	for_all();
	in_order();
	copies();
	parts();
	many();
	values();
	null_tenant();
	return tap_done();
}
