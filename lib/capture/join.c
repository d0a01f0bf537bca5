/* join.c - requests, one after the other. */

#include "base/hr.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/lsn.h"
#include "capture/join.h"
#include "capture/snapshot.h"
#include "state/request.h"
#include "state/watch.h"

#define QUIET_MS	1000
#define BUSY_MS		5
#define AGAIN_US	5000000		/* after a failure that may pass */

enum stage { IDLE, ASKED, COMING, COPYING, WRITTEN };

struct hr_join {
	struct hr_capture *c;
	char *path;
	int watch;
	char **asked;			/* in the file */
	size_t asks;
	enum stage stage;
	char *tenant;			/* the one in hand */
	struct hr_conn *slot;
	struct hr_copy *copy;
	hr_lsn lsn, reached;
	int64_t again_at;
};

/* Of a list of tenants asked for in the configuration it becomes one, in this run. */
static void
admit(struct hr_capture *c, const char *tenant)
{
	struct hr_config *config = c->o->config;

	if (!hr_router_selects(c->router, tenant, strlen(tenant))) {
		hr_log(HR_LOG_WARNING, "tenant '%s' is not among the tenants asked for: put it there too, or the next "
		    "start is without it", tenant);
		config->tenant = hr_realloc(config->tenant, config->tenants + 1, sizeof(*config->tenant));
		config->tenant[config->tenants++] = hr_strdup(tenant);
		hr_router_select(c->router);
	}
	hr_emit_tenant(&c->emit, tenant, strlen(tenant))->selected = true;
}

static int
load(struct hr_join *j, struct hr_err *e)
{
	hr_request_free(j->asked, j->asks);
	return hr_request_load(j->path, &j->asked, &j->asks, e);
}

int
hr_join_open(struct hr_join **out, struct hr_capture *c, struct hr_err *e)
{
	struct hr_join *j = *out = hr_zalloc(sizeof(*j));

	j->c = c;
	j->path = hr_request_path(c->o->checkpoint);
	return (j->watch = hr_watch_open(j->path, e)) < 0 || load(j, e) < 0 ? -1 : 0;
}

void
hr_join_admit(struct hr_join *j)
{
	size_t i;

	for (i = 0; j && i < j->asks; i++)
		admit(j->c, j->asked[i]);
}

static void
drop(struct hr_join *j)
{
	hr_copy_close(j->copy);
	hr_conn_close(j->slot);
	j->copy = NULL;
	j->slot = NULL;
	free(j->tenant);
	j->tenant = NULL;
	j->stage = IDLE;
}

void
hr_join_close(struct hr_join *j)
{
	if (j == NULL)
		return;
	drop(j);
	if (j->watch >= 0)
		close(j->watch);
	hr_request_free(j->asked, j->asks);
	free(j->path);
	free(j);
}

char **
hr_join_asked(const struct hr_join *j, size_t *n)
{
	*n = j ? j->asks : 0;
	return j ? j->asked : NULL;
}

bool
hr_join_busy(const struct hr_join *j)
{
	return j && (j->asks || j->stage != IDLE);
}

void
hr_join_reached(struct hr_join *j, hr_lsn lsn)
{
	if (j && lsn > j->reached)
		j->reached = lsn;
}

/* The next one: from here on its changes are kept, and every later commit is later than the snapshot to come. */
static int
ask(struct hr_join *j, struct hr_err *e)
{
	struct hr_result *r;
	hr_lsn at = 0;

	j->tenant = hr_strdup(j->asked[0]);
	admit(j->c, j->tenant);
	/* Where the source writes: a later snapshot is after it, one of an earlier copy before. */
	if (hr_capture_sql(j->c, e) < 0 ||
	    hr_conn_query(j->c->sql, &r, "SELECT pg_catalog.pg_current_wal_insert_lsn()", 0, NULL, e) < 0)
		return -1;
	if (hr_lsn_parse(hr_result_get(r, 0, 0), &at) < 0)
		at = 0;
	hr_result_free(r);
	if (hr_copy_hold(j->c, j->tenant, at, e) < 0)
		return -1;
	if (hr_conn_open(&j->slot, j->c->o->conninfo, HR_CONN_REPLICATION, e) < 0 ||
	    hr_repl_snapshot_ask(j->slot, e) < 0)
		return -1;
	j->stage = ASKED;
	hr_log(HR_LOG_NOTE, "tenant '%s' is to be copied: taking a snapshot", j->tenant);
	return 0;
}

