/*
 * service.c - a program at the other end of two pipes.
 *
 * It is polled in both directions, and never has more unanswered values than
 * the batch.  Answers are remembered in two maps: when the recent one is full
 * it becomes the older one, and what the older one had is forgotten unless it
 * was asked for since.
 */

#include "base/hr.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
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
#include "base/json.h"
#include "rule/service.h"

#define CHUNK		((size_t)64 << 10)
#define END_US		1000000		/* to end by itself */

static const char hint[] = "run its command by hand: for each JSON string on a line it writes one, and flushes";

void
hr_service_init(struct hr_service *s, const char *command)
{
	free(s->command);
	s->command = hr_strdup(command);
}

static void
answer_free(void *p)
{
	struct hr_service_answer *a = p;

	if (a)
		free(a->data);
	free(a);
}

static void
forget(struct hr_service *s)
{
	hr_map_clear(&s->recent, answer_free);
	hr_map_clear(&s->older, answer_free);
	hr_buf_reset(&s->send);
	s->recent_bytes = s->sent = s->values = s->requests = s->answered = s->refused = 0;
}

/* The child: only pipes and stderr are left open, a key's descriptor is not. */
static void HR_NORETURN
become(const char *command, int in, int out)
{
	sigset_t none;
	int fd;

	setpgid(0, 0);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	in = fcntl(in, F_DUPFD, 3);
	out = fcntl(out, F_DUPFD, 3);
	if (in < 0 || out < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0)
		_exit(126);
#ifdef SYS_close_range
	if (syscall(SYS_close_range, 3, ~0u, 0) == 0)
		fd = -1;
	else
#endif
		fd = (int)sysconf(_SC_OPEN_MAX);
	while (--fd > 2)
		close(fd);
	execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	_exit(127);
}

static int
start(struct hr_service *s, struct hr_err *e)
{
	int in[2] = { -1, -1 }, out[2] = { -1, -1 }, rc = -1;

	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0 || (s->pid = fork()) < 0) {
		s->pid = 0;
		hr_fail_sys(e, "cannot start the token service");
		e->code = HR_TEMPORARY;
		goto out;
	}
	if (s->pid == 0)
		become(s->command, in[0], out[1]);
	setpgid(s->pid, s->pid);
	s->to = in[1];
	s->from = out[0];
	in[1] = out[0] = -1;
	fcntl(s->to, F_SETFL, O_NONBLOCK);
	fcntl(s->from, F_SETFL, O_NONBLOCK);
	hr_buf_reset(&s->recv);
	rc = 0;
out:
	for (int i = 0; i < 2; i++) {
		if (in[i] >= 0)
			close(in[i]);
		if (out[i] >= 0)
			close(out[i]);
	}
	return rc;
}

static void
close_to(struct hr_service *s)
{
	if (s->to >= 0)
		close(s->to);
	s->to = -1;
}

/* Has it ended?  It is left to be waited for, so that its number is nobody else's yet. */
static bool
ended(pid_t pid)
{
	siginfo_t info = { 0 };

	return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == pid;
}

/* Its status, when it ends within wait_us; else -1, and it is killed.  So is what it has left behind. */
static int
stop(struct hr_service *s, int64_t wait_us)
{
	const struct timespec tick = { 0, 1000000 };
	int64_t until = hr_now_us() + wait_us;
	int status = -1;
	bool by_itself;

	close_to(s);
	if (s->from >= 0)
		close(s->from);
	s->from = -1;
	if (s->pid == 0)
		return -1;
	while (!(by_itself = ended(s->pid)) && hr_now_us() < until)
		nanosleep(&tick, NULL);
	kill(-s->pid, SIGKILL);
	while (waitpid(s->pid, &status, 0) < 0 && errno == EINTR)
		;
	s->pid = 0;
	return by_itself ? status : -1;
}

void
hr_service_clear(struct hr_service *s)
{
	stop(s, END_US);
	forget(s);
	hr_buf_clear(&s->send);
	hr_buf_clear(&s->recv);
	free(s->request);
	free(s->value);
	free(s->command);
	*s = (struct hr_service)HR_SERVICE_INIT;
}

