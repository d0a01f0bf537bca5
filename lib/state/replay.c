/*
 * replay.c - from an archive to a stream.
 *
 * First the chain is looked through without opening what is in it: its first
 * copy must have ended before the point that is asked for, and where times go
 * beyond it, transactions are looked at for the first LSN that is too late.
 * Then it is written, up to there: commits are in the order of their LSNs, so
 * what is restored is what the source was at that one.
 */

#include "base/hr.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/lsn.h"
#include "state/chain_read.h"
#include "state/replay.h"
#include "state/span.h"
#include "stream/mark.h"
#include "stream/rows.h"

/* Where a time zone stands behind a time: seconds east, and what is behind it must be nothing. */
static bool
zone(const char *s, long *east)
{
	int sign, hours = 0, minutes = 0, n = 0;

	if (strcmp(s, "Z") == 0 || strcmp(s, "UTC") == 0) {
		*east = 0;
		return true;
	}
	if (*s != '+' && *s != '-')
		return false;
	sign = *s == '-' ? -1 : 1;
	if (sscanf(s + 1, "%2d:%2d%n", &hours, &minutes, &n) != 2 && sscanf(s + 1, "%2d%2d%n", &hours, &minutes, &n) != 2) {
		minutes = 0;
		if (sscanf(s + 1, "%2d%n", &hours, &n) != 1)
			return false;
	}
	*east = sign * (hours * 3600L + minutes * 60L);
	return s[1 + n] == '\0' && hours < 16 && minutes < 60;
}

int
hr_replay_until(struct hr_replay_options *o, const char *text)
{
	struct tm t = { .tm_isdst = -1 };
	long micro = 0, east, scale = 100000;
	const char *s;
	time_t when;

	if (hr_lsn_parse(text, &o->until_lsn) == 0) {
		o->by_lsn = true;
		return 0;
	}
	if ((s = strptime(text, "%Y-%m-%d", &t)) == NULL || (*s != ' ' && *s != 'T') ||
	    ((s = strptime(s + 1, "%H:%M", &t)) == NULL))
		return -1;
	if (*s == ':' && (s = strptime(s + 1, "%S", &t)) == NULL)
		return -1;
	if (*s == '.')
		for (s++; isdigit((unsigned char)*s); s++, scale /= 10)
			micro += (*s - '0') * scale;
	while (*s == ' ')
		s++;
	if (*s == '\0')
		when = mktime(&t);
	else if (zone(s, &east))
		when = timegm(&t) - east;
	else
		return -1;
	o->by_time = true;
	o->until_time = (int64_t)when * 1000000 + micro - HR_PG_EPOCH_US;
	return 0;
}

struct replay {
	const struct hr_replay_options *o;
	struct hr_chain_reader r;
	struct hr_writer *w;
	struct hr_span span;
	/* looking for the first transaction that is too late */
	hr_lsn late;
	hr_lsn passed;			/* the last watermark that was written */
	/* how far the chain was durable before it was read, if that is known */
	struct hr_chain_position known;
	bool is_known;
	struct hr_err unknown;		/* why it is not */
};

static bool
chosen(const struct hr_replay_options *o, const char *tenant, size_t len)
{
	size_t i;

	for (i = 0; i < o->tenants; i++)
		if (strlen(o->tenant[i]) == len && memcmp(o->tenant[i], tenant, len) == 0)
			return true;
	return o->tenants == 0 || len == 0;
}

static int
look_for_late(void *replay, const struct hr_frame *f, struct hr_err *e)
{
	struct replay *p = replay;
	struct hr_cur c = hr_cur(f->data, f->len);

	while (f->type == HR_FRAME_ROWS && !(f->flags & HR_COPY) && hr_cur_left(&c)) {
		uint32_t len = hr_cur_u32le(&c);
		const uint8_t *body = hr_cur_bytes(&c, len);

		if (body == NULL || len == 0 || (body[0] == HR_BEGIN && len < 21))
			return hr_fail(e, HR_BAD_STREAM, "a rows frame that is cut");
		if (body[0] == HR_BEGIN && (int64_t)hr_get_u64le(body + 13) > p->o->until_time &&
		    hr_get_u64le(body + 5) < p->late)
			p->late = hr_get_u64le(body + 5);
	}
	return 0;
}

