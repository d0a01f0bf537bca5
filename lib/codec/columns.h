/*
 * columns.h - frames to columns and back: what is in a block.
 *
 * All frames of a block together: their types, places, LSNs as columns; the
 * operations of all items as one column, with xids, LSNs and times; and the
 * tuples by table, role and number of columns, each column by itself.  A rows
 * frame that is not well-formed, and payloads of other frames, are strings.
 *
 * What comes back is the frames bit for bit; block.h's check proves it.
 */
#ifndef HR_COLUMNS_H
#define HR_COLUMNS_H

#include "base/map.h"
#include "codec/coder.h"
#include "codec/column.h"
#include "codec/kept.h"
#include "codec/stats.h"
#include "codec/zst.h"
#include "stream/block.h"
#include "stream/relation.h"
#include "stream/rows.h"

/* A frame and its place in the bundle. */
struct hr_placed {
	struct hr_frame f;
	uint32_t place;
};

struct hr_columns {
	struct hr_enc enc;
	struct hr_dec dec;
	struct hr_zst zst;
	struct hr_relations relations;	/* as relation frames told; for types alone */
	struct hr_stats stats;
	struct hr_keep keep;
	/* what was tried */
	struct hr_pick series[HR_SERIES_ALL];
	struct hr_strings_memory tenants, payloads, origins, bodies;
	struct hr_map memory;		/* struct hr_section_memory by table, role and columns */
	size_t memory_bytes;
	/* of the block in the making */
	struct hr_kept *kept;
	struct hr_item *item;
	size_t items, item_cap;
	struct hr_section *section;
	size_t sections, section_cap;
	uint64_t block;			/* its number, from 1 */
	uint32_t *tuple;		/* the section of each */
	size_t tuples, tuple_cap;
	struct hr_buf packed;
};

/* An unpacked frame: its bytes, the fixed part included, at some place. */
struct hr_record {
	uint32_t place;
	size_t at, len;
};

struct hr_records {
	struct hr_buf bytes;
	struct hr_record *v;
	size_t n, cap;
};

void hr_columns_init(struct hr_columns *c, int level);
/*
 * Append the body to out.  With tenants each frame's is in it.  kept is what the
 * blocks before left; NULL: nothing, and nothing is left.
 */
void hr_columns_encode(struct hr_columns *c, const struct hr_placed *frame, size_t n, bool tenants,
    struct hr_kept *kept, struct hr_buf *out);
/*
 * Append the frames of a block in columns, each as it was but for the checksum
 * at offset 24.  tenant is the block's own.  False: it is not well-formed.
 */
bool hr_columns_decode(struct hr_columns *c, const struct hr_block *b, const char *tenant, size_t tenant_len,
    struct hr_kept *kept, struct hr_records *out) HR_USED;
void hr_columns_clear(struct hr_columns *c);

/* How a frame is kept. */
enum { HR_KIND_PAYLOAD, HR_KIND_ITEMS, HR_KIND_WATERMARK };

/* Operations in a block: those of items, and these where the item's old is not the usual. */
enum {
	HR_OP_UPDATE_KEY = 'k',		/* update, old K */
	HR_OP_UPDATE_OLD = 'o',		/* update, old O */
	HR_OP_DELETE_OLD = 'd',		/* delete, old O */
	HR_OP_DROP_OLD = 'x',		/* drop, old O */
};

/* In front of a section, with the number of its keys: commit times of rows are needed. */
#define HR_SECTION_TIMED	0x80

/* What the tuples of a section are. */
enum { HR_ROLE_NEW, HR_ROLE_KEY, HR_ROLE_OLD, HR_ROLE_LEAVE, HR_ROLES };

#endif
