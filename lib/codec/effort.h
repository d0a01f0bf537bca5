/*
 * effort.h - how hard to try: the level follows the slower of link and CPU.
 *
 * While most of the time goes into waiting for room in the output, packing
 * harder costs nothing; while nothing is waited for, it holds up everybody.
 * Between those, and while the input is slow, the level stays.
 */
#ifndef HR_EFFORT_H
#define HR_EFFORT_H

#include "base/hr.h"

struct hr_effort {
	int level;		/* now, 1 to 19 */
	int least, most;	/* that it was */
	int64_t since;		/* when what is being judged began */
	int64_t read, written;	/* what was waited for by then */
};

void hr_effort_begin(struct hr_effort *f, int level, int64_t now);
/*
 * The level from here on.  All in microseconds: the time, and how long reading
 * and writing have taken since the beginning of all.
 */
int hr_effort_next(struct hr_effort *f, int64_t now, int64_t read, int64_t written);

#endif
