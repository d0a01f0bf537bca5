/*
 * ledger.c - what is in the target for good, and the checkpoint file.
 *
 * Workers commit without waiting for the target's disk; this thread sees that
 * what they committed gets there, and only then tells the source.
 */

#include "base/hr.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "apply/worker.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/lsn.h"
#include "state/checkpoint.h"

#define LOOK_US		10000	/* between looks while something is not durable */
#define QUIET_US	10000	/* no commit for so long: what is not durable is made so */
#define FLUSH_US	200000	/* while commits go on, this often, as PostgreSQL's WAL writer does */
#define BEAT_US		1000000	/* the file is renewed this often, changed or not */

void
hr_ledger_init(struct hr_ledger *l, int workers)
{
	*l = (struct hr_ledger){ .workers = workers };
	pthread_mutex_init(&l->lock, NULL);
	hr_cond_init(&l->changed);
	hr_cond_init(&l->ended);
	l->unsure = hr_zalloc((size_t)workers * sizeof(*l->unsure));
	l->asked = hr_zalloc((size_t)workers * sizeof(*l->asked));
	l->durable = hr_zalloc((size_t)workers * sizeof(*l->durable));
	l->flushing = hr_zalloc((size_t)workers * sizeof(*l->flushing));
}

static void
account_free(void *p)
{
	struct hr_account *a = p;

	hr_map_clear(&a->table, free);
	free(a->tenant);
	free(a->reason);
	free(a);
}

void
hr_ledger_clear(struct hr_ledger *l)
{
	int i;

	hr_map_clear(&l->account, account_free);
	for (i = 0; i < l->workers; i++) {
		struct hr_unsure *u;

		while ((u = l->unsure[i]) != NULL) {
			l->unsure[i] = u->next;
			free(u);
		}
	}
	free(l->unsure);
	free(l->asked);
	free(l->durable);
	free(l->flushing);
	pthread_cond_destroy(&l->changed);
	pthread_cond_destroy(&l->ended);
	pthread_mutex_destroy(&l->lock);
	*l = (struct hr_ledger){ 0 };
}

struct hr_account *
hr_ledger_account(struct hr_ledger *l, const char *tenant, size_t len)
{
	void **at = hr_map_at(&l->account, tenant, len);
	struct hr_account *a = *at;

	if (a == NULL) {
		a = *at = hr_zalloc(sizeof(*a));
		a->tenant = hr_memdup(tenant, len);
	}
	return a;
}

void
hr_ledger_seed(struct hr_apply *a)
{
	struct hr_checkpoint cp = HR_CHECKPOINT_INIT;
	struct hr_err ignored = HR_ERR_INIT;
	struct hr_ledger *l = &a->ledger;
	size_t i, k;

	if (a->o->checkpoint == NULL || hr_checkpoint_load(&cp, a->o->checkpoint, &ignored) != 1)
		return;
	if (hr_checkpoint_is_of(&cp, a->head->system, a->book.stream) && a->book.streaming) {
		l->rows = cp.rows;
		l->bytes = cp.bytes;
		l->transactions = cp.transactions;
		l->time = cp.commit_time;
		for (i = 0; i < cp.tenants; i++) {
			const struct hr_tenant_position *t = &cp.tenant[i];
			struct hr_account *s = hr_ledger_account(l, t->tenant, strlen(t->tenant));

			s->lsn = t->lsn;
			s->time = t->commit_time;
			s->xid = t->xid;
			s->rows = t->rows;
			s->bytes = t->bytes;
			for (k = 0; k < t->tables; k++) {
				struct hr_table_lsn *lsn = hr_zalloc(sizeof(*lsn));
				void **at = hr_map_at(&s->table, t->table[k].table, strlen(t->table[k].table));

				lsn->lsn = t->table[k].lsn;
				free(*at);
				*at = lsn;
			}
		}
	}
	hr_checkpoint_clear(&cp);
}

void
hr_ledger_asked(struct hr_ledger *l, const bool *worker, hr_lsn lsn)
{
	int i;

	pthread_mutex_lock(&l->lock);
	for (i = 0; i < l->workers; i++)
		if (worker[i])
			l->asked[i] = lsn;
	if (lsn > l->watermark)
		l->watermark = lsn;
	pthread_mutex_unlock(&l->lock);
}

