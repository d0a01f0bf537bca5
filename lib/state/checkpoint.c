/* checkpoint.c - the positions, and the file they are kept in. */

#include "base/hr.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/lsn.h"
#include "state/checkpoint.h"

/* The file. */

static int
read_all(int fd, struct hr_buf *b, struct hr_err *e)
{
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) < 0)
		return hr_fail_sys(e, "cannot look at it");
	if (st.st_size <= HR_CHECKPOINT_MAX)
		hr_buf_grow(b, (size_t)st.st_size + 1);
	while (st.st_size <= HR_CHECKPOINT_MAX && b->len <= HR_CHECKPOINT_MAX) {
		hr_buf_need(b, 1);
		n = read(fd, b->data + b->len, b->cap - b->len);
		if (n == 0)
			return 0;
		if (n > 0)
			b->len += (size_t)n;
		else if (errno != EINTR)
			return hr_fail_sys(e, "cannot read it");
	}
	return hr_fail(e, HR_BAD_STREAM, "it is longer than %d MB", HR_CHECKPOINT_MAX >> 20);
}

int
hr_checkpoint_load(struct hr_checkpoint *c, const char *path, struct hr_err *e)
{
	struct hr_buf b = HR_BUF_INIT;
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc;

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return hr_fail_sys(e, "cannot open checkpoint '%s'", path);
	rc = read_all(fd, &b, e);
	if (rc == 0)
		rc = hr_checkpoint_decode(c, (const char *)b.data, b.len, e);
	if (rc < 0)
		hr_within(e, "cannot use checkpoint '%s'", path);
	close(fd);
	hr_buf_clear(&b);
	return rc < 0 ? -1 : 1;
}

/* A name that is there is left from a process that died: it was never renamed. */
static int
open_new(const char *path)
{
	int fd, tries;

	for (tries = 0; tries < 3; tries++) {
		fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
		if (fd >= 0 || errno != EEXIST || unlink(path) < 0)
			return fd;
	}
	return -1;
}

int
hr_checkpoint_save(const struct hr_checkpoint *c, const char *path, bool durable,
    struct hr_err *e)
{
	char *beside = hr_sprintf("%s.tmp.%ld", path, (long)getpid());
	struct hr_buf b = HR_BUF_INIT;
	int fd, rc = -1;

	hr_checkpoint_encode(c, &b);
	fd = open_new(beside);
	if (fd < 0) {
		hr_fail_sys(e, "cannot write checkpoint '%s'", path);
		goto out;
	}
	if (hr_file_write(fd, b.data, b.len) < 0 || (durable && fsync(fd) < 0)) {
		hr_fail_sys(e, "cannot write checkpoint '%s'", path);
		close(fd);
	} else if (close(fd) < 0 || rename(beside, path) < 0)
		hr_fail_sys(e, "cannot write checkpoint '%s'", path);
	else
		rc = 0;
	if (rc < 0)
		unlink(beside);
	else if (durable)
		rc = hr_file_sync_directory(path, e);
out:
	hr_buf_clear(&b);
	free(beside);
	return rc;
}

/* The tenants. */

