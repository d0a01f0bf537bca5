/*
 * address.h - HOST:PORT, and the sockets at both ends of it.
 *
 * HOST is a name, an IPv4 address, an IPv6 address in brackets, or nothing or
 * '*' for every address of this host; PORT is a number or a service's name.
 * Sockets do not block, are closed by exec, and notice a peer that is gone:
 * keepalives, and a limit to how long sent bytes may stay unacknowledged.
 */
#ifndef HR_ADDRESS_H
#define HR_ADDRESS_H

#include <sys/socket.h>

#include "base/err.h"
#include "base/hr.h"

struct hr_address {
	char *host;		/* NULL: every address */
	char *port;
};

/* 0, or -1 with *e set (HR_USAGE). */
int hr_address_parse(struct hr_address *a, const char *text, struct hr_err *e) HR_USED;
void hr_address_clear(struct hr_address *a);

/* "[::1]:5433" into out; returns out. */
#define HR_ADDRESS_TEXT 80
char *hr_address_format(char *out, const struct sockaddr *sa, socklen_t len);
bool hr_address_is_loopback(const struct sockaddr *sa);
/* Does the name lead to loopback addresses only?  0, or -1: HR_REFUSED; or it cannot be found. */
int hr_address_near(const char *host, struct hr_err *e) HR_USED;

/*
 * Sockets that listen, one for each address of the name: gives an array of *n
 * descriptors.  With the port 0 all have the same one, which is free.  Without
 * far, each address must be a loopback one (HR_REFUSED).
 */
int *hr_address_listen(const struct hr_address *a, bool far, size_t *n, struct hr_err *e) HR_USED;

/*
 * Connect, one address after the other, for at most wait_us in all.  Gives
 * the descriptor and the peer's address in text (HR_ADDRESS_TEXT bytes); -1 with *e
 * set, HR_TEMPORARY when it may work later.
 */
int hr_address_connect(const struct hr_address *a, bool far, int64_t wait_us, char *text, struct hr_err *e) HR_USED;

/* The port that a socket is bound to; 0: to none. */
int hr_address_port(int fd);

/*
 * What every connection of ours has; dead_us: how long sent bytes may stay
 * unacknowledged.  Linux counts a peer that answers and takes nothing too, so
 * who sends much, and hears the peer itself, has 0: no limit.
 */
void hr_address_tune(int fd, int64_t dead_us);

#endif
