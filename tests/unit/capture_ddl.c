/* Messages that change tables: only the event trigger's are genuine. */

#include "base/hr.h"

#include <string.h>

#include "capture/ddl.h"
#include "tap.h"

/* Python: hmac.new(bytes(range(32)), b"750\n" + body, "sha256"). */
#define BODY "{\"kind\": \"drop_table\"}"
#define MAC "576512395d663b426e9fd06ed1c1a4a809204b09343ba707406af860467143a5"

static uint8_t key[HR_DDL_KEY];

static bool
genuine(uint32_t xid, const char *content, size_t len)
{
	const uint8_t *body;
	size_t n;

	return hr_ddl_genuine(key, xid, (const uint8_t *)content, len, &body, &n) && n == strlen(BODY) &&
	    memcmp(body, BODY, n) == 0;
}

int
main(void)
{
	static const char whole[] = MAC "\n" BODY;
	char bent[sizeof(whole)];
	size_t n = sizeof(whole) - 1, i;
	bool any = false;

	for (i = 0; i < HR_DDL_KEY; i++)
		key[i] = (uint8_t)i;
	ok(genuine(750, whole, n), "what was signed is genuine");
	ok(!genuine(751, whole, n), "in another transaction it is not");
	ok(!genuine(75, "0\n", 2), "too short");
	for (i = 0; i < n; i++) {
		memcpy(bent, whole, n);
		bent[i] ^= 1;
		any |= genuine(750, bent, n);
	}
	ok(!any, "with any byte changed it is not");
	any = false;
	for (i = 0; i < n; i++)
		any |= genuine(750, whole, i);
	ok(!any, "cut anywhere it is not");
	key[31] ^= 1;
	ok(!genuine(750, whole, n), "by another key it is not");
	return tap_done();
}
