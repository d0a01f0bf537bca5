/* apply_queue - a bounded queue between two threads. */

#include "base/hr.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "apply/queue.h"
#include "tap.h"

static struct hr_piece *
piece(uint8_t type, hr_lsn lsn, const char *tenant, const char *text)
{
	struct hr_frame f = {
		.type = type, .flags = HR_MUST, .lsn = lsn, .tenant = tenant, .tenant_len = (uint16_t)strlen(tenant),
		.data = (const uint8_t *)text, .len = (uint32_t)strlen(text),
	};

	return hr_piece_new(&f);
}

static void
order(void)
{
	struct hr_queue q;
	struct hr_piece *p;
	hr_lsn i;
	int good = 0;

	hr_queue_init(&q);
	p = piece(HR_FRAME_ROWS, 5, "acme", "rows");
	ok(p->lsn == 5 && p->tenant_len == 4 && p->len == 4 && memcmp(p->tenant, "acme", 4) == 0 &&
	    memcmp(p->body, "rows", 4) == 0 && p->flags == HR_MUST, "a piece is a copy of its frame");
	ok(hr_piece_size(p) == sizeof(*p) + 8, "and knows its size");
	free(p);
	p = piece(HR_FRAME_WATERMARK, 5, "", "");
	ok(p->tenant_len == 0 && p->len == 0, "also an empty one");
	free(p);

	for (i = 0; i < 10; i++)
		good += hr_queue_put(&q, piece(i % 4 == 3 ? HR_FRAME_WATERMARK : HR_FRAME_ROWS, i, "a", "b"), 1000) == 0;
	ok(good == 10 && hr_queue_windows(&q) == 2, "windows are counted by their watermarks");
	for (i = good = 0; i < 10; i++) {
		p = hr_queue_take(&q, true);
		good += p && p->lsn == i;
		free(p);
		if (i == 3)
			ok(hr_queue_windows(&q) == 1, "one less when it was taken");
	}
	ok(good == 10 && hr_queue_windows(&q) == 0 && q.bytes == 0, "pieces come in their order");
	good = hr_queue_put(&q, piece(HR_FRAME_ROWS, 1, "a", "b"), 1000) == 0;
	hr_queue_close(&q);
	ok(hr_queue_put(&q, piece(HR_FRAME_ROWS, 2, "a", "b"), 1000) == -1, "a closed queue takes nothing");
	p = hr_queue_take(&q, true);
	ok(good && p && p->lsn == 1, "but gives what it has");
	free(p);
	ok(hr_queue_take(&q, true) == NULL && hr_queue_drain(&q) == -1, "and then says that it is closed");
	hr_queue_clear(&q);

	hr_queue_init(&q);
	good = hr_queue_put(&q, piece(HR_FRAME_ROWS, 1, "a", "b"), 1000) == 0;
	hr_queue_clear(&q);
	ok(good, "what nobody took is freed");
}

static struct hr_queue queue;
static atomic_int done, started, rc;

/* Give the other thread time to block where it should.  It can only help. */
static void
settle(void)
{
	while (!atomic_load(&started))
		usleep(1000);
	usleep(50000);
}

static void
start(pthread_t *t, void *(*run)(void *))
{
	atomic_store(&started, 0);
	atomic_store(&done, 0);
	atomic_store(&rc, 99);
	if (pthread_create(t, NULL, run, NULL) != 0)
		exit(70);
}

static void *
put_two(void *arg)
{
	(void)arg;
	/* The first goes over the bound, the second has to wait. */
	rc = hr_queue_put(&queue, piece(HR_FRAME_ROWS, 1, "", "0123456789"), 10);
	atomic_store(&started, 1);
	rc += hr_queue_put(&queue, piece(HR_FRAME_ROWS, 2, "", "0123456789"), 10);
	atomic_store(&done, 1);
	return NULL;
}

static void *
take_one(void *arg)
{
	struct hr_piece *p;

	(void)arg;
	atomic_store(&started, 1);
	p = hr_queue_take(&queue, true);
	atomic_store(&rc, p != NULL);
	free(p);
	return NULL;
}

static void *
drain(void *arg)
{
	(void)arg;
	atomic_store(&started, 1);
	atomic_store(&rc, hr_queue_drain(&queue));
	atomic_store(&done, 1);
	return NULL;
}

static void
bound(void)
{
	struct hr_piece *p, *next;
	pthread_t t;

	hr_queue_init(&queue);
	start(&t, put_two);
	settle();
	ok(!atomic_load(&done), "who puts waits while there is too much");
	p = hr_queue_take(&queue, false);
	pthread_join(t, NULL);
	next = hr_queue_take(&queue, false);
	ok(rc == 0 && p && p->lsn == 1 && next && next->lsn == 2, "until it was taken");
	free(p);
	free(next);

	start(&t, put_two);
	settle();
	hr_queue_close(&queue);
	pthread_join(t, NULL);
	ok(rc == -1, "close wakes who puts");
	hr_queue_clear(&queue);

	hr_queue_init(&queue);
	start(&t, take_one);
	settle();
	hr_queue_close(&queue);
	pthread_join(t, NULL);
	ok(rc == 0, "and who takes");
	hr_queue_clear(&queue);
}

static void
drained(void)
{
	struct hr_piece *p;
	pthread_t t, taker;
	int put;

	hr_queue_init(&queue);
	put = hr_queue_put(&queue, piece(HR_FRAME_ROWS, 1, "", "x"), 1000);
	start(&t, drain);
	settle();
	ok(put == 0 && !atomic_load(&done), "drain waits while a piece is there");
	p = hr_queue_take(&queue, true);
	usleep(50000);
	ok(!atomic_load(&done), "and while it is in somebody's hand");
	free(p);
	if (pthread_create(&taker, NULL, take_one, NULL) != 0)
		exit(70);
	pthread_join(t, NULL);
	ok(atomic_load(&done) && rc == 0, "until he comes for the next one");
	ok(hr_queue_drain(&queue) == 0, "then there is nothing to wait for");
	put = hr_queue_put(&queue, piece(HR_FRAME_ROWS, 2, "", "x"), 1000);
	pthread_join(taker, NULL);
	ok(put == 0 && rc == 1, "he gets it");

	start(&t, drain);
	settle();
	ok(!atomic_load(&done), "drain waits for him again");
	hr_queue_close(&queue);
	pthread_join(t, NULL);
	ok(rc == -1, "close wakes who drains");
	hr_queue_clear(&queue);
}

static void *
take_all(void *arg)
{
	struct hr_piece *p;
	hr_lsn n = 0;

	(void)arg;
	while ((p = hr_queue_take(&queue, true)) != NULL) {
		if (p->lsn != n++)
			atomic_store(&rc, 1);
		free(p);
	}
	atomic_store(&started, (int)n);
	return NULL;
}

static void
many(void)
{
	pthread_t t;
	hr_lsn i;
	int put = 0;

	hr_queue_init(&queue);
	start(&t, take_all);
	atomic_store(&rc, 0);
	for (i = 0; i < 20000; i++)
		put += hr_queue_put(&queue, piece(HR_FRAME_ROWS, i, "acme", "x"), 500);
	put += hr_queue_drain(&queue);
	hr_queue_close(&queue);
	pthread_join(t, NULL);
	ok(put == 0 && started == 20000 && rc == 0, "many pieces between two threads");
	hr_queue_clear(&queue);
}

int
main(void)
{
	order();
	bound();
	drained();
	many();
	return tap_done();
}
