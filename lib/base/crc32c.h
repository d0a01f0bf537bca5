/*
 * crc32c.h - CRC-32C (Castagnoli), by the processor where it can.
 *
 * Reflected polynomial 0x82f63b78, initial value and final xor ~0, as in
 * RFC 3720 B.4.  hr_crc32c(0, ...) begins; pass the result to continue.
 */
#ifndef HR_CRC32C_H
#define HR_CRC32C_H

#include "base/hr.h"

uint32_t hr_crc32c(uint32_t crc, const void *data, size_t n);

/* The table-driven one, for comparison in a test. */
uint32_t hr_crc32c_table(uint32_t crc, const void *data, size_t n);

#endif
