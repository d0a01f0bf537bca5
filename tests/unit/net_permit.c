/* net_permit - what certificates and maps allow, and what streams hold of it. */

#include "base/hr.h"

#include <unistd.h>

#include "net/permit.h"
#include "stream/reader.h"

int make_main(int argc, char *argv[]);
#define main make_main
#include "../stream/make.c"
#undef main

#include "tap.h"

static struct hr_err e = HR_ERR_INIT;
static char map[] = "/tmp/hr-permit-XXXXXX";

/* Of a certificate of these names and URIs, NULL at the end of each. */
static int
permit(struct hr_permit *p, const char *const *name, const char *const *uri, const char *file)
{
	struct hr_tls_names n = { (char **)name, 0, (char **)uri, 0 };

	while (name[n.names])
		n.names++;
	while (uri[n.uris])
		n.uris++;
	hr_err_clear(&e);
	*p = (struct hr_permit){ .all = false };
	return hr_permit_open(p, &n, file, &e);
}

static const char *const nobody[] = { "", NULL }, *const home[] = { "home", "home.example", NULL }, *const none[] = { NULL };

static bool
has(const struct hr_permit *p, const char *tenant)
{
	return hr_permit_has(p, tenant, strlen(tenant));
}

static void
uris(void)
{
	static const char *const some[] = { "hr:tenant:acme", "hr:tenant:a%20b", "hr:tenant:%2A", "hr:tenant:", "http://a", NULL };
	static const char *const every[] = { "hr:tenant:*", NULL }, *const shares[] = { "hr:shared", NULL };
	struct hr_permit p;

	ok(permit(&p, home, some, NULL) == 0 && !p.all && !p.shared, "URIs name tenants");
	ok(has(&p, "acme") && has(&p, "a b") && has(&p, "*"), "also by bytes");
	ok(!has(&p, "globex") && !has(&p, ""), "and no others");
	hr_permit_clear(&p);
	ok(permit(&p, nobody, every, NULL) == 0 && p.all && has(&p, "globex"), "* is every tenant");
	hr_permit_clear(&p);
	ok(permit(&p, home, shares, NULL) < 0 && e.code == HR_REFUSED && strstr(e.what, "'home'"),
	    "what is shared alone is nothing to carry");
	hr_permit_clear(&p);
	ok(permit(&p, home, none, NULL) < 0 && e.code == HR_REFUSED, "nor is a name");
	hr_permit_clear(&p);
}

static void
maps(void)
{
	static const char *const stranger[] = { "hr:tenant:other", NULL };
	FILE *f = fopen(map, "we");
	struct hr_permit p;

	if (f == NULL || fputs("# who carries\nhome.example\tacme globex # more\nall *\nhome +shared\n", f) < 0 || fclose(f) != 0)
		abort();
	ok(permit(&p, home, stranger, map) == 0 && has(&p, "acme") && has(&p, "globex") && p.shared && !p.all,
	    "lines of any of its names count");
	ok(!has(&p, "other") && !has(&p, "more"), "its URIs and comments do not");
	hr_permit_clear(&p);
	ok(permit(&p, nobody, stranger, map) == 0 && has(&p, "other"), "without a line its URIs do");
	hr_permit_clear(&p);
	ok(permit(&p, home, stranger, "/nowhere/map") < 0 && e.code != HR_OK, "a map that is not there lets nobody in");
	hr_permit_clear(&p);
}

static void
sets(void)
{
	static const char *const two_tenants[] = { "hr:tenant:acme", "hr:tenant:globex", NULL }, *const every[] = { "hr:tenant:*", NULL };
	char acme[] = "acme", more[] = "initech", *pick[] = { acme, more };
	struct hr_permit all, both, few, copy;

	if (permit(&all, home, every, NULL) < 0 || permit(&both, home, two_tenants, NULL) < 0 || permit(&few, home, two_tenants, NULL) < 0)
		abort();
	hr_permit_narrow(&few, NULL, 0);
	ok(has(&few, "globex"), "no choice narrows nothing");
	hr_permit_narrow(&few, pick, 2);
	ok(has(&few, "acme") && !has(&few, "globex") && !has(&few, "initech"), "a choice takes, and adds nothing");
	ok(hr_permit_covers(&both, &few) && !hr_permit_covers(&few, &both), "more covers less");
	ok(hr_permit_covers(&all, &both) && !hr_permit_covers(&both, &all), "all covers everything");
	hr_permit_copy(&copy, &both);
	both.shared = true;
	ok(hr_permit_covers(&both, &copy) && !hr_permit_covers(&copy, &both), "what is shared counts; a copy is its own");
	hr_permit_narrow(&all, pick, 1);
	ok(!all.all && all.shared && has(&all, "acme") && !has(&all, "globex"), "who had all keeps what is shared");
	hr_permit_clear(&all);
	hr_permit_clear(&both);
	hr_permit_clear(&few);
	hr_permit_clear(&copy);
}

