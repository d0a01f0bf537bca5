/* A file that is replaced by rename wakes who watches it, and others do not. */

#include "base/hr.h"

#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "state/watch.h"

/* TAP. */

static int tests, bad;

static void ok(bool right, const char *fmt, ...) HR_PRINTF(2, 3);

static void
ok(bool right, const char *fmt, ...)
{
	va_list ap;

	printf("%sok %d - ", right ? "" : "not ", ++tests);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	bad += !right;
}

static int
done(void)
{
	printf("1..%d\n", tests);
	return bad != 0;
}

static bool
touch(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT, 0600);

	return fd >= 0 && close(fd) == 0;
}

static bool
woken(int fd)
{
	struct pollfd p = { fd, POLLIN, 0 };

	return poll(&p, 1, 0) == 1;
}

int
main(void)
{
	char dir[] = "/tmp/hr-watch.XXXXXX", path[64];
	struct hr_err e = HR_ERR_INIT;
	int fd, i;

	if (mkdtemp(dir) == NULL || chdir(dir) < 0)
		return 1;
	fd = hr_watch_open("ck", &e);
	ok(fd >= 0, "a file is watched before it is there");
	ok(!woken(fd) && !hr_watch_drain(fd, "ck"), "and nothing happens");
	ok(touch("other") && touch("ck.tmp.1") && rename("other", "another") == 0 &&
	    !hr_watch_drain(fd, "ck"), "other names of the directory do not count");
	ok(rename("ck.tmp.1", "ck") == 0 && woken(fd), "a rename wakes");
	ok(hr_watch_drain(fd, "ck") && !woken(fd) && !hr_watch_drain(fd, "ck"), "once");
	ok(touch("ck") && hr_watch_drain(fd, "ck"), "so does a write in place");
	for (i = 0; i < 500; i++)
		if (!touch("next") || rename("next", "ck") < 0 || !touch("other"))
			return 1;
	ok(hr_watch_drain(fd, "ck") && !woken(fd), "many changes are one");
	close(fd);

	snprintf(path, sizeof(path), "%s/ck", dir);
	fd = hr_watch_open(path, &e);
	ok(fd >= 0 && touch("ck") && hr_watch_drain(fd, path), "a whole path is watched the same");
	ok(unlink("ck") == 0 && unlink("other") == 0 && unlink("another") == 0 && chdir("/") == 0 &&
	    rmdir(dir) == 0 && hr_watch_drain(fd, path), "that the directory is gone is a change");
	close(fd);

	ok(hr_watch_open(path, &e) == -1 && e.code == HR_IO, "without a directory there is no watch");
	ok(hr_watch_open("/dev/null/ck", &e) == -1 && e.code == HR_IO, "nor below a file");
	return done();
}
