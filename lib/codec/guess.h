/*
 * guess.h - what a number of a column is likely to be near to.
 *
 *	commit	when its row's transaction committed, for times of events
 *	version	what the row had before, for counters
 *	column	another column of the row, for times and keys that follow each other
 *	key	the row before of the same value in another column, for the sensors
 *		of a fleet
 *
 * What is written is the difference.  Where there is no such number it is that to
 * the number in front.  What a guess is made from is there when it is made, on
 * both sides: columns in front, and numbers in front of the same column.
 */
#ifndef HR_GUESS_H
#define HR_GUESS_H

#include "codec/coder.h"
#include "codec/dictionary.h"
#include "codec/ints.h"
#include "codec/versions.h"
#include "stream/rows.h"

enum hr_guess_how { HR_GUESS_NONE, HR_GUESS_COMMIT, HR_GUESS_VERSION, HR_GUESS_COLUMN, HR_GUESS_KEY };

/* What blocks leave behind for those after them, the same on both sides. */
struct hr_guess_kept {
	struct hr_dictionary *keys;	/* values of this column, which is the key of others */
	uint64_t *last;			/* of this column, by the key's entry */
	bool *has;
	size_t n;
	uint16_t key;			/* the column whose entries they are, and one */
	uint8_t exponent;		/* that floats had */
};

/* Columns in front, by the last digits of their number: which rows at the beginning are the same. */
#define HR_GUESS_SAME_ROWS	512
#define HR_GUESS_SAME_COLUMNS	16
struct hr_guess_same {
	int column;			/* -1: none yet */
	bool usable;			/* values are there more than once, and are not all the same */
	uint32_t id[HR_GUESS_SAME_ROWS];	/* from 1; 0: of rows that have no value */
};

/* The rows of a section, as far as they are there: columns in the order they are written. */
struct hr_guess_rows {
	struct hr_value *const *v;
	size_t n;
	const uint16_t *order;		/* of columns in a tuple */
	const uint64_t *time;		/* commit times; NULL: nobody asked for them */
	const struct hr_references *references;
	struct hr_guess_kept *const *kept;	/* of each column; NULL: nothing is kept */
	uint32_t *id;			/* room for n: entries of the column that was a key last */
	int key;			/* which is that one; -1: none was */
	struct hr_guess_same *same;	/* what trials have seen of columns; NULL: nothing yet */
	bool timed;			/* a column was written by commit time */
};

/* A column of these, and which row each of its numbers is of. */
struct hr_guess {
	struct hr_guess_rows *rows;
	int at;
	const uint32_t *row;
	unsigned width;			/* bytes of a number; 0: not as integers have it */
	uint8_t exponent;
};

/* Room for trials of a section's numbers, of an arena that lasts as long as the section. */
void hr_guess_begin(struct hr_guess_rows *rows, struct hr_arena *a);

/* Integers in the order of g's rows, which are changed.  pick: what was chosen; ints: of their codec. */
void hr_guess_encode(struct hr_enc *o, uint64_t *v, size_t n, const struct hr_guess *g, struct hr_pick *pick,
    struct hr_pick *ints, struct hr_ints_kept *kept);
int hr_guess_decode(struct hr_dec *d, uint64_t *v, size_t n, const struct hr_guess *g, struct hr_ints_kept *kept)
    HR_USED;

/* A number as its bytes have it, in network order. */
uint64_t hr_number_of(const uint8_t *p, unsigned width);

size_t hr_guess_kept_size(const struct hr_guess_kept *k);
void hr_guess_kept_clear(struct hr_guess_kept *k);
const char *hr_guess_name(uint8_t how);

#endif
