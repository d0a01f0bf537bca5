/*
 * nats.c - a queue out of a stream that a server may lose, and a server that
 * may go away at any time.
 *
 * libnats' own asynchronous publish and fetch are not used: the one does not
 * keep the order when a message in the middle fails, the other waits.  Both
 * are a message with a reply subject, so here they are that.  All replies go
 * to one inbox: INBOX.a.GENERATION.NUMBER for messages, INBOX.v.SLOT.VERSION for
 * values.  A refusal counts only in its own generation, an acknowledgement in
 * any.  What is consumed comes under its own subject, so that each consumer
 * made here has its own subscription, and an inbox INBOXp.INSTANCE.REQUEST.
 *
 * Order, publishing.  TCP keeps it, but a message is also refused alone (the
 * stream was full until just now, or had no leader), and what libnats had when
 * the connection broke is sent before we know of it.  Therefore each message
 * names its predecessor, see hr_nats_publish().  The server looks for the id
 * first and at the predecessor then, so that sending all again is harmless.
 * After a refusal only the first message is sent until it is taken.
 *
 * Order, consuming.  What was on its way when the connection broke would come
 * again after ack_wait, behind newer messages.  A consumer made anew begins at
 * the first message that the work queue still has.  The consumer's own
 * sequence shows that nothing is missing between two messages.
 *
 * The last message is not acknowledged before another one has come.  Where a
 * server is killed after the last messages were removed, version 2.9 knows its
 * last sequence no more: it counts from the last message it has, and gives a
 * sequence twice.
 */
#include "base/hr.h"

#include "net/nats.h"

#ifdef HAVE_NATS

#include <errno.h>
#include <jansson.h>
#include <nats/nats.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"

#define SECOND		INT64_C(1000000)
#define TIMEOUT_US	(5 * SECOND)
#define IN_FLIGHT	((uint64_t)8 << 20)
#define PREFETCH	((uint64_t)8 << 20)
#define UNACKED		1000
#define ACK_WAIT_US	(60 * SECOND)
#define DUPLICATES_US	(120 * SECOND)
#define PAUSE_LOW_US	INT64_C(10000)
#define PAUSE_HIGH_US	SECOND
#define PULL_US		(30 * SECOND)		/* how long a request for messages stands */
#define HEARTBEAT_US	SECOND			/* and how often the server says that it does */
#define ANSWER_US	(30 * SECOND)		/* after that long no answer is expected */
#define RECORD_ROOM	512			/* what the stream keeps with a message, at most */
#define HEADER_ROOM	4096			/* of the server's largest message */
#define PING_MS		5000
#define CLOSE_MS	5000

struct out {
	char *subject, *id;
	char **header;			/* pairs, or NULL */
	uint8_t *data;
	size_t len;
	size_t size;			/* as bytes in flight */
	size_t record;			/* bytes in the stream, at most */
	int unanswered;			/* how often it was sent and is not answered */
	uint64_t cookie;
	uint64_t seq;			/* of the stream; 0: not acknowledged */
	bool there;			/* it was in the stream before */
	int64_t sent_us;
};

struct came {
	natsMsg *msg;
	uint64_t instance;		/* of the consumer; 0: none */
};

/* What a subscription of a consumer is told by; freed when it has ended. */
struct pull {
	struct hr_nats *n;
	uint64_t instance;
};

struct got {
	natsMsg *msg;
	uint64_t seq, delivered;
	bool again;
};

struct unacked {
	uint64_t seq;
	char *reply;
};

struct value {
	char *key, *subject;
	uint8_t *data;
	size_t len;
	uint64_t version, stored;	/* counted here */
	int64_t again_us;		/* when it is sent again; 0: it was not sent */
};

struct watch {
	char *key, *subject;
	natsSubscription *sub;
	uint64_t seen;			/* revision */
	bool stale;
	int64_t again_us;
};

/* A queue in an array: begin is the first one. */
#define QUEUE(type) struct { type *at; size_t begin, end, cap; }
#define QUEUE_COUNT(q) ((q).end - (q).begin)
#define QUEUE_PUT(q) ((q).at = queue_room((q).at, &(q).begin, &(q).end, &(q).cap, sizeof(*(q).at)), \
    &(q).at[(q).end++])

struct consumer {
	bool on;
	char *name, *filter, *next;	/* next: the subject of a request */
	int64_t ack_wait_us;
	int max_unacked;
	uint64_t prefetch;
	bool restart;			/* has to be made anew */
	bool gone;			/* somebody removed it */
	int64_t restart_us;		/* but not before */
	natsSubscription *sub;
	uint64_t instance;		/* how often it was made */
	uint64_t request;		/* the number of the last one */
	bool asked;			/* a request stands */
	int64_t left, left_bytes;	/* of it */
	int64_t heard_us;		/* the last sign of it */
	int64_t ask_us;			/* not before */
	uint64_t next_cseq;
	uint64_t last;			/* sequence received */
	uint64_t before;		/* the highest that an earlier consumer was given */
	uint64_t acked;			/* by the caller */
	uint64_t dropped;		/* of no use, and the last until another one comes; 0: none */
	int64_t hold_us;		/* when the server is told that the last one is not forgotten */
	uint64_t queued;		/* bytes */
	QUEUE(struct got) got;
	QUEUE(struct unacked) unacked;
	natsMsg *lent;
};

struct hr_nats {
	struct hr_nats_address address;
	char *stream, *prefix, *bucket;
	int replicas;
	uint64_t max_bytes, in_flight;
	int64_t duplicates_us, timeout_us;
	bool shared;
	int64_t limit;			/* the stream's bytes; 0 or less: none */

	natsOptions *options;
	natsConnection *nc;
	natsInbox *inbox;
	size_t inbox_len;
	natsSubscription *sub;
	jsCtx *js;
	kvStore *kv;
	int poll, event, timer;
	struct hr_err failed;		/* for good */

	/* What libnats' threads fill. */
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	struct came *came;
	size_t came_count, came_cap;
	uint64_t ups;
	bool up, closed;
	int subs;			/* that have not ended */
	char said[256];			/* the last complaint */

	bool connected;			/* as of the last turn */
	uint64_t seen_ups;

	/* Publishing. */
	QUEUE(struct out) out;
	QUEUE(uint64_t) cookies;
	uint64_t first;			/* number of the first in out */
	size_t sent;			/* of out, in this generation */
	uint64_t gen;
	uint64_t bytes;
	uint64_t last_seq;		/* of the last one acknowledged; 0: none was */
	bool last_there;		/* it was there before, and others may be behind it */
	bool probe;			/* only the first until it is taken */
	int64_t retry_us, pause_us;
	uint64_t used;			/* bytes that the stream has at most, when weighed */
	bool weighed, weighing;
	int64_t weigh_us;		/* when it is asked for them again */
	enum hr_nats_state state;
	char words[256];

	struct consumer c;
	struct value *value;
	size_t values, value_cap;
	struct watch *watch;
	size_t watches, watch_cap;
};

static pthread_mutex_t handles_mutex = PTHREAD_MUTEX_INITIALIZER;
static int handles;

/* Room for one more: at the front of the array before it gets larger.  Gives the array. */
static void *
queue_room(void *at, size_t *begin, size_t *end, size_t *cap, size_t size)
{
	if (*begin == *end)
		*begin = *end = 0;
	if (*end < *cap)
		return at;
	if (*begin > *cap / 2) {
		memmove(at, (char *)at + *begin * size, (*end - *begin) * size);
		*end -= *begin;
		*begin = 0;
		return at;
	}
	*cap = *cap ? *cap * 2 : 64;
	return hr_realloc(at, *cap, size);
}

bool
hr_nats_built(void)
{
	return true;
}

/* In libnats' threads. */

static void
wake(struct hr_nats *n)
{
	uint64_t one = 1;
	ssize_t r = write(n->event, &one, sizeof(one));

	(void)r;		/* full: it is readable */
}

static void
add(struct hr_nats *n, natsMsg *msg, uint64_t instance)
{
	pthread_mutex_lock(&n->mutex);
	HR_GROW(n->came, n->came_count, n->came_cap);
	n->came[n->came_count++] = (struct came){ msg, instance };
	pthread_mutex_unlock(&n->mutex);
	wake(n);
}

static void
on_message(natsConnection *nc, natsSubscription *sub, natsMsg *msg, void *arg)
{
	(void)nc;
	(void)sub;
	add(arg, msg, 0);
}

static void
on_pull_message(natsConnection *nc, natsSubscription *sub, natsMsg *msg, void *arg)
{
	struct pull *p = arg;

	(void)nc;
	(void)sub;
	add(p->n, msg, p->instance);
}

static void
on_ended(void *arg)
{
	struct hr_nats *n = arg;

	pthread_mutex_lock(&n->mutex);
	n->subs--;
	pthread_cond_signal(&n->cond);
	pthread_mutex_unlock(&n->mutex);
}

static void
on_pull_ended(void *arg)
{
	struct pull *p = arg;

	on_ended(p->n);
	free(p);
}

static void
say(struct hr_nats *n, natsConnection *nc, natsStatus s)
{
	const char *text = NULL;

	if (natsConnection_GetLastError(nc, &text) == NATS_OK && (!text || !*text))
		text = natsStatus_GetText(s);
	snprintf(n->said, sizeof(n->said), "%s", text ? text : "");
}

