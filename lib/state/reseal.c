/* reseal.c - segments under an older key, or none, are written again. */

#include "base/hr.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "state/chain.h"
#include "state/chain_position.h"
#include "state/reseal.h"
#include "state/segment.h"

struct reseal {
	const struct hr_reseal_options *o;
	struct hr_keyring *keys;
	FILE *out;
};

/* What was found in a log. */
struct found {
	char *log;			/* its name, as its segments have it */
	char key_id[HR_KEYRING_ID + 1];
	size_t segments, done;
	uint64_t bytes;
};

/* All records that are good, and the end if it had ended.  What was cut behind them was never a record. */
static int
copy_records(struct hr_segment_reader *r, struct hr_segment_writer *w, struct hr_err *e)
{
	int more;

	while ((more = hr_segment_next(r, e)) > 0)
		if (hr_segment_append_again(w, r->kind, r->place, r->data, r->len, r->name, e) < 0)
			return -1;
	if (more < 0)
		return -1;
	return r->tail == HR_SEGMENT_ENDED ? hr_segment_end_again(w, r->mark.name, e) : hr_segment_sync(w, e);
}

/* Who could read the old one, and no other, can read the new one: root may seal what is another user's. */
static int
same_owner(const struct hr_segment_reader *r, const struct hr_segment_writer *w, struct hr_err *e)
{
	struct stat was, is;

	if (fstat(r->fd, &was) < 0 || fstat(w->fd, &is) < 0 ||
	    ((was.st_uid != is.st_uid || was.st_gid != is.st_gid) && fchown(w->fd, was.st_uid, was.st_gid) < 0) ||
	    ((was.st_mode ^ is.st_mode) & 0777 && fchmod(w->fd, was.st_mode & 0777) < 0))
		return hr_fail_sys(e, "cannot give '%s' the owner and the mode of '%s'", w->path, r->path);
	return 0;
}

/* The segment, written beside, takes its place. */
static int
write_again(struct reseal *s, struct hr_segment_reader *r, const char *path, const char *beside, struct found *f,
    struct hr_err *e)
{
	struct hr_segment_writer w = HR_SEGMENT_WRITER_INIT;
	int rc = hr_segment_create_again(&w, beside, s->keys, &r->head, e);

	if (rc < 0)
		return -1;
	if (same_owner(r, &w, e) < 0 || copy_records(r, &w, e) < 0)
		rc = -1;
	else if (fsync(w.fd) < 0)	/* the owner and the mode too */
		rc = hr_fail_sys(e, "cannot sync segment '%s'", beside);
	else if (rename(beside, path) < 0)
		rc = hr_fail_sys(e, "cannot put '%s' in the place of '%s'", beside, path);
	else
		rc = hr_file_sync_directory(path, e);
	if (rc < 0)
		unlink(beside);
	f->done += rc == 0;
	f->bytes += rc == 0 ? hr_segment_bytes(&w) : 0;
	memcpy(f->key_id, w.head.key_id, sizeof(f->key_id));
	hr_segment_writer_close(&w);
	return rc;
}

static int
one_segment(struct reseal *s, const char *path, const char *beside, struct found *f, struct hr_err *e)
{
	struct hr_segment_reader r;
	struct stat st;
	int rc = 0;

	if (hr_segment_open(&r, path, s->keys, e) < 0) {
		/* A crash cut it before it had a record: nobody reads it. */
		if (e->code != HR_BAD_STREAM || r.tail == HR_SEGMENT_OPEN)
			return -1;
		hr_err_clear(e);
		return 0;
	}
	f->segments++;
	if (f->log == NULL)
		f->log = hr_strdup(r.head.log);
	if (!s->o->all && r.head.sealed && hr_keyring_is_current(s->keys, r.head.log, r.head.key_id, r.head.wrapped))
		memcpy(f->key_id, r.head.key_id, sizeof(f->key_id));
	else if (!s->o->dry_run)
		rc = write_again(s, &r, path, beside, f, e);
	else if (fstat(r.fd, &st) == 0) {
		f->done++;
		f->bytes += (uint64_t)st.st_size;
	}
	hr_segment_reader_close(&r);
	return rc;
}

