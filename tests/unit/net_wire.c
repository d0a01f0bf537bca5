/* net_wire - messages of two hr-ship, there and back, and what is none. */

#include "base/hr.h"

#include <stdlib.h>

#include "net/wire.h"
#include "tap.h"

static struct hr_err e = HR_ERR_INIT;

static struct hr_wire
text(const char *s)
{
	return (struct hr_wire){ .kind = 'H', .len = (uint32_t)strlen(s), .data = (const uint8_t *)s };
}

static struct hr_wire
whole(const struct hr_buf *b)
{
	return (struct hr_wire){ .kind = 'H', .len = (uint32_t)b->len, .data = b->data };
}

static void
fixed(void)
{
	static const uint8_t want[HR_WIRE_SIZE] = { 8, 0, 0, 0, 'A', 0, 0, 0, 1, 2, 0, 0 };
	uint8_t out[HR_WIRE_SIZE];
	struct hr_wire m;

	hr_wire_encode(out, HR_WIRE_ACK, 0x201, 8);
	ok(memcmp(out, want, sizeof(want)) == 0, "the fixed part is as in hr-ship(5)");
	ok(hr_wire_decode(&m, out, HR_WIRE_TALK, &e) == 0 && m.kind == 'A' && m.len == 8 && m.lane == 0x201, "and back");
}

static void
limit(enum hr_wire_kind kind, uint32_t len, uint32_t most, bool good)
{
	uint8_t out[HR_WIRE_SIZE];
	struct hr_wire m;

	hr_err_clear(&e);
	hr_wire_encode(out, kind, 0, len);
	ok((hr_wire_decode(&m, out, most, &e) == 0) == good && (good || e.code == HR_BAD_STREAM),
	    "'%c' of %" PRIu32 " bytes is %s", kind, len, good ? "taken" : "refused");
	hr_err_clear(&e);
}

static void
limits(void)
{
	uint8_t out[HR_WIRE_SIZE];
	struct hr_wire m;
	int i;

	limit(HR_WIRE_HELLO, HR_WIRE_FIRST, HR_WIRE_FIRST, true);
	limit(HR_WIRE_HELLO, HR_WIRE_FIRST + 1, HR_WIRE_FIRST, false);
	limit(HR_WIRE_OPEN, HR_WIRE_TALK, HR_WIRE_MOST, true);
	limit(HR_WIRE_OPEN, HR_WIRE_TALK + 1, HR_WIRE_MOST, false);
	limit(HR_WIRE_DATA, HR_WIRE_MOST, HR_WIRE_MOST, true);
	limit(HR_WIRE_DATA, HR_WIRE_MOST + 1, UINT32_MAX, false);
	limit(HR_WIRE_CHECKPOINT, HR_WIRE_FILE, HR_WIRE_FILE, true);
	limit(HR_WIRE_CHECKPOINT, HR_WIRE_FILE + 1, HR_WIRE_MOST, false);
	limit(HR_WIRE_ACK, 7, HR_WIRE_MOST, false);
	limit(HR_WIRE_PING, 0, HR_WIRE_MOST, false);
	limit(HR_WIRE_PONG, 9, HR_WIRE_MOST, false);
	limit((enum hr_wire_kind)'Z', 0, HR_WIRE_MOST, false);
	for (i = 5; i < 8; i++) {
		hr_wire_encode(out, HR_WIRE_HELLO, 0, 2);
		out[i] = 1;
		ok(hr_wire_decode(&m, out, HR_WIRE_MOST, &e) < 0, "byte %d is zero", i);
	}
}

static void
hello(void)
{
	static const char *const none[] = { "", "{", "[]", "1", "{\"hr-ship\":1,\"hr-ship\":1}", "{}", "{\"hr-ship\":0}",
	    "{\"hr-ship\":\"1\"}", "{\"hr-ship\":1.5}", "{\"hr-ship\":1}x", "{\"hr-ship\":99999999999}" };
	struct hr_hello h = { .version = 1, .program = "0.1.0", .by_tenant = true }, g;
	struct hr_buf b = HR_BUF_INIT;
	struct hr_wire m;
	size_t i;

	hr_hello_encode(&h, &b);
	m = whole(&b);
	ok(hr_hello_decode(&g, &m, &e) == 0 && g.version == 1 && strcmp(g.program, "0.1.0") == 0 && !g.sender && g.by_tenant,
	    "a receiver's hello");
	hr_buf_reset(&b);
	h = (struct hr_hello){ .version = 7, .sender = true };
	hr_hello_encode(&h, &b);
	m = whole(&b);
	ok(hr_hello_decode(&g, &m, &e) == 0 && g.version == 7 && g.sender && !g.by_tenant, "a sender's");
	m = text("{\"hr-ship\":2,\"new\":[1],\"program\":\"a program with a name that is longer than what is kept\"}");
	ok(hr_hello_decode(&g, &m, &e) == 0 && g.version == 2 && strlen(g.program) == sizeof(g.program) - 1,
	    "keys that are not known, and a long name, do no harm");
	for (i = 0; i < HR_COUNT(none); i++) {
		hr_err_clear(&e);
		m = text(none[i]);
		ok(hr_hello_decode(&g, &m, &e) < 0 && e.code == HR_BAD_STREAM, "no hello: %s", none[i]);
	}
	hr_err_clear(&e);
	hr_buf_clear(&b);
}

