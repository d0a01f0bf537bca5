/*
 * groups_file.c - groups as bytes: parts of a table in its file, and all of it
 * in a state's.
 *
 *	u32 length of what follows, u64 lsn, i64 rows, i64 due, i64 expires,
 *	u8 shown, u32 length of the key, the key, the tallies
 */

#include "base/hr.h"

#include <unistd.h>

#include "base/hash.h"
#include "base/temp.h"
#include "rule/groups.h"

#define FIXED		(8 * 4 + 1 + 4)
#define WASTE_MIN	((uint64_t)16 << 20)	/* less is not worth writing anew */
#define PIECE		((size_t)1 << 20)

static void
encode(const struct hr_groups *t, const struct hr_group *g, struct hr_buf *out)
{
	size_t mark = out->len;
	int i;

	hr_buf_u32le(out, 0);
	hr_buf_u64le(out, g->lsn);
	hr_buf_u64le(out, (uint64_t)g->rows);
	hr_buf_u64le(out, (uint64_t)g->due);
	hr_buf_u64le(out, (uint64_t)g->expires);
	hr_buf_u8(out, g->shown);
	hr_buf_u32le(out, g->key_len);
	hr_buf_put(out, hr_group_key(t, g), g->key_len);
	for (i = 0; i < t->kinds; i++)
		hr_tally_encode(&t->kind[i], &g->tally[i], out);
	hr_set_u32le(out->data + mark, (uint32_t)(out->len - mark - 4));
}

/* A group that is in no list yet; NULL: the bytes are none. */
static struct hr_group *
decode(struct hr_groups *t, const uint8_t *data, size_t n, size_t *took)
{
	struct hr_cur c = hr_cur(data, n);
	uint32_t len = hr_cur_u32le(&c), key_len;
	const uint8_t *key, *fixed;
	struct hr_group *g;
	bool good = true;
	int i;

	if (c.bad || len > hr_cur_left(&c) || len < FIXED)
		return NULL;
	*took = 4 + (size_t)len;
	c.end = c.at + len;
	fixed = hr_cur_bytes(&c, FIXED - 4);
	key_len = hr_cur_u32le(&c);
	key = hr_cur_bytes(&c, key_len);
	if (c.bad || fixed[32] > 1 || (int64_t)hr_get_u64le(fixed + 8) < 0)
		return NULL;
	g = hr_groups_new(t, key, key_len);
	g->hash = hr_hash(key, key_len);
	g->lsn = hr_get_u64le(fixed);
	g->rows = (int64_t)hr_get_u64le(fixed + 8);
	g->due = (int64_t)hr_get_u64le(fixed + 16);
	g->expires = (int64_t)hr_get_u64le(fixed + 24);
	g->shown = fixed[32];
	for (i = 0; i < t->kinds && good; i++) {
		good = hr_tally_decode(&t->kind[i], &g->tally[i], &c);
		t->used += hr_tally_size(&t->kind[i], &g->tally[i]);
	}
	if (good && hr_cur_left(&c) == 0)
		return g;
	hr_groups_free(t, g);
	return NULL;
}

/* --- the file --- */

static int
read_all(int fd, uint8_t *to, size_t n, uint64_t at, struct hr_err *e)
{
	while (n) {
		ssize_t did = hr_temp_read(fd, to, n, at, e);

		if (did <= 0)
			return did < 0 ? -1 : hr_fail(e, HR_IO, "a spill file ended early");
		to += did;
		n -= (size_t)did;
		at += (uint64_t)did;
	}
	return 0;
}

int
hr_groups_read(struct hr_groups *t, struct hr_groups_part *p, struct hr_err *e)
{
	struct hr_group *g;
	size_t at = 0, took;

	hr_buf_reset(&t->buf);
	hr_buf_need(&t->buf, p->len);
	if (read_all(t->fd - 1, t->buf.data, p->len, p->at, e) < 0)
		return -1;
	p->there = true;
	p->stale = false;
	p->asked = true;
	p->due = HR_TIME_NEVER;
	for (; at < p->len; at += took) {
		g = decode(t, t->buf.data + at, p->len - at, &took);
		if (g == NULL)
			return hr_fail(e, HR_IO, "a spill file does not have what was written to it");
		hr_groups_link(t, p, g);
	}
	return 0;
}

/* The parts of the file into another one, without the waste between them. */
static int
write_anew(struct hr_groups *t, struct hr_err *e)
{
	int fd = hr_temp_open(t->dir, e);
	struct hr_buf b = HR_BUF_INIT;
	uint64_t to = 0;
	size_t i;
	int rc = fd < 0 ? -1 : 0;

	for (i = 0; i < t->parts && rc == 0; i++) {
		struct hr_groups_part *p = &t->part[i];

		if (p->len == 0 || (p->there && p->stale)) {
			p->len = 0;
			continue;
		}
		hr_buf_need(&b, p->len);
		rc = read_all(t->fd - 1, b.data + b.len, p->len, p->at, e);
		b.len += p->len;
		p->at = to;
		to += p->len;
		if (rc == 0 && b.len > PIECE) {
			rc = hr_temp_append(fd, b.data, b.len, e);
			hr_buf_reset(&b);
		}
	}
	if (rc == 0)
		rc = hr_temp_append(fd, b.data, b.len, e);
	hr_buf_clear(&b);
	if (fd >= 0) {
		close(t->fd - 1);
		t->fd = fd + 1;
	}
	t->file_bytes = to;
	t->waste = 0;
	return rc;
}

