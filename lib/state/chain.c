/* chain.c - directories of a store. */

#include "base/hr.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/crc32c.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/hex.h"
#include "base/lsn.h"
#include "state/chain.h"

#define NAME_MOST	200		/* bytes of a file's name */
#define NEW		".new"		/* directory of a chain that has not begun */
#define GONE		".gone."	/* and, its name behind it, of one that is being removed */

void
hr_chain_escape(struct hr_buf *b, const char *name)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
	size_t begin = b->len;
	const char *s;

	for (s = name; *s; s++)
		/* A dot is as good, but at the beginning. */
		if (strchr(plain, *s) || (*s == '.' && s > name))
			hr_buf_u8(b, (uint8_t)*s);
		else
			hr_buf_printf(b, "%%%02X", (uint8_t)*s);
	if (b->len - begin > NAME_MOST) {
		/* Its segments' heads have it whole. */
		b->len = begin + NAME_MOST - 20;
		hr_buf_printf(b, "%%%016" PRIx64, hr_hash(name, strlen(name)));
	}
}

/* What an escaped name was, if it was not too long for one. */
static char *
unescape(const char *s)
{
	struct hr_buf b = HR_BUF_INIT;
	uint8_t byte;

	for (; *s; s++)
		if (*s == '%' && s[1] && s[2] && hr_hex_get(&byte, (const uint8_t *)s + 1, 2)) {
			hr_buf_u8(&b, byte);
			s += 2;
		} else
			hr_buf_u8(&b, (uint8_t)*s);
	hr_buf_u8(&b, 0);
	return (char *)hr_buf_take(&b, NULL);
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The entries of a directory, sorted; none when it is not there.  Gives. */
static int
entries(const char *dir, char ***name, size_t *n, struct hr_err *e)
{
	DIR *d = opendir(dir);
	struct dirent *at;
	size_t cap = 0;

	*name = NULL;
	*n = 0;
	if (d == NULL && errno == ENOENT)
		return 0;
	if (d == NULL)
		return hr_fail_sys(e, "cannot read the directory '%s'", dir);
	while ((at = readdir(d)))
		if (at->d_name[0] != '.') {
			HR_GROW(*name, *n, cap);
			(*name)[(*n)++] = hr_strdup(at->d_name);
		}
	closedir(d);
	if (*n)
		qsort(*name, *n, sizeof(**name), by_name);
	return 0;
}

static void
free_names(char **name, size_t n)
{
	while (n)
		free(name[--n]);
	free(name);
}

static bool
is_directory(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static int
list_stream(const char *dir, const char *escaped, struct hr_chain **list, size_t *n, size_t *cap, struct hr_err *e)
{
	char *path = hr_sprintf("%s/%s", dir, escaped), **name, *chain;
	size_t names, i;
	int rc = entries(path, &name, &names, e);

	for (i = 0; rc == 0 && i < names; i++) {
		chain = hr_sprintf("%s/%s", path, name[i]);
		if (name[i][0] >= '0' && name[i][0] <= '9' && is_directory(chain)) {
			HR_GROW(*list, *n, *cap);
			(*list)[(*n)++] = (struct hr_chain){ unescape(escaped), hr_strdup(name[i]), chain };
		} else
			free(chain);
	}
	free_names(name, names);
	free(path);
	return rc;
}

int
hr_chain_list(const char *dir, const char *stream, struct hr_chain **list, size_t *n, struct hr_err *e)
{
	struct hr_buf b = HR_BUF_INIT;
	size_t cap = 0, names = 0, i;
	char **name = NULL;
	int rc = 0;

	*list = NULL;
	*n = 0;
	if (stream) {
		hr_chain_escape(&b, stream);
		rc = list_stream(dir, hr_buf_text(&b), list, n, &cap, e);
		hr_buf_clear(&b);
		return rc;
	}
	rc = entries(dir, &name, &names, e);
	for (i = 0; rc == 0 && i < names; i++) {
		char *path = hr_sprintf("%s/%s", dir, name[i]);

		if (is_directory(path))
			rc = list_stream(dir, name[i], list, n, &cap, e);
		free(path);
	}
	free_names(name, names);
	return rc;
}

void
hr_chain_clear(struct hr_chain *c)
{
	free(c->stream);
	free(c->name);
	free(c->dir);
	*c = (struct hr_chain){ NULL, NULL, NULL };
}

void
hr_chain_list_free(struct hr_chain *list, size_t n)
{
	while (n)
		hr_chain_clear(&list[--n]);
	free(list);
}

int
hr_chain_only(const struct hr_chain *list, size_t n, const char *dir, const char **stream, struct hr_err *e)
{
	size_t i;

	if (*stream)
		return 0;
	for (i = 0; i < n; i++) {
		if (*stream && strcmp(*stream, list[i].stream) != 0) {
			hr_fail(e, HR_USAGE, "'%s' has several streams, '%s' and '%s' among them", dir, *stream, list[i].stream);
			return hr_hint(e, "say which by --stream");
		}
		*stream = list[i].stream;
	}
	return 0;
}

/* Synced also when it was there: who made it may have been killed before. */
static int
make_directory(const char *path, struct hr_err *e)
{
	char *bare = hr_strdup(path);
	size_t n = strlen(bare);
	int rc = 0;

	while (n > 1 && bare[n - 1] == '/')
		bare[--n] = '\0';
	if (mkdir(bare, 0700) < 0 && errno != EEXIST)
		rc = hr_fail_sys(e, "cannot make the directory '%s'", path);
	else
		rc = hr_file_sync_directory(bare, e);
	/* Who may not read what it is in did not make it. */
	if (rc < 0 && errno == EACCES && access(bare, F_OK) == 0) {
		hr_err_clear(e);
		rc = 0;
	}
	free(bare);
	return rc;
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path) < 0 && errno != ENOENT ? -1 : 0;
}

/* A directory and all in it, if it is there. */
static int
remove_all(const char *path, struct hr_err *e)
{
	if (nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS) < 0 && errno != ENOENT)
		return hr_fail_sys(e, "cannot remove '%s'", path);
	return 0;
}

