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
#include "codec/strings.h"
#include "stream/rows.h"

#define HR_VERSIONS_KEYS 8		/* columns that rows are found by, at most */

struct hr_versions {
	struct hr_versions_part *newer, *older;
	struct hr_versions_piece *spare;	/* to be used again */
	size_t size;
};

/* What each row of a block refers to: a version that is kept, or a row before it. */
struct hr_references {
	size_t n, found;
	uint64_t *hash;				/* of the row's key */
	const struct hr_value **version;	/* all columns, as the tuple has them; or NULL */
	uint32_t *row;				/* in front; its own number: there is none */
	bool *followed;				/* a later one of this block has its key */
};

/*
 * Find them, by the values of the first columns of v, the key's.  kept, which may
 * be NULL, holds tuples of so many columns.  False: the arena has no room.
 */
bool hr_references_find(struct hr_references *r, struct hr_arena *a, struct hr_value *const *v, size_t n,
    int keys, int columns, const struct hr_versions *kept);

static inline bool
hr_has_reference(const struct hr_references *r, size_t i)
{
	return r->version[i] || r->row[i] != i;
}

/* What row i has in its reference in column c, whose values are v and which is so in tuples. */
static inline const struct hr_value *
hr_reference(const struct hr_references *r, const struct hr_value *v, size_t i, int c)
{
	if (r->version[i])
		return &r->version[i][c];
	return r->row[i] == i ? NULL : &v[r->row[i]];
}

/* Keep the last version of each row, a tuple, when nothing that was kept is lent any more. */
void hr_versions_keep(struct hr_versions *kept, const struct hr_references *r, const struct hr_string *tuple);
/* Forget, and give all memory back. */
void hr_versions_clear(struct hr_versions *kept);

#endif