static void
on_down(natsConnection *nc, void *arg)
{
	struct hr_nats *n = arg;

	pthread_mutex_lock(&n->mutex);
	n->up = false;
	say(n, nc, NATS_CONNECTION_DISCONNECTED);
	pthread_mutex_unlock(&n->mutex);
	wake(n);
}

static void
on_up(natsConnection *nc, void *arg)
{
	struct hr_nats *n = arg;

	(void)nc;
	pthread_mutex_lock(&n->mutex);
	n->up = true;
	n->ups++;
	pthread_mutex_unlock(&n->mutex);
	wake(n);
}

static void
on_closed(natsConnection *nc, void *arg)
{
	struct hr_nats *n = arg;

	pthread_mutex_lock(&n->mutex);
	n->up = false;
	n->closed = true;
	say(n, nc, NATS_CONNECTION_CLOSED);
	pthread_cond_signal(&n->cond);
	wake(n);
	pthread_mutex_unlock(&n->mutex);
}

/* What is said here without one goes to stderr. */
static void
on_error(natsConnection *nc, natsSubscription *sub, natsStatus s, void *arg)
{
	struct hr_nats *n = arg;

	(void)sub;
	pthread_mutex_lock(&n->mutex);
	say(n, nc, s);
	pthread_mutex_unlock(&n->mutex);
}

static int64_t
on_delay(natsConnection *nc, int attempts, void *arg)
{
	(void)nc;
	(void)arg;
	return attempts > 5 ? 1000 : INT64_C(20) << attempts;
}

/* Errors. */

/* Lower case and without a full stop, as a message of ours. */
static const char *
words_of(char *line, size_t size, natsStatus s)
{
	const char *text = nats_GetLastError(NULL);
	size_t len;

	if (!text || !*text)
		text = natsStatus_GetText(s);
	if (*text == '(' && strstr(text, "): "))
		text = strstr(text, "): ") + 3;		/* where in libnats' source */
	snprintf(line, size, "%s", text);
	line[strcspn(line, "\r\n")] = 0;
	len = strlen(line);
	while (len && (line[len - 1] == '.' || line[len - 1] == ' '))
		line[--len] = 0;
	return line;
}

static bool
has(const char *text, const char *part)
{
	return strcasestr(text, part) != NULL;
}

static int
fail_status(struct hr_nats *n, struct hr_err *e, natsStatus s, const char *doing)
{
	char line[300], said[sizeof(n->said)];
	enum hr_code code;

	pthread_mutex_lock(&n->mutex);
	memcpy(said, n->said, sizeof(said));
	pthread_mutex_unlock(&n->mutex);
	/* A request that is not permitted is not answered. */
	if (s == NATS_TIMEOUT && has(said, "permissions violation")) {
		hr_fail(e, HR_CONFIG, "%s: %s", doing, said);
		return hr_hint(e, "permit the user this subject, or use another user");
	}
	words_of(line, sizeof(line), s);
	code = s == NATS_TIMEOUT || s == NATS_NO_RESPONDERS || s == NATS_CONNECTION_CLOSED ||
	    s == NATS_CONNECTION_DISCONNECTED || s == NATS_IO_ERROR || s == NATS_STALE_CONNECTION ||
	    s == NATS_NO_SERVER || has(line, "unavailable") ? HR_TEMPORARY : HR_CONFIG;
	return hr_fail(e, code, "%s: %s", doing, line);
}

static int
fail_connect(struct hr_nats *n, struct hr_err *e, natsStatus s)
{
	char line[300];
	const char *where = n->address.server;

	words_of(line, sizeof(line), s);
	switch (s) {
	case NATS_CONNECTION_AUTH_FAILED:
	case NATS_NOT_PERMITTED:
		hr_fail(e, HR_CONFIG, "cannot connect to %s: %s", where, line);
		return hr_hint(e, "set NATS_USER and NATS_PASSWORD, or name a credentials file");
	case NATS_SECURE_CONNECTION_REQUIRED:
		hr_fail(e, HR_CONFIG, "cannot connect to %s: the server requires TLS", where);
		return hr_hint(e, "write tls:// for nats://, and name the CA's file");
	case NATS_SECURE_CONNECTION_WANTED:
		hr_fail(e, HR_CONFIG, "cannot connect to %s: the server has no TLS", where);
		return hr_hint(e, "give the server a tls section, or write nats:// for tls://");
	case NATS_SSL_ERROR:
		hr_fail(e, HR_CONFIG, "cannot connect to %s: TLS: %s", where, line);
		return hr_hint(e, "name the CA that signed the server's certificate, which has to have the name '%s'",
		    n->address.host);
	case NATS_NO_SERVER:
	case NATS_TIMEOUT:
	case NATS_IO_ERROR:
		hr_fail(e, HR_TEMPORARY, "cannot connect to %s: %s", where, line);
		return hr_hint(e, "see that nats-server runs there and listens on this address");
	default:
		return hr_fail(e, HR_TEMPORARY, "cannot connect to %s: %s", where, line);
	}
}

static int
fail_jetstream(struct hr_err *e, const char *where)
{
	hr_fail(e, HR_CONFIG, "the server %s has no JetStream for this account", where);
	return hr_hint(e, "give it a jetstream section, or start it with -js; accounts have one each");
}

/* Opening. */

static natsStatus
set_user(struct hr_nats *n, const struct hr_nats_options *o)
{
	const char *user = n->address.user, *password = n->address.password;

	if (o->creds)
		return natsOptions_SetUserCredentialsFromFiles(n->options, o->creds, NULL);
	if (!user)
		user = getenv("NATS_USER");
	if (!user || !*user)
		return NATS_OK;
	if (!password)
		password = getenv("NATS_PASSWORD");
	return natsOptions_SetUserInfo(n->options, user, password ? password : "");
}

static int
set_tls(struct hr_nats *n, const struct hr_nats_options *o, struct hr_err *e)
{
	char line[300];
	natsStatus s;

	if (!n->address.tls && !o->tls_ca && !o->tls_cert)
		return 0;
	if (!o->tls_cert != !o->tls_key)
		return hr_fail(e, HR_USAGE, "a certificate and its key go together");
	s = natsOptions_SetSecure(n->options, true);
	if (s == NATS_OK)
		s = natsOptions_SetExpectedHostname(n->options, n->address.host);
	if (s == NATS_OK && o->tls_ca && (s = natsOptions_LoadCATrustedCertificates(n->options, o->tls_ca)) != NATS_OK)
		return hr_fail(e, HR_CONFIG, "the CA's file '%s': %s", o->tls_ca, words_of(line, sizeof(line), s));
	if (s == NATS_OK && o->tls_cert &&
	    (s = natsOptions_LoadCertificatesChain(n->options, o->tls_cert, o->tls_key)) != NATS_OK)
		return hr_fail(e, HR_CONFIG, "the certificate '%s' and its key '%s': %s", o->tls_cert, o->tls_key,
		    words_of(line, sizeof(line), s));
	return s == NATS_OK ? 0 : hr_fail(e, HR_CONFIG, "TLS: %s", words_of(line, sizeof(line), s));
}

#define TRY(call) do { if (s == NATS_OK) s = (call); } while (0)

static int
set_options(struct hr_nats *n, const struct hr_nats_options *o, struct hr_err *e)
{
	char *url = hr_sprintf("nats://%s", n->address.server), line[300];
	natsStatus s = natsOptions_Create(&n->options);

	TRY(natsOptions_SetURL(n->options, url));
	free(url);
	TRY(natsOptions_SetName(n->options, o->client ? o->client : hr_name_get()));
	TRY(natsOptions_SetTimeout(n->options, n->timeout_us / 1000));
	TRY(natsOptions_SetMaxReconnect(n->options, -1));
	TRY(natsOptions_SetCustomReconnectDelay(n->options, on_delay, n));
	TRY(natsOptions_SetDisconnectedCB(n->options, on_down, n));
	TRY(natsOptions_SetReconnectedCB(n->options, on_up, n));
	TRY(natsOptions_SetClosedCB(n->options, on_closed, n));
	TRY(natsOptions_SetErrorHandler(n->options, on_error, n));
	TRY(natsOptions_SetFailRequestsOnDisconnect(n->options, true));
	TRY(natsOptions_SetPingInterval(n->options, PING_MS));
	TRY(natsOptions_SetWriteDeadline(n->options, n->timeout_us / 1000));
	TRY(set_user(n, o));
	if (s != NATS_OK)
		return hr_fail(e, HR_CONFIG, "cannot connect to %s: %s", n->address.server,
		    words_of(line, sizeof(line), s));
	return set_tls(n, o, e);
}

/* What comes under the subject, for the consumer p or for the handle; p is given. */
static int
subscribe(struct hr_nats *n, natsSubscription **sub, const char *subject, struct pull *p, struct hr_err *e)
{
	natsStatus s = natsConnection_Subscribe(sub, n->nc, subject, p ? on_pull_message : on_message,
	    p ? (void *)p : n);

	if (s != NATS_OK) {
		free(p);
		return fail_status(n, e, s, "cannot subscribe");
	}
	pthread_mutex_lock(&n->mutex);
	n->subs++;
	pthread_mutex_unlock(&n->mutex);
	natsSubscription_SetOnCompleteCB(*sub, p ? on_pull_ended : on_ended, p ? (void *)p : n);
	natsSubscription_SetPendingLimits(*sub, -1, -1);
	return 0;
}

