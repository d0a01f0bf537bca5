/*
 * state_store - a store against a model: random streams, random crashes, restores to
 * random positions.
 *
 * A crash is of the program, which leaves what was written, or of the system, which
 * leaves of each file what was synced and some of the rest, perhaps as zeros.  The
 * source then sends again from anywhere at or before what the store said that it had.
 *
 *	usage: state_store [ROUNDS [SEED]]
 */

#include "base/hr.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/lsn.h"
#include "state/archive.h"
#include "state/chain_read.h"
#include "state/replay.h"
#include "state/store.h"
#include "stream/mark.h"
#include "stream/reader.h"
#include "stream/rows.h"
#include "stream/writer.h"
#include "tap.h"

#define TENANTS		4		/* the first is all of them */
#define MOST		200		/* transactions of a stream */
#define STEP		256		/* bytes of WAL of each */
#define SEGMENT		3000
#define SYSTEM		7301234567890123456

static const char *const tenant_name[TENANTS] = { "", "acme", "globex", "a tenant/with..signs" };
static char dir[] = "/tmp/hr-store-XXXXXX";
static char arch[64];
static struct hr_err e = HR_ERR_INIT;
static struct hr_keyring sealed, plain, *keys;
static uint64_t state;

static uint32_t
chance(uint32_t n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)((state >> 11) % n);
}

/* --- the model: what transaction k, from 1, is --- */

struct model {
	struct {
		int64_t time;
		uint32_t rows[TENANTS];		/* 0: it has none of theirs */
		uint32_t bytes;			/* of a row */
		bool mark;			/* a watermark follows */
	} t[MOST + 1];
	uint32_t n;
};

static hr_lsn
commit_of(uint32_t k)
{
	return (hr_lsn)k * STEP;
}

static hr_lsn
end_of(uint32_t k)
{
	return (hr_lsn)k * STEP + 128;
}

static void
make_model(struct model *m)
{
	int64_t time = 1000000;
	uint32_t k, i;

	m->n = 20 + chance(MOST - 20);
	for (k = 1; k <= m->n; k++) {
		/* Times stand still, and go back. */
		time += chance(3) ? (int64_t)chance(1000) : chance(2) ? 0 : -(int64_t)chance(1500);
		m->t[k].time = time;
		m->t[k].bytes = chance(8) ? chance(200) : 1500;
		m->t[k].mark = chance(3) == 0 || k == m->n;
		for (i = 0; i < TENANTS; i++)
			m->t[k].rows[i] = chance(2) ? 0 : chance(10) ? 1 + chance(3) : 30;
		m->t[k].rows[k % TENANTS] += 1;
	}
}

/* What is durable is noted by who makes it so. */
static void note_all(void);

static int
sync_store(struct hr_store *s)
{
	if (hr_store_sync(s, &e) < 0)
		return -1;
	note_all();
	return 0;
}

/* --- the stream of it --- */

static void
head_frame(hr_lsn start, struct hr_buf *b, struct hr_frame *f)
{
	struct hr_head h = { .version = 1, .system = SYSTEM, .timeline = 1, .database = (char *)"made", .slot = (char *)"made",
	    .encoding = (char *)"UTF8", .start = start };

	hr_buf_reset(b);
	hr_head_encode(&h, b);
	*f = (struct hr_frame){ .type = HR_FRAME_HEAD, .flags = HR_MUST | HR_ALL, .lsn = start, .data = b->data,
	    .len = (uint32_t)b->len };
}

/* Frames lie as they were read: the fixed part, the tenant and the payload in one piece. */
static int
put(struct hr_store *s, struct hr_frame *f)
{
	static struct hr_buf whole;

	hr_buf_reset(&whole);
	hr_buf_need(&whole, HR_FRAME_SIZE + f->tenant_len + (size_t)f->len);
	hr_frame_encode(f, 0, whole.data);
	whole.len = HR_FRAME_SIZE;
	hr_buf_put(&whole, f->tenant, f->tenant_len);
	hr_buf_put(&whole, f->data, f->len);
	f->tenant = (const char *)whole.data + HR_FRAME_SIZE;
	f->data = whole.data + HR_FRAME_SIZE + f->tenant_len;
	return hr_store_put(s, f, &e);
}

