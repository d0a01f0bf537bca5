/*
 * zst.h - zstd (RFC 8878) of bytes whose number is known elsewhere.
 *
 * A frame without its first four bytes, which are always the same, and without
 * the size of its content, which the caller keeps.
 */
#ifndef HR_ZST_H
#define HR_ZST_H

#include "base/buf.h"
#include "base/hr.h"

struct hr_zst {
	void *c, *d;		/* zstd's contexts, made when first needed */
	struct hr_buf frame;
};

#define HR_ZST_INIT { NULL, NULL, HR_BUF_INIT }

/* Append the packed bytes to out; they may be more than n. */
void hr_zst_pack(struct hr_zst *z, int level, const void *p, size_t n, struct hr_buf *out);
/* Unpack to just size bytes.  0, or -1 when it is not that. */
int hr_zst_unpack(struct hr_zst *z, const void *p, size_t n, void *out, size_t size) HR_USED;
/* Other bytes are the reference of the next ones, in either direction. */
void hr_zst_refer(struct hr_zst *z, bool packs, const void *p, size_t n);
void hr_zst_clear(struct hr_zst *z);

/*
 * The same, with what was packed before as its reference: both sides keep a window
 * of it.  A piece can be unpacked only behind all pieces since the first.
 */
struct hr_zst_stream {
	void *c, *d;
	uint8_t window;		/* log2 of its bytes; 0: not begun */
};

#define HR_ZST_WINDOW_LEAST	14
#define HR_ZST_WINDOW_MOST	20

void hr_zst_begin(struct hr_zst_stream *s, unsigned window);
/* What a window is held to take, the same on all machines. */
size_t hr_zst_stream_size(unsigned window);
void hr_zst_stream_pack(struct hr_zst_stream *s, int level, const void *p, size_t n, struct hr_buf *out);
/* 0, or -1. */
int hr_zst_stream_unpack(struct hr_zst_stream *s, const void *p, size_t n, void *out, size_t size) HR_USED;
void hr_zst_stream_clear(struct hr_zst_stream *s);

#endif
