/* address.c - names to addresses, and sockets that listen and connect. */

#include "base/hr.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "net/address.h"

#define BACKLOG		512
#define PORTS		16		/* that are tried for one that all addresses have free */
#define ATTEMPT_US	1000000		/* for one address, when there are several or not */

int
hr_address_parse(struct hr_address *a, const char *text, struct hr_err *e)
{
	const char *colon = strrchr(text, ':'), *host = text;
	size_t n;

	if (colon == NULL || colon[1] == '\0')
		return hr_fail(e, HR_USAGE, "'%s' is not HOST:PORT", text);
	n = (size_t)(colon - text);
	if (n >= 2 && text[0] == '[' && text[n - 1] == ']') {
		host++;
		n -= 2;
	} else if (memchr(text, ':', n)) {
		hr_fail(e, HR_USAGE, "'%s' is not HOST:PORT", text);
		return hr_hint(e, "an IPv6 address stands in brackets: [::1]:5433");
	}
	a->host = n == 0 || (n == 1 && *host == '*') ? NULL : hr_sprintf("%.*s", (int)n, host);
	a->port = hr_strdup(colon + 1);
	return 0;
}

void
hr_address_clear(struct hr_address *a)
{
	free(a->host);
	free(a->port);
	*a = (struct hr_address){ NULL, NULL };
}

char *
hr_address_format(char *out, const struct sockaddr *sa, socklen_t len)
{
	char host[64] = "?", port[16] = "?";

	getnameinfo(sa, len, host, sizeof(host), port, sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV);
	snprintf(out, HR_ADDRESS_TEXT, sa->sa_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
	return out;
}

bool
hr_address_is_loopback(const struct sockaddr *sa)
{
	const struct sockaddr_in *four = (const void *)sa;
	const struct sockaddr_in6 *six = (const void *)sa;

	if (sa->sa_family == AF_INET)
		return ntohl(four->sin_addr.s_addr) >> 24 == 127;
	if (sa->sa_family != AF_INET6)
		return false;
	return IN6_IS_ADDR_LOOPBACK(&six->sin6_addr) ||
	    (IN6_IS_ADDR_V4MAPPED(&six->sin6_addr) && six->sin6_addr.s6_addr[12] == 127);
}

static struct addrinfo *
resolve(const struct hr_address *a, int flags, struct hr_err *e)
{
	struct addrinfo hint = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = flags }, *list;
	int rc = getaddrinfo(a->host, a->port, &hint, &list);

	if (rc == 0)
		return list;
	hr_fail(e, rc == EAI_AGAIN || rc == EAI_SYSTEM || rc == EAI_FAIL ? HR_TEMPORARY :
	    rc == EAI_SERVICE ? HR_USAGE : HR_TEMPORARY, "cannot find '%s:%s': %s", a->host ? a->host : "*",
	    a->port, rc == EAI_SYSTEM ? strerror(errno) : gai_strerror(rc));
	return NULL;
}

static int
refuse_far(const struct sockaddr *sa, socklen_t len, struct hr_err *e)
{
	char text[HR_ADDRESS_TEXT];

	hr_fail(e, HR_REFUSED, "%s is not a loopback address, and the stream would cross the network in the clear",
	    hr_address_format(text, sa, len));
	return hr_hint(e, "give --tls-cert, --tls-key and --tls-ca, or --insecure");
}

int
hr_address_near(const char *host, struct hr_err *e)
{
	struct hr_address a = { .host = (char *)host, .port = (char *)"0" };
	struct addrinfo *list = resolve(&a, 0, e), *i;
	int rc = list ? 0 : -1;

	for (i = list; i && rc == 0; i = i->ai_next)
		if (!hr_address_is_loopback(i->ai_addr))
			rc = refuse_far(i->ai_addr, i->ai_addrlen, e);
	if (list)
		freeaddrinfo(list);
	return rc;
}

void
hr_address_tune(int fd, int64_t dead_us)
{
	int on = 1, idle = 1, times = 3;
	unsigned dead_ms = (unsigned)(dead_us / 1000);		/* 0: as the system has it */

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &idle, sizeof(idle));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &times, sizeof(times));
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &dead_ms, sizeof(dead_ms));
}

static int
listen_at(const struct addrinfo *at, bool far, struct hr_err *e)
{
	char text[HR_ADDRESS_TEXT];
	int on = 1, fd;

	if (!far && !hr_address_is_loopback(at->ai_addr))
		return refuse_far(at->ai_addr, at->ai_addrlen, e);
	fd = socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, at->ai_protocol);
	if (fd < 0)
		return hr_fail_sys(e, "cannot make a socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (at->ai_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (bind(fd, at->ai_addr, at->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	hr_fail_sys(e, "cannot listen on %s", hr_address_format(text, at->ai_addr, at->ai_addrlen));
	close(fd);
	return -1;
}

