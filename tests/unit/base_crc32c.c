/* base_crc32c - the processor's checksum is the table's, and both are right. */

#include "base/hr.h"

#include "base/crc32c.h"
#include "tap.h"

static uint64_t state = 88172645463325252u;

static uint64_t
next(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	return state ^= state << 17;
}

int
main(void)
{
	/* RFC 3720, B.4 */
	static const uint8_t zeros[32];
	uint8_t ones[32], up[32], bytes[12000];
	int i, same = 0, split = 0;

	memset(ones, 0xff, sizeof(ones));
	for (i = 0; i < 32; i++)
		up[i] = (uint8_t)i;
	is_number(hr_crc32c(0, "123456789", 9), 0xe3069283, "the check value");
	is_number(hr_crc32c_table(0, "123456789", 9), 0xe3069283, "the check value, by table");
	is_number(hr_crc32c(0, zeros, 32), 0x8a9136aa, "32 bytes of zeros");
	is_number(hr_crc32c(0, ones, 32), 0x62a8ab43, "32 bytes of ones");
	is_number(hr_crc32c(0, up, 32), 0x46dd794e, "32 bytes counting up");
	is_number(hr_crc32c(0, "", 0), 0, "no bytes");

	for (i = 0; i < (int)sizeof(bytes); i++)
		bytes[i] = (uint8_t)next();
	for (i = 0; i < 2000; i++) {
		size_t from = next() % 64, n = next() % (sizeof(bytes) - 64), cut = n ? next() % n : 0;
		uint32_t seed = i % 2 ? (uint32_t)next() : 0;
		uint32_t whole = hr_crc32c(seed, bytes + from, n);

		same += whole == hr_crc32c_table(seed, bytes + from, n);
		split += whole == hr_crc32c(hr_crc32c(seed, bytes + from, cut), bytes + from + cut, n - cut);
	}
	is_number(same, 2000, "the processor's is the table's, at any length and alignment");
	is_number(split, 2000, "in two parts it is the same");
	return tap_done();
}
