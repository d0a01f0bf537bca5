/*
 * head.h - the stream's first frame: where it comes from and who touched it.
 *
 * The payload is one JSON object, so that later versions can add to it and a
 * person can read it.  Each filter adds one line to via.
 */
#ifndef HR_HEAD_H
#define HR_HEAD_H

#include "base/buf.h"
#include "base/err.h"
#include "base/hr.h"

struct hr_head {
	int version;
	uint64_t system;	/* the source's system identifier */
	uint32_t timeline;
	hr_lsn timeline_begin;	/* where that timeline left its parent, or 0 */
	char *database;
	char *slot;
	char *publication;	/* comma-separated */
	uint64_t epoch;
	hr_lsn start;		/* all after this is in the stream */
	int server_version;	/* as PQserverVersion() gives it */
	char *encoding;		/* of the database; values travel in UTF8 */
	char *created;		/* time, for eyes */
	char **tenant;		/* those chosen; none means all */
	size_t tenants;
	char *copy;		/* a first copy comes: "first", or "resumed" after changes; or NULL */
	char **asked;		/* tenants whose copy is asked for: their changes are kept for it */
	size_t asks;
	char **via;
	size_t vias;
};

#define HR_HEAD_INIT { .version = 1 }

void hr_head_encode(const struct hr_head *h, struct hr_buf *out);
/* *h must be zero or cleared.  Unknown keys are ignored.  0, or -1. */
int hr_head_decode(struct hr_head *h, const uint8_t *data, size_t len, struct hr_err *e) HR_USED;
void hr_head_clear(struct hr_head *h);

#endif
