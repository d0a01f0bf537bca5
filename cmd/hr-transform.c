/* hr-transform: pass a stream on, by rules or as it is, or print it as JSON lines. */

#include "base/hr.h"

#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "base/opt.h"
#include "capture/preview.h"
#include "rule/transform.h"
#include "state/checkpoint.h"
#include "stream/dump.h"
#include "stream/pipe.h"

static const char usage[] =
	"usage: hr-transform [-v] [--rules FILE [--key FILE | --key-fd FD] [--dead-letters FILE]\n"
	"           [--state DIR [--checkpoint FILE]]]\n"
	"       hr-transform --rules FILE [--key FILE | --key-fd FD] --check\n"
	"           [-d CONNINFO -P PUBLICATION]\n"
	"       hr-transform --rules FILE [--key FILE | --key-fd FD] --dry-run\n"
	"       hr-transform --dump\n"
	"       hr-transform -h | --version\n"
	"      --rules FILE           what becomes of rows, see hr-rules(5)\n"
	"      --key FILE             the secret key, in place of the one that the rules name\n"
	"      --key-fd FD            the same from an open descriptor\n"
	"      --dead-letters FILE    where parked rows go, as JSON lines\n"
	"      --state DIR            where the states of aggregations are kept\n"
	"      --checkpoint FILE      what the target has, so that states need not keep it\n"
	"      --check                print what the rules do to tables and their first rows\n"
	"  -d, --dbname CONNINFO      check the tables of this source, not of a stream\n"
	"  -P, --publication NAME     those of this publication, or several with commas\n"
	"      --dry-run              print each row before and after\n"
	"      --dump                 print the stream as JSON lines\n"
	"  -v                         say how much there was\n";

