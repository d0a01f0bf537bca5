/*
 * capture.c - the connection to the source: begin, follow, lose, find, end.
 *
 * What flows back is the checkpoint file: its LSN is what the target has made
 * durable, and only that is reported to the source as flushed.
 */

#include "base/hr.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/lsn.h"
#include "capture/capture.h"
#include "capture/join.h"
#include "state/checkpoint.h"
#include "state/metrics.h"
#include "state/watch.h"
#include "stream/mark.h"

#define RECONNECT_US	60000000	/* how long a lost source is looked for */
#define BUSY_SLOT_US	10000000	/* how long a slot in use is waited for */
#define BEHIND_US	50000		/* a commit this old: gather, do not hurry */
#define GATHER_US	400		/* let the source send more at a time */
#define LINGER_US	3000000		/* after the reader went: its checkpoint */
#define SILENCE_US	15000000	/* a checkpoint not renewed for so long is dead */
#define CLOSE_US	2000000		/* after the end: let the reader see it */
#define IDLE_US		10000000	/* between watermarks of an idle source */
#define IDLE_BYTES	(16 << 20)
#define SETTLE_US	200000	/* quiet for so long: say how far all is complete; then ever less often */
#define METRICS_US	1000000

static volatile sig_atomic_t stopping;

static void
stop(int sig)
{
	(void)sig;
	stopping = 1;
}

bool
hr_capture_stopping(void)
{
	return stopping;
}

/* Read the checkpoint file; keep its position when it is of this stream. */
int
hr_capture_look(struct hr_capture *c, struct hr_checkpoint *keep, struct hr_err *e)
{
	struct hr_checkpoint cp = HR_CHECKPOINT_INIT;
	int rc = hr_checkpoint_load(&cp, c->o->checkpoint, e);

	if (rc < 0 && e->code == HR_BAD_STREAM && keep)
		return hr_hint(e, "remove the file: hr-apply writes it again from what the target has");
	if (rc < 0 && e->code == HR_BAD_STREAM) {
		/* It is looked at again when it changes. */
		hr_log_err(HR_LOG_WARNING, e);
		hr_err_clear(e);
		rc = 0;
	}
	if (rc == 1 && hr_checkpoint_is_of(&cp, c->id.system, c->o->slot)) {
		if (cp.epoch > c->o->epoch) {
			hr_fail(e, HR_REFUSED, "the target is at epoch %" PRIu64 ", this is epoch %" PRIu64,
			    cp.epoch, c->o->epoch);
			hr_hint(e, "this source was fenced off; do not go on from it");
			rc = -1;
		} else {
			if (cp.lsn > c->acked)
				c->acked = cp.lsn;
			c->acked_at = hr_now_us();
			rc = hr_join_answer(c->join, &cp, e);
			if (keep) {
				*keep = cp;
				return rc;
			}
		}
	} else if (rc == 1)
		rc = 0;
	hr_checkpoint_clear(&cp);
	return rc;
}

/* Now and then, and at the end.  Metrics that cannot be written are no reason to stop. */
static void
measure(struct hr_capture *c, bool now)
{
	struct hr_metrics m = HR_METRICS_INIT;
	struct hr_err e = HR_ERR_INIT;

	if (c->o->metrics == NULL || (!now && hr_now_us() - c->metrics_at < METRICS_US))
		return;
	c->metrics_at = hr_now_us();
	hr_metric(&m, "hr_rows_replicated_total", "counter", "Rows written to the stream.");
	hr_metric_sample(&m, "capture", NULL, NULL, (double)c->emit.rows);
	hr_metric(&m, "hr_transactions_replicated_total", "counter", "Transactions written to the stream.");
	hr_metric_sample(&m, "capture", NULL, NULL, (double)c->emit.transactions);
	hr_metric(&m, "hr_bytes_replicated_total", "counter", "Bytes of the stream.");
	hr_metric_sample(&m, "capture", NULL, NULL, (double)c->writer.seen.bytes);
	hr_metric(&m, "hr_replication_lag_bytes", "gauge", "WAL the source has sent or skipped and the target has not confirmed.");
	hr_metric_sample(&m, "capture", NULL, NULL, c->received > c->acked ? (double)(c->received - c->acked) : 0);
	hr_metric(&m, "hr_replication_errors_total", "counter", "Connections to the source that were lost.");
	hr_metric_sample(&m, "capture", "reason", "connection", (double)c->losses);
	if (hr_metrics_save(&m, c->o->metrics, &e) < 0)
		hr_log_err(HR_LOG_WARNING, &e);
	hr_metrics_clear(&m);
}

