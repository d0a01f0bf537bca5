/*
 * deal.h - the stream dealt out to workers.
 *
 * With one worker frames go straight to it.  With several, the frames of a
 * window are gathered first: a window in which something is for all tenants,
 * or in which tenants depend on each other's order, or which is too large to
 * gather, is written by the first worker alone while the others wait.  Parts of
 * a first copy go each to the worker that has the fewest.
 */
#ifndef HR_DEAL_H
#define HR_DEAL_H

#include "apply/apply.h"
#include "stream/reader.h"
#include "stream/relation.h"

/* What the reader has in hand. */
struct hr_deal {
	struct hr_apply *a;
	struct hr_conn *conn;		/* for the marks of a copy */
	struct hr_relations relations;
	struct hr_piece *first, **last;	/* the gathered window */
	size_t bytes;
	bool alone;			/* it is for the first worker alone */
	bool flowing;			/* it is too large, and on its way already */
	bool *given;			/* workers that have rows of this window */
	bool any;
	bool continues;			/* the stream may follow what the target has */
	bool ended;			/* its end frame has come */
	bool copied;			/* the rows of this copy are in already */
	bool joining, join_passing;	/* a tenant is copied; it is in already */
	/* between the marks of a copy */
	bool copying;
	bool passing;			/* of this part, too */
	int part_worker;		/* whose the part is */
	int *part_of;			/* the same for each part; -1: nobody's yet */
	unsigned int *parts;		/* a worker has so many that have not ended */
	hr_lsn seen;			/* the last watermark */
	int64_t persisted_at;
	hr_lsn persisted;
};

void hr_deal_begin(struct hr_deal *d, struct hr_apply *a);
void hr_deal_clear(struct hr_deal *d);
/* Its own connection, also after that was lost while idle.  No worker has anything in hand. */
int hr_deal_conn(struct hr_deal *d, struct hr_err *e) HR_USED;
/* Until the stream has ended, or the reader is stopped: workers have what is whole.  0, or -1. */
int hr_deal_frames(struct hr_deal *d, struct hr_reader *r, struct hr_err *e) HR_USED;
/* Refuse a stream that hr-compress has packed.  Gives -1. */
int hr_deal_packed(struct hr_err *e) HR_USED;

#endif
