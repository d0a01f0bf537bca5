/* mask.c - masks by type: what each kind takes, and what it makes of a value. */

#include "base/hr.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "rule/digest.h"
#include "rule/mask.h"
#include "rule/token.h"
#include "rule/utf8.h"

enum { TEXT_OID = 25 };
#define REDACTED	"***"
#define DIGITS_LEAST	8	/* of a hash: fewer are not asked for */
#define DIGITS_SURE	32	/* from here on two values do not meet */

struct hr_mask {
	const struct hr_rule_mask *rule;
	enum hr_type type;		/* of the column */
	enum hr_kind kind;
	int32_t most;			/* characters of its type, or -1 */
	bool fixed;			/* numeric: as many decimals as its type says */
	struct hr_digest digest;	/* hash, noise */
	struct hr_token token;
	struct hr_fake fake;
	struct hr_service service;
	struct hr_value constant;	/* redact, null */
	size_t given;			/* answers of the service that were taken */
	struct hr_buf buf;
	struct hr_scratch own;		/* of the constant */
	double least, most_number;	/* noise */
};

/* --- which types --- */

static bool
is_text(enum hr_type t)
{
	return t == HR_TYPE_TEXT || t == HR_TYPE_VARCHAR || t == HR_TYPE_BPCHAR || t == HR_TYPE_CITEXT;
}

static bool
is_int(enum hr_type t)
{
	return t == HR_TYPE_INT2 || t == HR_TYPE_INT4 || t == HR_TYPE_INT8;
}

static bool
is_float(enum hr_type t)
{
	return t == HR_TYPE_FLOAT4 || t == HR_TYPE_FLOAT8;
}

static bool
is_day(enum hr_type t)
{
	return t == HR_TYPE_DATE || t == HR_TYPE_TIMESTAMP || t == HR_TYPE_TIMESTAMPTZ;
}

static unsigned
int_bytes(enum hr_type t)
{
	return t == HR_TYPE_INT2 ? 2 : t == HR_TYPE_INT4 ? 4 : 8;
}

/* Does the rule take the type?  If not, *takes says which it does. */
static bool
takes(const struct hr_rule_mask *r, enum hr_type t, const char **types)
{
	switch (r->kind) {
	case HR_MASK_HASH:
		*types = "text, varchar, char, citext, uuid, bytea and bigint";
		return is_text(t) || t == HR_TYPE_UUID || t == HR_TYPE_BYTEA || t == HR_TYPE_INT8;
	case HR_MASK_TOKENIZE:
		*types = r->as ? "text, varchar, char and citext" :
		    "text, varchar, char, citext, smallint, integer, bigint, numeric and uuid";
		return is_text(t) || (r->as == NULL && (is_int(t) || t == HR_TYPE_NUMERIC || t == HR_TYPE_UUID));
	case HR_MASK_SERVICE:
		*types = "text, varchar, char and citext";
		return is_text(t);
	case HR_MASK_REDACT:
		*types = "text, varchar, char and citext, and with 'text' every type that can be read";
		return is_text(t) || (r->text && t != HR_TYPE_NONE);
	case HR_MASK_NULL: return true;
	case HR_MASK_GENERALIZE:
		switch (r->coarse) {
		case HR_COARSE_RANGE:
			*types = r->as_text ? "smallint, integer and bigint" :
			    "smallint, integer, bigint, real, double precision and numeric";
			return is_int(t) || (!r->as_text && (is_float(t) || t == HR_TYPE_NUMERIC));
		case HR_COARSE_AGE:
			*types = "smallint, integer and bigint";
			return is_int(t);
		case HR_COARSE_UNIT:
			*types = "date, timestamp and timestamptz";
			return is_day(t);
		case HR_COARSE_FIRST:
			*types = "text, varchar, char and citext";
			return is_text(t);
		case HR_COARSE_PREFIX:
			*types = "inet and cidr";
			return t == HR_TYPE_INET || t == HR_TYPE_CIDR;
		}
		return false;
	case HR_MASK_FAKE:
		*types = r->days ? "date, timestamp and timestamptz" : "text, varchar, char and citext";
		return r->days ? is_day(t) : is_text(t);
	case HR_MASK_NOISE:
		*types = "smallint, integer, bigint, real, double precision and numeric";
		return is_int(t) || is_float(t) || t == HR_TYPE_NUMERIC;
	}
	return false;
}

