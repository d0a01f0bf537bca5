/*
 * sink.c - hand frames on to standard output or a command.
 *
 * A pipe is opened again through /proc, so that it can be written without
 * waiting while others who have it open are not changed.
 */

#include "base/hr.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "net/sink.h"
#include "state/checkpoint.h"
#include "state/watch.h"

#define PIPE_BYTES	(1 << 20)
#define TERM_US		INT64_C(20000000)	/* for a command to end after its input has */
#define KILL_US		INT64_C(30000000)
#define SILENCE_US	INT64_C(15000000)	/* a checkpoint that does not change for so long will not */
#define FILE_RATE	20			/* bytes a microsecond that checkpoints may take */

/* Is the path's last part nothing but dots so far?  Another one might make it lead elsewhere. */
static bool
only_dots(const struct hr_buf *b)
{
	size_t i = b->len;

	while (i && b->data[i - 1] == '.')
		i--;
	return i == 0 || b->data[i - 1] == '/';
}

/* A name as a part of a file's: nothing in it leads elsewhere. */
static void
put_name(struct hr_buf *b, const char *s)
{
	for (; *s; s++)
		if (*s == '/' || *s == '%' || (unsigned char)*s < 0x20 || (*s == '.' && only_dots(b)))
			hr_buf_printf(b, "%%%02X", (unsigned char)*s);
		else
			hr_buf_u8(b, (uint8_t)*s);
}

char *
hr_sink_path(const char *pattern, const struct hr_lane_open *l)
{
	struct hr_buf b = HR_BUF_INIT;

	if (pattern == NULL)
		return NULL;
	for (; *pattern; pattern++)
		if (*pattern != '%')
			hr_buf_u8(&b, (uint8_t)*pattern);
		else if (*++pattern == 's')
			put_name(&b, l->slot);
		else if (*pattern == 't')
			put_name(&b, l->tenant ? l->tenant : "all");
		else if (*pattern == '%')
			hr_buf_u8(&b, '%');
		else
			break;
	hr_buf_u8(&b, 0);
	return (char *)hr_buf_take(&b, NULL);
}

char **
hr_sink_env(const struct hr_lane_open *l, const char *peer, const char *checkpoint)
{
	char **env = hr_zalloc(7 * sizeof(*env));
	size_t i = 0;

	env[i++] = hr_sprintf("HR_PEER=%s", peer);
	env[i++] = hr_sprintf("HR_SLOT=%s", l->slot);
	env[i++] = hr_sprintf("HR_SYSTEM=%" PRIu64, l->system);
	env[i++] = hr_sprintf("HR_DATABASE=%s", l->database);
	env[i++] = hr_sprintf("HR_TENANT=%s", l->tenant ? l->tenant : "");
	env[i++] = hr_sprintf("HR_CHECKPOINT=%s", checkpoint ? checkpoint : "");
	return env;
}

void
hr_sink_env_free(char **env)
{
	size_t i;

	for (i = 0; env[i]; i++)
		free(env[i]);
	free(env);
}

static int
open_stdout(struct hr_sink *s, struct hr_err *e)
{
	struct stat st;

	if (isatty(STDOUT_FILENO)) {
		hr_fail(e, HR_USAGE, "standard output is a terminal, and a stream is binary");
		return hr_hint(e, "give --exec a command, or pipe the output into one");
	}
	if (fstat(STDOUT_FILENO, &st) < 0)
		return hr_fail_sys(e, "cannot look at standard output");
	s->blocking = S_ISREG(st.st_mode) || S_ISBLK(st.st_mode);
	if (S_ISFIFO(st.st_mode))
		s->fd = open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	if (s->fd < 0) {
		s->fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
		if (s->fd < 0)
			return hr_fail_sys(e, "cannot open standard output");
		if (!s->blocking)
			fcntl(s->fd, F_SETFL, fcntl(s->fd, F_GETFL) | O_NONBLOCK);
	}
	fcntl(s->fd, F_SETPIPE_SZ, PIPE_BYTES);
	return 0;
}

static void HR_NORETURN
run(const char *command, int in, char *const *env)
{
	sigset_t none;

	sigemptyset(&none);
	setpgid(0, 0);
	signal(SIGPIPE, SIG_DFL);
	sigprocmask(SIG_SETMASK, &none, NULL);
	for (; env && *env; env++)
		putenv(*env);
	if (dup2(in, STDIN_FILENO) >= 0)
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	_exit(127);
}

