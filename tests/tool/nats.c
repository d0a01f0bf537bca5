/*
 * nats.c - what nats.bats drives lib/net/nats.h with.
 *
 * usage: nats publish URL COUNT [SIZE [FIRST]]	messages FIRST.. with ids m-NUMBER
 *	nats consume URL COUNT [ACK]	print SEQ NUMBER AGAIN; ACK=0: acknowledge none,
 *					drop: drop each as it comes
 *	nats make URL			the stream, or why not
 *	nats put URL KEY TEXT		and nats get URL KEY
 *	nats watch URL KEY COUNT	print so many values
 *
 * Files and limits come by the environment: CA, CERT, KEY, MAX_BYTES, SHARED.
 */
#include "base/hr.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "net/nats.h"

#define LIMIT_US (INT64_C(15) * 1000000)	/* nothing here takes longer */

static int64_t start_us;

static int64_t
number(const char *s)
{
	return s ? strtoll(s, NULL, 10) : 0;
}

static struct hr_nats *
open_it(const char *url, struct hr_err *e)
{
	struct hr_nats_options o = {
		.url = url,
		.prefix = getenv("PREFIX"),
		.tls_ca = getenv("CA"),
		.tls_cert = getenv("CERT"),
		.tls_key = getenv("KEY"),
		.max_bytes = (uint64_t)number(getenv("MAX_BYTES")),
		.duplicates_us = number(getenv("DUPLICATES")) * 1000000,
		.replicas = (int)number(getenv("REPLICAS")),
		.timeout_us = 2000000,
		.shared = getenv("SHARED") != NULL,
		.in_flight = 1 << 20,
	};

	return hr_nats_open(&o, e);
}

/* Until something came or so long, and not for ever.  The state, each time it changes, on stderr. */
static int
turn(struct hr_nats *n, int wait_ms, struct hr_err *e)
{
	static const char *const name[] = { "ready", "away", "full", "unheard", "refused" };
	static enum hr_nats_state last = HR_NATS_READY;
	struct pollfd p = { .fd = hr_nats_fd(n), .events = POLLIN };
	enum hr_nats_state state;
	const char *words;
	int r;

	if (hr_now_us() - start_us > LIMIT_US)
		return hr_fail(e, HR_INTERNAL, "not done by now");
	poll(&p, 1, wait_ms);
	r = hr_nats_turn(n, e);
	state = hr_nats_state(n, &words);
	if (state != last)
		fprintf(stderr, "state: %s %s\n", name[state], words);
	last = state;
	return r;
}

static int
publish_one(struct hr_nats *n, int64_t no, size_t size, struct hr_err *e)
{
	const char *header[] = { "Hr-Number", NULL, NULL };
	char *subject = hr_sprintf("%s.acme", hr_nats_prefix(n)), *id = hr_sprintf("m-%" PRId64, no);
	char *text = hr_zalloc(size + 24);
	int r;

	snprintf(text, size + 24, "%" PRId64, no);
	header[1] = id;
	r = hr_nats_publish(n, subject, id, header, text, size > strlen(text) ? size : strlen(text),
	    (uint64_t)no, e);
	free(subject);
	free(id);
	free(text);
	return r;
}

static int
publish(struct hr_nats *n, int64_t count, size_t size, int64_t first, struct hr_err *e)
{
	int64_t no = first, acked = first - 1, pace = number(getenv("PACE_US"));
	uint64_t cookie;

	while (acked < first + count - 1) {
		while (no < first + count && hr_nats_room(n)) {
			if (publish_one(n, no++, size, e) == -1)
				return -1;
			if (pace && no % 64 == 0)
				break;
		}
		if (pace && no < first + count)
			poll(NULL, 0, (int)(pace * 64 / 1000));
		if (turn(n, pace && no < first + count ? 0 : 1000, e) == -1)
			return -1;
		while (hr_nats_acked(n, &cookie) == 1) {
			if ((int64_t)cookie != ++acked)
				return hr_fail(e, HR_INTERNAL, "acknowledged %" PRIu64 " for %" PRId64, cookie, acked);
		}
	}
	printf("acknowledged %" PRId64 "\n", count);
	return hr_nats_waiting(n) ? hr_fail(e, HR_INTERNAL, "still waiting") : 0;
}

