/* hr-ship: carry a stream between hosts. */

#include "base/hr.h"

#include <getopt.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/lsn.h"
#include "base/opt.h"
#include "net/consumer.h"
#include "net/courier.h"
#include "net/nats.h"
#include "net/receiver.h"
#include "net/sender.h"
#include "state/archive.h"
#include "state/intake.h"
#include "state/replay.h"
#include "state/reseal.h"

#define QUEUE_DEAD_US	INT64_C(60000000)	/* what speaks to the queue is in this process, and may wait for it */

static const char usage[] =
    "usage: hr-ship --to HOST:PORT [-v] [--checkpoint FILE] [--give-up SECONDS]\n"
    "           [--metrics FILE] [--tls-name NAME] [--window SIZE] [NET] [SPOOL]\n"
    "       hr-ship --listen [HOST]:PORT [-v] [--by sender|tenant] [--checkpoint FILE]\n"
    "           [--commands N] [--connections N] [--exec COMMAND] [--hello-timeout SECONDS]\n"
    "           [--once] [--port-file FILE] [--tenant T]... [--tenant-map FILE] [NET]\n"
    "       hr-ship --to nats://HOST[:PORT]/STREAM [-v] [--checkpoint FILE] [--give-up SECONDS]\n"
    "           [--metrics FILE] [QUEUE] SPOOL\n"
    "       hr-ship --listen nats://HOST[:PORT]/STREAM [-v] --checkpoint FILE [--exec COMMAND]\n"
    "           --tenant T... [QUEUE]\n"
    "       hr-ship --archive DIR [-v] [--checkpoint FILE] [--segment SIZE] [KEYS]\n"
    "       hr-ship --from-archive DIR [-v] [--chain NAME] [--since LSN] [--stream SLOT]\n"
    "           [--tenant T]... [--until TIME|LSN] [KEYS [--unsealed]]\n"
    "       hr-ship archive list DIR [--json] [--stream SLOT] [KEYS [--unsealed]]\n"
    "       hr-ship archive verify DIR [--stream SLOT] [KEYS [--unsealed]]\n"
    "       hr-ship archive expire DIR [--dry-run] [--keep-days N] [--keep-full N]\n"
    "           [--stream SLOT] [KEYS [--unsealed]]\n"
    "       hr-ship reseal DIR [--all] [--dry-run] [--stream SLOT] KEYS\n"
    "       SPOOL: --spool DIR [--qos FILE] [--score FILE] [--segment SIZE]\n"
    "           [--spool-max SIZE] [--drain [--stream SLOT] [--unsealed]] [KEYS],\n"
    "           or --archive DIR with the same\n"
    "       KEYS: [--key-file FILE] [--key-command COMMAND [--key-id ID]]\n"
    "       NET: [--insecure | --tls-cert FILE --tls-key FILE --tls-ca FILE [--tls-crl FILE]]\n"
    "           [--timeout SECONDS] [--ready-fd N] [--log-format text|json]\n"
    "       QUEUE: [--nats-creds FILE] [--nats-max SIZE] [--nats-replicas N] [--ready-fd N]\n"
    "           [--insecure | --tls-ca FILE] [--tls-cert FILE --tls-key FILE] [--log-format text|json]\n"
    "      --to HOST:PORT         send standard input there\n"
    "      --listen [HOST]:PORT   take streams there\n"
    "      --archive DIR          keep standard input there, for restores\n"
    "      --from-archive DIR     write a stream from there to standard output\n"
    "      --all                  those too that are sealed with the newest key\n"
    "      --by sender|tenant     a stream for each sender, or for each tenant (sender)\n"
    "      --chain NAME           of this chain, not of the newest that has what is asked for\n"
    "      --checkpoint FILE      what the target has: sending, written there; listening,\n"
    "                             read from there; %s is the slot, %t the tenant; with\n"
    "                             --archive, what is kept for good\n"
    "      --commands N           for one sender at a time, at most (1024)\n"
    "      --connections N        at most (1024)\n"
    "      --drain                send what the spool has, without a stream, and end\n"
    "      --dry-run              say what would be removed, or sealed\n"
    "      --exec COMMAND         hand each stream to a command, not to standard output\n"
    "      --give-up SECONDS      stop when there was no receiver for so long (never)\n"
    "      --hello-timeout SECONDS\n"
    "                             for a peer to say who it is (10)\n"
    "      --insecure             plain TCP beyond this host\n"
    "      --json                 JSON lines\n"
    "      --keep-days N          restores to any time of these days go on to be possible\n"
    "      --keep-full N          so many first copies, and what followed them, stay\n"
    "      --key-command COMMAND  wraps and unwraps keys that segments are sealed with\n"
    "      --key-file FILE        has those keys\n"
    "      --key-id ID            what the command's keys are called (command)\n"
    "      --metrics FILE         keep metrics there, in Prometheus text form\n"
    "      --nats-creds FILE      who we are, as nsc(1) writes it\n"
    "      --nats-max SIZE        bytes of a stream that is made (no limit)\n"
    "      --nats-replicas N      servers that keep a stream that is made (1)\n"
    "      --once                 end when the first stream has ended\n"
    "      --port-file FILE       write the port that is listened on there\n"
    "      --qos FILE             tiers and priorities of tenants\n"
    "      --ready-fd N           write a newline to N when connected, or listening\n"
    "      --score FILE           scores, by which their weights are multiplied\n"
    "      --segment SIZE         bytes of a segment, about (64MB)\n"
    "      --since LSN            for a target that has all to there: no first copy\n"
    "      --spool DIR            keep what cannot be sent there; the source goes on\n"
    "      --spool-max SIZE       when so much is kept, the input waits\n"
    "      --stream SLOT          when there are several\n"
    "      --tenant T             take only this tenant; may be repeated\n"
    "      --tenant-map FILE      which tenants certificates may carry\n"
    "      --timeout SECONDS      without a word from a peer, it is gone (2)\n"
    "      --tls-ca FILE          who signs the peers' certificates\n"
    "      --tls-cert FILE        our certificate\n"
    "      --tls-crl FILE         certificates that are no longer good\n"
    "      --tls-key FILE         its key\n"
    "      --tls-name NAME        the name that the receiver's certificate must have (HOST)\n"
    "      --unsealed             with keys: read too what is not sealed\n"
    "      --until TIME|LSN       up to the last transaction that committed by then\n"
    "      --window SIZE          what is kept until it has arrived (64MB)\n"
    "      --log-format FORMAT    text or json\n"
    "  -v, --verbose              say more; twice for debugging\n"
    "  -h, --help                 print this\n"
    "      --version              print the version\n";

