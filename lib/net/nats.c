/*
 * nats.c - a handle: its connection to a server that may go away at any time, what
 * libnats' threads bring, and the turn.
 *
 * libnats' own asynchronous publish and fetch are not used: the one does not
 * keep the order when a message in the middle fails, the other waits.  Both
 * are a message with a reply subject, so here they are that.  All replies go
 * to one inbox: INBOX.a.GENERATION.NUMBER for messages, INBOX.i.0.0 for how full
 * the stream is, INBOX.v.SLOT.VERSION for values.  What is consumed comes under
 * its own subject, so that each consumer made here has its own subscription, and
 * an inbox INBOXp.INSTANCE.REQUEST.
 */
#include "base/hr.h"

#include "net/nats.h"

#ifdef HAVE_NATS

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "net/address.h"
#include "net/nats_inside.h"

#define TIMEOUT_US	(5 * SECOND)
#define PING_MS		5000
#define CLOSE_MS	5000

struct came {
	natsMsg *msg;
	uint64_t instance;		/* of the consumer; 0: none */
};

/* What a subscription of a consumer is told by; freed when it has ended. */
struct pull {
	struct hr_nats *n;
	uint64_t instance;
};

static pthread_mutex_t handles_mutex = PTHREAD_MUTEX_INITIALIZER;
static int handles;

void *
hr_nats_queue_room(void *at, size_t *begin, size_t *end, size_t *cap, size_t size)
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

void
hr_nats_wake(struct hr_nats *n)
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
	hr_nats_wake(n);
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
	hr_nats_wake(n);
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
	hr_nats_wake(n);
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
	hr_nats_wake(n);
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

const char *
hr_nats_words_of(char *line, size_t size, natsStatus s)
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

int
hr_nats_fail_status(struct hr_nats *n, struct hr_err *e, natsStatus s, const char *doing)
{
	char line[300], said[sizeof(n->said)];
	enum hr_code code;

	pthread_mutex_lock(&n->mutex);
	memcpy(said, n->said, sizeof(said));
	pthread_mutex_unlock(&n->mutex);
	/* A request that is not permitted is not answered. */
	if (s == NATS_TIMEOUT && strcasestr(said, "permissions violation")) {
		hr_fail(e, HR_CONFIG, "%s: %s", doing, said);
		return hr_hint(e, "permit the user this subject, or use another user");
	}
	hr_nats_words_of(line, sizeof(line), s);
	code = s == NATS_TIMEOUT || s == NATS_NO_RESPONDERS || s == NATS_CONNECTION_CLOSED ||
	    s == NATS_CONNECTION_DISCONNECTED || s == NATS_IO_ERROR || s == NATS_STALE_CONNECTION ||
	    s == NATS_NO_SERVER || strcasestr(line, "unavailable") ? HR_TEMPORARY : HR_CONFIG;
	return hr_fail(e, code, "%s: %s", doing, line);
}

void
hr_nats_fail_for_good(struct hr_nats *n, enum hr_code code, const char *what, const char *hint)
{
	if (n->failed.code != HR_OK)
		return;
	hr_fail(&n->failed, code, "stream '%s': %s", n->stream, what);
	if (hint)
		hr_hint(&n->failed, "%s", hint);
}

static int
fail_connect(struct hr_nats *n, struct hr_err *e, natsStatus s)
{
	char line[300];
	const char *where = n->address.server;

	hr_nats_words_of(line, sizeof(line), s);
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

	if (!n->address.tls && !o->tls_ca && !o->tls_cert) {
		if (o->insecure || hr_address_near(n->address.host, e) == 0)
			return 0;
		if (e->code == HR_REFUSED)
			e->code = HR_CONFIG;	/* not by a peer, which may think better of it */
		return -1;
	}
	if (!o->tls_cert != !o->tls_key)
		return hr_fail(e, HR_USAGE, "a certificate and its key go together");
	s = natsOptions_SetSecure(n->options, true);
	if (s == NATS_OK)
		s = natsOptions_SetExpectedHostname(n->options, n->address.host);
	if (s == NATS_OK && o->tls_ca && (s = natsOptions_LoadCATrustedCertificates(n->options, o->tls_ca)) != NATS_OK)
		return hr_fail(e, HR_CONFIG, "the CA's file '%s': %s", o->tls_ca,
		    hr_nats_words_of(line, sizeof(line), s));
	if (s == NATS_OK && o->tls_cert &&
	    (s = natsOptions_LoadCertificatesChain(n->options, o->tls_cert, o->tls_key)) != NATS_OK)
		return hr_fail(e, HR_CONFIG, "the certificate '%s' and its key '%s': %s", o->tls_cert, o->tls_key,
		    hr_nats_words_of(line, sizeof(line), s));
	return s == NATS_OK ? 0 : hr_fail(e, HR_CONFIG, "TLS: %s", hr_nats_words_of(line, sizeof(line), s));
}

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
		    hr_nats_words_of(line, sizeof(line), s));
	return set_tls(n, o, e);
}

