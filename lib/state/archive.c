/*
 * archive.c - list, verify, expire.
 *
 * A chain is the unit: a first copy and all that followed it.  To restore to a
 * time the newest chain is needed whose copy had ended by then; what is older
 * than that may go.
 */

#include "base/hr.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/lsn.h"
#include "state/archive.h"
#include "state/chain_read.h"

static void
measure(struct hr_archive_chain *a)
{
	struct hr_err e = HR_ERR_INIT;
	char **tenant, *path;
	uint64_t *number;
	size_t i, k, n;
	struct stat st;

	if (hr_chain_tenants(&a->chain, &tenant, &a->tenants, &e) < 0)
		return;
	for (i = 0; i <= a->tenants; i++) {
		const char *name = i < a->tenants ? tenant[i] : "";

		if (hr_chain_segments(&a->chain, name, &number, &n, &e) < 0)
			n = 0;
		for (k = 0; k < n; k++) {
			path = hr_chain_segment(&a->chain, name, number[k]);
			if (stat(path, &st) == 0)
				a->bytes += (uint64_t)st.st_size;
			free(path);
		}
		a->segments += n;
		free(number);
	}
	for (i = 0; i < a->tenants; i++)
		free(tenant[i]);
	free(tenant);
}

/* From its beginning to its end, without opening what is in it. */
static int
look(struct hr_archive_chain *a, struct hr_keyring *keys, hr_chain_take *take, void *arg, struct hr_err *e)
{
	struct hr_chain_position p = { .segment = 0 };
	struct hr_err lost = HR_ERR_INIT;
	struct hr_chain_reader r;
	/* Before what it speaks of is read: a writer goes on meanwhile. */
	int known = hr_chain_position_load(&a->chain, &p, keys, &lost), more = hr_chain_read_open(&r, &a->chain, keys, NULL, e);

	if (more == 0) {
		a->full = r.head.copy != NULL;
		a->complete = !a->full;
		a->begun = r.shared.head.created;
		a->from = a->to = a->full ? 0 : r.lsn;
		while ((more = hr_chain_read_next(&r, UINT64_MAX, take, arg, e)) > 0) {
			a->bundles++;
			if (r.bundle.flags & HR_BUNDLE_COPIED)
				a->complete = true;
			if (!a->complete)
				continue;
			if (r.bundle.flags & HR_BUNDLE_WATERMARK)
				a->to = r.bundle.lsn;
			if (a->from == 0)
				a->from = r.bundle.lsn;
			if (r.bundle.time && (r.bundle.flags & HR_BUNDLE_COPIED) == 0) {
				if (a->from_time == 0)
					a->from_time = r.bundle.time;
				if (r.bundle.time > a->to_time)
					a->to_time = r.bundle.time;
			}
		}
	}
	if (more == 0 && known < 0) {
		*e = lost;
		more = -1;
	}
	if (more == 0 && known > 0)
		more = hr_chain_read_reaches(&r, &p, e);
	if (more == 0 && r.segment[0] != 1)
		more = hr_fail(e, HR_BAD_STREAM, "it begins with segment %" PRIu64 ": what was before it is missing", r.segment[0]);
	hr_chain_read_close(&r);
	return e->code ? -1 : more;
}

static int
look_at_all(const char *dir, const char *stream, struct hr_keyring *keys, hr_chain_take *take, void *arg,
    struct hr_archive_chain **list, size_t *n, struct hr_err *e)
{
	struct hr_chain *chain;
	size_t i;

	*list = NULL;
	*n = 0;
	if (hr_chain_list(dir, stream, &chain, n, e) < 0)
		return -1;
	*list = hr_zalloc((*n + 1) * sizeof(**list));
	for (i = 0; i < *n; i++) {
		struct hr_archive_chain *a = &(*list)[i];

		a->chain = chain[i];
		chain[i] = (struct hr_chain){ NULL, NULL, NULL };
		measure(a);
		a->broken = look(a, keys, take, arg, &a->why) < 0;
		/* Without the keys nothing can be said of any. */
		if (a->broken && a->why.code != HR_BAD_STREAM && e->code == 0)
			*e = a->why;
	}
	hr_chain_list_free(chain, *n);
	if (*n == 0)
		hr_fail(e, HR_REFUSED, stream ? "'%s' has no chain of stream '%s'" : "'%s' has no chain", dir, stream);
	return e->code ? -1 : 0;
}

