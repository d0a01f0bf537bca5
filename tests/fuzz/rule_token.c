/*
 * Property: a token has the shape of its text and is turned back into it; what
 * is not UTF-8 is refused and appends nothing.
 *
 * The first byte chooses: text, an address, an address in its domain, a number.
 */

#include "base/hr.h"

#include <stdlib.h>

#include "base/json.h"
#include "rule/token.h"

static void
check_shape(const uint8_t *p, const uint8_t *q, size_t n)
{
	struct hr_letter l, m;
	size_t at, step;

	for (at = 0; at < n; at += step) {
		step = hr_alphabet_get(p + at, n - at, &l);
		if (step == 0 || hr_alphabet_get(q + at, n - at, &m) != step || l.alphabet != m.alphabet)
			abort();
		if (l.alphabet == HR_ALPHABET_NONE && memcmp(p + at, q + at, step) != 0)
			abort();
	}
}

static int
token(struct hr_token *t, uint8_t how, const void *p, size_t n, struct hr_buf *out)
{
	struct hr_err e = HR_ERR_INIT;
	int rc = how == 0 ? hr_token_text(t, p, n, out, &e) : how == 3 ? hr_token_number(t, p, n, out, &e) :
	    hr_token_email(t, p, n, how == 1, out, &e);

	if (rc < 0 && (e.code != HR_REFUSED || out->len))
		abort();
	return rc;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct hr_token t = HR_TOKEN_INIT, back = HR_TOKEN_INIT;
	static struct hr_buf to, again;
	struct hr_key k = HR_KEY_INIT;
	struct hr_err e = HR_ERR_INIT;
	uint8_t how = size ? *data % 4 : 0;

	if (size < 1)
		return 0;
	if (!back.reverse) {
		hr_key_set(&k, "0123456789abcdef", 16);
		if (hr_token_init(&t, &k, "d", &e) < 0 || hr_token_init(&back, &k, "d", &e) < 0)
			abort();
		back.reverse = true;
	}
	hr_buf_reset(&to);
	hr_buf_reset(&again);
	hr_buf_need(&to, 1);
	if (token(&t, how, data + 1, size - 1, &to) < 0) {
		if (how != 3 && hr_json_utf8(data + 1, size - 1))
			abort();
		return 0;
	}
	if (to.len != size - 1 || !hr_json_utf8(to.data, to.len))
		abort();
	check_shape(data + 1, to.data, to.len);
	if (token(&back, how, to.data, to.len, &again) < 0 || again.len != to.len ||
	    (to.len && memcmp(again.data, data + 1, to.len) != 0))
		abort();
	return 0;
}