static int
send_status(struct hr_capture *c, bool want_reply, struct hr_err *e)
{
	hr_lsn flushed = hr_parents_restart(&c->parents, c->acked < c->emit.watermark ? c->acked : c->emit.watermark);

	c->status_at = hr_now_us();
	if (c->repl == NULL)
		return 0;
	return hr_repl_status(c->repl, c->received, flushed, want_reply, e);
}

void
hr_capture_keep_alive(struct hr_capture *c)
{
	struct hr_err lost = HR_ERR_INIT;

	/* A lost source is noticed where it is read. */
	if (hr_now_us() - c->status_at > c->o->status_us)
		(void)!send_status(c, false, &lost);
}

int
hr_capture_ask(struct hr_capture *c, struct hr_err *e)
{
	return hr_now_us() - c->status_at > 20000 ? send_status(c, true, e) : 0;
}

/* The checkpoint has changed: tell the source at once. */
static int
follow_checkpoint(struct hr_capture *c, struct hr_err *e)
{
	hr_lsn before = c->acked;

	if (!hr_watch_drain(c->watch, c->o->checkpoint))
		return 0;
	c->acked_at = hr_now_us();
	if (hr_capture_look(c, NULL, e) < 0)
		return -1;
	return c->acked > before ? send_status(c, false, e) : 0;
}

/* stdout would block: keep the source content meanwhile. */
static int
wait_for_reader(void *arg, int fd, struct hr_err *e)
{
	struct hr_capture *c = arg;
	struct hr_err lost = HR_ERR_INIT;

	for (;;) {
		struct pollfd p[2] = { { fd, POLLOUT, 0 }, { c->watch, POLLIN, 0 } };
		int n = poll(p, 2, 1000);

		if (n < 0 && errno != EINTR)
			return hr_fail_sys(e, "cannot wait for the stream's reader");
		/* A lost source is noticed where it is read. */
		if (n > 0 && p[1].revents && follow_checkpoint(c, &lost) < 0 && lost.code == HR_REFUSED) {
			*e = lost;
			return -1;
		}
		hr_capture_keep_alive(c);
		if (n > 0 && p[0].revents)
			return 0;
	}
}

int
hr_capture_sql(struct hr_capture *c, struct hr_err *e)
{
	if (hr_conn_alive(c->sql))
		return 0;
	hr_conn_close(c->sql);
	c->sql = NULL;
	if (hr_conn_open(&c->sql, c->o->conninfo, HR_CONN_PLAIN, e) < 0)
		return -1;
	/* Rather an error than rows left out. */
	return hr_conn_exec(c->sql, "SET row_security = off", e);
}

static int
open_source(struct hr_capture *c, struct hr_err *e)
{
	struct hr_repl_id id = { 0 };

	if (hr_conn_open(&c->repl, c->o->conninfo, HR_CONN_REPLICATION, e) < 0)
		return hr_within(e, "source");
	if (hr_repl_identify(c->repl, &id, e) < 0)
		return hr_within(e, "source");
	if (c->id.system && id.system != c->id.system) {
		hr_fail(e, HR_REFUSED, "the source is another system now: %" PRIu64 ", was %" PRIu64,
		    id.system, c->id.system);
		return hr_hint(e, "does the connection string name the right server?");
	}
	c->id = id;
	return 0;
}

