/*
 * publisher.c - lanes to messages.
 *
 * A lane comes as frames that each rest on all before them.  A message rests on
 * nothing: the head and the relations that its rows mean are put in front.  What
 * the stream has already, as the bucket says, is taken and not published again.
 */

#include "base/hr.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/map.h"
#include "net/link.h"
#include "net/publisher.h"
#include "net/queue.h"
#include "state/checkpoint.h"
#include "stream/mark.h"
#include "stream/rows.h"
#include "stream/writer.h"

#define SENT_US		INT64_C(1000000)	/* between two values that say what was sent */
#define DEAD_US		INT64_C(60000000)	/* the courier is this process: it is slow, never gone */
#define TELL_US		INT64_C(3000000)	/* that it waits: when it has waited so long */
#define LOST_US		INT64_C(30000000)	/* after what is sent again was sent, it may be lost again */
#define ENDS		(UINT64_C(1) << 63)	/* the place of an end frame */

struct lane {
	uint32_t number;
	char *tenant, *subject, *at_key, *sent_key;
	char session[HR_SESSION_SIZE];
	bool begun;			/* its head was published, or need not be */
	uint64_t after;			/* the place in front of what comes */
	bool first;			/* that is the lane's beginning */
	uint64_t sent;			/* what the stream has, as the bucket says; not published again */
	uint64_t acked, said;		/* acknowledged; and what the bucket was told of that */
	int64_t said_at;
	char again[24];			/* behind ids, when the stream has lost what had them */
	uint64_t lost;			/* what follows it was published again, */
	int64_t lost_at;		/* since when; 0: nothing was */
	size_t flying;			/* messages */
	uint64_t ending;		/* the end frame's place was taken */
	hr_lsn lsn;			/* of the last watermark: all before it was in messages before */
	bool within, copying;		/* a transaction, or a copy, is open */
	bool whole;			/* they are not, and the last frame was a watermark */
	bool begins;			/* it was so in front of the message */
	struct hr_buf head;		/* as it came; for the first message */
	struct hr_map relations;	/* struct relation, by OID */
	uint64_t message;		/* counts them, for struct relation */
};

struct relation {
	struct hr_buf bytes;		/* the frame */
	uint64_t message;		/* the last that has it */
};

struct flight {
	struct lane *lane;
	uint64_t place;
	bool last;			/* part of a message */
};

struct publisher {
	struct hr_publisher *o;
	struct hr_link link;
	struct hr_nats *n;
	bool greeted;
	struct lane **lane;		/* by number */
	size_t lanes, lane_cap;
	struct hr_map by_key;		/* of at_key */
	struct flight *flight;
	size_t flights, flight_cap, flight_at;
	struct hr_writer w;
	struct hr_buf buf, packed;
	enum hr_nats_state state;
	int64_t since;			/* of that state */
	int64_t made;			/* when it was seen to that there is a stream */
	bool told;
};

/* --- lanes --- */

static void
free_relation(void *relation)
{
	struct relation *r = relation;

	hr_buf_clear(&r->bytes);
	free(r);
}

static void
free_lane(struct lane *l)
{
	if (l == NULL)
		return;
	free(l->tenant);
	free(l->subject);
	free(l->at_key);
	free(l->sent_key);
	hr_buf_clear(&l->head);
	hr_map_clear(&l->relations, free_relation);
	free(l);
}

/*
 * What a value of the bucket says of a lane's session, and up to where its target
 * has all (0: that is not known).  False: nothing; a value that cannot be read, which
 * anybody may have put there, says nothing too.
 */
static bool
says(const struct lane *l, const struct hr_buf *value, struct hr_queue_stand *s, hr_lsn *lsn)
{
	struct hr_checkpoint cp = HR_CHECKPOINT_INIT;
	struct hr_err e = HR_ERR_INIT;
	int rc = hr_queue_stand_decode(s, value->data, value->len, &e);

	*lsn = 0;
	if (rc == 0 && strcmp(s->session, l->session) != 0)
		return false;
	if (rc == 0 && s->len && (rc = hr_checkpoint_decode(&cp, (const char *)s->checkpoint, s->len, &e)) == 0)
		*lsn = hr_checkpoint_durable(&cp, l->tenant);
	if (rc < 0) {
		hr_within(&e, "tenant '%s'", l->tenant);
		hr_log_err(HR_LOG_WARNING, &e);
	}
	hr_checkpoint_clear(&cp);
	return rc == 0;
}