enum { TO = 256, LISTEN, BY, CHECKPOINT, COMMANDS, CONNECTIONS, EXEC, GIVE_UP, HELLO, INSECURE, METRICS, ONCE, PORT_FILE, READY,
    TENANT, TENANT_MAP, TIMEOUT, ARCHIVE, FROM, ALL, CHAIN, DRAIN, DRY_RUN, JSON, KEEP_DAYS, KEEP_FULL,
    KEY_COMMAND, KEY_FILE, KEY_ID, SEGMENT, SINCE, STREAM, UNSEALED, UNTIL, SPOOL, SPOOL_MAX, QOS, SCORE,
    CREDS, QUEUE_MAX, REPLICAS, TLS_CA, TLS_CERT, TLS_CRL, TLS_KEY, TLS_NAME, WINDOW, LOG, VERSION };

static const struct option longs[] = {
	{ "to", 1, NULL, TO }, { "listen", 1, NULL, LISTEN }, { "by", 1, NULL, BY },
	{ "checkpoint", 1, NULL, CHECKPOINT }, { "commands", 1, NULL, COMMANDS }, { "connections", 1, NULL, CONNECTIONS }, { "exec", 1, NULL, EXEC },
	{ "give-up", 1, NULL, GIVE_UP }, { "hello-timeout", 1, NULL, HELLO }, { "insecure", 0, NULL, INSECURE },
	{ "metrics", 1, NULL, METRICS }, { "once", 0, NULL, ONCE }, { "port-file", 1, NULL, PORT_FILE },
	{ "ready-fd", 1, NULL, READY }, { "tenant", 1, NULL, TENANT }, { "tenant-map", 1, NULL, TENANT_MAP },
	{ "timeout", 1, NULL, TIMEOUT }, { "tls-ca", 1, NULL, TLS_CA }, { "tls-cert", 1, NULL, TLS_CERT },
	{ "tls-crl", 1, NULL, TLS_CRL }, { "tls-key", 1, NULL, TLS_KEY }, { "tls-name", 1, NULL, TLS_NAME },
	{ "archive", 1, NULL, ARCHIVE }, { "from-archive", 1, NULL, FROM }, { "all", 0, NULL, ALL }, { "chain", 1, NULL, CHAIN },
	{ "drain", 0, NULL, DRAIN }, { "dry-run", 0, NULL, DRY_RUN }, { "json", 0, NULL, JSON }, { "keep-days", 1, NULL, KEEP_DAYS },
	{ "keep-full", 1, NULL, KEEP_FULL }, { "key-command", 1, NULL, KEY_COMMAND }, { "key-file", 1, NULL, KEY_FILE },
	{ "key-id", 1, NULL, KEY_ID }, { "segment", 1, NULL, SEGMENT }, { "since", 1, NULL, SINCE },
	{ "spool", 1, NULL, SPOOL }, { "spool-max", 1, NULL, SPOOL_MAX }, { "qos", 1, NULL, QOS }, { "score", 1, NULL, SCORE },
	{ "nats-creds", 1, NULL, CREDS }, { "nats-max", 1, NULL, QUEUE_MAX }, { "nats-replicas", 1, NULL, REPLICAS },
	{ "stream", 1, NULL, STREAM }, { "unsealed", 0, NULL, UNSEALED }, { "until", 1, NULL, UNTIL }, { "window", 1, NULL, WINDOW }, { "log-format", 1, NULL, LOG },
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
	struct hr_intake keep;
	struct hr_replay_options replay;
	struct hr_archive_retention retention;
	struct hr_reseal_options reseal;
	struct hr_keyring_options keys;
	const char *archive, *from, *dir, *spool, *qos, *score;
	bool json, unsealed, drain;
	struct hr_nats_options nats;
	bool queue;
	const struct option *seen[64];	/* the options that were given */
	size_t sees;
};