int
hr_nats_subscribe(struct hr_nats *n, natsSubscription **sub, const char *subject, uint64_t instance,
    struct hr_err *e)
{
	struct pull *p = NULL;
	natsStatus s;

	if (instance) {
		p = hr_alloc(sizeof(*p));
		*p = (struct pull){ n, instance };
	}
	s = natsConnection_Subscribe(sub, n->nc, subject, p ? on_pull_message : on_message, p ? (void *)p : n);
	if (s != NATS_OK) {
		free(p);
		return hr_nats_fail_status(n, e, s, "cannot subscribe");
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
		return hr_nats_fail_status(n, e, s, "cannot use JetStream");
	s = natsInbox_Create(&n->inbox);
	if (s != NATS_OK)
		return hr_nats_fail_status(n, e, s, "no inbox");
	n->inbox_len = strlen(n->inbox);
	all = hr_sprintf("%s.>", n->inbox);
	r = hr_nats_subscribe(n, &n->sub, all, 0, e);
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
	hr_nats_publishing_init(n, o);
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

/* libnats' threads may be in a callback until they have said that they end. */
static void
disconnect(struct hr_nats *n)
{
	struct timespec until = hr_until(CLOSE_MS * 1000);

	if (!n->nc)
		return;
	natsConnection_FlushTimeout(n->nc, 1000);	/* acknowledgements */
	natsConnection_Close(n->nc);
	pthread_mutex_lock(&n->mutex);
	while ((!n->closed || n->subs > 0) && pthread_cond_timedwait(&n->cond, &n->mutex, &until) == 0)
		;
	pthread_mutex_unlock(&n->mutex);
}

void
hr_nats_close(struct hr_nats *n)
{
	bool last;
	size_t i;

	if (!n)
		return;
	disconnect(n);
	natsSubscription_Destroy(n->sub);
	hr_nats_publishing_clear(n);
	hr_nats_consumer_clear(n);
	hr_nats_values_clear(n);
	jsCtx_Destroy(n->js);
	natsConnection_Destroy(n->nc);
	natsOptions_Destroy(n->options);
	natsInbox_Destroy(n->inbox);
	for (i = 0; i < n->came_count; i++)
		natsMsg_Destroy(n->came[i].msg);
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

enum hr_nats_state
hr_nats_state(const struct hr_nats *n, const char **words)
{
	if (words)
		*words = n->words;
	return n->connected ? n->state : HR_NATS_AWAY;
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
		return hr_nats_consumer_came(n, m, instance);
	if (strncmp(subject, n->inbox, n->inbox_len) != 0) {
		hr_nats_values_came(n, subject);
		return 0;
	}
	if (sscanf(subject + n->inbox_len, ".%c.%" SCNu64 ".%" SCNu64, &kind, &a, &b) < 2)
		return 0;
	if (kind == 'a')
		hr_nats_publishing_ack(n, m, a, b);
	else if (kind == 'i')
		hr_nats_publishing_info(n, m);
	else if (kind == 'v')
		hr_nats_values_ack(n, m, a, b);
	return 0;
}

void
hr_nats_soonest(int64_t *at, int64_t us)
{
	if (us && (!*at || us < *at))
		*at = us;
}

static void
by_clock(struct hr_nats *n)
{
	int64_t now = hr_now_us();

	if (!n->connected)
		return;
	hr_nats_publishing_by_clock(n, now);
	hr_nats_consumer_by_clock(n, now);
	hr_nats_values_by_clock(n, now);
}

/* When by_clock() has something to do next. */
static void
arm(struct hr_nats *n)
{
	struct itimerspec when = { 0 };
	int64_t at = 0;

	if (n->connected) {
		hr_nats_publishing_due(n, &at);
		hr_nats_consumer_due(n, &at);
		hr_nats_values_due(n, &at);
	}
	if (at) {
		when.it_value.tv_sec = at / SECOND;
		when.it_value.tv_nsec = at % SECOND * 1000 + 1;
	}
	timerfd_settime(n->timer, TFD_TIMER_ABSTIME, &when, NULL);
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
		hr_nats_publishing_back(n);
		hr_nats_consumer_back(n);
		hr_nats_values_back(n);
	}
	by_clock(n);
	if (n->failed.code != HR_OK) {
		*e = n->failed;
		return -1;
	}
	arm(n);
	return QUEUE_COUNT(n->p.cookies) || QUEUE_COUNT(n->c.got) || hr_nats_values_stale(n);
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
