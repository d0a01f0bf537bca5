/*
 * qos.h - which tenant is served next.
 *
 * A file of lines, '#' beginning a comment:
 *
 *	TENANT TIER [PRIORITY]
 *
 * with TIER synchronous, premium, standard or best-effort, PRIORITY from 1 to
 * 1000 (100), and '*' for tenants without a line (standard without one).  A
 * score file has TENANT and a number, by which the weight of a tenant is
 * multiplied.  Blanks in names are %20, as any byte may be written.
 *
 * Synchronous and premium tenants come first, as long as the others get one
 * part in so many; within both, bytes go by weight, so that nobody starves:
 * a stride scheduler after Waldspurger and Weihl, "Stride Scheduling:
 * Deterministic Proportional-Share Resource Management", 1995.
 */
#ifndef HR_QOS_H
#define HR_QOS_H

#include "base/err.h"
#include "base/hr.h"
#include "base/map.h"

enum hr_tier { HR_TIER_SYNCHRONOUS, HR_TIER_PREMIUM, HR_TIER_STANDARD, HR_TIER_BEST_EFFORT };

struct hr_qos_tenant {
	enum hr_tier tier;
	uint32_t weight;
};

struct hr_qos {
	struct hr_map tenant;		/* struct hr_qos_tenant */
	struct hr_qos_tenant other;
};

#define HR_QOS_INIT { .other = { HR_TIER_STANDARD, 400 } }

/* Either file may be NULL.  -1: HR_CONFIG, with the file and line. */
int hr_qos_load(struct hr_qos *q, const char *file, const char *score, struct hr_err *e) HR_USED;
struct hr_qos_tenant hr_qos_of(const struct hr_qos *q, const char *tenant);
void hr_qos_clear(struct hr_qos *q);

/* One who waits to be served.  pass is the scheduler's: begin it with hr_turns_join(). */
struct hr_turn {
	struct hr_qos_tenant t;
	uint64_t pass;
};

struct hr_turns {
	uint64_t now[2];	/* of those that come first, and of the others */
	uint64_t first;		/* bytes that went to those since the others had some */
};

/* It has something to send again: it does not make up for the time when it had nothing. */
void hr_turns_join(const struct hr_turns *s, struct hr_turn *t);
/* Is a to be served before b? */
bool hr_turns_before(const struct hr_turns *s, const struct hr_turn *a, const struct hr_turn *b);
/* It was, with so many bytes. */
void hr_turns_served(struct hr_turns *s, struct hr_turn *t, size_t bytes);

#endif
