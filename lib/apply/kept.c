/*
 * kept.c - the pieces of a worker's open transaction.
 *
 * They stay until it has committed, in memory up to a limit and then in a
 * file, so that they can be written again.
 */

#include "base/hr.h"

#include <stdlib.h>
#include <unistd.h>

#include "apply/worker.h"
#include "base/alloc.h"
#include "base/temp.h"

void
hr_worker_free_loaded(struct hr_worker *w)
{
	hr_pieces_free(&w->loaded);
	w->loaded_bytes = 0;
}

void
hr_worker_free_kept(struct hr_worker *w)
{
	size_t i;

	for (i = 0; i < w->keeps; i++)
		free(w->kept[i]);
	w->keeps = w->at = 0;
	w->kept_bytes = 0;
	hr_worker_free_loaded(w);
	if (w->spill >= 0)
		close(w->spill);
	w->spill = -1;
	w->spilled = w->spill_at = 0;
	while (w->undos)
		hr_relation_free(w->undo[--w->undos]);
}

/*
 * Pieces, first those kept from a try that failed.
 */

static int
load_spilled(struct hr_worker *w, struct hr_piece **out, struct hr_err *e)
{
	uint32_t size;
	struct hr_piece *p;

	if (hr_temp_read(w->spill, &size, sizeof(size), w->spill_at, e) != sizeof(size))
		return e->code ? -1 : hr_fail(e, HR_IO, "a spill file ended early");
	p = hr_alloc(size);
	if (hr_temp_read(w->spill, p, size, w->spill_at + sizeof(size), e) != (ssize_t)size) {
		free(p);
		return e->code ? -1 : hr_fail(e, HR_IO, "a spill file ended early");
	}
	w->spill_at += sizeof(size) + size;
	p->tenant = (char *)p->data;
	p->body = p->data + p->tenant_len;
	p->next = w->loaded;
	w->loaded = p;
	w->loaded_bytes += size;
	*out = p;
	return 1;
}

/* 1 with a piece, 0 when there will be none, -1. */
int
hr_worker_next(struct hr_worker *w, struct hr_piece **out, struct hr_err *e)
{
	bool between = w->keeps == 0 && w->spilled == 0;

	if (w->spill_at < w->spilled)
		return load_spilled(w, out, e);
	if (w->at < w->keeps) {
		*out = w->kept[w->at++];
		return 1;
	}
	if ((*out = hr_queue_take(&w->queue, between)) == NULL)
		return 0;
	HR_GROW(w->kept, w->keeps, w->keep_cap);
	w->kept[w->keeps++] = *out;
	w->at = w->keeps;
	w->kept_bytes += hr_piece_size(*out);
	return 1;
}

/* Too much is kept: to the file with it.  The batch must hold nothing of it. */
int
hr_worker_spill(struct hr_worker *w, struct hr_err *e)
{
	size_t i;

	if (w->spill < 0 && (w->spill = hr_temp_open(NULL, e)) < 0)
		return -1;
	for (i = 0; i < w->keeps; i++) {
		uint32_t size = (uint32_t)hr_piece_size(w->kept[i]);

		if (hr_temp_append(w->spill, &size, sizeof(size), e) < 0 ||
		    hr_temp_append(w->spill, w->kept[i], size, e) < 0)
			return -1;
		w->spilled += sizeof(size) + size;
		free(w->kept[i]);
	}
	w->spill_at = w->spilled;
	w->keeps = w->at = 0;
	w->kept_bytes = 0;
	return 0;
}
