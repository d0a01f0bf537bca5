/* Messages that change tables, taken apart. */

#include "base/hr.h"

#include <string.h>

#include "apply/ddl.h"
#include "tap.h"

#define START "{\"kind\": \"add_column\", \"schema\": \"s\", \"table\": \"t\", \"sql\": \"x\", \"done\": \"y\""

static bool
takes(const char *text)
{
	struct hr_err e = HR_ERR_INIT;
	struct hr_ddl d;
	bool taken = hr_ddl_parse(&d, (const uint8_t *)text, strlen(text), &e) == 0;

	if (taken)
		hr_ddl_clear(&d);
	return taken && e.code == HR_OK;
}

static bool
is_one(const char *prefix, uint8_t options)
{
	struct hr_item it = { .op = HR_MESSAGE, .options = options, .name = prefix, .name_len = strlen(prefix) };

	return hr_ddl_is(&it);
}

int
main(void)
{
	static const char text[] = START ", \"relation\": 16400, \"undo\": \"z\", \"unsure\": \"u\"}";
	struct hr_err e = HR_ERR_INIT;
	struct hr_ddl d;

	ok(hr_ddl_parse(&d, (const uint8_t *)text, strlen(text), &e) == 0 && d.relation == 16400 &&
	    strcmp(d.kind, "add_column") == 0 && strcmp(d.schema, "s") == 0 && strcmp(d.table, "t") == 0 &&
	    strcmp(d.sql, "x") == 0 && strcmp(d.undo, "z") == 0 && strcmp(d.done, "y") == 0 &&
	    strcmp(d.unsure, "u") == 0 && d.apart == NULL, "all that is in it");
	hr_ddl_clear(&d);
	ok(takes(START ", \"relation\": 1, \"more\": [1]}"), "what is unknown is ignored");
	ok(!takes(START "}") && !takes(START ", \"relation\": \"1\"}") && !takes(START ", \"relation\": 0}") &&
	    !takes(START ", \"relation\": 4294967296}"), "a relation is an OID");
	ok(!takes("{\"relation\": 1}") && !takes("[]") && !takes("") && !takes("{"), "what lacks something is refused");
	e = (struct hr_err)HR_ERR_INIT;
	ok(hr_ddl_parse(&d, (const uint8_t *)"{", 1, &e) < 0 && e.code == HR_BAD_STREAM, "as a bad stream");
	ok(is_one("hr.ddl", 1) && !is_one("hr.ddl", 0) && !is_one("hr.dd", 1) && !is_one("hr.ddlx", 1),
	    "transactional ones with the prefix are meant");
	return tap_done();
}
