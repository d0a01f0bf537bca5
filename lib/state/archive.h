/*
 * archive.h - look at an archive, prove it, and let what is old go.
 */
#ifndef HR_ARCHIVE_H
#define HR_ARCHIVE_H

#include <stdio.h>

#include "base/err.h"
#include "base/hr.h"
#include "state/chain.h"
#include "state/keyring.h"

/* What a chain holds. */
struct hr_archive_chain {
	struct hr_chain chain;
	bool full;		/* it begins with a first copy */
	bool complete;		/* which has ended; without one: true */
	bool broken;		/* as why says */
	struct hr_err why;
	int64_t begun;		/* when, us since 2000-01-01 */
	hr_lsn from, to;	/* restores can be to positions from here to here */
	int64_t from_time, to_time;	/* commits; 0: none */
	uint64_t bundles, bytes;
	size_t tenants, segments;
};

/* All chains of a stream (NULL: of all), looked through.  Gives.  0, or -1 with *e set. */
int hr_archive_look(const char *dir, const char *stream, struct hr_keyring *keys, struct hr_archive_chain **list,
    size_t *n, struct hr_err *e) HR_USED;
void hr_archive_free(struct hr_archive_chain *list, size_t n);

/* A table, or JSON lines, of what there is.  0; -1 when a chain is broken, or cannot be looked at. */
int hr_archive_list(const char *dir, const char *stream, struct hr_keyring *keys, bool json, FILE *out, struct hr_err *e) HR_USED;

/*
 * Read every record of every segment, and every chain from its beginning to its end.
 * A line on out for each chain.  -1 with *e set when anything is not as it was written.
 */
int hr_archive_verify(const char *dir, const char *stream, struct hr_keyring *keys, FILE *out, struct hr_err *e) HR_USED;

struct hr_archive_retention {
	int64_t keep_us;	/* restores to any time so long ago must go on to be possible; 0: not said */
	size_t keep_full;	/* so many complete full chains stay; 0: not said */
	bool dry_run;
};
/* Remove chains that are needed no more; a line on out for each.  0, or -1 with *e set. */
int hr_archive_expire(const char *dir, const char *stream, struct hr_keyring *keys, const struct hr_archive_retention *r,
    FILE *out, struct hr_err *e) HR_USED;

#endif
