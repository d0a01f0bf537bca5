/* pq.h - what the files of this folder share of libpq; private to lib/pg. */
#ifndef HR_PQ_H
#define HR_PQ_H

#include <libpq-fe.h>

#include "pg/conn.h"

struct hr_conn {
	PGconn *pg;
	char *lent;		/* the copy piece lent last */
};

struct hr_result {
	PGresult *pg;
};

/* Fill *e from the connection or from a result; both return -1. */
int hr_pq_fail(struct hr_conn *c, struct hr_err *e, const char *doing);
int hr_pq_fail_result(const PGresult *r, struct hr_conn *c, struct hr_err *e);

#endif
