/* base_map - pointers by a few bytes. */

#include "base/hr.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/map.h"
#include "tap.h"

static int freed;

static void
free_one(void *p)
{
	freed++;
	free(p);
}

int
main(void)
{
	struct hr_map m = { 0 };
	uint32_t i, found = 0, others = 0;
	void **at;

	ok(hr_map_get(&m, "a", 1) == NULL, "an empty map has nothing");
	for (i = 0; i < 5000; i++) {
		at = hr_map_at(&m, &i, sizeof(i));
		if (*at == NULL)
			*at = hr_memdup(&i, sizeof(i));
	}
	for (i = 0; i < 5000; i++) {
		uint32_t *v = hr_map_get(&m, &i, sizeof(i));

		found += v && *v == i;
	}
	for (; i < 10000; i++)
		others += hr_map_get(&m, &i, sizeof(i)) != NULL;
	ok(found == 5000 && m.count == 5000, "five thousand are found again");
	is_number(others, 0, "others are not");
	i = 7;
	at = hr_map_at(&m, &i, sizeof(i));
	ok(m.count == 5000 && *(uint32_t *)*at == 7, "a key that is there is not added again");
	ok(hr_map_get(&m, &i, 3) == NULL, "a shorter key is another");
	at = hr_map_at(&m, "", 0);
	ok(*at == NULL && m.count == 5001 && hr_map_get(&m, "", 0) == NULL, "a key of no bytes is a key");
	hr_map_clear(&m, free_one);
	ok(freed == 5000 && m.slot == NULL && m.count == 0, "clear frees the values that are there");
	*hr_map_at(&m, "a\0b", 3) = &m;
	ok(hr_map_get(&m, "a\0b", 3) == &m && hr_map_get(&m, "a\0c", 3) == NULL, "keys are bytes");
	hr_map_clear(&m, NULL);
	hr_map_clear(&m, NULL);
	return tap_done();
}