#define SESSION "0123456789abcdef0123456789abcdef"

static void
lanes(void)
{
	static const char *const none[] = { "{}", "{\"session\":\"" SESSION "\"}", "{\"session\":\"" SESSION "\",\"slot\":\"\"}",
	    "{\"session\":\"" SESSION "0\",\"slot\":\"s\"}", "{\"session\":\"0123\",\"slot\":\"s\"}",
	    "{\"session\":\"0123456789ABCDEF0123456789abcdef\",\"slot\":\"s\"}",
	    "{\"session\":\"" SESSION "\",\"slot\":\"s\",\"tenant\":1}" };
	struct hr_lane_open l = { .session = SESSION, .system = UINT64_MAX, .epoch = 3, .timeline = UINT32_MAX,
	    .slot = (char *)"a \"slot\"", .database = (char *)"d\n", .tenant = (char *)"", .again = true }, k = { .tenant = NULL };
	struct hr_buf b = HR_BUF_INIT;
	struct hr_wire m;
	size_t i;

	hr_lane_open_encode(&l, &b);
	m = whole(&b);
	ok(hr_lane_open_decode(&k, &m, &e) == 0 && k.system == UINT64_MAX && k.epoch == 3 && k.timeline == UINT32_MAX && k.again,
	    "a lane's numbers");
	is(k.session, l.session, "its session");
	is(k.slot, l.slot, "its slot");
	is(k.database, l.database, "its database");
	is(k.tenant, "", "the tenant without a name is one");
	hr_lane_open_clear(&k);
	hr_buf_reset(&b);
	l.tenant = NULL;
	hr_lane_open_encode(&l, &b);
	m = whole(&b);
	ok(hr_lane_open_decode(&k, &m, &e) == 0 && k.tenant == NULL, "a lane of all");
	hr_lane_open_clear(&k);
	for (i = 0; i < HR_COUNT(none); i++) {
		hr_err_clear(&e);
		m = text(none[i]);
		ok(hr_lane_open_decode(&k, &m, &e) < 0 && e.code == HR_BAD_STREAM && !k.slot, "no lane: %s", none[i]);
	}
	hr_err_clear(&e);
	hr_buf_clear(&b);
}

static void
stands(void)
{
	struct hr_lane_stand s = { .place = UINT64_MAX, .seen = { 1, 2, UINT32_MAX }, .lsn = 0x16B374D848, .checkpoint = true }, t;
	struct hr_buf b = HR_BUF_INIT;
	struct hr_wire m;

	hr_lane_stand_encode(&s, &b);
	m = whole(&b);
	ok(hr_lane_stand_decode(&t, &m, &e) == 0 && !t.fresh && t.place == s.place && t.seen.frames == 1 && t.seen.bytes == 2 &&
	    t.seen.crc == UINT32_MAX && t.lsn == s.lsn && t.checkpoint, "a stand");
	m = text("{\"lsn\":\"0/0\"}");
	ok(hr_lane_stand_decode(&t, &m, &e) == 0 && t.fresh && t.place == 0 && !t.checkpoint, "what is not said is fresh");
	m = text("{\"lsn\":\"x\"}");
	ok(hr_lane_stand_decode(&t, &m, &e) < 0 && e.code == HR_BAD_STREAM, "an LSN that is none");
	hr_err_clear(&e);
	hr_buf_clear(&b);
}

static void
errors(void)
{
	struct hr_err why = HR_ERR_INIT, back = HR_ERR_INIT;
	struct hr_buf b = HR_BUF_INIT;
	struct hr_wire m;

	hr_fail(&why, HR_REFUSED, "no: '%s'", "\xff\"");
	hr_hint(&why, "go");
	hr_wire_error_encode(&why, &b);
	m = whole(&b);
	ok(hr_wire_error_decode(&back, &m, &e) == 0 && back.code == HR_REFUSED, "an error's code");
	is(back.what, "no: '\xef\xbf\xbd\"'", "its words, in UTF-8");
	is(back.hint, "go", "its hint");
	m = text("{\"code\":\"3\"}");
	ok(hr_wire_error_decode(&back, &m, &e) == 0 && back.code == HR_TEMPORARY && !*back.what, "an unknown code is 75");
	m = text("{\"code\":\"0\"}");
	ok(hr_wire_error_decode(&back, &m, &e) == 0 && back.code == HR_OK, "0 is well");
	hr_buf_clear(&b);
}

int
main(void)
{
	fixed();
	limits();
	hello();
	lanes();
	stands();
	errors();
	return tap_done();
}
