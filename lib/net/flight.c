/* flight.c - a list of chunks between two threads. */

#include "base/hr.h"

#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/alloc.h"
#include "net/flight.h"

#define SMALL		((size_t)16 << 10)	/* bytes of a chunk that may stay small */
#define AHEAD		((size_t)2 << 20)	/* bytes that are put before others have been sent, while they are */

int
hr_flight_open(struct hr_flight *w, size_t limit, struct hr_err *e)
{
	*w = (struct hr_flight){ .limit = limit, .wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) };
	if (w->wake < 0)
		return hr_fail_sys(e, "cannot make an eventfd");
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->room, NULL);
	return 0;
}

static void
free_chunk(struct hr_chunk *c)
{
	hr_buf_clear(&c->message);
	free(c);
}

void
hr_flight_clear(struct hr_flight *w)
{
	struct hr_chunk *next;

	for (; w->first; w->first = next) {
		next = w->first->next;
		free_chunk(w->first);
	}
	for (; w->spare; w->spare = next) {
		next = w->spare->next;
		free_chunk(w->spare);
	}
	close(w->wake);
	pthread_cond_destroy(&w->room);
	pthread_mutex_destroy(&w->lock);
}

static void
wake(struct hr_flight *w)
{
	uint64_t one = 1;

	(void)!write(w->wake, &one, sizeof(one));
}

/* Nothing is added to it any more: most of a large one may be empty. */
static void
shrink(struct hr_flight *w, struct hr_chunk *c)
{
	struct hr_buf m = c->message;

	if (m.cap - m.len <= m.len / 3 || w->held - w->bytes < HR_SPARE)
		return;
	c->message = (struct hr_buf)HR_BUF_INIT;
	hr_buf_put(&c->message, m.data, m.len);
	w->held -= m.cap - c->message.cap;
	hr_buf_clear(&m);
}

/* The chunk that frames are added to, a new one if need be. */
static struct hr_chunk *
open_chunk(struct hr_flight *w, size_t len)
{
	struct hr_chunk *c = w->last;

	if (c && !c->closed && hr_chunk_bytes(c) + len <= HR_CHUNK - HR_LINK_ROOM)
		return c;
	if (c && !c->closed)
		shrink(w, c);
	c = hr_zalloc(sizeof(*c));
	if (w->last)
		w->last->next = c;
	else
		w->first = c;
	w->last = c;
	hr_buf_need(&c->message, HR_LINK_ROOM);
	c->message.len = HR_LINK_ROOM;
	w->held += c->message.cap;
	return c;
}

/* Small, or HR_CHUNK at once: one that grows is copied. */
static void
make_room(struct hr_flight *w, struct hr_chunk *c, size_t len)
{
	struct hr_chunk *spare = w->spare;
	size_t want = c->message.len + len;

	if (want <= c->message.cap)
		return;
	w->held -= c->message.cap;
	if (want <= SMALL || want > HR_CHUNK)
		hr_buf_need(&c->message, len);
	else if (spare == NULL)
		hr_buf_need(&c->message, HR_CHUNK - c->message.len);
	else {
		w->spare = spare->next;
		w->spares--;
		hr_buf_reset(&spare->message);
		hr_buf_put(&spare->message, c->message.data, c->message.len);
		hr_buf_clear(&c->message);
		c->message = spare->message;
		free(spare);
	}
	w->held += c->message.cap;
}

int
hr_flight_put(struct hr_flight *w, const uint8_t *bytes, size_t len, size_t frames)
{
	struct hr_chunk *c;
	bool closed, idle;

	pthread_mutex_lock(&w->lock);
	while (!w->closed && ((w->bytes && w->bytes + len > w->limit) || (w->flowing && w->ahead >= AHEAD)))
		pthread_cond_wait(&w->room, &w->lock);
	closed = w->closed;
	if (!closed) {
		idle = w->last == NULL || w->last->closed;
		c = open_chunk(w, len);
		make_room(w, c, len);
		hr_buf_put(&c->message, bytes, len);
		w->bytes += len;
		w->ahead += len;
		w->place += frames;
		c->place = w->place;
		/* Who sends was told of a chunk that is open still. */
		if (idle || hr_chunk_bytes(c) == len)
			wake(w);
	}
	pthread_mutex_unlock(&w->lock);
	return closed ? -1 : 0;
}

void
hr_flight_end(struct hr_flight *w)
{
	pthread_mutex_lock(&w->lock);
	w->ended = true;
	wake(w);
	pthread_mutex_unlock(&w->lock);
}

void
hr_flight_close(struct hr_flight *w)
{
	pthread_mutex_lock(&w->lock);
	w->closed = true;
	pthread_cond_broadcast(&w->room);
	pthread_mutex_unlock(&w->lock);
}

int
hr_flight_seek(struct hr_flight *w, uint64_t place)
{
	struct hr_chunk *c;
	int rc = -1;

	pthread_mutex_lock(&w->lock);
	w->sent = NULL;
	w->ahead = w->bytes;
	if (place == w->gone)
		rc = 0;
	for (c = w->first; c && rc < 0; c = c->next) {
		w->ahead -= hr_chunk_bytes(c);
		if (c->place == place && c->closed) {
			w->sent = c;
			rc = 0;
		}
	}
	w->flowing = rc == 0;
	pthread_mutex_unlock(&w->lock);
	return rc;
}

void
hr_flight_halt(struct hr_flight *w)
{
	pthread_mutex_lock(&w->lock);
	w->flowing = false;
	pthread_cond_signal(&w->room);
	pthread_mutex_unlock(&w->lock);
}

struct hr_chunk *
hr_flight_next(struct hr_flight *w)
{
	struct hr_chunk *c;

	pthread_mutex_lock(&w->lock);
	c = w->sent ? w->sent->next : w->first;
	if (c) {
		if (!c->closed)
			shrink(w, c);
		c->closed = true;
		w->sent = c;
		w->ahead -= hr_chunk_bytes(c);
		if (w->ahead < AHEAD / 2)
			pthread_cond_signal(&w->room);
	}
	pthread_mutex_unlock(&w->lock);
	return c;
}

/* The first one has arrived. */
static void
remove_chunk(struct hr_flight *w)
{
	struct hr_chunk *c = w->first;

	w->gone = c->place;
	w->first = c->next;
	if (w->first == NULL)
		w->last = NULL;
	if (w->sent == c)
		w->sent = NULL;
	w->bytes -= hr_chunk_bytes(c);
	w->held -= c->message.cap;
	if (c->message.cap == HR_CHUNK && w->spares < HR_SPARE / HR_CHUNK) {
		c->next = w->spare;
		w->spare = c;
		w->spares++;
	} else
		free_chunk(c);
}

int
hr_flight_arrived(struct hr_flight *w, uint64_t place)
{
	struct hr_chunk *c;
	int rc;

	pthread_mutex_lock(&w->lock);
	for (c = w->first; c && c != w->sent && c->place < place; c = c->next)
		;
	/* Who errs takes nothing away: it is sent again on another connection. */
	rc = place <= w->gone || (w->sent && c->place == place) ? 0 : -1;
	while (rc == 0 && w->first && w->first->place <= place)
		remove_chunk(w);
	pthread_cond_signal(&w->room);
	pthread_mutex_unlock(&w->lock);
	return rc;
}