static const struct option option[] = {
	{ "check", no_argument, NULL, 'c' },
	{ "checkpoint", required_argument, NULL, 'C' },
	{ "dbname", required_argument, NULL, 'd' },
	{ "dead-letters", required_argument, NULL, 'L' },
	{ "dry-run", no_argument, NULL, 'n' },
	{ "dump", no_argument, NULL, 'D' },
	{ "help", no_argument, NULL, 'h' },
	{ "key", required_argument, NULL, 'k' },
	{ "key-fd", required_argument, NULL, 'K' },
	{ "publication", required_argument, NULL, 'P' },
	{ "rules", required_argument, NULL, 'r' },
	{ "state", required_argument, NULL, 's' },
	{ "verbose", no_argument, NULL, 'v' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

static int
dump_step(void *d, struct hr_pipe *p, const struct hr_frame *f, struct hr_err *e)
{
	(void)p;
	return hr_dump_frame(d, f, e);
}

static int
dump_idle(void *d, struct hr_err *e)
{
	return hr_dump_flush(d, e);
}

/* What the options say. */
struct options {
	const char *rules, *key, *dead_letters, *dbname, *publication, *state, *checkpoint;
	int key_fd;
	bool check, dry, dump;
};

/* What the checkpoint says, when there is one. */
static int
target_has(void *file, hr_lsn *lsn, struct hr_err *e)
{
	struct hr_checkpoint c = HR_CHECKPOINT_INIT;
	int rc = hr_checkpoint_load(&c, file, e);

	*lsn = rc > 0 && c.state == HR_STATE_STREAMING ? c.lsn : 0;
	hr_checkpoint_clear(&c);
	return rc < 0 ? -1 : 0;
}

static int
open_rules(struct hr_transform *t, const struct options *o, struct hr_err *e)
{
	const char *key = o->key;

	if (hr_rules_load(&t->rules, o->rules, e) < 0)
		return -1;
	if (key == NULL && o->key_fd < 0)
		key = t->rules.key;
	if ((key && hr_key_load(&t->key, key, e) < 0) || (o->key_fd >= 0 && hr_key_read(&t->key, o->key_fd, e) < 0))
		return -1;
	t->work.dead = o->dry || o->check ? 1 : -1;
	t->work.dry = o->dry || o->check;
	t->work.samples = o->check ? 3 : 0;
	if (o->dead_letters) {
		t->work.dead = open(o->dead_letters, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
		if (t->work.dead < 0)
			return hr_fail_sys(e, "cannot open '%s'", o->dead_letters);
	}
	if (t->rules.aggregates && o->state == NULL && !o->dry && !o->check) {
		hr_fail(e, HR_CONFIG, "'%s' aggregates rows, and there is no place for what is known of them", o->rules);
		return hr_hint(e, "give a directory as --state DIR");
	}
	if (t->rules.aggregates && o->state) {
		t->aggregates.dir = o->state;
		t->aggregates.durable = o->checkpoint ? target_has : NULL;
		t->aggregates.arg = (void *)(uintptr_t)o->checkpoint;
	}
	hr_transform_init(t);
	return 0;
}

static void
say(const struct hr_pipe *p, const struct hr_transform *t)
{
	hr_log(HR_LOG_NOTE, "%" PRIu64 " frames, %" PRIu64 " bytes", p->r.seen.frames, p->r.seen.bytes);
	if (t->rules.path)
		hr_log(HR_LOG_NOTE, "%" PRIu64 " rows, %" PRIu64 " by rules; %" PRIu64 " left out, %" PRIu64 " of them parked",
		    t->work.rows, t->work.changed, t->work.dropped, t->work.parked);
}

/* By rules, or as it is. */
static void
pass(const struct options *o, struct hr_err *e)
{
	struct hr_pipe p = HR_PIPE_INIT;
	struct hr_transform t = HR_TRANSFORM_INIT;

	if (o->rules) {
		p.idle = hr_transform_idle;
		if (open_rules(&t, o, e) < 0)
			goto out;
		if (o->dbname) {
			if (hr_preview(&t, o->dbname, o->publication, e) == 0)
				(void)!hr_transform_idle(&t, e);
			goto out;
		}
	}
	if (o->check || o->dry)
		p.out = -1;
	if (hr_pipe_open(&p, e) == 0 && hr_pipe_run(&p, o->rules ? hr_transform_step : NULL, &t, e) == 0 &&
	    (o->rules == NULL || hr_transform_idle(&t, e) == 0) && (p.out < 0 || hr_pipe_end(&p, e) == 0))
		say(&p, &t);
out:
	if (t.work.dead > 1)
		close(t.work.dead);
	hr_transform_clear(&t);
	hr_pipe_clear(&p);
}

static void
dump(struct hr_err *e)
{
	struct hr_pipe p = HR_PIPE_INIT;
	struct hr_dump d = HR_DUMP_INIT;

	p.out = -1;
	p.idle = dump_idle;
	if (hr_pipe_open(&p, e) == 0 && hr_pipe_run(&p, dump_step, &d, e) == 0 && hr_dump_end(&d, &p.r.seen, e) == 0)
		hr_log(HR_LOG_NOTE, "%" PRIu64 " frames, %" PRIu64 " bytes", p.r.seen.frames, p.r.seen.bytes);
	hr_dump_clear(&d);
	hr_pipe_clear(&p);
}

int
main(int argc, char *argv[])
{
	struct hr_err e = HR_ERR_INIT;
	struct options o = { .key_fd = -1 };
	int64_t number;
	int ch;

	hr_name("hr-transform");
	signal(SIGPIPE, SIG_DFL);
	while ((ch = getopt_long(argc, argv, "d:hP:v", option, NULL)) != -1)
		switch (ch) {
		case 'c': o.check = true; break;
		case 'd': o.dbname = optarg; break;
		case 'D': o.dump = true; break;
		case 'h': return hr_opt_help(usage);
		case 'k': o.key = optarg; break;
		case 'K':
			if (hr_opt_int(optarg, 0, INT32_MAX, &number) < 0)
				return hr_opt_misuse(usage, "--key-fd is not a descriptor's number: '%s'", optarg);
			o.key_fd = (int)number;
			break;
		case 'L': o.dead_letters = optarg; break;
		case 'n': o.dry = true; break;
		case 'P': o.publication = optarg; break;
		case 'C': o.checkpoint = optarg; break;
		case 'r': o.rules = optarg; break;
		case 's': o.state = optarg; break;
		case 'v': hr_verbose++; break;
		case 'V': return hr_opt_version();
		default: return hr_opt_misuse(usage, "%s", "");
		}
	if (optind != argc)
		return hr_opt_misuse(usage, "unexpected argument '%s'", argv[optind]);
	if (o.rules == NULL && (o.key || o.key_fd >= 0 || o.check || o.dry || o.dead_letters || o.state))
		return hr_opt_misuse(usage, "%s", "--rules is missing");
	if (o.dump + o.check + o.dry > 1 || (o.dump && o.rules))
		return hr_opt_misuse(usage, "%s", "only one of --dump, --check and --dry-run, and --dump takes no --rules");
	if ((o.dbname || o.publication) && (!o.check || !o.dbname || !o.publication))
		return hr_opt_misuse(usage, "%s", "-d and -P are of --check, and go together");
	/* What it prints has values as they came. */
	if (o.dead_letters && (o.check || o.dry))
		return hr_opt_misuse(usage, "%s", "--check and --dry-run print what would be parked, and take no --dead-letters");
	if ((o.state && (o.check || o.dry)) || (o.checkpoint && o.state == NULL))
		return hr_opt_misuse(usage, "%s", "--checkpoint is of --state, and neither is of --check or --dry-run");
	if (o.key && o.key_fd >= 0)
		return hr_opt_misuse(usage, "%s", "only one of --key and --key-fd");

	if (o.dump)
		dump(&e);
	else
		pass(&o, &e);
	return hr_finish(&e);
}