/* The server, its JetStream, and the inbox. */
static int
connect_to(struct hr_nats *n, struct hr_err *e)
{
	jsAccountInfo *account = NULL;
	jsErrCode j = 0;
	jsOptions o;
	natsStatus s;
	char *all;
	int r;

	n->up = n->connected = true;	/* before the threads that take it back */
	s = natsConnection_Connect(&n->nc, n->options);
	if (s != NATS_OK)
		return fail_connect(n, e, s);
	s = jsOptions_Init(&o);
	o.Wait = n->timeout_us / 1000;
	TRY(natsConnection_JetStream(&n->js, n->nc, &o));
	TRY(js_GetAccountInfo(&account, n->js, NULL, &j));
	jsAccountInfo_Destroy(account);
	if (s == NATS_NO_RESPONDERS || j == JSNotEnabledErr || j == JSNoAccountErr ||
	    j == JSNotEnabledForAccountErr)
		return fail_jetstream(e, n->address.server);
	if (s != NATS_OK)
		return fail_status(n, e, s, "cannot use JetStream");
	s = natsInbox_Create(&n->inbox);
	if (s != NATS_OK)
		return fail_status(n, e, s, "no inbox");
	n->inbox_len = strlen(n->inbox);
	all = hr_sprintf("%s.>", n->inbox);
	r = subscribe(n, &n->sub, all, NULL, e);
	free(all);
	return r;
}

static int
open_descriptors(struct hr_nats *n, struct hr_err *e)
{
	struct epoll_event ev = { .events = EPOLLIN };

	n->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	n->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	n->poll = epoll_create1(EPOLL_CLOEXEC);
	if (n->event == -1 || n->timer == -1 || n->poll == -1 ||
	    epoll_ctl(n->poll, EPOLL_CTL_ADD, n->event, &ev) == -1 ||
	    epoll_ctl(n->poll, EPOLL_CTL_ADD, n->timer, &ev) == -1)
		return hr_fail_sys(e, "no descriptor for what comes");
	return 0;
}

struct hr_nats *
hr_nats_open(const struct hr_nats_options *o, struct hr_err *e)
{
	struct hr_nats_address address;
	struct hr_nats *n;

	if (hr_nats_address_parse(&address, o->url, e) == -1)
		return NULL;
	n = hr_zalloc(sizeof(*n));
	n->address = address;
	n->poll = n->event = n->timer = -1;
	pthread_mutex_init(&n->mutex, NULL);
	hr_cond_init(&n->cond);
	pthread_mutex_lock(&handles_mutex);
	handles++;
	pthread_mutex_unlock(&handles_mutex);
	n->stream = hr_strdup(o->stream ? o->stream : address.stream);
	n->replicas = o->replicas ? o->replicas : 1;
	n->max_bytes = o->max_bytes;
	n->duplicates_us = o->duplicates_us;
	n->timeout_us = o->timeout_us ? o->timeout_us : TIMEOUT_US;
	n->in_flight = o->in_flight ? o->in_flight : IN_FLIGHT;
	n->shared = o->shared;
	n->gen = 1;
	if (!n->stream || !hr_nats_is_name(n->stream)) {
		hr_fail(e, HR_USAGE, "no stream is named");
		hr_hint(e, "write nats://%s/STREAM; letters, digits, - and _", address.server);
	} else {
		n->prefix = hr_strdup(o->prefix ? o->prefix : n->stream);
		n->bucket = hr_sprintf("hr-%s", n->stream);
		if (open_descriptors(n, e) == 0 && set_options(n, o, e) == 0 && connect_to(n, e) == 0)
			return n;
	}
	hr_nats_close(n);
	return NULL;
}

static void
out_clear(struct out *o)
{
	size_t i;

	free(o->subject);
	free(o->id);
	for (i = 0; o->header && o->header[i]; i++)
		free(o->header[i]);
	free(o->header);
	free(o->data);
}

static void
consumer_clear(struct consumer *c)
{
	size_t i;

	for (i = c->got.begin; i < c->got.end; i++)
		natsMsg_Destroy(c->got.at[i].msg);
	for (i = c->unacked.begin; i < c->unacked.end; i++)
		free(c->unacked.at[i].reply);
	natsMsg_Destroy(c->lent);
	free(c->got.at);
	free(c->unacked.at);
	free(c->name);
	free(c->filter);
	free(c->next);
}

/* libnats' threads may be in a callback until they have said that they end. */
static void
disconnect(struct hr_nats *n)
{
	struct timespec until = hr_until(CLOSE_MS * 1000);
	size_t i;

	if (!n->nc)
		return;
	natsConnection_FlushTimeout(n->nc, 1000);	/* acknowledgements */
	natsConnection_Close(n->nc);
	pthread_mutex_lock(&n->mutex);
	while ((!n->closed || n->subs > 0) && pthread_cond_timedwait(&n->cond, &n->mutex, &until) == 0)
		;
	pthread_mutex_unlock(&n->mutex);
	natsSubscription_Destroy(n->sub);
	natsSubscription_Destroy(n->c.sub);
	for (i = 0; i < n->watches; i++)
		natsSubscription_Destroy(n->watch[i].sub);
	kvStore_Destroy(n->kv);
	jsCtx_Destroy(n->js);
	natsConnection_Destroy(n->nc);
}

void
hr_nats_close(struct hr_nats *n)
{
	bool last;
	size_t i;

	if (!n)
		return;
	disconnect(n);
	natsOptions_Destroy(n->options);
	natsInbox_Destroy(n->inbox);
	for (i = 0; i < n->came_count; i++)
		natsMsg_Destroy(n->came[i].msg);
	consumer_clear(&n->c);
	for (i = n->out.begin; i < n->out.end; i++)
		out_clear(&n->out.at[i]);
	for (i = 0; i < n->values; i++) {
		free(n->value[i].key);
		free(n->value[i].subject);
		free(n->value[i].data);
	}
	for (i = 0; i < n->watches; i++) {
		free(n->watch[i].key);
		free(n->watch[i].subject);
	}
	pthread_mutex_lock(&handles_mutex);
	last = --handles == 0;
	if (last)
		nats_CloseAndWait(CLOSE_MS);
	else
		nats_ReleaseThreadMemory();
	pthread_mutex_unlock(&handles_mutex);
	if (n->poll != -1)
		close(n->poll);
	if (n->timer != -1)
		close(n->timer);
	if (n->event != -1)
		close(n->event);
	pthread_cond_destroy(&n->cond);
	pthread_mutex_destroy(&n->mutex);
	free(n->came);
	free(n->out.at);
	free(n->cookies.at);
	free(n->value);
	free(n->watch);
	free(n->stream);
	free(n->prefix);
	free(n->bucket);
	hr_nats_address_clear(&n->address);
	free(n);
}

const char *
hr_nats_stream(const struct hr_nats *n)
{
	return n->stream;
}

const char *
hr_nats_prefix(const struct hr_nats *n)
{
	return n->prefix;
}

int
hr_nats_fd(const struct hr_nats *n)
{
	return n->poll;
}

/* The stream. */

static bool
has_subjects(const struct hr_nats *n, const jsStreamConfig *c)
{
	char *want = hr_sprintf("%s.>", n->prefix);
	bool same = c->SubjectsLen == 1 && strcmp(c->Subjects[0], want) == 0;

	free(want);
	return same;
}

static int
check_stream(struct hr_nats *n, const jsStreamConfig *c, struct hr_err *e)
{
	const char *s = n->stream;

	if (!has_subjects(n, c)) {
		hr_fail(e, HR_CONFIG, "stream '%s' has other subjects than '%s.>'", s, n->prefix);
		return hr_hint(e, "name another stream, or: nats stream edit %s --subjects '%s.>'", s, n->prefix);
	}
	if (c->Storage != js_FileStorage) {
		hr_fail(e, HR_CONFIG, "stream '%s' is kept in memory", s);
		return hr_hint(e, "this cannot be edited: nats stream rm %s, and it is made anew in files", s);
	}
	if (c->Retention != js_WorkQueuePolicy) {
		hr_fail(e, HR_CONFIG, "stream '%s' is no work queue", s);
		return hr_hint(e, "this cannot be edited: nats stream rm %s, and it is made anew", s);
	}
	if (c->Discard != js_DiscardNew) {
		hr_fail(e, HR_CONFIG, "stream '%s' discards old messages when it is full", s);
		return hr_hint(e, "nats stream edit %s --discard new", s);
	}
	if (c->MaxAge || c->MaxMsgsPerSubject > 0) {
		hr_fail(e, HR_CONFIG, c->MaxAge ? "stream '%s' drops messages by their age" :
		    "stream '%s' has a limit of messages for each subject", s);
		return hr_hint(e, "nats stream edit %s %s", s, c->MaxAge ? "--max-age=-1" : "--max-msgs-per-subject=-1");
	}
	if (c->NoAck) {
		hr_fail(e, HR_CONFIG, "stream '%s' does not acknowledge", s);
		return hr_hint(e, "nats stream edit %s --ack", s);
	}
	if (n->duplicates_us && c->Duplicates < n->duplicates_us * 1000) {
		hr_fail(e, HR_CONFIG, "stream '%s' knows an id for %" PRId64 " s only", s, c->Duplicates / 1000000000);
		return hr_hint(e, "nats stream edit %s --dupe-window %" PRId64 "s", s, n->duplicates_us / SECOND);
	}
	return 0;
}

