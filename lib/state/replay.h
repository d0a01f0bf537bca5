/*
 * replay.h - a stream out of an archive, up to a point of time.
 */
#ifndef HR_REPLAY_H
#define HR_REPLAY_H

#include "base/err.h"
#include "base/hr.h"
#include "state/keyring.h"
#include "stream/writer.h"

struct hr_replay_options {
	const char *dir;
	struct hr_keyring *keys;
	const char *stream;		/* the slot's name; NULL: the only one there */
	const char *chain;		/* its name; NULL: the newest that has what is asked for */
	char *const *tenant;		/* these alone; none: all */
	size_t tenants;
	bool by_time, by_lsn;		/* up to which transaction: the last that committed */
	int64_t until_time;		/* at or before this time, or */
	hr_lsn until_lsn;		/* at or before this LSN */
	hr_lsn since;			/* a target that has all to there needs no copy; 0: from the beginning */
};

/*
 * "2026-01-31 10:30", with seconds, and a time zone (Z, +02, +02:00) or that of
 * this host, or an LSN.  0, or -1.
 */
int hr_replay_until(struct hr_replay_options *o, const char *text) HR_USED;

/* What was written, for eyes. */
struct hr_replayed {
	char chain[64];
	hr_lsn lsn;
	int64_t time;		/* of the last commit in it; 0: none */
	uint64_t left;		/* transactions that were left out */
};

/* Write the stream, its end frame too.  HR_REFUSED: no chain has it.  0, or -1 with *e set. */
int hr_replay_run(const struct hr_replay_options *o, struct hr_writer *w, struct hr_replayed *done, struct hr_err *e) HR_USED;

#endif
