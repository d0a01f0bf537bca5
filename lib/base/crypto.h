/*
 * crypto.h - libcrypto's calls on a context that has been made.
 *
 * They can fail only when there is no memory left, or when this program uses
 * them wrongly; a value that was not masked must not go on.  So, as alloc.h
 * does: one line, and the program ends with status 75.
 */
#ifndef HR_CRYPTO_H
#define HR_CRYPTO_H

#include <unistd.h>

#include "base/err.h"
#include "base/hr.h"
#include "base/log.h"

/* libcrypto's way: 1 is good. */
static inline void
hr_crypto_must(int good)
{
	if (HR_LIKELY(good == 1))
		return;
	hr_log(HR_LOG_ERROR, "libcrypto failed; is there memory left?");
	_exit(HR_TEMPORARY);
}

#endif