static int
add_stream(struct hr_nats *n, jsErrCode *j, struct hr_err *e)
{
	char *all = hr_sprintf("%s.>", n->prefix);
	const char *subjects[] = { all };
	jsStreamConfig c;
	natsStatus s = jsStreamConfig_Init(&c);

	c.Name = n->stream;
	c.Subjects = subjects;
	c.SubjectsLen = 1;
	c.Retention = js_WorkQueuePolicy;
	c.Storage = js_FileStorage;
	c.Discard = js_DiscardNew;
	c.Replicas = n->replicas;
	c.MaxBytes = n->max_bytes ? (int64_t)n->max_bytes : -1;
	c.Duplicates = (n->duplicates_us ? n->duplicates_us : DUPLICATES_US) * 1000;
	TRY(js_AddStream(NULL, n->js, &c, NULL, j));
	free(all);
	if (s == NATS_OK) {
		n->limit = (int64_t)n->max_bytes;
		return 0;
	}
	fail_status(n, e, s, "cannot make the stream");
	hr_within(e, "stream '%s'", n->stream);
	if (*j == JSStreamSubjectOverlapErr)
		return hr_hint(e, "another stream has subjects of '%s.>': see nats stream ls", n->prefix);
	if (*j == JSStreamReplicasNotSupportedErr)
		return hr_hint(e, "%d replicas need a cluster of as many servers", n->replicas);
	if (*j == JSStorageResourcesExceededErr || *j == JSInsufficientResourcesErr)
		return hr_hint(e, "make it smaller, or raise max_file_store of the server");
	return -1;
}

int
hr_nats_make_stream(struct hr_nats *n, struct hr_err *e)
{
	jsStreamInfo *info = NULL;
	jsErrCode j = 0;
	natsStatus s;
	int r;

	s = js_GetStreamInfo(&info, n->js, n->stream, NULL, &j);
	if (s == NATS_NOT_FOUND) {
		if (add_stream(n, &j, e) == 0)
			return 0;
		if (j != JSStreamNameExistErr)
			return -1;
		hr_err_clear(e);	/* the other side was faster */
		s = js_GetStreamInfo(&info, n->js, n->stream, NULL, &j);
	}
	if (s != NATS_OK) {
		fail_status(n, e, s, "cannot look at the stream");
		return hr_within(e, "stream '%s'", n->stream);
	}
	r = check_stream(n, info->Config, e);
	n->limit = info->Config->MaxBytes;
	jsStreamInfo_Destroy(info);
	return r;
}

/* Publishing. */

static size_t
out_count(const struct hr_nats *n)
{
	return QUEUE_COUNT(n->out);
}

static struct out *
out_at(struct hr_nats *n, size_t i)
{
	return &n->out.at[n->out.begin + i];
}

static void
fail_for_good(struct hr_nats *n, enum hr_code code, const char *what, const char *hint)
{
	if (n->failed.code != HR_OK)
		return;
	hr_fail(&n->failed, code, "stream '%s': %s", n->stream, what);
	if (hint)
		hr_hint(&n->failed, "%s", hint);
}

/* From the first one on again, after a pause or at once. */
static void
rewind_to_first(struct hr_nats *n, bool pause)
{
	n->gen++;
	n->sent = 0;
	n->probe = true;
	n->retry_us = 0;
	if (!pause)
		return;
	n->pause_us = n->pause_us ? n->pause_us * 2 : PAUSE_LOW_US;
	if (n->pause_us > PAUSE_HIGH_US)
		n->pause_us = PAUSE_HIGH_US;
	n->retry_us = hr_now_us() + n->pause_us;
}

static natsStatus
set_headers(struct hr_nats *n, natsMsg *m, const struct out *o, size_t i)
{
	char number[24];
	natsStatus s = NATS_OK;
	size_t h;

	for (h = 0; o->header && o->header[h]; h += 2)
		TRY(natsMsgHeader_Set(m, o->header[h], o->header[h + 1]));
	TRY(natsMsgHeader_Set(m, "Nats-Msg-Id", o->id));
	TRY(natsMsgHeader_Set(m, "Nats-Expected-Stream", n->stream));
	if (n->shared)
		return s;
	if (i > 0) {
		TRY(natsMsgHeader_Set(m, "Nats-Expected-Last-Msg-Id", out_at(n, i - 1)->id));
	} else if (n->last_seq) {
		snprintf(number, sizeof(number), "%" PRIu64, n->last_seq);
		TRY(natsMsgHeader_Set(m, "Nats-Expected-Last-Sequence", number));
	}
	return s;
}

static natsStatus
send_one(struct hr_nats *n, size_t i)
{
	struct out *o = out_at(n, i);
	natsMsg *m = NULL;
	natsStatus s;
	char *reply = hr_sprintf("%s.a.%" PRIu64 ".%" PRIu64, n->inbox, n->gen, n->first + i);

	s = natsMsg_Create(&m, o->subject, reply, (const char *)o->data, (int)o->len);
	TRY(set_headers(n, m, o, i));
	TRY(natsConnection_PublishMsg(n->nc, m));
	natsMsg_Destroy(m);
	free(reply);
	o->sent_us = hr_now_us();
	o->unanswered++;
	return s;
}

/*
 * The stream has room for it.  The server sees to that by itself, but until 2.10
 * it reckons a message smaller than its record, takes one too many, and then
 * deletes the oldest.  So what the stream has is asked for when what was sent
 * since then may have filled it.
 */
static bool
fits(struct hr_nats *n, const struct out *o)
{
	int64_t now = hr_now_us();
	char *subject, *reply;

	if (n->limit <= 0)
		return true;
	if (n->weighed && n->used + o->record <= (uint64_t)n->limit) {
		n->used += o->record;
		return true;
	}
	if (n->weigh_us > now)
		return false;
	subject = hr_sprintf("$JS.API.STREAM.INFO.%s", n->stream);
	reply = hr_sprintf("%s.i.0.0", n->inbox);
	natsConnection_PublishRequest(n->nc, subject, reply, NULL, 0);
	free(subject);
	free(reply);
	n->weighing = true;
	n->weigh_us = now + n->timeout_us;
	return false;
}

static void
send_more(struct hr_nats *n)
{
	size_t most = n->probe || n->shared ? 1 : out_count(n);
	char line[300];
	natsStatus s;

	if (!n->connected || n->retry_us > hr_now_us())
		return;
	n->retry_us = 0;
	for (; n->sent < most && n->sent < out_count(n) && fits(n, out_at(n, n->sent)); n->sent++) {
		s = send_one(n, n->sent);
		if (s == NATS_OK)
			continue;
		if (s == NATS_MAX_PAYLOAD)
			fail_for_good(n, HR_CONFIG, words_of(line, sizeof(line), s), "raise max_payload of the server");
		rewind_to_first(n, true);
		return;
	}
}

int
hr_nats_publish(struct hr_nats *n, const char *subject, const char *id, const char *const *header,
    const void *data, size_t len, uint64_t cookie, struct hr_err *e)
{
	size_t i, pairs = 0;
	struct out *o;

	if (len > hr_nats_largest(n)) {
		hr_fail(e, HR_CONFIG, "a message of %zu bytes, and the server takes %zu", len, hr_nats_largest(n));
		return hr_hint(e, "raise max_payload of the server, or send smaller ones");
	}
	if (n->limit > 0 && 2 * (len + HEADER_ROOM) > (uint64_t)n->limit) {
		hr_fail(e, HR_CONFIG, "a message of %zu bytes, and stream '%s' has to hold two in %" PRId64, len,
		    n->stream, n->limit);
		return hr_hint(e, "nats stream edit %s --max-bytes, or send smaller ones", n->stream);
	}
	o = QUEUE_PUT(n->out);
	memset(o, 0, sizeof(*o));
	o->subject = hr_strdup(subject);
	o->id = hr_strdup(id);
	while (header && header[pairs])
		pairs += 2;
	if (pairs) {
		o->header = hr_zalloc((pairs + 1) * sizeof(*o->header));
		for (i = 0; i < pairs; i++)
			o->header[i] = hr_strdup(header[i]);
	}
	o->data = hr_memdup(data, len);
	o->len = len;
	o->size = len + strlen(subject) + strlen(id) + 256;
	o->record = len + strlen(subject) + strlen(id) + RECORD_ROOM;
	for (i = 0; i < pairs; i++)
		o->record += strlen(header[i]) + 4;
	o->cookie = cookie;
	n->bytes += o->size;
	if (out_count(n) == 1 && n->state != HR_NATS_READY)
		n->state = HR_NATS_READY;
	send_more(n);
	if (n->retry_us || out_count(n) == 1)
		wake(n);		/* for its clock */
	return 0;
}

size_t
hr_nats_room(const struct hr_nats *n)
{
	return n->bytes < n->in_flight ? (size_t)(n->in_flight - n->bytes) : 0;
}

size_t
hr_nats_largest(const struct hr_nats *n)
{
	int64_t most = natsConnection_GetMaxPayload(n->nc);

	return most > 2 * HEADER_ROOM ? (size_t)most - HEADER_ROOM : most > 0 ? (size_t)most / 2 : 0;
}

size_t
hr_nats_waiting(const struct hr_nats *n)
{
	return QUEUE_COUNT(n->out);
}

int
hr_nats_acked(struct hr_nats *n, uint64_t *cookie)
{
	if (QUEUE_COUNT(n->cookies) == 0)
		return 0;
	*cookie = n->cookies.at[n->cookies.begin++];
	return 1;
}

