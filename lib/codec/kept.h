/*
 * kept.h - what the blocks of one tenant, or of all, leave for those after them.
 *
 * Who packs and who unpacks keep the same, as blocks go by.  A key block begins
 * anew.  In all it is held to a limit that blocks name: at the end of a bundle
 * those whose last block is longest ago are forgotten, by both sides alike, and
 * begin with a key block.  Who is sent only some tenants' blocks forgets no more
 * than who packed all.
 */
#ifndef HR_KEPT_H
#define HR_KEPT_H

#include "base/map.h"
#include "codec/column.h"
#include "codec/versions.h"

/* The columns that every block has, in their order there. */
enum hr_series {
	HR_SERIES_TYPE, HR_SERIES_FLAGS, HR_SERIES_PLACE, HR_SERIES_LSN, HR_SERIES_KIND, HR_SERIES_COUNT,
	HR_SERIES_ITEMS, HR_SERIES_TIME, HR_SERIES_IDLE, HR_SERIES_OP, HR_SERIES_XID, HR_SERIES_BEGIN,
	HR_SERIES_BEGIN_TIME, HR_SERIES_COMMIT, HR_SERIES_ORIGIN, HR_SERIES_STEP, HR_SERIES_SECTION,
	HR_SERIES_ALL,
};

/* Of the tuples of a table that are of one role and have so many columns. */
struct hr_section_kept {
	size_t size;
	int columns;
	struct hr_versions versions;
	struct hr_column_kept column[];
};

struct hr_kept {
	uint32_t blocks;		/* since the key block, that included; 0: it needs one */
	size_t size, rest;		/* of all of it; of what is no section */
	size_t shared;			/* size when a block was last written */
	struct hr_ints_kept series[HR_SERIES_ALL];
	struct hr_strings_kept tenants, payloads, origins, bodies;
	struct hr_map section;		/* struct hr_section_kept by table, role and columns */
	struct hr_buf meta;		/* of the last block */
	bool linked;			/* among those that may be forgotten */
	struct hr_kept *newer, *older;
};

struct hr_keep {
	struct hr_map map;		/* struct hr_kept by what blocks are of */
	struct hr_kept *newest, *oldest;
	size_t size, limit;
};

/*
 * What the tuples of a table may take, or the rest of all blocks; what is nearly
 * full leaves no room for more.  With versions.h's part it is 16 MB.
 */
#define HR_KEPT_WINDOWS	(8 * 1024 * 1024)
#define HR_KEPT_ENTRIES	(4 * 1024 * 1024)
#define HR_META_KEPT_MAX	65536

/* Of a tenant, or of all; made when new. */
struct hr_kept *hr_keep_at(struct hr_keep *k, bool all, const char *tenant, size_t len);
/* A block of it is written or read: it is the last to be forgotten. */
void hr_keep_done(struct hr_keep *k, struct hr_kept *of);
/* The bundle has ended: forget what is beyond the limit. */
void hr_keep_trim(struct hr_keep *k);
void hr_keep_clear(struct hr_keep *k);
/* The block was not written after all: the next one is a key block. */
void hr_kept_undo(struct hr_keep *k, struct hr_kept *of);

/* Forget: the next block is a key block. */
void hr_kept_reset(struct hr_keep *k, struct hr_kept *of);
/* What a section is found by. */
struct hr_section_key {
	uint8_t bytes[7];
};
struct hr_section_key hr_section_key(uint32_t relation, uint8_t role, int columns);
/* Of a section; made when new. */
struct hr_section_kept *hr_kept_section(struct hr_kept *of, struct hr_section_key key, int columns);
/* What guesses at its columns keep, in the order that these are written; lent by the arena, NULL: no room. */
struct hr_guess_kept *const *hr_kept_guesses(struct hr_section_kept *s, const uint16_t *order, struct hr_arena *a);
/* What the windows of a block may take in all. */
size_t hr_keep_left(const struct hr_keep *k);
/* The most that they can have been allowed, whatever who packed had forgotten: all but what that one keeps. */
size_t hr_keep_most(const struct hr_keep *k, const struct hr_kept *of);
/* They took so much: forget what who packed cannot have had any more. */
void hr_keep_took(struct hr_keep *k, const struct hr_kept *of, size_t windows);
/* Of what is left of it, what they may in a section; NULL: in the rest of the block. */
size_t hr_kept_room(size_t left, const struct hr_kept *of, const struct hr_section_kept *s);
/* What dictionaries may, which is the same for both sides. */
size_t hr_kept_entries(const struct hr_kept *of, const struct hr_section_kept *s);
/* Sizes, when a section or, NULL, the rest of a block has been coded. */
void hr_kept_settle(struct hr_keep *k, struct hr_kept *of, struct hr_section_kept *s);

#endif