/*
 * What the stream has of a lane, and what its reader says.  The lane begins where
 * the target is: of what follows, what the stream has is not published again.
 */
static int
stand(struct publisher *p, struct lane *l, struct hr_err *e)
{
	struct hr_lane_stand stand = { .fresh = true, .checkpoint = true };
	struct hr_queue_stand s;
	hr_lsn lsn;
	int there;

	hr_buf_reset(&p->buf);
	if ((there = hr_nats_get(p->n, l->sent_key, &p->buf, e)) < 0)
		return -1;
	if (there && says(l, &p->buf, &s, &lsn))
		l->sent = l->acked = l->said = s.place;
	hr_buf_reset(&p->buf);
	if ((there = hr_nats_get(p->n, l->at_key, &p->buf, e)) < 0)
		return -1;
	if (there && says(l, &p->buf, &s, &stand.lsn) && s.lost) {
		if (s.place < l->sent)
			l->sent = l->acked = s.place;
		l->lost = s.place;
		l->lost_at = hr_now_us();
		snprintf(l->again, sizeof(l->again), "-%" PRId64, hr_now_pg_us());
	}
	hr_buf_reset(&p->buf);
	hr_lane_stand_encode(&stand, &p->buf);
	hr_link_put(&p->link, HR_WIRE_STAND, l->number, p->buf.data, p->buf.len);
	return 0;
}

static int
open_lane(struct publisher *p, const struct hr_wire *m, struct hr_err *e)
{
	struct hr_lane_open o = { .tenant = NULL };
	struct lane *l;

	if (hr_lane_open_decode(&o, m, e) < 0)
		return -1;
	if (o.tenant == NULL || m->lane > 1 << 20) {
		hr_lane_open_clear(&o);
		return hr_fail(e, HR_INTERNAL, "a lane that cannot be opened");
	}
	if (m->lane < p->lanes && p->lane[m->lane]) {
		/* Begun again: what is on its way still arrives. */
		hr_lane_open_clear(&o);
		l = p->lane[m->lane];
		l->begun = l->within = l->copying = false;
		l->ending = 0;
		return stand(p, l, e);
	}
	while (p->lanes <= m->lane) {
		HR_GROW(p->lane, p->lanes, p->lane_cap);
		p->lane[p->lanes++] = NULL;
	}
	l = p->lane[m->lane] = hr_zalloc(sizeof(*l));
	l->number = m->lane;
	l->tenant = hr_strdup(o.tenant);
	memcpy(l->session, o.session, sizeof(l->session));
	hr_lane_open_clear(&o);
	hr_buf_reset(&p->buf);
	hr_queue_subject(&p->buf, hr_nats_prefix(p->n), l->tenant);
	l->subject = (char *)hr_buf_take(&p->buf, NULL);
	hr_queue_key(&p->buf, HR_QUEUE_AT, l->tenant);
	l->at_key = (char *)hr_buf_take(&p->buf, NULL);
	hr_queue_key(&p->buf, HR_QUEUE_SENT, l->tenant);
	l->sent_key = (char *)hr_buf_take(&p->buf, NULL);
	*hr_map_at(&p->by_key, l->at_key, strlen(l->at_key)) = l;
	return hr_nats_watch(p->n, l->at_key, e) < 0 ? -1 : stand(p, l, e);
}

/* --- a message --- */

static void
remember(struct lane *l, const struct hr_frame *f, const uint8_t *bytes, size_t len)
{
	struct relation *r;
	void **at;

	if (f->len < 4)
		return;
	at = hr_map_at(&l->relations, f->data, 4);
	if (*at == NULL)
		*at = hr_zalloc(sizeof(*r));
	r = *at;
	hr_buf_reset(&r->bytes);
	hr_buf_put(&r->bytes, bytes, len);
	r->message = l->message;
}

