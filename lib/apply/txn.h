/*
 * txn.h - one transaction at the target: what is sent, and what must come back.
 *
 * Statements go out in a pipeline and their results are looked at when it is
 * drained: at the latest after a stated number of bytes, since a pipeline that
 * is not read grows without bound in libpq.  BEGIN travels with the first
 * statement, COMMIT with the last ones where no count has to be seen before.
 */
#ifndef HR_TXN_H
#define HR_TXN_H

#include "apply/target.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/hr.h"
#include "pg/conn.h"

struct hr_expect {
	struct hr_statement *prepares;	/* its Parse */
	int64_t rows;			/* it must change so many; -1: any number */
	/* called when it did not, after the drain */
	void *what;			/* the change, or the set */
	bool is_set;
	int64_t did;
	bool is_commit;
	bool says_existed;		/* its row is true where a row was there before */
};

struct hr_txn {
	struct hr_conn *conn;
	bool open, piped;
	bool committed;			/* the last COMMIT was answered */
	struct hr_expect *expect;	/* results to come */
	size_t expects, at, expect_cap;
	size_t bytes;			/* sent and not drained */
	/* a statement changed another number of rows than it should have */
	int (*short_of)(void *arg, const struct hr_expect *x, struct hr_err *e);
	void *short_arg;
	bool counting;			/* some statement sent has a count to be seen */
	void *failed;			/* the change whose statement failed, or NULL */
	const void *copying;		/* the target of a COPY that has not ended, or NULL */
	bool copy_stays;		/* a COPY may go on with the next rows; no statement does meanwhile */
	struct hr_buf copy;		/* rows for it that are not sent */
};

/* Send a prepared statement; it is prepared first when it was not. */
int hr_txn_send(struct hr_txn *t, struct hr_statement *s, const char *sql, const uint32_t *type,
    int n, const struct hr_param *param, int64_t rows, void *what, bool is_set, struct hr_err *e) HR_USED;
/* The statement sent last returns whether the row existed: did is 2 then. */
void hr_txn_says_existed(struct hr_txn *t);
/*
 * Be in a COPY to a target, binary, as SQL says; that which has not ended goes on.
 * It ends before the next statement, and fails there or before.
 */
int hr_txn_copy(struct hr_txn *t, const void *target, const char *sql, struct hr_err *e) HR_USED;
int hr_txn_copy_end(struct hr_txn *t, struct hr_err *e) HR_USED;
/* A row was put into copy: send what is there when it is enough. */
int hr_txn_copy_room(struct hr_txn *t, struct hr_err *e) HR_USED;
/* Send SQL that runs once, with text parameters. */
int hr_txn_sql(struct hr_txn *t, const char *sql, int n, const struct hr_param *param, struct hr_err *e) HR_USED;
/* Drain when more is under way than should be. */
int hr_txn_room(struct hr_txn *t, struct hr_err *e) HR_USED;
/* Read all results. */
int hr_txn_drain(struct hr_txn *t, struct hr_err *e) HR_USED;
/* Drain and leave the pipeline, so that the connection can COPY or query. */
int hr_txn_plain(struct hr_txn *t, struct hr_err *e) HR_USED;
/* Be in the transaction, and plain. */
int hr_txn_begin(struct hr_txn *t, struct hr_err *e) HR_USED;
/* COMMIT, everything drained. */
int hr_txn_commit(struct hr_txn *t, struct hr_err *e) HR_USED;
/* After a failure: ROLLBACK, ready again; does nothing to a dead connection. */
void hr_txn_rollback(struct hr_txn *t);
void hr_txn_clear(struct hr_txn *t);

#endif
