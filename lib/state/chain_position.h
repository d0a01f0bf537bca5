/*
 * chain_position.h - how far a chain's shared log is durable: DIR/STREAM/CHAIN/position.
 *
 *	hr position 1
 *	segment N
 *	at N			bytes of it
 *	records N
 *	bundle N
 *	lsn LSN
 *	tag HEX			of the last record
 *	seal ID WRAPPED MAC	where there are keys
 *	end CRC
 *
 * It is for eyes, and to find that the end of a chain is missing.  It is replaced
 * each time, and synced only where a segment begins or ends: one that lags after a
 * crash says less, and never too much.
 *
 * The seal is HMAC-SHA256 of STREAM/CHAIN, a NUL and the lines before it, by a key
 * that HKDF makes of the shared log's; WRAPPED is its key command's, or -.  So
 * nobody without the key can make it say less than it once said.  An older one, with
 * a chain that is as short, is what the directory was; nothing in it can tell.
 */
#ifndef HR_CHAIN_POSITION_H
#define HR_CHAIN_POSITION_H

#include "base/err.h"
#include "base/hr.h"
#include "state/chain.h"
#include "state/keyring.h"

struct hr_chain_position {
	uint64_t segment, at, number, bundle;
	hr_lsn lsn;
	uint8_t tag[HR_SEGMENT_TAG];
};

/*
 * Keys: that which the shared log is sealed with now.  Durable: synced.  The owner and
 * the mode are those of the one that was there.  0, or -1 with *e set (HR_IO, or what
 * the keyring says).
 */
int hr_chain_position_save(const struct hr_chain *c, const struct hr_chain_position *p, struct hr_keyring *keys, bool durable,
    struct hr_err *e) HR_USED;
/*
 * 1, 0 when there is none.  -1 with *e set: HR_BAD_STREAM, it was changed, or keys are
 * for what is sealed only and it is not, or it is missing then; or what the keyring says.
 */
int hr_chain_position_load(const struct hr_chain *c, struct hr_chain_position *p, struct hr_keyring *keys,
    struct hr_err *e) HR_USED;
/* Seal the one that is there with the newest key, for good.  Nothing where there is none.  0, or -1. */
int hr_chain_position_reseal(const struct hr_chain *c, struct hr_keyring *keys, struct hr_err *e) HR_USED;

#endif
