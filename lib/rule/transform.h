/*
 * transform.h - a stream through rules: relations and rows become what plans make of
 * them, all else goes on as it is.
 *
 * An update whose row comes into a filter or leaves it is an insert or a delete.
 * Where what the row was is not in the stream, it is put or dropped instead: a row
 * that may be there already, and one that need not be there.
 */
#ifndef HR_TRANSFORM_H
#define HR_TRANSFORM_H

#include "base/buf.h"
#include "base/err.h"
#include "base/hr.h"
#include "base/map.h"
#include "rule/aggregates.h"
#include "rule/change.h"
#include "rule/plan.h"
#include "stream/pipe.h"

/* The parts of a copy that is read: which number each has behind the rules. */
struct hr_copied_parts {
	uint32_t parts, kept;
	uint32_t first_made;		/* the number of the first part of what is aggregated */
	uint32_t *number;		/* UINT32_MAX: of a table that is left out */
};

struct hr_transform {
	struct hr_rules rules;
	struct hr_key key;
	struct hr_map plans;		/* struct hr_plan by relation and, where rules are of some, tenant */
	struct hr_relations relations;
	bool by_tenant;
	struct hr_map open;		/* struct hr_change_tx by tenant */
	struct hr_map copied;		/* struct hr_copied_parts by tenant */
	struct hr_changes work;
	struct hr_aggregates aggregates;	/* dir: where states are kept */
};

#define HR_TRANSFORM_INIT { .key = HR_KEY_INIT, .work = { .dead = -1 } }

/* rules are loaded by then, and the key. */
void hr_transform_init(struct hr_transform *t);
/* For hr_pipe_run(). */
int hr_transform_step(void *t, struct hr_pipe *p, const struct hr_frame *f, struct hr_err *e);
/* Parked rows reach their file, and what is made of others the stream, before what came behind them is written. */
int hr_transform_idle(void *t, struct hr_err *e);
/* What masks the column of a table that was described; NULL: nothing does. */
const struct hr_mask *hr_transform_mask(struct hr_transform *t, const struct hr_relation *r, const char *column,
    struct hr_err *e);
void hr_transform_clear(struct hr_transform *t);

#endif
