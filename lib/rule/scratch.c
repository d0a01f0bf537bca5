/* scratch.c - memory for what lives as long as one row. */

#include "base/hr.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "rule/scratch.h"

#define BLOCK_MIN	4096
#define BLOCK_KEPT	(1 << 20)	/* what is larger is not kept over a reset */

struct hr_scratch_block {
	struct hr_scratch_block *next;
	size_t size;
	_Alignas(16) uint8_t data[];
};

static void
add_block(struct hr_scratch *s, size_t size)
{
	struct hr_scratch_block *b = hr_alloc(sizeof(*b) + size);

	b->next = s->block;
	b->size = size;
	s->block = b;
	s->at = s->begin = b->data;
	s->end = b->data + size;
}

void *
hr_scratch_more(struct hr_scratch *s, size_t n)
{
	size_t size = s->block ? s->block->size * 2 : BLOCK_MIN;
	void *p;

	add_block(s, size > n ? size : n);
	p = s->at;
	s->at += n;
	return p;
}

void
hr_scratch_reset(struct hr_scratch *s)
{
	struct hr_scratch_block *b;
	size_t all = 0;

	if (s->block == NULL)
		return;
	if (s->block->next || s->block->size > BLOCK_KEPT) {
		for (b = s->block; b; b = b->next)
			all += b->size;
		hr_scratch_clear(s);
		add_block(s, all < BLOCK_KEPT ? all : BLOCK_KEPT);
	}
	s->at = s->begin;
}

void
hr_scratch_clear(struct hr_scratch *s)
{
	struct hr_scratch_block *b, *next;

	for (b = s->block; b; b = next) {
		next = b->next;
		free(b);
	}
	*s = (struct hr_scratch)HR_SCRATCH_INIT;
}
