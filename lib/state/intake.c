/*
 * intake.c - from a stream to a store.
 *
 * While more input is there bundles grow and syncs are few; when it is quiet,
 * what came is made durable at once.
 */

#include "base/hr.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "state/chain_read.h"
#include "state/checkpoint.h"
#include "state/intake.h"

#define SYNC_BYTES	((size_t)8 << 20)	/* of frames, after which is synced in any case */
#define SYNC_US		INT64_C(100000)
#define WARN_US		INT64_C(30000000)	/* between warnings */
#define ROOM_US		100000
#define LOW_PARTS	10			/* a tenth of the file system, or of the limit, is little */

static void
add_joined(void *checkpoint, const char *tenant)
{
	struct hr_checkpoint *c = checkpoint;
	struct hr_tenant_position *t = hr_checkpoint_tenant(c, tenant);

	t->state = HR_STATE_STREAMING;
	t->lsn = c->lsn;
}

static int
write_checkpoint(struct hr_intake *k, struct hr_checkpoint *c, struct hr_err *e)
{
	struct hr_checkpoint filled = *c;
	int rc;

	/* Texts are the head's, tenants the file's own. */
	hr_store_joined(k->s, add_joined, &filled);
	rc = hr_checkpoint_save(&filled, k->checkpoint, true, e);
	filled.stream = filled.database = NULL;
	hr_checkpoint_clear(&filled);
	return rc;
}

static int
save(struct hr_intake *k, struct hr_err *e)
{
	const struct hr_head *h = &k->reader.head;
	struct hr_checkpoint c = { .stream = h->slot, .database = h->database, .system = h->system, .timeline = h->timeline,
	    .epoch = h->epoch, .state = hr_store_copying(k->s) ? HR_STATE_COPYING : HR_STATE_STREAMING,
	    .lsn = hr_store_lsn(k->s), .written = hr_now_pg_us() };

	if (k->checkpoint == NULL || (c.lsn == 0 && c.state == HR_STATE_STREAMING))
		return 0;
	if (c.lsn == k->told && hr_store_copying(k->s) == k->copying && hr_now_us() - k->said < 5000000)
		return 0;
	k->told = c.lsn;
	k->copying = hr_store_copying(k->s);
	k->said = hr_now_us();
	return write_checkpoint(k, &c, e);
}

/* Long before there is no room at all. */
static void
look_for_room(struct hr_intake *k)
{
	uint64_t bytes = hr_store_bytes(k->s);
	struct statvfs v;
	int64_t now = hr_now_us();

	if (k->warned && now - k->warned < WARN_US)
		return;
	if (k->most && bytes > k->most - k->most / LOW_PARTS * 2) {
		hr_log(HR_LOG_WARNING, "%" PRIu64 " of %" PRIu64 " MB are kept in '%s'; with all of them the input waits",
		    bytes >> 20, k->most >> 20, k->store.dir);
		k->warned = now;
	} else if (statvfs(k->store.dir, &v) == 0 && v.f_blocks && v.f_bavail < v.f_blocks / LOW_PARTS) {
		hr_log(HR_LOG_WARNING, "the file system of '%s' has %" PRIu64 " MB left; without any the input waits",
		    k->store.dir, (uint64_t)v.f_bavail * v.f_frsize >> 20);
		k->warned = now;
	}
}

static int
full(void *keep, const struct hr_err *why)
{
	struct hr_intake *k = keep;
	struct hr_err e = HR_ERR_INIT;
	int64_t now = hr_now_us();

	if (k->waited == 0 || now - k->waited > WARN_US) {
		struct hr_err said = *why;

		hr_within(&said, "the input waits, and nothing is lost");
		said.hint[0] = '\0';		/* it need not be started again */
		hr_hint(&said, "make room in '%s'", k->store.dir);
		hr_log_err(HR_LOG_WARNING, &said);
		k->waited = now;
	}
	return k->progress ? k->progress(k->arg, &e) : 0;
}

static int
sync_now(struct hr_intake *k, struct hr_err *e)
{
	if (hr_store_sync(k->s, e) < 0)
		return -1;
	k->since = 0;
	if (save(k, e) < 0)
		return -1;
	look_for_room(k);
	return k->progress ? k->progress(k->arg, e) : 0;
}

/* The input is quiet. */
static int
quiet(void *keep, struct hr_err *e)
{
	struct hr_intake *k = keep;

	return k->s == NULL ? 0 : sync_now(k, e);
}

/* At the limit: wait until what is kept has become less. */
static int
wait_for_room(struct hr_intake *k, struct hr_err *e)
{
	struct hr_err why = HR_ERR_INIT;

	while (k->most && hr_store_bytes(k->s) >= k->most) {
		if (hr_store_waiting(k->s) && sync_now(k, e) < 0)
			return -1;
		hr_fail(&why, HR_TEMPORARY, "%" PRIu64 " MB are kept, as much as may be", k->most >> 20);
		if (full(k, &why) < 0)
			return hr_fail(e, HR_TEMPORARY, "stopped");
		usleep(ROOM_US);
		hr_err_clear(&why);
	}
	return 0;
}

