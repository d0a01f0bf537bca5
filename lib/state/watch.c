/* watch.c - inotify on a file's directory. */

#include "base/hr.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/alloc.h"
#include "state/watch.h"

static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == NULL ? path : slash + 1;
}

int
hr_watch_open(const char *path, struct hr_err *e)
{
	size_t n = (size_t)(base_name(path) - path);
	char *dir = n == 0 ? hr_strdup(".") : hr_memdup(path, n);
	int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);

	if (fd < 0) {
		hr_fail_sys(e, "cannot watch '%s'", path);
		if (errno == EMFILE)
			hr_hint(e, "raise fs.inotify.max_user_instances");
	} else if (inotify_add_watch(fd, dir,
	    IN_MOVED_TO | IN_CLOSE_WRITE | IN_CREATE | IN_ONLYDIR) < 0) {
		hr_fail_sys(e, "cannot watch the directory '%s'", dir);
		if (errno == ENOSPC) {	/* not the disk: too many watches */
			e->hint[0] = '\0';
			hr_hint(e, "raise fs.inotify.max_user_watches");
		}
		close(fd);
		fd = -1;
	}
	free(dir);
	return fd;
}

bool
hr_watch_drain(int fd, const char *path)
{
	_Alignas(struct inotify_event) char buf[4096];
	const char *name = base_name(path);
	bool changed = false;
	ssize_t n, at;

	for (;;) {
		n = read(fd, buf, sizeof(buf));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return changed;
		for (at = 0; at < n; ) {
			const struct inotify_event *v = (const void *)(buf + at);

			if (v->mask & (IN_Q_OVERFLOW | IN_IGNORED | IN_UNMOUNT) ||
			    (v->len && strcmp(v->name, name) == 0))
				changed = true;
			at += (ssize_t)(sizeof(*v) + v->len);
		}
	}
}
