/*
 * reseal.h - write segments of an archive or a spool again, under the newest key.
 *
 * Each segment is written beside, synced, and takes the place of the one that it was
 * made of; its records keep their names (segment.h), by which other segments know
 * them.  So a chain of which some segments were written again, and others not yet, is
 * whole: who is killed can be begun again, and nothing has to be mended before.
 */
#ifndef HR_RESEAL_H
#define HR_RESEAL_H

#include <stdio.h>

#include "base/err.h"
#include "base/hr.h"
#include "state/keyring.h"

struct hr_reseal_options {
	bool all;		/* those too that are under the newest key */
	bool dry_run;
};

/*
 * Every chain of a stream (NULL: of all), while the lock of who writes it is held; a
 * line on out for each log.  0, or -1 with *e set: HR_TEMPORARY, another process has
 * the lock; HR_BAD_STREAM, a segment is not as it was written, and is left as it is.
 */
int hr_reseal(const char *dir, const char *stream, struct hr_keyring *keys, const struct hr_reseal_options *o, FILE *out,
    struct hr_err *e) HR_USED;

#endif
