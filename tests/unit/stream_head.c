/* stream_head - the head's JSON. */

#include "base/hr.h"

#include "stream/head.h"
#include "tap.h"

#define BASE "\"version\":1,\"system\":\"18446744073709551615\",\"timeline\":4294967295," \
	"\"timeline_begin\":\"0/5\",\"database\":\"d\",\"slot\":\"s\",\"epoch\":7,\"start\":\"1/2\""

static void
refused(const char *json, const char *why)
{
	struct hr_head h = HR_HEAD_INIT;
	struct hr_err e = HR_ERR_INIT;

	ok(hr_head_decode(&h, (const uint8_t *)json, strlen(json), &e) == -1 && e.code == HR_BAD_STREAM,
	    "refused: %s", json);
	if (strstr(e.what, why) == NULL)
		ok(false, "because '%s', not '%s'", why, e.what);
	hr_head_clear(&h);
}

static void
round_trip(void)
{
	char acme[] = "acme", odd[] = "\"\303\251\"\\", via1[] = "hr-capture 1", via2[] = "hr-x";
	char database[] = "d\"b", slot[] = "s", publication[] = "p,q", encoding[] = "LATIN1", created[] = "now";
	char *tenant[] = { acme, odd }, *via[] = { via1, via2 };
	struct hr_head h = {
		.version = 1, .system = UINT64_MAX, .timeline = UINT32_MAX, .timeline_begin = 5,
		.database = database, .slot = slot, .publication = publication, .epoch = INT64_MAX,
		.start = UINT64_MAX, .server_version = 170002, .encoding = encoding, .created = created,
		.tenant = tenant, .tenants = 2, .via = via, .vias = 2,
	}, g = HR_HEAD_INIT;
	struct hr_err e = HR_ERR_INIT;
	struct hr_buf a = HR_BUF_INIT, b = HR_BUF_INIT;

	hr_head_encode(&h, &a);
	ok(hr_head_decode(&g, a.data, a.len, &e) == 0, "what was encoded is decoded");
	ok(g.system == h.system && g.timeline == h.timeline && g.timeline_begin == 5 &&
	    g.epoch == h.epoch && g.start == h.start && g.server_version == h.server_version, "the numbers");
	is(g.database, h.database, "the database");
	is(g.publication, h.publication, "the publications");
	ok(g.tenants == 2 && strcmp(g.tenant[1], odd) == 0, "the tenants");
	ok(g.vias == 2 && strcmp(g.via[0], via1) == 0, "who touched it");
	hr_head_encode(&g, &b);
	ok(a.len == b.len && memcmp(a.data, b.data, a.len) == 0, "encoded again it is the same bytes");
	hr_head_clear(&g);
	ok(g.version == 1 && g.database == NULL && g.tenants == 0, "clear leaves it ready");
	hr_head_clear(&g);
	hr_buf_clear(&a);
	hr_buf_clear(&b);
}

int
main(void)
{
	struct hr_head h = HR_HEAD_INIT;
	struct hr_err e = HR_ERR_INIT;
	static const char least[] = " {" BASE ",\"later\":[1,{}]}\n";
	struct hr_buf b = HR_BUF_INIT;

	round_trip();
	ok(hr_head_decode(&h, (const uint8_t *)least, sizeof(least) - 1, &e) == 0 &&
	    h.system == UINT64_MAX && h.tenants == 0 && h.vias == 0,
	    "unknown keys are ignored, lists may be absent");
	hr_head_clear(&h);
	hr_head_encode(&h, &b);
	ok(b.len > 0, "a head of nothing can be encoded");
	hr_buf_clear(&b);

	refused("", "not a JSON object");
	refused("x", "not a JSON object");
	refused("[]", "another value");
	refused("{" BASE, "not a JSON object");
	refused("{" BASE "} x", "not a JSON object");
	refused("{" BASE ",\"epoch\":1}", "not a JSON object");
	refused("{\"database\":\"\377\"}", "not a JSON object");
	refused("{}", "version is -1");
	refused("{\"version\":0}", "version is 0");
	refused("{\"version\":2}", "version is 2");
	refused("{\"version\":\"1\"}", "version is -1");
	refused("{\"version\":4294967297}", "version is -1");
	refused("{\"version\":1}", "'system'");
	refused("{\"version\":1,\"system\":7}", "'system'");
	refused("{\"version\":1,\"system\":\"\"}", "'system'");
	refused("{\"version\":1,\"system\":\"-1\"}", "'system'");
	refused("{\"version\":1,\"system\":\"7x\"}", "'system'");
	refused("{\"version\":1,\"system\":\"18446744073709551616\"}", "'system'");
#define UPTO "{\"version\":1,\"system\":\"7\""
	refused(UPTO "}", "'start'");
	refused(UPTO ",\"start\":1}", "'start'");
	refused(UPTO ",\"start\":\"x\"}", "'start'");
	refused(UPTO ",\"start\":\"0/0\"}", "'timeline_begin'");
	refused(UPTO ",\"start\":\"0/0\",\"timeline_begin\":\"\"}", "'timeline_begin'");
	refused(UPTO ",\"start\":\"0/0\",\"timeline_begin\":\"0/0\"}", "'database'");
	refused(UPTO ",\"start\":\"0/0\",\"timeline_begin\":\"0/0\",\"database\":\"d\"}", "'slot'");
#define UPTO2 UPTO ",\"start\":\"0/0\",\"timeline_begin\":\"0/0\",\"database\":\"d\""
	refused(UPTO2 ",\"slot\":\"\"}", "'slot'");
	refused(UPTO2 ",\"slot\":\"s\"}", "'epoch'");
	refused(UPTO2 ",\"slot\":\"s\",\"epoch\":-1}", "'epoch'");
	refused(UPTO2 ",\"slot\":\"s\",\"epoch\":1.5}", "'epoch'");
	refused("{" BASE ",\"tenants\":\"acme\"}", "'tenants'");
	refused("{" BASE ",\"tenants\":[\"a\",1]}", "'tenants'");
	refused("{" BASE ",\"via\":[null]}", "'via'");
	return tap_done();
}
