/* park.c - hr.tenant and hr.parked. */

#include "base/hr.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apply/park.h"
#include "base/alloc.h"
#include "base/lsn.h"

int
hr_parked_load(struct hr_parked *p, struct hr_conn *c, const char *stream, struct hr_err *e)
{
	struct hr_param name = HR_PARAM_TEXT(stream);
	struct hr_result *r;
	int i;

	hr_parked_clear(p);
	if (hr_conn_query(c, &r, "SELECT s.parked_generation, t.tenant, t.reason, t.state FROM hr.stream s LEFT JOIN hr.tenant t"
	    " ON t.stream = s.stream AND t.state IN ('parked', 'copying') WHERE s.stream = $1", 1, &name, e) < 0)
		return -1;
	for (i = 0; i < hr_result_rows(r); i++) {
		const char *tenant = hr_result_get(r, i, 1);

		p->generation = strtoll(hr_result_get(r, i, 0), NULL, 10);
		if (tenant) {
			const char *why = hr_result_get(r, i, 2);
			void **at = hr_map_at(&p->tenant, tenant, strlen(tenant));

			free(*at);
			*at = hr_strdup(why ? why : "");
			if (strcmp(hr_result_get(r, i, 3), "copying") == 0)
				*hr_map_at(&p->copied, tenant, strlen(tenant)) = p;
		}
	}
	hr_result_free(r);
	return 0;
}

bool
hr_parked_has(const struct hr_parked *p, const char *tenant, size_t len)
{
	return p->tenant.count && hr_map_get(&p->tenant, tenant, len) != NULL;
}

bool
hr_parked_copied(const struct hr_parked *p, const char *tenant, size_t len)
{
	return p->copied.count && hr_map_get(&p->copied, tenant, len) != NULL;
}

void
hr_parked_clear(struct hr_parked *p)
{
	hr_map_clear(&p->copied, NULL);
	hr_map_clear(&p->tenant, free);
	p->generation = 0;
}

int
hr_park(struct hr_parked *p, struct hr_txn *t, const char *stream, const char *tenant, hr_lsn lsn,
    const struct hr_err *why, const char *awaits, struct hr_err *e)
{
	char at[HR_LSN_TEXT];
	struct hr_param row[6] = {
		HR_PARAM_TEXT(stream), HR_PARAM_TEXT(tenant), { .data = why->what }, { .data = why->hint },
		{ .data = hr_lsn_format(at, lsn) }, HR_PARAM_TEXT(awaits),
	};
	void **slot;

	if (hr_txn_sql(t, "INSERT INTO hr.tenant (stream, tenant, state, reason, hint, lsn, awaits)"
	    " VALUES ($1, $2, 'parked', $3, $4, $5, $6) ON CONFLICT (stream, tenant) DO UPDATE SET state = 'parked',"
	    " reason = EXCLUDED.reason, hint = EXCLUDED.hint, lsn = EXCLUDED.lsn, awaits = EXCLUDED.awaits, since = now()", 6, row, e) < 0 ||
	    hr_txn_sql(t, "UPDATE hr.stream SET parked_generation = parked_generation + 1 WHERE stream = $1",
	    1, row, e) < 0)
		return -1;
	p->generation++;
	slot = hr_map_at(&p->tenant, tenant, strlen(tenant));
	free(*slot);
	*slot = hr_strdup(why->what);
	if (p->copied.count)
		*hr_map_at(&p->copied, tenant, strlen(tenant)) = NULL;
	return 0;
}

int
hr_park_keep(struct hr_txn *t, const char *stream, const char *tenant, hr_lsn lsn, char kind,
    bool broadcast, const void *data, size_t len, struct hr_err *e)
{
	char at[HR_LSN_TEXT], k[2] = { kind, '\0' };
	struct hr_param row[6] = {
		HR_PARAM_TEXT(stream), HR_PARAM_TEXT(tenant), { .data = hr_lsn_format(at, lsn) }, { .data = k },
		{ .data = broadcast ? "t" : "f" }, { .data = data, .len = (int)len, .binary = true, .type = 17 },
	};

	return hr_txn_sql(t, "INSERT INTO hr.parked (stream, tenant, lsn, kind, broadcast, data)"
	    " VALUES ($1, $2, $3, $4, $5, $6)", 6, row, e);
}
