/*
 * service.h - values replaced by another program, many at a time.
 *
 * The program is run as "/bin/sh -c COMMAND" when it is first needed.  For each
 * value it reads a line with one JSON string, and for each, in the same order,
 * it writes a line: one JSON string, which is what stands for the value, or an
 * object {"error": "..."}.  It may answer at once or after having read several,
 * but not wait for more than the batch; it must flush what it has written.  It
 * ends when its input does.  Its stderr is ours.
 *
 * Values go out in batches and answers are read meanwhile, so neither side
 * waits for the other; recent values are remembered and not asked again.
 *
 *	hr_service_begin(s);
 *	for each value: hr_service_add(s, value, n, e);
 *	hr_service_run(s, e);
 *	for each: hr_service_get(s, i, &len);
 *
 * No message has a value in it, nor what the program said, which might have.
 */
#ifndef HR_SERVICE_H
#define HR_SERVICE_H

#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/hr.h"
#include "base/map.h"

#define HR_SERVICE_LINE		((size_t)1 << 20)	/* bytes of a value, and of an answer's line */
#define HR_SERVICE_REMEMBERED	((size_t)32 << 20)	/* bytes of answers; the count is an option */

struct hr_service_answer {
	uint8_t *data;		/* NULL: none yet, or refused */
	size_t len;
	bool asked;		/* in this batch */
};

struct hr_service_request {
	struct hr_service_answer *answer;
	size_t end;		/* of its line, in send */
};

struct hr_service {
	char *command;
	size_t batch;			/* values sent and not answered, at most */
	size_t remember;		/* values */
	int64_t wait_us;		/* for the next answer */

	pid_t pid;			/* 0: not running */
	int to, from;
	struct hr_buf send, recv;
	size_t sent;			/* bytes */
	struct hr_service_request *request;	/* asked, in order */
	size_t requests, request_cap, answered;
	size_t refused;
	struct hr_service_answer **value;	/* added, in order */
	size_t values, value_cap;
	struct hr_map recent, older;	/* answers by value */
	size_t recent_bytes;
};

#define HR_SERVICE_INIT { .batch = 1000, .remember = 100000, .wait_us = 30000000, .to = -1, .from = -1 }

/* The command is copied; nothing is started yet.  Options may be changed until the first run. */
void hr_service_init(struct hr_service *s, const char *command);
/* Its input is closed; a second later it is killed. */
void hr_service_clear(struct hr_service *s);

/* Forget the values of the last run. */
void hr_service_begin(struct hr_service *s);
/* One more; -1 with *e (HR_REFUSED): it is not UTF-8, or too long. */
int hr_service_add(struct hr_service *s, const void *value, size_t n, struct hr_err *e) HR_USED;

/*
 * Have all answered.  0, or -1 with *e:
 * HR_REFUSED	there was an error for at least one value; the others are
 *		answered, and the program goes on
 * HR_TEMPORARY	it ended, or did not answer in time
 * HR_CONFIG	it answered something else
 * After the last two it is not running, and started anew by the next run, for
 * which values are added again.
 */
int hr_service_run(struct hr_service *s, struct hr_err *e) HR_USED;

/* The answer to the value that was added as number i, from 0; lent until the next begin.  NULL: refused. */
const uint8_t *hr_service_get(const struct hr_service *s, size_t i, size_t *len);

#endif
