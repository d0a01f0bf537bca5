/* spill.c - keep streamed transactions until they commit. */

#include "base/hr.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/temp.h"
#include "capture/spill.h"

#define MEMORY_BYTES	((size_t)32 << 20)	/* for all transactions together */
#define READ_BYTES	((size_t)256 << 10)

struct spilled {
	struct spilled *next;
	uint32_t xid;
	struct hr_buf tail;	/* the newest messages: u32 length, u32 subxid, bytes */
	int fd;			/* the older ones, or -1 */
	uint64_t file_bytes;
	uint32_t *aborted;	/* subtransactions, sorted when replayed */
	size_t aborts, abort_cap;
};

static struct spilled *
find(struct hr_spill *s, uint32_t xid)
{
	struct spilled *t;

	for (t = s->first; t && t->xid != xid; t = t->next)
		;
	return t;
}

/* Move the largest tail in memory to its file. */
static int
to_file(struct hr_spill *s, struct hr_err *e)
{
	struct spilled *t, *big = s->first;

	for (t = s->first; t; t = t->next)
		if (t->tail.len > big->tail.len)
			big = t;
	if (s->max && s->in_files + big->tail.len > s->max) {
		hr_fail(e, HR_TEMPORARY, "transactions in progress need more than the %" PRIu64
		    " bytes of --spill-max", s->max);
		return hr_hint(e, "raise --spill-max, or logical_decoding_work_mem at the source");
	}
	if (big->fd < 0 && (big->fd = hr_temp_open(s->dir, e)) < 0)
		return -1;
	if (hr_temp_append(big->fd, big->tail.data, big->tail.len, e) < 0)
		return -1;
	big->file_bytes += big->tail.len;
	s->in_files += big->tail.len;
	s->in_memory -= big->tail.len;
	hr_buf_clear(&big->tail);
	return 0;
}

int
hr_spill_add(struct hr_spill *s, uint32_t xid, uint32_t subxid, const uint8_t *data, size_t len,
    struct hr_err *e)
{
	struct spilled *t = find(s, xid);

	if (t == NULL) {
		t = hr_zalloc(sizeof(*t));
		t->xid = xid;
		t->fd = -1;
		t->next = s->first;
		s->first = t;
	}
	hr_buf_u32le(&t->tail, (uint32_t)len);
	hr_buf_u32le(&t->tail, subxid);
	hr_buf_put(&t->tail, data, len);
	s->in_memory += len + 8;
	return s->in_memory > MEMORY_BYTES ? to_file(s, e) : 0;
}

static void
drop(struct hr_spill *s, struct spilled *t)
{
	struct spilled **p;

	for (p = &s->first; *p != t; p = &(*p)->next)
		;
	*p = t->next;
	s->in_memory -= t->tail.len;
	s->in_files -= t->file_bytes;
	hr_buf_clear(&t->tail);
	if (t->fd >= 0)
		close(t->fd);
	free(t->aborted);
	free(t);
}

void
hr_spill_abort(struct hr_spill *s, uint32_t xid, uint32_t subxid)
{
	struct spilled *t = find(s, xid);

	if (t == NULL)
		return;
	if (subxid == xid) {
		drop(s, t);
		return;
	}
	HR_GROW(t->aborted, t->aborts, t->abort_cap);
	t->aborted[t->aborts++] = subxid;
}

static int
by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* Whole messages of b to the callback; what is left of a cut one stays. */
static int
replay_bytes(struct spilled *t, struct hr_buf *b, int (*message)(void *, const uint8_t *, size_t,
    struct hr_err *), void *arg, struct hr_err *e)
{
	size_t at = 0;

	while (b->len - at >= 8) {
		uint32_t len = hr_get_u32le(b->data + at), subxid = hr_get_u32le(b->data + at + 4);

		if (b->len - at - 8 < len)
			break;
		if ((t->aborts == 0 || bsearch(&subxid, t->aborted, t->aborts, sizeof(subxid), by_number) == NULL) &&
		    message(arg, b->data + at + 8, len, e) < 0)
			return -1;
		at += 8 + len;
	}
	b->len -= at;
	if (b->len)
		memmove(b->data, b->data + at, b->len);
	return 0;
}

int
hr_spill_replay(struct hr_spill *s, uint32_t xid,
    int (*message)(void *, const uint8_t *, size_t, struct hr_err *), void *arg, struct hr_err *e)
{
	struct spilled *t = find(s, xid);
	struct hr_buf b = HR_BUF_INIT;
	uint64_t at = 0;
	int rc = 0;

	if (t == NULL)
		return 0;
	if (t->aborts)
		qsort(t->aborted, t->aborts, sizeof(*t->aborted), by_number);
	while (at < t->file_bytes && rc == 0) {
		ssize_t n;

		hr_buf_need(&b, READ_BYTES);
		n = hr_temp_read(t->fd, b.data + b.len, READ_BYTES, at, e);
		if (n <= 0) {
			rc = n < 0 ? -1 : hr_fail(e, HR_IO, "a spill file ended early");
			break;
		}
		at += (uint64_t)n;
		b.len += (size_t)n;
		rc = replay_bytes(t, &b, message, arg, e);
	}
	if (rc == 0) {
		s->in_memory -= t->tail.len;
		rc = replay_bytes(t, &t->tail, message, arg, e);
		s->in_memory += t->tail.len;
	}
	hr_buf_clear(&b);
	drop(s, t);
	return rc;
}

void
hr_spill_clear(struct hr_spill *s)
{
	while (s->first)
		drop(s, s->first);
}
