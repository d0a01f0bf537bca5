# hr-conformance(7) is what the tests of that folder are.

load ../lib

@test "hr-conformance(7) has just the titles of the tests" {
	"$ROOT/tests/conformance/page" >"$BATS_TEST_TMPDIR/page"
	diff "$ROOT/man/hr-conformance.7" "$BATS_TEST_TMPDIR/page" ||
	    fail "run tests/conformance/page >man/hr-conformance.7"
}
