/*
 * segment.h - a file of sealed records, appended to by one process and readable meanwhile.
 *
 *	header, record, record, ..., end record
 *
 * Little-endian.  The header:
 *
 *	8	"HRSEG\r\n\032"
 *	1	version: 1
 *	1	flags: 1, sealed; 2, written again
 *	2	bytes of the header
 *	16	chain id
 *	8	number of the segment
 *	8	first place
 *	8	made at, microseconds since 2000-01-01 UTC
 *	32	salt, random
 *	16	the tag that the segment before it ended with, or zeros
 *	1 + n	key ID; "" when it is not sealed
 *	1 + n	log: a tenant's name, or "" for the log that all share
 *	2 + n	wrapped key; none when the key is of a file
 *	16	check of the key; zeros when it is not sealed
 *	4	CRC-32C of all before
 *
 * A record:
 *
 *	4	length
 *	1	kind: 1 to 250, or 251, the end record
 *	8	place, which never decreases
 *	16	tag: AES-256-GCM's; or, not sealed, a CRC-32C and 12 zeros
 *	4	CRC-32C of the header's SHA-256, the record's number, the tag before it, and these
 *	length	the data, encrypted
 *	1	0x5a: so that a record never ends as what a file system left undone
 *
 * The end record's data: how many records are before it, and how many bytes.
 *
 * A record has a name, by which other segments know it: the tag that it was first
 * written with.  Where a segment was written again, under another key, all tags are
 * new, and each record's data, those of the end record too, begin with 16 bytes of
 * name; such a segment is always sealed, or anybody could name what they like.  What
 * the header says that the segment comes after is a name.  So segments
 * can be written again one by one, and what leads from one to the other stays.
 *
 * What is authenticated with the data of a record: the header's SHA-256, the tag of
 * the record before it (of the first, what the header says), its number, place, kind
 * and length.  So what is changed, exchanged, doubled, left out, or comes from another
 * segment or tenant is noticed.  Only what is missing at the end is not, until there
 * is an end record: who must know keeps a mark elsewhere.  Where it is not sealed the
 * same is checked, but anybody can make it right.
 *
 * What a crash of the program leaves is a file that is cut.  What a crash of the system
 * leaves behind the last sync can be anything: cut, zeros to the end, or zeros with
 * later bytes behind them, which is no other than changed.  Who has kept the mark that
 * was synced knows: an error at that mark or behind it is of what nobody was promised.
 *
 * No nonce is used twice with a key.  The key of a segment is made by HKDF of the
 * keyring's key, the salt of 256 bits, and the SHA-256 of the header up to its check,
 * so no two segments share one; the check is made beside it, and tells a wrong key from
 * changed bytes.  Within a segment the nonce is the record's number.  The file is made
 * with O_EXCL and written by the writer that made it, and by no other, ever: there is
 * no opening to append.  A record is sealed once, into the writer's buffer; when the
 * disk is full it stays there as it is, and the writing goes on at the byte where it
 * ended.  After any other error the writer refuses all.
 */
#ifndef HR_SEGMENT_H
#define HR_SEGMENT_H

#include <sys/stat.h>
#include <sys/uio.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/hr.h"
#include "state/keyring.h"

#define HR_SEGMENT_MOST		((size_t)32 << 20)	/* bytes of a record's data */
#define HR_SEGMENT_KIND_MOST	250
#define HR_SEGMENT_KIND_END	251
#define HR_SEGMENT_TAG		16
#define HR_SEGMENT_CHAIN	16
#define HR_SEGMENT_FIXED	33	/* bytes of a record before its data */
#define HR_SEGMENT_EXTRA	34	/* and all that are not data */
#define HR_SEGMENT_HEADER_MOST	4539

struct hr_segment_head {
	uint8_t chain[HR_SEGMENT_CHAIN];
	char log[HR_TENANT_MAX + 1];
	uint64_t number;
	uint64_t first;			/* place */
	uint8_t after[HR_SEGMENT_TAG];	/* the tag that the segment before it ended with, or zeros */
	/* What create fills: */
	int64_t created;		/* microseconds since 2000-01-01 UTC */
	char key_id[HR_KEYRING_ID + 1];
	bool sealed;
	bool wrapped;			/* by a key command */
	bool again;			/* it was written again */
};

/* Where a record ends, and what is needed to go on from there. */
struct hr_segment_mark {
	uint64_t at;			/* offset in the file */
	uint64_t number;		/* records before it */
	uint64_t place;			/* of the last one */
	uint8_t tag[HR_SEGMENT_TAG];	/* of the last one */
	uint8_t name[HR_SEGMENT_TAG];	/* of the last one: the same, but where it was written again */
	bool ended;			/* it was the end record */
};

struct hr_segment_cipher {
	void *ctx;			/* libcrypto's; NULL: not sealed */
	uint8_t hash[32];		/* of the header */
};

/*
 * Writing.  Records are collected, and written when there are some hundred kB, or by
 * flush, sync, end and park.  Errors are HR_IO.  While full is set the disk is full:
 * nothing is lost, and the same call can be made again.  Where failed is set, nothing
 * goes any more but close; what is behind the last sync may be in the file or not.
 *
 * Parked, a writer has no descriptor and no buffer; a call that needs the file opens
 * it again, and looks whether it is as it was left.
 */
struct hr_segment_writer {
	struct hr_segment_head head;
	struct hr_segment_mark mark;	/* behind what was appended last, in the file or not */
	struct hr_segment_mark synced;	/* behind what is durable; at 0: nothing is */
	bool full;			/* the disk is */
	bool failed;

