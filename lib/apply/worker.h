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

/* What this worker knows of a tenant. */
struct hr_tenant {
	char *name;			/* "" for what is for all */
	char *array;			/* the same as text[], when it was needed */
	size_t len;
	hr_lsn position;		/* commits before this are in already */
	struct hr_account *account;
	/* its open transaction */
	bool skipping;
	bool unkept;			/* parked, and this transaction was applied before */
	uint32_t xid;
	hr_lsn lsn;
	int64_t time;
	/* since the last commit of this worker */
	bool touched;
	uint64_t rows, bytes, transactions;
	hr_lsn last_lsn;
	int64_t last_time;
	uint32_t last_xid;
	struct { uint32_t relation; hr_lsn lsn; } *table;
	size_t tables, table_cap;
	hr_lsn parked_from;		/* what commits before this is applied */
	/* relations already kept for it while it is parked */
	struct hr_map kept;
};

struct hr_refused {
	struct hr_tenant *tenant;
	hr_lsn lsn;
	struct hr_err why;
	char *awaits;			/* it goes on when this is true, or NULL */
};

/* A change of a table that somebody has to make here. */
struct hr_told {
	uint32_t relation;
	char *sql, *done;
};

struct hr_worker {
	struct hr_apply *a;
	int index;
	pthread_t thread;
	struct hr_queue queue;
	struct hr_conn *conn;
	struct hr_txn txn;
	struct hr_statement advance;
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
	bool in_copy;			/* the piece in hand is of a first copy */
	char *only;			/* the tenants asked for, as text[]; NULL: all */
	bool has_origin;		/* a replication origin is set up */
	struct hr_ahead *ahead;		/* changes of tables that the target has already */
	size_t aheads, ahead_cap;
	bool ahead_known;
	struct hr_told *told;		/* in the open window */
	size_t tolds, told_cap;
	char *awaits;			/* what would mend the failure */
	bool changed;			/* the open window changes tables */
	bool looked;			/* tables that do not fit were looked at again for it */
	unsigned int changes;		/* of tables that are known here */
	uint32_t *ended;		/* parts of a copy, in the open window */
	size_t ends, end_cap;
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

/*
 * Between the files of a worker.
 */
#define HR_KEEP_BYTES	((size_t)48 << 20)	/* of pieces in memory, then a file */

/* kept.c: the next piece, first those of a try that failed.  1, 0 when there will be none, -1. */
int hr_worker_next(struct hr_worker *w, struct hr_piece **out, struct hr_err *e) HR_USED;
/* What is kept goes to the file.  The batch must hold nothing of it. */
int hr_worker_spill(struct hr_worker *w, struct hr_err *e) HR_USED;
void hr_worker_free_loaded(struct hr_worker *w);
void hr_worker_free_kept(struct hr_worker *w);

/* rows.c: write a piece into the batch; tables and tenants by what names them. */
int hr_worker_rows(struct hr_worker *w, const struct hr_piece *p, struct hr_err *e) HR_USED;
int hr_worker_relation(struct hr_worker *w, const struct hr_piece *p, struct hr_err *e) HR_USED;
/* A part of the first copy has ended: the commit says so, and a COPY goes on over it. */
int hr_worker_part(struct hr_worker *w, const struct hr_piece *p, struct hr_err *e) HR_USED;
/* All rows are written: say which parts are in by this transaction. */
int hr_worker_parts_in(struct hr_worker *w, struct hr_err *e) HR_USED;
struct hr_target *hr_worker_target(struct hr_worker *w, uint32_t id);
/* Takes rel over; remember: what was there is put back when the window fails. */
int hr_worker_put_target(struct hr_worker *w, struct hr_relation *rel, bool remember, struct hr_err *e) HR_USED;
/* Tables were changed: each is looked up again before it is used. */
void hr_worker_stale(struct hr_worker *w);
/* Look tables up again that did not fit: somebody may have mended them. */
int hr_worker_look_again(struct hr_worker *w, struct hr_err *e) HR_USED;

/* worker.c: see that the batch is written; pieces may then go. */
int hr_worker_flush(struct hr_worker *w, struct hr_err *e) HR_USED;
struct hr_tenant *hr_worker_tenant(struct hr_worker *w, const char *name, size_t len);

#endif
