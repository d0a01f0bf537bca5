/* hr-ship: carry a stream between hosts. */

#include "base/hr.h"

#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/err.h"
#include "base/log.h"
#include "base/opt.h"
#include "net/receiver.h"
#include "net/sender.h"

static const char usage[] =
    "usage: hr-ship --to HOST:PORT [-v] [--checkpoint FILE] [--give-up SECONDS]\n"
    "           [--metrics FILE] [--tls-name NAME] [--window SIZE] [NET]\n"
    "       hr-ship --listen [HOST]:PORT [-v] [--by sender|tenant] [--checkpoint FILE]\n"
    "           [--connections N] [--exec COMMAND] [--hello-timeout SECONDS] [--once]\n"
    "           [--port-file FILE] [--tenant T]... [--tenant-map FILE] [NET]\n"
    "       NET: [--insecure | --tls-cert FILE --tls-key FILE --tls-ca FILE [--tls-crl FILE]]\n"
    "           [--timeout SECONDS] [--ready-fd N] [--log-format text|json]\n"
    "      --to HOST:PORT         send standard input there\n"
    "      --listen [HOST]:PORT   take streams there\n"
    "      --by sender|tenant     a stream for each sender, or for each tenant (sender)\n"
    "      --checkpoint FILE      what the target has: sending, written there; listening,\n"
    "                             read from there; %s is the slot, %t the tenant\n"
    "      --connections N        at most (1024)\n"
    "      --exec COMMAND         hand each stream to a command, not to standard output\n"
    "      --give-up SECONDS      stop when there was no receiver for so long (never)\n"
    "      --hello-timeout SECONDS\n"
    "                             for a peer to say who it is (10)\n"
    "      --insecure             plain TCP beyond this host\n"
    "      --metrics FILE         keep metrics there, in Prometheus text form\n"
    "      --once                 end when the first stream has ended\n"
    "      --port-file FILE       write the port that is listened on there\n"
    "      --ready-fd N           write a newline to N when connected, or listening\n"
    "      --tenant T             take only this tenant; may be repeated\n"
    "      --tenant-map FILE      which tenants certificates may carry\n"
    "      --timeout SECONDS      without a word from a peer, it is gone (2)\n"
    "      --tls-ca FILE          who signs the peers' certificates\n"
    "      --tls-cert FILE        our certificate\n"
    "      --tls-crl FILE         certificates that are no longer good\n"
    "      --tls-key FILE         its key\n"
    "      --tls-name NAME        the name that the receiver's certificate must have (HOST)\n"
    "      --window SIZE          what is kept until it has arrived (64MB)\n"
    "      --log-format FORMAT    text or json\n"
    "  -v, --verbose              say more; twice for debugging\n"
    "  -h, --help                 print this\n"
    "      --version              print the version\n";

enum { TO = 256, LISTEN, BY, CHECKPOINT, CONNECTIONS, EXEC, GIVE_UP, HELLO, INSECURE, METRICS, ONCE, PORT_FILE, READY,
    TENANT, TENANT_MAP, TIMEOUT, TLS_CA, TLS_CERT, TLS_CRL, TLS_KEY, TLS_NAME, WINDOW, LOG, VERSION };

static const struct option longs[] = {
	{ "to", 1, NULL, TO }, { "listen", 1, NULL, LISTEN }, { "by", 1, NULL, BY },
	{ "checkpoint", 1, NULL, CHECKPOINT }, { "connections", 1, NULL, CONNECTIONS }, { "exec", 1, NULL, EXEC },
	{ "give-up", 1, NULL, GIVE_UP }, { "hello-timeout", 1, NULL, HELLO }, { "insecure", 0, NULL, INSECURE },
	{ "metrics", 1, NULL, METRICS }, { "once", 0, NULL, ONCE }, { "port-file", 1, NULL, PORT_FILE },
	{ "ready-fd", 1, NULL, READY }, { "tenant", 1, NULL, TENANT }, { "tenant-map", 1, NULL, TENANT_MAP },
	{ "timeout", 1, NULL, TIMEOUT }, { "tls-ca", 1, NULL, TLS_CA }, { "tls-cert", 1, NULL, TLS_CERT },
	{ "tls-crl", 1, NULL, TLS_CRL }, { "tls-key", 1, NULL, TLS_KEY }, { "tls-name", 1, NULL, TLS_NAME },
	{ "window", 1, NULL, WINDOW }, { "log-format", 1, NULL, LOG },
	{ "verbose", 0, NULL, 'v' }, { "help", 0, NULL, 'h' }, { "version", 0, NULL, VERSION },
	{ NULL, 0, NULL, 0 },
};