static bool
needs_key(const struct hr_rule_mask *r)
{
	return (r->kind == HR_MASK_HASH && !r->plain) || r->kind == HR_MASK_TOKENIZE || r->kind == HR_MASK_FAKE ||
	    r->kind == HR_MASK_NOISE;
}

/* --- binding --- */

static unsigned
digits_of(const struct hr_mask *m)
{
	return m->rule->digits ? (unsigned)m->rule->digits : 2 * HR_DIGEST_BYTES;
}

static int
set_bound(const char *text, double *to, struct hr_err *e)
{
	char *end;

	if (text == NULL)
		return 0;
	*to = strtod(text, &end);
	return *end || isnan(*to) ? hr_fail(e, HR_CONFIG, "'%s' is no number to keep noise within", text) : 0;
}

static int
set_noise(struct hr_mask *m, struct hr_err *e)
{
	double least = m->type == HR_TYPE_INT2 ? INT16_MIN : m->type == HR_TYPE_INT4 ? INT32_MIN :
	    m->type == HR_TYPE_INT8 ? (double)INT64_MIN : -HUGE_VAL;
	double most = m->type == HR_TYPE_INT2 ? INT16_MAX : m->type == HR_TYPE_INT4 ? INT32_MAX :
	    m->type == HR_TYPE_INT8 ? 9223372036854774784.0 : HUGE_VAL;

	m->least = least;
	m->most_number = most;
	if (set_bound(m->rule->least, &m->least, e) < 0 || set_bound(m->rule->most, &m->most_number, e) < 0)
		return -1;
	if (is_int(m->type)) {
		m->least = ceil(m->least);
		m->most_number = floor(m->most_number);
	}
	/* What is not of the type is no bound of it. */
	m->least = m->least < least ? least : m->least;
	m->most_number = m->most_number > most ? most : m->most_number;
	return m->least > m->most_number ? hr_fail(e, HR_CONFIG, "noise: 'min' is above 'max'") : 0;
}

/* The text that stands for all, as the column's type has it. */
static int
set_constant(struct hr_mask *m, const struct hr_column *in, struct hr_err *e)
{
	const char *text = m->rule->text ? m->rule->text : REDACTED;
	struct hr_datum d;

	if (hr_datum_parse(&d, m->type, text, strlen(text), &m->own, e) < 0 ||
	    hr_datum_cast(&d, m->type, in->typmod, &m->own, e) < 0)
		return -1;
	hr_datum_write(&d, m->type == HR_TYPE_OTHER, &m->constant, &m->own);
	return 0;
}

static int
set_digits(const struct hr_mask *m, const struct hr_column *in, struct hr_err *e)
{
	if (!is_text(m->type))
		return m->rule->digits ? hr_fail(e, HR_CONFIG, "digits are of a hash that is text") : 0;
	if (m->rule->digits && m->rule->digits < DIGITS_LEAST)
		return hr_fail(e, HR_CONFIG, "a hash of %d digits is too short: %d is the least", m->rule->digits,
		    DIGITS_LEAST);
	if (m->most >= 0 && digits_of(m) > (unsigned)m->most) {
		hr_fail(e, HR_CONFIG, "a hash of %u digits does not fit in %s(%d)", digits_of(m), in->type_name, m->most);
		return hr_hint(e, "give 'digits: %d', or mask it by tokenize", m->most);
	}
	return 0;
}

static void
set_text_column(struct hr_column *out)
{
	static char schema[] = "pg_catalog", name[] = "text";

	out->type_schema = schema;
	out->type_name = name;
	out->type = TEXT_OID;
	out->typmod = -1;
}

