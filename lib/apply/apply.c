/* apply.c - begin and end: the target, its book, and the threads. */

#include "base/hr.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "apply/apply.h"
#include "apply/deal.h"
#include "apply/worker.h"
#include "base/alloc.h"
#include "base/log.h"

static volatile sig_atomic_t stopping;

static void
stop(int sig)
{
	(void)sig;
	stopping = 1;
}

void
hr_apply_fail(struct hr_apply *a, const struct hr_err *e)
{
	int i;

	pthread_mutex_lock(&a->lock);
	if (!a->failed) {
		a->failed = true;
		a->error = *e;
	}
	pthread_mutex_unlock(&a->lock);
	stopping = 1;		/* the reader may be waiting for input */
	for (i = 0; i < a->workers; i++)
		hr_queue_close(&a->worker[i].queue);
}

int
hr_apply_connect(struct hr_conn **out, const struct hr_apply_options *o, bool synchronous, struct hr_err *e)
{
	struct hr_conn *c;

	*out = NULL;
	if (hr_conn_open(&c, o->conninfo, HR_CONN_PLAIN, e) < 0)
		return hr_within(e, "target");
	if (hr_conn_exec(c, "SET session_replication_role = replica", e) < 0) {
		hr_hint(e, "GRANT SET ON PARAMETER session_replication_role to this role");
		hr_within(e, "target");
		goto fail;
	}
	/*
	 * The plan is always: for each element of the array look its key up.
	 * Nothing else is right for any size of the table.
	 */
	if (hr_conn_exec(c, "SET search_path = pg_catalog; SET jit = off; SET enable_seqscan = off;"
	    " SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_material = off;"
	    " SET plan_cache_mode = force_generic_plan; SET row_security = off", e) < 0 ||
	    hr_conn_execf(c, e, "SET synchronous_commit = %s", synchronous ? "on" : "off") < 0)
		goto fail;
	*out = c;
	return 0;
fail:
	hr_conn_close(c);
	return -1;
}

/* Tenants that were parked before are in the checkpoint from the start. */
static int
know_parked(struct hr_apply *a, struct hr_conn *c, struct hr_err *e)
{
	struct hr_parked p = { 0 };
	size_t i;

	if (hr_parked_load(&p, c, a->book.stream, e) < 0)
		return -1;
	for (i = 0; i < p.tenant.slots; i++)
		if (p.tenant.slot[i].key) {
			struct hr_account *s = hr_ledger_account(&a->ledger, p.tenant.slot[i].key, p.tenant.slot[i].len);

			if (hr_parked_copied(&p, s->tenant, strlen(s->tenant))) {
				s->copying = true;
				continue;
			}
			s->parked = true;
			s->reason = hr_strdup(p.tenant.slot[i].value);
			a->ledger.parked++;
		}
	hr_parked_clear(&p);
	return 0;
}

static int
say_parked(struct hr_apply *a, struct hr_conn *c, struct hr_err *e)
{
	struct hr_ledger *l = &a->ledger;
	const struct hr_account *first = NULL;
	struct hr_parked now = { 0 };
	size_t i;

	/* Some may have been taken up again while we ran. */
	if (hr_parked_load(&now, c, a->book.stream, e) < 0)
		return -1;
	for (i = 0; i < l->account.slots; i++) {
		struct hr_account *s = l->account.slot[i].value;

		if (s && s->parked && !hr_parked_has(&now, s->tenant, strlen(s->tenant))) {
			s->parked = false;
			l->parked--;
		}
	}
	hr_parked_clear(&now);

	for (i = 0; i < l->account.slots; i++) {
		const struct hr_account *s = l->account.slot[i].value;

		if (s && s->parked && (first == NULL || strcmp(s->tenant, first->tenant) < 0))
			first = s;
	}
	if (first == NULL)
		return 0;
	if (l->parked == 1)
		hr_fail(e, HR_REFUSED, "tenant '%s' is parked: %s", first->tenant, first->reason);
	else
		hr_fail(e, HR_REFUSED, "%zu tenants are parked, the first is '%s': %s", l->parked, first->tenant,
		    first->reason);
	return hr_hint(e, "see hr.tenant at the target, mend it, then run hr-apply --retry");
}

static void
say_ready(int fd)
{
	if (fd >= 0) {
		(void)!write(fd, "\n", 1);
		close(fd);
	}
}

/* Read it all, check it all, write nothing. */
static int
dry_run(struct hr_reader *r, struct hr_err *e)
{
	struct hr_frame f;
	uint64_t frames = 0, items = 0;
	int got;

	while ((got = hr_read(r, &f, e)) == 1) {
		struct hr_cur c = hr_cur(f.data, f.len);
		struct hr_item it;
		int more = 0;

		if (f.type == HR_FRAME_BLOCK)
			return hr_deal_packed(e);
		frames++;
		while (f.type == HR_FRAME_ROWS && (more = hr_rows_next(&c, &it, e)) == 1)
			items++;
		if (more < 0)
			return -1;
	}
	if (got == 0)
		hr_log(HR_LOG_NOTE, "%" PRIu64 " frames with %" PRIu64 " items would be applied", frames, items);
	return got;
}

