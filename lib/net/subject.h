/*
 * subject.h - names and addresses as NATS has them.
 *
 * This is all of NATS that needs no library: the tests of it need no server,
 * and a build without libnats has it too.
 */
#ifndef HR_SUBJECT_H
#define HR_SUBJECT_H

#include "base/buf.h"
#include "base/err.h"
#include "base/hr.h"

/*
 * Append n bytes as one token of a subject.  A-Z, a-z, 0-9, - and _ stand for
 * themselves, every other byte is %XX, and no byte at all is one %.
 */
void hr_nats_token(struct hr_buf *b, const void *name, size_t n);
/* The bytes of a token that hr_nats_token() made; false: it has made none such. */
bool hr_nats_token_decode(struct hr_buf *b, const char *token, size_t n) HR_USED;
/* The same for a key of a bucket, which may not have %: the sign is =. */
void hr_nats_key(struct hr_buf *b, const void *name, size_t n);

/* nats://[USER[:PASSWORD]@]HOST[:PORT]/STREAM, or tls:// with TLS from the start. */
struct hr_nats_address {
	bool tls;
	char *user, *password;	/* NULL: none there; %XX is decoded */
	char *host;		/* without brackets */
	char *server;		/* HOST:PORT, for libnats and for messages */
	char *stream;		/* NULL: none there */
};

/* Is it such a URL, by its beginning? */
bool hr_nats_is_address(const char *url);
/* 0, or -1 (HR_USAGE).  A password is never in the message. */
int hr_nats_address_parse(struct hr_nats_address *a, const char *url, struct hr_err *e) HR_USED;
void hr_nats_address_clear(struct hr_nats_address *a);
/* A-Z, a-z, 0-9, - and _, 1 to 64 of them: what can name a stream and its bucket. */
bool hr_nats_is_name(const char *s);

#endif
