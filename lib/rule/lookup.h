/*
 * lookup.h - a value by another one, from a CSV file (RFC 4180) with a line of names.
 *
 * It is read whole when it is opened, 64 MB at most; of a key that is there twice
 * the first counts.
 */
#ifndef HR_LOOKUP_H
#define HR_LOOKUP_H

#include "base/buf.h"
#include "base/err.h"
#include "base/hr.h"
#include "base/map.h"

struct hr_lookup {
	struct hr_buf text;	/* all values */
	struct hr_map map;	/* struct hr_lookup_value by key */
	uint64_t hash;		/* of all that is in the file */
	bool open;
};

#define HR_LOOKUP_INIT { HR_BUF_INIT, { NULL, 0, 0 }, 0, false }

/* Of each line column by is the key and column give the value.  0, or -1 (HR_CONFIG, file and line in front). */
int hr_lookup_open(struct hr_lookup *l, const char *path, const char *by, const char *give, struct hr_err *e) HR_USED;
/* The value, lent; NULL: there is none. */
const uint8_t *hr_lookup_get(const struct hr_lookup *l, const void *key, size_t len, size_t *n);
void hr_lookup_clear(struct hr_lookup *l);

#endif