struct said {
	struct hr_sender_options send;
	struct hr_receiver_options receive;
	const char *to, *listen;
	struct hr_tls_files tls;
	bool insecure;
	int64_t timeout_us;
	int ready_fd;
	char **tenant;
	size_t tenants, tenant_cap;
	const char *sends, *listens;	/* an option that is for one of them alone */
};

static int
seconds(const char *name, const char *text, int64_t low, int64_t *us)
{
	int64_t n;

	if (hr_opt_int(text, low, 86400 * 365, &n) < 0)
		return hr_opt_misuse(usage, "%s is not a number of seconds: '%s'", name, text);
	*us = n * 1000000;
	return -1;
}

/* Does each % of the path stand before a letter that is known? */
static bool
is_pattern(const char *path)
{
	for (; (path = strchr(path, '%')); path += 2)
		if (path[1] != 's' && path[1] != 't' && path[1] != '%')
			return false;
	return true;
}

/* One option's; -1 goes on. */
static int
take(struct said *s, int ch)
{
	uint64_t size;
	int64_t n;

	switch (ch) {
	case TO: s->to = optarg; break;
	case LISTEN: s->listen = optarg; break;
	case CHECKPOINT: s->send.checkpoint = s->receive.checkpoint = optarg; break;
	case INSECURE: s->insecure = true; break;
	case TLS_CA: s->tls.ca = optarg; break;
	case TLS_CERT: s->tls.cert = optarg; break;
	case TLS_CRL: s->tls.crl = optarg; break;
	case TLS_KEY: s->tls.key = optarg; break;
	case TIMEOUT: return seconds("--timeout", optarg, 1, &s->timeout_us);
	case READY:
		if (hr_opt_int(optarg, 0, 1023, &n) < 0)
			return hr_opt_misuse(usage, "--ready-fd takes a descriptor, not '%s'", optarg);
		s->ready_fd = (int)n;
		break;
	case LOG:
		if (hr_log_format(optarg) < 0)
			return hr_opt_misuse(usage, "--log-format takes text or json, not '%s'", optarg);
		break;
	case GIVE_UP:
		s->sends = "--give-up";
		return seconds("--give-up", optarg, 1, &s->send.give_up_us);
	case METRICS:
		s->sends = "--metrics";
		s->send.metrics = optarg;
		break;
	case TLS_NAME:
		s->sends = "--tls-name";
		s->send.tls_name = optarg;
		break;
	case WINDOW:
		s->sends = "--window";
		if (hr_opt_size(optarg, &size) < 0 || size < 1 << 20 || size > UINT64_C(1) << 40)
			return hr_opt_misuse(usage, "--window is not a size from 1MB to 1TB: '%s'", optarg);
		s->send.window = (size_t)size;
		break;
	case BY:
		s->listens = "--by";
		s->receive.by_tenant = optarg[0] == 't';
		if (strcmp(optarg, "tenant") != 0 && strcmp(optarg, "sender") != 0)
			return hr_opt_misuse(usage, "--by takes sender or tenant, not '%s'", optarg);
		break;
	case CONNECTIONS:
		s->listens = "--connections";
		if (hr_opt_int(optarg, 1, 100000, &n) < 0)
			return hr_opt_misuse(usage, "--connections takes 1 to 100000, not '%s'", optarg);
		s->receive.connections = (size_t)n;
		break;
	case EXEC:
		s->listens = "--exec";
		s->receive.command = optarg;
		break;
	case HELLO:
		s->listens = "--hello-timeout";
		return seconds("--hello-timeout", optarg, 1, &s->receive.hello_us);
	case ONCE:
		s->listens = "--once";
		s->receive.once = true;
		break;
	case PORT_FILE:
		s->listens = "--port-file";
		s->receive.port_file = optarg;
		break;
	case TENANT:
		s->listens = "--tenant";
		HR_GROW(s->tenant, s->tenants, s->tenant_cap);
		s->tenant[s->tenants++] = optarg;
		break;
	case TENANT_MAP:
		s->listens = "--tenant-map";
		s->receive.tenant_map = optarg;
		break;
	case 'v': hr_verbose++; break;
	case 'h': return hr_opt_help(usage);
	case VERSION: return hr_opt_version();
	default: return hr_opt_misuse(usage, "%s", "");
	}
	return -1;
}