/* The stream has the first ones: over to the caller. */
static void
pop_acked(struct hr_nats *n)
{
	struct out *o;

	while (out_count(n) && (o = out_at(n, 0))->seq) {
		*QUEUE_PUT(n->cookies) = o->cookie;
		n->last_seq = o->seq;
		n->last_there = o->there;
		n->bytes -= o->size;
		out_clear(o);
		n->out.begin++;
		n->first++;
		if (n->sent)
			n->sent--;
		n->probe = false;
		n->pause_us = n->retry_us = 0;
		n->state = HR_NATS_READY;
		n->words[0] = 0;
	}
}

/* The id of the message at a sequence, NULL when there is none now. */
static char *
id_at(struct hr_nats *n, uint64_t seq, natsStatus *s)
{
	const char *id = NULL;
	natsMsg *m = NULL;
	jsErrCode j;
	char *copy = NULL;

	*s = js_GetMsg(&m, n->js, n->stream, seq, NULL, &j);
	if (*s == NATS_OK && natsMsgHeader_Get(m, "Nats-Msg-Id", &id) == NATS_OK)
		copy = hr_strdup(id);
	natsMsg_Destroy(m);
	return copy;
}

/*
 * The stream's last sequence is not that of the last acknowledgement.  Behind
 * it is ours when the server was down for longer than it knows ids.
 */
static void
resolve(struct hr_nats *n, uint64_t last)
{
	char what[200], *id;
	natsStatus s;
	bool ours;

	if (last < n->last_seq) {
		snprintf(what, sizeof(what), "it ends at %" PRIu64 ", but had acknowledged up to %" PRIu64
		    ": messages are lost", last, n->last_seq);
		fail_for_good(n, HR_TEMPORARY, what, "start again from the receiver's checkpoint");
		return;
	}
	if (n->last_there) {		/* they are of this publisher before it began again */
		n->last_seq = last;
		n->last_there = false;
	}
	while (n->last_seq < last && out_count(n)) {
		id = id_at(n, n->last_seq + 1, &s);
		if (s != NATS_OK && s != NATS_NOT_FOUND) {
			rewind_to_first(n, true);	/* it went away: later */
			return;
		}
		ours = id && strcmp(id, out_at(n, 0)->id) == 0;
		free(id);
		if (!ours) {
			if (s == NATS_NOT_FOUND)
				fail_for_good(n, HR_TEMPORARY, "a message was consumed, and it is not known which",
				    "start again from the receiver's checkpoint");
			else
				fail_for_good(n, HR_REFUSED, "another publisher writes to it",
				    "stop the other one, or give each its stream");
			return;
		}
		out_at(n, 0)->seq = n->last_seq + 1;
		pop_acked(n);
	}
	rewind_to_first(n, false);
}

static void
refused(struct hr_nats *n, uint64_t number, int code, const char *text)
{
	const char *colon = strrchr(text, ':');

	snprintf(n->words, sizeof(n->words), "%s", text);
	switch (code) {
	case JSStreamWrongLastSequenceErr:
		if (number == n->first && colon) {
			resolve(n, strtoull(colon + 1, NULL, 10));
			return;
		}
		break;
	case JSStreamWrongLastMsgIDErr:
		break;
	case JSStreamMessageExceedsMaximumErr:
		fail_for_good(n, HR_CONFIG, text, "raise its max_msg_size: nats stream edit --max-msg-size");
		return;
	case JSStreamNotMatchErr:
		fail_for_good(n, HR_CONFIG, "the subject is another stream's", "see nats stream ls");
		return;
	default:
		n->state = has(text, "maximum bytes") || has(text, "maximum messages") || has(text, "insufficient") ||
		    has(text, "no space") ? HR_NATS_FULL : HR_NATS_REFUSED;
	}
	rewind_to_first(n, true);
}

static void
on_ack(struct hr_nats *n, natsMsg *m, uint64_t gen, uint64_t number)
{
	json_t *top, *error;
	struct out *o;
	uint64_t seq;

	if (number < n->first || number - n->first >= out_count(n))
		return;
	o = out_at(n, (size_t)(number - n->first));
	o->unanswered -= o->unanswered > 0;
	if (natsMsg_IsNoResponders(m)) {
		if (gen != n->gen)
			return;
		n->state = HR_NATS_UNHEARD;
		snprintf(n->words, sizeof(n->words), "no stream takes the subject");
		rewind_to_first(n, true);
		return;
	}
	top = json_loadb(natsMsg_GetData(m), (size_t)natsMsg_GetDataLength(m), 0, NULL);
	error = json_object_get(top, "error");
	seq = (uint64_t)json_integer_value(json_object_get(top, "seq"));
	if (error) {
		const char *text = json_string_value(json_object_get(error, "description"));

		if (gen == n->gen)
			refused(n, number, (int)json_integer_value(json_object_get(error, "err_code")),
			    text ? text : "refused");
	} else if (seq) {
		o->seq = seq;
		o->there = json_is_true(json_object_get(top, "duplicate"));
		pop_acked(n);
	} else if (gen == n->gen) {
		/* A duplicate without a sequence is one that is not stored yet. */
		snprintf(n->words, sizeof(n->words), "it is being stored");
		rewind_to_first(n, true);
	}
	json_decref(top);
}

/* How full the stream is; what is on its way may be in that, or not yet. */
static void
on_info(struct hr_nats *n, natsMsg *m)
{
	json_t *top = json_loadb(natsMsg_GetData(m), (size_t)natsMsg_GetDataLength(m), 0, NULL), *config, *state;
	int64_t now = hr_now_us();
	size_t i;

	config = json_object_get(top, "config");
	state = json_object_get(top, "state");
	if (!n->weighing || !config || !state) {
		json_decref(top);
		return;
	}
	n->limit = json_integer_value(json_object_get(config, "max_bytes"));
	n->used = (uint64_t)json_integer_value(json_object_get(state, "bytes"));
	json_decref(top);
	for (i = 0; i < out_count(n); i++) {
		if (out_at(n, i)->unanswered && now - out_at(n, i)->sent_us < ANSWER_US)
			n->used += out_at(n, i)->record;
	}
	n->weighed = true;
	n->weighing = false;
	n->weigh_us = 0;
	if (n->sent || out_count(n) == 0 || n->limit <= 0 || n->used + out_at(n, 0)->record <= (uint64_t)n->limit)
		return;
	n->state = HR_NATS_FULL;
	snprintf(n->words, sizeof(n->words), "it has %" PRIu64 " of %" PRId64 " bytes", n->used, n->limit);
	rewind_to_first(n, true);
	n->weigh_us = n->retry_us;
}

enum hr_nats_state
hr_nats_state(const struct hr_nats *n, const char **words)
{
	if (words)
		*words = n->words;
	return n->connected ? n->state : HR_NATS_AWAY;
}

/* Consuming. */

static natsStatus
add_consumer(struct hr_nats *n, jsErrCode *j)
{
	struct consumer *c = &n->c;
	jsConsumerConfig config;
	natsStatus s = jsConsumerConfig_Init(&config);

	config.Durable = c->name;
	config.FilterSubject = c->filter;
	config.DeliverPolicy = js_DeliverAll;
	config.AckPolicy = js_AckExplicit;
	config.AckWait = c->ack_wait_us * 1000;
	config.MaxDeliver = -1;
	config.MaxAckPending = c->max_unacked;
	TRY(js_AddConsumer(NULL, n->js, n->stream, &config, NULL, j));
	return s;
}

/*
 * In place of the one that is there.  One that was removed, and is there again, is
 * another receiver's; one that is not went with its stream, or by somebody's hand.
 */
static int
replace_consumer(struct hr_nats *n, struct hr_err *e)
{
	struct consumer *c = &n->c;
	jsConsumerInfo *info = NULL;
	jsErrCode j = 0;
	natsStatus s;

	s = js_GetConsumerInfo(&info, n->js, n->stream, c->name, NULL, &j);
	if (s == NATS_OK && c->gone) {
		jsConsumerInfo_Destroy(info);
		fail_for_good(n, HR_REFUSED, "another receiver took the consumer over", "let one receiver run at a time");
		*e = n->failed;
		return -1;
	}
	if (s == NATS_OK) {
		if (info->Delivered.Stream > c->before)
			c->before = info->Delivered.Stream;
		jsConsumerInfo_Destroy(info);
		s = js_DeleteConsumer(n->js, n->stream, c->name, NULL, &j);
	}
	if (s == NATS_OK || (s == NATS_NOT_FOUND && j != JSStreamNotFoundErr))
		s = add_consumer(n, &j);
	if (s != NATS_OK) {
		fail_status(n, e, s, "cannot consume");
		return hr_within(e, "stream '%s', consumer '%s'", n->stream, c->name);
	}
	return 0;
}

/* A stream that ends before what came of it has lost messages, and gives sequences again. */
static int
check_last(struct hr_nats *n, struct hr_err *e)
{
	jsStreamInfo *info = NULL;
	char what[200];
	natsStatus s;
	jsErrCode j;
	uint64_t last;

	if (!n->c.last)
		return 0;
	s = js_GetStreamInfo(&info, n->js, n->stream, NULL, &j);
	if (s != NATS_OK)
		return fail_status(n, e, s, "cannot look at the stream");
	last = info->State.LastSeq;
	jsStreamInfo_Destroy(info);
	if (last >= n->c.last)
		return 0;
	snprintf(what, sizeof(what), "it ends at %" PRIu64 ", but had given %" PRIu64 ": messages are lost", last,
	    n->c.last);
	fail_for_good(n, HR_TEMPORARY, what, "start again from the checkpoint; sequences begin anew");
	*e = n->failed;
	return -1;
}

