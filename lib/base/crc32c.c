/*
 * crc32c.c - CRC-32C: SSE 4.2's instruction, ARMv8's, or slicing by four.
 */

#include "base/hr.h"

#include <pthread.h>
#include <string.h>

#include "base/crc32c.h"

static uint32_t table[4][256];
static pthread_once_t once = PTHREAD_ONCE_INIT;

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

__attribute__((target("sse4.2"))) static uint32_t
by_processor(uint32_t crc, const uint8_t *p, size_t n)
{
	uint64_t c = ~crc, v;

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