/* Which options go with what hr-ship is to do; the rest goes with all of it. */
enum mode { SEND = 1, RECEIVE = 2, KEEP = 4, REPLAY = 8, LIST = 16, VERIFY = 32, EXPIRE = 64, RESEAL = 128 };
#define NET	(SEND | RECEIVE)
#define STORED	(KEEP | REPLAY | LIST | VERIFY | EXPIRE | RESEAL)

static const struct { int option, modes; } goes_with[] = {
	{ TO, SEND }, { LISTEN, RECEIVE }, { BY, RECEIVE }, { CHECKPOINT, NET | KEEP }, { COMMANDS, RECEIVE }, { CONNECTIONS, RECEIVE },
	{ EXEC, RECEIVE }, { GIVE_UP, SEND }, { HELLO, RECEIVE }, { INSECURE, NET }, { METRICS, SEND }, { ONCE, RECEIVE },
	{ PORT_FILE, RECEIVE }, { READY, NET }, { TENANT, RECEIVE | REPLAY }, { TENANT_MAP, RECEIVE }, { TIMEOUT, NET },
	{ ARCHIVE, KEEP | SEND }, { FROM, REPLAY }, { CHAIN, REPLAY }, { ALL, RESEAL }, { DRAIN, SEND }, { DRY_RUN, EXPIRE | RESEAL }, { JSON, LIST }, { KEEP_DAYS, EXPIRE },
	{ KEEP_FULL, EXPIRE }, { KEY_COMMAND, STORED | SEND }, { KEY_FILE, STORED | SEND }, { KEY_ID, STORED | SEND },
	{ SEGMENT, KEEP | SEND },
	{ SINCE, REPLAY }, { STREAM, SEND | REPLAY | LIST | VERIFY | EXPIRE | RESEAL }, { UNSEALED, SEND | REPLAY | LIST | VERIFY | EXPIRE }, { UNTIL, REPLAY }, { TLS_CA, NET }, { TLS_CERT, NET },
	{ TLS_CRL, NET }, { TLS_KEY, NET }, { TLS_NAME, SEND }, { WINDOW, SEND }, { SPOOL, SEND }, { SPOOL_MAX, SEND },
	{ QOS, SEND }, { SCORE, SEND }, { CREDS, NET }, { QUEUE_MAX, NET }, { REPLICAS, NET },
};

