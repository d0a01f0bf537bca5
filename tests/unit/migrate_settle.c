/* migrate_settle - the verdict on a key by what was read of it. */

#include "base/hr.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "migrate/settle.h"
#include "tap.h"

static struct hr_candidate c;

static struct hr_seen
seen(const char *what, const char *stamp)
{
	return (struct hr_seen){ hr_strdup(what), hr_strdup(stamp) };
}

/* One round; a stamp is the text behind a slash, NULL is absent. */
static enum hr_verdict
a_round(const char *s1, const char *t, const char *s2)
{
	const char *const text[] = { s1, t, s2 };
	int i;

	for (i = 0; i < 3; i++) {
		const char *slash = text[i] ? strchr(text[i], '/') : NULL;
		char what[16] = "";

		free(c.now[i].what);
		free(c.now[i].stamp);
		if (slash)
			memcpy(what, text[i], (size_t)(slash - text[i]));
		c.now[i] = text[i] ? seen(what, slash + 1) : (struct hr_seen){ 0 };
	}
	return hr_candidate_judge(&c);
}

static void
fresh(void)
{
	hr_candidate_clear(&c, 1);
}

int
main(void)
{
	ok(a_round("a/1", "a/9", "a/1") == HR_EQUAL, "the same everywhere is equal");
	fresh();
	ok(a_round("a/1", "a/9", "b/2") == HR_EQUAL, "what the source had is equal");
	fresh();
	ok(a_round("a/1", "b/9", "b/2") == HR_EQUAL, "what the source has now is equal");
	fresh();
	ok(a_round(NULL, NULL, "b/2") == HR_EQUAL && a_round("b/1", NULL, NULL) == HR_EQUAL, "absence is equal to absence");
	fresh();
	ok(a_round("a/1", "b/9", "a/1") == HR_AGAIN && c.stood, "one round is not enough");
	ok(a_round("a/1", "b/9", "a/1") == HR_DIFFERENT, "two are");
	fresh();
	a_round("a/1", "b/9", "a/1");
	ok(a_round("a/1", "a/10", "a/1") == HR_EQUAL, "what arrives in the second round is equal");
	fresh();
	a_round("a/1", "b/9", "a/1");
	ok(a_round("a/2", "b/9", "a/2") == HR_AGAIN, "a row that was written with the same values has not stood");
	ok(a_round("a/2", "b/9", "a/2") == HR_DIFFERENT, "and then it has");
	fresh();
	a_round("a/1", "b/9", "a/1");
	ok(a_round("a/1", "b/10", "a/1") == HR_AGAIN, "a target that was written has not stood");
	fresh();
	a_round("a/1", "b/9", "a/1");
	ok(a_round("a/1", "c/9", "a/1") == HR_AGAIN, "nor one with another value");
	fresh();
	ok(a_round("a/1", "c/9", "b/2") == HR_AGAIN && !c.stood, "a source that changes does not stand");
	ok(a_round("b/2", "c/9", "b/2") == HR_AGAIN && c.stood, "until it does");
	ok(a_round("b/2", "c/9", "b/2") == HR_DIFFERENT, "and again");
	fresh();
	ok(a_round("a/1", "b/9", "a/2") == HR_AGAIN && !c.stood, "the same values written anew do not stand");
	fresh();
	ok(a_round("a/1", NULL, "a/1") == HR_AGAIN && a_round("a/1", NULL, "a/1") == HR_DIFFERENT, "a missing row");
	fresh();
	ok(a_round(NULL, "a/9", NULL) == HR_AGAIN && a_round(NULL, "a/9", NULL) == HR_DIFFERENT, "an extra row");
	fresh();
	a_round(NULL, "a/9", NULL);
	ok(a_round(NULL, "a/11", NULL) == HR_AGAIN, "a row that came and went and came is traffic");
	fresh();
	ok(a_round("a/1", NULL, NULL) == HR_EQUAL, "a row that is being deleted is equal");
	fresh();
	ok(a_round("a,a/1,1", "a/9", "a,a/1,1") == HR_AGAIN, "once is not twice");
	fresh();
	return tap_done();
}