int
hr_chain_tidy(const char *dir, const char *stream, struct hr_err *e)
{
	struct hr_buf b = HR_BUF_INIT;
	struct dirent *at;
	char *path, *one;
	int rc = 0;
	DIR *d;

	hr_chain_escape(&b, stream);
	path = hr_sprintf("%s/%s", dir, hr_buf_text(&b));
	hr_buf_clear(&b);
	if ((d = opendir(path)) == NULL)
		rc = hr_fail_sys(e, "cannot read the directory '%s'", path);
	while (rc == 0 && (at = readdir(d)))
		if (strcmp(at->d_name, NEW) == 0 || strncmp(at->d_name, GONE, strlen(GONE)) == 0) {
			one = hr_sprintf("%s/%s", path, at->d_name);
			rc = remove_all(one, e);
			free(one);
		}
	if (d)
		closedir(d);
	free(path);
	return rc;
}

/* 20260131T091011.123456Z */
static void
name_of(int64_t pg_us, struct hr_buf *b)
{
	char time[HR_TIME_TEXT], *at;

	hr_buf_reset(b);
	hr_time_format(time, pg_us);
	for (at = time; *at; at++)
		if (*at != '-' && *at != ':')
			hr_buf_u8(b, (uint8_t)*at);
}

/* The name of the next chain: behind all there are, also when the clock was put back. */
static void
next_name(const char *last, struct hr_buf *b)
{
	struct tm t = { .tm_isdst = 0 };
	int micro = 0;

	name_of(hr_now_pg_us(), b);
	if (last == NULL || strcmp(hr_buf_text(b), last) > 0)
		return;
	if (sscanf(last, "%4d%2d%2dT%2d%2d%2d.%6dZ", &t.tm_year, &t.tm_mon, &t.tm_mday, &t.tm_hour, &t.tm_min, &t.tm_sec,
	    &micro) == 7) {
		t.tm_year -= 1900;
		t.tm_mon--;
		name_of((int64_t)timegm(&t) * 1000000 + micro + 1 - HR_PG_EPOCH_US, b);
	}
	if (strcmp(hr_buf_text(b), last) > 0)
		return;
	hr_buf_reset(b);
	hr_buf_printf(b, "%sa", last);
}

