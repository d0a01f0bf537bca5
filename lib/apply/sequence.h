/*
 * sequence.h - values of the source's sequences, kept at the target and, where
 * that is asked for, set.
 *
 * They are not part of any transaction: a value may be ahead of the rows that
 * are there, and is never behind.
 */
#ifndef HR_APPLY_SEQUENCE_H
#define HR_APPLY_SEQUENCE_H

#include "base/err.h"
#include "base/hr.h"
#include "base/map.h"
#include "pg/conn.h"
#include "stream/mark.h"

#include <pthread.h>

struct hr_apply;

enum hr_sequence_mode { HR_SEQUENCES_KEEP, HR_SEQUENCES_FOLLOW, HR_SEQUENCES_AT_END };

/* Values that came and are not in the target's hr.sequence yet. */
struct hr_values {
	pthread_mutex_t lock;
	struct hr_map map;		/* schema NUL name -> struct hr_kept_value */
	bool news;
};

void hr_values_init(struct hr_values *v);
void hr_values_clear(struct hr_values *v);
/* The reader's: a frame came. */
int hr_values_put(struct hr_values *v, const struct hr_frame *f, struct hr_err *e) HR_USED;
/*
 * Write what came into hr.sequence; set the sequences when they are to follow.
 * What cannot be set is a warning, once.  0, or -1 with *e set: to be tried again.
 */
int hr_values_write(struct hr_apply *a, struct hr_conn *c, struct hr_err *e) HR_USED;
/* The stream has ended: set them all, those that were kept before too. */
int hr_values_set_all(struct hr_apply *a, struct hr_conn *c, struct hr_err *e) HR_USED;

#endif
