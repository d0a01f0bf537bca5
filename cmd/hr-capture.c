/* hr-capture: decode a source's WAL once, and write the changes of its tenants to stdout. */

#include "base/hr.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/lsn.h"
#include "base/opt.h"
#include "capture/capture.h"
#include "state/request.h"

#define COPY_JOBS	2		/* connections, where nothing is said */

static const char usage[] =
    "usage: hr-capture [-v] -d CONNINFO -S SLOT -P PUBLICATION\n"
    "           --tenant-column COL | --tenant-schema REGEX | --tenant-database NAME\n"
    "           [--config FILE] [--tenant T]... [--create-slot] [--snapshot] [-j N]\n"
    "           [--part-size SIZE]\n"
    "           [-E LSN|now] [--origin any|none] [--checkpoint FILE] [--epoch N]\n"
    "           [-s SECS]\n"
    "           [--spill-dir DIR] [--spill-max SIZE] [--metrics FILE]\n"
    "           [--ready-fd N] [--log-format text|json]\n"
    "       hr-capture --check OPTIONS\n"
    "       hr-capture --copy-tenant T [--copy-tenant T]... --checkpoint FILE\n"
    "       hr-capture --drop-slot -d CONNINFO -S SLOT\n"
    "       hr-capture --install-ddl | --remove-ddl [-v] -d CONNINFO\n"
    "       hr-capture --print-pipeline DIR --config FILE\n"
    "  -d, --dbname CONNINFO      the source, a libpq connection string\n"
    "  -S, --slot SLOT            replication slot of pgoutput\n"
    "  -P, --publication NAME     publication, or several with commas\n"
    "      --tenant-column COL    the column that holds the tenant\n"
    "      --tenant-schema REGEX  schemas are tenants; the first group is its name\n"
    "      --tenant-database NAME the whole database is this tenant\n"
    "      --config FILE          the pipeline's YAML file, see hr-config(5)\n"
    "      --tenant T             only this tenant; may be repeated\n"
    "      --create-slot          make the slot when it does not exist\n"
    "      --drop-slot            drop the slot and exit\n"
    "      --install-ddl          make the source say how its tables change, and exit\n"
    "      --remove-ddl           take that away again, and exit\n"
    "      --snapshot             copy existing rows first\n"
    "      --copy-tenant T        ask the capture that follows FILE to copy this tenant\n"
    "  -j, --jobs N               connections for the copy (2)\n"
    "      --part-size SIZE       of the parts that large tables are copied in (8MB to 64MB)\n"
    "  -E, --endpos LSN|now       end after the last commit at or before this\n"
    "      --origin any|none      none: leave out what arrived by replication (any)\n"
    "      --checkpoint FILE      what the target has; moves the slot\n"
    "      --check                say what can be routed and what cannot, and exit\n"
    "      --epoch N              of this source (1); targets refuse a lower one\n"
    "  -s, --status-interval SECS between status updates to the source (10)\n"
    "      --spill-dir DIR        for transactions larger than memory (TMPDIR)\n"
    "      --spill-max SIZE       at most this much of it\n"
    "      --print-pipeline DIR   print the commands of the pipeline and exit\n"
    "      --metrics FILE         keep metrics there, in Prometheus text form\n"
    "      --ready-fd N           write a newline to N when changes flow\n"
    "      --log-format FORMAT    text or json\n"
    "  -v, --verbose              say more; twice for debugging\n"
    "  -h, --help                 print this\n"
    "      --version              print the version\n";

enum {
	COLUMN = 256, SCHEMA, DATABASE, CONFIG, TENANT, CREATE, DROP, SNAPSHOT, CHECKPOINT, CHECK,
	EPOCH, ORIGIN, SPILL_DIR, SPILL_MAX, PART_SIZE, COPY_TENANT, PIPELINE, METRICS, READY, LOG, VERSION,
	INSTALL, REMOVE,
};

static const struct option longs[] = {
	{ "dbname", 1, NULL, 'd' }, { "slot", 1, NULL, 'S' }, { "publication", 1, NULL, 'P' },
	{ "tenant-column", 1, NULL, COLUMN }, { "tenant-schema", 1, NULL, SCHEMA },
	{ "tenant-database", 1, NULL, DATABASE }, { "config", 1, NULL, CONFIG },
	{ "tenant", 1, NULL, TENANT }, { "create-slot", 0, NULL, CREATE },
	{ "drop-slot", 0, NULL, DROP }, { "snapshot", 0, NULL, SNAPSHOT }, { "jobs", 1, NULL, 'j' },
	{ "part-size", 1, NULL, PART_SIZE }, { "copy-tenant", 1, NULL, COPY_TENANT },
	{ "endpos", 1, NULL, 'E' }, { "checkpoint", 1, NULL, CHECKPOINT }, { "check", 0, NULL, CHECK },
	{ "epoch", 1, NULL, EPOCH }, { "origin", 1, NULL, ORIGIN }, { "status-interval", 1, NULL, 's' },
	{ "spill-dir", 1, NULL, SPILL_DIR }, { "spill-max", 1, NULL, SPILL_MAX },
	{ "print-pipeline", 1, NULL, PIPELINE }, { "metrics", 1, NULL, METRICS },
	{ "install-ddl", 0, NULL, INSTALL }, { "remove-ddl", 0, NULL, REMOVE },
	{ "ready-fd", 1, NULL, READY }, { "log-format", 1, NULL, LOG },
	{ "verbose", 0, NULL, 'v' }, { "help", 0, NULL, 'h' }, { "version", 0, NULL, VERSION },
	{ NULL, 0, NULL, 0 },
};

