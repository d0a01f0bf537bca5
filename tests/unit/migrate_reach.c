/* migrate_reach - what tenants have, of the places of a stream. */

#include "base/hr.h"

#include "migrate/reach.h"
#include "tap.h"

static struct hr_place place[8];
static struct hr_book book = { .place = place };

static void
put(int generation, int worker, int workers, hr_lsn lsn)
{
	place[book.places++] = (struct hr_place){ generation, worker, workers, lsn };
}

int
main(void)
{
	char *acme[] = { (char *)"acme" }, *both[] = { (char *)"acme", (char *)"globex" };
	int a, g;

	is_number((int64_t)hr_reach_of(&book, NULL, 0), 0, "without places nobody has anything");
	is_number((int64_t)hr_reach_of(&book, acme, 1), 0, "nor has a tenant");
	put(1, 0, 1, 100);
	is_number((int64_t)hr_reach_of(&book, NULL, 0), 100, "one worker");
	is_number((int64_t)hr_reach_of(&book, both, 2), 100, "has everybody");

	a = hr_book_worker("acme", 4, 2);
	g = hr_book_worker("globex", 6, 2);
	ok(a != g, "two tenants of two workers");
	put(2, a, 2, 300);
	is_number((int64_t)hr_reach_of(&book, NULL, 0), 100, "a generation that is not all there says nothing of everybody");
	is_number((int64_t)hr_reach_of(&book, acme, 1), 300, "but of its tenant");
	put(2, g, 2, 0);
	is_number((int64_t)hr_reach_of(&book, NULL, 0), 100, "the older generation counts until the new one has passed it");
	is_number((int64_t)hr_reach_of(&book, both, 2), 100, "for several tenants the least");
	place[2].lsn = 200;
	is_number((int64_t)hr_reach_of(&book, NULL, 0), 200, "then the slowest worker of the new one");
	is_number((int64_t)hr_reach_of(&book, both, 2), 200, "and the slower of two tenants");
	is_number((int64_t)hr_reach_of(&book, acme, 1), 300, "while the other is further");
	return tap_done();
}
