/* net_window - frames that were read, until they have arrived. */

#include "base/hr.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "net/window.h"
#include "tap.h"

static struct hr_err e = HR_ERR_INIT;
static const uint8_t bytes[HR_CHUNK];

static void
put(struct hr_window *w, size_t len, hr_lsn lsn)
{
	if (hr_window_put(w, bytes, len, lsn) < 0)
		abort();
}

static void
places(void)
{
	const struct hr_chunk *c;
	struct hr_window w;

	ok(hr_window_open(&w, 1 << 20, &e) == 0 && hr_window_next(&w) == NULL, "nothing is in a new one");
	put(&w, 10, 0);
	put(&w, 20, 7);
	c = hr_window_next(&w);
	ok(c && c->place == 2 && c->bytes.len == 30 && c->lsn == 7, "small frames are one chunk, with the last place");
	put(&w, 5, 0);
	ok(c->bytes.len == 30, "nothing is added to what is being sent");
	c = hr_window_next(&w);
	ok(c && c->place == 3 && c->lsn == 7, "the next has the watermark before it");
	ok(hr_window_next(&w) == NULL, "no more");
	ok(hr_window_seek(&w, 2) == 0 && (c = hr_window_next(&w)) && c->place == 3, "sent again behind a place");
	ok(hr_window_seek(&w, 0) == 0 && (c = hr_window_next(&w)) && c->place == 2, "and from the beginning");
	ok(hr_window_seek(&w, 1) < 0 && hr_window_seek(&w, 9) < 0, "not inside of a chunk, nor behind all");
	ok(hr_window_seek(&w, 0) == 0 && hr_window_arrived(&w, 2) == 0, "arrived");
	ok(hr_window_seek(&w, 0) < 0 && hr_window_seek(&w, 2) == 0, "what has arrived is not here");
	ok(hr_window_arrived(&w, 2) == 0, "it may be said twice");
	ok(hr_window_arrived(&w, 4) < 0, "what was not put has not arrived");
	put(&w, 5, 0);
	ok(hr_window_next(&w) && hr_window_next(&w) && hr_window_next(&w) == NULL, "the rest is sent");
	ok(hr_window_arrived(&w, 4) == 0 && w.first == NULL && w.bytes == 0, "all has arrived");
	hr_window_clear(&w);
}

static void *
fill(void *window)
{
	struct hr_window *w = window;
	int i;

	for (i = 0; i < 3; i++)
		if (hr_window_put(w, bytes, HR_CHUNK, 0) < 0)
			return w;
	return NULL;
}

static size_t
held(struct hr_window *w)
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
	struct hr_window w;
	pthread_t t;
	void *failed;
	uint64_t n;

	if (hr_window_open(&w, 2 * HR_CHUNK, &e) < 0 || pthread_create(&t, NULL, fill, &w) != 0)
		abort();
	p.fd = w.wake;
	while (held(&w) < 2 * HR_CHUNK)
		poll(&p, 1, 10);
	poll(NULL, 0, 50);
	ok(held(&w) == 2 * HR_CHUNK, "a full window has who puts wait");
	ok(read(w.wake, &n, sizeof(n)) == sizeof(n), "who sends was woken");
	ok(hr_window_next(&w) && hr_window_arrived(&w, 1) == 0, "one arrives");
	ok(pthread_join(t, &failed) == 0 && !failed, "there is room");
	if (pthread_create(&t, NULL, fill, &w) != 0)
		abort();
	hr_window_close(&w);
	ok(pthread_join(t, &failed) == 0 && failed, "a closed one takes nothing");
	hr_window_clear(&w);
}

static void
large(void)
{
	const struct hr_chunk *c;
	struct hr_window w;

	if (hr_window_open(&w, 1000, &e) < 0)
		abort();
	put(&w, HR_CHUNK, 0);
	c = hr_window_next(&w);
	ok(c && c->bytes.len == HR_CHUNK, "a frame larger than the window is taken when it is alone");
	hr_window_end(&w);
	ok(w.ended, "the end is known");
	hr_window_clear(&w);
}

int
main(void)
{
	places();
	limit();
	large();
	return tap_done();
}