/* How many names are before this one; *found when the next is this one. */
static size_t
place(const struct hr_checkpoint *c, const char *tenant, bool *found)
{
	size_t low = 0, high = c->tenants, mid;
	int order;

	*found = false;
	/* Names mostly come in their order. */
	if (high && strcmp(c->tenant[c->by_name[high - 1]].tenant, tenant) < 0)
		return high;
	while (low < high) {
		mid = low + (high - low) / 2;
		order = strcmp(c->tenant[c->by_name[mid]].tenant, tenant);
		if (order == 0) {
			*found = true;
			return mid;
		}
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

struct hr_tenant_position *
hr_checkpoint_tenant(struct hr_checkpoint *c, const char *tenant)
{
	struct hr_tenant_position *t;
	bool found;
	size_t at = place(c, tenant, &found);

	if (found)
		return &c->tenant[c->by_name[at]];
	if (c->tenants == c->room) {
		c->room = c->room ? c->room * 2 : 8;
		c->tenant = hr_realloc(c->tenant, c->room, sizeof(*c->tenant));
		c->by_name = hr_realloc(c->by_name, c->room, sizeof(*c->by_name));
	}
	memmove(c->by_name + at + 1, c->by_name + at, (c->tenants - at) * sizeof(*c->by_name));
	c->by_name[at] = (uint32_t)c->tenants;
	t = &c->tenant[c->tenants++];
	memset(t, 0, sizeof(*t));
	t->tenant = hr_strdup(tenant);
	return t;
}

/* The room is the count's next power of two, and is not written down. */
void
hr_checkpoint_table(struct hr_tenant_position *t, const char *table, hr_lsn lsn)
{
	size_t low = 0, high = t->tables, mid;
	int order;

	if (high && strcmp(t->table[high - 1].table, table) < 0)
		low = high;
	while (low < high) {
		mid = low + (high - low) / 2;
		order = strcmp(t->table[mid].table, table);
		if (order == 0) {
			t->table[mid].lsn = lsn;
			return;
		}
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	if ((t->tables & (t->tables - 1)) == 0)
		t->table = hr_realloc(t->table, t->tables ? t->tables * 2 : 1, sizeof(*t->table));
	memmove(t->table + low + 1, t->table + low, (t->tables - low) * sizeof(*t->table));
	t->table[low] = (struct hr_table_position){ hr_strdup(table), lsn };
	t->tables++;
}

/* The room is as that of tables. */
void
hr_checkpoint_part(struct hr_checkpoint *c, const struct hr_copied_part *part)
{
	if ((c->parts & (c->parts - 1)) == 0)
		c->part = hr_realloc(c->part, c->parts ? c->parts * 2 : 1, sizeof(*c->part));
	c->part[c->parts] = *part;
	c->part[c->parts++].table = hr_strdup(part->table);
}

const struct hr_tenant_position *
hr_checkpoint_find(const struct hr_checkpoint *c, const char *tenant)
{
	bool found;
	size_t at = place(c, tenant, &found);

	return found ? &c->tenant[c->by_name[at]] : NULL;
}

hr_lsn
hr_checkpoint_reached(const struct hr_checkpoint *c, const struct hr_tenant_position *t)
{
	return t->state == HR_STATE_STREAMING && c->lsn > t->lsn ? c->lsn : t->lsn;
}

bool
hr_checkpoint_is_of(const struct hr_checkpoint *c, uint64_t system, const char *slot)
{
	return c->system == system && c->stream && strcmp(c->stream, slot) == 0;
}

hr_lsn
hr_checkpoint_durable(const struct hr_checkpoint *c, const char *tenant)
{
	const struct hr_tenant_position *t = tenant ? hr_checkpoint_find(c, tenant) : NULL;

	if (c->state != HR_STATE_STREAMING)
		return 0;
	return t ? hr_checkpoint_reached(c, t) : c->lsn;
}

/* No tenant is behind the stream: one that is taken back takes the stream with it. */
int
hr_checkpoint_move(struct hr_checkpoint *c, const char *tenant, hr_lsn lsn, bool forward,
    struct hr_err *e)
{
	const struct hr_tenant_position *t = tenant ? hr_checkpoint_find(c, tenant) : NULL;
	hr_lsn now = t ? hr_checkpoint_reached(c, t) : tenant ? 0 : c->lsn;

	if (lsn > now && !forward)
		return hr_fail(e, HR_REFUSED, "cannot raise %s to %s: "
		    "the source would forget what the target may not have",
		    HR_LSN(now), HR_LSN(lsn));
	if (tenant)
		hr_checkpoint_tenant(c, tenant)->lsn = lsn;
	if (tenant == NULL || lsn < c->lsn)
		c->lsn = lsn;
	return 0;
}

void
hr_checkpoint_clear(struct hr_checkpoint *c)
{
	size_t i, j;

	for (i = 0; i < c->tenants; i++) {
		struct hr_tenant_position *t = &c->tenant[i];

		for (j = 0; j < t->tables; j++)
			free(t->table[j].table);
		free(t->table);
		free(t->tenant);
		free(t->reason);
	}
	for (i = 0; i < c->parts; i++)
		free(c->part[i].table);
	free(c->part);
	free(c->tenant);
	free(c->by_name);
	free(c->stream);
	free(c->database);
	memset(c, 0, sizeof(*c));
}
