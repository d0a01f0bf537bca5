/*
 * conn.h - a connection to PostgreSQL, through libpq.
 *
 * This folder is the only one that includes libpq-fe.h.  Errors carry the
 * server's SQLSTATE and the status a script can act on: what may pass by
 * itself is HR_TEMPORARY, a refused row HR_REFUSED, the rest HR_CONFIG.
 */
#ifndef HR_CONN_H
#define HR_CONN_H

#include "base/err.h"
#include "base/hr.h"

struct hr_conn;
struct hr_result;

enum hr_conn_kind { HR_CONN_PLAIN, HR_CONN_REPLICATION };

/*
 * Connect.  conninfo is libpq's; application_name is set to the program when
 * it names none; client_encoding is UTF8 and extra_float_digits, DateStyle
 * and the like are pinned.  Gives *c.  0, or -1 with *e set and *c NULL.
 */
int hr_conn_open(struct hr_conn **c, const char *conninfo, enum hr_conn_kind kind,
    struct hr_err *e) HR_USED;
void hr_conn_close(struct hr_conn *c);		/* NULL is fine */
bool hr_conn_alive(const struct hr_conn *c);
int hr_conn_socket(const struct hr_conn *c);
int hr_conn_server_version(const struct hr_conn *c);

/* Run SQL, throw the results away.  0, or -1. */
int hr_conn_exec(struct hr_conn *c, const char *sql, struct hr_err *e) HR_USED;
int hr_conn_execf(struct hr_conn *c, struct hr_err *e, const char *fmt, ...) HR_PRINTF(3, 4) HR_USED;

/* A value for a parameter: len -1 is NULL; binary says how data is written. */
struct hr_param {
	const void *data;
	int len;
	bool binary;
	uint32_t type;		/* OID, 0: the server decides */
};
#define HR_PARAM_TEXT(s) { (s), (s) ? 0 : -1, false, 0 }

/* Run one statement, give its rows (text form).  0, or -1. */
int hr_conn_query(struct hr_conn *c, struct hr_result **r, const char *sql, int n,
    const struct hr_param *param, struct hr_err *e) HR_USED;
int hr_result_rows(const struct hr_result *r);
int64_t hr_result_affected(const struct hr_result *r);
const char *hr_result_get(const struct hr_result *r, int row, int column);	/* NULL: NULL */
int hr_result_len(const struct hr_result *r, int row, int column);
void hr_result_free(struct hr_result *r);	/* NULL is fine */

/*
 * A pipeline: statements are queued, results come in their order.
 *
 * hr_pipeline_begin(); any number of hr_pipeline_prepare() / _send();
 * hr_pipeline_sync(); then hr_pipeline_result() once for each of them and once
 * for the sync; hr_pipeline_end().  Callers bound the bytes in flight: libpq's
 * buffers go quadratic otherwise.  After an error the results up to the sync
 * come back as aborted.
 */
int hr_pipeline_begin(struct hr_conn *c, struct hr_err *e) HR_USED;
int hr_pipeline_prepare(struct hr_conn *c, const char *name, const char *sql, int n,
    const uint32_t *type, struct hr_err *e) HR_USED;
/* name NULL: sql is run unprepared. */
int hr_pipeline_send(struct hr_conn *c, const char *name, const char *sql, int n,
    const struct hr_param *param, struct hr_err *e) HR_USED;
int hr_pipeline_sync(struct hr_conn *c, struct hr_err *e) HR_USED;
/*
 * 1: a statement's result in *r (may be rows), 0: the sync, -1: the statement
 * failed with *e set, or the connection is lost (then hr_conn_alive() is
 * false).  A statement skipped because of an earlier failure fails with
 * e->sqlstate "HRSKP".
 */
int hr_pipeline_result(struct hr_conn *c, struct hr_result **r, struct hr_err *e) HR_USED;
int hr_pipeline_end(struct hr_conn *c, struct hr_err *e) HR_USED;
/* Throw away what is left of a pipeline after a failure and leave the mode. */
void hr_pipeline_abandon(struct hr_conn *c);

/* COPY ... FROM STDIN: begin, put any number of times, end gives the rows. */
int hr_copy_in_begin(struct hr_conn *c, const char *sql, struct hr_err *e) HR_USED;
int hr_copy_in_put(struct hr_conn *c, const void *data, size_t len, struct hr_err *e) HR_USED;
/* The COPY is not to be; what comes back of it is read. */
void hr_copy_in_abort(struct hr_conn *c);
int hr_copy_in_end(struct hr_conn *c, int64_t *rows, struct hr_err *e) HR_USED;

/* COPY ... TO STDOUT, many connections at a time. */
int hr_copy_out_begin(struct hr_conn *c, const char *sql, struct hr_err *e) HR_USED;
/*
 * The next piece: 1 with *data lent until the next call, 0 when none is there
 * yet (poll the socket), -1 on error; *ended is set when the copy is complete.
 */
int hr_copy_out_read(struct hr_conn *c, const uint8_t **data, size_t *len, bool *ended,
    struct hr_err *e) HR_USED;

/*
 * Of a piece of a copy in binary: leave out its header (once; *begun is false
 * at first) and its trailer.  1: *data is a row's tuple, 0: nothing is left.
 */
int hr_copy_out_row(bool *begun, const uint8_t **data, size_t *len, struct hr_err *e) HR_USED;

/* An identifier or literal quoted; gives. */
char *hr_quote_ident(const char *name);
char *hr_quote_literal(const char *text);
/* "schema"."name"; gives. */
char *hr_quote_table(const char *schema, const char *name);

/* Words as a text[] literal: {"a","b"}; gives. */
char *hr_quote_array(char *const *word, size_t n);

/* May the same thing work when tried again? */
bool hr_err_retryable(const struct hr_err *e);

#endif
