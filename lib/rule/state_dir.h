/*
 * state_dir.h - the directory of a stream's aggregations: which stream it is and how
 * far the states go, the tables that they are of, and the states.
 *
 *	position		JSON: stream, timeline, lsn; states, of each table that is made
 *				the LSN that its state has at least
 *	lock			held while it is in use
 *	SCHEMA.TABLE.relation	JSON: relation, a frame's payload in hexadecimal digits;
 *				tenant, in such digits too, where all rows are of one
 *	SCHEMA.TABLE.state	aggregate_state.c's, of a table that is made
 *
 * Each is written beside and then by rename, durably.  Errors are HR_IO, with what
 * to do; a position of another stream is HR_REFUSED.
 */
#ifndef HR_STATE_DIR_H
#define HR_STATE_DIR_H

#include "base/buf.h"
#include "base/err.h"
#include "base/hr.h"
#include "base/map.h"
#include "stream/head.h"

/*
 * Make it where it is not, and take it until the descriptor that it gives is closed.
 * -1: it is another process's, and stays so for some seconds (HR_TEMPORARY).
 */
int hr_state_dir_open(const char *dir, struct hr_err *e) HR_USED;

/* Which stream it is, in letters that JSON takes; gives. */
char *hr_state_dir_stream(const struct hr_head *h);

struct hr_state_position {
	bool there;
	bool lost;			/* it is not, and states are */
	uint32_t timeline;
	hr_lsn lsn;
	struct hr_map states;		/* hr_lsn * by schema.table */
};
/* Read it; stream: which one it is to be. */
int hr_state_dir_position(const char *dir, const char *stream, struct hr_state_position *p, struct hr_err *e) HR_USED;
int hr_state_dir_set_position(const char *dir, const char *stream, const struct hr_state_position *p,
    struct hr_err *e) HR_USED;
/* The LSN of a table's state; 0: there is none. */
hr_lsn hr_state_position_of(const struct hr_state_position *p, const char *table);
void hr_state_position_set(struct hr_state_position *p, const char *table, hr_lsn lsn);
void hr_state_position_clear(struct hr_state_position *p);

/* The paths of all tables there are; the caller frees them.  clear: there are none afterwards, nor states. */
int hr_state_dir_tables(const char *dir, bool clear, char ***path, size_t *n, struct hr_err *e) HR_USED;

/* Where the file of a table is, which ends in that; gives. */
char *hr_state_dir_path(const char *dir, const char *schema, const char *name, const char *end);

/* What a table's file says.  tenant, which may be NULL, gives a text or NULL. */
int hr_state_dir_table(const char *path, struct hr_buf *relation, char **tenant, struct hr_err *e) HR_USED;
int hr_state_dir_set_table(const char *path, const struct hr_buf *relation, const char *tenant,
    struct hr_err *e) HR_USED;

#endif