static const char *
mode_name(int mode)
{
	switch (mode) {
	case SEND: return "--to";
	case RECEIVE: return "--listen";
	case KEEP: return "--archive";
	case REPLAY: return "--from-archive";
	case LIST: return "archive list";
	case VERIFY: return "archive verify";
	case RESEAL: return "reseal";
	}
	return "archive expire";
}

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
		return seconds("--give-up", optarg, 1, &s->send.give_up_us);
	case METRICS:
		s->send.metrics = optarg;
		break;
	case TLS_NAME:
		s->send.tls_name = optarg;
		break;
	case WINDOW:
		if (hr_opt_size(optarg, &size) < 0 || size < 1 << 20 || size > UINT64_C(1) << 40)
			return hr_opt_misuse(usage, "--window is not a size from 1MB to 1TB: '%s'", optarg);
		s->send.window = (size_t)size;
		break;
	case BY:
		s->receive.by_tenant = optarg[0] == 't';
		if (strcmp(optarg, "tenant") != 0 && strcmp(optarg, "sender") != 0)
			return hr_opt_misuse(usage, "--by takes sender or tenant, not '%s'", optarg);
		break;
	case COMMANDS:
		if (hr_opt_int(optarg, 1, 1000000, &n) < 0)
			return hr_opt_misuse(usage, "--commands takes 1 to 1000000, not '%s'", optarg);
		s->receive.commands = (size_t)n;
		break;
	case CONNECTIONS:
		if (hr_opt_int(optarg, 1, 100000, &n) < 0)
			return hr_opt_misuse(usage, "--connections takes 1 to 100000, not '%s'", optarg);
		s->receive.connections = (size_t)n;
		break;
	case EXEC:
		s->receive.command = optarg;
		break;
	case HELLO:
		return seconds("--hello-timeout", optarg, 1, &s->receive.hello_us);
	case ONCE:
		s->receive.once = true;
		break;
	case PORT_FILE:
		s->receive.port_file = optarg;
		break;
	case TENANT:
		HR_GROW(s->tenant, s->tenants, s->tenant_cap);
		s->tenant[s->tenants++] = optarg;
		break;
	case TENANT_MAP:
		s->receive.tenant_map = optarg;
		break;
	case ARCHIVE: s->archive = optarg; break;
	case FROM: s->from = optarg; break;
	case CHAIN: s->replay.chain = optarg; break;
	case ALL: s->reseal.all = true; break;
	case DRAIN: s->drain = true; break;
	case DRY_RUN: s->retention.dry_run = s->reseal.dry_run = true; break;
	case JSON: s->json = true; break;
	case KEEP_DAYS:
		if (hr_opt_int(optarg, 1, 36500, &n) < 0)
			return hr_opt_misuse(usage, "--keep-days is not a number of days: '%s'", optarg);
		s->retention.keep_us = n * 86400 * 1000000;
		break;
	case KEEP_FULL:
		if (hr_opt_int(optarg, 1, 1000000, &n) < 0)
			return hr_opt_misuse(usage, "--keep-full is not a number from 1 on: '%s'", optarg);
		s->retention.keep_full = (size_t)n;
		break;
	case KEY_COMMAND: s->keys.command = optarg; break;
	case KEY_FILE: s->keys.file = optarg; break;
	case KEY_ID:
		if (!hr_keyring_is_id(optarg))
			return hr_opt_misuse(usage, "--key-id takes letters, digits, '.', '_' and '-', not '%s'", optarg);
		s->keys.id = optarg;
		break;
	case SEGMENT:
		if (hr_opt_size(optarg, &size) < 0 || size < 1 << 16 || size > UINT64_C(1) << 40)
			return hr_opt_misuse(usage, "--segment is not a size from 64kB to 1TB: '%s'", optarg);
		s->keep.store.segment = size;
		break;
	case SINCE:
		if (hr_lsn_parse(optarg, &s->replay.since) < 0)
			return hr_opt_misuse(usage, "--since is not an LSN: '%s'", optarg);
		break;
	case SPOOL: s->spool = optarg; break;
	case SPOOL_MAX:
		if (hr_opt_size(optarg, &size) < 0 || size < 1 << 20)
			return hr_opt_misuse(usage, "--spool-max is not a size from 1MB on: '%s'", optarg);
		s->keep.most = size;
		break;
	case QOS: s->qos = optarg; break;
	case SCORE: s->score = optarg; break;
	case CREDS: s->nats.creds = optarg; break;
	case QUEUE_MAX:
		if (hr_opt_size(optarg, &size) < 0 || size < 4 << 20)
			return hr_opt_misuse(usage, "--nats-max is not a size from 4MB on: '%s'", optarg);
		s->nats.max_bytes = size;
		break;
	case REPLICAS:
		if (hr_opt_int(optarg, 1, 5, &n) < 0)
			return hr_opt_misuse(usage, "--nats-replicas takes 1 to 5, not '%s'", optarg);
		s->nats.replicas = (int)n;
		break;
	case STREAM: s->replay.stream = optarg; break;
	case UNSEALED: s->unsealed = true; break;
	case UNTIL:
		if (hr_replay_until(&s->replay, optarg) < 0)
			return hr_opt_misuse(usage, "--until is neither an LSN nor a time as 2026-01-31 10:30: '%s'", optarg);
		break;
	case 'v': hr_verbose++; break;
	case 'h': return hr_opt_help(usage);
	case VERSION: return hr_opt_version();
	default: return hr_opt_misuse(usage, "%s", "");
	}
	return -1;
}