static int
open_command(struct hr_sink *s, const char *command, char *const *env, struct hr_err *e)
{
	int pipes[2];

	if (pipe2(pipes, O_CLOEXEC) < 0)
		return hr_fail_sys(e, "cannot make a pipe");
	fcntl(pipes[1], F_SETPIPE_SZ, PIPE_BYTES);
	s->pid = fork();
	if (s->pid == 0)
		run(command, pipes[0], env);
	close(pipes[0]);
	s->fd = pipes[1];
	if (s->pid < 0) {
		s->pid = 0;
		hr_fail_sys(e, "cannot start '%s'", command);
		e->code = HR_TEMPORARY;
		return -1;
	}
	setpgid(s->pid, s->pid);
	fcntl(s->fd, F_SETFL, fcntl(s->fd, F_GETFL) | O_NONBLOCK);
	if ((s->exit = pidfd_open(s->pid, 0)) >= 0)
		return 0;
	hr_fail_sys(e, "cannot watch '%s'", command);
	kill(-s->pid, SIGKILL);
	waitpid(s->pid, NULL, 0);
	s->pid = 0;
	return -1;
}

static char *
name_of(const struct hr_lane_open *l)
{
	return l->tenant ? hr_sprintf("stream '%s', tenant '%s'", l->slot, l->tenant) : hr_sprintf("stream '%s'", l->slot);
}

int
hr_sink_open(struct hr_sink *s, const struct hr_lane_open *lane, const char *command, char *const *env,
    const char *checkpoint, struct hr_err *e)
{
	*s = (struct hr_sink){ .fd = -1, .exit = -1, .watch = -1, .w = { .fd = -1 }, .head = HR_HEAD_INIT };
	s->lane = *lane;
	s->lane.slot = hr_strdup(lane->slot);
	s->lane.database = hr_strdup(lane->database);
	s->lane.tenant = hr_strdup(lane->tenant);
	s->name = name_of(lane);
	s->checkpoint = hr_strdup(checkpoint);
	if ((checkpoint && (s->watch = hr_watch_open(checkpoint, e)) < 0) ||
	    (command ? open_command(s, command, env, e) : open_stdout(s, e)) < 0)
		return -1;
	return 0;
}

void
hr_sink_close(struct hr_sink *s)
{
	int nothing;

	if (s->closing)
		return;
	s->closing = true;
	s->closed = hr_now_us();
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	/* Its reader sees the end when standard output itself is gone too. */
	if (s->pid == 0 && (nothing = open("/dev/null", O_WRONLY | O_CLOEXEC)) >= 0) {
		dup2(nothing, STDOUT_FILENO);
		close(nothing);
	}
	if (s->pid == 0 && !s->ended)
		s->over = true;
}

void
hr_sink_clear(struct hr_sink *s)
{
	if (s->fd >= 0)
		close(s->fd);
	if (s->exit >= 0)
		close(s->exit);
	if (s->watch >= 0)
		close(s->watch);
	hr_writer_clear(&s->w);
	hr_head_clear(&s->head);
	hr_lane_open_clear(&s->lane);
	free(s->mark);
	free(s->name);
	free(s->checkpoint);
	*s = (struct hr_sink){ .fd = -1, .exit = -1, .watch = -1 };
}

static int
take_head(struct hr_sink *s, const struct hr_frame *f, struct hr_err *e)
{
	struct hr_head *h = &s->head;

	if (f->len > HR_HEAD_MAX || hr_head_decode(h, f->data, f->len, e) < 0)
		return f->len > HR_HEAD_MAX ? hr_fail(e, HR_BAD_STREAM, "a head of %" PRIu32 " bytes", f->len) : -1;
	if (h->system != s->lane.system || strcmp(h->slot, s->lane.slot) != 0 || h->epoch != s->lane.epoch)
		return hr_fail(e, HR_BAD_STREAM, "the stream's head is not that of the lane it came in");
	if (s->lane.tenant && (h->tenants != 1 || strcmp(h->tenant[0], s->lane.tenant) != 0))
		return hr_fail(e, HR_BAD_STREAM, "the lane of tenant '%s' brings a stream of others", s->lane.tenant);
	s->began = true;
	return hr_write_magic(&s->w, e);
}