/* What the options say on top of the file. */
struct said {
	struct hr_capture_options o;
	struct hr_config config;
	const char *file, *pipeline;
	char **tenant;
	size_t tenants, tenant_cap;
	char **ask;			/* tenants to be copied */
	size_t asks, ask_cap;
	char *column, *schema, *database;
	const char *origin;
	uint64_t part;
	bool check, drop, install, remove;
};

static int
parse(struct said *s, int argc, char *argv[])
{
	int64_t n;
	int ch;

	while ((ch = getopt_long(argc, argv, "d:S:P:j:E:s:vh", longs, NULL)) != -1)
		switch (ch) {
		case 'd': s->o.conninfo = optarg; break;
		case 'S': s->o.slot = optarg; break;
		case 'P': s->o.publication = optarg; break;
		case COLUMN: s->column = optarg; break;
		case SCHEMA: s->schema = optarg; break;
		case DATABASE: s->database = optarg; break;
		case CONFIG: s->file = optarg; break;
		case TENANT:
			HR_GROW(s->tenant, s->tenants, s->tenant_cap);
			s->tenant[s->tenants++] = optarg;
			break;
		case COPY_TENANT:
			if (optarg[0] == '\0' || strlen(optarg) > HR_TENANT_MAX || strchr(optarg, '\n'))
				return hr_opt_misuse(usage, "--copy-tenant takes a tenant, not '%s'", optarg);
			HR_GROW(s->ask, s->asks, s->ask_cap);
			s->ask[s->asks++] = optarg;
			break;
		case CREATE: s->o.create_slot = true; break;
		case DROP: s->drop = true; break;
		case INSTALL: s->install = true; break;
		case REMOVE: s->remove = true; break;
		case SNAPSHOT: s->o.snapshot = true; break;
		case CHECKPOINT: s->o.checkpoint = optarg; break;
		case CHECK: s->check = true; break;
		case SPILL_DIR: s->o.spill_dir = optarg; break;
		case PIPELINE: s->pipeline = optarg; break;
		case METRICS: s->o.metrics = optarg; break;
		case 'v': hr_verbose++; break;
		case 'h': return hr_opt_help(usage);
		case VERSION: return hr_opt_version();
		case 'j':
			if (hr_opt_int(optarg, 1, 64, &n) < 0)
				return hr_opt_misuse(usage, "-j takes 1 to 64, not '%s'", optarg);
			s->o.jobs = (int)n;
			break;
		case 'E':
			s->o.endpos_now = strcmp(optarg, "now") == 0;
			s->o.has_endpos = true;
			if (!s->o.endpos_now && hr_lsn_parse(optarg, &s->o.endpos) < 0)
				return hr_opt_misuse(usage, "--endpos takes an LSN or 'now', not '%s'", optarg);
			break;
		case EPOCH:
			if (hr_opt_int(optarg, 1, INT64_MAX, &n) < 0)
				return hr_opt_misuse(usage, "--epoch takes a number from 1, not '%s'", optarg);
			s->o.epoch = (uint64_t)n;
			break;
		case ORIGIN:
			s->origin = optarg;
			if (strcmp(optarg, "none") != 0 && strcmp(optarg, "any") != 0)
				return hr_opt_misuse(usage, "--origin takes any or none, not '%s'", optarg);
			break;
		case 's':
			if (hr_opt_int(optarg, 1, 3600, &n) < 0)
				return hr_opt_misuse(usage, "-s takes 1 to 3600 seconds, not '%s'", optarg);
			s->o.status_us = n * 1000000;
			break;
		case SPILL_MAX:
			if (hr_opt_size(optarg, &s->o.spill_max) < 0)
				return hr_opt_misuse(usage, "--spill-max takes a size such as 10GB, not '%s'", optarg);
			break;
		case PART_SIZE:
			if (hr_opt_size(optarg, &s->part) < 0 || s->part == 0)
				return hr_opt_misuse(usage, "--part-size takes a size such as 64MB, not '%s'", optarg);
			break;
		case READY:
			if (hr_opt_int(optarg, 0, 1023, &n) < 0)
				return hr_opt_misuse(usage, "--ready-fd takes a descriptor, not '%s'", optarg);
			s->o.ready_fd = (int)n;
			break;
		case LOG:
			if (hr_log_format(optarg) < 0)
				return hr_opt_misuse(usage, "--log-format takes text or json, not '%s'", optarg);
			break;
		default:
			return hr_opt_misuse(usage, "%s", "");
		}
	if (optind != argc)
		return hr_opt_misuse(usage, "'%s' is not an option", argv[optind]);
	return -1;
}

