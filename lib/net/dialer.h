/*
 * dialer.h - a sender's connection to a receiver, made again whenever it is cut.
 *
 * Who owns it polls, and calls hr_dialer_turn(): it connects, does the TLS
 * handshake, says hello, and gives messages to heard.  An outage is told of
 * once, and then now and then.
 */
#ifndef HR_DIALER_H
#define HR_DIALER_H

#include <poll.h>

#include "base/err.h"
#include "base/hr.h"
#include "net/address.h"
#include "net/link.h"
#include "net/tls.h"

struct hr_dialer_options {
	struct hr_address to;
	bool insecure;			/* plain TCP beyond this host */
	struct hr_tls_files tls;	/* cert NULL: plain TCP */
	const char *tls_name;		/* whom the certificate must name; NULL: to.host */
	int64_t dead_us;		/* a peer from which nothing comes for so long is gone */
	int64_t give_up_us;		/* without a receiver that takes anything for so long: over; 0: never */
	/* A connection made in another way, to what is called peer; NULL: to an address.  A descriptor, or -1. */
	int (*connect)(void *arg, struct hr_err *e);
	void *connect_arg;
	const char *peer;
};

enum hr_dialer_stage { HR_DIALER_AWAY, HR_DIALER_SHAKING, HR_DIALER_GREETING, HR_DIALER_UP };

struct hr_dialer {
	const struct hr_dialer_options *o;
	struct hr_tls *tls;
	struct hr_link link;
	enum hr_dialer_stage stage;
	bool ever;			/* it was up once */
	bool working;			/* since it was up, what was asked of it went well: the owner says so */
	int64_t away, told;		/* since when; when that was said */
	int64_t well;			/* when there was last a receiver, one that did not refuse */
	struct hr_err why;		/* the trouble since, the latest */
	int64_t tried, pause, next;	/* attempts: the last one's beginning, how long between them */
	uint64_t cuts;
	/* the owner's: */
	int (*up)(void *arg, const struct hr_hello *h, struct hr_err *e);	/* said hello */
	int (*heard)(void *arg, const struct hr_wire *m, struct hr_err *e);	/* a message */
	void (*load)(void *arg);	/* put what is to be sent */
	void (*down)(void *arg);	/* it was cut */
	void *arg;
};

#define HR_DIALER_INIT { .link = { .fd = -1 } }

/* 0, or -1 with *e set: certificates that cannot be used. */
int hr_dialer_open(struct hr_dialer *d, const struct hr_dialer_options *o, struct hr_err *e) HR_USED;
/* Begin the connection, if there is one, anew. */
void hr_dialer_again(struct hr_dialer *d, const struct hr_err *why);
void hr_dialer_close(struct hr_dialer *d);

/* What to poll, and for how long at most. */
struct pollfd hr_dialer_poll(const struct hr_dialer *d, int *wait_ms);
/* 0, or -1 with *e set: another attempt is of no use. */
int hr_dialer_turn(struct hr_dialer *d, short events, struct hr_err *e) HR_USED;

#endif
