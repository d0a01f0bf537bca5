/* qos.c - tiers, priorities, scores, and whose turn it is. */

#include "base/hr.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/hex.h"
#include "net/qos.h"

#define FILE_MOST	((size_t)64 << 20)
#define UNIT		(UINT64_C(1) << 16)	/* of pass, for a byte of weight 1 */
#define FIRST_BYTES	(UINT64_C(4) << 20)	/* to those that come first, for each turn of the others */
#define WEIGHT_MOST	1000000

/* Of a tier, by which the priority is multiplied. */
static const uint32_t tier_weight[] = { 64, 16, 4, 1 };
static const char *const tier_name[] = { "synchronous", "premium", "standard", "best-effort" };

static char *
word(char **at)
{
	char *begin = *at + strspn(*at, " \t\r"), *from, *to;

	if (*begin == '\0' || *begin == '#')
		return NULL;
	*at = begin + strcspn(begin, " \t\r");
	if (**at)
		*(*at)++ = '\0';
	for (from = to = begin; *from; to++) {
		uint8_t byte;

		if (*from == '%' && from[1] && from[2] && hr_hex_get(&byte, (const uint8_t *)from + 1, 2)) {
			*to = (char)byte;
			from += 3;
		} else
			*to = *from++;
	}
	*to = '\0';
	return begin;
}

static struct hr_qos_tenant *
at(struct hr_qos *q, const char *tenant)
{
	void **p;

	if (strcmp(tenant, "*") == 0)
		return &q->other;
	p = hr_map_at(&q->tenant, tenant, strlen(tenant));
	if (*p == NULL) {
		struct hr_qos_tenant *t = hr_zalloc(sizeof(*t));

		*t = q->other;
		*p = t;
	}
	return *p;
}

static bool
take_tier(struct hr_qos *q, const char *tenant, char **rest)
{
	char *tier = word(rest), *priority = word(rest), *end;
	unsigned long n = priority ? strtoul(priority, &end, 10) : 100;
	size_t i;

	for (i = 0; tier && i < HR_COUNT(tier_name); i++)
		if (strcmp(tier, tier_name[i]) == 0) {
			if (n < 1 || n > 1000 || (priority && *end) || word(rest))
				return false;
			*at(q, tenant) = (struct hr_qos_tenant){ (enum hr_tier)i, tier_weight[i] * (uint32_t)n };
			return true;
		}
	return false;
}

static bool
take_score(struct hr_qos *q, const char *tenant, char **rest)
{
	char *score = word(rest), *end;
	double x = score ? strtod(score, &end) : -1;
	struct hr_qos_tenant *t;

	if (score == NULL || *end || !(x >= 0) || x > 1e9 || word(rest))
		return false;
	t = at(q, tenant);
	x *= t->weight;
	t->weight = x < 1 ? 1 : x > WEIGHT_MOST ? WEIGHT_MOST : (uint32_t)x;
	return true;
}

static int
load(struct hr_qos *q, const char *path, bool (*take)(struct hr_qos *q, const char *tenant, char **rest), struct hr_err *e)
{
	struct hr_buf b = HR_BUF_INIT;
	char *line, *next, *tenant, *rest;
	size_t number = 0;
	int rc = hr_file_read(path, FILE_MOST, &b, e);

	hr_buf_u8(&b, 0);
	for (line = rc == 0 ? (char *)b.data : NULL; line && rc == 0; line = next) {
		if ((next = strchr(line, '\n')))
			*next++ = '\0';
		number++;
		rest = line;
		if ((tenant = word(&rest)) && !take(q, tenant, &rest))
			rc = hr_fail(e, HR_CONFIG, "%s:%zu: not %s", path, number, take == take_tier ?
			    "TENANT, a tier and a priority from 1 to 1000" : "TENANT and a score");
	}
	hr_buf_clear(&b);
	return rc;
}

int
hr_qos_load(struct hr_qos *q, const char *file, const char *score, struct hr_err *e)
{
	if (file && load(q, file, take_tier, e) < 0)
		return -1;
	return score ? load(q, score, take_score, e) : 0;
}

struct hr_qos_tenant
hr_qos_of(const struct hr_qos *q, const char *tenant)
{
	const struct hr_qos_tenant *t = tenant ? hr_map_get(&q->tenant, tenant, strlen(tenant)) : NULL;

	return t ? *t : q->other;
}

void
hr_qos_clear(struct hr_qos *q)
{
	hr_map_clear(&q->tenant, free);
	*q = (struct hr_qos)HR_QOS_INIT;
}

static int
class_of(const struct hr_turn *t)
{
	return t->t.tier > HR_TIER_PREMIUM;
}

void
hr_turns_join(const struct hr_turns *s, struct hr_turn *t)
{
	if (t->pass < s->now[class_of(t)])
		t->pass = s->now[class_of(t)];
}

bool
hr_turns_before(const struct hr_turns *s, const struct hr_turn *a, const struct hr_turn *b)
{
	int first = s->first >= FIRST_BYTES;

	if (class_of(a) != class_of(b))
		return class_of(a) == first;
	if (a->pass != b->pass)
		return a->pass < b->pass;
	return a->t.tier < b->t.tier;
}

void
hr_turns_served(struct hr_turns *s, struct hr_turn *t, size_t bytes)
{
	int class = class_of(t);

	s->first = class ? 0 : s->first + bytes;
	if (t->pass > s->now[class])
		s->now[class] = t->pass;
	t->pass += bytes * UNIT / (t->t.weight ? t->t.weight : 1) + 1;
}
