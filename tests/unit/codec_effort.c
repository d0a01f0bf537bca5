/* codec_effort - the level, by what is waited for. */

#include "base/hr.h"

#include "codec/effort.h"
#include "tap.h"

static struct hr_effort f;
static int64_t now, in, out;

/* So many ms pass, of which so many were waited for input and for output. */
static int
pass(int64_t all, int64_t read, int64_t written)
{
	now += 1000 * all;
	in += 1000 * read;
	out += 1000 * written;
	return hr_effort_next(&f, now, in, out);
}

int
main(void)
{
	int i;

	now = 5000000;
	hr_effort_begin(&f, 3, now);
	is_number(pass(100, 0, 100), 3, "a moment says nothing");
	is_number(pass(150, 0, 120), 4, "the link is slow: harder");
	is_number(pass(1000, 0, 900), 5, "and harder");
	is_number(pass(1000, 100, 100), 5, "both are waited for a little: as it is");
	is_number(pass(1000, 900, 0), 5, "the input is slow: as it is");
	is_number(pass(1000, 10, 10), 4, "nothing is waited for: less hard");
	for (i = 0; i < 30; i++)
		pass(300, 0, 0);
	is_number(f.level, 1, "down to the least");
	for (i = 0; i < 30; i++)
		pass(300, 0, 299);
	is_number(f.level, 19, "up to the most");
	ok(f.least == 1 && f.most == 19, "and it is known where it was");
	return tap_done();
}
