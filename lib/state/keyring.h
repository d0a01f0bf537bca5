/*
 * keyring.h - where the keys come from that the segments of a store are sealed with.
 *
 * No key at all: nothing is encrypted, and the rest is the same.
 *
 * A key file, which its owner only may read.  A line is
 *
 *	ID TENANT KEY
 *
 * with blanks or tabs between, and blanks at its end cut; an empty line and one
 * that begins with # say nothing.
 *
 *	ID	1 to 64 of A-Z a-z 0-9 . _ -
 *	TENANT	a tenant's name, or * for all tenants without a line of their own
 *		and for the log that all share; in a name, %20 is a blank (any byte
 *		can be written so, and % must be)
 *	KEY	hex: and 64 digits, base64: and 32 bytes, or passphrase: and the
 *		rest of the line, of at least 12 characters
 *
 * Later lines are newer: what is sealed now is sealed with the last line of the
 * tenant, or else the last of *.  What was sealed before is opened with the line
 * that has its ID, the tenant's before that of *.  So one rotates by a line at
 * the end, and an old line stays as long as there are segments of it.  An ID
 * stands once for each tenant.  Give a tenant's own line an ID that no line of *
 * has: what was sealed with * would not be found.
 *
 * Of a key of *, each tenant has one of its own, made by HKDF with its name.  A
 * passphrase goes through PBKDF2-HMAC-SHA256, 600,000 times, when it is first
 * needed; the salt is of the ID.
 *
 * A key command, which is the command line of any key management service.  It is
 * run as
 *
 *	sh -c 'COMMAND "$@"' sh VERB
 *
 * so that COMMAND may have options of its own, and its last program gets the verb
 * as one more argument.  HR_TENANT and HR_KEY_ID are in its environment; HR_TENANT
 * is empty for the shared log.
 *
 *	wrap	reads a data key, 32 bytes made at random, and writes what only the
 *		service can open: 1 to 4096 bytes, which are stored with the segment
 *	unwrap	reads what wrap has written and writes the 32 bytes
 *
 * What is written is taken as it is, a newline included.  It must end with status
 * 0 and in time; with its time over, its process group is killed.  A data key is
 * made once for each tenant, until the next load, and those that were unwrapped
 * are remembered, HR_KEYRING_REMEMBERED of them.  The ID that is stored is the
 * option's, for the command to know; the command decides what it means.
 *
 * With a file and a command, what is sealed now is sealed by the command, and what
 * the file has sealed is still opened.
 *
 * One thread at a time.  What is secret is overwritten when it is no longer needed.
 */
#ifndef HR_KEYRING_H
#define HR_KEYRING_H

#include "base/err.h"
#include "base/hr.h"
#include "base/map.h"

#define HR_SEAL_KEY		32	/* bytes of a key */
#define HR_KEYRING_ID		64	/* of its ID */
#define HR_KEYRING_WRAPPED	4096	/* of a wrapped one */
#define HR_KEYRING_PASSPHRASE	12	/* characters at least */
#define HR_KEYRING_FILE		((size_t)16 << 20)	/* bytes of a key file */
#define HR_KEYRING_REMEMBERED	1024	/* keys that were unwrapped */
#define HR_KEYRING_WAIT_US	30000000	/* for a command */

struct hr_keyring_options {
	const char *file;	/* NULL: none */
	const char *command;	/* NULL: none */
	const char *id;		/* that the command's keys are stored with; NULL: "command" */
	int64_t wait_us;	/* 0: HR_KEYRING_WAIT_US */
	bool sealed_only;	/* with keys: what is not sealed is not read */
};

struct hr_seal_key {
	char id[HR_KEYRING_ID + 1];
	uint8_t key[HR_SEAL_KEY];
	uint8_t wrapped[HR_KEYRING_WRAPPED];
	size_t wrapped_len;	/* 0: it is of a file */
	bool none;		/* nothing is encrypted; the rest is empty */
};

struct hr_keyring {
	char *file, *command, *id;
	int64_t wait_us;
	bool sealed_only;
	struct hr_map line, last;	/* struct hr_keyring_line, by tenant and ID, and by tenant */
	struct hr_map made;		/* by tenant: of the command */
	struct hr_keyring_unwrapped *unwrapped;	/* a ring */
	size_t unwrappeds, unwrapped_next;
};

#define HR_KEYRING_INIT { 0 }

/* Options may be NULL: no key.  Texts are copied.  The file is read; no command is run yet.  -1: HR_CONFIG. */
int hr_keyring_open(struct hr_keyring *k, const struct hr_keyring_options *o, struct hr_err *e) HR_USED;
void hr_keyring_close(struct hr_keyring *k);
/*
 * Again, so that keys change without a restart: read the file, and forget what the
 * command has made.  After -1 (HR_CONFIG) the keyring is as it was.
 */
int hr_keyring_load(struct hr_keyring *k, struct hr_err *e) HR_USED;

/*
 * What is sealed now for a tenant, or "", is sealed with this.  -1 with *e:
 * HR_CONFIG	there is no line for it
 * HR_TEMPORARY	the command failed, or wrote what it should not
 */
int hr_keyring_current(struct hr_keyring *k, const char *tenant, struct hr_seal_key *out, struct hr_err *e) HR_USED;
/*
 * What was sealed with the key of this ID, and with this wrapped one when there are
 * bytes of it; "" is none.  -1 with *e: HR_CONFIG, the key is not known; HR_TEMPORARY
 * as above.
 */
int hr_keyring_find(struct hr_keyring *k, const char *tenant, const char *id, const void *wrapped, size_t wrapped_len,
    struct hr_seal_key *out, struct hr_err *e) HR_USED;

/* Would what was sealed with this key be sealed with it now?  Whether a command's other key is newer, only its ID says. */
bool hr_keyring_is_current(const struct hr_keyring *k, const char *tenant, const char *id, bool wrapped);

/* Is it what an ID may be? */
bool hr_keyring_is_id(const char *id);
/* Overwrite it. */
void hr_seal_key_clear(struct hr_seal_key *key);

#endif
