/* net_qos - tiers, priorities and scores out of files, and whose turn it is. */

#include "base/hr.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "net/qos.h"
#include "tap.h"

static struct hr_err e = HR_ERR_INIT;
static char file[] = "/tmp/hr-qos-XXXXXX", score[] = "/tmp/hr-score-XXXXXX";

static void
save(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");

	if (f == NULL || fputs(text, f) < 0 || fclose(f) != 0)
		abort();
}

static void
has(const struct hr_qos *q, const char *tenant, enum hr_tier tier, uint32_t weight)
{
	struct hr_qos_tenant t = hr_qos_of(q, tenant);

	ok(t.tier == tier && t.weight == weight, "%s: tier %d, weight %" PRIu32, tenant ? tenant : "all", t.tier, t.weight);
}

static void
files(void)
{
	struct hr_qos q = HR_QOS_INIT;

	ok(hr_qos_load(&q, NULL, NULL, &e) == 0, "without files");
	has(&q, "acme", HR_TIER_STANDARD, 400);
	save(file, "# who\nacme synchronous\nglobex premium 200 # much\na%20b best-effort 1\n\n* standard 10\n");
	save(score, "acme 2\nglobex 0\nother 1.5\n");
	ok(hr_qos_load(&q, file, score, &e) == 0, "with both");
	has(&q, "acme", HR_TIER_SYNCHRONOUS, 12800);
	has(&q, "globex", HR_TIER_PREMIUM, 1);
	has(&q, "a b", HR_TIER_BEST_EFFORT, 1);
	has(&q, "other", HR_TIER_STANDARD, 60);
	has(&q, "nobody", HR_TIER_STANDARD, 40);
	has(&q, NULL, HR_TIER_STANDARD, 40);
	hr_qos_clear(&q);
	has(&q, "acme", HR_TIER_STANDARD, 400);
}

static void
bad(const char *path, const char *text)
{
	struct hr_qos q = HR_QOS_INIT;
	char where[64];

	save(file, "");
	save(score, "");
	save(path, text);
	hr_err_clear(&e);
	snprintf(where, sizeof(where), "%s:2: not ", path);
	ok(hr_qos_load(&q, file, score, &e) < 0 && e.code == HR_CONFIG && strstr(e.what, where), "refused: %s", e.what);
	hr_qos_clear(&q);
	hr_err_clear(&e);
}

static void
turns(void)
{
	struct hr_turns s = { 0 };
	struct hr_turn first = { { HR_TIER_PREMIUM, 100 }, 0 }, heavy = { { HR_TIER_STANDARD, 300 }, 0 },
	    light = { { HR_TIER_STANDARD, 100 }, 0 }, late = { { HR_TIER_STANDARD, 100 }, 0 };
	int i, n = 0, others = 0;

	ok(hr_turns_before(&s, &first, &heavy) && !hr_turns_before(&s, &heavy, &first), "premium comes first");
	for (i = 0; i < 100; i++)
		if (hr_turns_before(&s, &first, &light))
			hr_turns_served(&s, &first, 1 << 20);
		else {
			hr_turns_served(&s, &light, 1 << 20);
			others++;
		}
	ok(others >= 19 && others <= 21, "of 4 MB the others have one message: %d of 100", others);
	light.pass = 0;
	s = (struct hr_turns){ 0 };
	for (i = 0; i < 400; i++) {
		struct hr_turn *t = hr_turns_before(&s, &heavy, &light) ? &heavy : &light;

		n += t == &heavy;
		hr_turns_served(&s, t, 1000);
	}
	ok(n >= 298 && n <= 302, "by weight: %d of 400", n);
	hr_turns_join(&s, &late);
	n = 0;
	for (i = 0; i < 100; i++) {
		struct hr_turn *t = hr_turns_before(&s, &late, &light) ? &late : &light;

		n += t == &late;
		hr_turns_served(&s, t, 1000);
	}
	ok(n >= 48 && n <= 53, "who joins late does not make up for it: %d of 100", n);
}

int
main(void)
{
	if (close(mkstemp(file)) < 0 || close(mkstemp(score)) < 0)
		abort();
	files();
	bad(file, "# one\nacme\n");
	bad(file, "# one\nacme gold\n");
	bad(file, "# one\nacme premium 0\n");
	bad(file, "# one\nacme premium 1001\n");
	bad(file, "# one\nacme premium 10x\n");
	bad(file, "# one\nacme premium 10 more\n");
	bad(score, "acme 1\nacme\n");
	bad(score, "acme 1\nacme -1\n");
	bad(score, "acme 1\nacme nan\n");
	turns();
	unlink(file);
	unlink(score);
	return tap_done();
}