static void
parts_in(struct hr_apply *a, const uint32_t *part, size_t n)
{
	while (n)
		hr_copied_part(&a->copied, part[--n])->in = true;
}

void
hr_ledger_committed(struct hr_apply *a, int worker, hr_lsn lsn, bool durable, int64_t batch, const uint32_t *part,
    size_t parts)
{
	struct hr_ledger *l = &a->ledger;
	struct hr_unsure **p, *u;

	pthread_mutex_lock(&l->lock);
	if (durable) {
		l->durable[worker] = lsn;
		parts_in(a, part, parts);
	} else {
		u = hr_alloc(sizeof(*u) + parts * sizeof(*part));
		*u = (struct hr_unsure){ .lsn = lsn, .time = hr_now_us(), .batch = batch, .parts = parts };
		if (parts)
			memcpy(u->part, part, parts * sizeof(*part));
		for (p = &l->unsure[worker]; *p; p = &(*p)->next)
			;
		*p = u;
	}
	l->dirty = true;
	pthread_cond_signal(&l->changed);
	pthread_mutex_unlock(&l->lock);
}

void
hr_ledger_copied(struct hr_apply *a, struct hr_copied *now)
{
	struct hr_unsure *u;
	int i;

	/* Their numbers mean others from here on. */
	for (i = 0; i < a->ledger.workers; i++)
		for (u = a->ledger.unsure[i]; u; u = u->next)
			u->parts = 0;
	hr_copied_clear(&a->copied);
	a->copied = *now;
}

bool
hr_ledger_has_part(struct hr_apply *a, uint32_t part)
{
	bool in;

	pthread_mutex_lock(&a->ledger.lock);
	in = hr_copied_part(&a->copied, part)->in;
	pthread_mutex_unlock(&a->ledger.lock);
	return in;
}

hr_lsn
hr_ledger_position(struct hr_ledger *l)
{
	hr_lsn lsn = l->watermark;
	int i;

	for (i = 0; i < l->workers; i++)
		if (l->durable[i] < l->asked[i] && l->durable[i] < lsn)
			lsn = l->durable[i];
	return lsn;
}

/* The newest commits that may not be durable, of each worker; 0: it has none. */
static void
newest(struct hr_ledger *l, int64_t *batch)
{
	const struct hr_unsure *u;
	int i;

	pthread_mutex_lock(&l->lock);
	for (i = 0; i < l->workers; i++)
		for (batch[i] = 0, u = l->unsure[i]; u; u = u->next)
			batch[i] = u->batch;
	pthread_mutex_unlock(&l->lock);
}

/* They are now, with all before them. */
static void
settle(struct hr_apply *a, const int64_t *batch)
{
	struct hr_ledger *l = &a->ledger;
	int i;

	pthread_mutex_lock(&l->lock);
	for (i = 0; i < l->workers; i++) {
		struct hr_unsure *u;

		while ((u = l->unsure[i]) != NULL && u->batch <= batch[i]) {
			l->durable[i] = u->lsn;
			parts_in(a, u->part, u->parts);
			l->unsure[i] = u->next;
			l->dirty = true;
			free(u);
		}
	}
	pthread_mutex_unlock(&l->lock);
}

/* Is there a commit that may not be durable?  due: it should be made so now. */
static bool
unsure(struct hr_ledger *l, bool *due)
{
	int64_t now = hr_now_us(), oldest = -1, newest = INT64_MAX;
	const struct hr_unsure *u;
	int i;

	pthread_mutex_lock(&l->lock);
	for (i = 0; i < l->workers; i++)
		for (u = l->unsure[i]; u; u = u->next) {
			if (now - u->time > oldest)
				oldest = now - u->time;
			if (now - u->time < newest)
				newest = now - u->time;
		}
	pthread_mutex_unlock(&l->lock);
	*due = oldest > FLUSH_US || (oldest >= 0 && newest > QUIET_US);
	return oldest >= 0;
}

