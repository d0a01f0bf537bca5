/* perm.c - FF1 over bits, or more rounds over a small rectangle; both walked. */

#include "base/hr.h"

#include <assert.h>

#include "rule/perm.h"

#define ROUNDS 32

void
hr_perm_init(struct hr_perm *p, const uint8_t key[HR_PERM_KEY])
{
	hr_ff1_init(&p->ff1, key, HR_PERM_KEY / 2);
	hr_aes_init(&p->small, key + HR_PERM_KEY / 2, HR_PERM_KEY / 2);
}

void
hr_perm_clear(struct hr_perm *p)
{
	hr_ff1_clear(&p->ff1);
	hr_aes_clear(&p->small);
}

static unsigned
bits(hr_u128 x)
{
	unsigned n = 0;

	for (; x >> 32; x >>= 32)
		n += 32;
	return x ? n + 32 - (unsigned)__builtin_clz((uint32_t)x) : n;
}

static hr_u128
large(struct hr_perm *p, hr_u128 size, hr_u128 x, bool reverse)
{
	unsigned n = bits(size - 1), v = n - n / 2;
	hr_u128 half[2] = { x >> v, x & (((hr_u128)1 << v) - 1) };

	do {
		hr_ff1_halves(&p->ff1, 2, n, half, reverse);
		x = half[0] << v | half[1];
	} while (x >= size);
	return x;
}

/* CBC-MAC of the size, the tweak and its length, to which each round adds a block. */
static void
begin(struct hr_perm *p, const uint8_t *tweak, size_t n, uint32_t size, uint8_t state[HR_AES_BLOCK])
{
	uint8_t block[HR_AES_BLOCK] = { 0 };

	hr_set_u32be(block, size);
	hr_set_u32be(block + 4, (uint32_t)n);
	hr_aes_block(&p->small, block, state);
	while (n) {
		size_t part = n < sizeof(block) ? n : sizeof(block);

		memset(block, 0, sizeof(block));
		memcpy(block, tweak, part);
		hr_aes_mac(&p->small, state, block);
		tweak += part;
		n -= part;
	}
}

static uint32_t
round_number(struct hr_perm *p, const uint8_t state[HR_AES_BLOCK], unsigned i, uint32_t other, uint32_t mod)
{
	uint8_t block[HR_AES_BLOCK] = { 0 }, r[HR_AES_BLOCK];

	block[0] = (uint8_t)i;
	hr_set_u32be(block + 4, other);
	memcpy(r, state, sizeof(r));
	hr_aes_mac(&p->small, r, block);
	return (uint32_t)(hr_get_u64be(r) % mod);
}

static uint32_t
rounds(struct hr_perm *p, const uint8_t state[HR_AES_BLOCK], const uint32_t mod[2], uint32_t x, bool reverse)
{
	uint32_t half[2] = { x / mod[1], x % mod[1] }, y;
	unsigned j, i, side;

	for (j = 0; j < ROUNDS; j++) {
		i = reverse ? ROUNDS - 1 - j : j;
		side = i % 2;
		y = round_number(p, state, i, half[!side], mod[side]);
		half[side] = (half[side] + (reverse ? mod[side] - y : y)) % mod[side];
	}
	return half[0] * mod[1] + half[1];
}

static uint32_t
small(struct hr_perm *p, const void *tweak, size_t n, uint32_t size, uint32_t x, bool reverse)
{
	uint8_t state[HR_AES_BLOCK];
	uint32_t mod[2] = { 1, 1 };

	while (mod[0] * mod[0] < size)
		mod[0]++;
	mod[1] = (size + mod[0] - 1) / mod[0];
	begin(p, tweak, n, size, state);
	do
		x = rounds(p, state, mod, x, reverse);
	while (x >= size);
	return x;
}

hr_u128
hr_perm_map(struct hr_perm *p, const void *tweak, size_t n, hr_u128 size, hr_u128 x, bool reverse)
{
	assert(x < size && n <= HR_FF1_TWEAK);
	if (size < 2)
		return x;
	if (size < HR_FF1_DOMAIN)
		return small(p, tweak, n, (uint32_t)size, (uint32_t)x, reverse);
	hr_ff1_tweak(&p->ff1, tweak, n);
	return large(p, size, x, reverse);
}
