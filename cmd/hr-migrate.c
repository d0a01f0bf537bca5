/* hr-migrate: prove that a target has what its source has, and say where it has not. */

#include "base/hr.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/opt.h"
#include "migrate/verify.h"

#define DIFFERENT 1	/* exit status, as of diff(1) */

static const char usage[] =
    "usage: hr-migrate verify [-v] --from CONNINFO --to CONNINFO -P PUBLICATION\n"
    "           --tenant-column COL | --tenant-schema REGEX | --tenant-database NAME\n"
    "           [-S STREAM] [--config FILE] [--tenant T]... [--table SCHEMA.NAME]...\n"
    "           [--chunk-rows N] [--state FILE] [--timeout SECS] [--json]\n"
    "           [--repair FILE] [--log-format text|json]\n"
    "      --from CONNINFO        the source, a libpq connection string\n"
    "      --to CONNINFO          the target\n"
    "  -P, --publication NAME     publication, or several with commas\n"
    "  -S, --slot STREAM          of the pipeline: wait for what it brings\n"
    "      --tenant-column COL    the column that holds the tenant\n"
    "      --tenant-schema REGEX  schemas are tenants; the first group is its name\n"
    "      --tenant-database NAME the whole database is this tenant\n"
    "      --config FILE          the pipeline's YAML file, see hr-config(5)\n"
    "      --tenant T             only this tenant; may be repeated\n"
    "      --table SCHEMA.NAME    only this table; may be repeated\n"
    "      --chunk-rows N         rows compared at a time (10000)\n"
    "      --state FILE           go on from there after being killed\n"
    "      --timeout SECS         for the target to follow and a row to settle (60)\n"
    "      --json                 print JSON, one object a line\n"
    "      --repair FILE          write a stream that makes the target equal\n"
    "      --log-format FORMAT    text or json\n"
    "  -v, --verbose              say more; twice for debugging\n"
    "  -h, --help                 print this\n"
    "      --version              print the version\n";

enum {
	FROM = 256, TO, COLUMN, SCHEMA, DATABASE, CONFIG, TENANT, TABLE, CHUNK, STATE, TIMEOUT, JSON, REPAIR, LOG, VERSION,
};

static const struct option longs[] = {
	{ "from", 1, NULL, FROM }, { "to", 1, NULL, TO }, { "publication", 1, NULL, 'P' },
	{ "slot", 1, NULL, 'S' }, { "tenant-column", 1, NULL, COLUMN }, { "tenant-schema", 1, NULL, SCHEMA },
	{ "tenant-database", 1, NULL, DATABASE }, { "config", 1, NULL, CONFIG }, { "tenant", 1, NULL, TENANT },
	{ "table", 1, NULL, TABLE }, { "chunk-rows", 1, NULL, CHUNK }, { "state", 1, NULL, STATE },
	{ "timeout", 1, NULL, TIMEOUT }, { "json", 0, NULL, JSON }, { "repair", 1, NULL, REPAIR },
	{ "log-format", 1, NULL, LOG }, { "verbose", 0, NULL, 'v' }, { "help", 0, NULL, 'h' },
	{ "version", 0, NULL, VERSION }, { NULL, 0, NULL, 0 },
};

/* What the options say on top of the file. */
struct said {
	struct hr_verify_options o;
	struct hr_config config;
	const char *file;
	char **tenant, **table;
	size_t tenants, tenant_cap, tables, table_cap;
	char *column, *schema, *database;
};