static int
slot_is_usable(struct hr_capture *c, const struct hr_repl_slot *s, struct hr_err *e)
{
	const char *slot = c->o->slot;

	if (!s->exists) {
		hr_fail(e, HR_CONFIG, "replication slot '%s' does not exist", slot);
		return hr_hint(e, "make it with --create-slot, and copy first with --snapshot");
	}
	if (!s->logical || strcmp(s->plugin, "pgoutput") != 0) {
		hr_fail(e, HR_CONFIG, "replication slot '%s' is not one of pgoutput", slot);
		return hr_hint(e, "choose another name and --create-slot");
	}
	if (strcmp(s->database, c->id.database) != 0) {
		hr_fail(e, HR_CONFIG, "replication slot '%s' is of database '%s', not '%s'", slot,
		    s->database, c->id.database);
		return hr_hint(e, "connect to that database");
	}
	if (s->lost && s->why_lost[0] && strcmp(s->why_lost, "wal_removed") != 0) {
		hr_fail(e, HR_CONFIG, "replication slot '%s' was invalidated: %s", slot, s->why_lost);
		return hr_hint(e, "drop it and copy again with --create-slot --snapshot%s",
		    strcmp(s->why_lost, "idle_timeout") == 0 ? "; look at idle_replication_slot_timeout" : "");
	}
	if (s->lost) {
		hr_fail(e, HR_CONFIG, "replication slot '%s' was invalidated: the source removed WAL it needed", slot);
		return hr_hint(e, "drop it and copy again with --create-slot --snapshot; "
		    "look at max_slot_wal_keep_size");
	}
	if (s->two_phase) {
		hr_fail(e, HR_CONFIG, "replication slot '%s' was made with two_phase", slot);
		return hr_hint(e, "make one without");
	}
	return 0;
}

static bool
has_parents(const struct hr_capture *c)
{
	size_t i;

	for (i = 0; i < c->o->config->tables; i++)
		if (c->o->config->table[i].tenancy == HR_TENANCY_PARENT)
			return true;
	return false;
}

/* START_REPLICATION, with some patience for the last user of the slot. */
static int
start(struct hr_capture *c, hr_lsn from, struct hr_err *e)
{
	int64_t until = hr_now_us() + BUSY_SLOT_US;

	/* What others did to parents is left out, and has to be known. */
	while (hr_repl_start(c->repl, c->o->slot, from, c->o->publication, c->o->local_only && !has_parents(c), e) < 0) {
		if (strcmp(e->sqlstate, "55006") != 0)
			return -1;
		hr_hint(e, "is another hr-capture running?");
		if (hr_now_us() > until || stopping)
			return -1;
		hr_err_clear(e);
		usleep(100000);
	}
	c->received = from;
	return send_status(c, false, e);
}

/*
 * Find the source again.  Everything up to emit.complete is in the stream, and
 * so may be the first changes of a transaction that was open: it comes again
 * from its beginning, and those are skipped.
 */
static int
reconnect(struct hr_capture *c, struct hr_err *e)
{
	int64_t until = hr_now_us() + RECONNECT_US;
	unsigned int pause_us = 100000;
	hr_lsn from = c->emit.complete > c->emit.watermark ? c->emit.complete : c->emit.watermark;
	struct hr_err why = *e;

	c->losses++;
	hr_log(HR_LOG_WARNING, "source: %s; reconnecting", e->what);
	if (c->emit.open) {
		if (c->changes > c->skip)
			c->skip = c->changes;
		c->resumed = c->emit.commit;
		c->resumed_xid = c->emit.xid;
	}
	hr_spill_clear(&c->spill);
	c->in_stream = c->replaying = false;
	for (;;) {
		struct hr_repl_slot s;

		hr_conn_close(c->repl);
		c->repl = NULL;
		hr_err_clear(e);
		if (open_source(c, e) == 0 && hr_repl_slot(c->repl, c->o->slot, &s, e) == 0) {
			if (slot_is_usable(c, &s, e) < 0)
				return -1;
			if (s.confirmed > from) {
				hr_fail(e, HR_REFUSED, "replication slot '%s' is at %s, the stream only at %s: "
				    "changes are missing", c->o->slot, HR_LSN(s.confirmed), HR_LSN(from));
				return hr_hint(e, "was the slot recreated or read by another? copy again");
			}
			if (start(c, from, e) == 0) {
				hr_log(HR_LOG_NOTE, "source: connected again, from %s", HR_LSN(from));
				return 0;
			}
		}
		/* A server that starts up says so with states of class 57. */
		if (!hr_err_retryable(e))
			return -1;
		if (hr_now_us() > until || stopping) {
			*e = why;
			hr_within(e, "source lost and not found again");
			return -1;
		}
		usleep(pause_us);
		if (pause_us < 3000000)
			pause_us *= 2;
	}
}

