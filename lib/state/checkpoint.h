/*
 * checkpoint.h - the file through which positions flow back to the source.
 *
 * It is written by whoever is nearest the target, beside and by rename, and
 * watched by whoever is nearer the source.  It is a hint that may lag and
 * never leads: the truth is in the target.  hr-checkpoint(5) is its page.
 */
#ifndef HR_CHECKPOINT_H
#define HR_CHECKPOINT_H

#include "base/buf.h"
#include "base/err.h"
#include "base/hr.h"
#include "state/watch.h"	/* a checkpoint is read when it changed */

enum hr_checkpoint_state {
	HR_STATE_NONE,		/* nothing said yet */
	HR_STATE_COPYING,	/* the first copy is under way */
	HR_STATE_STREAMING,
	HR_STATE_PARKED,	/* tenants only */
};

struct hr_table_position {
	char *table;		/* schema.table */
	hr_lsn lsn;		/* of the last commit that changed it */
};

struct hr_tenant_position {
	char *tenant;
	enum hr_checkpoint_state state;
	char *reason;		/* why it is parked, or NULL */
	hr_lsn lsn;		/* durable up to here; all before it is in */
	int64_t commit_time;	/* of its last commit, us since 2000-01-01; 0: none */
	uint32_t xid;		/* of its last commit */
	uint64_t rows, bytes;	/* since the stream was first seen */
	struct hr_table_position *table;	/* by name; hr_checkpoint_table() adds */
	size_t tables;
};

/* A part of the first copy that the target has for good, while not all of it is in. */
struct hr_copied_part {
	char *table;		/* schema.table, for eyes */
	uint32_t relation, of, filenode, from, to;	/* as in hr-stream(5) */
};

struct hr_checkpoint {
	char *stream;		/* the slot's name */
	char *database;		/* the source's */
	uint64_t system;
	uint32_t timeline;
	uint64_t epoch;
	enum hr_checkpoint_state state;
	hr_lsn lsn;		/* all tenants are durable or parked up to here */
	int64_t commit_time;	/* of the last commit in it; 0: none */
	int64_t written;	/* when, us since 2000-01-01 */
	uint64_t rows, bytes, transactions;
	struct hr_copied_part *part;	/* hr_checkpoint_part() adds */
	size_t parts;
	/* As they came: a file has them by name, hr_checkpoint_tenant() adds at the end. */
	struct hr_tenant_position *tenant;
	size_t tenants;
	uint32_t *by_name;	/* private: tenant[by_name[i]] is the i-th by name */
	size_t room;		/* private: of both arrays */
};

#define HR_CHECKPOINT_INIT { 0 }

/* A file that is longer is not read. */
#define HR_CHECKPOINT_MAX	(256 * 1024 * 1024)

/*
 * Read a file.  1 when it is there, 0 when there is none, -1 with *e set when
 * it cannot be read (HR_IO) or is not a whole checkpoint (HR_BAD_STREAM), *c
 * then being clear.  *c must be zero or cleared before.
 */
int hr_checkpoint_load(struct hr_checkpoint *c, const char *path, struct hr_err *e) HR_USED;

/*
 * Write it beside path and rename; durable: fsync the file and its directory.
 * On failure the old file is as it was.  0, or -1 with *e set.
 */
int hr_checkpoint_save(const struct hr_checkpoint *c, const char *path, bool durable,
    struct hr_err *e) HR_USED;

/* The file's bytes.  decode: 0, or -1 with *e set (HR_BAD_STREAM) and *c clear. */
void hr_checkpoint_encode(const struct hr_checkpoint *c, struct hr_buf *out);	/* adds */
int hr_checkpoint_decode(struct hr_checkpoint *c, const char *text, size_t len,
    struct hr_err *e) HR_USED;
/* Control characters, and the backslash itself, behind a backslash; adds. */
void hr_checkpoint_escape(struct hr_buf *b, const char *s);

/*
 * The tenant's entry, made when it is not there, at the end; or found only
 * (NULL: not there).  The entry is lent until the next one is made.
 */
struct hr_tenant_position *hr_checkpoint_tenant(struct hr_checkpoint *c, const char *tenant);
const struct hr_tenant_position *hr_checkpoint_find(const struct hr_checkpoint *c,
    const char *tenant);

/* A commit at lsn changed this table of the tenant's. */
void hr_checkpoint_table(struct hr_tenant_position *t, const char *table, hr_lsn lsn);

/* The target has this part of the first copy. */
void hr_checkpoint_part(struct hr_checkpoint *c, const struct hr_copied_part *part);

/*
 * What the tenant has: its own LSN or, when it streams and the others went on
 * without a change of its own, the stream's.
 */
hr_lsn hr_checkpoint_reached(const struct hr_checkpoint *c, const struct hr_tenant_position *t);

/*
 * Move the stream's position, or one tenant's (made when it is not there).
 * Forward, so that the source may forget, only when forward says that the
 * target has it.  0, or -1 with *e set (HR_REFUSED).
 */
int hr_checkpoint_move(struct hr_checkpoint *c, const char *tenant, hr_lsn lsn, bool forward,
    struct hr_err *e) HR_USED;

/* Is it of the stream of that slot, from that source? */
bool hr_checkpoint_is_of(const struct hr_checkpoint *c, uint64_t system, const char *slot);

/*
 * Up to where the target has all for good, of a tenant or (NULL, or one that the
 * file does not know) of the stream; 0 while the first copy is under way, when
 * positions are of its parts.
 */
hr_lsn hr_checkpoint_durable(const struct hr_checkpoint *c, const char *tenant);

const char *hr_checkpoint_state_name(enum hr_checkpoint_state s);
void hr_checkpoint_clear(struct hr_checkpoint *c);

#endif