/* -1 to go on, else the exit status. */
static int
parse(struct said *s, int argc, char *argv[])
{
	int64_t n;
	int ch;

	while ((ch = getopt_long(argc, argv, "P:S:vh", longs, NULL)) != -1)
		switch (ch) {
		case FROM: s->o.from = optarg; break;
		case TO: s->o.to = optarg; break;
		case 'P': s->o.publication = optarg; break;
		case 'S': s->o.stream = optarg; break;
		case COLUMN: s->column = optarg; break;
		case SCHEMA: s->schema = optarg; break;
		case DATABASE: s->database = optarg; break;
		case CONFIG: s->file = optarg; break;
		case TENANT:
			if (optarg[0] == '\0' || strlen(optarg) > HR_TENANT_MAX)
				return hr_opt_misuse(usage, "--tenant: a name has 1 to %d bytes", HR_TENANT_MAX);
			HR_GROW(s->tenant, s->tenants, s->tenant_cap);
			s->tenant[s->tenants++] = optarg;
			break;
		case TABLE:
			HR_GROW(s->table, s->tables, s->table_cap);
			s->table[s->tables++] = optarg;
			break;
		case CHUNK:
			if (hr_opt_int(optarg, 1, 1000000, &n) < 0)
				return hr_opt_misuse(usage, "--chunk-rows takes 1 to 1000000, not '%s'", optarg);
			s->o.chunk_rows = n;
			break;
		case TIMEOUT:
			if (hr_opt_int(optarg, 0, 86400, &n) < 0)
				return hr_opt_misuse(usage, "--timeout takes 0 to 86400 seconds, not '%s'", optarg);
			s->o.timeout_us = n * 1000000;
			break;
		case STATE: s->o.state = optarg; break;
		case REPAIR: s->o.repair = optarg; break;
		case JSON: s->o.json = true; break;
		case LOG:
			if (hr_log_format(optarg) < 0)
				return hr_opt_misuse(usage, "--log-format takes text or json, not '%s'", optarg);
			break;
		case 'v': hr_verbose++; break;
		case 'h': return hr_opt_help(usage);
		case VERSION: return hr_opt_version();
		default: return hr_opt_misuse(usage, "%s", "");
		}
	if (optind == argc)
		return hr_opt_misuse(usage, "what to do is missing: verify");
	if (strcmp(argv[optind], "verify") != 0)
		return hr_opt_misuse(usage, "'%s' is not verify", argv[optind]);
	if (optind + 1 != argc)
		return hr_opt_misuse(usage, "'%s' is not an option", argv[optind + 1]);
	return -1;
}

/* Options stand above the file. */
static void
merge(struct said *s)
{
	struct hr_config *c = &s->config;

	hr_config_say_tenancy(c, s->column, s->schema, s->database);
	hr_config_say_tenants(c, s->tenant, s->tenants);
	if (s->o.from == NULL)
		s->o.from = c->source.dbname;
	if (s->o.to == NULL)
		s->o.to = c->target.dbname;
	if (s->o.stream == NULL)
		s->o.stream = c->source.slot;
	if (s->o.publication == NULL)
		s->o.publication = c->source.publication;
	s->o.table = s->table;
	s->o.tables = s->tables;
	s->o.config = c;
}

static const char *
missing(const struct said *s)
{
	const struct hr_config *c = &s->config;

	if (!s->o.from)
		return "--from CONNINFO";
	if (!s->o.to)
		return "--to CONNINFO";
	if (!s->o.publication)
		return "-P PUBLICATION";
	if (!c->tenancy.column && !c->tenancy.schema && !c->tenancy.database && c->tables == 0)
		return "--tenant-column, --tenant-schema or --tenant-database";
	return NULL;
}

int
main(int argc, char *argv[])
{
	struct hr_err e = HR_ERR_INIT;
	struct said s = { .o = { .chunk_rows = 10000, .timeout_us = 60000000 } };
	bool equal = false;
	int rc;

	hr_name("hr-migrate");
	if ((rc = parse(&s, argc, argv)) < 0) {
		if (s.file && hr_config_load(&s.config, s.file, &e) < 0)
			rc = hr_finish(&e);
		else {
			merge(&s);
			if (missing(&s))
				rc = hr_opt_misuse(usage, "%s is missing", missing(&s));
			else if (!!s.column + !!s.schema + !!s.database > 1)
				rc = hr_opt_misuse(usage, "only one of --tenant-column, --tenant-schema and --tenant-database");
			else {
				(void)!hr_verify(&s.o, &equal, &e);
				rc = hr_finish(&e);
				if (rc == 0 && !equal)
					rc = DIFFERENT;
			}
		}
	}
	hr_config_clear(&s.config);
	free(s.tenant);
	free(s.table);
	return rc;
}
