/*
 * strings.h - columns of bytes: text, JSON, bytea, uuid, whatever has no codec.
 *
 * What is many times there is in a dictionary.  What is not is behind each other:
 * the lengths as integers, the bytes through zstd (RFC 8878), with what the
 * column had in blocks before as its reference, or as they are; where all of them
 * spell bytes in lower-case hex or as uuids, those bytes.
 */
#ifndef HR_STRINGS_H
#define HR_STRINGS_H

#include "codec/coder.h"
#include "codec/ints.h"
#include "codec/zst.h"

struct hr_string {
	const uint8_t *data;
	size_t len;
};

#define HR_STRING_MAX	(UINT32_C(1) << 30)

struct hr_strings_memory {
	struct hr_pick form, length;
};

/* What blocks leave behind for those after them, the same on both sides. */
struct hr_strings_kept {
	struct hr_ints_kept length, place;
	struct hr_dictionary *dictionary;	/* made when needed */
	struct hr_zst_stream text;
};

/* kept may be NULL. */
void hr_strings_encode(struct hr_enc *o, const struct hr_string *s, size_t n, struct hr_strings_memory *m,
    struct hr_strings_kept *kept);
int hr_strings_decode(struct hr_dec *d, struct hr_string *s, size_t n, struct hr_strings_kept *kept) HR_USED;

size_t hr_strings_kept_size(const struct hr_strings_kept *k);
void hr_strings_kept_clear(struct hr_strings_kept *k);

#endif