static int
begin(struct hr_nats *n, struct hr_err *e)
{
	struct hr_nats_consumer c = {
		.name = "target",
		.ack_wait_us = number(getenv("ACK_WAIT")) * 1000000,
		.prefetch = 1 << 20,
	};

	return hr_nats_consume(n, &c, e);
}

static int
take(struct hr_nats *n, int64_t *count, const char *ack, struct hr_err *e)
{
	struct hr_nats_message m;
	const char *id;
	uint64_t last = 0;

	while (*count > 0 && hr_nats_fetch(n, &m) == 1) {
		id = hr_nats_header(n, "Hr-Number");
		if (!id || strtoll(id + 2, NULL, 10) != strtoll((const char *)m.data, NULL, 10))
			return hr_fail(e, HR_INTERNAL, "header '%s' with another body", id ? id : "");
		printf("%" PRIu64 " %.*s %d\n", m.seq, (int)strnlen((const char *)m.data, m.len), m.data, m.again);
		last = m.seq;
		--*count;
		if (strcmp(ack, "drop") == 0)
			hr_nats_drop(n, m.seq, m.seq);
	}
	if (last && strcmp(ack, "1") == 0)
		hr_nats_ack(n, last);
	fflush(stdout);
	return 0;
}

static int
consume(struct hr_nats *n, int64_t count, const char *ack, struct hr_err *e)
{
	if (begin(n, e) == -1)
		return -1;
	while (count > 0) {
		if (turn(n, 1000, e) == -1 || take(n, &count, ack, e) == -1)
			return -1;
		if (getenv("WORKING"))
			hr_nats_working(n);
	}
	return 0;
}

static int
watch(struct hr_nats *n, const char *key, int64_t count, struct hr_err *e)
{
	struct hr_buf b = HR_BUF_INIT;
	const char *which;
	int r = hr_nats_watch(n, key, e);

	while (r != -1 && count > 0) {
		r = turn(n, 1000, e);
		while (r != -1 && hr_nats_watched(n, &which, &b) == 1) {
			printf("%s %zu %.20s\n", which, b.len, hr_buf_text(&b));
			fflush(stdout);
			hr_buf_reset(&b);
			count--;
		}
	}
	hr_buf_clear(&b);
	return r == -1 ? -1 : 0;
}

/* A text, or so many bytes for @NUMBER. */
static int
put(struct hr_nats *n, const char *key, const char *text, struct hr_err *e)
{
	size_t len = *text == '@' ? (size_t)number(text + 1) : strlen(text);
	char *value = hr_zalloc(len + 1);
	int r;

	memcpy(value, text, *text == '@' ? 0 : len);
	r = hr_nats_put(n, key, value, len, e);
	free(value);
	while (r != -1 && !hr_nats_put_done(n))
		r = turn(n, 1000, e);
	return r == -1 ? -1 : 0;
}

static int
get(struct hr_nats *n, const char *key, struct hr_err *e)
{
	struct hr_buf b = HR_BUF_INIT;
	int r = hr_nats_get(n, key, &b, e);

	if (r == 1)
		printf("%zu %.20s\n", b.len, hr_buf_text(&b));
	else if (r == 0)
		printf("none\n");
	hr_buf_clear(&b);
	return r == -1 ? -1 : 0;
}

static int
work(struct hr_nats *n, const char *verb, char **arg, struct hr_err *e)
{
	if (strcmp(verb, "get") == 0)
		return get(n, arg[0], e);
	if (strcmp(verb, "put") == 0)
		return put(n, arg[0], arg[1], e);
	if (strcmp(verb, "watch") == 0)
		return watch(n, arg[0], number(arg[1]), e);
	if (hr_nats_make_stream(n, e) == -1)
		return -1;
	if (strcmp(verb, "publish") == 0)
		return publish(n, number(arg[0]), (size_t)number(arg[1]), arg[1] && arg[2] ? number(arg[2]) : 1, e);
	if (strcmp(verb, "consume") == 0)
		return consume(n, number(arg[0]), arg[1] ? arg[1] : "1", e);
	return 0;
}

int
main(int argc, char **argv)
{
	struct hr_err e = HR_ERR_INIT;
	struct hr_nats *n;

	hr_name("nats");
	start_us = hr_now_us();
	if (argc < 3)
		return HR_USAGE;
	n = open_it(argv[2], &e);
	if (n && work(n, argv[1], argv + 3, &e) == 0)
		hr_err_clear(&e);
	hr_nats_close(n);
	return hr_finish(&e);
}
