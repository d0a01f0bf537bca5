/* state_dir.c - files of aggregations. */

#include "base/hr.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/hex.h"
#include "base/lsn.h"
#include "rule/state_dir.h"

#define FILE_MAX	(1 << 24)
#define NAME_MOST	180		/* bytes of a file's name, what it ends in aside */
#define LOCK_TRIES	50
#define LOCK_US		100000

static int
bad_file(const char *path, struct hr_err *e)
{
	hr_fail(e, HR_IO, "'%s' is not what hr-transform wrote", path);
	return hr_hint(e, "take it back from a copy, or remove the directory and begin with a first copy");
}

/* What is not kept is two hexadecimal digits. */
static void
escape(struct hr_buf *b, const char *s, bool (*keep)(char c))
{
	for (; *s; s++)
		if (keep(*s))
			hr_buf_put(b, s, 1);
		else
			hr_buf_printf(b, "%%%02x", (uint8_t)*s);
}

/* The object of a file, which the caller gives up; NULL with *e set. */
static json_t *
load_json(const char *path, struct hr_err *e)
{
	struct hr_buf b = HR_BUF_INIT;
	json_t *o = NULL;

	if (hr_file_read(path, FILE_MAX, &b, e) == 0 && (o = json_loadb((const char *)b.data, b.len, 0, NULL)) == NULL)
		bad_file(path, e);
	hr_buf_clear(&b);
	return o;
}

static int
write_whole(const char *path, const char *text, struct hr_err *e)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), rc = 0;

	if (fd < 0)
		return hr_fail_sys(e, "cannot write '%s'", path);
	if (hr_file_write(fd, text, strlen(text)) < 0 || fsync(fd) != 0)
		rc = hr_fail_sys(e, "cannot write '%s'", path);
	close(fd);
	return rc;
}

/* As JSON, beside and then by rename, durably; gives up o. */
static int
save_json(const char *path, json_t *o, struct hr_err *e)
{
	char *beside = hr_sprintf("%s.new", path), *text = o ? json_dumps(o, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	int rc = text ? write_whole(beside, text, e) : hr_fail(e, HR_INTERNAL, "what is to be in '%s' is not UTF-8", path);

	if (rc == 0 && rename(beside, path) != 0)
		rc = hr_fail_sys(e, "cannot rename '%s' to '%s'", beside, path);
	if (rc == 0)
		rc = hr_file_sync_directory(path, e);
	json_decref(o);
	free(text);
	free(beside);
	return rc;
}

/* --- the position --- */

static bool
ends_in(const char *name, const char *end)
{
	size_t n = strlen(name), m = strlen(end);

	return n > m && strcmp(name + n - m, end) == 0;
}

int
hr_state_dir_open(const char *dir, struct hr_err *e)
{
	char *path = hr_sprintf("%s/lock", dir);
	int fd = -1, i, rc = -1;

	if (mkdir(dir, 0700) != 0 && errno != EEXIST)
		hr_fail_sys(e, "cannot make the directory '%s'", dir);
	else if ((fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600)) < 0)
		hr_fail_sys(e, "cannot write '%s'", path);
	else {
		/* One that goes may have to empty its pipe first. */
		for (i = 0; i < LOCK_TRIES && (rc = flock(fd, LOCK_EX | LOCK_NB)) != 0 && errno == EWOULDBLOCK; i++)
			usleep(LOCK_US);
		if (rc != 0) {
			hr_fail(e, HR_TEMPORARY, "the states in '%s' are in use by another hr-transform", dir);
			hr_hint(e, "give each pipeline a directory of its own as --state");
			close(fd);
			fd = -1;
		}
	}
	free(path);
	return fd;
}

static bool
is_printed(char c)
{
	return c >= ' ' && c <= '~' && c != '%';
}

char *
hr_state_dir_stream(const struct hr_head *h)
{
	struct hr_buf b = HR_BUF_INIT;

	escape(&b, h->slot ? h->slot : "", is_printed);
	hr_buf_puts(&b, " of ");
	escape(&b, h->database ? h->database : "", is_printed);
	hr_buf_printf(&b, ", system %" PRIu64, h->system);
	hr_buf_text(&b);
	return (char *)hr_buf_take(&b, NULL);
}

static void
free_lsn(void *lsn)
{
	free(lsn);
}

void
hr_state_position_clear(struct hr_state_position *p)
{
	hr_map_clear(&p->states, free_lsn);
	*p = (struct hr_state_position){ .there = false };
}

hr_lsn
hr_state_position_of(const struct hr_state_position *p, const char *table)
{
	const hr_lsn *lsn = hr_map_get(&p->states, table, strlen(table));

	return lsn ? *lsn : 0;
}

void
hr_state_position_set(struct hr_state_position *p, const char *table, hr_lsn lsn)
{
	void **at = hr_map_at(&p->states, table, strlen(table));

	if (*at == NULL)
		*at = hr_zalloc(sizeof(hr_lsn));
	*(hr_lsn *)*at = lsn;
}

static bool
take_states(struct hr_state_position *p, json_t *states)
{
	const char *table;
	json_t *v;
	hr_lsn lsn;

	json_object_foreach(states, table, v) {
		if (!json_is_string(v) || hr_lsn_parse(json_string_value(v), &lsn) < 0)
			return false;
		hr_state_position_set(p, table, lsn);
	}
	return true;
}

static int
look_for_states(const char *dir, bool *there, struct hr_err *e)
{
	DIR *d = opendir(dir);
	const struct dirent *f;

	if (d == NULL)
		return hr_fail_sys(e, "cannot read the directory '%s'", dir);
	while ((f = readdir(d)) != NULL)
		*there |= ends_in(f->d_name, ".state");
	closedir(d);
	return 0;
}

