/*
 * receiver.h - take streams from senders and hand each to its reader.
 *
 * One loop serves all connections; none can hold up another.  A sender's lane
 * has a sink, which outlives the connection: after a cut the sender goes on
 * where the sink stands.
 */
#ifndef HR_RECEIVER_H
#define HR_RECEIVER_H

#include "base/err.h"
#include "base/hr.h"
#include "net/address.h"
#include "net/tls.h"

struct hr_receiver_options {
	struct hr_address at;
	bool insecure;			/* plain TCP beyond this host */
	struct hr_tls_files tls;	/* cert NULL: plain TCP */
	const char *tenant_map;		/* what certificates may carry; NULL: as they say */
	char *const *tenant;		/* no others are taken; none: all */
	size_t tenants;
	const char *command;		/* a reader for each lane; NULL: standard output, for one */
	size_t commands;		/* of one sender at a time, at most */
	bool by_tenant;			/* a lane for each tenant */
	const char *checkpoint;		/* flows back; %s and %t are the slot and the tenant; or NULL */
	bool once;			/* end when the first stream has ended */
	int64_t dead_us;		/* a peer from which nothing comes for so long is gone */
	int64_t hello_us;		/* for TLS and what is said first */
	size_t connections;		/* at most */
	const char *port_file;		/* the port listened on is written there; or NULL */
	int ready_fd;			/* a newline when it listens; or -1 */
};

/* 0 when a stream ended well and no other is to come; or -1. */
int hr_receiver_run(const struct hr_receiver_options *o, struct hr_err *e) HR_USED;

#endif
