/*
 * tls.h - TLS 1.3 with certificates on both sides, and nothing less.
 *
 * TLS_AES_256_GCM_SHA384 and TLS_CHACHA20_POLY1305_SHA256; no tickets, no
 * early data, which could be replayed.  Files are read again when they have
 * changed, before the next connection: a renewed certificate needs no restart,
 * and one that cannot be read leaves the one before in use, with a warning.
 */
#ifndef HR_TLS_H
#define HR_TLS_H

#include <openssl/ssl.h>

#include "base/err.h"
#include "base/hr.h"

struct hr_tls_files {
	const char *cert;	/* PEM, with the chain behind */
	const char *key;	/* PEM, for its owner alone */
	const char *ca;		/* PEM: who may sign the peer's */
	const char *crl;	/* PEM: which of those are no longer good; or NULL */
};

struct hr_tls;

/* 0, or -1 with *e set (HR_CONFIG). */
int hr_tls_open(struct hr_tls **t, const struct hr_tls_files *files, bool server, struct hr_err *e) HR_USED;
void hr_tls_close(struct hr_tls *t);

/*
 * A session over a connected socket.  A client names whom it means: a name or
 * an address that the server's certificate must have.  Gives; NULL with *e set.
 */
SSL *hr_tls_session(struct hr_tls *t, int fd, const char *name, struct hr_err *e) HR_USED;

/* What libssl says of its last failure on this session, as an error (HR_REFUSED or HR_TEMPORARY). */
int hr_tls_fail(const SSL *s, int error, struct hr_err *e);

/* The names in the peer's certificate: its common name, DNS names and URIs, in one list.  Gives. */
struct hr_tls_names {
	char **name;		/* the common name, or "", first */
	size_t names;
	char **uri;
	size_t uris;
};
void hr_tls_names(const SSL *s, struct hr_tls_names *n);
void hr_tls_names_clear(struct hr_tls_names *n);

#endif