/* "archive VERB DIR": the mode, or 0. */
static int
verb_of(const char *verb)
{
	return strcmp(verb, "list") == 0 ? LIST : strcmp(verb, "verify") == 0 ? VERIFY : strcmp(verb, "expire") == 0 ? EXPIRE : 0;
}

/* What is to be done, and whether each option goes with it.  64, or -1. */
static int
choose(struct said *s, int argc, char *argv[], int *mode)
{
	bool verb = optind < argc && strcmp(argv[optind], "archive") == 0;
	bool reseal = optind < argc && strcmp(argv[optind], "reseal") == 0;
	size_t i, k;

	if (verb && argc - optind != 3)
		return hr_opt_misuse(usage, "%s", "archive takes list, verify or expire, and a directory");
	if (verb) {
		if ((*mode = verb_of(argv[optind + 1])) == 0)
			return hr_opt_misuse(usage, "archive takes list, verify or expire, not '%s'", argv[optind + 1]);
		s->dir = argv[optind + 2];
	} else if (reseal) {
		if (argc - optind != 2)
			return hr_opt_misuse(usage, "%s", "reseal takes a directory");
		*mode = RESEAL;
		s->dir = argv[optind + 1];
	} else if (optind != argc)
		return hr_opt_misuse(usage, "'%s' is not an option", argv[optind]);
	if ((s->to != NULL) + (s->listen != NULL) + (s->archive && !s->to) + (s->from != NULL) + verb + reseal != 1)
		return hr_opt_misuse(usage, "%s", "one of --to, --listen, --archive, --from-archive, archive and reseal is needed");
	if (!verb && !reseal)
		*mode = s->to ? SEND : s->listen ? RECEIVE : s->archive ? KEEP : REPLAY;
	for (i = 0; i < s->sees; i++)
		for (k = 0; k < HR_COUNT(goes_with); k++)
			if (goes_with[k].option == s->seen[i]->val && !(goes_with[k].modes & *mode))
				return hr_opt_misuse(usage, "--%s does not go with %s", s->seen[i]->name, mode_name(*mode));
	return -1;
}

/* Options that only sockets have, and those that only queues have. */
static const int sockets_only[] = { BY, COMMANDS, CONNECTIONS, HELLO, ONCE, PORT_FILE, TENANT_MAP, TIMEOUT, TLS_CRL,
    TLS_NAME }, queues_only[] = { CREDS, QUEUE_MAX, REPLICAS };

