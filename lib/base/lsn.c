/* lsn.c - WAL positions as text. */

#include "base/hr.h"

#include <stdio.h>
#include <string.h>

#include "base/lsn.h"

char *
hr_lsn_format(char *out, hr_lsn lsn)
{
	snprintf(out, HR_LSN_TEXT, "%" PRIX32 "/%" PRIX32, (uint32_t)(lsn >> 32), (uint32_t)lsn);
	return out;
}

static int
half(const char **s, uint32_t *v)
{
	int n;

	for (n = 0, *v = 0; n < 9; n++, (*s)++) {
		char c = **s;
		uint32_t d;

		if (c >= '0' && c <= '9')
			d = (uint32_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			d = (uint32_t)(c - 'a' + 10);
		else if (c >= 'A' && c <= 'F')
			d = (uint32_t)(c - 'A' + 10);
		else
			break;
		*v = *v << 4 | d;
	}
	return n >= 1 && n <= 8 ? 0 : -1;
}

int
hr_lsn_parse(const char *text, hr_lsn *lsn)
{
	uint32_t hi, lo;

	if (half(&text, &hi) < 0 || *text++ != '/' || half(&text, &lo) < 0 || *text)
		return -1;
	*lsn = (uint64_t)hi << 32 | lo;
	return 0;
}
