/*
 * Property: items taken apart and put together again are the same bytes, and
 * each tuple that is skipped is decoded, to the same end.
 */

#include "base/hr.h"

#include <stdlib.h>

#include "stream/rows.h"

static void
put_tuple(struct hr_buf *b, const uint8_t *tuple, size_t len)
{
	static struct hr_value value[UINT16_MAX];
	struct hr_cur c = hr_cur(tuple, len);
	size_t from = b->len;
	int n = hr_tuple_decode(tuple, len, value, UINT16_MAX);

	if (n < 0 || hr_tuple_skip(&c) != len)
		abort();
	hr_tuple_put(b, value, n);
	if (b->len - from != len)
		abort();
}

static void
put_item(struct hr_buf *b, const struct hr_item *it)
{
	size_t mark = hr_item_open(b, it->op);

	switch (it->op) {
	case HR_BEGIN:
		b->len = mark;
		hr_put_begin(b, it->xid, it->lsn, it->time);
		break;
	case HR_COMMIT:
		b->len = mark;
		hr_put_commit(b, it->lsn);
		break;
	case HR_ORIGIN:
		b->len = mark;
		hr_put_origin(b, it->lsn, it->name, it->name_len);
		break;
	case HR_INSERT:
	case HR_PUT:
	case HR_UPDATE:
	case HR_DELETE:
	case HR_DROP:
	case HR_LEAVE:
		hr_buf_u32le(b, it->relation);
		if (it->op == HR_LEAVE)
			hr_buf_u8(b, it->step);
		else if (it->op != HR_INSERT && it->op != HR_PUT)
			hr_buf_u8(b, (uint8_t)it->old);
		if (it->old_tuple)
			put_tuple(b, it->old_tuple, it->old_len);
		if (it->tuple)
			put_tuple(b, it->tuple, it->tuple_len);
		break;
	case HR_TRUNCATE:
		hr_buf_u8(b, it->options);
		hr_buf_u32le(b, it->relations);
		hr_buf_put(b, it->relation_list, (size_t)it->relations * 4);
		break;
	case HR_MESSAGE:
		hr_buf_u8(b, it->options);
		hr_buf_u64le(b, it->lsn);
		hr_buf_put(b, it->name, it->name_len + 1);
		hr_buf_put(b, it->content, it->content_len);
		break;
	}
	hr_item_close(b, mark);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct hr_buf b;
	struct hr_cur c = hr_cur(data, size);
	struct hr_item it;
	struct hr_err e;

	hr_buf_reset(&b);
	while (hr_rows_next(&c, &it, &e) > 0)
		put_item(&b, &it);
	if (b.len > size || (b.len && memcmp(b.data, data, b.len) != 0))
		abort();
	return 0;
}
