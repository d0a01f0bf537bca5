/* effort.c - one step of the level for each while that was long enough to judge. */

#include "base/hr.h"

#include "codec/effort.h"

#define WHILE_US	200000
#define LEVEL_MOST	19

void
hr_effort_begin(struct hr_effort *f, int level, int64_t now)
{
	*f = (struct hr_effort){ .level = level, .least = level, .most = level, .since = now };
}

int
hr_effort_next(struct hr_effort *f, int64_t now, int64_t read, int64_t written)
{
	int64_t all = now - f->since, in = read - f->read, out = written - f->written;

	if (all < WHILE_US)
		return f->level;
	if (out * 4 > all && f->level < LEVEL_MOST)
		f->level++;
	else if ((in + out) * 20 < all && f->level > 1)
		f->level--;
	if (f->level > f->most)
		f->most = f->level;
	if (f->level < f->least)
		f->least = f->level;
	f->since = now;
	f->read = read;
	f->written = written;
	return f->level;
}
