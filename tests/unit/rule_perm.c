/* rule_perm - every number of a domain is met once, and finds its way back. */

#include "base/hr.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "rule/perm.h"
#include "tap.h"

static struct hr_perm p = HR_PERM_INIT;

/* Numbers met once; fixed points are counted. */
static bool
whole(uint32_t size, const char *tweak, size_t *fixed)
{
	uint8_t *seen = hr_zalloc(size);
	uint32_t i, to;
	size_t good = 0;

	*fixed = 0;
	for (i = 0; i < size; i++) {
		to = (uint32_t)hr_perm_map(&p, tweak, strlen(tweak), size, i, false);
		good += to < size && !seen[to] && hr_perm_map(&p, tweak, strlen(tweak), size, to, true) == i;
		*fixed += to == i;
		if (to < size)
			seen[to] = 1;
	}
	free(seen);
	return good == size;
}

static void
all_small(void)
{
	static const uint32_t size[] = { 999, 9000, 65536, 1000001 };
	bool good = true;
	size_t fixed, i;
	uint32_t n;

	for (n = 1; n <= 300; n++)
		good &= whole(n, "", &fixed);
	ok(good, "each number below each size to 300 is met once");
	for (i = 0; i < HR_COUNT(size); i++)
		ok(whole(size[i], "some tweak that is longer than a block", &fixed) && fixed < 12,
		    "each number below %" PRIu32 ", and few stay where they are", size[i]);
}

/* Of ten values under many tweaks, each goes to each about as often. */
static void
even(void)
{
	unsigned count[10][10] = { { 0 } }, least = 100000, most = 0, i, x;
	char tweak[16];

	for (i = 0; i < 10000; i++) {
		snprintf(tweak, sizeof(tweak), "%u", i);
		for (x = 0; x < 10; x++)
			count[x][(unsigned)hr_perm_map(&p, tweak, strlen(tweak), 10, x, false)]++;
	}
	for (i = 0; i < 100; i++) {
		x = count[i / 10][i % 10];
		least = x < least ? x : least;
		most = x > most ? x : most;
	}
	ok(least > 850 && most < 1150, "of ten values each goes to each: %u to %u of 1000", least, most);
}

/* All 24 orders of four values. */
static void
orders(void)
{
	unsigned seen[256] = { 0 }, i, order, x, count = 0;

	for (i = 0; i < 2400; i++) {
		for (order = x = 0; x < 4; x++)
			order = order << 2 | (unsigned)hr_perm_map(&p, &i, sizeof(i), 4, x, false);
		count += seen[order]++ == 0;
	}
	ok(count == 24, "four values come in all orders");
}

static void
large(void)
{
	hr_u128 size, x, to;
	bool good = true, moved = true;
	unsigned i, j;

	for (i = 20; i < 128; i++)
		for (j = 0; j < 8; j++) {
			size = ((hr_u128)1 << i) + (j & 1 ? (hr_u128)j << (i - 4) : 0);
			x = j & 2 ? size - 1 - j : j;
			to = hr_perm_map(&p, &i, j & 4 ? 0 : sizeof(i), size, x, false);
			good &= to < size && hr_perm_map(&p, &i, j & 4 ? 0 : sizeof(i), size, to, true) == x;
			moved &= i < 40 || to != x;
		}
	ok(good && moved, "sizes to 2^128 are walked back");
	size = ~(hr_u128)0;
	to = hr_perm_map(&p, "", 0, size, size - 1, false);
	ok(to < size && hr_perm_map(&p, "", 0, size, to, true) == size - 1, "the largest too");
}

int
main(void)
{
	uint8_t key[HR_PERM_KEY];
	hr_u128 a, b;
	size_t i;

	for (i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)i;
	hr_perm_init(&p, key);
	all_small();
	even();
	orders();
	large();
	a = hr_perm_map(&p, "a", 1, 100000, 1, false);
	b = hr_perm_map(&p, "b", 1, 100000, 1, false);
	ok(a != b && a == hr_perm_map(&p, "a", 1, 100000, 1, false), "another tweak is another order");
	ok(hr_perm_map(&p, "a\0", 2, 100000, 1, false) != a, "a zero more is another tweak");
	hr_perm_clear(&p);
	return tap_done();
}
