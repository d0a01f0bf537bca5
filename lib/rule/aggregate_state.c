/*
 * aggregate_state.c - the state in a file.
 *
 *	magic, u32 version, u64 fingerprint of the rules, u64 lsn, u64 forgotten,
 *	i64 time, u64 late rows, u64 rows without a time, u32 CRC-32C so far;
 *	the groups (groups_file.c);
 *	u64 how many, u32 CRC-32C of all before it
 *
 * The checksum is looked at before anything is taken from it: what is found to
 * be wrong afterwards was written so.
 */

#include "base/hr.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/crc32c.h"
#include "base/file.h"
#include "rule/aggregate.h"

#define VERSION		1
#define MAGIC		"\211HRA\r\n\032\n"
#define HEAD		(8 + 4 + 6 * 8 + 4)
#define TAIL		(8 + 4)

/* --- save --- */

struct file {
	int fd;
	const char *path;
	uint32_t crc;
};

static int
put(void *arg, const void *data, size_t n, struct hr_err *e)
{
	struct file *f = arg;

	f->crc = hr_crc32c(f->crc, data, n);
	return hr_file_write(f->fd, data, n) < 0 ? hr_fail_sys(e, "cannot write '%s'", f->path) : 0;
}

static void
put_head(const struct hr_aggregate *a, struct hr_buf *b)
{
	hr_buf_put(b, MAGIC, 8);
	hr_buf_u32le(b, VERSION);
	hr_buf_u64le(b, a->plan.fingerprint);
	hr_buf_u64le(b, a->lsn);
	hr_buf_u64le(b, a->forgotten);
	hr_buf_u64le(b, (uint64_t)a->time);
	hr_buf_u64le(b, a->late_rows);
	hr_buf_u64le(b, a->timeless_rows);
	hr_buf_u32le(b, hr_crc32c(0, b->data, b->len));
}

static int
write_state(struct hr_aggregate *a, struct file *f, struct hr_err *e)
{
	struct hr_buf b = HR_BUF_INIT;
	int rc;

	put_head(a, &b);
	rc = put(f, b.data, b.len, e);
	if (rc == 0)
		rc = hr_groups_save(&a->groups, put, f, e);
	hr_buf_reset(&b);
	hr_buf_u64le(&b, a->groups.count);
	if (rc == 0)
		rc = put(f, b.data, b.len, e);
	hr_buf_reset(&b);
	hr_buf_u32le(&b, f->crc);
	if (rc == 0)
		rc = put(f, b.data, b.len, e);
	hr_buf_clear(&b);
	if (rc == 0 && fsync(f->fd) != 0)
		rc = hr_fail_sys(e, "cannot write '%s'", f->path);
	return rc;
}

int
hr_aggregate_save(struct hr_aggregate *a, const char *path, struct hr_err *e)
{
	char *beside = hr_sprintf("%s.new", path);
	struct file f = { .path = beside };
	int rc;

	if (a->open) {
		free(beside);
		return hr_fail(e, HR_INTERNAL, "the state of an aggregation is saved beside its watermarks");
	}
	f.fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (f.fd < 0)
		rc = hr_fail_sys(e, "cannot write '%s'", beside);
	else
		rc = write_state(a, &f, e);
	if (f.fd >= 0 && close(f.fd) != 0 && rc == 0)
		rc = hr_fail_sys(e, "cannot write '%s'", beside);
	if (rc == 0 && rename(beside, path) != 0)
		rc = hr_fail_sys(e, "cannot rename '%s' to '%s'", beside, path);
	if (rc < 0 && f.fd >= 0)
		unlink(beside);
	if (rc == 0)
		rc = hr_file_sync_directory(path, e);
	free(beside);
	return rc;
}

/* --- load --- */

static int
damaged(const char *name, struct hr_err *e)
{
	hr_fail(e, HR_IO, "'%s' is not whole: no aggregation's state, or cut or changed", name);
	return hr_hint(e, "put back a copy of it, or remove it and begin with a copy of the table");
}

/* Is it whole, and of these rules?  0, or -1 with *e set. */
static int
check(const struct hr_aggregate *a, const char *name, const uint8_t *data, size_t n, struct hr_err *e)
{
	uint32_t version;

	if (n < HEAD + TAIL || memcmp(data, MAGIC, 8) != 0 ||
	    hr_get_u32le(data + HEAD - 4) != hr_crc32c(0, data, HEAD - 4) ||
	    hr_get_u32le(data + n - 4) != hr_crc32c(0, data, n - 4))
		return damaged(name, e);
	version = hr_get_u32le(data + 8);
	if (version != VERSION)
		return hr_fail(e, HR_CONFIG, "'%s' has version %" PRIu32 " of an aggregation's state, and this is %d",
		    name, version, VERSION);
	if (hr_get_u64le(data + 12) != a->plan.fingerprint) {
		hr_fail(e, HR_CONFIG, "'%s' is of other rules, or of a table that was another, than the aggregation into "
		    "'%s.%s'", name, a->plan.relation->schema, a->plan.relation->name);
		return hr_hint(e, "put the rules back, or remove it and begin with a copy of the table");
	}
	return 0;
}

static int
load_groups(struct hr_aggregate *a, const char *name, const uint8_t *at, const uint8_t *end, struct hr_err *e)
{
	struct hr_group *g;
	ssize_t took;

	for (; at < end; at += took) {
		took = hr_groups_load(&a->groups, at, (size_t)(end - at), &g, e);
		if (took < 0)
			return -1;
		if (took == 0 || !hr_summary_key_valid(&a->plan, hr_group_key(&a->groups, g), g->key_len))
			return damaged(name, e);
		hr_groups_touch(&a->groups, g);
		hr_aggregate_mark(a, g, g->due != HR_TIME_NEVER);
	}
	return a->groups.count == hr_get_u64le(end) ? 0 : damaged(name, e);
}

static void
empty(struct hr_aggregate *a)
{
	hr_groups_clear(&a->groups);
	a->lsn = a->reached = a->forgotten = 0;
	a->time = HR_TIME_NOW;
	a->late_rows = a->timeless_rows = 0;
}

int
hr_aggregate_decode(struct hr_aggregate *a, const char *name, const uint8_t *data, size_t n, struct hr_err *e)
{
	if (check(a, name, data, n, e) < 0)
		return -1;
	empty(a);
	a->lsn = a->reached = hr_get_u64le(data + 20);
	a->forgotten = hr_get_u64le(data + 28);
	a->time = (int64_t)hr_get_u64le(data + 36);
	a->late_rows = hr_get_u64le(data + 44);
	a->timeless_rows = hr_get_u64le(data + 52);
	if (load_groups(a, name, data + HEAD, data + n - TAIL, e) == 0)
		return 0;
	empty(a);
	return -1;
}

int
hr_aggregate_load(struct hr_aggregate *a, const char *path, struct hr_err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc;
	void *data = MAP_FAILED;
	struct stat st;

	if (fd < 0)
		return errno == ENOENT ? 0 : hr_fail_sys(e, "cannot read '%s'", path);
	if (fstat(fd, &st) != 0)
		rc = hr_fail_sys(e, "cannot read '%s'", path);
	else if (st.st_size == 0)
		rc = damaged(path, e);
	else if ((data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0)) == MAP_FAILED)
		rc = hr_fail_sys(e, "cannot read '%s'", path);
	else
		rc = hr_aggregate_decode(a, path, data, (size_t)st.st_size, e);
	if (data != MAP_FAILED)
		munmap(data, (size_t)st.st_size);
	close(fd);
	return rc < 0 ? -1 : 1;
}