/* Has this chain what is asked for?  1 and the span's end set; 0 with *e saying why not; -1. */
static int
suits(struct replay *p, struct hr_err *e)
{
	struct hr_chain_reader *r = &p->r;
	const struct hr_replay_options *o = p->o;
	bool copied = r->head.copy == NULL;
	hr_lsn base = copied ? r->lsn : 0, last = base;
	bool trails;
	int more;

	p->late = UINT64_MAX;
	while ((more = hr_chain_read_next(r, UINT64_MAX, NULL, NULL, e)) > 0) {
		if (o->by_time && copied && r->bundle.time > o->until_time) {
			/* This one may have the first that is too late: look into it, and into what may come before it. */
			uint64_t bundle = r->number;

			if (hr_chain_read_behind(r, bundle - 1, e) < 0) {
				const struct hr_chain *chain = r->chain;
				struct hr_keyring *keys = r->keys;

				hr_err_clear(e);
				hr_chain_read_close(r);
				if (hr_chain_read_open(r, chain, keys, NULL, e) < 0)
					return -1;
			}
			while ((more = hr_chain_read_next(r, UINT64_MAX, look_for_late, p, e)) > 0)
				if ((r->bundle.flags & HR_BUNDLE_WATERMARK) && r->bundle.lsn > p->late)
					break;
			last = r->bundle.lsn;
			break;
		}
		if (r->bundle.flags & HR_BUNDLE_COPIED)
			copied = true;
		if (copied && base == 0)
			base = r->bundle.lsn;
		if (r->bundle.flags & HR_BUNDLE_WATERMARK)
			last = r->bundle.lsn;
	}
	if (more < 0 || (more == 0 && !o->by_lsn && p->is_known && hr_chain_read_reaches(r, &p->known, e) < 0))
		return -1;
	if (more == 0 && !o->by_lsn && p->unknown.code) {
		*e = p->unknown;
		return -1;
	}
	trails = more == 0 && !(r->bundle.flags & HR_BUNDLE_WATERMARK) && r->shared.tail != HR_SEGMENT_ENDED;
	if (!copied) {
		hr_fail(e, HR_REFUSED, "the first copy of chain '%s' was not completed", r->chain->name);
		return 0;
	}
	if (o->by_lsn && (o->until_lsn < base || o->until_lsn > last)) {
		hr_fail(e, HR_REFUSED, "chain '%s' goes from %s to %s", r->chain->name, HR_LSN(base), HR_LSN(last));
		return 0;
	}
	p->span.until = o->by_lsn ? o->until_lsn : p->late == UINT64_MAX ? UINT64_MAX : p->late - 1;
	/* Behind the last watermark of a stream that was cut transactions may not be whole. */
	if (trails && p->span.until > last)
		p->span.until = last;
	if (p->span.until < base) {
		hr_fail(e, HR_REFUSED, "the first copy of chain '%s' is of a later time", r->chain->name);
		return 0;
	}
	return 1;
}

static int
put_mark(struct replay *p, hr_lsn lsn, int64_t time, struct hr_err *e)
{
	struct hr_watermark m = { .time = time };
	uint8_t data[HR_WATERMARK_SIZE];

	hr_watermark_encode(&m, data);
	p->passed = lsn;
	return hr_write(p->w, &(struct hr_frame){ .type = HR_FRAME_WATERMARK, .flags = HR_MUST | HR_ALL, .lsn = lsn,
	    .data = data, .len = sizeof(data) }, e);
}