static bool
was_given(const struct said *s, int option, const char **name)
{
	size_t i;

	for (i = 0; i < s->sees; i++)
		if (s->seen[i]->val == option) {
			*name = s->seen[i]->name;
			return true;
		}
	return false;
}

/* --to or --listen of a queue.  64, or -1. */
static int
check_queue(struct said *s, int mode)
{
	const char *url = mode == SEND ? s->to : s->listen, *name;
	size_t i;

	if (!(mode & NET))
		return -1;
	s->queue = hr_nats_is_address(url);
	s->nats.url = url;
	for (i = 0; !s->queue && i < HR_COUNT(queues_only); i++)
		if (was_given(s, queues_only[i], &name))
			return hr_opt_misuse(usage, "--%s is for nats://", name);
	for (i = 0; s->queue && i < HR_COUNT(sockets_only); i++)
		if (was_given(s, sockets_only[i], &name))
			return hr_opt_misuse(usage, "--%s does not go with nats://", name);
	if (!s->queue)
		return -1;
	if (mode == SEND && !s->spool && !s->archive)
		return hr_opt_misuse(usage, "%s", "--to nats:// needs --spool: a queue may lose what it has acknowledged, a spool does not");
	if (mode == RECEIVE && s->tenants == 0)
		return hr_opt_misuse(usage, "%s", "--listen nats:// needs --tenant: each has messages of its own");
	if (mode == RECEIVE && s->receive.checkpoint == NULL)
		return hr_opt_misuse(usage, "%s", "--listen nats:// needs --checkpoint: what the target has leaves the queue");
	if (mode == RECEIVE && s->tenants > 1 && (s->receive.command == NULL || strstr(s->receive.checkpoint, "%t") == NULL))
		return hr_opt_misuse(usage, "%s", "several tenants need --exec, and %t in --checkpoint");
	if ((s->tls.cert == NULL) != (s->tls.key == NULL))
		return hr_opt_misuse(usage, "%s", "--tls-cert and --tls-key go together");
	return -1;
}

static int
parse(struct said *s, int argc, char *argv[], int *mode, struct hr_err *e)
{
	int ch, rc, index;

	while (index = -1, (ch = getopt_long(argc, argv, "vh", longs, &index)) != -1) {
		if (index >= 0 && s->sees < HR_COUNT(s->seen))
			s->seen[s->sees++] = &longs[index];
		if ((rc = take(s, ch)) >= 0)
			return rc;
	}
	if ((rc = choose(s, argc, argv, mode)) >= 0)
		return rc;
	if ((rc = check_queue(s, *mode)) >= 0)
		return rc;
	if (!s->queue && (s->tls.cert || s->tls.key || s->tls.ca || s->tls.crl) && !(s->tls.cert && s->tls.key && s->tls.ca))
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
	if (*mode == RECEIVE && s->receive.checkpoint && !is_pattern(s->receive.checkpoint))
		return hr_opt_misuse(usage, "--checkpoint knows %%s, %%t and %%%%: '%s'", s->receive.checkpoint);
	if (s->spool && s->archive)
		return hr_opt_misuse(usage, "%s", "an archive is a spool that stays: give --spool or --archive");
	if (*mode == SEND && !s->spool && !s->archive && (s->keep.most || s->qos || s->score || s->keys.file || s->keys.command))
		return hr_opt_misuse(usage, "%s", "--spool-max, --qos, --score and keys need --spool");
	if (s->drain && !s->spool && !s->archive)
		return hr_opt_misuse(usage, "%s", "--drain needs --spool, which it empties");
	if (*mode == SEND && s->replay.stream && !s->drain)
		return hr_opt_misuse(usage, "%s", "--stream goes with --drain: otherwise standard input says which it is");
	if (*mode == EXPIRE && !s->retention.keep_us && !s->retention.keep_full)
		return hr_opt_misuse(usage, "%s", "archive expire needs --keep-days, --keep-full or both");
	if (*mode == SEND && s->unsealed && !s->drain)
		return hr_opt_misuse(usage, "%s", "--unsealed goes with --drain: who keeps a stream goes on with what there is");
	if (s->unsealed && !s->keys.file && !s->keys.command)
		return hr_opt_misuse(usage, "%s", "--unsealed is for who has keys: without them nothing else is read");
	if (*mode == RESEAL && !s->keys.file && !s->keys.command)
		return hr_opt_misuse(usage, "%s", "reseal needs --key-file, --key-command or both");
	if ((*mode & (SEND | KEEP)) && !s->drain && isatty(STDIN_FILENO))
		return hr_opt_misuse(usage, "%s", "the stream is not read from a terminal");
	if (((*mode == RECEIVE && !s->receive.command) || *mode == REPLAY) && isatty(STDOUT_FILENO))
		return hr_opt_misuse(usage, "%s", "standard output is a terminal, and a stream is binary: use a pipe");
	if (s->queue) {
		struct hr_nats_address a = { .tls = false };
		int bad = hr_nats_address_parse(&a, s->nats.url, e);

		hr_nats_address_clear(&a);
		return bad < 0 ? hr_finish(e) : -1;
	}
	if ((*mode & NET) && hr_address_parse(s->to ? &s->send.to : &s->receive.at, s->to ? s->to : s->listen, e) < 0)
		return hr_finish(e);
	if (s->to && s->send.to.host == NULL)
		return hr_opt_misuse(usage, "--to needs a host: '%s'", s->to);
	return -1;
}

