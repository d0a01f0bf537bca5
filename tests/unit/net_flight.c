/* net_flight - frames that were read, until they have arrived. */

#include "base/hr.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "net/flight.h"
#include "tap.h"

static struct hr_err e = HR_ERR_INIT;
static const uint8_t bytes[HR_CHUNK];

static void
put(struct hr_flight *w, size_t len, size_t frames)
{
	if (hr_flight_put(w, bytes, len, frames) < 0)
		abort();
}

static void
places(void)
{
	struct hr_chunk *c;
	struct hr_flight w;

	ok(hr_flight_open(&w, 1 << 20, &e) == 0 && hr_flight_next(&w) == NULL, "nothing is in a new one");
	put(&w, 10, 1);
	put(&w, 20, 1);
	c = hr_flight_next(&w);
	ok(c && c->place == 2 && hr_chunk_bytes(c) == 30, "small frames are one chunk, with the last place");
	put(&w, 5, 1);
	ok(hr_chunk_bytes(c) == 30, "nothing is added to what is being sent");
	c = hr_flight_next(&w);
	ok(c && c->place == 3, "it is in the next");
	ok(hr_flight_next(&w) == NULL, "no more");
	ok(hr_flight_seek(&w, 2) == 0 && (c = hr_flight_next(&w)) && c->place == 3, "sent again behind a place");
	ok(hr_flight_seek(&w, 0) == 0 && (c = hr_flight_next(&w)) && c->place == 2, "and from the beginning");
	ok(hr_flight_seek(&w, 1) < 0 && hr_flight_seek(&w, 9) < 0, "not inside of a chunk, nor behind all");
	ok(hr_flight_seek(&w, 0) == 0 && hr_flight_next(&w) && hr_flight_arrived(&w, 2) == 0, "arrived");
	ok(hr_flight_seek(&w, 0) < 0 && hr_flight_seek(&w, 2) == 0, "what has arrived is not here");
	ok(hr_flight_arrived(&w, 2) == 0, "it may be said twice");
	ok(hr_flight_arrived(&w, 3) < 0, "what was sent before, and not since, has not arrived");
	ok(hr_flight_arrived(&w, 4) < 0, "nor has what was not put");
	put(&w, 5, 3);
	ok(hr_flight_next(&w) && (c = hr_flight_next(&w)) && c->place == 6 && hr_flight_next(&w) == NULL, "the rest is sent");
	ok(hr_flight_arrived(&w, 5) < 0, "not in the middle of frames that were put together");
	ok(hr_flight_arrived(&w, 6) == 0 && w.first == NULL && w.bytes == 0 && w.held == 0 && w.ahead == 0, "all has arrived");
	hr_flight_clear(&w);
}

static void *
fill(void *flight)
{
	struct hr_flight *w = flight;
	int i;

	for (i = 0; i < 3; i++)
		if (hr_flight_put(w, bytes, HR_CHUNK, 1) < 0)
			return w;
	return NULL;
}

static size_t
held(struct hr_flight *w)
{
	size_t n;

	pthread_mutex_lock(&w->lock);
	n = w->bytes;
	pthread_mutex_unlock(&w->lock);
	return n;
}

static void
limit(void)
{
	struct pollfd p = { .events = POLLIN };
	struct hr_flight w;
	pthread_t t;
	void *failed;
	uint64_t n;

	if (hr_flight_open(&w, 2 * HR_CHUNK, &e) < 0 || pthread_create(&t, NULL, fill, &w) != 0)
		abort();
	p.fd = w.wake;
	while (held(&w) < 2 * HR_CHUNK)
		poll(&p, 1, 10);
	poll(NULL, 0, 50);
	ok(held(&w) == 2 * HR_CHUNK, "a full one has who puts wait");
	ok(read(w.wake, &n, sizeof(n)) == sizeof(n), "who sends was woken");
	ok(hr_flight_next(&w) && hr_flight_arrived(&w, 1) == 0, "one arrives");
	ok(pthread_join(t, &failed) == 0 && !failed, "there is room");
	if (pthread_create(&t, NULL, fill, &w) != 0)
		abort();
	hr_flight_close(&w);
	ok(pthread_join(t, &failed) == 0 && failed, "a closed one takes nothing");
	hr_flight_clear(&w);
}

