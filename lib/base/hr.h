/*
 * hr.h - what every file of hr includes first.
 *
 * What you init you clear, what you open you close, what a reader lends dies
 * at its next read, and a pointer you were given is not yours unless the
 * comment says "gives".
 *
 * One convention for return values in the whole library: -1 is an error and
 * the struct hr_err is filled, 0 is done or ended, 1 is "there is more".
 */
#ifndef HR_H
#define HR_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#ifndef _FILE_OFFSET_BITS
#define _FILE_OFFSET_BITS 64
#endif

#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HR_PRINTF(f, a)	__attribute__((format(printf, f, a)))
#define HR_USED		__attribute__((warn_unused_result))
#define HR_NORETURN	__attribute__((noreturn))
#define HR_LIKELY(x)	__builtin_expect(!!(x), 1)
#define HR_UNLIKELY(x)	__builtin_expect(!!(x), 0)
#define HR_COUNT(a)	(sizeof(a) / sizeof((a)[0]))

/* A tenant's name in bytes; what is longer is refused where it is met. */
#define HR_TENANT_MAX	255

/* A position in the source's WAL.  A struct, so that a count is not one. */
typedef uint64_t hr_lsn;

#ifndef HR_VERSION
#define HR_VERSION "0"
#endif

#endif
