/*
 * wire.c - messages between two hr-ship.
 *
 * What is said once is JSON, so that a later version can add to it; what is
 * said per frame is binary.
 */

#include "base/hr.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/lsn.h"
#include "net/wire.h"

void
hr_wire_encode(uint8_t *out, enum hr_wire_kind kind, uint32_t lane, uint32_t len)
{
	hr_set_u32le(out, len);
	hr_set_u32le(out + 4, (uint32_t)kind);
	hr_set_u32le(out + 8, lane);
}

static uint32_t
limit(uint8_t kind)
{
	switch (kind) {
	case HR_WIRE_DATA:
		return HR_WIRE_MOST;
	case HR_WIRE_CHECKPOINT:
		return HR_WIRE_FILE;
	case HR_WIRE_ACK:
	case HR_WIRE_PING:
	case HR_WIRE_PONG:
		return 8;
	case HR_WIRE_HELLO:
	case HR_WIRE_OPEN:
	case HR_WIRE_STAND:
	case HR_WIRE_DONE:
	case HR_WIRE_ERROR:
		return HR_WIRE_TALK;
	}
	return 0;
}

int
hr_wire_decode(struct hr_wire *m, const uint8_t *in, uint32_t most, struct hr_err *e)
{
	uint32_t kind = hr_get_u32le(in + 4), allowed = kind <= 0xff ? limit((uint8_t)kind) : 0;

	*m = (struct hr_wire){ .len = hr_get_u32le(in), .kind = (uint8_t)kind, .lane = hr_get_u32le(in + 8) };
	if (allowed == 0) {
		hr_fail(e, HR_BAD_STREAM, "the peer does not speak as hr-ship does");
		return hr_hint(e, "is it one, and does it use TLS if this one does?");
	}
	if (m->len > allowed || m->len > most)
		return hr_fail(e, HR_BAD_STREAM, "a message '%c' of %" PRIu32 " bytes is longer than one may be",
		    m->kind, m->len);
	if (allowed == 8 && m->len != 8)
		return hr_fail(e, HR_BAD_STREAM, "a message '%c' of %" PRIu32 " bytes", m->kind, m->len);
	return 0;
}

/* --- JSON, one object a message --- */

static json_t *
object(const struct hr_wire *m, struct hr_err *e)
{
	json_error_t je;
	json_t *o = json_loadb((const char *)m->data, m->len, JSON_REJECT_DUPLICATES, &je);

	if (json_is_object(o))
		return o;
	json_decref(o);
	hr_fail(e, HR_BAD_STREAM, "a message '%c' is not a JSON object", m->kind);
	return NULL;
}

static const char *
text_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

/* A number of 64 bits is a string: JSON's own have 53. */
static uint64_t
number_of(const json_t *o, const char *key)
{
	return strtoull(text_of(o, key), NULL, 10);
}

static void
put_text(struct hr_buf *out, const char *key, const char *value)
{
	hr_buf_printf(out, "%s\"%s\":", out->len ? "," : "", key);
	hr_json_string(out, value, strlen(value));
}

static void
put_number(struct hr_buf *out, const char *key, uint64_t value)
{
	hr_buf_printf(out, "%s\"%s\":\"%" PRIu64 "\"", out->len ? "," : "", key, value);
}

static void
put_bool(struct hr_buf *out, const char *key, bool value)
{
	hr_buf_printf(out, "%s\"%s\":%s", out->len ? "," : "", key, value ? "true" : "false");
}

static void
braces(struct hr_buf *out, struct hr_buf *in)
{
	hr_buf_u8(out, '{');
	hr_buf_put(out, in->data, in->len);
	hr_buf_u8(out, '}');
	hr_buf_clear(in);
}

void
hr_hello_encode(const struct hr_hello *h, struct hr_buf *out)
{
	struct hr_buf b = HR_BUF_INIT;

	hr_buf_printf(&b, "\"hr-ship\":%d", h->version);
	put_text(&b, "program", h->program);
	put_text(&b, "role", h->sender ? "sender" : "receiver");
	if (!h->sender)
		put_text(&b, "lanes", h->by_tenant ? "tenant" : "sender");
	braces(out, &b);
}

int
hr_hello_decode(struct hr_hello *h, const struct hr_wire *m, struct hr_err *e)
{
	json_t *o = object(m, e), *version;

	*h = (struct hr_hello){ 0 };
	if (o == NULL)
		return -1;
	version = json_object_get(o, "hr-ship");
	if (json_is_integer(version) && json_integer_value(version) >= 1 && json_integer_value(version) <= INT32_MAX)
		h->version = (int)json_integer_value(version);
	snprintf(h->program, sizeof(h->program), "%s", text_of(o, "program"));
	h->sender = strcmp(text_of(o, "role"), "sender") == 0;
	h->by_tenant = strcmp(text_of(o, "lanes"), "tenant") == 0;
	json_decref(o);
	if (h->version == 0)
		return hr_fail(e, HR_BAD_STREAM, "the peer does not say which version it speaks");
	return 0;
}