/* A copy of all tenants is, for whom some are chosen, a copy of those. */
static int
put_snapshot(struct replay *p, const struct hr_frame *f, struct hr_err *e)
{
	const struct hr_replay_options *o = p->o;
	struct hr_buf names = HR_BUF_INIT, b = HR_BUF_INIT;
	struct hr_frame n = *f;
	struct hr_snapshot s;
	struct hr_part *part;
	size_t i;
	int rc;

	if (hr_snapshot_decode(&s, f, e) < 0)
		return -1;
	part = hr_alloc((s.parts + 1) * sizeof(*part));
	for (i = 0; i < s.parts; i++)
		part[i] = hr_part_get(&s, (uint32_t)i);
	for (i = 0; i < o->tenants; i++)
		hr_buf_put(&names, o->tenant[i], strlen(o->tenant[i]) + 1);
	s.tenants = (uint32_t)o->tenants;
	s.tenant_list = (const char *)names.data;
	hr_snapshot_encode(&s, part, &b, names.len);
	n.data = b.data;
	n.len = (uint32_t)b.len;
	rc = hr_write(p->w, &n, e);
	hr_buf_clear(&b);
	hr_buf_clear(&names);
	free(part);
	return rc;
}

static int
put(void *replay, const struct hr_frame *f, struct hr_err *e)
{
	struct replay *p = replay;
	struct hr_frame one = *f;
	int rc;

	if (!chosen(p->o, f->tenant, f->tenant_len))
		return 0;
	switch (f->type) {
	case HR_FRAME_ROWS:
		/* The first copy stays: that it is not too late was seen. */
		if (!(f->flags & HR_COPY) && (rc = hr_span_rows(&p->span, &one, e)) <= 0)
			return rc;
		return hr_write(p->w, &one, e);
	case HR_FRAME_WATERMARK:
		if (f->lsn > p->span.until)
			return 0;
		p->passed = f->lsn;
		break;
	case HR_FRAME_SNAPSHOT:
		if (f->tenant_len == 0 && p->o->tenants)
			return put_snapshot(p, f, e);
		break;
	}
	return hr_write(p->w, &one, e);
}

static int
put_head(struct replay *p, struct hr_err *e)
{
	struct hr_head h = p->r.head;
	char *via[2] = { hr_sprintf("hr-ship " HR_VERSION " --from-archive"), NULL };
	char **all = hr_alloc((h.vias + 1) * sizeof(*all));
	int rc;

	memcpy(all, h.via, h.vias * sizeof(*all));
	all[h.vias] = via[0];
	h.via = all;
	h.vias++;
	if (p->o->tenants) {
		h.tenant = (char **)p->o->tenant;
		h.tenants = p->o->tenants;
	}
	if (!p->r.whole) {
		h.start = p->r.lsn;
		h.copy = NULL;
		h.asks = 0;
		h.asked = NULL;
	}
	rc = hr_write_head(p->w, &h, e);
	free(via[0]);
	free(all);
	return rc;
}

static int
put_relations(struct replay *p, struct hr_err *e)
{
	const struct hr_buf *b = &p->r.relations;
	size_t at, len;

	for (at = 0; at + HR_FRAME_SIZE <= b->len; at += len) {
		len = HR_FRAME_SIZE + (size_t)hr_get_u32le(b->data + at + 4);
		if (len > b->len - at)
			return hr_fail(e, HR_BAD_STREAM, "a relation that is cut");
		if (hr_write_bytes(p->w, b->data + at, len, e) < 0)
			return -1;
	}
	return 0;
}

static int
write_chain(struct replay *p, struct hr_replayed *done, struct hr_err *e)
{
	struct hr_chain_reader *r = &p->r;
	hr_lsn end;
	int more;

	if (put_head(p, e) < 0 || put_relations(p, e) < 0)
		return -1;
	while ((more = hr_chain_read_next(r, UINT64_MAX, put, p, e)) > 0)
		if ((r->bundle.flags & HR_BUNDLE_WATERMARK) && r->bundle.lsn > p->span.until)
			break;
	if (more < 0)
		return -1;
	/* What was written is complete up to where its last transaction ends. */
	end = p->span.end;
	if (p->span.until != UINT64_MAX && end > p->passed && put_mark(p, end, p->span.time, e) < 0)
		return -1;
	done->lsn = p->passed;
	done->time = p->span.time;
	done->left = p->span.left;
	return hr_write_end(p->w, e);
}