int
hr_sink_take(struct hr_sink *s, const uint8_t *bytes, size_t len, const struct hr_frame *f, struct hr_err *e)
{
	struct hr_end end;

	if (s->ended)
		return hr_fail(e, HR_BAD_STREAM, "frames follow the end frame");
	if ((f->type == HR_FRAME_HEAD) == s->began)
		return hr_fail(e, HR_BAD_STREAM, s->began ? "a second head frame" : "the first frame is not the head");
	if (f->type == HR_FRAME_HEAD && take_head(s, f, e) < 0)
		return -1;
	if ((f->type == HR_FRAME_WATERMARK || f->type == HR_FRAME_BLOCK) && f->lsn > s->lsn)
		s->lsn = f->lsn;
	if (f->type != HR_FRAME_END)
		return hr_write_bytes(&s->w, bytes, len, e);
	if (hr_end_decode(&end, f, e) < 0)
		return -1;
	if (end.frames != s->w.seen.frames || end.bytes != s->w.seen.bytes || end.crc != s->w.seen.crc)
		return hr_fail(e, HR_BAD_STREAM, "the end frame counts %" PRIu64 " frames, the stream had %" PRIu64,
		    end.frames, s->w.seen.frames);
	s->ended = true;
	return hr_write_bytes(&s->w, bytes, len, e);
}

void
hr_sink_taken(struct hr_sink *s, uint64_t place)
{
	s->place = place;
	if (s->mark_at && s->mark_at >= s->marks / 2) {
		s->marks -= s->mark_at;
		memmove(s->mark, s->mark + s->mark_at, s->marks * sizeof(*s->mark));
		s->mark_at = 0;
	}
	/* A place without frames takes no room: who sends nothing else fills none. */
	if (s->marks && s->mark[s->marks - 1].bytes == s->w.seen.bytes) {
		s->mark[s->marks - 1].place = place;
		return;
	}
	HR_GROW(s->mark, s->marks, s->mark_cap);
	s->mark[s->marks++] = (struct hr_sink_mark){ place, s->w.seen.bytes };
}

size_t
hr_sink_poll(const struct hr_sink *s, struct pollfd *p)
{
	size_t n = 0;

	if (s->fd >= 0 && !s->blocking)
		p[n++] = (struct pollfd){ s->fd, hr_sink_waiting(s) ? POLLOUT : 0, 0 };
	if (s->exit >= 0 && s->pid)
		p[n++] = (struct pollfd){ s->exit, POLLIN, 0 };
	if (s->watch >= 0)
		p[n++] = (struct pollfd){ s->watch, POLLIN, 0 };
	return n;
}

static void
broken(struct hr_sink *s)
{
	if (s->why.code == HR_OK) {
		hr_fail(&s->why, HR_TEMPORARY, "%s: its reader has gone", s->name);
		hr_hint(&s->why, "look at what the stage behind hr-ship says");
	}
	close(s->fd);
	s->fd = -1;
	hr_buf_clear(&s->w.buf);
	s->sent = 0;
	if (s->pid == 0)
		s->over = true;
	/* A command that reads no more has no more to do. */
	if (!s->closing) {
		s->closing = true;
		s->closed = hr_now_us();
	}
}

static void
hand_on(struct hr_sink *s)
{
	ssize_t n;

	while (s->fd >= 0 && hr_sink_waiting(s)) {
		n = write(s->fd, s->w.buf.data + s->sent, hr_sink_waiting(s));
		if (n >= 0) {
			s->sent += (size_t)n;
			s->written += (size_t)n;
		} else if (errno == EAGAIN) {
			break;
		} else if (errno != EINTR) {
			if (errno != EPIPE)
				hr_fail_sys(&s->why, "%s: cannot hand it on", s->name);
			broken(s);
			return;
		}
	}
	while (s->mark_at < s->marks && s->mark[s->mark_at].bytes <= s->written)
		s->handed = s->mark[s->mark_at++].place;
	if (hr_sink_waiting(s) == 0) {
		s->sent = s->w.buf.len = 0;
		if (s->w.buf.cap > (size_t)8 << 20)
			hr_buf_clear(&s->w.buf);
	} else if (s->sent > (size_t)1 << 20) {
		s->w.buf.len -= s->sent;
		memmove(s->w.buf.data, s->w.buf.data + s->sent, s->w.buf.len);
		s->sent = 0;
	}
}

