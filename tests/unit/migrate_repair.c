/* migrate_repair - differences in a work file, and the stream of them. */

#include "base/hr.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "migrate/repair.h"
#include "stream/reader.h"
#include "stream/rows.h"
#include "tap.h"

static struct hr_twin w;
static struct hr_err e;

/* Operations of the stream, in order: "D-I" with a dash between tenants' frames. */
static void
read_back(const char *path, char *ops, struct hr_reader *r)
{
	struct hr_frame f;
	int fd = open(path, O_RDONLY), got;

	*ops = '\0';
	if (hr_reader_open(r, fd, &e) < 0)
		return;
	while ((got = hr_read(r, &f, &e)) == 1) {
		struct hr_cur c = hr_cur(f.data, f.len);
		struct hr_item it;

		if (f.type == HR_FRAME_RELATION)
			*ops++ = 'R';
		if (f.type == HR_FRAME_WATERMARK)
			*ops++ = 'W';
		while (f.type == HR_FRAME_ROWS && hr_rows_next(&c, &it, &e) == 1)
			*ops++ = (char)it.op;
		*ops = '\0';
	}
	ok(got == 0, "the stream is whole: %s", e.what);
	close(fd);
}

int
main(void)
{
	const char *source[] = { "acme", "1", NULL }, *target[] = { "acme", "1", "x" }, *key[] = { "1" };
	struct hr_difference missing = { .twin = &w, .kind = HR_ROW_MISSING, .key = key, .source = source, .rows = 1 };
	struct hr_difference extra = { .twin = &w, .kind = HR_ROW_EXTRA, .key = key, .target = target, .rows = 1 };
	struct hr_difference changed = {
		.twin = &w, .kind = HR_ROW_CHANGED, .key = key, .source = source, .target = target, .rows = 1,
	};
	char dir[] = "/tmp/migrate_repair.XXXXXX", *path, *part, ops[64];
	struct hr_head h = { .version = 1, .system = 1, .database = (char *)"d", .slot = (char *)"s_repair", .epoch = 1 };
	struct hr_repair p;
	struct hr_reader r = { 0 };
	uint64_t kept;
	int i;

	if (mkdtemp(dir) == NULL)
		return 74;
	path = hr_sprintf("%s/repair", dir);
	part = hr_sprintf("%s.part", path);
	w.relation = hr_zalloc(sizeof(*w.relation));
	*w.relation = (struct hr_relation){
		.id = 7, .schema = hr_strdup("public"), .name = hr_strdup("t"), .identity = 'f', .tenancy = 'c', .columns = 3,
	};
	w.relation->column = hr_zalloc(3 * sizeof(*w.relation->column));
	for (i = 0; i < 3; i++)
		w.relation->column[i] = (struct hr_column){
			.name = hr_sprintf("c%d", i), .type_schema = hr_strdup("pg_catalog"), .type_name = hr_strdup("text"),
			.type = 25, .typmod = -1, .key = true,
		};
	w.tenancy = HR_TENANCY_COLUMN;
	w.key[0].column = 1;
	w.keys = 1;
	w.name = hr_strdup("public.t");

	ok(hr_repair_open(&p, NULL, false, 0, &e) == 0 && hr_repair_put(&p, &missing, &e) == 0, "none is made unasked");
	hr_repair_close(&p);
	ok(hr_repair_open(&p, path, false, 0, &e) == 0, "a work file");
	ok(hr_repair_put(&p, &missing, &e) == 0 && hr_repair_put(&p, &changed, &e) == 0, "what is missing and changed");
	kept = p.bytes;
	ok(hr_repair_put(&p, &missing, &e) == 0, "and what was not in the state");
	hr_repair_close(&p);
	ok(hr_repair_open(&p, path, true, kept, &e) == 0 && p.bytes == kept, "goes on where the state is");
	changed.doubled = true;
	ok(hr_repair_put(&p, &extra, &e) == 0 && hr_repair_put(&p, &changed, &e) == 0, "what is extra, and there twice");
	h.start = 100;
	ok(hr_repair_write(&p, &h, 100, &w, 1, &e) == 0, "made a stream: %s", e.what);
	ok(access(part, F_OK) < 0, "the work file is gone");
	hr_repair_close(&p);
	read_back(path, ops, &r);
	is(ops, "RBDDUIICW", "deletes, updates, inserts, in one transaction");
	is(r.head.slot, "s_repair", "under its name");
	hr_reader_clear(&r);

	w.keys = 0;
	extra.key = NULL;
	extra.rows = 3;
	target[0] = NULL;
	ok(hr_repair_open(&p, path, false, 0, &e) == 0 && hr_repair_put(&p, &extra, &e) == 0 &&
	    hr_repair_write(&p, &h, 100, &w, 1, &e) == 0, "a row that is there three times too often");
	hr_repair_close(&p);
	r = (struct hr_reader){ 0 };
	read_back(path, ops, &r);
	is(ops, "RBDDDCW", "is deleted three times");
	hr_reader_clear(&r);

	ok(hr_repair_open(&p, path, false, 0, &e) == 0 && hr_repair_write(&p, &h, 100, &w, 1, &e) == 0, "no difference");
	hr_repair_close(&p);
	r = (struct hr_reader){ 0 };
	read_back(path, ops, &r);
	is(ops, "W", "is a stream, too");
	hr_reader_clear(&r);

	ok(hr_repair_open(&p, path, true, 1000, &e) < 0 && e.code == HR_CONFIG, "a work file that is too short is refused");
	hr_repair_close(&p);
	ok(hr_repair_open(&p, path, false, 0, &e) == 0 && hr_repair_put(&p, &extra, &e) == 0, "one that");
	i = open(part, O_WRONLY);
	(void)!pwrite(i, "x", 1, 20);
	close(i);
	ok(hr_repair_write(&p, &h, 100, &w, 1, &e) < 0 && e.code == HR_IO, "was changed, too");
	hr_repair_close(&p);

	unlink(part);
	unlink(path);
	free(part);
	part = hr_sprintf("%s.tmp", path);
	unlink(part);
	ok(rmdir(dir) == 0, "nothing is left");
	free(part);
	free(path);
	hr_twin_clear(&w);
	return tap_done();
}
