/* window.c - a list of chunks between two threads. */

#include "base/hr.h"

#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/alloc.h"
#include "net/window.h"

int
hr_window_open(struct hr_window *w, size_t limit, struct hr_err *e)
{
	*w = (struct hr_window){ .limit = limit, .wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) };
	if (w->wake < 0)
		return hr_fail_sys(e, "cannot make an eventfd");
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->room, NULL);
	return 0;
}

static void
free_chunk(struct hr_chunk *c)
{
	if (c)
		hr_buf_clear(&c->bytes);
	free(c);
}

void
hr_window_clear(struct hr_window *w)
{
	struct hr_chunk *next;

	for (; w->first; w->first = next) {
		next = w->first->next;
		free_chunk(w->first);
	}
	free_chunk(w->spare);
	close(w->wake);
	pthread_cond_destroy(&w->room);
	pthread_mutex_destroy(&w->lock);
}

static void
wake(struct hr_window *w)
{
	uint64_t one = 1;

	(void)!write(w->wake, &one, sizeof(one));
}

/* The chunk that frames are added to, a new one if need be. */
static struct hr_chunk *
open_chunk(struct hr_window *w, size_t len)
{
	struct hr_chunk *c = w->last;

	if (c && !c->closed && c->bytes.len + len <= HR_CHUNK)
		return c;
	c = w->spare ? w->spare : hr_zalloc(sizeof(*c));
	w->spare = NULL;
	if (w->last)
		w->last->next = c;
	else
		w->first = c;
	w->last = c;
	return c;
}

int
hr_window_put(struct hr_window *w, const uint8_t *bytes, size_t len, hr_lsn lsn)
{
	struct hr_chunk *c;
	bool closed, idle;

	pthread_mutex_lock(&w->lock);
	while (!w->closed && w->bytes && w->bytes + len > w->limit)
		pthread_cond_wait(&w->room, &w->lock);
	closed = w->closed;
	if (!closed) {
		idle = w->last == NULL || w->last->closed;
		c = open_chunk(w, len);
		hr_buf_put(&c->bytes, bytes, len);
		w->bytes += len;
		if (lsn)
			w->lsn = lsn;
		c->place = ++w->place;
		c->lsn = w->lsn;
		/* Who sends was told of a chunk that is open still. */
		if (idle || c != w->last || c->bytes.len == len)
			wake(w);
	}
	pthread_mutex_unlock(&w->lock);
	return closed ? -1 : 0;
}

void
hr_window_end(struct hr_window *w)
{
	pthread_mutex_lock(&w->lock);
	w->ended = true;
	wake(w);
	pthread_mutex_unlock(&w->lock);
}

void
hr_window_close(struct hr_window *w)
{
	pthread_mutex_lock(&w->lock);
	w->closed = true;
	pthread_cond_broadcast(&w->room);
	pthread_mutex_unlock(&w->lock);
}

int
hr_window_seek(struct hr_window *w, uint64_t place)
{
	struct hr_chunk *c;
	int rc = -1;

	pthread_mutex_lock(&w->lock);
	w->sent = NULL;
	if (place == w->gone)
		rc = 0;
	for (c = w->first; c && rc < 0; c = c->next)
		if (c->place == place && c->closed) {
			w->sent = c;
			rc = 0;
		}
	pthread_mutex_unlock(&w->lock);
	return rc;
}

const struct hr_chunk *
hr_window_next(struct hr_window *w)
{
	struct hr_chunk *c;

	pthread_mutex_lock(&w->lock);
	c = w->sent ? w->sent->next : w->first;
	if (c) {
		c->closed = true;
		w->sent = c;
	}
	pthread_mutex_unlock(&w->lock);
	return c;
}

int
hr_window_arrived(struct hr_window *w, uint64_t place)
{
	struct hr_chunk *c;
	int rc;

	pthread_mutex_lock(&w->lock);
	for (c = w->first; c && c->closed && c->place < place; c = c->next)
		;
	/* Who errs takes nothing away: it is sent again on another connection. */
	rc = place <= w->gone || (c && c->closed && c->place == place) ? 0 : -1;
	while (rc == 0 && (c = w->first) && c->closed && c->place <= place) {
		w->gone = c->place;
		w->first = c->next;
		if (w->first == NULL)
			w->last = NULL;
		if (w->sent == c)
			w->sent = NULL;
		w->bytes -= c->bytes.len;
		if (w->spare == NULL && c->bytes.cap <= 2 * HR_CHUNK) {
			hr_buf_reset(&c->bytes);
			c->next = NULL;
			c->closed = false;
			w->spare = c;
		} else
			free_chunk(c);
		pthread_cond_signal(&w->room);
	}
	pthread_mutex_unlock(&w->lock);
	return rc;
}
