/*
 * resume.c - the first copy: begun at a new slot's first position, or gone on
 * with after it was cut.
 *
 * What the target has of a copy is as of a position: the changes that commit
 * before it are in.  To go on, a snapshot is taken from a slot made for just
 * that, the stream catches up to it, and the rest is copied as of it, so that
 * in the end all of it is as of one position again.
 */

#include "base/hr.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/lsn.h"
#include "capture/capture.h"
#include "capture/snapshot.h"
#include "state/watch.h"

#define ANSWER_US	10000000	/* for the target to say what it has */

int
hr_capture_copy(struct hr_capture *c, const char *snapshot, hr_lsn lsn, struct hr_err *e)
{
	struct hr_copy *y;
	int rc = hr_copy_open(&y, c, snapshot, lsn, NULL, e);

	/* It waited for transactions, and they may have made tables. */
	if (rc == 0)
		rc = hr_capture_tables(c, e);
	if (rc == 0)
		rc = hr_capture_head(c, lsn, "first", e);
	if (rc == 0)
		rc = hr_copy_run(y, NULL, e);
	hr_copy_close(y);
	return rc;
}

/* Connections in a snapshot of now, and where in the WAL that is. */
static int
open_now(struct hr_copy **y, struct hr_capture *c, hr_lsn *lsn, struct hr_err *e)
{
	struct hr_conn *r;
	char snapshot[64];
	int rc;

	*y = NULL;
	if (hr_conn_open(&r, c->o->conninfo, HR_CONN_REPLICATION, e) < 0)
		return hr_within(e, "source");
	rc = hr_repl_snapshot(r, snapshot, lsn, e);
	if (rc < 0)
		hr_within(e, "cannot take a snapshot to go on with the first copy");
	else
		rc = hr_copy_open(y, c, snapshot, *lsn, NULL, e);
	hr_conn_close(r);	/* and its slot */
	return rc;
}

/* The target has caught up, if it can say so: what it has is in the file then. */
static int
wait_for_answer(struct hr_capture *c, hr_lsn lsn, struct hr_checkpoint *cp, struct hr_err *e)
{
	int64_t until = hr_now_us() + ANSWER_US;

	for (;;) {
		struct pollfd p[2] = { { c->watch, POLLIN, 0 }, { STDOUT_FILENO, 0, 0 } };

		hr_checkpoint_clear(cp);
		if (hr_capture_look(c, cp, e) < 0)
			return -1;
		if (c->acked >= lsn || hr_now_us() > until)
			return 0;
		if (hr_capture_stopping())
			return hr_fail(e, HR_TEMPORARY, "stopped during the first copy");
		if (poll(p, 2, 200) > 0) {
			if (p[1].revents & POLLERR)
				return hr_fail(e, HR_TEMPORARY, "cannot write the stream: its reader has gone");
			(void)!hr_watch_drain(c->watch, c->o->checkpoint);
		}
	}
}

static int
catch_up(struct hr_capture *c, struct hr_copy *y, const struct hr_checkpoint *have, hr_lsn from, hr_lsn lsn,
    struct hr_err *e)
{
	int rc;

	if (lsn < from) {
		hr_fail(e, HR_REFUSED, "the target has %s, the source is at %s only", HR_LSN(from), HR_LSN(lsn));
		return hr_hint(e, "was the source restored? copy again, with a new slot");
	}
	/* Where a table, or a column, has gone since, its row is not to be found, and that is all. */
	if (hr_capture_tables(c, e) < 0 || hr_capture_head(c, from, "resumed", e) < 0 ||
	    hr_conn_exec(hr_copy_conn(y), "SAVEPOINT hr", e) < 0)
		return -1;
	c->as_of = hr_copy_conn(y);
	c->have = have;
	rc = hr_capture_until(c, from, lsn, e);
	c->as_of = NULL;
	c->have = NULL;
	return rc;
}

bool
hr_capture_has_whole(const struct hr_capture *c, uint32_t relation)
{
	size_t i;

	for (i = 0; i < c->have->parts; i++)
		if (c->have->part[i].relation == relation && c->have->part[i].of == 0)
			return true;
	return false;
}

int
hr_capture_resume(struct hr_capture *c, hr_lsn *from, struct hr_err *e)
{
	struct hr_checkpoint have = HR_CHECKPOINT_INIT;
	struct hr_copy *y;
	hr_lsn lsn;
	int rc;

	hr_log(HR_LOG_NOTE, "the first copy was not completed, going on with it from %s", HR_LSN(*from));
	rc = open_now(&y, c, &lsn, e);
	/* It may lag, and says less then. */
	if (rc == 0)
		rc = hr_capture_look(c, &have, e);
	if (rc == 0)
		rc = catch_up(c, y, &have, *from, lsn, e);
	if (rc == 0)
		rc = wait_for_answer(c, lsn, &have, e);
	if (rc == 0 && have.state == HR_STATE_STREAMING)
		hr_log(HR_LOG_NOTE, "the target says that the first copy is complete");
	else if (rc == 0)
		rc = hr_copy_run(y, &have, e);
	hr_copy_close(y);
	hr_checkpoint_clear(&have);
	*from = lsn;
	return rc;
}
