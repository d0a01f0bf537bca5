/*
 * awaited.c - what somebody has to run at the target: has it been run?
 *
 * A tenant that was parked because its tables did not fit has a condition in
 * hr.tenant that is true when they may fit again; a change of a table that was
 * not run here has one in hr.ddl.  They are looked at when we begin and then
 * every second, and the tenant is taken up as hr-apply --retry would.
 */

#include "base/hr.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "apply/apply.h"
#include "apply/row.h"
#include "apply/set.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"

#define LOOK_MS		1000
#define PAUSE_MAX_US	60000000	/* between tries that fail */

struct hr_awaited {
	int64_t at, pause;		/* when it may be tried again */
};

/* A condition that cannot be asked is not true. */
static bool
is_true(struct hr_conn *c, const char *condition)
{
	struct hr_err e = HR_ERR_INIT;
	char *sql = hr_sprintf("SELECT (%s)", condition);
	struct hr_result *r;
	bool yes = false;

	if (hr_conn_query(c, &r, sql, 0, NULL, &e) == 0) {
		yes = hr_result_rows(r) == 1 && hr_result_get(r, 0, 0) && hr_result_get(r, 0, 0)[0] == 't';
		hr_result_free(r);
	} else
		hr_log_err(HR_LOG_DEBUG, &e);
	free(sql);
	return yes;
}

/* What was run by hand is noted so. */
static int
look_at_changes(struct hr_apply *a, struct hr_conn *c, bool *some, struct hr_err *e)
{
	struct hr_param stream = HR_PARAM_TEXT(a->book.stream);
	struct hr_result *r, *u;
	int i, rc = 0;

	if (hr_conn_query(c, &r, "SELECT id, operation->>'done' FROM hr.ddl WHERE stream = $1 AND outcome = 'waiting'"
	    " ORDER BY id", 1, &stream, e) < 0)
		return -1;
	for (i = 0; i < hr_result_rows(r) && rc == 0; i++) {
		struct hr_param id = { .data = hr_result_get(r, i, 0) };

		if (!is_true(c, hr_result_get(r, i, 1))) {
			*some = true;
			continue;
		}
		if ((rc = hr_conn_query(c, &u, "UPDATE hr.ddl SET outcome = 'by hand', at = now() WHERE id = $1::bigint", 1,
		    &id, e)) == 0)
			hr_result_free(u);
	}
	hr_result_free(r);
	return rc;
}

static void
resumed(struct hr_apply *a, const char *tenant)
{
	struct hr_ledger *l = &a->ledger;
	struct hr_account *s;

	pthread_mutex_lock(&l->lock);
	s = hr_ledger_account(l, tenant, strlen(tenant));
	if (s->parked) {
		s->parked = false;
		free(s->reason);
		s->reason = NULL;
		l->parked--;
		l->dirty = true;
		pthread_cond_signal(&l->changed);
	}
	pthread_mutex_unlock(&l->lock);
	/* What was kept may have changed tables. */
	atomic_fetch_add(&a->changes, 1);
}

static void
resume(struct hr_apply *a, struct hr_map *tried, const char *tenant)
{
	void **at = hr_map_at(tried, tenant, strlen(tenant));
	struct hr_awaited *x = *at;
	struct hr_err why = HR_ERR_INIT;

	if (x == NULL)
		x = *at = hr_zalloc(sizeof(*x));
	if (hr_now_us() < x->at)
		return;
	if (hr_apply_resume(a->o, a->book.stream, tenant, &why) == 0) {
		hr_log(HR_LOG_WARNING, "tenant '%s' fits the target again and goes on", tenant);
		*x = (struct hr_awaited){ 0 };
		resumed(a, tenant);
		return;
	}
	hr_log_err(HR_LOG_NOTE, &why);
	x->pause = x->pause == 0 ? LOOK_MS * 1000 : x->pause * 2;
	if (x->pause > PAUSE_MAX_US)
		x->pause = PAUSE_MAX_US;
	x->at = hr_now_us() + x->pause;
}

int
hr_awaited_look(struct hr_apply *a, struct hr_conn *c, struct hr_map *tried, struct hr_err *e)
{
	struct hr_param stream = HR_PARAM_TEXT(a->book.stream);
	struct hr_result *r;
	bool some = false;
	int i;

	/* What comes now is seen the next time. */
	atomic_store(&a->awaiting, false);
	if (hr_conn_query(c, &r, "SELECT tenant, awaits FROM hr.tenant t WHERE stream = $1 AND state = 'parked'"
	    " AND NOT EXISTS (SELECT 1 FROM hr.join j WHERE j.stream = t.stream AND j.tenant = t.tenant AND j.state <> 'done')"
	    " AND awaits IS NOT NULL ORDER BY tenant", 1, &stream, e) < 0 || look_at_changes(a, c, &some, e) < 0) {
		atomic_store(&a->awaiting, true);
		return -1;
	}
	for (i = 0; i < hr_result_rows(r); i++) {
		some = true;
		if (is_true(c, hr_result_get(r, i, 1)))
			resume(a, tried, hr_result_get(r, i, 0));
	}
	hr_result_free(r);
	if (some)
		atomic_store(&a->awaiting, true);
	return 0;
}

/* false: it is time to end. */
static bool
rest(struct hr_apply *a)
{
	struct timespec until = hr_until((int64_t)LOOK_MS * 1000);
	struct hr_ledger *l = &a->ledger;
	bool go;

	pthread_mutex_lock(&l->lock);
	while (!l->ending && pthread_cond_timedwait(&l->ended, &l->lock, &until) == 0)
		;
	go = !l->ending;
	pthread_mutex_unlock(&l->lock);
	return go;
}

void *
hr_awaited_run(void *arg)
{
	struct hr_apply *a = arg;
	struct hr_map tried = { 0 };
	struct hr_conn *c = NULL;

	while (rest(a)) {
		struct hr_err e = HR_ERR_INIT;

		if (!atomic_load(&a->awaiting))
			continue;
		if (!hr_conn_alive(c)) {
			hr_conn_close(c);
			c = NULL;
			if (hr_apply_connect(&c, a->o, false, &e) < 0) {
				/* A worker finds out what is wrong with the target. */
				hr_log_err(HR_LOG_DEBUG, &e);
				continue;
			}
		}
		if (hr_awaited_look(a, c, &tried, &e) < 0)
			hr_log_err(HR_LOG_DEBUG, &e);
	}
	hr_conn_close(c);
	hr_map_clear(&tried, free);
	hr_row_end();
	hr_set_end();
	return NULL;
}
