/*
 * copied.h - which parts of a first copy are in.
 *
 * hr.part at the target has a row for each part of the copy that is planned;
 * one that is in is so by the transaction of its last rows.  What is in is as
 * of the stream's position: it follows the changes while the rest is missing.
 */
#ifndef HR_COPIED_H
#define HR_COPIED_H

#include "base/err.h"
#include "base/hr.h"
#include "base/map.h"
#include "pg/conn.h"
#include "state/checkpoint.h"
#include "stream/mark.h"

/* What there is of a table before the copy goes on. */
enum hr_copied_mode {
	HR_COPIED_NONE,		/* nothing that counts: it is copied anew, changes before that are not its */
	HR_COPIED_SOME,		/* by key: changes may meet rows that are missing or there already */
	HR_COPIED_ALL,		/* its changes are as any */
};

struct hr_copied_table {
	uint32_t relation;
	char *name;		/* quoted, as hr.part has it */
	char *shown;		/* for the checkpoint */
	bool keyed;		/* rows that come again can be told */
	enum hr_copied_mode mode;
	struct hr_part *part;	/* in: it is there */
	size_t parts, part_cap;
};

struct hr_copied {
	bool catching_up;	/* changes come before the copy goes on */
	struct hr_copied_table *table;
	size_t tables, table_cap;
	struct hr_map by_id;	/* relation -> its place in table, from 1 */
	struct { uint32_t table, part; } *plan;	/* of the copy under way: its parts in order */
	size_t plans, plan_cap;
};

/* Read what is there; keeps catching_up. */
int hr_copied_load(struct hr_copied *p, struct hr_conn *c, const char *stream, struct hr_err *e) HR_USED;
void hr_copied_clear(struct hr_copied *p);

const struct hr_copied_table *hr_copied_table(const struct hr_copied *p, uint32_t relation);
/* How changes of the table are to be taken while catching up. */
enum hr_copied_mode hr_copied_mode(const struct hr_copied *p, uint32_t relation, const char *name);

/* Is all of this part among those of the table that are in? */
bool hr_copied_covers(const struct hr_copied_table *t, const struct hr_part *part);

/* Begin to plan anew; one table more, taking name and shown over; one part more of the table planned last. */
void hr_copied_plan(struct hr_copied *p);
struct hr_copied_table *hr_copied_plan_table(struct hr_copied *p, uint32_t relation, char *name, char *shown);
void hr_copied_plan_part(struct hr_copied *p, const struct hr_part *part);
/* Write the plan, inside a transaction. */
int hr_copied_save(const struct hr_copied *p, struct hr_conn *c, const char *stream, struct hr_err *e) HR_USED;
/* How many parts of the stream's copy are missing at the target? */
int hr_copied_missing(struct hr_conn *c, const char *stream, int64_t *n, struct hr_err *e) HR_USED;

/* The part of that number in the plan. */
struct hr_part *hr_copied_part(const struct hr_copied *p, uint32_t i);
/* Say in a checkpoint what need not come again. */
void hr_copied_draw(const struct hr_copied *p, struct hr_checkpoint *cp);

#endif