static int
keep(struct said *s, struct hr_keyring *keys, struct hr_err *e)
{
	int rc;

	s->keep.store.dir = s->archive;
	s->keep.store.keys = keys;
	s->keep.checkpoint = s->send.checkpoint;
	rc = hr_intake_open(&s->keep, e) < 0 || hr_intake_run(&s->keep, e) < 0 ? -1 : 0;
	if (rc == 0)
		hr_log(HR_LOG_NOTE, "kept in '%s', up to %s", hr_store_chain(s->keep.s)->dir, HR_LSN(hr_store_lsn(s->keep.s)));
	hr_intake_close(&s->keep);
	return rc;
}

static int
replay(struct said *s, struct hr_keyring *keys, struct hr_err *e)
{
	struct hr_writer w = HR_WRITER_INIT;
	struct hr_replayed done;
	char time[HR_TIME_TEXT];
	int rc;

	s->replay.dir = s->from;
	s->replay.keys = keys;
	s->replay.tenant = s->tenant;
	s->replay.tenants = s->tenants;
	rc = hr_replay_run(&s->replay, &w, &done, e);
	if (rc == 0)
		hr_log(HR_LOG_NOTE, "chain '%s' up to %s%s%s", done.chain, HR_LSN(done.lsn), done.time ? ", committed " : "",
		    done.time ? hr_time_format(time, done.time) : "");
	hr_writer_clear(&w);
	return rc;
}

/* What needs keys. */
static void
stored(struct said *s, int mode, struct hr_err *e)
{
	struct hr_keyring keys = HR_KEYRING_INIT;

	/* Who keeps goes on with what there is, and reseal is for what is not sealed. */
	s->keys.sealed_only = mode != KEEP && mode != RESEAL && !s->unsealed;
	if (hr_keyring_open(&keys, &s->keys, e) < 0)
		return;
	if (mode == KEEP)
		(void)!keep(s, &keys, e);
	else if (mode == REPLAY)
		(void)!replay(s, &keys, e);
	else if (mode == LIST)
		(void)!hr_archive_list(s->dir, s->replay.stream, &keys, s->json, stdout, e);
	else if (mode == VERIFY)
		(void)!hr_archive_verify(s->dir, s->replay.stream, &keys, stdout, e);
	else if (mode == RESEAL)
		(void)!hr_reseal(s->dir, s->replay.stream, &keys, &s->reseal, stdout, e);
	else
		(void)!hr_archive_expire(s->dir, s->replay.stream, &keys, &s->retention, stdout, e);
	hr_keyring_close(&keys);
}