/* The consumer anew, at the first message that the stream still has. */
static int
start_consumer(struct hr_nats *n, struct hr_err *e)
{
	struct consumer *c = &n->c;
	struct pull *p = hr_alloc(sizeof(*p));
	char *all;
	int r;

	natsSubscription_Unsubscribe(c->sub);
	natsSubscription_Destroy(c->sub);
	c->sub = NULL;
	c->instance++;
	*p = (struct pull){ n, c->instance };
	all = hr_sprintf("%sp.%" PRIu64 ".*", n->inbox, c->instance);
	r = subscribe(n, &c->sub, all, p, e);
	free(all);
	if (r == -1 || check_last(n, e) == -1 || replace_consumer(n, e) == -1)
		return -1;
	c->restart = c->asked = c->gone = false;
	c->next_cseq = 1;
	c->ask_us = 0;
	return 0;
}

int
hr_nats_consume(struct hr_nats *n, const struct hr_nats_consumer *o, struct hr_err *e)
{
	struct consumer *c = &n->c;

	if (c->on)
		return hr_fail(e, HR_INTERNAL, "there is a consumer");
	if (!hr_nats_is_name(o->name))
		return hr_fail(e, HR_USAGE, "'%s' cannot name a consumer", o->name);
	c->name = hr_strdup(o->name);
	c->filter = hr_strdup(o->subject);
	c->next = hr_sprintf("$JS.API.CONSUMER.MSG.NEXT.%s.%s", n->stream, c->name);
	c->ack_wait_us = o->ack_wait_us ? o->ack_wait_us : ACK_WAIT_US;
	c->max_unacked = o->max_unacked ? o->max_unacked : UNACKED;
	c->prefetch = o->prefetch ? o->prefetch : PREFETCH;
	if (start_consumer(n, e) == -1)
		return -1;
	c->on = true;
	wake(n);
	return 0;
}

/* Ask for messages when there is room for the largest, or none is here. */
static void
ask(struct hr_nats *n)
{
	struct consumer *c = &n->c;
	uint64_t largest = hr_nats_largest(n) + 2 * HEADER_ROOM;
	uint64_t room = c->prefetch > c->queued ? c->prefetch - c->queued : 0;
	char *reply, text[200];

	if (!c->on || c->asked || c->restart || !n->connected || c->ask_us > hr_now_us())
		return;
	if (room < largest && QUEUE_COUNT(c->got))
		return;
	if (room < largest)
		room = largest;
	c->left = c->max_unacked;
	c->left_bytes = (int64_t)room;
	c->request++;
	snprintf(text, sizeof(text), "{\"batch\":%" PRId64 ",\"max_bytes\":%" PRIu64 ",\"expires\":%" PRId64
	    ",\"idle_heartbeat\":%" PRId64 "}", c->left, room, PULL_US * 1000, HEARTBEAT_US * 1000);
	reply = hr_sprintf("%sp.%" PRIu64 ".%" PRIu64, n->inbox, c->instance, c->request);
	c->asked = natsConnection_PublishRequestString(n->nc, c->next, reply, text) == NATS_OK;
	free(reply);
	c->heard_us = hr_now_us();
	if (!c->asked)
		c->ask_us = c->heard_us + PAUSE_HIGH_US / 10;
}

static void
restart_consumer(struct hr_nats *n, int64_t pause_us)
{
	n->c.restart = true;
	n->c.restart_us = hr_now_us() + pause_us;
}

/* The server's word about a request: it stands, or it is over. */
static void
on_pull_status(struct hr_nats *n, natsMsg *m)
{
	struct consumer *c = &n->c;
	const char *status = NULL, *text = NULL;

	const char *dot = strrchr(natsMsg_GetSubject(m), '.');

	if (!dot || strtoull(dot + 1, NULL, 10) != c->request ||
	    natsMsgHeader_Get(m, "Status", &status) != NATS_OK)
		return;
	if (natsMsgHeader_Get(m, "Description", &text) != NATS_OK)
		text = "";
	c->heard_us = hr_now_us();
	if (strncmp(status, "100", 3) == 0)
		return;
	c->asked = false;
	if (strncmp(status, "503", 3) == 0)
		restart_consumer(n, PAUSE_HIGH_US / 10);	/* no such consumer, now */
	else if (strncmp(status, "409", 3) == 0 && has(text, "consumer deleted")) {
		n->c.gone = true;
		restart_consumer(n, PAUSE_HIGH_US / 2);
	} else if (strncmp(status, "409", 3) == 0 && (has(text, "exceeded") || has(text, "leadership")) &&
	    !has(text, "size"))
		c->ask_us = c->heard_us + PAUSE_HIGH_US / 10;
	else if (strncmp(status, "400", 3) == 0)
		fail_for_good(n, HR_CONFIG, text, NULL);
}

/* $JS.ACK.STREAM.CONSUMER.DELIVERED.SEQ.CSEQ.TIME.PENDING, newer: .DOMAIN.ACCOUNT before STREAM. */
static bool
parse_ack_subject(const char *s, uint64_t *delivered, uint64_t *seq, uint64_t *cseq)
{
	const char *at[13];
	size_t count = 0, i;

	if (!s || strncmp(s, "$JS.ACK.", 8) != 0)
		return false;
	for (at[count++] = s; count < HR_COUNT(at) && (s = strchr(s, '.')); )
		at[count++] = ++s;
	if (count < 9)
		return false;
	i = count == 9 ? 4 : 6;
	*delivered = strtoull(at[i], NULL, 10);
	*seq = strtoull(at[i + 1], NULL, 10);
	*cseq = strtoull(at[i + 2], NULL, 10);
	return *seq > 0;
}

