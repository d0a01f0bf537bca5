/*
 * measure.c - hr-apply's metrics: totals, and the tenants with most rows by
 * name, the others together, so that many tenants do not make many series.
 */

#include "base/hr.h"

#include <stdlib.h>
#include <string.h>

#include "apply/apply.h"
#include "base/alloc.h"

#define TOP 20

static int
most_rows(const void *a, const void *b)
{
	const struct hr_account *x = *(const struct hr_account *const *)a, *y = *(const struct hr_account *const *)b;

	return x->rows > y->rows ? -1 : x->rows < y->rows;
}

static void
by_tenant(struct hr_metrics *m, struct hr_account *const *t, size_t n, bool bytes)
{
	double rest = 0;
	size_t i;

	for (i = 0; i < n; i++)
		if (i < TOP)
			hr_metric_sample(m, "apply", "tenant", t[i]->tenant[0] ? t[i]->tenant : "*",
			    (double)(bytes ? t[i]->bytes : t[i]->rows));
		else
			rest += (double)(bytes ? t[i]->bytes : t[i]->rows);
	if (n > TOP)
		hr_metric_sample(m, "apply", "tenant", "(others)", rest);
}

int
hr_apply_measure(struct hr_apply *a, struct hr_err *e)
{
	struct hr_ledger *l = &a->ledger;
	struct hr_metrics m = HR_METRICS_INIT;
	struct hr_account **t;
	size_t i, n = 0;
	int rc;

	pthread_mutex_lock(&l->lock);
	t = hr_alloc((l->account.count + 1) * sizeof(*t));
	for (i = 0; i < l->account.slots; i++)
		if (l->account.slot[i].value)
			t[n++] = l->account.slot[i].value;
	qsort(t, n, sizeof(*t), most_rows);
	hr_metric(&m, "hr_rows_replicated_total", "counter", "Rows written to the target.");
	by_tenant(&m, t, n, false);
	hr_metric(&m, "hr_bytes_replicated_total", "counter", "Bytes of those rows.");
	by_tenant(&m, t, n, true);
	hr_metric(&m, "hr_transactions_replicated_total", "counter", "Transactions written, one for each tenant in them.");
	hr_metric_sample(&m, "apply", NULL, NULL, (double)l->transactions);
	hr_metric(&m, "hr_conflicts_detected_total", "counter", "Rows missing or already there at the target.");
	hr_metric_sample(&m, "apply", NULL, NULL, (double)l->conflicts);
	hr_metric(&m, "hr_conflicts_resolved_total", "counter", "Conflicts settled by themselves, the source winning.");
	hr_metric_sample(&m, "apply", NULL, NULL, (double)l->conflicts);
	hr_metric(&m, "hr_tenants_parked", "gauge", "Tenants set aside until hr-apply --retry.");
	hr_metric_sample(&m, "apply", NULL, NULL, (double)l->parked);
	hr_metric(&m, "hr_replication_lag_seconds", "histogram", "From the source's commit to the target's, a window each.");
	hr_metric_histogram(&m, "apply", &l->lag);
	pthread_mutex_unlock(&l->lock);
	free(t);
	rc = hr_metrics_save(&m, a->o->metrics, e);
	hr_metrics_clear(&m);
	return rc;
}