int
hr_archive_look(const char *dir, const char *stream, struct hr_keyring *keys, struct hr_archive_chain **list, size_t *n,
    struct hr_err *e)
{
	return look_at_all(dir, stream, keys, NULL, NULL, list, n, e);
}

void
hr_archive_free(struct hr_archive_chain *list, size_t n)
{
	while (n)
		hr_chain_clear(&list[--n].chain);
	free(list);
}

/* The first that is broken, as the error of all. */
static int
first_broken(const struct hr_archive_chain *list, size_t n, struct hr_err *e)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (list[i].broken) {
			*e = list[i].why;
			return hr_within(e, "chain '%s' of stream '%s'", list[i].chain.name, list[i].chain.stream);
		}
	return 0;
}

static const char *
time_or_not(char *out, int64_t time)
{
	return time ? hr_time_format(out, time) : "-";
}

static const char *
kind_of(const struct hr_archive_chain *a)
{
	return a->broken ? "broken" : !a->full ? "log" : a->complete ? "full" : "cut";
}

static void
print_json(const struct hr_archive_chain *a, FILE *out)
{
	char from[HR_TIME_TEXT], to[HR_TIME_TEXT];
	struct hr_buf b = HR_BUF_INIT;

	hr_buf_puts(&b, "{\"stream\":");
	hr_json_string(&b, a->chain.stream, strlen(a->chain.stream));
	hr_buf_printf(&b, ",\"chain\":\"%s\",\"kind\":\"%s\",\"from\":\"%s\",\"to\":\"%s\"", a->chain.name, kind_of(a),
	    HR_LSN(a->from), HR_LSN(a->to));
	if (a->to_time)
		hr_buf_printf(&b, ",\"from_time\":\"%s\",\"to_time\":\"%s\"", hr_time_format(from, a->from_time),
		    hr_time_format(to, a->to_time));
	hr_buf_printf(&b, ",\"tenants\":%zu,\"segments\":%zu,\"bundles\":%" PRIu64 ",\"bytes\":%" PRIu64 "}\n", a->tenants,
	    a->segments, a->bundles, a->bytes);
	fwrite(b.data, 1, b.len, out);
	hr_buf_clear(&b);
}

int
hr_archive_list(const char *dir, const char *stream, struct hr_keyring *keys, bool json, FILE *out, struct hr_err *e)
{
	struct hr_archive_chain *list;
	char from[HR_TIME_TEXT], to[HR_TIME_TEXT];
	size_t n, i;
	int rc = hr_archive_look(dir, stream, keys, &list, &n, e);

	if (rc == 0 && !json)
		fprintf(out, "%-16s %-23s %-6s %-14s %-14s %-27s %-27s %8s %12s\n", "stream", "chain", "kind", "from", "to",
		    "first commit", "last commit", "tenants", "bytes");
	for (i = 0; rc == 0 && i < n; i++) {
		const struct hr_archive_chain *a = &list[i];

		if (json)
			print_json(a, out);
		else
			fprintf(out, "%-16s %-23s %-6s %-14s %-14s %-27s %-27s %8zu %12" PRIu64 "\n", a->chain.stream,
			    a->chain.name, kind_of(a), HR_LSN(a->from), HR_LSN(a->to), time_or_not(from, a->from_time),
			    time_or_not(to, a->to_time), a->tenants, a->bytes);
	}
	if (rc == 0)
		rc = first_broken(list, n, e);
	hr_archive_free(list, n);
	return rc;
}

/* --- verify --- */

static int
count(void *frames, const struct hr_frame *f, struct hr_err *e)
{
	(void)f, (void)e;
	++*(uint64_t *)frames;
	return 0;
}

/* Every record of a log, also those that nobody names any more. */
static int
verify_log(const struct hr_chain *c, const char *tenant, struct hr_keyring *keys, struct hr_err *e)
{
	struct hr_segment_reader r;
	uint64_t *number;
	size_t n, i;
	int more = hr_chain_segments(c, tenant, &number, &n, e);

	for (i = 0; more >= 0 && i < n; i++) {
		char *path = hr_chain_segment(c, tenant, number[i]);

		r = (struct hr_segment_reader)HR_SEGMENT_READER_INIT;
		more = hr_segment_open(&r, path, keys, e);
		while (more >= 0 && (more = hr_segment_next(&r, e)) > 0)
			;
		/* A crash leaves a segment cut, and another one follows; what is named of it was read already. */
		if (more < 0 && e->code == HR_BAD_STREAM && r.fd < 0 && r.tail != HR_SEGMENT_OPEN) {
			hr_err_clear(e);
			more = 0;
		}
		if (more < 0)
			hr_within(e, "%s", path);
		hr_segment_reader_close(&r);
		free(path);
	}
	free(number);
	return more;
}

