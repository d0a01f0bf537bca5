load ../lib
load ../pipe/pipe
load ../pipe/load

setup() {
	pair
	load_tables
}

teardown() {
	touch "$BATS_TEST_TMPDIR/stop_load" "$BATS_TEST_TMPDIR/stop_flow"
	unpair
}

@test "hundreds of kills end equal, with one connection" {
	blows "${HR_KILLS:-300}"
}

@test "hundreds of kills end equal, with three connections and small batches" {
	APPLY=(-j 3 --batch-rows 50)
	blows "${HR_KILLS:-300}"
}

@test "hundreds of kills end equal, with asynchronous commits at the target" {
	APPLY=(-j 2 --synchronous-commit off)
	blows "${HR_KILLS:-200}"
}
