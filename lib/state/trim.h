/*
 * trim.h - remove from a spool what nobody needs any more.
 */
#ifndef HR_TRIM_H
#define HR_TRIM_H

#include "base/err.h"
#include "base/hr.h"
#include "state/chain.h"

/*
 * Remove the segments of a log ("" is the shared one) all of whose bundles are at or
 * before this one; the newest segment stays.  *removed grows by the bytes.  A chain can
 * be read and written meanwhile, from behind that bundle on.  The file of that path
 * (NULL: none), if it is there, is synced before anything is removed: it says why it
 * may be.  0, or -1 with *e set.
 */
int hr_trim_log(const struct hr_chain *c, const char *tenant, uint64_t bundle, const char *why, uint64_t *removed,
    struct hr_err *e) HR_USED;

#endif