/* By what time all was committed that ends at or before the LSN. */
static int64_t
time_at(struct hr_capture *c, hr_lsn lsn)
{
	struct hr_err ignored = HR_ERR_INIT;

	return hr_capture_sql(c, &ignored) < 0 ? c->emit.complete_time :
	    hr_wal_end_time(&c->ahead, c->sql, lsn, c->emit.complete_time);
}

static int
watermark(struct hr_capture *c, hr_lsn lsn, bool idle, struct hr_err *e)
{
	if (hr_capture_sequences(c, false, e) < 0)
		return -1;
	c->ddl.said = false;
	if (idle)
		c->said_time = c->sent_time;
	return hr_emit_watermark(&c->emit, lsn, idle ? time_at(c, lsn) : c->emit.complete_time, idle, e);
}

static int
keepalive(struct hr_capture *c, const struct hr_repl_msg *m, int64_t *idle_at, struct hr_err *e)
{
	if (m->wal_end > c->received)
		c->received = m->wal_end;
	if (!c->emit.open && !c->in_stream)
		hr_join_reached(c->join, m->wal_end);
	if (!c->emit.open && !c->in_stream && !c->emit.news && m->wal_end == c->emit.watermark && c->settling &&
	    m->time - c->said_time > IDLE_US) {
		c->settling = false;
		if (watermark(c, m->wal_end, true, e) < 0)
			return -1;
	}
	if (!c->emit.open && !c->in_stream && m->wal_end > c->emit.watermark) {
		int64_t now = hr_now_us();
		bool due = c->settling || m->wal_end - c->emit.watermark > IDLE_BYTES;

		c->settling = false;

		/*
		 * An idle database beside a busy one: the slot moves on.  A server
		 * that wants an answer may be shutting down and wait for us.
		 */
		if (c->emit.news && watermark(c, c->emit.complete, false, e) < 0)
			return -1;
		if ((due || (m->reply && now - *idle_at > 100000)) && m->wal_end > c->emit.watermark) {
			*idle_at = now;
			if (watermark(c, m->wal_end, true, e) < 0)
				return -1;
		}
	}
	if (c->endpos && m->wal_end >= c->endpos && !c->emit.open && !c->in_stream)
		c->past_endpos = true;
	return m->reply ? send_status(c, false, e) : 0;
}