static void *
fill_all(void *flight)
{
	struct hr_flight *w = flight;
	int i;

	for (i = 0; i < 64; i++)
		put(w, HR_CHUNK, 1);
	return NULL;
}

/* What is held when nothing was added for a while. */
static size_t
settled(struct hr_flight *w)
{
	size_t n, before;

	n = held(w);
	do {
		before = n;
		poll(NULL, 0, 50);
	} while ((n = held(w)) != before);
	return n;
}

static void
ahead(void)
{
	struct hr_flight w;
	pthread_t t;
	size_t some, more;

	if (hr_flight_open(&w, 64 * HR_CHUNK, &e) < 0 || hr_flight_seek(&w, 0) < 0 || pthread_create(&t, NULL, fill_all, &w) != 0)
		abort();
	while (held(&w) == 0)
		poll(NULL, 0, 1);
	some = settled(&w);
	ok(some < 32 * HR_CHUNK, "who puts waits for who sends, though there is room");
	while (w.sent == NULL || w.sent->next)
		(void)hr_flight_next(&w);
	more = settled(&w);
	ok(more > some && more < 2 * some + 4 * HR_CHUNK, "it goes on when that was sent, and has not arrived");
	hr_flight_halt(&w);
	pthread_join(t, NULL);
	ok(held(&w) == 64 * HR_CHUNK, "without a connection it is kept up to the limit");
	ok(hr_flight_seek(&w, 0) == 0 && hr_flight_next(&w)->place == 1, "and is all to be sent on another one");
	hr_flight_clear(&w);
}

/* Chunks of which each has little, and more that are full: what they take. */
static void
memory(void)
{
	struct hr_flight w;
	bool most = true, spares = true;
	size_t i, len;

	if (hr_flight_open(&w, 64 << 20, &e) < 0)
		abort();
	for (i = 0; i < 3000; i++) {
		len = 1 + i * 7919 % (i % 100 == 0 ? HR_CHUNK : 30000);
		put(&w, len, 1);
		if (i % 3 == 0)
			put(&w, 1 + len / 8, 1);
		(void)hr_flight_next(&w);
		most = most && w.held <= w.bytes + w.bytes / 3 + HR_SPARE + HR_CHUNK;
		if (i % 1000 == 999 && hr_flight_arrived(&w, w.place) < 0)
			abort();
		spares = spares && w.spares * HR_CHUNK <= HR_SPARE;
	}
	ok(most, "chunks that are little filled take little more than what is in them");
	ok(w.bytes == 0 && w.held == 0 && w.spares > 0 && spares, "some are kept for what comes next");
	hr_flight_clear(&w);
	/* Nobody sends, and of each chunk nearly half stays empty. */
	if (hr_flight_open(&w, 64 << 20, &e) < 0)
		abort();
	for (i = 0; i < 400; i++)
		put(&w, HR_CHUNK / 2 + 28, 1);
	ok(w.held <= w.bytes + w.bytes / 3 + HR_SPARE + HR_CHUNK, "frames that fill chunks badly take little more, too");
	hr_flight_clear(&w);
}

static void
large(void)
{
	struct hr_chunk *c;
	struct hr_flight w;

	if (hr_flight_open(&w, 1000, &e) < 0)
		abort();
	put(&w, HR_CHUNK, 1);
	c = hr_flight_next(&w);
	ok(c && hr_chunk_bytes(c) == HR_CHUNK, "a frame larger than the limit is taken when it is alone");
	hr_flight_end(&w);
	ok(w.ended, "the end is known");
	hr_flight_clear(&w);
}

int
main(void)
{
	places();
	limit();
	ahead();
	memory();
	large();
	return tap_done();
}
