/*
 * metrics.h - a file of metrics in Prometheus' text form, replaced by rename.
 *
 * A node_exporter's textfile collector, or cat, reads it.  Names are those of
 * hr(7); the stage, and for some the tenant, are labels.
 */
#ifndef HR_METRICS_H
#define HR_METRICS_H

#include "base/buf.h"
#include "base/err.h"
#include "base/hr.h"

struct hr_metrics {
	struct hr_buf text;
	const char *name;	/* the metric being written */
};

#define HR_METRICS_INIT { HR_BUF_INIT, NULL }

/* Begin a metric: its HELP and TYPE ("counter", "gauge", "histogram"). */
void hr_metric(struct hr_metrics *m, const char *name, const char *type, const char *help);
/* One sample of it.  label and value may be NULL; stage is always there. */
void hr_metric_sample(struct hr_metrics *m, const char *stage, const char *label, const char *value, double x);

/* Upper bounds of the lag histogram, in seconds; +Inf comes after the last. */
#define HR_LAG_BOUNDS { 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600 }
#define HR_LAG_BUCKETS 17
struct hr_histogram {
	uint64_t bucket[HR_LAG_BUCKETS + 1];
	double sum;
};
void hr_histogram_add(struct hr_histogram *h, double seconds);
void hr_metric_histogram(struct hr_metrics *m, const char *stage, const struct hr_histogram *h);

/* Write it beside path and rename.  0, or -1 with *e set. */
int hr_metrics_save(const struct hr_metrics *m, const char *path, struct hr_err *e) HR_USED;
void hr_metrics_clear(struct hr_metrics *m);

#endif