static int
parse(struct said *s, int argc, char *argv[], struct hr_err *e)
{
	int ch, rc;

	while ((ch = getopt_long(argc, argv, "vh", longs, NULL)) != -1)
		if ((rc = take(s, ch)) >= 0)
			return rc;
	if (optind != argc)
		return hr_opt_misuse(usage, "'%s' is not an option", argv[optind]);
	if ((s->to != NULL) == (s->listen != NULL))
		return hr_opt_misuse(usage, "%s", "one of --to and --listen is needed");
	if (s->to && s->listens)
		return hr_opt_misuse(usage, "%s is for --listen", s->listens);
	if (s->listen && s->sends)
		return hr_opt_misuse(usage, "%s is for --to", s->sends);
	if ((s->tls.cert || s->tls.key || s->tls.ca || s->tls.crl) && !(s->tls.cert && s->tls.key && s->tls.ca))
		return hr_opt_misuse(usage, "%s", "TLS needs --tls-cert, --tls-key and --tls-ca: both sides show who they are");
	if (s->insecure && s->tls.cert)
		return hr_opt_misuse(usage, "%s", "--insecure is for plain TCP");
	if (s->receive.by_tenant && !s->receive.command)
		return hr_opt_misuse(usage, "%s", "--by tenant needs --exec");
	if (s->receive.tenant_map && !s->tls.cert)
		return hr_opt_misuse(usage, "%s", "--tenant-map is for certificates");
	/* Without a name nothing would be asked of the receiver's certificate but who signed it. */
	if (s->send.tls_name && (*s->send.tls_name == '\0' || !s->tls.cert))
		return hr_opt_misuse(usage, "%s", "--tls-name takes a name, and is for TLS");
	if (s->listen && s->receive.checkpoint && !is_pattern(s->receive.checkpoint))
		return hr_opt_misuse(usage, "--checkpoint knows %%s, %%t and %%%%: '%s'", s->receive.checkpoint);
	if (s->to && isatty(STDIN_FILENO))
		return hr_opt_misuse(usage, "%s", "the stream is not read from a terminal");
	if (s->listen && !s->receive.command && isatty(STDOUT_FILENO))
		return hr_opt_misuse(usage, "%s", "standard output is a terminal, and a stream is binary: give --exec, or a pipe");
	if (hr_address_parse(s->to ? &s->send.to : &s->receive.at, s->to ? s->to : s->listen, e) < 0)
		return hr_finish(e);
	if (s->to && s->send.to.host == NULL)
		return hr_opt_misuse(usage, "--to needs a host: '%s'", s->to);
	return -1;
}

int
main(int argc, char *argv[])
{
	struct hr_err e = HR_ERR_INIT;
	struct said s = {
		.send = { .window = (size_t)64 << 20 },
		.receive = { .hello_us = 10000000, .connections = 1024 },
		.timeout_us = 2000000, .ready_fd = -1,
	};
	int rc;

	hr_name("hr-ship");
	/* A peer or a reader that goes is an error that is told of. */
	signal(SIGPIPE, SIG_IGN);
	if ((rc = parse(&s, argc, argv, &e)) < 0) {
		s.send.insecure = s.receive.insecure = s.insecure;
		s.send.tls = s.receive.tls = s.tls;
		s.send.dead_us = s.receive.dead_us = s.timeout_us;
		s.send.ready_fd = s.receive.ready_fd = s.ready_fd;
		s.receive.tenant = s.tenant;
		s.receive.tenants = s.tenants;
		if (s.to)
			(void)!hr_sender_run(&s.send, &e);
		else
			(void)!hr_receiver_run(&s.receive, &e);
		rc = hr_finish(&e);
	}
	hr_address_clear(&s.send.to);
	hr_address_clear(&s.receive.at);
	free(s.tenant);
	return rc;
}
