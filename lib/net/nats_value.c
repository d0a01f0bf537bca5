/*
 * nats_value.c - values by key, in the bucket beside the stream.
 *
 * A value is a message too: libnats' own put waits for the answer.
 */
#include "base/hr.h"

#ifdef HAVE_NATS

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "net/nats_inside.h"

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

/* The bucket, made when it is not there.  1: it was made, 0, -1. */
static int
open_bucket(struct hr_nats *n, struct hr_err *e)
{
	bool made = false;
	kvConfig c;
	natsStatus s = js_KeyValue(&n->v.kv, n->js, n->bucket);

	if (s == NATS_NOT_FOUND) {
		kvConfig_Init(&c);
		c.Bucket = n->bucket;
		c.History = 1;
		c.StorageType = js_FileStorage;
		c.Replicas = n->replicas;
		s = js_CreateKeyValue(&n->v.kv, n->js, &c);
		made = s == NATS_OK;
	}
	if (s == NATS_OK)
		return made;
	hr_nats_fail_status(n, e, s, "cannot make the bucket");
	return hr_within(e, "bucket '%s'", n->bucket);
}

int
hr_nats_values(struct hr_nats *n, struct hr_err *e)
{
	return n->v.kv || open_bucket(n, e) >= 0 ? 0 : -1;
}

/* A value could not be read: one that somebody removed, with its bucket, is made again, and has what we say. */
static void
look_at_bucket(struct hr_nats *n)
{
	struct hr_err e = HR_ERR_INIT;
	size_t i;
	int made;

	kvStore_Destroy(n->v.kv);
	n->v.kv = NULL;
	if ((made = open_bucket(n, &e)) <= 0)
		return;
	hr_log(HR_LOG_WARNING, "bucket '%s' was gone, and is made again", n->bucket);
	for (i = 0; i < n->v.values; i++) {
		n->v.value[i].stored = 0;
		n->v.value[i].again_us = 0;
	}
	for (i = 0; i < n->v.watches; i++)
		n->v.watch[i].seen = 0;
}

static void
send_value(struct hr_nats *n, size_t i)
{
	struct value *v = &n->v.value[i];
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

	if (!n->v.kv && hr_nats_values(n, e) == -1)
		return -1;
	if (len > HR_NATS_VALUE_MAX || (most > 0 && len > (uint64_t)most)) {
		hr_fail(e, HR_CONFIG, "value '%s' has %zu bytes, which are too many", key, len);
		return hr_hint(e, "the server takes %" PRId64 ", and a value is %zu at most", most, HR_NATS_VALUE_MAX);
	}
	for (i = 0; i < n->v.values && strcmp(n->v.value[i].key, key) != 0; i++)
		;
	if (i == n->v.values) {
		HR_GROW(n->v.value, n->v.values, n->v.value_cap);
		v = &n->v.value[n->v.values++];
		memset(v, 0, sizeof(*v));
		v->key = hr_strdup(key);
		v->subject = value_subject(n, key);
	}
	v = &n->v.value[i];
	free(v->data);
	v->data = hr_memdup(value, len);
	v->len = len;
	v->version++;
	send_value(n, i);
	hr_nats_wake(n);
	return 0;
}

bool
hr_nats_put_done(const struct hr_nats *n)
{
	size_t i;

	for (i = 0; i < n->v.values; i++) {
		if (n->v.value[i].stored < n->v.value[i].version)
			return false;
	}
	return true;
}

void
hr_nats_values_ack(struct hr_nats *n, natsMsg *m, uint64_t slot, uint64_t version)
{
	json_t *top;

	if (slot >= n->v.values)
		return;
	top = json_loadb(natsMsg_GetData(m), (size_t)natsMsg_GetDataLength(m), 0, NULL);
	if (json_integer_value(json_object_get(top, "seq")) > 0) {
		if (version > n->v.value[slot].stored)
			n->v.value[slot].stored = version;
	} else if (version == n->v.value[slot].version) {
		n->v.value[slot].again_us = hr_now_us() + PAUSE_HIGH_US / 4;
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
	*s = kvStore_Get(&entry, n->v.kv, hr_buf_text(&name));
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

	if (!n->v.kv && hr_nats_values(n, e) == -1)
		return -1;
	r = read_value(n, key, value, &revision, &s);
	if (r == -1) {
		hr_nats_fail_status(n, e, s, "cannot read the value");
		return hr_within(e, "bucket '%s', key '%s'", n->bucket, key);
	}
	return r;
}

int
hr_nats_watch(struct hr_nats *n, const char *key, struct hr_err *e)
{
	struct watch *w;

	if (!n->v.kv && hr_nats_values(n, e) == -1)
		return -1;
	HR_GROW(n->v.watch, n->v.watches, n->v.watch_cap);
	w = &n->v.watch[n->v.watches++];
	memset(w, 0, sizeof(*w));
	w->key = hr_strdup(key);
	w->subject = value_subject(n, key);
	w->stale = true;
	hr_nats_wake(n);
	return hr_nats_subscribe(n, &w->sub, w->subject, 0, e);
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

	for (i = 0; i < n->v.watches && n->connected; i++) {
		w = &n->v.watch[i];
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
			/* It may have waited for long, and somebody else's turn is due. */
			w->stale = true;
			look_at_bucket(n);
			for (i = 0; i < n->v.watches; i++)
				n->v.watch[i].again_us = hr_now_us() + PAUSE_HIGH_US;
			hr_nats_wake(n);
			return 0;
		}
	}
	return 0;
}

void
hr_nats_values_came(struct hr_nats *n, const char *subject)
{
	size_t i;

	for (i = 0; i < n->v.watches; i++) {
		if (strcmp(n->v.watch[i].subject, subject) == 0)
			n->v.watch[i].stale = true;
	}
}

bool
hr_nats_values_stale(const struct hr_nats *n)
{
	size_t i;

	for (i = 0; i < n->v.watches; i++) {
		if (n->v.watch[i].stale)
			return true;
	}
	return false;
}

void
hr_nats_values_back(struct hr_nats *n)
{
	size_t i;

	for (i = 0; i < n->v.values; i++)
		n->v.value[i].again_us = 0;
	for (i = 0; i < n->v.watches; i++)
		n->v.watch[i].stale = true;
}

void
hr_nats_values_by_clock(struct hr_nats *n, int64_t now)
{
	size_t i;

	for (i = 0; i < n->v.values; i++) {
		if (n->v.value[i].stored < n->v.value[i].version && n->v.value[i].again_us <= now)
			send_value(n, i);
	}
}

void
hr_nats_values_due(const struct hr_nats *n, int64_t *at)
{
	size_t i;

	for (i = 0; i < n->v.values; i++) {
		if (n->v.value[i].stored < n->v.value[i].version)
			hr_nats_soonest(at, n->v.value[i].again_us);
	}
	for (i = 0; i < n->v.watches; i++)
		hr_nats_soonest(at, n->v.watch[i].stale ? n->v.watch[i].again_us : 0);
}

void
hr_nats_values_clear(struct hr_nats *n)
{
	size_t i;

	for (i = 0; i < n->v.values; i++) {
		free(n->v.value[i].key);
		free(n->v.value[i].subject);
		free(n->v.value[i].data);
	}
	for (i = 0; i < n->v.watches; i++) {
		natsSubscription_Destroy(n->v.watch[i].sub);
		free(n->v.watch[i].key);
		free(n->v.watch[i].subject);
	}
	free(n->v.value);
	free(n->v.watch);
	kvStore_Destroy(n->v.kv);
}

#endif