static int
bind(struct hr_mask *m, const struct hr_column *in, const struct hr_key *key, struct hr_column *out, struct hr_err *e)
{
	const struct hr_rule_mask *r = m->rule;
	const char *types = "";

	if (!takes(r, m->type, &types)) {
		hr_fail(e, HR_CONFIG, "column '%s' is %s, which %s cannot mask", in->name, in->type_name,
		    hr_mask_word(r->kind));
		return hr_hint(e, "it takes %s", types);
	}
	if (needs_key(r) && (key == NULL || !key->loaded)) {
		hr_fail(e, HR_CONFIG, "%s needs a key", hr_mask_word(r->kind));
		return hr_hint(e, "put one into a file, \"openssl rand -hex 32\", and give it as 'key:' or --key");
	}
	switch (r->kind) {
	case HR_MASK_HASH:
		if (r->plain)
			hr_digest_init(&m->digest, NULL, 0);
		else
			hr_digest_derive(&m->digest, key, "hash", r->domain);
		return set_digits(m, in, e);
	case HR_MASK_TOKENIZE: return hr_token_init(&m->token, key, r->domain, e);
	case HR_MASK_SERVICE:
		hr_service_init(&m->service, r->command);
		if (r->batch)
			m->service.batch = (size_t)r->batch;
		return 0;
	case HR_MASK_REDACT: return set_constant(m, in, e);
	case HR_MASK_NULL:
		m->constant = (struct hr_value){ NULL, HR_VALUE_NULL, false };
		return 0;
	case HR_MASK_GENERALIZE:
		if (r->coarse == HR_COARSE_AGE || r->as_text)
			set_text_column(out);
		return 0;
	case HR_MASK_FAKE:
		hr_fake_init(&m->fake, key, r->domain);
		return 0;
	case HR_MASK_NOISE:
		/* Lest equal numbers of two columns move alike, the column is the domain. */
		hr_digest_derive(&m->digest, key, "noise", r->domain ? r->domain : in->name);
		return set_noise(m, e);
	}
	return 0;
}

int
hr_mask_new(struct hr_mask **out, const struct hr_rule_mask *rule, const struct hr_column *in,
    const struct hr_key *key, struct hr_column *column, struct hr_err *e)
{
	struct hr_mask *m = hr_zalloc(sizeof(*m));

	*m = (struct hr_mask){
		.rule = rule, .type = hr_type_of_column(in), .most = -1, .fixed = in->typmod >= 4, .digest = HR_DIGEST_INIT, .token = HR_TOKEN_INIT,
		.fake = HR_FAKE_INIT, .service = HR_SERVICE_INIT, .own = HR_SCRATCH_INIT,
	};
	m->kind = hr_type_kind(m->type);
	if ((m->type == HR_TYPE_VARCHAR || m->type == HR_TYPE_BPCHAR) && in->typmod >= 4)
		m->most = in->typmod - 4;
	*column = *in;
	*out = m;
	if (bind(m, in, key, column, e) == 0)
		return 0;
	hr_mask_free(m);
	*out = NULL;
	return -1;
}

void
hr_mask_free(struct hr_mask *m)
{
	if (m == NULL)
		return;
	hr_digest_clear(&m->digest);
	hr_token_clear(&m->token);
	hr_fake_clear(&m->fake);
	if (m->rule->kind == HR_MASK_SERVICE)
		hr_service_clear(&m->service);
	hr_buf_clear(&m->buf);
	hr_scratch_clear(&m->own);
	free(m);
}

bool
hr_mask_needs_of(const struct hr_mask *m)
{
	return m->rule->kind == HR_MASK_FAKE;
}

bool
hr_mask_injective(const struct hr_mask *m)
{
	/* Of 1.5 and 2.50, numbers of no fixed scale, the tokens may be 3.7 and 3.70. */
	return (m->rule->kind == HR_MASK_TOKENIZE && (m->type != HR_TYPE_NUMERIC || m->fixed)) || (m->rule->kind == HR_MASK_HASH && is_text(m->type) &&
	    digits_of(m) >= DIGITS_SURE) || (m->rule->kind == HR_MASK_HASH && m->type == HR_TYPE_BYTEA) ||
	    (m->rule->kind == HR_MASK_HASH && m->type == HR_TYPE_UUID);
}

bool
hr_mask_keeps_unique(const struct hr_mask *m)
{
	return m->rule->intended || hr_mask_injective(m);
}

/* --- values --- */

/* The bytes of a text, or the text of what is none. */
static int
text_of(const struct hr_mask *m, const struct hr_value *v, struct hr_buf *buf, struct hr_scratch *s,
    const uint8_t **p, size_t *n, struct hr_err *e)
{
	struct hr_datum d;

	if (v->text || is_text(m->type)) {
		*p = v->data;
		*n = (size_t)v->len;
		/* Blanks at the end of a char(n) do not count. */
		while (m->type == HR_TYPE_BPCHAR && *n && (*p)[*n - 1] == ' ')
			--*n;
		return 0;
	}
	if (hr_datum_read(&d, m->type, v, s, e) < 0)
		return -1;
	hr_buf_reset(buf);
	hr_datum_format(buf, &d);
	*p = buf->data;
	*n = buf->len;
	return 0;
}