static int
put_rows(struct hr_store *s, uint32_t tenant, struct hr_buf *b, uint32_t k)
{
	struct hr_frame f = { .type = HR_FRAME_ROWS, .flags = HR_MUST, .tenant = tenant_name[tenant],
	    .tenant_len = (uint16_t)strlen(tenant_name[tenant]), .lsn = end_of(k), .count = 1, .data = b->data,
	    .len = (uint32_t)b->len };
	int rc;

	if (tenant == 0)
		f.flags |= HR_ALL;
	rc = b->len ? put(s, &f) : 0;
	hr_buf_reset(b);
	return rc;
}

static void
row(struct hr_buf *b, uint32_t k, uint32_t i, uint32_t bytes)
{
	uint8_t id[8], body[1500];
	struct hr_value v[2] = { { id, 8, false }, { body, (int32_t)bytes, false } };
	uint64_t x = (uint64_t)k << 32 | i | 1;
	size_t mark, at;

	hr_set_u64be(id, (uint64_t)k << 32 | i);
	for (at = 0; at < bytes; at++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		body[at] = (uint8_t)x;		/* it does not pack */
	}
	mark = hr_item_open(b, HR_INSERT);
	hr_buf_u32le(b, 16385);
	hr_tuple_put(b, v, 2);
	hr_item_close(b, mark);
}

/* A transaction, each tenant's part in some frames of its own, all of them mixed. */
static int
put_transaction(struct hr_store *s, const struct model *m, uint32_t k)
{
	struct hr_buf b = HR_BUF_INIT;
	uint32_t at[TENANTS] = { 0 }, left = TENANTS, i;
	int rc = 0;

	while (left && rc == 0) {
		i = chance(TENANTS);
		if (at[i] > m->t[k].rows[i])
			continue;
		if (m->t[k].rows[i] == 0) {
			at[i] = 1;
			left--;
			continue;
		}
		if (at[i] == 0)
			hr_put_begin(&b, k, commit_of(k), m->t[k].time);
		do
			row(&b, k, at[i]++, m->t[k].bytes);
		while (at[i] < m->t[k].rows[i] && chance(4));
		if (at[i] == m->t[k].rows[i]) {
			hr_put_commit(&b, end_of(k));
			at[i]++;
			left--;
		}
		rc = put_rows(s, i, &b, k);
		if (rc == 0 && chance(40) == 0)
			rc = sync_store(s);
	}
	hr_buf_clear(&b);
	return rc;
}

static int
put_mark(struct hr_store *s, const struct model *m, uint32_t k)
{
	struct hr_watermark w = { .time = m->t[k].time };
	uint8_t data[HR_WATERMARK_SIZE];
	struct hr_frame f = { .type = HR_FRAME_WATERMARK, .flags = HR_MUST | HR_ALL, .lsn = end_of(k), .data = data,
	    .len = sizeof(data) };

	hr_watermark_encode(&w, data);
	return put(s, &f);
}

/* --- a crash of the system --- */

static struct {
	char path[256];
	off_t size;
} file[4096];
static size_t files;

static int
note(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)ftw;
	if (type == FTW_F && files < 4096 && strstr(path, ".seg")) {
		snprintf(file[files].path, sizeof(file[files].path), "%s", path);
		file[files++].size = st->st_size;
	}
	return 0;
}

/* What is durable now. */
static void
note_all(void)
{
	files = 0;
	(void)!nftw(arch, note, 16, FTW_PHYS);
}

