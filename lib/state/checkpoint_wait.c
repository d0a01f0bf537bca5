/*
 * checkpoint_wait.c - inotify where it works, and a look now and then.
 *
 * inotify says nothing of a directory that is not there yet and little of one
 * on a network, so a look is taken every second in any case.
 */

#include "base/hr.h"

#include <poll.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/lsn.h"
#include "state/checkpoint.h"
#include "state/checkpoint_wait.h"

#define LOOK_US		1000000
#define LOOK_BLIND_US	100000	/* when nothing wakes us */

static int
parked(const struct hr_tenant_position *t, struct hr_err *e)
{
	hr_fail(e, HR_REFUSED, "tenant '%s' is parked at %s: %s", t->tenant, HR_LSN(t->lsn),
	    t->reason ? t->reason : "no reason is given");
	return hr_hint(e, "mend that, then run hr-apply --retry --tenant '%s'", t->tenant);
}

/* One look.  0 reached, 1 not yet (*e says where it is), -1. */
static int
look(const char *path, const char *tenant, hr_lsn lsn, struct hr_err *e)
{
	struct hr_checkpoint c = HR_CHECKPOINT_INIT;
	const struct hr_tenant_position *t = NULL;
	hr_lsn reached;
	int rc = hr_checkpoint_load(&c, path, e);

	if (rc < 0)
		return -1;
	if (rc == 0) {
		hr_fail(e, HR_TEMPORARY, "'%s' is not there yet", path);
		return 1;
	}
	if (c.state == HR_STATE_COPYING) {
		/* What is in of it is in up to there, the rest not at all. */
		hr_fail(e, HR_TEMPORARY, "the first copy into '%s' is under way", path);
		rc = 1;
	} else if (tenant && (t = hr_checkpoint_find(&c, tenant)) == NULL) {
		hr_fail(e, HR_TEMPORARY, "tenant '%s' is not in '%s' yet", tenant, path);
		rc = 1;
	} else if ((reached = t ? hr_checkpoint_reached(&c, t) : c.lsn) >= lsn) {
		rc = 0;
	} else if (t && t->state == HR_STATE_PARKED) {
		rc = parked(t, e);
	} else {
		hr_fail(e, HR_TEMPORARY, "'%s' is at %s, not at %s", path, HR_LSN(reached), HR_LSN(lsn));
		rc = 1;
	}
	hr_checkpoint_clear(&c);
	return rc;
}

/* Sleep until the file changed, a look is due, or the time is over. */
static void
sleep_on(int fd, const char *path, int64_t until)
{
	int64_t next = hr_now_us() + (fd < 0 ? LOOK_BLIND_US : LOOK_US), left;
	struct pollfd p = { fd, POLLIN, 0 };

	if (until < next)
		next = until;
	while ((left = next - hr_now_us()) > 0)
		if (poll(&p, 1, (int)((left + 999) / 1000)) > 0 && hr_watch_drain(fd, path))
			return;
}

int
hr_checkpoint_wait(const char *path, const char *tenant, hr_lsn lsn, int64_t wait_us,
    struct hr_err *e)
{
	int64_t until = wait_us < 0 ? INT64_MAX : hr_now_us() + wait_us;
	struct hr_err none = HR_ERR_INIT;
	int fd = -1, rc;

	for (;;) {
		if (fd < 0)
			fd = hr_watch_open(path, &none);
		rc = look(path, tenant, lsn, e);
		if (rc <= 0)
			break;
		hr_log(HR_LOG_DEBUG, "%s", e->what);
		if (hr_now_us() >= until) {
			rc = hr_within(e, "gave up after %.3g s", (double)wait_us / 1e6);
			break;
		}
		sleep_on(fd, path, until);
	}
	if (rc == 0)
		hr_err_clear(e);
	if (fd >= 0)
		close(fd);
	return rc;
}
