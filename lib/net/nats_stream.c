/*
 * nats_stream.c - the stream: made, or one that is there and would not lose
 * messages.
 */
#include "base/hr.h"

#ifdef HAVE_NATS

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "net/nats_inside.h"

#define DUPLICATES_US	(120 * SECOND)

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
		return hr_hint(e, "nats stream edit %s %s", s,
		    c->MaxAge ? "--max-age=-1" : "--max-msgs-per-subject=-1");
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
	hr_nats_fail_status(n, e, s, "cannot make the stream");
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
		hr_nats_fail_status(n, e, s, "cannot look at the stream");
		return hr_within(e, "stream '%s'", n->stream);
	}
	r = check_stream(n, info->Config, e);
	n->limit = info->Config->MaxBytes;
	jsStreamInfo_Destroy(info);
	return r;
}

#endif