/* Nothing has come: pass on what waits, then wait for something. */
static int
quiet(struct hr_capture *c, bool behind, int most, struct hr_err *e)
{
	struct pollfd p[3] = {
		{ hr_conn_socket(c->repl), POLLIN, 0 }, { c->watch, POLLIN, 0 }, { STDOUT_FILENO, 0, 0 },
	};
	int64_t now;
	int timeout = 1000, n;

	if (behind && c->emit.waiting) {
		/* Let more come, so that frames and writes are large. */
		struct timespec nap = { 0, GATHER_US * 1000 };

		nanosleep(&nap, NULL);
		if (poll(p, 1, 2) > 0)
			return 0;
	}
	/* What left nothing in the stream can wait until all is quiet. */
	if (!c->emit.open && c->emit.news && watermark(c, c->emit.complete, false, e) < 0)
		return -1;
	now = hr_now_us();
	if (c->settle_us == 0) {
		c->settle_us = SETTLE_US;
		c->settle_at = now + SETTLE_US;
	}
	if (c->endpos)
		timeout = 50;
	else if (c->settle_at - now < timeout * 1000)
		timeout = c->settle_at > now ? (int)((c->settle_at - now) / 1000) + 1 : 0;
	n = poll(p, 3, timeout < most ? timeout : most);
	if (n < 0 && errno != EINTR)
		return hr_fail_sys(e, "cannot wait for the source");
	if (n > 0 && (p[2].revents & POLLERR)) {
		hr_fail(e, HR_TEMPORARY, "cannot write the stream: its reader has gone");
		return hr_hint(e, "look at what the stage behind says");
	}
	if (n > 0 && p[1].revents && follow_checkpoint(c, e) < 0)
		return -1;
	measure(c, false);
	/* What was drawn behind the last watermark. */
	if (!c->emit.open && !c->in_stream &&
	    (hr_capture_sequences(c, false, e) < 0 || hr_flush(&c->writer, e) < 0))
		return -1;
	now = hr_now_us();
	/* Quiet at last, or waiting for endpos: ask how far the source has read. */
	if (n == 0 && (c->endpos || now >= c->settle_at)) {
		c->settling = now >= c->settle_at;
		if (c->settling) {
			c->settle_us = c->settle_us < IDLE_US / 2 ? 2 * c->settle_us : IDLE_US;
			c->settle_at = now + c->settle_us;
		}
		return send_status(c, true, e);
	}
	if (now - c->status_at > c->o->status_us)
		return send_status(c, false, e);
	return 0;
}

static int
resolve_endpos(struct hr_capture *c, struct hr_err *e)
{
	struct hr_wal_end now;

	c->endpos = c->o->has_endpos ? c->o->endpos : 0;
	if (hr_wal_end_ask(&now, c->sql, e) < 0)
		return -1;
	if (c->began == 0)
		c->began = now.lsn;
	if (c->o->endpos_now)
		c->endpos = now.lsn;
	return 0;
}

/* An end of now is a now behind the copies that were asked for. */
static int
again(struct hr_capture *c, struct hr_err *e)
{
	if (!c->late_end || hr_join_busy(c->join))
		return 0;
	c->late_end = false;
	return hr_capture_sql(c, e) < 0 ? -1 : resolve_endpos(c, e);
}

static int
follow(struct hr_capture *c, struct hr_err *e)
{
	int64_t idle_at = hr_now_us();
	unsigned int n = 0;
	bool behind = false;
	int wait = 1000;

	while (!stopping && !c->past_endpos) {
		struct hr_repl_msg m = { 0 };
		int rc = hr_repl_read(c->repl, &m, e);

		if (rc == 1 && m.keepalive) {
			behind = false;
			c->sent_time = m.time;
			rc = keepalive(c, &m, &idle_at, e);
		} else if (rc == 1) {
			c->sent_time = m.time;
			if (m.wal_end > c->received)
				c->received = m.wal_end;
			rc = hr_capture_message(c, m.data, m.len, e);
			if (c->emit.news)
				c->settle_us = 0;
			if (rc == 0 && !c->emit.open) {
				behind = m.time - c->emit.complete_time > BEHIND_US;
				/* What comes behind a changed table may need that to be committed. */
				if (hr_emit_full(&c->emit) || (c->ddl.said && c->emit.news))
					rc = watermark(c, c->emit.complete, false, e);
			}
			if (rc == 0 && (++n & 1023) == 0) {
				if (hr_now_us() - c->status_at > c->o->status_us)
					rc = send_status(c, false, e);
				if (rc == 0 && c->watch >= 0)
					rc = follow_checkpoint(c, e);
				measure(c, false);
			}
		} else if (rc == 0)
			rc = quiet(c, behind, wait, e);
		/* A tenant is copied between transactions. */
		if (rc == 0 && c->join && !c->emit.open && !c->as_of && (m.data == NULL || (n & 15) == 0 || wait == 0)) {
			wait = hr_join_step(c->join, e);
			rc = wait < 0 ? -1 : again(c, e);
		}
		if (rc < 0) {
			/* What the source did may pass; what our reader did does not. */
			if (!hr_err_retryable(e) || e->sqlstate[0] == '\0')
				return -1;
			if (reconnect(c, e) < 0)
				return -1;
		}
	}
	return 0;
}