static int
spoil(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	off_t was = 0, keep;
	bool known = false;
	size_t i;

	(void)ftw;
	if (type != FTW_F || !strstr(path, ".seg"))
		return 0;
	for (i = 0; i < files; i++)
		if (strcmp(file[i].path, path) == 0) {
			was = file[i].size;
			known = true;
		}
	if (st->st_size == was || chance(3) == 0)
		return 0;
	if (!known && chance(3) == 0)
		return unlink(path);
	keep = was + (off_t)chance((uint32_t)(st->st_size - was) + 1);
	return truncate(path, keep) < 0 || (chance(3) == 0 && truncate(path, st->st_size) < 0) ? -1 : 0;
}

/* --- what is there --- */

struct seen {
	uint32_t last[TENANTS], rows[TENANTS];	/* transaction, and its rows so far */
	bool within[TENANTS];
	uint32_t first;				/* behind this one */
	bool good, marked;
	hr_lsn mark;
};

static int
which(const struct hr_frame *f)
{
	int i;

	for (i = 0; i < TENANTS; i++)
		if (strlen(tenant_name[i]) == f->tenant_len && memcmp(tenant_name[i], f->tenant, f->tenant_len) == 0)
			return i;
	return 0;
}

/* Has this tenant nothing between two transactions? */
static bool
none_between(const struct model *m, int i, uint32_t from, uint32_t to)
{
	for (from++; from < to; from++)
		if (m->t[from].rows[i])
			return false;
	return true;
}

static int
look(struct seen *s, const struct model *m, const struct hr_frame *f)
{
	struct hr_cur c = hr_cur(f->data, f->len);
	struct hr_item it;
	int i = which(f), more;

	if (f->type == HR_FRAME_WATERMARK)
		s->mark = f->lsn;
	while (f->type == HR_FRAME_ROWS && (more = hr_rows_next(&c, &it, &e)) > 0) {
		uint32_t k = s->last[i];

		if (it.op == HR_BEGIN) {
			s->good &= !s->within[i] && it.xid > k && it.xid <= m->n && none_between(m, i, k, it.xid) &&
			    it.lsn == commit_of(it.xid) && it.time == m->t[it.xid].time;
			s->last[i] = it.xid;
			s->rows[i] = 0;
			s->within[i] = true;
		} else if (it.op == HR_COMMIT) {
			s->good &= s->within[i] && s->rows[i] == m->t[k].rows[i] && it.lsn == end_of(k);
			s->within[i] = false;
		} else {
			struct hr_value v[2];

			s->good &= s->within[i] && it.op == HR_INSERT && hr_tuple_decode(it.tuple, it.tuple_len, v, 2) == 2 &&
			    hr_get_u64be(v[0].data) == ((uint64_t)k << 32 | s->rows[i]) && v[1].len == (int32_t)m->t[k].bytes;
			s->rows[i]++;
		}
		if (!s->good)
			break;
	}
	return s->good ? 0 : -1;
}

static struct seen
nothing(uint32_t first)
{
	struct seen s = { .first = first, .good = true };
	int i;

	for (i = 0; i < TENANTS; i++)
		s.last[i] = first;
	return s;
}

/* Has each all up to a transaction, and, if so wanted, nothing behind it nor half of one? */
static bool
reaches(const struct seen *s, const struct model *m, uint32_t k, bool no_more, const char *only)
{
	int i;

	for (i = 0; i < TENANTS && s->good; i++) {
		if (only && i && strcmp(only, tenant_name[i]) != 0) {
			if (s->last[i] > s->first)
				return false;
			continue;
		}
		if (s->last[i] < k && (!none_between(m, i, s->last[i], k + 1)))
			return false;
		if (s->last[i] <= k && s->within[i])
			return false;
		if (no_more && s->last[i] > k)
			return false;
	}
	return s->good;
}