int
hr_chain_make(const char *dir, const char *stream, const char *last, struct hr_chain *c, struct hr_err *e)
{
	struct hr_buf b = HR_BUF_INIT;
	char *of, *shared, *tenant;
	int rc;

	hr_chain_escape(&b, stream);
	of = hr_sprintf("%s/%s", dir, hr_buf_text(&b));
	next_name(last, &b);
	*c = (struct hr_chain){ hr_strdup(stream), hr_strdup(hr_buf_text(&b)), hr_sprintf("%s/" NEW, of) };
	shared = hr_sprintf("%s/shared", c->dir);
	tenant = hr_sprintf("%s/tenant", c->dir);
	rc = make_directory(dir, e) < 0 || make_directory(of, e) < 0 || make_directory(c->dir, e) < 0 ||
	    make_directory(shared, e) < 0 || make_directory(tenant, e) < 0 ? -1 : 0;
	free(tenant);
	free(shared);
	free(of);
	hr_buf_clear(&b);
	return rc;
}

int
hr_chain_begin(struct hr_chain *c, struct hr_err *e)
{
	char *path = hr_sprintf("%.*s/%s", (int)(strrchr(c->dir, '/') - c->dir), c->dir, c->name);

	if (rename(c->dir, path) < 0) {
		hr_fail_sys(e, "cannot name '%s' '%s'", c->dir, path);
		free(path);
		return -1;
	}
	free(c->dir);
	c->dir = path;
	return hr_file_sync_directory(path, e);
}

int
hr_chain_lock(const char *dir, const char *stream, int *fd, struct hr_err *e)
{
	struct hr_buf b = HR_BUF_INIT;
	char *path;

	*fd = -1;
	hr_chain_escape(&b, stream);
	path = hr_sprintf("%s/%s", dir, hr_buf_text(&b));
	if (make_directory(dir, e) == 0)
		(void)!make_directory(path, e);
	free(path);
	path = hr_sprintf("%s/%s/.lock", dir, hr_buf_text(&b));
	if (e->code == 0 && (*fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600)) < 0)
		hr_fail_sys(e, "cannot open '%s'", path);
	else if (e->code == 0 && flock(*fd, LOCK_EX | LOCK_NB) < 0) {
		hr_fail(e, HR_TEMPORARY, "stream '%s' is being kept in '%s' by another process", stream, dir);
		hr_hint(e, "one hr-ship keeps a stream; look for the other one");
		close(*fd);
		*fd = -1;
	}
	free(path);
	hr_buf_clear(&b);
	return e->code ? -1 : 0;
}

int
hr_chain_remove(const struct hr_chain *c, struct hr_err *e)
{
	char *gone = hr_sprintf("%.*s/" GONE "%s", (int)(strrchr(c->dir, '/') - c->dir), c->dir, c->name);
	int rc;

	/* By another name first, for good: what is half removed is no chain. */
	if (rename(c->dir, gone) < 0)
		rc = hr_fail_sys(e, "cannot remove '%s'", c->dir);
	else
		rc = hr_file_sync_directory(gone, e) < 0 ? -1 : remove_all(gone, e);
	free(gone);
	return rc;
}

