/*
 * ff1.c - the Feistel rounds of FF1, once over hr_u128 and once over BIGNUM.
 *
 * Names are those of SP 800-38G, algorithms 7 and 8: A and B are the halves of
 * u and v digits, P and Q what is authenticated, R the CBC-MAC of P || Q, S
 * its extension to d bytes, y the number of these.  The blocks of P and of the
 * front of Q are the same in all rounds and are taken in once.
 */

#include "base/hr.h"

#include <assert.h>
#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "rule/ff1.h"

#define ROUNDS	10
#define BLOCK	HR_AES_BLOCK
#define NARROW	12		/* bytes of a half; then y is one block */

/* BIGNUMs: the halves, their moduli, and room. */
struct hr_ff1_wide {
	BN_CTX *ctx;
	BIGNUM *half[2], *mod[2], *y, *sum;
	uint32_t radix, n;	/* of mod */
	struct hr_buf tail;	/* the end of Q: what differs between rounds */
	struct hr_buf s;
};

void
hr_ff1_init(struct hr_ff1 *f, const uint8_t *key, size_t key_len)
{
	assert(key_len == 16 || key_len == 24 || key_len == 32);
	hr_aes_init(&f->aes, key, key_len);
}

static void
wide_free(struct hr_ff1_wide *w)
{
	if (w == NULL)
		return;
	BN_clear_free(w->half[0]);
	BN_clear_free(w->half[1]);
	BN_free(w->mod[0]);
	BN_free(w->mod[1]);
	BN_clear_free(w->y);
	BN_clear_free(w->sum);
	BN_CTX_free(w->ctx);
	hr_buf_clear(&w->tail);
	hr_buf_clear(&w->s);
	free(w);
}

void
hr_ff1_clear(struct hr_ff1 *f)
{
	hr_aes_clear(&f->aes);
	wide_free(f->big);
	hr_buf_clear(&f->tweak);
	*f = (struct hr_ff1)HR_FF1_INIT;
}

void
hr_ff1_tweak(struct hr_ff1 *f, const void *tweak, size_t n)
{
	assert(n <= HR_FF1_TWEAK);
	hr_buf_reset(&f->tweak);
	hr_buf_put(&f->tweak, tweak, n);
}

/* radix^n, or 0 when it is 2^128 or more. */
static hr_u128
power(uint32_t radix, size_t n)
{
	hr_u128 p = 1;

	for (; n; n--)
		if (__builtin_mul_overflow(p, (hr_u128)radix, &p))
			return 0;
	return p;
}

int
hr_ff1_check(uint32_t radix, size_t n, struct hr_err *e)
{
	hr_u128 domain = n < 128 ? power(radix, n) : 0;

	if (radix < 2 || radix > HR_FF1_RADIX)
		return hr_fail(e, HR_CONFIG, "FF1: a radix of %" PRIu32 "; it must be 2 to %d", radix, HR_FF1_RADIX);
	if (n > HR_FF1_DIGITS)
		return hr_fail(e, HR_CONFIG, "FF1: %zu digits; there must be at most %d", n, HR_FF1_DIGITS);
	if (n < 2 || (domain && domain < HR_FF1_DOMAIN))
		return hr_fail(e, HR_CONFIG, "FF1: %zu digits of radix %" PRIu32
		    " have fewer than %d values", n, radix, HR_FF1_DOMAIN);
	return 0;
}

static unsigned
bits(hr_u128 x)
{
	uint64_t high = (uint64_t)(x >> 64), low = (uint64_t)x;

	return high ? 128 - (unsigned)__builtin_clzll(high) : low ? 64 - (unsigned)__builtin_clzll(low) : 0;
}

static const struct hr_ff1_shape *
shape_of(struct hr_ff1 *f, uint32_t radix, size_t n)
{
	struct hr_ff1_shape *s = &f->shape;

	if (s->radix == radix && s->n == n)
		return s;
	s->radix = radix;
	s->n = (uint32_t)n;
	s->mod[0] = n < 256 ? power(radix, n / 2) : 0;
	s->mod[1] = n < 256 ? power(radix, n - n / 2) : 0;
	s->bytes = s->mod[1] ? (bits(s->mod[1] - 1) + 7) / 8 : 0;
	s->wide = s->bytes == 0 || s->bytes > NARROW;
	s->unused = s->wide ? 0 : 96 - 32 * ((s->bytes + 3) / 4);
	return s;
}

/*
 * CBC-MAC of P and of all of Q that no round changes; what is left of the
 * tweak and zeros are put into tail, which ends before the round's number.
 * Gives the bytes of tail.
 */
