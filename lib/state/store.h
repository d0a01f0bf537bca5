/*
 * store.h - keep a stream on disk, by tenant: a spool, or an archive.
 *
 * Frames are gathered into bundles, packed by lib/codec so that each bundle needs
 * no other, sealed, and appended to the logs of their tenants (chain.h, bundle.h,
 * segment.h).  What was synced survives any crash at any byte.  A chain is gone
 * on with when the next stream continues it: what comes again, because the source
 * had not heard how far this is, is left out, transaction by transaction.
 *
 * One process at a time writes a stream's chains; it holds a lock.
 */
#ifndef HR_STORE_H
#define HR_STORE_H

#include "base/err.h"
#include "base/hr.h"
#include "state/chain.h"
#include "state/keyring.h"
#include "stream/frame.h"
#include "stream/head.h"

struct hr_store_options {
	const char *dir;
	struct hr_keyring *keys;
	uint64_t segment;	/* bytes of a segment, about */
	int level;		/* of zstd, for text */
	bool replace;		/* a first copy ends what came before it: a spool's chains */
	/*
	 * The disk is full, and nothing is lost: called again and again while that
	 * is so.  -1 gives up.  NULL: waits without a word.
	 */
	int (*full)(void *arg, const struct hr_err *why);
	void *arg;
};

struct hr_store;

/*
 * Begin to keep the stream of this head, on its newest chain or a new one.
 * HR_REFUSED: the stream leaves a gap behind what the chain has, or is another
 * one; HR_TEMPORARY: another process has the lock.  0, or -1 with *e set.
 */
int hr_store_open(struct hr_store **s, const struct hr_store_options *o, const struct hr_frame *head, struct hr_err *e)
    HR_USED;
/*
 * That the stream's source took over from another one is kept, though nothing may come
 * of it.  Waits for room.  0, or -1.
 */
int hr_store_begin(struct hr_store *s, struct hr_err *e) HR_USED;
/* One frame of the stream: not the head, not the end, blocks being unpacked.  0, or -1. */
int hr_store_put(struct hr_store *s, const struct hr_frame *f, struct hr_err *e) HR_USED;
/*
 * All that was put is durable: to be called when the input is quiet, and now and
 * then when it is not.  0, or -1.
 */
int hr_store_sync(struct hr_store *s, struct hr_err *e) HR_USED;
/* Bytes that were put since the last sync, about. */
size_t hr_store_waiting(const struct hr_store *s);
/* Close the segments, so that what follows them is noticed to be missing.  0, or -1. */
int hr_store_end(struct hr_store *s, struct hr_err *e) HR_USED;
void hr_store_close(struct hr_store *s);

/* The watermark up to which all is durable, outside of a first copy; 0: none yet. */
hr_lsn hr_store_lsn(const struct hr_store *s);
/* The first copy of the chain is under way. */
bool hr_store_copying(const struct hr_store *s);
/* Each tenant whose own copy, into a running stream, has ended since the store was opened. */
void hr_store_joined(const struct hr_store *s, void (*each)(void *arg, const char *tenant), void *arg);
/* The last bundle that is durable: readers go up to it. */
uint64_t hr_store_bundle(const struct hr_store *s);
const struct hr_chain *hr_store_chain(const struct hr_store *s);
/* Bytes of all segments of the stream on disk.  Taken away: by who removes segments; any thread. */
uint64_t hr_store_bytes(const struct hr_store *s);
void hr_store_removed(struct hr_store *s, uint64_t bytes);

#endif