/* The stream is complete: wait until the target says so, then tell the slot. */
static int
wait_for_target(struct hr_capture *c, struct hr_err *e)
{
	hr_lsn last = c->emit.watermark;
	int64_t ended_at = hr_now_us();
	bool gone = false, closed = false;

	c->acked_at = ended_at;
	if (hr_capture_look(c, NULL, e) < 0)
		return -1;
	while (c->acked < last) {
		struct pollfd p[2] = { { gone || closed ? -1 : STDOUT_FILENO, 0, 0 }, { c->watch, POLLIN, 0 } };
		struct hr_err lost = HR_ERR_INIT;

		/* Stages between us and the target may wait for the end of the file. */
		if (!closed && hr_now_us() - ended_at > CLOSE_US) {
			close(STDOUT_FILENO);
			closed = true;
		}

		if (poll(p, 2, 200) < 0 && errno != EINTR)
			return hr_fail_sys(e, "cannot wait for the target");
		if (p[0].revents & (POLLERR | POLLHUP | POLLNVAL))
			gone = true;
		if (p[1].revents && follow_checkpoint(c, &lost) < 0) {
			*e = lost;
			return -1;
		}
		hr_capture_keep_alive(c);
		/* hr-apply renews the file every second for as long as it lives. */
		if (c->acked < last && hr_now_us() - c->acked_at > (gone || stopping ? LINGER_US : SILENCE_US)) {
			hr_fail(e, HR_TEMPORARY, "the target has confirmed only %s of %s in '%s'",
			    HR_LSN(c->acked), HR_LSN(last), c->o->checkpoint);
			return hr_hint(e, "look at what hr-apply says; nothing is lost, start again");
		}
	}
	return send_status(c, false, e);
}

static int
finish(struct hr_capture *c, struct hr_err *e)
{
	int rc = 0;

	/* What is handed over at an end is exact. */
	if (!c->emit.open && c->endpos && !stopping && hr_capture_sequences(c, true, e) < 0)
		return -1;
	if (c->endpos && !stopping) {
		hr_lsn last = c->emit.complete > c->endpos ? c->emit.complete : c->endpos;

		if (last < c->emit.watermark)
			last = c->emit.watermark;
		/* Also when nothing is new: the target must know where it stands. */
		if (watermark(c, last, c->emit.complete <= c->emit.watermark, e) < 0)
			return -1;
	} else if (!c->emit.open && c->emit.complete > c->emit.watermark &&
	    watermark(c, c->emit.complete, false, e) < 0)
		return -1;
	if (hr_write_end(&c->writer, e) < 0)
		return -1;
	/* A job never comes past what it read ahead of its end. */
	if (c->endpos && !stopping)
		c->parents.holds = 0;
	if (c->o->checkpoint)
		rc = wait_for_target(c, e);
	close(STDOUT_FILENO);
	if (rc == 0 && c->repl) {
		struct hr_err ignored = HR_ERR_INIT;

		(void)!hr_repl_stop(c->repl, &ignored);
	}
	return rc;
}

int
hr_capture_head(struct hr_capture *c, hr_lsn from, const char *copy, struct hr_err *e)
{
	size_t asks;
	char **asked = hr_join_asked(c->join, &asks);
	char created[HR_TIME_TEXT], *via[1] = { (char *)"hr-capture " HR_VERSION };
	struct hr_head h = {
		.version = HR_STREAM_VERSION, .system = c->id.system, .timeline = c->id.timeline,
		.timeline_begin = c->id.timeline_begin, .database = c->id.database,
		.slot = (char *)c->o->slot, .publication = (char *)c->o->publication,
		.epoch = c->o->epoch, .start = from, .server_version = hr_conn_server_version(c->sql),
		.encoding = (char *)"UTF8", .created = created,
		.tenant = c->o->config->tenant, .tenants = c->o->config->tenants,
		.copy = (char *)copy,
		/* Not before a first copy is over. */
		.asked = copy ? NULL : asked, .asks = copy ? 0 : asks, .via = via, .vias = 1,
	};

	hr_time_format(created, hr_now_pg_us());
	if (hr_write_head(&c->writer, &h, e) < 0)
		return -1;
	c->emit.complete = c->emit.watermark = from;
	return hr_flush(&c->writer, e);
}

