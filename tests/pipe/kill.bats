load ../lib
load pipe
load load

setup() {
	pair
	load_tables
}

teardown() {
	touch "$BATS_TEST_TMPDIR/stop_load" "$BATS_TEST_TMPDIR/stop_flow"
	unpair
}

@test "whatever is killed, the same command again ends equal" {
	APPLY=(-j 2)
	blows "${HR_KILLS:-12}"
}

@test "an hr-apply killed at any moment of a backlog goes on where it stopped" {
	local i after

	pgbench -n -c 2 -f load.sql@60 -f big.sql@1 --max-tries=5 -t 400 "$SRC" >/dev/null 2>&1
	for after in 0.03 0.06 0.1 0.15 0.2 0.3; do
		{ timeout -s KILL "$after" "${TO[@]}" || true; } \
		    < <("${FROM[@]}" "${TENANCY[@]}" --endpos now 2>/dev/null 3>&-) 2>/dev/null
	done
	sync
	same
	equal 0 "$(conflicts)"
}

@test "a first copy that is killed begins again and ends equal" {
	local after

	src "SELECT pg_drop_replication_slot('$SLOT')"
	dst "TRUNCATE items, bulk, moving, log, balance"
	load_start
	CAPTURE=(--create-slot --snapshot)
	for after in 0.05 0.1 0.2 0.3; do
		timeout -s KILL $after "${FROM[@]}" "${TENANCY[@]}" "${CAPTURE[@]}" 2>/dev/null |
		    timeout -s KILL $after "${TO[@]}" 2>/dev/null || true
	done
	flow_start
	wait_for 10 arrived
	blow
	sleep 1
	load_stop
	flow_stop
	sync
	same
	equal 0 "$(conflicts)"
}

arrived() {
	[ "$(dst "SELECT count(*) FROM log")" -gt 0 ]
}
