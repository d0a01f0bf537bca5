/* state_command - a command of the user's, what it says, and that nothing of it is left. */

#include "base/hr.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "state/command.h"
#include "tap.h"

static struct hr_err e = HR_ERR_INIT;
static char out[8192];

static ssize_t
run(const char *command, const void *in, size_t n, size_t most, int64_t wait_us)
{
	static const char *const env[] = { "HR_ONE=first", "HR_TWO=a b", NULL };
	struct hr_command c = { command, "wrap", env, in, n, wait_us };
	ssize_t got = hr_command_run(&c, out, most, &e);

	out[got > 0 ? got : 0] = '\0';
	return got;
}

static void
says(const char *command, const char *want, const char *what)
{
	e.what[0] = '\0';
	run(command, "input", 5, 4096, 10000000);
	is(out, want, what);
	if (e.what[0])
		printf("# %s\n", e.what);
}

static void
fails(const char *command, const char *want, const char *what)
{
	ok(run(command, "input", 5, 16, 300000) == -1 && e.code == HR_TEMPORARY, "%s", what);
	is(e.what, want, "and why is said");
}

int
main(void)
{
	char big[HR_COMMAND_INPUT], left[64];
	int64_t start;
	int fd;

	says("cat; :", "input", "what it reads is what it was given");
	says("echo", "wrap\n", "the argument is the command's last");
	says("true; echo a", "a wrap\n", "of its last program");
	says("cat >/dev/null; printf %s%s \"$HR_ONE\" \"$HR_TWO\"; :", "firsta b", "it has the variables given");
	setenv("HR_ONE", "ours", 1);
	setenv("HR_ONE_MORE", "ours", 1);
	says("printf '%s %s' \"$HR_ONE\" \"$HR_ONE_MORE\"; :", "first ours", "before ours");
	says("echo said >&2; printf out; :", "out", "its stderr is not its output");
	says("(sleep 5; echo late) & printf early; :", "early", "what it leaves behind is not waited for");
	says("i=0; while [ $i -lt 3000 ]; do echo a line that is long enough >&2; i=$((i+1)); done; printf out; :", "out",
	    "however much it says there");
	fd = open("/dev/null", O_RDONLY);	/* not O_CLOEXEC */
	snprintf(left, sizeof(left), "[ -e /proc/self/fd/%d ] && printf open || printf closed; :", fd);
	says(left, "closed", "it has no descriptor of ours");
	close(fd);
	memset(big, 'x', sizeof(big));
	ok(run("true", big, sizeof(big), 16, 10000000) == 0, "one that does not read its input harms nobody");
	ok(run("wc -c; :", big, sizeof(big), 16, 10000000) > 0 && atoi(out) == HR_COMMAND_INPUT, "one that does has all");
	ok(run("printf 0123456789abcdef; :", "", 0, 16, 10000000) == 16, "as much as may be is taken");
	fails("exit 3; :", "it ended with status 3", "a status is a failure");
	fails("echo first >&2; echo last one >&2; echo >&2; exit 1; :", "it ended with status 1: last one",
	    "the last line it said is in the message");
	fails("kill -9 $$; :", "it was ended by signal 9", "so is a signal");
	fails("/no/such/program; :; exit 127; :", "it ended with status 127: sh: 1: /no/such/program: not found",
	    "and a program that is not there");
	fails("yes; :", "it wrote more than 16 bytes", "output without end is cut short");
	fails("printf 0123456789abcdefg; :", "it wrote more than 16 bytes", "so is one byte too many");
	start = hr_now_us();
	fails("echo waiting >&2; sleep 20 & sleep 20; :", "it did not end within 300 ms: waiting", "one that hangs is ended");
	fails("trap '' TERM INT HUP; sleep 20; :", "it did not end within 300 ms", "also when it does not want to");
	fails("exec >&- 2>&-; sleep 20; :", "it did not end within 300 ms", "also when it has closed its output");
	ok(hr_now_us() - start < 10000000, "in time");
	ok(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD, "there is no child left");
	signal(SIGPIPE, SIG_IGN);
	says("trap 2>&1 | cat; yes | head -n 1; :", "y\n", "SIGPIPE is at its default there");
	signal(SIGCHLD, SIG_IGN);
	fails("printf a; :", "how it ended is not known: SIGCHLD is ignored", "without SIGCHLD nothing is believed");
	return tap_done();
}
