/* checkpoint_wait.h - wait until a checkpoint file says that a position is reached. */
#ifndef HR_CHECKPOINT_WAIT_H
#define HR_CHECKPOINT_WAIT_H

#include "base/err.h"
#include "base/hr.h"

/*
 * Wait until the stream, or one tenant of it, has all before lsn.  Neither the
 * file nor its directory need be there yet.  wait_us: -1 waits for ever, 0
 * looks once.  0; or -1 with *e set: HR_TEMPORARY when the time is over,
 * HR_REFUSED when the tenant is parked before lsn, and as the file is loaded.
 */
int hr_checkpoint_wait(const char *path, const char *tenant, hr_lsn lsn, int64_t wait_us,
    struct hr_err *e) HR_USED;

#endif
