/* stream_rows - items of rows frames, tuples of items. */

#include "base/hr.h"

#include "stream/rows.h"
#include "tap.h"

static struct hr_buf b;
static const struct hr_value pair[] = {
	{ .data = (const uint8_t *)"one", .len = 3 }, { .len = HR_VALUE_NULL },
};

/* One item of that operation and body is refused. */
static void
refused(int op, const void *body, size_t n, const char *what)
{
	struct hr_err e = HR_ERR_INIT;
	struct hr_item it;
	struct hr_cur c;
	size_t mark;

	hr_buf_reset(&b);
	mark = hr_item_open(&b, op);
	hr_buf_put(&b, body, n);
	hr_item_close(&b, mark);
	c = hr_cur(b.data, b.len);
	ok(hr_rows_next(&c, &it, &e) == -1 && e.code == HR_BAD_STREAM, "%s is refused", what);
}

#define REFUSED(op, body, what) refused(op, body, sizeof(body) - 1, what)

static void
put_row(int op, char old, bool before, bool after)
{
	size_t mark = hr_item_open(&b, op);

	hr_buf_u32le(&b, 9);
	if (op != HR_INSERT)
		hr_buf_u8(&b, (uint8_t)old);
	if (before)
		hr_tuple_put(&b, pair, 2);
	if (after)
		hr_tuple_put(&b, pair, 2);
	hr_item_close(&b, mark);
}

static int
next(struct hr_cur *c, struct hr_item *it)
{
	struct hr_err e = HR_ERR_INIT;

	return hr_rows_next(c, it, &e);
}

static void
items(void)
{
	struct hr_item it;
	struct hr_cur c;
	size_t mark, tuple = 2 + 4 + 3 + 4;

	hr_buf_reset(&b);
	hr_put_begin(&b, 7, 8, -9);
	hr_put_origin(&b, 10, "home", 4);
	put_row(HR_INSERT, 0, false, true);
	put_row(HR_UPDATE, '-', false, true);
	put_row(HR_UPDATE, 'K', true, true);
	put_row(HR_UPDATE, 'O', true, true);
	put_row(HR_DELETE, 'K', true, false);
	put_row(HR_DELETE, 'O', true, false);
	mark = hr_item_open(&b, HR_TRUNCATE);
	hr_buf_put(&b, "\3\2\0\0\0\5\0\0\0\6\0\0\0", 13);
	hr_item_close(&b, mark);
	mark = hr_item_open(&b, HR_MESSAGE);
	hr_buf_put(&b, "\1\4\0\0\0\0\0\0\0pre\0body", 17);
	hr_item_close(&b, mark);
	put_row(HR_DROP, 'K', true, false);
	mark = hr_item_open(&b, HR_PUT);
	hr_buf_u32le(&b, 9);
	hr_tuple_put(&b, pair, 2);
	hr_item_close(&b, mark);
	put_row(HR_LEAVE, 1, false, true);
	hr_put_commit(&b, 11);

	c = hr_cur(b.data, b.len);
	ok(next(&c, &it) == 1 && it.op == HR_BEGIN && it.xid == 7 && it.lsn == 8 && it.time == -9, "begin");
	ok(next(&c, &it) == 1 && it.op == HR_ORIGIN && it.lsn == 10 && it.name_len == 4 &&
	    memcmp(it.name, "home", 4) == 0, "origin");
	ok(next(&c, &it) == 1 && it.op == HR_INSERT && it.relation == 9 && it.old == '-' &&
	    it.tuple_len == tuple && it.old_tuple == NULL, "insert");
	ok(next(&c, &it) == 1 && it.op == HR_UPDATE && it.old == '-' && it.tuple_len == tuple &&
	    it.old_tuple == NULL, "update without an old row");
	ok(next(&c, &it) == 1 && it.op == HR_UPDATE && it.old == 'K' && it.tuple_len == tuple &&
	    it.old_len == tuple && it.tuple == it.old_tuple + tuple, "update with an old key");
	ok(next(&c, &it) == 1 && it.op == HR_UPDATE && it.old == 'O', "update with an old row");
	ok(next(&c, &it) == 1 && it.op == HR_DELETE && it.old == 'K' && it.old_len == tuple &&
	    it.tuple == NULL, "delete by key");
	ok(next(&c, &it) == 1 && it.op == HR_DELETE && it.old == 'O', "delete by row");
	ok(next(&c, &it) == 1 && it.op == HR_TRUNCATE && it.options == 3 && it.relations == 2 &&
	    hr_get_u32le(it.relation_list + 4) == 6, "truncate");
	ok(next(&c, &it) == 1 && it.op == HR_MESSAGE && it.options == 1 && it.lsn == 4 &&
	    strcmp(it.name, "pre") == 0 && it.name_len == 3 && it.content_len == 4 &&
	    memcmp(it.content, "body", 4) == 0, "message");
	ok(next(&c, &it) == 1 && it.op == HR_DROP && it.old == 'K' && it.old_len == tuple, "drop");
	ok(next(&c, &it) == 1 && it.op == HR_PUT && it.relation == 9 && it.tuple_len == tuple &&
	    it.old_tuple == NULL, "put");
	ok(next(&c, &it) == 1 && it.op == HR_LEAVE && it.relation == 9 && it.step == 1 && it.tuple_len == tuple,
	    "leave");
	ok(next(&c, &it) == 1 && it.op == HR_COMMIT && it.lsn == 11, "commit");
	ok(next(&c, &it) == 0 && next(&c, &it) == 0, "the end, again and again");
}

