/* temp.c - unlinked files. */

#include "base/hr.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/temp.h"

int
hr_temp_open(const char *dir, struct hr_err *e)
{
	char *path;
	int fd;

	if (dir == NULL && (dir = getenv("TMPDIR")) == NULL)
		dir = "/tmp";
	path = hr_sprintf("%s/hr-spill.XXXXXX", dir);
	fd = mkostemp(path, O_CLOEXEC | O_APPEND);
	if (fd < 0)
		hr_fail_sys(e, "cannot make a spill file in '%s'", dir);
	else
		unlink(path);
	free(path);
	return fd;
}

int
hr_temp_append(int fd, const void *data, size_t n, struct hr_err *e)
{
	const uint8_t *p = data;

	while (n) {
		ssize_t did = write(fd, p, n);

		if (did < 0 && errno == EINTR)
			continue;
		if (did < 0)
			return hr_fail_sys(e, "cannot write a spill file");
		p += did;
		n -= (size_t)did;
	}
	return 0;
}

ssize_t
hr_temp_read(int fd, void *data, size_t n, uint64_t at, struct hr_err *e)
{
	ssize_t did;

	do
		did = pread(fd, data, n, (off_t)at);
	while (did < 0 && errno == EINTR);
	return did < 0 ? hr_fail_sys(e, "cannot read a spill file") : did;
}
