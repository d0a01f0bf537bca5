/*
 * worker.h - one connection, its tenants, one window or more at a time.
 *
 * Pieces are kept until the transaction they are in has committed: when it
 * fails they are written again, first as before, then row by row in their
 * order, then without the tenant whose rows are refused.
 */
#ifndef HR_WORKER_H
#define HR_WORKER_H

#include "apply/apply.h"
#include "apply/park.h"

struct hr_tenant;

struct hr_refused {
	struct hr_tenant *tenant;
	hr_lsn lsn;
	struct hr_err why;
};

struct hr_worker {
	struct hr_apply *a;
	int index;
	pthread_t thread;
	struct hr_queue queue;
	struct hr_conn *conn;
	struct hr_txn txn;
	struct hr_batch batch;
	struct hr_map target;		/* relation id -> struct hr_target */
	uint32_t serial;
	struct hr_map tenant;		/* name -> struct hr_tenant */
	struct hr_parked parked;
	int64_t batches;		/* committed by this run */
	/* the open window */
	struct hr_piece **kept;		/* since the last commit */
	size_t keeps, keep_cap, at;
	size_t kept_bytes;
	int spill;			/* kept pieces that did not fit in memory, or -1 */
	uint64_t spilled, spill_at;
	struct hr_piece *loaded;	/* from the file, until the batch is drained */
	size_t loaded_bytes;
	struct hr_relation **undo;	/* as tables were when the window began */
	size_t undos, undo_cap;
	bool row_by_row;
	bool replaying;			/* parked changes */
	bool has_origin;		/* a replication origin is set up */
	struct hr_refused *refused;	/* to be parked in the next try */
	size_t refusals, refused_cap;
	hr_lsn target_lsn;		/* the window's, when it ends */
	int64_t target_time;
	struct hr_tenant **touched;
	size_t touches, touch_cap;
	uint64_t rows, bytes, transactions, conflicts;	/* in the open window */
};

void *hr_worker_run(void *worker);
/* Positions in the book have changed; nothing may be in hand. */
void hr_worker_reposition(struct hr_worker *w);
void hr_worker_init(struct hr_worker *w, struct hr_apply *a, int index);
void hr_worker_clear(struct hr_worker *w);

/*
 * Write a piece that was kept for a parked tenant: row by row, in the open
 * transaction.  What was for all is written for this tenant alone.
 */
int hr_worker_replay(struct hr_worker *w, const struct hr_piece *p, struct hr_err *e) HR_USED;

#endif