/* The table's description is in this message, in front of its rows. */
static int
need(struct publisher *p, struct lane *l, uint32_t table, struct hr_err *e)
{
	uint8_t key[4];
	struct relation *r;

	hr_set_u32le(key, table);
	r = hr_map_get(&l->relations, key, sizeof(key));
	if (r == NULL || r->message == l->message)
		return 0;
	r->message = l->message;
	return hr_write_bytes(&p->w, r->bytes.data, r->bytes.len, e);
}

/* What is open behind the frame; and publish: the tables that it is about are in the message. */
static int
look_into(struct publisher *p, struct lane *l, const struct hr_frame *f, bool publish, struct hr_err *e)
{
	struct hr_cur c = hr_cur(f->data, f->len);
	struct hr_snapshot s;
	struct hr_item it;
	uint32_t i;
	int more;

	if (f->type == HR_FRAME_SNAPSHOT) {
		if (hr_snapshot_decode(&s, f, e) < 0)
			return -1;
		l->copying = s.kind != HR_SNAPSHOT_ENDED;
		for (i = 0; publish && i < s.relations; i++)
			if (need(p, l, hr_get_u32le(s.relation_list + (size_t)i * 4), e) < 0)
				return -1;
	}
	if (f->type != HR_FRAME_ROWS)
		return 0;
	while ((more = hr_rows_next(&c, &it, e)) > 0) {
		l->within = it.op == HR_BEGIN || (it.op != HR_COMMIT && l->within);
		if (publish && strchr("IPUDXL", it.op) && need(p, l, it.relation, e) < 0)
			return -1;
		for (i = 0; publish && it.op == HR_TRUNCATE && i < it.relations; i++)
			if (need(p, l, hr_get_u32le(it.relation_list + (size_t)i * 4), e) < 0)
				return -1;
	}
	return more;
}

static int
put_head(struct publisher *p, struct lane *l, struct hr_err *e)
{
	struct hr_head h = *p->o->head;

	if (!l->begun)
		return hr_write_magic(&p->w, e) < 0 || hr_write_bytes(&p->w, l->head.data, l->head.len, e) < 0 ? -1 : 0;
	h.tenant = &l->tenant;
	h.tenants = 1;
	h.start = l->lsn;
	h.copy = NULL;
	h.asks = 0;
	h.asked = NULL;
	return hr_write_head(&p->w, &h, e);
}

/* Take the frames of a bundle in; publish: and write them to p->w. */
static int
take_frames(struct publisher *p, struct lane *l, const uint8_t *data, size_t len, bool publish, struct hr_err *e)
{
	hr_lsn lsn = l->lsn;
	size_t at, n;
	struct hr_frame f = { .type = 0 };

	l->message++;
	l->begins = l->whole || l->first;
	for (at = 0; at < len; at += n) {
		const uint8_t *b = data + at;

		if (len - at < HR_FRAME_SIZE || len - at < (n = HR_FRAME_SIZE + hr_get_u16le(b + 2) + (size_t)hr_get_u32le(b + 4)))
			return hr_fail(e, HR_INTERNAL, "a frame that is cut");
		hr_frame_at(&f, b);
		if (f.type == HR_FRAME_HEAD) {
			hr_buf_reset(&l->head);
			hr_buf_put(&l->head, b, n);
			lsn = l->lsn = f.lsn;
			continue;
		}
		if (f.type == HR_FRAME_RELATION)
			remember(l, &f, b, n);
		if (look_into(p, l, &f, publish, e) < 0 || (publish && hr_write_bytes(&p->w, b, n, e) < 0))
			return -1;
		if (f.type == HR_FRAME_WATERMARK && !l->copying && f.lsn > lsn)
			lsn = f.lsn;
	}
	l->lsn = lsn;
	l->whole = f.type == HR_FRAME_WATERMARK && !l->within && !l->copying;
	return 0;
}

