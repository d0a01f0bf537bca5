/* zst.c - zstd through libzstd, one context for each direction. */

#include "base/hr.h"

#include <stdio.h>
#include <stdlib.h>
#include <zstd.h>

#include "base/alloc.h"
#include "codec/zst.h"

#define MAGIC_BYTES	4
#define TABLE_LEAST	13U		/* log2 of places */

/* Memory has run out, as where hr_alloc() finds none. */
static void *
no_memory(void)
{
	return hr_realloc(NULL, SIZE_MAX, 2);
}

static void
open_pack(void **c)
{
	if (*c == NULL && (*c = ZSTD_createCCtx()) == NULL)
		*c = no_memory();
	/* In the midst of a stream it is as it was. */
	ZSTD_CCtx_setParameter(*c, ZSTD_c_contentSizeFlag, 0);
}

static void
open_unpack(void **d)
{
	if (*d == NULL && (*d = ZSTD_createDCtx()) == NULL)
		*d = no_memory();
}

void
hr_zst_refer(struct hr_zst *z, bool packs, const void *p, size_t n)
{
	if (packs) {
		open_pack(&z->c);
		ZSTD_CCtx_refPrefix(z->c, p, n);
	} else {
		open_unpack(&z->d);
		ZSTD_DCtx_refPrefix(z->d, p, n);
	}
}

void
hr_zst_pack(struct hr_zst *z, int level, const void *p, size_t n, struct hr_buf *out)
{
	size_t bound = ZSTD_compressBound(n), did;

	open_pack(&z->c);
	ZSTD_CCtx_setParameter(z->c, ZSTD_c_compressionLevel, level);
	hr_buf_need(out, bound);
	did = ZSTD_compress2(z->c, out->data + out->len, bound, p, n);
	if (ZSTD_isError(did)) {
		/* With that much room it fails only for want of memory. */
		hr_buf_need(out, n + 1);
		did = MAGIC_BYTES + n + 1;
	} else
		memmove(out->data + out->len, out->data + out->len + MAGIC_BYTES, did - MAGIC_BYTES);
	out->len += did - MAGIC_BYTES;
}

int
hr_zst_unpack(struct hr_zst *z, const void *p, size_t n, void *out, size_t size)
{
	size_t did;

	open_unpack(&z->d);
	hr_buf_reset(&z->frame);
	hr_buf_put(&z->frame, "\x28\xb5\x2f\xfd", MAGIC_BYTES);
	hr_buf_put(&z->frame, p, n);
	did = ZSTD_decompressDCtx(z->d, out, size, z->frame.data, z->frame.len);
	return ZSTD_isError(did) || did != size ? -1 : 0;
}

void
hr_zst_clear(struct hr_zst *z)
{
	ZSTD_freeCCtx(z->c);
	ZSTD_freeDCtx(z->d);
	hr_buf_clear(&z->frame);
	z->c = z->d = NULL;
}

void
hr_zst_begin(struct hr_zst_stream *s, unsigned window)
{
	if (s->c)
		ZSTD_CCtx_reset(s->c, ZSTD_reset_session_and_parameters);
	if (s->d)
		ZSTD_DCtx_reset(s->d, ZSTD_reset_session_and_parameters);
	s->window = (uint8_t)window;
}

size_t
hr_zst_stream_size(unsigned window)
{
	/* The window, tables of four bytes a place, and what zstd has besides. */
	return ((size_t)5 << window) + 512 * 1024;
}

static int
log_of(unsigned log, unsigned most)
{
	return (int)(log > most ? most : log < TABLE_LEAST ? TABLE_LEAST : log);
}

void
hr_zst_stream_pack(struct hr_zst_stream *s, int level, const void *p, size_t n, struct hr_buf *out)
{
	ZSTD_inBuffer in = { p, n, 0 };
	ZSTD_outBuffer to;
	unsigned table;
	size_t rest;

	/* What is set holds from the session's first bytes on. */
	open_pack(&s->c);
	ZSTD_CCtx_setParameter(s->c, ZSTD_c_compressionLevel, level);
	ZSTD_CCtx_setParameter(s->c, ZSTD_c_windowLog, s->window);
	/* Tables for what a window like this one has of places, and no larger than what a stream is held to take. */
	table = level > 9 ? s->window - 1U : s->window - 3U;
	ZSTD_CCtx_setParameter(s->c, ZSTD_c_hashLog, log_of(table, level > 9 ? 19 : 17));
	ZSTD_CCtx_setParameter(s->c, ZSTD_c_chainLog, log_of(table, level > 9 ? 19 : 16));
	do {
		hr_buf_need(out, ZSTD_CStreamOutSize());
		to = (ZSTD_outBuffer){ out->data + out->len, out->cap - out->len, 0 };
		rest = ZSTD_compressStream2(s->c, &to, &in, ZSTD_e_flush);
		out->len += to.pos;
		if (ZSTD_isError(rest))	/* for want of memory alone */
			rest = no_memory() != NULL;
	} while (rest);
}

int
hr_zst_stream_unpack(struct hr_zst_stream *s, const void *p, size_t n, void *out, size_t size)
{
	ZSTD_inBuffer in = { p, n, 0 };
	ZSTD_outBuffer to = { out, size, 0 };
	size_t rest;

	open_unpack(&s->d);
	ZSTD_DCtx_setParameter(s->d, ZSTD_d_windowLogMax, s->window);
	while (in.pos < n) {
		size_t in_before = in.pos, out_before = to.pos;

		rest = ZSTD_decompressStream(s->d, &to, &in);
		if (ZSTD_isError(rest) || rest == 0 || (in.pos == in_before && to.pos == out_before))
			return -1;
	}
	return to.pos == size ? 0 : -1;
}

void
hr_zst_stream_clear(struct hr_zst_stream *s)
{
	ZSTD_freeCCtx(s->c);
	ZSTD_freeDCtx(s->d);
	*s = (struct hr_zst_stream){ .window = 0 };
}
