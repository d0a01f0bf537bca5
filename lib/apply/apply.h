/*
 * apply.h - write a stream into a target, exactly once.
 *
 * One thread reads the stream and hands it to workers, each with a connection
 * and its tenants; one more watches what has become durable and writes the
 * checkpoint file.  deal.c is the reader, worker.c a worker, ledger.c what all of
 * them report, park.c what happens to a tenant that cannot go on, apply.c the
 * beginning and the end.
 */
#ifndef HR_APPLY_H
#define HR_APPLY_H

#include <pthread.h>
#include <stdatomic.h>

#include "apply/batch.h"
#include "apply/book.h"
#include "apply/copied.h"
#include "apply/queue.h"
#include "apply/sequence.h"
#include "base/map.h"
#include "state/metrics.h"
#include "stream/reader.h"

struct hr_apply_options {
	const char *conninfo;
	char *const *tenant;		/* only these; none means all */
	size_t tenants;
	int jobs;
	const char *checkpoint;		/* or NULL */
	bool add_columns;		/* --ddl add, and all */
	bool run_ddl;			/* --ddl all */
	int64_t batch_rows;
	enum hr_sequence_mode sequences;
	bool synchronous;		/* wait for WAL at each commit */
	bool dry_run;
	const char *metrics;		/* or NULL */
	int ready_fd;			/* -1: none */
};

/* What is known of a tenant for the checkpoint; guarded by the ledger's lock. */
struct hr_account {
	char *tenant;
	bool parked;
	bool copying;			/* while the others go on */
	char *reason;
	hr_lsn lsn;
	int64_t time;
	uint32_t xid;
	uint64_t rows, bytes;
	struct hr_map table;		/* schema.table -> struct hr_table_lsn */
};

struct hr_table_lsn {
	hr_lsn lsn;
};

/* A window that was committed and may not be durable yet. */
struct hr_unsure {
	struct hr_unsure *next;
	hr_lsn lsn;			/* the watermark's */
	int64_t time;
	int64_t batch;			/* of the worker */
	size_t parts;			/* of a first copy that ended with it */
	uint32_t part[];
};

struct hr_ledger {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	pthread_cond_t ended;		/* ending was set */
	struct hr_map account;		/* by tenant */
	struct hr_unsure **unsure;	/* one list a worker, oldest first */
	hr_lsn *asked, *durable;	/* watermarks given to a worker, and in for good */
	int64_t *flushing;		/* batches under way to the disk; the ledger's thread's */
	int workers;
	hr_lsn watermark;		/* the newest one given to anybody */
	int64_t time;			/* of the newest commit */
	uint64_t rows, bytes, transactions, conflicts;
	struct hr_histogram lag;	/* of windows, at their commit */
	size_t parked;
	bool copying, streaming, dirty, ending;
};

struct hr_apply {
	const struct hr_apply_options *o;
	struct hr_head *head;
	struct hr_book book;
	struct hr_copied copied;	/* of a first copy; which parts are in: guarded by the ledger's lock */
	struct hr_ledger ledger;
	struct hr_values values;	/* of sequences */
	struct hr_worker *worker;
	int workers;
	atomic_uint changes;		/* of tables here, by any of us */
	atomic_bool awaiting;		/* something waits to be run by hand */
	bool every_tenant;		/* the stream has all, and all are applied */
	/* the first failure of any thread ends all */
	pthread_mutex_t lock;
	struct hr_err error;
	bool failed;
};

/* Note the failure, if it is the first, and wake everybody. */
void hr_apply_fail(struct hr_apply *a, const struct hr_err *e);

int hr_apply_run(const struct hr_apply_options *o, struct hr_err *e) HR_USED;
/* Take parked tenants up again. */
int hr_apply_retry(const struct hr_apply_options *o, struct hr_err *e) HR_USED;

/* One of them, alone.  *why is what it is parked for now, when that failed. */
int hr_apply_resume(const struct hr_apply_options *o, const char *stream, const char *tenant, struct hr_err *e) HR_USED;

/*
 * awaited.c: what was to be run at the target by somebody.  Look once whether
 * it has been, and take up the tenants that waited for it; the thread does so
 * every second.
 */
int hr_awaited_look(struct hr_apply *a, struct hr_conn *c, struct hr_map *tried, struct hr_err *e) HR_USED;
void *hr_awaited_run(void *apply);
/* The same of one tenant whose copy has ended: what commits before the snapshot is in that. */
int hr_apply_joined(struct hr_apply *a, const char *tenant, hr_lsn snapshot, struct hr_err *e) HR_USED;

/* ledger.c */
void hr_ledger_init(struct hr_ledger *l, int workers);
void hr_ledger_clear(struct hr_ledger *l);
/* Go on counting from an earlier run's checkpoint, if it is of this stream. */
void hr_ledger_seed(struct hr_apply *a);
struct hr_account *hr_ledger_account(struct hr_ledger *l, const char *tenant, size_t len);
/*
 * A watermark is about to be given to these workers (an array of flags).  Said
 * at once for all of them: one that has not been asked yet is not waited for.
 */
void hr_ledger_asked(struct hr_ledger *l, const bool *worker, hr_lsn lsn);
/* It was committed there, and may be durable at once; with it ended so many parts of a first copy. */
void hr_ledger_committed(struct hr_apply *a, int worker, hr_lsn lsn, bool durable, int64_t batch, const uint32_t *part,
    size_t parts);
/* Another first copy is planned (taken over), or none, and all before is durable.  The lock is held. */
void hr_ledger_copied(struct hr_apply *a, struct hr_copied *now);
/* Is it in, for good? */
bool hr_ledger_has_part(struct hr_apply *a, uint32_t part);
/* On a new connection, while no worker has anything in hand: is all there that they have committed? */
int hr_ledger_intact(struct hr_apply *a, struct hr_conn *c, struct hr_err *e) HR_USED;
/* All workers have all up to this, for good. */
hr_lsn hr_ledger_position(struct hr_ledger *l);
/* Write the checkpoint file as things stand.  0, or -1. */
int hr_ledger_save(struct hr_apply *a, bool durable, struct hr_err *e) HR_USED;
/* The thread that sees to durability and the checkpoint file. */
void *hr_ledger_run(void *apply);

/* measure.c: the metrics file. */
int hr_apply_measure(struct hr_apply *a, struct hr_err *e) HR_USED;

/* A connection set up for applying: replica role, no surprises of planning. */
int hr_apply_connect(struct hr_conn **c, const struct hr_apply_options *o, bool synchronous, struct hr_err *e) HR_USED;

#endif
