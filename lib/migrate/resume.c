/* resume.c - the state file, through jansson. */

#include "base/hr.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/lsn.h"
#include "migrate/resume.h"

#define VERSION 1

static void
free_words(char **word, size_t n)
{
	while (n)
		free(word[--n]);
	free(word);
}

struct hr_resume_table *
hr_resume_table(struct hr_resume *r, const char *name)
{
	size_t i;

	for (i = 0; i < r->tables; i++)
		if (strcmp(r->table[i].name, name) == 0)
			return &r->table[i];
	HR_GROW(r->table, r->tables, r->table_cap);
	r->table[r->tables] = (struct hr_resume_table){ .name = hr_strdup(name) };
	return &r->table[r->tables++];
}

void
hr_resume_last(struct hr_resume_table *t, char *const *key, size_t n)
{
	char **copy = hr_zalloc((n + 1) * sizeof(*copy));
	size_t i;

	for (i = 0; i < n; i++)
		copy[i] = hr_strdup(key[i]);
	free_words(t->last, t->lasts);
	t->last = copy;
	t->lasts = n;
}

void
hr_resume_clear(struct hr_resume *r)
{
	size_t i;

	for (i = 0; i < r->tables; i++) {
		free(r->table[i].name);
		free_words(r->table[i].line, r->table[i].lines);
		free_words(r->table[i].last, r->table[i].lasts);
	}
	free(r->table);
	free(r->command);
	*r = (struct hr_resume){ 0 };
}

/*
 * Text.
 */

static json_t *
words(char *const *word, size_t n)
{
	json_t *a = json_array();
	size_t i;

	for (i = 0; i < n; i++)
		json_array_append_new(a, json_string(word[i]));
	return a;
}

static void
set_number(json_t *o, const char *name, uint64_t n)
{
	json_object_set_new(o, name, json_integer((json_int_t)n));
}

char *
hr_resume_encode(const struct hr_resume *r)
{
	json_t *o = json_object(), *tables = json_array();
	char *text;
	size_t i;

	set_number(o, "version", VERSION);
	json_object_set_new(o, "command", json_string(r->command));
	json_object_set_new(o, "lsn", json_string(HR_LSN(r->lsn)));
	set_number(o, "repair_bytes", r->repair_bytes);
	for (i = 0; i < r->tables; i++) {
		const struct hr_resume_table *t = &r->table[i];
		json_t *a = json_object();

		json_object_set_new(a, "table", json_string(t->name));
		json_object_set_new(a, "ended", json_boolean(t->ended));
		if (!t->ended && t->last)
			json_object_set_new(a, "last", words(t->last, t->lasts));
		set_number(a, "rows", t->count.rows);
		set_number(a, "chunks", t->count.chunks);
		set_number(a, "differing", t->count.differing);
		json_object_set_new(a, "shown", words(t->line, t->lines));
		json_array_append_new(tables, a);
	}
	json_object_set_new(o, "tables", tables);
	text = json_dumps(o, JSON_INDENT(1));
	json_decref(o);
	return text ? text : hr_strdup("");
}

static bool
number(const json_t *o, const char *name, uint64_t *n)
{
	const json_t *v = json_object_get(o, name);

	if (!json_is_integer(v) || json_integer_value(v) < 0)
		return false;
	*n = (uint64_t)json_integer_value(v);
	return true;
}

/* A list of strings; *word gets them. */
static bool
strings(const json_t *a, char ***word, size_t *n)
{
	size_t i;

	if (!json_is_array(a))
		return false;
	*word = hr_zalloc((json_array_size(a) + 1) * sizeof(**word));
	for (i = 0; i < json_array_size(a); i++) {
		const char *s = json_string_value(json_array_get(a, i));

		if (s == NULL)
			return false;
		(*word)[(*n)++] = hr_strdup(s);
	}
	return true;
}

static bool
table(struct hr_resume *r, const json_t *a)
{
	const char *name = json_string_value(json_object_get(a, "table"));
	const json_t *ended = json_object_get(a, "ended"), *last = json_object_get(a, "last");
	struct hr_resume_table *t;
	size_t before = r->tables;

	if (name == NULL || !json_is_boolean(ended))
		return false;
	t = hr_resume_table(r, name);
	if (r->tables == before)
		return false;	/* named twice */
	t->ended = json_is_true(ended);
	if ((last && !strings(last, &t->last, &t->lasts)) || !number(a, "rows", &t->count.rows) ||
	    !number(a, "chunks", &t->count.chunks) || !number(a, "differing", &t->count.differing) ||
	    !strings(json_object_get(a, "shown"), &t->line, &t->lines))
		return false;
	t->shown = t->line_cap = t->lines;
	return true;
}

