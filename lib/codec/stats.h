/* stats.h - what each table's columns took, by type and codec. */
#ifndef HR_STATS_H
#define HR_STATS_H

#include "base/buf.h"
#include "base/hr.h"
#include "base/map.h"

struct hr_stats {
	bool wanted;
	struct hr_map map;	/* struct hr_stats_line by table, column, type and codec */
	uint64_t in, out;	/* of the whole stream */
};

/* A column's part of one block. */
void hr_stats_add(struct hr_stats *s, const char *table, const char *column, const char *type,
    const char *codec, uint64_t in, uint64_t out);
/* A table for eyes, or JSON lines. */
void hr_stats_format(const struct hr_stats *s, bool json, struct hr_buf *out);
void hr_stats_clear(struct hr_stats *s);

#endif
