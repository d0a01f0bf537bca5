/*
 * repair.h - the differences as a stream that hr-apply takes.
 *
 * Changes are gathered in a work file beside, FILE.part, and made a stream at
 * the end: what has to go first, then what has to be changed, then what is
 * missing, so that a unique value is free when it is taken.  The stream has a
 * name of its own, and a position that no repair before it had: applied twice,
 * it does nothing the second time.
 */
#ifndef HR_MIGRATE_REPAIR_H
#define HR_MIGRATE_REPAIR_H

#include "base/buf.h"
#include "base/err.h"
#include "base/hr.h"
#include "migrate/report.h"
#include "migrate/table.h"
#include "stream/head.h"

struct hr_repair {
	const char *path;	/* NULL: none is made */
	char *part;		/* the work file's name */
	int fd;
	uint64_t bytes;		/* in the work file */
	struct hr_buf buf;
};

/*
 * Begin the work file, or go on with its first bytes: those that were there
 * when the state was saved.  0, or -1 with *e set.
 */
int hr_repair_open(struct hr_repair *p, const char *path, bool resumed, uint64_t bytes, struct hr_err *e) HR_USED;
/* What makes the target's row the source's. */
int hr_repair_put(struct hr_repair *p, const struct hr_difference *d, struct hr_err *e) HR_USED;
/* What was put is on the disk. */
int hr_repair_sync(struct hr_repair *p, struct hr_err *e) HR_USED;
/*
 * Write the stream: head as given, its changes committed at lsn, which is not
 * before the head's start.  The work file goes.
 */
int hr_repair_write(struct hr_repair *p, const struct hr_head *h, hr_lsn lsn, const struct hr_twin *twin,
    size_t twins, struct hr_err *e) HR_USED;
void hr_repair_close(struct hr_repair *p);

#endif
