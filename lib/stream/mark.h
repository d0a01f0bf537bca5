/*
 * mark.h - payloads of the marks in the stream: watermark, snapshot begin and
 * end, sequence values, fence.
 */
#ifndef HR_MARK_H
#define HR_MARK_H

#include "base/buf.h"
#include "base/err.h"
#include "base/hr.h"
#include "stream/frame.h"

/* A watermark: all tenants are complete up to the frame's LSN. */
struct hr_watermark {
	int64_t time;		/* the source's clock when that was so, or 0 */
	bool idle;		/* nothing was committed since the last one */
};
#define HR_WATERMARK_SIZE 9
void hr_watermark_encode(const struct hr_watermark *m, uint8_t *out);
int hr_watermark_decode(struct hr_watermark *m, const struct hr_frame *f, struct hr_err *e) HR_USED;

/*
 * The first copy begins or has ended; the frame's LSN is its snapshot's.  The
 * relations copied are named; no tenants means all.
 */
struct hr_snapshot {
	bool begins;
	uint32_t relations;
	const uint8_t *relation_list;	/* u32le each; lent */
	uint32_t tenants;
	const char *tenant_list;	/* NUL-terminated each; lent */
};
void hr_snapshot_encode(const struct hr_snapshot *s, struct hr_buf *out, size_t tenant_bytes);
int hr_snapshot_decode(struct hr_snapshot *s, const struct hr_frame *f, struct hr_err *e) HR_USED;

struct hr_sequence {
	const char *schema, *name;	/* lent */
	int64_t last_value;
	bool is_called;
};
void hr_sequence_encode(const struct hr_sequence *s, struct hr_buf *out);
int hr_sequence_decode(struct hr_sequence *s, const struct hr_frame *f, struct hr_err *e) HR_USED;

/* A fence: from here on nothing of an epoch below this one is accepted. */
#define HR_FENCE_SIZE 8
void hr_fence_encode(uint64_t epoch, uint8_t *out);
int hr_fence_decode(uint64_t *epoch, const struct hr_frame *f, struct hr_err *e) HR_USED;

#endif
