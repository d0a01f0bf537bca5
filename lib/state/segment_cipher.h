/* segment_cipher.h - what the writer and the reader of segments do to a header and a record. */
#ifndef HR_SEGMENT_CIPHER_H
#define HR_SEGMENT_CIPHER_H

#include "state/segment.h"

#define HR_SEGMENT_MAGIC	"HRSEG\r\n\032"
#define HR_SEGMENT_MAGIC_LEN	8
#define HR_SEGMENT_VERSION	1
#define HR_SEGMENT_SEALED	1	/* flags */
#define HR_SEGMENT_AGAIN	2
#define HR_SEGMENT_SALT		32
#define HR_SEGMENT_CHECK	16
#define HR_SEGMENT_LAST		0x5a	/* byte of a record */
#define HR_SEGMENT_END_LEN	16	/* bytes of the end record's data */

/* The key of a segment and its check, by the header up to there. */
void hr_segment_derive(const uint8_t *data_key, const uint8_t *salt, const void *head, size_t n,
    uint8_t key[HR_SEAL_KEY], uint8_t check[HR_SEGMENT_CHECK]);

/* With the whole header.  No key: not sealed. */
void hr_segment_cipher_init(struct hr_segment_cipher *c, const uint8_t *key, const void *head, size_t n);
void hr_segment_cipher_clear(struct hr_segment_cipher *c);

/* What is authenticated with a record's data. */
struct hr_segment_record {
	const uint8_t *before;	/* the tag */
	uint64_t number, place;
	uint8_t kind;
	uint32_t len;
};

/* The data, of some pieces, to out, and the tag. */
void hr_segment_seal(struct hr_segment_cipher *c, const struct hr_segment_record *r, const struct iovec *v, size_t n,
    uint8_t *out, uint8_t tag[HR_SEGMENT_TAG]);
/* In place.  False: it is not what was sealed, and the bytes are lost. */
bool hr_segment_unseal(struct hr_segment_cipher *c, const struct hr_segment_record *r, uint8_t *data,
    const uint8_t tag[HR_SEGMENT_TAG]) HR_USED;
/* The checksum of a record's fixed part, which it ends with. */
uint32_t hr_segment_check(const struct hr_segment_cipher *c, const struct hr_segment_record *r, const uint8_t *fixed);

#endif
