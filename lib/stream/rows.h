/*
 * rows.h - the items inside a rows frame, and the tuples inside items.
 *
 * An item is a u32le length, an operation, and length - 1 bytes of body.  A
 * tuple is one row as COPY ... (FORMAT binary) writes it: int16 columns, then
 * for each an int32 length and the value in network order.  A length of -1 is
 * NULL, -2 an unchanged TOAST value that was not sent, -3 a value in text: a
 * further int32 length and the text follow.
 */
#ifndef HR_ROWS_H
#define HR_ROWS_H

#include "base/buf.h"
#include "base/err.h"
#include "base/hr.h"

enum hr_op {
	HR_BEGIN = 'B',		/* u32 xid, u64 commit LSN, i64 commit time */
	HR_ORIGIN = 'O',	/* u64 origin LSN, name */
	HR_INSERT = 'I',	/* u32 relation, tuple */
	HR_PUT = 'P',		/* the same, of a row that may be there already */
	HR_UPDATE = 'U',	/* u32 relation, old '-' 'K' 'O', [old tuple], tuple */
	HR_DELETE = 'D',	/* u32 relation, old 'K' 'O', old tuple */
	HR_DROP = 'X',		/* the same, of a row that need not be there */
	HR_LEAVE = 'L',		/* u32 relation, u8 step, tuple of the step's columns */
	HR_TRUNCATE = 'T',	/* u8 options, u32 n, n * u32 relation */
	HR_MESSAGE = 'M',	/* u8 transactional, u64 LSN, prefix NUL, content */
	HR_COMMIT = 'C',	/* u64 end LSN */
};

enum { HR_TRUNCATE_CASCADE = 1, HR_TRUNCATE_RESTART = 2 };
enum { HR_VALUE_NULL = -1, HR_VALUE_UNCHANGED = -2, HR_VALUE_TEXT = -3 };

/* One item, taken apart.  Pointers are lent by the frame's data. */
struct hr_item {
	enum hr_op op;
	uint32_t relation;
	char old;		/* '-', 'K' or 'O' */
	const uint8_t *old_tuple, *tuple;
	size_t old_len, tuple_len;
	bool binary;		/* the tuple's values are all there, and none is text */
	uint8_t step;		/* HR_LEAVE: of the relation's way to its tenant */
	uint32_t xid;		/* HR_BEGIN */
	hr_lsn lsn;		/* commit, end, origin or message LSN */
	int64_t time;		/* HR_BEGIN: microseconds since 2000-01-01 */
	uint8_t options;	/* HR_TRUNCATE, HR_MESSAGE */
	uint32_t relations;	/* HR_TRUNCATE */
	const uint8_t *relation_list;	/* u32le each */
	const char *name;	/* origin or prefix */
	size_t name_len;
	const uint8_t *content;
	size_t content_len;
};

/*
 * The next item of the cursor: 1 with *it filled, 0 at the end, -1 with *e
 * set.  Tuples are checked for shape: every length lies inside the item.
 */
int hr_rows_next(struct hr_cur *c, struct hr_item *it, struct hr_err *e) HR_USED;

/* Append an item. hr_item_open() .. hr_item_close() for bodies built in place. */
size_t hr_item_open(struct hr_buf *b, enum hr_op op);	/* gives the mark */
void hr_item_close(struct hr_buf *b, size_t mark);
void hr_put_begin(struct hr_buf *b, uint32_t xid, hr_lsn commit, int64_t time);
void hr_put_commit(struct hr_buf *b, hr_lsn end);
void hr_put_origin(struct hr_buf *b, hr_lsn lsn, const char *name, size_t len);

/* One value of a tuple.  len is negative for HR_VALUE_NULL and UNCHANGED. */
struct hr_value {
	const uint8_t *data;
	int32_t len;
	bool text;
};

/*
 * Take a tuple apart into at most max values; the number of columns, or -1
 * when it is not well-formed or has more.
 */
int hr_tuple_decode(const uint8_t *tuple, size_t len, struct hr_value *value, int max);
/* Bytes of the well-formed tuple at the cursor, which moves behind; or 0. */
size_t hr_tuple_skip(struct hr_cur *c);
void hr_tuple_put(struct hr_buf *b, const struct hr_value *value, int n);

/*
 * The same of values that do not lie side by side: begin one of n columns with room
 * for so many bytes of values, then write each where the one before it ended.
 * hr_value_put() gives the place behind it.
 */
uint8_t *hr_tuple_begin(struct hr_buf *b, int n, size_t bytes);

static inline size_t
hr_value_size(const struct hr_value *v)
{
	return (v->text ? 8 : 4) + (v->len > 0 ? (size_t)v->len : 0);
}

static inline uint8_t *
hr_value_put(uint8_t *to, const struct hr_value *v)
{
	if (v->text) {
		hr_set_u32be(to, (uint32_t)HR_VALUE_TEXT);
		to += 4;
	}
	hr_set_u32be(to, (uint32_t)v->len);
	to += 4;
	if (v->len <= 0)
		return to;
	hr_copy(to, v->data, (size_t)v->len);
	return to + v->len;
}

#endif
