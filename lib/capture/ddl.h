/*
 * ddl.h - changes of tables: the source says them, in messages that are signed.
 *
 * Anybody may write a logical message, so each of these carries an HMAC-SHA256
 * of its transaction's id and its text, by a key that only the event trigger
 * and this program read.  Those that are genuine go to the tenants whose table
 * it is, at their place in the transaction.
 */
#ifndef HR_CAPTURE_DDL_H
#define HR_CAPTURE_DDL_H

#include "base/err.h"
#include "base/hr.h"

#define HR_DDL_PREFIX	"hr.ddl"
#define HR_DDL_KEY	32
#define HR_DDL_MAC	65	/* in hexadecimal, and a newline */

struct hr_capture;
struct hr_pgo;

struct hr_ddl_key {
	bool known;
	bool denied;		/* and that was said */
	bool said;		/* a change since the last watermark */
	uint8_t key[HR_DDL_KEY];
	int64_t looked_at;
};

/* Make the event trigger at the source, or take it away.  0, or -1. */
int hr_ddl_install(const char *conninfo, struct hr_err *e) HR_USED;
int hr_ddl_remove(const char *conninfo, struct hr_err *e) HR_USED;

/* Read the key, when there is one.  -1 only when the source cannot be asked. */
int hr_ddl_key_load(struct hr_capture *c, struct hr_err *e) HR_USED;
/* Is the content the trigger's, in this transaction?  What follows the MAC in *body. */
bool hr_ddl_genuine(const uint8_t *key, uint32_t xid, const uint8_t *content, size_t len,
    const uint8_t **body, size_t *body_len);
/* A message with our prefix has come. */
int hr_capture_ddl(struct hr_capture *c, const struct hr_pgo *m, struct hr_err *e) HR_USED;

/* trigger.c */
extern const char hr_trigger_sql[];
extern const char hr_trigger_remove_sql[];

#endif
