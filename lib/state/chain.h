/*
 * chain.h - where the files of a store are.
 *
 *	DIR/STREAM/CHAIN/shared/NUMBER.seg	the log that all tenants share
 *	DIR/STREAM/CHAIN/tenant/NAME/NUMBER.seg	a tenant's
 *	DIR/STREAM/CHAIN/position		how far it is durable: chain_position.h
 *
 * A chain is what follows one first copy, or one position.  It is named by when it was
 * begun, so that names are in their order.  STREAM is the slot's name; in it
 * and in a tenant's, bytes that a file's name cannot have are %XX.
 */
#ifndef HR_CHAIN_H
#define HR_CHAIN_H

#include "base/buf.h"
#include "base/err.h"
#include "base/hr.h"
#include "state/segment.h"

#define HR_CHAIN_DIGITS	"%08" PRIu64 ".seg"	/* a segment's file, by its number */

struct hr_chain {
	char *stream;		/* the slot's name */
	char *name;
	char *dir;		/* of the chain */
};

/* A name as a file's.  Adds, without a NUL. */
void hr_chain_escape(struct hr_buf *b, const char *name);

/* All chains in DIR, of one stream or (NULL) of all, the oldest first.  Gives.  0, or -1 with *e set. */
int hr_chain_list(const char *dir, const char *stream, struct hr_chain **list, size_t *n, struct hr_err *e) HR_USED;
void hr_chain_list_free(struct hr_chain *list, size_t n);
/*
 * The stream that is meant: *stream, or where that is NULL the only one there is,
 * lent from the list; of several HR_USAGE.  NULL stays where there is none.  0, or -1.
 */
int hr_chain_only(const struct hr_chain *list, size_t n, const char *dir, const char **stream, struct hr_err *e) HR_USED;
/*
 * A new one's directories, named behind the last there is (NULL: there is none).  It
 * is a chain, which is listed, from when it begins: with a segment that is durable.
 * 0, or -1.
 */
int hr_chain_make(const char *dir, const char *stream, const char *last, struct hr_chain *c, struct hr_err *e) HR_USED;
int hr_chain_begin(struct hr_chain *c, struct hr_err *e) HR_USED;
/* Remove what was half made or half removed when a process was killed; by who has the lock.  0, or -1. */
int hr_chain_tidy(const char *dir, const char *stream, struct hr_err *e) HR_USED;
void hr_chain_clear(struct hr_chain *c);
/* Remove all of a chain.  0, or -1. */
int hr_chain_remove(const struct hr_chain *c, struct hr_err *e) HR_USED;

/*
 * The lock that who writes a stream's chains holds, until *fd is closed; directories
 * are made.  0; -1, and *fd is -1: HR_TEMPORARY, another process has it; HR_IO.
 */
int hr_chain_lock(const char *dir, const char *stream, int *fd, struct hr_err *e) HR_USED;

/* The directory of a log ("" is the shared one), and a segment's path.  Gives. */
char *hr_chain_log(const struct hr_chain *c, const char *tenant);
char *hr_chain_segment(const struct hr_chain *c, const char *tenant, uint64_t number);
/* The numbers of a log's segments, in their order; none when there is no log.  Gives.  0, or -1. */
int hr_chain_segments(const struct hr_chain *c, const char *tenant, uint64_t **number, size_t *n, struct hr_err *e) HR_USED;
/* The same of a log's directory, and the directories of all logs, the shared one last.  Gives.  0, or -1. */
int hr_chain_segments_in(const char *log, uint64_t **number, size_t *n, struct hr_err *e) HR_USED;
int hr_chain_logs(const struct hr_chain *c, char ***log, size_t *n, struct hr_err *e) HR_USED;
/* The tenants that have a log, by name.  Gives. */
int hr_chain_tenants(const struct hr_chain *c, char ***tenant, size_t *n, struct hr_err *e) HR_USED;

#endif
