/* file.c - whole files, and where they are. */

#include "base/hr.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"

#define STEP	65536

int
hr_file_read(const char *path, size_t most, struct hr_buf *b, struct hr_err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc = 0;
	size_t before = b->len;
	ssize_t n = 0;

	if (fd < 0) {
		hr_fail_sys(e, "cannot open '%s'", path);
		e->code = HR_CONFIG;
		return -1;
	}
	do {
		hr_buf_need(b, STEP);
		n = read(fd, b->data + b->len, STEP);
		if (n > 0)
			b->len += (size_t)n;
	} while ((n > 0 || (n < 0 && errno == EINTR)) && b->len - before <= most);
	if (n < 0) {
		rc = hr_fail_sys(e, "cannot read '%s'", path);
		e->code = HR_CONFIG;
	} else if (b->len - before > most)
		rc = hr_fail(e, HR_CONFIG, "%s: larger than %zu bytes", path, most);
	close(fd);
	return rc;
}

int
hr_file_write(int fd, const void *data, size_t n)
{
	const uint8_t *p = data;
	ssize_t did;

	while (n) {
		did = write(fd, p, n);
		if (did < 0 && errno != EINTR)
			return -1;
		if (did > 0) {
			p += did;
			n -= (size_t)did;
		}
	}
	return 0;
}

int
hr_file_sync_directory(const char *path, struct hr_err *e)
{
	const char *slash = strrchr(path, '/');
	char *dir = slash ? hr_memdup(path, (size_t)(slash - path) + 1) : hr_strdup(".");
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;

	if (fd < 0 || (fsync(fd) < 0 && errno != EINVAL && errno != EROFS))
		rc = hr_fail_sys(e, "cannot sync the directory '%s'", dir);
	if (fd >= 0)
		close(fd);
	free(dir);
	return rc;
}

char *
hr_file_path(const char *file, const char *path)
{
	const char *slash = strrchr(file, '/');

	return *path == '/' || slash == NULL ? hr_strdup(path) : hr_sprintf("%.*s/%s", (int)(slash - file), file, path);
}
