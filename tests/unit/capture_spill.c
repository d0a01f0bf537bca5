/* capture_spill - streamed transactions kept until they commit. */

#include "base/hr.h"

#include <stdlib.h>
#include <unistd.h>

#include "capture/spill.h"
#include "tap.h"

#define BIG	((size_t)1 << 20)

static struct hr_buf got;	/* of each message its first bytes, and a comma */
static size_t messages, lengths;
static bool torn;		/* a long message came back otherwise */

static int
note(void *arg, const uint8_t *data, size_t len, struct hr_err *e)
{
	size_t i;

	messages++;
	lengths += len;
	hr_buf_put(&got, data, len < 4 ? len : 4);
	hr_buf_u8(&got, ',');
	for (i = 4; i < len; i++)
		torn |= data[i] != (uint8_t)(data[0] + i % 251);
	if (arg && messages == *(size_t *)arg)
		return hr_fail(e, HR_REFUSED, "no more");
	return 0;
}

static int
replay(struct hr_spill *s, uint32_t xid, size_t *stop, struct hr_err *e)
{
	hr_buf_reset(&got);
	messages = lengths = 0;
	torn = false;
	return hr_spill_replay(s, xid, note, stop, e);
}

static int
add(struct hr_spill *s, uint32_t xid, uint32_t subxid, const char *text)
{
	struct hr_err e = HR_ERR_INIT;

	return hr_spill_add(s, xid, subxid, (const uint8_t *)text, strlen(text), &e);
}

/* A message of BIG bytes that begins with a letter and can be known again. */
static int
add_big(struct hr_spill *s, uint32_t xid, uint32_t subxid, char letter, struct hr_err *e)
{
	static uint8_t data[BIG];
	size_t i;

	memset(data, letter, 4);
	for (i = 4; i < BIG; i++)
		data[i] = (uint8_t)((uint8_t)letter + i % 251);
	return hr_spill_add(s, xid, subxid, data, BIG, e);
}

static bool
empty(const struct hr_spill *s)
{
	return s->first == NULL && s->in_memory == 0 && s->in_files == 0;
}

static void
memory(void)
{
	struct hr_spill s = { 0 };
	struct hr_err e = HR_ERR_INIT;
	size_t stop = 2;
	int rc = 0;

	ok(replay(&s, 7, NULL, &e) == 0 && messages == 0, "a transaction without messages is no error");

	rc += add(&s, 7, 7, "a") + add(&s, 8, 8, "x") + add(&s, 7, 9, "b") + add(&s, 7, 7, "") + add(&s, 7, 7, "c");
	ok(rc == 0 && s.in_memory == 5 * 8 + 4 && s.in_files == 0, "messages of two transactions are in memory");
	ok(replay(&s, 7, NULL, &e) == 0, "one is replayed");
	is(hr_buf_text(&got), "a,b,,c,", "in the order of its messages, the empty one too");
	ok(replay(&s, 7, NULL, &e) == 0 && messages == 0, "and is gone then");
	ok(replay(&s, 8, NULL, &e) == 0, "the other is still there");
	is(hr_buf_text(&got), "x,", "with its own");
	ok(empty(&s), "nothing is counted afterwards");

	rc = add(&s, 7, 7, "a") + add(&s, 7, 12, "b") + add(&s, 7, 11, "c") + add(&s, 7, 10, "d") + add(&s, 7, 13, "e");
	hr_spill_abort(&s, 7, 12);
	hr_spill_abort(&s, 7, 10);
	hr_spill_abort(&s, 7, 99);
	hr_spill_abort(&s, 6, 11);
	rc += add(&s, 7, 14, "f");
	ok(rc == 0 && replay(&s, 7, NULL, &e) == 0, "subtransactions are aborted");
	is(hr_buf_text(&got), "a,c,e,f,", "just their messages are left out");
	rc = add(&s, 7, 12, "b");
	ok(rc == 0 && replay(&s, 7, NULL, &e) == 0 && messages == 1, "and an abort is forgotten with its transaction");

	rc = add(&s, 7, 7, "a") + add(&s, 7, 8, "b") + add(&s, 9, 9, "x");
	hr_spill_abort(&s, 7, 7);
	ok(rc == 0 && replay(&s, 7, NULL, &e) == 0 && messages == 0, "an aborted transaction is dropped whole");
	hr_spill_abort(&s, 7, 7);
	ok(s.in_memory == 9, "others stay, and a second abort does nothing");
	hr_spill_clear(&s);
	ok(empty(&s), "clear drops what is left");

	rc = add(&s, 7, 7, "a") + add(&s, 7, 7, "b") + add(&s, 7, 7, "c");
	ok(rc == 0 && replay(&s, 7, &stop, &e) == -1 && e.code == HR_REFUSED && messages == 2,
	    "an error of the callback ends the replay");
	ok(empty(&s), "and drops the transaction");
}

