/* capture_part - files are cut into parts, and what is there stays. */

#include "base/hr.h"

#include <stdio.h>
#include <string.h>

#include "capture/part.h"
#include "tap.h"

static struct hr_buf said;

static void
add(void *arg, uint32_t from, uint32_t to, bool in)
{
	(void)arg;
	hr_buf_printf(&said, "%s%" PRIu32 "-", said.len ? " " : "", from);
	if (to)
		hr_buf_printf(&said, "%" PRIu32, to);
	if (in)
		hr_buf_puts(&said, "*");
}

static void
check(const struct hr_copied_part *have, size_t n, int64_t pages, const char *want, const char *what)
{
	hr_buf_reset(&said);
	hr_copy_cut(have, n, pages, 8, add, NULL);
	ok(strcmp(hr_buf_text(&said), want) == 0, "%s", what);
	if (strcmp(hr_buf_text(&said), want) != 0)
		printf("# got %s\n", hr_buf_text(&said));
}

#define HAVE(...) (const struct hr_copied_part[]){ __VA_ARGS__ }
#define RANGE(a, b) { .from = (a), .to = (b) }

int
main(void)
{
	check(NULL, 0, 0, "0-", "an empty table is one part");
	check(NULL, 0, 8, "0-", "so is a small one");
	check(NULL, 0, 9, "0-8 8-", "the last has no end");
	check(NULL, 0, 24, "0-8 8-16 16-", "parts of one size");
	check(HAVE(RANGE(0, 8)), 1, 24, "0-8* 8-16 16-", "the first is there");
	check(HAVE(RANGE(16, 0), RANGE(0, 8)), 2, 24, "0-8* 8-16 16-*", "in any order");
	check(HAVE(RANGE(8, 0)), 1, 100, "0-8 8-16* 16-24* 24-32* 32-40* 40-48* 48-56* 56-64* 64-72* 72-80* 80-88* 88-96* 96-*",
	    "what had no end has none, though it has grown");
	check(HAVE(RANGE(3, 5)), 1, 9, "0-3 3-5* 5-", "another size before");
	check(HAVE(RANGE(0, 9), RANGE(4, 12)), 2, 12, "0-8* 8-9* 9-12* 12-", "what overlaps");
	check(HAVE(RANGE(0, 8), RANGE(2, 4)), 2, 8, "0-8* 8-", "one in another");
	check(HAVE(RANGE(0, 80)), 1, 8, "0-8* 8-16* 16-24* 24-32* 32-40* 40-48* 48-56* 56-64* 64-72* 72-80* 80-",
	    "a table that has shrunk may grow again");
	hr_buf_clear(&said);
	return tap_done();
}
