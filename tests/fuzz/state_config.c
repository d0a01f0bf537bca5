/*
 * Property: what is read obeys its page, and what is refused says where and
 * leaves nothing behind.
 */

#include "base/hr.h"

#include <stdlib.h>
#include <string.h>

#include "state/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool right)
{
	if (!right)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct hr_config zero = HR_CONFIG_INIT;
	struct hr_config c = HR_CONFIG_INIT;
	struct hr_err e = HR_ERR_INIT;
	size_t i;
	char *text;

	if (hr_config_parse(&c, "f", (const char *)data, size, &e) < 0) {
		must(e.code == HR_CONFIG && strncmp(e.what, "f:", 2) == 0);
		must(memcmp(&c, &zero, sizeof(c)) == 0);
		return 0;
	}
	must(e.code == HR_OK);
	must(c.name[0] && strchr(c.name, '/') == NULL && c.name[0] != '.' && c.name[0] != '-');
	must(c.source.dbname[0] && c.source.slot[0] && c.source.publication[0]);
	must(c.target.dbname[0] && c.source.jobs <= 64 && c.target.jobs <= 64);
	must(strstr(c.source.dbname, "password=") == NULL);
	must(c.priority >= 0 && c.priority <= 100 && c.max_lag_seconds >= 0);
	must(!!c.tenancy.column + !!c.tenancy.schema + !!c.tenancy.database <= 1);
	for (i = 0; i < c.tenants; i++)
		must(c.tenant[i][0] && strlen(c.tenant[i]) <= HR_TENANT_MAX);
	for (i = 0; i < c.tables; i++) {
		must(strchr(c.table[i].table, '.') != NULL && c.table[i].line > 0);
		must(c.table[i].tenancy != HR_TENANCY_UNSET);
		must((c.table[i].tenancy == HR_TENANCY_COLUMN) == (c.table[i].column != NULL));
	}
	text = hr_config_pipeline(&c, "/s");
	must(strncmp(text, "hr-capture --config ", 20) == 0);
	free(text);
	hr_config_clear(&c);
	return 0;
}
