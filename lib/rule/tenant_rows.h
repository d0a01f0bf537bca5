/*
 * tenant_rows.h - rows that a filter makes of its own: a transaction of each tenant,
 * and one for all, written side by side.
 *
 *	hr_tenant_rows_begin(r, pipe, lsn, time, flags);
 *	hr_tenant_rows_put(r, tenant, len, op, relation, value, n, &e); ...
 *	hr_tenant_rows_end(r, &e);
 *
 * Rows of one tenant gather up to 1 MB before a frame of them is written, those of
 * all up to 16 MB.
 */
#ifndef HR_TENANT_ROWS_H
#define HR_TENANT_ROWS_H

#include "base/err.h"
#include "base/hr.h"
#include "base/map.h"
#include "stream/pipe.h"
#include "stream/rows.h"

struct hr_tenant_rows {
	struct hr_map out;		/* by tenant */
	size_t buffered;		/* bytes, of all */
	struct hr_pipe *pipe;
	hr_lsn lsn;			/* commit and end of the transactions */
	int64_t time;
	uint8_t flags;			/* HR_COPY: rows are inserted into what is empty */
};

/* The transactions that follow; none is open. */
void hr_tenant_rows_begin(struct hr_tenant_rows *r, struct hr_pipe *p, hr_lsn lsn, int64_t time, uint8_t flags);
/* A HR_PUT, or a HR_DROP by the values of its key.  len 0: for all tenants.  0, or -1. */
int hr_tenant_rows_put(struct hr_tenant_rows *r, const char *tenant, size_t len, enum hr_op op, uint32_t relation,
    const struct hr_value *value, int n, struct hr_err *e) HR_USED;
/* They commit. */
int hr_tenant_rows_end(struct hr_tenant_rows *r, struct hr_err *e) HR_USED;
void hr_tenant_rows_clear(struct hr_tenant_rows *r);

#endif
