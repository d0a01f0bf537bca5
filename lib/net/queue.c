/* queue.c - messages and values of a queue. */

#include "base/hr.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "net/queue.h"
#include "net/subject.h"

#define LEVEL 3			/* of zstd */

void
hr_queue_key(struct hr_buf *b, enum hr_queue_value v, const char *tenant)
{
	hr_buf_puts(b, v == HR_QUEUE_SENT ? "sent-" : "at-");
	hr_nats_key(b, tenant, strlen(tenant));
	hr_buf_u8(b, 0);
}

void
hr_queue_subject(struct hr_buf *b, const char *prefix, const char *tenant)
{
	hr_buf_printf(b, "%s.", prefix);
	hr_nats_token(b, tenant, strlen(tenant));
	hr_buf_u8(b, 0);
}

void
hr_queue_stand_encode(const struct hr_queue_stand *s, struct hr_buf *out)
{
	hr_buf_printf(out, "%s %" PRIu64 " %s\n", s->session, s->place, s->lost ? "lost" : "whole");
	hr_buf_put(out, s->checkpoint, s->len);
}

int
hr_queue_stand_decode(struct hr_queue_stand *s, const void *value, size_t len, struct hr_err *e)
{
	const char *text = value, *end = len ? memchr(text, '\n', len) : NULL;
	char line[HR_SESSION_SIZE + 40], word[8], dummy;

	*s = (struct hr_queue_stand){ .place = 0 };
	if (end && (size_t)(end - text) < sizeof(line)) {
		memcpy(line, text, (size_t)(end - text));
		line[end - text] = '\0';
		if (sscanf(line, "%32[0-9a-f] %20" SCNu64 " %5s%c", s->session, &s->place, word, &dummy) == 3 &&
		    (strcmp(word, "lost") == 0 || strcmp(word, "whole") == 0)) {
			s->lost = word[0] == 'l';
			s->checkpoint = (const uint8_t *)end + 1;
			s->len = len - (size_t)(end + 1 - text);
			return 0;
		}
	}
	return hr_fail(e, HR_BAD_STREAM, "a value in the queue's bucket that hr-ship did not write");
}

const char *
hr_queue_words(enum hr_nats_state state)
{
	static const char *const words[] = {
		[HR_NATS_READY] = "is ready", [HR_NATS_AWAY] = "is away", [HR_NATS_FULL] = "is full",
		[HR_NATS_UNHEARD] = "has no stream that answers", [HR_NATS_REFUSED] = "refuses messages",
	};

	return words[state];
}

void
hr_queue_pack(const void *stream, size_t len, struct hr_buf *out)
{
	size_t n;

	hr_buf_need(out, ZSTD_compressBound(len));
	n = ZSTD_compress(out->data + out->len, out->cap - out->len, stream, len, LEVEL);
	/* It has the room that it asked for: what fails then is memory. */
	if (ZSTD_isError(n))
		abort();
	out->len += n;
}

int
hr_queue_unpack(const void *bytes, size_t len, struct hr_buf *stream, struct hr_err *e)
{
	unsigned long long size = ZSTD_getFrameContentSize(bytes, len);
	size_t n;

	if (size == ZSTD_CONTENTSIZE_UNKNOWN || size == ZSTD_CONTENTSIZE_ERROR || size > HR_QUEUE_MOST)
		return hr_fail(e, HR_BAD_STREAM, "a message that hr-ship did not write");
	hr_buf_need(stream, (size_t)size);
	n = ZSTD_decompress(stream->data + stream->len, (size_t)size, bytes, len);
	if (ZSTD_isError(n) || n != size)
		return hr_fail(e, HR_BAD_STREAM, "a message that cannot be unpacked: %s",
		    ZSTD_isError(n) ? ZSTD_getErrorName(n) : "its size is wrong");
	stream->len += n;
	return 0;
}