static int
publish(struct publisher *p, struct lane *l, uint64_t place, struct hr_err *e)
{
	size_t most = hr_nats_largest(p->n), n, at, parts, i = 0;
	char after[24], here[24], part[64], *id;
	uint64_t sum;
	const char *const header[] = { HR_QUEUE_SESSION, l->session, HR_QUEUE_PLACE, here, HR_QUEUE_AFTER, after, HR_QUEUE_PART,
	    part, HR_QUEUE_BEGINS, l->begins ? "yes" : "no", l->first ? HR_QUEUE_FIRST : NULL, "yes", NULL };
	int rc = 0;

	hr_buf_reset(&p->packed);
	hr_queue_pack(p->w.buf.data, p->w.buf.len, &p->packed);
	parts = (p->packed.len + most - 1) / most;
	sum = hr_hash(p->packed.data, p->packed.len);
	snprintf(here, sizeof(here), "%" PRIu64, place);
	snprintf(after, sizeof(after), "%" PRIu64, l->after);
	for (at = 0; at < p->packed.len && rc == 0; at += n) {
		n = p->packed.len - at < most ? p->packed.len - at : most;
		snprintf(part, sizeof(part), "%zu/%zu %016" PRIx64, ++i, parts, sum);
		id = hr_sprintf("%s-%s-%" PRIu64 ".%zu-%016" PRIx64 "%s", l->session, l->subject, place, i, sum, l->again);
		rc = hr_nats_publish(p->n, l->subject, id, header, p->packed.data + at, n, 0, e);
		free(id);
		HR_GROW(p->flight, p->flights, p->flight_cap);
		p->flight[p->flights++] = (struct flight){ l, place, i == parts };
	}
	l->flying += parts;
	return rc;
}

static void
say_arrived(struct publisher *p, const struct lane *l, uint64_t place)
{
	hr_buf_reset(&p->buf);
	hr_buf_u64le(&p->buf, place);
	hr_link_put(&p->link, HR_WIRE_ACK, l->number, p->buf.data, p->buf.len);
}

static int
take_data(struct publisher *p, struct lane *l, const struct hr_wire *m, struct hr_err *e)
{
	uint64_t place = hr_get_u64le(m->data);
	const uint8_t *data = m->data + 8;
	size_t len = m->len - 8;
	bool head = len && data[0] == HR_FRAME_HEAD, wanted = !head && place > l->sent;

	if (place & ENDS) {
		l->ending = place;
		return 0;
	}
	hr_buf_reset(&p->w.buf);
	p->w.seen = (struct hr_end){ 0, 0, 0 };
	if ((wanted && put_head(p, l, e) < 0) || take_frames(p, l, data, len, wanted, e) < 0)
		return -1;
	if (wanted && (hr_write_end(&p->w, e) < 0 || publish(p, l, place, e) < 0))
		return hr_within(e, "tenant '%s'", l->tenant);
	/* A lane begins where its target is: there is nothing before that its reader could miss. */
	l->first = head;
	l->after = place;
	l->begun |= !head;
	if (!wanted)
		say_arrived(p, l, place);
	if (p->w.buf.cap > (size_t)8 << 20)
		hr_buf_clear(&p->w.buf);
	return 0;
}

/* --- what comes back --- */

static int
say_sent(struct publisher *p, struct lane *l, struct hr_err *e)
{
	struct hr_queue_stand s = { .place = l->acked };

	memcpy(s.session, l->session, sizeof(s.session));
	hr_buf_reset(&p->buf);
	hr_queue_stand_encode(&s, &p->buf);
	l->said = l->acked;
	l->said_at = hr_now_us();
	return hr_nats_put(p->n, l->sent_key, p->buf.data, p->buf.len, e);
}

static int
acknowledge(struct publisher *p, struct hr_err *e)
{
	uint64_t cookie;
	size_t i;

	while (hr_nats_acked(p->n, &cookie)) {
		struct flight *f = &p->flight[p->flight_at++];

		f->lane->flying--;
		if (!f->last)
			continue;
		f->lane->acked = f->place;
		say_arrived(p, f->lane, f->place);
	}
	if (p->flight_at > 4096 || p->flight_at == p->flights) {
		p->flights -= p->flight_at;
		memmove(p->flight, p->flight + p->flight_at, p->flights * sizeof(*p->flight));
		p->flight_at = 0;
	}
	for (i = 0; i < p->lanes; i++) {
		struct lane *l = p->lane[i];

		if (l && l->acked != l->said && (hr_now_us() - l->said_at > SENT_US || (l->ending && l->flying == 0)) &&
		    say_sent(p, l, e) < 0)
			return -1;
		if (l && l->ending && l->flying == 0 && hr_nats_put_done(p->n)) {
			struct hr_err well = HR_ERR_INIT;

			hr_buf_reset(&p->buf);
			hr_wire_error_encode(&well, &p->buf);
			hr_link_put(&p->link, HR_WIRE_DONE, l->number, p->buf.data, p->buf.len);
			l->ending = 0;
		}
	}
	return 0;
}