/* Refuse at once what --check refuses. */
static int
check_tables(struct hr_capture *c, struct hr_err *e)
{
	size_t i;

	for (i = 0; i < c->tables.tables; i++) {
		struct hr_source_table *t = &c->tables.table[i];
		struct hr_route route;
		int k, keys = 0;

		if (hr_capture_decide(c, t->relation, t->publishes_changes, &route, e) < 0)
			return -1;
		for (k = 0; k < t->relation->columns; k++)
			keys += t->relation->column[k].key;
		if (keys == 0 && t->publishes_changes && route.tenancy != HR_TENANCY_NONE)
			hr_log(HR_LOG_NOTE, "'%s.%s' has no replica identity: the source refuses UPDATE and "
			    "DELETE of it", t->relation->schema, t->relation->name);
		hr_route_drop(&route);
	}
	return 0;
}

int
hr_capture_tables(struct hr_capture *c, struct hr_err *e)
{
	hr_source_tables_clear(&c->tables);
	if (hr_types_load(&c->types, c->sql, e) < 0 ||
	    hr_source_tables(&c->tables, c->sql, c->o->publication, &c->types, e) < 0)
		return -1;
	return check_tables(c, e);
}

int
hr_capture_until(struct hr_capture *c, hr_lsn from, hr_lsn until, struct hr_err *e)
{
	hr_lsn end = c->endpos;
	bool there;

	if (start(c, from, e) < 0)
		return -1;
	c->endpos = until - 1;
	if (follow(c, e) < 0)
		return -1;
	there = c->past_endpos;
	c->endpos = end;
	c->past_endpos = c->in_stream = false;
	hr_spill_clear(&c->spill);
	if (!there)
		return hr_fail(e, HR_TEMPORARY, "stopped during the first copy");
	/* Said at once, with or without rows before it. */
	return watermark(c, until, true, e) < 0 ? -1 : hr_repl_stop(c->repl, e);
}

/*
 * The slot and where to begin.  With --snapshot a copy comes first unless the
 * checkpoint says it was completed; one that was not is gone on with.
 */
static int
begin(struct hr_capture *c, struct hr_err *e)
{
	struct hr_checkpoint have = HR_CHECKPOINT_INIT;
	struct hr_repl_slot s;
	char snapshot[64];
	bool copied;
	hr_lsn from;

	if (hr_repl_slot(c->repl, c->o->slot, &s, e) < 0)
		return -1;
	if (c->o->checkpoint && hr_capture_look(c, &have, e) < 0)
		return -1;
	copied = have.state == HR_STATE_STREAMING;
	hr_checkpoint_clear(&have);
	if (s.exists && c->o->snapshot && !copied && (!c->o->checkpoint || !c->o->create_slot)) {
		hr_fail(e, HR_CONFIG, "replication slot '%s' exists, and nothing says whether its first copy "
		    "was completed", c->o->slot);
		return hr_hint(e, "leave out --snapshot to go on from it, or drop it with --drop-slot; "
		    "with --create-slot and --checkpoint FILE this is decided by itself");
	}
	if (!s.exists && c->o->create_slot) {
		/* What the file says is of another slot. */
		if (c->o->snapshot && c->o->checkpoint && unlink(c->o->checkpoint) < 0 && errno != ENOENT)
			return hr_fail_sys(e, "cannot remove '%s'", c->o->checkpoint);
		c->acked = 0;
		if (hr_repl_create(c->repl, c->o->slot, snapshot, &from, e) < 0)
			return -1;
		hr_log(HR_LOG_NOTE, "made replication slot '%s' at %s", c->o->slot, HR_LSN(from));
		/* An endpos of now means at least what is copied. */
		if (c->o->snapshot ? hr_capture_copy(c, snapshot, from, e) < 0 :
		    hr_capture_tables(c, e) < 0 || hr_capture_head(c, from, NULL, e) < 0)
			return -1;
	} else {
		if (slot_is_usable(c, &s, e) < 0)
			return -1;
		from = s.confirmed;
		/* The slot may stand at a move of a parent, which is to be read again. */
		if (c->acked > from && !has_parents(c))
			from = c->acked;
		if (!c->o->snapshot || copied)
			hr_join_admit(c->join);
		if (c->o->snapshot && !copied ? hr_capture_resume(c, &from, e) < 0 :
		    hr_capture_head(c, from, NULL, e) < 0)
			return -1;
	}
	if (c->endpos && c->endpos < from)
		c->past_endpos = true;
	return start(c, from, e);
}

