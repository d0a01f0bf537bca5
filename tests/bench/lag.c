/*
 * lag: from commit at the source to visible at the target.
 *
 *	usage: lag SOURCE TARGET RATE SECONDS
 *
 * One connection inserts a row a transaction into lag (tenant_id, id, at) at
 * the source, RATE a second, paced; another asks the target for max(id), five
 * times a millisecond.  The lag of a row is the time from the answer to its
 * commit to the answer that first showed it.  Prints a JSON object, times in
 * milliseconds.  The status is 75 when rows are missing 30 seconds after.
 */

#include <inttypes.h>
#include <libpq-fe.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int64_t *committed;	/* ns, by id - 1; 0: not yet */
static atomic_int done;		/* rows committed */
static int total;
static int64_t took;		/* ns, for all of them */
static double rate;

static int64_t
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void
wait_until(int64_t t)
{
	struct timespec s = { t / 1000000000, t % 1000000000 };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &s, NULL) != 0)
		;
}

static PGconn *
connect_to(const char *conninfo)
{
	PGconn *c = PQconnectdb(conninfo);

	if (PQstatus(c) != CONNECTION_OK) {
		fprintf(stderr, "lag: error: %s", PQerrorMessage(c));
		exit(75);
	}
	return c;
}

static PGresult *
check(PGconn *c, PGresult *r, ExecStatusType want)
{
	if (PQresultStatus(r) != want) {
		fprintf(stderr, "lag: error: %s", PQerrorMessage(c));
		exit(70);
	}
	return r;
}

static void *
write_rows(void *arg)
{
	PGconn *c = arg;
	int64_t begin = now();
	char id[12];
	const char *value[] = { id };
	int i;

	for (i = 0; i < total; i++) {
		wait_until(begin + (int64_t)(i * 1e9 / rate));
		snprintf(id, sizeof(id), "%d", i + 1);
		PQclear(check(c, PQexecPrepared(c, "w", 1, value, NULL, NULL, 0), PGRES_COMMAND_OK));
		committed[i] = now();
		atomic_store(&done, i + 1);
	}
	took = now() - begin;
	return NULL;
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

int
main(int argc, char *argv[])
{
	int64_t limit;
	PGconn *source, *target;
	double *ms, sum = 0;
	pthread_t writer;
	int seen = 0, i;

	if (argc != 5) {
		fprintf(stderr, "usage: lag SOURCE TARGET RATE SECONDS\n");
		return 64;
	}
	rate = strtod(argv[3], NULL);
	total = (int)(rate * strtod(argv[4], NULL));
	if (total <= 0) {
		fprintf(stderr, "usage: lag SOURCE TARGET RATE SECONDS\n");
		return 64;
	}
	committed = calloc((size_t)total, sizeof(*committed));
	ms = calloc((size_t)total, sizeof(*ms));
	if (committed == NULL || ms == NULL)
		return 75;
	source = connect_to(argv[1]);
	target = connect_to(argv[2]);
	PQclear(check(source, PQexec(source, "SET synchronous_commit = off"), PGRES_COMMAND_OK));
	PQclear(check(source, PQprepare(source, "w",
	    "INSERT INTO lag VALUES ('acme', $1::int, clock_timestamp())", 0, NULL), PGRES_COMMAND_OK));
	PQclear(check(target, PQprepare(target, "r", "SELECT max(id) FROM lag", 0, NULL),
	    PGRES_COMMAND_OK));
	if (pthread_create(&writer, NULL, write_rows, source) != 0)
		return 75;

	limit = INT64_MAX;
	while (seen < total) {
		PGresult *r = check(target, PQexecPrepared(target, "r", 0, NULL, NULL, NULL, 0),
		    PGRES_TUPLES_OK);
		int max = atoi(PQgetvalue(r, 0, 0));
		int64_t t = now();

		PQclear(r);
		for (; seen < max; seen++) {
			/* Shown before the writer had its own answer: no lag. */
			int64_t at = seen < atomic_load(&done) ? committed[seen] : t;

			ms[seen] = (double)(t - at) / 1e6;
		}
		if (limit == INT64_MAX && atomic_load(&done) == total)
			limit = t + INT64_C(30000000000);
		if (t > limit) {
			fprintf(stderr, "lag: error: only %d of %d rows arrived\n", seen, total);
			return 75;
		}
		wait_until(t + 200000);
	}
	pthread_join(writer, NULL);
	qsort(ms, (size_t)total, sizeof(*ms), compare);
	for (i = 0; i < total; i++)
		sum += ms[i];
	printf("{\"rows\": %d, \"rate\": %.0f, \"mean\": %.2f, \"p50\": %.2f, \"p90\": %.2f, "
	    "\"p99\": %.2f, \"max\": %.2f}\n", total, total / ((double)took / 1e9), sum / total,
	    ms[total / 2], ms[(int)(total * 0.9)], ms[(int)(total * 0.99)], ms[total - 1]);
	PQfinish(source);
	PQfinish(target);
	free(committed);
	free(ms);
	return 0;
}