/* The place of the port in an address, in network order. */
static in_port_t *
port_of(struct sockaddr *sa)
{
	return sa->sa_family == AF_INET6 ? &((struct sockaddr_in6 *)(void *)sa)->sin6_port :
	    &((struct sockaddr_in *)(void *)sa)->sin_port;
}

int
hr_address_port(int fd)
{
	struct sockaddr_storage sa = { 0 };
	socklen_t len = sizeof(sa);

	return getsockname(fd, (struct sockaddr *)&sa, &len) == 0 ? ntohs(*port_of((struct sockaddr *)&sa)) : 0;
}

/*
 * All of the list that can be, of which the first that has any port decides for
 * the others.  *taken: one could not have the port of that.
 */
static int *
listen_all(struct addrinfo *list, bool far, size_t *n, bool *taken, struct hr_err *e)
{
	int *fd = NULL, one;
	size_t cap = 0;
	in_port_t free_port = 0;
	struct addrinfo *at;

	*taken = false;
	for (at = list; at && e->code != HR_REFUSED; at = at->ai_next) {
		bool any = *port_of(at->ai_addr) == 0;

		if (any)
			*port_of(at->ai_addr) = free_port;
		errno = 0;
		one = listen_at(at, far, e);
		*taken |= one < 0 && any && free_port && errno == EADDRINUSE;
		if (any)
			*port_of(at->ai_addr) = 0;
		/* A host without IPv6 has its addresses in the list nevertheless. */
		if (one < 0)
			continue;
		if (any && free_port == 0)
			free_port = htons((in_port_t)hr_address_port(one));
		HR_GROW(fd, *n, cap);
		fd[(*n)++] = one;
	}
	return fd;
}

static int *
close_all(int *fd, size_t *n)
{
	while (*n)
		close(fd[--*n]);
	free(fd);
	return NULL;
}

int *
hr_address_listen(const struct hr_address *a, bool far, size_t *n, struct hr_err *e)
{
	struct addrinfo *list = resolve(a, AI_PASSIVE, e);
	struct hr_err first = HR_ERR_INIT;
	int *fd = NULL, tries = list ? PORTS : 0;
	bool taken = true;

	*n = 0;
	while (taken && tries-- > 0) {
		fd = close_all(fd, n);
		hr_err_clear(&first);
		fd = listen_all(list, far, n, &taken, &first);
	}
	if (list == NULL)
		return NULL;
	freeaddrinfo(list);
	if (*n && !taken && first.code != HR_REFUSED)
		return fd;
	*e = first;
	return close_all(fd, n);
}

static bool
is_itself(int fd)
{
	struct sockaddr_storage us = { 0 }, them = { 0 };
	socklen_t len = sizeof(us), other = sizeof(them);

	return getsockname(fd, (struct sockaddr *)&us, &len) == 0 &&
	    getpeername(fd, (struct sockaddr *)&them, &other) == 0 && len == other && memcmp(&us, &them, len) == 0;
}

static int
attempt(const struct addrinfo *at, int64_t wait_us, struct hr_err *e)
{
	int fd = socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, at->ai_protocol);
	struct pollfd p = { fd, POLLOUT, 0 };
	socklen_t len = sizeof(int);
	char text[HR_ADDRESS_TEXT];
	int error = 0, n;

	if (fd < 0)
		return hr_fail_sys(e, "cannot make a socket");
	if (connect(fd, at->ai_addr, at->ai_addrlen) < 0) {
		error = errno;
		if (error == EINPROGRESS) {
			while ((n = poll(&p, 1, (int)(wait_us / 1000) + 1)) < 0 && errno == EINTR)
				;
			error = ETIMEDOUT;
			if (n > 0)
				getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
		}
	}
	/* A port of this host on which nobody listens, taken for our own end, is connected to itself. */
	if (error == 0 && is_itself(fd))
		error = ECONNREFUSED;
	if (error == 0)
		return fd;
	close(fd);
	return hr_fail(e, HR_TEMPORARY, "cannot connect to %s: %s", hr_address_format(text, at->ai_addr,
	    at->ai_addrlen), strerror(error));
}

int
hr_address_connect(const struct hr_address *a, bool far, int64_t wait_us, char *text, struct hr_err *e)
{
	struct addrinfo *list = resolve(a, 0, e), *at;
	int64_t until = hr_now_us() + wait_us, left;
	int fd = -1;

	for (at = list; at && fd < 0; at = at->ai_next) {
		if (!far && !hr_address_is_loopback(at->ai_addr)) {
			refuse_far(at->ai_addr, at->ai_addrlen, e);
			break;
		}
		left = until - hr_now_us();
		if (left <= 0 && at != list)
			break;
		if ((fd = attempt(at, left < ATTEMPT_US ? left : ATTEMPT_US, e)) >= 0)
			hr_address_format(text, at->ai_addr, at->ai_addrlen);
	}
	if (list)
		freeaddrinfo(list);
	if (fd >= 0)
		hr_err_clear(e);
	return fd;
}
