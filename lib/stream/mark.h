/*
 * mark.h - payloads of the marks in the stream: watermark, snapshot begin and
 * end and the parts between, sequence values, fence.
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
 * A part of a copy: the rows of a table's pages, of those of one of its
 * partitions, or all of its rows.
 */
struct hr_part {
	uint32_t relation;
	uint32_t of;		/* whose pages; 0: the whole table, whatever it consists of */
	uint32_t filenode;	/* the file that had them: in another they are others */
	uint32_t from, to;	/* pages; to 0: up to the end */
	bool in;		/* the target has it already, as far as is known: it does not come */
};
#define HR_PART_SIZE 21

/*
 * A copy begins or has ended; the frame's LSN is its snapshot's.  The
 * relations copied are named, and the parts they come in; no tenants means all.
 * In a frame of one tenant it is just that one's, among others' changes.
 */
enum hr_snapshot_kind {
	HR_SNAPSHOT_ENDED,
	HR_SNAPSHOT_BEGINS,
	HR_SNAPSHOT_HOLD,	/* of one tenant: it will be copied, its changes are kept until that has ended */
};
struct hr_snapshot {
	enum hr_snapshot_kind kind;
	uint32_t relations;
	const uint8_t *relation_list;	/* u32le each; lent */
	uint32_t tenants;
	const char *tenant_list;	/* NUL-terminated each; lent */
	uint32_t parts;
	const uint8_t *part_list;	/* for hr_part_get(); lent */
};
/* part: s->parts of them, in place of part_list. */
void hr_snapshot_encode(const struct hr_snapshot *s, const struct hr_part *part, struct hr_buf *out,
    size_t tenant_bytes);
int hr_snapshot_decode(struct hr_snapshot *s, const struct hr_frame *f, struct hr_err *e) HR_USED;
struct hr_part hr_part_get(const struct hr_snapshot *s, uint32_t i);

/* Rows of the copy that follow are of this part, or: it has ended. */
#define HR_PART_MARK_SIZE 5
void hr_part_mark_encode(uint32_t part, bool ended, uint8_t *out);
int hr_part_mark_decode(uint32_t *part, bool *ended, const struct hr_frame *f, struct hr_err *e) HR_USED;

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
