/*
 * versions.h - the last version of rows, which an update is written against.
 *
 * Rows of a section are found by the values of some columns, the replica identity
 * as a rule.  A row that was there before, in this block or in those before it,
 * has a reference; of each other column is written which rows have what their
 * reference has, and of the rest what they have.
 *
 * What is kept is in two parts: when the newer one is full the older one is
 * forgotten.
 */
#ifndef HR_VERSIONS_H
#define HR_VERSIONS_H

#include "codec/coder.h"
#include "stream/rows.h"

#define HR_VERSIONS_KEYS 8		/* columns that rows are found by, at most */

struct hr_versions {
	struct hr_versions_part *newer, *older;
	struct hr_versions_piece *spare;	/* to be used again */
	size_t size;
};

/* A value that is kept: length as in hr_value, and where its bytes are from here. */
struct hr_kept_value {
	int32_t len;
	uint32_t text : 1, at : 31;
};

/* What each row of a block refers to: a version that is kept, or a row before it. */
struct hr_references {
	size_t n, found;
	uint64_t *hash;				/* of the row's key */
	const struct hr_kept_value **version;	/* all columns; or NULL */
	uint32_t *row;				/* in front; its own number: there is none */
	bool *followed;				/* a later one of this block has its key */
};

/*
 * Find them: v[c] are the columns, of which only the first ones, the key's, are
 * looked at.  kept may be NULL.  False: the arena has no room.
 */
bool hr_references_find(struct hr_references *r, struct hr_arena *a, struct hr_value *const *v, size_t n,
    int keys, const struct hr_versions *kept);

/* What column c of row i has in its reference; false: there is none. */
static inline bool
hr_reference(const struct hr_references *r, struct hr_value *const *v, size_t i, int c, struct hr_value *out)
{
	const struct hr_kept_value *k;

	if (r->version[i]) {
		k = &r->version[i][c];
		*out = (struct hr_value){ (const uint8_t *)k + k->at, k->len, k->text };
		return true;
	}
	if (r->row[i] == i)
		return false;
	*out = v[c][r->row[i]];
	return true;
}

/* Keep the last version of each row, when nothing that was kept is lent any more. */
void hr_versions_keep(struct hr_versions *kept, const struct hr_references *r, struct hr_value *const *v,
    int columns);
/* Forget, and give all memory back. */
void hr_versions_clear(struct hr_versions *kept);

#endif