/* The tenants of this run are those of the stream that were asked for. */
static int
open_book(struct hr_apply *a, struct hr_conn *c, struct hr_err *e)
{
	const struct hr_apply_options *o = a->o;
	const struct hr_head *h = a->head;
	char **both = hr_alloc((h->tenants + o->tenants + 1) * sizeof(*both)), *list = NULL;
	size_t i, k, n = 0;
	int rc;

	for (i = 0; i < h->tenants; i++)
		for (k = 0; k < o->tenants || (k == 0 && o->tenants == 0); k++)
			if (o->tenants == 0 || strcmp(h->tenant[i], o->tenant[k]) == 0)
				both[n++] = h->tenant[i];
	for (k = 0; k < o->tenants && h->tenants == 0; k++)
		both[n++] = o->tenant[k];
	if (h->tenants || o->tenants)
		list = hr_quote_array(both, n);
	rc = hr_book_open(&a->book, c, h, list, a->workers, e);
	free(list);
	free(both);
	return rc;
}

static int
run(struct hr_apply *a, struct hr_reader *r, struct hr_err *e)
{
	struct hr_deal d;
	pthread_t keeper, looker;
	struct hr_map tried = { 0 };
	int i, started = 0, rc;
	bool keeping = false, looking = false;

	hr_deal_begin(&d, a);
	rc = hr_apply_connect(&d.conn, a->o, true, e);
	if (rc == 0)
		rc = hr_book_create(d.conn, e);
	if (rc == 0)
		rc = open_book(a, d.conn, e);
	if (rc == 0)
		rc = hr_awaited_look(a, d.conn, &tried, e);
	hr_map_clear(&tried, free);
	if (rc == 0)
		rc = know_parked(a, d.conn, e);
	if (rc == 0)
		rc = hr_copied_load(&a->copied, d.conn, a->book.stream, e);
	if (rc < 0)
		goto out;
	a->copied.catching_up = hr_book_catches_up(&a->book, a->head);
	a->ledger.copying = a->book.copying;
	a->ledger.streaming = a->book.streaming;
	hr_ledger_seed(a);
	a->ledger.watermark = hr_book_least(&a->book);
	/* Better now than when the source waits for it. */
	if (a->o->checkpoint && (rc = hr_ledger_save(a, false, e)) < 0)
		goto out;
	keeping = pthread_create(&keeper, NULL, hr_ledger_run, a) == 0;
	looking = pthread_create(&looker, NULL, hr_awaited_run, a) == 0;
	for (; started < a->workers; started++)
		if (!keeping || !looking || pthread_create(&a->worker[started].thread, NULL, hr_worker_run, &a->worker[started]) != 0) {
			rc = hr_fail(e, HR_TEMPORARY, "cannot start a thread");
			goto out;
		}
	say_ready(a->o->ready_fd);
	rc = hr_deal_frames(&d, r, e);
out:
	for (i = 0; i < a->workers; i++)
		hr_queue_close(&a->worker[i].queue);
	for (i = 0; i < started; i++)
		pthread_join(a->worker[i].thread, NULL);
	pthread_mutex_lock(&a->ledger.lock);
	a->ledger.ending = true;
	pthread_cond_signal(&a->ledger.changed);
	pthread_cond_signal(&a->ledger.ended);
	pthread_mutex_unlock(&a->ledger.lock);
	if (keeping)
		pthread_join(keeper, NULL);
	if (looking)
		pthread_join(looker, NULL);
	if (a->failed) {
		/* The thread's reason comes before what it led to. */
		*e = a->error;
		rc = -1;
	}
	if (rc == 0)
		rc = hr_deal_conn(&d, e);
	if (rc == 0 && (d.ended || a->values.news))
		rc = d.ended ? hr_values_set_all(a, d.conn, e) : hr_values_write(a, d.conn, e);
	if (rc == 0)
		rc = say_parked(a, d.conn, e);
	hr_deal_clear(&d);
	return rc;
}

int
hr_apply_run(const struct hr_apply_options *o, struct hr_err *e)
{
	struct hr_apply a = { .o = o, .workers = o->jobs > 0 ? o->jobs : 1 };
	struct sigaction sa = { .sa_handler = stop };
	struct hr_reader r = { 0 };
	int i, rc;

	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);
	signal(SIGPIPE, SIG_IGN);
	fcntl(STDIN_FILENO, F_SETPIPE_SZ, 1 << 20);
	if (hr_reader_open(&r, STDIN_FILENO, e) < 0) {
		hr_reader_clear(&r);
		return -1;
	}
	if (o->dry_run) {
		rc = dry_run(&r, e);
		hr_reader_clear(&r);
		return rc;
	}
	a.head = &r.head;
	a.every_tenant = r.head.tenants == 0 && o->tenants == 0;
	r.stop = &stopping;
	pthread_mutex_init(&a.lock, NULL);
	hr_ledger_init(&a.ledger, a.workers);
	hr_values_init(&a.values);
	a.worker = hr_zalloc((size_t)a.workers * sizeof(*a.worker));
	for (i = 0; i < a.workers; i++)
		hr_worker_init(&a.worker[i], &a, i);
	rc = run(&a, &r, e);
	for (i = 0; i < a.workers; i++)
		hr_worker_clear(&a.worker[i]);
	free(a.worker);
	hr_ledger_clear(&a.ledger);
	hr_values_clear(&a.values);
	hr_copied_clear(&a.copied);
	hr_book_clear(&a.book);
	pthread_mutex_destroy(&a.lock);
	hr_reader_clear(&r);
	return rc;
}