/* Is the batch of a worker there?  1, 0 with *e set when it was lost, -1. */
static int
has_batch(struct hr_apply *a, struct hr_conn *c, int worker, int64_t batch, struct hr_err *e)
{
	int64_t there;

	if (batch == 0)
		return 1;
	if (hr_book_batch(c, &a->book, worker, &there, e) < 0)
		return -1;
	if (there >= batch)
		return 1;
	(void)!hr_book_lost(e);
	return 0;
}

/*
 * The connection is new, so the server may have been restarted, and a flush
 * says nothing of commits before that: are they all in?
 */
static int
still_there(struct hr_apply *a, struct hr_conn *c, struct hr_err *e)
{
	struct hr_ledger *l = &a->ledger;
	int i, got = 1;

	newest(l, l->flushing);
	for (i = 0; i < l->workers && got == 1; i++)
		got = has_batch(a, c, i, l->flushing[i], e);
	if (got == 0)
		hr_apply_fail(a, e);
	return got == 1 ? 0 : -1;
}

int
hr_ledger_intact(struct hr_apply *a, struct hr_conn *c, struct hr_err *e)
{
	int i;

	for (i = 0; i < a->workers; i++)
		if (has_batch(a, c, i, a->worker[i].batches, e) != 1)
			return -1;
	return 0;
}

static int
connected(struct hr_apply *a, struct hr_conn **c, struct hr_err *e)
{
	if (hr_conn_alive(*c))
		return 0;
	hr_conn_close(*c);
	*c = NULL;
	if (hr_apply_connect(c, a->o, true, e) < 0)
		return -1;
	if (still_there(a, *c, e) == 0)
		return 0;
	hr_conn_close(*c);	/* so that it is asked again */
	*c = NULL;
	return -1;
}

/* A commit that waits for the disk, and wrote something, takes all before it along. */
static int
flush(struct hr_apply *a, struct hr_conn **c, struct hr_err *e)
{
	if (connected(a, c, e) < 0)
		return -1;
	newest(&a->ledger, a->ledger.flushing);
	if (hr_conn_exec(*c, "SELECT pg_catalog.pg_logical_emit_message(true, 'hr', '')", e) < 0)
		return -1;
	settle(a, a->ledger.flushing);
	return 0;
}

/* A picture of the ledger as a checkpoint. */
static void
draw(struct hr_apply *a, struct hr_checkpoint *cp)
{
	struct hr_ledger *l = &a->ledger;
	size_t i, k;

	cp->stream = hr_strdup(a->book.stream);
	cp->database = hr_strdup(a->head->database);
	cp->system = a->head->system;
	cp->timeline = a->head->timeline;
	cp->epoch = a->head->epoch;
	cp->state = l->copying ? HR_STATE_COPYING : l->streaming ? HR_STATE_STREAMING : HR_STATE_NONE;
	/* Of a copy that is under way: what is in of it is as of there. */
	cp->lsn = l->streaming || l->copying ? hr_ledger_position(l) : 0;
	if (l->copying)
		hr_copied_draw(&a->copied, cp);
	cp->commit_time = l->time;
	cp->written = hr_now_pg_us();
	cp->rows = l->rows;
	cp->bytes = l->bytes;
	cp->transactions = l->transactions;
	for (i = 0; i < l->account.slots; i++) {
		struct hr_account *s = l->account.slot[i].value;
		struct hr_tenant_position *t;

		if (s == NULL || s->tenant[0] == '\0')
			continue;
		t = hr_checkpoint_tenant(cp, s->tenant);
		t->state = s->parked ? HR_STATE_PARKED : s->copying ? HR_STATE_COPYING : cp->state;
		t->reason = hr_strdup(s->reason);
		t->lsn = s->lsn > cp->lsn && !s->parked && !s->copying ? cp->lsn : s->lsn;
		t->commit_time = s->time;
		t->xid = s->xid;
		t->rows = s->rows;
		t->bytes = s->bytes;
		for (k = 0; k < s->table.slots; k++)
			if (s->table.slot[k].key) {
				char *name = hr_memdup(s->table.slot[k].key, s->table.slot[k].len);

				hr_checkpoint_table(t, name, ((struct hr_table_lsn *)s->table.slot[k].value)->lsn);
				free(name);
			}
	}
}

