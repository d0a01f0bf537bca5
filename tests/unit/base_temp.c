/* base_temp - files that nobody else sees. */

#include "base/hr.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/temp.h"
#include "tap.h"

int
main(void)
{
	struct hr_err e = HR_ERR_INIT;
	char dir[] = "/tmp/hr-temp-XXXXXX", got[16];
	int fd;

	if (mkdtemp(dir) == NULL)
		return 70;
	fd = hr_temp_open(dir, &e);
	ok(fd >= 0 && rmdir(dir) == 0, "the file has no name");
	ok(hr_temp_append(fd, "abc", 3, &e) == 0 && hr_temp_append(fd, "", 0, &e) == 0 &&
	    hr_temp_append(fd, "def", 3, &e) == 0, "bytes are appended");
	ok(hr_temp_read(fd, got, 3, 2, &e) == 3 && memcmp(got, "cde", 3) == 0, "and read from anywhere");
	ok(hr_temp_append(fd, "g", 1, &e) == 0 && hr_temp_read(fd, got, 16, 0, &e) == 7 &&
	    memcmp(got, "abcdefg", 7) == 0, "appended after reading too");
	ok(hr_temp_read(fd, got, 16, 7, &e) == 0, "the end is the end");
	close(fd);
	ok(hr_temp_append(fd, "x", 1, &e) == -1 && e.code == HR_IO, "a closed file is not written");
	ok(hr_temp_read(fd, got, 1, 0, &e) == -1 && e.code == HR_IO, "nor read");
	ok(hr_temp_open(dir, &e) == -1 && e.code == HR_IO, "a folder that is not there is an error");
	ok(strstr(e.what, dir) != NULL, "that names it");
	setenv("TMPDIR", dir, 1);
	ok(hr_temp_open(NULL, &e) == -1, "TMPDIR says where");
	fd = open("/dev/full", O_WRONLY);
	ok(hr_temp_append(fd, "x", 1, &e) == -1 && e.code == HR_IO && e.hint[0], "a full disk is an error with a hint");
	close(fd);
	return tap_done();
}