int
hr_intake_open(struct hr_intake *k, struct hr_err *e)
{
	struct hr_frame f;
	int more;

	k->s = NULL;
	if (hr_reader_open(&k->reader, k->fd, e) < 0)
		return -1;
	if ((more = hr_read(&k->reader, &f, e)) <= 0)
		return more < 0 ? -1 : hr_fail(e, HR_BAD_STREAM, "the stream has no head");
	k->store.full = full;
	k->store.arg = k;
	if (hr_store_open(&k->s, &k->store, &f, e) < 0)
		return -1;
	k->reader.wait = quiet;
	k->reader.wait_arg = k;
	return save(k, e);
}

/* As if the stream that was kept last went on where that ended. */
static int
open_behind(struct hr_intake *k, struct hr_chain_end *end, struct hr_err *e)
{
	struct hr_frame f = { .type = HR_FRAME_HEAD, .flags = HR_MUST | HR_ALL, .lsn = end->lsn };
	struct hr_buf b = HR_BUF_INIT;
	int rc;

	end->head.start = end->lsn;
	free(end->head.copy);
	end->head.copy = NULL;
	hr_head_encode(&end->head, &b);
	f.data = b.data;
	f.len = (uint32_t)b.len;
	rc = hr_head_decode(&k->reader.head, f.data, f.len, e) < 0 || hr_store_open(&k->s, &k->store, &f, e) < 0 ? -1 : 0;
	hr_buf_clear(&b);
	return rc;
}

/* Where the newest chain ends, if nobody else is at work on it. */
static int
find_end(struct hr_intake *k, const struct hr_chain *c, struct hr_chain_end *end, struct hr_err *e)
{
	struct hr_chain_position p;
	int lock, rc = hr_chain_lock(k->store.dir, c->stream, &lock, e);

	/* Who goes on finds a gap; here nobody would. */
	if (rc == 0 && hr_chain_position_load(c, &p, k->store.keys, e) < 0)
		rc = -1;
	if (rc == 0)
		rc = hr_chain_find_end(c, k->store.keys, end, e);
	if (lock >= 0)
		close(lock);
	return rc;
}

int
hr_intake_reopen(struct hr_intake *k, const char *stream, struct hr_err *e)
{
	struct hr_chain_end end = HR_CHAIN_END_INIT;
	struct hr_chain *list;
	size_t n, last;
	int rc;

	k->s = NULL;
	k->reader = (struct hr_reader){ .fd = -1, .head = HR_HEAD_INIT };
	k->store.full = full;
	k->store.arg = k;
	rc = hr_chain_list(k->store.dir, NULL, &list, &n, e);
	if (rc == 0)
		rc = hr_chain_only(list, n, k->store.dir, &stream, e);
	for (last = n; rc == 0 && last && strcmp(list[last - 1].stream, stream) != 0; last--)
		;
	if (rc == 0 && last == 0)
		rc = hr_fail(e, HR_REFUSED, stream ? "'%s' has no chain of stream '%s'" : "'%s' has no chain", k->store.dir, stream);
	if (rc == 0 && (rc = find_end(k, &list[last - 1], &end, e)) == 0)
		rc = open_behind(k, &end, e);
	hr_head_clear(&end.head);
	hr_chain_list_free(list, n);
	return rc < 0 ? -1 : 0;
}

int
hr_intake_run(struct hr_intake *k, struct hr_err *e)
{
	struct hr_err second = HR_ERR_INIT;
	struct hr_frame f;
	int more;

	if (hr_store_begin(k->s, e) < 0)
		return -1;
	while ((more = hr_read(&k->reader, &f, e)) > 0) {
		if (f.type == HR_FRAME_BLOCK)
			__atomic_store_n(&k->packed, true, __ATOMIC_RELAXED);
		if (hr_store_put(k->s, &f, e) < 0) {
			more = hr_within(e, "frame %" PRIu64, k->reader.seen.frames);
			break;
		}
		if (k->since == 0)
			k->since = hr_now_us();
		if ((hr_store_waiting(k->s) > SYNC_BYTES || hr_now_us() - k->since > SYNC_US) && sync_now(k, e) < 0)
			return -1;
		if (wait_for_room(k, e) < 0)
			return -1;
	}
	/* What came before the trouble is good, and is kept. */
	if (more < 0) {
		if (hr_store_sync(k->s, &second) == 0)
			(void)!save(k, &second);
		return -1;
	}
	k->said = 0;
	return hr_store_end(k->s, e) < 0 ? -1 : save(k, e);
}

void
hr_intake_close(struct hr_intake *k)
{
	hr_store_close(k->s);
	hr_reader_clear(&k->reader);
}
