/*
 * intake.h - read a stream into a store, and say in a checkpoint how far it is.
 */
#ifndef HR_INTAKE_H
#define HR_INTAKE_H

#include "base/err.h"
#include "base/hr.h"
#include "state/store.h"
#include "stream/reader.h"

struct hr_intake {
	struct hr_store_options store;	/* full and arg are ours */
	int fd;
	const char *checkpoint;		/* what is durable is said there; or NULL */
	uint64_t most;			/* bytes of segments with which no more is read; 0: no limit */
	/* Called when more is durable, and while there is no room; -1 stops.  NULL: nothing. */
	int (*progress)(void *arg, struct hr_err *e);
	void *arg;
	/* ours */
	struct hr_reader reader;
	struct hr_store *s;
	int64_t since, said;
	int64_t warned, waited;		/* when it was told that there is little room, and none */
	hr_lsn told;
	bool copying;
	bool packed;			/* blocks came; read it by __atomic_load_n() from another thread */
};

/* The head is read and the store opened.  0, or -1 with *e set. */
int hr_intake_open(struct hr_intake *k, struct hr_err *e) HR_USED;
/*
 * The store of what was kept before, of this stream or (NULL) the only one: nothing
 * is read nor said, and the head is that of the stream that was kept last.  0, or -1:
 * HR_BAD_STREAM, too, when it is not known whether the end of it is there.
 */
int hr_intake_reopen(struct hr_intake *k, const char *stream, struct hr_err *e) HR_USED;
/* All of the stream is kept: 0 at its end frame, -1 with *e set. */
int hr_intake_run(struct hr_intake *k, struct hr_err *e) HR_USED;
void hr_intake_close(struct hr_intake *k);

#endif
