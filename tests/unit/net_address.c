/* net_address - HOST:PORT, loopback, one free port for all addresses, and who connects. */

#include "base/hr.h"

#include <netinet/in.h>
#include <arpa/inet.h>
#include <stdlib.h>
#include <unistd.h>

#include "net/address.h"
#include "tap.h"

static struct hr_err e = HR_ERR_INIT;

static void
good(const char *text, const char *host, const char *port)
{
	struct hr_address a = { NULL, NULL };

	ok(hr_address_parse(&a, text, &e) == 0, "'%s' is an address", text);
	is(a.host, host, "its host");
	is(a.port, port, "its port");
	hr_address_clear(&a);
}

static void
bad(const char *text)
{
	struct hr_address a = { NULL, NULL };

	hr_err_clear(&e);
	ok(hr_address_parse(&a, text, &e) < 0 && e.code == HR_USAGE, "'%s' is none", text);
	hr_address_clear(&a);
	hr_err_clear(&e);
}

static void
parse(void)
{
	good("home:7411", "home", "7411");
	good("127.0.0.1:http", "127.0.0.1", "http");
	good("[::1]:5433", "::1", "5433");
	good(":0", NULL, "0");
	good("*:0", NULL, "0");
	bad("home");
	bad("home:");
	bad("::1:5433");
	bad("");
}

static void
loopback(const char *text, bool want)
{
	struct sockaddr_in four = { .sin_family = AF_INET };
	struct sockaddr_in6 six = { .sin6_family = AF_INET6 };
	bool is_four = inet_pton(AF_INET, text, &four.sin_addr) == 1;

	if (!is_four && inet_pton(AF_INET6, text, &six.sin6_addr) != 1)
		abort();
	ok(hr_address_is_loopback(is_four ? (struct sockaddr *)&four : (struct sockaddr *)&six) == want,
	    "%s is %sloopback", text, want ? "" : "not ");
}

static void
loopbacks(void)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT, .sin6_port = htons(5433) };
	char text[HR_ADDRESS_TEXT];

	loopback("127.0.0.1", true);
	loopback("127.9.9.9", true);
	loopback("128.0.0.1", false);
	loopback("0.0.0.0", false);
	loopback("::1", true);
	loopback("::", false);
	loopback("::ffff:127.0.0.1", true);
	loopback("::ffff:10.0.0.1", false);
	is(hr_address_format(text, (struct sockaddr *)&six, sizeof(six)), "[::1]:5433", "IPv6 stands in brackets");
}

static int
port_of(int fd)
{
	struct sockaddr_storage sa = { 0 };
	socklen_t len = sizeof(sa);

	if (getsockname(fd, (struct sockaddr *)&sa, &len) < 0)
		abort();
	return ntohs(sa.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)(void *)&sa)->sin6_port :
	    ((struct sockaddr_in *)(void *)&sa)->sin_port);
}

static void
sockets(void)
{
	struct hr_address every = { NULL, (char *)"0" }, here = { (char *)"127.0.0.1", (char *)"0" };
	char text[HR_ADDRESS_TEXT], port[8];
	int *fd, c;
	size_t n, i;
	bool same = true;

	ok(hr_address_listen(&every, false, &n, &e) == NULL && e.code == HR_REFUSED && n == 0, "not beyond this host");
	hr_err_clear(&e);
	fd = hr_address_listen(&every, true, &n, &e);
	ok(fd && n > 0, "every address");
	for (i = 0; i < n; i++)
		same &= port_of(fd[i]) == port_of(fd[0]);
	for (i = 0; i < n; i++)
		close(fd[i]);
	ok(same, "all on one port");
	free(fd);
	fd = hr_address_listen(&here, false, &n, &e);
	ok(fd && n == 1, "one address");
	snprintf(port, sizeof(port), "%d", fd ? port_of(*fd) : 0);
	here.port = port;
	ok(hr_address_listen(&here, false, &n, &e) == NULL && e.code == HR_IO && strstr(e.what, "Address already in use"),
	    "a port that is taken");
	hr_err_clear(&e);
	c = hr_address_connect(&here, false, 1000000, text, &e);
	ok(c >= 0 && strstr(text, port), "connected to %s", text);
	close(c);
	close(*fd);
	free(fd);
	ok(hr_address_connect(&here, false, 1000000, text, &e) < 0 && e.code == HR_TEMPORARY, "nobody there may pass");
	hr_err_clear(&e);
	here.host = (char *)"192.0.2.1";
	ok(hr_address_connect(&here, false, 1000000, text, &e) < 0 && e.code == HR_REFUSED, "nor to beyond this host");
}

int
main(void)
{
	parse();
	loopbacks();
	sockets();
	return tap_done();
}