static int
verify_logs(const struct hr_chain *c, struct hr_keyring *keys, struct hr_err *e)
{
	char **tenant;
	size_t n, i;
	int rc = hr_chain_tenants(c, &tenant, &n, e);

	if (rc == 0)
		rc = verify_log(c, "", keys, e);
	for (i = 0; i < n; i++) {
		if (rc == 0)
			rc = verify_log(c, tenant[i], keys, e);
		free(tenant[i]);
	}
	free(tenant);
	return rc;
}

int
hr_archive_verify(const char *dir, const char *stream, struct hr_keyring *keys, FILE *out, struct hr_err *e)
{
	struct hr_archive_chain *list;
	uint64_t frames = 0;
	size_t n, i;
	int rc = look_at_all(dir, stream, keys, count, &frames, &list, &n, e);

	for (i = 0; rc == 0 && i < n; i++) {
		struct hr_archive_chain *a = &list[i];

		if (!a->broken)
			a->broken = verify_logs(&a->chain, keys, &a->why) < 0;
		fprintf(out, "%s %s: %s, %" PRIu64 " bundles, %zu segments, %" PRIu64 " bytes\n", a->chain.stream, a->chain.name,
		    a->broken ? "BROKEN" : a->complete ? "good" : "good, its first copy was cut", a->bundles, a->segments,
		    a->bytes);
	}
	if (rc == 0)
		rc = first_broken(list, n, e);
	hr_archive_free(list, n);
	return rc;
}

/* --- expire --- */

/* Nobody keeps the stream meanwhile, or: it is being kept, and its newest chain is not touched anyway. */
static int
remove_chain(const struct hr_archive_chain *a, const struct hr_archive_retention *r, FILE *out, struct hr_err *e)
{
	if (!r->dry_run && hr_chain_remove(&a->chain, e) < 0)
		return -1;
	fprintf(out, "%s %s: %s, %" PRIu64 " bytes\n", a->chain.stream, a->chain.name,
	    r->dry_run ? "would be removed" : "removed", a->bytes);
	return 0;
}

/* Nothing is removed for the sake of a chain that cannot be restored from: each is read once. */
static bool
holds(struct hr_archive_chain *a, bool *read, struct hr_keyring *keys)
{
	uint64_t frames = 0;
	struct hr_archive_chain all = { .chain = a->chain };

	if (!*read && !a->broken && look(&all, keys, count, &frames, &a->why) < 0) {
		struct hr_err e = a->why;

		hr_within(&e, "chain '%s' of stream '%s' counts for nothing", a->chain.name, a->chain.stream);
		hr_log_err(HR_LOG_WARNING, &e);
		a->broken = true;
	}
	*read = true;
	return !a->broken;
}

int
hr_archive_expire(const char *dir, const char *stream, struct hr_keyring *keys, const struct hr_archive_retention *r,
    FILE *out, struct hr_err *e)
{
	struct hr_archive_chain *list;
	int64_t horizon = hr_now_pg_us() - r->keep_us;
	size_t n, i, k;
	int rc = hr_archive_look(dir, stream, keys, &list, &n, e);
	bool *read = hr_zalloc((n + 1) * sizeof(*read));

	/* From the oldest on, as long as what is behind it is enough. */
	for (i = 0; rc == 0 && i < n; i++) {
		size_t fulls = 0;
		bool reaches = false;

		for (k = i + 1; k < n; k++) {
			struct hr_archive_chain *a = &list[k];

			if (strcmp(a->chain.stream, list[i].chain.stream) != 0 || !a->full || !a->complete || !holds(a, &read[k], keys))
				continue;
			fulls++;
			/* Its copy had ended by its first commit behind it, or by now. */
			reaches |= (a->from_time ? a->from_time : hr_now_pg_us()) <= horizon;
		}
		if (fulls == 0 || (r->keep_full && fulls < r->keep_full) || (r->keep_us && !reaches))
			continue;
		rc = remove_chain(&list[i], r, out, e);
	}
	free(read);
	hr_archive_free(list, n);
	return rc;
}