static size_t
prefix(struct hr_ff1 *f, const struct hr_ff1_shape *s, uint32_t b, uint8_t state[BLOCK], uint8_t tail[BLOCK])
{
	size_t t = f->tweak.len, at = 0, before = (t + b + 1 + BLOCK - 1) / BLOCK * BLOCK - b - 1;
	uint8_t p[BLOCK] = { 1, 2, 1, (uint8_t)(s->radix >> 16), (uint8_t)(s->radix >> 8), (uint8_t)s->radix,
	    ROUNDS, (uint8_t)(s->n / 2) };

	hr_set_u32be(p + 8, s->n);
	hr_set_u32be(p + 12, (uint32_t)t);
	hr_aes_block(&f->aes, p, state);
	for (; before - at >= BLOCK; at += BLOCK) {
		memset(p, 0, BLOCK);
		if (t > at)
			memcpy(p, f->tweak.data + at, t - at < BLOCK ? t - at : BLOCK);
		hr_aes_mac(&f->aes, state, p);
	}
	memset(tail, 0, BLOCK);
	if (t > at)
		memcpy(tail, f->tweak.data + at, t - at);
	return before - at;
}

/*
 * y of round i and the half b: the first d bytes of the MAC after its last
 * block, which is at bytes of tail, i, and b in all the others.
 */
static hr_u128
round_number(struct hr_ff1 *f, const uint8_t state[BLOCK], const uint8_t tail[BLOCK], size_t at, int i, hr_u128 b)
{
	uint8_t block[BLOCK], r[BLOCK];

	hr_set_u64be(block, (uint64_t)(b >> 64));
	hr_set_u64be(block + 8, (uint64_t)b);
	memcpy(block, tail, at);
	block[at] = (uint8_t)i;
	memcpy(r, state, BLOCK);
	hr_aes_mac(&f->aes, r, block);
	return ((hr_u128)hr_get_u64be(r) << 64 | hr_get_u64be(r + 8)) >> f->shape.unused;
}

static hr_u128
reduce(hr_u128 y, hr_u128 mod)
{
	if ((mod & (mod - 1)) == 0)
		return y & (mod - 1);
	return y % mod;
}

bool
hr_ff1_halves(struct hr_ff1 *f, uint32_t radix, size_t n, hr_u128 half[2], bool decrypt)
{
	const struct hr_ff1_shape *s = shape_of(f, radix, n);
	uint8_t state[BLOCK], tail[BLOCK];
	hr_u128 a = half[0], b = half[1], y;
	size_t at;
	int i;

	if (s->wide)
		return false;
	at = prefix(f, s, s->bytes, state, tail);
	for (i = 0; i < ROUNDS && !decrypt; i++) {
		y = a + reduce(round_number(f, state, tail, at, i, b), s->mod[i % 2]);
		a = b;
		b = y >= s->mod[i % 2] ? y - s->mod[i % 2] : y;
	}
	for (i = ROUNDS - 1; i >= 0 && decrypt; i--) {
		y = reduce(round_number(f, state, tail, at, i, a), s->mod[i % 2]);
		y = b >= y ? b - y : b + s->mod[i % 2] - y;
		b = a;
		a = y;
	}
	half[0] = a;
	half[1] = b;
	return true;
}

static hr_u128
number(const uint16_t *digit, size_t n, uint32_t radix)
{
	hr_u128 x = 0;
	size_t i;

	for (i = 0; i < n; i++)
		x = x * radix + digit[i];
	return x;
}

/* So many digits of x; 64 bits at a time where that is possible. */
static void
string(hr_u128 x, uint16_t *digit, size_t n, uint32_t radix)
{
	uint64_t low;

	for (; n && x >> 64; x /= radix)
		digit[--n] = (uint16_t)(x % radix);
	for (low = (uint64_t)x; n; low /= radix)
		digit[--n] = (uint16_t)(low % radix);
}

static void
turn(struct hr_ff1 *f, uint32_t radix, uint16_t *digit, size_t n, bool decrypt)
{
	size_t u = n / 2;
	hr_u128 half[2];

	if (shape_of(f, radix, n)->wide) {
		hr_ff1_slow(f, radix, digit, n, decrypt);
		return;
	}
	half[0] = number(digit, u, radix);
	half[1] = number(digit + u, n - u, radix);
	hr_ff1_halves(f, radix, n, half, decrypt);
	string(half[0], digit, u, radix);
	string(half[1], digit + u, n - u, radix);
}

void
hr_ff1_encrypt(struct hr_ff1 *f, uint32_t radix, uint16_t *digit, size_t n)
{
	turn(f, radix, digit, n, false);
}

void
hr_ff1_decrypt(struct hr_ff1 *f, uint32_t radix, uint16_t *digit, size_t n)
{
	turn(f, radix, digit, n, true);
}

/* The general way. */

