/* Messages and values of a queue: there and back, and what is none. */
#include "base/hr.h"

#include <string.h>

#include "base/buf.h"
#include "net/queue.h"
#include "tap.h"

static void
names(void)
{
	struct hr_buf b = HR_BUF_INIT;

	hr_queue_subject(&b, "shop", "acme inc.");
	is((char *)b.data, "shop.acme%20inc%2E", "a tenant's subject");
	hr_buf_reset(&b);
	hr_queue_key(&b, HR_QUEUE_SENT, "acme inc.");
	is((char *)b.data, "sent-acme=20inc=2E", "the key of what was sent");
	hr_buf_reset(&b);
	hr_queue_key(&b, HR_QUEUE_AT, "sent-acme");
	is((char *)b.data, "at-sent-acme", "that of who reads is another one");
	hr_buf_clear(&b);
}

static void
stands(void)
{
	static const char *const none[] = { "", "\n", "ab 1 whole", "ab 1 half\n", "ab x whole\n", "ab 1 whole more\n",
	    "xy 1 whole\n", "0123456789abcdef0123456789abcdef0 1 whole\n", "ab 1\n" };
	struct hr_queue_stand s = { .session = "0123456789abcdef0123456789abcdef", .place = UINT64_MAX, .lost = true,
	    .checkpoint = (const uint8_t *)"one\ntwo", .len = 7 }, back;
	struct hr_buf b = HR_BUF_INIT;
	struct hr_err e = HR_ERR_INIT;
	size_t i;

	hr_queue_stand_encode(&s, &b);
	ok(hr_queue_stand_decode(&back, b.data, b.len, &e) == 0, "a value is read");
	is(back.session, s.session, "its session");
	ok(back.place == UINT64_MAX && back.lost, "its place, and that it is lost");
	ok(back.len == 7 && memcmp(back.checkpoint, "one\ntwo", 7) == 0, "the checkpoint behind it, with its lines");
	hr_buf_reset(&b);
	s = (struct hr_queue_stand){ .session = "ab" };
	hr_queue_stand_encode(&s, &b);
	ok(hr_queue_stand_decode(&back, b.data, b.len, &e) == 0 && back.len == 0 && !back.lost && back.place == 0,
	    "one without a checkpoint");
	for (i = 0; i < HR_COUNT(none); i++) {
		hr_err_clear(&e);
		ok(hr_queue_stand_decode(&back, none[i], strlen(none[i]), &e) < 0 && e.code == HR_BAD_STREAM, "%zu is none", i);
	}
	hr_buf_clear(&b);
}

static void
messages(void)
{
	struct hr_buf packed = HR_BUF_INIT, back = HR_BUF_INIT, long_one = HR_BUF_INIT;
	struct hr_err e = HR_ERR_INIT;
	size_t i;
	bool good = true;

	for (i = 0; i < 100000; i++)
		hr_buf_printf(&long_one, "%zu,", i % 1000);
	hr_queue_pack(long_one.data, long_one.len, &packed);
	ok(packed.len < long_one.len / 10, "it is packed");
	ok(hr_queue_unpack(packed.data, packed.len, &back, &e) == 0 && back.len == long_one.len &&
	    memcmp(back.data, long_one.data, back.len) == 0, "and unpacked");
	for (i = 0; i < packed.len; i += packed.len / 50 + 1) {
		hr_buf_reset(&back);
		hr_err_clear(&e);
		good &= hr_queue_unpack(packed.data, i, &back, &e) < 0 && e.code == HR_BAD_STREAM && back.len == 0;
	}
	ok(good, "one that is cut is refused, wherever");
	hr_buf_reset(&packed);
	hr_queue_pack("", 0, &packed);
	ok(hr_queue_unpack(packed.data, packed.len, &back, &e) == 0 && back.len == 0, "an empty one");
	/* A frame that says it has 2^60 bytes. */
	hr_err_clear(&e);
	ok(hr_queue_unpack("\x28\xb5\x2f\xfd\xe0\0\0\0\0\0\0\0\x10\x01\0\0", 16, &back, &e) < 0 && e.code == HR_BAD_STREAM,
	    "one that claims too much is refused, and takes no memory");
	hr_buf_clear(&packed);
	hr_buf_clear(&back);
	hr_buf_clear(&long_one);
}

int
main(void)
{
	names();
	stands();
	messages();
	return tap_done();
}
