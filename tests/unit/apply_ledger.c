/* apply_ledger - what the target has for good, of several workers. */

#include "base/hr.h"

#include "apply/apply.h"
#include "base/alloc.h"
#include "tap.h"

int
main(void)
{
	static const bool both[] = { true, true }, first[] = { true, false }, second[] = { false, true };
	struct hr_apply a = { 0 };
	struct hr_ledger *l = &a.ledger;
	struct hr_copied now = { 0 };
	struct hr_part part = { .relation = 7 };
	uint32_t numbers[] = { 1 };

	hr_ledger_init(l, 2);
	is_number((int64_t)hr_ledger_position(l), 0, "nothing is in");

	hr_ledger_asked(l, both, 100);
	hr_ledger_committed(&a, 0, 100, true, 1, NULL, 0);
	is_number((int64_t)hr_ledger_position(l), 0, "one worker has it, the other has not");
	hr_ledger_committed(&a, 1, 100, true, 1, NULL, 0);
	is_number((int64_t)hr_ledger_position(l), 100, "both have it");

	hr_ledger_asked(l, first, 200);
	hr_ledger_asked(l, second, 300);
	hr_ledger_committed(&a, 1, 300, true, 2, NULL, 0);
	is_number((int64_t)hr_ledger_position(l), 100, "the newer one waits for the older one");
	hr_ledger_committed(&a, 0, 200, false, 2, NULL, 0);
	is_number((int64_t)hr_ledger_position(l), 100, "committed is not durable");
	hr_ledger_committed(&a, 0, 200, true, 3, NULL, 0);
	is_number((int64_t)hr_ledger_position(l), 300, "who has all that was asked of it does not hold the others");

	hr_ledger_asked(l, first, 400);
	is_number((int64_t)hr_ledger_position(l), 200, "asked again: no further than what it has");

	/* Parts of a first copy are in when their commit is durable. */
	hr_copied_plan_table(&now, 7, hr_strdup("t"), hr_strdup("t"));
	hr_copied_plan_part(&now, &part);
	part.from = 10;
	hr_copied_plan_part(&now, &part);
	hr_ledger_copied(&a, &now);
	hr_ledger_committed(&a, 0, 500, false, 4, numbers, 1);
	ok(!hr_ledger_has_part(&a, 1), "a part that was committed is not in for good");
	hr_ledger_committed(&a, 1, 500, true, 4, numbers, 1);
	ok(hr_ledger_has_part(&a, 1) && !hr_ledger_has_part(&a, 0), "one that is durable is, and no other");
	hr_ledger_committed(&a, 1, 500, false, 5, numbers, 1);
	ok(a.ledger.unsure[1]->parts == 1, "what waits for the disk knows its parts");
	now = (struct hr_copied){ 0 };
	hr_ledger_copied(&a, &now);
	ok(a.ledger.unsure[1]->parts == 0, "until their numbers mean others");
	hr_copied_clear(&a.copied);
	hr_ledger_clear(l);
	return tap_done();
}
