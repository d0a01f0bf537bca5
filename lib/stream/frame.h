/*
 * frame.h - the unit of the stream: hr-stream(5) is the specification.
 *
 *	offset size field
 *	     0    1 type
 *	     1    1 flags
 *	     2    2 tenant length
 *	     4    4 payload length
 *	     8    8 source LSN
 *	    16    4 count (rows or items inside)
 *	    20    4 CRC-32C of tenant and payload
 *	    24    4 CRC-32C of bytes 0 to 23, continued from that of the frame before
 *	    28      tenant, payload
 *
 * Integers are little-endian.  Values inside tuples are PostgreSQL's own and
 * in network order.
 */
#ifndef HR_FRAME_H
#define HR_FRAME_H

#include "base/buf.h"
#include "base/err.h"
#include "base/hr.h"

#define HR_MAGIC	"\211HRS\r\n\032\n"
#define HR_MAGIC_SIZE	8
#define HR_STREAM_VERSION 1
#define HR_FRAME_SIZE	28			/* the fixed part */
#define HR_FRAME_SUMMED	24			/* of it, what the checksum at its end covers */
#define HR_PAYLOAD_MAX	(UINT32_C(1) << 30)	/* one row can be 1 GB */
#define HR_HEAD_MAX	(UINT32_C(1) << 20)

enum hr_frame_type {
	HR_FRAME_HEAD = 'H',
	HR_FRAME_RELATION = 'R',
	HR_FRAME_ROWS = 'D',
	HR_FRAME_WATERMARK = 'W',
	HR_FRAME_SNAPSHOT = 'S',
	HR_FRAME_PART = 'P',
	HR_FRAME_SEQUENCE = 'Q',
	HR_FRAME_FENCE = 'F',
	HR_FRAME_BLOCK = 'Z',
	HR_FRAME_END = 'E',
};

enum hr_frame_flag {
	HR_MUST = 0x01,		/* a reader that does not know the type refuses */
	HR_ALL = 0x02,		/* for every tenant; the tenant length is 0 */
	HR_COPY = 0x04,		/* rows of the first copy */
	HR_ORDERED = 0x08,	/* other tenants' frames before it come first */
};

struct hr_frame {
	uint8_t type;
	uint8_t flags;
	uint16_t tenant_len;
	uint32_t len;		/* of data */
	hr_lsn lsn;
	uint32_t count;
	const char *tenant;	/* not NUL-terminated */
	const uint8_t *data;
};

/*
 * The checksum at the end of a fixed part.  It continues before, that of the
 * frame before it in the stream, or 0 for the first: a frame that is missing,
 * doubled or out of its place is noticed at the next header.
 */
uint32_t hr_frame_sum(const uint8_t *fixed, uint32_t before);

/* Write the fixed part into out (HR_FRAME_SIZE bytes), checksums included. */
void hr_frame_encode(const struct hr_frame *f, uint32_t before, uint8_t *out);

/*
 * Read the fixed part: checksum of the header and limits are checked, the
 * checksum of what follows is returned in *crc to be compared when the bytes
 * are there.  tenant and data are left NULL.  0, or -1 with *e set.
 */
int hr_frame_decode(struct hr_frame *f, const uint8_t *in, uint32_t before, uint32_t *crc,
    struct hr_err *e) HR_USED;

/* What the fixed part of a frame says; the rest of *f is left as it is. */
static inline void
hr_frame_fixed(struct hr_frame *f, const uint8_t *p)
{
	f->type = p[0];
	f->flags = p[1];
	f->tenant_len = hr_get_u16le(p + 2);
	f->len = hr_get_u32le(p + 4);
	f->lsn = hr_get_u64le(p + 8);
	f->count = hr_get_u32le(p + 16);
}

/* A frame in memory, fixed part in front, all of which is there and was checked; *f lends it. */
static inline void
hr_frame_at(struct hr_frame *f, const uint8_t *p)
{
	hr_frame_fixed(f, p);
	f->tenant = (const char *)p + HR_FRAME_SIZE;
	f->data = p + HR_FRAME_SIZE + f->tenant_len;
}

/* The payload of the end frame. */
struct hr_end {
	uint64_t frames;	/* before this one, the head included */
	uint64_t bytes;		/* before this frame, the magic included */
	uint32_t crc;		/* running: hr_frame_sum() of the last of those */
};
#define HR_END_SIZE 20
void hr_end_encode(const struct hr_end *end, uint8_t *out);
int hr_end_decode(struct hr_end *end, const struct hr_frame *f, struct hr_err *e) HR_USED;

/* "rows", "relation", ...; "unknown" for others. */
const char *hr_frame_name(uint8_t type);

#endif
