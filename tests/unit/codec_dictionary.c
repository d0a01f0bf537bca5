/* codec_dictionary - ranks are those of a plain search, however often entries were there. */

#include "base/hr.h"

#include <stdlib.h>

#include "codec/dictionary.h"
#include "codec.h"
#include "tap.h"

enum { ENTRIES = 5000 };

static uint32_t count[ENTRIES], by_rank[ENTRIES], rank[ENTRIES];

/* It changes places with the first that was there as often. */
static void
count_plainly(uint32_t entry)
{
	uint32_t low = rank[entry], other;

	while (low && count[low - 1] == count[rank[entry]])
		low--;
	other = by_rank[low];
	by_rank[rank[entry]] = other;
	rank[other] = rank[entry];
	by_rank[low] = entry;
	rank[entry] = low;
	count[low]++;
}

static bool
as_plain(const struct hr_dictionary *d, size_t n)
{
	uint32_t i;

	for (i = 0; i < n; i++)
		if (hr_dictionary_rank(d, (int32_t)i) != rank[i] || hr_dictionary_at(d, rank[i]) != (int32_t)i)
			return false;
	return true;
}

/* So many values, the small ones more often; some are added and not counted. */
static void
turn(uint64_t distinct, int steps)
{
	struct hr_dictionary d = { .piece = NULL };
	bool good = true;
	uint32_t n = 0;
	int i;

	for (i = 0; good && i < steps; i++) {
		uint64_t v = rnd() % (1 + rnd() % distinct);
		int32_t entry = hr_dictionary_find(&d, &v, sizeof(v));

		if (entry < 0) {
			entry = hr_dictionary_add(&d, &v, sizeof(v), NULL);
			good = entry == (int32_t)n;
			by_rank[n] = rank[n] = n;
			count[n++] = 0;
			if (rnd() % 3)
				continue;
		}
		hr_dictionary_count(&d, &entry, 1);
		count_plainly((uint32_t)entry);
		good = good && (i % 64 || as_plain(&d, n));
	}
	ok(good && as_plain(&d, n) && hr_dictionary_at(&d, n) < 0, "%u values, %d times", n, steps);
	hr_dictionary_clear(&d);
}

int
main(void)
{
	turn(1, 20000);
	turn(3, 100000);
	turn(200, 50000);
	turn(200, 300000);
	turn(ENTRIES, 50000);
	return tap_done();
}
