/*
 * spill.h - transactions that the source streams before they commit.
 *
 * Their messages are kept in memory up to a limit for all of them, then in one
 * unlinked file each, until their commit replays or their abort drops them.
 */
#ifndef HR_SPILL_H
#define HR_SPILL_H

#include "base/buf.h"
#include "base/err.h"
#include "base/hr.h"

struct spilled;

struct hr_spill {
	const char *dir;	/* for files; NULL: TMPDIR or /tmp */
	uint64_t max;		/* bytes in files for all; 0: as the disk allows */
	struct spilled *first;
	size_t in_memory;
	uint64_t in_files;
};

/* Append one message of (sub)transaction subxid to the transaction xid. */
int hr_spill_add(struct hr_spill *s, uint32_t xid, uint32_t subxid, const uint8_t *data, size_t len,
    struct hr_err *e) HR_USED;
/* Drop what subxid did; the same as xid drops the transaction. */
void hr_spill_abort(struct hr_spill *s, uint32_t xid, uint32_t subxid);
/*
 * Hand every message that was not aborted to the callback, in their order, and
 * drop the transaction.  A transaction without messages is no error.
 */
int hr_spill_replay(struct hr_spill *s, uint32_t xid,
    int (*message)(void *arg, const uint8_t *data, size_t len, struct hr_err *e), void *arg,
    struct hr_err *e) HR_USED;
void hr_spill_clear(struct hr_spill *s);	/* drop all; ready again */

#endif