static void
report(const struct reseal *s, const struct hr_chain *c, const struct found *f)
{
	fprintf(s->out, "%s %s: ", c->stream, c->name);
	if (*f->log)
		fprintf(s->out, "tenant '%s'", f->log);
	else
		fputs("the shared log", s->out);
	fprintf(s->out, ": %zu of %zu segments %ssealed", f->done, f->segments, s->o->dry_run ? "would be " : "");
	if (*f->key_id)
		fprintf(s->out, " with key '%s'", f->key_id);
	fprintf(s->out, ", %" PRIu64 " bytes\n", f->bytes);
	fflush(s->out);
}

static int
one_log(struct reseal *s, const struct hr_chain *c, const char *log, struct hr_err *e)
{
	char *beside = hr_sprintf("%s/.reseal", log), *path;
	struct found f = { .log = NULL };
	uint64_t *number = NULL;
	size_t n = 0, i;
	int rc = 0;

	/* A run that was killed has left it. */
	if (!s->o->dry_run && unlink(beside) < 0 && errno != ENOENT && errno != ENOTDIR)
		rc = hr_fail_sys(e, "cannot remove '%s'", beside);
	if (rc == 0)
		rc = hr_chain_segments_in(log, &number, &n, e);
	/* From the newest on: what is not sealed never comes after what is. */
	for (i = n; rc == 0 && i-- > 0; ) {
		path = hr_sprintf("%s/" HR_CHAIN_DIGITS, log, number[i]);
		rc = one_segment(s, path, beside, &f, e);
		free(path);
	}
	if (f.log)
		report(s, c, &f);
	free(f.log);
	free(number);
	free(beside);
	return rc;
}

/* The shared log comes last: what it names has to be sealed when it is. */
static int
one_chain(struct reseal *s, const struct hr_chain *c, struct hr_err *e)
{
	char **log;
	size_t n, i;
	int rc = hr_chain_logs(c, &log, &n, e);

	for (i = 0; i < n; i++) {
		if (rc == 0)
			rc = one_log(s, c, log[i], e);
		free(log[i]);
	}
	free(log);
	if (rc == 0 && !s->o->dry_run)
		rc = hr_chain_position_reseal(c, s->keys, e);
	return rc;
}

/* What it has is asked for again when nobody writes it any more. */
static int
one_stream(struct reseal *s, const char *dir, const char *stream, struct hr_err *e)
{
	struct hr_chain *list = NULL;
	size_t n = 0, i;
	int lock, rc = hr_chain_lock(dir, stream, &lock, e);

	if (rc == 0)
		rc = hr_chain_list(dir, stream, &list, &n, e);
	for (i = 0; rc == 0 && i < n; i++)
		rc = one_chain(s, &list[i], e);
	hr_chain_list_free(list, n);
	if (lock >= 0)
		close(lock);
	return rc;
}

int
hr_reseal(const char *dir, const char *stream, struct hr_keyring *keys, const struct hr_reseal_options *o, FILE *out,
    struct hr_err *e)
{
	struct reseal s = { o, keys, out };
	struct hr_chain *list = NULL;
	size_t n = 0, i;
	int rc = hr_chain_list(dir, stream, &list, &n, e);

	if (rc == 0 && n == 0)
		rc = hr_fail(e, HR_REFUSED, stream ? "'%s' has no chain of stream '%s'" : "'%s' has no chain", dir, stream);
	for (i = 0; rc == 0 && i < n; i++)
		if (i == 0 || strcmp(list[i].stream, list[i - 1].stream) != 0)
			rc = one_stream(&s, dir, list[i].stream, e);
	hr_chain_list_free(list, n);
	return rc;
}
