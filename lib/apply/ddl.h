/*
 * ddl.h - changes of tables that the source has said, run or noted here.
 *
 * Each is a logical message at its place in a transaction: SQL, its reverse,
 * and a condition that is true where it has been done.  What became of it is
 * a row of hr.ddl, in the transaction that advances the position.
 */
#ifndef HR_APPLY_DDL_H
#define HR_APPLY_DDL_H

#include <jansson.h>

#include "apply/worker.h"

#define HR_DDL_PREFIX "hr.ddl"

/* One operation, taken apart; the strings are the JSON's. */
struct hr_ddl {
	json_t *json;
	const char *kind, *schema, *table, *sql, *undo, *done;
	const char *unsure;		/* what cannot be known from here, or NULL */
	const char *apart;		/* a type whose new value needs its own transaction, or NULL */
	uint32_t relation;		/* the source's OID */
};

int hr_ddl_parse(struct hr_ddl *d, const uint8_t *text, size_t len, struct hr_err *e) HR_USED;
void hr_ddl_clear(struct hr_ddl *d);

/* Is this item one?  Then run it, or note it. */
bool hr_ddl_is(const struct hr_item *it);
int hr_worker_ddl(struct hr_worker *w, struct hr_tenant *t, const struct hr_item *it, bool all,
    struct hr_err *e) HR_USED;

/*
 * Rows of a relation were refused, and the transaction is rolled back: what
 * the source has said of it and nobody has run is what to run.  Then *why gets
 * its hint, and *awaits (given) the condition; *awaits is left alone otherwise.
 */
int hr_ddl_reason(struct hr_worker *w, uint32_t relation, struct hr_err *why, char **awaits,
    struct hr_err *e) HR_USED;
/* Forget what was told in a transaction that ended. */
void hr_ddl_forget(struct hr_worker *w);
/* Of a table that does not fit, SQL that makes it fit and notes that; NULL: there is none.  Gives. */
char *hr_ddl_mend(const struct hr_worker *w, const struct hr_target *t, const char *tenant, hr_lsn lsn);

#endif