/* The command has ended: what does its status say? */
static void
reap(struct hr_sink *s)
{
	int status, code;

	switch (waitpid(s->pid, &status, WNOHANG)) {
	case 0:
		return;
	case -1:
		if (errno == EINTR)
			return;
		status = 0xff00;	/* somebody else took its status */
	}
	s->pid = 0;
	s->over = true;
	code = WIFEXITED(status) ? WEXITSTATUS(status) : HR_TEMPORARY;
	if (s->ended && hr_sink_waiting(s) == 0 && WIFEXITED(status) && code == 0 && s->why.code == HR_OK)
		return;
	hr_err_clear(&s->why);
	if (WIFSIGNALED(status))
		hr_fail(&s->why, HR_TEMPORARY, "%s: its command was ended by signal %d", s->name, WTERMSIG(status));
	else if (code == 0)
		hr_fail(&s->why, HR_TEMPORARY, "%s: its command ended before the stream did", s->name);
	else
		hr_fail(&s->why, code == HR_REFUSED || code == HR_CONFIG || code == HR_USAGE || code == HR_INTERNAL ||
		    code == HR_BAD_STREAM ? (enum hr_code)code : HR_TEMPORARY, "%s: its command ended with status %d",
		    s->name, code);
	hr_hint(&s->why, "look at what it says at the receiver");
}

static void
hurry(struct hr_sink *s)
{
	int64_t since = hr_now_us() - s->closed;

	/* One whose stream ended well may have much to write yet. */
	if (s->pid == 0 || (s->ended && s->why.code == HR_OK))
		return;
	if (since > TERM_US && s->killed == 0) {
		kill(-s->pid, SIGTERM);
		s->killed++;
	} else if (since > KILL_US && s->killed == 1) {
		kill(-s->pid, SIGKILL);
		s->killed++;
	}
}

void
hr_sink_look(struct hr_sink *s)
{
	struct pollfd p = { s->fd, POLLOUT, 0 };

	hand_on(s);
	if (s->fd >= 0 && !s->blocking && poll(&p, 1, 0) > 0 && (p.revents & (POLLERR | POLLHUP)))
		broken(s);
	if (s->ended && !s->closing && hr_sink_waiting(s) == 0)
		hr_sink_close(s);
	if (s->pid)
		reap(s);
	if (s->closing)
		hurry(s);
	/* Who reads standard output cannot be waited for; what it writes down can. */
	if (s->pid == 0 && s->closing && s->ended)
		s->over |= s->watch < 0 || s->reached ||
		    hr_now_us() - (s->told > s->closed ? s->told : s->closed) > SILENCE_US;
}

void
hr_sink_drain(struct hr_sink *s)
{
	if (s->watch >= 0 && hr_watch_drain(s->watch, s->checkpoint))
		s->changed = s->wrote = true;
}

int
hr_sink_checkpoint(struct hr_sink *s, struct hr_buf *b, struct hr_err *e)
{
	struct hr_checkpoint cp = HR_CHECKPOINT_INIT;
	int rc;

	if (s->watch < 0)
		return 0;
	hr_sink_drain(s);
	if (!s->changed || (!s->over && hr_now_us() - s->told < (int64_t)(s->told_bytes / FILE_RATE)))
		return 0;
	s->changed = false;
	rc = hr_checkpoint_load(&cp, s->checkpoint, e);
	if (rc > 0 && !hr_checkpoint_is_of(&cp, s->lane.system, s->lane.slot))
		rc = 0;			/* of another stream: one that was here before */
	if (rc > 0) {
		if (s->wrote)
			hr_checkpoint_encode(&cp, b);
		s->reached = s->ended && cp.state == HR_STATE_STREAMING && cp.lsn >= s->lsn;
	}
	hr_checkpoint_clear(&cp);
	s->told = hr_now_us();
	s->told_bytes = b->len;
	return rc > 0 ? s->wrote : rc;
}
