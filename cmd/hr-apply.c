/* hr-apply: read a stream from stdin and write it into a target, exactly once. */

#include "base/hr.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "apply/apply.h"
#include "base/alloc.h"
#include "base/log.h"
#include "base/opt.h"
#include "state/config.h"

static const char usage[] =
    "usage: hr-apply [-v] -d CONNINFO [--config FILE] [--tenant T]... [-j N]\n"
    "           [--checkpoint FILE] [--ddl none|add|all] [--batch-rows N]\n"
    "           [--sequences keep|follow|at-end] [--synchronous-commit on|off]\n"
    "           [-n] [--metrics FILE]\n"
    "           [--ready-fd N] [--log-format text|json]\n"
    "       hr-apply --retry [-v] -d CONNINFO [--config FILE] [--tenant T]...\n"
    "           [--ddl none|add|all]\n"
    "  -d, --dbname CONNINFO      the target, a libpq connection string\n"
    "      --config FILE          the pipeline's YAML file, see hr-config(5)\n"
    "      --tenant T             only this tenant; may be repeated\n"
    "  -j, --jobs N               connections (1)\n"
    "      --checkpoint FILE      write there what the target has for good\n"
    "      --ddl none|add|all     add columns the target lacks, or change tables as\n"
    "                             the source does, or neither (none)\n"
    "      --retry                take parked tenants up again, and exit\n"
    "      --batch-rows N         rows of a batch under a backlog (5000)\n"
    "      --sequences WHAT       keep the source's values in hr.sequence (keep), set\n"
    "                             the target's as they come (follow) or at-end\n"
    "      --synchronous-commit on|off\n"
    "                             wait for the target's disk at each commit (off)\n"
    "  -n, --dry-run              read and check the stream, write nothing\n"
    "      --metrics FILE         keep metrics there, in Prometheus text form\n"
    "      --ready-fd N           write a newline to N when changes can be taken\n"
    "      --log-format FORMAT    text or json\n"
    "  -v, --verbose              say more; twice for debugging\n"
    "  -h, --help                 print this\n"
    "      --version              print the version\n";

enum { CONFIG = 256, TENANT, CHECKPOINT, DDL, RETRY, BATCH, SEQUENCES, SYNC, METRICS, READY, LOG, VERSION };

static const struct option longs[] = {
	{ "dbname", 1, NULL, 'd' }, { "config", 1, NULL, CONFIG }, { "tenant", 1, NULL, TENANT },
	{ "jobs", 1, NULL, 'j' }, { "checkpoint", 1, NULL, CHECKPOINT }, { "ddl", 1, NULL, DDL },
	{ "retry", 0, NULL, RETRY }, { "batch-rows", 1, NULL, BATCH },
	{ "sequences", 1, NULL, SEQUENCES }, { "synchronous-commit", 1, NULL, SYNC }, { "dry-run", 0, NULL, 'n' },
	{ "metrics", 1, NULL, METRICS }, { "ready-fd", 1, NULL, READY }, { "log-format", 1, NULL, LOG },
	{ "verbose", 0, NULL, 'v' }, { "help", 0, NULL, 'h' }, { "version", 0, NULL, VERSION },
	{ NULL, 0, NULL, 0 },
};

struct said {
	struct hr_apply_options o;
	struct hr_config config;
	const char *file, *ddl, *sequences, *sync;
	char **tenant;
	size_t tenants, tenant_cap;
	bool retry;
};