	char *path;
	int fd;				/* -1: parked */
	dev_t dev;
	ino_t ino;
	struct hr_segment_cipher cipher;
	struct hr_buf buf;
	size_t done;			/* bytes of buf that are in the file */
	uint64_t in_file;		/* bytes of the file */
	bool named;			/* its directory has been synced */
};

#define HR_SEGMENT_WRITER_INIT { .fd = -1 }

/*
 * Make the file, of mode 0600, which must not be there, and write its header; what the
 * caller fills of the head is copied.  -1, and there is no file: HR_IO, with full set
 * when the disk is; or what the keyring says.
 */
int hr_segment_create(struct hr_segment_writer *w, const char *path, struct hr_keyring *k,
    const struct hr_segment_head *head, struct hr_err *e) HR_USED;
/*
 * One more record.  The tag may be NULL.  0: it is the writer's.  -1: it is not, and
 * can be appended again when full is set.  A place that decreases, a kind or a length
 * that cannot be is HR_INTERNAL and changes nothing.
 */
int hr_segment_append(struct hr_segment_writer *w, uint8_t kind, uint64_t place, const void *data, size_t len,
    uint8_t *tag, struct hr_err *e) HR_USED;
int hr_segment_appendv(struct hr_segment_writer *w, uint8_t kind, uint64_t place, const struct iovec *v, size_t n,
    uint8_t *tag, struct hr_err *e) HR_USED;
/*
 * The same for a segment that is written again, of which another one's head is
 * given: its records keep the names that a reader said.
 */
int hr_segment_create_again(struct hr_segment_writer *w, const char *path, struct hr_keyring *k,
    const struct hr_segment_head *head, struct hr_err *e) HR_USED;
int hr_segment_append_again(struct hr_segment_writer *w, uint8_t kind, uint64_t place, const void *data, size_t len,
    const uint8_t name[HR_SEGMENT_TAG], struct hr_err *e) HR_USED;
int hr_segment_end_again(struct hr_segment_writer *w, const uint8_t name[HR_SEGMENT_TAG], struct hr_err *e) HR_USED;
/* All that was appended is in the file, for readers. */
int hr_segment_flush(struct hr_segment_writer *w, struct hr_err *e) HR_USED;
/* And durable, the file's name too. */
int hr_segment_sync(struct hr_segment_writer *w, struct hr_err *e) HR_USED;
/* Append the end record, once, and sync. */
int hr_segment_end(struct hr_segment_writer *w, struct hr_err *e) HR_USED;
/* Sync, and give back the descriptor and the buffer.  -1: it is not parked. */
int hr_segment_park(struct hr_segment_writer *w, struct hr_err *e) HR_USED;
/* Open it again now.  -1: HR_IO, it cannot be opened; HR_BAD_STREAM, it is not as it was left, and failed is set. */
int hr_segment_unpark(struct hr_segment_writer *w, struct hr_err *e) HR_USED;
/* The file was moved there, with its directory. */
void hr_segment_moved(struct hr_segment_writer *w, const char *path);
/* What has not been flushed is dropped. */
void hr_segment_writer_close(struct hr_segment_writer *w);

/* Bytes that the file has, or will have when it is flushed. */
static inline uint64_t
hr_segment_bytes(const struct hr_segment_writer *w)
{
	return w->mark.at;
}

/* How a file ends for now. */
enum hr_segment_tail {
	HR_SEGMENT_OPEN,	/* behind a whole record, which is not the end record */
	HR_SEGMENT_CUT,		/* within a record or the header */
	HR_SEGMENT_ZEROS,	/* a record, or the header, is zeros from somewhere in it to the end of the file */
	HR_SEGMENT_ENDED,	/* behind the end record */
};

/* Reading. */
struct hr_segment_reader {
	struct hr_segment_head head;
	struct hr_segment_mark start;	/* behind the header */
	struct hr_segment_mark mark;	/* behind the last record that was good */
	enum hr_segment_tail tail;	/* after 0; or after -1 of open, when the header is not whole */
	bool checks_only;		/* opened without a keyring */

	uint8_t kind;
	uint64_t place;
	const uint8_t *data;		/* lent until the next call; NULL when it only checks */
	size_t len;
	uint8_t name[HR_SEGMENT_TAG];	/* when it only checks: its tag */

	char *path;
	int fd;
	struct hr_segment_cipher cipher;
	struct hr_buf buf;		/* a part of the file */
	uint64_t buf_at;		/* where it is */
};

#define HR_SEGMENT_READER_INIT { .fd = -1 }

/*
 * The header is read.  Without a keyring records are given without their data, and only
 * what a checksum tells is checked.  -1 with *e:
 * HR_IO	it cannot be opened or read
 * HR_BAD_STREAM	it is no segment, or its header was changed; where the file ended
 *		within the header, tail is CUT or ZEROS, otherwise OPEN
 * HR_CONFIG	the key is not known, or is another one than it was sealed with
 * HR_TEMPORARY	the key command failed
 * A segment that is not sealed is read with any keyring that is not for sealed ones
 * only; of that it is HR_BAD_STREAM.
 */
int hr_segment_open(struct hr_segment_reader *r, const char *path, struct hr_keyring *k, struct hr_err *e) HR_USED;
/*
 * 1: a record.  0: there are no more, for now unless tail is ENDED; it can be called
 * again when the writer may have written more.  -1: HR_BAD_STREAM, what is behind the
 * mark was changed; HR_IO.
 */
int hr_segment_next(struct hr_segment_reader *r, struct hr_err *e) HR_USED;
/* Go on from a mark of this segment, a writer's or a reader's.  Whether it is one is noticed by next. */
void hr_segment_seek(struct hr_segment_reader *r, const struct hr_segment_mark *mark);
void hr_segment_reader_close(struct hr_segment_reader *r);

#endif
