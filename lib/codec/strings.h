/*
 * strings.h - columns of bytes: text, JSON, bytea, uuid, whatever has no codec.
 *
 * A dictionary and places in it, when few strings are many times there; else
 * the lengths as integers, and the bytes behind each other through zstd, or as
 * they are when it finds nothing (RFC 8878).
 */
#ifndef HR_STRINGS_H
#define HR_STRINGS_H

#include "codec/coder.h"

struct hr_string {
	const uint8_t *data;
	size_t len;
};

#define HR_STRING_MAX	(UINT32_C(1) << 30)

struct hr_strings_memory {
	struct hr_pick form, length, place;
};

void hr_strings_encode(struct hr_enc *o, const struct hr_string *s, size_t n, struct hr_strings_memory *m);
int hr_strings_decode(struct hr_dec *d, struct hr_string *s, size_t n) HR_USED;

#endif