/* 0, or what hr_replay_run() failed with. */
static int
replay(struct hr_replay_options *o, const struct model *m, struct seen *s, uint32_t first)
{
	struct hr_writer w = { .fd = -1 };
	struct hr_reader r = { .fd = -1 };
	struct hr_replayed done;
	struct hr_frame f;
	int rc, more = -1;

	o->dir = arch;
	o->keys = keys;
	hr_err_clear(&e);
	*s = nothing(first);
	rc = hr_replay_run(o, &w, &done, &e) < 0 ? (int)e.code : 0;
	if (rc == 0) {
		if (hr_reader_open_memory(&r, w.buf.data, w.buf.len, &e) < 0)
			s->good = false;
		if (o->since && s->good)
			*s = nothing((uint32_t)((r.head.start + 128) / STEP) - 1);
		while (s->good && (more = hr_read(&r, &f, &e)) > 0)
			(void)look(s, m, &f);
		s->good &= more == 0;
		hr_reader_clear(&r);
	}
	hr_writer_clear(&w);
	return rc;
}

static const char *
said(void)
{
	return e.code ? e.what : "";
}

/* --- restores --- */

/* Of a chain from transaction base on, which reaches to transaction k. */
static bool
restores(const struct model *m, uint32_t base, uint32_t k)
{
	struct hr_replay_options o = { .stream = NULL };
	struct seen s;
	uint32_t to = base + chance(k - base + 1), i;
	char *tenant = (char *)tenant_name[1 + chance(TENANTS - 1)];
	bool good;

	/* An LSN within a transaction's, at its commit, at its end. */
	o.by_lsn = true;
	o.until_lsn = commit_of(to) + (chance(2) ? chance(STEP - 128) : 0);
	if (o.until_lsn < end_of(base))
		o.until_lsn = end_of(base);
	good = replay(&o, m, &s, base) == 0 && reaches(&s, m, to, true, NULL);
	if (!good)
		printf("# restore to %s, transaction %u of %u to %u: %s\n", HR_LSN(o.until_lsn), to, base, k, said());
	o.tenant = &tenant;
	o.tenants = 1;
	if (good && (replay(&o, m, &s, base) != 0 || !reaches(&s, m, to, true, tenant))) {
		printf("# restore of %s to transaction %u: %s\n", tenant, to, said());
		good = false;
	}
	/* A time: up to the last before the first that is later. */
	o = (struct hr_replay_options){ .by_time = true, .until_time = m->t[to > base ? to : base + 1].time + (int64_t)chance(2) };
	for (i = base + 1; i <= k && m->t[i].time <= o.until_time; i++)
		;
	if (good && k > base && (replay(&o, m, &s, base) != 0 || !reaches(&s, m, i - 1, i <= k, NULL))) {
		printf("# restore to time %" PRId64 ", transaction %u: %s\n", o.until_time, i - 1, said());
		good = false;
	}
	/* On from there. */
	o = (struct hr_replay_options){ .since = end_of(to) };
	if (good && (replay(&o, m, &s, base) != 0 || s.first > to || !reaches(&s, m, k, false, NULL))) {
		printf("# restore since transaction %u, from %u: %s\n", to, s.first, said());
		good = false;
	}
	return good;
}

static bool
verifies(void)
{
	FILE *out = fopen("/dev/null", "w");
	int rc;

	hr_err_clear(&e);
	rc = hr_archive_verify(arch, NULL, keys, out, &e);
	fclose(out);
	if (rc < 0)
		printf("# verify: %s\n", said());
	return rc == 0;
}

/* --- the life of a store --- */

static struct hr_store *
open_store(hr_lsn start)
{
	struct hr_store_options o = { .dir = arch, .keys = keys, .segment = SEGMENT };
	struct hr_buf b = HR_BUF_INIT;
	struct hr_store *s = NULL;
	struct hr_frame f;

	hr_err_clear(&e);
	head_frame(start, &b, &f);
	if (hr_store_open(&s, &o, &f, &e) < 0)
		printf("# open at %s: %s\n", HR_LSN(start), said());
	hr_buf_clear(&b);
	return s;
}

/*
 * Put transactions from one on, until a crash or the end; what is durable by what the store said is
 * in *durable.  -1: something failed.
 */
