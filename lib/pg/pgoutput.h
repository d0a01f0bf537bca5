/*
 * pgoutput.h - the messages of PostgreSQL's own output plugin, protocol
 * versions 1 to 4 ("Logical Replication Message Formats" in its manual).
 */
#ifndef HR_PGOUTPUT_H
#define HR_PGOUTPUT_H

#include "base/buf.h"
#include "base/err.h"
#include "base/hr.h"
#include "stream/relation.h"

/* A message taken apart; pointers are lent by its bytes. */
struct hr_pgo {
	char type;		/* B C O R Y I U D T M S E c A, as in the manual */
	uint32_t xid;		/* B, S, c, A; of a streamed change; else 0 */
	uint32_t subxid;	/* A */
	hr_lsn lsn;		/* B, C, c: commit; O: origin; M: message */
	hr_lsn end;		/* C, c */
	int64_t time;		/* B, C, c */
	uint32_t relation;	/* I U D */
	char old;		/* U D: '-', 'K', 'O' */
	struct hr_cur old_tuple, tuple;	/* I U D, in pgoutput's encoding */
	uint8_t options;	/* T: options; M: transactional */
	uint32_t relations;	/* T */
	const uint8_t *relation_list;	/* T: u32 in network order each */
	const char *name;	/* O: origin; M: prefix; Y: type */
	const char *schema;	/* Y */
	const uint8_t *content;	/* M */
	size_t content_len;
};

/* streamed: between stream start and stop, where changes carry their xid. */
int hr_pgo_decode(struct hr_pgo *m, const uint8_t *data, size_t len, bool streamed,
    struct hr_err *e) HR_USED;

/* An R message's body: names of types are left NULL.  Gives. */
int hr_pgo_relation(struct hr_relation **r, const uint8_t *data, size_t len, bool streamed,
    struct hr_err *e) HR_USED;

/* One value of a pgoutput tuple. */
struct hr_pgo_value {
	char kind;		/* n u t b */
	const uint8_t *data;
	uint32_t len;
};
/* Value number column of a tuple; -1 when the tuple is not well-formed or shorter. */
int hr_pgo_value(const struct hr_cur *tuple, int column, struct hr_pgo_value *v) HR_USED;

/*
 * Append a tuple in the stream's encoding.  Where fill is not NULL, unchanged
 * TOAST values are taken from it, column by column; there 'n' is a value that
 * is not known, as in a key, and 'N' is NULL.  The number of columns left
 * unchanged, or -1 when a tuple is not well-formed.
 */
int hr_pgo_put_tuple(struct hr_buf *out, const struct hr_cur *tuple, const struct hr_cur *fill);

#endif
