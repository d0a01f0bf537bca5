/* zst.c - zstd through libzstd, one context for each direction. */

#include "base/hr.h"

#include <stdio.h>
#include <stdlib.h>
#include <zstd.h>

#include "base/alloc.h"
#include "codec/zst.h"

#define MAGIC_BYTES	4

void
hr_zst_pack(struct hr_zst *z, int level, const void *p, size_t n, struct hr_buf *out)
{
	size_t bound = ZSTD_compressBound(n), did;

	if (z->c == NULL) {
		z->c = ZSTD_createCCtx();
		/* Memory has run out, as where hr_alloc() finds none. */
		if (z->c == NULL)
			z->c = hr_realloc(NULL, SIZE_MAX, 2);
		ZSTD_CCtx_setParameter(z->c, ZSTD_c_contentSizeFlag, 0);
	}
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

	if (z->d == NULL && (z->d = ZSTD_createDCtx()) == NULL)
		z->d = hr_realloc(NULL, SIZE_MAX, 2);
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