static int
live(const struct model *m, uint32_t from, uint32_t *durable, bool *ended)
{
	struct hr_store *s = open_store(end_of(from));
	uint32_t k, until = chance(3) ? from + 1 + chance(60) : m->n;
	bool power = chance(2);
	int rc = s ? 0 : -1;

	if (s)
		note_all();
	for (k = from + 1; rc == 0 && k <= m->n && k <= until; k++) {
		rc = put_transaction(s, m, k);
		if (rc == 0 && m->t[k].mark)
			rc = put_mark(s, m, k);
		if (rc == 0 && chance(4) == 0)
			rc = sync_store(s);
		if (rc == 0 && (uint32_t)(hr_store_lsn(s) / STEP) > *durable)
			*durable = (uint32_t)(hr_store_lsn(s) / STEP);
	}
	*ended = rc == 0 && k > m->n;
	if (rc == 0 && *ended && (rc = hr_store_end(s, &e)) == 0)
		*durable = m->n;
	if (rc < 0)
		printf("# put: %s\n", said());
	hr_store_close(s);
	if (rc == 0 && !*ended && power)
		rc = nftw(arch, spoil, 16, FTW_PHYS);
	return rc;
}

/* The newest segment of the shared log, "" when there is none. */
static char newest[256];

static int
find_newest(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)ftw;
	if (type == FTW_F && strstr(path, "/shared/") && strstr(path, ".seg") && strcmp(path, newest) > 0)
		snprintf(newest, sizeof(newest), "%s", path);
	return 0;
}

static const char *
newest_shared(void)
{
	newest[0] = '\0';
	(void)!nftw(arch, find_newest, 16, FTW_PHYS);
	return newest;
}

/* Begun again, and killed before the first record of its segment was synced. */
static int
stillborn(const struct model *m, uint32_t from)
{
	struct hr_store *s = open_store(end_of(from));
	struct stat st;
	const char *path;
	off_t size;

	/* With the first frame it makes a segment. */
	if (s == NULL || put_mark(s, m, from) < 0)
		return -1;
	hr_store_close(s);
	path = newest_shared();
	if (stat(path, &st) < 0)
		return -1;
	size = (off_t)chance((uint32_t)st.st_size);
	return truncate(path, size) < 0 || (chance(3) == 0 && truncate(path, st.st_size) < 0) ? -1 : 0;
}

static void
clean(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", arch);
	if (system(command) != 0)
		abort();
}

static bool
one_life(void)
{
	static struct model m;
	uint32_t base = chance(5), durable = base, from;
	struct hr_replay_options all = { .stream = NULL };
	bool ended = false;
	struct seen s;
	int crashes = 0;

	clean();
	make_model(&m);
	while (!ended) {
		/* The source goes on at, or before, what it was told. */
		from = chance(2) ? durable : base + chance(durable - base + 1);
		if (live(&m, from, &durable, &ended) < 0)
			return false;
		crashes++;
		while (!ended && chance(4) == 0)
			if (stillborn(&m, durable) < 0)
				return false;
		if (replay(&all, &m, &s, base) != 0 || !reaches(&s, &m, durable, false, NULL)) {
			printf("# after %d: not all to transaction %u of %u: %s\n", crashes, durable, m.n, said());
			return false;
		}
		if (!verifies() || !restores(&m, base, durable))
			return false;
	}
	return true;
}

static void
lives(uint64_t seed, int rounds, struct hr_keyring *k, const char *what)
{
	uint64_t bad = 0;
	int i;

	keys = k;
	for (i = 0; i < rounds && bad == 0; i++) {
		state = (seed + (uint64_t)i) * UINT64_C(0x9e3779b97f4a7c15) | 1;
		if (!one_life())
			bad = seed + (uint64_t)i;
	}
	ok(bad == 0, "%s: after any crash all is there, once and in its order, and restores to any position", what);
	if (bad)
		printf("# with: state_store 1 %" PRIu64 "\n", bad);
}