static int
look(struct hr_join *j, struct hr_err *e)
{
	char snapshot[64];
	int rc = hr_repl_snapshot_look(j->slot, snapshot, &j->lsn, e);

	if (rc <= 0)
		return rc;
	if (hr_copy_open(&j->copy, j->c, snapshot, j->lsn, j->tenant, e) < 0)
		return -1;
	hr_conn_close(j->slot);	/* and its slot */
	j->slot = NULL;
	j->stage = COMING;
	return 0;
}

/* The stream has passed the snapshot: what it says of all from now on is later than the copy. */
static int
begin(struct hr_join *j, struct hr_err *e)
{
	struct hr_capture *c = j->c;

	if (j->reached < j->lsn)
		return hr_capture_ask(c, e);
	if (hr_capture_sql(c, e) < 0 || hr_capture_tables(c, e) < 0 ||
	    hr_emit_watermark(&c->emit, j->reached, 0, true, e) < 0 || hr_copy_start(j->copy, e) < 0)
		return -1;
	j->stage = COPYING;
	return 0;
}

/* What goes wrong with one tenant's copy is no trouble of the others. */
static int
failed(struct hr_join *j, struct hr_err *e)
{
	bool stream = e->code == HR_IO || e->sqlstate[0] == '\0';

	if (stream && !hr_err_retryable(e))
		return -1;
	hr_within(e, "the copy of tenant '%s'", j->tenant);
	hr_hint(e, "it is begun anew in a moment; to give it up, take the tenant out of '%s'", j->path);
	hr_log_err(HR_LOG_WARNING, e);
	hr_err_clear(e);
	drop(j);
	j->again_at = hr_now_us() + AGAIN_US;
	return QUIET_MS;
}

int
hr_join_step(struct hr_join *j, struct hr_err *e)
{
	int rc = 0, wait = BUSY_MS;

	if (j == NULL)
		return QUIET_MS;
	if (hr_watch_drain(j->watch, j->path) && load(j, e) < 0)
		return -1;
	switch (j->stage) {
	case IDLE:
		if (j->asks == 0 || hr_now_us() < j->again_at)
			return QUIET_MS;
		rc = ask(j, e);
		break;
	case ASKED:
		rc = look(j, e);
		break;
	case COMING:
		rc = begin(j, e);
		break;
	case COPYING:
		rc = hr_copy_step(j->copy, e);
		if (rc == 2)
			wait = 0;
		if (rc == 0) {
			hr_copy_close(j->copy);
			j->copy = NULL;
			j->stage = WRITTEN;
		}
		break;
	case WRITTEN:
		wait = QUIET_MS;
		break;
	}
	return rc < 0 ? failed(j, e) : wait;
}

int
hr_join_answer(struct hr_join *j, const struct hr_checkpoint *cp, struct hr_err *e)
{
	const struct hr_tenant_position *t;

	/* A file that knows of the snapshot's position knows that the changes were kept before. */
	if (j == NULL || j->stage != WRITTEN || cp->lsn < j->lsn || (t = hr_checkpoint_find(cp, j->tenant)) == NULL ||
	    t->state == HR_STATE_COPYING)
		return 0;
	if (t->state == HR_STATE_PARKED)
		hr_log(HR_LOG_WARNING, "the copy of tenant '%s' was refused by the target: %s", j->tenant,
		    t->reason ? t->reason : "");
	else
		hr_log(HR_LOG_NOTE, "the target has the copy of tenant '%s'", j->tenant);
	if (hr_request_put(j->path, j->tenant, false, e) < 0)
		return -1;
	drop(j);
	return load(j, e);
}
