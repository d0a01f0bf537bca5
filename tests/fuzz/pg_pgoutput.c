/*
 * Property: a message of the source is refused or taken apart without a look
 * beyond it, and a tuple put into the stream is one the stream can read.  The
 * first byte of the input says whether the message is streamed.
 */

#include "base/hr.h"

#include <stdlib.h>

#include "pg/pgoutput.h"
#include "stream/rows.h"

static void
values(const struct hr_cur *tuple)
{
	static volatile uint8_t last;
	struct hr_pgo_value v;
	int i;

	for (i = 0; i < 64 && hr_pgo_value(tuple, i, &v) == 0; i++)
		if (v.len)
			last = v.data[v.len - 1];
	(void)last;
}

static void
put(const struct hr_cur *tuple, const struct hr_cur *fill)
{
	static struct hr_value value[UINT16_MAX];
	struct hr_buf out = HR_BUF_INIT;	/* a new one: no room is left over */
	struct hr_cur c;
	int unchanged = hr_pgo_put_tuple(&out, tuple, fill), n, i;

	if (unchanged >= 0) {
		n = hr_tuple_decode(out.data, out.len, value, UINT16_MAX);
		c = hr_cur(out.data, out.len);
		if (n < 0 || hr_tuple_skip(&c) != out.len)
			abort();
		for (i = 0; i < n; i++)
			unchanged -= value[i].len == HR_VALUE_UNCHANGED;
		if (unchanged != 0)
			abort();
	} else if (out.len != 0)
		abort();
	hr_buf_clear(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hr_relation *r;
	struct hr_pgo m;
	struct hr_err e;
	bool streamed;

	if (size < 1)
		return 0;
	streamed = data[0] & 1;
	if (hr_pgo_decode(&m, data + 1, size - 1, streamed, &e) < 0)
		return 0;
	switch (m.type) {
	case 'R':
		if (hr_pgo_relation(&r, data + 1, size - 1, streamed, &e) == 0)
			hr_relation_free(r);
		break;
	case 'I':
	case 'U':
		values(&m.tuple);
		put(&m.tuple, NULL);
		/* FALLTHROUGH */
	case 'D':
		if (m.old == '-')
			break;
		values(&m.old_tuple);
		put(&m.old_tuple, NULL);
		if (m.type == 'U')
			put(&m.tuple, &m.old_tuple);
		break;
	}
	return 0;
}