/* The stream that was made last, in blocks. */
static void
pack(void)
{
	struct hr_pipe pipe = { .in = -1, .out = -1, .w = { .fd = -1 } };
	struct hr_pack k = HR_PACK_INIT;
	struct hr_reader r;
	struct hr_frame f;
	int more;

	k.always = true;
	hr_pack_begin(&k, &pipe);
	must(hr_reader_open_memory(&r, w.buf.data, w.buf.len, &err));
	must(hr_write_magic(&pipe.w, &err));
	while ((more = hr_read(&r, &f, &err)) > 0)
		if ((more = hr_pack_step(&k, &pipe, &f, &err)) > 0)
			must(hr_write(&pipe.w, &f, &err));
		else
			must(more);
	must(more);
	must(hr_pack_flush(&k, &err));
	must(hr_write_end(&pipe.w, &err));
	hr_buf_reset(&w.buf);
	hr_buf_put(&w.buf, pipe.w.buf.data, pipe.w.buf.len);
	hr_reader_clear(&r);
	hr_pack_clear(&k);
	hr_pipe_clear(&pipe);
}

/* The stream that was made last: 0, or the code it is refused with. */
static int
look(const struct hr_permit *p, bool *blocks)
{
	struct hr_permit_look l = { .begun = false };
	struct hr_reader r;
	struct hr_frame f;
	int rc, more = 1;

	hr_err_clear(&e);
	*blocks = false;
	must(hr_reader_open_memory(&r, w.buf.data, w.buf.len, &err));
	rc = hr_permit_head(p, &l, &r.head, &e);
	while (rc == 0 && (more = hr_read(&r, &f, &err)) > 0) {
		*blocks |= f.type == HR_FRAME_BLOCK;
		rc = hr_permit_frame(p, &l, &f, &e);
	}
	must(more);
	hr_permit_look_clear(&l);
	hr_reader_clear(&r);
	return rc < 0 ? (int)e.code : 0;
}

static void
carries(const struct hr_permit *p, void (*make_stream)(void), const char *refused, const char *what)
{
	struct stream s = { "", make_stream };
	bool blocks;
	int i, code;

	for (i = 0; i < 2; i++) {
		make(&s);
		/* Each stream has a writer of its own. */
		if (i)
			pack();
		code = look(p, &blocks);
		w.seen = (struct hr_end){ 0 };
		ok(refused ? code == HR_REFUSED && strstr(e.what, refused) : code == 0, "%s%s: %s", what, blocks ? ", in blocks" : "",
		    code ? e.what : "taken");
	}
}

static void
streams(void)
{
	static const char *const acme[] = { "hr:tenant:acme", NULL },
	    *const both[] = { "hr:tenant:acme", "hr:tenant:globex", NULL },
	    *const shares[] = { "hr:tenant:acme", "hr:tenant:globex", "hr:shared", NULL };
	struct hr_permit one_of, both_of, shared_too, all = { .all = true };

	if (permit(&one_of, home, acme, NULL) < 0 || permit(&both_of, home, both, NULL) < 0 || permit(&shared_too, home, shares, NULL) < 0)
		abort();
	carries(&one_of, make_insert, NULL, "its own rows");
	carries(&one_of, make_two_tenants, "tenant 'globex'", "another's rows");
	carries(&both_of, make_two_tenants, NULL, "rows of both");
	carries(&both_of, make_all_tenants, "a change for all tenants", "rows for all");
	carries(&shared_too, make_all_tenants, NULL, "rows for all, shared");
	carries(&both_of, make_fence, "a fence", "a fence");
	carries(&shared_too, make_fence, NULL, "a fence, shared");
	carries(&shared_too, make_snapshot, "a copy of all tenants", "a copy of all");
	carries(&both_of, make_snapshot_tenants, NULL, "a copy of both");
	carries(&one_of, make_snapshot_tenants, "tenant 'globex'", "a copy of another too");
	carries(&all, make_snapshot, NULL, "who may carry all");
	hr_permit_clear(&one_of);
	hr_permit_clear(&both_of);
	hr_permit_clear(&shared_too);
}

int
main(void)
{
	if (close(mkstemp(map)) < 0)
		abort();
	uris();
	maps();
	sets();
	streams();
	unlink(map);
	clear();
	return tap_done();
}
