/*
 * park.h - a tenant that cannot go on is set aside, its changes kept.
 *
 * Parked tenants are rows of hr.tenant; what comes for them is appended to
 * hr.parked in the transaction of the others, until hr-apply --retry.
 */
#ifndef HR_PARK_H
#define HR_PARK_H

#include "apply/txn.h"
#include "base/map.h"
#include "stream/relation.h"

struct hr_parked {
	int64_t generation;	/* of hr.stream: changes when anybody is parked or taken up */
	struct hr_map tenant;	/* name -> its reason (a string); those that are copied among them */
	struct hr_map copied;	/* name -> not NULL: it is set aside only while it is copied */
};

/* Read who is parked.  0, or -1. */
int hr_parked_load(struct hr_parked *p, struct hr_conn *c, const char *stream, struct hr_err *e) HR_USED;
bool hr_parked_has(const struct hr_parked *p, const char *tenant, size_t len);
bool hr_parked_copied(const struct hr_parked *p, const char *tenant, size_t len);
void hr_parked_clear(struct hr_parked *p);

/*
 * Park one, inside the transaction; *p is brought up to date.  awaits: it is
 * taken up by itself when this condition has become true; NULL: it is not.
 */
int hr_park(struct hr_parked *p, struct hr_txn *t, const char *stream, const char *tenant, hr_lsn lsn,
    const struct hr_err *why, const char *awaits, struct hr_err *e) HR_USED;
/* Keep items of a rows frame ('D') or a relation ('R') for a parked tenant. */
int hr_park_keep(struct hr_txn *t, const char *stream, const char *tenant, hr_lsn lsn, char kind,
    bool broadcast, const void *data, size_t len, struct hr_err *e) HR_USED;

#endif
