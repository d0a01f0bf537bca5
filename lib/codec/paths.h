/*
 * paths.h - the scalars of documents, in columns by path and kind.
 *
 * A path is the hash of the keys above a scalar.  Integers, decimals and words are
 * numbers, the insides of strings and other numbers are strings; a column mostly has
 * what another path of the document has, or the document in front, or is written by
 * the codec of its kind.
 */
#ifndef HR_PATHS_H
#define HR_PATHS_H

#include "base/map.h"
#include "codec/coder.h"
#include "codec/strings.h"

#define HR_PATHS_MOST		1024	/* of one column of documents in a block, and kept */
#define HR_DIGITS_MOST		18	/* of a number that is an integer here */

/* What stands for scalars in shapes; none of these bytes can be in JSON.  WHOLE: what is no JSON. */
enum hr_mark { HR_MARK_STRING = 1, HR_MARK_INTEGER, HR_MARK_DECIMAL, HR_MARK_WORD, HR_MARK_NUMBER, HR_MARK_WHOLE };

/* null, false and true, in the order of a word's integer. */
enum { HR_WORDS = 3 };
extern const char *const hr_word[HR_WORDS];
extern const uint8_t hr_word_len[HR_WORDS];

/* A scalar of a text, or where a mark is in a shape. */
struct hr_scalar {
	enum hr_mark kind;
	const uint8_t *at;
	size_t len;
	uint64_t path;
	int64_t integer;
	unsigned decimals;
};

/* The values of a path in one block. */
struct hr_path {
	uint64_t path;
	enum hr_mark kind;
	size_t n, at, cap;
	uint64_t *integer, *decimals;
	struct hr_string *string;
};

struct hr_paths {
	struct hr_arena *arena;
	struct hr_path *column;
	size_t n;
	uint32_t *slot;			/* index + 1, by path and kind */
};

/* What blocks leave behind for those after them, the same on both sides. */
struct hr_paths_kept {
	struct hr_map map;		/* struct hr_path_kept by path and kind */
	size_t size;
};

/* n bytes to where there is room for them; gives the place behind. */
static inline uint8_t *
hr_bytes_put(uint8_t *to, const void *p, size_t n)
{
	if (n)
		memcpy(to, p, n);
	return to + n;
}

/* False: the arena has no room. */
bool hr_paths_open(struct hr_paths *c, struct hr_arena *a);
/* The column of a path and kind; NULL: there are too many. */
struct hr_path *hr_paths_at(struct hr_paths *c, uint64_t path, enum hr_mark kind);
/* Take back the newest columns, down to n of them. */
void hr_paths_drop(struct hr_paths *c, size_t n);
void hr_path_append(struct hr_path *k, const struct hr_scalar *s, struct hr_arena *a);

/* All columns, in their order; memory is what was tried, struct hr_path_memory by path and kind; kept may be NULL. */
void hr_paths_encode(struct hr_enc *o, const struct hr_paths *c, struct hr_map *memory, struct hr_paths_kept *kept);
/* Each has been told how many values it has.  Adds the bytes that they are in documents to *size. */
bool hr_paths_decode(struct hr_dec *d, const struct hr_paths *c, struct hr_paths_kept *kept, size_t *size) HR_USED;
/* The next scalar of a column, as a document has it; gives the place behind it. */
uint8_t *hr_path_give(struct hr_path *k, uint8_t *to);

void hr_paths_kept_clear(struct hr_paths_kept *k);

#endif
