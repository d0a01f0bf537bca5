/* state_metrics - the file that Prometheus reads. */

#include "base/hr.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "state/metrics.h"
#include "tap.h"

static char folder[] = "/tmp/hr-metrics.XXXXXX";

static void
text(void)
{
	struct hr_metrics m = HR_METRICS_INIT;

	hr_metric(&m, "hr_rows_total", "counter", "Rows so far.");
	hr_metric_sample(&m, "apply", NULL, NULL, 12);
	hr_metric_sample(&m, "apply", "tenant", "acme", 1e15);
	hr_metric(&m, "hr_lag_seconds", "gauge", "How far behind.");
	hr_metric_sample(&m, "capture", NULL, NULL, 0.5);
	is(hr_buf_text(&m.text),
	    "# HELP hr_rows_total Rows so far.\n# TYPE hr_rows_total counter\n"
	    "hr_rows_total{stage=\"apply\"} 12\n"
	    "hr_rows_total{stage=\"apply\",tenant=\"acme\"} 1000000000000000\n"
	    "# HELP hr_lag_seconds How far behind.\n# TYPE hr_lag_seconds gauge\n"
	    "hr_lag_seconds{stage=\"capture\"} 0.5\n", "metrics and their samples");
	hr_metrics_clear(&m);
	hr_metric(&m, "x", "gauge", "X.");
	hr_buf_reset(&m.text);
	hr_metric_sample(&m, "apply", "tenant", "a\"b\\c\nd\te\xc3\xa9", 0);
	is(hr_buf_text(&m.text), "x{stage=\"apply\",tenant=\"a\\\"b\\\\c\\nd\te\xc3\xa9\"} 0\n",
	    "quotes, backslashes and ends of lines are escaped, nothing else");
	hr_buf_reset(&m.text);
	hr_metric_sample(&m, "apply", "tenant", "", -1);
	is(hr_buf_text(&m.text), "x{stage=\"apply\",tenant=\"\"} -1\n", "an empty value is one");
	hr_metrics_clear(&m);
	ok(m.text.len == 0 && m.name == NULL, "cleared");
}

/* The count of the bucket with that bound. */
static long
bucket(struct hr_metrics *m, const char *le)
{
	char want[64];
	const char *at;

	snprintf(want, sizeof(want), "lag_bucket{stage=\"s\",le=\"%s\"} ", le);
	at = strstr(hr_buf_text(&m->text), want);
	return at ? atol(at + strlen(want)) : -1;
}

static void
histogram(void)
{
	static const double sample[] = { -1, 0, 0.001, 0.0011, 0.3, 1, 1.5, 3600, 3601, 1e9 };
	struct hr_histogram h = { .sum = 0 };
	struct hr_metrics m = HR_METRICS_INIT;
	const char *at;
	long last = 0;
	bool rises = true;
	size_t i, n = 0;

	for (i = 0; i < HR_COUNT(sample); i++)
		hr_histogram_add(&h, sample[i]);
	hr_metric(&m, "lag", "histogram", "Lag.");
	hr_metric_histogram(&m, "s", &h);
	is_number(bucket(&m, "0.001"), 3, "a bound belongs to its bucket");
	is_number(bucket(&m, "0.002"), 4, "buckets are cumulative");
	is_number(bucket(&m, "0.25"), 4, "an empty one has what came before");
	is_number(bucket(&m, "0.5"), 5, "0.5");
	is_number(bucket(&m, "1"), 6, "1");
	is_number(bucket(&m, "2.5"), 7, "2.5");
	is_number(bucket(&m, "3600"), 8, "the last bound");
	is_number(bucket(&m, "+Inf"), 10, "+Inf has all");
	ok(strstr(hr_buf_text(&m.text), "lag_count{stage=\"s\"} 10\n") != NULL, "so has the count");
	ok(strstr(hr_buf_text(&m.text), "lag_sum{stage=\"s\"} 1000007202.802100\n") != NULL, "the sum");
	for (at = hr_buf_text(&m.text); (at = strstr(at, "\"} ")) != NULL && n <= HR_LAG_BUCKETS; n++) {
		long x = atol(at += 3);

		rises &= x >= last;
		last = x;
	}
	ok(rises && n == HR_LAG_BUCKETS + 1, "no bucket is less than the one before");
	hr_metrics_clear(&m);
}

static size_t
files(void)
{
	DIR *d = opendir(folder);
	struct dirent *f;
	size_t n = 0;

	while (d && (f = readdir(d)) != NULL)
		n += f->d_name[0] != '.';
	if (d)
		closedir(d);
	return n;
}

static void
saved(void)
{
	struct hr_metrics m = HR_METRICS_INIT;
	struct hr_err e = HR_ERR_INIT;
	char *path = hr_sprintf("%s/hr.prom", folder), *none = hr_sprintf("%s/none/hr.prom", folder), got[200] = "";
	struct stat before, after, st;
	int fd, rc;

	hr_metric(&m, "x", "gauge", "X.");
	hr_metric_sample(&m, "apply", NULL, NULL, 1);
	ok(hr_metrics_save(&m, path, &e) == 0 && stat(path, &before) == 0 && files() == 1, "a file, and nothing beside it");
	fd = open(path, O_RDONLY);
	hr_metric_sample(&m, "apply", NULL, NULL, 2);
	ok(hr_metrics_save(&m, path, &e) == 0 && stat(path, &after) == 0 && files() == 1, "again");
	ok(before.st_ino != after.st_ino && (after.st_mode & 0777) == (0644 & ~umask(022)), "it is replaced by another file");
	ok(read(fd, got, sizeof(got) - 1) == before.st_size, "who reads the old one still has it whole");
	close(fd);
	memset(got, 0, sizeof(got));
	fd = open(path, O_RDONLY);
	ok(read(fd, got, sizeof(got) - 1) == (ssize_t)m.text.len && strcmp(got, hr_buf_text(&m.text)) == 0,
	    "the new one has the text");
	close(fd);
	ok(hr_metrics_save(&m, none, &e) == -1 && e.code == HR_IO && strstr(e.what, none) != NULL,
	    "a folder that is not there is status 74, and named");
	rc = hr_metrics_save(&m, folder, &e);
	ok(rc == -1 && e.code == HR_IO && strncmp(e.what, "cannot rename '", 15) == 0, "so is a folder in its place");
	free(none);
	none = hr_sprintf("%s.tmp.%d", folder, (int)getpid());
	ok(stat(none, &st) == -1, "nothing is left beside it");
	hr_buf_reset(&m.text);
	ok(hr_metrics_save(&m, path, &e) == 0 && stat(path, &st) == 0 && st.st_size == 0, "no metrics are an empty file");
	unlink(path);
	free(none);
	free(path);
	hr_metrics_clear(&m);
}

static void
unwritable(void)
{
	struct hr_metrics m = HR_METRICS_INIT;
	struct hr_err e = HR_ERR_INIT;

	hr_metric(&m, "x", "gauge", "X.");
	ok(hr_metrics_save(&m, "/proc/hr.prom", &e) == -1 && e.code == HR_IO, "a folder that takes no files is status 74");
	hr_metrics_clear(&m);
}

int
main(void)
{
	if (mkdtemp(folder) == NULL)
		return 70;
	text();
	histogram();
	saved();
	unwritable();
	rmdir(folder);
	return tap_done();
}
