/* net_lane - what is kept, as a receiver of all or of one tenant gets it. */

#include "base/hr.h"

#include "net/lane.h"
#include "state/store.h"
#include "stream/reader.h"

int make_main(int argc, char *argv[]);
#define main make_main
#include "../stream/make.c"
#undef main

#include "tap.h"

static char dir[] = "/tmp/hr-lane-XXXXXX";
static struct hr_keyring keys;
static struct hr_reader from;
static struct hr_store *kept;
static const struct hr_chain *chain;

/* Transactions of two tenants. */
static void
make_many(void)
{
	uint32_t i;

	head();
	orders('d');
	for (i = 0; i < 20; i++) {
		hr_lsn at = 0x1500800 + i * 0x100;

		begin(747 + i, at);
		insert(ORDERS, i % 2 ? other : one, 3);
		commit(at + 0x30);
		rows(i % 2 ? "globex" : "acme", at + 0x30);
		watermark(at + 0x30, false);
	}
	end();
}

/* Each is synced, so that it is a bundle; a few fill a segment. */
static void
keep(void)
{
	struct hr_store_options o = { .dir = dir, .keys = &keys, .segment = 1000, .level = 3 };
	struct stream s = { "", make_many };
	struct hr_frame f;
	int more;

	make(&s);
	must(hr_reader_open_memory(&from, w.buf.data, w.buf.len, &err));
	must(hr_read(&from, &f, &err));
	must(hr_store_open(&kept, &o, &f, &err));
	while ((more = hr_read(&from, &f, &err)) > 0) {
		must(hr_store_put(kept, &f, &err));
		if (f.type == HR_FRAME_WATERMARK)
			must(hr_store_sync(kept, &err));
	}
	must(more);
	must(hr_store_end(kept, &err));
	chain = hr_store_chain(kept);
}

struct got {
	struct hr_buf bytes;		/* a stream */
	uint64_t place[64];
	struct hr_end seen[64];
	size_t at[64];			/* of bytes, behind that place */
	size_t n;
};

static void
note(struct got *g, const struct hr_lane *l, uint64_t place)
{
	g->place[g->n] = place;
	g->seen[g->n] = l->pipe.w.seen;
	g->at[g->n++] = g->bytes.len;
}

static void
rest(struct got *g, struct hr_lane *l)
{
	uint64_t place;
	int more;

	while ((more = hr_lane_next(l, UINT64_MAX, &g->bytes, &place, &err)) > 0)
		note(g, l, place);
	must(more);
	must(hr_lane_end(l, &g->bytes, &err));
	hr_lane_clear(l);
}

static struct got
whole(const char *tenant, bool packed, hr_lsn lsn)
{
	struct got g = { .n = 0 };
	struct hr_lane l;
	uint64_t place;

	hr_buf_put(&g.bytes, HR_MAGIC, HR_MAGIC_SIZE);
	hr_lane_init(&l, tenant, &from.head, packed);
	must(hr_lane_begin(&l, chain, &keys, lsn, false, &g.bytes, &place, &err));
	note(&g, &l, place);
	rest(&g, &l);
	return g;
}

/* What the stream holds: frames of rows of each tenant, and of the head's tenants the only one. */
static void
holds(const struct got *g, int acme, int globex, const char *only, const char *what)
{
	int had_acme = 0, had_globex = 0, more;
	struct hr_reader r;
	struct hr_frame f;

	must(hr_reader_open_memory(&r, g->bytes.data, g->bytes.len, &err));
	is(r.head.tenants == 1 ? r.head.tenant[0] : NULL, only, what);
	while ((more = hr_read(&r, &f, &err)) > 0) {
		had_acme += f.type == HR_FRAME_ROWS && f.tenant_len == 4 && memcmp(f.tenant, "acme", 4) == 0;
		had_globex += f.type == HR_FRAME_ROWS && f.tenant_len == 6 && memcmp(f.tenant, "globex", 6) == 0;
	}
	ok(more == 0, "%s: it is a stream, to its end", what);
	is_number(had_acme, acme, "what it has of acme");
	is_number(had_globex, globex, "and of globex");
	hr_reader_clear(&r);
}

static void
lanes(void)
{
	struct got all = whole(NULL, false, 0), acme = whole("acme", false, 0), nobody = whole("initech", false, 0);
	struct got packed = whole("globex", true, 0), late = whole("acme", false, 0x1500800 + 18 * 0x100 + 0x30);
	size_t i;
	bool rise = true;

	holds(&all, 10, 10, NULL, "all");
	holds(&acme, 10, 0, "acme", "one tenant");
	holds(&nobody, 0, 0, "initech", "one that has nothing");
	ok(late.bytes.len < acme.bytes.len, "one that has most gets the rest");
	ok(packed.n > 0 && packed.bytes.len > 0, "in blocks");
	for (i = 1; i < all.n; i++)
		rise &= all.place[i] > all.place[i - 1];
	ok(rise, "places rise");
	hr_buf_clear(&all.bytes);
	hr_buf_clear(&acme.bytes);
	hr_buf_clear(&nobody.bytes);
	hr_buf_clear(&packed.bytes);
	hr_buf_clear(&late.bytes);
}

/* From each place on comes what came behind it. */
static void
go_on(const char *tenant)
{
	struct got g = whole(tenant, false, 0);
	bool same = true;
	struct hr_lane l;
	size_t i;

	for (i = 1; i < g.n; i++) {
		struct got again = { .n = 0 };

		hr_lane_init(&l, tenant, &from.head, false);
		must(hr_lane_go_on(&l, chain, &keys, g.place[i], &g.seen[i], &err));
		rest(&again, &l);
		same &= again.bytes.len == g.bytes.len - g.at[i] &&
		    memcmp(again.bytes.data, g.bytes.data + g.at[i], again.bytes.len) == 0;
		hr_buf_clear(&again.bytes);
	}
	ok(same && g.n > 1, "%s goes on behind any of %zu places", tenant ? tenant : "all", g.n - 1);
	hr_lane_init(&l, tenant, &from.head, false);
	ok(hr_lane_go_on(&l, chain, &keys, 1000000, &g.seen[0], &err) < 0 && err.code == HR_REFUSED, "but not behind one that is not there");
	hr_err_clear(&err);
	hr_lane_clear(&l);
	hr_buf_clear(&g.bytes);
}

int
main(void)
{
	char command[64];

	if (mkdtemp(dir) == NULL)
		abort();
	must(hr_keyring_open(&keys, NULL, &err));
	keep();
	lanes();
	go_on(NULL);
	go_on("acme");
	hr_store_close(kept);
	hr_reader_clear(&from);
	hr_keyring_close(&keys);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	if (system(command) != 0)
		abort();
	clear();
	return tap_done();
}