void
hr_service_begin(struct hr_service *s)
{
	if (s->requests > s->answered) {	/* never run */
		forget(s);
	} else if (s->recent.count >= s->remember || s->recent_bytes >= HR_SERVICE_REMEMBERED) {
		hr_map_clear(&s->older, answer_free);
		s->older = s->recent;
		s->recent = (struct hr_map){ 0 };
		s->recent_bytes = 0;
	}
	hr_buf_reset(&s->send);
	s->sent = s->values = s->requests = s->answered = s->refused = 0;
}

static void
ask(struct hr_service *s, struct hr_service_answer *a, const void *value, size_t n)
{
	hr_json_string(&s->send, value, n);
	hr_buf_u8(&s->send, '\n');
	HR_GROW(s->request, s->requests, s->request_cap);
	s->request[s->requests++] = (struct hr_service_request){ a, s->send.len };
	a->asked = true;
}

/* The older map's answer is copied: it may go away before the recent one. */
static struct hr_service_answer *
remembered(struct hr_service *s, const void *value, size_t n)
{
	const struct hr_service_answer *old = hr_map_get(&s->older, value, n);
	struct hr_service_answer *a = hr_zalloc(sizeof(*a));

	if (old && old->data) {
		a->data = hr_memdup(old->data, old->len);
		a->len = old->len;
		s->recent_bytes += a->len;
	}
	return a;
}

int
hr_service_add(struct hr_service *s, const void *value, size_t n, struct hr_err *e)
{
	void **at;
	struct hr_service_answer *a;

	if (n > HR_SERVICE_LINE || !hr_json_utf8(value, n)) {
		hr_fail(e, HR_REFUSED, "a value of %zu bytes cannot be given to the token service: it is %s", n,
		    n > HR_SERVICE_LINE ? "too long" : "not UTF-8");
		return hr_hint(e, "use a hash for this column");
	}
	at = hr_map_at(&s->recent, value, n);
	if (*at == NULL)
		*at = remembered(s, value, n);
	a = *at;
	if (a->data == NULL && !a->asked)
		ask(s, a, value, n);
	HR_GROW(s->value, s->values, s->value_cap);
	s->value[s->values++] = a;
	return 0;
}

const uint8_t *
hr_service_get(const struct hr_service *s, size_t i, size_t *len)
{
	*len = s->value[i]->len;
	return s->value[i]->data;
}

static int
garbage(const char *what, struct hr_err *e)
{
	hr_fail(e, HR_CONFIG, "the token service %s", what);
	return hr_hint(e, "%s", hint);
}

static int
take_json(struct hr_service *s, struct hr_service_answer *a, const json_t *j, struct hr_err *e)
{
	if (json_is_object(j) && json_is_string(json_object_get(j, "error"))) {
		s->refused++;
		return 0;
	}
	if (!json_is_string(j))
		return garbage("answered with what is neither a JSON string nor an error", e);
	a->len = json_string_length(j);
	a->data = hr_memdup(json_string_value(j), a->len);
	s->recent_bytes += a->len;
	return 0;
}

static int
take_line(struct hr_service *s, const char *line, size_t n, struct hr_err *e)
{
	struct hr_service_answer *a;
	json_error_t ignored;
	json_t *j;
	int rc;

	/* What has not been sent cannot have been answered. */
	if (s->answered == s->requests || s->request[s->answered].end > s->sent)
		return garbage("answered more than it was asked", e);
	a = s->request[s->answered++].answer;
	a->asked = false;
	j = json_loadb(line, n, JSON_DECODE_ANY | JSON_ALLOW_NUL, &ignored);
	rc = take_json(s, a, j, e);
	json_decref(j);
	return rc;
}

static int
take_lines(struct hr_service *s, struct hr_err *e)
{
	uint8_t *at = s->recv.data, *end = at + s->recv.len, *line;

	for (; at < end && (line = memchr(at, '\n', (size_t)(end - at))) != NULL; at = line + 1)
		if (take_line(s, (char *)at, (size_t)(line - at), e) < 0)
			return -1;
	s->recv.len = (size_t)(end - at);
	memmove(s->recv.data, at, s->recv.len);
	if (s->recv.len > HR_SERVICE_LINE)
		return garbage("answered with a line that is too long", e);
	return 0;
}

