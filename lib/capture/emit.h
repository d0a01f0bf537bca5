/*
 * emit.h - changes of many tenants, gathered per tenant into frames.
 *
 * Rows wait in one buffer per tenant until enough bytes are there or the
 * source is quiet; then every buffer becomes one frame, and a watermark says
 * that all are complete.  What is for all tenants keeps its place: what came
 * before it is written before it, what comes after, after.
 */
#ifndef HR_EMIT_H
#define HR_EMIT_H

#include "base/buf.h"
#include "base/err.h"
#include "base/hr.h"
#include "base/map.h"
#include "stream/writer.h"

/* One tenant's buffer. */
struct hr_out {
	char *name;
	uint16_t len;
	bool selected;		/* false: its rows are dropped */
	bool dirty;		/* in the list of those with bytes waiting */
	bool all;		/* the one for every tenant */
	bool ordered;		/* other tenants' rows must be applied before */
	uint64_t txn;		/* the transaction whose begin it has */
	uint32_t items;
	struct hr_buf buf;
};

struct hr_emit {
	struct hr_writer *writer;
	struct hr_out all;
	struct hr_map out;	/* tenants by name */
	struct hr_map value;	/* the same by a column's type and raw bytes */
	struct hr_out **dirty;
	size_t dirties, dirty_cap;
	struct hr_out **touched;	/* in the open transaction */
	size_t touches, touch_cap;
	size_t waiting;		/* bytes in buffers */
	bool (*selects)(void *arg, const char *tenant, size_t len);
	void *selects_arg;
	/* the open transaction */
	uint64_t txn;		/* counts; 0: none was begun */
	bool open;
	uint32_t xid;
	hr_lsn commit;
	int64_t time;
	char *origin;
	hr_lsn origin_lsn;
	uint8_t flags;		/* HR_COPY for the first copy */
	/* what has been said */
	hr_lsn watermark;	/* the last one written */
	bool news;		/* something was committed that is in the stream */
	hr_lsn complete;	/* end of the last transaction committed */
	int64_t complete_time;
	uint64_t rows, transactions;
};

void hr_emit_init(struct hr_emit *m, struct hr_writer *w,
    bool (*selects)(void *, const char *, size_t), void *arg);
void hr_emit_clear(struct hr_emit *m);

/* The tenant of that name; lent, for as long as the emitter lives. */
struct hr_out *hr_emit_tenant(struct hr_emit *m, const char *name, size_t len);
/*
 * The tenant a value of that type names.  NULL with *e set when the value
 * names none (too long, empty, or not of the type).
 */
struct hr_out *hr_emit_tenant_of(struct hr_emit *m, uint32_t type, bool text, const uint8_t *value,
    size_t len, struct hr_err *e) HR_USED;

void hr_emit_begin(struct hr_emit *m, uint32_t xid, hr_lsn commit, int64_t time);
void hr_emit_origin(struct hr_emit *m, hr_lsn lsn, const char *name);
/*
 * Open an item for a tenant (&m->all for every tenant): gives the buffer to
 * append its body to, and its mark for hr_emit_close().  NULL with *e set.
 */
struct hr_buf *hr_emit_open(struct hr_emit *m, struct hr_out *o, int op, size_t *mark,
    struct hr_err *e) HR_USED;
/* The open item is not to be, after all. */
void hr_emit_cancel(struct hr_out *o, size_t mark);
int hr_emit_close(struct hr_emit *m, struct hr_out *o, size_t mark, struct hr_err *e) HR_USED;
/*
 * Write what other tenants have waiting: the tenant's next item follows it in
 * the stream.  binding: several appliers must keep that order, too.
 */
int hr_emit_in_order(struct hr_emit *m, struct hr_out *o, bool binding, struct hr_err *e) HR_USED;
int hr_emit_commit(struct hr_emit *m, hr_lsn end, struct hr_err *e) HR_USED;

/* Write what waits as frames, without a watermark.  0, or -1. */
int hr_emit_frames(struct hr_emit *m, struct hr_err *e) HR_USED;
/*
 * Write what waits, a watermark, and flush: outside a transaction only.
 * idle: nothing was committed since the last one.
 */
int hr_emit_watermark(struct hr_emit *m, hr_lsn lsn, int64_t time, bool idle, struct hr_err *e) HR_USED;
/* Enough waits for a watermark to be worth it. */
bool hr_emit_full(const struct hr_emit *m);

#endif
