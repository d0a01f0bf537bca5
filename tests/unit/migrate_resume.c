/* migrate_resume - the state file's text there and back. */

#include "base/hr.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "migrate/resume.h"
#include "tap.h"

static struct hr_resume
decoded(const char *text, const char *command, struct hr_err *e)
{
	struct hr_resume r = { .command = hr_strdup(command) };

	hr_err_clear(e);
	(void)!hr_resume_decode(&r, text, strlen(text), e);
	return r;
}

static void
refused(const char *text, const char *command, enum hr_code code, const char *what)
{
	struct hr_err e;
	struct hr_resume r = decoded(text, command, &e);

	ok(e.code == code, "refused: %s", what);
	hr_resume_clear(&r);
}

int
main(void)
{
	struct hr_resume r = { .lsn = UINT64_C(0x1000000ff), .repair_bytes = 77 }, back;
	char *key[] = { (char *)"a \"b\"\n", (char *)"2" }, *text, *again;
	struct hr_resume_table *t;
	struct hr_err e = HR_ERR_INIT;

	r.command = hr_strdup("{\"x\":1}");
	t = hr_resume_table(&r, "public.a");
	t->count = (struct hr_count){ 10, 2, 1 };
	HR_GROW(t->line, t->lines, t->line_cap);
	t->line[t->lines++] = hr_strdup("missing public.a id=1");
	t->shown = 1;
	t->ended = true;
	t = hr_resume_table(&r, "public.b");
	hr_resume_last(t, key, 2);
	key[1] = (char *)"3";
	hr_resume_last(t, key, 2);
	ok(hr_resume_table(&r, "public.a") == &r.table[0] && r.tables == 2, "a table is found again");
	text = hr_resume_encode(&r);
	back = decoded(text, r.command, &e);
	ok(e.code == HR_OK, "what was written is read");
	again = hr_resume_encode(&back);
	is(again, text, "and written is the same");
	ok(back.lsn == r.lsn && back.repair_bytes == 77, "its numbers");
	t = &back.table[0];
	ok(t->ended && t->count.rows == 10 && t->count.chunks == 2 && t->count.differing == 1 && t->shown == 1,
	    "a table that is done");
	is(t->line[0], "missing public.a id=1", "its lines");
	t = &back.table[1];
	ok(!t->ended && t->lasts == 2, "one that is under way");
	is(t->last[0], "a \"b\"\n", "where");
	is(t->last[1], "3", "exactly");

	refused(text, "{\"x\":2}", HR_CONFIG, "another command");
	refused("", "", HR_BAD_STREAM, "nothing");
	refused("[]", "", HR_BAD_STREAM, "a list");
	refused("{\"version\":2}", "", HR_BAD_STREAM, "another version");
	refused("{\"version\":1,\"command\":\"\",\"lsn\":\"x\",\"tables\":[],\"repair_bytes\":0}", "", HR_BAD_STREAM, "no LSN");
	refused("{\"version\":1,\"command\":\"\",\"lsn\":\"0/1\",\"tables\":[{}],\"repair_bytes\":0}", "", HR_BAD_STREAM,
	    "a table without a name");
	refused("{\"version\":1,\"command\":\"\",\"lsn\":\"0/1\",\"repair_bytes\":0,\"tables\":[{\"table\":\"a\",\"ended\":true,"
	    "\"rows\":-1,\"chunks\":0,\"differing\":0,\"shown\":[]}]}", "", HR_BAD_STREAM, "a negative count");
	hr_resume_clear(&r);
	hr_resume_clear(&back);
	free(text);
	free(again);
	return tap_done();
}