/* --- what others do to it --- */

static void
run(const char *fmt, ...)
{
	char command[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(command, sizeof(command), fmt, ap);
	va_end(ap);
	if (system(command) != 0)
		abort();
}

/* A chain of transactions, of no tenant if so wanted, which did not end: its last segment is open. */
static struct model *
make_chain(bool shared_only)
{
	static struct model m;
	struct hr_store *s;
	uint32_t k, i;

	make_model(&m);
	m.n = 60;
	for (k = 1; k <= m.n; k++) {
		for (i = 1; shared_only && i < TENANTS; i++)
			m.t[k].rows[i] = 0;
		m.t[k].rows[0] += shared_only;
		m.t[k].mark = true;
	}
	if ((s = open_store(end_of(0))) == NULL)
		abort();
	for (k = 1; k <= m.n; k++)
		if (put_transaction(s, &m, k) < 0 || put_mark(s, &m, k) < 0 || hr_store_sync(s, &e) < 0)
			abort();
	hr_store_close(s);
	return &m;
}

/* Neither does it verify, nor is it restored as if nothing were. */
static bool
noticed(const struct model *m)
{
	struct hr_replay_options all = { .stream = NULL };
	struct seen s;
	bool bad = !verifies();

	return bad && replay(&all, m, &s, 0) == HR_BAD_STREAM;
}

static void
tampering(struct hr_keyring *k, const char *what)
{
	struct hr_replay_options all = { .stream = NULL };
	struct model *m;
	struct seen s;

	keys = k;
	clean();
	m = make_chain(true);
	run("cp -a %s %s.one", arch, arch);
	ok(replay(&all, m, &s, 0) == 0 && reaches(&s, m, m->n, true, NULL) && verifies(), "%s: a chain that was not ended",
	    what);
	unlink(newest_shared());
	ok(noticed(m), "%s: its last segment is missing", what);
	run("cd %s/made/*/shared && ls | tail -n +2 | xargs rm", arch);
	ok(noticed(m), "%s: all segments but the first are", what);
	run("rm -rf %s; cp -a %s.one %s; rm %s/made/*/shared/00000001.seg", arch, arch, arch, arch);
	ok(noticed(m), "%s: its first segment is missing", what);
	run("rm -rf %s; cp -a %s.one %s; cd %s/made/*/shared && mv 00000003.seg x && mv 00000002.seg 00000003.seg && "
	    "mv x 00000002.seg", arch, arch, arch, arch);
	ok(noticed(m), "%s: two segments have changed places", what);
	clean();
	m = make_chain(true);
	run("cp %s.one/made/*/shared/00000002.seg %s/made/*/shared/00000002.seg", arch, arch);
	ok(noticed(m), "%s: a segment is of another archive", what);
	clean();
	m = make_chain(false);
	run("cd %s/made/*/tenant && cp acme/00000001.seg globex/00000001.seg", arch);
	ok(noticed(m), "%s: a segment is of another tenant", what);
	run("rm -rf %s.one", arch);
}

/* Who has no key writes a segment behind the last one: the tag that it comes after is in the clear. */
static void
forged(void)
{
	struct hr_segment_writer w = HR_SEGMENT_WRITER_INIT;
	struct hr_segment_reader r = HR_SEGMENT_READER_INIT;
	struct hr_segment_head h;
	struct hr_buf b = HR_BUF_INIT, head = HR_BUF_INIT;
	struct hr_stand t = { .flags = HR_BUNDLE_CLEAN };
	struct hr_frame f;
	struct model *m;
	char path[256];
	uint64_t last;

	keys = &sealed;
	clean();
	m = make_chain(false);
	snprintf(path, sizeof(path), "%s", newest_shared());
	if (hr_segment_open(&r, path, NULL, &e) < 0)
		abort();
	while (hr_segment_next(&r, &e) > 0)
		;
	last = r.mark.place;
	h = r.head;
	memcpy(h.after, r.mark.tag, sizeof(h.after));
	hr_segment_reader_close(&r);
	h.number++;
	h.first = t.next = last + 1;
	t.lsn = end_of(m->n);
	head_frame(0, &head, &f);
	t.head = f.data;
	t.head_len = f.len;
	hr_stand_encode(&t, &b);
	snprintf(strrchr(path, '/'), 32, "/%08" PRIu64 ".seg", h.number);
	if (hr_segment_create(&w, path, &plain, &h, &e) < 0 || hr_segment_append(&w, HR_RECORD_STAND, last + 1, b.data, b.len,
	    NULL, &e) < 0 || hr_segment_sync(&w, &e) < 0)
		abort();
	hr_segment_writer_close(&w);
	ok(noticed(m), "a segment that is not sealed behind one that is");
	ok(open_store(end_of(m->n)) == NULL && e.code == HR_BAD_STREAM, "and nobody goes on behind it");
	hr_buf_clear(&b);
	hr_buf_clear(&head);
}

/* Who has no key, or another one, makes the end of a chain seem never to have been. */
static void
cut_by_somebody(struct hr_keyring *his, const char *what)
{
	struct hr_replay_options all = { .stream = NULL }, some = { .by_lsn = true, .until_lsn = end_of(9) };
	struct hr_chain_position p;
	struct hr_chain *list;
	struct model *m;
	struct seen s;
	size_t n;

	clean();
	m = make_chain(true);
	ok(replay(&all, m, &s, 0) == 0 && reaches(&s, m, m->n, true, NULL) && verifies(), "before: %s", what);
	if (hr_chain_list(arch, NULL, &list, &n, &e) < 0 || n != 1 || hr_chain_position_load(list, &p, keys, &e) != 1)
		abort();
	run("cd %s/made/*/shared && ls | tail -n +12 | xargs rm", arch);
	ok(noticed(m), "the end of it is missing: %s", what);
	p.segment = p.bundle = p.number = 1;
	if (his == NULL)
		run("rm %s/made/*/position", arch);
	else if (hr_chain_position_save(list, &p, his, false, &e) < 0)
		abort();
	ok(noticed(m), "and its position says that it never was: %s", what);
	ok(replay(&some, m, &s, 0) == 0 && reaches(&s, m, 9, true, NULL), "what is there can be restored to: %s", what);
	hr_chain_list_free(list, n);
}

static void
strangers(void)
{
	struct hr_replay_options all = { .stream = NULL };
	struct hr_keyring only, his;
	struct hr_store *begun;
	struct model *m;
	struct seen s;
	char path[64];

	snprintf(path, sizeof(path), "%s/his", dir);
	run("(umask 077; echo 'one * passphrase:another one of his' >%s)", path);
	if (hr_keyring_open(&only, &(struct hr_keyring_options){ .file = sealed.file, .sealed_only = true }, &e) < 0 ||
	    hr_keyring_open(&his, &(struct hr_keyring_options){ .file = path }, &e) < 0)
		abort();
	keys = &only;
	cut_by_somebody(&plain, "not sealed");
	cut_by_somebody(&his, "another key");
	cut_by_somebody(NULL, "removed");
	clean();
	if ((begun = open_store(end_of(0))) == NULL)
		abort();
	hr_store_close(begun);
	ok(verifies(), "a chain that was begun, and has nothing yet, is known to be short");
	keys = &plain;
	clean();
	m = make_chain(false);
	ok(replay(&all, m, &s, 0) == 0 && verifies(), "a chain in the clear");
	keys = &sealed;
	ok(replay(&all, m, &s, 0) == 0 && verifies(), "is read by who has keys");
	keys = &only;
	ok(noticed(m), "but not when all has to be sealed");
	hr_keyring_close(&only);
	hr_keyring_close(&his);
	unlink(path);
}

/* A log that cannot be made: what was said stays, and nothing that is half made is written. */
static void
failing(void)
{
	static struct model m;
	struct hr_replay_options all = { .stream = NULL };
	struct hr_store *s;
	struct seen seen;
	uint32_t k;
	int rc = 0;

	keys = &plain;
	clean();
	make_model(&m);
	m.t[1].rows[1] = 1;
	s = open_store(end_of(0));
	run("cd %s/made/2*/tenant && touch acme", arch);
	for (k = 1; k <= m.n && rc == 0; k++)
		if ((rc = put_transaction(s, &m, k)) == 0 && (rc = put_mark(s, &m, k)) == 0)
			rc = hr_store_sync(s, &e);
	ok(rc < 0 && e.code == HR_IO, "a log that cannot be made is an error");
	run("cd %s/made/2*/tenant && rm acme", arch);
	hr_err_clear(&e);
	ok(hr_store_sync(s, &e) < 0 && e.code == HR_IO && hr_store_end(s, &e) < 0 && put_mark(s, &m, 1) < 0,
	    "after which nothing is kept");
	hr_store_close(s);
	ok(verifies() && (s = open_store(end_of(0))) != NULL, "and it can be gone on with");
	for (k = 1, rc = 0; k <= m.n && rc == 0; k++)
		if ((rc = put_transaction(s, &m, k)) == 0)
			rc = put_mark(s, &m, k);
	ok(rc == 0 && hr_store_end(s, &e) == 0 && verifies() && replay(&all, &m, &seen, 0) == 0 &&
	    reaches(&seen, &m, m.n, true, NULL), "and has all");
	hr_store_close(s);
}

/* A kill while a chain is made leaves none; a chain's name is behind those before it, whatever the clock says. */
static void
beginnings(void)
{
	struct hr_chain c, *list;
	struct hr_store *s;
	size_t n;

	keys = &plain;
	clean();
	s = open_store(end_of(0));
	hr_store_close(s);
	run("cd %s/made && mv 2* .new && rm .new/shared/* && mkdir .gone.x && touch .gone.x/y", arch);
	ok(hr_chain_list(arch, NULL, &list, &n, &e) == 0 && n == 0, "what is half made is no chain");
	hr_chain_list_free(list, n);
	s = open_store(end_of(0));
	ok(s != NULL && hr_chain_list(arch, NULL, &list, &n, &e) == 0 && n == 1, "and is made anew");
	hr_store_close(s);
	hr_chain_list_free(list, n);
	run("cd %s/made && ! ls -A | grep -q 'new\\|gone'", arch);
	ok(hr_chain_make(arch, "made", "20991231T235959.999999Z", &c, &e) == 0, "a clock that was put back");
	is(c.name, "21000101T000000.000000Z", "does not change the order of chains");
	hr_chain_clear(&c);
}

int
main(int argc, char *argv[])
{
	int rounds = argc > 1 ? atoi(argv[1]) : 40;
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : (uint64_t)getpid() * 1000;
	char path[64];
	int fd;
	static const char text[] = "one * hex:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n";

	if (mkdtemp(dir) == NULL || hr_keyring_open(&plain, NULL, &e) < 0)
		return 70;
	snprintf(path, sizeof(path), "%s/keys", dir);
	snprintf(arch, sizeof(arch), "%s/arch", dir);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
	if (fd < 0 || hr_file_write(fd, text, sizeof(text) - 1) < 0 || close(fd) < 0 ||
	    hr_keyring_open(&sealed, &(struct hr_keyring_options){ .file = path }, &e) < 0)
		return 70;
	lives(seed, rounds, &sealed, "sealed");
	lives(seed, rounds, &plain, "not sealed");
	tampering(&sealed, "sealed");
	tampering(&plain, "not sealed");
	failing();
	forged();
	strangers();
	beginnings();
	clean();
	unlink(path);
	rmdir(dir);
	hr_keyring_close(&sealed);
	hr_keyring_close(&plain);
	return tap_done();
}
