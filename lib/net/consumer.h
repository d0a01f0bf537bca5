/*
 * consumer.h - take tenants' streams from a queue, and hand each to its reader.
 *
 * A message leaves the queue when the target has all of it for good, as its
 * checkpoint says.  One tenant's trouble does not hold up another's: each has a
 * connection and a consumer of its own.
 */
#ifndef HR_CONSUMER_H
#define HR_CONSUMER_H

#include "base/err.h"
#include "base/hr.h"
#include "net/nats.h"

struct hr_consumer_options {
	struct hr_nats_options from;
	char *const *tenant;
	size_t tenants;			/* at least one */
	const char *command;		/* a reader for each; NULL: standard output, for one */
	const char *checkpoint;		/* with %s and %t, as in receiver.h */
	int ready_fd;			/* a newline when the first is consumed; or -1 */
};

/* It does not end by itself: -1 with *e set. */
int hr_consumer_run(const struct hr_consumer_options *o, struct hr_err *e) HR_USED;

#endif