static int
append(struct hr_groups *t, struct hr_groups_part *p, struct hr_err *e)
{
	if (t->fd == 0) {
		int fd = hr_temp_open(t->dir, e);

		if (fd < 0)
			return -1;
		t->fd = fd + 1;
	}
	if (t->waste > WASTE_MIN && t->waste > t->file_bytes / 2 && write_anew(t, e) < 0)
		return -1;
	if (t->max_file && t->file_bytes + t->buf.len > t->max_file && t->waste && write_anew(t, e) < 0)
		return -1;
	if (t->max_file && t->file_bytes + t->buf.len > t->max_file) {
		hr_fail(e, HR_TEMPORARY, "groups of an aggregation need more than the %" PRIu64
		    " bytes that they may spill", t->max_file);
		return hr_hint(e, "raise its max_spill or max_memory, or group by fewer values");
	}
	if (hr_temp_append(t->fd - 1, t->buf.data, t->buf.len, e) < 0)
		return -1;
	p->at = t->file_bytes;
	p->len = t->buf.len;
	t->file_bytes += p->len;
	return 0;
}

/* A part goes to the file, and out of memory. */
static int
evict(struct hr_groups *t, struct hr_groups_part *p, struct hr_err *e)
{
	struct hr_group *g, *next;
	int64_t due = HR_TIME_NEVER;

	hr_buf_reset(&t->buf);
	for (g = p->first; g; g = g->next) {
		if (p->stale || p->len == 0)
			encode(t, g, &t->buf);
		due = g->due < due ? g->due : due;
	}
	if (t->buf.len) {
		t->waste += p->len;
		p->len = 0;
		if (append(t, p, e) < 0)
			return -1;
	}
	for (g = p->first; g; g = next) {
		next = g->next;
		hr_groups_unlink(t, g);
		hr_groups_free(t, g);
	}
	p->first = NULL;
	p->there = p->stale = false;
	p->due = due;
	t->due_file = due < t->due_file ? due : t->due_file;
	return 0;
}

static size_t
memory(const struct hr_groups *t)
{
	return t->used + t->slots * sizeof(*t->slot) + t->parts * sizeof(*t->part);
}

/* Those that were not asked for since the hand came by last (a clock). */
int
hr_groups_room(struct hr_groups *t, struct hr_err *e)
{
	size_t wanted, steps;

	if (HR_LIKELY(memory(t) <= t->max_memory))
		return 0;
	wanted = t->max_memory - t->max_memory / 16;
	for (steps = 2 * t->parts; steps && memory(t) > wanted; steps--) {
		struct hr_groups_part *p = &t->part[t->hand];

		t->hand = t->hand + 1 < t->parts ? t->hand + 1 : 0;
		if (!p->there || p->first == NULL)
			continue;
		if (p->asked)
			p->asked = false;
		else if (evict(t, p, e) < 0)
			return -1;
	}
	return 0;
}

/* --- a state's file --- */

int
hr_groups_save(struct hr_groups *t, int (*put)(void *arg, const void *data, size_t n, struct hr_err *e),
    void *arg, struct hr_err *e)
{
	struct hr_group *g;
	size_t i;

	hr_buf_reset(&t->buf);
	for (i = 0; i < t->parts; i++) {
		struct hr_groups_part *p = &t->part[i];

		for (g = p->first; g; g = g->next)
			encode(t, g, &t->buf);
		if (!p->there) {
			hr_buf_need(&t->buf, p->len);
			if (read_all(t->fd - 1, t->buf.data + t->buf.len, p->len, p->at, e) < 0)
				return -1;
			t->buf.len += p->len;
		}
		if (t->buf.len < PIECE && i + 1 < t->parts)
			continue;
		if (put(arg, t->buf.data, t->buf.len, e) < 0)
			return -1;
		hr_buf_reset(&t->buf);
	}
	return 0;
}

ssize_t
hr_groups_load(struct hr_groups *t, const uint8_t *data, size_t n, struct hr_group **g, struct hr_err *e)
{
	struct hr_group *made, *there;
	size_t took;

	made = decode(t, data, n, &took);
	if (made == NULL)
		return 0;
	there = hr_groups_get(t, hr_group_key(t, made), made->key_len, e);
	if (there == NULL || there->rows || there->lsn || there->due != HR_TIME_NEVER) {
		hr_groups_free(t, made);
		return there == NULL ? -1 : 0;
	}
	there->lsn = made->lsn;
	there->rows = made->rows;
	there->shown = made->shown;
	if (t->kinds)
		memcpy(there->tally, made->tally, (size_t)t->kinds * sizeof(*made->tally));
	memset(made->tally, 0, (size_t)t->kinds * sizeof(*made->tally));
	hr_groups_set_due(t, there, made->due);
	hr_groups_set_expires(t, there, made->expires);
	hr_groups_free(t, made);
	*g = there;
	return (ssize_t)took;
}
