/* base_buf - growable bytes, integers in both orders, the cursor. */

#include "base/hr.h"

#include <stdlib.h>

#include "base/buf.h"
#include "tap.h"

static void
growth(void)
{
	struct hr_buf b = HR_BUF_INIT;
	uint8_t *kept, *taken;
	size_t len, i;
	bool same = true;

	is(hr_buf_text(&b), "", "an empty buffer is an empty string");
	for (i = 0; i < 1000; i++)
		hr_buf_u8(&b, (uint8_t)i);
	for (i = 0; i < 1000; i++)
		same &= b.data[i] == (uint8_t)i;
	ok(same && b.len == 1000, "what was put stays when the buffer grows");
	kept = b.data;
	hr_buf_reset(&b);
	hr_buf_put(&b, NULL, 0);
	ok(b.data == kept && b.len == 0, "a reset keeps the memory");
	hr_buf_printf(&b, "%s-%d", "a", 7);
	is(hr_buf_text(&b), "a-7", "printf appends");
	hr_buf_reset(&b);
	hr_buf_printf(&b, "%*s", 5000, "x");
	ok(b.len == 5000 && b.data[4999] == 'x', "printf grows the buffer");
	taken = hr_buf_take(&b, &len);
	ok(len == 5000 && taken[4999] == 'x' && b.data == NULL && b.len == 0, "take gives the bytes away");
	free(taken);
	hr_buf_puts(&b, "again");
	ok(b.len == 5, "and the buffer is ready again");
	hr_buf_clear(&b);
	ok(b.data == NULL && b.cap == 0, "clear frees");
	hr_buf_clear(&b);
}

static void
integers(void)
{
	struct hr_buf b = HR_BUF_INIT;
	struct hr_cur c;

	hr_buf_u16le(&b, 0x0102);
	hr_buf_u32le(&b, 0x01020304);
	hr_buf_u64le(&b, UINT64_C(0x0102030405060708));
	hr_buf_u16be(&b, 0xfffe);
	hr_buf_u32be(&b, 0xfffefdfc);
	hr_buf_u64be(&b, UINT64_C(0xfffefdfcfbfaf9f8));
	ok(b.len == 28 && memcmp(b.data, "\2\1\4\3\2\1\10\7\6\5\4\3\2\1"
	    "\377\376\377\376\375\374\377\376\375\374\373\372\371\370", 28) == 0, "the orders are right");
	c = hr_cur(b.data, b.len);
	ok(hr_cur_u16le(&c) == 0x0102 && hr_cur_u32le(&c) == 0x01020304 &&
	    hr_cur_u64le(&c) == UINT64_C(0x0102030405060708) && hr_cur_u16be(&c) == 0xfffe &&
	    hr_cur_u32be(&c) == 0xfffefdfc && hr_cur_u64be(&c) == UINT64_C(0xfffefdfcfbfaf9f8),
	    "and read back");
	ok(!c.bad && hr_cur_left(&c) == 0, "to the end");
	ok(hr_cur_u8(&c) == 0 && c.bad, "a read beyond the end is bad and gives 0");
	hr_buf_clear(&b);
}

static void
cursor(void)
{
	struct hr_cur c = hr_cur("ab\0cd", 5);

	is(hr_cur_cstr(&c), "ab", "a string ends at its NUL");
	ok(hr_cur_left(&c) == 2 && !c.bad, "and the cursor is behind it");
	is(hr_cur_cstr(&c), "", "a string without NUL is empty");
	ok(c.bad && hr_cur_left(&c) == 0, "and bad");
	c = hr_cur("abc", 3);
	ok(hr_cur_u32le(&c) == 0 && c.bad && hr_cur_left(&c) == 0, "fewer bytes than asked for are none");
	c = hr_cur("abc", 3);
	ok(hr_cur_bytes(&c, SIZE_MAX) == NULL && c.bad, "as many as there are numbers are none");
	c = hr_cur("abc", 3);
	ok(hr_cur_bytes(&c, 3) != NULL && hr_cur_bytes(&c, 0) != NULL && !c.bad, "nothing is always there");
	is(hr_cur_cstr(&c), "", "no string at the end");
	ok(c.bad, "is bad");
}

int
main(void)
{
	growth();
	integers();
	cursor();
	return tap_done();
}
