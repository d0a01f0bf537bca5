load ../lib
load ../pipe/pipe
load session

setup() {
	pair
}

teardown() {
	unpair
	pg_psql source postgres -c "ALTER SYSTEM RESET ALL" -c "SELECT FROM pg_reload_conf()"
}

@test "the stream names the version of its source" {
	items
	dump
	equal "$(src "SHOW server_version_num")" "$(jq 'select(.frame == "head").server_version' dump)"
	[[ $(src "SHOW server_version_num") == "$(pg_version source)"* ]]
	[[ $(dst "SHOW server_version_num") == "$(pg_version target)"* ]]
}

@test "the source is asked for the highest version of its protocol, and to filter origins (16)" {
	local want="proto_version '3'" asked
	items
	! at_least source 16 || want="proto_version '4'"
	"${FROM[@]}" "${TENANCY[@]}" --origin none 2>from.err 3>&- > >(exec "${TO[@]}" 2>to.err 3>&-) &
	echo $! >from.pid
	src "UPDATE items SET n = 7"
	wait_for 10 same
	asked=$(src "SELECT query FROM pg_stat_activity WHERE backend_type = 'walsender'")
	[[ $asked == START_REPLICATION*"$want"* ]]
	if at_least source 16; then
		[[ $asked == *"origin 'none'"* ]]
	else
		[[ $asked != *origin* ]]
	fi
	kill "$(cat from.pid)"
	wait "$(cat from.pid)"
	equal 0 "$(conflicts)"
}

@test "a slot that is kept for standbys (17) is followed like any other" {
	items
	src "SELECT pg_drop_replication_slot('$SLOT')" >/dev/null
	if at_least source 17; then
		src "SELECT FROM pg_create_logical_replication_slot('$SLOT', 'pgoutput', failover => true)"
	else
		run -3 --separate-stderr src "SELECT FROM pg_create_logical_replication_slot('$SLOT', 'pgoutput', failover => true)"
		[[ $stderr == *"does not exist"* ]]
		slot
	fi
	src "UPDATE items SET n = 7"
	sync
	src "UPDATE items SET n = 8 WHERE id = 1"
	sync
	same
	! at_least source 17 || equal t "$(src "SELECT failover FROM pg_replication_slots WHERE slot_name = '$SLOT'")"
	equal 0 "$(conflicts)"
}

@test "refused: a slot that nobody followed for longer than the source allows (18)" {
	items
	if ! at_least source 18; then
		run -3 --separate-stderr src "ALTER SYSTEM SET idle_replication_slot_timeout = '1s'"
		[[ $stderr == *"unrecognized configuration parameter"* ]]
		sleep 1
		src "CHECKPOINT; UPDATE items SET n = 7"
		sync
		same
		return
	fi
	src "ALTER SYSTEM SET idle_replication_slot_timeout = '1s'"
	src "SELECT FROM pg_reload_conf()"
	sleep 2
	src "CHECKPOINT; UPDATE items SET n = 7"
	job
	ended 78 65
	one_error hr-capture "'$SLOT' was invalidated: idle_timeout; .*idle_replication_slot_timeout" from.err
}

@test "a unique column that need not be NULL only from now on (18) is no key" {
	both "CREATE TABLE k (tenant_id text, k int UNIQUE, t text)"
	both "ALTER TABLE k REPLICA IDENTITY FULL"
	both "INSERT INTO k VALUES ('acme', NULL, 'a'), ('acme', NULL, 'b'), ('acme', 1, 'c')"
	! at_least target 18 || dst "ALTER TABLE k ADD CONSTRAINT n NOT NULL k NOT VALID"
	slot
	src "DELETE FROM k WHERE t = 'a'; UPDATE k SET k = 2 WHERE t = 'b'; UPDATE k SET t = 'd' WHERE k = 1"
	sync
	same
	equal 0 "$(conflicts)"
}