static struct hr_value
put_text(struct hr_scratch *s, const struct hr_buf *b)
{
	return (struct hr_value){ hr_scratch_copy(s, b->data, b->len), (int32_t)b->len, false };
}

static int
hash(struct hr_mask *m, const struct hr_value *in, struct hr_value *out, struct hr_scratch *s, struct hr_err *e)
{
	uint8_t sum[HR_DIGEST_BYTES];
	const uint8_t *p;
	size_t n;

	if (text_of(m, in, &m->buf, s, &p, &n, e) < 0)
		return -1;
	/* What differs by case alone is equal there. */
	if (m->type == HR_TYPE_CITEXT)
		p = hr_utf8_case(p, &n, false, s);
	if (is_text(m->type)) {
		struct hr_buf hex = HR_BUF_INIT;

		hex.data = hr_scratch_take(s, digits_of(m));
		hex.cap = digits_of(m);
		hr_digest_hex(&m->digest, p, n, digits_of(m), &hex);
		*out = (struct hr_value){ hex.data, (int32_t)hex.len, false };
		return 0;
	}
	hr_digest_sum(&m->digest, p, n, sum);
	if (m->type == HR_TYPE_UUID) {
		/* RFC 9562: version 8, of one's own making. */
		sum[6] = (sum[6] & 0x0f) | 0x80;
		sum[8] = (sum[8] & 0x3f) | 0x80;
		*out = (struct hr_value){ hr_scratch_copy(s, sum, 16), 16, false };
	} else if (m->type == HR_TYPE_INT8) {
		sum[0] &= 0x7f;
		*out = (struct hr_value){ hr_scratch_copy(s, sum, 8), 8, false };
	} else
		*out = (struct hr_value){ hr_scratch_copy(s, sum, sizeof(sum)), sizeof(sum), false };
	return 0;
}

static int
write_datum(struct hr_mask *m, struct hr_datum *d, struct hr_value *out, struct hr_scratch *s)
{
	hr_datum_write(d, m->type == HR_TYPE_OTHER, out, s);
	return 0;
}

static int
tokenize(struct hr_mask *m, const struct hr_value *in, struct hr_value *out, struct hr_scratch *s, struct hr_err *e)
{
	struct hr_datum d;
	const uint8_t *p;
	size_t n;
	int rc;

	hr_buf_reset(&m->buf);
	if (is_text(m->type)) {
		if (text_of(m, in, &m->buf, s, &p, &n, e) < 0)
			return -1;
		if (m->rule->as && m->rule->as[0] == 'e')
			rc = hr_token_email(&m->token, p, n, m->rule->keep_domain, &m->buf, e);
		else
			rc = hr_token_text(&m->token, p, n, &m->buf, e);
		if (rc == 0)
			*out = put_text(s, &m->buf);
		return rc;
	}
	if (hr_datum_read(&d, m->type, in, s, e) < 0)
		return -1;
	if (m->type == HR_TYPE_UUID) {
		uint8_t *to = hr_scratch_take(s, 16);

		hr_token_uuid(&m->token, d.s.p, to);
		*out = (struct hr_value){ to, 16, false };
		return 0;
	}
	if (is_int(m->type)) {
		d.i = hr_token_int(&m->token, d.i, int_bytes(m->type));
		return write_datum(m, &d, out, s);
	}
	hr_datum_format(&m->buf, &d);
	n = m->buf.len;
	if (hr_token_number(&m->token, m->buf.data, n, &m->buf, e) < 0 ||
	    hr_datum_parse(&d, m->type, (const char *)m->buf.data + n, m->buf.len - n, s, e) < 0)
		return -1;
	return write_datum(m, &d, out, s);
}

static double
double_of(const struct hr_datum *d, struct hr_scratch *s)
{
	struct hr_datum f = *d;
	struct hr_err e = HR_ERR_INIT;

	if (d->type == HR_TYPE_FLOAT4 || d->type == HR_TYPE_FLOAT8)
		return d->f;
	return hr_datum_cast(&f, HR_TYPE_FLOAT8, -1, s, &e) < 0 ? NAN : f.f;
}

/* A number that is none of double precision would stay as it is. */
static int
too_large(const struct hr_datum *was, double v, struct hr_err *e)
{
	return hr_numeric_finite(&was->num) && !isfinite(v) ?
	    hr_fail(e, HR_REFUSED, "a number that is too large to be masked so") : 0;
}

