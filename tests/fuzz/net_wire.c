/*
 * Property: what a peer may say, whatever bytes it is, is decoded or refused,
 * and what was decoded is encoded to what decodes to the same.
 */

#include "base/hr.h"

#include <stdlib.h>
#include <string.h>

#include "net/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct hr_wire
message(enum hr_wire_kind kind, const struct hr_buf *b)
{
	return (struct hr_wire){ .kind = (uint8_t)kind, .len = (uint32_t)b->len, .data = b->data };
}

static void
same(struct hr_buf *a, struct hr_buf *b)
{
	if (a->len != b->len || memcmp(a->data, b->data, a->len) != 0)
		abort();
	hr_buf_clear(a);
	hr_buf_clear(b);
}

static void
hello(const struct hr_wire *m)
{
	struct hr_buf a = HR_BUF_INIT, b = HR_BUF_INIT;
	struct hr_err e = HR_ERR_INIT;
	struct hr_wire again;
	struct hr_hello h;

	if (hr_hello_decode(&h, m, &e) < 0)
		return;
	hr_hello_encode(&h, &a);
	again = message(HR_WIRE_HELLO, &a);
	if (hr_hello_decode(&h, &again, &e) < 0)
		abort();
	hr_hello_encode(&h, &b);
	same(&a, &b);
}

static void
lane(const struct hr_wire *m)
{
	struct hr_lane_open l = { .tenant = NULL }, k = { .tenant = NULL };
	struct hr_buf a = HR_BUF_INIT, b = HR_BUF_INIT;
	struct hr_err e = HR_ERR_INIT;
	struct hr_wire again;

	if (hr_lane_open_decode(&l, m, &e) < 0) {
		if (l.slot || l.database || l.tenant)
			abort();
		return;
	}
	if (*l.slot == '\0' || strlen(l.session) != HR_SESSION_SIZE - 1 || (l.tenant && strlen(l.tenant) > HR_TENANT_MAX))
		abort();
	hr_lane_open_encode(&l, &a);
	again = message(HR_WIRE_OPEN, &a);
	if (hr_lane_open_decode(&k, &again, &e) < 0)
		abort();
	hr_lane_open_encode(&k, &b);
	same(&a, &b);
	hr_lane_open_clear(&l);
	hr_lane_open_clear(&k);
}

static void
stand(const struct hr_wire *m)
{
	struct hr_buf a = HR_BUF_INIT, b = HR_BUF_INIT;
	struct hr_err e = HR_ERR_INIT;
	struct hr_lane_stand s;
	struct hr_wire again;

	if (hr_lane_stand_decode(&s, m, &e) < 0)
		return;
	hr_lane_stand_encode(&s, &a);
	again = message(HR_WIRE_STAND, &a);
	if (hr_lane_stand_decode(&s, &again, &e) < 0)
		abort();
	hr_lane_stand_encode(&s, &b);
	same(&a, &b);
}

static void
error(const struct hr_wire *m)
{
	struct hr_err why = HR_ERR_INIT, e = HR_ERR_INIT;
	struct hr_buf a = HR_BUF_INIT, b = HR_BUF_INIT;
	struct hr_wire again;

	if (hr_wire_error_decode(&why, m, &e) < 0)
		return;
	hr_wire_error_encode(&why, &a);
	again = message(HR_WIRE_ERROR, &a);
	if (hr_wire_error_decode(&why, &again, &e) < 0)
		abort();
	hr_wire_error_encode(&why, &b);
	same(&a, &b);
}

static void
all(const struct hr_wire *m)
{
	hello(m);
	lane(m);
	stand(m);
	error(m);
}

/* As what a message has in it, and as messages, one behind the other. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hr_wire m = { .kind = HR_WIRE_HELLO, .len = (uint32_t)size, .data = data };
	struct hr_err e = HR_ERR_INIT;
	uint8_t fixed[HR_WIRE_SIZE];

	all(&m);
	while (size >= HR_WIRE_SIZE && hr_wire_decode(&m, data, HR_WIRE_FIRST, &e) == 0) {
		if (m.len > HR_WIRE_FIRST)
			abort();
		hr_wire_encode(fixed, (enum hr_wire_kind)m.kind, m.lane, m.len);
		if (memcmp(fixed, data, sizeof(fixed)) != 0)
			abort();
		data += HR_WIRE_SIZE;
		size -= HR_WIRE_SIZE;
		if (m.len > size)
			break;
		m.data = data;
		all(&m);
		data += m.len;
		size -= m.len;
	}
	return 0;
}