/* Options stand above the file. */
static void
merge(struct said *s)
{
	struct hr_config *c = &s->config;

	hr_config_say_tenancy(c, s->column, s->schema, s->database);
	hr_config_say_tenants(c, s->tenant, s->tenants);
	if (s->o.conninfo == NULL)
		s->o.conninfo = c->source.dbname;
	if (s->o.slot == NULL)
		s->o.slot = c->source.slot;
	if (s->o.publication == NULL)
		s->o.publication = c->source.publication;
	if (s->o.jobs == 0)
		s->o.jobs = c->source.jobs ? c->source.jobs : COPY_JOBS;
	s->o.part_pages = s->part > 8192 ? (int64_t)(s->part / 8192) : s->part != 0;
	if (s->origin == NULL)
		s->origin = c->source.origin;
	s->o.local_only = s->origin && strcmp(s->origin, "none") == 0;
	s->o.create_slot |= c->source.create_slot;
	s->o.snapshot |= c->source.snapshot;
	s->o.config = c;
}

static const char *
missing(const struct said *s)
{
	const struct hr_config *c = &s->config;

	if (s->asks)
		return s->o.checkpoint ? NULL : "--checkpoint FILE";
	if (!s->o.conninfo)
		return "-d CONNINFO";
	if (s->install || s->remove)
		return NULL;
	if (!s->o.slot && !s->check)
		return "-S SLOT";
	if (s->drop)
		return NULL;
	if (!s->o.publication)
		return "-P PUBLICATION";
	if (!c->tenancy.column && !c->tenancy.schema && !c->tenancy.database && c->tables == 0)
		return "--tenant-column, --tenant-schema or --tenant-database";
	return NULL;
}

static int
ask(const struct said *s, struct hr_err *e)
{
	char *path = hr_request_path(s->o.checkpoint);
	size_t i;
	int rc = 0;

	for (i = 0; i < s->asks && rc == 0; i++)
		rc = hr_request_put(path, s->ask[i], true, e);
	free(path);
	return rc;
}

static int
run(struct said *s, struct hr_err *e)
{
	char *text;

	if (s->pipeline) {
		text = hr_config_pipeline(&s->config, s->pipeline);
		printf("name %s\n%s", s->config.name ? s->config.name : "", text);
		free(text);
		return 0;
	}
	if (s->install)
		return hr_ddl_install(s->o.conninfo, e);
	if (s->remove)
		return hr_ddl_remove(s->o.conninfo, e);
	if (s->asks)
		return ask(s, e);
	if (s->drop)
		return hr_capture_drop_slot(&s->o, e);
	if (s->check)
		return hr_capture_check(&s->o, e);
	return hr_capture_run(&s->o, e);
}

int
main(int argc, char *argv[])
{
	struct hr_err e = HR_ERR_INIT;
	struct said s = { .o = { .epoch = 1, .status_us = 10000000, .ready_fd = -1 } };
	int rc;

	hr_name("hr-capture");
	if ((rc = parse(&s, argc, argv)) >= 0) {
		free(s.tenant);
		return rc;
	}
	if (s.file && hr_config_load(&s.config, s.file, &e) < 0)
		rc = hr_finish(&e);
	else {
		merge(&s);
		if (s.pipeline && !s.file)
			rc = hr_opt_misuse(usage, "--print-pipeline needs --config FILE");
		else if (!s.pipeline && missing(&s))
			rc = hr_opt_misuse(usage, "%s is missing", missing(&s));
		else if (!!s.column + !!s.schema + !!s.database > 1)
			rc = hr_opt_misuse(usage, "only one of --tenant-column, --tenant-schema and --tenant-database");
		else if (s.install && s.remove)
			rc = hr_opt_misuse(usage, "only one of --install-ddl and --remove-ddl");
		else if (!s.check && !s.drop && !s.install && !s.remove && !s.asks && !s.pipeline && isatty(STDOUT_FILENO))
			rc = hr_opt_misuse(usage, "the stream is not written to a terminal");
		else {
			(void)!run(&s, &e);
			rc = hr_finish(&e);
		}
	}
	hr_config_clear(&s.config);
	free(s.ask);
	free(s.tenant);
	return rc;
}
