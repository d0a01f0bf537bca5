/* hr-transform: pass a stream on, checked, or print it as JSON lines. */

#include "base/hr.h"

#include <getopt.h>
#include <signal.h>

#include "base/err.h"
#include "base/log.h"
#include "base/opt.h"
#include "stream/dump.h"
#include "stream/pipe.h"

static const char usage[] =
	"usage: hr-transform [-v] [--dump]\n"
	"       hr-transform -h | --version\n";

static const struct option option[] = {
	{ "dump", no_argument, NULL, 'D' },
	{ "help", no_argument, NULL, 'h' },
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

int
main(int argc, char *argv[])
{
	struct hr_err e = HR_ERR_INIT;
	struct hr_pipe p = HR_PIPE_INIT;
	struct hr_dump d = HR_DUMP_INIT;
	bool dump = false;
	int ch;

	hr_name("hr-transform");
	signal(SIGPIPE, SIG_DFL);
	while ((ch = getopt_long(argc, argv, "hv", option, NULL)) != -1)
		switch (ch) {
		case 'D': dump = true; break;
		case 'h': return hr_opt_help(usage);
		case 'v': hr_verbose++; break;
		case 'V': return hr_opt_version();
		default: return hr_opt_misuse(usage, "%s", "");
		}
	if (optind != argc)
		return hr_opt_misuse(usage, "unexpected argument '%s'", argv[optind]);

	if (dump) {
		p.out = -1;
		p.idle = dump_idle;
	}
	if (hr_pipe_open(&p, &e) == 0 && hr_pipe_run(&p, dump ? dump_step : NULL, &d, &e) == 0 &&
	    (dump ? hr_dump_end(&d, &p.r.seen, &e) : hr_pipe_end(&p, &e)) == 0)
		hr_log(HR_LOG_NOTE, "%" PRIu64 " frames, %" PRIu64 " bytes",
		    p.r.seen.frames, p.r.seen.bytes);

	hr_dump_clear(&d);
	hr_pipe_clear(&p);
	return hr_finish(&e);
}
