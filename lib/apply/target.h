/*
 * target.h - a table of the stream and the table it is written to.
 *
 * Columns are matched by name and types by name; what does not match is said
 * as an error with the SQL that mends it, when a row needs it.
 */
#ifndef HR_TARGET_H
#define HR_TARGET_H

#include "base/err.h"
#include "base/hr.h"
#include "pg/conn.h"
#include "stream/relation.h"
#include "stream/rows.h"

struct hr_target_column {
	int source;		/* index in the relation; -1: only the target has it */
	char *name;		/* quoted */
	uint32_t type;		/* OID of the type values are sent as */
	uint32_t array;		/* OID of its array, 0: none */
	char *equals;		/* its equality when it is an extension's, or NULL */
	char *cast;		/* "::type" when the target's type differs, or "" */
	bool is_array;		/* unnest would flatten it */
	uint32_t element;	/* put this OID into array values; 0: leave them */
	bool by_text;		/* has no equality: compare as text */
	bool always;		/* GENERATED ALWAYS AS IDENTITY */
	bool loose;		/* its collation takes different values for equal */
	char *base;		/* "::type" of a domain's base, or "" */
	bool lacking;		/* the target has no such column */
	char *lacks;		/* its type as SQL, then */
};

/* A prepared statement of a table, found by kind and mask. */
struct hr_statement {
	char kind;
	char *mask;
	char name[24];
	int sent;		/* 0 not yet, 1 sent, 2 there */
	struct hr_statement *next;
};

struct hr_target {
	struct hr_relation *relation;
	char *table;		/* quoted, with its schema */
	char *only;		/* the same without the tables that inherit from it */
	char *shown;		/* schema.table, for messages */
	bool missing;		/* there is no such table */
	struct hr_err drift;	/* set: rows cannot be written, and why */
	char *awaits;		/* a condition that is false while that is so, then */
	char *create;		/* what makes it, when it is missing */
	struct hr_relation *as_said;	/* as the stream describes it, where relation is not so */
	bool gone;		/* the target had it dropped since: rows go nowhere */
	bool stale;		/* a table was changed since: look it up again before use */
	struct hr_target_column *column;	/* one for each of the relation's */
	int *key;		/* columns of the relation that identify a row */
	int keys;		/* 0: none, rows are found by all their values */
	int uniques;		/* the first so many are a unique index; 0: there is none */
	bool settable;		/* every type has an array: sets can be sent */
	bool copyable;		/* COPY takes tuples: types agree */
	bool verbatim;		/* and no value must be changed on its way */
	bool in_order;		/* triggers fire: rows go one after the other */
	bool partitioned;
	bool key_lacking;	/* rows cannot be found without a column that is not there */
	bool has_always;	/* a column beside the key is GENERATED ALWAYS AS IDENTITY */
	struct hr_pending *pending;	/* batch.c's: rows that wait */
	struct hr_statement *statement;
	int statements;
	uint32_t serial;	/* for statement names */
};

/*
 * Look the table up.  Takes the relation over.  What cannot be written is said
 * in missing or drift, not as an error; -1 only when the server fails.
 */
int hr_target_load(struct hr_target **t, struct hr_conn *c, struct hr_relation *rel,
    uint32_t serial, struct hr_err *e) HR_USED;
void hr_target_free(struct hr_target *t);

/* As the stream describes it. */
static inline const struct hr_relation *
hr_target_described(const struct hr_target *t)
{
	return t->as_said ? t->as_said : t->relation;
}

/* The statement of that kind and mask; made (unsent) when it is new. */
struct hr_statement *hr_target_statement(struct hr_target *t, char kind, const char *mask, size_t len);
/* How the key's column number i is compared: a tenant beside a unique index may be NULL. */
const char *hr_target_equals(const struct hr_target *t, int i);
bool hr_target_is_key(const struct hr_target *t, int column);
/* A new connection: no statement is there. */
void hr_target_forget(struct hr_target *t);

/* SQL that adds the columns the target lacks; NULL when it lacks none.  Gives. */
char *hr_target_add_columns(const struct hr_target *t);
/* And SQL that reverses that.  Gives. */
char *hr_target_drop_columns(const struct hr_target *t);

#endif
