/*
 * back: from a watermark written to the checkpoint that says that it was reached.
 *
 *	usage: back CHECKPOINT PER_SECOND COUNT RESULT
 *
 * Writes a stream of COUNT watermarks, paced, and watches the file.  The time of
 * a watermark is from before its write(2) until the file says its LSN or a later
 * one.  RESULT gets a JSON object, times in milliseconds.  The status is 75 when
 * the last one did not come back within 10 seconds.
 */

#include "base/hr.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "state/checkpoint.h"
#include "stream/mark.h"
#include "stream/writer.h"

#define STEP		256

static struct hr_writer w = HR_WRITER_INIT;
static int64_t *written;
static atomic_long done;
static long count;
static double rate;

static int64_t
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void
must(int rc, struct hr_err *e)
{
	if (rc < 0)
		_exit(hr_finish(e));
}

static void *
write_all(void *arg)
{
	struct hr_head h = { .version = 1, .system = 7301234567890123456, .timeline = 1, .database = (char *)"made",
	    .slot = (char *)"made", .encoding = (char *)"UTF8" };
	struct hr_watermark m = { .time = 1 };
	uint8_t data[HR_WATERMARK_SIZE];
	struct hr_err e = HR_ERR_INIT;
	int64_t begin;
	long i;

	hr_watermark_encode(&m, data);
	must(hr_write_head(&w, &h, &e), &e);
	must(hr_flush(&w, &e), &e);
	usleep(500000);			/* for the connection */
	begin = now();
	for (i = 0; i < count; i++) {
		int64_t at = begin + (int64_t)((double)i * 1e9 / rate);
		struct timespec t = { at / 1000000000, at % 1000000000 };

		while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) != 0)
			;
		written[i] = now();
		atomic_store(&done, i + 1);
		must(hr_write(&w, &(struct hr_frame){ .type = HR_FRAME_WATERMARK, .flags = HR_MUST | HR_ALL,
		    .lsn = (uint64_t)(i + 1) * STEP, .data = data, .len = sizeof(data) }, &e), &e);
		must(hr_flush(&w, &e), &e);
	}
	return arg;
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* All are back: 0, or -1 with *e set. */
static int
watch(const char *path, double *ms, struct hr_err *e)
{
	struct pollfd p = { hr_watch_open(path, e), POLLIN, 0 };
	long seen = 0;

	if (p.fd < 0)
		return -1;
	while (seen < count) {
		struct hr_checkpoint cp = HR_CHECKPOINT_INIT;
		int64_t t;

		if (poll(&p, 1, 10000) == 0)
			return hr_fail(e, HR_TEMPORARY, "only %ld of %ld watermarks came back", seen, count);
		if (!hr_watch_drain(p.fd, path))
			continue;
		t = now();
		if (hr_checkpoint_load(&cp, path, e) < 0)
			return -1;
		for (; seen < atomic_load(&done) && cp.lsn >= (uint64_t)(seen + 1) * STEP; seen++)
			ms[seen] = (double)(t - written[seen]) / 1e6;
		hr_checkpoint_clear(&cp);
	}
	return 0;
}

int
main(int argc, char *argv[])
{
	struct hr_err e = HR_ERR_INIT;
	pthread_t thread;
	double *ms;
	FILE *f;

	hr_name("back");
	if (argc != 5 || (rate = strtod(argv[2], NULL)) <= 0 || (count = strtol(argv[3], NULL, 10)) <= 0)
		return HR_USAGE;
	written = hr_zalloc((size_t)count * sizeof(*written));
	ms = hr_zalloc((size_t)count * sizeof(*ms));
	if (pthread_create(&thread, NULL, write_all, NULL) != 0)
		return HR_TEMPORARY;
	must(watch(argv[1], ms, &e), &e);
	pthread_join(thread, NULL);
	must(hr_write_end(&w, &e), &e);
	qsort(ms, (size_t)count, sizeof(*ms), compare);
	if ((f = fopen(argv[4], "we")) == NULL || fprintf(f, "{\"count\": %ld, \"rate\": %.0f, \"p50\": %.2f, "
	    "\"p90\": %.2f, \"p99\": %.2f, \"max\": %.2f}\n", count, rate, ms[count / 2],
	    ms[(long)((double)count * 0.9)], ms[(long)((double)count * 0.99)], ms[count - 1]) < 0 || fclose(f) != 0)
		return HR_IO;
	return 0;
}
