/*
 * book.h - hr's own tables in the target: progress, parked changes, conflicts.
 *
 * The schema "hr" is made on first use and versioned.  Progress is written in
 * the transaction of the rows, by hr.advance(), which never goes back: a stream
 * that begins earlier passes what is in already.  It refuses (SQLSTATE)
 *	HR001	a lower epoch: this stream was fenced off
 *	HR002	another hr-apply has taken the stream over
 *	HR003	tenants were parked or taken up again: look again
 *	HR004	batches of this worker that had committed are not there: the
 *		target crashed before they were on its disk
 */
#ifndef HR_BOOK_H
#define HR_BOOK_H

#include "base/err.h"
#include "base/hr.h"
#include "pg/conn.h"
#include "stream/head.h"

#define HR_BOOK_VERSION 2

/* Make the schema when it is not there, and what it lacks of an older version.  0, or -1 with *e set. */
int hr_book_create(struct hr_conn *c, struct hr_err *e) HR_USED;

/* Where one worker of one generation stands. */
struct hr_place {
	int generation, worker, workers;
	hr_lsn lsn;
};

/* What the target knows of a stream. */
struct hr_book {
	char *stream;
	uint64_t epoch;
	bool copying;		/* its first copy was begun and not completed */
	bool streaming;		/* changes have been taken, or a copy was completed */
	hr_lsn copy_lsn;	/* of its first copy; 0: none */
	struct hr_place *place;	/* of all generations */
	size_t places;
	int generation;		/* this run's */
	char holder[40];	/* this run's */
};

/*
 * Take the stream over, of the tenants given as text[] (NULL: all): check that
 * no tenant is new, and that the head continues what the target has
 * (same system and database, no lower epoch, a timeline that goes on),
 * make this run the holder of its progress with so many workers, and read
 * where it stands.  Waits for transactions of an earlier holder to end.
 * 0, or -1 with *e set and nothing changed.
 */
int hr_book_open(struct hr_book *b, struct hr_conn *c, const struct hr_head *head, const char *tenants,
    int workers, struct hr_err *e) HR_USED;
/*
 * May changes follow what the target has?  Asked when the stream does not
 * begin with a first copy.  0, or -1 with *e set.
 */
int hr_book_no_gap(const struct hr_book *b, const struct hr_head *h, struct hr_err *e) HR_USED;
/*
 * Do changes come first to a copy that was not completed, and then the rest of
 * it?  What is in of it follows them.
 */
bool hr_book_catches_up(const struct hr_book *b, const struct hr_head *h);
void hr_book_clear(struct hr_book *b);

/* Changes that commit before this are in already. */
hr_lsn hr_book_position(const struct hr_book *b, const char *tenant, size_t len);
/* What some tenant has at most. */
hr_lsn hr_book_most(const struct hr_book *b);
/* What every tenant has at least. */
hr_lsn hr_book_least(const struct hr_book *b);
/* The worker a tenant belongs to. */
int hr_book_worker(const char *tenant, size_t len, int workers);

/* Is this run still the one that writes the stream?  Inside a transaction it stays so.  0, or -1. */
int hr_book_holds(struct hr_conn *c, const struct hr_book *b, struct hr_err *e) HR_USED;

/* Says that commits were lost with a crash of the target.  Gives -1. */
int hr_book_lost(struct hr_err *e) HR_USED;
/* The newest batch of a worker that is in. */
int hr_book_batch(struct hr_conn *c, const struct hr_book *b, int worker, int64_t *batch,
    struct hr_err *e) HR_USED;

/* The first copy: remember that it began or is complete. */
int hr_book_copying(struct hr_conn *c, const struct hr_book *b, bool copying, hr_lsn lsn,
    struct hr_err *e) HR_USED;

/* Changes come, and then a copy: it is not complete. */
int hr_book_catching_up(struct hr_conn *c, struct hr_book *b, struct hr_err *e) HR_USED;

/* Changes follow: no copy is missing any more. */
int hr_book_streaming(struct hr_conn *c, struct hr_book *b, struct hr_err *e) HR_USED;

#define HR_ADVANCE_SQL "SELECT hr.advance($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
#define HR_ADVANCE_PARAMS 11

#endif
