/*
 * publisher.h - the far end of a courier's connection, when that is a queue.
 *
 * To the courier it is a receiver that wants a stream for each tenant: it takes
 * lanes, acknowledges what the stream of JetStream has acknowledged, and says
 * what targets have as those who read the queue say it.  It is a thread at the
 * other end of a socket pair, one for each connection.
 */
#ifndef HR_PUBLISHER_H
#define HR_PUBLISHER_H

#include <pthread.h>

#include "base/err.h"
#include "base/hr.h"
#include "net/nats.h"
#include "stream/head.h"

struct hr_publisher {
	struct hr_nats_options to;
	const struct hr_head *head;	/* the stream's; there before the first connect, and not changed */
	/* ours */
	pthread_t thread;
	bool running;
	int fd;				/* the thread's end */
	int over;			/* set by who wants it to stop */
};

/* A connection: a descriptor, or -1 with *e set.  The one before it is ended; waits for that. */
int hr_publisher_connect(void *publisher, struct hr_err *e) HR_USED;
/* End the thread; waits. */
void hr_publisher_stop(struct hr_publisher *p);

#endif