char *
hr_chain_log(const struct hr_chain *c, const char *tenant)
{
	struct hr_buf b = HR_BUF_INIT;
	char *path;

	if (*tenant == '\0')
		return hr_sprintf("%s/shared", c->dir);
	hr_chain_escape(&b, tenant);
	path = hr_sprintf("%s/tenant/%s", c->dir, hr_buf_text(&b));
	hr_buf_clear(&b);
	return path;
}

char *
hr_chain_segment(const struct hr_chain *c, const char *tenant, uint64_t number)
{
	char *log = hr_chain_log(c, tenant), *path = hr_sprintf("%s/" HR_CHAIN_DIGITS, log, number);

	free(log);
	return path;
}

static int
by_number(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

int
hr_chain_segments_in(const char *log, uint64_t **number, size_t *n, struct hr_err *e)
{
	char **name, *end;
	size_t names, i;
	int rc = entries(log, &name, &names, e);

	*n = 0;
	*number = hr_alloc((names + 1) * sizeof(**number));
	for (i = 0; i < names; i++) {
		uint64_t one = strtoull(name[i], &end, 10);

		if (end != name[i] && strcmp(end, ".seg") == 0)
			(*number)[(*n)++] = one;
	}
	qsort(*number, *n, sizeof(**number), by_number);
	free_names(name, names);
	return rc;
}

int
hr_chain_segments(const struct hr_chain *c, const char *tenant, uint64_t **number, size_t *n, struct hr_err *e)
{
	char *log = hr_chain_log(c, tenant);
	int rc = hr_chain_segments_in(log, number, n, e);

	free(log);
	return rc;
}

int
hr_chain_logs(const struct hr_chain *c, char ***log, size_t *n, struct hr_err *e)
{
	char *path = hr_sprintf("%s/tenant", c->dir), **name;
	size_t names, i;
	int rc = entries(path, &name, &names, e);

	*n = 0;
	*log = hr_alloc((names + 1) * sizeof(**log));
	for (i = 0; i < names; i++)
		(*log)[(*n)++] = hr_sprintf("%s/%s", path, name[i]);
	(*log)[(*n)++] = hr_chain_log(c, "");
	free_names(name, names);
	free(path);
	return rc;
}

/* Is it the directory's name of that tenant? */
static bool
names(const char *directory, const char *tenant)
{
	struct hr_buf b = HR_BUF_INIT;
	bool same;

	hr_chain_escape(&b, tenant);
	same = strcmp(hr_buf_text(&b), directory) == 0;
	hr_buf_clear(&b);
	return same;
}

/* Whose log a directory is.  A name that was too long for one is in its segments, once there is one.  Gives. */
static char *
tenant_of(const char *parent, const char *directory)
{
	char *tenant = unescape(directory), *log, *path;
	struct hr_segment_reader r = HR_SEGMENT_READER_INIT;
	struct hr_err e = HR_ERR_INIT;
	uint64_t *number;
	size_t n, i;

	if (names(directory, tenant))
		return tenant;
	log = hr_sprintf("%s/%s", parent, directory);
	if (hr_chain_segments_in(log, &number, &n, &e) < 0)
		n = 0;
	for (i = 0; i < n && !names(directory, tenant); i++) {
		path = hr_sprintf("%s/" HR_CHAIN_DIGITS, log, number[i]);
		if (hr_segment_open(&r, path, NULL, &e) == 0) {
			free(tenant);
			tenant = hr_strdup(r.head.log);
		}
		hr_segment_reader_close(&r);
		free(path);
	}
	free(number);
	free(log);
	return tenant;
}

int
hr_chain_tenants(const struct hr_chain *c, char ***tenant, size_t *n, struct hr_err *e)
{
	char *path = hr_sprintf("%s/tenant", c->dir), **directory;
	int rc = entries(path, &directory, n, e);
	size_t i;

	*tenant = hr_alloc((*n + 1) * sizeof(**tenant));
	for (i = 0; i < *n; i++)
		(*tenant)[i] = tenant_of(path, directory[i]);
	free_names(directory, *n);
	free(path);
	return rc;
}
