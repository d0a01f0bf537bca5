/* apply_ledger - what the target has for good, of several workers. */

#include "base/hr.h"

#include "apply/apply.h"
#include "tap.h"

int
main(void)
{
	static const bool both[] = { true, true }, first[] = { true, false }, second[] = { false, true };
	struct hr_ledger l;

	hr_ledger_init(&l, 2);
	is_number((int64_t)hr_ledger_position(&l), 0, "nothing is in");

	hr_ledger_asked(&l, both, 100);
	hr_ledger_committed(&l, 0, 100, true, 1);
	is_number((int64_t)hr_ledger_position(&l), 0, "one worker has it, the other has not");
	hr_ledger_committed(&l, 1, 100, true, 1);
	is_number((int64_t)hr_ledger_position(&l), 100, "both have it");

	hr_ledger_asked(&l, first, 200);
	hr_ledger_asked(&l, second, 300);
	hr_ledger_committed(&l, 1, 300, true, 2);
	is_number((int64_t)hr_ledger_position(&l), 100, "the newer one waits for the older one");
	hr_ledger_committed(&l, 0, 200, false, 2);
	is_number((int64_t)hr_ledger_position(&l), 100, "committed is not durable");
	hr_ledger_committed(&l, 0, 200, true, 3);
	is_number((int64_t)hr_ledger_position(&l), 300, "who has all that was asked of it does not hold the others");

	hr_ledger_asked(&l, first, 400);
	is_number((int64_t)hr_ledger_position(&l), 200, "asked again: no further than what it has");
	hr_ledger_clear(&l);
	return tap_done();
}