static void
file(void)
{
	struct hr_spill s = { 0 };
	struct hr_err e = HR_ERR_INIT;
	char want[41 * 5 + 1] = "";
	size_t stop = 3;
	int rc = 0, i;

	for (i = 0; i < 40; i++) {
		char letter = (char)('A' + i % 26);

		rc += add_big(&s, 7, i == 20 || i == 39 ? 8 : 7, letter, &e);
		if (i != 20 && i != 39)
			snprintf(want + strlen(want), 6, "%c%c%c%c,", letter, letter, letter, letter);
	}
	rc += add(&s, 5, 5, "x");
	ok(rc == 0 && s.in_files > (32 << 20) && s.in_memory < (9 << 20), "beyond 32 MB a file is used");
	hr_spill_abort(&s, 7, 8);
	ok(replay(&s, 7, NULL, &e) == 0 && messages == 38 && lengths == 38 * BIG, "all is replayed but what was aborted");
	is(hr_buf_text(&got), want, "from the file, then from memory");
	ok(!torn, "every byte as it was");
	ok(s.in_files == 0 && s.in_memory == 9, "its room is free again");

	for (rc = i = 0; i < 32; i++)
		rc += add_big(&s, 7, 7, 'a', &e);
	ok(rc == 0 && s.in_files == 32 * (BIG + 8) + 0 && s.in_memory == 9, "the largest goes to its file");
	ok(replay(&s, 7, NULL, &e) == 0 && messages == 32 && !torn, "one that has all in its file is replayed");

	for (rc = i = 0; i < 34; i++)
		rc += add_big(&s, 7, 7, 'a', &e);
	ok(rc == 0 && replay(&s, 7, &stop, &e) == -1 && messages == 3 && s.in_files == 0 && s.in_memory == 9,
	    "an error ends the replay of a file, too");

	for (rc = i = 0; i < 34; i++)
		rc += add_big(&s, 7, 7, 'a', &e);
	hr_spill_abort(&s, 7, 7);
	ok(rc == 0 && s.in_files == 0 && s.in_memory == 9, "so does an abort of it all");

	for (rc = i = 0; i < 34; i++)
		rc += add_big(&s, 7, 7, 'a', &e);
	hr_spill_clear(&s);
	ok(rc == 0 && empty(&s), "and clear");
}

static void
limits(void)
{
	struct hr_spill s = { .max = 40 << 20 };
	struct hr_err e = HR_ERR_INIT;
	int rc = 0, i;

	for (i = 0; i < 100 && rc == 0; i++)
		rc = add_big(&s, 7, 7, 'a', &e);
	ok(rc == -1 && e.code == HR_TEMPORARY && i == 64, "what is beyond --spill-max is refused with 75");
	is(e.what, "transactions in progress need more than the 41943040 bytes of --spill-max", "and says so");
	ok(strstr(e.hint, "raise --spill-max") != NULL, "with a hint");
	ok(s.in_files <= s.max, "the limit holds");
	hr_spill_clear(&s);

	s = (struct hr_spill){ .dir = "/nonexistent/folder" };
	for (i = rc = 0; i < 40 && rc == 0; i++)
		rc = add_big(&s, 7, 7, 'a', &e);
	ok(rc == -1 && e.code == HR_IO && i == 32, "a folder that is not there is status 74");
	hr_spill_clear(&s);
	ok(empty(&s), "and leaves nothing behind");
}

int
main(void)
{
	memory();
	file();
	limits();
	hr_buf_clear(&got);
	return tap_done();
}