int
hr_state_dir_position(const char *dir, const char *stream, struct hr_state_position *p, struct hr_err *e)
{
	char *path = hr_sprintf("%s/position", dir);
	const char *was, *text;
	json_t *o = NULL, *states;
	int rc = 0, timeline;

	hr_state_position_clear(p);
	if (access(path, F_OK) != 0 && errno == ENOENT) {
		rc = look_for_states(dir, &p->lost, e);
		goto out;
	}
	rc = -1;
	if ((o = load_json(path, e)) == NULL)
		goto out;
	if (json_unpack(o, "{s:s, s:i, s:s, s:o}", "stream", &was, "timeline", &timeline, "lsn", &text, "states", &states) < 0 ||
	    hr_lsn_parse(text, &p->lsn) < 0 || !json_is_object(states) || !take_states(p, states))
		bad_file(path, e);
	else if (strcmp(was, stream) != 0) {
		hr_fail(e, HR_REFUSED, "the states in '%s' are of the stream %s, and this is %s", dir, was, stream);
		hr_hint(e, "give each pipeline a directory of its own as --state");
	} else {
		p->timeline = (uint32_t)timeline;
		p->there = true;
		rc = 0;
	}
out:
	json_decref(o);
	free(path);
	return rc;
}

int
hr_state_dir_set_position(const char *dir, const char *stream, const struct hr_state_position *p, struct hr_err *e)
{
	char *path = hr_sprintf("%s/position", dir), *table;
	json_t *states = json_object();
	size_t i;
	int rc;

	for (i = 0; i < p->states.slots; i++)
		if (p->states.slot[i].key && p->states.slot[i].value) {
			table = hr_sprintf("%.*s", (int)p->states.slot[i].len, (const char *)p->states.slot[i].key);
			json_object_set_new(states, table, json_string(HR_LSN(*(hr_lsn *)p->states.slot[i].value)));
			free(table);
		}
	rc = save_json(path, json_pack("{s:s, s:i, s:s, s:o}", "stream", stream, "timeline", (int)p->timeline, "lsn",
	    HR_LSN(p->lsn), "states", states), e);
	free(path);
	return rc;
}

/* --- tables --- */

int
hr_state_dir_tables(const char *dir, bool clear, char ***path, size_t *n, struct hr_err *e)
{
	DIR *d = opendir(dir);
	const struct dirent *f;
	size_t cap = 0;
	int rc = 0;

	*path = NULL;
	*n = 0;
	if (d == NULL)
		return hr_fail_sys(e, "cannot read the directory '%s'", dir);
	while (rc == 0 && (f = readdir(d)) != NULL) {
		char *at = hr_sprintf("%s/%s", dir, f->d_name);
		bool table = ends_in(f->d_name, ".relation"), ours = table || ends_in(f->d_name, ".state") ||
		    strcmp(f->d_name, "position") == 0;

		if (ours && clear && unlink(at) != 0)
			rc = hr_fail_sys(e, "cannot remove '%s'", at);
		if (table && !clear) {
			HR_GROW(*path, *n, cap);
			(*path)[(*n)++] = at;
		} else
			free(at);
	}
	closedir(d);
	return rc;
}

static bool
is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* The file name of a table: what is not a letter or digit is two hexadecimal digits. */
char *
hr_state_dir_path(const char *dir, const char *schema, const char *name, const char *end)
{
	struct hr_buf b = HR_BUF_INIT;
	size_t front;

	hr_buf_printf(&b, "%s/", dir);
	front = b.len;
	escape(&b, schema, is_word);
	hr_buf_puts(&b, ".");
	escape(&b, name, is_word);
	/* What a directory takes is less than two names of a table can be. */
	if (b.len - front > NAME_MOST) {
		b.len = front + NAME_MOST;
		hr_buf_printf(&b, "%%%016" PRIx64, hr_hash(schema, strlen(schema)) * 31 + hr_hash(name, strlen(name)));
	}
	hr_buf_puts(&b, end);
	hr_buf_text(&b);
	return (char *)hr_buf_take(&b, NULL);
}

static bool
take_hex(struct hr_buf *b, const char *hex)
{
	size_t n = strlen(hex);

	hr_buf_need(b, n / 2);
	if (!hr_hex_get(b->data + b->len, (const uint8_t *)hex, n))
		return false;
	b->len += n / 2;
	return true;
}

int
hr_state_dir_table(const char *path, struct hr_buf *relation, char **tenant, struct hr_err *e)
{
	json_t *o = load_json(path, e);
	struct hr_buf name = HR_BUF_INIT;
	const char *hex, *whose = NULL;
	int rc = -1;

	hr_buf_reset(relation);
	if (o == NULL)
		return -1;
	if (json_unpack(o, "{s:s, s?s}", "relation", &hex, "tenant", &whose) < 0 || !take_hex(relation, hex) ||
	    (whose && !take_hex(&name, whose)))
		bad_file(path, e);
	else {
		rc = 0;
		if (tenant)
			*tenant = whose ? hr_strdup(hr_buf_text(&name)) : NULL;
	}
	hr_buf_clear(&name);
	json_decref(o);
	return rc;
}

static char *
hex_of(const void *p, size_t n)
{
	char *hex = hr_alloc(2 * n + 1);

	*hr_hex_put((uint8_t *)hex, p, n) = '\0';
	return hex;
}

int
hr_state_dir_set_table(const char *path, const struct hr_buf *relation, const char *tenant, struct hr_err *e)
{
	char *hex = hex_of(relation->data, relation->len), *whose = tenant ? hex_of(tenant, strlen(tenant)) : NULL;
	int rc = save_json(path, json_pack("{s:s, s:s*}", "relation", hex, "tenant", whose), e);

	free(hex);
	free(whose);
	return rc;
}
