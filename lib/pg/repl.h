/*
 * repl.h - the streaming replication protocol over a replication connection.
 */
#ifndef HR_REPL_H
#define HR_REPL_H

#include "pg/conn.h"

struct hr_repl_id {
	uint64_t system;
	uint32_t timeline;
	hr_lsn flushed;
	hr_lsn timeline_begin;	/* 0 on timeline 1 */
	char database[64];
};
int hr_repl_identify(struct hr_conn *c, struct hr_repl_id *id, struct hr_err *e) HR_USED;

struct hr_repl_slot {
	bool exists, active, logical, lost, two_phase;
	char plugin[64], database[64];
	char why_lost[64];	/* wal_removed, idle_timeout...; "" up to PostgreSQL 16 */
	hr_lsn confirmed, restart;
};
/* What pg_replication_slots says; a slot that is not there is no error. */
int hr_repl_slot(struct hr_conn *c, const char *slot, struct hr_repl_slot *s, struct hr_err *e) HR_USED;

/* Create a pgoutput slot and export its snapshot (64 bytes); *lsn is where it begins. */
int hr_repl_create(struct hr_conn *c, const char *slot, char *snapshot, hr_lsn *lsn, struct hr_err *e) HR_USED;
/*
 * Export a snapshot (64 bytes) of now, by a slot that goes with the connection;
 * *lsn: it has just what committed before.  Waits for open transactions to end.
 */
int hr_repl_snapshot(struct hr_conn *c, char *snapshot, hr_lsn *lsn, struct hr_err *e) HR_USED;
/* The same in two steps: asked for, and looked at: 1 when it is there, 0 not yet, -1. */
int hr_repl_snapshot_ask(struct hr_conn *c, struct hr_err *e) HR_USED;
int hr_repl_snapshot_look(struct hr_conn *c, char *snapshot, hr_lsn *lsn, struct hr_err *e) HR_USED;
int hr_repl_drop(struct hr_conn *c, const char *slot, struct hr_err *e) HR_USED;

/*
 * START_REPLICATION; the highest protocol version the server has is asked for.
 * local_only: a server that can (16) leaves out what has a replication origin.
 */
int hr_repl_start(struct hr_conn *c, const char *slot, hr_lsn from, const char *publication,
    bool local_only, struct hr_err *e) HR_USED;

struct hr_repl_msg {
	bool keepalive;
	bool reply;		/* the server wants a status soon */
	hr_lsn wal_end;		/* keepalive: decoded up to here */
	int64_t time;		/* the server's clock */
	const uint8_t *data;	/* a pgoutput message; lent until the next read */
	size_t len;
};
/* 1 with *m, 0 when nothing has come yet (poll the socket), -1 on error. */
int hr_repl_read(struct hr_conn *c, struct hr_repl_msg *m, struct hr_err *e) HR_USED;

/* Standby status update.  flushed is what the slot may forget. */
int hr_repl_status(struct hr_conn *c, hr_lsn received, hr_lsn flushed, bool want_reply,
    struct hr_err *e) HR_USED;

/* End the stream: tell the server, wait until it has let the slot go. */
int hr_repl_stop(struct hr_conn *c, struct hr_err *e) HR_USED;

#endif
