/*
 * command.c - one child, two pipes that are read, one that has been filled.
 *
 * Other threads may be there: between fork(2) and execve(2) nothing is allocated.
 */

#include "base/hr.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "state/command.h"

#define SAID	1024		/* bytes of its stderr that are kept: the last ones */
#define TICK_MS	20

struct run {
	pid_t pid;
	int out, err;		/* -1: ended */
	uint8_t *to;
	size_t n, most;
	bool more;		/* than most */
	char said[SAID];
	size_t said_len;
};

static void HR_NORETURN
become(char *const *argv, char *const *envp, int in, int out, int err)
{
	sigset_t none;
	int fd;

	setpgid(0, 0);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	in = fcntl(in, F_DUPFD, 3);
	out = fcntl(out, F_DUPFD, 3);
	err = fcntl(err, F_DUPFD, 3);
	if (in < 0 || out < 0 || err < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0)
		_exit(126);
#ifdef SYS_close_range
	if (syscall(SYS_close_range, 3, ~0u, 0) == 0)
		fd = -1;
	else
#endif
		fd = (int)sysconf(_SC_OPEN_MAX);
	while (--fd > 2)
		close(fd);
	execve("/bin/sh", argv, envp);
	_exit(127);
}

static bool
same_name(const char *a, const char *b)
{
	size_t n = strcspn(a, "=");

	return strncmp(a, b, n + 1) == 0;
}

/* Ours with those before it; the array is the caller's, its texts are not. */
static char **
environment(const char *const *first)
{
	size_t n = 0, i, ours, firsts = 0;
	char **env;

	while (first && first[firsts])
		firsts++;
	for (ours = 0; environ && environ[ours]; ours++)
		;
	env = hr_alloc((firsts + ours + 1) * sizeof(*env));
	for (i = 0; i < firsts; i++)
		env[n++] = (char *)first[i];
	for (ours = 0; environ && environ[ours]; ours++) {
		for (i = 0; i < firsts && !same_name(first[i], environ[ours]); i++)
			;
		if (i == firsts)
			env[n++] = environ[ours];
	}
	env[n] = NULL;
	return env;
}

static void
close_all(int *fd, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (fd[i] >= 0)
			close(fd[i]);
}

static int
start(struct run *r, const struct hr_command *c, struct hr_err *e)
{
	int fd[6] = { -1, -1, -1, -1, -1, -1 };
	char *script = hr_sprintf("%s \"$@\"", c->command);
	char *argv[] = { (char *)"sh", (char *)"-c", script, (char *)"sh", (char *)c->argument, NULL };
	char **env = environment(c->env);
	int rc = 0;

	if (pipe2(fd, O_CLOEXEC) < 0 || pipe2(fd + 2, O_CLOEXEC) < 0 || pipe2(fd + 4, O_CLOEXEC) < 0 ||
	    hr_file_write(fd[1], c->in, c->in_len) < 0 || (r->pid = fork()) < 0) {
		rc = hr_fail_sys(e, "it cannot be started");
		e->code = HR_TEMPORARY;
	} else if (r->pid == 0) {
		become(argv, env, fd[0], fd[3], fd[5]);
	} else {
		setpgid(r->pid, r->pid);
		r->out = fd[2];
		r->err = fd[4];
		fd[2] = fd[4] = -1;
		fcntl(r->out, F_SETFL, O_NONBLOCK);
		fcntl(r->err, F_SETFL, O_NONBLOCK);
	}
	close_all(fd, HR_COUNT(fd));
	free(script);
	free(env);
	return rc;
}

/* Has it ended?  It is left to be waited for, so that its number is nobody else's yet. */
static bool
ended(pid_t pid)
{
	siginfo_t info = { 0 };

	return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == pid;
}

static void
done(int *fd)
{
	close(*fd);
	*fd = -1;
}

/* What there is now. */
static void
take_output(struct run *r)
{
	uint8_t beyond;
	ssize_t n;

	do {
		n = r->n < r->most ? read(r->out, r->to + r->n, r->most - r->n) : read(r->out, &beyond, 1);
		if (n > 0 && r->n == r->most)
			r->more = true;
		else if (n > 0)
			r->n += (size_t)n;
	} while (!r->more && (n > 0 || (n < 0 && errno == EINTR)));
	if (r->more || n == 0 || (n < 0 && errno != EAGAIN))
		done(&r->out);
}

