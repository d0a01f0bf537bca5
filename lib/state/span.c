/* span.c - leave transactions out by their commit LSN. */

#include "base/hr.h"

#include <string.h>

#include "state/span.h"
#include "stream/rows.h"

#define BEGIN_SIZE	21	/* of the item: operation, xid, LSN, time */
#define MESSAGE_LEAST	10	/* operation, whether it is transactional, LSN */

/* Is a transaction, or what is between transactions, out of the span? */
static bool
outside(const struct hr_span *s, hr_lsn lsn)
{
	return lsn < s->after || lsn > s->until;
}

int
hr_span_rows(struct hr_span *s, struct hr_frame *f, struct hr_err *e)
{
	void **leaving = hr_map_at(&s->leaving, f->tenant, f->tenant_len);
	struct hr_cur c = hr_cur(f->data, f->len);
	bool out = *leaving != NULL, some = false;
	uint32_t count = 0, len;
	const uint8_t *item, *body;

	hr_buf_reset(&s->data);
	while (hr_cur_left(&c)) {
		item = c.at;
		len = hr_cur_u32le(&c);
		body = hr_cur_bytes(&c, len);
		if (body == NULL || len == 0 || (body[0] == HR_BEGIN && len < BEGIN_SIZE) || (body[0] == HR_COMMIT && len < 9) ||
		    (body[0] == HR_MESSAGE && len < MESSAGE_LEAST))
			return hr_fail(e, HR_BAD_STREAM, "a rows frame that is cut");
		if (body[0] == HR_BEGIN)
			out = outside(s, hr_get_u64le(body + 5));
		if (body[0] == HR_BEGIN && !out && (int64_t)hr_get_u64le(body + 13) > s->time)
			s->time = (int64_t)hr_get_u64le(body + 13);
		if (body[0] == HR_COMMIT && !out && hr_get_u64le(body + 1) > s->end)
			s->end = hr_get_u64le(body + 1);
		/* A message between transactions stands by itself. */
		if (out || (body[0] == HR_MESSAGE && body[1] == 0 && outside(s, hr_get_u64le(body + 2)))) {
			/* What stays is copied from the first item on that does not. */
			if (!some) {
				hr_buf_put(&s->data, f->data, (size_t)(item - f->data));
				some = true;
			}
		} else {
			if (some)
				hr_buf_put(&s->data, item, 4 + (size_t)len);
			count++;
		}
		if (body[0] == HR_COMMIT) {
			s->left += out;
			out = false;
		}
	}
	*leaving = out ? s : NULL;
	if (!some)
		return 1;
	f->data = s->data.data;
	f->len = (uint32_t)s->data.len;
	f->count = count;
	return count > 0;
}

void
hr_span_clear(struct hr_span *s)
{
	hr_map_clear(&s->leaving, NULL);
	hr_buf_clear(&s->data);
	*s = (struct hr_span)HR_SPAN_INIT;
}
