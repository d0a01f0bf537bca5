/*
 * settle.h - decide, of keys that looked different, which are.
 *
 * While both sides are written to, two reads never see one moment.  So a key
 * is read at the source, then at the target when that has followed, then at
 * the source again.  It is equal when the target has what the source had
 * before or has after.  It differs when it has stayed as it is on both sides,
 * not even written with the same values, for two rounds.
 */
#ifndef HR_MIGRATE_SETTLE_H
#define HR_MIGRATE_SETTLE_H

#include "base/err.h"
#include "base/hr.h"
#include "migrate/table.h"

struct hr_verify;

/* What a read saw of a key. */
struct hr_seen {
	char *what;		/* hashes, or a count; NULL: nothing is there */
	char *stamp;		/* changes with every write; NULL with what */
};

enum hr_read { HR_BEFORE, HR_AT_TARGET, HR_AFTER };

struct hr_candidate {
	char **key;			/* its columns' texts; a hash when the table has no key */
	struct hr_seen now[3];		/* by enum hr_read */
	struct hr_seen last[2];		/* source and target in the round before, when it stood */
	bool stood;			/* it differed and did not change in the last round */
};

enum hr_verdict { HR_EQUAL, HR_DIFFERENT, HR_AGAIN };

/* Judge by what was read in this round and the one before; remembers this one. */
enum hr_verdict hr_candidate_judge(struct hr_candidate *c);
void hr_candidate_clear(struct hr_candidate *c, int keys);

/* Candidates of one chunk. */
struct hr_candidates {
	struct hr_candidate *candidate;
	size_t n, cap;
};

/* Add one; the key's texts are copied. */
void hr_candidates_add(struct hr_candidates *a, const char *const *key, int keys);
void hr_candidates_clear(struct hr_candidates *a, int keys);

/*
 * Settle them all; what differs is reported, and is in the repair.  0, or -1
 * with *e set: HR_TEMPORARY when a row does not settle in time.
 */
int hr_settle(struct hr_verify *v, const struct hr_twin *w, struct hr_candidates *a, struct hr_err *e) HR_USED;

#endif