static void
bad_items(void)
{
	struct hr_item it;
	struct hr_cur c;
	size_t whole, len, in = 0;

	REFUSED('x', "", "an unknown operation");
	REFUSED('\0', "", "no operation");
	REFUSED(HR_BEGIN, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", "a short begin");
	REFUSED(HR_BEGIN, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", "a long begin");
	REFUSED(HR_COMMIT, "\0\0\0\0\0\0\0", "a short commit");
	REFUSED(HR_COMMIT, "\0\0\0\0\0\0\0\0\0", "a long commit");
	REFUSED(HR_ORIGIN, "\0\0\0\0\0\0\0", "a short origin");
	REFUSED(HR_INSERT, "\0\0\0", "an insert without a table");
	REFUSED(HR_INSERT, "\0\0\0\0", "an insert without a tuple");
	REFUSED(HR_INSERT, "\0\0\0\0\0\0\0", "an insert with a byte too many");
	REFUSED(HR_INSERT, "\0\0\0\0\0\1", "a column that is not there");
	REFUSED(HR_INSERT, "\0\0\0\0\0\1\0\0\0\2x", "a value longer than the item");
	REFUSED(HR_INSERT, "\0\0\0\0\0\1\177\377\377\377x", "a value of two gigabytes");
	REFUSED(HR_INSERT, "\0\0\0\0\0\1\377\377\377\374", "a length of -4");
	REFUSED(HR_INSERT, "\0\0\0\0\0\1\200\0\0\0", "the least length");
	REFUSED(HR_INSERT, "\0\0\0\0\0\1\377\377\377\375", "a text without a length");
	REFUSED(HR_INSERT, "\0\0\0\0\0\1\377\377\377\375\377\377\377\377", "a text of length -1");
	REFUSED(HR_INSERT, "\0\0\0\0\0\1\377\377\377\375\0\0\0\2x", "a text longer than the item");
	REFUSED(HR_UPDATE, "\0\0\0\0", "an update without a kind of old row");
	REFUSED(HR_UPDATE, "\0\0\0\0x\0\0", "an update with another kind of old row");
	REFUSED(HR_UPDATE, "\0\0\0\0K\0\0", "an update with an old row alone");
	REFUSED(HR_DELETE, "\0\0\0\0-\0\0", "a delete without an old row");
	REFUSED(HR_DELETE, "\0\0\0\0K", "a delete whose old row is missing");
	REFUSED(HR_PUT, "\0\0\0\0", "a put without a tuple");
	REFUSED(HR_DROP, "\0\0\0\0-\0\0", "a drop without an old row");
	REFUSED(HR_LEAVE, "\0\0\0\0", "a leave without a step");
	REFUSED(HR_LEAVE, "\0\0\0\0\0", "a leave without a key");
	REFUSED(HR_TRUNCATE, "\0\1\0\0", "a short truncate");
	REFUSED(HR_TRUNCATE, "\0\1\0\0\0", "a truncate whose table is missing");
	REFUSED(HR_TRUNCATE, "\0\377\377\377\377\0\0\0\0", "a truncate of four billion tables");
	REFUSED(HR_TRUNCATE, "\0\0\0\0\0\0", "a truncate with a byte too many");
	REFUSED(HR_MESSAGE, "\0\0\0\0\0\0\0\0", "a short message");
	REFUSED(HR_MESSAGE, "\0\0\0\0\0\0\0\0\0abc", "a prefix without an end");

	hr_buf_reset(&b);
	hr_put_commit(&b, 1);
	whole = b.len;
	hr_put_commit(&b, 1);
	for (len = 1; len < b.len; len++) {
		int more;

		c = hr_cur(b.data, len);
		while ((more = next(&c, &it)) > 0)
			;
		in += more == 0 && len != whole;
	}
	is_number((int64_t)in, 0, "cut inside an item, the frame is refused");
	c = hr_cur("\0\0\0\0", 4);
	is_number(next(&c, &it), -1, "so is an item of no bytes");
	c = hr_cur("\377\377\377\377C", 5);
	is_number(next(&c, &it), -1, "and one of four gigabytes");
}

static void
tuples(void)
{
	static const struct hr_value v[] = {
		{ .data = (const uint8_t *)"one", .len = 3 },
		{ .len = HR_VALUE_NULL },
		{ .len = HR_VALUE_UNCHANGED },
		{ .data = (const uint8_t *)"text", .len = 4, .text = true },
		{ .data = (const uint8_t *)"", .len = 0 },
		{ .data = (const uint8_t *)"", .len = 0, .text = true },
	};
	struct hr_value w[6];
	struct hr_cur c;
	size_t len;

	hr_buf_reset(&b);
	hr_tuple_put(&b, v, 6);
	is_number((int64_t)b.len, 2 + 6 * 4 + 2 * 4 + 3 + 4, "a tuple's size");
	is_number(hr_tuple_decode(b.data, b.len, w, 6), 6, "as many columns as there are");
	ok(w[0].len == 3 && memcmp(w[0].data, "one", 3) == 0 && !w[0].text, "a binary value");
	ok(w[1].len == HR_VALUE_NULL && w[1].data == NULL && !w[1].text, "a NULL");
	ok(w[2].len == HR_VALUE_UNCHANGED && w[2].data == NULL, "an unchanged one");
	ok(w[3].len == 4 && memcmp(w[3].data, "text", 4) == 0 && w[3].text, "a text");
	ok(w[4].len == 0 && w[4].data != NULL && w[5].len == 0 && w[5].text, "two empty ones");
	is_number(hr_tuple_decode(b.data, b.len, w, 5), -1, "more than there is room for");
	c = hr_cur(b.data, b.len);
	is_number((int64_t)hr_tuple_skip(&c), (int64_t)b.len, "skipped, it has the same size");
	for (len = 0; len < b.len; len++) {
		c = hr_cur(b.data, len);
		if (hr_tuple_skip(&c) != 0 || hr_tuple_decode(b.data, len, w, 6) != -1)
			break;
	}
	is_number((int64_t)len, (int64_t)b.len, "cut anywhere it is refused");
	ok(hr_tuple_decode((const uint8_t *)"\0\1\377\377\377\374", 6, w, 6) == -1, "a length of -4");
	ok(hr_tuple_decode((const uint8_t *)"\0\1\377\377\377\375\200\0\0\0", 10, w, 6) == -1,
	    "a text of a negative length");
	ok(hr_tuple_decode((const uint8_t *)"\0\0", 2, w, 0) == 0, "no columns are none");
}

int
main(void)
{
	items();
	bad_items();
	tuples();
	hr_buf_clear(&b);
	return tap_done();
}
