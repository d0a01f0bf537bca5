/* base_err - errors are filled, wrapped, hinted and printed. */

#include "base/hr.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "tap.h"

/* What the call writes to stderr; it is at most one write. */
static const char *
said(enum hr_log_level level, const struct hr_err *e)
{
	static char text[8192];
	int fd[2], saved = dup(STDERR_FILENO);
	ssize_t n;

	if (pipe(fd) < 0)
		abort();
	dup2(fd[1], STDERR_FILENO);
	hr_log_err(level, e);
	dup2(saved, STDERR_FILENO);
	close(fd[1]);
	n = read(fd[0], text, sizeof(text) - 1);
	close(fd[0]);
	close(saved);
	text[n < 0 ? 0 : n] = '\0';
	return text;
}

static void
filling(void)
{
	struct hr_err e = HR_ERR_INIT;
	char lots[4000];
	int i;

	is_number(hr_fail(&e, HR_REFUSED, "cannot %s", "fly"), -1, "fail returns -1");
	is(e.what, "cannot fly", "and says what");
	is_number(e.code, 77, "and the code is the exit status");
	is_number(hr_within(&e, "tenant '%s'", "acme"), -1, "within returns -1");
	is(e.what, "tenant 'acme': cannot fly", "and puts context in front");
	hr_hint(&e, "use %s", "wings");
	hr_hint(&e, "another");
	is(e.hint, "use wings", "the first hint is kept");
	hr_fail(&e, HR_IO, "other");
	is(e.hint, "", "a new failure has no hint");

	errno = ENOENT;
	hr_fail_sys(&e, "cannot open '%s'", "x");
	is(e.what, "cannot open 'x': No such file or directory", "the system's words come last");
	ok(e.code == HR_IO && errno == ENOENT, "the code is 74 and errno is kept");
	errno = ENOSPC;
	hr_fail_sys(&e, "cannot write");
	ok(e.code == HR_IO && e.hint[0], "a full disk is the same, with a hint");
	is_number((hr_fail_mem(&e), e.code), HR_TEMPORARY, "no memory is temporary");

	memset(lots, 'x', sizeof(lots) - 1);
	lots[sizeof(lots) - 1] = '\0';
	hr_fail(&e, HR_INTERNAL, "%s", lots);
	is_number((int64_t)strlen(e.what), sizeof(e.what) - 1, "a long text is cut");
	for (i = 0; i < 3; i++)
		hr_within(&e, "%s", lots);
	is_number((int64_t)strlen(e.what), sizeof(e.what) - 1, "so is long context");
	hr_err_clear(&e);
	ok(e.code == HR_OK && e.what[0] == '\0', "clear leaves no error");
}

static void
printing(void)
{
	struct hr_err e = HR_ERR_INIT;

	hr_name("hr-test");
	hr_fail(&e, HR_BAD_STREAM, "a\nb\tc\033d");
	is(said(HR_LOG_ERROR, &e), "hr-test: error: a b c d\n", "control characters do not reach the terminal");
	hr_hint(&e, "stop");
	snprintf(e.detail, sizeof(e.detail), "because");
	is(said(HR_LOG_ERROR, &e), "hr-test: error: a b c d; stop\n", "the hint is behind a semicolon");
	is(said(HR_LOG_NOTE, &e), "", "a note is not said");
	hr_verbose = 1;
	is(said(HR_LOG_NOTE, &e), "hr-test: note: a b c d; stop\n  because\n", "but under -v, with its detail");
	hr_verbose = 0;
	is_number(hr_log_format("xml"), -1, "there is no xml");
	is_number(hr_log_format("json"), 0, "there is json");
	hr_fail(&e, HR_BAD_STREAM, "say \"%s\\\"", "x");
	hr_hint(&e, "h");
	is(strstr(said(HR_LOG_ERROR, &e), ",\"program\""),
	    ",\"program\":\"hr-test\",\"level\":\"error\",\"message\":\"say \\\"x\\\\\\\"\",\"hint\":\"h\"}\n",
	    "one object a line");
	is_number(hr_log_format("text"), 0, "and there is text");
}

/* What hr_finish() gives in a child whose stdout is that file. */
static int
finish(enum hr_code code, const char *out)
{
	struct hr_err e = HR_ERR_INIT;
	int fd, status;

	fflush(stdout);
	fd = open(out, O_WRONLY);
	dup2(fd, STDOUT_FILENO);
	if (code)
		hr_fail(&e, code, "as asked");
	fputs("x", stdout);
	close(STDERR_FILENO);
	status = hr_finish(&e);
	return status;
}

int
main(void)
{
	int saved = dup(STDOUT_FILENO), errors = dup(STDERR_FILENO), a, b, c;

	filling();
	printing();
	a = finish(HR_OK, "/dev/null");
	b = finish(HR_CONFIG, "/dev/null");
	c = finish(HR_OK, "/dev/full");
	clearerr(stdout);
	dup2(saved, STDOUT_FILENO);
	dup2(errors, STDERR_FILENO);
	close(saved);
	close(errors);
	is_number(a, 0, "no error is status 0");
	is_number(b, 78, "an error is its code");
	is_number(c, 74, "output that cannot be written is not status 0");
	return tap_done();
}