int
hr_resume_decode(struct hr_resume *r, const char *text, size_t len, struct hr_err *e)
{
	json_error_t why;
	json_t *o = json_loadb(text, len, JSON_REJECT_DUPLICATES, &why), *tables;
	const char *command, *lsn;
	uint64_t version;
	size_t i;
	int rc = -1;

	if (!json_is_object(o)) {
		hr_fail(e, HR_BAD_STREAM, "it is no JSON object: %s", o ? "it is another value" : why.text);
		goto out;
	}
	command = json_string_value(json_object_get(o, "command"));
	lsn = json_string_value(json_object_get(o, "lsn"));
	tables = json_object_get(o, "tables");
	if (!number(o, "version", &version) || version != VERSION) {
		hr_fail(e, HR_BAD_STREAM, "it is of another version");
		goto out;
	}
	if (command == NULL || lsn == NULL || hr_lsn_parse(lsn, &r->lsn) < 0 || !json_is_array(tables) ||
	    !number(o, "repair_bytes", &r->repair_bytes)) {
		hr_fail(e, HR_BAD_STREAM, "it is not complete");
		goto out;
	}
	if (strcmp(command, r->command) != 0) {
		hr_fail(e, HR_CONFIG, "it is of another command: %s", command);
		goto out;
	}
	for (i = 0; i < json_array_size(tables); i++)
		if (!table(r, json_array_get(tables, i))) {
			hr_fail(e, HR_BAD_STREAM, "its table number %zu is not valid", i + 1);
			goto out;
		}
	rc = 0;
out:
	json_decref(o);
	return rc;
}

/*
 * The file.
 */

int
hr_resume_load(struct hr_resume *r, struct hr_err *e)
{
	struct hr_buf b = HR_BUF_INIT;
	struct stat st;
	ssize_t n = 0;
	int fd, rc = -1;

	if (r->path == NULL)
		return 0;
	if ((fd = open(r->path, O_RDONLY | O_CLOEXEC)) < 0)
		return errno == ENOENT ? 0 : hr_fail_sys(e, "cannot open state file '%s'", r->path);
	if (fstat(fd, &st) < 0 || st.st_size > HR_RESUME_MAX || !S_ISREG(st.st_mode)) {
		hr_fail(e, HR_BAD_STREAM, "state file '%s' is none", r->path);
		goto out;
	}
	do {
		hr_buf_need(&b, 65536);
		n = read(fd, b.data + b.len, 65536);
		if (n > 0)
			b.len += (size_t)n;
	} while (n > 0 || (n < 0 && errno == EINTR));
	if (n < 0) {
		hr_fail_sys(e, "cannot read state file '%s'", r->path);
		goto out;
	}
	if (hr_resume_decode(r, (const char *)b.data, b.len, e) < 0) {
		hr_within(e, "cannot use state file '%s'", r->path);
		hr_hint(e, "give the same command again, or remove the file");
		goto out;
	}
	rc = 1;
out:
	close(fd);
	hr_buf_clear(&b);
	return rc;
}

int
hr_resume_save(const struct hr_resume *r, struct hr_err *e)
{
	char *beside, *text;
	int fd, rc = -1;

	if (r->path == NULL)
		return 0;
	beside = hr_sprintf("%s.tmp", r->path);
	text = hr_resume_encode(r);
	fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fd < 0 || hr_file_write(fd, text, strlen(text)) < 0 || fsync(fd) < 0)
		hr_fail_sys(e, "cannot write state file '%s'", r->path);
	else
		rc = 0;
	if (fd >= 0 && close(fd) < 0 && rc == 0)
		rc = hr_fail_sys(e, "cannot write state file '%s'", r->path);
	if (rc == 0 && rename(beside, r->path) < 0)
		rc = hr_fail_sys(e, "cannot write state file '%s'", r->path);
	free(beside);
	free(text);
	return rc;
}

int
hr_resume_remove(const struct hr_resume *r, struct hr_err *e)
{
	if (r->path && unlink(r->path) < 0 && errno != ENOENT)
		return hr_fail_sys(e, "cannot remove state file '%s'", r->path);
	return 0;
}