/* By way of a spool, or of an archive. */
static void
carry(struct said *s, struct hr_err *e)
{
	static struct hr_keyring keys = HR_KEYRING_INIT, read_keys = HR_KEYRING_INIT;
	static struct hr_publisher publisher;
	struct hr_courier_options o = {
		.keys = &read_keys,
		.to = { .to = s->send.to, .insecure = s->insecure, .tls = s->tls, .tls_name = s->send.tls_name,
		    .dead_us = s->timeout_us, .give_up_us = s->send.give_up_us },
		.keep = s->keep, .retain = s->archive != NULL, .drain = s->drain, .stream = s->replay.stream, .qos = s->qos, .score = s->score, .metrics = s->send.metrics,
		.window = s->send.window, .ready_fd = s->ready_fd,
	};

	if (s->queue) {
		publisher.to = s->nats;
		o.queue = &publisher;
		o.to.dead_us = QUEUE_DEAD_US;
		o.to.tls = (struct hr_tls_files){ .cert = NULL };	/* they are for the queue's server */
	}
	s->keys.sealed_only = s->drain && !s->unsealed;
	if (hr_keyring_open(&keys, &s->keys, e) < 0 || hr_keyring_open(&read_keys, &s->keys, e) < 0)
		return;
	o.keep.store.dir = s->spool ? s->spool : s->archive;
	o.keep.store.keys = &keys;
	o.keep.store.replace = s->spool != NULL;
	o.keep.checkpoint = s->send.checkpoint;
	/* The keyrings go with the process, as the thread that uses one does. */
	(void)!hr_courier_run(&o, e);
}

static void
consume(struct said *s, struct hr_err *e)
{
	struct hr_consumer_options o = { .from = s->nats, .tenant = s->tenant, .tenants = s->tenants,
	    .command = s->receive.command, .checkpoint = s->receive.checkpoint, .ready_fd = s->ready_fd };

	(void)!hr_consumer_run(&o, e);
}

/* A name that cannot be found now is no reason to stop. */
static int
look_at_server(const struct said *s, struct hr_err *e)
{
	struct hr_nats_address a = { .tls = false };
	int rc = hr_nats_address_parse(&a, s->nats.url, e);

	if (rc == 0 && !s->insecure && !a.tls && !s->tls.ca && !s->tls.cert && hr_address_near(a.host, e) < 0) {
		rc = e->code == HR_REFUSED ? -1 : 0;
		if (rc == 0)
			hr_err_clear(e);
	}
	hr_nats_address_clear(&a);
	return rc;
}

static void
network(struct said *s, int mode, struct hr_err *e)
{
	if (s->queue && look_at_server(s, e) < 0)
		return;
	s->send.insecure = s->receive.insecure = s->insecure;
	s->send.tls = s->receive.tls = s->tls;
	s->send.dead_us = s->receive.dead_us = s->timeout_us;
	s->send.ready_fd = s->receive.ready_fd = s->ready_fd;
	s->receive.tenant = s->tenant;
	s->receive.tenants = s->tenants;
	s->nats.insecure = s->insecure;
	s->nats.tls_ca = s->tls.ca;
	s->nats.tls_cert = s->tls.cert;
	s->nats.tls_key = s->tls.key;
	if (mode == RECEIVE && s->queue)
		consume(s, e);
	else if (mode == SEND && (s->spool || s->archive))
		carry(s, e);
	else if (mode == SEND)
		(void)!hr_sender_run(&s->send, e);
	else
		(void)!hr_receiver_run(&s->receive, e);
}

int
main(int argc, char *argv[])
{
	struct hr_err e = HR_ERR_INIT;
	struct said s = {
		.send = { .window = (size_t)64 << 20 },
		.receive = { .hello_us = 10000000, .connections = 1024, .commands = 1024 },
		.keep = { .store = { .segment = 64 << 20 } },
		.timeout_us = 2000000, .ready_fd = -1,
	};
	int rc, mode = 0;

	hr_name("hr-ship");
	/* A thread that reads may be at work when we end: libcrypto is not taken away from it. */
	OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, NULL);
	/* A peer or a reader that goes is an error that is told of. */
	signal(SIGPIPE, SIG_IGN);
	if ((rc = parse(&s, argc, argv, &mode, &e)) < 0) {
		if (mode & NET)
			network(&s, mode, &e);
		else
			stored(&s, mode, &e);
		rc = hr_finish(&e);
	}
	hr_address_clear(&s.send.to);
	hr_address_clear(&s.receive.at);
	free(s.tenant);
	return rc;
}
