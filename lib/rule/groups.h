/*
 * groups.h - the groups of an aggregation: by their key, as many as there are.
 *
 * Groups are spread by a hash over parts of some 1 KB, of which there are more
 * as the groups become more (linear hashing).  When the memory is used up, the
 * parts that were not asked for lately are written to an unlinked file, whole,
 * and are read again when one of their groups is asked for.  A part that was
 * not changed since is not written again; when more of the file is waste than
 * not, it is written anew.  What stays in memory is 48 bytes a part;
 * parts become larger when these would be an eighth of it.
 *
 * A group can be due: then its row at the target is not what it is, and it is
 * to be shown at that time.  It can expire: then it may be forgotten.
 */
#ifndef HR_GROUPS_H
#define HR_GROUPS_H

#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/hr.h"
#include "rule/tally.h"

#define HR_TIME_NOW	INT64_MIN	/* due at once */
#define HR_TIME_NEVER	INT64_MAX	/* not due; does not expire */
#define HR_GROUP_KEY_MAX (1u << 30)

struct hr_group {
	struct hr_group *chain;		/* those of the same place in the table */
	struct hr_group *next;		/* those of the same part */
	struct hr_group *before, *after;	/* those that are due */
	uint64_t hash;
	hr_lsn lsn;			/* when it was shown last, or 0 */
	int64_t rows;
	int64_t due, expires;
	uint32_t key_len;
	bool shown;			/* the target has its row */
	struct hr_tally tally[];	/* then the key */
};

struct hr_groups_part {
	struct hr_group *first;
	uint64_t at, len;		/* in the file; len 0: not there */
	int64_t due, expires;		/* none of it before; due: of a part in the file */
	bool there;			/* in memory */
	bool stale;			/* and not as in the file */
	bool asked;			/* lately */
};

struct hr_groups {
	/* Set before the first use. */
	const struct hr_tally_kind *kind;	/* lent */
	int kinds;
	size_t max_memory;
	uint64_t max_file;	/* 0: as the disk allows */
	const char *dir;	/* NULL: TMPDIR or /tmp; lent */

	size_t used;		/* memory of those in memory, their tallies too */
	uint64_t count;
	struct hr_group **slot;	/* the table of those in memory */
	size_t slots, there;
	struct hr_groups_part *part;
	size_t parts, mask, hand;
	struct hr_group *due_first, *due_last;	/* those that are due, in the order in which they became it */
	int64_t due;		/* none in memory is due before */
	int64_t due_file;	/* nor any in the file */
	int fd;			/* of the file, and 1 more; 0: none yet */
	uint64_t file_bytes, waste;
	struct hr_buf buf;
};

static inline uint8_t *
hr_group_key(const struct hr_groups *t, const struct hr_group *g)
{
	return (uint8_t *)(uintptr_t)&g->tally[t->kinds];
}

/*
 * The group with this key, made when there is none; NULL with *e set.  It stays
 * where it is until the next call that is given the table.
 */
struct hr_group *hr_groups_get(struct hr_groups *t, const uint8_t *key, size_t len, struct hr_err *e) HR_USED;
/* Say so before the group is changed. */
void hr_groups_touch(struct hr_groups *t, struct hr_group *g);
/* It is due, at the earliest of the times that were said; HR_TIME_NEVER: not any more. */
void hr_groups_set_due(struct hr_groups *t, struct hr_group *g, int64_t due);
void hr_groups_set_expires(struct hr_groups *t, struct hr_group *g, int64_t expires);
/*
 * Called with a group, and not to call what is above but of that group: -1 with
 * *e set ends it, 1 takes the group out of the table.
 */
typedef int hr_groups_fn(void *arg, struct hr_group *g, struct hr_err *e);

/* Those that are due now or before, which they are not any more. */
int hr_groups_each_due(struct hr_groups *t, int64_t now, hr_groups_fn *fn, void *arg, struct hr_err *e) HR_USED;
/* Those of parts in which one expires now or before, the others of these too. */
int hr_groups_each_expired(struct hr_groups *t, int64_t now, hr_groups_fn *fn, void *arg,
    struct hr_err *e) HR_USED;
int hr_groups_each(struct hr_groups *t, hr_groups_fn *fn, void *arg, struct hr_err *e) HR_USED;

/* All groups one after the other as bytes, in pieces, to the callback. */
int hr_groups_save(struct hr_groups *t, int (*put)(void *arg, const void *data, size_t n, struct hr_err *e),
    void *arg, struct hr_err *e) HR_USED;
/*
 * One of them, into the table, and *g it: the bytes that it was; 0 when they are
 * none, or the table has it; -1 with *e set.
 */
ssize_t hr_groups_load(struct hr_groups *t, const uint8_t *data, size_t n, struct hr_group **g,
    struct hr_err *e) HR_USED;

void hr_groups_clear(struct hr_groups *t);	/* of all groups; ready again */

/* Between groups.c and groups_file.c. */
struct hr_group *hr_groups_find(const struct hr_groups *t, uint64_t hash, const uint8_t *key, size_t len);
void hr_groups_link(struct hr_groups *t, struct hr_groups_part *p, struct hr_group *g);
void hr_groups_unlink(struct hr_groups *t, struct hr_group *g);		/* from all but its part */
void hr_groups_free(struct hr_groups *t, struct hr_group *g);
struct hr_group *hr_groups_new(struct hr_groups *t, const uint8_t *key, size_t len);
struct hr_groups_part *hr_groups_part_of(const struct hr_groups *t, uint64_t hash);
int hr_groups_room(struct hr_groups *t, struct hr_err *e) HR_USED;
int hr_groups_read(struct hr_groups *t, struct hr_groups_part *p, struct hr_err *e) HR_USED;

#endif
