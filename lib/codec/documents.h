/*
 * documents.h - columns of JSON, taken apart.
 *
 * A document is its shape, which is its text with a mark in place of each scalar,
 * and the scalars, which are columns by path and kind: integers, decimals, the
 * insides of strings, true and false and null, other numbers.  Shapes are strings,
 * mostly the same few.  Whatever the text, it comes back byte for byte: what is no
 * JSON is a shape of its own.
 */
#ifndef HR_DOCUMENTS_H
#define HR_DOCUMENTS_H

#include "base/map.h"
#include "codec/paths.h"
#include "codec/strings.h"

struct hr_documents_memory {
	struct hr_strings_memory shape;
	struct hr_map path;		/* struct hr_path_memory by path and kind */
};

/* What blocks leave behind for those after them, the same on both sides. */
struct hr_documents_kept {
	struct hr_strings_kept shape;
	struct hr_paths_kept paths;
};

/* False, with nothing written and nothing kept: too many are no documents. */
bool hr_documents_encode(struct hr_enc *o, const struct hr_string *s, size_t n, struct hr_documents_memory *m,
    struct hr_documents_kept *kept);
/* With front each gets a byte in front, which is 1. */
int hr_documents_decode(struct hr_dec *d, struct hr_string *s, size_t n, bool front,
    struct hr_documents_kept *kept) HR_USED;

void hr_documents_memory_clear(struct hr_documents_memory *m);
size_t hr_documents_kept_size(const struct hr_documents_kept *k);
void hr_documents_kept_clear(struct hr_documents_kept *k);

#endif
