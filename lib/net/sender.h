/*
 * sender.h - carry one stream from standard input to a receiver.
 *
 * What was read is kept, up to a limit, until the receiver has handed it on:
 * after a cut the sender connects again and goes on behind what the receiver
 * stands at, to the frame.  The receiver's checkpoint comes back and is kept in
 * a file here.  When the receiver's side began anew, with a stream of which the
 * beginning is no longer kept here, the sender ends with HR_TEMPORARY: started
 * again, the source sends from what the target has.
 */
#ifndef HR_SENDER_H
#define HR_SENDER_H

#include "base/err.h"
#include "base/hr.h"
#include "net/address.h"
#include "net/tls.h"

struct hr_sender_options {
	struct hr_address to;
	bool insecure;			/* plain TCP beyond this host */
	struct hr_tls_files tls;	/* cert NULL: plain TCP */
	const char *tls_name;		/* whom the certificate must name; NULL: to.host */
	const char *checkpoint;		/* the far side's is kept there; or NULL */
	const char *metrics;
	int64_t dead_us;		/* a peer from which nothing comes for so long is gone */
	int64_t give_up_us;		/* without a receiver for so long: HR_TEMPORARY; 0: never */
	size_t window;			/* bytes kept until they have arrived */
	int ready_fd;			/* a newline when the first lane is open; or -1 */
};

/* 0 when the stream's end was read and whoever reads it there has ended well; or -1. */
int hr_sender_run(const struct hr_sender_options *o, struct hr_err *e) HR_USED;

#endif
