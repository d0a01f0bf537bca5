/*
 * permit.h - which tenants a sender may carry, and a check that it does.
 *
 * A certificate says so by URIs in its subject alternative name,
 *
 *	hr:tenant:NAME	a tenant; bytes may be written %XX
 *	hr:tenant:*	every tenant, and all else that a stream can hold
 *	hr:shared	rows for all tenants, beside those of its own
 *
 * or a map says it for it, a file of lines: a common or DNS name, blanks, and
 * words as above without "hr:tenant:", "+shared" for the last.  '#' begins a
 * comment.  The map stands above the certificate.
 */
#ifndef HR_PERMIT_H
#define HR_PERMIT_H

#include "base/buf.h"
#include "base/err.h"
#include "base/hr.h"
#include "base/map.h"
#include "codec/pack.h"
#include "net/tls.h"
#include "stream/frame.h"

struct hr_permit {
	bool all;		/* nothing is looked at */
	bool shared;		/* frames for all tenants may have rows */
	struct hr_map tenant;
};

/* A stream that is looked at: what is inside of its blocks is, too. */
struct hr_permit_look {
	struct hr_pack unpack;
	struct hr_pipe pipe;
	uint32_t before;	/* checksum of the frame unpacked last */
	bool begun;
};

/* By a certificate's names, and a map file or NULL.  0, or -1 (HR_REFUSED, or HR_CONFIG for the file). */
int hr_permit_open(struct hr_permit *p, const struct hr_tls_names *n, const char *map, struct hr_err *e) HR_USED;
/* Just those of these tenants that it had; of none: those it had. */
void hr_permit_narrow(struct hr_permit *p, char *const *tenant, size_t tenants);
bool hr_permit_has(const struct hr_permit *p, const char *tenant, size_t len);
/* May p carry all that the other may? */
bool hr_permit_covers(const struct hr_permit *p, const struct hr_permit *other);
void hr_permit_copy(struct hr_permit *to, const struct hr_permit *p);
void hr_permit_clear(struct hr_permit *p);

/* A stream begins.  0, or -1 (HR_REFUSED). */
int hr_permit_head(const struct hr_permit *p, struct hr_permit_look *l, const struct hr_head *h, struct hr_err *e) HR_USED;
/* 0, or -1 (HR_REFUSED): the frame holds what the sender may not carry. */
int hr_permit_frame(const struct hr_permit *p, struct hr_permit_look *l, const struct hr_frame *f, struct hr_err *e) HR_USED;
void hr_permit_look_clear(struct hr_permit_look *l);

#endif