void
hr_lane_open_encode(const struct hr_lane_open *l, struct hr_buf *out)
{
	struct hr_buf b = HR_BUF_INIT;

	put_text(&b, "session", l->session);
	put_number(&b, "system", l->system);
	put_number(&b, "timeline", l->timeline);
	put_number(&b, "epoch", l->epoch);
	put_text(&b, "database", l->database ? l->database : "");
	put_text(&b, "slot", l->slot ? l->slot : "");
	if (l->tenant)
		put_text(&b, "tenant", l->tenant);
	if (l->again)
		put_bool(&b, "again", true);
	braces(out, &b);
}

int
hr_lane_open_decode(struct hr_lane_open *l, const struct hr_wire *m, struct hr_err *e)
{
	json_t *o = object(m, e);
	const char *session;

	if (o == NULL)
		return -1;
	session = text_of(o, "session");
	if (strlen(session) != HR_SESSION_SIZE - 1 || strspn(session, "0123456789abcdef") != HR_SESSION_SIZE - 1 ||
	    *text_of(o, "slot") == '\0' || (json_object_get(o, "tenant") && !json_is_string(json_object_get(o, "tenant"))) ||
	    strlen(text_of(o, "tenant")) > HR_TENANT_MAX) {
		json_decref(o);
		return hr_fail(e, HR_BAD_STREAM, "a lane is opened that does not say whose it is");
	}
	memcpy(l->session, session, HR_SESSION_SIZE);
	l->system = number_of(o, "system");
	l->timeline = (uint32_t)number_of(o, "timeline");
	l->epoch = number_of(o, "epoch");
	l->database = hr_strdup(text_of(o, "database"));
	l->slot = hr_strdup(text_of(o, "slot"));
	l->again = json_is_true(json_object_get(o, "again"));
	l->tenant = json_object_get(o, "tenant") ? hr_strdup(text_of(o, "tenant")) : NULL;
	json_decref(o);
	return 0;
}

void
hr_lane_open_clear(struct hr_lane_open *l)
{
	free(l->slot);
	free(l->database);
	free(l->tenant);
	*l = (struct hr_lane_open){ .tenant = NULL };
}

void
hr_lane_stand_encode(const struct hr_lane_stand *s, struct hr_buf *out)
{
	struct hr_buf b = HR_BUF_INIT;

	put_bool(&b, "fresh", s->fresh);
	put_number(&b, "place", s->place);
	put_number(&b, "frames", s->seen.frames);
	put_number(&b, "bytes", s->seen.bytes);
	put_number(&b, "sum", s->seen.crc);
	put_text(&b, "lsn", HR_LSN(s->lsn));
	put_bool(&b, "checkpoint", s->checkpoint);
	braces(out, &b);
}

int
hr_lane_stand_decode(struct hr_lane_stand *s, const struct hr_wire *m, struct hr_err *e)
{
	json_t *o = object(m, e);
	int rc;

	*s = (struct hr_lane_stand){ .fresh = true };
	if (o == NULL)
		return -1;
	s->fresh = !json_is_false(json_object_get(o, "fresh"));
	s->place = number_of(o, "place");
	s->seen = (struct hr_end){ number_of(o, "frames"), number_of(o, "bytes"), (uint32_t)number_of(o, "sum") };
	s->checkpoint = json_is_true(json_object_get(o, "checkpoint"));
	rc = hr_lsn_parse(text_of(o, "lsn"), &s->lsn);
	json_decref(o);
	return rc < 0 ? hr_fail(e, HR_BAD_STREAM, "the receiver does not say where it stands") : 0;
}

void
hr_wire_error_encode(const struct hr_err *why, struct hr_buf *out)
{
	struct hr_buf b = HR_BUF_INIT;

	put_number(&b, "code", (uint64_t)why->code);
	put_text(&b, "what", why->what);
	put_text(&b, "hint", why->hint);
	braces(out, &b);
}

int
hr_wire_error_decode(struct hr_err *why, const struct hr_wire *m, struct hr_err *e)
{
	static const enum hr_code known[] = { HR_OK, HR_USAGE, HR_BAD_STREAM, HR_MISSING, HR_INTERNAL, HR_IO,
	    HR_TEMPORARY, HR_REFUSED, HR_CONFIG };
	json_t *o = object(m, e);
	uint64_t code;
	size_t i;

	if (o == NULL)
		return -1;
	hr_err_clear(why);
	code = number_of(o, "code");
	why->code = HR_TEMPORARY;
	for (i = 0; i < HR_COUNT(known); i++)
		if (known[i] == code)
			why->code = known[i];
	snprintf(why->what, sizeof(why->what), "%s", text_of(o, "what"));
	snprintf(why->hint, sizeof(why->hint), "%s", text_of(o, "hint"));
	json_decref(o);
	return 0;
}