/* What follows the place is not in the stream, which has acknowledged it; and it is not on its way again. */
static bool
is_lost(const struct lane *l, const struct hr_queue_stand *s)
{
	if (!s->lost || s->place >= l->acked)
		return false;
	return l->lost_at == 0 || l->lost != s->place || hr_now_us() - l->lost_at > LOST_US;
}

/* What those who read the queue say. */
static int
hear(struct publisher *p, struct hr_err *e)
{
	struct hr_queue_stand s;
	const char *key;
	struct lane *l;
	hr_lsn lsn;

	while (hr_buf_reset(&p->buf), hr_nats_watched(p->n, &key, &p->buf)) {
		if ((l = hr_map_get(&p->by_key, key, strlen(key))) == NULL)
			continue;
		if (!says(l, &p->buf, &s, &lsn))
			continue;
		if (s.len)
			hr_link_put(&p->link, HR_WIRE_CHECKPOINT, l->number, s.checkpoint, s.len);
		if (is_lost(l, &s))
			return hr_fail(e, HR_TEMPORARY, "the queue has lost messages of tenant '%s', which are sent again", l->tenant);
	}
	return 0;
}

static int
greet(struct publisher *p, const struct hr_wire *m, struct hr_err *e)
{
	struct hr_hello hello, ours = { .version = HR_WIRE_VERSION, .by_tenant = true };

	if (hr_hello_decode(&hello, m, e) < 0)
		return -1;
	snprintf(ours.program, sizeof(ours.program), "%s", HR_VERSION);
	hr_buf_reset(&p->buf);
	hr_hello_encode(&ours, &p->buf);
	hr_link_put(&p->link, HR_WIRE_HELLO, 0, p->buf.data, p->buf.len);
	p->link.most = HR_WIRE_MOST;
	p->greeted = true;
	return 0;
}

static int
heard(struct publisher *p, const struct hr_wire *m, struct hr_err *e)
{
	struct lane *l = m->lane < p->lanes ? p->lane[m->lane] : NULL;

	if (!p->greeted && m->kind == HR_WIRE_HELLO)
		return greet(p, m, e);
	if (p->greeted && m->kind == HR_WIRE_OPEN)
		return open_lane(p, m, e);
	if (l && m->kind == HR_WIRE_DATA)
		return take_data(p, l, m, e);
	if (l && m->kind == HR_WIRE_DONE)
		return 0;
	return hr_fail(e, HR_INTERNAL, "the courier says '%c'", m->kind);
}

/*
 * That the queue does not take what it is given, when that goes on.  A server
 * that was away may have lost what it acknowledged: what it has is asked for anew.
 */
static int
look(struct publisher *p, struct hr_err *e)
{
	struct hr_err why = HR_ERR_INIT;
	const char *words;
	enum hr_nats_state state = hr_nats_state(p->n, &words);

	if (state != p->state) {
		if (p->state == HR_NATS_AWAY)
			return hr_fail(e, HR_TEMPORARY, "its server was away for %.1f s", (double)(hr_now_us() - p->since) / 1e6);
		if (state == HR_NATS_READY && p->told)
			hr_log(HR_LOG_WARNING, "the queue goes on after %.1f s", (double)(hr_now_us() - p->since) / 1e6);
		p->state = state;
		p->since = hr_now_us();
		p->told = false;
	}
	if (state != HR_NATS_READY && !p->told && hr_now_us() - p->since > TELL_US) {
		hr_log(HR_LOG_WARNING, "the queue %s%s%s; the stream waits in the spool", hr_queue_words(state), *words ? ": " : "", words);
		p->told = true;
	}
	/* One that somebody removed is made again; what was in it is in the spool. */
	if (state == HR_NATS_UNHEARD && hr_now_us() - p->since > TELL_US && hr_now_us() - p->made > TELL_US) {
		p->made = hr_now_us();
		if (hr_nats_make_stream(p->n, &why) < 0)
			hr_log_err(HR_LOG_WARNING, &why);
	}
	return 0;
}