/* The chain as a whole, and before that how far it was durable: who writes it goes on meanwhile. */
static int
open_whole(struct replay *p, const struct hr_chain *c, struct hr_err *e)
{
	int known;

	hr_err_clear(&p->unknown);	/* what was so of a newer chain says nothing of this one */
	known = hr_chain_position_load(c, &p->known, p->o->keys, &p->unknown);
	p->is_known = known > 0;
	/* A seal that is missing or false is somebody's; whether it matters is known at the end. */
	if (known < 0 && !(p->o->keys && p->o->keys->sealed_only)) {
		hr_log_err(HR_LOG_WARNING, &p->unknown);
		hr_err_clear(&p->unknown);
	}
	if (hr_chain_read_open(&p->r, c, p->o->keys, NULL, e) < 0)
		return -1;
	if (p->r.whole || p->o->since)
		return 0;
	hr_fail(e, HR_BAD_STREAM, "chain '%s' begins with segment %" PRIu64 ": what was before it is missing", c->name,
	    p->r.segment[0]);
	return hr_hint(e, "take it from a copy of the directory, or restore a target that has the beginning with --since");
}

int
hr_replay_run(const struct hr_replay_options *o, struct hr_writer *w, struct hr_replayed *done, struct hr_err *e)
{
	struct replay p = { .o = o, .w = w, .span = HR_SPAN_INIT };
	struct hr_err why = HR_ERR_INIT;
	struct hr_chain *list;
	const char *stream = o->stream;
	size_t n, i;
	int rc = 0;

	*done = (struct hr_replayed){ .lsn = 0 };
	if (hr_chain_list(o->dir, NULL, &list, &n, e) < 0 || hr_chain_only(list, n, o->dir, &stream, e) < 0) {
		hr_chain_list_free(list, n);
		return -1;
	}
	/* The newest that has it. */
	for (i = n; i-- > 0 && rc == 0; ) {
		if (strcmp(list[i].stream, stream) != 0 || (o->chain && strcmp(list[i].name, o->chain) != 0))
			continue;
		if ((rc = open_whole(&p, &list[i], e)) == 0)
			rc = suits(&p, e);
		hr_chain_read_close(&p.r);
		if (rc == 0) {
			if (why.code == HR_OK)
				why = *e;
			hr_err_clear(e);
			continue;
		}
		if (rc < 0)
			break;
		snprintf(done->chain, sizeof(done->chain), "%s", list[i].name);
		rc = hr_chain_read_open(&p.r, &list[i], o->keys, o->tenants == 1 ? o->tenant[0] : NULL, e);
		if (rc == 0 && o->since && (rc = hr_chain_read_seek(&p.r, o->since, e)) == 0 && p.r.lsn > o->since && !p.r.whole)
			rc = hr_fail(e, HR_REFUSED, "chain '%s' begins at %s, behind %s", list[i].name, HR_LSN(p.r.lsn),
			    HR_LSN(o->since));
		if (rc == 0)
			rc = write_chain(&p, done, e);
		hr_chain_read_close(&p.r);
		rc = rc < 0 ? -1 : 1;
	}
	hr_chain_list_free(list, n);
	hr_span_clear(&p.span);
	if (rc == 0 && why.code) {
		*e = why;
		return hr_hint(e, "'hr-ship archive list %s' shows what there is", o->dir);
	}
	if (rc == 0)
		return hr_fail(e, HR_REFUSED, "there is no such chain in '%s'", o->dir);
	return rc < 0 ? -1 : 0;
}