static int
died(struct hr_service *s, struct hr_err *e)
{
	size_t left = s->requests - s->answered;
	int status = stop(s, END_US);

	if (status == -1)
		hr_fail(e, HR_TEMPORARY, "the token service closed its output, with %zu values unanswered", left);
	else if (WIFSIGNALED(status))
		hr_fail(e, HR_TEMPORARY, "the token service was ended by signal %d, with %zu values unanswered",
		    WTERMSIG(status), left);
	else
		hr_fail(e, HR_TEMPORARY, "the token service ended with status %d, with %zu values unanswered",
		    WEXITSTATUS(status), left);
	return hr_hint(e, "%s", hint);
}

/* 1 when there was something, 0 when there was nothing yet. */
static int
receive(struct hr_service *s, struct hr_err *e)
{
	ssize_t n;

	hr_buf_need(&s->recv, CHUNK);
	n = read(s->from, s->recv.data + s->recv.len, CHUNK);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0)
		return died(s, e);
	s->recv.len += (size_t)n;
	return take_lines(s, e) < 0 ? -1 : 1;
}

/* write(2) without the signal of a closed pipe, which filters leave at its default. */
static ssize_t
write_quietly(int fd, const void *p, size_t n)
{
	const struct timespec now = { 0, 0 };
	sigset_t pipe_only, before, pending;
	ssize_t rc;
	int saved;

	sigemptyset(&pipe_only);
	sigaddset(&pipe_only, SIGPIPE);
	sigpending(&pending);
	pthread_sigmask(SIG_BLOCK, &pipe_only, &before);
	rc = write(fd, p, n);
	saved = errno;
	if (rc < 0 && saved == EPIPE && !sigismember(&pending, SIGPIPE))
		while (sigtimedwait(&pipe_only, NULL, &now) < 0 && errno == EINTR)
			;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	errno = saved;
	return rc;
}

/* Bytes of the requests that may be out. */
static size_t
send_end(const struct hr_service *s)
{
	size_t batch = s->batch ? s->batch : 1, last = s->answered + batch;

	last = last < s->requests ? last : s->requests;
	return last ? s->request[last - 1].end : 0;
}

/* That it reads no more is no error until its answers end. */
static void
send_some(struct hr_service *s)
{
	ssize_t n = write_quietly(s->to, s->send.data + s->sent, send_end(s) - s->sent);

	if (n >= 0)
		s->sent += (size_t)n;
	else if (errno != EAGAIN && errno != EINTR)
		close_to(s);
}

static int
late(struct hr_service *s, struct hr_err *e)
{
	stop(s, 0);
	hr_fail(e, HR_TEMPORARY, "the token service did not answer for %" PRId64 " ms", s->wait_us / 1000);
	return hr_hint(e, "%s", hint);
}

static int
exchange(struct hr_service *s, struct hr_err *e)
{
	int64_t until = hr_now_us() + s->wait_us, left;
	struct pollfd fd[2];
	int rc;

	/* What has come since the last run would be taken for an answer of this one. */
	if (receive(s, e) < 0)
		return -1;
	while (s->answered < s->requests) {
		fd[0] = (struct pollfd){ .fd = s->from, .events = POLLIN };
		fd[1] = (struct pollfd){ .fd = s->sent < send_end(s) ? s->to : -1, .events = POLLOUT };
		left = (until - hr_now_us() + 999) / 1000;
		if (left <= 0)
			return late(s, e);
		rc = poll(fd, 2, left < 1000 ? (int)left : 1000);
		if (rc < 0 && errno != EINTR)
			return hr_fail_sys(e, "cannot wait for the token service");
		if (rc > 0 && fd[1].revents)
			send_some(s);
		if (rc > 0 && fd[0].revents) {
			if ((rc = receive(s, e)) < 0)
				return -1;
			if (rc > 0)
				until = hr_now_us() + s->wait_us;
		}
	}
	return s->recv.len ? garbage("answered more than it was asked", e) : 0;
}

int
hr_service_run(struct hr_service *s, struct hr_err *e)
{
	if (s->requests && ((s->pid == 0 && start(s, e) < 0) || exchange(s, e) < 0)) {
		stop(s, 0);
		forget(s);
		return -1;
	}
	if (s->refused == 0)
		return 0;
	return hr_fail(e, HR_REFUSED, "the token service refused %zu of %zu values", s->refused, s->requests);
}
