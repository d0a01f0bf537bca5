/*
 * courier.h - carry a stream by way of a spool.
 *
 * What is read is kept on disk before anything else; the checkpoint says so to the
 * source, whose slot moves on while the target is away.  From there it is
 * carried to a receiver, or to a queue: as one stream, or, when the receiver
 * wants that, and to a queue, as a stream for each tenant, each at its own pace.  What the target has for good,
 * as the receiver's checkpoint says, is removed.
 */
#ifndef HR_COURIER_H
#define HR_COURIER_H

#include "base/err.h"
#include "base/hr.h"
#include "net/dialer.h"
#include "net/publisher.h"
#include "state/intake.h"

struct hr_courier_options {
	struct hr_dialer_options to;
	struct hr_publisher *queue;	/* to that; or NULL */
	struct hr_intake keep;		/* its store, descriptor, checkpoint and limit are the caller's */
	struct hr_keyring *keys;	/* to read with, another one than the store's: two threads use them */
	bool retain;			/* an archive: nothing is removed */
	bool drain;			/* nothing is read: what is kept is carried, and that is all */
	const char *stream;		/* of which slot, then; NULL: of the only one */
	const char *qos, *score;	/* files, or NULL; see qos.h */
	const char *metrics;
	size_t window;			/* bytes of a tenant's stream on their way, at most */
	int ready_fd;			/* a newline when the spool is open; or -1 */
};

/*
 * 0 when the stream's end was read, and all of it is at the target for good; or,
 * drained, when all that was kept up to its last watermark is.  Or -1.
 */
int hr_courier_run(struct hr_courier_options *o, struct hr_err *e) HR_USED;

#endif
