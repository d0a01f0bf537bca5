/*
 * chunk.h - go through a table, chunk by chunk, for what may differ.
 *
 * A table with a key is cut into ranges of it, of --chunk-rows rows at the
 * source; the first and the last are open, so that rows are found that only
 * the target has.  A range is compared by its count and the sums of its
 * hashes; only when these differ are keys and hashes read, of at most twice as
 * many rows of either side, and what differs among them is settled.
 */
#ifndef HR_MIGRATE_CHUNK_H
#define HR_MIGRATE_CHUNK_H

#include "base/err.h"
#include "base/hr.h"
#include "migrate/resume.h"
#include "migrate/table.h"
#include "pg/conn.h"

struct hr_verify;

/* Compare the table, going on where v->resume says; what differs is reported.  0, or -1. */
int hr_chunks_compare(struct hr_verify *v, const struct hr_twin *w, struct hr_err *e) HR_USED;

/* A chunk is done: its end, of n texts, is where another run would go on. */
int hr_chunk_done(struct hr_verify *v, struct hr_resume_table *t, char *const *last, size_t n,
    struct hr_err *e) HR_USED;

/* More rows than this, of either side, are not read at a time. */
int64_t hr_chunk_most(const struct hr_verify *v);

/* Count and sums of hashes, as hr_select_sum() gives them. */
struct hr_sum {
	int64_t rows;
	char text[2][40];
};

void hr_sum_read(struct hr_sum *s, const struct hr_result *r, int row, int from);
bool hr_sum_same(const struct hr_sum *a, const struct hr_sum *b);

#endif