static void
say_ready(int fd)
{
	if (fd >= 0) {
		(void)!write(fd, "\n", 1);
		close(fd);
	}
}

int
hr_capture_drop_slot(const struct hr_capture_options *o, struct hr_err *e)
{
	struct hr_conn *c;
	int rc = hr_conn_open(&c, o->conninfo, HR_CONN_REPLICATION, e);

	if (rc == 0)
		rc = hr_repl_drop(c, o->slot, e);
	hr_conn_close(c);
	return rc;
}

static bool
selects(void *arg, const char *tenant, size_t len)
{
	return hr_router_selects(arg, tenant, len);
}

int
hr_capture_run(const struct hr_capture_options *o, struct hr_err *e)
{
	struct hr_capture c = { .o = o, .writer = HR_WRITER_INIT, .watch = -1 };
	struct sigaction sa = { .sa_handler = stop };
	int flags, rc = -1;

	c.spill.dir = o->spill_dir;
	c.spill.max = o->spill_max;
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);
	signal(SIGPIPE, SIG_IGN);
	if ((flags = fcntl(STDOUT_FILENO, F_GETFL)) >= 0)
		fcntl(STDOUT_FILENO, F_SETFL, flags | O_NONBLOCK);
	fcntl(STDOUT_FILENO, F_SETPIPE_SZ, 1 << 20);
	c.writer.wait = wait_for_reader;
	c.writer.wait_arg = &c;
	hr_emit_init(&c.emit, &c.writer, selects, NULL);
	if ((c.router = hr_router_new(o->config, e)) == NULL)
		goto out;
	c.emit.selects_arg = c.router;
	if (o->checkpoint && (c.watch = hr_watch_open(o->checkpoint, e)) < 0)
		goto out;
	if (o->checkpoint && hr_join_open(&c.join, &c, e) < 0)
		goto out;
	if (hr_conn_open(&c.sql, o->conninfo, HR_CONN_PLAIN, e) < 0) {
		hr_within(e, "source");
		goto out;
	}
	if (hr_source_check(c.sql, e) < 0 || hr_ddl_key_load(&c, e) < 0 || hr_capture_tables(&c, e) < 0 || resolve_endpos(&c, e) < 0 ||
	    open_source(&c, e) < 0 || begin(&c, e) < 0)
		goto out;
	hr_conn_close(c.sql);
	c.sql = NULL;
	say_ready(o->ready_fd);
	if (o->endpos_now && hr_join_busy(c.join)) {
		c.late_end = true;
		c.past_endpos = false;
		c.endpos = 0;
	}
	if (follow(&c, e) == 0)
		rc = finish(&c, e);
	measure(&c, true);
out:
	if (flags >= 0)
		fcntl(STDOUT_FILENO, F_SETFL, flags);
	if (c.watch >= 0)
		close(c.watch);
	hr_join_close(c.join);
	hr_spill_clear(&c.spill);
	hr_sequences_clear(&c.sequences);
	hr_parents_clear(&c.parents);
	hr_source_tables_clear(&c.tables);
	hr_types_clear(&c.types);
	hr_routes_clear(&c.routes);
	hr_emit_clear(&c.emit);
	hr_writer_clear(&c.writer);
	hr_router_free(c.router);
	hr_conn_close(c.repl);
	hr_conn_close(c.sql);
	return rc;
}