static struct hr_ff1_wide *
wide_new(void)
{
	struct hr_ff1_wide *w = hr_zalloc(sizeof(*w));

	w->ctx = BN_CTX_new();
	w->half[0] = BN_new();
	w->half[1] = BN_new();
	w->mod[0] = BN_new();
	w->mod[1] = BN_new();
	w->y = BN_new();
	w->sum = BN_new();
	hr_crypto_must(w->ctx && w->half[0] && w->half[1] && w->mod[0] && w->mod[1] && w->y && w->sum);
	return w;
}

static void
wide_power(BIGNUM *p, uint32_t radix, size_t n)
{
	hr_crypto_must(BN_one(p));
	for (; n; n--)
		hr_crypto_must(BN_mul_word(p, radix));
}

/* The moduli of this shape; gives the paper's b. */
static uint32_t
wide_shape(struct hr_ff1_wide *w, uint32_t radix, size_t n)
{
	if (w->radix != radix || w->n != n) {
		wide_power(w->mod[0], radix, n / 2);
		wide_power(w->mod[1], radix, n - n / 2);
		w->radix = radix;
		w->n = (uint32_t)n;
	}
	hr_crypto_must(BN_copy(w->sum, w->mod[1]) != NULL && BN_sub_word(w->sum, 1));
	return (uint32_t)BN_num_bytes(w->sum);
}

static void
wide_number(BIGNUM *x, const uint16_t *digit, size_t n, uint32_t radix)
{
	size_t i;

	BN_zero(x);
	for (i = 0; i < n; i++)
		hr_crypto_must(BN_mul_word(x, radix) && BN_add_word(x, digit[i]));
}

static void
wide_string(BIGNUM *x, uint16_t *digit, size_t n, uint32_t radix)
{
	while (n)
		digit[--n] = (uint16_t)BN_div_word(x, radix);
}

/* w->y of round i and the half b. */
static void
wide_round(struct hr_ff1 *f, const uint8_t state[BLOCK], const uint8_t front[BLOCK], size_t at, int i,
    const BIGNUM *b, uint32_t bytes)
{
	struct hr_ff1_wide *w = f->big;
	size_t d = 4 * ((bytes + 3) / 4) + 4, j;
	uint8_t r[BLOCK], block[BLOCK];

	hr_buf_reset(&w->tail);
	hr_buf_put(&w->tail, front, at);
	hr_buf_u8(&w->tail, (uint8_t)i);
	hr_buf_need(&w->tail, bytes);
	hr_crypto_must(BN_bn2binpad(b, w->tail.data + w->tail.len, (int)bytes) == (int)bytes);
	memcpy(r, state, BLOCK);
	for (j = 0; j < at + 1 + bytes; j += BLOCK)
		hr_aes_mac(&f->aes, r, w->tail.data + j);
	hr_buf_reset(&w->s);
	hr_buf_put(&w->s, r, BLOCK);
	for (j = 1; w->s.len < d; j++) {
		memcpy(block, r, BLOCK);
		hr_set_u32be(block + 12, hr_get_u32be(block + 12) ^ (uint32_t)j);
		hr_aes_block(&f->aes, block, block);
		hr_buf_put(&w->s, block, BLOCK);
	}
	hr_crypto_must(BN_bin2bn(w->s.data, (int)d, w->y) != NULL);
}

void
hr_ff1_slow(struct hr_ff1 *f, uint32_t radix, uint16_t *digit, size_t n, bool decrypt)
{
	struct hr_ff1_shape s = { .radix = radix, .n = (uint32_t)n };
	struct hr_ff1_wide *w = f->big ? f->big : (f->big = wide_new());
	uint32_t bytes = wide_shape(w, radix, n);
	uint8_t state[BLOCK], front[BLOCK];
	BIGNUM **a = &w->half[decrypt], **b = &w->half[!decrypt], *done;
	size_t at = prefix(f, &s, bytes, state, front), u = n / 2;
	int round, i;

	wide_number(w->half[0], digit, u, radix);
	wide_number(w->half[1], digit + u, n - u, radix);
	/* Backwards it is the same with the halves changed over and the number taken off. */
	for (round = 0; round < ROUNDS; round++) {
		i = decrypt ? ROUNDS - 1 - round : round;
		wide_round(f, state, front, at, i, *b, bytes);
		if (decrypt)
			hr_crypto_must(BN_mod_sub(w->sum, *a, w->y, w->mod[i % 2], w->ctx));
		else
			hr_crypto_must(BN_mod_add(w->sum, *a, w->y, w->mod[i % 2], w->ctx));
		done = *a;
		*a = *b;
		*b = w->sum;
		w->sum = done;
	}
	wide_string(w->half[0], digit, u, radix);
	wide_string(w->half[1], digit + u, n - u, radix);
}
