/*
 * parent.h - the tenant of a row that says it by a foreign key.
 *
 * A link is a table that others refer to, and the key they use: it knows, of
 * the rows it has seen or asked for, what they refer to in their turn or which
 * tenant they belong to.  What passes in the stream is known exactly; what did
 * not is asked of the source and is as of now.  A row that has moved since is
 * brought along by its move, which is yet to come, or as soon as it passes and
 * says otherwise: see descend.h.
 *
 * Memory is bounded: the rows seen longest ago are forgotten first.
 */
#ifndef HR_PARENT_H
#define HR_PARENT_H

#include "capture/ancestry.h"
#include "capture/emit.h"
#include "pg/pgoutput.h"

struct hr_capture;
struct hr_transit;

struct hr_link {
	uint32_t id;			/* counts links */
	uint32_t table;
	char kind;
	char *schema, *name;
	int keys, values;
	char **key, **value;		/* columns: what others refer to; where it leads */
	uint32_t tenant_type;		/* of the value, where next is NULL */
	struct hr_link *next;
	struct hr_map young, old;	/* key -> struct entry */
};

/* A table whose rows a link should see: columns of its relation. */
struct hr_feed {
	struct hr_link *link;
	int key[HR_STEP_COLUMNS_MAX], value[HR_STEP_COLUMNS_MAX];
};

/* A move that was read ahead: whoever begins between these has to read it again. */
struct hr_hold {
	hr_lsn commit, until;
};

struct hr_parents {
	struct hr_link **link;
	size_t links, link_cap;
	size_t bytes;			/* in the links' young maps */
	size_t max_bytes;		/* of those; as many are old */
	struct hr_map transit;		/* rows that moved ahead of the stream: descend.h */
	hr_lsn transit_until;
	struct hr_hold *hold;		/* of those the target has not come past; both ascend */
	size_t holds, hold_cap;
	uint64_t looked;		/* the transaction for whose move the tables were looked at */
	uint64_t asked;			/* questions put to the source */
	bool joined;			/* rows have just been brought under the open change's row */
};

/* Where a row leads. */
struct hr_kin {
	struct hr_out *out;		/* its tenant; NULL: nobody's, or one not asked for */
	bool unknown;			/* there is no such row any more at the source */
	bool ahead;			/* it moved with what it is under, in a state yet to come: descend.h */
	bool seen;			/* and what the open transaction does to it was seen then */
	/* rows without a key that are ahead, nobody can say how far: of the nearest such row */
	struct hr_link *link;		/* NULL: none */
	int step;
	struct hr_buf key;
};

/* Find the way of a route by parent, and make its links.  0, or -1. */
int hr_parents_route(struct hr_capture *c, struct hr_route *route, struct hr_err *e) HR_USED;
/* See to it that the links this table feeds see its rows. */
int hr_parents_connect(struct hr_capture *c, struct hr_route *route, struct hr_err *e) HR_USED;
/* A change of a table with feeds: what its rows lead to from here on. */
void hr_parents_see(struct hr_capture *c, const struct hr_route *route, const struct hr_pgo *m);
/* The table has been emptied, and what refers to it. */
void hr_parents_forget(const struct hr_route *route);
/*
 * Have rows under this one, an INSERT's or UPDATE's, been another tenant's so
 * far?  That was asked of the source, which is ahead; or the row was deleted
 * and comes again.  1: they were *was and are *is, 0: not that we know, -1.
 */
int hr_parents_differ(struct hr_capture *c, const struct hr_route *route, const struct hr_pgo *m,
    struct hr_kin *was, struct hr_kin *is, struct hr_err *e) HR_USED;
/* Whose a row is, by its foreign key; gives the kin's key.  0, or -1. */
int hr_parents_tenant(struct hr_capture *c, const struct hr_route *route, const struct hr_cur *tuple,
    struct hr_kin *kin, struct hr_err *e) HR_USED;
/* A row's key as links know it, from the first tuple that has it all.  false: neither has. */
bool hr_parents_key(const struct hr_route *route, const int *column, int n, const struct hr_cur *tuple,
    const struct hr_cur *other, struct hr_buf *key);
/* Where the next capture may begin, when the target has all up to here. */
hr_lsn hr_parents_restart(struct hr_parents *p, hr_lsn acked);
void hr_parents_clear(struct hr_parents *p);

#endif
