/* temp.c - unlinked files. */

#include "base/hr.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
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
	return hr_file_write(fd, data, n) < 0 ? hr_fail_sys(e, "cannot write a spill file") : 0;
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
