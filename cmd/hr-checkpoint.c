/* hr-checkpoint: look at a checkpoint file, wait for a position in it, set one. */

#include "base/hr.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/lsn.h"
#include "base/opt.h"
#include "state/checkpoint.h"
#include "state/checkpoint_print.h"
#include "state/checkpoint_wait.h"

static const char usage[] =
	"usage: hr-checkpoint show FILE [--tenant NAME] [--json] [-v]\n"
	"       hr-checkpoint get FILE [--tenant NAME] [--json] [-v]\n"
	"       hr-checkpoint wait FILE --lsn LSN [--tenant NAME] [--timeout SECONDS] [-v]\n"
	"       hr-checkpoint set FILE --lsn LSN [--tenant NAME] [--force] [-v]\n"
	"       hr-checkpoint export FILE [-v]\n"
	"       hr-checkpoint -h | --version\n";

enum { FORCE = 1, JSON = 2, LSN = 4, TENANT = 8, TIMEOUT = 16, VERSION = 32 };

static const struct option option[] = {
	{ "force", no_argument, NULL, FORCE },
	{ "json", no_argument, NULL, JSON },
	{ "lsn", required_argument, NULL, LSN },
	{ "tenant", required_argument, NULL, TENANT },
	{ "timeout", required_argument, NULL, TIMEOUT },
	{ "help", no_argument, NULL, 'h' },
	{ "verbose", no_argument, NULL, 'v' },
	{ "version", no_argument, NULL, VERSION },
	{ NULL, 0, NULL, 0 },
};

enum what { SHOW, GET, WAIT, SET, EXPORT };

static const struct verb {
	const char *name;
	int may, must;
} verb[] = {
	[SHOW] = { "show", TENANT | JSON, 0 },
	[GET] = { "get", TENANT | JSON, 0 },
	[WAIT] = { "wait", TENANT | LSN | TIMEOUT, LSN },
	[SET] = { "set", TENANT | LSN | FORCE, LSN },
	[EXPORT] = { "export", JSON, 0 },
};

struct args {
	enum what what;
	const char *path, *tenant;
	hr_lsn lsn;
	int64_t wait_us;	/* -1: for ever */
	int given;
};

/* The file, and the tenant in it; what is not there is made by force alone. */
static int
load(const struct args *a, struct hr_checkpoint *c, const struct hr_tenant_position **only,
    struct hr_err *e)
{
	int rc = hr_checkpoint_load(c, a->path, e);

	if (rc < 0)
		return -1;
	if (rc == 0 && !(a->given & FORCE)) {
		hr_fail(e, HR_IO, "cannot open checkpoint '%s': there is none", a->path);
		return hr_hint(e, "has hr-apply written it yet?");
	}
	*only = a->tenant ? hr_checkpoint_find(c, a->tenant) : NULL;
	if (a->tenant && *only == NULL && !(a->given & FORCE)) {
		hr_fail(e, HR_CONFIG, "tenant '%s' is not in checkpoint '%s'", a->tenant, a->path);
		return hr_hint(e, "hr-checkpoint show lists those that are");
	}
	return 0;
}

static int
set(const struct args *a, struct hr_checkpoint *c, struct hr_err *e)
{
	if (hr_checkpoint_move(c, a->tenant, a->lsn, a->given & FORCE, e) < 0) {
		hr_within(e, "'%s'", a->path);
		return hr_hint(e, "if the target has it, give --force");
	}
	c->written = hr_now_pg_us();
	return hr_checkpoint_save(c, a->path, true, e);
}

static int
run(const struct args *a, struct hr_err *e)
{
	struct hr_checkpoint c = HR_CHECKPOINT_INIT;
	const struct hr_tenant_position *only = NULL;
	struct hr_buf out = HR_BUF_INIT;
	bool json = a->given & JSON;
	int rc;

	if (a->what == WAIT)
		return hr_checkpoint_wait(a->path, a->tenant, a->lsn, a->wait_us, e);
	rc = load(a, &c, &only, e);
	if (rc == 0 && a->what == SET)
		rc = set(a, &c, e);
	else if (rc == 0 && a->what == EXPORT)
		hr_checkpoint_export(&c, &out);
	else if (rc == 0 && a->what == SHOW)
		(json ? hr_checkpoint_print_json : hr_checkpoint_print)
		    (&c, only, hr_now_pg_us(), &out);
	else if (rc == 0)
		(json ? hr_checkpoint_print_lsn_json : hr_checkpoint_print_lsn)(&c, only, &out);
	if (out.len && fwrite(out.data, 1, out.len, stdout) != out.len)
		rc = hr_fail_sys(e, "cannot write to standard output");
	hr_checkpoint_clear(&c);
	hr_buf_clear(&out);
	return rc;
}

/* The value of an option; 0, or 64 after saying why not. */
static int
take(struct args *a, int ch, const char *value)
{
	char *end;
	double s;

	a->given |= ch;
	if (ch == LSN && hr_lsn_parse(value, &a->lsn) < 0)
		return hr_opt_misuse(usage, "--lsn: '%s' is not an LSN like 0/16B3748", value);
	if (ch == TENANT && strlen(a->tenant = value) > HR_TENANT_MAX)
		return hr_opt_misuse(usage, "--tenant: a name has at most %d bytes", HR_TENANT_MAX);
	if (ch == TIMEOUT) {
		s = strtod(value, &end);
		if (end == value || *end || !(s >= 0 && s <= 1e9))
			return hr_opt_misuse(usage, "--timeout: '%s' is not a number of seconds", value);
		a->wait_us = (int64_t)(s * 1e6);
	}
	return 0;
}

/* What to do, the file, and whether the options go with it; as take(). */
static int
choose(struct args *a, int argc, char *const argv[])
{
	const struct verb *v = verb;
	size_t i;

	if (argc != 2)
		return hr_opt_misuse(usage, "not given what to do and one file");
	while (v < verb + HR_COUNT(verb) && strcmp(argv[0], v->name) != 0)
		v++;
	if (v == verb + HR_COUNT(verb))
		return hr_opt_misuse(usage, "'%s' is none of show, get, wait, set and export", argv[0]);
	for (i = 0; option[i].val != 'h'; i++) {
		if (a->given & option[i].val & ~v->may)
			return hr_opt_misuse(usage, "%s does not take --%s", v->name, option[i].name);
		if (v->must & option[i].val & ~a->given)
			return hr_opt_misuse(usage, "%s needs --%s", v->name, option[i].name);
	}
	a->what = (enum what)(v - verb);
	a->path = argv[1];
	return 0;
}

int
main(int argc, char *argv[])
{
	struct hr_err e = HR_ERR_INIT;
	struct args a = { .wait_us = -1 };
	int ch, misused;

	hr_name("hr-checkpoint");
	while ((ch = getopt_long(argc, argv, "hv", option, NULL)) != -1)
		switch (ch) {
		case 'h': return hr_opt_help(usage);
		case 'v': hr_verbose++; break;
		case VERSION: return hr_opt_version();
		case '?': return hr_opt_misuse(usage, "%s", "");
		default:
			if ((misused = take(&a, ch, optarg)) != 0)
				return misused;
		}
	if ((misused = choose(&a, argc - optind, argv + optind)) != 0)
		return misused;
	run(&a, &e);
	return hr_finish(&e);
}
