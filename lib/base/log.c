/* log.c - build a line, write it once. */

#include "base/hr.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"

#define LINE_MAX_BYTES 4096

int hr_verbose;

static const char *program = "hr";
static bool json;

static const char *const level_name[] = { "error", "warning", "note", "debug" };

struct line {
	char text[LINE_MAX_BYTES];
	size_t len;
};

void
hr_name(const char *name)
{
	program = name;
}

const char *
hr_name_get(void)
{
	return program;
}

int
hr_log_format(const char *word)
{
	if (strcmp(word, "json") != 0 && strcmp(word, "text") != 0)
		return -1;
	json = word[0] == 'j';
	return 0;
}

/* Add s, control characters replaced, leaving room for a closing. */
static void
add(struct line *l, const char *s, bool quoted)
{
	size_t room = sizeof(l->text) - 16;

	for (; *s && l->len < room; s++) {
		unsigned char c = (unsigned char)*s;

		if (quoted && (c == '"' || c == '\\'))
			l->text[l->len++] = '\\';
		l->text[l->len++] = c < 0x20 || c == 0x7f ? ' ' : (char)c;
	}
}

static void
send_line(struct line *l)
{
	ssize_t n;

	l->text[l->len++] = '\n';
	do
		n = write(STDERR_FILENO, l->text, l->len);
	while (n < 0 && errno == EINTR);
}

static void
field(struct line *l, const char *name, const char *value)
{
	add(l, l->len ? ",\"" : "{\"", false);
	add(l, name, false);
	add(l, "\":\"", false);
	add(l, value, true);
	add(l, "\"", false);
}

static void
print(enum hr_log_level level, const char *what, const char *hint)
{
	struct line l = { .len = 0 };

	if (json) {
		struct timespec now;
		struct tm tm;
		char when[64], part[40];

		clock_gettime(CLOCK_REALTIME, &now);
		gmtime_r(&now.tv_sec, &tm);
		strftime(part, sizeof(part), "%Y-%m-%dT%H:%M:%S", &tm);
		snprintf(when, sizeof(when), "%s.%03ldZ", part, now.tv_nsec / 1000000);
		field(&l, "time", when);
		field(&l, "program", program);
		field(&l, "level", level_name[level]);
		field(&l, "message", what);
		if (hint && hint[0])
			field(&l, "hint", hint);
		add(&l, "}", false);
	} else {
		add(&l, program, false);
		add(&l, ": ", false);
		add(&l, level_name[level], false);
		add(&l, ": ", false);
		add(&l, what, false);
		if (hint && hint[0]) {
			add(&l, "; ", false);
			add(&l, hint, false);
		}
	}
	send_line(&l);
}

void
hr_log(enum hr_log_level level, const char *fmt, ...)
{
	char what[2048];
	va_list ap;

	if ((int)level > 1 + hr_verbose)
		return;
	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	print(level, what, NULL);
}

void
hr_log_err(enum hr_log_level level, const struct hr_err *e)
{
	if ((int)level > 1 + hr_verbose)
		return;
	print(level, e->what, e->hint);
	if (hr_verbose && e->detail[0]) {
		struct line l = { .len = 0 };

		if (json) {
			print(level, e->detail, NULL);
			return;
		}
		add(&l, "  ", false);
		add(&l, e->detail, false);
		send_line(&l);
	}
}

int
hr_finish(struct hr_err *e)
{
	if ((fflush(stdout) != 0 || close(STDOUT_FILENO) != 0) && errno != EBADF && e->code == HR_OK)
		hr_fail_sys(e, "cannot write to standard output");
	if (e->code != HR_OK)
		hr_log_err(HR_LOG_ERROR, e);
	return (int)e->code;
}
