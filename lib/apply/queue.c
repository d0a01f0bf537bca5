/* queue.c - a bounded queue between two threads. */

#include "base/hr.h"

#include <stdlib.h>
#include <string.h>

#include "apply/queue.h"
#include "base/alloc.h"
#include "base/clock.h"

struct hr_piece *
hr_piece_new(const struct hr_frame *f)
{
	struct hr_piece *p = hr_alloc(sizeof(*p) + f->tenant_len + f->len);

	*p = (struct hr_piece){
		.type = f->type, .flags = f->flags, .tenant_len = f->tenant_len, .len = f->len, .lsn = f->lsn,
		.worker = -1,
	};
	p->tenant = (char *)p->data;
	p->body = p->data + f->tenant_len;
	if (f->tenant_len)
		memcpy(p->tenant, f->tenant, f->tenant_len);
	if (f->len)
		memcpy(p->body, f->data, f->len);
	return p;
}

size_t
hr_piece_size(const struct hr_piece *p)
{
	return sizeof(*p) + p->tenant_len + p->len;
}

void
hr_pieces_free(struct hr_piece **first)
{
	struct hr_piece *p;

	while ((p = *first) != NULL) {
		*first = p->next;
		free(p);
	}
}

void
hr_queue_init(struct hr_queue *q)
{
	*q = (struct hr_queue){ .idle = false };
	q->last = &q->first;
	pthread_mutex_init(&q->lock, NULL);
	hr_cond_init(&q->filled);
	pthread_cond_init(&q->emptied, NULL);
}

void
hr_queue_clear(struct hr_queue *q)
{
	hr_pieces_free(&q->first);
	pthread_cond_destroy(&q->filled);
	pthread_cond_destroy(&q->emptied);
	pthread_mutex_destroy(&q->lock);
}

int
hr_queue_put(struct hr_queue *q, struct hr_piece *p, size_t max)
{
	int rc = 0;

	p->next = NULL;
	pthread_mutex_lock(&q->lock);
	/* A watermark passes: what waits for it would wait for its own room. */
	while (q->bytes > max && p->type != HR_FRAME_WATERMARK && !q->closed)
		pthread_cond_wait(&q->emptied, &q->lock);
	if (q->closed) {
		free(p);
		rc = -1;
	} else {
		*q->last = p;
		q->last = &p->next;
		q->bytes += hr_piece_size(p);
		q->windows += p->type == HR_FRAME_WATERMARK;
		q->idle = false;
		pthread_cond_signal(&q->filled);
	}
	pthread_mutex_unlock(&q->lock);
	return rc;
}

struct hr_piece *
hr_queue_take(struct hr_queue *q, bool between)
{
	struct hr_piece *p;

	pthread_mutex_lock(&q->lock);
	while (q->first == NULL && !q->closed) {
		if (between && !q->idle) {
			q->idle = true;
			pthread_cond_broadcast(&q->emptied);
		}
		pthread_cond_wait(&q->filled, &q->lock);
	}
	if ((p = q->first) != NULL) {
		if ((q->first = p->next) == NULL)
			q->last = &q->first;
		q->bytes -= hr_piece_size(p);
		q->windows -= p->type == HR_FRAME_WATERMARK;
		pthread_cond_broadcast(&q->emptied);
	}
	pthread_mutex_unlock(&q->lock);
	return p;
}

size_t
hr_queue_windows(struct hr_queue *q)
{
	size_t n;

	pthread_mutex_lock(&q->lock);
	n = q->windows;
	pthread_mutex_unlock(&q->lock);
	return n;
}

bool
hr_queue_await(struct hr_queue *q, int64_t us)
{
	struct timespec until = hr_until(us);
	bool has;

	pthread_mutex_lock(&q->lock);
	while (q->windows == 0 && !q->closed && pthread_cond_timedwait(&q->filled, &q->lock, &until) == 0)
		;
	has = q->windows > 0;
	pthread_mutex_unlock(&q->lock);
	return has;
}

int
hr_queue_drain(struct hr_queue *q)
{
	int rc;

	pthread_mutex_lock(&q->lock);
	while ((q->first || !q->idle) && !q->closed)
		pthread_cond_wait(&q->emptied, &q->lock);
	rc = q->closed ? -1 : 0;
	pthread_mutex_unlock(&q->lock);
	return rc;
}

void
hr_queue_close(struct hr_queue *q)
{
	pthread_mutex_lock(&q->lock);
	q->closed = true;
	pthread_cond_broadcast(&q->filled);
	pthread_cond_broadcast(&q->emptied);
	pthread_mutex_unlock(&q->lock);
}
