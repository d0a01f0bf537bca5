/*
 * capture.h - decode a source once and write the stream.
 *
 * One replication connection, one slot, all tenants.  capture.c has the
 * connection, its loss and its end; change.c turns pgoutput's messages into
 * items of tenants; snapshot.c makes the first copy; check.c tells in advance.
 */
#ifndef HR_CAPTURE_H
#define HR_CAPTURE_H

#include "base/err.h"
#include "base/hr.h"
#include "capture/ddl.h"
#include "capture/emit.h"
#include "capture/parent.h"
#include "capture/route.h"
#include "capture/sequence.h"
#include "capture/source.h"
#include "capture/spill.h"
#include "capture/wal_end.h"
#include "pg/pgoutput.h"
#include "pg/repl.h"
#include "state/checkpoint.h"
#include "state/config.h"
#include "stream/writer.h"

struct hr_capture_options {
	const char *conninfo;
	const char *slot;
	const char *publication;	/* comma-separated */
	struct hr_config *config;	/* tenancy, tenants (to which a copy may add), tables */
	bool create_slot, snapshot;
	int jobs;			/* copy connections */
	int64_t part_pages;		/* of a part of a large table; 0: as suits it */
	bool has_endpos, endpos_now;
	hr_lsn endpos;
	const char *checkpoint;		/* or NULL */
	uint64_t epoch;
	bool local_only;		/* leave out what arrived by replication */
	int64_t status_us;		/* between status updates */
	const char *spill_dir;		/* or NULL */
	uint64_t spill_max;		/* 0: none */
	const char *metrics;		/* or NULL */
	int ready_fd;			/* -1: none */
};

struct hr_capture {
	const struct hr_capture_options *o;
	struct hr_conn *sql;		/* catalogs */
	struct hr_conn *repl;
	struct hr_repl_id id;
	struct hr_type_names types;
	struct hr_source_tables tables;
	struct hr_router *router;
	struct hr_routes routes;
	struct hr_writer writer;
	struct hr_emit emit;
	struct hr_spill spill;
	struct hr_sequences sequences;
	struct hr_parents parents;
	struct hr_ddl_key ddl;
	struct hr_join *join;		/* tenants copied meanwhile; NULL: none can be */
	struct hr_conn *as_of;		/* while a first copy catches up: as it will be then; or NULL */
	const struct hr_checkpoint *have;	/* then, what the target has of it */
	/* decoding */
	bool in_stream;			/* between stream start and stop */
	uint32_t stream_xid;
	bool foreign;			/* the open transaction is another's: left out */
	bool replaying;			/* a spilled transaction */
	uint64_t changes;		/* messages of the open transaction handled */
	uint64_t skip;			/* of them to skip after a reconnection */
	hr_lsn resumed;			/* its commit LSN; 0: none is resumed */
	uint32_t resumed_xid;
	/* positions */
	hr_lsn received;		/* to tell the source */
	hr_lsn acked;			/* what the target has made durable */
	hr_lsn began;			/* the end of the source's WAL when we did */
	int64_t sent_time;		/* the source's clock at the last message */
	struct hr_wal_end ahead;	/* where the source's WAL ended, which we have not reached */
	int64_t said_time;		/* sent_time at the last watermark of a quiet source */
	bool past_endpos;
	bool late_end;			/* endpos is a now that comes when the copies asked for are done */
	bool settling;			/* the quiet source was asked how far it is */
	int64_t settle_at, settle_us;	/* when that is next; 0: not quiet */
	hr_lsn endpos;			/* resolved; 0: none */
	int watch;			/* inotify, or -1 */
	int64_t acked_at;		/* when the checkpoint last changed */
	int64_t status_at;
	int64_t metrics_at;
	uint64_t losses;		/* connections */
};

/* Run to the end: endpos, a signal, or an error.  0, or -1 with *e set. */
int hr_capture_run(const struct hr_capture_options *o, struct hr_err *e) HR_USED;
/* Print what can be routed and what cannot.  0, or -1 when something cannot. */
int hr_capture_check(const struct hr_capture_options *o, struct hr_err *e) HR_USED;
int hr_capture_drop_slot(const struct hr_capture_options *o, struct hr_err *e) HR_USED;

/* The connection for questions: made when there is one.  0, or -1. */
int hr_capture_sql(struct hr_capture *c, struct hr_err *e) HR_USED;
/* Long work between two messages: tell the source now and then that we are there. */
void hr_capture_keep_alive(struct hr_capture *c);
/* Decide how a relation is routed, and by what way.  0, or -1; see hr_route_decide(). */
int hr_capture_decide(struct hr_capture *c, struct hr_relation *rel, bool changes, struct hr_route *route,
    struct hr_err *e) HR_USED;
/* change.c: one pgoutput message. */
int hr_capture_message(struct hr_capture *c, const uint8_t *data, size_t len, struct hr_err *e) HR_USED;
/* A relation is met: route it, write its frame if it is new.  Takes it over. */
int hr_capture_relation(struct hr_capture *c, struct hr_relation *rel, struct hr_route **route,
    struct hr_err *e) HR_USED;
/* Where a NULL tenant goes: *o NULL means nowhere. */
int hr_capture_null_tenant(struct hr_capture *c, const struct hr_route *route, struct hr_out **o,
    struct hr_err *e) HR_USED;

/* resume.c: the first copy, begun, or gone on with; *from is where changes follow. */
int hr_capture_copy(struct hr_capture *c, const char *snapshot, hr_lsn lsn, struct hr_err *e) HR_USED;
int hr_capture_resume(struct hr_capture *c, hr_lsn *from, struct hr_err *e) HR_USED;
/* While it catches up: does the target have all of that table, so that its changes are as any? */
bool hr_capture_has_whole(const struct hr_capture *c, uint32_t relation);

/*
 * capture.c, for resume.c: look at the tables anew; write the head (copy: its
 * key of that name, or NULL); follow the changes up to those that commit at or
 * after until; read the checkpoint, keep its position, and keep all of it in
 * *cp when that is not NULL.
 */
/* Ask the source how far it is: its answer comes as a keepalive. */
int hr_capture_ask(struct hr_capture *c, struct hr_err *e) HR_USED;
int hr_capture_tables(struct hr_capture *c, struct hr_err *e) HR_USED;
int hr_capture_head(struct hr_capture *c, hr_lsn from, const char *copy, struct hr_err *e) HR_USED;
int hr_capture_until(struct hr_capture *c, hr_lsn from, hr_lsn until, struct hr_err *e) HR_USED;
int hr_capture_look(struct hr_capture *c, struct hr_checkpoint *cp, struct hr_err *e) HR_USED;

/* capture.c: is a stop asked for? */
bool hr_capture_stopping(void);

#endif
