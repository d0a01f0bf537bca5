load ../lib
load pipe
load load

# A tenant is added to a stream, or copied again, while the others go on.

setup() {
	pair
	load_tables
	# The key does not say whose a row is, and rows move.
	both "CREATE TABLE roam (tenant_id text, id int PRIMARY KEY, n int)"
	both "ALTER TABLE roam REPLICA IDENTITY FULL"
	both "INSERT INTO roam SELECT 't' || i % 6, i, 0 FROM generate_series(1, 300) i"
	cat >>load.sql <<-'SQL'
	UPDATE roam SET tenant_id = 't' || :u, n = n + 1 WHERE id = :id % 300 + 1;
	SQL
	FROM+=(-v)
	TO+=(-v)
	touch statuses
}

teardown() {
	touch "$BATS_TEST_TMPDIR/stop_load" "$BATS_TEST_TMPDIR/stop_flow"
	unpair
}

ask() {
	hr-capture --copy-tenant "$1" --checkpoint "$F"
}

copied() {
	[ ! -e "$F.copy" ]
}

# What the target has of the tenants asked for.
same_of() {
	same "tenant_id IN ('t0', 't1', 't2', 't3')"
}

@test "a tenant copied again under load ends equal, and the others go on" {
	local before

	load_start
	flow_start
	wait_for 10 [ -s to.pid ]
	sleep 1
	dst "DELETE FROM items WHERE tenant_id = 't1' AND id % 2 = 0; DELETE FROM log WHERE tenant_id = 't1'"
	before=$(confirmed)
	ask t1
	wait_for 30 copied
	[ "$(src "SELECT '$(confirmed)'::pg_lsn > '$before'::pg_lsn")" = t ]
	sleep 0.5
	load_stop
	flow_stop
	sync
	same
	equal 0 "$(dst "SELECT count(*) FROM hr.parked")"
	equal "" "$(dst "SELECT tenant FROM hr.tenant")"
}

@test "a tenant is added under load, by request and then by the configuration" {
	dst "DELETE FROM items; DELETE FROM balance; DELETE FROM moving; DELETE FROM roam"
	src "SELECT pg_drop_replication_slot('$SLOT')"
	CAPTURE=(--create-slot --snapshot --tenant t0 --tenant t1 --tenant t2)
	APPLY=(-j 2)
	load_start
	flow_start
	wait_for 10 [ -s to.pid ]
	wait_for 20 grep -qs '^state streaming' "$F"
	ask t3
	wait_for 30 copied
	sleep 0.5
	load_stop
	flow_stop
	CAPTURE+=(--tenant t3)
	sync
	same_of
	# The fifth, asked for while nobody runs.
	ask t4
	CAPTURE+=(--tenant t4)
	src "INSERT INTO log VALUES ('t4', 1, 'twin'), ('t4', 1, 'twin')"
	sync
	copied
	same "tenant_id IN ('t0', 't1', 't2', 't3', 't4')"
	equal "" "$(dst "SELECT tenant, relation, conflict, key, resolution FROM hr.conflict
	    WHERE relation NOT IN ('public.roam', 'public.moving')")"
}

@test "whatever is killed while a tenant is copied, it ends equal" {
	local i

	APPLY=(-j 3)
	load_start
	flow_start
	wait_for 10 [ -s to.pid ]
	sleep 1
	for i in 1 2 3 4 5 6; do
		ask t1
		ask t2
		sleep 0.$((RANDOM % 9))
		blow
	done
	sleep 0.5
	load_stop
	flow_stop
	sync
	copied
	same
	equal "" "$(dst "SELECT tenant, relation, conflict, key, resolution FROM hr.conflict
	    WHERE relation NOT IN ('public.roam', 'public.moving')")"
	equal 2000 "$(dst "SELECT DISTINCT a + b FROM balance")"
}

@test "a tenant that was never copied is refused, with the command that copies it" {
	CAPTURE=(--tenant t0)
	sync
	CAPTURE=(--tenant t0 --tenant t5)
	job
	ended 75 77 || ended 0 77
	grep -q -- '--copy-tenant' to.err
}
