/* trim.c - a segment goes when the next one begins at or before what is needed. */

#include "base/hr.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "state/trim.h"

/* The first place of a segment, as its header says: 0 when that cannot be read now. */
static uint64_t
first_of(const struct hr_chain *c, const char *tenant, uint64_t number)
{
	struct hr_segment_reader r = HR_SEGMENT_READER_INIT;
	char *path = hr_chain_segment(c, tenant, number);
	struct hr_err e = HR_ERR_INIT;
	uint64_t first = 0;

	if (hr_segment_open(&r, path, NULL, &e) == 0)
		first = r.head.first;
	hr_segment_reader_close(&r);
	free(path);
	return first;
}

static int
sync_file(const char *path, struct hr_err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc = 0;

	if (fd < 0)
		return errno == ENOENT ? 0 : hr_fail_sys(e, "cannot open '%s'", path);
	if (fsync(fd) < 0)
		rc = hr_fail_sys(e, "cannot sync '%s'", path);
	close(fd);
	return rc < 0 ? -1 : hr_file_sync_directory(path, e);
}

int
hr_trim_log(const struct hr_chain *c, const char *tenant, uint64_t bundle, const char *why, uint64_t *removed,
    struct hr_err *e)
{
	uint64_t *number, first;
	struct stat st;
	size_t n, i;
	int rc = hr_chain_segments(c, tenant, &number, &n, e);

	for (i = 0; rc == 0 && i + 1 < n; i++) {
		char *path;

		if ((first = first_of(c, tenant, number[i + 1])) == 0 || first > bundle + 1)
			break;
		if (why && i == 0 && sync_file(why, e) < 0) {
			rc = -1;
			break;
		}
		path = hr_chain_segment(c, tenant, number[i]);
		if (stat(path, &st) == 0 && unlink(path) == 0)
			*removed += (uint64_t)st.st_size;
		else if (errno != ENOENT)
			rc = hr_fail_sys(e, "cannot remove '%s'", path);
		free(path);
	}
	free(number);
	return rc;
}