/* A numeric of as many decimals as the one that was there. */
static int
numeric_of(struct hr_mask *m, const struct hr_datum *was, double v, struct hr_datum *d, struct hr_scratch *s,
    struct hr_err *e)
{
	char text[400];
	const char *point;
	int decimals;

	hr_buf_reset(&m->buf);
	hr_datum_format(&m->buf, was);
	point = memchr(m->buf.data, '.', m->buf.len);
	decimals = point ? (int)((const char *)m->buf.data + m->buf.len - point - 1) : 0;
	snprintf(text, sizeof(text), "%.*f", decimals < 40 ? decimals : 40, v);
	return hr_datum_parse(d, HR_TYPE_NUMERIC, text, strlen(text), s, e);
}

static int
coarse_number(struct hr_mask *m, struct hr_datum *d, struct hr_value *out, struct hr_scratch *s, struct hr_err *e)
{
	const struct hr_rule_mask *r = m->rule;
	struct hr_datum was = *d;
	int64_t low;

	hr_buf_reset(&m->buf);
	if (r->coarse == HR_COARSE_AGE) {
		hr_general_age(d->i, r->bound, r->bounds, &m->buf);
		*out = put_text(s, &m->buf);
		return 0;
	}
	if (r->as_text) {
		hr_general_range(d->i, r->width, r->origin, &m->buf);
		*out = put_text(s, &m->buf);
		return 0;
	}
	if (is_int(m->type)) {
		low = hr_general_floor(d->i, r->width, r->origin);
		/* The range of the lowest numbers may begin below the type. */
		if (m->type == HR_TYPE_INT2 && low < INT16_MIN)
			low = INT16_MIN;
		if (m->type == HR_TYPE_INT4 && low < INT32_MIN)
			low = INT32_MIN;
		d->i = low;
	} else if (is_float(m->type))
		d->f = hr_general_floor_float(d->f, (double)r->width, (double)r->origin);
	else {
		double v = double_of(d, s);

		if (too_large(d, v, e) < 0 || (isfinite(v) && numeric_of(m, &was, hr_general_floor_float(v, (double)r->width, (double)r->origin), d, s,
		    e) < 0))
			return -1;
	}
	return write_datum(m, d, out, s);
}

/* A datum has been read: it is family, bits, is cidr, size and as many bytes. */
static void
coarse_address(const struct hr_mask *m, const struct hr_datum *d, struct hr_value *out, struct hr_scratch *s)
{
	uint8_t *p = hr_scratch_copy(s, d->s.p, d->s.n);
	int bits;

	bits = p[3] == 4 ? m->rule->prefix : m->rule->prefix6;
	/* What is not said of one family leaves nothing of it. */
	bits = bits < 0 ? 0 : bits;
	hr_general_address(p + 4, p[3], (unsigned)bits);
	if (bits < p[1])
		p[1] = (uint8_t)bits;
	*out = (struct hr_value){ p, (int32_t)d->s.n, false };
}

static int
generalize(struct hr_mask *m, const struct hr_value *in, struct hr_value *out, struct hr_scratch *s,
    struct hr_err *e)
{
	const struct hr_rule_mask *r = m->rule;
	struct hr_datum d;

	if (r->coarse == HR_COARSE_FIRST) {
		hr_buf_reset(&m->buf);
		hr_general_first(in->data, (size_t)in->len, (size_t)r->first, &m->buf);
		*out = put_text(s, &m->buf);
		return 0;
	}
	if (hr_datum_read(&d, m->type, in, s, e) < 0)
		return -1;
	if (r->coarse == HR_COARSE_PREFIX) {
		coarse_address(m, &d, out, s);
		return 0;
	}
	if (r->coarse == HR_COARSE_UNIT) {
		d.i = m->type == HR_TYPE_DATE ? hr_general_date((int32_t)d.i, r->unit) : hr_general_time(d.i, r->unit);
		return write_datum(m, &d, out, s);
	}
	return coarse_number(m, &d, out, s, e);
}

static int
make_up(struct hr_mask *m, const struct hr_value *in, const struct hr_value *of, struct hr_value *out,
    struct hr_scratch *s, struct hr_err *e)
{
	const struct hr_rule_mask *r = m->rule;
	struct hr_datum d;
	int64_t days;