int
hr_ledger_save(struct hr_apply *a, bool durable, struct hr_err *e)
{
	struct hr_checkpoint cp = HR_CHECKPOINT_INIT;
	int rc;

	pthread_mutex_lock(&a->ledger.lock);
	draw(a, &cp);
	pthread_mutex_unlock(&a->ledger.lock);
	rc = hr_checkpoint_save(&cp, a->o->checkpoint, durable, e);
	hr_checkpoint_clear(&cp);
	return rc;
}

/* Sleep until something changed, at most so long.  false: it is time to end. */
static bool
rest(struct hr_ledger *l, int64_t us)
{
	struct timespec until = hr_until(us);
	bool go;

	pthread_mutex_lock(&l->lock);
	while (!l->dirty && !l->ending)
		if (pthread_cond_timedwait(&l->changed, &l->lock, &until) == ETIMEDOUT)
			break;
	l->dirty = false;
	go = !l->ending;
	pthread_mutex_unlock(&l->lock);
	return go;
}

static void
nap(int64_t us)
{
	struct timespec t = { us / 1000000, us % 1000000 * 1000 };

	nanosleep(&t, NULL);
}

/* See that what was committed becomes durable; all of it when ending. */
static void
make_durable(struct hr_apply *a, struct hr_conn **c, bool ending)
{
	struct hr_err e = HR_ERR_INIT;
	bool due;

	while (unsure(&a->ledger, &due)) {
		if (!due && !ending)
			return;
		if (flush(a, c, &e) < 0) {
			/* A worker finds out what is wrong with the target. */
			hr_log_err(HR_LOG_DEBUG, &e);
			return;
		}
		if (!ending)
			return;
	}
}

/* Values of sequences are nobody's transaction. */
static void
write_values(struct hr_apply *a, struct hr_conn **c)
{
	struct hr_err e = HR_ERR_INIT;

	if (a->values.news && (connected(a, c, &e) < 0 || hr_values_write(a, *c, &e) < 0))
		hr_log_err(HR_LOG_DEBUG, &e);
}

void *
hr_ledger_run(void *arg)
{
	struct hr_apply *a = arg;
	struct hr_ledger *l = &a->ledger;
	struct hr_conn *c = NULL;
	struct hr_err e = HR_ERR_INIT, said = HR_ERR_INIT;
	hr_lsn saved = 0, position = 0;
	int64_t saved_at = 0, measured_at = 0, cost = 0, now;
	bool go = true;

	/* Before any worker commits: see still_there(). */
	(void)!hr_apply_connect(&c, a->o, true, &e);
	hr_err_clear(&e);
	while (go) {
		bool due, active = unsure(l, &due) || position != saved;

		go = rest(l, active ? LOOK_US : BEAT_US);
		make_durable(a, &c, !go);
		write_values(a, &c);
		pthread_mutex_lock(&l->lock);
		position = hr_ledger_position(l);
		pthread_mutex_unlock(&l->lock);
		now = hr_now_us();
		/* A file for ten thousand tenants is not written every few milliseconds. */
		if (a->o->checkpoint && (!go || now - saved_at > BEAT_US ||
		    (position != saved && now - saved_at > 20 * cost))) {
			if (hr_ledger_save(a, !go, &e) < 0 && strcmp(e.what, said.what) != 0) {
				hr_log_err(HR_LOG_WARNING, &e);
				said = e;
			}
			hr_err_clear(&e);
			saved = position;
			saved_at = hr_now_us();
			cost = saved_at - now;
		}
		if (a->o->checkpoint == NULL)
			saved = position;
		if (a->o->metrics && (!go || now - measured_at > BEAT_US)) {
			measured_at = now;
			if (hr_apply_measure(a, &e) < 0 && strcmp(e.what, said.what) != 0) {
				hr_log_err(HR_LOG_WARNING, &e);
				said = e;
			}
			hr_err_clear(&e);
		}
		if (go)
			nap(LOOK_US);
	}
	hr_conn_close(c);
	return NULL;
}
