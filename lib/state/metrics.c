/* metrics.c - Prometheus text. */

#include "base/hr.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "state/metrics.h"

static const double bound[HR_LAG_BUCKETS] = HR_LAG_BOUNDS;

void
hr_metric(struct hr_metrics *m, const char *name, const char *type, const char *help)
{
	m->name = name;
	hr_buf_printf(&m->text, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

void
hr_metric_sample(struct hr_metrics *m, const char *stage, const char *label, const char *value, double x)
{
	hr_buf_printf(&m->text, "%s{stage=\"%s\"", m->name, stage);
	if (label && value) {
		hr_buf_printf(&m->text, ",%s=\"", label);
		for (; *value; value++)
			if (*value == '\n')
				hr_buf_puts(&m->text, "\\n");
			else {
				if (*value == '"' || *value == '\\')
					hr_buf_u8(&m->text, '\\');
				hr_buf_u8(&m->text, (uint8_t)*value);
			}
		hr_buf_puts(&m->text, "\"");
	}
	hr_buf_printf(&m->text, "} %.17g\n", x);
}

void
hr_histogram_add(struct hr_histogram *h, double seconds)
{
	int i;

	for (i = 0; i < HR_LAG_BUCKETS && seconds > bound[i]; i++)
		;
	h->bucket[i]++;
	h->sum += seconds;
}

void
hr_metric_histogram(struct hr_metrics *m, const char *stage, const struct hr_histogram *h)
{
	uint64_t n = 0;
	int i;

	for (i = 0; i <= HR_LAG_BUCKETS; i++) {
		char le[32] = "+Inf";

		if (i < HR_LAG_BUCKETS)
			snprintf(le, sizeof(le), "%g", bound[i]);
		n += h->bucket[i];
		hr_buf_printf(&m->text, "%s_bucket{stage=\"%s\",le=\"%s\"} %" PRIu64 "\n", m->name, stage, le, n);
	}
	hr_buf_printf(&m->text, "%s_sum{stage=\"%s\"} %.6f\n%s_count{stage=\"%s\"} %" PRIu64 "\n", m->name, stage,
	    h->sum, m->name, stage, n);
}

int
hr_metrics_save(const struct hr_metrics *m, const char *path, struct hr_err *e)
{
	char *beside = hr_sprintf("%s.tmp.%d", path, (int)getpid());
	int fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644), rc = 0;

	if (fd < 0 || hr_file_write(fd, m->text.data, m->text.len) < 0)
		rc = hr_fail_sys(e, "cannot write '%s'", beside);
	if (fd >= 0 && close(fd) != 0 && rc == 0)
		rc = hr_fail_sys(e, "cannot write '%s'", beside);
	if (rc == 0 && rename(beside, path) != 0)
		rc = hr_fail_sys(e, "cannot rename '%s' to '%s'", beside, path);
	if (rc < 0)
		unlink(beside);
	free(beside);
	return rc;
}

void
hr_metrics_clear(struct hr_metrics *m)
{
	hr_buf_clear(&m->text);
	m->name = NULL;
}