	hr_buf_reset(&m->buf);
	if (r->days == 0) {
		hr_fake_put(&m->fake, r->fake, of->data, (size_t)of->len, (unsigned)r->digits, &m->buf);
		if (m->most >= 0) {
			struct hr_value whole = put_text(s, &m->buf);

			hr_buf_reset(&m->buf);
			hr_general_first(whole.data, (size_t)whole.len, (size_t)m->most, &m->buf);
		}
		*out = put_text(s, &m->buf);
		return 0;
	}
	if (hr_datum_read(&d, m->type, in, s, e) < 0)
		return -1;
	days = hr_fake_days(&m->fake, of->data, (size_t)of->len, (uint32_t)r->days);
	/* Infinities stay, and what would leave the type. */
	if (m->type == HR_TYPE_DATE) {
		if (d.i != INT32_MIN && d.i != INT32_MAX && d.i + days > -2400000 && d.i + days < INT32_MAX - 1)
			d.i += days;
	} else if (d.i > INT64_MIN / 2 && d.i < INT64_MAX / 2)
		d.i += days * INT64_C(86400000000);
	return write_datum(m, &d, out, s);
}

static int
add_noise(struct hr_mask *m, const struct hr_value *in, struct hr_value *out, struct hr_scratch *s, struct hr_err *e)
{
	enum hr_noise_shape shape = m->rule->laplace ? HR_NOISE_LAPLACE : HR_NOISE_UNIFORM;
	struct hr_datum d, was;
	double v;

	if (hr_datum_read(&d, m->type, in, s, e) < 0)
		return -1;
	was = d;
	if (is_int(m->type))
		d.i = hr_noise_int(&m->digest, shape, m->rule->scale, d.i, (int64_t)m->least, (int64_t)m->most_number);
	else if (is_float(m->type))
		d.f = hr_noise_float(&m->digest, shape, m->rule->scale, d.f, m->least, m->most_number);
	else {
		v = double_of(&d, s);
		if (too_large(&d, v, e) < 0 || (isfinite(v) && numeric_of(m, &was, hr_noise_float(&m->digest, shape, m->rule->scale, v, m->least,
		    m->most_number), &d, s, e) < 0))
			return -1;
	}
	return write_datum(m, &d, out, s);
}

static int
answer(struct hr_mask *m, struct hr_value *out, struct hr_err *e)
{
	size_t n;
	const uint8_t *p = hr_service_get(&m->service, m->given++, &n);

	if (p == NULL)
		return hr_fail(e, HR_REFUSED, "the service gave no answer for a value");
	*out = (struct hr_value){ p, (int32_t)n, false };
	return 0;
}

int
hr_mask_value(struct hr_mask *m, const struct hr_value *in, const struct hr_value *of, struct hr_value *out,
    struct hr_scratch *s, struct hr_err *e)
{
	switch (m->rule->kind) {
	case HR_MASK_HASH: return hash(m, in, out, s, e);
	case HR_MASK_TOKENIZE: return tokenize(m, in, out, s, e);
	case HR_MASK_SERVICE: return answer(m, out, e);
	case HR_MASK_REDACT:
	case HR_MASK_NULL:
		*out = m->constant;
		return 0;
	case HR_MASK_GENERALIZE: return generalize(m, in, out, s, e);
	case HR_MASK_FAKE: return make_up(m, in, of, out, s, e);
	case HR_MASK_NOISE: return add_noise(m, in, out, s, e);
	}
	return hr_fail(e, HR_INTERNAL, "a mask of no kind");
}

struct hr_service *
hr_mask_service(struct hr_mask *m)
{
	return m->rule->kind == HR_MASK_SERVICE ? &m->service : NULL;
}

int
hr_mask_ask(struct hr_mask *m, const struct hr_value *in, struct hr_scratch *s, struct hr_err *e)
{
	const uint8_t *p;
	size_t n;

	m->given = 0;
	return text_of(m, in, &m->buf, s, &p, &n, e) < 0 ? -1 : hr_service_add(&m->service, p, n, e);
}

void
hr_mask_describe(const struct hr_mask *m, struct hr_buf *out)
{
	const struct hr_rule_mask *r = m->rule;

	hr_buf_puts(out, hr_mask_word(r->kind));
	if (r->kind == HR_MASK_HASH && is_text(m->type))
		hr_buf_printf(out, ", %u digits%s", digits_of(m), r->plain ? ", without a key" : "");
	if (r->as)
		hr_buf_printf(out, " as %s", r->as);
	if (r->domain)
		hr_buf_printf(out, ", domain %s", r->domain);
}