static void
take_said(struct run *r)
{
	char text[SAID];
	size_t keep;
	ssize_t n;

	while ((n = read(r->err, text, sizeof(text))) > 0 || (n < 0 && errno == EINTR)) {
		if (n < 0)
			continue;
		keep = r->said_len < SAID - (size_t)n ? r->said_len : SAID - (size_t)n;
		memmove(r->said, r->said + r->said_len - keep, keep);
		memcpy(r->said + keep, text, (size_t)n);
		r->said_len = keep + (size_t)n;
		if (n < (ssize_t)sizeof(text))
			break;
	}
	if (n == 0 || (n < 0 && errno != EAGAIN))
		done(&r->err);
}

/* Until it has ended by itself, and all that it wrote is here: true.  What it left behind may still write. */
static bool
attend(struct run *r, int64_t until)
{
	struct pollfd fd[2];
	int64_t left;
	bool over = false;

	while (!over && !r->more) {
		left = (until - hr_now_us() + 999) / 1000;
		if (left <= 0)
			return false;
		over = ended(r->pid);
		fd[0] = (struct pollfd){ .fd = r->out, .events = POLLIN };
		fd[1] = (struct pollfd){ .fd = r->err, .events = POLLIN };
		if (r->out < 0 && r->err < 0)
			left = left < 1 ? left : 1;
		if (poll(fd, 2, over ? 0 : left < TICK_MS ? (int)left : TICK_MS) <= 0)
			continue;
		if (fd[0].revents)
			take_output(r);
		if (fd[1].revents && r->err >= 0)
			take_said(r);
	}
	return over;
}

/* Its status, or -1 when somebody else has waited for it. */
static int
stop(struct run *r)
{
	int status = -1;

	kill(-r->pid, SIGKILL);
	while (waitpid(r->pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return status;
}

/* Its last line that has something in it, with ": " in front. */
static const char *
last_line(struct run *r, char *text)
{
	const char *end = r->said + r->said_len, *at;

	while (end > r->said && (end[-1] == '\n' || end[-1] == '\r' || end[-1] == ' ' || end[-1] == '\0'))
		end--;
	for (at = end; at > r->said && at[-1] != '\n'; at--)
		;
	if (at == end)
		return "";
	text[0] = ':';
	text[1] = ' ';
	memcpy(text + 2, at, (size_t)(end - at));
	text[2 + (end - at)] = '\0';
	return text;
}

static int
judge(struct run *r, bool by_itself, int status, int64_t wait_us, struct hr_err *e)
{
	char text[SAID + 3];
	const char *said = last_line(r, text);

	if (r->more)
		return hr_fail(e, HR_TEMPORARY, "it wrote more than %zu bytes%s", r->most, said);
	if (!by_itself)
		return hr_fail(e, HR_TEMPORARY, "it did not end within %" PRId64 " ms%s", wait_us / 1000, said);
	if (status == -1)
		return hr_fail(e, HR_TEMPORARY, "how it ended is not known: SIGCHLD is ignored%s", said);
	if (WIFSIGNALED(status))
		return hr_fail(e, HR_TEMPORARY, "it was ended by signal %d%s", WTERMSIG(status), said);
	if (WEXITSTATUS(status))
		return hr_fail(e, HR_TEMPORARY, "it ended with status %d%s", WEXITSTATUS(status), said);
	return 0;
}

ssize_t
hr_command_run(const struct hr_command *c, void *out, size_t most, struct hr_err *e)
{
	struct run r = { .out = -1, .err = -1, .to = out, .most = most };
	bool by_itself;
	int status;

	assert(c->in_len <= HR_COMMAND_INPUT);
	if (start(&r, c, e) < 0)
		return -1;
	by_itself = attend(&r, hr_now_us() + c->wait_us);
	status = stop(&r);
	close_all((int[]){ r.out, r.err }, 2);
	return judge(&r, by_itself, status, c->wait_us, e) < 0 ? -1 : (ssize_t)r.n;
}
