/* rows.c - items and tuples of rows frames. */

#include "base/hr.h"

#include "stream/rows.h"

static size_t
skip(struct hr_cur *c, bool *binary)
{
	const uint8_t *start = c->at;
	int n = hr_cur_u16be(c), i;

	*binary = true;
	for (i = 0; i < n; i++) {
		int32_t len = (int32_t)hr_cur_u32be(c);

		*binary &= len >= HR_VALUE_NULL;
		if (len == HR_VALUE_TEXT) {
			len = (int32_t)hr_cur_u32be(c);
			if (len < 0)
				c->bad = true;
		}
		if (len < HR_VALUE_UNCHANGED)
			c->bad = true;
		if (len > 0)
			hr_cur_bytes(c, (size_t)len);
		if (c->bad)
			return 0;
	}
	return c->bad ? 0 : (size_t)(c->at - start);
}

size_t
hr_tuple_skip(struct hr_cur *c)
{
	bool binary;

	return skip(c, &binary);
}

int
hr_tuple_decode(const uint8_t *tuple, size_t len, struct hr_value *value, int max)
{
	struct hr_cur c = hr_cur(tuple, len);
	int n = hr_cur_u16be(&c), i;

	if (n > max)
		return -1;
	for (i = 0; i < n; i++) {
		struct hr_value *v = &value[i];

		v->len = (int32_t)hr_cur_u32be(&c);
		v->text = v->len == HR_VALUE_TEXT;
		if (v->text) {
			v->len = (int32_t)hr_cur_u32be(&c);
			if (v->len < 0)
				return -1;
		}
		v->data = NULL;
		if (v->len >= 0)
			v->data = hr_cur_bytes(&c, (size_t)v->len);
		else if (v->len < HR_VALUE_UNCHANGED)
			return -1;
		if (c.bad)
			return -1;
	}
	return c.bad ? -1 : n;
}

uint8_t *
hr_tuple_begin(struct hr_buf *b, int n, size_t bytes)
{
	hr_buf_u16be(b, (uint16_t)n);
	hr_buf_need(b, bytes);
	b->len += bytes;
	return b->data + b->len - bytes;
}

void
hr_tuple_put(struct hr_buf *b, const struct hr_value *value, int n)
{
	size_t bytes = 0;
	uint8_t *to;
	int i;

	for (i = 0; i < n; i++)
		bytes += hr_value_size(&value[i]);
	to = hr_tuple_begin(b, n, bytes);
	for (i = 0; i < n; i++)
		to = hr_value_put(to, &value[i]);
}

static int
bad_item(struct hr_err *e, uint8_t op)
{
	return hr_fail(e, HR_BAD_STREAM, "a rows frame with a malformed item '%c'",
	    op >= ' ' && op < 127 ? op : '?');
}

int
hr_rows_next(struct hr_cur *c, struct hr_item *it, struct hr_err *e)
{
	struct hr_cur b;
	uint32_t len;
	const uint8_t *body;

	if (hr_cur_left(c) == 0)
		return 0;
	len = hr_cur_u32le(c);
	body = hr_cur_bytes(c, len);
	if (c->bad || len == 0)
		return hr_fail(e, HR_BAD_STREAM, "a rows frame whose items do not fill it");
	*it = (struct hr_item){ .op = body[0] };
	b = hr_cur(body + 1, len - 1);
	switch (it->op) {
	case HR_BEGIN:
		it->xid = hr_cur_u32le(&b);
		it->lsn = hr_cur_u64le(&b);
		it->time = (int64_t)hr_cur_u64le(&b);
		break;
	case HR_COMMIT:
		it->lsn = hr_cur_u64le(&b);
		break;
	case HR_ORIGIN:
		it->lsn = hr_cur_u64le(&b);
		it->name_len = hr_cur_left(&b);
		it->name = (const char *)hr_cur_bytes(&b, it->name_len);
		break;
	case HR_INSERT:
	case HR_PUT:
		it->relation = hr_cur_u32le(&b);
		it->old = '-';
		it->tuple = b.at;
		it->tuple_len = skip(&b, &it->binary);
		break;
	case HR_UPDATE:
		it->relation = hr_cur_u32le(&b);
		it->old = (char)hr_cur_u8(&b);
		if (it->old == 'K' || it->old == 'O') {
			it->old_tuple = b.at;
			it->old_len = hr_tuple_skip(&b);
		} else if (it->old != '-')
			b.bad = true;
		it->tuple = b.at;
		it->tuple_len = skip(&b, &it->binary);
		break;
	case HR_DELETE:
	case HR_DROP:
		it->relation = hr_cur_u32le(&b);
		it->old = (char)hr_cur_u8(&b);
		if (it->old != 'K' && it->old != 'O')
			b.bad = true;
		it->old_tuple = b.at;
		it->old_len = hr_tuple_skip(&b);
		break;
	case HR_LEAVE:
		it->relation = hr_cur_u32le(&b);
		it->step = hr_cur_u8(&b);
		it->tuple = b.at;
		it->tuple_len = skip(&b, &it->binary);
		break;
	case HR_TRUNCATE:
		it->options = hr_cur_u8(&b);
		it->relations = hr_cur_u32le(&b);
		if (it->relations > hr_cur_left(&b) / 4)
			b.bad = true;
		else
			it->relation_list = hr_cur_bytes(&b, (size_t)it->relations * 4);
		break;
	case HR_MESSAGE:
		it->options = hr_cur_u8(&b);
		it->lsn = hr_cur_u64le(&b);
		it->name = hr_cur_cstr(&b);
		it->name_len = b.bad ? 0 : (size_t)(b.at - (const uint8_t *)it->name) - 1;
		it->content_len = hr_cur_left(&b);
		it->content = hr_cur_bytes(&b, it->content_len);
		break;
	default:
		return bad_item(e, body[0]);
	}
	if (b.bad || hr_cur_left(&b))
		return bad_item(e, body[0]);
	return 1;
}

size_t
hr_item_open(struct hr_buf *b, enum hr_op op)
{
	size_t mark = b->len;

	hr_buf_u32le(b, 0);
	hr_buf_u8(b, (uint8_t)op);
	return mark;
}

void
hr_item_close(struct hr_buf *b, size_t mark)
{
	hr_set_u32le(b->data + mark, (uint32_t)(b->len - mark - 4));
}

void
hr_put_begin(struct hr_buf *b, uint32_t xid, hr_lsn commit, int64_t time)
{
	size_t m = hr_item_open(b, HR_BEGIN);

	hr_buf_u32le(b, xid);
	hr_buf_u64le(b, commit);
	hr_buf_u64le(b, (uint64_t)time);
	hr_item_close(b, m);
}

void
hr_put_commit(struct hr_buf *b, hr_lsn end)
{
	size_t m = hr_item_open(b, HR_COMMIT);

	hr_buf_u64le(b, end);
	hr_item_close(b, m);
}

void
hr_put_origin(struct hr_buf *b, hr_lsn lsn, const char *name, size_t len)
{
	size_t m = hr_item_open(b, HR_ORIGIN);

	hr_buf_u64le(b, lsn);
	hr_buf_put(b, name, len);
	hr_item_close(b, m);
}
