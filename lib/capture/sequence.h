/*
 * sequence.h - values of the source's sequences, as frames.
 *
 * PostgreSQL's decoding says nothing of sequences, so their values are read
 * from the source while changes flow.  A value may be ahead of the rows that
 * are sent with it and is never behind them.
 */
#ifndef HR_CAPTURE_SEQUENCE_H
#define HR_CAPTURE_SEQUENCE_H

#include "base/err.h"
#include "base/hr.h"
#include "base/map.h"

struct hr_capture;

/* What was last said. */
struct hr_sequences {
	struct hr_map map;		/* schema NUL name -> struct hr_sequence_said */
	void **list;			/* of those that exist, in the map too */
	size_t count, cap;
	int64_t looked_at, listed_at;
	hr_lsn received;		/* what had come when they were looked at */
};

/*
 * Write frames for the values that are new: at most once a second and when
 * something has come since, or now.  Outside a transaction only.  A source
 * that cannot be asked is a warning, or with now an error.  0, or -1.
 */
int hr_capture_sequences(struct hr_capture *c, bool now, struct hr_err *e) HR_USED;
void hr_sequences_clear(struct hr_sequences *s);

#endif
