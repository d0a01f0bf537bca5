/* head.c - the head frame's JSON, through jansson. */

#include "base/hr.h"

#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/lsn.h"
#include "stream/frame.h"
#include "stream/head.h"

static json_t *
list(char *const *word, size_t n)
{
	json_t *a = json_array();
	size_t i;

	for (i = 0; i < n; i++)
		json_array_append_new(a, json_string(word[i]));
	return a;
}

void
hr_head_encode(const struct hr_head *h, struct hr_buf *out)
{
	json_t *o = json_object();
	char number[24];
	char *text;

	json_object_set_new(o, "version", json_integer(h->version));
	snprintf(number, sizeof(number), "%" PRIu64, h->system);
	json_object_set_new(o, "system", json_string(number));
	json_object_set_new(o, "timeline", json_integer(h->timeline));
	json_object_set_new(o, "timeline_begin", json_string(HR_LSN(h->timeline_begin)));
	json_object_set_new(o, "database", json_string(h->database ? h->database : ""));
	json_object_set_new(o, "slot", json_string(h->slot ? h->slot : ""));
	json_object_set_new(o, "publication", json_string(h->publication ? h->publication : ""));
	json_object_set_new(o, "epoch", json_integer((json_int_t)h->epoch));
	json_object_set_new(o, "start", json_string(HR_LSN(h->start)));
	json_object_set_new(o, "server_version", json_integer(h->server_version));
	json_object_set_new(o, "encoding", json_string(h->encoding ? h->encoding : "UTF8"));
	if (h->created)
		json_object_set_new(o, "created", json_string(h->created));
	if (h->tenants)
		json_object_set_new(o, "tenants", list(h->tenant, h->tenants));
	if (h->copy)
		json_object_set_new(o, "copy", json_string(h->copy));
	if (h->asks)
		json_object_set_new(o, "asked", list(h->asked, h->asks));
	json_object_set_new(o, "via", list(h->via, h->vias));
	text = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	if (text)
		hr_buf_puts(out, text);
	free(text);
}

static char *
string(const json_t *o, const char *key)
{
	return hr_strdup(json_string_value(json_object_get(o, key)));
}

/* A list of strings; true when it is absent or right. */
static bool
strings(const json_t *o, const char *key, char ***word, size_t *n)
{
	const json_t *a = json_object_get(o, key);
	size_t i;

	if (a == NULL)
		return true;
	if (!json_is_array(a))
		return false;
	*word = hr_zalloc((json_array_size(a) + 1) * sizeof(**word));
	for (i = 0; i < json_array_size(a); i++) {
		const char *s = json_string_value(json_array_get(a, i));

		if (s == NULL)
			return false;
		(*word)[(*n)++] = hr_strdup(s);
	}
	return true;
}

/* From 0 to most; -1 when it is absent or something else. */
static int64_t
number(const json_t *o, const char *key, int64_t most)
{
	const json_t *v = json_object_get(o, key);

	return json_is_integer(v) && json_integer_value(v) >= 0 &&
	    json_integer_value(v) <= most ? json_integer_value(v) : -1;
}

static bool
position(const json_t *o, const char *key, hr_lsn *lsn)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s != NULL && hr_lsn_parse(s, lsn) == 0;
}

int
hr_head_decode(struct hr_head *h, const uint8_t *data, size_t len, struct hr_err *e)
{
	json_error_t why;
	json_t *o = json_loadb((const char *)data, len, JSON_REJECT_DUPLICATES, &why);
	const char *system, *missing = NULL;
	char *end;

	if (!json_is_object(o)) {
		hr_fail(e, HR_BAD_STREAM, "the stream's head is not a JSON object: %s",
		    o ? "it is another value" : why.text);
		json_decref(o);
		return -1;
	}
	h->version = (int)number(o, "version", INT_MAX);
	h->timeline = (uint32_t)number(o, "timeline", UINT32_MAX);
	h->epoch = (uint64_t)number(o, "epoch", INT64_MAX);
	h->server_version = (int)number(o, "server_version", INT_MAX);
	h->database = string(o, "database");
	h->slot = string(o, "slot");
	h->publication = string(o, "publication");
	h->encoding = string(o, "encoding");
	h->created = string(o, "created");
	h->copy = string(o, "copy");
	if ((system = json_string_value(json_object_get(o, "system"))) == NULL ||
	    *system < '0' || *system > '9' ||
	    (errno = 0, h->system = strtoull(system, &end, 10), *end || errno))
		missing = "system";
	else if (!position(o, "start", &h->start))
		missing = "start";
	else if (!position(o, "timeline_begin", &h->timeline_begin))
		missing = "timeline_begin";
	else if (h->database == NULL)
		missing = "database";
	else if (h->slot == NULL || h->slot[0] == '\0')
		missing = "slot";
	else if (number(o, "epoch", INT64_MAX) < 0)
		missing = "epoch";
	else if (!strings(o, "tenants", &h->tenant, &h->tenants))
		missing = "tenants";
	else if (!strings(o, "asked", &h->asked, &h->asks))
		missing = "asked";
	else if (!strings(o, "via", &h->via, &h->vias))
		missing = "via";
	json_decref(o);
	if (h->version < 1 || h->version > HR_STREAM_VERSION)
		return hr_fail(e, HR_BAD_STREAM, "the stream's version is %d, this program reads %d",
		    h->version, HR_STREAM_VERSION),
		    hr_hint(e, "use the same release of hr at both ends");
	if (missing)
		return hr_fail(e, HR_BAD_STREAM, "the stream's head has no valid '%s'", missing);
	return 0;
}

static void
free_list(char **word, size_t n)
{
	while (n)
		free(word[--n]);
	free(word);
}

void
hr_head_clear(struct hr_head *h)
{
	free(h->database);
	free(h->slot);
	free(h->publication);
	free(h->encoding);
	free(h->created);
	free(h->copy);
	free_list(h->tenant, h->tenants);
	free_list(h->asked, h->asks);
	free_list(h->via, h->vias);
	*h = (struct hr_head)HR_HEAD_INIT;
}