/* The first that is not acknowledged, at or behind a sequence. */
static size_t
unacked_from(const struct consumer *c, uint64_t seq)
{
	size_t low = c->unacked.begin, high = c->unacked.end, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (c->unacked.at[middle].seq < seq)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void
acknowledge(struct hr_nats *n, struct unacked *u)
{
	if (u->reply)
		natsConnection_PublishString(n->nc, u->reply, "+ACK");
	free(u->reply);
	u->reply = NULL;
}

/* It came before in this session: its newest reply subject is the one that counts. */
static void
came_again(struct hr_nats *n, uint64_t seq, const char *reply)
{
	struct consumer *c = &n->c;
	size_t i = unacked_from(c, seq);
	struct unacked *u = i < c->unacked.end && c->unacked.at[i].seq == seq ? &c->unacked.at[i] : NULL;

	if (u && u->reply) {
		free(u->reply);
		u->reply = hr_strdup(reply);
	} else if (u || seq <= c->acked) {
		natsConnection_PublishString(n->nc, reply, "+ACK");
	}
}

/* Acknowledge what the caller has, but for the last message. */
static void
release(struct hr_nats *n)
{
	struct consumer *c = &n->c;
	struct unacked *u;
	size_t i;

	while (QUEUE_COUNT(c->unacked)) {
		u = &c->unacked.at[c->unacked.begin];
		if (u->seq > c->acked || u->seq >= c->last)
			break;
		acknowledge(n, u);
		c->unacked.begin++;
	}
	if (c->dropped && c->dropped < c->last) {
		i = unacked_from(c, c->dropped);
		if (i < c->unacked.end && c->unacked.at[i].seq == c->dropped)
			acknowledge(n, &c->unacked.at[i]);
		c->dropped = 0;
	}
	if (QUEUE_COUNT(c->unacked) == 1 && c->last <= c->acked)
		c->hold_us = hr_now_us() + c->ack_wait_us / 3;
	else
		c->hold_us = 0;
}

/* What the server takes off the bytes of a request: it says when the next message is too large, not that none are left. */
static int64_t
pulled_size(natsMsg *m)
{
	size_t size = strlen(natsMsg_GetSubject(m)) + strlen(natsMsg_GetReply(m)) + (size_t)natsMsg_GetDataLength(m);
	const char **key = NULL, *value;
	int count = 0, i;

	if (natsMsgHeader_Keys(m, &key, &count) == NATS_OK && count > 0)
		size += strlen("NATS/1.0\r\n\r\n");
	for (i = 0; i < count; i++) {
		if (natsMsgHeader_Get(m, key[i], &value) == NATS_OK)
			size += strlen(key[i]) + strlen(value) + strlen(": \r\n");
	}
	free(key);
	return (int64_t)size;
}

/* A message, 1 when it is kept. */
static int
on_pulled(struct hr_nats *n, natsMsg *m, uint64_t instance)
{
	struct consumer *c = &n->c;
	uint64_t delivered, seq, cseq;
	struct unacked *u;
	struct got *g;

	if (instance != c->instance || c->restart)
		return 0;
	if (!parse_ack_subject(natsMsg_GetReply(m), &delivered, &seq, &cseq)) {
		on_pull_status(n, m);
		return 0;
	}
	c->heard_us = hr_now_us();
	c->left_bytes -= pulled_size(m);
	if (--c->left <= 0 || c->left_bytes == 0)
		c->asked = false;
	if (cseq != c->next_cseq) {
		restart_consumer(n, 0);		/* one is missing */
		return 0;
	}
	c->next_cseq++;
	if (seq <= c->last) {
		came_again(n, seq, natsMsg_GetReply(m));
		return 0;
	}
	c->last = seq;
	g = QUEUE_PUT(c->got);
	*g = (struct got){ .msg = m, .seq = seq, .delivered = delivered,
	    .again = delivered > 1 || seq <= c->before };
	u = QUEUE_PUT(c->unacked);
	*u = (struct unacked){ .seq = seq, .reply = hr_strdup(natsMsg_GetReply(m)) };
	c->queued += (uint64_t)natsMsg_GetDataLength(m) + 256;
	release(n);
	return 1;
}

int
hr_nats_fetch(struct hr_nats *n, struct hr_nats_message *m)
{
	struct consumer *c = &n->c;
	struct got *g;

	natsMsg_Destroy(c->lent);
	c->lent = NULL;
	if (QUEUE_COUNT(c->got) == 0)
		return 0;
	g = &c->got.at[c->got.begin++];
	c->lent = g->msg;
	m->subject = natsMsg_GetSubject(g->msg);
	m->data = (const uint8_t *)natsMsg_GetData(g->msg);
	m->len = (size_t)natsMsg_GetDataLength(g->msg);
	m->seq = g->seq;
	m->delivered = g->delivered;
	m->again = g->again;
	c->queued -= m->len + 256;
	ask(n);
	return 1;
}

const char *
hr_nats_header(const struct hr_nats *n, const char *name)
{
	const char *value = NULL;

	if (!n->c.lent || natsMsgHeader_Get(n->c.lent, name, &value) != NATS_OK)
		return NULL;
	return value;
}

void
hr_nats_ack(struct hr_nats *n, uint64_t seq)
{
	if (seq > n->c.acked)
		n->c.acked = seq;
	release(n);
}

void
hr_nats_drop(struct hr_nats *n, uint64_t from, uint64_t to)
{
	struct consumer *c = &n->c;
	size_t i;

	for (i = unacked_from(c, from); i < c->unacked.end && c->unacked.at[i].seq <= to && c->unacked.at[i].seq < c->last; i++)
		acknowledge(n, &c->unacked.at[i]);
	if (from <= c->last && c->last <= to)
		c->dropped = c->last;
}

void
hr_nats_working(struct hr_nats *n)
{
	size_t i;

	for (i = n->c.unacked.begin; n->connected && i < n->c.unacked.end; i++) {
		if (n->c.unacked.at[i].reply)
			natsConnection_PublishString(n->nc, n->c.unacked.at[i].reply, "+WPI");
	}
}

/* Values. */

static char *
value_subject(struct hr_nats *n, const char *key)
{
	struct hr_buf b = HR_BUF_INIT;
	size_t len;

	hr_buf_printf(&b, "$KV.%s.", n->bucket);
	hr_nats_key(&b, key, strlen(key));
	hr_buf_u8(&b, 0);
	return (char *)hr_buf_take(&b, &len);
}

int
hr_nats_values(struct hr_nats *n, struct hr_err *e)
{
	kvConfig c;
	natsStatus s;

	if (n->kv)
		return 0;
	s = js_KeyValue(&n->kv, n->js, n->bucket);
	if (s == NATS_NOT_FOUND) {
		kvConfig_Init(&c);
		c.Bucket = n->bucket;
		c.History = 1;
		c.StorageType = js_FileStorage;
		c.Replicas = n->replicas;
		s = js_CreateKeyValue(&n->kv, n->js, &c);
	}
	if (s == NATS_OK)
		return 0;
	fail_status(n, e, s, "cannot make the bucket");
	return hr_within(e, "bucket '%s'", n->bucket);
}

static void
send_value(struct hr_nats *n, size_t i)
{
	struct value *v = &n->value[i];
	char *reply;

	if (!n->connected)
		return;
	reply = hr_sprintf("%s.v.%zu.%" PRIu64, n->inbox, i, v->version);
	natsConnection_PublishRequest(n->nc, v->subject, reply, v->data, (int)v->len);
	free(reply);
	v->again_us = hr_now_us() + n->timeout_us;
}

int
hr_nats_put(struct hr_nats *n, const char *key, const void *value, size_t len, struct hr_err *e)
{
	int64_t most = natsConnection_GetMaxPayload(n->nc);
	struct value *v;
	size_t i;

	if (!n->kv && hr_nats_values(n, e) == -1)
		return -1;
	if (len > HR_NATS_VALUE_MAX || (most > 0 && len > (uint64_t)most)) {
		hr_fail(e, HR_CONFIG, "value '%s' has %zu bytes, which are too many", key, len);
		return hr_hint(e, "the server takes %" PRId64 ", and a value is %zu at most", most, HR_NATS_VALUE_MAX);
	}
	for (i = 0; i < n->values && strcmp(n->value[i].key, key) != 0; i++)
		;
	if (i == n->values) {
		HR_GROW(n->value, n->values, n->value_cap);
		v = &n->value[n->values++];
		memset(v, 0, sizeof(*v));
		v->key = hr_strdup(key);
		v->subject = value_subject(n, key);
	}
	v = &n->value[i];
	free(v->data);
	v->data = hr_memdup(value, len);
	v->len = len;
	v->version++;
	send_value(n, i);
	wake(n);
	return 0;
}

bool
hr_nats_put_done(const struct hr_nats *n)
{
	size_t i;

	for (i = 0; i < n->values; i++) {
		if (n->value[i].stored < n->value[i].version)
			return false;
	}
	return true;
}

static void
on_value_ack(struct hr_nats *n, natsMsg *m, uint64_t slot, uint64_t version)
{
	json_t *top;

	if (slot >= n->values)
		return;
	top = json_loadb(natsMsg_GetData(m), (size_t)natsMsg_GetDataLength(m), 0, NULL);
	if (json_integer_value(json_object_get(top, "seq")) > 0) {
		if (version > n->value[slot].stored)
			n->value[slot].stored = version;
	} else if (version == n->value[slot].version) {
		n->value[slot].again_us = hr_now_us() + PAUSE_HIGH_US / 4;
	}
	json_decref(top);
}

/* 1, 0: none, or -1 with the status. */
static int
read_value(struct hr_nats *n, const char *key, struct hr_buf *value, uint64_t *revision, natsStatus *s)
{
	struct hr_buf name = HR_BUF_INIT;
	kvEntry *entry = NULL;

	hr_nats_key(&name, key, strlen(key));
	*s = kvStore_Get(&entry, n->kv, hr_buf_text(&name));
	hr_buf_clear(&name);
	if (*s == NATS_NOT_FOUND)
		return 0;
	if (*s != NATS_OK)
		return -1;
	if (kvEntry_Revision(entry) > *revision) {
		*revision = kvEntry_Revision(entry);
		hr_buf_put(value, kvEntry_Value(entry), (size_t)kvEntry_ValueLen(entry));
	} else {
		*s = NATS_NOT_FOUND;
	}
	kvEntry_Destroy(entry);
	return *s == NATS_OK;
}

int
hr_nats_get(struct hr_nats *n, const char *key, struct hr_buf *value, struct hr_err *e)
{
	uint64_t revision = 0;
	natsStatus s;
	int r;

	if (!n->kv && hr_nats_values(n, e) == -1)
		return -1;
	r = read_value(n, key, value, &revision, &s);
	if (r == -1) {
		fail_status(n, e, s, "cannot read the value");
		return hr_within(e, "bucket '%s', key '%s'", n->bucket, key);
	}
	return r;
}

int
hr_nats_watch(struct hr_nats *n, const char *key, struct hr_err *e)
{
	struct watch *w;

	if (!n->kv && hr_nats_values(n, e) == -1)
		return -1;
	HR_GROW(n->watch, n->watches, n->watch_cap);
	w = &n->watch[n->watches++];
	memset(w, 0, sizeof(*w));
	w->key = hr_strdup(key);
	w->subject = value_subject(n, key);
	w->stale = true;
	wake(n);
	return subscribe(n, &w->sub, w->subject, NULL, e);
}

/* A value as published is only a sign: what the stream has is what counts. */
int
hr_nats_watched(struct hr_nats *n, const char **key, struct hr_buf *value)
{
	int64_t now = hr_now_us();
	struct watch *w;
	natsStatus s;
	size_t i;
	int r;

	for (i = 0; i < n->watches && n->connected; i++) {
		w = &n->watch[i];
		if (!w->stale || w->again_us > now)
			continue;
		w->stale = false;
		w->again_us = 0;
		r = read_value(n, w->key, value, &w->seen, &s);
		if (r == 1) {
			*key = w->key;
			return 1;
		}
		if (r == -1) {
			w->stale = true;
			w->again_us = now + PAUSE_HIGH_US / 4;
			wake(n);
		}
	}
	return 0;
}

/* The published one may be a moment before the stored one. */
static void
on_value(struct hr_nats *n, const char *subject)
{
	size_t i;

	for (i = 0; i < n->watches; i++) {
		if (strcmp(n->watch[i].subject, subject) == 0)
			n->watch[i].stale = true;
	}
}

/* The turn. */

/* 1 when the message is kept. */
static int
dispatch(struct hr_nats *n, natsMsg *m, uint64_t instance)
{
	const char *subject = natsMsg_GetSubject(m);
	uint64_t a = 0, b = 0;
	char kind = 0;

	if (instance)
		return on_pulled(n, m, instance);
	if (strncmp(subject, n->inbox, n->inbox_len) != 0) {
		on_value(n, subject);
		return 0;
	}
	if (sscanf(subject + n->inbox_len, ".%c.%" SCNu64 ".%" SCNu64, &kind, &a, &b) < 2)
		return 0;
	if (kind == 'a')
		on_ack(n, m, a, b);
	else if (kind == 'i')
		on_info(n, m);
	else if (kind == 'v')
		on_value_ack(n, m, a, b);
	return 0;
}

static void
came_back(struct hr_nats *n)
{
	size_t i;

	n->pause_us = 0;
	for (i = 0; i < out_count(n); i++)
		out_at(n, i)->unanswered = 0;
	n->weighed = n->weighing = false;
	n->weigh_us = 0;
	rewind_to_first(n, false);
	if (n->c.on)
		restart_consumer(n, 0);
	for (i = 0; i < n->values; i++)
		n->value[i].again_us = 0;
	for (i = 0; i < n->watches; i++)
		n->watch[i].stale = true;
}

static void
soonest(int64_t *at, int64_t us)
{
	if (us && (!*at || us < *at))
		*at = us;
}

static void
by_clock(struct hr_nats *n)
{
	struct consumer *c = &n->c;
	struct hr_err e = HR_ERR_INIT;
	int64_t now = hr_now_us();
	size_t i;

	if (!n->connected)
		return;
	if (n->sent && now - out_at(n, 0)->sent_us >= n->timeout_us)
		rewind_to_first(n, false);	/* no answer */
	send_more(n);
	if (c->on && c->restart && c->restart_us <= now && start_consumer(n, &e) == -1) {
		n->state = HR_NATS_UNHEARD;
		snprintf(n->words, sizeof(n->words), "%.200s", e.what);
		restart_consumer(n, PAUSE_HIGH_US / 4);
	} else if (c->on && !c->restart && n->state == HR_NATS_UNHEARD && out_count(n) == 0) {
		n->state = HR_NATS_READY;
		n->words[0] = 0;
	}
	if (c->hold_us && c->hold_us <= now) {
		hr_nats_working(n);
		c->hold_us = now + c->ack_wait_us / 3;
	}
	if (c->asked && now - c->heard_us > 2 * HEARTBEAT_US + SECOND)
		c->asked = false;
	ask(n);
	for (i = 0; i < n->values; i++) {
		if (n->value[i].stored < n->value[i].version && n->value[i].again_us <= now)
			send_value(n, i);
	}
}

/* When by_clock() has something to do next. */
static void
arm(struct hr_nats *n)
{
	struct itimerspec when = { 0 };
	const struct consumer *c = &n->c;
	int64_t at = 0;
	size_t i;

	if (n->connected) {
		if (n->sent)
			soonest(&at, out_at(n, 0)->sent_us + n->timeout_us);
		soonest(&at, n->retry_us);
		soonest(&at, n->weigh_us > hr_now_us() ? n->weigh_us : 0);
		if (c->on) {
			soonest(&at, c->restart ? c->restart_us : 0);
			soonest(&at, c->hold_us);
			soonest(&at, c->asked ? c->heard_us + 2 * HEARTBEAT_US + SECOND : c->ask_us);
		}
		for (i = 0; i < n->values; i++) {
			if (n->value[i].stored < n->value[i].version)
				soonest(&at, n->value[i].again_us);
		}
		for (i = 0; i < n->watches; i++)
			soonest(&at, n->watch[i].stale ? n->watch[i].again_us : 0);
	}
	if (at) {
		when.it_value.tv_sec = at / SECOND;
		when.it_value.tv_nsec = at % SECOND * 1000 + 1;
	}
	timerfd_settime(n->timer, TFD_TIMER_ABSTIME, &when, NULL);
}

static bool
is_stale(const struct hr_nats *n)
{
	size_t i;

	for (i = 0; i < n->watches; i++) {
		if (n->watch[i].stale)
			return true;
	}
	return false;
}

/* Only a refusal to let us in ends a connection that is made again for ever. */
static int
fail_closed(struct hr_nats *n, struct hr_err *e)
{
	char said[sizeof(n->said)];

	pthread_mutex_lock(&n->mutex);
	memcpy(said, n->said, sizeof(said));
	pthread_mutex_unlock(&n->mutex);
	hr_fail(e, HR_CONFIG, "the server %s does not let us in again: %s", n->address.server, said);
	return hr_hint(e, "see to the user and the password or the credentials file");
}

int
hr_nats_turn(struct hr_nats *n, struct hr_err *e)
{
	struct came *came;
	size_t count, i;
	uint64_t number, ups;
	bool closed;
	ssize_t r;

	r = read(n->event, &number, sizeof(number));
	r = read(n->timer, &number, sizeof(number));
	(void)r;
	pthread_mutex_lock(&n->mutex);
	came = n->came;
	count = n->came_count;
	n->came = NULL;
	n->came_count = n->came_cap = 0;
	n->connected = n->up;
	ups = n->ups;
	closed = n->closed;
	pthread_mutex_unlock(&n->mutex);
	for (i = 0; i < count; i++) {
		if (dispatch(n, came[i].msg, came[i].instance) == 0)
			natsMsg_Destroy(came[i].msg);
	}
	free(came);
	if (n->failed.code != HR_OK) {
		*e = n->failed;
		return -1;
	}
	if (closed)
		return fail_closed(n, e);
	if (ups != n->seen_ups) {
		n->seen_ups = ups;
		came_back(n);
	}
	by_clock(n);
	if (n->failed.code != HR_OK) {
		*e = n->failed;
		return -1;
	}
	arm(n);
	return QUEUE_COUNT(n->cookies) || QUEUE_COUNT(n->c.got) || is_stale(n);
}

#else

static int
without(struct hr_err *e)
{
	hr_fail(e, HR_MISSING, "built without libnats");
	return hr_hint(e, "install it (Debian: libnats-dev) and build again");
}

bool
hr_nats_built(void)
{
	return false;
}

struct hr_nats *
hr_nats_open(const struct hr_nats_options *o, struct hr_err *e)
{
	(void)o;
	without(e);
	return NULL;
}

void
hr_nats_close(struct hr_nats *n)
{
	(void)n;
}

int
hr_nats_make_stream(struct hr_nats *n, struct hr_err *e)
{
	(void)n;
	return without(e);
}

const char *
hr_nats_stream(const struct hr_nats *n)
{
	(void)n;
	return "";
}

const char *
hr_nats_prefix(const struct hr_nats *n)
{
	(void)n;
	return "";
}

int
hr_nats_fd(const struct hr_nats *n)
{
	(void)n;
	return -1;
}

int
hr_nats_turn(struct hr_nats *n, struct hr_err *e)
{
	(void)n;
	return without(e);
}

enum hr_nats_state
hr_nats_state(const struct hr_nats *n, const char **words)
{
	(void)n;
	if (words)
		*words = "";
	return HR_NATS_AWAY;
}

int
hr_nats_publish(struct hr_nats *n, const char *subject, const char *id, const char *const *header,
    const void *data, size_t len, uint64_t cookie, struct hr_err *e)
{
	(void)n;
	(void)subject;
	(void)id;
	(void)header;
	(void)data;
	(void)len;
	(void)cookie;
	return without(e);
}

size_t
hr_nats_room(const struct hr_nats *n)
{
	(void)n;
	return 0;
}

size_t
hr_nats_largest(const struct hr_nats *n)
{
	(void)n;
	return 0;
}

int
hr_nats_acked(struct hr_nats *n, uint64_t *cookie)
{
	(void)n;
	(void)cookie;
	return 0;
}

size_t
hr_nats_waiting(const struct hr_nats *n)
{
	(void)n;
	return 0;
}

int
hr_nats_consume(struct hr_nats *n, const struct hr_nats_consumer *c, struct hr_err *e)
{
	(void)n;
	(void)c;
	return without(e);
}

int
hr_nats_fetch(struct hr_nats *n, struct hr_nats_message *m)
{
	(void)n;
	(void)m;
	return 0;
}

const char *
hr_nats_header(const struct hr_nats *n, const char *name)
{
	(void)n;
	(void)name;
	return NULL;
}

void
hr_nats_ack(struct hr_nats *n, uint64_t seq)
{
	(void)n;
	(void)seq;
}

void
hr_nats_drop(struct hr_nats *n, uint64_t from, uint64_t to)
{
	(void)n;
	(void)from;
	(void)to;
}

void
hr_nats_working(struct hr_nats *n)
{
	(void)n;
}

int
hr_nats_values(struct hr_nats *n, struct hr_err *e)
{
	(void)n;
	return without(e);
}

int
hr_nats_put(struct hr_nats *n, const char *key, const void *value, size_t len, struct hr_err *e)
{
	(void)n;
	(void)key;
	(void)value;
	(void)len;
	return without(e);
}

bool
hr_nats_put_done(const struct hr_nats *n)
{
	(void)n;
	return true;
}

int
hr_nats_get(struct hr_nats *n, const char *key, struct hr_buf *value, struct hr_err *e)
{
	(void)n;
	(void)key;
	(void)value;
	return without(e);
}

int
hr_nats_watch(struct hr_nats *n, const char *key, struct hr_err *e)
{
	(void)n;
	(void)key;
	return without(e);
}

int
hr_nats_watched(struct hr_nats *n, const char **key, struct hr_buf *value)
{
	(void)n;
	(void)key;
	(void)value;
	return 0;
}

#endif