static int
parse(struct said *s, int argc, char *argv[])
{
	int64_t n;
	int ch;

	while ((ch = getopt_long(argc, argv, "d:j:nvh", longs, NULL)) != -1)
		switch (ch) {
		case 'd': s->o.conninfo = optarg; break;
		case CONFIG: s->file = optarg; break;
		case TENANT:
			HR_GROW(s->tenant, s->tenants, s->tenant_cap);
			s->tenant[s->tenants++] = optarg;
			break;
		case CHECKPOINT: s->o.checkpoint = optarg; break;
		case DDL: s->ddl = optarg; break;
		case RETRY: s->retry = true; break;
		case SEQUENCES: s->sequences = optarg; break;
		case SYNC: s->sync = optarg; break;
		case 'n': s->o.dry_run = true; break;
		case METRICS: s->o.metrics = optarg; break;
		case 'v': hr_verbose++; break;
		case 'h': return hr_opt_help(usage);
		case VERSION: return hr_opt_version();
		case 'j':
			if (hr_opt_int(optarg, 1, 64, &n) < 0)
				return hr_opt_misuse(usage, "-j takes 1 to 64, not '%s'", optarg);
			s->o.jobs = (int)n;
			break;
		case BATCH:
			if (hr_opt_int(optarg, 1, 100000, &n) < 0)
				return hr_opt_misuse(usage, "--batch-rows takes 1 to 100000, not '%s'", optarg);
			s->o.batch_rows = n;
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

/* Options stand above the file; 64 when something is wrong, else -1. */
static int
merge(struct said *s)
{
	struct hr_config *c = &s->config;
	const char *ddl = s->ddl ? s->ddl : c->target.ddl;
	const char *sequences = s->sequences ? s->sequences : c->target.sequences;
	const char *sync = s->sync ? s->sync : c->target.synchronous_commit;

	if (s->o.conninfo == NULL)
		s->o.conninfo = c->target.dbname;
	if (s->o.jobs == 0)
		s->o.jobs = c->target.jobs ? c->target.jobs : 1;
	if (s->o.batch_rows == 0)
		s->o.batch_rows = c->target.batch_rows ? c->target.batch_rows : 5000;
	s->o.tenant = s->tenants ? s->tenant : c->tenant;
	s->o.tenants = s->tenants ? s->tenants : c->tenants;
	if (ddl && strcmp(ddl, "none") != 0 && strcmp(ddl, "add") != 0 && strcmp(ddl, "all") != 0)
		return hr_opt_misuse(usage, "--ddl takes none, add or all, not '%s'", ddl);
	s->o.run_ddl = ddl && strcmp(ddl, "all") == 0;
	s->o.add_columns = ddl && strcmp(ddl, "none") != 0;
	if (sequences && strcmp(sequences, "keep") != 0 && strcmp(sequences, "follow") != 0 &&
	    strcmp(sequences, "at-end") != 0)
		return hr_opt_misuse(usage, "--sequences takes keep, follow or at-end, not '%s'", sequences);
	s->o.sequences = sequences == NULL || strcmp(sequences, "keep") == 0 ? HR_SEQUENCES_KEEP :
	    strcmp(sequences, "follow") == 0 ? HR_SEQUENCES_FOLLOW : HR_SEQUENCES_AT_END;
	if (sync && strcmp(sync, "on") != 0 && strcmp(sync, "off") != 0)
		return hr_opt_misuse(usage, "--synchronous-commit takes on or off, not '%s'", sync);
	s->o.synchronous = sync && strcmp(sync, "on") == 0;
	if (s->o.conninfo == NULL && !s->o.dry_run)
		return hr_opt_misuse(usage, "-d CONNINFO is missing");
	if (!s->retry && isatty(STDIN_FILENO))
		return hr_opt_misuse(usage, "the stream is not read from a terminal");
	return -1;
}

int
main(int argc, char *argv[])
{
	struct hr_err e = HR_ERR_INIT;
	struct said s = { .o = { .ready_fd = -1 } };
	int rc;

	hr_name("hr-apply");
	if ((rc = parse(&s, argc, argv)) < 0) {
		if (s.file && hr_config_load(&s.config, s.file, &e) < 0)
			rc = hr_finish(&e);
		else if ((rc = merge(&s)) < 0) {
			if (s.retry)
				(void)!hr_apply_retry(&s.o, &e);
			else
				(void)!hr_apply_run(&s.o, &e);
			rc = hr_finish(&e);
		}
	}
	hr_config_clear(&s.config);
	free(s.tenant);
	return rc;
}
