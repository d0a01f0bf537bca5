/*
 * bundle.h - the records of a chain's shared log.
 *
 * A chain has a log for each tenant and one that all share.  What came between
 * two flushes is a bundle, as hr-stream(5) has it: a block for each tenant goes
 * to the tenant's log, and the block of what is for all to the shared log, in a
 * record that says for which tenants there is one, and where.  So who has the
 * shared log and one tenant's has that tenant's stream.
 *
 *	kind 'R', the first of each segment: where the stream stands
 *	u64 LSN, i64 time, u8 flags, u64 next bundle, u32 length and the head as
 *	JSON, relation frames to the end
 *
 *	kind 'B', a bundle; its number is the record's place
 *	u64 LSN of the watermark that it, or the last one that does, ends with, i64 time of the latest commit,
 *	u8 flags, u32 tenants, and for each a string, u64 segment, 16 bytes tag;
 *	then the frame for all, if there is one
 *
 *	kind 'P', in front of a record that is too long: its bytes come before
 *
 * A tenant's log has kind 'B', a frame of the bundle of its place, and 'P'.  A
 * frame is a block, or what is too large for one.  Little-endian.
 */
#ifndef HR_BUNDLE_H
#define HR_BUNDLE_H

#include "base/buf.h"
#include "base/err.h"
#include "base/hr.h"
#include "state/segment.h"
#include "stream/head.h"

enum { HR_RECORD_STAND = 'R', HR_RECORD_BUNDLE = 'B', HR_RECORD_PART = 'P' };

enum hr_bundle_flag {
	HR_BUNDLE_WATERMARK = 1,	/* it ends with a watermark, whose LSN is its own */
	HR_BUNDLE_CLEAN = 2,		/* no transaction and no copy is open behind it */
	HR_BUNDLE_COPYING = 4,		/* the first copy has not ended */
	HR_BUNDLE_COPIED = 8,		/* it ended in this bundle */
	HR_BUNDLE_SHARED = 16,		/* it has frames for all that are not watermarks */
};

struct hr_bundle {
	hr_lsn lsn;
	int64_t time;		/* of the latest commit in it; 0: there is none */
	uint8_t flags;
	uint32_t tenants;
	const uint8_t *list;	/* lent; for hr_bundle_tenant() */
	const uint8_t *frame;	/* lent */
	size_t len;
};

struct hr_bundle_tenant {
	const char *name;	/* lent */
	uint64_t segment;
	uint8_t tag[HR_SEGMENT_TAG];
};

/* The beginning; then the tenants are added, and then the frame. */
void hr_bundle_encode(const struct hr_bundle *b, struct hr_buf *out);
void hr_bundle_add(struct hr_buf *out, const char *name, uint64_t segment, const uint8_t *tag);
int hr_bundle_decode(struct hr_bundle *b, const uint8_t *data, size_t len, struct hr_err *e) HR_USED;
/* The next tenant of the list: *at begins as b->list. */
struct hr_bundle_tenant hr_bundle_tenant(const uint8_t **at);

struct hr_stand {
	hr_lsn lsn;
	int64_t time;
	uint8_t flags;
	uint64_t next;
	const uint8_t *head;	/* lent */
	uint32_t head_len;
	const uint8_t *relations;	/* lent: frames */
	size_t len;
};

void hr_stand_encode(const struct hr_stand *s, struct hr_buf *out);
int hr_stand_decode(struct hr_stand *s, const uint8_t *data, size_t len, struct hr_err *e) HR_USED;

#endif