static int
serve(struct publisher *p, struct hr_err *e)
{
	struct hr_wire m;
	int more = 1;

	while (!__atomic_load_n(&p->o->over, __ATOMIC_ACQUIRE)) {
		bool room = hr_nats_room(p->n) > 0;
		struct pollfd f[2] = { { hr_nats_fd(p->n), POLLIN, 0 }, { p->link.fd, hr_link_events(&p->link, room), 0 } };

		if (poll(f, 2, room && (p->link.more || hr_link_has(&p->link)) ? 0 : (int)(HR_LINK_PING_US / 1000)) < 0 && errno != EINTR)
			return hr_fail_sys(e, "cannot wait");
		if (hr_nats_turn(p->n, e) < 0 || acknowledge(p, e) < 0 || hear(p, e) < 0 || look(p, e) < 0)
			return -1;
		if (room && (f[1].revents || p->link.more) && hr_link_read(&p->link, e) < 0)
			return -1;
		while (hr_nats_room(p->n) > 0 && (more = hr_link_next(&p->link, &m, e)) != 0)
			if (more < 0 || heard(p, &m, e) < 0)
				return -1;
		if (p->link.ended && !hr_link_has(&p->link))
			return 0;
		if (hr_link_alive(&p->link, DEAD_US, room, e) < 0 || hr_link_write(&p->link, e) < 0)
			return -1;
	}
	return 0;
}

static void
clear(struct publisher *p)
{
	size_t i;

	for (i = 0; i < p->lanes; i++)
		free_lane(p->lane[i]);
	free(p->lane);
	free(p->flight);
	hr_map_clear(&p->by_key, NULL);
	hr_writer_clear(&p->w);
	hr_buf_clear(&p->buf);
	hr_buf_clear(&p->packed);
	hr_nats_close(p->n);
}

static void *
run(void *publisher)
{
	struct publisher p = { .o = publisher, .w = { .fd = -1 } };
	struct hr_err e = HR_ERR_INIT, second = HR_ERR_INIT;
	int64_t until;

	hr_link_open(&p.link, p.o->fd, NULL, "the queue");
	p.link.most = HR_WIRE_FIRST;
	if (hr_link_shake(&p.link, &e) == 0 && (p.n = hr_nats_open(&p.o->to, &e)) != NULL &&
	    hr_nats_make_stream(p.n, &e) == 0 && hr_nats_values(p.n, &e) == 0 && serve(&p, &e) == 0)
		hr_err_clear(&e);
	if (e.code && e.code != HR_IO) {
		hr_buf_reset(&p.buf);
		hr_wire_error_encode(&e, &p.buf);
		hr_link_put(&p.link, HR_WIRE_ERROR, 0, p.buf.data, p.buf.len);
		for (until = hr_now_us() + 1000000; hr_link_waiting(&p.link) && hr_now_us() < until; poll(NULL, 0, 5))
			if (hr_link_write(&p.link, &second) < 0)
				break;
	}
	hr_link_close(&p.link);
	clear(&p);
	return NULL;
}

void
hr_publisher_stop(struct hr_publisher *p)
{
	__atomic_store_n(&p->over, 1, __ATOMIC_RELEASE);
	if (p->running)
		pthread_join(p->thread, NULL);
	p->running = false;
}

int
hr_publisher_connect(void *publisher, struct hr_err *e)
{
	struct hr_publisher *p = publisher;
	int pair[2];

	hr_publisher_stop(p);
	p->over = 0;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
		return hr_fail_sys(e, "cannot make a pair of sockets");
	p->fd = pair[1];
	if (pthread_create(&p->thread, NULL, run, p) != 0) {
		close(pair[0]);
		close(pair[1]);
		return hr_fail(e, HR_TEMPORARY, "cannot start a thread");
	}
	p->running = true;
	return pair[0];
}
