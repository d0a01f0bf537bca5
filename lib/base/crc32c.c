/*
 * crc32c.c - CRC-32C: SSE 4.2's instruction, ARMv8's, or slicing by four.
 *
 * The instruction takes three cycles and can begin every cycle, so three parts are
 * summed at once.  A sum is linear: that of a part is moved over the bytes behind
 * it by a table (Gopal et al., "Fast CRC Computation for iSCSI Polynomial Using
 * CRC32 Instruction", Intel, 2011).
 */

#include "base/hr.h"

#include <pthread.h>
#include <string.h>

#include "base/crc32c.h"

#define PART_BITS	10
#define PART		(1 << PART_BITS)

static uint32_t table[4][256];
static uint32_t over[4][256];		/* what a sum is when PART zeros have followed, by its bytes */
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* The sum of those that a number's bits choose. */
static uint32_t
chosen(const uint32_t bit[32], uint32_t number)
{
	uint32_t sum = 0;
	int i;

	for (i = 0; i < 32; i++)
		sum ^= number >> i & 1 ? bit[i] : 0;
	return sum;
}

/* One zero byte over each bit of a sum, then twice as many, and so on. */
static void
fill_over(void)
{
	uint32_t bit[32], twice[32], i, k;

	for (i = 0; i < 32; i++)
		bit[i] = UINT32_C(1) << i >> 8 ^ table[0][UINT32_C(1) << i & 0xff];
	for (k = 0; k < PART_BITS; k++) {
		for (i = 0; i < 32; i++)
			twice[i] = chosen(bit, bit[i]);
		memcpy(bit, twice, sizeof(bit));
	}
	for (k = 0; k < 4; k++)
		for (i = 0; i < 256; i++)
			over[k][i] = chosen(bit, i << (8 * k));
}

static void
fill(void)
{
	uint32_t i, k, c;

	for (i = 0; i < 256; i++) {
		for (c = i, k = 0; k < 8; k++)
			c = c & 1 ? c >> 1 ^ 0x82f63b78u : c >> 1;
		table[0][i] = c;
	}
	for (i = 0; i < 256; i++)
		for (k = 1; k < 4; k++)
			table[k][i] = table[k - 1][i] >> 8 ^ table[0][table[k - 1][i] & 0xff];
	fill_over();
}

uint32_t
hr_crc32c_table(uint32_t crc, const void *data, size_t n)
{
	const uint8_t *p = data;

	pthread_once(&once, fill);
	crc = ~crc;
	for (; n >= 4; n -= 4, p += 4) {
		crc ^= p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
		crc = table[3][crc & 0xff] ^ table[2][crc >> 8 & 0xff] ^
		    table[1][crc >> 16 & 0xff] ^ table[0][crc >> 24];
	}
	for (; n; n--)
		crc = table[0][(crc ^ *p++) & 0xff] ^ crc >> 8;
	return ~crc;
}

#if defined(__x86_64__)
#include <nmmintrin.h>

static inline uint64_t
moved(uint64_t c)
{
	return over[0][c & 0xff] ^ over[1][c >> 8 & 0xff] ^ over[2][c >> 16 & 0xff] ^ over[3][c >> 24];
}

__attribute__((target("sse4.2"))) static inline uint64_t
sum_of(uint64_t c, const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, 8);
	return _mm_crc32_u64(c, v);
}

__attribute__((target("sse4.2"))) static uint32_t
by_processor(uint32_t crc, const uint8_t *p, size_t n)
{
	uint64_t c = ~crc, second, third, v;
	size_t i;

	if (n >= 3 * PART)
		pthread_once(&once, fill);
	for (; n >= 3 * PART; n -= 3 * PART, p += 3 * PART) {
		for (i = 0, second = third = 0; i < PART; i += 8) {
			c = sum_of(c, p + i);
			second = sum_of(second, p + PART + i);
			third = sum_of(third, p + 2 * PART + i);
		}
		c = moved(moved(c) ^ second) ^ third;
	}
	for (; n >= 8; n -= 8, p += 8) {
		memcpy(&v, p, 8);
		c = _mm_crc32_u64(c, v);
	}
	for (; n; n--)
		c = _mm_crc32_u8((uint32_t)c, *p++);
	return ~(uint32_t)c;
}

uint32_t
hr_crc32c(uint32_t crc, const void *data, size_t n)
{
	if (__builtin_cpu_supports("sse4.2"))
		return by_processor(crc, data, n);
	return hr_crc32c_table(crc, data, n);
}

#elif defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>

uint32_t
hr_crc32c(uint32_t crc, const void *data, size_t n)
{
	const uint8_t *p = data;
	uint64_t v;

	crc = ~crc;
	for (; n >= 8; n -= 8, p += 8) {
		memcpy(&v, p, 8);
		crc = __crc32cd(crc, v);
	}
	for (; n; n--)
		crc = __crc32cb(crc, *p++);
	return ~crc;
}

#else

uint32_t
hr_crc32c(uint32_t crc, const void *data, size_t n)
{
	return hr_crc32c_table(crc, data, n);
}

#endif
