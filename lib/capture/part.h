/*
 * part.h - the parts that a copy comes in.
 *
 * A small table is one part; a large one, and each partition of a large
 * partitioned one, is cut at every so many pages.  What the target has already
 * is in the plan, and only the rest comes.
 */
#ifndef HR_PART_H
#define HR_PART_H

#include "capture/capture.h"
#include "state/checkpoint.h"
#include "stream/mark.h"

struct hr_copy_part {
	struct hr_part part;
	const struct hr_source_table *table;
	struct hr_route *route;
	char *of;		/* the partition's name, quoted, or NULL */
	int64_t pages;		/* about how many it has */
};

struct hr_copy_plan {
	struct hr_copy_part *part;
	size_t parts, part_cap;
	size_t in, all;		/* parts that the target has, of how many; complete tables as they would be cut */
	int64_t pages;		/* of the others */
};

/*
 * Plan a copy of the tables routed to a tenant asked for, in the transaction
 * of the connection, which keeps files of tables in parts as they are.  have:
 * the parts the target has, or NULL; tenant: of its tables only, without those
 * that all tenants share, or NULL.  0, or -1 with *e set.
 */
int hr_copy_plan(struct hr_copy_plan *p, struct hr_capture *c, struct hr_conn *conn, const char *tenant,
    const struct hr_checkpoint *have, struct hr_err *e) HR_USED;
void hr_copy_plan_clear(struct hr_copy_plan *p);

/*
 * Cut one file into parts of so many pages.  have: its ranges that the target
 * has; pages: how many there are.  Calls add for each part in order.
 */
void hr_copy_cut(const struct hr_copied_part *have, size_t n, int64_t pages, int64_t size,
    void (*add)(void *arg, uint32_t from, uint32_t to, bool in), void *arg);

#endif
